//! What must hold of any input at all.
//!
//! Each [`Property`] takes any bytes, gives them to the code that it is about, and panics when what comes of it is not as promised. The fuzz
//! targets beside this crate feed them from libFuzzer; the test `properties` of the workspace feeds them a bounded number of changed seeds.

#![forbid(unsafe_code)]

mod choices;
mod escaping;
mod keys;
mod ledger;
mod lists;
mod objects;
mod picture;
/// The measurements' samples: permits that are issued and held with fixed keys.
#[path = "../../../bench/src/samples.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "the measurements use more of it")]
mod samples;
mod seeds;
mod verdicts;

/// Something that must hold of any input.
pub struct Property {
    /// Its name, which is that of its fuzz target.
    pub name: &'static str,
    /// Panics if it does not hold.
    pub holds: fn(&[u8]),
    /// Inputs that lead deep into the code.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many inputs a second are to be expected, roughly: some draw pictures, or write to a disk.
    pub pace: u32,
}

/// All properties.
pub const ALL: &[Property] = &[
    Property { name: "digits", holds: objects::digits, seeds: seeds::digits, pace: 100_000 },
    Property { name: "cbor", holds: objects::cbor, seeds: seeds::objects, pace: 50_000 },
    Property { name: "permit", holds: objects::permit, seeds: seeds::permits, pace: 20_000 },
    Property { name: "presentation", holds: objects::presentation, seeds: seeds::presentations, pace: 20_000 },
    Property { name: "enrolment", holds: objects::enrolment, seeds: seeds::enrolments, pace: 10_000 },
    Property { name: "trust_list", holds: lists::trust_list, seeds: seeds::trust_lists, pace: 10_000 },
    Property { name: "status_list", holds: lists::status_list, seeds: seeds::status_lists, pace: 10_000 },
    Property { name: "inflate", holds: lists::inflate, seeds: seeds::streams, pace: 2_000 },
    Property { name: "text_to_verdict", holds: verdicts::text, seeds: seeds::digits, pace: 10_000 },
    Property { name: "changed_presentation", holds: verdicts::changed, seeds: seeds::changes, pace: 5_000 },
    Property { name: "picture", holds: picture::picture, seeds: seeds::pictures, pace: 50 },
    Property { name: "key_file", holds: keys::key_file, seeds: seeds::key_files, pace: 20_000 },
    Property { name: "pkcs8", holds: keys::pkcs8, seeds: seeds::pkcs8, pace: 20_000 },
    Property { name: "terminal_text", holds: escaping::terminal, seeds: seeds::texts, pace: 50_000 },
    Property { name: "page_text", holds: escaping::page, seeds: seeds::texts, pace: 50_000 },
    Property { name: "ledger", holds: ledger::ledger, seeds: seeds::histories, pace: 20 },
];

/// The property of this name.
pub fn named(name: &str) -> Option<&'static Property> {
    ALL.iter().find(|property| property.name == name)
}
