//! Trust lists and status lists that are offered to a verifier: SPEC sections 6 and 7.

use super::{Collection, expect};
use crate::item::Item;
use crate::objects::{self, Sign1, TrustList, issuer, issuer_key, region_rule, seconds, signed_trust_list};
use crate::test_keys::{TestKey, ed25519_cose_key};
use crate::vector::{ListVector, Vector};
use crate::worlds::{self, LISTED, NOON, key, status_uri};

const MALFORMED: &str = "TRUST_MALFORMED";
const STATUS_MALFORMED: &str = "STATUS_MALFORMED";

pub(super) fn add(all: &mut Collection) {
    trust_updates(all);
    trust_roots(all);
    trust_first(all);
    trust_shapes(all);
    trust_contents(all);
    status_tokens(all);
    status_subjects(all);
    status_compression(all);
    status_updates(all);
}

// ---- Trust lists

/// Offered to a verifier that has version 7 of the counter.
fn next(all: &mut Collection, name: &str, code: Option<&str>, cause: Option<&str>, why: &str, bytes: &[u8]) {
    next_at(all, name, code, cause, why, bytes, NOON);
}

fn next_at(
    all: &mut Collection,
    name: &str,
    code: Option<&str>,
    cause: Option<&str>,
    why: &str,
    bytes: &[u8],
    now: &str,
) {
    let vector = ListVector {
        why: why.into(),
        outcome: expect(code.filter(|code| *code != "UNCHANGED")),
        code: code.map(String::from),
        cause: cause.map(String::from),
        now: now.into(),
        world: Some("counter".into()),
        root: None,
        current: None,
        bytes: hex::encode(bytes),
    };
    all.add(name, Vector::TrustList(vector));
}

/// The shortest list that could follow version 7: one issuer, one rule.
fn small(version: u64) -> TrustList {
    TrustList {
        version: Item::Uint(version),
        issued_at: seconds("2026-07-01T00:00:00+08:00"),
        expires_at: seconds("2027-07-01T00:00:00+08:00"),
        threshold: 2,
        roots: worlds::roots().iter().map(TestKey::cose_key).collect(),
        issuers: vec![guangzhou()],
        rules: vec![guangdong()],
    }
}

fn guangzhou() -> Item {
    issuer(
        "GZ",
        "广州市公安局（测试）",
        &["4401"],
        vec![entry("GZ permit", &[1]), entry("GZ status", &[3])],
        &status_uri("GZ"),
    )
}

fn guangdong() -> Item {
    region_rule("44", "广东省居住证", (1, 1), None, true, None)
}

fn entry(label: &str, usages: &[u64]) -> Item {
    issuer_key(&key(label), usages, "2022-01-01T00:00:00+08:00", "2030-01-01T00:00:00+08:00")
}

/// The list signed by root 1 and 2.
fn signed(list: &TrustList) -> Vec<u8> {
    let [one, two, _] = worlds::roots();
    list.signed_by(&[&one, &two])
}

fn trust_updates(all: &mut Collection) {
    let [one, two, three] = worlds::roots();
    let four = key("root 4");
    next(all, "next-right", None, None, "version 8, signed by two of three root keys", &signed(&small(8)));
    next(all, "next-other-two-keys", None, None, "signed by the other two", &small(8).signed_by(&[&two, &three]));
    next(all, "next-three-keys", None, None, "signed by all three", &small(8).signed_by(&[&three, &one, &two]));
    next(
        all,
        "next-and-a-stranger",
        None,
        None,
        "a signature of nobody beside two good ones",
        &small(8).signed_by(&[&four, &one, &two]),
    );
    let most: Vec<&TestKey> = [&one, &two].into_iter().chain(std::iter::repeat_n(&four, 30)).collect();
    let why = "thirty-two signatures, as many as there may be, two of them good";
    next(all, "next-32-signatures", None, None, why, &small(8).signed_by(&most));
    next(all, "next-version-9", None, None, "a version is skipped while the root keys stay", &signed(&small(9)));
    next(all, "next-version-10000-higher", None, None, "the greatest leap in versions", &signed(&small(10_007)));
    let jump = Some("TRUST_VERSION_JUMP");
    next(all, "version-10001-higher", jump, None, "a leap in versions of 10,001", &signed(&small(10_008)));
    next(all, "version-highest", jump, None, "the last version there is", &signed(&small(4_294_967_295)));
    let range = Some("TRUST_VERSION_RANGE");
    for (name, why, version) in [
        ("version-0", "version 0", 0),
        ("version-2-32", "a version above the last one", 1 << 32),
        ("version-2-63", "version 2^63", 1 << 63),
        ("version-2-64-less-1", "version 2^64 - 1", u64::MAX),
    ] {
        next(all, name, Some(MALFORMED), range, why, &signed(&small(version)));
    }
    let in_use = signed(&worlds::counter_list());
    next(all, "next-is-the-one-in-use", Some("UNCHANGED"), None, "the very list that is in use", &in_use);

    let current = Some("TRUST_CURRENT_THRESHOLD");
    next(all, "one-signature", current, None, "one signature where two are needed", &small(8).signed_by(&[&one]));
    next(all, "one-key-twice", current, None, "two signatures by one key", &small(8).signed_by(&[&one, &one]));
    next(
        all,
        "one-key-and-a-stranger",
        current,
        None,
        "one root key and a key of nobody",
        &small(8).signed_by(&[&one, &four]),
    );
    next(all, "strangers-only", current, None, "two keys of nobody", &small(8).signed_by(&[&four, &key("root 5")]));
    let issuers = small(8).signed_by(&[&key("GZ permit"), &key("GZ status")]);
    next(all, "issuers-keys", current, None, "signed by an issuer's keys", &issuers);
    let mut flipped = signed(&small(8));
    *flipped.last_mut().expect("a byte") ^= 1;
    next(all, "signature-bit-flipped", current, None, "a bit of the second signature is flipped", &flipped);
    let payload = small(8).payload();
    let signatures = [(&one, one.alg()), (&two, -9)];
    let other = signatures.map(|(key, alg)| objects::trust_list_signature(&payload, key, alg, objects::TRUST_LIST));
    let why = "the second signature is right, and names the algorithm of a key of another kind";
    let other = objects::trust_list_with(&payload, other.into()).encode();
    next(all, "signature-other-algorithm", current, None, why, &other);
    for (name, aad) in [
        ("permit", objects::PERMIT),
        ("presentation", objects::PRESENTATION),
        ("enrolment", objects::ENROLMENT),
        ("status-list", objects::STATUS_LIST),
    ] {
        let why = format!("signed in the domain of a {name}");
        let bytes = signed_trust_list(&small(8).payload(), &[&one, &two], aad).encode();
        next(all, &format!("domain-{name}"), current, None, &why, &bytes);
    }
    let mut changed = signed_trust_list(&small(8).payload(), &[&one, &two], objects::TRUST_LIST);
    if let Item::Tag(_, envelope) = &mut changed {
        envelope.element(2).set(Item::embedded(&small(9).payload()));
    }
    next(all, "content-changed", current, None, "the signatures of version 8 under version 9", &changed.encode());
    next(all, "rollback", Some("TRUST_ROLLBACK"), None, "version 6, when 7 is in use", &signed(&small(6)));
    next(all, "rollback-to-1", Some("TRUST_ROLLBACK"), None, "version 1", &signed(&small(1)));
    next(
        all,
        "same-version",
        Some("TRUST_SAME_VERSION"),
        None,
        "another list that calls itself version 7",
        &signed(&small(7)),
    );
    let third = worlds::counter_list().signed_by(&[&one, &three]);
    let why = "the content in use, signed by other two keys: other bytes with the same version";
    next(all, "same-version-other-signatures", Some("TRUST_SAME_VERSION"), None, why, &third);
    let end = "2027-07-01T00:00:00+08:00";
    next_at(all, "expired", Some("TRUST_EXPIRED"), None, "offered at the second of its end", &signed(&small(8)), end);
    let why = "offered a second before its end";
    next_at(all, "last-second", None, None, why, &signed(&small(8)), "2027-06-30T23:59:59+08:00");
    let (right, early) = ("2026-06-30T23:58:00+08:00", "2026-06-30T23:57:59+08:00");
    let future = Some("TRUST_FROM_FUTURE");
    next_at(all, "120-s-ahead", None, None, "signed 120 s ahead of the clock", &signed(&small(8)), right);
    next_at(all, "121-s-ahead", future, None, "signed 121 s ahead of the clock", &signed(&small(8)), early);
    let changed = TrustList { threshold: 3, ..small(8) }.signed_by(&[&one, &two, &three]);
    let why = "a change of root keys, signed 121 s ahead of the clock";
    next_at(all, "roots-change-121-s-ahead", future, None, why, &changed, early);
}

fn trust_roots(all: &mut Collection) {
    let [one, two, three] = worlds::roots();
    let (four, five) = (key("root 4"), key("root 5"));
    let with = |version: u64, threshold: u64, roots: &[&TestKey]| TrustList {
        threshold,
        roots: roots.iter().map(|key| key.cose_key()).collect(),
        ..small(version)
    };
    let changed = with(8, 2, &[&two, &three, &four]);
    next(
        all,
        "roots-change",
        None,
        None,
        "root 4 for root 1; two keys that are in both lists sign",
        &changed.signed_by(&[&two, &three]),
    );
    let why = "all root keys are new; two of the old and two of the new sign";
    let all_new = with(8, 2, &[&four, &five]);
    next(all, "roots-all-new", None, None, why, &all_new.signed_by(&[&one, &two, &four, &five]));
    let mixed = with(8, 2, &[&one, &two, &key("root P-256")]);
    next(all, "roots-p-256", None, None, "a root key of P-256 comes in", &mixed.signed_by(&[&one, &two]));
    let why = "a key of P-256 signs the list that it comes in with";
    let p256 = with(8, 2, &[&one, &key("root P-256")]);
    next(all, "roots-p-256-signs", None, None, why, &p256.signed_by(&[&one, &two, &key("root P-256")]));

    let why = "a change of root keys at the second of its end: it is a link to the list after it, and decides nothing";
    let bytes = changed.signed_by(&[&two, &three]);
    next_at(all, "roots-change-expired", None, None, why, &bytes, "2027-07-01T00:00:00+08:00");

    let own = Some("TRUST_OWN_THRESHOLD");
    next(
        all,
        "roots-old-only",
        own,
        None,
        "the old root keys sign, the new ones do not",
        &all_new.signed_by(&[&one, &two]),
    );
    let why = "one of the new root keys signs, two are needed";
    next(all, "roots-new-one-short", own, None, why, &all_new.signed_by(&[&one, &two, &four]));
    let current = Some("TRUST_CURRENT_THRESHOLD");
    next(
        all,
        "roots-new-only",
        current,
        None,
        "the new root keys sign, the old ones do not",
        &all_new.signed_by(&[&four, &five]),
    );
    let why = "one of the old root keys signs, two are needed";
    next(all, "roots-old-one-short", current, None, why, &all_new.signed_by(&[&one, &four, &five]));
    let skips = Some("TRUST_ROOT_CHANGE_SKIPS");
    let bytes = with(9, 2, &[&two, &three, &four]).signed_by(&[&two, &three]);
    next(all, "roots-change-skips", skips, None, "the root keys change and version 8 is skipped", &bytes);
    let bytes = with(9, 1, &[&one, &two, &three]).signed_by(&[&one, &two]);
    next(
        all,
        "roots-threshold-change-skips",
        skips,
        None,
        "only the threshold changes, and version 8 is skipped",
        &bytes,
    );

    let threshold = Some("TRUST_THRESHOLD");
    let malformed = Some(MALFORMED);
    let cases: [(&str, &str, TrustList); 5] = [
        ("roots-threshold-0", "a threshold of 0: nobody need sign", with(8, 0, &[&one, &two, &three])),
        ("roots-threshold-4-of-3", "four of three keys are to sign", with(8, 4, &[&one, &two, &three])),
        ("roots-none", "no root key", with(8, 1, &[])),
        ("roots-one-twice", "one root key twice", with(8, 2, &[&one, &one, &two])),
        (
            "roots-33",
            "thirty-three root keys",
            TrustList { roots: (0..33).map(|n| key(&format!("root many {n}")).cose_key()).collect(), ..small(8) },
        ),
    ];
    for (name, why, list) in cases {
        next(all, name, malformed, threshold, why, &signed(&list));
    }
    let weak = TrustList { roots: vec![one.cose_key(), two.cose_key(), ed25519_cose_key(&[0; 32])], ..small(8) };
    next(all, "roots-small-order", malformed, Some("TRUST_KEY_UNFIT"), "a root key of small order", &signed(&weak));
}

fn trust_first(all: &mut Collection) {
    let [one, two, three] = worlds::roots();
    let mut first = |name: &str, code: Option<&str>, why: &str, root: &TestKey, bytes: &[u8], now: &str| {
        let vector = ListVector {
            why: why.into(),
            outcome: expect(code),
            code: code.map(String::from),
            cause: None,
            now: now.into(),
            world: None,
            root: Some(hex::encode(root.thumbprint())),
            current: None,
            bytes: hex::encode(bytes),
        };
        all.add(name, Vector::TrustList(vector));
    };
    first(
        "first-right",
        None,
        "a first list, signed by the installed root key and another",
        &one,
        &signed(&small(1)),
        NOON,
    );
    let highest = signed(&small(4_294_967_295));
    first("first-high-version", None, "a first list may be of any version", &two, &highest, NOON);
    let (right, early) = ("2026-06-30T23:58:00+08:00", "2026-06-30T23:57:59+08:00");
    let future = Some("TRUST_FROM_FUTURE");
    first("first-120-s-ahead", None, "signed 120 s ahead of the clock", &one, &signed(&small(1)), right);
    first("first-121-s-ahead", future, "signed 121 s ahead of the clock", &one, &signed(&small(1)), early);
    let p256 = key("root P-256");
    let list = TrustList { threshold: 1, roots: vec![p256.cose_key()], ..small(1) };
    first("first-p-256", None, "the installed root key is of P-256", &p256, &list.signed_by(&[&p256]), NOON);
    let not = Some("TRUST_NOT_THE_ROOT");
    first("first-other-root", not, "another root key was installed", &key("root 4"), &signed(&small(1)), NOON);
    first(
        "first-root-did-not-sign",
        not,
        "the installed root key is in the list and did not sign it",
        &three,
        &signed(&small(1)),
        NOON,
    );
    let four = key("root 4");
    let outside = small(1).signed_by(&[&one, &two, &four]);
    first(
        "first-root-not-in-list",
        not,
        "the installed root key signed the list and is not in it",
        &four,
        &outside,
        NOON,
    );
    first(
        "first-below-threshold",
        Some("TRUST_OWN_THRESHOLD"),
        "only the installed root key signed",
        &one,
        &small(1).signed_by(&[&one]),
        NOON,
    );
    let twice = small(1).signed_by(&[&one, &one]);
    first("first-root-twice", Some("TRUST_OWN_THRESHOLD"), "the installed root key signed twice", &one, &twice, NOON);
    let end = "2027-07-01T00:00:00+08:00";
    first(
        "first-expired",
        Some("TRUST_EXPIRED"),
        "a first list at the second of its end",
        &one,
        &signed(&small(1)),
        end,
    );
}

fn trust_shapes(all: &mut Collection) {
    let [one, two, _] = worlds::roots();
    let mut shape = |name: &str, cause: &str, why: &str, spoil: &dyn Fn(&mut Item)| {
        let mut payload = small(8).payload();
        spoil(&mut payload);
        let bytes = signed_trust_list(&payload, &[&one, &two], objects::TRUST_LIST).encode();
        next(all, name, Some(MALFORMED), Some(cause), why, &bytes);
    };
    shape("version-text", "SHAPE", "a version that is a text", &|p| p.entry(1).set(Item::text("8")));
    shape("version-bignum", "SHAPE", "2^64 for a version", &|p| p.entry(1).set(Item::raw("c249010000000000000000")));
    shape("version-wide", "NOT_DETERMINISTIC", "a version in two bytes", &|p| {
        let wide = p.entry(1).widened(1);
        p.entry(1).set(wide);
    });
    shape("entry-7", "SHAPE", "a seventh entry", &|p| p.insert(7, Item::Uint(0)));
    shape("entry-absent", "SHAPE", "no region rules", &|p| p.remove(6));
    shape("expires-2200", "TIME_RANGE", "an end in 2200", &|p| p.entry(3).set(Item::Uint(7_258_118_400)));
    let issuer_entry = |p: &mut Item, label: i64, item: Item| p.entry(5).element(0).entry(label).set(item);
    shape("issuer-id-lower-case", "COUNTER_ID_CHARACTER", "an issuer's id in lower case", &|p| {
        issuer_entry(p, 1, Item::text("gz"))
    });
    shape("issuer-name-markup", "TEXT_CHARACTER", "markup in an issuer's name", &|p| {
        issuer_entry(p, 2, Item::text("<i>广州</i>"))
    });
    for prefix in ["", "4", "440", "44011", "4401130", "04", "4a", "４４"] {
        let name = format!(
            "division-prefix-{}",
            if prefix.is_ascii() { format!("{prefix}-digits") } else { "full-width".into() }
        );
        let name = if prefix.is_empty() { "division-prefix-empty".into() } else { name };
        shape(&name, "DIVISION_PREFIX", "a prefix has two, four or six digits", &|p| {
            issuer_entry(p, 3, Item::array([Item::text(prefix)]))
        });
    }
    let key_entry =
        |p: &mut Item, label: i64, item: Item| p.entry(5).element(0).entry(4).element(1).entry(label).set(item);
    shape("usages-unordered", "USAGES_UNORDERED", "usage 3 before 1", &|p| {
        key_entry(p, 2, Item::array([Item::Uint(3), Item::Uint(1)]))
    });
    shape("usage-twice", "USAGES_UNORDERED", "a usage twice", &|p| {
        key_entry(p, 2, Item::array([Item::Uint(3), Item::Uint(3)]))
    });
    shape("usage-0", "USAGE_UNKNOWN", "usage 0", &|p| key_entry(p, 2, Item::array([Item::Uint(0)])));
    shape("usage-4", "USAGE_UNKNOWN", "usage 4", &|p| key_entry(p, 2, Item::array([Item::Uint(4)])));
    shape("specimen-false", "NOT_DETERMINISTIC", "specimen as false, which is not written", &|p| {
        p.entry(5).element(0).entry(4).element(0).insert(6, Item::Bool(false));
    });
    shape("key-entry-7", "SHAPE", "an entry of a key that is not known", &|p| {
        p.entry(5).element(0).entry(4).element(0).insert(7, Item::Uint(0));
    });
    let windows = [
        ("0-months", 1, 0, "REGION_WINDOW"),
        ("13-months", 1, 13, "REGION_WINDOW"),
        ("0-days", 2, 0, "REGION_WINDOW"),
        ("367-days", 2, 367, "REGION_WINDOW"),
        ("256-months", 1, 256, "WINDOW"),
        ("65536-days", 2, 65_536, "WINDOW"),
        ("unit-0", 0, 1, "WINDOW"),
        ("unit-3", 3, 1, "WINDOW"),
    ];
    for (name, unit, number, cause) in windows {
        let why = "a window has 1 to 12 months or 1 to 366 days";
        shape(&format!("window-{name}"), cause, why, &|p| {
            p.entry(6).element(0).entry(3).set(Item::array([Item::Uint(unit), Item::Uint(number)]));
        });
    }
    for (years, cause) in [(0, "REGION_AUTO_CANCEL_YEARS"), (21, "REGION_AUTO_CANCEL_YEARS"), (256, "AUTO_CANCEL")] {
        let why = "automatic cancellation comes after 1 to 20 years";
        shape(&format!("auto-cancel-{years}-years"), cause, why, &|p| {
            p.entry(6).element(0).insert(4, Item::Uint(years))
        });
    }
    shape("rule-entry-7", "FIELDS", "an entry of a rule that is not known", &|p| {
        p.entry(6).element(0).insert(6, Item::text("凭证"));
        p.entry(6).element(0).insert(7, Item::Uint(0));
    });
    shape("payload-trailing", "TRAILING_BYTES", "a byte after the content", &|p| {
        *p = Item::Raw([p.encode(), vec![0]].concat());
    });

    let mut envelope = |name: &str, cause: &str, why: &str, spoil: &dyn Fn(&mut Item)| {
        let mut item = signed_trust_list(&small(8).payload(), &[&one, &two], objects::TRUST_LIST);
        spoil(&mut item);
        next(all, name, Some(MALFORMED), Some(cause), why, &item.encode());
    };
    let inner = |i: &mut Item| match i {
        Item::Tag(_, item) => item.as_ref().clone(),
        _ => unreachable!("a trust list has a tag"),
    };
    let spoil_inner = |i: &mut Item, spoil: &dyn Fn(&mut Item)| {
        let mut item = inner(i);
        spoil(&mut item);
        *i = Item::Tag(98, Box::new(item));
    };
    envelope("tag-absent", "SHAPE", "no tag", &|i| *i = inner(i));
    envelope("tag-18", "SHAPE", "the tag of a COSE_Sign1", &|i| *i = Item::Tag(18, Box::new(inner(i))));
    envelope("tag-twice", "SHAPE", "the tag twice", &|i| *i = Item::Tag(98, Box::new(i.clone())));
    envelope("trailing-zero", "TRAILING_BYTES", "a zero after the list", &|i| {
        *i = Item::Raw([i.encode(), vec![0]].concat())
    });
    envelope("cut-short", "CUT_SHORT", "the last byte is missing", &|i| {
        let bytes = i.encode();
        *i = Item::Raw(bytes[..bytes.len() - 1].to_vec());
    });
    envelope("body-headers", "SHAPE", "protected headers of the body", &|i| {
        spoil_inner(i, &|i| i.element(0).set(Item::bytes(&[0xa0])))
    });
    envelope("body-unprotected", "SHAPE", "unprotected headers of the body", &|i| {
        spoil_inner(i, &|i| i.element(1).set(Item::map([(33, Item::bytes(&[]))])));
    });
    envelope("signatures-none", "SIGNATURES", "no signature", &|i| {
        spoil_inner(i, &|i| i.element(3).elements().clear())
    });
    envelope("signatures-33", "SIGNATURES", "thirty-three signatures", &|i| {
        spoil_inner(i, &|i| {
            let first = i.element(3).element(0).clone();
            i.element(3).set(Item::Array(vec![first; 33]));
        });
    });
    envelope("signature-63-bytes", "SHAPE", "a signature of 63 bytes", &|i| {
        spoil_inner(i, &|i| i.element(3).element(0).element(2).set(Item::Bytes(vec![1; 63])));
    });
    envelope("signature-unprotected", "SHAPE", "an unprotected header of a signature", &|i| {
        spoil_inner(i, &|i| i.element(3).element(0).element(1).set(Item::map([(4, Item::bytes(&[]))])));
    });
    envelope("signature-alg-minus-8", "ALGORITHM_UNKNOWN", "a signature with EdDSA without its curve", &|i| {
        let headers = Item::map([(1, Item::int(-8)), (4, Item::bytes(&worlds::roots()[0].kid()))]);
        spoil_inner(i, &|i| i.element(3).element(0).element(0).set(Item::embedded(&headers)));
    });
}

fn trust_contents(all: &mut Collection) {
    let mut content = |name: &str, code: Option<&str>, why: &str, spoil: &dyn Fn(&mut TrustList)| {
        let mut list = small(8);
        spoil(&mut list);
        next(all, name, code, None, why, &signed(&list));
    };
    let issuer_with =
        |divisions: &[&str], keys: Vec<Item>, uri: &str| issuer("GZ", "广州市公安局（测试）", divisions, keys, uri);
    let uri = status_uri("GZ");
    // A minute ahead of the clock: as far as a list may be, and not over.
    let soon = seconds(NOON) + 60;
    content("ends-when-it-begins", Some("TRUST_EXPIRY"), "the end is the second of the beginning", &|l| {
        (l.issued_at, l.expires_at) = (soon, soon);
    });
    let why = "a second from beginning to end";
    content("ends-after-a-second", None, why, &|l| (l.issued_at, l.expires_at) = (soon, soon + 1));
    let kid = Some("TRUST_DUPLICATE_KID");
    content("key-twice", kid, "one key twice with one issuer", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ permit", &[1]), entry("GZ permit", &[3])], &uri)];
    });
    content("key-of-two-issuers", kid, "one key with two issuers", &|l| {
        l.issuers.push(issuer(
            "ZH",
            "珠海市公安局（测试）",
            &["4404"],
            vec![entry("GZ permit", &[1])],
            &status_uri("ZH"),
        ));
    });
    content("issuer-twice", Some("TRUST_DUPLICATE_ISSUER"), "an id twice", &|l| {
        l.issuers.push(issuer("GZ", "另一机关（测试）", &["4401"], vec![entry("ZH permit", &[1])], &status_uri("ZH")));
    });
    let unfit = Some("TRUST_KEY_UNFIT");
    let raw_key = |x: &[u8]| {
        Item::map([
            (1, ed25519_cose_key(x)),
            (2, Item::array([Item::Uint(1)])),
            (3, Item::Uint(seconds(LISTED))),
            (4, Item::Uint(seconds(NOON))),
        ])
    };
    content("key-small-order", unfit, "a key of small order", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![raw_key(&[0; 32])], &uri)]
    });
    let mut two = [0u8; 32];
    two[0] = 2;
    // p + 3: y = 3 is a point, and has another encoding.
    let mut above_p = [0xff; 32];
    (above_p[0], above_p[31]) = (0xf0, 0x7f);
    content("key-y-not-below-p", unfit, "the other encoding of a point, with y above p", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![raw_key(&above_p)], &uri)]
    });
    content("key-not-a-point", unfit, "bytes that are no point", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![raw_key(&two)], &uri)]
    });
    let incomplete = Some("TRUST_ISSUER_INCOMPLETE");
    content("issuer-without-divisions", incomplete, "an issuer without division", &|l| {
        l.issuers = vec![issuer_with(&[], vec![entry("GZ permit", &[1])], &uri)];
    });
    content("issuer-without-keys", incomplete, "an issuer without key", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![], &uri)]
    });
    content("key-without-usages", incomplete, "a key without usage", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ permit", &[])], &uri)];
    });
    let algorithm = Some("TRUST_KEY_ALGORITHM");
    for (usage, name) in [(1, "permit"), (2, "voucher")] {
        content(&format!("p-256-{name}-key"), algorithm, "issuers sign permits with Ed25519", &|l| {
            l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ P-256", &[usage])], &uri)];
        });
    }
    content("p-256-status-key", None, "status lists may be signed with P-256", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ P-256", &[3])], &uri)];
    });
    content("key-period-empty", Some("TRUST_KEY_PERIOD"), "a key that ends when it begins", &|l| {
        let entry = issuer_key(&key("GZ permit"), &[1], LISTED, LISTED);
        l.issuers = vec![issuer_with(&["4401"], vec![entry], &uri)];
    });
    let long = format!("https://{}", "a".repeat(248));
    content("status-uri-256-bytes", None, "the longest status address", &|l| {
        l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ permit", &[1])], &long)];
    });
    let longer = format!("https://{}", "a".repeat(249));
    let uris = [
        ("257-bytes", longer.as_str()),
        ("http", "http://status.test/gz"),
        ("file", "file:///etc/passwd"),
        ("space", "https://status.test/g z"),
        ("han", "https://status.test/广州"),
        ("empty", ""),
    ];
    for (name, address) in uris {
        content(
            &format!("status-uri-{name}"),
            Some("TRUST_STATUS_URI"),
            "no https address of at most 256 bytes",
            &|l| {
                l.issuers = vec![issuer_with(&["4401"], vec![entry("GZ permit", &[1])], address)];
            },
        );
    }
    content("status-uri-twice", Some("TRUST_DUPLICATE_STATUS_URI"), "two issuers with one status address", &|l| {
        l.issuers.push(issuer("ZH", "珠海市公安局（测试）", &["4404"], vec![entry("ZH permit", &[1])], &uri));
    });
    content("rule-twice", Some("TRUST_DUPLICATE_RULE"), "two rules for one region", &|l| l.rules.push(guangdong()));
    content("no-rule", Some("TRUST_NO_RULE"), "an issuer where no rule is", &|l| {
        l.issuers.push(issuer(
            "WZ",
            "温州市公安局（测试）",
            &["3303"],
            vec![entry("WZ permit", &[1])],
            &status_uri("WZ"),
        ));
    });
    content("rule-narrower-than-issuer", Some("TRUST_NO_RULE"), "a rule for one city of the issuer's province", &|l| {
        l.issuers = vec![issuer_with(&["44"], vec![entry("GZ permit", &[1])], &uri)];
        l.rules = vec![region_rule("4401", "广东省居住证", (1, 1), None, true, None)];
    });
    content(
        "nobody",
        None,
        "no issuer and no rule: nothing is accepted by such a list, and it contradicts nothing",
        &|l| {
            l.issuers.clear();
            l.rules.clear();
        },
    );
}

// ---- Status lists

fn status(all: &mut Collection, name: &str, code: Option<&str>, cause: Option<&str>, why: &str, bytes: &[u8]) {
    status_after(all, name, code, cause, why, bytes, None, NOON);
}

#[expect(clippy::too_many_arguments, reason = "one a field of the vector")]
fn status_after(
    all: &mut Collection,
    name: &str,
    code: Option<&str>,
    cause: Option<&str>,
    why: &str,
    bytes: &[u8],
    current: Option<&[u8]>,
    now: &str,
) {
    let vector = ListVector {
        why: why.into(),
        outcome: expect(code),
        code: code.map(String::from),
        cause: cause.map(String::from),
        now: now.into(),
        world: Some("counter".into()),
        root: None,
        current: current.map(hex::encode),
        bytes: hex::encode(bytes),
    };
    all.add(name, Vector::StatusList(vector));
}

/// List 7 of Guangzhou.
fn seven() -> Sign1 {
    seven_of(&key("GZ status"), LISTED, &[(3, 1)])
}

fn seven_of(key: &TestKey, issued_at: &str, set: &[(u64, u8)]) -> Sign1 {
    objects::status_list(key, &format!("{}/7", status_uri("GZ")), seconds(issued_at), 64, set)
}

fn status_tokens(all: &mut Collection) {
    let mut token = |name: &str, code: Option<&str>, cause: Option<&str>, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        let mut token = seven();
        spoil(&mut token);
        status(all, name, code, cause, why, &token.encode());
    };
    token("right", None, None, "nothing is wrong: the list that the faults are put into", &|_| {});
    token("right-exp", None, None, "with an end", &|t| t.payload.insert(4, Item::Uint(seconds(NOON) + 1)));
    token("right-ttl", None, None, "with a ttl", &|t| t.payload.insert(65_534, Item::Uint(3600)));
    token("right-exp-and-ttl", None, None, "with an end and a ttl", &|t| {
        t.payload.insert(4, Item::Uint(seconds(NOON) + 1));
        t.payload.insert(65_534, Item::Uint(3600));
    });
    token("right-p-256", None, None, "signed with P-256", &|t| *t = seven_of(&key("GZ status P-256"), LISTED, &[]));
    token("key-first-second", None, None, "signed in the first second of the key", &|t| {
        t.payload.entry(6).set(Item::Uint(seconds("2022-01-01T00:00:00+08:00")));
    });

    let malformed = Some(STATUS_MALFORMED);
    let mut shape = |name: &str, cause: &str, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        token(name, malformed, Some(cause), why, spoil)
    };
    shape("tag-absent", "SHAPE", "no tag", &|t| t.tag = None);
    shape("tag-98", "SHAPE", "the tag of a COSE_Sign", &|t| t.tag = Some(98));
    shape("tag-61", "SHAPE", "the tag of a CWT", &|t| t.tag = Some(61));
    shape("typ-absent", "SHAPE", "no typ", &|t| t.protected.remove(16));
    shape("typ-jwt", "TYPE", "the typ of another form", &|t| {
        t.protected.entry(16).set(Item::text("application/statuslist+jwt"))
    });
    shape("typ-short", "TYPE", "the typ without application/", &|t| {
        t.protected.entry(16).set(Item::text("statuslist+cwt"))
    });
    shape("typ-number", "SHAPE", "a typ that is a number", &|t| t.protected.entry(16).set(Item::Uint(61)));
    shape("alg-minus-8", "ALGORITHM_UNKNOWN", "EdDSA without its curve", &|t| t.protected.entry(1).set(Item::int(-8)));
    shape("alg-absent", "SHAPE", "no alg", &|t| t.protected.remove(1));
    shape("kid-7-bytes", "SHAPE", "a kid of seven bytes", &|t| t.protected.entry(4).set(Item::Bytes(vec![1; 7])));
    shape("header-x5chain", "SHAPE", "certificates of one's own", &|t| t.unprotected.insert(33, Item::bytes(&[])));
    shape("kid-unprotected", "SHAPE", "kid where nothing protects it", &|t| {
        t.protected.remove(4);
        t.unprotected.insert(4, Item::bytes(&key("GZ status").kid()));
    });
    for bits in [1, 3, 4, 8] {
        shape(&format!("bits-{bits}"), "STATUS_BITS", "an entry has two bits here", &|t| {
            t.payload.entry(65_533).pairs()[1].1 = Item::Uint(bits);
        });
    }
    shape("bits-before-lst", "FIELDS", "bits before lst", &|t| t.payload.entry(65_533).pairs().swap(0, 1));
    shape("lst-absent", "SHAPE", "no list", &|t| {
        t.payload.entry(65_533).pairs().remove(0);
    });
    shape("lst-text", "SHAPE", "a list that is a text", &|t| {
        t.payload.entry(65_533).pairs()[0].1 = Item::text("eNrbuRgAAhcBXQ")
    });
    shape("aggregation-uri", "SHAPE", "an entry that this format does not have", &|t| {
        t.payload.entry(65_533).pairs().push((Item::text("aggregation_uri"), Item::text("https://status.test")));
    });
    shape("sub-absent", "SHAPE", "no sub", &|t| t.payload.remove(2));
    shape("sub-space", "STATUS_URI", "a space in sub", &|t| {
        t.payload.entry(2).set(Item::text("https://status.test/gz/ 7"))
    });
    shape("sub-281-bytes", "STATUS_URI", "a sub of 281 bytes", &|t| {
        t.payload.entry(2).set(Item::text(&"a".repeat(281)))
    });
    shape("iat-absent", "SHAPE", "no iat", &|t| t.payload.remove(6));
    shape("iat-float", "ENCODING_UNUSED", "iat as a float", &|t| {
        t.payload.entry(6).set(Item::raw("fb41da911030000000"))
    });
    shape("exp-2200", "TIME_RANGE", "an end in 2200", &|t| t.payload.insert(4, Item::Uint(7_258_118_400)));
    shape("ttl-negative", "SHAPE", "a ttl below 0", &|t| t.payload.insert(65_534, Item::int(-1)));
    shape("claim-iss", "SHAPE", "a claim iss", &|t| t.payload.insert(1, Item::text("GZ")));
    shape("claim-after", "SHAPE", "a claim that is not known", &|t| t.payload.insert(65_540, Item::Uint(0)));
    shape("claims-trailing", "TRAILING_BYTES", "a byte after the claims", &|t| {
        t.payload = Item::Raw([t.payload.encode(), vec![0]].concat());
    });
    shape("claims-wide", "NOT_DETERMINISTIC", "the count of claims in two bytes", &|t| {
        t.payload = t.payload.widened(1)
    });
    shape("claims-indefinite", "ENCODING_UNUSED", "claims without a count", &|t| t.payload = t.payload.indefinite());

    token("key-unknown", Some("STATUS_KEY_UNKNOWN"), None, "a key that the trust list does not have", &|t| {
        *t = seven_of(&key("nobody"), LISTED, &[]);
    });
    let usage = Some("STATUS_KEY_USAGE");
    token("key-usage-permit", usage, None, "a key for permits", &|t| *t = seven_of(&key("GZ permit"), LISTED, &[]));
    token("key-usage-voucher", usage, None, "a key for vouchers", &|t| *t = seven_of(&key("GZ voucher"), LISTED, &[]));
    token("key-not-yet", usage, None, "signed a second before the key begins", &|t| {
        t.payload.entry(6).set(Item::Uint(seconds("2021-12-31T23:59:59+08:00")));
    });
    token("key-no-more", usage, None, "signed in the second in which the key ends", &|t| {
        t.payload.entry(6).set(Item::Uint(seconds("2030-01-01T00:00:00+08:00")));
    });
    token("root-key", Some("STATUS_KEY_UNKNOWN"), None, "a root key signs trust lists only", &|t| {
        *t = seven_of(&key("root 1"), LISTED, &[])
    });
    let signature = Some("STATUS_SIGNATURE");
    token("signed-by-another", signature, None, "signed by another key than the one it names", &|t| {
        t.key = key("SZ status")
    });
    for (name, aad) in [
        ("permit", objects::PERMIT),
        ("presentation", objects::PRESENTATION),
        ("enrolment", objects::ENROLMENT),
        ("trust-list", objects::TRUST_LIST),
    ] {
        token(&format!("domain-{name}"), signature, None, &format!("signed in the domain of a {name}"), &|t| {
            t.aad = aad
        });
    }
    token("alg-of-the-other-key", Some("STATUS_ALGORITHM"), None, "an Ed25519 key, and the algorithm of P-256", &|t| {
        t.protected.entry(1).set(Item::int(-9));
    });
    token(
        "p-256-alg-of-the-other-key",
        Some("STATUS_ALGORITHM"),
        None,
        "a P-256 key, and the algorithm of Ed25519",
        &|t| {
            *t = seven_of(&key("GZ status P-256"), LISTED, &[]);
            t.protected.entry(1).set(Item::int(-19));
        },
    );
    let p256 = key("GZ status P-256");
    let token = seven_of(&p256, LISTED, &[]);
    let high = token.item_with(&p256.sign_high_s(&token.message())).encode();
    status(all, "p-256-high-s", signature, None, "the other signature that ECDSA takes, with a high S", &high);
    let mut flipped = seven().encode();
    *flipped.last_mut().expect("a byte") ^= 0x80;
    status(all, "signature-bit-flipped", signature, None, "a bit of the signature is flipped", &flipped);
    let trailing = [seven().encode(), vec![0]].concat();
    status(all, "trailing-zero", malformed, Some("TRAILING_BYTES"), "a zero after the token", &trailing);
}

fn status_subjects(all: &mut Collection) {
    let uri = status_uri("GZ");
    let mut subject = |name: &str, code: Option<&str>, why: &str, subject: &str| {
        let mut token = seven();
        token.payload.entry(2).set(Item::text(subject));
        status(all, name, code, None, why, &token.encode());
    };
    subject("sub-list-0", None, "list number 0", &format!("{uri}/0"));
    subject("sub-list-2-64-less-1", None, "the highest list number", &format!("{uri}/{}", u64::MAX));
    let wrong = Some("STATUS_SUBJECT");
    subject("sub-other-issuer", wrong, "another issuer's status address", &format!("{}/7", status_uri("SZ")));
    subject("sub-leading-zeros", wrong, "007 is another name than 7", &format!("{uri}/007"));
    subject("sub-plus", wrong, "+7 is another name than 7", &format!("{uri}/+7"));
    subject("sub-minus", wrong, "a number below 0", &format!("{uri}/-1"));
    subject("sub-without-number", wrong, "no number", &format!("{uri}/"));
    subject("sub-without-slash", wrong, "no slash before the number", &format!("{uri}7"));
    subject("sub-slash-after", wrong, "a slash after the number", &format!("{uri}/7/"));
    subject("sub-letter", wrong, "a letter after the number", &format!("{uri}/7a"));
    subject("sub-2-64", wrong, "2^64 for a number", &format!("{uri}/18446744073709551616"));
    subject("sub-upper-case", wrong, "another spelling of the address", &format!("{}/7", uri.to_uppercase()));
    subject("sub-inside", wrong, "the address with more before it", &format!("https://other.test/{uri}/7"));
}

fn status_compression(all: &mut Collection) {
    let zlib = |bytes: &[u8]| miniz_oxide::deflate::compress_to_vec_zlib(bytes, 9);
    let mut lst = |name: &str, code: Option<&str>, why: &str, compressed: &[u8]| {
        let mut token = seven();
        token.payload.entry(65_533).set(objects::status_list_claim(compressed));
        status(all, name, code, None, why, &token.encode());
    };
    let most = vec![0u8; 262_144];
    lst("lst-most-entries", None, "2^20 entries, as many as a list may have", &zlib(&most));
    lst("lst-no-entries", None, "a list of nothing: every index is outside it", &zlib(&[]));
    lst(
        "lst-stored",
        None,
        "a zlib stream that compresses nothing",
        &miniz_oxide::deflate::compress_to_vec_zlib(&[0; 16], 0),
    );
    let large = Some("STATUS_TOO_LARGE");
    lst("lst-one-byte-too-many", large, "four entries more than 2^20", &zlib(&vec![0u8; 262_145]));
    lst("lst-bomb", large, "16 MiB of zeros in a few thousand bytes", &zlib(&vec![0u8; 16 << 20]));
    let bad = Some("STATUS_ZLIB");
    let good = zlib(&[0x40; 16]);
    lst("lst-empty", bad, "no byte at all", &[]);
    lst("lst-not-compressed", bad, "bytes that were never compressed", &[0x40; 16]);
    lst(
        "lst-raw-deflate",
        bad,
        "DEFLATE without the frame of zlib",
        &miniz_oxide::deflate::compress_to_vec(&[0x40; 16], 9),
    );
    lst("lst-gzip", bad, "the frame of gzip", &[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &good[2..]].concat());
    lst("lst-cut-short", bad, "the last byte is missing", &good[..good.len() - 1]);
    lst("lst-without-checksum", bad, "the checksum is missing", &good[..good.len() - 4]);
    let mut wrong = good.clone();
    *wrong.last_mut().expect("a byte") ^= 1;
    lst("lst-wrong-checksum", bad, "a checksum that does not fit", &wrong);
    let unchecked = [0x78, 1, 1, 0, 0, 0xff, 0xff, 0x0b, 0, 0, 0];
    lst(
        "lst-no-entries-wrong-checksum",
        bad,
        "a list of nothing, with a checksum that is not that of nothing",
        &unchecked,
    );
    lst("lst-trailing-zero", bad, "a zero after the stream", &[&good[..], &[0]].concat());
    lst("lst-two-streams", bad, "two streams", &[&good[..], &good[..]].concat());
    // RFC 1950: bit 5 of the second byte, then four bytes of the dictionary's checksum; 78 bb is divisible by 31.
    lst(
        "lst-preset-dictionary",
        bad,
        "a stream that wants a dictionary",
        &[&[0x78, 0xbb, 0, 0, 0, 1][..], &good[2..]].concat(),
    );
    lst("lst-reserved-block", bad, "a block of the reserved type", &[0x78, 0x9c, 0x07, 0, 0, 0, 1]);
}

fn status_updates(all: &mut Collection) {
    let gz = key("GZ status");
    let current = seven().encode();
    let hour_later = "2026-07-01T07:00:00+08:00";
    let mut follow = |name: &str, code: Option<&str>, why: &str, bytes: &[u8], now: &str| {
        status_after(all, name, code, None, why, bytes, Some(&current), now);
    };
    follow("next-newer", None, "signed an hour after the one in use", &seven_of(&gz, hour_later, &[]).encode(), NOON);
    follow(
        "next-second-newer",
        None,
        "signed a second after the one in use",
        &seven_of(&gz, "2026-07-01T06:00:01+08:00", &[]).encode(),
        NOON,
    );
    follow("next-is-the-one-in-use", None, "the very list that is in use", &current, NOON);
    let older = seven_of(&gz, "2026-07-01T05:59:59+08:00", &[]).encode();
    follow("rollback", Some("STATUS_ROLLBACK"), "signed a second before the one in use", &older, NOON);
    let other = seven_of(&gz, LISTED, &[(3, 0), (4, 1)]).encode();
    follow("same-time", Some("STATUS_SAME_TIME"), "another list of the same second", &other, NOON);
    let later = seven_of(&gz, hour_later, &[]).encode();
    follow("next-120-s-ahead", None, "signed 120 s ahead of the clock", &later, "2026-07-01T06:58:00+08:00");
    let future = Some("STATUS_FROM_FUTURE");
    follow("121-s-ahead", future, "signed 121 s ahead of the clock", &later, "2026-07-01T06:57:59+08:00");
    let mut ending = seven_of(&gz, hour_later, &[]);
    ending.payload.insert(4, Item::Uint(seconds("2026-07-02T00:00:00+08:00")));
    let ending = ending.encode();
    follow("expired", Some("STATUS_EXPIRED"), "offered at the second of its end", &ending, "2026-07-02T00:00:00+08:00");
    follow("last-second", None, "offered a second before its end", &ending, "2026-07-01T23:59:59+08:00");
}
