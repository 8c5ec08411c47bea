//! A store in a temporary directory, checked when it is dropped.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use muster::clock::Clock;
use muster::store::{CheckReport, Mode, OpenError, ReadTx, Store, StoreError, StoreOptions, WriteTx, database_path};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::{at, contact, department, employee, enterprise, name, staff};

/// The read connections of every store of the tests, whatever the machine has.
pub const READERS: u32 = 4;

/// A directory for a database, deleted with its last clone.
#[derive(Clone)]
pub struct Directory(Arc<TempDir>);

impl Directory {
    /// A directory on the disk.
    pub fn new() -> Self {
        Self(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// A directory in memory where the system has one. For tests with so many commits that waiting for the disk would
    /// take most of their time, and that do not test durability.
    pub fn in_memory() -> Self {
        match tempfile::tempdir_in("/dev/shm") {
            Ok(dir) => Self(Arc::new(dir)),
            Err(_) => Self::new(),
        }
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn options(&self, mode: Mode) -> StoreOptions {
        let mut options = StoreOptions::new(self.path(), mode, "a test");
        options.settings.readers = READERS;
        options
    }

    /// Opens a server's store here.
    pub fn open(&self) -> TestStore {
        self.open_with(Clock::system(), |_| {})
    }

    pub fn open_with(&self, clock: Clock, change: impl FnOnce(&mut StoreOptions)) -> TestStore {
        let mut options = self.options(Mode::Server);
        change(&mut options);
        let store = Store::open(&options, clock).unwrap();
        TestStore { store, directory: self.clone(), damaged: false }
    }

    /// Opens a command's store here, as another process would.
    pub fn open_command(&self) -> Result<Store, OpenError> {
        Store::open(&self.options(Mode::Command), Clock::system())
    }

    /// A read-only connection without the store's code.
    pub fn raw_reader(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(database_path(self.path()), flags).unwrap()
    }

    /// A connection that writes without the store's code.
    pub fn raw_writer(&self) -> Connection {
        let connection = Connection::open(database_path(self.path())).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    }
}

/// A server's store. Dropping it checks every rollup.
pub struct TestStore {
    store: Store,
    directory: Directory,
    damaged: bool,
}

impl TestStore {
    /// A store with a stopped clock and the employees `u1` of the department `sales` and `u2` of `lab`, both of the
    /// enterprise `acme`.
    pub fn with_people() -> Self {
        let store = Directory::new().open_with(Clock::manual(at("2026-11-22T08:00:00Z")), |_| {});
        store.write_people();
        store
    }

    /// Writes the directory of [`with_people`](Self::with_people).
    pub fn write_people(&self) {
        self.write(|tx| {
            let acme = enterprise("acme");
            tx.create_enterprise(Some(acme.clone()), &name("Acme"))?;
            for (id, user) in [("sales", "u1"), ("lab", "u2")] {
                tx.create_department(&acme, Some(department(id)), &name(id))?;
                tx.create_employee(&acme, &department(id), Some(employee(user)), &staff(user))?;
            }
            Ok(())
        })
        .unwrap();
    }

    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Writes and waits.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.write_blocking(work)
    }

    /// Reads and waits; the read must succeed.
    pub fn read<T>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>) -> T {
        self.store.read_blocking(work).unwrap()
    }

    /// The size of the database in bytes.
    pub fn database_bytes(&self) -> u64 {
        const SQL: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.directory.raw_reader().query_row(SQL, [], |row| row.get(0)).unwrap()
    }

    /// How many contacts the summary of `acme` counts.
    pub fn contacts_of_acme(&self) -> u64 {
        self.read(|tx| tx.enterprise_summary(&enterprise("acme"))).totals.total_contacts
    }

    /// Where the event stream stands, as it tells its listeners.
    pub fn position(&self) -> String {
        self.position_of(self.counter())
    }

    /// How the event stream tells this revision.
    pub fn position_of(&self, revision: i64) -> String {
        muster::domain::sealed_position::seal_proven(revision, &self.read(|tx| tx.tag_key()))
    }

    /// The counter that revisions are drawn from.
    pub fn counter(&self) -> i64 {
        self.read(|tx| tx.revision())
    }

    /// Compares every rollup with the facts.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        self.store.read_blocking(|tx| tx.check())
    }

    /// Fails unless every rollup matches the facts.
    pub fn assert_clean(&self) {
        let report = self.check().unwrap();
        assert!(report.is_clean(), "{:#?}", report.differences);
    }

    /// Marks the database as damaged on purpose, so that it is not checked when it is dropped.
    pub fn leave_damaged(mut self) {
        self.damaged = true;
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if !self.damaged && !std::thread::panicking() {
            match self.check() {
                Ok(report) => assert!(report.is_clean(), "{:#?}", report.differences),
                Err(StoreError::Closed) => {}
                Err(error) => panic!("cannot check: {error}"),
            }
        }
        self.store.close();
    }
}

/// Adds a contact, for tests that only count contacts.
pub fn add_contact(tx: &WriteTx<'_>, user: &str, who: &str) -> Result<(), StoreError> {
    let reach = muster::domain::access::Reach::Installation;
    tx.add_contact(&reach, &employee(user), &contact(who, "Contoso"), "AddContact").map(drop)
}
