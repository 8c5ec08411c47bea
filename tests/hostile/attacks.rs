//! What the attackers do, each on a thread of its own and as fast as it can.

use std::io::{self, Read as _, Write as _};
use std::thread;
use std::time::Duration;

use super::data::{AttackerTokens, HOSTILE};
use super::target::{AttackClient, Target, request};
use crate::support::WireReply;

/// What an attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Reads pages from the database, each with another limit, so that none is cached.
    UncachedPages,
    /// The same, of the smallest pages.
    SmallPages,
    /// Asks for what is cached.
    Hits,
    /// Walks through lists by page number.
    PageNumbers,
    /// Asks for the largest pages and reads them slowly.
    SlowReaders,
    /// Adds contacts under ever new idempotency keys.
    Writes,
    /// Opens event streams and keeps them.
    EventStreams,
    /// Exports everything.
    Exports,
    /// Imports files that create departments and employees.
    Imports,
    /// Signs in and out.
    SignIns,
    /// Guesses tokens.
    Guesses,
}

/// How many attackers do what.
const ATTACKERS: [(Kind, usize); 11] = [
    (Kind::UncachedPages, 12),
    (Kind::SmallPages, 12),
    (Kind::Hits, 8),
    (Kind::PageNumbers, 6),
    (Kind::SlowReaders, 1),
    (Kind::Writes, 16),
    (Kind::EventStreams, 2),
    (Kind::Exports, 6),
    (Kind::Imports, 4),
    (Kind::SignIns, 2),
    (Kind::Guesses, 2),
];

/// Connections of a slow reader.
const SLOW_CONNECTIONS: usize = 16;

/// How often a slow reader takes how much of each connection.
const SLOW_REST: Duration = Duration::from_millis(100);
const SLOW_BYTES: usize = 4 << 10;

/// Departments that a file would create.
const NEW_DEPARTMENTS: usize = 1_500;

/// What the attackers were answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Requests that were done.
    pub done: u64,
    /// 429, of both servers.
    pub refused: u64,
    /// 429 of the first server.
    pub refused_by_first: u64,
    /// 503 of a bound for all callers together.
    pub overloaded: u64,
    /// Other refusals, such as 401 of a token that was guessed.
    pub failed: u64,
}

impl Seen {
    pub fn and(self, other: Self) -> Self {
        Self {
            done: self.done + other.done,
            refused: self.refused + other.refused,
            refused_by_first: self.refused_by_first + other.refused_by_first,
            overloaded: self.overloaded + other.overloaded,
            failed: self.failed + other.failed,
        }
    }

    /// Counts an answer, and fails the run if it may not be.
    fn count(&mut self, target: usize, reply: &WireReply) {
        match reply.status {
            200 | 201 | 204 | 304 => self.done += 1,
            429 | 503 => {
                assert!(reply.header("retry-after").is_some(), "{}", reply.text());
                assert_eq!(reply.header("content-type"), Some("application/problem+json"));
                if reply.status == 503 {
                    self.overloaded += 1;
                } else {
                    self.refused += 1;
                    self.refused_by_first += u64::from(target == 0);
                }
            }
            400 | 401 | 403 | 404 | 409 => self.failed += 1,
            status => panic!("{status} {}", reply.text()),
        }
    }
}

/// One attacker.
pub struct Attack<'a> {
    kind: Kind,
    number: usize,
    target: &'a Target,
    tokens: &'a [AttackerTokens; 2],
    seen: Seen,
}

/// Ends the run when an attacker fails.
struct FailureGuard<'a>(&'a Target);

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}

impl<'a> Attack<'a> {
    pub fn all(target: &'a Target, tokens: &'a [AttackerTokens; 2]) -> Vec<Self> {
        let kinds = ATTACKERS.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
        let attack = |(number, kind)| Self { kind, number, target, tokens, seen: Seen::default() };
        kinds.enumerate().map(attack).collect()
    }

    /// Attacks until it is over; returns what was answered.
    pub fn run(mut self) -> Seen {
        let _guard = FailureGuard(self.target);
        let mut client = AttackClient::new(self.target);
        let mut round = 0;
        while let Some(target) = self.target.current() {
            round += 1;
            // An error means that the attackers turn to the other server, or that this one closed a connection.
            let _ = match self.kind {
                Kind::SlowReaders => self.read_slowly(target, round),
                Kind::EventStreams => self.open_streams(target),
                kind => {
                    let request = self.request(kind, target, round);
                    client.send(target, &request).map(|reply| self.seen.count(target, &reply))
                }
            };
        }
        self.seen
    }

    fn request(&self, kind: Kind, target: usize, round: usize) -> Vec<u8> {
        let AttackerTokens { viewer, contributor, manager, watcher } = &self.tokens[target];
        let get = |path: String, token: &str| request("GET", &path, token, "", b"");
        let turn = round * ATTACKERS.len() + self.number;
        match kind {
            Kind::UncachedPages | Kind::SlowReaders => {
                get(format!("/enterprise/{HOSTILE}/contacts/details?limit={}", 1_000 + turn % 4_000), viewer)
            }
            Kind::SmallPages => get(format!("/enterprise/{HOSTILE}/contacts/details?limit={}", 1 + turn % 100), viewer),
            Kind::Hits => get(format!("/enterprise/{HOSTILE}/contacts/summary"), viewer),
            Kind::PageNumbers => {
                get(format!("/enterprise/{HOSTILE}/employees?limit=10&page={}", 1 + turn % 1_000), viewer)
            }
            Kind::Writes => {
                let key = format!("Idempotency-Key: {}-{round}\r\nContent-Type: application/json\r\n", self.number);
                let body = format!(
                    r#"{{"userId":"{HOSTILE}-u","contactInfo":{{"name":"Person {turn}","notes":"{}"}}}}"#,
                    "x".repeat(1_000)
                );
                request("POST", "/AddContact", contributor, &key, body.as_bytes())
            }
            Kind::EventStreams => get("/cache/events".to_owned(), watcher),
            Kind::Exports => get(format!("/enterprise/{HOSTILE}/contacts/export"), manager),
            Kind::Imports => {
                let rows: Vec<String> = (0..NEW_DEPARTMENTS)
                    .map(|row| format!("Person {row},{}-{round}-{row},e{}-{round}-{row}\n", self.number, self.number))
                    .collect();
                let body = format!("name,department,employee\n{}", rows.concat());
                let path = format!("/enterprise/{HOSTILE}/contacts/import?createMissing=true");
                request("POST", &path, manager, "Content-Type: text/csv\r\n", body.as_bytes())
            }
            Kind::SignIns => {
                let body = format!(r#"{{"token":"{viewer}"}}"#);
                request("POST", "/session", viewer, "Content-Type: application/json\r\n", body.as_bytes())
            }
            Kind::Guesses => get("/session".to_owned(), &format!("muster_guess{turn}_{turn}")),
        }
    }

    /// Asks for large pages on many connections, and takes a little of each now and then.
    fn read_slowly(&mut self, target: usize, round: usize) -> io::Result<()> {
        let mut open = Vec::new();
        for connection in 0..SLOW_CONNECTIONS {
            let mut stream = self.target.connect(target)?;
            let request = self.request(Kind::SlowReaders, target, round * SLOW_CONNECTIONS + connection);
            stream.get_mut().write_all(&request)?;
            open.push(stream);
        }
        let mut buffer = [0; SLOW_BYTES];
        while self.target.current() == Some(target) {
            for stream in &mut open {
                stream.get_ref().set_nonblocking(true)?;
                let _ = stream.get_mut().read(&mut buffer);
            }
            thread::sleep(SLOW_REST);
        }
        Ok(())
    }

    /// Opens streams until one is refused, and keeps them until the attackers turn away; goes on asking for more.
    fn open_streams(&mut self, target: usize) -> io::Result<()> {
        let mut open = Vec::new();
        while self.target.current() == Some(target) {
            let mut stream = self.target.connect(target)?;
            let request = self.request(Kind::EventStreams, target, 0);
            stream.get_mut().write_all(&request)?;
            let mut head = [0; 12];
            stream.get_mut().read_exact(&mut head)?;
            if head.ends_with(b"200") {
                self.seen.done += 1;
                open.push(stream);
                continue;
            }
            let rest = io::Cursor::new(head).chain(stream);
            let reply = crate::support::read_reply(&mut io::BufReader::new(rest))?;
            self.seen.count(target, &reply);
        }
        Ok(())
    }
}
