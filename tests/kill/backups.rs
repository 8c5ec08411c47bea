//! Who backs the database up beside the server, and looks into every file that got its name.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Place, Random, WireClient};

use super::imports::end_with_server;

const FILE: &str = "kept.db";

/// Somebody who makes the same backup again and again.
#[derive(Default)]
pub struct Archivist {
    /// How many were finished.
    pub finished: usize,
    /// How many the server has made because it was asked to.
    pub made_by_server: usize,
    /// How many a kill broke off.
    pub broken_off: usize,
}

impl Archivist {
    pub fn back_up_on(
        finished: &mut usize,
        broken_off: &mut usize,
        place: &Place,
        killed: &AtomicBool,
        random: &mut Random,
        acknowledged: &AtomicUsize,
    ) {
        while !killed.load(Ordering::Relaxed) {
            if end_with_server(place.command(&["backup", "--force", FILE]), killed, random) {
                *finished += 1;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            } else {
                *broken_off += 1;
            }
        }
    }

    /// Has the server make backups until it is gone. It makes one at a time, and may be at its own of the day.
    pub fn ask_on(made: &mut usize, mut client: WireClient, acknowledged: &AtomicUsize) {
        while let Ok(reply) = client.try_send("POST", "/backup", &[], "") {
            if reply.status == 409 {
                continue;
            }
            assert!(reply.status == 201, "{} {}", reply.status, reply.text());
            *made += 1;
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The file that is there is a whole database, and the sums in it are right, whenever the command was killed.
    pub fn assert_whole(&self, place: &Place) {
        if self.finished > 0 || place.exists(FILE) {
            assert_restores(place, FILE);
        }
        let folder = std::fs::read_dir(place.data_dir().join("backups")).into_iter().flatten();
        let files =
            folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "db"));
        match files.max() {
            Some(newest) => assert_restores(place, newest.to_str().unwrap()),
            None => assert_eq!(self.made_by_server, 0, "those that were acknowledged are gone"),
        }
    }
}

/// Restores a file into a place of its own, and checks every sum in it.
fn assert_restores(place: &Place, file: &str) {
    let restored = place.path("restored");
    let restored = restored.to_str().unwrap();
    place.done(&["restore", file, "--yes", "--data-dir", restored]);
    place.done(&["check", "--data-dir", restored]);
    std::fs::remove_dir_all(restored).unwrap();
}
