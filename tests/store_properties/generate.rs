//! Generates requests over so few values that people, companies and names collide all the time.

use muster::domain::access::Reach;
use muster::domain::contacts::{ContactFields, ContactInfo, Location};
use muster::domain::directory::{EmployeeFields, EmployeeInfo, EmployeeRole, Name};
use muster::domain::ids::{ContactId, EmployeeId, EnterpriseId, TimeOrderedId};
use muster::domain::time::{DAY_MILLIS, Timestamp};
use muster::store::{DepartmentName, EmployeeName, ImportChunk, ImportRow, MayCreate, OwnerRow};

use super::model::{Lifecycle, Model};
use super::operation::{Act, DepartmentKey, Operation};
use crate::support::{Random, department, employee, enterprise, name};

const ENTERPRISES: [&str; 3] = ["acme", "borea", "cygnus"];
const DEPARTMENTS: [&str; 4] = ["sales", "lab", "ops", "hq"];
const EMPLOYEES: [&str; 18] = [
    "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12", "u13", "u14", "u15", "u16", "u17", "u18",
];
/// Above this many employees, none with generated ids are created.
const EMPLOYEES_MAX: usize = 48;

/// Names of enterprises and departments: equal ones, ones that differ in spelling alone, one without a slug.
const NAMES: [&str; 9] = ["Acme", "ACME", "acme  ", "Straße", "STRASSE", "Åre", "Sales", "sales", "営業部"];
const FIRST_NAMES: [&str; 8] = ["Ada", "ADA", "Zoë", "zoë", "Jürgen", "Ju\u{308}rgen", "Bo", ""];
const LAST_NAMES: [&str; 5] = ["Berg", "BERG", "de Vries", "Ångström", ""];
const STAFF_EMAILS: [&str; 5] = ["ada@acme.example", "ADA@acme.example", "zoe@acme.example", "bo@acme.example", ""];

const CONTACT_NAMES: [&str; 9] =
    ["Anita", " anita", "ANITA", "Jürgen", "JU\u{308}RGEN", "Straße", "STRASSE", "Omar", ""];
const SURNAMES: [&str; 5] = ["Jorgensen", "JORGENSEN ", "van  Dam", "van Dam", ""];
const EMAILS: [&str; 8] = [
    "anita@contoso.example",
    "Anita@CONTOSO.example",
    "Anita J <anita@contoso.example>",
    "mailto:anita@contoso.example",
    "omar@fabrikam.example",
    "no address",
    "",
    "",
];
const PHONES: [&str; 8] =
    ["+49 89 123456", "0049 (89) 12-34-56", "tel:+4989123456;ext=7", "089 123456", "089/123 456", "1234", "", ""];
const COMPANIES: [&str; 20] = [
    "Contoso",
    "CONTOSO",
    " contoso ",
    "Contoso  Ltd",
    "contoso ltd",
    "Fabrikam",
    "ＦＡＢＲＩＫＡＭ",
    "fabrikam",
    "Straße 1",
    "STRASSE 1",
    "A",
    "B",
    "C",
    "D",
    "E",
    "F",
    "G",
    "",
    "",
    "",
];

/// Owners of imported rows, as a file may name them.
const OWNER_DEPARTMENTS: [&str; 9] =
    ["sales", "lab", "ops", "hq", "Sales", "ACME", "field", "Field  Team", "FIELD TEAM"];
const OWNER_NAMES: [&str; 8] = ["ada berg", "ADA  BERG", "Zoë", "bo de vries", "new1", "new2", "New One", "NEW  one"];
const OWNER_EMAILS: [&str; 5] =
    ["ada@acme.example", "Zoe <zoe@acme.example>", "new@acme.example", "NEW@acme.example", "no address"];

pub struct Generator {
    random: Random,
}

#[derive(Clone, Copy)]
enum Kind {
    AddContact,
    ChangeContact,
    DeleteContact,
    CreateEnterprise,
    RenameEnterprise,
    ActOnEnterprise,
    CreateDepartment,
    RenameDepartment,
    ActOnDepartment,
    CreateEmployee,
    ChangeEmployee,
    ActOnEmployee,
    Import,
    Job,
    RolledBackJob,
    Acts,
}

const SINGLES: &[(usize, Kind)] = &[
    (24, Kind::AddContact),
    (10, Kind::ChangeContact),
    (9, Kind::DeleteContact),
    (3, Kind::CreateEnterprise),
    (2, Kind::RenameEnterprise),
    (2, Kind::ActOnEnterprise),
    (4, Kind::CreateDepartment),
    (3, Kind::RenameDepartment),
    (7, Kind::ActOnDepartment),
    (9, Kind::CreateEmployee),
    (9, Kind::ChangeEmployee),
    (9, Kind::ActOnEmployee),
    (7, Kind::Import),
];

const SEVERAL: &[(usize, Kind)] = &[(5, Kind::Job), (2, Kind::RolledBackJob), (4, Kind::Acts)];

const ACTS: &[(usize, Kind)] = &[(1, Kind::ActOnEnterprise), (2, Kind::ActOnDepartment), (3, Kind::ActOnEmployee)];

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed) }
    }

    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// The next request to make.
    pub fn operation(&mut self, model: &Model, now: Timestamp) -> Operation {
        if self.random.percent(15)
            && let Some(operation) = self.restore_something(model)
        {
            return operation;
        }
        if !self.random.percent(8) {
            return self.of_kinds(SINGLES, model, now);
        }
        let kind = self.random.weighted(SEVERAL);
        let len = 2 + self.random.below(3);
        match kind {
            Kind::Job => Operation::Job((0..len).map(|_| self.of_kinds(SINGLES, model, now)).collect()),
            Kind::RolledBackJob => {
                Operation::RolledBackJob((0..len).map(|_| self.of_kinds(SINGLES, model, now)).collect())
            }
            _ if self.random.percent(40) => Operation::Acts(self.acts_on_one(model, now)),
            _ => Operation::Acts((0..len).map(|_| self.of_kinds(ACTS, model, now)).collect()),
        }
    }

    /// Several acts on one subject: what is accepted for a purge must not be restored.
    fn acts_on_one(&mut self, model: &Model, now: Timestamp) -> Vec<Operation> {
        let first = self.of_kinds(ACTS, model, now);
        let mut steps = vec![first.clone()];
        for _ in 0..3 {
            let mut step = first.clone();
            if let Operation::OnEnterprise { act, .. }
            | Operation::OnDepartment { act, .. }
            | Operation::OnEmployee { act, .. } = &mut step
            {
                *act = *self.random.pick(&[Act::Archive, Act::Restore, Act::Purge, Act::Restore]);
            }
            steps.push(step);
        }
        steps
    }

    /// Restores or creates something that is archived or missing, so that most of the data stays visible.
    fn restore_something(&mut self, model: &Model) -> Option<Operation> {
        let mut restorations = Vec::new();
        for text in ENTERPRISES {
            let id = enterprise(text);
            match model.enterprises.get(&id) {
                None => restorations.push(Operation::CreateEnterprise { id: Some(id), name: self.name() }),
                Some(fact) if fact.lifecycle.is_archived() => {
                    restorations.push(Operation::OnEnterprise { id, act: Act::Restore });
                }
                Some(_) => {
                    for text in DEPARTMENTS {
                        restorations.extend(self.restore_in_department(model, (id.clone(), department(text))));
                    }
                }
            }
        }
        (!restorations.is_empty()).then(|| self.random.pick(&restorations).clone())
    }

    fn restore_in_department(&mut self, model: &Model, (of, id): DepartmentKey) -> Option<Operation> {
        let place = (of.clone(), id.clone());
        match model.departments.get(&place) {
            None => Some(Operation::CreateDepartment { of, id: Some(id), name: self.name() }),
            Some(fact) if fact.lifecycle.is_archived() => Some(Operation::OnDepartment { of, id, act: Act::Restore }),
            Some(_) => {
                let staff = model.employees.iter().filter(|fact| fact.place == place);
                let archived = staff.clone().find(|fact| fact.lifecycle.is_archived());
                match archived {
                    Some(fact) => Some(Operation::OnEmployee { of: place, id: fact.id.clone(), act: Act::Restore }),
                    None if staff.count() > 1 => None,
                    None => {
                        let taken = |id: &&&str| {
                            model.employees.iter().any(|fact| fact.id.as_str() == **id && fact.place.0 == place.0)
                        };
                        let id = EMPLOYEES.iter().find(|id| !taken(id)).map(|id| employee(id));
                        Some(Operation::CreateEmployee { of: place, id, info: self.staff() })
                    }
                }
            }
        }
    }

    fn of_kinds(&mut self, kinds: &[(usize, Kind)], model: &Model, now: Timestamp) -> Operation {
        match self.random.weighted(kinds) {
            Kind::AddContact => {
                let (reach, user) = self.user(model);
                Operation::AddContact { reach, user, info: self.contact() }
            }
            Kind::ChangeContact => {
                let (reach, user, id) = self.some_contact(model);
                let same = model.contacts.iter().find(|contact| contact.id == id).filter(|_| self.random.percent(20));
                let info = match same {
                    Some(contact) => ContactInfo::parse(contact.fields.clone()).unwrap(),
                    None => self.contact(),
                };
                Operation::ChangeContact { reach, user, id, info }
            }
            Kind::DeleteContact => {
                let (reach, user, id) = self.some_contact(model);
                Operation::DeleteContact { reach, user, id }
            }
            Kind::CreateEnterprise => {
                let id = self.random.percent(95).then(|| enterprise(self.random.word(&ENTERPRISES)));
                // Without an id the name determines it; one fixed name keeps the number of enterprises small.
                let name = if id.is_none() { name("Acme") } else { self.name() };
                Operation::CreateEnterprise { id, name }
            }
            Kind::RenameEnterprise => {
                let id = self.enterprise();
                let same = model.enterprises.get(&id).filter(|_| self.random.percent(30));
                let name = same.map_or_else(|| self.name(), |fact| name(&fact.name));
                Operation::RenameEnterprise { id, name }
            }
            Kind::ActOnEnterprise => {
                let id = self.enterprise();
                let act = self.act(model.enterprises.get(&id).map(|fact| fact.lifecycle), 14);
                Operation::OnEnterprise { id, act }
            }
            Kind::CreateDepartment => {
                let id = self.random.percent(85).then(|| department(self.random.word(&DEPARTMENTS)));
                Operation::CreateDepartment { of: self.enterprise(), id, name: self.name() }
            }
            Kind::RenameDepartment => {
                let place = self.place();
                let same = model.departments.get(&place).filter(|_| self.random.percent(30));
                let name = same.map_or_else(|| self.name(), |fact| name(&fact.name));
                Operation::RenameDepartment { of: place.0, id: place.1, name }
            }
            Kind::ActOnDepartment => {
                let place = self.existing_place(model);
                let act = self.act(model.departments.get(&place).map(|fact| fact.lifecycle), 12);
                Operation::OnDepartment { of: place.0, id: place.1, act }
            }
            Kind::CreateEmployee => {
                let given = model.employees.len() > EMPLOYEES_MAX || self.random.percent(90);
                let id = given.then(|| employee(self.random.word(&EMPLOYEES)));
                Operation::CreateEmployee { of: self.place(), id, info: self.staff() }
            }
            Kind::ChangeEmployee => self.change_employee(model),
            Kind::ActOnEmployee => {
                let (of, id) = self.employee(model);
                let act = self.act(model.employees.iter().find(|fact| fact.id == id).map(|fact| fact.lifecycle), 15);
                Operation::OnEmployee { of, id, act }
            }
            Kind::Import => self.import(model, now),
            Kind::Job | Kind::RolledBackJob | Kind::Acts => unreachable!("jobs hold no jobs"),
        }
    }

    /// Archived data is mostly restored, visible data mostly archived, so that most of it stays visible.
    fn act(&mut self, lifecycle: Option<Lifecycle>, purge_percent: usize) -> Act {
        if self.random.percent(purge_percent) {
            return Act::Purge;
        }
        let likely =
            if lifecycle.is_some_and(|lifecycle| lifecycle.is_archived()) { Act::Restore } else { Act::Archive };
        match (likely, self.random.percent(85)) {
            (Act::Restore, true) | (Act::Archive, false) => Act::Restore,
            _ => Act::Archive,
        }
    }

    fn change_employee(&mut self, model: &Model) -> Operation {
        let (of, id) = self.employee(model);
        let same = model.employees.iter().find(|fact| fact.id == id).filter(|_| self.random.percent(50));
        let info = match same {
            Some(fact) => EmployeeInfo::parse(fact.fields.clone()).unwrap(),
            None => self.staff(),
        };
        let move_to = self.random.percent(60).then(|| department(self.random.word(&DEPARTMENTS)));
        Operation::ChangeEmployee { of, id, info, move_to }
    }

    fn import(&mut self, model: &Model, now: Timestamp) -> Operation {
        let owners: Vec<OwnerRow> = (0..=self.random.below(3)).map(|_| self.owner(model)).collect();
        let mut rows: Vec<ImportRow> = Vec::new();
        for _ in 0..self.random.below(9) {
            // A file imported again, and a row that is in a file twice.
            let known = !model.contacts.is_empty() && self.random.percent(25);
            let info = match rows.last().filter(|_| self.random.percent(20)) {
                Some(row) => row.info.clone(),
                None if known => ContactInfo::parse(self.random.pick(&model.contacts).fields.clone()).unwrap(),
                None => self.contact(),
            };
            let created_at = self.random.percent(60).then(|| self.moment_near(now));
            rows.push(ImportRow { owner: self.random.below(owners.len()), info, created_at });
        }
        let may_create = *self.random.pick(&[MayCreate::Nothing, MayCreate::WithinEnterprise, MayCreate::Everything]);
        let dry_run = self.random.percent(15);
        Operation::Import(ImportChunk {
            reach: Reach::Installation,
            enterprise: self.enterprise(),
            owners,
            rows,
            may_create,
            new_owners: None,
            dry_run,
        })
    }

    /// A time in the last 800 days, mostly in the last 70, or slightly in the future.
    fn moment_near(&mut self, now: Timestamp) -> Timestamp {
        let days = if self.random.percent(80) { 70 } else { 800 };
        let back = i64::try_from(self.random.below(days)).unwrap() - 2;
        Timestamp::from_millis(now.millis() - back * DAY_MILLIS - i64::try_from(self.random.below(1_000_000)).unwrap())
    }

    fn owner(&mut self, model: &Model) -> OwnerRow {
        let employee = match self.random.below(10) {
            0..5 => EmployeeName::IdOrName(self.employee(model).1.to_string()),
            5..8 => EmployeeName::IdOrName(self.text(&OWNER_NAMES)),
            _ => EmployeeName::Email(self.text(&OWNER_EMAILS)),
        };
        let named = self.random.percent(50);
        let text = named.then(|| self.text(&OWNER_DEPARTMENTS));
        let is_name = self.random.percent(50);
        let department =
            text.map(|text| if is_name { DepartmentName::Name(text) } else { DepartmentName::IdOrName(text) });
        OwnerRow { department, employee }
    }

    fn user(&mut self, model: &Model) -> (Reach, EmployeeId) {
        let id = self.employee(model).1;
        (self.reach_to(model, &id), id)
    }

    fn reach_to(&mut self, model: &Model, id: &EmployeeId) -> Reach {
        let own = model.employees.iter().find(|fact| fact.id == *id).map(|fact| fact.place.0.clone());
        match self.random.below(20) {
            0 => Reach::Enterprise(self.enterprise()),
            1..5 => Reach::Enterprise(own.unwrap_or_else(|| enterprise("acme"))),
            _ => Reach::Installation,
        }
    }

    fn some_contact(&mut self, model: &Model) -> (Reach, EmployeeId, ContactId) {
        if model.contacts.is_empty() || self.random.percent(3) {
            let (reach, user) = self.user(model);
            return (reach, user, ContactId::from_number(4_711));
        }
        let mut contact = self.random.pick(&model.contacts);
        for _ in 0..4 {
            if model.user(&Reach::Enterprise(contact.owner.0.clone()), &contact.owner.1).is_err() {
                contact = self.random.pick(&model.contacts);
            }
        }
        let user = if self.random.percent(4) { self.user(model).1 } else { contact.owner.1.clone() };
        (self.reach_to(model, &user), user, contact.id)
    }

    fn enterprise(&mut self) -> EnterpriseId {
        enterprise(if self.random.percent(3) { "nowhere" } else { self.random.word(&ENTERPRISES) })
    }

    fn place(&mut self) -> DepartmentKey {
        let id = department(if self.random.percent(3) { "nowhere" } else { self.random.word(&DEPARTMENTS) });
        (self.enterprise(), id)
    }

    /// A department that mostly exists.
    fn existing_place(&mut self, model: &Model) -> DepartmentKey {
        // Generated ids differ from run to run, so that a choice among them could not be repeated.
        let repeatable = |place: &&DepartmentKey| TimeOrderedId::parse(place.1.as_str()).is_none();
        let known: Vec<&DepartmentKey> = model.departments.keys().filter(repeatable).collect();
        if known.is_empty() || self.random.percent(30) { self.place() } else { (*self.random.pick(&known)).clone() }
    }

    /// An employee that mostly exists, mostly with its department.
    fn employee(&mut self, model: &Model) -> (DepartmentKey, EmployeeId) {
        if model.employees.is_empty() || self.random.percent(8) {
            return (self.place(), employee(self.random.word(&EMPLOYEES)));
        }
        let visible: Vec<_> = model.employees.iter().filter(|fact| model.is_visible(fact)).collect();
        let found = match visible.as_slice() {
            [] => self.random.pick(&model.employees),
            visible if self.random.percent(75) => *self.random.pick(visible),
            _ => self.random.pick(&model.employees),
        };
        let place = if self.random.percent(4) { self.place() } else { found.place.clone() };
        (place, found.id.clone())
    }

    fn name(&mut self) -> Name {
        name(self.random.word(&NAMES))
    }

    fn text(&mut self, from: &[&'static str]) -> String {
        self.random.word(from).to_owned()
    }

    fn staff(&mut self) -> EmployeeInfo {
        let mut fields = EmployeeFields {
            first_name: self.text(&FIRST_NAMES),
            last_name: self.text(&LAST_NAMES),
            email: self.text(&STAFF_EMAILS),
            phone: self.text(&["", "+49 89 1"]),
            position: self.text(&["", "Buyer"]),
            role: *self.random.pick(&[EmployeeRole::Employee, EmployeeRole::Manager]),
            is_active: self.random.percent(75),
        };
        if fields.first_name.is_empty() && fields.last_name.is_empty() {
            "Nemo".clone_into(&mut fields.first_name);
        }
        EmployeeInfo::parse(fields).unwrap()
    }

    fn contact(&mut self) -> ContactInfo {
        let mut fields = ContactFields {
            name: self.text(&CONTACT_NAMES),
            surname: self.text(&SURNAMES),
            email: self.text(&EMAILS),
            phone: self.text(&PHONES),
            company: self.text(&COMPANIES),
            position: self.text(&["", "", "Buyer"]),
            ..ContactFields::default()
        };
        if self.random.percent(10) {
            fields.tags = vec!["fair".to_owned(), self.text(&["2026", "\"quoted\""])];
            let location = Location { latitude: Some(48.1), longitude: Some(-0.25), ..Location::default() };
            fields.location = location;
        }
        if [&fields.name, &fields.surname, &fields.email, &fields.phone].iter().all(|text| text.is_empty()) {
            "Nemo".clone_into(&mut fields.name);
        }
        ContactInfo::parse(fields).unwrap()
    }
}
