//! What an import is to do, and how far it is.

use std::sync::Arc;

use crate::domain::access::Reach;
use crate::domain::ids::EnterpriseId;
use crate::store::{Actor, MayCreate, Turns};

/// Whose import or export it is.
#[derive(Clone)]
pub struct Party {
    /// Who acts, for the audit log.
    pub actor: Actor,
    /// The client whose turns it takes, if it is done for one.
    pub client: Option<Arc<dyn Turns>>,
}

impl Party {
    /// Somebody whose turn it always is.
    #[must_use]
    pub fn alone(actor: Actor) -> Self {
        Self { actor, client: None }
    }

    /// Whether there are others who wait meanwhile.
    pub(super) fn has_others(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.has_others())
    }
}

#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// What the importer reaches; owners are looked for, and created, nowhere else.
    pub reach: Reach,
    /// The enterprise to which the contacts are added.
    pub enterprise: EnterpriseId,
    /// The department of the employee, for every row.
    pub department: Option<String>,
    /// The employee who collected the contacts, for every row.
    pub employee: Option<String>,
    /// What is created if it is missing.
    pub may_create: MayCreate,
    /// How many departments and employees may be created; `None` without a bound.
    pub new_owners_max: Option<u64>,
    /// Whether the import is a dry run, which stores nothing.
    pub dry_run: bool,
    /// The name of the file for the audit log; `None` for a stream.
    pub file: Option<String>,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Rows handed to the writer.
    pub rows: u64,
    /// Bytes of the file read so far.
    pub bytes: u64,
}
