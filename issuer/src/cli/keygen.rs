//! `issuer keygen`

use std::path::PathBuf;

use clap::Args;
use command_line::files;
use command_line::key_file::{self, KeyKind, SecretKey};
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use issuer::trust::key_hex;
use serde_json::json;

use super::{PassphraseArgs, load_public_key, public_path, say, shown};

#[derive(Args)]
pub(crate) struct Keygen {
    /// Where the private key goes: a new file, readable for its owner only (PKCS#8, which OpenSSL reads). The public key goes
    /// beside it, KEY.pub.pem. Nothing is overwritten
    #[arg(long, value_name = "KEY.pem")]
    out: PathBuf,

    /// Encrypt the private key with a passphrase
    #[arg(long)]
    encrypt: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Keygen {
    pub(crate) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let public_path = public_path(&self.out);
        for path in [&self.out, &public_path] {
            if path.symlink_metadata().is_ok() {
                return Err(Refusal::usage(
                    "FILE_EXISTS",
                    format!("{} exists, and keys are never overwritten", path.display()),
                    "choose another name, or move the file away if nothing was signed with it",
                ));
            }
        }
        let passphrase = match self.encrypt {
            true => Some(self.passphrase.new_for(&self.out)?),
            false => None,
        };
        if let Some(folder) = self.out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::make_folder(folder, true)?;
        }
        let secret = SecretKey::generate(KeyKind::Ed25519, &random_bytes()?)?;
        key_file::save(&self.out, &secret, passphrase.as_ref().map(|text| text.as_str()))?;
        key_file::save_public(&public_path, &secret.public())?;

        let key = load_public_key(&public_path)?;
        let value = json!({
            "v": 1,
            "algorithm": "Ed25519",
            "kid": key.kid().to_string(),
            "thumbprint": key.thumbprint().to_string(),
            "public_key": key_hex(&key.cose_key()),
            "private_file": shown(&self.out),
            "public_file": shown(&public_path),
        });
        let text = format!(
            "private key  {}\npublic key   {}\nkid          {}\nthumbprint   {}",
            shown(&self.out),
            shown(&public_path),
            key.kid(),
            key.thumbprint(),
        );
        say(json, &value, &text)?;
        Ok(Exit::Done)
    }
}
