//! TEST ONLY keys: anyone can make them, because each is the SHA-256 of its label.

use p256::ecdsa::signature::Signer as _;
use ring::digest::{SHA256, digest};

use crate::item::Item;

/// A signing key that is derived from a label and so is no secret at all, or that a test has made.
#[derive(Clone)]
pub enum TestKey {
    /// Algorithm -19.
    Ed25519(Box<ed25519_dalek::SigningKey>),
    /// Algorithm -9. Signatures are deterministic (RFC 6979) and have a low S.
    P256(Box<p256::ecdsa::SigningKey>),
}

impl TestKey {
    /// The Ed25519 key of this label.
    pub fn ed25519(label: &str) -> TestKey {
        TestKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed(label))))
    }

    /// The P-256 key of this label.
    pub fn p256(label: &str) -> TestKey {
        TestKey::P256(Box::new(p256::ecdsa::SigningKey::from_slice(&seed(label)).expect("a scalar in range")))
    }

    /// Signs a message: 64 bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        match self {
            TestKey::Ed25519(key) => ed25519_dalek::Signer::sign(key.as_ref(), message).to_bytes(),
            TestKey::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.normalize_s().to_bytes().into()
            }
        }
    }

    /// The other signature that ECDSA takes for the same message: with n - S, which is high.
    pub fn sign_high_s(&self, message: &[u8]) -> [u8; 64] {
        let TestKey::P256(key) = self else { panic!("only ECDSA has two signatures") };
        let signature: p256::ecdsa::Signature = key.sign(message);
        let (r, s) = signature.normalize_s().split_scalars();
        let high = p256::ecdsa::Signature::from_scalars(r, -s).expect("a signature");
        high.to_bytes().into()
    }

    /// The COSE number of the algorithm.
    pub fn alg(&self) -> i64 {
        match self {
            TestKey::Ed25519(_) => -19,
            TestKey::P256(_) => -9,
        }
    }

    /// The public key as it stands in an object.
    pub fn cose_key(&self) -> Item {
        match self {
            TestKey::Ed25519(_) => ed25519_cose_key(&self.public()),
            TestKey::P256(_) => {
                let point = self.public();
                Item::map([
                    (1, Item::Uint(2)),
                    (-1, Item::Uint(1)),
                    (-2, Item::bytes(&point[1..33])),
                    (-3, Item::Bool(point[64] & 1 == 1)),
                ])
            }
        }
    }

    /// The public key: 32 bytes, or 65 of an uncompressed point.
    pub fn public(&self) -> Vec<u8> {
        match self {
            TestKey::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            TestKey::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
        }
    }

    /// The thumbprint (RFC 9679): SHA-256 over the required members, with an uncompressed point.
    pub fn thumbprint(&self) -> [u8; 32] {
        let members = match self {
            TestKey::Ed25519(_) => self.cose_key(),
            TestKey::P256(_) => {
                let point = self.public();
                Item::map([
                    (1, Item::Uint(2)),
                    (-1, Item::Uint(1)),
                    (-2, Item::bytes(&point[1..33])),
                    (-3, Item::bytes(&point[33..])),
                ])
            }
        };
        sha256(&members.encode())
    }

    /// The first eight bytes of the thumbprint.
    pub fn kid(&self) -> [u8; 8] {
        self.thumbprint()[..8].try_into().expect("eight of thirty-two")
    }
}

/// `{1: 1, -1: 6, -2: x}`
pub fn ed25519_cose_key(x: &[u8]) -> Item {
    Item::map([(1, Item::Uint(1)), (-1, Item::Uint(6)), (-2, Item::bytes(x))])
}

/// SHA-256, by ring.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

/// What the key of this label is made from.
pub fn seed(label: &str) -> [u8; 32] {
    sha256(format!("juma TEST ONLY {label}").as_bytes())
}
