//! Conditional requests, content codings and media types: which answer a client has already, and in which form it takes
//! another.
//!
//! Entity tags by RFC 9110, sections 8.8.3 and 13.1.2; `Accept` by section 12.5.1, `Accept-Encoding` by section 12.5.3.

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};

/// As `Content-Encoding`: the one coding that answers are compressed in.
pub(super) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// As `Vary`, for every answer that may be compressed.
pub(super) const VARY_ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// As `Cache-Control`: browsers may keep the answer and must ask each time whether it still holds; shared caches may
/// not.
pub(super) const PRIVATE_NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Whether `If-None-Match` lists this entity tag, by the weak comparison (RFC 9110, section 8.8.3.2), or says `*`.
pub(super) fn none_match_lists(headers: &HeaderMap, etag: &[u8]) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|field| lists(field.as_bytes(), etag))
}

/// The entity tags that `If-None-Match` lists.
pub(super) fn none_match_tags(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(IF_NONE_MATCH).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b','))
}

/// Whether `Accept-Encoding` allows gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT_ENCODING).iter().any(|field| allows_gzip(field.as_bytes()))
}

/// Whether `Accept` prefers a media type to the one that a client without a preference gets.
pub(super) fn prefers(headers: &HeaderMap, media_type: &str, default: &str) -> bool {
    let fields: Vec<&[u8]> = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes).collect();
    weight(&fields, media_type) > weight(&fields, default)
}

/// The weight of a media type, in thousandths: that of the most specific range that names it. Parameters of a range other
/// than the weight are not compared.
fn weight(fields: &[&[u8]], media_type: &str) -> u16 {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let any_subtype = format!("{}/*", essence.split('/').next().unwrap_or_default());
    let mut found = [None; 3];
    for item in fields.iter().flat_map(|field| field.split(|byte| *byte == b',')) {
        let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let range = parts.next().unwrap_or_default();
        let specificity =
            [essence, &any_subtype, "*/*"].iter().position(|name| range.eq_ignore_ascii_case(name.as_bytes()));
        if let Some(specificity) = specificity {
            let weight = parts.find_map(thousandths).unwrap_or(1_000);
            // Several versions of a format are one here.
            found[specificity] = found[specificity].max(Some(weight));
        }
    }
    found.into_iter().flatten().next().unwrap_or(0)
}

/// The value of a parameter that is a weight.
fn thousandths(parameter: &[u8]) -> Option<u16> {
    let (name, value) = parameter.split_at_checked(2)?;
    let value: f32 = str::from_utf8(value).ok()?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
    name.eq_ignore_ascii_case(b"q=").then_some((value.clamp(0.0, 1.0) * 1_000.0) as u16)
}

fn lists(field: &[u8], etag: &[u8]) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let wanted = opaque(etag);
    // The server's own tags have no comma, so a tag that has one is split into pieces that equal none of them.
    field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|tag| tag == b"*" || opaque(tag) == wanted)
}

fn allows_gzip(field: &[u8]) -> bool {
    let mut any = false;
    for item in field.split(|byte| *byte == b',') {
        let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let refused = parts.any(is_zero_weight);
        if coding.eq_ignore_ascii_case(b"gzip") || coding.eq_ignore_ascii_case(b"x-gzip") {
            return !refused;
        }
        any |= coding == b"*" && !refused;
    }
    any
}

/// Whether a parameter is `q=0`, with any number of zeros after the point.
fn is_zero_weight(parameter: &[u8]) -> bool {
    let Some((name, value)) = parameter.split_at_checked(2) else { return false };
    name.eq_ignore_ascii_case(b"q=") && value.starts_with(b"0") && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for field in ["gzip", "br, GZip;q=0.5", "*", "deflate, x-gzip", "gzip;q=1.0, *;q=0", "identity, *;q=0.1"] {
            assert!(allows_gzip(field.as_bytes()), "{field}");
        }
        for field in ["", "br", "gzip;q=0", "gzip; q=0.000, *", "*;q=0", "identity", "gzipped"] {
            assert!(!allows_gzip(field.as_bytes()), "{field}");
        }
    }

    #[test]
    fn a_media_type_is_preferred_by_its_weight_and_the_default_by_everybody_else() {
        let check = |field: Option<&'static str>, expected: bool| {
            let fields = field.into_iter().map(|field| (ACCEPT, HeaderValue::from_static(field)));
            let headers: HeaderMap = fields.collect();
            assert_eq!(
                prefers(&headers, "text/plain; version=0.0.4", "application/x-new; version=1"),
                expected,
                "{field:?}"
            );
        };
        check(None, false);
        check(Some(""), false);
        check(Some("*/*"), false);
        check(Some("text/html,application/xhtml+xml,*/*;q=0.8"), false);
        check(Some("application/x-new"), false);
        check(Some("application/x-new;version=1;q=0.5,application/x-new;version=0;q=0.75,text/plain;q=0.6"), false);
        check(Some("application/x-new;q=0.5, text/plain;version=0.0.4;q=0.2, */*;q=0.1"), false);
        check(Some("text/plain"), true);
        check(Some("Text/Plain;version=0.0.4;q=0.1"), true);
        check(Some("text/*"), true);
        check(Some("text/plain, application/x-new;q=0.9"), true);
        check(Some("text/plain;q=0.5, */*;q=0.1"), true);
        check(Some("application/x-new;q=0, */*"), true);
        check(Some("application/json"), false);
    }

    #[test]
    fn a_tag_is_known_by_the_weak_comparison() {
        let etag = b"W/\"e-1-7-20000\"";
        for field in ["W/\"e-1-7-20000\"", "\"e-1-7-20000\"", "\"other\" ,  W/\"e-1-7-20000\"", "*"] {
            assert!(lists(field.as_bytes(), etag), "{field}");
        }
        for field in ["", "W/", "\"e-1-7-2000\"", "e-1-7-20000", "W/\"e-1-8-20000\"", "\"a,e-1-7-20000\""] {
            assert!(!lists(field.as_bytes(), etag), "{field}");
        }
    }
}
