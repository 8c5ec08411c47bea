//! Data at rest: deleted data is erased from the files, and only their owner can read them.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{WorkDir, eventually};

/// Words that occur nowhere else in a database.
const DELETED: &str = "Quetzalcoatlus";
const PURGED: &str = "Archaeopteryx";
const KEPT: &str = "Compsognathus";

/// Whether any file of the data directory contains a word.
fn is_on_disk(dir: &WorkDir, word: &str) -> bool {
    let files = std::fs::read_dir(dir.data_dir()).unwrap();
    let paths = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let holds = |bytes: &[u8]| bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
    paths.into_iter().any(|path| holds(&std::fs::read(path).unwrap()))
}

#[test]
fn deleted_and_purged_data_is_in_none_of_the_files() {
    let dir = WorkDir::new();
    let server = dir.serve();
    let mut client = server.client();
    client.post("/enterprise", &json!({"enterpriseId": "acme", "name": "Acme"}));
    for (department, employee) in [("sales", "u1"), ("lab", "u2")] {
        client.post("/enterprise/acme/departments", &json!({"departmentId": department, "name": department}));
        client.post(
            &format!("/enterprise/acme/departments/{department}/employees"),
            &json!({"employeeId": employee, "name": employee}),
        );
    }
    let mut add = |user: &str, surname: &str| {
        let body = json!({"userId": user, "contactInfo": {"name": "A", "surname": surname, "notes": surname}});
        client.post("/saveContact", &body)["contact"]["id"].as_str().unwrap().to_owned()
    };
    // The deleted contact lies among others, so that its page stays in use.
    add("u1", KEPT);
    let deleted = add("u1", DELETED);
    add("u1", KEPT);
    for _ in 0..200 {
        add("u2", PURGED);
    }
    client.send("DELETE", &format!("/Contacts/u1/contact/{deleted}"), "").expect(200);
    client.send("DELETE", "/enterprise/acme/departments/lab?purge=true", "").expect(202);
    eventually("the purge is over", || {
        let count = "SELECT count(*) FROM purge";
        (dir.database().query_row(count, [], |row| row.get::<_, i64>(0)).unwrap() == 0).then_some(())
    });
    drop(server);
    assert!(is_on_disk(&dir, KEPT), "the search finds what is there");
    assert!(!is_on_disk(&dir, DELETED));
    assert!(!is_on_disk(&dir, PURGED));
}

#[test]
fn only_their_owner_may_read_the_files() {
    let dir = WorkDir::new();
    // Created by hand, and readable by everyone.
    std::fs::create_dir(dir.data_dir()).unwrap();
    std::fs::set_permissions(dir.data_dir(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let server = dir.serve();
    for name in ["muster.db", "muster.db-wal", "muster.db-shm"] {
        let mode = std::fs::metadata(dir.data_dir().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(server);
}
