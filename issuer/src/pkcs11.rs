//! Keys that never leave their token: smart cards, USB tokens and hardware modules that speak PKCS#11 (v2.40, v3.0), named by the URIs of
//! RFC 7512.
//!
//! ```text
//! pkcs11:token=ISSUER;object=permit-2026?module-path=/usr/lib/softhsm/libsofthsm2.so
//! ```
//!
//! [`Pkcs11Key`] signs with `CKM_EDDSA` over edwards25519, single part and without parameters, which is Ed25519 of RFC 8032. It is a
//! [`Signer`] like any other: [`IssuingKey`](crate::IssuingKey) verifies each of its signatures before anything leaves. Signatures are
//! made one after the other, however many threads ask.
//!
//! **The PIN** comes in as an argument and is never part of the URI. It is kept, and wiped at the end, because a session that was lost is
//! opened once more. A second failure is final for this key object: a token counts wrong PINs and locks itself.
//!
//! **The module**, a shared library of the token's maker, runs inside this process and can do whatever the process can: its path is to be
//! chosen like a program's. Once loaded it stays until the process ends, since modules start threads of their own.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use credential_format::key::{CoseKey, PublicKey};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use ed25519_dalek::Signature;
use sha2::{Digest, Sha256};
use signature::Signer;

/// An Ed25519 private key in a token, with a session in which its user is logged in.
pub struct Pkcs11Key {
    uri: KeyUri,
    pin: AuthPin,
    public: PublicKey,
    /// None once a lost session could not be opened again.
    connection: Mutex<Option<Connection>>,
}

impl Pkcs11Key {
    /// The key of this name: logs in, and reads the public half. One wrong PIN costs one of the token's attempts.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn open(uri: &KeyUri, pin: &str) -> Result<Pkcs11Key, Pkcs11Error> {
        let pin = AuthPin::new(pin.into());
        let (connection, public) = connect(uri, &pin)?;
        Ok(Pkcs11Key { uri: uri.clone(), pin, public, connection: Mutex::new(Some(connection)) })
    }

    /// Makes a key pair of this name in the token: sensitive, not extractable, made there. One message is signed with it and checked.
    ///
    /// The URI must say `object`. Without an `id` the objects get one that is derived from the name.
    ///
    /// # Errors
    /// [`Pkcs11Error::Exists`] if the token has a key with this name or this id, and the others.
    pub fn generate(uri: &KeyUri, pin: &str) -> Result<Pkcs11Key, Pkcs11Error> {
        let Some(label) = &uri.object else { return Err(Pkcs11Error::Uri(KeyUriError::NoObject)) };
        let auth_pin = AuthPin::new(pin.into());
        let session = log_in(uri, &auth_pin, Access::Write)?;
        let derived = || Sha256::digest(label.as_bytes()).iter().take(8).copied().collect();
        let id: Vec<u8> = uri.id.clone().unwrap_or_else(derived);
        let names = [Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.clone())];
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for name in &names {
                if !find(&session, &[Attribute::Class(class), name.clone()])?.is_empty() {
                    return Err(Pkcs11Error::Exists);
                }
            }
        }
        let pair = generate_pair(&session, label, &id)?;
        let key = kept_by_the_token(&session, pair.1).and_then(|()| Pkcs11Key::open(uri, pin)).and_then(|key| {
            let message = b"juma: the first signature of a new key";
            let signature = key.sign(message)?;
            key.public.verify(message, &signature).map_err(|_| Pkcs11Error::WrongSignature)?;
            Ok(key)
        });
        if key.is_err() {
            // A pair that is not as it should be must not be found by the next command.
            let _ = session.destroy_object(pair.1);
            let _ = session.destroy_object(pair.0);
        }
        key
    }

    /// The public half, as the token has it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs. If the token gives no signature, it is looked for, logged in to and asked once more; then never again by this object.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], Pkcs11Error> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = connection.as_ref() else { return Err(Pkcs11Error::Lost) };
        if let Ok(signature) = open.sign(message) {
            return Ok(signature);
        }
        // Closed before the next is opened. Whatever fails from here on leaves nothing to ask: a token counts wrong PINs.
        *connection = None;
        let (opened, public) = connect(&self.uri, &self.pin)?;
        if public != self.public {
            return Err(Pkcs11Error::AnotherKey);
        }
        let signature = opened.sign(message)?;
        *connection = Some(opened);
        Ok(signature)
    }
}

impl Signer<Signature> for Pkcs11Key {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        self.sign(message).map(|signature| Signature::from_bytes(&signature)).map_err(signature::Error::from_source)
    }
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key").field("kid", &self.public.kid()).finish_non_exhaustive()
    }
}

/// Which key in which token, and the module that speaks to it (RFC 7512).
///
/// Path attributes `token`, `serial`, `manufacturer`, `model` (which token), `object`, `id` (which key) and `type=private`; query attribute
/// `module-path`. The path of the module, a token or a serial number, and an object or an id are needed. Any other attribute is refused: who
/// wrote it meant something by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUri {
    module_path: PathBuf,
    token: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
}

impl KeyUri {
    /// Reads a URI.
    ///
    /// # Errors
    /// [`KeyUriError`], which never holds a value of the URI: somebody may have written a PIN into it.
    pub fn parse(text: &str) -> Result<KeyUri, KeyUriError> {
        let (scheme, rest) = text.split_at_checked(7).ok_or(KeyUriError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("pkcs11:") {
            return Err(KeyUriError::Scheme);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut found: HashMap<&'static str, Vec<u8>> = HashMap::new();
        for (part, names) in path.split(';').map(|part| (part, PATH)).chain(query.split('&').map(|part| (part, QUERY)))
        {
            if part.is_empty() {
                continue;
            }
            let (name, value) = part.split_once('=').ok_or(KeyUriError::NoValue)?;
            if name == "pin-value" || name == "pin-source" {
                return Err(KeyUriError::Pin);
            }
            let name = names.iter().find(|known| **known == name).ok_or(KeyUriError::Attribute)?;
            let value = percent_decoded(value).ok_or(KeyUriError::Value(name))?;
            if value.is_empty() {
                return Err(KeyUriError::Value(name));
            }
            if found.insert(name, value).is_some() {
                return Err(KeyUriError::Twice(name));
            }
        }
        let id = found.remove("id");
        let mut text_of = |name: &'static str| match found.remove(name).map(String::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) if !text.contains(char::is_control) => Ok(Some(text)),
            Some(_) => Err(KeyUriError::Value(name)),
        };
        let module_path = PathBuf::from(text_of("module-path")?.ok_or(KeyUriError::NoModule)?);
        if !module_path.is_absolute() {
            return Err(KeyUriError::Module);
        }
        if text_of("type")?.is_some_and(|kind| kind != "private") {
            return Err(KeyUriError::Value("type"));
        }
        let uri = KeyUri {
            module_path,
            token: text_of("token")?,
            serial: text_of("serial")?,
            manufacturer: text_of("manufacturer")?,
            model: text_of("model")?,
            object: text_of("object")?,
            id,
        };
        if uri.token.is_none() && uri.serial.is_none() {
            return Err(KeyUriError::NoToken);
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(KeyUriError::NoObject);
        }
        Ok(uri)
    }

    /// The shared library that speaks to the token.
    pub fn module_path(&self) -> &Path {
        &self.module_path
    }

    fn is_token(&self, info: &cryptoki::slot::TokenInfo) -> bool {
        let same = |asked: &Option<String>, is: &str| asked.as_ref().is_none_or(|asked| asked == is.trim_end());
        same(&self.token, info.label())
            && same(&self.serial, info.serial_number())
            && same(&self.manufacturer, info.manufacturer_id())
            && same(&self.model, info.model())
    }

    fn template(&self, class: ObjectClass) -> Vec<Attribute> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(self.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
        template.extend(self.id.as_ref().map(|id| Attribute::Id(id.clone())));
        template
    }
}

const PATH: &[&str] = &["token", "serial", "manufacturer", "model", "object", "id", "type"];
const QUERY: &[&str] = &["module-path"];

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let (high, low) = (char::from(bytes.next()?).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    Some(decoded)
}

/// What is wrong with a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyUriError {
    /// Another scheme.
    #[error("the key is not named by a PKCS#11 URI; write it like {EXAMPLE}")]
    Scheme,
    /// A PIN, or where it stands.
    #[error(
        "the URI of the key holds a PIN or its source, which other processes can read there; change that PIN, and give the new one with --passphrase-file, --passphrase-fd or in the terminal"
    )]
    Pin,
    /// An attribute without a value.
    #[error("the URI of the key has an attribute without a value; write it like {EXAMPLE}")]
    NoValue,
    /// An attribute that is not known here.
    #[error(
        "the URI of the key has an attribute that is not known here; use token, serial, manufacturer, model, object, id and type before the ? and module-path after it"
    )]
    Attribute,
    /// A value that the attribute cannot have.
    #[error(
        "the URI of the key has an unfit value for {0}; write it in UTF-8, with %20 for a space, and type only as private"
    )]
    Value(&'static str),
    /// The same attribute again.
    #[error("the URI of the key has {0} more than once; leave one of them out")]
    Twice(&'static str),
    /// No module.
    #[error(
        "the URI of the key does not say by which module the token is reached; add ?module-path=/usr/lib/... to it"
    )]
    NoModule,
    /// A path from the folder where the command happens to be started.
    #[error("the module-path in the URI of the key does not begin at the root; write the whole path")]
    Module,
    /// No token.
    #[error("the URI of the key does not say which token has it; add token=NAME or serial=NUMBER")]
    NoToken,
    /// No key.
    #[error("the URI of the key does not say which key of the token it is; add object=NAME or id=%01")]
    NoObject,
}

const EXAMPLE: &str = "pkcs11:token=ISSUER;object=permit-2026?module-path=/usr/lib/softhsm/libsofthsm2.so";

impl KeyUriError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyUriError::Pin => "PKCS11_URI_PIN",
            _ => "PKCS11_URI",
        }
    }
}

/// Why a token gives no key or no signature. Nothing of it names the PIN.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs11Error {
    /// The URI lacks what this call needs.
    #[error(transparent)]
    Uri(#[from] KeyUriError),
    /// The shared library is not there, or is no PKCS#11 module.
    #[error("the PKCS#11 module {path} cannot be loaded: {error}; install the software of the token, and check module-path", path = .path.display())]
    Module {
        /// Its path.
        path: PathBuf,
        /// What the loader says.
        error: Error,
    },
    /// Not exactly one token of this name.
    #[error(
        "{count} tokens match the URI of the key, and exactly one must; put the token in, and check its name and serial number"
    )]
    Tokens {
        /// How many do.
        count: usize,
    },
    /// The PIN is wrong.
    #[error("the token refuses the PIN; check it before you try again: after a few wrong PINs the token locks itself")]
    Pin,
    /// Too many wrong PINs before.
    #[error("the token is locked after wrong PINs; its security officer must unlock it")]
    PinLocked,
    /// Not exactly one private key of this name.
    #[error("{count} private keys in the token match the URI, and exactly one must; check object, or add id")]
    Keys {
        /// How many do.
        count: usize,
    },
    /// Not exactly one public key beside the private key.
    #[error(
        "{count} public keys in the token belong to the private key, and exactly one must; put its public half into the token, with the same id"
    )]
    PublicKeys {
        /// How many do.
        count: usize,
    },
    /// A key of another kind.
    #[error(
        "the key in the token is not an Ed25519 key, and issuers sign with Ed25519; make a key with `issuer keygen --key-ref`"
    )]
    Curve,
    /// A point that is none.
    #[error("the public key in the token is no fit Ed25519 key; make a new key")]
    Point,
    /// There is an object of the name that a new key is to have.
    #[error("the token has a key of this name or id, and keys are never overwritten; take another name for object")]
    Exists,
    /// The token made a key that could leave it.
    #[error(
        "the token made a key that can be taken out of it, which was deleted again; use a token that keeps its keys"
    )]
    Extractable,
    /// The token gave something else than a signature of 64 bytes, or one that its public key refuses.
    #[error("the token gave a signature that does not belong to its public key; stop and have the token checked")]
    WrongSignature,
    /// After the session was lost, the token showed another public key.
    #[error("the token shows another public key than before under the same name; stop and find out who changed it")]
    AnotherKey,
    /// The session was lost before, and could not be opened again.
    #[error("the token was lost while this command ran; put it in, then run the command again")]
    Lost,
    /// Another refusal of the token.
    #[error("the token refuses: {0}; check the token and its software, then try again")]
    Token(String),
}

impl Pkcs11Error {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Pkcs11Error::Uri(error) => error.code(),
            Pkcs11Error::Module { .. } => "PKCS11_MODULE",
            Pkcs11Error::Tokens { .. } => "PKCS11_TOKEN",
            Pkcs11Error::Pin => "PKCS11_PIN",
            Pkcs11Error::PinLocked => "PKCS11_PIN_LOCKED",
            Pkcs11Error::Keys { .. } => "PKCS11_OBJECT",
            Pkcs11Error::PublicKeys { .. } => "PKCS11_PUBLIC_KEY",
            Pkcs11Error::Curve => "KEY_NOT_ED25519",
            Pkcs11Error::Point => "KEY_UNFIT",
            Pkcs11Error::Exists => "PKCS11_EXISTS",
            Pkcs11Error::Extractable => "PKCS11_EXTRACTABLE",
            Pkcs11Error::WrongSignature => "SIGNATURE_REFUSED",
            Pkcs11Error::AnotherKey => "PKCS11_ANOTHER_KEY",
            Pkcs11Error::Lost => "PKCS11_LOST",
            Pkcs11Error::Token(_) => "PKCS11_FAILED",
        }
    }
}

impl From<Error> for Pkcs11Error {
    fn from(error: Error) -> Pkcs11Error {
        match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => Pkcs11Error::Pin,
            Error::Pkcs11(RvError::PinLocked, _) => Pkcs11Error::PinLocked,
            // The names of the standard, without its paragraphs.
            Error::Pkcs11(refusal, function) => Pkcs11Error::Token(format!("{refusal:?} in C_{function:?}")),
            other => Pkcs11Error::Token(other.to_string()),
        }
    }
}

/// A session in which the user is logged in, and the private key there.
struct Connection {
    session: Session,
    key: ObjectHandle,
}

impl Connection {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Pkcs11Error> {
        let ed25519 = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
        let signature = self.session.sign(&ed25519, self.key, message)?;
        signature.try_into().map_err(|_| Pkcs11Error::WrongSignature)
    }
}

fn connect(uri: &KeyUri, pin: &AuthPin) -> Result<(Connection, PublicKey), Pkcs11Error> {
    let session = log_in(uri, pin, Access::Read)?;
    let keys = find(&session, &uri.template(ObjectClass::PRIVATE_KEY))?;
    let [key] = keys[..] else { return Err(Pkcs11Error::Keys { count: keys.len() }) };
    let public = public_half(&session, key)?;
    Ok((Connection { session, key }, public))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn log_in(uri: &KeyUri, pin: &AuthPin, access: Access) -> Result<Session, Pkcs11Error> {
    let module = module(&uri.module_path)?;
    let mut slots: Vec<Slot> = Vec::new();
    for slot in module.get_slots_with_initialized_token()? {
        // A token that is pulled out at this moment is not the one that is meant.
        if module.get_token_info(slot).is_ok_and(|info| uri.is_token(&info)) {
            slots.push(slot);
        }
    }
    let [slot] = slots[..] else { return Err(Pkcs11Error::Tokens { count: slots.len() }) };
    let session = match access {
        Access::Read => module.open_ro_session(slot)?,
        Access::Write => module.open_rw_session(slot)?,
    };
    match session.login(UserType::User, Some(pin)) {
        // All sessions of a process share one login.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(error) => Err(error.into()),
    }
}

/// The module at this path, loaded once and initialized.
fn module(path: &Path) -> Result<Pkcs11, Pkcs11Error> {
    static LOADED: OnceLock<Mutex<HashMap<PathBuf, Pkcs11>>> = OnceLock::new();
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let refused = |error| Pkcs11Error::Module { path: path.to_owned(), error };
    let module = match loaded.get(path) {
        Some(module) => module.clone(),
        None => {
            let module = Pkcs11::new(path).map_err(refused)?;
            loaded.insert(path.to_owned(), module.clone());
            module
        }
    };
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(refused(error)),
    }
}

fn find(session: &Session, template: &[Attribute]) -> Result<Vec<ObjectHandle>, Pkcs11Error> {
    Ok(session.find_objects(template)?)
}

/// The public key of this private key: PKCS#11 keeps the point with the public object, which has the same id, or else the same name.
fn public_half(session: &Session, key: ObjectHandle) -> Result<PublicKey, Pkcs11Error> {
    let (mut id, mut label, mut is_edwards) = (Vec::new(), Vec::new(), false);
    for attribute in session.get_attributes(key, &[AttributeType::Id, AttributeType::Label, AttributeType::KeyType])? {
        match attribute {
            Attribute::Id(bytes) => id = bytes,
            Attribute::Label(bytes) => label = bytes,
            Attribute::KeyType(kind) => is_edwards = kind == KeyType::EC_EDWARDS,
            _ => {}
        }
    }
    if !is_edwards {
        return Err(Pkcs11Error::Curve);
    }
    let name = if id.is_empty() { Attribute::Label(label) } else { Attribute::Id(id) };
    let publics = find(session, &[Attribute::Class(ObjectClass::PUBLIC_KEY), name])?;
    let [public] = publics[..] else { return Err(Pkcs11Error::PublicKeys { count: publics.len() }) };
    let (mut params, mut point) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])? {
        match attribute {
            Attribute::EcParams(bytes) => params = bytes,
            Attribute::EcPoint(bytes) => point = bytes,
            _ => {}
        }
    }
    if !is_ed25519(&params) {
        return Err(Pkcs11Error::Curve);
    }
    let point = ed25519_point(&point).ok_or(Pkcs11Error::Point)?;
    PublicKey::try_from(&CoseKey::Ed25519(point)).map_err(|_| Pkcs11Error::Point)
}

/// `CKA_EC_PARAMS` of Ed25519: the curve's name as a PrintableString, or the object identifier 1.3.101.112 (PKCS#11 v3.0 section 2.3.5).
fn is_ed25519(params: &[u8]) -> bool {
    params == CURVE_NAME || params == CURVE_OID
}

const CURVE_NAME: &[u8] = b"\x13\x0cedwards25519";
const CURVE_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// `CKA_EC_POINT`: 32 bytes in a DER OCTET STRING, as v2.40 has it, or alone, as some modules do.
fn ed25519_point(point: &[u8]) -> Option<[u8; 32]> {
    match point {
        [0x04, 0x20, point @ ..] if point.len() == 32 => point.try_into().ok(),
        point => point.try_into().ok(),
    }
}

fn generate_pair(session: &Session, label: &str, id: &[u8]) -> Result<(ObjectHandle, ObjectHandle), Pkcs11Error> {
    let label = Attribute::Label(label.as_bytes().to_vec());
    let id = Attribute::Id(id.to_vec());
    let generate = |curve: &[u8]| {
        let public = [
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::EcParams(curve.to_vec()),
            label.clone(),
            id.clone(),
        ];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label.clone(),
            id.clone(),
        ];
        session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)
    };
    // Modules differ in which of the two ways to name the curve they read.
    generate(CURVE_NAME).or_else(|_| generate(CURVE_OID)).map_err(Pkcs11Error::from)
}

/// What was asked for is looked at: a module may take a template and do otherwise.
fn kept_by_the_token(session: &Session, key: ObjectHandle) -> Result<(), Pkcs11Error> {
    let (mut is_sensitive, mut is_extractable) = (false, true);
    for attribute in session.get_attributes(key, &[AttributeType::Sensitive, AttributeType::Extractable])? {
        match attribute {
            Attribute::Sensitive(value) => is_sensitive = value,
            Attribute::Extractable(value) => is_extractable = value,
            _ => {}
        }
    }
    if is_sensitive && !is_extractable { Ok(()) } else { Err(Pkcs11Error::Extractable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = "?module-path=/usr/lib/softhsm/libsofthsm2.so";

    fn parse(path: &str) -> Result<KeyUri, KeyUriError> {
        KeyUri::parse(&format!("pkcs11:{path}{MODULE}"))
    }

    #[test]
    fn a_uri_names_module_token_and_key() {
        let uri = parse("token=Issuer%20One;object=permit-2026;id=%00%ffA;type=private").unwrap();
        assert_eq!(uri.module_path(), Path::new("/usr/lib/softhsm/libsofthsm2.so"));
        assert_eq!(uri.token.as_deref(), Some("Issuer One"));
        assert_eq!(uri.object.as_deref(), Some("permit-2026"));
        assert_eq!(uri.id.as_deref(), Some(&[0, 0xff, b'A'][..]));
        assert_eq!(uri.serial, None);
        assert!(parse("serial=0123;id=%01").is_ok());
        assert!(parse("token=%E5%B1%85;object=a").is_ok());
        assert!(KeyUri::parse(&format!("PKCS11:token=a;object=b{MODULE}")).is_ok());
    }

    #[test]
    fn what_a_uri_must_not_be() {
        assert_eq!(KeyUri::parse("keys/permit.pem"), Err(KeyUriError::Scheme));
        assert_eq!(KeyUri::parse("居住证"), Err(KeyUriError::Scheme));
        assert_eq!(parse("token=a"), Err(KeyUriError::NoObject));
        assert_eq!(parse("object=a"), Err(KeyUriError::NoToken));
        assert_eq!(parse("token=a;object"), Err(KeyUriError::NoValue));
        assert_eq!(parse("token=a;object="), Err(KeyUriError::Value("object")));
        assert_eq!(parse("token=a;object=%f"), Err(KeyUriError::Value("object")));
        assert_eq!(parse("token=a;object=%+1"), Err(KeyUriError::Value("object")));
        assert_eq!(parse("token=a;object=%ff"), Err(KeyUriError::Value("object")));
        assert_eq!(parse("token=a;object=%00"), Err(KeyUriError::Value("object")));
        assert_eq!(parse("token=a;object=b;type=public"), Err(KeyUriError::Value("type")));
        assert_eq!(parse("token=a;token=b;object=c"), Err(KeyUriError::Twice("token")));
        assert_eq!(parse("token=a;object=b;slot-id=1"), Err(KeyUriError::Attribute));
        assert_eq!(parse("token=a;object=b;module-path=/x"), Err(KeyUriError::Attribute));
        assert_eq!(KeyUri::parse("pkcs11:token=a;object=b"), Err(KeyUriError::NoModule));
        assert_eq!(KeyUri::parse("pkcs11:token=a;object=b?module-path=lib.so"), Err(KeyUriError::Module));
    }

    #[test]
    fn a_pin_in_a_uri_is_refused_and_not_repeated() {
        for text in [
            format!("pkcs11:token=a;object=b{MODULE}&pin-value=483920"),
            format!("pkcs11:token=a;object=b{MODULE}&pin-source=file:/483920"),
            format!("pkcs11:token=a;pin-value=483920;object=b{MODULE}"),
        ] {
            let error = KeyUri::parse(&text).unwrap_err();
            assert_eq!((error, error.code()), (KeyUriError::Pin, "PKCS11_URI_PIN"));
            assert!(!format!("{error} {error:?}").contains("483920"));
        }
    }

    #[test]
    fn ed25519_is_told_by_name_or_number_and_nothing_else_is() {
        assert!(is_ed25519(&hex::decode("130c656477617264733235353139").unwrap()));
        assert!(is_ed25519(&hex::decode("06032b6570").unwrap()));
        // P-256, Ed448, X25519, curve25519 by name, nothing.
        for other in ["06082a8648ce3d030107", "06032b6571", "06032b656e", "130a63757276653235353139", ""] {
            assert!(!is_ed25519(&hex::decode(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn a_point_is_32_bytes_with_or_without_its_der_head() {
        let mut point = [7u8; 34];
        assert_eq!(ed25519_point(&point[..32]), Some([7; 32]));
        point[..2].copy_from_slice(&[0x04, 0x20]);
        assert_eq!(ed25519_point(&point), Some([7; 32]));
        assert_eq!(ed25519_point(&point[..33]), None);
        assert_eq!(ed25519_point(&[7; 34]), None);
        assert_eq!(ed25519_point(&[]), None);
        // 32 bytes that begin like a head are a point.
        assert_eq!(ed25519_point(&point[..32]), Some(point[..32].try_into().unwrap()));
    }
}
