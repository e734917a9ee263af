//! What the counter page reports about its camera, for whoever asks how the counter stands.

use credential_format::timestamp::Timestamp;
use rusqlite::{Transaction, TransactionBehavior};

use super::{State, StateError};

/// What the page's camera lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// There is none.
    CameraMissing,
    /// The browser or the system does not let the page use it.
    CameraDenied,
    /// Another program uses it.
    CameraBusy,
    /// It went away while it was used.
    CameraLost,
}

impl Condition {
    /// All of them.
    pub const ALL: [Condition; 4] =
        [Condition::CameraMissing, Condition::CameraDenied, Condition::CameraBusy, Condition::CameraLost];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Condition::CameraMissing => "CAMERA_MISSING",
            Condition::CameraDenied => "CAMERA_DENIED",
            Condition::CameraBusy => "CAMERA_BUSY",
            Condition::CameraLost => "CAMERA_LOST",
        }
    }

    /// The one that the page calls `missing`, `denied`, `busy` or `lost`.
    pub fn of_word(word: &str) -> Option<Condition> {
        let code = format!("CAMERA_{}", word.to_ascii_uppercase());
        let lower = word.bytes().all(|byte| byte.is_ascii_lowercase());
        Condition::ALL.into_iter().find(|condition| condition.code() == code && lower)
    }
}

impl State {
    /// Keeps what the camera lacks, or that it lacks nothing. One that is reported again stays as old as it is, and nothing is written.
    ///
    /// # Errors
    /// [`StateError`]; then what was kept before is kept.
    pub fn set_condition(&self, condition: Option<Condition>, now: Timestamp) -> Result<(), StateError> {
        let before: Vec<Condition> = self.conditions()?.into_iter().map(|(condition, _)| condition).collect();
        if before.iter().copied().eq(condition) {
            return Ok(());
        }
        if let Some(cause) = self.unwritable() {
            return Err(cause.clone());
        }
        let write = || {
            let transaction = Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM condition", [])?;
            if let Some(condition) = condition {
                transaction.execute(
                    "INSERT INTO condition (code, since) VALUES (?1, ?2)",
                    (condition.code(), now.seconds().cast_signed()),
                )?;
            }
            transaction.commit()
        };
        write().map_err(|error| self.error(&error))
    }

    /// What the camera lacks, and since when.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn conditions(&self) -> Result<Vec<(Condition, Timestamp)>, StateError> {
        let read = || {
            let mut select = self.database.connection.prepare("SELECT code, since FROM condition ORDER BY since")?;
            select
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|error| self.error(&error))?;
        let known = |(code, since): (String, i64)| {
            let condition = Condition::ALL.into_iter().find(|condition| condition.code() == code)?;
            Some((condition, Timestamp::new(since.cast_unsigned()).ok()?))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, ROOT, at};

    #[test]
    fn the_camera_has_one_condition_at_a_time_and_it_keeps_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        assert_eq!(state.conditions(), Ok(vec![]));
        state.set_condition(Some(Condition::CameraDenied), at(0)).unwrap();
        state.set_condition(Some(Condition::CameraDenied), at(9)).unwrap();
        assert_eq!(State::open(folder.path()).unwrap().conditions(), Ok(vec![(Condition::CameraDenied, at(0))]));
        state.set_condition(Some(Condition::CameraLost), at(10)).unwrap();
        assert_eq!(state.conditions(), Ok(vec![(Condition::CameraLost, at(10))]));
        state.set_condition(None, at(11)).unwrap();
        state.set_condition(None, at(12)).unwrap();
        assert_eq!(state.conditions(), Ok(vec![]));
    }

    #[test]
    fn conditions_are_called_by_the_words_of_the_page() {
        let words = ["missing", "denied", "busy", "lost"].map(Condition::of_word);
        assert_eq!(words, Condition::ALL.map(Some));
        for other in ["", "Missing", "camera_missing", "gone"] {
            assert_eq!(Condition::of_word(other), None);
        }
    }
}
