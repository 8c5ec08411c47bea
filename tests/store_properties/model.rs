//! A plain model of a store: collections of facts without sums.
//!
//! It predicts the store's answers, and which scopes draw a new revision.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::access::Reach;
use muster::domain::contacts::ContactFields;
use muster::domain::directory::{EmployeeFields, Scope};
use muster::domain::ids::{ContactId, EmployeeId, EnterpriseId};
use muster::domain::time::Timestamp;
use muster::store::Subject;

use super::operation::{Answer, DepartmentKey, Operation, Outcome, Refusal};

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub enterprises: BTreeMap<EnterpriseId, EnterpriseFact>,
    pub departments: BTreeMap<DepartmentKey, DepartmentFact>,
    /// In the order of their creation, since ids that the store generates differ in every run.
    pub employees: Vec<EmployeeFact>,
    /// In the order of their creation.
    pub contacts: Vec<ContactFact>,
}

#[derive(Clone, Debug)]
pub struct EnterpriseFact {
    pub name: String,
    pub lifecycle: Lifecycle,
    /// The first spelling of each company by its folded name. It is kept when its contacts are deleted.
    pub companies: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct DepartmentFact {
    pub name: String,
    pub lifecycle: Lifecycle,
}

/// An employee's id is unique within the enterprise.
pub type OwnerKey = (EnterpriseId, EmployeeId);

#[derive(Clone, Debug)]
pub struct EmployeeFact {
    pub id: EmployeeId,
    pub place: DepartmentKey,
    pub fields: EmployeeFields,
    pub lifecycle: Lifecycle,
}

impl EmployeeFact {
    pub fn key(&self) -> OwnerKey {
        (self.place.0.clone(), self.id.clone())
    }
}

#[derive(Clone, Debug)]
pub struct ContactFact {
    pub id: ContactId,
    pub owner: OwnerKey,
    pub fields: ContactFields,
    pub source: &'static str,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
pub struct Lifecycle {
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub archived_at: Option<Timestamp>,
    /// Accepted for a purge.
    pub purging: bool,
}

impl Lifecycle {
    pub fn new(now: Timestamp) -> Self {
        Self { created_at: now, updated_at: now, archived_at: None, purging: false }
    }

    pub fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }
}

/// The context of one request.
pub struct Step<'a> {
    pub now: Timestamp,
    /// The store's answer, for the ids that it generated.
    pub answered: Option<&'a Answer>,
    /// The scopes that draw a revision.
    pub draws: &'a mut BTreeSet<Scope>,
}

pub fn not_found<T>(subject: Subject) -> Result<T, Refusal> {
    Err(Refusal::NotFound(subject))
}

impl Model {
    /// Predicts the answer to a request, and applies the request.
    pub fn apply(&mut self, operation: &Operation, step: &mut Step<'_>) -> Outcome {
        match operation {
            Operation::CreateEnterprise { id, name } => self.create_enterprise(id.as_ref(), name, step),
            Operation::RenameEnterprise { id, name } => self.rename_enterprise(id, name, step),
            Operation::OnEnterprise { id, act } => self.on_enterprise(id, *act, step),
            Operation::CreateDepartment { of, id, name } => self.create_department(of, id.as_ref(), name, step),
            Operation::RenameDepartment { of, id, name } => self.rename_department(of, id, name, step),
            Operation::OnDepartment { of, id, act } => self.on_department(of, id, *act, step),
            Operation::CreateEmployee { of, id, info } => self.create_employee(of, id.as_ref(), info, step),
            Operation::ChangeEmployee { of, id, info, move_to } => {
                self.change_employee(of, id, info, move_to.as_ref(), step)
            }
            Operation::OnEmployee { of, id, act } => self.on_employee(of, id, *act, step),
            Operation::AddContact { reach, user, info } => self.add_contact(reach, user, info, step),
            Operation::ChangeContact { reach, user, id, info } => self.change_contact(reach, user, *id, info, step),
            Operation::DeleteContact { reach, user, id } => self.delete_contact(reach, user, *id, step),
            Operation::Import(chunk) => self.import(chunk, step),
            Operation::Job(steps) | Operation::Acts(steps) => {
                let continues = matches!(operation, Operation::Acts(_));
                let before = self.clone();
                let mut draws = BTreeSet::new();
                let outcomes = self.apply_all(steps, step, continues, &mut draws);
                match outcomes {
                    Ok(outcomes) => {
                        step.draws.extend(draws);
                        Ok(Answer::Several(outcomes))
                    }
                    Err(refusal) => {
                        *self = before;
                        Err(refusal)
                    }
                }
            }
            Operation::RolledBackJob(steps) => {
                let mut copy = self.clone();
                copy.apply_all(steps, step, false, &mut BTreeSet::new())?;
                Err(Refusal::Conflict)
            }
        }
    }

    fn apply_all(
        &mut self,
        steps: &[Operation],
        step: &Step<'_>,
        continues: bool,
        draws: &mut BTreeSet<Scope>,
    ) -> Result<Vec<Outcome>, Refusal> {
        let mut outcomes = Vec::new();
        for (position, operation) in steps.iter().enumerate() {
            let answered = match step.answered {
                Some(Answer::Several(outcomes)) => outcomes.get(position).and_then(|outcome| outcome.as_ref().ok()),
                _ => None,
            };
            let outcome = self.apply(operation, &mut Step { now: step.now, answered, draws });
            match outcome {
                Err(refusal) if !continues => return Err(refusal),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(outcomes)
    }

    /// Deletes what was accepted for a purge; returns the scopes that draw a revision.
    pub fn finish_purges(&mut self) -> BTreeSet<Scope> {
        let mut draws = BTreeSet::new();
        for employee in self.employees.iter().filter(|employee| employee.lifecycle.purging) {
            draws.extend(scopes_of(&employee.place));
        }
        let purging = |model: &Self, place: &DepartmentKey| {
            model.enterprises[&place.0].lifecycle.purging || model.departments[place].lifecycle.purging
        };
        for place in self.departments.keys().filter(|place| purging(self, place)) {
            draws.extend(scopes_of(place));
        }
        for (id, _) in self.enterprises.iter().filter(|(_, enterprise)| enterprise.lifecycle.purging) {
            draws.insert(Scope::enterprise(id.clone()));
        }
        let mut employees = std::mem::take(&mut self.employees);
        employees.retain(|employee| !employee.lifecycle.purging && !purging(self, &employee.place));
        let left: BTreeSet<OwnerKey> = employees.iter().map(EmployeeFact::key).collect();
        self.contacts.retain(|contact| left.contains(&contact.owner));
        self.employees = employees;
        let enterprises = &self.enterprises;
        self.departments
            .retain(|place, department| !department.lifecycle.purging && !enterprises[&place.0].lifecycle.purging);
        self.enterprises.retain(|_, enterprise| !enterprise.lifecycle.purging);
        draws
    }

    pub fn visible_enterprise(&self, id: &EnterpriseId) -> Result<&EnterpriseFact, Refusal> {
        self.enterprises
            .get(id)
            .filter(|enterprise| !enterprise.lifecycle.is_archived())
            .ok_or(Refusal::NotFound(Subject::Enterprise))
    }

    pub fn any_department(&self, place: &DepartmentKey) -> Result<&DepartmentFact, Refusal> {
        self.visible_enterprise(&place.0)?;
        self.departments.get(place).ok_or(Refusal::NotFound(Subject::Department))
    }

    pub fn visible_department(&self, place: &DepartmentKey) -> Result<&DepartmentFact, Refusal> {
        let found = self.any_department(place)?;
        if found.lifecycle.is_archived() { not_found(Subject::Department) } else { Ok(found) }
    }

    pub fn any_employee(&self, place: &DepartmentKey, id: &EmployeeId) -> Result<usize, Refusal> {
        self.visible_department(place)?;
        self.employees
            .iter()
            .position(|employee| employee.id == *id && employee.place == *place)
            .ok_or(Refusal::NotFound(Subject::Employee))
    }

    pub fn visible_employee(&self, place: &DepartmentKey, id: &EmployeeId) -> Result<usize, Refusal> {
        let found = self.any_employee(place, id)?;
        if self.employees[found].lifecycle.is_archived() { not_found(Subject::Employee) } else { Ok(found) }
    }

    pub fn is_visible(&self, employee: &EmployeeFact) -> bool {
        !employee.lifecycle.is_archived() && self.visible_department(&employee.place).is_ok()
    }

    pub fn user(&self, reach: &Reach, id: &EmployeeId) -> Result<&EmployeeFact, Refusal> {
        let is_within = |employee: &&EmployeeFact| {
            let (enterprise, department) = &employee.place;
            employee.id == *id
                && self.is_visible(employee)
                && reach.covers_employee(enterprise, department, &employee.id)
        };
        let mut found = self.employees.iter().filter(is_within);
        match (found.next(), found.next()) {
            (None, _) => not_found(Subject::User),
            (Some(employee), None) => Ok(employee),
            (Some(_), Some(_)) => Err(Refusal::Conflict),
        }
    }
}

/// A department's scope and its enterprise's.
pub fn scopes_of(place: &DepartmentKey) -> [Scope; 2] {
    [Scope::department(place.0.clone(), place.1.clone()), Scope::enterprise(place.0.clone())]
}
