//! `policy`: what this counter is set to.

use clap::Args;
use command_line::files::read_stdin_limited;
use command_line::refusal::{Exit, Refusal};
use serde_json::{Value, json};
use verifier::policy::{GuardFallback, Policy as Limits};
#[cfg(feature = "redis")]
use verifier::redis_guard::RedisAddress;
use verifier::state::{Asking, GuardAddress, JournalDays, ResultSecs, Settings};

use super::terminal::Page;
use super::{StateArguments, print_json, state_refusal};

#[derive(Args)]
#[command(
    after_help = "Without options it shows what is set. What is set holds for every process that uses the state folder."
)]
pub(super) struct Policy {
    #[command(flatten)]
    state: StateArguments,
    /// How long a status list counts as fresh: hours or days, like 24h; at least 1h
    #[arg(long, value_name = "AGE")]
    status_fresh: Option<String>,
    /// From which age on a status list answers nothing: hours or days, like 7d; at most 31d
    #[arg(long, value_name = "AGE")]
    status_max: Option<String>,
    /// The replay guard that the counters of this hall share, redis://[:PASSWORD@]HOST[:PORT][/DATABASE]; `none` for no
    /// shared guard; `-` reads the address from standard input, where no list of processes shows the password
    #[arg(long, value_name = "ADDRESS")]
    guard: Option<String>,
    /// What to do when the shared guard cannot be reached: `undetermined` accepts nothing, `local-only` goes by this
    /// counter's own guard and says so in the verdict
    #[arg(long, value_name = "WORD")]
    guard_fallback: Option<String>,
    /// Whether the counter page asks holders to answer a challenge: `either` lets the clerk choose, `challenge` always
    /// asks, `passive` never
    #[arg(long, value_name = "WORD")]
    asking: Option<String>,
    /// How long the counter page shows a result, in seconds, 3 to 60
    #[arg(long, value_name = "SECONDS")]
    result_secs: Option<String>,
    /// How many days the journal is kept, 1 to 1095; older entries go with the first entry of the next day
    #[arg(long, value_name = "DAYS")]
    journal_days: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl Policy {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let mut state = self.state.open()?;
        let settings = self.changed(state.settings())?;
        if settings != *state.settings() {
            state.set_settings(&settings).map_err(|error| state_refusal(&error))?;
        }
        if self.json {
            let mut answer = policy_json(state.settings());
            if let Some(members) = answer.as_object_mut() {
                members.insert("v".into(), json!(1));
            }
            print_json(&answer)?;
        } else {
            let mut page = Page::default();
            policy_lines(state.settings()).into_iter().for_each(|line| page.line(line));
            page.print()?;
        }
        Ok(Exit::Done)
    }

    /// These settings with what was asked for; nothing is set when one of them makes no sense.
    fn changed(&self, settings: &Settings) -> Result<Settings, Refusal> {
        let mut changed = settings.clone();
        let Limits { status_fresh_secs, status_age_secs_max, .. } = settings.policy;
        let fresh = self.status_fresh.as_deref().map(|text| age_secs("--status-fresh", text)).transpose()?;
        let most = self.status_max.as_deref().map(|text| age_secs("--status-max", text)).transpose()?;
        let (fresh, most) = (fresh.unwrap_or(status_fresh_secs), most.unwrap_or(status_age_secs_max));
        changed.policy = changed.policy.with_status_ages(fresh, most).map_err(|error| {
            Refusal::usage(
                error.code(),
                format!(
                    "a status list cannot count as fresh for {} and be used for {}",
                    age_text(fresh),
                    age_text(most)
                ),
                "give at least 1h for --status-fresh, at most 31d for --status-max, and the first not above the second",
            )
        })?;
        match self.guard.as_deref() {
            None => {}
            Some("none") => changed.guard = None,
            Some("-") => changed.guard = Some(guard_address(address_of_stdin()?.trim())?),
            Some(text) => changed.guard = Some(guard_address(text)?),
        }
        match self.guard_fallback.as_deref() {
            None => {}
            Some(word) => {
                let fallback = [GuardFallback::Undetermined, GuardFallback::LocalOnly];
                changed.policy.guard_fallback =
                    fallback.into_iter().find(|fallback| fallback_word(*fallback) == word).ok_or_else(|| {
                        Refusal::usage(
                            "POLICY_GUARD_FALLBACK",
                            format!("--guard-fallback {word} is neither undetermined nor local-only"),
                            "write undetermined, which is safe, or local-only, which keeps the queue moving",
                        )
                    })?;
            }
        }
        if let Some(word) = self.asking.as_deref() {
            changed.asking = Asking::of_word(word).ok_or_else(|| {
                Refusal::usage(
                    "POLICY_ASKING",
                    format!("--asking {word} is none of either, challenge and passive"),
                    "write either, which lets the clerk choose, challenge, which is safer, or passive",
                )
            })?;
        }
        if let Some(text) = self.result_secs.as_deref() {
            changed.result_secs = ResultSecs::parse(text).ok_or_else(|| {
                Refusal::usage(
                    "POLICY_RESULT_SECS",
                    format!("--result-secs {text} is no number from 3 to 60"),
                    "write a number of seconds like 8",
                )
            })?;
        }
        if let Some(text) = self.journal_days.as_deref() {
            changed.journal_days = JournalDays::parse(text).ok_or_else(|| {
                Refusal::usage(
                    "POLICY_JOURNAL_DAYS",
                    format!("--journal-days {text} is no number from 1 to 1095"),
                    "write a number of days like 180",
                )
            })?;
        }
        Ok(changed)
    }
}

/// `24h` or `7d` in seconds.
fn age_secs(option: &str, text: &str) -> Result<i64, Refusal> {
    let unit_secs = |unit: char| match unit {
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    };
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let number: i64 = number.parse().ok().filter(|_| plain)?;
        number.checked_mul(unit_secs(unit.chars().next()?)?)
    };
    read().ok_or_else(|| {
        Refusal::usage(
            "POLICY_AGE",
            format!("{option} {text} is no number of hours or days"),
            "write it like 24h or 7d",
        )
    })
}

/// Seconds as hours or days, whichever says it whole.
fn age_text(secs: i64) -> String {
    match (secs % 86_400, secs % 3_600) {
        (0, _) if secs > 86_400 => format!("{} d", secs / 86_400),
        (_, 0) => format!("{} h", secs / 3_600),
        _ => format!("{secs} s"),
    }
}

/// Longer than any address.
const ADDRESS_BYTES_MAX: u64 = 4_096;

fn address_of_stdin() -> Result<String, Refusal> {
    String::from_utf8(read_stdin_limited(ADDRESS_BYTES_MAX)?).map_err(|_| {
        Refusal::usage("STDIN_NOT_TEXT", "standard input is not UTF-8 text", "pipe the guard's address in, one line")
    })
}

#[cfg(feature = "redis")]
fn guard_address(text: &str) -> Result<GuardAddress, Refusal> {
    let address = RedisAddress::parse(text).map_err(|error| {
        let sentence = error.to_string();
        let (what, remedy) = sentence.split_once("; ").unwrap_or((&sentence, "write it like redis://192.168.1.10"));
        Refusal::usage(error.code(), what, remedy)
    })?;
    Ok(GuardAddress(address.with_password()))
}

#[cfg(not(feature = "redis"))]
fn guard_address(_: &str) -> Result<GuardAddress, Refusal> {
    Err(Refusal::usage(
        "POLICY_GUARD_NOT_BUILT",
        "this program was built without shared guards",
        "build it with: cargo build --release -p verifier --features redis",
    ))
}

/// The address without its password.
#[cfg(feature = "redis")]
fn shown(address: &GuardAddress) -> String {
    RedisAddress::parse(&address.0).map_or_else(|_| "redis://***".into(), |address| address.to_string())
}

#[cfg(not(feature = "redis"))]
fn shown(_: &GuardAddress) -> String {
    "redis://***".into()
}

fn fallback_word(fallback: GuardFallback) -> &'static str {
    match fallback {
        GuardFallback::Undetermined => "undetermined",
        GuardFallback::LocalOnly => "local-only",
    }
}

/// The settings, one a line.
pub(super) fn policy_lines(settings: &Settings) -> Vec<String> {
    let Settings { policy, guard, asking, result_secs, journal_days } = settings;
    let (fresh, most) = (age_text(policy.status_fresh_secs), age_text(policy.status_age_secs_max));
    let fallback = match policy.guard_fallback {
        GuardFallback::Undetermined => "不予核验 / accept nothing (undetermined)",
        GuardFallback::LocalOnly => "仅凭本柜台查重 / go by this counter alone (local-only)",
    };
    let mut lines = vec![
        format!(
            "状态名单期限 status list ages: {fresh} 内为新，超过 {most} 不能核验 / fresh up to {fresh}, used up to {most}"
        ),
        match guard {
            None => "共用查重 shared guard: 无 none".into(),
            Some(address) => format!("共用查重 shared guard: {}", shown(address)),
        },
    ];
    // Without a shared guard it decides nothing, unless somebody set it.
    if guard.is_some() || policy.guard_fallback != GuardFallback::Undetermined {
        lines.push(format!("查重服务器连接不上时 without the shared guard: {fallback}"));
    }
    let asking = match asking {
        Asking::Either => "挑战码由窗口人员选择 / the clerk chooses whether to ask a challenge (either)",
        Asking::Challenge => "总是要求应答挑战码 / always asks a challenge (challenge)",
        Asking::Passive => "不使用挑战码 / asks no challenge (passive)",
    };
    let (secs, days) = (result_secs.get(), journal_days.get());
    lines.push(format!("窗口页面 page: {asking}; 结果显示 {secs} 秒 / results are shown for {secs} s"));
    lines.push(format!("核验记录 journal: 保留 {days} 天 / kept for {days} days"));
    lines
}

pub(super) fn policy_json(settings: &Settings) -> Value {
    json!({
        "status_fresh_s": settings.policy.status_fresh_secs,
        "status_max_s": settings.policy.status_age_secs_max,
        "guard": settings.guard.as_ref().map(shown),
        "guard_fallback": fallback_word(settings.policy.guard_fallback),
        "asking": settings.asking.word(),
        "result_s": settings.result_secs.get(),
        "journal_days": settings.journal_days.get(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_whole_hours_or_days() {
        let secs = |text| age_secs("--status-max", text).ok();
        assert_eq!(
            [secs("1h"), secs("24h"), secs("7d"), secs("007d")],
            [Some(3_600), Some(86_400), Some(604_800), Some(604_800)]
        );
        for text in [
            "",
            "h",
            "7",
            "7 d",
            "-1d",
            "+1d",
            "1.5h",
            "1w",
            "7D",
            "7d ",
            "９h",
            "7日",
            "99999999999999999999d",
            "9223372036854775807d",
        ] {
            assert_eq!(
                age_secs("--status-max", text).err().map(|refusal| refusal.code()),
                Some("POLICY_AGE"),
                "{text}"
            );
        }
        assert_eq!(
            [age_text(3_600), age_text(86_400), age_text(172_800), age_text(90_000), age_text(5)],
            ["1 h", "24 h", "2 d", "25 h", "5 s"]
        );
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_password_is_kept_and_never_shown() {
        let address = guard_address("redis://:s3cret%40@10.0.0.5").unwrap();
        let settings = Settings { guard: Some(address.clone()), ..Settings::default() };
        let text = format!("{:?} {} {settings:?}", policy_lines(&settings), policy_json(&settings));
        assert!(text.contains("10.0.0.5:6379") && !text.contains("s3cret"), "{text}");
        assert!(address.0.contains("s3cret%40"));
        for text in ["http://:s3cret@h", "rediss://:s3cret@h", "redis://s3cret@h", "redis://:s3cret@"] {
            let refusal = guard_address(text).err().unwrap();
            assert!(
                refusal.code().starts_with("GUARD_ADDRESS_") && !refusal.to_string().contains("s3cret"),
                "{refusal}"
            );
        }
        // Of a database that somebody else wrote.
        assert_eq!(shown(&GuardAddress("redis:/:s3cret@h".into())), "redis://***");
    }

    #[test]
    fn the_fallback_is_named_where_it_matters() {
        let mut settings = Settings::default();
        assert_eq!(policy_lines(&settings).len(), 4);
        settings.policy.guard_fallback = GuardFallback::LocalOnly;
        assert!(policy_lines(&settings)[2].contains("local-only"));
    }
}
