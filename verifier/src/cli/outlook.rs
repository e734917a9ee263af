//! The outlook as numbered lines, to be read out on the telephone, and as JSON: for `show` and `rehearse`.

use command_line::refusal::Refusal;
use credential_format::trust_list::Usage;
use serde_json::{Value, json};
use verifier::outlook::{Finding, IssuerOutlook, KeyOutlook, Light, ListOutlook, Outlook, Upcoming};
use verifier::verdict::{Tone, Words};

use super::terminal::{Page, both};

/// Issuers that need attention are named up to this number, unless all are asked for.
const ISSUERS_NAMED_MAX: usize = 30;

/// Lines with numbers, so that somebody on the telephone can say which.
#[derive(Default)]
pub(super) struct Numbered {
    page: Page,
    number: usize,
}

impl Numbered {
    /// A line without a number, before the others.
    pub(super) fn heading(&mut self, line: impl AsRef<str>, tone: Option<Tone>) {
        self.page.title(line, tone);
    }

    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.toned(line, None);
    }

    /// In the colour of its light, unless that is green.
    pub(super) fn lit(&mut self, line: impl AsRef<str>, light: Light) {
        self.toned(line, tone(light));
    }

    pub(super) fn print(self) -> Result<(), Refusal> {
        self.page.print()
    }

    fn toned(&mut self, line: impl AsRef<str>, tone: Option<Tone>) {
        self.number = self.number.saturating_add(1);
        self.page.title(format!("{:>2}  {}", self.number, line.as_ref()), tone);
    }
}

/// The colour of what needs attention.
pub(super) fn tone(light: Light) -> Option<Tone> {
    match light {
        Light::Green => None,
        Light::Amber => Some(Tone::Amber),
        Light::Red => Some(Tone::Red),
    }
}

/// Light and words of a finding: what it is, in one line.
pub(super) fn said(finding: &Finding) -> String {
    let code = finding.reason.filter(|_| finding.light != Light::Green);
    let code = code.map(|reason| format!(" [{}]", reason.code())).unwrap_or_default();
    format!("{}: {}{code}", light_words(finding.light), both(&finding.words))
}

pub(super) fn light_words(light: Light) -> String {
    let Words { zh, en } = light.words();
    format!("{zh} {en}")
}

/// The trust list and the issuers: those that need attention by name, the others by number. With `keys` each that is named with those of its keys
/// and lists that need attention; with `all` everything.
pub(super) fn issuer_lines(lines: &mut Numbered, outlook: &Outlook, all: bool, keys: bool) {
    lines.lit(format!("信任名单 trust list: {}", said(&outlook.trust_list)), outlook.trust_list.light);
    let count = |light: Light| thousands(outlook.count(light));
    lines.line(format!(
        "签发机关 issuers: {}; 绿 green {}, 黄 amber {}, 红 red {}",
        thousands(outlook.issuers.len()),
        count(Light::Green),
        count(Light::Amber),
        count(Light::Red)
    ));
    // What hits everybody has been said, and is nobody's own.
    let everybody = outlook.trust_list.light.max(outlook.clock.light) == Light::Red;
    let named: Vec<&IssuerOutlook> =
        outlook.issuers.iter().filter(|issuer| all || (!everybody && issuer.finding.light != Light::Green)).collect();
    let shown = if all { named.len() } else { ISSUERS_NAMED_MAX };
    // The worst first; those that are as bad in the order of the trust list.
    let mut sorted = named.clone();
    sorted.sort_by_key(|issuer| std::cmp::Reverse(issuer.finding.light));
    for issuer in sorted.into_iter().take(shown) {
        let (id, name, finding) = (&issuer.id, &issuer.name, &issuer.finding);
        lines.lit(format!("签发机关 issuer {id} {name}: {}", said(finding)), finding.light);
        let told = |finding: &Finding| all || (keys && finding.light != Light::Green);
        for key in issuer.keys.iter().filter(|key| told(&key.finding)) {
            key_line(lines, key);
        }
        for list in issuer.lists.iter().filter(|list| told(&list.finding)) {
            list_line(lines, list);
        }
    }
    if named.len() > shown {
        let more = thousands(named.len().saturating_sub(shown));
        lines.line(format!("还有 {more} 个签发机关需处理，见 --all / {more} more issuers need attention: --all"));
    }
    for list in &outlook.strays {
        let line =
            format!("状态名单 status list {}: 不属于任何签发机关，未使用 / of no issuer, not used", list.subject);
        lines.line(line);
    }
}

fn key_line(lines: &mut Numbered, key: &KeyOutlook) {
    let usages: Vec<&str> = key.usages.iter().map(usage_words).collect();
    let specimen = if key.specimen { "，样本 specimen" } else { "" };
    let (kid, usages, finding) = (key.kid, usages.join(", "), &key.finding);
    lines.lit(format!("  密钥 key {kid} ({usages}{specimen}): {}", said(finding)), finding.light);
}

fn list_line(lines: &mut Numbered, list: &ListOutlook) {
    lines.lit(format!("  状态名单 status list {}: {}", list.subject, said(&list.finding)), list.finding.light);
}

/// The dates at which something changes, at most this many.
pub(super) fn next_lines(lines: &mut Numbered, next: &[Upcoming], most: usize) {
    for upcoming in next.iter().take(most) {
        lines.line(format!("下次变化 next: {}, {}", upcoming.at.day(), both(&upcoming.what())));
    }
}

pub(super) fn outlook_json(outlook: &Outlook) -> Value {
    let issuer = |issuer: &IssuerOutlook| {
        let keys: Vec<Value> = issuer
            .keys
            .iter()
            .map(|key| {
                let usages: Vec<&str> = key.usages.iter().map(usage_word).collect();
                let about = json!({ "kid": key.kid.to_string(), "usages": usages, "specimen": key.specimen });
                joined(about, &key.finding)
            })
            .collect();
        let lists: Vec<Value> = issuer.lists.iter().map(list_json).collect();
        let about = json!({ "id": issuer.id.as_str(), "name": issuer.name, "keys": keys, "lists": lists });
        joined(about, &issuer.finding)
    };
    json!({
        "at": outlook.at.to_string(),
        "light": outlook.light.word(),
        "clock": joined(json!({}), &outlook.clock),
        "trust_list": joined(json!({}), &outlook.trust_list),
        "issuers": outlook.issuers.iter().map(issuer).collect::<Vec<_>>(),
        "unused_lists": outlook.strays.iter().map(list_json).collect::<Vec<_>>(),
    })
}

fn list_json(list: &ListOutlook) -> Value {
    let about = json!({
        "subject": list.subject,
        "issued_at": list.issued_at.map(|time| time.to_string()),
        "assumed": list.assumed,
    });
    joined(about, &list.finding)
}

/// What something is, and how it stands.
fn joined(mut about: Value, finding: &Finding) -> Value {
    if let Some(members) = about.as_object_mut() {
        let next = finding.changes.first();
        members.insert("standing".into(), json!(finding.standing.word()));
        members.insert("light".into(), json!(finding.light.word()));
        members.insert("reason".into(), json!(finding.reason.map(|reason| reason.code())));
        members.insert("zh".into(), json!(finding.words.zh));
        members.insert("en".into(), json!(finding.words.en));
        members.insert(
            "next".into(),
            json!(next.map(|change| json!({ "at": change.at.to_string(), "what": change.kind.word() }))),
        );
    }
    about
}

pub(super) fn next_json(next: &[Upcoming]) -> Value {
    let entry = |upcoming: &Upcoming| {
        let Words { zh, en } = upcoming.words();
        json!({
            "at": upcoming.at.to_string(),
            "what": upcoming.kind.word(),
            "count": upcoming.count,
            "zh": zh,
            "en": en,
        })
    };
    next.iter().map(entry).collect()
}

pub(super) fn usage_word(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "permit",
        Usage::Voucher => "voucher",
        Usage::Status => "status",
    }
}

fn usage_words(usage: &Usage) -> &'static str {
    match usage {
        Usage::Permit => "亮码 permit",
        Usage::Voucher => "纸质凭证 voucher",
        Usage::Status => "状态名单 status",
    }
}

/// 2991 as 2,991.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let said = [0, 12, 999, 1_000, 2_991, 1_234_567].map(thousands);
        assert_eq!(said, ["0", "12", "999", "1,000", "2,991", "1,234,567"]);
    }
}
