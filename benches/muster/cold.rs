//! What the cache and the rollups save: one client's requests for a warm and for a cold summary, compared with the scan of
//! all contacts that a system without rollups needs.

use std::path::Path;
use std::time::{Duration, Instant};

use muster::domain::ids::EnterpriseId;
use muster::store::DATABASE_FILE;
use rusqlite::{Connection, OpenFlags, params};

use crate::Bench;
use crate::client::Client;
use crate::cpu::{self, Seconds};
use crate::hit::path_of;
use crate::process::{Server, admin_token};
use crate::table::Table;

/// Requests of each kind: enough for a processor time of many ticks, in which the kernel counts it.
const WARM_REQUESTS: usize = 50_000;
const COLD_REQUESTS: usize = 3_000;

/// Few, because a single scan takes long enough to be measured.
const SCANS: usize = 5;

/// The queries of a system without rollups for one enterprise's summary. Names of employees, departments and companies
/// would need joins in addition.
const SCAN: [&str; 5] = [
    "SELECT count(*), count(DISTINCT person_key), max(created_at) FROM contact WHERE enterprise_id = ?1 AND counted = 2",
    "SELECT department_id, count(*), count(DISTINCT person_key) FROM contact
      WHERE enterprise_id = ?1 AND counted = 2 GROUP BY department_id",
    "SELECT employee_id, count(*) AS contacts FROM contact
      WHERE enterprise_id = ?1 AND counted = 2 GROUP BY employee_id ORDER BY contacts DESC LIMIT 10",
    "SELECT company_id, count(*) AS contacts FROM contact
      WHERE enterprise_id = ?1 AND counted = 2 AND company_id IS NOT NULL GROUP BY company_id
      ORDER BY contacts DESC LIMIT 10",
    "SELECT created_at / 86400000 AS day, count(*) FROM contact
      WHERE enterprise_id = ?1 AND counted = 2 GROUP BY day ORDER BY day",
];

/// The page cache of the scanning connection, in KiB: large enough that no scan reads from the disk.
const SCAN_CACHE_KIB: i64 = 512 * 1024;

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    let (demo, enterprise) = bench.demo_database();
    compare(&demo, &enterprise, &format!("demo, {} contacts", Bench::DEMO_CONTACTS), table);
    let large = bench.database(bench.contacts);
    let enterprise = Bench::data(bench.contacts).enterprises()[0].id.clone();
    compare(&large, &enterprise, &format!("{} contacts", bench.contacts), table);
}

fn compare(dir: &Path, enterprise: &EnterpriseId, what: &str, table: &mut Table) {
    let token = admin_token(dir);
    let server = Server::start(dir);
    let (path, clear) = (path_of(enterprise), "/cache/clear");
    let mut client = Client::connect(server.address, &token);
    let mut timed = |method: &str, path: &str| {
        let begun = Instant::now();
        assert_eq!(client.send(method, path, ""), 200, "{method} {path}");
        begun.elapsed()
    };
    timed("GET", &path);
    let warm = Series::of(&server, WARM_REQUESTS, || timed("GET", &path));
    // The cost of clearing, which writes to the audit log on disk, is measured alone and subtracted.
    let clears = Series::of(&server, COLD_REQUESTS, || timed("DELETE", clear));
    let mut cold = Series::of(&server, COLD_REQUESTS, || {
        timed("DELETE", clear);
        timed("GET", &path)
    });
    cold.cpu_each -= clears.cpu_each;
    drop(server);
    let scan = scan(&dir.join(DATABASE_FILE), enterprise);

    table.row(format!("warm summary, {what}"), warm.median(), warm.note("one client"));
    table.row(format!("cold summary, {what}"), cold.median(), cold.note("cleared before each request"));
    let note = format!(
        "{}; {:.0} times a cold summary, {:.0} times a warm one",
        scan.note("SQL alone, one thread, all pages in memory"),
        scan.cpu_each / cold.cpu_each,
        scan.cpu_each / warm.cpu_each
    );
    table.row(format!("scan without rollups, {what}"), scan.median(), note);
}

/// Measurements of repeated work.
struct Series {
    /// Sorted.
    times: Vec<Duration>,
    cpu_each: Seconds,
}

impl Series {
    fn of(server: &Server, runs: usize, work: impl FnMut() -> Duration) -> Self {
        Self::by(|| cpu::of_process(server.process()), runs, work)
    }

    fn by(cpu: impl Fn() -> Seconds, runs: usize, mut work: impl FnMut() -> Duration) -> Self {
        let before = cpu();
        let mut times: Vec<Duration> = (0..runs).map(|_| work()).collect();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let cpu_each = (cpu() - before) / runs as f64;
        times.sort_unstable();
        Self { times, cpu_each }
    }

    fn median(&self) -> String {
        micros(self.times[self.times.len() / 2].as_secs_f64())
    }

    fn note(&self, how: &str) -> String {
        let p99 = self.times[self.times.len() * 99 / 100].as_secs_f64();
        format!("median; p99 {}; {} CPU a request; {how}", micros(p99), micros(self.cpu_each))
    }
}

fn scan(database: &Path, enterprise: &EnterpriseId) -> Series {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags).unwrap();
    connection.pragma_update(None, "cache_size", -SCAN_CACHE_KIB).unwrap();
    let find = "SELECT id FROM enterprise WHERE public_id = ?1";
    let id: i64 = connection.query_row(find, [enterprise.as_str()], |row| row.get(0)).unwrap();
    let mut work = || {
        let begun = Instant::now();
        let snapshot = connection.transaction().unwrap();
        for sql in SCAN {
            let mut statement = snapshot.prepare_cached(sql).unwrap();
            let mut rows = statement.query(params![id]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                std::hint::black_box(row.get::<_, i64>(1).unwrap());
            }
        }
        drop(snapshot);
        begun.elapsed()
    };
    // The first run reads the pages into the cache.
    work();
    Series::by(cpu::of_this_process, SCANS, work)
}

fn micros(seconds: Seconds) -> String {
    match seconds * 1e6 {
        micros if micros < 100.0 => format!("{micros:.1} µs"),
        micros if micros < 100_000.0 => format!("{micros:.0} µs"),
        micros => format!("{:.0} ms", micros / 1e3),
    }
}
