//! Commands that read work where nothing can be written.

use std::process::Command;

use super::{add_all, killed, place};
use crate::support::{WorkDir, run_in_mount_namespace};

/// Mounts the data directory read-only over itself; false where this user may not.
fn make_read_only(dir: &WorkDir) -> bool {
    let data_dir = dir.data_dir();
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(&data_dir).output();
        done.is_ok_and(|output| output.status.success())
    };
    let bound = Command::new("mount").arg("--bind").arg(&data_dir).arg(&data_dir).output();
    bound.is_ok_and(|output| output.status.success()) && mount(&["-o", "remount,ro,bind"])
}

fn unmount(dir: &WorkDir) {
    assert!(Command::new("umount").arg(dir.data_dir()).status().unwrap().success());
}

fn assert_reads(dir: &WorkDir, contacts: usize) {
    assert_eq!(dir.muster_ok(&["check"]), format!("clean: {contacts} contacts, 2 scopes\n"));
    let exported = dir.muster_ok(&["export", "--enterprise", "acme"]);
    assert_eq!(exported.lines().count(), 1 + contacts, "{exported}");
    assert!(dir.muster_ok(&["token", "list"]).contains("admin"));
    dir.muster_ok(&["backup", "--force", "x.db"]);
    let made = rusqlite::Connection::open(dir.path("x.db")).unwrap();
    let stored: usize = made.query_row("SELECT count(*) FROM contact", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, contacts);
}

#[test]
fn commands_that_read_work_on_a_read_only_file_system_with_and_without_a_log() {
    if run_in_mount_namespace(
        "database_file::read_only::commands_that_read_work_on_a_read_only_file_system_with_and_without_a_log",
    ) {
        return;
    }
    let (dir, token) = place();
    if !make_read_only(&dir) {
        println!("skipped: this user may not mount");
        return;
    }
    assert_reads(&dir, 0);
    unmount(&dir);
    let server = dir.serve_as(&token, &[]);
    add_all(&mut server.client(), &["a", "b"]);
    let files = killed(server, &dir);
    for with_index in [true, false] {
        if !with_index {
            std::fs::remove_file(dir.path("muster-data/muster.db-shm")).unwrap();
        }
        assert!(make_read_only(&dir));
        // What is only in the log is there.
        assert_reads(&dir, 2);
        unmount(&dir);
        assert!(super::contents(&dir.data_dir())["muster.db-wal"] == files["muster.db-wal"], "nothing was changed");
    }
    let leftovers =
        std::fs::read_dir(std::env::temp_dir()).unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let own = format!("muster-read-{}", std::process::id());
    assert_eq!(leftovers.filter(|name| name.starts_with(&own)).count(), 0);
}

#[test]
fn commands_that_read_change_nothing_and_refuse_an_older_schema_with_the_way_out() {
    let (dir, _) = place();
    dir.muster_ok(&["backup", "x.db"]);
    let before = super::contents(&dir.data_dir());
    dir.muster_ok(&["check"]);
    dir.muster_ok(&["token", "list"]);
    let after = super::contents(&dir.data_dir());
    assert!(before == after, "{:?} became {:?}", before.keys(), after.keys());
    let older = WorkDir::new();
    std::fs::create_dir(older.data_dir()).unwrap();
    let connection = older.database();
    connection.execute_batch(include_str!("../../src/store/engine/schema_v1.sql")).unwrap();
    connection
        .execute_batch(
            "PRAGMA application_id = 0x4d555354; PRAGMA user_version = 1;
             INSERT INTO installation (id, epoch, revision) VALUES (1, 'first', 7)",
        )
        .unwrap();
    drop(connection);
    for command in [&["check"][..], &["token", "list"], &["export", "--enterprise", "acme"]] {
        let ended = older.muster(command);
        super::assert_says(&ended, &["has schema version 1, and this Muster reads", "start `muster serve` once"]);
    }
    // A backup of any version is one.
    older.muster_ok(&["backup", "old.db"]);
}
