//! The worker's side: pictures in, what was seen out, until the program closes its end.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use super::confine;
use super::message::{HELLO, Request, Subject, answer_to_bytes};
use crate::scan::{Limits, Reader, ScanError, Seen};

/// Gives up what a worker does not need, says that it is ready, and answers requests on the two streams until the first
/// ends.
///
/// This is all that the worker process does; it takes no arguments, and reads and writes nothing else.
///
/// # Errors
///
/// The limits of the process cannot be lowered, a request does not keep to its form, or a stream breaks. The process
/// should then end: the program starts another.
pub fn serve(input: impl Read, output: impl Write) -> io::Result<()> {
    confine::confine()?;
    answer_all(input, output, || confine::allow(PROCESSOR_TIME_MAX))
}

/// Far more than a program waits for a picture; see [`confine::allow`].
const PROCESSOR_TIME_MAX: Duration = Duration::from_secs(30);

fn answer_all(
    input: impl Read,
    mut output: impl Write,
    mut before_each: impl FnMut() -> io::Result<()>,
) -> io::Result<()> {
    let limits = Limits::default();
    let (mut input, mut reader) = (BufReader::new(input), Reader::default());
    output.write_all(&HELLO)?;
    output.flush()?;
    while let Some(request) = Request::read(&mut input, &limits)? {
        before_each()?;
        let number = request.number;
        let answer = answer(&mut reader, request, &limits);
        output.write_all(&answer_to_bytes(number, &answer))?;
        output.flush()?;
    }
    Ok(())
}

/// The search keeps to `budget` as far as its steps allow; a step that does not end is for the program to end.
fn answer(reader: &mut Reader, request: Request, limits: &Limits) -> Result<Seen, ScanError> {
    let elapsed = &mut confine::processor_time;
    match request.subject {
        Subject::Still(file) => reader.file(&file, limits, request.budget, elapsed),
        Subject::Live(frame) => Ok(reader.live(&frame, request.budget, elapsed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Kind;
    use crate::worker::message::{About, Asked, parse_answer, read_prefixed};

    #[test]
    fn pictures_and_frames_are_answered_in_order() {
        let code = qrcode::QrCode::new(b"8611200004711").unwrap();
        let side = code.width() as u32 + 8;
        let frame = image::GrayImage::from_fn(side * 6, side * 6, |x, y| {
            let (x, y) = ((x / 6) as usize, (y / 6) as usize);
            let inside = (4..side as usize - 4).contains(&x) && (4..side as usize - 4).contains(&y);
            image::Luma([if inside && code[(x - 4, y - 4)] == qrcode::Color::Dark { 0 } else { 255 }])
        });
        let mut file = std::io::Cursor::new(Vec::new());
        frame.write_to(&mut file, image::ImageFormat::Png).unwrap();
        let (width, height) = frame.dimensions();
        let subjects = [Subject::Still(file.into_inner()), Subject::Live(frame), Subject::Still(b"GIF89a".to_vec())];

        let mut input = Vec::new();
        for (number, subject) in subjects.into_iter().enumerate() {
            let request = Request { number: number as u64, budget: Duration::from_secs(5), subject };
            let (head, body) = request.into_bytes().unwrap();
            input.extend([head, body].concat());
        }
        let (mut output, mut asked_for) = (Vec::new(), 0);
        let counted = || {
            asked_for += 1;
            Ok(())
        };
        answer_all(input.as_slice(), &mut output, counted).unwrap();
        assert_eq!(asked_for, 3);

        let mut answers = output.strip_prefix(&HELLO).unwrap();
        let abouts = [About::Still { bytes: 1_000 }, About::Live { width, height }, About::Still { bytes: 6 }];
        let mut next = |number: u64| {
            let limits = Limits::default();
            let bytes = read_prefixed(&mut answers, 10_000).unwrap().unwrap();
            parse_answer(&bytes, Asked { number, limits: &limits, about: abouts[number as usize] }).unwrap()
        };
        for number in [0, 1] {
            let seen = next(number).unwrap();
            assert_eq!((seen.width, seen.height), (width, height));
            assert_eq!(seen.codes.iter().map(|code| code.text()).collect::<Vec<_>>(), [Some("8611200004711")]);
        }
        assert_eq!(next(2), Err(ScanError::Format { kind: Kind::Gif }));
    }

    #[test]
    fn a_request_that_is_none_ends_the_worker() {
        for input in [b"\0\0\0\0".as_slice(), b"\xff\xff\xff\xff", b"\0\0\0\x0d0123456701234", b"\0\0"] {
            assert!(answer_all(input, Vec::new(), || Ok(())).is_err(), "{input:?}");
        }
        assert!(answer_all([].as_slice(), Vec::new(), || Ok(())).is_ok());
        let full = || Err(io::ErrorKind::PermissionDenied.into());
        let request = Request { number: 1, budget: Duration::ZERO, subject: Subject::Still(vec![1]) };
        let (head, body) = request.into_bytes().unwrap();
        assert!(answer_all([head, body].concat().as_slice(), Vec::new(), full).is_err(), "no limit, no picture");
    }
}
