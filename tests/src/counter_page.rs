//! The page of a service counter as a client sees it: where it is, and how a code is handed to it.

use std::net::TcpStream;

/// Where a `verifier serve` that was started answers.
pub struct CounterPage {
    /// `127.0.0.1:PORT`
    pub host: String,
    /// What its page has to bring along.
    pub token: String,
}

impl CounterPage {
    /// The address in the line that the command prints.
    pub fn in_line(line: &str) -> CounterPage {
        let parts = line.trim().strip_prefix("http://").and_then(|address| address.split_once("/#"));
        let (host, token) = parts.unwrap_or_else(|| panic!("no address: {line}"));
        assert!(token.len() == 32 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{line}");
        CounterPage { host: host.to_owned(), token: token.to_owned() }
    }

    /// The origin of its page.
    pub fn origin(&self) -> String {
        format!("http://{}", self.host)
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.host).expect("it listens")
    }

    /// The request by which its page hands over a code that a scanner gun typed.
    pub fn check(&self, text: &str) -> String {
        check(&self.host, &self.origin(), &self.token, text)
    }
}

/// The same request with what is to be refused about it.
pub fn check(host: &str, origin: &str, token: &str, text: &str) -> String {
    let body = format!("{{\"text\":\"{text}\",\"by\":\"gun\"}}");
    format!(
        "POST /api/check HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nJuma-Token: {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
