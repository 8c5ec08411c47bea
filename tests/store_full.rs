//! A full database: writes fail without partial effects, and resume when there is space.

use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::store::{Actor, Mode, Store, StoreError, WriteTx, database_path};

use crate::support::{
    Directory, QueuedWrite, Recorder, TestStore, WriterGate, add_contact, contact, employee, enterprise,
};

/// The free space of a database in these tests, in bytes.
const FREE_BYTES: usize = 128 * 1_024;

/// Contacts that do not fit into [`FREE_BYTES`].
const TOO_MANY: usize = 2_000;

/// A store with `acme` and its people, and [`FREE_BYTES`] left.
fn nearly_full() -> TestStore {
    let directory = Directory::new();
    {
        let store = directory.open();
        store.write_people();
    }
    let size = usize::try_from(std::fs::metadata(database_path(directory.path())).unwrap().len()).unwrap();
    directory.open_with(Clock::system(), |options| options.settings.database_max = Some(size + FREE_BYTES))
}

fn add_too_many(tx: &WriteTx<'_>) -> Result<(), StoreError> {
    (0..TOO_MANY).try_for_each(|number| add_contact(tx, "u1", &format!("n{number}")))
}

fn is_full<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::LimitReached))
}

#[test]
fn a_full_database_fails_every_write_of_the_group_and_none_is_partly_stored() {
    let store = nearly_full();
    let recorder = Recorder::on(&store);
    let counter = store.counter();
    let gate = WriterGate::close(&store);
    let first = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "first"));
    let refused = QueuedWrite::write(&store, |tx| {
        add_contact(tx, "u2", "refused")?;
        add_contact(tx, "nobody", "refused")
    });
    let too_many = QueuedWrite::write(&store, add_too_many);
    let last = QueuedWrite::write(&store, |tx| add_contact(tx, "u2", "last"));
    gate.open();
    for write in [first, too_many, last] {
        let answer = write.answer();
        assert!(is_full(&answer), "{answer:?}");
    }
    // It fails for its own reason before the database is full, and would fail again.
    assert!(matches!(refused.answer(), Err(StoreError::NotFound(_))));
    assert_eq!(store.contacts_of_acme(), 0);
    assert_eq!(store.counter(), counter);
    assert_eq!(recorder.written(), Vec::<Vec<_>>::new());
    store.assert_clean();

    // A write that fits succeeds as before.
    store.write(|tx| add_contact(tx, "u1", "again")).unwrap();
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn service_resumes_when_deleting_has_made_room() {
    let store = nearly_full();
    let mut contacts = Vec::new();
    let full = loop {
        let number = contacts.len();
        let added = store.write(move |tx| {
            let info = contact(&format!("n{number}"), &format!("company {number}"));
            tx.add_contact(&Reach::Installation, &employee("u1"), &info, "AddContact")
        });
        match added {
            Ok(contact) => contacts.push(contact.id),
            full => break full,
        }
        assert!(contacts.len() < TOO_MANY);
    };
    assert!(is_full(&full), "{full:?}");
    assert_eq!(store.contacts_of_acme(), contacts.len() as u64);
    store.assert_clean();
    let probe = || tokio::runtime::Runtime::new().unwrap().block_on(store.probe());
    assert!(is_full(&probe()));

    let half = contacts.split_off(contacts.len() / 2);
    store
        .write(move |tx| {
            half.iter().try_for_each(|id| tx.delete_contact(&Reach::Installation, &employee("u1"), *id).map(drop))
        })
        .unwrap();
    store.write(|tx| add_contact(tx, "u1", "again")).unwrap();
    assert_eq!(store.contacts_of_acme(), contacts.len() as u64 + 1);
    assert!(probe().is_ok());
}

#[test]
fn a_purge_frees_a_full_database() {
    let store = nearly_full();
    while store.write(|tx| add_contact(tx, "u1", "the same")).is_ok() {}
    store.write(|tx| tx.purge_enterprise(&enterprise("acme"), &Actor::command_line())).unwrap();
    crate::support::eventually("the purge has made room", || {
        store.write(|tx| tx.create_enterprise(Some(enterprise("acme")), &crate::support::name("Acme"))).ok()
    });
}

#[test]
fn service_resumes_with_a_higher_limit() {
    let store = nearly_full();
    assert!(is_full(&store.write(add_too_many)));
    let directory = store.directory().clone();
    drop(store);
    let store = directory.open();
    store.write(add_too_many).unwrap();
    assert_eq!(store.contacts_of_acme(), TOO_MANY as u64);
}

#[test]
fn a_limit_below_the_size_stops_growth_and_nothing_else() {
    let directory = Directory::new();
    {
        let store = directory.open();
        store.write_people();
        store.write(add_too_many).unwrap();
    }
    let store = directory.open_with(Clock::system(), |options| options.settings.database_max = Some(1));
    assert_eq!(store.contacts_of_acme(), TOO_MANY as u64);
    assert!(is_full(&store.write(add_too_many)));
    store.write(|tx| tx.rename_enterprise(&enterprise("acme"), &crate::support::name("Other"))).unwrap();
    drop(store);
    let mut options = directory.options(Mode::Command);
    options.settings.database_max = Some(1);
    let store = Store::open(&options, Clock::system()).unwrap();
    assert!(is_full(&store.write_blocking(add_too_many)));
}
