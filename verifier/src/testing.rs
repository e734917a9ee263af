//! A small world for tests: root keys, one issuer, one device, and what they sign. Every key is made of one byte and is no secret.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use credential_format::citizen_id::CitizenId;
use credential_format::counter_id::CounterId;
use credential_format::day::Day;
use credential_format::display_text::DisplayText;
use credential_format::division::{Division, DivisionPrefix};
use credential_format::ethnicity::Ethnicity;
use credential_format::key::{CoseKey, PublicKey, Thumbprint};
use credential_format::name::Name;
use credential_format::permit::{Agent, Carrier, Claims, Relation, StatusSlot, VoucherNote};
use credential_format::place::Place;
use credential_format::presentation::{Answer, Binding};
use credential_format::region::{RegionRule, Window};
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::{Status, StatusListDraft, StatusListHead};
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::policy::Policy;
use crate::replay::MemoryGuard;
use crate::status::{StatusLists, TrustedStatusList};
use crate::trust::TrustedList;
use crate::verdict::Verdict;
use crate::verify::{Asked, Context, verify};

pub const ROOT: u8 = 1;
pub const OTHER_ROOT: u8 = 2;
pub const PERMIT_KEY: u8 = 10;
pub const STATUS_KEY: u8 = 11;
pub const DEVICE: u8 = 20;

pub const STATUS_URI: &str = "https://status.example/gz";

/// Seconds after 2026-07-01 08:00 in Shanghai, or before.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::new(1_782_864_000_u64.checked_add_signed(seconds).unwrap()).unwrap()
}

pub const DAY: i64 = 86_400;

pub fn signing_key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name; 32])
}

pub fn cose_key(name: u8) -> CoseKey {
    CoseKey::Ed25519(signing_key(name).verifying_key().to_bytes())
}

pub fn public_key(name: u8) -> PublicKey {
    PublicKey::try_from(&cose_key(name)).unwrap()
}

pub fn thumbprint(name: u8) -> Thumbprint {
    public_key(name).thumbprint()
}

pub fn counter() -> CounterId {
    CounterId::parse("TIANHE-03").unwrap()
}

fn issuer_key(name: u8, usages: &[Usage]) -> IssuerKey {
    IssuerKey {
        key: cose_key(name),
        usages: usages.into(),
        not_before: at(-1_000 * DAY),
        not_after: at(1_000 * DAY),
        compromised_from: None,
        specimen: false,
    }
}

/// A list of this version, issued a day before `at(0)` and good for a year, with `ROOT` as its root.
pub fn trust_content(version: u64) -> TrustList {
    TrustList {
        version,
        issued_at: at(-DAY),
        expires_at: at(365 * DAY),
        roots: RootKeys::new(1, vec![cose_key(ROOT)]).unwrap(),
        issuers: vec![Issuer {
            id: CounterId::parse("GZ-PSB").unwrap(),
            name: DisplayText::parse("广州市公安局").unwrap(),
            divisions: vec![DivisionPrefix::parse("4401").unwrap()],
            keys: vec![
                issuer_key(PERMIT_KEY, &[Usage::Permit, Usage::Voucher]),
                issuer_key(STATUS_KEY, &[Usage::Status]),
            ],
            status_uri: STATUS_URI.into(),
        }],
        rules: vec![
            RegionRule::new(
                DivisionPrefix::parse("44").unwrap(),
                DisplayText::parse("广东省居住证").unwrap(),
                Window::Months(1),
                None,
                true,
                Some(DisplayText::parse("居住证凭证").unwrap()),
            )
            .unwrap(),
        ],
    }
}

pub fn sign_trust(content: &TrustList, signers: &[u8]) -> Vec<u8> {
    let to_sign = content.to_sign().unwrap();
    let signatures: Vec<_> = signers
        .iter()
        .map(|name| {
            let public = public_key(*name);
            (public, signing_key(*name).sign(&to_sign.message(&public)).to_bytes())
        })
        .collect();
    to_sign.finish(&signatures)
}

pub fn trust_list(version: u64) -> Vec<u8> {
    sign_trust(&trust_content(version), &[ROOT])
}

/// List `number`, signed by this key; entries but those named are valid.
pub fn status_list(signer: u8, number: u64, issued_at: Timestamp, entries: &[(u64, Status)]) -> Vec<u8> {
    let mut draft = StatusListDraft::new(1_000);
    for (index, status) in entries {
        assert!(draft.set(*index, *status));
    }
    let head = StatusListHead {
        subject: alloc::format!("{STATUS_URI}/{number}"),
        issued_at,
        expires_at: None,
        ttl_secs: None,
    };
    let to_sign = draft.to_sign(&head, &public_key(signer));
    to_sign.finish(&signing_key(signer).sign(to_sign.message()).to_bytes())
}

/// A permit of list 3, entry 7, endorsed until 2026-12-31.
pub fn claims() -> Claims {
    let division = Division::new(440_106).unwrap();
    Claims {
        expires_at: at(1_000 * DAY),
        issued_at: at(-30 * DAY),
        carrier: Carrier::Device(cose_key(DEVICE)),
        residence_code: ResidenceCode::with_check(440_000_000_001_234).unwrap(),
        name: Name::parse("张样本").unwrap(),
        citizen_id: CitizenId::from_wire(33_032_719_900_101_123).unwrap(),
        ethnicity: Ethnicity::new(1).unwrap(),
        household: Place::new(Division::new(330_302).unwrap(), DisplayText::parse("样板路70号").unwrap()),
        address: Place::new(division, DisplayText::parse("石牌街道样板路8号").unwrap()),
        issued_on: Day::parse("2025-12-31").unwrap(),
        endorsed_until: Day::parse("2026-12-31").unwrap(),
        status: StatusSlot { list: 3, index: 7 },
        agent: None,
        portrait_digest: None,
        unknown_extensions: Vec::new(),
    }
}

pub fn agent() -> Agent {
    Agent { name: Name::parse("李样本").unwrap(), relation: Relation::GUARDIAN }
}

pub fn paper() -> Carrier {
    Carrier::Paper(VoucherNote {
        serial: DisplayText::parse("GZ-2026-0001").unwrap(),
        place: DisplayText::parse("石牌街道服务中心").unwrap(),
    })
}

pub fn sign_permit(claims: &Claims, signer: u8) -> Vec<u8> {
    let to_sign = claims.to_sign(public_key(signer).kid()).unwrap();
    to_sign.finish(&signing_key(signer).sign(to_sign.message()).to_bytes())
}

/// The digits that the device shows at this time.
pub fn code_of(permit: &[u8], shown_at: Timestamp, nonce: u8, answer: Option<Answer>) -> String {
    let binding = Binding { issued_at: shown_at, nonce: [nonce; 8], answer };
    let to_sign = binding.to_sign(permit).unwrap();
    text::encode(Kind::Presentation, &to_sign.finish(&signing_key(DEVICE).sign(to_sign.message()).to_bytes()))
}

/// A good code of the sample permit.
pub fn code(shown_at: Timestamp, nonce: u8) -> String {
    code_of(&sign_permit(&claims(), PERMIT_KEY), shown_at, nonce, None)
}

/// What a counter says of these digits that has trust list 7 and this status list, and asks for no challenge.
pub fn verdict(digits: &str, status_list: &[u8], now: Timestamp) -> Verdict {
    let trust = TrustedList::first(&trust_list(7), &thumbprint(ROOT), at(0)).unwrap();
    let mut status = StatusLists::new();
    status.put(TrustedStatusList::check(status_list, &trust).unwrap());
    let mut context = Context {
        now,
        trust: Some(&trust),
        status: &status,
        newest_signed_time: None,
        asked: Asked::Nothing,
        replay: &mut MemoryGuard::new(10),
        policy: Policy::default(),
    };
    verify(&[digits], &mut context)
}

/// The sample permit printed.
pub fn voucher_code() -> String {
    let claims = Claims { carrier: paper(), ..claims() };
    text::encode(Kind::Voucher, &sign_permit(&claims, PERMIT_KEY))
}
