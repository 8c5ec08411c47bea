//! The directory in the model: enterprises, departments, employees.

use std::collections::{BTreeMap, BTreeSet};

use muster::domain::directory::{Department, Employee, EmployeeInfo, Enterprise, Name, Scope};
use muster::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use muster::domain::made_ids::ids_from_name;
use muster::domain::sharing::Sharing;
use muster::domain::text::fold;
use muster::domain::time::Timestamp;
use muster::store::{Purged, Subject};

use super::model::{DepartmentFact, EmployeeFact, EnterpriseFact, Lifecycle, Model, Step, not_found, scopes_of};
use super::operation::{Act, Answer, DepartmentKey, Outcome, Refusal};

impl Model {
    pub fn create_enterprise(&mut self, id: Option<&EnterpriseId>, name: &Name, step: &mut Step<'_>) -> Outcome {
        let generated = || match step.answered {
            Some(Answer::Enterprise(enterprise)) => enterprise.id.clone(),
            _ => EnterpriseId::parse("generated").unwrap(),
        };
        let free = |id: &EnterpriseId| self.enterprises.get(id).is_none_or(|fact| fold(&fact.name) == name.folded());
        let from_name = || {
            let mut ids = ids_from_name(name.as_str()).map(|id| EnterpriseId::parse(id).unwrap());
            ids.find(free).unwrap_or_else(generated)
        };
        let id = id.cloned().unwrap_or_else(from_name);
        if self.enterprises.contains_key(&id) {
            return Err(Refusal::Conflict);
        }
        let lifecycle = Lifecycle::new(step.now);
        let fact = EnterpriseFact { name: name.as_str().to_owned(), lifecycle, companies: BTreeMap::new() };
        self.enterprises.insert(id.clone(), fact);
        step.draws.insert(Scope::enterprise(id.clone()));
        Ok(Answer::Enterprise(self.show_enterprise(&id)))
    }

    pub fn rename_enterprise(&mut self, id: &EnterpriseId, name: &Name, step: &mut Step<'_>) -> Outcome {
        if self.visible_enterprise(id)?.name != name.as_str() {
            let fact = self.enterprises.get_mut(id).unwrap();
            name.as_str().clone_into(&mut fact.name);
            fact.lifecycle.updated_at = step.now;
            self.draw_all_of(id, step);
        }
        Ok(Answer::Enterprise(self.show_enterprise(id)))
    }

    pub fn on_enterprise(&mut self, id: &EnterpriseId, act: Act, step: &mut Step<'_>) -> Outcome {
        if act == Act::Archive {
            self.visible_enterprise(id)?;
        }
        let Some(fact) = self.enterprises.get_mut(id) else { return not_found(Subject::Enterprise) };
        if apply_act(&mut fact.lifecycle, act, step.now)? {
            self.draw_all_of(id, step);
        }
        match act {
            Act::Archive => Ok(Answer::Done),
            Act::Restore => Ok(Answer::Enterprise(self.show_enterprise(id))),
            Act::Purge => {
                let remains = |place: &DepartmentKey| place.0 == *id && !self.departments[place].lifecycle.purging;
                let departments = self.departments.keys().filter(|place| remains(place)).count() as u64;
                Ok(Answer::Purged(self.count_remaining(departments, remains)))
            }
        }
    }

    /// The summary of a department names its enterprise, so it draws a revision with it, archived or not.
    fn draw_all_of(&self, id: &EnterpriseId, step: &mut Step<'_>) {
        step.draws.insert(Scope::enterprise(id.clone()));
        step.draws.extend(self.departments.keys().filter(|place| place.0 == *id).flat_map(scopes_of));
    }

    pub fn show_enterprise(&self, id: &EnterpriseId) -> Enterprise {
        let EnterpriseFact { name, lifecycle, .. } = &self.enterprises[id];
        Enterprise {
            id: id.clone(),
            name: name.clone(),
            sharing: Sharing::default(),
            created_at: lifecycle.created_at,
            updated_at: lifecycle.updated_at,
            archived_at: lifecycle.archived_at,
        }
    }

    pub fn create_department(
        &mut self,
        of: &EnterpriseId,
        id: Option<&DepartmentId>,
        name: &Name,
        step: &mut Step<'_>,
    ) -> Outcome {
        let generated = || match step.answered {
            Some(Answer::Department(department)) => department.id.clone(),
            _ => DepartmentId::parse(format!("generated-{}", self.departments.len())).unwrap(),
        };
        let free = |id: &DepartmentId| {
            let taken = self.departments.get(&(of.clone(), id.clone()));
            taken.is_none_or(|fact| fold(&fact.name) == name.folded())
        };
        let from_name = || {
            let mut ids = ids_from_name(name.as_str()).map(|id| DepartmentId::parse(id).unwrap());
            ids.find(free).unwrap_or_else(generated)
        };
        let place = (of.clone(), id.cloned().unwrap_or_else(from_name));
        self.visible_enterprise(of)?;
        if self.departments.contains_key(&place) {
            return Err(Refusal::Conflict);
        }
        let fact = DepartmentFact { name: name.as_str().to_owned(), lifecycle: Lifecycle::new(step.now) };
        self.departments.insert(place.clone(), fact);
        step.draws.extend(scopes_of(&place));
        Ok(Answer::Department(self.show_department(&place)))
    }

    pub fn rename_department(
        &mut self,
        of: &EnterpriseId,
        id: &DepartmentId,
        name: &Name,
        step: &mut Step<'_>,
    ) -> Outcome {
        let place = (of.clone(), id.clone());
        if self.visible_department(&place)?.name != name.as_str() {
            let fact = self.departments.get_mut(&place).unwrap();
            name.as_str().clone_into(&mut fact.name);
            fact.lifecycle.updated_at = step.now;
            step.draws.extend(scopes_of(&place));
        }
        Ok(Answer::Department(self.show_department(&place)))
    }

    pub fn on_department(&mut self, of: &EnterpriseId, id: &DepartmentId, act: Act, step: &mut Step<'_>) -> Outcome {
        let place = (of.clone(), id.clone());
        if act == Act::Archive {
            self.visible_department(&place)?
        } else {
            self.any_department(&place)?
        };
        let fact = self.departments.get_mut(&place).unwrap();
        if apply_act(&mut fact.lifecycle, act, step.now)? {
            step.draws.extend(scopes_of(&place));
        }
        match act {
            Act::Archive => Ok(Answer::Done),
            Act::Restore => Ok(Answer::Department(self.show_department(&place))),
            Act::Purge => Ok(Answer::Purged(self.count_remaining(1, |other| *other == place))),
        }
    }

    pub fn show_department(&self, place: &DepartmentKey) -> Department {
        let DepartmentFact { name, lifecycle } = &self.departments[place];
        let members =
            self.employees.iter().filter(|employee| employee.place == *place && !employee.lifecycle.is_archived());
        Department {
            id: place.1.clone(),
            enterprise_id: place.0.clone(),
            name: name.clone(),
            member_count: members.count() as u64,
            created_at: lifecycle.created_at,
            updated_at: lifecycle.updated_at,
            archived_at: lifecycle.archived_at,
        }
    }

    pub fn create_employee(
        &mut self,
        of: &DepartmentKey,
        id: Option<&EmployeeId>,
        info: &EmployeeInfo,
        step: &mut Step<'_>,
    ) -> Outcome {
        self.visible_department(of)?;
        let generated = || match step.answered {
            Some(Answer::Employee(employee)) => employee.id.clone(),
            _ => EmployeeId::parse(format!("generated-{}", self.employees.len())).unwrap(),
        };
        let id = id.cloned().unwrap_or_else(generated);
        if self.employees.iter().any(|employee| employee.id == id && employee.place.0 == of.0) {
            return Err(Refusal::Conflict);
        }
        let lifecycle = Lifecycle::new(step.now);
        self.employees.push(EmployeeFact { id, place: of.clone(), fields: info.fields().clone(), lifecycle });
        step.draws.extend(scopes_of(of));
        Ok(Answer::Employee(self.show_employee(self.employees.last().unwrap())))
    }

    pub fn change_employee(
        &mut self,
        of: &DepartmentKey,
        id: &EmployeeId,
        info: &EmployeeInfo,
        move_to: Option<&DepartmentId>,
        step: &mut Step<'_>,
    ) -> Outcome {
        let found = self.visible_employee(of, id)?;
        let target = (of.0.clone(), move_to.unwrap_or(&of.1).clone());
        self.visible_department(&target)?;
        let employee = &mut self.employees[found];
        if employee.fields != *info.fields() || employee.place != target {
            step.draws.extend(scopes_of(of));
            step.draws.extend(scopes_of(&target));
            employee.fields = info.fields().clone();
            employee.place = target;
            employee.lifecycle.updated_at = step.now;
        }
        Ok(Answer::Employee(self.show_employee(&self.employees[found])))
    }

    pub fn on_employee(&mut self, of: &DepartmentKey, id: &EmployeeId, act: Act, step: &mut Step<'_>) -> Outcome {
        let found = if act == Act::Archive { self.visible_employee(of, id)? } else { self.any_employee(of, id)? };
        if apply_act(&mut self.employees[found].lifecycle, act, step.now)? {
            step.draws.extend(scopes_of(of));
        }
        match act {
            Act::Archive => Ok(Answer::Done),
            Act::Restore => Ok(Answer::Employee(self.show_employee(&self.employees[found]))),
            Act::Purge => Ok(Answer::Purged(Purged {
                contacts: self.count_contacts(|employee| employee.id == *id && employee.place == *of),
                employees: 1,
                departments: 0,
            })),
        }
    }

    /// What a purge of these departments deletes, without the employees that an earlier purge deletes already.
    fn count_remaining(&self, departments: u64, within: impl Fn(&DepartmentKey) -> bool) -> Purged {
        let remains = |employee: &EmployeeFact| !employee.lifecycle.purging && within(&employee.place);
        Purged {
            contacts: self.count_contacts(remains),
            employees: self.employees.iter().filter(|employee| remains(employee)).count() as u64,
            departments,
        }
    }

    pub fn count_contacts(&self, owner: impl Fn(&EmployeeFact) -> bool) -> u64 {
        let owners: BTreeSet<_> =
            self.employees.iter().filter(|employee| owner(employee)).map(EmployeeFact::key).collect();
        self.contacts.iter().filter(|contact| owners.contains(&contact.owner)).count() as u64
    }

    pub fn show_employee(&self, employee: &EmployeeFact) -> Employee {
        let EmployeeFact { id, place, fields, lifecycle } = employee;
        Employee {
            id: id.clone(),
            enterprise_id: place.0.clone(),
            department_id: place.1.clone(),
            department_name: self.departments[place].name.clone(),
            fields: fields.clone(),
            contact_count: self.contacts.iter().filter(|contact| contact.owner == employee.key()).count() as u64,
            created_at: lifecycle.created_at,
            updated_at: lifecycle.updated_at,
            archived_at: lifecycle.archived_at,
        }
    }
}

/// Applies an act; returns whether it changed anything visible.
fn apply_act(lifecycle: &mut Lifecycle, act: Act, now: Timestamp) -> Result<bool, Refusal> {
    let was_archived = lifecycle.is_archived();
    match act {
        Act::Archive => lifecycle.archived_at = Some(now),
        Act::Restore if was_archived && lifecycle.purging => return Err(Refusal::Conflict),
        Act::Restore => lifecycle.archived_at = None,
        Act::Purge if lifecycle.purging => return Err(Refusal::Conflict),
        Act::Purge => {
            lifecycle.purging = true;
            lifecycle.archived_at = lifecycle.archived_at.or(Some(now));
        }
    }
    Ok(was_archived != lifecycle.is_archived())
}
