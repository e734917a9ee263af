//! Keys in a token: SoftHSM 2 in the place of a hardware module, with a token folder of its own for each test.
//!
//! `JUMA_PKCS11_MODULE` names another place of its library.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_line::key_file::{KeyKind, SecretKey, save};
use credential_format::key::PublicKey;
use credential_format::permit::{StatusSlot, UnverifiedPermit};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use issuer::bulk::{self, Bearer, Job};
use issuer::pkcs11::{KeyUri, Pkcs11Error, Pkcs11Key};
use issuer::{Device, IssuingKey, RawRequest};
use tests::commands::{DAY, ISSUED, MORNING, Ran, STATUS_URI, World, later, request, residence_code};
use tests::sample_permits::SamplePermits;

const TOKEN: &str = "ISSUER 广州";
const PIN: &str = "pin-483920";

/// From the keys to a valid verdict, every signature of the authority made in a token.
#[test]
fn an_authority_whose_keys_are_in_a_token() {
    let world = World::new();
    let token = Token::in_folder(&world.path("token"));
    for name in ["root", "permit", "status", "voucher"] {
        let ran = token.issuer(&world, &["keygen", "--key-ref", &token.uri(name), "--public-out", &public(name)]);
        assert!(ran.exits(0).out.contains("in the token"));
    }
    let again = ["keygen", "--key-ref", &token.uri("permit"), "--public-out", "hsm/again.pub.pem"];
    token.issuer(&world, &again).refuses(2, "PKCS11_EXISTS");
    assert!(!world.path("hsm/again.pub.pem").exists());
    token.issuer(&world, &[&again[..], &["--existing"]].concat()).exits(0);
    let read = |name: &str| fs::read(world.path(name)).expect("a public key");
    assert_eq!(read("hsm/again.pub.pem"), read("hsm/permit.pub.pem"));

    world.run("issuer", &["trust", "init", "--draft", "hsm.json", "--root", &public("root")]).exits(0);
    let (begin, end) = (world.time(-40 * DAY).to_string(), world.time(4_000 * DAY).to_string());
    for (name, more) in [
        ("permit", &["--name", "广州市公安局天河区分局", "--divisions", "44,33", "--status-uri", STATUS_URI][..]),
        ("status", &[]),
        ("voucher", &[]),
    ] {
        let key = public(name);
        let arguments = ["trust", "add-issuer", "--draft", "hsm.json", "--id", "TIANHE", "--key", &key];
        let period = ["--usages", name, "--not-before", &begin, "--not-after", &end];
        world.run("issuer", &[&arguments[..], &period, more].concat()).exits(0);
    }
    let root = token.uri("root");
    let sign = ["trust", "sign", "--draft", "hsm.json", "--key", &root, "--out", "hsm-public/trust.cose"];
    token.issuer_at(&world, -DAY, &sign).exits(0);

    // A key in a token has no folder for the ledger.
    let permit_key = token.uri("permit");
    let issue = ["issue", "--key", &permit_key, "--requests", "requests.json", "--enrolments", "codes.txt"];
    let issue = [&issue[..], &["--out", "hsm-permits", "--idempotency-key", "hsm"]].concat();
    token.issuer_at(&world, ISSUED, &issue).refuses(2, "LEDGER_NOT_NAMED");
    let issue = [&issue[..], &["--ledger", "hsm.sqlite3", "--json"]].concat();
    let issued = token.issuer_at(&world, ISSUED + 60, &issue).exits(0).json();
    assert!(issued["issued"].as_u64() > Some(5), "{issued}");
    let voucher_key = token.uri("voucher");
    let voucher = ["voucher", "--key", &voucher_key, "--requests", "paper.json", "--ledger", "hsm.sqlite3"];
    token.issuer_at(&world, ISSUED, &[&voucher[..], &["--out", "hsm-vouchers"]].concat()).exits(0);
    let status_key = token.uri("status");
    let publish = ["status", "publish", "--ledger", "hsm.sqlite3", "--list", "all", "--key", &status_key];
    let publish = [&publish[..], &["--uri", STATUS_URI, "--out", "hsm-public"]].concat();
    token.issuer_at(&world, -3_600, &publish).exits(0);

    let root = world.thumbprint("hsm-public/trust.cose");
    world.run("verifier", &["init", "--state", "hsm-counter", "--root", &root, "--counter", "HSM"]).exits(0);
    world.run_at(-1_800, "verifier", &["sync", "--state", "hsm-counter", "hsm-public"]).exits(0);
    let permit = format!("hsm-permits/{}.permit", residence_code(1));
    tests::commands::copy_folder(&world.path("phone"), &world.path("hsm-phone"));
    world.run("holder", &["add", "--dir", "hsm-phone", &permit]).exits(0);
    let shown = world.code("hsm-phone", 1, 0, &[]);
    let paper = fs::read(world.path(&format!("hsm-vouchers/{}.voucher", residence_code(90)))).expect("a voucher");
    let paper = credential_format::text::encode(credential_format::text::Kind::Voucher, &paper);
    for code in [&shown, &paper] {
        let arguments = ["verify", "--state", "hsm-counter", "--json", "--text", code];
        let verdict = world.run_at(4, "verifier", &arguments).json();
        assert_eq!(verdict["outcome"], "accept", "{verdict}");
    }

    // The whole run again, from the ledger: nothing is signed twice.
    let again = token.issuer_at(&world, ISSUED + 60, &issue).exits(0).json();
    assert_eq!((&again["issued"], &again["already_issued"]), (&0.into(), &issued["issued"]));
}

#[test]
fn what_a_token_refuses_is_a_sentence_and_never_holds_the_pin() {
    let world = World::new();
    let token = Token::in_folder(&world.path("token"));
    fs::create_dir(world.path("hsm")).expect("a folder");
    let keygen = |uri: &str, name: &str| {
        token.issuer(&world, &["keygen", "--key-ref", uri, "--public-out", &format!("hsm/{name}.pub.pem")])
    };
    keygen(&token.uri("permit"), "permit").exits(0);
    keygen(&token.uri("double"), "double").exits(0);
    let p256 = world.path("p256.pem");
    save(&p256, &SecretKey::generate(KeyKind::P256, &[7; 32]).expect("a key"), None).expect("written");
    token.import(&p256, "curve", "c0");
    token.import(&p256, "double", "c1");

    let refused = |uri: &str, exit, code| {
        let arguments = ["issue", "--key", uri, "--requests", "requests.json", "--enrolments", "codes.txt"];
        let more = ["--ledger", "refused.sqlite3", "--out", "refused"];
        token.issuer(&world, &[&arguments[..], &more].concat()).refuses(exit, code)
    };
    assert!(refused(&token.uri("missing"), 2, "PKCS11_OBJECT").err.contains("0 private keys"));
    assert!(refused(&token.uri("double"), 2, "PKCS11_OBJECT").err.contains("2 private keys"));
    assert!(refused(&token.uri("curve"), 2, "KEY_NOT_ED25519").err.contains("not an Ed25519 key"));
    let other_token = token.uri("permit").replace("token=ISSUER", "token=OTHER");
    assert!(refused(&other_token, 2, "PKCS11_TOKEN").err.contains("0 tokens"));
    let no_module = "pkcs11:token=a;object=b?module-path=/nowhere/module.so";
    assert!(refused(no_module, 2, "PKCS11_MODULE").err.contains("/nowhere/module.so"));
    refused("pkcs11:token=a;object=b", 2, "PKCS11_URI");
    let with_pin = format!("{}&pin-value={PIN}", token.uri("permit"));
    let mut command = world.command("issuer");
    command.args(["status", "publish", "--ledger", "ledger.sqlite3", "--list", "all", "--key", &with_pin]);
    let ran = Ran::of(
        {
            command.args(["--uri", STATUS_URI, "--out", "refused"]);
            command
        },
        b"",
    );
    let ran = ran.refuses(2, "PKCS11_URI_PIN");
    assert!(!ran.err.contains(PIN) && !ran.out.contains(PIN), "the PIN is repeated");
    // An id is as much a name as a label is.
    keygen(&token.uri("double;id=%c1"), "of-another-curve").refuses(2, "PKCS11_EXISTS");

    let wrong = "pin-000000";
    let mut command = token.command(&world);
    let uri = token.uri("permit");
    command.args(["keygen", "--existing", "--public-out", "hsm/no.pub.pem", "--passphrase-fd", "0", "--key-ref", &uri]);
    let ran = Ran::of(command, wrong.as_bytes()).refuses(2, "PKCS11_PIN");
    assert!(!format!("{ran}").contains(wrong));
    let mut command = token.command(&world);
    command.args([
        "keygen",
        "--existing",
        "--public-out",
        "hsm/no.pub.pem",
        "--passphrase-fd",
        "77",
        "--key-ref",
        &uri,
    ]);
    Ran::of(command, b"").refuses(2, "PASSPHRASE_FD");
    assert!(!world.path("hsm/no.pub.pem").exists());
    assert!(!world.path("refused.sqlite3").exists() && !world.path("refused").exists());
}

/// The passphrase of two key files, or the PIN of two keys, from one pipe.
#[test]
fn a_descriptor_serves_several_keys() {
    let world = World::new();
    let token = Token::in_folder(&world.path("token"));
    for name in ["root-1", "root-2"] {
        token.issuer(&world, &["keygen", "--key-ref", &token.uri(name), "--public-out", &public(name)]).exits(0);
    }
    let (one, two) = (public("root-1"), public("root-2"));
    let init = ["trust", "init", "--draft", "two.json", "--threshold", "2", "--root", &one, "--root", &two];
    world.run("issuer", &init).exits(0);
    let mut command = token.command(&world);
    command.args(["trust", "sign", "--draft", "two.json", "--out", "two.cose", "--passphrase-fd", "0"]);
    command.args(["--key", &token.uri("root-1"), "--key", &token.uri("root-2")]).args(world.at(0));
    Ran::of(command, format!("{PIN}\n").as_bytes()).exits(0);
    let shown = world.run("issuer", &["trust", "show", "two.cose", "--json"]).exits(0).json();
    assert_eq!(shown["signed_by_its_own_roots"], true);

    // Standard input has one content.
    let mut command = token.command(&world);
    command.args(["issue", "--key", &token.uri("root-1"), "--passphrase-fd", "0", "--requests", "-"]);
    Ran::of(
        {
            command.args(["--ledger", "l.sqlite3", "--out", "o"]);
            command
        },
        b"",
    )
    .refuses(2, "PASSPHRASE_STDIN");
}

#[test]
fn a_key_that_is_made_there_stays_there() {
    in_a_process_with_a_token("a_key_that_is_made_there_stays_there", |token| {
        let key = Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("a key");
        assert!(!format!("{key:?}").contains(PIN));
        let session = token.session();
        let private = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(b"permit".to_vec())];
        let found = session.find_objects(&private).expect("objects");
        assert_eq!(found.len(), 1);
        let asked = [
            AttributeType::Sensitive,
            AttributeType::AlwaysSensitive,
            AttributeType::Extractable,
            AttributeType::NeverExtractable,
            AttributeType::Value,
        ];
        let attributes = session.get_attributes(found[0], &asked).expect("attributes");
        let expected = [
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
        ];
        assert_eq!(attributes, expected, "and no value");
    });
}

#[test]
fn a_session_that_was_lost_is_opened_once_more() {
    in_a_process_with_a_token("a_session_that_was_lost_is_opened_once_more", |token| {
        let key = Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("a key");
        let other = Pkcs11Key::generate(&token.key_uri("other"), PIN).expect("a key");
        let signs = |key: &Pkcs11Key| {
            let signature = key.sign(b"message").expect("a signature");
            assert_eq!(key.public().verify(b"message", &signature), Ok(()));
        };
        signs(&key);
        // Logged out behind its back, and both keys at once: a process has one login.
        token.session().logout().expect("logged out");
        signs(&key);
        signs(&other);
        // The module was shut down, with all sessions.
        token.module().finalize().expect("shut down");
        signs(&key);
        signs(&other);
        // Another key under the same name: never its signature.
        let session = token.session();
        let named = |label: &str| vec![Attribute::Label(label.as_bytes().to_vec())];
        for object in session.find_objects(&named("permit")).expect("objects") {
            session.destroy_object(object).expect("destroyed");
        }
        Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("another key");
        assert!(matches!(key.sign(b"message"), Err(Pkcs11Error::AnotherKey)));
        assert!(matches!(key.sign(b"message"), Err(Pkcs11Error::Lost)));
        signs(&other);
    });
}

#[test]
fn a_pin_that_was_changed_is_tried_once() {
    in_a_process_with_a_token("a_pin_that_was_changed_is_tried_once", |token| {
        let key = Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("a key");
        let session = token.session();
        session.set_pin(&pin(PIN), &pin("pin-000000")).expect("changed");
        session.logout().expect("logged out");
        assert!(matches!(key.sign(b"message"), Err(Pkcs11Error::Pin)));
        // Whatever is asked of it now, the token does not hear of it: logging in with the new PIN would help a key that still asked.
        session.login(UserType::User, Some(&pin("pin-000000"))).expect("logged in");
        for _ in 0..20 {
            assert!(matches!(key.sign(b"message"), Err(Pkcs11Error::Lost)));
        }
        assert!(Pkcs11Key::open(&token.key_uri("permit"), "pin-000000").is_ok());
    });
}

#[test]
fn a_token_that_is_gone_gives_an_error_and_no_signature() {
    in_a_process_with_a_token("a_token_that_is_gone_gives_an_error_and_no_signature", |token| {
        let key = Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("a key");
        let public = *key.public();
        let key = IssuingKey::new(key, public).expect("an issuing key");
        let issued = |number| many(number, &key);
        assert_eq!(issued(100), vec!["OK"; 100]);
        fs::remove_dir_all(token.folder.join("tokens")).expect("removed");
        assert_eq!(issued(3), vec!["SIGNER_FAILED"; 3]);
    });
}

#[test]
fn a_token_that_signs_with_another_key_releases_nothing() {
    in_a_process_with_a_token("a_token_that_signs_with_another_key_releases_nothing", |token| {
        let key = Pkcs11Key::generate(&token.key_uri("permit"), PIN).expect("a key");
        let other: PublicKey = *Pkcs11Key::generate(&token.key_uri("other"), PIN).expect("a key").public();
        let wrong = IssuingKey::new(key, other).expect("an issuing key");
        assert_eq!(many(20, &wrong), vec!["SIGNATURE_REFUSED"; 20]);
    });
}

/// The codes of so many permits, made on all cores.
fn many(count: u64, key: &IssuingKey<Pkcs11Key>) -> Vec<&'static str> {
    let sample = SamplePermits::load().permits.remove(0);
    let raw: RawRequest = serde_json::from_value(request(&sample)).expect("a request");
    let now = credential_format::timestamp::Timestamp::parse(MORNING).expect("a time");
    let request = raw.check(now.day()).expect("a good request");
    let jobs = (0..count).map(|index| Job {
        request: request.clone(),
        bearer: Bearer::Device(Device::from(*key.public())),
        slot: StatusSlot { list: 1, index },
    });
    let mut codes = Vec::new();
    let all = bulk::issue_all(jobs, later(now, 0), key, |_, permit| -> Result<(), ()> {
        codes.push(match permit {
            Ok(permit) => {
                let read = UnverifiedPermit::parse(permit.bytes()).expect("a permit");
                assert_eq!(key.public().verify(&read.message(), read.signature()), Ok(()));
                "OK"
            }
            Err(error) => error.code(),
        });
        Ok(())
    });
    all.expect("delivered");
    codes
}

fn public(name: &str) -> String {
    format!("hsm/{name}.pub.pem")
}

fn pin(text: &str) -> AuthPin {
    AuthPin::new(text.into())
}

/// SoftHSM finds its tokens by an environment variable, so that who calls it from Rust needs a process that began with it.
fn in_a_process_with_a_token(test: &str, body: impl FnOnce(&Token)) {
    const FOLDER: &str = "JUMA_TEST_TOKEN";
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(&Token { folder: folder.into() });
    }
    let folder = tempfile::tempdir().expect("a folder");
    let token = Token::in_folder(folder.path());
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, &token.folder)
        .env("SOFTHSM2_CONF", token.conf())
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&child.stdout);
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}\n{errors}");
}

/// A folder with one token, its PIN in a file.
struct Token {
    folder: PathBuf,
}

impl Token {
    fn in_folder(folder: &Path) -> Token {
        let token = Token { folder: folder.to_owned() };
        fs::create_dir_all(folder.join("tokens")).expect("a folder");
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            folder.join("tokens").display()
        );
        fs::write(token.conf(), conf).expect("written");
        let file = folder.join("pin");
        fs::write(&file, format!("{PIN}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the mode");
        module();
        token.softhsm(&["--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "1234567890"]);
        token
    }

    fn softhsm(&self, arguments: &[&str]) {
        let ran = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", self.conf()).output();
        let ran = ran.unwrap_or_else(|error| panic!("softhsm2-util: {error}; {INSTALL}"));
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    fn import(&self, key: &Path, label: &str, id: &str) {
        let key = key.to_str().expect("a path");
        self.softhsm(&["--import", key, "--token", TOKEN, "--label", label, "--id", id, "--pin", PIN]);
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    fn uri(&self, object: &str) -> String {
        let token = "ISSUER%20%E5%B9%BF%E5%B7%9E";
        format!("pkcs11:token={token};object={object}?module-path={}", module().display())
    }

    fn key_uri(&self, object: &str) -> KeyUri {
        KeyUri::parse(&self.uri(object)).expect("a URI")
    }

    fn command(&self, world: &World) -> Command {
        let mut command = world.command("issuer");
        command.env("SOFTHSM2_CONF", self.conf());
        command
    }

    #[track_caller]
    fn issuer(&self, world: &World, arguments: &[&str]) -> Ran {
        self.issuer_at(world, 0, arguments)
    }

    /// With the PIN from its file, and at a time where the command has one.
    #[track_caller]
    fn issuer_at(&self, world: &World, seconds: i64, arguments: &[&str]) -> Ran {
        let mut command = self.command(world);
        command.args(arguments).arg("--passphrase-file").arg(self.folder.join("pin"));
        if arguments.first() != Some(&"keygen") {
            command.args(world.at(seconds));
        }
        let ran = Ran::of(command, b"");
        assert_eq!(ran.defect(), None, "{ran}");
        assert!(!ran.err.contains(PIN) && !ran.out.contains(PIN), "{ran}");
        ran
    }

    /// The module, as somebody else in this process holds it.
    fn module(&self) -> Pkcs11 {
        let module = Pkcs11::new(module()).expect("the module");
        // It may be initialized already.
        let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        module
    }

    /// A session of somebody else in this process, logged in as the process is.
    fn session(&self) -> Session {
        let module = self.module();
        let slot = module.get_slots_with_initialized_token().expect("slots")[0];
        let session = module.open_rw_session(slot).expect("a session");
        // The process may be logged in already.
        let _ = session.login(UserType::User, Some(&pin(PIN)));
        session
    }
}

const INSTALL: &str =
    "these tests need SoftHSM 2: apt-get install softhsm2, or JUMA_PKCS11_MODULE=/path/to/libsofthsm2.so";

fn module() -> PathBuf {
    if let Some(path) = std::env::var_os("JUMA_PKCS11_MODULE") {
        return path.into();
    }
    let places = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ];
    places.iter().map(PathBuf::from).find(|path| path.exists()).unwrap_or_else(|| panic!("{INSTALL}"))
}
