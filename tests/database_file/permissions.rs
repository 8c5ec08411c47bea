//! Who else can read or replace the files: refused or said at the start, as sshd does.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{assert_says, place};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_everybody_may_write_is_refused_and_what_everybody_can_read_is_said() {
    let (dir, token) = place();
    let database = dir.path("muster-data/muster.db");
    let refused = |parts: &[&str]| assert_says(&dir.muster(&["serve", "--listen", "127.0.0.1:0"]), parts);
    set_mode(&dir.data_dir(), 0o777);
    refused(&["everybody on this machine may write there (mode 0777)", "run: chmod o-w muster-data"]);
    set_mode(&dir.data_dir(), 0o755);
    set_mode(&database, 0o666);
    refused(&["everybody on this machine may write muster.db (mode 0666)", "run: chmod 600 muster-data/muster.db"]);
    set_mode(&database, 0o644);
    let server = dir.serve_as(&token, &[]);
    let log = server.log();
    assert!(log.contains("can read the contacts in muster-data/muster.db; run: chmod 600"), "{log}");
    drop(server);
    set_mode(&database, 0o600);
    let server = dir.serve_as(&token, &[]);
    assert!(!server.log().contains("WARN"), "{}", server.log());
}

#[test]
fn a_backup_folder_that_everybody_may_write_is_not_used() {
    let (dir, token) = place();
    fs::create_dir(dir.path("backups")).unwrap();
    set_mode(&dir.path("backups"), 0o777);
    let server = dir.serve_as(&token, &["--backup-dir", "backups"]);
    let mut client = server.client();
    let reply = client.send("POST", "/backup", "");
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("everybody on this machine may write in it") && detail.contains("chmod o-w"), "{detail}");
    set_mode(&dir.path("backups"), 0o700);
    client.send("POST", "/backup", "").expect(201);
}

#[test]
fn the_lock_file_follows_no_link() {
    let (dir, _) = place();
    let (lock, victim) = (dir.path("muster-data/muster.lock"), dir.path("victim"));
    fs::remove_file(&lock).unwrap();
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &lock).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["token", "revoke", "x"], &["restore", "x.db", "--yes"]]
    {
        dir.write("x.db", "");
        let ended = dir.muster(command);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    }
    assert_says(
        &dir.muster(&["serve", "--listen", "127.0.0.1:0"]),
        &["muster.lock in it is a symbolic link; remove it"],
    );
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}
