//! What the audit log keeps of an employee: nothing personal.

use serde_json::{Value, json};

use crate::domain::directory::Employee;
use crate::store::{AuditAction, AuditEntry};

/// What the audit log keeps of an employee: the place in the company, and nothing personal, since a purge deletes
/// nothing from the audit log.
pub(super) fn post_of(employee: &Employee) -> Value {
    json!({
        "enterpriseId": employee.enterprise_id,
        "departmentId": employee.department_id,
        "role": employee.fields.role,
        "isActive": employee.fields.is_active,
    })
}

/// The audit log's entry for a change, unless nothing changed. Of what is personal it says which fields are others now.
pub(super) fn audit_of_change(before: &Employee, after: &Employee) -> Option<AuditEntry> {
    let (old, new) = (&before.fields, &after.fields);
    let personal = [
        ("firstName", old.first_name != new.first_name),
        ("lastName", old.last_name != new.last_name),
        ("email", old.email != new.email),
        ("phone", old.phone != new.phone),
        ("position", old.position != new.position),
    ];
    let changed: Vec<&str> = personal.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
    let (was, mut is) = (post_of(before), post_of(after));
    if was == is && changed.is_empty() {
        return None;
    }
    if !changed.is_empty() {
        is["changed"] = json!(changed);
    }
    Some(AuditEntry::of(AuditAction::EmployeeChange, after.id.as_str()).before(was).after(is))
}
