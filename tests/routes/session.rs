//! Signing in and out, and what a session may do.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use muster::access::Access;
use muster::access::links::{MintedLink, mint_link};
use muster::clock::Clock;
use muster::config::PublicUrl;
use muster::domain::access::{Reach, Role, SESSIONS_PER_TOKEN_MAX};
use muster::store::Actor;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Events, NOTICE_ROUNDS, Reply, TestApp, assert_noticed_in_time, at};

const MINUTE: Duration = Duration::from_mins(1);

/// One millisecond less than this span.
fn almost(span: Duration) -> Duration {
    span.saturating_sub(Duration::from_millis(1))
}

fn midday() -> Clock {
    Clock::manual(at("2026-11-22T12:00:00Z"))
}

async fn link(app: &TestApp) -> MintedLink {
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    link
}

async fn sign_in(client: &Client, with: Value) -> Reply {
    client.post("/session", with).await
}

fn set_cookie(reply: &Reply) -> &str {
    reply.headers["set-cookie"].to_str().unwrap()
}

/// The id of a browser's session.
async fn id_of(browser: &Client) -> String {
    browser.get("/session").await.expect(200)["session"]["id"].as_str().unwrap().to_owned()
}

/// The audit log: action, target, actor, and the state before or after.
fn audited(app: &TestApp) -> Vec<[String; 4]> {
    let connection = app.store.directory().raw_reader();
    let sql = "SELECT action, target, actor, coalesce(before, after) FROM audit ORDER BY id";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn signing_in_with_a_token_sets_an_http_only_cookie() {
    let app = TestApp::start_at(midday(), |_| {}).await;
    let holder = app.enterprise_client(Role::Manager, "acme").await;
    let reply = sign_in(&app.anonymous(), json!({"token": format!(" {} ", holder.token())})).await;
    let signed_in = reply.expect(200)["session"].clone();
    assert_eq!((&signed_in["name"], &signed_in["role"]), (&json!("manager"), &json!("manager")));
    assert_eq!(signed_in["enterpriseId"], "acme");
    assert_eq!(signed_in["createdAt"], "2026-11-22T12:00:00.000Z");
    assert_eq!(signed_in["expiresAt"], "2026-11-23T00:00:00.000Z");
    let (secret, attributes) = set_cookie(&reply).split_once(';').unwrap();
    assert_eq!(attributes, " HttpOnly; SameSite=Strict; Path=/; Max-Age=43200");
    let secret = secret.strip_prefix("muster_session=").unwrap();
    // 256 bits in base64url after the id.
    assert_eq!(secret.split_once('.').unwrap().1.len(), 43);
    assert!(!reply.text().contains(secret), "no script may read it");
    assert_eq!(reply.headers["cache-control"], "no-store");

    let browser = holder.browser().await;
    let shown = browser.get("/session").await.expect(200)["session"].clone();
    for field in ["name", "role", "enterpriseId", "tokenId", "createdAt", "expiresAt"] {
        assert_eq!(shown[field], signed_in[field], "{field}");
    }
    browser.get("/enterprise/acme").await.expect(200);
    browser.get("/enterprise/globex").await.problem(404);
    let bearer = holder.get("/session").await.expect(200)["session"].clone();
    assert_eq!((&bearer["id"], &bearer["tokenId"]), (&Value::Null, &signed_in["tokenId"]));
    assert_eq!((&bearer["role"], &bearer["expiresAt"]), (&json!("manager"), &Value::Null));
    app.anonymous().get("/session").await.problem(401);
}

#[tokio::test]
async fn with_an_https_public_origin_the_cookie_is_secure() {
    let url = PublicUrl::parse("https://muster.example");
    let app = TestApp::start_at(midday(), |settings| settings.http.public_url = url).await;
    let holder = app.client(Role::Viewer).await;
    let reply = sign_in(&app.anonymous(), json!({"token": holder.token()})).await;
    let cookie = set_cookie(&reply).to_owned();
    assert!(
        cookie.starts_with("__Host-muster_session=") && cookie.ends_with("; Path=/; Max-Age=43200; Secure"),
        "{cookie}"
    );
    let pair = cookie.split(';').next().unwrap();
    let get = |cookie: String| Reply::to(app.anonymous().request(Method::GET, "/enterprise").header("cookie", cookie));
    get(pair.to_owned()).await.expect(200);
    // Without the `__Host-` prefix, an answer over plain HTTP could have set the cookie.
    get(pair.replace("__Host-", "")).await.problem(401);
    // A proxy may change the Host header, so the configured origin is what counts.
    let post = |origin: &str| {
        let request = app.anonymous().request(Method::DELETE, "/session").header("cookie", pair);
        Reply::to(request.header("origin", origin))
    };
    post("http://muster.example").await.problem(403);
    post("https://muster.example").await.expect(200);
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_gives_the_admin_role() {
    let app = TestApp::start().await;
    let link = link(&app).await;
    let browser = app.anonymous().sign_in(json!({"code": link.code})).await;
    let session = browser.get("/session").await.expect(200)["session"].clone();
    assert_eq!((&session["name"], &session["role"]), (&json!("sign-in link"), &json!("admin")));
    assert_eq!((&session["enterpriseId"], &session["tokenId"]), (&Value::Null, &Value::Null));
    browser.post("/enterprise", json!({"name": "Initech"})).await.expect(201);
    browser.post("/tokens", json!({"role": "admin"})).await.expect(201);
    let message = sign_in(&app.anonymous(), json!({"code": link.code})).await.problem(401);
    assert_eq!(message, "This sign-in link has been used; muster sign-in-link makes another");
    browser.get("/enterprise").await.expect(200);
}

#[tokio::test]
async fn a_link_used_concurrently_signs_in_one_browser() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1_000).await;
    for _ in 0..10 {
        let link = link(&app).await;
        let attempts = (0..8).map(|_| {
            let (client, code) = (app.anonymous(), link.code.clone());
            tokio::spawn(async move { sign_in(&client, json!({"code": code})).await.status })
        });
        let mut statuses: Vec<u16> = Vec::new();
        for attempt in attempts.collect::<Vec<_>>() {
            statuses.push(attempt.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);
    }
    assert_eq!(audited(&app).iter().filter(|[action, ..]| action == "session.create").count(), 10);
}

#[tokio::test]
async fn a_link_works_for_fifteen_minutes() {
    let clock = midday();
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let (early, late) = (link(&app).await, link(&app).await);
    clock.advance(almost(MINUTE * 15));
    sign_in(&app.anonymous(), json!({"code": early.code})).await.expect(200);
    clock.advance(Duration::from_millis(1));
    let message = sign_in(&app.anonymous(), json!({"code": late.code})).await.problem(401);
    assert_eq!(message, "This sign-in link has expired; muster sign-in-link makes another");
}

#[tokio::test]
async fn failed_sign_ins_are_refused_and_counted_per_address() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 4).await;
    let viewer = app.client(Role::Viewer).await;
    let link = link(&app).await;
    let check = async |with: Value, status: u16| sign_in(&app.anonymous(), with.clone()).await.problem(status);
    let wrong_secret = format!("{}x", viewer.token());
    let wrong_code = format!("{}x", link.code);
    check(json!({}), 400).await;
    check(json!({"token": viewer.token(), "code": link.code}), 400).await;
    check(json!({"token": 7}), 400).await;
    check(json!({"token": ""}), 401).await;
    check(json!({"token": "two words"}), 401).await;
    check(json!({"code": "x".repeat(1_000)}), 401).await;
    assert_eq!(check(json!({"token": wrong_secret}), 401).await, "This token is not known, or was revoked");
    check(json!({"token": "muster_x_y"}), 401).await;
    let message = check(json!({"code": wrong_code}), 401).await;
    assert_eq!(message, "This sign-in link is not known; muster sign-in-link makes another");
    check(json!({"code": "nothing"}), 401).await;
    // The address has used up its failed sign-ins; a valid token still signs in.
    check(json!({"code": link.code}), 429).await;
    check(json!({"token": "muster_x_y"}), 429).await;
    viewer.browser().await.get("/enterprise").await.expect(200);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_deletes_the_cookie() {
    let app = TestApp::start().await;
    let holder = app.client(Role::Viewer).await;
    let (browser, other) = (holder.browser().await, holder.browser().await);
    let id = id_of(&browser).await;
    let reply = browser.delete("/session").await;
    assert_eq!(reply.expect(200)["sessionId"], id);
    let deletion = "muster_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
    assert_eq!(set_cookie(&reply), deletion);
    // Any answer to an invalid cookie deletes it, or the requests of its page would soon exceed the limit of failed
    // sign-ins.
    for reply in [browser.get("/enterprise").await, browser.delete("/session").await] {
        assert_eq!(reply.problem(401), "This session has ended; sign in again");
        assert_eq!(set_cookie(&reply), deletion);
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
    other.get("/enterprise").await.expect(200);
    assert_eq!(holder.delete("/session").await.problem(404), "Session not found");
    holder.get("/enterprise").await.expect(200);
}

#[tokio::test]
async fn signing_in_again_ends_the_previous_session() {
    let app = TestApp::start().await;
    let (viewer, admin) = (app.client(Role::Viewer).await, app.client(Role::Admin).await);
    let browser = viewer.browser().await;
    let reply = Reply::to(browser.request(Method::POST, "/session").json(&json!({"token": admin.token()}))).await;
    assert_eq!(reply.expect(200)["session"]["role"], "admin");
    browser.get("/enterprise").await.problem(401);
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn a_bearer_token_takes_precedence_over_a_cookie() {
    let app = TestApp::start().await;
    let (viewer, admin) = (app.client(Role::Viewer).await.browser().await, app.client(Role::Admin).await);
    let both = |token: &str| {
        let origin = [("sec-fetch-site", "cross-site"), ("authorization", &*format!("Bearer {token}"))];
        Reply::to(viewer.request_from(Method::POST, "/enterprise", &origin).json(&json!({"name": "Initech"})))
    };
    both(admin.token()).await.expect(201);
    both("muster_x_y").await.problem(401);
    // A refused bearer token does not delete the cookie.
    assert!(!both("muster_x_y").await.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_change_with_a_cookie_is_accepted_only_from_the_same_origin() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await.browser().await;
    let here = format!("http://{}", app.address());
    let page = format!("{here}/index.html?q=1");
    let check = async |origin: &[(&str, &str)], status: u16| {
        let count = async || admin.get("/enterprise").await.expect(200)["totalCount"].as_u64().unwrap();
        let before = count().await;
        let body = json!({"name": format!("Another {before}")});
        let reply = Reply::to(admin.request_from(Method::POST, "/enterprise", origin).json(&body)).await;
        assert_eq!(reply.status, status, "{origin:?}: {}", reply.text());
        assert_eq!(count().await - before, u64::from(status == 201), "{origin:?}");
        let read = Reply::to(admin.request_from(Method::GET, "/enterprise/acme", origin)).await;
        read.expect(200);
    };
    let table: [(&[(&str, &str)], u16); 12] = [
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "none")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", &here)], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("referer", "https://evil.example/")], 403),
        (&[("origin", "https://evil.example"), ("referer", &page)], 403),
        (&[], 403),
        (&[("sec-fetch-site", "same-origin")], 201),
        (&[("origin", &here)], 201),
        (&[("referer", &page)], 201),
    ];
    for (origin, status) in table {
        check(origin, status).await;
    }
}

#[tokio::test]
async fn sessions_last_twelve_hours_and_no_longer_than_their_token() {
    let clock = midday();
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let hour = at("2026-11-22T13:00:00Z");
    let short = app.client_with(Role::Viewer, Reach::Installation, Some(hour)).await;
    let (short, long) = (short.browser().await, app.client(Role::Viewer).await.browser().await);
    assert_eq!(short.get("/session").await.expect(200)["session"]["expiresAt"], "2026-11-22T13:00:00.000Z");
    let check = async |browser: &Client, status: u16| assert_eq!(browser.get("/enterprise").await.status, status);
    clock.advance(almost(MINUTE * 60));
    check(&short, 200).await;
    clock.advance(Duration::from_millis(1));
    check(&short, 401).await;
    clock.advance(almost(MINUTE * 660));
    check(&long, 200).await;
    clock.advance(Duration::from_millis(1));
    check(&long, 401).await;
    let reply = long.get("/enterprise").await;
    assert_eq!(reply.problem(401), "This session has expired; sign in again");
    assert!(set_cookie(&reply).contains("Max-Age=0"));
    assert_eq!(app.client(Role::Admin).await.get("/sessions").await.expect(200)["sessions"], json!([]));
}

#[tokio::test]
async fn a_revoked_session_is_refused_from_the_next_request_on() {
    // More refusals than one address is allowed in a minute.
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1_000).await;
    let (admin, holder) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    let other = holder.browser().await;
    for _ in 0..20 {
        let browser = holder.browser().await;
        let id = id_of(&browser).await;
        let revoked = admin.delete(&format!("/sessions/{id}")).await.expect(200);
        assert_eq!((&revoked["sessionId"], &revoked["message"]), (&json!(id), &json!("Session revoked successfully")));
        browser.get("/enterprise").await.problem(401);
        assert_eq!(admin.delete(&format!("/sessions/{id}")).await.problem(404), "Session not found");
    }
    other.get("/enterprise").await.expect(200);
    holder.get("/enterprise").await.expect(200);
    // Long-lived streams call `holds` again to check whether they may continue.
    let access = Access::open(&app.store).unwrap();
    let id = id_of(&other).await;
    assert!(access.holds(&id).await);
    admin.delete(&format!("/sessions/{id}")).await.expect(200);
    assert!(!access.holds(&id).await);
}

#[tokio::test]
async fn sessions_end_with_their_token() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1_000).await;
    let admin = app.client(Role::Admin).await;
    let browsers = [app.client(Role::Viewer).await, app.enterprise_client(Role::Manager, "globex").await];
    let [viewer, limited] = [browsers[0].browser().await, browsers[1].browser().await];
    let bystander = admin.browser().await;
    let shown = viewer.get("/session").await.expect(200)["session"].clone();
    let access = Access::open(&app.store).unwrap();
    assert!(access.holds(shown["id"].as_str().unwrap()).await);
    admin.delete(&format!("/tokens/{}", shown["tokenId"].as_str().unwrap())).await.expect(200);
    viewer.get("/enterprise").await.problem(401);
    assert!(!access.holds(shown["id"].as_str().unwrap()).await);
    // Purging an enterprise revokes the tokens that are limited to it, which ends their sessions.
    limited.get("/enterprise").await.expect(200);
    admin.delete("/enterprise/globex?purge=true").await;
    limited.get("/enterprise").await.problem(401);
    bystander.get("/enterprise").await.expect(200);
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], 1);
}

#[tokio::test]
async fn revocations_of_another_process_take_effect_in_a_quarter_of_a_second() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1_000).await;
    for revokes_token in [false, true] {
        // All sign-ins come first: each makes this process reload all sessions, and here it has to notice the change of
        // the other process.
        let mut browsers = Vec::new();
        for _ in 0..NOTICE_ROUNDS {
            browsers.push(app.client(Role::Viewer).await.browser().await);
        }
        let mut times = Vec::new();
        for browser in browsers {
            let shown = browser.get("/session").await.expect(200)["session"].clone();
            let text = |field: &str| shown[field].as_str().unwrap().to_owned();
            let (session, token, directory) = (text("id"), text("tokenId"), app.store.directory().clone());
            let revoke = move || {
                let command = directory.open_command().unwrap();
                let revoked = command.write_blocking(move |tx| {
                    if revokes_token {
                        tx.revoke_token(&token, &Actor::command_line()).map(drop)
                    } else {
                        tx.delete_session(&session).map(drop)
                    }
                });
                revoked.unwrap();
            };
            tokio::task::spawn_blocking(revoke).await.unwrap();
            let revoked = Instant::now();
            while browser.get("/enterprise").await.status != 401 {
                assert!(revoked.elapsed() < MINUTE, "it never stops");
            }
            times.push(revoked.elapsed());
        }
        assert_noticed_in_time(times);
    }
}

#[tokio::test]
async fn administrators_list_the_sessions_newest_first() {
    let app = TestApp::start_at(midday(), |_| {}).await;
    let admin = app.client(Role::Admin).await;
    let link = link(&app).await;
    let browsers = [
        app.enterprise_client(Role::Viewer, "acme").await.browser().await,
        admin.browser().await,
        app.anonymous().sign_in(json!({"code": link.code})).await,
    ];
    let own = id_of(&browsers[1]).await;
    let mut seen = Vec::new();
    let mut path = "/sessions?limit=2".to_owned();
    for expected in [2, 1] {
        let list = browsers[1].get(&path).await.expect(200);
        assert_eq!((&list["count"], &list["totalCount"]), (&json!(expected), &json!(3)));
        seen.extend(list["sessions"].as_array().unwrap().clone());
        path = format!("/sessions?limit=2&cursor={}", list["pagination"]["nextCursor"].as_str().unwrap_or_default());
    }
    // Newest first.
    let names: Vec<&str> = seen.iter().map(|session| session["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sign-in link", "admin", "viewer"]);
    let current: Vec<bool> = seen.iter().map(|session| session["current"].as_bool().unwrap()).collect();
    assert_eq!((current, seen[1]["id"].as_str()), (vec![false, true, false], Some(own.as_str())));
    assert_eq!((&seen[0]["tokenId"], &seen[0]["role"]), (&Value::Null, &json!("admin")));
    assert_eq!((&seen[2]["enterpriseId"], &seen[2]["address"]), (&json!("acme"), &json!("127.0.0.1")));
    assert_eq!(seen[2]["expiresAt"], "2026-11-23T00:00:00.000Z");
    assert!(seen[2]["tokenId"].is_string() && seen[2]["lastUsedAt"].is_null());
    let ids: BTreeSet<&str> = seen.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    let page = admin.get("/sessions?page=2&limit=2").await.expect(200);
    assert_eq!((&page["sessions"][0]["id"], &page["sessions"][0]["current"]), (&seen[2]["id"], &json!(false)));
    assert_eq!(admin.delete("/sessions/%00").await.problem(404), "Session not found");
}

#[tokio::test]
async fn the_last_use_of_a_session_is_recorded_by_the_minute() {
    let clock = midday();
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let (admin, holder) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    let browser = holder.browser().await;
    let access = Access::open(&app.store).unwrap();
    clock.advance(Duration::from_secs(90));
    let _ = access.recognise_session(browser.session());
    access.record_uses().await.unwrap();
    let minute = json!("2026-11-22T12:01:00.000Z");
    assert_eq!(admin.get("/sessions").await.expect(200)["sessions"][0]["lastUsedAt"], minute);
    // Using a session counts as using its token.
    let tokens = admin.get("/tokens").await.expect(200)["tokens"].as_array().unwrap().clone();
    let token = tokens.iter().find(|token| token["name"] == "viewer").unwrap();
    assert_eq!(token["lastUsedAt"], minute);
}

#[tokio::test]
async fn at_the_session_limit_of_a_token_a_new_session_ends_the_oldest() {
    let app = TestApp::start().await;
    let (admin, holder) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    let (oldest, second, bystander) = (holder.browser().await, holder.browser().await, admin.browser().await);
    for _ in 2..SESSIONS_PER_TOKEN_MAX {
        holder.browser().await;
    }
    oldest.get("/enterprise").await.expect(200);
    holder.browser().await;
    oldest.get("/enterprise").await.problem(401);
    second.get("/enterprise").await.expect(200);
    bystander.get("/enterprise").await.expect(200);
    let total = u64::from(SESSIONS_PER_TOKEN_MAX) + 1;
    assert_eq!(admin.get("/sessions").await.expect(200)["totalCount"], total);
}

#[tokio::test]
async fn signing_in_and_out_is_audited_without_secrets() {
    let app = TestApp::start().await;
    let (admin, link) = (app.client(Role::Admin).await, link(&app).await);
    let by_token = admin.browser().await;
    let by_link = app.anonymous().sign_in(json!({"code": link.code})).await;
    let ids = [id_of(&by_token).await, id_of(&by_link).await];
    by_token.delete(&format!("/sessions/{}", ids[1])).await.expect(200);
    by_token.delete("/session").await.expect(200);
    let link_id = link.code.split('.').next().unwrap();
    let rows = audited(&app);
    let acts: Vec<(&str, &str)> = rows.iter().map(|[action, target, ..]| (action.as_str(), target.as_str())).collect();
    let [first, second] = [ids[0].as_str(), ids[1].as_str()];
    let expected = [
        ("link.create", link_id),
        ("session.create", first),
        ("link.use", link_id),
        ("session.create", second),
        ("session.revoke", second),
        ("session.end", first),
    ];
    assert_eq!(acts, expected);
    let used = format!("sign-in link {link_id}");
    let actors: Vec<&str> = rows.iter().map(|[_, _, actor, _]| actor.as_str()).collect();
    assert_eq!((actors[0], actors[2], actors[3]), ("command line", &*used, &*used));
    assert!(actors[1].starts_with("admin (token ") && !actors[1].contains("session"), "{actors:?}");
    assert!(
        actors[4].starts_with("admin (token ") && actors[4].ends_with(&format!(", session {first})")),
        "{actors:?}"
    );

    // No secret is in any file of the data directory, either.
    let secret = |text: &str| text.split_once('.').unwrap().1.to_owned();
    let secrets = [secret(&link.code), secret(by_token.session()), secret(by_link.session())];
    let mut looked_at = 0;
    for file in fs::read_dir(app.store.directory().path()).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        looked_at += content.len();
        for secret in &secrets {
            assert!(
                !content.windows(secret.len()).any(|window| window == secret.as_bytes()),
                "a secret is in the file"
            );
        }
    }
    assert!(looked_at > 100_000, "{looked_at}");
}

#[tokio::test]
async fn cross_site_requests_cannot_sign_in() {
    let app = TestApp::start().await;
    let holder = app.client(Role::Viewer).await;
    let check = async |name: &str, value: &str, status: u16| {
        let request = app.anonymous().request(Method::POST, "/session").header(name, value);
        assert_eq!(Reply::to(request.json(&json!({"token": holder.token()}))).await.status, status, "{name}: {value}");
    };
    check("sec-fetch-site", "cross-site", 403).await;
    check("origin", "https://evil.example", 403).await;
    check("sec-fetch-site", "same-origin", 200).await;
    check("origin", &format!("http://{}", app.address()), 200).await;
    check("user-agent", "a program", 200).await;
}

#[tokio::test]
async fn ending_a_session_ends_only_its_own_event_streams() {
    let clock = midday();
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    let (admin, holder) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    let link = link(&app).await;
    let browsers = [
        holder.browser().await,
        holder.browser().await,
        app.anonymous().sign_in(json!({"code": link.code})).await,
        admin.browser().await,
    ];
    let [revoked, signed_out, by_link, last] = &browsers;
    let mut bystander = Events::open(&holder, None).await;
    let opened = |browser: &Client| {
        let browser = browser.clone();
        async move {
            let mut events = Events::open(&browser, None).await;
            events.next_of("sample").await;
            events
        }
    };
    let events = opened(revoked).await;
    admin.delete(&format!("/sessions/{}", id_of(revoked).await)).await.expect(200);
    events.rest().await;
    let events = opened(signed_out).await;
    signed_out.delete("/session").await.expect(200);
    events.rest().await;
    let events = opened(by_link).await;
    by_link.delete(&format!("/sessions/{}", id_of(by_link).await)).await.expect(200);
    events.rest().await;
    // Their token still works, and the stream that it opened continues.
    bystander.next_of("sample").await;
    let events = opened(last).await;
    clock.advance(MINUTE * 720);
    events.rest().await;
    bystander.next_of("sample").await;
}

#[tokio::test]
async fn bodies_without_a_token_have_a_smaller_limit() {
    let app = TestApp::start().await;
    let padded = |bytes: usize| format!("{{\"token\":\"x\"{}}}", " ".repeat(bytes));
    let strange = app.anonymous().post_text("/session", padded(5_000)).await;
    assert_eq!(strange.problem(413), "The body is larger than 4096 bytes");
    app.anonymous().post_text("/session", padded(1_000)).await.problem(401);
    let admin = app.client(Role::Admin).await;
    let enterprise = format!("{{\"name\":\"Acme Two\"{}}}", " ".repeat(5_000));
    admin.post_text("/enterprise", enterprise).await.expect(201);
}
