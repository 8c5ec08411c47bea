//! What an installation of a given size needs: disk, memory, and the time of start, backup and check.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use muster::store::DATABASE_FILE;

use crate::Bench;
use crate::client::Client;
use crate::process::{Server, admin_token};
use crate::table::Table;

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
const READS: usize = 10_000;

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    for contacts in SIZES.into_iter().filter(|contacts| *contacts <= bench.contacts) {
        let dir = bench.database(contacts);
        let token = admin_token(&dir);
        let server = Server::start(&dir);
        let (ready_after, at_start) = (server.ready_after, server.rss_kib());
        let mut client = Client::connect(server.address, &token);
        for number in 0..READS {
            let path = if number % 10 == 0 {
                "/enterprise/acme/employees?limit=1000"
            } else {
                "/enterprise/acme/contacts/summary"
            };
            assert_eq!(client.send("GET", path, ""), 200);
        }
        let after_reads = server.rss_kib();
        drop(server);
        let copy = bench.dir.join("copy.db");
        let _ = std::fs::remove_file(&copy);
        let backup = timed(&dir, &["backup", copy.to_str().unwrap_or_default()]);
        let check = timed(&dir, &["check"]);
        table.row(
            format!("{contacts} contacts"),
            format!("{} MiB", mebibytes(&dir.join(DATABASE_FILE))),
            format!(
                "memory {} MiB at start, {} MiB after {READS} reads; ready in {:.0} ms; backup {:.1} s; check {:.1} s",
                at_start / 1024,
                after_reads / 1024,
                ready_after.as_secs_f64() * 1e3,
                backup.as_secs_f64(),
                check.as_secs_f64(),
            ),
        );
    }
}

/// Runs a command, which must succeed, and returns how long it took.
fn timed(dir: &Path, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(arguments)
        .arg("--data-dir")
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "muster {arguments:?}");
    begun.elapsed()
}

fn mebibytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len() / 1024 / 1024)
}
