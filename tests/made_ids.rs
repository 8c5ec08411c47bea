//! Ids that are made never clash, and names that lead to the same id are told apart.

use std::collections::HashSet;

use muster::access::is_id_taken;
use muster::access::links::mint_link;
use muster::access::mint;
use muster::access::sessions::mint_session;
use muster::clock::Clock;
use muster::domain::access::{Reach, Role};
use serde_json::{Value, json};

use crate::support::{Client, Directory, TestApp, WorkDir, at, department, enterprise, name, staff};

/// As many as one transaction or millisecond may have to make.
const MANY: usize = 100_000;

#[test]
fn a_hundred_thousand_employees_of_one_transaction_have_ids_of_their_own() {
    let store = Directory::in_memory().open_with(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {});
    store.write_people();
    let ids = store.write(|tx| {
        let (acme, sales, new) = (enterprise("acme"), department("sales"), staff("New"));
        (0..MANY).map(|_| Ok(tx.create_employee(&acme, &sales, None, &new)?.id)).collect::<Result<HashSet<_>, _>>()
    });
    assert_eq!(ids.unwrap().len(), MANY);
}

#[test]
fn a_hundred_thousand_enterprises_and_departments_without_letters_in_their_names_have_ids_of_their_own() {
    let store = Directory::in_memory().open_with(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {});
    store.write_people();
    let many = MANY;
    let (enterprises, departments) = store
        .write(move |tx| {
            let mut made = (HashSet::new(), HashSet::new());
            for number in 0..many {
                let ideographs: String = format!("{number}")
                    .bytes()
                    .map(|digit| "零一二三四五六七八九".chars().nth(usize::from(digit - b'0')).unwrap())
                    .collect();
                made.0.insert(tx.create_enterprise(None, &name(&format!("営業{ideographs}")))?.id);
                made.1.insert(tx.create_department(&enterprise("acme"), None, &name(&format!("部{ideographs}")))?.id);
            }
            Ok(made)
        })
        .unwrap();
    assert_eq!((enterprises.len(), departments.len()), (many, many));
}

#[test]
fn a_hundred_thousand_tokens_and_links_are_stored_in_one_transaction() {
    let store = Directory::in_memory().open_with(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {});
    let now = store.clock().now();
    store
        .write(move |tx| {
            for _ in 0..MANY {
                // Where another test of this process has set its clock back, ids begin again at a random number, and a
                // clash is made another, as everywhere.
                let make = || mint("t".to_owned(), Role::Viewer, Reach::Installation, now, None).unwrap().stored;
                while let Err(error) = tx.insert_token(&make()) {
                    assert!(is_id_taken(&error), "{error}");
                }
                mint_link(now).unwrap().store()(tx)?;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn tokens_sessions_and_links_of_one_millisecond_have_ids_of_their_own() {
    let now = at("2026-11-22T08:00:00Z");
    let makers: Vec<_> = (0..64)
        .map(|_| {
            std::thread::spawn(move || {
                let mut ids = Vec::new();
                for _ in 0..=MANY / 64 / 3 {
                    ids.push(mint("t".to_owned(), Role::Viewer, Reach::Installation, now, None).unwrap().stored.id);
                    ids.push(mint_session(None, "192.0.2.1".to_owned(), now).unwrap().stored.id);
                    ids.push(mint_link(now).unwrap().code.split('.').next().unwrap().to_owned());
                }
                ids
            })
        })
        .collect();
    let ids: Vec<String> = makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect();
    assert!(ids.len() >= MANY);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}

#[tokio::test]
async fn sixty_four_clients_at_once_create_employees_without_a_conflict() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let ids = (0..64).map(|_| {
        let client = admin.with_token(admin.token());
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..10 {
                let reply =
                    client.post("/enterprise/acme/departments/sales/employees", json!({"firstName": "New"})).await;
                ids.push(reply.expect(201)["employee"]["id"].as_str().unwrap().to_owned());
            }
            ids
        })
    });
    let mut all = HashSet::new();
    for ids in ids.collect::<Vec<_>>() {
        all.extend(ids.await.unwrap());
    }
    assert_eq!(all.len(), 640);
}

async fn created(client: &Client, path: &str, field: &str, name: &str) -> String {
    let reply = client.post(path, json!({"name": name})).await.expect(201);
    reply[field]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn names_that_lead_to_the_same_id_get_different_ones_and_the_same_name_is_a_conflict() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let long = "x".repeat(64);
    for (path, field) in [("/enterprise", "enterprise"), ("/enterprise/acme/departments", "department")] {
        let mut ids = Vec::new();
        for name in ["開発1課", "営業1課", "C", "C++", "C#", &format!("{long} a"), &format!("{long} b")] {
            ids.push(created(&admin, path, field, name).await);
        }
        assert_eq!(ids[..5], ["1", "1-2", "c", "c-2", "c-3"], "{path}");
        assert_eq!((ids[5].as_str(), ids[6].len(), &ids[6][62..]), (long.as_str(), 64, "-2"), "{path}");
        let again = admin.post(path, json!({"name": "c++"})).await.problem(409);
        assert!(again.contains("id c-2 exists already"), "{again}");
    }
}

/// The departments of `acme` by name, each with its number of contacts.
fn departments(dir: &WorkDir) -> Vec<(String, String, u64)> {
    let connection = dir.database();
    let sql = "SELECT d.public_id, d.name, s.contacts FROM department d JOIN scope s ON s.id = d.id ORDER BY d.id";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn imported(dir: &WorkDir, file: &str, content: &str) -> String {
    dir.write(file, content);
    let ended = dir.muster(&["import", file, "--enterprise", "acme", "--create-missing"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn an_import_tells_departments_apart_by_name() {
    let dir = WorkDir::new();
    imported(&dir, "a.csv", "name,department,employee\nAda,東京 Sales,u1\nBo,sales,u2\nCy,開発1課,u3\nDa,営業1課,u4\n");
    imported(&dir, "b.csv", "name,department,employee\nEd,C++,u5\nFi,C#,u6\nGo,C,u7\nHa,Sales,u8\nIo,SALES,u2\n");
    let found = departments(&dir);
    let rows: Vec<_> = found.iter().map(|(id, name, contacts)| (id.as_str(), name.as_str(), *contacts)).collect();
    assert_eq!(
        rows,
        [
            ("sales", "東京 Sales", 1),
            ("sales-2", "sales", 3),
            ("1", "開発1課", 1),
            ("1-2", "営業1課", 1),
            ("c", "C++", 1),
            ("c-2", "C#", 1),
            ("C", "C", 1),
        ]
    );
    // A column of ids, and the flag, name the department by its id.
    imported(&dir, "c.csv", "name,departmentId,employee\nJo,sales,u1\n");
    dir.write("d.csv", "name\nKi\n");
    dir.muster_ok(&["import", "d.csv", "--enterprise", "acme", "--department", "sales", "--employee", "u1"]);
    assert_eq!(departments(&dir)[0], ("sales".to_owned(), "東京 Sales".to_owned(), 3));
}

#[test]
fn an_export_is_imported_again_into_the_same_departments() {
    let dir = WorkDir::new();
    imported(&dir, "a.csv", "name,department,employee\nAda,東京 Sales,u1\nBo,Field Service,u2\nCy,C++,u3\n");
    let before = departments(&dir);
    dir.write("own.csv", dir.muster_ok(&["export", "--enterprise", "acme"]));
    let ended = dir.muster(&["import", "own.csv", "--enterprise", "acme"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("3 there already, 0 rejected"), "{}", ended.stderr);
    assert_eq!(departments(&dir), before);
}

#[test]
fn an_import_of_thousands_of_new_owners_rejects_none() {
    let dir = WorkDir::new();
    let rows: Vec<String> = (0..6_000).map(|row| format!("Person {row},sales,owner{row}@acme.example\n")).collect();
    let report = imported(&dir, "many.csv", &format!("name,department,employee_email\n{}", rows.concat()));
    assert!(report.contains("6000 imported") && report.contains("0 rejected"), "{report}");
}

#[test]
fn an_employees_id_in_another_enterprise_is_free_in_this_one() {
    let dir = WorkDir::new();
    imported(&dir, "a.csv", "name,department,employee\nAda,sales,anna\n");
    dir.write("b.csv", "name,department,employee\nBo,sales,anna\n");
    let ended = dir.muster(&["import", "b.csv", "--enterprise", "borea", "--create-missing"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let ids: Vec<Value> = {
        let connection = dir.database();
        let mut statement = connection.prepare("SELECT public_id FROM employee WHERE first_name = 'anna'").unwrap();
        statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(|id| json!(id.unwrap())).collect()
    };
    assert_eq!(ids, [json!("anna"), json!("anna")]);
}
