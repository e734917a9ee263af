//! Frames that are shown to a verifier: SPEC section 8, step by step.

use std::collections::BTreeMap;

use super::Collection;
use crate::item::Item;
use crate::objects::{
    self, ENROLMENT, PERMIT, PERMIT_CLAIMS, PRESENTATION, STATUS_LIST, Sign1, TRUST_LIST, digits, field, seconds,
};
use crate::sample_permits::{Sample, SamplePermits};
use crate::test_keys::{ed25519_cose_key, sha256};
use crate::vector::{Asked, EarlierScan, Expect, Guard, RuleDates, Vector, VerdictVector};
use crate::worlds::{self, LISTED, NOON, key};

/// What every reason code means, written down here once more: code, step, outcome, curable, the large word.
const REASONS: [(&str, u8, Expect, bool, &str); 39] = [
    ("NO_CODE", 1, Expect::Undetermined, true, "未发现二维码"),
    ("MULTIPLE_CODES", 1, Expect::Reject, true, "画面中有多个居住证二维码"),
    ("NOT_A_PERMIT_CODE", 1, Expect::Reject, true, "无法识别的二维码"),
    ("UNSUPPORTED_VERSION", 1, Expect::Undetermined, true, "二维码内容较新"),
    ("MALFORMED", 2, Expect::Reject, true, "二维码内容有误"),
    ("TRUST_LIST_MISSING", 3, Expect::Undetermined, true, "缺少信任名单"),
    ("TRUST_LIST_EXPIRED", 3, Expect::Undetermined, true, "信任名单已过期"),
    ("CLOCK_SUSPECT", 3, Expect::Undetermined, true, "本机时间不可信"),
    ("ISSUER_UNKNOWN", 4, Expect::Undetermined, true, "签发机关未受信任"),
    ("KEY_RETIRED", 4, Expect::Reject, false, "签发密钥不在有效期内"),
    ("KEY_COMPROMISED", 4, Expect::Reject, false, "签发密钥已停用"),
    ("ISSUER_SIGNATURE", 5, Expect::Reject, false, "验签未通过"),
    ("ISSUER_OUT_OF_SCOPE", 6, Expect::Reject, false, "签发机关无权签发此证"),
    ("UNSUPPORTED_EXTENSION", 6, Expect::Undetermined, true, "证照含有新的内容"),
    ("HOLDER_PROOF_MISSING", 7, Expect::Reject, true, "缺少持证人设备签名"),
    ("DEVICE_SIGNATURE", 7, Expect::Reject, false, "设备验签未通过"),
    ("VOUCHER_NOT_ALLOWED", 7, Expect::Reject, true, "该地区不使用纸质凭证"),
    ("LIVE_CODE_NOT_ALLOWED", 7, Expect::Reject, true, "该地区不使用手机亮码"),
    ("PRESENTATION_EXPIRED", 8, Expect::Reject, true, "二维码已失效"),
    ("PRESENTATION_FROM_FUTURE", 8, Expect::Undetermined, true, "二维码时间异常"),
    ("CHALLENGE_MISSING", 8, Expect::Reject, true, "未应答挑战码"),
    ("CHALLENGE_MISMATCH", 8, Expect::Reject, true, "应答的不是本次挑战码"),
    ("CHALLENGE_EXPIRED", 8, Expect::Reject, true, "挑战码已过期或已使用"),
    ("NOT_YET_VALID", 9, Expect::Reject, true, "尚未生效"),
    ("EXPIRED", 9, Expect::Reject, true, "电子证照已过期"),
    ("STATUS_LIST_MISSING", 10, Expect::Undetermined, true, "缺少状态名单"),
    ("STATUS_LIST_STALE", 10, Expect::Undetermined, true, "离线名单已过期"),
    ("CANCELLED", 10, Expect::Reject, false, "已注销"),
    ("SUSPENDED", 10, Expect::Reject, true, "使用功能中止"),
    ("SUPERSEDED", 10, Expect::Reject, true, "证照已更新"),
    ("STATUS_INDEX", 10, Expect::Reject, false, "状态名单中无此证"),
    ("ENDORSEMENT_LAPSED", 11, Expect::Reject, true, "使用功能中止"),
    ("AUTO_CANCELLED", 11, Expect::Reject, false, "已注销（逾期未签注）"),
    ("REPLAYED", 12, Expect::Reject, true, "此二维码已使用过"),
    ("REPLAY_GUARD_UNAVAILABLE", 12, Expect::Undetermined, true, "无法登记核验记录"),
    ("SPECIMEN", 13, Expect::Reject, false, "样本，不是居住证"),
    ("VALID", 13, Expect::Accept, false, "有效"),
    ("VALID_ENDORSABLE", 13, Expect::Accept, false, "有效（可签注）"),
    ("VOUCHER_VALID", 13, Expect::Accept, false, "凭证有效（纸质）"),
];

/// The reason code for a status in `permits.json`; one that is cancelled by the calendar is AUTO_CANCELLED instead.
pub fn code_of_lifecycle(status: &str) -> &'static str {
    match status {
        "valid" => "VALID",
        "valid_endorsable" => "VALID_ENDORSABLE",
        "suspended" => "ENDORSEMENT_LAPSED",
        "cancelled" => "CANCELLED",
        other => panic!("no status {other}"),
    }
}

/// A vector in the making: the counter at noon, unless it says otherwise.
pub(super) struct Scan {
    pub(super) why: String,
    pub(super) code: &'static str,
    /// The step that decides, where it is not the code's usual one.
    pub(super) step: Option<u8>,
    /// How the holder is tied to the code, once that is established.
    pub(super) assurance: &'static str,
    pub(super) world: &'static str,
    pub(super) now: String,
    pub(super) asked: Asked,
    pub(super) guard: Guard,
    pub(super) before: Vec<EarlierScan>,
    pub(super) frame: Vec<String>,
    pub(super) dates: Option<RuleDates>,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            why: String::new(),
            code: "VALID",
            step: None,
            assurance: "passive",
            world: "counter",
            now: NOON.into(),
            asked: Asked::Nothing,
            guard: Guard::Empty,
            before: Vec::new(),
            frame: Vec::new(),
            dates: None,
        }
    }
}

impl Scan {
    pub(super) fn vector(self) -> VerdictVector {
        let reason =
            REASONS.iter().find(|reason| reason.0 == self.code).unwrap_or_else(|| panic!("no code {}", self.code));
        let (code, step, outcome, curable, title_zh) = *reason;
        let step = self.step.unwrap_or(step);
        VerdictVector {
            why: self.why,
            outcome,
            code: code.into(),
            title_zh: title_zh.into(),
            // An old code, or one that answers nothing, ties nobody to it.
            assurance: (step > 8).then(|| self.assurance.into()),
            curable,
            step,
            world: self.world.into(),
            now: self.now,
            policy: BTreeMap::new(),
            asked: self.asked,
            guard: self.guard,
            before: self.before,
            frame: self.frame,
            dates: self.dates,
        }
    }
}

/// Permits and codes of sample persons, and the collection that takes the vectors.
struct Setting<'a> {
    all: &'a mut Collection,
    samples: &'a SamplePermits,
}

pub(super) fn add(all: &mut Collection, samples: &SamplePermits) {
    let mut s = Setting { all, samples };
    codes(&mut s);
    malformed(&mut s);
    unknown_divisions(&mut s);
    trust(&mut s);
    issuer_keys(&mut s);
    issuer_signatures(&mut s);
    scopes(&mut s);
    extensions(&mut s);
    holder_proofs(&mut s);
    vouchers(&mut s);
    freshness(&mut s);
    challenges(&mut s);
    validity(&mut s);
    status(&mut s);
    status_keys_changed(&mut s);
    endorsement(&mut s);
    replay(&mut s);
    specimens(&mut s);
}

impl Setting<'_> {
    fn push(&mut self, name: &str, why: &str, scan: Scan) {
        self.all.add(name, Vector::Verdict(Scan { why: why.into(), ..scan }.vector()));
    }

    fn sample(&self, no: u64) -> &Sample {
        self.samples.permit(no)
    }

    /// The permit of this sample person, by the key that issues there.
    fn permit(&self, no: u64) -> Sign1 {
        let sample = self.sample(no);
        let issuer = key(&format!("{} permit", worlds::issuer_of(sample)));
        objects::permit(sample, &issuer, &worlds::device(sample), worlds::status_index(sample))
    }

    /// The same, signed by another key of an issuer.
    fn permit_by(&self, no: u64, label: &str) -> Sign1 {
        let mut permit = self.permit(no);
        permit.key = key(label);
        permit.protected.entry(4).set(Item::bytes(&permit.key.kid()));
        permit
    }

    /// The code of a permit that its device made at this second.
    fn code_at(&self, no: u64, permit: &Sign1, at: u64) -> Sign1 {
        let bytes = permit.encode();
        let nonce: [u8; 8] = sha256(&[&bytes[..], &at.to_be_bytes()].concat())[..8].try_into().expect("eight bytes");
        objects::presentation(&bytes, &worlds::device(self.sample(no)), at, nonce)
    }

    /// The frame with a good code of this permit, made four seconds ago.
    fn frame(&self, no: u64, permit: &Sign1) -> Vec<String> {
        self.frame_at(no, permit, NOON)
    }

    fn frame_at(&self, no: u64, permit: &Sign1, now: &str) -> Vec<String> {
        vec![digits(1, &self.code_at(no, permit, seconds(now) - 4).encode())]
    }

    /// A permit with a fault, shown rightly at noon.
    fn permit_fault(&mut self, name: &str, code: &'static str, why: &str, spoil: impl FnOnce(&mut Sign1)) {
        let mut permit = self.permit(5);
        spoil(&mut permit);
        let frame = self.frame(5, &permit);
        self.push(name, why, Scan { code, frame, ..Scan::default() });
    }

    /// A good permit, shown at this time by a code of that time.
    fn at(&mut self, name: &str, code: &'static str, why: &str, no: u64, now: &str) {
        let permit = self.permit(no);
        let frame = self.frame_at(no, &permit, now);
        self.push(name, why, Scan { code, now: now.into(), frame, ..Scan::default() });
    }
}

fn claims(object: &mut Sign1) -> &mut Item {
    object.payload.entry(PERMIT_CLAIMS)
}

// ---- Step 1

fn codes(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let frame = s.frame(5, &good);
    let code = frame[0].clone();
    s.push("valid", "a good code, alone", Scan { frame: frame.clone(), ..Scan::default() });
    s.push("no-code", "nothing in the frame", Scan { code: "NO_CODE", ..Scan::default() });
    let web = "https://example.com/".to_owned();
    let pay = "134567890123456789".to_owned();
    let of = |frame: Vec<String>, code: &'static str| Scan { code, frame, ..Scan::default() };
    s.push("not-a-permit-code", "an address of a web page", of(vec![web.clone()], "NOT_A_PERMIT_CODE"));
    s.push("payment-code", "a payment code", of(vec![pay.clone()], "NOT_A_PERMIT_CODE"));
    s.push("empty-text", "a code without text", of(vec![String::new()], "NOT_A_PERMIT_CODE"));
    let why = "a challenge, which is ours and no permit";
    let challenge = Item::array([Item::text("TIANHE-03"), Item::bytes(&[3; 16])]).encode();
    s.push("challenge-code", why, of(vec![digits(3, &challenge)], "NOT_A_PERMIT_CODE"));
    let enrolment = objects::enrolment(&key("device 5"), seconds(NOON), [4; 16]).encode();
    s.push(
        "enrolment-code",
        "an enrolment, which is ours and no permit",
        of(vec![digits(4, &enrolment)], "NOT_A_PERMIT_CODE"),
    );
    s.push("code-twice", "the same code twice is one code", of(vec![code.clone(), code.clone()], "VALID"));
    s.push(
        "code-and-others",
        "codes of other makers beside it do not matter",
        of(vec![web, code.clone(), pay], "VALID"),
    );
    let other = s.frame(18, &s.permit(18))[0].clone();
    s.push("two-permits", "two persons' codes in one frame", of(vec![code.clone(), other.clone()], "MULTIPLE_CODES"));
    s.push(
        "two-permits-turned-round",
        "the same two in the other order",
        of(vec![other.clone(), code.clone()], "MULTIPLE_CODES"),
    );
    let mut forged = s.code_at(5, &good, seconds(NOON) - 3);
    forged.key = key("device of somebody else");
    let why = "a forged code beside a good one: the good one is not picked out";
    s.push("good-and-forged", why, of(vec![code.clone(), digits(1, &forged.encode())], "MULTIPLE_CODES"));
    let again = digits(1, &s.code_at(5, &good, seconds(NOON) - 19).encode());
    s.push(
        "two-codes-of-one-permit",
        "two codes that one phone made",
        of(vec![code.clone(), again.clone()], "MULTIPLE_CODES"),
    );
    let broken = "86110000000".to_owned();
    s.push(
        "good-and-broken",
        "a broken code of ours beside a good one",
        of(vec![broken, code.clone()], "MULTIPLE_CODES"),
    );
    let newer = format!("8621{}", &code[4..]);
    s.push(
        "good-and-newer-version",
        "a code of a later format beside a good one",
        of(vec![code.clone(), newer.clone()], "MULTIPLE_CODES"),
    );
    s.push(
        "good-and-challenge",
        "a challenge beside a good code, as on the counter's own screen",
        of(vec![digits(3, &challenge), code.clone()], "VALID"),
    );
    s.push(
        "good-and-enrolment",
        "an enrolment beside a good code",
        of(vec![code.clone(), digits(4, &enrolment)], "VALID"),
    );
    let phone = "8613800000000".to_owned();
    s.push(
        "good-and-telephone-number",
        "a telephone number with the country code 86 beside it",
        of(vec![code.clone(), phone.clone()], "VALID"),
    );
    s.push(
        "telephone-number",
        "a telephone number with the country code 86, alone",
        of(vec![phone], "NOT_A_PERMIT_CODE"),
    );
    let (landline, longer) = ("8675512345678".to_owned(), "86755123456789".to_owned());
    s.push(
        "good-and-telephone-number-of-a-place",
        "the country code 86 and the number of a place beside a good code",
        of(vec![code.clone(), landline.clone()], "VALID"),
    );
    s.push(
        "telephone-number-of-a-place",
        "the country code 86 and the number of a place, alone",
        of(vec![landline], "NOT_A_PERMIT_CODE"),
    );
    s.push(
        "no-telephone-number",
        "fourteen digits of version 7: no telephone number of a place is that long",
        of(vec![longer.clone()], "UNSUPPORTED_VERSION"),
    );
    s.push(
        "good-and-no-telephone-number",
        "fourteen digits of version 7, beside a good code",
        of(vec![code.clone(), longer], "MULTIPLE_CODES"),
    );
    s.push(
        "kind-5",
        "a kind that version 1 does not have",
        of(vec![format!("8615{}", &code[4..])], "NOT_A_PERMIT_CODE"),
    );
    s.push(
        "five-codes",
        "four good codes and one twice",
        of(vec![code.clone(), other, again, code.clone(), newer.clone()], "MULTIPLE_CODES"),
    );
    s.push("version-2", "a code of a later format", of(vec![newer], "UNSUPPORTED_VERSION"));
    s.push("version-0", "a code of version 0", of(vec![format!("8601{}", &code[4..])], "UNSUPPORTED_VERSION"));
}

// ---- Step 2

fn malformed(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let presentation = s.code_at(5, &good, seconds(NOON) - 4).encode();
    let text = digits(1, &presentation);
    let of =
        |text: String, step: u8| Scan { code: "MALFORMED", step: Some(step), frame: vec![text], ..Scan::default() };
    s.push("malformed-digit-lost", "a digit is lost on the way", of(text[..text.len() - 1].into(), 1));
    s.push(
        "malformed-letter",
        "a digit became a letter on the way",
        of(format!("{}o{}", &text[..100], &text[101..]), 1),
    );
    let full_width = text.replace('7', "７");
    s.push("malformed-full-width", "full-width digits that the input layer did not fold", of(full_width, 1));
    s.push("malformed-empty", "a head and no body", of("8611".into(), 2));
    s.push(
        "malformed-cut-short",
        "the last byte is missing",
        of(digits(1, &presentation[..presentation.len() - 1]), 2),
    );
    s.push("malformed-trailing", "a byte too many", of(digits(1, &[&presentation[..], &[0]].concat()), 2));
    s.push(
        "malformed-presentation-as-voucher",
        "a presentation that calls itself a voucher",
        of(digits(2, &presentation), 2),
    );
    let voucher = objects::voucher(s.permit_by(14, "SZ voucher")).encode();
    s.push(
        "malformed-voucher-as-presentation",
        "a voucher that calls itself a presentation",
        of(digits(1, &voucher), 2),
    );
    let status = objects::status_list(&key("GZ status"), "https://status.test/gz/1", seconds(LISTED), 64, &[]).encode();
    s.push(
        "malformed-status-list-as-presentation",
        "a status list that calls itself a presentation",
        of(digits(1, &status), 2),
    );
    let enrolment = objects::enrolment(&key("device 5"), seconds(NOON), [4; 16]).encode();
    s.push(
        "malformed-enrolment-as-presentation",
        "an enrolment that calls itself a presentation",
        of(digits(1, &enrolment), 2),
    );
    s.push("malformed-enrolment-as-voucher", "an enrolment that calls itself a voucher", of(digits(2, &enrolment), 2));
}

/// A county may be younger than the tables: a permit that names it is not called false.
fn unknown_divisions(s: &mut Setting<'_>) {
    for (name, place) in [("address", field::ADDRESS), ("household", field::HOUSEHOLD)] {
        let mut permit = s.permit(5);
        claims(&mut permit).element(place).element(0).set(Item::Uint(440_199));
        let frame = s.frame(5, &permit);
        let scan = Scan { code: "UNSUPPORTED_VERSION", step: Some(2), frame, ..Scan::default() };
        s.push(&format!("division-unknown-{name}"), "a division that the tables do not have", scan);
        for kind in [1, 2] {
            let frame = vec![digits(kind, &permit.encode())];
            let scan = Scan { code: "UNSUPPORTED_VERSION", step: Some(2), frame, ..Scan::default() };
            let why = "a division that the tables do not have, in a permit without presentation";
            s.push(&format!("division-unknown-{name}-bare-{kind}"), why, scan);
        }
    }
}

// ---- Step 3

fn trust(s: &mut Setting<'_>) {
    let permit = s.permit(5);
    let mut scan = |name: &str, code: &'static str, world: &'static str, why: &str, now: &str| {
        let frame = s.frame_at(5, &permit, now);
        s.push(name, why, Scan { code, world, now: now.into(), frame, ..Scan::default() });
    };
    scan(
        "trust-list-missing",
        "TRUST_LIST_MISSING",
        "without-trust-list",
        "a verifier that never got a trust list",
        NOON,
    );
    let ending = "trust-list-ending";
    scan(
        "trust-list-last-second",
        "VALID",
        ending,
        "a second before the trust list's end",
        "2026-07-01T12:00:09+08:00",
    );
    scan(
        "trust-list-expired",
        "TRUST_LIST_EXPIRED",
        ending,
        "the second of the trust list's end",
        "2026-07-01T12:00:10+08:00",
    );
    scan(
        "trust-list-expired-a-year",
        "TRUST_LIST_EXPIRED",
        "counter",
        "eleven months after the trust list's end",
        "2028-05-01T12:00:00+08:00",
    );
    scan(
        "clock-120-s-behind",
        "VALID",
        "counter",
        "120 s before the newest signed time: clocks differ a little",
        "2026-07-01T05:58:00+08:00",
    );
    scan(
        "clock-121-s-behind",
        "CLOCK_SUSPECT",
        "counter",
        "121 s before the newest signed time",
        "2026-07-01T05:57:59+08:00",
    );
    scan(
        "clock-a-day-behind",
        "CLOCK_SUSPECT",
        "counter",
        "a day before the newest signed time",
        "2026-06-30T06:00:00+08:00",
    );
    scan("clock-years-behind", "CLOCK_SUSPECT", "counter", "an empty clock battery", "2000-01-02T00:00:00+08:00");
    let only = "without-status-lists";
    let why =
        "120 s before the trust list was signed, and nothing newer seen: the next step that fails is the status list's";
    scan("clock-120-s-behind-trust-list", "STATUS_LIST_MISSING", only, why, "2026-05-31T23:58:00+08:00");
    let why = "121 s before the trust list was signed, and nothing newer seen";
    scan("clock-121-s-behind-trust-list", "CLOCK_SUSPECT", only, why, "2026-05-31T23:57:59+08:00");
}

// ---- Step 4

fn issuer_keys(s: &mut Setting<'_>) {
    let mut by = |name: &str, code: &'static str, label: &str, why: &str, issued_at: &str, now: &str| {
        let mut permit = s.permit_by(5, label);
        permit.payload.entry(6).set(Item::Uint(seconds(issued_at)));
        let frame = s.frame_at(5, &permit, now);
        s.push(name, why, Scan { code, now: now.into(), frame, ..Scan::default() });
    };
    let then = "2026-06-16T00:00:00+08:00";
    by("issuer-unknown", "ISSUER_UNKNOWN", "nobody", "a key that no issuer in the trust list has", then, NOON);
    by("issuer-is-root", "ISSUER_UNKNOWN", "root 1", "a root key signs trust lists and no permits", then, NOON);
    by("issuer-is-device", "ISSUER_UNKNOWN", "device 5", "the holder's own device signed the permit", then, NOON);
    by(
        "key-retired",
        "KEY_RETIRED",
        "GZ retired",
        "a key whose time was over a month ago",
        "2026-05-01T00:00:00+08:00",
        NOON,
    );
    by(
        "key-first-second",
        "VALID",
        "GZ period",
        "issued in the first second of the key",
        "2026-06-15T00:00:00+08:00",
        NOON,
    );
    by(
        "key-not-yet",
        "KEY_RETIRED",
        "GZ period",
        "issued a second before the key begins",
        "2026-06-14T23:59:59+08:00",
        NOON,
    );
    by(
        "key-last-second",
        "VALID",
        "GZ period",
        "shown in the last second of the key",
        then,
        "2026-07-01T23:59:59+08:00",
    );
    by(
        "key-over",
        "KEY_RETIRED",
        "GZ period",
        "shown in the second in which the key ends",
        then,
        "2026-07-02T00:00:00+08:00",
    );
    let compromised = "GZ compromised";
    by(
        "key-before-compromise",
        "VALID",
        compromised,
        "issued a second before the key was in other hands",
        "2026-06-19T23:59:59+08:00",
        NOON,
    );
    by(
        "key-compromised",
        "KEY_COMPROMISED",
        compromised,
        "issued in the second in which the key was in other hands",
        "2026-06-20T00:00:00+08:00",
        NOON,
    );
    by(
        "key-compromised-later",
        "KEY_COMPROMISED",
        compromised,
        "issued days after the key was in other hands",
        "2026-06-28T00:00:00+08:00",
        NOON,
    );
}

// ---- Step 5

fn issuer_signatures(s: &mut Setting<'_>) {
    let code = "ISSUER_SIGNATURE";
    s.permit_fault("issuer-signature-by-another", code, "signed by another issuer's key than the one it names", |p| {
        p.key = key("SZ permit")
    });
    s.permit_fault("issuer-signature-by-device", code, "signed by the device, with the issuer's kid", |p| {
        p.key = key("device 5")
    });
    for (name, aad) in [
        ("presentation", PRESENTATION),
        ("enrolment", ENROLMENT),
        ("trust-list", TRUST_LIST),
        ("status-list", STATUS_LIST),
    ] {
        let why = format!("signed in the domain of a {name}");
        s.permit_fault(&format!("issuer-signature-domain-{name}"), code, &why, |p| p.aad = aad);
    }
    s.permit_fault(
        "issuer-signature-p-256",
        code,
        "a permit by an issuer's P-256 key, under the header of Ed25519",
        |p| {
            p.key = key("GZ status P-256");
            p.protected.entry(4).set(Item::bytes(&p.key.kid()));
        },
    );
    // The whole object is sent again with other bytes; the device signs what is sent.
    let mut sent = |name: &str, why: &str, change: &dyn Fn(&mut Sign1, &mut [u8; 64])| {
        let mut permit = s.permit(5);
        let mut signature = permit.key.sign(&permit.message());
        change(&mut permit, &mut signature);
        let bytes = permit.item_with(&signature).encode();
        let frame =
            vec![digits(1, &objects::presentation(&bytes, &key("device 5"), seconds(NOON) - 4, *b"nonce-31").encode())];
        s.push(name, why, Scan { code, frame, ..Scan::default() });
    };
    for (bit, place) in [("first-bit", 0), ("middle-bit", 256), ("last-bit", 511)] {
        sent(&format!("issuer-signature-{bit}-flipped"), "a bit of the signature is flipped", &|_, signature| {
            signature[place / 8] ^= 0x80 >> (place % 8);
        });
    }
    sent("issuer-signature-zeros", "a signature of zeros", &|_, signature| *signature = [0; 64]);
    sent(
        "issuer-signature-s-plus-order",
        "S and the order of the group: the same point, and another signature",
        &|_, signature| {
            add_group_order(signature);
        },
    );
    sent("claims-name-changed", "another name under the signature", &|p, _| {
        claims(p).element(field::NAME).set(Item::text("黄范例"))
    });
    sent("claims-endorsement-prolonged", "a later endorsement under the signature", &|p, _| {
        claims(p).element(field::ENDORSED_UNTIL).set(Item::Uint(objects::day("2030-08-31")));
    });
    sent("claims-exp-prolonged", "a later exp under the signature", &|p, _| {
        p.payload.entry(4).set(Item::Uint(seconds("2035-01-01T00:00:00+08:00")))
    });
    sent("claims-status-index-changed", "another status entry under the signature", &|p, _| {
        claims(p).element(field::STATUS).element(1).set(Item::Uint(200));
    });
    let mut stolen = s.permit(18);
    let signature = stolen.key.sign(&stolen.message());
    stolen.payload.entry(8).set(objects::cnf(&key("device 5")));
    let bytes = stolen.item_with(&signature).encode();
    let frame =
        vec![digits(1, &objects::presentation(&bytes, &key("device 5"), seconds(NOON) - 4, *b"nonce-33").encode())];
    let why = "another device's key put into somebody's permit, and that device signs";
    s.push("claims-device-changed", why, Scan { code, frame, ..Scan::default() });
    let other = s.permit(18);
    let mut spliced = s.permit(5);
    let why = "the claims of one permit with the signature of another by the same issuer";
    let signature = other.key.sign(&other.message());
    spliced.aad = PERMIT;
    let bytes = spliced.item_with(&signature).encode();
    let frame =
        vec![digits(1, &objects::presentation(&bytes, &key("device 5"), seconds(NOON) - 4, *b"nonce-32").encode())];
    s.push("issuer-signature-of-another-permit", why, Scan { code, frame, ..Scan::default() });
}

/// Adds the order of the group of Ed25519 to S (little-endian): a verifier that does not bound S takes it.
fn add_group_order(signature: &mut [u8; 64]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0u16;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

// ---- Step 6

fn scopes(s: &mut Setting<'_>) {
    let mut by = |name: &str, code: &'static str, why: &str, label: &str, division: u64| {
        let mut permit = s.permit_by(5, label);
        claims(&mut permit).element(field::ADDRESS).element(0).set(Item::Uint(division));
        let frame = s.frame(5, &permit);
        s.push(name, why, Scan { code, frame, ..Scan::default() });
    };
    let out = "ISSUER_OUT_OF_SCOPE";
    by("scope-2-digits", "VALID", "a province for one of its cities", "GD permit", 440_113);
    by("scope-6-digits", "VALID", "Dongguan, which has one code alone, for itself", "DG permit", 441_900);
    by("scope-4-digits", "VALID", "a city for one of its districts", "GZ permit", 440_106);
    by("scope-6-digits-other-city", out, "Dongguan, which has one code alone, for Zhongshan", "DG permit", 442_000);
    by("scope-other-city", out, "Guangzhou for Shenzhen", "GZ permit", 440_305);
    by("scope-other-city-back", out, "Shenzhen for Guangzhou", "SZ permit", 440_106);
    by("scope-other-province", out, "Wenzhou for Guangzhou", "WZ permit", 440_106);
    by("scope-other-province-back", out, "Guangzhou for Wenzhou", "GZ permit", 330_302);
    by("scope-province-elsewhere", out, "Guangdong for Zhejiang", "GD permit", 330_302);
    by("scope-city-for-province", out, "Guangzhou for the province itself", "GZ permit", 440_000);
    by("usage-voucher-key", out, "a key for vouchers signs a permit for a device", "GZ voucher", 440_113);
    by("usage-status-key", out, "a key for status lists signs a permit", "GZ status", 440_113);
}

fn extensions(s: &mut Setting<'_>) {
    let with = |extensions: Item| move |p: &mut Sign1| claims(p).elements().push(extensions);
    let unknown = "UNSUPPORTED_EXTENSION";
    s.permit_fault(
        "extension-agent",
        "VALID",
        "a family agent shows the permit",
        with(Item::map([(1, Item::array([Item::text("黄代办"), Item::Uint(3)]))])),
    );
    s.permit_fault(
        "extension-portrait",
        "VALID",
        "the digest of the portrait",
        with(Item::map([(2, Item::bytes(&[7; 16]))])),
    );
    s.permit_fault(
        "extension-4",
        unknown,
        "an extension that this version does not know",
        with(Item::map([(4, Item::Uint(0))])),
    );
    let both = Item::map([(1, Item::array([Item::text("黄代办"), Item::Uint(3)])), (1000, Item::text("新"))]);
    s.permit_fault("extension-known-and-unknown", unknown, "one that is known and one that is not", with(both));
    s.permit_fault(
        "extension-unknown-tree",
        unknown,
        "an unknown extension that holds a tree",
        with(Item::map([(9, Item::raw("a2006161018202f5"))])),
    );
    // What an issuer may not sign is not made better by being new.
    let mut permit = s.permit_by(5, "SZ permit");
    claims(&mut permit).elements().push(Item::map([(4, Item::Uint(0))]));
    let frame = s.frame(5, &permit);
    let why = "an unknown extension in a permit that the issuer may not sign";
    s.push("extension-out-of-scope", why, Scan { code: "ISSUER_OUT_OF_SCOPE", frame, ..Scan::default() });
}

// ---- Step 7

fn holder_proofs(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let bare = good.encode();
    let missing = "HOLDER_PROOF_MISSING";
    s.push(
        "holder-proof-missing",
        "the permit alone, as a presentation",
        Scan { code: missing, frame: vec![digits(1, &bare)], ..Scan::default() },
    );
    s.push(
        "holder-proof-missing-as-voucher",
        "the permit alone, as a voucher",
        Scan { code: missing, frame: vec![digits(2, &bare)], ..Scan::default() },
    );

    let code = "DEVICE_SIGNATURE";
    let at = seconds(NOON) - 4;
    let mut spoilt = |name: &str, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        let mut presentation = s.code_at(5, &good, at);
        spoil(&mut presentation);
        s.push(name, why, Scan { code, frame: vec![digits(1, &presentation.encode())], ..Scan::default() });
    };
    spoilt("device-of-another-permit", "another holder's device signed", &|p| p.key = key("device 18"));
    spoilt("device-is-issuer", "the issuer signed in the device's place", &|p| p.key = key("GZ permit"));
    for (name, aad) in
        [("permit", PERMIT), ("enrolment", ENROLMENT), ("trust-list", TRUST_LIST), ("status-list", STATUS_LIST)]
    {
        spoilt(&format!("device-signature-domain-{name}"), &format!("signed in the domain of a {name}"), &|p| {
            p.aad = aad
        });
    }
    spoilt("device-alg-of-the-other-key", "an Ed25519 device key, and the algorithm of P-256", &|p| {
        p.protected.entry(1).set(Item::int(-9))
    });

    let other = s.permit(18).encode();
    let mut same_device = s.permit(18);
    same_device.payload.entry(8).set(objects::cnf(&key("device 5")));
    let same_device = same_device.encode();
    let mut sent = |name: &str, why: &str, change: &dyn Fn(&mut Sign1, &mut [u8; 64])| {
        let mut presentation = s.code_at(5, &good, at);
        let mut signature = presentation.key.sign(&presentation.message());
        change(&mut presentation, &mut signature);
        let frame = vec![digits(1, &presentation.item_with(&signature).encode())];
        s.push(name, why, Scan { code, frame, ..Scan::default() });
    };
    for (bit, place) in [("first-bit", 0), ("middle-bit", 256), ("last-bit", 511)] {
        sent(&format!("device-signature-{bit}-flipped"), "a bit of the signature is flipped", &|_, signature| {
            signature[place / 8] ^= 0x80 >> (place % 8);
        });
    }
    sent("device-signature-zeros", "a signature of zeros", &|_, signature| *signature = [0; 64]);
    sent("device-signature-s-plus-order", "S and the order of the group", &|_, signature| add_group_order(signature));
    sent("device-permit-spliced", "the signature over one permit, another permit in its place", &|p, _| {
        p.protected.entry(13).set(Item::Raw(other.clone()));
    });
    sent("device-permit-spliced-same-device", "the same, with two permits of one device", &|p, _| {
        p.protected.entry(13).set(Item::Raw(same_device.clone()));
    });
    sent("device-time-changed", "a later time under the signature", &|p, _| p.payload.entry(6).set(Item::Uint(at + 1)));
    sent("device-nonce-changed", "another nonce under the signature", &|p, _| {
        p.payload.entry(10).set(Item::bytes(b"nonce-99"))
    });
    sent("device-answer-added", "an answer to a challenge put under the signature", &|p, _| {
        *p = objects::answering(p.clone(), "TIANHE-03", [9; 16]);
    });

    // A device key of small order takes signatures that nobody made: R the identity, S zero.
    let weak = [("identity", 1u8, 0u8), ("order-4", 0, 0)];
    for (name, first, last) in weak {
        let mut x = [0u8; 32];
        x[0] = first;
        x[31] = last;
        let mut permit = s.permit(5);
        permit.payload.entry(8).set(Item::map([(1, ed25519_cose_key(&x))]));
        let presentation = s.code_at(5, &permit, at);
        let mut signature = [0u8; 64];
        signature[0] = 1;
        let frame = vec![digits(1, &presentation.item_with(&signature).encode())];
        let why = "a device key of small order, and a signature that nobody made";
        s.push(&format!("device-key-small-order-{name}"), why, Scan { code, frame, ..Scan::default() });
    }
    let mut permit = s.permit(5);
    let mut two = [0u8; 32];
    two[0] = 2;
    permit.payload.entry(8).set(Item::map([(1, ed25519_cose_key(&two))]));
    let frame = s.frame(5, &permit);
    s.push("device-key-not-a-point", "a device key that is no point", Scan { code, frame, ..Scan::default() });
    p256_devices(s);

    let mut permit = s.permit_by(5, "ZS permit");
    claims(&mut permit).element(field::ADDRESS).element(0).set(Item::Uint(442_000));
    let frame = s.frame(5, &permit);
    let why = "a live code where the region has paper only";
    s.push("live-code-not-allowed", why, Scan { code: "LIVE_CODE_NOT_ALLOWED", frame, ..Scan::default() });
}

fn p256_devices(s: &mut Setting<'_>) {
    let device = key("device 5 P-256");
    let at = seconds(NOON) - 4;
    let mut permit = s.permit(5);
    permit.payload.entry(8).set(objects::cnf(&device));
    let permit = permit.encode();
    let good = || objects::presentation(&permit, &device, at, *b"nonce-41");
    let mut push = |name: &str, code: &'static str, why: &str, presentation: Vec<u8>| {
        s.push(name, why, Scan { code, frame: vec![digits(1, &presentation)], ..Scan::default() });
    };
    push("valid-p-256", "VALID", "a device with a P-256 key", good().encode());
    let code = "DEVICE_SIGNATURE";
    let high = device.sign_high_s(&good().message());
    push("p-256-high-s", code, "the other signature that ECDSA takes, with a high S", good().item_with(&high).encode());
    let mut object = good();
    object.protected.entry(1).set(Item::int(-19));
    push("p-256-alg-of-the-other-key", code, "a P-256 key, and the algorithm of Ed25519", object.encode());
    let mut object = good();
    object.key = key("device 6 P-256");
    push("p-256-another-device", code, "another device of P-256 signed", object.encode());
    let mut object = good();
    object.aad = ENROLMENT;
    push("p-256-domain-enrolment", code, "signed in the domain of an enrolment", object.encode());
    for (name, place) in [("first-bit", 0), ("last-bit", 511)] {
        let mut signature = device.sign(&good().message());
        signature[place / 8] ^= 0x80 >> (place % 8);
        push(
            &format!("p-256-{name}-flipped"),
            code,
            "a bit of the signature is flipped",
            good().item_with(&signature).encode(),
        );
    }
    push("p-256-zeros", code, "a signature of zeros", good().item_with(&[0; 64]).encode());
    let mut r_zero = device.sign(&good().message());
    r_zero[..32].fill(0);
    push("p-256-r-zero", code, "R is zero", good().item_with(&r_zero).encode());
    let mut s_order = device.sign(&good().message());
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").expect("hex");
    s_order[32..].copy_from_slice(&order);
    push("p-256-s-is-order", code, "S is the order of the group", good().item_with(&s_order).encode());
    let mut negated = s.permit(5);
    let mut other = device.cose_key();
    let Item::Bool(sign) = *other.entry(-3) else { unreachable!("a sign") };
    other.entry(-3).set(Item::Bool(!sign));
    negated.payload.entry(8).set(Item::map([(1, other)]));
    let bytes = objects::presentation(&negated.encode(), &device, at, *b"nonce-42").encode();
    let why = "the sign of the point's y is the other one";
    s.push("p-256-other-sign", why, Scan { code, frame: vec![digits(1, &bytes)], ..Scan::default() });
    let mut beyond = s.permit(5);
    let mut wrong = device.cose_key();
    wrong.entry(-2).set(Item::Bytes(vec![0xff; 32]));
    beyond.payload.entry(8).set(Item::map([(1, wrong)]));
    let bytes = objects::presentation(&beyond.encode(), &device, at, *b"nonce-43").encode();
    s.push(
        "p-256-not-a-point",
        "an x that is beyond the field",
        Scan { code, frame: vec![digits(1, &bytes)], ..Scan::default() },
    );
}

fn vouchers(s: &mut Setting<'_>) {
    let mut by = |name: &str, code: &'static str, why: &str, no: u64, label: &str, division: Option<u64>| {
        let mut permit = s.permit_by(no, label);
        if let Some(division) = division {
            claims(&mut permit).element(field::ADDRESS).element(0).set(Item::Uint(division));
        }
        let frame = vec![digits(2, &objects::voucher(permit).encode())];
        s.push(name, why, Scan { code, assurance: "paper", frame, ..Scan::default() });
    };
    by("voucher-valid", "VOUCHER_VALID", "a printed 信息单 of Shenzhen", 14, "SZ voucher", None);
    by(
        "voucher-valid-key-of-both",
        "VOUCHER_VALID",
        "a printed 确认单 of Wenzhou, by a key for permits and vouchers",
        15,
        "WZ permit",
        None,
    );
    by(
        "voucher-valid-paper-only",
        "VOUCHER_VALID",
        "paper where the region has paper only",
        5,
        "ZS permit",
        Some(442_000),
    );
    by(
        "voucher-valid-endorsable",
        "VOUCHER_VALID",
        "paper in the endorsement window is paper all the same",
        10,
        "SZ voucher",
        None,
    );
    by("voucher-not-allowed", "VOUCHER_NOT_ALLOWED", "paper where the region has none", 5, "GZ voucher", None);
    by("voucher-by-permit-key", "ISSUER_OUT_OF_SCOPE", "a key for live permits signed paper", 14, "SZ permit", None);
    by("voucher-by-status-key", "ISSUER_OUT_OF_SCOPE", "a key for status lists signed paper", 14, "SZ status", None);
    by("voucher-other-city", "ISSUER_OUT_OF_SCOPE", "Shenzhen's paper for Wenzhou", 15, "SZ voucher", None);
    by("voucher-lapsed", "ENDORSEMENT_LAPSED", "paper outlives no endorsement", 11, "SZ voucher", None);
    by(
        "voucher-auto-cancelled",
        "AUTO_CANCELLED",
        "paper of a permit that the calendar cancelled",
        12,
        "SZ voucher",
        None,
    );

    let paper = |s: &Setting<'_>| vec![digits(2, &objects::voucher(s.permit_by(14, "SZ voucher")).encode())];
    let frame = paper(s);
    let before = vec![EarlierScan {
        now: NOON.into(),
        asked: Asked::Nothing,
        frame: frame.clone(),
        code: "VOUCHER_VALID".into(),
    }];
    let why = "paper is the same every time and may be shown again";
    s.push(
        "voucher-again",
        why,
        Scan { code: "VOUCHER_VALID", assurance: "paper", before, frame: frame.clone(), ..Scan::default() },
    );
    let asked = challenge(3);
    let why = "the counter asked for an answer, and paper cannot answer";
    s.push(
        "voucher-asked",
        why,
        Scan { code: "CHALLENGE_MISSING", assurance: "paper", asked, frame: frame.clone(), ..Scan::default() },
    );
    let why = "a voucher needs no replay guard";
    s.push(
        "voucher-guard-unavailable",
        why,
        Scan { code: "VOUCHER_VALID", assurance: "paper", guard: Guard::Unavailable, frame, ..Scan::default() },
    );
    let mut flipped = objects::voucher(s.permit_by(14, "SZ voucher")).encode();
    *flipped.last_mut().expect("a byte") ^= 1;
    let frame = vec![digits(2, &flipped)];
    s.push(
        "voucher-signature-bit-flipped",
        "a bit of the signature is flipped",
        Scan { code: "ISSUER_SIGNATURE", frame, ..Scan::default() },
    );
    let mut cancelled = s.permit_by(14, "SZ voucher");
    claims(&mut cancelled).element(field::STATUS).element(1).set(Item::Uint(201));
    let frame = vec![digits(2, &objects::voucher(cancelled).encode())];
    s.push(
        "voucher-cancelled",
        "paper of a cancelled permit",
        Scan { code: "CANCELLED", assurance: "paper", frame, ..Scan::default() },
    );
}

// ---- Step 8

fn freshness(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let mut aged = |name: &str, code: &'static str, why: &str, age: i64| {
        let at = seconds(NOON).checked_add_signed(-age).expect("a time");
        let frame = vec![digits(1, &s.code_at(5, &good, at).encode())];
        s.push(name, why, Scan { code, frame, ..Scan::default() });
    };
    aged("code-of-now", "VALID", "a code of this second", 0);
    aged("code-30-s-old", "VALID", "30 s old", 30);
    aged("code-31-s-old", "PRESENTATION_EXPIRED", "31 s old", 31);
    aged("code-35-s-old", "PRESENTATION_EXPIRED", "a screenshot of 35 s ago", 35);
    aged("code-an-hour-old", "PRESENTATION_EXPIRED", "a screenshot of an hour ago", 3600);
    aged("code-5-s-ahead", "VALID", "a phone 5 s ahead", -5);
    aged("code-6-s-ahead", "PRESENTATION_FROM_FUTURE", "a phone 6 s ahead", -6);
    aged("code-120-s-ahead", "PRESENTATION_FROM_FUTURE", "a phone two minutes ahead", -120);
    let code = digits(1, &s.code_at(5, &good, 7_258_118_399).encode());
    let why = "a phone at the last second there is";
    s.push("code-of-2199", why, Scan { code: "PRESENTATION_FROM_FUTURE", frame: vec![code], ..Scan::default() });
    let code = digits(1, &s.code_at(5, &good, 946_684_800).encode());
    let why = "a phone with an empty battery: the first second there is";
    s.push("code-of-2000", why, Scan { code: "PRESENTATION_EXPIRED", frame: vec![code], ..Scan::default() });
}

const CNONCE: [u8; 16] = *b"challenge-128-b.";

fn challenge(age_secs: u64) -> Asked {
    Asked::Challenge { counter: "TIANHE-03".into(), cnonce: hex::encode(CNONCE), age_secs }
}

fn challenges(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let at = seconds(NOON) - 4;
    let answer = |s: &Setting<'_>, counter: &str, cnonce: [u8; 16]| {
        vec![digits(1, &objects::answering(s.code_at(5, &good, at), counter, cnonce).encode())]
    };
    let right = answer(s, "TIANHE-03", CNONCE);
    let passive = s.frame(5, &good);
    let mut push = |name: &str, code: &'static str, why: &str, asked: Asked, frame: &[String]| {
        let assurance = if frame == passive { "passive" } else { "challenge" };
        s.push(name, why, Scan { code, assurance, asked, frame: frame.to_vec(), ..Scan::default() });
    };
    push("challenge-answered", "VALID", "the answer to this counter's challenge", challenge(20), &right);
    push("challenge-of-now", "VALID", "answered in the same second", challenge(0), &right);
    push("challenge-60-s-old", "VALID", "a challenge of 60 s", challenge(60), &right);
    let expired = "CHALLENGE_EXPIRED";
    push("challenge-61-s-old", expired, "a challenge of 61 s", challenge(61), &right);
    push("challenge-used", expired, "a challenge that was answered already", Asked::UsedChallenge, &right);
    let missing = "CHALLENGE_MISSING";
    push("challenge-missing", missing, "the counter asked, the code does not answer", challenge(20), &passive);
    push("challenge-missing-used", missing, "no answer to a used challenge", Asked::UsedChallenge, &passive);
    push(
        "challenge-missing-foreign",
        missing,
        "no answer, and the challenge is not this counter's",
        Asked::ForeignChallenge,
        &passive,
    );
    let mismatch = "CHALLENGE_MISMATCH";
    push(
        "challenge-not-asked",
        mismatch,
        "an answer where nothing was asked: it was made for another counter",
        Asked::Nothing,
        &right,
    );
    push("challenge-foreign", mismatch, "the challenge is not this counter's", Asked::ForeignChallenge, &right);
    let others = [
        ("challenge-other-counter", "another counter's id with the same bits", answer(s, "TIANHE-04", CNONCE)),
        ("challenge-other-bits", "the same counter's id with other bits", answer(s, "TIANHE-03", [0; 16])),
        ("challenge-last-bit", "one bit of the challenge differs", {
            let mut cnonce = CNONCE;
            cnonce[15] ^= 1;
            answer(s, "TIANHE-03", cnonce)
        }),
    ];
    for (name, why, frame) in others {
        s.push(
            name,
            why,
            Scan { code: mismatch, assurance: "challenge", asked: challenge(20), frame, ..Scan::default() },
        );
    }
    let old =
        vec![digits(1, &objects::answering(s.code_at(5, &good, seconds(NOON) - 31), "TIANHE-03", CNONCE).encode())];
    let why = "an answer 31 s old to a challenge of 40 s";
    s.push(
        "challenge-answer-31-s-old",
        why,
        Scan {
            code: "PRESENTATION_EXPIRED",
            assurance: "challenge",
            asked: challenge(40),
            frame: old,
            ..Scan::default()
        },
    );
}

// ---- Step 9

fn validity(s: &mut Setting<'_>) {
    let mut with = |name: &str, code: &'static str, why: &str, label: i64, time: &str| {
        s.permit_fault(name, code, why, |p| p.payload.entry(label).set(Item::Uint(seconds(time))));
    };
    with("valid-from-this-second", "VALID", "iat is this second", 6, NOON);
    with("not-yet-valid", "NOT_YET_VALID", "iat is the next second", 6, "2026-07-01T12:00:01+08:00");
    with("not-yet-valid-a-year", "NOT_YET_VALID", "iat is next year", 6, "2027-07-01T12:00:00+08:00");
    with("valid-last-second", "VALID", "exp is the next second", 4, "2026-07-01T12:00:01+08:00");
    with("expired", "EXPIRED", "exp is this second", 4, NOON);
    with(
        "expired-a-month",
        "EXPIRED",
        "exp was a month ago, though the endorsement goes on",
        4,
        "2026-06-01T12:00:00+08:00",
    );
}

// ---- Step 10

fn status(s: &mut Setting<'_>) {
    let mut slot = |name: &str, code: &'static str, why: &str, list: u64, index: u64, now: &str| {
        let mut permit = s.permit(5);
        claims(&mut permit).element(field::STATUS).set(Item::array([Item::Uint(list), Item::Uint(index)]));
        let frame = s.frame_at(5, &permit, now);
        s.push(name, why, Scan { code, now: now.into(), frame, ..Scan::default() });
    };
    slot("status-cancelled", "CANCELLED", "the list says 1", 1, 201, NOON);
    slot("status-suspended", "SUSPENDED", "the list says 2", 1, 202, NOON);
    slot("status-superseded", "SUPERSEDED", "the list says 3", 1, 203, NOON);
    slot("status-before-cancelled", "VALID", "the entry before the cancelled one", 1, 200, NOON);
    slot("status-after-superseded", "VALID", "the entry after the superseded one", 1, 204, NOON);
    slot("status-index-first", "VALID", "the first entry of the list", 1, 0, NOON);
    slot("status-index-last", "VALID", "the last entry of the list", 1, 255, NOON);
    slot("status-index-length", "STATUS_INDEX", "the entry after the last", 1, 256, NOON);
    slot("status-index-length-and-1", "STATUS_INDEX", "two after the last", 1, 257, NOON);
    slot("status-index-2-20", "STATUS_INDEX", "an index that no list has", 1, 1 << 20, NOON);
    slot("status-index-2-32-more", "STATUS_INDEX", "2^32 more than an entry of the list", 1, (1 << 32) + 5, NOON);
    slot("status-index-2-64-less-1", "STATUS_INDEX", "the highest index there is", 1, u64::MAX, NOON);
    slot("status-list-4-missing", "STATUS_LIST_MISSING", "list 4, which is not at hand", 4, 5, NOON);
    slot(
        "status-list-2-64-less-1-missing",
        "STATUS_LIST_MISSING",
        "the highest list number there is",
        u64::MAX,
        5,
        NOON,
    );
    slot("status-list-p-256", "VALID", "a list that is signed with P-256", 3, 5, NOON);
    slot("status-list-7-days-old", "VALID", "a list of exactly seven days", 1, 5, "2026-07-08T06:00:00+08:00");
    slot(
        "status-list-7-days-and-1-s-old",
        "STATUS_LIST_STALE",
        "a list of seven days and a second",
        1,
        5,
        "2026-07-08T06:00:01+08:00",
    );
    slot("status-list-last-second", "VALID", "a second before the list's own end", 2, 5, "2026-07-03T05:59:59+08:00");
    slot(
        "status-list-over",
        "STATUS_LIST_STALE",
        "the second of the list's own end",
        2,
        5,
        "2026-07-03T06:00:00+08:00",
    );
    slot(
        "status-cancelled-stale",
        "STATUS_LIST_STALE",
        "a cancelled permit by a list that is too old to tell",
        1,
        201,
        "2026-07-20T06:00:00+08:00",
    );

    // Sample 4's entry is cancelled in Guangzhou's list and not in the province's: the same number there is another permit.
    let mut permit = s.permit_by(5, "GD permit");
    let index = worlds::status_index(s.sample(4));
    claims(&mut permit).element(field::STATUS).element(1).set(Item::Uint(index));
    let frame = s.frame(5, &permit);
    s.push(
        "status-of-its-own-issuer",
        "an entry that another issuer's list 1 cancels",
        Scan { frame, ..Scan::default() },
    );
    let permit = s.permit(5);
    let frame = s.frame(5, &permit);
    let why = "a verifier without any status list";
    s.push(
        "status-list-missing",
        why,
        Scan { code: "STATUS_LIST_MISSING", world: "without-status-lists", frame, ..Scan::default() },
    );
}

/// The status lists were taken with an earlier trust list; the one in use has other status keys.
fn status_keys_changed(s: &mut Setting<'_>) {
    let mut scan = |name: &str, code: &'static str, why: &str, no: u64, list: u64| {
        let mut permit = s.permit(no);
        claims(&mut permit).element(field::STATUS).element(0).set(Item::Uint(list));
        let frame = s.frame(no, &permit);
        s.push(name, why, Scan { code, world: "status-keys-changed", frame, ..Scan::default() });
    };
    let missing = "STATUS_LIST_MISSING";
    scan(
        "status-key-compromised",
        missing,
        "a list that was signed in the second in which its key was in other hands",
        5,
        1,
    );
    scan(
        "status-key-compromised-later",
        "VALID",
        "a list that was signed a second before its key was in other hands",
        5,
        3,
    );
    scan("status-key-withdrawn", missing, "a list whose key does not stand in the trust list any more", 1, 1);
    scan("status-key-of-another-issuer", missing, "a list whose key is another issuer's now", 6, 1);
    scan("status-key-without-usage", missing, "a list whose key may not sign status lists any more", 15, 1);
}

// ---- Step 11

/// Both sides of midnight in Shanghai. Sample 5 is of Guangzhou, endorsed until 2026-08-31; sample 10 of Shenzhen, until 2026-08-20. The
/// vectors stand within a week of the status lists; those of other days are in `lifecycle/`.
fn endorsement(s: &mut Setting<'_>) {
    let mut until = |name: &str, code: &'static str, why: &str, no: u64, endorsed_until: &str, now: &str| {
        let mut permit = s.permit(no);
        claims(&mut permit).element(field::ENDORSED_UNTIL).set(Item::Uint(objects::day(endorsed_until)));
        // An endorsement does not end before it begins.
        claims(&mut permit).element(field::ISSUED_ON).set(Item::Uint(objects::day("2023-06-01")));
        let frame = s.frame_at(no, &permit, now);
        s.push(name, why, Scan { code, now: now.into(), frame, ..Scan::default() });
    };
    let (first, last) = ("2026-07-02T00:00:00+08:00", "2026-07-01T23:59:59+08:00");
    let lapsed = "ENDORSEMENT_LAPSED";
    let open = "VALID_ENDORSABLE";
    until("endorsed-last-second", open, "the last second of the last day", 5, "2026-07-01", last);
    until("endorsed-lapsed-first-second", lapsed, "the first second of the day after", 5, "2026-07-01", first);
    until("endorsed-lapsed-yesterday", lapsed, "endorsed until yesterday", 5, "2026-06-30", NOON);
    until("endorsed-today", open, "endorsed until today", 5, "2026-07-01", NOON);
    let why = "the last day in Shanghai goes on while it is the same day in UTC: 15:59:59Z";
    until("endorsed-last-second-in-utc", open, why, 5, "2026-07-01", "2026-07-01T15:59:59Z");
    let why = "16:00:00Z is the next day in Shanghai";
    until("endorsed-lapsed-in-utc", lapsed, why, 5, "2026-07-01", "2026-07-01T16:00:00Z");

    until("window-month-last-second-before", "VALID", "a month's window opens on 2026-07-02", 5, "2026-08-02", last);
    until("window-month-first-second", open, "the first second of a month's window", 5, "2026-08-02", first);
    until(
        "window-month-of-31-days",
        open,
        "until 2026-07-31: the window opened on 2026-06-30, since June has no 31st",
        5,
        "2026-07-31",
        NOON,
    );
    until("window-days-last-second-before", "VALID", "a window of 60 days opens on 2026-07-02", 10, "2026-08-31", last);
    until("window-days-first-second", open, "the first second of a window of 60 days", 10, "2026-08-31", first);
    until("window-days-outside-a-month", open, "inside 60 days, outside a month", 10, "2026-08-20", NOON);

    until(
        "auto-cancel-last-second",
        lapsed,
        "the last second of two years without endorsement",
        11,
        "2024-07-01",
        last,
    );
    until(
        "auto-cancelled-first-second",
        "AUTO_CANCELLED",
        "the first second after two years without endorsement",
        11,
        "2024-07-01",
        first,
    );
    until(
        "auto-cancel-not-here",
        lapsed,
        "two years without endorsement where the region cancels nothing by itself",
        1,
        "2024-07-01",
        first,
    );
}

// ---- Step 12

fn replay(s: &mut Setting<'_>) {
    let good = s.permit(5);
    let frame = s.frame(5, &good);
    let earlier = |now: &str, asked: Asked, frame: &[String], code: &str| EarlierScan {
        now: now.into(),
        asked,
        frame: frame.to_vec(),
        code: code.into(),
    };
    let before = vec![earlier("2026-07-01T11:59:58+08:00", Asked::Nothing, &frame, "VALID")];
    let why = "the same code two seconds later";
    s.push("replayed", why, Scan { code: "REPLAYED", before: before.clone(), frame: frame.clone(), ..Scan::default() });
    let why = "the same code a third time";
    let mut twice = before.clone();
    twice.push(earlier("2026-07-01T11:59:59+08:00", Asked::Nothing, &frame, "REPLAYED"));
    s.push("replayed-again", why, Scan { code: "REPLAYED", before: twice, frame: frame.clone(), ..Scan::default() });
    let why = "the same code among codes of other makers";
    let among = vec![frame[0].clone(), "https://example.com/".into()];
    s.push(
        "replayed-among-others",
        why,
        Scan { code: "REPLAYED", before: before.clone(), frame: among, ..Scan::default() },
    );
    let next = vec![digits(1, &s.code_at(5, &good, seconds(NOON)).encode())];
    let why = "the next code of the same phone";
    s.push("next-code", why, Scan { before: before.clone(), frame: next, ..Scan::default() });
    let other = s.frame(18, &s.permit(18));
    s.push("another-permit", "another permit's code", Scan { before: before.clone(), frame: other, ..Scan::default() });

    // A code that was refused was not accepted: it leaves no trace.
    let lapsed = s.frame(3, &s.permit(3));
    let before_refused = vec![earlier(NOON, Asked::Nothing, &lapsed, "ENDORSEMENT_LAPSED")];
    let why = "a refused code again: the answer is the same as before";
    s.push(
        "refused-code-again",
        why,
        Scan { code: "ENDORSEMENT_LAPSED", before: before_refused, frame: lapsed, ..Scan::default() },
    );
    let mut forged = s.code_at(5, &good, seconds(NOON) - 4);
    forged.key = key("device 18");
    let forged = vec![digits(1, &forged.encode())];
    let before_forged = vec![earlier("2026-07-01T11:59:58+08:00", Asked::Nothing, &forged, "DEVICE_SIGNATURE")];
    let why = "a forged code of the same time and nonce does not use up the real one";
    s.push("forged-code-before", why, Scan { before: before_forged, frame: frame.clone(), ..Scan::default() });

    let answered = |s: &Setting<'_>, at: u64| {
        vec![digits(1, &objects::answering(s.code_at(5, &good, at), "TIANHE-03", CNONCE).encode())]
    };
    let (one, two) = (answered(s, seconds(NOON) - 4), answered(s, seconds(NOON) - 2));
    let before_answer = vec![earlier("2026-07-01T11:59:58+08:00", challenge(10), &one, "VALID")];
    s.push(
        "challenge-answered-twice",
        "a second code that answers one challenge",
        Scan {
            code: "CHALLENGE_EXPIRED",
            step: Some(12),
            assurance: "challenge",
            asked: challenge(12),
            before: before_answer.clone(),
            frame: two,
            ..Scan::default()
        },
    );
    s.push(
        "challenge-answer-replayed",
        "the same answer again",
        Scan {
            code: "REPLAYED",
            assurance: "challenge",
            asked: challenge(12),
            before: before_answer,
            frame: one,
            ..Scan::default()
        },
    );

    let unavailable = "REPLAY_GUARD_UNAVAILABLE";
    let later = "2026-07-01T12:10:00+08:00";
    let later_frame = s.frame_at(18, &s.permit(18), later);
    let forgotten = vec![
        earlier("2026-07-01T11:59:58+08:00", Asked::Nothing, &frame, "VALID"),
        earlier(later, Asked::Nothing, &later_frame, "VALID"),
    ];
    let why = "the same code after ten minutes, when the guard has forgotten it, with the clock set back to its time";
    s.push(
        "replayed-clock-set-back",
        why,
        Scan { code: unavailable, before: forgotten, frame: frame.clone(), ..Scan::default() },
    );
    let why = "a guard that cannot record, as with a full disk";
    s.push(
        "guard-unavailable",
        why,
        Scan { code: unavailable, guard: Guard::Unavailable, frame: frame.clone(), ..Scan::default() },
    );
    let why = "a guard that is full: it forgets nothing that could come again";
    s.push("guard-full", why, Scan { code: unavailable, guard: Guard::Full, frame: frame.clone(), ..Scan::default() });
    let cancelled = s.frame(4, &s.permit(4));
    let why = "a cancelled permit is refused whether or not the guard can record";
    s.push(
        "guard-unavailable-cancelled",
        why,
        Scan { code: "CANCELLED", guard: Guard::Unavailable, frame: cancelled, ..Scan::default() },
    );
}

// ---- Step 13

fn specimens(s: &mut Setting<'_>) {
    let specimen = s.permit_by(5, "GZ specimen");
    let frame = s.frame(5, &specimen);
    s.push("specimen", "signed with a key for specimens", Scan { code: "SPECIMEN", frame, ..Scan::default() });
    let endorsable = s.permit_by(2, "GZ specimen");
    let frame = s.frame(2, &endorsable);
    s.push(
        "specimen-endorsable",
        "a specimen in the endorsement window",
        Scan { code: "SPECIMEN", frame, ..Scan::default() },
    );
    let paper = objects::voucher(s.permit_by(14, "SZ specimen")).encode();
    let frame = vec![digits(2, &paper)];
    s.push(
        "specimen-voucher",
        "a voucher that is a specimen",
        Scan { code: "SPECIMEN", assurance: "paper", frame, ..Scan::default() },
    );
    let mut cancelled = s.permit_by(5, "GZ specimen");
    claims(&mut cancelled).element(field::STATUS).element(1).set(Item::Uint(201));
    let frame = s.frame(5, &cancelled);
    s.push("specimen-cancelled", "a specimen that is cancelled", Scan { code: "CANCELLED", frame, ..Scan::default() });
    let valid = s.permit(2);
    let frame = s.frame(2, &valid);
    s.push(
        "valid-endorsable",
        "a good code in the endorsement window",
        Scan { code: "VALID_ENDORSABLE", frame, ..Scan::default() },
    );
    let answer = objects::answering(s.code_at(2, &valid, seconds(NOON) - 4), "TIANHE-03", CNONCE);
    s.push(
        "valid-endorsable-challenge",
        "the same with the answer to a challenge",
        Scan {
            code: "VALID_ENDORSABLE",
            assurance: "challenge",
            asked: challenge(9),
            frame: vec![digits(1, &answer.encode())],
            ..Scan::default()
        },
    );
    s.at("valid-two-days-later", "VALID", "two days later, by lists of then", 5, "2026-07-03T12:00:00+08:00");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_there_once() {
        let codes: Vec<&str> = REASONS.iter().map(|reason| reason.0).collect();
        for (n, code) in codes.iter().enumerate() {
            assert!(!codes[..n].contains(code), "{code}");
        }
    }

    #[test]
    fn devices_differ() {
        let samples = SamplePermits::load();
        let keys: Vec<Vec<u8>> = samples.permits.iter().map(|sample| worlds::device(sample).public()).collect();
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key));
        }
    }
}
