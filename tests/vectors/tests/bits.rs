//! Whatever is changed in a good code, it is never accepted, and nothing panics: every bit, every digit, every length.

use credential_format::text::{self, Kind};
use credential_format::timestamp::Timestamp;
use vectors::objects::{self, digits, seconds};
use vectors::sample_permits::SamplePermits;
use vectors::test_keys::TestKey;
use vectors::vector::World;
use vectors::worlds::{self, NOON, key};
use verifier::policy::Policy;
use verifier::replay::MemoryGuard;
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;
use verifier::verdict::{Outcome, Reason, Verdict};
use verifier::verify::{Asked, Context, verify};

#[test]
fn no_bit_of_an_ed25519_presentation_may_be_flipped() {
    flip_every_bit(&presentation(&worlds::key("device 5")), Kind::Presentation);
}

#[test]
fn no_bit_of_a_p256_presentation_may_be_flipped() {
    flip_every_bit(&presentation(&key("device 5 P-256")), Kind::Presentation);
}

#[test]
fn no_bit_of_a_voucher_may_be_flipped() {
    flip_every_bit(&voucher(), Kind::Voucher);
}

#[test]
fn no_digit_of_a_code_may_be_another() {
    let counter = Counter::new();
    let good = digits(1, &presentation(&key("device 5")));
    counter.expect_accepted(&good);
    let mut tried = 0;
    for place in 0..good.len() {
        for digit in '0'..='9' {
            let mut changed = good.clone();
            changed.replace_range(place..=place, &digit.to_string());
            if changed != good {
                counter.expect_refused(&changed, &format!("digit {place} is {digit}"));
                tried += 1;
            }
        }
    }
    assert_eq!(tried, good.len() * 9);
}

#[test]
fn no_code_may_be_cut_short_or_made_longer() {
    let counter = Counter::new();
    let bytes = presentation(&key("device 5"));
    let good = digits(1, &bytes);
    counter.expect_accepted(&good);
    for len in 0..good.len() {
        counter.expect_refused(&good[..len], &format!("the first {len} digits"));
    }
    for begin in 1..good.len() {
        counter.expect_refused(&good[begin..], &format!("without the first {begin} digits"));
    }
    for len in 0..bytes.len() {
        counter.expect_refused(&digits(1, &bytes[..len]), &format!("the first {len} bytes"));
    }
    for byte in 0..=255 {
        counter.expect_refused(&digits(1, &[&bytes[..], &[byte]].concat()), &format!("and a byte {byte}"));
    }
    for digit in '0'..='9' {
        counter.expect_refused(&format!("{good}{digit}"), &format!("and a digit {digit}"));
    }
}

#[test]
fn no_byte_may_be_taken_out_or_doubled_or_swapped_with_the_next() {
    let counter = Counter::new();
    let good = presentation(&key("device 5"));
    for place in 0..good.len() {
        let mut shorter = good.clone();
        shorter.remove(place);
        counter.expect_refused(&digits(1, &shorter), &format!("without byte {place}"));
        let mut longer = good.clone();
        longer.insert(place, good[place]);
        counter.expect_refused(&digits(1, &longer), &format!("byte {place} twice"));
        if place + 1 < good.len() && good[place] != good[place + 1] {
            let mut swapped = good.clone();
            swapped.swap(place, place + 1);
            counter.expect_refused(&digits(1, &swapped), &format!("bytes {place} and {} swapped", place + 1));
        }
    }
}

#[test]
fn a_permit_without_its_device_is_never_accepted() {
    let counter = Counter::new();
    for sample in &SamplePermits::load().permits {
        let issuer = key(&format!("{} permit", worlds::issuer_of(sample)));
        let permit = objects::permit(sample, &issuer, &worlds::device(sample), worlds::status_index(sample)).encode();
        for kind in [1, 2] {
            let verdict = counter.scan(&digits(kind, &permit));
            assert_eq!(verdict.reason, Reason::HolderProofMissing, "sample {}, kind {kind}", sample.no);
        }
        // Another sample's device is not this one's.
        let stranger = objects::presentation(&permit, &key("device of nobody"), seconds(NOON), *b"nonce-51").encode();
        assert_eq!(counter.scan(&digits(1, &stranger)).reason, Reason::DeviceSignature, "sample {}", sample.no);
    }
}

fn flip_every_bit(good: &[u8], kind: Kind) {
    let counter = Counter::new();
    counter.expect_accepted(&text::encode(kind, good));
    for bit in 0..good.len() * 8 {
        let mut changed = good.to_vec();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        counter.expect_refused(&text::encode(kind, &changed), &format!("bit {bit} of {}", good.len() * 8));
    }
}

/// A good presentation by this device, as the counter accepts it at noon.
fn presentation(device: &TestKey) -> Vec<u8> {
    let samples = SamplePermits::load();
    let sample = samples.permit(5);
    let permit = objects::permit(sample, &key("GZ permit"), device, worlds::status_index(sample)).encode();
    objects::presentation(&permit, device, seconds(NOON) - 4, *b"nonce-52").encode()
}

fn voucher() -> Vec<u8> {
    let samples = SamplePermits::load();
    let sample = samples.permit(14);
    let device = worlds::device(sample);
    objects::voucher(objects::permit(sample, &key("SZ voucher"), &device, worlds::status_index(sample))).encode()
}

/// The counter of the vectors, with an empty replay guard for every scan: a refusal is never one for having been seen before.
struct Counter {
    trust: TrustedList,
    status: StatusLists,
}

impl Counter {
    fn new() -> Counter {
        let world = &World::load_all()["counter"];
        let trust = TrustedList::reload(&hex::decode(world.trust_list.as_ref().unwrap()).unwrap()).unwrap();
        let mut status = StatusLists::new();
        for list in &world.status_lists {
            status.put(TrustedStatusList::check(&hex::decode(list).unwrap(), &trust).unwrap());
        }
        Counter { trust, status }
    }

    fn scan(&self, text: &str) -> Verdict {
        let mut context = Context {
            now: Timestamp::parse(NOON).unwrap(),
            trust: Some(&self.trust),
            status: &self.status,
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: &mut MemoryGuard::new(1),
            policy: Policy::default(),
        };
        verify(&[text], &mut context)
    }

    fn expect_accepted(&self, text: &str) {
        let verdict = self.scan(text);
        assert_eq!(verdict.outcome(), Outcome::Accept, "{}", verdict.reason.code());
    }

    fn expect_refused(&self, text: &str, what: &str) {
        let verdict = self.scan(text);
        assert_ne!(verdict.outcome(), Outcome::Accept, "{what}: {}", verdict.reason.code());
    }
}
