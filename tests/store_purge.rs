//! A purge deletes what it was requested for and nothing else, in steps between which other writes are committed.

use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::store::{Actor, EmployeeName, ImportChunk, ImportRow, MayCreate, OwnerRow, StoreError};

use crate::support::{
    Directory, TestStore, add_contact, contact, department, employee, enterprise, eventually, name, staff,
};

/// Contacts whose deletion takes many steps.
const MANY: usize = 30_000;

/// A store in which the employee `u1` has very many contacts and `u2` one of the same people.
fn store_with_many(directory: &Directory) -> TestStore {
    let store = directory.open_with(Clock::system(), |_| {});
    store.write_people();
    let row = |number: usize| ImportRow { owner: 0, info: contact(&format!("n{number}"), "Contoso"), created_at: None };
    let chunk = ImportChunk {
        reach: Reach::Installation,
        enterprise: enterprise("acme"),
        owners: vec![OwnerRow { department: None, employee: EmployeeName::IdOrName("u1".to_owned()) }],
        rows: (0..MANY).map(row).collect(),
        may_create: MayCreate::Nothing,
        new_owners: None,
        dry_run: false,
    };
    store.write(move |tx| tx.import(&chunk)).unwrap();
    store.write(|tx| add_contact(tx, "u2", "n0")).unwrap();
    assert_eq!(store.contacts_of_acme(), MANY as u64 + 1);
    store
}

fn count(directory: &Directory, sql: &str) -> i64 {
    directory.raw_reader().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_purge_hides_its_data_at_once_and_lets_other_writes_in() {
    let directory = Directory::in_memory();
    let store = store_with_many(&directory);
    let purged = store
        .write(|tx| {
            tx.purge_employee(&enterprise("acme"), &department("sales"), &employee("u1"), &Actor::command_line())
        })
        .unwrap();
    assert_eq!(purged.contacts, MANY as u64);
    assert_eq!(store.contacts_of_acme(), 1);
    let mut meanwhile = 0;
    eventually("the purge is over", || {
        store.write(|tx| add_contact(tx, "u2", "meanwhile")).unwrap();
        let going_on = count(&directory, "SELECT count(*) FROM purge") == 1;
        meanwhile += u64::from(going_on);
        (!going_on).then_some(())
    });
    assert!(meanwhile > 0, "no other write was committed");
    assert_eq!(count(&directory, "SELECT count(*) FROM employee WHERE public_id = 'u1'"), 0);
    assert_eq!(store.contacts_of_acme(), meanwhile + 2);
    // The id is free.
    store
        .write(|tx| {
            tx.create_employee(&enterprise("acme"), &department("lab"), Some(employee("u1")), &staff("Another"))
        })
        .unwrap();
}

#[test]
fn data_that_is_being_purged_keeps_its_id_and_cannot_be_restored() {
    let directory = Directory::in_memory();
    let store = store_with_many(&directory);
    let refusals = store.write(|tx| {
        let (acme, sales) = (enterprise("acme"), department("sales"));
        tx.purge_department(&acme, &sales, &Actor::command_line())?;
        Ok([
            tx.restore_department(&acme, &sales).map(drop),
            tx.create_department(&acme, Some(sales.clone()), &name("Again")).map(drop),
            tx.purge_department(&acme, &sales, &Actor::command_line()).map(drop),
            tx.create_employee(&acme, &department("lab"), Some(employee("u1")), &staff("Again")).map(drop),
            tx.restore_employee(&acme, &sales, &employee("u1")).map(drop),
        ])
    });
    let [restored, created, purged, taken, unreachable] = refusals.unwrap();
    for refusal in [restored, created, purged, taken] {
        assert!(matches!(refusal, Err(StoreError::Conflict(_))), "{refusal:?}");
    }
    assert!(matches!(unreachable, Err(StoreError::NotFound(_))), "{unreachable:?}");
    eventually("the id is free", || {
        store.write(|tx| tx.create_department(&enterprise("acme"), Some(department("sales")), &name("Again"))).ok()
    });
    let sales = store.read(|tx| tx.department_summary(&enterprise("acme"), &department("sales")));
    assert_eq!((sales.totals.total_contacts, sales.totals.total_employees), (0, 0));
}

#[test]
fn a_purge_is_resumed_after_a_restart() {
    let directory = Directory::in_memory();
    let store = store_with_many(&directory);
    store.write(|tx| tx.purge_enterprise(&enterprise("acme"), &Actor::command_line())).unwrap();
    store.close();
    let left = count(&directory, "SELECT count(*) FROM contact");
    assert!(left > 0, "it was over before the restart");
    let store = directory.open();
    eventually("the purge is over", || (count(&directory, "SELECT count(*) FROM purge") == 0).then_some(()));
    for table in ["enterprise", "department", "employee", "contact", "company"] {
        assert_eq!(count(&directory, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    for table in ["rollup_company", "rollup_day", "rollup_person"] {
        assert_eq!(count(&directory, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert_eq!(count(&directory, "SELECT count(*) FROM scope"), 3, "tombstones");
    drop(store);
}

#[test]
fn a_purge_of_an_enterprise_revokes_the_tokens_limited_to_it() {
    use muster::domain::access::Role;
    use muster::store::NewToken;

    let store = TestStore::with_people();
    for (id, reach) in [("limited", Reach::Enterprise(enterprise("acme"))), ("free", Reach::Installation)] {
        let token = NewToken {
            id: id.to_owned(),
            name: id.to_owned(),
            role: Role::Viewer,
            reach,
            expires_at: None,
            secret_hash: [0; 32],
        };
        store.write(move |tx| tx.insert_token(&token)).unwrap();
    }
    store.write(|tx| tx.purge_enterprise(&enterprise("acme"), &Actor::command_line())).unwrap();
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is not general over the lifetime")]
    let tokens = store.read(|tx| tx.tokens());
    assert_eq!(tokens.iter().map(|token| token.id.as_str()).collect::<Vec<_>>(), ["free"]);
}
