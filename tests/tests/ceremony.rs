//! The root ceremony over the command line: the commands of its page as they stand, and what stops it.

#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tests::commands::{MORNING, Ran, World, binaries, command};
use tests::pages;

// ---- The page

#[test]
fn the_commands_of_the_page_end_with_a_counter_that_took_every_list() {
    let (ran, folder) = pages::run("docs/root-ceremony.md");
    let (printed, said) = (&ran.out, &ran.err);
    assert!(!said.contains("error:"), "{said}");
    // What the signers read.
    for code in
        ["ROOT_ADDED", "ISSUER_ADDED", "KEY_ADDED", "KEY_ANNOUNCED", "KEY_RETIRED", "KEY_COMPROMISED", "ROOT_REMOVED"]
    {
        assert!(said.contains(&format!("[{code}]")), "{code}\n{said}");
    }
    assert!(printed.contains("涉及有效证照 permits in force concerned: 1"), "{printed}");
    // And what the counter has in the end.
    let mut show = command("verifier");
    show.args(["show", "--state", "counter", "--json"]).current_dir(folder.path());
    let shown = Ran::of(show, b"").exits(0).json();
    assert_eq!(shown["trust"]["version"], 8, "{shown}");
}

#[test]
fn the_chinese_page_has_the_same_commands() {
    let (english, chinese) = (pages::blocks("docs/root-ceremony.md"), pages::blocks("docs/root-ceremony.zh-CN.md"));
    // What is said about a command is said in the language of the page.
    let commands = |blocks: Vec<String>| -> Vec<String> {
        let said = |line: &&str| !line.trim_start().starts_with("echo ");
        let code = |line: &str| line.split(" # ").next().unwrap_or_default().trim_end().to_owned();
        blocks.iter().map(|block| block.lines().filter(said).map(code).collect::<Vec<_>>().join("\n")).collect()
    };
    assert!(english.len() >= 10, "{}", english.len());
    assert_eq!(commands(english), commands(chinese));
}

// ---- What stops a ceremony

/// Three root keys of which two must sign, a stranger's key, and a draft with one issuer; everything at [`MORNING`].
struct Table {
    folder: TempDir,
}

impl Table {
    fn new() -> Table {
        let table = Table { folder: tempfile::tempdir().unwrap() };
        for key in ["root-1", "root-2", "root-3", "root-4", "stranger", "permit", "status"] {
            table.run(&format!("keygen --out keys/{key}.pem")).exits(0);
        }
        let roots = "--root keys/root-1.pub.pem --root keys/root-2.pub.pem --root keys/root-3.pub.pem";
        table.run(&format!("trust init --draft draft.json --threshold 2 {roots}")).exits(0);
        let issuer = "--id TIANHE --not-before 2026-01-01T00:00:00+08:00 --not-after 2031-01-01T00:00:00+08:00";
        let new = "--name 天河区分局 --divisions 440106 --status-uri https://status.example.cn/tianhe";
        table
            .run(&format!(
                "trust add-issuer --draft draft.json {issuer} {new} --key keys/permit.pub.pem --usages permit"
            ))
            .exits(0);
        table
            .run(&format!("trust add-issuer --draft draft.json {issuer} --key keys/status.pub.pem --usages status"))
            .exits(0);
        table
    }

    /// Runs `issuer …`, split at spaces.
    fn run(&self, line: &str) -> Ran {
        let mut issuer = command("issuer");
        issuer.args(line.split_whitespace()).current_dir(self.folder.path());
        let ran = Ran::of(issuer, b"");
        assert_eq!(ran.defect(), None, "{ran}");
        ran
    }

    /// At so many seconds after [`MORNING`].
    fn run_at(&self, seconds: i64, line: &str) -> Ran {
        let morning = credential_format::timestamp::Timestamp::parse(MORNING).unwrap();
        let at = morning.seconds().checked_add_signed(seconds).unwrap();
        let at = credential_format::timestamp::Timestamp::new(at).unwrap();
        self.run(&format!("{line} --allow-fixed-time --at {at}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Proposes what the draft says, at [`MORNING`]; gives the digest.
    fn propose(&self, name: &str, more: &str) -> String {
        let proposed = self.run_at(0, &format!("trust propose --draft draft.json --out {name} {more} --json")).exits(0);
        proposed.json()["digest"].as_str().unwrap().to_owned()
    }

    /// Signs a proposal with a key, into PROPOSAL.KEY.
    fn sign(&self, proposal: &str, digest: &str, key: &str, more: &str) -> Ran {
        let out = format!("{proposal}.{key}");
        self.run_at(
            0,
            &format!("trust sign --proposal {proposal} --key keys/{key}.pem --out {out} --confirm {digest} {more}"),
        )
    }

    fn publish_at(&self, seconds: i64, proposal: &str, keys: &[&str], more: &str) -> Ran {
        let signatures: String = keys.iter().map(|key| format!(" --signature {proposal}.{key}")).collect();
        self.run_at(seconds, &format!("trust publish --proposal {proposal}{signatures} --out list.cose {more}"))
    }

    fn publish(&self, proposal: &str, keys: &[&str], more: &str) -> Ran {
        self.publish_at(0, proposal, keys, more)
    }

    /// The first list, published.
    fn first(&self) {
        let digest = self.propose("one", "");
        self.sign("one", &digest, "root-1", "").exits(0);
        self.sign("one", &digest, "root-2", "").exits(0);
        self.publish("one", &["root-1", "root-2"], "--draft draft.json").exits(0);
    }

    fn thumbprint(&self, key: &str) -> String {
        let pem = self.path(&format!("keys/{key}.pub.pem"));
        let bytes = command_line::key_file::load_public(&pem).unwrap();
        let key = credential_format::key::CoseKey::Ed25519(bytes.as_bytes().try_into().unwrap());
        credential_format::key::PublicKey::try_from(&key).unwrap().thumbprint().to_string()
    }

    fn kid(&self, key: &str) -> String {
        self.thumbprint(key)[..16].to_owned()
    }

    fn edit(&self, from: &str, to: &str) {
        let draft = String::from_utf8(self.read("draft.json")).unwrap();
        assert!(draft.contains(from), "{draft}");
        fs::write(self.path("draft.json"), draft.replace(from, to)).unwrap();
    }
}

#[test]
fn two_of_three_make_the_list_and_one_does_not() {
    let table = Table::new();
    let draft = table.read("draft.json");
    let digest = table.propose("one", "");
    assert_eq!(table.read("draft.json"), draft, "a proposal changes the draft");
    table.sign("one", &digest, "root-1", "").exits(0);

    let refused = table.publish("one", &["root-1"], "").refuses(2, "TRUST_SIGNATURES_MISSING");
    assert!(refused.err.contains("1 of the 2 root keys"), "{refused}");
    for (key, is_missing) in [("root-1", false), ("root-2", true), ("root-3", true)] {
        assert_eq!(refused.err.contains(&table.thumbprint(key)), is_missing, "{refused}");
    }
    table.publish("one", &["root-1", "root-1"], "").refuses(2, "TRUST_SIGNATURES_MISSING");
    assert!(!table.has("list.cose"));
    // Alone it is a list that nobody takes.
    let shown = table.run("trust show one.root-1").exits(1);
    assert!(shown.out.contains("NOT signed by enough"), "{shown}");

    table.sign("one", &digest, "root-3", "").exits(0);
    table.publish("one", &["root-3", "root-1"], "--draft draft.json").exits(0);
    let shown = table.run("trust show list.cose --json").exits(0).json();
    assert_eq!((&shown["version"], &shown["signed_by_its_own_roots"]), (&1.into(), &true.into()));
    let raised: Value = serde_json::from_slice(&table.read("draft.json")).unwrap();
    assert_eq!(raised["version"], 1);
}

#[test]
fn a_counter_refuses_a_signature_that_is_not_a_list_yet() {
    let table = Table::new();
    let digest = table.propose("one", "");
    for key in ["root-1", "root-2"] {
        table.sign("one", &digest, key, "").exits(0);
    }
    let verifier = |arguments: &str| {
        let mut verifier = command("verifier");
        verifier.args(arguments.split_whitespace()).current_dir(table.folder.path());
        Ran::of(verifier, b"")
    };
    let clock = format!("--allow-fixed-time --at {MORNING}");
    verifier(&format!("init --state counter --root {}", table.thumbprint("root-1"))).exits(0);
    fs::create_dir(table.path("stick")).unwrap();
    fs::copy(table.path("one.root-1"), table.path("stick/list.cose")).unwrap();
    let refused = verifier(&format!("sync --state counter stick {clock}"));
    assert!(
        refused.exit != Some(0) && (refused.out.clone() + &refused.err).contains("TRUST_OWN_THRESHOLD"),
        "{refused}"
    );
    table.publish("one", &["root-1", "root-2"], "").exits(0);
    fs::copy(table.path("list.cose"), table.path("stick/list.cose")).unwrap();
    verifier(&format!("sync --state counter stick {clock}")).exits(0);
}

#[test]
fn a_signature_of_another_proposal_is_named() {
    let table = Table::new();
    let digest = table.propose("one", "");
    table.sign("one", &digest, "root-1", "").exits(0);
    table.edit("\"days\": 90", "\"days\": 91");
    let other = table.propose("other", "");
    assert_ne!(digest, other);
    table.sign("other", &other, "root-2", "").exits(0);
    fs::copy(table.path("other.root-2"), table.path("one.root-2")).unwrap();
    let refused = table.publish("one", &["root-1", "root-2"], "").refuses(2, "TRUST_OTHER_PROPOSAL");
    assert!(refused.err.contains("one.root-2: "), "{refused}");
    fs::write(table.path("one.root-2"), b"").unwrap();
    table.publish("one", &["root-1", "root-2"], "").refuses(2, "TRUST_NOT_A_SIGNATURE");
    assert!(!table.has("list.cose"));
}

#[test]
fn who_confirms_another_digest_signs_nothing() {
    let table = Table::new();
    let digest = table.propose("one", "");
    let last = if digest.as_bytes()[15] == b'0' { '1' } else { '0' };
    let wrong = format!("{}{last}", &digest[..15]);
    for given in [wrong.as_str(), &digest[..15], "", &format!("{digest}0")] {
        let line = ["trust", "sign", "--proposal", "one", "--key", "keys/root-1.pem", "--out", "s", "--confirm", given];
        let mut issuer = command("issuer");
        issuer.args(line).current_dir(table.folder.path());
        Ran::of(issuer, b"").refuses(1, "TRUST_CONFIRM_DIFFERS");
        assert!(!table.has("s"), "{given}");
    }
    table.run("trust sign --proposal one --key keys/root-1.pem --out s").refuses(2, "TRUST_CONFIRM_MISSING");
    assert!(!table.has("s"));
    table.sign("one", &digest[..16], "root-1", "").exits(0);
    // The review that goes before it is that of `review`.
    let signed = table.sign("one", &digest, "root-2", "").exits(0);
    let review = table.run_at(0, "trust review one").exits(0);
    assert_eq!(signed.err, review.out);
}

#[test]
fn in_a_terminal_the_first_digits_are_typed() {
    let table = Table::new();
    let digest = table.propose("one", "");
    let typed = |digits: &str, out: &str| {
        let issuer = binaries().join("issuer");
        let line = format!("{} trust sign --proposal one --key keys/root-1.pem --out {out}", issuer.display());
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(table.folder.path());
        Ran::of(script, format!("{digits}\n").as_bytes())
    };
    let refused = typed(&digest[..7], "short").exits(1);
    assert!(refused.out.contains("TRUST_CONFIRM_DIFFERS") && !table.has("short"), "{refused}");
    let signed = typed(&digest[..8].to_uppercase(), "signature").exits(0);
    assert!(signed.out.contains("请输入摘要的前8位以签署") && table.has("signature"), "{signed}");
}

#[test]
fn only_root_keys_sign() {
    let table = Table::new();
    let digest = table.propose("one", "");
    table.sign("one", &digest, "stranger", "").refuses(2, "TRUST_NOT_A_ROOT");
    table.sign("one", &digest, "permit", "").refuses(2, "TRUST_NOT_A_ROOT");
    assert!(!table.has("one.stranger") && !table.has("one.permit"));
    table.sign("one", &digest, "root-1", "--key keys/root-2.pem").refuses(2, "TRUST_ONE_KEY");
    // Never over a file that is there.
    table.sign("one", &digest, "root-1", "").exits(0);
    let signature = table.read("one.root-1");
    table.sign("one", &digest, "root-1", "").refuses(2, "FILE_EXISTS");
    assert_eq!(table.read("one.root-1"), signature);
}

#[test]
fn an_encrypted_root_key_signs_with_its_passphrase() {
    use std::os::unix::fs::PermissionsExt as _;
    let table = Table::new();
    for (file, text) in [("right", "correct horse"), ("wrong", "correct house")] {
        fs::write(table.path(file), text).unwrap();
        fs::set_permissions(table.path(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
    table.run("keygen --out keys/locked.pem --encrypt --passphrase-file right").exits(0);
    table.run("trust roots --draft draft.json --add keys/locked.pub.pem").exits(0);
    let digest = table.propose("one", "");
    let refused = table.sign("one", &digest, "locked", "--passphrase-file wrong").exits(2);
    assert!(!table.has("one.locked"), "{refused}");
    table.sign("one", &digest, "locked", "--passphrase-file right").exits(0);
    table.sign("one", &digest, "root-1", "").exits(0);
    table.publish("one", &["locked", "root-1"], "").exits(0);
}

#[test]
fn a_proposal_is_published_in_its_time() {
    let table = Table::new();
    let digest = table.propose("one", "");
    for key in ["root-1", "root-2"] {
        table.sign("one", &digest, key, "").exits(0);
    }
    let both = ["root-1", "root-2"];
    let days_30 = 30 * 86_400;
    table.publish_at(-1, "one", &both, "").refuses(2, "TRUST_PROPOSAL_FUTURE");
    table.publish_at(days_30 + 1, "one", &both, "").refuses(2, "TRUST_PROPOSAL_STALE");
    assert!(!table.has("list.cose"));
    table.publish_at(days_30, "one", &both, "").exits(0);
    // Once more it changes nothing, whoever signed and whenever.
    let list = table.read("list.cose");
    table.sign("one", &digest, "root-3", "").exits(0);
    table.publish_at(days_30 + 1, "one", &["root-3", "root-1"], "").exits(0);
    assert_eq!(table.read("list.cose"), list);
    // Nor does another list of the same version, or an older one.
    table.edit("\"days\": 90", "\"days\": 91");
    let other = table.propose("other", "");
    for key in both {
        table.sign("other", &other, key, "").exits(0);
    }
    table.publish("other", &both, "").refuses(2, "TRUST_VERSION");
    assert_eq!(table.read("list.cose"), list);
}

#[test]
fn the_next_list_follows_the_one_in_use() {
    let table = Table::new();
    table.first();
    table.run_at(0, "trust propose --draft draft.json --out two").refuses(2, "TRUST_CURRENT_OLD");
    let digest = table.propose("two", "--current list.cose");
    table.sign("two", &digest, "root-1", "").refuses(2, "TRUST_CURRENT_MISSING");
    table.sign("two", &digest, "root-1", "--current one.root-1").refuses(2, "TRUST_CURRENT_UNSIGNED");
    table.sign("two", &digest, "root-1", "--current two").refuses(2, "TRUST_MALFORMED");
    for key in ["root-1", "root-3"] {
        table.sign("two", &digest, key, "--current list.cose").exits(0);
    }
    let elsewhere = "trust publish --proposal two --signature two.root-1 --signature two.root-3 --out other.cose";
    table.run_at(0, elsewhere).refuses(2, "TRUST_CURRENT_MISSING");
    assert!(!table.has("other.cose"));
    let one = table.read("list.cose");
    table.publish("two", &["root-1", "root-3"], "").exits(0);
    assert_eq!(table.run("trust show list.cose --json").exits(0).json()["version"], 2);
    // The draft was not raised by that; the list in use counts.
    table.propose("three", "--current list.cose");
    assert_eq!(table.run("trust review three --current list.cose --json").exits(0).json()["version"], 3);
    // A draft that knows of version 2 is not proposed after version 1 once more.
    fs::write(table.path("one.cose"), one).unwrap();
    table.edit("\"version\": 1", "\"version\": 2");
    table.run_at(0, "trust propose --draft draft.json --current one.cose --out again").refuses(2, "TRUST_CURRENT_OLD");
}

#[test]
fn new_root_keys_are_signed_in_by_old_and_new() {
    let table = Table::new();
    table.first();
    let (gone, first) = (table.thumbprint("root-3"), table.thumbprint("root-1"));
    table.run(&format!("trust roots --draft draft.json --remove {}", "0".repeat(64))).refuses(2, "TRUST_ROOT_UNKNOWN");
    table.run("trust roots --draft draft.json --add keys/root-1.pub.pem").refuses(2, "TRUST_DUPLICATE_ROOT");
    table.run("trust roots --draft draft.json --threshold 4").refuses(2, "TRUST_THRESHOLD");
    table
        .run(&format!("trust roots --draft draft.json --remove {gone} --remove {first} --add keys/root-4.pub.pem"))
        .exits(0);
    let digest = table.propose("two", "--current list.cose");
    let review = table.run_at(0, "trust review two --current list.cose --json").exits(0).json();
    let codes: Vec<&str> = review["changes"].as_array().unwrap().iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["ROOT_ADDED", "ROOT_REMOVED", "ROOT_REMOVED"]);
    for key in ["root-1", "root-2", "root-4"] {
        table.sign("two", &digest, key, "--current list.cose").exits(0);
    }
    let refused = table.publish("two", &["root-2", "root-4"], "").refuses(2, "TRUST_SIGNATURES_MISSING");
    assert!(refused.err.contains("1 of the 2 of version 1") && refused.err.contains(&first), "{refused}");
    table.publish("two", &["root-1", "root-2"], "").refuses(2, "TRUST_SIGNATURES_MISSING");
    table.publish("two", &["root-1", "root-2", "root-4"], "").exits(0);
}

// ---- The draft

#[test]
fn a_private_key_does_not_go_into_a_draft() {
    let table = Table::new();
    let draft = table.read("draft.json");
    let line =
        "--id TIANHE --not-before 2026-01-01T00:00:00+08:00 --not-after 2031-01-01T00:00:00+08:00 --usages status";
    let refused = table
        .run(&format!("trust add-issuer --draft draft.json {line} --key keys/stranger.pem"))
        .refuses(2, "TRUST_PRIVATE_KEY");
    assert!(refused.err.contains("keys/stranger.pub.pem"), "{refused}");
    table.run("trust roots --draft draft.json --add keys/root-4.pem").refuses(2, "TRUST_PRIVATE_KEY");
    table.run("trust init --draft new.json --root keys/root-1.pem").refuses(2, "TRUST_PRIVATE_KEY");
    assert!(table.read("draft.json") == draft && !table.has("new.json"));
    table.run(&format!("trust add-issuer --draft draft.json {line} --key keys/stranger.pub.pem")).exits(0);
}

#[test]
fn lint_names_every_mistake_and_propose_refuses_errors() {
    let table = Table::new();
    let clean = table.run_at(0, "trust lint --draft draft.json --json").exits(0).json();
    assert_eq!(
        (&clean["errors"], &clean["warnings"], &clean["findings"]),
        (&0.into(), &0.into(), &Value::Array(vec![]))
    );
    table.first();
    table.edit("status.example.cn", "lists.example.cn");
    table.edit("\"threshold\": 2", "\"threshold\": 1");
    let found = table.run_at(0, "trust lint --draft draft.json --current list.cose --json").exits(1).json();
    let codes: Vec<_> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["severity"].as_str().unwrap(), f["code"].as_str().unwrap(), f["place"].as_str().unwrap()))
        .collect();
    assert_eq!(
        codes,
        [
            ("error", "TRUST_STATUS_ADDRESS_CHANGED", "issuers[0].status_uri"),
            ("warning", "TRUST_THRESHOLD_ONE", "threshold"),
        ]
    );
    assert_eq!((&found["errors"], &found["warnings"]), (&1.into(), &1.into()));
    let page = table.run_at(0, "trust lint --draft draft.json --current list.cose").exits(1);
    assert!(page.out.contains("错误 error TRUST_STATUS_ADDRESS_CHANGED issuers[0].status_uri"), "{page}");

    let propose = "trust propose --draft draft.json --current list.cose --out two";
    let refused = table.run_at(0, propose).refuses(1, "TRUST_LINT");
    assert!(refused.err.contains("警告 warning TRUST_THRESHOLD_ONE") && !table.has("two"), "{refused}");
    table
        .run_at(0, &format!("{propose} --accept TRUST_STATUS_ADDRESS_CHANGED --accept TRUST_KEY_REMOVED"))
        .refuses(2, "TRUST_ACCEPT_UNUSED");
    assert!(!table.has("two"));
    table.run_at(0, &format!("{propose} --accept TRUST_STATUS_ADDRESS_CHANGED")).exits(0);
    // Who signs sees what was accepted.
    let review = table.run_at(0, "trust review two --current list.cose").exits(0);
    assert!(review.out.contains("错误 error TRUST_STATUS_ADDRESS_CHANGED"), "{review}");
    table.run_at(0, &format!("{propose} --accept TRUST_STATUS_ADDRESS_CHANGED")).refuses(2, "FILE_EXISTS");
}

#[test]
fn a_key_is_retired_and_compromised_by_its_kid() {
    let table = Table::new();
    let (permit, status) = (table.kid("permit"), table.kid("status"));
    let retire =
        |kid: &str, end: &str| table.run(&format!("trust retire --draft draft.json --kid {kid} --not-after {end}"));
    retire("zz", "2030-01-01T00:00:00+08:00").refuses(2, "TRUST_KID_FORM");
    retire(&table.kid("stranger"), "2030-01-01T00:00:00+08:00").refuses(2, "TRUST_KID_UNKNOWN");
    retire(&permit, "2031-01-01T00:00:01+08:00").refuses(2, "TRUST_RETIRE_LATER");
    retire(&permit, "2026-01-01T00:00:00+08:00").refuses(2, "TRUST_KEY_PERIOD");
    retire(&permit, "2030").refuses(2, "TIME_FORM");
    let told = retire(&permit, "2026-01-01T00:00:01+08:00").exits(0);
    assert!(told.out.contains("KEY_RETIRED") && told.out.contains("TIANHE"), "{told}");
    assert!(String::from_utf8(table.read("draft.json")).unwrap().contains("2026-01-01T00:00:01+08:00"));

    let stolen =
        |kid: &str, from: &str| table.run(&format!("trust compromise --draft draft.json --kid {kid} --from {from}"));
    stolen(&status, "2025-12-31T23:59:59+08:00").refuses(2, "TRUST_COMPROMISED_OUTSIDE");
    stolen(&status, "2031-01-01T00:00:00+08:00").refuses(2, "TRUST_COMPROMISED_OUTSIDE");
    let told = stolen(&status, "2030-12-31T23:59:59+08:00").exits(0);
    assert!(told.out.contains("publish all of them at once") && !told.out.contains("KEY_COMPROMISED"), "{told}");
    stolen(&status, "2026-07-01T00:00:00+08:00").exits(0);
    stolen(&status, "2026-07-01T00:00:00+08:00").exits(0);
    stolen(&status, "2026-07-01T00:00:01+08:00").refuses(2, "TRUST_COMPROMISED_LIFTED");
    let draft: Value = serde_json::from_slice(&table.read("draft.json")).unwrap();
    assert_eq!(draft["issuers"][0]["keys"][1]["compromised_from"], "2026-07-01T00:00:00+08:00");
}

#[test]
fn with_a_ledger_the_permits_are_counted_and_the_ledger_is_left_alone() {
    let world = World::new();
    let files = fs::read_dir(world.path("permits")).unwrap().map(|file| file.unwrap().path());
    let permits = files.filter(|file| file.is_file()).count() as u64;
    assert!(permits >= 10, "{permits}");
    let ledger = fs::read(world.path("ledger.sqlite3")).unwrap();
    let lint = |more: &[&str]| {
        let line = ["trust", "lint", "--draft", "draft.json", "--current", "public/trust.cose", "--json"];
        world.run_at(0, "issuer", &[&line[..], more].concat())
    };
    lint(&["--ledger", "ledger.sqlite3"]).exits(0);
    let shown = world.run("issuer", &["trust", "show", "public/trust.cose", "--json"]).exits(0).json();
    let key = shown["list"]["issuers"][0]["keys"][0]["key"].as_str().unwrap();
    let key: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
    let key = credential_format::key::PublicKey::try_from(&credential_format::key::CoseKey::Ed25519(key)).unwrap();
    let kid = key.kid().to_string();

    let end = "2026-08-01T00:00:00+08:00";
    let line =
        ["trust", "retire", "--draft", "draft.json", "--kid", &kid, "--not-after", end, "--ledger", "ledger.sqlite3"];
    let told = world.run_at(0, "issuer", &[&line[..], &["--json"]].concat()).exits(0).json();
    assert_eq!(told["permits_concerned"], permits);
    let found = lint(&["--ledger", "ledger.sqlite3"]).exits(1).json();
    let finding = &found["findings"][0];
    assert_eq!(finding["code"], "TRUST_KEY_ENDS_BEFORE_PERMITS");
    assert!(finding["en"].as_str().unwrap().contains(&format!("{permits} permits in force")), "{found}");
    // Without it nobody can know; the key's near end is seen all the same.
    let found = lint(&[]).exits(1).json();
    assert_eq!(found["findings"][0]["code"], "TRUST_KEY_ENDS_SOON");

    // They were signed two hours before.
    let stolen = |from: &str| {
        let line = ["trust", "compromise", "--draft", "draft.json", "--kid", &kid, "--from", from];
        let told = world.run_at(0, "issuer", &[&line[..], &["--ledger", "ledger.sqlite3", "--json"]].concat());
        told.exits(0).json()["permits_concerned"].clone()
    };
    assert_eq!(stolen("2026-07-01T07:00:01+08:00"), 0);
    assert_eq!(stolen("2026-07-01T07:00:00+08:00"), permits);
    assert!(fs::read(world.path("ledger.sqlite3")).unwrap() == ledger, "the ledger was written to");

    lint(&["--ledger", "none.sqlite3"]).refuses(2, "LEDGER_FILE");
    assert!(!world.path("none.sqlite3").exists());
    lint(&["--ledger", "draft.json"]).refuses(2, "LEDGER_UNKNOWN");
}
