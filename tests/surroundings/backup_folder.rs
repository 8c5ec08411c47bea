//! A folder of backups that cannot be used.

use std::os::unix::fs::symlink;

use crate::support::{Exposition, WorkDir, eventually};

#[test]
fn a_backup_folder_that_cannot_be_used_is_said_at_the_start_and_not_when_a_backup_is_due() {
    let dir = WorkDir::new();
    let token = dir.token("admin");
    dir.write("file", "");
    symlink(dir.path("loop"), dir.path("loop")).unwrap();
    symlink(dir.path("nowhere"), dir.path("dangling")).unwrap();
    let check = |folder: &str, expected: &str| {
        let server = dir.serve_as(&token, &["--backup-dir", folder]);
        eventually("the log says so", || server.log().contains("no backup can be made").then_some(()));
        assert!(server.log().contains(expected), "{}", server.log());
        let mut client = server.client();
        let backup = client.get("/backup")["backup"].clone();
        assert_eq!((&backup["status"], &backup["failure"]["attempts"]), (&"failed".into(), &0.into()), "{backup:#}");
        assert!(backup["failure"]["reason"].as_str().unwrap().contains(expected), "{backup:#}");
        let metrics = Exposition::read(&client.send("GET", "/metrics", "").text());
        assert_eq!(metrics.count("muster_backup_failing", &[]), 1);
        // The server itself works.
        client.send("GET", "/readyz", "").expect(200);
        client
    };
    check("loop", "symbolic link");
    check("dangling", "symbolic link that leads nowhere");
    check("file/backups", "file is a file, not a folder");
    drop(check("file", "it is a file, not a folder"));
}

#[test]
fn a_backup_folder_that_was_mended_is_good_again_by_itself() {
    let dir = WorkDir::new();
    dir.write("backups", "");
    let server = dir.serve_as(&dir.token("admin"), &["--backup-dir", "backups"]);
    let mut client = server.client();
    assert_eq!(client.get("/backup")["backup"]["status"], "failed");
    std::fs::remove_file(dir.path("backups")).unwrap();
    let backup = client.get("/backup")["backup"].clone();
    assert_eq!((&backup["status"], backup["failure"].is_null()), (&"waiting".into(), true), "{backup:#}");
    client.send("POST", "/backup", "").expect(201);
    assert_eq!(client.get("/backup")["backup"]["status"], "good");
}

#[test]
fn a_backup_folder_that_is_missing_is_said_at_the_start() {
    let dir = WorkDir::new();
    let server = dir.serve_as(&dir.token("admin"), &["--backup-dir", "disk/backups"]);
    eventually("the log says so", || server.log().contains("disk/backups, is missing").then_some(()));
    let mut client = server.client();
    assert_eq!(client.get("/backup")["backup"]["status"], "waiting");
}
