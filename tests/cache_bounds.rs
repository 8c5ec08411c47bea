//! Bounds: ten times more enterprises than the cache may hold are warmed, and neither it nor the process ever exceeds what
//! it may take.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use muster::clock::Clock;
use muster::domain::ids::EnterpriseId;
use muster::store::{Mode, Store, StoreOptions};
use serde_json::json;

use crate::support::{Exposition, Place, TestServer, enterprise, name};

const ENTERPRISES: usize = 10_000;

/// Enterprises that one transaction makes.
const CHUNK: usize = 1_000;

/// Clients that read at the same time.
const CLIENTS: usize = 4;

const MIB: u64 = 1 << 20;

/// What the process may take at most, by the design.
const MEMORY_MAX: u64 = 100_000_000;

fn id(number: usize) -> EnterpriseId {
    enterprise(&format!("e{number}"))
}

/// Fills a database past the API, which is not what is measured.
fn found(place: &Place) {
    let options = StoreOptions::new(place.data_dir(), Mode::Server, "a test");
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

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    entries: u64,
    bytes: u64,
}

impl Held {
    fn of(page: &Exposition) -> Self {
        Self { entries: page.count("muster_cache_entries", &[]), bytes: page.count("muster_cache_size_bytes", &[]) }
    }

    fn most(self, other: Self) -> Self {
        Self { entries: self.entries.max(other.entries), bytes: self.bytes.max(other.bytes) }
    }
}

fn scrape(server: &TestServer) -> Exposition {
    Exposition::read(&server.client().send("GET", "/metrics", "").expect(200).text())
}

/// Looks at the server again and again while something is done; the most that it held at any look, and how many there were.
fn watch(server: &TestServer, act: impl FnOnce()) -> (Held, usize) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let done = &done;
        let watching = scope.spawn(move || {
            let (mut most, mut looks) = (Held::default(), 0);
            while !done.load(Ordering::Relaxed) {
                most = most.most(Held::of(&scrape(server)));
                looks += 1;
                assert_memory(server);
            }
            (most, looks)
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

/// Warms every enterprise, as many with one request as one may ask for.
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
    let place = Place::new();
    let token = {
        found(&place);
        place.token("admin")
    };
    let server = place.serve_as(&token, &[]);
    let (most, looks) = watch(&server, || read_all(&server));
    let page = scrape(&server);
    let held = Held::of(&page);
    println!("read: {most:?} at most in {looks} looks, {held:?} in the end, memory {:?}", server.memory());
    assert!(most.entries <= 1_000 && most.bytes <= 64 * MIB, "{most:?}");
    assert_eq!(held.entries, 1_000);
    assert_eq!(page.count("muster_cache_removals_total", &[("cause", "size")]), ENTERPRISES as u64 - 1_000);
    assert!(held.bytes > MIB, "a mebibyte is the narrower bound");

    server.client().send("PUT", "/cache/config", json!({"maxCacheBytes": MIB}).to_string()).expect(200);
    let narrowed = Held::of(&scrape(&server));
    assert!(narrowed.bytes <= MIB && narrowed.entries < 1_000, "it holds at once: {narrowed:?}");
    let (most, looks) = watch(&server, || warm_all(&server));
    let page = scrape(&server);
    let held = Held::of(&page);
    println!("warmed: {most:?} at most in {looks} looks, {held:?} in the end, memory {:?}", server.memory());
    assert!(most.bytes <= MIB, "{most:?}");
    // Full, but for less than one entry.
    assert!(held.bytes > MIB - 2 * (MIB / held.entries), "{held:?}");
    assert_memory(&server);
}
