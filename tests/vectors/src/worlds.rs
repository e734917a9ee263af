//! What the verifiers of the vectors know: trust lists, status lists, clocks. Every key in them is TEST ONLY.

use std::collections::BTreeMap;

use crate::item::Item;
use crate::objects::{self, TrustList, issuer, issuer_key, region_rule, seconds};
use crate::sample_permits::Sample;
use crate::test_keys::TestKey;
use crate::vector::World;

/// The clock of the vectors, unless they say otherwise: the day of the sample permits, noon.
pub const NOON: &str = "2026-07-01T12:00:00+08:00";
/// When the status lists of the counter were signed.
pub const LISTED: &str = "2026-07-01T06:00:00+08:00";
/// Entries of every status list.
pub const ENTRIES: usize = 256;
/// The entries of every list 1 that are cancelled, suspended and superseded, besides those of sample permits.
pub const STATES: [(u64, u8); 3] = [(201, 1), (202, 2), (203, 3)];

const BEGIN: &str = "2022-01-01T00:00:00+08:00";
const END: &str = "2030-01-01T00:00:00+08:00";
const KEYS_NOTE: &str =
    "TEST ONLY: every key is the SHA-256 of `juma TEST ONLY ` and its label; anyone can sign with them";

/// The key with this label: Ed25519, unless the label ends in `P-256`.
pub fn key(label: &str) -> TestKey {
    if label.ends_with("P-256") { TestKey::p256(label) } else { TestKey::ed25519(label) }
}

/// The device of a sample person.
pub fn device(sample: &Sample) -> TestKey {
    key(&format!("device {}", sample.no))
}

/// The status entry of a sample person.
pub fn status_index(sample: &Sample) -> u64 {
    sample.no * 9 + sample.no % 4
}

/// The issuer's short name in key labels, by the sample's region.
pub fn issuer_of(sample: &Sample) -> &'static str {
    match (sample.profile.as_str(), sample.residence.division.as_str()) {
        ("guangdong", "441900") => "DG",
        ("guangzhou", _) => "GZ",
        ("zhuhai", _) => "ZH",
        ("shenzhen", _) => "SZ",
        ("wenzhou", _) => "WZ",
        other => panic!("no issuer for {other:?}"),
    }
}

/// The status address of an issuer.
pub fn status_uri(issuer: &str) -> String {
    format!("https://status.test/{}", issuer.to_lowercase())
}

/// The root keys of all trust lists.
pub fn roots() -> [TestKey; 3] {
    [key("root 1"), key("root 2"), key("root 3")]
}

/// All worlds, by name.
pub fn all(samples: &[Sample]) -> BTreeMap<String, World> {
    let counter = counter(samples);
    let ending = World {
        about: "the counter, with a trust list that ends at 2026-07-01T12:00:10+08:00".into(),
        trust_list: Some(signed(&TrustList { expires_at: seconds("2026-07-01T12:00:10+08:00"), ..counter_list() })),
        ..counter.clone()
    };
    let no_trust = World {
        about: "a verifier that never got a trust list, and so has no status lists either".into(),
        trust_list: None,
        root: None,
        status_lists: Vec::new(),
        newest_signed_time: None,
        keys: BTreeMap::new(),
        ..counter.clone()
    };
    let no_status = World {
        about: "a verifier with a trust list and no status list; it has seen no newer signed time".into(),
        status_lists: Vec::new(),
        newest_signed_time: None,
        ..counter.clone()
    };
    let changed = World {
        about: "the counter, after a trust list in which status keys are withdrawn, compromised, another issuer's, or without usage".into(),
        trust_list: Some(signed(&status_keys_changed())),
        taken_at: NOON.into(),
        status_lists_taken_with: counter.trust_list.clone(),
        ..counter.clone()
    };
    [
        ("counter", counter),
        ("status-keys-changed", changed),
        ("trust-list-ending", ending),
        ("without-trust-list", no_trust),
        ("without-status-lists", no_status),
        ("years", years()),
    ]
    .map(|(name, world)| (name.to_owned(), world))
    .into()
}

/// The trust list of the counter: version 7, six issuers and a province, four regions.
pub fn counter_list() -> TrustList {
    let plain = |label: &str, usages: &[u64]| issuer_key(&key(label), usages, BEGIN, END);
    let mut compromised = plain("GZ compromised", &[1]);
    compromised.insert(5, Item::Uint(seconds("2026-06-20T00:00:00+08:00")));
    let specimen = |label: &str| {
        let mut key = plain(label, &[1, 2]);
        key.insert(6, Item::Bool(true));
        key
    };
    let guangzhou = vec![
        plain("GZ permit", &[1]),
        plain("GZ voucher", &[2]),
        plain("GZ status", &[3]),
        plain("GZ status P-256", &[3]),
        issuer_key(&key("GZ retired"), &[1], BEGIN, "2026-06-01T00:00:00+08:00"),
        issuer_key(&key("GZ period"), &[1], "2026-06-15T00:00:00+08:00", "2026-07-02T00:00:00+08:00"),
        compromised,
        specimen("GZ specimen"),
    ];
    let both = |label: &str| vec![plain(&format!("{label} permit"), &[1, 2]), plain(&format!("{label} status"), &[3])];
    let shenzhen =
        vec![plain("SZ permit", &[1]), plain("SZ voucher", &[2]), plain("SZ status", &[3]), specimen("SZ specimen")];
    TrustList {
        version: Item::Uint(7),
        issued_at: seconds("2026-06-01T00:00:00+08:00"),
        expires_at: seconds("2027-06-01T00:00:00+08:00"),
        threshold: 2,
        roots: roots().iter().map(TestKey::cose_key).collect(),
        issuers: vec![
            issuer("GZ", "广州市公安局（测试）", &["4401"], guangzhou, &status_uri("GZ")),
            issuer("DG", "东莞市公安局（测试）", &["441900"], both("DG"), &status_uri("DG")),
            issuer("ZH", "珠海市公安局（测试）", &["4404"], both("ZH"), &status_uri("ZH")),
            issuer("SZ", "深圳市公安局（测试）", &["4403"], shenzhen, &status_uri("SZ")),
            issuer("ZS", "中山市公安局（测试）", &["4420"], both("ZS"), &status_uri("ZS")),
            issuer("GD", "广东省公安厅（测试）", &["44"], both("GD"), &status_uri("GD")),
            issuer("WZ", "温州市公安局（测试）", &["3303"], both("WZ"), &status_uri("WZ")),
        ],
        rules: rules(),
    }
}

/// Version 8 of the counter's list, with other status keys: Guangzhou's compromised (list 1 too late, list 3 a second early), Dongguan's
/// withdrawn, Zhuhai's given to Shenzhen, Wenzhou's without its usage.
fn status_keys_changed() -> TrustList {
    let mut list = counter_list();
    list.version = Item::Uint(8);
    let mut keys_of = |place: usize| list.issuers[place].entry(4).elements().clone();
    let (mut gz, mut dg, mut zh, mut sz, mut wz) = (keys_of(0), keys_of(1), keys_of(2), keys_of(3), keys_of(6));
    gz[2].insert(5, Item::Uint(seconds(LISTED)));
    gz[3].insert(5, Item::Uint(seconds(LISTED) + 1));
    dg.remove(1);
    sz.push(zh.remove(1));
    wz[1].entry(2).set(Item::array([Item::Uint(1)]));
    for (place, keys) in [(0, gz), (1, dg), (2, zh), (3, sz), (6, wz)] {
        list.issuers[place].entry(4).set(Item::Array(keys));
    }
    list
}

/// The issuers whose labels have `permit` and `status` keys in the counter's trust list.
pub const ISSUERS: [&str; 7] = ["GZ", "DG", "ZH", "SZ", "ZS", "GD", "WZ"];

fn rules() -> Vec<Item> {
    vec![
        region_rule("44", "广东省居住证", (1, 1), None, true, None),
        region_rule("4403", "深圳经济特区居住证", (2, 60), Some(2), true, Some("信息单")),
        // Invented: no region is known that has paper only.
        region_rule("4420", "样例居住证", (1, 1), None, false, Some("样例凭证")),
        region_rule("33", "浙江省居住证", (1, 1), None, true, Some("确认单")),
    ]
}

fn signed(list: &TrustList) -> String {
    let [one, two, _] = roots();
    hex::encode(list.signed_by(&[&one, &two]))
}

fn counter(samples: &[Sample]) -> World {
    let mut lists: Vec<Vec<u8>> = Vec::new();
    for label in ISSUERS {
        let mut set = STATES.to_vec();
        for sample in samples.iter().filter(|sample| issuer_of(sample) == label) {
            // What the authority did is in the list; what the calendar does is not.
            let by_hand = sample.permit.cancel_reason.is_some();
            set.extend(by_hand.then_some((status_index(sample), 1)));
        }
        let subject = format!("{}/1", status_uri(label));
        let status_key = key(&format!("{label} status"));
        lists.push(objects::status_list(&status_key, &subject, seconds(LISTED), ENTRIES, &set).encode());
    }
    // List 2 ends by itself; list 3 is signed with P-256.
    let mut ending =
        objects::status_list(&key("GZ status"), &format!("{}/2", status_uri("GZ")), seconds(LISTED), ENTRIES, &[]);
    ending.payload.insert(4, Item::Uint(seconds("2026-07-03T06:00:00+08:00")));
    lists.push(ending.encode());
    let subject = format!("{}/3", status_uri("GZ"));
    lists.push(objects::status_list(&key("GZ status P-256"), &subject, seconds(LISTED), ENTRIES, &[]).encode());

    let mut labels: Vec<String> = ISSUERS.iter().flat_map(|i| [format!("{i} permit"), format!("{i} status")]).collect();
    let others = [
        "GZ voucher",
        "GZ status P-256",
        "GZ retired",
        "GZ period",
        "GZ compromised",
        "GZ specimen",
        "SZ voucher",
        "SZ specimen",
        "root 1",
        "root 2",
        "root 3",
    ];
    labels.extend(others.map(String::from));
    World {
        about: "a counter on 2026-07-01: a trust list of seven issuers, fresh status lists".into(),
        keys_note: KEYS_NOTE.into(),
        trust_list: Some(signed(&counter_list())),
        root: Some(hex::encode(roots()[0].thumbprint())),
        taken_at: LISTED.into(),
        status_lists: lists.iter().map(hex::encode).collect(),
        status_lists_taken_with: None,
        newest_signed_time: Some(LISTED.into()),
        policy: BTreeMap::new(),
        keys: labels.iter().map(|label| (hex::encode(key(label).kid()), label.clone())).collect(),
    }
}

/// One issuer a region, for many years.
fn years() -> World {
    let issuers = [("GD", "44"), ("SZ", "4403"), ("ZJ", "33")];
    let entry = |(label, prefix): (&str, &str)| {
        let keys = vec![
            issuer_key(&key(&format!("{label} permit")), &[1], BEGIN, "2040-01-01T00:00:00+08:00"),
            issuer_key(&key(&format!("{label} status")), &[3], BEGIN, "2040-01-01T00:00:00+08:00"),
        ];
        issuer(label, "测试机关", &[prefix], keys, &status_uri(label))
    };
    let list = TrustList {
        version: Item::Uint(1),
        issued_at: seconds(BEGIN),
        expires_at: seconds("2040-01-01T00:00:00+08:00"),
        issuers: issuers.map(entry).into(),
        ..counter_list()
    };
    let status = issuers.map(|(label, _)| {
        let subject = format!("{}/1", status_uri(label));
        hex::encode(objects::status_list(&key(&format!("{label} status")), &subject, seconds(BEGIN), 64, &[]).encode())
    });
    let labels = issuers.iter().flat_map(|(i, _)| [format!("{i} permit"), format!("{i} status")]);
    World {
        about:
            "one issuer a region from 2022 to 2039; status lists may be 20 years old, so that one answers on every day"
                .into(),
        keys_note: KEYS_NOTE.into(),
        trust_list: Some(signed(&list)),
        root: Some(hex::encode(roots()[0].thumbprint())),
        taken_at: BEGIN.into(),
        status_lists: status.into(),
        status_lists_taken_with: None,
        newest_signed_time: None,
        policy: BTreeMap::from([("status_age_secs_max".to_owned(), 20 * 366 * 86_400)]),
        keys: labels.map(|label| (hex::encode(key(&label).kid()), label)).collect(),
    }
}
