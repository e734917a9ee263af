//! Standard input that a person or a scanner gun types into a terminal.
//!
//! A terminal hands a program whole lines, and cuts a line off at 4,096 bytes (`N_TTY_BUF_SIZE`, Linux), without a word. A permit
//! code may be longer, and so may what comes of two scans without a line end between them. So while one line is read the terminal is
//! told to pass on every key as it comes. It is told not to show them either: the digits are a person's permit.
//!
//! The terminal is given back as it was on every way out: line end, error, panic, Ctrl-C, and the signals that ask a process to end.
//! After a stop (Ctrl-Z) and `fg`, reading goes on.

use std::io::IsTerminal as _;

use crate::files::read_stdin_limited;
use crate::refusal::Refusal;

/// Standard input: one line if it is a terminal, otherwise everything to its end. At most `limit` bytes.
///
/// On a terminal `prompt` is written to standard error first, and the number of characters read after it. The line ends with Enter
/// (carriage return or line feed) or Ctrl-D; a line with nothing but white space is passed over, so that a gun which sends a line feed
/// before the code as well does no harm. Backspace takes a character back, Ctrl-U all of them. The line end is not in what is returned.
///
/// A signal that ends the process ends it, after the terminal was given back.
///
/// # Errors
///
/// `STDIN_TOO_LARGE`, `STDIN_FAILED`.
pub fn read_typed_limited(limit: u64, prompt: &str) -> Result<Vec<u8>, Refusal> {
    if !std::io::stdin().is_terminal() {
        return read_stdin_limited(limit);
    }
    from_terminal(limit, prompt)
}

#[cfg(not(unix))]
fn from_terminal(limit: u64, prompt: &str) -> Result<Vec<u8>, Refusal> {
    use std::io::BufRead as _;
    eprintln!("{prompt}");
    let mut line = Line::new(limit);
    loop {
        let mut typed = Vec::new();
        let mut lines = std::io::Read::take(std::io::stdin().lock(), limit.saturating_add(2));
        lines.read_until(b'\n', &mut typed).map_err(|error| crate::files::stdin_failed(&error))?;
        let ended = typed.is_empty();
        for byte in typed {
            if line.take(byte)? == Typed::End {
                return Ok(line.bytes);
            }
        }
        if ended {
            return Ok(line.bytes);
        }
    }
}

#[cfg(unix)]
use unix::from_terminal;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::AsFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

    use super::{Line, Typed};
    use crate::files::stdin_failed;
    use crate::refusal::Refusal;

    pub(super) fn from_terminal(limit: u64, prompt: &str) -> Result<Vec<u8>, Refusal> {
        let stdin = io::stdin();
        let signals = Signals::watch().map_err(|error| stdin_failed(&error))?;
        let terminal = KeyByKey::begin(&stdin).map_err(failed)?;
        eprintln!("{prompt}");
        let typed = read_line(&stdin, limit, &signals, &terminal);
        drop(terminal);
        signals.over();
        if let Some(signal) = signals.ending() {
            // Does not return, unless the system refuses.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            return Err(Refusal::undetermined("INTERRUPTED", "reading was interrupted", "scan again"));
        }
        let line = typed?;
        let characters = String::from_utf8_lossy(&line).chars().count();
        eprintln!("{characters} 个字符 / characters");
        Ok(line)
    }

    /// To the end of the line, or until a signal came.
    fn read_line(
        stdin: &impl AsFd,
        limit: u64,
        signals: &Signals,
        terminal: &KeyByKey<'_, impl AsFd>,
    ) -> Result<Vec<u8>, Refusal> {
        let mut line = Line::new(limit);
        let mut keys = [0u8; 1_024];
        while signals.ending().is_none() {
            if signals.continued.swap(false, Ordering::SeqCst) {
                terminal.again().map_err(failed)?;
            }
            // A signal ends the wait; one that came between the look above and the wait is seen a moment later.
            match poll(&mut [PollFd::new(stdin, PollFlags::IN)], Some(&A_MOMENT)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(failed(error)),
            }
            let read = match rustix::io::read(stdin, &mut keys) {
                Ok(read) => read,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                // The terminal is gone: nobody will type any more.
                Err(Errno::IO) => 0,
                Err(error) => return Err(failed(error)),
            };
            for key in keys.iter().take(read) {
                if line.take(*key)? == Typed::End {
                    return Ok(line.bytes);
                }
            }
            if read == 0 {
                break;
            }
        }
        Ok(line.bytes)
    }

    fn failed(error: Errno) -> Refusal {
        stdin_failed(&error.into())
    }

    const A_MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

    /// The terminal, passing on keys as they come and showing none, until this is dropped.
    struct KeyByKey<'a, F: AsFd> {
        terminal: &'a F,
        before: Termios,
        now: Termios,
    }

    impl<'a, F: AsFd> KeyByKey<'a, F> {
        fn begin(terminal: &'a F) -> Result<Self, Errno> {
            let before = tcgetattr(terminal)?;
            let mut now = before.clone();
            // ISIG stays: Ctrl-C, Ctrl-\ and Ctrl-Z go to the whole job, as they always do.
            now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN);
            now.special_codes[SpecialCodeIndex::VMIN] = 1;
            now.special_codes[SpecialCodeIndex::VTIME] = 0;
            let terminal = KeyByKey { terminal, before, now };
            terminal.again()?;
            Ok(terminal)
        }

        /// After a stop the shell has set the terminal to what it likes.
        fn again(&self) -> Result<(), Errno> {
            // What was typed ahead is kept.
            tcsetattr(self.terminal, OptionalActions::Now, &self.now)
        }
    }

    impl<F: AsFd> Drop for KeyByKey<'_, F> {
        fn drop(&mut self) {
            // What came behind the line end, the second half of CR LF or another scan, is not for the shell to run. A terminal that is
            // gone needs nothing given back.
            let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
        }
    }

    /// The signals that end a process, held back as long as a line is being read.
    struct Signals {
        /// The one that came last, or 0.
        ending: Arc<AtomicUsize>,
        continued: Arc<AtomicBool>,
        over: Arc<AtomicBool>,
    }

    impl Signals {
        fn watch() -> io::Result<Signals> {
            let signals = Signals { ending: Arc::default(), continued: Arc::default(), over: Arc::default() };
            for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
                // First: once reading is over, the signal does what it always does.
                signal_hook::flag::register_conditional_default(signal, Arc::clone(&signals.over))?;
                let number = usize::try_from(signal).unwrap_or_default();
                signal_hook::flag::register_usize(signal, Arc::clone(&signals.ending), number)?;
            }
            signal_hook::flag::register(SIGCONT, Arc::clone(&signals.continued))?;
            Ok(signals)
        }

        fn ending(&self) -> Option<i32> {
            i32::try_from(self.ending.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
        }

        fn over(&self) {
            self.over.store(true, Ordering::SeqCst);
        }
    }
}

/// What one key did.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    /// There may be more.
    More,
    /// The line is whole.
    End,
}

/// A line, key by key.
struct Line {
    bytes: Vec<u8>,
    limit: u64,
}

impl Line {
    fn new(limit: u64) -> Line {
        Line { bytes: Vec::new(), limit }
    }

    fn take(&mut self, key: u8) -> Result<Typed, Refusal> {
        const END_OF_INPUT: u8 = 0x04; // Ctrl-D
        const ERASE: [u8; 2] = [0x08, 0x7f]; // backspace, on one keyboard or another
        const KILL: u8 = 0x15; // Ctrl-U
        match key {
            END_OF_INPUT => return Ok(Typed::End),
            b'\r' | b'\n' if !self.bytes.trim_ascii().is_empty() => return Ok(Typed::End),
            b'\r' | b'\n' | KILL => self.bytes.clear(),
            key if ERASE.contains(&key) => self.erase(),
            key => self.bytes.push(key),
        }
        if self.bytes.len() as u64 > self.limit {
            return Err(crate::files::stdin_too_large(self.limit));
        }
        Ok(Typed::More)
    }

    /// Takes back one character, which may have several bytes.
    fn erase(&mut self) {
        while let Some(byte) = self.bytes.pop() {
            let continues = byte & 0b1100_0000 == 0b1000_0000;
            if !continues {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> (String, Typed, usize) {
        let mut line = Line::new(100);
        let mut taken = 0;
        for key in keys.bytes() {
            taken += 1;
            if line.take(key).unwrap() == Typed::End {
                return (String::from_utf8(line.bytes).unwrap(), Typed::End, taken);
            }
        }
        (String::from_utf8(line.bytes).unwrap(), Typed::More, taken)
    }

    #[test]
    fn a_line_ends_with_enter_or_ctrl_d() {
        assert_eq!(typed("8611000"), ("8611000".into(), Typed::More, 7));
        assert_eq!(typed("8611000\rrest"), ("8611000".into(), Typed::End, 8));
        assert_eq!(typed("8611000\nrest"), ("8611000".into(), Typed::End, 8));
        assert_eq!(typed("8611000\u{4}rest"), ("8611000".into(), Typed::End, 8));
        assert_eq!(typed("\u{4}"), (String::new(), Typed::End, 1));
    }

    #[test]
    fn line_ends_before_the_code_are_passed_over() {
        assert_eq!(typed("\r\n \t\r\n8611\r"), ("8611".into(), Typed::End, 11));
    }

    #[test]
    fn keys_that_take_back() {
        assert_eq!(typed("86\u{7f}\u{8}12\r").0, "12");
        assert_eq!(typed("8６\u{7f}1\r").0, "81", "a full-width digit has three bytes and is one character");
        assert_eq!(typed("\u{7f}\u{7f}8\r").0, "8");
        assert_eq!(typed("wrong\u{15}8611\r").0, "8611");
    }

    #[test]
    fn the_limit_holds_on_both_sides() {
        let mut line = Line::new(3);
        for _ in 0..3 {
            assert_eq!(line.take(b'1'), Ok(Typed::More));
        }
        assert_eq!(line.take(b'1').map_err(|refusal| refusal.code()), Err("STDIN_TOO_LARGE"));
    }
}
