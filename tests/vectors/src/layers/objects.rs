//! Objects with a fault in their shape or in a value, well-formed CBOR all the same: SPEC sections 3 to 5.

use super::{Collection, expect};
use crate::item::Item;
use crate::objects::{
    self, PERMIT, PERMIT_CLAIMS, PRESENTATION, STATUS_LIST, Sign1, TRUST_LIST, digits, field, seconds,
};
use crate::sample_permits::{Sample, SamplePermits};
use crate::test_keys::{TestKey, ed25519_cose_key};
use crate::vector::{ObjectVector, Vector};
use crate::worlds::{self, NOON};

const SHAPE: &str = "SHAPE";

pub(super) fn add(all: &mut Collection, samples: &SamplePermits) {
    let setting = Setting { sample: samples.permit(5).clone() };
    permits(all, &setting);
    citizen_ids(all, &setting);
    names_and_addresses(all, &setting);
    presentations(all, &setting);
    vouchers(all, samples);
    challenges(all);
    enrolments(all);
}

/// The permit that faults are put into: one of Guangzhou that is valid at noon.
struct Setting {
    sample: Sample,
}

impl Setting {
    fn device(&self) -> TestKey {
        worlds::device(&self.sample)
    }

    fn permit(&self) -> Sign1 {
        let index = worlds::status_index(&self.sample);
        objects::permit(&self.sample, &worlds::key("GZ permit"), &self.device(), index)
    }

    fn present(&self, permit: &[u8]) -> Sign1 {
        objects::presentation(permit, &self.device(), seconds(NOON) - 4, *b"nonce-11")
    }

    /// A permit with a fault; issuer and device sign it as it is.
    fn push(&self, all: &mut Collection, name: &str, code: Option<&str>, why: &str, spoil: impl FnOnce(&mut Sign1)) {
        let mut permit = self.permit();
        spoil(&mut permit);
        self.push_bytes(all, name, code, why, &permit.encode());
    }

    fn push_bytes(&self, all: &mut Collection, name: &str, code: Option<&str>, why: &str, bytes: &[u8]) {
        let text = digits(1, &self.present(bytes).encode());
        all.add(name, Vector::Permit(object("permit", code, why, bytes, text)));
    }

    fn push_claim(&self, all: &mut Collection, name: &str, code: Option<&str>, why: &str, place: usize, item: Item) {
        self.push(all, name, code, why, |o| claims(o).element(place).set(item));
    }
}

fn object(object: &str, code: Option<&str>, why: &str, bytes: &[u8], text: String) -> ObjectVector {
    ObjectVector {
        why: why.into(),
        outcome: expect(code),
        code: code.map(String::from),
        object: object.into(),
        bytes: hex::encode(bytes),
        text: Some(text),
    }
}

fn claims(object: &mut Sign1) -> &mut Item {
    object.payload.entry(PERMIT_CLAIMS)
}

fn permits(all: &mut Collection, s: &Setting) {
    s.push(all, "right", None, "nothing is wrong: the permit that the faults are put into", |_| {});
    permit_headers(all, s);
    permit_envelopes(all, s);
    permit_times(all, s);
    device_keys(all, s);
    permit_fields(all, s);
    extensions(all, s);
}

fn permit_headers(all: &mut Collection, s: &Setting) {
    let kid = || worlds::key("GZ permit").kid();
    let algorithms = [
        (-8, "-8, EdDSA without its curve"),
        (-7, "-7, ES256"),
        (-9, "-9, which devices may have and issuers may not"),
        (-48, "-48, which is ML-DSA-44 and was SM2 in old drafts"),
        (-35, "-35, ES384"),
        (-53, "-53, Ed448"),
        (5, "5, HMAC with SHA-256: the public key would be the secret"),
        (0, "0, which is reserved"),
        (-257, "-257, RS256"),
    ];
    for (number, why) in algorithms {
        let name = format!("alg-{}", if number < 0 { format!("minus-{}", -number) } else { number.to_string() });
        let why = format!("alg is {why}");
        s.push(all, &name, Some("ALGORITHM_UNKNOWN"), &why, |o| o.protected.entry(1).set(Item::int(number)));
    }
    s.push(all, "alg-text", Some(SHAPE), "alg as text", |o| o.protected.entry(1).set(Item::text("A")));
    s.push(all, "alg-bytes", Some(SHAPE), "alg as bytes", |o| o.protected.entry(1).set(Item::bytes(&[0x32])));
    s.push(all, "alg-absent", Some(SHAPE), "no alg at all", |o| o.protected.remove(1));
    s.push(all, "alg-unprotected-only", Some(SHAPE), "alg where nothing protects it", |o| {
        o.protected.remove(1);
        o.unprotected.insert(1, Item::int(-19));
    });
    s.push(all, "alg-in-both", Some(SHAPE), "alg in both buckets, the same", |o| {
        o.unprotected.insert(1, Item::int(-19))
    });
    s.push(all, "alg-in-both-other", Some(SHAPE), "alg in both buckets, and they differ", |o| {
        o.unprotected.insert(1, Item::int(-9));
    });
    for (len, code) in [(0, SHAPE), (7, SHAPE), (9, SHAPE), (10, SHAPE), (32, "TOO_LONG")] {
        let why = format!("a kid of {len} bytes");
        s.push(all, &format!("kid-{len}-bytes"), Some(code), &why, |o| {
            o.protected.entry(4).set(Item::Bytes(vec![7; len]))
        });
    }
    s.push(all, "kid-absent", Some(SHAPE), "no kid", |o| o.protected.remove(4));
    s.push(all, "kid-text", Some(SHAPE), "kid as text", |o| o.protected.entry(4).set(Item::text("GZPERMIT")));
    s.push(all, "kid-unprotected-only", Some(SHAPE), "kid where nothing protects it", |o| {
        o.protected.remove(4);
        o.unprotected.insert(4, Item::bytes(&kid()));
    });
    s.push(all, "kid-in-both", Some(SHAPE), "kid in both buckets, the same", |o| {
        o.unprotected.insert(4, Item::bytes(&kid()))
    });
    s.push(all, "kid-in-both-other", Some(SHAPE), "kid in both buckets, and they differ", |o| {
        o.unprotected.insert(4, Item::bytes(&worlds::key("SZ permit").kid()));
    });
    let others = [
        (2, "crit", Item::array([Item::int(4)])),
        (3, "content-type", Item::Uint(61)),
        (5, "iv", Item::bytes(&[])),
        (7, "countersignature", Item::bytes(&[])),
        (15, "cwt-claims", Item::Map(Vec::new())),
        (16, "typ", Item::Uint(1)),
        (33, "x5chain", Item::bytes(&[])),
        (34, "x5t", Item::Array(Vec::new())),
        (35, "x5u", Item::text("")),
    ];
    for (label, name, value) in others {
        // The headers' sixteen bytes leave room for a small one: what refuses is the header, not the length.
        let why = format!("a protected header {label}, {name}");
        s.push(all, &format!("header-{label}-{name}-protected"), Some(SHAPE), &why, |o| {
            o.protected.insert(label, value.clone())
        });
        let why = format!("an unprotected header {label}, {name}");
        s.push(all, &format!("header-{label}-{name}-unprotected"), Some(SHAPE), &why, |o| {
            o.unprotected.insert(label, value)
        });
    }
    s.push(all, "header-text-label", Some(SHAPE), "a protected header whose label is a text", |o| {
        o.protected.pairs().push((Item::text("a"), Item::Uint(0)));
    });
    s.push(all, "headers-none", Some(SHAPE), "protected headers that are an empty map", |o| {
        o.protected = Item::Map(Vec::new())
    });
    s.push(all, "headers-empty-bytes", Some("CUT_SHORT"), "protected headers without a byte", |o| {
        o.protected = Item::Raw(Vec::new())
    });
    s.push(all, "headers-array", Some(SHAPE), "protected headers that are an array", |o| {
        o.protected = Item::array([Item::int(-19), Item::bytes(&kid())]);
    });
}

fn permit_envelopes(all: &mut Collection, s: &Setting) {
    let mut push = |name: &str, why: &str, spoil: &dyn Fn(&mut Item)| {
        let mut item = s.permit().item();
        spoil(&mut item);
        s.push_bytes(all, name, Some(SHAPE), why, &item.encode());
    };
    push("envelope-tag-18", "the tag of a COSE_Sign1, which a permit does not have", &|i| {
        *i = Item::Tag(18, Box::new(i.clone()))
    });
    push("envelope-tag-18-twice", "the tag twice", &|i| {
        *i = Item::Tag(18, Box::new(Item::Tag(18, Box::new(i.clone()))))
    });
    push("envelope-tag-61-18", "the tags of a CWT", &|i| {
        *i = Item::Tag(61, Box::new(Item::Tag(18, Box::new(i.clone()))))
    });
    push("envelope-tag-17", "the tag of a COSE_Mac0", &|i| *i = Item::Tag(17, Box::new(i.clone())));
    push("envelope-tag-98", "the tag of a COSE_Sign", &|i| *i = Item::Tag(98, Box::new(i.clone())));
    push("envelope-tag-998", "a tag that nobody knows", &|i| *i = Item::Tag(998, Box::new(i.clone())));
    push("envelope-3-elements", "no signature at all", &|i| i.elements().truncate(3));
    push("envelope-5-elements", "a fifth element", &|i| i.elements().push(Item::Uint(0)));
    push("envelope-map", "a map with the four elements", &|i| {
        let elements = i.elements().drain(..).enumerate().map(|(n, item)| (Item::Uint(n as u64), item)).collect();
        *i = Item::Map(elements);
    });
    push("envelope-in-bytes", "the permit in a byte string", &|i| *i = Item::embedded(i));
    push("protected-not-in-bytes", "protected headers as a map, not in a byte string", &|i| {
        i.element(0).set(s.permit().protected);
    });
    push("unprotected-bytes", "unprotected headers in a byte string", &|i| i.element(1).set(Item::bytes(&[0xa0])));
    push("unprotected-array", "unprotected headers that are an array", &|i| i.element(1).set(Item::Array(Vec::new())));
    push("payload-not-in-bytes", "claims as a map, not in a byte string", &|i| i.element(2).set(s.permit().payload));
    push("payload-false", "false for a payload", &|i| i.element(2).set(Item::Bool(false)));
    push("signature-63-bytes", "a signature of 63 bytes", &|i| i.element(3).set(Item::Bytes(vec![1; 63])));
    push("signature-65-bytes", "a signature of 65 bytes", &|i| i.element(3).set(Item::Bytes(vec![1; 65])));
    push("signature-empty", "a signature without a byte", &|i| i.element(3).set(Item::bytes(&[])));
    push("signature-text", "a signature that is a text", &|i| i.element(3).set(Item::text(&"a".repeat(64))));
    let mut detached = s.permit().item();
    detached.element(2).set(Item::raw("f6"));
    let why = "a payload that stands elsewhere (null)";
    s.push_bytes(all, "payload-detached", Some("ENCODING_UNUSED"), why, &detached.encode());
}

fn permit_times(all: &mut Collection, s: &Setting) {
    const FIRST: u64 = 946_684_800;
    const LAST: u64 = 7_258_118_399;
    let mut pair = |name: &str, code: Option<&str>, why: &str, iat: u64, exp: u64| {
        s.push(all, name, code, why, |o| {
            o.payload.entry(6).set(Item::Uint(iat));
            o.payload.entry(4).set(Item::Uint(exp));
        });
    };
    let year = 365 * 86_400;
    let then = seconds("2026-06-30T00:00:00+08:00");
    pair("iat-first-second", None, "iat at 2000-01-01T00:00:00Z, the first second there is", FIRST, then);
    pair("iat-before-2000", Some("TIME_RANGE"), "iat a second before 2000", FIRST - 1, then);
    pair("iat-zero", Some("TIME_RANGE"), "iat at 1970", 0, then);
    pair("exp-last-second", None, "exp at the last second of 2199", then, LAST);
    pair("exp-2200", Some("TIME_RANGE"), "exp at 2200-01-01T00:00:00Z", then, LAST + 1);
    pair("exp-milliseconds", Some("TIME_RANGE"), "exp in milliseconds", then, (then + year) * 1000);
    pair("exp-2-64-less-1", Some("TIME_RANGE"), "exp at 2^64 - 1", then, u64::MAX);
    pair("exp-equals-iat", Some("EXPIRY_BEFORE_ISSUE"), "exp at the second of iat", then, then);
    pair("exp-before-iat", Some("EXPIRY_BEFORE_ISSUE"), "exp before iat", then, then - 1);
    pair("exp-second-after-iat", None, "exp a second after iat", then, then + 1);
    for (label, name) in [(4, "exp"), (6, "iat")] {
        s.push(all, &format!("{name}-negative"), Some(SHAPE), "a time before 1970", |o| {
            o.payload.entry(label).set(Item::int(-1))
        });
        s.push(all, &format!("{name}-text"), Some(SHAPE), "a time as text", |o| {
            o.payload.entry(label).set(Item::text("0"))
        });
        s.push(all, &format!("{name}-bytes"), Some(SHAPE), "a time as bytes", |o| {
            o.payload.entry(label).set(Item::bytes(&[0x6a, 0x45, 0, 0xc0]))
        });
    }
    s.push(all, "exp-absent", Some(SHAPE), "no exp", |o| o.payload.remove(4));
    s.push(all, "iat-absent", Some(SHAPE), "no iat", |o| o.payload.remove(6));
    s.push(all, "permit-claims-absent", Some(SHAPE), "no permit-claims", |o| o.payload.remove(PERMIT_CLAIMS));
    s.push(all, "claims-empty", Some(SHAPE), "no claim at all", |o| o.payload = Item::Map(Vec::new()));
    s.push(all, "claims-array", Some(SHAPE), "claims that are an array", |o| {
        o.payload = Item::Array(vec![Item::Uint(1)])
    });
    s.push(all, "claim-iss", Some(SHAPE), "a claim iss", |o| o.payload.insert(1, Item::text("GZ")));
    s.push(all, "claim-nbf", Some(SHAPE), "a claim nbf", |o| o.payload.insert(5, Item::Uint(then)));
    s.push(all, "claim-cti", Some("CLAIMS_UNKNOWN"), "a claim cti", |o| o.payload.insert(7, Item::bytes(&[1])));
    s.push(all, "claim-private", Some("CLAIMS_UNKNOWN"), "one more claim of a private number", |o| {
        o.payload.insert(-65_539, Item::Uint(0))
    });
}

fn device_keys(all: &mut Collection, s: &Setting) {
    let mut push = |name: &str, code: Option<&str>, why: &str, key: Item| {
        s.push(all, name, code, why, |o| o.payload.entry(8).set(Item::map([(1, key)])));
    };
    let ed = s.device().cose_key();
    let p256 = worlds::key("device P-256").cose_key();
    push("cnf-p-256", None, "a device key of P-256", p256.clone());
    push(
        "cnf-kty-3",
        Some("KEY_TYPE_UNKNOWN"),
        "an RSA key",
        Item::map([(1, Item::Uint(3)), (-1, Item::bytes(&[1])), (-2, Item::bytes(&[1]))]),
    );
    push(
        "cnf-kty-4",
        Some("KEY_TYPE_UNKNOWN"),
        "a symmetric key",
        Item::map([(1, Item::Uint(4)), (-1, Item::bytes(&[1; 32]))]),
    );
    let with = |key: &Item, label: i64, value: Item| {
        let mut key = key.clone();
        key.entry(label).set(value);
        key
    };
    push("cnf-crv-x25519", Some("KEY_CURVE_UNKNOWN"), "an X25519 key", with(&ed, -1, Item::Uint(4)));
    push("cnf-crv-ed448", Some("KEY_CURVE_UNKNOWN"), "an Ed448 key", with(&ed, -1, Item::Uint(7)));
    push("cnf-crv-p-384", Some("KEY_CURVE_UNKNOWN"), "a P-384 key", with(&p256, -1, Item::Uint(2)));
    push(
        "cnf-crv-p-256-on-okp",
        Some("KEY_CURVE_UNKNOWN"),
        "an OKP key that names P-256",
        with(&ed, -1, Item::Uint(1)),
    );
    push("cnf-kty-of-the-other", Some("KEY_TYPE_UNKNOWN"), "an Ed25519 key that says EC2", with(&ed, 1, Item::Uint(2)));
    push("cnf-x-31-bytes", Some(SHAPE), "an x of 31 bytes", with(&ed, -2, Item::Bytes(vec![1; 31])));
    push("cnf-x-33-bytes", Some(SHAPE), "an x of 33 bytes", with(&ed, -2, Item::Bytes(vec![1; 33])));
    push("cnf-p-256-x-33-bytes", Some(SHAPE), "an x of P-256 with 33 bytes", with(&p256, -2, Item::Bytes(vec![1; 33])));
    push(
        "cnf-p-256-uncompressed",
        Some(SHAPE),
        "y as bytes: a point has one form",
        with(&p256, -3, Item::Bytes(vec![1; 32])),
    );
    let more = |key: &Item, label: i64, value: Item| {
        let mut key = key.clone();
        key.insert(label, value);
        key
    };
    push(
        "cnf-private-key",
        Some("KEY_TYPE_UNKNOWN"),
        "a private key beside the public one",
        more(&ed, -4, Item::Bytes(vec![1; 32])),
    );
    push("cnf-key-alg", Some("KEY_TYPE_UNKNOWN"), "an alg inside the key", more(&ed, 3, Item::int(-19)));
    push("cnf-key-ops", Some("KEY_TYPE_UNKNOWN"), "key_ops inside the key", more(&ed, 4, Item::array([Item::Uint(2)])));
    push("cnf-key-kid", Some("KEY_TYPE_UNKNOWN"), "a kid inside the key", more(&ed, 2, Item::bytes(&[1; 8])));
    push(
        "cnf-x-absent",
        Some("KEY_TYPE_UNKNOWN"),
        "a key without x",
        Item::map([(1, Item::Uint(1)), (-1, Item::Uint(6))]),
    );
    s.push(all, "cnf-by-kid", Some(SHAPE), "cnf that only names a key", |o| {
        o.payload.entry(8).set(Item::map([(3, Item::bytes(&[1; 8]))]))
    });
    s.push(all, "cnf-empty", Some(SHAPE), "cnf without a key", |o| o.payload.entry(8).set(Item::Map(Vec::new())));
    s.push(all, "cnf-key-and-kid", Some(SHAPE), "cnf with a key and a kid", |o| {
        o.payload.entry(8).insert(3, Item::bytes(&[1; 8]))
    });
    s.push(all, "cnf-absent", Some("KIND_AND_CLAIMS"), "kind 1 without a device key", |o| o.payload.remove(8));
}

fn permit_fields(all: &mut Collection, s: &Setting) {
    for kind in [0, 3, 255] {
        s.push_claim(
            all,
            &format!("kind-{kind}"),
            Some("KIND_UNKNOWN"),
            "kinds are 1 and 2",
            field::KIND,
            Item::Uint(kind),
        );
    }
    s.push_claim(
        all,
        "kind-2-with-device-key",
        Some("KIND_AND_CLAIMS"),
        "kind 2 with a device key",
        field::KIND,
        Item::Uint(2),
    );
    s.push_claim(all, "kind-text", Some(SHAPE), "the kind as text", field::KIND, Item::text("1"));
    s.push(all, "permit-claims-9-fields", Some("FIELDS"), "permit-claims without status", |o| {
        claims(o).elements().truncate(9)
    });
    s.push(all, "permit-claims-12-fields", Some("FIELDS"), "permit-claims with a twelfth field", |o| {
        claims(o).elements().extend([Item::map([(1, Item::Uint(0))]), Item::Uint(0)]);
    });
    s.push(all, "permit-claims-map", Some(SHAPE), "permit-claims that are a map", |o| {
        claims(o).set(Item::map([(1, Item::Uint(1))]))
    });

    let code = field::RESIDENCE_CODE;
    let right = 440_000_000_012_345 * 10 + 4;
    s.push_claim(all, "residence-code-right", None, "a residence code whose check digit fits", code, Item::Uint(right));
    for wrong in [0, 1, 2, 3, 5, 6, 7, 8, 9] {
        let why = "the check digit of the residence code does not fit";
        let name = format!("residence-code-check-digit-{wrong}");
        s.push_claim(all, &name, Some("RESIDENCE_CODE_CHECK_DIGIT"), why, code, Item::Uint(right - 4 + wrong));
    }
    let forms = [
        ("15-digits", right / 10, "a residence code of 15 digits: the first one would be 0"),
        ("17-digits", right * 10, "a residence code of 17 digits"),
        ("zero", 0, "0 for a residence code"),
        ("2-64-less-1", u64::MAX, "2^64 - 1 for a residence code"),
    ];
    for (name, number, why) in forms {
        s.push_claim(
            all,
            &format!("residence-code-{name}"),
            Some("RESIDENCE_CODE_FORM"),
            why,
            code,
            Item::Uint(number),
        );
    }
    s.push_claim(
        all,
        "residence-code-text",
        Some(SHAPE),
        "the residence code as text",
        code,
        Item::text("4400000000123454"),
    );

    for (number, code) in [
        (0, Some("ETHNICITY_RANGE")),
        (1, None),
        (56, None),
        (57, Some("ETHNICITY_RANGE")),
        (97, Some("ETHNICITY_RANGE")),
    ] {
        let why = "ethnicities are 1 to 56";
        s.push_claim(all, &format!("ethnicity-{number}"), code, why, field::ETHNICITY, Item::Uint(number));
    }
    s.push_claim(all, "ethnicity-text", Some(SHAPE), "the ethnicity as text", field::ETHNICITY, Item::text("HA"));

    let days = field::ISSUED_ON;
    // 2000-01-01 is day 10,957, 2199-12-31 is day 84,005.
    s.push_claim(all, "issued-on-first-day", None, "issued on 2000-01-01", days, Item::Uint(10_957));
    s.push_claim(all, "issued-on-before-2000", Some("DAY_RANGE"), "issued on 1999-12-31", days, Item::Uint(10_956));
    s.push_claim(all, "issued-on-seconds", Some("DAY_RANGE"), "issued-on in seconds", days, Item::Uint(1_756_598_400));
    s.push_claim(all, "issued-on-text", Some(SHAPE), "issued-on as text", days, Item::text("2025-08-31"));
    s.push_claim(all, "issued-on-negative", Some(SHAPE), "issued before 1970", days, Item::int(-1));
    let until = field::ENDORSED_UNTIL;
    s.push_claim(all, "endorsed-until-last-day", None, "endorsed until 2199-12-31", until, Item::Uint(84_005));
    s.push_claim(all, "endorsed-until-2200", Some("DAY_RANGE"), "endorsed until 2200-01-01", until, Item::Uint(84_006));
    s.push_claim(
        all,
        "endorsed-until-2-64-less-1",
        Some("DAY_RANGE"),
        "endorsed until day 2^64 - 1",
        until,
        Item::Uint(u64::MAX),
    );
    let issued = objects::day("2025-08-31");
    s.push_claim(
        all,
        "endorsed-until-day-of-issue",
        None,
        "endorsed until the day of issue",
        until,
        Item::Uint(issued),
    );
    let why = "endorsed until the day before the day of issue";
    s.push_claim(all, "endorsed-until-before-issue", Some("ENDORSED_BEFORE_ISSUE"), why, until, Item::Uint(issued - 1));

    let status = field::STATUS;
    s.push_claim(all, "status-1-element", Some(SHAPE), "a status without index", status, Item::array([Item::Uint(1)]));
    s.push_claim(
        all,
        "status-3-elements",
        Some(SHAPE),
        "a status of three",
        status,
        Item::array([Item::Uint(1), Item::Uint(1), Item::Uint(1)]),
    );
    s.push_claim(
        all,
        "status-index-negative",
        Some(SHAPE),
        "an index below 0",
        status,
        Item::array([Item::Uint(1), Item::int(-1)]),
    );
    s.push_claim(
        all,
        "status-list-text",
        Some(SHAPE),
        "a list that is a text",
        status,
        Item::array([Item::text("1"), Item::Uint(1)]),
    );
    s.push_claim(all, "status-uint", Some(SHAPE), "a status that is a number", status, Item::Uint(1));
}

fn extensions(all: &mut Collection, s: &Setting) {
    let mut push = |name: &str, code: Option<&str>, why: &str, item: Item| {
        s.push(all, &format!("extensions-{name}"), code, why, |o| claims(o).elements().push(item));
    };
    let agent = |name: &str, relation: Item| Item::map([(1, Item::array([Item::text(name), relation]))]);
    push("agent", None, "a family agent shows the permit", agent("黄代办", Item::Uint(3)));
    push("agent-relation-unknown", None, "a relation that has no word here is kept", agent("黄代办", Item::Uint(99)));
    push("portrait", None, "the digest of the portrait", Item::map([(2, Item::bytes(&[7; 16]))]));
    push(
        "unknown-4",
        None,
        "an extension that is not known is for the verdict to judge",
        Item::map([(4, Item::Uint(0))]),
    );
    push("unknown-2-64-less-1", None, "the highest key", Item::Map(vec![(Item::Uint(u64::MAX), Item::text("新"))]));
    push("key-0", Some("EXTENSION_ZERO"), "keys begin at 1", Item::map([(0, Item::Uint(0))]));
    push("key-0-and-agent", Some("EXTENSION_ZERO"), "key 0 before one that is known", {
        let mut both = agent("黄代办", Item::Uint(3));
        both.insert(0, Item::Uint(0));
        both
    });
    push("empty", Some("EXTENSIONS_EMPTY"), "an empty map where there should be none", Item::Map(Vec::new()));
    push("array", Some(SHAPE), "extensions that are an array", Item::array([Item::Uint(1)]));
    push("key-text", Some(SHAPE), "a key that is a text", Item::Map(vec![(Item::text("agent"), Item::Uint(0))]));
    push("key-negative", Some(SHAPE), "a key below 0", Item::map([(-1, Item::Uint(0))]));
    push(
        "agent-1-element",
        Some(SHAPE),
        "an agent without relation",
        Item::map([(1, Item::array([Item::text("黄代办")]))]),
    );
    push("agent-relation-text", Some(SHAPE), "a relation that is a text", agent("黄代办", Item::text("guardian")));
    push("agent-name-latin", Some("NAME_CHARACTER"), "an agent's name of Latin letters", agent("Huang", Item::Uint(1)));
    push("agent-name-empty", Some("NAME_EMPTY"), "an agent without a name", agent("", Item::Uint(1)));
    push("portrait-15-bytes", Some(SHAPE), "a digest of 15 bytes", Item::map([(2, Item::bytes(&[7; 15]))]));
    push("portrait-17-bytes", Some(SHAPE), "a digest of 17 bytes", Item::map([(2, Item::bytes(&[7; 17]))]));
    let note = Item::map([(3, Item::array([Item::text("P-0001"), Item::text("虚构派出所")]))]);
    push("voucher-note-in-kind-1", Some("KIND_AND_CLAIMS"), "the note of a voucher in a permit for a device", note);
}

fn citizen_ids(all: &mut Collection, s: &Setting) {
    let mut push = |name: &str, code: Option<&str>, why: &str, first17: u64| {
        s.push_claim(all, &format!("citizen-id-{name}"), code, why, field::CITIZEN_ID, Item::Uint(first17));
    };
    push(
        "18-digits",
        Some("ID_LENGTH"),
        "all eighteen digits, where seventeen go on the wire",
        430_407_199_205_179_970,
    );
    push("10-to-17", Some("ID_LENGTH"), "10^17, which is the first number of eighteen digits", 100_000_000_000_000_000);
    push(
        "legacy-15-digits",
        Some("ID_DIVISION"),
        "an old number of fifteen digits: its first six, with zeros in front, are no division",
        430_407_920_517_997,
    );
    push("zero", Some("ID_DIVISION"), "no division begins with zeros", 0);
    push("division-990101", Some("DIVISION_UNKNOWN"), "no such division, now or in the past", 99_010_119_920_517_997);
    push("hong-kong", Some("ID_HMT"), "810000, whose residents have a permit of their own", 81_000_019_920_517_997);
    push("macao", Some("ID_HMT"), "820000, the same", 82_000_019_920_517_997);
    push("taiwan", Some("ID_HMT"), "830000, the same", 83_000_019_920_517_996);
    push("birth-31-february", Some("ID_BIRTH_DATE"), "31 February", 43_040_719_900_231_997);
    push(
        "birth-29-february-2023",
        Some("ID_BIRTH_DATE"),
        "29 February of a year that has none",
        43_040_720_230_229_997,
    );
    push("birth-month-13", Some("ID_BIRTH_DATE"), "month 13", 43_040_719_901_301_997);
    push("birth-month-0", Some("ID_BIRTH_DATE"), "month 0", 43_040_719_900_001_997);
    push("birth-day-0", Some("ID_BIRTH_DATE"), "day 0", 43_040_719_900_100_997);
    push(
        "birth-29-february-1900",
        Some("ID_BIRTH_DATE"),
        "29 February 1900, a year divisible by 100",
        43_040_719_000_229_997,
    );
    push("birth-1899-12-31", Some("ID_BIRTH_BEFORE_1900"), "born the day before 1900", 43_040_718_991_231_997);
    push("birth-1900-01-01", None, "born on the first day of 1900", 43_040_719_000_101_997);
    push("birth-2200", Some("ID_BIRTH_FUTURE"), "born after every day there is", 43_040_722_000_101_997);
    push("birth-day-of-issue", None, "born on the day of issue", 43_040_720_250_831_997);
    push("birth-after-issue", Some("BORN_AFTER_ISSUE"), "born the day after the day of issue", 43_040_720_250_901_997);
    push("birth-2027", Some("BORN_AFTER_ISSUE"), "born in 2027, issued in 2025", 43_040_720_270_101_997);
    push(
        "retired-division",
        None,
        "a division that was dissolved (330123 富阳县): the number is for life",
        33_012_319_500_104_999,
    );
    s.push_claim(
        all,
        "citizen-id-text",
        Some(SHAPE),
        "the number as text",
        field::CITIZEN_ID,
        Item::text("430407199205179970"),
    );
    s.push_claim(all, "citizen-id-negative", Some(SHAPE), "a number below 0", field::CITIZEN_ID, Item::int(-1));
}

fn names_and_addresses(all: &mut Collection, s: &Setting) {
    let names = [
        ("50-characters", None, "fifty characters, as many as a name may have", "样".repeat(50)),
        ("51-characters", Some("NAME_TOO_LONG"), "fifty-one characters", "样".repeat(51)),
        ("one-character", None, "a name of one character", "样".into()),
        ("beyond-basic-plane", None, "characters beyond the basic plane and of extension A", "𠮷㛃䶮".into()),
        ("dots", None, "dots between the parts", "阿依古丽·示例·虚构".into()),
        ("empty", Some("NAME_EMPTY"), "no name", "".into()),
        ("leading-dot", Some("NAME_LEADING_DOT"), "a dot at the beginning", "·示例".into()),
        ("trailing-dot", Some("NAME_TRAILING_DOT"), "a dot at the end", "示例·".into()),
        ("doubled-dot", Some("NAME_DOUBLED_DOT"), "two dots in a row", "示例··虚构".into()),
        ("dot-u-2022", Some("NAME_OTHER_DOT"), "a bullet for a dot", "示例•虚构".into()),
        ("dot-u-2027", Some("NAME_OTHER_DOT"), "a hyphenation point for a dot", "示例‧虚构".into()),
        ("dot-u-30fb", Some("NAME_OTHER_DOT"), "a katakana dot for a dot", "示例・虚构".into()),
        ("dot-u-ff0e", Some("NAME_OTHER_DOT"), "a full-width full stop for a dot", "示例．虚构".into()),
        ("dot-u-002e", Some("NAME_OTHER_DOT"), "a full stop for a dot", "示例.虚构".into()),
        ("dot-u-ff65", Some("NAME_OTHER_DOT"), "a half-width katakana dot for a dot", "示例･虚构".into()),
        ("space", Some("NAME_CHARACTER"), "a space inside", "示 例".into()),
        ("latin", Some("NAME_CHARACTER"), "Latin letters", "Shili".into()),
        ("digit", Some("NAME_CHARACTER"), "a digit", "示例2".into()),
        ("cyrillic", Some("NAME_CHARACTER"), "a Cyrillic letter", "示а例".into()),
        ("combining-mark", Some("NAME_CHARACTER"), "a combining accent", "示\u{301}例".into()),
        ("markup", Some("NAME_CHARACTER"), "markup", "<b>示例</b>".into()),
        ("iteration-mark", Some("NAME_CHARACTER"), "an iteration mark, which is no character of a name", "示々".into()),
        ("kangxi-radical", Some("NAME_CHARACTER"), "a Kangxi radical that looks like a character", "⼀例".into()),
        ("ideographic-space", Some("NAME_INVISIBLE_CHARACTER"), "an ideographic space", "示\u{3000}例".into()),
        ("zero-width-space", Some("NAME_INVISIBLE_CHARACTER"), "a zero-width space", "示\u{200b}例".into()),
        ("zero-width-joiner", Some("NAME_INVISIBLE_CHARACTER"), "a zero-width joiner", "示\u{200d}例".into()),
        (
            "right-to-left-override",
            Some("NAME_INVISIBLE_CHARACTER"),
            "a sign that turns the direction",
            "示\u{202e}例".into(),
        ),
        ("isolate", Some("NAME_INVISIBLE_CHARACTER"), "a direction isolate", "\u{2066}示例\u{2069}".into()),
        ("byte-order-mark", Some("NAME_INVISIBLE_CHARACTER"), "a byte order mark", "\u{feff}示例".into()),
        ("variation-selector", Some("NAME_INVISIBLE_CHARACTER"), "a variation selector", "示\u{fe00}例".into()),
        (
            "ideographic-variation",
            Some("NAME_INVISIBLE_CHARACTER"),
            "an ideographic variation selector",
            "示\u{e0100}例".into(),
        ),
        ("nul", Some("NAME_INVISIBLE_CHARACTER"), "a zero character", "示\0例".into()),
        ("escape", Some("NAME_INVISIBLE_CHARACTER"), "a terminal's escape", "示\u{1b}例".into()),
        ("c1-control", Some("NAME_INVISIBLE_CHARACTER"), "a control of the second block", "示\u{9b}例".into()),
        (
            "private-use",
            Some("NAME_PRIVATE_USE_CHARACTER"),
            "a private-use character, as old systems wrote 䶮",
            "示\u{e863}".into(),
        ),
        (
            "compatibility",
            Some("NAME_COMPATIBILITY_CHARACTER"),
            "a compatibility form, which is not in normal form C",
            "示\u{f900}".into(),
        ),
        (
            "compatibility-supplement",
            Some("NAME_COMPATIBILITY_CHARACTER"),
            "a compatibility form beyond the basic plane",
            "示\u{2f800}".into(),
        ),
    ];
    for (name, code, why, text) in names {
        s.push_claim(all, &format!("name-{name}"), code, why, field::NAME, Item::text(&text));
    }
    s.push_claim(
        all,
        "name-bytes",
        Some(SHAPE),
        "a name that is a byte string",
        field::NAME,
        Item::bytes("示例".as_bytes()),
    );

    let place = |division: u64, detail: &str| Item::array([Item::Uint(division), Item::text(detail)]);
    let details = [
        ("120-characters", None, "120 characters, as many as a detail may have", "路".repeat(120)),
        ("121-characters", Some("TEXT_TOO_LONG"), "121 characters", "路".repeat(121)),
        ("empty", Some("TEXT_EMPTY"), "an empty detail", "".into()),
        ("leading-space", Some("TEXT_OUTER_SPACE"), "a space at the beginning", " 样板路1号".into()),
        ("trailing-space", Some("TEXT_OUTER_SPACE"), "a space at the end", "样板路1号 ".into()),
        ("markup", Some("TEXT_CHARACTER"), "markup", "<script>样板路</script>".into()),
        ("backslash", Some("TEXT_CHARACTER"), "a backslash", "样板路\\n1号".into()),
        (
            "full-width-less-than",
            Some("TEXT_CHARACTER"),
            "a full-width sign that software folds into markup",
            "样板路＜1号".into(),
        ),
        ("cyrillic", Some("TEXT_CHARACTER"), "a Cyrillic letter that looks like a Latin one", "样板路А座".into()),
        ("emoji", Some("TEXT_CHARACTER"), "a picture", "样板路🏠".into()),
        ("line-end", Some("TEXT_INVISIBLE_CHARACTER"), "a line end", "样板路\n1号".into()),
        ("escape", Some("TEXT_INVISIBLE_CHARACTER"), "a terminal's escape", "样板路\u{1b}[2J".into()),
        ("delete", Some("TEXT_INVISIBLE_CHARACTER"), "a delete character", "样板路\u{7f}1号".into()),
        (
            "right-to-left-override",
            Some("TEXT_INVISIBLE_CHARACTER"),
            "a sign that turns the direction",
            "样板路\u{202e}1号".into(),
        ),
        ("no-break-space", Some("TEXT_INVISIBLE_CHARACTER"), "a no-break space", "样板路\u{a0}1号".into()),
        ("private-use", Some("TEXT_PRIVATE_USE_CHARACTER"), "a private-use character", "样板路\u{e000}".into()),
        ("compatibility", Some("TEXT_COMPATIBILITY_CHARACTER"), "a compatibility form", "样板\u{f937}".into()),
    ];
    for (name, code, why, text) in details {
        s.push_claim(all, &format!("address-{name}"), code, why, field::ADDRESS, place(440_113, &text));
    }
    let divisions = [
        ("5-digits", "DIVISION_DIGITS", 44_011),
        ("7-digits", "DIVISION_DIGITS", 4_401_130),
        ("2-32-more", "DIVISION_DIGITS", (1 << 32) + 440_113),
        ("unknown", "DIVISION_UNKNOWN", 440_199),
        ("hong-kong-county", "DIVISION_UNKNOWN", 810_199),
    ];
    for (name, code, division) in divisions {
        let why = "a division that GB/T 2260 does not have, now or in the past";
        s.push_claim(
            all,
            &format!("address-division-{name}"),
            Some(code),
            why,
            field::ADDRESS,
            place(division, "样板路1号"),
        );
        s.push_claim(
            all,
            &format!("household-division-{name}"),
            Some(code),
            why,
            field::HOUSEHOLD,
            place(division, "样板路1号"),
        );
    }
    for (field, name) in [(field::HOUSEHOLD, "household"), (field::ADDRESS, "address")] {
        let one = Item::array([Item::Uint(440_113)]);
        s.push_claim(all, &format!("{name}-1-element"), Some(SHAPE), "a place without detail", field, one);
        let three = Item::array([Item::Uint(440_113), Item::text("样板路1号"), Item::Uint(0)]);
        s.push_claim(all, &format!("{name}-3-elements"), Some(SHAPE), "a place of three", field, three);
        s.push_claim(
            all,
            &format!("{name}-text"),
            Some(SHAPE),
            "a place that is a text",
            field,
            Item::text("广东省广州市"),
        );
        let turned = Item::array([Item::text("样板路1号"), Item::Uint(440_113)]);
        s.push_claim(all, &format!("{name}-turned-round"), Some(SHAPE), "detail before division", field, turned);
    }
}

fn presentations(all: &mut Collection, s: &Setting) {
    let good = s.permit().encode();
    let mut push = |name: &str, code: Option<&str>, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        let mut presentation = s.present(&good);
        spoil(&mut presentation);
        let bytes = presentation.encode();
        all.add(name, Vector::Presentation(object("presentation", code, why, &bytes, digits(1, &bytes))));
    };
    push("right", None, "nothing is wrong: the presentation that the faults are put into", &|_| {});
    push("right-with-answer", None, "with the answer to a challenge", &|o| {
        *o = objects::answering(o.clone(), "TIANHE-03", [9; 16])
    });
    for (number, name) in [(-8, "minus-8"), (-7, "minus-7"), (-48, "minus-48"), (5, "5"), (0, "0")] {
        push(&format!("alg-{name}"), Some("ALGORITHM_UNKNOWN"), "an algorithm that this format does not have", &|o| {
            o.protected.entry(1).set(Item::int(number));
        });
    }
    push("alg-absent", Some(SHAPE), "no alg", &|o| o.protected.remove(1));
    push("alg-unprotected-only", Some(SHAPE), "alg where nothing protects it", &|o| {
        o.protected.remove(1);
        o.unprotected.insert(1, Item::int(-19));
    });
    push("alg-in-both", Some(SHAPE), "alg in both buckets", &|o| o.unprotected.insert(1, Item::int(-19)));
    push("kcwt-absent", Some(SHAPE), "no permit", &|o| o.protected.remove(13));
    push("kcwt-unprotected-only", Some(SHAPE), "the permit where the device's signature does not reach it", &|o| {
        o.protected.remove(13);
        o.unprotected.insert(13, Item::Raw(good.clone()));
    });
    push("kcwt-in-both", Some(SHAPE), "a permit in both buckets", &|o| {
        o.unprotected.insert(13, Item::Raw(good.clone()))
    });
    push("kcwt-in-bytes", Some(SHAPE), "the permit in a byte string", &|o| {
        o.protected.entry(13).set(Item::bytes(&good))
    });
    push("kcwt-number", Some(SHAPE), "a number for a permit", &|o| o.protected.entry(13).set(Item::Uint(0)));
    push("kcwt-tagged", Some(SHAPE), "the permit with the tag 18", &|o| {
        o.protected.entry(13).set(Item::Tag(18, Box::new(Item::Raw(good.clone()))));
    });
    push("header-kid-protected", Some(SHAPE), "a kid beside the permit", &|o| {
        o.protected.insert(4, Item::bytes(&[1; 8]))
    });
    push("header-typ-protected", Some(SHAPE), "a typ", &|o| o.protected.insert(16, Item::Uint(1)));
    push("header-x5chain-unprotected", Some(SHAPE), "certificates of one's own", &|o| {
        o.unprotected.insert(33, Item::bytes(&[]))
    });
    push("header-kid-unprotected", Some(SHAPE), "a kid that is not protected", &|o| {
        o.unprotected.insert(4, Item::bytes(&[1; 8]))
    });
    push("tag-18", Some(SHAPE), "the tag of a COSE_Sign1", &|o| o.tag = Some(18));
    push("tag-98", Some(SHAPE), "the tag of a COSE_Sign", &|o| o.tag = Some(98));
    push("binding-array", Some(SHAPE), "a binding that is an array", &|o| o.payload = Item::array([Item::Uint(1)]));
    push("binding-empty", Some(SHAPE), "a binding of nothing", &|o| o.payload = Item::Map(Vec::new()));
    push("iat-absent", Some(SHAPE), "no iat", &|o| o.payload.remove(6));
    push("iat-text", Some(SHAPE), "iat as text", &|o| o.payload.entry(6).set(Item::text(NOON)));
    push("iat-negative", Some(SHAPE), "iat before 1970", &|o| o.payload.entry(6).set(Item::int(-1)));
    push("iat-before-2000", Some("TIME_RANGE"), "iat a second before 2000", &|o| {
        o.payload.entry(6).set(Item::Uint(946_684_799))
    });
    push("iat-2200", Some("TIME_RANGE"), "iat at 2200", &|o| o.payload.entry(6).set(Item::Uint(7_258_118_400)));
    push("iat-milliseconds", Some("TIME_RANGE"), "iat in milliseconds", &|o| {
        o.payload.entry(6).set(Item::Uint(seconds(NOON) * 1000))
    });
    push("nonce-absent", Some(SHAPE), "no nonce", &|o| o.payload.remove(10));
    for len in [0, 7, 9, 16] {
        push(&format!("nonce-{len}-bytes"), Some(SHAPE), "a nonce that is not of 8 bytes", &|o| {
            o.payload.entry(10).set(Item::Bytes(vec![1; len]))
        });
    }
    push("nonce-number", Some(SHAPE), "a nonce that is a number", &|o| o.payload.entry(10).set(Item::Uint(1)));
    push("claim-exp", Some(SHAPE), "an exp of the phone's own", &|o| {
        o.payload.insert(4, Item::Uint(seconds(NOON) + 3600))
    });
    push("claim-after", Some("CLAIMS_UNKNOWN"), "one more claim", &|o| o.payload.insert(100, Item::Uint(0)));
    let answered = |name: &str| objects::answering(s.present(&good), name, [9; 16]);
    push("aud-without-cnonce", Some(SHAPE), "a counter, and no challenge of it", &|o| {
        *o = answered("TIANHE-03");
        o.payload.remove(39);
    });
    push("cnonce-without-aud", Some("CLAIMS_UNKNOWN"), "a challenge, and no counter that asked", &|o| {
        *o = answered("TIANHE-03");
        o.payload.remove(3);
    });
    for (len, code) in [(32, None), (33, Some("COUNTER_ID_LENGTH")), (0, Some("COUNTER_ID_LENGTH"))] {
        push(&format!("aud-{len}-characters"), code, "a counter's id has 1 to 32 characters", &|o| {
            *o = answered(&"A".repeat(len))
        });
    }
    for (name, id) in [
        ("lower-case", "tianhe-03"),
        ("slash", "TIANHE/03"),
        ("han", "天河"),
        ("space", "TIANHE 03"),
        ("nul", "TIANHE\0"),
    ] {
        let why = "a counter's id has capital letters, digits and hyphens";
        push(&format!("aud-{name}"), Some("COUNTER_ID_CHARACTER"), why, &|o| *o = answered(id));
    }
    for len in [15, 17] {
        push(&format!("cnonce-{len}-bytes"), Some(SHAPE), "a challenge that is not of 16 bytes", &|o| {
            *o = answered("TIANHE-03");
            o.payload.entry(39).set(Item::Bytes(vec![9; len]));
        });
    }
    let paper = objects::voucher(s.permit()).encode();
    push(
        "voucher-inside",
        Some("VOUCHER_IN_PRESENTATION"),
        "a device presents a permit of kind 2, which is for paper",
        &|o| {
            o.protected.entry(13).set(Item::Raw(paper.clone()));
        },
    );
}

fn vouchers(all: &mut Collection, samples: &SamplePermits) {
    let sample = samples.permit(14);
    let good = || {
        let issuer = worlds::key("SZ voucher");
        objects::voucher(objects::permit(sample, &issuer, &worlds::device(sample), worlds::status_index(sample)))
    };
    let mut push = |name: &str, code: Option<&str>, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        let mut voucher = good();
        spoil(&mut voucher);
        let bytes = voucher.encode();
        all.add(name, Vector::Voucher(object("permit", code, why, &bytes, digits(2, &bytes))));
    };
    push("right", None, "nothing is wrong: the voucher that the faults are put into", &|_| {});
    let note = |serial: &str, place: &str| Item::array([Item::text(serial), Item::text(place)]);
    let set = |o: &mut Sign1, item: Item| claims(o).element(field::EXTENSIONS).entry(3).set(item);
    push("serial-40-characters", None, "a serial number of 40 characters", &|o| {
        set(o, note(&"7".repeat(40), "虚构派出所"))
    });
    push("serial-41-characters", Some("TEXT_TOO_LONG"), "a serial number of 41", &|o| {
        set(o, note(&"7".repeat(41), "虚构派出所"))
    });
    push("place-60-characters", None, "a place of 60 characters", &|o| set(o, note("P-1", &"所".repeat(60))));
    push("place-61-characters", Some("TEXT_TOO_LONG"), "a place of 61", &|o| set(o, note("P-1", &"所".repeat(61))));
    push("serial-empty", Some("TEXT_EMPTY"), "no serial number", &|o| set(o, note("", "虚构派出所")));
    push("place-empty", Some("TEXT_EMPTY"), "no place", &|o| set(o, note("P-1", "")));
    push("place-line-end", Some("TEXT_INVISIBLE_CHARACTER"), "a line end in the place", &|o| {
        set(o, note("P-1", "虚构\n派出所"))
    });
    push("serial-markup", Some("TEXT_CHARACTER"), "markup in the serial number", &|o| {
        set(o, note("<b>1</b>", "虚构派出所"))
    });
    push("note-1-element", Some(SHAPE), "a note without place", &|o| set(o, Item::array([Item::text("P-1")])));
    push("note-number", Some(SHAPE), "a serial number that is a number", &|o| {
        set(o, Item::array([Item::Uint(1), Item::text("所")]))
    });
    push("note-absent", Some("KIND_AND_CLAIMS"), "kind 2 without the note of a voucher", &|o| {
        claims(o).elements().truncate(10)
    });
    push("note-absent-other-extension", Some("KIND_AND_CLAIMS"), "kind 2 with another extension only", &|o| {
        claims(o).element(field::EXTENSIONS).set(Item::map([(2, Item::bytes(&[7; 16]))]));
    });
    push("device-key", Some("KIND_AND_CLAIMS"), "kind 2 with a device key", &|o| {
        o.payload.insert(8, objects::cnf(&worlds::device(sample)));
    });
    push("kind-1", Some("KIND_AND_CLAIMS"), "kind 1 with the note of a voucher and without device key", &|o| {
        claims(o).element(field::KIND).set(Item::Uint(1));
    });
}

fn challenges(all: &mut Collection) {
    let mut push = |name: &str, code: Option<&str>, why: &str, item: Item| {
        let bytes = item.encode();
        all.add(name, Vector::Challenge(object("challenge", code, why, &bytes, digits(3, &bytes))));
    };
    let (counter, cnonce, purpose) = (Item::text("TIANHE-03"), Item::bytes(&[3; 16]), Item::text("租房补贴"));
    push("right", None, "a counter and 128 bits", Item::array([counter.clone(), cnonce.clone()]));
    push("right-with-purpose", None, "with a purpose", Item::array([counter.clone(), cnonce.clone(), purpose.clone()]));
    let of = |counter: &str| Item::array([Item::text(counter), Item::bytes(&[3; 16])]);
    push("counter-32-characters", None, "the longest id", of(&"Z".repeat(32)));
    push("counter-33-characters", Some("COUNTER_ID_LENGTH"), "one character too many", of(&"Z".repeat(33)));
    push("counter-empty", Some("COUNTER_ID_LENGTH"), "no id", of(""));
    push("counter-lower-case", Some("COUNTER_ID_CHARACTER"), "a lower-case letter", of("tianhe-03"));
    push("counter-dots", Some("COUNTER_ID_CHARACTER"), "a path", of("../03"));
    for len in [0, 15, 17] {
        let item = Item::array([counter.clone(), Item::Bytes(vec![3; len])]);
        push(&format!("cnonce-{len}-bytes"), Some(SHAPE), "a challenge has 16 bytes", item);
    }
    push(
        "cnonce-text",
        Some(SHAPE),
        "a challenge that is a text",
        Item::array([counter.clone(), Item::text("0123456789abcdef")]),
    );
    let with = |purpose: &str| Item::array([counter.clone(), cnonce.clone(), Item::text(purpose)]);
    push("purpose-40-characters", None, "the longest purpose", with(&"用".repeat(40)));
    push("purpose-41-characters", Some("TEXT_TOO_LONG"), "one character too many", with(&"用".repeat(41)));
    push("purpose-empty", Some("TEXT_EMPTY"), "an empty purpose", with(""));
    push(
        "purpose-right-to-left",
        Some("TEXT_INVISIBLE_CHARACTER"),
        "a sign that turns the direction",
        with("补\u{202e}贴"),
    );
    push("1-element", Some("FIELDS"), "a counter and no challenge", Item::array([counter.clone()]));
    push(
        "4-elements",
        Some("FIELDS"),
        "a fourth element",
        Item::array([counter.clone(), cnonce.clone(), purpose, Item::Uint(0)]),
    );
    push("map", Some(SHAPE), "a map", Item::map([(1, counter), (2, cnonce)]));
}

fn enrolments(all: &mut Collection) {
    let device = worlds::key("device 5");
    let p256 = worlds::key("device P-256");
    let good = |device: &TestKey| objects::enrolment(device, seconds(NOON), [4; 16]);
    let mut push = |name: &str, code: Option<&str>, why: &str, bytes: &[u8]| {
        all.add(name, Vector::Enrolment(object("enrolment", code, why, bytes, digits(4, bytes))));
    };
    push("right", None, "nothing is wrong: the enrolment that the faults are put into", &good(&device).encode());
    push("right-p-256", None, "an enrolment of a P-256 key", &good(&p256).encode());

    let mut spoilt = |name: &str, code: &str, why: &str, spoil: &dyn Fn(&mut Sign1)| {
        let mut object = good(&device);
        spoil(&mut object);
        push(name, Some(code), why, &object.encode());
    };
    spoilt("alg-absent", SHAPE, "no alg", &|o| o.protected.remove(1));
    spoilt("alg-unprotected-only", SHAPE, "alg where nothing protects it", &|o| {
        o.protected.remove(1);
        o.unprotected.insert(1, Item::int(-19));
    });
    spoilt("alg-minus-8", "ALGORITHM_UNKNOWN", "EdDSA without its curve", &|o| o.protected.entry(1).set(Item::int(-8)));
    spoilt("alg-of-the-other-key", "ENROLMENT_ALGORITHM", "an Ed25519 key, and the algorithm of P-256", &|o| {
        o.protected.entry(1).set(Item::int(-9))
    });
    spoilt("header-kid", SHAPE, "a kid in the headers", &|o| o.protected.insert(4, Item::Bytes(vec![])));
    spoilt("nonce-15-bytes", SHAPE, "a nonce of 15 bytes", &|o| o.payload.entry(10).set(Item::Bytes(vec![4; 15])));
    spoilt("nonce-17-bytes", SHAPE, "a nonce of 17 bytes", &|o| o.payload.entry(10).set(Item::Bytes(vec![4; 17])));
    spoilt("nonce-absent", SHAPE, "no nonce", &|o| o.payload.remove(10));
    spoilt("cnf-absent", SHAPE, "no key", &|o| o.payload.remove(8));
    spoilt("iat-before-2000", "TIME_RANGE", "iat a second before 2000", &|o| {
        o.payload.entry(6).set(Item::Uint(946_684_799))
    });
    spoilt("residence-code-check-digit", "RESIDENCE_CODE_CHECK_DIGIT", "a check digit that does not fit", &|o| {
        o.payload.entry(-65_538).set(Item::Uint(4_400_000_000_123_455));
    });
    spoilt("claim-more", SHAPE, "a fifth claim", &|o| o.payload.insert(-65_539, Item::Uint(0)));
    let small_order = [
        ("identity", "0100000000000000000000000000000000000000000000000000000000000000"),
        ("order-2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        ("order-4", "0000000000000000000000000000000000000000000000000000000000000000"),
        ("order-8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        ("identity-other-encoding", "0100000000000000000000000000000000000000000000000000000000000080"),
    ];
    for (name, hex) in small_order {
        let key = ed25519_cose_key(&hex::decode(hex).expect("hex"));
        let why = "a key of small order, which takes signatures that nobody made";
        spoilt(&format!("key-small-order-{name}"), "KEY_SMALL_ORDER", why, &|o| {
            o.payload.entry(8).set(Item::map([(1, key.clone())]))
        });
    }
    // p + 3: y = 3 is a point, and has another encoding.
    let mut above_p = [0xff; 32];
    (above_p[0], above_p[31]) = (0xf0, 0x7f);
    let key = ed25519_cose_key(&above_p);
    spoilt("key-y-not-below-p", "KEY_NOT_A_POINT", "the other encoding of a point of Ed25519, with y above p", &|o| {
        o.payload.entry(8).set(Item::map([(1, key.clone())]))
    });
    // No x fits y = 2 on Ed25519.
    let mut two = [0u8; 32];
    two[0] = 2;
    let key = ed25519_cose_key(&two);
    spoilt("key-not-a-point", "KEY_NOT_A_POINT", "bytes that are no point of Ed25519", &|o| {
        o.payload.entry(8).set(Item::map([(1, key.clone())]))
    });
    let other = worlds::key("device 6");
    spoilt("signed-by-another", "ENROLMENT_SIGNATURE", "signed by another key than the one enrolled", &|o| {
        o.key = other.clone()
    });
    for (name, aad) in
        [("permit", PERMIT), ("presentation", PRESENTATION), ("trust-list", TRUST_LIST), ("status-list", STATUS_LIST)]
    {
        let why = format!("signed in the domain of a {name}");
        spoilt(&format!("domain-{name}"), "ENROLMENT_SIGNATURE", &why, &|o| o.aad = aad);
    }
    let mut bytes = good(&device).encode();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    push("signature-bit-flipped", Some("ENROLMENT_SIGNATURE"), "the last bit of the signature is flipped", &bytes);
    let object = good(&p256);
    let high = object.item_with(&p256.sign_high_s(&object.message())).encode();
    push("p-256-high-s", Some("ENROLMENT_SIGNATURE"), "the other signature that ECDSA takes, with a high S", &high);
    let mut object = good(&p256);
    object.protected.entry(1).set(Item::int(-19));
    let why = "a P-256 key, and the algorithm of Ed25519";
    push("p-256-alg-of-the-other-key", Some("ENROLMENT_ALGORITHM"), why, &object.encode());
    let mut object = good(&p256);
    object.payload.entry(8).entry(1).entry(-2).set(Item::Bytes(vec![0xff; 32]));
    push("p-256-not-a-point", Some("KEY_NOT_A_POINT"), "an x that is beyond the field of P-256", &object.encode());
    let mut object = good(&device);
    object.payload.insert(-65_539, Item::Bytes(vec![0; 400]));
    push("513-bytes-and-more", Some("TOO_LONG"), "more than 512 bytes", &object.encode());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom the tables are about.
    #[test]
    fn the_setting_is_the_sample_of_guangzhou() {
        let samples = SamplePermits::load();
        assert_eq!(samples.permit(5).residence.division, "440113");
        assert_eq!(samples.permit(5).permit.endorsement_anchor, "2025-08-31");
        assert_eq!(samples.permit(14).profile, "shenzhen");
    }
}
