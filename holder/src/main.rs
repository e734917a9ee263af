//! The `holder` command: a folder that stands for a phone, for tests, rehearsals and as a pattern for native apps.

mod picture;
mod wallet;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use command_line::clock::Clock;
use command_line::escape::{json_safe, printable};
use command_line::files::{Mode, read_limited, read_stdin_limited, write_stdout, write_whole};
use command_line::key_file::KeyKind;
use command_line::passphrase::Passphrase;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal, run};
use credential_format::challenge::Challenge;
use credential_format::key::PublicKey;
use credential_format::limits::TEXT_DIGITS_MAX;
use credential_format::residence_code::ResidenceCode;
use credential_format::text;
use credential_format::timestamp::Timestamp;
use holder::asked::challenge_from_text;
use holder::device_key::DeviceSigner as _;
use holder::enrol::enrol;
use holder::held_permit::{HeldPermit, Succession};
use holder::present::{Presentation, SHOWN_SECS, present};
use serde_json::json;

use wallet::{Wallet, masked_code, rejected};

/// A permit or the digits of one, with line ends around them.
const DELIVERY_BYTES_MAX: u64 = TEXT_DIGITS_MAX as u64 + 64;

/// Holds electronic residence permits 居住证 and shows them as codes that change every 15 seconds.
///
/// Exit codes: 0 done, 1 rejected, 2 wrong usage, 3 nothing found, 4 internal error.
#[derive(Parser)]
#[command(name = "holder", version)]
struct Options {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object on standard output and nothing else there.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Make a device key in a new folder.
    Init(Init),
    /// Ask an issuer to bind a permit to this device: prints the digits of an enrolment 绑定申请.
    Enrol(Enrol),
    /// Keep a permit that the issuer delivered; a newer one takes the place of an older one.
    Add(Add),
    /// List the permits kept here, numbers and names masked.
    List(List),
    /// Show a permit 亮码: a QR code in a terminal, its digits elsewhere.
    Present(Present),
}

#[derive(Args)]
struct Device {
    /// The folder that stands for the phone.
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    /// Where the passphrase of an encrypted device key stands, one line; without this option the terminal asks.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The same from a descriptor that is open for reading: 3 with 3<FILE in a shell.
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file")]
    passphrase_fd: Option<u32>,
}

impl Device {
    fn passphrase(&self) -> Result<Passphrase, Refusal> {
        Passphrase::from_arguments(self.passphrase_file.as_deref(), self.passphrase_fd)
    }
}

#[derive(Args)]
struct Time {
    /// Take this time (RFC 3339) in place of the clock's, for tests and rehearsals; needs --allow-fixed-time.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Allow --at.
    #[arg(long)]
    allow_fixed_time: bool,
}

#[derive(Args)]
struct Init {
    #[command(flatten)]
    device: Device,
    /// The key's algorithm; phones with secure hardware often have P-256 only.
    #[arg(long, value_enum, default_value_t = Alg::Ed25519)]
    alg: Alg,
    /// Encrypt the key file with a passphrase.
    #[arg(long)]
    encrypt: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Alg {
    Ed25519,
    P256,
}

#[derive(Args)]
struct Enrol {
    #[command(flatten)]
    device: Device,
    /// Whose permit: the residence code 居码, 16 digits.
    #[arg(long, value_name = "CODE")]
    residence_code: String,
    /// The issuer's nonce, 32 hexadecimal digits; a random one when the issuer asks for none.
    #[arg(long, value_name = "HEX")]
    nonce: Option<String>,
    #[command(flatten)]
    time: Time,
    /// Also write the QR code to this PNG file.
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct Add {
    #[command(flatten)]
    device: Device,
    /// A permit file as the issuer writes it, the digits of a delivery code, or - for either on standard input.
    #[arg(value_name = "FILE|DIGITS")]
    permit: PathBuf,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    device: Device,
}

#[derive(Args)]
struct Present {
    #[command(flatten)]
    device: Device,
    /// Which permit, when there are several: its residence code.
    #[arg(long, value_name = "CODE")]
    permit: Option<String>,
    /// Answer the challenge 挑战码 that the counter shows: its digits.
    #[arg(long, value_name = "DIGITS")]
    challenge: Option<String>,
    #[command(flatten)]
    time: Time,
    /// Write the QR code to this PNG file and print nothing.
    #[arg(long, value_name = "FILE.png", conflicts_with = "text")]
    out: Option<PathBuf>,
    /// Print the digits, in a terminal too.
    #[arg(long)]
    text: bool,
}

fn main() -> ExitCode {
    let Options { command, json } = Options::parse();
    run("holder", json, || {
        let result = match command {
            Command::Init(options) => init(options),
            Command::Enrol(options) => enrol_device(options),
            Command::Add(options) => add(options),
            Command::List(options) => list(options),
            Command::Present(options) => show(options, json),
        }?;
        if json {
            write_stdout(format!("{}\n", json_safe(&result.json.to_string())).as_bytes())?;
        } else {
            write_stdout(result.text.as_bytes())?;
        }
        Ok(Exit::Done)
    })
}

/// What a command prints: text for people, or the same as JSON.
struct Printed {
    text: String,
    json: serde_json::Value,
}

fn init(options: Init) -> Result<Printed, Refusal> {
    let (kind, dir) = (
        match options.alg {
            Alg::Ed25519 => KeyKind::Ed25519,
            Alg::P256 => KeyKind::P256,
        },
        &options.device.dir,
    );
    let is_given = options.device.passphrase_file.is_some() || options.device.passphrase_fd.is_some();
    if is_given && !options.encrypt {
        return Err(Refusal::usage(
            "PASSPHRASE_UNUSED",
            "a passphrase is given without --encrypt, so the key would lie there in the clear",
            "add --encrypt, or leave --passphrase-file and --passphrase-fd out",
        ));
    }
    let source = options.encrypt.then(|| options.device.passphrase());
    let key = Wallet::init(dir, kind, source.transpose()?.as_ref())?;
    let thumbprint = match PublicKey::try_from(&key.public_key()) {
        Ok(key) => key.thumbprint(),
        Err(error) => return Err(rejected(error.code(), &error, "设备公钥不可用，请重新生成密钥")),
    };
    Ok(Printed {
        text: format!("{kind} key {thumbprint} in {}\n", printable(&dir.display().to_string())),
        json: json!({"v": 1, "algorithm": kind.to_string(), "thumbprint": thumbprint.to_string()}),
    })
}

fn enrol_device(options: Enrol) -> Result<Printed, Refusal> {
    let now = clock(&options.time)?.now()?;
    let code = residence_code("--residence-code", &options.residence_code)?;
    let nonce = match &options.nonce {
        Some(digits) => nonce(digits)?,
        None => random_bytes()?,
    };
    let device = open(&options.device)?;
    let enrolment = enrol(device.key(), code, nonce, now).map_err(|e| rejected(e.code(), &e, e.zh()))?;
    let digits = enrolment.text();
    if let Some(out) = &options.out {
        write_whole(out, &picture::png(&digits)?, Mode::Private)?;
    }
    Ok(Printed {
        text: format!("{digits}\n"),
        json: json!({"v": 1, "text": digits, "nonce": hex::encode(nonce), "issued_at": now.seconds()}),
    })
}

fn add(options: Add) -> Result<Printed, Refusal> {
    let delivered = delivered(&options.permit)?;
    let device = open(&options.device)?;
    let own = device.key().public_key();
    // A permit begins with the head of an array and never with a digit.
    let permit = match std::str::from_utf8(&delivered) {
        Ok(typed) if looks_like_digits(typed) => HeldPermit::from_text(typed, &own),
        _ => HeldPermit::parse(&delivered, &own),
    }
    .map_err(|e| rejected(e.code(), &e, e.zh()))?;
    let succession = device.keep(&permit)?;
    let (code, until) = (masked_code(permit.claims().residence_code), permit.claims().endorsed_until);
    let (word, result) = match succession {
        Some(Succession::Same) => ("was here already", "same"),
        Some(_) => ("takes the place of the older one", "replaced"),
        None => ("is kept", "added"),
    };
    Ok(Printed {
        text: format!("the permit {code}, endorsed until {until}, {word}\n"),
        json: json!({"v": 1, "result": result, "residence_code": code, "endorsed_until": until.to_string()}),
    })
}

fn list(options: List) -> Result<Printed, Refusal> {
    let permits = open(&options.device)?.permits()?;
    if permits.is_empty() {
        return Err(none_kept());
    }
    let (mut text, mut json) = (String::new(), Vec::new());
    for permit in &permits {
        let claims = permit.claims();
        let (code, name) = (masked_code(claims.residence_code), claims.name.masked());
        let (until, expires) = (claims.endorsed_until, claims.expires_at);
        text.push_str(&format!(
            "{code}  {}  endorsed until 签注至 {until}  expires 失效 {expires}\n",
            printable(&name)
        ));
        json.push(json!({
            "residence_code": code, "name": name, "endorsed_until": until.to_string(), "expires_at": expires.to_string(),
            "issued_on": claims.issued_on.to_string(), "issuer_key": permit.kid().to_string(),
            "shown_by_agent": claims.agent.is_some(),
        }));
    }
    Ok(Printed { text, json: json!({"v": 1, "permits": json}) })
}

fn show(options: Present, json: bool) -> Result<Printed, Refusal> {
    let clock = clock(&options.time)?;
    let wanted = options.permit.as_deref().map(|code| residence_code("--permit", code)).transpose()?;
    let challenge = match options.challenge.as_deref().map(challenge_from_text) {
        Some(read) => Some(read.map_err(|e| rejected(e.code(), &e, e.zh()))?),
        None => None,
    };
    let device = open(&options.device)?;
    let permit = choose(&device, wanted)?;
    if let Some(challenge) = &challenge {
        say_who_asks(challenge);
    }
    // The time is asked last, so that a passphrase typed slowly does not make the code old.
    let now = clock.now()?;
    let shown = present(&permit, device.key(), now, random_bytes()?, challenge.as_ref())
        .map_err(|e| rejected(e.code(), &e, e.zh()))?;

    let digits = shown.text();
    let text = if let Some(out) = &options.out {
        write_whole(out, &picture::png(&digits)?, Mode::Private)?;
        String::new()
    } else if !options.text && !json && std::io::stdout().is_terminal() {
        let code = picture::terminal(&digits)?;
        format!("{code}{}\n", seconds_left(&shown, clock)?)
    } else {
        format!("{digits}\n")
    };
    Ok(Printed {
        text,
        json: json!({
            "v": 1, "text": digits, "bytes": shown.bytes().len(),
            "issued_at": shown.issued_at().seconds(), "changes_at": shown.changes_at().seconds(),
            "counter": shown.answer().map(|answer| answer.counter.as_str()),
            "clock": if clock.is_fixed() { "fixed" } else { "system" },
        }),
    })
}

fn open(device: &Device) -> Result<Wallet, Refusal> {
    Wallet::open(&device.dir, &device.passphrase()?)
}

fn clock(time: &Time) -> Result<Clock, Refusal> {
    Clock::from_arguments(time.at.as_deref(), time.allow_fixed_time)
}

/// The number itself is personal data and stays out of the refusal.
fn residence_code(option: &str, typed: &str) -> Result<ResidenceCode, Refusal> {
    ResidenceCode::parse(&text::from_keyboard(typed)).map_err(|error| {
        let refusal = rejected(error.code(), &error, &error.zh());
        Refusal::usage(error.code(), format!("{option}: {}", refusal.what()), refusal.remedy())
    })
}

fn nonce(digits: &str) -> Result<[u8; 16], Refusal> {
    let mut nonce = [0; 16];
    hex::decode_to_slice(digits.trim(), &mut nonce).map_err(|_| {
        Refusal::usage(
            "NONCE_FORM",
            format!("--nonce {digits} is not 32 hexadecimal digits"),
            "copy the nonce from the issuer whole, or leave the option out when the issuer gave none",
        )
    })?;
    Ok(nonce)
}

/// A file, standard input, or the digits themselves.
fn delivered(argument: &Path) -> Result<Vec<u8>, Refusal> {
    match argument.to_str() {
        Some("-") => read_stdin_limited(DELIVERY_BYTES_MAX),
        Some(typed) if looks_like_digits(typed) && !argument.exists() => Ok(typed.as_bytes().to_vec()),
        _ => read_limited(argument, DELIVERY_BYTES_MAX),
    }
}

fn looks_like_digits(typed: &str) -> bool {
    let digits = text::from_keyboard(typed);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The one permit, or the one that is asked for.
fn choose(device: &Wallet, wanted: Option<ResidenceCode>) -> Result<HeldPermit, Refusal> {
    if let Some(code) = wanted {
        return device.permit(code)?.ok_or_else(|| {
            Refusal::undetermined(
                "PERMIT_NOT_HERE",
                "no permit with that residence code is kept here",
                "look at holder list, or add the permit first / 未找到该居码的居住证",
            )
        });
    }
    let mut permits = device.permits()?;
    match (permits.pop(), permits.len()) {
        (Some(permit), 0) => Ok(permit),
        (None, _) => Err(none_kept()),
        (Some(_), others) => Err(Refusal::usage(
            "PERMIT_SEVERAL",
            format!("{} permits are kept here", others + 1),
            "say which one with --permit and its residence code / 有多张居住证，请用 --permit 指定居码",
        )),
    }
}

fn none_kept() -> Refusal {
    Refusal::undetermined(
        "PERMIT_NONE",
        "no permit is kept here",
        "enrol this device with holder enrol, then add what the issuer delivers with holder add / 本机没有居住证，请先绑定",
    )
}

/// The person must see who asks and what for before showing the code.
fn say_who_asks(challenge: &Challenge) {
    let purpose = challenge.purpose.as_ref().map_or("", |purpose| purpose.as_str());
    let (counter, purpose) = (printable(challenge.counter.as_str()), printable(purpose));
    if purpose.is_empty() {
        eprintln!("counter {counter} asks for this code / 窗口 {counter} 请求亮码");
    } else {
        eprintln!("counter {counter} asks for this code, for: {purpose} / 窗口 {counter} 请求亮码，用途：{purpose}");
    }
}

fn seconds_left(shown: &Presentation, clock: Clock) -> Result<String, Refusal> {
    let left = shown.changes_at().seconds_since(clock.now()?).clamp(0, SHOWN_SECS as i64);
    let until = time_of_day(shown.changes_at());
    Ok(format!("show within {left} s, until {until} / 请在{left}秒内出示（至{until}）"))
}

/// `08:00:15` of `2026-07-01T08:00:15+08:00`.
fn time_of_day(time: Timestamp) -> String {
    time.to_string().split(['T', '+']).nth(1).unwrap_or_default().to_owned()
}
