//! With a base path everything is served below it, and outside of it only the probes.

use muster::config::BasePath;
use muster::domain::access::Role;
use reqwest::{Method, redirect};
use serde_json::json;

use crate::support::{Client, Exposition, TestApp, WorkDir, eventually};

const BASE: &str = "/tools/muster";

async fn app() -> TestApp {
    TestApp::start_with(|settings| settings.http.base_path = BasePath::parse(BASE)).await
}

#[tokio::test]
async fn only_the_probes_are_served_outside_of_the_base_path() {
    let app = app().await;
    let admin = app.client(Role::Admin).await;
    let pages = ["/", "/js/main.js", "/css/base.css", "/docs", "/docs/swagger-ui.css", "/api/docs/icon.svg"];
    let api =
        ["/enterprise", "/api/enterprise", "/cache/stats", "/metrics", "/openapi.json", "/healthz", "/api/readyz"];
    for path in pages.iter().chain(&api) {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
    }
    assert_eq!(admin.get("/nowhere").await.problem(404), "There is nothing at this path");

    let root = Client::at(app.address()).with_token(admin.token());
    for path in pages.iter().chain(&api).filter(|path| **path != "/healthz") {
        let message = root.get(path).await.problem(404);
        assert_eq!(message, format!("There is nothing at this path; everything is below {BASE}/"), "{path}");
    }
    for path in
        ["/tools", "/tools/", "/tools/muster-other/", "/tools/Muster/", "/tools/muster%2f", "/api/tools/muster/"]
    {
        root.get(path).await.problem(404);
    }
    for probe in ["/healthz", "/readyz"] {
        root.get(probe).await.expect(200);
    }
}

#[tokio::test]
async fn the_base_path_without_its_slash_redirects_to_the_dashboard() {
    let app = app().await;
    let http = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
    let check = async |method: Method, path: &str, location: &str| {
        let response = http.request(method, format!("http://{}{path}", app.address())).send().await.unwrap();
        assert_eq!(response.status(), 308, "{path}");
        // Without the host, since clients know only the proxy's.
        assert_eq!(response.headers()["location"], location, "{path}");
        assert!(response.headers().contains_key("x-request-id"), "{path}");
    };
    check(Method::GET, "/tools/muster", "/tools/muster/").await;
    check(Method::HEAD, "/tools/muster?a=b%20c", "/tools/muster/?a=b%20c").await;
    let page = Client::below(app.root().to_owned()).get("").await;
    assert_eq!((page.status, page.text().contains("<title>Muster</title>")), (200, true));
}

#[tokio::test]
async fn the_openapi_document_lists_servers_below_the_base_path() {
    let app = app().await;
    let document = app.anonymous().get("/openapi.json").await.json();
    let servers: Vec<_> = document["servers"].as_array().unwrap().iter().map(|server| &server["url"]).collect();
    assert_eq!(servers, [&json!("/tools/muster"), &json!("/tools/muster/api")]);
    assert!(document["paths"]["/healthz"].is_object(), "paths stay those of the API");
}

#[tokio::test]
async fn the_session_cookie_is_limited_to_the_base_path() {
    let app = app().await;
    let admin = app.client(Role::Admin).await;
    let reply = app.anonymous().post("/session", json!({"token": admin.token()})).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("muster_session.tools.muster="), "{cookie}");
    assert!(cookie.contains("; Path=/tools/muster;"), "{cookie}");
    let browser = admin.browser().await;
    browser.get("/session").await.expect(200);
    browser.delete("/cache/clear").await.expect(200);
    let origin = format!("http://{}", app.address());
    let by_origin = browser.request_from(Method::DELETE, "/cache/clear", &[("origin", &origin)]);
    assert_eq!(by_origin.send().await.unwrap().status(), 200, "an origin has no path");
    let signed_out = browser.delete("/session").await;
    let taken = signed_out.headers["set-cookie"].to_str().unwrap();
    assert!(taken.contains("Path=/tools/muster; Max-Age=0"), "{taken}");
}

#[tokio::test]
async fn metrics_label_routes_without_the_base_path() {
    let app = app().await;
    let viewer = app.client(Role::Viewer).await;
    viewer.get("/enterprise").await.expect(200);
    viewer.get("/enterprise/acme").await.expect(200);
    Client::at(app.address()).get(BASE).await;
    Client::at(app.address()).get("/elsewhere").await.problem(404);
    let text = viewer.get("/metrics").await.text();
    assert!(!text.contains("tools"), "{text}");
    let scraped = Exposition::read(&text);
    for (route, status, count) in [("/enterprise/{enterpriseId}", "200", 1), ("(none)", "404", 1), ("(none)", "308", 1)]
    {
        let labels = [("method", "GET"), ("route", route), ("status", status)];
        assert_eq!(scraped.count("muster_http_requests_total", &labels), count, "{route} {status}");
    }
}

#[test]
fn links_that_the_commands_print_contain_the_base_path() {
    let dir = WorkDir::new();
    let server = dir.serve_as("", &["--base-path", "/muster"]);
    let address = server.address();
    let log =
        eventually("it logs how to sign in", || Some(server.log()).filter(|log| log.contains("A token for programs")));
    assert!(log.contains(&format!("serving http://{address}/muster")), "{log}");
    assert!(log.contains(&format!("http://{address}/muster/#/sign-in/")), "{log}");
    // The command that it names finds the server, and with it the base path.
    assert!(log.contains("muster sign-in-link --data-dir muster-data\n"), "{log}");
    let own = dir.muster_ok(&["sign-in-link", "--data-dir", "muster-data"]);
    assert!(own.starts_with(&format!("http://{address}/muster/#/sign-in/")), "{own}");
    let link = |arguments: &[&str]| dir.muster_ok(&[&["sign-in-link"], arguments].concat());
    let check = |arguments: &[&str], begins: &str| {
        let link = link(&[&["--base-path", "/muster"], arguments].concat());
        assert!(link.starts_with(begins), "{link}");
    };
    check(&[], "http://127.0.0.1:8383/muster/#/sign-in/");
    check(&["--public-url", "https://a.example"], "https://a.example/muster/#/sign-in/");
    check(&["--public-url", "https://a.example/muster/"], "https://a.example/muster/#/sign-in/");
    let refused = dir.muster(&["serve", "--base-path", "/muster", "--public-url", "https://a.example/x"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}
