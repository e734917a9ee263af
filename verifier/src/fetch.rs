//! Fetching lists from servers: the only place of a verifier that opens a connection, and only when it is asked to synchronise.
//!
//! A server is any that can hand out files: `index.json` says which lists there are ([`index`]), and those that are needed are fetched
//! ([`Fetcher::fetch`]). Nothing of it is believed: the index is unsigned and only a hint, and every list is checked by
//! [`State::sync`] as if it had come on a stick. What is checked here is that no server, however it behaves, costs more than some
//! megabytes and some minutes, and that none keeps another's lists from arriving.
//!
//! | bound | |
//! |---|---|
//! | `index.json`, a trust list | 4 MiB |
//! | a status list | 300,000 bytes |
//! | files of one server | 10,000 |
//! | bytes of one synchronisation | 1,000,000,000 |
//! | to connect, TLS included | 5 s |
//! | to the next byte | 10 s |
//! | one answer | 60 s, then what is missing is asked for, three times at most |
//! | all of it | 30 minutes, unless the caller says otherwise |
//!
//! What has arrived of a list when the connection breaks is kept in the folder `incoming` of the state ([`incoming`]), and the next
//! synchronisation asks for the rest.

pub mod address;
pub mod client;
pub mod failure;
pub mod incoming;
pub mod index;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use credential_format::limits::{STATUS_TOKEN_BYTES_MAX, TRUST_LIST_BYTES_MAX};
use credential_format::timestamp::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::state::{Fate, ListKind, State, StateError, SyncReport};

pub use address::{Address, AddressError};
pub use failure::{FetchError, SettingsError};

use client::{Answer, Client, Wanted};
use incoming::Incoming;
use index::{INDEX_BYTES_MAX, Index};

/// Connections to one server at a time.
const CONNECTIONS: usize = 4;
/// After so many files in a row that a server could not deliver, it is asked for no more.
const FAILURES_MAX: usize = 4;

/// How to reach servers, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Certificates (PEM, one or more) of authorities that are trusted besides those of this computer.
    pub authorities: Option<Vec<u8>>,
    /// The proxy that https goes through.
    pub proxy: Option<client::Proxy>,
    /// The times.
    pub times: Times,
}

/// How long anything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Until there is a connection, TLS included.
    pub connect: Duration,
    /// Until the next byte.
    pub read: Duration,
    /// One request with its answer.
    pub answer: Duration,
    /// The whole of [`Fetcher::fetch`].
    pub whole: Duration,
}

impl Default for Times {
    fn default() -> Times {
        let seconds = Duration::from_secs;
        Times { connect: seconds(5), read: seconds(10), answer: seconds(60), whole: seconds(30 * 60) }
    }
}

/// What fetches.
pub struct Fetcher {
    client: Client,
    times: Times,
}

/// What one server gave.
#[derive(Debug)]
pub struct Harvest {
    /// The server.
    pub address: Address,
    /// Lists that arrived. Nobody has checked them.
    pub downloads: Vec<Download>,
    /// What the server says is as it was when it was last fetched.
    pub unchanged: Vec<Unchanged>,
    /// What did not arrive, and why.
    pub missed: Vec<Missed>,
    index: Option<Tagged>,
}

/// A list that arrived.
#[derive(Debug)]
pub struct Download {
    /// Its address.
    pub url: String,
    /// Its content.
    pub bytes: Vec<u8>,
    etag: Option<String>,
    sha256: String,
}

/// A file that need not be fetched again.
#[derive(Debug)]
pub struct Unchanged {
    /// Its address.
    pub url: String,
    /// What the index says it is; [`ListKind::Other`] for the index itself, which then stands for all the lists in it.
    pub kind: ListKind,
    etag: Option<String>,
    sha256: Option<String>,
}

/// What did not arrive.
#[derive(Debug)]
pub struct Missed {
    /// The address of the file, or of the server when it is about more than one.
    pub name: String,
    /// Why.
    pub error: FetchError,
}

/// What a server calls the present content of a file.
#[derive(Debug)]
struct Tagged {
    url: String,
    etag: String,
}

impl Fetcher {
    /// Reads the settings. No connection is opened.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(settings: &Settings) -> Result<Fetcher, SettingsError> {
        Ok(Fetcher { client: Client::new(settings)?, times: settings.times })
    }

    /// Fetches from each of these servers, all at the same time, the index and then the lists that this state needs: trust lists that are
    /// not older than the one in use, and status lists. What has the digest in the index that it had when it was taken is not asked for, and
    /// what the server still calls by the same name (ETag) is not sent. `now` decides which beginnings of lists are too old to keep;
    /// `progress` is told how many files are done, and how many there are.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read. What goes wrong with a server is in its harvest.
    pub fn fetch(
        &self,
        state: &State,
        servers: &[Address],
        now: Timestamp,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<Harvest>, StateError> {
        let deadline = Instant::now().checked_add(self.times.whole);
        let session = Session {
            client: &self.client,
            incoming: Incoming::open(state.folder(), now),
            deadline,
            bytes: AtomicUsize::new(0),
        };
        let indexes = servers.iter().map(|server| {
            let etag = state.etag(&server.index_url())?;
            Ok(Wanted { url: server.index_url(), etag, sha256: None, limit: INDEX_BYTES_MAX, kind: ListKind::Other })
        });
        let indexes = indexes.collect::<Result<Vec<_>, StateError>>()?;
        let answers: Vec<_> = thread::scope(|scope| {
            let started: Vec<_> =
                indexes.iter().map(|wanted| scope.spawn(|| session.client.get(wanted, &session))).collect();
            // A thread that ended in a panic has answered nothing.
            started.into_iter().map(|thread| thread.join().unwrap_or(Err(FetchError::Broken))).collect()
        });
        let mut jobs = Vec::with_capacity(servers.len());
        for (server, answer) in servers.iter().zip(answers) {
            jobs.push(Job::plan(state, server.clone(), answer)?);
        }
        let planned = jobs.iter().map(|job| job.wanted.len()).sum();
        let done = AtomicUsize::new(0);
        let advance = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, planned);
        if planned > 0 {
            progress(0, planned);
        }
        Ok(thread::scope(|scope| {
            let started: Vec<_> = jobs
                .into_iter()
                .map(|job| (job.harvest.address.clone(), scope.spawn(|| job.run(&session, &advance))))
                .collect();
            let harvest = |(address, thread): (Address, thread::ScopedJoinHandle<'_, Harvest>)| {
                thread.join().unwrap_or_else(|_| Harvest::of(address).without(FetchError::Broken))
            };
            started.into_iter().map(harvest).collect()
        }))
    }
}

/// What all threads of one call share.
pub(crate) struct Session<'a> {
    client: &'a Client,
    pub(crate) incoming: Incoming,
    deadline: Option<Instant>,
    bytes: AtomicUsize,
}

/// Bytes of one synchronisation: 3,000 issuers with a full list each are below it.
const BYTES_MAX: usize = 1_000_000_000;

impl Session<'_> {
    /// Counts bytes that arrived, and looks at the clock.
    pub(crate) fn go_on(&self, arrived: usize) -> Result<(), FetchError> {
        if self.bytes.fetch_add(arrived, Ordering::Relaxed).saturating_add(arrived) > BYTES_MAX {
            return Err(FetchError::TooMuch { limit: BYTES_MAX });
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(FetchError::TimeOver { left: 1 }),
            _ => Ok(()),
        }
    }
}

/// One server, and what is wanted of it.
struct Job {
    wanted: Vec<Wanted>,
    harvest: Harvest,
}

impl Job {
    /// What is to be fetched, by the index.
    fn plan(state: &State, address: Address, answer: Result<Answer, FetchError>) -> Result<Job, StateError> {
        let url = address.index_url();
        let mut harvest = Harvest::of(address);
        let nothing = |harvest| Ok(Job { wanted: Vec::new(), harvest });
        let (bytes, etag) = match answer {
            Err(error) => return nothing(harvest.without(error.of_index())),
            Ok(Answer::NotModified { etag }) => {
                harvest.unchanged.push(Unchanged { url, kind: ListKind::Other, etag, sha256: None });
                return nothing(harvest);
            }
            Ok(Answer::Body { bytes, etag }) => (bytes, etag),
        };
        let index = match Index::parse(&bytes) {
            Ok(index) => index,
            Err(error) => return nothing(harvest.without(FetchError::Index(error))),
        };
        harvest.index = etag.map(|etag| Tagged { url, etag });
        let in_use = state.trust();
        let in_use = in_use.map(|trust| (trust.list().version, hex::encode(Sha256::digest(trust.bytes()))));
        let mut wanted = Vec::new();
        for file in index.needed(in_use.as_ref().map(|(version, _)| *version)) {
            let url = harvest.address.join(&file.path);
            let limit = match file.kind {
                ListKind::Status { .. } => STATUS_TOKEN_BYTES_MAX,
                _ => TRUST_LIST_BYTES_MAX,
            };
            let etag = state.etag(&url)?;
            let sha256 = match (&file.kind, &in_use) {
                (ListKind::Trust { version }, Some((current, digest))) if *version == Some(*current) => {
                    Some(digest.clone())
                }
                _ => state.etag(&digest_key(&url))?,
            };
            // The very list that is in use: there is nothing to ask.
            if sha256.as_ref() == Some(&file.sha256) {
                harvest.unchanged.push(Unchanged { url, kind: file.kind, etag, sha256 });
                continue;
            }
            wanted.push(Wanted { url, etag, sha256, limit, kind: file.kind });
        }
        Ok(Job { wanted, harvest })
    }

    /// Fetches, over a few connections at a time.
    fn run(self, session: &Session<'_>, advance: &(dyn Fn() + Sync)) -> Harvest {
        let Job { wanted, harvest } = self;
        let connections = CONNECTIONS.min(wanted.len());
        let queue = Mutex::new(VecDeque::from(wanted));
        let harvest = Mutex::new(harvest);
        let failures = AtomicUsize::new(0);
        // A function, so that the queue is free again before the file is fetched.
        let next = || lock(&queue).pop_front();
        thread::scope(|scope| {
            for _ in 0..connections {
                scope.spawn(|| {
                    while failures.load(Ordering::Relaxed) < FAILURES_MAX
                        && session.go_on(0).is_ok()
                        && let Some(wanted) = next()
                    {
                        let answer = session.client.get(&wanted, session);
                        match &answer {
                            Err(error) if error.is_of_the_connection() => {
                                failures.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => failures.store(0, Ordering::Relaxed),
                        }
                        lock(&harvest).put(wanted, answer);
                        advance();
                    }
                });
            }
        });
        let left = lock(&queue).len();
        let mut harvest = harvest.into_inner().unwrap_or_else(PoisonError::into_inner);
        if left > 0 {
            let error = match session.go_on(0) {
                Ok(()) => FetchError::GivenUp { left },
                Err(FetchError::TimeOver { .. }) => FetchError::TimeOver { left },
                Err(error) => error,
            };
            harvest = harvest.without(error);
        }
        harvest
    }
}

/// What the digest of the file at this address is remembered under: an address that nothing is fetched from, since it has a hash in it.
fn digest_key(url: &str) -> String {
    format!("{url}#sha256")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Harvest {
    fn of(address: Address) -> Harvest {
        Harvest { address, downloads: Vec::new(), unchanged: Vec::new(), missed: Vec::new(), index: None }
    }

    fn without(mut self, error: FetchError) -> Harvest {
        self.missed.push(Missed { name: format!("{}", self.address), error });
        self
    }

    fn put(&mut self, wanted: Wanted, answer: Result<Answer, FetchError>) {
        let Wanted { url, kind, sha256, .. } = wanted;
        match answer {
            Ok(Answer::Body { bytes, etag }) => {
                let sha256 = hex::encode(Sha256::digest(&bytes));
                self.downloads.push(Download { url, bytes, etag, sha256 });
            }
            Ok(Answer::NotModified { etag }) => self.unchanged.push(Unchanged { url, kind, etag, sha256 }),
            Err(error) => self.missed.push(Missed { name: url, error }),
        }
    }

    /// What to remember by [`State::keep_etags`], after these downloads were offered to [`State::sync`]: the names and digests of files that
    /// are in use, and the name of the index when there is nothing in it that would have to be fetched again.
    ///
    /// A new trust list makes the state forget all names. The lists that a server said are unchanged are in the state all the same, and
    /// asking for them again would bring the same, so that theirs are remembered anew. An index is not: what it names may have been passed
    /// over under the trust list before, and be good under this one.
    pub fn etags(&self, report: &SyncReport) -> Vec<(String, String)> {
        let fates: BTreeMap<&str, &Fate> = report.files.iter().map(|file| (file.name.as_str(), &file.fate)).collect();
        let fate = |download: &Download| fates.get(download.url.as_str()).copied();
        let named = |url: &str, etag: Option<&String>, sha256: Option<&String>| {
            let etag = etag.map(|etag| (url.to_owned(), etag.clone()));
            etag.into_iter().chain(sha256.map(|sha256| (digest_key(url), sha256.clone())))
        };
        let taken = self.downloads.iter().filter(|file| matches!(fate(file), Some(Fate::Taken | Fate::Unchanged)));
        let taken = taken.flat_map(|file| named(&file.url, file.etag.as_ref(), Some(&file.sha256)));
        let new_trust =
            report.files.iter().any(|file| matches!((&file.kind, &file.fate), (ListKind::Trust { .. }, Fate::Taken)));
        let unchanged = self.unchanged.iter().filter(|file| !(new_trust && file.kind == ListKind::Other));
        let unchanged = unchanged.flat_map(|file| named(&file.url, file.etag.as_ref(), file.sha256.as_ref()));
        let mut etags: Vec<_> = taken.chain(unchanged).collect();
        let settled = |file| matches!(fate(file), Some(Fate::Taken | Fate::Unchanged | Fate::PassedOver));
        if let Some(index) = &self.index
            && self.missed.is_empty()
            && self.downloads.iter().all(settled)
        {
            etags.push((index.url.clone(), index.etag.clone()));
        }
        etags
    }
}
