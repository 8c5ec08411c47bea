//! Chunks of rows between the reader and the writer of an import, and their size.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::options::ImportOptions;
use crate::store::{
    DepartmentName, EmployeeName, ImportChunk, ImportOutcome, ImportRow, ImportedRow, NewOwnersBound, OwnerRow, Store,
    StoreError, WriteTx,
};
use crate::transfer::csv::{OwnerColumns, RawRecord};

/// Rows of a chunk when no other process uses the database. Two chunks are in memory at a time.
const ROWS_ALONE: usize = 20_000;

/// Rows of a transaction when no other process uses the database: the larger, the fewer times each page of an index is
/// written, and the more rows must be imported again after a crash.
const TRANSACTION_ROWS_ALONE: usize = 250_000;

/// Rows of the first chunk beside a running server.
const ROWS_FIRST: usize = 200;

/// The fewest and the most rows of a chunk beside a running server.
const ROWS_MIN: usize = 20;
const ROWS_MAX: usize = 5_000;

/// The target for how long a chunk holds the write lock beside a running server. Well below the limit of 100 ms for any
/// holder, since the next chunk may have to read more pages from the disk.
const CHUNK_TIME_AIM: Duration = Duration::from_millis(30);

/// The same while other clients write: about as long as their own writes take, of which each waits for a chunk.
const CHUNK_TIME_AIM_BESIDE_OTHERS: Duration = Duration::from_millis(2);

/// Rows of the first chunk then, and the fewest: each may create an employee, which takes a fraction of a millisecond.
const ROWS_MIN_BESIDE_OTHERS: usize = 4;

/// The number of rows of the next chunk.
#[derive(Clone, Copy, Debug)]
pub(super) enum ChunkSize {
    Fixed(usize),
    Adaptive(usize),
}

impl ChunkSize {
    pub(super) fn first(store: &Store, has_others: bool) -> Self {
        match (store.is_alone(), has_others) {
            (true, _) => Self::Fixed(ROWS_ALONE),
            (false, false) => Self::Adaptive(ROWS_FIRST),
            (false, true) => Self::Adaptive(ROWS_MIN_BESIDE_OTHERS),
        }
    }

    pub(super) fn rows(self) -> usize {
        match self {
            Self::Fixed(rows) | Self::Adaptive(rows) => rows,
        }
    }

    /// The number of rows after which a transaction ends; chunks are never split.
    pub(super) fn transaction_rows(self) -> usize {
        match self {
            Self::Fixed(_) => TRANSACTION_ROWS_ALONE,
            Self::Adaptive(_) => 1,
        }
    }

    /// Adapts the size to the time that a chunk held the lock.
    pub(super) fn adapt(&mut self, rows: usize, took: Duration, has_others: bool) {
        if let Self::Adaptive(next) = self {
            let (aim, rows_min) = if has_others {
                (CHUNK_TIME_AIM_BESIDE_OTHERS, ROWS_MIN_BESIDE_OTHERS)
            } else {
                (CHUNK_TIME_AIM, ROWS_MIN)
            };
            // Grows slowly and shrinks at once: a chunk that is too large delays the server, one that is too small only
            // the import.
            let aim = aim.as_micros() * rows as u128 / took.as_micros().max(1);
            let aim = usize::try_from(aim).unwrap_or(ROWS_MAX);
            *next = aim.min(*next * 2).clamp(rows_min, ROWS_MAX);
        }
    }
}

/// Rows that are read and not yet written.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<ImportRow>,
    pub(super) owners: Vec<OwnerRow>,
    /// The position of each row in the file, for the report.
    pub(super) origins: Vec<RowOrigin>,
    /// Rows that the reader rejected, with the reasons.
    pub(super) refused: Vec<(RowOrigin, String)>,
    positions: HashMap<OwnerRow, usize>,
}

/// The position of a row in the file.
#[derive(Debug)]
pub(super) struct RowOrigin {
    pub(super) number: u64,
    pub(super) line: u64,
    /// Its cells, kept only if the writer may still reject the row.
    pub(super) raw: Option<RawRecord>,
}

impl Chunk {
    /// The number of rows of the file in this chunk, including rejected ones.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.refused.len()
    }

    /// Writes the chunk within a transaction, and returns the result of each row.
    pub(super) fn write(
        self,
        tx: &WriteTx<'_>,
        options: &ImportOptions,
        new_owners: Option<NewOwnersBound>,
    ) -> Result<ChunkResult, StoreError> {
        let ImportOptions { reach, enterprise, may_create, dry_run, .. } = options.clone();
        let mut result = ChunkResult {
            rows: self.len() as u64,
            rejected: self.refused,
            is_dry_run: dry_run,
            ..ChunkResult::default()
        };
        let chunk =
            ImportChunk { reach, enterprise, owners: self.owners, rows: self.rows, may_create, new_owners, dry_run };
        // A chunk without rows must not create its owners.
        let mut outcome = if chunk.rows.is_empty() { ImportOutcome::default() } else { tx.import(&chunk)? };
        if dry_run {
            let created = chunk.owners.iter().zip(&outcome.owners_created).filter(|(_, created)| **created);
            result.dry_run_owners = created.map(|(owner, _)| owner.clone()).collect();
        }
        let owners: Vec<u64> = if dry_run { chunk.owners.iter().map(hash_of).collect() } else { Vec::new() };
        let outcomes = std::mem::take(&mut outcome.rows);
        for ((row, origin), outcome) in chunk.rows.iter().zip(self.origins).zip(outcomes) {
            match outcome {
                ImportedRow::Imported if dry_run => {
                    let identity = row.info.identity();
                    result.dry_run_keys.push((owners[row.owner], identity.person.number(), identity.content));
                }
                ImportedRow::Imported => result.imported += 1,
                ImportedRow::Duplicate => result.duplicates += 1,
                ImportedRow::Refused(refusal) => result.rejected.push((origin, refusal.to_string())),
            }
        }
        result.rejected.sort_by_key(|(origin, _)| origin.number);
        result.outcome = outcome;
        Ok(result)
    }

    /// The index of an owner in `owners`, to which it is added if it is new.
    pub(super) fn owner(&mut self, owner: OwnerRow) -> usize {
        if let Some(position) = self.positions.get(&owner) {
            return *position;
        }
        let position = self.owners.len();
        self.positions.insert(owner.clone(), position);
        self.owners.push(owner);
        position
    }
}

/// The result of a written chunk.
#[derive(Debug, Default)]
pub(super) struct ChunkResult {
    pub(super) rows: u64,
    pub(super) imported: u64,
    pub(super) duplicates: u64,
    /// Rejected rows with the reasons, in the order of the file.
    pub(super) rejected: Vec<(RowOrigin, String)>,
    /// The keys of the rows that a dry run would have imported, including copies within the file.
    pub(super) dry_run_keys: Vec<ContentKey>,
    pub(super) is_dry_run: bool,
    /// The owners for whom a dry run would have created an employee.
    pub(super) dry_run_owners: Vec<OwnerRow>,
    /// What was created, and which owners were refused. Its rows are moved into the fields above.
    pub(super) outcome: ImportOutcome,
}

impl ChunkResult {
    /// Counts what was created for later chunks of the same import.
    pub(super) fn count_new_owners(&self, bound: &mut NewOwnersBound) {
        let ImportOutcome { departments_created, employees_created, .. } = &self.outcome;
        let count = |created: usize| u64::try_from(created).unwrap_or(u64::MAX);
        if !self.is_dry_run {
            bound.created = bound.created.saturating_add(count(departments_created.len() + employees_created.len()));
            return;
        }
        // A chunk of a dry run creates anew what the chunks before it would have created.
        let rehearsed = Arc::make_mut(&mut bound.rehearsed);
        rehearsed.owners.extend(self.dry_run_owners.iter().cloned());
        rehearsed.departments.extend(departments_created.iter().cloned());
        bound.created = count(rehearsed.owners.len() + rehearsed.departments.len());
    }
}

/// A hash of the owner, the person key and the content key: rows of a file with equal keys are copies.
pub(super) type ContentKey = (u64, i64, i64);

fn hash_of(owner: &OwnerRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    hasher.finish()
}

/// The owner of a row: the options take precedence over the columns. The error is a reason for the rejection of the
/// row.
pub(super) fn owner_of(options: &ImportOptions, columns: OwnerColumns) -> Result<OwnerRow, String> {
    let department = match (&options.department, columns.department_id, columns.department) {
        (Some(text), ..) => Some(DepartmentName::IdOrName(text.clone())),
        (None, Some(id), _) => Some(DepartmentName::IdOrName(id)),
        (None, None, name) => name.map(DepartmentName::Name),
    };
    let employee = match (options.employee.clone().or(columns.employee), columns.employee_email) {
        (Some(employee), _) => EmployeeName::IdOrName(employee),
        (None, Some(address)) => EmployeeName::Email(address),
        (None, None) => return Err("employee: no employee is named who collected it".to_owned()),
    };
    Ok(OwnerRow { department, employee })
}
