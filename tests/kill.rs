//! Acknowledged writes survive `kill -9` at any moment, and others can be sent again without harm.

mod administrators;
mod backups;
mod contacts;
mod imports;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use administrators::{CacheConfigurator, TokenAdministrator};
use backups::BackupClient;
use contacts::Writer;
use imports::Importer;

use crate::support::{Random, TestServer, WireClient, WorkDir, eventually};

/// How often the server is killed by default.
const KILLS: usize = 10;

/// Sets the number of kills.
const KILLS_VARIABLE: &str = "MUSTER_KILL_ROUNDS";

/// Clients that collect contacts concurrently, so that a kill hits groups of several writes.
const CLIENTS: usize = 4;

/// The largest number of acknowledgements before a kill.
const ACKNOWLEDGEMENTS_MAX: usize = 100;

/// The only files that may be in a data directory after a kill.
const FILES: [&str; 6] = ["muster.db", "muster.db-wal", "muster.db-shm", "muster.lock", "home", "backups"];

/// The clients that work while the server is killed.
struct Clients {
    writers: Vec<Writer>,
    /// Imports over HTTP.
    sender: Importer,
    /// Imports by commands.
    runner: Importer,
    cache_configurator: CacheConfigurator,
    token_administrator: TokenAdministrator,
    backup_client: BackupClient,
    randoms: [Random; 2],
}

impl Clients {
    fn new(token: &str, random: &mut Random) -> Self {
        Self {
            writers: (0..CLIENTS).map(|number| Writer::new(format!("u{number}"), random.next())).collect(),
            sender: Importer::new("sender"),
            runner: Importer::new("runner"),
            cache_configurator: CacheConfigurator::new(),
            token_administrator: TokenAdministrator::new(token, random.next()),
            backup_client: BackupClient::default(),
            randoms: [Random::new(random.next()), Random::new(random.next())],
        }
    }

    /// Creates an enterprise with an employee for each client that collects contacts.
    fn create_directory(&self, client: &mut WireClient) {
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

    /// Runs all clients, and kills the server after this many acknowledgements; returns how many there were.
    fn work_until_killed(&mut self, dir: &WorkDir, server: TestServer, acknowledgements: usize) -> usize {
        let (acknowledged, killed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let Self {
            writers,
            sender,
            runner,
            cache_configurator,
            token_administrator,
            backup_client,
            randoms: [for_runner, for_backup_client],
        } = self;
        std::thread::scope(|scope| {
            let (count, killed) = (&acknowledged, &killed);
            for writer in writers {
                let client = server.client();
                scope.spawn(move || writer.write_until_killed(client, count));
            }
            let connections = [server.client(), server.client(), server.client(), server.client()];
            let [for_sender, for_cache_configurator, for_token_administrator, for_backup_requests] = connections;
            let BackupClient { finished, aborted, made_by_server } = backup_client;
            scope.spawn(move || sender.send_until_killed(for_sender, count));
            scope.spawn(move || runner.run_until_killed(dir, killed, for_runner, count));
            scope.spawn(move || BackupClient::request_backups(made_by_server, for_backup_requests, count));
            scope.spawn(move || {
                BackupClient::run_backups(finished, aborted, dir, killed, for_backup_client, count);
            });
            scope.spawn(move || cache_configurator.configure_until_killed(for_cache_configurator, count));
            scope.spawn(move || token_administrator.work_until_killed(for_token_administrator, count));
            eventually("enough is acknowledged", || (count.load(Ordering::Relaxed) >= acknowledgements).then_some(()));
            server.kill();
            killed.store(true, Ordering::Relaxed);
        });
        acknowledged.load(Ordering::Relaxed)
    }

    /// Everything acknowledged is stored, nothing is stored that was not sent, and nothing is stored twice. What was
    /// not answered is sent again, and is then stored exactly once.
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
            importer.send_unanswered(client);
        }
        self.cache_configurator.assert_nothing_lost(client);
        self.token_administrator.assert_nothing_lost(client);
        let collected = self.writers.iter().map(|writer| writer.contacts.len()).sum::<usize>();
        let summary: Value = client.get("/enterprise/acme/contacts/summary");
        let total = collected + self.sender.rows() + self.runner.rows();
        assert_eq!(summary["data"]["totalContacts"], total);
    }
}

fn assert_nothing_left_behind(dir: &WorkDir) {
    for entry in std::fs::read_dir(dir.data_dir()).unwrap() {
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
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let mut clients = Clients::new(&token, &mut random);
    let mut server = dir.serve_as(&token, &[]);
    clients.create_directory(&mut server.client());
    let mut acknowledged = 0;
    for round in 0..kills {
        acknowledged += clients.work_until_killed(&dir, server, 1 + random.below(ACKNOWLEDGEMENTS_MAX));
        assert_nothing_left_behind(&dir);
        // A command and the server alternate in opening first what the killed server left.
        let check_first = round % 2 == 0;
        if check_first {
            dir.muster_ok(&["check"]);
        }
        server = dir.serve_as(&token, &[]);
        clients.assert_nothing_lost(&mut server.client());
        if !check_first {
            dir.muster_ok(&["check"]);
        }
        clients.backup_client.assert_complete(&dir);
    }
    println!(
        "{kills} kills, {acknowledged} acknowledgements: {} contacts, {} and {} imports, {} backups and {} broken off, {} by the server",
        clients.writers.iter().map(|writer| writer.contacts.len()).sum::<usize>(),
        clients.sender.files,
        clients.runner.files,
        clients.backup_client.finished,
        clients.backup_client.aborted,
        clients.backup_client.made_by_server
    );
}
