//! Picture files as nobody saves them: bombs, lies, and containers put together by hand.
//!
//! The bytes are written here and not by the encoders that the product's decoders come with.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};

/// A QR code with its quiet zone, so many pixels to the module.
pub fn code(text: &str, px: u32) -> GrayImage {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).expect("a text that fits");
    let side = code.width() as u32 + 8;
    GrayImage::from_fn(side * px, side * px, |x, y| {
        let (x, y) = ((x / px) as usize, (y / px) as usize);
        let inside = (4..side as usize - 4).contains(&x) && (4..side as usize - 4).contains(&y);
        Luma([if inside && code[(x - 4, y - 4)] == Color::Dark { 0 } else { 255 }])
    })
}

/// The picture as a file.
pub fn saved(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.into().write_to(&mut file, format).expect("written");
    file.into_inner()
}

/// A JPEG with this EXIF block.
pub fn jpeg_with_exif(picture: &GrayImage, exif: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.add_exif_metadata(exif).expect("a short block");
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture, width, height, jpeg_encoder::ColorType::Luma).expect("written");
    file
}

/// An EXIF block that names an orientation, 1 to 8 (EXIF 2.32, tag 0x0112).
pub fn exif(orientation: u8) -> Vec<u8> {
    let entry = [0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0];
    [b"II*\0\x08\0\0\0\x01\0".as_slice(), &entry, &[0; 4]].concat()
}

/// A JPEG in four inks, as printers use them.
pub fn cmyk_jpeg(picture: &GrayImage) -> Vec<u8> {
    let inks: Vec<u8> = picture.pixels().flat_map(|pixel| [!pixel.0[0], !pixel.0[0], !pixel.0[0], 0]).collect();
    let mut file = Vec::new();
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    let encoder = jpeg_encoder::Encoder::new(&mut file, 90);
    encoder.encode(&inks, width, height, jpeg_encoder::ColorType::Cmyk).expect("written");
    file
}

/// A lossless WebP.
pub fn webp(picture: &GrayImage) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.encode(picture, picture.width(), picture.height(), image_webp::ColorType::L8).expect("written");
    file
}

/// PNG: chunks put together by hand.
pub mod png {
    /// The signature, these chunks, and the end.
    pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat(), chunk(b"IEND", b"")].concat()
    }

    /// The header: bits a channel, the kind of colour (0 grey, 2 RGB, 6 RGB and alpha), and whether interlaced.
    pub fn header(width: u32, height: u32, depth: u8, colour: u8, interlaced: bool) -> Vec<u8> {
        let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
        chunk(b"IHDR", &[size.as_slice(), &[depth, colour, 0, 0, u8::from(interlaced)]].concat())
    }

    /// One chunk with its length and checksum.
    pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let checked = [name, content].concat();
        let length = (content.len() as u32).to_be_bytes();
        [length.as_slice(), &checked, &crc(&checked).to_be_bytes()].concat()
    }

    /// CRC-32 (ISO/IEC 3309), bit by bit.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
        })
    }

    /// So many zeros as a zlib stream (RFC 1950), without ever holding them: fixed codes (RFC 1951, section 3.2.6), one zero and
    /// then copies of 258 zeros, 13 bits each.
    pub fn zeros(count: u64) -> Vec<u8> {
        let mut bits = super::Bits::default();
        bits.push(0b011, 3); // last block, fixed codes
        bits.push_code(0b0011_0000, 8); // literal 0
        let mut left = count - 1;
        while left >= 258 {
            bits.push_code(0b1100_0101, 8); // length 258
            bits.push_code(0, 5); // distance 1
            left -= 258;
        }
        for _ in 0..left {
            bits.push_code(0b0011_0000, 8);
        }
        bits.push_code(0, 7); // end of block
        // Adler-32 of zeros: the first sum stays 1, the second counts them.
        let adler = ((count % 65_521) as u32) << 16 | 1;
        [[0x78, 0x01].as_slice(), &bits.finish(), &adler.to_be_bytes()].concat()
    }

    /// A black picture, valid to the last byte, of a few kilobytes for each megapixel.
    pub fn black(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
        let channels = if colour == 6 { 4 } else { 1 + u64::from(colour) };
        let row = 1 + u64::from(width) * channels * u64::from(depth) / 8;
        file(&[header(width, height, depth, colour, false), chunk(b"IDAT", &zeros(row * u64::from(height)))])
    }
}

/// WebP: RIFF chunks put together by hand.
pub mod riff {
    /// A file of these chunks.
    pub fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        let content = [b"WEBP".to_vec(), chunks.concat()].concat();
        [b"RIFF".as_slice(), &(content.len() as u32).to_le_bytes(), &content].concat()
    }

    /// One chunk.
    pub fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let padding: &[u8] = if content.len().is_multiple_of(2) { &[] } else { &[0] };
        [name.as_slice(), &(content.len() as u32).to_le_bytes(), content, padding].concat()
    }

    /// The header of a file with more than a picture: bit 1 says animated, bit 4 alpha.
    pub fn extended(width: u32, height: u32, flags: u8) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        chunk(b"VP8X", &[vec![flags, 0, 0, 0], side(width), side(height)].concat())
    }

    /// A lossless picture of one colour: five codes of one symbol each, so that a pixel takes no bits at all.
    pub fn plain(width: u32, height: u32) -> Vec<u8> {
        let mut bits = super::Bits::default();
        bits.push(width - 1, 14);
        bits.push(height - 1, 14);
        bits.push(0, 1 + 3); // no alpha, version 0
        bits.push(0, 1 + 1 + 1); // no transform, no cache of colours, no groups of codes
        for _ in 0..5 {
            bits.push(0b0001, 4); // simple, one symbol, of one bit, 0
        }
        chunk(b"VP8L", &[vec![0x2f], bits.finish(), vec![0; 8]].concat())
    }

    /// Two frames of a picture, shown one after the other.
    pub fn animated(width: u32, height: u32) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        let place = [vec![0; 6], side(width), side(height), vec![100, 0, 0, 0]].concat();
        let frame = chunk(b"ANMF", &[place, plain(width, height)].concat());
        file(&[extended(width, height, 2), chunk(b"ANIM", &[0; 6]), frame.clone(), frame])
    }
}

/// JPEG: segments put together by hand.
pub mod jpeg {
    /// One segment with its length.
    pub fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
        [[0xff, marker].as_slice(), &(content.len() as u16 + 2).to_be_bytes(), content].concat()
    }

    /// A grey progressive picture in which scan follows scan, each of a few bytes and over the whole picture.
    pub fn many_scans(width: u16, height: u16, scans: usize) -> Vec<u8> {
        let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
        let one_code = |class: u8, symbol: u8| {
            let lengths = [[1].as_slice(), &[0; 15]].concat();
            segment(0xc4, &[[class].as_slice(), &lengths, &[symbol]].concat())
        };
        let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
        let head = [
            vec![0xff, 0xd8],
            segment(0xdb, &[[0].as_slice(), &[1; 64]].concat()),
            segment(0xc2, &[[8].as_slice(), &size, &[1, 1, 0x11, 0]].concat()),
            one_code(0x00, 0),    // no change of brightness
            one_code(0x10, 0xe0), // nothing in 16,384 blocks and as many more as the next 14 bits say
        ];
        let first = [segment(0xda, &[1, 1, 0, 0, 0, 0]), packed(&vec![0; blocks])].concat();
        let runs: Vec<u8> = (0..blocks.div_ceil(32_767)).flat_map(|_| [vec![0], vec![1; 14]].concat()).collect();
        let further = [segment(0xda, &[1, 1, 0, 1, 63, 0]), packed(&runs)].concat();
        [head.concat(), first, further.repeat(scans), vec![0xff, 0xd9]].concat()
    }

    /// Bits, the highest first, with a zero behind each byte of ones (ITU-T T.81, section F.1.2.3).
    fn packed(bits: &[u8]) -> Vec<u8> {
        let byte = |bits: &[u8]| (0..8).fold(0, |byte, at| byte << 1 | bits.get(at).copied().unwrap_or(1));
        let stuffed = |byte: u8| if byte == 0xff { vec![0xff, 0] } else { vec![byte] };
        bits.chunks(8).map(byte).flat_map(stuffed).collect()
    }
}

/// Bits packed from the lowest up, as DEFLATE and WebP pack them.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, length: u32) {
        self.waiting |= u64::from(value) << self.count;
        self.count += length;
        while self.count >= 8 {
            self.bytes.push(self.waiting as u8);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes of DEFLATE go in with their highest bit first.
    fn push_code(&mut self, code: u32, length: u32) {
        self.push(code.reverse_bits() >> (32 - length), length);
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, 7);
        self.bytes
    }
}

/// Numbers that look random and are the same every time.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }

    /// A number below this one.
    pub fn below(&mut self, most: usize) -> usize {
        let wide = (0..4).fold(0usize, |wide, _| wide << 8 | usize::from(self.byte()));
        wide % most.max(1)
    }

    /// Damages some bytes as a disk, a line or an enemy may.
    pub fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
            // Lengths and sizes are numbers of four bytes: make them extreme.
            2 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = if at.is_multiple_of(2) { 0xff } else { 0 }),
            3 => {
                let (from, length) = (self.below(bytes.len()), self.below(64));
                let part: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
                bytes.splice(at..at, part);
            }
            4 => drop(bytes.drain(at..(at + 1 + self.below(16)).min(bytes.len()))),
            _ => bytes.iter_mut().skip(at).take(1 + self.below(8)).for_each(|byte| *byte = self.byte()),
        }
    }
}
