//! Security headers: content security policies, framing, referrers, TLS, and what browsers may keep.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

/// Of answers that are no pages (OWASP REST Security Cheat Sheet): nothing in them runs or loads anything, and no page
/// shows them in a frame or embeds them. Pages have policies of their own.
const DATA_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// How long a browser remembers to come by TLS alone (RFC 6797). It holds for the whole host, on all of its ports, so a
/// month and not the usual year: each visit renews it, and an operator who gives TLS up waits it out.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=2592000");

/// Pages load what this server has, and are shown in no frame.
pub(super) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
);

/// Swagger UI draws its icons from `data:` URLs and sets styles on its elements; scripts stay those of the binary.
pub(super) const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; object-src 'none'",
);

/// Keeps a page's window to itself: no page of another origin holds it, or embeds what it loads.
pub(super) const ISOLATION: [(HeaderName, HeaderValue); 3] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Adds what every answer has, unless it has that already.
pub(super) fn complete(response: &mut Response, https: bool) {
    let status = response.status();
    let headers = response.headers_mut();
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // A 304 renews the headers that the browser has kept, so it must not have others (RFC 9111, section 3.2).
    if status != StatusCode::NOT_MODIFIED && !headers.contains_key(CONTENT_SECURITY_POLICY) {
        for (name, value) in &DATA_HEADERS {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Contacts and new tokens have no place in a browser's cache; answers that may be kept have said so themselves.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
