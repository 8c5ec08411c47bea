//! How many departments and employees an import may create.

use std::collections::HashSet;
use std::sync::Arc;

use super::import_owner::{Owner, OwnerError, OwnerRefusal, OwnerRow};
use crate::domain::access::Reach;
use crate::domain::ids::EnterpriseId;
use crate::store::engine::tx::WriteTx;

/// How many departments and employees an import may still create.
#[derive(Clone, Debug)]
pub struct NewOwnersBound {
    /// How many it may create in all.
    pub max: u64,
    /// How many it has created.
    pub created: u64,
    /// What it would have created before this chunk, if it is a dry run, in which each chunk begins without it.
    pub rehearsed: Arc<RehearsedOwners>,
}

/// What the chunks of a dry run would have created. None of it is counted twice.
#[derive(Clone, Debug, Default)]
pub struct RehearsedOwners {
    /// The owners for whom an employee would have been created.
    pub owners: HashSet<OwnerRow>,
    /// The ids of the departments.
    pub departments: HashSet<String>,
}

impl NewOwnersBound {
    /// A bound for an import that has created nothing yet.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self { max, created: 0, rehearsed: Arc::default() }
    }

    fn is_reached(&self) -> bool {
        self.created >= self.max
    }

    /// Counts what was created for an owner; fails if that was too much.
    fn count(&mut self, row: &OwnerRow, owner: &Owner) -> Result<(), OwnerRefusal> {
        let department = owner.department_created.as_ref();
        let is_new = department.is_some_and(|id| !self.rehearsed.departments.contains(id.as_str()));
        let has_new_employee = owner.employee_created.is_some() && !self.rehearsed.owners.contains(row);
        let created = self.created + u64::from(is_new) + u64::from(has_new_employee);
        if created > self.max {
            return Err(OwnerRefusal::TooManyNew(self.max));
        }
        self.created = created;
        Ok(())
    }
}

impl WriteTx<'_> {
    /// Finds an owner, or creates one within a bound. What goes beyond it leaves nothing behind.
    pub(super) fn find_or_create_owner_within(
        &self,
        bound: &mut NewOwnersBound,
        reach: &Reach,
        enterprise: &EnterpriseId,
        row: &OwnerRow,
    ) -> Result<Owner, OwnerError> {
        if bound.is_reached() && !bound.rehearsed.owners.contains(row) {
            // Nothing is created only to be undone again: a file may name very many.
            return self.find_or_create_owner(reach, enterprise, row, false).map_err(|error| match error {
                OwnerError::Refused(OwnerRefusal::MissingDepartment(_) | OwnerRefusal::MissingEmployee(_)) => {
                    OwnerRefusal::TooManyNew(bound.max).into()
                }
                error => error,
            });
        }
        self.attempt(|tx| {
            let owner = tx.find_or_create_owner(reach, enterprise, row, true)?;
            bound.count(row, &owner)?;
            Ok(owner)
        })
    }
}
