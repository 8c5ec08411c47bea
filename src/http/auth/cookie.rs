//! The cookie that carries a session.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use crate::config::BasePath;
use crate::domain::access::Session;
use crate::domain::time::Timestamp;

/// The cookie's name where the server may be reached without TLS.
const PLAIN_NAME: &str = "muster_session";

/// Its name under TLS: browsers take a cookie of this prefix only over TLS, for this very host and all of its paths, so
/// that neither a neighbouring host nor an attacker on the wire can replace it.
const SECURE_NAME: &str = "__Host-muster_session";

/// What takes the place of the other prefix below a base path: only over TLS, and for that path alone, so that the
/// host's other paths are not sent what is none of theirs.
const SECURE_PREFIX: &str = "__Secure-";

/// How the session cookie of a server is named, written and read.
///
/// Below a base path its name has that path too: one that was given by another server of the host, at a path above,
/// comes along and is not taken for this one.
///
/// A server that speaks TLS knows it. It cannot see a proxy's TLS: the address at which people reach the server says
/// whether there is any.
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: String,
    path: String,
    secure: bool,
}

impl SessionCookie {
    /// The cookie of a server that people reach by TLS or without, below this path.
    #[must_use]
    pub fn new(secure: bool, base_path: Option<&BasePath>) -> Self {
        let Some(base) = base_path else {
            let name = if secure { SECURE_NAME } else { PLAIN_NAME };
            return Self { name: name.to_owned(), path: "/".to_owned(), secure };
        };
        let prefix = if secure { SECURE_PREFIX } else { "" };
        let name = format!("{prefix}{PLAIN_NAME}{}", base.as_str().replace('/', "."));
        Self { name, path: base.to_string(), secure }
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
        let Self { name, path, .. } = self;
        let text = format!("{name}={value}; HttpOnly; SameSite=Strict; Path={path}; Max-Age={max_age_secs}{secure}");
        // Ids and secrets are letters and digits; nothing else gets here.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The session of a request. One that is given twice reads as empty, which no session is: it is unknown which of
    /// them the browser means.
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
            assert_eq!(SessionCookie::new(false, None).read(&headers), plain, "{headers:?}");
            assert_eq!(SessionCookie::new(true, None).read(&headers), secure, "{headers:?}");
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
        let plain = "muster_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
        assert_eq!(SessionCookie::new(false, None).taken_away(), plain);
        assert_eq!(SessionCookie::new(true, None).taken_away(), format!("__Host-{plain}; Secure"));
    }

    #[test]
    fn below_a_base_path_the_cookie_is_of_that_path_and_no_other() {
        let base = BasePath::parse("/tools/muster").unwrap();
        let plain = "muster_session.tools.muster=; HttpOnly; SameSite=Strict; Path=/tools/muster; Max-Age=0";
        assert_eq!(SessionCookie::new(false, Some(&base)).taken_away(), plain);
        let secure = SessionCookie::new(true, Some(&base));
        assert_eq!(secure.taken_away(), format!("__Secure-{plain}; Secure"));
        // A server at the root of the same host gave out the first of these.
        let cookies = "muster_session=a.b; muster_session.tools.muster=c.d";
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(cookies))]);
        assert_eq!(SessionCookie::new(false, Some(&base)).read(&headers), Some("c.d"));
        assert_eq!(SessionCookie::new(false, None).read(&headers), Some("a.b"));
    }
}
