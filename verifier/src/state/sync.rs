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
    /// newest of each subject first, since one is enough. A file that is refused never keeps another from being taken.
    ///
    /// # Errors
    /// [`StateError`] when the state itself fails; what was taken before stays taken.
    pub fn sync(&mut self, files: Vec<Source>, now: Timestamp) -> Result<SyncReport, StateError> {
        let mut offered: Vec<Offered> = files.into_iter().map(Offered::look).collect();
        offered.sort_by(|a, b| a.order.cmp(&b.order).then_with(|| a.source.name.cmp(&b.source.name)));
        let mut results = Vec::with_capacity(offered.len());
        for offered in offered {
            let result = match offered.kind {
                ListKind::Trust { .. } => self.take_trust_list(&offered.source.bytes, now),
                ListKind::Status { .. } => self.take_status_list(&offered.source.bytes, now),
                ListKind::Other => {
                    results.push((offered, Err(None)));
                    continue;
                }
            };
            match result {
                Err(TakeError::State(error)) => return Err(error),
                other => results.push((offered, other.map_err(Some))),
            }
        }
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
            };
        }
        Err(Some(error)) => error,
    };
    let history = match &error {
        TakeError::Trust(TrustRefusal::Rollback { .. } | TrustRefusal::Expired(_)) => in_use.iter().any(|other| {
            matches!((kind, other), (ListKind::Trust { version: Some(old) }, ListKind::Trust { version: Some(new) }) if old < new)
        }),
        TakeError::Status(StatusRefusal::Rollback { .. }) => in_use.contains(kind),
        _ => false,
    };
    if history { Fate::PassedOver } else { Fate::Refused { code: error.code(), sentence: error.to_string() } }
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
