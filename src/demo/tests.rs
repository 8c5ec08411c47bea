use std::collections::{BTreeMap, HashMap, HashSet};

use super::{DemoData, Shape};
use crate::domain::ids::{EmployeeId, EnterpriseId};
use crate::domain::time::{DAY_MILLIS, Timestamp};

/// A Sunday.
const NOW: Timestamp = Timestamp::from_millis(1_795_332_657_000);

fn data(contacts: u64) -> DemoData {
    DemoData::new(7, Shape::of_demo(contacts), NOW).unwrap()
}

#[test]
fn the_data_depend_only_on_the_seed() {
    let contacts = |seed: u64| {
        let data = DemoData::new(seed, Shape::of_demo(500), NOW).unwrap();
        data.contacts().map(|contact| format!("{contact:?}")).collect::<Vec<_>>()
    };
    assert_eq!(contacts(1), contacts(1));
    assert_ne!(contacts(1), contacts(2));
}

#[test]
fn a_sample_contact_is_pinned() {
    let data = data(1_000);
    let contact = data.contact(500).unwrap();
    let fields = contact.info.fields();
    let line =
        format!("{} {} {} {} {}", contact.employee, fields.name, fields.surname, fields.email, contact.created_at);
    assert_eq!(line, PINNED_CONTACT);
}

const PINNED_CONTACT: &str =
    "u15 Wojciech Zieliński wojciech.zielinski@wojcik-systemy.example 2026-03-12T11:48:13.142Z";

#[test]
fn all_requested_contacts_are_made_in_order_of_time() {
    let data = data(5_000);
    let moments: Vec<Timestamp> = data.contacts().map(|contact| contact.created_at).collect();
    assert_eq!(moments.len(), 5_000);
    assert!(moments.is_sorted());
    assert!(moments.iter().all(|moment| (data.start()..=NOW).contains(moment)));
    assert_eq!(data.start().to_string(), "2024-12-01T00:00:00.000Z");
    assert!(NOW.millis() - moments[4_999].millis() < 2 * DAY_MILLIS);
}

#[test]
fn contacts_beyond_the_shape_are_created_now() {
    let data = data(1_000);
    for number in 1_000..1_100 {
        let contact = data.contact(number).unwrap();
        assert!(contact.created_at <= NOW && NOW.millis() - contact.created_at.millis() < 1_000);
    }
}

#[test]
fn one_contact_in_eight_repeats_a_person() {
    for contacts in [2_000_u32, 50_000] {
        let data = data(contacts.into());
        let mut people: HashMap<&EnterpriseId, HashSet<_>> = HashMap::new();
        for contact in data.contacts() {
            people.entry(contact.enterprise).or_default().insert(contact.info.identity().person);
        }
        let distinct: usize = people.values().map(HashSet::len).sum();
        let share = f64::from(u32::try_from(distinct).unwrap()) / f64::from(contacts);
        assert!((0.85..0.91).contains(&share), "{share} of {contacts}");
    }
}

#[test]
fn respelt_people_have_the_same_person_key() {
    let data = data(5_000);
    let mut respelt = 0;
    for number in 0..5_000 {
        let person = data.person(number);
        if person != number {
            respelt += 1;
            let (first, again) = (data.contact(person).unwrap(), data.contact(number).unwrap());
            assert_eq!(first.info.identity().person, again.info.identity().person, "{first:?} {again:?}");
            assert_eq!(first.enterprise, again.enterprise);
        }
    }
    assert!((500..700).contains(&respelt), "{respelt}");
}

#[test]
fn companies_and_collectors_are_unequally_distributed() {
    let data = data(20_000);
    let mut companies: BTreeMap<String, usize> = BTreeMap::new();
    let mut collectors: BTreeMap<&EmployeeId, usize> = BTreeMap::new();
    for contact in data.contacts() {
        *collectors.entry(contact.employee).or_default() += 1;
        if let Some(company) = &contact.info.identity().company {
            *companies.entry(company.clone()).or_default() += 1;
        }
    }
    let leads = |counts: Vec<usize>, times: usize| {
        counts.iter().max().unwrap() * counts.len() > times * counts.iter().sum::<usize>()
    };
    assert!(companies.len() > 400);
    assert!(leads(companies.into_values().collect(), 10));
    assert!(leads(collectors.into_values().collect(), 3));
}

#[test]
fn contacts_grow_over_the_years_and_drop_at_weekends() {
    let data = data(50_000);
    let mut weekdays = [0_u32; 7];
    let mut months: BTreeMap<String, u32> = BTreeMap::new();
    for contact in data.contacts() {
        let day = contact.created_at.day();
        weekdays[usize::try_from((day.number() + 3).rem_euclid(7)).unwrap()] += 1;
        *months.entry(day.month().to_string()).or_default() += 1;
    }
    assert!(weekdays[6] * 5 < weekdays[2] && weekdays[5] * 4 < weekdays[2], "{weekdays:?}");
    assert_eq!(months.len(), 24);
    assert!(months["2025-02"] * 2 < months["2026-10"], "{months:?}");
}

#[test]
fn addresses_and_numbers_are_reserved_ones() {
    let reserved =
        |domain: &str| domain.ends_with(".example") || ["example.com", "example.org", "example.net"].contains(&domain);
    let data = data(5_000);
    for contact in data.contacts() {
        let identity = contact.info.identity();
        assert_eq!(identity.email.is_some(), !contact.info.fields().email.is_empty(), "{contact:?}");
        assert_eq!(identity.phone.is_some(), !contact.info.fields().phone.is_empty(), "{contact:?}");
        if let Some(email) = &identity.email {
            assert!(email.is_ascii() && reserved(email.rsplit_once('@').unwrap().1), "{email}");
        }
        if let Some(phone) = &identity.phone {
            assert!(FICTITIOUS.iter().any(|start| phone.starts_with(start)), "{phone}");
        }
    }
}

const FICTITIOUS: [&str; 22] = [
    "+121255501",
    "+131255501",
    "+141555501",
    "+151455501",
    "+161755501",
    "+170255501",
    "+442079460",
    "+441134960",
    "+441174960",
    "+441214960",
    "+441314960",
    "+441614960",
    "+447700900",
    "+493023125",
    "+496990009",
    "+494066969",
    "+492214710",
    "+498999998",
    "+3319900",
    "+3346571",
    "+3353649",
    "+3363998",
];

#[test]
fn organisations_have_the_requested_shape() {
    let shape = Shape { contacts: 0, enterprises: 1, departments: 100, employees: 5_000 };
    let data = DemoData::new(7, shape, NOW).unwrap();
    assert_eq!(data.contacts().count(), 0);
    let [enterprise] = data.enterprises() else { panic!("one enterprise") };
    let ids: HashSet<&str> = enterprise.departments.iter().map(|department| department.id.as_str()).collect();
    assert_eq!(ids.len(), 100);
    let employees = || enterprise.departments.iter().flat_map(|department| &department.employees);
    let ids: HashSet<&str> = employees().map(|employee| employee.id.as_str()).collect();
    let addresses: HashSet<&str> = employees().map(|employee| employee.info.fields().email.as_str()).collect();
    assert_eq!((ids.len(), addresses.len()), (5_000, 5_000));
}

#[test]
fn impossible_shapes_are_refused() {
    let check = |enterprises: usize, departments: usize, employees: usize, valid: bool| {
        let shape = Shape { contacts: 1, enterprises, departments, employees };
        assert_eq!(DemoData::new(7, shape, NOW).is_ok(), valid, "{shape:?}");
    };
    check(1, 1, 1, true);
    check(4, 4, 4, true);
    check(0, 1, 1, false);
    check(5, 5, 5, false);
    check(2, 1, 1, false);
    check(1, 2, 1, false);
    check(1, 144, 144, true);
    check(1, 145, 145, false);
}
