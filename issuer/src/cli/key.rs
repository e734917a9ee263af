//! The key that a command signs with: a file, or a key that stays in a token.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;
use command_line::key_file::{self, PublicKeyBytes, SecretKey};
use command_line::passphrase::{DESCRIPTOR_MAX, Passphrase};
use command_line::refusal::Refusal;
use credential_format::key::{CoseKey, PublicKey};
use ed25519_dalek::{Signature, SigningKey};
use issuer::IssuingKey;
use signature::Signer;
use zeroize::Zeroizing;

use super::public_path;

/// The key to sign with.
#[derive(Args)]
pub(crate) struct KeyArgs {
    /// The issuer's private key: a PEM file that only its owner can read, made by `issuer keygen`; or a key in a token, whose passphrase
    /// is the PIN: pkcs11:token=ISSUER;object=permit-2026?module-path=/usr/lib/softhsm/libsofthsm2.so (RFC 7512)
    #[arg(long, value_name = "KEY.pem|pkcs11:...")]
    key: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl KeyArgs {
    pub(crate) fn load(&self) -> Result<IssuingKey<AnySigner>, Refusal> {
        load_key(&self.key, &self.passphrase)
    }

    /// Where the ledger lies if nothing else is said: beside the key, if that is a file.
    pub(crate) fn ledger_beside(&self) -> Result<PathBuf, Refusal> {
        match token_reference(&self.key) {
            None => Ok(self.key.with_file_name("ledger.sqlite3")),
            Some(_) => Err(Refusal::usage(
                "LEDGER_NOT_NAMED",
                "a key in a token has no folder in which the ledger could lie beside it",
                "give --ledger the path of the ledger of this issuer",
            )),
        }
    }

    /// Whether the passphrase is to be read from standard input, which the requests may need.
    pub(crate) fn passphrase_is_standard_input(&self) -> bool {
        self.passphrase.passphrase_fd == Some(0)
    }
}

/// Where the passphrase of a key file, or the PIN of a token, comes from. Never from the command line or the environment, which other
/// processes can read.
#[derive(Args)]
pub(crate) struct PassphraseArgs {
    /// A file whose only line is the passphrase of the key, or the PIN of the token; without it the terminal is asked
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// The same from a descriptor that is open for reading: 3 with 3<FILE in a shell. For several keys it is read once
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file", value_parser = clap::value_parser!(u32).range(..=i64::from(DESCRIPTOR_MAX)))]
    passphrase_fd: Option<u32>,

    /// What the descriptor gave: a pipe gives it once.
    #[arg(skip)]
    read: OnceLock<Zeroizing<String>>,
}

impl PassphraseArgs {
    /// Whether the command line names a source.
    pub(crate) fn is_given(&self) -> bool {
        self.passphrase_file.is_some() || self.passphrase_fd.is_some()
    }

    /// For a key that exists; `of` is its name, for the question in the terminal.
    pub(crate) fn existing(&self, of: &Path) -> Result<Zeroizing<String>, Refusal> {
        if let Some(read) = self.read.get() {
            return Ok(read.clone());
        }
        let passphrase = self.source()?.existing(of)?;
        if self.passphrase_fd.is_some() {
            let _ = self.read.set(passphrase.clone());
        }
        Ok(passphrase)
    }

    /// For a key that is about to be made: the terminal asks twice.
    pub(crate) fn new_for(&self, of: &Path) -> Result<Zeroizing<String>, Refusal> {
        self.source()?.new_for(of)
    }

    fn source(&self) -> Result<Passphrase, Refusal> {
        Passphrase::from_arguments(self.passphrase_file.as_deref(), self.passphrase_fd)
    }
}

/// Whatever holds the private half.
pub(crate) enum AnySigner {
    /// It was read from a file.
    File(Box<SigningKey>),
}

impl Signer<Signature> for AnySigner {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        match self {
            AnySigner::File(key) => key.try_sign(message),
        }
    }
}

/// Loads an Ed25519 key from a file, or finds it in a token when it is named by a `pkcs11:` URI.
pub(crate) fn load_key(reference: &Path, passphrase: &PassphraseArgs) -> Result<IssuingKey<AnySigner>, Refusal> {
    match token_reference(reference) {
        None => from_file(reference, passphrase),
        Some(_) => Err(Refusal::usage(
            "PKCS11_NOT_BUILT",
            "this program was built without PKCS#11",
            "build it with `cargo build -p issuer --features pkcs11`",
        )),
    }
}

/// If the public half lies beside the file (KEY.pub.pem), the two must belong together: an encrypted file that was changed can decrypt to
/// another key.
fn from_file(path: &Path, passphrase: &PassphraseArgs) -> Result<IssuingKey<AnySigner>, Refusal> {
    let SecretKey::Ed25519(secret) = key_file::load(path, &|| passphrase.existing(path))? else {
        return Err(not_ed25519(path));
    };
    let beside = public_path(path);
    if beside.exists() && key_file::load_public(&beside)? != PublicKeyBytes::Ed25519(secret.verifying_key().to_bytes())
    {
        return Err(Refusal::usage(
            "KEY_PUBLIC_DIFFERS",
            format!("{} is not the public half of {}", beside.display(), path.display()),
            "find out which of the two files was changed before anything is signed",
        ));
    }
    let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key()));
    let public = public.map_err(|error| Refusal::usage(error.code(), error.to_string(), "make a new key"))?;
    IssuingKey::new(AnySigner::File(Box::new(secret)), public).map_err(|_| not_ed25519(path))
}

/// The text of a reference into a token: what begins with `pkcs11:`. A file of such a name is written `./pkcs11:...`.
pub(crate) fn token_reference(reference: &Path) -> Option<&str> {
    reference.to_str().filter(|text| text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:")))
}

fn not_ed25519(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_NOT_ED25519",
        format!("{} is a P-256 key, and issuers sign with Ed25519", path.display()),
        "make a key with `issuer keygen`",
    )
}
