//! Who backs the database up beside the server, and looks into every file that got its name.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::{Place, Random};

use super::imports::end_with_server;

const FILE: &str = "kept.db";

/// Somebody who makes the same backup again and again.
#[derive(Default)]
pub struct Archivist {
    /// How many were finished.
    pub finished: usize,
    /// How many a kill broke off.
    pub broken_off: usize,
}

impl Archivist {
    pub fn back_up_on(&mut self, place: &Place, killed: &AtomicBool, random: &mut Random, acknowledged: &AtomicUsize) {
        while !killed.load(Ordering::Relaxed) {
            if end_with_server(place.command(&["backup", "--force", FILE]), killed, random) {
                self.finished += 1;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            } else {
                self.broken_off += 1;
            }
        }
    }

    /// The file that is there is a whole database, and the sums in it are right, whenever the command was killed.
    pub fn assert_whole(&self, place: &Place) {
        if self.finished == 0 && !place.exists(FILE) {
            return;
        }
        let restored = place.path("restored");
        let restored = restored.to_str().unwrap();
        place.done(&["restore", FILE, "--yes", "--data-dir", restored]);
        place.done(&["check", "--data-dir", restored]);
        std::fs::remove_dir_all(restored).unwrap();
    }
}
