//! Taking what a folder, a stick or a server offers: good lists are taken, bad ones are named, and neither hinders the other.

use std::cmp::Reverse;

use credential_format::status_list::UnverifiedStatusList;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::UnverifiedTrustList;

use super::{State, StateError, TakeError};
use crate::status::StatusRefusal;
use crate::trust::TrustRefusal;

/// A file that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What to call it in the report.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What became of the files, in the order in which they were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReport {
    /// One entry for each file.
    pub files: Vec<Fetched>,
    /// Whether there is a trust list now that has not expired.
    pub trust_in_force: bool,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub name: String,
    /// What it is.
    pub kind: ListKind,
    /// What was done.
    pub fate: Fate,
}

/// What a file is, by its first bytes and not by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// A trust list with this version, if it could be read so far.
    Trust {
        /// The version.
        version: Option<u64>,
    },
    /// A status list with this subject, if it could be read so far.
    Status {
        /// The subject: status address, "/", number.
        subject: Option<String>,
    },
    /// Neither.
    Other,
}

/// What was done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in use now.
    Taken,
    /// It was in use before.
    Unchanged,
    /// Older than the list in use, which the same source offers too: history, nothing to act on.
    PassedOver,
    /// It was refused.
    Refused {
        /// The stable name of the reason.
        code: &'static str,
        /// The reason, and what to do.
        sentence: String,
        /// The same in Chinese.
        zh: String,
    },
}

impl SyncReport {
    /// The number of files that were taken.
    pub fn taken(&self) -> usize {
        self.files.iter().filter(|file| file.fate == Fate::Taken).count()
    }

    /// The number of files that were refused.
    pub fn refused(&self) -> usize {
        self.files.iter().filter(|file| matches!(file.fate, Fate::Refused { .. })).count()
    }
}

impl State {
    /// Takes the lists among these files: trust lists first, by version, since each may be needed for the next; then status lists, the
    /// newest of each subject first, since one is enough. A file that is refused never keeps another from being taken; all that are taken are
    /// stored in one transaction, so that what is in use is what was in use before or all of it.
    ///
    /// # Errors
    /// [`StateError`] when the state itself fails; then nothing was taken.
    pub fn sync(&mut self, files: Vec<Source>, now: Timestamp) -> Result<SyncReport, StateError> {
        let mut offered: Vec<Offered> = files.into_iter().map(Offered::look).collect();
        offered.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.source.name.cmp(&b.source.name)));
        let results = self.take(now, |taking| {
            let take = |offered: &Offered| match offered.kind {
                ListKind::Trust { .. } => taking.trust_list(&offered.source.bytes).map_err(Some),
                ListKind::Status { .. } => taking.status_list(&offered.source.bytes).map_err(Some),
                ListKind::Other => Err(None),
            };
            offered.iter().map(take).collect::<Vec<_>>()
        })?;
        let mut looked_at = Vec::with_capacity(offered.len());
        for (offered, result) in offered.into_iter().zip(results) {
            match result {
                Err(Some(TakeError::State(error))) => return Err(error),
                other => looked_at.push((offered, other)),
            }
        }
        let results = looked_at;
        let in_use: Vec<ListKind> =
            results.iter().filter(|(_, result)| result.is_ok()).map(|(offered, _)| offered.kind.clone()).collect();
        let files = results.into_iter().map(|(offered, result)| Fetched {
            fate: fate(&offered.kind, result, &in_use),
            name: offered.source.name,
            kind: offered.kind,
        });
        let files = files.collect();
        let trust_in_force = self.trust().is_some_and(|trust| now < trust.list().expires_at);
        Ok(SyncReport { files, trust_in_force })
    }
}

fn fate(kind: &ListKind, result: Result<bool, Option<TakeError>>, in_use: &[ListKind]) -> Fate {
    let error = match result {
        Ok(true) => return Fate::Taken,
        Ok(false) => return Fate::Unchanged,
        Err(None) => {
            return Fate::Refused {
                code: "NOT_A_LIST",
                sentence: "neither a trust list nor a status list, whatever its name says; fetch the file again".into(),
                zh: "文件名虽像名单，内容却不是信任名单或状态名单，请重新获取".into(),
            };
        }
        Err(Some(error)) => error,
    };
    let history = match &error {
        // After a change of root keys the lists before it are no longer signed by those in use; nor, at a new counter, by the root key that
        // it was told.
        TakeError::Trust(
            TrustRefusal::Rollback { .. }
            | TrustRefusal::Expired(_)
            | TrustRefusal::CurrentThreshold(_)
            | TrustRefusal::NotTheRoot(_),
        ) => in_use.iter().any(|other| {
            matches!((kind, other), (ListKind::Trust { version: Some(old) }, ListKind::Trust { version: Some(new) }) if old < new)
        }),
        TakeError::Status(StatusRefusal::Rollback { .. }) => in_use.contains(kind),
        _ => false,
    };
    if history {
        return Fate::PassedOver;
    }
    Fate::Refused { code: error.code(), sentence: error.to_string(), zh: error.zh() }
}

struct Offered {
    source: Source,
    kind: ListKind,
    order: Order,
}

/// Trust lists upwards, then status lists downwards, then the rest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Trust(u64),
    Status(Option<String>, Reverse<Option<Timestamp>>),
    Other,
}

impl Offered {
    fn look(source: Source) -> Offered {
        let (kind, order) = match source.bytes.as_slice() {
            // Tag 98, a COSE_Sign
            [0xd8, 0x62, ..] => {
                let list = UnverifiedTrustList::parse(&source.bytes);
                let version = list.ok().map(|list| list.unverified_list().version);
                (ListKind::Trust { version }, Order::Trust(version.unwrap_or(u64::MAX)))
            }
            // Tag 18, a COSE_Sign1
            [0xd2, ..] => {
                let head = UnverifiedStatusList::parse(&source.bytes).map(|list| list.unverified_head().clone()).ok();
                let issued_at = head.as_ref().map(|head| head.issued_at);
                let subject = head.map(|head| head.subject);
                (ListKind::Status { subject: subject.clone() }, Order::Status(subject, Reverse(issued_at)))
            }
            _ => (ListKind::Other, Order::Other),
        };
        Offered { source, kind, order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, DAY, OTHER_ROOT, PERMIT_KEY, ROOT, STATUS_KEY, at};
    use credential_format::trust_list::{RootKeys, TrustList};

    fn new_state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        (folder, state)
    }

    fn source(name: &str, bytes: Vec<u8>) -> Source {
        Source { name: name.into(), bytes }
    }

    fn status(number: u64, seconds: i64) -> Vec<u8> {
        testing::status_list(STATUS_KEY, number, at(seconds), &[])
    }

    /// Name and fate, the fate as one word.
    fn fates(report: &SyncReport) -> Vec<(&str, &str)> {
        let word = |fate: &Fate| match fate {
            Fate::Taken => "taken",
            Fate::Unchanged => "unchanged",
            Fate::PassedOver => "passed over",
            Fate::Refused { code, .. } => code,
        };
        report.files.iter().map(|file| (file.name.as_str(), word(&file.fate))).collect()
    }

    #[test]
    fn trust_lists_first_and_upwards_then_status_lists_newest_first() {
        let (_folder, mut state) = new_state();
        let rotated = TrustList {
            roots: RootKeys::new(1, vec![testing::cose_key(OTHER_ROOT)]).unwrap(),
            ..testing::trust_content(8)
        };
        let files = || {
            vec![
                source("a.cwt", status(3, -100)),
                source("b.cwt", status(3, -60)),
                source("c.cwt", status(4, -60)),
                source("x.cose", testing::sign_trust(&rotated, &[ROOT, OTHER_ROOT])),
                source("y.cose", testing::trust_list(7)),
            ]
        };
        let report = state.sync(files(), at(0)).unwrap();
        assert_eq!(
            fates(&report),
            [
                ("y.cose", "taken"),
                ("x.cose", "taken"),
                ("b.cwt", "taken"),
                ("a.cwt", "passed over"),
                ("c.cwt", "taken"),
            ]
        );
        assert_eq!((report.taken(), report.refused(), report.trust_in_force), (4, 0, true));
        let again = state.sync(files(), at(0)).unwrap();
        assert_eq!(
            fates(&again),
            [
                ("y.cose", "passed over"),
                ("x.cose", "unchanged"),
                ("b.cwt", "unchanged"),
                ("a.cwt", "passed over"),
                ("c.cwt", "unchanged"),
            ]
        );
    }

    #[test]
    fn a_new_counter_that_was_told_the_newest_root_key_passes_the_older_lists_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::create(folder.path(), testing::thumbprint(OTHER_ROOT), testing::counter()).unwrap();
        let rotated = TrustList {
            roots: RootKeys::new(1, vec![testing::cose_key(OTHER_ROOT)]).unwrap(),
            ..testing::trust_content(8)
        };
        let rotated = source("8", testing::sign_trust(&rotated, &[ROOT, OTHER_ROOT]));
        let alone = state.sync(vec![source("7", testing::trust_list(7))], at(0)).unwrap();
        assert_eq!(fates(&alone), [("7", "TRUST_NOT_THE_ROOT")]);
        let report = state.sync(vec![source("7", testing::trust_list(7)), rotated], at(0)).unwrap();
        assert_eq!(fates(&report), [("7", "passed over"), ("8", "taken")]);
    }

    #[test]
    fn bad_files_are_named_and_do_not_hinder_good_ones() {
        let (_folder, mut state) = new_state();
        let files = vec![
            source("0.cose", b"\xd8\x62rubbish".to_vec()),
            source("1.cose", testing::sign_trust(&testing::trust_content(9), &[OTHER_ROOT])),
            source("2.cose", testing::trust_list(7)),
            source("3.cwt", vec![0xd2, 0x84]),
            source("4.cwt", testing::status_list(PERMIT_KEY, 3, at(-10), &[])),
            source("5.cwt", status(3, -60)),
            source("6.cwt", b"<html>not found</html>".to_vec()),
            source("7.cwt", Vec::new()),
        ];
        let report = state.sync(files, at(0)).unwrap();
        assert_eq!(
            fates(&report),
            [
                ("2.cose", "taken"),
                ("1.cose", "TRUST_CURRENT_THRESHOLD"),
                ("0.cose", "TRUST_MALFORMED"),
                ("3.cwt", "STATUS_MALFORMED"),
                ("4.cwt", "STATUS_KEY_USAGE"),
                ("5.cwt", "taken"),
                ("6.cwt", "NOT_A_LIST"),
                ("7.cwt", "NOT_A_LIST"),
            ]
        );
        assert_eq!((report.taken(), report.refused(), report.trust_in_force), (2, 6, true));
    }

    #[test]
    fn an_older_list_alone_is_refused() {
        let (_folder, mut state) = new_state();
        state.sync(vec![source("7", testing::trust_list(7)), source("s", status(3, -60))], at(0)).unwrap();
        let report = state.sync(vec![source("6", testing::trust_list(6)), source("t", status(3, -61))], at(0)).unwrap();
        assert_eq!(fates(&report), [("6", "TRUST_ROLLBACK"), ("t", "STATUS_ROLLBACK")]);
        assert!(report.trust_in_force);
        assert_eq!(state.trust().unwrap().list().version, 7);
        // A newer one of another subject does not excuse it.
        let report = state.sync(vec![source("t", status(3, -61)), source("u", status(4, -10))], at(0)).unwrap();
        assert_eq!(fates(&report), [("t", "STATUS_ROLLBACK"), ("u", "taken")]);
        // With what is in use beside it, it is history.
        let files = vec![source("6", testing::trust_list(6)), source("7", testing::trust_list(7))];
        assert_eq!(fates(&state.sync(files, at(0)).unwrap()), [("6", "passed over"), ("7", "unchanged")]);
    }

    #[test]
    fn expired_trust_lists_are_history_only_beside_a_newer_one() {
        let (_folder, mut state) = new_state();
        let old = TrustList { expires_at: at(-1), issued_at: at(-2 * DAY), ..testing::trust_content(6) };
        let old = testing::sign_trust(&old, &[ROOT]);
        let report = state.sync(vec![source("6", old.clone())], at(0)).unwrap();
        assert_eq!(fates(&report), [("6", "TRUST_EXPIRED")]);
        assert!(!report.trust_in_force);
        let report = state.sync(vec![source("6", old), source("7", testing::trust_list(7))], at(0)).unwrap();
        assert_eq!(fates(&report), [("6", "passed over"), ("7", "taken")]);
        // In force until the last second.
        assert!(state.sync(Vec::new(), at(365 * DAY - 1)).unwrap().trust_in_force);
        assert!(!state.sync(Vec::new(), at(365 * DAY)).unwrap().trust_in_force);
    }
}
