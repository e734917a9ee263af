//! The `holder` command as a shell sees it: files and their modes, standard output, exit codes.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use credential_format::citizen_id::CitizenId;
use credential_format::day::Day;
use credential_format::display_text::DisplayText;
use credential_format::division::Division;
use credential_format::enrolment::UnverifiedEnrolment;
use credential_format::ethnicity::Ethnicity;
use credential_format::key::{Algorithm, CoseKey, PublicKey};
use credential_format::name::Name;
use credential_format::permit::{Carrier, Claims, StatusSlot};
use credential_format::place::Place;
use credential_format::presentation::UnverifiedPresentation;
use credential_format::residence_code::ResidenceCode;
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use credential_format::{challenge::Challenge, counter_id::CounterId};
use holder::device_key::{DeviceKey, DeviceSigner as _};
use tempfile::{TempDir, tempdir};

const NONCE: &str = "000102030405060708090a0b0c0d0e0f";
const AT: [&str; 3] = ["--allow-fixed-time", "--at", "2026-03-01T09:30:00+08:00"];
const AT_SECONDS: u64 = 1_772_328_600;

/// A folder with a phone in it.
struct Phone(TempDir);

impl Phone {
    fn new(alg: &str) -> Phone {
        let phone = Phone(tempdir().unwrap());
        assert_eq!(phone.run("init", &["--alg", alg]).code, 0);
        phone
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("phone")
    }

    fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_holder"))
            .arg(command)
            .arg("--dir")
            .arg(self.dir())
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        Ran::new(output)
    }

    /// The device's public key, as its enrolment proves it.
    fn key(&self) -> CoseKey {
        let enrolled = self.run("enrol", &["--residence-code", "4400000000123454"]);
        let (kind, bytes) = text::decode(enrolled.out.trim()).unwrap();
        assert_eq!(kind, Kind::Enrolment);
        UnverifiedEnrolment::parse(&bytes).unwrap().check().unwrap().claims().device_key
    }

    /// Writes a permit file and gives its name.
    fn permit(&self, first15: u64, issued_at: u64, key: CoseKey) -> String {
        let name = format!("{first15}-{issued_at}.permit");
        fs::write(self.0.path().join(&name), permit(first15, issued_at, Carrier::Device(key))).unwrap();
        name
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.dir()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn new(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn refused(&self, exit: i32, code: &str) {
        assert_eq!(self.code, exit, "{}", self.err);
        assert!(self.err.contains(&format!("[{code}]\nhint: ")), "{}", self.err);
        assert_eq!(self.out, "");
        for personal in ["陈样例", "4400000000123454", "4304071992"] {
            assert!(!self.err.contains(personal), "{}", self.err);
        }
    }
}

fn permit(first15: u64, issued_at: u64, carrier: Carrier) -> Vec<u8> {
    let division = Division::new(440_106).unwrap();
    let place = |detail| Place::new(division, DisplayText::parse(detail).unwrap());
    let issued_at = Timestamp::new(issued_at).unwrap();
    let claims = Claims {
        expires_at: issued_at.checked_add(3 * 366 * 86_400).unwrap(),
        issued_at,
        carrier,
        residence_code: ResidenceCode::with_check(first15).unwrap(),
        name: Name::parse("陈样例").unwrap(),
        citizen_id: CitizenId::from_wire(43_040_719_920_517_997).unwrap(),
        ethnicity: Ethnicity::new(1).unwrap(),
        household: place("示范路12号"),
        address: place("样板大道88号"),
        issued_on: Day::parse("2025-09-10").unwrap(),
        endorsed_until: Day::parse("2026-09-09").unwrap(),
        status: StatusSlot { list: 3, index: 77 },
        agent: None,
        portrait_digest: None,
        unknown_extensions: Vec::new(),
    };
    let issuer = DeviceKey::from_secret(Algorithm::Ed25519, &[200; 32]).unwrap();
    let to_sign = claims.to_sign(PublicKey::try_from(&issuer.public_key()).unwrap().kid()).unwrap();
    to_sign.finish(&issuer.sign(to_sign.message()).unwrap())
}

#[test]
fn a_permit_from_enrolment_to_presentation() {
    for alg in ["ed25519", "p256"] {
        let phone = Phone::new(alg);
        let enrolled =
            phone.run("enrol", &[&["--residence-code", "4400 0000 0012 3454", "--nonce", NONCE], &AT[..]].concat());
        let (_, bytes) = text::decode(enrolled.out.trim()).unwrap();
        let enrolment = UnverifiedEnrolment::parse(&bytes).unwrap().check().unwrap();
        assert_eq!(enrolment.claims().nonce.as_slice(), (0..16).collect::<Vec<u8>>());
        assert_eq!(enrolment.claims().issued_at.seconds(), AT_SECONDS);
        let key = enrolment.claims().device_key;

        let added = phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, key)]);
        assert_eq!((added.code, added.out.contains("4400 **** **** 3454")), (0, true), "{}", added.err);

        let challenge = Challenge {
            counter: CounterId::parse("TIANHE-03").unwrap(),
            cnonce: [5; 16],
            purpose: Some(DisplayText::parse("办理社保").unwrap()),
        };
        let digits = text::encode(Kind::Challenge, &challenge.to_vec());
        let shown = phone.run("present", &[&["--challenge", &digits], &AT[..]].concat());
        assert_eq!(shown.code, 0, "{}", shown.err);
        assert!(shown.err.contains("TIANHE-03") && shown.err.contains("办理社保"), "{}", shown.err);
        let (kind, bytes) = text::decode(shown.out.trim()).unwrap();
        let presentation = UnverifiedPresentation::parse(&bytes).unwrap();
        assert_eq!(kind, Kind::Presentation);
        assert_eq!(presentation.unverified_binding().issued_at.seconds(), AT_SECONDS);
        assert_eq!(presentation.unverified_binding().answer, Some(challenge.answer()));
        let key = PublicKey::try_from(&key).unwrap();
        assert_eq!(key.verify(&presentation.message(), presentation.signature()), Ok(()));

        // Every code has a nonce of its own.
        assert_ne!(phone.run("present", &AT).out, phone.run("present", &AT).out);
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look_into_the_phone() {
    use std::os::unix::fs::PermissionsExt as _;
    let phone = Phone::new("ed25519");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, phone.key())]);
    phone.run("present", &["--out", "code.png"]);
    assert_eq!(mode(phone.dir()), 0o700);
    assert_eq!(phone.files(), ["4400000000123454.permit", "device.pem"]);
    for file in ["4400000000123454.permit", "device.pem"] {
        assert_eq!(mode(phone.dir().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(phone.0.path().join("code.png")), 0o600);
    fs::set_permissions(phone.dir().join("device.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    phone.run("present", &[]).refused(2, "KEY_OPEN");
}

#[test]
fn a_newer_permit_takes_the_place_and_an_older_one_is_refused() {
    let phone = Phone::new("ed25519");
    let key = phone.key();
    let [old, new, newest] = [0, 1, 2].map(|later| phone.permit(440_000_000_012_345, 1_757_462_400 + later, key));
    let result = |name: &str| {
        let ran = phone.run("add", &[name, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        (ran.code, json["result"].as_str().or(json["error"]["code"].as_str()).unwrap().to_owned())
    };
    let kept = || fs::read(phone.dir().join("4400000000123454.permit")).unwrap();
    assert_eq!(result(&new), (0, "added".into()));
    assert_eq!(result(&new), (0, "same".into()));
    assert_eq!(result(&old), (1, "PERMIT_OLDER".into()));
    assert_eq!(kept(), fs::read(phone.0.path().join(&new)).unwrap());
    assert_eq!(result(&newest), (0, "replaced".into()));
    assert_eq!(kept(), fs::read(phone.0.path().join(&newest)).unwrap());
    assert_eq!(phone.files().len(), 2);
}

#[test]
fn a_permit_comes_as_a_file_or_as_digits() {
    let key_of = |phone: &Phone| permit(440_000_000_012_345, 1_757_462_400, Carrier::Device(phone.key()));
    let phone = Phone::new("ed25519");
    let digits = text::encode(Kind::Presentation, &key_of(&phone));
    assert_eq!(phone.run("add", &[&digits]).code, 0);
    let phone = Phone::new("ed25519");
    fs::write(phone.0.path().join("digits.txt"), text::encode(Kind::Presentation, &key_of(&phone)) + "\r\n").unwrap();
    assert_eq!(phone.run("add", &["digits.txt"]).code, 0);
    assert_eq!(phone.files(), ["4400000000123454.permit", "device.pem"]);
}

#[test]
fn what_does_not_belong_here_is_refused_and_nothing_is_kept() {
    let (phone, other) = (Phone::new("ed25519"), Phone::new("ed25519"));
    phone.run("add", &["no-such-file"]).refused(2, "FILE_MISSING");
    phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, other.key())]).refused(1, "KEY_MISMATCH");
    phone.run("add", &["861100"]).refused(1, "DIGITS_MALFORMED");
    phone.run("add", &[&text::encode(Kind::Challenge, &[1])]).refused(1, "NOT_A_PERMIT");
    phone.run("add", &[&text::encode(Kind::Voucher, &[1])]).refused(1, "PERMIT_PRINTED");
    fs::write(phone.0.path().join("junk"), [0x84; 300]).unwrap();
    phone.run("add", &["junk"]).refused(1, "PERMIT_MALFORMED");
    fs::write(phone.0.path().join("large"), [b'8'; 6_000]).unwrap();
    phone.run("add", &["large"]).refused(2, "FILE_TOO_LARGE");
    assert_eq!(phone.files(), ["device.pem"]);
}

#[test]
fn wrong_usage_is_told_apart_from_nothing_found() {
    let phone = Phone::new("ed25519");
    phone.run("init", &[]).refused(2, "DEVICE_EXISTS");
    phone.run("present", &[]).refused(3, "PERMIT_NONE");
    phone.run("list", &[]).refused(3, "PERMIT_NONE");
    phone.run("enrol", &["--residence-code", "4400000000123455"]).refused(2, "RESIDENCE_CODE_CHECK_DIGIT");
    phone.run("enrol", &["--residence-code", "4400000000123454", "--nonce", "00"]).refused(2, "NONCE_FORM");
    phone.run("enrol", &["--residence-code", "4400000000123454", "--at", AT[2]]).refused(2, "CLOCK_FIXED");
    let key = phone.key();
    phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, key)]);
    phone.run("add", &[&phone.permit(440_000_000_012_346, 1_757_462_400, key)]);
    phone.run("present", &[]).refused(2, "PERMIT_SEVERAL");
    phone.run("present", &["--permit", "1100000000000008"]).refused(2, "RESIDENCE_CODE_CHECK_DIGIT");
    let absent = ResidenceCode::with_check(110_000_000_000_000).unwrap().digits();
    phone.run("present", &["--permit", &absent]).refused(3, "PERMIT_NOT_HERE");
    assert_eq!(phone.run("present", &["--permit", "4400000000123454"]).code, 0);
    let one = ["--permit", "4400000000123454", "--challenge"];
    phone.run("present", &[&one[..], &[&text::encode(Kind::Enrolment, &[1])]].concat()).refused(1, "NOT_A_CHALLENGE");
    phone
        .run("present", &[&one[..], &[&text::encode(Kind::Challenge, &[1])]].concat())
        .refused(1, "CHALLENGE_MALFORMED");
    phone.run("present", &[&one[..], &["hello"]].concat()).refused(1, "NOT_A_PERMIT_CODE");
    let absent = Phone(tempdir().unwrap());
    absent.run("present", &[]).refused(2, "DEVICE_MISSING");
    assert!(!absent.dir().exists());
}

#[test]
fn the_list_masks_numbers_and_names() {
    let phone = Phone::new("ed25519");
    phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, phone.key())]);
    for arguments in [&[][..], &["--json"]] {
        let listed = phone.run("list", arguments);
        assert_eq!(listed.code, 0);
        assert!(listed.out.contains("4400 **** **** 3454") && listed.out.contains("2026-09-09"), "{}", listed.out);
        assert!(!listed.out.contains("陈样例") && !listed.out.contains("0000 0012"), "{}", listed.out);
    }
}

#[test]
fn json_is_one_object_that_says_which_clock() {
    let phone = Phone::new("ed25519");
    phone.run("add", &[&phone.permit(440_000_000_012_345, 1_757_462_400, phone.key())]);
    let shown =
        |arguments: &[&str]| serde_json::from_str::<serde_json::Value>(&phone.run("present", arguments).out).unwrap();
    let fixed = shown(&[&["--json"], &AT[..]].concat());
    assert_eq!(fixed["clock"], "fixed");
    assert_eq!(fixed["issued_at"], AT_SECONDS);
    assert_eq!(fixed["changes_at"], AT_SECONDS + 15);
    assert!(text::decode(fixed["text"].as_str().unwrap()).is_ok());
    assert_eq!(shown(&["--json"])["clock"], "system");
}

#[test]
fn a_damaged_wallet_says_so_and_keeps_its_files() {
    let phone = Phone::new("ed25519");
    let new = phone.permit(440_000_000_012_345, 1_757_462_400, phone.key());
    phone.run("add", &[&new]);
    let stored = phone.dir().join("4400000000123454.permit");
    let whole = fs::read(&stored).unwrap();
    fs::write(&stored, &whole[..100]).unwrap();
    phone.run("present", &[]).refused(4, "PERMIT_DAMAGED");
    phone.run("add", &[&new]).refused(4, "PERMIT_DAMAGED");
    assert_eq!(fs::read(&stored).unwrap(), &whole[..100]);
    fs::remove_file(&stored).unwrap();
    fs::write(phone.dir().join("4400000000123462.permit"), &whole).unwrap();
    phone.run("present", &[]).refused(4, "PERMIT_DAMAGED");
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let phone = Phone(tempdir().unwrap());
    let secret = |name: &str, passphrase: &str| {
        let path = phone.0.path().join(name);
        command_line::files::write_whole(&path, passphrase.as_bytes(), command_line::files::Mode::Private).unwrap();
    };
    secret("right", "correct horse\n");
    secret("wrong", "battery staple\n");
    phone.run("init", &["--passphrase-file", "right"]).refused(2, "PASSPHRASE_UNUSED");
    assert_eq!(phone.run("init", &["--encrypt", "--passphrase-file", "right"]).code, 0);
    let pem = fs::read_to_string(phone.dir().join("device.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let enrol = ["--residence-code", "4400000000123454", "--passphrase-file"];
    assert_eq!(phone.run("enrol", &[&enrol[..], &["right"]].concat()).code, 0);
    phone.run("enrol", &[&enrol[..], &["wrong"]].concat()).refused(2, "KEY_PASSPHRASE");
}
