//! What this counter was set to: its policy, the guard that it shares with other counters, how its page works, and for how long its journal is kept.

use rusqlite::{Transaction, TransactionBehavior};

use super::{State, StateError};
use crate::policy::{GuardFallback, Policy};

/// What can be set at a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Limits of time, and what to do without the shared guard.
    pub policy: Policy,
    /// The address of the guard that the counters of a hall share. It may hold a password: not for logs.
    pub guard: Option<GuardAddress>,
    /// Whether the page asks holders to answer a challenge.
    pub asking: Asking,
    /// How long the page shows a result, in seconds.
    pub result_secs: ResultSecs,
    /// How many days the journal is kept.
    pub journal_days: JournalDays,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            policy: Policy::default(),
            guard: None,
            asking: Asking::Either,
            result_secs: Within(8),
            journal_days: Within(180),
        }
    }
}

/// Whether the counter page asks holders to answer a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asking {
    /// The clerk chooses.
    Either,
    /// Always: a code that answers none is not accepted.
    Challenge,
    /// Never.
    Passive,
}

impl Asking {
    /// All of them.
    pub const ALL: [Asking; 3] = [Asking::Either, Asking::Challenge, Asking::Passive];

    /// The word in JSON and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Asking::Either => "either",
            Asking::Challenge => "challenge",
            Asking::Passive => "passive",
        }
    }

    /// The one of this word.
    pub fn of_word(word: &str) -> Option<Asking> {
        Asking::ALL.into_iter().find(|asking| asking.word() == word)
    }
}

/// A whole number within bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within<const LEAST: u16, const MOST: u16>(u16);

/// How long the page shows a result: 3 to 60 seconds.
pub type ResultSecs = Within<3, 60>;

/// How many days the journal is kept: 1 to 1,095, three years.
pub type JournalDays = Within<1, 1_095>;

impl<const LEAST: u16, const MOST: u16> Within<LEAST, MOST> {
    /// This number, if it is within the bounds.
    pub fn new(number: u16) -> Option<Self> {
        (LEAST..=MOST).contains(&number).then_some(Within(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// ASCII digits and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse().ok().filter(|_| plain).and_then(Self::new)
    }
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
const ASKING: &str = "asking";
const RESULT_SECS: &str = "result-secs";
const JOURNAL_DAYS: &str = "journal-days";
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
    let Settings { policy, guard, asking, result_secs, journal_days } = settings;
    let mut rows = vec![
        (STATUS_FRESH, policy.status_fresh_secs.to_string()),
        (STATUS_MAX, policy.status_age_secs_max.to_string()),
        (ASKING, asking.word().to_owned()),
        (RESULT_SECS, result_secs.get().to_string()),
        (JOURNAL_DAYS, journal_days.get().to_string()),
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
            ASKING => settings.asking = Asking::of_word(value).ok_or_else(|| name.clone())?,
            RESULT_SECS => settings.result_secs = Within::parse(value).ok_or_else(|| name.clone())?,
            JOURNAL_DAYS => settings.journal_days = Within::parse(value).ok_or_else(|| name.clone())?,
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
            asking: Asking::Challenge,
            result_secs: ResultSecs::new(60).unwrap(),
            journal_days: JournalDays::new(1_095).unwrap(),
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
            (ASKING, "sometimes"),
            (RESULT_SECS, "2"),
            (RESULT_SECS, "61"),
            (JOURNAL_DAYS, "0"),
            (JOURNAL_DAYS, "1096"),
            (JOURNAL_DAYS, "+30"),
            ("code-age", "1"),
        ] {
            assert!(of_rows(&row(name, value)).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn numbers_have_bounds_on_both_sides() {
        let secs = |number| ResultSecs::new(number).is_some();
        assert_eq!([secs(2), secs(3), secs(60), secs(61)], [false, true, true, false]);
        let days = |text| JournalDays::parse(text).map(JournalDays::get);
        assert_eq!([days("0"), days("1"), days("1095"), days("1096")], [None, Some(1), Some(1_095), None]);
        for text in ["", " 1", "+1", "-1", "1.0", "１", "99999999999"] {
            assert_eq!(days(text), None, "{text}");
        }
        let default = Settings::default();
        assert_eq!((default.asking, default.result_secs.get(), default.journal_days.get()), (Asking::Either, 8, 180));
    }
}
