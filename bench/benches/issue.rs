//! Issuing a permit against the signature in it: how much the library adds to what cannot be saved.
//!
//! `issue` puts the claims together, signs, verifies its own signature before it releases it, and reads the permit back. The raw limit is
//! therefore one signature and one strict verification over the same message; the signature alone stands beside it.

use std::hint::black_box;
use std::time::Instant;

use bench::in_turns::{Contender, Extent, measure};
use bench::samples::{Sample, issued_at, issuing_key, issuing_secret};
use credential_format::key::Algorithm;
use credential_format::permit::UnverifiedPermit;
use ed25519_dalek::Signer as _;
use holder::device_key::DeviceSigner as _;
use issuer::bulk::{Bearer, Job, issue_all};
use issuer::{Device, IssueError, IssuedPermit};

/// Permits made in bulk, for the number a second.
const BULK: usize = 40_000;

fn main() {
    let samples = Sample::all();
    let (key, secret) = (issuing_key(), issuing_secret());
    let jobs: Vec<Job> = samples
        .iter()
        .map(|sample| Job {
            request: sample.request(),
            bearer: Bearer::Device(
                Device::try_from(&sample.device(Algorithm::Ed25519).public_key()).expect("a fit key"),
            ),
            slot: sample.slot(),
        })
        .collect();
    let devices: Vec<Device> = jobs
        .iter()
        .filter_map(|job| match &job.bearer {
            Bearer::Device(device) => Some(device.clone()),
            Bearer::Paper(_) => None,
        })
        .collect();
    let permits: Vec<IssuedPermit> = samples.iter().map(|sample| sample.issue(Algorithm::Ed25519)).collect();
    // The very messages that `issue` signs.
    let messages: Vec<Vec<u8>> =
        permits.iter().map(|permit| UnverifiedPermit::parse(permit.bytes()).expect("a permit").message()).collect();
    let public = secret.verifying_key();

    let taken = measure(
        Extent { samples: 8_000, batch: 5 },
        vec![
            Contender::new("issue", |i| {
                let (job, device) = (&jobs[i % jobs.len()], &devices[i % jobs.len()]);
                black_box(issuer::issue(&job.request, device, job.slot, issued_at(), &key)).expect("issued");
            }),
            Contender::new("bare sign", |i| {
                black_box(secret.sign(black_box(&messages[i % messages.len()])));
            }),
            Contender::new("bare sign + verify_strict", |i| {
                let message = black_box(&messages[i % messages.len()]);
                let signature = black_box(secret.sign(message));
                public.verify_strict(message, &signature).expect("verified");
            }),
        ],
    );
    for one in &taken {
        println!("{:<30} {:>8.2} µs", one.name, one.micros());
    }
    println!("\nissue / bare sign                     {}", taken[0].ratio_to(&taken[1]));
    println!("issue / bare sign + verify_strict     {}", taken[0].ratio_to(&taken[2]));

    let claims: Vec<_> = permits
        .iter()
        .map(|permit| UnverifiedPermit::parse(permit.bytes()).expect("a permit").unverified_claims().clone())
        .collect();
    let stages = measure(
        Extent { samples: 2_000, batch: 40 },
        vec![
            Contender::new("claims copied", |i| drop(black_box((*claims[i % claims.len()]).clone()))),
            Contender::new("claims to message and bytes", |i| {
                let to_sign = black_box(&claims[i % claims.len()]).to_sign(key.kid()).expect("claims that go together");
                black_box((to_sign.message(), to_sign.finish(&[0; 64])));
            }),
            Contender::new("bytes read back", |i| {
                black_box(UnverifiedPermit::parse(black_box(permits[i % permits.len()].bytes()))).expect("a permit");
            }),
        ],
    );
    println!("\nstages, each by itself");
    for stage in &stages {
        println!(
            "  {:<28} {:>8.2} µs {:>6.2} %",
            stage.name,
            stage.micros(),
            100.0 * stage.micros() / taken[0].micros()
        );
    }

    let many = || (0..BULK).map(|i| jobs[i % jobs.len()].clone());
    let begin = Instant::now();
    let mut made = 0usize;
    let done = issue_all(many(), issued_at(), &key, |_, result| {
        made += black_box(result)?.bytes().len().min(1);
        Ok::<(), IssueError>(())
    });
    done.expect("all issued");
    let all_cores = made as f64 / begin.elapsed().as_secs_f64();
    let one_core = 1e6 / taken[0].micros();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\nbulk: {all_cores:.0} permits a second on {cores} cores, {:.2} times one core's {one_core:.0}",
        all_cores / one_core
    );
}
