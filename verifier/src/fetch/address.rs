//! Addresses of servers: https, or a server on this very computer.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of an address.
const ADDRESS_BYTES_MAX: usize = 2_048;
/// The file that says which lists there are.
pub const INDEX_NAME: &str = "index.json";

/// The address of a folder on a server, with a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(Url);

impl Address {
    /// Reads `https://host/folder/`, or the same with `index.json` behind it. `http` is taken for this computer only: 127.0.0.0/8, ::1,
    /// localhost.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let mut url = Url::parse(text)?;
        if url.path.contains('?') || text.contains('#') {
            return Err(AddressError::Query);
        }
        if let Some(folder) = url.path.strip_suffix(INDEX_NAME)
            && folder.ends_with('/')
        {
            url.path = folder.to_owned();
        }
        if url.path.ends_with('/') { Ok(Address(url)) } else { Err(AddressError::NoFolder(text.to_owned())) }
    }

    /// Whether a text is meant as the address of a server, rather than as a path.
    pub fn is_meant(text: &str) -> bool {
        text.split_once("://")
            .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// The address of the index.
    pub fn index_url(&self) -> String {
        self.join(INDEX_NAME)
    }

    /// The address of a file in the folder, by a path that [`super::index`] let through.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not the address of a server that lists may be fetched from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, no host, or characters that no address has.
    #[error(
        "{0} is not an https address; write it like https://lists.example.cn/juma/, a host with other letters in its xn-- form"
    )]
    Malformed(String),
    /// Plain http to another computer.
    #[error(
        "{0} is not encrypted, so that everybody on the way could hold back lists or learn which counter asks; write https:// (http is for a server on this computer)"
    )]
    Plain(String),
    /// A name or a password in the address.
    #[error(
        "the address has a user name or a password in it, which would be printed and kept; lists are public, leave it out"
    )]
    Credentials,
    /// A question mark or a hash.
    #[error(
        "the address has a ? or a # in it, behind which no file can be named; give the address of the folder with the lists"
    )]
    Query,
    /// Not a folder.
    #[error("{0} does not name a folder; end it with / or with /index.json")]
    NoFolder(String),
}

/// An address to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Url {
    tls: bool,
    /// Host, and port if one is given.
    authority: String,
    /// From the first slash on, with the query.
    path: String,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Url, AddressError> {
        let malformed = || AddressError::Malformed(shortened(text));
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(malformed()),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(AddressError::Credentials);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let url = Url { tls, authority: authority.to_ascii_lowercase(), path };
        let graphic = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
        if text.len() > ADDRESS_BYTES_MAX || !graphic || !url.has_host() {
            return Err(malformed());
        }
        if !tls && !url.is_this_computer() {
            return Err(AddressError::Plain(shortened(text)));
        }
        Ok(url)
    }

    /// Where a `Location` of this address leads: never from https to http.
    pub(crate) fn follow(&self, location: &str) -> Result<Url, AddressError> {
        let url = if Address::is_meant(location) {
            Url::parse(location)?
        } else if let Some(rest) = location.strip_prefix("//") {
            Url::parse(&format!("{}://{rest}", self.scheme()))?
        } else if location.starts_with('/') {
            Url::parse(&format!("{}://{}{location}", self.scheme(), self.authority))?
        } else {
            let folder = self.path.split('?').next().and_then(|path| path.rsplit_once('/')).map_or("", |(at, _)| at);
            Url::parse(&format!("{}://{}{folder}/{location}", self.scheme(), self.authority))?
        };
        if self.tls && !url.tls { Err(AddressError::Plain(url.authority)) } else { Ok(url) }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    fn host(&self) -> &str {
        match self.authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.authority.split(':').next().unwrap_or_default(),
        }
    }

    fn has_host(&self) -> bool {
        let rest = match self.authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((address, rest))) if address.parse::<Ipv6Addr>().is_ok() => rest,
            Some(_) => return false,
            None => self.authority.get(self.host().len()..).unwrap_or_default(),
        };
        let port = rest.is_empty()
            || rest
                .strip_prefix(':')
                .is_some_and(|port| !port.starts_with('+') && port.parse::<u16>().is_ok_and(|port| port != 0));
        let host = self.host();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        port && !host.is_empty() && (self.authority.starts_with('[') || host.bytes().all(plain))
    }

    fn is_this_computer(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

/// So that a sentence stays one.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> AddressError {
        Address::parse(text).unwrap_err()
    }

    #[test]
    fn folders_on_servers() {
        for (text, index) in [
            ("https://lists.example.cn/juma/", "https://lists.example.cn/juma/index.json"),
            ("https://lists.example.cn/juma/index.json", "https://lists.example.cn/juma/index.json"),
            ("HTTPS://Lists.Example.cn", "https://lists.example.cn/index.json"),
            ("https://h:8443/a/b/", "https://h:8443/a/b/index.json"),
            ("https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/index.json"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/index.json"),
            ("http://127.9.9.9/", "http://127.9.9.9/index.json"),
            ("http://localhost/x/", "http://localhost/x/index.json"),
            ("http://[::1]:1/", "http://[::1]:1/index.json"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.index_url(), index, "{text}");
            assert_eq!(format!("{address}index.json"), index, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_folder() {
        for text in ["https://h/x", "https://h/xindex.json", "https://h/x.cose"] {
            assert!(matches!(refused(text), AddressError::NoFolder(_)), "{text}");
        }
        for text in [
            "ftp://h/",
            "https:///x/",
            "https://:1/",
            "https://h:/",
            "https://h:0/",
            "https://h:65536/",
            "https://h:+1/",
            "https://h h/",
            "https://广州.cn/",
            "https://[::1/",
            "https://[x]/",
            "https://[::1]x/",
            "https://h\\x/",
            "https://h/\u{1b}/",
            "https",
            "https://",
            &format!("https://h/{}/", "x".repeat(2_048)),
        ] {
            assert!(matches!(refused(text), AddressError::Malformed(_)), "{text}");
        }
        for text in ["https://h/?a/", "https://h/#/", "https://h/x/?"] {
            assert_eq!(refused(text), AddressError::Query, "{text}");
        }
        assert_eq!(refused("https://name:word@h/"), AddressError::Credentials);
        for text in
            ["http://h/", "http://127.0.0.1.example/", "http://10.0.0.1/", "http://localhost.example/", "http://[::2]/"]
        {
            assert!(matches!(refused(text), AddressError::Plain(_)), "{text}");
        }
        assert!(Address::parse(&format!("https://h/{}/", "x".repeat(2_048 - 11))).is_ok());
    }

    #[test]
    fn an_address_is_told_from_a_path() {
        for text in ["https://h/", "http://h", "ftp://x", "HTTPS://x"] {
            assert!(Address::is_meant(text), "{text}");
        }
        for text in ["", "://x", "/media/stick", "a/b://c", "C:\\lists", "https:/x", "a b://c"] {
            assert!(!Address::is_meant(text), "{text}");
        }
    }

    #[test]
    fn redirects_stay_encrypted() {
        let from = Url::parse("https://h:8443/a/b.cose?x=/y").unwrap();
        for (location, to) in [
            ("https://other/c?sig=1", "https://other/c?sig=1"),
            ("//other/c", "https://other/c"),
            ("/c", "https://h:8443/c"),
            ("c", "https://h:8443/a/c"),
            ("?c", "https://h:8443/a/?c"),
            ("/c#d", "https://h:8443/c"),
        ] {
            assert_eq!(from.follow(location).map(|url| format!("{url}")), Ok(to.to_owned()), "{location}");
        }
        for location in ["http://127.0.0.1/", "http://h:8443/a/b.cose"] {
            assert!(matches!(from.follow(location), Err(AddressError::Plain(_))), "{location}");
        }
        assert!(from.follow("ftp://h/").is_err() && from.follow("https://a@h/").is_err());
        let here = Url::parse("http://127.0.0.1:1/a").unwrap();
        assert!(here.follow("/b").is_ok() && here.follow("https://h/").is_ok() && here.follow("http://h/").is_err());
    }
}
