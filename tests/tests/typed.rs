//! Codes that a scanner gun types: into a terminal, however long the line, and with characters lost on the way.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use credential_format::text::{self, Kind, TextError};
use serde_json::{Value, json};
use tests::commands::{World, binaries, phone_of};

// ---- A terminal

/// Starts a command with a terminal as its standard input and types: what it is to type, and what happened, as JSON.
///
/// `keys` is a list of steps: a text to type, `{"signal": N}` to send, `{"wait": seconds}`, `{"cooked": true}` to set the terminal as a
/// shell does, `{"close": true}` to take the terminal away.
const TYPIST: &str = r#"
import fcntl, json, os, pty, subprocess, sys, termios, time
asked = json.load(sys.stdin)
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
child = subprocess.Popen(asked["command"], cwd=asked["cwd"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
err = child.stderr.readline()
during = termios.tcgetattr(slave)
for step in asked["keys"]:
    if isinstance(step, str):
        keys = step.encode()
        while keys:
            keys = keys[os.write(master, keys[:512]):]
    elif "signal" in step:
        os.kill(child.pid, step["signal"])
    elif "wait" in step:
        time.sleep(step["wait"])
    elif "cooked" in step:
        termios.tcsetattr(slave, termios.TCSANOW, before)
    elif "close" in step:
        os.close(slave)
        os.close(master)
out, more = child.communicate(timeout=60)
closed = any(isinstance(step, dict) and "close" in step for step in asked["keys"])
after = None if closed else termios.tcgetattr(slave)
echo = "" if closed else (os.set_blocking(master, False), os.read(master, 100000).decode() if __import__("select").select([master], [], [], 0)[0] else "")[1]
json.dump({"exit": child.returncode, "out": out.decode(), "err": (err + more).decode(), "echo": echo,
           "canonical_during": bool(during[3] & termios.ICANON), "given_back": closed or after == before}, sys.stdout)
"#;

fn typed(world: &World, seconds: i64, more: &[&str], keys: Value) -> Value {
    let at = world.at(seconds);
    let verifier = binaries().join("verifier").canonicalize().expect("the command");
    let command: Vec<String> = [verifier.to_str().expect("a path"), "verify", "--state", "counter", "-"]
        .into_iter()
        .chain(more.iter().copied())
        .map(String::from)
        .chain(at)
        .collect();
    let asked = json!({"command": command, "cwd": world.folder(), "keys": keys}).to_string();
    let mut python = Command::new("python3")
        .args(["-c", TYPIST])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3, which tests/run installs");
    python.stdin.take().expect("a pipe").write_all(asked.as_bytes()).expect("written");
    let output = python.wait_with_output().expect("python3 ends");
    serde_json::from_slice(&output.stdout).expect("what happened, as JSON")
}

/// A terminal in its usual mode cuts a line at 4,096 characters, in silence.
#[test]
fn a_line_of_six_thousand_characters_is_read_whole() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    // The code stands behind the place where it would be cut.
    let line = format!("{code:>6000}\r");
    let ran = typed(&world, 4, &["--json"], json!([line]));
    let verdict: Value = serde_json::from_str(ran["out"].as_str().unwrap()).expect("a verdict");
    assert_eq!((&ran["exit"], &verdict["reason"]), (&json!(0), &json!("VALID")), "{ran}");
    assert_eq!((&ran["canonical_during"], &ran["given_back"]), (&json!(false), &json!(true)));
    assert!(ran["err"].as_str().unwrap().contains("6000 个字符 / characters"), "{ran}");
    assert_eq!(ran["echo"], "", "the digits of a permit do not stand on the screen");
    // Digits to the end, more than any code has: all of them were counted.
    let ran = typed(&world, 5, &[], json!([format!("8611{}\n", "0".repeat(5_996))]));
    assert_eq!((&ran["exit"], &ran["given_back"]), (&json!(1), &json!(true)), "{ran}");
    assert!(ran["err"].as_str().unwrap().contains("6000 个字符"), "{ran}");
    // And there is an end to it.
    let ran = typed(&world, 5, &[], json!(["0".repeat(65_537)]));
    assert_eq!((&ran["exit"], &ran["given_back"]), (&json!(2), &json!(true)), "{ran}");
    assert!(ran["err"].as_str().unwrap().contains("[STDIN_TOO_LARGE]"), "{ran}");
}

#[test]
fn keys_that_a_gun_and_a_hand_press() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let wide: String =
        code.chars().map(|c| char::from_u32(0xff10 + c.to_digit(10).expect("a digit")).unwrap()).collect();
    let reason = |keys: Value, exit: i64, reason: &str| {
        let ran = typed(&world, 4, &["--json"], keys);
        let verdict: Value = serde_json::from_str(ran["out"].as_str().unwrap()).unwrap_or_else(|_| panic!("{ran}"));
        assert_eq!(
            (&ran["exit"], &verdict["reason"], &ran["given_back"]),
            (&json!(exit), &json!(reason), &json!(true)),
            "{ran}"
        );
    };
    // Line ends in front and behind; an input method; a slow gun; a slip taken back.
    reason(json!(["\r\n", wide, "\r\n"]), 0, "VALID");
    reason(json!([code[..400], {"wait": 0.5}, code[400..], "\n"]), 1, "REPLAYED");
    reason(json!(["oops\u{15}9\u{7f}", code, "\t\r"]), 1, "REPLAYED");
    reason(json!([code, "\u{4}"]), 1, "REPLAYED");
    reason(json!(["\u{4}"]), 1, "NOT_A_PERMIT_CODE");
}

#[test]
fn the_terminal_is_given_back_on_every_way_out() {
    let world = World::new();
    let (hangup, interrupt, quit, terminate) = (1, 2, 3, 15);
    for (keys, signal) in [
        (json!(["86", "\u{3}"]), interrupt),
        (json!(["\u{3}"]), interrupt),
        (json!(["\u{1c}"]), quit),
        (json!(["86", {"signal": terminate}]), terminate),
        (json!([{"signal": hangup}]), hangup),
        (json!([{"signal": interrupt}]), interrupt),
    ] {
        let ran = typed(&world, 4, &[], keys.clone());
        assert_eq!((&ran["exit"], &ran["given_back"]), (&json!(-signal), &json!(true)), "{keys}: {ran}");
        assert_eq!(ran["out"], "", "nothing is said of a code that was not typed to its end");
    }
    // The window is closed.
    let ran = typed(&world, 4, &[], json!(["86", {"close": true}]));
    assert_eq!(ran["exit"], -hangup, "{ran}");
}

/// Ctrl-Z and `fg`: the shell sets the terminal to what it likes in between.
#[test]
fn a_stop_and_a_long_line_after_it() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let (stop, go_on) = (json!({"signal": 19}), json!({"signal": 18}));
    let line = format!("{code:>6000}\r");
    let keys = json!([stop, {"wait": 0.3}, {"cooked": true}, go_on, {"wait": 1.0}, line]);
    let ran = typed(&world, 4, &["--json"], keys);
    assert!(ran["out"].as_str().unwrap().contains("\"reason\":\"VALID\""), "{ran}");
    assert_eq!((&ran["exit"], &ran["given_back"]), (&json!(0), &json!(true)), "{ran}");
}

// ---- A gun that loses and doubles characters

fn dropped(code: &str, at: usize) -> String {
    format!("{}{}", &code[..at], &code[at + 1..])
}

fn doubled(code: &str, at: usize) -> String {
    format!("{}{}", &code[..=at], &code[at..])
}

/// All sample permits: every character of every code, lost or doubled.
#[test]
fn every_single_loss_and_doubling_is_told_as_such() {
    let world = World::new();
    let (mut damaged, mut told) = (0, 0);
    for no in 1..=20 {
        let code = world.code(phone_of(no), no, 0, &[]);
        assert_eq!(text::scanner_fault(&code), None);
        assert_eq!(text::decode(&code).map(|(kind, _)| kind), Ok(Kind::Presentation));
        for at in 0..code.len() {
            for damage in [dropped(&code, at), doubled(&code, at)] {
                damaged += 1;
                assert!(text::decode(&damage).is_err(), "permit {no}, character {at}");
                told += usize::from(text::scanner_fault(&damage) == Some(TextError::Length(damage.len())));
            }
        }
    }
    println!("{told} of {damaged} told exactly");
    assert!(damaged > 30_000);
    assert_eq!(told, damaged);
}

/// One lost and one doubled make a length that a code can have; the groups between them are shifted.
#[test]
fn a_loss_and_a_doubling_together_are_refused() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let (mut damaged, mut told) = (0, 0);
    for first in (4..code.len()).step_by(7) {
        for second in (4..code.len() - 1).step_by(11).filter(|second| first.abs_diff(*second) > 17) {
            let damage = doubled(&dropped(&code, first), second);
            if damage == code {
                continue;
            }
            damaged += 1;
            assert_ne!(text::decode(&damage), text::decode(&code));
            told += usize::from(matches!(text::scanner_fault(&damage), Some(TextError::Group(_))));
        }
    }
    println!("{told} of {damaged} told exactly; the rest is other bytes, under which no signature holds");
    assert!(damaged > 5_000 && told * 100 >= damaged * 85, "{told} of {damaged}");
}

/// What the clerk is told: the scanner, not the holder, is to blame.
#[test]
fn the_clerk_is_told_to_scan_again() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let at = world.time(4).to_string();
    let damages: Vec<String> = (0..code.len()).flat_map(|at| [dropped(&code, at), doubled(&code, at)]).collect();
    let lines: String = damages.iter().map(|text| format!("{}\n", json!({"text": text, "at": at}))).collect();
    let ran =
        world.run_with("verifier", &["batch", "--state", "counter", "--allow-fixed-time"], lines.as_bytes()).exits(0);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for line in ran.out.lines() {
        let verdict: Value = serde_json::from_str(line).expect("a verdict");
        assert_eq!(verdict["advice"], "DIGITS_LENGTH", "{line}");
        assert_eq!(verdict["advice_words"]["zh"], "扫描枪漏了或多了字符，请重扫");
        assert_ne!(verdict["outcome"], "accept");
        *reasons.entry(verdict["reason"].as_str().expect("a reason").into()).or_default() += 1;
    }
    println!("{reasons:?}");
    assert_eq!(reasons.values().sum::<usize>(), damages.len());
    let [whole, changed] = [code.clone(), format!("8611{}{}", "9".repeat(17), &code[21..])];
    let page = |text: &str, exit: i32| {
        world.run_at(4, "verifier", &["verify", "--state", "counter", "--text", text]).exits(exit).out
    };
    assert!(page(&changed, 1).contains("[DIGITS_RANGE]"));
    let told = page(&dropped(&code, 0), 1);
    assert!(told.contains("提示 / advice: 扫描枪漏了或多了字符，请重扫 / the scanner dropped or doubled a character: scan again [DIGITS_LENGTH]"), "{told}");
    // A web address, a payment code, a telephone number, and another kind of ours: no scanner is blamed.
    let challenge = world.run("verifier", &["challenge", "--state", "counter"]).exits(0).out;
    for other in ["https://example.cn/86", "134567890123456789", "8613800000000", challenge.trim()] {
        let told = page(other, 1);
        assert!(!told.contains("advice"), "{told}");
    }
    assert!(!page(&whole, 0).contains("advice"));
}
