//! Concurrent clients and another process: no acknowledged write is lost, and every summary is a consistent snapshot.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{NOTICED_WITHIN, Random, RunningCommand, TestServer, WireClient, WireReply, WorkDir};

const WRITERS: usize = 6;
const READERS: usize = 3;
const DEPARTMENTS: usize = 3;

/// Each writer stops after this many writes or this much time, whichever comes first.
const WRITES_MAX: usize = 300;
const WRITING_TIME_MAX: Duration = Duration::from_secs(6);

/// No request may take longer than the server's own limit for one.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);

/// A client that checks every response: no error is allowed but 503 with `Retry-After`.
struct CheckedClient {
    client: WireClient,
    /// The longest response time.
    slowest: Duration,
    /// The number of responses with 503.
    refusals: usize,
}

impl CheckedClient {
    fn of(server: &TestServer) -> Self {
        Self { client: server.client(), slowest: Duration::ZERO, refusals: 0 }
    }

    /// Sends a request, again if it is answered with 503.
    fn send(&mut self, method: &str, path: &str, body: &str) -> WireReply {
        loop {
            let begun = Instant::now();
            let reply = self.client.send(method, path, body);
            self.slowest = self.slowest.max(begun.elapsed());
            if reply.status < 500 {
                return reply;
            }
            assert_eq!(reply.status, 503, "{method} {path}: {}", reply.text());
            assert!(reply.header("retry-after").is_some(), "503 without Retry-After");
            self.refusals += 1;
        }
    }

    fn get(&mut self, path: &str) -> Value {
        self.send("GET", path, "").expect(200).json()
    }

    fn summary(&mut self, path: &str) -> Value {
        self.get(&format!("/enterprise/{path}/contacts/summary"))["data"].take()
    }
}

/// Writes to an employee that no other client writes to, and checks after each acknowledgement that a read shows the
/// write.
struct Writer {
    client: CheckedClient,
    random: Random,
    user: String,
    department: String,
    /// Acknowledged contacts with their notes, oldest first.
    contacts: Vec<(String, String)>,
    writes: usize,
}

impl Writer {
    fn new(server: &TestServer, number: usize, seed: u64) -> Self {
        Self {
            client: CheckedClient::of(server),
            random: Random::new(seed),
            user: user(number),
            department: department(number),
            contacts: Vec::new(),
            writes: 0,
        }
    }

    /// Continues as long as `go_on` allows it for the number of writes so far.
    fn write_while(&mut self, go_on: impl Fn(usize) -> bool) {
        while go_on(self.writes) {
            self.write();
            self.assert_write_visible();
        }
    }

    fn write(&mut self) {
        self.writes += 1;
        let path = |id: &str| format!("/Contacts/{}/contact/{id}", self.user);
        // The newest contact is kept, so that the time of the newest contact never decreases.
        match (self.contacts.len(), self.random.below(10)) {
            (2.., 0 | 1) => {
                let position = self.random.below(self.contacts.len() - 1);
                let (id, _) = self.contacts.remove(position);
                self.client.send("DELETE", &path(&id), "").expect(200);
            }
            (2.., 2 | 3) => {
                let position = self.random.below(self.contacts.len());
                let notes = format!("changed by write {}", self.writes);
                let id = &self.contacts[position].0;
                self.client.send("PATCH", &path(id), &json!({"notes": notes}).to_string()).expect(200);
                self.contacts[position].1 = notes;
            }
            _ => {
                let (name, company) =
                    (format!("{} {}", self.user, self.random.below(40)), self.random.word(&COMPANIES));
                let info = json!({"name": name, "company": company, "notes": name});
                let body = json!({"userId": self.user, "contactInfo": info}).to_string();
                let reply = self.client.send("POST", "/AddContact", &body).expect(201).json();
                self.contacts.push((reply["contact"]["contactId"].as_str().unwrap().to_owned(), name));
                assert_eq!(reply["contactsCount"], self.contacts.len());
            }
        }
    }

    /// A read that begins after an acknowledged write shows it.
    fn assert_write_visible(&mut self) {
        if self.writes.is_multiple_of(2) {
            let department = self.client.summary(&format!("acme/departments/{}", self.department));
            let own = find(&department["employees"], "employeeId", &self.user);
            assert_eq!(own["contactCount"], self.contacts.len(), "{} after write {}", self.user, self.writes);
        } else if let Some((id, notes)) = self.contacts.last() {
            let contact = self.client.get(&format!("/Contacts/{}/contact/{id}", self.user));
            assert_eq!(contact["contact"]["notes"], *notes);
        }
    }

    /// The stored contacts are the acknowledged ones, and no others.
    fn assert_nothing_lost(&mut self) {
        let page = self.client.get(&format!("/Contacts/{}?limit=1000", self.user));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let contacts = page["contactList"].as_array().unwrap().iter();
        let mut stored: Vec<_> =
            contacts.map(|contact| (text(&contact["contactId"]), text(&contact["notes"]))).collect();
        stored.sort();
        self.contacts.sort();
        assert_eq!(stored, self.contacts, "{}", self.user);
    }
}

const COMPANIES: [&str; 4] = ["Contoso", "Fabrikam", "Initech", ""];

fn user(number: usize) -> String {
    format!("u{number}")
}

fn department(number: usize) -> String {
    format!("d{}", number % DEPARTMENTS)
}

fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|item| item[key] == value);
    found.unwrap_or_else(|| panic!("no {value} in {list:#}"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

fn sum(list: &Value, field: &str) -> u64 {
    list.as_array().unwrap().iter().map(|item| number(&item[field])).sum()
}

/// Reads the enterprise's summary repeatedly; each must be consistent, and none may be older than the one before.
struct Reader {
    client: CheckedClient,
    newest: String,
    revision: u64,
}

impl Reader {
    fn read_while(&mut self, go_on: impl Fn() -> bool) {
        while go_on() {
            let summary = self.client.summary("acme");
            assert_consistent(&summary);
            let newest = summary["newestContactAt"].as_str().unwrap_or_default();
            assert!(newest >= self.newest.as_str(), "{newest} after {}", self.newest);
            newest.clone_into(&mut self.newest);
            let revision = number(&summary["revision"]);
            assert!(revision >= self.revision, "revision {revision} after {}", self.revision);
            self.revision = revision;
        }
    }
}

fn assert_consistent(summary: &Value) {
    let total = number(&summary["totalContacts"]);
    let people = number(&summary["uniquePeople"]);
    let departments = &summary["departments"];
    assert_eq!(sum(departments, "totalContacts"), total, "{summary:#}");
    assert_eq!(sum(departments, "totalEmployees"), number(&summary["totalEmployees"]), "{summary:#}");
    assert!(people <= total && people <= sum(departments, "uniquePeople"), "{summary:#}");
    assert!(sum(&summary["topCompanies"], "contactCount") <= total, "{summary:#}");
    assert!(sum(&summary["topEmployees"], "contactCount") <= total, "{summary:#}");
    let growth = &summary["growth"];
    // Every contact was created today, so growth counts all of them, also across midnight.
    assert_eq!(sum(&growth["daily"], "contacts"), total, "{summary:#}");
    assert_eq!(sum(&growth["monthly"], "contacts"), total, "{summary:#}");
    assert_eq!((number(&growth["last7Days"]), number(&growth["last30Days"])), (total, total), "{summary:#}");
    assert_eq!(summary["newestContactAt"].is_null(), total == 0, "{summary:#}");
}

/// Creates the enterprise with an employee for each writer and one for the import.
fn create_directory(server: &TestServer) {
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    for id in (0..DEPARTMENTS).map(department) {
        client.post("/enterprise/acme/departments", &json!({"id": id, "name": id}));
    }
    let writers = (0..WRITERS).map(|number| (user(number), department(number)));
    for (user, department) in writers.chain([("imp".to_owned(), department(0))]) {
        let employee = json!({"employeeId": user, "firstName": user});
        client.post(&format!("/enterprise/acme/departments/{department}/employees"), &employee);
    }
}

/// A CSV file with this many different people.
fn file(rows: usize) -> String {
    let mut file = "name,surname,email,phone,company\n".to_owned();
    for row in 0..rows {
        let company = COMPANIES[row % COMPANIES.len()];
        let _ = writeln!(file, "Given{row},Family{row},p{row}@people.example,+49 30 {row:07},{company}");
    }
    file
}

/// Starts to import a file beside the server.
fn import(dir: &WorkDir, rows: usize) -> RunningCommand {
    dir.write("people.csv", file(rows));
    RunningCommand::start(dir.command(&["import", "people.csv", "--enterprise", "acme", "--employee", "imp"]))
}

fn imported(client: &mut CheckedClient) -> u64 {
    let department = client.summary("acme/departments/d0");
    number(&find(&department["employees"], "employeeId", "imp")["contactCount"])
}

/// Waits for the import to end, and then until its rows are shown.
fn await_import(import: RunningCommand, rows: usize, mut client: CheckedClient) {
    let ended = import.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ended = Instant::now();
    loop {
        let begun = Instant::now();
        let shown = imported(&mut client);
        if shown == rows as u64 {
            return;
        }
        assert!(begun - ended < NOTICED_WITHIN, "{shown} of {rows} rows show after {:?}", begun - ended);
    }
}

#[test]
fn concurrent_clients_and_another_process_lose_no_write_and_read_consistent_summaries() {
    const ROWS: usize = 5_000;
    let seed = Random::seed_of_this_run();
    println!("{}={seed}", Random::SEED_VARIABLE);
    let mut random = Random::new(seed);
    let dir = WorkDir::new();
    let server = dir.serve();
    create_directory(&server);
    let mut writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(&server, number, random.next())).collect();
    let begun = Instant::now();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            let mut reader = Reader { client: CheckedClient::of(&server), newest: String::new(), revision: 0 };
            let done = &done;
            scope.spawn(move || reader.read_while(|| !done.load(Ordering::Relaxed)));
        }
        let importing = scope.spawn(|| await_import(import(&dir, ROWS), ROWS, CheckedClient::of(&server)));
        let writing: Vec<_> = writers
            .iter_mut()
            .map(|writer| {
                let go_on = move |writes| writes < WRITES_MAX && begun.elapsed() < WRITING_TIME_MAX;
                scope.spawn(move || writer.write_while(go_on))
            })
            .collect();
        // Readers must stop also if a writer has failed.
        let ended: Vec<_> = writing.into_iter().chain([importing]).map(|thread| thread.join()).collect();
        done.store(true, Ordering::Relaxed);
        for outcome in ended {
            outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    let mut total = ROWS as u64;
    for writer in &mut writers {
        assert!(writer.writes > 0);
        writer.assert_nothing_lost();
        total += writer.contacts.len() as u64;
    }
    let summary = CheckedClient::of(&server).summary("acme");
    assert_consistent(&summary);
    assert_eq!(number(&summary["totalContacts"]), total);
    println!("{} writes in {:?}", writers.iter().map(|writer| writer.writes).sum::<usize>(), begun.elapsed());
}

#[test]
fn a_large_import_by_another_process_blocks_no_request() {
    const ROWS: usize = 20_000;
    let dir = WorkDir::new();
    let limit = format!("{}s", REQUEST_TIME_MAX.as_secs());
    let server = dir.serve_as(&dir.token("admin"), &["--request-timeout", &limit]);
    create_directory(&server);
    let mut writers: Vec<_> = (0..2).map(|number| Writer::new(&server, number, number as u64)).collect();
    let mut reader = Reader { client: CheckedClient::of(&server), newest: String::new(), revision: 0 };
    let done = AtomicBool::new(false);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let done = &done;
        for writer in &mut writers {
            scope.spawn(move || writer.write_while(|_| !done.load(Ordering::Relaxed)));
        }
        scope.spawn(|| reader.read_while(|| !done.load(Ordering::Relaxed)));
        let importing = scope.spawn(|| await_import(import(&dir, ROWS), ROWS, CheckedClient::of(&server)));
        let outcome = importing.join();
        done.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let clients = || writers.iter().map(|writer| &writer.client).chain([&reader.client]);
    let slowest = clients().map(|client| client.slowest).max().unwrap();
    println!(
        "{ROWS} rows in {:?} beside {} writes; the slowest request took {slowest:?}",
        begun.elapsed(),
        writers.iter().map(|writer| writer.writes).sum::<usize>()
    );
    assert!(slowest < REQUEST_TIME_MAX, "a request took {slowest:?}");
    assert_eq!(clients().map(|client| client.refusals).sum::<usize>(), 0, "the server answered 503");
}
