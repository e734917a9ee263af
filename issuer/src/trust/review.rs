//! Review 审阅: what a list changes against the one in use, one sentence a change, for the person who is asked to sign it.

use std::collections::BTreeMap;

use credential_format::division::DivisionPrefix;
use credential_format::key::{CoseKey, PublicKey};
use credential_format::region::{RegionRule, Window};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, TrustList, Usage};

/// One difference to the list in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// A stable name.
    pub code: &'static str,
    /// What changes, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

/// All differences of a list to the one in use: root keys first, then issuers with their keys, then region rules. Without a list in use,
/// everything is new. Dates (issue, expiry, version) are not among them: they change with every list.
pub fn changes(list: &TrustList, current: Option<&TrustList>, now: Timestamp) -> Vec<Change> {
    let mut found = Changes { now, changes: Vec::new() };
    found.roots(list, current);
    let old_issuers = current.map(|current| current.issuers.as_slice()).unwrap_or_default();
    found.issuers(&list.issuers, old_issuers);
    found.rules(&list.rules, current.map(|current| current.rules.as_slice()).unwrap_or_default());
    found.changes
}

struct Changes {
    now: Timestamp,
    changes: Vec<Change>,
}

impl Changes {
    fn push(&mut self, code: &'static str, en: String, zh: String) {
        self.changes.push(Change { code, en, zh });
    }

    fn roots(&mut self, list: &TrustList, current: Option<&TrustList>) {
        let new = list.roots.keys();
        let old = current.map(|current| current.roots.keys()).unwrap_or_default();
        for key in new.iter().filter(|key| !old.contains(key)) {
            let key = thumbprint(key);
            self.push("ROOT_ADDED", format!("root key added: {key}"), format!("新增根密钥：{key}"));
        }
        for key in old.iter().filter(|key| !new.contains(key)) {
            let key = thumbprint(key);
            self.push("ROOT_REMOVED", format!("root key removed: {key}"), format!("移除根密钥：{key}"));
        }
        let (threshold, count) = (list.roots.threshold(), new.len());
        match current.map(|current| current.roots.threshold()) {
            Some(before) if before != threshold => self.push(
                "THRESHOLD_CHANGED",
                format!("root keys that must sign: {threshold} of {count}, before {before} of {}", old.len()),
                format!("须签署的根密钥数：{count}把中{threshold}把，原为{}把中{before}把", old.len()),
            ),
            _ => {}
        }
        let are_the_same = new.len() == old.len() && new.iter().all(|key| old.contains(key));
        if are_the_same && new != old {
            self.push(
                "ROOT_ORDER_CHANGED",
                "the root keys stand in another order, which counts as a change of root keys".into(),
                "根密钥的排列顺序有变，按根密钥变更处理".into(),
            );
        }
    }

    fn issuers(&mut self, new: &[Issuer], old: &[Issuer]) {
        let before: BTreeMap<&str, &Issuer> = old.iter().map(|issuer| (issuer.id.as_str(), issuer)).collect();
        let after: BTreeMap<&str, &Issuer> = new.iter().map(|issuer| (issuer.id.as_str(), issuer)).collect();
        for issuer in new {
            match before.get(issuer.id.as_str()) {
                Some(old) => self.issuer(issuer, old),
                None => {
                    let Issuer { id, name, divisions, status_uri, .. } = issuer;
                    let divisions = listed(divisions);
                    self.push(
                        "ISSUER_ADDED",
                        format!("issuer added: {id} {name}, divisions {divisions}, status lists at {status_uri}"),
                        format!("新增签发机关：{id} {name}，行政区划{divisions}，状态名单地址{status_uri}"),
                    );
                    issuer.keys.iter().for_each(|key| self.key_added(issuer, key));
                }
            }
        }
        for issuer in old.iter().filter(|issuer| !after.contains_key(issuer.id.as_str())) {
            let Issuer { id, name, keys, .. } = issuer;
            self.push(
                "ISSUER_REMOVED",
                format!("issuer removed: {id} {name}, with {} keys; its permits become \"issuer unknown\"", keys.len()),
                format!("移除签发机关：{id} {name}，含{}把密钥，其证照将判为签发机关未知", keys.len()),
            );
        }
    }

    fn issuer(&mut self, new: &Issuer, old: &Issuer) {
        let id = &new.id;
        if new.name != old.name {
            let (name, before) = (&new.name, &old.name);
            self.push(
                "ISSUER_RENAMED",
                format!("{id}: name {name}, before {before}"),
                format!("{id}：名称改为{name}，原为{before}"),
            );
        }
        if new.divisions != old.divisions {
            let (divisions, before) = (listed(&new.divisions), listed(&old.divisions));
            self.push(
                "DIVISIONS_CHANGED",
                format!("{id}: divisions {divisions}, before {before}"),
                format!("{id}：行政区划改为{divisions}，原为{before}"),
            );
        }
        if new.status_uri != old.status_uri {
            let (uri, before) = (&new.status_uri, &old.status_uri);
            self.push(
                "STATUS_ADDRESS_CHANGED",
                format!("{id}: status lists at {uri}, before {before}"),
                format!("{id}：状态名单地址改为{uri}，原为{before}"),
            );
        }
        for key in &new.keys {
            match old.keys.iter().find(|before| before.key == key.key) {
                Some(before) => self.key(new, key, before),
                None => self.key_added(new, key),
            }
        }
        for key in old.keys.iter().filter(|key| !new.keys.iter().any(|after| after.key == key.key)) {
            let kid = kid(&key.key);
            self.push(
                "KEY_REMOVED",
                format!("{id}: key {kid} removed; its permits become \"issuer unknown\""),
                format!("{id}：移除密钥{kid}，其证照将判为签发机关未知"),
            );
        }
    }

    fn key_added(&mut self, issuer: &Issuer, key: &IssuerKey) {
        let (id, kid, from, to) = (&issuer.id, kid(&key.key), key.not_before, key.not_after);
        let (usages, usages_zh) = (usages(&key.usages, ", ", |(en, _)| en), usages(&key.usages, "、", |(_, zh)| zh));
        let (specimen, specimen_zh) = if key.specimen { (", specimens only", "，仅用于样本") } else { ("", "") };
        let (stolen, stolen_zh) = key
            .compromised_from
            .map_or_else(Default::default, |from| (format!(", compromised from {from}"), format!("，自{from}起失密")));
        if from > self.now {
            self.push(
                "KEY_ANNOUNCED",
                format!("{id}: key {kid} announced for {usages}, in force from {from} to {to}{specimen}{stolen}"),
                format!("{id}：预告密钥{kid}，用途{usages_zh}，自{from}起生效，至{to}{specimen_zh}{stolen_zh}"),
            );
        } else {
            self.push(
                "KEY_ADDED",
                format!("{id}: key {kid} added for {usages}, from {from} to {to}{specimen}{stolen}"),
                format!("{id}：新增密钥{kid}，用途{usages_zh}，自{from}至{to}{specimen_zh}{stolen_zh}"),
            );
        }
    }

    fn key(&mut self, issuer: &Issuer, new: &IssuerKey, old: &IssuerKey) {
        let (id, kid) = (&issuer.id, kid(&new.key));
        let (end, before) = (new.not_after, old.not_after);
        if end < before {
            self.push(
                "KEY_RETIRED",
                format!("{id}: key {kid} retired: ends at {end}, before at {before}; its permits end with it"),
                format!("{id}：停用密钥{kid}：截止时间提前至{end}，原为{before}，其证照同时失效"),
            );
        }
        if end > before {
            self.push(
                "KEY_PROLONGED",
                format!("{id}: key {kid} prolonged: ends at {end}, before at {before}"),
                format!("{id}：延长密钥{kid}：截止时间推迟至{end}，原为{before}"),
            );
        }
        if new.not_before != old.not_before {
            let (begin, before) = (new.not_before, old.not_before);
            self.push(
                "KEY_BEGIN_CHANGED",
                format!("{id}: key {kid} begins at {begin}, before at {before}"),
                format!("{id}：密钥{kid}的启用时间改为{begin}，原为{before}"),
            );
        }
        match (new.compromised_from, old.compromised_from) {
            (new, old) if new == old => {}
            (Some(from), _) => self.push(
                "KEY_COMPROMISED",
                format!("{id}: key {kid} COMPROMISED from {from}: nothing that it signed since is accepted"),
                format!("{id}：密钥{kid}自{from}起失密，其此后签署的内容一律不予接受"),
            ),
            (None, _) => self.push(
                "COMPROMISE_LIFTED",
                format!("{id}: key {kid} is no longer said to be compromised"),
                format!("{id}：密钥{kid}不再列为失密"),
            ),
        }
        if new.usages != old.usages {
            let (usages_now, usages_now_zh) =
                (usages(&new.usages, ", ", |(en, _)| en), usages(&new.usages, "、", |(_, zh)| zh));
            let (usages_old, usages_old_zh) =
                (usages(&old.usages, ", ", |(en, _)| en), usages(&old.usages, "、", |(_, zh)| zh));
            self.push(
                "KEY_USAGES_CHANGED",
                format!("{id}: key {kid} may sign {usages_now}, before {usages_old}"),
                format!("{id}：密钥{kid}的用途改为{usages_now_zh}，原为{usages_old_zh}"),
            );
        }
        if new.specimen != old.specimen {
            let (en, zh) = if new.specimen {
                ("specimens only, before real permits", "仅用于样本，原用于正式证照")
            } else {
                ("REAL permits, before specimens only", "用于正式证照，原仅用于样本")
            };
            self.push("KEY_SPECIMEN_CHANGED", format!("{id}: key {kid} signs {en}"), format!("{id}：密钥{kid}{zh}"));
        }
    }

    fn rules(&mut self, new: &[RegionRule], old: &[RegionRule]) {
        for rule in new {
            let (prefix, (en, zh)) = (rule.prefix(), words(rule));
            match old.iter().find(|before| before.prefix() == prefix) {
                None => self.push(
                    "RULE_ADDED",
                    format!("region rule added: {prefix} {en}"),
                    format!("新增地区规则：{prefix}{zh}"),
                ),
                Some(before) if before != rule => {
                    let (before, before_zh) = words(before);
                    self.push(
                        "RULE_CHANGED",
                        format!("region rule {prefix}: {en}, before {before}"),
                        format!("地区规则{prefix}改为：{zh}，原为：{before_zh}"),
                    );
                }
                Some(_) => {}
            }
        }
        for rule in old.iter().filter(|rule| !new.iter().any(|after| after.prefix() == rule.prefix())) {
            let (prefix, (en, zh)) = (rule.prefix(), words(rule));
            self.push(
                "RULE_REMOVED",
                format!("region rule removed: {prefix} {en}"),
                format!("移除地区规则：{prefix}{zh}"),
            );
        }
    }
}

fn listed(divisions: &[DivisionPrefix]) -> String {
    divisions.iter().map(|division| division.as_str()).collect::<Vec<_>>().join(", ")
}

fn usages(usages: &[Usage], between: &str, language: fn((&'static str, &'static str)) -> &'static str) -> String {
    let word = |usage: &Usage| {
        language(match usage {
            Usage::Permit => ("permits", "证照"),
            Usage::Voucher => ("vouchers", "纸质凭证"),
            Usage::Status => ("status lists", "状态名单"),
        })
    };
    usages.iter().map(word).collect::<Vec<_>>().join(between)
}

/// A region rule in words, in English and Chinese.
fn words(rule: &RegionRule) -> (String, String) {
    let name = rule.permit_name();
    let (window, window_zh) = match rule.window() {
        Window::Months(1) => ("1 month".to_owned(), "1个月".to_owned()),
        Window::Months(n) => (format!("{n} months"), format!("{n}个月")),
        Window::Days(1) => ("1 day".to_owned(), "1天".to_owned()),
        Window::Days(n) => (format!("{n} days"), format!("{n}天")),
    };
    let (ends, ends_zh) = rule.auto_cancel_years().map_or_else(
        || ("never cancelled by itself".to_owned(), "不自动注销".to_owned()),
        |years| (format!("cancelled after {years} years"), format!("中止{years}年后自动注销")),
    );
    let (live, live_zh) =
        if rule.live_code() { ("live codes", "可亮码") } else { ("NO live codes", "不可亮码") };
    let (paper, paper_zh) = rule.voucher_name().map_or_else(
        || ("no paper".to_owned(), "无纸质凭证".to_owned()),
        |name| (format!("paper {name}"), format!("纸质凭证{name}")),
    );
    (
        format!("({name}, endorsed in the last {window}, {ends}, {live}, {paper})"),
        format!("（{name}，到期前{window_zh}内可签注，{ends_zh}，{live_zh}，{paper_zh}）"),
    )
}

fn kid(key: &CoseKey) -> String {
    PublicKey::try_from(key).map_or_else(|_| "unfit".into(), |key| key.kid().to_string())
}

fn thumbprint(key: &CoseKey) -> String {
    PublicKey::try_from(key).map_or_else(|_| "unfit".into(), |key| key.thumbprint().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::tests::{key, now};
    use crate::trust::draft::tests::draft;
    use crate::trust::{IssuerDraft, KeyDraft, TrustDraft, UsageWord, WindowDraft, key_hex};

    fn list(change: impl FnOnce(&mut TrustDraft)) -> TrustList {
        let mut draft = draft();
        draft.issuers[0].keys[0].compromised_from = None;
        draft.issuers[0].keys[0].specimen = false;
        change(&mut draft);
        draft.to_list(1, now()).unwrap()
    }

    fn another_key(seed: u8, not_before: &str) -> KeyDraft {
        KeyDraft {
            key: key_hex(&key(seed).public().cose_key()),
            usages: vec![UsageWord::Permit],
            not_before: not_before.into(),
            not_after: "2031-01-01T00:00:00+08:00".into(),
            compromised_from: None,
            specimen: false,
        }
    }

    /// What is said of the way from one list to the other.
    fn between(new: &TrustList, old: &TrustList) -> Vec<Change> {
        let changes = changes(new, Some(old), now());
        for Change { code, en, zh } in &changes {
            assert!(!zh.is_ascii() && !en.is_empty() && en.trim() == en, "{code}: {en} {zh}");
            assert!(!(en.clone() + zh).contains(char::is_control), "{code}");
        }
        changes
    }

    #[test]
    fn a_list_that_changes_nothing_says_nothing() {
        let (new, mut old) = (list(|_| {}), list(|_| {}));
        assert_eq!(between(&new, &old), []);
        (old.version, old.issued_at, old.expires_at) = (7, Timestamp::MIN, Timestamp::MAX);
        assert_eq!(between(&new, &old), []);
    }

    #[test]
    fn every_kind_of_change_is_named_and_nothing_else() {
        let root = |seed: u8| key_hex(&key(seed).public().cose_key());
        type Edit = Box<dyn Fn(&mut TrustDraft)>;
        let nothing = || Box::new(|_: &mut TrustDraft| {}) as Edit;
        let one = |edit: fn(&mut TrustDraft)| Box::new(edit) as Edit;
        let with_roots = |threshold: u64, seeds: Vec<u8>| {
            let roots: Vec<String> = seeds.into_iter().map(root).collect();
            Box::new(move |d: &mut TrustDraft| (d.threshold, d.roots) = (threshold, roots.clone())) as Edit
        };
        // The edit of the new list, that of the old, the one change, and a word of its sentence.
        let cases: Vec<(Edit, Edit, &str, String)> = vec![
            (with_roots(1, vec![1, 2]), nothing(), "ROOT_ADDED", key(2).thumbprint().to_string()),
            (nothing(), with_roots(1, vec![1, 2]), "ROOT_REMOVED", key(2).thumbprint().to_string()),
            (with_roots(2, vec![1, 2]), with_roots(1, vec![1, 2]), "THRESHOLD_CHANGED", "2 of 2, before 1 of 2".into()),
            (with_roots(1, vec![2, 1]), with_roots(1, vec![1, 2]), "ROOT_ORDER_CHANGED", "another order".into()),
            (one(|d| d.issuers[0].name = "新名".into()), nothing(), "ISSUER_RENAMED", "新名".into()),
            (one(|d| d.issuers[0].divisions = vec!["44".into()]), nothing(), "DIVISIONS_CHANGED", "440106".into()),
            (one(|d| d.issuers[0].status_uri += "/b"), nothing(), "STATUS_ADDRESS_CHANGED", "/tianhe/b".into()),
            (
                one(|d| d.issuers[0].keys.push(another_key(5, "2026-07-01T09:00:00+08:00"))),
                nothing(),
                "KEY_ADDED",
                key(5).kid().to_string(),
            ),
            (
                one(|d| d.issuers[0].keys.push(another_key(5, "2026-07-01T09:00:01+08:00"))),
                nothing(),
                "KEY_ANNOUNCED",
                "in force from 2026-07-01T09:00:01+08:00".into(),
            ),
            (
                nothing(),
                one(|d| d.issuers[0].keys.push(another_key(5, "2026-01-01T00:00:00+08:00"))),
                "KEY_REMOVED",
                key(5).kid().to_string(),
            ),
            (
                one(|d| d.issuers[0].keys[0].not_after = "2030-12-31T23:59:59+08:00".into()),
                nothing(),
                "KEY_RETIRED",
                "ends at 2030-12-31T23:59:59+08:00, before at 2031-01-01T00:00:00+08:00".into(),
            ),
            (
                nothing(),
                one(|d| d.issuers[0].keys[0].not_after = "2030-12-31T23:59:59+08:00".into()),
                "KEY_PROLONGED",
                "ends at 2031".into(),
            ),
            (
                one(|d| d.issuers[0].keys[0].not_before = "2025-01-01T00:00:00+08:00".into()),
                nothing(),
                "KEY_BEGIN_CHANGED",
                "2025-01-01".into(),
            ),
            (
                one(|d| d.issuers[0].keys[0].compromised_from = Some("2026-06-01T00:00:00+08:00".into())),
                nothing(),
                "KEY_COMPROMISED",
                "COMPROMISED from 2026-06-01T00:00:00+08:00".into(),
            ),
            (
                nothing(),
                one(|d| d.issuers[0].keys[0].compromised_from = Some("2026-06-01T00:00:00+08:00".into())),
                "COMPROMISE_LIFTED",
                "no longer".into(),
            ),
            (
                one(|d| d.issuers[0].keys[0].usages = vec![UsageWord::Status]),
                nothing(),
                "KEY_USAGES_CHANGED",
                "may sign status lists, before permits, status lists".into(),
            ),
            (one(|d| d.issuers[0].keys[0].specimen = true), nothing(), "KEY_SPECIMEN_CHANGED", "specimens only".into()),
            (nothing(), one(|d| d.issuers[0].keys[0].specimen = true), "KEY_SPECIMEN_CHANGED", "REAL".into()),
            (nothing(), one(|d| drop(d.rules.remove(2))), "RULE_ADDED", "33 (浙江省居住证".into()),
            (one(|d| drop(d.rules.remove(2))), nothing(), "RULE_REMOVED", "33 (浙江省居住证".into()),
            (
                one(|d| d.rules[1].window = WindowDraft::Days(30)),
                nothing(),
                "RULE_CHANGED",
                "the last 30 days, cancelled after 2 years, live codes, paper 信息单), before".into(),
            ),
        ];
        for (new, old, code, word) in cases {
            let found = between(&list(new), &list(old));
            assert_eq!(found.iter().map(|change| change.code).collect::<Vec<_>>(), [code]);
            assert!(found[0].en.contains(&word), "{}", found[0].en);
        }
    }

    #[test]
    fn an_issuer_comes_with_its_keys_and_goes_with_a_warning() {
        let with_another = list(|d| {
            d.issuers.push(IssuerDraft {
                id: "HAIZHU".into(),
                name: "广州市公安局海珠区分局".into(),
                divisions: vec!["440105".into()],
                status_uri: "https://status.example.cn/haizhu".into(),
                keys: vec![another_key(5, "2026-01-01T00:00:00+08:00")],
            });
        });
        let codes = |changes: Vec<Change>| changes.iter().map(|change| change.code).collect::<Vec<_>>();
        let added = between(&with_another, &list(|_| {}));
        assert!(added[0].en.contains("HAIZHU 广州市公安局海珠区分局, divisions 440105, status lists at https://"));
        assert_eq!(codes(added), ["ISSUER_ADDED", "KEY_ADDED"]);
        let removed = between(&list(|_| {}), &with_another);
        assert!(removed[0].en.contains("HAIZHU") && removed[0].zh.contains("签发机关未知"));
        assert_eq!(codes(removed), ["ISSUER_REMOVED"]);
    }

    #[test]
    fn the_first_list_is_all_new() {
        let codes: Vec<_> = changes(&list(|_| {}), None, now()).iter().map(|change| change.code).collect();
        assert_eq!(codes, ["ROOT_ADDED", "ISSUER_ADDED", "KEY_ADDED", "RULE_ADDED", "RULE_ADDED", "RULE_ADDED"]);
    }
}
