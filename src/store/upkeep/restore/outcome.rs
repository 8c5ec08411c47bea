//! The result of a restore, and what the database held before.

use std::path::PathBuf;

use crate::domain::backup::RowCounts;

/// What the database held before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    Nothing,
    Rows(RowCounts),
    Unreadable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the database held before.
    pub before: Before,
    pub after: RowCounts,
    /// Where the replaced database is kept; none where there was none.
    pub kept: Option<PathBuf>,
    /// The schema version of the backup; an older one is migrated when it is next opened.
    pub schema_version: i64,
    pub sessions_ended: usize,
    /// Tokens of the backup that were revoked after it was made, and stay so.
    pub tokens_kept_revoked: usize,
    /// Tokens of the database before that the backup does not know.
    pub tokens_lost: usize,
}
