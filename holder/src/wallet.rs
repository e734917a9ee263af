//! The folder that stands for a phone: `device.pem`, and one file `<residence code>.permit` for each permit.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use command_line::files::{Mode, make_folder, read_limited, write_whole};
use command_line::key_file::{self, KeyKind, SecretKey};
use command_line::passphrase::Passphrase;
use command_line::random::random_bytes;
use command_line::refusal::Refusal;
use credential_format::limits::PRESENTATION_BYTES_MAX;
use credential_format::residence_code::ResidenceCode;
use holder::device_key::{DeviceKey, DeviceSigner as _};
use holder::held_permit::{HeldPermit, Succession};

const KEY_FILE: &str = "device.pem";
const PERMIT_ENDING: &str = "permit";
/// Tries to make a P-256 key: random bytes are none once in 2^32 times.
const KEY_TRIES: usize = 4;

/// A device key and the folder with its permits.
pub(crate) struct Wallet {
    dir: PathBuf,
    key: DeviceKey,
}

impl Wallet {
    /// Makes the folder, private, and a key in it; never over a key that is there.
    pub(crate) fn init(dir: &Path, kind: KeyKind, passphrase: Option<&Passphrase>) -> Result<DeviceKey, Refusal> {
        let path = dir.join(KEY_FILE);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Refusal::usage(
                "DEVICE_EXISTS",
                format!("there is a device key in {} already", dir.display()),
                "choose another folder; permits are bound to the key, so it is never overwritten",
            ));
        }
        let passphrase = passphrase.map(|source| source.new_for(&path)).transpose()?;
        make_folder(dir, true)?;
        let mut key = SecretKey::generate(kind, &random_bytes()?);
        for _ in 1..KEY_TRIES {
            if key.is_err() {
                key = SecretKey::generate(kind, &random_bytes()?);
            }
        }
        let key = key?;
        key_file::save(&path, &key, passphrase.as_ref().map(|text| text.as_str()))?;
        Ok(device_key(key))
    }

    /// Opens the folder that [`init`](Wallet::init) made.
    pub(crate) fn open(dir: &Path, passphrase: &Passphrase) -> Result<Wallet, Refusal> {
        let path = dir.join(KEY_FILE);
        if matches!(fs::symlink_metadata(&path), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Err(Refusal::usage(
                "DEVICE_MISSING",
                format!("there is no device key in {}", dir.display()),
                format!("make one with holder init --dir {}, or check the path", dir.display()),
            ));
        }
        make_folder(dir, true)?;
        let key = key_file::load(&path, &|| passphrase.existing(&path))?;
        Ok(Wallet { dir: dir.to_owned(), key: device_key(key) })
    }

    /// The device's key.
    pub(crate) fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The permits kept here, by residence code.
    pub(crate) fn permits(&self) -> Result<Vec<HeldPermit>, Refusal> {
        let unreadable = |error: std::io::Error| {
            Refusal::internal(
                "FOLDER_READ_FAILED",
                format!("the folder {} cannot be read: {error}", self.dir.display()),
                "check the folder and the disk",
            )
        };
        let mut permits = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|ending| ending == PERMIT_ENDING) {
                permits.push(self.read(&path)?);
            }
        }
        permits.sort_by_key(|permit| permit.claims().residence_code);
        Ok(permits)
    }

    /// The permit of this residence code.
    pub(crate) fn permit(&self, code: ResidenceCode) -> Result<Option<HeldPermit>, Refusal> {
        let path = self.path(code);
        if matches!(fs::symlink_metadata(&path), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Ok(None);
        }
        self.read(&path).map(Some)
    }

    /// Keeps a permit: whole on the disk before this returns, in the place of an older one. Says how it stood to the one before.
    pub(crate) fn keep(&self, permit: &HeldPermit) -> Result<Option<Succession>, Refusal> {
        let code = permit.claims().residence_code;
        let stored = self.permit(code)?;
        let succession = stored.as_ref().map(|stored| permit.succession(stored));
        match (succession, stored) {
            (Some(Succession::Same), _) => return Ok(succession),
            (Some(Succession::NotNewer | Succession::Another), Some(stored)) => {
                return Err(Refusal::rejected(
                    "PERMIT_OLDER",
                    format!(
                        "the permit was signed at {}, not after the one kept here, which was signed at {}",
                        permit.claims().issued_at,
                        stored.claims().issued_at
                    ),
                    "keep the one that is here; if the issuer made a newer one, fetch it again / 已保存更新的居住证",
                ));
            }
            _ => {}
        }
        write_whole(&self.path(code), permit.bytes(), Mode::Private)?;
        Ok(succession)
    }

    fn path(&self, code: ResidenceCode) -> PathBuf {
        self.dir.join(code.digits()).with_extension(PERMIT_ENDING)
    }

    /// Reads a permit that was kept. Its file name, a residence code, stays out of the refusal.
    fn read(&self, path: &Path) -> Result<HeldPermit, Refusal> {
        let damaged = |why: String| {
            Refusal::internal(
                "PERMIT_DAMAGED",
                format!("a permit kept in {} cannot be used: {why}", self.dir.display()),
                "move that .permit file out of the folder and add the permit again / 已保存的居住证损坏，请移出后重新添加",
            )
        };
        let bytes = match read_limited(path, PRESENTATION_BYTES_MAX as u64) {
            Ok(bytes) => bytes,
            Err(refusal) => return Err(damaged(refusal.code().to_owned())),
        };
        let permit =
            HeldPermit::parse(&bytes, &self.key.public_key()).map_err(|error| damaged(error.code().to_owned()))?;
        // Under the name of another, the newer of the two could not be told.
        if self.path(permit.claims().residence_code) != path {
            return Err(damaged("it lies under another residence code".to_owned()));
        }
        Ok(permit)
    }
}

/// What the library says, as a refusal: the sentence, what to do, and the Chinese beside it.
pub(crate) fn rejected(code: &'static str, error: &dyn std::error::Error, zh: &str) -> Refusal {
    let sentence = error.to_string();
    let (what, remedy) = sentence.rsplit_once("; ").unwrap_or((&sentence, "try again"));
    Refusal::rejected(code, what, format!("{remedy} / {zh}"))
}

/// `4400 **** **** 3454`
pub(crate) fn masked_code(code: ResidenceCode) -> String {
    let shown = code.to_string();
    let mut groups = shown.split(' ');
    format!("{} **** **** {}", groups.next().unwrap_or_default(), groups.next_back().unwrap_or_default())
}

fn device_key(key: SecretKey) -> DeviceKey {
    match key {
        SecretKey::Ed25519(key) => DeviceKey::Ed25519(key),
        SecretKey::P256(key) => DeviceKey::P256(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residence_codes_are_masked() {
        let code = ResidenceCode::parse("4400000000123454").unwrap();
        assert_eq!(masked_code(code), "4400 **** **** 3454");
    }

    #[test]
    fn a_sentence_of_the_library_is_split_into_what_and_remedy() {
        let error = holder::held_permit::HeldPermitError::KeyMismatch;
        let refusal = rejected(error.code(), &error, error.zh());
        assert_eq!(refusal.what(), "the permit is bound to another device's key");
        assert!(refusal.remedy().starts_with("enrol this device") && refusal.remedy().ends_with(error.zh()));
    }
}
