//! The clients of the test: those that write, read, import and disturb.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::checker::{
    Answer, DEPARTMENTS, IMPORTED_INTO, Question, Read, Scope, Shown, State, Timeline, enterprise_of,
    renames_enterprise,
};
use crate::support::{Random, WireClient, WireReply, WorkDir};

/// The pause of a reader and of a writer between two requests, in milliseconds. Long enough that all of them together
/// leave half of a small machine to other tests, short enough for thousands of reads and writes in their time.
const READER_RESTS_MILLIS: (usize, usize) = (20, 80);
const WRITER_RESTS_MILLIS: (usize, usize) = (30, 110);

/// The pause between two imports, and between two disturbances.
const IMPORT_REST: Duration = Duration::from_millis(400);
const DISTURBANCE_REST: Duration = Duration::from_millis(150);

/// Rows of one import.
const IMPORTED_ROWS: u64 = 40;

/// How often a write that was refused with 503 is sent again.
const ATTEMPTS_MAX: usize = 50;

fn rest(random: &mut Random, (least, most): (usize, usize)) {
    sleep(Duration::from_millis((least + random.below(most - least)) as u64));
}

/// Writes to an employee and a department that no other client writes to.
pub struct Writer {
    number: usize,
    client: WireClient,
    random: Random,
    /// The contacts that exist.
    contacts: Vec<String>,
    sequence: usize,
    pub timeline: Timeline<State>,
}

#[derive(Clone, Copy)]
enum Kind {
    Add,
    Change,
    Delete,
    Move,
    Archive,
    RenameDepartment,
    ArchiveDepartment,
    RenameEnterprise,
}

impl Writer {
    /// Creates what the writer changes.
    pub fn new(number: usize, mut client: WireClient, seed: u64) -> Self {
        let (enterprise, department) = (enterprise_of(number), number % DEPARTMENTS);
        let employee = json!({"employeeId": format!("u{number}"), "firstName": format!("u{number}")});
        client.post(&format!("/enterprise/e{enterprise}/departments/d{department}/employees"), &employee);
        let own_department = json!({"id": format!("p{number}"), "name": "own"});
        client.post(&format!("/enterprise/e{enterprise}/departments"), &own_department);
        let start = State {
            department,
            contacts: 0,
            archived: false,
            own_department: "own".to_owned(),
            own_department_archived: false,
            enterprise: if renames_enterprise(number) { format!("e{enterprise}") } else { String::new() },
        };
        let timeline = Timeline::new(start);
        Self { number, client, random: Random::new(seed), contacts: Vec::new(), sequence: 0, timeline }
    }

    pub fn write_while(&mut self, go_on: impl Fn() -> bool) {
        while go_on() {
            self.write();
            rest(&mut self.random, WRITER_RESTS_MILLIS);
        }
    }

    fn write(&mut self) {
        self.sequence += 1;
        let mut state = self.timeline.newest().clone();
        let enterprise = format!("/enterprise/e{}", enterprise_of(self.number));
        let employee = format!("{enterprise}/departments/d{}/employees/u{}", state.department, self.number);
        let own_department = format!("{enterprise}/departments/p{}", self.number);
        let name = |what: &str, sequence| format!("{what} after write {sequence}");
        match self.choose(&state) {
            Kind::Add => {
                state.contacts += 1;
                let info =
                    json!({"name": name("Person", self.sequence), "company": self.random.word(&["Contoso", ""])});
                let body = json!({"userId": format!("u{}", self.number), "contactInfo": info});
                let reply = self.send("POST", "/AddContact", &body, state);
                self.contacts.push(reply["contact"]["contactId"].as_str().unwrap().to_owned());
            }
            Kind::Change => {
                let position = self.random.below(self.contacts.len());
                let path = format!("/Contacts/u{}/contact/{}", self.number, self.contacts[position]);
                self.send("PATCH", &path, &json!({"company": name("Company", self.sequence)}), state);
            }
            Kind::Delete => {
                state.contacts -= 1;
                let contact = self.contacts.swap_remove(self.random.below(self.contacts.len()));
                self.send("DELETE", &format!("/Contacts/u{}/contact/{contact}", self.number), &Value::Null, state);
            }
            Kind::Move => {
                state.department = (state.department + 1 + self.random.below(DEPARTMENTS - 1)) % DEPARTMENTS;
                let body = json!({"departmentId": format!("d{}", state.department)});
                self.send("PUT", &employee, &body, state);
            }
            Kind::Archive => {
                state.archived = !state.archived;
                self.set_archived(&employee, state.archived, state);
            }
            Kind::RenameDepartment => {
                state.own_department = name("Department", self.sequence);
                self.send("PUT", &own_department, &json!({"name": state.own_department}), state);
            }
            Kind::ArchiveDepartment => {
                state.own_department_archived = !state.own_department_archived;
                self.set_archived(&own_department, state.own_department_archived, state);
            }
            Kind::RenameEnterprise => {
                state.enterprise = name("Enterprise", self.sequence);
                self.send("PUT", &enterprise, &json!({"name": state.enterprise}), state);
            }
        }
    }

    /// Chooses a write that is possible in this state.
    fn choose(&mut self, state: &State) -> Kind {
        // Restored soon, so that it exists most of the time.
        if (state.archived || state.own_department_archived) && self.random.percent(50) {
            return if state.archived { Kind::Archive } else { Kind::ArchiveDepartment };
        }
        loop {
            let kinds = [
                (40, Kind::Add),
                (8, Kind::Change),
                (20, Kind::Delete),
                (10, Kind::Move),
                (5, Kind::Archive),
                (7, Kind::RenameDepartment),
                (4, Kind::ArchiveDepartment),
                (4, Kind::RenameEnterprise),
            ];
            let kind = self.random.weighted(&kinds);
            let possible = match kind {
                // The same request restores what is archived.
                Kind::Archive | Kind::ArchiveDepartment => true,
                Kind::Add | Kind::Move => !state.archived,
                Kind::Change | Kind::Delete => !state.archived && !self.contacts.is_empty(),
                Kind::RenameDepartment => !state.own_department_archived,
                Kind::RenameEnterprise => renames_enterprise(self.number),
            };
            if possible {
                return kind;
            }
        }
    }

    fn set_archived(&mut self, path: &str, archived: bool, state: State) {
        if archived {
            self.send("DELETE", path, &Value::Null, state);
        } else {
            self.send("POST", &format!("{path}/restore"), &json!({}), state);
        }
    }

    /// Sends a write that leads to this state, and records its times. A write that was refused with 503 has not
    /// happened and is sent again.
    fn send(&mut self, method: &str, path: &str, body: &Value, state: State) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let begun = Instant::now();
        for _ in 0..ATTEMPTS_MAX {
            let reply = self.client.send(method, path, &body);
            if reply.status != 503 {
                assert!(matches!(reply.status, 200 | 201), "{method} {path}: {} {}", reply.status, reply.text());
                self.timeline.push(begun, Instant::now(), state);
                return reply.json();
            }
        }
        panic!("{method} {path} is refused again and again");
    }
}

/// Reads the summary and the contacts of any scope, with and without the entity tag of an earlier response, plain and
/// compressed.
pub struct Reader {
    client: WireClient,
    random: Random,
    scopes: Arc<[Scope]>,
    /// The newest answer to each question, with its entity tag.
    known: HashMap<Question, (String, Arc<Shown>)>,
    pub reads: Vec<Read>,
    pub unchanged: usize,
    pub compressed: usize,
}

impl Reader {
    pub fn new(client: WireClient, scopes: Arc<[Scope]>, seed: u64) -> Self {
        let (random, known) = (Random::new(seed), HashMap::new());
        Self { client, random, scopes, known, reads: Vec::new(), unchanged: 0, compressed: 0 }
    }

    pub fn read_while(&mut self, go_on: impl Fn() -> bool) {
        while go_on() {
            self.read();
            rest(&mut self.random, READER_RESTS_MILLIS);
        }
    }

    fn read(&mut self) {
        let answer = if self.random.percent(25) { Answer::Details } else { Answer::Summary };
        let question = Question { scope: *self.random.pick(&self.scopes), answer };
        let known = self.known.get(&question).filter(|_| self.random.percent(50)).cloned();
        let mut headers = Vec::new();
        if let Some((tag, _)) = &known {
            headers.push(("If-None-Match", tag.as_str()));
        }
        if self.random.percent(25) {
            headers.push(("Accept-Encoding", "gzip"));
        }
        let begun = Instant::now();
        let reply = self.client.try_send("GET", &question.path(), &headers, "").unwrap();
        let ended = Instant::now();
        let tag = reply.header("etag").unwrap_or_default().to_owned();
        let how = format!("{} {}", reply.status, reply.header("cache-status").unwrap_or("-"));
        let shown = match reply.status {
            200 => Some(self.take(question, tag, &reply)),
            304 => {
                let (own, shown) = known.expect("a 304 without If-None-Match");
                assert_eq!(tag, own, "a 304 for another answer than the one requested");
                self.unchanged += 1;
                Some(shown)
            }
            404 => None,
            other => panic!("{}: {other} {}", question.path(), reply.text()),
        };
        self.reads.push(Read { question, begun, ended, shown, how });
    }

    fn take(&mut self, question: Question, tag: String, reply: &WireReply) -> Arc<Shown> {
        let answer: Value = if reply.header("content-encoding") == Some("gzip") {
            self.compressed += 1;
            let mut plain = Vec::new();
            GzDecoder::new(&reply.body[..]).read_to_end(&mut plain).unwrap();
            serde_json::from_slice(&plain).unwrap()
        } else {
            reply.json()
        };
        let shown = Shown::of(question, &answer["data"]);
        // The tag is `epoch-format-revision-day-seal`; a later 304 is checked by its revision.
        let revision = tag.trim_end_matches('"').rsplit('-').nth(2).and_then(|revision| revision.parse().ok());
        assert!(revision.is_some() && (shown.revision == revision || shown.revision.is_none()), "{tag}: {shown:?}");
        let shown = Arc::new(shown);
        self.known.insert(question, (tag, Arc::clone(&shown)));
        shown
    }
}

/// Imports into one enterprise after the other, each time by another process, and records when each has ended.
pub fn import_while(dir: &WorkDir, imports: &mut [Timeline<u64>], go_on: impl Fn() -> bool) {
    for run in 0.. {
        if !go_on() {
            return;
        }
        let enterprise = run % imports.len();
        let mut file = "name,surname,email\n".to_owned();
        for row in 0..IMPORTED_ROWS {
            let _ = writeln!(file, "Given{row},Family{run},p{row}.{run}@people.example");
        }
        dir.write("people.csv", file);
        let rows = imports[enterprise].newest() + IMPORTED_ROWS;
        let (owner, employee) = (format!("e{enterprise}"), format!("imp{enterprise}"));
        let begun = Instant::now();
        dir.muster_ok(&["import", "people.csv", "--enterprise", &owner, "--employee", &employee]);
        imports[enterprise].push(begun, Instant::now(), rows);
        sleep(IMPORT_REST);
    }
}

/// Creates the enterprises with the departments that are shared, and the employees that imports fill.
pub fn create_enterprises(client: &mut WireClient, enterprises: usize) {
    for enterprise in (0..enterprises).map(|number| format!("e{number}")) {
        client.post("/enterprise", &json!({"id": enterprise, "name": enterprise}));
        for department in (0..DEPARTMENTS).map(|number| format!("d{number}")) {
            let body = json!({"id": department, "name": department});
            client.post(&format!("/enterprise/{enterprise}/departments"), &body);
        }
        let employee = format!("imp{}", &enterprise[1..]);
        let body = json!({"employeeId": employee, "firstName": employee});
        client.post(&format!("/enterprise/{enterprise}/departments/d{IMPORTED_INTO}/employees"), &body);
    }
}

/// Clears, drops, warms and configures. None of it may change what a read shows.
pub fn disturb_while(client: &mut WireClient, enterprises: usize, seed: u64, go_on: impl Fn() -> bool) -> usize {
    let mut random = Random::new(seed);
    let mut disturbances = 0;
    while go_on() {
        let (method, path, body) = disturbance(&mut random, enterprises);
        let reply = client.send(method, &path, body);
        assert!(matches!(reply.status, 200 | 404), "{method} {path}: {} {}", reply.status, reply.text());
        disturbances += usize::from(reply.status == 200);
        sleep(DISTURBANCE_REST);
    }
    disturbances
}

fn disturbance(random: &mut Random, enterprises: usize) -> (&'static str, String, String) {
    let enterprise = random.below(enterprises);
    match random.below(8) {
        0 => ("DELETE", "/cache/clear".to_owned(), String::new()),
        1 => ("DELETE", "/cache/departments/clear".to_owned(), String::new()),
        2 => ("DELETE", format!("/cache/enterprises/e{enterprise}/clear"), String::new()),
        3 => ("DELETE", format!("/cache/entries/enterprise:e{enterprise}:contacts"), String::new()),
        4 | 5 => {
            let ids: Vec<_> = (0..enterprises).map(|number| format!("e{number}")).collect();
            let body = json!({"enterpriseIds": ids, "includeDepartments": random.percent(50)});
            ("POST", "/cache/warm".to_owned(), body.to_string())
        }
        6 => {
            let ttl = 1_000 + random.below(4_000);
            let body = json!({"ttlSettings": {"enterprise": ttl, "department": ttl, "default": ttl}});
            ("PUT", "/cache/config".to_owned(), body.to_string())
        }
        _ => {
            let body = json!({"maxCacheSize": 4 + random.below(60)});
            ("PUT", "/cache/config".to_owned(), body.to_string())
        }
    }
}
