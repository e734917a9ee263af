//! The properties as fuzz targets.

use std::path::Path;

/// Writes the seeds of the property of this name into `corpus/NAME`, beside what the fuzzer has found before, and before it reads them.
pub fn seed(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the corpus");
    for (number, seed) in (named(name).seeds)().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:04}")), seed).expect("a seed is written");
    }
}

/// Panics if the property of this name does not hold of these bytes.
pub fn hold(name: &str, bytes: &[u8]) {
    (named(name).holds)(bytes);
}

fn named(name: &str) -> &'static properties::Property {
    properties::named(name).expect("a target is named for its property")
}
