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
//! `permit` unless an issuer signed it who may, `lists.trust` and `lists.status` before it was known which they are, `code_age_s` of paper.
//! `"replay":"local_only"` stands there when the guard that the counters of a hall share could not be reached.
//! `clock_doctor`, `{"laptop":"behind","secs":180,"zh":…,"en":…}`, stands there when ten phones agree that this computer's clock is wrong.
//! `picture_unread`, `{"code":"SCAN_WORKER_LATE","zh":…,"en":…}`, stands there when a picture was given up before anything in it was read.
//! Of a picture, `picture` (`{"width":1280,"height":720}`) and `codes` stand there: where each code was read, as the picture is shown to
//! people (`{"corners":[[x,y], …],"version":12,"px_per_module":4.3}`, corners from the top left of the symbol clockwise), and `unread_codes`,
//! where a whole symbol was seen and not read. `advice`, `"TOO_SMALL"`, with `advice_words`, `{"zh":…,"en":…}`, stands there when the clerk
//! can do something to get a code read: nearer, sharper, one at a time; of typed digits, when a scanner gun lost or doubled some.
//! `untrusted` stands in the place of `permit` when a code was rejected before its signature held: for support, never to be shown as fact.
//!
//! Every text in it comes from a type that holds no control and no bidirectional characters; a terminal's caller escapes the rest.

use std::time::Duration;

use credential_format::citizen_id::Sex;
use credential_format::permit::{Agent, Carrier, Claims, VoucherNote};
use credential_format::place::Place;
use credential_format::text::TextError;
use serde::Serialize;

use crate::clock_doctor::Diagnosis;
use crate::verdict::{Subject, Verdict, Words};
use crate::verify::SignedPermit;

/// What the verdict itself does not know: which clock it went by, and how long things took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// The time was given on a command line, for a test or a rehearsal: nothing may show such a verdict green.
    pub fixed_clock: bool,
    /// How long it took to find the code in a picture, if there was one.
    pub scan: Option<Duration>,
    /// How long the decision took.
    pub verify: Duration,
    /// What the phones that were seen here say of this computer's clock.
    pub clock_doctor: Option<Diagnosis>,
    /// The picture was given up before anything in it was read.
    pub picture_unread: Option<PictureUnread>,
    /// What was seen in the picture, if there was one.
    pub in_view: Option<InView>,
    /// What to tell the clerk so that a code can be read.
    pub advice: Option<Advice>,
}

/// What was seen in a picture. Places are in pixels of the picture as it is shown to people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InView {
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
    /// The codes that were read.
    pub codes: Vec<CodeInView>,
    /// The symbols that were seen and not read. Their version is not known.
    pub unread: Vec<CodeInView>,
}

/// Where a code lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CodeInView {
    /// Top left, top right, bottom right, bottom left of the symbol.
    pub corners: [(i32, i32); 4],
    /// Version of the symbol, 1 to 40, of one that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// Pixels to one module.
    pub px_per_module: f64,
}

/// What a clerk can do to get a code read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// A stable code, `TOO_SMALL`.
    pub code: &'static str,
    /// As short as a glance.
    pub words: Words,
}

/// Why a picture was given up; see `worker::Trouble`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PictureUnread {
    /// A stable code, `SCAN_WORKER_LATE`.
    pub code: &'static str,
    /// What happened, and what to do, in zh-CN.
    pub zh: &'static str,
    /// The same in English.
    pub en: &'static str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_doctor: Option<ClockDoctorDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_unread: Option<PictureUnread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<PictureDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codes: Option<Vec<CodeInView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_codes: Option<Vec<CodeInView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice_words: Option<Bilingual>,
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
        let in_view = circumstances.in_view.as_ref();
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
            replay: verdict.replay_checked_here_only.then_some("local_only"),
            clock_doctor: circumstances.clock_doctor.map(ClockDoctorDocument::new),
            picture_unread: circumstances.picture_unread,
            picture: in_view.map(|view| PictureDocument { width: view.width, height: view.height }),
            codes: in_view.map(|view| view.codes.clone()),
            unread_codes: in_view.map(|view| view.unread.clone()),
            advice: circumstances.advice.as_ref().map(|advice| advice.code),
            advice_words: circumstances.advice.as_ref().map(|advice| advice.words.clone().into()),
            timing_us: TimingDocument { scan: circumstances.scan.map(micros), verify: micros(circumstances.verify) },
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A text in both languages of the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Bilingual {
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

/// The clock doctor's diagnosis; `show` has it in the same form.
#[derive(Clone, Debug, Serialize)]
struct ClockDoctorDocument {
    laptop: &'static str,
    secs: u64,
    #[serde(flatten)]
    words: Bilingual,
}

impl ClockDoctorDocument {
    fn new(diagnosis: Diagnosis) -> ClockDoctorDocument {
        ClockDoctorDocument { laptop: diagnosis.laptop.word(), secs: diagnosis.secs, words: diagnosis.words().into() }
    }
}

#[derive(Clone, Debug, Serialize)]
struct PictureDocument {
    width: u32,
    height: u32,
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
            Carrier::Paper(note) => ("voucher", Some(VoucherDocument::new(note))),
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
            agent: claims.agent.as_ref().map(|agent| AgentDocument::new(agent, agent.name.as_str().into())),
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

/// What became of typed digits on their way from the code to here.
pub fn scanner_advice(fault: TextError) -> Advice {
    let words = match fault {
        TextError::Length(_) => Words {
            zh: "扫描枪漏了或多了字符，请重扫",
            en: "the scanner dropped or doubled a character: scan again",
        },
        _ => Words {
            zh: "扫描枪输入的字符有误，请关闭输入法后重扫",
            en: "the scanner typed a wrong character: turn the input method off and scan again",
        },
    };
    Advice { code: fault.code(), words }
}

/// Who shows the permit: the holder, an agent, or a sheet of paper.
pub fn shown_by(claims: &Claims) -> Words {
    match (&claims.carrier, &claims.agent) {
        (Carrier::Paper(_), _) => Words { zh: "纸质凭证", en: "paper voucher" },
        (Carrier::Device(_), Some(_)) => Words { zh: "代他人亮证", en: "shown by an agent" },
        (Carrier::Device(_), None) => Words { zh: "本人亮证", en: "shown by the holder" },
    }
}

pub(crate) fn sex(sex: Sex) -> Words {
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
pub(crate) struct AgentDocument {
    name: String,
    relation: Bilingual,
}

impl AgentDocument {
    /// The name whole or masked, as whoever shows it may.
    pub(crate) fn new(agent: &Agent, name: String) -> AgentDocument {
        let (zh, en) = agent.relation.words();
        AgentDocument { name, relation: Words { zh, en }.into() }
    }
}

#[derive(Clone, Serialize)]
pub(crate) struct VoucherDocument {
    serial: String,
    place: String,
}

impl VoucherDocument {
    pub(crate) fn new(note: &VoucherNote) -> VoucherDocument {
        VoucherDocument { serial: note.serial.as_str().into(), place: note.place.as_str().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, DAY, PERMIT_KEY, STATUS_KEY, at};
    use credential_format::status_list::Status;
    use credential_format::timestamp::Timestamp;
    use serde_json::{Value, json};

    fn verdict(text: &str, now: Timestamp) -> Verdict {
        let list = testing::status_list(STATUS_KEY, 3, at(-3_600), &[(8, Status::Cancelled)]);
        testing::verdict(text, &list, now)
    }

    fn document(text: &str, now: Timestamp) -> Value {
        let circumstances =
            Circumstances { fixed_clock: true, verify: Duration::from_micros(412), ..Circumstances::default() };
        serde_json::to_value(VerdictDocument::new(&verdict(text, now), &circumstances)).unwrap()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn an_accepted_permit_whole() {
        let mut document = document(&testing::code(at(-4), 1), at(0));
        let checks = document["checks"].take();
        assert_eq!(checks.as_array().unwrap().len(), 13);
        assert_eq!(checks[0], json!({"step": 1, "name": "code", "result": "pass"}));
        assert_eq!(checks[12], json!({"step": 13, "name": "verdict", "result": "pass"}));
        let remedy = document["remedy"].take();
        assert!(remedy["zh"].as_str().unwrap().contains("比对") && remedy["en"].is_string());
        assert_eq!(
            document,
            json!({
                "v": 1,
                "outcome": "accept",
                "reason": "VALID",
                "assurance": "passive",
                "title": {"zh": "有效", "en": "Valid"},
                "detail": {"zh": "有效期至 2026年12月31日", "en": "Endorsed until 2026-12-31"},
                "remedy": null,
                "curable": false,
                "permit": {
                    "kind": "display",
                    "permit_name": "广东省居住证",
                    "specimen": false,
                    "residence_code": "4400000000012344",
                    "name": "张样本",
                    "citizen_id": "330327199001011232",
                    "sex": {"zh": "男", "en": "male"},
                    "birth_date": "1990-01-01",
                    "ethnicity": {"code": 1, "zh": "汉族", "en": "Han"},
                    "household": {"division": "330302", "full": "浙江省温州市鹿城区样板路70号"},
                    "address": {"division": "440106", "full": "广东省广州市天河区石牌街道样板路8号"},
                    "issued_on": "2025-12-31",
                    "endorsed_until": "2026-12-31",
                    "endorsement_window": {"opens": "2026-11-30", "closes": "2026-12-31"},
                    "issued_at": at(-30 * DAY).to_string(),
                    "expires_at": at(1_000 * DAY).to_string(),
                    "issuer": {"id": "GZ-PSB", "name": "广州市公安局"},
                    "status": {"list": 3, "index": 7},
                    "shown_by": {"zh": "本人亮证", "en": "shown by the holder"},
                },
                "checks": null,
                "lists": {
                    "trust": {"version": 7, "age_s": 86_400},
                    "status": {"list": 3, "age_s": 3_600, "old": false},
                },
                "clock": "fixed",
                "code_age_s": 4,
                "timing_us": {"verify": 412},
            })
        );
        assert!(document["permit"]["issued_at"].as_str().unwrap().ends_with("+08:00"));
    }

    #[test]
    fn the_order_of_members_is_that_of_the_documentation() {
        let verdict = verdict(&testing::code(at(0), 1), at(0));
        let circumstances = Circumstances { scan: Some(Duration::from_millis(3)), ..Circumstances::default() };
        let text = serde_json::to_string(&VerdictDocument::new(&verdict, &circumstances)).unwrap();
        let members = [
            "{\"v\":1,",
            "\"outcome\"",
            "\"reason\"",
            "\"assurance\"",
            "\"title\"",
            "\"detail\"",
            "\"remedy\"",
            "\"curable\"",
            "\"permit\"",
            "\"checks\"",
            "\"lists\"",
            "\"clock\":\"system\"",
            "\"code_age_s\"",
            "\"timing_us\":{\"scan\":3000,",
        ];
        let places: Vec<usize> = members.iter().map(|member| text.find(member).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn what_a_signature_does_not_hold_is_untrusted_and_names_no_issuer() {
        let forged = testing::sign_permit(&testing::claims(), STATUS_KEY);
        let mut bytes = forged.clone();
        // The right kid with a signature of another key.
        let good = testing::sign_permit(&testing::claims(), PERMIT_KEY);
        let signature = bytes.len() - 64;
        bytes[..signature].copy_from_slice(&good[..signature]);
        let document = document(&testing::code_of(&bytes, at(0), 1, None), at(0));
        assert_eq!(document["reason"], "ISSUER_SIGNATURE");
        assert_eq!(
            keys(&document["untrusted"]),
            [
                "address",
                "birth_date",
                "citizen_id",
                "endorsed_until",
                "ethnicity",
                "expires_at",
                "household",
                "issued_at",
                "issued_on",
                "kind",
                "name",
                "residence_code",
                "sex",
                "shown_by",
                "status",
            ]
        );
        let absent = ["permit", "assurance", "detail", "code_age_s"];
        assert!(absent.iter().all(|member| document.get(member).is_none()));
        assert_eq!(document["lists"], json!({"trust": {"version": 7, "age_s": 86_400}}));
    }

    #[test]
    fn a_refused_permit_of_a_known_issuer_is_shown_as_permit() {
        let old = document(&testing::code(at(-31), 1), at(0));
        assert_eq!((&old["outcome"], &old["reason"]), (&json!("reject"), &json!("PRESENTATION_EXPIRED")));
        assert_eq!(old["permit"]["name"], "张样本");
        assert_eq!((&old["code_age_s"], &old["curable"]), (&json!(31), &json!(true)));
        assert!(old.get("untrusted").is_none());
    }

    #[test]
    fn nothing_readable_gives_neither() {
        let document = document("https://example.cn", at(0));
        assert_eq!(document["reason"], "NOT_A_PERMIT_CODE");
        assert!(document.get("permit").is_none() && document.get("untrusted").is_none());
        assert_eq!(document["lists"], json!({"trust": {"version": 7, "age_s": 86_400}}));
        assert_eq!(document["checks"], json!([{"step": 1, "name": "code", "result": "fail"}]));
    }

    #[test]
    fn paper_and_agents_say_who_shows() {
        let paper = document(&testing::voucher_code(), at(0));
        assert_eq!((&paper["reason"], &paper["assurance"]), (&json!("VOUCHER_VALID"), &json!("paper")));
        assert_eq!(paper["permit"]["kind"], "voucher");
        assert_eq!(paper["permit"]["permit_name"], "居住证凭证");
        assert_eq!(paper["permit"]["voucher"], json!({"serial": "GZ-2026-0001", "place": "石牌街道服务中心"}));
        assert_eq!(paper["permit"]["shown_by"]["zh"], "纸质凭证");
        assert!(paper.get("code_age_s").is_none());

        let claims = Claims { agent: Some(testing::agent()), ..testing::claims() };
        let shown = testing::code_of(&testing::sign_permit(&claims, PERMIT_KEY), at(0), 1, None);
        let shown = document(&shown, at(0));
        assert_eq!(shown["permit"]["agent"], json!({"name": "李样本", "relation": {"zh": "监护人", "en": "guardian"}}));
        assert_eq!(shown["permit"]["shown_by"], json!({"zh": "代他人亮证", "en": "shown by an agent"}));
    }

    #[test]
    fn what_was_in_the_picture() {
        let read = CodeInView { corners: [(1, 2), (30, -4), (35, 36), (0, 37)], version: Some(12), px_per_module: 4.5 };
        let unread = CodeInView { version: None, ..read.clone() };
        let in_view = InView { width: 1_280, height: 720, codes: vec![read], unread: vec![unread] };
        let words = Words { zh: "靠近一些", en: "come closer" };
        let advice = Some(Advice { code: "TOO_SMALL", words });
        let circumstances = Circumstances { in_view: Some(in_view), advice, ..Circumstances::default() };
        let verdict = verdict(&testing::code(at(0), 1), at(0));
        let shown = serde_json::to_value(VerdictDocument::new(&verdict, &circumstances)).unwrap();
        let corners = json!([[1, 2], [30, -4], [35, 36], [0, 37]]);
        assert_eq!(shown["picture"], json!({"width": 1280, "height": 720}));
        assert_eq!(shown["codes"], json!([{"corners": corners, "version": 12, "px_per_module": 4.5}]));
        assert_eq!(shown["unread_codes"], json!([{"corners": corners, "px_per_module": 4.5}]));
        assert_eq!(shown["advice"], "TOO_SMALL");
        assert_eq!(shown["advice_words"], json!({"zh": "靠近一些", "en": "come closer"}));
        let typed = serde_json::to_value(VerdictDocument::new(&verdict, &Circumstances::default())).unwrap();
        for member in ["picture", "codes", "unread_codes", "advice", "advice_words"] {
            assert_eq!(typed.get(member), None, "{member}");
        }
    }

    #[test]
    fn debug_shows_nobody() {
        let verdict = verdict(&testing::code(at(0), 1), at(0));
        let text = format!("{:?}", VerdictDocument::new(&verdict, &Circumstances::default()));
        assert!(!text.contains("张样本") && !text.contains("330327") && !text.contains("样板路"), "{text}");
    }
}
