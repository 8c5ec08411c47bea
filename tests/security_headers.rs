//! Security headers of every response, whatever its status.

use muster::config::{BasePath, PublicUrl};
use muster::domain::access::Role;
use reqwest::Method;

use crate::support::{Client, Reply, TestApp};

/// The headers of responses that are no pages.
const DATA: [(&str, &str); 5] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The headers of pages, whose values differ.
const PAGES: [&str; 7] = [
    "content-security-policy",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

const SUMMARY: &str = "/enterprise/acme/contacts/summary";

async fn get(client: &Client, path: &str) -> Reply {
    Reply::to(client.request(Method::GET, path)).await
}

#[tokio::test]
async fn every_response_of_the_api_forbids_scripts_and_framing() {
    let app = TestApp::start().await;
    let (anonymous, viewer) = (app.anonymous(), app.client(Role::Viewer).await);
    let check = |reply: &Reply, status: u16| {
        assert_eq!(reply.status, status, "{}", reply.text());
        for (name, value) in DATA {
            let values: Vec<_> = reply.headers.get_all(name).iter().collect();
            assert_eq!(values, [value], "{name} of {status} {}", reply.text());
        }
        assert!(!reply.headers.contains_key("strict-transport-security"), "there is no TLS");
        assert!(reply.headers.contains_key("cache-control"));
    };
    check(&get(&viewer, SUMMARY).await, 200);
    check(&get(&viewer, SUMMARY).await, 200);
    check(&get(&viewer, "/enterprise").await, 200);
    check(&get(&viewer, "/metrics").await, 200);
    check(&get(&viewer, "/cache/events").await, 200);
    check(&get(&anonymous, "/healthz").await, 200);
    check(&get(&anonymous, "/enterprise").await, 401);
    check(&get(&viewer, "/tokens").await, 403);
    check(&get(&anonymous, "/nowhere").await, 404);
    check(&Reply::to(anonymous.request(Method::DELETE, "/healthz")).await, 405);
}

#[tokio::test]
async fn pages_have_policies_of_their_own_and_a_304_repeats_none() {
    let app = TestApp::start().await;
    let anonymous = app.anonymous();
    for path in ["/", "/js/main.js", "/docs", "/openapi.json"] {
        let page = get(&anonymous, path).await;
        for name in PAGES {
            assert_eq!(page.headers.get_all(name).iter().count(), 1, "{name} of {path}");
        }
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        // A header of a 304 would replace the one that the browser has stored.
        let conditional = anonymous.request(Method::GET, path).header("if-none-match", page.headers["etag"].clone());
        let unchanged = Reply::to(conditional).await;
        assert_eq!(unchanged.status, 304);
        assert_eq!(unchanged.headers.get("content-security-policy"), None, "{path}");
    }
}

#[tokio::test]
async fn hsts_is_sent_only_for_an_https_origin_without_a_base_path() {
    let check = async |origin: &str, base: Option<&str>, expected: Option<&str>| {
        let app = TestApp::start_with(|settings| {
            settings.http.public_url = PublicUrl::parse(origin);
            settings.http.base_path = base.map(|base| BasePath::parse(base).unwrap());
        })
        .await;
        let (anonymous, viewer) = (app.anonymous(), app.client(Role::Viewer).await);
        let path = |path: &str| format!("{}{path}", base.unwrap_or_default());
        for reply in [
            get(&anonymous, &path("/")).await,
            get(&anonymous, &path("/healthz")).await,
            get(&viewer, &path(SUMMARY)).await,
        ] {
            let sent = reply.headers.get("strict-transport-security").map(|value| value.to_str().unwrap());
            assert_eq!(sent, expected, "{origin}");
        }
    };
    check("https://muster.example", None, Some("max-age=2592000")).await;
    check("http://muster.example", None, None).await;
    // The host serves other applications, too.
    check("https://intranet.example", Some("/muster"), None).await;
}
