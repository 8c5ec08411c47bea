//! Paging of lists, by cursor and by page number.

use std::collections::BTreeSet;

use muster::clock::Clock;
use muster::domain::access::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, at};

const EMPLOYEES: &str = "/enterprise/acme/departments/sales/employees";

async fn hire(client: &Client, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        let body = json!({"id": format!("e{number:03}"), "firstName": format!("Name {number:03}")});
        client.post(EMPLOYEES, body).await.expect(201);
    }
}

fn ids(list: &Value) -> Vec<String> {
    list["employees"].as_array().unwrap().iter().map(|employee| employee["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn following_cursors_reads_the_complete_list() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    hire(&manager, 0..25).await;
    let mut seen = Vec::new();
    let mut path = format!("{EMPLOYEES}?limit=10");
    for expected in [10, 10, 6] {
        let list = manager.get(&path).await.expect(200);
        assert_eq!((&list["count"], &list["totalCount"]), (&json!(expected), &json!(26)));
        assert_eq!(list["pagination"]["limit"], 10);
        seen.extend(ids(&list));
        match list["pagination"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("{EMPLOYEES}?limit=10&cursor={cursor}"),
            None => assert_eq!(seen.len(), 26),
        }
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((distinct.len(), seen.last().map(String::as_str)), (26, Some("u1")));
}

#[tokio::test]
async fn paging_neither_skips_nor_repeats_rows_during_concurrent_changes() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    let stay: Vec<u32> = (0..60).step_by(2).collect();
    hire(&manager, stay.iter().copied()).await;
    let mut seen = Vec::new();
    let mut path = format!("{EMPLOYEES}?limit=7");
    let mut odd = (1..60).step_by(2);
    let mut added: Vec<u32> = Vec::new();
    loop {
        let list = manager.get(&path).await.expect(200);
        seen.extend(ids(&list));
        let Some(cursor) = list["pagination"]["nextCursor"].as_str() else { break };
        // Adds rows before and after the cursor, and deletes some of them again.
        let batch: Vec<u32> = odd.by_ref().step_by(5).take(3).collect();
        hire(&manager, batch.iter().copied()).await;
        added.extend(batch);
        if let Some(gone) = added.pop() {
            manager.delete(&format!("{EMPLOYEES}/e{gone:03}")).await.expect(200);
        }
        path = format!("{EMPLOYEES}?limit=7&cursor={cursor}");
    }
    for number in stay {
        let id = format!("e{number:03}");
        assert_eq!(seen.iter().filter(|seen| **seen == id).count(), 1, "{id}");
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nothing is seen twice");
}

#[tokio::test]
async fn a_cursor_works_after_its_row_is_deleted() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    hire(&manager, 0..4).await;
    let list = manager.get(&format!("{EMPLOYEES}?limit=2")).await.expect(200);
    manager.delete(&format!("{EMPLOYEES}/e001?purge=false")).await.expect(200);
    let cursor = list["pagination"]["nextCursor"].as_str().unwrap();
    let rest = manager.get(&format!("{EMPLOYEES}?cursor={cursor}")).await.expect(200);
    assert_eq!(ids(&rest), ["e002", "e003", "u1"]);
}

#[tokio::test]
async fn lists_can_be_read_by_page_number() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    hire(&manager, 0..5).await;
    let check = async |page: u32, expected: &[&str]| {
        for list in [EMPLOYEES, "/enterprise/acme/employees"] {
            let list = manager.get(&format!("{list}?limit=2&page={page}")).await.expect(200);
            let found: Vec<String> = ids(&list).into_iter().filter(|id| id != "u2").collect();
            assert!(list["totalCount"].as_u64().unwrap() >= 6);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "page {page}");
        }
    };
    check(1, &["e000", "e001"]).await;
    check(2, &["e002", "e003"]).await;
    check(3, &["e004", "u1"]).await;
    check(5, &[]).await;
    check(1_000_000, &[]).await;
}

#[tokio::test]
async fn every_list_pages_the_same_way() {
    let app = TestApp::start_at(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {}).await;
    let admin = app.client(Role::Admin).await;
    for number in 0..3 {
        let body = json!({"userId": "u1", "contactInfo": {"name": format!("n{number}")}});
        admin.post("/AddContact", body).await.expect(201);
        admin.post("/enterprise", json!({"name": format!("E{number}")})).await.expect(201);
        admin.post("/enterprise/acme/departments", json!({"name": format!("D{number}")})).await.expect(201);
        admin.post(EMPLOYEES, json!({"name": format!("N{number}")})).await.expect(201);
    }
    for enterprise in ["acme", "globex", "e0", "e1", "e2"] {
        admin.get(&format!("/enterprise/{enterprise}/contacts/summary")).await.expect(200);
    }
    let lists = [
        ("/enterprise", "enterprises", 5),
        ("/enterprise/acme/departments", "departments", 5),
        ("/enterprise/acme/employees", "employees", 5),
        (EMPLOYEES, "employees", 4),
        ("/Contacts/u1", "contactList", 4),
        ("/cache/entries", "entries", 5),
    ];
    for (path, key, total) in lists {
        let whole = admin.get(path).await.expect(200);
        assert_eq!((&whole["count"], &whole["totalCount"]), (&json!(total), &json!(total)), "{path}");
        let mut rows = Vec::new();
        let mut next = format!("{path}?limit=2");
        loop {
            let list = admin.get(&next).await.expect(200);
            rows.extend(list[key].as_array().unwrap().clone());
            let Some(cursor) = list["pagination"]["nextCursor"].as_str() else { break };
            next = format!("{path}?limit=2&cursor={cursor}");
        }
        assert_eq!(&json!(rows), &whole[key], "{path}");
        for (query, message) in [
            ("limit=0", "limit: must be a whole number from 1 to 1000"),
            ("limit=1001", "limit: must be a whole number from 1 to 1000"),
            ("limit=ten", "limit: must be a whole number from 1 to 1000"),
            ("page=0", "page: must be a whole number from 1 to 1000000"),
            ("cursor=forged", "cursor: is not a cursor that this list has given out"),
            ("limit=1&limit=2", "limit: is given twice"),
        ] {
            assert_eq!(admin.get(&format!("{path}?{query}")).await.invalid_fields().0, message, "{path}?{query}");
        }
    }
}
