//! One import: a file read, its rows put in chunk by chunk, and a report of what came of each.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde_json::json;

use super::chunk::{Chunk, ChunkSize, ContentKey, RowOrigin, SettledChunk, owner_of};
use super::options::{ImportOptions, ImportProgress};
use crate::store::{Actor, AuditAction, AuditEntry, ImportChunk, ImportRow, OwnerRefusal, Store, StoreError, Subject};
use crate::transfer::TransferError;
use crate::transfer::csv::{ContactReader, OwnerColumns, RejectsOutput, RejectsWriter};
use crate::transfer::report::{Created, ImportReport};

/// Chunks that are read ahead of the one being written. One keeps both threads busy; more would only hold memory.
const CHUNKS_AHEAD: usize = 1;

/// Rows that a dry run remembers, to tell copies within the file. Beyond it a copy counts as new: some 100 MB.
const DRY_RUN_ROWS_REMEMBERED_MAX: usize = 2_000_000;

/// Why an import could not be done, or not to its end. Chunks that were written before stay.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Neither the options nor the file say whose contacts these are.
    #[error("nothing says who collected these contacts; name the employee, or add a column employee or employee_email")]
    NoOwner,
    /// The enterprise does not exist.
    #[error("enterprise {0:?} does not exist; create it first, or use --create-missing")]
    NoEnterprise(String),
    /// The employee whom the options name cannot be found.
    #[error(transparent)]
    Owner(OwnerRefusal),
    /// The file cannot be read.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The rejected rows cannot be written down.
    #[error("the rejected rows cannot be written: {0}")]
    Rejects(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the beginning of a file, and refuses it where it cannot be imported in this way. Touches nothing else, so that
/// a wrong file leaves no trace.
pub fn open<R: Read>(input: R, options: &ImportOptions) -> Result<ContactReader<R>, ImportError> {
    let reader = ContactReader::open(input)?;
    if options.employee.is_none() && !reader.names_owners() {
        return Err(ImportError::NoOwner);
    }
    Ok(reader)
}

/// Imports a file that [`open`] let pass. Blocks; reads on a thread of its own, on which `progress` is called as chunks
/// are handed on.
///
/// Without `rejects` the report alone tells of rejected rows.
pub fn import(
    store: &Store,
    mut reader: ContactReader<impl Read + Send>,
    options: &ImportOptions,
    rejects: Option<RejectsOutput>,
    actor: &Actor,
    progress: &(dyn Fn(ImportProgress) + Sync),
) -> Result<ImportReport, ImportError> {
    let begun = store.clock().instant();
    let mut report = ImportReport::new(reader.layout(), reader.encoding(), reader.delimiter());
    report.dry_run = options.dry_run;
    report.ignored_columns = reader.ignored_columns().to_vec();
    let rejects = rejects.map(|output| RejectsWriter::new(reader.header(), reader.delimiter(), output));
    let mut run = RunningImport {
        store,
        options,
        report,
        rejects,
        created: CreatedIds::default(),
        seen: HashSet::new(),
        size: ChunkSize::first(store),
    };
    run.find_named_owner()?;
    let rows_wanted = AtomicUsize::new(run.size.rows());
    let encoding = thread::scope(|scope| {
        let (chunks, mut arriving) = sync_channel(CHUNKS_AHEAD);
        let rows_wanted = &rows_wanted;
        let reading = scope.spawn(move || {
            read_chunks(&mut reader, options, rows_wanted, &chunks, progress);
            reader.encoding()
        });
        while let Ok(chunk) = arriving.recv() {
            arriving = run.put_in(chunk?, arriving)?;
            rows_wanted.store(run.size.rows(), Ordering::Relaxed);
        }
        Ok::<_, ImportError>(reading.join().ok())
    });
    let encoding = match encoding {
        Ok(encoding) => encoding,
        Err(error) => {
            // What went in before stays, so it belongs in the audit log.
            run.report.created = run.created.counted();
            record(store, options, &run.report, actor, Some(&error));
            return Err(error);
        }
    };
    let mut report = run.finish()?;
    report.encoding = encoding.unwrap_or(report.encoding);
    let took = store.clock().instant().duration_since(begun);
    report.duration_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    record(store, options, &report, actor, None);
    Ok(report)
}

type Arriving = Receiver<Result<Chunk, TransferError>>;

/// Reads rows into chunks until the file ends or fails, or the writing thread has ended.
fn read_chunks<R: Read>(
    reader: &mut ContactReader<R>,
    options: &ImportOptions,
    rows_wanted: &AtomicUsize,
    chunks: &SyncSender<Result<Chunk, TransferError>>,
    progress: &(dyn Fn(ImportProgress) + Sync),
) {
    let mut chunk = Chunk::default();
    let mut wanted = rows_wanted.load(Ordering::Relaxed);
    // Only a row whose columns name its owner can be refused by the writer while the others are fine.
    let keep_raw = options.employee.is_none();
    let mut rows = 0;
    loop {
        let bytes = reader.bytes_read();
        let row = match reader.next_row() {
            None => break,
            Some(Ok(row)) => row,
            Some(Err(error)) => {
                // What was read before is put in; then the import fails, unless it has failed already.
                if chunks.send(Ok(chunk)).is_ok() {
                    let _ = chunks.send(Err(error));
                }
                return;
            }
        };
        rows = row.number;
        let origin = |keep: bool| RowOrigin { number: row.number, line: row.line, raw: keep.then(|| row.raw.clone()) };
        let content = row.content.map_err(|error| error.to_string());
        match content.and_then(|contact| Ok((owner_of(options, contact.owner)?, contact.info, contact.created_at))) {
            Ok((owner, info, created_at)) => {
                let owner = chunk.owner(owner);
                chunk.rows.push(ImportRow { owner, info, created_at });
                chunk.origins.push(origin(keep_raw));
            }
            Err(reason) => chunk.refused.push((origin(true), reason)),
        }
        if chunk.len() >= wanted {
            if chunks.send(Ok(std::mem::take(&mut chunk))).is_err() {
                return;
            }
            progress(ImportProgress { rows, bytes });
            wanted = rows_wanted.load(Ordering::Relaxed);
        }
    }
    progress(ImportProgress { rows, bytes: reader.bytes_read() });
    // When the last chunk is not taken, the import has failed and says so itself.
    let _ = chunks.send(Ok(chunk));
}

/// An import under way.
struct RunningImport<'a> {
    store: &'a Store,
    options: &'a ImportOptions,
    report: ImportReport,
    rejects: Option<RejectsWriter>,
    created: CreatedIds,
    /// What a dry run would have put in.
    seen: HashSet<ContentKey>,
    size: ChunkSize,
}

/// Ids of what was created; each chunk of a dry run creates the same ones again.
#[derive(Default)]
struct CreatedIds {
    enterprises: BTreeSet<String>,
    departments: BTreeSet<String>,
    employees: BTreeSet<String>,
}

impl CreatedIds {
    fn counted(&self) -> Created {
        Created {
            enterprises: self.enterprises.len() as u64,
            departments: self.departments.len() as u64,
            employees: self.employees.len() as u64,
        }
    }
}

impl RunningImport<'_> {
    /// Fails before any row is read when the options name an employee who cannot be found, or an enterprise that is not
    /// there.
    ///
    /// Only a rehearsal: an import that is refused creates nothing.
    fn find_named_owner(&self) -> Result<(), ImportError> {
        let ImportOptions { enterprise, may_create, .. } = self.options.clone();
        let owners = owner_of(self.options, OwnerColumns::default()).into_iter().collect();
        let chunk = ImportChunk { enterprise, owners, rows: Vec::new(), may_create, dry_run: true };
        let outcome = self.store.write_blocking(move |tx| tx.import(&chunk)).map_err(|error| self.explain(error))?;
        let refused = outcome.owners_refused.into_iter().flatten().next();
        refused.map_or(Ok(()), |refusal| Err(ImportError::Owner(refusal)))
    }

    /// Puts a chunk in, and in the same transaction as many more as belong in one, as they arrive.
    fn put_in(&mut self, first: Chunk, arriving: Arriving) -> Result<Arriving, ImportError> {
        let rows_max = self.size.transaction_rows();
        let rows_first = first.len();
        let options = self.options.clone();
        let clock = self.store.clock().clone();
        let written = self.store.write_blocking(move |tx| {
            let begun = clock.instant();
            let mut rows = first.len();
            let mut settled = vec![first.put_in(tx, &options)?];
            let mut failure = None;
            while rows < rows_max {
                match arriving.recv() {
                    Ok(Ok(chunk)) => {
                        rows += chunk.len();
                        settled.push(chunk.put_in(tx, &options)?);
                    }
                    Ok(Err(error)) => {
                        failure = Some(error);
                        break;
                    }
                    Err(_) => break,
                }
            }
            Ok((settled, failure, clock.instant().duration_since(begun), arriving))
        });
        let (settled, failure, took, arriving) = written.map_err(|error| self.explain(error))?;
        self.size.adapt(rows_first, took);
        for settled in settled {
            self.take_down(settled)?;
        }
        failure.map_or(Ok(arriving), |error| Err(error.into()))
    }

    fn take_down(&mut self, settled: SettledChunk) -> Result<(), ImportError> {
        self.report.rows += settled.rows;
        self.report.imported += settled.imported;
        self.report.duplicates += settled.duplicates;
        for key in settled.tried {
            if self.seen_before(key) {
                self.report.duplicates += 1;
            } else {
                self.report.imported += 1;
            }
        }
        self.created.enterprises.extend(settled.outcome.enterprises_created);
        self.created.departments.extend(settled.outcome.departments_created);
        self.created.employees.extend(settled.outcome.employees_created);
        for (origin, reason) in settled.rejected {
            self.reject(&origin, reason)?;
        }
        Ok(())
    }

    fn explain(&self, error: StoreError) -> ImportError {
        match error {
            StoreError::NotFound(Subject::Enterprise) => ImportError::NoEnterprise(self.options.enterprise.to_string()),
            error => error.into(),
        }
    }

    fn reject(&mut self, origin: &RowOrigin, reason: String) -> Result<(), ImportError> {
        if let (Some(rejects), Some(raw)) = (&mut self.rejects, &origin.raw) {
            rejects.write(origin.number, &reason, raw).map_err(ImportError::Rejects)?;
        }
        self.report.reject(origin.number, origin.line, reason);
        Ok(())
    }

    fn seen_before(&mut self, key: ContentKey) -> bool {
        if self.seen.len() < DRY_RUN_ROWS_REMEMBERED_MAX { !self.seen.insert(key) } else { self.seen.contains(&key) }
    }

    fn finish(mut self) -> Result<ImportReport, ImportError> {
        if let Some(rejects) = self.rejects.take() {
            rejects.finish().map_err(ImportError::Rejects)?;
        }
        self.report.created = self.created.counted();
        Ok(self.report)
    }
}

/// Puts the import into the audit log, unless it could change nothing. It is done, whatever becomes of this.
fn record(
    store: &Store,
    options: &ImportOptions,
    report: &ImportReport,
    actor: &Actor,
    broken_off: Option<&ImportError>,
) {
    if options.dry_run || report.rows == 0 {
        return;
    }
    let after = json!({
        "file": options.file,
        "departmentId": options.department,
        "employeeId": options.employee,
        "created": report.created,
        "rows": report.rows,
        "imported": report.imported,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "brokenOff": broken_off.map(ToString::to_string),
    });
    let entry = AuditEntry {
        action: AuditAction::ContactsImport,
        target: options.enterprise.to_string(),
        before: None,
        after: Some(after),
    };
    store.audit_done_blocking(actor.clone(), entry);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::ids::EnterpriseId;
    use crate::store::{MayCreate, Mode, StoreOptions};

    /// Gives some rows, then fails as a connection does.
    struct Torn<R>(R);

    impl<R: Read> Read for Torn<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the connection broke")),
                len => Ok(len),
            }
        }
    }

    #[test]
    fn an_import_that_breaks_off_keeps_what_went_in_and_is_audited() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, Clock::system()).unwrap();
        let enterprise = EnterpriseId::parse("acme").unwrap();
        let options = ImportOptions {
            enterprise: enterprise.clone(),
            department: Some("sales".to_owned()),
            employee: Some("u1".to_owned()),
            may_create: MayCreate::Everything,
            dry_run: false,
            file: None,
        };
        // Longer than what is read before the first row.
        let rows: Vec<String> = (0..5_000).map(|row| format!("Anita,anita{row}@example.com\n")).collect();
        let file = format!("name,email\n{}Bo,", rows.concat());
        let reader = open(Torn(file.as_bytes()), &options).unwrap();
        let error = import(&store, reader, &options, None, &Actor::command_line(), &|_| {}).unwrap_err();
        assert!(matches!(error, ImportError::Transfer(_)), "{error}");
        let contacts = store.read_blocking(|tx| tx.enterprise_summary(&enterprise)).unwrap().totals.total_contacts;
        assert_eq!(contacts, 5_000);
        let audited = store.read_blocking(|tx| tx.audited_acts()).unwrap();
        let [(action, after)] = audited.as_slice() else { unreachable!("{audited:?}") };
        assert_eq!(action, "contacts.import");
        assert!(after.contains("\"imported\":5000") && after.contains("the connection broke"), "{after}");
    }

    #[test]
    fn an_import_that_is_refused_or_empty_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, Clock::system()).unwrap();
        let check = |department: Option<&str>, file: &str, expected: Result<u64, &str>| {
            let enterprise = EnterpriseId::parse("acme").unwrap();
            let options = ImportOptions {
                enterprise: enterprise.clone(),
                department: department.map(str::to_owned),
                employee: Some("u1".to_owned()),
                may_create: MayCreate::Everything,
                dry_run: false,
                file: None,
            };
            let outcome = open(file.as_bytes(), &options)
                .and_then(|reader| import(&store, reader, &options, None, &Actor::command_line(), &|_| {}));
            let outcome = outcome.map(|report| report.imported).map_err(|error| error.to_string());
            assert_eq!(outcome, expected.map_err(str::to_owned), "{department:?} {file:?}");
            store.read_blocking(|tx| tx.enterprise(&enterprise)).is_ok()
        };
        let no_department = "employee \"u1\" does not exist, and no department is named to create it in; name one with \
                             --department or in a column department";
        assert!(!check(None, "name\nAda\n", Err(no_department)));
        assert!(!check(Some("sales"), "name\n", Ok(0)));
        assert!(!check(Some("sales"), "name,createdAt\nAda,yesterday\n", Ok(0)));
        assert!(check(Some("sales"), "name\nAda\n", Ok(1)));
    }
}
