//! The device's key: a secure element, or a key in memory.

use core::fmt;

use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::cose::ToSign;
use credential_format::key::{Algorithm, BadSignature, CoseKey, KeyError, PublicKey};
use signature::Signer as _;

/// Something that signs with the device's key: a phone's secure element, or a [`DeviceKey`].
pub trait DeviceSigner {
    /// The public half, the same every time.
    fn public_key(&self) -> CoseKey;

    /// The 64 bytes of the signature over `message`: Ed25519 (RFC 8032), or for P-256 `r` then `s` (RFC 9053 section 2.1) with
    /// SHA-256. Secure elements give a low or a high `s`; the library makes it low before it releases a signature.
    ///
    /// # Errors
    /// [`SigningFailed`] when the device gives no signature.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed>;
}

/// A device key in memory. `Debug` shows the public half only; the memory is zeroed when the key is dropped.
#[derive(Clone)]
pub enum DeviceKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::SigningKey),
    /// ECDSA with P-256 and SHA-256, nonces as RFC 6979 makes them.
    P256(p256::ecdsa::SigningKey),
}

impl DeviceKey {
    /// The key that belongs to these secret bytes, made for `algorithm`.
    ///
    /// # Errors
    /// [`NoSuchKey`] when the bytes are no P-256 scalar, which random bytes are once in 2^32 times. Every 32 bytes are an Ed25519 key.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8; 32]) -> Result<DeviceKey, NoSuchKey> {
        match algorithm {
            Algorithm::Ed25519 => Ok(DeviceKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(secret))),
            Algorithm::Esp256 => {
                p256::ecdsa::SigningKey::from_slice(secret).map(DeviceKey::P256).map_err(|_| NoSuchKey)
            }
        }
    }
}

impl DeviceSigner for DeviceKey {
    fn public_key(&self) -> CoseKey {
        match self {
            DeviceKey::Ed25519(key) => key.verifying_key().into(),
            DeviceKey::P256(key) => (*key.verifying_key()).into(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed> {
        match self {
            DeviceKey::Ed25519(key) => Ok(key.try_sign(message).map_err(|_| SigningFailed)?.to_bytes()),
            DeviceKey::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(|_| SigningFailed)?;
                Ok(signature.normalize_s().to_bytes().into())
            }
        }
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceKey").field(&self.public_key()).finish()
    }
}

/// The bytes are no secret key of that algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these 32 bytes are no P-256 key; take 32 other random bytes")]
pub struct NoSuchKey;

/// The device gave no signature: it is locked, its owner refused, or its secure element failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device did not sign; unlock it and try again")]
pub struct SigningFailed;

/// Why nothing signed was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The device gave no signature.
    #[error(transparent)]
    Signing(#[from] SigningFailed),
    /// The device's public key is unfit.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The device gave a signature that its own public key does not bear out: a fault in the secure element, or two keys mixed up.
    #[error("the signature that the device gave does not belong to its key; restart the device and try again")]
    Signature,
    /// What would have been released cannot be read back.
    #[error("what the device made cannot be read back ({0}); report this as a defect")]
    NotReadBack(Malformed),
}

impl DeviceError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            DeviceError::Signing(_) => "SIGNING_FAILED",
            DeviceError::Key(error) => error.code(),
            DeviceError::Signature => "SIGNATURE_WRONG",
            DeviceError::NotReadBack(_) => "NOT_READ_BACK",
        }
    }

    /// The sentence in Chinese.
    pub fn zh(&self) -> &'static str {
        match self {
            DeviceError::Signing(_) => "设备未签名，请解锁设备后重试",
            DeviceError::Key(_) => "设备公钥不可用，请重新生成密钥并重新绑定",
            DeviceError::Signature => "设备给出的签名与其密钥不符，请重启设备后重试",
            DeviceError::NotReadBack(_) => "生成的内容无法读回，属程序缺陷，请报告",
        }
    }
}

/// Signs, and releases only what verifies: a faulty signature can give an Ed25519 key away.
pub(crate) fn sign_and_check(
    signer: &(impl DeviceSigner + ?Sized),
    key: &PublicKey,
    to_sign: &ToSign,
) -> Result<Vec<u8>, DeviceError> {
    let signature = low_s(key.algorithm(), signer.sign(to_sign.message())?)?;
    key.verify(to_sign.message(), &signature).map_err(|BadSignature| DeviceError::Signature)?;
    Ok(to_sign.finish(&signature))
}

/// Of the two P-256 signatures that hold, `s` and `-s`, verifiers take the lower one only; secure elements give either.
fn low_s(algorithm: Algorithm, signature: [u8; 64]) -> Result<[u8; 64], DeviceError> {
    match algorithm {
        Algorithm::Ed25519 => Ok(signature),
        Algorithm::Esp256 => {
            let signature = p256::ecdsa::Signature::from_slice(&signature).map_err(|_| DeviceError::Signature)?;
            Ok(signature.normalize_s().to_bytes().into())
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::format;

    use super::*;

    pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Ed25519, Algorithm::Esp256];

    pub(crate) fn device(algorithm: Algorithm, fill: u8) -> DeviceKey {
        DeviceKey::from_secret(algorithm, &[fill; 32]).unwrap()
    }

    /// A device that signs with one key and changes the signature, or names another key than it signs with.
    pub(crate) struct Odd<'a> {
        pub(crate) signs: &'a DeviceKey,
        pub(crate) names: &'a DeviceKey,
        pub(crate) change: fn([u8; 64]) -> Result<[u8; 64], SigningFailed>,
    }

    impl DeviceSigner for Odd<'_> {
        fn public_key(&self) -> CoseKey {
            self.names.public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningFailed> {
            (self.change)(self.signs.sign(message)?)
        }
    }

    /// The other P-256 signature that holds.
    pub(crate) fn high_s(signature: [u8; 64]) -> Result<[u8; 64], SigningFailed> {
        let low = p256::ecdsa::Signature::from_slice(&signature).unwrap();
        let high = p256::ecdsa::Signature::from_scalars(low.r().to_bytes(), (-*low.s()).to_bytes()).unwrap();
        Ok(high.to_bytes().into())
    }

    #[test]
    fn signatures_hold_and_are_low() {
        for algorithm in ALGORITHMS {
            // Half of all P-256 signatures are high before they are normalised.
            for fill in 1..=16 {
                let device = device(algorithm, fill);
                let key = PublicKey::try_from(&device.public_key()).unwrap();
                assert_eq!(key.algorithm(), algorithm);
                assert_eq!(key.verify(b"message", &device.sign(b"message").unwrap()), Ok(()));
                assert_eq!(key.verify(b"massage", &device.sign(b"message").unwrap()), Err(BadSignature));
            }
        }
    }

    #[test]
    fn secret_bytes_that_are_no_key_are_refused() {
        for bytes in [[0; 32], [0xff; 32]] {
            assert_eq!(DeviceKey::from_secret(Algorithm::Esp256, &bytes).unwrap_err(), NoSuchKey);
            assert!(DeviceKey::from_secret(Algorithm::Ed25519, &bytes).is_ok());
        }
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        for algorithm in ALGORITHMS {
            let shown = format!("{:?}", device(algorithm, 0xa7));
            assert!(shown.starts_with("DeviceKey("), "{shown}");
            assert!(!shown.contains("a7a7") && !shown.contains("167, 167"), "{shown}");
        }
    }
}
