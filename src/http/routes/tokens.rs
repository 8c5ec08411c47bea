//! API tokens.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::id_and_name::checked_id;
use crate::access::{IDS_MADE_MAX, MintedToken, is_id_taken, mint};
use crate::domain::FieldError;
use crate::domain::access::{Reach, Role, TOKEN_LIFE_MAX, TOKEN_LIFE_MIN, Token};
use crate::domain::directory::Name;
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId, InvalidId};
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::extract::{Json, PathIds, Span, TokenId, span_schema};
use crate::http::field_types::{DirectoryText, Id};
use crate::http::state::AppState;

/// A token, without what grants access.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Token)]
pub struct TokenBody {
    /// Its public id, by which it is revoked.
    #[schema(example = "01k5n8w3q7r2v")]
    id: String,
    /// What its maker called it.
    #[schema(example = "reporting")]
    name: String,
    /// What it allows.
    role: Role,
    /// The enterprise it is limited to; null when it reaches all.
    #[schema(required, value_type = Option<String>, example = "acme")]
    enterprise_id: Option<EnterpriseId>,
    /// The departments of that enterprise it is limited to; null when it is limited to none.
    #[schema(required, value_type = Option<Vec<String>>, example = json!(["sales"]))]
    department_ids: Option<Vec<DepartmentId>>,
    /// The employees of that enterprise to whose contacts it is limited; null when it is limited to none.
    #[schema(required, value_type = Option<Vec<String>>, example = json!(["u1"]))]
    employee_ids: Option<Vec<EmployeeId>>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it stops working; null for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was last used, to the minute; null for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<Token> for TokenBody {
    fn from(token: Token) -> Self {
        let Token { id, name, role, reach, created_at, expires_at, last_used_at } = token;
        let enterprise_id = reach.enterprise().cloned();
        let department_ids = reach.departments().map(<[_]>::to_vec);
        let employee_ids = reach.employees().map(<[_]>::to_vec);
        Self { id, name, role, enterprise_id, department_ids, employee_ids, created_at, expires_at, last_used_at }
    }
}

/// Every token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TokenList)]
pub struct TokenListBody {
    /// The tokens, oldest first.
    tokens: Vec<TokenBody>,
    #[serde(flatten)]
    paging: Paging,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub struct TokenCreated {
    /// What happened.
    #[schema(example = "Token created successfully; it is shown only now")]
    message: &'static str,
    /// The token as it is listed.
    token: TokenBody,
    /// What its holder sends. It cannot be shown again.
    #[schema(example = "muster_01k5n8w3q7r2v_2vTqF…")]
    secret: String,
}

/// That a token was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRevoked {
    /// What happened.
    #[schema(example = "Token revoked successfully")]
    message: &'static str,
    /// The token that works no longer.
    #[schema(example = "01k5n8w3q7r2v")]
    token_id: String,
}

/// A token that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewToken)]
pub struct NewTokenBody {
    /// What to call it in lists; at most 200 characters.
    name: Option<DirectoryText>,
    /// What it allows.
    role: Role,
    /// The enterprise to limit it to; without one it reaches all.
    enterprise_id: Option<Id>,
    /// The departments of that enterprise to limit it to, at most 100.
    #[schema(max_items = 100)]
    department_ids: Option<Vec<Id>>,
    /// The employees of that enterprise to whose contacts to limit it, at most 100; instead of `departmentIds`.
    #[schema(max_items = 100)]
    employee_ids: Option<Vec<Id>>,
    /// How long it works: milliseconds, or a text such as `90d`. Without it and `expiresAt`, until it is revoked.
    expires_in: Option<TokenSpan>,
    /// Until when it works; instead of `expiresIn`.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<String>,
}

/// How long a token lives.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct TokenSpan(Span);

impl PartialSchema for TokenSpan {
    fn schema() -> RefOr<Schema> {
        span_schema(TOKEN_LIFE_MIN, TOKEN_LIFE_MAX).into()
    }
}

impl ToSchema for TokenSpan {}

impl NewTokenBody {
    /// The token's name, reach and end.
    fn check(self, now: Timestamp) -> Result<(String, Reach, Option<Timestamp>), ApiError> {
        // A blank name is no name.
        let name = self.name.filter(|name| !name.trim().is_empty());
        let name = name.map(|name| Name::parse("name", &name)).transpose();
        let reach = reach_of(self.enterprise_id, self.department_ids, self.employee_ids);
        let end = end_of_life(now, self.expires_in, self.expires_at.as_deref()).map_err(|error| vec![error]);
        match (name, reach, end) {
            (Ok(name), Ok(reach), Ok(end)) => {
                let name = name.map_or(String::new(), |name| name.as_str().to_owned());
                Ok((name, reach, end))
            }
            (name, reach, end) => {
                let errors = name.err().into_iter().chain(reach.err().into_iter().flatten());
                Err(ApiError::invalid(errors.chain(end.err().into_iter().flatten()).collect()))
            }
        }
    }
}

/// Reads a reach from the ids that a body gives. An empty list is refused: it would read as no limit.
fn reach_of(
    enterprise: Option<Id>,
    departments: Option<Vec<Id>>,
    employees: Option<Vec<Id>>,
) -> Result<Reach, Vec<FieldError>> {
    let enterprise = checked_id("enterpriseId", enterprise).map_err(|error| vec![error])?;
    let departments = checked_ids("departmentIds", departments)?;
    let employees = checked_ids("employeeIds", employees)?;
    Reach::of_ids(enterprise, departments, employees).map_err(|error| vec![error])
}

fn checked_ids<I>(field: &str, ids: Option<Vec<Id>>) -> Result<Vec<I>, Vec<FieldError>>
where
    I: TryFrom<String, Error = InvalidId>,
{
    let Some(ids) = ids else { return Ok(Vec::new()) };
    if ids.is_empty() {
        return Err(vec![FieldError::new(field, "must name one at least")]);
    }
    let mut checked = Vec::with_capacity(ids.len());
    let mut errors = Vec::new();
    for (place, id) in ids.into_iter().enumerate() {
        match I::try_from(id.into()) {
            Ok(id) => checked.push(id),
            Err(error) => errors.push(error.in_field(&format!("{field}[{place}]"))),
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

fn end_of_life(now: Timestamp, life: Option<TokenSpan>, end: Option<&str>) -> Result<Option<Timestamp>, FieldError> {
    let (field, life) = match (life, end) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(FieldError::new("expiresAt", "cannot be combined with expiresIn")),
        (Some(TokenSpan(Span(life))), None) => ("expiresIn", life),
        (None, Some(end)) => {
            let end = Timestamp::parse(end).ok_or_else(|| FieldError::new("expiresAt", "must be an RFC 3339 time"))?;
            let millis = u64::try_from(end.millis() - now.millis()).unwrap_or(0);
            ("expiresAt", Duration::from_millis(millis))
        }
    };
    if !(TOKEN_LIFE_MIN..=TOKEN_LIFE_MAX).contains(&life) {
        return Err(FieldError::new(field, "must leave the token from one minute to ten years"));
    }
    let millis = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
    Ok(Some(Timestamp::from_millis(now.millis().saturating_add(millis))))
}

/// List the tokens
#[utoipa::path(
    get, path = "/tokens", tag = "access", operation_id = "listTokens",
    responses((status = 200, body = Answer<TokenListBody>))
)]
pub async fn list(State(state): State<AppState>) -> Result<Json<Answer<TokenListBody>>, ApiError> {
    let tokens = state.store.read(|tx| tx.tokens()).await?;
    let paging = Paging::whole(tokens.len());
    Ok(state.success(TokenListBody { tokens: tokens.into_iter().map(Into::into).collect(), paging }))
}

/// Make a token
///
/// The answer shows its secret, once.
#[utoipa::path(
    post, path = "/tokens", tag = "access", operation_id = "createToken",
    request_body(content = NewTokenBody, example = json!({
        "name": "reporting", "role": "viewer", "enterpriseId": "acme", "expiresIn": "90d"
    })),
    responses((status = 201, body = Answer<TokenCreated>), (status = 404))
)]
pub async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<NewTokenBody>,
) -> Result<Response, ApiError> {
    let now = state.clock.now();
    let role = body.role;
    let (name, reach, expires_at) = body.check(now)?;
    let mut made = 1;
    let (token, secret) = loop {
        let MintedToken { secret, stored } =
            mint(name.clone(), role, reach.clone(), now, expires_at).map_err(ApiError::internal)?;
        let actor = caller.actor();
        match state.store.write(move |tx| tx.create_token(&stored, &actor)).await {
            Err(error) if is_id_taken(&error) && made < IDS_MADE_MAX => made += 1,
            outcome => break (TokenBody::from(outcome?), secret),
        }
    };
    let message = "Token created successfully; it is shown only now";
    let headers = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, headers, state.success(TokenCreated { message, token, secret })).into_response())
}

/// Revoke a token
///
/// It is refused from the next request on. Any token may be revoked, the caller's own and the last administrator's
/// included, because one that leaked has to go at once; `muster token create` on the server always makes a new one.
#[utoipa::path(
    delete, path = "/tokens/{tokenId}", tag = "access", operation_id = "revokeToken",
    responses((status = 200, body = Answer<TokenRevoked>))
)]
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(TokenId(id)): PathIds<TokenId>,
) -> Result<Json<Answer<TokenRevoked>>, ApiError> {
    let actor = caller.actor();
    let token_id = id.clone();
    state.store.write(move |tx| tx.revoke_token(&id, &actor)).await?;
    Ok(state.success(TokenRevoked { message: "Token revoked successfully", token_id }))
}
