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
#[cfg(feature = "pkcs11")]
use issuer::pkcs11::Pkcs11Key;
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
    /// It stays in a token.
    #[cfg(feature = "pkcs11")]
    Token(Box<Pkcs11Key>),
}

impl Signer<Signature> for AnySigner {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        match self {
            AnySigner::File(key) => key.try_sign(message),
            #[cfg(feature = "pkcs11")]
            AnySigner::Token(key) => {
                key.sign(message).map(|signature| Signature::from_bytes(&signature)).map_err(|error| {
                    // The refusal that ends the command knows only that there was no signature. Said once, not for every permit of a chunk.
                    static SAID: std::sync::Once = std::sync::Once::new();
                    SAID.call_once(|| eprintln!("note: {error} [{}]", error.code()));
                    signature::Error::new()
                })
            }
        }
    }
}

/// Loads an Ed25519 key from a file, or finds it in a token when it is named by a `pkcs11:` URI.
pub(crate) fn load_key(reference: &Path, passphrase: &PassphraseArgs) -> Result<IssuingKey<AnySigner>, Refusal> {
    match token_reference(reference) {
        None => from_file(reference, passphrase),
        Some(uri) => token::load(uri, passphrase),
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
fn token_reference(reference: &Path) -> Option<&str> {
    reference.to_str().filter(|text| text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkcs11:")))
}

fn not_ed25519(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_NOT_ED25519",
        format!("{} is a P-256 key, and issuers sign with Ed25519", path.display()),
        "make a key with `issuer keygen`",
    )
}

#[cfg(feature = "pkcs11")]
pub(crate) mod token {
    use std::path::Path;

    use command_line::refusal::{Exit, Refusal};
    use credential_format::key::PublicKey;
    use issuer::IssuingKey;
    use issuer::pkcs11::{KeyUri, Pkcs11Error, Pkcs11Key};

    use super::{AnySigner, PassphraseArgs};
    use crate::cli::from_sentence;

    pub(super) fn load(uri: &str, passphrase: &PassphraseArgs) -> Result<IssuingKey<AnySigner>, Refusal> {
        let key = find(uri, passphrase)?;
        let public = *key.public();
        IssuingKey::new(AnySigner::Token(Box::new(key)), public)
            .map_err(|error| from_sentence(error.code(), Exit::Usage, &error.to_string()))
    }

    /// The public half of a new key pair that is made in the token.
    pub(crate) fn generate(uri: &str, passphrase: &PassphraseArgs) -> Result<PublicKey, Refusal> {
        let uri = parse(uri)?;
        let pin = passphrase.existing(Path::new(NAME))?;
        Pkcs11Key::generate(&uri, &pin).map(|key| *key.public()).map_err(|error| refused(&error))
    }

    /// The public half of a key pair that is in the token already.
    pub(crate) fn public(uri: &str, passphrase: &PassphraseArgs) -> Result<PublicKey, Refusal> {
        find(uri, passphrase).map(|key| *key.public())
    }

    fn find(uri: &str, passphrase: &PassphraseArgs) -> Result<Pkcs11Key, Refusal> {
        let uri = parse(uri)?;
        let pin = passphrase.existing(Path::new(NAME))?;
        Pkcs11Key::open(&uri, &pin).map_err(|error| refused(&error))
    }

    /// How the terminal asks for the PIN. Not by the URI: it may be long, and it is on the screen already.
    const NAME: &str = "the token (PIN)";

    fn parse(uri: &str) -> Result<KeyUri, Refusal> {
        KeyUri::parse(uri).map_err(|error| from_sentence(error.code(), Exit::Usage, &error.to_string()))
    }

    fn refused(error: &Pkcs11Error) -> Refusal {
        let exit = match error {
            Pkcs11Error::WrongSignature | Pkcs11Error::Lost | Pkcs11Error::Token(_) => Exit::Internal,
            _ => Exit::Usage,
        };
        from_sentence(error.code(), exit, &error.to_string())
    }
}

#[cfg(not(feature = "pkcs11"))]
pub(crate) mod token {
    use command_line::refusal::Refusal;
    use credential_format::key::PublicKey;
    use issuer::IssuingKey;

    use super::{AnySigner, PassphraseArgs};

    pub(super) fn load(_: &str, _: &PassphraseArgs) -> Result<IssuingKey<AnySigner>, Refusal> {
        Err(not_built())
    }

    pub(crate) fn generate(_: &str, _: &PassphraseArgs) -> Result<PublicKey, Refusal> {
        Err(not_built())
    }

    pub(crate) fn public(_: &str, _: &PassphraseArgs) -> Result<PublicKey, Refusal> {
        Err(not_built())
    }

    fn not_built() -> Refusal {
        Refusal::usage(
            "PKCS11_NOT_BUILT",
            "this program was built without PKCS#11, so that it reaches no token",
            "build it with: cargo build --release -p issuer --features pkcs11",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "pkcs11:token=ISSUER;object=permit?module-path=/usr/lib/softhsm/libsofthsm2.so";

    fn no_passphrase() -> PassphraseArgs {
        PassphraseArgs { passphrase_file: None, passphrase_fd: None, read: OnceLock::new() }
    }

    #[test]
    fn a_reference_is_a_token_or_a_file() {
        assert_eq!(token_reference(Path::new(URI)), Some(URI));
        assert!(token_reference(Path::new("PKCS11:token=a")).is_some());
        for file in ["./pkcs11:a", "keys/permit.pem", "pkcs11", "居住证.pem"] {
            assert_eq!(token_reference(Path::new(file)), None, "{file}");
        }
        let beside = |key: &str| KeyArgs { key: key.into(), passphrase: no_passphrase() }.ledger_beside();
        assert_eq!(beside("keys/permit.pem"), Ok("keys/ledger.sqlite3".into()));
        assert_eq!(beside(URI).unwrap_err().code(), "LEDGER_NOT_NAMED");
    }

    #[cfg(not(feature = "pkcs11"))]
    #[test]
    fn without_the_feature_a_token_is_refused_before_a_pin_is_asked_for() {
        let refused = load_key(Path::new(URI), &no_passphrase()).unwrap_err();
        assert_eq!(refused.code(), "PKCS11_NOT_BUILT");
        assert!(refused.remedy().contains("--features pkcs11"), "{refused}");
        assert_eq!(token::generate(URI, &no_passphrase()).unwrap_err().code(), "PKCS11_NOT_BUILT");
        assert_eq!(token::public(URI, &no_passphrase()).unwrap_err().code(), "PKCS11_NOT_BUILT");
    }
}
