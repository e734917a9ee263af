//! What the commands do under load: permits issued in bulk, codes verified one a line, and checks asked of a counter's page all at once. Every
//! answer is counted; one that is missing or wrong ends this with a panic.
//!
//! ```text
//! cargo build --release --locked -p issuer -p holder -p verifier
//! JUMA_BINARIES=target/release cargo bench -p tests --bench load                      all parts
//! JUMA_BINARIES=target/release cargo bench -p tests --bench load -- issue 1000000     one of issue, batch, counter, with its number
//! ```

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the processes are measured by /proc, which only Linux has");
}

#[cfg(target_os = "linux")]
fn main() {
    load::main();
}

#[cfg(target_os = "linux")]
mod load {
    use std::collections::BTreeMap;
    use std::fs;
    use std::hint::black_box;
    use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};
    use std::net::TcpStream;
    use std::process::{Child, Command, Output, Stdio};
    use std::thread;
    use std::time::{Duration, Instant, SystemTime};

    use credential_format::timestamp::Timestamp;
    use ed25519_dalek::{Signer as _, SigningKey};
    use serde_json::{Value, json};
    use tests::commands::{World, residence_code};
    use tests::counter_page::CounterPage;
    use tests::faults::batch_requests;
    use tests::key_files;
    use tests::objects::{digits, presentation};

    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let number = arguments.get(1).map(|number| number.parse::<u64>().expect("a number"));
        let bare = bare();
        let two_us = 2.0 * bare.checked.as_secs_f64() * 1e6;
        println!("{} cores; two bare signatures checked in {two_us:.1} µs\n", cores());
        match (arguments.first().map(String::as_str), number) {
            (None, _) => {
                issue(1_000_000, &bare);
                batch(10_000, &bare);
                counter(10_000, &bare);
            }
            (Some("issue"), Some(most)) => issue(most, &bare),
            (Some("batch"), Some(count)) => batch(count, &bare),
            (Some("counter"), Some(count)) => counter(count, &bare),
            _ => panic!("load -- issue|batch|counter NUMBER, or nothing for all of them"),
        }
    }

    /// Three sizes, so that what grows with the number is seen to grow.
    fn issue(most: u64, bare: &Bare) {
        println!("`issuer issue`: ledger and one file each on the disk, each signature checked before it is released");
        let world = World::new();
        for count in [most / 100, most / 10, most] {
            let mut command = world.command("issuer");
            command.args(["issue", "--key", "keys/permit.pem", "--requests", "-", "--ledger", "load.sqlite3", "--out"]);
            command.args(["load", "--json"]).args(world.at(0));
            let mut measured = Measured::start(command);
            measured.feed(move |to| batch_requests(0..count).try_for_each(|line| writeln!(to, "{line}")));
            let measured = measured.end();
            assert_eq!(measured.output.status.code(), Some(0), "{}", String::from_utf8_lossy(&measured.output.stderr));
            let said: Value = serde_json::from_slice(&measured.output.stdout).expect("an answer");
            assert_eq!(said["issued"], count, "{said}");
            assert_eq!(
                fs::read_dir(world.path("load")).expect("the folder").flatten().filter(is_permit).count() as u64,
                count
            );
            measured.print(count, "permits", bare.signed + bare.checked);
            fs::remove_dir_all(world.path("load")).expect("removed");
            for file in ["load.sqlite3", "load.sqlite3-wal", "load.sqlite3-shm"] {
                let _ = fs::remove_file(world.path(file));
            }
        }
        println!();
    }

    fn is_permit(entry: &fs::DirEntry) -> bool {
        entry.path().extension().is_some_and(|ending| ending == "permit")
    }

    /// Each code once, then each again: recorded durably, so that none is accepted twice.
    fn batch(count: u64, bare: &Bare) {
        println!("`verifier batch`: a verdict a line, each recorded on the disk before it is printed");
        let world = World::new();
        let codes = codes(&world, count, world.time(0));
        let at = world.time(4).to_string();
        for (pass, expected) in [("new", "VALID"), ("seen", "REPLAYED")] {
            let lines: Vec<String> = codes.iter().map(|code| json!({ "text": code, "at": at }).to_string()).collect();
            let mut command = world.command("verifier");
            command.args(["batch", "--state", "counter", "--allow-fixed-time"]);
            let mut measured = Measured::start(command);
            measured.feed(move |to| lines.iter().try_for_each(|line| writeln!(to, "{line}")));
            let measured = measured.end();
            assert_eq!(measured.output.status.code(), Some(0), "{}", String::from_utf8_lossy(&measured.output.stderr));
            let answers = measured.output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let reasons = counted(
                answers.map(|line| serde_json::from_slice::<Value>(line).expect("a verdict")["reason"].clone()),
            );
            assert_eq!(reasons, BTreeMap::from([(expected.to_owned(), count)]));
            measured.print(count, &format!("codes, {pass}"), 2 * bare.checked);
        }
        println!();
    }

    /// All connections are open, and all questions asked, before the first answer is read.
    fn counter(count: u64, bare: &Bare) {
        println!("`verifier serve`: so many checks asked at once, each on a connection of its own");
        let world = World::now();
        let mut command = world.command("verifier");
        command.args(["serve", "--state", "counter", "--port", "0", "--no-browser"]);
        let mut measured = Measured::start(command);
        let mut line = String::new();
        let out = measured.child.stdout.as_mut().expect("standard output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let page = CounterPage::in_line(&line);
        // As fresh as can be: the last one is checked long after it was asked for.
        let codes = codes(&world, count, by_the_clock());
        let begun = Instant::now();
        let asked: Vec<TcpStream> = codes
            .iter()
            .map(|code| {
                let mut stream = page.connect();
                stream.write_all(page.check(code).as_bytes()).expect("sent");
                stream
            })
            .collect();
        let all_asked = begun.elapsed();
        let reasons = counted(asked.into_iter().map(|mut stream| {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
            serde_json::from_str::<Value>(body).unwrap_or_else(|_| panic!("{answer}"))["check"]["reason"].clone()
        }));
        let took = begun.elapsed();
        println!(
            "  all asked after {:.2} s, all answered after {:.2} s: {reasons:?}",
            all_asked.as_secs_f64(),
            took.as_secs_f64()
        );
        assert_eq!(reasons.values().sum::<u64>(), count);
        // What waited for longer than a code lives is said to be too old; nothing else may become of it.
        assert!(
            reasons.keys().all(|reason| ["VALID", "PRESENTATION_EXPIRED"].contains(&reason.as_str())),
            "{reasons:?}"
        );
        // Each of them stands in the journal, and its chain holds.
        let journal = world.run("verifier", &["journal", "--state", "counter", "--check", "--json"]).exits(0).json();
        assert_eq!(journal["intact"], true, "{journal}");
        assert!(journal["entries"].as_u64().is_some_and(|entries| entries >= count), "{journal}");
        Command::new("kill").args(["-INT", &measured.child.id().to_string()]).status().expect("kill");
        let ended = Ended { took, ..measured.end() };
        ended.print(count, "checks", 2 * bare.checked);
    }

    /// So many codes of one permit that are all accepted: a nonce each.
    fn codes(world: &World, count: u64, at: Timestamp) -> Vec<String> {
        let device = key_files::load(&world.path("phone/device.pem")).expect("the phone's key");
        let permit = fs::read(world.path(&format!("permits/{}.permit", residence_code(1)))).expect("a permit");
        (0..count)
            .map(|number| digits(1, &presentation(&permit, &device, at.seconds(), number.to_be_bytes()).encode()))
            .collect()
    }

    fn by_the_clock() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        Timestamp::new(since.as_secs()).expect("a time of this century")
    }

    fn counted(reasons: impl Iterator<Item = Value>) -> BTreeMap<String, u64> {
        let mut counted = BTreeMap::new();
        for reason in reasons {
            *counted.entry(reason.as_str().unwrap_or("nothing").to_owned()).or_default() += 1;
        }
        counted
    }

    /// What nobody can save: a signature, and its strict verification.
    struct Bare {
        signed: Duration,
        checked: Duration,
    }

    /// Of a permit's message, the median of many.
    fn bare() -> Bare {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (public, message) = (key.verifying_key(), [7; 280]);
        let signature = key.sign(&message);
        Bare {
            signed: median_of(|| {
                black_box(key.sign(black_box(&message)));
            }),
            checked: median_of(|| public.verify_strict(black_box(&message), &signature).expect("verified")),
        }
    }

    fn median_of(mut once: impl FnMut()) -> Duration {
        let mut times: Vec<Duration> = (0..2_001)
            .map(|_| {
                let begun = Instant::now();
                once();
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[1_000]
    }

    fn cores() -> usize {
        thread::available_parallelism().map_or(1, usize::from)
    }

    /// A process that is watched until it ends.
    struct Measured {
        child: Child,
        feeding: Option<thread::JoinHandle<()>>,
        begun: Instant,
    }

    /// A process that has ended.
    struct Ended {
        output: Output,
        took: Duration,
        busy: Duration,
        resident: u64,
    }

    impl Measured {
        fn start(mut command: Command) -> Measured {
            let begun = Instant::now();
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            Measured { child: command.spawn().expect("started"), feeding: None, begun }
        }

        /// On a thread of its own, since the process answers while it reads.
        fn feed(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static) {
            let mut pipe = BufWriter::new(self.child.stdin.take().expect("standard input"));
            self.feeding =
                Some(thread::spawn(move || write(&mut pipe).and_then(|()| pipe.flush()).expect("it reads all")));
        }

        /// Waits for its end. A process that has ended keeps its times until it is waited for, but not its memory: so that is looked at often.
        fn end(mut self) -> Ended {
            let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
            let (out, err) = (all_of(out.expect("standard output")), all_of(err.expect("standard error")));
            let folder = format!("/proc/{}", self.child.id());
            let mut resident = 0;
            let busy = loop {
                let stat = fs::read_to_string(format!("{folder}/stat")).expect("a process that nobody has waited for");
                // proc(5): the name stands in parentheses and may contain anything; the state is the first field after it.
                let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
                if fields[0] == "Z" {
                    let ticks: u64 =
                        [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
                    // sysconf(_SC_CLK_TCK) is 100 on every Linux.
                    break Duration::from_millis(ticks * 10);
                }
                let status = fs::read_to_string(format!("{folder}/status")).unwrap_or_default();
                let high = status
                    .lines()
                    .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
                resident = high.unwrap_or(resident);
                thread::sleep(Duration::from_millis(5));
            };
            let took = self.begun.elapsed();
            if let Some(feeding) = self.feeding.take() {
                feeding.join().expect("fed");
            }
            let status = self.child.wait().expect("ended");
            let output = Output { status, stdout: out.join().expect("read"), stderr: err.join().expect("read") };
            Ended { output, took, busy, resident }
        }
    }

    fn all_of(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes).expect("read");
            bytes
        })
    }

    impl Ended {
        /// A line of figures. `bare` is what the signatures of one of them take by themselves.
        fn print(&self, count: u64, what: &str, bare: Duration) {
            let (took, busy, signatures) =
                (self.took.as_secs_f64(), self.busy.as_secs_f64(), bare.as_secs_f64() * count as f64);
            println!(
                "  {count:>9} {what:<12} {took:>7.2} s  {:>7.0} a second  {:>6.0} a second and core in use  {:>5.1} % of the processor not signatures  \
                 {:>5.1} MB resident at most",
                count as f64 / took,
                count as f64 / busy,
                100.0 * (1.0 - signatures / busy),
                self.resident as f64 / 1_000.0,
            );
        }
    }
}
