//! Servers among the sources: options, the proxy of the surroundings, and what to remember of them.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use command_line::files::read_limited;
use command_line::refusal::Refusal;
use credential_format::timestamp::Timestamp;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use verifier::fetch::client::Proxy;
use verifier::fetch::{Address, Fetcher, Harvest, Settings, Times};
use verifier::state::{Fate, Fetched, State, SyncReport};

use super::Found;
use crate::cli::state_refusal;

/// How servers are reached.
#[derive(Args)]
pub(super) struct ServerArguments {
    /// A certificate (PEM) of an authority that servers may have theirs from, besides those that this computer trusts
    #[arg(long, value_name = "FILE.pem")]
    ca: Option<PathBuf>,
    /// The proxy for https, like http://proxy.example.cn:3128. Without it HTTPS_PROXY, ALL_PROXY and NO_PROXY count
    #[arg(long, value_name = "ADDRESS")]
    proxy: Option<String>,
    /// Go through no proxy, whatever HTTPS_PROXY and ALL_PROXY say
    #[arg(long, conflicts_with = "proxy")]
    no_proxy: bool,
    /// How long fetching may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    time_limit: u64,
}

/// The most servers of one synchronisation.
const SERVERS_MAX: usize = 16;
/// Bytes of a file with certificates: a whole system's are a quarter of a megabyte.
const AUTHORITIES_BYTES_MAX: u64 = 4 * 1024 * 1024;

impl ServerArguments {
    /// Reads all that can be wrong about the addresses and options, before anything is opened.
    pub(super) fn fetching(&self, addresses: &[&str]) -> Result<Option<Fetching>, Refusal> {
        if addresses.is_empty() {
            return Ok(None);
        }
        let mut servers: Vec<(Address, String)> = Vec::new();
        for address in addresses {
            let server = Address::parse(address).map_err(|error| from_sentence(error.code(), &error.to_string()))?;
            if !servers.iter().any(|(other, _)| *other == server) {
                servers.push((server, (*address).to_owned()));
            }
        }
        if servers.len() > SERVERS_MAX {
            return Err(Refusal::usage(
                "SYNC_SERVERS",
                format!("there are {} servers, the limit is {SERVERS_MAX}", servers.len()),
                "name fewer servers, and synchronise again for the others",
            ));
        }
        let authorities = self.ca.as_ref().map(|path| read_limited(path, AUTHORITIES_BYTES_MAX)).transpose()?;
        let times = Times { whole: Duration::from_secs(self.time_limit), ..Times::default() };
        let fetcher = Fetcher::new(&Settings { authorities, proxy: self.proxy()?, times }).map_err(|error| {
            // The only setting that is read there is the file of authorities.
            let file = self.ca.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            from_sentence(error.code(), &format!("{file}: {error}"))
        })?;
        Ok(Some(Fetching { fetcher, servers }))
    }

    fn proxy(&self) -> Result<Option<Proxy>, Refusal> {
        if self.no_proxy {
            return Ok(None);
        }
        let (name, address, without) = match &self.proxy {
            Some(address) => ("--proxy", address.clone(), String::new()),
            None => match surroundings(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]) {
                Some((name, address)) => {
                    let without = surroundings(&["no_proxy", "NO_PROXY"]).map(|(_, hosts)| hosts).unwrap_or_default();
                    (name, address, without)
                }
                None => return Ok(None),
            },
        };
        // Not with its value, which may have a password in it.
        Proxy::new(&address, &without)
            .map(Some)
            .map_err(|error| from_sentence(error.code(), &format!("{name} is {error}, or use --no-proxy")))
    }
}

/// The first of these variables that says something.
fn surroundings(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| Some((*name, std::env::var(name).ok().filter(|value| !value.trim().is_empty())?)))
}

fn from_sentence(code: &'static str, sentence: &str) -> Refusal {
    let (what, remedy) = sentence.split_once("; ").unwrap_or((sentence, "see `verifier sync --help`"));
    Refusal::usage(code, what, remedy)
}

/// Servers, and what asks them.
pub(super) struct Fetching {
    fetcher: Fetcher,
    servers: Vec<(Address, String)>,
}

impl Fetching {
    /// Adds what the servers have, and what went wrong with them.
    pub(super) fn fetch(&self, state: &State, now: Timestamp, found: &mut Found) -> Result<Vec<Harvest>, Refusal> {
        let addresses: Vec<Address> = self.servers.iter().map(|(address, _)| address.clone()).collect();
        let progress = Progress::new();
        let harvests = self.fetcher.fetch(state, &addresses, now, &|done, planned| progress.show(done, planned));
        drop(progress);
        let mut harvests = harvests.map_err(|error| state_refusal(&error))?;
        for (harvest, (_, source)) in harvests.iter_mut().zip(&self.servers) {
            for file in &mut harvest.downloads {
                found.offer(file.url.clone(), source, std::mem::take(&mut file.bytes))?;
            }
            for file in &harvest.unchanged {
                found.sources.insert(file.url.clone(), source.clone());
                let (name, kind) = (file.url.clone(), file.kind.clone());
                found.settled.push(Fetched { name, kind, fate: Fate::Unchanged });
            }
            for missed in &harvest.missed {
                let (code, sentence, zh) = (missed.error.code(), missed.error.to_string(), missed.error.zh());
                found.refuse(missed.name.clone(), source, Fate::Refused { code, sentence, zh });
            }
        }
        Ok(harvests)
    }
}

/// So that the next synchronisation asks only for what has changed. Where it cannot be kept, more is fetched than need be, and nothing else.
pub(super) fn remember(state: &mut State, harvests: &[Harvest], report: &SyncReport) {
    let etags: Vec<_> = harvests.iter().flat_map(|harvest| harvest.etags(report)).collect();
    if !etags.is_empty() {
        let _ = state.keep_etags(&etags);
    }
}

/// Counts on standard error while it is a terminal, once it takes longer than anybody waits without asking.
struct Progress {
    bar: ProgressBar,
    begun: Instant,
    is_terminal: bool,
}

impl Progress {
    fn new() -> Progress {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} / {len} 份名单 lists, {elapsed}") {
            bar.set_style(style);
        }
        Progress { bar, begun: Instant::now(), is_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&self, done: usize, planned: usize) {
        if self.is_terminal && self.bar.is_hidden() && self.begun.elapsed() > Duration::from_secs(2) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_length(planned as u64);
        self.bar.set_position(done as u64);
    }
}

/// The report is not written behind a bar that stands still.
impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
