//! A request with an idempotency key is executed once, however often it is sent.

use std::time::Duration;

use muster::clock::Clock;
use muster::store::{Actor, IdempotentRequest, StoreError, StoredAnswer};

use crate::support::{Directory, TestStore, add_contact, at, enterprise, eventually};

/// Sends the request `body` with a key: it adds a contact to `u1`, or to an employee who does not exist.
fn send(store: &TestStore, token: &str, key: &str, body: &str) -> Result<StoredAnswer, StoreError> {
    let mut request_hash = [0; 32];
    request_hash[..body.len()].copy_from_slice(body.as_bytes());
    let request = IdempotentRequest { token_id: token.to_owned(), key: key.to_owned(), request_hash, rows_max: 10 };
    let user = if body == "refused" { "nobody" } else { "u1" };
    store.write(move |tx| {
        tx.idempotent(&request, |tx| {
            add_contact(tx, user, "anita")?;
            let contacts = tx.enterprise_summary(&enterprise("acme"))?.totals.total_contacts;
            Ok(StoredAnswer { status: 201, ids: contacts.to_string() })
        })
    })
}

fn body(answer: Result<StoredAnswer, StoreError>) -> String {
    answer.unwrap().ids
}

#[test]
fn a_repeated_request_is_answered_as_before_and_not_done_again() {
    let store = TestStore::with_people();
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
    let counter = store.counter();
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
    assert_eq!(store.contacts_of_acme(), 1);
    assert_eq!(store.counter(), counter);
    assert_eq!(body(send(&store, "t1", "k2", "add")), "2");
}

#[test]
fn a_key_is_limited_to_its_token() {
    let store = TestStore::with_people();
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
    assert_eq!(body(send(&store, "t2", "k1", "add")), "2");
}

#[test]
fn the_same_key_with_another_request_is_a_conflict() {
    let store = TestStore::with_people();
    send(&store, "t1", "k1", "add").unwrap();
    let error = send(&store, "t1", "k1", "another").unwrap_err();
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn a_refused_request_is_executed_again() {
    let store = TestStore::with_people();
    for _ in 0..2 {
        assert!(matches!(send(&store, "t1", "k1", "refused"), Err(StoreError::NotFound(_))));
    }
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
}

#[test]
fn a_key_expires_after_a_day_and_its_answer_is_deleted() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let store = Directory::new().open_with(clock.clone(), |_| {});
    store.write_people();
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
    clock.advance(Duration::from_hours(24) - Duration::from_secs(1));
    assert_eq!(body(send(&store, "t1", "k1", "add")), "1");
    clock.advance(Duration::from_secs(1));
    assert_eq!(body(send(&store, "t1", "k1", "another")), "2");
    clock.advance(Duration::from_hours(24));
    store.write(|tx| tx.purge_enterprise(&enterprise("acme"), &Actor::command_line())).unwrap();
    let raw = store.directory().raw_reader();
    eventually("the old answer is deleted", || {
        let left: i64 = raw.query_row("SELECT count(*) FROM idempotency", [], |row| row.get(0)).unwrap();
        (left == 0).then_some(())
    });
}
