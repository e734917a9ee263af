//! From the digits of a code to a verdict, against the two signatures in it: how much the verifier adds to what cannot be saved.
//!
//! Every code is new to its replay guard (which would refuse it otherwise), made beforehand, and comes from one of the samples that are accepted.
//! The raw limit is `verify_strict` twice over the same messages, with both keys parsed beforehand; a verifier cannot have the device's
//! key beforehand, so that the limit with that one key parsed from its 32 bytes stands beside it.

use std::hint::black_box;

use bench::in_turns::{Contender, Extent, Taken, measure};
use bench::samples::{self, Sample, issuing_secret, nonce, now};
use credential_format::key::{Algorithm, CoseKey};
use credential_format::presentation::{Presented, UnverifiedPresentation};
use credential_format::text;
use ed25519_dalek::{Signature, VerifyingKey};
use holder::present::present;
use verifier::policy::Policy;
use verifier::replay::{MemoryGuard, ReplayGuard as _, Sighting};
use verifier::status::StatusLists;
use verifier::verdict::Outcome;
use verifier::verify::{Asked, Context, verify};

/// A batch takes two milliseconds: longer ones would be interrupted more often on a busy machine.
const VERDICTS: Extent = Extent { samples: 2_000, batch: 16 };
/// Stages take less than a microsecond, some of them: longer batches, so that reading the clock does not count.
const STAGES: Extent = Extent { samples: 2_000, batch: 32 };
/// So many codes, all different, then an empty guard and the same codes again: what a busy counter sees while codes stay fresh. More of
/// them would measure how fast memory brings in codes that nobody just scanned.
const CODES: usize = 256;

/// One code, and what the bare signatures need of it.
struct Code {
    text: String,
    bytes: Vec<u8>,
    permit_message: Vec<u8>,
    permit_signature: Signature,
    message: Vec<u8>,
    signature: Signature,
    device: VerifyingKey,
    device_bytes: [u8; 32],
    sighting: Sighting,
    subject: String,
}

fn main() {
    let trust = samples::trust_list();
    let status = samples::status_lists(&trust);
    let codes = codes();
    let issuer = issuing_secret().verifying_key();
    let mut guards: Vec<MemoryGuard> = (0..=VERDICTS.iterations() / CODES).map(|_| MemoryGuard::new(CODES)).collect();
    let to_verdict = |i: usize| {
        let mut context = Context {
            now: now(),
            trust: Some(&trust),
            status: &status,
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: &mut guards[i / CODES],
            policy: Policy::default(),
        };
        let verdict = black_box(verify(black_box(&[codes[i % CODES].text.as_str()]), &mut context));
        assert_eq!(verdict.outcome(), Outcome::Accept);
    };
    if std::env::args().any(|argument| argument == "--verdicts-only") {
        return (0..VERDICTS.iterations()).for_each(to_verdict);
    }

    let taken = measure(
        VERDICTS,
        vec![
            Contender::new("text to verdict", to_verdict),
            Contender::new("two bare verify_strict, keys parsed", |i| {
                let code = black_box(&codes[i % CODES]);
                issuer.verify_strict(&code.permit_message, &code.permit_signature).expect("issuer");
                code.device.verify_strict(&code.message, &code.signature).expect("device");
            }),
            Contender::new("the same, device key from its 32 bytes", |i| {
                let code = black_box(&codes[i % CODES]);
                issuer.verify_strict(&code.permit_message, &code.permit_signature).expect("issuer");
                let device = VerifyingKey::from_bytes(&code.device_bytes).expect("a point");
                device.verify_strict(&code.message, &code.signature).expect("device");
            }),
        ],
    );
    let [verdict, parsed, from_bytes] = taken.as_slice() else { return };
    for one in &taken {
        println!("{:<40} {:>9.3} µs", one.name, one.micros());
    }
    println!("\ntext to verdict / two verify_strict, keys parsed     {}", verdict.ratio_to(parsed));
    println!("text to verdict / the same, device key from bytes    {}", verdict.ratio_to(from_bytes));
    let share = 100.0 * (1.0 - 1.0 / verdict.ratio_to(from_bytes).undisturbed);
    println!("\nneither signatures nor device key: {share:.1} % of the whole\n");

    println!("stages, each by itself, and their share of the whole");
    for stage in stages(&codes, &status) {
        let share = 100.0 * stage.micros() / verdict.micros();
        println!("  {:<38} {:>9.3} µs {share:>6.2} %", stage.name, stage.micros());
    }
}

fn stages(codes: &[Code], status: &StatusLists) -> Vec<Taken> {
    let mut guards: Vec<MemoryGuard> = (0..=STAGES.iterations() / CODES).map(|_| MemoryGuard::new(CODES)).collect();
    let parsed: Vec<UnverifiedPresentation<'_>> =
        codes.iter().map(|code| UnverifiedPresentation::parse(&code.bytes).expect("a presentation")).collect();
    measure(
        STAGES,
        vec![
            Contender::new("digits to bytes", |i| {
                black_box(text::decode(black_box(&codes[i % CODES].text))).expect("digits");
            }),
            Contender::new("bytes to presentation and permit", |i| {
                black_box(Presented::parse(black_box(&codes[i % CODES].bytes))).expect("a presentation");
            }),
            Contender::new("both signed messages put together", |i| {
                let presentation = black_box(&parsed[i % CODES]);
                black_box((presentation.permit().message(), presentation.message()));
            }),
            Contender::new("device key, from bytes to point", |i| {
                black_box(VerifyingKey::from_bytes(black_box(&codes[i % CODES].device_bytes))).expect("a point");
            }),
            Contender::new("status looked up", |i| {
                let list = status.get(black_box(&codes[i % CODES].subject)).expect("at hand").list();
                black_box(list.get(codes[i % CODES].sighting.status.index));
            }),
            Contender::new("replay recorded", |i| {
                black_box(guards[i / CODES].record(&codes[i % CODES].sighting, now())).expect("recorded");
            }),
        ],
    )
}

fn codes() -> Vec<Code> {
    let held: Vec<_> = Sample::all()
        .into_iter()
        .filter(Sample::is_accepted)
        .map(|sample| (sample.device(Algorithm::Ed25519), sample.held(Algorithm::Ed25519)))
        .collect();
    let code = |number: usize| {
        let (device, permit) = &held[number % held.len()];
        let shown = present(permit, device, now(), nonce(number), None).expect("shown");
        let read = UnverifiedPresentation::parse(shown.bytes()).expect("a presentation");
        let CoseKey::Ed25519(device_bytes) = permit.device_key().cose_key() else { panic!("an Ed25519 device") };
        let slot = permit.claims().status;
        Code {
            text: shown.text(),
            permit_message: read.permit().message(),
            permit_signature: Signature::from_bytes(read.permit().signature()),
            message: read.message(),
            signature: Signature::from_bytes(read.signature()),
            device: VerifyingKey::from_bytes(&device_bytes).expect("a point"),
            device_bytes,
            sighting: Sighting {
                code_issued_at: shown.issued_at(),
                kid: permit.kid(),
                status: slot,
                nonce: nonce(number),
                cnonce: None,
            },
            subject: format!("{}/{}", samples::STATUS_URI, slot.list),
            bytes: shown.bytes().to_vec(),
        }
    };
    (0..CODES).map(code).collect()
}
