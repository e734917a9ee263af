//! The same operations under divan, each by itself: a cross-check of the times in the other benches by a harness that many know.

use bench::samples::{
    Sample, digest, issued_at, issuing_key, issuing_secret, nonce, now, public, status_lists, trust_list,
};
use credential_format::key::Algorithm;
use credential_format::text::{self, Kind};
use divan::{Bencher, black_box};
use ed25519_dalek::Signer;
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::verdict::{Outcome, Verdict};
use verifier::verify::{Asked, Context, verify};

fn main() {
    divan::main();
}

#[divan::bench]
fn bare_sign(bencher: Bencher<'_, '_>) {
    let (secret, message) = (issuing_secret(), message());
    bencher.bench(|| secret.sign(black_box(&message)));
}

#[divan::bench]
fn bare_verify_strict(bencher: Bencher<'_, '_>) {
    let (secret, message) = (issuing_secret(), message());
    let (key, signature) = (public(&secret), secret.sign(&message).to_bytes());
    bencher.bench(|| key.verify(black_box(&message), black_box(&signature)).is_ok());
}

#[divan::bench]
fn issue(bencher: Bencher<'_, '_>) {
    let (sample, key) = (sample(), issuing_key());
    let (request, permit) = (sample.request(), sample.held(Algorithm::Ed25519));
    let device = issuer::Device::from(*permit.device_key());
    bencher.bench(|| issuer::issue(black_box(&request), &device, sample.slot(), issued_at(), &key));
}

#[divan::bench]
fn text_to_verdict(bencher: Bencher<'_, '_>) {
    let (sample, trust) = (sample(), trust_list());
    let (status, signer) = (status_lists(&trust), sample.device(Algorithm::Ed25519));
    let code = holder::present::present(&sample.held(Algorithm::Ed25519), &signer, now(), nonce(1), None)
        .map(|presentation| presentation.text())
        .unwrap_or_default();
    // A new guard each time, so that the code is always the first of its kind.
    let decide = |guard: &mut MemoryGuard| -> Verdict {
        let mut context = Context {
            now: now(),
            trust: Some(&trust),
            status: &status,
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: guard,
            policy: Policy::default(),
        };
        verify(&[black_box(code.as_str())], &mut context)
    };
    assert_eq!(decide(&mut MemoryGuard::new(1)).outcome(), Outcome::Accept, "the code is not accepted");
    bencher.with_inputs(|| MemoryGuard::new(1)).bench_local_refs(decide);
}

#[divan::bench]
fn digits_read(bencher: Bencher<'_, '_>) {
    let digits = text::encode(Kind::Presentation, &message());
    bencher.bench(|| text::decode(black_box(&digits)));
}

/// 340 bytes: the median presentation.
fn message() -> Vec<u8> {
    (0u64..).flat_map(|n| digest(&[b"absolute", &n.to_be_bytes()])).take(340).collect()
}

/// A sample that is accepted when it is shown.
fn sample() -> Sample {
    Sample::all().into_iter().find(Sample::is_accepted).expect("some sample is accepted")
}
