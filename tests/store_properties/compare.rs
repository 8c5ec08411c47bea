//! Compares everything that can be read of a store with the model.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use muster::domain::access::Reach;
use muster::domain::directory::Scope;
use muster::domain::ids::EnterpriseId;
use muster::domain::page::{PageRequest, PageStart};
use muster::store::{ReadTx, StoreError};

use super::Harness;
use super::operation::{DepartmentKey, Refusal};
use crate::support::first_page;

impl Harness {
    /// Compares everything that can be read.
    pub fn compare(&self) {
        self.store.assert_clean();
        let model = &self.model;
        self.compare_enterprises();
        let places: BTreeSet<DepartmentKey> = self
            .revisions
            .scopes
            .keys()
            .filter_map(|scope| Some((scope.enterprise.clone(), scope.department.clone()?)))
            .chain(model.departments.keys().cloned())
            .collect();
        for place in &places {
            self.compare_department(place);
        }
        for fact in &model.employees {
            let reach = Reach::Enterprise(fact.place.0.clone());
            let shown = self.read(|tx| tx.user(&reach, &fact.id));
            assert_eq!(shown, model.user(&reach, &fact.id).map(|fact| model.show_employee(fact)));
            let contacts = self.read(|tx| tx.contacts_of_user(&reach, &fact.id, &first_page()));
            let expected = model.user(&reach, &fact.id).map(|_| {
                let mut own: Vec<_> = model.contacts.iter().filter(|contact| contact.owner == fact.key()).collect();
                own.sort_by_key(|contact| Reverse((contact.created_at, contact.id)));
                own.into_iter().map(|contact| model.show_contact(contact)).collect::<Vec<_>>()
            });
            assert_eq!(contacts.as_ref().map(|page| page.total), expected.as_ref().map(|own| own.len() as u64));
            assert_eq!(contacts.map(|page| page.items), expected);
        }
    }

    fn compare_enterprises(&self) {
        let (model, now) = (&self.model, self.clock.now());
        let ids: BTreeSet<&EnterpriseId> = self.revisions.scopes.keys().map(|scope| &scope.enterprise).collect();
        for id in ids {
            let summary = self.read(|tx| tx.enterprise_summary(id));
            let revision = self.revisions.draws[&Scope::enterprise(id.clone())];
            assert_eq!(summary, model.enterprise_summary(id, now, revision), "summary of {id}");
            for archived in [false, true] {
                let departments = self.read(|tx| tx.departments(&Reach::Installation, id, archived, &first_page()));
                let expected = model.visible_enterprise(id).map(|_| {
                    let departments = model.departments_of(id, archived).into_iter();
                    departments.map(|(place, _)| model.show_department(place)).collect::<Vec<_>>()
                });
                assert_eq!(departments.map(|page| page.items), expected, "departments of {id}");
                let employees = self.read(|tx| tx.employees(&Reach::Installation, id, None, archived, &first_page()));
                let expected = model.visible_enterprise(id).map(|_| {
                    let employees = model.employees_of(id, None, archived).into_iter();
                    employees.map(|fact| model.show_employee(fact)).collect::<Vec<_>>()
                });
                assert_eq!(employees.map(|page| page.items), expected, "employees of {id}");
            }
        }
    }

    fn compare_department(&self, place: &DepartmentKey) {
        let (model, now) = (&self.model, self.clock.now());
        let (enterprise, id) = place;
        let scope = Scope::department(enterprise.clone(), id.clone());
        let summary = self.read(|tx| tx.department_summary(enterprise, id));
        assert_eq!(summary, model.department_summary(place, now, self.revisions.draws[&scope]), "summary of {scope:?}");
        for archived in [false, true] {
            let page =
                self.read(|tx| tx.employees(&Reach::Installation, enterprise, Some(id), archived, &first_page()));
            let expected = model.visible_department(place).map(|_| {
                let employees = model.employees_of(enterprise, Some(place), archived).into_iter();
                employees.map(|fact| model.show_employee(fact)).collect::<Vec<_>>()
            });
            let total = page.as_ref().map(|page| page.total);
            assert_eq!(total, expected.as_ref().map(|employees| employees.len() as u64), "total of {scope:?}");
            assert_eq!(page.map(|page| page.items), expected, "employees of {scope:?}");
        }
        // The same list in pages of two.
        let mut paged = Vec::new();
        let mut start = Some(PageStart::First);
        while let Some(begin) = start {
            let request = PageRequest { limit: 2, start: begin };
            let Ok(page) = self.read(|tx| tx.employees(&Reach::Installation, enterprise, Some(id), false, &request))
            else {
                return;
            };
            paged.extend(page.items.into_iter().map(|employee| employee.id));
            start = page.next.map(PageStart::After);
        }
        let ids: Vec<_> = model.staff_of(place).0.iter().map(|fact| fact.id.clone()).collect();
        assert_eq!(paged, ids, "employees of {scope:?} in pages");
    }

    fn read<T>(&self, work: impl FnOnce(&ReadTx<'_>) -> Result<T, StoreError>) -> Result<T, Refusal> {
        self.store.read_blocking(work).map_err(Refusal::from)
    }
}
