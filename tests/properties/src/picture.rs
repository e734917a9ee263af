//! Pictures.

use std::sync::Once;
use std::time::{Duration, Instant};

use verifier::scan::{Limits, Reader, ScanError, quiet_contained_panics};

/// Whatever is in the file: no panic, nothing beyond the limits, a refusal that fits the file.
pub(crate) fn picture(bytes: &[u8]) {
    // A panic of a foreign decoder that the product contains is no finding; any other one is.
    static QUIET: Once = Once::new();
    QUIET.call_once(quiet_contained_panics);
    // Small, so that a round is short; a bound is a bound.
    let limits = Limits { file_bytes: 1_000_000, side_px: 2_000, pixels: 1_000_000 };
    let began = Instant::now();
    match Reader::default().file(bytes, &limits, Duration::from_millis(20), &mut || began.elapsed()) {
        Ok(seen) => {
            limits.admit(seen.width, seen.height).expect("a picture beyond the limits was read");
            for code in &seen.codes {
                assert!((1..=40).contains(&code.version), "version {}", code.version);
                // ISO/IEC 18004, table 7: no symbol holds more.
                assert!(code.bytes.len() <= 7_089, "{} bytes in one code", code.bytes.len());
                assert!(code.px_per_module.is_finite() && code.px_per_module >= 0.0, "{}", code.px_per_module);
                assert!(!format!("{code:?}").contains(code.text().filter(|text| text.len() > 6).unwrap_or("\0")));
            }
        }
        Err(error) => {
            assert!(error.code().starts_with("IMAGE_") && !error.zh().is_ascii(), "{error}");
            assert!(error.to_string().contains(". "), "{error}: no remedy");
            match error {
                ScanError::Empty => assert!(bytes.is_empty()),
                ScanError::TooLarge { .. } => assert!(bytes.len() > limits.file_bytes),
                ScanError::Format { kind } => assert!(!kind.is_read()),
                ScanError::Animated { kind } | ScanError::Damaged { kind, .. } => assert!(kind.is_read()),
                ScanError::Dimensions { width, height, .. } | ScanError::Pixels { width, height, .. } => {
                    assert!(limits.admit(width, height).is_err());
                }
            }
        }
    }
}
