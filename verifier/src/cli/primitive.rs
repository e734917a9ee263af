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
