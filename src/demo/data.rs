//! The data of a demonstration: its organisations, and every contact by its number.

use super::calendar::Calendar;
use super::organisation::{Collectors, DemoEnterprise, organisation};
use super::people::{People, respell};
use super::places::meeting_place;
use super::random::Random;
use super::shape::{InvalidShape, Shape};
use super::topics::{TOPIC_ACQUAINTANCE, TOPIC_COLLECTOR, TOPIC_MEETING};
use crate::domain::contacts::ContactInfo;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::time::Timestamp;

/// Contacts in a thousand whose person is a contact of the same enterprise already.
const ACQUAINTANCES_PER_THOUSAND: usize = 120;

/// The most draws for an earlier contact of the same enterprise; without one the contact is a new person.
const ACQUAINTANCE_DRAWS_MAX: usize = 24;

/// Enterprises with their employees and the contacts of two years.
#[derive(Debug)]
pub struct DemoData {
    seed: u64,
    contacts: u64,
    enterprises: Vec<DemoEnterprise>,
    collectors: Collectors,
    people: People,
    calendar: Calendar,
}

/// A contact of the demonstration with the employee who collected it.
#[derive(Clone, Debug, PartialEq)]
pub struct DemoContact<'a> {
    pub enterprise: &'a EnterpriseId,
    pub department: &'a DepartmentId,
    pub employee: &'a EmployeeId,
    pub info: ContactInfo,
    pub created_at: Timestamp,
}

impl DemoData {
    /// Data of this shape up to this time.
    pub fn new(seed: u64, shape: Shape, now: Timestamp) -> Result<Self, InvalidShape> {
        let (enterprises, collectors) = organisation(seed, shape)?;
        let people = People::new(seed, shape.contacts);
        let calendar = Calendar::until(seed, now);
        Ok(Self { seed, contacts: shape.contacts, enterprises, collectors, people, calendar })
    }

    /// The enterprises, the largest first.
    #[must_use]
    pub fn enterprises(&self) -> &[DemoEnterprise] {
        &self.enterprises
    }

    /// The number of contacts that [`contacts`](Self::contacts) returns.
    #[must_use]
    pub fn contacts_len(&self) -> u64 {
        self.contacts
    }

    /// The beginning of the data: no contact is older.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.calendar.start()
    }

    /// All contacts, oldest first.
    pub fn contacts(&self) -> impl Iterator<Item = DemoContact<'_>> {
        (0..self.contacts).map_while(|number| self.contact(number))
    }

    /// The contact with this number, counted from 0. Numbers beyond the shape give any number of further contacts, all
    /// created now, some of them of known people. Always `Some`: with an `Option` the code needs no proof that names
    /// from the lists are within the limits of a contact.
    #[must_use]
    pub fn contact(&self, number: u64) -> Option<DemoContact<'_>> {
        let [enterprise, department, employee] = self.collector(number)?;
        let enterprise = self.enterprises.get(enterprise)?;
        let department = enterprise.departments.get(department)?;
        let employee = department.employees.get(employee)?;

        let random = &mut Random::of(self.seed, TOPIC_MEETING, number);
        let person = self.person(number);
        let mut fields = self.people.person(person);
        if person != number {
            fields = respell(fields, random);
        }
        if random.percent(70) {
            fields.location = meeting_place(random);
        }
        fields.how_we_met = match (random.below(4), fields.location.city.as_str()) {
            (0, _) => String::new(),
            (_, "") => random.pick(&OCCASIONS_ANYWHERE).to_owned(),
            (_, city) => format!("{} {city}", random.pick(&OCCASIONS_IN)),
        };
        if random.percent(18) {
            fields.notes.push_str(random.pick(&NOTES));
        }
        let tags = random.below(100);
        if tags < 45 {
            fields.tags.push(random.pick(&TAGS).to_owned());
        }
        if tags < 12 {
            fields.tags.push(random.pick(&TAGS_OF_YEAR).to_owned());
        }
        Some(DemoContact {
            enterprise: &enterprise.id,
            department: &department.id,
            employee: &employee.id,
            info: ContactInfo::parse(fields).ok()?,
            created_at: self.calendar.moment(self.progress(number, random.fraction())),
        })
    }

    /// The position of a contact among all as a fraction; 1 for contacts beyond the shape.
    #[expect(clippy::cast_precision_loss, reason = "numbers of contacts are far below 2^52")]
    fn progress(&self, number: u64, within: f64) -> f64 {
        if number >= self.contacts { 1.0 } else { (number as f64 + within) / self.contacts as f64 }
    }

    fn collector(&self, number: u64) -> Option<[usize; 3]> {
        let random = &mut Random::of(self.seed, TOPIC_COLLECTOR, number);
        self.collectors.places.get(self.collectors.weights.draw(random)).copied()
    }

    /// The number of the first contact with the same person: this contact's number, or an earlier one of the same
    /// enterprise.
    pub(super) fn person(&self, number: u64) -> u64 {
        let acquainted = |number| {
            let mut random = Random::of(self.seed, TOPIC_ACQUAINTANCE, number);
            (random.below(1_000) < ACQUAINTANCES_PER_THOUSAND).then_some(random)
        };
        let Some(mut random) = acquainted(number) else { return number };
        let enterprise = |number| self.collector(number).map(|[enterprise, ..]| enterprise);
        let own = enterprise(number);
        (0..ACQUAINTANCE_DRAWS_MAX)
            .filter(|_| number > 0)
            .map(|_| random.below(usize::try_from(number).unwrap_or(usize::MAX)) as u64)
            .find(|earlier| acquainted(*earlier).is_none() && enterprise(*earlier) == own)
            .unwrap_or(number)
    }
}

const OCCASIONS_IN: [&str; 8] = [
    "Trade fair,",
    "Conference in",
    "Dinner after the fair,",
    "Visit to their office in",
    "Train to",
    "Airport lounge,",
    "Customer workshop in",
    "Panel discussion,",
];

const OCCASIONS_ANYWHERE: [&str; 7] = [
    "Introduced by a colleague",
    "Called the hotline",
    "Webinar",
    "Wrote to us after reading the newsletter",
    "Took over from a predecessor",
    "Former fellow student",
    "Received by e-mail",
];

const NOTES: [&str; 10] = [
    "Wants an offer by the end of the month.",
    "Prefers to be called in the afternoon.",
    "Asked for the data sheet; send it again after the redesign.",
    "Ruft Mitte des Monats zurück.",
    "Très intéressé par la maintenance à distance.",
    "Decides about the budget together with the plant manager.",
    "Speaks German, French and some Turkish.",
    "Met twice; remember the story about the sailing boat.",
    "Pasa a otra oficina en primavera.",
    "Do not add to the newsletter.",
];

const TAGS: [&str; 12] = [
    "customer",
    "supplier",
    "partner",
    "lead",
    "press",
    "vip",
    "follow-up",
    "newsletter",
    "Bewerber",
    "fournisseur",
    "展示会",
    "startup",
];

const TAGS_OF_YEAR: [&str; 4] = ["fair", "roadshow", "workshop", "jubilee"];
