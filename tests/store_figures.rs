//! The figures that a store reports while it works.

use muster::config::StoreSettings;
use muster::store::{Store, StoreError};
use muster::telemetry::Counted;

use crate::support::{Directory, QueuedWrite, WriterGate, add_contact};

/// The number of groups up to each size, without the empty buckets.
fn groups(store: &Store) -> Vec<(u64, u64)> {
    let Counted { buckets, above, .. } = store.figures().group_jobs;
    assert_eq!(above, 0, "no group is larger than the largest bucket");
    buckets.into_iter().filter(|(_, groups)| *groups > 0).collect()
}

#[test]
fn queued_jobs_and_the_sizes_of_their_groups_are_counted() {
    // A server's store makes writes of its own when it starts; a command's does not.
    let directory = Directory::new();
    drop(directory.open());
    let store = directory.open_command().unwrap();
    assert_eq!((store.figures().jobs_waiting, groups(&store)), (0, vec![]));
    let gate = WriterGate::close(&store);
    let waiting: Vec<_> = (0..3).map(|_| QueuedWrite::write(&store, |_| Ok(()))).collect();
    let refused = QueuedWrite::write(&store, |_| Err::<(), _>(StoreError::Conflict("not today".to_owned())));
    let figures = store.figures();
    assert_eq!((figures.jobs_waiting, figures.jobs_waiting_max), (4, StoreSettings::default().write_queue_max));
    assert_eq!(figures.group_jobs.sum, 0, "nothing is committed yet");
    gate.open();
    for job in waiting {
        job.answer().unwrap();
    }
    refused.answer().unwrap_err();
    assert_eq!(store.figures().jobs_waiting, 0);
    assert_eq!(groups(&store), [(1, 1), (4, 1)], "the gate alone, then three; the refused one was not written");
    assert_eq!(store.figures().group_jobs.sum, 4);
}

#[test]
fn the_files_are_measured_until_the_store_is_closed() {
    let directory = Directory::new();
    let store = directory.open();
    store.write_people();
    for number in 0..200 {
        store.write(move |tx| add_contact(tx, "u1", &format!("n{number}"))).unwrap();
    }
    let before = store.figures();
    assert!(before.database_bytes.unwrap() > 0 && before.wal_bytes.unwrap() > 0);
    store.close();
    let after = store.figures();
    assert_eq!((after.jobs_waiting, after.wal_bytes), (0, None), "the log goes with the last connection");
    assert!(after.database_bytes >= before.database_bytes);
    let stored: u64 = directory.raw_reader().query_row("SELECT count(*) FROM contact", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, 200, "what was in the log is in the database now");
}
