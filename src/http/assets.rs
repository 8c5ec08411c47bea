//! Files that are part of the binary: the start page, and the documentation page with its scripts.
//!
//! Each file has its own route, so a path that does not exist stays a 404 and no file shadows the API. Nothing in a
//! page is fetched from anywhere but this server, and the content security policy says so to the browser.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use rust_embed::RustEmbed;
use utoipa_swagger_ui::Config;
use xxhash_rust::xxh3::xxh3_128;

use super::error::ApiError;

/// What pages may load and where they may be shown: themselves, from here, and nowhere framed.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
);

/// Swagger UI draws its icons from `data:` URLs and sets styles on its elements; scripts stay those of the binary.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; object-src 'none'",
);

/// The files of Swagger UI that the documentation page loads.
const SWAGGER_UI_FILES: [&str; 4] =
    ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js"];

/// The start page; the one file that is not found under its own name.
const START_PAGE: &str = "index.html";

/// The documentation page, which is found under `/docs`.
const DOCS_PAGE: &str = "docs.html";

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// A file that is served from memory, with an `ETag` made of its content. Cloning it copies nothing.
#[derive(Clone, Debug)]
pub struct Asset {
    body: Bytes,
    content_type: HeaderValue,
    etag: HeaderValue,
    policy: HeaderValue,
}

impl Asset {
    /// A file with this content.
    #[must_use]
    pub fn new(body: Bytes, content_type: HeaderValue) -> Self {
        let hash = BASE64URL_NOPAD.encode(&xxh3_128(&body).to_be_bytes());
        // The alphabet of base64url is a subset of what a header may hold.
        let etag = HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body, content_type, etag, policy: PAGE_POLICY }
    }

    fn with_policy(self, policy: HeaderValue) -> Self {
        Self { policy, ..self }
    }

    /// The file, or 304 if the client has it.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let is_known = request.get_all(IF_NONE_MATCH).iter().any(|tags| matches(tags, &self.etag));
        // `no-cache` lets a browser keep the file and ask whether it changed, so an upgrade shows at once.
        let headers = [(ETAG, self.etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let more = [
            (CONTENT_TYPE, self.content_type.clone()),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ];
        (headers, more, Body::from(self.body.clone())).into_response()
    }
}

/// Whether an `If-None-Match` names this tag; a weak one counts, as RFC 9110 wants.
fn matches(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(etag)) = (tags.to_str(), etag.to_str()) else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Routes for every file of the binary.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Result<Router<S>, ApiError> {
    let mut router = Router::new();
    for name in Files::iter().filter(|name| name != DOCS_PAGE) {
        let path = if name == START_PAGE { "/".to_owned() } else { format!("/{name}") };
        if let Some(asset) = embedded(&name) {
            router = serve(router, &path, asset);
        }
    }
    // The documentation belongs to the API, so it is found wherever the API is; its links are relative.
    let config = Arc::new(documentation_settings());
    for root in ["/docs", "/api/docs"] {
        if let Some(page) = embedded(DOCS_PAGE) {
            router = serve(router, root, page.with_policy(DOCS_POLICY));
        }
        for name in SWAGGER_UI_FILES {
            let file = utoipa_swagger_ui::serve(name, Arc::clone(&config))
                .map_err(|error| ApiError::internal(error.to_string()))?
                .ok_or_else(|| ApiError::internal(format!("Swagger UI has no {name}")))?;
            let asset = Asset::new(Bytes::from(file.bytes.into_owned()), content_type(name));
            router = serve(router, &format!("{root}/{name}"), asset);
        }
    }
    Ok(router)
}

fn serve<S: Clone + Send + Sync + 'static>(router: Router<S>, path: &str, asset: Asset) -> Router<S> {
    router.route(path, get(async move |request: HeaderMap| asset.answer(&request)))
}

fn embedded(name: &str) -> Option<Asset> {
    let body = match Files::get(name)?.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some(Asset::new(body, content_type(name)))
}

/// Swagger UI without anything that would leave the server: no validator badge, no bar to load other documents.
fn documentation_settings() -> Config<'static> {
    Config::from("openapi.json")
        .use_base_layout()
        .validator_url("none")
        .deep_linking(true)
        .display_request_duration(true)
        .doc_expansion("list")
        .default_models_expand_depth(0)
        .filter(true)
        .try_it_out_enabled(true)
        .persist_authorization(false)
}

fn content_type(name: &str) -> HeaderValue {
    let content_type = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    HeaderValue::from_static(content_type)
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get_file(path: &str, known: Option<&HeaderValue>) -> (Response, Bytes) {
        let mut request = Request::get(path);
        if let Some(etag) = known {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let app = routes::<()>().unwrap().with_state(());
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, Body::empty()), body)
    }

    #[tokio::test]
    async fn files_come_with_their_type_and_are_sent_once() {
        let check = async |path: &str, content_type: &str| {
            let (response, body) = get_file(path, None).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], content_type, "{path}");
            assert!(!body.is_empty() && response.headers().contains_key(CONTENT_SECURITY_POLICY), "{path}");
            let (again, body) = get_file(path, Some(&response.headers()[ETAG])).await;
            assert_eq!((again.status().as_u16(), body.len()), (304, 0), "{path}");
        };
        check("/", "text/html; charset=utf-8").await;
        check("/style.css", "text/css; charset=utf-8").await;
        check("/app.js", "text/javascript; charset=utf-8").await;
        check("/icon.svg", "image/svg+xml").await;
        for docs in ["/docs", "/api/docs"] {
            check(docs, "text/html; charset=utf-8").await;
            check(&format!("{docs}/swagger-ui-bundle.js"), "text/javascript; charset=utf-8").await;
        }
        assert_eq!(get_file("/index.html", None).await.0.status(), 404);
        assert_eq!(get_file("/docs.html", None).await.0.status(), 404);
    }

    #[tokio::test]
    async fn pages_name_no_other_server() {
        for path in ["/", "/style.css", "/app.js", "/docs", "/docs/swagger-initializer.js"] {
            let (_, body) = get_file(path, None).await;
            let text = String::from_utf8(body.to_vec()).unwrap().replace("http://127.0.0.1:8383", "");
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("\"//"), "{path}");
        }
        let (_, settings) = get_file("/docs/swagger-initializer.js", None).await;
        let settings = String::from_utf8(settings.to_vec()).unwrap();
        assert!(settings.contains(r#""validatorUrl": "none""#), "{settings}");
        assert!(settings.contains(r#""url": "openapi.json""#), "{settings}");
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        let check = |tags: &str, expected: bool| {
            let (tags, etag) = (HeaderValue::from_str(tags).unwrap(), HeaderValue::from_static("\"a\""));
            assert_eq!(matches(&tags, &etag), expected, "{tags:?}");
        };
        check("\"a\"", true);
        check("\"b\", W/\"a\"", true);
        check("*", true);
        check("\"ab\"", false);
        check("", false);
    }
}
