//! Honest numbers: a scripted log of requests, replayed from empty, is counted exactly as predicted, whoever tells.

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
const NOBODY: &str = "/enterprise/nobody/contacts/summary";

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Numbers {
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

impl Numbers {
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

    /// The same as monitoring is told.
    fn scraped(page: &Exposition) -> Self {
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

    /// The same as the API tells it, which says nothing of mass invalidations.
    fn told(cache: &Value, mass_invalidations: u64) -> Self {
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

    /// The same as the analytics of a window tell it.
    fn analysed(analytics: &Value) -> Self {
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

const NONE: Numbers = Numbers {
    hits: 0,
    misses: 0,
    coalesced: 0,
    revalidated: 0,
    stale: 0,
    loads: 0,
    load_failures: 0,
    removals: NOTHING,
    mass_invalidations: 0,
};
const NOTHING: Removals = Removals { expired: 0, replaced: 0, size: 0, bytes: 0, invalidated: 0, cleared: 0 };
const HIT: Numbers = Numbers { hits: 1, ..NONE };
/// A miss that is loaded.
const LOADED: Numbers = Numbers { misses: 1, loads: 1, ..NONE };

/// The replay: a server whose time the script moves, and the account that the script keeps.
struct Replay {
    app: TestApp,
    clock: Clock,
    client: Client,
    other: Connection,
    /// What everything so far must have been counted as.
    expected: Numbers,
}

impl Replay {
    async fn new() -> Self {
        let clock = Clock::manual(at("2026-11-22T20:00:00Z"));
        let app = TestApp::start_at(clock.clone(), |_| {}).await;
        let client = app.client(Role::Admin).await;
        let other = app.store.directory().raw_writer();
        Self { app, clock, client, other, expected: NONE }
    }

    /// Adds what a step must have been counted as, and compares the sum with what everybody who tells it tells.
    async fn account(&mut self, step: &str, counted: Numbers) {
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
        assert_eq!(Numbers::of(&self.app.summaries.cache().stats()), self.expected, "after {step}");
        let scraped = Exposition::read(&self.client.get("/metrics").await.text());
        assert_eq!(Numbers::scraped(&scraped), self.expected, "/metrics after {step}");
        let stats = self.client.get("/cache/stats").await.expect(200);
        let told = Numbers::told(&stats["cache"], self.expected.mass_invalidations);
        assert_eq!(told, self.expected, "/cache/stats after {step}");
        // The whole script is of one day.
        let analytics = self.client.get("/cache/analytics?window=24h").await.expect(200)["analytics"].take();
        assert_eq!(Numbers::analysed(&analytics), self.expected, "/cache/analytics after {step}");
    }

    /// A request that must be answered with this status and counted as this.
    async fn get(&mut self, step: &str, path: &str, status: u16, counted: Numbers) -> Reply {
        let reply = self.client.get(path).await;
        assert_eq!(reply.status, status, "{step}: {}", reply.text());
        self.account(step, counted).await;
        reply
    }

    /// A request of a client that has an answer with this entity tag.
    async fn ask_again(&mut self, step: &str, path: &str, etag: &str, status: u16, counted: Numbers) {
        let reply = Reply::to(self.client.request(Method::GET, path).header("if-none-match", etag)).await;
        assert_eq!(reply.status, status, "{step}: {}", reply.text());
        self.account(step, counted).await;
    }

    /// A change of the configuration, which is counted as this.
    async fn tune(&mut self, step: &str, change: Value, counted: Numbers) {
        self.client.put("/cache/config", change).await.expect(200);
        self.account(step, counted).await;
    }

    /// Takes something out, which is counted as this.
    async fn take_out(&mut self, step: &str, path: &str, counted: Numbers) {
        self.client.delete(path).await.expect(200);
        self.account(step, counted).await;
    }

    /// Warms enterprises, which is counted as this.
    async fn warm(&mut self, step: &str, ids: Value, counted: Numbers) {
        self.client.post("/cache/warm", json!({"enterpriseIds": ids})).await.expect(200);
        self.account(step, counted).await;
    }

    /// Requests of one path at once: the first loads, the others join.
    async fn crowd(&mut self, path: &'static str, askers: u64) {
        let held = HeldReaders::hold(&self.app.store);
        let crowd = (0..askers).map(|_| {
            let client = self.client.clone();
            tokio::spawn(async move { client.get(path).await.expect(200) })
        });
        let crowd: Vec<_> = crowd.collect();
        let misses = self.expected.misses + askers;
        let cache = self.app.summaries.cache().clone();
        let all_asked = move || eventually("all have asked", || (cache.stats().misses == misses).then_some(()));
        tokio::task::spawn_blocking(all_asked).await.unwrap();
        held.let_go();
        for asker in crowd {
            asker.await.unwrap();
        }
        self.account("a crowd", Numbers { misses: askers, coalesced: askers - 1, loads: 1, ..NONE }).await;
    }

    /// Has every load fail, while whoever watches for other processes notices nothing.
    fn break_loads(&self) {
        self.other.execute_batch("ALTER TABLE rollup_company RENAME TO elsewhere").unwrap();
    }

    fn mend_loads(&self) {
        self.other.execute_batch("ALTER TABLE elsewhere RENAME TO rollup_company").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scripted_log_of_requests_gives_exactly_the_predicted_numbers() {
    let mut replay = Replay::new().await;
    let removed = |numbers: Numbers, removals| numbers.removed(removals);

    // From empty to full.
    let acme = replay.get("the first request", ACME, 200, LOADED).await;
    let etag = acme.headers["etag"].to_str().unwrap().to_owned();
    replay.get("the second request", ACME, 200, HIT).await;
    replay.ask_again("a client that has it", ACME, &etag, 304, HIT).await;
    replay.ask_again("a client that has another", ACME, "\"another\"", 200, HIT).await;
    for path in [GLOBEX, SALES, LAB] {
        replay.get(path, path, 200, LOADED).await;
    }
    replay.get("what is not there", NOBODY, 404, LOADED).await;
    replay.ask_again("what is not there, again", NOBODY, &etag, 404, LOADED).await;

    // One entry goes, and comes back by a client that has it still, one that has another, and a load.
    let dropped = removed(NONE, Removals { cleared: 1, ..NOTHING });
    replay.take_out("a drop", "/cache/entries/enterprise:acme:contacts", dropped).await;
    let revalidated = Numbers { misses: 1, revalidated: 1, ..NONE };
    replay.ask_again("a cold 304", ACME, &etag, 304, revalidated).await;
    replay.ask_again("a cold 304 once more", ACME, &etag, 304, revalidated).await;
    replay.ask_again("a cold tag that holds no more", ACME, "\"another\"", 200, LOADED).await;

    // A write; then a crowd for what it invalidated.
    replay.app.write(|tx| add_contact(tx, "u1", "anita")).await;
    replay.account("a write", removed(NONE, Removals { invalidated: 2, ..NOTHING })).await;
    replay.crowd(ACME, 7).await;
    replay.get("what the write did not touch", LAB, 200, HIT).await;
    replay.get("what it did touch", SALES, 200, LOADED).await;

    // TTLs end: those of departments first. A load then replaces what a sweep would take out.
    replay.clock.advance(Duration::from_mins(31));
    let replaced = removed(LOADED, Removals { replaced: 1, ..NOTHING });
    replay.get("an enterprise after half an hour", ACME, 200, HIT).await;
    replay.get("a department after half an hour", LAB, 200, replaced).await;

    // Loads fail: what is overdue stands in, what is not there cannot.
    replay.break_loads();
    let failed = Numbers { load_failures: 1, ..LOADED };
    let stale = Numbers { stale: 1, ..failed };
    let overdue = replay.get("a department that cannot be loaded", SALES, 200, stale).await;
    assert_eq!(overdue.json()["stale"], true);
    replay.get("a fresh one needs no load", LAB, 200, HIT).await;
    replay.clock.advance(Duration::from_mins(10));
    replay.get("one that is overdue for too long", SALES, 500, failed).await;
    replay.mend_loads();

    // The sweep takes it, once. Then midnight: what is an hour old, and what is a minute old, are of yesterday.
    assert_eq!((replay.app.summaries.cache().sweep(), replay.app.summaries.cache().sweep()), (1, 0));
    replay.account("a sweep", removed(NONE, Removals { expired: 1, ..NOTHING })).await;
    replay.clock.set_wall(at("2026-11-22T23:59:00Z"));
    replay.get("before midnight", GLOBEX, 200, HIT).await;
    replay.clock.advance(Duration::from_mins(1));
    replay.get("after midnight", GLOBEX, 200, replaced).await;
    replay.get("after midnight", GLOBEX, 200, HIT).await;

    // Bounds: the least recently used goes.
    replay.tune("a bound of two", json!({"maxCacheSize": 2}), removed(NONE, Removals { size: 1, ..NOTHING })).await;
    replay.get("a third", SALES, 200, removed(LOADED, Removals { size: 1, ..NOTHING })).await;
    let bytes = replay.app.summaries.cache().entry_totals().bytes;
    let one_less = removed(NONE, Removals { bytes: 1, ..NOTHING });
    replay.tune("a bound of bytes", json!({"maxCacheBytes": bytes - 1}), one_less).await;
    replay.tune("wide bounds", json!({"maxCacheSize": 1_000, "maxCacheBytes": MIB}), NONE).await;

    // Warming is neither a hit nor a miss; what it needs to load is loaded.
    let load = Numbers { loads: 1, ..NONE };
    replay.warm("warming what is not there yet", json!(["acme"]), load).await;
    replay.warm("warming what is there", json!(["acme"]), NONE).await;
    replay.warm("warming what there is not", json!(["nobody", "a b"]), load).await;
    replay.get("what was warmed", ACME, 200, HIT).await;

    // A clear of more than one is a mass invalidation, one of less is none.
    let cleared = |count| removed(NONE, Removals { cleared: count, ..NOTHING });
    let mass = |count| Numbers { mass_invalidations: 1, ..cleared(count) };
    replay.get("a third", GLOBEX, 200, LOADED).await;
    replay.take_out("a clear of one enterprise", "/cache/enterprises/globex/clear", cleared(1)).await;
    replay.take_out("a clear of the departments", "/cache/departments/clear", cleared(1)).await;
    for path in [GLOBEX, SALES] {
        replay.get(path, path, 200, LOADED).await;
    }
    replay.take_out("a clear of all", "/cache/clear", mass(3)).await;
    replay.take_out("a clear of nothing", "/cache/clear", NONE).await;

    // Every hit and every load has its duration.
    let stats = replay.app.summaries.cache().stats();
    assert_eq!((stats.hit_durations.len(), stats.load_durations.len()), (stats.hits, stats.loads));
    let Numbers { misses, coalesced, revalidated, loads, .. } = replay.expected;
    let by_warming = 2;
    assert_eq!(misses, loads - by_warming + coalesced + revalidated, "each miss loads, joins a load, or needs none");
}
