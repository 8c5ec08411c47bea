//! Files that were laid beside each other wrongly are refused at the start, with what lies there and what to do.

use std::fs;

use super::{add, add_all, assert_refused, assert_says, contents, copy_over, killed, place, total};
use crate::support::{WorkDir, eventually};

/// A killed server with a checkpointed contact `a`, and `b` in its log alone.
fn crashed() -> (WorkDir, String, std::collections::BTreeMap<String, Vec<u8>>) {
    let (dir, token) = place();
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    add_all(&mut client, &["a"]);
    await_checkpoint(&dir, "a");
    add_all(&mut client, &["b"]);
    let files = killed(server, &dir);
    assert!(!has_contact(&files["muster.db"], "b") && files["muster.db-wal"].len() > 4_096);
    (dir, token, files)
}

fn has_contact(database: &[u8], name: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.db"), database).unwrap();
    let uri = format!("file:{}?immutable=1", dir.path().join("x.db").display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = rusqlite::Connection::open_with_flags(uri, flags).unwrap();
    let sql = "SELECT count(*) FROM contact WHERE name = ?1";
    connection.query_row(sql, [name], |row| row.get::<_, u64>(0)).is_ok_and(|count| count > 0)
}

/// Waits until the database's file alone has a contact.
fn await_checkpoint(dir: &WorkDir, name: &str) {
    let path = dir.path("muster-data/muster.db");
    // Copied first: closing the file would not disturb the server's locks, which are another process's.
    eventually("the log is moved into the database", || has_contact(&fs::read(&path).unwrap(), name).then_some(()));
}

fn assert_serves(dir: &WorkDir, token: &str, expected: u64) {
    let server = dir.serve_as(token, &[]);
    let mut client = server.client();
    assert_eq!(total(&mut client), expected);
    add(&mut client, "afterwards").expect(201);
}

#[test]
fn the_log_is_moved_into_the_database_soon_after_writes_pause() {
    let (dir, token) = place();
    let server = dir.serve_as(&token, &[]);
    add_all(&mut server.client(), &["a"]);
    await_checkpoint(&dir, "a");
}

#[test]
fn a_backup_beside_the_log_of_another_database_is_refused_and_both_ways_out_lead_out() {
    let (dir, token, files) = crashed();
    // Of an earlier state, as a backup is.
    copy_over(&files, &dir.data_dir());
    drop(dir.serve_as(&token, &[]));
    dir.muster_ok(&["backup", "x.db"]);
    copy_over(&files, &dir.data_dir());
    fs::copy(dir.path("x.db"), dir.path("muster-data/muster.db")).unwrap();
    let parts = ["muster.db is a single file, such as a backup", "muster.db-wal", "move muster.db-wal and"];
    assert_refused(&dir, &parts);
    // Commands that only read refuse it, too.
    assert_says(&dir.muster(&["check"]), &parts);
    assert_says(&dir.muster(&["backup", "y.db"]), &parts);
    // `muster restore` keeps all of it.
    let ended = dir.muster(&["restore", "x.db", "--yes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let kept = contents(&dir.data_dir());
    let log = kept.iter().find(|(name, _)| name.starts_with("muster-replaced-") && name.ends_with("-wal")).unwrap();
    assert!(*log.1 == files["muster.db-wal"], "the log is kept as it was");
    assert_serves(&dir, &token, 2);
    // The other way.
    let (dir, token, _) = crashed();
    let backup = dir.path("x.db");
    fs::write(&backup, fs::read(dir.path("muster-data/muster.db")).unwrap()).unwrap();
    single(&backup);
    fs::copy(&backup, dir.path("muster-data/muster.db")).unwrap();
    assert_refused(&dir, &parts);
    for name in ["muster.db-wal", "muster.db-shm"] {
        fs::rename(dir.data_dir().join(name), dir.path(name)).unwrap();
    }
    assert_serves(&dir, &token, 1);
}

/// Makes a copy a single file, as a backup is.
fn single(path: &std::path::Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).unwrap();
}

#[test]
fn an_older_state_of_the_database_beside_a_newer_log_is_refused_as_a_mixture() {
    let (dir, token) = place();
    let older = contents(&dir.data_dir())["muster.db"].clone();
    let server = dir.serve_as(&token, &[]);
    let mut client = server.client();
    add_all(&mut client, &["a"]);
    await_checkpoint(&dir, "a");
    add_all(&mut client, &["b"]);
    await_checkpoint(&dir, "b");
    add_all(&mut client, &["c"]);
    let files = killed(server, &dir);
    fs::write(dir.path("muster-data/muster.db"), &older).unwrap();
    let parts = ["muster.db-wal is the log of another muster.db, or of another state of it", "mixture"];
    assert_refused(&dir, &parts);
    assert_says(&dir.muster(&["check"]), &parts);
    assert_says(&dir.muster(&["token", "list"]), &parts);
    // Back, and everything is there.
    fs::write(dir.path("muster-data/muster.db"), &files["muster.db"]).unwrap();
    assert_serves(&dir, &token, 3);
}

#[test]
fn the_log_of_another_installation_is_refused() {
    let (dir, token, files) = crashed();
    let (other, _, foreign) = crashed();
    fs::write(dir.path("muster-data/muster.db"), &foreign["muster.db"]).unwrap();
    assert_refused(&dir, &["log of another muster.db", "mixture"]);
    fs::write(dir.path("muster-data/muster.db"), &files["muster.db"]).unwrap();
    assert_serves(&dir, &token, 2);
    drop(other);
}

#[test]
fn a_missing_or_empty_database_beside_its_log_is_refused_and_the_log_is_kept() {
    for is_empty in [false, true] {
        let (dir, token, files) = crashed();
        let database = dir.path("muster-data/muster.db");
        fs::remove_file(&database).unwrap();
        if is_empty {
            fs::write(&database, "").unwrap();
        }
        assert_refused(&dir, &["muster.db is missing or empty, and the log muster.db-wal beside it holds changes"]);
        // A restore keeps the log.
        let kept = dir.path("good.db");
        fs::write(&kept, &files["muster.db"]).unwrap();
        single(&kept);
        let ended = dir.muster(&["restore", "good.db", "--yes"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let now = contents(&dir.data_dir());
        assert!(now.iter().any(|(name, content)| name.ends_with(".db-wal") && *content == files["muster.db-wal"]));
        assert_serves(&dir, &token, 1);
    }
}

#[test]
fn a_database_that_was_moved_away_is_not_replaced_by_an_empty_one() {
    let (dir, token) = place();
    let database = dir.path("muster-data/muster.db");
    fs::rename(&database, dir.path("aside")).unwrap();
    assert_refused(&dir, &["muster.db is missing or empty", "the file home says that there was one", "put it back"]);
    fs::rename(dir.path("aside"), &database).unwrap();
    assert_serves(&dir, &token, 0);
    fs::remove_file(&database).unwrap();
    fs::remove_file(dir.path("muster-data/home")).unwrap();
    // Without the file home it begins anew, as it says.
    dir.token("admin");
}

#[test]
fn a_copy_without_its_log_is_refused_where_the_log_holds_the_schema() {
    let (dir, token, _) = crashed();
    // What a database in its first seconds looked like before this version, and a copy of it does.
    let connection = rusqlite::Connection::open(dir.path("fresh.db")).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    let copied = fs::read(dir.path("fresh.db")).unwrap();
    assert_eq!(copied.len(), 4_096);
    let other = WorkDir::new();
    fs::create_dir(other.data_dir()).unwrap();
    fs::write(other.path("muster-data/muster.db"), copied).unwrap();
    assert_refused(&other, &["has no tables", "muster.db-wal, was left behind when it was copied"]);
    drop((connection, token));
}

#[test]
fn a_log_that_was_removed_or_damaged_is_noticed_since_what_it_held_was_acknowledged() {
    type Mistake = fn(&std::path::Path);
    let mistakes: [(&str, Mistake); 3] = [
        ("removed", |log| fs::remove_file(log).unwrap()),
        ("emptied", |log| fs::write(log, "").unwrap()),
        ("cut", |log| fs::write(log, &fs::read(log).unwrap()[..100]).unwrap()),
    ];
    for (what, mistake) in mistakes {
        let (dir, token, files) = crashed();
        mistake(&dir.path("muster-data/muster.db-wal"));
        let _ = fs::remove_file(dir.path("muster-data/muster.db-shm"));
        assert_refused(&dir, &["lacks changes that were acknowledged", "put the log back", "remove the file home"]);
        fs::write(dir.path("muster-data/muster.db-wal"), &files["muster.db-wal"]).unwrap();
        assert_serves(&dir, &token, 2);
        // The other way out.
        let (dir, token, _) = crashed();
        mistake(&dir.path("muster-data/muster.db-wal"));
        let _ = fs::remove_file(dir.path("muster-data/muster.db-shm"));
        fs::remove_file(dir.path("muster-data/home")).unwrap();
        println!("{what}");
        assert_serves(&dir, &token, 1);
    }
}

#[test]
fn a_database_that_is_a_link_is_refused() {
    let (dir, _) = place();
    let database = dir.path("muster-data/muster.db");
    fs::rename(&database, dir.path("elsewhere.db")).unwrap();
    std::os::unix::fs::symlink(dir.path("elsewhere.db"), &database).unwrap();
    assert_refused(&dir, &["muster.db in it is a symbolic link, and its log would lie elsewhere"]);
}

#[test]
fn a_database_that_is_mounted_alone_is_refused() {
    if crate::support::run_in_mount_namespace("database_file::mismatch::a_database_that_is_mounted_alone_is_refused") {
        return;
    }
    let (dir, _) = place();
    let (database, source) = (dir.path("muster-data/muster.db"), dir.path("source.db"));
    fs::copy(&database, &source).unwrap();
    let mounted = std::process::Command::new("mount").arg("--bind").arg(&source).arg(&database).output().unwrap();
    if !mounted.status.success() {
        println!("skipped: this user may not mount");
        return;
    }
    let ended = dir.muster(&["serve", "--listen", "127.0.0.1:0"]);
    assert_says(&ended, &["muster.db in it is mounted alone", "mount the whole directory"]);
    assert!(std::process::Command::new("umount").arg(&database).status().unwrap().success());
}
