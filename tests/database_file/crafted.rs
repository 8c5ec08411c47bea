//! A backup or a database that somebody has added to runs nothing of it.

use rusqlite::Connection;

use super::{add_all, assert_says, place};

const PLANTED: &str = "CREATE TRIGGER planted AFTER INSERT ON audit BEGIN
    INSERT INTO token (id, name, role, secret_hash, created_at) VALUES ('evil', 'evil', 'admin', zeroblob(32), 0);
END";

#[test]
fn a_backup_with_a_trigger_of_its_own_is_refused_and_plants_nothing() {
    let (dir, token) = place();
    dir.muster_ok(&["backup", "x.db"]);
    let crafts = [
        (PLANTED, "the trigger \"planted\", which Muster does not make"),
        ("CREATE VIEW extra AS SELECT * FROM token", "the view \"extra\", which Muster does not make"),
        ("DROP TRIGGER token_inserted", "it lacks the trigger \"token_inserted\""),
        ("CREATE TABLE sqlite_like (x)", "the table \"sqlite_like\", which Muster does not make"),
    ];
    for (number, (craft, expected)) in crafts.into_iter().enumerate() {
        let crafted = format!("crafted{number}.db");
        std::fs::copy(dir.path("x.db"), dir.path(&crafted)).unwrap();
        Connection::open(dir.path(&crafted)).unwrap().execute_batch(craft).unwrap_or_else(|error| {
            // SQLite itself refuses some names.
            assert!(error.to_string().contains("reserved"), "{error}");
        });
        if craft.contains("sqlite_like") {
            continue;
        }
        assert_says(&dir.muster(&["restore", &crafted, "--yes"]), &[expected, "nothing of it was run"]);
    }
    let server = dir.serve_as(&token, &[]);
    let tokens = server.client().get("/tokens");
    assert!(!tokens.to_string().contains("evil"), "{tokens}");
}

#[test]
fn a_database_with_a_trigger_of_its_own_is_not_served_and_can_be_replaced() {
    let (dir, token) = place();
    dir.muster_ok(&["backup", "x.db"]);
    dir.database().execute_batch(PLANTED).unwrap();
    let ended = dir.muster(&["serve", "--listen", "127.0.0.1:0"]);
    assert_says(&ended, &["was changed by somebody", "the trigger \"planted\"", "Restore a backup that you trust"]);
    assert_says(&dir.muster(&["token", "create", "--role", "admin"]), &["the trigger \"planted\""]);
    assert_eq!(dir.muster(&["restore", "x.db", "--yes"]).code, Some(0));
    let server = dir.serve_as(&token, &[]);
    add_all(&mut server.client(), &["a"]);
}
