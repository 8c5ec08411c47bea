//! More requests than can be served: those that need the database are refused at once, and all others are served.

use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use muster::clock::Clock;
use muster::domain::access::Role;
use muster::store::{Store, StoreError};

use crate::support::{Client, Directory, Exposition, HeldReaders, READERS, Reply, TestApp, eventually, people};

/// The capacity of the read queue in these tests.
const WAITING_MAX: usize = 2;

/// A server on a store with a short queue of reads.
async fn app() -> TestApp {
    let store =
        Directory::in_memory().open_with(Clock::system(), |options| options.settings.read_queue_max = WAITING_MAX);
    let app = TestApp::start_on(store, |_| {});
    app.write(people).await;
    app
}

/// Requests a list, which is never cached, until the queue is full.
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
async fn requests_that_need_the_database_are_shed_at_once_and_all_others_are_answered() {
    let app = app().await;
    let (anonymous, viewer) = (app.anonymous(), app.client(Role::Viewer).await);
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
    let conditional = viewer.request(reqwest::Method::GET, cached).header("if-none-match", tag);
    assert_eq!(Reply::to(conditional).await.status, 304);
    anonymous.get("/healthz").await.expect(200);
    anonymous.get("/enterprise").await.problem(401);
    assert_eq!(anonymous.get("/").await.status, 200);
    browser.get("/session").await.expect(200);
    browser.get("/cache/stats").await.expect(200);
    let scraped = Exposition::read(&viewer.get("/metrics").await.text());
    assert!(scraped.count("muster_http_shed_total", &[("what", "reads")]) >= 5);
    assert_eq!(scraped.count("muster_read_queue_reads", &[]), WAITING_MAX as u64);
    assert_eq!(scraped.count("muster_read_queue_reads_max", &[]), WAITING_MAX as u64);
    // A write needs no read connection.
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
async fn a_cancelled_read_frees_its_place_in_the_queue_and_internal_reads_are_not_bounded() {
    let opened = Directory::in_memory().open_with(Clock::system(), |options| options.settings.read_queue_max = 1);
    let store = Store::clone(&opened);
    let held = HeldReaders::hold(&store);
    let mut first = Box::pin(store.read(|tx| tx.revision()));
    assert!(first.as_mut().now_or_never().is_none(), "it waits");
    assert!(matches!(store.read(|tx| tx.revision()).await, Err(StoreError::ReadQueueFull)));
    let mut own = Box::pin(store.read_internal(|tx| tx.revision()));
    assert!(own.as_mut().now_or_never().is_none(), "it waits, too");
    drop(first);
    let mut second = Box::pin(store.read(|tx| tx.revision()));
    assert!(second.as_mut().now_or_never().is_none(), "it waits in place of the first");
    held.release();
    assert!(own.await.is_ok() && second.await.is_ok());
    assert_eq!((store.figures().reads_waiting, store.figures().reads_refused), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_queue_of_length_zero_a_read_without_a_free_connection_is_refused() {
    let opened = Directory::in_memory().open_with(Clock::system(), |options| options.settings.read_queue_max = 0);
    let store = Store::clone(&opened);
    let held = HeldReaders::hold(&store);
    let refused = tokio::time::timeout(Duration::from_secs(20), store.read(|tx| tx.revision())).await.unwrap();
    assert!(matches!(refused, Err(StoreError::ReadQueueFull)));
    held.release();
    for _ in 0..2 * READERS {
        retry_until_accepted(&store, || store.read(|tx| tx.revision())).await;
    }
}

/// Repeats a read until it is no longer refused.
async fn retry_until_accepted<F: Future<Output = Result<i64, StoreError>>>(store: &Store, read: impl Fn() -> F) {
    while matches!(read().await, Err(StoreError::ReadQueueFull)) {
        let _ = store.read_internal(|tx| tx.revision()).await;
    }
}
