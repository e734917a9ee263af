//! Foreign text on a terminal and on a page.

use command_line::escape;

/// What is printed moves no cursor and turns no text; JSON means what it meant.
pub(crate) fn terminal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let printed = escape::printable(&text);
    assert!(printed.chars().all(is_seen), "something invisible or obeyed is printed");
    assert_eq!(escape::printable(&printed), printed, "escaping twice is another thing than once");
    let json = serde_json::to_string(&*text).expect("a text");
    let safe = escape::json_safe(&json);
    assert!(safe.chars().all(is_seen));
    assert_eq!(serde_json::from_str::<String>(&safe).expect("JSON"), *text, "the text means something else");
}

/// The worst of them, by themselves: controls, and what turns the reading direction (UAX 9).
fn is_seen(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What is put into a page is text there, and the same text.
pub(crate) fn page(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let escaped = escape::html(&text);
    assert!(!escaped.contains(['<', '>', '"', '\'']), "it could become markup");
    let mut read = String::new();
    let mut rest = escaped.as_str();
    while let Some((before, after)) = rest.split_once('&') {
        read.push_str(before);
        let (entity, after) = after.split_once(';').expect("an ampersand that begins no entity");
        read.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("the entity {other}"),
        });
        rest = after;
    }
    read.push_str(rest);
    let meant: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    assert_eq!(read, meant);
}
