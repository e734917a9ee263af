//! The rules of the house, as tests: what must be written where, and what must not be written anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::{Presented, UnverifiedPresentation};
use credential_format::timestamp::Timestamp;
use tests::item::Item;
use tests::objects::{self, digits, seconds};
use tests::sample_permits::{Sample, SamplePermits};
use tests::vector::World;
use tests::worlds::{self, NOON, key};
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;
use verifier::verdict::{Outcome, Reason, Step, Subject};
use verifier::verify::{Asked, Context, verify};

// ---- Reasons, words, SPEC

#[test]
fn every_reason_has_its_words() {
    for reason in Reason::ALL {
        let (title, remedy) = (reason.title(), reason.remedy());
        for zh in [title.zh, remedy.zh] {
            assert!(!zh.is_empty() && !zh.is_ascii() && zh.trim() == zh, "{}: {zh:?}", reason.code());
        }
        for en in [title.en, remedy.en] {
            assert!(
                !en.is_empty() && en.is_ascii() && en.trim() == en && !en.ends_with('.'),
                "{}: {en:?}",
                reason.code()
            );
        }
        let code = reason.code();
        assert!(code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}: not UPPER_SNAKE");
        // "Forged" is a finding of courts, not of counters.
        assert!(!title.zh.contains("假") && !title.zh.contains("伪"), "{code}");
    }
}

#[test]
fn titles_differ_where_the_meaning_does() {
    let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.len(), Reason::ALL.len());
    let english: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.title().en).collect();
    assert_eq!(english.len(), Reason::ALL.len(), "two reasons with one English title");
    // 使用功能中止 is the regulation's one word for both: by the authority, or because the endorsement lapsed.
    let one_word = [Reason::Suspended, Reason::EndorsementLapsed];
    assert_eq!(one_word.map(|reason| reason.title().zh), ["使用功能中止"; 2]);
    assert_ne!(one_word[0].remedy().zh, one_word[1].remedy().zh);
    let chinese: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.title().zh).collect();
    assert_eq!(chinese.len(), Reason::ALL.len() - 1, "two reasons with one Chinese title");
}

#[test]
fn the_table_of_reasons_in_the_specification_is_that_of_the_code() {
    let spec = read(&root().join("credential-format/SPEC.md"));
    for reason in Reason::ALL {
        let curable = match (reason.outcome(), reason.is_curable()) {
            (Outcome::Accept, _) => "—",
            (_, true) => "yes",
            (_, false) => "no",
        };
        let title = reason.title();
        let row = format!(
            "| `{}` | {} | {} | {curable} | {} | {} |",
            reason.code(),
            reason.step().number(),
            reason.outcome().word(),
            title.zh,
            title.en
        );
        assert!(spec.contains(&row), "SPEC.md does not have the row\n{row}");
    }
    let is_row = |line: &&str| {
        line.starts_with("| `") && ["| reject |", "| accept |", "| undetermined |"].iter().any(|o| line.contains(o))
    };
    assert_eq!(spec.lines().filter(is_row).count(), Reason::ALL.len(), "SPEC.md has a row too many");
}

#[test]
fn every_step_gives_a_reason_and_reasons_stand_in_the_order_of_the_steps() {
    let steps: Vec<u8> = Reason::ALL.iter().map(|reason| reason.step().number()).collect();
    assert!(steps.is_sorted());
    assert_eq!(steps.iter().copied().collect::<BTreeSet<_>>(), (1..=13).collect());
    assert_eq!(Step::ALL.iter().map(|step| step.number()).collect::<Vec<_>>(), (1..=13).collect::<Vec<_>>());
}

#[test]
fn every_refusal_of_a_list_stands_in_the_specification() {
    let spec = read(&root().join("credential-format/SPEC.md"));
    let sources = [
        "credential-format/src/trust_list.rs",
        "credential-format/src/status_list.rs",
        "verifier/src/trust.rs",
        "verifier/src/status.rs",
    ];
    let mut codes = BTreeSet::new();
    for source in sources {
        let text = library_code(&root().join(source));
        codes.extend(text.split('"').filter(|part| is_list_code(part)).map(String::from));
    }
    assert!(codes.len() >= 30, "{codes:?}");
    // The threshold of root keys is part of a list's shape there.
    codes.remove("TRUST_THRESHOLD");
    let missing: Vec<&String> = codes.iter().filter(|code| !spec.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "not in SPEC.md: {missing:?}");
}

fn is_list_code(text: &str) -> bool {
    let rest = text.strip_prefix("TRUST_").or_else(|| text.strip_prefix("STATUS_"));
    // The first three are rules of one field, inside TRUST_MALFORMED and STATUS_MALFORMED; STATUS_INDEX is of a permit.
    let of_a_field = ["TRUST_VERSION_RANGE", "STATUS_URI", "STATUS_BITS", "STATUS_INDEX"];
    rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')) && !of_a_field.contains(&text)
}

// ---- Libraries

/// Features whose modules may touch the world. The modules of a command belong to its binary, not to the library.
const EDGES: [&str; 8] = ["cli", "counter", "state", "ledger", "https", "redis", "pkcs11", "worker"];
const LIBRARIES: [&str; 5] = ["credential-format", "issuer", "holder", "scan", "verifier"];

#[test]
fn libraries_have_no_clock_no_dice_no_disk_and_no_socket() {
    let banned = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "getrandom",
        "rand::",
        "OsRng",
    ];
    let mut looked_at = 0;
    for krate in LIBRARIES {
        for file in library_files(krate) {
            looked_at += 1;
            let code = library_code(&file);
            for word in banned {
                assert!(
                    !code.contains(word),
                    "{} has {word}: hand it in as an argument, or do it behind a feature",
                    file.display()
                );
            }
        }
    }
    assert!(looked_at >= 35, "{looked_at} files: the sources are not where this test looks");
}

#[test]
fn no_library_has_unsafe_code_and_no_command_is_built_without_its_feature() {
    for krate in LIBRARIES {
        let lib = read(&root().join(krate).join("src/lib.rs"));
        assert!(lib.contains("\n#![forbid(unsafe_code)]\n"), "{krate}: forbids no unsafe code");
        if root().join(krate).join("src/main.rs").exists() {
            let manifest = read(&root().join(krate).join("Cargo.toml"));
            assert!(
                manifest.contains("required-features = [\"cli\"]"),
                "{krate}: its command is built without the feature cli"
            );
        }
    }
}

/// The files of a library: `lib.rs` and what it names, without the modules behind the features of [`EDGES`] and those for tests.
fn library_files(krate: &str) -> Vec<PathBuf> {
    let source = root().join(krate).join("src");
    let lib = read(&source.join("lib.rs"));
    let mut files = vec![source.join("lib.rs")];
    let mut gate = "";
    for line in lib.lines() {
        if line.starts_with("#[cfg(") {
            gate = line;
            continue;
        }
        let module =
            line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
        if let Some(module) = module
            && gate != "#[cfg(test)]"
            && !EDGES.iter().any(|feature| gate == format!("#[cfg(feature = \"{feature}\")]"))
        {
            files.push(source.join(format!("{module}.rs")));
            files.extend(rust_files(&source.join(module)));
        }
        // Other attributes may stand between the gate and the module.
        if !line.starts_with("#[") {
            gate = "";
        }
    }
    files
}

#[test]
fn issuer_holder_and_verifier_meet_only_in_bytes() {
    for krate in ["issuer", "holder", "verifier"] {
        let manifest = read(&root().join(krate).join("Cargo.toml"));
        for other in ["issuer", "holder", "verifier"].iter().filter(|other| **other != krate) {
            let depends = manifest
                .lines()
                .any(|line| line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} ")));
            assert!(!depends, "{krate} depends on {other}");
        }
    }
    let format = read(&root().join("credential-format/Cargo.toml"));
    assert!(
        !["issuer", "holder", "scan", "verifier", "command-line"]
            .iter()
            .any(|krate| format.lines().any(|line| line.starts_with(krate)))
    );
}

#[test]
fn every_source_file_says_what_it_is() {
    let mut files = 0;
    for member in MEMBERS.into_iter().chain(MEMBERS_OF_TESTS) {
        for folder in ["src", "tests", "benches"] {
            for file in rust_files(&root().join(member).join(folder)) {
                let text = read(&file);
                assert!(text.starts_with("//! "), "{}: does not begin with //! and what it is", file.display());
                files += 1;
            }
        }
    }
    assert!(files >= 50, "{files}");
}

/// The lints of the workspace forbid unsafe code; they hold where they are asked for.
#[test]
fn every_member_asks_for_the_lints_of_the_workspace() {
    for member in MEMBERS.into_iter().chain(MEMBERS_OF_TESTS) {
        let manifest = read(&root().join(member).join("Cargo.toml"));
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{member}");
    }
    let workspace = read(&root().join("Cargo.toml"));
    assert!(workspace.contains("\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"));
}

/// The vectors are gone through by `vectors.rs`, folder by folder; whatever else stands beside them must be read by some test or program.
#[test]
fn every_other_fixture_is_used() {
    let sources: String =
        MEMBERS.iter().flat_map(|member| rust_files(&root().join(member))).map(|file| read(&file)).collect();
    for entry in fs::read_dir(root().join("fixtures")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name == "README.md" || sources.contains(&format!("\"{name}")) || sources.contains(&format!("/{name}")),
            "fixtures/{name}"
        );
    }
}

#[test]
fn nothing_is_left_to_do_in_the_sources() {
    // Put together here, so that this file does not have the words.
    let words = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"], ["HA", "CK"]].map(|parts| parts.concat());
    let macros = [["todo", "!("], ["unimplemented", "!("], ["dbg", "!("]].map(|parts| parts.concat());
    for member in MEMBERS {
        for file in rust_files(&root().join(member)) {
            let text = read(&file);
            for word in &words {
                let found = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word);
                assert!(!found, "{}: {word}", file.display());
            }
            for word in &macros {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}

const MEMBERS_OF_TESTS: [&str; 3] = ["tests/camera", "tests/properties", "tests/vectors"];
const MEMBERS: [&str; 9] =
    ["credential-format", "issuer", "holder", "scan", "verifier", "command-line", "demo", "tests", "bench"];

// ---- Personal data

/// What is printed for developers and logs shows no name, number or address: of every type that holds them, for every sample person.
#[test]
fn debug_shows_no_personal_data() {
    let world = &World::load_all()["counter"];
    let trust = TrustedList::reload(&hex::decode(world.trust_list.as_ref().unwrap()).unwrap()).unwrap();
    let mut status = StatusLists::new();
    for list in &world.status_lists {
        status.put(TrustedStatusList::check(&hex::decode(list).unwrap(), &trust).unwrap());
    }
    let (mut accepted, mut signed, mut untrusted) = (0, 0, 0);
    for sample in &SamplePermits::load().permits {
        let device = worlds::device(sample);
        for issuer in [format!("{} permit", worlds::issuer_of(sample)), "nobody".to_owned()] {
            let mut object = objects::permit(sample, &key(&issuer), &device, worlds::status_index(sample));
            let extensions = Item::map([(1, Item::array([Item::text(AGENT), Item::Uint(1)]))]);
            object.payload.entry(objects::PERMIT_CLAIMS).elements().push(extensions);
            let permit = object.encode();
            let code = objects::presentation(&permit, &device, seconds(NOON) - 4, *b"nonce-61").encode();
            let parsed = UnverifiedPermit::parse(&permit).unwrap();
            let claims = parsed.unverified_claims();
            let mut guard = MemoryGuard::new(10);
            let mut context = Context {
                now: Timestamp::parse(NOON).unwrap(),
                trust: Some(&trust),
                status: &status,
                newest_signed_time: None,
                asked: Asked::Nothing,
                replay: &mut guard,
                policy: Policy::default(),
            };
            let verdict = verify(&[digits(1, &code)], &mut context);
            match &verdict.subject {
                Subject::Accepted(_) => accepted += 1,
                Subject::Signed(_) => signed += 1,
                Subject::Untrusted(_) => untrusted += 1,
                Subject::Unreadable => panic!("sample {} cannot be read", sample.no),
            }
            let shown = [
                format!("{parsed:?}"),
                format!("{claims:#?}"),
                format!("{:?}", UnverifiedPresentation::parse(&code).unwrap()),
                format!("{:?}", Presented::parse(&code).unwrap()),
                format!("{:?}", (&claims.name, &claims.citizen_id, &claims.residence_code, &claims.ethnicity)),
                format!("{:?}", (&claims.household, &claims.address, &claims.household.detail())),
                format!("{verdict:?}"),
                format!("{verdict:#?}"),
                format!("{:?}", verdict.permit()),
                format!("{:?}", verdict.detail()),
                format!("{guard:?}"),
            ];
            for text in shown {
                for secret in secrets(sample, claims.residence_code.get()) {
                    assert!(!text.contains(&secret), "sample {}: {secret} in {text}", sample.no);
                }
            }
        }
    }
    assert!(accepted >= 10 && signed >= 5 && untrusted == 20, "{accepted}, {signed}, {untrusted}");
}

const AGENT: &str = "郑代办";

/// A person's texts, and the same as developers' tools print them: bytes in decimal, bytes in hex, escapes.
fn secrets(sample: &Sample, residence_code: u64) -> Vec<String> {
    let holder = &sample.holder;
    let detail =
        |address: &str| address.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    let texts = [
        holder.name.clone(),
        holder.citizen_id.clone(),
        holder.citizen_id[..17].to_owned(),
        holder.birth_date.clone(),
        holder.birth_date.replace('-', ""),
        detail(&holder.household_address),
        detail(&sample.residence.address),
        residence_code.to_string(),
        AGENT.to_owned(),
    ];
    let mut secrets = Vec::new();
    for text in texts {
        let bytes: Vec<String> = text.bytes().map(|b| b.to_string()).collect();
        secrets.push(bytes.join(", "));
        secrets.push(hex::encode(&text));
        secrets.push(text.escape_unicode().to_string());
        secrets.push(text);
    }
    secrets
}

// ---- Files

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// A source file without its tests and comments.
fn library_code(file: &Path) -> String {
    let text = read(file);
    // Tests come last, by the rule of the house.
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// All Rust files under a folder, but for what is built.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
