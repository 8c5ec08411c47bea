//! Single-flight loads: concurrent requests for a summary that is not cached cause one load.

use std::io::{BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use muster::domain::access::Role;
use serde_json::json;

use crate::support::{HeldReaders, TestApp, WireClient, WorkDir, add_contact, eventually, read_reply};

const ACME: &str = "/enterprise/acme/contacts/summary";

/// The number of concurrent requests.
const REQUESTS: usize = 500;

/// Connections that have sent a request and not yet read the response.
struct PendingRequests(Vec<BufReader<TcpStream>>);

impl PendingRequests {
    /// Connects without sending a request.
    fn connect(client: &WireClient, requests: usize) -> Self {
        Self((0..requests).map(|_| client.connect().unwrap()).collect())
    }

    fn send(&mut self, client: &WireClient, path: &str) {
        let request = client.request("GET", path, &[], b"");
        for connection in &mut self.0 {
            connection.get_mut().write_all(&request).unwrap();
        }
    }

    /// Counts the responses by their `Cache-Status`; every response must be a summary of this many contacts.
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

/// Waits until this many requests are misses, and this many of them wait for the load of another request.
async fn wait_for_misses(app: &TestApp, misses: usize, coalesced: usize) {
    let summaries = app.summaries.clone();
    let seen = move || {
        let stats = summaries.cache().stats();
        ((stats.misses, stats.coalesced) == (misses as u64, coalesced as u64)).then_some(())
    };
    tokio::task::spawn_blocking(move || eventually("all requests are misses", seen)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_for_a_cold_enterprise_cause_one_load() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let mut pending = PendingRequests::connect(&client, REQUESTS);
    let held = HeldReaders::hold(&app.store);
    pending.send(&client, ACME);
    wait_for_misses(&app, REQUESTS, REQUESTS - 1).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 1);
    held.release();
    let answers = tokio::task::spawn_blocking(move || pending.answers(2)).await.unwrap();
    assert_eq!(answers, Answers { loaded: 1, collapsed: REQUESTS - 1, hits: 0 });
    let stats = app.summaries.cache().stats();
    assert_eq!((stats.loads, stats.load_failures, stats.hits), (1, 0, 0));
    assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_goes_on_for_the_other_clients_when_the_first_disconnects() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let mut pending = PendingRequests::connect(&client, REQUESTS - 1);
    let mut first = PendingRequests::connect(&client, 1);
    let held = HeldReaders::hold(&app.store);
    first.send(&client, ACME);
    wait_for_misses(&app, 1, 0).await;
    first.0[0].get_ref().shutdown(Shutdown::Both).unwrap();
    drop(first);
    pending.send(&client, ACME);
    wait_for_misses(&app, REQUESTS, REQUESTS - 1).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 1);
    held.release();
    let answers = tokio::task::spawn_blocking(move || pending.answers(2)).await.unwrap();
    assert_eq!(answers, Answers { loaded: 0, collapsed: REQUESTS - 1, hits: 0 });
    let stats = app.summaries.cache().stats();
    assert_eq!((stats.loads, stats.load_failures, stats.misses), (1, 0, REQUESTS as u64));
    assert_eq!(viewer.get(ACME).await.expect(200)["cached"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_after_a_write_share_the_next_load() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let client = WireClient::new(app.address(), viewer.token());
    let (mut before, mut after) =
        (PendingRequests::connect(&client, REQUESTS / 2), PendingRequests::connect(&client, REQUESTS / 2));
    let held = HeldReaders::hold(&app.store);
    before.send(&client, ACME);
    wait_for_misses(&app, REQUESTS / 2, REQUESTS / 2 - 1).await;
    app.write(|tx| add_contact(tx, "u1", "anita")).await;
    after.send(&client, ACME);
    wait_for_misses(&app, REQUESTS, REQUESTS - 2).await;
    assert_eq!(app.summaries.cache().entry_totals().loads, 2, "one runs, one waits");
    held.release();
    // The first load had no snapshot yet when the write was committed, so both loads see it.
    let answers = tokio::task::spawn_blocking(move || (before.answers(3), after.answers(3))).await.unwrap();
    let half = Answers { loaded: 1, collapsed: REQUESTS / 2 - 1, hits: 0 };
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
                // All readers read the same key, so these are all of its loads.
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
    assert_eq!(stats.loads, stats.misses - stats.coalesced, "each load was started by one request");
    assert!(stats.loads <= WRITES + 1, "{} loads for {WRITES} writes", stats.loads);
    println!("{reads} reads, {} hits, {} loads, {} coalesced", stats.hits, stats.loads, stats.coalesced);
}

#[test]
fn five_hundred_requests_to_a_suspended_server_cause_one_load() {
    let dir = WorkDir::new();
    let server = dir.serve();
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    let mut pending = PendingRequests::connect(&client, REQUESTS);
    let mut first = PendingRequests::connect(&client, 1);
    // A suspended process answers no request, so all of them are sent when it continues; the first client has
    // disconnected by then.
    server.pause();
    first.send(&client, ACME);
    drop(first);
    pending.send(&client, ACME);
    server.resume();
    let answers = pending.answers(0);
    assert!(answers.loaded <= 1, "{answers:?}");
    assert_eq!(answers.loaded + answers.collapsed + answers.hits, REQUESTS);
    let cache = &client.get("/cache/stats")["cache"];
    assert_eq!((&cache["loads"], &cache["loadFailures"]), (&json!(1), &json!(0)), "{cache:#}");
    println!("{answers:?}");
}
