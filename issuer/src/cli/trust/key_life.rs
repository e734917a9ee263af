//! `issuer trust retire` and `issuer trust compromise`: the end of an issuer's key, in the draft.

use std::path::{Path, PathBuf};

use clap::Args;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::Kid;
use credential_format::timestamp::Timestamp;
use issuer::trust::{KeyDraft, TrustDraft, UsageWord};
use serde_json::json;

use super::super::{ClockArgs, from_sentence, say, shown};
use super::{from_draft, key_uses, read_draft, write_draft};

/// Which key of which draft.
#[derive(Args)]
struct KeyOfDraft {
    /// The draft to change
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,

    /// The key: the 16 hex digits by which permits name it
    #[arg(long, value_name = "KID")]
    kid: String,

    /// The ledger of the issuer, which is only read: says how many permits in force are concerned
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,

    #[command(flatten)]
    clock: ClockArgs,
}

#[derive(Args)]
pub(crate) struct Retire {
    #[command(flatten)]
    key: KeyOfDraft,

    /// From when nothing that the key signed is accepted any more
    #[arg(long, value_name = "TIME")]
    not_after: String,
}

impl Retire {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let end = time(&self.not_after)?;
        self.key.change(json, Life::Ends(end), |key| {
            let (begin, before) = (time(&key.not_before)?, time(&key.not_after)?);
            if end > before {
                return Err(Refusal::usage(
                    "TRUST_RETIRE_LATER",
                    format!("the key ends at {before} already, before {end}"),
                    "give an earlier time; to let a key end later, edit not_after in the draft",
                ));
            }
            if end <= begin {
                return Err(Refusal::usage(
                    "TRUST_KEY_PERIOD",
                    format!("the key begins at {begin}, and cannot end at {end}"),
                    "give a later time; if the key was in other hands, use `issuer trust compromise`",
                ));
            }
            key.not_after = end.to_string();
            Ok(())
        })
    }
}

#[derive(Args)]
pub(crate) struct Compromise {
    #[command(flatten)]
    key: KeyOfDraft,

    /// From when the key may have been in other hands: nothing that is dated then or later is accepted
    #[arg(long, value_name = "TIME")]
    from: String,
}

impl Compromise {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let from = time(&self.from)?;
        self.key.change(json, Life::CompromisedFrom(from), |key| {
            let before = key.compromised_from.as_deref().map(time).transpose()?;
            if let Some(before) = before.filter(|before| *before < from) {
                return Err(Refusal::usage(
                    "TRUST_COMPROMISED_LIFTED",
                    format!("the draft says that the key is compromised from {before}, before {from}"),
                    "give that time or an earlier one: what was refused must not be accepted again",
                ));
            }
            let (begin, end) = (time(&key.not_before)?, time(&key.not_after)?);
            if !(begin..end).contains(&from) {
                return Err(Refusal::usage(
                    "TRUST_COMPROMISED_OUTSIDE",
                    format!("the key is in force from {begin} to {end}, and not at {from}"),
                    format!("give a time within; {begin} refuses all that it ever signed"),
                ));
            }
            key.compromised_from = Some(from.to_string());
            Ok(())
        })
    }
}

/// What happens to a key.
#[derive(Clone, Copy)]
enum Life {
    Ends(Timestamp),
    CompromisedFrom(Timestamp),
}

impl KeyOfDraft {
    /// Changes the key in the draft, and says what follows.
    fn change(
        &self,
        json: bool,
        life: Life,
        change: impl FnOnce(&mut KeyDraft) -> Result<(), Refusal>,
    ) -> Result<Exit, Refusal> {
        let mut draft = read_draft(&self.draft)?;
        let kid = kid(&self.kid)?;
        let Some((issuer, key)) = draft.key_mut(kid) else {
            return Err(Refusal::usage(
                "TRUST_KID_UNKNOWN",
                format!("the draft has no key {kid}"),
                "`issuer trust show LIST` names the keys of a list",
            ));
        };
        change(key)?;
        let (issuer, usages) = (issuer.to_owned(), key.usages.clone());
        let now = self.clock.now()?;
        let permits = self.ledger.as_deref().map(|ledger| concerned(ledger, kid, life, now)).transpose()?;
        self.consistent(&draft)?;
        write_draft(&self.draft, &draft)?;

        let follows = consequences(life, &usages);
        let value = json!({
            "v": 1,
            "draft": shown(&self.draft),
            "issuer": issuer,
            "kid": kid.to_string(),
            "not_after": match life { Life::Ends(end) => Some(end.to_string()), Life::CompromisedFrom(_) => None },
            "compromised_from": match life { Life::Ends(_) => None, Life::CompromisedFrom(from) => Some(from.to_string()) },
            "permits_concerned": permits,
            "follows": follows.iter().map(|(zh, en)| json!({ "zh": zh, "en": en })).collect::<Vec<_>>(),
        });
        let mut lines = vec![match life {
            Life::Ends(end) => format!("{issuer}: 密钥 key {kid} 截止于 ends at {end}"),
            Life::CompromisedFrom(from) => format!("{issuer}: 密钥 key {kid} 自 {from} 起失密 compromised from {from}"),
        }];
        lines.extend(follows.iter().flat_map(|(zh, en)| [format!("  {zh}"), format!("  {en}")]));
        lines.extend(permits.map(|permits| format!("  涉及有效证照 permits in force concerned: {permits}")));
        lines.push(format!("next: issuer trust lint --draft {} --current … --ledger …", shown(&self.draft)));
        say(json, &value, &lines.join("\n"))?;
        Ok(Exit::Done)
    }

    /// The time does not matter for whether the draft is consistent.
    fn consistent(&self, draft: &TrustDraft) -> Result<(), Refusal> {
        draft.to_list(draft.version.saturating_add(1), Timestamp::MIN).map(drop).map_err(|error| from_draft(&error))
    }
}

/// How many permits in force are refused because of it.
fn concerned(ledger: &Path, kid: Kid, life: Life, now: Timestamp) -> Result<usize, Refusal> {
    let keys = key_uses::read(ledger)?;
    let Some(used) = keys.iter().find(|used| used.kid == kid) else { return Ok(0) };
    Ok(match life {
        Life::Ends(end) => used.good_after(end.max(now)).map_or(0, |(permits, _)| permits),
        Life::CompromisedFrom(from) => used.signed_from(from, now),
    })
}

/// What follows for what the key signed, in Chinese and English.
fn consequences(life: Life, usages: &[UsageWord]) -> Vec<(&'static str, &'static str)> {
    let signs_permits = usages.iter().any(|usage| matches!(usage, UsageWord::Permit | UsageWord::Voucher));
    let signs_status = usages.contains(&UsageWord::Status);
    let mut follows = Vec::new();
    match life {
        Life::Ends(_) => {
            if signs_permits {
                follows.push((
                    "其签发的证照届时一律判为 KEY_RETIRED，请在此之前用其他密钥重新签发有效期更晚的证照",
                    "permits that it signed are answered with KEY_RETIRED from then on; issue those that end later anew with another key before",
                ));
            }
            if signs_status {
                follows.push((
                    "届时起不能再用它签署状态名单，请在此之前启用后继密钥",
                    "from then on it signs no status lists; let its successor begin before",
                ));
            }
        }
        Life::CompromisedFrom(_) => {
            if signs_permits {
                follows.push((
                    "自该时间起签发的证照一律判为 KEY_COMPROMISED，请用新密钥重新签发；此前签发的证照仍然有效",
                    "permits dated then or later are answered with KEY_COMPROMISED: issue them anew with a new key; earlier ones stay good",
                ));
                follows.push((
                    "持有该密钥者可将伪造证照的日期提前，如需一并拒绝，请重新签发全部证照，并将失密时间定为密钥启用时间",
                    "whoever has the key can date a forgery earlier: to refuse those too, issue all its permits anew and give the key's beginning as the time",
                ));
            }
            if signs_status {
                follows.push((
                    "核验端将弃用它自该时间起签署的状态名单，请用其他密钥立即重新发布全部状态名单",
                    "counters drop the status lists that it signed since: publish all of them at once with another key",
                ));
            }
        }
    }
    follows
}

fn kid(text: &str) -> Result<Kid, Refusal> {
    let bytes: Option<[u8; 8]> = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Kid).ok_or_else(|| {
        Refusal::usage(
            "TRUST_KID_FORM",
            format!("{text:?} is no kid"),
            "write the 16 hex digits that `issuer keygen` and `issuer trust show` name",
        )
    })
}

fn time(text: &str) -> Result<Timestamp, Refusal> {
    Timestamp::parse(text).map_err(|error| from_sentence(error.code(), Exit::Usage, &error.to_string()))
}
