//! The liveness and readiness probes.

use muster::clock::Clock;

use crate::support::{Directory, QueuedWrite, TestApp, WriterGate};

#[tokio::test]
async fn the_readiness_probe_needs_no_token() {
    let app = TestApp::start().await;
    for path in ["/readyz", "/api/readyz"] {
        assert_eq!(app.anonymous().get(path).await.expect(200)["status"], "ready");
    }
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_and_not_ready() {
    let app = TestApp::start().await;
    let store = app.store.clone();
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    assert_eq!(app.anonymous().get("/healthz").await.expect(200)["status"], "alive");
    let reply = app.anonymous().get("/readyz").await;
    assert_eq!(reply.problem(503), "The server is shutting down");
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn many_concurrent_readiness_probes_succeed() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    let questions = (0..200).map(|_| anonymous.get("/readyz"));
    for reply in futures_util::future::join_all(questions).await {
        reply.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_full_write_queue_is_ready() {
    const WAITING_MAX: usize = 2;
    let store =
        Directory::in_memory().open_with(Clock::system(), |options| options.settings.write_queue_max = WAITING_MAX);
    let app = TestApp::start_on(store, |_| {});
    let gate = WriterGate::close(&app.store);
    let waiting: Vec<_> = (0..WAITING_MAX).map(|_| QueuedWrite::write(&app.store, |_| Ok(()))).collect();
    assert!(QueuedWrite::write(&app.store, |_| Ok(())).is_answered(), "the queue is full");
    app.anonymous().get("/readyz").await.expect(200);
    drop(gate);
    drop(waiting);
}
