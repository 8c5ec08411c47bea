//! How far a caller reaches. Everything outside answers as if it did not exist.

use super::FieldError;
use super::ids::{DepartmentId, EmployeeId, EnterpriseId};

/// Most departments, or employees, that one token can be limited to. Each is held in memory.
pub const REACH_IDS_MAX: usize = 100;

/// What a token, or a session opened with one, can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every enterprise, and what belongs to none.
    Installation,
    /// One enterprise.
    Enterprise(EnterpriseId),
    /// Some departments of an enterprise, with their employees and contacts.
    Departments(EnterpriseId, Vec<DepartmentId>),
    /// The contacts of some employees of an enterprise.
    Employees(EnterpriseId, Vec<EmployeeId>),
}

impl Reach {
    /// The reach within an enterprise, of ids as they were given: without departments and employees all of it, without
    /// an enterprise the installation. Ids are kept once each, in order.
    ///
    /// # Errors
    ///
    /// Names the field where departments or employees are given without an enterprise or both together, or too many.
    pub fn of_ids(
        enterprise: Option<EnterpriseId>,
        departments: Vec<DepartmentId>,
        employees: Vec<EmployeeId>,
    ) -> Result<Self, FieldError> {
        match (enterprise, departments.is_empty(), employees.is_empty()) {
            (None, true, true) => Ok(Self::Installation),
            (Some(enterprise), true, true) => Ok(Self::Enterprise(enterprise)),
            (Some(enterprise), false, true) => {
                Ok(Self::Departments(enterprise, distinct("departmentIds", departments)?))
            }
            (Some(enterprise), true, false) => Ok(Self::Employees(enterprise, distinct("employeeIds", employees)?)),
            (None, false, _) => Err(FieldError::new("departmentIds", "takes the enterpriseId that they belong to")),
            (None, true, false) => Err(FieldError::new("employeeIds", "takes the enterpriseId that they belong to")),
            (Some(_), false, false) => Err(FieldError::new("employeeIds", "cannot be combined with departmentIds")),
        }
    }

    /// The one enterprise that it is limited to.
    #[must_use]
    pub fn enterprise(&self) -> Option<&EnterpriseId> {
        match self {
            Self::Installation => None,
            Self::Enterprise(own) | Self::Departments(own, _) | Self::Employees(own, _) => Some(own),
        }
    }

    /// The departments that it is limited to.
    #[must_use]
    pub fn departments(&self) -> Option<&[DepartmentId]> {
        match self {
            Self::Departments(_, departments) => Some(departments),
            Self::Installation | Self::Enterprise(_) | Self::Employees(..) => None,
        }
    }

    /// The employees that it is limited to.
    #[must_use]
    pub fn employees(&self) -> Option<&[EmployeeId]> {
        match self {
            Self::Employees(_, employees) => Some(employees),
            Self::Installation | Self::Enterprise(_) | Self::Departments(..) => None,
        }
    }

    /// Whether something of the enterprise lies within.
    #[must_use]
    pub fn touches(&self, enterprise: &EnterpriseId) -> bool {
        self.enterprise().is_none_or(|own| own == enterprise)
    }

    /// What of it lies within one enterprise, if anything does.
    #[must_use]
    pub fn narrowed_to(&self, enterprise: &EnterpriseId) -> Option<Self> {
        match self {
            Self::Installation => Some(Self::Enterprise(enterprise.clone())),
            Self::Enterprise(_) | Self::Departments(..) | Self::Employees(..) => {
                self.touches(enterprise).then(|| self.clone())
            }
        }
    }

    /// Whether the whole enterprise lies within.
    #[must_use]
    pub fn covers_enterprise(&self, enterprise: &EnterpriseId) -> bool {
        match self {
            Self::Installation => true,
            Self::Enterprise(own) => own == enterprise,
            Self::Departments(..) | Self::Employees(..) => false,
        }
    }

    /// Whether the whole department lies within.
    #[must_use]
    pub fn covers_department(&self, enterprise: &EnterpriseId, department: &DepartmentId) -> bool {
        match self {
            Self::Installation => true,
            Self::Enterprise(own) => own == enterprise,
            Self::Departments(own, departments) => own == enterprise && departments.contains(department),
            Self::Employees(..) => false,
        }
    }

    /// Whether an employee of a department lies within, with all that is theirs.
    #[must_use]
    pub fn covers_employee(&self, enterprise: &EnterpriseId, department: &DepartmentId, employee: &EmployeeId) -> bool {
        match self {
            Self::Employees(own, employees) => own == enterprise && employees.contains(employee),
            Self::Installation | Self::Enterprise(_) | Self::Departments(..) => {
                self.covers_department(enterprise, department)
            }
        }
    }
}

/// Each id once, in order.
fn distinct<T: Ord>(field: &str, mut ids: Vec<T>) -> Result<Vec<T>, FieldError> {
    ids.sort();
    ids.dedup();
    if ids.len() > REACH_IDS_MAX {
        return Err(FieldError::new(field, format!("must be at most {REACH_IDS_MAX} ids")));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T: std::str::FromStr<Err = crate::domain::ids::InvalidId>>(text: &str) -> T {
        text.parse().unwrap()
    }

    #[test]
    fn a_reach_covers_what_lies_whole_within_it_and_nothing_else() {
        let (acme, other) = (id::<EnterpriseId>("acme"), id::<EnterpriseId>("other"));
        let (sales, works) = (id::<DepartmentId>("sales"), id::<DepartmentId>("works"));
        let (ada, ben) = (id::<EmployeeId>("ada"), id::<EmployeeId>("ben"));
        // Of acme, of its sales, of ada there; each with the enterprise, department and employee beside it.
        let check = |reach: &Reach, enterprise: [bool; 2], department: [bool; 2], employee: [bool; 2]| {
            assert_eq!([&acme, &other].map(|id| reach.covers_enterprise(id)), enterprise, "{reach:?}");
            assert_eq!([&sales, &works].map(|id| reach.covers_department(&acme, id)), department, "{reach:?}");
            assert_eq!([&ada, &ben].map(|id| reach.covers_employee(&acme, &sales, id)), employee, "{reach:?}");
        };
        check(&Reach::Installation, [true, true], [true, true], [true, true]);
        check(&Reach::Enterprise(acme.clone()), [true, false], [true, true], [true, true]);
        check(&Reach::Enterprise(other.clone()), [false, true], [false, false], [false, false]);
        check(&Reach::Departments(acme.clone(), vec![sales.clone()]), [false, false], [true, false], [true, true]);
        check(&Reach::Departments(other.clone(), vec![sales.clone()]), [false; 2], [false; 2], [false; 2]);
        check(&Reach::Employees(acme.clone(), vec![ada.clone()]), [false, false], [false, false], [true, false]);
        check(&Reach::Employees(other.clone(), vec![ada.clone()]), [false; 2], [false; 2], [false; 2]);
    }

    #[test]
    fn ids_make_one_kind_of_reach() {
        let acme = || Some(id::<EnterpriseId>("acme"));
        let (sales, ada) = (vec![id::<DepartmentId>("sales")], vec![id::<EmployeeId>("ada")]);
        assert_eq!(Reach::of_ids(None, vec![], vec![]).unwrap(), Reach::Installation);
        assert_eq!(
            Reach::of_ids(acme(), [sales.clone(), sales.clone()].concat(), vec![]).unwrap(),
            Reach::Departments(id("acme"), sales.clone())
        );
        assert_eq!(Reach::of_ids(None, sales.clone(), vec![]).unwrap_err().field, "departmentIds");
        assert_eq!(Reach::of_ids(None, vec![], ada.clone()).unwrap_err().field, "employeeIds");
        assert_eq!(Reach::of_ids(acme(), sales, ada).unwrap_err().field, "employeeIds");
        let many = (0..=REACH_IDS_MAX).map(|number| id(&format!("e{number}"))).collect();
        assert_eq!(Reach::of_ids(acme(), vec![], many).unwrap_err().message, "must be at most 100 ids");
    }
}
