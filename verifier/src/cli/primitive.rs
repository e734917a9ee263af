//! `primitive`: the functions under a verdict, one at a time.

use clap::{Args, Subcommand};
use command_line::files::write_stdout;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey};
use credential_format::text;

#[derive(Args)]
pub(super) struct Primitive {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check an Ed25519 signature as verify does: strictly, without small-order keys. Prints valid (exit 0) or invalid (exit 1)
    Ed25519(Ed25519),
    /// The digits of a code's body, without the four digits that begin a code
    #[command(subcommand)]
    Digits(Digits),
}

#[derive(Args)]
struct Ed25519 {
    /// The public key, 32 bytes in hex
    #[arg(long, value_name = "HEX")]
    pk: String,
    /// The message in hex; may be empty
    #[arg(long, value_name = "HEX")]
    msg: String,
    /// The signature, 64 bytes in hex
    #[arg(long, value_name = "HEX")]
    sig: String,
}

#[derive(Subcommand)]
enum Digits {
    /// Digits to bytes: 00256 gives 0100
    Decode {
        /// The digits
        digits: String,
    },
    /// Bytes to digits: 0100 gives 00256
    Encode {
        /// The bytes in hex
        hex: String,
    },
}

impl Primitive {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        match self.command {
            Command::Ed25519(check) => check.run(),
            Command::Digits(Digits::Decode { digits }) => match text::decode_body(digits.as_bytes()) {
                Ok(bytes) => print(&hex::encode(bytes)),
                Err(error) => {
                    Err(Refusal::rejected("DIGITS_MALFORMED", error.to_string(), "give the digits of a whole body"))
                }
            },
            Command::Digits(Digits::Encode { hex }) => {
                let mut digits = String::new();
                text::encode_body(&bytes("HEX", &hex)?, &mut digits);
                print(&digits)
            }
        }
    }
}

impl Ed25519 {
    fn run(self) -> Result<Exit, Refusal> {
        let (key, message, signature) =
            (bytes("--pk", &self.pk)?, bytes("--msg", &self.msg)?, bytes("--sig", &self.sig)?);
        match check(&key, &message, &signature) {
            Ok(()) => print("valid"),
            Err(why) => {
                print("invalid")?;
                eprintln!("note: {why}");
                Ok(Exit::Rejected)
            }
        }
    }
}

fn check(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), String> {
    let key = <[u8; 32]>::try_from(key).map_err(|_| format!("the key has {} bytes, not 32", key.len()))?;
    let signature =
        <[u8; 64]>::try_from(signature).map_err(|_| format!("the signature has {} bytes, not 64", signature.len()))?;
    let key = PublicKey::try_from(&CoseKey::Ed25519(key)).map_err(|error| error.to_string())?;
    key.verify(message, &signature).map_err(|error| error.to_string())
}

/// Bytes of an argument in hex.
pub(super) fn bytes(argument: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    hex::decode(text).map_err(|error| {
        Refusal::usage("HEX", format!("{argument} is not hex: {error}"), "write two hex digits a byte, without spaces")
    })
}

fn print(line: &str) -> Result<Exit, Refusal> {
    write_stdout(format!("{line}\n").as_bytes())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1, test 1.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const SIGNATURE: &str = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";

    fn checked(key: &str, message: &[u8], signature: &str) -> Result<(), String> {
        check(&hex::decode(key).unwrap(), message, &hex::decode(signature).unwrap())
    }

    #[test]
    fn signatures_of_the_standard_hold_and_others_do_not() {
        assert_eq!(checked(KEY, b"", SIGNATURE), Ok(()));
        assert!(checked(KEY, b"x", SIGNATURE).is_err());
        for bit in 0..512 {
            let mut signature = hex::decode(SIGNATURE).unwrap();
            signature[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&hex::decode(KEY).unwrap(), b"", &signature).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn small_keys_and_wrong_lengths_are_invalid() {
        // The neutral point: with it, R = neutral and S = 0 satisfy the equation for every message.
        let neutral = "0100000000000000000000000000000000000000000000000000000000000000";
        let signature = format!("{neutral}{}", "0".repeat(64));
        assert!(checked(neutral, b"", &signature).unwrap_err().contains("small order"));
        assert_eq!(checked(&KEY[2..], b"", SIGNATURE), Err("the key has 31 bytes, not 32".to_owned()));
        assert_eq!(checked(KEY, b"", &SIGNATURE[2..]), Err("the signature has 63 bytes, not 64".to_owned()));
    }

    #[test]
    fn hex_is_hex_and_nothing_around_it() {
        assert_eq!(bytes("--msg", ""), Ok(Vec::new()));
        assert_eq!(bytes("--msg", "00fF"), Ok(vec![0, 255]));
        for text in ["0", "0x00", " 00", "00 00", "zz"] {
            assert_eq!(bytes("--msg", text).unwrap_err().code(), "HEX", "{text}");
        }
    }
}
