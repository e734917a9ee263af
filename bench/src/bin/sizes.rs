//! Prints how large the sample permits are in our form and in those of others: bytes, characters in the code, QR version.

#![forbid(unsafe_code)]

use bench::peers::{FORMS, Mode, Object};
use bench::samples::Sample;
use qrcode::EcLevel;

fn main() {
    let samples = Sample::all();
    println!("{} sample permits, the same claims in every form; median / longest\n", samples.len());
    println!(
        "{:<31} {:>13} {:>13}  {:<13} {:>9} {:>9}  lacks",
        "form", "bytes", "characters", "mode", "QR at L", "QR at M"
    );
    for form in &FORMS {
        let objects: Vec<Object> = samples.iter().map(form.make).collect();
        let pair = |of: &dyn Fn(&Object) -> usize| {
            let mut all: Vec<usize> = objects.iter().map(of).collect();
            all.sort_unstable();
            (all[(all.len() - 1) / 2], all[all.len() - 1])
        };
        // Version 41 would be the first that is none.
        let version = |level| pair(&|object: &Object| object.version(level).map_or(41, |version| version as usize));
        println!(
            "{:<31} {:>13} {:>13}  {:<13} {:>9} {:>9}  {}",
            form.name,
            shown(pair(&|object| object.bytes)),
            shown(pair(&|object| object.text.len())),
            match objects.first().map(|object| object.mode) {
                Some(Mode::Numeric) => "numeric",
                Some(Mode::Alphanumeric) => "alphanumeric",
                _ => "byte",
            },
            versions(version(EcLevel::L)),
            versions(version(EcLevel::M)),
            form.lacks
        );
    }
}

fn shown((median, longest): (usize, usize)) -> String {
    format!("{median} / {longest}")
}

fn versions((median, longest): (usize, usize)) -> String {
    let one = |version: usize| if version > 40 { "none".to_owned() } else { version.to_string() };
    format!("{} / {}", one(median), one(longest))
}
