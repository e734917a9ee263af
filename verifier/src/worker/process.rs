//! The program's side of one child process: started, asked, killed.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::message::{ANSWER_BYTES_MAX, HELLO, Request, read_prefixed};
use super::{Patience, Program, Trouble};

/// A child that has said that it is ready. Dropped, it is killed.
///
/// Two threads do the reading and writing, because neither can be given a time: a child that reads nothing, or a
/// grandchild that keeps a pipe open, holds up a thread and not the program. Both end when the pipes close.
pub(super) struct Running {
    child: Owned,
    requests: SyncSender<Request>,
    answers: Receiver<Result<Vec<u8>, Lost>>,
}

/// How a child was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Late,
    Ended,
    Nonsense,
}

impl Running {
    /// Starts the program and waits until it is ready.
    pub(super) fn start(program: &Program) -> Result<Running, Trouble> {
        let missing = |error: io::Error| Trouble::Missing(error.kind());
        let mut child = Owned(command(program).spawn().map_err(missing)?);
        let (Some(input), Some(output)) = (child.0.stdin.take(), child.0.stdout.take()) else {
            return Err(Trouble::Missing(io::ErrorKind::BrokenPipe));
        };
        // One of each: the next request is sent when the answer is there.
        let ((requests, to_write), (read, answers)) = (sync_channel(1), sync_channel(1));
        thread::Builder::new().spawn(move || write_requests(&to_write, input)).map_err(missing)?;
        thread::Builder::new().spawn(move || read_answers(output, &read)).map_err(missing)?;
        match answers.recv_timeout(READY_WITHIN) {
            Ok(Ok(_)) => Ok(Running { child, requests, answers }),
            Ok(Err(Lost::Nonsense)) => Err(Trouble::Missing(io::ErrorKind::InvalidData)),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Trouble::Missing(io::ErrorKind::UnexpectedEof)),
            Err(RecvTimeoutError::Timeout) => Err(Trouble::Missing(io::ErrorKind::TimedOut)),
        }
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Whether the process is still there.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.0.try_wait(), Ok(None))
    }

    /// The answer, as bytes that nobody has looked at.
    pub(super) fn ask(&mut self, request: Request, patience: Patience) -> Result<Vec<u8>, Lost> {
        let (began, used_before) = (Instant::now(), processor_time(self.child.0.id()));
        self.requests.send(request).map_err(|_| Lost::Ended)?;
        loop {
            let used = match (used_before, processor_time(self.child.0.id())) {
                (Some(before), Some(now)) => now.saturating_sub(before),
                // Where processor time is not to be had, the clock counts.
                _ => began.elapsed(),
            };
            let left = patience.processor.saturating_sub(used).min(patience.clock.saturating_sub(began.elapsed()));
            if left.is_zero() {
                return Err(Lost::Late);
            }
            match self.answers.recv_timeout(left.max(LOOK_EVERY)) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Lost::Ended),
            }
        }
    }
}

/// A child on a busy machine is ready within a second; one that checks for malware first may take several.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Processor time is counted in steps of 10 ms on Linux.
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.path);
    // Standard error too is shut: what a worker prints could be what a stranger wants printed.
    command.args(&program.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).env_clear();
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt as _;
        // In no folder that somebody wants to unplug; and not in the group of processes that Ctrl-C ends, because the
        // program first finishes the picture that it has begun.
        command.current_dir("/").process_group(0);
    }
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
        // Without it, parts of Windows itself do not start.
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
    }
    command
}

fn write_requests(requests: &Receiver<Request>, mut input: ChildStdin) {
    while let Ok(request) = requests.recv() {
        let Ok((head, picture)) = request.into_bytes() else { return };
        if input.write_all(&head).and_then(|()| input.write_all(&picture)).and_then(|()| input.flush()).is_err() {
            // The child is gone; the other thread has noticed.
            return;
        }
    }
}

/// The hello as an empty answer, then answers, until the pipe ends or holds nonsense.
fn read_answers(mut output: ChildStdout, answers: &SyncSender<Result<Vec<u8>, Lost>>) {
    let mut hello = HELLO.map(|_| 0);
    let ready = output.read_exact(&mut hello).map_err(|_| Lost::Ended);
    let mut next = ready.and_then(|()| if hello == HELLO { Ok(Vec::new()) } else { Err(Lost::Nonsense) });
    loop {
        let last = next.is_err();
        // Nobody listens any more when the child was given up.
        if answers.send(next).is_err() || last {
            return;
        }
        next = match read_prefixed(&mut output, ANSWER_BYTES_MAX) {
            Ok(Some(answer)) => Ok(answer),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Lost::Nonsense),
            Ok(None) | Err(_) => Err(Lost::Ended),
        };
    }
}

/// A child that does not outlive its owner.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It fails only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time of a process, its own and that of the kernel on its behalf (proc(5), fields 14 and 15 of stat).
#[cfg(target_os = "linux")]
fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
    let each = Duration::from_secs(1).checked_div(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?)?;
    Some(each.saturating_mul(u32::try_from(ticks).ok()?))
}

#[cfg(not(target_os = "linux"))]
fn processor_time(_process: u32) -> Option<Duration> {
    None
}
