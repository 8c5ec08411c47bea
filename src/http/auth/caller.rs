//! Who is calling, as handlers see it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::OpenSession;
use crate::domain::access::{Reach, Role, Token};
use crate::http::error::ApiError;
use crate::store::Actor;

/// Who is calling, once the route's check has let the request through. A handler can get it only on such a route, and
/// gets the [`Reach`] for the store only from it.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) token: Arc<Token>,
    /// What the caller reads, where that is more than the token reaches.
    pub(super) reads: Option<Arc<Reach>>,
    pub(super) session: Option<Arc<OpenSession>>,
    pub(super) address: IpAddr,
}

impl Caller {
    /// Somebody who has shown this token in another way than by a header.
    pub(crate) fn with_token(token: Arc<Token>, address: IpAddr) -> Self {
        Self { token, reads: None, session: None, address }
    }

    /// The session that the caller came with; none with a bearer token.
    #[must_use]
    pub fn session(&self) -> Option<&OpenSession> {
        self.session.as_deref()
    }

    /// The token that the caller came with, or that the session counts as.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The same, shared.
    #[must_use]
    pub fn shared_token(&self) -> &Arc<Token> {
        &self.token
    }

    /// The id of what the caller came with, the session's or the token's, by which
    /// [`Access::holds`](crate::access::Access::holds) says whether it still works.
    #[must_use]
    pub fn credential_id(&self) -> &str {
        self.session.as_ref().map_or(&self.token.id, |session| &session.session.id)
    }

    /// The public id of the caller's token; for a session that a link opened, its own.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token.id
    }

    /// What the maker of the token called it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.token.name
    }

    /// What the caller may do.
    #[must_use]
    pub fn role(&self) -> Role {
        self.token.role
    }

    /// How far the caller reaches with this request: a token that is limited to employees reads what their enterprise
    /// shares with them, and changes what is theirs alone.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        self.reads.as_deref().unwrap_or(&self.token.reach)
    }

    /// Where the caller calls from, for the audit log.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Who acts, for the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        // A session that a link opened has no token.
        let has_token = self.session.as_ref().is_none_or(|session| session.session.token.is_some());
        Actor {
            name: self.name().to_owned(),
            token_id: has_token.then(|| self.token_id().to_owned()),
            session_id: self.session.as_ref().map(|session| session.session.id.clone()),
            address: self.address.to_canonical().to_string(),
        }
    }

    /// Lets the caller read this much.
    pub(in crate::http) fn set_reads(&mut self, reach: Reach) {
        self.reads = Some(Arc::new(reach));
    }

    /// Refuses a part of a route that takes more than the route itself, such as `?purge=true`.
    pub fn must_be(&self, role: Role) -> Result<(), ApiError> {
        if self.role().may(role) { Ok(()) } else { Err(role_needed(role)) }
    }
}

fn role_needed(role: Role) -> ApiError {
    ApiError::forbidden(format!("This takes a token with the role {}", role.as_str()))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| ApiError::internal("a public route asks who is calling"))
    }
}
