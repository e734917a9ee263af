//! Lists that no honest issuer makes: what the lines `key`, `trust` and `status` of a case file write, each with the faults that it names and
//! otherwise right and rightly signed.
//!
//! `key NAME [p256]` makes `keys/NAME.pem` and `keys/NAME.pub.pem`. The keys `test-…` and `test-…p256` are there without being made.
//!
//! `trust PATH name=value…`; what is not named is as in the list at `base`:
//!
//! | name | value |
//! |---|---|
//! | `base` | the list that is changed: `public/trust.cose` |
//! | `version` | one more than that of `base` |
//! | `at`, `expires` | seconds after the world's time: -60, and ninety days after `at` |
//! | `roots`, `threshold` | names of keys, or `small-order`, `no-point`; at least one of them: `root`, 1 |
//! | `signed` | names of keys in the order of their signatures, or `none`: `root` |
//! | `signed-alg`, `signed-kid` | what the first signature says of itself: a number; the key with that name |
//! | `domain` | for which the signatures are made: `permit`, `presentation`, `enrolment`, `status-list` |
//! | `id`, `uri`, `divisions`, `keys` | of the first issuer |
//! | `second-id`, `second-uri`, `second-divisions`, `second-keys` | of a second issuer, which there is if one of these is named: `SECOND`, `https://status.example.net/second`, `44`, `other-permit:pvs`; likewise `third-…` |
//! | `rules` | the divisions of the rules, each made like the first; or `none` |
//! | `as` | `proposal`: the content alone, which nobody has signed yet |
//! | `cut`, `append`, `flip` | of the finished bytes: how many are left (below 0: are taken off), hex, and whose lowest bit is turned |
//!
//! Keys of an issuer are `NAME:USAGES:FROM:TO:COMPROMISED`, separated by commas: usages of `p`, `v` and `s`, and `x` for specimens, times in seconds after the world's
//! time; times that are left out are those of the world's keys. `none` stands for no keys, as for no divisions.
//!
//! `status PATH name=value…`:
//!
//! | name | value |
//! |---|---|
//! | `list`, `uri`, `subject` | the number, 1; the address, that of the world's issuer; instead of both, the whole name |
//! | `key`, `kid`, `alg` | who signs, `status`; whose kid it says, the same; the number of the algorithm that it says |
//! | `at`, `exp`, `ttl` | as above: -60, none; seconds, none |
//! | `entries`, `up-to`, `short-of`, `set` | how many: 1,048,576; or until the byte that has this index; or until the byte before; which are not 0: `INDEX:STATUS`, separated by commas |
//! | `dice` | a number from which the status of every entry is thrown: such a list cannot be compressed |
//! | `bits`, `typ`, `header`, `unprotected` | instead of 2, and of the right type; the number of a further header |
//! | `domain` | for which the signature is made |
//! | `zlib` | `bomb` (a thousand times as much as may be), `over` (one byte more than may be), `twice` (two streams), `zero` (a byte after the stream), `cut` (its last byte is missing), `checksum` (one bit of that is wrong) |
//! | `cut`, `append`, `flip` | as above |

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ciborium::Value;
use command_line::key_file::KeyKind;

use super::{DAY, STATUS_URI, World};
use crate::item::Item;
use crate::key_files;
use crate::objects::{self, Sign1};
use crate::test_keys::{TestKey, ed25519_cose_key};

type Outcome<T = ()> = Result<T, String>;

pub(super) fn key(world: &World, words: &[&str]) -> Outcome {
    let (name, kind) = match words {
        [name] => (name, KeyKind::Ed25519),
        [name, "p256"] => (name, KeyKind::P256),
        _ => return Err("no such key".into()),
    };
    key_files::make(&world.path(&format!("keys/{name}")), kind, name)
}

pub(super) fn trust(world: &World, path: &str, words: &[&str]) -> Outcome {
    let mut asked = Asked::read(words)?;
    let base = world.path(&asked.or("base", "public/trust.cose"));
    let mut content = content_of(&fs::read(base).map_err(|error| error.to_string())?)?;
    if let Item::Uint(version) = content.entry(1) {
        *version = asked.number("version")?.unwrap_or(*version + 1);
    }
    let at = asked.number("at")?.unwrap_or(-60);
    let expires = asked.number("expires")?.unwrap_or(at + 90 * DAY);
    content.entry(2).set(time(world, at));
    content.entry(3).set(time(world, expires));
    if let Some(names) = asked.take("roots") {
        let keys = list(&names).iter().map(|name| cose_key(world, name)).collect::<Outcome<_>>()?;
        content.entry(4).element(1).set(Item::Array(keys));
    }
    if let Some(threshold) = asked.number("threshold")? {
        content.entry(4).element(0).set(Item::Uint(threshold));
    }
    let first = content.entry(5).element(0).clone();
    change_issuer(world, content.entry(5).element(0), &mut asked, "")?;
    for place in ["second", "third"] {
        let prefix = format!("{place}-");
        if asked.0.keys().any(|name| name.starts_with(&prefix)) {
            let mut issuer = first.clone();
            issuer.entry(1).set(Item::text(&place.to_uppercase()));
            issuer.entry(3).set(Item::array([Item::text("44")]));
            issuer.entry(4).set(issuer_keys(world, "other-permit:pvs")?);
            issuer.entry(5).set(Item::text(&format!("https://status.example.net/{place}")));
            change_issuer(world, &mut issuer, &mut asked, &prefix)?;
            content.entry(5).elements().push(issuer);
        }
    }
    if let Some(divisions) = asked.take("rules") {
        let first = content.entry(6).element(0).clone();
        let rule = |division: &&str| {
            let mut rule = first.clone();
            rule.entry(1).set(Item::text(division));
            rule
        };
        content.entry(6).set(Item::Array(list(&divisions).iter().map(rule).collect()));
    }

    if let Some(kind) = asked.take("as") {
        return if kind == "proposal" { asked.write(world, path, content.encode()) } else { Err("as=proposal".into()) };
    }
    let domain = asked.take("domain").map_or(Ok(objects::TRUST_LIST), |name| domain(&name))?;
    let (alg, kid) = (asked.number::<i64>("signed-alg")?, asked.take("signed-kid"));
    let mut signatures = Vec::new();
    for (place, name) in list(&asked.or("signed", "root")).iter().enumerate() {
        let key = named(world, name)?;
        let said_kid = match &kid {
            Some(name) if place == 0 => named(world, name)?.kid(),
            _ => key.kid(),
        };
        let said_alg = alg.filter(|_| place == 0).unwrap_or(key.alg());
        let protected = Item::map([(1, Item::int(said_alg)), (4, Item::bytes(&said_kid))]);
        let to_sign = Item::array([
            Item::text("Signature"),
            Item::bytes(&[]),
            Item::embedded(&protected),
            Item::bytes(domain),
            Item::embedded(&content),
        ]);
        let signature = Item::bytes(&key.sign(&to_sign.encode()));
        signatures.push(Item::array([Item::embedded(&protected), Item::Map(Vec::new()), signature]));
    }
    let envelope =
        Item::array([Item::bytes(&[]), Item::Map(Vec::new()), Item::embedded(&content), Item::Array(signatures)]);
    asked.write(world, path, Item::Tag(98, Box::new(envelope)).encode())
}

pub(super) fn status(world: &World, path: &str, words: &[&str]) -> Outcome {
    let mut asked = Asked::read(words)?;
    let number = asked.or("list", "1");
    let uri = asked.or("uri", STATUS_URI);
    let subject = asked.take("subject").unwrap_or_else(|| format!("{uri}/{number}"));
    let key = named(world, &asked.or("key", "status"))?;
    let at = asked.number("at")?.unwrap_or(-60);
    let (up_to, short_of) = (asked.number::<u64>("up-to")?, asked.number::<u64>("short-of")?);
    let entries: u64 = match (up_to, short_of) {
        (Some(index), _) => index / 4 * 4 + 4,
        (None, Some(index)) => index / 4 * 4,
        _ => asked.number("entries")?.unwrap_or(1 << 20),
    };
    let mut set = match asked.number::<u64>("dice")? {
        None => Vec::new(),
        Some(seed) => thrown(seed, entries),
    };
    for pair in list(&asked.or("set", "none")) {
        let (index, status) = pair.split_once(':').ok_or("set=INDEX:STATUS")?;
        set.push((index.parse().map_err(|_| "no index")?, status.parse().map_err(|_| "no status")?));
    }
    let mut token: Sign1 =
        objects::status_list(&key, &subject, world.time(at).seconds(), usize::try_from(entries).unwrap_or(0), &set);
    if let Some(name) = asked.take("kid") {
        let kid = named(world, &name)?.kid();
        token.protected.entry(4).set(Item::bytes(&kid));
    }
    if let Some(alg) = asked.number::<i64>("alg")? {
        token.protected.entry(1).set(Item::int(alg));
    }
    if let Some(exp) = asked.number("exp")? {
        token.payload.insert(4, time(world, exp));
    }
    if let Some(ttl) = asked.number("ttl")? {
        token.payload.insert(65534, Item::Uint(ttl));
    }
    if let Some(kind) = asked.take("zlib") {
        let claim = objects::status_list_claim(&unsound_zlib(&kind)?);
        token.payload.entry(65533).set(claim);
    }
    if let Some(bits) = asked.number("bits")? {
        token
            .payload
            .entry(65533)
            .pairs()
            .iter_mut()
            .filter(|(name, _)| *name == Item::text("bits"))
            .for_each(|(_, value)| value.set(Item::Uint(bits)));
    }
    if let Some(typ) = asked.take("typ") {
        token.protected.entry(16).set(Item::text(&typ));
    }
    if let Some(label) = asked.number("header")? {
        token.protected.insert(label, Item::bytes(b"certificate"));
    }
    if let Some(label) = asked.number("unprotected")? {
        token.unprotected.insert(label, Item::bytes(b"certificate"));
    }
    if let Some(name) = asked.take("domain") {
        token.aad = domain(&name)?;
    }
    asked.write(world, path, token.encode())
}

/// What stands behind the path: each name once, and every one must be used.
struct Asked(BTreeMap<String, String>);

impl Asked {
    fn read(words: &[&str]) -> Outcome<Asked> {
        let mut asked = BTreeMap::new();
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word} is not name=value"))?;
            if asked.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(format!("{name} twice"));
            }
        }
        Ok(Asked(asked))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn or(&mut self, name: &str, usual: &str) -> String {
        self.take(name).unwrap_or_else(|| usual.to_owned())
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Outcome<Option<T>> {
        self.take(name).map(|text| text.parse().map_err(|_| format!("{name} is no number"))).transpose()
    }

    /// Does to the bytes what is still asked for, and writes them; the folder is made.
    fn write(mut self, world: &World, path: &str, mut bytes: Vec<u8>) -> Outcome {
        if let Some(count) = self.number::<isize>("cut")? {
            let left = if count < 0 { bytes.len().saturating_sub(count.unsigned_abs()) } else { count.unsigned_abs() };
            bytes.truncate(left);
        }
        if let Some(more) = self.take("append") {
            bytes.extend(hex::decode(more).map_err(|error| error.to_string())?);
        }
        if let Some(place) = self.number::<isize>("flip")? {
            let place =
                if place < 0 { bytes.len().checked_sub(place.unsigned_abs()) } else { Some(place.unsigned_abs()) };
            *place.and_then(|place| bytes.get_mut(place)).ok_or("there is no such byte")? ^= 1;
        }
        if let Some(unknown) = self.0.keys().next() {
            return Err(format!("{unknown} is nothing that can be asked for"));
        }
        let path = world.path(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
        fs::write(path, bytes).map_err(|error| error.to_string())
    }
}

/// The words between commas; `none` has none.
fn list(text: &str) -> Vec<&str> {
    if text == "none" { Vec::new() } else { text.split(',').collect() }
}

fn named(world: &World, name: &str) -> Outcome<TestKey> {
    if name.starts_with("test-") {
        return Ok(if name.ends_with("p256") { TestKey::p256(name) } else { TestKey::ed25519(name) });
    }
    key_files::load(&world.path(&format!("keys/{name}.pem")))
}

fn cose_key(world: &World, name: &str) -> Outcome<Item> {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    match name {
        "small-order" => Ok(ed25519_cose_key(&[0; 32])),
        "no-point" => Ok(ed25519_cose_key(&no_point)),
        _ => Ok(named(world, name)?.cose_key()),
    }
}

fn time(world: &World, seconds: i64) -> Item {
    Item::Uint(world.time(seconds).seconds())
}

fn domain(name: &str) -> Outcome<&'static [u8]> {
    Ok(match name {
        "permit" => objects::PERMIT,
        "presentation" => objects::PRESENTATION,
        "enrolment" => objects::ENROLMENT,
        "trust-list" => objects::TRUST_LIST,
        "status-list" => objects::STATUS_LIST,
        _ => return Err(format!("{name} is no domain")),
    })
}

fn change_issuer(world: &World, issuer: &mut Item, asked: &mut Asked, prefix: &str) -> Outcome {
    if let Some(id) = asked.take(&format!("{prefix}id")) {
        issuer.entry(1).set(Item::text(&id));
    }
    if let Some(divisions) = asked.take(&format!("{prefix}divisions")) {
        issuer.entry(3).set(Item::Array(list(&divisions).into_iter().map(Item::text).collect()));
    }
    if let Some(keys) = asked.take(&format!("{prefix}keys")) {
        issuer.entry(4).set(issuer_keys(world, &keys)?);
    }
    if let Some(uri) = asked.take(&format!("{prefix}uri")) {
        issuer.entry(5).set(Item::text(&uri));
    }
    Ok(())
}

fn issuer_keys(world: &World, text: &str) -> Outcome<Item> {
    let entry = |text: &&str| -> Outcome<Item> {
        let mut parts = text.split(':');
        let (name, usages) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut seconds = || match parts.next() {
            None | Some("") => Ok(None),
            Some(part) => part.parse::<i64>().map(Some).map_err(|_| format!("{part} is no number")),
        };
        let (from, to, compromised) = (seconds()?, seconds()?, seconds()?);
        let usage = |letter: char| match letter {
            'p' => Ok(Item::Uint(1)),
            'v' => Ok(Item::Uint(2)),
            's' => Ok(Item::Uint(3)),
            _ => Err(format!("{letter} is no usage")),
        };
        let mut entry = Item::map([
            (1, cose_key(world, name)?),
            (2, Item::Array(usages.chars().filter(|letter| *letter != 'x').map(usage).collect::<Outcome<_>>()?)),
            (3, time(world, from.unwrap_or(-40 * DAY))),
            (4, time(world, to.unwrap_or(4_000 * DAY))),
        ]);
        if let Some(seconds) = compromised {
            entry.insert(5, time(world, seconds));
        }
        if usages.contains('x') {
            entry.insert(6, Item::Bool(true));
        }
        Ok(entry)
    };
    Ok(Item::Array(list(text).iter().map(entry).collect::<Outcome<_>>()?))
}

/// A status for each entry, by Marsaglia's xorshift.
fn thrown(seed: u64, entries: u64) -> Vec<(u64, u8)> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0] & 3
    };
    (0..entries).map(|index| (index, next())).collect()
}

fn unsound_zlib(kind: &str) -> Outcome<Vec<u8>> {
    const BYTES_MAX: usize = 1 << 18;
    let of = |bytes: usize| miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; bytes], 9);
    let mut stream = of(BYTES_MAX);
    match kind {
        // 1,029 to 1 at best: in the 300,000 bytes of a token, this much at most.
        "bomb" => stream = of(256 << 20),
        "over" => stream = of(BYTES_MAX + 1),
        "twice" => stream.extend(of(1)),
        "zero" => stream.push(0),
        "cut" => drop(stream.pop()),
        "checksum" => stream.last_mut().into_iter().for_each(|byte| *byte ^= 1),
        _ => return Err(format!("{kind} is no such stream")),
    }
    Ok(stream)
}

/// The content of a trust list.
fn content_of(bytes: &[u8]) -> Outcome<Item> {
    let read =
        |bytes: &[u8]| ciborium::from_reader::<Value, _>(bytes).map_err(|error| error.to_string()).and_then(item);
    let Item::Tag(98, mut envelope) = read(bytes)? else { return Err("the base is no trust list".into()) };
    let Item::Bytes(content) = envelope.element(2) else { return Err("the base is no trust list".into()) };
    read(content)
}

/// As it was read, so that it is written in the same order.
fn item(value: Value) -> Outcome<Item> {
    Ok(match value {
        Value::Integer(number) => Item::int(i64::try_from(number).map_err(|_| "a great number")?),
        Value::Bytes(bytes) => Item::Bytes(bytes),
        Value::Text(text) => Item::Text(text),
        Value::Bool(value) => Item::Bool(value),
        Value::Array(items) => Item::Array(items.into_iter().map(item).collect::<Outcome<_>>()?),
        Value::Map(pairs) => {
            Item::Map(pairs.into_iter().map(|(key, value)| Ok((item(key)?, item(value)?))).collect::<Outcome<_>>()?)
        }
        Value::Tag(tag, inner) => Item::Tag(tag, Box::new(item(*inner)?)),
        _ => return Err("neither the product nor these tests write such an item".into()),
    })
}
