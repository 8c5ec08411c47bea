//! Ids are never reused: an id that a client kept never refers to another contact.

use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::domain::ids::ContactId;
use muster::store::Actor;
use muster::store::StoreError;

use crate::support::{Directory, TestStore, at, contact, department, employee, enterprise, eventually, name, staff};

fn add(store: &TestStore, user: &'static str) -> ContactId {
    let added = store.write(move |tx| {
        tx.add_contact(&Reach::Installation, &employee(user), &contact("anita", "Contoso"), "AddContact")
    });
    added.unwrap().id
}

#[test]
fn a_deleted_contacts_id_is_never_reused_even_when_the_clock_is_set_back() {
    let store = TestStore::with_people();
    let first = add(&store, "u1");
    store.clock().set_wall(at("2020-01-01T00:00:00Z"));
    let second = add(&store, "u1");
    assert!(second > first, "later ids are greater");
    store.write(move |tx| tx.delete_contact(&Reach::Installation, &employee("u1"), second)).unwrap();
    let third = add(&store, "u1");
    assert!(third > second, "{third} is not after {second}");
    let gone = store.write(move |tx| tx.delete_contact(&Reach::Installation, &employee("u1"), second));
    assert!(matches!(gone, Err(StoreError::NotFound(_))), "a retry deletes no other contact");
}

#[test]
fn a_purged_contacts_id_is_never_reused() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let store = Directory::new().open_with(clock.clone(), |_| {});
    store.write_people();
    let purged = add(&store, "u1");
    clock.set_wall(at("2020-01-01T00:00:00Z"));
    store.write(|tx| tx.purge_department(&enterprise("acme"), &department("sales"), &Actor::command_line())).unwrap();
    eventually("the purge ends", || {
        let free =
            store.write(|tx| tx.create_department(&enterprise("acme"), Some(department("sales")), &name("Sales")));
        free.is_ok().then_some(())
    });
    store
        .write(|tx| tx.create_employee(&enterprise("acme"), &department("sales"), Some(employee("u1")), &staff("u1")))
        .unwrap();
    let next = add(&store, "u1");
    assert!(next > purged, "{next} is not after {purged}");
}
