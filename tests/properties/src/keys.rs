//! Key files, which an operator may have from anywhere.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use command_line::key_file::{self, SecretKey};
use command_line::refusal::Refusal;

/// Whatever a file holds, it is a key or a refusal that says nothing of what is in it.
pub(crate) fn key_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    parse(text);
}

/// Any bytes in the place of PKCS#8.
pub(crate) fn pkcs8(bytes: &[u8]) {
    for label in ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        parse(&pem(label, bytes));
    }
}

/// RFC 7468: base64 in lines of 64.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn parse(text: &str) {
    match key(text) {
        Ok(key) => {
            assert_eq!(format!("{key:?}"), format!("SecretKey({:?})", key.kind()), "Debug shows a key");
            assert_eq!(key.public().kind(), key.kind());
        }
        Err(refusal) => {
            assert!(!refusal.code().is_empty() && !refusal.remedy().is_empty());
            for line in text.lines().filter(|line| line.len() >= 32 && !line.starts_with("-----")) {
                // The refusal may have these words of itself: a file that holds them is a file all the same.
                let says = |refusal: &Refusal| refusal.what().contains(line);
                let without = || key(&text.replace(line, &"x".repeat(line.len())));
                let quotes = says(&refusal) && !without().is_err_and(|of_itself| says(&of_itself));
                assert!(!quotes, "a refusal quotes what is in the file");
            }
        }
    }
}

fn key(text: &str) -> Result<SecretKey, Refusal> {
    // To try a passphrase takes a tenth of a second: who has none is asked for one, and goes.
    let ask = || Err(Refusal::usage("NO_PASSPHRASE", "no passphrase", "give one"));
    key_file::parse(Path::new("key.pem"), text, &ask)
}
