//! Signing in and out, and the sessions of browsers.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::access::links::{LinkId, LinkStanding};
use crate::access::sessions::{MintedSession, mint_session};
use crate::access::{IDS_MADE_MAX, OpenSession, is_id_taken};
use crate::domain::FieldError;
use crate::domain::access::{Role, Session, Token};
use crate::domain::ids::{DepartmentId, EmployeeId, EnterpriseId};
use crate::domain::page::{PageStart, TimeCursor};
use crate::domain::time::Timestamp;
use crate::http::answer::{Answer, Paging};
use crate::http::auth::{Caller, address_of, is_possible, link_refused};
use crate::http::error::ApiError;
use crate::http::extract::{Json, PageParams, PageQuery, PathIds, SessionId};
use crate::http::state::AppState;
use crate::store::Actor;

/// What somebody signs in with: one of the two.
#[derive(Deserialize)]
pub struct SignInSecret {
    /// A token.
    token: Option<String>,
    /// The code of a one-time link.
    code: Option<String>,
}

/// What a link's code is.
const CODE: &str = "The code of a one-time link, as `muster sign-in-link` prints it behind `#/sign-in/`";

// No derive says that one field is there and the other is not.
impl PartialSchema for SignInSecret {
    fn schema() -> RefOr<Schema> {
        let [token, code] = [("token", "A token"), ("code", CODE)].map(|(field, description)| {
            let secret = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
            let other = if field == "token" { "code" } else { "token" };
            let none = ObjectBuilder::new().schema_type(Type::Null).description(Some("Absent"));
            ObjectBuilder::new().property(field, secret).required(field).property(other, none)
        });
        let either = OneOfBuilder::new().item(token).item(code);
        either.description(Some("What somebody signs in with: one of the two")).into()
    }
}

impl ToSchema for SignInSecret {}

/// Who the caller is.
#[derive(Debug, Serialize, ToSchema)]
pub struct CurrentSession {
    /// The session, or what the token allows where the request came with one.
    session: SessionBody,
}

/// A session as its holder sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
pub struct SessionBody {
    /// Its public id; null where the request came with a bearer token.
    #[schema(required, example = "01k5n8w3q7r2v")]
    id: Option<String>,
    /// The token that it counts as; null where a one-time link opened it.
    #[schema(required, example = "01k5n8w3q7r2t")]
    token_id: Option<String>,
    /// What the token is called, or `sign-in link`.
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
    /// When it was opened; of a bearer token, when it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends by itself; null for a bearer token that does not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl SessionBody {
    fn of_session(session: Session) -> Self {
        let Token { name, role, reach, .. } = session.counts_as();
        Self {
            id: Some(session.id),
            token_id: session.token.map(|token| token.id),
            name,
            role,
            enterprise_id: reach.enterprise().cloned(),
            department_ids: reach.departments().map(<[_]>::to_vec),
            employee_ids: reach.employees().map(<[_]>::to_vec),
            created_at: session.created_at,
            expires_at: Some(session.expires_at),
        }
    }

    fn of_token(token: Token) -> Self {
        let Token { id, name, role, reach, created_at, expires_at, .. } = token;
        Self {
            id: None,
            token_id: Some(id),
            name,
            role,
            enterprise_id: reach.enterprise().cloned(),
            department_ids: reach.departments().map(<[_]>::to_vec),
            employee_ids: reach.employees().map(<[_]>::to_vec),
            created_at,
            expires_at,
        }
    }
}

/// The sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions that have not ended, newest first.
    sessions: Vec<ListedSession>,
    #[serde(flatten)]
    paging: Paging,
}

/// A session as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedSession {
    #[serde(flatten)]
    session: SessionBody,
    /// When it was last used, to the minute; null for never.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// The address that it was opened from.
    #[schema(example = "127.0.0.1")]
    address: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// That a session has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEnded {
    /// What happened.
    #[schema(example = "Session revoked successfully")]
    message: &'static str,
    /// The session that works no longer.
    #[schema(example = "01k5n8w3q7r2v")]
    session_id: String,
}

/// An answer that changes the browser's session cookie.
type WithCookie<T> = ([(axum::http::HeaderName, HeaderValue); 1], Json<Answer<T>>);

/// Sign in
///
/// Exchanges a token, or the code of a one-time link, for a session, which comes as a cookie that scripts cannot read and
/// lasts 12 hours. A session counts as the token it was opened with and ends with it; one that a link opened counts as an
/// administrator's. A link works once, within 15 minutes. A session that the browser had before ends.
#[utoipa::path(
    post, path = "/session", tag = "access", operation_id = "signIn",
    request_body(content = SignInSecret, example = json!({"token": "muster_01k5n8w3q7r2v_2vTqF…"})),
    responses((
        status = 200, body = Answer<CurrentSession>,
        headers((
            "Set-Cookie" = String,
            description = "`muster_session`, under TLS `__Host-muster_session` (below a base path `__Secure-` and the \
                path): HttpOnly, SameSite=Strict, and Secure under TLS, the server's own or that of `public-url`"
        ))
    ), (
        status = 401, description = "The token or code does not work"
    ), (
        status = 403, description = "The token only adds contacts"
    ), (
        status = 429, description = "Too many unknown tokens"
    ))
)]
pub async fn sign_in(
    State(state): State<AppState>,
    headers: HeaderMap,
    extensions: Extensions,
    Json(body): Json<SignInSecret>,
) -> Result<WithCookie<CurrentSession>, ApiError> {
    let address = address_of(extensions.get().copied());
    let before = state.authenticator.known_session(&headers).map(|open| open.session.id.clone());
    let (secret, open) = match (body.token, body.code) {
        (Some(token), None) => by_token(&state, token.trim(), address, before).await?,
        (None, Some(code)) => by_link(&state, code.trim(), address, before).await?,
        (None, None) => return Err(ApiError::invalid(vec![FieldError::new("token", "is required, or a code")])),
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(vec![FieldError::new("code", "cannot be combined with token")]));
        }
    };
    let cookie = state.authenticator.cookie().given(&secret, &open.session, state.clock.now());
    let session = SessionBody::of_session(open.session);
    Ok(([(SET_COOKIE, cookie)], state.success(CurrentSession { session })))
}

async fn by_token(
    state: &AppState,
    secret: &str,
    address: IpAddr,
    before: Option<String>,
) -> Result<(String, OpenSession), ApiError> {
    let gone = || ApiError::unauthorized("This token is not known, or was revoked");
    if !is_possible(secret) {
        return Err(gone());
    }
    let token = state.authenticator.token(secret, address).await?;
    if token.role == Role::Intake {
        return Err(ApiError::forbidden("A token with the role intake only adds contacts; nobody can sign in with it"));
    }
    let actor = Caller::with_token(token.clone(), address).actor();
    open(state, Some(&token), None, address, before, actor).await?.ok_or_else(gone)
}

/// Opens a session with a new id and secret. None where the link or the token works no longer.
async fn open(
    state: &AppState,
    token: Option<&Token>,
    link: Option<LinkId>,
    address: IpAddr,
    before: Option<String>,
    actor: Actor,
) -> Result<Option<(String, OpenSession)>, ApiError> {
    let mut made = 1;
    loop {
        let MintedSession { secret, stored } =
            mint_session(token, written(address), state.clock.now()).map_err(ApiError::internal)?;
        match state.access.sign_in(stored, link.clone(), before.clone(), actor.clone()).await {
            Err(error) if is_id_taken(&error) && made < IDS_MADE_MAX => made += 1,
            outcome => return Ok(outcome?.map(|opened| (secret, opened))),
        }
    }
}

async fn by_link(
    state: &AppState,
    code: &str,
    address: IpAddr,
    before: Option<String>,
) -> Result<(String, OpenSession), ApiError> {
    if !is_possible(code) {
        return Err(link_refused(&LinkStanding::Unknown));
    }
    let link = state.authenticator.link(code, address).await?;
    let actor = link.actor(written(address));
    // None: another browser was faster.
    open(state, None, Some(link), address, before, actor).await?.ok_or_else(|| link_refused(&LinkStanding::Used))
}

fn written(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

/// Who am I
///
/// The session of the request's cookie, or what its bearer token allows.
#[utoipa::path(
    get, path = "/session", tag = "access", operation_id = "getSession",
    responses((status = 200, body = Answer<CurrentSession>))
)]
pub async fn current(State(state): State<AppState>, caller: Caller) -> Json<Answer<CurrentSession>> {
    let session = match caller.session() {
        Some(open) => SessionBody::of_session(open.session.clone()),
        None => SessionBody::of_token(caller.token().clone()),
    };
    state.success(CurrentSession { session })
}

/// Sign out
///
/// Ends the session of the request's cookie and takes the cookie away. A bearer token has no session: 404.
#[utoipa::path(
    delete, path = "/session", tag = "access", operation_id = "signOut",
    responses((status = 200, body = Answer<SessionEnded>), (status = 404))
)]
pub async fn sign_out(State(state): State<AppState>, caller: Caller) -> Result<WithCookie<SessionEnded>, ApiError> {
    let session_id = caller.session().ok_or_else(|| ApiError::not_found("Session"))?.session.id.clone();
    state.access.sign_out(session_id.clone(), caller.actor()).await?;
    let ended = SessionEnded { message: "Signed out successfully", session_id };
    Ok(([(SET_COOKIE, state.authenticator.cookie().taken_away())], state.success(ended)))
}

/// List the sessions
///
/// Newest first, without those that have ended. While the database cannot be written, those that are held in memory alone
/// come before them on the first page, beyond its limit.
#[utoipa::path(
    get, path = "/sessions", tag = "access", operation_id = "listSessions", params(PageParams),
    responses((status = 200, body = Answer<SessionList>))
)]
pub async fn list(
    State(state): State<AppState>,
    caller: Caller,
    PageQuery { page, .. }: PageQuery<TimeCursor>,
) -> Result<Json<Answer<SessionList>>, ApiError> {
    let limit = page.limit;
    let is_first = matches!(page.start, PageStart::First | PageStart::Number(1));
    let unstored = if is_first { state.access.unstored_sessions() } else { Vec::new() };
    let mut page = state.store.read(move |tx| tx.sessions(&page)).await?;
    page.total += unstored.len() as u64;
    page.items.splice(0..0, unstored);
    let paging = Paging::of(&page, limit);
    let own = caller.session().map(|open| &open.session.id);
    let sessions = page.items.into_iter().map(|session| ListedSession {
        last_used_at: session.last_used_at,
        address: session.address.clone(),
        current: own == Some(&session.id),
        session: SessionBody::of_session(session),
    });
    Ok(state.success(SessionList { sessions: sessions.collect(), paging }))
}

/// Revoke a session
///
/// It is refused from the next request on, and its event streams end.
#[utoipa::path(
    delete, path = "/sessions/{sessionId}", tag = "access", operation_id = "revokeSession",
    responses((status = 200, body = Answer<SessionEnded>))
)]
pub async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    PathIds(SessionId(id)): PathIds<SessionId>,
) -> Result<Json<Answer<SessionEnded>>, ApiError> {
    state.access.revoke_session(id.clone(), caller.actor()).await?;
    Ok(state.success(SessionEnded { message: "Session revoked successfully", session_id: id }))
}
