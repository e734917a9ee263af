//! One file from one server: asked for only if it has changed, resumed where it broke off, never larger than it may be.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::CertificateError;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, ProxyProtocol, Timeout};

use super::address::Url;
use super::incoming::Part;
use super::{FetchError, Session, Settings, SettingsError};
use crate::state::ListKind;

/// How often what is missing is asked for.
const RESUMPTIONS: usize = 3;
/// How often a server may send on.
const REDIRECTS_MAX: usize = 3;
/// Bytes of the name that a server gives to a content.
pub(crate) const ETAG_BYTES_MAX: usize = 256;
/// What has arrived goes to the disk whenever there is so much more of it.
const KEPT_BYTES: usize = 512 * 1024;

/// A file to fetch.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) url: String,
    /// What the server called it when it was fetched before.
    pub(crate) etag: Option<String>,
    /// The digest that it had then.
    pub(crate) sha256: Option<String>,
    /// Bytes it may have.
    pub(crate) limit: usize,
    pub(crate) kind: ListKind,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It is as it was when it was fetched before.
    NotModified { etag: Option<String> },
    /// The whole of it.
    Body { bytes: Vec<u8>, etag: Option<String> },
}

/// A proxy for https. Plain http goes to this computer only, and never through it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    inner: ureq::Proxy,
}

impl Proxy {
    /// `http://proxy.example.cn:3128`, with a user name and a password if need be; and the hosts that are reached without it, as in the
    /// variable `NO_PROXY`: `example.cn, .example.cn, *`.
    ///
    /// # Errors
    /// [`SettingsError::Proxy`].
    pub fn new(address: &str, without: &str) -> Result<Proxy, SettingsError> {
        let read = ureq::Proxy::new(address.trim()).map_err(|_| SettingsError::Proxy)?;
        // A port that is no number would be passed over in silence.
        let authority =
            read.uri().authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default());
        let port = authority.and_then(|authority| authority.strip_prefix(read.host()));
        let has_port = port.is_some_and(|port| {
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        });
        let kind = matches!(read.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        if !kind || !has_port || read.host().is_empty() {
            return Err(SettingsError::Proxy);
        }
        let mut builder = ureq::Proxy::builder(read.protocol()).host(read.host()).port(read.port());
        if let Some(name) = read.username() {
            builder = builder.username(name);
        }
        if let Some(password) = read.password() {
            builder = builder.password(password);
        }
        for host in without.split(',').map(str::trim).filter(|host| !host.is_empty()) {
            builder = builder.no_proxy(host);
            // As everywhere else: a domain stands for the hosts in it too.
            if host.starts_with(|first: char| first.is_ascii_alphanumeric()) {
                builder = builder.no_proxy(&format!(".{host}"));
            }
        }
        builder.build().map(|inner| Proxy { inner }).map_err(|_| SettingsError::Proxy)
    }
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({}:{})", self.inner.host(), self.inner.port())
    }
}

/// What asks servers.
pub(crate) struct Client {
    /// Those who trust the authorities that were given, if any were, and those who trust the authorities of this computer.
    tls: Vec<Agent>,
    plain: Agent,
    /// Which of them got through to a host.
    through: Mutex<BTreeMap<String, usize>>,
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Client, SettingsError> {
        let agent = |roots: RootCerts, proxy: Option<&Proxy>| {
            let tls = TlsConfig::builder()
                .root_certs(roots)
                .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .build();
            let config = Agent::config_builder()
                .tls_config(tls)
                .proxy(proxy.map(|proxy| proxy.inner.clone()))
                .user_agent(concat!("juma-verifier/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .http_status_as_error(false)
                .max_redirects(0)
                .max_idle_connections_per_host(super::CONNECTIONS)
                .timeout_resolve(Some(settings.times.connect))
                .timeout_connect(Some(settings.times.connect))
                .timeout_per_read(Some(settings.times.read))
                .timeout_per_write(Some(settings.times.read))
                .timeout_per_call(Some(settings.times.answer.min(settings.times.whole)));
            Agent::from(config.build())
        };
        let mut tls = Vec::new();
        if let Some(pem) = &settings.authorities {
            tls.push(agent(authorities(pem)?, settings.proxy.as_ref()));
        }
        tls.push(agent(RootCerts::PlatformVerifier, settings.proxy.as_ref()));
        let plain = agent(RootCerts::PlatformVerifier, None);
        Ok(Client { tls, plain, through: Mutex::default() })
    }

    /// Fetches a file, or learns that it is as it was.
    pub(crate) fn get(&self, wanted: &Wanted, session: &Session<'_>) -> Result<Answer, FetchError> {
        let mut part = session.incoming.load(&wanted.url, wanted.limit);
        let mut resumed = 0;
        let answer = loop {
            let answer = self.ask(wanted, &mut part, session);
            match &answer {
                Err(error) if error.may_be_resumed() && resumed < RESUMPTIONS && session.go_on(0).is_ok() => {
                    resumed += 1
                }
                _ => break answer,
            }
        };
        match &answer {
            Err(FetchError::Broken | FetchError::TimeOver { .. }) => session.incoming.keep(&wanted.url, &part),
            // It may still be of use: nothing was learnt about the file.
            Err(error) if error.is_of_the_connection() => {}
            _ => session.incoming.forget(&wanted.url),
        }
        answer
    }

    /// One request for the file, or for what is missing of it, with its answer.
    fn ask(&self, wanted: &Wanted, part: &mut Part, session: &Session<'_>) -> Result<Answer, FetchError> {
        if part.etag.is_none() {
            part.bytes.clear();
        }
        let from = part.bytes.len();
        let mut headers = Vec::new();
        if let Some(etag) = &wanted.etag {
            headers.push(("if-none-match", etag.clone()));
        }
        if let Some(etag) = part.etag.as_ref().filter(|_| from > 0) {
            headers.push(("range", format!("bytes={from}-")));
            headers.push(("if-range", etag.clone()));
        }
        let response = self.send(&wanted.url, &headers)?;
        match response.status().as_u16() {
            304 if wanted.etag.is_some() => return Ok(Answer::NotModified { etag: wanted.etag.clone() }),
            200 => *part = Part { etag: header(&response, "etag").and_then(strong_etag), bytes: Vec::new() },
            206 if from > 0 && range_start(&response) == Some(from) => {}
            // The server takes what there is of it for something else.
            206 | 416 if from > 0 => {
                *part = Part::default();
                return Err(FetchError::Broken);
            }
            404 | 410 => return Err(FetchError::NotFound),
            status => return Err(FetchError::Status(status)),
        }
        if header(&response, "content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(FetchError::Encoded);
        }
        let etag = header(&response, "etag").and_then(any_etag);
        receive(response, wanted, part, session)?;
        if part.bytes.trim_ascii_start().starts_with(b"<") {
            return Err(FetchError::WebPage);
        }
        Ok(Answer::Body { bytes: std::mem::take(&mut part.bytes), etag })
    }

    /// The answer, from wherever the server sends on to.
    fn send(&self, url: &str, headers: &[(&'static str, String)]) -> Result<Response<Body>, FetchError> {
        let mut url = Url::parse(url).map_err(FetchError::RedirectTo)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.send_to(&url, headers)?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = header(&response, "location").ok_or(FetchError::Protocol)?;
            url = url.follow(location).map_err(FetchError::RedirectTo)?;
        }
        Err(FetchError::Redirects { limit: REDIRECTS_MAX })
    }

    /// Trusting the authorities that were given, and those of this computer if the certificate comes from none of them.
    fn send_to(&self, url: &Url, headers: &[(&'static str, String)]) -> Result<Response<Body>, FetchError> {
        if !url.is_tls() {
            return one_request(&self.plain, url, headers);
        }
        let known = self.through.lock().unwrap_or_else(PoisonError::into_inner).get(url.authority()).copied();
        let mut unknown = None;
        for (number, agent) in self.tls.iter().enumerate().skip(known.unwrap_or(0)) {
            match one_request(agent, url, headers) {
                Err(FetchError::CertificateUnknown) => unknown = Some(FetchError::CertificateUnknown),
                Err(FetchError::NoAuthorities) if unknown.is_some() => {}
                answer => {
                    if answer.is_ok() && known.is_none() {
                        let mut through = self.through.lock().unwrap_or_else(PoisonError::into_inner);
                        through.insert(url.authority().to_owned(), number);
                    }
                    return answer;
                }
            }
        }
        Err(unknown.unwrap_or(FetchError::NoAuthorities))
    }
}

fn authorities(pem: &[u8]) -> Result<RootCerts, SettingsError> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(SettingsError::Authorities),
        }
    }
    // Those that no authority can have would be passed over in silence later.
    let mut store = rustls::RootCertStore::empty();
    let fit = found.iter().map(Certificate::der).all(|der| store.add(der.to_vec().into()).is_ok());
    if found.is_empty() || !fit {
        return Err(SettingsError::Authorities);
    }
    Ok(RootCerts::new_with_certs(&found))
}

fn one_request(agent: &Agent, url: &Url, headers: &[(&'static str, String)]) -> Result<Response<Body>, FetchError> {
    let mut request = agent.get(url.to_string());
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.call().map_err(of_ureq)
}

/// Reads the body behind what there is already.
fn receive(
    response: Response<Body>,
    wanted: &Wanted,
    part: &mut Part,
    session: &Session<'_>,
) -> Result<(), FetchError> {
    let too_large = FetchError::TooLarge { limit: wanted.limit };
    let announced: Option<usize> = header(&response, "content-length").and_then(|length| length.parse().ok());
    let whole = announced.map(|length| length.saturating_add(part.bytes.len()));
    if whole.is_some_and(|whole| whole > wanted.limit) {
        return Err(too_large);
    }
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; 64 * 1024];
    let mut kept = part.bytes.len();
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                // What the clock says comes first: a connection that is cut at the end of the time did not break.
                session.go_on(0)?;
                return Err(match of_ureq(ureq::Error::from(error)) {
                    FetchError::Unreachable(_) => FetchError::Broken,
                    other => other,
                });
            }
        };
        let new = buffer.get(..read).unwrap_or_default();
        if part.bytes.len().saturating_add(new.len()) > wanted.limit {
            return Err(too_large);
        }
        part.bytes.extend_from_slice(new);
        session.go_on(read)?;
        if part.bytes.len() - kept >= KEPT_BYTES {
            session.incoming.keep(&wanted.url, part);
            kept = part.bytes.len();
        }
    }
    if whole.is_some_and(|whole| part.bytes.len() < whole) {
        return Err(FetchError::Broken);
    }
    Ok(())
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// Where the bytes of a 206 begin: `bytes 100-999/1000`, to the end of the file.
fn range_start(response: &Response<Body>) -> Option<usize> {
    let (range, whole) = header(response, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (last, whole): (usize, usize) = (last.parse().ok()?, whole.parse().ok()?);
    (last.checked_add(1)? == whole).then(|| first.parse().ok())?
}

/// An ETag (RFC 9110 section 8.8.3) of reasonable length.
fn any_etag(text: &str) -> Option<String> {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"')?.strip_suffix('"')?;
    let fits = text.len() <= ETAG_BYTES_MAX && inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    fits.then(|| text.to_owned())
}

/// One that says that not a byte differs, so that the rest of a file can be asked for by it.
pub(crate) fn strong_etag(text: &str) -> Option<String> {
    any_etag(text).filter(|etag| etag.starts_with('"'))
}

fn of_ureq(error: ureq::Error) -> FetchError {
    match error {
        ureq::Error::HostNotFound => FetchError::HostUnknown,
        ureq::Error::Timeout(reason @ (Timeout::Resolve | Timeout::Connect)) => FetchError::Unreachable(match reason {
            Timeout::Resolve => "the name service does not answer".into(),
            _ => "no connection in time".into(),
        }),
        ureq::Error::Timeout(_) => FetchError::Broken,
        ureq::Error::Io(error) => of_io(&error),
        ureq::Error::Rustls(error) => of_tls(&error),
        ureq::Error::Tls(what) => FetchError::Tls(what.into()),
        ureq::Error::ConnectProxyFailed(what) => FetchError::Proxy(what),
        ureq::Error::ConnectionFailed => FetchError::Unreachable("no connection".into()),
        _ => FetchError::Protocol,
    }
}

fn of_io(error: &io::Error) -> FetchError {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(error);
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => FetchError::Unreachable("the connection is refused".into()),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable => {
            FetchError::Unreachable("no way leads there".into())
        }
        ErrorKind::PermissionDenied => FetchError::Unreachable("this computer does not allow it".into()),
        _ => FetchError::Broken,
    }
}

fn of_tls(error: &rustls::Error) -> FetchError {
    match error {
        rustls::Error::InvalidCertificate(why) => match why {
            // The latter: an authority of that name is known, and has another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => FetchError::CertificateUnknown,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => FetchError::CertificateTime,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                FetchError::CertificateName
            }
            other => FetchError::Tls(format!("its certificate is not valid: {other}")),
        },
        // What rustls-platform-verifier says where it found none; it has no type of its own for it.
        rustls::Error::General(what) if what.contains("No CA certificates") => FetchError::NoAuthorities,
        other => FetchError::Tls(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_contents() {
        for etag in ["\"\"", "\"a-1\"", "W/\"a\"", &format!("\"{}\"", "x".repeat(254))] {
            assert_eq!(any_etag(etag).as_deref(), Some(etag), "{etag}");
            assert_eq!(strong_etag(etag).is_some(), !etag.starts_with('W'), "{etag}");
        }
        for etag in
            ["", "a", "\"", "\"a", "w/\"a\"", "\"a\"b\"", "\"a b\"", "\"é\"", &format!("\"{}\"", "x".repeat(255))]
        {
            assert_eq!(any_etag(etag), None, "{etag}");
        }
    }

    #[test]
    fn proxies_are_http_and_show_no_password() {
        for address in ["http://p:3128", "p:3128", "https://p", "http://name:secret@p:3128", "http://[::1]:3128/"] {
            let proxy = Proxy::new(address, "a.example, .b.example,,").unwrap();
            assert!(!format!("{proxy:?}").contains("secret"), "{proxy:?}");
        }
        let proxy = Proxy::new("http://na%20me:se%3Acret@p:3128", "*.b.example,d.example").unwrap().inner;
        assert_eq!((proxy.username(), proxy.password(), proxy.port()), (Some("na me"), Some("se:cret"), 3128));
        for (url, without) in [
            ("https://x.b.example/", true),
            ("https://b.example/", false),
            ("https://c/", false),
            ("https://d.example/", true),
            ("https://x.d.example/", true),
            ("https://xd.example/", false),
        ] {
            assert_eq!(proxy.is_no_proxy(&url.parse().unwrap()), without, "{url}");
        }
        for address in ["", "socks5://p:1080", "socks4a://p", "ftp://p", "http://", "http://p:x"] {
            assert_eq!(Proxy::new(address, "").err(), Some(SettingsError::Proxy), "{address}");
        }
    }

    #[test]
    fn authorities_are_certificates() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(authorities(pem.as_bytes()).err(), Some(SettingsError::Authorities), "{pem}");
        }
    }

    #[test]
    fn what_a_resumed_answer_begins_with() {
        let start = |range: &str| {
            let response = Response::builder().header("content-range", range).body(Body::builder().data(Vec::new()));
            range_start(&response.unwrap())
        };
        assert_eq!(start("bytes 100-999/1000"), Some(100));
        for range in ["bytes 100-998/1000", "bytes 100-999/*", "bytes */1000", "100-999/1000", "bytes -1/1", ""] {
            assert_eq!(start(range), None, "{range}");
        }
    }
}
