//! What was acknowledged survives `kill -9` at any moment, and what was not can be sent again without harm.

mod administrators;
mod backups;
mod contacts;
mod imports;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use administrators::{Keyholder, Tuner};
use backups::Archivist;
use contacts::Writer;
use imports::Importer;

use crate::support::{Place, Random, TestServer, WireClient, eventually};

/// How often the server is killed, unless the environment says otherwise.
const KILLS: usize = 20;

/// Says how often.
const KILLS_VARIABLE: &str = "MUSTER_KILL_ROUNDS";

/// Clients that collect contacts at the same time, so that a kill finds groups of several writes.
const CLIENTS: usize = 4;

/// A kill comes after at most so many acknowledgements.
const ACKNOWLEDGEMENTS_MAX: usize = 100;

/// What may be in a data directory after a kill, and nothing else.
const FILES: [&str; 5] = ["muster.db", "muster.db-wal", "muster.db-shm", "muster.lock", "backups"];

/// Everybody who is at work when the server is killed.
struct Crew {
    writers: Vec<Writer>,
    sender: Importer,
    runner: Importer,
    tuner: Tuner,
    keyholder: Keyholder,
    archivist: Archivist,
    randoms: [Random; 2],
}

impl Crew {
    fn new(token: &str, random: &mut Random) -> Self {
        Self {
            writers: (0..CLIENTS).map(|number| Writer::new(format!("u{number}"), random.next())).collect(),
            sender: Importer::new("sender"),
            runner: Importer::new("runner"),
            tuner: Tuner::new(),
            keyholder: Keyholder::new(token, random.next()),
            archivist: Archivist::default(),
            randoms: [Random::new(random.next()), Random::new(random.next())],
        }
    }

    /// Makes an enterprise with an employee for each who collects contacts.
    fn employ(&self, client: &mut WireClient) {
        client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
        for department in ["d0", "d1"] {
            client.post("/enterprise/acme/departments", &json!({"id": department, "name": department}));
        }
        let users = self.writers.iter().map(|writer| writer.user.as_str()).chain(["sender", "runner"]);
        for (number, user) in users.enumerate() {
            let employee = json!({"employeeId": user, "firstName": user});
            client.post(&format!("/enterprise/acme/departments/d{}/employees", number % 2), &employee);
        }
    }

    /// Has everybody work, and kills the server after so many acknowledgements; gives how many there were.
    fn work_until_killed(&mut self, place: &Place, server: TestServer, acknowledgements: usize) -> usize {
        let (acknowledged, killed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let Self { writers, sender, runner, tuner, keyholder, archivist, randoms: [for_runner, for_archivist] } = self;
        std::thread::scope(|scope| {
            let (count, killed) = (&acknowledged, &killed);
            for writer in writers {
                let client = server.client();
                scope.spawn(move || writer.write_on(client, count));
            }
            let clients = [server.client(), server.client(), server.client(), server.client()];
            let [for_sender, for_tuner, for_keyholder, for_asker] = clients;
            let Archivist { finished, broken_off, made_by_server } = archivist;
            scope.spawn(move || sender.send_on(for_sender, count));
            scope.spawn(move || runner.run_on(place, killed, for_runner, count));
            scope.spawn(move || Archivist::ask_on(made_by_server, for_asker, count));
            scope.spawn(move || {
                Archivist::back_up_on(finished, broken_off, place, killed, for_archivist, count);
            });
            scope.spawn(move || tuner.tune_on(for_tuner, count));
            scope.spawn(move || keyholder.work_on(for_keyholder, count));
            eventually("enough is acknowledged", || (count.load(Ordering::Relaxed) >= acknowledgements).then_some(()));
            server.kill();
            killed.store(true, Ordering::Relaxed);
        });
        acknowledged.load(Ordering::Relaxed)
    }

    /// Everything acknowledged is there, nothing is there that nobody sent, and nothing is there twice. What was not
    /// answered is sent again, and then it is there exactly once.
    fn assert_nothing_lost(&mut self, client: &mut WireClient) {
        for writer in &mut self.writers {
            writer.assert_nothing_lost(client);
            if writer.unanswered.is_some() {
                assert!(writer.write(client));
            }
            assert_eq!(writer.stored(client), writer.contacts);
        }
        for importer in [&mut self.sender, &mut self.runner] {
            importer.assert_nothing_lost(client);
            importer.settle(client);
        }
        self.tuner.assert_nothing_lost(client);
        self.keyholder.assert_nothing_lost(client);
        let collected = self.writers.iter().map(|writer| writer.contacts.len()).sum::<usize>();
        let summary: Value = client.get("/enterprise/acme/contacts/summary");
        let total = collected + self.sender.rows() + self.runner.rows();
        assert_eq!(summary["data"]["totalContacts"], total);
    }
}

fn assert_nothing_left_behind(place: &Place) {
    for entry in std::fs::read_dir(place.data_dir()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(FILES.contains(&name.as_str()), "{name} is left behind");
    }
}

#[test]
fn nothing_acknowledged_is_missing_however_often_the_server_is_killed() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |text| text.parse().unwrap());
    let seed = Random::seed_of_this_run();
    println!("{}={seed}", Random::SEED_VARIABLE);
    let mut random = Random::new(seed);
    let place = Place::new();
    let token = place.token("admin");
    let mut crew = Crew::new(&token, &mut random);
    let mut server = place.serve_as(&token, &[]);
    crew.employ(&mut server.client());
    let mut acknowledged = 0;
    for round in 0..kills {
        acknowledged += crew.work_until_killed(&place, server, 1 + random.below(ACKNOWLEDGEMENTS_MAX));
        assert_nothing_left_behind(&place);
        // Now a command, now the server is the first to open what the killed one left behind.
        let check_first = round % 2 == 0;
        if check_first {
            place.done(&["check"]);
        }
        server = place.serve_as(&token, &[]);
        crew.assert_nothing_lost(&mut server.client());
        if !check_first {
            place.done(&["check"]);
        }
        crew.archivist.assert_whole(&place);
    }
    println!(
        "{kills} kills, {acknowledged} acknowledgements: {} contacts, {} and {} imports, {} backups and {} broken off, {} by the server",
        crew.writers.iter().map(|writer| writer.contacts.len()).sum::<usize>(),
        crew.sender.files,
        crew.runner.files,
        crew.archivist.finished,
        crew.archivist.broken_off,
        crew.archivist.made_by_server
    );
}
