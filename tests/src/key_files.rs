//! TEST ONLY keys in files, as `issuer keygen` writes them.

use std::path::Path;

use command_line::key_file::{self, KeyKind, SecretKey};
use command_line::refusal::Refusal;

use crate::test_keys::{TestKey, seed};

/// The key in a file without passphrase.
///
/// # Errors
/// Why there is none.
pub fn load(path: &Path) -> Result<TestKey, String> {
    let nobody = || Err(Refusal::usage("KEY_ENCRYPTED", "the key has a passphrase", "take another"));
    match key_file::load(path, &nobody) {
        Ok(SecretKey::Ed25519(key)) => Ok(TestKey::Ed25519(Box::new(key))),
        Ok(SecretKey::P256(key)) => Ok(TestKey::P256(Box::new(key))),
        Err(refusal) => Err(refusal.what().to_owned()),
    }
}

/// Makes the key of this label, and puts it into `PATH.pem` and `PATH.pub.pem`.
///
/// # Errors
/// Why they cannot be written.
pub fn make(path: &Path, kind: KeyKind, label: &str) -> Result<(), String> {
    let key = SecretKey::generate(kind, &seed(label)).map_err(|refusal| refusal.what().to_owned())?;
    key_file::save(&path.with_extension("pem"), &key, None)
        .and_then(|()| key_file::save_public(&path.with_extension("pub.pem"), &key.public()))
        .map_err(|refusal| refusal.what().to_owned())
}
