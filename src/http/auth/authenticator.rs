//! From the headers of a request to its [`Caller`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};

use super::caller::Caller;
use super::cookie::SessionCookie;
use super::csrf::{Provenance, provenance};
use super::failed_sign_in_limit::{Attempt, FailedSignInLimit};
use crate::access::links::{LinkId, LinkStanding};
use crate::access::sessions::RecognisedSession;
use crate::access::{Access, OpenSession, Recognition};
use crate::clock::Clock;
use crate::config::{HttpSettings, WebOrigin};
use crate::domain::access::{Reach, Token};
use crate::http::error::ApiError;
use crate::server::ClientAddress;
use crate::store::StoreError;

/// Longest text that is looked at as a token, in bytes; Muster's own are far shorter.
const TOKEN_LEN_MAX: usize = 256;

/// Turns the credentials of a request into a [`Caller`].
pub struct Authenticator {
    access: Access,
    limit: FailedSignInLimit,
    clock: Clock,
    cookie: SessionCookie,
    public_origin: Option<WebOrigin>,
}

impl Authenticator {
    /// An authenticator for these tokens and sessions; `is_https` says whether browsers reach the server by TLS.
    #[must_use]
    pub fn new(access: Access, settings: &HttpSettings, is_https: bool, clock: Clock) -> Self {
        let public_origin = settings.public_origin();
        let cookie = SessionCookie::new(is_https, settings.base_path.as_ref());
        let limit = FailedSignInLimit::new(settings.sign_in_failures_max, clock.clone());
        Self { access, limit, clock, cookie, public_origin }
    }

    /// Who is calling. Reads nothing but headers.
    pub async fn admit(&self, method: &Method, headers: &HeaderMap, address: IpAddr) -> Result<Caller, ApiError> {
        if let Some(secret) = self.session_shown(headers) {
            if !method.is_safe() && provenance(headers, self.public_origin.as_ref()) != Provenance::Own {
                return Err(foreign());
            }
            let session = self.session(secret, address).await?;
            return Ok(Caller { token: Arc::clone(&session.counts_as), reads: None, session: Some(session), address });
        }
        let token = self.token(bearer_token(headers)?, address).await?;
        Ok(Caller { token, reads: None, session: None, address })
    }

    /// What a caller reads; see [`Access::reading_reach`].
    pub(in crate::http) async fn reading_reach(&self, caller: &Caller) -> Result<Reach, ApiError> {
        Ok(self.access.reading_reach(&caller.token).await?)
    }

    /// Refuses a change to a public route, signing in above all, that a page of another site may have sent. A program,
    /// which says nothing of pages, may pass as long as it shows no cookie.
    pub fn refuse_foreign(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        if method.is_safe() || headers.contains_key(AUTHORIZATION) {
            return Ok(());
        }
        match provenance(headers, self.public_origin.as_ref()) {
            Provenance::Own => Ok(()),
            Provenance::Unknown if self.session_shown(headers).is_none() => Ok(()),
            Provenance::Unknown | Provenance::Foreign => Err(foreign()),
        }
    }

    /// The token with this secret, if it works.
    pub async fn token(&self, secret: &str, address: IpAddr) -> Result<Arc<Token>, ApiError> {
        let token = match self.access.recognise(secret) {
            Recognition::Valid(token) | Recognition::Expired(token) => Some(token),
            // Boxed, so that requests whose token is in memory do not carry the look-up's state.
            Recognition::Unknown => Box::pin(self.look_up(address, self.access.look_up(secret))).await?,
            // What memory knows to be wrong is wrong in the database, too, and is counted like what is not there.
            Recognition::Invalid => Box::pin(self.look_up(address, async { Ok(None) })).await?,
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
        match self.access.judge_link(code).await {
            Ok(LinkStanding::Works(link)) => {
                self.limit.succeeded(attempt);
                Ok(link)
            }
            Ok(standing) => {
                self.failed(attempt, address);
                Err(link_refused(&standing))
            }
            Err(error) => {
                self.limit.succeeded(attempt);
                Err(error.into())
            }
        }
    }

    /// How many look-ups were refused because an address, or all together, had tried too often.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.limit.refused()
    }

    /// The session cookie, for those who give it out and take it away.
    #[must_use]
    pub fn cookie(&self) -> &SessionCookie {
        &self.cookie
    }

    /// The session that a request without a bearer token shows, if memory knows it and it has not ended.
    #[must_use]
    pub fn known_session(&self, headers: &HeaderMap) -> Option<Arc<OpenSession>> {
        match self.access.recognise_session(self.session_shown(headers)?) {
            RecognisedSession::Known(known) => known.session.is_valid_at(self.clock.now()).then_some(known),
            RecognisedSession::Invalid | RecognisedSession::Unknown => None,
        }
    }

    fn session_shown<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        if headers.contains_key(AUTHORIZATION) { None } else { self.cookie.read(headers) }
    }

    /// The session with this secret, if it works. Where it does not, the answer removes the cookie: sent with
    /// every request of a page, it would soon count as guessing.
    async fn session(&self, secret: &str, address: IpAddr) -> Result<Arc<OpenSession>, ApiError> {
        let refused = |detail| Err(ApiError::unauthorized(detail).with_cookie(self.cookie.taken_away()));
        let session = match self.access.recognise_session(secret) {
            RecognisedSession::Known(session) => Some(session),
            _ if !is_possible(secret) => None,
            RecognisedSession::Unknown => Box::pin(self.look_up(address, self.access.look_up_session(secret))).await?,
            RecognisedSession::Invalid => Box::pin(self.look_up(address, async { Ok(None) })).await?,
        };
        match session {
            None => refused("This session has ended; sign in again"),
            Some(session) if !session.session.is_valid_at(self.clock.now()) => {
                refused("This session has expired; sign in again")
            }
            Some(session) => Ok(session),
        }
    }

    /// Looks something up in the database, unless this address, or all together, did that too often.
    async fn look_up<T>(
        &self,
        address: IpAddr,
        look_up: impl Future<Output = Result<Option<T>, StoreError>>,
    ) -> Result<Option<T>, ApiError> {
        let attempt = self.allow(address)?;
        let found = look_up.await;
        match found {
            Ok(None) => self.failed(attempt, address),
            _ => self.limit.succeeded(attempt),
        }
        Ok(found?)
    }

    /// Counts a failed sign-in. The log has one line for each address and minute in which there were too many.
    fn failed(&self, attempt: Attempt, address: IpAddr) {
        if self.limit.failed(attempt) {
            tracing::warn!(%address, "too many failed sign-ins from this address; it has to wait");
            self.access.note_failed_sign_ins(address.to_canonical().to_string(), self.limit.failures_max());
        }
    }

    fn allow(&self, address: IpAddr) -> Result<Attempt, ApiError> {
        self.limit.allow(address).map_err(|wait| {
            let secs = wait.as_secs().max(1);
            ApiError::too_many_requests("Too many requests with unknown tokens; wait a little", secs)
        })
    }
}

/// 403 for a change that is not known to come from one of Muster's own pages.
fn foreign() -> ApiError {
    ApiError::forbidden(
        "A change with a session cookie must come from Muster's own pages, and this request does not show that it \
         does; programs send Authorization: Bearer <token>",
    )
}

/// Why a link's code does not work, and what to do.
pub(crate) fn link_refused(standing: &LinkStanding) -> ApiError {
    ApiError::unauthorized(match standing {
        LinkStanding::Used | LinkStanding::Works(_) => {
            "This sign-in link has been used; muster sign-in-link makes another"
        }
        LinkStanding::Expired => "This sign-in link has expired; muster sign-in-link makes another",
        LinkStanding::Unknown => "This sign-in link is not known; muster sign-in-link makes another",
    })
}

/// Whether a text can be a token, a session or a code.
pub(crate) fn is_possible(text: &str) -> bool {
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
pub(crate) fn address_of(client: Option<ClientAddress>) -> IpAddr {
    client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::HeaderName;

    use super::*;
    use crate::http::auth::sample_access::{SampleAccess, sample_clock};

    /// An authenticator that lets an address fail so often in a minute.
    async fn authenticator(clock: &Clock, failures_max: u32) -> (Authenticator, SampleAccess) {
        let sample = SampleAccess::new(clock).await;
        let settings = HttpSettings { sign_in_failures_max: failures_max, ..HttpSettings::default() };
        (Authenticator::new(sample.access.clone(), &settings, false, clock.clone()), sample)
    }

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    fn header_lines(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn tokens_come_as_bearer_tokens() {
        let (authenticator, sample) = authenticator(&sample_clock(), 100).await;
        let check = async |scheme: &str, secret: &str, expected: Result<&str, u16>| {
            let authorization = format!("{scheme}{secret}");
            let outcome = authenticator.admit(&Method::GET, &headers(&authorization), HOME).await;
            let outcome = outcome.as_ref().map(Caller::name).map_err(|error| error.status().as_u16());
            assert_eq!(outcome, expected, "{authorization:?}");
        };
        check("Bearer ", &sample.secret("viewer"), Ok("viewer")).await;
        check("bEARER   ", &format!("{} ", sample.secret("admin@acme")), Ok("admin@acme")).await;
        check("Bearer ", &sample.secret("new-admin"), Ok("new-admin")).await;
        check("Bearer ", &sample.secret("old"), Err(401)).await;
        check("Bearer ", "wrong", Err(401)).await;
        check("Bearer ", &format!("{}x", sample.secret("viewer")), Err(401)).await;
        check("Bearer", "", Err(401)).await;
        check("Bearer ", "two words", Err(401)).await;
        check("Basic ", "dmlld2VyOg==", Err(401)).await;
        check("Bearer ", &"x".repeat(257), Err(401)).await;
        assert_eq!(authenticator.admit(&Method::GET, &HeaderMap::new(), HOME).await.unwrap_err().status(), 401);
        let mut twice = headers(&format!("Bearer {}", sample.secret("viewer")));
        twice.append(AUTHORIZATION, format!("Bearer {}", sample.secret("admin")).parse().unwrap());
        assert_eq!(authenticator.admit(&Method::GET, &twice, HOME).await.unwrap_err().status(), 401);
    }

    #[tokio::test]
    async fn guessing_reaches_neither_the_database_nor_those_who_know_their_token() {
        let clock = sample_clock();
        let (authenticator, sample) = authenticator(&clock, 2).await;
        let status = async |name: &str| {
            let headers = headers(&format!("Bearer {}", sample.secret(name)));
            match authenticator.admit(&Method::GET, &headers, HOME).await {
                Ok(_) => 200,
                Err(error) => error.status().as_u16(),
            }
        };
        let reads = || sample.store.figures().reads;
        let before = reads();
        assert_eq!(status("guess-1").await, 401);
        assert_eq!(status("guess-2").await, 401);
        assert_eq!(status("guess-3").await, 429);
        assert_eq!(reads() - before, 2);
        assert_eq!(status("viewer").await, 200);
        clock.advance(Duration::from_secs(61));
        assert_eq!(status("guess-4").await, 401);
    }

    #[tokio::test]
    async fn guesses_at_the_same_time_are_bounded_like_those_one_after_another() {
        let (authenticator, sample) = authenticator(&sample_clock(), 2).await;
        let before = sample.store.figures().reads;
        let secrets: Vec<_> = (0..20).map(|guess| sample.secret(&format!("guess-{guess}"))).collect();
        let guesses = secrets.iter().map(|secret| authenticator.token(secret, HOME));
        let statuses =
            futures_util::future::join_all(guesses).await.into_iter().map(|guess| guess.unwrap_err().status());
        assert_eq!(statuses.filter(|status| *status == 401).count(), 2);
        assert_eq!(sample.store.figures().reads - before, 2);
        // What is found costs nothing.
        let (authenticator, sample) = self::authenticator(&sample_clock(), 2).await;
        for _ in 0..20 {
            authenticator.token(&sample.secret("new-viewer"), HOME).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_cookie_stands_in_for_a_token_and_changes_only_from_the_servers_own_pages() {
        let (authenticator, sample) = authenticator(&sample_clock(), 2).await;
        let check = async |method: Method, lines: &[(&'static str, &str)], expected: Result<&str, u16>| {
            let headers = header_lines(lines);
            let outcome = authenticator.admit(&method, &headers, HOME).await;
            let outcome = outcome.as_ref().map(Caller::credential_id).map_err(|error| error.status().as_u16());
            assert_eq!(outcome, expected, "{method} {headers:?}");
        };
        let cookie_of = |name: &str| format!("muster_session={}", sample.cookie(name));
        let (of_viewer, of_admin, of_old) = (cookie_of("viewer"), cookie_of("new-admin"), cookie_of("old"));
        let admins_token = format!("Bearer {}", sample.secret("admin"));
        let (cookie, own) = (("cookie", of_viewer.as_str()), ("sec-fetch-site", "same-origin"));
        let (foreign, bearer) = (("sec-fetch-site", "cross-site"), ("authorization", admins_token.as_str()));
        check(Method::GET, &[cookie], Ok(sample.session_id("viewer"))).await;
        check(Method::HEAD, &[cookie, foreign], Ok(sample.session_id("viewer"))).await;
        check(Method::POST, &[cookie, own], Ok(sample.session_id("viewer"))).await;
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            check(method.clone(), &[cookie], Err(403)).await;
            check(method.clone(), &[cookie, foreign], Err(403)).await;
            check(method.clone(), &[cookie, foreign, bearer], Ok(sample.token_id("admin"))).await;
            check(method, &[cookie, own, ("authorization", "Basic x")], Err(401)).await;
        }
        check(Method::GET, &[("cookie", &of_admin)], Ok(sample.session_id("new-admin"))).await;
        check(Method::GET, &[("cookie", &of_old)], Err(401)).await;
        check(Method::GET, &[("cookie", "muster_session=")], Err(401)).await;
        check(Method::GET, &[("cookie", "other=viewer")], Err(401)).await;
    }

    #[tokio::test]
    async fn signing_in_is_not_for_pages_of_others() {
        let (authenticator, sample) = authenticator(&sample_clock(), 2).await;
        let check = |method: Method, lines: &[(&'static str, &str)], is_allowed: bool| {
            let headers = header_lines(lines);
            assert_eq!(authenticator.refuse_foreign(&method, &headers).is_ok(), is_allowed, "{method} {headers:?}");
        };
        let of_viewer = format!("muster_session={}", sample.cookie("viewer"));
        let (cookie, own) = (("cookie", of_viewer.as_str()), ("sec-fetch-site", "same-origin"));
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
