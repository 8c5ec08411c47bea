//! Who is calling: a bearer token becomes a [`Caller`], or the request ends here.
//!
//! Tokens that memory knows cost no database and no limit. One that it does not know is looked up, because it may have
//! been made on the command line a moment ago; those look-ups are what guessing would exhaust, so the
//! [limiter](limiter::SignInLimiter) stands before them.

pub mod limiter;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use futures_util::future::BoxFuture;

use self::limiter::SignInLimiter;
use super::error::ApiError;
use super::server::PeerAddress;
use super::settings::HttpSettings;
use crate::access::{Access, Recognition};
use crate::clock::Clock;
use crate::domain::access::{Reach, Role, Token};
use crate::store::Actor;

/// Longest text that is looked at as a token, in bytes; Muster's own are far shorter.
const TOKEN_LEN_MAX: usize = 256;

/// Where tokens are kept, as the HTTP layer sees it.
pub trait Tokens: Send + Sync + 'static {
    /// The token with this secret, if memory knows it, expired or not. On the path of every request: no lock held long, no
    /// database.
    fn known(&self, secret: &str) -> Option<Arc<Token>>;

    /// The token with this secret, if the database knows it.
    fn look_up<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<Token>>, ApiError>>;
}

impl Tokens for Access {
    fn known(&self, secret: &str) -> Option<Arc<Token>> {
        match self.recognise(secret) {
            Recognition::Valid(token) | Recognition::Expired(token) => Some(token),
            Recognition::Invalid | Recognition::Unknown => None,
        }
    }

    fn look_up<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<Token>>, ApiError>> {
        Box::pin(async move {
            // A wrong secret for an id that memory knows is wrong in the database, too.
            match self.recognise(secret) {
                Recognition::Valid(token) | Recognition::Expired(token) => Ok(Some(token)),
                Recognition::Invalid => Ok(None),
                Recognition::Unknown => Ok(Self::look_up(self, secret).await?),
            }
        })
    }
}

/// Turns the credentials of a request into a [`Caller`].
pub struct Gate {
    tokens: Arc<dyn Tokens>,
    limiter: SignInLimiter,
    clock: Clock,
}

impl Gate {
    /// A gate before these tokens.
    #[must_use]
    pub fn new(tokens: Arc<dyn Tokens>, settings: &HttpSettings, clock: Clock) -> Self {
        Self { tokens, limiter: SignInLimiter::new(settings, clock.clone()), clock }
    }

    /// Who is calling. Reads nothing but headers.
    pub async fn admit(&self, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
        let secret = bearer_token(headers)?;
        let token = match self.tokens.known(secret) {
            Some(token) => Some(token),
            None => self.look_up(secret, address).await?,
        };
        let token = token.ok_or_else(|| ApiError::unauthorized("This token is not known, or was revoked"))?;
        if token.expires_at.is_some() && !token.is_valid_at(self.clock.now()) {
            return Err(ApiError::unauthorized("This token has expired"));
        }
        Ok(Caller { token, address })
    }

    async fn look_up(&self, secret: &str, address: IpAddr) -> Result<Option<Arc<Token>>, ApiError> {
        self.limiter.allow(address).map_err(|wait| {
            let secs = wait.as_secs().max(1);
            ApiError::too_many_requests("Too many requests with unknown tokens; wait a little", secs)
        })?;
        let token = self.tokens.look_up(secret).await?;
        if token.is_none() {
            self.limiter.failed(address);
        }
        Ok(token)
    }
}

/// The token of `Authorization: Bearer <token>`.
fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value =
        values.next().ok_or_else(|| ApiError::unauthorized("A token is needed: Authorization: Bearer <token>"))?;
    let token = value.to_str().ok().filter(|_| values.next().is_none()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        let is_possible = scheme.eq_ignore_ascii_case("bearer")
            && (1..=TOKEN_LEN_MAX).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        is_possible.then_some(token)
    });
    token.ok_or_else(|| ApiError::unauthorized("The header Authorization must read: Bearer <token>"))
}

/// Who is calling, once the route's check has let the request through. A handler can get it only on such a route, and
/// gets the [`Reach`] for the store only from it.
#[derive(Clone, Debug)]
pub struct Caller {
    token: Arc<Token>,
    address: IpAddr,
}

impl Caller {
    /// The public id of the caller's token.
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

    /// How far the caller reaches.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.token.reach
    }

    /// Where the caller calls from, for the audit log.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Who acts, for the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let name = match self.name() {
            "" => format!("token {}", self.token_id()),
            name => format!("{name} (token {})", self.token_id()),
        };
        Actor { name, address: self.address.to_canonical().to_string() }
    }

    /// Refuses a part of a route that takes more than the route itself, such as `?purge=true`.
    pub fn must_be(&self, role: Role) -> Result<(), ApiError> {
        if self.role() >= role { Ok(()) } else { Err(role_needed(role)) }
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

/// The address of the other end. Requests that no connection carried (in tests) come from nowhere.
pub(super) fn address_of(peer: Option<PeerAddress>) -> IpAddr {
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::domain::ids::EnterpriseId;
    use crate::domain::time::Timestamp;

    /// Tokens for tests: `role` or `role@enterprise`, prefixed `new-` for one that only the database knows, and `old`
    /// for an expired one.
    #[derive(Default)]
    pub(crate) struct SampleTokens {
        pub(crate) looked_up: Mutex<Vec<String>>,
    }

    fn sample(text: &str) -> Option<Arc<Token>> {
        let (role, enterprise) = text.split_once('@').map_or((text, None), |(role, id)| (role, Some(id)));
        let expires_at = (role == "old").then(|| Timestamp::from_millis(0));
        Some(Arc::new(Token {
            id: format!("id-of-{text}"),
            name: text.to_owned(),
            role: if role == "old" { Role::Viewer } else { Role::parse(role)? },
            reach: match enterprise {
                Some(id) => Reach::Enterprise(EnterpriseId::parse(id).unwrap()),
                None => Reach::Installation,
            },
            created_at: Timestamp::from_millis(0),
            expires_at,
            last_used_at: None,
        }))
    }

    impl Tokens for SampleTokens {
        fn known(&self, secret: &str) -> Option<Arc<Token>> {
            sample(secret)
        }

        fn look_up<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<Token>>, ApiError>> {
            self.looked_up.lock().unwrap().push(secret.to_owned());
            Box::pin(async move { Ok(secret.strip_prefix("new-").and_then(sample)) })
        }
    }

    pub(crate) fn sample_clock() -> Clock {
        Clock::manual(Timestamp::from_millis(1_763_800_000_000))
    }

    fn gate(clock: &Clock) -> (Gate, Arc<SampleTokens>) {
        let tokens = Arc::new(SampleTokens::default());
        let settings = HttpSettings { failed_sign_ins_per_minute_max: 2, ..HttpSettings::default() };
        (Gate::new(Arc::clone(&tokens) as Arc<dyn Tokens>, &settings, clock.clone()), tokens)
    }

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn tokens_come_as_bearer_tokens() {
        let (gate, _) = gate(&sample_clock());
        let check = async |authorization: &str, expected: Result<&str, u16>| {
            let outcome = gate.admit(&headers(authorization), HOME).await;
            let outcome = outcome.as_ref().map(Caller::name).map_err(|error| error.status().as_u16());
            assert_eq!(outcome, expected, "{authorization:?}");
        };
        check("Bearer viewer", Ok("viewer")).await;
        check("bEARER   manager@acme ", Ok("manager@acme")).await;
        check("Bearer new-admin", Ok("admin")).await;
        check("Bearer old", Err(401)).await;
        check("Bearer wrong", Err(401)).await;
        check("Bearer", Err(401)).await;
        check("Bearer two words", Err(401)).await;
        check("Basic dmlld2VyOg==", Err(401)).await;
        check(&format!("Bearer {}", "x".repeat(257)), Err(401)).await;
        assert_eq!(gate.admit(&HeaderMap::new(), HOME).await.unwrap_err().status(), 401);
        let mut twice = headers("Bearer viewer");
        twice.append(AUTHORIZATION, "Bearer admin".parse().unwrap());
        assert_eq!(gate.admit(&twice, HOME).await.unwrap_err().status(), 401);
    }

    #[tokio::test]
    async fn guessing_reaches_neither_the_database_nor_those_who_know_their_token() {
        let clock = sample_clock();
        let (gate, tokens) = gate(&clock);
        let status = async |secret: &str| match gate.admit(&headers(&format!("Bearer {secret}")), HOME).await {
            Ok(_) => 200,
            Err(error) => error.status().as_u16(),
        };
        assert_eq!(status("guess-1").await, 401);
        assert_eq!(status("guess-2").await, 401);
        assert_eq!(status("guess-3").await, 429);
        assert_eq!(tokens.looked_up.lock().unwrap().len(), 2);
        assert_eq!(status("viewer").await, 200);
        clock.advance(Duration::from_secs(61));
        assert_eq!(status("guess-4").await, 401);
    }
}
