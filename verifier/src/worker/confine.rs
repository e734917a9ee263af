//! What a worker gives up before it looks at its first picture.
//!
//! On Unix the limits of the process are lowered, which needs no privilege and cannot be undone: no more than
//! [`ADDRESS_SPACE`] of memory, no file or socket beside the three pipes it was born with, no byte written to a file, no
//! core dump (it would hold a permit), no further process. A worker in the hand of whoever drew the picture can use the
//! processor until it is killed, and lie about what it saw; what it says is checked, and a text is believed only when its
//! signatures hold.
//!
//! On Windows none of this exists: there a picture is bounded by its size in pixels alone, and the worker by its time.

use std::io;
use std::time::Duration;

/// A photograph of 50 megapixels as progressive JPEG takes 560 MB while it is decoded; the program itself and copies of
/// the picture take the rest.
pub(super) const ADDRESS_SPACE: u64 = 1_073_741_824;

#[cfg(unix)]
pub(super) fn confine() -> io::Result<()> {
    use rustix::process::Resource;
    lower(Resource::As, ADDRESS_SPACE)?;
    lower(Resource::Fsize, 0)?;
    lower(Resource::Nofile, 3)?;
    lower(Resource::Core, 0)?;
    lower(Resource::Nproc, 0)
}

/// Both the limit and what it may be raised to; one that is lower already stays.
#[cfg(unix)]
fn lower(resource: rustix::process::Resource, most: u64) -> io::Result<()> {
    use rustix::process::{Rlimit, getrlimit, setrlimit};
    let most = getrlimit(resource).maximum.map_or(most, |already| already.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

#[cfg(not(unix))]
pub(super) fn confine() -> io::Result<()> {
    Ok(())
}

/// Ends this process when it has used so much more processor time, rounded up to whole seconds: a worker whose program is
/// gone must not go on for hours.
#[cfg(unix)]
pub(super) fn allow(more: Duration) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Cpu).maximum;
    let until = processor_time().saturating_add(more).as_secs().saturating_add(1);
    let current = Some(maximum.map_or(until, |maximum| maximum.min(until)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}

#[cfg(not(unix))]
pub(super) fn allow(_more: Duration) -> io::Result<()> {
    Ok(())
}

/// Processor time that this process has used: a picture costs as much of it on a busy machine as on an idle one.
#[cfg(unix)]
pub(super) fn processor_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let (secs, nanos) = (u64::try_from(used.tv_sec), u32::try_from(used.tv_nsec));
    Duration::new(secs.unwrap_or(0), nanos.unwrap_or(0))
}

/// Time since this was first asked: the nearest thing that the standard library has.
#[cfg(not(unix))]
pub(super) fn processor_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}
