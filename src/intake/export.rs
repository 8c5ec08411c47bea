//! The export of an enterprise's or a department's contacts as pieces of CSV.

use std::io;

use serde_json::json;

use super::options::Party;
use crate::domain::access::Reach;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::store::{AuditAction, AuditEntry, ReadTx, Store, StoreError};
use crate::transfer::csv::ContactWriter;

/// Contacts of one piece. Each piece is read in a separate transaction, so that a slow client holds none open. The
/// largest valid contacts make a piece of about 30 MB, ordinary ones one of 30 KB.
const EXPORT_PIECE_ROWS: u32 = 200;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The enterprise or department does not exist, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be written.
    #[error("the contacts cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Writes the contacts within reach of a visible enterprise, or of one of its departments, oldest first; returns their
/// number.
/// Blocks, and calls `sink` with one piece after the other, of which the first begins with the header.
///
/// Contacts that exist during the whole export are written exactly once, also while others are added and deleted. The
/// number of exported contacts is written to the audit log, also when the export ends early. A failure of that write
/// does not fail the export, since the file is complete by then.
pub fn export(
    store: &Store,
    reach: &Reach,
    enterprise: &EnterpriseId,
    department: Option<&DepartmentId>,
    party: &Party,
    sink: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<u64, ExportError> {
    let mut written = 0;
    let outcome = export_all(store, reach, enterprise, department, party, &mut written, sink);
    if outcome.is_ok() || written > 0 {
        let broken_off = outcome.as_ref().err().map(ToString::to_string);
        let after = json!({ "departmentId": department, "contacts": written, "brokenOff": broken_off });
        store.audit_done_blocking(
            party.actor.clone(),
            AuditEntry::of(AuditAction::ContactsExport, enterprise.as_str()).after(after),
        );
    }
    outcome.map(|()| written)
}

/// Fails unless the enterprise and the department can be exported.
pub fn can_export(
    store: &Store,
    reach: &Reach,
    enterprise: &EnterpriseId,
    department: Option<&DepartmentId>,
) -> Result<(), StoreError> {
    store.read_blocking(|tx| tx.export_contacts(reach, enterprise, department, None, 1)).map(drop)
}

fn export_all(
    store: &Store,
    reach: &Reach,
    enterprise: &EnterpriseId,
    department: Option<&DepartmentId>,
    party: &Party,
    written: &mut u64,
    sink: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<(), ExportError> {
    let mut writer = ContactWriter::new(Vec::new())?;
    let mut after = None;
    loop {
        let read = |tx: &ReadTx<'_>| tx.export_contacts(reach, enterprise, department, after, EXPORT_PIECE_ROWS);
        let page = store.read_blocking_for(party.client.as_ref(), read)?;
        for row in &page {
            writer.write(&row.contact, &row.employee_email)?;
        }
        sink(writer.take()?)?;
        *written += page.len() as u64;
        match page.last() {
            Some(last) if page.len() == EXPORT_PIECE_ROWS as usize => after = Some(last.cursor()),
            _ => return Ok(()),
        }
    }
}
