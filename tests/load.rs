//! Sixty-four writers and 256 readers at once: no error but 503 with `Retry-After`, no read that lacks what was
//! acknowledged before it began, and bounded memory and threads.
//!
//! By default it runs for a few seconds at a reduced rate. `MUSTER_LOAD_SECONDS=60` runs it for a minute at the full
//! rate, and `MUSTER_LOAD_BINARY` names the binary of the server.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use muster::store::database_path;
use serde_json::{Value, json};

use crate::support::{Random, TestServer, WireClient, WireReply, WorkDir};

const WRITERS: usize = 64;
const READERS: usize = 256;

/// Writers that share a department, and departments that share an enterprise.
const WRITERS_PER_DEPARTMENT: usize = 8;
const DEPARTMENTS_PER_ENTERPRISE: usize = 2;
const DEPARTMENTS: usize = WRITERS / WRITERS_PER_DEPARTMENT;

/// The duration as a part of all tests.
const DEFAULT_DURATION: Duration = Duration::from_secs(8);

/// The longest pause between two requests at the reduced rate, in milliseconds: other tests run at the same time.
const WRITER_REST_MILLIS: usize = 400;
const READER_REST_MILLIS: usize = 800;

const SECONDS_VARIABLE: &str = "MUSTER_LOAD_SECONDS";
const BINARY_VARIABLE: &str = "MUSTER_LOAD_BINARY";

/// The memory limit: some fifty megabytes for the process itself, the cache's bound, and what requests hold.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// The limit of threads: workers, read connections and a few others, far from one for each client.
const THREADS_MAX: u64 = 64;

/// How often memory and threads are sampled.
const SAMPLING_INTERVAL: Duration = Duration::from_millis(250);

/// With fewer the test would prove little.
const READS_MIN: usize = 1_000;
const WRITES_MIN: usize = 500;

/// How often a write that was refused is sent again.
const ATTEMPTS_MAX: usize = 50;

/// How many contacts a writer has sent, and how many were acknowledged.
#[derive(Default)]
struct Account {
    begun: AtomicU64,
    acknowledged: AtomicU64,
}

/// The end and the rate of the run.
struct Pace {
    until: Instant,
    is_throttled: bool,
    failed: AtomicBool,
}

impl Pace {
    fn goes_on(&self) -> bool {
        Instant::now() < self.until && !self.failed.load(Ordering::Relaxed)
    }

    fn rest(&self, random: &mut Random, millis_max: usize) {
        if self.is_throttled {
            thread::sleep(Duration::from_millis(random.below(millis_max) as u64));
        }
    }
}

/// The backup that is made meanwhile.
const BACKUP: &str = "load.db";

/// Stops the other threads when one fails.
struct FailureGuard<'a>(&'a Pace);

impl Drop for FailureGuard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// The response times and refusals of a client.
#[derive(Default)]
struct Tally {
    times: Vec<Duration>,
    refused: usize,
    stale: usize,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.refused += other.refused;
        self.stale += other.stale;
    }

    fn quantile(&self, of_thousand: usize) -> Duration {
        self.times.get(self.times.len() * of_thousand / 1_000).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, p99, p999] = [500, 990, 999].map(|of_thousand| self.quantile(of_thousand));
        let longest = self.times.last().copied().unwrap_or_default();
        write!(f, "{} done, {} refused, {} stale; ", self.times.len(), self.refused, self.stale)?;
        write!(f, "median {half:.1?}, p99 {p99:.1?}, p99.9 {p999:.1?}, longest {longest:.1?}")
    }
}

/// Whether a response is a 503 with `Retry-After`; anything else but a success fails the test.
fn is_refused(reply: &WireReply) -> bool {
    if reply.status == 503 {
        assert!(reply.header("retry-after").is_some(), "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        return true;
    }
    assert!(matches!(reply.status, 200 | 201), "{} {}", reply.status, reply.text());
    false
}

fn write_on(number: usize, mut client: WireClient, account: &Account, pace: &Pace, seed: u64) -> Tally {
    let _guard = FailureGuard(pace);
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let mut attempts = 0;
    while pace.goes_on() || attempts > 0 {
        let contact = account.acknowledged.load(Ordering::Relaxed);
        account.begun.store(contact + 1, Ordering::SeqCst);
        let info = json!({"name": format!("Person {contact}"), "company": random.word(&["Contoso", "Fabrikam", ""])});
        let body = json!({"userId": format!("u{number}"), "contactInfo": info}).to_string();
        let key = format!("{number}-{contact}");
        let begun = Instant::now();
        // A refused write is sent again under the same key, and so is stored once.
        let reply = client.try_send("POST", "/AddContact", &[("Idempotency-Key", &key)], body).unwrap();
        if is_refused(&reply) {
            tally.refused += 1;
            attempts += 1;
            assert!(attempts < ATTEMPTS_MAX, "refused again and again: {}", reply.text());
            continue;
        }
        attempts = 0;
        tally.times.push(begun.elapsed());
        account.acknowledged.store(contact + 1, Ordering::SeqCst);
        pace.rest(&mut random, WRITER_REST_MILLIS);
    }
    tally
}

fn read_on(mut client: WireClient, accounts: &[Account], pace: &Pace, seed: u64) -> Tally {
    let _guard = FailureGuard(pace);
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    while pace.goes_on() {
        let department = random.below(DEPARTMENTS);
        let enterprise = department / DEPARTMENTS_PER_ENTERPRISE;
        let is_department = random.percent(70);
        let (path, writers) = if is_department {
            let first = department * WRITERS_PER_DEPARTMENT;
            (
                format!("/enterprise/e{enterprise}/departments/d{department}/contacts/summary"),
                first..first + WRITERS_PER_DEPARTMENT,
            )
        } else {
            let per_enterprise = WRITERS_PER_DEPARTMENT * DEPARTMENTS_PER_ENTERPRISE;
            (
                format!("/enterprise/e{enterprise}/contacts/summary"),
                enterprise * per_enterprise..(enterprise + 1) * per_enterprise,
            )
        };
        let least: Vec<u64> =
            accounts[writers.clone()].iter().map(|account| account.acknowledged.load(Ordering::SeqCst)).collect();
        let begun = Instant::now();
        let reply = client.try_send("GET", &path, &[], "").unwrap();
        let took = begun.elapsed();
        let most: Vec<u64> =
            accounts[writers.clone()].iter().map(|account| account.begun.load(Ordering::SeqCst)).collect();
        if is_refused(&reply) {
            tally.refused += 1;
        } else {
            tally.times.push(took);
            let answer = reply.json();
            if answer["stale"] == true {
                tally.stale += 1;
            } else {
                let shown = if is_department { of_each(&answer, writers) } else { vec![total(&answer)] };
                let sum = |counts: &[u64]| if is_department { counts.to_vec() } else { vec![counts.iter().sum()] };
                let (least, most) = (sum(&least), sum(&most));
                let is_allowed =
                    shown.iter().zip(&least).zip(&most).all(|((shown, least), most)| (least..=most).contains(&shown));
                assert!(is_allowed, "{path} shows {shown:?}, not {least:?} to {most:?}: {answer:#}");
            }
        }
        pace.rest(&mut random, READER_REST_MILLIS);
    }
    tally
}

fn total(answer: &Value) -> u64 {
    answer["data"]["totalContacts"].as_u64().unwrap()
}

/// The number of contacts of each of these writers.
fn of_each(answer: &Value, writers: std::ops::Range<usize>) -> Vec<u64> {
    let employees = answer["data"]["employees"].as_array().unwrap();
    let count = |number: usize| {
        let id = format!("u{number}");
        let employee = employees.iter().find(|employee| employee["employeeId"] == id.as_str());
        employee.unwrap_or_else(|| panic!("no {id}: {answer:#}"))["contactCount"].as_u64().unwrap()
    };
    let counts: Vec<u64> = writers.map(count).collect();
    assert_eq!(counts.iter().sum::<u64>(), total(answer), "{answer:#}");
    counts
}

fn sum(accounts: &[Account], what: impl Fn(&Account) -> &AtomicU64) -> u64 {
    accounts.iter().map(|account| what(account).load(Ordering::SeqCst)).sum()
}

fn create_directory(client: &mut WireClient) {
    for department in 0..DEPARTMENTS {
        let enterprise = department / DEPARTMENTS_PER_ENTERPRISE;
        if department % DEPARTMENTS_PER_ENTERPRISE == 0 {
            client.post("/enterprise", &json!({"id": format!("e{enterprise}"), "name": "Enterprise"}));
        }
        let path = format!("/enterprise/e{enterprise}/departments");
        client.post(&path, &json!({"id": format!("d{department}"), "name": "Department"}));
        for writer in 0..WRITERS_PER_DEPARTMENT {
            let id = format!("u{}", department * WRITERS_PER_DEPARTMENT + writer);
            client.post(&format!("{path}/d{department}/employees"), &json!({"employeeId": id, "firstName": id}));
        }
    }
}

fn serve(dir: &WorkDir) -> TestServer {
    let token = dir.token("admin");
    match std::env::var_os(BINARY_VARIABLE).map(PathBuf::from) {
        None => dir.serve_as(&token, &[]),
        Some(binary) => {
            let binary = std::fs::canonicalize(binary).unwrap();
            dir.serve_by(&binary, &token)
        }
    }
}

#[test]
fn sixty_four_writers_and_256_readers_meet_no_error_and_nothing_stale() {
    let seconds = std::env::var(SECONDS_VARIABLE).ok().map(|text| Duration::from_secs(text.parse().unwrap()));
    let directory = WorkDir::new();
    let server = serve(&directory);
    create_directory(&mut server.client());
    let accounts: Arc<[Account]> = (0..WRITERS).map(|_| Account::default()).collect();
    let mut random = Random::new(Random::seed_of_this_run());
    let begun = Instant::now();
    let pace = Pace {
        until: begun + seconds.unwrap_or(DEFAULT_DURATION),
        is_throttled: seconds.is_none(),
        failed: AtomicBool::new(false),
    };
    let (mut writes, mut reads, mut threads_most) = (Tally::default(), Tally::default(), 0);
    let mut backup = (0, 0);
    thread::scope(|scope| {
        let (accounts, pace) = (&accounts, &pace);
        let writing: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (client, seed) = (server.client(), random.next());
                scope.spawn(move || write_on(number, client, &accounts[number], pace, seed))
            })
            .collect();
        let reading: Vec<_> = (0..READERS)
            .map(|_| {
                let (client, seed) = (server.client(), random.next());
                scope.spawn(move || read_on(client, accounts, pace, seed))
            })
            .collect();
        let backed_up = scope.spawn(|| {
            let _guard = FailureGuard(pace);
            thread::sleep(pace.until.saturating_duration_since(Instant::now()) / 2);
            let least = sum(accounts, |account| &account.acknowledged);
            directory.muster_ok(&["backup", BACKUP]);
            (least, sum(accounts, |account| &account.begun))
        });
        while pace.goes_on() {
            threads_most = threads_most.max(server.threads().unwrap_or_default());
            thread::sleep(SAMPLING_INTERVAL);
        }
        for writer in writing {
            writes.add(writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        backup = backed_up.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for reader in reading {
            reads.add(reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    let took = begun.elapsed();
    writes.times.sort_unstable();
    reads.times.sort_unstable();
    let memory = server.memory().map(|(most, _)| most);
    let rate = |tally: &Tally| tally.times.len() as u128 * 1_000 / took.as_millis().max(1);
    println!("writes: {}/s, {writes}", rate(&writes));
    println!("reads: {}/s, {reads}", rate(&reads));
    println!("memory at most {memory:?} bytes, threads at most {threads_most}, in {took:.1?}");
    assert!(reads.times.len() >= READS_MIN && writes.times.len() >= WRITES_MIN);
    assert_eq!(reads.stale, 0, "nothing kept the server from reading");
    assert!(memory.is_none_or(|bytes| bytes <= MEMORY_BYTES_MAX), "{memory:?}");
    assert!(threads_most <= THREADS_MAX, "{threads_most} threads");
    let written = sum(&accounts, |account| &account.acknowledged);
    let mut client = server.client();
    let stored: u64 = (0..DEPARTMENTS / DEPARTMENTS_PER_ENTERPRISE)
        .map(|enterprise| total(&client.get(&format!("/enterprise/e{enterprise}/contacts/summary"))))
        .sum();
    assert_eq!(stored, written);

    // The backup contains everything acknowledged before it began, and its sums are right.
    directory.muster_ok(&["restore", BACKUP, "--yes", "--data-dir", "restored"]);
    directory.muster_ok(&["check", "--data-dir", "restored"]);
    let restored = rusqlite::Connection::open(database_path(&directory.path("restored"))).unwrap();
    let kept: u64 = restored.query_row("SELECT count(*) FROM contact", [], |row| row.get(0)).unwrap();
    println!("the backup has {kept} of {written} contacts");
    assert!((backup.0..=backup.1).contains(&kept), "{kept} contacts, not {backup:?}");
}
