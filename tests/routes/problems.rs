//! Invalid requests: each is refused with a problem document and changes nothing.

use muster::domain::access::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, TestApp};

#[tokio::test]
async fn unknown_paths_answer_404_and_wrong_methods_405() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    for path in
        ["/nowhere", "/api", "/api/nowhere", "/enterprise/acme/nothing", "/Contacts", "/contacts/u1", "/enterprise/"]
    {
        viewer.get(path).await.problem(404);
        app.anonymous().get(path).await.problem(404);
    }
    for root in ["", "/api"] {
        let check = async |method: Method, path: &str, allow: &str| {
            let reply = Reply::to(viewer.request(method, &format!("{root}{path}"))).await;
            reply.problem(405);
            let mut allowed: Vec<&str> = reply.headers["allow"].to_str().unwrap().split(',').collect();
            allowed.sort_unstable();
            assert_eq!(allowed.join(","), allow, "{path}");
        };
        check(Method::PATCH, "/enterprise", "GET,HEAD,POST").await;
        check(Method::POST, "/enterprise/acme", "DELETE,GET,HEAD,PUT").await;
        check(Method::GET, "/AddContact", "POST").await;
        check(Method::PUT, "/Contacts/u1/contact/x", "DELETE,GET,HEAD,PATCH").await;
        check(Method::POST, "/healthz", "GET,HEAD").await;
    }
}

#[tokio::test]
async fn a_body_must_be_json_with_its_content_type() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let send = async |content_type: Option<&str>, body: &str| {
        let mut request = admin.request(Method::POST, "/AddContact").body(body.to_owned());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        Reply::to(request).await
    };
    let fine = r#"{"userId":"u1","contactInfo":{"name":"A"}}"#;
    for content_type in
        [Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data"), None]
    {
        let message = send(content_type, fine).await.problem(415);
        assert_eq!(message, "The body must be sent with Content-Type: application/json");
    }
    assert_eq!(send(Some("application/json"), "").await.problem(400), "A JSON body is required");
    for malformed in [
        "{",
        "{]",
        "nul",
        r#"{"userId":"u1",}"#,
        "{} x",
        r#"{"contactInfo":{"location":{"latitude":1e999}}}"#,
        "\u{feff}{}",
        "{\"a\":\"\u{1}\"}",
    ] {
        let message = send(Some("application/json"), malformed).await.problem(400);
        assert!(message.starts_with("The body is not valid JSON: ") && message.contains(" line 1 "), "{message}");
    }
    let deep = "[".repeat(100_000);
    send(Some("application/json"), &deep).await.problem(400);
    let deep = format!(r#"{{"unknown":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    send(Some("application/json"), &deep).await.problem(400);
    for not_an_object in ["[]", "\"x\"", "7", "true", r#"["u1",{"name":"A"}]"#] {
        let (_, fields) = send(Some("application/json"), not_an_object).await.invalid_fields();
        assert_eq!(fields, ["body"]);
    }
    assert_eq!(send(Some("application/json"), r#"{"userId":"u1","userId":"u2"}"#).await.invalid_fields().1, ["userId"]);
    assert_eq!(app.store.contacts_of_acme(), 2);
    send(Some("application/json; charset=utf-8"), fine).await.expect(201);
}

#[tokio::test]
async fn invalid_utf8_is_refused() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = b"{\"userId\":\"u1\",\"contactInfo\":{\"name\":\"\xff\xfe\"}}".to_vec();
    admin.post_text("/AddContact", body).await.problem(400);
    admin.get("/enterprise/%ff").await.problem(404);
    admin.get("/enterprise?limit=%ff").await.problem(400);
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn unknown_fields_and_parameters_are_ignored() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let body = json!({"userId": "u1", "extra": {"deep": [1]}, "contactInfo": {"name": "A", "iban": "x", "id": 7}});
    let contact = admin.post("/AddContact?unknown=1", body).await.expect(201)["contact"].clone();
    assert_eq!(contact.get("iban"), None);
    admin.get("/enterprise?unknown=1&limit=5").await.expect(200);
}

#[tokio::test]
async fn bodies_over_the_limit_answer_413() {
    let app = TestApp::start_with(|settings| settings.http.body_max = 10_000).await;
    let admin = app.client(Role::Admin).await;
    let huge = format!(r#"{{"userId":"u1","contactInfo":{{"name":"A","notes":"{}"}}}}"#, "x".repeat(10_000));
    for path in ["/AddContact", "/saveContact", "/enterprise", "/tokens"] {
        assert_eq!(admin.post_text(path, huge.clone()).await.problem(413), "The body is larger than 10000 bytes");
    }
    let pieces = futures_util::stream::iter((0..1_000).map(|_| Ok::<_, std::io::Error>("x".repeat(1_000))));
    let endless = admin.request(Method::POST, "/AddContact").header("content-type", "application/json");
    Reply::to(endless.body(reqwest::Body::wrap_stream(pieces))).await.problem(413);
    // The server does not read this body, and still its sender gets the answer.
    let megabytes = "x".repeat(5_000_000);
    app.anonymous().post_text("/AddContact", megabytes).await.problem(401);
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn all_invalid_fields_are_named_together() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let info = json!({"name": "x".repeat(1_001), "email": "a\u{0}", "location": {"latitude": 91, "longitude": -181}});
    let (message, fields) =
        admin.post("/AddContact", json!({"userId": "u1", "contactInfo": info})).await.invalid_fields();
    assert_eq!(message, "contactInfo.name: must be at most 1000 characters (and 3 more)");
    let expected = ["name", "email", "location.latitude", "location.longitude"];
    assert_eq!(fields, expected.map(|field| format!("contactInfo.{field}")));
}
