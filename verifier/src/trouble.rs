//! Signs of trouble: what stops a counter, or soon will, each as a plain sentence with the way out.
//!
//! Everything is handed in: [`troubles`] puts into words what the outlook, the clock doctor, the state folder, the disk, the page's camera and
//! the journal say. `verifier show` and the counter page show the same.

use credential_format::timestamp::Timestamp;

use crate::clock_doctor::Diagnosis;
use crate::journal::chain::Broken;
use crate::outlook::{ChangeKind, IssuerOutlook, Light, ListOutlook, Outlook, Standing, minute};
use crate::state::{Condition, StateError};
use crate::trust::TrustedList;
use crate::verdict::Words;

/// Less room than this on the disk is amber, in bytes: a year of checks still fits.
pub const DISK_LOW_BYTES: u64 = 200_000_000;
/// Less than this is red: the system itself may fill it at any moment, and then nothing is accepted.
pub const DISK_FULL_BYTES: u64 = 20_000_000;

/// What is known of a counter.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// What it would say today.
    pub outlook: &'a Outlook,
    /// The trust list in use.
    pub trust: Option<&'a TrustedList>,
    /// What the phones that were seen say of its clock.
    pub clock_doctor: Option<Diagnosis>,
    /// Why nothing can be recorded, if nothing can: `State::unwritable`, or `State::guard_trouble`.
    pub unwritable: Option<&'a StateError>,
    /// How much room is left on the disk of the state folder, in bytes, where the system tells.
    pub free_bytes: Option<u64>,
    /// What the page reports about its camera: `State::conditions`.
    pub conditions: &'a [(Condition, Timestamp)],
    /// Where the chain of the journal is broken: `State::journal_chain`.
    pub journal: Option<Broken>,
}

/// One sign of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// A stable code, `STATUS_OLD`.
    pub code: &'static str,
    /// Red when permits cannot be checked because of it; amber when they can, and something must be done.
    pub light: Light,
    /// What it is.
    pub words: Words<String>,
    /// What to do.
    pub remedy: Words<String>,
}

/// All signs of trouble, the worst first.
pub fn troubles(inquiry: &Inquiry<'_>) -> Vec<Trouble> {
    let mut found = Vec::new();
    found.extend(inquiry.unwritable.map(unwritable));
    found.extend(clock(inquiry));
    found.extend(trust_list(inquiry));
    found.extend(status_lists(inquiry.outlook));
    // A disk that is full has been named.
    found.extend(inquiry.free_bytes.filter(|_| inquiry.unwritable.is_none()).and_then(disk));
    found.extend(inquiry.journal.map(journal));
    found.extend(inquiry.conditions.iter().map(|(condition, since)| camera(*condition, *since)));
    // The order above among those that are as bad.
    found.sort_by_key(|trouble| std::cmp::Reverse(trouble.light));
    found
}

impl Trouble {
    fn new(
        code: &'static str,
        light: Light,
        (zh, en): (impl Into<String>, impl Into<String>),
        (zh_remedy, en_remedy): (impl Into<String>, impl Into<String>),
    ) -> Trouble {
        Trouble {
            code,
            light,
            words: Words { zh: zh.into(), en: en.into() },
            remedy: Words { zh: zh_remedy.into(), en: en_remedy.into() },
        }
    }
}

// ---- Clock and lists

fn clock(inquiry: &Inquiry<'_>) -> Option<Trouble> {
    if inquiry.outlook.clock.light != Light::Green {
        return Some(Trouble::new(
            "CLOCK_SUSPECT",
            Light::Red,
            (
                "本机时间早于已签署的名单，不可信，不能核验",
                "this computer's clock is behind a list that was signed: nothing can be checked",
            ),
            ("请校准本机日期、时间和时区", "set this computer's date, time and time zone"),
        ));
    }
    inquiry.clock_doctor.map(|diagnosis| {
        let Words { zh, en } = diagnosis.words();
        Trouble::new(
            "CLOCK_DOCTOR",
            Light::Amber,
            (zh, en),
            (
                "在系统设置中打开“日期和时间”校准；再核验十部手机后，此提示自动消失",
                "open the system's settings for date and time; the hint goes when ten more phones have been checked",
            ),
        )
    })
}

const SYNCHRONISE: (&str, &str) = (
    "请同步名单（verifier sync，网络或 U 盘），或联系技术人员",
    "bring new lists (verifier sync, from a server or a stick), or ask the technician",
);

fn trust_list(inquiry: &Inquiry<'_>) -> Option<Trouble> {
    let version_and_end = inquiry.trust.map(|trust| (trust.list().version, minute(trust.list().expires_at)));
    let (version, end) = version_and_end.unwrap_or_default();
    match inquiry.outlook.trust_list.standing {
        Standing::Missing => Some(Trouble::new(
            "TRUST_LIST_MISSING",
            Light::Red,
            ("尚无信任名单，不能核验", "there is no trust list: nothing can be checked"),
            SYNCHRONISE,
        )),
        Standing::Expired => Some(Trouble::new(
            "TRUST_LIST_EXPIRED",
            Light::Red,
            (
                format!("信任名单（第 {version} 版）已于 {end} 过期，不能核验"),
                format!("the trust list (version {version}) expired at {end}: nothing can be checked"),
            ),
            SYNCHRONISE,
        )),
        Standing::EndsSoon => Some(Trouble::new(
            "TRUST_LIST_ENDING",
            Light::Amber,
            (
                format!("信任名单（第 {version} 版）将于 {end} 过期，此后不能核验"),
                format!("the trust list (version {version}) expires at {end}; from then on nothing can be checked"),
            ),
            SYNCHRONISE,
        )),
        _ => None,
    }
}

/// Of issuers whose permits could be checked: the lists of others hinder nobody.
fn status_lists(outlook: &Outlook) -> Vec<Trouble> {
    let serving: Vec<&IssuerOutlook> = outlook.issuers.iter().filter(|issuer| issuer.serves()).collect();
    let stands = |list: &&ListOutlook, standings: &[Standing]| standings.contains(&list.finding.standing);
    let hit = |standings: &'static [Standing]| {
        serving.iter().filter(move |issuer| issuer.lists.iter().any(|list| stands(&list, standings))).count()
    };
    let lists = |standings: &'static [Standing]| {
        serving.iter().flat_map(|issuer| &issuer.lists).filter(move |list| stands(list, standings))
    };
    let oldest = |standings: &'static [Standing]| {
        lists(standings).filter_map(|list| list.issued_at).min().map(|oldest| outlook.at.seconds_since(oldest))
    };
    let mut found = Vec::new();

    const STALE: &[Standing] = &[Standing::Stale, Standing::Over];
    let stale = hit(STALE);
    if stale > 0 {
        let Words { zh, en } = age(oldest(STALE).unwrap_or_default());
        found.push(Trouble::new(
            "STATUS_STALE",
            Light::Red,
            (
                format!("状态名单已有 {zh}未更新，过旧：{stale} 个签发机关的证照不能核验"),
                format!("status lists are too old ({en}): permits of {stale} {} cannot be checked", issuers(stale)),
            ),
            SYNCHRONISE,
        ));
    }

    const MISSING: &[Standing] = &[Standing::Missing, Standing::Unusable];
    let missing = hit(MISSING);
    if missing > 0 {
        // A counter may have been given the lists of its own province alone.
        let light = if missing == serving.len() { Light::Red } else { Light::Amber };
        found.push(Trouble::new(
            "STATUS_MISSING",
            light,
            (
                format!("缺少 {missing} 个签发机关的状态名单，其证照不能核验"),
                format!("status lists of {missing} {} are missing: their permits cannot be checked", issuers(missing)),
            ),
            SYNCHRONISE,
        ));
    }

    const OLD: &[Standing] = &[Standing::Old];
    if let Some(oldest) = oldest(OLD) {
        let Words { zh, en } = age(oldest);
        let changes = lists(OLD).flat_map(|list| &list.finding.changes);
        let ends = changes.filter(|change| change.kind == ChangeKind::ListStale).map(|change| change.at).min();
        let (zh_end, en_end) = ends.map(minute).map_or_else(Default::default, |end| {
            (format!("，{end} 起不能再用"), format!(", and from {end} on they cannot be used"))
        });
        found.push(Trouble::new(
            "STATUS_OLD",
            Light::Amber,
            (format!("状态名单已有 {zh}未更新{zh_end}"), format!("status lists are {en} old{en_end}")),
            SYNCHRONISE,
        ));
    }
    found
}

fn issuers(count: usize) -> &'static str {
    if count == 1 { "issuer" } else { "issuers" }
}

/// In days from two on, in hours before.
fn age(secs: i64) -> Words<String> {
    let (number, zh, en) = match secs {
        ..172_800 => (secs / 3_600, "小时", "hour"),
        _ => (secs / 86_400, "天", "day"),
    };
    Words { zh: format!("{number} {zh}"), en: format!("{number} {en}{}", if number == 1 { "" } else { "s" }) }
}

// ---- Folder and disk

fn unwritable(cause: &StateError) -> Trouble {
    let (zh, zh_remedy) = match cause {
        StateError::DiskFull(_) => ("磁盘已满，无法登记，不能核验", "请清理磁盘空间；数据未丢失，清理后自动恢复"),
        StateError::ReadOnly(_) | StateError::Forbidden(_) => {
            ("数据文件夹不能写入，无法登记，不能核验", "请技术人员给予本账户写入数据文件夹的权限")
        }
        StateError::FlushFailed(_) => ("磁盘未确认已保存，不能继续核验", "请检查磁盘，然后重新启动本程序"),
        StateError::ClockSetBack => ("本机时间被调回已清理的日期，不能核验", "请校准本机日期和时间后再扫"),
        StateError::Busy(_) => ("数据文件夹正被其他程序占用，暂不能核验", "请等待另一个核验程序结束"),
        _ => ("数据文件夹不能使用，不能核验", "请技术人员检查磁盘和数据文件夹"),
    };
    let en = format!("nothing can be recorded, so nothing is accepted: {cause} [{}]", cause.code());
    Trouble::new("STATE_UNWRITABLE", Light::Red, (zh, en), (zh_remedy, cause.remedy()))
}

fn disk(free_bytes: u64) -> Option<Trouble> {
    let light = match free_bytes {
        0..DISK_FULL_BYTES => Light::Red,
        DISK_FULL_BYTES..DISK_LOW_BYTES => Light::Amber,
        _ => return None,
    };
    let megabytes = free_bytes / 1_000_000;
    Some(Trouble::new(
        "DISK_NEARLY_FULL",
        light,
        (
            format!("磁盘只剩 {megabytes} MB；写满后不能核验"),
            format!("the disk has {megabytes} MB left; when it is full, nothing can be checked"),
        ),
        ("请清理磁盘空间", "make room on the disk"),
    ))
}

fn journal(broken: Broken) -> Trouble {
    let Words { zh, en } = broken.words();
    Trouble::new(
        "JOURNAL_BROKEN",
        Light::Amber,
        (format!("核验记录被改动过：{zh}"), format!("the journal was tampered with or damaged: {en}")),
        (
            "请保留数据文件夹原样，导出记录（verifier journal --json），并告知主管部门；核验可继续",
            "leave the state folder as it is, export the journal (verifier journal --json) and tell the authority; checks go on",
        ),
    )
}

// ---- The page's camera

fn camera(condition: Condition, since: Timestamp) -> Trouble {
    let (zh, en, zh_remedy, en_remedy) = match condition {
        Condition::CameraMissing => (
            "没有找到摄像头",
            "no camera was found",
            "请接好摄像头；也可以用扫码枪核验",
            "plug the camera in; a scanner gun works too",
        ),
        Condition::CameraDenied => (
            "浏览器或系统不允许本页面使用摄像头",
            "the browser or the system does not let the page use the camera",
            "请点击地址栏旁的摄像头图标选择“允许”，并查看系统的摄像头隐私设置，然后刷新页面",
            "click the camera sign beside the address and allow it, look at the system's privacy settings, then load the page again",
        ),
        Condition::CameraBusy => (
            "摄像头正被其他程序使用",
            "another program uses the camera",
            "请关闭其他使用摄像头的程序（视频会议、拍照等），然后重试",
            "close other programs that use the camera (calls, pictures), then try again",
        ),
        Condition::CameraLost => (
            "摄像头已断开",
            "the camera was disconnected",
            "请重新插好摄像头的连接线；也可以用扫码枪核验",
            "plug the camera in again; a scanner gun works too",
        ),
    };
    let since = minute(since);
    Trouble::new(
        condition.code(),
        Light::Amber,
        (format!("{zh}（{since} 起）"), format!("{en} (since {since})")),
        (zh_remedy, en_remedy),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock_doctor::Off;
    use crate::journal::chain::Fault;
    use crate::outlook::{KeptList, Publication, SOON_SECS, Situation};
    use crate::policy::Policy;
    use crate::status::TrustedStatusList;
    use crate::testing::{self, DAY, STATUS_KEY, at};

    fn trusted() -> TrustedList {
        TrustedList::reload(&testing::trust_list(7)).unwrap()
    }

    /// List 3, signed at this second.
    fn kept(trust: &TrustedList, signed_at: i64) -> KeptList {
        let list = TrustedStatusList::check(&testing::status_list(STATUS_KEY, 3, at(signed_at), &[]), trust).unwrap();
        let head = list.list().head().clone();
        KeptList { subject: head.subject.clone(), head: Ok(head) }
    }

    fn outlook(trust: Option<&TrustedList>, lists: &[KeptList], now: i64) -> Outlook {
        Outlook::at(&Situation {
            trust,
            status: lists,
            newest_signed_time: None,
            now: at(now),
            policy: &Policy::default(),
            publication: Publication::None,
        })
    }

    fn quiet<'a>(outlook: &'a Outlook, trust: Option<&'a TrustedList>) -> Inquiry<'a> {
        Inquiry {
            outlook,
            trust,
            clock_doctor: None,
            unwritable: None,
            free_bytes: Some(DISK_LOW_BYTES),
            conditions: &[],
            journal: None,
        }
    }

    fn codes(found: &[Trouble]) -> Vec<(&'static str, Light)> {
        found.iter().map(|trouble| (trouble.code, trouble.light)).collect()
    }

    /// With trust list 7 and a status list of this age, at this second.
    fn at_age(now: i64, list_age: i64) -> Vec<Trouble> {
        let trust = trusted();
        let lists = [kept(&trust, now - list_age)];
        troubles(&quiet(&outlook(Some(&trust), &lists, now), Some(&trust)))
    }

    #[test]
    fn a_counter_in_good_order_has_none() {
        assert_eq!(at_age(0, 60), []);
    }

    #[test]
    fn lists_are_amber_before_they_stop_work() {
        assert_eq!(at_age(0, DAY), []);
        let old = at_age(0, DAY + 1);
        assert_eq!(codes(&old), [("STATUS_OLD", Light::Amber)]);
        // Seven days and a second after it was signed, which was a day and a second before 2026-07-01 08:00.
        assert_eq!(old[0].words.zh, "状态名单已有 24 小时未更新，2026-07-07 08:00 起不能再用");
        assert_eq!(
            at_age(0, 2 * DAY)[0].words.en,
            "status lists are 2 days old, and from 2026-07-06 08:00 on they cannot be used"
        );
        assert_eq!(codes(&at_age(0, 7 * DAY)), [("STATUS_OLD", Light::Amber)]);
        let stale = at_age(0, 7 * DAY + 1);
        assert_eq!(codes(&stale), [("STATUS_STALE", Light::Red)]);
        assert_eq!(stale[0].words.zh, "状态名单已有 7 天未更新，过旧：1 个签发机关的证照不能核验");
    }

    #[test]
    fn a_trust_list_is_missed_ends_and_has_ended() {
        let none = outlook(None, &[], 0);
        assert_eq!(codes(&troubles(&quiet(&none, None))), [("TRUST_LIST_MISSING", Light::Red)]);
        let end = 365 * DAY;
        assert_eq!(at_age(end - SOON_SECS - 1, 0), []);
        assert_eq!(codes(&at_age(end - SOON_SECS, 0)), [("TRUST_LIST_ENDING", Light::Amber)]);
        assert_eq!(codes(&at_age(end - 1, 0)), [("TRUST_LIST_ENDING", Light::Amber)]);
        assert_eq!(codes(&at_age(end, 0)), [("TRUST_LIST_EXPIRED", Light::Red)]);
        assert!(at_age(end, 0)[0].words.zh.contains("第 7 版"));
    }

    #[test]
    fn status_lists_are_missed_by_issuers_that_serve() {
        let trust = trusted();
        let missing = outlook(Some(&trust), &[], 0);
        assert_eq!(codes(&troubles(&quiet(&missing, Some(&trust)))), [("STATUS_MISSING", Light::Red)]);
        // Its permit key is over.
        let over = outlook(Some(&trust), &[], 1_000 * DAY);
        assert!(!troubles(&quiet(&over, Some(&trust))).iter().any(|trouble| trouble.code == "STATUS_MISSING"));
        // One of two issuers has its list: a counter of one province.
        let mut content = testing::trust_content(8);
        let mut other = content.issuers[0].clone();
        other.id = credential_format::counter_id::CounterId::parse("SZ-PSB").unwrap();
        other.status_uri = "https://status.example/sz".into();
        other.keys[0].key = testing::cose_key(50);
        other.keys[1].key = testing::cose_key(51);
        content.issuers.push(other);
        let two = TrustedList::reload(&testing::sign_trust(&content, &[testing::ROOT])).unwrap();
        let lists = [kept(&two, -60)];
        let partly = outlook(Some(&two), &lists, 0);
        assert_eq!(codes(&troubles(&quiet(&partly, Some(&two)))), [("STATUS_MISSING", Light::Amber)]);
    }

    #[test]
    fn the_disk_is_amber_below_200_and_red_below_20_megabytes() {
        let trust = trusted();
        let lists = [kept(&trust, 0)];
        let outlook = outlook(Some(&trust), &lists, 0);
        let light = |free_bytes| {
            let found = troubles(&Inquiry { free_bytes, ..quiet(&outlook, Some(&trust)) });
            found.first().map(|trouble| (trouble.code, trouble.light))
        };
        assert_eq!(light(None), None);
        assert_eq!(light(Some(200_000_000)), None);
        assert_eq!(light(Some(199_999_999)), Some(("DISK_NEARLY_FULL", Light::Amber)));
        assert_eq!(light(Some(20_000_000)), Some(("DISK_NEARLY_FULL", Light::Amber)));
        assert_eq!(light(Some(19_999_999)), Some(("DISK_NEARLY_FULL", Light::Red)));
        // Said once.
        let full = StateError::DiskFull("d".into());
        let inquiry = Inquiry { free_bytes: Some(0), unwritable: Some(&full), ..quiet(&outlook, Some(&trust)) };
        assert_eq!(codes(&troubles(&inquiry)), [("STATE_UNWRITABLE", Light::Red)]);
    }

    #[test]
    fn the_worst_stands_first_and_each_has_a_way_out() {
        let trust = trusted();
        // A clock that is behind what was signed.
        let behind = outlook(Some(&trust), &[], -2 * DAY);
        let conditions = Condition::ALL.map(|condition| (condition, at(0)));
        let state = StateError::ReadOnly("d".into());
        let doctor = Diagnosis { laptop: Off::Behind, secs: 180 };
        let broken = Broken { number: 5, fault: Fault::Missing };
        let inquiry = Inquiry {
            clock_doctor: Some(doctor),
            unwritable: Some(&state),
            conditions: &conditions,
            journal: Some(broken),
            ..quiet(&behind, Some(&trust))
        };
        let found = troubles(&inquiry);
        let all: Vec<&str> = found.iter().map(|trouble| trouble.code).collect();
        assert_eq!(
            all,
            [
                "STATE_UNWRITABLE",
                "CLOCK_SUSPECT",
                "STATUS_MISSING",
                "JOURNAL_BROKEN",
                "CAMERA_MISSING",
                "CAMERA_DENIED",
                "CAMERA_BUSY",
                "CAMERA_LOST"
            ]
        );
        assert!(found.is_sorted_by(|one, next| one.light >= next.light));
        for Trouble { code, words, remedy, .. } in &found {
            assert!(!words.zh.is_ascii() && !remedy.zh.is_ascii(), "{code}");
            assert!(words.en.is_ascii() && remedy.en.is_ascii() && !remedy.en.is_empty(), "{code}");
            assert!(!words.en.ends_with('.') && !words.zh.ends_with('。'), "{code}");
        }
        // The doctor speaks when the lists have nothing against the clock.
        let fine = outlook(Some(&trust), &[kept(&trust, 0)], 0);
        let inquiry = Inquiry { clock_doctor: Some(doctor), ..quiet(&fine, Some(&trust)) };
        assert_eq!(codes(&troubles(&inquiry)), [("CLOCK_DOCTOR", Light::Amber)]);
    }
}
