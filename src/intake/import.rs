//! The import of a file: its rows are written chunk by chunk, and a report counts the results.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde_json::json;

use super::chunk::{Chunk, ChunkResult, ChunkSize, ContentKey, RowOrigin, owner_of};
use super::options::{ImportOptions, ImportProgress, Party};
use crate::store::{
    Actor, AuditAction, AuditEntry, ImportChunk, ImportRow, NewOwnersBound, OwnerRefusal, Store, StoreError, Subject,
};
use crate::transfer::TransferError;
use crate::transfer::csv::{ContactReader, OwnerColumns, RejectsOutput, RejectsWriter};
use crate::transfer::report::{Created, ImportReport};

/// Chunks that are read ahead of the one being written. One keeps both threads busy; more would only use memory.
const CHUNKS_AHEAD: usize = 1;

/// Rows that a dry run keeps to find copies within the file, about 100 MB. Beyond it a copy counts as new.
const DRY_RUN_ROWS_REMEMBERED_MAX: usize = 2_000_000;

/// Why an import failed. Chunks that were written before stay.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Neither the options nor the file name the employee.
    #[error("nothing says who collected these contacts; name the employee, or add a column employee or employee_email")]
    NoOwner,
    /// The enterprise does not exist.
    #[error("enterprise {0:?} does not exist; create it first, or use --create-missing")]
    NoEnterprise(String),
    /// The employee whom the options name cannot be found.
    #[error(transparent)]
    Owner(OwnerRefusal),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the beginning of a file, and refuses a file that cannot be imported with these options. Changes nothing, so
/// that a wrong file leaves no trace.
pub fn open<R: Read>(input: R, options: &ImportOptions) -> Result<ContactReader<R>, ImportError> {
    let reader = ContactReader::open(input)?;
    if options.employee.is_none() && !reader.names_owners() {
        return Err(ImportError::NoOwner);
    }
    Ok(reader)
}

/// Imports a file that [`open`] accepted. Blocks; the file is read on a separate thread, which calls `progress` after
/// each chunk.
///
/// Without `rejects`, rejected rows are only in the report. Where they cannot be written the import goes on, and the report
/// says why and has the number of every row.
pub fn import(
    store: &Store,
    mut reader: ContactReader<impl Read + Send>,
    options: &ImportOptions,
    rejects: Option<RejectsOutput>,
    party: &Party,
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
        party,
        report,
        rejects,
        created: CreatedIds::default(),
        new_owners: options.new_owners_max.map(NewOwnersBound::new),
        seen: HashSet::new(),
        size: ChunkSize::first(store, party.has_others()),
    };
    run.find_named_owner()?;
    let chunk_rows = AtomicUsize::new(run.size.rows());
    let encoding = thread::scope(|scope| {
        let (sender, mut chunks) = sync_channel(CHUNKS_AHEAD);
        let chunk_rows = &chunk_rows;
        let reading = scope.spawn(move || {
            read_chunks(&mut reader, options, chunk_rows, &sender, progress);
            reader.encoding()
        });
        while let Ok(chunk) = chunks.recv() {
            chunks = run.write(chunk?, chunks)?;
            chunk_rows.store(run.size.rows(), Ordering::Relaxed);
        }
        Ok::<_, ImportError>(reading.join().ok())
    });
    let encoding = match encoding {
        Ok(encoding) => encoding,
        Err(error) => {
            // The chunks written before stay, so the audit log must show them.
            run.report.created = run.created.counted();
            record(store, options, &run.report, &party.actor, Some(&error));
            return Err(error);
        }
    };
    let mut report = run.finish();
    report.encoding = encoding.unwrap_or(report.encoding);
    let took = store.clock().instant().duration_since(begun);
    report.duration_millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    record(store, options, &report, &party.actor, None);
    Ok(report)
}

type Chunks = Receiver<Result<Chunk, TransferError>>;

/// Reads rows into chunks until the file ends or fails, or the receiver is dropped.
fn read_chunks<R: Read>(
    reader: &mut ContactReader<R>,
    options: &ImportOptions,
    chunk_rows: &AtomicUsize,
    chunks: &SyncSender<Result<Chunk, TransferError>>,
    progress: &(dyn Fn(ImportProgress) + Sync),
) {
    let mut chunk = Chunk::default();
    let mut rows_max = chunk_rows.load(Ordering::Relaxed);
    // The writer rejects single rows only when the columns name the owners.
    let keep_raw = options.employee.is_none();
    let mut rows = 0;
    loop {
        let bytes = reader.bytes_read();
        let row = match reader.next_row() {
            None => break,
            Some(Ok(row)) => row,
            Some(Err(error)) => {
                // The rows read before are written; then the import fails, unless it has failed already.
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
        if chunk.len() >= rows_max {
            if chunks.send(Ok(std::mem::take(&mut chunk))).is_err() {
                return;
            }
            progress(ImportProgress { rows, bytes });
            rows_max = chunk_rows.load(Ordering::Relaxed);
        }
    }
    progress(ImportProgress { rows, bytes: reader.bytes_read() });
    // If the receiver is dropped, the import has failed and reports its own error.
    let _ = chunks.send(Ok(chunk));
}

/// A running import.
struct RunningImport<'a> {
    store: &'a Store,
    options: &'a ImportOptions,
    party: &'a Party,
    report: ImportReport,
    rejects: Option<RejectsWriter>,
    created: CreatedIds,
    /// How many departments and employees may still be created.
    new_owners: Option<NewOwnersBound>,
    /// The rows that a dry run would have imported.
    seen: HashSet<ContentKey>,
    size: ChunkSize,
}

/// The ids of what was created. Sets, because each chunk of a dry run creates the same ones again.
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
    /// Fails before any row is read when the employee, department or enterprise of the options does not exist and may
    /// not be created. A dry run, so that a refused import creates nothing.
    fn find_named_owner(&self) -> Result<(), ImportError> {
        let ImportOptions { reach, enterprise, may_create, .. } = self.options.clone();
        let owners = owner_of(self.options, OwnerColumns::default()).into_iter().collect();
        let new_owners = self.new_owners.clone();
        let chunk = ImportChunk { reach, enterprise, owners, rows: Vec::new(), may_create, new_owners, dry_run: true };
        let client = self.party.client.as_ref();
        let outcome =
            self.store.write_blocking_for(client, move |tx| tx.import(&chunk)).map_err(|error| self.explain(error))?;
        let refused = outcome.owners_refused.into_iter().flatten().next();
        refused.map_or(Ok(()), |refusal| Err(ImportError::Owner(refusal)))
    }

    /// Writes a chunk, and in the same transaction as many of the next chunks as a transaction has.
    fn write(&mut self, first: Chunk, chunks: Chunks) -> Result<Chunks, ImportError> {
        let rows_max = self.size.transaction_rows();
        let rows_first = first.len();
        let options = self.options.clone();
        let mut new_owners = self.new_owners.clone();
        let clock = self.store.clock().clone();
        let written = self.store.write_blocking_for(self.party.client.as_ref(), move |tx| {
            let begun = clock.instant();
            let mut rows = first.len();
            let mut write = |chunk: Chunk| {
                let result = chunk.write(tx, &options, new_owners.clone())?;
                if let Some(bound) = &mut new_owners {
                    result.count_new_owners(bound);
                }
                Ok::<_, StoreError>(result)
            };
            let mut results = vec![write(first)?];
            let mut failure = None;
            while rows < rows_max {
                match chunks.recv() {
                    Ok(Ok(chunk)) => {
                        rows += chunk.len();
                        results.push(write(chunk)?);
                    }
                    Ok(Err(error)) => {
                        failure = Some(error);
                        break;
                    }
                    Err(_) => break,
                }
            }
            Ok((results, new_owners, failure, clock.instant().duration_since(begun), chunks))
        });
        let (results, new_owners, failure, took, chunks) = written.map_err(|error| self.explain(error))?;
        self.new_owners = new_owners;
        self.size.adapt(rows_first, took, self.party.has_others());
        for result in results {
            self.count(result);
        }
        failure.map_or(Ok(chunks), |error| Err(error.into()))
    }

    /// Adds the result of a chunk to the report and writes its rejected rows.
    fn count(&mut self, result: ChunkResult) {
        self.report.rows += result.rows;
        self.report.imported += result.imported;
        self.report.duplicates += result.duplicates;
        for key in result.dry_run_keys {
            if self.seen_before(key) {
                self.report.duplicates += 1;
            } else {
                self.report.imported += 1;
            }
        }
        self.created.enterprises.extend(result.outcome.enterprises_created);
        self.created.departments.extend(result.outcome.departments_created);
        self.created.employees.extend(result.outcome.employees_created);
        for (origin, reason) in result.rejected {
            self.reject(&origin, reason);
        }
    }

    fn explain(&self, error: StoreError) -> ImportError {
        match error {
            StoreError::NotFound(Subject::Enterprise) => ImportError::NoEnterprise(self.options.enterprise.to_string()),
            error => error.into(),
        }
    }

    fn reject(&mut self, origin: &RowOrigin, reason: String) {
        if let (Some(rejects), Some(raw)) = (&mut self.rejects, &origin.raw)
            && let Err(error) = rejects.write(origin.number, &reason, raw)
        {
            // The first failure is the cause of the others.
            self.report.rejects_failure.get_or_insert_with(|| error.to_string());
        }
        self.report.reject(origin.number, origin.line, reason);
        if self.rejects.is_some() {
            self.report.name_omitted(origin.number);
        }
    }

    fn seen_before(&mut self, key: ContentKey) -> bool {
        if self.seen.len() < DRY_RUN_ROWS_REMEMBERED_MAX { !self.seen.insert(key) } else { self.seen.contains(&key) }
    }

    fn finish(mut self) -> ImportReport {
        if let Some(Err(error)) = self.rejects.take().map(RejectsWriter::finish) {
            self.report.rejects_failure.get_or_insert_with(|| error.to_string());
        }
        self.report.created = self.created.counted();
        self.report
    }
}

/// Writes the import to the audit log, unless it changed nothing. A failure of this write does not fail the import,
/// which is done.
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
    use std::io;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::access::Reach;
    use crate::domain::ids::EnterpriseId;
    use crate::store::{MayCreate, Mode, StoreOptions};

    /// An input that fails at its end, as a broken connection does.
    struct BrokenInput<R>(R);

    impl<R: Read> Read for BrokenInput<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("the connection broke")),
                len => Ok(len),
            }
        }
    }

    #[test]
    fn an_interrupted_import_keeps_the_written_rows_and_is_audited() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, Clock::system()).unwrap();
        let enterprise = EnterpriseId::parse("acme").unwrap();
        let options = ImportOptions {
            reach: Reach::Installation,
            enterprise: enterprise.clone(),
            department: Some("sales".to_owned()),
            employee: Some("u1".to_owned()),
            may_create: MayCreate::Everything,
            new_owners_max: None,
            dry_run: false,
            file: None,
        };
        // Longer than the buffer that is read before the first row.
        let rows: Vec<String> = (0..5_000).map(|row| format!("Anita,anita{row}@example.com\n")).collect();
        let file = format!("name,email\n{}Bo,", rows.concat());
        let reader = open(BrokenInput(file.as_bytes()), &options).unwrap();
        let error = import(&store, reader, &options, None, &Party::alone(Actor::command_line()), &|_| {}).unwrap_err();
        assert!(matches!(error, ImportError::Transfer(_)), "{error}");
        let contacts = store.read_blocking(|tx| tx.enterprise_summary(&enterprise)).unwrap().totals.total_contacts;
        assert_eq!(contacts, 5_000);
        let audited = store.read_blocking(|tx| tx.audited_acts()).unwrap();
        let [(action, after)] = audited.as_slice() else { unreachable!("{audited:?}") };
        assert_eq!(action, "contacts.import");
        assert!(after.contains("\"imported\":5000") && after.contains("the connection broke"), "{after}");
    }

    #[test]
    fn a_refused_or_empty_import_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions { create: true, ..StoreOptions::new(dir.path(), Mode::Command, "a test") };
        let store = Store::open(&options, Clock::system()).unwrap();
        let check = |department: Option<&str>, file: &str, expected: Result<u64, &str>| {
            let enterprise = EnterpriseId::parse("acme").unwrap();
            let options = ImportOptions {
                reach: Reach::Installation,
                enterprise: enterprise.clone(),
                department: department.map(str::to_owned),
                employee: Some("u1".to_owned()),
                may_create: MayCreate::Everything,
                new_owners_max: None,
                dry_run: false,
                file: None,
            };
            let outcome = open(file.as_bytes(), &options).and_then(|reader| {
                import(&store, reader, &options, None, &Party::alone(Actor::command_line()), &|_| {})
            });
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
