//! Contact details over HTTP.

use std::collections::BTreeSet;
use std::time::Duration;

use muster::clock::Clock;
use muster::domain::access::{Reach, Role};
use muster::domain::contacts::DETAILS_TEXT_BYTES_MAX;
use muster::domain::contacts::{ContactFields, ContactInfo};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp, at, employee};

const ACME: &str = "/enterprise/acme/contacts/details";
const GLOBEX: &str = "/enterprise/globex/contacts/details";
const SALES: &str = "/enterprise/acme/departments/sales/contacts/details";
const LAB: &str = "/enterprise/acme/departments/lab/contacts/details";
const IMPORT: &str = "/enterprise/acme/contacts/import?employee=u1";

/// The time of the server's manual clock.
const NOW: &str = "2026-11-22T07:31:37.860Z";

/// A server with a manual clock, in which `u1` and the newest contact have every field.
async fn start() -> (TestApp, Clock, Client, Value) {
    let clock = Clock::manual(at("2026-11-22T07:30:00.005Z"));
    let app = TestApp::start_at(clock.clone(), |_| {}).await;
    clock.set_wall(at(NOW));
    let admin = app.client(Role::Admin).await;
    let owner =
        json!({"firstName": "Ada", "lastName": "Lovelace", "email": "ada@acme.example", "position": "Engineer"});
    admin.put("/enterprise/acme/departments/sales/employees/u1", owner).await.expect(200);
    let info = json!({
        "name": "Grace", "surname": "Hopper", "email": "Grace@Contoso.example", "phone": "+1 555", "company": "Contoso",
        "position": "CTO", "website": "contoso.example", "howWeMet": "At a fair", "notes": "Two\nlines",
        "tags": ["fair", "vip"], "location": {"latitude": 52.5, "longitude": -13, "city": "Berlin"}
    });
    let added = admin.post("/AddContact", json!({"userId": "u1", "contactInfo": info})).await.expect(201);
    (app, clock, admin, added["contact"].clone())
}

/// The employee's contact in the test data, as the contact's own route returns it.
async fn friend_of(client: &Client, user: &str) -> Value {
    let list = client.get(&format!("/Contacts/{user}")).await.expect(200);
    list["contactList"].as_array().unwrap().last().unwrap().clone()
}

fn ada() -> Value {
    json!({
        "userId": "u1", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@acme.example", "department": "SALES",
        "jobTitle": "Engineer"
    })
}

/// The `ownerInfo` of an employee with nothing but a first name.
fn plain(user: &str, department: &str) -> Value {
    json!({
        "userId": user, "firstName": user, "lastName": "", "email": "", "department": department, "jobTitle": ""
    })
}

/// The list view of a contact, made from the answer of the contact's own route.
fn listed(contact: &Value, owner: Value) -> Value {
    let mut contact = contact.clone();
    contact["ownerInfo"] = owner;
    contact
}

/// The full view of a contact, made from the answer of the contact's own route.
fn full(contact: &Value, owner: Value, seconds: i64, nanoseconds: i64) -> Value {
    let mut contact = listed(contact, owner);
    contact["createdAt"] = json!({"_seconds": seconds, "_nanoseconds": nanoseconds});
    contact
}

#[tokio::test]
async fn the_full_view_of_an_enterprise_groups_contacts_by_department() {
    let (_app, _clock, admin, grace) = start().await;
    let (friend_1, friend_2) = (friend_of(&admin, "u1").await, friend_of(&admin, "u2").await);
    assert_eq!(grace["location"], json!({"latitude": 52.5, "longitude": -13.0, "city": "Berlin", "country": ""}));
    admin.post("/enterprise/acme/departments", json!({"id": "empty", "name": "Empty"})).await.expect(201);
    let reply = admin.get(ACME).await;
    assert_eq!(
        reply.expect(200),
        json!({
            "success": true, "cached": false, "stale": false, "timestamp": NOW,
            "data": {
                "enterpriseId": "acme", "enterpriseName": "ACME", "totalContacts": 3, "totalDepartments": 3,
                "departmentStats": {
                    "empty": {"name": "Empty", "contactCount": 0, "employeeCount": 0},
                    "lab": {"name": "LAB", "contactCount": 1, "employeeCount": 1},
                    "sales": {"name": "SALES", "contactCount": 2, "employeeCount": 1},
                },
                "contactsByDepartment": {
                    "empty": {"departmentId": "empty", "departmentName": "Empty", "contactCount": 0, "contacts": []},
                    "lab": {
                        "departmentId": "lab", "departmentName": "LAB", "contactCount": 1,
                        "contacts": [full(&friend_2, plain("u2", "LAB"), 1_795_332_600, 5_000_000)],
                    },
                    "sales": {
                        "departmentId": "sales", "departmentName": "SALES", "contactCount": 2,
                        "contacts": [
                            full(&grace, ada(), 1_795_332_697, 860_000_000),
                            full(&friend_1, ada(), 1_795_332_600, 5_000_000),
                        ],
                    },
                },
                "generatedAt": NOW, "cacheExpiry": "2026-11-22T08:01:37.860Z",
                "pagination": {"limit": 1000, "nextCursor": null},
            }
        })
    );
    let text = reply.text();
    let names = ["\"empty\"", "\"lab\"", "\"sales\""].map(|name| text.find(name).unwrap());
    assert!(names.is_sorted(), "departments come in the order of their names: {text}");
}

#[tokio::test]
async fn the_full_view_of_a_department_counts_contacts_per_employee() {
    let (_app, _clock, admin, grace) = start().await;
    let friend = friend_of(&admin, "u1").await;
    let eve = json!({"id": "u3", "firstName": "Eve"});
    admin.post("/enterprise/acme/departments/sales/employees", eve).await.expect(201);
    assert_eq!(
        admin.get(SALES).await.expect(200)["data"],
        json!({
            "enterpriseId": "acme", "enterpriseName": "ACME", "departmentId": "sales", "departmentName": "SALES",
            "totalContacts": 2, "totalEmployees": 2,
            "employeeContactBreakdown": {
                "u1": {
                    "firstName": "Ada", "lastName": "Lovelace", "email": "ada@acme.example", "jobTitle": "Engineer",
                    "contactCount": 2
                },
                "u3": {"firstName": "Eve", "lastName": "", "email": "", "jobTitle": "", "contactCount": 0},
            },
            "contacts": [
                full(&grace, ada(), 1_795_332_697, 860_000_000),
                full(&friend, ada(), 1_795_332_600, 5_000_000),
            ],
            "generatedAt": NOW, "cacheExpiry": "2026-11-22T08:01:37.860Z",
            "pagination": {"limit": 1000, "nextCursor": null},
        })
    );
}

#[tokio::test]
async fn the_list_view_is_flat_with_rfc_3339_times() {
    let (_app, _clock, admin, grace) = start().await;
    let (friend_1, friend_2) = (friend_of(&admin, "u1").await, friend_of(&admin, "u2").await);
    let data = admin.get(&format!("{ACME}?view=list&limit=7")).await.expect(200)["data"].clone();
    assert_eq!(
        data,
        json!({
            "enterpriseId": "acme", "enterpriseName": "ACME", "totalContacts": 3, "totalDepartments": 2,
            "contacts": [
                listed(&grace, ada()), listed(&friend_2, plain("u2", "LAB")), listed(&friend_1, ada()),
            ],
            "generatedAt": NOW, "cacheExpiry": "2026-11-22T08:01:37.860Z",
            "pagination": {"limit": 7, "nextCursor": null},
        })
    );
    assert_eq!(data["contacts"][0]["createdAt"], NOW);
    assert_eq!(
        admin.get(&format!("{SALES}?view=list")).await.expect(200)["data"],
        json!({
            "enterpriseId": "acme", "enterpriseName": "ACME", "departmentId": "sales", "departmentName": "SALES",
            "totalContacts": 2, "totalEmployees": 1,
            "contacts": [listed(&grace, ada()), listed(&friend_1, ada())],
            "generatedAt": NOW, "cacheExpiry": "2026-11-22T08:01:37.860Z",
            "pagination": {"limit": 1000, "nextCursor": null},
        })
    );
}

/// The contacts of a page, by either view.
fn contacts(data: &Value) -> Vec<Value> {
    if let Some(contacts) = data["contacts"].as_array() {
        return contacts.clone();
    }
    let departments = data["contactsByDepartment"].as_object().unwrap().values();
    departments.flat_map(|department| department["contacts"].as_array().unwrap().clone()).collect()
}

/// CSV rows, every third of which has the same creation time.
fn rows(who: &str, numbers: impl Iterator<Item = u32>) -> String {
    let rows = numbers.map(|number| {
        let (minute, second) = if number % 3 == 0 { (30, 0) } else { (number / 60 % 60, number % 60) };
        format!("{who} {number},{who}{number}@x.example,2020-11-20T08:{minute:02}:{second:02}Z\n")
    });
    std::iter::once("name,email,createdAt\n".to_owned()).chain(rows).collect()
}

#[tokio::test]
async fn paging_neither_skips_nor_repeats_contacts_during_concurrent_writes() {
    const STAY: u32 = 3_000;
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    manager.upload(IMPORT, rows("stay", 0..STAY)).await.expect(200);
    let mut come = 0;
    let lists = [ACME, SALES].map(|route| [format!("{route}?limit=290"), format!("{route}?view=list&limit=290")]);
    for first in lists.as_flattened() {
        let mut seen = Vec::new();
        let mut next = Some(first.clone());
        while let Some(path) = next {
            // Adds rows before and after the cursor, many of them at the creation time that most rows share; deletes
            // some of them again.
            let disturb = async {
                manager.upload(IMPORT, rows("come", (come..come + 300).step_by(37))).await.expect(200);
                let new = json!({"userId": "u1", "contactInfo": {"name": "new"}});
                manager.post("/saveContact", new.clone()).await.expect(200);
                let gone = manager.post("/saveContact", new).await.expect(200)["contact"]["id"].clone();
                manager.delete(&format!("/Contacts/u1/contact/{}", gone.as_str().unwrap())).await.expect(200);
            };
            let (page, ()) = tokio::join!(manager.get(&path), disturb);
            come += 300;
            let data = page.expect(200)["data"].clone();
            assert!(data["totalContacts"].as_u64().unwrap() >= u64::from(STAY));
            for counts in ["departmentStats", "employeeContactBreakdown"] {
                let Some(counts) = data[counts].as_object() else { continue };
                let sum: u64 = counts.values().map(|count| count["contactCount"].as_u64().unwrap()).sum();
                assert_eq!(data["totalContacts"], sum, "all of it is of one moment: {path}");
            }
            seen.extend(contacts(&data));
            let cursor = data["pagination"]["nextCursor"].as_str();
            next = cursor.map(|cursor| format!("{first}&cursor={cursor}"));
        }
        let ids: BTreeSet<&str> = seen.iter().map(|contact| contact["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), seen.len(), "nothing is seen twice: {first}");
        let stayed: BTreeSet<&str> = seen.iter().map(|contact| contact["name"].as_str().unwrap()).collect();
        for number in 0..STAY {
            assert!(stayed.contains(&*format!("stay {number}")), "{number} was skipped: {first}");
        }
    }
}

#[tokio::test]
async fn every_page_has_the_total_counts_and_pages_follow_in_time_order() {
    let app = TestApp::start().await;
    let manager = app.client(Role::Manager).await;
    manager.upload(IMPORT, rows("n", 0..2_000)).await.expect(200);
    let check = async |route: &str, query: &str, limit: usize, total: u64, pages: usize| {
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut path = format!("{route}?{query}");
        for page in 1..=pages {
            let data = manager.get(&path).await.expect(200)["data"].clone();
            assert_eq!(data["totalContacts"], total, "{path}");
            if let Some(stats) = data.get("departmentStats") {
                assert_eq!(stats["sales"]["contactCount"], 2_001, "{path}");
                assert_eq!(data["contactsByDepartment"]["lab"]["contactCount"], 1, "{path}");
            }
            if let Some(breakdown) = data.get("employeeContactBreakdown") {
                assert_eq!(breakdown["u1"]["contactCount"], 2_001, "{path}");
            }
            let found = contacts(&data);
            assert_eq!(found.len(), limit.min(usize::try_from(total).unwrap() - seen.len()), "{path}");
            seen.extend(found.iter().map(|contact| {
                let time = match contact["createdAt"].as_str() {
                    Some(time) => time.to_owned(),
                    None => format!("{:020}", contact["createdAt"]["_seconds"].as_i64().unwrap()),
                };
                (time, contact["id"].as_str().unwrap().to_owned())
            }));
            match data["pagination"]["nextCursor"].as_str() {
                Some(cursor) => path = format!("{route}?{query}&cursor={cursor}"),
                None => assert_eq!(page, pages, "{path}"),
            }
        }
        assert_eq!(seen.len() as u64, total, "{route}?{query}");
        if !query.contains("full") {
            assert!(seen.is_sorted_by(|newer, older| newer > older), "{route}?{query}");
        }
    };
    check(ACME, "view=full", 1_000, 2_002, 3).await;
    check(ACME, "view=list&limit=501", 501, 2_002, 4).await;
    check(SALES, "limit=667", 667, 2_001, 3).await;
    check(SALES, "view=list&limit=2001", 2_001, 2_001, 1).await;
    check(ACME, "view=list&limit=5000", 5_000, 2_002, 1).await;
}

#[tokio::test]
async fn a_page_of_very_long_contacts_ends_early_with_a_cursor() {
    const LETTERS: usize = 20_000;
    const TEXT_BYTES: usize = LETTERS * "é".len();
    const FITTING: usize = DETAILS_TEXT_BYTES_MAX.div_ceil(TEXT_BYTES + 1);
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    app.write(|tx| {
        let fields = ContactFields { name: "n".into(), notes: "é".repeat(LETTERS), ..ContactFields::default() };
        let info = ContactInfo::parse(fields).unwrap();
        for _ in 0..FITTING + 10 {
            tx.add_contact(&Reach::Installation, &employee("g1"), &info, "AddContact")?;
        }
        Ok(())
    })
    .await;
    let data = viewer.get(&format!("{GLOBEX}?limit=5000&view=list")).await.expect(200)["data"].clone();
    assert_eq!((contacts(&data).len(), &data["pagination"]["limit"]), (FITTING, &json!(5_000)));
    let cursor = data["pagination"]["nextCursor"].as_str().unwrap();
    let rest = viewer.get(&format!("{GLOBEX}?view=list&cursor={cursor}")).await.expect(200)["data"].clone();
    assert_eq!((contacts(&rest).len(), &rest["pagination"]["nextCursor"]), (11, &Value::Null));
}

#[tokio::test]
async fn archived_contacts_are_neither_listed_nor_counted() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let eve = json!({"id": "u3", "firstName": "Eve"});
    admin.post("/enterprise/acme/departments/sales/employees", eve).await.expect(201);
    admin.post("/saveContact", json!({"userId": "u3", "contactInfo": {"name": "hers"}})).await.expect(200);
    let names = |data: &Value| -> BTreeSet<String> {
        contacts(data).iter().map(|contact| contact["name"].as_str().unwrap().to_owned()).collect()
    };
    let set = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let data = admin.get(ACME).await.expect(200)["data"].clone();
    assert_eq!(names(&data), set(&["friend of u1", "friend of u2", "hers"]));

    admin.delete("/enterprise/acme/departments/sales/employees/u3").await.expect(200);
    let data = admin.get(SALES).await.expect(200)["data"].clone();
    assert_eq!((names(&data), &data["totalContacts"]), (set(&["friend of u1"]), &json!(1)));
    assert_eq!(data["employeeContactBreakdown"].as_object().unwrap().keys().collect::<Vec<_>>(), ["u1"]);
    let data = admin.get(ACME).await.expect(200)["data"].clone();
    assert_eq!((names(&data), &data["totalContacts"]), (set(&["friend of u1", "friend of u2"]), &json!(2)));
    assert_eq!(data["departmentStats"]["sales"], json!({"name": "SALES", "contactCount": 1, "employeeCount": 1}));

    admin.delete("/enterprise/acme/departments/lab").await.expect(200);
    for view in ["full", "list"] {
        let data = admin.get(&format!("{ACME}?view={view}")).await.expect(200)["data"].clone();
        assert_eq!((names(&data), &data["totalContacts"]), (set(&["friend of u1"]), &json!(1)));
        assert_eq!(data["totalDepartments"], 1);
        assert_eq!(data.get("departmentStats").and_then(|stats| stats.get("lab")), None);
    }

    admin.delete("/enterprise/globex").await.expect(200);
    let check = async |path: &str, message: &str| {
        assert_eq!(admin.get(path).await.problem(404), message, "{path}");
    };
    check(LAB, "Department not found").await;
    check("/enterprise/acme/departments/ops/contacts/details", "Department not found").await;
    check("/enterprise/unknown/contacts/details", "Enterprise not found").await;
    check("/enterprise/a%20b/contacts/details", "Enterprise not found").await;
    check(GLOBEX, "Enterprise not found").await;
    check("/enterprise/globex/departments/ops/contacts/details?view=list", "Enterprise not found").await;
}

#[tokio::test]
async fn a_limited_token_reads_only_the_contacts_of_its_enterprise() {
    let app = TestApp::start().await;
    let viewer = app.enterprise_client(Role::Viewer, "acme").await;
    for path in [ACME, SALES] {
        viewer.get(path).await.expect(200);
        assert_eq!(viewer.get(&format!("/api{path}")).await.expect(200)["cached"], true, "{path}");
        app.anonymous().get(path).await.problem(401);
    }
    for path in [GLOBEX, "/enterprise/globex/departments/ops/contacts/details?limit=0"] {
        assert_eq!(viewer.get(path).await.problem(404), "Enterprise not found", "{path}");
    }
}

#[tokio::test]
async fn invalid_page_parameters_are_refused_before_the_cache_is_used() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let before = app.summaries.cache().stats();
    for path in [ACME, SALES] {
        for (query, message) in [
            ("limit=0", "limit: must be a whole number from 1 to 5000"),
            ("limit=5001", "limit: must be a whole number from 1 to 5000"),
            ("limit=ten", "limit: must be a whole number from 1 to 5000"),
            ("limit=1&limit=2", "limit: is given twice"),
            ("cursor=forged", "cursor: is not a cursor that this list has given out"),
            ("cursor=", "cursor: is not a cursor that this list has given out"),
            ("view=map", "view: must be \"full\" or \"list\""),
        ] {
            let (refusal, fields) = viewer.get(&format!("{path}?{query}")).await.invalid_fields();
            assert_eq!(refusal, message, "{path}?{query}");
            assert_eq!(fields, [query.split('=').next().unwrap()], "{path}?{query}");
        }
    }
    let counted = app.summaries.cache().stats().since(&before);
    assert_eq!((counted.hits, counted.misses, counted.loads), (0, 0, 0));
    assert_eq!(app.summaries.cache().entry_totals().entries, 0);
}

/// Whether a request is answered from the cache.
async fn is_cached(client: &Client, path: &str) -> bool {
    client.get(path).await.expect(200)["cached"].as_bool().unwrap()
}

#[tokio::test]
async fn equivalent_queries_share_one_cache_entry() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let first = viewer.get(&format!("{ACME}?limit=1")).await.expect(200);
    let cursor = first["data"]["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let pages: [&[String]; 5] = [
        &[String::new(), "?limit=1000".into(), "?view=full".into(), "?limit=01000&view=full&page=9".into()],
        &["?limit=999".into()],
        &["?view=list".into(), "?view=list&limit=1000".into()],
        &[format!("?cursor={cursor}"), format!("?cursor={cursor}&limit=1000")],
        &[format!("?cursor={cursor}&limit=7")],
    ];
    for spellings in pages {
        for (position, query) in spellings.iter().enumerate() {
            assert_eq!(is_cached(&viewer, &format!("{ACME}{query}")).await, position > 0, "{query}");
        }
    }
    assert_eq!(app.summaries.cache().entry_totals().entries, 6);
}

#[tokio::test]
async fn a_write_to_one_department_keeps_the_cached_pages_of_others() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let pages = |route: &str| [route.to_owned(), format!("{route}?view=list&limit=1")];
    for path in [ACME, GLOBEX, SALES, LAB].into_iter().flat_map(pages) {
        assert!(!is_cached(&admin, &path).await, "{path}");
        assert!(is_cached(&admin, &path).await, "{path}");
    }
    admin.post("/saveContact", json!({"userId": "u1", "contactInfo": {"name": "Anita"}})).await.expect(200);
    for (route, kept) in [(ACME, false), (GLOBEX, true), (SALES, false), (LAB, true)] {
        for path in pages(route) {
            assert_eq!(is_cached(&admin, &path).await, kept, "{path}");
        }
    }
    let newest = admin.get(&format!("{SALES}?view=list&limit=1")).await.expect(200);
    assert_eq!(newest["data"]["contacts"][0]["name"], "Anita");
}

#[tokio::test]
async fn renames_and_moves_invalidate_cached_pages() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let pages = async || {
        let mut found = Vec::new();
        for path in [ACME, SALES] {
            let page = admin.get(&format!("{path}?view=list")).await.expect(200);
            let theirs = contacts(&page["data"]).into_iter().find(|contact| contact["userId"] == "u1").unwrap();
            found.push((page["data"]["enterpriseName"].clone(), theirs["ownerInfo"].clone()));
        }
        found
    };
    pages().await;
    admin.put("/enterprise/acme/departments/sales", json!({"name": "Trade"})).await.expect(200);
    assert!(pages().await.iter().all(|(_, owner)| owner["department"] == "Trade"));
    admin.put("/enterprise/acme/departments/sales/employees/u1", json!({"position": "Chief"})).await.expect(200);
    assert!(pages().await.iter().all(|(_, owner)| owner["jobTitle"] == "Chief"));
    admin.put("/enterprise/acme", json!({"name": "Acme & Sons"})).await.expect(200);
    assert!(pages().await.iter().all(|(enterprise, _)| enterprise == "Acme & Sons"));

    // A move changes what both departments and the enterprise show.
    assert_eq!(admin.get(LAB).await.expect(200)["data"]["totalContacts"], 1);
    admin.put("/enterprise/acme/departments/sales/employees/u1", json!({"departmentId": "lab"})).await.expect(200);
    assert_eq!(admin.get(SALES).await.expect(200)["data"]["contacts"], json!([]));
    let lab = admin.get(&format!("{LAB}?view=list")).await.expect(200)["data"].clone();
    let shown: Vec<Value> = contacts(&lab)
        .iter()
        .map(|contact| json!([contact["userId"], contact["departmentId"], contact["ownerInfo"]["department"]]))
        .collect();
    assert_eq!(shown, [json!(["u2", "lab", "LAB"]), json!(["u1", "lab", "LAB"])]);
}

#[tokio::test]
async fn a_page_is_cached_until_its_cache_expiry() {
    let (_app, clock, admin, _) = start().await;
    let page = admin.get(SALES).await.expect(200)["data"].clone();
    let lifetime_millis = at(page["cacheExpiry"].as_str().unwrap()).millis() - at(NOW).millis();
    clock.advance(Duration::from_millis((lifetime_millis - 1).try_into().unwrap()));
    let kept = admin.get(SALES).await;
    assert_eq!(kept.headers["cache-status"], "muster; hit; ttl=0");
    assert_eq!(kept.expect(200)["data"], page);
    clock.advance(Duration::from_millis(1));
    let renewed = admin.get(SALES).await.expect(200);
    assert_eq!(renewed["cached"], false);
    assert_ne!(renewed["data"]["generatedAt"], page["generatedAt"]);
}

#[tokio::test]
async fn a_page_request_with_a_matching_entity_tag_answers_304() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    for path in [format!("{ACME}?limit=1"), format!("{SALES}?view=list")] {
        let ask = async |etag: &str| Reply::to(admin.request(Method::GET, &path).header("if-none-match", etag)).await;
        let etag = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
        let unchanged = ask(&etag).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{path}");
        app.summaries.cache().clear();
        let before = app.summaries.cache().stats();
        assert_eq!(ask(&etag).await.status, 304, "{path}");
        let counted = app.summaries.cache().stats().since(&before);
        assert_eq!((counted.revalidated, counted.loads), (1, 0), "{path}");
        admin.post("/saveContact", json!({"userId": "u1", "contactInfo": {"name": "Anita"}})).await.expect(200);
        let changed = ask(&etag).await;
        changed.expect(200);
        assert_ne!(changed.headers["etag"], *etag, "{path}");
    }
}
