//! Archiving, destroying and restoring, which enterprises, departments and employees have in common.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::Role;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, Purged, StoreError, WriteTx};

/// The parameter of a `DELETE` in the directory.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PurgeParams {
    /// `true` destroys it for good with all that belongs to it, archived or not; this takes the role `admin`.
    pub purge: bool,
}

/// That something was archived, or is being destroyed.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// What happened, as a sentence.
    #[schema(example = "Employee deleted successfully")]
    pub message: &'static str,
    /// The enterprise, when it is what was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub enterprise_id: Option<EnterpriseId>,
    /// The employee, when it is what was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "u1")]
    pub employee_id: Option<EmployeeId>,
    /// The department that was removed, or from which.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "sales")]
    pub department_id: Option<DepartmentId>,
    /// What is being destroyed, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purged: Option<PurgedBody>,
}

/// How much a purge destroys.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Purged)]
pub struct PurgedBody {
    /// Contacts.
    contacts: u64,
    /// Employees, archived ones included.
    employees: u64,
    /// Departments, archived ones included.
    departments: u64,
}

/// What a kind of thing is called in answers and in the audit log.
pub struct RemovableKind {
    /// The message when one was archived.
    pub archived: &'static str,
    /// The message when one is being destroyed.
    pub purged: &'static str,
    /// The audit log's words for archiving, destroying and restoring one.
    pub actions: [AuditAction; 3],
}

/// What is to be removed, and how.
pub struct Removal<A, P> {
    /// What kind of thing it is.
    pub kind: &'static RemovableKind,
    /// Its name in the audit log.
    pub target: String,
    /// The answer, still without message and count.
    pub answer: Removed,
    /// Archives it.
    pub archive: A,
    /// Accepts its destruction.
    pub purge: P,
}

impl<A, P> Removal<A, P>
where
    A: FnOnce(&WriteTx<'_>) -> Result<(), StoreError> + Send + 'static,
    P: FnOnce(&WriteTx<'_>) -> Result<Purged, StoreError> + Send + 'static,
{
    /// Does what the parameters say, in one transaction with its entry in the audit log.
    pub async fn run(self, state: &AppState, caller: &Caller, params: PurgeParams) -> Result<Response, ApiError> {
        let Self { kind, target, answer, archive, purge } = self;
        let [archived, purged, _] = kind.actions;
        let actor = caller.actor();
        if !params.purge {
            let work = state.store.write(move |tx| {
                archive(tx)?;
                let (before, after) = (json!({"archived": false}), json!({"archived": true}));
                tx.audit(&actor, &AuditEntry::of(archived, target).before(before).after(after))
            });
            work.await?;
            return Ok(state.success(Removed { message: kind.archived, ..answer }).into_response());
        }
        caller.must_be(Role::Admin)?;
        let work = state.store.write(move |tx| {
            let Purged { contacts, employees, departments } = purge(tx)?;
            let body = PurgedBody { contacts, employees, departments };
            tx.audit(&actor, &AuditEntry::of(purged, target).before(json!(body)))?;
            Ok(body)
        });
        let purged = Some(work.await?);
        let answer = Removed { message: kind.purged, purged, ..answer };
        Ok((StatusCode::ACCEPTED, state.success(answer)).into_response())
    }
}

impl RemovableKind {
    /// Restores something, in one transaction with its entry in the audit log.
    pub async fn restore<T, F>(
        &self,
        state: &AppState,
        caller: &Caller,
        target: String,
        restore: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let actor = caller.actor();
        let [.., action] = self.actions;
        let work = state.store.write(move |tx| {
            let restored = restore(tx)?;
            tx.audit(&actor, &AuditEntry::of(action, target).after(json!({"archived": false})))?;
            Ok(restored)
        });
        Ok(work.await?)
    }
}
