//! TLS: served, reloaded while the server runs, and refused where it cannot work.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion, version};
use serde_json::json;

use crate::support::{Exposition, TestServer, WireClient, WireReply, WorkDir, eventually, read_reply};

/// A connection with TLS.
type TlsConnection = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Longer than any limit of these servers, so that the server ends the connection.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A certificate authority that only the clients of these tests trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `localhost` that is valid until the end of a year, as PEM, and its key.
    fn issue(&self, year: i32) -> (String, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 12, 31));
        (params.signed_by(&key, &self.0).unwrap().pem(), key)
    }

    /// Writes a new certificate and its key where the server reads them.
    fn install(&self, dir: &WorkDir) {
        let (certificate, key) = self.issue(2040);
        dir.write("cert.pem", certificate);
        dir.write("key.pem", key.serialize_pem());
    }

    fn serve(&self, dir: &WorkDir, arguments: &[&str]) -> TestServer {
        self.install(dir);
        let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
        dir.serve_as(&dir.token("admin"), &[&tls, arguments].concat())
    }

    fn connect_by(&self, server: &TestServer, versions: &[&'static SupportedProtocolVersion]) -> TlsConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        BufReader::new(StreamOwned::new(tls, stream))
    }

    fn connect(&self, server: &TestServer) -> TlsConnection {
        self.connect_by(server, rustls::ALL_VERSIONS)
    }
}

fn send(connection: &mut TlsConnection, client: &WireClient, method: &str, path: &str, body: &str) -> WireReply {
    connection.get_mut().write_all(&client.request(method, path, &[], body.as_bytes())).unwrap();
    read_reply(connection).unwrap()
}

/// The certificate that the server presented.
fn shown(connection: &TlsConnection) -> CertificateDer<'static> {
    connection.get_ref().conn.peer_certificates().unwrap()[0].clone().into_owned()
}

#[test]
fn tls_is_served_and_reflected_in_links_cookies_and_headers() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let server = authority.serve(&dir, &[]);
    let client = server.client();
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let mut connection = authority.connect_by(&server, versions);
        // More than one record, and more than one request.
        for path in ["/healthz", "/docs/swagger-ui-bundle.js", "/readyz"] {
            send(&mut connection, &client, "GET", path, "").expect(200);
        }
        assert_eq!(connection.get_ref().conn.alpn_protocol(), Some(b"http/1.1".as_slice()));
    }
    let mut connection = authority.connect(&server);
    let token = json!({"token": dir.token("viewer")}).to_string();
    let signed_in = send(&mut connection, &client, "POST", "/session", &token).expect(200);
    assert_eq!(signed_in.header("strict-transport-security"), Some("max-age=2592000"));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-muster_session=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(server.log().contains(&format!("serving https://{}", server.address())), "{}", server.log());
    let listen = server.address().to_string();
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let link = dir.muster_ok(&[&["sign-in-link", "--listen", &listen], tls.as_slice()].concat());
    assert!(link.starts_with(&format!("https://{listen}/")), "{link}");
    let scraped = Exposition::read(&send(&mut connection, &client, "GET", "/metrics", "").text());
    assert_eq!(scraped.count("muster_tls_certificate_expiry_timestamp_seconds", &[]), 2_240_524_800);
}

#[test]
fn reload_succeeds_with_a_good_certificate_and_fails_with_the_reason_where_it_was_refused() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let none = dir.muster(&["reload"]);
    assert_eq!(
        (none.code, none.stderr.contains("no server has the data directory")),
        (Some(1), true),
        "{}",
        none.stderr
    );
    let server = authority.serve(&dir, &[]);
    let first = shown(&handshake(&authority, &server));
    authority.install(&dir);
    dir.muster_ok(&["reload"]);
    let second = shown(&handshake(&authority, &server));
    assert_ne!(first, second, "the new certificate is in use when the command ends");
    dir.write("key.pem", "nonsense");
    let refused = dir.muster(&["reload"]);
    assert_eq!(refused.code, Some(1));
    let expected = "muster: the old certificate stays in use: key.pem holds no private key";
    assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    assert_eq!(shown(&handshake(&authority, &server)), second);
    authority.install(&dir);
    dir.muster_ok(&["reload"]);
    drop(server);
    assert_eq!(dir.muster(&["reload"]).code, Some(1), "the server has ended");
    // Without a certificate there is nothing to refuse.
    let server = dir.serve();
    dir.muster_ok(&["reload"]);
    server.client().get("/readyz");
}

/// A new connection, after its handshake.
fn handshake(authority: &Authority, server: &TestServer) -> TlsConnection {
    let mut connection = authority.connect(server);
    send(&mut connection, &server.client(), "GET", "/healthz", "").expect(200);
    connection
}

#[test]
fn a_reloaded_certificate_is_used_from_the_next_handshake_and_ends_no_connection() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let server = authority.serve(&dir, &[]);
    let client = server.client();
    let mut old = authority.connect(&server);
    send(&mut old, &client, "GET", "/healthz", "").expect(200);
    authority.install(&dir);
    server.send_sighup();
    let new = eventually("a handshake gets the new certificate", || {
        let mut new = authority.connect(&server);
        send(&mut new, &client, "GET", "/healthz", "").expect(200);
        (shown(&new) != shown(&old)).then(|| shown(&new))
    });
    send(&mut old, &client, "GET", "/healthz", "").expect(200);

    // A broken file changes nothing, and is logged.
    dir.write("cert.pem", "-----BEGIN CERTIFICATE-----\nbroken\n");
    server.send_sighup();
    eventually("it is logged", || server.log().contains("the old certificate stays in use").then_some(()));
    let mut still = authority.connect(&server);
    let scraped = Exposition::read(&send(&mut still, &client, "GET", "/metrics", "").text());
    assert_eq!(shown(&still), new);
    assert_eq!(scraped.count("muster_tls_reload_failures_total", &[]), 1);
    send(&mut old, &client, "GET", "/healthz", "").expect(200);

    // Neither does the key of another certificate.
    authority.install(&dir);
    dir.write("key.pem", KeyPair::generate().unwrap().serialize_pem());
    server.send_sighup();
    eventually("it is logged", || server.log().contains("is not that of the first certificate").then_some(()));
    let mut still = authority.connect(&server);
    send(&mut still, &client, "GET", "/healthz", "").expect(200);
    assert_eq!(shown(&still), new);
}

#[test]
fn a_server_with_tls_comes_back_from_its_own_backup_alone() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let server = authority.serve(&dir, &["--backup-certificates", "on"]);
    let client = server.client();
    let mut connection = authority.connect(&server);
    let made = send(&mut connection, &client, "POST", "/backup", "").expect(201).json();
    let (old, files) = (shown(&connection), ["cert.pem", "key.pem"].map(|name| dir.read(name)));
    drop((connection, server));
    for name in ["cert.pem", "key.pem"] {
        std::fs::remove_file(dir.path(name)).unwrap();
    }
    std::fs::rename(made["backup"]["file"].as_str().unwrap(), dir.path("x.db")).unwrap();
    std::fs::remove_dir_all(dir.data_dir()).unwrap();
    dir.muster_ok(&["restore", "x.db", "--with-settings", "--yes"]);
    assert!(["cert.pem", "key.pem"].map(|name| dir.read(name)) == files, "they differ");
    // The settings name both, so no flag does.
    let server = dir.serve_as(&dir.token("admin"), &[]);
    let mut connection = authority.connect(&server);
    send(&mut connection, &server.client(), "GET", "/readyz", "").expect(200);
    assert_eq!(shown(&connection), old);
}

#[test]
fn an_unusable_certificate_is_refused_at_the_start_in_one_line() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let (certificate, key) = authority.issue(2040);
    let (expired, key_of_expired) = authority.issue(2021);
    dir.write("cert.pem", &certificate);
    dir.write("key.pem", key.serialize_pem());
    dir.write("expired.pem", expired);
    dir.write("key-of-expired.pem", key_of_expired.serialize_pem());
    dir.write("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    dir.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    dir.write("empty.pem", "");
    dir.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    dir.write("no-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let check = |cert: &str, key: &str, expected: &str| {
        let ended = dir.muster(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        let expected = format!("muster: TLS cannot be set up: {expected}");
        assert!(
            ended.stderr.starts_with(&expected) && ended.stderr.lines().count() == 1,
            "{expected}\n{}",
            ended.stderr
        );
        assert!(!dir.exists("muster-data"), "nothing was begun");
    };
    check("none.pem", "key.pem", "the certificate file none.pem cannot be read: No such file");
    check("cert.pem", "none.pem", "the private key file none.pem cannot be read: No such file");
    check("empty.pem", "key.pem", "empty.pem holds no certificate; PEM begins with");
    check("key.pem", "key.pem", "key.pem holds no certificate; PEM begins with");
    check("broken.pem", "key.pem", "broken.pem is not valid PEM: ");
    check("garbage.pem", "key.pem", "garbage.pem holds a certificate that cannot be used: ");
    check("cert.pem", "cert.pem", "cert.pem holds no private key; PEM begins with");
    check("cert.pem", "encrypted.pem", "encrypted.pem holds a private key that is encrypted");
    check("cert.pem", "no-key.pem", "no-key.pem holds a private key that cannot be used: ");
    let mismatch = "the private key in key-of-expired.pem is not that of the first certificate in cert.pem";
    check("cert.pem", "key-of-expired.pem", mismatch);
    let at = "the certificate in expired.pem expired at 2021-12-31T00:00:00.000Z; renew it";
    check("expired.pem", "key-of-expired.pem", at);
    let alone = dir.muster(&["serve", "--tls-cert", "cert.pem"]);
    let expected = "muster: tls-cert in --tls-cert needs tls-key, too\n";
    assert_eq!((alone.code, alone.stderr.as_str()), (Some(2), expected));
}

#[test]
fn a_private_key_may_be_in_sec1_form() {
    // What is inside PKCS #8 for this curve is the key in the form of SEC 1.
    const INNER: [u8; 4] = [0x04, 0x6d, 0x30, 0x6b];
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let (certificate, key) = authority.issue(2040);
    let der = key.serialize_der();
    let inner = der.windows(INNER.len()).position(|bytes| bytes == INNER).unwrap() + 2;
    let text = BASE64.encode(&der[inner..]);
    dir.write("cert.pem", certificate + &authority.0.pem());
    dir.write("key.pem", format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n"));
    let server = dir.serve_as(&dir.token("admin"), &["--tls-cert", "cert.pem", "--tls-key", "key.pem"]);
    let mut connection = authority.connect(&server);
    send(&mut connection, &server.client(), "GET", "/healthz", "").expect(200);
    assert_eq!(connection.get_ref().conn.peer_certificates().unwrap().len(), 2, "the whole chain");
}

#[test]
fn a_client_without_tls_gets_an_error_and_is_disconnected() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    let server = authority.serve(&dir, &["--header-read-timeout", "1s"]);
    let answer_to = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it was not ended"),
            // A connection that is closed with unread data ends with a reset.
            _ => String::from_utf8_lossy(&answer).into_owned(),
        }
    };
    let answer = answer_to(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nThis port speaks TLS; begin with https://.\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())) && head.contains("Connection: close"), "{head}");
    assert_eq!(answer_to(b"\x00\x01garbage"), "");
    assert_eq!(answer_to(b""), "", "a client that says nothing is cut");
    assert_eq!(answer_to(b"\x16\x03\x01"), "", "and so is one that begins to shake hands and stops");
    let mut connection = authority.connect(&server);
    send(&mut connection, &server.client(), "GET", "/healthz", "").expect(200);
}

#[test]
fn sighup_without_a_certificate_changes_nothing() {
    let dir = WorkDir::new();
    let server = dir.serve();
    server.send_sighup();
    eventually("it is logged", || server.log().contains("SIGHUP: there is no certificate").then_some(()));
    server.client().send("GET", "/healthz", "").expect(200);
}

#[test]
fn demo_traffic_is_refused_with_tls() {
    let (authority, dir) = (Authority::new(), WorkDir::new());
    authority.install(&dir);
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let refused = dir.muster(&[&["demo", "--traffic"], tls.as_slice()].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--traffic sends plain HTTP"), "{}", refused.stderr);
}
