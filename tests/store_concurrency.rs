//! Concurrent writers, readers and an import by another process: no acknowledged write is lost, no caller gets a lock
//! error, and every summary adds up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use muster::domain::access::Reach;
use muster::domain::summary::{DepartmentSummary, EnterpriseSummary};
use muster::store::{EmployeeName, ImportChunk, ImportRow, ImportedRow, MayCreate, OwnerRow, Store};

use crate::support::{Directory, TestStore, add_contact, contact, department, enterprise};

/// The duration of the test.
const DURATION: Duration = Duration::from_secs(3);

const WRITERS: usize = 4;
const READERS: usize = 3;

/// Rows of one chunk of the import: as many as fit well into the time that a command may hold the write lock beside a
/// server.
const CHUNK_ROWS: usize = 50;

#[test]
fn concurrent_writers_readers_and_an_import_lose_nothing_and_every_summary_adds_up() {
    let store = Directory::new().open();
    store.write_people();
    let command = store.directory().open_command().unwrap();
    let begun = Instant::now();
    let imported = AtomicU64::new(0);
    let written: u64 = std::thread::scope(|threads| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, begun) = (&store, &begun);
                threads.spawn(move || write(store, writer, begun))
            })
            .collect();
        for _ in 0..READERS {
            threads.spawn(|| read(&store, &begun));
        }
        threads.spawn(|| import(&command, &begun, &imported));
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let imported = imported.into_inner();
    assert!(written > 0 && imported > 0, "{written} written, {imported} imported");
    println!("{written} written, {imported} imported");
    assert_eq!(store.contacts_of_acme(), written + imported);
}

/// Adds contacts one after the other; each is visible once it is acknowledged.
fn write(store: &TestStore, writer: usize, begun: &Instant) -> u64 {
    let (user, sales) = if writer.is_multiple_of(2) { ("u1", "sales") } else { ("u2", "lab") };
    let mut acknowledged = 0;
    while begun.elapsed() < DURATION {
        store.write(move |tx| add_contact(tx, user, &format!("{writer} {acknowledged}"))).unwrap();
        acknowledged += 1;
        let seen = store.read(|tx| tx.department_summary(&enterprise("acme"), &department(sales)));
        assert!(seen.totals.total_contacts >= acknowledged, "{acknowledged} acknowledged, {seen:?}");
        assert!(seen.totals.unique_people >= acknowledged);
    }
    acknowledged
}

/// Reads summaries; each adds up, and none is older than the one before.
fn read(store: &TestStore, begun: &Instant) {
    let (mut revision, mut contacts) = (0, 0);
    while begun.elapsed() < DURATION {
        let (whole, sales) = store.read(|tx| {
            let acme = enterprise("acme");
            Ok((tx.enterprise_summary(&acme)?, tx.department_summary(&acme, &department("sales"))?))
        });
        assert_adds_up(&whole, &sales);
        assert!(whole.revision >= revision && whole.totals.total_contacts >= contacts, "time ran backwards");
        (revision, contacts) = (whole.revision, whole.totals.total_contacts);
    }
}

fn assert_adds_up(whole: &EnterpriseSummary, sales: &DepartmentSummary) {
    let total = whole.totals.total_contacts;
    assert_eq!(whole.departments.iter().map(|part| part.total_contacts).sum::<u64>(), total);
    assert_eq!(whole.departments.iter().map(|part| part.unique_people).sum::<u64>(), whole.totals.unique_people);
    assert_eq!(whole.top_employees.iter().map(|top| top.contact_count).sum::<u64>(), total);
    assert_eq!(whole.top_companies.iter().map(|top| top.contact_count).sum::<u64>(), total);
    assert_eq!(whole.growth.daily.iter().map(|day| day.contacts).sum::<u64>(), total);
    assert_eq!(whole.growth.monthly.iter().map(|month| month.contacts).sum::<u64>(), total);
    let part = &whole.departments[1];
    assert_eq!(part.department_id, sales.department_id);
    assert_eq!(part.total_contacts, sales.totals.total_contacts);
    assert_eq!(sales.employees.iter().map(|employee| employee.contact_count).sum::<u64>(), part.total_contacts);
    assert_eq!(whole.totals.newest_contact_at.is_some(), total > 0);
}

/// Imports chunk after chunk in a command beside the server, every row of a different person.
fn import(command: &Store, begun: &Instant, imported: &AtomicU64) {
    assert!(command.is_beside_server());
    while begun.elapsed() < DURATION {
        let first = imported.load(Ordering::SeqCst);
        let chunk = ImportChunk {
            reach: Reach::Installation,
            enterprise: enterprise("acme"),
            owners: ["u1", "u2"]
                .map(|user| OwnerRow { department: None, employee: EmployeeName::IdOrName(user.to_owned()) })
                .to_vec(),
            rows: (0..CHUNK_ROWS)
                .map(|number| ImportRow {
                    owner: number % 2,
                    info: contact(&format!("imported {first} {number}"), "Fabrikam"),
                    created_at: None,
                })
                .collect(),
            may_create: MayCreate::Nothing,
            new_owners: None,
            dry_run: false,
        };
        let outcome = command.write_blocking(move |tx| tx.import(&chunk)).unwrap();
        assert!(outcome.rows.iter().all(|row| *row == ImportedRow::Imported));
        imported.fetch_add(CHUNK_ROWS as u64, Ordering::SeqCst);
    }
}
