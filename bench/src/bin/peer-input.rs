//! Writes what the contenders of `bench/peers` read, to the standard output or to the file that is named.

#![forbid(unsafe_code)]

use bench::peer_input::Input;

fn main() -> std::io::Result<()> {
    let text = serde_json::to_string_pretty(&Input::new())? + "\n";
    match std::env::args_os().nth(1) {
        Some(path) => std::fs::write(path, text),
        None => std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()),
    }
}
