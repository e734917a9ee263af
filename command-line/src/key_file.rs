//! Key files: PKCS#8 (RFC 5958, RFC 5208) and SubjectPublicKeyInfo (RFC 5280, RFC 8410) in PEM (RFC 7468).
//!
//! Keys are Ed25519 or P-256. A private key is written as PKCS#8 **version 1**, without the public key: OpenSSL 3.0
//! does not read version 2 for Ed25519. With a passphrase it is encrypted by PBES2 (RFC 8018): PBKDF2-HMAC-SHA256 with
//! 600,000 iterations and AES-256-CBC. Read are both versions, and PBES2 with PBKDF2 (HMAC-SHA-2) or scrypt, and AES.
//!
//! Tried by hand with OpenSSL 3.0.19, both key types, plain and encrypted, in both directions: `openssl pkey -in KEY
//! -pubout` reads what [`save`] writes and prints what [`save_public`] writes; [`load`] reads what `openssl genpkey`,
//! `openssl pkcs8 -topk8 -v2 aes-256-cbc` and `openssl pkcs8 -topk8 -scrypt` write. The tests repeat it where an
//! `openssl` is installed.
//!
//! CBC is not authenticated: a changed file can decrypt to another key. Whoever loads a key compares its public half
//! with the one expected before signing anything.
//!
//! All refusals are wrong usage (exit 2) unless the machine fails. Their codes:
//!
//! | code | meaning |
//! |---|---|
//! | `KEY_SYMLINK` | the path is a symbolic link |
//! | `KEY_NOT_PLAIN` | the path is a device, a pipe or a socket |
//! | `KEY_OPEN` | others may read or write the file |
//! | `KEY_OWNER` | the file belongs to another account |
//! | `KEY_TOO_LARGE` | more than 16 KiB |
//! | `KEY_NOT_PEM` | no PEM text: DER, or something else |
//! | `KEY_SEVERAL` | more than one PEM block |
//! | `KEY_SURROUNDED` | text before or after the PEM block |
//! | `KEY_FORMAT` | an older private key format: SEC 1, PKCS#1, OpenSSH |
//! | `KEY_IS_PUBLIC`, `KEY_IS_CERTIFICATE`, `KEY_LABEL` | a PEM block of another kind |
//! | `KEY_TYPE` | RSA, X25519, P-384 or another type |
//! | `KEY_ENCRYPTION` | encrypted by a scheme or at a cost not read here |
//! | `KEY_PASSPHRASE` | wrong passphrase, or a damaged encrypted file |
//! | `KEY_ENCRYPTED` | the public half of an encrypted key was asked for |
//! | `KEY_DAMAGED` | the contents do not decode, or the halves do not belong together |
//! | `KEY_WEAK` | an Ed25519 public key of small order, under which forgeries verify |
//! | `KEY_SCALAR` | random bytes that are no P-256 key: take others |
//!
//! and those of [`files`] and [`passphrase`].

use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::path::Path;

use p256::elliptic_curve::sec1::ToSec1Point as _;
use pkcs8::der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::pkcs5::{self, EncryptionScheme, pbes2};
use pkcs8::{
    AlgorithmIdentifierRef, Document, EncodePrivateKey as _, EncodePublicKey as _, EncryptedPrivateKeyInfoRef,
    LineEnding, PrivateKeyInfoRef, SecretDocument, SubjectPublicKeyInfoRef,
};
use zeroize::Zeroizing;

use crate::files::{self, Mode, read_failed, read_to_limit};
use crate::passphrase;
use crate::random::random_bytes;
use crate::refusal::Refusal;

/// The largest key file that is read, in bytes.
pub const LIMIT: u64 = 16 * 1024;
/// PBKDF2 iterations of an encrypted key file (the number OWASP recommends for HMAC-SHA256).
const ITERATIONS: u32 = 600_000;
/// More iterations than this are not carried out: a file must not stop the program for minutes.
const MOST_ITERATIONS: u32 = 10_000_000;
/// More memory than this, 128 × N × r bytes, is not given to scrypt.
const MOST_SCRYPT_BYTES: u64 = 256 * 1024 * 1024;

/// A private key. `Debug` shows only the kind; the memory is zeroed when the key is dropped.
pub enum SecretKey {
    /// Ed25519 (RFC 8032).
    Ed25519(ed25519_dalek::SigningKey),
    /// ECDSA on P-256 (FIPS 186-5).
    P256(p256::ecdsa::SigningKey),
}

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-256 (FIPS 186-5).
    P256,
}

/// A public key that is a point on its curve, and for Ed25519 not one of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicKeyBytes {
    /// RFC 8032, section 5.1.2.
    Ed25519([u8; 32]),
    /// SEC 1, section 2.3.3, compressed: 02 or 03, then x.
    P256Compressed([u8; 33]),
}

impl SecretKey {
    /// The key made of 32 random bytes.
    ///
    /// # Errors
    ///
    /// `KEY_SCALAR` when the bytes are no P-256 key, which random bytes are once in 2^32 times: try again with others.
    pub fn generate(kind: KeyKind, random: &[u8; 32]) -> Result<Self, Refusal> {
        match kind {
            KeyKind::Ed25519 => Ok(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(random))),
            KeyKind::P256 => match p256::ecdsa::SigningKey::from_slice(random) {
                Ok(key) => Ok(Self::P256(key)),
                Err(_) => Err(Refusal::internal(
                    "KEY_SCALAR",
                    "these random bytes are no P-256 private key",
                    "run the command again",
                )),
            },
        }
    }

    /// Which kind of key it is.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::P256(_) => KeyKind::P256,
        }
    }

    /// The public half.
    pub fn public(&self) -> PublicKeyBytes {
        match self {
            Self::Ed25519(key) => PublicKeyBytes::Ed25519(key.verifying_key().to_bytes()),
            Self::P256(key) => PublicKeyBytes::P256Compressed(compress(&p256::PublicKey::from(key.verifying_key()))),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?})", self.kind())
    }
}

impl PublicKeyBytes {
    /// Which kind of key it is.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::P256Compressed(_) => KeyKind::P256,
        }
    }

    /// 32 bytes for Ed25519, 33 for P-256.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256Compressed(bytes) => bytes,
        }
    }
}

/// The kind and the bytes in hexadecimal.
impl fmt::Debug for PublicKeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(", self.kind())?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "P-256",
        })
    }
}

/// Writes a private key, for the owner only (0600), never over an existing file. The folder must exist.
///
/// Encrypting costs about a tenth of a second.
///
/// # Errors
///
/// `FILE_EXISTS`, `FOLDER_MISSING` and the other refusals of [`files::write_new`]; `PASSPHRASE_EMPTY`.
pub fn save(path: &Path, key: &SecretKey, passphrase: Option<&str>) -> Result<(), Refusal> {
    let der = to_pkcs8_v1(key)?;
    let pem = match passphrase {
        None => der.to_pem("PRIVATE KEY", LineEnding::LF),
        Some("") => return Err(passphrase::empty()),
        Some(passphrase) => encrypt(&der, passphrase)?.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF),
    }
    .map_err(not_encoded)?;
    files::write_new(path, pem.as_bytes(), Mode::Private)
}

/// Reads a private key that nobody but the owner can read or change. `passphrase` is asked only if the file is encrypted.
///
/// # Errors
///
/// See the module; and whatever `passphrase` refuses.
pub fn load(path: &Path, passphrase: &dyn Fn() -> Result<Zeroizing<String>, Refusal>) -> Result<SecretKey, Refusal> {
    let (text, private) = read_private(path)?;
    secret(path, &text, private, passphrase)
}

/// Reads a private key from the text of a file. `path` is only for the refusals.
///
/// # Errors
///
/// As for [`load`], but for those of the file itself.
pub fn parse(
    path: &Path,
    text: &str,
    passphrase: &dyn Fn() -> Result<Zeroizing<String>, Refusal>,
) -> Result<SecretKey, Refusal> {
    secret(path, text, Ok(()), passphrase)
}

/// `private`: whether nobody but the owner can reach the file.
fn secret(
    path: &Path,
    text: &str,
    private: Result<(), Refusal>,
    passphrase: &dyn Fn() -> Result<Zeroizing<String>, Refusal>,
) -> Result<SecretKey, Refusal> {
    let block = only_block(path, text)?;
    match block.label {
        // A public key that everybody may read is only the wrong file; a private one is in danger.
        "PRIVATE KEY" => private.and_then(|()| from_pkcs8(path, block.decode(path)?.as_bytes())),
        "ENCRYPTED PRIVATE KEY" => private.and_then(|()| decrypt(path, block.decode(path)?.as_bytes(), passphrase)),
        "PUBLIC KEY" => Err(Refusal::usage(
            "KEY_IS_PUBLIC",
            format!("{} is a public key; the private key begins with BEGIN PRIVATE KEY", path.display()),
            "give the path of the private key",
        )),
        label => Err(wrong_label(path, label, "the private key begins with BEGIN PRIVATE KEY")),
    }
}

/// Writes a public key for everybody to read, never over an existing file. The folder must exist.
///
/// # Errors
///
/// `FILE_EXISTS`, `FOLDER_MISSING` and the other refusals of [`files::write_new`].
pub fn save_public(path: &Path, key: &PublicKeyBytes) -> Result<(), Refusal> {
    let der = match key {
        PublicKeyBytes::Ed25519(bytes) => Document::encode_msg(&SubjectPublicKeyInfoRef {
            algorithm: ed25519_dalek::pkcs8::ALGORITHM_ID,
            subject_public_key: BitStringRef::from_bytes(bytes).map_err(not_encoded)?,
        })
        .map_err(not_encoded)?,
        // OpenSSL and the rest of the world write the point uncompressed.
        PublicKeyBytes::P256Compressed(bytes) => {
            p256::PublicKey::from_sec1_bytes(bytes).map_err(not_encoded)?.to_public_key_der().map_err(not_encoded)?
        }
    };
    let pem = der.to_pem("PUBLIC KEY", LineEnding::LF).map_err(not_encoded)?;
    files::write_new(path, pem.as_bytes(), Mode::Public)
}

/// Reads a public key, or the public half of a private key that is not encrypted.
///
/// A private key must be as private as [`load`] wants it.
///
/// # Errors
///
/// See the module.
pub fn load_public(path: &Path) -> Result<PublicKeyBytes, Refusal> {
    // The file may turn out to be a private key.
    let file = File::open(path).map_err(|error| read_failed(path, &error))?;
    let text = read_text(path, file)?;
    let block = only_block(path, &text)?;
    match block.label {
        "PUBLIC KEY" => from_spki(path, block.decode(path)?.as_bytes()),
        "PRIVATE KEY" => {
            let (text, private) = read_private(path)?;
            private?;
            let block = only_block(path, &text)?;
            from_pkcs8(path, block.decode(path)?.as_bytes()).map(|key| key.public())
        }
        "ENCRYPTED PRIVATE KEY" => Err(Refusal::usage(
            "KEY_ENCRYPTED",
            format!("{} is an encrypted private key, which does not show its public half", path.display()),
            format!(
                "give the public key; to make it type: openssl pkey -in {} -pubout -out PUBLIC.pem",
                path.display()
            ),
        )),
        label => Err(wrong_label(path, label, "the public key begins with BEGIN PUBLIC KEY")),
    }
}

/// The text of a file, and whether only its owner can read it. What is checked is the opened file, not the path.
fn read_private(path: &Path) -> Result<(Zeroizing<String>, Result<(), Refusal>), Refusal> {
    // A link says nothing about who can change where it leads.
    let named = fs::symlink_metadata(path).map_err(|error| read_failed(path, &error))?;
    if named.is_symlink() {
        return Err(is_symlink(path));
    }
    let file = open_no_follow(path)?;
    let metadata = file.metadata().map_err(|error| read_failed(path, &error))?;
    let private = if metadata.is_file() { check_private(path, &metadata) } else { Ok(()) };
    Ok((read_text(path, file)?, private))
}

fn read_text(path: &Path, file: File) -> Result<Zeroizing<String>, Refusal> {
    let name = path.display();
    let metadata = file.metadata().map_err(|error| read_failed(path, &error))?;
    if metadata.is_dir() {
        return Err(read_failed(path, &std::io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(Refusal::usage(
            "KEY_NOT_PLAIN",
            format!("{name} is a device, a pipe or a socket, not a file"),
            "give the path of the key file",
        ));
    }
    let Some(bytes) = read_to_limit(file, LIMIT).map_err(|error| read_failed(path, &error))?.map(Zeroizing::new) else {
        return Err(Refusal::usage(
            "KEY_TOO_LARGE",
            format!("{name} has more than 16 KiB and is no key file"),
            "give the path of the key file",
        ));
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(not_pem(path)),
    }
}

#[cfg(unix)]
fn open_no_follow(path: &Path) -> Result<File, Refusal> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    // NOFOLLOW: the path may have become a link since it was looked at. NONBLOCK: opening a pipe must not wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        match error.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => is_symlink(path),
            _ => read_failed(path, &error),
        }
    })
}

#[cfg(not(unix))]
fn open_no_follow(path: &Path) -> Result<File, Refusal> {
    OpenOptions::new().read(true).open(path).map_err(|error| read_failed(path, &error))
}

#[cfg(unix)]
fn check_private(path: &Path, metadata: &Metadata) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt as _;
    check_owner(path, metadata.uid(), rustix::process::geteuid().as_raw())?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Refusal::usage(
            "KEY_OPEN",
            format!("others may read or change the key file {} (mode {mode:04o})", path.display()),
            format!(
                "type: chmod 600 {}  (and make a new key if anybody else could have read this one)",
                path.display()
            ),
        ));
    }
    Ok(())
}

#[cfg(unix)]
fn check_owner(path: &Path, owner: u32, this_account: u32) -> Result<(), Refusal> {
    if owner != this_account {
        return Err(Refusal::usage(
            "KEY_OWNER",
            format!("the key file {} belongs to account {owner}, this is account {this_account}", path.display()),
            "run the command as the owner of the key, or have the file given to this account with chown",
        ));
    }
    Ok(())
}

/// Windows has no mode: the folder of the key decides who may read it.
#[cfg(not(unix))]
fn check_private(_path: &Path, _metadata: &Metadata) -> Result<(), Refusal> {
    Ok(())
}

fn is_symlink(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_SYMLINK",
        format!("{} is a symbolic link, not a key file", path.display()),
        "give the path of the key file itself",
    )
}

/// The one PEM block of a file.
struct Block<'a> {
    label: &'a str,
    pem: &'a str,
}

/// Finds the one block and sees that nothing but blank space stands around it.
fn only_block<'a>(path: &Path, text: &'a str) -> Result<Block<'a>, Refusal> {
    const BEGIN: &str = "-----BEGIN ";
    const DASHES: &str = "-----";
    let name = path.display();

    let labels: Vec<&str> =
        text.split(BEGIN).skip(1).map(|rest| rest.split_once(DASHES).map_or("", |(label, _)| label)).collect();
    // First, because openssl ecparam writes such a key as the second of two blocks.
    if let Some(label) = labels.iter().find(|label| OLD_FORMATS.contains(label)) {
        return Err(Refusal::usage(
            "KEY_FORMAT",
            format!("{name} is in an older format (BEGIN {label})"),
            match *label {
                "OPENSSH PRIVATE KEY" => "make a key with: openssl genpkey -algorithm ed25519".to_owned(),
                _ => format!("convert it with: openssl pkcs8 -topk8 -in {name} -out NEW.pem"),
            },
        ));
    }
    let label = match *labels.as_slice() {
        [] => return Err(not_pem(path)),
        [label] => label,
        _ => {
            return Err(Refusal::usage(
                "KEY_SEVERAL",
                format!("{name} holds {} PEM blocks", labels.len()),
                "give a file that holds one key and nothing else",
            ));
        }
    };
    if !is_label(label) {
        return Err(damaged(path, "its line BEGIN is not whole"));
    }
    let pem = text.trim_ascii();
    let end = format!("-----END {label}-----");
    if !pem.starts_with(BEGIN) || (pem.contains(&end) && !pem.ends_with(&end)) {
        return Err(Refusal::usage(
            "KEY_SURROUNDED",
            format!("{name} holds other text before or after the key"),
            "delete everything before the line BEGIN and after the line END",
        ));
    }
    Ok(Block { label, pem })
}

/// Labels are shown in refusals. Where the line BEGIN is damaged, what stands before the next dashes is the key.
fn is_label(label: &str) -> bool {
    (1..=40).contains(&label.len()) && label.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ' | b'.'))
}

/// Private keys as programs wrote them before PKCS#8.
const OLD_FORMATS: [&str; 4] = ["EC PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"];

impl Block<'_> {
    /// The DER inside, one value and no byte after it.
    fn decode(&self, path: &Path) -> Result<SecretDocument, Refusal> {
        match SecretDocument::from_pem(self.pem) {
            Ok((_, der)) => Ok(der),
            Err(_) => Err(damaged(path, "its PEM text does not decode")),
        }
    }
}

fn from_pkcs8(path: &Path, der: &[u8]) -> Result<SecretKey, Refusal> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| damaged(path, "it is no PKCS#8 private key"))?;
    match known_kind(path, &info.algorithm)? {
        // A public half in the file (version 2) is compared with the private one by both crates.
        KeyKind::Ed25519 => ed25519_dalek::SigningKey::try_from(info)
            .map(SecretKey::Ed25519)
            .map_err(|_| damaged(path, "its contents are no Ed25519 key")),
        KeyKind::P256 => p256::SecretKey::try_from(info)
            .map(|key| SecretKey::P256(key.into()))
            .map_err(|_| damaged(path, "its contents are no P-256 key")),
    }
}

fn from_spki(path: &Path, der: &[u8]) -> Result<PublicKeyBytes, Refusal> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged(path, "it is no public key"))?;
    match known_kind(path, &info.algorithm)? {
        KeyKind::Ed25519 => {
            let key = ed25519_dalek::VerifyingKey::try_from(info)
                .map_err(|_| damaged(path, "its contents are no Ed25519 key"))?;
            if key.is_weak() {
                return Err(Refusal::usage(
                    "KEY_WEAK",
                    format!("{} is an Ed25519 key of small order, under which anybody can sign", path.display()),
                    "do not use this key; ask its owner for another",
                ));
            }
            Ok(PublicKeyBytes::Ed25519(key.to_bytes()))
        }
        KeyKind::P256 => p256::PublicKey::try_from(info)
            .map(|key| PublicKeyBytes::P256Compressed(compress(&key)))
            .map_err(|_| damaged(path, "its contents are no P-256 key")),
    }
}

fn compress(key: &p256::PublicKey) -> [u8; 33] {
    let mut bytes = [0; 33];
    // A compressed P-256 point always has 33 bytes; the loop needs no proof of it.
    for (to, from) in bytes.iter_mut().zip(key.to_sec1_point(true).as_bytes()) {
        *to = *from;
    }
    bytes
}

/// Ed25519 and P-256 are known; every other type is refused by its name.
fn known_kind(path: &Path, algorithm: &AlgorithmIdentifierRef<'_>) -> Result<KeyKind, Refusal> {
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    let oid = if algorithm.oid == EC {
        match algorithm.parameters_oid() {
            Ok(P256) => return Ok(KeyKind::P256),
            Ok(curve) => curve,
            Err(_) => return Err(damaged(path, "its curve is not named")),
        }
    } else if algorithm.oid == ed25519_dalek::pkcs8::ALGORITHM_OID {
        return Ok(KeyKind::Ed25519);
    } else {
        algorithm.oid
    };
    let number = oid.to_string();
    let name =
        TYPE_NAMES.iter().find(|(of, _)| *of == number).map_or_else(|| number.clone(), |(_, name)| (*name).into());
    Err(Refusal::usage(
        "KEY_TYPE",
        format!("{} holds a key of type {name}; Ed25519 and P-256 are supported", path.display()),
        "give an Ed25519 or P-256 key",
    ))
}

/// Names of key types and curves that are not supported, by object identifier.
const TYPE_NAMES: [(&str, &str); 15] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.2.156.10197.1.301", "SM2"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
];

fn decrypt(
    path: &Path,
    der: &[u8],
    passphrase: &dyn Fn() -> Result<Zeroizing<String>, Refusal>,
) -> Result<SecretKey, Refusal> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|_| not_decryptable(path))?;
    check_cost(path, &info.encryption_algorithm)?;
    let passphrase = passphrase()?;
    let der = match info.decrypt(passphrase.as_bytes()) {
        Ok(der) => der,
        Err(pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. }
            | pkcs5::Error::NoPbes1CryptSupport,
        )) => return Err(not_decryptable(path)),
        Err(_) => return Err(wrong_passphrase(path)),
    };
    // One wrong passphrase in 256 leaves correct padding, and then bytes that are no PKCS#8.
    if PrivateKeyInfoRef::from_der(der.as_bytes()).is_err() {
        return Err(wrong_passphrase(path));
    }
    from_pkcs8(path, der.as_bytes())
}

/// Refuses what would take minutes, or more memory than there is; and N = 0, which the decoder takes for a power of two.
fn check_cost(path: &Path, scheme: &EncryptionScheme) -> Result<(), Refusal> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Err(not_decryptable(path)) };
    let affordable = match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(kdf) => (1..=MOST_ITERATIONS).contains(&kdf.iteration_count),
        pbes2::Kdf::Scrypt(kdf) => {
            let memory = u64::from(kdf.block_size).saturating_mul(128).saturating_mul(kdf.cost_parameter);
            kdf.cost_parameter.is_power_of_two()
                && (1..=MOST_SCRYPT_BYTES).contains(&memory)
                && (1..=16).contains(&kdf.parallelization)
        }
        _ => false,
    };
    if affordable { Ok(()) } else { Err(not_decryptable(path)) }
}

fn encrypt(der: &SecretDocument, passphrase: &str) -> Result<SecretDocument, Refusal> {
    let salt: [u8; 16] = random_bytes()?;
    let iv: [u8; 16] = random_bytes()?;
    let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv).map_err(not_encoded)?;
    let info = PrivateKeyInfoRef::from_der(der.as_bytes()).map_err(not_encoded)?;
    info.encrypt_with_params(parameters, passphrase.as_bytes()).map_err(not_encoded)
}

/// PKCS#8 version 1 in DER: without the public half, which makes it version 2.
fn to_pkcs8_v1(key: &SecretKey) -> Result<SecretDocument, Refusal> {
    match key {
        SecretKey::Ed25519(key) => {
            // RFC 8410, section 7: an OCTET STRING inside the OCTET STRING.
            let secret = Zeroizing::new(key.to_bytes());
            let inner = Zeroizing::new(
                OctetStringRef::new(secret.as_slice()).and_then(|secret| secret.to_der()).map_err(not_encoded)?,
            );
            let inner = OctetStringRef::new(&inner).map_err(not_encoded)?;
            let info = PrivateKeyInfoRef::new(ed25519_dalek::pkcs8::ALGORITHM_ID, inner);
            SecretDocument::encode_msg(&info).map_err(not_encoded)
        }
        // RFC 5915 keeps the public half inside the private key, where OpenSSL expects it; the outer version is 1.
        SecretKey::P256(key) => p256::SecretKey::from(key).to_pkcs8_der().map_err(not_encoded),
    }
}

fn not_pem(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_NOT_PEM",
        format!("{} is not a PEM file", path.display()),
        "give a file that begins with -----BEGIN; a DER file is converted by: openssl pkey -inform DER",
    )
}

fn wrong_label(path: &Path, label: &str, wanted: &str) -> Refusal {
    let name = path.display();
    if label.contains("CERTIFICATE") {
        return Refusal::usage(
            "KEY_IS_CERTIFICATE",
            format!("{name} is a certificate or a request for one; {wanted}"),
            "give the path of the key",
        );
    }
    Refusal::usage("KEY_LABEL", format!("{name} holds BEGIN {label}; {wanted}"), "give the path of the key")
}

fn wrong_passphrase(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_PASSPHRASE",
        format!("the passphrase does not open {}", path.display()),
        "try again; if the passphrase is right, the file is damaged: take a copy",
    )
}

fn not_decryptable(path: &Path) -> Refusal {
    Refusal::usage(
        "KEY_ENCRYPTION",
        format!("{} is encrypted in a way that is not supported, or at too high a cost", path.display()),
        format!(
            "encrypt it anew: openssl pkcs8 -topk8 -in {} -out NEW.pem -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter {ITERATIONS}",
            path.display()
        ),
    )
}

fn damaged(path: &Path, why: &str) -> Refusal {
    Refusal::usage(
        "KEY_DAMAGED",
        format!("the key file {} is damaged: {why}", path.display()),
        "take an undamaged copy of the file",
    )
}

/// Encoding a key that is already valid does not fail; if it does, this says where.
fn not_encoded(error: impl fmt::Display) -> Refusal {
    Refusal::internal("KEY_NOT_ENCODED", format!("the key cannot be encoded: {error}"), "please report this line")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Exit;
    use std::path::PathBuf;
    use std::process::Command;
    use tempfile::{TempDir, tempdir};

    const ED25519: &str = include_str!("../tests/keys/ed25519.pem");
    const ED25519_PUBLIC: &str = include_str!("../tests/keys/ed25519.pub.pem");
    const P256: &str = include_str!("../tests/keys/p256.pem");
    const P256_PUBLIC: &str = include_str!("../tests/keys/p256.pub.pem");
    const ENCRYPTED: &str = include_str!("../tests/keys/ed25519-pbkdf2.pem");

    /// A folder of key files, each readable for its owner only.
    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempdir().expect("folder"))
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn file(&self, contents: impl AsRef<[u8]>) -> PathBuf {
            let path = self.path("key.pem");
            files::write_whole(&path, contents.as_ref(), Mode::Private).expect("written");
            path
        }

        fn load(&self, contents: impl AsRef<[u8]>) -> Result<SecretKey, Refusal> {
            load(&self.file(contents), &never)
        }
    }

    fn never() -> Result<Zeroizing<String>, Refusal> {
        panic!("no passphrase is needed")
    }

    fn correct() -> Result<Zeroizing<String>, Refusal> {
        Ok(Zeroizing::new("correct".into()))
    }

    fn wrong() -> Result<Zeroizing<String>, Refusal> {
        Ok(Zeroizing::new("Correct".into()))
    }

    fn refused<T: fmt::Debug>(result: Result<T, Refusal>) -> (&'static str, String) {
        let refusal = result.expect_err("must be refused");
        assert_eq!(refusal.exit(), Exit::Usage, "{refusal}");
        assert!(!refusal.what().ends_with('.') && !refusal.remedy().ends_with('.'));
        (refusal.code(), refusal.what().to_owned())
    }

    fn code<T: fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
        refused(result).0
    }

    fn keys() -> [SecretKey; 2] {
        [KeyKind::Ed25519, KeyKind::P256].map(|kind| SecretKey::generate(kind, &[9; 32]).expect("a key"))
    }

    fn der(pem: &str) -> Vec<u8> {
        SecretDocument::from_pem(pem).expect("PEM").1.as_bytes().to_vec()
    }

    fn pem(label: &'static str, der: &[u8]) -> String {
        SecretDocument::try_from(der).expect("DER").to_pem(label, LineEnding::LF).expect("PEM").to_string()
    }

    #[test]
    fn what_is_saved_is_loaded_and_never_overwritten() {
        for key in keys() {
            let folder = Folder::new();
            let (plain, encrypted, public) = (folder.path("a"), folder.path("b"), folder.path("c"));
            save(&plain, &key, None).expect("saved");
            save(&encrypted, &key, Some("correct")).expect("saved");
            save_public(&public, &key.public()).expect("saved");
            assert_eq!(load(&plain, &never).expect("loaded").public(), key.public());
            assert_eq!(load(&encrypted, &correct).expect("loaded").public(), key.public());
            assert_eq!(code(load(&encrypted, &wrong)), "KEY_PASSPHRASE");
            assert_eq!(load_public(&public).expect("loaded"), key.public());
            assert_eq!(load_public(&plain).expect("loaded"), key.public());
            assert_eq!(code(load_public(&encrypted)), "KEY_ENCRYPTED");

            let before = fs::read(&plain).expect("read");
            assert_eq!(code(save(&plain, &key, None)), "FILE_EXISTS");
            assert_eq!(code(save_public(&plain, &key.public())), "FILE_EXISTS");
            assert_eq!(fs::read(&plain).expect("read"), before);
            assert_eq!(code(save(&folder.path("no/key"), &key, None)), "FOLDER_MISSING");
            assert_eq!(code(save(&folder.path("d"), &key, Some(""))), "PASSPHRASE_EMPTY");
            assert!(!folder.path("d").exists());
        }
    }

    #[test]
    fn two_encrypted_files_of_one_key_differ() {
        let [key, _] = keys();
        let folder = Folder::new();
        for name in ["a", "b"] {
            save(&folder.path(name), &key, Some("correct")).expect("saved");
        }
        assert_ne!(fs::read(folder.path("a")).expect("read"), fs::read(folder.path("b")).expect("read"));
    }

    #[test]
    fn plain_files_are_version_1_without_a_public_key() {
        let [ed25519, p256] = keys();
        let der = to_pkcs8_v1(&ed25519).expect("encoded");
        // RFC 8410, section 10.3, the first example: SEQUENCE, INTEGER 0, id-Ed25519, OCTET STRING in OCTET STRING.
        let mut wanted = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        wanted.extend([9; 32]);
        assert_eq!(der.as_bytes(), wanted);

        let der = to_pkcs8_v1(&p256).expect("encoded");
        assert_eq!(der.as_bytes()[3..6], [2, 1, 0]);
        assert!(PrivateKeyInfoRef::from_der(der.as_bytes()).expect("PKCS#8").public_key.is_none());
    }

    #[cfg(unix)]
    #[test]
    fn saved_files_have_their_modes() {
        use std::os::unix::fs::PermissionsExt as _;
        let [key, _] = keys();
        let folder = Folder::new();
        let (secret, public) = (folder.path("a"), folder.path("b"));
        save(&secret, &key, None).expect("saved");
        save_public(&public, &key.public()).expect("saved");
        assert_eq!(fs::metadata(&secret).expect("stat").permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(&public).expect("stat").permissions().mode() & !0o044 & 0o7777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn files_others_can_reach_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let path = folder.file(ED25519);
        for mode in [0o600, 0o400, 0o700] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            load(&path, &never).expect("private enough");
            load_public(&path).expect("private enough");
        }
        for mode in [0o644, 0o660, 0o640, 0o620, 0o610, 0o604, 0o602, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            for refusal in [load(&path, &never).map(|key| key.public()), load_public(&path)] {
                let refusal = refusal.expect_err("must be refused");
                assert_eq!((refusal.code(), refusal.exit()), ("KEY_OPEN", Exit::Usage));
                assert!(refusal.what().contains(&format!("(mode {mode:04o})")), "{refusal}");
                assert!(refusal.remedy().contains("chmod 600"), "{refusal}");
            }
        }
        // A public key may be read by everybody.
        let public = folder.file(P256_PUBLIC);
        fs::set_permissions(&public, fs::Permissions::from_mode(0o644)).expect("chmod");
        load_public(&public).expect("public");
    }

    #[cfg(unix)]
    #[test]
    fn files_of_others_are_refused() {
        assert!(check_owner(Path::new("k"), 1000, 1000).is_ok());
        assert_eq!(code(check_owner(Path::new("k"), 1000, 0)), "KEY_OWNER");
        assert_eq!(code(check_owner(Path::new("k"), 0, 1000)), "KEY_OWNER");
        // Only root can give a file away, so only root sees the whole way.
        if rustix::process::geteuid().is_root() {
            let folder = Folder::new();
            let path = folder.file(ED25519);
            std::os::unix::fs::chown(&path, Some(65_534), None).expect("chown");
            assert_eq!(code(load(&path, &never)), "KEY_OWNER");
            assert_eq!(code(load_public(&path)), "KEY_OWNER");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_devices_are_refused() {
        let folder = Folder::new();
        let link = folder.path("link");
        std::os::unix::fs::symlink(folder.file(ED25519), &link).expect("link");
        assert_eq!(code(load(&link, &never)), "KEY_SYMLINK");
        assert_eq!(code(load_public(&link)), "KEY_SYMLINK");
        // Whoever swaps the file for a link after the first look is stopped by the second.
        assert_eq!(code(open_no_follow(&link)), "KEY_SYMLINK");
        assert_eq!(code(load(Path::new("/dev/null"), &never)), "KEY_NOT_PLAIN");
        let pipe = folder.path("pipe");
        if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            assert_eq!(code(load(&pipe, &never)), "KEY_NOT_PLAIN");
        }
    }

    #[test]
    fn paths_that_hold_no_key_file_are_named() {
        let folder = Folder::new();
        for result in [load(&folder.path("no"), &never).map(|key| key.public()), load_public(&folder.path("no"))] {
            assert_eq!(code(result), "FILE_MISSING");
        }
        assert_eq!(code(load(folder.0.path(), &never)), "FILE_IS_FOLDER");
        assert_eq!(code(load_public(folder.0.path())), "FILE_IS_FOLDER");
        for contents in [&b""[..], b"\n", b"hello", b"\xff\xfe", &der(ED25519)] {
            assert_eq!(code(folder.load(contents)), "KEY_NOT_PEM");
        }
    }

    #[test]
    fn the_size_is_bounded() {
        let folder = Folder::new();
        let pad = |to: usize| format!("{ED25519}{}", " ".repeat(to - ED25519.len()));
        folder.load(pad(16 * 1024)).expect("at the limit");
        assert_eq!(code(folder.load(pad(16 * 1024 + 1))), "KEY_TOO_LARGE");
    }

    #[test]
    fn blank_space_and_windows_line_ends_are_harmless() {
        let folder = Folder::new();
        let wanted = folder.load(ED25519).expect("loaded").public();
        for text in [ED25519.replace('\n', "\r\n"), format!("\n \n{ED25519}\n\n"), ED25519.trim_end().to_owned()] {
            assert_eq!(folder.load(text).expect("loaded").public(), wanted);
        }
    }

    #[test]
    fn one_block_and_nothing_else() {
        let folder = Folder::new();
        assert_eq!(code(folder.load(format!("{ED25519}{ED25519}"))), "KEY_SEVERAL");
        assert_eq!(code(folder.load(format!("{ED25519}{ED25519_PUBLIC}"))), "KEY_SEVERAL");
        assert_eq!(code(folder.load(format!("{ED25519}rubbish"))), "KEY_SURROUNDED");
        assert_eq!(code(folder.load(format!("Bag Attributes\n{ED25519}"))), "KEY_SURROUNDED");
        assert_eq!(code(folder.load(format!("\u{feff}{ED25519}"))), "KEY_SURROUNDED");
        assert_eq!(code(folder.load(ED25519.replace("-----END PRIVATE KEY-----", ""))), "KEY_DAMAGED");
        assert_eq!(code(folder.load("-----BEGIN PRIVATE KEY")), "KEY_DAMAGED");
        assert_eq!(code(folder.load(ED25519.replacen('M', "!", 1))), "KEY_DAMAGED");
        // A byte after the DER, inside the PEM.
        let mut long = der(ED25519);
        long.push(0);
        let text = pem_by_hand(&long);
        assert_eq!(code(folder.load(text)), "KEY_DAMAGED");
    }

    /// PEM of any bytes, also of what is not one DER value and what the encoder therefore refuses.
    fn pem_by_hand(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            for index in 0..4 {
                let sextet = (bits >> (18 - 6 * index)) as usize & 63;
                text.push(if index <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
            }
        }
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    #[test]
    fn the_hand_made_pem_is_right_when_the_der_is() {
        assert_eq!(pem_by_hand(&der(ED25519)), ED25519);
    }

    #[test]
    fn other_blocks_are_named() {
        let folder = Folder::new();
        let (found, what) = refused(folder.load(ED25519_PUBLIC));
        assert_eq!(found, "KEY_IS_PUBLIC");
        assert!(what.ends_with("is a public key; the private key begins with BEGIN PRIVATE KEY"), "{what}");
        for certificate in [include_str!("../tests/keys/certificate.pem"), include_str!("../tests/keys/request.pem")] {
            assert_eq!(code(folder.load(certificate)), "KEY_IS_CERTIFICATE");
            assert_eq!(code(load_public(&folder.file(certificate))), "KEY_IS_CERTIFICATE");
        }
        let (found, what) = refused(folder.load(ED25519.replace("PRIVATE KEY", "X9.42 DH PARAMETERS")));
        assert_eq!(found, "KEY_LABEL");
        assert!(what.contains("BEGIN X9.42 DH PARAMETERS"), "{what}");
        for (length, found) in [(40, "KEY_LABEL"), (41, "KEY_DAMAGED")] {
            assert_eq!(code(folder.load(ED25519.replace("PRIVATE KEY", &"A".repeat(length)))), found);
        }
        for (old, label) in [
            (include_str!("../tests/keys/sec1.pem"), "EC PRIVATE KEY"),
            (include_str!("../tests/keys/pkcs1.pem"), "RSA PRIVATE KEY"),
            (include_str!("../tests/keys/openssh.pem"), "OPENSSH PRIVATE KEY"),
        ] {
            let (found, what) = refused(folder.load(old));
            assert_eq!(found, "KEY_FORMAT");
            assert!(what.contains(label), "{what}");
        }
    }

    #[test]
    fn other_types_are_named() {
        let folder = Folder::new();
        for (text, name) in [
            (include_str!("../tests/keys/rsa.pem"), "type RSA;"),
            (include_str!("../tests/keys/x25519.pem"), "type X25519;"),
            (include_str!("../tests/keys/ed448.pem"), "type Ed448;"),
            (include_str!("../tests/keys/p384.pem"), "type P-384;"),
            (include_str!("../tests/keys/sm2.pem"), "type SM2;"),
        ] {
            let (found, what) = refused(folder.load(text));
            assert_eq!(found, "KEY_TYPE");
            assert!(what.contains(name), "{what}");
        }
        for (text, name) in [
            (include_str!("../tests/keys/rsa.pub.pem"), "type RSA;"),
            (include_str!("../tests/keys/p384.pub.pem"), "type P-384;"),
        ] {
            let (found, what) = refused(load_public(&folder.file(text)));
            assert_eq!(found, "KEY_TYPE");
            assert!(what.contains(name), "{what}");
        }
        let encrypted = folder.file(include_str!("../tests/keys/rsa-encrypted.pem"));
        assert_eq!(code(load(&encrypted, &correct)), "KEY_TYPE");
        assert_eq!(code(folder.load(include_str!("../tests/keys/p256-explicit.pem"))), "KEY_DAMAGED");
    }

    #[test]
    fn files_of_openssl_are_read() {
        let folder = Folder::new();
        let ed25519 = load_public(&folder.file(ED25519_PUBLIC)).expect("public");
        let p256 = load_public(&folder.file(P256_PUBLIC)).expect("public");
        assert_eq!((ed25519.kind(), ed25519.as_bytes().len()), (KeyKind::Ed25519, 32));
        assert_eq!((p256.kind(), p256.as_bytes().len()), (KeyKind::P256, 33));
        assert_eq!(folder.load(ED25519).expect("loaded").public(), ed25519);
        assert_eq!(folder.load(P256).expect("loaded").public(), p256);
        for (text, public) in [
            (ENCRYPTED, ed25519),
            (include_str!("../tests/keys/ed25519-aes128.pem"), ed25519),
            (include_str!("../tests/keys/p256-pbkdf2.pem"), p256),
            (include_str!("../tests/keys/p256-scrypt.pem"), p256),
        ] {
            let path = folder.file(text);
            assert_eq!(load(&path, &correct).expect("loaded").public(), public);
            assert_eq!(code(load(&path, &wrong)), "KEY_PASSPHRASE");
        }
    }

    #[test]
    fn openssl_reads_what_is_saved() {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("no openssl here: not tried");
            return;
        }
        for key in keys() {
            let folder = Folder::new();
            let public = folder.path("public");
            save_public(&public, &key.public()).expect("saved");
            for passphrase in [None, Some("correct")] {
                let path = folder.path(if passphrase.is_some() { "encrypted" } else { "plain" });
                save(&path, &key, passphrase).expect("saved");
                let output = Command::new("openssl")
                    .args(["pkey", "-pubout", "-passin", "pass:correct", "-in"])
                    .arg(&path)
                    .output()
                    .expect("openssl runs");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(output.stdout, fs::read(&public).expect("read"));
            }
        }
    }

    #[test]
    fn version_2_is_read_and_its_halves_compared() {
        let folder = Folder::new();
        let SecretKey::Ed25519(key) = folder.load(ED25519).expect("loaded") else { panic!("Ed25519") };
        let v2 = key.to_pkcs8_der().expect("encoded").as_bytes().to_vec();
        assert_eq!(v2[4], 1);
        let loaded = folder.load(pem("PRIVATE KEY", &v2)).expect("loaded").public();
        assert_eq!(loaded.as_bytes(), key.verifying_key().as_bytes());
        let mut other = v2.clone();
        let secret = 16;
        other[secret] ^= 1;
        assert_eq!(code(folder.load(pem("PRIVATE KEY", &other))), "KEY_DAMAGED");

        // In P-256 the public half stands inside; the private one begins after the header of 36 bytes.
        let mut other = der(P256);
        assert_eq!(other[34..36], [4, 32]);
        other[40] ^= 1;
        assert_eq!(code(folder.load(pem("PRIVATE KEY", &other))), "KEY_DAMAGED");
    }

    #[test]
    fn every_cut_and_every_changed_header_byte_is_refused() {
        let folder = Folder::new();
        let whole = der(ED25519);
        for index in 0..16 {
            let mut changed = whole.clone();
            changed[index] ^= 0x41;
            let Ok(document) = SecretDocument::try_from(changed.as_slice()) else { continue };
            let text = document.to_pem("PRIVATE KEY", LineEnding::LF).expect("PEM");
            let refusal = folder.load(text.as_bytes()).expect_err("must be refused");
            assert!(matches!(refusal.code(), "KEY_DAMAGED" | "KEY_TYPE"), "{index}: {refusal}");
        }
        for length in 0..ED25519.len() - 1 {
            folder.load(&ED25519[..length]).expect_err("cut");
        }
        for length in 0..ENCRYPTED.len() - 1 {
            load(&folder.file(&ENCRYPTED[..length]), &never).expect_err("cut");
        }
    }

    #[test]
    fn encryption_that_is_not_supported_is_refused() {
        let folder = Folder::new();
        for text in [
            include_str!("../tests/keys/ed25519-des3.pem"),
            include_str!("../tests/keys/ed25519-sha1.pem"),
            include_str!("../tests/keys/ed25519-pbes1.pem"),
        ] {
            assert_eq!(code(load(&folder.file(text), &correct)), "KEY_ENCRYPTION");
        }
    }

    #[test]
    fn the_cost_of_decrypting_is_bounded() {
        let scheme = |kdf| {
            let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
            EncryptionScheme::Pbes2(pbes2::Parameters { kdf, encryption })
        };
        let salt = || pbes2::Salt::try_from(&[7u8; 16][..]).expect("salt");
        let pbkdf2 = |iteration_count| {
            let prf = pbes2::Pbkdf2Prf::HmacWithSha256;
            scheme(pbes2::Pbkdf2Params { salt: salt(), iteration_count, key_length: None, prf }.into())
        };
        let scrypt = |cost_parameter, block_size, parallelization| {
            let key_length = None;
            let salt = salt();
            scheme(pbes2::ScryptParams { salt, cost_parameter, block_size, parallelization, key_length }.into())
        };
        let fine = |scheme: &EncryptionScheme| check_cost(Path::new("k"), scheme).is_ok();
        assert!(fine(&pbkdf2(1)) && fine(&pbkdf2(10_000_000)));
        assert!(!fine(&pbkdf2(0)) && !fine(&pbkdf2(10_000_001)));
        assert!(fine(&scrypt(16_384, 8, 1)) && fine(&scrypt(1 << 18, 8, 16)));
        assert!(!fine(&scrypt(1 << 19, 8, 1)) && !fine(&scrypt(1 << 18, 9, 1)) && !fine(&scrypt(16_384, 8, 17)));
        assert!(!fine(&scrypt(0, 8, 1)) && !fine(&scrypt(16_383, 8, 1)));
        assert!(!fine(&scrypt(16_384, 0, 1)) && !fine(&scrypt(16_384, 8, 0)) && !fine(&scrypt(1 << 63, 8, 1)));

        let data = [0; 32];
        let info = EncryptedPrivateKeyInfoRef {
            encryption_algorithm: scrypt(0, 8, 1),
            encrypted_data: OctetStringRef::new(&data).expect("octets"),
        };
        let text = pem("ENCRYPTED PRIVATE KEY", &info.to_der().expect("DER"));
        assert_eq!(code(load(&Folder::new().file(text), &never)), "KEY_ENCRYPTION");
    }

    #[test]
    fn a_refused_passphrase_is_passed_on() {
        let folder = Folder::new();
        let result = load(&folder.file(ENCRYPTED), &|| Err(passphrase::empty()));
        assert_eq!(code(result), "PASSPHRASE_EMPTY");
    }

    /// One wrong passphrase in 256 gives correct padding; all must be told the same.
    #[test]
    fn every_wrong_passphrase_is_told_the_same() {
        let folder = Folder::new();
        let path = folder.file(ENCRYPTED);
        for number in 0..600 {
            let result = load(&path, &|| Ok(Zeroizing::new(format!("wrong {number}"))));
            assert_eq!(code(result), "KEY_PASSPHRASE", "{number}");
        }
    }

    #[test]
    fn public_keys_that_are_no_keys_are_refused() {
        let folder = Folder::new();
        let spki = der(ED25519_PUBLIC);
        let with_point = |point: [u8; 32]| {
            let mut der = spki.clone();
            let start = der.len() - 32;
            der[start..].copy_from_slice(&point);
            load_public(&folder.file(pem("PUBLIC KEY", &der)))
        };
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(code(with_point(identity)), "KEY_WEAK");
        assert_eq!(code(with_point([0; 32])), "KEY_WEAK");
        // y = 2 is on no point of the curve.
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        assert_eq!(code(with_point(off_curve)), "KEY_DAMAGED");

        let mut off_curve = der(P256_PUBLIC);
        let last = off_curve.len() - 1;
        off_curve[last] ^= 1;
        assert_eq!(code(load_public(&folder.file(pem("PUBLIC KEY", &off_curve)))), "KEY_DAMAGED");
    }

    #[test]
    fn scalars_out_of_range_ask_for_other_bytes() {
        // The order of P-256 (FIPS 186-5 by way of SP 800-186, section 3.2.1.3).
        let order: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
            0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ];
        let mut largest = order;
        largest[31] -= 1;
        let mut one = [0; 32];
        one[31] = 1;
        for fine in [one, largest] {
            SecretKey::generate(KeyKind::P256, &fine).expect("in range");
        }
        for random in [[0; 32], order, [0xff; 32]] {
            let refusal = SecretKey::generate(KeyKind::P256, &random).expect_err("out of range");
            assert_eq!((refusal.code(), refusal.exit()), ("KEY_SCALAR", Exit::Internal));
            SecretKey::generate(KeyKind::Ed25519, &random).expect("Ed25519 takes any bytes");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let [ed25519, p256] = keys();
        assert_eq!(format!("{ed25519:?} {p256:?}"), "SecretKey(Ed25519) SecretKey(P256)");
        assert!(format!("{:?}", ed25519.public()).starts_with("Ed25519("));
    }

    #[test]
    fn a_damaged_first_line_does_not_put_the_key_into_the_refusal() {
        let folder = Folder::new();
        let secret = &ED25519.lines().nth(1).expect("the second line")[..16];
        for damaged in [
            ED25519.replacen("KEY-----", "KEY-", 1),
            ED25519.replacen("KEY-----\n", "KEY ", 1),
            ED25519.replacen("PRIVATE KEY-----", "", 1),
        ] {
            let (code, what) = refused(folder.load(&damaged));
            assert_eq!(code, "KEY_DAMAGED", "{what}");
            assert!(!what.contains(secret), "{what}");
        }
    }
}
