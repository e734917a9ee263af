//! The permit 居住证凭证: a COSE_Sign1 over a CWT claims map (RFC 8392), signed by an issuer (SPEC section 3).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use ciborium::Value;

use crate::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use crate::citizen_id::{CitizenId, CitizenIdError};
use crate::cose::{Domain, Sign1, ToSign};
use crate::day::Day;
use crate::display_text::DisplayText;
use crate::division::{Division, DivisionError};
use crate::ethnicity::Ethnicity;
use crate::key::{Algorithm, CoseKey, Kid};
use crate::limits::{PRESENTATION_BYTES_MAX, STATUS_ENTRIES_MAX};
use crate::name::Name;
use crate::place::Place;
use crate::residence_code::ResidenceCode;
use crate::timestamp::Timestamp;

/// A permit that was read and whose signature nobody has checked: what it says is a claim.
#[derive(Clone)]
pub struct UnverifiedPermit<'b> {
    bytes: &'b [u8],
    sign1: Sign1<'b>,
    kid: Kid,
    claims: Arc<Claims>,
}

impl<'b> UnverifiedPermit<'b> {
    /// Reads a permit from exactly these bytes.
    ///
    /// # Errors
    /// [`Malformed`]: not strict CBOR, another shape, or a value out of its bounds.
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Malformed> {
        let Envelope(sign1) = cbor::parse(bytes)?;
        let Protected(kid) = cbor::parse(sign1.protected)?;
        let claims = Arc::new(cbor::parse(sign1.payload)?);
        Ok(UnverifiedPermit { bytes, sign1, kid, claims })
    }

    /// The permit's bytes as they were read.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Which key the permit says it was signed with.
    pub fn kid(&self) -> Kid {
        self.kid
    }

    /// What the permit claims. Not to be shown as fact before the signature is checked.
    pub fn unverified_claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// The bytes that the issuer signed.
    pub fn message(&self) -> Vec<u8> {
        self.sign1.message(Domain::Permit)
    }

    /// The issuer's signature.
    pub fn signature(&self) -> &'b [u8; 64] {
        self.sign1.signature
    }
}

impl fmt::Debug for UnverifiedPermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedPermit").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What a permit says: the CWT claims, and those of the permit itself.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// `exp`: from this instant on the credential is not accepted, whatever else holds.
    pub expires_at: Timestamp,
    /// `iat`: when it was signed.
    pub issued_at: Timestamp,
    /// Kind 1 with the key of the device that shows it (`cnf`), or kind 2 without.
    pub carrier: Carrier,
    /// 粤居码 / 居码
    pub residence_code: ResidenceCode,
    /// 姓名
    pub name: Name,
    /// 公民身份号码; sex and birth date are in it.
    pub citizen_id: CitizenId,
    /// 民族
    pub ethnicity: Ethnicity,
    /// 户籍所在地
    pub household: Place,
    /// 现居住地址; its division decides the region rule and the issuer's scope.
    pub address: Place,
    /// 签发日期: the day from which the endorsement years are counted.
    pub issued_on: Day,
    /// 签注有效期至, inclusive.
    pub endorsed_until: Day,
    /// Where the permit's status is to be looked up.
    pub status: StatusSlot,
    /// 代他人亮证: the family agent whose phone shows this permit.
    pub agent: Option<Agent>,
    /// The first 16 bytes of the SHA-256 of the portrait that the holder's page shows.
    pub portrait_digest: Option<[u8; 16]>,
    /// Extensions that this version does not know: such a permit is never accepted here, and never called false either.
    pub unknown_extensions: Vec<(u64, Value)>,
}

/// How a permit is carried: its kind, and what only that kind has.
#[derive(Clone, PartialEq)]
pub enum Carrier {
    /// Kind 1: shown live, by the device that holds this key.
    Device(CoseKey),
    /// Kind 2: printed.
    Paper(VoucherNote),
}

/// What a printed voucher says of itself.
#[derive(Clone, PartialEq)]
pub struct VoucherNote {
    /// The sheet's serial number.
    pub serial: DisplayText<40>,
    /// Where it was printed.
    pub place: DisplayText<60>,
}

/// 代办人: who shows the permit in the holder's place.
#[derive(Clone, PartialEq)]
pub struct Agent {
    /// The agent's name.
    pub name: Name,
    /// What the agent is to the holder.
    pub relation: Relation,
}

/// What an agent is to the holder. Numbers that this version has no word for are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation(pub u64);

impl Relation {
    /// 监护人
    pub const GUARDIAN: Relation = Relation(1);
    /// 近亲属
    pub const NEAR_RELATIVE: Relation = Relation(2);
    /// 家庭成员
    pub const FAMILY_MEMBER: Relation = Relation(3);

    /// The relation in Chinese and English.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Relation::GUARDIAN => ("监护人", "guardian"),
            Relation::NEAR_RELATIVE => ("近亲属", "near relative"),
            Relation::FAMILY_MEMBER => ("家庭成员", "family member"),
            _ => ("其他关系", "other relation"),
        }
    }
}

/// A place in the status lists: list number, and index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusSlot {
    /// The list's number.
    pub list: u64,
    /// The entry in the list.
    pub index: u64,
}

/// Why claims do not go together, though each value is fine by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// `exp` is not after `iat`.
    #[error("the permit would expire before it is signed; set a later expiry")]
    ExpiryBeforeIssue,
    /// The endorsement ends before it begins.
    #[error("the endorsement would end before the day of issue; correct one of the two dates")]
    EndorsedBeforeIssue,
    /// Born after the day of issue.
    #[error("the citizen ID number's birth date lies after the day of issue; correct the number or the date")]
    BornAfterIssue,
    /// An index that no list has.
    #[error("a status index is below 1,048,576; take another slot")]
    StatusIndex,
}

impl ClaimsError {
    /// A stable name of the rule.
    pub fn code(&self) -> &'static str {
        match self {
            ClaimsError::ExpiryBeforeIssue => "EXPIRY_BEFORE_ISSUE",
            ClaimsError::EndorsedBeforeIssue => "ENDORSED_BEFORE_ISSUE",
            ClaimsError::BornAfterIssue => "BORN_AFTER_ISSUE",
            ClaimsError::StatusIndex => "STATUS_INDEX",
        }
    }
}

impl Claims {
    /// Whether the values go together.
    ///
    /// # Errors
    /// The first [`ClaimsError`] found.
    pub fn check(&self) -> Result<(), ClaimsError> {
        if self.expires_at <= self.issued_at {
            return Err(ClaimsError::ExpiryBeforeIssue);
        }
        if self.endorsed_until < self.issued_on {
            return Err(ClaimsError::EndorsedBeforeIssue);
        }
        if !self.citizen_id.is_born_by(self.issued_on) {
            return Err(ClaimsError::BornAfterIssue);
        }
        // An index that only a later, larger list could have is for the list to answer; this bound keeps nonsense from being issued.
        if self.status.index >= STATUS_ENTRIES_MAX {
            return Err(ClaimsError::StatusIndex);
        }
        Ok(())
    }

    /// The permit, complete but for the signature of the key that `kid` names.
    ///
    /// # Errors
    /// [`ClaimsError`] when the values do not go together.
    pub fn to_sign(&self, kid: Kid) -> Result<ToSign, ClaimsError> {
        self.check()?;
        Ok(ToSign::new(Domain::Permit, None, cbor::to_vec(&Protected(kid)), cbor::to_vec(self)))
    }

    /// The device's key, if the permit is one to be shown live.
    pub fn device_key(&self) -> Option<&CoseKey> {
        match &self.carrier {
            Carrier::Device(key) => Some(key),
            Carrier::Paper(_) => None,
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("issued_at", &self.issued_at)
            .field("endorsed_until", &self.endorsed_until)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// `[protected, {}, payload, signature]`
struct Envelope<'b>(Sign1<'b>);

impl<'b> Strict<'b> for Envelope<'b> {
    const BYTES_MAX: usize = PRESENTATION_BYTES_MAX;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        Sign1::read(reader).map(Envelope)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        self.0.write(writer)
    }
}

/// `{1: -19, 4: kid}`: issuers sign with Ed25519.
struct Protected(Kid);

impl<'b> Strict<'b> for Protected {
    const BYTES_MAX: usize = 16;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.map_of(2, "a permit's two protected headers")?;
        reader.key(1, "the header alg")?;
        if Algorithm::read(reader)? != Algorithm::Ed25519 {
            return Err(Malformed::field("alg", "ALGORITHM_UNKNOWN"));
        }
        reader.key(4, "the header kid")?;
        Ok(Protected(Kid(*reader.bytes_of("a kid of 8 bytes")?)))
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.map(2)?.int(1)?.int(Algorithm::Ed25519.id())?.int(4)?.bytes(&self.0.0)?;
        Ok(())
    }
}

const LABEL_PERMIT_CLAIMS: i64 = -65537;
const KIND_DISPLAY: u64 = 1;
const KIND_VOUCHER: u64 = 2;
const EXTENSION_AGENT: u64 = 1;
const EXTENSION_PORTRAIT: u64 = 2;
const EXTENSION_VOUCHER: u64 = 3;
/// The least number of seventeen digits.
const SEVENTEEN_DIGITS: u64 = 10_000_000_000_000_000;
/// Elements of `permit-claims` without extensions.
const FIELDS: u64 = 10;

impl<'b> Strict<'b> for Claims {
    const BYTES_MAX: usize = PRESENTATION_BYTES_MAX;

    fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
        let pairs = r.map()?;
        r.key(4, "the claim exp")?;
        let expires_at = timestamp(r, "exp")?;
        r.key(6, "the claim iat")?;
        let issued_at = timestamp(r, "iat")?;
        let device_key = match pairs {
            4 => {
                r.key(8, "the claim cnf")?;
                Some(read_cnf(r)?)
            }
            3 => None,
            _ => return Err(Malformed::field("claims", "CLAIMS_UNKNOWN")),
        };
        r.key(LABEL_PERMIT_CLAIMS, "the claim -65537")?;

        let fields = r.array()?;
        if !(FIELDS..=FIELDS + 1).contains(&fields) {
            return Err(Malformed::field("permit-claims", "FIELDS"));
        }
        let kind = r.uint()?;
        let residence_code = ResidenceCode::new(r.uint()?).map_err(|e| Malformed::field("residence-code", e.code()))?;
        let name = Name::parse(r.text()?).map_err(|e| Malformed::field("name", e.code()))?;
        let first17 = r.uint()?;
        let citizen_id = CitizenId::from_wire(first17).map_err(|error| match error {
            // No division, however new, begins with 0.
            CitizenIdError::Division if first17 >= SEVENTEEN_DIGITS => {
                Malformed::UnknownDivision { field: "citizen-id" }
            }
            _ => Malformed::field("citizen-id", error.code()),
        })?;
        let ethnicity = Ethnicity::new(r.uint()?).map_err(|e| Malformed::field("ethnicity", e.code()))?;
        let household = read_place(r, "household")?;
        let address = read_place(r, "address")?;
        let issued_on = Day::new(r.uint()?).map_err(|e| Malformed::field("issued-on", e.code()))?;
        let endorsed_until = Day::new(r.uint()?).map_err(|e| Malformed::field("endorsed-until", e.code()))?;
        r.array_of(2, "a status of list and index")?;
        let status = StatusSlot { list: r.uint()?, index: r.uint()? };
        let extensions = if fields > FIELDS { Extensions::read(r)? } else { Extensions::default() };

        let carrier = match (kind, device_key, extensions.voucher) {
            (KIND_DISPLAY, Some(key), None) => Carrier::Device(key),
            (KIND_VOUCHER, None, Some(note)) => Carrier::Paper(note),
            (KIND_DISPLAY | KIND_VOUCHER, _, _) => return Err(Malformed::field("kind", "KIND_AND_CLAIMS")),
            _ => return Err(Malformed::field("kind", "KIND_UNKNOWN")),
        };
        let claims = Claims {
            expires_at,
            issued_at,
            carrier,
            residence_code,
            name,
            citizen_id,
            ethnicity,
            household,
            address,
            issued_on,
            endorsed_until,
            status,
            agent: extensions.agent,
            portrait_digest: extensions.portrait_digest,
            unknown_extensions: extensions.unknown,
        };
        match claims.check() {
            // An index outside its list is a verdict of its own (step 10), given with the list at hand.
            Ok(()) | Err(ClaimsError::StatusIndex) => Ok(claims),
            Err(error) => Err(Malformed::field("claims", error.code())),
        }
    }

    fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
        let (kind, device_key, voucher) = match &self.carrier {
            Carrier::Device(key) => (KIND_DISPLAY, Some(key), None),
            Carrier::Paper(note) => (KIND_VOUCHER, None, Some(note)),
        };
        w.map(3 + usize::from(device_key.is_some()))?;
        w.int(4)?.uint(self.expires_at.seconds())?.int(6)?.uint(self.issued_at.seconds())?;
        if let Some(key) = device_key {
            w.int(8)?.map(1)?.int(1)?;
            key.write(w)?;
        }
        w.int(LABEL_PERMIT_CLAIMS)?;

        let extensions = usize::from(self.agent.is_some())
            + usize::from(self.portrait_digest.is_some())
            + usize::from(voucher.is_some())
            + self.unknown_extensions.len();
        w.array(FIELDS as usize + usize::from(extensions > 0))?;
        w.uint(kind)?.uint(self.residence_code.get())?.text(self.name.as_str())?.uint(self.citizen_id.first17())?;
        w.uint(self.ethnicity.code().into())?;
        for place in [&self.household, &self.address] {
            w.array(2)?.uint(place.division().code().into())?.text(place.detail().as_str())?;
        }
        w.uint(self.issued_on.get().into())?.uint(self.endorsed_until.get().into())?;
        w.array(2)?.uint(self.status.list)?.uint(self.status.index)?;
        if extensions == 0 {
            return Ok(());
        }
        w.map(extensions)?;
        if let Some(agent) = &self.agent {
            w.uint(EXTENSION_AGENT)?.array(2)?.text(agent.name.as_str())?.uint(agent.relation.0)?;
        }
        if let Some(digest) = &self.portrait_digest {
            w.uint(EXTENSION_PORTRAIT)?.bytes(digest)?;
        }
        if let Some(note) = voucher {
            w.uint(EXTENSION_VOUCHER)?.array(2)?.text(note.serial.as_str())?.text(note.place.as_str())?;
        }
        // Known keys are below the unknown ones, so that the order of keys is that of the numbers.
        for (key, value) in &self.unknown_extensions {
            w.uint(*key)?.any(value)?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Extensions {
    agent: Option<Agent>,
    portrait_digest: Option<[u8; 16]>,
    voucher: Option<VoucherNote>,
    unknown: Vec<(u64, Value)>,
}

impl Extensions {
    fn read(r: &mut Reader<'_>) -> Result<Extensions, Malformed> {
        let pairs = r.map()?;
        if pairs == 0 {
            return Err(Malformed::field("extensions", "EXTENSIONS_EMPTY"));
        }
        let mut extensions = Extensions::default();
        let mut last = 0;
        for _ in 0..pairs {
            let key = r.uint()?;
            if key == 0 {
                return Err(Malformed::field("extensions", "EXTENSION_ZERO"));
            }
            // Keys rise strictly, so that none repeats.
            if key <= last {
                return Err(Malformed::NotDeterministic);
            }
            last = key;
            match key {
                EXTENSION_AGENT => {
                    r.array_of(2, "an agent of name and relation")?;
                    let name = Name::parse(r.text()?).map_err(|e| Malformed::field("agent", e.code()))?;
                    extensions.agent = Some(Agent { name, relation: Relation(r.uint()?) });
                }
                EXTENSION_PORTRAIT => {
                    extensions.portrait_digest = Some(*r.bytes_of("a portrait digest of 16 bytes")?);
                }
                EXTENSION_VOUCHER => {
                    r.array_of(2, "a voucher of serial and place")?;
                    let serial = DisplayText::parse(r.text()?).map_err(|e| Malformed::field("serial", e.code()))?;
                    let place = DisplayText::parse(r.text()?).map_err(|e| Malformed::field("place", e.code()))?;
                    extensions.voucher = Some(VoucherNote { serial, place });
                }
                _ => extensions.unknown.push((key, r.any()?)),
            }
        }
        Ok(extensions)
    }
}

/// `{1: COSE_Key}` (RFC 8747 section 3.2)
pub(crate) fn read_cnf(r: &mut Reader<'_>) -> Result<CoseKey, Malformed> {
    r.map_of(1, "a cnf with one key")?;
    r.key(1, "the COSE_Key of cnf")?;
    CoseKey::read(r)
}

pub(crate) fn timestamp(r: &mut Reader<'_>, field: &'static str) -> Result<Timestamp, Malformed> {
    Timestamp::new(r.uint()?).map_err(|e| Malformed::field(field, e.code()))
}

fn read_place(r: &mut Reader<'_>, field: &'static str) -> Result<Place, Malformed> {
    r.array_of(2, "a place of division and detail")?;
    let division = Division::new(r.uint()?).map_err(|error| match error {
        DivisionError::Unknown { .. } => Malformed::UnknownDivision { field },
        _ => Malformed::field(field, error.code()),
    })?;
    let detail = DisplayText::parse(r.text()?).map_err(|e| Malformed::field(field, e.code()))?;
    Ok(Place::new(division, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_have_their_words() {
        let words = [1, 2, 3, 0, 4].map(|number| Relation(number).words());
        let other = ("其他关系", "other relation");
        let known = [("监护人", "guardian"), ("近亲属", "near relative"), ("家庭成员", "family member")];
        assert_eq!(words, [known[0], known[1], known[2], other, other]);
    }
}
