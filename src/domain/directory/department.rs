//! A department as it is stored.

use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::time::Timestamp;

/// A department as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its id, unique within its enterprise.
    pub id: DepartmentId,
    /// The enterprise it belongs to.
    pub enterprise_id: EnterpriseId,
    /// Its name.
    pub name: String,
    /// How many unarchived employees it has.
    pub member_count: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
}
