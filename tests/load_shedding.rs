//! More requests than can be served: those that need the database are told so at once, and all others go on.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use muster::clock::Clock;
use muster::domain::access::Role;
use muster::store::{READERS_DEFAULT, Store, StoreError};

use crate::support::{Client, Directory, Exposition, HeldReaders, Reply, TestApp, eventually, people};

/// Reads that may wait in these tests.
const WAITING_MAX: usize = 2;

/// A server on a store with a short queue of reads.
async fn app() -> TestApp {
    let store = Directory::in_memory().open_with(Clock::system(), |options| options.read_queue_len_max = WAITING_MAX);
    let app = TestApp::start_on(store, |_| {});
    app.write(people).await;
    app
}

/// Asks for a list, which no cache has, until as many wait as may.
async fn fill_the_queue(app: &TestApp, client: &Client) -> Vec<tokio::task::JoinHandle<Reply>> {
    let mut waiting = Vec::new();
    for count in 1..=WAITING_MAX {
        let client = client.clone();
        waiting.push(tokio::spawn(async move { client.get("/enterprise").await }));
        let store = Store::clone(&app.store);
        tokio::task::spawn_blocking(move || {
            eventually("one more waits", || (store.figures().reads_waiting == count).then_some(()));
        })
        .await
        .unwrap();
    }
    waiting
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_the_database_is_turned_away_at_once_and_all_else_is_answered() {
    let app = app().await;
    let (nobody, viewer) = (app.nobody(), app.client(Role::Viewer).await);
    let browser = viewer.browser().await;
    let (cached, not_cached) = ("/enterprise/acme/contacts/summary", "/enterprise/globex/contacts/summary");
    viewer.get(cached).await.expect(200);
    let held = HeldReaders::hold(&app.store);
    let waiting = fill_the_queue(&app, &viewer).await;
    for path in [
        "/enterprise",
        not_cached,
        "/enterprise/acme/departments",
        "/Contacts/u1",
        "/enterprise/globex/contacts/details",
    ] {
        let refused = viewer.get(path).await;
        let message = refused.problem(503);
        assert_eq!(message, "Too many requests are waiting for the database; try again", "{path}");
        assert_eq!(refused.headers["retry-after"], "1", "{path}");
    }
    assert_eq!(viewer.get(cached).await.expect(200)["cached"], true);
    let tag = viewer.get(cached).await.headers["etag"].clone();
    let known = viewer.request(reqwest::Method::GET, cached).header("if-none-match", tag);
    assert_eq!(Reply::to(known).await.status, 304);
    nobody.get("/healthz").await.expect(200);
    nobody.get("/enterprise").await.problem(401);
    assert_eq!(nobody.get("/").await.status, 200);
    browser.get("/session").await.expect(200);
    browser.get("/cache/stats").await.expect(200);
    let scraped = Exposition::read(&viewer.get("/metrics").await.text());
    assert!(scraped.count("muster_http_shed_total", &[("what", "reads")]) >= 5);
    assert_eq!(scraped.count("muster_read_queue_reads", &[]), WAITING_MAX as u64);
    assert_eq!(scraped.count("muster_read_queue_reads_max", &[]), WAITING_MAX as u64);
    // Writing needs no reader.
    let contact = serde_json::json!({"userId": "u1", "contactInfo": {"name": "Grace"}});
    let contributor = viewer.with_token(app.client(Role::Contributor).await.token());
    contributor.post("/saveContact", contact).await.expect(200);
    held.release();
    for waiting in waiting {
        waiting.await.unwrap().expect(200);
    }
    viewer.get(not_cached).await.expect(200);
    assert_eq!(app.store.figures().reads_waiting, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_makes_room_and_the_servers_own_reads_wait_past_the_bound() {
    let opened = Directory::in_memory().open_with(Clock::system(), |options| options.read_queue_len_max = 1);
    let store = Store::clone(&opened);
    let held = HeldReaders::hold(&store);
    let mut first = Box::pin(store.read(|tx| tx.revision()));
    assert!(first.as_mut().now_or_never().is_none(), "it waits");
    assert!(matches!(store.read(|tx| tx.revision()).await, Err(StoreError::ReadQueueFull)));
    let mut own = Box::pin(store.read_patiently(|tx| tx.revision()));
    assert!(own.as_mut().now_or_never().is_none(), "it waits, too");
    drop(first);
    let mut second = Box::pin(store.read(|tx| tx.revision()));
    assert!(second.as_mut().now_or_never().is_none(), "it waits in the place of the first");
    held.release();
    assert!(own.await.is_ok() && second.await.is_ok());
    assert_eq!((store.figures().reads_waiting, store.figures().reads_refused), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_none_turns_away_whoever_finds_no_free_reader() {
    let opened = Directory::in_memory().open_with(Clock::system(), |options| options.read_queue_len_max = 0);
    let store = Store::clone(&opened);
    let held = HeldReaders::hold(&store);
    let refused = tokio::time::timeout(Duration::from_secs(20), store.read(|tx| tx.revision())).await.unwrap();
    assert!(matches!(refused, Err(StoreError::ReadQueueFull)));
    held.release();
    for _ in 0..2 * READERS_DEFAULT {
        patiently(&store, || store.read(|tx| tx.revision())).await;
    }
}

/// Tries until it is no longer turned away.
async fn patiently<F: Future<Output = Result<i64, StoreError>>>(store: &Store, read: impl Fn() -> F) {
    while matches!(read().await, Err(StoreError::ReadQueueFull)) {
        let _ = store.read_patiently(|tx| tx.revision()).await;
    }
}
