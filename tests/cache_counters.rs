//! The cache's counters: a scripted log of requests, replayed against an empty cache, is counted exactly as predicted,
//! in the API, the analytics and the metrics alike.

use std::time::Duration;

use muster::cache::{Removals, Stats};
use muster::clock::Clock;
use muster::domain::access::Role;
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Client, Exposition, HeldReaders, Reply, TestApp, add_contact, at, eventually};

const ACME: &str = "/enterprise/acme/contacts/summary";
const GLOBEX: &str = "/enterprise/globex/contacts/summary";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/summary";
const LAB: &str = "/enterprise/acme/departments/lab/contacts/summary";
const MIB: usize = 1 << 20;
const MISSING: &str = "/enterprise/nobody/contacts/summary";

/// The counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counters {
    hits: u64,
    misses: u64,
    coalesced: u64,
    revalidated: u64,
    stale: u64,
    loads: u64,
    load_failures: u64,
    removals: Removals,
    mass_invalidations: u64,
}

impl Counters {
    fn of(stats: &Stats) -> Self {
        Self {
            hits: stats.hits,
            misses: stats.misses,
            coalesced: stats.coalesced,
            revalidated: stats.revalidated,
            stale: stats.stale,
            loads: stats.loads,
            load_failures: stats.load_failures,
            removals: stats.removals,
            mass_invalidations: stats.mass_invalidations,
        }
    }

    /// The same from the metrics.
    fn from_metrics(page: &Exposition) -> Self {
        let count = |name: &str| page.count(&format!("muster_cache_{name}_total"), &[]);
        let removed = |cause: &str| page.count("muster_cache_removals_total", &[("cause", cause)]);
        Self {
            hits: count("hits"),
            misses: count("misses"),
            coalesced: count("coalesced"),
            revalidated: count("revalidated"),
            stale: count("stale"),
            loads: count("loads"),
            load_failures: count("load_failures"),
            removals: removals(removed),
            mass_invalidations: count("mass_invalidations"),
        }
    }

    /// The same from the statistics of the API, which have no mass invalidations.
    fn from_stats(cache: &Value, mass_invalidations: u64) -> Self {
        let count = |name: &str| cache[name].as_u64().unwrap_or_else(|| panic!("no {name}: {cache:#}"));
        let removed =
            |cause: &str| cache["removals"][cause].as_u64().unwrap_or_else(|| panic!("no {cause}: {cache:#}"));
        Self {
            hits: count("hitCount"),
            misses: count("missCount"),
            coalesced: count("coalesced"),
            revalidated: count("revalidated"),
            stale: count("stale"),
            loads: count("loads"),
            load_failures: count("loadFailures"),
            removals: removals(removed),
            mass_invalidations,
        }
    }

    /// The same from the analytics of a window.
    fn from_analytics(analytics: &Value) -> Self {
        let count = |name: &str| {
            analytics["totals"][name].as_u64().unwrap_or_else(|| panic!("no {name}: {:#}", analytics["totals"]))
        };
        Self {
            hits: count("hits"),
            misses: count("misses"),
            coalesced: count("coalesced"),
            revalidated: count("revalidated"),
            stale: count("stale"),
            loads: count("loads"),
            load_failures: count("loadFailures"),
            removals: removals(|cause| analytics["removals"][cause].as_u64().unwrap()),
            mass_invalidations: count("massInvalidations"),
        }
    }

    fn removed(mut self, removals: Removals) -> Self {
        self.removals = removals;
        self
    }
}

fn removals(count: impl Fn(&str) -> u64) -> Removals {
    Removals {
        expired: count("expired"),
        replaced: count("replaced"),
        size: count("size"),
        bytes: count("bytes"),
        invalidated: count("invalidated"),
        cleared: count("cleared"),
    }
}

const ZERO: Counters = Counters {
    hits: 0,
    misses: 0,
    coalesced: 0,
    revalidated: 0,
    stale: 0,
    loads: 0,
    load_failures: 0,
    removals: NO_REMOVALS,
    mass_invalidations: 0,
};
const NO_REMOVALS: Removals = Removals { expired: 0, replaced: 0, size: 0, bytes: 0, invalidated: 0, cleared: 0 };
const HIT: Counters = Counters { hits: 1, ..ZERO };
/// A miss that is loaded.
const LOADED: Counters = Counters { misses: 1, loads: 1, ..ZERO };

/// The replay: a server with a manual clock, and the counts that the script expects.
struct Replay {
    app: TestApp,
    clock: Clock,
    client: Client,
    other: Connection,
    /// The expected counters after all steps so far.
    expected: Counters,
}

impl Replay {
    async fn new() -> Self {
        let clock = Clock::manual(at("2026-11-22T20:00:00Z"));
        let app = TestApp::start_at(clock.clone(), |_| {}).await;
        let client = app.client(Role::Admin).await;
        let other = app.store.directory().raw_writer();
        Self { app, clock, client, other, expected: ZERO }
    }

    /// Adds the expected counts of a step, and compares the sum with every report of the counters.
    async fn expect_counts(&mut self, step: &str, counted: Counters) {
        let (sum, more) = (&mut self.expected, counted);
        sum.hits += more.hits;
        sum.misses += more.misses;
        sum.coalesced += more.coalesced;
        sum.revalidated += more.revalidated;
        sum.stale += more.stale;
        sum.loads += more.loads;
        sum.load_failures += more.load_failures;
        sum.mass_invalidations += more.mass_invalidations;
        let (removals, more) = (&mut sum.removals, more.removals);
        removals.expired += more.expired;
        removals.replaced += more.replaced;
        removals.size += more.size;
        removals.bytes += more.bytes;
        removals.invalidated += more.invalidated;
        removals.cleared += more.cleared;
        assert_eq!(Counters::of(&self.app.summaries.cache().stats()), self.expected, "after {step}");
        let scraped = Exposition::read(&self.client.get("/metrics").await.text());
        assert_eq!(Counters::from_metrics(&scraped), self.expected, "/metrics after {step}");
        let stats = self.client.get("/cache/stats").await.expect(200);
        let reported = Counters::from_stats(&stats["cache"], self.expected.mass_invalidations);
        assert_eq!(reported, self.expected, "/cache/stats after {step}");
        // The whole script lies within one day.
        let analytics = self.client.get("/cache/analytics?window=24h").await.expect(200)["analytics"].take();
        assert_eq!(Counters::from_analytics(&analytics), self.expected, "/cache/analytics after {step}");
    }

    /// Sends a request that must get this status and these counts.
    async fn get(&mut self, step: &str, path: &str, status: u16, counted: Counters) -> Reply {
        let reply = self.client.get(path).await;
        assert_eq!(reply.status, status, "{step}: {}", reply.text());
        self.expect_counts(step, counted).await;
        reply
    }

    /// Sends a request with the entity tag of an earlier response.
    async fn revalidate(&mut self, step: &str, path: &str, etag: &str, status: u16, counted: Counters) {
        let reply = Reply::to(self.client.request(Method::GET, path).header("if-none-match", etag)).await;
        assert_eq!(reply.status, status, "{step}: {}", reply.text());
        self.expect_counts(step, counted).await;
    }

    /// Changes the configuration, which must get these counts.
    async fn configure(&mut self, step: &str, change: Value, counted: Counters) {
        self.client.put("/cache/config", change).await.expect(200);
        self.expect_counts(step, counted).await;
    }

    /// Removes entries, which must get these counts.
    async fn remove(&mut self, step: &str, path: &str, counted: Counters) {
        self.client.delete(path).await.expect(200);
        self.expect_counts(step, counted).await;
    }

    /// Warms enterprises, which must get these counts.
    async fn warm(&mut self, step: &str, ids: Value, counted: Counters) {
        self.client.post("/cache/warm", json!({"enterpriseIds": ids})).await.expect(200);
        self.expect_counts(step, counted).await;
    }

    /// Sends concurrent requests for one path: the first loads, the others join its load.
    async fn concurrent_requests(&mut self, path: &'static str, requests: u64) {
        let held = HeldReaders::hold(&self.app.store);
        let tasks = (0..requests).map(|_| {
            let client = self.client.clone();
            tokio::spawn(async move { client.get(path).await.expect(200) })
        });
        let tasks: Vec<_> = tasks.collect();
        let misses = self.expected.misses + requests;
        let cache = self.app.summaries.cache().clone();
        let all_missed =
            move || eventually("all requests are misses", || (cache.stats().misses == misses).then_some(()));
        tokio::task::spawn_blocking(all_missed).await.unwrap();
        held.release();
        for task in tasks {
            task.await.unwrap();
        }
        self.expect_counts(
            "concurrent requests",
            Counters { misses: requests, coalesced: requests - 1, loads: 1, ..ZERO },
        )
        .await;
    }

    /// Makes every load fail without a change that the watcher could detect.
    fn break_loads(&self) {
        self.other.execute_batch("ALTER TABLE rollup_company RENAME TO elsewhere").unwrap();
    }

    fn repair_loads(&self) {
        self.other.execute_batch("ALTER TABLE elsewhere RENAME TO rollup_company").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scripted_log_of_requests_gives_exactly_the_predicted_counters() {
    let mut replay = Replay::new().await;
    let removed = |numbers: Counters, removals| numbers.removed(removals);

    // From empty to full.
    let acme = replay.get("the first request", ACME, 200, LOADED).await;
    let etag = acme.headers["etag"].to_str().unwrap().to_owned();
    replay.get("the second request", ACME, 200, HIT).await;
    replay.revalidate("a client that has it", ACME, &etag, 304, HIT).await;
    replay.revalidate("a client that has another", ACME, "\"another\"", 200, HIT).await;
    for path in [GLOBEX, SALES, LAB] {
        replay.get(path, path, 200, LOADED).await;
    }
    replay.get("what is not there", MISSING, 404, LOADED).await;
    replay.revalidate("what is not there, again", MISSING, &etag, 404, LOADED).await;

    // An entry is dropped. A client with its tag needs no load, one with another tag does.
    let dropped = removed(ZERO, Removals { cleared: 1, ..NO_REMOVALS });
    replay.remove("a drop", "/cache/entries/enterprise:acme:contacts", dropped).await;
    let revalidated = Counters { misses: 1, revalidated: 1, ..ZERO };
    replay.revalidate("a revalidation without an entry", ACME, &etag, 304, revalidated).await;
    replay.revalidate("another revalidation without an entry", ACME, &etag, 304, revalidated).await;
    replay.revalidate("an outdated tag without an entry", ACME, "\"another\"", 200, LOADED).await;

    // A write, then concurrent requests for what it invalidated.
    replay.app.write(|tx| add_contact(tx, "u1", "anita")).await;
    replay.expect_counts("a write", removed(ZERO, Removals { invalidated: 2, ..NO_REMOVALS })).await;
    replay.concurrent_requests(ACME, 7).await;
    replay.get("what the write did not touch", LAB, 200, HIT).await;
    replay.get("what it did touch", SALES, 200, LOADED).await;

    // TTLs expire, those of departments first. A load then replaces an entry that a sweep would remove.
    replay.clock.advance(Duration::from_mins(31));
    let replaced = removed(LOADED, Removals { replaced: 1, ..NO_REMOVALS });
    replay.get("an enterprise after half an hour", ACME, 200, HIT).await;
    replay.get("a department after half an hour", LAB, 200, replaced).await;

    // Loads fail: an expired entry is served as stale-if-error, a missing one cannot be.
    replay.break_loads();
    let failed = Counters { load_failures: 1, ..LOADED };
    let stale = Counters { stale: 1, ..failed };
    let overdue = replay.get("a department that cannot be loaded", SALES, 200, stale).await;
    assert_eq!(overdue.json()["stale"], true);
    replay.get("a fresh one needs no load", LAB, 200, HIT).await;
    replay.clock.advance(Duration::from_mins(10));
    replay.get("one that is overdue for too long", SALES, 500, failed).await;
    replay.repair_loads();

    // The sweep removes it, once. Then midnight: entries of an hour and of a minute ago are of the day before.
    assert_eq!((replay.app.summaries.cache().sweep(), replay.app.summaries.cache().sweep()), (1, 0));
    replay.expect_counts("a sweep", removed(ZERO, Removals { expired: 1, ..NO_REMOVALS })).await;
    replay.clock.set_wall(at("2026-11-22T23:59:00Z"));
    replay.get("before midnight", GLOBEX, 200, HIT).await;
    replay.clock.advance(Duration::from_mins(1));
    replay.get("after midnight", GLOBEX, 200, replaced).await;
    replay.get("after midnight", GLOBEX, 200, HIT).await;

    // Bounds: the least recently used entry is evicted.
    replay
        .configure("a bound of two", json!({"maxCacheSize": 2}), removed(ZERO, Removals { size: 1, ..NO_REMOVALS }))
        .await;
    replay.get("a third", SALES, 200, removed(LOADED, Removals { size: 1, ..NO_REMOVALS })).await;
    let bytes = replay.app.summaries.cache().entry_totals().bytes;
    let one_less = removed(ZERO, Removals { bytes: 1, ..NO_REMOVALS });
    replay.configure("a bound of bytes", json!({"maxCacheBytes": bytes - 1}), one_less).await;
    replay.configure("wide bounds", json!({"maxCacheSize": 1_000, "maxCacheBytes": MIB}), ZERO).await;

    // Warming counts neither a hit nor a miss; what it needs to load is loaded.
    let load = Counters { loads: 1, ..ZERO };
    replay.warm("warming what is not there yet", json!(["acme"]), load).await;
    replay.warm("warming what is there", json!(["acme"]), ZERO).await;
    replay.warm("warming what there is not", json!(["nobody", "a b"]), load).await;
    replay.get("what was warmed", ACME, 200, HIT).await;

    // A clear of more than one entry is a mass invalidation, a smaller one is not.
    let cleared = |count| removed(ZERO, Removals { cleared: count, ..NO_REMOVALS });
    let mass = |count| Counters { mass_invalidations: 1, ..cleared(count) };
    replay.get("a third", GLOBEX, 200, LOADED).await;
    replay.remove("a clear of one enterprise", "/cache/enterprises/globex/clear", cleared(1)).await;
    replay.remove("a clear of the departments", "/cache/departments/clear", cleared(1)).await;
    for path in [GLOBEX, SALES] {
        replay.get(path, path, 200, LOADED).await;
    }
    replay.remove("a clear of all", "/cache/clear", mass(3)).await;
    replay.remove("a clear of nothing", "/cache/clear", ZERO).await;

    // Every hit and every load has its duration.
    let stats = replay.app.summaries.cache().stats();
    assert_eq!((stats.hit_durations.len(), stats.load_durations.len()), (stats.hits, stats.loads));
    let Counters { misses, coalesced, revalidated, loads, .. } = replay.expected;
    let by_warming = 2;
    assert_eq!(misses, loads - by_warming + coalesced + revalidated, "each miss loads, joins a load, or needs none");
}
