//! Fair shares: what one caller cannot take from the others. The hostile run judges times; here are the bounds.

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Client, Directory, Events, Exposition, HeldReaders, Reply, TestApp, eventually, people};

const IMPORT: &str = "/enterprise/acme/contacts/import?createMissing=true";

/// Another token of the same role.
async fn another(app: &TestApp, role: Role) -> Client {
    app.client(role).await
}

/// A refusal with 429, which says when to try again, and its message.
fn refusal(reply: &Reply) -> String {
    let message = reply.problem(429);
    let secs: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&secs), "{secs}");
    message
}

async fn refused(app: &TestApp, reason: &str) -> u64 {
    let admin = app.client(Role::Admin).await;
    Exposition::read(&admin.get("/metrics").await.text()).count("muster_requests_refused_total", &[("reason", reason)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_an_address_have_their_shares_of_event_streams_and_leave_the_rest_to_others() {
    let app = TestApp::start_with(|settings| settings.http_limits.event_streams_max = 8).await;
    let (greedy, second, third) =
        (app.client(Role::Viewer).await, another(&app, Role::Viewer).await, another(&app, Role::Viewer).await);
    // A quarter of eight for each token.
    let mut open = vec![Events::open(&greedy, None).await, Events::open(&greedy, None).await];
    let message = refusal(&greedy.get("/cache/events").await);
    assert_eq!(message, "This token has 2 event streams open, which is its share; close one, or try again");
    open.extend([Events::open(&second, None).await, Events::open(&second, None).await]);
    // And a half for all tokens of one address.
    let message = refusal(&third.get("/cache/events").await);
    assert_eq!(message, "4 event streams are open from this address, which is its share; close one, or try again");
    assert_eq!(refused(&app, "event_streams").await, 2);
    drop(open);
    eventually("their places become free", || (app.summaries.live().listeners() == 0).then_some(()));
    while greedy.get("/cache/events").await.status != 200 {}
}

/// Begins an import and sends nothing more of it.
async fn begin_import(app: &TestApp, client: &Client) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let head = format!(
        "POST /enterprise/acme/contacts/import?employee=u1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nname\n\r\n",
        client.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_its_share_of_imports_and_exports_and_leaves_the_rest_to_others() {
    let app = TestApp::start().await;
    let (greedy, other) = (app.client(Role::Manager).await, another(&app, Role::Manager).await);
    let _held = [begin_import(&app, &greedy).await, begin_import(&app, &greedy).await];
    // A quarter of eight; both have begun at some moment.
    let mut message = None;
    while message.is_none() {
        let reply = greedy.get("/enterprise/acme/contacts/export").await;
        message = (reply.status != 200).then(|| refusal(&reply));
    }
    let expected = "This token runs 2 imports and exports, which is its share; try again when one has ended";
    assert_eq!(message.as_deref(), Some(expected));
    assert_eq!(other.get("/enterprise/acme/contacts/export").await.status, 200);
    assert!(refused(&app, "transfers").await >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_fills_its_queue_of_reads_is_refused_and_another_token_waits_for_its_own_turn() {
    let store = Directory::in_memory().open_with(Clock::system(), |options| options.settings.read_queue_max = 8);
    let app = TestApp::start_on(store, |_| {});
    app.write(people).await;
    let (greedy, other) = (app.client(Role::Viewer).await, another(&app, Role::Viewer).await);
    // Both are there, so each keeps to its share.
    greedy.get("/enterprise").await.expect(200);
    other.get("/enterprise").await.expect(200);
    let held = HeldReaders::hold(&app.store);
    let ask = |client: &Client| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/enterprise").await })
    };
    // One has the token's turn, a quarter of the queue waits behind it, and what is beyond is refused at once.
    let asked: Vec<_> = (0..8).map(|_| ask(&greedy)).collect();
    let waiting = ask(&other);
    eventually("each token has its one turn", || (app.store.figures().reads_waiting == 2).then_some(()));
    let finished = || asked.iter().filter(|request| request.is_finished()).count();
    eventually("those beyond are refused", || (finished() == 5).then_some(()));
    let (refusals, rest): (Vec<_>, Vec<_>) = asked.into_iter().partition(tokio::task::JoinHandle::is_finished);
    assert_eq!((refusals.len(), rest.len()), (5, 3));
    for request in refusals {
        let message = refusal(&request.await.unwrap());
        assert!(message.starts_with("Too many requests of this token or address wait to read"), "{message}");
    }
    held.release();
    waiting.await.unwrap().expect(200);
    for request in rest {
        request.await.unwrap().expect(200);
    }
    assert_eq!(refused(&app, "reads").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_alone_has_every_place_in_the_queue_of_reads() {
    let store = Directory::in_memory().open_with(Clock::system(), |options| options.settings.read_queue_max = 8);
    let app = TestApp::start_on(store, |_| {});
    app.write(people).await;
    let alone = app.client(Role::Viewer).await;
    let held = HeldReaders::hold(&app.store);
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let client = alone.clone();
            tokio::spawn(async move { client.get("/enterprise").await })
        })
        .collect();
    eventually("all wait", || (app.store.figures().reads_waiting == 8).then_some(()));
    held.release();
    for request in asked {
        request.await.unwrap().expect(200);
    }
}

/// A file that names so many departments, each with an employee.
fn departments(count: usize) -> String {
    let rows = (0..count).map(|row| format!("Name {row},department {row},employee {row}\n"));
    std::iter::once("name,department,employee\n".to_owned()).chain(rows).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_creates_so_many_departments_and_employees_and_reports_the_rows_beyond() {
    let app = TestApp::start_with(|settings| settings.http.import_new_owners_max = 7).await;
    let manager = app.enterprise_client(Role::Manager, "acme").await;
    for path in [format!("{IMPORT}&dryRun=true"), IMPORT.to_owned()] {
        let report = manager.upload(&path, departments(1_000)).await.expect(200)["report"].clone();
        // Three rows need six, the fourth would need two more.
        assert_eq!((&report["imported"], &report["rejected"]), (&json!(3), &json!(997)), "{path}: {report}");
        assert_eq!(report["created"], json!({"enterprises": 0, "departments": 3, "employees": 3}), "{path}");
        assert_eq!((&report["rejects"][0]["row"], &report["rejectsOmitted"]), (&json!(4), &json!(897)), "{path}");
        let reason = report["rejects"][0]["reason"].as_str().unwrap();
        assert!(reason.starts_with("the import may create 7 departments and employees"), "{reason}");
    }
    // Rows of owners that exist go in, however many, and so does the next file.
    let report = manager.upload(IMPORT, departments(4)).await.expect(200)["report"].clone();
    assert_eq!((&report["duplicates"], &report["imported"]), (&json!(3), &json!(1)), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_departments_and_employees_of_an_hour_are_bounded_however_they_come() {
    let app = TestApp::start_with(|settings| settings.http.new_owners_per_hour = 5).await;
    let (manager, other) = (app.client(Role::Manager).await, another(&app, Role::Manager).await);
    let create = async |client: &Client, id: &str| {
        client.post("/enterprise/acme/departments", json!({"id": id, "name": id})).await
    };
    create(&manager, "one").await.expect(201);
    // What was not created does not count.
    create(&manager, "one").await.problem(409);
    let report: Value = manager.upload(IMPORT, departments(100)).await.expect(200)["report"].clone();
    assert_eq!(report["created"], json!({"enterprises": 0, "departments": 2, "employees": 2}), "{report}");
    let expected = "This token has created 5 departments and employees within an hour, the most that it may; wait";
    assert_eq!(refusal(&create(&manager, "two").await), expected);
    let employee = json!({"firstName": "Ada"});
    assert_eq!(refusal(&manager.post("/enterprise/acme/departments/sales/employees", employee).await), expected);
    assert_eq!(refusal(&manager.upload(IMPORT, departments(100)).await), expected);
    // An import that creates nothing goes on, and others have their own.
    manager.upload("/enterprise/acme/contacts/import?employee=u1", "name\nAda\n").await.expect(200);
    create(&other, "two").await.expect(201);
    assert_eq!(refused(&app, "new_owners").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_enterprises_pages_do_not_evict_the_summary_of_another() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let summary = "/enterprise/globex/contacts/summary";
    viewer.get(summary).await.expect(200);
    for limit in 1..=1_100 {
        viewer.get(&format!("/enterprise/acme/contacts/details?limit={limit}")).await.expect(200);
    }
    assert_eq!(viewer.get(summary).await.expect(200)["cached"], true);
    // Nor do those of several, with departments and both views.
    for limit in 1..=300 {
        for path in ["contacts", "departments/sales/contacts", "departments/lab/contacts"] {
            viewer.get(&format!("/enterprise/acme/{path}/details?limit={limit}&view=list")).await.expect(200);
        }
        viewer.get(&format!("/enterprise/globex/contacts/details?limit={limit}")).await.expect(200);
    }
    assert_eq!(viewer.get(summary).await.expect(200)["cached"], true);
    assert_eq!(app.summaries.cache().entry_totals().entries, 1_000, "while there is room, pages have it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_unknown_tokens_is_counted_with_its_reason() {
    let app = TestApp::start_with(|settings| settings.http.sign_in_failures_max = 1).await;
    let guesser = app.anonymous().with_token("muster_unknown_token");
    guesser.get("/enterprise").await.problem(401);
    refusal(&guesser.get("/enterprise").await);
    assert_eq!(refused(&app, "sign_ins").await, 1);
}
