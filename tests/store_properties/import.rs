//! Imports in the model.

use std::collections::BTreeSet;

use muster::domain::directory::{EmployeeFields, EmployeeInfo, Name};
use muster::domain::identity::normalise_email;
use muster::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use muster::domain::made_ids::ids_from_name;
use muster::domain::text::fold;
use muster::store::{DepartmentName, EmployeeName, ImportChunk, ImportOutcome, ImportedRow, MayCreate, OwnerRow};

use super::model::{ContactFact, EmployeeFact, Model, OwnerKey, Step, scopes_of};
use super::operation::{ANY_REFUSAL, Answer, DepartmentKey, Outcome, Refusal};

/// The row is refused; the text of the reason is not modelled.
struct Refused;

impl Model {
    pub fn import(&mut self, chunk: &ImportChunk, step: &mut Step<'_>) -> Outcome {
        if chunk.dry_run {
            let (mut copy, mut draws) = (self.clone(), BTreeSet::new());
            return copy.import_chunk(chunk, &mut Step { draws: &mut draws, ..*step });
        }
        let before = self.clone();
        let outcome = self.import_chunk(chunk, step);
        if outcome.is_err() {
            *self = before;
        }
        outcome
    }

    fn import_chunk(&mut self, chunk: &ImportChunk, step: &mut Step<'_>) -> Outcome {
        let mut outcome = ImportOutcome::default();
        if let Err(refusal) = self.visible_enterprise(&chunk.enterprise) {
            if chunk.may_create != MayCreate::Everything {
                return Err(refusal);
            }
            let name = Name::parse("enterprise", chunk.enterprise.as_str()).unwrap();
            self.create_enterprise(Some(&chunk.enterprise), &name, step)?;
            outcome.enterprises_created.push(chunk.enterprise.to_string());
        }
        let key = |id: EmployeeId| (chunk.enterprise.clone(), id);
        let owners: Vec<Result<OwnerKey, Refused>> =
            chunk.owners.iter().map(|owner| self.resolve_owner(chunk, owner, &mut outcome, step).map(key)).collect();
        for row in &chunk.rows {
            outcome.rows.push(match &owners[row.owner] {
                Err(Refused) => ImportedRow::Refused(ANY_REFUSAL),
                Ok(owner) if self.has_copy(owner, row.info.fields()) => ImportedRow::Duplicate,
                Ok(owner) => {
                    let place = &self.employees.iter().find(|employee| employee.key() == *owner).unwrap().place;
                    step.draws.extend(scopes_of(place));
                    self.record_company(&chunk.enterprise, &row.info.fields().company);
                    self.contacts.push(ContactFact {
                        id: Self::UNKNOWN_ID,
                        owner: owner.clone(),
                        fields: row.info.fields().clone(),
                        source: "import",
                        created_at: row.created_at.unwrap_or(step.now),
                        updated_at: step.now,
                    });
                    ImportedRow::Imported
                }
            });
        }
        Ok(Answer::Imported(outcome))
    }

    /// The id of an imported contact, until the test has looked it up.
    pub const UNKNOWN_ID: ContactId = ContactId::from_number(0);

    fn has_copy(&self, owner: &OwnerKey, fields: &muster::domain::contacts::ContactFields) -> bool {
        self.contacts.iter().any(|contact| contact.owner == *owner && contact.fields == *fields)
    }

    /// Finds or creates an owner; a department that was created for an owner that is then refused is removed again.
    fn resolve_owner(
        &mut self,
        chunk: &ImportChunk,
        owner: &OwnerRow,
        outcome: &mut ImportOutcome,
        step: &mut Step<'_>,
    ) -> Result<EmployeeId, Refused> {
        let before = (self.clone(), outcome.clone(), step.draws.clone());
        let found = self.find_or_create_owner(chunk, owner, outcome, step);
        if found.is_err() {
            (*self, *outcome, *step.draws) = before;
        }
        found
    }

    fn find_or_create_owner(
        &mut self,
        chunk: &ImportChunk,
        owner: &OwnerRow,
        outcome: &mut ImportOutcome,
        step: &mut Step<'_>,
    ) -> Result<EmployeeId, Refused> {
        let enterprise = &chunk.enterprise;
        let employee =
            self.find_owner(enterprise, &owner.employee)?.map(|found| (found.id.clone(), found.place.clone()));
        let department = match &owner.department {
            None => None,
            Some(text) => match self.find_department(enterprise, text)? {
                Some(found) => Some(found),
                None if employee.is_none() && chunk.may_create != MayCreate::Nothing => {
                    Some(self.create_missing_department(enterprise, text, outcome, step)?)
                }
                None => return Err(Refused),
            },
        };
        match (employee, department) {
            (Some((_, place)), Some(department)) if place.1 != department => Err(Refused),
            (Some((id, _)), _) => Ok(id),
            (None, Some(department)) if chunk.may_create != MayCreate::Nothing => {
                self.create_missing_employee(&(enterprise.clone(), department), &owner.employee, outcome, step)
            }
            (None, _) => Err(Refused),
        }
    }

    fn find_owner(&self, enterprise: &EnterpriseId, name: &EmployeeName) -> Result<Option<&EmployeeFact>, Refused> {
        let visible: Vec<&EmployeeFact> = self
            .employees
            .iter()
            .filter(|employee| employee.place.0 == *enterprise && self.is_visible(employee))
            .collect();
        let mut found = match name {
            EmployeeName::IdOrName(text) => {
                if let Some(employee) = visible.iter().find(|employee| employee.id.as_str() == text) {
                    return Ok(Some(employee));
                }
                let named = |employee: &&EmployeeFact| fold(&employee.fields.full_name()) == fold(text);
                visible.into_iter().filter(named).collect::<Vec<_>>()
            }
            EmployeeName::Email(text) => {
                let address = normalise_email(text).ok_or(Refused)?;
                let reached =
                    |employee: &&EmployeeFact| normalise_email(&employee.fields.email).as_ref() == Some(&address);
                visible.into_iter().filter(reached).collect()
            }
        };
        if found.len() > 1 { Err(Refused) } else { Ok(found.pop()) }
    }

    fn find_department(
        &self,
        enterprise: &EnterpriseId,
        name: &DepartmentName,
    ) -> Result<Option<DepartmentId>, Refused> {
        let text = text_of(name);
        let visible =
            || self.departments.iter().filter(|(place, fact)| place.0 == *enterprise && !fact.lifecycle.is_archived());
        let by_id = visible().find(|(place, _)| place.1.as_str() == text);
        if let (Some((place, _)), DepartmentName::IdOrName(_)) = (by_id, name) {
            return Ok(Some(place.1.clone()));
        }
        let mut named: Vec<_> = visible().filter(|(_, fact)| fold(&fact.name) == fold(text)).collect();
        let found = match (named.len(), by_id) {
            (0, Some((_, fact))) if ids_from_name(&fact.name).any(|made| made == text) => None,
            (0, by_id) => by_id,
            (1, _) => named.pop(),
            (_, Some((place, fact))) if fold(&fact.name) == fold(text) => Some((place, fact)),
            _ => return Err(Refused),
        };
        Ok(found.map(|(place, _)| place.1.clone()))
    }

    fn create_missing_department(
        &mut self,
        enterprise: &EnterpriseId,
        department: &DepartmentName,
        outcome: &mut ImportOutcome,
        step: &mut Step<'_>,
    ) -> Result<DepartmentId, Refused> {
        let text = text_of(department);
        let name = Name::parse("department", text).map_err(|_| Refused)?;
        let is_another = |id: &DepartmentId| {
            let taken = self.departments.get(&(enterprise.clone(), id.clone()));
            taken.is_some_and(|fact| fold(&fact.name) != name.folded())
        };
        let id = DepartmentId::parse(text).ok();
        let id = id.filter(|id| matches!(department, DepartmentName::IdOrName(_)) || !is_another(id));
        let made = self.create_department(enterprise, id.as_ref(), &name, &mut Step { answered: None, ..nested(step) });
        let Ok(Answer::Department(department)) = made else { return Err(Refused) };
        outcome.departments_created.push(department.id.to_string());
        Ok(department.id)
    }

    fn create_missing_employee(
        &mut self,
        place: &DepartmentKey,
        name: &EmployeeName,
        outcome: &mut ImportOutcome,
        step: &mut Step<'_>,
    ) -> Result<EmployeeId, Refused> {
        let mut fields = EmployeeFields::default();
        let mut id = None;
        match name {
            EmployeeName::IdOrName(text) => {
                text.clone_into(&mut fields.first_name);
                id = EmployeeId::parse(text.as_str()).ok();
            }
            EmployeeName::Email(text) => {
                text.trim().clone_into(&mut fields.email);
                text.split('@').next().unwrap().trim().clone_into(&mut fields.first_name);
            }
        }
        let info = EmployeeInfo::parse(fields).map_err(|_| Refused)?;
        // The store generated an id: its answer has it at the position that the model fills next.
        let position = outcome.employees_created.len();
        if id.is_none()
            && let Some(Answer::Imported(answered)) = step.answered
        {
            id = answered.employees_created.get(position).map(|id| EmployeeId::parse(id.as_str()).unwrap());
        }
        match self.create_employee(place, id.as_ref(), &info, &mut Step { answered: None, ..nested(step) }) {
            Ok(Answer::Employee(employee)) => {
                outcome.employees_created.push(employee.id.to_string());
                Ok(employee.id)
            }
            Err(Refusal::Conflict) => Err(Refused),
            other => panic!("{other:?}"),
        }
    }
}

/// The same step, for a part of it.
fn nested<'a>(step: &'a mut Step<'_>) -> Step<'a> {
    Step { now: step.now, answered: step.answered, draws: step.draws }
}

fn text_of(department: &DepartmentName) -> &str {
    match department {
        DepartmentName::IdOrName(text) | DepartmentName::Name(text) => text,
    }
}
