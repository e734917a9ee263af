//! Servers for tests: one that hands out a folder, with TLS or without, and misbehaves where it is told to; and a proxy.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server does in place of answering as it should.
#[derive(Clone, Debug)]
pub(crate) enum Trick {
    /// Announces the whole file, and closes the connection after so many bytes of the body.
    Cut(usize),
    /// Zeros without end, and without a length.
    Endless,
    /// One byte of the file every tenth of a second.
    Drip,
    /// Announces the file and sends nothing of it.
    Silence,
    /// Another `Content-Length` than the file has, by so much.
    Length(i64),
    /// `Content-Encoding: gzip` and these bytes.
    Gzip(Vec<u8>),
    /// 200 and the whole file, whatever range was asked for.
    NoRanges,
    /// 206 with bytes from the beginning, whatever range was asked for.
    WrongRange,
    /// A page for people.
    Page,
    /// No ETag.
    NoTag,
    /// This status, and no file.
    Status(u16),
    /// Sends on to there.
    To(String),
    /// These bytes in place of the file.
    Bytes(Vec<u8>),
    /// What is no HTTP.
    Garbage,
}

/// What was asked and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub path: String,
    pub status: u16,
    /// Where the range began that was asked for.
    pub from: Option<usize>,
    /// Bytes of the body that were sent.
    pub sent: usize,
}

#[derive(Default)]
struct Shared {
    root: PathBuf,
    tricks: Mutex<HashMap<String, VecDeque<Trick>>>,
    log: Mutex<Vec<Exchange>>,
}

/// A server on a port of its own of this computer, for as long as the test runs.
pub(crate) struct Server {
    port: u16,
    scheme: &'static str,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn tls(root: &Path, identity: &Identity) -> Server {
        let config = identity.config();
        Server::start(root, "https", move |stream, shared| {
            let Ok(connection) = ServerConnection::new(config.clone()) else { return };
            serve(StreamOwned::new(connection, stream), shared);
        })
    }

    pub(crate) fn plain(root: &Path) -> Server {
        Server::start(root, "http", serve)
    }

    fn start(root: &Path, scheme: &'static str, talk: impl Fn(TcpStream, &Shared) + Clone + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared { root: root.to_owned(), ..Shared::default() });
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // As web servers do: heads and bodies are written apart, and would wait for each other.
                stream.set_nodelay(true).expect("an option");
                let (shared, talk) = (Arc::clone(&theirs), talk.clone());
                thread::spawn(move || talk(stream, &shared));
            }
        });
        Server { port, scheme, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// By name: certificates are made out for it.
    pub(crate) fn address(&self) -> String {
        format!("{}://localhost:{}/", self.scheme, self.port)
    }

    /// The next so many times that this file is asked for.
    pub(crate) fn trick(&self, path: &str, trick: Trick, times: usize) {
        let mut tricks = self.shared.tricks.lock().expect("tricks");
        tricks.entry(path.into()).or_default().extend(std::iter::repeat_n(trick, times));
    }

    pub(crate) fn behave(&self) {
        self.shared.tricks.lock().expect("tricks").clear();
    }

    /// What was asked since this was asked last.
    pub(crate) fn log(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.shared.log.lock().expect("a log"))
    }
}

impl Shared {
    fn trick_for(&self, path: &str) -> Option<Trick> {
        self.tricks.lock().expect("tricks").get_mut(path)?.pop_front()
    }
}

/// Answers requests until the connection ends.
fn serve(mut stream: impl Read + Write, shared: &Shared) {
    while let Some(head) = read_head(&mut stream) {
        let mut words = head.split(' ');
        assert_eq!(words.next(), Some("GET"), "{head}");
        let path = words.next().unwrap_or_default().trim_start_matches('/').to_owned();
        let header = |name: &str| {
            head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)))
        };
        assert_eq!(header("accept-encoding").map(|(_, value)| value), Some("identity"), "{head}");
        let from = header("range").map(|(_, range)| {
            range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).expect(range).parse().expect(range)
        });
        let asked = Asked {
            from,
            if_range: header("if-range").map(|(_, tag)| tag.to_owned()),
            if_none_match: header("if-none-match").map(|(_, tag)| tag.to_owned()),
        };
        let trick = shared.trick_for(&path);
        let (status, sent, goes_on) = answer(&mut stream, &shared.root.join(&path), &asked, trick);
        shared.log.lock().expect("a log").push(Exchange { path, status, from, sent });
        if !goes_on {
            return;
        }
    }
}

struct Asked {
    from: Option<usize>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

/// The status, the bytes of the body that went out, and whether the connection can go on.
fn answer(stream: &mut (impl Read + Write), file: &Path, asked: &Asked, trick: Option<Trick>) -> (u16, usize, bool) {
    let page = b"<!DOCTYPE html><html><title>Login</title></html>".to_vec();
    let body = match &trick {
        Some(Trick::Bytes(bytes) | Trick::Gzip(bytes)) => Some(bytes.clone()),
        Some(Trick::Page) => Some(page),
        _ => fs::read(file).ok(),
    };
    let simple = |stream: &mut dyn Write, status: u16, more: &str| {
        let head = format!("HTTP/1.1 {status} X\r\n{more}content-length: 0\r\n\r\n");
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.flush());
        (status, 0, sent.is_ok())
    };
    match &trick {
        Some(Trick::Status(status)) => return simple(stream, *status, ""),
        Some(Trick::To(there)) => return simple(stream, 302, &format!("location: {there}\r\n")),
        Some(Trick::Garbage) => {
            let _ = stream.write_all(b"220 smtp.example ESMTP\r\n").and_then(|()| stream.flush());
            return (0, 0, false);
        }
        _ => {}
    }
    let Some(body) = body else { return simple(stream, 404, "") };
    let tag = format!("\"{}\"", hex::encode(&digest(&SHA256, &body).as_ref()[..8]));
    if asked.if_none_match.as_ref() == Some(&tag) && trick.is_none() {
        return simple(stream, 304, &format!("etag: {tag}\r\n"));
    }
    let resumes = asked.from.filter(|from| asked.if_range.as_ref() == Some(&tag) && *from < body.len());
    let (status, start) = match (&trick, resumes) {
        (Some(Trick::NoRanges), _) | (_, None) => (200, 0),
        (Some(Trick::WrongRange), Some(_)) => (206, 0),
        (_, Some(from)) => (206, from),
    };
    let rest = &body[start..];
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/octet-stream\r\n");
    if !matches!(trick, Some(Trick::NoTag)) {
        head += &format!("etag: {tag}\r\n");
    }
    if status == 206 {
        head += &format!("content-range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
    }
    if matches!(trick, Some(Trick::Gzip(_))) {
        head += "content-encoding: gzip\r\n";
    }
    let length = match trick {
        Some(Trick::Length(by)) => rest.len().checked_add_signed(by as isize).expect("a length"),
        _ => rest.len(),
    };
    if !matches!(trick, Some(Trick::Endless)) {
        head += &format!("content-length: {length}\r\n");
    }
    head += "\r\n";
    if stream.write_all(head.as_bytes()).is_err() {
        return (status, 0, false);
    }
    let mut sent = 0;
    let mut send = |stream: &mut dyn Write, bytes: &[u8]| {
        let done = stream.write_all(bytes).and_then(|()| stream.flush()).is_ok();
        sent += if done { bytes.len() } else { 0 };
        done
    };
    let goes_on = match trick {
        Some(Trick::Cut(after)) => {
            send(stream, &rest[..after.min(rest.len())]);
            false
        }
        Some(Trick::Endless) => {
            while send(stream, &[0; 65_536]) {}
            false
        }
        Some(Trick::Drip) => {
            for byte in rest {
                if !send(stream, &[*byte]) {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
            false
        }
        Some(Trick::Silence) => {
            thread::sleep(Duration::from_secs(60));
            false
        }
        Some(Trick::Length(_)) => {
            send(stream, rest);
            false
        }
        _ => send(stream, rest),
    };
    (status, sent, goes_on)
}

fn read_head(stream: &mut (impl Read + Write)) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        // Not HTTP: answered as web servers answer it, and read to its end, so that the answer arrives.
        if head.first().is_some_and(|first| !first.is_ascii_uppercase()) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            let _ = std::io::copy(stream, &mut std::io::sink());
            return None;
        }
        if head.len() > 16_384 || stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A certificate for `localhost` and its key, and the authority it comes from.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    /// The authority's certificate, PEM.
    pub authority: String,
}

/// What a certificate is made out for, and until when.
pub(crate) struct Made<'a> {
    pub host: &'a str,
    pub last_year: i32,
}

impl Identity {
    pub(crate) fn new() -> Identity {
        Identity::made(&Made { host: "localhost", last_year: 2099 })
    }

    pub(crate) fn made(made: &Made<'_>) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "TEST ONLY authority");
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let mut params = CertificateParams::new(vec![made.host.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(made.last_year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        Identity { chain: vec![certificate.der().clone()], key: key.serialize_der(), authority: authority.pem() }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth().with_single_cert(self.chain.clone(), key);
        Arc::new(config.expect("a certificate with its key"))
    }
}

/// A proxy that makes connections with CONNECT, or refuses to.
pub(crate) struct ConnectProxy {
    port: u16,
    hosts: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    /// `answer` is its status line: `200 OK`, and it connects.
    pub(crate) fn new(answer: &'static str) -> ConnectProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let hosts = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&hosts);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hosts = Arc::clone(&theirs);
                thread::spawn(move || tunnel(stream, answer, &hosts));
            }
        });
        ConnectProxy { port, hosts }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it was to connect to, since this was asked last.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.hosts.lock().expect("a log"))
    }
}

fn tunnel(mut stream: TcpStream, answer: &str, hosts: &Mutex<Vec<String>>) {
    let Some(head) = read_head(&mut stream) else { return };
    let host = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).expect("CONNECT").to_owned();
    hosts.lock().expect("a log").push(host.clone());
    let head = format!("HTTP/1.1 {answer}\r\n\r\n");
    if stream.write_all(head.as_bytes()).is_err() || !answer.starts_with("200") {
        return;
    }
    let Ok(target) = TcpStream::connect(host) else { return };
    let (mut from, mut to) = (stream.try_clone().expect("a handle"), target.try_clone().expect("a handle"));
    let back = thread::spawn(move || drop(std::io::copy(&mut to, &mut stream)));
    let mut target = target;
    let _ = std::io::copy(&mut from, &mut target);
    let _ = target.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
}
