//! What an import is to do, and how far it is.

use crate::domain::ids::EnterpriseId;
use crate::store::MayCreate;

/// What an import is to do.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The enterprise that the contacts go into.
    pub enterprise: EnterpriseId,
    /// The department of the employee who collected them, for every row.
    pub department: Option<String>,
    /// The employee who collected them, for every row.
    pub employee: Option<String>,
    /// What is created when it is missing.
    pub may_create: MayCreate,
    /// Whether it is only tried.
    pub dry_run: bool,
    /// What the file is called, for the audit log; none for a stream.
    pub file: Option<String>,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows that are done with.
    pub rows: u64,
    /// Bytes of the file that were read.
    pub bytes: u64,
}
