//! People with companies, e-mail addresses and phone numbers, and variants of their spelling.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::names::{CULTURES, Culture, Spelling};
use super::places::{phone, respell_phone};
use super::random::{Random, Weighted};
use super::topics::{TOPIC_COMPANY, TOPIC_PERSON};
use crate::domain::contacts::ContactFields;

/// The weights of the cultures.
const CULTURE_WEIGHTS: [f64; CULTURES.len()] = [9.0, 9.0, 6.0, 5.0, 4.0, 4.0, 4.0, 3.0, 2.0, 2.0, 2.0, 3.0, 3.0];

/// The Zipf exponent of company sizes: the largest of a thousand companies has about 4 % of the people.
const COMPANY_EXPONENT: f64 = 0.7;

const CONTACTS_PER_COMPANY: u64 = 40;
const COMPANIES_MIN: u64 = 30;
const COMPANIES_MAX: u64 = 3_000;

/// People whose address may be their name without a number; later ones would collide too often.
const PLAIN_ADDRESSES: u64 = 50_000;

/// All people who can become contacts.
#[derive(Debug)]
pub(super) struct People {
    seed: u64,
    companies: Vec<Company>,
    company_sizes: Weighted,
    cultures: Weighted,
    namesakes: usize,
}

#[derive(Debug)]
struct Company {
    name: String,
    domain: String,
    culture: usize,
}

impl People {
    /// People for this number of contacts: the number of companies and of namesakes grows with it.
    pub(super) fn new(seed: u64, contacts: u64) -> Self {
        let cultures = Weighted::new(CULTURE_WEIGHTS);
        let wanted = (contacts / CONTACTS_PER_COMPANY).clamp(COMPANIES_MIN, COMPANIES_MAX);
        let mut names = BTreeSet::new();
        let mut companies = Vec::new();
        for number in 0..wanted * 2 {
            let company = Company::new(&cultures, &mut Random::of(seed, TOPIC_COMPANY, number));
            if companies.len() as u64 == wanted {
                break;
            }
            if names.insert(company.name.clone()) {
                companies.push(company);
            }
        }
        let company_sizes = Weighted::zipf(companies.len(), COMPANY_EXPONENT);
        let namesakes = usize::try_from(contacts / 500).unwrap_or(usize::MAX).clamp(20, 10_000);
        Self { seed, companies, company_sizes, cultures, namesakes }
    }

    /// The person with this number, in the canonical spelling.
    pub(super) fn person(&self, number: u64) -> ContactFields {
        let random = &mut Random::of(self.seed, TOPIC_PERSON, number);
        let company = self.companies.get(self.company_sizes.draw(random)).filter(|_| !random.percent(6));
        let culture = match company {
            Some(company) if random.percent(75) => company.culture,
            _ => self.cultures.draw(random),
        };
        let culture = &CULTURES[culture];
        let (given, family) = (random.pick(culture.given), random.pick(culture.family));
        // Most people have an e-mail address, some only a phone number, a few only a name.
        let reached_by = random.below(100);
        let mut fields = ContactFields {
            name: given.0.to_owned(),
            surname: family.0.to_owned(),
            company: company.map(|company| company.name.clone()).unwrap_or_default(),
            position: position(culture, random),
            ..ContactFields::default()
        };
        if reached_by < 93 {
            fields.email = self.email(number, given, family, company, random);
        }
        if (93..98).contains(&reached_by) || (reached_by < 93 && random.percent(75)) {
            fields.phone = phone(random);
        }
        if let Some(company) = company.filter(|_| random.percent(55)) {
            fields.website = format!("https://www.{}", company.domain);
        }
        fields
    }

    fn email(
        &self,
        number: u64,
        given: Spelling,
        family: Spelling,
        company: Option<&Company>,
        random: &mut Random,
    ) -> String {
        let (given, family) = (given.1, family.1);
        let mut email = String::with_capacity(48);
        // Writing to a string cannot fail.
        let _ = match random.below(10) {
            // People with low numbers have no namesakes yet.
            0..3 if number < PLAIN_ADDRESSES => write!(email, "{given}.{family}"),
            3..5 if number < 3 * PLAIN_ADDRESSES => {
                write!(email, "{given}.{}.{family}", char::from(b'a' + u8::try_from(random.below(26)).unwrap_or(0)))
            }
            5 => write!(email, "{}{family}{}", &given[..1], random.below(self.namesakes) + 1),
            _ => write!(email, "{given}.{family}{}", random.below(self.namesakes) + 2),
        };
        email.push('@');
        email.push_str(
            company
                .map_or_else(|| random.pick(&["example.com", "example.org", "example.net"]), |company| &company.domain),
        );
        email
    }
}

impl Company {
    fn new(cultures: &Weighted, random: &mut Random) -> Self {
        let culture = cultures.draw(random);
        let words: &Culture = &CULTURES[culture];
        let (trade, form) = (random.pick(words.trades), random.pick(words.forms));
        let (first, second, joint) = match random.below(100) {
            0..45 => (random.pick(words.companies), trade, " "),
            45..75 => (random.pick(words.family), trade, " "),
            _ => (random.pick(words.family), random.pick(words.family), " & "),
        };
        // Chinese and Japanese names have no spaces in them.
        let ideographic = first.0.chars().next().is_some_and(|first| ('\u{2e80}'..='\u{9fff}').contains(&first));
        let name = if ideographic && joint == " " {
            format!("{}{}{form}", first.0, second.0)
        } else {
            format!("{}{joint}{} {form}", first.0, second.0)
        };
        Self { name, domain: format!("{}-{}.example", first.1, second.1), culture }
    }
}

/// The same person in another spelling. The e-mail address, or else the phone number, or else the name stays the same
/// after normalisation, so that both have the same person key.
pub(super) fn respell(mut person: ContactFields, random: &mut Random) -> ContactFields {
    let reached = !person.email.is_empty() || !person.phone.is_empty();
    if !person.phone.is_empty() {
        person.phone = respell_phone(&person.phone, random);
        if !person.email.is_empty() && random.percent(30) {
            person.phone.clear();
        }
    }
    person.email = match random.below(4) {
        0 => capitalised(&person.email),
        1 => person.email.to_uppercase(),
        2 if !person.email.is_empty() => format!("{} {} <{}>", person.name, person.surname, person.email),
        _ => person.email,
    };
    if reached {
        match random.below(5) {
            0 => std::mem::swap(&mut person.name, &mut person.surname),
            1 => person.name = person.name.chars().take(1).chain(['.']).collect(),
            2 => person.surname = person.surname.to_uppercase(),
            3 => {
                person.name = format!("{} {}", person.name, person.surname);
                person.surname.clear();
            }
            _ => {}
        }
        if random.percent(20) {
            person.position = random.pick(&POSITIONS).to_owned();
        }
        if random.percent(25) {
            person.company = person.company.to_uppercase();
        }
    } else {
        // Only name and company identify this person, and upper case does not fold back in every language.
        person.name = format!("{} {}", person.name, person.surname);
        person.surname.clear();
    }
    person.website.clear();
    person
}

fn capitalised(email: &str) -> String {
    let mut after_separator = true;
    let capital = |character: char| {
        let is_first = std::mem::replace(&mut after_separator, matches!(character, '.' | '@'));
        if is_first { character.to_ascii_uppercase() } else { character }
    };
    email.chars().map(capital).collect()
}

/// A job title, sometimes in the local language.
fn position(culture: &Culture, random: &mut Random) -> String {
    match random.below(100) {
        0..15 => "",
        15..40 => random.pick(culture.positions),
        _ => random.pick(&POSITIONS),
    }
    .to_owned()
}

const POSITIONS: [&str; 18] = [
    "Account Manager",
    "Head of Purchasing",
    "Managing Director",
    "Sales Engineer",
    "Key Account Manager",
    "Chief Executive Officer",
    "Head of Sales",
    "Product Manager",
    "Software Developer",
    "Plant Manager",
    "Quality Manager",
    "Project Manager",
    "Marketing Manager",
    "Chief Technology Officer",
    "Buyer",
    "Consultant",
    "Logistics Coordinator",
    "Service Technician",
];
