//! A hit in the cache alone, without HTTP: by one thread, and by four threads that read the same entry.

use std::hint::black_box;
use std::time::{Duration, Instant};

use muster::cache::{CacheSettings, Loaded};
use muster::clock::Clock;
use muster::domain::directory::Scope;
use muster::domain::ids::EnterpriseId;
use muster::store::StoreError;
use muster::summaries::{SummaryBody, SummaryCache, SummaryKey};
use muster::what_if::Recorder;

use crate::table::Table;

const HITS: u32 = 2_000_000;
const THREADS: u32 = 4;

pub(crate) fn run(table: &mut Table) {
    let clock = Clock::system();
    let settings = CacheSettings::new(1_000, 64 * 1024 * 1024, |_| Duration::from_hours(1));
    let cache = SummaryCache::observed(settings, clock.clone(), 0, Recorder::new(clock.moment()));
    let key = SummaryKey::summary(Scope::enterprise(EnterpriseId::parse("acme").unwrap()));
    let now = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let loaded = runtime.block_on(cache.get_or_load(&key, move || async move {
        let value = Some(SummaryBody::new(b"{}", now, "W/\"tag\"".to_owned()));
        Ok::<_, StoreError>(Loaded { as_of: 0, day: now.day(), value })
    }));
    assert!(loaded.is_ok_and(|served| served.is_some()));

    let hits = || (0..HITS).for_each(|_| assert!(black_box(cache.get(&key)).is_some()));
    let begun = Instant::now();
    hits();
    let alone = begun.elapsed();
    let begun = Instant::now();
    std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(hits))));
    let together = begun.elapsed();
    table.row(
        "hit in the cache alone, one thread",
        format!("{:.0} ns", alone.as_secs_f64() * 1e9 / f64::from(HITS)),
        format!("{:.1} million a second", f64::from(HITS) / alone.as_secs_f64() / 1e6),
    );
    table.row(
        format!("the same, {THREADS} threads on one entry"),
        format!("{:.0} ns", together.as_secs_f64() * 1e9 / f64::from(HITS * THREADS)),
        format!("{:.1} million a second together", f64::from(HITS * THREADS) / together.as_secs_f64() / 1e6),
    );
}
