//! Status lists at the size of a province: 48 lists of 2^20 entries each, published, imported and looked up in.
//!
//! What is asked of them stands in [`Goals`]: seconds, nanoseconds, bytes and memory. Beside each figure that depends on the machine stands
//! the least that anybody could do with the same bytes, measured in turns with it.

#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use bench::in_turns::{Contender, Extent, Taken, measure};
use bench::samples::{digest, issued_at, issuing_key, issuing_secret, now, public};
use command_line::key_file::{self, SecretKey};
use credential_format::cose::Domain;
use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::division::DivisionPrefix;
use credential_format::key::Thumbprint;
use credential_format::region::standard_rules;
use credential_format::status_list::{Status, UnverifiedStatusList};
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use issuer::IssuingKey;
use issuer::ledger::Ledger;
use issuer::status::{PublishedStatusList, StatusPeriod, StatusUri};
use rayon::prelude::*;
use rusqlite::{Connection, params};
use verifier::state::{Source, State};
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;

/// Lists of the province.
const LISTS: u64 = 48;
/// Entries of a list.
const ENTRIES: u64 = 1 << 20;
/// Of a thousand permits so many are cancelled, and so many suspended, drawn one by one.
const CANCELLED: u64 = 5;
const SUSPENDED: u64 = 30;
/// What the entries of one list say, in bytes: 0.2396 bits an entry.
const ENTROPY: f64 = 31_403.0;
/// Issuers among which the lists are spread for looking up.
const ISSUERS: usize = 4;
/// How often everything is published.
const PUBLICATIONS: usize = 5;
/// How often everything is imported.
const IMPORTS: usize = 5;
/// The argument by which this program becomes a counter that uses all lists, and says how much memory it has.
const COUNTER: &str = "--counter-with-all-lists";
/// Places that are looked up, again and again.
const PLACES: usize = 1 << 20;
/// The argument by which nothing is measured but looking up, for a profiler.
const LOOK_UP_ONLY: &str = "--look-up-only";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, option, folder] = &arguments[..]
        && option == COUNTER
    {
        return counter_with_all_lists(Path::new(folder));
    }
    if arguments.iter().any(|argument| argument == LOOK_UP_ONLY) {
        return look_up(&mut Goals::default());
    }
    let begun = Instant::now();
    let province = Province::prepare();
    let mut goals = Goals::default();
    publish(&province, &mut goals);
    import(&province, &mut goals);
    memory(&province, &mut goals);
    look_up(&mut goals);
    goals.print();
    println!("\nthe whole of it took {:.0} s", begun.elapsed().as_secs_f64());
}

/// Everything from the ledger's records to 48 files on the disk, by the `issuer` command, as an authority runs it.
fn publish(province: &Province, goals: &mut Goals) {
    let mut spoken = String::new();
    let beside = province.folder.join("beside");
    fs::create_dir_all(&beside).expect("a folder");
    province.publish_once(0);
    let lists = province.published();
    let taken = measure(
        Extent { samples: PUBLICATIONS, batch: 1 },
        vec![
            Contender::new("issuer status publish --list all", |i| spoken = province.publish_once(i + 1)),
            Contender::new("copy, write and fsync the same bytes", |_| {
                for (number, bytes) in (1..).zip(&lists) {
                    let copy = black_box(bytes.clone());
                    let mut file = File::create(beside.join(format!("{number}.cwt"))).expect("a file");
                    file.write_all(&copy).and_then(|()| file.sync_all()).expect("written");
                }
                File::open(&beside).and_then(|folder| folder.sync_all()).expect("a folder on the disk");
            }),
        ],
    );
    assert_eq!(spoken.matches("\"list\":").count() as u64, LISTS, "{spoken}");
    println!("publish: 48 lists, {} records that are not valid, median of {PUBLICATIONS}", province.records());
    for one in &taken {
        println!("  {:<44} {:>9.3} s", one.name, one.micros() / 1e6);
    }
    println!("  ratio {}", taken[0].ratio_to(&taken[1]));
    goals.add("publish 48 lists from a ledger file", taken[0].micros() / 1e6, 10.0, "s");

    let lists = province.published();
    let bytes: usize = lists.iter().map(Vec::len).sum();
    let (least, most) = (lists.iter().map(Vec::len).min(), lists.iter().map(Vec::len).max());
    println!(
        "  {bytes} bytes in all, {} to {} a list; entropy {} a list\n",
        least.unwrap_or(0),
        most.unwrap_or(0),
        ENTROPY
    );
    goals.add("size on disk, in entropies", bytes as f64 / (ENTROPY * LISTS as f64), 1.35, "");
}

/// 48 files read, verified, and stored in the state of a counter.
fn import(province: &Province, goals: &mut Goals) {
    let (trust, root) = trust_list();
    let mut seconds = Vec::new();
    for _ in 0..IMPORTS {
        let state = province.fresh_state();
        let mut state = State::create(&state, root, CounterId::parse("BENCH-01").expect("an id")).expect("a state");
        assert!(state.take_trust_list(trust.bytes(), now()).expect("taken"));
        let begun = Instant::now();
        let files = (1..=LISTS).map(|list| Source {
            name: format!("{list}.cwt"),
            bytes: fs::read(province.list(list)).expect("a published list"),
        });
        let report = state.sync(files.collect(), now()).expect("a state that works");
        seconds.push(begun.elapsed().as_secs_f64());
        assert_eq!((report.taken() as u64, report.refused()), (LISTS, 0));
    }
    seconds.sort_by(f64::total_cmp);
    println!("import: 48 files into an empty state, on the disk, median of {IMPORTS}");
    println!("  State::sync                                  {:>9.3} s", seconds[IMPORTS / 2]);
    goals.add("import and verify 48 lists", seconds[IMPORTS / 2], 0.5, "s");

    let lists = province.published();
    let key = issuing_secret().verifying_key();
    // The very messages, signatures and streams that are in the lists.
    let raw: Vec<(Vec<u8>, Signature, Vec<u8>)> = lists.iter().map(|bytes| taken_apart(bytes)).collect();
    let taken = measure(
        Extent { samples: 480, batch: 1 },
        vec![
            Contender::new("TrustedStatusList::check", |i| {
                drop(black_box(TrustedStatusList::check(&lists[i % lists.len()], &trust).expect("trusted")));
            }),
            Contender::new("bare verify_strict and bare inflate", |i| {
                let (message, signature, stream) = &raw[i % raw.len()];
                key.verify_strict(message, signature).expect("verified");
                drop(black_box(miniz_oxide::inflate::decompress_to_vec_zlib(stream).expect("inflated")));
            }),
        ],
    );
    println!("one list, in memory");
    for one in &taken {
        println!("  {:<44} {:>9.1} µs", one.name, one.micros());
    }
    println!("  ratio {}\n", taken[0].ratio_to(&taken[1]));
}

/// What a counter that uses all lists has in memory: another process, which opens the state and looks up in every list.
fn memory(province: &Province, goals: &mut Goals) {
    let (trust, root) = trust_list();
    let folder = province.fresh_state();
    let mut state = State::create(&folder, root, CounterId::parse("BENCH-01").expect("an id")).expect("a state");
    state.take_trust_list(trust.bytes(), now()).expect("taken");
    for list in 1..=LISTS {
        let bytes = fs::read(province.list(list)).expect("a published list");
        assert!(state.take_status_list(&bytes, now()).expect("taken"));
    }
    drop(state);
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this).arg(COUNTER).arg(&folder).stderr(Stdio::inherit()).output().expect("started");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).expect("text");
    let megabytes = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)).expect("a line of /proc/self/status");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    };
    println!("memory of a process with the state open and all 48 lists in use");
    println!("  now {:.1} MB, at most {:.1} MB\n", megabytes("VmRSS:"), megabytes("VmHWM:"));
    goals.add("memory of a counter with all lists", megabytes("VmHWM:"), 40.0, "MB");
}

fn counter_with_all_lists(folder: &Path) {
    let mut state = State::open(folder).expect("a state");
    let mut lists = StatusLists::new();
    for kept in state.status_lists().expect("a state that works") {
        lists.put(kept.list.expect("trusted"));
    }
    let issuer = state.trust().expect("a trust list").list().issuers[0].clone();
    let mut dice = Dice::new(7);
    let mut counts = [0_u64; 4];
    for _ in 0..1_000_000 {
        let list = lists.find(&issuer, 1 + dice.below(LISTS)).expect("a list");
        let status = list.list().get(dice.below(ENTRIES)).expect("an entry");
        counts[usize::from(status.bits())] += 1;
    }
    assert!(counts[0] > 900_000 && counts[1] > 1_000 && counts[2] > 10_000 && counts[3] == 0, "{counts:?}");
    let mut said = String::new();
    File::open("/proc/self/status").and_then(|mut file| file.read_to_string(&mut said)).expect("Linux");
    drop(state);
    print!("{said}");
}

/// Random permits of all lists of four issuers.
fn look_up(goals: &mut Goals) {
    let issuers: Vec<Issuer> = (0..ISSUERS).map(issuer_number).collect();
    let lists = lists_of_four_issuers(&issuers);
    // The same entries without any structure: what cannot be saved is to fetch a byte from twelve megabytes.
    let per_issuer = LISTS as usize / ISSUERS;
    let bare: Vec<u8> = lists.iter().flat_map(|list| list.list().bytes().to_vec()).collect();
    let first: Vec<usize> = issuers
        .iter()
        .map(|issuer| {
            let at = lists.iter().position(|list| list.list().head().subject.starts_with(&issuer.status_uri));
            at.expect("lists of this issuer") * (ENTRIES / 4) as usize
        })
        .collect();
    let mut dice = Dice::new(11);
    let places: Vec<Place> = (0..PLACES)
        .map(|_| Place::new(dice.below(ISSUERS as u64), 1 + dice.below(per_issuer as u64), dice.below(ENTRIES)))
        .collect();
    let find = |place: Place| {
        let list = lists.find(&issuers[place.issuer()], place.list());
        list.and_then(|list| list.list().get(place.index())).map_or(u8::MAX, Status::bits)
    };
    let index = |place: Place| {
        let list = first[place.issuer()] + (place.list() as usize - 1) * (ENTRIES / 4) as usize;
        bare[list + place.index() as usize / 4] >> (place.index() % 4 * 2) & 3
    };
    for place in &places {
        assert_eq!(find(*place), index(*place));
    }

    let at = |i: usize| places[i & (PLACES - 1)];
    // What a counter meets all day: the permits of its own district, in a list that stays in the core's cache.
    let near: Vec<Place> = (0..PLACES).map(|_| Place::new(0, 1, dice.below(ENTRIES))).collect();
    let (mut seen_near, mut seen_near_bare) = (0, 0);
    let nearby = measure(
        Extent { samples: 800, batch: 4_096 },
        vec![
            Contender::new("StatusLists::find and get", |i| seen_near += u64::from(find(near[i & (PLACES - 1)]))),
            Contender::new("bare array index", |i| seen_near_bare += u64::from(index(near[i & (PLACES - 1)]))),
        ],
    );
    assert_eq!(seen_near, seen_near_bare, "the same places, the same answers");
    let (mut seen, mut seen_bare) = (0, 0);
    let extent = Extent { samples: 800, batch: 4_096 };
    let taken = measure(
        extent,
        vec![
            Contender::new("StatusLists::find and get", |i| seen += u64::from(find(at(i)))),
            Contender::new("bare array index", |i| seen_bare += u64::from(index(at(i)))),
        ],
    );
    // The place of each depends on what the one before said: nothing is fetched ahead.
    let (mut last, mut last_bare) = (0, 0);
    let chained = measure(
        extent,
        vec![
            Contender::new("StatusLists::find and get", |i| last = usize::from(find(at(i + last)))),
            Contender::new("bare array index", |i| last_bare = usize::from(index(at(i + last_bare)))),
        ],
    );
    let mut numbers = 0;
    let found = measure(
        extent,
        vec![Contender::new("StatusLists::find alone", |i| {
            let list = lists.find(&issuers[at(i).issuer()], at(i).list());
            numbers += list.map_or(0, TrustedStatusList::number);
        })],
    );
    assert_eq!((seen, last), (seen_bare, last_bare), "the same places, the same answers");
    assert!(numbers > 0);
    println!("look-up; median, and undisturbed");
    let say = |one: &Taken, how: &str| {
        let (median, undisturbed) = (one.micros() * 1e3, one.micros_undisturbed() * 1e3);
        println!("  {:<44} {median:>9.1} ns {undisturbed:>9.1} ns", format!("{}{how}", one.name));
    };
    println!("of random permits of one list");
    nearby.iter().for_each(|one| say(one, ""));
    println!("  ratio {}", nearby[0].ratio_to(&nearby[1]));
    println!("of random permits of {LISTS} lists of {ISSUERS} issuers");
    taken.iter().chain(&found).for_each(|one| say(one, ""));
    chained.iter().for_each(|one| say(one, ", each after the last"));
    println!("  ratio {}; each after the last {}\n", taken[0].ratio_to(&taken[1]), chained[0].ratio_to(&chained[1]));
    goals.add("look-up, of one list", nearby[0].micros() * 1e3, 20.0, "ns");
    // Not a goal: a byte from far away costs more than that by itself on most machines.
    let over_bare = (taken[0].micros() - taken[1].micros()) * 1e3;
    println!("among all lists a look-up takes {over_bare:.1} ns more than the bare byte\n");
}

/// An entry of a list of an issuer, in four bytes: what is measured is not the reading of these.
#[derive(Clone, Copy)]
struct Place(u32);

impl Place {
    fn new(issuer: u64, list: u64, index: u64) -> Place {
        Place((issuer << 28 | list << 20 | index) as u32)
    }

    fn issuer(self) -> usize {
        (self.0 >> 28) as usize
    }

    fn list(self) -> u64 {
        u64::from(self.0 >> 20 & 0xff)
    }

    fn index(self) -> u64 {
        u64::from(self.0 & 0xf_ffff)
    }
}

/// A folder with a key, a ledger of 48 lists, and what is published from it.
struct Province {
    folder: PathBuf,
    issuer: PathBuf,
}

impl Province {
    /// The ledger is made once and kept with what cargo builds; everything else is made anew.
    fn prepare() -> Province {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("province");
        fs::create_dir_all(&folder).expect("a folder");
        let province = Province { folder, issuer: issuer_command() };
        for old in ["published", "beside", "state"] {
            let _ = fs::remove_dir_all(province.folder.join(old));
        }
        if !province.key().exists() {
            key_file::save(&province.key(), &SecretKey::Ed25519(issuing_secret()), None).expect("a key file");
        }
        if !province.is_whole() {
            province.fill();
        }
        let ledger = Connection::open(province.ledger()).expect("a ledger");
        ledger.execute("UPDATE list SET published_at = 0", []).expect("as if never published");
        province
    }

    /// Whether there is a ledger already, of this form and with all lists.
    fn is_whole(&self) -> bool {
        let lists = Ledger::open(&self.ledger(), &[0; 32]).and_then(|ledger| ledger.lists());
        lists.is_ok_and(|lists| lists.len() as u64 == LISTS) && self.folder.join("filled").exists()
    }

    /// Fills the ledger. Permits that are valid are left out: publishing reads an index of those that are not, which is then the same as in
    /// a ledger of fifty million. Their own bytes are left out too, as publishing never looks at them.
    fn fill(&self) {
        let begun = Instant::now();
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(self.folder.join(format!("ledger.sqlite3{suffix}")));
        }
        drop(Ledger::open(&self.ledger(), &[0; 32]).expect("a ledger"));
        let mut connection = Connection::open(self.ledger()).expect("a ledger");
        connection.pragma_update(None, "synchronous", "OFF").expect("set");
        connection.pragma_update(None, "cache_size", -200_000).expect("set");
        let transaction = connection.transaction().expect("begun");
        let (mut dice, mut code) = (Dice::new(2026), 440_000_000_000_000_i64);
        {
            let mut add_list = transaction
                .prepare("INSERT INTO list (number, taken, published_at) VALUES (?, 0, 0) ON CONFLICT DO NOTHING")
                .expect("a table");
            let mut add = transaction
                .prepare(
                    "INSERT INTO permit (residence_code, version, kind, person, list, slot, status, issued_at, changed_at, bytes)
                     VALUES (?1, 1, 1, zeroblob(32), ?2, ?3, ?4, 0, 0, zeroblob(0))",
                )
                .expect("a table");
            for list in 1..=LISTS {
                add_list.execute([list as i64]).expect("added");
                for (slot, status) in entries(&mut dice) {
                    code += 1;
                    add.execute(params![code, list as i64, slot as i64, status.bits()]).expect("added");
                }
            }
        }
        transaction.commit().expect("stored");
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("stored");
        fs::write(self.folder.join("filled"), "").expect("noted");
        println!("filled the ledger of the province, once, in {:.0} s\n", begun.elapsed().as_secs_f64());
    }

    /// Publishes everything, dated `seconds` after the samples are signed; what the command said.
    fn publish_once(&self, seconds: usize) -> String {
        let at = issued_at().checked_add(seconds as u64).expect("in range").to_string();
        let output = Command::new(&self.issuer)
            .args(["status", "publish", "--json", "--list", "all", "--uri", &uri(0), "--ledger"])
            .arg(self.ledger())
            .arg("--key")
            .arg(self.key())
            .arg("--out")
            .arg(self.folder.join("published"))
            .args(["--at", &at, "--allow-fixed-time"])
            .stderr(Stdio::inherit())
            .output()
            .expect("started");
        assert!(output.status.success(), "the lists are not published");
        String::from_utf8(output.stdout).expect("text")
    }

    fn published(&self) -> Vec<Vec<u8>> {
        (1..=LISTS).map(|list| fs::read(self.list(list)).expect("a published list")).collect()
    }

    fn records(&self) -> u64 {
        Ledger::open(&self.ledger(), &[0; 32]).and_then(|ledger| ledger.len()).expect("a ledger")
    }

    fn fresh_state(&self) -> PathBuf {
        let folder = self.folder.join("state");
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn list(&self, list: u64) -> PathBuf {
        self.folder.join("published/status").join(format!("{list}.cwt"))
    }

    fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.sqlite3")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }
}

/// The `issuer` command of the same profile, built if need be. `JUMA_BINARIES` names a folder with a built one.
fn issuer_command() -> PathBuf {
    if let Some(folder) = std::env::var_os("JUMA_BINARIES") {
        return Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("issuer");
    }
    // …/target/release/deps/lists-0123456789abcdef
    let this = std::env::current_exe().expect("this program");
    let folder = this.ancestors().nth(2).expect("the folder of the profile");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "-p", "issuer", "--bin", "issuer", "--target-dir"])
        .arg(folder.parent().expect("the target folder"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo starts").success(), "the issuer command cannot be built");
    folder.join("issuer")
}

/// One list's entries that are not valid.
fn entries(dice: &mut Dice) -> Vec<(u64, Status)> {
    (0..ENTRIES)
        .filter_map(|index| match dice.below(1_000) {
            drawn if drawn < CANCELLED => Some((index, Status::Cancelled)),
            drawn if drawn < CANCELLED + SUSPENDED => Some((index, Status::Suspended)),
            _ => None,
        })
        .collect()
}

/// Issuer 0 signs with the key of the samples, and publishes the province.
fn secret_of(issuer: usize) -> SigningKey {
    if issuer == 0 { issuing_secret() } else { SigningKey::from_bytes(&digest(&[b"lists", &[issuer as u8]])) }
}

fn uri(issuer: usize) -> String {
    format!("https://status.example.cn/{}", ["province", "tianhe", "yuexiu", "haizhu"][issuer])
}

fn issuer_number(issuer: usize) -> Issuer {
    let later = |days: u64| issued_at().checked_add(days * 86_400).expect("in range");
    Issuer {
        id: CounterId::parse(&format!("LISTS-{issuer}")).expect("an id"),
        name: DisplayText::parse("样例签发机关").expect("a name"),
        divisions: vec![DivisionPrefix::parse(["44", "4401", "4403", "4406"][issuer]).expect("a prefix")],
        keys: vec![IssuerKey {
            key: public(&secret_of(issuer)).cose_key(),
            usages: vec![Usage::Permit, Usage::Status],
            not_before: issued_at().checked_sub(86_400).expect("in range"),
            not_after: later(3_650),
            compromised_from: None,
            specimen: false,
        }],
        status_uri: uri(issuer),
    }
}

/// A trust list with the four issuers, and the thumbprint of its root key.
fn trust_list() -> (TrustedList, Thumbprint) {
    let root = SigningKey::from_bytes(&digest(&[b"root of lists"]));
    let root_public = public(&root);
    let list = TrustList {
        version: 1,
        issued_at: issued_at(),
        expires_at: issued_at().checked_add(30 * 86_400).expect("in range"),
        roots: RootKeys::new(1, vec![root_public.cose_key()]).expect("one key"),
        issuers: (0..ISSUERS).map(issuer_number).collect(),
        rules: standard_rules(),
    };
    let to_sign = list.to_sign().expect("a consistent list");
    let signature = root.sign(&to_sign.message(&root_public)).to_bytes();
    let bytes = to_sign.finish(&[(root_public, signature)]);
    let trusted = TrustedList::first(&bytes, &root_public.thumbprint(), now()).expect("trusted");
    (trusted, root_public.thumbprint())
}

/// Twelve lists of each issuer, signed and checked.
fn lists_of_four_issuers(issuers: &[Issuer]) -> StatusLists {
    let (trust, _) = trust_list();
    let keys: Vec<IssuingKey<SigningKey>> = (0..ISSUERS)
        .map(|issuer| match issuer {
            0 => issuing_key(),
            _ => IssuingKey::new(secret_of(issuer), public(&secret_of(issuer))).expect("an Ed25519 key"),
        })
        .collect();
    let per_issuer = LISTS / ISSUERS as u64;
    let all: Vec<(usize, u64)> =
        (0..ISSUERS).flat_map(|issuer| (1..=per_issuer).map(move |list| (issuer, list))).collect();
    let signed: Vec<PublishedStatusList> = all
        .par_iter()
        .map(|(issuer, list)| {
            let uri = StatusUri::parse(&issuers[*issuer].status_uri).expect("an address");
            let period = StatusPeriod::new(issued_at(), 7 * 86_400, 86_400).expect("a period");
            let entries = entries(&mut Dice::new(*issuer as u64 * 1_000 + *list));
            issuer::status::sign(entries, *list, &uri, period, &keys[*issuer]).expect("signed")
        })
        .collect();
    let mut lists = StatusLists::new();
    for list in signed {
        let list = TrustedStatusList::check(list.bytes(), &trust).expect("trusted");
        lists.replace(list, now()).expect("newer than none");
    }
    lists
}

/// The signed message, the signature and the zlib stream of a status list.
fn taken_apart(bytes: &[u8]) -> (Vec<u8>, Signature, Vec<u8>) {
    let object: ciborium::Value = ciborium::from_reader(bytes).expect("CBOR");
    let ciborium::Value::Tag(18, content) = object else { panic!("no COSE_Sign1") };
    let [protected, _, payload, signature] = &content.as_array().expect("an array")[..] else { panic!("not of four") };
    let part = |value: &ciborium::Value| value.as_bytes().expect("bytes").clone();
    let claims: ciborium::Value = ciborium::from_reader(&part(payload)[..]).expect("CBOR");
    let lst = claims.as_map().expect("a map").iter().find_map(|(_, value)| value.as_map());
    let stream = part(&lst.expect("a status_list")[0].1);
    let sign1 = ciborium::Value::Array(vec![
        "Signature1".into(),
        protected.clone(),
        ciborium::Value::Bytes(Domain::StatusList.external_aad().to_vec()),
        payload.clone(),
    ]);
    let mut message = Vec::new();
    ciborium::into_writer(&sign1, &mut message).expect("written");
    let signature = Signature::from_slice(&part(signature)).expect("64 bytes");
    assert!(UnverifiedStatusList::parse(bytes).is_ok() && message.len() > stream.len());
    (message, signature, stream)
}

/// Numbers without any pattern, the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ mixed >> 31) * u128::from(bound)) >> 64) as u64
    }
}

/// What was wanted, and what came of it.
#[derive(Default)]
struct Goals(Vec<(&'static str, f64, f64, &'static str)>);

impl Goals {
    fn add(&mut self, what: &'static str, measured: f64, most: f64, unit: &'static str) {
        self.0.push((what, measured, most, unit));
    }

    fn print(&self) {
        println!("{:<40} {:>12} {:>12}", "goal", "measured", "at most");
        for (what, measured, most, unit) in &self.0 {
            let kept = if measured <= most { "" } else { "  MISSED" };
            println!("{what:<40} {measured:>9.3} {unit:<2} {most:>9.2} {unit:<2}{kept}");
        }
    }
}
