//! Every route by every kind of caller: the four kinds of reach and the five roles, for what lies within reach, beside it
//! in the same enterprise, and in another enterprise. The routes come from the OpenAPI document, so that none can be
//! forgotten, and with them who may use them; what follows from that is worked out here once more.

use muster::domain::access::{Reach, Role};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp, contact, department, employee, enterprise};

/// One operation of the document.
#[derive(Clone, Debug)]
struct Route {
    method: Method,
    path: String,
    role: Role,
    within: String,
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `u1` of `sales` of `acme`, within every reach of the test.
    Inside,
    /// `u2` of `lab` of `acme`: only those who reach the whole enterprise.
    Beside,
    /// `g1` of `ops` of `globex`: only those who reach the installation.
    Outside,
    /// Nothing that exists.
    Nowhere,
}

const REACHES: [&str; 4] = ["installation", "enterprise", "departments", "employees"];

fn reach_of(kind: &str) -> Reach {
    match kind {
        "installation" => Reach::Installation,
        "enterprise" => Reach::Enterprise(enterprise("acme")),
        "departments" => Reach::Departments(enterprise("acme"), vec![department("sales")]),
        _ => Reach::Employees(enterprise("acme"), vec![employee("u1")]),
    }
}

async fn routes(app: &TestApp) -> Vec<Route> {
    let document = app.anonymous().get("/openapi.json").await.json();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let access = &operation["x-muster-access"];
            if access.is_null() {
                assert_eq!(operation["security"], json!([]), "{method} {path} says nothing of who may use it");
                continue;
            }
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                role: Role::parse(access["role"].as_str().unwrap()).unwrap(),
                within: access["within"].as_str().unwrap().to_owned(),
            });
        }
    }
    routes
}

/// Whether the role is enough; the table of the design, written out.
fn role_is_enough(own: Role, needed: Role) -> bool {
    let power = |role| match role {
        Role::Intake => 0,
        Role::Viewer => 1,
        Role::Contributor => 2,
        Role::Manager => 3,
        Role::Admin => 4,
    };
    match needed {
        Role::Intake => own == Role::Intake || power(own) >= 2,
        needed => own != Role::Intake && power(own) >= power(needed),
    }
}

/// How far a caller reaches with a route of this method, as a number: nothing of acme but u1's own, sales, all of acme,
/// everything.
fn reach_with(kind: &str, role: Role, method: &Method) -> u8 {
    match kind {
        "installation" => 3,
        "enterprise" => 2,
        "departments" => 1,
        // By default departments share with their employees; managers read those and administrators everything anyway.
        _ if *method == Method::GET => match role {
            Role::Admin => 2,
            Role::Intake => 0,
            Role::Viewer | Role::Contributor | Role::Manager => 1,
        },
        _ => 0,
    }
}

/// The status that a caller without the right gets; none for who has it.
fn refusal(route: &Route, kind: &str, role: Role, place: Place) -> Option<u16> {
    if !role_is_enough(role, route.role) {
        return Some(403);
    }
    let reach = reach_with(kind, role, &route.method);
    if route.within == "installation" {
        return (reach < 3).then_some(403);
    }
    // What the route names, and how far one has to reach for it at each place.
    let names = |param: &str| route.path.contains(&format!("{{{param}}}"));
    let names_user = names("userId") || ["/AddContact", "/saveContact"].contains(&route.path.as_str());
    let needed = match (route.within.as_str(), place) {
        ("reach", _) if !names("enterpriseId") && !names_user => 0,
        (_, Place::Outside) => 3,
        ("enterprise", _) | ("department" | "own", Place::Beside) => 2,
        ("reach", Place::Beside) if names_user => 2,
        ("department", Place::Inside) => 1,
        ("own" | "reach", Place::Inside) | ("reach", Place::Beside) => 0,
        other => panic!("{other:?} of {route:?}"),
    };
    (reach < needed).then_some(404)
}

fn fill(path: &str, place: Place, contact_id: &str) -> String {
    let [enterprise, department, employee] = match place {
        Place::Inside => ["acme", "sales", "u1"],
        Place::Beside => ["acme", "lab", "u2"],
        Place::Outside => ["globex", "ops", "g1"],
        Place::Nowhere => ["nowhere", "nothing", "nobody"],
    };
    path.replace("{enterpriseId}", enterprise)
        .replace("{departmentId}", department)
        .replace("{employeeId}", employee)
        .replace("{userId}", employee)
        .replace("{contactId}", contact_id)
        .replace("{tokenId}", "01k5n8w3q7r2v")
        .replace("{sessionId}", "01k5n8w3q7r2v")
        .replace("{key}", "none")
}

/// Sends a request that does as little as it can.
async fn send(client: &Client, route: &Route, path: &str, place: Place) -> Reply {
    let request = client.request(route.method.clone(), path);
    let user = fill("{userId}", place, "");
    let request = match (route.method.as_str(), route.path.as_str()) {
        ("GET" | "DELETE", _) => request,
        (_, "/AddContact" | "/saveContact") => {
            request.json(&json!({"userId": user, "contactInfo": {"name": "Somebody"}}))
        }
        (_, path) if path.ends_with("/contacts/import") => request.header("content-type", "text/csv").body("name\n"),
        (_, path) if path.ends_with("/restore") => request,
        _ => request.json(&json!({})),
    };
    Reply::to(request).await
}

/// The parts of a problem that do not differ between two requests.
fn told(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json();
    body.as_object_mut().unwrap().remove("requestId");
    (reply.status, body)
}

#[tokio::test]
async fn every_route_lets_through_every_kind_of_caller_as_its_entry_says() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let routes = routes(&app).await;
    assert!(routes.len() >= 60, "{} routes", routes.len());
    for kind in REACHES {
        for role in Role::ALL {
            let client = app.client_with(role, reach_of(kind), None).await;
            for route in &routes {
                for place in [Place::Inside, Place::Beside, Place::Outside] {
                    let is_placed = route.path.contains('{') || route.path.ends_with("Contact");
                    if place != Place::Inside && !is_placed {
                        continue;
                    }
                    judge(&app, &admin, &client, (kind, role), route, place).await;
                }
            }
        }
    }
}

async fn judge(
    app: &TestApp,
    admin: &Client,
    client: &Client,
    (kind, role): (&str, Role),
    route: &Route,
    place: Place,
) {
    let mut contact_id = "0000000000001".to_owned();
    if route.path.contains("{contactId}") {
        let owner = employee(&fill("{userId}", place, ""));
        let info = contact("a victim", "Contoso");
        let added = app.write(move |tx| tx.add_contact(&Reach::Installation, &owner, &info, "AddContact")).await;
        contact_id = added.id.to_string();
    }
    let path = fill(&route.path, place, &contact_id);
    let reply = send(client, route, &path, place).await;
    let what = format!("{} {path} by a {} of reach {kind}: {}", route.method, role.as_str(), reply.text());
    if let Some(status) = refusal(route, kind, role, place) {
        assert_eq!(reply.status, status, "{what}");
        if status == 404 && place == Place::Outside {
            // The same as for what does not exist anywhere.
            let nowhere = fill(&route.path, Place::Nowhere, &contact_id);
            let nowhere = send(client, route, &nowhere, Place::Nowhere);
            assert_eq!(told(&reply), told(&nowhere.await), "{what}");
        }
    } else {
        assert!(![401, 403].contains(&reply.status) && reply.status < 500, "{}: {what}", reply.status);
        let may_be_missing = ["{tokenId}", "{sessionId}", "{key}"].iter().any(|param| route.path.contains(param));
        let is_sign_out = route.path == "/session";
        assert!(reply.status != 404 || may_be_missing || is_sign_out, "{what}");
        put_back(admin, route, &path).await;
    }
}

/// Restores what a request has archived.
async fn put_back(admin: &Client, route: &Route, path: &str) {
    let is_archive = route.method == Method::DELETE && !path.contains("contact");
    if is_archive && path.starts_with("/enterprise/") {
        admin.post(&format!("{path}/restore"), json!({})).await.expect(200);
    }
}
