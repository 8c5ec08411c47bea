//! What `docs/benchmarks.md` reports: `just bench` prints it as a table with the machine's description.
//!
//! Speeds are compared within one run only. Words behind `just bench` choose: `summary`, `import`, `start`, `writes`,
//! `sizing`, `http`.
//! Files go to a folder below `target`, on the disk that the working copy is on; `MUSTER_BENCH_CONTACTS` sets the size of
//! the largest database, a million unless set.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

#[path = "../peers/axum.rs"]
mod axum_peer;
mod client;
mod cold;
mod cpu;
mod hit;
mod import;
mod lookup;
mod machine;
mod peers;
mod process;
mod sizing;
mod spread;
mod start;
mod summary;
mod table;
mod writes;
mod wrk;

use std::path::{Path, PathBuf};

use muster::clock::Clock;
use muster::demo::{DemoData, Shape};
use muster::domain::ids::EnterpriseId;
use muster::intake;
use muster::store::{Mode, Store, StoreOptions};

use table::Table;

/// What all benchmarks share.
struct Bench {
    dir: PathBuf,
    contacts: u64,
}

/// The same data in each run.
const SEED: u64 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, body] = arguments.as_slice()
        && argument == axum_peer::ARGUMENT
    {
        return axum_peer::main(Path::new(body));
    }
    // Cargo adds `--bench`, which says nothing here.
    let wanted: Vec<String> = arguments.into_iter().filter(|word| !word.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let contacts = std::env::var("MUSTER_BENCH_CONTACTS").map_or(1_000_000, |text| text.parse().unwrap());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let bench = Bench { dir: dir.clone(), contacts };

    let mut table = Table::default();
    if wants("summary") {
        summary::run(&bench, &mut table);
    }
    if wants("import") {
        import::run(&bench, &mut table);
    }
    if wants("start") {
        start::run(&bench, &mut table);
    }
    if wants("writes") {
        writes::run(&bench, &mut table);
    }
    if wants("sizing") {
        sizing::run(&bench, &mut table);
    }
    if wants("http") {
        lookup::run(&mut table);
        hit::run(&bench, &mut table);
        cold::run(&bench, &mut table);
    }
    println!("{}\n\n{table}", machine::describe());
    let _ = std::fs::remove_dir_all(&dir);
}

impl Bench {
    /// One enterprise with 100 departments and 5,000 employees.
    fn data(contacts: u64) -> DemoData {
        let shape = Shape { contacts, enterprises: 1, departments: 100, employees: 5_000 };
        DemoData::new(SEED, shape, Clock::system().now()).unwrap()
    }

    /// A database with so many contacts, filled on first use.
    fn database(&self, contacts: u64) -> PathBuf {
        self.filled(&format!("{contacts}-contacts"), &Self::data(contacts))
    }

    /// How many contacts `muster demo` makes unless told otherwise.
    const DEMO_CONTACTS: u64 = 50_000;

    /// A database as `muster demo` fills it, and one of its enterprises.
    fn demo_database(&self) -> (PathBuf, EnterpriseId) {
        let data = DemoData::new(SEED, Shape::of_demo(Self::DEMO_CONTACTS), Clock::system().now()).unwrap();
        (self.filled("demo", &data), data.enterprises()[0].id.clone())
    }

    fn filled(&self, name: &str, data: &DemoData) -> PathBuf {
        let dir = self.dir.join(name);
        if !dir.exists() {
            eprintln!("filling a database: {name}");
            let options = StoreOptions { create: true, ..StoreOptions::new(&dir, Mode::Command, "a benchmark") };
            let store = Store::open(&options, Clock::system()).unwrap();
            intake::fill(&store, data, &mut |_| {}).unwrap();
            store.close();
        }
        dir
    }
}
