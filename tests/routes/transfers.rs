//! Imports and exports over HTTP.

use std::time::Duration;

use futures_util::StreamExt;
use muster::domain::access::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Reply, TestApp, eventually};

const IMPORT: &str = "/enterprise/acme/contacts/import";
const EXPORT: &str = "/enterprise/acme/contacts/export";

fn rows(count: usize) -> String {
    let rows = (0..count).map(|row| format!("Name {row},n{row}@contoso.example,Contoso\n"));
    std::iter::once("name,email,company\n".to_owned()).chain(rows).collect()
}

#[tokio::test]
async fn a_real_outlook_export_is_imported_once() {
    let app = TestApp::start().await;
    let manager = app.enterprise_client(Role::Manager, "acme").await;
    let file = include_bytes!("../fixtures/outlook365.csv");
    let path = format!("{IMPORT}?department=new&employee=newcomer&createMissing=true");
    let report = manager.upload(&path, file.as_slice()).await.expect(200)["report"].clone();
    assert_eq!((&report["imported"], &report["layout"]), (&json!(6), &json!("outlook")), "{report}");
    assert_eq!(report["created"], json!({"enterprises": 0, "departments": 1, "employees": 1}));
    let summary = manager.get("/enterprise/acme/departments/new/contacts/summary").await.expect(200);
    assert_eq!((&summary["data"]["totalContacts"], &summary["data"]["uniquePeople"]), (&json!(6), &json!(6)));
    assert_eq!(summary["data"]["topCompanies"][0], json!({"company": "Contoso", "contactCount": 5}));
    let again = manager.upload(&path, file.as_slice()).await.expect(200)["report"].clone();
    assert_eq!((&again["imported"], &again["duplicates"]), (&json!(0), &json!(6)));
}

#[tokio::test]
async fn a_dry_run_reports_and_stores_nothing() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let report = manager.upload(&format!("{IMPORT}?employee=u1&dryRun=true"), rows(5)).await.expect(200);
    assert_eq!((&report["report"]["imported"], &report["report"]["dryRun"]), (&json!(5), &json!(true)));
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn invalid_rows_are_rejected_and_the_others_imported() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let file = "name,email,employee\nGrace,g@x.example,u1\n,,u1\nAda,a@x.example,nobody\nEve,e@x.example,g1\nIda,i@x.example,u2\n";
    let report = manager.upload(IMPORT, file).await.expect(200)["report"].clone();
    assert_eq!((&report["rows"], &report["imported"], &report["rejected"]), (&json!(5), &json!(2), &json!(3)));
    let rejected: Vec<&Value> = report["rejects"].as_array().unwrap().iter().map(|reject| &reject["row"]).collect();
    assert_eq!(rejected, [2, 3, 4], "nobody's, and another enterprise's employee: {report}");
    assert_eq!(app.store.contacts_of_acme(), 4);
}

#[tokio::test]
async fn a_file_that_cannot_be_imported_is_refused_and_stores_nothing() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let check = async |query: &str, file: &[u8], status: u16, message: &str| {
        let found = manager.upload(&format!("{IMPORT}?{query}"), file.to_vec()).await.problem(status);
        assert!(found.starts_with(message), "{found}");
    };
    check("employee=u1", b"", 400, "The file cannot be imported: it is empty").await;
    check("employee=u1", b"PK\x03\x04 and so on", 400, "The file cannot be imported: it is a workbook").await;
    check("employee=u1", b"\x00\x01\x02\x03", 400, "The file cannot be imported: it is not a text file").await;
    check("employee=u1", b"colour,size\nred,4\n", 400, "The file cannot be imported: its first line names").await;
    check("", rows(1).as_bytes(), 400, "employee: nothing says who collected these contacts").await;
    check("employee=nobody", rows(1).as_bytes(), 404, "employee \"nobody\" does not exist").await;
    check("department=none&employee=u1", rows(1).as_bytes(), 404, "department \"none\" does not exist").await;
    check("dryRun=perhaps", rows(1).as_bytes(), 400, "dryRun: must be true or false").await;
    let unknown = manager.upload("/enterprise/unknown/contacts/import?employee=u1&createMissing=true", rows(1)).await;
    assert_eq!(unknown.problem(404), "Enterprise not found", "an enterprise is never created on the way");
    let form =
        manager.request(Method::POST, IMPORT).header("content-type", "multipart/form-data; boundary=x").body("x");
    Reply::to(form).await.problem(415);
    let packed = manager.request(Method::POST, IMPORT).header("content-encoding", "gzip").body(rows(1));
    Reply::to(packed).await.problem(415);
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn a_file_over_the_body_limit_is_streamed_in_and_out() {
    let app = TestApp::start_with(|settings| settings.http.body_max = 1_000).await;
    let manager = app.client(Role::Manager).await;
    let (count, file) = (20_000, rows(20_000));
    let pieces = file.as_bytes().chunks(1_013).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces).map(Ok::<_, std::io::Error>));
    let report = manager.upload(&format!("{IMPORT}?employee=u1"), body).await.expect(200)["report"].clone();
    assert_eq!((&report["imported"], &report["rejected"]), (&json!(count), &json!(0)));

    let exported = manager.get(EXPORT).await;
    assert_eq!(exported.status, 200);
    assert_eq!(exported.headers["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(exported.headers["content-disposition"], "attachment; filename=\"acme-contacts.csv\"");
    assert_eq!(exported.text().lines().count(), count + 3);
    let back = manager.upload(IMPORT, exported.body).await.expect(200)["report"].clone();
    assert_eq!((&back["imported"], &back["duplicates"]), (&json!(0), &json!(count + 2)), "{back}");
    assert_eq!(app.store.contacts_of_acme(), count as u64 + 2);
}

#[tokio::test]
async fn an_export_holds_the_requested_contacts() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let part = manager.get(&format!("{EXPORT}?format=csv&department=lab")).await;
    assert_eq!(part.headers["content-disposition"], "attachment; filename=\"acme-lab-contacts.csv\"");
    assert!(part.text().contains("friend of u2") && !part.text().contains("friend of u1"));
    assert_eq!(part.text().lines().count(), 2);
    assert_eq!(manager.get("/enterprise/globex/departments/ops/contacts/summary").await.status, 200);
    let check = async |path: &str, status: u16, message: &str| {
        assert_eq!(manager.get(path).await.problem(status), message, "{path}");
    };
    check(&format!("{EXPORT}?format=xlsx"), 400, r#"format: must be "csv""#).await;
    check(&format!("{EXPORT}?department=ops"), 404, "Department not found").await;
    check(&format!("{EXPORT}?department=a%20b"), 404, "Department not found").await;
    check("/enterprise/unknown/contacts/export", 404, "Enterprise not found").await;
}

#[tokio::test]
async fn an_import_is_audited() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    manager.upload(&format!("{IMPORT}?employee=u1"), rows(3)).await.expect(200);
    let sql = "SELECT actor || ' ' || action || ' ' || target FROM audit";
    let act: String = app.store.directory().raw_reader().query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(act.starts_with("manager (token ") && act.ends_with(" contacts.import acme"), "{act}");
}

/// Sends the head of an import and the first piece of its chunked body.
async fn begin_import(app: &TestApp, token: &str, piece: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let head = format!(
        "POST {IMPORT}?employee=u1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: text/csv\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{piece}\r\n",
        piece.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_stalled_upload_times_out_and_releases_its_permit() {
    let app = TestApp::start_with(|settings| {
        settings.transfer_limits.upload_idle_time_max = Duration::from_millis(100);
        settings.http_limits.transfers_max = 1;
    })
    .await;
    let manager = app.client(Role::Manager).await;
    let mut stalled = begin_import(&app, manager.token(), &rows(2)).await;
    let mut answer = String::new();
    let _ = stalled.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("stood still"), "{answer}");
    manager.upload(&format!("{IMPORT}?employee=u1"), rows(3)).await.expect(200);
}

#[tokio::test]
async fn a_disconnect_ends_an_import_at_the_last_complete_chunk() {
    let app = TestApp::start_with(|settings| settings.http_limits.transfers_max = 1).await;
    let manager = app.client(Role::Manager).await;
    let gone = begin_import(&app, manager.token(), &rows(20_000)).await;
    eventually("the import has begun", || (app.store.contacts_of_acme() > 2).then_some(()));
    let refused = manager.upload(&format!("{IMPORT}?employee=u1"), rows(1)).await;
    assert_eq!(refused.problem(503), "Too many imports and exports run at the moment; try again");
    assert!(refused.headers.contains_key("retry-after"));
    drop(gone);
    let mut report = Value::Null;
    while report.is_null() {
        let reply = manager.upload(&format!("{IMPORT}?employee=u1"), rows(20_000)).await;
        if reply.status == 200 {
            report = reply.expect(200)["report"].clone();
        } else {
            reply.problem(503);
        }
    }
    assert_eq!(report["rejected"], 0);
    assert_eq!(app.store.contacts_of_acme(), 20_002, "sent again, nothing is there twice");
}

#[tokio::test]
async fn a_stalled_download_times_out_and_releases_its_permit() {
    let app = TestApp::start_with(|settings| {
        settings.transfer_limits.download_idle_time_max = Duration::from_millis(100);
        settings.http_limits.transfers_max = 1;
    })
    .await;
    let manager = app.client(Role::Manager).await;
    let notes = "x".repeat(15_000);
    let lines: Vec<String> = (0..2_000).map(|row| format!("Name {row},{notes}\n")).collect();
    manager.upload(&format!("{IMPORT}?employee=u1"), format!("name,notes\n{}", lines.concat())).await.expect(200);

    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let head = format!("GET {EXPORT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", manager.token());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    while manager.get(&format!("{EXPORT}?department=lab")).await.status != 200 {}
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n"), "what was cut does not look whole");
}
