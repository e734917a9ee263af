//! The journal of a counter: what was checked when and with what result, for the authority that has to answer for it. Who was checked is not in it.
//!
//! An entry says what happened ([`What`]): a check with its outcome and reason, how old the lists were, how the code came in; and what a clerk
//! did besides, each with the number of the check it concerns. Of a permit it has a *keyed hash* of issuer, status list and place in it: two
//! entries with the same hash concern the same permit. The key never leaves the state folder. Entries are numbered from 1 and chained by
//! hashes: see [`chain`].
//!
//! Days are calendar days in Asia/Shanghai.

pub mod chain;
#[cfg(feature = "export")]
pub mod export;
pub mod summary;

use std::fmt;

use credential_format::day::Day;
use credential_format::timestamp::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::verdict::{Assurance, Outcome, Reason, Verdict, Words};
use crate::verify::SignedPermit;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A code was checked.
    Check(Checked),
    /// 人证比对: the clerk typed the number of an identity card, and it was compared.
    Compared {
        /// The number of the check.
        check: u64,
        /// Whether it was the permit's.
        matched: bool,
    },
    /// All data of a permit were shown, for a reason.
    Revealed {
        /// The number of the check.
        check: u64,
        /// For which.
        why: Why,
    },
    /// 人证不符: the clerk decided that the person is not the holder.
    PersonMismatch {
        /// The number of the check.
        check: u64,
    },
    /// Days of the journal were written to a file.
    Exported {
        /// In which form.
        format: Format,
        /// The first day.
        from: Day,
        /// The last.
        to: Day,
    },
}

/// A check, without anything that tells who was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What was decided.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// How the holder was tied to the code, if that was established.
    pub assurance: Option<Assurance>,
    /// The version of the trust list that was used.
    pub trust_version: Option<u64>,
    /// Its age in seconds.
    pub trust_age_secs: Option<i64>,
    /// The number of the status list that was used.
    pub status_list: Option<u64>,
    /// Its age in seconds.
    pub status_age_secs: Option<i64>,
    /// How the code came in.
    pub by: By,
    /// Which permit, if an issuer signed it who may. What a forged code claims is nobody's permit.
    pub permit: Option<PermitHash>,
    /// How long the code was in view before its verdict, in milliseconds, where that is known.
    pub waited_ms: Option<u64>,
}

/// A word that is written down, and found again by it.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal [$zh:literal, $en:literal],)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word in the journal and in JSON.
            pub fn word(self) -> &'static str { match self { $($name::$variant => $word,)* } }

            /// The one of this word.
            pub fn of_word(word: &str) -> Option<$name> { $name::ALL.iter().copied().find(|one| one.word() == word) }

            /// The words on a screen.
            pub fn words(self) -> Words { match self { $($name::$variant => Words { zh: $zh, en: $en },)* } }
        }
    };
}

words! {
    /// How a code came in.
    By {
        /// The page's camera saw it.
        Camera "camera" ["摄像头", "camera"],
        /// A scanner gun typed it.
        Gun "gun" ["扫码枪", "scanner gun"],
        /// A scanner sent it over a serial line.
        Serial "serial" ["串口扫码器", "serial scanner"],
        /// It was pasted or typed by hand.
        Paste "paste" ["粘贴或手工输入", "pasted or typed"],
        /// `verifier verify`, `watch` or `batch`.
        Command "command" ["命令行", "command"],
    }
}

words! {
    /// Why all data of a permit were shown.
    Why {
        /// To fill in a form.
        Form "form" ["填写业务表单", "to fill in a form"],
        /// To compare with the identity card, item by item.
        Identity "identity" ["与身份证逐项核对", "to compare with the identity card"],
        /// The holder asked.
        Holder "holder" ["持证人要求查看", "the holder asked"],
        /// To look into a doubt.
        Doubt "doubt" ["存疑复核", "to look into a doubt"],
    }
}

words! {
    /// The form of a file that days of the journal were written to.
    Format {
        /// For spreadsheets.
        Csv "csv" ["CSV 表格", "CSV"],
        /// With all that the chain is checked by.
        Json "json" ["JSON", "JSON"],
    }
}

/// The code of a clerk's decision that the person is not the holder. It stands where the code of a [`Reason`] would, and no verdict ever has it:
/// a program cannot see who stands before the counter.
pub const HOLDER_MISMATCH: &str = "HOLDER_MISMATCH";

/// The large words of [`HOLDER_MISMATCH`]. It is red.
pub const HOLDER_MISMATCH_TITLE: Words = Words { zh: "人证不符", en: "Person does not match" };

/// What to do next after [`HOLDER_MISMATCH`].
pub const HOLDER_MISMATCH_REMEDY: Words = Words {
    zh: "不予采信，请按规定处理；本次判断已记入核验记录",
    en: "Do not rely on this permit and follow your rules; the decision is in the journal",
};

impl What {
    /// The word in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            What::Check(_) => "check",
            What::Compared { .. } => "compared",
            What::Revealed { .. } => "revealed",
            What::PersonMismatch { .. } => "person_mismatch",
            What::Exported { .. } => "exported",
        }
    }

    /// The code that a screen shows: that of the reason, or [`HOLDER_MISMATCH`].
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            What::Check(checked) => Some(checked.reason.code()),
            What::PersonMismatch { .. } => Some(HOLDER_MISMATCH),
            What::Compared { .. } | What::Revealed { .. } | What::Exported { .. } => None,
        }
    }

    /// What happened, as short as a title.
    pub fn title(&self) -> Words {
        match self {
            What::Check(checked) => checked.reason.title(),
            What::Compared { matched: true, .. } => {
                Words { zh: "人证比对：号码一致", en: "Number compared: the same" }
            }
            What::Compared { matched: false, .. } => {
                Words { zh: "人证比对：号码不一致", en: "Number compared: not the same" }
            }
            What::Revealed { .. } => Words { zh: "查看完整信息", en: "All data shown" },
            What::PersonMismatch { .. } => HOLDER_MISMATCH_TITLE,
            What::Exported { .. } => Words { zh: "导出核验记录", en: "Journal exported" },
        }
    }

    /// The number of the check that it concerns, of what a clerk did besides.
    pub fn check(&self) -> Option<u64> {
        match self {
            What::Compared { check, .. } | What::Revealed { check, .. } | What::PersonMismatch { check } => {
                Some(*check)
            }
            What::Check(_) | What::Exported { .. } => None,
        }
    }
}

impl Checked {
    /// What the journal keeps of a verdict, with the key of this counter's hashes.
    pub fn of(verdict: &Verdict, by: By, waited_ms: Option<u64>, key: &[u8; 32]) -> Checked {
        Checked {
            outcome: verdict.outcome(),
            reason: verdict.reason,
            assurance: verdict.assurance,
            trust_version: verdict.trust_list.map(|list| list.version),
            trust_age_secs: verdict.trust_list.map(|list| list.age_secs),
            status_list: verdict.status_list.map(|list| list.list),
            status_age_secs: verdict.status_list.map(|list| list.age_secs),
            by,
            permit: verdict.permit().map(|permit| PermitHash::of(permit, key)),
            waited_ms,
        }
    }
}

/// Which permit, for who has other entries to compare with, and for nobody else: the first eight bytes of HMAC-SHA-256, with a key that this
/// counter alone has, of the issuer's id, a zero byte, the number of the status list and the place in it, eight bytes each.
///
/// A plain hash would not do: places in lists are few enough to try them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PermitHash(pub [u8; 8]);

impl PermitHash {
    fn of(permit: &SignedPermit, key: &[u8; 32]) -> PermitHash {
        let slot = permit.claims().status;
        PermitHash::of_slot(permit.issuer_id().as_str(), slot.list, slot.index, key)
    }

    fn of_slot(issuer: &str, list: u64, index: u64, key: &[u8; 32]) -> PermitHash {
        // RFC 2104 fills a key up with zeros to the length of a block.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(issuer.as_bytes());
        mac.update(&[0]);
        mac.update(&list.to_be_bytes());
        mac.update(&index.to_be_bytes());
        let mut hash = [0; 8];
        for (to, from) in hash.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        PermitHash(hash)
    }
}

/// 16 hex digits.
impl fmt::Display for PermitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_hash_of_a_permit_is_hmac_sha_256() {
        // By: printf 'GZ-PSB\0\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\7' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0b0b…
        let hash = PermitHash::of_slot("GZ-PSB", 3, 7, &[0x0b; 32]);
        assert_eq!(hash.to_string(), "2ff3d8cd35be5b1e");
        let others = [
            PermitHash::of_slot("GZ-PSC", 3, 7, &[0x0b; 32]),
            PermitHash::of_slot("GZ-PSB", 4, 7, &[0x0b; 32]),
            PermitHash::of_slot("GZ-PSB", 3, 8, &[0x0b; 32]),
            PermitHash::of_slot("GZ-PSB", 3, 7, &[0x0c; 32]),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }

    #[test]
    fn words_are_found_again_and_said_in_both_languages() {
        for (word, found, words) in By::ALL
            .iter()
            .map(|by| (by.word(), By::of_word(by.word()) == Some(*by), by.words()))
            .chain(Why::ALL.iter().map(|why| (why.word(), Why::of_word(why.word()) == Some(*why), why.words())))
        {
            assert!(found && !words.zh.is_ascii() && words.en.is_ascii(), "{word}");
        }
        assert_eq!((By::of_word("hand"), Format::of_word("csv")), (None, Some(Format::Csv)));
    }

    #[test]
    fn what_is_no_verdict_has_words_of_its_own() {
        let day = Day::parse("2026-07-01").unwrap();
        let all = [
            What::Compared { check: 1, matched: true },
            What::Compared { check: 1, matched: false },
            What::Revealed { check: 1, why: Why::Form },
            What::PersonMismatch { check: 1 },
            What::Exported { format: Format::Csv, from: day, to: day },
        ];
        let titles: BTreeSet<_> = all.iter().map(|what| (what.title().zh, what.title().en)).collect();
        assert_eq!(titles.len(), all.len());
        assert!(Reason::ALL.iter().all(|reason| reason.code() != HOLDER_MISMATCH));
        assert_eq!(all[3].reason(), Some(HOLDER_MISMATCH));
        assert_eq!(all.map(|what| what.check()), [Some(1), Some(1), Some(1), Some(1), None]);
    }
}
