//! Rows on their way from the reader to the writer, and how many go together.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::options::ImportOptions;
use crate::store::{
    EmployeeName, ImportChunk, ImportOutcome, ImportRow, ImportedRow, OwnerRow, Store, StoreError, WriteTx,
};
use crate::transfer::csv::{OwnerColumns, RawRecord};

/// Rows of a chunk when no other process uses the database: what is held in memory, twice.
const ROWS_ALONE: usize = 20_000;

/// Rows of a transaction when no other process uses the database: the larger, the fewer times each page of an index is
/// written, and the more is read again after a crash.
const TRANSACTION_ROWS_ALONE: usize = 250_000;

/// Rows of the first chunk beside a running server.
const ROWS_FIRST: usize = 200;

/// Fewest and most rows of a chunk beside a running server.
const ROWS_MIN: usize = 20;
const ROWS_MAX: usize = 5_000;

/// How long a chunk may hold the write lock beside a running server. Well below the 100 ms that any holder may have it,
/// since the next chunk may find colder pages.
const CHUNK_TIME_AIM: Duration = Duration::from_millis(30);

/// How many rows the next chunk has.
#[derive(Clone, Copy, Debug)]
pub(super) enum ChunkSize {
    Fixed(usize),
    Adaptive(usize),
}

impl ChunkSize {
    pub(super) fn first(store: &Store) -> Self {
        if store.is_alone() { Self::Fixed(ROWS_ALONE) } else { Self::Adaptive(ROWS_FIRST) }
    }

    pub(super) fn rows(self) -> usize {
        match self {
            Self::Fixed(rows) | Self::Adaptive(rows) => rows,
        }
    }

    /// How many rows a transaction takes in before it ends; chunks are never torn apart.
    pub(super) fn transaction_rows(self) -> usize {
        match self {
            Self::Fixed(_) => TRANSACTION_ROWS_ALONE,
            Self::Adaptive(_) => 1,
        }
    }

    /// Adapts to how long a chunk held the lock.
    pub(super) fn adapt(&mut self, rows: usize, took: Duration) {
        if let Self::Adaptive(next) = self {
            // Grows slowly and shrinks at once: too large hurts the server, too small only the import.
            let aim = CHUNK_TIME_AIM.as_micros() * rows as u128 / took.as_micros().max(1);
            let aim = usize::try_from(aim).unwrap_or(ROWS_MAX);
            *next = aim.min(*next * 2).clamp(ROWS_MIN, ROWS_MAX);
        }
    }
}

/// Rows that are read and not yet written.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) rows: Vec<ImportRow>,
    pub(super) owners: Vec<OwnerRow>,
    /// Where each row comes from, for the report.
    pub(super) origins: Vec<RowOrigin>,
    /// Rows that the reader refused.
    pub(super) refused: Vec<(RowOrigin, String)>,
    positions: HashMap<OwnerRow, usize>,
}

/// Where a row comes from.
#[derive(Debug)]
pub(super) struct RowOrigin {
    pub(super) number: u64,
    pub(super) line: u64,
    /// Its cells, kept where the writer may still refuse it.
    pub(super) raw: Option<RawRecord>,
}

impl Chunk {
    /// How many rows of the file it speaks for.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.refused.len()
    }

    /// Puts it in, within a transaction, and takes down what came of its rows.
    pub(super) fn put_in(self, tx: &WriteTx<'_>, options: &ImportOptions) -> Result<SettledChunk, StoreError> {
        let ImportOptions { enterprise, may_create, dry_run, .. } = options.clone();
        let mut settled = SettledChunk { rows: self.len() as u64, rejected: self.refused, ..SettledChunk::default() };
        let chunk = ImportChunk { enterprise, owners: self.owners, rows: self.rows, may_create, dry_run };
        // Nothing to put in creates nothing, either.
        let mut outcome = if chunk.rows.is_empty() { ImportOutcome::default() } else { tx.import(&chunk)? };
        let owners: Vec<u64> = if dry_run { chunk.owners.iter().map(hash_of).collect() } else { Vec::new() };
        let outcomes = std::mem::take(&mut outcome.rows);
        for ((row, origin), outcome) in chunk.rows.iter().zip(self.origins).zip(outcomes) {
            match outcome {
                ImportedRow::Imported if dry_run => {
                    let identity = row.info.identity();
                    settled.tried.push((owners[row.owner], identity.person.number(), identity.content));
                }
                ImportedRow::Imported => settled.imported += 1,
                ImportedRow::Duplicate => settled.duplicates += 1,
                ImportedRow::Refused(refusal) => settled.rejected.push((origin, refusal.to_string())),
            }
        }
        settled.rejected.sort_by_key(|(origin, _)| origin.number);
        settled.outcome = outcome;
        Ok(settled)
    }

    /// The position of an owner, taken in if it is new.
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

/// What came of a chunk.
#[derive(Debug, Default)]
pub(super) struct SettledChunk {
    pub(super) rows: u64,
    pub(super) imported: u64,
    pub(super) duplicates: u64,
    /// Rows that are out, in the order of the file, each with the reason.
    pub(super) rejected: Vec<(RowOrigin, String)>,
    /// Rows that a dry run would have put in; copies within the file are among them.
    pub(super) tried: Vec<ContentKey>,
    /// What was created, and which owners were refused; its rows are counted above.
    pub(super) outcome: ImportOutcome,
}

/// What makes two rows of a file copies: a hash of the owner, the person, the content.
pub(super) type ContentKey = (u64, i64, i64);

fn hash_of(owner: &OwnerRow) -> u64 {
    let mut hasher = DefaultHasher::new();
    owner.hash(&mut hasher);
    hasher.finish()
}

/// Who owns a row: what the options say beats what the columns say. An error says what is missing.
pub(super) fn owner_of(options: &ImportOptions, columns: OwnerColumns) -> Result<OwnerRow, String> {
    let department = options.department.clone().or(columns.department);
    let employee = match (options.employee.clone().or(columns.employee), columns.employee_email) {
        (Some(employee), _) => EmployeeName::IdOrName(employee),
        (None, Some(address)) => EmployeeName::Email(address),
        (None, None) => return Err("employee: no employee is named who collected it".to_owned()),
    };
    Ok(OwnerRow { department, employee })
}
