//! What every field of every JSON body is refused for, and in which words: held against a list that people review.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use muster::domain::access::Role;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::support::{Client, Reply, TestApp};

/// The reviewed list, from the top of the repository.
const SNAPSHOT: &str = "tests/fixtures/refused-bodies.txt";

/// Set to write the list anew.
const UPDATE_VARIABLE: &str = "UPDATE_SNAPSHOTS";

/// What each field is given in turn, as JSON; absence is tried besides.
const VALUES: [&str; 19] = [
    "null",
    "true",
    "-1",
    "0",
    "0.5",
    "1",
    "2.0",
    "70000",
    "4294967296",
    "1e300",
    r#""""#,
    r#"" ""#,
    r#""x""#,
    r#""a b""#,
    r#""2h""#,
    r#""1ms""#,
    r#""A\u0000""#,
    r#"["x",7]"#,
    r#"{"x":7}"#,
];

/// A body whose fields are tried one by one.
struct Sample {
    method: Method,
    path: &'static str,
    /// The body when nothing is wrong with it.
    body: Value,
    /// Its fields, those within others with dots between.
    fields: &'static [&'static str],
}

fn samples() -> Vec<Sample> {
    const CONTACT: &[&str] = &[
        "name",
        "surname",
        "email",
        "phone",
        "company",
        "position",
        "website",
        "howWeMet",
        "notes",
        "tags",
        "location",
        "location.latitude",
        "location.longitude",
        "location.city",
        "location.country",
        "unknown",
    ];
    const NEW_CONTACT: &[&str] = &[
        "userId",
        "contactInfo",
        "contactInfo.name",
        "contactInfo.tags",
        "contactInfo.location",
        "contactInfo.location.latitude",
        "contactInfo.unknown",
        "unknown",
    ];
    const EMPLOYEE: &[&str] = &[
        "employeeId",
        "userId",
        "id",
        "firstName",
        "name",
        "lastName",
        "surname",
        "email",
        "phone",
        "position",
        "role",
        "isActive",
        "departmentId",
        "unknown",
    ];
    const NAMED: &[&str] = &["id", "name", "unknown"];
    const CONFIGURATION: &[&str] = &[
        "ttlSettings",
        "ttlSettings.enterprise",
        "ttlSettings.department",
        "ttlSettings.default",
        "ttlSettings.highActivity",
        "ttlSettings.lowActivity",
        "ttlSettings.unknown",
        "maxCacheSize",
        "maxCacheBytes",
        "defaultTTL",
        "staleIfError",
        "activity",
        "activity.highPerHour",
        "activity.lowPerDay",
        "targets",
        "targets.hitRate",
        "targets.hitMillis",
        "targets.memoryBytes",
        "targets.invalidationsPerHour",
        "unknown",
    ];
    const TOKEN: &[&str] = &["name", "role", "enterpriseId", "expiresIn", "expiresAt", "unknown"];
    let sample = |method, path, body, fields| Sample { method, path, body, fields };
    vec![
        sample(Method::POST, "/AddContact", json!({"userId": "u1", "contactInfo": {"name": "A"}}), NEW_CONTACT),
        sample(Method::PATCH, "/Contacts/u1/contact/{contactId}", json!({"company": "C"}), CONTACT),
        sample(Method::POST, "/enterprise/acme/departments/sales/employees", json!({"firstName": "A"}), EMPLOYEE),
        sample(Method::PUT, "/enterprise/acme/departments/sales/employees/u1", json!({}), EMPLOYEE),
        sample(Method::POST, "/enterprise", json!({"name": "A"}), NAMED),
        sample(Method::PUT, "/enterprise/acme", json!({}), NAMED),
        sample(Method::POST, "/enterprise/acme/departments", json!({"name": "A"}), NAMED),
        sample(Method::PUT, "/enterprise/acme/departments/sales", json!({}), NAMED),
        sample(Method::PUT, "/cache/config", json!({}), CONFIGURATION),
        sample(Method::POST, "/cache/config/revert", json!({"version": 0}), &["version", "unknown"]),
        sample(
            Method::POST,
            "/cache/warm",
            json!({"enterpriseIds": []}),
            &["enterpriseIds", "includeDepartments", "unknown"],
        ),
        sample(Method::POST, "/tokens", json!({"role": "viewer"}), TOKEN),
        sample(Method::POST, "/session", json!({}), &["token", "code", "unknown"]),
    ]
}

/// Query strings that something is wrong with, by path.
const QUERIES: [(&str, &[&str]); 8] = [
    ("/enterprise", &["limit=x", "page=1&page=2", "archived=1", "limit=0&page=0"]),
    ("/audit", &["action=a&action=b", "limit=-1"]),
    ("/cache/entries", &["kind=x", "kind=", "kind=Enterprise", "sort=x", "order=up", "sort=bytes&cursor=x"]),
    ("/cache/analytics", &["window=x", "window=", "window=hour&window=day"]),
    ("/cache/analytics/what-if", &["by=x", "kind=x", "by=ttl&by=ttl"]),
    ("/enterprise/acme/contacts/details", &["view=x", "limit=5001", "view=list&view=list"]),
    ("/enterprise/acme/contacts/export", &["format=x", "format=csv&format=csv"]),
    ("/enterprise/acme/contacts/import", &["dryRun=1", "createMissing=", "dryRun=true&dryRun=true"]),
];

/// Sends a text as JSON and returns the result.
async fn outcome(client: &Client, method: &Method, path: &str, body: &str) -> String {
    let request = client.request(method.clone(), path).header("content-type", "application/json").body(body.to_owned());
    refusal(&Reply::to(request).await)
}

/// The message of a 400, and the fields that it blames unless the message says as much.
fn refusal(reply: &Reply) -> String {
    if reply.status != 400 {
        return "not refused".to_owned();
    }
    let (message, problem) = (reply.problem(400), reply.json());
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let named = |error: &Value| format!("{}: {}", error["field"].as_str().unwrap(), error["message"].as_str().unwrap());
    match errors {
        [only] if named(only) == message => message,
        errors => format!("{message} {:?}", errors.iter().map(named).collect::<Vec<_>>()),
    }
}

/// The body with a JSON text for one of its fields; without one the field is absent.
fn with(body: &Value, field: &str, text: Option<&str>) -> String {
    const PLACE: &str = "put the text here";
    let mut body = body.clone();
    let mut object: &mut Map<String, Value> = body.as_object_mut().unwrap();
    let (within, last) = field.rsplit_once('.').map_or((None, field), |(within, last)| (Some(within), last));
    for step in within.into_iter().flat_map(|within| within.split('.')) {
        object = object.entry(step).or_insert_with(|| json!({})).as_object_mut().unwrap();
    }
    match text {
        Some(_) => object.insert(last.to_owned(), json!(PLACE)),
        None => object.remove(last),
    };
    body.to_string().replace(&format!("\"{PLACE}\""), text.unwrap_or_default())
}

#[tokio::test]
async fn each_field_of_each_body_is_refused_in_the_words_that_were_reviewed() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let contacts = admin.get("/Contacts/u1").await.expect(200);
    let contact = contacts["contactList"][0]["id"].as_str().unwrap();
    let mut list = String::new();
    for Sample { method, path, body, fields } in samples() {
        writeln!(list, "{method} {path}").unwrap();
        let path = path.replace("{contactId}", contact);
        for whole in ["null", "[]", "7", "\"x\"", r#"[{"x":7}]"#] {
            writeln!(list, "  {whole}: {}", outcome(&admin, &method, &path, whole).await).unwrap();
        }
        for field in fields {
            writeln!(list, "  {field}").unwrap();
            // By what comes of them, in the order of the first.
            let mut outcomes: Vec<(String, Vec<&str>)> = Vec::new();
            let mut places: BTreeMap<String, usize> = BTreeMap::new();
            for value in std::iter::once(None).chain(VALUES.map(Some)) {
                let outcome = outcome(&admin, &method, &path, &with(&body, field, value)).await;
                let place = *places.entry(outcome.clone()).or_insert(outcomes.len());
                if place == outcomes.len() {
                    outcomes.push((outcome, Vec::new()));
                }
                outcomes[place].1.push(value.unwrap_or("(absent)"));
            }
            for (outcome, values) in outcomes {
                writeln!(list, "    {}\n      {outcome}", values.join(" ")).unwrap();
            }
        }
    }
    for (path, queries) in QUERIES {
        let method = if path.ends_with("import") { Method::POST } else { Method::GET };
        writeln!(list, "{method} {path}").unwrap();
        for query in queries {
            let reply = Reply::to(admin.request(method.clone(), &format!("{path}?{query}"))).await;
            writeln!(list, "  {query}: {}", refusal(&reply)).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT);
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::write(&path, &list).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = reviewed.lines().zip(list.lines()).find(|(one, other)| one != other);
    assert!(
        reviewed == list,
        "the refusals differ from {SNAPSHOT}: {differs:?}; if that is meant, run\n\
         {UPDATE_VARIABLE}=1 cargo test --test main routes::request_bodies\nand review what changes in that file"
    );
}
