//! A database that cannot be written, simulated inside SQLite: reads and sign-in continue, and writes resume by
//! themselves.

use std::time::{Duration, Instant};

use muster::access::links::mint_link;
use muster::clock::Clock;
use muster::domain::access::Role;
use muster::store::{Actor, AuditAction, AuditEntry, Store, StoreError};
use serde_json::{Value, json};

use crate::support::{Client, Events, Exposition, Reply, TestApp, WorkDir, WriterGate, eventually};

/// More contacts or sessions than fit into the remaining pages.
const MORE_THAN_FIT: usize = 500;

/// How long to wait for a condition that should hold at once. Generous, since it only matters when a test fails.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// After this many refusals nothing more fits.
const REFUSALS: usize = 20;

/// Allows SQLite no further page, and fills the existing ones.
pub async fn fill(app: &TestApp, admin: &Client) {
    app.write(|tx| tx.limit_size(Some(1))).await;
    let mut refused = 0;
    for number in 0..MORE_THAN_FIT {
        let info = json!({"name": format!("Person {number}"), "notes": "x".repeat(2_000)});
        let reply = admin.post("/saveContact", json!({"userId": "u1", "contactInfo": info})).await;
        if reply.status == 507 {
            let message = reply.problem(507);
            assert!(message.contains("nothing was changed"), "{message}");
            refused += 1;
            if refused == REFUSALS {
                return;
            }
        } else {
            reply.expect(200);
        }
    }
    panic!("it never fills");
}

async fn trouble(client: &Client) -> Value {
    client.get("/healthz").await.expect(200)["trouble"].clone()
}

fn count(app: &TestApp, sql: &str, with: &str) -> u64 {
    app.store.directory().raw_reader().query_row(sql, [with], |row| row.get(0)).unwrap()
}

fn stored_sessions(app: &TestApp, id: &str) -> u64 {
    count(app, "SELECT count(*) FROM session WHERE id = ?1", id)
}

async fn id_of(browser: &Client) -> String {
    browser.get("/session").await.expect(200)["session"]["id"].as_str().unwrap().to_owned()
}

/// Signs in until a session no longer fits on the disk and is kept in memory only.
async fn sign_in_unwritten(app: &TestApp, holder: &Client) -> Client {
    for _ in 0..MORE_THAN_FIT {
        let browser = holder.browser().await;
        if stored_sessions(app, &id_of(&browser).await) == 0 {
            return browser;
        }
    }
    panic!("every session still fits");
}

#[tokio::test]
async fn without_space_reads_and_sign_in_continue_and_writes_resume_by_themselves() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    let stored = viewer.browser().await;
    let link = mint_link(app.store.clock().now()).unwrap();
    app.write(link.store()).await;
    let mut events = Events::open(&viewer, None).await;
    assert_eq!(events.next_of("sample").await.data["trouble"], Value::Null);
    fill(&app, &admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let contacts = app.store.contacts_of_acme();

    // The outage is reported wherever a status is shown.
    let message = app.anonymous().get("/readyz").await.problem(503);
    assert!(message.contains("no space") && message.contains("make room"), "{message}");
    let reported = trouble(&app.anonymous()).await;
    assert_eq!(reported["kind"], "diskFull");
    assert!(reported["message"].as_str().unwrap().contains("no space"), "{reported}");
    assert_eq!(events.next_of("sample").await.data["trouble"], reported);
    let metrics = Exposition::read(&viewer.get("/metrics").await.text());
    assert_eq!(metrics.count("muster_database_trouble", &[("cause", "disk_full")]), 1);
    assert!(metrics.count("muster_writes_refused_total", &[("cause", "disk_full")]) >= REFUSALS as u64);

    // Reads continue, from the cache and by loads, and so does clearing the cache.
    assert_eq!(admin.delete("/cache/clear").await.expect(200)["clearedEntries"], 1);
    for cached in [false, true] {
        let summary = viewer.get("/enterprise/acme/contacts/summary").await.expect(200);
        assert_eq!((&summary["cached"], &summary["data"]["totalContacts"]), (&json!(cached), &json!(contacts)));
    }
    admin.get("/enterprise/acme/contacts/details").await.expect(200);
    let export = admin.get("/enterprise/acme/contacts/export").await;
    assert_eq!((export.status, export.text().lines().count() as u64), (200, 1 + contacts));
    assert_eq!(admin.upload("/enterprise/acme/contacts/import?employee=u1", people()).await.status, 507);

    // A new session is valid and listed; one that was signed out is not, whether it is stored or not.
    let (active, signed_out) = (sign_in_unwritten(&app, &viewer).await, sign_in_unwritten(&app, &viewer).await);
    let (active_id, signed_out_id, stored_id) = (id_of(&active).await, id_of(&signed_out).await, id_of(&stored).await);
    let listed = admin.get("/sessions?limit=200").await.expect(200);
    let ids: Vec<_> = listed["sessions"].as_array().unwrap().iter().map(|session| session["id"].clone()).collect();
    assert!(ids.contains(&json!(active_id)) && ids.contains(&json!(signed_out_id)), "{ids:?}");
    assert_eq!(listed["totalCount"], ids.len());
    for browser in [&signed_out, &stored] {
        browser.delete("/session").await.expect(200);
        browser.get("/enterprise/acme").await.problem(401);
    }
    active.get("/enterprise/acme/contacts/summary").await.expect(200);
    // A sign-in link needs a stored write: it could be used twice if the server ended now.
    let message = app.anonymous().post("/session", json!({"code": link.code})).await.problem(507);
    assert!(message.contains("nothing was changed"), "{message}");
    app.store.assert_clean();

    // Once there is space, everything resumes without intervention.
    app.write(|tx| tx.limit_size(None)).await;
    eventually("the trouble is over", || app.store.trouble().is_none().then_some(()));
    assert_eq!(trouble(&app.anonymous()).await, Value::Null);
    app.anonymous().get("/readyz").await.expect(200);
    admin.post("/AddContact", json!({"userId": "u1", "contactInfo": {"name": "Eve"}})).await.expect(201);
    assert_eq!(app.store.contacts_of_acme(), contacts + 1);
    assert_eq!(events.next_of("publication").await.data["scopeCount"], 2);
    assert_eq!(events.next_of("sample").await.data["trouble"], Value::Null);
    app.anonymous().sign_in(json!({"code": link.code})).await.get("/tokens").await.expect(200);
    app.anonymous().post("/session", json!({"code": link.code})).await.problem(401);
    // The writes that were deferred are stored.
    eventually("sessions are stored as they are", || {
        let state = [&active_id, &signed_out_id, &stored_id].map(|id| stored_sessions(&app, id));
        (state == [1, 0, 0]).then_some(())
    });
    for (action, target) in [
        ("cache.clear", "cache"),
        ("session.create", &active_id),
        ("session.create", &signed_out_id),
        ("session.end", &signed_out_id),
    ] {
        let sql = format!("SELECT count(*) FROM audit WHERE action = '{action}' AND target = ?1");
        assert_eq!(count(&app, &sql, target), 1, "{action} {target}");
    }
    let app = app.restart();
    app.anonymous().as_signed_in(&active).get("/enterprise/acme").await.expect(200);
    app.anonymous().as_signed_in(&signed_out).get("/enterprise/acme").await.problem(401);
}

/// A file that needs more pages than remain.
fn people() -> String {
    let rows: Vec<String> = (0..200).map(|row| format!("Given{row},{}\n", "note ".repeat(200))).collect();
    format!("name,notes\n{}", rows.concat())
}

#[tokio::test]
async fn a_session_in_memory_ends_with_its_token_and_can_be_revoked() {
    let app = TestApp::start().await;
    let (admin, viewer) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    fill(&app, &admin).await;
    let (revoked, of_token) = (sign_in_unwritten(&app, &viewer).await, sign_in_unwritten(&app, &viewer).await);
    let id = id_of(&revoked).await;
    admin.delete(&format!("/sessions/{id}")).await.expect(200);
    revoked.get("/session").await.problem(401);
    admin.delete(&format!("/sessions/{id}")).await.problem(404);
    // The tenth session of a token ends its first.
    for _ in 0..10 {
        sign_in_unwritten(&app, &viewer).await;
    }
    of_token.get("/session").await.problem(401);
    let of_token = sign_in_unwritten(&app, &viewer).await;
    let token_id = of_token.get("/session").await.expect(200)["session"]["tokenId"].as_str().unwrap().to_owned();
    // The page limit may refuse the revocation, so the token is deleted on another connection.
    let directory = app.store.directory().clone();
    directory.raw_writer().execute("DELETE FROM token WHERE id = ?1", [&token_id]).unwrap();
    let noticed = async { while of_token.get("/session").await.status != 401 {} };
    tokio::time::timeout(WAIT_MAX, noticed).await.expect("it ends with its token");
    app.write(|tx| tx.limit_size(None)).await;
    eventually("the trouble is over", || app.store.trouble().is_none().then_some(()));
}

#[test]
fn a_limit_for_the_size_of_files_refuses_writes_as_a_full_disk_does_until_it_is_raised() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    // From now on the system sends a signal that ends most programs, and fails each write to a file.
    server.limit_file_size("0");
    let refused = client.send("POST", "/enterprise", json!({"id": "globex", "name": "Globex"}).to_string());
    let problem = refused.clone().expect(507).json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("limit for the size of files; nothing was changed. Raise it (LimitFSIZE="), "{detail}");
    assert_eq!(client.get("/healthz")["trouble"]["kind"], "fileSizeLimit");
    let problem = client.send("GET", "/readyz", "").expect(503).json();
    assert!(problem["detail"].as_str().unwrap().contains("ulimit -f"), "{problem:#}");
    assert_eq!(client.get("/enterprise")["totalCount"], 1);
    client.get("/enterprise/acme/contacts/summary");
    let cookie = client.send("POST", "/session", json!({"token": token}).to_string()).expect(200);
    assert!(cookie.header("set-cookie").is_some());
    let metrics = Exposition::read(&client.send("GET", "/metrics", "").text());
    assert_eq!(metrics.count("muster_database_trouble", &[("cause", "file_size_limit")]), 1);
    // One line for the whole outage.
    eventually("the log says so", || server.log().contains("file_size_limit").then_some(()));
    let log = server.log();
    assert_eq!(log.matches("ERROR").count(), 1, "{log}");
    client.send("POST", "/backup", "").expect(507);

    server.limit_file_size("unlimited");
    eventually("the trouble is over", || client.get("/healthz")["trouble"].is_null().then_some(()));
    client.send("GET", "/readyz", "").expect(200);
    client.post("/enterprise", &json!({"id": "globex", "name": "Globex"}));
    assert_eq!(client.get("/enterprise")["totalCount"], 2);
    let audit = client.get("/audit?action=session.create");
    assert_eq!(audit["totalCount"], 1);
}

#[tokio::test]
async fn the_size_limit_of_the_database_is_reported_apart_from_a_full_disk() {
    let app = TestApp::start_limited(1 << 30).await;
    let admin = app.client(Role::Admin).await;
    fill(&app, &admin).await;
    let message = Reply::to(admin.request(reqwest::Method::GET, "/readyz")).await.problem(503);
    assert!(message.contains("database-max"), "{message}");
    assert_eq!(trouble(&admin).await["kind"], "limitReached");
    app.write(|tx| tx.limit_size(None)).await;
    eventually("the trouble is over", || app.store.trouble().is_none().then_some(()));
}

#[test]
fn detected_damage_is_reported_until_the_file_is_replaced() {
    let directory = crate::support::Directory::in_memory();
    {
        let store = directory.open();
        store.write_people();
        for number in 0..MORE_THAN_FIT {
            store.write(move |tx| crate::support::add_contact(tx, "u1", &format!("n{number}"))).unwrap();
        }
    }
    // A leaf page of the contacts.
    let database = muster::store::database_path(directory.path());
    let root: u64 = directory
        .raw_reader()
        .query_row("SELECT min(pageno) FROM dbstat WHERE name = 'contact' AND pagetype = 'leaf'", [], |row| row.get(0))
        .unwrap();
    let mut bytes = std::fs::read(&database).unwrap();
    let page = 4096 * (usize::try_from(root).unwrap() - 1);
    bytes[page..page + 4096].fill(0x5a);
    std::fs::write(&database, bytes).unwrap();

    let store = directory.open();
    let probe = || tokio::runtime::Runtime::new().unwrap().block_on(store.probe());
    probe().unwrap();
    let found = store.read_blocking(|tx| tx.check()).unwrap_err();
    assert!(found.is_damage(), "{found}");
    assert_eq!(store.trouble().map(|trouble| trouble.kind.as_str()), Some("damaged"));
    // A successful write of a row does not repair the damage.
    store.write(|tx| crate::support::add_contact(tx, "u2", "afterwards")).unwrap();
    assert!(probe().unwrap_err().is_damage());
    store.leave_damaged();
}

#[tokio::test]
async fn sign_ins_with_one_token_are_bounded_during_an_outage_and_block_no_other_token() {
    /// More than the capacity of the deferred writes.
    const SIGN_INS_MAX: usize = 2_000;
    let app = TestApp::start().await;
    let (admin, viewer) = (app.client(Role::Admin).await, app.client(Role::Viewer).await);
    fill(&app, &admin).await;
    let other = sign_in_unwritten(&app, &admin).await;
    let mut opened = Vec::new();
    let refused = loop {
        let reply = viewer.post("/session", json!({"token": viewer.token()})).await;
        if reply.status != 200 {
            break reply;
        }
        opened.push(reply.expect(200)["session"]["id"].as_str().unwrap().to_owned());
        assert!(opened.len() < SIGN_INS_MAX, "no sign-in is refused");
    };
    let message = refused.problem(507);
    assert!(message.contains("nothing was changed"), "{message}");
    sign_in_unwritten(&app, &admin).await.get("/session").await.expect(200);
    other.get("/session").await.expect(200);
    app.write(|tx| tx.limit_size(None)).await;
    // Every accepted sign-in is audited, once.
    eventually("every sign-in is audited", || {
        let entries =
            |id: &String| count(&app, "SELECT count(*) FROM audit WHERE action = 'session.create' AND target = ?1", id);
        opened.iter().all(|id| entries(id) == 1).then_some(())
    });
}

#[test]
fn an_action_during_write_overload_is_audited_once() {
    let directory = crate::support::Directory::in_memory();
    let clock = Clock::manual(crate::support::at("2026-11-22T08:00:00Z"));
    let store = directory.open_with(clock.clone(), |options| options.settings.write_queue_max = 1);
    let actor = || Actor::named("somebody", "192.0.2.1");
    let entry = |target: &str| AuditEntry::of(AuditAction::CacheClear, target);
    // The store's maintenance thread has finished its first round, and leaves the queue alone.
    eventually("the maintenance thread is idle", || (store.figures().group_jobs.sum >= 2).then_some(()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gate = WriterGate::close(&store);
    // One entry waits in the queue until its deadline passes; the other finds the queue full.
    let (late, waiting) = (Store::clone(&store), entry("late"));
    let late = runtime.spawn(async move { late.audit_done(actor(), waiting).await });
    eventually("it waits", || (store.figures().jobs_waiting == 1).then_some(()));
    runtime.block_on(store.audit_done(actor(), entry("full")));
    clock.advance(Duration::from_secs(31));
    gate.open();
    runtime.block_on(late).unwrap();
    let targets = || {
        let reader = directory.raw_reader();
        let mut statement = reader.prepare("SELECT target FROM audit ORDER BY target").unwrap();
        statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    eventually("both are audited", || (targets().len() >= 2).then_some(()));
    store.close();
    assert_eq!(targets(), ["full", "late"]);
}

/// The error of SQLite for a read that fails because of the disk or the file.
fn failed_read(code: i32) -> StoreError {
    StoreError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None))
}

#[test]
fn failing_reads_cause_at_most_one_recovery_attempt_a_second() {
    for code in [rusqlite::ffi::SQLITE_IOERR_READ, rusqlite::ffi::SQLITE_CORRUPT] {
        let store = crate::support::Directory::in_memory().open();
        store.write_people();
        let begun = Instant::now();
        let groups = || store.figures().group_jobs.buckets.iter().map(|(_, groups)| groups).sum::<u64>();
        let before = groups();
        while begun.elapsed() < Duration::from_millis(500) {
            store.read_blocking(|_| Err::<(), _>(failed_read(code))).unwrap_err();
        }
        // An attempt consists of a query for purges, a deletion of old rows, and a write of a row.
        let (attempts, seconds) = ((groups() - before).div_ceil(3), begun.elapsed().as_secs());
        assert!(attempts <= 3 + seconds, "{attempts} attempts in {:?}", begun.elapsed());
        store.leave_damaged();
    }
}

#[test]
fn a_failure_that_a_read_detected_is_over_after_a_period_of_successful_reads() {
    let clock = Clock::manual(crate::support::at("2026-11-22T08:00:00Z"));
    let store = crate::support::Directory::in_memory().open_with(clock.clone(), |_| {});
    store.write_people();
    let probe = || tokio::runtime::Runtime::new().unwrap().block_on(store.probe());
    let fail = || store.read_blocking(|_| Err::<(), _>(failed_read(rusqlite::ffi::SQLITE_IOERR_READ))).unwrap_err();
    fail();
    let since = store.trouble().expect("it is reported").since;
    // Writes succeed, and so do other reads.
    for _ in 0..3 {
        assert!(matches!(probe(), Err(StoreError::DiskFailing(_))));
        clock.advance(Duration::from_secs(9));
        fail();
    }
    assert_eq!(store.trouble().map(|trouble| trouble.since), Some(since), "one outage");
    clock.advance(Duration::from_secs(10));
    probe().unwrap();
    assert_eq!(store.trouble(), None);
}

/// A store of many contacts, one of whose leaf pages of contacts is garbage; the page and where it is.
fn with_a_bad_page(clock: &Clock) -> (crate::support::TestStore, std::path::PathBuf, u64, Vec<u8>) {
    let directory = crate::support::Directory::in_memory();
    {
        let store = directory.open();
        store.write_people();
        for number in 0..MORE_THAN_FIT {
            store.write(move |tx| crate::support::add_contact(tx, "u1", &format!("n{number}"))).unwrap();
        }
    }
    let sql = "SELECT min(pageno) FROM dbstat WHERE name = 'contact' AND pagetype = 'leaf'";
    let page: u64 = directory.raw_reader().query_row(sql, [], |row| row.get(0)).unwrap();
    let (path, at) = (muster::store::database_path(directory.path()), 4_096 * (page - 1));
    let whole = std::fs::read(&path).unwrap();
    let start = usize::try_from(at).unwrap();
    let sound = whole[start..start + 4_096].to_vec();
    overwrite(&path, at, &[0x5a; 4_096]);
    (directory.open_with(clock.clone(), |_| {}), path, at, sound)
}

/// Changes a file in place from another process, since closing it in this one would release SQLite's locks.
fn overwrite(path: &std::path::Path, at: u64, bytes: &[u8]) {
    let piece = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(piece.path(), bytes).unwrap();
    let mut dd = std::process::Command::new("dd");
    dd.arg(format!("if={}", piece.path().display())).arg(format!("of={}", path.display()));
    dd.args(["bs=4096", "conv=notrunc", "status=none", &format!("seek={}", at / 4_096)]);
    assert!(dd.status().unwrap().success());
}

#[test]
fn damage_that_was_a_failed_read_is_over_once_the_file_was_verified() {
    let clock = Clock::manual(crate::support::at("2026-11-22T08:00:00Z"));
    let (store, path, at, sound) = with_a_bad_page(&clock);
    let probe = || tokio::runtime::Runtime::new().unwrap().block_on(store.probe());
    assert!(store.read_blocking(|tx| tx.check()).unwrap_err().is_damage());
    assert_eq!(store.trouble().map(|trouble| trouble.kind.as_str()), Some("damaged"));
    // As long as the page is bad, no verification clears it.
    clock.advance(Duration::from_secs(6));
    assert!(probe().unwrap_err().is_damage());
    overwrite(&path, at, &sound);
    clock.advance(Duration::from_mins(11));
    eventually("it is verified", || store.trouble().is_none().then_some(()));
    probe().unwrap();
    store.read_blocking(|tx| tx.check()).unwrap();
}

#[test]
fn a_verified_backup_clears_damage_at_once() {
    let clock = Clock::manual(crate::support::at("2026-11-22T08:00:00Z"));
    let (store, path, at, sound) = with_a_bad_page(&clock);
    assert!(store.read_blocking(|tx| tx.check()).unwrap_err().is_damage());
    overwrite(&path, at, &sound);
    // The clock stands still, so the store verifies nothing by itself.
    assert!(store.trouble().is_some());
    let backups = crate::support::Directory::in_memory();
    crate::support::make_backup(store.directory().path(), &backups.path().join("x.db")).unwrap();
    store.note_verified();
    assert_eq!(store.trouble(), None);
}
