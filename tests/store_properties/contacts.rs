//! Contacts in the model.

use muster::domain::access::Reach;
use muster::domain::contacts::{Contact, ContactInfo};
use muster::domain::ids::{ContactId, EmployeeId, EnterpriseId};
use muster::domain::text::fold;
use muster::store::Subject;

use super::model::{ContactFact, Model, OwnerKey, Step, scopes_of};
use super::operation::{Answer, Outcome, Refusal, SOURCE};

impl Model {
    pub fn add_contact(
        &mut self,
        reach: &Reach,
        user: &EmployeeId,
        info: &ContactInfo,
        step: &mut Step<'_>,
    ) -> Outcome {
        let (place, owner) = self.user(reach, user).map(|fact| (fact.place.clone(), fact.key()))?;
        let mut id = Self::UNKNOWN_ID;
        if let Some(Answer::Contact(answered)) = step.answered {
            id = answered.id;
            assert!(self.contacts.iter().all(|contact| contact.id < id), "the id {id} does not come after every other");
        }
        let (created_at, updated_at) = (step.now, step.now);
        let fields = info.fields().clone();
        self.record_company(&place.0, &fields.company);
        self.contacts.push(ContactFact { id, owner, fields, source: SOURCE, created_at, updated_at });
        step.draws.extend(scopes_of(&place));
        Ok(Answer::Contact(self.show_contact(self.contacts.last().unwrap())))
    }

    pub fn change_contact(
        &mut self,
        reach: &Reach,
        user: &EmployeeId,
        id: ContactId,
        info: &ContactInfo,
        step: &mut Step<'_>,
    ) -> Outcome {
        let (place, owner) = self.user(reach, user).map(|fact| (fact.place.clone(), fact.key()))?;
        let found = self.contact_of(&owner, id)?;
        if self.contacts[found].fields != *info.fields() {
            self.record_company(&place.0, &info.fields().company);
            self.contacts[found].fields = info.fields().clone();
            self.contacts[found].updated_at = step.now;
            step.draws.extend(scopes_of(&place));
        }
        Ok(Answer::Contact(self.show_contact(&self.contacts[found])))
    }

    pub fn delete_contact(&mut self, reach: &Reach, user: &EmployeeId, id: ContactId, step: &mut Step<'_>) -> Outcome {
        let (place, owner) = self.user(reach, user).map(|fact| (fact.place.clone(), fact.key()))?;
        let found = self.contact_of(&owner, id)?;
        self.contacts.remove(found);
        step.draws.extend(scopes_of(&place));
        Ok(Answer::ContactsLeft(self.contacts.iter().filter(|contact| contact.owner == owner).count() as u64))
    }

    fn contact_of(&self, owner: &OwnerKey, id: ContactId) -> Result<usize, Refusal> {
        self.contacts
            .iter()
            .position(|contact| contact.id == id && contact.owner == *owner)
            .ok_or(Refusal::NotFound(Subject::Contact))
    }

    pub fn record_company(&mut self, enterprise: &EnterpriseId, company: &str) {
        let folded = fold(company);
        if !folded.is_empty() {
            let companies = &mut self.enterprises.get_mut(enterprise).unwrap().companies;
            companies.entry(folded).or_insert_with(|| company.trim().to_owned());
        }
    }

    pub fn show_contact(&self, contact: &ContactFact) -> Contact {
        let owner = self.employees.iter().find(|employee| employee.key() == contact.owner).unwrap();
        Contact {
            id: contact.id,
            enterprise_id: owner.place.0.clone(),
            department_id: owner.place.1.clone(),
            employee_id: owner.id.clone(),
            fields: contact.fields.clone(),
            source: contact.source.to_owned(),
            created_at: contact.created_at,
            updated_at: contact.updated_at,
        }
    }
}
