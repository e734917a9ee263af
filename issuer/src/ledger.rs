//! The issuing authority's own record: who has which permit, in which version, at which place of the status lists.
//!
//! One SQLite file (WAL, `synchronous=FULL`). A permit is stored *in the transaction that takes its slot*, and that transaction is on the
//! disk before the permit leaves: whatever is killed or loses power, no permit that left is unknown here, and no slot is used twice. What
//! must never happen is forbidden by constraints in the database (`ledger.sql`), not only by this code; several processes may use one ledger.
//!
//! **What stands in it.** The permits themselves, since the same request under the same idempotency key must give the same bytes again: so
//! the file holds names and addresses, belongs to the owner only (0600), and is to be kept like the register it is part of. Columns hold the
//! residence code, and the person as SHA-256 over a random salt and the citizen ID number, so that neither name nor number stands in an
//! index or a query. The hash is for comparing, not for hiding: who has the file has the salt.
//!
//! **Versions.** A new permit for a residence code is its next version. A new live permit supersedes every older one in force, printed ones
//! too, because they say what is no longer so; a new printed permit supersedes older printed ones only. A suspended permit is not replaced:
//! that would lift the suspension.
//!
//! **Publishing.** The `iat` of a list rises strictly. If the clock has not moved since the last publication, `last + 1` is taken; if it is
//! behind by more than a minute, nothing is published, for a list dated far ahead would make counters doubt their own clocks.
//!
//! **Halting.** [`Ledger::halt`] stops every process that issues with this ledger: each transaction that would store permits looks for a halt
//! first, and none lasts longer than about half a second, however slowly the key signs (a single signature is not interrupted). Between two of
//! them the file is free for a moment, so that whoever waits gets in. What was stored stays; statuses are set and lists published as before.
//!
//! **Long runs.** A run remembers which residence codes it has met, since a second request for one of them is a slip. Beyond some ten thousand it keeps
//! them in a temporary file without a name, so that memory does not grow with the file of requests.
//!
//! **Forms.** A ledger of form 1, which knew no halts, becomes one of form 2 when it is opened, in one transaction; programs that know form 1
//! only do not open it any more.

use std::collections::HashSet;
use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, Instant};

use credential_format::citizen_id::CitizenId;
use credential_format::display_text::DisplayText;
use credential_format::limits::STATUS_ENTRIES_MAX;
use credential_format::permit::{Carrier, StatusSlot};
use credential_format::residence_code::ResidenceCode;
use credential_format::status_list::Status;
use credential_format::text::Kind;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use signature::Signer;

use crate::bulk::{self, Bearer};
use crate::issue::{IssueError, IssuedPermit, IssuingKey};
use crate::request::PermitRequest;

/// The form of the database that this version reads and writes. Form 1 is brought up to it.
const FORM: i64 = 2;
/// So long a transaction goes on taking more orders. With what it has begun by then it ends within about half a second, unless a single
/// signature takes longer.
const HOLD: Duration = Duration::from_millis(250);
/// So long a process leaves the file free after a transaction before it begins the next, and so often another looks whether it is free:
/// SQLite has no queue, and with a slow key there would be no moment to get in.
const FREE: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_micros(250);
/// So many looks, about half a minute, before a busy file is given up.
const LOOKS: i32 = 32_000;
/// So many residence codes a run keeps in memory, with those of one transaction besides.
const MET_MAX: usize = 65_536;
/// A publication may be dated so many seconds ahead of the clock.
pub const AHEAD_MAX: u64 = 60;

/// An open ledger.
pub struct Ledger {
    connection: Connection,
    salt: [u8; 32],
    entries: u64,
    full_at: u64,
    /// The end of the last transaction that issued.
    freed_at: Option<Instant>,
}

/// One permit that is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where it stands in its file or batch: its line, its number. Under an idempotency key a place holds one request for ever.
    pub place: u64,
    /// What it says.
    pub request: PermitRequest,
    /// Who or what carries it.
    pub bearer: Bearer,
}

/// One run over a file or batch: knows the residence codes that it has met, and its idempotency key.
pub struct Run {
    id: Option<i64>,
    met: Met,
}

/// A permit in the ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The permit. It is stored, and may leave.
    pub permit: IssuedPermit,
    /// 1 for the first permit of a residence code.
    pub version: u64,
    /// It was stored by an earlier run with the same idempotency key; these are the same bytes.
    pub is_repeat: bool,
    /// It is valid or suspended. A repeated permit may have been superseded or cancelled since.
    pub is_in_force: bool,
}

impl Ledger {
    /// Opens a ledger, or makes one. `salt` is used only for a new one: 32 random bytes.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn open(path: &Path, salt: &[u8; 32]) -> Result<Ledger, LedgerError> {
        // Three quarters: then a random index is free at the fourth try on average, at worst.
        Self::open_with(path, salt, STATUS_ENTRIES_MAX, STATUS_ENTRIES_MAX / 4 * 3)
    }

    fn open_with(path: &Path, salt: &[u8; 32], entries: u64, full_at: u64) -> Result<Ledger, LedgerError> {
        prepare_file(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_handler(Some(wait_for_the_file))?;
        // Before anything is written: the next line changes the file, and another program's is left as it is.
        let foreign = "SELECT count(*) > 0 AND total(type = 'table' AND name = 'ledger') = 0 FROM sqlite_schema";
        if connection.query_row(foreign, [], |row| row.get(0))? {
            return Err(LedgerError::NotALedger);
        }
        into_wal(&connection, wait_for_the_file)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables == 0 {
            transaction.execute_batch(include_str!("ledger.sql"))?;
            transaction.execute_batch(include_str!("ledger_form_2.sql"))?;
            transaction.execute(
                "INSERT INTO ledger (only_row, form, salt, entries, full_at) VALUES (1, ?, ?, ?, ?)",
                params![FORM, salt, int(entries), int(full_at)],
            )?;
            transaction.execute("INSERT INTO list (number, taken, published_at) VALUES (1, 0, 0)", [])?;
        }
        let known: bool = transaction.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'ledger'",
            [],
            |row| row.get(0),
        )?;
        if !known {
            return Err(LedgerError::NotALedger);
        }
        let form: i64 = transaction.query_row("SELECT form FROM ledger", [], |row| row.get(0))?;
        match form {
            FORM => {}
            1 => {
                transaction.execute_batch(include_str!("ledger_form_2.sql"))?;
                transaction.execute("UPDATE ledger SET form = ?", [FORM])?;
            }
            _ => return Err(LedgerError::Form(form)),
        }
        let (salt, entries, full_at) =
            transaction.query_row("SELECT salt, entries, full_at FROM ledger", [], |row| {
                Ok((row.get(0)?, uint(row, 1)?, uint(row, 2)?))
            })?;
        transaction.commit()?;
        Ok(Ledger { connection, salt, entries, full_at, freed_at: None })
    }

    /// Begins a run. With an idempotency key, a run under the same key before is continued.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn begin(&mut self, key: Option<&IdempotencyKey>, now: Timestamp) -> Result<Run, LedgerError> {
        let id = match key {
            None => None,
            Some(IdempotencyKey(key)) => {
                let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute(
                    "INSERT INTO run (idempotency_key, begun_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    params![key, int(now.seconds())],
                )?;
                let id =
                    transaction.query_row("SELECT id FROM run WHERE idempotency_key = ?", [key], |row| row.get(0))?;
                transaction.commit()?;
                Some(id)
            }
        };
        Ok(Run { id, met: Met::default() })
    }

    /// Issues permits and stores them; all that is returned is on the disk. A few hundred to a thousand orders at a time keep every core
    /// busy. The results are in the order of the orders; a refused order does not stop the others.
    ///
    /// **Fewer results than orders** mean that something failed on the way, or that issuing was halted: the permits that are returned are
    /// stored and may leave, and the other orders were not touched. Call again with those to learn what it was, or to go on.
    ///
    /// # Errors
    /// [`LedgerError`]: then nothing of this call is stored, and no permit of it may leave. [`LedgerError::Halted`] while issuing is halted.
    pub fn issue_all<S: Signer<Signature> + Sync>(
        &mut self,
        run: &mut Run,
        orders: &[Order],
        now: Timestamp,
        key: &IssuingKey<S>,
        dice: &mut Dice,
    ) -> Result<Vec<Result<Entry, OrderRefusal>>, LedgerError> {
        let mut results = Vec::with_capacity(orders.len());
        while let Some(rest) = orders.get(results.len()..).filter(|rest| !rest.is_empty()) {
            match self.issue_some(run, rest, now, key, dice) {
                Ok(some) => results.extend(some),
                Err(error) if results.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(results)
    }

    /// As many of the first orders as [`HOLD`] suffices for, at least one, in one transaction.
    fn issue_some<S: Signer<Signature> + Sync>(
        &mut self,
        run: &mut Run,
        orders: &[Order],
        now: Timestamp,
        key: &IssuingKey<S>,
        dice: &mut Dice,
    ) -> Result<Vec<Result<Entry, OrderRefusal>>, LedgerError> {
        let (salt, entries, full_at) = (self.salt, self.entries, self.full_at);
        run.met.keep_few(MET_MAX).map_err(LedgerError::Temporary)?;
        if let Some(left) = self.freed_at.and_then(|at| FREE.checked_sub(at.elapsed())) {
            std::thread::sleep(left);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let begun = Instant::now();
        if let Some(halt) = current_halt(&transaction)? {
            return Err(LedgerError::Halted { since: halt.since, reason: halt.reason });
        }
        let mut register = Register::prepare(&transaction)?;
        let mut slots = register.slots(entries, full_at, dice)?;
        // Codes that this transaction meets count as met only once it has succeeded.
        let mut met = HashSet::new();
        let mut nonces = HashSet::new();
        let mut results = Vec::with_capacity(orders.len());
        let mut group = 1;
        while let Some(rest) = orders.get(results.len()..).filter(|rest| !rest.is_empty()) {
            let group_begun = Instant::now();
            let some = rest.get(..group).unwrap_or(rest);

            // Who is refused, and who was served before.
            let mut looked_up = Vec::with_capacity(some.len());
            for order in some {
                let code = order.request.residence_code().get();
                let is_met = run.met.contains(code).map_err(LedgerError::Temporary)? || !met.insert(code);
                let found = if is_met {
                    LookedUp::Refused(OrderRefusal::DuplicateRow)
                } else {
                    register.look_up(run.id, order, &salt, &mut nonces)?
                };
                looked_up.push(found);
            }

            // Slots, and then signatures on all cores.
            let mut jobs = Vec::with_capacity(some.len());
            for (order, found) in some.iter().zip(&looked_up) {
                if matches!(found, LookedUp::New { .. }) {
                    jobs.push((order, slots.take(&mut register)?));
                }
            }
            let made =
                bulk::in_parallel(&jobs, |(order, slot)| bulk::make(&order.request, &order.bearer, *slot, now, key));

            // The record.
            let mut made = made.into_iter();
            for (order, found) in some.iter().zip(looked_up) {
                results.push(match found {
                    LookedUp::Refused(refusal) => Err(refusal),
                    LookedUp::Repeat(entry) => Ok(entry),
                    LookedUp::New { digest, person, is_first } => match made.next() {
                        Some(Ok(permit)) => {
                            let version = register.record(run.id, order, &permit, &digest, &person, is_first, now)?;
                            slots.used(permit.slot().list);
                            Ok(Entry { permit, version, is_repeat: false, is_in_force: true })
                        }
                        Some(Err(error)) if error.is_the_keys_fault() => return Err(LedgerError::Issue(error)),
                        Some(Err(error)) => Err(OrderRefusal::Issue(error)),
                        None => return Err(LedgerError::Damaged),
                    },
                });
            }
            let Some(left) = HOLD.checked_sub(begun.elapsed()) else { break };
            group = next_group(some.len(), group_begun.elapsed(), left);
        }
        slots.record(&mut register)?;
        drop(register);
        transaction.commit()?;
        self.freed_at = Some(Instant::now());
        run.met.newest.extend(met);
        Ok(results)
    }

    /// Stops issuing: from when this returns no process stores a permit in this ledger, until [`resume`](Self::resume). If issuing is halted
    /// already, that halt stays as it is, and is returned.
    ///
    /// `reason` is for the people at the issuer and is shown to whoever tries to issue; it must hold nothing personal.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn halt(&mut self, reason: &HaltReason, now: Timestamp) -> Result<Halt, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(halt) = current_halt(&transaction)? {
            return Ok(halt);
        }
        transaction.execute(
            "INSERT INTO halt (since, until, reason) VALUES (?, NULL, ?)",
            params![int(now.seconds()), reason.as_str()],
        )?;
        transaction.commit()?;
        Ok(Halt { since: now, until: None, reason: reason.clone(), is_new: true })
    }

    /// Lets issuing go on, and says which halt is over. A clock that was set back in the meantime does not make it end before it began.
    ///
    /// # Errors
    /// [`LedgerError::NotHalted`].
    pub fn resume(&mut self, now: Timestamp) -> Result<Halt, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let halt = current_halt(&transaction)?.ok_or(LedgerError::NotHalted)?;
        let until = now.max(halt.since);
        transaction.execute("UPDATE halt SET until = ? WHERE until IS NULL", [int(until.seconds())])?;
        transaction.commit()?;
        Ok(Halt { until: Some(until), ..halt })
    }

    /// All halts, the oldest first. Issuing is halted if the last has no end.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn halts(&self) -> Result<Vec<Halt>, LedgerError> {
        select_halts(&self.connection, "SELECT since, until, reason FROM halt ORDER BY id")
    }

    /// Sets the status of a permit, or of all permits in force of a residence code; says which entries were looked at, and which changed.
    ///
    /// Valid and suspended may become each other, cancelled, or superseded; superseded may only become cancelled; no event leaves cancelled
    /// (a person applies again). Setting what is set already is no error.
    ///
    /// # Errors
    /// [`LedgerError::NotFound`], [`LedgerError::StatusFinal`].
    pub fn set_status(&mut self, target: Target, to: Status, now: Timestamp) -> Result<Vec<StatusChange>, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let rows = match target {
            Target::Slot(slot) => select_status(
                &transaction,
                "SELECT id, list, slot, status FROM permit WHERE list = ?1 AND slot = ?2",
                int(slot.list),
                int(slot.index),
            )?,
            Target::ResidenceCode(code) => {
                let code = int(code.get());
                let in_force = select_status(
                    &transaction,
                    "SELECT id, list, slot, status FROM permit WHERE residence_code = ?1 AND status IN (0, 2) AND ?2 = 0",
                    code,
                    0,
                )?;
                let newest = "SELECT id, list, slot, status FROM permit WHERE residence_code = ?1 AND ?2 = 0
                              ORDER BY version DESC LIMIT 1";
                if in_force.is_empty() { select_status(&transaction, newest, code, 0)? } else { in_force }
            }
        };
        if rows.is_empty() {
            return Err(LedgerError::NotFound);
        }
        let mut changes = Vec::with_capacity(rows.len());
        for (id, slot, from) in rows {
            if !may_become(from, to) {
                return Err(LedgerError::StatusFinal { from, to });
            }
            if from != to {
                transaction.execute(
                    "UPDATE permit SET status = ?, changed_at = ? WHERE id = ?",
                    params![to.bits(), int(now.seconds()), id],
                )?;
            }
            changes.push(StatusChange { slot, from, to });
        }
        transaction.commit()?;
        Ok(changes)
    }

    /// The numbers of all status lists, rising.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn lists(&self) -> Result<Vec<u64>, LedgerError> {
        let mut statement = self.connection.prepare("SELECT number FROM list ORDER BY number")?;
        let numbers = statement.query_map([], |row| uint(row, 0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }

    /// What list number `list` says now, and the time it is to be dated with: later than that of every publication before, whether or not
    /// that one was ever signed.
    ///
    /// # Errors
    /// [`LedgerError::ListUnknown`], [`LedgerError::ClockBehind`].
    pub fn publish(&mut self, list: u64, now: Timestamp) -> Result<Publication, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let issued_at = next_publication(&transaction, list, now)?;
        transaction.execute(
            "UPDATE list SET published_at = ? WHERE number = ?",
            params![int(issued_at.seconds()), int(list)],
        )?;
        let mut statement = transaction.prepare("SELECT slot, status FROM permit WHERE list = ? AND status <> 0")?;
        let rows = statement.query_map([int(list)], |row| Ok((uint(row, 0)?, Status::from_bits(row.get(1)?))))?;
        let entries = rows.collect::<Result<_, _>>()?;
        drop(statement);
        transaction.commit()?;
        Ok(Publication { list, issued_at, entries })
    }

    /// The time that [`publish`](Self::publish) would date this list with. It is not taken, and another process may take it.
    ///
    /// # Errors
    /// [`LedgerError::ListUnknown`], [`LedgerError::ClockBehind`].
    pub fn next_publication(&self, list: u64, now: Timestamp) -> Result<Timestamp, LedgerError> {
        next_publication(&self.connection, list, now)
    }

    /// Forgets the date of every list that was published by a clock which was ahead: more than a minute later than `now`, the time of a clock
    /// that is right. Those lists are of no use to a counter whose own clock is right. The next are dated a minute from now: later than any that a
    /// right clock may have dated before. The numbers of those lists, each with the date that it had.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn forget_dates_ahead(&mut self, now: Timestamp) -> Result<Vec<(u64, Timestamp)>, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let latest = now.seconds() + AHEAD_MAX;
        let mut statement =
            transaction.prepare("SELECT number, published_at FROM list WHERE published_at > ? ORDER BY number")?;
        let mut rows = statement.query([int(latest)])?;
        let mut ahead = Vec::new();
        while let Some(row) = rows.next()? {
            ahead.push((uint(row, 0)?, Timestamp::new(uint(row, 1)?).map_err(|_| LedgerError::Damaged)?));
        }
        drop(rows);
        drop(statement);
        transaction.execute(
            "UPDATE list SET published_at = ? WHERE published_at > ?",
            params![int(latest - 1), int(latest)],
        )?;
        transaction.commit()?;
        Ok(ahead)
    }

    /// Does `work` while no other process writes to the ledger: what is looked at and then written elsewhere, a published file above all,
    /// is not overtaken by another process in between. Nothing is written to the ledger.
    ///
    /// # Errors
    /// [`LedgerError`]: then `work` was not done.
    pub fn alone<T>(&mut self, work: impl FnOnce() -> T) -> Result<T, LedgerError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work();
        drop(transaction);
        Ok(done)
    }

    /// How many permits stand in the ledger, superseded and cancelled ones too.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn len(&self) -> Result<u64, LedgerError> {
        Ok(self.connection.query_row("SELECT count(*) FROM permit", [], |row| uint(row, 0))?)
    }

    /// Whether no permit was ever issued.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        self.len().map(|permits| permits == 0)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger(***)")
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({})", if self.id.is_some() { "with an idempotency key" } else { "without an idempotency key" })
    }
}

/// Why issuing was halted: display text of at most 100 characters, without anything personal.
pub type HaltReason = DisplayText<100>;

/// A time in which nothing was, or is, issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// From when.
    pub since: Timestamp,
    /// Until when; none while it lasts.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: HaltReason,
    /// This very call of [`Ledger::halt`] began it.
    pub is_new: bool,
}

/// What names a run, so that it can be repeated and gives the same permits: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    pub fn parse(text: &str) -> Option<IdempotencyKey> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| IdempotencyKey(text.to_owned()))
    }
}

/// Random places in the status lists, drawn from 32 random bytes that the caller brings. Never use the same bytes twice.
pub struct Dice {
    seed: [u8; 32],
    throws: u64,
}

impl Dice {
    /// Dice that begin from these bytes.
    pub fn new(seed: [u8; 32]) -> Dice {
        Dice { seed, throws: 0 }
    }

    /// A number below `bound`, each as likely as any other (the bias is below 2^-44 for lists of 2^20 entries).
    fn below(&mut self, bound: u64) -> u64 {
        self.throws = self.throws.wrapping_add(1);
        let hash = Sha256::new_with_prefix(self.seed).chain_update(self.throws.to_be_bytes()).finalize();
        let number = hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        ((u128::from(number) * u128::from(bound)) >> 64) as u64
    }
}

/// Whose status is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The permit at this place.
    Slot(StatusSlot),
    /// All permits in force of this residence code; if there is none, the newest.
    ResidenceCode(ResidenceCode),
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// Which entry.
    pub slot: StatusSlot,
    /// What it was.
    pub from: Status,
    /// What it is; perhaps the same.
    pub to: Status,
}

/// What a status list is to say.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The list's number.
    pub list: u64,
    /// Its `iat`.
    pub issued_at: Timestamp,
    /// The entries that are not valid.
    pub entries: Vec<(u64, Status)>,
}

/// Why one order is refused. The others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// The residence code was met before in this run.
    #[error("the residence code stands in this file more than once; only the first row was taken: delete one of them")]
    DuplicateRow,
    /// Under this idempotency key the place holds another request.
    #[error(
        "under this idempotency key the row holds another request; restore the file, or put new and changed rows into a file with a new key"
    )]
    IdempotencyConflict,
    /// The enrolment served another permit.
    #[error("the enrolment was used for a permit before; give the device a new nonce and enrol it again")]
    NonceUsed,
    /// The residence code belongs to someone else.
    #[error("the residence code belongs to a person with another citizen ID number; correct one of the two")]
    PersonDiffers,
    /// The permit is suspended.
    #[error(
        "the permit in force is suspended by the authority; lift the suspension or cancel it before a new one is issued"
    )]
    Suspended,
    /// It cannot be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl OrderRefusal {
    /// A stable name of the refusal.
    pub fn code(&self) -> &'static str {
        match self {
            OrderRefusal::DuplicateRow => "DUPLICATE_ROW",
            OrderRefusal::IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
            OrderRefusal::NonceUsed => "ENROLMENT_NONCE_USED",
            OrderRefusal::PersonDiffers => "PERSON_DIFFERS",
            OrderRefusal::Suspended => "PERMIT_SUSPENDED",
            OrderRefusal::Issue(error) => error.code(),
        }
    }

    /// The field that the refusal is about.
    pub fn field(&self) -> &'static str {
        match self {
            OrderRefusal::DuplicateRow | OrderRefusal::Suspended => "residence_code",
            OrderRefusal::IdempotencyConflict => "",
            OrderRefusal::NonceUsed => "enrolment_nonce",
            OrderRefusal::PersonDiffers => "citizen_id",
            OrderRefusal::Issue(IssueError::EnrolmentOfAnother) => "device_key",
            OrderRefusal::Issue(IssueError::TooLarge { .. }) => "address",
            OrderRefusal::Issue(_) => "",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            OrderRefusal::DuplicateRow => "本文件中居码重复，仅受理第一行，请删除多余的行".into(),
            OrderRefusal::IdempotencyConflict => {
                "同一幂等键下该行的内容已变，请恢复原文件，新增或修改的行请放入新文件并使用新键".into()
            }
            OrderRefusal::NonceUsed => "该绑定申请已用于签发，请发新的随机数并重新绑定设备".into(),
            OrderRefusal::PersonDiffers => "该居码属于另一公民身份号码，请更正其中一项".into(),
            OrderRefusal::Suspended => "现有证照已被中止，请先解除中止或注销后再签发".into(),
            OrderRefusal::Issue(error) => error.zh(),
        }
    }
}

/// Why the ledger did nothing.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Others may read or change the file.
    #[error("others may read or change the ledger, which holds personal data; set its mode to 0600 (chmod 600)")]
    Open,
    /// The file cannot be made or opened.
    #[error("the ledger cannot be opened: {0}; check the path and the rights of its folder")]
    File(std::io::Error),
    /// Another database, or no database.
    #[error("the file is no ledger; check the path")]
    NotALedger,
    /// A ledger of another program version.
    #[error(
        "the ledger has form {0}, and this program knows forms 1 and 2 only; use the program that made it, or a newer one"
    )]
    Form(i64),
    /// Another process holds it for long.
    #[error("another process has been writing to the ledger for 30 seconds; wait until it is done, then try again")]
    Busy,
    /// The disk is full.
    #[error(
        "the disk of the ledger is full; nothing of this batch was issued: make room, then run the same command again with the same --idempotency-key"
    )]
    DiskFull,
    /// The database failed otherwise.
    #[error(
        "the ledger failed: {0}; nothing of this batch was issued: check the disk, then run the same command again with the same --idempotency-key"
    )]
    Database(rusqlite::Error),
    /// The temporary file in which a long run keeps the residence codes that it has met.
    #[error(
        "the folder for temporary files failed: {0}; nothing of this batch was issued: make room there or name another folder in TMPDIR (TMP on Windows), then run the same command again with the same --idempotency-key"
    )]
    Temporary(rusqlite::Error),
    /// What stands in it makes no sense.
    #[error("the ledger holds a value that this program never writes; restore it from a backup")]
    Damaged,
    /// The key is at fault.
    #[error(transparent)]
    Issue(IssueError),
    /// The switch is off.
    #[error(
        "签发已暂停 issuing was halted at {since}: {reason}; once it is cleared up, type `issuer resume`, and run the same command again with the same --idempotency-key"
    )]
    Halted {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: HaltReason,
    },
    /// The switch is on.
    #[error("签发未暂停 issuing is not halted; there is nothing to resume")]
    NotHalted,
    /// No permit there.
    #[error("the ledger has no such permit; check the list and the index, or the residence code")]
    NotFound,
    /// A status that nothing leads out of.
    #[error("the permit is {}, which cannot become {}; a person whose permit ended applies again", word(*.from), word(*.to))]
    StatusFinal {
        /// What it is.
        from: Status,
        /// What was asked for.
        to: Status,
    },
    /// No list of this number.
    #[error("the ledger has no status list {0}; lists are numbered from 1 and begun when they are needed")]
    ListUnknown(u64),
    /// The clock is behind the last publication.
    #[error(
        "the clock says {now}, and the list was last published at {last}; set the clock of this machine, or, if it is right now and was ahead then, publish with --clock-was-ahead"
    )]
    ClockBehind {
        /// What the clock says.
        now: Timestamp,
        /// When the list was published last.
        last: Timestamp,
    },
}

impl LedgerError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            LedgerError::Open => "LEDGER_OPEN",
            LedgerError::File(_) => "LEDGER_FILE",
            LedgerError::NotALedger => "LEDGER_UNKNOWN",
            LedgerError::Form(_) => "LEDGER_FORM",
            LedgerError::Busy => "LEDGER_BUSY",
            LedgerError::DiskFull => "DISK_FULL",
            LedgerError::Database(_) => "LEDGER_FAILED",
            LedgerError::Temporary(_) => "TEMPORARY_FAILED",
            LedgerError::Damaged => "LEDGER_DAMAGED",
            LedgerError::Issue(error) => error.code(),
            LedgerError::Halted { .. } => "ISSUING_HALTED",
            LedgerError::NotHalted => "ISSUING_NOT_HALTED",
            LedgerError::NotFound => "PERMIT_NOT_FOUND",
            LedgerError::StatusFinal { .. } => "STATUS_FINAL",
            LedgerError::ListUnknown(_) => "STATUS_LIST_UNKNOWN",
            LedgerError::ClockBehind { .. } => "CLOCK_BEHIND",
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> LedgerError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy,
            Some(ErrorCode::DiskFull) => LedgerError::DiskFull,
            Some(ErrorCode::NotADatabase) => LedgerError::NotALedger,
            _ => LedgerError::Database(error),
        }
    }
}

/// The word by which the command line knows a status.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Valid => "valid",
        Status::Cancelled => "cancelled",
        Status::Suspended => "suspended",
        Status::Superseded => "superseded",
    }
}

/// How many orders to take at once, after so many took so long: how fast the key signs shows as it goes, so twice as many each time, and no more than the
/// time that is left allows.
fn next_group(last: usize, took: Duration, left: Duration) -> usize {
    let fit = left.as_nanos() * last as u128 / took.as_nanos().max(1);
    usize::try_from(fit).unwrap_or(usize::MAX).min(last * 2).max(1)
}

fn next_publication(connection: &Connection, list: u64, now: Timestamp) -> Result<Timestamp, LedgerError> {
    let last = connection
        .query_row("SELECT published_at FROM list WHERE number = ?", [int(list)], |row| uint(row, 0))
        .optional()?
        .ok_or(LedgerError::ListUnknown(list))?;
    let at = now.seconds().max(last.saturating_add(1));
    let issued_at = Timestamp::new(at).map_err(|_| LedgerError::Damaged)?;
    if at > now.seconds() + AHEAD_MAX {
        let last = Timestamp::new(last).map_err(|_| LedgerError::Damaged)?;
        return Err(LedgerError::ClockBehind { now, last });
    }
    Ok(issued_at)
}

/// Two processes that make one ledger at the same moment both go over to the write-ahead log, and SQLite tells the later one that the file is
/// busy without asking the handler: it could wait for ever for a lock that the other cannot give up. So the waiting is done here, all of it, lest
/// each of these attempts wait for half a minute where the handler is asked.
fn into_wal(connection: &Connection, wait: fn(i32) -> bool) -> Result<(), rusqlite::Error> {
    connection.busy_handler(None)?;
    let mut tries = 0;
    let done = loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && wait(tries) => {
                tries += 1;
            }
            done => break done,
        }
    };
    connection.busy_handler(Some(wait))?;
    done
}

/// Looks again and again, for about half a minute.
fn wait_for_the_file(tries: i32) -> bool {
    std::thread::sleep(pause(tries));
    tries < LOOKS
}

/// Often for the first second, because a process that issues a batch leaves the file free for [`FREE`] only, then every millisecond.
fn pause(tries: i32) -> Duration {
    if tries < 4_000 { LOOK } else { 4 * LOOK }
}

fn current_halt(connection: &Connection) -> Result<Option<Halt>, LedgerError> {
    Ok(select_halts(connection, "SELECT since, until, reason FROM halt WHERE until IS NULL")?.pop())
}

fn select_halts(connection: &Connection, sql: &str) -> Result<Vec<Halt>, LedgerError> {
    let time = |seconds: u64| Timestamp::new(seconds).map_err(|_| LedgerError::Damaged);
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut halts = Vec::new();
    while let Some(row) = rows.next()? {
        let until: Option<i64> = row.get(1)?;
        let reason: String = row.get(2)?;
        halts.push(Halt {
            since: time(uint(row, 0)?)?,
            until: until.map(|_| uint(row, 1).map_err(LedgerError::from).and_then(time)).transpose()?,
            reason: HaltReason::parse(&reason).map_err(|_| LedgerError::Damaged)?,
            is_new: false,
        });
    }
    Ok(halts)
}

fn may_become(from: Status, to: Status) -> bool {
    match from {
        _ if from == to => true,
        Status::Valid | Status::Suspended => true,
        Status::Superseded => to == Status::Cancelled,
        Status::Cancelled => false,
    }
}

/// What was found out about an order before anything is signed.
enum LookedUp {
    Refused(OrderRefusal),
    Repeat(Entry),
    New { digest: [u8; 32], person: [u8; 32], is_first: bool },
}

/// The statements of one transaction, prepared once.
struct Register<'t> {
    by_digest: rusqlite::Statement<'t>,
    by_place: rusqlite::Statement<'t>,
    by_nonce: rusqlite::Statement<'t>,
    newest: rusqlite::Statement<'t>,
    suspended: rusqlite::Statement<'t>,
    slot_taken: rusqlite::Statement<'t>,
    supersede: rusqlite::Statement<'t>,
    add_permit: rusqlite::Statement<'t>,
    add_nonce: rusqlite::Statement<'t>,
    add_request: rusqlite::Statement<'t>,
    current_list: rusqlite::Statement<'t>,
    add_list: rusqlite::Statement<'t>,
    count_taken: rusqlite::Statement<'t>,
}

impl<'t> Register<'t> {
    fn prepare(transaction: &'t Transaction<'_>) -> Result<Register<'t>, LedgerError> {
        let prepare = |sql| transaction.prepare(sql);
        Ok(Register {
            by_digest: prepare(
                "SELECT bytes, version, status IN (0, 2) FROM request JOIN permit ON permit.id = request.permit WHERE run = ? AND digest = ?",
            )?,
            by_place: prepare("SELECT 1 FROM request WHERE run = ? AND place = ?")?,
            by_nonce: prepare("SELECT 1 FROM enrolment WHERE nonce = ?")?,
            newest: prepare("SELECT person FROM permit WHERE residence_code = ? ORDER BY version DESC LIMIT 1")?,
            suspended: prepare("SELECT 1 FROM permit WHERE residence_code = ? AND status = 2")?,
            slot_taken: prepare("SELECT 1 FROM permit WHERE list = ? AND slot = ?")?,
            supersede: prepare(
                "UPDATE permit SET status = 3, changed_at = ?3
                 WHERE residence_code = ?1 AND status IN (0, 2) AND (?2 = 1 OR kind = ?2)",
            )?,
            add_permit: prepare(
                "INSERT INTO permit (residence_code, version, kind, person, list, slot, status, issued_at, changed_at, bytes)
                 VALUES (?1, (SELECT coalesce(max(version), 0) + 1 FROM permit WHERE residence_code = ?1), ?2, ?3, ?4, ?5, 0, ?6, ?6, ?7)
                 RETURNING id, version",
            )?,
            add_nonce: prepare("INSERT INTO enrolment (nonce, permit) VALUES (?, ?)")?,
            add_request: prepare("INSERT INTO request (run, place, digest, permit) VALUES (?, ?, ?, ?)")?,
            current_list: prepare("SELECT number, taken FROM list ORDER BY number DESC LIMIT 1")?,
            add_list: prepare("INSERT INTO list (number, taken, published_at) VALUES (?, 0, 0)")?,
            count_taken: prepare("UPDATE list SET taken = taken + ? WHERE number = ?")?,
        })
    }

    fn look_up(
        &mut self,
        run: Option<i64>,
        order: &Order,
        salt: &[u8; 32],
        nonces: &mut HashSet<[u8; 16]>,
    ) -> Result<LookedUp, LedgerError> {
        let nonce = nonce_of(order);
        let carrier = match &order.bearer {
            Bearer::Device(device) => Carrier::Device(device.key().cose_key()),
            Bearer::Paper(note) => Carrier::Paper(note.clone()),
        };
        let digest = order.request.digest(carrier, nonce);
        if let Some(run) = run {
            let stored =
                self.by_digest.query_row(params![run, digest], |row| Ok((row.get(0)?, uint(row, 1)?, row.get(2)?)));
            if let Some((bytes, version, is_in_force)) = stored.optional()? {
                let permit = IssuedPermit::from_record(bytes).ok_or(LedgerError::Damaged)?;
                return Ok(LookedUp::Repeat(Entry { permit, version, is_repeat: true, is_in_force }));
            }
            if self.by_place.exists(params![run, int(order.place)])? {
                return Ok(LookedUp::Refused(OrderRefusal::IdempotencyConflict));
            }
        }
        if let Some(nonce) = nonce
            && (self.by_nonce.exists([nonce])? || !nonces.insert(*nonce))
        {
            return Ok(LookedUp::Refused(OrderRefusal::NonceUsed));
        }
        let code = int(order.request.residence_code().get());
        let person = person(salt, order.request.citizen_id());
        let newest: Option<[u8; 32]> = self.newest.query_row([code], |row| row.get(0)).optional()?;
        if newest.is_some_and(|known| known != person) {
            return Ok(LookedUp::Refused(OrderRefusal::PersonDiffers));
        }
        if newest.is_some() && self.suspended.exists([code])? {
            return Ok(LookedUp::Refused(OrderRefusal::Suspended));
        }
        Ok(LookedUp::New { digest, person, is_first: newest.is_none() })
    }

    fn slots<'d>(&mut self, entries: u64, full_at: u64, dice: &'d mut Dice) -> Result<Slots<'d>, LedgerError> {
        let (list, taken) = self.current_list.query_row([], |row| Ok((uint(row, 0)?, uint(row, 1)?)))?;
        Ok(Slots { list, taken, entries, full_at, dice, drawn: HashSet::new(), used: Vec::new() })
    }

    /// The permit, what it supersedes, its nonce and its place in the run.
    #[allow(clippy::too_many_arguments)]
    fn record(
        &mut self,
        run: Option<i64>,
        order: &Order,
        permit: &IssuedPermit,
        digest: &[u8; 32],
        person: &[u8; 32],
        is_first: bool,
        now: Timestamp,
    ) -> Result<u64, LedgerError> {
        let code = int(order.request.residence_code().get());
        let kind = match permit.kind() {
            Kind::Voucher => 2,
            _ => 1,
        };
        let now = int(now.seconds());
        if !is_first {
            self.supersede.execute(params![code, kind, now])?;
        }
        let StatusSlot { list, index } = permit.slot();
        let (id, version): (i64, u64) = self
            .add_permit
            .query_row(params![code, kind, person, int(list), int(index), now, permit.bytes()], |row| {
                Ok((row.get(0)?, uint(row, 1)?))
            })?;
        if let Some(nonce) = nonce_of(order) {
            self.add_nonce.execute(params![nonce, id])?;
        }
        if let Some(run) = run {
            self.add_request.execute(params![run, int(order.place), digest, id])?;
        }
        Ok(version)
    }
}

/// The residence codes that a run has met: the newest in memory, the others in a database of the process's own, so that a file of any length takes
/// the same memory. That database has no name and goes with the run; SQLite keeps what exceeds its cache in a temporary file that nobody else can open.
#[derive(Default)]
struct Met {
    newest: HashSet<u64>,
    older: Option<Connection>,
}

impl Met {
    fn contains(&self, code: u64) -> Result<bool, rusqlite::Error> {
        if self.newest.contains(&code) {
            return Ok(true);
        }
        let Some(older) = &self.older else { return Ok(false) };
        older.prepare("SELECT 1 FROM met WHERE residence_code = ?")?.exists([int(code)])
    }

    /// Moves the newest away where there are more than so many. Where that fails none is lost.
    fn keep_few(&mut self, most: usize) -> Result<(), rusqlite::Error> {
        if self.newest.len() <= most {
            return Ok(());
        }
        let mut codes: Vec<i64> = self.newest.iter().copied().map(int).collect();
        codes.sort_unstable();
        let older = match &mut self.older {
            Some(older) => older,
            none => none.insert(Met::nameless()?),
        };
        let transaction = older.transaction()?;
        let mut add = transaction.prepare("INSERT INTO met (residence_code) VALUES (?)")?;
        for code in codes {
            add.execute([code])?;
        }
        drop(add);
        transaction.commit()?;
        self.newest.clear();
        Ok(())
    }

    fn nameless() -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open("")?;
        connection.execute_batch("CREATE TABLE met (residence_code INTEGER PRIMARY KEY) STRICT")?;
        Ok(connection)
    }
}

/// Hands out the places of one transaction.
struct Slots<'d> {
    list: u64,
    taken: u64,
    entries: u64,
    full_at: u64,
    dice: &'d mut Dice,
    drawn: HashSet<StatusSlot>,
    used: Vec<(u64, u64)>,
}

impl Slots<'_> {
    /// A random place that no permit has.
    fn take(&mut self, register: &mut Register<'_>) -> Result<StatusSlot, LedgerError> {
        if self.taken >= self.full_at {
            self.list = self.list.checked_add(1).ok_or(LedgerError::Damaged)?;
            self.taken = 0;
            register.add_list.execute([int(self.list)])?;
        }
        // More than `entries` throws in vain for each free place do not happen; this bound keeps a damaged count from looping for ever.
        for _ in 0..self.entries.saturating_mul(64) {
            let slot = StatusSlot { list: self.list, index: self.dice.below(self.entries) };
            if self.drawn.contains(&slot) || register.slot_taken.exists(params![int(slot.list), int(slot.index)])? {
                continue;
            }
            self.drawn.insert(slot);
            self.taken += 1;
            return Ok(slot);
        }
        Err(LedgerError::Damaged)
    }

    fn used(&mut self, list: u64) {
        match self.used.iter_mut().find(|(number, _)| *number == list) {
            Some((_, count)) => *count += 1,
            None => self.used.push((list, 1)),
        }
    }

    fn record(&self, register: &mut Register<'_>) -> Result<(), LedgerError> {
        for (list, count) in &self.used {
            register.count_taken.execute(params![int(*count), int(*list)])?;
        }
        Ok(())
    }
}

fn nonce_of(order: &Order) -> Option<&[u8; 16]> {
    match &order.bearer {
        Bearer::Device(device) => device.nonce(),
        Bearer::Paper(_) => None,
    }
}

fn person(salt: &[u8; 32], id: CitizenId) -> [u8; 32] {
    Sha256::new_with_prefix(salt).chain_update(id.to_string()).finalize().into()
}

fn select_status(
    transaction: &Transaction<'_>,
    sql: &str,
    first: i64,
    second: i64,
) -> Result<Vec<(i64, StatusSlot, Status)>, LedgerError> {
    let mut statement = transaction.prepare(sql)?;
    let rows = statement.query_map([first, second], |row| {
        let slot = StatusSlot { list: uint(row, 1)?, index: uint(row, 2)? };
        Ok((row.get(0)?, slot, Status::from_bits(row.get(3)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// SQLite's integers are signed; all of ours are far below 2^63.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn uint(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// Makes the file for its owner only, or looks whether it is so. SQLite gives its side files the mode of the main file.
fn prepare_file(path: &Path) -> Result<(), LedgerError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(path).map_err(LedgerError::File)?;
    let metadata = file.metadata().map_err(LedgerError::File)?;
    if !metadata.is_file() {
        return Err(LedgerError::NotALedger);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(LedgerError::Open);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use credential_format::permit::VoucherNote;
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::issue::Device;
    use crate::issue::tests::{Faulty, device, enrolment, key, now};
    use crate::request::tests::{sample, today};

    struct Desk {
        _folder: tempfile::TempDir,
        path: PathBuf,
    }

    impl Desk {
        fn new() -> Desk {
            let folder = tempfile::tempdir().unwrap();
            Desk { path: folder.path().join("ledger.sqlite3"), _folder: folder }
        }

        fn open(&self) -> Ledger {
            Ledger::open(&self.path, &[7; 32]).unwrap()
        }

        /// Lists of 64 entries, of which 48 are handed out.
        fn open_small(&self) -> Ledger {
            Ledger::open_with(&self.path, &[7; 32], 64, 48).unwrap()
        }
    }

    fn request(number: u64) -> PermitRequest {
        let mut raw = sample();
        raw.residence_code = Some(code(number).digits());
        raw.check(today()).unwrap()
    }

    fn code(number: u64) -> ResidenceCode {
        ResidenceCode::with_check(440_000_000_000_000 + number).unwrap()
    }

    fn order(number: u64) -> Order {
        Order { place: number, request: request(number), bearer: Bearer::Device(device(9)) }
    }

    fn paper(number: u64) -> Order {
        let note =
            VoucherNote { serial: DisplayText::parse("A1").unwrap(), place: DisplayText::parse("受理点").unwrap() };
        Order { place: number, request: request(number), bearer: Bearer::Paper(note) }
    }

    fn dice() -> Dice {
        Dice::new([3; 32])
    }

    type Results = Vec<Result<Entry, OrderRefusal>>;

    /// One run without an idempotency key.
    fn issue(ledger: &mut Ledger, orders: &[Order]) -> Results {
        let mut run = ledger.begin(None, now()).unwrap();
        ledger.issue_all(&mut run, orders, now(), &key(1), &mut dice()).unwrap()
    }

    fn issue_under(ledger: &mut Ledger, name: &str, orders: &[Order], seed: u8) -> Results {
        let mut run = ledger.begin(IdempotencyKey::parse(name).as_ref(), now()).unwrap();
        ledger.issue_all(&mut run, orders, now(), &key(1), &mut Dice::new([seed; 32])).unwrap()
    }

    fn codes(results: &Results) -> Vec<&'static str> {
        results.iter().map(|result| result.as_ref().map_or_else(OrderRefusal::code, |_| "OK")).collect()
    }

    fn slot(results: &Results, at: usize) -> StatusSlot {
        results[at].as_ref().unwrap().permit.slot()
    }

    fn status_of(ledger: &mut Ledger, slot: StatusSlot) -> Status {
        let list = ledger.publish(slot.list, now()).unwrap();
        list.entries.iter().find(|(index, _)| *index == slot.index).map_or(Status::Valid, |(_, status)| *status)
    }

    #[test]
    fn permits_get_slots_of_their_own_in_the_order_asked_for() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let orders: Vec<Order> = (1..=300).map(order).collect();
        let results = issue(&mut ledger, &orders);
        let mut slots = HashSet::new();
        for (order, result) in orders.iter().zip(&results) {
            let entry = result.as_ref().unwrap();
            assert_eq!(entry.permit.residence_code(), order.request.residence_code());
            assert_eq!((entry.version, entry.is_repeat), (1, false));
            assert!(slots.insert(entry.permit.slot()));
        }
        assert_eq!(ledger.len().unwrap(), 300);
        let highest = slots.iter().map(|slot| slot.index).max().unwrap();
        assert!(highest > 900_000, "slots lie all over the list, not at its beginning: {highest}");
    }

    #[test]
    fn a_new_permit_is_the_next_version_and_supersedes() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let first = issue(&mut ledger, &[order(1), paper(2)]);
        let second = issue(&mut ledger, &[order(1)]);
        assert_eq!(second[0].as_ref().unwrap().version, 2);
        assert_eq!(status_of(&mut ledger, slot(&first, 0)), Status::Superseded);
        assert_eq!(status_of(&mut ledger, slot(&second, 0)), Status::Valid);

        // Paper leaves the live permit in force, and is superseded by paper and by a live permit.
        let sheet = issue(&mut ledger, &[paper(1)]);
        assert_eq!(status_of(&mut ledger, slot(&second, 0)), Status::Valid);
        let sheet_2 = issue(&mut ledger, &[paper(1)]);
        assert_eq!(status_of(&mut ledger, slot(&sheet, 0)), Status::Superseded);
        let third = issue(&mut ledger, &[order(1)]);
        assert_eq!(third[0].as_ref().unwrap().version, 5);
        assert_eq!(status_of(&mut ledger, slot(&second, 0)), Status::Superseded);
        assert_eq!(status_of(&mut ledger, slot(&sheet_2, 0)), Status::Superseded);
        assert_eq!(status_of(&mut ledger, slot(&first, 1)), Status::Valid, "somebody else's");
    }

    #[test]
    fn the_same_request_under_the_same_key_gives_the_same_bytes() {
        let desk = Desk::new();
        let orders = [order(1), order(2)];
        let first = issue_under(&mut desk.open(), "K1", &orders, 1);
        let again = issue_under(&mut desk.open(), "K1", &orders, 2);
        for (first, again) in first.iter().zip(&again) {
            let (first, again) = (first.as_ref().unwrap(), again.as_ref().unwrap());
            assert_eq!(first.permit, again.permit);
            assert_eq!((first.is_repeat, again.is_repeat, again.is_in_force), (false, true, true));
        }
        assert_eq!(desk.open().len().unwrap(), 2);

        // Another body at the same place; a new place; another key.
        let mut changed = order(3);
        changed.place = 1;
        assert_eq!(
            codes(&issue_under(&mut desk.open(), "K1", &[changed, order(2), order(4)], 3)),
            ["IDEMPOTENCY_CONFLICT", "OK", "OK"]
        );
        let other = issue_under(&mut desk.open(), "K2", &orders, 4);
        assert_eq!(other[0].as_ref().unwrap().version, 2);
        let first = issue_under(&mut desk.open(), "K1", &orders, 5);
        let first = first[0].as_ref().unwrap();
        assert_eq!((first.version, first.is_repeat, first.is_in_force), (1, true, false));
        assert_eq!(desk.open().len().unwrap(), 5);
    }

    #[test]
    fn a_code_twice_in_one_run_is_refused_across_calls_and_on_repetition() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        for repetition in 0..2 {
            let mut run = ledger.begin(IdempotencyKey::parse("K").as_ref(), now()).unwrap();
            let mut again = order(1);
            again.place = 9;
            let mut call = |orders: &[Order]| {
                codes(&ledger.issue_all(&mut run, orders, now(), &key(1), &mut Dice::new([repetition; 32])).unwrap())
            };
            assert_eq!(call(&[order(1), again.clone()]), ["OK", "DUPLICATE_ROW"]);
            assert_eq!(call(&[again]), ["DUPLICATE_ROW"]);
        }
        assert_eq!(ledger.len().unwrap(), 1);
    }

    #[test]
    fn a_long_run_moves_the_codes_it_met_out_of_memory_and_still_knows_them() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let mut run = ledger.begin(None, now()).unwrap();
        let mut issue = |run: &mut Run, number| {
            codes(&ledger.issue_all(run, &[order(number)], now(), &key(1), &mut dice()).unwrap())
        };
        let from = code(0).get() / 10;
        let met = |from: u64, count: usize| {
            (from..).take(count).map(|number| ResidenceCode::with_check(number).unwrap().get())
        };
        run.met.newest.extend(met(from + 1_000, MET_MAX - 1));
        assert_eq!(issue(&mut run, 1), ["OK"]);
        assert_eq!((run.met.newest.len(), run.met.older.is_some()), (MET_MAX, false), "as many as may stay in memory");
        assert_eq!(issue(&mut run, 2), ["OK"]);
        assert_eq!((run.met.newest.len(), run.met.older.is_some()), (MET_MAX + 1, false));
        assert_eq!(issue(&mut run, 3), ["OK"]);
        assert_eq!((run.met.newest.len(), run.met.older.is_some()), (1, true), "one more was moved away");
        run.met.newest.extend(met(from + 500_000, MET_MAX));
        for known in [1, 2, 3, 1_000, 500_000, 1_000 + MET_MAX as u64 - 2] {
            assert_eq!(issue(&mut run, known), ["DUPLICATE_ROW"], "{known}");
        }
        assert_eq!(run.met.newest.len(), 0, "moved away the second time as the first");
        assert_eq!(issue(&mut run, 4), ["OK"]);
        assert_eq!(ledger.len().unwrap(), 4);
    }

    #[test]
    fn codes_that_cannot_be_moved_away_stay_known_and_nothing_is_issued() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let mut run = ledger.begin(None, now()).unwrap();
        run.met.newest.extend(0..=MET_MAX as u64);
        let full = run.met.older.insert(Met::nameless().unwrap());
        full.execute_batch("PRAGMA max_page_count = 3").unwrap();
        let error = ledger.issue_all(&mut run, &[order(1)], now(), &key(1), &mut dice()).unwrap_err();
        assert_eq!(error.code(), "TEMPORARY_FAILED");
        assert!(error.to_string().contains("TMPDIR"), "{error}");
        assert_eq!(ledger.len().unwrap(), 0);
        assert!((0..=MET_MAX as u64).all(|code| run.met.contains(code).unwrap()));

        run.met.older.as_ref().unwrap().execute_batch("PRAGMA max_page_count = 1000000").unwrap();
        assert_eq!(codes(&ledger.issue_all(&mut run, &[order(1)], now(), &key(1), &mut dice()).unwrap()), ["OK"]);
    }

    #[test]
    fn a_nonce_counts_once_except_for_the_same_request() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let enrolled = |number| {
            let enrolment = enrolment(9, code(number), now(), [5; 16]);
            let bearer = Bearer::Device(Device::enrolled(&enrolment, now()).unwrap());
            Order { bearer, ..order(number) }
        };
        assert_eq!(
            codes(&issue_under(&mut ledger, "K", &[enrolled(1), enrolled(2)], 1)),
            ["OK", "ENROLMENT_NONCE_USED"]
        );
        assert_eq!(codes(&issue_under(&mut ledger, "K", &[enrolled(1)], 2)), ["OK"]);
        assert_eq!(codes(&issue_under(&mut ledger, "K2", &[enrolled(1)], 3)), ["ENROLMENT_NONCE_USED"]);
        assert_eq!(codes(&issue(&mut ledger, &[enrolled(2)])), ["ENROLMENT_NONCE_USED"]);
        assert_eq!(ledger.len().unwrap(), 1);
    }

    #[test]
    fn a_residence_code_stays_with_its_person() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        issue(&mut ledger, &[order(1)]);
        let mut raw = sample();
        raw.residence_code = Some(code(1).digits());
        raw.citizen_id = Some("36010219880209961X".into());
        let other = Order { request: raw.check(today()).unwrap(), ..order(1) };
        assert_eq!(codes(&issue(&mut ledger, &[other])), ["PERSON_DIFFERS"]);
    }

    #[test]
    fn no_event_leaves_cancelled_and_suspension_is_not_lifted_by_a_new_permit() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let issued = issue(&mut ledger, &[order(1), order(2)]);
        let target = Target::ResidenceCode(code(1));
        let set =
            |ledger: &mut Ledger, to| ledger.set_status(target, to, now()).map_err(|e| e.code()).map(|c| c[0].from);
        assert_eq!(set(&mut ledger, Status::Suspended), Ok(Status::Valid));
        assert_eq!(codes(&issue(&mut ledger, &[order(1)])), ["PERMIT_SUSPENDED"]);
        assert_eq!(set(&mut ledger, Status::Valid), Ok(Status::Suspended));
        assert_eq!(set(&mut ledger, Status::Valid), Ok(Status::Valid));
        assert_eq!(set(&mut ledger, Status::Cancelled), Ok(Status::Valid));
        for to in [Status::Valid, Status::Suspended, Status::Superseded] {
            assert_eq!(set(&mut ledger, to), Err("STATUS_FINAL"));
        }
        assert_eq!(set(&mut ledger, Status::Cancelled), Ok(Status::Cancelled));
        assert_eq!(status_of(&mut ledger, slot(&issued, 0)), Status::Cancelled);

        // A new application gives a new permit; the cancelled one stays cancelled.
        assert_eq!(issue(&mut ledger, &[order(1)])[0].as_ref().unwrap().version, 2);
        assert_eq!(status_of(&mut ledger, slot(&issued, 0)), Status::Cancelled);

        let at = Target::Slot(slot(&issued, 1));
        issue(&mut ledger, &[order(2)]);
        assert_eq!(ledger.set_status(at, Status::Valid, now()).unwrap_err().code(), "STATUS_FINAL");
        assert_eq!(ledger.set_status(at, Status::Cancelled, now()).unwrap()[0].from, Status::Superseded);
        let nobody = Target::ResidenceCode(code(99));
        assert_eq!(ledger.set_status(nobody, Status::Cancelled, now()).unwrap_err().code(), "PERMIT_NOT_FOUND");
    }

    #[test]
    fn the_database_itself_forbids_what_must_not_be() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let issued = issue(&mut ledger, &[order(1), order(2)]);
        ledger.set_status(Target::Slot(slot(&issued, 0)), Status::Cancelled, now()).unwrap();
        let sql = |sql: &str| ledger.connection.execute(sql, []).map_err(|e| e.to_string()).unwrap_err();
        assert!(sql("UPDATE permit SET status = 0 WHERE status = 1").contains("STATUS_FINAL"));
        let copy = |columns: &str| {
            format!(
                "INSERT INTO permit (residence_code, version, kind, person, list, slot, status, issued_at, changed_at, bytes)
                 SELECT {columns}, issued_at, changed_at, bytes FROM permit WHERE status = 0"
            )
        };
        assert!(sql(&copy("residence_code + 1, version, kind, person, list, slot, status")).contains("permit.slot"));
        assert!(sql(&copy("residence_code, version + 1, kind, person, list, slot + 1, status")).contains("UNIQUE"));
        assert!(sql(&copy("residence_code, version, kind, person, list, slot + 1, 3")).contains("permit.version"));
        assert!(sql(&copy("residence_code + 1, version, kind, person, 2, slot, status")).contains("FOREIGN KEY"));
        assert!(sql(&copy("residence_code + 1, version, kind, person, list, 1048576, status")).contains("CHECK"));
        assert!(sql(&copy("residence_code + 1, version, 3, person, list, slot + 1, status")).contains("CHECK"));
    }

    #[test]
    fn a_list_that_is_full_enough_is_followed_by_the_next() {
        let desk = Desk::new();
        let mut ledger = desk.open_small();
        let orders: Vec<Order> = (1..=100).map(order).collect();
        let mut slots = HashSet::new();
        let mut per_list = [0; 4];
        for results in [issue(&mut ledger, &orders[..40]), issue(&mut ledger, &orders[40..])] {
            for result in results {
                let slot = result.unwrap().permit.slot();
                assert!(slot.index < 64 && slots.insert(slot));
                per_list[slot.list as usize] += 1;
            }
        }
        assert_eq!(per_list, [0, 48, 48, 4]);
        assert_eq!(ledger.lists().unwrap(), [1, 2, 3]);
        // What was counted in the transaction that began two lists: 44 are left in the third.
        let rest: Vec<Order> = (101..=145).map(order).collect();
        let results = issue(&mut ledger, &rest);
        assert_eq!((slot(&results, 43).list, slot(&results, 44).list), (3, 4));
        assert_eq!(ledger.lists().unwrap(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_new_ledger_has_lists_of_2_to_the_20_of_which_three_quarters_are_handed_out() {
        let desk = Desk::new();
        let ledger = desk.open();
        assert_eq!((ledger.entries, ledger.full_at), (1_048_576, 786_432));
    }

    #[test]
    fn what_is_stored_is_on_the_disk_and_holds_together() {
        let desk = Desk::new();
        let ledger = desk.open();
        let pragma = |name: &str| -> rusqlite::types::Value {
            ledger.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into(), "FULL");
        assert_eq!(pragma("foreign_keys"), 1.into());
    }

    #[test]
    fn the_log_is_waited_for_while_another_is_at_it_and_not_for_ever() {
        let desk = Desk::new();
        prepare_file(&desk.path).unwrap();
        let (other, connection) = (Connection::open(&desk.path).unwrap(), Connection::open(&desk.path).unwrap());
        other.execute_batch("CREATE TABLE a (b); BEGIN EXCLUSIVE").unwrap();
        connection.busy_handler(Some(wait_for_the_file)).unwrap();
        let begun = Instant::now();
        let busy = into_wal(&connection, |tries| tries < 3).unwrap_err();
        assert_eq!(LedgerError::from(busy).code(), "LEDGER_BUSY");
        other.execute_batch("COMMIT").unwrap();
        // What another cause has is not waited for.
        connection.execute_batch("BEGIN").unwrap();
        let failed = into_wal(&connection, wait_for_the_file).unwrap_err();
        assert_eq!(LedgerError::from(failed).code(), "LEDGER_FAILED");
        assert!(begun.elapsed() < PATIENCE, "an attempt waited for half a minute: {:?}", begun.elapsed());
        connection.execute_batch("COMMIT").unwrap();
        into_wal(&connection, |_| false).unwrap();
    }

    #[test]
    fn a_busy_ledger_is_looked_at_often_at_first_and_given_up_after_half_a_minute() {
        assert_eq!((pause(0), pause(3_999)), (Duration::from_micros(250), Duration::from_micros(250)));
        assert_eq!((pause(4_000), pause(31_999)), (Duration::from_millis(1), Duration::from_millis(1)));
        assert_eq!((0..LOOKS).map(pause).sum::<Duration>(), Duration::from_secs(29));
        assert!(wait_for_the_file(LOOKS - 1) && !wait_for_the_file(LOOKS));
    }

    #[test]
    fn failures_of_the_database_are_told_apart() {
        use rusqlite::ffi;
        for (code, expected) in [
            (ffi::SQLITE_BUSY, "LEDGER_BUSY"),
            (ffi::SQLITE_LOCKED, "LEDGER_BUSY"),
            (ffi::SQLITE_FULL, "DISK_FULL"),
            (ffi::SQLITE_NOTADB, "LEDGER_UNKNOWN"),
            (ffi::SQLITE_IOERR, "LEDGER_FAILED"),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(LedgerError::from(error).code(), expected, "{code}");
        }
    }

    #[test]
    fn an_order_that_cannot_be_made_does_not_stop_the_others() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let enrolment = enrolment(9, code(7), now(), [5; 16]);
        let bearer = Bearer::Device(Device::enrolled(&enrolment, now()).unwrap());
        let of_another = Order { bearer, ..order(2) };
        let results = issue(&mut ledger, &[order(1), of_another, order(3)]);
        assert_eq!(codes(&results), ["OK", "ENROLMENT_OF_ANOTHER", "OK"]);
        assert_eq!(ledger.len().unwrap(), 2);
    }

    #[test]
    fn refusals_name_their_field_in_both_languages() {
        let refusals = [
            (OrderRefusal::DuplicateRow, "residence_code", "居码重复"),
            (OrderRefusal::IdempotencyConflict, "", "同一幂等键"),
            (OrderRefusal::NonceUsed, "enrolment_nonce", "新的随机数"),
            (OrderRefusal::PersonDiffers, "citizen_id", "公民身份号码"),
            (OrderRefusal::Suspended, "residence_code", "中止"),
            (OrderRefusal::Issue(IssueError::EnrolmentOfAnother), "device_key", "居码"),
            (OrderRefusal::Issue(IssueError::TooLarge { bytes: 900, most: 800 }), "address", "900"),
            (OrderRefusal::Issue(IssueError::Unreadable), "", "无法读回"),
        ];
        for (refusal, field, zh) in refusals {
            assert_eq!(refusal.field(), field, "{refusal:?}");
            assert!(refusal.zh().contains(zh), "{refusal:?}: {}", refusal.zh());
        }
    }

    #[test]
    fn statuses_have_the_words_of_the_command_line() {
        let words = [Status::Valid, Status::Cancelled, Status::Suspended, Status::Superseded].map(word);
        assert_eq!(words, ["valid", "cancelled", "suspended", "superseded"]);
    }

    #[test]
    fn nothing_of_a_ledger_shows_in_debug() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        assert_eq!(format!("{ledger:?}"), "Ledger(***)");
        let run = ledger.begin(None, now()).unwrap();
        assert_eq!(format!("{run:?}"), "Run(without an idempotency key)");
        let run = ledger.begin(IdempotencyKey::parse("K").as_ref(), now()).unwrap();
        assert_eq!(format!("{run:?}"), "Run(with an idempotency key)");
    }

    #[test]
    fn two_processes_never_share_a_slot() {
        let desk = Desk::new();
        desk.open_small();
        let issued: Vec<StatusSlot> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let desk = &desk;
                    scope.spawn(move || {
                        let mut ledger = desk.open_small();
                        // The same dice in every hand: they all want the same slots.
                        let mut slots = Vec::new();
                        for number in 0..30 {
                            let mut run = ledger.begin(None, now()).unwrap();
                            let orders = [order(worker * 1000 + number + 1)];
                            let results = ledger.issue_all(&mut run, &orders, now(), &key(1), &mut dice()).unwrap();
                            slots.push(slot(&results, 0));
                        }
                        slots
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(issued.len(), 120);
        assert_eq!(issued.iter().collect::<HashSet<_>>().len(), 120);
        assert_eq!(desk.open_small().len().unwrap(), 120);
    }

    #[test]
    fn processes_that_make_one_ledger_at_the_same_moment_all_get_in() {
        for _ in 0..30 {
            let desk = Desk::new();
            let together = std::sync::Barrier::new(4);
            let opened = std::thread::scope(|scope| {
                let open = || {
                    together.wait();
                    Ledger::open(&desk.path, &[7; 32]).map(|_| ())
                };
                [(); 4].map(|()| scope.spawn(open)).map(|thread| thread.join().unwrap())
            });
            assert!(opened.iter().all(Result::is_ok), "{opened:?}");
        }
    }

    #[test]
    fn a_faulty_key_leaves_nothing_behind() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let wrong = IssuingKey::new(Faulty(Some(SigningKey::from_bytes(&[2; 32]))), *key(1).public()).unwrap();
        let mut run = ledger.begin(None, now()).unwrap();
        let refused = ledger.issue_all(&mut run, &[order(1)], now(), &wrong, &mut dice()).unwrap_err();
        assert_eq!(refused.code(), "SIGNATURE_REFUSED");
        assert!(ledger.is_empty().unwrap());
        let after = ledger.issue_all(&mut run, &[order(1)], now(), &key(1), &mut dice()).unwrap();
        assert_eq!(codes(&after), ["OK"], "the code was not met by a call that failed");
    }

    #[test]
    fn publications_are_dated_strictly_later() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let mut at =
            |now: Timestamp| ledger.publish(1, now).map(|p| p.issued_at.seconds_since(now)).map_err(|e| e.code());
        assert_eq!(at(now()), Ok(0));
        assert_eq!(at(now()), Ok(1));
        assert_eq!(at(now()), Ok(2));
        assert_eq!(at(now().checked_add(10).unwrap()), Ok(0));
        assert_eq!(at(now().checked_sub(49).unwrap()), Ok(60));
        assert_eq!(at(now().checked_sub(49).unwrap()), Err("CLOCK_BEHIND"));
        assert_eq!(ledger.publish(2, now()).unwrap_err().code(), "STATUS_LIST_UNKNOWN");
    }

    #[test]
    fn the_next_time_is_known_before_it_is_taken() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let next = |ledger: &Ledger, ahead: u64| ledger.next_publication(1, now().checked_sub(ahead).unwrap());
        for expected in [now(), now().checked_add(1).unwrap()] {
            assert_eq!(next(&ledger, 0).unwrap(), expected);
            assert_eq!(next(&ledger, 0).unwrap(), expected, "it was not taken");
            assert_eq!(ledger.publish(1, now()).unwrap().issued_at, expected);
        }
        assert_eq!(next(&ledger, 58).unwrap(), now().checked_add(2).unwrap());
        assert_eq!(next(&ledger, 59).unwrap_err().code(), "CLOCK_BEHIND");
        assert_eq!(ledger.next_publication(2, now()).unwrap_err().code(), "STATUS_LIST_UNKNOWN");
    }

    #[test]
    fn a_date_of_a_clock_that_was_ahead_is_forgotten() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let ahead = now().checked_add(10 * 365 * 86_400).unwrap();
        ledger.publish(1, ahead).unwrap();
        assert_eq!(ledger.publish(1, now()).unwrap_err().code(), "CLOCK_BEHIND");
        assert_eq!(ledger.forget_dates_ahead(now()).unwrap(), [(1, ahead)]);
        let minute = now().checked_add(60).unwrap();
        assert_eq!(ledger.publish(1, now()).unwrap().issued_at, minute);
        // A date that a right clock may have given stays: it is at most a minute ahead.
        assert_eq!(ledger.forget_dates_ahead(now()).unwrap(), []);
        assert_eq!(ledger.forget_dates_ahead(now().checked_sub(1).unwrap()).unwrap(), [(1, minute)]);
    }

    #[test]
    fn nobody_publishes_while_one_is_alone() {
        let desk = Desk::new();
        let (mut ledger, mut other) = (desk.open(), desk.open());
        std::thread::scope(|scope| {
            let publishing = ledger.alone(|| {
                let publishing = scope.spawn(move || other.publish(1, now()).unwrap().issued_at);
                std::thread::sleep(Duration::from_millis(300));
                assert!(!publishing.is_finished(), "it came between");
                publishing
            });
            assert_eq!(publishing.unwrap().join().unwrap(), now());
        });
        assert_eq!(ledger.publish(1, now()).unwrap().issued_at, now().checked_add(1).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_the_owners_and_nothing_else_is_a_ledger() {
        use std::os::unix::fs::PermissionsExt as _;
        let desk = Desk::new();
        issue(&mut desk.open(), &[order(1)]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&desk.path), 0o600);
        std::fs::set_permissions(&desk.path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Ledger::open(&desk.path, &[7; 32]).unwrap_err().code(), "LEDGER_OPEN");

        let text = desk.path.with_extension("txt");
        std::fs::write(&text, "a text of more than a hundred characters ".repeat(5)).unwrap();
        std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Ledger::open(&text, &[7; 32]).unwrap_err().code(), "LEDGER_UNKNOWN");
        assert_eq!(Ledger::open(Path::new("/nowhere/l.sqlite3"), &[7; 32]).unwrap_err().code(), "LEDGER_FILE");
    }

    fn reason(text: &str) -> HaltReason {
        HaltReason::parse(text).unwrap()
    }

    fn after(seconds: u64) -> Timestamp {
        now().checked_add(seconds).unwrap()
    }

    #[test]
    fn a_halt_stops_issuing_and_nothing_else() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let issued = issue(&mut ledger, &[order(1)]);
        assert_eq!(ledger.resume(now()).unwrap_err().code(), "ISSUING_NOT_HALTED");
        let halt = desk.open().halt(&reason("疑似密钥泄露; case 17"), after(10)).unwrap();
        assert_eq!((halt.since, halt.until, halt.is_new), (after(10), None, true));

        let mut run = ledger.begin(None, now()).unwrap();
        let refused = ledger.issue_all(&mut run, &[order(2)], after(11), &key(1), &mut dice()).unwrap_err();
        assert_eq!(refused.code(), "ISSUING_HALTED");
        assert!(refused.to_string().contains("疑似密钥泄露; case 17"), "{refused}");
        assert!(refused.to_string().contains(&after(10).to_string()), "{refused}");
        assert_eq!(ledger.len().unwrap(), 1);
        ledger.set_status(Target::Slot(slot(&issued, 0)), Status::Cancelled, after(12)).unwrap();
        assert_eq!(ledger.publish(1, after(12)).unwrap().entries.len(), 1);

        // A second halt changes nothing, and one that is over cannot be ended again.
        let again = ledger.halt(&reason("another"), after(20)).unwrap();
        assert_eq!((again.since, again.is_new), (after(10), false));
        assert_eq!(again.reason, reason("疑似密钥泄露; case 17"));
        let over = ledger.resume(after(30)).unwrap();
        assert_eq!((over.since, over.until), (after(10), Some(after(30))));
        assert_eq!(ledger.resume(after(31)).unwrap_err().code(), "ISSUING_NOT_HALTED");
        let after_it = ledger.issue_all(&mut run, &[order(2)], after(32), &key(1), &mut dice()).unwrap();
        assert_eq!(codes(&after_it), ["OK"], "a run goes on where it was");

        // The clock was set back in between: a halt does not end before it began.
        ledger.halt(&reason("b"), after(40)).unwrap();
        assert_eq!(ledger.resume(after(5)).unwrap().until, Some(after(40)));
        let kept: Vec<_> = desk.open().halts().unwrap().into_iter().map(|h| (h.since, h.until)).collect();
        assert_eq!(kept, [(after(10), Some(after(30))), (after(40), Some(after(40)))]);
    }

    #[test]
    fn the_database_keeps_every_halt() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        ledger.halt(&reason("a"), now()).unwrap();
        let sql = |ledger: &Ledger, sql: &str| ledger.connection.execute(sql, []).map_err(|e| e.to_string());
        let second = "INSERT INTO halt (since, until, reason) VALUES (1, NULL, 'b')";
        assert!(sql(&ledger, second).unwrap_err().contains("UNIQUE"));
        assert!(sql(&ledger, "DELETE FROM halt").unwrap_err().contains("HALT_IS_KEPT"));
        assert!(sql(&ledger, "UPDATE halt SET reason = 'b'").unwrap_err().contains("HALT_IS_KEPT"));
        assert!(sql(&ledger, "UPDATE halt SET until = since, reason = 'b'").unwrap_err().contains("HALT_IS_KEPT"));
        assert!(sql(&ledger, "UPDATE halt SET until = since - 1").unwrap_err().contains("CHECK"));
        ledger.resume(after(1)).unwrap();
        assert!(sql(&ledger, "UPDATE halt SET until = NULL").unwrap_err().contains("HALT_IS_KEPT"));
        assert!(sql(&ledger, "UPDATE halt SET until = until + 1").unwrap_err().contains("HALT_IS_KEPT"));
        assert!(
            sql(&ledger, "INSERT INTO halt (since, until, reason) VALUES (2, 1, 'b')").unwrap_err().contains("CHECK")
        );
        assert!(
            sql(&ledger, "INSERT INTO halt (since, until, reason) VALUES (1, 1, '')").unwrap_err().contains("CHECK")
        );
    }

    /// One signature after the other, as a token makes them; after so many, none any more.
    struct Slow {
        key: std::sync::Mutex<(SigningKey, u32)>,
        each: Duration,
    }

    impl Signer<Signature> for Slow {
        fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
            let mut key = self.key.lock().unwrap();
            std::thread::sleep(self.each);
            key.1 = key.1.checked_sub(1).ok_or_else(signature::Error::new)?;
            Ok(key.0.sign(message))
        }
    }

    fn slow(each: Duration, signatures: u32) -> IssuingKey<Slow> {
        let key_and_left = std::sync::Mutex::new((SigningKey::from_bytes(&[1; 32]), signatures));
        IssuingKey::new(Slow { key: key_and_left, each }, *key(1).public()).unwrap()
    }

    /// A halt is promised within a second. A test machine that pauses gets more; without the bounds it would take as long as the orders do.
    const PATIENCE: Duration = Duration::from_secs(4);

    #[test]
    fn groups_grow_to_twice_as_many_and_to_what_fits() {
        let next = |last, took, left| next_group(last, Duration::from_millis(took), Duration::from_millis(left));
        assert_eq!(next(8, 80, 1_000), 16, "no more than twice as many");
        assert_eq!(next(8, 80, 159), 15);
        assert_eq!(next(8, 80, 100), 10);
        assert_eq!(next(1, 40, 250), 2);
        assert_eq!((next(8, 80, 10), next(8, 80, 9), next(8, 80, 0)), (1, 1, 1), "one is always taken");
        assert_eq!(next(8, 0, 1), 16, "faster than the clock ticks");
    }

    #[test]
    fn a_slow_key_keeps_no_halt_waiting() {
        for each in [Duration::from_millis(5), Duration::from_millis(40), Duration::from_millis(300)] {
            let desk = Desk::new();
            desk.open();
            let orders: Vec<Order> = (1..=1024).map(order).collect();
            let (stored, halted_after, stopped_after) = std::thread::scope(|scope| {
                let issuing = scope.spawn(|| {
                    let mut ledger = desk.open();
                    let mut run = ledger.begin(None, now()).unwrap();
                    let key = slow(each, u32::MAX);
                    let stored = ledger.issue_all(&mut run, &orders, now(), &key, &mut dice()).unwrap().len();
                    let rest = ledger.issue_all(&mut run, &orders[stored..], now(), &key, &mut dice());
                    assert_eq!(rest.unwrap_err().code(), "ISSUING_HALTED");
                    stored
                });
                std::thread::sleep(Duration::from_millis(700));
                let begun = Instant::now();
                desk.open().halt(&reason("a"), now()).unwrap();
                let halted_after = begun.elapsed();
                let stored = issuing.join().unwrap();
                (stored, halted_after, begun.elapsed())
            });
            assert!(0 < stored && stored < 1024, "{stored}");
            assert_eq!(desk.open().len().unwrap(), stored as u64, "what is stored is returned, and the reverse");
            assert!(stopped_after < PATIENCE, "{each:?}: {halted_after:?}, {stopped_after:?}");
        }
    }

    #[test]
    fn who_waits_for_a_busy_ledger_gets_in() {
        let desk = Desk::new();
        desk.open();
        // One transaction after the other, with nothing in between.
        let orders: Vec<Order> = (1..=20_000).map(order).collect();
        let (stored, waited) = std::thread::scope(|scope| {
            let issuing = scope.spawn(|| {
                let mut ledger = desk.open();
                let mut run = ledger.begin(None, now()).unwrap();
                ledger.issue_all(&mut run, &orders, now(), &key(1), &mut dice()).unwrap().len()
            });
            while desk.open().is_empty().unwrap() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let begun = Instant::now();
            desk.open().halt(&reason("a"), now()).unwrap();
            let waited = begun.elapsed();
            (issuing.join().unwrap(), waited)
        });
        assert!(stored < orders.len(), "the halt came after the whole batch, {waited:?}");
        assert!(waited < PATIENCE, "{waited:?}");
    }

    #[test]
    fn a_key_that_fails_on_the_way_loses_nothing_that_is_stored() {
        let desk = Desk::new();
        let mut ledger = desk.open();
        let orders: Vec<Order> = (1..=100).map(order).collect();
        let mut run = ledger.begin(None, now()).unwrap();
        let (key, key_of_a_file) = (slow(Duration::from_millis(10), 60), key(1));
        let stored = ledger.issue_all(&mut run, &orders, now(), &key, &mut dice()).unwrap();
        // All 60 where the machine pauses and a transaction ends, by its time, just before the first signature that fails.
        assert!(!stored.is_empty() && stored.len() <= 60, "{}", stored.len());
        assert!(stored.iter().all(Result::is_ok));
        assert_eq!(ledger.len().unwrap(), stored.len() as u64);
        let rest = &orders[stored.len()..];
        let refused = ledger.issue_all(&mut run, rest, now(), &key, &mut dice()).unwrap_err();
        assert_eq!(refused.code(), "SIGNER_FAILED");
        let done = ledger.issue_all(&mut run, rest, now(), &key_of_a_file, &mut dice()).unwrap();
        assert_eq!(codes(&done), vec!["OK"; rest.len()]);
    }

    #[test]
    fn a_ledger_of_form_1_becomes_one_of_form_2_whole_or_not_at_all() {
        let form = |desk: &Desk| -> i64 {
            Connection::open(&desk.path).unwrap().query_row("SELECT form FROM ledger", [], |row| row.get(0)).unwrap()
        };
        let desk = Desk::new();
        let issued = issue_under(&mut desk.open(), "K", &[order(1), order(2)], 1);
        let back_to_form_1 = "DROP TABLE halt; UPDATE ledger SET form = 1;";
        Connection::open(&desk.path).unwrap().execute_batch(back_to_form_1).unwrap();
        let mut ledger = desk.open();
        assert_eq!(form(&desk), 2);
        assert_eq!(ledger.halts().unwrap(), []);
        let again = issue_under(&mut ledger, "K", &[order(1), order(2)], 2);
        for (first, again) in issued.iter().zip(&again) {
            assert_eq!(first.as_ref().unwrap().permit, again.as_ref().unwrap().permit);
        }
        ledger.halt(&reason("a"), now()).unwrap();

        // As an old program made it, from its own statements.
        let old = Desk::new();
        prepare_file(&old.path).unwrap();
        let connection = Connection::open(&old.path).unwrap();
        connection.execute_batch(include_str!("ledger.sql")).unwrap();
        connection.execute("INSERT INTO ledger VALUES (1, 1, ?, 1048576, 786432)", [[9u8; 32]]).unwrap();
        connection.execute("INSERT INTO list VALUES (1, 0, 0)", []).unwrap();
        // Something is in the way of the change: the ledger stays as it is.
        connection.execute("CREATE TABLE halted_now (a)", []).unwrap();
        assert_eq!(Ledger::open(&old.path, &[7; 32]).unwrap_err().code(), "LEDGER_FAILED");
        assert_eq!(form(&old), 1);
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name = 'halt'";
        assert_eq!(connection.query_row(tables, [], |row| row.get(0)), Ok(0));
        connection.execute("DROP TABLE halted_now", []).unwrap();
        assert_eq!(codes(&issue(&mut old.open(), &[order(1)])), ["OK"]);
        assert_eq!((form(&old), old.open().salt), (2, [9; 32]));

        for unknown in [0, 3] {
            connection.execute("UPDATE ledger SET form = ?", [unknown]).unwrap();
            let refused = Ledger::open(&old.path, &[7; 32]).unwrap_err();
            assert_eq!(refused.code(), "LEDGER_FORM");
            assert!(refused.to_string().contains(&format!("form {unknown}")), "{refused}");
            assert_eq!(form(&old), unknown);
        }
    }

    #[test]
    fn idempotency_keys_have_bounds() {
        assert!(IdempotencyKey::parse("a").is_some() && IdempotencyKey::parse(&"a".repeat(128)).is_some());
        for text in ["", "a b", "居", &"a".repeat(129)] {
            assert!(IdempotencyKey::parse(text).is_none(), "{text}");
        }
    }
}
