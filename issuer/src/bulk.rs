//! Many permits at once: signed in parallel, delivered in the order they were asked for, with bounded memory.

use credential_format::permit::{StatusSlot, VoucherNote};
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use rayon::prelude::*;
use signature::Signer;

use crate::issue::{Device, IssueError, IssuedPermit, IssuingKey, issue, voucher};
use crate::request::PermitRequest;

/// One permit to be made.
#[derive(Clone, Debug)]
pub struct Job {
    /// What it says.
    pub request: PermitRequest,
    /// Who or what carries it.
    pub bearer: Bearer,
    /// Its place in the status lists, which no other permit has.
    pub slot: StatusSlot,
}

/// What a permit is carried by.
#[derive(Clone, PartialEq)]
pub enum Bearer {
    /// A device shows it live.
    Device(Device),
    /// It is printed.
    Paper(VoucherNote),
}

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Bearer::Device(_) => "Device",
            Bearer::Paper(_) => "Paper",
        })
    }
}

/// So many jobs are in memory at once: enough to keep every core busy, and about a megabyte.
pub const CHUNK: usize = 1024;

/// Makes the permits of `jobs`, on all cores, and hands each to `deliver` with its number (from 0), in the order of the jobs.
///
/// Jobs are taken from the iterator a chunk at a time, so that it may be as long as it likes. `deliver` is also the place to count progress;
/// if it breaks off, the error comes back and no further jobs are taken. A job that fails does not stop the others.
///
/// # Errors
/// What `deliver` returns.
pub fn issue_all<S, E>(
    jobs: impl IntoIterator<Item = Job>,
    now: Timestamp,
    key: &IssuingKey<S>,
    mut deliver: impl FnMut(u64, Result<IssuedPermit, IssueError>) -> Result<(), E>,
) -> Result<(), E>
where
    S: Signer<Signature> + Sync,
{
    let mut jobs = jobs.into_iter();
    let mut number = 0;
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        chunk.clear();
        chunk.extend(jobs.by_ref().take(CHUNK));
        if chunk.is_empty() {
            return Ok(());
        }
        let made = in_parallel(&chunk, |job| make(&job.request, &job.bearer, job.slot, now, key));
        for result in made {
            deliver(number, result)?;
            number += 1;
        }
    }
}

/// One permit, whatever carries it.
pub(crate) fn make<S: Signer<Signature>>(
    request: &PermitRequest,
    bearer: &Bearer,
    slot: StatusSlot,
    now: Timestamp,
    key: &IssuingKey<S>,
) -> Result<IssuedPermit, IssueError> {
    match bearer {
        Bearer::Device(device) => issue(request, device, slot, now, key),
        Bearer::Paper(note) => voucher(request, note, slot, now, key),
    }
}

/// The results in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    items.par_iter().map(&work).collect()
}

#[cfg(test)]
mod tests {
    use credential_format::display_text::DisplayText;
    use credential_format::permit::UnverifiedPermit;

    use super::*;
    use crate::issue::tests::{Faulty, device, key, now};
    use crate::request::tests::{sample, today};

    #[test]
    fn debug_shows_what_carries_the_permit_and_not_whose_it_is() {
        let note =
            VoucherNote { serial: DisplayText::parse("A1").unwrap(), place: DisplayText::parse("受理点").unwrap() };
        assert_eq!(format!("{:?} {:?}", Bearer::Device(device(9)), Bearer::Paper(note)), "Device Paper");
    }

    fn jobs(count: u64) -> impl Iterator<Item = Job> {
        let request = sample().check(today()).unwrap();
        let bearer = Bearer::Device(device(9));
        (0..count).map(move |index| Job {
            request: request.clone(),
            bearer: bearer.clone(),
            slot: StatusSlot { list: 1, index },
        })
    }

    #[test]
    fn the_order_is_kept_across_chunks() {
        let count = CHUNK as u64 * 2 + 7;
        let mut seen = 0;
        issue_all(jobs(count), now(), &key(1), |number, result| -> Result<(), ()> {
            let permit = result.unwrap();
            assert_eq!((number, permit.slot().index), (seen, seen));
            assert_eq!(UnverifiedPermit::parse(permit.bytes()).unwrap().unverified_claims().status.index, seen);
            seen += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, count);
    }

    #[test]
    fn a_job_that_fails_does_not_stop_the_others_and_delivery_may() {
        let mut list: Vec<Job> = jobs(3).collect();
        list[1].slot.index = 1 << 20;
        let mut results = Vec::new();
        let outcome = issue_all(list, now(), &key(1), |_, result| -> Result<(), ()> {
            results.push(result.is_ok());
            Ok(())
        });
        assert_eq!((outcome, results), (Ok(()), vec![true, false, true]));

        let mut delivered = 0;
        let outcome = issue_all(jobs(u64::MAX), now(), &key(1), |number, _| {
            delivered += 1;
            if number == 4 { Err("enough") } else { Ok(()) }
        });
        assert_eq!((outcome, delivered), (Err("enough"), 5));
    }

    #[test]
    fn a_faulty_signer_releases_nothing() {
        let wrong =
            IssuingKey::new(Faulty(Some(ed25519_dalek::SigningKey::from_bytes(&[2; 32]))), *key(1).public()).unwrap();
        let mut refused = 0;
        issue_all(jobs(50), now(), &wrong, |_, result| -> Result<(), ()> {
            assert_eq!(result.unwrap_err().code(), "SIGNATURE_REFUSED");
            refused += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(refused, 50);
    }
}
