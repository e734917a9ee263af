//! The main job over the command line: from keys to a verdict, with the commands alone.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use credential_format::permit::{StatusSlot, UnverifiedPermit};
use serde_json::Value;
use tests::commands::case::run_folder;
use tests::commands::{
    LISTED, PAPER_NO, Ran, STATUS_URI, World, binaries, files_under, personal_data, phone_of, residence_code,
};
use tests::sample_permits::SamplePermits;

/// Every file of `tests/commands/verdicts/`: a verdict for each reason that a counter meets.
#[test]
fn verdicts() {
    run_folder("verdicts", &World::new(), 35);
}

/// Every file of `tests/commands/issue/`: what happens to each row of a list of requests.
#[test]
fn issuing() {
    run_folder("issue", &World::new(), 10);
}

/// Every file of `tests/commands/primitive/`: the functions under a verdict.
#[test]
fn primitives() {
    run_folder("primitive", &World::new(), 3);
}

/// Every file of `tests/commands/show/`: how a counter stands, will stand, and what it is set to.
#[test]
fn showing() {
    run_folder("show", &World::new(), 11);
}

/// Every file of `tests/commands/journal/`: what is written down, and what was done to it.
#[test]
fn the_journal() {
    run_folder("journal", &World::new(), 7);
}

/// What checks of one permit leave behind, as a spreadsheet program reads it: which permit, and nothing of whom.
#[test]
fn the_journal_as_a_table() {
    let world = World::now();
    let first = world.code("phone", 1, 0, &[]);
    let second = world.code("phone", 1, 0, &[]);
    for (code, exit) in [(&first, 0), (&second, 0), (&second, 1)] {
        world.run("verifier", &["verify", "--state", "counter", "--text", code]).exits(exit);
    }
    // Lines end as RFC 4180 has it, which no other output does.
    let mut command = world.command("verifier");
    command.args(["journal", "--state", "counter", "--from", "2020-01-01", "--csv"]);
    let table = Ran::of(command, b"").exits(0).out;
    let lines: Vec<&str> = table.strip_prefix('\u{feff}').expect("a byte order mark").split("\r\n").collect();
    // Names of columns, three checks, the head, and the end of the last line.
    assert_eq!(lines.len(), 6, "{table}");
    let cells = |line: &str| line.split(',').map(String::from).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = lines[1..4].iter().map(|line| cells(line)).collect();
    assert_eq!(rows.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(), ["VALID", "VALID", "REPLAYED"]);
    assert_eq!(rows.iter().map(|row| row[8].as_str()).collect::<Vec<_>>(), ["command"; 3]);
    assert!(rows[0][9].len() == 16 && rows.iter().all(|row| row[9] == rows[0][9]), "{table}");
    assert!(cells(lines[4])[0] == "3" && cells(lines[4])[16] == rows[2][16], "{table}");
    for word in personal_data() {
        assert!(!table.contains(word.as_str()));
    }
    let chain = world.run("verifier", &["journal", "--state", "counter", "--check", "--json"]).exits(0).json();
    assert_eq!((&chain["entries"], &chain["intact"]), (&4.into(), &true.into()));
}

/// By the clock of the machine, as at a counter: no `--at` anywhere.
#[test]
fn by_the_clock_of_the_machine() {
    let world = World::now();
    let code = world.code("phone", 1, 0, &[]);
    let verify = ["verify", "--state", "counter", "--text", &code, "--json"];
    let verdict = world.run("verifier", &verify).exits(0).json();
    assert_eq!(
        (&verdict["reason"], &verdict["clock"], &verdict["assurance"]),
        (&"VALID".into(), &"system".into(), &"passive".into())
    );
    let again = world.run("verifier", &verify).exits(1).json();
    assert_eq!((&again["reason"], &again["clock"]), (&"REPLAYED".into(), &"system".into()));

    let asked = world.run("verifier", &["challenge", "--state", "counter"]).exits(0).out;
    let code = world.code("phone", 1, 0, &["--challenge", asked.trim()]);
    let page = world
        .run("verifier", &["verify", "--state", "counter", "--text", &code, "--challenge", asked.trim()])
        .exits(0)
        .out;
    assert!(page.starts_with("✓ 有效 / Valid\n") && !page.contains("固定时间"), "{page}");
    assert!(page.contains("已应答本柜台挑战码"), "{page}");
}

/// The three forms of requests, and both kinds of device keys, give permits that differ in nothing but their place in the status list.
#[test]
fn requests_in_three_forms() {
    let world = World::new();
    let mut permits = Vec::new();
    for form in ["json", "csv", "ndjson"] {
        let (requests, out, ledger) = (format!("requests.{form}"), format!("out-{form}"), format!("{form}.sqlite3"));
        let arguments =
            ["issue", "--key", "keys/permit.pem", "--requests", &requests, "--enrolments", "codes.txt", "--out", &out];
        let said =
            world.run_at(0, "issuer", &[&arguments[..], &["--ledger", &ledger, "--json"]].concat()).exits(0).json();
        assert_eq!(
            (&said["issued"], &said["refused"], &said["refused_file"]),
            (&20.into(), &0.into(), &Value::Null),
            "{form}"
        );
        permits.push(
            (1..=20)
                .map(|no| without_slot(&world, &format!("{out}/{}.permit", residence_code(no))))
                .collect::<Vec<_>>(),
        );
    }
    assert!(permits.iter().all(|those| *those == permits[0]));
    let different: BTreeSet<_> = permits[0].iter().collect();
    assert_eq!(different.len(), 20);
    // What was asked for stands in them.
    let samples = SamplePermits::load();
    for sample in &samples.permits {
        let bytes = fs::read(world.path(&format!("out-csv/{}.permit", residence_code(sample.no)))).expect("a permit");
        let permit = UnverifiedPermit::parse(&bytes).expect("a permit");
        let claims = permit.unverified_claims();
        assert_eq!(claims.name.as_str(), sample.holder.name);
        assert_eq!(claims.citizen_id.to_string(), sample.holder.citizen_id);
        assert_eq!(claims.address.to_address(), sample.residence.address);
        assert_eq!(claims.household.to_address(), sample.holder.household_address);
        assert_eq!(claims.issued_on.to_string(), sample.permit.endorsement_anchor);
        assert_eq!(claims.endorsed_until.to_string(), sample.permit.valid_until);
    }
}

/// The claims of a permit as they are signed, with the slot taken out.
fn without_slot(world: &World, path: &str) -> Vec<u8> {
    let bytes = fs::read(world.path(path)).expect("a permit");
    let permit = UnverifiedPermit::parse(&bytes).expect("a permit");
    let mut claims = (**permit.unverified_claims()).clone();
    claims.status = StatusSlot { list: 0, index: 0 };
    claims.to_sign(permit.kid()).expect("claims that agree").message().to_vec()
}

/// The keys are PKCS#8 of version 1: OpenSSL reads them, and signs what `primitive` takes.
#[test]
fn keys_that_openssl_reads() {
    let world = World::new();
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).current_dir(world.folder()).output();
    let Ok(version) = openssl(&["version"]) else {
        println!("skipped: there is no openssl here");
        return;
    };
    println!("{}", String::from_utf8_lossy(&version.stdout).trim());
    let said = world.run("issuer", &["keygen", "--out", "k.pem", "--json"]).exits(0).json();
    let public = said["public_key"].as_str().expect("hex");
    let run = |arguments: &[&str]| {
        let output = openssl(arguments).expect("openssl runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let der = run(&["pkey", "-in", "k.pem", "-pubout", "-outform", "DER"]);
    assert_eq!(hex::encode(&der[der.len() - 32..]), public);
    assert_eq!(run(&["pkey", "-pubin", "-in", "k.pub.pem", "-outform", "DER"]), der);
    fs::write(world.path("message"), "to sign").expect("written");
    let signature = hex::encode(run(&["pkeyutl", "-sign", "-inkey", "k.pem", "-rawin", "-in", "message"]));
    let check = |message: &str| {
        let arguments = ["primitive", "ed25519", "--pk", public, "--sig", &signature, "--msg", &hex::encode(message)];
        world.run("verifier", &arguments).exit
    };
    assert_eq!((check("to sign"), check("to sigh")), (Some(0), Some(1)));
    // And the other way round: a key that OpenSSL made signs a trust list.
    run(&["genpkey", "-algorithm", "ed25519", "-out", "o.pem"]);
    run(&["pkey", "-in", "o.pem", "-pubout", "-out", "o.pub.pem"]);
    // OpenSSL 1 leaves the file readable for all, which is refused.
    world.run("issuer", &["trust", "init", "--draft", "o.json", "--root", "o.pub.pem"]).exits(0);
    set_mode(&world, "o.pem", 0o600);
    world.run_at(0, "issuer", &["trust", "sign", "--draft", "o.json", "--key", "o.pem", "--out", "o.cose"]).exits(0);
}

/// Private is private: 0600 and 0700, whatever the umask.
#[cfg(unix)]
#[test]
fn modes_of_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let root = world.thumbprint("public/trust.cose");
    let umask = |name: &str, arguments: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(binaries().join(name)).args(arguments);
        let output = command.current_dir(world.folder()).output().expect("sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    umask("issuer", &["keygen", "--out", "open/k.pem"]);
    umask("verifier", &["init", "--state", "open-state", "--root", &root]);
    umask("holder", &["init", "--dir", "open-phone"]);
    let code = residence_code(1);
    let arguments = [
        "issue",
        "--key",
        "keys/permit.pem",
        "--requests",
        "requests.json",
        "--enrolments",
        "codes.txt",
        "--out",
        "open-out",
    ];
    let at = world.at(0);
    let at: Vec<&str> = at.iter().map(String::as_str).collect();
    umask("issuer", &[&arguments[..], &["--ledger", "open.sqlite3"], &at].concat());
    let mode = |path: &str| fs::metadata(world.path(path)).expect("it is there").permissions().mode() & 0o777;
    for folder in ["open", "open-state", "open-phone", "open-out"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    let permit = format!("open-out/{code}.permit");
    for file in ["open/k.pem", "open-state/state.sqlite3", "open-phone/device.pem", "open.sqlite3", &permit] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[cfg(unix)]
fn set_mode(world: &World, path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).expect("the mode");
}

#[cfg(not(unix))]
fn set_mode(_: &World, _: &str, _: u32) {}

/// With `--json` every command answers one JSON object with a version, and these members.
#[test]
fn answers_in_json() {
    let world = World::new();
    let code = residence_code(1);
    let root = world.thumbprint("public/trust.cose");
    for (seconds, name, arguments, members) in [
        (
            0,
            "issuer",
            vec!["keygen", "--out", "new.pem"],
            "algorithm kid private_file public_file public_key thumbprint v",
        ),
        (0, "issuer", vec!["trust", "init", "--draft", "new.json", "--root", "new.pub.pem"], "draft roots threshold v"),
        (
            0,
            "issuer",
            vec!["trust", "sign", "--draft", "draft.json", "--key", "keys/root.pem", "--out", "public/trust.cose"],
            "expires_at file issued_at root_thumbprints v version",
        ),
        (
            0,
            "issuer",
            vec!["trust", "show", "public/trust.cose"],
            "consistent expires_at issued_at list root_thumbprints signed_by_its_own_roots v version",
        ),
        (
            0,
            "issuer",
            vec![
                "issue",
                "--key",
                "keys/permit.pem",
                "--requests",
                "requests.csv",
                "--ledger",
                "l.sqlite3",
                "--out",
                "o",
                "--enrolments",
                "codes.txt",
            ],
            "already_issued issued kid ledger out permits_per_second refused refused_file v",
        ),
        (
            0,
            "issuer",
            vec!["status", "set", "--ledger", "ledger.sqlite3", "--residence-code", &code, "suspended"],
            "permits v",
        ),
        (
            0,
            "issuer",
            vec![
                "status",
                "publish",
                "--ledger",
                "ledger.sqlite3",
                "--list",
                "1",
                "--key",
                "keys/status.pem",
                "--uri",
                STATUS_URI,
                "--out",
                "public",
            ],
            "kid lists v",
        ),
        (0, "holder", vec!["init", "--dir", "new-phone"], "algorithm thumbprint v"),
        (0, "holder", vec!["enrol", "--dir", "new-phone", "--residence-code", &code], "issued_at nonce text v"),
        (0, "holder", vec!["list", "--dir", "phone"], "permits v"),
        (
            0,
            "holder",
            vec!["present", "--dir", "phone", "--permit", &code],
            "bytes changes_at clock counter issued_at text v",
        ),
        (
            0,
            "verifier",
            vec!["show", "--state", "counter"],
            "clock_doctor counter newest_signed next now outlook policy root status troubles trust v writable",
        ),
        (
            0,
            "verifier",
            vec!["sync", "--state", "counter", "public"],
            "files refused taken trust_in_force trust_version v",
        ),
        (0, "verifier", vec!["challenge", "--state", "counter"], "challenge counter made_at purpose seconds v"),
    ] {
        let arguments: Vec<&str> = arguments.into_iter().chain(["--json"]).collect();
        let ran =
            if takes_time(&arguments) { world.run_at(seconds, name, &arguments) } else { world.run(name, &arguments) };
        let ran = ran.exits(0);
        let answer = ran.json();
        assert_eq!(sorted_members(&answer), members, "{ran}");
        assert_eq!(answer["v"], 1, "{ran}");
    }
    assert_eq!(root.len(), 64);
}

/// Making a key and beginning a draft know no time.
fn takes_time(arguments: &[&str]) -> bool {
    !matches!(arguments, ["keygen" | "init" | "list", ..] | ["trust", "init" | "show", ..])
}

fn sorted_members(value: &Value) -> String {
    let mut members: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    members.join(" ")
}

/// The shape of a verdict: every member, in this order, of this kind; `permit` only when the issuer's signature held.
#[test]
fn verdicts_in_json() {
    let world = World::new();
    let verdict = |state: &str, code: &str, seconds: i64| {
        let ran = world.run_at(seconds, "verifier", &["verify", "--state", state, "--text", code, "--json"]);
        let order = ran.out.clone();
        (ran.exit, ran.json(), order)
    };
    let code = world.code("phone", 1, 0, &[]);

    let (exit, valid, order) = verdict("counter", &code, 4);
    assert_eq!(exit, Some(0));
    let members =
        "assurance checks clock code_age_s curable detail lists outcome permit reason remedy timing_us title v";
    assert_eq!(sorted_members(&valid), members);
    // `detail` stands where the documentation has it, and serde keeps the order of writing.
    let places: Vec<usize> = [
        "v",
        "outcome",
        "reason",
        "assurance",
        "title",
        "detail",
        "remedy",
        "curable",
        "permit",
        "checks",
        "lists",
        "clock",
        "code_age_s",
        "timing_us",
    ]
    .iter()
    .map(|member| order.find(&format!("\"{member}\":")).expect("the member"))
    .collect();
    assert!(places.is_sorted(), "{order}");
    for text in ["title", "detail", "remedy"] {
        assert_eq!(sorted_members(&valid[text]), "en zh", "{text}");
        assert!(
            ["en", "zh"].iter().all(|language| valid[text][language].as_str().is_some_and(|words| !words.is_empty()))
        );
    }
    assert_eq!((&valid["v"], &valid["curable"], &valid["code_age_s"]), (&1.into(), &false.into(), &4.into()));
    let checks = valid["checks"].as_array().expect("a list");
    assert_eq!(checks.len(), 13);
    for (number, check) in checks.iter().enumerate() {
        assert_eq!(sorted_members(check), "name result step");
        assert_eq!((&check["step"], &check["result"]), (&(number + 1).into(), &"pass".into()));
    }
    assert_eq!(sorted_members(&valid["lists"]), "status trust");
    assert_eq!(
        (sorted_members(&valid["lists"]["trust"]), sorted_members(&valid["lists"]["status"])),
        ("age_s version".into(), "age_s list old".into())
    );
    assert!(valid["timing_us"]["verify"].is_u64() && valid["timing_us"].get("scan").is_none());
    let permit = &valid["permit"];
    assert_eq!(
        sorted_members(permit),
        "address birth_date citizen_id endorsed_until endorsement_window ethnicity expires_at household issued_at issued_on issuer kind name \
         permit_name residence_code sex shown_by specimen status"
    );
    assert_eq!((&permit["name"], &permit["citizen_id"]), (&"陈样例".into(), &"430407199205179970".into()));
    assert_eq!((&permit["residence_code"], &permit["status"]["list"]), (&residence_code(1).into(), &1.into()));
    assert_eq!(
        (&permit["issuer"]["id"], &permit["endorsement_window"]["opens"]),
        (&"TIANHE".into(), &"2026-08-10".into())
    );

    // Lapsed, replayed, too old: the issuer's signature held, so the permit is shown. Untrusted or unreadable: it is not.
    let lapsed = world.code("phone", 3, 0, &[]);
    for (state, code, seconds, exit, reason, shown) in [
        ("counter", code.as_str(), 5, 1, "REPLAYED", "permit"),
        ("counter", &lapsed, 5, 1, "ENDORSEMENT_LAPSED", "permit"),
        ("counter-other", &code, 5, 3, "ISSUER_UNKNOWN", "untrusted"),
        ("counter-new", &code, 5, 3, "TRUST_LIST_MISSING", "untrusted"),
        ("counter", "8611000", 5, 1, "MALFORMED", ""),
        ("counter", "123", 5, 1, "NOT_A_PERMIT_CODE", ""),
    ] {
        let (code, verdict, _) = verdict(state, code, seconds);
        assert_eq!((code, &verdict["reason"]), (Some(exit), &reason.into()));
        let found: Vec<&str> =
            ["permit", "untrusted"].into_iter().filter(|member| verdict.get(member).is_some()).collect();
        assert_eq!(found.join(" "), shown, "{reason}");
        assert_eq!(verdict["outcome"], if exit == 1 { "reject" } else { "undetermined" });
        // The step that decided is the last, and says so.
        let checks = verdict["checks"].as_array().expect("a list");
        assert_ne!(checks.last().expect("a step")["result"], "pass", "{reason}");
        assert!(checks.iter().rev().skip(1).all(|check| check["result"] == "pass"), "{reason}");
    }
    // One bit of the issuer's signature: the claims are shown as untrusted only.
    let (_, bytes) = credential_format::text::decode(&code).expect("a code");
    let permit = fs::read(world.path(&format!("permits/{}.permit", residence_code(1)))).expect("a permit");
    let end = bytes.windows(permit.len()).position(|part| part == permit).expect("the permit in its presentation")
        + permit.len();
    let mut forged = bytes.clone();
    forged[end - 1] ^= 1;
    let forged = credential_format::text::encode(credential_format::text::Kind::Presentation, &forged);
    let (exit, verdict, _) = verdict("counter", &forged, 5);
    assert_eq!((exit, &verdict["reason"]), (Some(1), &"ISSUER_SIGNATURE".into()));
    assert!(verdict.get("permit").is_none() && verdict["untrusted"]["name"] == "陈样例");
}

/// Names and numbers stand where they must (requests, permits, the ledger, what `--json` prints) and nowhere else: not on standard error,
/// not in a counter's state, not in lists, not in the name of a file.
#[test]
fn no_personal_data_strays() {
    let world = World::new();
    let mut errors = String::new();
    // `World::run` looks at standard error of every command; here the commands see every sample, rightly and wrongly.
    for no in 1..=20 {
        let code = world.code(phone_of(no), no, 0, &[]);
        for state in ["counter", "counter", "counter-2", "counter-other", "counter-new", "counter-trust"] {
            errors += &world.run_at(3, "verifier", &["verify", "--state", state, "--text", &code]).err;
        }
        errors += &world.run_at(300, "verifier", &["verify", "--state", "counter", "--text", &code]).err;
    }
    let mut spoilt: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(world.path("requests.json")).expect("read")).expect("JSON");
    for (number, request) in spoilt.iter_mut().enumerate() {
        let field = ["name", "citizen_id", "address", "residence_code", "issued_on"][number % 5];
        let old = request[field].as_str().expect("a text").to_owned();
        request[field] = format!("{old}\u{200b}").into();
    }
    fs::write(world.path("spoilt.json"), Value::Array(spoilt).to_string()).expect("written");
    let arguments = [
        "issue",
        "--key",
        "keys/permit.pem",
        "--requests",
        "spoilt.json",
        "--enrolments",
        "codes.txt",
        "--ledger",
        "l.sqlite3",
    ];
    let refused = world.run_at(0, "issuer", &[&arguments[..], &["--out", "out"]].concat()).exits(1);
    assert!(refused.err.matches('[').count() >= 20, "{refused}");
    errors += &refused.err;
    for word in personal_data() {
        assert!(!errors.contains(word.as_str()));
    }

    // Numbers of permits are integers on the wire: eight bytes.
    let samples = SamplePermits::load().permits;
    let needles: Vec<Vec<u8>> = samples
        .iter()
        .flat_map(|sample| {
            let wire: u64 = sample.holder.citizen_id[..17].parse().expect("digits");
            let street: String = sample.residence.address.chars().skip(9).collect();
            [
                sample.holder.name.clone().into_bytes(),
                sample.holder.citizen_id.clone().into_bytes(),
                wire.to_be_bytes().to_vec(),
                street.into_bytes(),
            ]
        })
        .filter(|needle| needle.len() > 6)
        .collect();
    let holds = |path: &std::path::Path| {
        let bytes = fs::read(world.folder().join(path)).expect("a file");
        needles.iter().any(|needle| bytes.windows(needle.len()).any(|part| part == needle))
    };
    let files = files_under(world.folder());
    let may_hold = |name: &str| {
        ["requests.", "paper.", "spoilt.", "permits/", "vouchers/", "phone/", "phone-p256/", "ledger.sqlite3"]
            .iter()
            .any(|begin| name.starts_with(begin))
            && name != "phone/device.pem"
            && name != "phone-p256/device.pem"
    };
    let mut found = 0;
    for path in &files {
        let name = path.to_string_lossy();
        assert!(!personal_data().iter().any(|word| name.contains(word.as_str())), "a file is named by a person");
        if holds(path) {
            found += 1;
            assert!(may_hold(&name), "{name} holds personal data");
        }
    }
    // The search finds what is there.
    for must in [
        format!("permits/{}.permit", residence_code(1)),
        format!("vouchers/{}.voucher", residence_code(PAPER_NO)),
        "ledger.sqlite3".into(),
    ] {
        assert!(holds(must.as_ref()), "{must}");
    }
    assert!(found > 40, "{found}");
    assert!(
        files.iter().any(|path| path.ends_with("state.sqlite3"))
            && files.iter().any(|path| path.ends_with("refused.ndjson"))
    );
}

/// A list that has outlived its time to live warns, and one of more than seven days answers nothing: both sides of both bounds, and `show`
/// says the same as `verify`.
#[test]
fn lists_grow_old() {
    let world = World::new();
    let (hour, day) = (3_600, 86_400);
    for (age, standing) in [(12 * hour, "fresh"), (12 * hour + 1, "old"), (7 * day, "old"), (7 * day + 1, "stale")] {
        let seconds = LISTED + age;
        let shown = world.run_at(seconds, "verifier", &["show", "--state", "counter", "--json"]).exits(0).json();
        assert_eq!(shown["status"][0]["standing"], standing, "{age}");
        assert_eq!(shown["status"][0]["age_s"], age);
        let code = world.code("phone", 7, seconds, &[]);
        let verdict =
            world.run_at(seconds, "verifier", &["verify", "--state", "counter", "--text", &code, "--json"]).json();
        let reason = if standing == "stale" { "STATUS_LIST_STALE" } else { "VALID" };
        assert_eq!(verdict["reason"], reason, "{age}");
        if standing != "stale" {
            assert_eq!(verdict["lists"]["status"]["old"], standing == "old", "{age}");
        }
    }
}

/// When ten phones agree that the counter's clock is wrong, `verify`, `batch` and `show` say so, and nothing follows from it.
#[test]
fn ten_phones_know_the_time() {
    let world = World::new();
    let seen_by = |no: u64, seconds: i64| world.code(phone_of(no), no, seconds, &[]);
    let show = || world.run_at(0, "verifier", &["show", "--state", "counter", "--json"]).exits(0).json();
    let before = show();
    assert_eq!(before["clock_doctor"], Value::Null);
    for no in 1..=10 {
        let code = seen_by(no, 180);
        let arguments = ["verify", "--state", "counter", "--text", &code, "--json"];
        let verdict = world.run_at(0, "verifier", &arguments).exits(3).json();
        assert_eq!(verdict["reason"], "PRESENTATION_FROM_FUTURE");
        assert_eq!(verdict.get("clock_doctor").is_some(), no == 10, "{no}: {verdict}");
    }
    let shown = show();
    assert_eq!((&shown["clock_doctor"]["laptop"], &shown["clock_doctor"]["secs"]), (&"behind".into(), &187.into()));
    assert_eq!(sorted_members(&shown["clock_doctor"]), "en laptop secs zh");
    let hint = "本机时间可能慢了约 3 分钟（最近十部手机一致），请校准本机时间";
    assert!(world.run_at(0, "verifier", &["show", "--state", "counter"]).out.contains(hint));
    // The mark of time stays, and a code of this very time is accepted; the hint stands beside the verdict.
    assert_eq!(shown["newest_signed"], before["newest_signed"]);
    let code = seen_by(1, 0);
    let ran = world.run_at(0, "verifier", &["verify", "--state", "counter", "--text", &code]).exits(0);
    assert!(ran.err.contains(hint) && !ran.out.contains(hint), "{ran}");
    let at = world.time(0).to_string();
    let line = serde_json::json!({ "text": seen_by(1, 180), "at": at }).to_string();
    let arguments = ["batch", "--state", "counter", "--allow-fixed-time"];
    let answer = world.run_with("verifier", &arguments, line.as_bytes()).exits(0).json();
    assert_eq!(answer["clock_doctor"]["zh"], hint);
    // A clock that was set back has not seen these phones.
    let set_back = world.run_at(-1, "verifier", &["show", "--state", "counter", "--json"]).exits(0).json();
    assert_eq!(set_back["clock_doctor"], Value::Null);
}

/// Prints how long one verification takes as a whole process; asserts nothing about it, since machines differ.
#[test]
fn wall_time_of_a_verification() {
    let world = World::new();
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            let code = world.code("phone", 1, 0, &[]);
            world.run_at(3, "verifier", &["verify", "--state", "counter", "--text", &code]).exits(0).took
        })
        .collect();
    times.sort_unstable();
    println!("verifier verify --text, a process each, median of 20, {}: {:?}", binaries().display(), times[10]);
}
