//! Requests to servers on this machine.

mod servers;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, Response};

use super::resolver::{Addresses, Resolve};
use super::{Outbound, OutboundError, OutboundSettings, Proxy, Target};
use servers::{Authority, LOOPBACK, TestServer, silent};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Short, for limits that are meant to be met.
const SOON: Duration = Duration::from_millis(50);

/// With an authority for the tests that use no TLS, since a system may have none.
fn settings(authority: &Authority) -> OutboundSettings {
    OutboundSettings::new(Some(authority.file()), None)
}

/// Every name is at these addresses.
fn resolver(addresses: &[IpAddr]) -> Resolve {
    let addresses = addresses.to_owned();
    Arc::new(move |_| -> Addresses { Box::pin(std::future::ready(Ok(addresses.clone()))) })
}

/// No name is looked up.
fn no_resolver() -> Resolve {
    Arc::new(|name| -> Addresses { Box::pin(async move { panic!("{name} is looked up") }) })
}

async fn get(
    settings: &OutboundSettings,
    resolve: Resolve,
    target: &str,
    path: &str,
) -> Result<Response<Bytes>, OutboundError> {
    let outbound = Outbound::with_resolver(settings, resolve)?;
    outbound.send(&Target::parse(target).unwrap(), Request::get(path).body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn a_request_goes_to_the_path_below_its_target_and_its_response_comes_back() {
    let server = TestServer::plain("HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello").await;
    let outbound = Outbound::with_resolver(&settings(&Authority::new()), resolver(&[LOOPBACK])).unwrap();
    let target = Target::parse(&format!("http://login.example.com:{}/realm", server.port)).unwrap();
    let request = Request::post("/token?x=1").header("X-C", "d").body(Bytes::from_static(b"code=1")).unwrap();
    let response = outbound.send(&target, request).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["x-a"], &response.body()[..]),
        (404, &hyper::header::HeaderValue::from_static("b"), &b"hello"[..])
    );
    let [head] = &server.heads()[..] else { panic!("{:?}", server.heads()) };
    assert!(head.starts_with("POST /realm/token?x=1 HTTP/1.1\r\n"), "{head}");
    for line in [&format!("host: login.example.com:{}", server.port), "x-c: d", "content-length: 6"] {
        assert!(head.to_lowercase().contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    assert!(head.contains("muster/"), "{head}");
}

#[tokio::test]
async fn a_request_cannot_name_another_server_than_its_target() {
    let authority = Authority::new();
    for path in ["http://elsewhere.example.com/", "elsewhere.example.com:443", "*"] {
        let refused = get(&settings(&authority), no_resolver(), "http://login.example.com", path).await;
        assert!(matches!(refused, Err(OutboundError::Path(_))), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn certificates_of_the_ca_file_are_accepted_and_others_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = TestServer::tls(&ours, &["login.example.com"], HELLO).await;
    let url = |name: &str| format!("https://{name}:{}", server.port);
    let ask = async |authority: &Authority, name: &str| {
        get(&settings(authority), resolver(&[LOOPBACK]), &url(name), "/").await
    };
    assert_eq!(ask(&ours, "login.example.com").await.unwrap().body(), "hello");
    let of_unknown_authority = ask(&theirs, "login.example.com").await;
    assert!(matches!(of_unknown_authority, Err(OutboundError::Tls { .. })), "{of_unknown_authority:?}");
    let for_another_name = ask(&ours, "mail.example.com").await;
    assert!(matches!(for_another_name, Err(OutboundError::Tls { .. })), "{for_another_name:?}");
    assert_eq!(server.heads().len(), 1, "nothing is sent to a server that is not trusted");
}

#[test]
fn a_ca_file_that_cannot_be_used_is_refused_with_its_name() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let check = |content: Option<&str>, expected: &str| {
        let path = folder.path().join("authorities.pem");
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => assert!(!path.exists()),
        }
        let error = Outbound::new(&OutboundSettings::new(Some(path.clone()), None)).err().unwrap().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains(expected), "{error}");
    };
    check(None, "cannot be read");
    check(Some("no PEM"), "holds no certificate");
    check(Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), "is not valid PEM");
    check(Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "cannot be used");
    let usable = std::fs::read_to_string(authority.file()).unwrap();
    let cut_off = usable.replace("-----END CERTIFICATE-----", "");
    check(Some(&cut_off), "is not valid PEM");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_of_the_proxy_which_resolves_the_name() {
    let authority = Authority::new();
    let server = TestServer::tls(&authority, &["login.example.com"], HELLO).await;
    let proxy = servers::TestProxy::start("200 OK").await;
    let mut settings = settings(&authority);
    settings.proxy = Some(Proxy::parse(&format!("http://127.0.0.1:{}", proxy.port)).unwrap());
    let url = format!("https://login.example.com:{}", server.port);
    let response = get(&settings, no_resolver(), &url, "/certs").await.unwrap();
    assert_eq!(response.body(), "hello");
    let [head] = &proxy.heads()[..] else { panic!("{:?}", proxy.heads()) };
    assert!(head.starts_with(&format!("CONNECT login.example.com:{} HTTP/1.1\r\n", server.port)), "{head}");
    assert!(server.heads()[0].starts_with("GET /certs HTTP/1.1\r\n"));
}

#[tokio::test]
async fn plain_requests_are_handed_to_the_proxy_whole() {
    let authority = Authority::new();
    let proxy = servers::TestProxy::start("200 OK").await;
    let mut settings = settings(&authority);
    settings.proxy = Some(Proxy::parse(&format!("http://proxy.example.com:{}", proxy.port)).unwrap());
    let response = get(&settings, resolver(&[LOOPBACK]), "http://intranet.example.com/hook", "/a?b").await.unwrap();
    assert_eq!(response.status(), 200);
    let [head] = &proxy.heads()[..] else { panic!("{:?}", proxy.heads()) };
    assert!(head.starts_with("GET http://intranet.example.com/hook/a?b HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\nhost: intranet.example.com\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_its_status() {
    let authority = Authority::new();
    let proxy = servers::TestProxy::start("403 Forbidden").await;
    let mut settings = settings(&authority);
    settings.proxy = Some(Proxy::parse(&format!("http://127.0.0.1:{}", proxy.port)).unwrap());
    let refused = get(&settings, no_resolver(), "https://login.example.com", "/").await;
    assert!(matches!(refused, Err(OutboundError::ProxyRefused { status: 403, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_redirect_is_returned_and_not_followed() {
    let elsewhere = TestServer::plain(HELLO).await;
    let to = format!("http://login.example.com:{}/there", elsewhere.port);
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let server = TestServer::plain(redirect).await;
        let url = format!("http://login.example.com:{}", server.port);
        let response = get(&settings(&Authority::new()), resolver(&[LOOPBACK]), &url, "/").await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (status, &*to));
    }
    assert!(elsewhere.heads().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_a_link_local_address_is_refused() {
    let authority = Authority::new();
    let server = TestServer::plain(HELLO).await;
    let url = format!("http://metadata.example.com:{}", server.port);
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"] {
        let address: IpAddr = address.parse().unwrap();
        // Also where another address of the same name could be connected to.
        for addresses in [&[address][..], &[LOOPBACK, address]] {
            let refused = get(&settings(&authority), resolver(addresses), &url, "/").await;
            let is_refused =
                matches!(&refused, Err(OutboundError::RefusedAddress { address: at, .. }) if *at == address);
            assert!(is_refused, "{refused:?}");
        }
    }
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn what_is_connected_to_is_what_was_checked() {
    let authority = Authority::new();
    let server = TestServer::plain(HELLO).await;
    // The second look-up would lead elsewhere, as the name servers of somebody who rebinds a name say.
    let lookups = Arc::new(AtomicUsize::new(0));
    let resolve: Resolve = Arc::new({
        let lookups = Arc::clone(&lookups);
        move |_| -> Addresses {
            let first = lookups.fetch_add(1, Ordering::Relaxed) == 0;
            let address = if first { LOOPBACK } else { "169.254.169.254".parse().unwrap() };
            Box::pin(std::future::ready(Ok(vec![address])))
        }
    });
    let outbound = Outbound::with_resolver(&settings(&authority), resolve).unwrap();
    let target = Target::parse(&format!("http://rebound.example.com:{}", server.port)).unwrap();
    let send = async || outbound.send(&target, Request::get("/").body(Bytes::new()).unwrap()).await;
    assert_eq!(send().await.unwrap().body(), "hello");
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    let rebound = send().await;
    assert!(matches!(rebound, Err(OutboundError::RefusedAddress { .. })), "{rebound:?}");
}

#[tokio::test]
async fn the_next_address_of_a_name_is_tried_when_one_does_not_answer() {
    let server = TestServer::plain(HELLO).await;
    let url = format!("http://login.example.com:{}", server.port);
    // Nothing listens at the first one.
    let addresses = ["127.0.0.2".parse().unwrap(), LOOPBACK];
    let response = get(&settings(&Authority::new()), resolver(&addresses), &url, "/").await.unwrap();
    assert_eq!(response.body(), "hello");
}

#[tokio::test]
async fn a_name_without_an_address_and_a_server_that_is_down_are_told_apart() {
    let authority = Authority::new();
    let unknown: Resolve = Arc::new(|_| -> Addresses { Box::pin(async { Err(io::Error::other("no such name")) }) });
    let unresolved = get(&settings(&authority), unknown, "http://login.example.com", "/").await;
    assert!(matches!(unresolved, Err(OutboundError::Resolve { .. })), "{unresolved:?}");
    for addresses in [&[][..], &["127.0.0.2".parse().unwrap()]] {
        let down = get(&settings(&authority), resolver(addresses), "http://login.example.com:1", "/").await;
        assert!(matches!(down, Err(OutboundError::Connect { .. })), "{down:?}");
    }
}

#[tokio::test]
async fn the_time_to_connect_is_bounded() {
    let authority = Authority::new();
    let settings = OutboundSettings { connect_timeout: SOON, ..settings(&authority) };
    let never: Resolve = Arc::new(|_| -> Addresses { Box::pin(std::future::pending()) });
    let unresolved = get(&settings, never, "http://login.example.com", "/").await;
    assert!(matches!(unresolved, Err(OutboundError::ConnectTimeout { .. })), "{unresolved:?}");
    // TLS counts as connecting.
    let url = format!("https://login.example.com:{}", silent().await);
    let without_tls = get(&settings, resolver(&[LOOPBACK]), &url, "/").await;
    assert!(matches!(without_tls, Err(OutboundError::ConnectTimeout { .. })), "{without_tls:?}");
    // And so does the proxy.
    let proxy = Some(Proxy::parse(&format!("http://127.0.0.1:{}", silent().await)).unwrap());
    let without_tunnel = get(&OutboundSettings { proxy, ..settings }, no_resolver(), &url, "/").await;
    assert!(matches!(without_tunnel, Err(OutboundError::ConnectTimeout { .. })), "{without_tunnel:?}");
}

#[tokio::test]
async fn the_time_of_a_whole_request_is_bounded() {
    let authority = Authority::new();
    let settings = OutboundSettings { total_timeout: SOON, ..settings(&authority) };
    let url = format!("http://login.example.com:{}", silent().await);
    let unanswered = get(&settings, resolver(&[LOOPBACK]), &url, "/").await;
    assert!(matches!(unanswered, Err(OutboundError::Timeout { .. })), "{unanswered:?}");
}

#[tokio::test]
async fn the_size_of_a_response_is_bounded() {
    let authority = Authority::new();
    let check = async |response: &str, expected: Result<&str, ()>| {
        let server = TestServer::plain(response).await;
        let settings = OutboundSettings { response_bytes_max: 5, ..settings(&authority) };
        let url = format!("http://login.example.com:{}", server.port);
        match (get(&settings, resolver(&[LOOPBACK]), &url, "/").await, expected) {
            (Ok(response), Ok(body)) => assert_eq!(response.body(), body),
            (Err(OutboundError::TooLarge { limit: 5, .. }), Err(())) => {}
            (other, _) => panic!("{response:?}: {other:?}"),
        }
    };
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok("hello")).await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!", Err(())).await;
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Ok("hello")).await;
    check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n2\r\no!\r\n0\r\n\r\n", Err(())).await;
    check("HTTP/1.1 200 OK\r\n\r\nhello", Ok("hello")).await;
    check("HTTP/1.1 200 OK\r\n\r\nhello!", Err(())).await;
}

#[tokio::test]
async fn a_response_with_an_endless_head_or_cut_off_is_no_response() {
    let authority = Authority::new();
    let endless = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(1024 * 1024));
    for response in [&endless, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "no HTTP\r\n\r\n", ""] {
        let server = TestServer::plain(response).await;
        let url = format!("http://login.example.com:{}", server.port);
        let failed = get(&settings(&authority), resolver(&[LOOPBACK]), &url, "/").await;
        assert!(matches!(failed, Err(OutboundError::Http { .. })), "{failed:?}");
    }
}
