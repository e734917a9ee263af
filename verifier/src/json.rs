//! A verdict as JSON. The shape is stable: members are added, never changed; `v` changes when one has to be.
//!
//! ```json
//! {"v":1, "outcome":"accept", "reason":"VALID", "assurance":"passive",
//!  "title":{"zh":"有效","en":"Valid"}, "detail":{…}, "remedy":{…}, "curable":false,
//!  "permit":{…}, "checks":[{"step":1,"name":"code","result":"pass"}, …],
//!  "lists":{"trust":{"version":7,"age_s":86400}, "status":{"list":3,"age_s":3600,"old":false}},
//!  "clock":"system", "code_age_s":4, "timing_us":{"verify":412}}
//! ```
//!
//! Members that have nothing to say are absent: `assurance` before the holder was tied to the code, `detail` where the title says all,
//! `permit` unless an issuer signed it who may, `lists.trust` and `lists.status` before they were used, `code_age_s` of paper.
//! `untrusted` stands in the place of `permit` when a code was rejected before its signature held: for support, never to be shown as fact.
//!
//! Every text in it comes from a type that holds no control and no bidirectional characters; a terminal's caller escapes the rest.

use std::time::Duration;

use credential_format::citizen_id::Sex;
use credential_format::permit::{Carrier, Claims};
use credential_format::place::Place;
use serde::Serialize;

use crate::verdict::{Subject, Verdict, Words};
use crate::verify::SignedPermit;

/// What the verdict itself does not know: which clock it went by, and how long things took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The time was given on a command line, for a test or a rehearsal: nothing may show such a verdict green.
    pub fixed_clock: bool,
    /// How long it took to find the code in a picture, if there was one.
    pub scan: Option<Duration>,
    /// How long the decision took.
    pub verify: Duration,
}

/// A verdict that serialises as the module describes.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictDocument {
    v: u8,
    outcome: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    assurance: Option<&'static str>,
    title: Bilingual,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Bilingual>,
    remedy: Bilingual,
    curable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<PermitDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    untrusted: Option<ClaimsDocument>,
    checks: Vec<CheckDocument>,
    lists: ListsDocument,
    clock: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_age_s: Option<i64>,
    timing_us: TimingDocument,
}

impl VerdictDocument {
    /// The document of a verdict.
    pub fn new(verdict: &Verdict, circumstances: &Circumstances) -> VerdictDocument {
        let (permit, untrusted) = match &verdict.subject {
            Subject::Unreadable => (None, None),
            Subject::Untrusted(claims) => (None, Some(ClaimsDocument::new(claims))),
            Subject::Signed(permit) | Subject::Accepted(permit) => (Some(PermitDocument::new(permit)), None),
        };
        let checks = verdict.checks.iter().map(|check| CheckDocument {
            step: check.step.number(),
            name: check.step.name(),
            result: check.result.word(),
        });
        VerdictDocument {
            v: 1,
            outcome: verdict.outcome().word(),
            reason: verdict.reason.code(),
            assurance: verdict.assurance.map(|assurance| assurance.word()),
            title: verdict.reason.title().into(),
            detail: verdict.detail().map(Bilingual::from),
            remedy: verdict.reason.remedy().into(),
            curable: verdict.reason.is_curable(),
            permit,
            untrusted,
            checks: checks.collect(),
            lists: ListsDocument {
                trust: verdict.trust_list.map(|list| TrustDocument { version: list.version, age_s: list.age_secs }),
                status: verdict.status_list.map(|list| StatusDocument {
                    list: list.list,
                    age_s: list.age_secs,
                    old: list.old,
                }),
            },
            clock: if circumstances.fixed_clock { "fixed" } else { "system" },
            code_age_s: verdict.code_age_secs,
            timing_us: TimingDocument { scan: circumstances.scan.map(micros), verify: micros(circumstances.verify) },
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A text in both languages of the screen.
#[derive(Clone, Debug, Serialize)]
struct Bilingual {
    zh: String,
    en: String,
}

impl<T: Into<String>> From<Words<T>> for Bilingual {
    fn from(words: Words<T>) -> Bilingual {
        Bilingual { zh: words.zh.into(), en: words.en.into() }
    }
}

#[derive(Clone, Debug, Serialize)]
struct CheckDocument {
    step: u8,
    name: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct ListsDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    trust: Option<TrustDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusDocument>,
}

#[derive(Clone, Debug, Serialize)]
struct TrustDocument {
    version: u64,
    age_s: i64,
}

#[derive(Clone, Debug, Serialize)]
struct StatusDocument {
    list: u64,
    age_s: i64,
    old: bool,
}

#[derive(Clone, Debug, Serialize)]
struct TimingDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    scan: Option<u64>,
    verify: u64,
}

/// A permit that an issuer signed: its claims, and what the trust list adds to them.
#[derive(Clone, Serialize)]
struct PermitDocument {
    permit_name: String,
    specimen: bool,
    #[serde(flatten)]
    claims: ClaimsDocument,
    endorsement_window: WindowDocument,
    issuer: IssuerDocument,
}

impl PermitDocument {
    fn new(permit: &SignedPermit) -> PermitDocument {
        let (opens, closes) = permit.rule().window_days(permit.claims().endorsed_until);
        let paper = matches!(permit.claims().carrier, Carrier::Paper(_));
        let name = permit.rule().voucher_name().filter(|_| paper).unwrap_or(permit.rule().permit_name());
        PermitDocument {
            permit_name: name.as_str().into(),
            specimen: permit.is_specimen(),
            claims: ClaimsDocument::new(permit.claims()),
            endorsement_window: WindowDocument { opens: opens.to_string(), closes: closes.to_string() },
            issuer: IssuerDocument { id: permit.issuer_id().to_string(), name: permit.issuer_name().into() },
        }
    }
}

/// What a permit says of itself.
#[derive(Clone, Serialize)]
struct ClaimsDocument {
    kind: &'static str,
    residence_code: String,
    name: String,
    citizen_id: String,
    sex: Bilingual,
    birth_date: String,
    ethnicity: EthnicityDocument,
    household: PlaceDocument,
    address: PlaceDocument,
    issued_on: String,
    endorsed_until: String,
    issued_at: String,
    expires_at: String,
    status: SlotDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher: Option<VoucherDocument>,
    shown_by: Bilingual,
}

impl ClaimsDocument {
    fn new(claims: &Claims) -> ClaimsDocument {
        let (kind, voucher) = match &claims.carrier {
            Carrier::Device(_) => ("display", None),
            Carrier::Paper(note) => (
                "voucher",
                Some(VoucherDocument { serial: note.serial.as_str().into(), place: note.place.as_str().into() }),
            ),
        };
        ClaimsDocument {
            kind,
            residence_code: claims.residence_code.digits(),
            name: claims.name.as_str().into(),
            citizen_id: claims.citizen_id.to_string(),
            sex: sex(claims.citizen_id.sex()).into(),
            birth_date: claims.citizen_id.birth_date().to_string(),
            ethnicity: EthnicityDocument {
                code: claims.ethnicity.code(),
                zh: claims.ethnicity.name(),
                en: claims.ethnicity.name_en(),
            },
            household: PlaceDocument::new(&claims.household),
            address: PlaceDocument::new(&claims.address),
            issued_on: claims.issued_on.to_string(),
            endorsed_until: claims.endorsed_until.to_string(),
            issued_at: claims.issued_at.to_string(),
            expires_at: claims.expires_at.to_string(),
            status: SlotDocument { list: claims.status.list, index: claims.status.index },
            agent: claims.agent.as_ref().map(|agent| {
                let (zh, en) = agent.relation.words();
                AgentDocument { name: agent.name.as_str().into(), relation: Words { zh, en }.into() }
            }),
            voucher,
            shown_by: shown_by(claims).into(),
        }
    }
}

/// Personal data: not for `Debug`.
impl std::fmt::Debug for ClaimsDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimsDocument").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PermitDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PermitDocument").field("permit_name", &self.permit_name).finish_non_exhaustive()
    }
}

/// Who shows the permit: the holder, an agent, or a sheet of paper.
pub fn shown_by(claims: &Claims) -> Words {
    match (&claims.carrier, &claims.agent) {
        (Carrier::Paper(_), _) => Words { zh: "纸质凭证", en: "paper voucher" },
        (Carrier::Device(_), Some(_)) => Words { zh: "代他人亮证", en: "shown by an agent" },
        (Carrier::Device(_), None) => Words { zh: "本人亮证", en: "shown by the holder" },
    }
}

fn sex(sex: Sex) -> Words {
    Words { zh: sex.zh(), en: if sex == Sex::Male { "male" } else { "female" } }
}

#[derive(Clone, Serialize)]
struct EthnicityDocument {
    code: u8,
    zh: &'static str,
    en: &'static str,
}

#[derive(Clone, Serialize)]
struct PlaceDocument {
    division: String,
    full: String,
}

impl PlaceDocument {
    fn new(place: &Place) -> PlaceDocument {
        PlaceDocument { division: format!("{:06}", place.division().code()), full: place.to_address() }
    }
}

#[derive(Clone, Serialize)]
struct WindowDocument {
    opens: String,
    closes: String,
}

#[derive(Clone, Serialize)]
struct IssuerDocument {
    id: String,
    name: String,
}

#[derive(Clone, Serialize)]
struct SlotDocument {
    list: u64,
    index: u64,
}

#[derive(Clone, Serialize)]
struct AgentDocument {
    name: String,
    relation: Bilingual,
}

#[derive(Clone, Serialize)]
struct VoucherDocument {
    serial: String,
    place: String,
}
