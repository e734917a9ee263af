//! The digits of a QR code against Base45 (RFC 9285), writing and reading 340 bytes: the median presentation.

use std::hint::black_box;

use bench::in_turns::{Contender, Extent, measure};
use bench::samples::digest;
use credential_format::text::{self, Kind};

const BYTES: usize = 340;

fn main() {
    let bytes: Vec<u8> = (0u64..).flat_map(|n| digest(&[b"text", &n.to_be_bytes()])).take(BYTES).collect();
    let digits = text::encode(Kind::Presentation, &bytes);
    let base45 = base45::encode(&bytes);
    assert_eq!(text::decode(&digits), Ok((Kind::Presentation, bytes.clone())));
    assert_eq!(base45::decode(&base45).as_ref(), Ok(&bytes));

    let taken = measure(
        Extent { samples: 4_000, batch: 256 },
        vec![
            Contender::new("digits written", |_| drop(black_box(text::encode(Kind::Presentation, black_box(&bytes))))),
            Contender::new("Base45 written", |_| drop(black_box(base45::encode(black_box(&bytes))))),
            Contender::new("digits read", |_| drop(black_box(text::decode(black_box(&digits))))),
            Contender::new("Base45 read", |_| drop(black_box(base45::decode(black_box(&base45))))),
        ],
    );
    println!("{BYTES} bytes: {} digits, {} characters of Base45\n", digits.len(), base45.len());
    for pair in taken.chunks(2) {
        for one in pair {
            println!("{:<16} {:>8.3} µs", one.name, one.micros());
        }
        println!("{:<16} {}\n", "ratio", pair[0].ratio_to(&pair[1]));
    }
}
