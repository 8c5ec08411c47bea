//! Fills a store with demonstration data, for `muster demo` and the benchmarks.

use std::collections::HashMap;

use crate::demo::{DemoData, DemoEnterprise};
use crate::domain::access::Reach;
use crate::domain::directory::EmployeeInfo;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::store::{EmployeeName, ImportChunk, ImportRow, MayCreate, OwnerRow, Store, StoreError};

/// Contacts of one transaction. It may be long, since no other process uses the database while it is filled.
const FILL_CHUNK_ROWS: usize = 20_000;

/// Stores all the data. Blocks; `progress` is called with the number of contacts stored so far.
pub fn fill(store: &Store, data: &DemoData, progress: &mut dyn FnMut(u64)) -> Result<(), StoreError> {
    for enterprise in data.enterprises() {
        create_directory(store, enterprise)?;
    }
    let mut pending: HashMap<&EnterpriseId, PendingRows<'_>> = HashMap::new();
    let mut filled = 0;
    for contact in data.contacts() {
        let enterprise = pending.entry(contact.enterprise).or_insert_with(|| PendingRows::of(contact.enterprise));
        let owner = enterprise.owner(contact.employee);
        enterprise.rows.push(ImportRow { owner, info: contact.info, created_at: Some(contact.created_at) });
        if enterprise.rows.len() >= FILL_CHUNK_ROWS {
            filled += enterprise.write(store)?;
            progress(filled);
        }
    }
    for mut enterprise in pending.into_values() {
        filled += enterprise.write(store)?;
        progress(filled);
    }
    Ok(())
}

fn create_directory(store: &Store, enterprise: &DemoEnterprise) -> Result<(), StoreError> {
    type Staff = Vec<(EmployeeId, EmployeeInfo)>;
    let (id, name) = (enterprise.id.clone(), enterprise.name.clone());
    let departments: Vec<(DepartmentId, crate::domain::directory::Name, Staff)> = enterprise
        .departments
        .iter()
        .map(|department| {
            let staff = department.employees.iter().map(|employee| (employee.id.clone(), employee.info.clone()));
            (department.id.clone(), department.name.clone(), staff.collect())
        })
        .collect();
    store.write_blocking(move |tx| {
        tx.create_enterprise(Some(id.clone()), &name)?;
        for (department, name, staff) in &departments {
            tx.create_department(&id, Some(department.clone()), name)?;
            for (employee, info) in staff {
                tx.create_employee(&id, department, Some(employee.clone()), info)?;
            }
        }
        Ok(())
    })
}

/// Contacts of one enterprise that are not yet written.
struct PendingRows<'a> {
    enterprise: &'a EnterpriseId,
    rows: Vec<ImportRow>,
    owners: Vec<OwnerRow>,
    positions: HashMap<&'a EmployeeId, usize>,
}

impl<'a> PendingRows<'a> {
    fn of(enterprise: &'a EnterpriseId) -> Self {
        Self { enterprise, rows: Vec::new(), owners: Vec::new(), positions: HashMap::new() }
    }

    fn owner(&mut self, employee: &'a EmployeeId) -> usize {
        *self.positions.entry(employee).or_insert_with(|| {
            let employee = EmployeeName::IdOrName(employee.to_string());
            self.owners.push(OwnerRow { department: None, employee });
            self.owners.len() - 1
        })
    }

    fn write(&mut self, store: &Store) -> Result<u64, StoreError> {
        let chunk = ImportChunk {
            reach: Reach::Installation,
            enterprise: self.enterprise.clone(),
            owners: std::mem::take(&mut self.owners),
            rows: std::mem::take(&mut self.rows),
            may_create: MayCreate::Nothing,
            new_owners: None,
            dry_run: false,
        };
        self.positions.clear();
        let outcome = store.write_blocking(move |tx| tx.import(&chunk))?;
        Ok(outcome.rows.len() as u64)
    }
}
