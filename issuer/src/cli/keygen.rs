//! `issuer keygen`

use std::path::{Path, PathBuf};

use clap::Args;
use command_line::files;
use command_line::key_file::{self, KeyKind, PublicKeyBytes, SecretKey};
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::{CoseKey, PublicKey};
use issuer::trust::key_hex;
use serde_json::json;

use super::key::token;
use super::{PassphraseArgs, load_public_key, public_path, say, shown};

#[derive(Args)]
pub(crate) struct Keygen {
    /// Where the private key goes: a new file, readable for its owner only (PKCS#8, which OpenSSL reads). The public key goes
    /// beside it, KEY.pub.pem. Nothing is overwritten
    #[arg(long, value_name = "KEY.pem", required_unless_present = "key_ref", conflicts_with = "key_ref")]
    out: Option<PathBuf>,

    /// Encrypt the private key with a passphrase
    #[arg(long, conflicts_with = "key_ref")]
    encrypt: bool,

    /// Instead of a file: make the key in a token, which it cannot leave, under this name. The passphrase options give the PIN.
    /// pkcs11:token=ISSUER;object=permit-2026?module-path=/usr/lib/softhsm/libsofthsm2.so (RFC 7512)
    #[arg(long, value_name = "pkcs11:...", requires = "public_out")]
    key_ref: Option<String>,

    /// With --key-ref: where the public key goes, a new file
    #[arg(long, value_name = "KEY.pub.pem", requires = "key_ref")]
    public_out: Option<PathBuf>,

    /// With --key-ref: the key is in the token already; only write its public half
    #[arg(long, requires = "key_ref")]
    existing: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Keygen {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        match (&self.key_ref, &self.public_out, &self.out) {
            (Some(key_ref), Some(public_out), _) => self.in_token(key_ref, public_out, json),
            (_, _, Some(out)) => self.in_file(out, json),
            _ => Err(Refusal::usage(
                "KEY_NOT_NAMED",
                "no key is named",
                "give --out KEY.pem, or --key-ref and --public-out",
            )),
        }
    }

    fn in_file(&self, out: &Path, json: bool) -> Result<Exit, Refusal> {
        let public_path = public_path(out);
        for path in [out, &public_path] {
            must_be_new(path)?;
        }
        if self.passphrase.is_given() && !self.encrypt {
            return Err(Refusal::usage(
                "PASSPHRASE_UNUSED",
                "a passphrase is given without --encrypt, so the key would lie there in the clear",
                "add --encrypt, or leave --passphrase-file and --passphrase-fd out",
            ));
        }
        let passphrase = match self.encrypt {
            true => Some(self.passphrase.new_for(out)?),
            false => None,
        };
        make_folder_of(out)?;
        let secret = SecretKey::generate(KeyKind::Ed25519, &random_bytes()?)?;
        key_file::save(out, &secret, passphrase.as_ref().map(|text| text.as_str()))?;
        key_file::save_public(&public_path, &secret.public())?;
        report(json, Some(out), &public_path)
    }

    /// The key is made first: should the file fail, `--existing` writes it later.
    fn in_token(&self, key_ref: &str, public_out: &Path, json: bool) -> Result<Exit, Refusal> {
        must_be_new(public_out)?;
        make_folder_of(public_out)?;
        let public: PublicKey = match self.existing {
            true => token::public(key_ref, &self.passphrase)?,
            false => token::generate(key_ref, &self.passphrase)?,
        };
        let bytes = match public.cose_key() {
            CoseKey::Ed25519(bytes) => PublicKeyBytes::Ed25519(bytes),
            CoseKey::P256(bytes) => PublicKeyBytes::P256Compressed(bytes),
        };
        key_file::save_public(public_out, &bytes).map_err(|refusal| match self.existing {
            true => refusal,
            false => Refusal::new(
                refusal.code(),
                refusal.exit(),
                format!("the key is in the token, but {}", refusal.what()),
                format!("{}, then write the public half with --existing", refusal.remedy()),
            ),
        })?;
        report(json, None, public_out)
    }
}

fn must_be_new(path: &Path) -> Result<(), Refusal> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(Refusal::usage(
            "FILE_EXISTS",
            format!("{} exists, and keys are never overwritten", path.display()),
            "choose another name, or move the file away if nothing was signed with it",
        )),
    }
}

fn make_folder_of(path: &Path) -> Result<(), Refusal> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => files::make_folder(folder, true).map(drop),
        None => Ok(()),
    }
}

fn report(json: bool, private_path: Option<&Path>, public_path: &Path) -> Result<Exit, Refusal> {
    let key = load_public_key(public_path)?;
    let value = json!({
        "v": 1,
        "algorithm": "Ed25519",
        "kid": key.kid().to_string(),
        "thumbprint": key.thumbprint().to_string(),
        "public_key": key_hex(&key.cose_key()),
        "private_file": private_path.map(shown),
        "public_file": shown(public_path),
    });
    let text = format!(
        "private key  {}\npublic key   {}\nkid          {}\nthumbprint   {}",
        private_path.map_or_else(|| "in the token, which it does not leave".to_owned(), shown),
        shown(public_path),
        key.kid(),
        key.thumbprint(),
    );
    say(json, &value, &text)?;
    Ok(Exit::Done)
}
