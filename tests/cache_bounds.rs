//! Bounds of the cache: with ten times more enterprises than it may hold, neither the cache nor the process exceeds its
//! limit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use muster::clock::Clock;
use muster::domain::ids::EnterpriseId;
use muster::store::{Mode, Store, StoreOptions};
use serde_json::json;

use crate::support::{Exposition, TestServer, WorkDir, enterprise, name};

const ENTERPRISES: usize = 10_000;

/// Enterprises that one transaction creates.
const CHUNK: usize = 1_000;

/// Clients that read concurrently.
const CLIENTS: usize = 4;

const MIB: u64 = 1 << 20;

/// The memory limit of the process, by the design.
const MEMORY_MAX: u64 = 100_000_000;

fn id(number: usize) -> EnterpriseId {
    enterprise(&format!("e{number}"))
}

/// Fills a database without the API, which is not what is measured.
fn fill_database(dir: &WorkDir) {
    let options = StoreOptions::new(dir.data_dir(), Mode::Server, "a test");
    let store = Store::open(&options, Clock::system()).unwrap();
    for first in (0..ENTERPRISES).step_by(CHUNK) {
        store
            .write_blocking(move |tx| {
                for number in first..first + CHUNK {
                    tx.create_enterprise(Some(id(number)), &name(&format!("Enterprise {number}")))?;
                }
                Ok(())
            })
            .unwrap();
    }
    store.close();
}

/// The size of the cache.
#[derive(Clone, Copy, Debug, Default)]
struct CacheSize {
    entries: u64,
    bytes: u64,
}

impl CacheSize {
    fn of(page: &Exposition) -> Self {
        Self { entries: page.count("muster_cache_entries", &[]), bytes: page.count("muster_cache_size_bytes", &[]) }
    }

    fn max(self, other: Self) -> Self {
        Self { entries: self.entries.max(other.entries), bytes: self.bytes.max(other.bytes) }
    }
}

fn scrape(server: &TestServer) -> Exposition {
    Exposition::read(&server.client().send("GET", "/metrics", "").expect(200).text())
}

/// Scrapes the server repeatedly during an action; returns the largest size of the cache, and how often it was scraped.
fn watch(server: &TestServer, act: impl FnOnce()) -> (CacheSize, usize) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let done = &done;
        let watching = scope.spawn(move || {
            let (mut most, mut scrapes) = (CacheSize::default(), 0);
            while !done.load(Ordering::Relaxed) {
                most = most.max(CacheSize::of(&scrape(server)));
                scrapes += 1;
                assert_memory(server);
            }
            (most, scrapes)
        });
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        done.store(true, Ordering::Relaxed);
        acted.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        watching.join().unwrap()
    })
}

fn assert_memory(server: &TestServer) {
    if let Some((most, now)) = server.memory() {
        assert!(most < MEMORY_MAX, "the process took {most} bytes, and takes {now}");
    }
}

/// Reads the summary of every enterprise.
fn read_all(server: &TestServer) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = server.client();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= ENTERPRISES {
                        return;
                    }
                    client.send("GET", &format!("/enterprise/e{number}/contacts/summary"), "").expect(200);
                }
            });
        }
    });
}

/// Warms every enterprise, with as many ids in a request as are allowed.
fn warm_all(server: &TestServer) {
    let mut client = server.client();
    for first in (0..ENTERPRISES).step_by(CHUNK) {
        let ids: Vec<_> = (first..first + CHUNK).map(|number| id(number).to_string()).collect();
        let report = client.post("/cache/warm", &json!({"enterpriseIds": ids}));
        assert_eq!(report["results"].as_array().unwrap().len(), CHUNK);
    }
}

#[test]
fn ten_thousand_enterprises_never_exceed_a_thousand_entries_or_a_mebibyte() {
    let dir = WorkDir::new();
    let token = {
        fill_database(&dir);
        dir.token("admin")
    };
    let server = dir.serve_as(&token, &[]);
    let (most, scrapes) = watch(&server, || read_all(&server));
    let page = scrape(&server);
    let held = CacheSize::of(&page);
    println!("read: {most:?} at most in {scrapes} scrapes, {held:?} in the end, memory {:?}", server.memory());
    assert!(most.entries <= 1_000 && most.bytes <= 64 * MIB, "{most:?}");
    assert_eq!(held.entries, 1_000);
    assert_eq!(page.count("muster_cache_removals_total", &[("cause", "size")]), ENTERPRISES as u64 - 1_000);
    assert!(held.bytes > MIB, "a mebibyte is the narrower bound");

    server.client().send("PUT", "/cache/config", json!({"maxCacheBytes": MIB}).to_string()).expect(200);
    let narrowed = CacheSize::of(&scrape(&server));
    assert!(narrowed.bytes <= MIB && narrowed.entries < 1_000, "it holds at once: {narrowed:?}");
    let (most, scrapes) = watch(&server, || warm_all(&server));
    let page = scrape(&server);
    let held = CacheSize::of(&page);
    println!("warmed: {most:?} at most in {scrapes} scrapes, {held:?} in the end, memory {:?}", server.memory());
    assert!(most.bytes <= MIB, "{most:?}");
    // Full to within two entries of average size.
    assert!(held.bytes > MIB - 2 * (MIB / held.entries), "{held:?}");
    assert_memory(&server);
}
