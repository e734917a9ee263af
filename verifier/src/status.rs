//! The status lists that a verifier goes by (SPEC section 7).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::key::{Kid, PublicKey};
use credential_format::status_list::{StatusList, StatusListError, StatusListHead, UnverifiedStatusList};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, Usage};

use crate::policy::Policy;
use crate::trust::TrustedList;

/// A status list that a key of the trust list signed, and that its issuer may publish under this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedStatusList {
    list: StatusList,
    number: u64,
    kid: Kid,
}

/// Why a status list is not taken. The one in use stays in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusRefusal {
    /// Not a status list.
    #[error("not a status list: {0}; fetch the file again")]
    Malformed(#[from] Malformed),
    /// Its signature or its compression is wrong.
    #[error(transparent)]
    List(#[from] StatusListError),
    /// Signed by a key that the trust list does not have.
    #[error(
        "the status list is signed by key {0}, which the trust list does not have; fetch the newest trust list first"
    )]
    UnknownKey(Kid),
    /// Signed by a key that may not sign status lists, or not at that time.
    #[error("key {0} may not sign a status list of that time; report this to the issuing authority")]
    KeyUsage(Kid),
    /// Published under another issuer's name.
    #[error("the status list does not belong to the issuer whose key signed it; report this to the issuing authority")]
    Subject,
    /// Older than the one in use.
    #[error("the status list of {offered} is older than the one in use, of {current}; nothing was changed")]
    Rollback {
        /// What was offered.
        offered: Timestamp,
        /// What is in use.
        current: Timestamp,
    },
    /// Another list with the time of the one in use.
    #[error("the status list of {0} is in use with other content; report this to the issuing authority")]
    SameTimeOtherContent(Timestamp),
    /// Signed at a time that this computer's clock has not reached.
    #[error(
        "the status list was signed at {offered}, which is ahead of this computer's clock ({now}); set the clock, or report it to the issuing authority"
    )]
    FromFuture {
        /// When it was signed.
        offered: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// Its time is over.
    #[error("the status list expired at {0}; fetch a newer one")]
    Expired(Timestamp),
}

impl StatusRefusal {
    /// A stable name of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            StatusRefusal::Malformed(_) => "STATUS_MALFORMED",
            StatusRefusal::List(error) => error.code(),
            StatusRefusal::UnknownKey(_) => "STATUS_KEY_UNKNOWN",
            StatusRefusal::KeyUsage(_) => "STATUS_KEY_USAGE",
            StatusRefusal::Subject => "STATUS_SUBJECT",
            StatusRefusal::Rollback { .. } => "STATUS_ROLLBACK",
            StatusRefusal::SameTimeOtherContent(_) => "STATUS_SAME_TIME",
            StatusRefusal::FromFuture { .. } => "STATUS_FROM_FUTURE",
            StatusRefusal::Expired(_) => "STATUS_EXPIRED",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            StatusRefusal::Malformed(_) => "不是状态名单，或文件已损坏，请重新获取".into(),
            StatusRefusal::List(error) => error.zh().into(),
            StatusRefusal::UnknownKey(kid) => {
                format!("状态名单由密钥 {kid} 签署，信任名单中没有该密钥，请先获取最新的信任名单")
            }
            StatusRefusal::KeyUsage(kid) => {
                format!("密钥 {kid} 无权签署该时间的状态名单，请向签发机关报告")
            }
            StatusRefusal::Subject => "状态名单不属于签署它的密钥所属的机关，请向签发机关报告".into(),
            StatusRefusal::Rollback { offered, current } => {
                format!("{offered} 的状态名单比在用的（{current}）旧，未作更改")
            }
            StatusRefusal::SameTimeOtherContent(at) => {
                format!("在用的 {at} 状态名单与该文件内容不同，请向签发机关报告")
            }
            StatusRefusal::FromFuture { offered, now } => {
                format!("状态名单签署于 {offered}，晚于本机时间 {now}，请校准本机时间，或向签发机关报告")
            }
            StatusRefusal::Expired(at) => format!("状态名单已于 {at} 过期，请获取新名单"),
        }
    }
}

impl TrustedStatusList {
    /// Checks a status list against the trust list: a key of the issuer, for status lists, in force, and the issuer's own name for it.
    ///
    /// # Errors
    /// [`StatusRefusal`].
    pub fn check(bytes: &[u8], trust: &TrustedList) -> Result<TrustedStatusList, StatusRefusal> {
        let token = UnverifiedStatusList::parse(bytes)?;
        let (issuer, key) = key_in_force(trust, token.kid(), token.unverified_head().issued_at)?;
        let number = list_number(issuer, &token.unverified_head().subject).ok_or(StatusRefusal::Subject)?;
        Ok(TrustedStatusList { list: token.check(key)?, number, kid: token.kid() })
    }

    /// Whether the key that signed the list still stands in this trust list, with the issuer of that name: the trust list may be newer than
    /// the one the list was checked against.
    pub fn stands(&self, trust: &TrustedList) -> bool {
        let StatusListHead { subject, issued_at, .. } = self.list.head();
        key_in_force(trust, self.kid, *issued_at)
            .is_ok_and(|(issuer, _)| list_number(issuer, subject) == Some(self.number))
    }

    /// Whether this list may take the place of `current`, both being of one subject: newer, not over, and not from the future.
    ///
    /// A list that is dated further ahead of the clock than [`Policy::clock_behind_secs_max`] is by default would make the clock suspect, and
    /// with it every verdict, until that time has come: one wrong date must not stop the counters that take the list.
    ///
    /// # Errors
    /// [`StatusRefusal::Rollback`], [`StatusRefusal::SameTimeOtherContent`], [`StatusRefusal::FromFuture`], [`StatusRefusal::Expired`].
    pub fn may_follow(&self, current: Option<&TrustedStatusList>, now: Timestamp) -> Result<(), StatusRefusal> {
        let head = self.list.head();
        if let Some(current) = current {
            let in_use = current.list.head().issued_at;
            if head.issued_at < in_use {
                return Err(StatusRefusal::Rollback { offered: head.issued_at, current: in_use });
            }
            if head.issued_at == in_use && self != current {
                return Err(StatusRefusal::SameTimeOtherContent(in_use));
            }
        }
        if head.issued_at.seconds_since(now) > Policy::default().clock_behind_secs_max {
            return Err(StatusRefusal::FromFuture { offered: head.issued_at, now });
        }
        match head.expires_at {
            Some(expires_at) if expires_at <= now => Err(StatusRefusal::Expired(expires_at)),
            _ => Ok(()),
        }
    }

    /// The list.
    pub fn list(&self) -> &StatusList {
        &self.list
    }

    /// The list's number with its issuer.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// The key of this kid, if it may sign a status list of that time.
fn key_in_force(trust: &TrustedList, kid: Kid, issued_at: Timestamp) -> Result<(&Issuer, &PublicKey), StatusRefusal> {
    let (issuer, entry, key) = trust.key(kid).ok_or(StatusRefusal::UnknownKey(kid))?;
    let compromised = entry.compromised_from.is_some_and(|from| issued_at >= from);
    let in_force = entry.not_before <= issued_at && issued_at < entry.not_after && !compromised;
    if entry.may(Usage::Status) && in_force { Ok((issuer, key)) } else { Err(StatusRefusal::KeyUsage(kid)) }
}

/// The name that an issuer's list goes by: status address, "/", number.
pub fn subject(issuer: &Issuer, list: u64) -> String {
    format!("{}/{list}", issuer.status_uri)
}

fn list_number(issuer: &Issuer, subject: &str) -> Option<u64> {
    number_in(subject.strip_prefix(&issuer.status_uri)?.strip_prefix('/')?)
}

/// A list number in decimal. "+7" and "007" are numbers to `parse`, and other names.
fn number_in(text: &str) -> Option<u64> {
    let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    if plain { text.parse().ok() } else { None }
}

/// The status lists at hand. A list is inflated once, when it is checked, and looked up in a few steps without making a text.
#[derive(Clone, Debug, Default)]
pub struct StatusLists {
    /// One for each issuer.
    shelves: Vec<Shelf>,
}

/// The lists of one status address.
#[derive(Clone, Debug)]
struct Shelf {
    mark: u64,
    uri: String,
    /// By number.
    lists: Vec<TrustedStatusList>,
}

impl StatusLists {
    /// No list yet.
    pub fn new() -> StatusLists {
        StatusLists::default()
    }

    /// Puts a list in the place of the one with its subject, which it must be allowed to follow.
    ///
    /// # Errors
    /// As [`TrustedStatusList::may_follow`]; then nothing is changed.
    pub fn replace(&mut self, list: TrustedStatusList, now: Timestamp) -> Result<(), StatusRefusal> {
        list.may_follow(self.get(&list.list.head().subject), now)?;
        self.put(list);
        Ok(())
    }

    /// Puts a list that was taken before and kept, whatever its age: how old it may be is a verdict's business.
    pub fn put(&mut self, list: TrustedStatusList) {
        let Some((uri, _)) = list.list.head().subject.rsplit_once('/') else { return };
        let at = self.place(uri).unwrap_or_else(|| {
            self.shelves.push(Shelf { mark: mark(uri), uri: uri.into(), lists: Vec::new() });
            self.shelves.len() - 1
        });
        let Some(Shelf { lists, .. }) = self.shelves.get_mut(at) else { return };
        match lists.binary_search_by_key(&list.number, |other| other.number) {
            Ok(at) => {
                if let Some(place) = lists.get_mut(at) {
                    *place = list;
                }
            }
            Err(at) => lists.insert(at, list),
        }
    }

    /// The list of this number of this issuer.
    #[inline]
    pub fn find(&self, issuer: &Issuer, list: u64) -> Option<&TrustedStatusList> {
        self.at(&issuer.status_uri, list)
    }

    /// The list of this subject.
    pub fn get(&self, subject: &str) -> Option<&TrustedStatusList> {
        let (uri, number) = subject.rsplit_once('/')?;
        self.at(uri, number_in(number)?)
    }

    /// All lists: those of one address together, by number.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedStatusList> {
        self.shelves.iter().flat_map(|shelf| &shelf.lists)
    }

    #[inline]
    fn at(&self, uri: &str, number: u64) -> Option<&TrustedStatusList> {
        let lists = &self.shelves.get(self.place(uri)?)?.lists;
        // Lists are numbered one after the other, so that a counter that has all of them finds each at its distance from the first.
        let distance = usize::try_from(number.checked_sub(lists.first()?.number)?).ok()?;
        match lists.get(distance).filter(|list| list.number == number) {
            Some(list) => Some(list),
            None => lists.get(lists.binary_search_by_key(&number, |list| list.number).ok()?),
        }
    }

    /// Where the lists of this address are.
    #[inline]
    fn place(&self, uri: &str) -> Option<usize> {
        let mark = mark(uri);
        self.shelves.iter().position(|shelf| shelf.mark == mark && shelf.uri == uri)
    }
}

/// The last eight bytes of an address: issuers' addresses begin alike and end differently, so that one comparison of numbers tells most of
/// them apart. Where it does not, the whole addresses decide.
#[inline]
fn mark(uri: &str) -> u64 {
    uri.as_bytes().last_chunk().map_or(0, |last| u64::from_le_bytes(*last))
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::ToString;
    use alloc::vec;

    use credential_format::status_list::{Status, StatusListDraft};
    use ed25519_dalek::Signer as _;

    use super::*;
    use crate::testing::{
        DAY, PERMIT_KEY, ROOT, STATUS_KEY, STATUS_URI, at, public_key, signing_key, status_list, thumbprint,
        trust_content, trust_list,
    };

    fn trust() -> TrustedList {
        TrustedList::first(&trust_list(1), &thumbprint(ROOT), at(0)).unwrap()
    }

    /// List 3, of this time, its entry 7 with this status.
    fn dated(seconds: i64, status: Status) -> TrustedStatusList {
        TrustedStatusList::check(&status_list(STATUS_KEY, 3, at(seconds), &[(7, status)]), &trust()).unwrap()
    }

    fn issuer(status_uri: &str) -> Issuer {
        Issuer { status_uri: status_uri.into(), ..trust_content(1).issuers.remove(0) }
    }

    /// A list of any address, its entry 0 with this status.
    fn list_of(uri: &str, number: u64, status: Status) -> TrustedStatusList {
        let mut draft = StatusListDraft::new(4);
        assert!(draft.set(0, status));
        let subject = format!("{uri}/{number}");
        let head = StatusListHead { subject, issued_at: at(0), expires_at: None, ttl_secs: None };
        let key = public_key(STATUS_KEY);
        let to_sign = draft.to_sign(&head, &key);
        let bytes = to_sign.finish(&signing_key(STATUS_KEY).sign(to_sign.message()).to_bytes());
        let list = UnverifiedStatusList::parse(&bytes).unwrap().check(&key).unwrap();
        TrustedStatusList { list, number, kid: key.kid() }
    }

    #[test]
    fn a_list_from_the_future_is_not_taken() {
        let mut lists = StatusLists::new();
        assert_eq!(lists.replace(dated(-DAY, Status::Valid), at(0)), Ok(()));
        let refused = lists.replace(dated(121, Status::Cancelled), at(0)).unwrap_err();
        assert_eq!(refused, StatusRefusal::FromFuture { offered: at(121), now: at(0) });
        assert_eq!(refused.code(), "STATUS_FROM_FUTURE");
        let said = refused.to_string();
        assert!(said.contains(&at(121).to_string()) && said.contains(&at(0).to_string()), "{said}");
        let in_use = lists.find(&issuer(STATUS_URI), 3).unwrap();
        assert_eq!((in_use.list().head().issued_at, in_use.list().get(7)), (at(-DAY), Some(Status::Valid)));

        // Both sides of the bound, with a list in use and without.
        assert_eq!(lists.replace(dated(120, Status::Cancelled), at(0)), Ok(()));
        assert_eq!(lists.find(&issuer(STATUS_URI), 3).unwrap().list().get(7), Some(Status::Cancelled));
        assert_eq!(dated(120, Status::Valid).may_follow(None, at(0)), Ok(()));
        let alone = dated(121, Status::Valid).may_follow(None, at(0));
        assert_eq!(alone.map_err(|refusal| refusal.code()), Err("STATUS_FROM_FUTURE"));
        // Once the clock has come near, the same list is taken.
        assert_eq!(lists.replace(dated(121, Status::Suspended), at(1)), Ok(()));
        // What is older than the list in use is that, whatever the clock says.
        let older = lists.replace(dated(119, Status::Valid), at(-DAY)).unwrap_err();
        assert_eq!(older.code(), "STATUS_ROLLBACK");
    }

    #[test]
    fn a_list_that_is_over_is_not_taken() {
        let draft = StatusListDraft::new(4);
        let subject = format!("{STATUS_URI}/3");
        let head = StatusListHead { subject, issued_at: at(0), expires_at: Some(at(60)), ttl_secs: None };
        let to_sign = draft.to_sign(&head, &public_key(STATUS_KEY));
        let bytes = to_sign.finish(&signing_key(STATUS_KEY).sign(to_sign.message()).to_bytes());
        let list = TrustedStatusList::check(&bytes, &trust()).unwrap();
        assert_eq!(list.may_follow(None, at(59)), Ok(()));
        assert_eq!(list.may_follow(None, at(60)), Err(StatusRefusal::Expired(at(60))));
        assert_eq!(StatusLists::new().replace(list, at(61)), Err(StatusRefusal::Expired(at(60))));
    }

    #[test]
    fn lists_follow_each_other_by_time() {
        let mut lists = StatusLists::new();
        assert_eq!(lists.replace(dated(0, Status::Valid), at(0)), Ok(()));
        assert_eq!(lists.replace(dated(0, Status::Valid), at(0)), Ok(()), "the same list");
        let code = |refused: Result<(), StatusRefusal>| refused.unwrap_err().code();
        assert_eq!(code(lists.replace(dated(0, Status::Cancelled), at(0))), "STATUS_SAME_TIME");
        assert_eq!(code(lists.replace(dated(-1, Status::Cancelled), at(0))), "STATUS_ROLLBACK");
        assert_eq!(lists.find(&issuer(STATUS_URI), 3).unwrap().list().get(7), Some(Status::Valid));
        assert_eq!(lists.replace(dated(1, Status::Cancelled), at(1)), Ok(()));
        assert_eq!(lists.find(&issuer(STATUS_URI), 3).unwrap().list().get(7), Some(Status::Cancelled));
        // A kept list is put back whatever its age.
        lists.put(dated(-DAY, Status::Suspended));
        assert_eq!(lists.get(&format!("{STATUS_URI}/3")).unwrap().list().get(7), Some(Status::Suspended));
        assert_eq!(lists.iter().count(), 1);
    }

    #[test]
    fn every_list_is_found_and_no_other() {
        // Addresses that begin alike, that end alike, that begin each other, and that are shorter than what is compared first.
        let uris = [
            "https://status.example.cn/tianhe",
            "https://status.example.cn/yuexiu",
            "https://status.example.cn/x/tianhe",
            "https://other.example.cn/tianhe",
            "https://status.example.cn/tianhe/tianhe",
            "https://a",
            "x:/ab",
            "x:/cd",
            "",
        ];
        let numbers = [0, 1, 2, 3, 7, 8, 48, 1 << 40, u64::MAX];
        let all: Vec<(usize, u64)> = (0..uris.len()).flat_map(|uri| numbers.map(|number| (uri, number))).collect();
        let mut model = BTreeMap::new();
        let mut lists = StatusLists::new();
        // Two thirds of them, in an order without order, some of them twice.
        let mut dice = 1_u64;
        for turn in 0..all.len() {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (uri, number) = all[(dice >> 33) as usize % all.len()];
            let status = Status::from_bits((dice >> 60) as u8);
            lists.put(list_of(uris[uri], number, status));
            model.insert((uri, number), status);

            for (uri, number) in all.iter().copied().chain([(0, 4), (1, 47), (2, 49), (3, u64::MAX - 1)]) {
                let expected = model.get(&(uri, number)).copied();
                let found = lists.find(&issuer(uris[uri]), number);
                assert_eq!(found.and_then(|list| list.list().get(0)), expected, "turn {turn}: {} {number}", uris[uri]);
                assert_eq!(lists.get(&format!("{}/{number}", uris[uri])), found);
                assert!(found.is_none_or(|list| list.number() == number));
            }
        }
        assert!((40..all.len()).contains(&model.len()), "{}", model.len());
        assert_eq!(lists.iter().count(), model.len());
        for uri in ["https://status.example.cn", "https://status.example.cn/tianh", "tianhe", "nhe"] {
            assert_eq!(lists.find(&issuer(uri), 1), None, "{uri}");
        }
    }

    #[test]
    fn a_number_has_one_name() {
        let known = dated(0, Status::Valid);
        let mut lists = StatusLists::new();
        lists.put(known.clone());
        assert_eq!(lists.get(&format!("{STATUS_URI}/3")), Some(&known));
        for number in ["+3", "03", "003", " 3", "3 ", "", "-3", "3.0", "３", "3/3", "18446744073709551619"] {
            assert_eq!(lists.get(&format!("{STATUS_URI}/{number}")), None, "{number}");
            assert_eq!(list_number(&issuer(STATUS_URI), &format!("{STATUS_URI}/{number}")), None, "{number}");
        }
        let number = |text: &str| list_number(&issuer(STATUS_URI), &format!("{STATUS_URI}/{text}"));
        assert_eq!((number("0"), number("10")), (Some(0), Some(10)));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn every_refusal_is_said_in_both_languages() {
        let malformed = UnverifiedStatusList::parse(&[]).unwrap_err();
        let kid = public_key(PERMIT_KEY).kid();
        let refusals = vec![
            StatusRefusal::Malformed(malformed),
            StatusRefusal::List(StatusListError::Signature),
            StatusRefusal::List(StatusListError::Algorithm),
            StatusRefusal::List(StatusListError::Zlib),
            StatusRefusal::List(StatusListError::TooLarge),
            StatusRefusal::UnknownKey(kid),
            StatusRefusal::KeyUsage(kid),
            StatusRefusal::Subject,
            StatusRefusal::Rollback { offered: at(0), current: at(1) },
            StatusRefusal::SameTimeOtherContent(at(0)),
            StatusRefusal::FromFuture { offered: at(1), now: at(0) },
            StatusRefusal::Expired(at(0)),
        ];
        let mut codes: Vec<&str> = refusals.iter().map(StatusRefusal::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), refusals.len());
        for refusal in &refusals {
            let (en, zh) = (refusal.to_string(), refusal.zh());
            assert!(en.is_ascii() && zh.contains("名单") && zh.chars().count() > 10, "{en} {zh}");
            // What the English sentence names, the Chinese one names too.
            for named in [at(0).to_string(), at(1).to_string(), kid.to_string()] {
                assert_eq!(en.contains(&named), zh.contains(&named), "{en} {zh}");
            }
        }
    }

    #[test]
    fn a_list_stands_while_its_key_and_its_address_do() {
        let list = dated(0, Status::Valid);
        assert!(list.stands(&trust()));
        let changed = |change: &dyn Fn(&mut Issuer)| {
            let mut content = trust_content(2);
            change(&mut content.issuers[0]);
            TrustedList::first(&crate::testing::sign_trust(&content, &[ROOT]), &thumbprint(ROOT), at(0)).unwrap()
        };
        assert!(list.stands(&changed(&|_| ())));
        assert!(!list.stands(&changed(&|issuer| issuer.status_uri = "https://status.example/g".into())));
        assert!(!list.stands(&changed(&|issuer| issuer.keys[1].compromised_from = Some(at(0)))));
        assert!(list.stands(&changed(&|issuer| issuer.keys[1].compromised_from = Some(at(1)))));
        // A key signs from its first second to before its last.
        assert!(list.stands(&changed(&|issuer| issuer.keys[1].not_before = at(0))));
        assert!(!list.stands(&changed(&|issuer| issuer.keys[1].not_before = at(1))));
        assert!(list.stands(&changed(&|issuer| issuer.keys[1].not_after = at(1))));
        assert!(!list.stands(&changed(&|issuer| issuer.keys[1].not_after = at(0))));
        assert!(!list.stands(&changed(&|issuer| issuer.keys[1].usages = vec![Usage::Permit])));
        assert!(!list.stands(&changed(&|issuer| drop(issuer.keys.remove(1)))));
    }
}
