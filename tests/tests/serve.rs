//! `verifier serve` as a process: it starts, says where, lets nobody in but its page, and stops.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tests::commands::{Ran, World};
use tests::counter_page::{CounterPage, check};

/// A counter's page, and the address that it printed.
struct Served {
    child: Child,
    page: CounterPage,
}

impl Served {
    fn start(world: &World, more: &[&str]) -> Served {
        let mut command = world.command("verifier");
        command.args(["serve", "--state", "counter", "--port", "0", "--no-browser"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("standard output")).read_line(&mut line).expect("a line");
        Served { child, page: CounterPage::in_line(&line) }
    }

    /// Sends a request as it stands; the status and the rest of the answer.
    fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = self.page.connect();
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("set");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{request}\n{answer}")), answer)
    }

    fn get(&self, path: &str, headers: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.page.host))
    }

    fn signal(mut self, signal: &str) -> Ran {
        let begun = Instant::now();
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        while self.child.try_wait().expect("its state").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not stop");
            thread::sleep(Duration::from_millis(20));
        }
        Ran::new("verifier serve".into(), self.child.wait_with_output().expect("ended"), begun.elapsed())
    }
}

#[test]
fn it_serves_its_page_and_stops_when_it_is_told() {
    let world = World::now();
    let served = Served::start(&world, &[]);
    let (status, page) = served.get("/", "");
    assert!(
        status == 200 && page.contains("<html lang=\"zh-CN\"") && page.contains("content-security-policy"),
        "{page}"
    );
    assert!(!page.contains(&served.page.token), "the page is the same for everybody");
    let (status, answer) = served.ask(&served.page.check(&world.code("phone", 1, 0, &[])));
    assert!(status == 200 && answer.contains("\"VALID\"") && answer.contains("\"green\""), "{answer}");
    // A page that stays connected does not keep it from stopping.
    let _idle = served.page.connect();
    let host = served.page.host.clone();
    let ended = served.signal("-INT");
    assert_eq!(ended.exit, Some(0), "{ended}");
    assert!(ended.err.contains("已停止 / stopped"), "{ended}");
    assert!(TcpStream::connect(host).is_err(), "nobody listens any more");
    let shown = world.run("verifier", &["journal", "--state", "counter", "--json"]).exits(0).json();
    assert_eq!(shown["entries"][0]["by"], "gun", "{shown}");
}

#[test]
fn a_page_of_another_origin_is_refused_by_the_program() {
    let world = World::now();
    let served = Served::start(&world, &[]);
    let (host, origin) = (served.page.host.clone(), served.page.origin());
    let (token, code) = (served.page.token.clone(), world.code("phone", 1, 0, &[]));
    for (host, origin, token, refusal) in [
        ("evil.example", origin.as_str(), token.as_str(), "HOST_FOREIGN"),
        (&host, "http://evil.example", &token, "ORIGIN_FOREIGN"),
        (&host, "null", &token, "ORIGIN_FOREIGN"),
        (&host, &origin, "00000000000000000000000000000000", "TOKEN_WRONG"),
    ] {
        let (status, answer) = served.ask(&check(host, origin, token, &code));
        assert!((401..=403).contains(&status) && answer.contains(refusal), "{answer}");
    }
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n";
    for (origin, protocols, refusal) in [
        ("http://evil.example", format!("juma.live.1, token.{token}"), "ORIGIN_FOREIGN"),
        (origin.as_str(), "juma.live.1".to_owned(), "TOKEN_WRONG"),
    ] {
        let headers = format!("{upgrade}Origin: {origin}\r\nSec-WebSocket-Protocol: {protocols}\r\n");
        let headers = headers.replace("Upgrade: websocket", "Upgrade: websocket\r\nConnection: Upgrade");
        let request = format!("GET /api/live HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        let (status, answer) = served.ask(&request);
        assert!((401..=403).contains(&status) && answer.contains(refusal), "{answer}");
    }
    for path in ["/../../state.sqlite3", "/%2e%2e/state.sqlite3", "/api/../state.sqlite3", "//etc/passwd", "/api/live"]
    {
        let (status, answer) = served.get(path, &format!("Juma-Token: {token}\r\n"));
        assert!((400..=404).contains(&status) && !answer.contains("SQLite"), "{path}: {answer}");
    }
    assert!((400..500).contains(&served.ask("nonsense\r\n\r\n").0));
    assert_eq!(served.signal("-TERM").exit, Some(0));
    let shown = world.run("verifier", &["journal", "--state", "counter", "--json"]).exits(0).json();
    assert_eq!(shown["entries"], serde_json::json!([]), "nothing was checked");
}

#[test]
fn a_port_that_is_taken_is_said() {
    let world = World::now();
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its number").port().to_string();
    world
        .run("verifier", &["serve", "--state", "counter", "--no-browser", "--port", &port])
        .refuses(2, "SERVE_PORT_TAKEN");
    world.run("verifier", &["serve", "--state", "nowhere", "--no-browser", "--port", "0"]).refuses(2, "STATE_MISSING");
    let at = ["--at", "2026-07-01T09:00:00+08:00"];
    let fixed = ["serve", "--state", "counter", "--no-browser", "--port", "0"];
    world.run("verifier", &[&fixed[..], &at].concat()).refuses(2, "CLOCK_FIXED");
}

#[test]
fn with_a_fixed_clock_nothing_is_green() {
    let world = World::new();
    let at = world.at(0);
    let at: Vec<&str> = at.iter().map(String::as_str).collect();
    let served = Served::start(&world, &at);
    let (status, answer) = served.ask(&served.page.check(&world.code("phone", 1, 0, &[])));
    assert!(
        status == 200 && answer.contains("\"VALID\"") && answer.contains("\"grey\"") && !answer.contains("\"green\""),
        "{answer}"
    );
    assert_eq!(served.signal("-HUP").exit, Some(0));
}
