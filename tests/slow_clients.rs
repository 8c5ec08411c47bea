//! Clients that send or read too slowly, or open too many connections, are disconnected, and their permits are
//! released.

use std::time::{Duration, Instant};

use muster::config::Network;
use muster::domain::access::Role;
use muster::domain::contacts::{ContactFields, ContactInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Client, Exposition, TestApp, WorkDir, employee};

/// How long to wait for a condition. Generous, since it only matters when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a transfer may be idle in these tests.
const IDLE_TIME_MAX: Duration = Duration::from_millis(200);

/// The receive buffer of a client in bytes: as small as systems allow, so that the rest is queued at the server.
const RECEIVE_BUFFER_BYTES: u32 = 4_096;

/// Contacts with long notes, more than the buffers of any system hold.
const CONTACTS: usize = 400;

async fn connect(app: &TestApp, text: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
    let mut stream = socket.connect(app.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Everything that the server sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that the server cut may end with a reset.
    let _ = tokio::time::timeout(WAIT_MAX, stream.read_to_end(&mut bytes)).await.expect("it ends");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get(client: &Client, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", client.token())
}

fn post(client: &Client, path: &str, content_type: &str, len: usize) -> String {
    let token = client.token();
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {len}\r\n\r\n"
    )
}

/// A server with much data to send, and one permit for transfers.
async fn app() -> TestApp {
    let app = TestApp::start_with(|settings| {
        settings.transfer_limits.download_idle_time_max = IDLE_TIME_MAX;
        settings.transfer_limits.upload_idle_time_max = IDLE_TIME_MAX;
        settings.http_limits.transfers_max = 1;
    })
    .await;
    app.write(|tx| {
        for number in 0..CONTACTS {
            let fields =
                ContactFields { name: number.to_string(), notes: "x".repeat(20_000), ..ContactFields::default() };
            let info = ContactInfo::parse(fields).unwrap();
            tx.add_contact(&muster::domain::access::Reach::Installation, &employee("u1"), &info, "AddContact")?;
        }
        Ok(())
    })
    .await;
    app
}

/// A request whose response has started and is not read any further.
async fn start_response(app: &TestApp, request: &str) -> TcpStream {
    let mut stream = connect(app, request).await;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

/// Repeats a request until its response has this status.
async fn until(client: &Client, path: &str, status: u16) {
    let begun = Instant::now();
    while client.get(path).await.status != status {
        assert!(begun.elapsed() < WAIT_MAX, "{path} never answered {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until no connection is open except for this client's.
async fn until_alone(client: &Client) {
    let begun = Instant::now();
    while Exposition::read(&client.get("/metrics").await.text()).count("muster_http_connections", &[]) != 1 {
        assert!(begun.elapsed() < WAIT_MAX, "a connection is still open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_gets_408_and_changes_nothing() {
    let app = TestApp::start_with(|settings| settings.http.request_timeout = Duration::from_millis(100)).await;
    let contributor = app.client(Role::Contributor).await;
    let body = r#"{"userId":"u1","contactInfo":{"name":"Grace"}}"#;
    let head = post(&contributor, "/AddContact", "application/json", body.len());
    for keep in [0, 1, body.len() - 1] {
        let mut stream = connect(&app, &format!("{head}{}", &body[..keep])).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("problem+json"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.contains("The body did not arrive within 0 s; nothing was changed"), "{answer}");
    }
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_announced_and_not_sent_take_no_memory() {
    const CLIENTS: usize = 200;
    const ANNOUNCED: usize = 1 << 20;
    let dir = WorkDir::new();
    let server = dir.serve();
    let mut client = server.client();
    client.send("GET", "/healthz", "").expect(200);
    let Some((_, before)) = server.memory() else { return };
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let request = client.request("POST", "/AddContact", &[("Expect", "100-continue")], &vec![b' '; ANNOUNCED]);
        let head = request.len() - ANNOUNCED;
        stream.write_all(&request[..head]).await.unwrap();
        // The handler has started to read.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&request[head..head + 1_000]).await.unwrap();
        clients.push(stream);
    }
    client.send("GET", "/healthz", "").expect(200);
    let (_, held) = server.memory().unwrap();
    let each = held.saturating_sub(before) / CLIENTS as u64;
    assert!(each < ANNOUNCED as u64 / 8, "{each} bytes for each");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_trickles_releases_its_transfer_permit() {
    let app = TestApp::start_with(|settings| {
        settings.transfer_limits.upload_idle_time_max = IDLE_TIME_MAX;
        settings.http_limits.transfers_max = 1;
    })
    .await;
    let manager = app.client(Role::Manager).await;
    let path = "/enterprise/acme/contacts/import?employee=u1";
    let mut stream = connect(&app, &post(&manager, path, "text/csv", 100_000)).await;
    let trickle = tokio::spawn(async move {
        // Never idle for long, and always too slow.
        let mut sent = 0;
        while stream.write_all(b"n").await.is_ok() && sent < 10_000 {
            sent += 1;
            let readable = tokio::time::timeout(IDLE_TIME_MAX / 20, stream.readable()).await;
            if readable.is_ok() {
                break;
            }
        }
        (sent, rest(&mut stream).await)
    });
    let (sent, answer) = trickle.await.unwrap();
    assert!((2..10_000).contains(&sent), "it was cut while it trickled: {sent}");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("fewer than 1024 bytes a second"), "{answer}");
    manager.upload(path, "name,email\nAda,ada@contoso.example\n").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_response_is_disconnected() {
    const REQUESTS: usize = 40;
    let app = app().await;
    let viewer = app.client(Role::Viewer).await;
    let path = "/enterprise/acme/contacts/details";
    viewer.get(path).await.expect(200);
    let len = viewer.get(path).await.body.len();
    assert!(len > 1_000_000, "{len}");
    let mut stream = start_response(&app, &get(&viewer, path).repeat(REQUESTS)).await;
    until_alone(&viewer).await;
    let received = rest(&mut stream).await.len();
    assert!(received < REQUESTS * len, "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_not_read_releases_its_transfer_permit() {
    let app = app().await;
    let manager = app.client(Role::Manager).await;
    let path = "/enterprise/acme/contacts/export";
    let stream = start_response(&app, &get(&manager, path)).await;
    assert_eq!(manager.get(path).await.status, 503);
    until(&manager, path, 200).await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_block_no_client_beyond_the_header_timeout() {
    let app = TestApp::start_with(|settings| {
        settings.server.connections_max = 2;
        settings.server.header_read_timeout = IDLE_TIME_MAX;
    })
    .await;
    let silent = [connect(&app, "").await, connect(&app, "GET / HTTP/1.1\r\nHos").await];
    app.anonymous().get("/healthz").await.expect(200);
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_connection_unless_it_is_a_trusted_proxy() {
    const EACH_MAX: usize = 3;
    const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let check = async |trusted: &str| {
        let app = TestApp::start_with(|settings| {
            settings.server.connections_per_address_max = EACH_MAX;
            settings.server.trusted_proxy = vec![Network::parse(trusted).unwrap()];
        })
        .await;
        let mut kept = Vec::new();
        for _ in 0..EACH_MAX {
            kept.push(start_response(&app, REQUEST).await);
        }
        let mut further = connect(&app, &REQUEST.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)).await;
        let answer = rest(&mut further).await;
        let is_served = answer.starts_with("HTTP/1.1 200");
        kept.pop();
        let begun = Instant::now();
        while !rest(&mut connect(&app, &REQUEST.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)).await)
            .await
            .starts_with("HTTP/1.1 200")
        {
            assert!(begun.elapsed() < WAIT_MAX, "a connection that ended makes room");
        }
        is_served
    };
    assert!(!check("10.0.0.0/8").await);
    assert!(check("127.0.0.1").await);
}
