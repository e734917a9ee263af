//! Public keys as COSE_Key (RFC 9052 section 7), their thumbprints (RFC 9679), and checking a signature with them.
//!
//! One key has one algorithm: Ed25519 keys sign with Ed25519 (-19), P-256 keys with ESP256 (-9), both of RFC 9864. There is no key here
//! that could sign.

use core::fmt;

use p256::ecdsa::signature::Verifier as _;
use sha2::{Digest, Sha256};

use crate::cbor::{Malformed, Reader, WriteStopped, Writer};

/// A signature algorithm, fully specified (RFC 9864).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// EdDSA with curve Ed25519, -19.
    Ed25519,
    /// ECDSA with P-256 and SHA-256, -9.
    Esp256,
}

impl Algorithm {
    /// The registered COSE number.
    pub fn id(self) -> i64 {
        match self {
            Algorithm::Ed25519 => -19,
            Algorithm::Esp256 => -9,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Algorithm, Malformed> {
        match reader.int()? {
            -19 => Ok(Algorithm::Ed25519),
            -9 => Ok(Algorithm::Esp256),
            _ => Err(Malformed::field("alg", "ALGORITHM_UNKNOWN")),
        }
    }
}

/// A public key as it stands in an object: bytes of the right lengths, not yet known to be a point. [`PublicKey`] is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CoseKey {
    /// `{1: 1, -1: 6, -2: x}`
    Ed25519([u8; 32]),
    /// `{1: 2, -1: 1, -2: x, -3: sign}`; here as SEC 1 writes a compressed point: 02 or 03, then x.
    P256([u8; 33]),
}

impl CoseKey {
    /// The one algorithm that this key may be used with.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            CoseKey::Ed25519(_) => Algorithm::Ed25519,
            CoseKey::P256(_) => Algorithm::Esp256,
        }
    }

    /// Checks one signature with the key as it stands in an object, without keeping the point. The strict check refuses points of small
    /// order by itself, so that they need not be looked for before.
    ///
    /// # Errors
    /// [`BadSignature`], also when the bytes are no point.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        Point::of(self).ok_or(BadSignature)?.verify(message, signature)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<CoseKey, Malformed> {
        let pairs = reader.map()?;
        reader.key(1, "a key's kty")?;
        match (pairs, reader.uint()?) {
            (3, 1) => {
                reader.key(-1, "a key's crv")?;
                reader.int().and_then(|crv| (crv == 6).then_some(()).ok_or(CURVE))?;
                reader.key(-2, "a key's x")?;
                Ok(CoseKey::Ed25519(*reader.bytes_of("an x of 32 bytes")?))
            }
            (4, 2) => {
                reader.key(-1, "a key's crv")?;
                reader.int().and_then(|crv| (crv == 1).then_some(()).ok_or(CURVE))?;
                reader.key(-2, "a key's x")?;
                let x: &[u8; 32] = reader.bytes_of("an x of 32 bytes")?;
                reader.key(-3, "a key's y")?;
                let mut point = [2u8; 33];
                point[1..].copy_from_slice(x);
                point[0] += u8::from(reader.bool()?);
                Ok(CoseKey::P256(point))
            }
            _ => Err(Malformed::field("COSE_Key", "KEY_TYPE_UNKNOWN")),
        }
    }

    pub(crate) fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        match self {
            CoseKey::Ed25519(x) => {
                writer.map(3)?.int(1)?.uint(1)?.int(-1)?.uint(6)?.int(-2)?.bytes(x)?;
            }
            CoseKey::P256([sign, x @ ..]) => {
                writer.map(4)?.int(1)?.uint(2)?.int(-1)?.uint(1)?.int(-2)?.bytes(x)?.int(-3)?.bool(*sign == 3)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CoseKey::Ed25519([a, b, ..]) => write!(f, "Ed25519({a:02x}{b:02x}…)"),
            CoseKey::P256([_, a, b, ..]) => write!(f, "P256({a:02x}{b:02x}…)"),
        }
    }
}

const CURVE: Malformed = Malformed::Field { field: "COSE_Key", code: "KEY_CURVE_UNKNOWN" };

/// Why bytes are not a key to check signatures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are no point of the curve, or not its one encoding.
    #[error("the key is not a point of its curve; ask for the key again")]
    NotAPoint,
    /// An Ed25519 point of small order: it would accept signatures that nobody made.
    #[error("the key has small order and would accept signatures that nobody made; make a new key")]
    SmallOrder,
}

impl KeyError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::NotAPoint => "KEY_NOT_A_POINT",
            KeyError::SmallOrder => "KEY_SMALL_ORDER",
        }
    }
}

/// The signature does not belong to this message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this message and key")]
pub struct BadSignature;

/// The first eight bytes of a key's thumbprint: how a permit names the key that signed it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(pub [u8; 8]);

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

/// The SHA-256 thumbprint of a key (RFC 9679): what is compared when a root of trust is installed. Displays as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl Thumbprint {
    /// Reads 64 hex digits; colons and spaces between them are allowed, as people group them to read them aloud.
    pub fn parse(text: &str) -> Option<Thumbprint> {
        let mut digits = text.chars().filter(|c| *c != ':' && *c != ' ');
        let mut bytes = [0u8; 32];
        for byte in &mut bytes {
            let (high, low) = (digits.next()?.to_digit(16)?, digits.next()?.to_digit(16)?);
            *byte = (high << 4 | low) as u8;
        }
        digits.next().is_none().then_some(Thumbprint(bytes))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// A key that signatures can be checked with: a point of its curve, not of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(Point);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl TryFrom<&CoseKey> for PublicKey {
    type Error = KeyError;

    fn try_from(key: &CoseKey) -> Result<PublicKey, KeyError> {
        match Point::of(key).ok_or(KeyError::NotAPoint)? {
            Point::Ed25519(key) if key.is_weak() => Err(KeyError::SmallOrder),
            point => Ok(PublicKey(point)),
        }
    }
}

impl Point {
    fn of(key: &CoseKey) -> Option<Point> {
        match key {
            CoseKey::Ed25519(x) if !is_below_p(x) => None,
            CoseKey::Ed25519(x) => ed25519_dalek::VerifyingKey::from_bytes(x).ok().map(Point::Ed25519),
            CoseKey::P256(point) => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Point::P256),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        match self {
            Point::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(message, &signature).map_err(|_| BadSignature)
            }
            Point::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).map_err(|_| BadSignature)?;
                if signature.normalize_s() != signature {
                    return Err(BadSignature);
                }
                key.verify(message, &signature).map_err(|_| BadSignature)
            }
        }
    }
}

/// Whether y is below p = 2^255 - 19 (RFC 8032, section 5.1.3): otherwise a key would have two encodings, and with them two kids. The crate
/// takes y modulo p.
fn is_below_p(x: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = x;
    *lowest < 0xed || middle.iter().any(|byte| *byte != 0xff) || highest & 0x7f != 0x7f
}

impl PublicKey {
    /// Checks a signature of 64 bytes over a message. Ed25519 with `verify_strict` (no small orders, S below L); P-256 with low S only.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        self.0.verify(message, signature)
    }

    /// The key as it stands in an object.
    pub fn cose_key(&self) -> CoseKey {
        match &self.0 {
            Point::Ed25519(key) => CoseKey::Ed25519(key.to_bytes()),
            Point::P256(key) => {
                let mut bytes = [0; 33];
                bytes.copy_from_slice(key.to_sec1_point(true).as_bytes());
                CoseKey::P256(bytes)
            }
        }
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Point::Ed25519(_) => Algorithm::Ed25519,
            Point::P256(_) => Algorithm::Esp256,
        }
    }

    /// The thumbprint of RFC 9679: SHA-256 over the COSE_Key's required members, a P-256 point uncompressed (section 4.2).
    pub fn thumbprint(&self) -> Thumbprint {
        let mut bytes = alloc::vec::Vec::with_capacity(80);
        let mut writer = minicbor::Encoder::new(&mut bytes);
        // Writing into memory does not fail.
        let _ = match &self.0 {
            Point::Ed25519(key) => {
                writer.map(3).and_then(|w| w.u8(1)?.u8(1)?.i8(-1)?.u8(6)?.i8(-2)?.bytes(key.as_bytes())).map(|_| ())
            }
            Point::P256(key) => {
                let point = key.to_sec1_point(false);
                let (x, y) = point.as_bytes().get(1..).unwrap_or_default().split_at(32);
                writer
                    .map(4)
                    .and_then(|w| w.u8(1)?.u8(2)?.i8(-1)?.u8(1)?.i8(-2)?.bytes(x)?.i8(-3)?.bytes(y))
                    .map(|_| ())
            }
        };
        Thumbprint(Sha256::digest(&bytes).into())
    }

    /// The first eight bytes of the thumbprint.
    pub fn kid(&self) -> Kid {
        let [a, b, c, d, e, f, g, h, ..] = self.thumbprint().0;
        Kid([a, b, c, d, e, f, g, h])
    }
}

impl From<ed25519_dalek::VerifyingKey> for CoseKey {
    fn from(key: ed25519_dalek::VerifyingKey) -> CoseKey {
        CoseKey::Ed25519(key.to_bytes())
    }
}

impl From<p256::ecdsa::VerifyingKey> for CoseKey {
    fn from(key: p256::ecdsa::VerifyingKey) -> CoseKey {
        PublicKey(Point::P256(key)).cose_key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight points of small order, and other encodings of them that decoders take (Chalkias, Garillot and Nikolaenko, "Taming the
    /// many EdDSAs", table 5).
    const SMALL_ORDER: [&str; 14] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    #[test]
    fn keys_of_small_order_are_refused() {
        for hex in SMALL_ORDER {
            let key = Thumbprint::parse(hex).unwrap().0;
            let key = CoseKey::Ed25519(key);
            assert!(PublicKey::try_from(&key).is_err(), "{hex}");
            // R of small order and S = 0: for a key of small order the equation holds for some messages.
            let mut signature = [0; 64];
            signature[0] = 1;
            let accepted = (0..64u8).any(|message| key.verify(&[message], &signature).is_ok());
            assert!(!accepted, "{hex}");
        }
    }

    #[test]
    fn high_s_is_refused() {
        use p256::ecdsa::signature::Signer;
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let public = PublicKey::try_from(&CoseKey::from(*secret.verifying_key())).unwrap();
        let signature: p256::ecdsa::Signature = secret.sign(b"message");
        let low = signature.normalize_s();
        let high = p256::ecdsa::Signature::from_scalars(low.r().to_bytes(), (-*low.s()).to_bytes()).unwrap();
        assert_eq!(public.verify(b"message", &low.to_bytes().into()), Ok(()));
        assert_eq!(public.verify(b"message", &high.to_bytes().into()), Err(BadSignature));
        assert_eq!(public.verify(b"massage", &low.to_bytes().into()), Err(BadSignature));
        assert_eq!(PublicKey::try_from(&public.cose_key()), Ok(public));
    }

    #[test]
    fn thumbprints_are_read_as_people_write_them() {
        let text = "49:6b d8 ".to_owned() + &"ab".repeat(29);
        assert_eq!(Thumbprint::parse(&text).unwrap().to_string(), "496bd8".to_owned() + &"ab".repeat(29));
        assert_eq!(format!("{:?}", Thumbprint([0xab; 32])), format!("Thumbprint({})", "ab".repeat(32)));
        assert_eq!(Thumbprint::parse("496b"), None);
        assert_eq!(Thumbprint::parse(&"ab".repeat(33)), None);
        assert_eq!(Thumbprint::parse(&"zz".repeat(32)), None);
    }

    extern crate std;
    use std::{borrow::ToOwned, format, string::ToString};

    #[test]
    fn keys_are_named_short_where_they_are_not_compared() {
        let mut point = [0xcd; 33];
        point[0] = 2;
        assert_eq!(
            format!("{:?}, {:?}", CoseKey::Ed25519([0xab; 32]), CoseKey::P256(point)),
            "Ed25519(abab…), P256(cdcd…)"
        );
        let kid = Kid([1, 2, 3, 4, 5, 6, 7, 0xff]);
        assert_eq!(format!("{kid}, {kid:?}"), "01020304050607ff, Kid(01020304050607ff)");
    }

    /// RFC 9679 section 6: the example key and its thumbprint.
    #[test]
    fn thumbprint_of_the_rfc() {
        let x = Thumbprint::parse("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d").unwrap().0;
        // y is 1e52…d19c: even
        let mut point = [2; 33];
        point[1..].copy_from_slice(&x);
        let key = PublicKey::try_from(&CoseKey::P256(point)).unwrap();
        assert_eq!(key.thumbprint().to_string(), "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
    }

    #[test]
    fn the_bound_of_y_has_two_sides() {
        let error = |lowest: u8, highest: u8| {
            let mut x = [0xff; 32];
            (x[0], x[31]) = (lowest, highest);
            PublicKey::try_from(&CoseKey::Ed25519(x)).err()
        };
        // p - 1 is the point of order 2; p, and p + 3, are y = 0 and y = 3 once more, with either sign of x.
        assert_eq!(error(0xec, 0x7f), Some(KeyError::SmallOrder));
        for (lowest, highest) in [(0xed, 0x7f), (0xf0, 0x7f), (0xed, 0xff), (0xf0, 0xff)] {
            assert_eq!(error(lowest, highest), Some(KeyError::NotAPoint), "{lowest:x} {highest:x}");
        }
        // What lies below p by another byte than the lowest: of so many values some are points.
        for (place, highest) in [(1, 0x7f), (15, 0x7f), (30, 0x7f), (31, 0)] {
            let is_a_point = |byte: u8| {
                let mut x = [0xff; 32];
                x[31] = highest;
                x[place] = byte;
                PublicKey::try_from(&CoseKey::Ed25519(x)).is_ok()
            };
            assert!((0..0x7f).any(is_a_point), "{place}");
        }
        let mut three = [0; 32];
        three[0] = 3;
        assert_eq!(PublicKey::try_from(&CoseKey::Ed25519(three)).err(), None);
    }
}
