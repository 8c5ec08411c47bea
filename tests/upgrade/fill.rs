//! A database with something in every table, made by a real binary through its command line and its API.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::{Compression, GzBuilder};
use muster::clock::Clock;
use muster::store::database_path;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::support::{Client, RunningCommand, WorkDir};

/// What is asked last, and must be answered alike by every later version.
const ASKED: [&str; 22] = [
    "/enterprise",
    "/enterprise?archived=true",
    "/enterprise/acme",
    "/enterprise/acme/departments",
    "/enterprise/acme/departments?archived=true",
    "/enterprise/acme/departments/sales/employees",
    "/enterprise/acme/employees",
    "/enterprise/acme/employees?archived=true",
    "/enterprise/acme/contacts/summary",
    "/enterprise/acme/departments/sales/contacts/summary",
    "/enterprise/acme/departments/lab/contacts/summary",
    "/enterprise/nordwind/contacts/summary",
    "/enterprise/acme/contacts/details?view=list",
    "/enterprise/acme/contacts/export?format=csv",
    "/enterprise/nordwind/contacts/export?format=csv",
    "/Contacts/ada",
    "/Contacts/jk",
    "/cache/config",
    "/cache/config/history",
    "/tokens",
    "/sessions",
    "/audit",
];

/// A database that a binary has made.
pub struct Made {
    place: WorkDir,
    version: String,
    known: Value,
}

impl Made {
    pub fn database(&self) -> Connection {
        self.place.database()
    }

    /// Writes it, and what is known of it, into a folder.
    pub fn keep(&self, folder: &Path) {
        let file =
            |extension: &str| std::fs::File::create(folder.join(format!("{}.{extension}", self.version))).unwrap();
        let database = std::fs::read(database_path(&self.place.data_dir())).unwrap();
        let mut packed = GzBuilder::new().write(file("db.gz"), Compression::best());
        packed.write_all(&database).unwrap();
        packed.finish().unwrap();
        writeln!(file("json"), "{}", self.known_in_lines()).unwrap();
    }

    /// JSON with a line for each answer.
    fn known_in_lines(&self) -> String {
        let mut known = self.known.clone();
        let answers = known["answers"].take();
        let answers =
            answers.as_object().unwrap().iter().map(|(path, answer)| format!("    {}: {answer}", json!(path)));
        let answers = answers.collect::<Vec<_>>().join(",\n");
        let (made_at, token, session) = (&known["madeAt"], &known["token"], &known["session"]);
        format!(
            "{{\n  \"madeAt\": {made_at},\n  \"token\": {token},\n  \"session\": {session},\n  \"answers\": {{\n{answers}\n  }}\n}}"
        )
    }
}

/// The binary of this build, or another that `MUSTER_RELEASED_BINARY` names.
fn binary() -> PathBuf {
    let other = std::env::var_os("MUSTER_RELEASED_BINARY").map(PathBuf::from);
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_muster").into()).canonicalize().unwrap()
}

pub async fn fill() -> Made {
    let place = WorkDir::new();
    let run = |arguments: &[&str]| run(&place, arguments);
    let version = run(&["--version"]).split_whitespace().nth(1).unwrap().to_owned();
    let server = place.serve_by(&binary(), "");
    let token = run(&["token", "create", "--role", "admin", "--name", "administration"]);
    let admin = Client::at(server.address()).with_token(&token);
    directory(&admin).await;
    contacts(&admin).await;
    ends(&admin).await;
    access(&admin, &run(&["sign-in-link"]), &run(&["sign-in-link"])).await;
    cache(&admin).await;
    let session = admin.browser().await.session().to_owned();
    let mut answers = Map::new();
    for path in ASKED {
        let reply = admin.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        answers.insert(path.to_owned(), if path.contains("export") { reply.text().into() } else { reply.json() });
    }
    // Stopping writes what is still in memory, and checkpoints the write-ahead log into the one file.
    drop(server);
    let made_at = Clock::system().now().to_string();
    let known = json!({"madeAt": made_at, "token": token, "session": session, "answers": answers});
    Made { place, version, known }
}

/// Runs the binary to its end and gives what it printed.
fn run(place: &WorkDir, arguments: &[&str]) -> String {
    let like = place.command(arguments);
    let mut command = Command::new(binary());
    command.args(like.get_args()).current_dir(place.path(""));
    for (name, _) in like.get_envs().filter(|(_, value)| value.is_none()) {
        command.env_remove(name);
    }
    let ended = RunningCommand::start(command).finish();
    assert_eq!(ended.code, Some(0), "muster {arguments:?}\n{}", ended.stderr);
    ended.stdout.trim().to_owned()
}

/// Two enterprises, one of them with two departments, and three people who collect.
async fn directory(admin: &Client) {
    admin.post("/enterprise", json!({"id": "acme", "name": "Acme"})).await.expect(201);
    admin.put("/enterprise/acme", json!({"name": "Acme Werkzeugbau GmbH"})).await.expect(200);
    admin.post("/enterprise", json!({"id": "nordwind", "name": "Nordwind Østersø ApS"})).await.expect(201);
    for (enterprise, id, name) in
        [("acme", "sales", "Vertrieb"), ("acme", "lab", "Labor"), ("nordwind", "ops", "Drift & Lager")]
    {
        admin.post(&format!("/enterprise/{enterprise}/departments"), json!({"id": id, "name": name})).await.expect(201);
    }
    let staff = [
        (
            "acme",
            "sales",
            json!({"employeeId": "ada", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@acme.example"}),
        ),
        (
            "acme",
            "lab",
            json!({"employeeId": "jk", "firstName": "Jürgen", "lastName": "Krüger", "position": "Laborleiter"}),
        ),
        ("nordwind", "ops", json!({"employeeId": "signe", "firstName": "Signe", "phone": "+45 33 12 34 56"})),
    ];
    for (enterprise, department, employee) in staff {
        let path = format!("/enterprise/{enterprise}/departments/{department}/employees");
        admin.post(&path, employee).await.expect(201);
    }
    let moved = json!({"departmentId": "sales", "position": "Außendienst"});
    admin.put("/enterprise/acme/departments/lab/employees/jk", moved).await.expect(200);
}

/// Contacts one by one, with an answer kept for a retry, and from files.
async fn contacts(admin: &Client) {
    let add = async |user: &str, info: Value| {
        let added = admin.post("/AddContact", json!({"userId": user, "contactInfo": info})).await;
        added.expect(201)["contact"]["id"].as_str().unwrap().to_owned()
    };
    let anita = json!({
        "name": "Anita", "surname": "Borg", "email": "anita@contoso.example", "phone": "+49 89 1234-56",
        "company": "Contoso", "position": "Einkauf", "tags": ["messe", "münchen"], "notes": "Ruft zurück.\nSehr nett 🙂",
    });
    let id = add("ada", anita).await;
    admin.patch(&format!("/Contacts/ada/contact/{id}"), json!({"position": "Leiterin Einkauf"})).await.expect(200);
    // The same person, met by a colleague and by another company.
    add("jk", json!({"name": "Anita", "surname": "Borg", "email": "ANITA@contoso.example", "company": "CONTOSO "}))
        .await;
    add("signe", json!({"name": "Jørgen", "company": "Fabrikam"})).await;
    let gone = add("ada", json!({"name": "Versehen"})).await;
    admin.delete(&format!("/Contacts/ada/contact/{gone}")).await.expect(200);
    let once = json!({"userId": "ada", "contactInfo": {"name": "Grace", "surname": "Hopper", "company": "Fabrikam"}});
    admin.post_with_key("/saveContact", "fair-2026-card-1", once).await.expect(200);
    let google = "Given Name,Family Name,E-mail 1 - Value,Organization Name\nAlan,Turing,alan@fabrikam.example,Fabrikam\n\
                  Zoë,Müller,zoe@contoso.example,Contoso\n";
    admin
        .upload("/enterprise/acme/contacts/import?department=lab&employee=lab1&createMissing=true", google)
        .await
        .expect(200);
    let outlook = crate::support::fixture("outlook365.csv");
    admin.upload("/enterprise/nordwind/contacts/import?department=ops&employee=signe", outlook).await.expect(200);
}

/// What was archived, restored and purged.
async fn ends(admin: &Client) {
    let create = async |id: &str| {
        admin.post("/enterprise", json!({"id": id, "name": id})).await.expect(201);
        admin.post(&format!("/enterprise/{id}/departments"), json!({"id": "d", "name": "D"})).await.expect(201);
        let employee = json!({"employeeId": format!("{id}1"), "firstName": "Old"});
        admin.post(&format!("/enterprise/{id}/departments/d/employees"), employee).await.expect(201);
        let contact = json!({"userId": format!("{id}1"), "contactInfo": {"name": "Older", "company": "Northwind"}});
        admin.post("/AddContact", contact).await.expect(201);
    };
    create("archived").await;
    admin.delete("/enterprise/archived").await.expect(200);
    create("purged").await;
    admin.delete("/enterprise/purged?purge=true").await.expect(202);
    let people = "/enterprise/acme/departments/lab/employees";
    admin.post(people, json!({"employeeId": "left", "firstName": "Konrad", "lastName": "Zuse"})).await.expect(201);
    admin.post("/AddContact", json!({"userId": "left", "contactInfo": {"name": "Helmut"}})).await.expect(201);
    admin.delete(&format!("{people}/left")).await.expect(200);
    admin.post("/enterprise/acme/departments", json!({"id": "closed", "name": "Geschlossen"})).await.expect(201);
    admin.delete("/enterprise/acme/departments/closed").await.expect(200);
    admin.delete("/enterprise/acme/departments/lab").await.expect(200);
    admin.post("/enterprise/acme/departments/lab/restore", json!({})).await.expect(200);
}

/// Tokens that are left and one that is revoked, sessions by a token and by a link, and an unused link.
async fn access(admin: &Client, used_link: &str, unused_link: &str) {
    let reports = json!({"name": "reports", "role": "viewer", "enterpriseId": "acme", "expiresIn": "90d"});
    admin.post("/tokens", reports).await.expect(201);
    let lost = admin.post("/tokens", json!({"name": "lost laptop", "role": "contributor"})).await.expect(201);
    admin.delete(&format!("/tokens/{}", lost["token"]["id"].as_str().unwrap())).await.expect(200);
    let code = |link: &str| json!({"code": link.split("/#/sign-in/").nth(1).unwrap()});
    assert_ne!(code(used_link), code(unused_link));
    admin.sign_in(code(used_link)).await;
    let signed_out = admin.browser().await;
    signed_out.delete("/session").await.expect(200);
}

/// Two versions of the cache's configuration, and requests to count.
async fn cache(admin: &Client) {
    for path in ["/enterprise/acme/contacts/summary", "/enterprise/acme/departments/sales/contacts/summary"] {
        for _ in 0..3 {
            admin.get(path).await.expect(200);
        }
    }
    admin
        .put("/cache/config", json!({"ttlSettings": {"enterprise": "2h 30m"}, "maxCacheSize": 2000}))
        .await
        .expect(200);
    admin.post("/cache/config/revert", json!({"version": 0})).await.expect(200);
    admin.delete("/cache/clear").await.expect(200);
}
