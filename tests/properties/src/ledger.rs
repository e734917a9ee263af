//! The issuer's ledger against a model of it: whatever is asked of it in whatever order, it says what the model says, and says it again after
//! it was closed and opened.

use std::collections::{BTreeMap, BTreeSet};

use credential_format::display_text::DisplayText;
use credential_format::key::Algorithm;
use credential_format::permit::{StatusSlot, VoucherNote};
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use holder::device_key::DeviceSigner as _;
use issuer::Device;
use issuer::bulk::Bearer;
use issuer::ledger::{Dice, HaltReason, IdempotencyKey, Ledger, LedgerError, Order, OrderRefusal, Target};

use crate::choices::Choices;
use crate::samples::{self, Sample};

/// No history needs more.
const STEPS_MAX: usize = 60;
const PEOPLE: usize = 4;

struct Permit {
    person: usize,
    is_paper: bool,
    version: u64,
    slot: StatusSlot,
    status: Status,
    bytes: Vec<u8>,
}

/// What the ledger must be.
#[derive(Default)]
struct Model {
    permits: Vec<Permit>,
    /// By idempotency key and place: whose permit, on paper or not, and which it is.
    served: BTreeMap<(u8, u64), (usize, bool, usize)>,
    published_at: BTreeMap<u64, u64>,
    is_halted: bool,
    halts: usize,
}

pub(crate) fn ledger(bytes: &[u8]) {
    let folder = tempfile::tempdir_in(memory()).expect("a folder");
    let path = folder.path().join("ledger.sqlite3");
    let mut ledger = Ledger::open(&path, &[7; 32]).expect("a new ledger");
    let mut choices = Choices::new(bytes);
    let mut model = Model::default();
    let mut now = samples::issued_at();
    for step in 0..STEPS_MAX {
        if choices.is_over() {
            break;
        }
        match choices.byte() % 8 {
            0..=2 => issue(&mut ledger, &mut model, &mut choices, now, step),
            3 => set_status(&mut ledger, &mut model, &mut choices, now),
            4 => publish(&mut ledger, &mut model, &mut choices, now),
            5 => halt_or_resume(&mut ledger, &mut model, now),
            6 => {
                let seconds = u64::from(choices.byte());
                now = if choices.byte() < 200 { now.checked_add(seconds) } else { now.checked_sub(seconds) }
                    .expect("in range");
            }
            _ => {
                drop(ledger);
                ledger = Ledger::open(&path, &[8; 32]).expect("the same ledger");
            }
        }
        assert_eq!(ledger.len().expect("a length"), model.permits.len() as u64);
    }
    drop(ledger);
    let mut ledger = Ledger::open(&path, &[9; 32]).expect("the same ledger");
    model.check_publication(&mut ledger, 1, now.checked_add(1_000_000).expect("in range"));
    assert_eq!(ledger.halts().expect("halts").len(), model.halts);
}

/// Where there is memory that looks like a disk, nothing waits for a disk.
fn memory() -> std::path::PathBuf {
    let shared = std::path::Path::new("/dev/shm");
    if shared.is_dir() { shared.into() } else { std::env::temp_dir() }
}

fn issue(ledger: &mut Ledger, model: &mut Model, choices: &mut Choices<'_>, now: Timestamp, step: usize) {
    let run_key = choices.byte() % 4;
    let key = (run_key > 0).then(|| IdempotencyKey::parse(&format!("run-{run_key}")).expect("a key"));
    let count = 1 + usize::from(choices.byte() % 3);
    let asked: Vec<(u64, usize, bool)> = (0..count)
        .map(|row| {
            let place = if run_key > 0 { row as u64 } else { 1_000 + row as u64 };
            (place, usize::from(choices.byte()) % PEOPLE, choices.byte().is_multiple_of(3))
        })
        .collect();
    let orders: Vec<Order> = asked.iter().map(|(place, person, is_paper)| order(*place, *person, *is_paper)).collect();
    let mut run = ledger.begin(key.as_ref(), now).expect("a run");
    let mut dice = Dice::new([u8::try_from(step).expect("few steps"); 32]);
    let issued = ledger.issue_all(&mut run, &orders, now, &samples::issuing_key(), &mut dice);
    if model.is_halted {
        assert!(matches!(issued, Err(LedgerError::Halted { .. })), "issued while halted: {issued:?}");
        return;
    }
    let issued = issued.expect("issued");
    assert_eq!(issued.len(), asked.len());
    let mut met = BTreeSet::new();
    for ((place, person, is_paper), result) in asked.into_iter().zip(issued) {
        if !met.insert(person) {
            assert!(matches!(result, Err(OrderRefusal::DuplicateRow)), "{result:?}");
            continue;
        }
        if run_key > 0
            && let Some((served, was_paper, index)) = model.served_to(run_key, place, person, is_paper)
        {
            if (served, was_paper) != (person, is_paper) {
                assert!(matches!(result, Err(OrderRefusal::IdempotencyConflict)), "{result:?}");
                continue;
            }
            let entry = result.expect("a repeat");
            let permit = &model.permits[index];
            assert!(entry.is_repeat && entry.permit.bytes() == permit.bytes && entry.version == permit.version);
            assert_eq!(entry.is_in_force, matches!(permit.status, Status::Valid | Status::Suspended));
            continue;
        }
        if model.permits.iter().any(|permit| permit.person == person && permit.status == Status::Suspended) {
            assert!(matches!(result, Err(OrderRefusal::Suspended)), "{result:?}");
            continue;
        }
        let entry = result.expect("a new permit");
        assert!(!entry.is_repeat && entry.is_in_force);
        let slot = entry.permit.slot();
        assert!(model.permits.iter().all(|permit| permit.slot != slot), "a slot was given twice");
        let version = 1 + model.permits.iter().filter(|permit| permit.person == person).count() as u64;
        assert_eq!(entry.version, version);
        // A live permit supersedes all before it, a printed one the printed ones.
        for permit in
            model.permits.iter_mut().filter(|permit| permit.person == person && permit.status == Status::Valid)
        {
            if !is_paper || permit.is_paper {
                permit.status = Status::Superseded;
            }
        }
        model.served.insert((run_key, place), (person, is_paper, model.permits.len()));
        model.permits.push(Permit {
            person,
            is_paper,
            version,
            slot,
            status: Status::Valid,
            bytes: entry.permit.bytes().to_vec(),
        });
    }
}

fn order(place: u64, person: usize, is_paper: bool) -> Order {
    let sample = &Sample::all()[person];
    let bearer = if is_paper {
        Bearer::Paper(VoucherNote {
            serial: DisplayText::parse("TEST-0001").expect("a serial"),
            place: DisplayText::parse("测试点").expect("a place"),
        })
    } else {
        Bearer::Device(Device::try_from(&sample.device(Algorithm::Ed25519).public_key()).expect("a fit key"))
    };
    Order { place, request: sample.request(), bearer }
}

fn set_status(ledger: &mut Ledger, model: &mut Model, choices: &mut Choices<'_>, now: Timestamp) {
    let to = *choices.one_of(&[Status::Valid, Status::Cancelled, Status::Suspended, Status::Superseded]);
    let person = usize::from(choices.byte()) % PEOPLE;
    let by_slot = choices.byte().is_multiple_of(2) && !model.permits.is_empty();
    let (target, meant): (Target, Vec<usize>) = if by_slot {
        let index = choices.below(model.permits.len());
        (Target::Slot(model.permits[index].slot), vec![index])
    } else {
        (Target::ResidenceCode(Sample::all()[person].residence_code()), model.in_force_or_newest(person))
    };
    let result = ledger.set_status(target, to, now);
    if meant.is_empty() {
        assert!(matches!(result, Err(LedgerError::NotFound)), "{result:?}");
        return;
    }
    let may = |from: Status| match from {
        Status::Valid | Status::Suspended => true,
        Status::Superseded => matches!(to, Status::Superseded | Status::Cancelled),
        Status::Cancelled => to == Status::Cancelled,
    };
    if meant.iter().all(|index| may(model.permits[*index].status)) {
        assert_eq!(result.expect("set").len(), meant.len());
        for index in meant {
            model.permits[index].status = to;
        }
    } else {
        assert!(matches!(result, Err(LedgerError::StatusFinal { .. })), "{result:?}");
    }
}

fn publish(ledger: &mut Ledger, model: &mut Model, choices: &mut Choices<'_>, now: Timestamp) {
    let list = 1 + u64::from(choices.byte() % 2);
    let last = model.published_at.get(&list).copied();
    if list == 1 && last.is_none_or(|last| last < now.seconds() + 60) {
        model.check_publication(ledger, list, now);
    } else {
        let result = ledger.publish(list, now);
        match list {
            1 => assert!(matches!(result, Err(LedgerError::ClockBehind { .. })), "{result:?}"),
            _ => assert!(matches!(result, Err(LedgerError::ListUnknown(2))), "{result:?}"),
        }
    }
}

fn halt_or_resume(ledger: &mut Ledger, model: &mut Model, now: Timestamp) {
    if model.is_halted {
        assert!(ledger.resume(now).expect("resumed").until.is_some());
        assert!(matches!(ledger.resume(now), Err(LedgerError::NotHalted)));
    } else {
        let reason: HaltReason = DisplayText::parse("测试").expect("a reason");
        assert!(ledger.halt(&reason, now).expect("halted").is_new);
        assert!(!ledger.halt(&reason, now).expect("halted").is_new);
        model.halts += 1;
    }
    model.is_halted = !model.is_halted;
}

impl Model {
    /// What this place of this run holds. The same request at another place of the run is the same permit.
    fn served_to(&self, run: u8, place: u64, person: usize, is_paper: bool) -> Option<(usize, bool, usize)> {
        let same = self
            .served
            .iter()
            .find(|((of, _), (served, was_paper, _))| *of == run && (*served, *was_paper) == (person, is_paper));
        same.map(|(_, served)| *served).or_else(|| self.served.get(&(run, place)).copied())
    }

    fn in_force_or_newest(&self, person: usize) -> Vec<usize> {
        let of = || self.permits.iter().enumerate().filter(move |(_, permit)| permit.person == person);
        let in_force: Vec<usize> = of()
            .filter(|(_, permit)| matches!(permit.status, Status::Valid | Status::Suspended))
            .map(|(index, _)| index)
            .collect();
        if in_force.is_empty() {
            of().max_by_key(|(_, permit)| permit.version).map(|(index, _)| index).into_iter().collect()
        } else {
            in_force
        }
    }

    fn check_publication(&mut self, ledger: &mut Ledger, list: u64, now: Timestamp) {
        let publication = ledger.publish(list, now).expect("published");
        let last = self.published_at.insert(list, publication.issued_at.seconds());
        assert!(last.is_none_or(|last| last < publication.issued_at.seconds()), "two publications of one time");
        let mut said = publication.entries;
        said.sort_unstable_by_key(|(index, _)| *index);
        let mut meant: Vec<(u64, Status)> = self
            .permits
            .iter()
            .filter(|permit| permit.slot.list == list && permit.status != Status::Valid)
            .map(|permit| (permit.slot.index, permit.status))
            .collect();
        meant.sort_unstable_by_key(|(index, _)| *index);
        assert_eq!(said, meant, "the list does not say what happened");
    }
}
