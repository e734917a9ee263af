//! The trust list 信任名单: which keys may sign what, and the rules of each region; a COSE_Sign by a threshold of root keys (SPEC section 6).

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::cose::{self, Domain};
use crate::counter_id::CounterId;
use crate::display_text::DisplayText;
use crate::division::{Division, DivisionPrefix};
use crate::key::{Algorithm, CoseKey, Kid, PublicKey, Thumbprint};
use crate::limits::{
    ROOT_KEYS_MAX, STATUS_URI_BYTES_MAX, TRUST_LIST_BYTES_MAX, TRUST_LIST_ITEMS_MAX, TRUST_VERSION_MAX,
};
use crate::permit::timestamp;
use crate::region::{self, RegionRule, Window};
use crate::timestamp::Timestamp;

/// The COSE tag of a COSE_Sign.
const TAG_SIGN: u64 = 98;

/// A trust list that was read and whose signatures nobody has counted.
#[derive(Clone)]
pub struct UnverifiedTrustList<'b> {
    payload: &'b [u8],
    signers: Vec<Signer<'b>>,
    list: TrustList,
}

/// The content of a trust list. Every value stands for itself and together they are consistent: [`TrustList::check`].
#[derive(Clone, Debug, PartialEq)]
pub struct TrustList {
    /// From 1 to 4,294,967,295; rises with every list.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From then on a verifier decides nothing by it.
    pub expires_at: Timestamp,
    /// The keys that sign this list and the next.
    pub roots: RootKeys,
    /// Who may issue permits.
    pub issuers: Vec<Issuer>,
    /// The rules of each region.
    pub rules: Vec<RegionRule>,
}

/// The root keys, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKeys {
    threshold: u64,
    keys: Vec<CoseKey>,
}

/// One issuing authority 签发机关.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// A short id, of the same form as a counter's.
    pub id: CounterId,
    /// The authority's name as a screen shows it.
    pub name: DisplayText<60>,
    /// The divisions for whose addresses it may issue.
    pub divisions: Vec<DivisionPrefix>,
    /// Its keys.
    pub keys: Vec<IssuerKey>,
    /// What the names of its status lists begin with.
    pub status_uri: String,
}

/// A key of an issuer, and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerKey {
    /// The key.
    pub key: CoseKey,
    /// What it may sign, at least one.
    pub usages: Vec<Usage>,
    /// Nothing signed before this instant is its.
    pub not_before: Timestamp,
    /// From this instant on nothing that it signed is accepted.
    pub not_after: Timestamp,
    /// What it signed from this instant on is not accepted: the key was in other hands.
    pub compromised_from: Option<Timestamp>,
    /// A key for specimens (样本): never a real permit.
    pub specimen: bool,
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// Permits of kind 1.
    Permit,
    /// Permits of kind 2, printed.
    Voucher,
    /// Status lists.
    Status,
}

impl Usage {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Usage::Permit => 1,
            Usage::Voucher => 2,
            Usage::Status => 3,
        }
    }
}

/// Why a trust list contradicts itself, and is refused when it is loaded or published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustListError {
    /// It expires before it is issued.
    #[error("the list expires before it is issued; set a later expiry")]
    Expiry,
    /// The threshold is 0 or more than there are keys, there is a key twice, or too many.
    #[error(
        "{threshold} of {keys} root keys are to sign, which cannot be (distinct keys, at most 32); correct the root keys"
    )]
    Threshold {
        /// How many must sign.
        threshold: u64,
        /// How many there are.
        keys: usize,
    },
    /// A key that is no point, or of small order.
    #[error("key {0} is unfit: it is no point of its curve or has small order; replace it")]
    Key(String),
    /// Two keys would be named alike.
    #[error("kid {0} stands for two keys; list each key once, and replace one of two that collide")]
    DuplicateKid(Kid),
    /// Two issuers with one id.
    #[error("issuer {0} stands in the list twice; merge the two entries")]
    DuplicateIssuer(CounterId),
    /// An issuer without divisions or keys, or a key without usages.
    #[error("issuer {0} has no division, no key, or a key without usages; complete the entry")]
    Incomplete(CounterId),
    /// A key that signs permits must be Ed25519.
    #[error("key {0} is to sign permits and is not Ed25519; use an Ed25519 key")]
    Algorithm(Kid),
    /// A key whose time is empty.
    #[error("key {0} ends before it begins; correct not-before and not-after")]
    KeyPeriod(Kid),
    /// A name for status lists that cannot be one.
    #[error("issuer {0} has a status address that is not an https address of at most 256 bytes; correct it")]
    StatusUri(CounterId),
    /// Two issuers publish status lists under one name.
    #[error("issuer {0} has the status address of another issuer; give each its own")]
    DuplicateStatusUri(CounterId),
    /// A region with two rules.
    #[error("division {0} has two region rules; keep one")]
    DuplicateRule(DivisionPrefix),
    /// An issuer may issue where no rule says how long an endorsement lasts.
    #[error("issuer {issuer} covers division {division}, for which there is no region rule; add one")]
    NoRule {
        /// Who.
        issuer: CounterId,
        /// Where.
        division: DivisionPrefix,
    },
}

impl TrustListError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            TrustListError::Expiry => "TRUST_EXPIRY",
            TrustListError::Threshold { .. } => "TRUST_THRESHOLD",
            TrustListError::Key(_) => "TRUST_KEY_UNFIT",
            TrustListError::DuplicateKid(_) => "TRUST_DUPLICATE_KID",
            TrustListError::DuplicateIssuer(_) => "TRUST_DUPLICATE_ISSUER",
            TrustListError::Incomplete(_) => "TRUST_ISSUER_INCOMPLETE",
            TrustListError::Algorithm(_) => "TRUST_KEY_ALGORITHM",
            TrustListError::KeyPeriod(_) => "TRUST_KEY_PERIOD",
            TrustListError::StatusUri(_) => "TRUST_STATUS_URI",
            TrustListError::DuplicateStatusUri(_) => "TRUST_DUPLICATE_STATUS_URI",
            TrustListError::DuplicateRule(_) => "TRUST_DUPLICATE_RULE",
            TrustListError::NoRule { .. } => "TRUST_NO_RULE",
        }
    }
}

impl<'b> UnverifiedTrustList<'b> {
    /// Reads a trust list from exactly these bytes.
    ///
    /// # Errors
    /// [`Malformed`]; a list that contradicts itself is found by [`TrustList::check`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let Envelope { payload, signers } = cbor::parse(bytes)?;
        Ok(UnverifiedTrustList { payload, signers, list: cbor::parse(payload)? })
    }

    /// What the list says. Nothing of it holds before [`signed_by`](Self::signed_by) says so.
    pub fn unverified_list(&self) -> &TrustList {
        &self.list
    }

    /// Whether as many of these root keys signed the list as their threshold wants, each counted once.
    pub fn signed_by(&self, roots: &RootKeys) -> bool {
        let signed = roots.keys.iter().filter(|key| self.is_signed_by_key(key)).count();
        signed as u64 >= roots.threshold
    }

    /// The root key of this list with this thumbprint, if it signed the list.
    pub fn signer(&self, thumbprint: &Thumbprint) -> Option<PublicKey> {
        let keys = self.list.roots.keys.iter().filter(|key| self.is_signed_by_key(key));
        keys.filter_map(|key| PublicKey::try_from(key).ok()).find(|key| key.thumbprint() == *thumbprint)
    }

    /// The kids that the signatures name, for people.
    pub fn signer_kids(&self) -> impl Iterator<Item = Kid> + '_ {
        self.signers.iter().map(|signer| signer.kid)
    }

    fn is_signed_by_key(&self, key: &CoseKey) -> bool {
        let Ok(key) = PublicKey::try_from(key) else { return false };
        let kid = key.kid();
        self.signers.iter().filter(|s| s.kid == kid && s.algorithm == key.algorithm()).any(|signer| {
            let message = cose::sign_message(Domain::TrustList, signer.protected, self.payload);
            key.verify(&message, signer.signature).is_ok()
        })
    }
}

impl core::fmt::Debug for UnverifiedTrustList<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UnverifiedTrustList").field("version", &self.list.version).finish_non_exhaustive()
    }
}

impl RootKeys {
    /// `threshold` of these keys must sign.
    ///
    /// # Errors
    /// [`TrustListError::Threshold`], [`TrustListError::Key`].
    pub fn new(threshold: u64, keys: Vec<CoseKey>) -> Result<RootKeys, TrustListError> {
        let distinct = keys.iter().enumerate().all(|(i, key)| !keys.iter().take(i).any(|other| other == key));
        if threshold == 0 || threshold > keys.len() as u64 || keys.len() > ROOT_KEYS_MAX || !distinct {
            return Err(TrustListError::Threshold { threshold, keys: keys.len() });
        }
        for key in &keys {
            PublicKey::try_from(key).map_err(|_| TrustListError::Key(alloc::format!("{key:?}")))?;
        }
        Ok(RootKeys { threshold, keys })
    }

    /// How many must sign.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The keys.
    pub fn keys(&self) -> &[CoseKey] {
        &self.keys
    }
}

impl TrustList {
    /// Whether the list is consistent: distinct kids and ids, fit keys, a region rule wherever somebody may issue.
    ///
    /// # Errors
    /// The first [`TrustListError`] found.
    pub fn check(&self) -> Result<(), TrustListError> {
        if self.expires_at <= self.issued_at {
            return Err(TrustListError::Expiry);
        }
        RootKeys::new(self.roots.threshold, self.roots.keys.clone())?;
        for (i, rule) in self.rules.iter().enumerate() {
            if self.rules.iter().take(i).any(|other| other.prefix() == rule.prefix()) {
                return Err(TrustListError::DuplicateRule(rule.prefix()));
            }
        }
        let (mut ids, mut uris, mut kids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for issuer in &self.issuers {
            if !ids.insert(issuer.id.as_str()) {
                return Err(TrustListError::DuplicateIssuer(issuer.id.clone()));
            }
            if !issuer.status_uri.starts_with("https://")
                || issuer.status_uri.len() > STATUS_URI_BYTES_MAX
                || !issuer.status_uri.bytes().all(|b| b.is_ascii_graphic())
            {
                return Err(TrustListError::StatusUri(issuer.id.clone()));
            }
            if !uris.insert(issuer.status_uri.as_str()) {
                return Err(TrustListError::DuplicateStatusUri(issuer.id.clone()));
            }
            if issuer.divisions.is_empty() || issuer.keys.is_empty() {
                return Err(TrustListError::Incomplete(issuer.id.clone()));
            }
            for division in &issuer.divisions {
                if !self.rules.iter().any(|rule| rule.prefix().contains_prefix(*division)) {
                    return Err(TrustListError::NoRule { issuer: issuer.id.clone(), division: *division });
                }
            }
            issuer.keys.iter().try_for_each(|key| key.check(issuer, &mut kids))?;
        }
        Ok(())
    }

    /// The rule of the region that this division is in: the one with the longest prefix.
    pub fn rule_for(&self, division: Division) -> Option<&RegionRule> {
        region::find(&self.rules, division)
    }

    /// The list, complete but for its signatures.
    ///
    /// # Errors
    /// [`TrustListError`] when the list is not consistent.
    pub fn to_sign(&self) -> Result<TrustListToSign, TrustListError> {
        self.check()?;
        Ok(TrustListToSign { payload: cbor::to_vec(self) })
    }
}

impl IssuerKey {
    fn check(&self, issuer: &Issuer, kids: &mut BTreeSet<Kid>) -> Result<(), TrustListError> {
        let key = PublicKey::try_from(&self.key).map_err(|_| TrustListError::Key(alloc::format!("{:?}", self.key)))?;
        let kid = key.kid();
        if !kids.insert(kid) {
            return Err(TrustListError::DuplicateKid(kid));
        }
        if self.usages.is_empty() {
            return Err(TrustListError::Incomplete(issuer.id.clone()));
        }
        let permits = self.may(Usage::Permit) || self.may(Usage::Voucher);
        if permits && key.algorithm() != Algorithm::Ed25519 {
            return Err(TrustListError::Algorithm(kid));
        }
        if self.not_after <= self.not_before {
            return Err(TrustListError::KeyPeriod(kid));
        }
        Ok(())
    }

    /// Whether the key may sign this.
    pub fn may(&self, usage: Usage) -> bool {
        self.usages.contains(&usage)
    }
}

/// A trust list that is complete but for its signatures.
#[derive(Clone, Debug)]
pub struct TrustListToSign {
    payload: Vec<u8>,
}

impl TrustListToSign {
    /// The bytes that this root key signs.
    pub fn message(&self, key: &PublicKey) -> Vec<u8> {
        cose::sign_message(Domain::TrustList, &cbor::to_vec(&SignerProtected::of(key)), &self.payload)
    }

    /// The whole list, with the signatures in the order given.
    pub fn finish(&self, signatures: &[(PublicKey, [u8; 64])]) -> Vec<u8> {
        let protected: Vec<Vec<u8>> =
            signatures.iter().map(|(key, _)| cbor::to_vec(&SignerProtected::of(key))).collect();
        let signers = signatures.iter().zip(&protected).map(|((key, signature), protected)| Signer {
            protected,
            algorithm: key.algorithm(),
            kid: key.kid(),
            signature,
        });
        cbor::to_vec(&Envelope { payload: &self.payload, signers: signers.collect() })
    }
}

#[derive(Clone, Copy)]
struct Signer<'b> {
    protected: &'b [u8],
    algorithm: Algorithm,
    kid: Kid,
    signature: &'b [u8; 64],
}

/// `98([h'', {}, payload, [+ [protected, {}, signature]]])`
struct Envelope<'b> {
    payload: &'b [u8],
    signers: Vec<Signer<'b>>,
}

impl<'b> Strict<'b> for Envelope<'b> {
    const BYTES_MAX: usize = TRUST_LIST_BYTES_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        r.tag(TAG_SIGN, "the tag 98 of a COSE_Sign")?;
        r.array_of(4, "a COSE_Sign of four elements")?;
        r.bytes_of::<0>("an empty protected header")?;
        r.no_unprotected()?;
        let payload = r.bytes()?;
        let count = r.array()?;
        if count == 0 || count > ROOT_KEYS_MAX as u64 {
            return Err(Malformed::field("signatures", "SIGNATURES"));
        }
        let mut signers = Vec::new();
        for _ in 0..count {
            r.array_of(3, "a signature of three elements")?;
            let protected = r.bytes()?;
            let SignerProtected { algorithm, kid } = cbor::parse(protected)?;
            r.no_unprotected()?;
            let signature = r.bytes_of("a signature of 64 bytes")?;
            signers.push(Signer { protected, algorithm, kid, signature });
        }
        Ok(Envelope { payload, signers })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.tag(TAG_SIGN)?.array(4)?.bytes(&[])?.map(0)?.bytes(self.payload)?.array(self.signers.len())?;
        for signer in &self.signers {
            w.array(3)?.bytes(signer.protected)?.map(0)?.bytes(signer.signature)?;
        }
        Ok(())
    }
}

/// `{1: alg, 4: kid}`
struct SignerProtected {
    algorithm: Algorithm,
    kid: Kid,
}

impl SignerProtected {
    fn of(key: &PublicKey) -> SignerProtected {
        SignerProtected { algorithm: key.algorithm(), kid: key.kid() }
    }
}

impl<'b> Strict<'b> for SignerProtected {
    const BYTES_MAX: usize = 16;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.map_of(2, "a signature's two protected headers")?;
        reader.key(1, "the header alg")?;
        let algorithm = Algorithm::read(reader)?;
        reader.key(4, "the header kid")?;
        Ok(SignerProtected { algorithm, kid: Kid(*reader.bytes_of("a kid of 8 bytes")?) })
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.map(2)?.int(1)?.int(self.algorithm.id())?.int(4)?.bytes(&self.kid.0)?;
        Ok(())
    }
}

impl<'b> Strict<'b> for TrustList {
    const BYTES_MAX: usize = TRUST_LIST_BYTES_MAX;
    const ITEMS_MAX: usize = TRUST_LIST_ITEMS_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        r.map_of(6, "a trust list of six entries")?;
        r.key(1, "the entry version")?;
        let version = r.uint()?;
        if !(1..=TRUST_VERSION_MAX).contains(&version) {
            return Err(Malformed::field("version", "TRUST_VERSION_RANGE"));
        }
        r.key(2, "the entry issued at")?;
        let issued_at = timestamp(r, "issued-at")?;
        r.key(3, "the entry expires at")?;
        let expires_at = timestamp(r, "expires-at")?;
        r.key(4, "the entry root keys")?;
        r.array_of(2, "a threshold and keys")?;
        let threshold = r.uint()?;
        let keys = read_array(r, CoseKey::read)?;
        let roots = RootKeys::new(threshold, keys).map_err(|e| Malformed::field("root-keys", e.code()))?;
        r.key(5, "the entry issuers")?;
        let issuers = read_array(r, Issuer::read)?;
        r.key(6, "the entry region rules")?;
        let rules = read_array(r, read_rule)?;
        Ok(TrustList { version, issued_at, expires_at, roots, issuers, rules })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.map(6)?.int(1)?.uint(self.version)?;
        w.int(2)?.uint(self.issued_at.seconds())?.int(3)?.uint(self.expires_at.seconds())?;
        w.int(4)?.array(2)?.uint(self.roots.threshold)?.array(self.roots.keys.len())?;
        self.roots.keys.iter().try_for_each(|key| key.write(w))?;
        w.int(5)?.array(self.issuers.len())?;
        self.issuers.iter().try_for_each(|issuer| issuer.write(w))?;
        w.int(6)?.array(self.rules.len())?;
        self.rules.iter().try_for_each(|rule| write_rule(rule, w))
    }
}

impl Issuer {
    fn read(r: &mut Reader<'_>) -> Result<Issuer, Malformed> {
        r.map_of(5, "an issuer of five entries")?;
        r.key(1, "the entry id")?;
        let id = CounterId::parse(r.text()?).map_err(|e| Malformed::field("issuer", e.code()))?;
        r.key(2, "the entry name")?;
        let name = DisplayText::parse(r.text()?).map_err(|e| Malformed::field("issuer", e.code()))?;
        r.key(3, "the entry divisions")?;
        let divisions = read_array(r, read_prefix)?;
        r.key(4, "the entry keys")?;
        let keys = read_array(r, IssuerKey::read)?;
        r.key(5, "the entry status address")?;
        Ok(Issuer { id, name, divisions, keys, status_uri: String::from(r.text()?) })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.map(5)?.int(1)?.text(self.id.as_str())?.int(2)?.text(self.name.as_str())?;
        w.int(3)?.array(self.divisions.len())?;
        for division in &self.divisions {
            w.text(division.as_str())?;
        }
        w.int(4)?.array(self.keys.len())?;
        self.keys.iter().try_for_each(|key| key.write(w))?;
        w.int(5)?.text(&self.status_uri)?;
        Ok(())
    }
}

impl IssuerKey {
    fn read(r: &mut Reader<'_>) -> Result<IssuerKey, Malformed> {
        let pairs = r.map()?;
        r.key(1, "the entry key")?;
        let key = CoseKey::read(r)?;
        r.key(2, "the entry usages")?;
        let usages = read_array(r, |r| match r.uint()? {
            1 => Ok(Usage::Permit),
            2 => Ok(Usage::Voucher),
            3 => Ok(Usage::Status),
            _ => Err(Malformed::field("usage", "USAGE_UNKNOWN")),
        })?;
        if !usages.is_sorted_by(|a, b| a < b) {
            return Err(Malformed::field("usage", "USAGES_UNORDERED"));
        }
        r.key(3, "the entry not before")?;
        let not_before = timestamp(r, "not-before")?;
        r.key(4, "the entry not after")?;
        let not_after = timestamp(r, "not-after")?;
        let compromised_from =
            if pairs > 4 && r.optional_key(5) { Some(timestamp(r, "compromised-from")?) } else { None };
        let left = pairs.saturating_sub(4 + u64::from(compromised_from.is_some()));
        let specimen = match left {
            0 => false,
            _ => {
                r.key(6, "the entry specimen")?;
                r.bool()?
            }
        };
        Ok(IssuerKey { key, usages, not_before, not_after, compromised_from, specimen })
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        w.map(4 + usize::from(self.compromised_from.is_some()) + usize::from(self.specimen))?.int(1)?;
        self.key.write(w)?;
        w.int(2)?.array(self.usages.len())?;
        for usage in &self.usages {
            w.uint(usage.number())?;
        }
        w.int(3)?.uint(self.not_before.seconds())?.int(4)?.uint(self.not_after.seconds())?;
        if let Some(from) = self.compromised_from {
            w.int(5)?.uint(from.seconds())?;
        }
        // `6 => false` is not written, and so not accepted either.
        if self.specimen {
            w.int(6)?.bool(true)?;
        }
        Ok(())
    }
}

fn read_prefix(r: &mut Reader<'_>) -> Result<DivisionPrefix, Malformed> {
    DivisionPrefix::parse(r.text()?).map_err(|e| Malformed::field("division-prefix", e.code()))
}

fn read_rule(r: &mut Reader<'_>) -> Result<RegionRule, Malformed> {
    const FIELD: &str = "region-rule";
    let pairs = r.map()?;
    r.key(1, "the entry division")?;
    let prefix = read_prefix(r)?;
    r.key(2, "the entry permit name")?;
    let permit_name = DisplayText::parse(r.text()?).map_err(|e| Malformed::field(FIELD, e.code()))?;
    r.key(3, "the entry window")?;
    r.array_of(2, "a window of unit and number")?;
    let (unit, number) = (r.uint()?, r.uint()?);
    let out_of_range = || Malformed::field(FIELD, "WINDOW");
    let window = match unit {
        1 => Window::Months(u8::try_from(number).map_err(|_| out_of_range())?),
        2 => Window::Days(u16::try_from(number).map_err(|_| out_of_range())?),
        _ => return Err(out_of_range()),
    };
    let mut optional = 0;
    let auto_cancel_years = if r.optional_key(4) {
        optional += 1;
        Some(u8::try_from(r.uint()?).map_err(|_| Malformed::field(FIELD, "AUTO_CANCEL"))?)
    } else {
        None
    };
    r.key(5, "the entry live code allowed")?;
    let live_code = r.bool()?;
    let voucher_name = if pairs > 4 + optional {
        r.key(6, "the entry voucher name")?;
        optional += 1;
        Some(DisplayText::parse(r.text()?).map_err(|e| Malformed::field(FIELD, e.code()))?)
    } else {
        None
    };
    if pairs != 4 + optional {
        return Err(Malformed::field(FIELD, "FIELDS"));
    }
    RegionRule::new(prefix, permit_name, window, auto_cancel_years, live_code, voucher_name)
        .map_err(|e| Malformed::field(FIELD, e.code()))
}

fn write_rule<W: minicbor::encode::Write>(rule: &RegionRule, w: &mut Writer<W>) -> Result<(), WriteStopped> {
    let optional = usize::from(rule.auto_cancel_years().is_some()) + usize::from(rule.voucher_name().is_some());
    w.map(4 + optional)?.int(1)?.text(rule.prefix().as_str())?.int(2)?.text(rule.permit_name().as_str())?;
    w.int(3)?.array(2)?;
    match rule.window() {
        Window::Months(n) => w.uint(1)?.uint(n.into())?,
        Window::Days(n) => w.uint(2)?.uint(n.into())?,
    };
    if let Some(years) = rule.auto_cancel_years() {
        w.int(4)?.uint(years.into())?;
    }
    w.int(5)?.bool(rule.live_code())?;
    if let Some(name) = rule.voucher_name() {
        w.int(6)?.text(name.as_str())?;
    }
    Ok(())
}

/// The array's length was walked and bounded before; nothing is reserved by a claimed length.
fn read_array<'b, T>(
    r: &mut Reader<'b>,
    mut read: impl FnMut(&mut Reader<'b>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = r.array()?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read(r)?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec};

    use ed25519_dalek::SigningKey;

    use super::*;

    fn key(seed: u8) -> CoseKey {
        CoseKey::from(SigningKey::from_bytes(&[seed; 32]).verifying_key())
    }

    #[test]
    fn root_keys_are_distinct_and_as_many_as_are_to_sign() {
        let two = RootKeys::new(2, vec![key(1), key(2)]).unwrap();
        assert_eq!((two.threshold(), two.keys()), (2, &[key(1), key(2)][..]));
        let most: Vec<CoseKey> = (0..32).map(key).collect();
        assert_eq!(RootKeys::new(32, most.clone()).unwrap().keys(), most);
        let more: Vec<CoseKey> = (0..33).map(key).collect();
        for (threshold, keys) in
            [(0, vec![key(1)]), (2, vec![key(1)]), (1, vec![]), (1, vec![key(1), key(1)]), (1, more)]
        {
            let refused = TrustListError::Threshold { threshold, keys: keys.len() };
            assert_eq!(RootKeys::new(threshold, keys), Err(refused));
        }
    }

    #[test]
    fn an_unverified_list_says_its_version_and_nothing_that_does_not_hold_yet() {
        let list = TrustList {
            version: 71,
            issued_at: Timestamp::new(1_796_000_000).unwrap(),
            expires_at: Timestamp::new(1_796_000_001).unwrap(),
            roots: RootKeys::new(1, vec![key(1)]).unwrap(),
            rules: vec![],
            issuers: vec![],
        };
        let unverified = UnverifiedTrustList { payload: &[], signers: vec![], list };
        assert_eq!(format!("{unverified:?}"), "UnverifiedTrustList { version: 71, .. }");
    }
}
