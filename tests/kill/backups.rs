//! Clients that back up the database, by a command and by the server; every file that was finished is verified.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Random, WireClient, WorkDir};

use super::imports::end_with_server;

const FILE: &str = "kept.db";

/// Makes the same backup repeatedly.
#[derive(Default)]
pub struct BackupClient {
    /// The number of finished backups.
    pub finished: usize,
    /// The number of backups that the server made on request.
    pub made_by_server: usize,
    /// The number of backups that a kill aborted.
    pub aborted: usize,
}

impl BackupClient {
    pub fn run_backups(
        finished: &mut usize,
        aborted: &mut usize,
        dir: &WorkDir,
        killed: &AtomicBool,
        random: &mut Random,
        acknowledged: &AtomicUsize,
    ) {
        while !killed.load(Ordering::Relaxed) {
            if end_with_server(dir.command(&["backup", "--force", FILE]), killed, random) {
                *finished += 1;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            } else {
                *aborted += 1;
            }
        }
    }

    /// Requests backups from the server until it is killed. It makes one at a time, and may be making its scheduled
    /// one.
    pub fn request_backups(made: &mut usize, mut client: WireClient, acknowledged: &AtomicUsize) {
        while let Ok(reply) = client.try_send("POST", "/backup", &[], "") {
            if reply.status == 409 {
                continue;
            }
            assert!(reply.status == 201, "{} {}", reply.status, reply.text());
            *made += 1;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The existing file is a complete database with correct sums, whenever the command was killed.
    pub fn assert_complete(&self, dir: &WorkDir) {
        if self.finished > 0 || dir.exists(FILE) {
            assert_restores(dir, FILE);
        }
        let entries = |folder| std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        // The folder of each installation, of which there is one.
        let files = entries(dir.data_dir().join("backups")).flat_map(entries);
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "db"));
        match files.max() {
            Some(newest) => assert_restores(dir, newest.to_str().unwrap()),
            None => assert_eq!(self.made_by_server, 0, "those that were acknowledged are gone"),
        }
    }
}

/// Restores a file into another data directory, and checks every sum in it.
fn assert_restores(dir: &WorkDir, file: &str) {
    let restored = dir.path("restored");
    let restored = restored.to_str().unwrap();
    dir.muster_ok(&["restore", file, "--yes", "--data-dir", restored]);
    dir.muster_ok(&["check", "--data-dir", restored]);
    std::fs::remove_dir_all(restored).unwrap();
}
