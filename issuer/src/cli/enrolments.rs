//! The enrolments that devices sent: codes in a file, one a line, or in the files of a folder.

use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use command_line::escape::printable;
use command_line::files::read_line_limited;
use command_line::refusal::{Exit, Refusal};
use credential_format::enrolment::{Enrolment, UnverifiedEnrolment};
use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use issuer::{Device, PermitRequest};
use rayon::prelude::*;

use super::issue::Fault;

/// More than the longest code.
const LINE_MAX: u64 = 8_192;

/// All enrolments whose signature held, by residence code.
#[derive(Default)]
pub(crate) struct Enrolments(HashMap<u64, Vec<Enrolment>>);

impl Enrolments {
    /// Reads and checks them. A code that is no enrolment is reported, and the rest goes on.
    pub(crate) fn load(path: &Path) -> Result<Enrolments, Refusal> {
        let mut enrolments: HashMap<u64, Vec<Enrolment>> = HashMap::new();
        for file in files(path)? {
            let checked: Vec<_> = lines(&file)?.into_par_iter().map(|(line, code)| (line, read(&code))).collect();
            for (line, result) in checked {
                match result {
                    Ok(enrolment) => {
                        let claims = enrolment.claims();
                        let known = enrolments.entry(claims.residence_code.get()).or_default();
                        // The same code twice is one enrolment.
                        if !known.iter().any(|other| other.claims() == claims) {
                            known.push(enrolment);
                        }
                    }
                    Err((code, sentence)) => {
                        eprintln!(
                            "warning: {} line {line}: {sentence} [{code}]",
                            printable(&file.display().to_string())
                        );
                    }
                }
            }
        }
        Ok(Enrolments(enrolments))
    }

    /// The device that is to show this permit: by its enrolment, or by the key that the request names.
    pub(crate) fn device_for(&self, request: &PermitRequest, now: Timestamp) -> Result<Device, Fault> {
        let own = self.0.get(&request.residence_code().get()).map_or(&[][..], Vec::as_slice);
        if own.is_empty() {
            return match (request.enrolment_nonce(), request.device_key()) {
                (Some(_), _) => Err(MISSING),
                (None, Some(key)) => Ok(Device::from(*key)),
                (None, None) => Err(NO_DEVICE),
            };
        }
        let asked =
            |enrolment: &&Enrolment| request.enrolment_nonce().is_none_or(|nonce| *nonce == enrolment.claims().nonce);
        let matching: Vec<&Enrolment> = own.iter().filter(asked).collect();
        if matching.is_empty() {
            return Err(NONCE_DIFFERS);
        }
        let in_time: Vec<_> = matching.iter().map(|enrolment| Device::enrolled(enrolment, now)).collect();
        let mut devices = in_time.iter().filter_map(|device| device.as_ref().ok());
        let device = match (devices.next(), devices.next(), in_time.first()) {
            (Some(device), None, _) => device.clone(),
            (Some(_), Some(_), _) => return Err(SEVERAL),
            (None, _, Some(Err(error))) => {
                return Err(Fault::new("enrolment_nonce", error.code(), error.to_string(), error.zh()));
            }
            (None, ..) => return Err(MISSING),
        };
        match request.device_key() {
            Some(key) if key != device.key() => Err(KEY_DIFFERS),
            _ => Ok(device),
        }
    }
}

const NO_DEVICE: Fault = Fault::fixed(
    "device_key",
    "DEVICE_MISSING",
    "there is neither an enrolment for this residence code nor a device_key; enrol the phone (--enrolments) or fill in the key",
    "该居码没有绑定申请，也未填写设备公钥，请先绑定手机或填写device_key",
);
const MISSING: Fault = Fault::fixed(
    "enrolment_nonce",
    "ENROLMENT_MISSING",
    "the row names a nonce and there is no enrolment for its residence code; give --enrolments, or enrol the phone again",
    "本行填写了绑定随机数，但没有该居码的绑定申请，请提供--enrolments或重新绑定手机",
);
const NONCE_DIFFERS: Fault = Fault::fixed(
    "enrolment_nonce",
    "ENROLMENT_NONCE_DIFFERS",
    "the enrolment for this residence code was made with another nonce than the row names; enrol the phone again with the right one",
    "该居码的绑定申请所用随机数与本行不符，请用正确的随机数重新绑定手机",
);
const SEVERAL: Fault = Fault::fixed(
    "enrolment_nonce",
    "ENROLMENT_SEVERAL",
    "there are several enrolments for this residence code; name the nonce of the right one in enrolment_nonce",
    "该居码有多份绑定申请，请在enrolment_nonce中填写其中正确一份的随机数",
);
const KEY_DIFFERS: Fault = Fault::fixed(
    "device_key",
    "DEVICE_KEY_DIFFERS",
    "the row names another device key than the enrolment; delete device_key from the row, or enrol the right phone",
    "本行的设备公钥与绑定申请不符，请删除device_key或绑定正确的手机",
);

fn read(code: &str) -> Result<Enrolment, (&'static str, String)> {
    let digits = text::from_keyboard(code);
    let bytes = match text::decode(&digits) {
        Ok((Kind::Enrolment, bytes)) => bytes,
        Ok(_) => {
            return Err((
                "ENROLMENT_KIND",
                "a code of another kind than an enrolment; scan the code for enrolling".into(),
            ));
        }
        Err(error) => return Err(("ENROLMENT_TEXT", error.to_string())),
    };
    let enrolment = UnverifiedEnrolment::parse(&bytes)
        .map_err(|_| ("ENROLMENT_MALFORMED", "a damaged enrolment; enrol the device again".to_owned()))?;
    enrolment.check().map_err(|error| (error.code(), error.to_string()))
}

/// The file, or the files of the folder in the order of their names; hidden ones are left out.
fn files(path: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Refusal::usage("FILE_MISSING", format!("there is no file or folder {}", path.display()), "check the path")
        }
        _ => read_failed(path, &error),
    };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.file_type().map_err(failed)?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The lines that are not empty, with their numbers. A line that cannot be read stays as an empty code and is reported as one.
fn lines(path: &Path) -> Result<Vec<(u64, String)>, Refusal> {
    let mut reader = BufReader::new(File::open(path).map_err(|error| read_failed(path, &error))?);
    let mut lines = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        match read_line_limited(&mut reader, LINE_MAX) {
            Ok(None) => return Ok(lines),
            Ok(Some(line)) if line.trim().is_empty() => {}
            Ok(Some(line)) => lines.push((number, line)),
            Err(refusal) if refusal.exit() == Exit::Internal => return Err(refusal),
            Err(_) => lines.push((number, String::new())),
        }
    }
}

fn read_failed(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::internal(
        "FILE_READ_FAILED",
        format!("cannot read {}: {error}", path.display()),
        "check the path and the disk, then run the same command again",
    )
}

#[cfg(test)]
mod tests {
    use credential_format::enrolment::EnrolmentClaims;
    use credential_format::key::CoseKey;
    use ed25519_dalek::{Signer as _, SigningKey};
    use issuer::RawRequest;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-07-01T09:00:00+08:00").expect("time")
    }

    fn request(change: impl FnOnce(&mut RawRequest)) -> PermitRequest {
        let mut raw: RawRequest = serde_json::from_str(
            r#"{"residence_code": "4400000000123454", "name": "欧阳示范", "citizen_id": "360102198802099994", "ethnicity": "01",
                "household_division": "360102", "household_address": "虚构巷7号", "address_division": "440105", "address": "样板街22号",
                "issued_on": "2026-07-01", "endorsement_years": "1"}"#,
        )
        .expect("request");
        change(&mut raw);
        raw.check(now().day()).expect("request")
    }

    fn code(seed: u8, nonce: u8, age: u64) -> String {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let claims = EnrolmentClaims {
            issued_at: now().checked_sub(age).expect("time"),
            device_key: CoseKey::from(secret.verifying_key()),
            nonce: [nonce; 16],
            residence_code: request(|_| {}).residence_code(),
        };
        let to_sign = claims.to_sign();
        text::encode(Kind::Enrolment, &to_sign.finish(&secret.sign(to_sign.message()).to_bytes()))
    }

    fn load(codes: &[String]) -> Enrolments {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("codes.txt"), codes.join("\r\n")).expect("write");
        fs::write(folder.path().join(".hidden"), code(77, 77, 0)).expect("write");
        Enrolments::load(folder.path()).expect("loaded")
    }

    fn outcome(
        enrolments: &Enrolments,
        change: impl FnOnce(&mut RawRequest),
    ) -> Result<Option<[u8; 16]>, &'static str> {
        enrolments
            .device_for(&request(change), now())
            .map(|device| device.nonce().copied())
            .map_err(|fault| fault.code())
    }

    fn nonce(byte: u8) -> Option<String> {
        Some(format!("{byte:02x}").repeat(16))
    }

    #[test]
    fn an_enrolment_is_found_by_residence_code_and_nonce() {
        let one = load(&[code(9, 1, 0), code(9, 1, 0)]);
        assert_eq!(outcome(&one, |_| {}), Ok(Some([1; 16])));
        assert_eq!(outcome(&one, |raw| raw.enrolment_nonce = nonce(1)), Ok(Some([1; 16])));
        assert_eq!(outcome(&one, |raw| raw.enrolment_nonce = nonce(2)), Err("ENROLMENT_NONCE_DIFFERS"));
        let two = load(&[code(9, 1, 0), code(8, 2, 0)]);
        assert_eq!(outcome(&two, |_| {}), Err("ENROLMENT_SEVERAL"));
        assert_eq!(outcome(&two, |raw| raw.enrolment_nonce = nonce(2)), Ok(Some([2; 16])));
        let old = load(&[code(9, 1, 31 * 86_400)]);
        assert_eq!(outcome(&old, |_| {}), Err("ENROLMENT_OLD"));
        let old_and_new = load(&[code(9, 1, 31 * 86_400), code(8, 2, 0)]);
        assert_eq!(outcome(&old_and_new, |_| {}), Ok(Some([2; 16])));
    }

    #[test]
    fn without_an_enrolment_the_row_names_the_key() {
        let hex_of =
            |seed: u8| issuer::trust::key_hex(&CoseKey::from(SigningKey::from_bytes(&[seed; 32]).verifying_key()));
        let none = Enrolments::default();
        assert_eq!(outcome(&none, |_| {}), Err("DEVICE_MISSING"));
        assert_eq!(outcome(&none, |raw| raw.device_key = Some(hex_of(9))), Ok(None));
        assert_eq!(
            outcome(&none, |raw| (raw.device_key, raw.enrolment_nonce) = (Some(hex_of(9)), nonce(1))),
            Err("ENROLMENT_MISSING")
        );
        let one = load(&[code(9, 1, 0)]);
        assert_eq!(outcome(&one, |raw| raw.device_key = Some(hex_of(9))), Ok(Some([1; 16])));
        assert_eq!(outcome(&one, |raw| raw.device_key = Some(hex_of(8))), Err("DEVICE_KEY_DIFFERS"));
    }

    #[test]
    fn what_is_no_enrolment_does_not_count() {
        let mut forged = code(9, 1, 0);
        let last = forged.pop().expect("digit");
        forged.push(if last == '1' { '2' } else { '1' });
        for bad in [forged, "8611000".to_owned(), "hello".to_owned(), "8614000".to_owned()] {
            assert_eq!(outcome(&load(&[bad]), |_| {}), Err("DEVICE_MISSING"));
        }
    }
}
