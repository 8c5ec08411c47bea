//! Misbehaving connections, malformed requests and the graceful shutdown.

use std::time::{Duration, Instant};

use muster::domain::access::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Client, TestApp, eventually};

async fn connect(app: &TestApp, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that the server closes early may end in a reset instead of an end of file.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn add_contact(client: &Client, body: &str) -> String {
    let (token, len) = (client.token(), body.len());
    format!(
        "POST /AddContact HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {len}\r\n\r\n{body}"
    )
}

const BODY: &str = r#"{"userId":"u1","contactInfo":{"name":"Grace"}}"#;

#[tokio::test]
async fn a_client_that_half_closes_its_connection_still_gets_its_answer() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let request = add_contact(&contributor, BODY);
    for request in [request.clone(), request.replacen("Connection: close\r\n", "", 1)] {
        let mut stream = connect(&app, &request).await;
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    assert_eq!(app.store.contacts_of_acme(), 4);
}

#[tokio::test]
async fn an_incomplete_request_changes_nothing() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let request = add_contact(&contributor, BODY);
    for cut in [10, request.len() / 2, request.len() - 1] {
        let stream = connect(&app, &request[..cut]).await;
        drop(stream);
    }
    contributor.get("/Contacts/u1").await.expect(200);
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn a_request_head_over_its_timeout_closes_the_connection() {
    let app = TestApp::start_with(|settings| settings.server.header_read_timeout = Duration::from_millis(50)).await;
    let begun = Instant::now();
    let mut stream = connect(&app, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ").await;
    assert_eq!(rest(&mut stream).await, "");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_stopping_server_finishes_accepted_requests() {
    let mut app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let request = add_contact(&contributor, BODY);
    // The server has the head of each of these and waits for the rest.
    let mut streams = Vec::new();
    for _ in 0..10 {
        let expecting = request.replacen("Connection: close", "Connection: close\r\nExpect: 100-continue", 1);
        let head = expecting.len() - BODY.len();
        let mut stream = connect(&app, &expecting[..head]).await;
        let mut answer = [0; 25];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
        streams.push(stream);
    }
    let ready = app.anonymous();
    ready.get("/readyz").await.expect(200);
    app.request_shutdown();
    for mut stream in streams {
        stream.write_all(BODY.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    assert_eq!(app.store.contacts_of_acme(), 12);
    app.stop();
    assert!(TcpStream::connect(app.address()).await.is_err(), "the port is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_has_kept_every_acknowledged_write() {
    let mut app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let writers = (0..8).map(|_| {
        let contributor = contributor.clone();
        tokio::spawn(async move {
            let mut acknowledged = 0;
            let body = json!({"userId": "u1", "contactInfo": {"name": "Grace"}});
            loop {
                let request = contributor.request(reqwest::Method::POST, "/saveContact").json(&body);
                match request.send().await {
                    Ok(response) if response.status() == 200 => acknowledged += 1,
                    _ => return acknowledged,
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    eventually("some contacts are written", || (app.store.contacts_of_acme() > 50).then_some(()));
    app.stop();
    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.unwrap();
    }
    let contacts = app.store.contacts_of_acme() - 2;
    assert!(contacts >= acknowledged && contacts <= acknowledged + 8, "{contacts} of {acknowledged}");
}

#[tokio::test]
async fn an_http_1_1_request_needs_exactly_one_host_header() {
    let app = TestApp::start().await;
    let check = async |lines: &str, expected: &str| {
        let mut stream = connect(&app, &format!("GET /healthz {lines}Connection: close\r\n\r\n")).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(expected), "{lines:?}: {answer}");
    };
    check("HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 200 ").await;
    check("HTTP/1.1\r\n", "HTTP/1.1 400 ").await;
    check("HTTP/1.1\r\nHost: x\r\nHost: y\r\n", "HTTP/1.1 400 ").await;
    check("HTTP/1.0\r\n", "HTTP/1.0 200 ").await;
    check("HTTP/1.0\r\nHost: x\r\nHost: y\r\n", "HTTP/1.0 400 ").await;
}

#[tokio::test]
async fn ambiguous_body_framing_smuggles_no_request() {
    let app = TestApp::start().await;
    let smuggled = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let check = async |lines: &str, body: &str| {
        let request =
            format!("POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{lines}\r\n{body}");
        let mut stream = connect(&app, &format!("{request}{smuggled}")).await;
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines:?}: {answer}");
        assert!(!answer.contains("There is nothing at this path"), "{lines:?}: {answer}");
    };
    let chunked = "0\r\n\r\n";
    check("Content-Length: 6\r\nContent-Length: 0\r\n", "").await;
    check("Content-Length: +0\r\n", "").await;
    check("Content-Length: 0x0\r\n", "").await;
    check("Transfer-Encoding: identity\r\n", chunked).await;
    check("Transfer-Encoding: chunked, identity\r\n", chunked).await;
    check("Transfer-Encoding : chunked\r\n", chunked).await;
    check("X: y\r\n Content-Length: 0\r\n", "").await;
    check("Content-Length\r\n", "").await;
}

#[tokio::test]
async fn a_request_with_too_many_headers_is_refused() {
    let app = TestApp::start().await;
    let lines = (0..200).fold(String::new(), |lines, number| lines + &format!("X-{number}: y\r\n"));
    let mut stream = connect(&app, &format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{lines}\r\n")).await;
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn path_traversal_reaches_no_other_file() {
    let app = TestApp::start().await;
    for path in [
        "/../Cargo.toml",
        "/js/../../Cargo.toml",
        "/js/%2e%2e/index.html",
        "/js/..%2findex.html",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/js/..%5c..%5cindex.html",
        "/js/main.js%00.html",
        "//etc/passwd",
        "/js/",
        "/js",
        "/docs/../js/main.js",
    ] {
        let mut stream = connect(&app, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") || answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
}
