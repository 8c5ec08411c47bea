//! A store that is killed in the middle of its work has lost no acknowledged write, and its rollups add up.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::store::{Actor, EmployeeName, ImportChunk, ImportRow, MayCreate, Mode, OwnerRow, Store, StoreOptions};

use crate::support::{Directory, Random, add_contact, contact, department, employee, enterprise, first_page, staff};

/// How often a process is killed by default.
const KILLS: usize = 10;

/// Sets the number of kills.
const KILLS_VARIABLE: &str = "MUSTER_KILL_ROUNDS";

/// The smallest and the largest number of acknowledged writes before a kill.
const ACKNOWLEDGED_MIN: usize = 5;
const ACKNOWLEDGED_MAX: usize = 150;

/// Tells the child process where to work.
const DIRECTORY_VARIABLE: &str = "MUSTER_TEST_KILLED_IN";

#[test]
fn kills_lose_nothing_that_was_acknowledged() {
    let directory = Directory::new();
    directory.open().write_people();
    let seed = Random::seed_of_this_run();
    println!("{}={seed}", Random::SEED_VARIABLE);
    let mut random = Random::new(seed);
    let mut acknowledged = BTreeSet::new();
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |kills| kills.parse().unwrap());
    for kill in 0..kills {
        let mut server = Server::start(directory.path(), kill);
        let enough = ACKNOWLEDGED_MIN + random.below(ACKNOWLEDGED_MAX - ACKNOWLEDGED_MIN);
        let before = acknowledged.len();
        while acknowledged.len() < before + enough {
            acknowledged.insert(server.acknowledgement().expect("the server goes on until it is killed"));
        }
        server.0.kill().unwrap();
        // Acknowledgements that it printed before it was killed.
        while let Some(name) = server.acknowledgement() {
            acknowledged.insert(name);
        }
        drop(server);

        let store = directory.open();
        let stored: BTreeSet<String> = ["u1", "u2"]
            .iter()
            .flat_map(|user| {
                store.read(|tx| tx.contacts_of_user(&Reach::Installation, &employee(user), &first_page())).items
            })
            .map(|contact| contact.fields.name)
            .collect();
        let lost: Vec<_> = acknowledged.difference(&stored).collect();
        assert_eq!(lost, Vec::<&String>::new(), "after kill {kill}");
        // Dropping the store checks every rollup.
    }
    println!("{kills} kills, {} acknowledgements, none missing", acknowledged.len());
}

/// A child process of this test binary, which runs [`child_process_that_writes_until_it_is_killed`].
struct Server(Child, BufReader<std::process::ChildStdout>);

impl Server {
    fn start(directory: &Path, number: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store_killed::child_process_that_writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY_VARIABLE, directory)
            .env("MUSTER_TEST_KILLED_NUMBER", number.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self(child, output)
    }

    /// The next name that it reports as stored; `None` at the end of its output.
    fn acknowledgement(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            self.1.read_line(&mut line).unwrap();
            // The test harness prints lines, too, and the last line may be cut off.
            let line = line.strip_suffix('\n')?;
            if let Some(name) = line.strip_prefix("stored ") {
                return Some(name.to_owned());
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "the other half of the test above, which starts it"]
fn child_process_that_writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let number = std::env::var("MUSTER_TEST_KILLED_NUMBER").unwrap();
    let store = Store::open(&StoreOptions::new(directory, Mode::Server, "a victim"), Clock::system()).unwrap();
    std::thread::scope(|threads| {
        for user in ["u1", "u2"] {
            let (store, number) = (&store, &number);
            threads.spawn(move || add_for_ever(store, user, number));
            threads.spawn(move || import_for_ever(store, user, number));
        }
        threads.spawn(|| reorganise_for_ever(&store, &number));
    });
}

fn acknowledge(name: &str) {
    // In one write, past the harness's capture.
    std::io::stdout().write_all(format!("stored {name}\n").as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

fn add_for_ever(store: &Store, user: &'static str, number: &str) {
    for count in 0.. {
        let name = format!("{number} {user} {count}");
        let who = name.clone();
        store.write_blocking(move |tx| add_contact(tx, user, &who)).unwrap();
        acknowledge(&name);
    }
}

fn import_for_ever(store: &Store, user: &'static str, number: &str) {
    for count in 0.. {
        let names: Vec<String> = (0..5).map(|row| format!("{number} {user} import {count} {row}")).collect();
        let row = |name: &String| ImportRow { owner: 0, info: contact(name, "Fabrikam"), created_at: None };
        let chunk = ImportChunk {
            reach: Reach::Installation,
            enterprise: enterprise("acme"),
            owners: vec![OwnerRow { department: None, employee: EmployeeName::IdOrName(user.to_owned()) }],
            rows: names.iter().map(row).collect(),
            may_create: MayCreate::Nothing,
            new_owners: None,
            dry_run: false,
        };
        store.write_blocking(move |tx| tx.import(&chunk)).unwrap();
        for name in &names {
            acknowledge(name);
        }
    }
}

/// Creates employees with a contact, moves them, and archives or purges some.
fn reorganise_for_ever(store: &Store, number: &str) {
    for count in 0.. {
        let (acme, sales, lab) = (enterprise("acme"), department("sales"), department("lab"));
        let temp = employee(&format!("temp-{number}-{count}"));
        let created = temp.clone();
        store
            .write_blocking(move |tx| {
                tx.create_employee(&acme, &sales, Some(created.clone()), &staff("temp"))?;
                tx.add_contact(&Reach::Installation, &created, &contact("anita", "Contoso"), "AddContact")?;
                tx.change_employee(&acme, &sales, &created, &staff("temp"), Some(&lab))
            })
            .unwrap();
        let act = move |tx: &muster::store::WriteTx<'_>| match count % 3 {
            0 => tx.purge_employee(&enterprise("acme"), &department("lab"), &temp, &Actor::command_line()).map(drop),
            1 => tx.archive_employee(&enterprise("acme"), &department("lab"), &temp),
            _ => Ok(()),
        };
        store.write_blocking(act).unwrap();
    }
}
