//! What a summary is about.

use crate::domain::ids::{DepartmentId, EnterpriseId};

/// What a summary is about: an enterprise, or one department of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The enterprise.
    pub enterprise: EnterpriseId,
    /// The department; `None` for the enterprise as a whole.
    pub department: Option<DepartmentId>,
}

impl Scope {
    /// An enterprise as a whole.
    #[must_use]
    pub fn enterprise(enterprise: EnterpriseId) -> Self {
        Self { enterprise, department: None }
    }

    /// One department.
    #[must_use]
    pub fn department(enterprise: EnterpriseId, department: DepartmentId) -> Self {
        Self { enterprise, department: Some(department) }
    }
}
