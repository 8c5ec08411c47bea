//! Is it alive, is it ready.

use crate::support::TestApp;

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
