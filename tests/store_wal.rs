//! The write-ahead log is checkpointed as it grows, whichever process writes.

use muster::domain::access::Reach;
use muster::domain::contacts::{CONTACT_NOTES_LEN_MAX, ContactFields, ContactInfo};
use muster::store::{Store, database_path};

use crate::support::{Directory, TestStore, employee};

/// The bytes that one of these tests writes, and the largest size of the log meanwhile.
const WRITTEN: usize = 64 * 1_024 * 1_024;
const LOG_MAX: u64 = 48 * 1_024 * 1_024;

/// Writes much, one transaction after the other, and returns the largest size of the log.
fn write_much(store: &Store, directory: &Directory) -> u64 {
    const CONTACTS_AT_A_TIME: usize = 100;
    let path = database_path(directory.path()).with_extension("db-wal");
    let notes = "n".repeat(CONTACT_NOTES_LEN_MAX);
    let mut size_max = 0;
    for turn in 0..WRITTEN / (CONTACTS_AT_A_TIME * CONTACT_NOTES_LEN_MAX) {
        let notes = notes.clone();
        let write = store.write_blocking(move |tx| {
            for number in 0..CONTACTS_AT_A_TIME {
                let name = format!("{turn} {number}");
                let fields = ContactFields { name, notes: notes.clone(), ..ContactFields::default() };
                let info = ContactInfo::parse(fields).unwrap();
                tx.add_contact(&Reach::Installation, &employee("u1"), &info, "AddContact")?;
            }
            Ok(())
        });
        write.unwrap();
        size_max = size_max.max(std::fs::metadata(&path).unwrap().len());
    }
    size_max
}

fn store() -> TestStore {
    let store = Directory::in_memory().open();
    store.write_people();
    store
}

#[test]
fn the_wal_of_a_busy_server_is_bounded() {
    let store = store();
    let size = write_much(&store, store.directory());
    assert!(size < LOG_MAX, "{size} bytes");
}

#[test]
fn the_wal_of_a_command_beside_an_idle_server_is_bounded() {
    let store = store();
    let command = store.directory().open_command().unwrap();
    assert!(command.is_beside_server());
    let size = write_much(&command, store.directory());
    assert!(size < LOG_MAX, "{size} bytes");
}
