//! Is it alive, is it ready.

use muster::clock::Clock;

use crate::support::{Directory, Gate, Queued, TestApp};

#[tokio::test]
async fn anybody_may_ask_whether_the_server_is_ready() {
    let app = TestApp::start().await;
    for path in ["/readyz", "/api/readyz"] {
        assert_eq!(app.nobody().get(path).await.expect(200)["status"], "ready");
    }
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_and_not_ready() {
    let app = TestApp::start().await;
    let store = app.store.clone();
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    assert_eq!(app.nobody().get("/healthz").await.expect(200)["status"], "alive");
    let reply = app.nobody().get("/readyz").await;
    assert_eq!(reply.problem(503), "The server is shutting down");
    assert_eq!(reply.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_flood_of_questions_gets_answers() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let questions = (0..200).map(|_| nobody.get("/readyz"));
    for reply in futures_util::future::join_all(questions).await {
        reply.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_turns_writes_away_for_a_moment_is_ready() {
    const WAITING_MAX: usize = 2;
    let store = Directory::in_memory().open_with(Clock::system(), |options| options.write_queue_len_max = WAITING_MAX);
    let app = TestApp::start_on(store, |_| {});
    let gate = Gate::close(&app.store);
    let waiting: Vec<_> = (0..WAITING_MAX).map(|_| Queued::write(&app.store, |_| Ok(()))).collect();
    assert!(Queued::write(&app.store, |_| Ok(())).is_answered(), "the queue is full");
    app.nobody().get("/readyz").await.expect(200);
    drop(gate);
    drop(waiting);
}
