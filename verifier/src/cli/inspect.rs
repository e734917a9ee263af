//! `inspect`: what is in a code, layer by layer. It decodes, and judges nothing.

use std::path::PathBuf;

use ciborium::Value;
use clap::Args;
use command_line::files::read_stdin_limited;
use command_line::refusal::{Exit, Refusal};
use credential_format::cbor::{self, Malformed};
use credential_format::challenge::Challenge;
use credential_format::enrolment::UnverifiedEnrolment;
use credential_format::limits::{TRUST_LIST_BYTES_MAX, TRUST_LIST_ITEMS_MAX};
use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::UnverifiedPresentation;
use credential_format::text::{self, Kind};
use qrcode::{EcLevel, QrCode, Version};
use serde::Serialize;
use verifier::scan;

use super::pictures::{Pictures, trouble_refusal};
use super::primitive::bytes;
use super::print_json;
use super::terminal::Page;

#[derive(Args)]
#[command(
    after_help = "What a code holds is personal data. It is shown whole, because you ask for it: mind who sees the screen, and where \
                  the output is kept."
)]
pub(super) struct Inspect {
    #[command(flatten)]
    what: What,
    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A code's digits
    #[arg(long, value_name = "DIGITS")]
    text: Option<String>,
    /// A signed object (permit, presentation, enrolment, trust list, status list) in hex, or - for standard input: its layers too
    #[arg(long, value_name = "HEX")]
    cose_hex: Option<String>,
    /// Any CBOR object in hex, or - for standard input: that object alone
    #[arg(long, value_name = "HEX")]
    cbor_hex: Option<String>,
    /// A PNG, JPEG or WebP picture: every code in it
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
}

const NOTICE: &str = "仅解码，未验签，不表示有效 / decoded only: no signature was checked";

impl Inspect {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let objects = match &self.what {
            What { text: Some(text), .. } => vec![Object::of_text(&text::from_keyboard(text))],
            What { cose_hex: Some(hex), .. } => vec![Object::of_bytes(&hex_bytes("--cose-hex", hex)?, true)],
            What { cbor_hex: Some(hex), .. } => vec![Object::of_bytes(&hex_bytes("--cbor-hex", hex)?, false)],
            What { image: Some(path), .. } => {
                let seen = Pictures::new().read(path)?.map_err(trouble_refusal)?;
                if seen.codes.is_empty() {
                    return Err(Refusal::undetermined(
                        "NO_CODE",
                        format!(
                            "no QR code was read in the picture of {} x {} pixels; {} places look like one",
                            seen.width, seen.height, seen.unread
                        ),
                        "take the picture again, with the whole code in view and in focus",
                    ));
                }
                let object = |code: &scan::SeenCode| Object {
                    seen: Some(SeenAs {
                        version: code.version,
                        px_per_module: code.px_per_module,
                        corners: code.corners,
                    }),
                    ..Object::of_text(&String::from_utf8_lossy(&code.bytes))
                };
                seen.codes.iter().map(object).collect()
            }
            What { text: None, cose_hex: None, cbor_hex: None, image: None } => Vec::new(),
        };
        let readable = objects.iter().all(|object| object.error.is_none());
        if self.json {
            print_json(&Document { v: 1, notice: NOTICE, objects })?;
        } else {
            page(&objects).print()?;
        }
        Ok(if readable { Exit::Done } else { Exit::Rejected })
    }
}

fn hex_bytes(argument: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    if text != "-" {
        return bytes(argument, text);
    }
    // Two digits a byte, and line ends.
    let typed = read_stdin_limited(TRUST_LIST_BYTES_MAX as u64 * 2 + 1_024)?;
    bytes(argument, String::from_utf8_lossy(&typed).trim())
}

#[derive(Serialize)]
struct Document {
    v: u8,
    notice: &'static str,
    objects: Vec<Object>,
}

/// One code, or one object.
#[derive(Default, Serialize)]
struct Object {
    /// presentation, voucher, challenge, enrolment: as the code's fourth digit says
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextSize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<SeenAs>,
    /// Why it could not be read as what it claims to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The text of a code of somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<String>,
    layers: Vec<Layer>,
}

#[derive(Serialize)]
struct TextSize {
    digits: usize,
    bytes: usize,
    /// QR versions that hold the digits, with the least and the usual error correction.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_version_l: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_version_m: Option<i16>,
}

#[derive(Serialize)]
struct SeenAs {
    version: u8,
    px_per_module: f64,
    corners: [(i32, i32); 4],
}

#[derive(Serialize)]
struct Layer {
    name: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Object {
    fn of_text(digits: &str) -> Object {
        let (kind, bytes) = match text::decode(digits) {
            Ok(decoded) => decoded,
            Err(error) => {
                let foreign = (error == text::TextError::NotAPermitCode).then(|| digits.to_owned());
                return Object { error: Some(error.to_string()), foreign, ..Object::default() };
            }
        };
        let (word, form) = match kind {
            Kind::Presentation => ("presentation", UnverifiedPresentation::parse(&bytes).map(|_| ())),
            Kind::Voucher => ("voucher", UnverifiedPermit::parse(&bytes).map(|_| ())),
            Kind::Challenge => ("challenge", Challenge::parse(&bytes).map(|_| ())),
            Kind::Enrolment => ("enrolment", UnverifiedEnrolment::parse(&bytes).map(|_| ())),
        };
        let version = |level| match QrCode::with_error_correction_level(digits, level).map(|code| code.version()) {
            Ok(Version::Normal(version)) => Some(version),
            _ => None,
        };
        let text = TextSize {
            digits: digits.len(),
            bytes: bytes.len(),
            qr_version_l: version(EcLevel::L),
            qr_version_m: version(EcLevel::M),
        };
        Object {
            kind: Some(word),
            text: Some(text),
            error: form.err().map(|error: Malformed| format!("not a {word} in form: {error}")),
            layers: layers(word, &bytes, true),
            ..Object::default()
        }
    }

    fn of_bytes(bytes: &[u8], peel: bool) -> Object {
        let layers = layers("object", bytes, peel);
        let error = layers.iter().find_map(|layer| layer.error.clone());
        Object { error, layers, ..Object::default() }
    }
}

/// The object, and what is wrapped in it.
fn layers(name: &str, bytes: &[u8], peel: bool) -> Vec<Layer> {
    let mut out = Vec::new();
    push_layers(name, bytes, if peel { DEPTH_MAX } else { 0 }, &mut out);
    out
}

/// A presentation's permit's payload is the third layer; anything deeper is not of this format.
const DEPTH_MAX: usize = 6;

fn push_layers(name: &str, bytes: &[u8], depth: usize, out: &mut Vec<Layer>) {
    let value = match cbor::read_tree(bytes, TRUST_LIST_ITEMS_MAX) {
        Ok(value) => value,
        Err(error) => {
            out.push(Layer { name: name.into(), bytes: bytes.len(), diagnostic: None, error: Some(error.to_string()) });
            return;
        }
    };
    out.push(Layer { name: name.into(), bytes: bytes.len(), diagnostic: Some(cbor::diagnostic(&value)), error: None });
    let Some(depth) = depth.checked_sub(1) else { return };
    let inner = match &value {
        Value::Tag(_, inner) => inner.as_ref(),
        other => other,
    };
    match inner {
        Value::Array(items) => match items.as_slice() {
            // COSE_Sign1
            [Value::Bytes(protected), Value::Map(_), Value::Bytes(payload), Value::Bytes(_)] => {
                push_layers(&format!("{name}, protected headers"), protected, depth, out);
                push_layers(&format!("{name}, payload"), payload, depth, out);
            }
            // COSE_Sign
            [Value::Bytes(_), Value::Map(_), Value::Bytes(payload), Value::Array(signatures)] => {
                push_layers(&format!("{name}, payload"), payload, depth, out);
                for (number, signature) in (1..).zip(signatures) {
                    if let Some(protected) = signature.as_array().and_then(|items| items.first()?.as_bytes()) {
                        push_layers(&format!("{name}, signature {number}, protected headers"), protected, depth, out);
                    }
                }
            }
            _ => {}
        },
        // The header kcwt of a presentation holds the permit.
        Value::Map(pairs) => {
            let permit = pairs.iter().find(|(key, value)| *key == Value::from(13) && value.is_array());
            if let Some(permit) = permit.and_then(|(_, permit)| cbor::canonical(permit)) {
                push_layers("permit", &permit, depth, out);
            }
        }
        _ => {}
    }
}

fn page(objects: &[Object]) -> Page {
    let mut page = Page::default();
    page.line(NOTICE);
    for object in objects {
        if let Some(kind) = object.kind {
            page.line(format!("类型 / kind: {kind}"));
        }
        if let Some(size) = &object.text {
            let version = |version: Option<i16>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
            page.line(format!(
                "大小 / size: {} digits, {} bytes; QR version {} at level L, {} at level M",
                size.digits,
                size.bytes,
                version(size.qr_version_l),
                version(size.qr_version_m)
            ));
        }
        if let Some(seen) = &object.seen {
            page.line(format!(
                "图中 / in the picture: QR version {}, {:.1} pixels to the module, top left at {:?}",
                seen.version, seen.px_per_module, seen.corners[0]
            ));
        }
        if let Some(foreign) = &object.foreign {
            page.line(format!("内容 / text: {foreign}"));
        }
        for layer in &object.layers {
            page.line(format!("{} ({} bytes)", layer.name, layer.bytes));
            if let Some(diagnostic) = &layer.diagnostic {
                page.line(format!("    {diagnostic}"));
            }
            if let Some(error) = &layer.error {
                page.line(format!("    not deterministic CBOR of this format: {error}"));
            }
        }
        if let Some(error) = &object.error {
            page.line(format!("不能解读 / cannot be read: {error}"));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(object: &Object) -> Vec<&str> {
        object.layers.iter().map(|layer| layer.name.as_str()).collect()
    }

    #[test]
    fn layers_are_peeled_down_to_the_permit() {
        // A COSE_Sign1 whose protected headers hold another one under 13.
        let permit = [0x84, 0x41, 0xa0, 0xa0, 0x41, 0x01, 0x40];
        let mut protected = vec![0xa1, 0x0d];
        protected.extend(permit);
        let mut bytes = vec![0x84, 0x40 + protected.len() as u8];
        bytes.extend(&protected);
        bytes.extend([0xa0, 0x41, 0x02, 0x40]);
        let object = Object::of_bytes(&bytes, true);
        assert_eq!(
            names(&object),
            [
                "object",
                "object, protected headers",
                "permit",
                "permit, protected headers",
                "permit, payload",
                "object, payload",
            ]
        );
        assert_eq!(object.layers.last().and_then(|layer| layer.diagnostic.as_deref()), Some("2"));
        assert_eq!(names(&Object::of_bytes(&bytes, false)), ["object"]);
    }

    #[test]
    fn wrapping_without_end_is_not_followed() {
        let mut bytes = vec![0x01];
        for _ in 0..40 {
            let mut outer = vec![0x84, 0x40, 0xa0, 0x59, (bytes.len() >> 8) as u8, bytes.len() as u8];
            if bytes.len() < 24 {
                outer = vec![0x84, 0x40, 0xa0, 0x40 + bytes.len() as u8];
            } else if bytes.len() < 256 {
                outer = vec![0x84, 0x40, 0xa0, 0x58, bytes.len() as u8];
            }
            outer.extend(&bytes);
            outer.push(0x40);
            bytes = outer;
        }
        let object = Object::of_bytes(&bytes, true);
        let payloads = names(&object).iter().filter(|name| name.ends_with("payload")).count();
        assert_eq!(payloads, DEPTH_MAX);
    }

    #[test]
    fn what_is_no_code_of_ours_is_shown_as_text_and_called_unreadable() {
        let object = Object::of_text("https://example.cn");
        assert_eq!(object.foreign.as_deref(), Some("https://example.cn"));
        assert!(object.error.is_some() && object.kind.is_none());
        let short = Object::of_text("8611000");
        assert_eq!((short.kind, short.foreign.as_deref()), (Some("presentation"), None));
        assert!(short.error.is_some_and(|error| error.starts_with("not a presentation in form")));
        assert_eq!(short.text.map(|size| (size.digits, size.bytes, size.qr_version_l)), Some((7, 1, Some(1))));
    }
}
