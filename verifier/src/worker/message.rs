//! What passes between a program and its worker, as bytes.
//!
//! Both directions are length-prefixed, and both ends read strictly: a field too many, too few or out of its bounds makes
//! the whole message nonsense. The program does not trust the worker, which has decoded a stranger's picture; the worker
//! can rely on the program, and is as strict because it costs nothing.
//!
//! ```text
//! hello    8 bytes, once, when the worker is ready
//! request  u32 length of what follows, u64 number, u32 milliseconds of processor time, u8 kind, then
//!          1  a picture file, to the end
//!          2  u32 width, u32 height, width * height grey levels, row by row
//! answer   u32 length of what follows, u64 number of the request, u8 kind, then
//!          0  u32 width, u32 height, u32 places not read, u8 codes, and for each
//!             u8 version, f64 pixels to the module, 8 x i32 corners, u16 bytes of text, text;
//!             u8 symbols not read, and for each f32 pixels to the module, 8 x i32 corners; u8 advice, f32 its pixels
//!          1  u8 error, and what it names: see `put_error`
//! ```
//!
//! Numbers are big-endian.

use std::io::{self, Read};
use std::time::Duration;

use image::GrayImage;

use crate::scan::advice::{Advice, UnreadSymbol};
use crate::scan::{Kind, Limits, ScanError, Seen, SeenCode};

/// The first bytes of a worker that is ready. Their last is the version of these messages.
pub(super) const HELLO: [u8; 8] = *b"JUMASCN\x01";

/// More than any honest answer: 128 codes of the largest size.
pub(super) const ANSWER_BYTES_MAX: u32 = 1_048_576;

/// Codes in one answer. A search ends at 16, and a picture is searched a few times.
const CODES_MAX: usize = 128;

/// Symbols that were not read, in one answer: a search for them ends at ten.
const SYMBOLS_MAX: usize = 16;

/// What a QR code can hold: 7,089 digits (ISO/IEC 18004, table 7, version 40-L).
const TEXT_BYTES_MAX: usize = 7_089;

/// Pixels to one module: more than any picture has.
const PX_MAX: f64 = 100_000.0;

/// Corners of a code may lie outside the picture, but not in another world.
const CORNER_MAX: i32 = 1_000_000;

/// Length, number, budget and kind before what a request is about.
const REQUEST_HEAD: usize = 13;

/// What is to be read.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A picture file.
    Still(Vec<u8>),
    /// One frame of a camera.
    Live(GrayImage),
}

/// One request, as the worker gets it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) number: u64,
    /// Processor time for the search.
    pub(super) budget: Duration,
    pub(super) subject: Subject,
}

/// A message that does not keep to its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

impl Request {
    /// The bytes before the picture, and the picture, which is large and not copied.
    pub(super) fn into_bytes(self) -> Result<(Vec<u8>, Vec<u8>), Nonsense> {
        let mut head = self.number.to_be_bytes().to_vec();
        head.extend(u32::try_from(self.budget.as_millis()).unwrap_or(u32::MAX).to_be_bytes());
        let body = match self.subject {
            Subject::Still(bytes) => {
                head.push(1);
                bytes
            }
            Subject::Live(frame) => {
                head.push(2);
                head.extend([frame.width().to_be_bytes(), frame.height().to_be_bytes()].concat());
                frame.into_raw()
            }
        };
        let length = u32::try_from(head.len() + body.len()).map_err(|_| Nonsense)?;
        Ok(([&length.to_be_bytes(), head.as_slice()].concat(), body))
    }

    /// The next request, or `None` when the program has closed its end.
    pub(super) fn read(input: &mut impl Read, limits: &Limits) -> io::Result<Option<Request>> {
        let most = limits.file_bytes.max(usize::try_from(limits.pixels).unwrap_or(usize::MAX)) + REQUEST_HEAD + 8;
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        let Some(bytes) = read_prefixed(input, most)? else { return Ok(None) };
        Request::parse(bytes, limits).map(Some).map_err(|Nonsense| io::ErrorKind::InvalidData.into())
    }

    fn parse(mut bytes: Vec<u8>, limits: &Limits) -> Result<Request, Nonsense> {
        let mut fields = Fields(&bytes);
        let number = u64::from_be_bytes(fields.take()?);
        let budget = Duration::from_millis(u32::from_be_bytes(fields.take()?).into());
        let subject = match fields.take()? {
            [1] => {
                bytes.drain(..REQUEST_HEAD);
                Subject::Still(bytes)
            }
            [2] => {
                let (width, height) = (u32::from_be_bytes(fields.take()?), u32::from_be_bytes(fields.take()?));
                let levels = fields.0.len();
                limits.admit(width, height).map_err(|_| Nonsense)?;
                if levels as u64 != u64::from(width) * u64::from(height) {
                    return Err(Nonsense);
                }
                bytes.drain(..bytes.len() - levels);
                Subject::Live(GrayImage::from_raw(width, height, bytes).ok_or(Nonsense)?)
            }
            _ => return Err(Nonsense),
        };
        Ok(Request { number, budget, subject })
    }
}

/// What the program knows of a request when it reads the answer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) number: u64,
    pub(super) limits: &'a Limits,
    pub(super) about: About,
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A file of so many bytes.
    Still {
        /// Its size.
        bytes: usize,
    },
    /// A frame of this size.
    Live {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
}

/// The bytes of an answer, its length in front.
pub(super) fn answer_to_bytes(number: u64, answer: &Result<Seen, ScanError>) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    match answer {
        Ok(seen) => put_seen(&mut bytes, seen),
        Err(error) => put_error(&mut bytes, error),
    }
    // Far below four gigabytes: see `ANSWER_BYTES_MAX`.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &bytes].concat()
}

/// What the worker says to what was asked.
pub(super) fn parse_answer(bytes: &[u8], asked: Asked<'_>) -> Result<Result<Seen, ScanError>, Nonsense> {
    let mut fields = Fields(bytes);
    if u64::from_be_bytes(fields.take()?) != asked.number {
        return Err(Nonsense);
    }
    let answer = match fields.take()? {
        [0] => Ok(take_seen(&mut fields, asked)?),
        [1] => Err(take_error(&mut fields, asked)?),
        _ => return Err(Nonsense),
    };
    fields.0.is_empty().then_some(answer).ok_or(Nonsense)
}

/// A length, and as many bytes; `None` at the end of the stream.
pub(super) fn read_prefixed(input: &mut impl Read, most: u32) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read(&mut length)? {
        0 => return Ok(None),
        some => input.read_exact(length.get_mut(some..).unwrap_or_default())?,
    }
    let length = u32::from_be_bytes(length);
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::with_capacity(length as usize);
    input.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}

fn put_seen(bytes: &mut Vec<u8>, seen: &Seen) {
    let fits = |code: &&SeenCode| code.bytes.len() <= TEXT_BYTES_MAX;
    let codes: Vec<&SeenCode> = seen.codes.iter().filter(fits).take(CODES_MAX).collect();
    let unread = seen.unread + seen.codes.len() - codes.len();
    bytes.push(0);
    bytes.extend([seen.width.to_be_bytes(), seen.height.to_be_bytes()].concat());
    bytes.extend(u32::try_from(unread).unwrap_or(u32::MAX).to_be_bytes());
    bytes.push(codes.len() as u8);
    for code in codes {
        bytes.push(code.version);
        bytes.extend(within_px(code.px_per_module).to_be_bytes());
        put_corners(bytes, &code.corners);
        bytes.extend((code.bytes.len() as u16).to_be_bytes());
        bytes.extend(&code.bytes);
    }
    let symbols = seen.unread_symbols.get(..SYMBOLS_MAX).unwrap_or(&seen.unread_symbols);
    bytes.push(symbols.len() as u8);
    for symbol in symbols {
        bytes.extend((within_px(symbol.px_per_module.into()) as f32).to_be_bytes());
        put_corners(bytes, &symbol.corners);
    }
    let (advice, px_per_module) = Advice::to_number(seen.advice);
    bytes.push(advice);
    bytes.extend((within_px(px_per_module.into()) as f32).to_be_bytes());
}

/// A decoder that is mistaken about where a code lies may be mistaken without bounds, and is honest all the same.
fn within_px(px_per_module: f64) -> f64 {
    if px_per_module.is_nan() { 0.0 } else { px_per_module.clamp(0.0, PX_MAX) }
}

fn put_corners(bytes: &mut Vec<u8>, corners: &[(i32, i32); 4]) {
    for (x, y) in corners {
        let within = |side: i32| side.clamp(-CORNER_MAX, CORNER_MAX).to_be_bytes();
        bytes.extend([within(*x), within(*y)].concat());
    }
}

fn take_seen(fields: &mut Fields<'_>, asked: Asked<'_>) -> Result<Seen, Nonsense> {
    let (width, height) = (u32::from_be_bytes(fields.take()?), u32::from_be_bytes(fields.take()?));
    let size_is_possible = match asked.about {
        About::Still { .. } => asked.limits.admit(width, height).is_ok(),
        About::Live { width: asked_width, height: asked_height } => (width, height) == (asked_width, asked_height),
    };
    let unread = u32::from_be_bytes(fields.take()?);
    let [count] = fields.take()?;
    if !size_is_possible || usize::from(count) > CODES_MAX {
        return Err(Nonsense);
    }
    let codes = (0..count).map(|_| take_code(fields)).collect::<Result<Vec<SeenCode>, Nonsense>>()?;
    let [count] = fields.take()?;
    if usize::from(count) > SYMBOLS_MAX {
        return Err(Nonsense);
    }
    let symbol = |_| {
        let px_per_module = take_px(f32::from_be_bytes(fields.take()?).into())? as f32;
        Ok(UnreadSymbol { corners: take_corners(fields)?, px_per_module })
    };
    let unread_symbols = (0..count).map(symbol).collect::<Result<Vec<UnreadSymbol>, Nonsense>>()?;
    let [number] = fields.take()?;
    let px_per_module = take_px(f32::from_be_bytes(fields.take()?).into())? as f32;
    let advice = Advice::from_number(number, px_per_module).ok_or(Nonsense)?;
    Ok(Seen { codes, unread: unread as usize, unread_symbols, advice, width, height })
}

fn take_code(fields: &mut Fields<'_>) -> Result<SeenCode, Nonsense> {
    let [version] = fields.take()?;
    let px_per_module = take_px(f64::from_be_bytes(fields.take()?))?;
    let corners = take_corners(fields)?;
    let length = usize::from(u16::from_be_bytes(fields.take()?));
    if !(1..=40).contains(&version) || length > TEXT_BYTES_MAX {
        return Err(Nonsense);
    }
    Ok(SeenCode { bytes: fields.slice(length)?.to_vec(), corners, version, px_per_module })
}

/// Also refuses what is not a number.
fn take_px(px_per_module: f64) -> Result<f64, Nonsense> {
    (0.0..=PX_MAX).contains(&px_per_module).then_some(px_per_module).ok_or(Nonsense)
}

fn take_corners(fields: &mut Fields<'_>) -> Result<[(i32, i32); 4], Nonsense> {
    let mut corners = [(0, 0); 4];
    for (x, y) in &mut corners {
        (*x, *y) = (i32::from_be_bytes(fields.take()?), i32::from_be_bytes(fields.take()?));
    }
    let possible = |side: &i32| (-CORNER_MAX..=CORNER_MAX).contains(side);
    corners.iter().all(|(x, y)| possible(x) && possible(y)).then_some(corners).ok_or(Nonsense)
}

/// Only what the program does not know: its own limits and the size of the file it keeps to itself.
fn put_error(bytes: &mut Vec<u8>, error: &ScanError) {
    bytes.push(1);
    let mut put_size = |error: u8, width: &u32, height: &u32| {
        bytes.push(error);
        bytes.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    };
    match error {
        ScanError::Dimensions { width, height, .. } => put_size(3, width, height),
        ScanError::Pixels { width, height, .. } => put_size(4, width, height),
        ScanError::Format { kind } => bytes.extend([0, number_of(*kind)]),
        ScanError::Animated { kind } => bytes.extend([1, number_of(*kind)]),
        ScanError::Damaged { kind, .. } => bytes.extend([2, number_of(*kind)]),
        ScanError::Empty => bytes.push(5),
        ScanError::TooLarge { .. } => bytes.push(6),
    }
}

/// An error that a file can honestly have: each must be true of the limits and of the size of the file.
fn take_error(fields: &mut Fields<'_>, asked: Asked<'_>) -> Result<ScanError, Nonsense> {
    let About::Still { bytes } = asked.about else { return Err(Nonsense) };
    let limits = asked.limits;
    let [error] = fields.take()?;
    let error = match error {
        0..=2 => {
            let [number] = fields.take()?;
            let kind = *Kind::ALL.get(usize::from(number)).ok_or(Nonsense)?;
            match error {
                0 => (!kind.is_read()).then_some(ScanError::Format { kind }),
                1 => matches!(kind, Kind::Png | Kind::WebP).then_some(ScanError::Animated { kind }),
                _ => kind.is_read().then_some(ScanError::Damaged { kind, bytes }),
            }
        }
        3 | 4 => {
            let (width, height) = (u32::from_be_bytes(fields.take()?), u32::from_be_bytes(fields.take()?));
            // The same limits say which of the two it is.
            limits
                .admit(width, height)
                .err()
                .filter(|admitted| matches!(admitted, ScanError::Pixels { .. }) == (error == 4))
        }
        5 => (bytes == 0).then_some(ScanError::Empty),
        6 => (bytes > limits.file_bytes).then_some(ScanError::TooLarge { bytes, limit: limits.file_bytes }),
        _ => None,
    };
    error.ok_or(Nonsense)
}

fn number_of(kind: Kind) -> u8 {
    // There are seventeen, and each is in the list.
    Kind::ALL.iter().position(|other| *other == kind).map_or(u8::MAX, |at| at as u8)
}

/// What is left of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Nonsense> {
        let (field, rest) = self.0.split_first_chunk().ok_or(Nonsense)?;
        self.0 = rest;
        Ok(*field)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], Nonsense> {
        let (field, rest) = self.0.split_at_checked(length).ok_or(Nonsense)?;
        self.0 = rest;
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_come_through_whole() {
        let limits = Limits::default();
        let still = Request { number: 7, budget: Duration::from_millis(400), subject: Subject::Still(vec![1, 2, 3]) };
        let frame = GrayImage::from_fn(2, 3, |x, y| image::Luma([(10 * x + y) as u8]));
        let live = Request { number: u64::MAX, budget: Duration::from_millis(33), subject: Subject::Live(frame) };
        let bytes = [&still, &live].map(|request| {
            let (head, body) = request.clone().into_bytes().unwrap();
            [head, body].concat()
        });
        let stream = bytes.concat();
        let mut input = stream.as_slice();
        assert!(Request::read(&mut input, &limits).unwrap() == Some(still));
        assert!(Request::read(&mut input, &limits).unwrap() == Some(live));
        assert!(Request::read(&mut input, &limits).unwrap().is_none());
        for cut in 1..bytes[1].len() {
            assert!(Request::read(&mut &bytes[1][..cut], &limits).is_err(), "{cut} bytes");
        }
    }

    #[test]
    fn requests_beyond_their_bounds_are_nonsense() {
        let limits = Limits { file_bytes: 20, side_px: 4, pixels: 12 };
        let framed = |width: u32, height: u32, levels: usize| {
            let head = [1u64.to_be_bytes().as_slice(), &[0, 0, 0, 33, 2]].concat();
            let frame = [head, width.to_be_bytes().to_vec(), height.to_be_bytes().to_vec(), vec![7; levels]].concat();
            let length = (frame.len() as u32).to_be_bytes().to_vec();
            Request::read(&mut [length, frame].concat().as_slice(), &limits).is_ok()
        };
        assert!(framed(4, 3, 12) && framed(3, 4, 12) && framed(1, 1, 1));
        for (width, height, levels) in
            [(4, 3, 11), (4, 3, 13), (5, 1, 5), (1, 5, 5), (4, 4, 16), (0, 4, 0), (u32::MAX, u32::MAX, 1)]
        {
            assert!(!framed(width, height, levels), "{width} x {height}, {levels}");
        }
        let sized = |length: usize| {
            let (head, body) = Request { number: 1, budget: Duration::ZERO, subject: Subject::Still(vec![0; length]) }
                .into_bytes()
                .unwrap();
            Request::read(&mut [head, body].concat().as_slice(), &limits).is_ok()
        };
        assert!(sized(20) && !sized(29));
        let (mut head, body) =
            Request { number: 1, budget: Duration::ZERO, subject: Subject::Still(vec![]) }.into_bytes().unwrap();
        *head.last_mut().unwrap() = 3;
        assert!(Request::read(&mut [head, body].concat().as_slice(), &limits).is_err());
    }

    #[test]
    fn answers_come_through_whole() {
        let limits = Limits::default();
        let asked = Asked { number: 3, limits: &limits, about: About::Still { bytes: 77 } };
        for answer in answers() {
            let bytes = answer_to_bytes(3, &answer);
            let (length, body) = bytes.split_first_chunk().unwrap();
            assert_eq!(u32::from_be_bytes(*length) as usize, body.len());
            assert_eq!(parse_answer(body, asked), Ok(answer));
        }
        let live = Asked { about: About::Live { width: 640, height: 480 }, ..asked };
        let bytes = answer_to_bytes(3, &Ok(seen()));
        assert_eq!(parse_answer(&bytes[4..], live), Ok(Ok(seen())));
        let wider = Asked { about: About::Live { width: 641, height: 480 }, ..asked };
        assert_eq!(parse_answer(&bytes[4..], wider), Err(Nonsense));
        let damaged = answer_to_bytes(3, &Err(ScanError::Damaged { kind: Kind::Png, bytes: 77 }));
        assert_eq!(parse_answer(&damaged[4..], live), Err(Nonsense), "a frame cannot be damaged");
    }

    #[test]
    fn what_a_decoder_is_mistaken_about_is_brought_within_bounds() {
        let limits = Limits::default();
        let asked = Asked { number: 3, limits: &limits, about: About::Still { bytes: 77 } };
        for (px, sent) in [(f64::NAN, 0.0), (f64::INFINITY, PX_MAX), (-1.0, 0.0), (1e9, PX_MAX), (PX_MAX, PX_MAX)] {
            let mut seen = seen();
            (seen.codes[0].px_per_module, seen.unread_symbols[0].px_per_module) = (px, px as f32);
            seen.codes[0].corners[0] = (i32::MIN, i32::MAX);
            let read = parse_answer(&answer_to_bytes(3, &Ok(seen))[4..], asked).unwrap().unwrap();
            assert_eq!((read.codes[0].px_per_module, read.unread_symbols[0].px_per_module), (sent, sent as f32));
            assert_eq!(read.codes[0].corners[0], (-CORNER_MAX, CORNER_MAX));
        }
    }

    #[test]
    fn an_answer_cut_lengthened_or_to_another_question_is_nonsense() {
        let limits = Limits::default();
        let asked = Asked { number: 3, limits: &limits, about: About::Still { bytes: 77 } };
        for answer in answers() {
            let bytes = answer_to_bytes(3, &answer);
            let body = &bytes[4..];
            for cut in 0..body.len() {
                assert_eq!(parse_answer(&body[..cut], asked), Err(Nonsense), "{answer:?} cut to {cut}");
            }
            assert_eq!(parse_answer(&[body, &[0]].concat(), asked), Err(Nonsense), "{answer:?} and more");
            assert_eq!(parse_answer(body, Asked { number: 4, ..asked }), Err(Nonsense));
        }
    }

    /// What a worker in a stranger's hand could say to make the program do or show something absurd.
    #[test]
    fn impossible_answers_are_nonsense() {
        let limits = Limits { file_bytes: 77, side_px: 1_000, pixels: 500_000 };
        let asked = Asked { number: 3, limits: &limits, about: About::Still { bytes: 77 } };
        let says = |answer: Result<Seen, ScanError>| parse_answer(&answer_to_bytes(3, &answer)[4..], asked).is_ok();
        let with = |change: fn(&mut SeenCode)| {
            let mut seen = seen();
            change(&mut seen.codes[0]);
            says(Ok(seen))
        };
        assert!(with(|_| {}));
        assert!(with(|code| code.version = 1) && with(|code| code.version = 40));
        assert!(!with(|code| code.version = 0) && !with(|code| code.version = 41));
        assert!(with(|code| code.bytes = vec![b'1'; 7_089]));
        let sized = |width, height| says(Ok(Seen { width, height, ..Seen::default() }));
        assert!(sized(1_000, 500) && !sized(1_001, 1) && !sized(1, 1_001) && !sized(1_000, 501) && !sized(0, 1));

        let wide = |width, height| says(Err(ScanError::Dimensions { width, height, limit: 0 }));
        assert!(wide(1_001, 1) && wide(0, 1) && !wide(1_000, 500));
        let many = |width, height| says(Err(ScanError::Pixels { width, height, limit: 0 }));
        assert!(many(1_000, 501) && !many(1_000, 500));
        assert!(!says(Err(ScanError::Empty)));
        assert!(!says(Err(ScanError::TooLarge { bytes: 78, limit: 77 })));
        assert!(!says(Err(ScanError::Format { kind: Kind::Png })), "PNG files are read");
        assert!(
            !says(Err(ScanError::Animated { kind: Kind::Jpeg })) && says(Err(ScanError::Animated { kind: Kind::Png }))
        );
        assert!(!says(Err(ScanError::Damaged { kind: Kind::Pdf, bytes: 0 })), "nobody looked into it");

        // Corners that the writer would have cut, a text longer than a QR code holds, more codes than are ever sent.
        let honest = answer_to_bytes(3, &Ok(seen()));
        let spoilt = |at: usize, bytes: &[u8]| {
            let mut answer = honest[4..].to_vec();
            answer[at..at + bytes.len()].copy_from_slice(bytes);
            parse_answer(&answer, asked)
        };
        let first_corner = 8 + 1 + 12 + 1 + 9;
        for (px, possible) in [
            (0.0, true),
            (PX_MAX, true),
            (PX_MAX + 1.0, false),
            (-0.1, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            assert_eq!(spoilt(first_corner - 8, &f64::to_be_bytes(px)).is_ok(), possible, "{px}");
        }
        assert!(spoilt(first_corner, &CORNER_MAX.to_be_bytes()).is_ok());
        assert_eq!(spoilt(first_corner, &(CORNER_MAX + 1).to_be_bytes()), Err(Nonsense));
        assert_eq!(spoilt(first_corner, &(-CORNER_MAX - 1).to_be_bytes()), Err(Nonsense));
        assert_eq!(spoilt(first_corner + 32, &7_090u16.to_be_bytes()), Err(Nonsense));
        assert_eq!(spoilt(8 + 1 + 12, &[129]), Err(Nonsense));
        // At the end: a count of symbols, 36 bytes for each of two, a number for the advice and its pixels.
        let end = honest.len() - 4;
        assert_eq!(spoilt(end - 5, &[11]), Err(Nonsense), "there are ten");
        assert_eq!(spoilt(end - 5, &[3]), Err(Nonsense), "only one has pixels");
        assert_eq!(spoilt(end - 4, &f32::NAN.to_be_bytes()), Err(Nonsense));
        assert_eq!(spoilt(end - 5 - 72, &f32::INFINITY.to_be_bytes()), Err(Nonsense));
        assert_eq!(spoilt(end - 5 - 4, &(CORNER_MAX + 1).to_be_bytes()), Err(Nonsense));
        let symbol = seen().unread_symbols[0].clone();
        let with = |count: usize| says(Ok(Seen { unread_symbols: vec![symbol.clone(); count], ..seen() }));
        assert!(with(0) && with(SYMBOLS_MAX) && with(SYMBOLS_MAX + 1), "more are not sent");
        assert_eq!(spoilt(end - 5 - 73, &[SYMBOLS_MAX as u8 + 1]), Err(Nonsense));
        assert_eq!(spoilt(8, &[2]), Err(Nonsense));
    }

    #[test]
    fn any_byte_may_be_anything() {
        let limits = Limits::default();
        let asked = Asked { number: 3, limits: &limits, about: About::Still { bytes: 77 } };
        for answer in answers() {
            let honest = answer_to_bytes(3, &answer);
            for at in 4..honest.len() {
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = honest[4..].to_vec();
                    changed[at - 4] = value;
                    // Whatever it is, it is one or the other, and no more bytes are held than came.
                    if let Ok(Ok(seen)) = parse_answer(&changed, asked) {
                        assert!(seen.codes.iter().map(|code| code.bytes.len()).sum::<usize>() <= changed.len());
                    }
                }
            }
        }
    }

    #[test]
    fn more_codes_than_an_answer_holds_are_counted() {
        let limits = Limits::default();
        let asked = Asked { number: 0, limits: &limits, about: About::Still { bytes: 77 } };
        let mut many = seen();
        many.codes = vec![many.codes[0].clone(); CODES_MAX + 5];
        many.codes[0].bytes = vec![0; TEXT_BYTES_MAX + 1];
        let bytes = answer_to_bytes(0, &Ok(many));
        assert!(bytes.len() < ANSWER_BYTES_MAX as usize);
        let read = parse_answer(&bytes[4..], asked).unwrap().unwrap();
        assert_eq!((read.codes.len(), read.unread), (CODES_MAX, 1 + 5));
        // The largest answer there is fits.
        let mut largest = seen();
        largest.codes[0].bytes = vec![0; TEXT_BYTES_MAX];
        largest.codes = vec![largest.codes[0].clone(); CODES_MAX];
        assert!(answer_to_bytes(0, &Ok(largest)).len() - 4 <= ANSWER_BYTES_MAX as usize);
    }

    #[test]
    fn a_length_beyond_the_bound_is_not_believed() {
        let said =
            |length: u32, bytes: &[u8]| read_prefixed(&mut [&length.to_be_bytes(), bytes].concat().as_slice(), 5);
        assert_eq!(said(5, b"12345").unwrap().as_deref(), Some(b"12345".as_slice()));
        assert_eq!(said(6, b"123456").unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(said(u32::MAX, b"").unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(said(5, b"1234").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(read_prefixed(&mut [].as_slice(), 5).unwrap().is_none());
        assert!(read_prefixed(&mut [0, 0].as_slice(), 5).is_err());
    }

    #[test]
    fn every_kind_has_its_number() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL.get(usize::from(number_of(kind))), Some(&kind));
        }
    }

    fn answers() -> Vec<Result<Seen, ScanError>> {
        let empty = Seen { unread: 2, width: 12_000, height: 1, ..Seen::default() };
        vec![
            Ok(seen()),
            Ok(empty),
            Err(ScanError::Format { kind: Kind::Pdf }),
            Err(ScanError::Animated { kind: Kind::WebP }),
            Err(ScanError::Damaged { kind: Kind::Jpeg, bytes: 77 }),
            Err(ScanError::Dimensions { width: 0, height: 5, limit: 12_000 }),
            Err(ScanError::Pixels { width: 12_000, height: 12_000, limit: 50_000_000 }),
        ]
    }

    fn seen() -> Seen {
        let code = |bytes: &[u8]| SeenCode {
            bytes: bytes.to_vec(),
            corners: [(-3, 4), (50, 6), (70, 80), (9, 1_000)],
            version: 12,
            px_per_module: 4.25,
        };
        let symbol = UnreadSymbol { corners: [(1, 2), (3, -4), (5, 6), (7, 8)], px_per_module: 2.5 };
        Seen {
            codes: vec![code(b"861112345"), code(b"\xff\xfe")],
            unread: 1,
            unread_symbols: vec![symbol.clone(), symbol],
            advice: Some(Advice::TooSmall { px_per_module: 1.5 }),
            width: 640,
            height: 480,
        }
    }
}
