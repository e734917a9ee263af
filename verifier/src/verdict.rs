//! The verdict: a value, not an error. Every reason code has its outcome and its words here, in one place.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use credential_format::day::Day;
use credential_format::permit::Claims;
use credential_format::region::Standing;
use credential_format::timestamp::Timestamp;
pub use credential_format::words::Words;

use crate::policy::Policy;
use crate::trust::TrustedList;
use crate::verify::{SignedPermit, VerifiedPermit};

/// What the verifier decided, and on what.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Why; the outcome follows from it.
    pub reason: Reason,
    /// How the holder was tied to the code; `None` when that was never established.
    pub assurance: Option<Assurance>,
    /// Whose permit, and how far it may be believed.
    pub subject: Subject,
    /// The steps that were taken, in order; the last one decided.
    pub checks: Vec<Check>,
    /// The trust list that was used.
    pub trust_list: Option<TrustListUsed>,
    /// The status list that was used.
    pub status_list: Option<StatusListUsed>,
    /// How old the code was, in seconds; negative when the phone's clock is ahead.
    pub code_age_secs: Option<i64>,
    /// The guard that the hall's counters share could not be reached: accepted by this counter's own guard alone, as its policy allows.
    pub replay_checked_here_only: bool,
    /// Where the endorsement stands today.
    pub standing: Option<Standing>,
    /// The time that was decided at.
    pub decided_at: Timestamp,
}

/// The three outcomes. What is unknown or too old is undetermined, never accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Green.
    Accept,
    /// Refused, for a reason that will not go away by asking again here.
    Reject,
    /// Not decided; the remedy says what is missing.
    Undetermined,
}

impl Outcome {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Accept => "accept",
            Outcome::Reject => "reject",
            Outcome::Undetermined => "undetermined",
        }
    }
}

/// The colour that goes with the words. It never stands alone: words and a sign say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Accepted.
    Green,
    /// Not as it stands; something can be done.
    Amber,
    /// Refused for good.
    Red,
    /// Nothing that could be judged, or a rehearsal.
    Grey,
}

impl Tone {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Tone::Green => "green",
            Tone::Amber => "amber",
            Tone::Red => "red",
            Tone::Grey => "grey",
        }
    }
}

/// How the holder was tied to the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assurance {
    /// The device answered this counter's challenge: neither made before nor shown elsewhere.
    Challenge,
    /// The device signed the time: a copy works for half a minute at another counter.
    Passive,
    /// Printed: whoever holds the sheet.
    Paper,
}

impl Assurance {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Assurance::Challenge => "challenge",
            Assurance::Passive => "passive",
            Assurance::Paper => "paper",
        }
    }
}

/// Whose permit, and how far it may be believed.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Nothing could be read.
    Unreadable,
    /// What the code claims. Never to be shown as fact.
    Untrusted(Arc<Claims>),
    /// An issuer signed it who may; it was refused for another reason.
    Signed(SignedPermit),
    /// It passed every check.
    Accepted(SignedPermit),
}

/// One step and its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which step.
    pub step: Step,
    /// Whether it held.
    pub result: CheckResult,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// It held.
    Pass,
    /// It did not.
    Fail,
    /// It could not be told.
    Unknown,
}

impl CheckResult {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            CheckResult::Pass => "pass",
            CheckResult::Fail => "fail",
            CheckResult::Unknown => "unknown",
        }
    }
}

/// The trust list that a verdict went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustListUsed {
    /// Its version.
    pub version: u64,
    /// Its age in seconds.
    pub age_secs: i64,
}

/// The status list that a verdict went by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusListUsed {
    /// Its number.
    pub list: u64,
    /// Its age in seconds.
    pub age_secs: i64,
    /// Older than the policy calls fresh: used, and to be renewed.
    pub old: bool,
}

macro_rules! steps {
    ($($variant:ident = $number:literal $name:literal,)*) => {
        /// The steps of SPEC section 8.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Step { $(#[doc = concat!("Step ", $number, ", ", $name)] $variant,)* }

        impl Step {
            /// All steps, in order.
            pub const ALL: &'static [Step] = &[$(Step::$variant,)*];
            /// Its number, from 1.
            pub fn number(self) -> u8 { match self { $(Step::$variant => $number,)* } }
            /// Its name in JSON.
            pub fn name(self) -> &'static str { match self { $(Step::$variant => $name,)* } }
        }
    };
}

steps! {
    Code = 1 "code",
    Parse = 2 "parse",
    Trust = 3 "trust-list",
    IssuerKey = 4 "issuer-key",
    IssuerSignature = 5 "issuer-signature",
    IssuerScope = 6 "issuer-scope",
    HolderProof = 7 "holder-proof",
    Freshness = 8 "freshness",
    Validity = 9 "validity",
    Status = 10 "status",
    Endorsement = 11 "endorsement",
    Replay = 12 "replay",
    Verdict = 13 "verdict",
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $code:literal $step:ident $outcome:ident $curable:literal
        [$zh:literal, $en:literal] [$remedy_zh:literal, $remedy_en:literal],)*) => {
        /// Why the verdict is what it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// All reasons, in the order of the steps.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The stable code.
            pub fn code(self) -> &'static str { match self { $(Reason::$variant => $code,)* } }

            /// The step of SPEC section 8 that gives this reason, or gives it first: MALFORMED also comes of step 1, CHALLENGE_EXPIRED also of 12.
            pub fn step(self) -> Step { match self { $(Reason::$variant => Step::$step,)* } }

            /// What it makes the outcome.
            pub fn outcome(self) -> Outcome { match self { $(Reason::$variant => Outcome::$outcome,)* } }

            /// Whether the remedy can make this permit acceptable.
            pub fn is_curable(self) -> bool { match self { $(Reason::$variant => $curable,)* } }

            /// The large words on the screen.
            pub fn title(self) -> Words { match self { $(Reason::$variant => Words { zh: $zh, en: $en },)* } }

            /// What to do next.
            pub fn remedy(self) -> Words { match self { $(Reason::$variant => Words { zh: $remedy_zh, en: $remedy_en },)* } }
        }
    };
}

reasons! {
    /// No QR code was found in the picture.
    NoCode "NO_CODE" Code Undetermined true
        ["未发现二维码", "No code seen"]
        ["请将居住证二维码完整置于画面中，再扫一次", "Hold the whole permit code in view and scan again"],
    /// Two or more different permit codes in one frame.
    MultipleCodes "MULTIPLE_CODES" Code Reject true
        ["画面中有多个居住证二维码", "More than one permit code"]
        ["请只出示一个二维码，再扫一次", "Show one code only and scan again"],
    /// A code of another maker.
    NotAPermitCode "NOT_A_PERMIT_CODE" Code Reject true
        ["无法识别的二维码", "Not a permit code"]
        ["请扫描居住证亮码页面上的二维码", "Scan the code on the holder's permit page"],
    /// A code of a later format, or a division code that is not in this version's tables.
    UnsupportedVersion "UNSUPPORTED_VERSION" Code Undetermined true
        ["二维码内容较新", "Newer than this program"]
        ["请更新本核验程序后再扫", "Update this verifier, then scan again"],
    /// Not the form that it claims to have.
    Malformed "MALFORMED" Parse Reject true
        ["二维码内容有误", "Damaged code"]
        ["请持证人刷新二维码后再扫；仍不行，请勿采信", "Ask the holder to refresh the code and scan again; if it stays so, do not rely on it"],
    /// There is no trust list.
    TrustListMissing "TRUST_LIST_MISSING" Trust Undetermined true
        ["缺少信任名单", "No trust list"]
        ["请同步信任名单后再扫", "Synchronise the trust list, then scan again"],
    /// The trust list's time is over.
    TrustListExpired "TRUST_LIST_EXPIRED" Trust Undetermined true
        ["信任名单已过期", "Trust list expired"]
        ["请同步最新的信任名单后再扫", "Synchronise the newest trust list, then scan again"],
    /// The clock is behind a time that an authority has signed.
    ClockSuspect "CLOCK_SUSPECT" Trust Undetermined true
        ["本机时间不可信", "This computer's clock is wrong"]
        ["请校准本机日期和时间后再扫", "Set this computer's date and time, then scan again"],
    /// No issuer in the trust list has this key.
    IssuerUnknown "ISSUER_UNKNOWN" IssuerKey Undetermined true
        ["签发机关未受信任", "Issuer not known here"]
        ["请更新信任名单后再扫；仍不行，请勿采信", "Update the trust list and scan again; if it stays so, do not rely on it"],
    /// The key is not in force.
    KeyRetired "KEY_RETIRED" IssuerKey Reject false
        ["签发密钥不在有效期内", "Issuer key not in force"]
        ["请持证人更新电子居住证", "Ask the holder to renew the electronic permit"],
    /// The key was in other hands when the permit was signed.
    KeyCompromised "KEY_COMPROMISED" IssuerKey Reject false
        ["签发密钥已停用", "Issuer key withdrawn"]
        ["此码不可信，请勿采信；请持证人联系签发机关", "Do not rely on this code; refer the holder to the issuing authority"],
    /// The issuer did not sign this.
    IssuerSignature "ISSUER_SIGNATURE" IssuerSignature Reject false
        ["验签未通过", "Signature check failed"]
        ["此码不可信，请勿采信", "Do not rely on this code"],
    /// Signed by an authority that may not issue such a permit there.
    IssuerOutOfScope "ISSUER_OUT_OF_SCOPE" IssuerScope Reject false
        ["签发机关无权签发此证", "Issuer not competent"]
        ["此码不可信，请勿采信", "Do not rely on this code"],
    /// The permit says something that this version does not know.
    UnsupportedExtension "UNSUPPORTED_EXTENSION" IssuerScope Undetermined true
        ["证照含有新的内容", "Permit has newer content"]
        ["请更新本核验程序后再扫", "Update this verifier, then scan again"],
    /// The permit without the device's signature: a copy.
    HolderProofMissing "HOLDER_PROOF_MISSING" HolderProof Reject true
        ["缺少持证人设备签名", "Not signed by the holder's phone"]
        ["请持证人在本人手机上打开亮证页面，当面亮码", "Ask the holder to open the permit page on the phone and show the live code"],
    /// Another device signed, or something was changed.
    DeviceSignature "DEVICE_SIGNATURE" HolderProof Reject false
        ["设备验签未通过", "Phone's signature check failed"]
        ["此码不可信，请勿采信", "Do not rely on this code"],
    /// Paper where the region has none.
    VoucherNotAllowed "VOUCHER_NOT_ALLOWED" HolderProof Reject true
        ["该地区不使用纸质凭证", "No paper vouchers in this region"]
        ["请持证人在手机上亮码", "Ask the holder to show the code on the phone"],
    /// A live code where the region has only paper.
    LiveCodeNotAllowed "LIVE_CODE_NOT_ALLOWED" HolderProof Reject true
        ["该地区不使用手机亮码", "No live codes in this region"]
        ["请持证人出示纸质凭证", "Ask the holder for the paper voucher"],
    /// An old code: a screenshot, most often.
    PresentationExpired "PRESENTATION_EXPIRED" Freshness Reject true
        ["二维码已失效", "Code expired"]
        ["请持证人重新亮码；截图无效", "Ask the holder to show a new code; screenshots do not count"],
    /// The phone's clock is ahead.
    PresentationFromFuture "PRESENTATION_FROM_FUTURE" Freshness Undetermined true
        ["二维码时间异常", "Code time in the future"]
        ["请核对手机和本机的时间，校准后重新亮码", "Check the phone's clock and this one, set the wrong one, and show a new code"],
    /// The counter asked, the code does not answer.
    ChallengeMissing "CHALLENGE_MISSING" Freshness Reject true
        ["未应答挑战码", "Challenge not answered"]
        ["请持证人用手机扫描柜台的挑战码后再亮码", "Ask the holder to scan the counter's challenge, then show the code"],
    /// The code answers another challenge than the counter's.
    ChallengeMismatch "CHALLENGE_MISMATCH" Freshness Reject true
        ["应答的不是本次挑战码", "Answers another challenge"]
        ["请持证人扫描本柜台当前的挑战码，或退出应答后重新亮码", "Ask the holder to scan this counter's present challenge, or to leave the answer and show a new code"],
    /// The challenge is older than a minute, or was answered before.
    ChallengeExpired "CHALLENGE_EXPIRED" Freshness Reject true
        ["挑战码已过期或已使用", "Challenge expired or used"]
        ["请生成新的挑战码，请持证人再扫一次", "Make a new challenge and ask the holder to scan it"],
    /// Signed for later.
    NotYetValid "NOT_YET_VALID" Validity Reject true
        ["尚未生效", "Not yet valid"]
        ["请核对本机时间；到生效时间后再扫", "Check this computer's clock; scan again when the permit has begun"],
    /// Its time as a credential is over.
    Expired "EXPIRED" Validity Reject true
        ["电子证照已过期", "Electronic permit expired"]
        ["请持证人更新电子居住证", "Ask the holder to renew the electronic permit"],
    /// The list that would tell is not here.
    StatusListMissing "STATUS_LIST_MISSING" Status Undetermined true
        ["缺少状态名单", "No status list"]
        ["请同步状态名单后再扫", "Synchronise the status lists, then scan again"],
    /// The list is too old to tell.
    StatusListStale "STATUS_LIST_STALE" Status Undetermined true
        ["离线名单已过期", "Status list too old"]
        ["请同步最新的状态名单后再扫", "Synchronise the newest status lists, then scan again"],
    /// 注销: final.
    Cancelled "CANCELLED" Status Reject false
        ["已注销", "Cancelled"]
        ["此证已终止使用；需要时请持证人重新申领", "The permit has ended; the holder can apply for a new one"],
    /// Suspended by the authority.
    Suspended "SUSPENDED" Status Reject true
        ["使用功能中止", "Suspended"]
        ["请持证人联系签发机关", "Refer the holder to the issuing authority"],
    /// A newer permit is in force.
    Superseded "SUPERSEDED" Status Reject true
        ["证照已更新", "A newer version exists"]
        ["请持证人刷新证照后重新亮码", "Ask the holder to refresh the permit and show the code again"],
    /// The list has no such entry.
    StatusIndex "STATUS_INDEX" Status Reject false
        ["状态名单中无此证", "Not in the status list"]
        ["此码不可信，请勿采信；请将情况告知签发机关", "Do not rely on this code; tell the issuing authority"],
    /// The endorsement is over.
    EndorsementLapsed "ENDORSEMENT_LAPSED" Endorsement Reject true
        ["使用功能中止", "Suspended: endorsement lapsed"]
        ["请持证人补办签注，补办后恢复使用", "Ask the holder to make up the endorsement; the permit then works again"],
    /// Suspended so long that the region cancels.
    AutoCancelled "AUTO_CANCELLED" Endorsement Reject false
        ["已注销（逾期未签注）", "Cancelled: endorsement lapsed too long"]
        ["此证已终止使用；持证人须按新办条件重新申领", "The permit has ended; the holder must apply anew"],
    /// The code was accepted before.
    Replayed "REPLAYED" Replay Reject true
        ["此二维码已使用过", "Code used before"]
        ["请持证人刷新二维码，当面重新亮码", "Ask the holder to refresh and show a new code in person"],
    /// Nothing can be recorded, so that nothing may be accepted.
    ReplayGuardUnavailable "REPLAY_GUARD_UNAVAILABLE" Replay Undetermined true
        ["无法登记核验记录", "Cannot record the check"]
        ["请检查磁盘空间、数据文件夹和共用查重服务器后再扫", "Check the disk, the state folder and the shared guard, then scan again"],
    /// Signed with a key for specimens.
    Specimen "SPECIMEN" Verdict Reject false
        ["样本，不是居住证", "Specimen, not a permit"]
        ["仅供演示和培训，请勿采信", "For demonstration and training only; do not rely on it"],
    /// Valid.
    Valid "VALID" Verdict Accept false
        ["有效", "Valid"]
        ["请与本人及亮证页面相片比对", "Compare the person with the portrait on the permit page"],
    /// Valid, and may be endorsed now.
    ValidEndorsable "VALID_ENDORSABLE" Verdict Accept false
        ["有效（可签注）", "Valid, endorsement open"]
        ["请与本人及亮证页面相片比对，并提醒持证人办理签注", "Compare the person with the portrait, and remind the holder to endorse"],
    /// A voucher, valid.
    VoucherValid "VOUCHER_VALID" Verdict Accept false
        ["凭证有效（纸质）", "Paper voucher valid"]
        ["请核对持证人身份证件；状态以联网核验为准", "Check the holder's identity card; the status online prevails"],
}

impl Reason {
    /// The colour for it, when the clock was not set by hand.
    pub fn tone(self) -> Tone {
        match self.outcome() {
            Outcome::Accept => Tone::Green,
            _ if matches!(self, Reason::NoCode | Reason::NotAPermitCode) => Tone::Grey,
            Outcome::Reject if !self.is_curable() => Tone::Red,
            Outcome::Reject | Outcome::Undetermined => Tone::Amber,
        }
    }

    /// The sign for it, which says without colour what the colour says.
    pub fn sign(self) -> char {
        match self.outcome() {
            Outcome::Accept => '✓',
            Outcome::Reject if !self.is_curable() => '✕',
            // A new code of the same phone is all that is wanted.
            Outcome::Reject if matches!(self.step(), Step::Freshness | Step::Replay) => '↻',
            Outcome::Reject => '!',
            Outcome::Undetermined => '?',
        }
    }
}

impl Verdict {
    /// Accept, reject or undetermined.
    pub fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// The permit, when an issuer signed it who may.
    pub fn permit(&self) -> Option<&SignedPermit> {
        match &self.subject {
            Subject::Signed(permit) | Subject::Accepted(permit) => Some(permit),
            Subject::Unreadable | Subject::Untrusted(_) => None,
        }
    }

    /// The colour for it. What a clock that was set by hand has decided is never green.
    pub fn tone(&self, fixed_clock: bool) -> Tone {
        match self.reason.tone() {
            Tone::Green if fixed_clock => Tone::Grey,
            tone => tone,
        }
    }

    /// How it was checked: always offline, and how the holder was tied to the code.
    pub fn how(&self) -> Words {
        // A code that names a challenge has answered ours only when the step that compares them held.
        let fresh = self.checks.contains(&Check { step: Step::Freshness, result: CheckResult::Pass });
        match self.assurance.filter(|_| fresh) {
            Some(Assurance::Challenge) => Words {
                zh: "离线核验，已应答本柜台挑战码",
                en: "offline, this counter's challenge answered",
            },
            Some(Assurance::Passive) => Words {
                zh: "离线核验，未用挑战码：半分钟内的转发不能排除",
                en: "offline, without challenge: a code relayed within half a minute is not ruled out",
            },
            Some(Assurance::Paper) => Words { zh: "离线核验，纸质凭证", en: "offline, paper voucher" },
            None => Words { zh: "离线核验", en: "offline" },
        }
    }

    /// One line under the title that only this case has: dates, days, ages. `None` where the title says all.
    pub fn detail(&self) -> Option<Words<String>> {
        let endorsed_until = self.permit().map(|permit| permit.claims().endorsed_until);
        let today = self.decided_at.day();
        match (self.reason, self.standing, self.code_age_secs) {
            (Reason::Valid | Reason::VoucherValid | Reason::Specimen, _, _) => endorsed_until
                .map(|until| Words {
                    zh: format!("有效期至 {}", until.zh()), en: format!("Endorsed until {until}")
                }),
            (Reason::ValidEndorsable, Some(Standing::Endorsable { closes }), _) => Some(Words {
                zh: format!("请于 {} 前（含当日）签注", closes.zh()),
                en: format!("To be endorsed by {closes}, that day included"),
            }),
            (Reason::EndorsementLapsed, _, _) => endorsed_until.map(|until| {
                let days = overdue_days(until, today);
                Words {
                    zh: format!("签注有效期至 {}，已逾期 {days} 天", until.zh()),
                    en: format!("Endorsed until {until}, {days} {} overdue", if days == 1 { "day" } else { "days" }),
                }
            }),
            (Reason::AutoCancelled, Some(Standing::AutoCancelled { on }), _) => {
                Some(Words { zh: format!("自 {} 起注销", on.zh()), en: format!("Cancelled from {on} on") })
            }
            (Reason::PresentationExpired, _, Some(age)) => Some(Words {
                zh: format!("此码生成于 {age} 秒前"),
                en: format!("The code was made {age} seconds ago"),
            }),
            (Reason::PresentationFromFuture, _, Some(age)) => Some(Words {
                zh: format!("手机时间快了 {} 秒", -age),
                en: format!("The phone's clock is {} seconds ahead", -age),
            }),
            (Reason::StatusListStale, _, _) => self.status_list.map(|list| list.age_secs / 86_400).and_then(|days| {
                (days > 1).then(|| Words {
                    zh: format!("状态名单已有 {days} 天未更新"),
                    en: format!("The status list is {days} days old"),
                })
            }),
            _ => None,
        }
    }
}

fn overdue_days(until: Day, today: Day) -> u32 {
    today.get().saturating_sub(until.get())
}

/// What is learnt on the way to a verdict.
pub(crate) struct Facts {
    verdict: Verdict,
    status_fresh_secs: i64,
}

impl Facts {
    pub(crate) fn new(now: Timestamp, policy: &Policy, trust: Option<&TrustedList>) -> Facts {
        let trust_list = trust.map(|trust| TrustListUsed {
            version: trust.list().version,
            age_secs: now.seconds_since(trust.list().issued_at),
        });
        let verdict = Verdict {
            // Overwritten by `accept` and `refuse`, the only ways out.
            reason: Reason::NoCode,
            assurance: None,
            subject: Subject::Unreadable,
            checks: Vec::with_capacity(Step::ALL.len()),
            trust_list,
            status_list: None,
            code_age_secs: None,
            replay_checked_here_only: false,
            standing: None,
            decided_at: now,
        };
        Facts { verdict, status_fresh_secs: policy.status_fresh_secs }
    }

    /// Takes a step and notes its result.
    pub(crate) fn step<T>(
        &mut self,
        step: Step,
        check: impl FnOnce(&mut Facts) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        let result = check(self);
        let noted = match &result {
            Ok(_) => CheckResult::Pass,
            Err(reason) if reason.outcome() == Outcome::Undetermined => CheckResult::Unknown,
            Err(_) => CheckResult::Fail,
        };
        self.verdict.checks.push(Check { step, result: noted });
        result
    }

    pub(crate) fn claimed(&mut self, claims: &Arc<Claims>) {
        self.verdict.subject = Subject::Untrusted(Arc::clone(claims));
    }

    pub(crate) fn assurance(&mut self, assurance: Assurance) {
        self.verdict.assurance = Some(assurance);
    }

    pub(crate) fn signed(&mut self, permit: &SignedPermit) {
        self.verdict.subject = Subject::Signed(permit.clone());
    }

    /// Old is what the policy or the issuer's own `ttl` calls old.
    pub(crate) fn status_list(&mut self, list: u64, age_secs: i64, ttl_secs: Option<u64>) {
        let fresh_secs = ttl_secs
            .map_or(self.status_fresh_secs, |ttl| self.status_fresh_secs.min(i64::try_from(ttl).unwrap_or(i64::MAX)));
        self.verdict.status_list = Some(StatusListUsed { list, age_secs, old: age_secs > fresh_secs });
    }

    pub(crate) fn code_age(&mut self, age_secs: i64) {
        self.verdict.code_age_secs = Some(age_secs);
    }

    pub(crate) fn checked_here_only(&mut self) {
        self.verdict.replay_checked_here_only = true;
    }

    pub(crate) fn standing(&mut self, standing: &Standing) {
        self.verdict.standing = Some(*standing);
    }

    pub(crate) fn refuse(mut self, reason: Reason) -> Verdict {
        self.verdict.reason = reason;
        self.verdict
    }

    pub(crate) fn accept(mut self, accepted: VerifiedPermit) -> Verdict {
        let (permit, assurance, reason) = accepted.into_parts();
        self.verdict.subject = Subject::Accepted(permit);
        self.verdict.assurance = Some(assurance);
        self.verdict.reason = reason;
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use alloc::vec;
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{self, DAY, STATUS_KEY, at};

    fn facts() -> Facts {
        Facts::new(at(0), &Policy::default(), None)
    }

    /// What is said of the sample permit, endorsed until 2026-12-31, when it is shown at this time to a counter that has the status list of this moment.
    fn shown(now: Timestamp) -> Verdict {
        testing::verdict(&testing::code(now, 1), &testing::status_list(STATUS_KEY, 3, now, &[]), now)
    }

    fn said(verdict: &Verdict) -> (&'static str, String, String) {
        let Words { zh, en } = verdict.detail().unwrap_or(Words { zh: String::new(), en: String::new() });
        (verdict.reason.code(), zh, en)
    }

    #[test]
    fn every_reason_has_its_colour_and_a_sign_that_says_the_same() {
        let table = [
            ("green ✓", "VALID VALID_ENDORSABLE VOUCHER_VALID"),
            (
                "red ✕",
                "KEY_RETIRED KEY_COMPROMISED ISSUER_SIGNATURE ISSUER_OUT_OF_SCOPE DEVICE_SIGNATURE CANCELLED STATUS_INDEX AUTO_CANCELLED SPECIMEN",
            ),
            ("amber ↻", "PRESENTATION_EXPIRED CHALLENGE_MISSING CHALLENGE_MISMATCH CHALLENGE_EXPIRED REPLAYED"),
            (
                "amber !",
                "MULTIPLE_CODES MALFORMED HOLDER_PROOF_MISSING VOUCHER_NOT_ALLOWED LIVE_CODE_NOT_ALLOWED NOT_YET_VALID EXPIRED SUSPENDED SUPERSEDED ENDORSEMENT_LAPSED",
            ),
            (
                "amber ?",
                "UNSUPPORTED_VERSION TRUST_LIST_MISSING TRUST_LIST_EXPIRED CLOCK_SUSPECT ISSUER_UNKNOWN UNSUPPORTED_EXTENSION PRESENTATION_FROM_FUTURE STATUS_LIST_MISSING STATUS_LIST_STALE REPLAY_GUARD_UNAVAILABLE",
            ),
            ("grey !", "NOT_A_PERMIT_CODE"),
            ("grey ?", "NO_CODE"),
        ];
        let expected: BTreeMap<&str, &str> =
            table.iter().flat_map(|(look, codes)| codes.split(' ').map(move |code| (code, *look))).collect();
        let looks: Vec<(&str, String)> = Reason::ALL
            .iter()
            .map(|reason| (reason.code(), format!("{} {}", reason.tone().word(), reason.sign())))
            .collect();
        assert_eq!(looks.len(), expected.len());
        for (code, look) in looks {
            assert_eq!(look, expected[code], "{code}");
        }
    }

    #[test]
    fn what_a_clock_that_was_set_by_hand_has_decided_is_never_green() {
        for (reason, by_hand) in [
            (Reason::Valid, Tone::Grey),
            (Reason::Cancelled, Tone::Red),
            (Reason::Replayed, Tone::Amber),
            (Reason::NoCode, Tone::Grey),
        ] {
            let verdict = facts().refuse(reason);
            assert_eq!((verdict.tone(false), verdict.tone(true)), (reason.tone(), by_hand));
        }
    }

    #[test]
    fn endorsements_are_told_with_their_days() {
        let cases = [
            (0, "VALID", "有效期至 2026年12月31日", "Endorsed until 2026-12-31"),
            (
                183,
                "VALID_ENDORSABLE",
                "请于 2026年12月31日 前（含当日）签注",
                "To be endorsed by 2026-12-31, that day included",
            ),
            (
                184,
                "ENDORSEMENT_LAPSED",
                "签注有效期至 2026年12月31日，已逾期 1 天",
                "Endorsed until 2026-12-31, 1 day overdue",
            ),
            (
                186,
                "ENDORSEMENT_LAPSED",
                "签注有效期至 2026年12月31日，已逾期 3 天",
                "Endorsed until 2026-12-31, 3 days overdue",
            ),
        ];
        for (days, code, zh, en) in cases {
            let verdict = shown(at(days * DAY));
            assert_eq!(said(&verdict), (code, zh.to_string(), en.to_string()), "{days}");
            assert_eq!(verdict.assurance, Some(Assurance::Passive));
        }
        let mut cancelled = facts();
        cancelled.standing(&Standing::AutoCancelled { on: Day::parse("2029-01-01").unwrap() });
        let (_, zh, en) = said(&cancelled.refuse(Reason::AutoCancelled));
        assert_eq!((zh.as_str(), en.as_str()), ("自 2029年1月1日 起注销", "Cancelled from 2029-01-01 on"));
    }

    #[test]
    fn ages_are_told_in_seconds_and_days() {
        let aged = |age: i64, reason: Reason| {
            let mut facts = facts();
            facts.code_age(age);
            said(&facts.refuse(reason))
        };
        let (_, zh, en) = aged(31, Reason::PresentationExpired);
        assert_eq!((zh.as_str(), en.as_str()), ("此码生成于 31 秒前", "The code was made 31 seconds ago"));
        let (_, zh, en) = aged(-6, Reason::PresentationFromFuture);
        assert_eq!((zh.as_str(), en.as_str()), ("手机时间快了 6 秒", "The phone's clock is 6 seconds ahead"));
        assert_eq!(aged(31, Reason::Replayed).1, "", "the title says all");

        let stale = |age_secs: i64| {
            let mut facts = facts();
            facts.status_list(3, age_secs, None);
            said(&facts.refuse(Reason::StatusListStale))
        };
        assert_eq!(stale(2 * DAY - 1).1, "", "of a counter that takes lists of hours");
        assert_eq!(stale(2 * DAY).1, "状态名单已有 2 天未更新");
        assert_eq!(stale(8 * DAY + DAY / 2).2, "The status list is 8 days old");
    }

    #[test]
    fn a_status_list_is_old_by_the_policy_or_by_its_issuers_own_word() {
        let old = |age_secs: i64, ttl_secs: Option<u64>| {
            let mut facts = facts();
            facts.status_list(3, age_secs, ttl_secs);
            facts.refuse(Reason::Cancelled).status_list.unwrap().old
        };
        for ttl in [None, Some(u64::MAX), Some(2 * DAY as u64)] {
            assert_eq!((old(DAY, ttl), old(DAY + 1, ttl)), (false, true), "{ttl:?}");
        }
        assert_eq!((old(600, Some(600)), old(601, Some(600))), (false, true));
    }

    #[test]
    fn a_step_that_cannot_tell_is_unknown_and_not_failed() {
        let mut facts = facts();
        assert_eq!(facts.step(Step::Code, |_| Ok(7)), Ok(7));
        assert_eq!(facts.step(Step::Trust, |_| Err::<(), _>(Reason::TrustListMissing)), Err(Reason::TrustListMissing));
        assert_eq!(facts.step(Step::Status, |_| Err::<(), _>(Reason::Cancelled)), Err(Reason::Cancelled));
        facts.checked_here_only();
        facts.assurance(Assurance::Paper);
        let verdict = facts.refuse(Reason::Cancelled);
        let results: Vec<(&str, &str)> =
            verdict.checks.iter().map(|check| (check.step.name(), check.result.word())).collect();
        assert_eq!(results, vec![("code", "pass"), ("trust-list", "unknown"), ("status", "fail")]);
        assert!(verdict.replay_checked_here_only);
        assert_eq!(verdict.assurance, Some(Assurance::Paper));
    }
}
