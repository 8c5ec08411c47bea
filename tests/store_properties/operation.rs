//! The operations of the property test: requests as values, so that they can be printed and applied to both the store
//! and the model.

use muster::domain::access::Reach;
use muster::domain::contacts::{Contact, ContactInfo};
use muster::domain::directory::{Department, Employee, EmployeeInfo, Enterprise, Name};
use muster::domain::ids::{ContactId, DepartmentId, EmployeeId, EnterpriseId};
use muster::store::{Actor, ImportChunk, ImportOutcome, OwnerRefusal, Purged, StoreError, Subject, WriteTx};

/// One request.
#[derive(Clone, Debug)]
pub enum Operation {
    CreateEnterprise {
        id: Option<EnterpriseId>,
        name: Name,
    },
    RenameEnterprise {
        id: EnterpriseId,
        name: Name,
    },
    OnEnterprise {
        id: EnterpriseId,
        act: Act,
    },
    CreateDepartment {
        of: EnterpriseId,
        id: Option<DepartmentId>,
        name: Name,
    },
    RenameDepartment {
        of: EnterpriseId,
        id: DepartmentId,
        name: Name,
    },
    OnDepartment {
        of: EnterpriseId,
        id: DepartmentId,
        act: Act,
    },
    CreateEmployee {
        of: DepartmentKey,
        id: Option<EmployeeId>,
        info: EmployeeInfo,
    },
    ChangeEmployee {
        of: DepartmentKey,
        id: EmployeeId,
        info: EmployeeInfo,
        move_to: Option<DepartmentId>,
    },
    OnEmployee {
        of: DepartmentKey,
        id: EmployeeId,
        act: Act,
    },
    AddContact {
        reach: Reach,
        user: EmployeeId,
        info: ContactInfo,
    },
    ChangeContact {
        reach: Reach,
        user: EmployeeId,
        id: ContactId,
        info: ContactInfo,
    },
    DeleteContact {
        reach: Reach,
        user: EmployeeId,
        id: ContactId,
    },
    Import(ImportChunk),
    /// Several in one job; the first refusal ends it and rolls it back.
    Job(Vec<Operation>),
    /// Several in one job, which is rolled back after all were done.
    RolledBackJob(Vec<Operation>),
    /// Several acts in one job that continues after refusals. An act is refused before it changes anything.
    Acts(Vec<Operation>),
}

/// What can be done to any subject of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Archive,
    Restore,
    Purge,
}

/// A department with its enterprise.
pub type DepartmentKey = (EnterpriseId, DepartmentId);

/// The answer to a successful request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Enterprise(Enterprise),
    Department(Department),
    Employee(Employee),
    Contact(Contact),
    ContactsLeft(u64),
    Purged(Purged),
    Imported(ImportOutcome),
    Several(Vec<Outcome>),
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound(Subject),
    Conflict,
    /// Any other error; the model never predicts one.
    Failed(String),
}

pub type Outcome = Result<Answer, Refusal>;

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(subject) => Self::NotFound(subject),
            StoreError::Conflict(_) => Self::Conflict,
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Operation {
    /// The name of the operation, and of its act.
    pub fn kind(&self) -> String {
        let text = format!("{self:?}");
        let name = text.split([' ', '(']).next().unwrap_or_default();
        match self {
            Self::OnEnterprise { act, .. } | Self::OnDepartment { act, .. } | Self::OnEmployee { act, .. } => {
                format!("{name} {act:?}")
            }
            Self::Import(chunk) if chunk.dry_run => format!("{name} dry run"),
            _ => name.to_owned(),
        }
    }

    /// Applies the operation to the store.
    pub fn run(&self, tx: &WriteTx<'_>) -> Result<Answer, StoreError> {
        match self {
            Self::CreateEnterprise { id, name } => tx.create_enterprise(id.clone(), name).map(Answer::Enterprise),
            Self::RenameEnterprise { id, name } => tx.rename_enterprise(id, name).map(Answer::Enterprise),
            Self::OnEnterprise { id, act } => match act {
                Act::Archive => tx.archive_enterprise(id).map(|()| Answer::Done),
                Act::Restore => tx.restore_enterprise(id).map(Answer::Enterprise),
                Act::Purge => tx.purge_enterprise(id, &Actor::command_line()).map(Answer::Purged),
            },
            Self::CreateDepartment { of, id, name } => {
                tx.create_department(of, id.clone(), name).map(Answer::Department)
            }
            Self::RenameDepartment { of, id, name } => tx.rename_department(of, id, name).map(Answer::Department),
            Self::OnDepartment { of, id, act } => match act {
                Act::Archive => tx.archive_department(of, id).map(|()| Answer::Done),
                Act::Restore => tx.restore_department(of, id).map(Answer::Department),
                Act::Purge => tx.purge_department(of, id, &Actor::command_line()).map(Answer::Purged),
            },
            Self::CreateEmployee { of: (enterprise, department), id, info } => {
                tx.create_employee(enterprise, department, id.clone(), info).map(Answer::Employee)
            }
            Self::ChangeEmployee { of: (enterprise, department), id, info, move_to } => {
                tx.change_employee(enterprise, department, id, info, move_to.as_ref()).map(Answer::Employee)
            }
            Self::OnEmployee { of: (enterprise, department), id, act } => match act {
                Act::Archive => tx.archive_employee(enterprise, department, id).map(|()| Answer::Done),
                Act::Restore => tx.restore_employee(enterprise, department, id).map(Answer::Employee),
                Act::Purge => tx.purge_employee(enterprise, department, id, &Actor::command_line()).map(Answer::Purged),
            },
            Self::AddContact { reach, user, info } => tx.add_contact(reach, user, info, SOURCE).map(Answer::Contact),
            Self::ChangeContact { reach, user, id, info } => {
                tx.change_contact(reach, user, *id, info).map(Answer::Contact)
            }
            Self::DeleteContact { reach, user, id } => tx.delete_contact(reach, user, *id).map(Answer::ContactsLeft),
            Self::Import(chunk) => tx.import(chunk).map(|outcome| Answer::Imported(without_reasons(outcome))),
            Self::Job(steps) => run_all(steps, tx).map(Answer::Several),
            Self::RolledBackJob(steps) => {
                run_all(steps, tx)?;
                Err(StoreError::Conflict("on purpose".to_owned()))
            }
            Self::Acts(steps) => {
                Ok(Answer::Several(steps.iter().map(|step| step.run(tx).map_err(Refusal::from)).collect()))
            }
        }
    }
}

/// The source of the contacts that the property test adds.
pub const SOURCE: &str = "AddContact";

fn run_all(steps: &[Operation], tx: &WriteTx<'_>) -> Result<Vec<Outcome>, StoreError> {
    steps.iter().map(|step| step.run(tx).map(Ok)).collect()
}

/// Stands for every refusal of a row.
pub const ANY_REFUSAL: OwnerRefusal = OwnerRefusal::Invalid(Vec::new());

/// Removes the reasons of refused rows, which the model does not predict.
fn without_reasons(mut outcome: ImportOutcome) -> ImportOutcome {
    use muster::store::ImportedRow::Refused;
    for row in &mut outcome.rows {
        if let Refused(refusal) = row {
            assert!(!refusal.to_string().is_empty());
            *row = Refused(ANY_REFUSAL);
        }
    }
    // The same refusals by owner.
    outcome.owners_refused.clear();
    outcome.owners_created.clear();
    outcome
}
