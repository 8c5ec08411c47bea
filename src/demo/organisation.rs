//! The enterprises, their departments, and the employees who collect contacts.

use std::collections::HashSet;

use super::names::{CULTURES, Spelling};
use super::places::phone;
use super::random::{Random, Weighted};
use super::shape::{InvalidShape, Shape};
use super::topics::{TOPIC_EMPLOYEE, TOPIC_RANK};
use crate::domain::directory::{EmployeeFields, EmployeeInfo, EmployeeRole, Name};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId, slug};

/// An enterprise of the demonstration.
#[derive(Debug)]
pub struct DemoEnterprise {
    pub id: EnterpriseId,
    pub name: Name,
    pub departments: Vec<DemoDepartment>,
}

/// A department of the demonstration.
#[derive(Debug)]
pub struct DemoDepartment {
    /// Unique in its enterprise.
    pub id: DepartmentId,
    pub name: Name,
    pub employees: Vec<DemoEmployee>,
}

/// An employee of the demonstration.
#[derive(Debug)]
pub struct DemoEmployee {
    /// `u1`, `u2`, …
    pub id: EmployeeId,
    pub info: EmployeeInfo,
}

/// Ids and names of the enterprises, with the share of departments, employees and contacts of each.
pub(super) const ENTERPRISES: [(&str, &str, f64); 4] = [
    ("acme", "Acme Instruments", 0.5),
    ("lumiere", "Atelier Lumière", 0.25),
    ("bergqvist", "Bergqvist Shipping", 0.15),
    ("hoshino", "星野電機 Hoshino Electric", 0.1),
];

/// The kinds of departments, with the weight of the contacts that they collect.
const DEPARTMENTS: [(&str, f64); 16] = [
    ("Sales", 4.0),
    ("Marketing", 2.5),
    ("Purchasing", 2.0),
    ("Research and Development", 1.5),
    ("Customer Service", 1.5),
    ("Business Development", 2.5),
    ("Finance", 0.6),
    ("Human Resources", 0.7),
    ("Logistics", 1.0),
    ("Field Service", 1.4),
    ("Management", 1.6),
    ("Legal", 0.5),
    ("Information Technology", 0.6),
    ("Quality", 0.7),
    ("Production", 0.8),
    ("Communications", 1.2),
];

/// The regions that distinguish departments of the same kind in a large enterprise.
const REGIONS: [&str; 9] = ["", "North", "South", "East", "West", "Nordics", "Iberia", "Asia", "Americas"];

/// The most departments of one enterprise.
const DEPARTMENTS_MAX: usize = DEPARTMENTS.len() * REGIONS.len();

/// The Zipf exponent of the contacts per employee: larger is more unequal.
const COLLECTOR_EXPONENT: f64 = 0.75;

/// The employees, weighted by the contacts that they collect.
#[derive(Debug)]
pub(super) struct Collectors {
    /// Indexes of enterprise, department and employee, in the order of `weights`.
    pub(super) places: Vec<[usize; 3]>,
    pub(super) weights: Weighted,
}

/// Generates the enterprises with their departments and employees.
pub(super) fn organisation(seed: u64, shape: Shape) -> Result<(Vec<DemoEnterprise>, Collectors), InvalidShape> {
    let enterprise_weights = ENTERPRISES.get(..shape.enterprises).ok_or(InvalidShape)?;
    let weights: Vec<f64> = enterprise_weights.iter().map(|(.., weight)| *weight).collect();
    let department_counts = apportion(shape.departments, &weights).ok_or(InvalidShape)?;
    if department_counts.iter().any(|count| *count > DEPARTMENTS_MAX) {
        return Err(InvalidShape);
    }
    let department_weights: Vec<f64> = department_counts
        .iter()
        .zip(&weights)
        .flat_map(|(count, weight)| (0..*count).map(move |number| weight * DEPARTMENTS[number % DEPARTMENTS.len()].1))
        .collect();
    let employee_counts = apportion(shape.employees, &department_weights).ok_or(InvalidShape)?;

    let mut employee_counts = employee_counts.into_iter();
    let mut staff = Staff { seed, next: 1, addresses: HashSet::new() };
    let mut enterprises = Vec::new();
    for ((id, name, _), department_count) in enterprise_weights.iter().zip(department_counts) {
        let mut departments = Vec::new();
        for (number, employee_count) in employee_counts.by_ref().take(department_count).enumerate() {
            departments.push(department(number, employee_count, id, &mut staff)?);
        }
        enterprises.push(DemoEnterprise {
            id: EnterpriseId::parse(*id).map_err(|_| InvalidShape)?,
            name: Name::parse("name", name).map_err(|_| InvalidShape)?,
            departments,
        });
    }
    let collectors = collectors(seed, &enterprises, &weights);
    Ok((enterprises, collectors))
}

fn department(
    number: usize,
    employee_count: usize,
    enterprise: &str,
    staff: &mut Staff,
) -> Result<DemoDepartment, InvalidShape> {
    let (kind, _) = DEPARTMENTS[number % DEPARTMENTS.len()];
    let name = format!("{kind} {}", REGIONS[number / DEPARTMENTS.len()]);
    let id = slug(&name).ok_or(InvalidShape)?;
    Ok(DemoDepartment {
        id: DepartmentId::parse(id).map_err(|_| InvalidShape)?,
        name: Name::parse("name", &name).map_err(|_| InvalidShape)?,
        employees: (0..employee_count).map(|rank| staff.hire(enterprise, kind, rank)).collect::<Result<_, _>>()?,
    })
}

/// Generates employees with unique ids and e-mail addresses.
struct Staff {
    seed: u64,
    next: u64,
    addresses: HashSet<String>,
}

impl Staff {
    fn hire(&mut self, enterprise: &str, kind: &str, rank: usize) -> Result<DemoEmployee, InvalidShape> {
        let number = self.next;
        self.next += 1;
        let random = &mut Random::of(self.seed, TOPIC_EMPLOYEE, number);
        let culture = &CULTURES[random.below(CULTURES.len())];
        let (given, family) = (random.pick(culture.given), random.pick(culture.family));
        let (role, title) = match rank {
            0 => (EmployeeRole::Director, format!("Head of {kind}")),
            1..3 => (EmployeeRole::Manager, format!("{kind} Manager")),
            _ => (EmployeeRole::Employee, format!("{kind} Specialist")),
        };
        let fields = EmployeeFields {
            first_name: given.0.to_owned(),
            last_name: family.0.to_owned(),
            email: self.address(enterprise, given, family),
            phone: phone(random),
            position: title,
            role,
            is_active: rank == 0 || !random.percent(5),
        };
        Ok(DemoEmployee {
            id: EmployeeId::parse(format!("u{number}")).map_err(|_| InvalidShape)?,
            info: EmployeeInfo::parse(fields).map_err(|_| InvalidShape)?,
        })
    }

    fn address(&mut self, enterprise: &str, given: Spelling, family: Spelling) -> String {
        let local = format!("{}.{}", given.1, family.1);
        let mut address = format!("{local}@{enterprise}.example");
        let mut namesakes = 1;
        while !self.addresses.insert(address.clone()) {
            namesakes += 1;
            address = format!("{local}{namesakes}@{enterprise}.example");
        }
        address
    }
}

fn collectors(seed: u64, enterprises: &[DemoEnterprise], enterprise_weights: &[f64]) -> Collectors {
    let mut places = Vec::new();
    let mut weights = Vec::new();
    for (enterprise_position, (enterprise, enterprise_weight)) in enterprises.iter().zip(enterprise_weights).enumerate()
    {
        let mut members: Vec<[usize; 3]> = Vec::new();
        for (department_position, department) in enterprise.departments.iter().enumerate() {
            members.extend(
                (0..department.employees.len())
                    .map(|employee_position| [enterprise_position, department_position, employee_position]),
            );
        }
        // The number of collected contacts must not depend on the order of the ids.
        members.sort_by_cached_key(|[_, department, employee]| {
            Random::of(seed, TOPIC_RANK, ((*department as u64) << 32) | *employee as u64).next()
        });
        let own: Vec<f64> = members
            .iter()
            .zip(1_u32..)
            .map(|([_, department, _], rank)| {
                DEPARTMENTS[department % DEPARTMENTS.len()].1 / f64::from(rank).powf(COLLECTOR_EXPONENT)
            })
            .collect();
        let sum: f64 = own.iter().sum();
        weights.extend(own.iter().map(|weight| enterprise_weight * weight / sum));
        places.extend(members);
    }
    Collectors { places, weights: Weighted::new(weights) }
}

/// Divides `total` by weight, with at least one for each (D'Hondt's method); `None` if it does not suffice.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn apportion(total: usize, weights: &[f64]) -> Option<Vec<usize>> {
    let spare = total.checked_sub(weights.len()).filter(|_| !weights.is_empty())?;
    let mut shares = vec![1_usize; weights.len()];
    for _ in 0..spare {
        let quotient = |position: &usize| weights[*position] / (shares[*position] + 1) as f64;
        let next = (0..weights.len()).max_by(|a, b| quotient(a).total_cmp(&quotient(b)).then(b.cmp(a)))?;
        shares[next] += 1;
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_weights_with_at_least_one_each() {
        let check = |total: usize, weights: &[f64], shares: Option<&[usize]>| {
            assert_eq!(apportion(total, weights).as_deref(), shares, "{total} {weights:?}");
        };
        check(10, &[0.5, 0.25, 0.15, 0.1], Some(&[6, 2, 1, 1]));
        check(3, &[1.0, 1.0], Some(&[2, 1]));
        check(2, &[9.0, 0.1], Some(&[1, 1]));
        check(1, &[1.0, 1.0], None);
        check(1, &[], None);
    }
}
