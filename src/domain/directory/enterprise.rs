//! An enterprise as it is stored.

use crate::domain::ids::EnterpriseId;
use crate::domain::sharing::Sharing;
use crate::domain::time::Timestamp;

/// An enterprise as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    /// Its id.
    pub id: EnterpriseId,
    /// Its name.
    pub name: String,
    /// What the tokens of its employees read of colleagues.
    pub sharing: Sharing,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
}
