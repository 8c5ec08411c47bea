//! Summaries in the model, counted plainly from its facts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use muster::domain::contacts::ContactFields;
use muster::domain::identity::{normalise_email, normalise_phone};
use muster::domain::ids::EnterpriseId;
use muster::domain::summary::{
    DayCount, DepartmentSummary, DepartmentTotals, EmployeeTotals, EnterpriseSummary, GROWTH_DAYS, GROWTH_MONTHS,
    Growth, MonthCount, TOP_LEN, TopCompany, TopEmployee, Totals,
};
use muster::domain::text::fold;
use muster::domain::time::{Day, Timestamp};

use super::model::{ContactFact, DepartmentFact, EmployeeFact, Model};
use super::operation::{DepartmentKey, Refusal};

/// The sort key of every list of named things.
fn by_name<'a>(name: &'a str, id: &'a str) -> (String, &'a str, &'a str) {
    (fold(name), name, id)
}

/// The identity of a person: the first of these that is known.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Person {
    Email(String),
    Phone(String),
    Name(String, String),
}

fn person(fields: &ContactFields) -> Person {
    if let Some(email) = normalise_email(&fields.email) {
        return Person::Email(email);
    }
    if let Some(phone) = normalise_phone(&fields.phone) {
        return Person::Phone(phone);
    }
    let mut name = fold(&format!("{} {}", fields.name, fields.surname));
    if name.is_empty() {
        name = fold(&format!("{} {}", fields.email, fields.phone));
    }
    Person::Name(name, fold(&fields.company))
}

fn people(contacts: &[&ContactFact]) -> u64 {
    contacts.iter().map(|contact| person(&contact.fields)).collect::<BTreeSet<_>>().len() as u64
}

fn totals(staff: &[&EmployeeFact], contacts: &[&ContactFact]) -> Totals {
    Totals {
        total_contacts: contacts.len() as u64,
        unique_people: people(contacts),
        total_employees: staff.len() as u64,
        active_employees: staff.iter().filter(|employee| employee.fields.is_active).count() as u64,
        newest_contact_at: contacts.iter().map(|contact| contact.created_at).max(),
    }
}

fn growth(today: Day, contacts: &[&ContactFact]) -> Growth {
    let days: Vec<Day> = contacts.iter().map(|contact| contact.created_at.day()).filter(|day| *day <= today).collect();
    let on = |day: Day| days.iter().filter(|other| **other == day).count() as u64;
    let back = |from: i64, to: i64| (from..to).map(|back| on(today.minus(back))).sum();
    let months = (0..GROWTH_MONTHS).rev().map(|back| today.month().minus(back));
    Growth {
        last7_days: back(0, 7),
        last30_days: back(0, 30),
        previous30_days: back(30, 60),
        daily: (0..GROWTH_DAYS)
            .rev()
            .map(|back| today.minus(back))
            .map(|date| DayCount { date, contacts: on(date) })
            .collect(),
        monthly: months
            .map(|month| MonthCount { month, contacts: days.iter().filter(|day| day.month() == month).count() as u64 })
            .collect(),
    }
}

impl Model {
    /// The employees that a scope counts, and their contacts.
    fn part(&self, counts: impl Fn(&EmployeeFact) -> bool) -> (Vec<&EmployeeFact>, Vec<&ContactFact>) {
        let mut staff: Vec<&EmployeeFact> = self.employees.iter().filter(|employee| counts(employee)).collect();
        let ids: BTreeSet<_> = staff.iter().map(|employee| employee.key()).collect();
        let contacts = self.contacts.iter().filter(|contact| ids.contains(&contact.owner)).collect();
        staff.sort_by_key(|employee| {
            let name = employee.fields.full_name();
            (fold(&name), name, employee.id.clone())
        });
        (staff, contacts)
    }

    fn top_companies(&self, enterprise: &EnterpriseId, contacts: &[&ContactFact]) -> Vec<TopCompany> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for contact in contacts {
            *counts.entry(fold(&contact.fields.company)).or_default() += 1;
        }
        counts.remove("");
        let spellings = &self.enterprises[enterprise].companies;
        // Sorted by folded name already; a stable sort keeps that order among equal counts.
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts.truncate(TOP_LEN);
        let top = |(folded, contact_count)| TopCompany { company: spellings[&folded].clone(), contact_count };
        counts.into_iter().map(top).collect()
    }

    /// The departments of a visible enterprise, ordered by name.
    pub fn departments_of(&self, enterprise: &EnterpriseId, archived: bool) -> Vec<(&DepartmentKey, &DepartmentFact)> {
        let mut departments: Vec<_> = self
            .departments
            .iter()
            .filter(|(place, fact)| place.0 == *enterprise && fact.lifecycle.is_archived() == archived)
            .collect();
        departments.sort_by_key(|(place, fact)| by_name(&fact.name, place.1.as_str()));
        departments
    }

    pub fn enterprise_summary(
        &self,
        id: &EnterpriseId,
        now: Timestamp,
        revision: i64,
    ) -> Result<EnterpriseSummary, Refusal> {
        let fact = self.visible_enterprise(id)?;
        let (mut staff, contacts) = self.part(|employee| employee.place.0 == *id && self.is_visible(employee));
        let departments: Vec<DepartmentTotals> = self
            .departments_of(id, false)
            .into_iter()
            .map(|(place, fact)| {
                let (staff, contacts) = self.staff_of(place);
                DepartmentTotals {
                    department_id: place.1.clone(),
                    department_name: fact.name.clone(),
                    total_contacts: contacts.len() as u64,
                    unique_people: people(&contacts),
                    total_employees: staff.len() as u64,
                }
            })
            .collect();
        let totals = totals(&staff, &contacts);
        // Sorted by name already; a stable sort keeps that order among equal counts.
        let count = |employee: &EmployeeFact| self.count_contacts(|other| other.key() == employee.key());
        staff.sort_by_cached_key(|employee| Reverse(count(employee)));
        let top = |employee: &&EmployeeFact| TopEmployee {
            employee_id: employee.id.clone(),
            user_id: employee.id.clone(),
            name: employee.fields.full_name(),
            department_id: employee.place.1.clone(),
            contact_count: count(employee),
        };
        Ok(EnterpriseSummary {
            enterprise_id: id.clone(),
            enterprise_name: fact.name.clone(),
            totals,
            total_departments: departments.len() as u64,
            departments,
            top_employees: staff.iter().map(top).filter(|top| top.contact_count > 0).take(TOP_LEN).collect(),
            top_companies: self.top_companies(id, &contacts),
            growth: growth(now.day(), &contacts),
            revision,
            calculation_time: 0.0,
        })
    }

    /// The unarchived employees of a department, ordered by name, and their contacts.
    pub fn staff_of(&self, place: &DepartmentKey) -> (Vec<&EmployeeFact>, Vec<&ContactFact>) {
        self.part(|employee| employee.place == *place && !employee.lifecycle.is_archived())
    }

    pub fn department_summary(
        &self,
        place: &DepartmentKey,
        now: Timestamp,
        revision: i64,
    ) -> Result<DepartmentSummary, Refusal> {
        let fact = self.visible_department(place)?;
        let (staff, contacts) = self.staff_of(place);
        let shown = |employee: &&EmployeeFact| EmployeeTotals {
            employee_id: employee.id.clone(),
            user_id: employee.id.clone(),
            name: employee.fields.full_name(),
            first_name: employee.fields.first_name.clone(),
            last_name: employee.fields.last_name.clone(),
            email: employee.fields.email.clone(),
            contact_count: self.count_contacts(|other| other.key() == employee.key()),
        };
        Ok(DepartmentSummary {
            department_id: place.1.clone(),
            department_name: fact.name.clone(),
            enterprise_id: place.0.clone(),
            totals: totals(&staff, &contacts),
            employees: staff.iter().map(shown).collect(),
            top_companies: self.top_companies(&place.0, &contacts),
            growth: growth(now.day(), &contacts),
            revision,
            calculation_time: 0.0,
        })
    }

    /// All employees of a visible enterprise or of one of its departments, in the order of lists.
    pub fn employees_of(
        &self,
        enterprise: &EnterpriseId,
        department: Option<&DepartmentKey>,
        archived: bool,
    ) -> Vec<&EmployeeFact> {
        let within = |employee: &EmployeeFact| match department {
            Some(place) => employee.place == *place,
            None => employee.place.0 == *enterprise && !self.departments[&employee.place].lifecycle.is_archived(),
        };
        self.part(|employee| within(employee) && employee.lifecycle.is_archived() == archived).0
    }
}
