//! The benchmarks of `docs/benchmarks.md`: `just bench` prints them as a table with the machine's description.
//!
//! Compare speeds within one run only. Arguments of `just bench` select benchmarks: `summary`, `import`, `start`, `writes`,
//! `sizing`, `http`.
//! Files go to a folder below `target`, on the disk of the working copy; `MUSTER_BENCH_CONTACTS` sets the size of the
//! largest database, by default a million contacts.

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

/// The folder of all benchmarks and the size of the largest database.
struct Bench {
    dir: PathBuf,
    contacts: u64,
}

/// A constant, so that each run has the same data.
const SEED: u64 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, body] = arguments.as_slice()
        && argument == axum_peer::ARGUMENT
    {
        return axum_peer::main(Path::new(body));
    }
    // Cargo adds `--bench`, which selects nothing here.
    let selected: Vec<String> = arguments.into_iter().filter(|word| !word.starts_with("--")).collect();
    let is_selected = |name: &str| selected.is_empty() || selected.iter().any(|word| word == name);
    let contacts = std::env::var("MUSTER_BENCH_CONTACTS").map_or(1_000_000, |text| text.parse().unwrap());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let bench = Bench { dir: dir.clone(), contacts };

    let mut table = Table::default();
    if is_selected("summary") {
        summary::run(&bench, &mut table);
    }
    if is_selected("import") {
        import::run(&bench, &mut table);
    }
    if is_selected("start") {
        start::run(&bench, &mut table);
    }
    if is_selected("writes") {
        writes::run(&bench, &mut table);
    }
    if is_selected("sizing") {
        sizing::run(&bench, &mut table);
    }
    if is_selected("http") {
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

    /// A database with this number of contacts, filled on first use.
    fn database(&self, contacts: u64) -> PathBuf {
        self.filled(&format!("{contacts}-contacts"), &Self::data(contacts))
    }

    /// The default number of contacts of `muster demo`.
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
