//! One chunk of an import in one transaction, with rollups merged set-wise.

use std::collections::HashMap;

use super::employees::EmployeeRow;
use super::import_owner::{OwnerError, OwnerRefusal, OwnerRow};
use super::new_owners::NewOwnersBound;
use crate::domain::access::Reach;
use crate::domain::contacts::ContactInfo;
use crate::domain::directory::Name;
use crate::domain::ids::{EnterpriseId, TimeOrderedId};
use crate::domain::time::Timestamp;
use crate::store::engine::error::{StoreError, Subject};
use crate::store::engine::tx::WriteTx;
use crate::store::rollups::merge::RollupBatch;

/// One contact of a chunk.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Index of its owner in the chunk's owners.
    pub owner: usize,
    pub info: ContactInfo,
    /// When it was collected, if the file says.
    pub created_at: Option<Timestamp>,
}

/// What an import may create besides contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MayCreate {
    /// Nothing: rows of unknown owners are refused.
    #[default]
    Nothing,
    /// Departments and employees that do not exist.
    WithinEnterprise,
    /// The enterprise, too.
    Everything,
}

/// Rows of one transaction.
#[derive(Clone, Debug)]
pub struct ImportChunk {
    /// What the importer reaches: owners are looked for, and created, nowhere else.
    pub reach: Reach,
    pub enterprise: EnterpriseId,
    pub owners: Vec<OwnerRow>,
    pub rows: Vec<ImportRow>,
    pub may_create: MayCreate,
    /// How many departments and employees may be created; `None` without a bound.
    pub new_owners: Option<NewOwnersBound>,
    /// Whether everything is rolled back in the end.
    pub dry_run: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOutcome {
    pub rows: Vec<ImportedRow>,
    /// For each owner in order: why it was refused, if it was.
    pub owners_refused: Vec<Option<OwnerRefusal>>,
    /// For each owner in order: whether an employee was created for it.
    pub owners_created: Vec<bool>,
    pub enterprises_created: Vec<String>,
    pub departments_created: Vec<String>,
    pub employees_created: Vec<String>,
}

/// The result of a row, in the order of the chunk's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportedRow {
    Imported,
    /// The employee already has a contact of the same person with the same content.
    Duplicate,
    /// Its owner was refused.
    Refused(OwnerRefusal),
}

impl WriteTx<'_> {
    /// Imports a chunk. Fails as a whole only when the enterprise is missing or the database fails; an owner that is
    /// refused refuses its rows.
    pub fn import(&self, chunk: &ImportChunk) -> Result<ImportOutcome, StoreError> {
        if chunk.dry_run { self.rehearse(|tx| tx.import_chunk(chunk)) } else { self.import_chunk(chunk) }
    }

    fn import_chunk(&self, chunk: &ImportChunk) -> Result<ImportOutcome, StoreError> {
        let mut outcome = ImportOutcome::default();
        match self.enterprise_row(&chunk.enterprise) {
            Err(StoreError::NotFound(Subject::Enterprise)) if chunk.may_create == MayCreate::Everything => {
                let name = Name::parse("enterprise", chunk.enterprise.as_str())
                    .map_err(|error| StoreError::Invalid(vec![error]))?;
                self.create_enterprise(Some(chunk.enterprise.clone()), &name)?;
                outcome.enterprises_created.push(chunk.enterprise.to_string());
            }
            found => drop(found?),
        }
        let mut owners = Vec::with_capacity(chunk.owners.len());
        let mut bound = chunk.new_owners.clone().filter(|_| chunk.may_create != MayCreate::Nothing);
        for owner in &chunk.owners {
            let may_create = chunk.may_create != MayCreate::Nothing;
            let found = match &mut bound {
                Some(bound) => self.find_or_create_owner_within(bound, &chunk.reach, &chunk.enterprise, owner),
                None => self.find_or_create_owner(&chunk.reach, &chunk.enterprise, owner, may_create),
            };
            outcome.owners_created.push(found.as_ref().is_ok_and(|owner| owner.employee_created.is_some()));
            owners.push(match found {
                Ok(owner) => {
                    outcome.departments_created.extend(owner.department_created.map(|id| id.to_string()));
                    outcome.employees_created.extend(owner.employee_created.map(|id| id.to_string()));
                    Ok(owner.row)
                }
                Err(OwnerError::Refused(refusal)) => Err(refusal),
                Err(OwnerError::Store(error)) => return Err(error),
            });
        }
        outcome.owners_refused = owners.iter().map(|owner| owner.as_ref().err().cloned()).collect();
        outcome.rows = self.without_triggers(|tx| tx.insert_rows(&chunk.rows, &owners))?;
        Ok(outcome)
    }

    fn insert_rows(
        &self,
        rows: &[ImportRow],
        owners: &[Result<EmployeeRow, OwnerRefusal>],
    ) -> Result<Vec<ImportedRow>, StoreError> {
        const EXISTS: &str = "SELECT 1 FROM contact WHERE employee_id = ?1 AND person_key = ?2 AND content_key = ?3";
        let mut exists = self.prepare(EXISTS)?;
        let mut companies: HashMap<(i64, &str), i64> = HashMap::new();
        let mut batch = RollupBatch::default();
        let mut next_id = self.next_contact_id()?;
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            let owner = match &owners[row.owner] {
                Ok(owner) => *owner,
                Err(refusal) => {
                    outcomes.push(ImportedRow::Refused(refusal.clone()));
                    continue;
                }
            };
            let identity = row.info.identity();
            let person = identity.person.number();
            if exists.exists([owner.row, person, identity.content])? {
                outcomes.push(ImportedRow::Duplicate);
                continue;
            }
            let company = match identity.company.as_deref() {
                None => None,
                Some(folded) => {
                    let known = companies.get(&(owner.enterprise, folded)).copied();
                    let company = if known.is_some() { known } else { self.company_row(owner.enterprise, &row.info)? };
                    companies.extend(company.map(|company| ((owner.enterprise, folded), company)));
                    company
                }
            };
            let created_at = row.created_at.unwrap_or(self.now());
            self.insert_contact(next_id, owner, company, &row.info, "import", created_at)?;
            next_id = TimeOrderedId::from_number(next_id.number() + 1);
            let scopes = [owner.department, owner.enterprise];
            batch.add(scopes, owner.row, company, created_at.day().number(), person);
            outcomes.push(ImportedRow::Imported);
        }
        self.apply_rollups(&batch)?;
        for scope in batch.scopes() {
            self.draw(scope)?;
        }
        Ok(outcomes)
    }
}
