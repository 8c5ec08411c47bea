//! A cold summary, from the read transaction to the serialised bytes, at three sizes of one enterprise.

use std::time::{Duration, Instant};

use muster::clock::Clock;
use muster::domain::ids::EnterpriseId;
use muster::store::{Mode, Store, StoreOptions};

use crate::Bench;
use crate::table::Table;

const RUNS: usize = 2_000;

pub(crate) fn run(bench: &Bench, table: &mut Table) {
    for contacts in [bench.contacts / 100, bench.contacts / 10, bench.contacts] {
        let dir = bench.database(contacts);
        let options = StoreOptions::new(&dir, Mode::Server, "a benchmark");
        let store = Store::open(&options, Clock::system()).unwrap();
        let enterprise = store.read_blocking(first_enterprise).unwrap();
        let mut times: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let begun = Instant::now();
                let summary = store.read_blocking(|tx| tx.enterprise_summary(&enterprise)).unwrap();
                std::hint::black_box(serde_json::to_vec(&summary).unwrap());
                begun.elapsed()
            })
            .collect();
        store.close();
        times.sort_unstable();
        let micros = |share: usize| times[RUNS * share / 100].as_micros();
        table.row(
            format!("cold enterprise summary, {contacts} contacts"),
            format!("{} µs", micros(50)),
            format!("median; p99 {} µs; 100 departments, 5,000 employees", micros(99)),
        );
    }
}

pub(crate) fn first_enterprise(tx: &muster::store::ReadTx<'_>) -> Result<EnterpriseId, muster::store::StoreError> {
    use muster::domain::access::Reach;
    use muster::domain::page::{PageRequest, PageStart};
    let page = tx.enterprises(&Reach::Installation, false, &PageRequest { limit: 1, start: PageStart::First })?;
    Ok(page.items[0].id.clone())
}
