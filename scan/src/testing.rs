//! Pictures that several modules are tested with.

use image::{GrayImage, Luma};

/// 2,205 finder patterns, and no code.
pub(crate) fn field_of_patterns() -> GrayImage {
    GrayImage::from_fn(63 * 24, 35 * 24, |x, y| {
        let (x, y) = (x % 24 / 3, y % 24 / 3);
        let ring = x.abs_diff(3).max(y.abs_diff(3));
        Luma([if ring == 3 || ring <= 1 { 0 } else { 255 }])
    })
}

/// A code at level L with its quiet zone, `scale` pixels to the module.
pub(crate) fn code(bytes: &[u8], scale: u32) -> GrayImage {
    let code = qrcode::QrCode::with_error_correction_level(bytes, qrcode::EcLevel::L).unwrap();
    let side = code.width() as u32 + 8;
    GrayImage::from_fn(side * scale, side * scale, |x, y| {
        let (x, y) = ((x / scale) as usize, (y / scale) as usize);
        let inside = (4..4 + code.width()).contains(&x) && (4..4 + code.width()).contains(&y);
        Luma([if inside && code[(x - 4, y - 4)] == qrcode::Color::Dark { 0 } else { 255 }])
    })
}

/// A zlib stream (RFC 1950) of stored blocks.
pub(crate) fn stored(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = content.chunks(65_535);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(number == last));
        stream.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        stream.extend(block);
    }
    let (a, b) = content.iter().fold((1u32, 0u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}
