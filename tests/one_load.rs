//! One load for everybody: however many ask for what nobody has yet, it is computed once.

use std::io::{BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use muster::domain::access::Role;
use serde_json::json;

use crate::support::{HeldReaders, Place, TestApp, WireClient, add_contact, eventually, read_reply};

const ACME: &str = "/enterprise/acme/contacts/summary";

/// How many ask at once.
const ASKERS: usize = 500;

/// Connections that have asked and not read the answer yet.
struct Crowd(Vec<BufReader<TcpStream>>);

impl Crowd {
    /// Connects, and asks nothing yet.
    fn connect(client: &WireClient, askers: usize) -> Self {
        Self((0..askers).map(|_| client.connect().unwrap()).collect())
    }

    fn ask(&mut self, client: &WireClient, path: &str) {
        let request = client.request("GET", path, &[], b"");
        for connection in &mut self.0 {
            connection.get_mut().write_all(&request).unwrap();
        }
    }

    /// How many of the answers say each of these in `Cache-Status`; every answer must be a summary of so many contacts.
    fn answers(&mut self, contacts: u64) -> Answers {
        let mut answers = Answers::default();
        for connection in &mut self.0 {
            let reply = read_reply(connection).unwrap().expect(200);
            assert_eq!(reply.json()["data"]["totalContacts"], contacts);
            match reply.header("cache-status").unwrap() {
                "muster; fwd=miss; stored" => answers.loaded += 1,
                "muster; fwd=miss; collapsed" => answers.collapsed += 1,
                hit => {
                    assert!(hit.starts_with("muster; hit"), "{hit}");
                    answers.hits += 1;
                }
            }
        }
        answers
    }
}

#[derive(Debug, Default, PartialEq)]
struct Answers {
    loaded: usize,
    collapsed: usize,
    hits: usize,
}

/// Waits until so many requests are misses, and so many of them wait for the load of another.
async fn wait_for(app: &TestApp, misses: usize, coalesced: usize) {
    let summaries = app.summaries.clone();
    let seen = move || {
        let stats = summaries.cache().stats();
        ((stats.misses, stats.coalesced) == (misses as u64, coalesced as u64)).then_some(())
    };
    tokio::task::spawn_blocking(move || eventually("everybody has asked", seen)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_for_a_cold_enterprise_cause_one_load() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let mut crowd = Crowd::connect(&client, ASKERS);
    let held = HeldReaders::hold(&app.store);
    crowd.ask(&client, ACME);
    wait_for(&app, ASKERS, ASKERS - 1).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 1);
    held.let_go();
    let answers = tokio::task::spawn_blocking(move || crowd.answers(2)).await.unwrap();
    assert_eq!(answers, Answers { loaded: 1, collapsed: ASKERS - 1, hits: 0 });
    let stats = app.summaries.cache().stats();
    assert_eq!((stats.loads, stats.load_failures, stats.hits), (1, 0, 0));
    assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_client_may_go_away_and_everybody_else_is_answered_by_its_load() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let mut crowd = Crowd::connect(&client, ASKERS - 1);
    let mut first = Crowd::connect(&client, 1);
    let held = HeldReaders::hold(&app.store);
    first.ask(&client, ACME);
    wait_for(&app, 1, 0).await;
    first.0[0].get_ref().shutdown(Shutdown::Both).unwrap();
    drop(first);
    crowd.ask(&client, ACME);
    wait_for(&app, ASKERS, ASKERS - 1).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 1);
    held.let_go();
    let answers = tokio::task::spawn_blocking(move || crowd.answers(2)).await.unwrap();
    assert_eq!(answers, Answers { loaded: 0, collapsed: ASKERS - 1, hits: 0 });
    let stats = app.summaries.cache().stats();
    assert_eq!((stats.loads, stats.load_failures, stats.misses), (1, 0, ASKERS as u64));
    assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_after_a_write_waits_for_the_next_load_together_with_everybody_after_it() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let (mut before, mut after) = (Crowd::connect(&client, ASKERS / 2), Crowd::connect(&client, ASKERS / 2));
    let held = HeldReaders::hold(&app.store);
    before.ask(&client, ACME);
    wait_for(&app, ASKERS / 2, ASKERS / 2 - 1).await;
    app.write(|tx| add_contact(tx, "u1", "anita")).await;
    after.ask(&client, ACME);
    wait_for(&app, ASKERS, ASKERS - 2).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 2, "one runs, one waits");
    held.let_go();
    // The first load had no snapshot yet when the write came, so both see it.
    let answers = tokio::task::spawn_blocking(move || (before.answers(3), after.answers(3))).await.unwrap();
    let half = Answers { loaded: 1, collapsed: ASKERS / 2 - 1, hits: 0 };
    assert_eq!(answers, (Answers { ..half }, half));
    assert_eq!(app.summaries.cache().stats().loads, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_steady_writes_a_key_has_one_load_running_and_one_waiting_at_most() {
    const READERS: usize = 16;
    const WRITES: u64 = 150;
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let done = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicUsize::new(2));
    let reading = (0..READERS).map(|_| {
        let (viewer, done, acknowledged) = (viewer.clone(), Arc::clone(&done), Arc::clone(&acknowledged));
        let summaries = app.summaries.clone();
        tokio::spawn(async move {
            let (mut reads, mut most) = (0, 0);
            while !done.load(Ordering::SeqCst) {
                let least = acknowledged.load(Ordering::SeqCst) as u64;
                let shown = viewer.get(ACME).await.expect(200)["data"]["totalContacts"].as_u64().unwrap();
                assert!(shown >= least, "{least} contacts were acknowledged, {shown} are shown");
                // Everybody reads the same key, so these are all of its loads.
                most = most.max(summaries.cache().entry_totals().loads);
                reads += 1;
            }
            (reads, most)
        })
    });
    let reading: Vec<_> = reading.collect();
    for number in 0..WRITES {
        app.write(move |tx| add_contact(tx, "u1", &format!("n{number}"))).await;
        acknowledged.fetch_add(1, Ordering::SeqCst);
    }
    done.store(true, Ordering::SeqCst);
    let mut reads = 0;
    for reader in reading {
        let (own, most) = reader.await.unwrap();
        assert!(most <= 2, "{most} loads of one key");
        reads += own;
    }
    let stats = app.summaries.cache().stats();
    assert_eq!(stats.hits + stats.misses, reads);
    assert_eq!(stats.loads, stats.misses - stats.coalesced, "each load had been asked for by one request");
    assert!(stats.loads <= WRITES + 1, "{} loads for {WRITES} writes", stats.loads);
    println!("{reads} reads, {} hits, {} loads, {} coalesced", stats.hits, stats.loads, stats.coalesced);
}

#[test]
fn five_hundred_requests_that_a_real_server_finds_waiting_cause_one_load() {
    let place = Place::new();
    let server = place.serve();
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    let mut crowd = Crowd::connect(&client, ASKERS);
    let mut first = Crowd::connect(&client, 1);
    // A process that stands still answers nobody, so all of them have asked when it goes on; the first has left by then.
    server.pause();
    first.ask(&client, ACME);
    drop(first);
    crowd.ask(&client, ACME);
    server.resume();
    let answers = crowd.answers(0);
    assert!(answers.loaded <= 1, "{answers:?}");
    assert_eq!(answers.loaded + answers.collapsed + answers.hits, ASKERS);
    let cache = &client.get("/cache/stats")["cache"];
    assert_eq!((&cache["loads"], &cache["loadFailures"]), (&json!(1), &json!(0)), "{cache:#}");
    println!("{answers:?}");
}
