//! Enterprises.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::archive_purge_restore::{PurgeParams, RemovableKind, Removal, Removed};
use super::id_and_name::{audit_renaming, check_changes, check_new};
use super::idempotent::{IdempotencyParams, IdempotentBody};
use crate::domain::access::Reach;
use crate::domain::directory::Enterprise;
use crate::domain::ids::EnterpriseId;
use crate::domain::page::NameCursor;
use crate::domain::sharing::Sharing;
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{ArchivedParams, Json, PageParams, PageQuery, PathIds, Query, not_null};
use crate::http::field_types::{DirectoryName, Id};
use crate::http::state::AppState;
use crate::store::{AuditAction, AuditEntry, WriteTx};

const KIND: RemovableKind = RemovableKind {
    archived: "Enterprise deleted successfully",
    purged: "Enterprise is being destroyed",
    actions: [AuditAction::EnterpriseArchive, AuditAction::EnterprisePurge, AuditAction::EnterpriseRestore],
};

/// An enterprise that is to be created.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewEnterprise {
    /// 1 to 64 characters of `A-Z a-z 0-9 . _ -`; without one the name gives it.
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    name: DirectoryName,
}

/// What is to change of an enterprise; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct EnterpriseChanges {
    /// Cannot be changed: if given, it must be the id in the path.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    id: Option<Id>,
    /// Not blank, at most 200 characters.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    name: Option<DirectoryName>,
    /// What the tokens of its employees read of colleagues.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(nullable = false)]
    sharing: Option<Sharing>,
}

/// An enterprise. To those who do not reach the whole of it, id and name alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Enterprise)]
pub struct EnterpriseBody {
    /// Its id.
    #[schema(value_type = String, example = "acme")]
    id: EnterpriseId,
    /// Its name.
    #[schema(example = "Acme")]
    name: String,
    /// What the tokens of its employees read of colleagues.
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing: Option<Sharing>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// When it was archived; absent unless it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<Timestamp>,
}

impl From<Enterprise> for EnterpriseBody {
    fn from(enterprise: Enterprise) -> Self {
        let Enterprise { id, name, sharing, created_at, updated_at, archived_at } = enterprise;
        let (sharing, created_at, updated_at) = (Some(sharing), Some(created_at), Some(updated_at));
        Self { id, name, sharing, created_at, updated_at, archived_at }
    }
}

impl EnterpriseBody {
    /// What a caller may know of it.
    fn within(self, reach: &Reach) -> Self {
        if reach.covers_enterprise(&self.id) {
            return self;
        }
        Self { sharing: None, created_at: None, updated_at: None, archived_at: None, ..self }
    }
}

/// A page of enterprises.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnterpriseList {
    /// The enterprises, ordered by name.
    enterprises: Vec<EnterpriseBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// One enterprise.
#[derive(Debug, Serialize, ToSchema)]
pub struct EnterpriseAnswer {
    /// What happened, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "Enterprise updated successfully")]
    message: Option<&'static str>,
    /// The enterprise as it is now.
    enterprise: EnterpriseBody,
}

impl EnterpriseAnswer {
    fn new(message: &'static str, enterprise: Enterprise) -> Self {
        Self { message: Some(message), enterprise: enterprise.into() }
    }
}

/// The enterprise that was created: what is kept for the repetition of the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MadeEnterprise {
    enterprise_id: EnterpriseId,
}

/// List the enterprises
///
/// A token that is limited to one enterprise sees that one alone.
#[utoipa::path(
    get, path = "/enterprise", tag = "directory", operation_id = "listEnterprises", params(PageParams, ArchivedParams),
    responses((status = 200, body = Answer<EnterpriseList>))
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    PageQuery { page, archived }: PageQuery<NameCursor>,
) -> Result<Json<Answer<EnterpriseList>>, ApiError> {
    let reach = caller.reach().clone();
    let read = state.read_page(page, move |tx, page| tx.enterprises(&reach, archived, page));
    let (enterprises, paging): (Vec<EnterpriseBody>, _) = read.await?;
    let enterprises = enterprises.into_iter().map(|enterprise| enterprise.within(caller.reach())).collect();
    Ok(state.success(EnterpriseList { enterprises, paging }))
}

/// Create an enterprise
///
/// Without an `id` its name gives one. An id stays taken while what has it is archived.
#[utoipa::path(
    post, path = "/enterprise", tag = "directory", operation_id = "createEnterprise", params(IdempotencyParams),
    request_body(content = NewEnterprise, example = json!({"id": "acme", "name": "Acme"})),
    responses((status = 201, body = Answer<EnterpriseAnswer>))
)]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    IdempotentBody { body, once }: IdempotentBody<NewEnterprise>,
) -> Result<Response, ApiError> {
    let ((id, name), actor) = (check_new(body.id, &body.name)?, caller.actor());
    let work = move |tx: &WriteTx<'_>| {
        let created = tx.create_enterprise(id, &name)?;
        let entry =
            AuditEntry::of(AuditAction::EnterpriseCreate, created.id.as_str()).after(json!({"name": created.name}));
        tx.audit(&actor, &entry)?;
        Ok(MadeEnterprise { enterprise_id: created.id })
    };
    let answer = |tx: &WriteTx<'_>, made: &MadeEnterprise| {
        let created = tx.enterprise(&made.enterprise_id)?;
        Ok(Answer::new(EnterpriseAnswer::new("Enterprise added successfully", created), tx.now()))
    };
    once.write(&state.store, StatusCode::CREATED, work, answer).await
}

/// One enterprise
///
/// To a token that does not reach the whole of it, its id and name alone.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}", tag = "directory", operation_id = "getEnterprise",
    responses((status = 200, body = Answer<EnterpriseAnswer>))
)]
pub async fn get(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(id): PathIds<EnterpriseId>,
) -> Result<Json<Answer<EnterpriseAnswer>>, ApiError> {
    let enterprise = EnterpriseBody::from(state.store.read(move |tx| tx.enterprise(&id)).await?);
    Ok(state.success(EnterpriseAnswer { message: None, enterprise: enterprise.within(caller.reach()) }))
}

/// Rename an enterprise, or change what its employees share
#[utoipa::path(
    put, path = "/enterprise/{enterpriseId}", tag = "directory", operation_id = "changeEnterprise",
    request_body(content = EnterpriseChanges, example = json!({"name": "Acme International"})),
    responses((status = 200, body = Answer<EnterpriseAnswer>))
)]
pub async fn change(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(id): PathIds<EnterpriseId>,
    Json(body): Json<EnterpriseChanges>,
) -> Result<Json<Answer<EnterpriseAnswer>>, ApiError> {
    let name = check_changes(body.id.as_ref(), body.name.as_ref(), id.as_str())?;
    let actor = caller.actor();
    let work = state.store.write(move |tx| {
        let before = tx.enterprise(&id)?;
        let mut after = before.clone();
        if let Some(name) = name {
            after = tx.rename_enterprise(&id, &name)?;
            audit_renaming(tx, &actor, AuditAction::EnterpriseChange, id.to_string(), [&before.name, &after.name])?;
        }
        if let Some(sharing) = body.sharing.filter(|sharing| *sharing != before.sharing) {
            after = tx.set_sharing(&id, sharing)?;
            let entry = AuditEntry::of(AuditAction::EnterpriseChange, id.to_string());
            tx.audit(
                &actor,
                &entry.before(json!({"sharing": before.sharing})).after(json!({"sharing": after.sharing})),
            )?;
        }
        Ok(after)
    });
    Ok(state.success(EnterpriseAnswer::new("Enterprise updated successfully", work.await?)))
}

/// Archive an enterprise, or destroy it
///
/// What is archived is in no list and no summary and keeps its id; it can be restored. With `purge=true` the enterprise,
/// archived or not, is gone at once, and its rows follow in the background; the answer (202) says how much that is. The
/// tokens that are limited to it stop working.
#[utoipa::path(
    delete, path = "/enterprise/{enterpriseId}",
    tag = "directory", operation_id = "deleteEnterprise", params(PurgeParams),
    responses(
        (status = 200, body = Answer<Removed>),
        (status = 202, description = "It is being destroyed", body = Answer<Removed>)
    )
)]
pub async fn remove(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(id): PathIds<EnterpriseId>,
    Query(params): Query<PurgeParams>,
) -> Result<Response, ApiError> {
    let target = id.to_string();
    let answer = Removed { enterprise_id: Some(id.clone()), ..Removed::default() };
    let (to_purge, actor) = (id.clone(), caller.actor());
    let archive = move |tx: &WriteTx<'_>| tx.archive_enterprise(&id);
    let purge = move |tx: &WriteTx<'_>| tx.purge_enterprise(&to_purge, &actor);
    Removal { kind: &KIND, target, answer, archive, purge }.run(&state, &caller, params).await
}

/// Restore an archived enterprise
///
/// What was archived within it on its own stays archived. Restoring what is not archived changes nothing.
#[utoipa::path(
    post, path = "/enterprise/{enterpriseId}/restore", tag = "directory", operation_id = "restoreEnterprise",
    responses((status = 200, body = Answer<EnterpriseAnswer>), (status = 409))
)]
pub async fn restore(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(id): PathIds<EnterpriseId>,
) -> Result<Json<Answer<EnterpriseAnswer>>, ApiError> {
    let enterprise = KIND.restore(&state, &caller, id.to_string(), move |tx| tx.restore_enterprise(&id)).await?;
    Ok(state.success(EnterpriseAnswer::new("Enterprise restored successfully", enterprise)))
}
