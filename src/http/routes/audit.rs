//! What administrators did.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::page::RowCursor;
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, Query};
use crate::http::state::AppState;
use crate::store::{AuditFilter, AuditRecord};

/// One act.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditBody {
    /// Its number; later acts have higher ones.
    #[schema(example = 17)]
    id: i64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it: a token by name and id, or `command line`.
    #[schema(example = "ops (token 01k5n8w3q7r2v)")]
    actor: String,
    /// From where.
    #[schema(example = "127.0.0.1")]
    address: String,
    /// What was done.
    #[schema(example = "cache.configure")]
    action: String,
    /// To what.
    #[schema(example = "version 3")]
    target: String,
    /// How it was before; null where that says nothing.
    #[schema(required, value_type = Option<Object>, example = json!({"maxCacheSize": 1_000}))]
    before: Option<Value>,
    /// How it is after; null where that says nothing.
    #[schema(required, value_type = Option<Object>, example = json!({"maxCacheSize": 2_000}))]
    after: Option<Value>,
}

impl From<AuditRecord> for AuditBody {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { id, at, actor, address, action, target, before, after } = record;
        Self { id, at, actor, address, action, target, before, after }
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLog {
    /// The acts, newest first.
    audit: Vec<AuditBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// Which acts are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditParams {
    /// Only acts of this name, such as `token.create`, or of this kind, such as `token`.
    action: Option<String>,
    /// Only acts of this actor, as the log names it.
    actor: Option<String>,
}

/// What administrators did
///
/// Tokens, sessions and sign-in links, the cache and its configuration, enterprises, departments and employees, imports,
/// exports and backups: who, when, from where, and where it says something, how things were before and after. Of employees it
/// keeps nothing personal. Newest first.
#[utoipa::path(
    get, path = "/audit", tag = "access", operation_id = "listAudit", params(AuditParams, PageParams),
    responses((status = 200, body = Answer<AuditLog>))
)]
pub async fn list(
    State(state): State<AppState>,
    Query(AuditParams { action, actor }): Query<AuditParams>,
    PageQuery { page, .. }: PageQuery<RowCursor>,
) -> Result<Json<Answer<AuditLog>>, ApiError> {
    let filter = AuditFilter { action, actor };
    let (audit, paging) = state.read_page(page, move |tx, page| tx.audit_log(&filter, page)).await?;
    Ok(state.success(AuditLog { audit, paging }))
}
