//! Group commit: writes that are queued together are committed together, and yet each of them is atomic.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use muster::clock::Clock;
use muster::domain::access::Reach;
use muster::store::{
    AccessList, DepartmentName, EmployeeName, HeldTurn, ImportChunk, ImportRow, MayCreate, OwnerRow, Publication,
    Store, StoreError, Subscriber, Turn, TurnKind, Turns, on_behalf_of,
};

use crate::support::{
    Directory, Notification, QueuedWrite, Recorder, TestStore, WriterGate, add_contact, at, contact, department,
    employee, enterprise, eventually, name, scope, staff,
};

#[test]
fn writes_that_wait_together_share_one_commit_and_one_publication() {
    let store = TestStore::with_people();
    let recorder = Recorder::on(&store);
    let gate = WriterGate::close(&store);
    let writes: Vec<_> = (0..100)
        .map(|number| QueuedWrite::write(&store, move |tx| add_contact(tx, "u1", &format!("n{number}"))))
        .collect();
    gate.open();
    for write in writes {
        write.answer().unwrap();
    }
    assert_eq!(recorder.written(), [[scope("acme"), scope("acme/sales")]]);
    assert_eq!(store.contacts_of_acme(), 100);
}

/// A client that has several writes at once, if it yields.
struct TestClient {
    yields: bool,
}

struct TestTurn {
    yields: bool,
}

impl Turn for TestTurn {
    fn ran(&self, _: Duration) {}

    fn yields(&self) -> bool {
        self.yields
    }
}

impl Turns for TestClient {
    fn turn(&self, kind: TurnKind) -> BoxFuture<'_, Result<HeldTurn, StoreError>> {
        async move { Ok(self.next_turn(kind).await) }.boxed()
    }

    fn next_turn(&self, _: TurnKind) -> BoxFuture<'_, HeldTurn> {
        let turn: HeldTurn = Arc::new(TestTurn { yields: self.yields });
        async move { turn }.boxed()
    }

    fn has_others(&self) -> bool {
        true
    }
}

#[test]
fn writes_of_clients_that_have_several_at_once_yield_to_others_once() {
    let store = TestStore::with_people();
    let recorder = Recorder::on(&store);
    let gate = WriterGate::close(&store);
    let write = |user: &'static str, yields: bool| {
        let (store, client) = (Store::clone(&store), Arc::new(TestClient { yields }));
        let work = async move { store.write(move |tx| add_contact(tx, user, "Grace")).await };
        let mut write = Box::pin(on_behalf_of(client, work));
        assert!(write.as_mut().now_or_never().is_none(), "it is queued");
        write
    };
    let greedy = [write("u1", true), write("u1", true), write("u1", true)];
    let quiet = write("u2", false);
    gate.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        quiet.await.unwrap();
        for write in greedy {
            write.await.unwrap();
        }
    });
    let [first, second] = [["acme", "acme/lab"], ["acme", "acme/sales"]].map(|scopes| scopes.map(scope).to_vec());
    assert_eq!(recorder.written(), [first, second], "the one that came last is committed first");
}

#[test]
fn concurrent_writers_lose_nothing_and_share_commits() {
    const WRITERS: usize = 16;
    const WRITES: usize = 25;
    let store = TestStore::with_people();
    let recorder = Recorder::on(&store);
    std::thread::scope(|threads| {
        for writer in 0..WRITERS {
            let store = &store;
            let user = if writer.is_multiple_of(2) { "u1" } else { "u2" };
            threads.spawn(move || {
                for number in 0..WRITES {
                    store.write(move |tx| add_contact(tx, user, &format!("{writer} {number}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(store.contacts_of_acme(), (WRITERS * WRITES) as u64);
    let commits = recorder.written().len();
    assert!(commits < WRITERS * WRITES / 2, "{commits} commits");
}

#[test]
fn a_group_that_takes_long_leaves_the_rest_to_the_next() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let store = Directory::new().open_with(clock.clone(), |_| {});
    store.write_people();
    let recorder = Recorder::on(&store);
    let gate = WriterGate::close(&store);
    let slow = QueuedWrite::write(&store, move |tx| {
        clock.advance(Duration::from_millis(60));
        add_contact(tx, "u1", "slow")
    });
    let next = QueuedWrite::write(&store, |tx| add_contact(tx, "u2", "next"));
    gate.open();
    slow.answer().unwrap();
    next.answer().unwrap();
    assert_eq!(recorder.written(), [[scope("acme"), scope("acme/sales")], [scope("acme"), scope("acme/lab")]]);
}

/// Queues a write that fails between two valid ones of the same group; the valid ones are committed, and nothing of the
/// other is published.
fn check_it_fails_alone<T: std::fmt::Debug + Send + 'static>(
    store: &TestStore,
    bad: impl FnOnce(&muster::store::WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> StoreError {
    let before = store.contacts_of_acme();
    let recorder = Recorder::on(store);
    let gate = WriterGate::close(store);
    let first = QueuedWrite::write(store, |tx| add_contact(tx, "u1", "first"));
    let bad = QueuedWrite::write(store, bad);
    let last = QueuedWrite::write(store, |tx| add_contact(tx, "u1", "last"));
    gate.open();
    first.answer().unwrap();
    last.answer().unwrap();
    let error = bad.answer().unwrap_err();
    assert_eq!(recorder.written(), [[scope("acme"), scope("acme/sales")]], "scopes of the others");
    assert_eq!(store.contacts_of_acme(), before + 2);
    let lab = store.read(|tx| tx.department_summary(&enterprise("acme"), &department("lab")));
    assert_eq!(lab.totals.total_contacts, 0);
    store.assert_clean();
    error
}

#[test]
fn a_refused_write_is_rolled_back_alone_and_neither_draws_nor_publishes() {
    let store = TestStore::with_people();
    let revision =
        |tx: &muster::store::ReadTx<'_>| Ok(tx.department_summary(&enterprise("acme"), &department("lab"))?.revision);
    let before = store.read(revision);
    let error = check_it_fails_alone(&store, |tx| {
        add_contact(tx, "u2", "nobody")?;
        tx.create_department(&enterprise("acme"), Some(department("never")), &name("Never"))?;
        tx.create_employee(&enterprise("acme"), &department("sales"), Some(employee("u2")), &staff("taken"))
    });
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
    assert_eq!(store.read(revision), before);
    let scopes: i64 = store
        .directory()
        .raw_reader()
        .query_row("SELECT count(*) FROM scope WHERE department = 'never'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(scopes, 0, "the scope of a department that never was");
}

#[test]
fn a_panicking_write_fails_alone_and_the_store_goes_on() {
    let store = TestStore::with_people();
    let error = check_it_fails_alone(&store, |tx| -> Result<(), StoreError> {
        add_contact(tx, "u2", "nobody")?;
        panic!("on purpose")
    });
    assert!(matches!(error, StoreError::Panicked), "{error}");
}

#[test]
fn a_panic_while_triggers_are_off_leaves_them_on_for_the_next() {
    let store = TestStore::with_people();
    let mut chunk = chunk("u2", "nobody", false);
    let foreign_row = ImportRow { owner: 7, ..chunk.rows[0].clone() };
    chunk.rows.push(foreign_row);
    let error = check_it_fails_alone(&store, move |tx| tx.import(&chunk));
    assert!(matches!(error, StoreError::Panicked), "{error}");
}

#[test]
fn a_dry_run_publishes_nothing_and_leaves_its_group_unaffected() {
    let store = TestStore::with_people();
    let dry_run = chunk("new", "nobody", true);
    let error = check_it_fails_alone(&store, move |tx| {
        let outcome = tx.import(&dry_run)?;
        assert_eq!(outcome.departments_created, ["field"]);
        assert_eq!(outcome.employees_created, ["new"]);
        tx.restore_department(&enterprise("acme"), &department("field"))
    });
    assert!(matches!(error, StoreError::NotFound(_)), "{error}");

    let recorder = Recorder::on(&store);
    let dry_run = chunk("new", "nobody", true);
    store.write(move |tx| tx.import(&dry_run)).unwrap();
    assert_eq!(recorder.written(), Vec::<Vec<_>>::new());
}

/// One contact for an employee, who is created in the department `field` when missing.
fn chunk(owner: &str, who: &str, dry_run: bool) -> ImportChunk {
    ImportChunk {
        reach: Reach::Installation,
        enterprise: enterprise("acme"),
        owners: vec![OwnerRow {
            department: (owner == "new").then(|| DepartmentName::IdOrName("field".to_owned())),
            employee: EmployeeName::IdOrName(owner.to_owned()),
        }],
        rows: vec![ImportRow { owner: 0, info: contact(who, "Contoso"), created_at: None }],
        may_create: MayCreate::Everything,
        new_owners: None,
        dry_run,
    }
}

#[test]
fn a_write_is_answered_after_its_publication() {
    /// Blocks the writer in a publication.
    struct Slow(std::sync::Mutex<mpsc::Receiver<()>>, mpsc::Sender<()>);
    impl Subscriber for Slow {
        fn published(&self, _: &Publication) {
            self.1.send(()).unwrap();
            let _ = self.0.lock().unwrap().recv();
        }
        fn reset_to(&self, _: i64) {}
        fn suspend(&self) {}
        fn access_changed(&self, _: &Arc<AccessList>) {}
    }
    let store = TestStore::with_people();
    let (go_on, held) = mpsc::channel();
    let (reached, publishing) = mpsc::channel();
    let slow: Arc<dyn Subscriber> = Arc::new(Slow(std::sync::Mutex::new(held), reached));
    store.subscribe(&slow).unwrap();
    let mut write = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "anita"));
    publishing.recv().unwrap();
    assert_eq!(store.contacts_of_acme(), 1, "committed before it is published");
    assert!(!write.is_answered());
    // The watcher publishes, too, and must not block for ever either.
    drop(go_on);
    write.answer().unwrap();
}

#[test]
fn an_abandoned_write_that_has_not_started_is_not_done() {
    let store = TestStore::with_people();
    let ran = Arc::new(AtomicUsize::new(0));
    let gate = WriterGate::close(&store);
    let counted = |who: &'static str| {
        let ran = Arc::clone(&ran);
        QueuedWrite::write(&store, move |tx| {
            ran.fetch_add(1, Ordering::SeqCst);
            add_contact(tx, "u1", who)
        })
    };
    let abandoned = counted("abandoned");
    let waited_for = counted("waited for");
    drop(abandoned);
    gate.open();
    waited_for.answer().unwrap();
    assert_eq!(ran.load(Ordering::SeqCst), 1);
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn a_write_that_has_started_is_done_although_it_is_abandoned() {
    let store = TestStore::with_people();
    let (begun, running) = mpsc::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let write = QueuedWrite::write(&store, move |tx| {
        begun.send(()).unwrap();
        let _ = held.recv();
        add_contact(tx, "u1", "anita")
    });
    running.recv().unwrap();
    drop(write);
    go_on.send(()).unwrap();
    store.write(|_| Ok(())).unwrap();
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn a_full_queue_refuses_at_once_and_accepts_writes_again_later() {
    const LEN_MAX: usize = 8;
    let store = Directory::new().open_with(Clock::system(), |options| options.settings.write_queue_max = LEN_MAX);
    store.write_people();
    let gate = WriterGate::close(&store);
    let mut writes: Vec<_> = (0..=LEN_MAX)
        .map(|number| QueuedWrite::write(&store, move |tx| add_contact(tx, "u1", &format!("n{number}"))))
        .collect();
    assert!(matches!(writes.pop().unwrap().answer(), Err(StoreError::QueueFull)));
    // The store's maintenance thread may have a job in the queue, too.
    let taken = writes.iter_mut().map(QueuedWrite::is_answered).filter(|refused| !refused).count();
    assert!((LEN_MAX - 1..=LEN_MAX).contains(&taken), "{taken} of {LEN_MAX} places");
    gate.open();
    writes.into_iter().take(taken).for_each(|write| write.answer().unwrap());
    store.write(|tx| add_contact(tx, "u1", "again")).unwrap();
    assert_eq!(store.contacts_of_acme(), taken as u64 + 1);
}

#[test]
fn a_write_that_waits_for_another_process_past_its_deadline_is_refused_and_not_done() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let store = Directory::new().open_with(clock.clone(), |options| options.time_max = Duration::from_secs(1));
    store.write_people();
    let other = store.directory().raw_writer();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let late = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "late"));
    clock.advance(Duration::from_secs(2));
    assert!(matches!(late.answer(), Err(StoreError::DeadlinePassed)));

    // A write within its deadline waits for the lock.
    let timely = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "timely"));
    other.execute_batch("ROLLBACK").unwrap();
    timely.answer().unwrap();
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn a_write_whose_deadline_passes_in_the_queue_is_refused_and_not_done() {
    let clock = Clock::manual(at("2026-11-22T08:00:00Z"));
    let store = Directory::new().open_with(clock.clone(), |options| options.time_max = Duration::from_secs(1));
    store.write_people();
    let gate = WriterGate::close(&store);
    let late = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "late"));
    clock.advance(Duration::from_secs(2));
    let timely = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "timely"));
    gate.open();
    timely.answer().unwrap();
    assert!(matches!(late.answer(), Err(StoreError::DeadlinePassed)));
    assert_eq!(store.contacts_of_acme(), 1);
}

#[test]
fn a_request_that_changes_no_row_draws_and_publishes_nothing() {
    let store = TestStore::with_people();
    let counter = store.counter();
    let recorder = Recorder::on(&store);
    store.write(|tx| tx.rename_enterprise(&enterprise("acme"), &name("Acme"))).unwrap();
    store
        .write(|tx| {
            let (acme, sales) = (enterprise("acme"), department("sales"));
            tx.change_employee(&acme, &sales, &employee("u1"), &staff("u1"), Some(&sales))
        })
        .unwrap();
    assert_eq!(store.counter(), counter);
    assert!(!recorder.notifications().iter().any(|notification| matches!(notification, Notification::Writer(_))));
}

#[test]
fn closing_completes_accepted_writes_and_refuses_later_ones() {
    let store = TestStore::with_people();
    let gate = WriterGate::close(&store);
    let accepted = QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "accepted"));
    let closing = {
        let store = Store::clone(&store);
        std::thread::spawn(move || store.close())
    };
    eventually("the store closes", || matches!(store.read_blocking(|_| Ok(())), Err(StoreError::Closed)).then_some(()));
    gate.open();
    accepted.answer().unwrap();
    closing.join().unwrap();
    assert!(matches!(store.write(|tx| add_contact(tx, "u1", "late")), Err(StoreError::Closed)));
    assert!(matches!(QueuedWrite::write(&store, |tx| add_contact(tx, "u1", "late")).answer(), Err(StoreError::Closed)));
    let directory = store.directory().clone();
    let again = directory.open();
    assert_eq!(again.contacts_of_acme(), 1);
}

#[test]
fn a_store_whose_last_handle_is_dropped_inside_a_job_is_closed() {
    let directory = Directory::new();
    let store = Store::open(&directory.options(muster::store::Mode::Server), Clock::system()).unwrap();
    let (begun, running) = mpsc::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let last = store.clone();
    let write = QueuedWrite::write(&store, move |_| {
        begun.send(()).unwrap();
        let _ = held.recv();
        drop(last);
        Ok(())
    });
    running.recv().unwrap();
    drop(write);
    drop(store);
    go_on.send(()).unwrap();
    eventually("the directory is free again", || {
        Store::open(&directory.options(muster::store::Mode::Server), Clock::system()).ok()
    });
}
