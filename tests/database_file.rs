//! The files of the data directory after an administrator's hand was in them: nothing acknowledged vanishes silently,
//! nothing old is taken for new, and what cannot be served is refused with a sentence that leads out.

mod crafted;
mod from_elsewhere;
mod mismatch;
mod mistakes;
mod permissions;
mod read_only;
mod replaced;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{CommandOutput, TestServer, WireClient, WireReply, WorkDir};

const SUMMARY: &str = "/enterprise/acme/contacts/summary";

/// Every file of a folder with its content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())).collect()
}

/// Writes files into a folder, each over the one that is there, as `cp` does.
fn copy_over(files: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// A working directory with `acme` and its employee `u1`, and a token; its server has stopped.
fn place() -> (WorkDir, String) {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    client.post("/enterprise", &json!({"id": "acme", "name": "Acme"}));
    client.post("/enterprise/acme/departments", &json!({"id": "sales", "name": "Sales"}));
    client.post("/enterprise/acme/departments/sales/employees", &json!({"employeeId": "u1", "firstName": "U"}));
    drop(client);
    drop(server);
    (dir, token)
}

fn add(client: &mut WireClient, name: &str) -> WireReply {
    client.send("POST", "/AddContact", json!({"userId": "u1", "contactInfo": {"name": name}}).to_string())
}

fn add_all(client: &mut WireClient, names: &[&str]) {
    for name in names {
        add(client, name).expect(201);
    }
}

fn total(client: &mut WireClient) -> u64 {
    client.get(SUMMARY)["data"]["totalContacts"].as_u64().unwrap()
}

/// The summary's entity tag.
fn tag(client: &mut WireClient) -> String {
    client.send("GET", SUMMARY, "").expect(200).header("etag").unwrap().to_owned()
}

fn get_unless(client: &mut WireClient, tag: &str) -> WireReply {
    client.try_send("GET", SUMMARY, &[("If-None-Match", tag)], "").unwrap()
}

/// `muster serve` is refused with all of these in one sentence, and changes nothing but the lock.
fn assert_refused(dir: &WorkDir, parts: &[&str]) {
    let before = contents(&dir.data_dir());
    let ended = dir.muster(&["serve", "--listen", "127.0.0.1:0"]);
    assert_says(&ended, parts);
    // An empty log and its index hold nothing.
    let is_content = |(name, content): &(String, Vec<u8>)| {
        let is_empty_log = name == "muster.db-wal" && content.is_empty();
        !is_empty_log && name != "muster.lock" && name != "muster.db-shm"
    };
    let [before, after] = [before, contents(&dir.data_dir())]
        .map(|files| files.into_iter().filter(is_content).collect::<BTreeMap<_, _>>());
    assert!(after == before, "{:?} became {:?}", before.keys(), after.keys());
}

fn assert_says(ended: &CommandOutput, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part:?} is missing: {}", ended.stderr);
    }
}

fn is_ready(client: &mut WireClient) -> Result<(), String> {
    let reply = client.send("GET", "/readyz", "");
    if reply.status == 200 { Ok(()) } else { Err(reply.json()["detail"].as_str().unwrap().to_owned()) }
}

/// The server's newest audit entry of this action.
fn newest(client: &mut WireClient, action: &str) -> Value {
    client.get(&format!("/audit?action={action}"))["audit"][0].clone()
}

/// Kills a server and returns what its data directory holds.
fn killed(server: TestServer, dir: &WorkDir) -> BTreeMap<String, Vec<u8>> {
    server.kill();
    contents(&dir.data_dir())
}
