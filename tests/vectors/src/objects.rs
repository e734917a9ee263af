//! The objects of the format, built part by part, so that any one part can be wrong while the rest is right and rightly signed.

use credential_format::day::Day;
use credential_format::division::Division;
use credential_format::place::Place;
use credential_format::timestamp::Timestamp;

use crate::item::Item;
use crate::sample_permits::Sample;
use crate::test_keys::TestKey;

/// The `external_aad` of a permit.
pub const PERMIT: &[u8] = b"juma/1/permit";
/// The `external_aad` of a presentation.
pub const PRESENTATION: &[u8] = b"juma/1/presentation";
/// The `external_aad` of an enrolment.
pub const ENROLMENT: &[u8] = b"juma/1/enrolment";
/// The `external_aad` of a trust list.
pub const TRUST_LIST: &[u8] = b"juma/1/trust-list";
/// The `external_aad` of a status list.
pub const STATUS_LIST: &[u8] = b"";

/// Seconds since 1970 of an RFC 3339 time.
pub fn seconds(time: &str) -> u64 {
    Timestamp::parse(time).expect("a time").seconds()
}

/// Days since 1970 of a date.
pub fn day(date: &str) -> u64 {
    Day::parse(date).expect("a date").get().into()
}

/// A COSE_Sign1 whose parts can all be set.
#[derive(Clone)]
pub struct Sign1 {
    /// The protected headers, before they are put into a byte string.
    pub protected: Item,
    /// The unprotected headers.
    pub unprotected: Item,
    /// The payload, before it is put into a byte string.
    pub payload: Item,
    /// The domain that the signature is made for.
    pub aad: &'static [u8],
    /// Who signs.
    pub key: TestKey,
    /// The tag in front, if any.
    pub tag: Option<u64>,
}

impl Sign1 {
    /// The bytes that are signed (RFC 9052 section 4.4).
    pub fn message(&self) -> Vec<u8> {
        sig_structure("Signature1", &self.protected.encode(), None, self.aad, &self.payload.encode())
    }

    /// The object as an item, so that its envelope can be spoilt too.
    pub fn item(&self) -> Item {
        self.item_with(&self.key.sign(&self.message()))
    }

    /// The object with this signature.
    pub fn item_with(&self, signature: &[u8]) -> Item {
        let envelope = Item::array([
            Item::embedded(&self.protected),
            self.unprotected.clone(),
            Item::embedded(&self.payload),
            Item::bytes(signature),
        ]);
        match self.tag {
            Some(tag) => Item::Tag(tag, Box::new(envelope)),
            None => envelope,
        }
    }

    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.item().encode()
    }
}

fn sig_structure(context: &str, body: &[u8], sign: Option<&[u8]>, aad: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut items = vec![Item::text(context), Item::bytes(body)];
    items.extend(sign.map(Item::bytes));
    items.extend([Item::bytes(aad), Item::bytes(payload)]);
    Item::Array(items).encode()
}

/// Places in `permit-claims`.
#[allow(missing_docs, reason = "the names are those of permit.cddl")]
pub mod field {
    pub const KIND: usize = 0;
    pub const RESIDENCE_CODE: usize = 1;
    pub const NAME: usize = 2;
    pub const CITIZEN_ID: usize = 3;
    pub const ETHNICITY: usize = 4;
    pub const HOUSEHOLD: usize = 5;
    pub const ADDRESS: usize = 6;
    pub const ISSUED_ON: usize = 7;
    pub const ENDORSED_UNTIL: usize = 8;
    pub const STATUS: usize = 9;
    pub const EXTENSIONS: usize = 10;
}

/// The claim that holds `permit-claims`.
pub const PERMIT_CLAIMS: i64 = -65537;

/// A permit of kind 1 for a sample person, signed by `issuer` and bound to `device`; its status is this entry of list 1.
pub fn permit(sample: &Sample, issuer: &TestKey, device: &TestKey, index: u64) -> Sign1 {
    let anchor = &sample.permit.endorsement_anchor;
    let issued_at = seconds(&format!("{anchor}T09:00:00+08:00"));
    let place = |division: &str, address: &str| {
        let division = Division::parse(division).expect("a division");
        let place = Place::from_address(division, address).expect("an address of its division");
        Item::array([Item::Uint(division.code().into()), Item::text(place.detail().as_str())])
    };
    let holder = &sample.holder;
    let first15 = 440_000_000_000_000 + sample.no * 1_234_567;
    let claims = Item::array([
        Item::Uint(1),
        Item::Uint(first15 * 10 + mod_11_10(first15)),
        Item::text(&holder.name),
        Item::Uint(holder.citizen_id[..17].parse().expect("seventeen digits")),
        Item::Uint(holder.ethnicity_code.parse().expect("a number")),
        place(&holder.household_division, &holder.household_address),
        place(&sample.residence.division, &sample.residence.address),
        Item::Uint(day(anchor)),
        Item::Uint(day(&sample.permit.valid_until)),
        Item::array([Item::Uint(1), Item::Uint(index)]),
    ]);
    // Three years and some days: well beyond the endorsement.
    let expires_at = seconds(&format!("{}T00:00:00+08:00", sample.permit.valid_until)) + 1_100 * 86_400;
    Sign1 {
        protected: Item::map([(1, Item::int(-19)), (4, Item::bytes(&issuer.kid()))]),
        unprotected: Item::Map(Vec::new()),
        payload: Item::map([
            (4, Item::Uint(expires_at)),
            (6, Item::Uint(issued_at)),
            (8, cnf(device)),
            (PERMIT_CLAIMS, claims),
        ]),
        aad: PERMIT,
        key: issuer.clone(),
        tag: None,
    }
}

/// Makes a printed voucher of a permit: kind 2, no device key, a note of where it was printed.
pub fn voucher(mut permit: Sign1) -> Sign1 {
    permit.payload.remove(8);
    let claims = permit.payload.entry(PERMIT_CLAIMS);
    claims.element(field::KIND).set(Item::Uint(2));
    claims.elements().push(Item::map([(3, Item::array([Item::text("P-0001"), Item::text("虚构派出所")]))]));
    permit
}

/// `{1: COSE_Key}`
pub fn cnf(device: &TestKey) -> Item {
    Item::map([(1, device.cose_key())])
}

/// The presentation of a permit by its device.
pub fn presentation(permit: &[u8], device: &TestKey, issued_at: u64, nonce: [u8; 8]) -> Sign1 {
    Sign1 {
        protected: Item::map([(1, Item::int(device.alg())), (13, Item::Raw(permit.into()))]),
        unprotected: Item::Map(Vec::new()),
        payload: Item::map([(6, Item::Uint(issued_at)), (10, Item::bytes(&nonce))]),
        aad: PRESENTATION,
        key: device.clone(),
        tag: None,
    }
}

/// Makes a presentation answer a challenge.
pub fn answering(mut presentation: Sign1, counter: &str, cnonce: [u8; 16]) -> Sign1 {
    presentation.payload.insert(3, Item::text(counter));
    presentation.payload.insert(39, Item::bytes(&cnonce));
    presentation
}

/// An enrolment of a device.
pub fn enrolment(device: &TestKey, issued_at: u64, nonce: [u8; 16]) -> Sign1 {
    let first15 = 440_000_000_012_345;
    Sign1 {
        protected: Item::map([(1, Item::int(device.alg()))]),
        unprotected: Item::Map(Vec::new()),
        payload: Item::map([
            (6, Item::Uint(issued_at)),
            (8, cnf(device)),
            (10, Item::bytes(&nonce)),
            (-65538, Item::Uint(first15 * 10 + mod_11_10(first15))),
        ]),
        aad: ENROLMENT,
        key: device.clone(),
        tag: None,
    }
}

/// A status list of two bits an entry, of which these are not 0.
pub fn status_list(key: &TestKey, subject: &str, issued_at: u64, entries: usize, set: &[(u64, u8)]) -> Sign1 {
    let mut bytes = vec![0u8; entries.div_ceil(4)];
    for (index, status) in set {
        bytes[*index as usize / 4] |= status << (index % 4 * 2);
    }
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(&bytes, 9);
    Sign1 {
        protected: Item::map([
            (1, Item::int(key.alg())),
            (4, Item::bytes(&key.kid())),
            (16, Item::text("application/statuslist+cwt")),
        ]),
        unprotected: Item::Map(Vec::new()),
        payload: Item::map([
            (2, Item::text(subject)),
            (6, Item::Uint(issued_at)),
            (65533, status_list_claim(&compressed)),
        ]),
        aad: STATUS_LIST,
        key: key.clone(),
        tag: Some(18),
    }
}

/// `{"lst": bytes, "bits": 2}`
pub fn status_list_claim(compressed: &[u8]) -> Item {
    Item::Map(vec![(Item::text("lst"), Item::bytes(compressed)), (Item::text("bits"), Item::Uint(2))])
}

/// A trust list whose parts can all be set.
#[derive(Clone)]
pub struct TrustList {
    /// The list's version.
    pub version: Item,
    /// When it was signed.
    pub issued_at: u64,
    /// When it ends.
    pub expires_at: u64,
    /// How many root keys must sign.
    pub threshold: u64,
    /// The root keys.
    pub roots: Vec<Item>,
    /// The issuers.
    pub issuers: Vec<Item>,
    /// The region rules.
    pub rules: Vec<Item>,
}

impl TrustList {
    /// The list's content.
    pub fn payload(&self) -> Item {
        Item::map([
            (1, self.version.clone()),
            (2, Item::Uint(self.issued_at)),
            (3, Item::Uint(self.expires_at)),
            (4, Item::array([Item::Uint(self.threshold), Item::Array(self.roots.clone())])),
            (5, Item::Array(self.issuers.clone())),
            (6, Item::Array(self.rules.clone())),
        ])
    }

    /// The list signed by these keys, in this order.
    pub fn signed_by(&self, keys: &[&TestKey]) -> Vec<u8> {
        signed_trust_list(&self.payload(), keys, TRUST_LIST).encode()
    }
}

/// A COSE_Sign over a payload.
pub fn signed_trust_list(payload: &Item, keys: &[&TestKey], aad: &[u8]) -> Item {
    trust_list_with(payload, keys.iter().map(|key| trust_list_signature(payload, key, key.alg(), aad)).collect())
}

/// A COSE_Signature over the payload of a trust list that names this algorithm, whichever the key has.
pub fn trust_list_signature(payload: &Item, key: &TestKey, alg: i64, aad: &[u8]) -> Item {
    let protected = Item::map([(1, Item::int(alg)), (4, Item::bytes(&key.kid()))]).encode();
    let message = sig_structure("Signature", &[], Some(&protected), aad, &payload.encode());
    Item::array([Item::Bytes(protected), Item::Map(Vec::new()), Item::bytes(&key.sign(&message))])
}

/// A COSE_Sign of a payload and its signatures.
pub fn trust_list_with(payload: &Item, signatures: Vec<Item>) -> Item {
    let envelope =
        Item::array([Item::bytes(&[]), Item::Map(Vec::new()), Item::embedded(payload), Item::Array(signatures)]);
    Item::Tag(98, Box::new(envelope))
}

/// An issuer of a trust list.
pub fn issuer(id: &str, name: &str, divisions: &[&str], keys: Vec<Item>, status_uri: &str) -> Item {
    Item::map([
        (1, Item::text(id)),
        (2, Item::text(name)),
        (3, Item::Array(divisions.iter().map(|d| Item::text(d)).collect())),
        (4, Item::Array(keys)),
        (5, Item::text(status_uri)),
    ])
}

/// A key of an issuer: usages 1 permit, 2 voucher, 3 status.
pub fn issuer_key(key: &TestKey, usages: &[u64], not_before: &str, not_after: &str) -> Item {
    Item::map([
        (1, key.cose_key()),
        (2, Item::Array(usages.iter().map(|usage| Item::Uint(*usage)).collect())),
        (3, Item::Uint(seconds(not_before))),
        (4, Item::Uint(seconds(not_after))),
    ])
}

/// A region rule: window in months or days, years until automatic cancellation, live code, name of the voucher.
pub fn region_rule(
    prefix: &str,
    name: &str,
    window: (u64, u64),
    auto_cancel_years: Option<u64>,
    live_code: bool,
    voucher: Option<&str>,
) -> Item {
    let mut rule = Item::map([
        (1, Item::text(prefix)),
        (2, Item::text(name)),
        (3, Item::array([Item::Uint(window.0), Item::Uint(window.1)])),
    ]);
    if let Some(years) = auto_cancel_years {
        rule.insert(4, Item::Uint(years));
    }
    rule.insert(5, Item::Bool(live_code));
    if let Some(name) = voucher {
        rule.insert(6, Item::text(name));
    }
    rule
}

/// The check digit of a residence code (ISO 7064 MOD 11,10).
pub fn mod_11_10(first15: u64) -> u64 {
    let mut product = 10;
    for digit in first15.to_string().bytes().map(|b| u64::from(b - b'0')) {
        let sum = match (product + digit) % 10 {
            0 => 10,
            sum => sum,
        };
        product = sum * 2 % 11;
    }
    (11 - product) % 10
}

/// The digits of a code, by an encoder of its own: `86`, version, kind, then groups of seven bytes.
pub fn digits(kind: u8, bytes: &[u8]) -> String {
    format!("861{kind}{}", digits_body(bytes))
}

/// Bytes as digits, without the head.
pub fn digits_body(bytes: &[u8]) -> String {
    const WIDTHS: [usize; 8] = [0, 3, 5, 8, 10, 13, 15, 17];
    let group = |group: &[u8]| {
        let value = group.iter().fold(0u64, |n, byte| n * 256 + u64::from(*byte));
        format!("{value:0width$}", width = WIDTHS[group.len()])
    };
    bytes.chunks(7).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values() {
        assert_eq!(mod_11_10(440_000_000_012_345), 4);
        assert_eq!(digits_body(&[0]), "000");
        assert_eq!(digits_body(&[1, 0]), "00256");
        assert_eq!(digits_body(&[0xff; 7]), "72057594037927935");
        assert_eq!(digits_body(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "0000110815215744600460809");
    }
}
