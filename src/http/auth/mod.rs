//! Who is calling: a bearer token or a session's cookie becomes a [`Caller`], or the request ends here.
//!
//! A bearer token wins where a request has both. A change that is made with a cookie must come from Muster's own pages.
//!
//! Tokens that memory knows cost no database and no limit. One that it does not know is looked up, because it may have
//! been made on the command line a moment ago; those look-ups are what guessing would exhaust, so the
//! [limiter](limiter::SignInLimiter) stands before them.

mod caller;
pub mod cookie;
pub mod limiter;
mod origin;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use futures_util::future::BoxFuture;

pub use self::caller::Caller;

use self::cookie::SessionCookie;
use self::limiter::{Attempt, SignInLimiter};
use self::origin::{Provenance, provenance};
use super::error::ApiError;
use super::settings::HttpSettings;
use crate::access::links::{LinkId, LinkStanding};
use crate::access::sessions::{OpenSession, RecognisedSession};
use crate::access::{Access, Recognition};
use crate::clock::Clock;
use crate::config::WebOrigin;
use crate::domain::access::Token;
use crate::server::ClientAddress;

/// Longest text that is looked at as a token, in bytes; Muster's own are far shorter.
const TOKEN_LEN_MAX: usize = 256;

/// Where tokens, sessions and one-time links are kept, as the HTTP layer sees it.
pub trait Tokens: Send + Sync + 'static {
    /// The token with this secret, if memory knows it, expired or not. On the path of every request: no lock held long, no
    /// database.
    fn known(&self, secret: &str) -> Option<Arc<Token>>;

    /// The token with this secret, if the database knows it.
    fn look_up<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<Token>>, ApiError>>;

    /// The session with this secret, if memory knows it, ended or not. No database either.
    fn known_session(&self, secret: &str) -> Option<Arc<OpenSession>>;

    /// The session with this secret, if the database knows it.
    fn look_up_session<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<OpenSession>>, ApiError>>;

    /// What the database says of a one-time link's code.
    fn judge_link<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<LinkStanding, ApiError>>;

    /// Notes that so many from this address were not known, which is all that it may try for now.
    fn note_guessing(&self, address: IpAddr, failures: u32);
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

    fn known_session(&self, secret: &str) -> Option<Arc<OpenSession>> {
        match self.recognise_session(secret) {
            RecognisedSession::Known(session) => Some(session),
            RecognisedSession::Invalid | RecognisedSession::Unknown => None,
        }
    }

    fn look_up_session<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<OpenSession>>, ApiError>> {
        Box::pin(async move {
            match self.recognise_session(secret) {
                RecognisedSession::Known(session) => Ok(Some(session)),
                RecognisedSession::Invalid => Ok(None),
                RecognisedSession::Unknown => Ok(Self::look_up_session(self, secret).await?),
            }
        })
    }

    fn judge_link<'a>(&'a self, code: &'a str) -> BoxFuture<'a, Result<LinkStanding, ApiError>> {
        Box::pin(async move { Ok(Self::judge_link(self, code).await?) })
    }

    fn note_guessing(&self, address: IpAddr, failures: u32) {
        Self::note_guessing(self, address.to_canonical().to_string(), failures);
    }
}

/// Turns the credentials of a request into a [`Caller`].
pub struct Gate {
    tokens: Arc<dyn Tokens>,
    limiter: SignInLimiter,
    clock: Clock,
    cookie: SessionCookie,
    public_origin: Option<WebOrigin>,
}

impl Gate {
    /// A gate before these tokens, of a server that browsers reach by TLS or not.
    #[must_use]
    pub fn new(tokens: Arc<dyn Tokens>, settings: &HttpSettings, is_https: bool, clock: Clock) -> Self {
        let public_origin = settings.public_origin.clone();
        let cookie = SessionCookie::new(is_https, settings.base_path.as_ref());
        Self { tokens, limiter: SignInLimiter::new(settings, clock.clone()), clock, cookie, public_origin }
    }

    /// Who is calling. Reads nothing but headers.
    pub async fn admit(&self, method: &Method, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
        if let Some(secret) = self.session_shown(headers) {
            if !method.is_safe() && provenance(headers, self.public_origin.as_ref()) != Provenance::Own {
                return Err(foreign());
            }
            let session = self.session(secret, address).await?;
            return Ok(Caller { token: Arc::clone(&session.counts_as), session: Some(session), address });
        }
        let token = self.token(bearer_token(headers)?, address).await?;
        Ok(Caller { token, session: None, address })
    }

    /// Refuses a change to a public route, signing in above all, that a page of another site may have sent. A program, which
    /// says nothing of pages, may pass as long as it shows no cookie.
    pub fn refuse_foreign(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        if method.is_safe() || headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        match provenance(headers, self.public_origin.as_ref()) {
            Provenance::Own => Ok(()),
            Provenance::Unsaid if self.session_shown(headers).is_none() => Ok(()),
            Provenance::Unsaid | Provenance::Foreign => Err(foreign()),
        }
    }

    /// The token with this secret, if it works.
    pub async fn token(&self, secret: &str, address: IpAddr) -> Result<Arc<Token>, ApiError> {
        let token = match self.tokens.known(secret) {
            Some(token) => Some(token),
            None => self.look_up(address, || self.tokens.look_up(secret)).await?,
        };
        let token = token.ok_or_else(|| ApiError::unauthorized("This token is not known, or was revoked"))?;
        if token.expires_at.is_some() && !token.is_valid_at(self.clock.now()) {
            return Err(ApiError::unauthorized("This token has expired"));
        }
        Ok(token)
    }

    /// The one-time link with this code, if it works.
    pub async fn link(&self, code: &str, address: IpAddr) -> Result<LinkId, ApiError> {
        let attempt = self.allow(address)?;
        match self.tokens.judge_link(code).await {
            Ok(LinkStanding::Works(link)) => {
                self.limiter.succeeded(attempt);
                Ok(link)
            }
            Ok(standing) => {
                self.failed(attempt, address);
                Err(link_refused(&standing))
            }
            Err(error) => {
                self.limiter.succeeded(attempt);
                Err(error)
            }
        }
    }

    /// The session cookie, for those who give it out and take it away.
    #[must_use]
    pub fn cookie(&self) -> &SessionCookie {
        &self.cookie
    }

    /// The session that a request without a bearer token shows, if memory knows it and it has not ended.
    #[must_use]
    pub fn known_session(&self, headers: &HeaderMap) -> Option<Arc<OpenSession>> {
        let known = self.tokens.known_session(self.session_shown(headers)?)?;
        known.session.is_valid_at(self.clock.now()).then_some(known)
    }

    fn session_shown<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        if headers.contains_key(AUTHORIZATION) { None } else { self.cookie.read(headers) }
    }

    /// The session with this secret, if it works. Where it does not, the browser is told to forget the cookie: sent with
    /// every request of a page, it would soon count as guessing.
    async fn session(&self, secret: &str, address: IpAddr) -> Result<Arc<OpenSession>, ApiError> {
        let refused = |detail| Err(ApiError::unauthorized(detail).with_cookie(self.cookie.taken_away()));
        let session = match self.tokens.known_session(secret) {
            Some(session) => Some(session),
            None if is_possible(secret) => self.look_up(address, || self.tokens.look_up_session(secret)).await?,
            None => None,
        };
        match session {
            None => refused("This session has ended; sign in again"),
            Some(session) if !session.session.is_valid_at(self.clock.now()) => {
                refused("This session has expired; sign in again")
            }
            Some(session) => Ok(session),
        }
    }

    /// Looks something up in the database, unless there was too much of that.
    async fn look_up<'a, T>(
        &self,
        address: IpAddr,
        look_up: impl FnOnce() -> BoxFuture<'a, Result<Option<T>, ApiError>>,
    ) -> Result<Option<T>, ApiError> {
        let attempt = self.allow(address)?;
        let found = look_up().await;
        match found {
            Ok(None) => self.failed(attempt, address),
            _ => self.limiter.succeeded(attempt),
        }
        found
    }

    /// Counts what nobody knows. Whoever watches the log for guessing gets one line for each address and minute.
    fn failed(&self, attempt: Attempt, address: IpAddr) {
        if self.limiter.failed(attempt) {
            tracing::warn!(%address, "too many failed sign-ins from this address; it has to wait");
            self.tokens.note_guessing(address, self.limiter.failures_max());
        }
    }

    fn allow(&self, address: IpAddr) -> Result<Attempt, ApiError> {
        self.limiter.allow(address).map_err(|wait| {
            let secs = wait.as_secs().max(1);
            ApiError::too_many_requests("Too many requests with unknown tokens; wait a little", secs)
        })
    }
}

/// 403 for a change that is not known to come from one of Muster's own pages.
fn foreign() -> ApiError {
    ApiError::forbidden(
        "A change with a session cookie must come from Muster's own pages, and this request does not show that it does; \
         programs send Authorization: Bearer <token>",
    )
}

/// Why a link's code does not work, in words that help whoever has it.
pub(super) fn link_refused(standing: &LinkStanding) -> ApiError {
    ApiError::unauthorized(match standing {
        LinkStanding::Used | LinkStanding::Works(_) => {
            "This sign-in link has been used; muster sign-in-link makes another"
        }
        LinkStanding::Expired => "This sign-in link has expired; muster sign-in-link makes another",
        LinkStanding::Unknown => "This sign-in link is not known; muster sign-in-link makes another",
    })
}

/// Whether a text can be a token, a session or a code.
pub(super) fn is_possible(text: &str) -> bool {
    (1..=TOKEN_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The token of `Authorization: Bearer <token>`.
fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value =
        values.next().ok_or_else(|| ApiError::unauthorized("A token is needed: Authorization: Bearer <token>"))?;
    let token = value.to_str().ok().filter(|_| values.next().is_none()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && is_possible(token)).then_some(token)
    });
    token.ok_or_else(|| ApiError::unauthorized("The header Authorization must read: Bearer <token>"))
}

/// The address of the client. Requests that no connection carried (in tests) come from nowhere.
pub(super) fn address_of(client: Option<ClientAddress>) -> IpAddr {
    client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0)
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use axum::http::HeaderName;

    use super::*;
    use crate::domain::access::{Reach, Role, Session};
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
            Box::pin(async move {
                // Others have their turn meanwhile, as while the database is read.
                tokio::task::yield_now().await;
                Ok(secret.strip_prefix("new-").and_then(sample))
            })
        }

        fn known_session(&self, secret: &str) -> Option<Arc<OpenSession>> {
            let counts_as = sample(secret)?;
            let session = Session {
                id: format!("session-of-{secret}"),
                token: Some(Token::clone(&counts_as)),
                created_at: Timestamp::from_millis(0),
                expires_at: Timestamp::from_millis(i64::MAX),
                last_used_at: None,
                address: "127.0.0.1".to_owned(),
            };
            Some(Arc::new(OpenSession { session, counts_as }))
        }

        fn look_up_session<'a>(&'a self, secret: &'a str) -> BoxFuture<'a, Result<Option<Arc<OpenSession>>, ApiError>> {
            self.looked_up.lock().unwrap().push(secret.to_owned());
            Box::pin(async move { Ok(secret.strip_prefix("new-").and_then(|secret| self.known_session(secret))) })
        }

        fn judge_link<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<LinkStanding, ApiError>> {
            Box::pin(async { Ok(LinkStanding::Unknown) })
        }

        fn note_guessing(&self, _: IpAddr, _: u32) {}
    }

    pub(crate) fn sample_clock() -> Clock {
        Clock::manual(Timestamp::from_millis(1_763_800_000_000))
    }

    fn gate(clock: &Clock) -> (Gate, Arc<SampleTokens>) {
        let tokens = Arc::new(SampleTokens::default());
        let settings = HttpSettings { failed_sign_ins_per_minute_max: 2, ..HttpSettings::default() };
        (Gate::new(Arc::clone(&tokens) as Arc<dyn Tokens>, &settings, false, clock.clone()), tokens)
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
            let outcome = gate.admit(&Method::GET, &headers(authorization), HOME).await;
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
        assert_eq!(gate.admit(&Method::GET, &HeaderMap::new(), HOME).await.unwrap_err().status(), 401);
        let mut twice = headers("Bearer viewer");
        twice.append(AUTHORIZATION, "Bearer admin".parse().unwrap());
        assert_eq!(gate.admit(&Method::GET, &twice, HOME).await.unwrap_err().status(), 401);
    }

    #[tokio::test]
    async fn guessing_reaches_neither_the_database_nor_those_who_know_their_token() {
        let clock = sample_clock();
        let (gate, tokens) = gate(&clock);
        let status =
            async |secret: &str| match gate.admit(&Method::GET, &headers(&format!("Bearer {secret}")), HOME).await {
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

    #[tokio::test]
    async fn guesses_at_the_same_time_are_bounded_like_those_one_after_another() {
        let (gate, tokens) = gate(&sample_clock());
        let secrets: Vec<_> = (0..20).map(|guess| format!("guess-{guess}")).collect();
        let guesses = secrets.iter().map(|secret| gate.token(secret, HOME));
        let statuses =
            futures_util::future::join_all(guesses).await.into_iter().map(|guess| guess.unwrap_err().status());
        assert_eq!(statuses.filter(|status| *status == 401).count(), 2);
        assert_eq!(tokens.looked_up.lock().unwrap().len(), 2);
        // What is found costs nothing.
        let (gate, _) = self::gate(&sample_clock());
        for _ in 0..20 {
            gate.token("new-viewer", HOME).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_cookie_stands_in_for_a_token_and_changes_only_from_the_servers_own_pages() {
        let (gate, _) = gate(&sample_clock());
        let check = async |method: Method, lines: &[(&'static str, &str)], expected: Result<&str, u16>| {
            let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            let headers: HeaderMap = lines.collect();
            let outcome = gate.admit(&method, &headers, HOME).await;
            let outcome = outcome.as_ref().map(Caller::credential_id).map_err(|error| error.status().as_u16());
            assert_eq!(outcome, expected, "{method} {headers:?}");
        };
        let (cookie, own) = (("cookie", "muster_session=viewer"), ("sec-fetch-site", "same-origin"));
        let (foreign, bearer) = (("sec-fetch-site", "cross-site"), ("authorization", "Bearer admin"));
        check(Method::GET, &[cookie], Ok("session-of-viewer")).await;
        check(Method::HEAD, &[cookie, foreign], Ok("session-of-viewer")).await;
        check(Method::POST, &[cookie, own], Ok("session-of-viewer")).await;
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            check(method.clone(), &[cookie], Err(403)).await;
            check(method.clone(), &[cookie, foreign], Err(403)).await;
            check(method.clone(), &[cookie, foreign, bearer], Ok("id-of-admin")).await;
            check(method, &[cookie, own, ("authorization", "Basic x")], Err(401)).await;
        }
        check(Method::GET, &[("cookie", "muster_session=new-admin")], Ok("session-of-admin")).await;
        check(Method::GET, &[("cookie", "muster_session=old")], Err(401)).await;
        check(Method::GET, &[("cookie", "muster_session=")], Err(401)).await;
        check(Method::GET, &[("cookie", "other=viewer")], Err(401)).await;
    }

    #[tokio::test]
    async fn signing_in_is_not_for_pages_of_others() {
        let (gate, _) = gate(&sample_clock());
        let check = |method: Method, lines: &[(&'static str, &str)], is_allowed: bool| {
            let lines = lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            let headers: HeaderMap = lines.collect();
            assert_eq!(gate.refuse_foreign(&method, &headers).is_ok(), is_allowed, "{method} {headers:?}");
        };
        let (cookie, own) = (("cookie", "muster_session=viewer"), ("sec-fetch-site", "same-origin"));
        let (foreign, bearer) = (("origin", "https://evil.example"), ("authorization", "Bearer admin"));
        check(Method::POST, &[], true);
        check(Method::POST, &[own], true);
        check(Method::POST, &[own, cookie], true);
        check(Method::POST, &[cookie], false);
        check(Method::POST, &[foreign], false);
        check(Method::POST, &[foreign, bearer], true);
        check(Method::GET, &[foreign, cookie], true);
    }
}
