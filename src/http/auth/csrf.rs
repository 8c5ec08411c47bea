//! Protection from cross-site request forgery: a browser adds the cookie to whatever any page makes it send, so a
//! change with a cookie is made only for Muster's own pages. The headers say which page a request comes from.

use axum::http::header::{HOST, ORIGIN, REFERER};
use axum::http::{HeaderMap, HeaderName};

use crate::config::WebOrigin;

/// What browsers say of the page that makes a request (W3C Fetch Metadata), where the server is reached by TLS or on
/// the same machine. Pages cannot set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the headers of a request say of where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provenance {
    /// A page of this server.
    Own,
    /// Anything else.
    Foreign,
    /// They say nothing: it is no browser's, or an old one's.
    Unknown,
}

/// Reads `Sec-Fetch-Site`, or where it is missing `Origin`, or where that is missing `Referer`.
pub(super) fn provenance(headers: &HeaderMap, public_origin: Option<&WebOrigin>) -> Provenance {
    let judge = |own: bool| if own { Provenance::Own } else { Provenance::Foreign };
    let is_own =
        |origin: Option<WebOrigin>| origin.is_some_and(|origin| is_this_server(&origin, headers, public_origin));
    if headers.contains_key(SEC_FETCH_SITE) {
        // `none` is a navigation by a person who typed an address, which never changes anything.
        return judge(single(headers, &SEC_FETCH_SITE) == Some("same-origin"));
    }
    if headers.contains_key(ORIGIN) {
        return judge(is_own(single(headers, &ORIGIN).and_then(WebOrigin::parse)));
    }
    if headers.contains_key(REFERER) {
        return judge(is_own(single(headers, &REFERER).and_then(WebOrigin::of_url)));
    }
    Provenance::Unknown
}

/// Whether an origin is the one at which people reach the server, or the one that the request was sent to. `Host` says
/// nothing of TLS, so a scheme is taken from the origin itself.
fn is_this_server(origin: &WebOrigin, headers: &HeaderMap, public_origin: Option<&WebOrigin>) -> bool {
    if public_origin == Some(origin) {
        return true;
    }
    let scheme = if origin.is_https() { "https" } else { "http" };
    single(headers, &HOST).and_then(|host| WebOrigin::parse(&format!("{scheme}://{host}"))).as_ref() == Some(origin)
}

/// A header that is there once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::Provenance::{Foreign, Own, Unknown};
    use super::*;

    #[test]
    fn only_the_servers_own_pages_are_its_own() {
        let public = WebOrigin::parse("https://muster.example");
        let check = |lines: &[&str], expected: Provenance| {
            let mut headers = HeaderMap::new();
            for line in lines.iter().chain(&["host: 10.0.0.7:8383"]) {
                let (name, value) = line.split_once(": ").unwrap();
                headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            assert_eq!(provenance(&headers, public.as_ref()), expected, "{lines:?}");
        };
        check(&[], Unknown);
        check(&["sec-fetch-site: same-origin"], Own);
        check(&["sec-fetch-site: same-site"], Foreign);
        check(&["sec-fetch-site: cross-site"], Foreign);
        check(&["sec-fetch-site: none"], Foreign);
        check(&["sec-fetch-site: "], Foreign);
        check(&["sec-fetch-site: Same-Origin"], Foreign);
        check(&["sec-fetch-site: same-origin", "sec-fetch-site: cross-site"], Foreign);
        // What the browser says of itself counts, whatever else there is.
        check(&["sec-fetch-site: cross-site", "origin: http://10.0.0.7:8383"], Foreign);
        check(&["sec-fetch-site: same-origin", "origin: http://proxied.example"], Own);
        check(&["origin: http://10.0.0.7:8383"], Own);
        check(&["origin: https://10.0.0.7:8383"], Own);
        check(&["origin: https://muster.example"], Own);
        check(&["origin: http://muster.example"], Foreign);
        check(&["origin: https://muster.example:8443"], Foreign);
        check(&["origin: http://10.0.0.7"], Foreign);
        check(&["origin: http://10.0.0.7:8383.evil.example"], Foreign);
        check(&["origin: https://evil.example"], Foreign);
        check(&["origin: null"], Foreign);
        check(&["origin: "], Foreign);
        check(&["origin: http://10.0.0.7:8383", "origin: https://evil.example"], Foreign);
        check(&["origin: https://evil.example", "referer: http://10.0.0.7:8383/"], Foreign);
        check(&["referer: http://10.0.0.7:8383/"], Own);
        check(&["referer: https://muster.example/a/b?c=d"], Own);
        check(&["referer: https://evil.example/http://10.0.0.7:8383/"], Foreign);
        check(&["referer: https://muster.example@evil.example/"], Foreign);
        check(&["referer: about:blank"], Foreign);
        check(&["host: evil.example", "origin: http://10.0.0.7:8383"], Foreign);
    }
}
