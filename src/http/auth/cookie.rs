//! The cookie that carries a session.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::config::WebOrigin;
use crate::domain::access::Session;
use crate::domain::time::Timestamp;

/// The cookie's name where the server may be reached without TLS.
const PLAIN_NAME: &str = "muster_session";

/// Its name under TLS: browsers take a cookie of this prefix only over TLS, for this very host and all of its paths, so that
/// no neighbouring host and nobody on the wire can put another in its place.
const SECURE_NAME: &str = "__Host-muster_session";

/// How the session cookie of a server is named, written and read.
///
/// Muster speaks plain HTTP and cannot see a proxy's TLS: the address at which people reach the server says whether there
/// is any.
#[derive(Clone, Copy, Debug)]
pub struct SessionCookie {
    name: &'static str,
    secure: bool,
}

impl SessionCookie {
    /// The cookie of a server that people reach at this origin.
    #[must_use]
    pub fn of(public_origin: Option<&WebOrigin>) -> Self {
        let secure = public_origin.is_some_and(WebOrigin::is_https);
        Self { name: if secure { SECURE_NAME } else { PLAIN_NAME }, secure }
    }

    /// The header that gives a browser its session, for as long as the session lasts.
    #[must_use]
    pub fn given(&self, secret: &str, session: &Session, now: Timestamp) -> HeaderValue {
        // A begun second counts whole: the moment that signing in takes is no part of what was promised.
        let secs = ((session.expires_at.millis() - now.millis()).max(0) + 999) / 1_000;
        self.header(secret, secs)
    }

    /// The header that takes it away.
    #[must_use]
    pub fn taken_away(&self) -> HeaderValue {
        self.header("", 0)
    }

    fn header(&self, value: &str, max_age_secs: i64) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_secs}{secure}", self.name);
        // Ids and secrets are letters and digits; nothing else gets here.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The session of a request. One that is given twice reads as empty, which no session is: nobody can tell which of them
    /// the browser means.
    #[must_use]
    pub fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let first = values.next()?;
        Some(if values.next().is_none() { first } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_must_be_one() {
        let check = |headers: &[&str], plain: Option<&str>, secure: Option<&str>| {
            let headers: HeaderMap = headers.iter().map(|value| (COOKIE, value.parse().unwrap())).collect();
            let https = WebOrigin::parse("https://muster.example");
            assert_eq!(SessionCookie::of(None).read(&headers), plain, "{headers:?}");
            assert_eq!(SessionCookie::of(https.as_ref()).read(&headers), secure, "{headers:?}");
        };
        check(&[], None, None);
        check(&["muster_session=a.b"], Some("a.b"), None);
        check(&["__Host-muster_session=a.b"], None, Some("a.b"));
        check(&["x=1; muster_session=a.b=; y"], Some("a.b="), None);
        check(&["x=1", "muster_session=a.b"], Some("a.b"), None);
        check(&["muster_session=a.b; muster_session=c.d"], Some(""), None);
        check(&["muster_session=a.b", "muster_session=a.b"], Some(""), None);
        check(&["Muster_Session=a.b; xmuster_session=c.d"], None, None);
    }

    #[test]
    fn over_tls_the_cookie_is_bound_to_tls() {
        let check = |origin: Option<&str>, expected: &str| {
            let origin = origin.map(|origin| WebOrigin::parse(origin).unwrap());
            assert_eq!(SessionCookie::of(origin.as_ref()).taken_away(), expected);
        };
        let plain = "muster_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
        check(None, plain);
        check(Some("http://muster.example"), plain);
        check(Some("https://muster.example"), &format!("__Host-{plain}; Secure"));
    }
}
