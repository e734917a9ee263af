//! One connection to the server of a shared guard.
//!
//! The client of the `redis` crate limits each reading, not the whole attempt, and looks names up without any limit; so the socket is ours
//! here, and the crate writes the commands and reads the answers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use credential_format::timestamp::Timestamp;
use redis::{Cmd, Parser, Value};

use super::address::{Host, RedisAddress};
use super::trouble::Fault;

/// A server, over a connection that is open.
pub(super) struct Link {
    stream: TcpStream,
    parser: Parser,
    /// Which server in which role, since when: changes whenever its memory may have.
    term: String,
}

/// One code, to be recorded if no counter has.
pub(super) struct Question<'a> {
    pub(super) key: String,
    pub(super) counter: &'a str,
    pub(super) keep_millis: u64,
    /// If this is the first question in the server's term: when it will know enough to call a code first.
    pub(super) settled_at: Timestamp,
}

/// What the server said, at one moment.
#[derive(Debug)]
pub(super) struct Answer {
    /// The code was not there, and is now.
    pub(super) first: bool,
    /// The code is there from a counter with this one's id.
    pub(super) by_this_counter: bool,
    /// Codes made until then may have been forgotten.
    pub(super) settled_at: Timestamp,
}

/// The most bytes of one answer: the longest, what the server says of itself, is a tenth of it.
const ANSWER_BYTES_MAX: usize = 65_536;

impl Link {
    /// Connects, gives the password, and learns which term it is. Whether the server can be relied on is asked with each code.
    pub(super) fn open(address: &RedisAddress, lookup: &mut Lookup, until: Instant) -> Result<Link, Fault> {
        let stream = connect(&lookup.addresses(address, until)?, until)?;
        let mut link = Link { stream, parser: Parser::new(), term: String::new() };
        if let Some(password) = address.password() {
            let mut auth = redis::cmd("AUTH");
            auth.arg(password);
            match link.call(&auth, until) {
                Ok(_) => {}
                // Any other refusal is about the password: wrong, or none is set; older servers have no word for either.
                Err(Fault::Refused(code)) if code != "DENIED" => return Err(Fault::Password),
                Err(fault) => return Err(fault),
            }
        }
        if address.database() != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(address.database());
            match link.call(&select, until) {
                Ok(_) => {}
                Err(Fault::Refused(code)) if code == "ERR" => return Err(Fault::Database(address.database())),
                Err(fault) => return Err(fault),
            }
        }
        let server = text(link.call(&info("server"), until)?)?;
        let replication = text(link.call(&info("replication"), until)?)?;
        link.term = format!("{}:{}", name(&server, "run_id")?, name(&replication, "master_replid")?);
        Ok(link)
    }

    /// Asks, in one transaction, so that nothing comes between the checks and the record.
    pub(super) fn ask(&mut self, question: &Question<'_>, until: Instant) -> Result<Answer, Fault> {
        let since = format!("juma:guard:since:{}", self.term);
        let mut transaction = redis::pipe();
        transaction.atomic();
        transaction.add_command(info("replication"));
        transaction.add_command(info("memory"));
        transaction.cmd("SET").arg(&since).arg(question.settled_at.seconds()).arg("NX");
        transaction.cmd("GET").arg(&since);
        transaction.cmd("SET").arg(&question.key).arg(question.counter).arg("NX").arg("PX").arg(question.keep_millis);
        transaction.cmd("GET").arg(&question.key);
        self.send(&transaction.get_packed_pipeline(), until)?;
        // MULTI and each command have an answer of their own: OK, and QUEUED or why not.
        for _ in 0..=transaction.len() {
            accepted(self.receive(until)?)?;
        }
        let Value::Array(answers) = accepted(self.receive(until)?)? else { return Err(Fault::NotRedis) };
        let answers = answers.into_iter().map(accepted).collect::<Result<Vec<_>, Fault>>()?;
        let [replication, memory, _, settled_at, first, by] =
            <[Value; 6]>::try_from(answers).map_err(|_| Fault::NotRedis)?;
        let replication = text(replication)?;
        check_role(&replication)?;
        check_memory(&text(memory)?)?;
        if !self.term.ends_with(&format!(":{}", name(&replication, "master_replid")?)) {
            return Err(Fault::RoleChanged);
        }
        let settled_at = text(settled_at)?.parse().ok().and_then(|seconds| Timestamp::new(seconds).ok());
        let first = match first {
            Value::Okay => true,
            Value::Nil => false,
            _ => return Err(Fault::NotRedis),
        };
        Ok(Answer {
            first,
            by_this_counter: text(by)? == question.counter,
            settled_at: settled_at.ok_or(Fault::NotRedis)?,
        })
    }

    fn call(&mut self, command: &Cmd, until: Instant) -> Result<Value, Fault> {
        self.send(&command.get_packed_command(), until)?;
        accepted(self.receive(until)?)
    }

    fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), Fault> {
        Timed { stream: &self.stream, until, left: 0 }.write_all(bytes).map_err(|error| Fault::of_io(&error))
    }

    fn receive(&mut self, until: Instant) -> Result<Value, Fault> {
        let mut reader = Timed { stream: &self.stream, until, left: ANSWER_BYTES_MAX };
        self.parser.parse_value(&mut reader).map_err(|error| {
            if error.is_timeout() {
                Fault::Silent
            } else if error.is_io_error() && reader.left > 0 {
                Fault::HungUp
            } else {
                Fault::NotRedis
            }
        })
    }
}

/// A socket until a moment, whatever the number of readings, and for so many bytes.
struct Timed<'a> {
    stream: &'a TcpStream,
    until: Instant,
    left: usize,
}

impl Timed<'_> {
    fn remaining(&self) -> io::Result<Duration> {
        remaining(self.until).ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        let most = buffer.len().min(self.left);
        // At the limit this reads nothing, which the parser takes for the end.
        let read = self.stream.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= read.min(self.left);
        Ok(read)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// None when the moment has come; a socket takes zero for "for ever".
fn remaining(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

/// The first of the addresses that can be connected to.
fn connect(addresses: &[SocketAddr], until: Instant) -> Result<TcpStream, Fault> {
    let mut fault = Fault::UnknownName;
    for address in addresses {
        let left = remaining(until).ok_or(Fault::Silent)?;
        match TcpStream::connect_timeout(address, left) {
            Ok(stream) => {
                // Small questions go out at once.
                stream.set_nodelay(true).map_err(|error| Fault::of_io(&error))?;
                return Ok(stream);
            }
            Err(error) if is_timeout(&error) => fault = Fault::Silent,
            Err(error) => fault = Fault::Unreachable(error.kind()),
        }
    }
    Err(fault)
}

/// Looks a host's name up beside the counter's work, since the system's resolver may take many seconds and cannot be told to be quicker.
#[derive(Default)]
pub(super) struct Lookup {
    /// What an earlier lookup, which took too long, will still say: there is one at a time.
    pending: Option<Receiver<io::Result<Vec<SocketAddr>>>>,
}

impl Lookup {
    fn addresses(&mut self, address: &RedisAddress, until: Instant) -> Result<Vec<SocketAddr>, Fault> {
        let name = match address.host() {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, address.port())]),
            Host::Name(name) => name.clone(),
        };
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => {
                let (sender, receiver) = mpsc::channel();
                let port = address.port();
                let look_up = move || {
                    // Nobody listens any more when the counter has closed.
                    let _ = sender.send((name, port).to_socket_addrs().map(Iterator::collect));
                };
                std::thread::Builder::new().spawn(look_up).map_err(|error| Fault::Unreachable(error.kind()))?;
                receiver
            }
        };
        match pending.recv_timeout(remaining(until).ok_or(Fault::Silent)?) {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(Fault::UnknownName),
            Err(RecvTimeoutError::Timeout) => {
                self.pending = Some(pending);
                Err(Fault::Silent)
            }
        }
    }
}

impl Fault {
    fn of_io(error: &io::Error) -> Fault {
        if is_timeout(error) { Fault::Silent } else { Fault::HungUp }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

fn info(section: &str) -> Cmd {
    let mut info = redis::cmd("INFO");
    info.arg(section);
    info
}

/// A value that is no refusal.
fn accepted(value: Value) -> Result<Value, Fault> {
    let Value::ServerError(error) = value else { return Ok(value) };
    Err(match error.code() {
        "NOAUTH" | "WRONGPASS" | "NOPERM" => Fault::Password,
        "LOADING" => Fault::Starting,
        "READONLY" => Fault::Replica,
        "OOM" => Fault::Full,
        other => Fault::Refused(printable(other)),
    })
}

fn text(value: Value) -> Result<String, Fault> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes).map_err(|_| Fault::NotRedis),
        _ => Err(Fault::NotRedis),
    }
}

/// A line `name:value` of what a server says of itself.
fn field<'a>(info: &'a str, field: &str) -> Result<&'a str, Fault> {
    info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).ok_or(Fault::NotRedis)
}

/// A field that can stand in a key.
fn name<'a>(info: &'a str, of: &str) -> Result<&'a str, Fault> {
    let name = field(info, of)?;
    let is_name = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_name { Ok(name) } else { Err(Fault::NotRedis) }
}

fn check_role(replication: &str) -> Result<(), Fault> {
    if field(replication, "role")? == "master" { Ok(()) } else { Err(Fault::Replica) }
}

fn check_memory(memory: &str) -> Result<(), Fault> {
    match (field(memory, "maxmemory")?, field(memory, "maxmemory_policy")?) {
        ("0", _) | (_, "noeviction") => Ok(()),
        (_, policy) => Err(Fault::Evicts(printable(policy))),
    }
}

/// A word of the server's, short and harmless in a terminal.
fn printable(word: &str) -> String {
    word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(24).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_master_that_forgets_nothing_will_do() {
        assert_eq!(check_role("# Replication\r\nrole:master\r\nconnected_slaves:0\r\n"), Ok(()));
        assert_eq!(check_role("role:slave\r\n"), Err(Fault::Replica));
        assert_eq!(check_role("role_of:master\r\n"), Err(Fault::NotRedis));
        let memory =
            |most, policy| check_memory(&format!("# Memory\r\nmaxmemory:{most}\r\nmaxmemory_policy:{policy}\r\n"));
        assert_eq!(memory("0", "allkeys-lru"), Ok(()));
        assert_eq!(memory("1", "noeviction"), Ok(()));
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-random", "one-of-the-future"] {
            assert_eq!(memory("1", policy), Err(Fault::Evicts(policy.into())));
        }
        assert_eq!(check_memory("maxmemory:0\r\n"), Err(Fault::NotRedis));
        assert_eq!(check_memory("maxmemory_policy:noeviction\r\n"), Err(Fault::NotRedis));
    }

    #[test]
    fn a_field_that_becomes_part_of_a_key_is_a_name() {
        assert_eq!(name("run_id:00ffAB\r\n", "run_id"), Ok("00ffAB"));
        let longest = format!("run_id:{}", "a".repeat(64));
        assert!(name(&longest, "run_id").is_ok());
        for wrong in ["run_id:\r\n", "run_id:a b\r\n", "run_id:a:b\r\n", "", &format!("{longest}a")] {
            assert_eq!(name(wrong, "run_id"), Err(Fault::NotRedis), "{wrong}");
        }
    }

    #[test]
    fn refusals_are_told_apart_by_their_code_and_shown_harmlessly() {
        let refused = |line: &str| accepted(redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap());
        for (line, fault) in [
            ("NOAUTH Authentication required.", Fault::Password),
            ("WRONGPASS invalid username-password pair", Fault::Password),
            ("NOPERM this user has no permissions", Fault::Password),
            ("LOADING Redis is loading the dataset in memory", Fault::Starting),
            ("READONLY You can't write against a read only replica.", Fault::Replica),
            ("OOM command not allowed", Fault::Full),
            ("MISCONF cannot persist", Fault::Refused("MISCONF".into())),
            ("\u{1b}[2J\u{202e}evil", Fault::Refused("2Jevil".into())),
            ("", Fault::Refused(String::new())),
            (&"A".repeat(25), Fault::Refused("A".repeat(24))),
        ] {
            assert_eq!(refused(line), Err(fault), "{line}");
        }
        assert_eq!(accepted(Value::Nil), Ok(Value::Nil));
    }
}
