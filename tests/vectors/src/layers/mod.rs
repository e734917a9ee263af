//! All vectors, written down by hand: the fault, the layer that must refuse it, and the code.

mod cbor;
mod lifecycle;
mod lists;
mod objects;
mod text;
mod verdict;

use std::collections::BTreeMap;

use crate::sample_permits::SamplePermits;
use crate::vector::{Expect, Vector, World};
use crate::worlds;

pub use verdict::code_of_lifecycle;

/// Vectors by `folder/name`.
#[derive(Default)]
pub struct Collection {
    /// The vectors.
    pub vectors: BTreeMap<String, Vector>,
}

impl Collection {
    /// Adds a vector under a name that is not taken.
    fn add(&mut self, name: &str, vector: Vector) {
        assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')), "{name}: not a name for a file");
        let path = format!("{}/{name}", vector.folder());
        assert!(self.vectors.insert(path.clone(), vector).is_none(), "{path} stands there twice");
    }
}

/// All vectors and all worlds.
pub fn all() -> (BTreeMap<String, Vector>, BTreeMap<String, World>) {
    let samples = SamplePermits::load();
    let mut collection = Collection::default();
    text::add(&mut collection);
    cbor::add(&mut collection, &samples);
    objects::add(&mut collection, &samples);
    lists::add(&mut collection);
    lifecycle::add(&mut collection, &samples);
    verdict::add(&mut collection, &samples);
    (collection.vectors, worlds::all(&samples.permits))
}

/// A code refuses; none accepts. What may only be newer than this program is no reason to reject.
pub fn expect(code: Option<&str>) -> Expect {
    match code {
        None => Expect::Accept,
        Some("UNSUPPORTED_VERSION" | "DIVISION_UNKNOWN") => Expect::Undetermined,
        Some(_) => Expect::Reject,
    }
}
