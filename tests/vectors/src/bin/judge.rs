//! Judges vectors: one JSON text a line on standard input, in the shape of the files in `fixtures/`, what came of it a line on standard output.
//! Another implementation is held against this one with it. What the vectors expect is not looked at.

use std::io::{BufRead as _, Write as _};

use vectors::judge::{Worlds, judge};
use vectors::vector::Vector;

fn main() -> std::io::Result<()> {
    let worlds = Worlds::load();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let vector: Result<Vector, String> = serde_json::from_str(&line?).map_err(|error| error.to_string());
        let answer = match vector.and_then(|vector| judge(&vector, &worlds)) {
            Ok(judgement) => serde_json::to_string(&judgement)?,
            Err(why) => serde_json::json!({ "error": why }).to_string(),
        };
        writeln!(out, "{answer}")?;
    }
    out.flush()
}
