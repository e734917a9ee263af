//! Taking lists: all that are offered together are looked at first, and stored in one transaction, or none of them.

use std::collections::BTreeMap;

use credential_format::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::{State, StateError};
use crate::status::{StatusRefusal, TrustedStatusList};
use crate::trust::{TrustRefusal, TrustedList};

impl State {
    /// Takes a trust list: the first by the installed thumbprint, each later one after the one in use. `false` when it is the one in use.
    ///
    /// # Errors
    /// [`TakeError`]; then nothing is changed.
    pub fn take_trust_list(&mut self, bytes: &[u8], now: Timestamp) -> Result<bool, TakeError> {
        self.take(now, |taking| taking.trust_list(bytes))?
    }

    /// Takes a status list, of an issuer of the trust list in use. `false` when it is the one in use.
    ///
    /// # Errors
    /// [`TakeError`]; then nothing is changed.
    pub fn take_status_list(&mut self, bytes: &[u8], now: Timestamp) -> Result<bool, TakeError> {
        self.take(now, |taking| taking.status_list(bytes))?
    }

    /// Looks at lists, and stores in one transaction those that were found good. What others took in the meantime is looked at again.
    pub(super) fn take<T>(&mut self, now: Timestamp, look: impl Fn(&mut Taking<'_>) -> T) -> Result<T, StateError> {
        if let Some(cause) = &self.database.unwritable {
            return Err(cause.clone());
        }
        loop {
            self.refresh()?;
            let mut taking = Taking { state: self, now, trust: None, status: BTreeMap::new() };
            let looked = look(&mut taking);
            if taking.store()? {
                self.refresh()?;
                return Ok(looked);
            }
        }
    }
}

/// Lists that passed every check against what is in use and against each other, and are not stored yet.
pub(super) struct Taking<'s> {
    state: &'s State,
    now: Timestamp,
    trust: Option<TrustedList>,
    status: BTreeMap<String, (TrustedStatusList, Vec<u8>)>,
}

impl Taking<'_> {
    pub(super) fn trust_list(&mut self, bytes: &[u8]) -> Result<bool, TakeError> {
        let taken = match self.trust_in_use() {
            None => Some(TrustedList::first(bytes, &self.state.root, self.now)?),
            Some(current) => TrustedList::next(bytes, current, self.now)?,
        };
        let is_new = taken.is_some();
        self.trust = taken.or(self.trust.take());
        Ok(is_new)
    }

    pub(super) fn status_list(&mut self, bytes: &[u8]) -> Result<bool, TakeError> {
        let trust = self.trust_in_use().ok_or(TakeError::NoTrustList)?;
        let offered = TrustedStatusList::check(bytes, trust)?;
        let subject = offered.list().head().subject.clone();
        let kept = match self.status.get(&subject) {
            Some((_, bytes)) => Some(bytes.clone()),
            None => stored_status_list(&self.state.database.connection, &subject)
                .map_err(|error| TakeError::State(self.state.error(&error)))?,
        };
        if kept.as_deref() == Some(bytes) {
            return Ok(false);
        }
        // A kept list that the trust list no longer vouches for, or that the disk damaged, stands in nobody's way.
        let current = kept.and_then(|kept| TrustedStatusList::check(&kept, trust).ok());
        offered.may_follow(current.as_ref(), self.now)?;
        self.status.insert(subject, (offered, bytes.into()));
        Ok(true)
    }

    fn trust_in_use(&self) -> Option<&TrustedList> {
        self.trust.as_ref().or(self.state.trust.as_ref())
    }

    /// All of it is on the disk at the end, or nothing. `false`, and nothing done, when another process has taken a list since the look.
    fn store(self) -> Result<bool, StateError> {
        if self.trust.is_none() && self.status.is_empty() {
            return Ok(true);
        }
        let of = |error: rusqlite::Error| self.state.error(&error);
        let newest_signed = self.newest_signed().map_err(of)?.map(|time| time.seconds().cast_signed());
        let transaction =
            Transaction::new_unchecked(&self.state.database.connection, TransactionBehavior::Immediate).map_err(of)?;
        let generation: i64 =
            transaction.query_row("SELECT generation FROM installation", [], |row| row.get(0)).map_err(of)?;
        if generation != self.state.generation {
            return Ok(false);
        }
        self.write(&transaction, newest_signed).and_then(|()| transaction.commit()).map_err(of)?;
        Ok(true)
    }

    fn write(&self, transaction: &Transaction<'_>, newest_signed: Option<i64>) -> rusqlite::Result<()> {
        if let Some(trust) = &self.trust {
            transaction.execute(
                "INSERT INTO trust_list (id, bytes) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
                [trust.bytes()],
            )?;
            // What was passed by under the list before may be good under this one: everything is to be fetched again.
            transaction.execute("DELETE FROM fetched", [])?;
        }
        for (subject, (_, bytes)) in &self.status {
            transaction.execute(
                "INSERT INTO status_list (subject, bytes) VALUES (?1, ?2)
                 ON CONFLICT (subject) DO UPDATE SET bytes = excluded.bytes",
                (subject, bytes),
            )?;
        }
        transaction
            .execute("UPDATE installation SET generation = generation + 1, newest_signed = ?1", [newest_signed])?;
        Ok(())
    }

    /// The newest time that the lists in use were signed at: the clock cannot be before it. It falls only by a new trust list, which may
    /// take away the key of a list that was dated wrongly; otherwise one such list would make every later clock suspect.
    fn newest_signed(&self) -> rusqlite::Result<Option<Timestamp>> {
        let offered = self.status.values().map(|(list, _)| list.list().head().issued_at).max();
        let Some(trust) = &self.trust else { return Ok(offered.max(self.state.newest_signed)) };
        let mut newest = offered.max(Some(trust.list().issued_at));
        let mut statement = self.state.database.connection.prepare("SELECT subject, bytes FROM status_list")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if self.status.contains_key(&row.get::<_, String>(0)?) {
                continue;
            }
            if let Ok(kept) = TrustedStatusList::check(row.get_ref(1)?.as_blob()?, trust) {
                newest = newest.max(Some(kept.list().head().issued_at));
            }
        }
        Ok(newest)
    }
}

/// A status list as it was signed and stored.
pub(super) fn stored_status_list(connection: &Connection, subject: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare("SELECT bytes FROM status_list WHERE subject = ?1")?
        .query_row([subject], |row| row.get(0))
        .optional()
}

/// Why a list was not taken. What was in use stays in use.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The trust list was refused.
    #[error(transparent)]
    Trust(#[from] TrustRefusal),
    /// The status list was refused.
    #[error(transparent)]
    Status(#[from] StatusRefusal),
    /// A status list before any trust list.
    #[error("there is no trust list yet that says whose status list this is; synchronise a trust list first")]
    NoTrustList,
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
}

impl TakeError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            TakeError::Trust(refusal) => refusal.code(),
            TakeError::Status(refusal) => refusal.code(),
            TakeError::NoTrustList => "STATUS_NO_TRUST_LIST",
            TakeError::State(error) => error.code(),
        }
    }

    /// The error in Chinese.
    pub fn zh(&self) -> String {
        match self {
            TakeError::Trust(refusal) => refusal.zh(),
            TakeError::Status(refusal) => refusal.zh(),
            TakeError::NoTrustList => "尚无信任名单，无法判断该状态名单由谁发布，请先同步信任名单".into(),
            TakeError::State(error) => error.zh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::testing::at;

    #[test]
    fn every_error_says_in_both_languages_what_the_error_in_it_says() {
        let state = StateError::Missing("counter".into());
        for (error, code, en, zh) in [
            (
                TakeError::from(TrustRefusal::OwnThreshold),
                "TRUST_OWN_THRESHOLD",
                "fewer of the list's own",
                "根密钥少于",
            ),
            (TakeError::from(StatusRefusal::Expired(at(0))), "STATUS_EXPIRED", "the status list expired", "过期"),
            (TakeError::NoTrustList, "STATUS_NO_TRUST_LIST", "synchronise a trust list first", "请先同步信任名单"),
            (TakeError::from(state.clone()), state.code(), &state.to_string(), &state.zh()),
        ] {
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains(en) && error.zh().contains(zh), "{error} {}", error.zh());
            assert!(!error.zh().is_ascii(), "{}", error.zh());
        }
    }
}
