//! What this counter was set to: its policy, and the guard that it shares with other counters.

use rusqlite::{Transaction, TransactionBehavior};

use super::{State, StateError};
use crate::policy::{GuardFallback, Policy};

/// What can be set at a counter.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// Limits of time, and what to do without the shared guard.
    pub policy: Policy,
    /// The address of the guard that the counters of a hall share. It may hold a password: not for logs.
    pub guard: Option<GuardAddress>,
}

/// An address whose password, if it has one, is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GuardAddress(pub String);

impl std::fmt::Debug for GuardAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuardAddress(***)")
    }
}

const STATUS_FRESH: &str = "status-fresh-secs";
const STATUS_MAX: &str = "status-max-secs";
const GUARD: &str = "guard";
const GUARD_FALLBACK: &str = "guard-fallback";
const LOCAL_ONLY: &str = "local-only";

impl State {
    /// What this counter is set to, as of the last call that needed it.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sets this counter, for every process that uses its folder.
    ///
    /// # Errors
    /// [`StateError`]; then nothing is changed.
    pub fn set_settings(&mut self, settings: &Settings) -> Result<(), StateError> {
        if let Some(cause) = self.unwritable() {
            return Err(cause.clone());
        }
        let write = || {
            let transaction = Transaction::new_unchecked(&self.database.connection, TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM setting", [])?;
            for (name, value) in rows(settings) {
                transaction.execute("INSERT INTO setting (name, value) VALUES (?1, ?2)", (name, value))?;
            }
            transaction.execute("UPDATE installation SET generation = generation + 1", [])?;
            transaction.commit()
        };
        write().map_err(|error| self.error(&error))?;
        self.refresh()
    }

    pub(super) fn read_settings(&self) -> Result<Settings, StateError> {
        let read = || {
            let mut statement = self.database.connection.prepare("SELECT name, value FROM setting")?;
            statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|error| self.error(&error))?;
        of_rows(&rows).map_err(|name| StateError::Damaged {
            folder: self.folder.clone(),
            what: format!("the setting {name:?} has a value that this program never writes"),
        })
    }
}

fn rows(settings: &Settings) -> Vec<(&'static str, String)> {
    let Settings { policy, guard } = settings;
    let mut rows = vec![
        (STATUS_FRESH, policy.status_fresh_secs.to_string()),
        (STATUS_MAX, policy.status_age_secs_max.to_string()),
    ];
    rows.extend((policy.guard_fallback == GuardFallback::LocalOnly).then(|| (GUARD_FALLBACK, LOCAL_ONLY.to_owned())));
    rows.extend(guard.clone().map(|address| (GUARD, address.0)));
    rows
}

/// The settings, or the name of the one that makes no sense: better none than a policy that somebody else made weaker.
fn of_rows(rows: &[(String, String)]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let (mut fresh, mut most) = (settings.policy.status_fresh_secs, settings.policy.status_age_secs_max);
    for (name, value) in rows {
        let seconds = || value.parse().map_err(|_| name.clone());
        match name.as_str() {
            STATUS_FRESH => fresh = seconds()?,
            STATUS_MAX => most = seconds()?,
            GUARD => settings.guard = Some(GuardAddress(value.clone())),
            GUARD_FALLBACK if value == LOCAL_ONLY => settings.policy.guard_fallback = GuardFallback::LocalOnly,
            _ => return Err(name.clone()),
        }
    }
    settings.policy = settings.policy.with_status_ages(fresh, most).map_err(|_| STATUS_MAX.to_owned())?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, ROOT};

    #[test]
    fn settings_are_kept_for_every_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::create(folder.path(), testing::thumbprint(ROOT), testing::counter()).unwrap();
        let mut other = State::open(folder.path()).unwrap();
        assert_eq!(other.settings(), &Settings::default());
        let mut settings = Settings {
            policy: Policy::default().with_status_ages(7_200, 172_800).unwrap(),
            guard: Some(GuardAddress("redis://:secret@guard".into())),
        };
        settings.policy.guard_fallback = GuardFallback::LocalOnly;
        state.set_settings(&settings).unwrap();
        other.refresh().unwrap();
        assert_eq!(other.settings(), &settings);
        assert!(!format!("{:?}", other.settings()).contains("secret"));
        state.set_settings(&Settings::default()).unwrap();
        other.refresh().unwrap();
        assert_eq!(other.settings(), &Settings::default());
    }

    #[test]
    fn a_setting_that_was_tampered_with_is_no_setting() {
        let row = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        assert_eq!(of_rows(&[]), Ok(Settings::default()));
        for (name, value) in [
            (STATUS_MAX, "99999999"),
            (STATUS_MAX, "x"),
            (STATUS_FRESH, "0"),
            (GUARD_FALLBACK, "never"),
            ("code-age", "1"),
        ] {
            assert!(of_rows(&row(name, value)).is_err(), "{name} {value}");
        }
    }
}
