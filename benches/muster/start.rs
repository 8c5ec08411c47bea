//! The time from exec to the first ready answer, and the memory, with the largest database.

use crate::Bench;
use crate::client::Client;
use crate::process::{Server, admin_token};
use crate::table::Table;

const STARTS: usize = 11;
const READS: usize = 10_000;

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    let dir = bench.database(bench.contacts);
    let token = admin_token(&dir);
    let mut times: Vec<_> = (0..STARTS).map(|_| Server::start(&dir).ready_after).collect();
    times.sort_unstable();
    table.row(
        format!("from exec to ready, {} contacts", bench.contacts),
        format!("{:.1} ms", times[STARTS / 2].as_secs_f64() * 1e3),
        format!("median of {STARTS}; worst {:.1} ms; first answer of /readyz", times[STARTS - 1].as_secs_f64() * 1e3),
    );
    let server = Server::start(&dir);
    let at_start = server.rss_kib();
    let mut client = Client::connect(server.address, &token);
    let list = "/enterprise/acme/employees?limit=1000";
    for number in 0..READS {
        let path = if number % 10 == 0 { list } else { "/enterprise/acme/contacts/summary" };
        assert_eq!(client.send("GET", path, ""), 200);
    }
    table.row(
        "resident memory of the server",
        format!("{:.1} MiB", mebibytes(at_start)),
        format!("at start; {:.1} MiB after {READS} reads", mebibytes(server.rss_kib())),
    );
}

fn mebibytes(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
