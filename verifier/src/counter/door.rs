//! Who may come in: requests for this computer, of this page, with the token of this run.
//!
//! The loopback address keeps other computers out. It does not keep out other programs' pages in the clerk's own browser: a page from anywhere may
//! send requests to 127.0.0.1, and a name that its owner binds to 127.0.0.1 makes the browser take them for its own (DNS rebinding). So the
//! `Host` must be this address letter by letter, an `Origin` must be this page's, and whatever is asked needs the token, which only the address
//! that was printed here has, behind `#`, where browsers send it to nobody.

use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::refusal::{self, Refusal};

/// The header that carries the token.
const TOKEN: &str = "juma-token";
/// The subprotocols of the live view: what it speaks, and the token, since a page cannot set headers there.
pub(super) const LIVE_PROTOCOL: &str = "juma.live.1";
const TOKEN_PROTOCOL: &str = "token.";

/// What is let in.
#[derive(Clone)]
pub(super) struct Door {
    /// `127.0.0.1:8686`, and the same with `localhost`.
    hosts: [String; 2],
    origins: [String; 2],
    token: String,
}

impl Door {
    pub(super) fn new(port: u16, token: String) -> Door {
        let hosts = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{port}"));
        let origins = hosts.clone().map(|host| format!("http://{host}"));
        Door { hosts, origins, token }
    }

    /// Whether this is a request for this program by a page of its own.
    ///
    /// # Errors
    /// Another `Host`, or none; another `Origin`; none where a page always sends one.
    pub(super) fn admit(&self, method: &Method, headers: &HeaderMap, upgrades: bool) -> Result<(), Refusal> {
        let host = only(headers, header::HOST).ok_or(refusal::HOST)?;
        if !self.hosts.iter().any(|ours| ours == host) {
            return Err(refusal::HOST.into());
        }
        let must_have_origin = upgrades || !matches!(*method, Method::GET | Method::HEAD);
        match (headers.contains_key(header::ORIGIN), only(headers, header::ORIGIN)) {
            (false, _) if !must_have_origin => {}
            (true, Some(origin)) if self.origins.iter().any(|ours| ours == origin) => {}
            _ => return Err(refusal::ORIGIN.into()),
        }
        // Browsers that send it say themselves where a request comes from. Our own pages ask as `same-origin`; `none` is a person who typed the
        // address.
        match only(headers, header::HeaderName::from_static("sec-fetch-site")) {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(refusal::ORIGIN.into()),
        }
    }

    /// Whether the request has the token.
    ///
    /// # Errors
    /// It has none, or that of another run.
    pub(super) fn knows(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let token = only(headers, header::HeaderName::from_static(TOKEN));
        token.filter(|token| self.is_token(token)).map(drop).ok_or(refusal::TOKEN.into())
    }

    /// The same of the live view.
    ///
    /// # Errors
    /// As [`Door::knows`].
    pub(super) fn knows_live(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let offered = only(headers, header::SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
        let tokens: Vec<&str> =
            offered.split(',').filter_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL)).collect();
        match tokens[..] {
            [token] if self.is_token(token) => Ok(()),
            _ => Err(refusal::TOKEN.into()),
        }
    }

    /// Takes the same time wherever the two differ.
    fn is_token(&self, offered: &str) -> bool {
        let (ours, theirs) = (self.token.as_bytes(), offered.as_bytes());
        let differences = ours.iter().zip(theirs).fold(0, |differences, (a, b)| differences | (a ^ b));
        ours.len() == theirs.len() && differences == 0
    }
}

/// The value of a header that is there exactly once.
fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What every answer says: this page's own files and nothing else, in no frame, shared with nobody, kept nowhere.
pub(super) const HEADERS: [(header::HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "7d0f00112233445566778899aabbccdd";

    fn door() -> Door {
        Door::new(8686, HEX.into())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_this_address_by_its_name() {
        let admits = |host: &[(&'static str, &str)]| door().admit(&Method::GET, &headers(host), false).is_ok();
        assert!(admits(&[("host", "127.0.0.1:8686")]) && admits(&[("host", "localhost:8686")]));
        for host in [
            "127.0.0.1",
            "127.0.0.1:8687",
            "127.0.0.1:86860",
            "evil.example:8686",
            "127.0.0.1.evil.example:8686",
            "localhost.evil.example:8686",
            "LOCALHOST:8686",
            "[::1]:8686",
            "0.0.0.0:8686",
            "2130706433:8686",
            "",
        ] {
            assert!(!admits(&[("host", host)]), "{host}");
        }
        assert!(!admits(&[]));
        assert!(!admits(&[("host", "127.0.0.1:8686"), ("host", "127.0.0.1:8686")]));
    }

    #[test]
    fn only_pages_of_this_address() {
        let host = ("host", "127.0.0.1:8686");
        let of = |method: Method, upgrades: bool, more: &[(&'static str, &str)]| {
            let all: Vec<_> = std::iter::once(host).chain(more.iter().copied()).collect();
            door().admit(&method, &headers(&all), upgrades).is_ok()
        };
        let ours = ("origin", "http://127.0.0.1:8686");
        assert!(of(Method::GET, false, &[]) && of(Method::GET, false, &[ours]) && of(Method::POST, false, &[ours]));
        assert!(of(Method::GET, true, &[ours]) && of(Method::POST, false, &[("origin", "http://localhost:8686")]));
        // A page always says where it is when it posts or opens a live view.
        assert!(!of(Method::POST, false, &[]) && !of(Method::GET, true, &[]) && !of(Method::DELETE, false, &[]));
        for origin in [
            "null",
            "https://127.0.0.1:8686",
            "http://127.0.0.1:8687",
            "http://127.0.0.1",
            "http://evil.example",
            "http://evil.example:8686",
            "file://",
            "",
        ] {
            for (method, upgrades) in [(Method::GET, false), (Method::POST, false), (Method::GET, true)] {
                assert!(!of(method, upgrades, &[("origin", origin)]), "{origin}");
            }
        }
        assert!(!of(Method::POST, false, &[ours, ours]), "two origins");
        for (site, admitted) in [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)] {
            assert_eq!(of(Method::GET, false, &[("sec-fetch-site", site)]), admitted, "{site}");
        }
    }

    #[test]
    fn only_with_the_token_of_this_run() {
        let knows = |pairs: &[(&'static str, &str)]| door().knows(&headers(pairs)).is_ok();
        assert!(knows(&[("juma-token", HEX)]));
        let other = HEX.replace("7d", "7e");
        for token in [&other, &HEX[..31], &format!("{HEX}0"), "", &HEX.to_uppercase()] {
            assert!(!knows(&[("juma-token", token)]), "{token}");
        }
        assert!(!knows(&[]) && !knows(&[("juma-token", HEX), ("juma-token", HEX)]));

        let live = |offered: &str| door().knows_live(&headers(&[("sec-websocket-protocol", offered)])).is_ok();
        assert!(live(&format!("juma.live.1, token.{HEX}")) && live(&format!("token.{HEX},juma.live.1")));
        assert!(
            !live("juma.live.1")
                && !live(&format!("juma.live.1, {HEX}"))
                && !live(&format!("juma.live.1, token.{other}"))
        );
        assert!(!live(&format!("token.{other}, token.{HEX}")), "two tokens are none");
        assert!(door().knows_live(&headers(&[("juma-token", HEX)])).is_err());
    }
}
