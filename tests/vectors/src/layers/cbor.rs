//! Strict CBOR: SPEC section 2. Items by themselves, then every level of every object.

use super::{Collection, expect};
use crate::item::Item;
use crate::objects::{self, PERMIT_CLAIMS, Sign1, digits, field, seconds};
use crate::sample_permits::SamplePermits;
use crate::test_keys::TestKey;
use crate::vector::{ObjectVector, Vector};
use crate::worlds::{self, NOON};

const ENCODING: &str = "ENCODING_UNUSED";
const CUT_SHORT: &str = "CUT_SHORT";
const NOT_DETERMINISTIC: &str = "NOT_DETERMINISTIC";
const TRAILING: &str = "TRAILING_BYTES";
const SHAPE: &str = "SHAPE";

pub(super) fn add(all: &mut Collection, samples: &SamplePermits) {
    accepted_items(all);
    refused_items(all);
    levels(all, samples);
    sizes(all, samples);
}

fn push(
    all: &mut Collection,
    name: &str,
    why: &str,
    code: Option<&str>,
    object: &str,
    bytes: &[u8],
    text: Option<String>,
) {
    let vector = ObjectVector {
        why: why.into(),
        outcome: expect(code),
        code: code.map(String::from),
        object: object.into(),
        bytes: hex::encode(bytes),
        text,
    };
    all.add(name, Vector::Cbor(vector));
}

fn accepted_items(all: &mut Collection) {
    let cases = [
        (
            "integers",
            "the shortest form of integers at the bounds of every width",
            "8a0017181818ff19010019ffff1a000100001affffffff1b00000001000000001bffffffffffffffff",
        ),
        (
            "negative-integers",
            "the same below zero",
            "8a2037381838ff39010039ffff3a000100003affffffff3b00000001000000003bffffffffffffffff",
        ),
        ("keys-in-order", "the example of RFC 8949 section 4.2.1", "a80a001864002000617a006261610081186400812000f400"),
        ("false-and-true", "the only simple values in use", "82f4f5"),
        ("depth-8", "eight arrays, one in the other", "8181818181818180"),
        ("text-utf-8", "text beyond the basic plane", "64f0a0aeb7"),
    ];
    for (name, why, hex) in cases {
        let bytes = Item::raw(hex).encode();
        push(all, &format!("item-{name}"), why, None, "item", &bytes, None);
    }
    let most = Item::Array(vec![Item::Uint(0); 255]).encode();
    push(
        all,
        "item-256-items",
        "an array and its 255 elements: as many items as there may be",
        None,
        "item",
        &most,
        None,
    );
}

fn refused_items(all: &mut Collection) {
    let cases = [
        ("empty", CUT_SHORT, "no byte at all", ""),
        ("integer-0-in-2-bytes", NOT_DETERMINISTIC, "0 in two bytes", "1800"),
        ("integer-23-in-2-bytes", NOT_DETERMINISTIC, "23 in two bytes", "1817"),
        ("integer-255-in-3-bytes", NOT_DETERMINISTIC, "255 in three bytes", "1900ff"),
        ("integer-65535-in-5-bytes", NOT_DETERMINISTIC, "65,535 in five bytes", "1a0000ffff"),
        ("integer-2-32-less-1-in-9-bytes", NOT_DETERMINISTIC, "2^32 - 1 in nine bytes", "1b00000000ffffffff"),
        ("negative-1-in-2-bytes", NOT_DETERMINISTIC, "-1 in two bytes", "3800"),
        ("negative-24-in-3-bytes", NOT_DETERMINISTIC, "-24 in three bytes", "390017"),
        ("negative-256-in-5-bytes", NOT_DETERMINISTIC, "-256 in five bytes", "3a000000ff"),
        ("bytes-length-in-2-bytes", NOT_DETERMINISTIC, "a length of 1 in a byte of its own", "580100"),
        ("bytes-length-in-9-bytes", NOT_DETERMINISTIC, "a length of 1 in eight bytes", "5b000000000000000100"),
        ("text-length-in-2-bytes", NOT_DETERMINISTIC, "a length of 1 in a byte of its own", "780161"),
        ("text-length-in-3-bytes", NOT_DETERMINISTIC, "a length of 1 in two bytes", "79000161"),
        ("array-length-in-2-bytes", NOT_DETERMINISTIC, "a count of 1 in a byte of its own", "980100"),
        ("array-length-in-5-bytes", NOT_DETERMINISTIC, "a count of 1 in four bytes", "9a0000000100"),
        ("map-length-in-2-bytes", NOT_DETERMINISTIC, "a count of 1 in a byte of its own", "b8010000"),
        ("map-length-in-3-bytes", NOT_DETERMINISTIC, "a count of 1 in two bytes", "b900010000"),
        ("map-keys-unordered", NOT_DETERMINISTIC, "key 2 before key 1", "a202000100"),
        (
            "map-keys-by-length-first",
            NOT_DETERMINISTIC,
            "the order of RFC 7049, shorter keys first: -1 before 100",
            "a22000186400",
        ),
        ("map-key-twice", ENCODING, "key 1 twice with the same value", "a201000100"),
        ("map-key-twice-other-value", ENCODING, "key 1 twice with two values", "a201000101"),
        ("map-text-key-twice", ENCODING, "the key a twice", "a2616100616101"),
        ("map-nested-key-twice", ENCODING, "a key twice, in a map inside", "a101a202000201"),
        ("bytes-indefinite", ENCODING, "a byte string in chunks", "5f4100ff"),
        ("text-indefinite", ENCODING, "a text in chunks", "7f6161ff"),
        ("array-indefinite", ENCODING, "an array that ends by a break", "9f00ff"),
        ("map-indefinite", ENCODING, "a map that ends by a break", "bf0000ff"),
        ("array-indefinite-inside", ENCODING, "an array without length, inside another", "819f00ff"),
        ("break-alone", ENCODING, "a break with nothing to end", "ff"),
        ("reserved-28", ENCODING, "additional information 28", "1c"),
        ("reserved-29", ENCODING, "additional information 29", "5d"),
        ("reserved-30", ENCODING, "additional information 30", "9e"),
        ("integer-indefinite", ENCODING, "an integer with additional information 31", "1f"),
        ("tag-indefinite", ENCODING, "a tag with additional information 31", "df00"),
        ("float-16-zero", ENCODING, "0.0 in half precision", "f90000"),
        ("float-16-one", ENCODING, "1.0, which is no integer here", "f93c00"),
        ("float-nan", ENCODING, "not a number", "f97e00"),
        ("float-infinity", ENCODING, "infinity", "f97c00"),
        ("float-negative-infinity", ENCODING, "negative infinity", "f9fc00"),
        ("float-32", ENCODING, "1.5 in single precision", "fa3fc00000"),
        ("float-64", ENCODING, "1.1 in double precision", "fb3ff199999999999a"),
        ("float-64-nan-payload", ENCODING, "not a number, with a message in it", "fb7ff8000000000001"),
        ("null", ENCODING, "null", "f6"),
        ("undefined", ENCODING, "undefined", "f7"),
        ("simple-0", ENCODING, "simple value 0", "e0"),
        ("simple-19", ENCODING, "simple value 19", "f3"),
        ("simple-24", ENCODING, "simple value 24, not well-formed", "f818"),
        ("simple-255", ENCODING, "simple value 255", "f8ff"),
        ("false-in-2-bytes", ENCODING, "false in two bytes, not well-formed", "f814"),
        ("tag-0", ENCODING, "a date as text", "c074323032362d30372d30315431323a30303a30305a"),
        ("tag-1", ENCODING, "an epoch time", "c11a6a4500c0"),
        ("tag-24", ENCODING, "encoded CBOR", "d8184100"),
        ("tag-32", ENCODING, "a URI", "d82063613a62"),
        ("tag-55799", ENCODING, "self-described CBOR", "d9d9f700"),
        ("bignum", ENCODING, "2^64 as a big number", "c249010000000000000000"),
        ("bignum-small", NOT_DETERMINISTIC, "1 as a big number", "c24101"),
        ("bignum-negative", NOT_DETERMINISTIC, "-2 as a big number", "c34101"),
        ("trailing-zero", TRAILING, "a zero after the end", "0000"),
        ("trailing-line-end", TRAILING, "a line end after the end", "000a"),
        ("trailing-second-item", TRAILING, "a second array after the end", "81008100"),
        ("cut-short-argument", CUT_SHORT, "an integer of which a byte is missing", "1900"),
        ("cut-short-bytes", CUT_SHORT, "a byte string of which a byte is missing", "4200"),
        ("cut-short-array", CUT_SHORT, "an array of which an element is missing", "8200"),
        ("cut-short-map-value", CUT_SHORT, "a key without a value", "a100"),
        ("cut-short-tag", CUT_SHORT, "a tag with nothing behind it", "c1"),
        ("length-bytes-2-63-less-1", CUT_SHORT, "a byte string that claims 2^63 - 1 bytes", "5b7fffffffffffffff"),
        ("length-bytes-2-64-less-1", CUT_SHORT, "a byte string that claims 2^64 - 1 bytes", "5bffffffffffffffff"),
        ("length-text-2-64-less-1", CUT_SHORT, "a text that claims 2^64 - 1 bytes", "7bffffffffffffffff"),
        ("length-array-2-64-less-1", CUT_SHORT, "an array that claims 2^64 - 1 elements", "9bffffffffffffffff"),
        ("length-map-2-64-less-1", CUT_SHORT, "a map that claims 2^64 - 1 pairs", "bbffffffffffffffff"),
        ("length-map-2-63", CUT_SHORT, "a map that claims 2^63 pairs: twice that is 2^64", "bb8000000000000000"),
        ("length-array-2-32-less-1", CUT_SHORT, "an array that claims 2^32 - 1 elements", "9affffffff"),
        ("utf-8-ff", ENCODING, "a byte that UTF-8 does not have", "61ff"),
        ("utf-8-overlong-zero", ENCODING, "zero in two bytes", "62c080"),
        ("utf-8-surrogate", ENCODING, "half a surrogate pair", "63eda080"),
        ("utf-8-cut-short", ENCODING, "two of the three bytes of a character", "62e6b0"),
        ("utf-8-beyond-unicode", ENCODING, "code point 110000", "64f4908080"),
        ("depth-9", "TOO_DEEP", "nine arrays, one in the other", "81818181818181818100"),
        ("depth-9-maps", "TOO_DEEP", "nine maps, one in the other", "a100a100a100a100a100a100a100a100a10000"),
        ("depth-9-tags", "TOO_DEEP", "nine tags, one around the other", "c1c1c1c1c1c1c1c1c100"),
        ("depth-9-empty-array", "TOO_DEEP", "nine arrays, the innermost empty", "818181818181818180"),
    ];
    for (name, code, why, hex) in cases {
        let bytes = Item::raw(hex).encode();
        push(all, &format!("item-{name}"), why, Some(code), "item", &bytes, None);
    }
    let many = Item::Array(vec![Item::Uint(0); 256]).encode();
    push(all, "item-257-items", "an array and its 256 elements", Some("TOO_MANY_ITEMS"), "item", &many, None);
    let deep = [vec![0x81; 2000], vec![0]].concat();
    push(all, "item-depth-2000", "two thousand arrays, one in the other", Some("TOO_DEEP"), "item", &deep, None);
    let long = Item::Bytes(vec![0; 2046]).encode();
    push(all, "item-2049-bytes", "2,049 bytes, one too many", Some("TOO_LONG"), "item", &long, None);
}

/// An object whose levels can be reached one by one.
type Spoil = (&'static str, Option<&'static str>, &'static str, fn(&mut Sign1));

/// Every fault of encoding at every level of a permit, a presentation, a challenge and an enrolment. The signatures are made over the faulty
/// bytes, so that nothing else is wrong.
fn levels(all: &mut Collection, samples: &SamplePermits) {
    let sample = samples.permit(5);
    let (issuer, device) = (worlds::key("GZ permit"), worlds::device(sample));
    let permit = || {
        let mut permit = objects::permit(sample, &issuer, &device, worlds::status_index(sample));
        let extensions =
            Item::map([(1, Item::array([Item::text("黄代办"), Item::Uint(3)])), (2, Item::bytes(&[7; 16]))]);
        permit.payload.entry(PERMIT_CLAIMS).elements().push(extensions);
        permit
    };
    let carry = |permit: &[u8], device: &TestKey| {
        let code = objects::presentation(permit, device, seconds(NOON) - 4, *b"nonce-01");
        digits(1, &code.encode())
    };
    for (name, code, why, spoil) in permit_levels() {
        let mut object = permit();
        spoil(&mut object);
        let bytes = object.encode();
        let text = Some(carry(&bytes, &device));
        push(all, &format!("permit-{name}"), why, code, "permit", &bytes, text);
    }
    let whole = permit().item();
    for (name, code, why, item) in envelopes(&whole) {
        let bytes = item.encode();
        let text = Some(carry(&bytes, &device));
        push(all, &format!("permit-envelope-{name}"), why, Some(code), "permit", &bytes, text);
    }

    let good = permit().encode();
    let presentation = || {
        objects::answering(objects::presentation(&good, &device, seconds(NOON) - 4, *b"nonce-02"), "TIANHE-03", [9; 16])
    };
    for (name, code, why, spoil) in presentation_levels() {
        let mut object = presentation();
        spoil(&mut object);
        let bytes = object.encode();
        let text = Some(digits(1, &bytes));
        push(all, &format!("presentation-{name}"), why, code, "presentation", &bytes, text);
    }
    for (name, code, why, item) in envelopes(&presentation().item()) {
        let bytes = item.encode();
        let text = Some(digits(1, &bytes));
        push(all, &format!("presentation-envelope-{name}"), why, Some(code), "presentation", &bytes, text);
    }

    let challenge = Item::array([Item::text("TIANHE-03"), Item::bytes(&[3; 16]), Item::text("租房补贴")]);
    for (name, code, why, item) in envelopes(&challenge) {
        let bytes = item.encode();
        let text = Some(digits(3, &bytes));
        push(all, &format!("challenge-{name}"), why, Some(code), "challenge", &bytes, text);
    }
    let mut wide = challenge.clone();
    let counter = wide.element(0).widened(1);
    wide.element(0).set(counter);
    let bytes = wide.encode();
    let why = "the length of the counter's id takes a byte of its own";
    push(all, "challenge-counter-wide", why, Some(NOT_DETERMINISTIC), "challenge", &bytes, Some(digits(3, &bytes)));

    let enrolment = || objects::enrolment(&device, seconds(NOON), [4; 16]);
    for (name, code, why, spoil) in enrolment_levels() {
        let mut object = enrolment();
        spoil(&mut object);
        let bytes = object.encode();
        let text = Some(digits(4, &bytes));
        push(all, &format!("enrolment-{name}"), why, code, "enrolment", &bytes, text);
    }
    for (name, code, why, item) in envelopes(&enrolment().item()) {
        let bytes = item.encode();
        let text = Some(digits(4, &bytes));
        push(all, &format!("enrolment-envelope-{name}"), why, Some(code), "enrolment", &bytes, text);
    }
}

fn envelopes(item: &Item) -> Vec<(&'static str, &'static str, &'static str, Item)> {
    let bytes = item.encode();
    let with = |more: &[u8]| Item::Raw([&bytes, more].concat());
    vec![
        ("wide", NOT_DETERMINISTIC, "the outer array's count takes a byte of its own", item.widened(1)),
        ("indefinite", ENCODING, "the outer array has no length", item.indefinite()),
        ("trailing-zero", TRAILING, "a zero after the object", with(&[0])),
        ("trailing-object", TRAILING, "the object twice", with(&bytes)),
        ("cut-short", CUT_SHORT, "the last byte is missing", Item::Raw(bytes[..bytes.len() - 1].to_vec())),
    ]
}

/// Replaces an item by itself with a head that is one byte longer than needed.
fn widen(item: &mut Item) {
    *item = item.widened(1);
}

fn unlengthen(item: &mut Item) {
    *item = item.indefinite();
}

fn trail(item: &mut Item) {
    *item = Item::Raw([item.encode(), vec![0]].concat());
}

fn claims(object: &mut Sign1) -> &mut Item {
    object.payload.entry(PERMIT_CLAIMS)
}

fn device_key(object: &mut Sign1) -> &mut Item {
    object.payload.entry(8).entry(1)
}

fn repeat_first(item: &mut Item) {
    let pairs = item.pairs();
    let first = pairs[0].clone();
    pairs.insert(0, first);
}

fn swap_first(item: &mut Item) {
    item.pairs().swap(0, 1);
}

fn permit_levels() -> Vec<Spoil> {
    vec![
        ("levels-right", None, "nothing is wrong: the permit that the faults of encoding are put into", |_| {}),
        ("protected-wide", Some(NOT_DETERMINISTIC), "the count of protected headers in two bytes", |o| {
            widen(&mut o.protected)
        }),
        ("protected-indefinite", Some(ENCODING), "protected headers without a count", |o| unlengthen(&mut o.protected)),
        ("protected-trailing", Some(TRAILING), "a byte after the protected headers", |o| trail(&mut o.protected)),
        ("protected-unordered", Some(SHAPE), "kid before alg", |o| swap_first(&mut o.protected)),
        ("protected-alg-twice", Some(SHAPE), "alg twice", |o| repeat_first(&mut o.protected)),
        ("protected-alg-wide", Some(NOT_DETERMINISTIC), "alg in a longer form", |o| widen(o.protected.entry(1))),
        ("protected-kid-wide", Some(NOT_DETERMINISTIC), "the length of kid in two bytes", |o| {
            widen(o.protected.entry(4))
        }),
        ("unprotected-wide", Some(NOT_DETERMINISTIC), "the empty map of unprotected headers in two bytes", |o| {
            widen(&mut o.unprotected)
        }),
        ("unprotected-indefinite", Some(ENCODING), "the empty map of unprotected headers without a count", |o| {
            unlengthen(&mut o.unprotected)
        }),
        ("claims-wide", Some(NOT_DETERMINISTIC), "the count of claims in two bytes", |o| widen(&mut o.payload)),
        ("claims-indefinite", Some(ENCODING), "claims without a count", |o| unlengthen(&mut o.payload)),
        ("claims-trailing", Some(TRAILING), "a byte after the claims", |o| trail(&mut o.payload)),
        ("claims-unordered", Some(SHAPE), "iat before exp", |o| swap_first(&mut o.payload)),
        ("claims-exp-twice", Some(SHAPE), "exp twice", |o| repeat_first(&mut o.payload)),
        ("claims-key-wide", Some(NOT_DETERMINISTIC), "the key 4 in two bytes", |o| widen(&mut o.payload.pairs()[0].0)),
        ("claims-exp-wide", Some(NOT_DETERMINISTIC), "exp in nine bytes", |o| {
            let wide = o.payload.entry(4).widened(8);
            o.payload.entry(4).set(wide);
        }),
        ("claims-exp-float", Some(ENCODING), "exp as a float", |o| {
            o.payload.entry(4).set(Item::raw("fb41daa40000000000"))
        }),
        ("claims-exp-nan", Some(ENCODING), "exp that is not a number: later than nothing and never over", |o| {
            o.payload.entry(4).set(Item::raw("f97e00"))
        }),
        ("claims-exp-infinity", Some(ENCODING), "exp at infinity", |o| o.payload.entry(4).set(Item::raw("f97c00"))),
        ("claims-exp-bignum", Some(SHAPE), "exp as a big number", |o| {
            o.payload.entry(4).set(Item::raw("c2446a4500c0"))
        }),
        ("claims-iat-bignum", Some(SHAPE), "iat as a big number", |o| {
            o.payload.entry(6).set(Item::raw("c2446a4500c0"))
        }),
        ("claims-iat-null", Some(ENCODING), "iat as null", |o| o.payload.entry(6).set(Item::raw("f6"))),
        ("claims-cnf-wide", Some(NOT_DETERMINISTIC), "the count in cnf in two bytes", |o| widen(o.payload.entry(8))),
        ("claims-cnf-indefinite", Some(ENCODING), "cnf without a count", |o| unlengthen(o.payload.entry(8))),
        ("claims-cnf-key-twice", Some(SHAPE), "two keys in cnf", |o| repeat_first(o.payload.entry(8))),
        ("device-key-wide", Some(NOT_DETERMINISTIC), "the count in the COSE_Key in two bytes", |o| {
            widen(device_key(o))
        }),
        ("device-key-indefinite", Some(ENCODING), "the COSE_Key without a count", |o| unlengthen(device_key(o))),
        ("device-key-unordered", Some(SHAPE), "crv before kty", |o| swap_first(device_key(o))),
        ("device-key-kty-twice", Some("KEY_TYPE_UNKNOWN"), "kty twice", |o| repeat_first(device_key(o))),
        ("device-key-x-wide", Some(NOT_DETERMINISTIC), "the length of x in three bytes", |o| {
            let wide = device_key(o).entry(-2).widened(2);
            device_key(o).entry(-2).set(wide);
        }),
        ("permit-claims-wide", Some(NOT_DETERMINISTIC), "the count of permit-claims in two bytes", |o| {
            widen(claims(o))
        }),
        ("permit-claims-indefinite", Some(ENCODING), "permit-claims without a count", |o| unlengthen(claims(o))),
        ("kind-wide", Some(NOT_DETERMINISTIC), "the kind in two bytes", |o| widen(claims(o).element(field::KIND))),
        ("name-wide", Some(NOT_DETERMINISTIC), "the length of the name in two bytes", |o| {
            widen(claims(o).element(field::NAME))
        }),
        ("name-indefinite", Some(ENCODING), "the name in chunks", |o| unlengthen(claims(o).element(field::NAME))),
        ("name-utf-8", Some(SHAPE), "a name that is not UTF-8", |o| {
            claims(o).element(field::NAME).set(Item::raw("62c080"))
        }),
        ("citizen-id-bignum", Some(SHAPE), "the citizen ID number as a big number", |o| {
            claims(o).element(field::CITIZEN_ID).set(Item::raw("c241ff"))
        }),
        ("household-wide", Some(NOT_DETERMINISTIC), "the count of household in two bytes", |o| {
            widen(claims(o).element(field::HOUSEHOLD))
        }),
        ("household-indefinite", Some(ENCODING), "household without a count", |o| {
            unlengthen(claims(o).element(field::HOUSEHOLD))
        }),
        ("address-wide", Some(NOT_DETERMINISTIC), "the count of address in two bytes", |o| {
            widen(claims(o).element(field::ADDRESS))
        }),
        ("address-division-wide", Some(NOT_DETERMINISTIC), "the division of address in nine bytes", |o| {
            let wide = claims(o).element(field::ADDRESS).element(0).widened(8);
            claims(o).element(field::ADDRESS).element(0).set(wide);
        }),
        ("address-detail-indefinite", Some(ENCODING), "the detail of address in chunks", |o| {
            unlengthen(claims(o).element(field::ADDRESS).element(1))
        }),
        ("issued-on-tag", Some(SHAPE), "issued-on with the tag 100 of days", |o| {
            let day = claims(o).element(field::ISSUED_ON).clone();
            claims(o).element(field::ISSUED_ON).set(Item::Tag(100, Box::new(day)));
        }),
        ("status-wide", Some(NOT_DETERMINISTIC), "the count of status in two bytes", |o| {
            widen(claims(o).element(field::STATUS))
        }),
        ("status-indefinite", Some(ENCODING), "status without a count", |o| {
            unlengthen(claims(o).element(field::STATUS))
        }),
        ("extensions-wide", Some(NOT_DETERMINISTIC), "the count of extensions in two bytes", |o| {
            widen(claims(o).element(field::EXTENSIONS))
        }),
        ("extensions-indefinite", Some(ENCODING), "extensions without a count", |o| {
            unlengthen(claims(o).element(field::EXTENSIONS))
        }),
        ("extensions-unordered", Some(NOT_DETERMINISTIC), "extension 2 before 1", |o| {
            swap_first(claims(o).element(field::EXTENSIONS))
        }),
        ("extensions-key-twice", Some(NOT_DETERMINISTIC), "extension 1 twice", |o| {
            repeat_first(claims(o).element(field::EXTENSIONS))
        }),
        ("extensions-key-wide", Some(NOT_DETERMINISTIC), "the key 1 in two bytes", |o| {
            widen(&mut claims(o).element(field::EXTENSIONS).pairs()[0].0)
        }),
        ("extensions-unknown-twice-last", Some(NOT_DETERMINISTIC), "extension 9 twice, where it is unknown", |o| {
            let pairs = claims(o).element(field::EXTENSIONS).pairs();
            pairs.extend([(Item::Uint(9), Item::Uint(0)), (Item::Uint(9), Item::Uint(1))]);
        }),
        (
            "extensions-unknown-wide",
            Some(NOT_DETERMINISTIC),
            "a longer form inside an extension that is not known",
            |o| {
                claims(o).element(field::EXTENSIONS).insert(9, Item::array([Item::raw("1800")]));
            },
        ),
        (
            "extensions-unknown-map-unordered",
            Some(NOT_DETERMINISTIC),
            "unordered keys inside an extension that is not known",
            |o| {
                claims(o).element(field::EXTENSIONS).insert(9, Item::raw("a202000100"));
            },
        ),
        ("extensions-unknown-float", Some(ENCODING), "a float inside an extension that is not known", |o| {
            claims(o).element(field::EXTENSIONS).insert(9, Item::raw("f93c00"));
        }),
        ("extensions-unknown-tag", Some(ENCODING), "a tag inside an extension that is not known", |o| {
            claims(o).element(field::EXTENSIONS).insert(9, Item::raw("c100"));
        }),
        ("extensions-unknown-depth-8", None, "an extension that is not known, eight levels deep in the claims", |o| {
            claims(o).element(field::EXTENSIONS).insert(9, Item::raw("818181818100"));
        }),
        (
            "extensions-unknown-depth-9",
            Some("TOO_DEEP"),
            "an extension that is not known, nine levels deep in the claims",
            |o| {
                claims(o).element(field::EXTENSIONS).insert(9, Item::raw("81818181818100"));
            },
        ),
        ("extensions-unknown-depth-9-empty", Some("TOO_DEEP"), "the ninth level is an empty array", |o| {
            claims(o).element(field::EXTENSIONS).insert(9, Item::raw("818181818180"));
        }),
    ]
}

fn presentation_levels() -> Vec<Spoil> {
    vec![
        ("levels-right", None, "nothing is wrong: the presentation that the faults of encoding are put into", |_| {}),
        ("protected-wide", Some(NOT_DETERMINISTIC), "the count of protected headers in two bytes", |o| {
            widen(&mut o.protected)
        }),
        ("protected-indefinite", Some(ENCODING), "protected headers without a count", |o| unlengthen(&mut o.protected)),
        ("protected-trailing", Some(TRAILING), "a byte after the protected headers", |o| trail(&mut o.protected)),
        ("protected-unordered", Some(SHAPE), "kcwt before alg", |o| swap_first(&mut o.protected)),
        ("protected-alg-twice", Some(SHAPE), "alg twice", |o| repeat_first(&mut o.protected)),
        ("protected-alg-wide", Some(NOT_DETERMINISTIC), "alg in a longer form", |o| widen(o.protected.entry(1))),
        ("unprotected-wide", Some(NOT_DETERMINISTIC), "the empty map of unprotected headers in two bytes", |o| {
            widen(&mut o.unprotected)
        }),
        ("binding-wide", Some(NOT_DETERMINISTIC), "the count of binding in two bytes", |o| widen(&mut o.payload)),
        ("binding-indefinite", Some(ENCODING), "binding without a count", |o| unlengthen(&mut o.payload)),
        ("binding-trailing", Some(TRAILING), "a byte after binding", |o| trail(&mut o.payload)),
        ("binding-unordered", Some(SHAPE), "iat before aud", |o| swap_first(&mut o.payload)),
        ("binding-aud-twice", Some(SHAPE), "aud twice", |o| repeat_first(&mut o.payload)),
        ("binding-iat-wide", Some(NOT_DETERMINISTIC), "iat in nine bytes", |o| {
            let wide = o.payload.entry(6).widened(8);
            o.payload.entry(6).set(wide);
        }),
        ("binding-nonce-wide", Some(NOT_DETERMINISTIC), "the length of nonce in two bytes", |o| {
            widen(o.payload.entry(10))
        }),
        ("binding-nonce-indefinite", Some(ENCODING), "nonce in chunks", |o| unlengthen(o.payload.entry(10))),
        ("binding-iat-float", Some(ENCODING), "iat as a float", |o| {
            o.payload.entry(6).set(Item::raw("fb41da911030000000"))
        }),
        ("binding-iat-nan", Some(ENCODING), "iat that is not a number: never too old", |o| {
            o.payload.entry(6).set(Item::raw("f97e00"))
        }),
    ]
}

fn enrolment_levels() -> Vec<Spoil> {
    vec![
        ("protected-wide", Some(NOT_DETERMINISTIC), "the count of protected headers in two bytes", |o| {
            widen(&mut o.protected)
        }),
        ("protected-trailing", Some(TRAILING), "a byte after the protected headers", |o| trail(&mut o.protected)),
        ("protected-alg-wide", Some(NOT_DETERMINISTIC), "alg in a longer form", |o| widen(o.protected.entry(1))),
        ("claims-wide", Some(NOT_DETERMINISTIC), "the count of claims in two bytes", |o| widen(&mut o.payload)),
        ("claims-indefinite", Some(ENCODING), "claims without a count", |o| unlengthen(&mut o.payload)),
        ("claims-trailing", Some(TRAILING), "a byte after the claims", |o| trail(&mut o.payload)),
        ("claims-unordered", Some(SHAPE), "cnf before iat", |o| swap_first(&mut o.payload)),
        ("claims-iat-twice", Some(SHAPE), "iat twice", |o| repeat_first(&mut o.payload)),
        ("claims-cnf-indefinite", Some(ENCODING), "cnf without a count", |o| unlengthen(o.payload.entry(8))),
        ("device-key-wide", Some(NOT_DETERMINISTIC), "the count in the COSE_Key in two bytes", |o| {
            widen(device_key(o))
        }),
    ]
}

/// 2,048 bytes and one more, for a permit alone and for a presentation.
fn sizes(all: &mut Collection, samples: &SamplePermits) {
    let sample = samples.permit(5);
    let (issuer, device) = (worlds::key("GZ permit"), worlds::device(sample));
    // Padding in an extension that is not known: the object is well-formed and is to be accepted here and nowhere later.
    let padded = |padding: usize| {
        let mut permit = objects::permit(sample, &issuer, &device, worlds::status_index(sample));
        let extensions = Item::map([(9, Item::Bytes(vec![0; padding]))]);
        permit.payload.entry(PERMIT_CLAIMS).elements().push(extensions);
        permit.encode()
    };
    let present = |permit: &[u8]| objects::presentation(permit, &device, seconds(NOON) - 4, *b"nonce-03").encode();
    let room = (0..2048).rev().find(|n| present(&padded(*n)).len() == 2048).expect("a padding that fills the code");
    let (most, more) = (present(&padded(room)), present(&padded(room + 1)));
    let why = "2,048 bytes, as many as a presentation may have";
    push(all, "presentation-2048-bytes", why, None, "presentation", &most, Some(digits(1, &most)));
    let why = "2,049 bytes, one too many";
    push(all, "presentation-2049-bytes", why, Some("TOO_LONG"), "presentation", &more, Some(digits(1, &more)));
}
