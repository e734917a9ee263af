//! From evidence to the digits: format, mask, codewords, Reed-Solomon with erasures, numeric mode.

use super::evidence::Evidence;
use super::reed_solomon::mend;
use super::symbol::{Blocks, Format, Version, masked};

/// Check codewords that must be left over in each block: a block of noise is then taken for a text once in four thousand million or so.
const SPARE: usize = 4;

/// What evidence was worth.
pub(super) enum Content {
    /// A text of digits.
    Digits(Vec<u8>),
    /// Some blocks could be mended, if any: what the modules of their codewords are, by place.
    Part(Vec<(usize, bool)>),
    /// All blocks could be mended, and what they hold is not a text of digits.
    Foreign,
}

/// Reads a text of digits.
pub(super) fn read(evidence: &Evidence, places: &[usize], version: Version) -> Content {
    let mut most = Vec::new();
    // The likeliest format, or the next: blocks that mend tell which is right.
    for format in formats(evidence, version).into_iter().take(2) {
        let Some(blocks) = Blocks::of(version, format.level, places.len() / 8) else { continue };
        let (words, surety) = codewords(evidence, places, version, format);
        let (mut data, mut known) = (Vec::with_capacity(words.len()), Vec::new());
        let mut whole = true;
        for dealt in blocks.deal() {
            let block: Vec<u8> = dealt.iter().filter_map(|at| words.get(*at).copied()).collect();
            let mut doubtful: Vec<usize> = (0..block.len()).collect();
            let sure = |at: &usize| dealt.get(*at).and_then(|at| surety.get(*at)).copied().unwrap_or(0.0);
            doubtful.sort_by(|a, b| sure(a).total_cmp(&sure(b)));
            match mended(&block, blocks.correction, &doubtful) {
                Some(mended) => {
                    data.extend_from_slice(mended.get(..mended.len() - blocks.correction).unwrap_or_default());
                    known.extend(dealt.into_iter().zip(mended));
                }
                None => whole = false,
            }
        }
        if whole {
            return numeric(&data, version).map_or(Content::Foreign, Content::Digits);
        }
        if known.len() > most.len() / 8 {
            most = modules(&known, places, version, format);
        }
    }
    Content::Part(most)
}

/// The modules of codewords that are known.
fn modules(known: &[(usize, u8)], places: &[usize], version: Version, format: Format) -> Vec<(usize, bool)> {
    let side = version.side();
    known
        .iter()
        .flat_map(|(word, value)| {
            let eight = places.get(word * 8..word * 8 + 8).unwrap_or_default();
            eight
                .iter()
                .enumerate()
                .map(move |(bit, at)| (*at, (value >> (7 - bit) & 1 == 1) != masked(format.mask, at / side, at % side)))
        })
        .collect()
}

/// Formats by how well they agree with what is seen, best first.
fn formats(evidence: &Evidence, version: Version) -> Vec<Format> {
    let side = version.side();
    let places = Format::places(version);
    let mut ranked: Vec<(f32, Format)> = Format::all()
        .map(|(format, bits)| {
            let agreement = places
                .iter()
                .flat_map(|copy| copy.iter().enumerate())
                .map(|(bit, (row, column))| {
                    let seen = evidence.get(row * side + column).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
                    if bits >> (14 - bit) & 1 == 1 { seen } else { -seen }
                })
                .sum();
            (agreement, format)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.into_iter().map(|(_, format)| format).collect()
}

/// The codewords as they are seen, and how sure the least sure bit of each is.
fn codewords(evidence: &Evidence, places: &[usize], version: Version, format: Format) -> (Vec<u8>, Vec<f32>) {
    let side = version.side();
    places
        .chunks_exact(8)
        .map(|eight| {
            eight.iter().fold((0u8, f32::MAX), |(word, weakest), at| {
                let seen = evidence.get(*at).copied().unwrap_or(0.0);
                let dark = (seen > 0.0) != masked(format.mask, at / side, at % side);
                (word << 1 | u8::from(dark), weakest.min(seen.abs()))
            })
        })
        .unzip()
}

/// First without erasures, then with ever more of the most doubtful codewords erased.
fn mended(block: &[u8], parity: usize, doubtful: &[usize]) -> Option<Vec<u8>> {
    let most = parity.checked_sub(SPARE)?;
    let mut tries: Vec<usize> = (0..=most).step_by(2).collect();
    if tries.last() != Some(&most) {
        tries.push(most);
    }
    tries.into_iter().find_map(|erased| {
        let mut block = block.to_vec();
        mend(&mut block, parity, doubtful.get(..erased)?, SPARE)?;
        Some(block)
    })
}

/// The digits of a text in numeric mode that fills the symbol as an encoder does (7.4.3, 7.4.9, 7.4.10): anything else is not ours, or not
/// rightly read.
fn numeric(data: &[u8], version: Version) -> Option<Vec<u8>> {
    let mut bits = Bits { data, at: 0 };
    if bits.take(4)? != 0b0001 {
        return None;
    }
    let count = bits.take(match version.number() {
        ..=9 => 10,
        10..=26 => 12,
        _ => 14,
    })? as usize;
    let mut digits = Vec::with_capacity(count);
    while digits.len() < count {
        let (width, size) = match count - digits.len() {
            1 => (1, 4),
            2 => (2, 7),
            _ => (3, 10),
        };
        let value = bits.take(size)?;
        let text = format!("{value:0width$}");
        if text.len() > width {
            return None;
        }
        digits.extend_from_slice(text.as_bytes());
    }
    // The terminator, zeros to the end of the codeword, and pad codewords by turns.
    let rest = data.len() * 8 - bits.at;
    if bits.take(rest.min(4))? != 0 {
        return None;
    }
    let open = bits.at.next_multiple_of(8) - bits.at;
    if bits.take(open)? != 0 {
        return None;
    }
    let mut pads = [0xEC, 0x11].into_iter().cycle();
    while bits.at < data.len() * 8 {
        if bits.take(8)? != pads.next()? {
            return None;
        }
    }
    Some(digits)
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.data.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}
