//! Rows on their way from the reader to the writer, and how many go together.

use std::collections::HashMap;
use std::time::Duration;

use crate::store::{EmployeeName, ImportRow, OwnerRow, Store};
use crate::transfer::csv::{OwnerColumns, RawRecord};

use super::ImportOptions;

/// Rows of a chunk when nobody else wants the database: the larger, the fewer times each page of an index is written.
const ROWS_ALONE: usize = 50_000;

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

    /// Learns from how long a chunk held the lock.
    pub(super) fn learn(&mut self, rows: usize, took: Duration) {
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
    pub(super) origins: Vec<Origin>,
    /// Rows that the reader refused.
    pub(super) refused: Vec<(Origin, String)>,
    /// Bytes of the file that were read when the chunk was full.
    pub(super) bytes_read: u64,
    positions: HashMap<OwnerRow, usize>,
}

/// Where a row comes from.
#[derive(Debug)]
pub(super) struct Origin {
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
