//! `zxing-cpp`, the C++ library, for whoever builds with the feature of that name.

use image::GrayImage;
use zxingcpp::{Barcode, BarcodeFormat, BarcodeReader, ImageFormat, ImageView};

use super::{Decoder, Found, Search, Work, contained};

/// The decoder `zxing-cpp`. It does not tell where finder patterns are.
///
/// It cannot be stopped from within, but needs no more than a tenth of a second for the pictures that hang others.
pub(crate) struct ZxingCpp {
    reader: BarcodeReader,
}

impl Default for ZxingCpp {
    fn default() -> Self {
        // It would try the half and the inverted picture by itself; what is tried, and when, is for the plan.
        let reader = BarcodeReader::new()
            .formats(BarcodeFormat::QRCode)
            .try_harder(true)
            .try_rotate(false)
            .try_invert(false)
            .try_downscale(false)
            .return_errors(true)
            .max_number_of_symbols(MOST_CODES);
        ZxingCpp { reader }
    }
}

/// As many as its count of them goes.
const MOST_CODES: i32 = 16;

impl Decoder for ZxingCpp {
    fn find(&mut self, frame: &GrayImage, _: Work) -> Search {
        let search = contained(|| {
            let view = ImageView::from_slice(frame.as_raw(), frame.width(), frame.height(), ImageFormat::Lum).ok()?;
            let found = self.reader.from(view).ok()?.iter().map(found).collect();
            Some(Search { found, patterns: Vec::new() })
        });
        search.flatten().unwrap_or_default()
    }
}

fn found(code: &Barcode) -> Found {
    let place = code.position();
    let corners = [place.top_left, place.top_right, place.bottom_right, place.bottom_left];
    let content = || {
        let version: u8 = code.extra_with_key("Version").trim_matches('"').parse().ok()?;
        Some((version, code.bytes()))
    };
    let content = if code.is_valid() { content() } else { None };
    Found { corners: corners.map(|corner| (corner.x as f32, corner.y as f32)), content }
}
