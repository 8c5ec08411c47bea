//! Files that are part of the binary: the dashboard, and the documentation page with its scripts.
//!
//! Each file has its own route, so a path that does not exist stays a 404 and no file shadows the API. Nothing in a
//! page is fetched from anywhere but this server, and the content security policy says so to the browser. A file is
//! compressed when it is first asked for, once.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, VARY,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use utoipa_swagger_ui::Config;
use xxhash_rust::xxh3::xxh3_128;

use super::api_root::at_both_roots;
use super::error::ApiError;
use super::negotiation::{GZIP, VARY_ACCEPT_ENCODING, accepts_gzip, none_match_lists};
use super::security_headers::{DOCS_POLICY, ISOLATION, PAGE_POLICY};

/// Files with fewer bytes are not compressed: the headers weigh more than what would be saved.
const COMPRESSED_BYTES_MIN: usize = 512;

/// The files of Swagger UI that the documentation page loads.
const SWAGGER_UI_FILES: [&str; 4] =
    ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-initializer.js"];

/// The start page; the one file that is not found under its own name.
const START_PAGE: &str = "index.html";

/// The documentation page, which is found under `/docs`.
const DOCS_PAGE: &str = "docs.html";

/// The icon, which the documentation page has beside its scripts: relative links lead there below `/api` and a base
/// path too.
const ICON: &str = "icon.svg";

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// A file that is served from memory, with an `ETag` made of its content. Cloning it copies nothing.
#[derive(Clone, Debug)]
pub struct Asset {
    body: Bytes,
    /// The body in gzip; `None` inside where that is not smaller. The clones share it.
    compressed: Arc<OnceLock<Option<Bytes>>>,
    content_type: HeaderValue,
    /// Weak, because it names the content in all its codings.
    etag: HeaderValue,
    policy: HeaderValue,
}

impl Asset {
    /// A file with this content.
    #[must_use]
    pub fn new(body: Bytes, content_type: HeaderValue) -> Self {
        let hash = BASE64URL_NOPAD.encode(&xxh3_128(&body).to_be_bytes());
        // The alphabet of base64url is a subset of what a header may hold.
        let etag = HeaderValue::try_from(format!("W/\"{hash}\"")).unwrap_or(HeaderValue::from_static("W/\"\""));
        Self { body, compressed: Arc::default(), content_type, etag, policy: PAGE_POLICY }
    }

    fn with_policy(self, policy: HeaderValue) -> Self {
        Self { policy, ..self }
    }

    /// The file, or 304 if the client has it.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let is_known = none_match_lists(request, self.etag.as_bytes());
        // `no-cache` lets a browser keep the file and ask whether it changed, so an upgrade shows at once.
        let headers = [
            (ETAG, self.etag.clone()),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (VARY, VARY_ACCEPT_ENCODING),
        ];
        if is_known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let more = [
            (CONTENT_TYPE, self.content_type.clone()),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        ];
        match accepts_gzip(request).then(|| self.compressed()).flatten() {
            Some(body) => (headers, more, ISOLATION, [(CONTENT_ENCODING, GZIP)], Body::from(body)).into_response(),
            None => (headers, more, ISOLATION, Body::from(self.body.clone())).into_response(),
        }
    }

    /// The body in gzip, where that is smaller. Some milliseconds for the largest file, once.
    fn compressed(&self) -> Option<Bytes> {
        self.compressed.get_or_init(|| gzip(&self.body)).clone()
    }
}

fn gzip(body: &[u8]) -> Option<Bytes> {
    if body.len() < COMPRESSED_BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail; if it did, the file would be sent as it is.
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
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
    for root in at_both_roots("/docs") {
        if let Some(page) = embedded(DOCS_PAGE) {
            router = serve(router, &root, page.with_policy(DOCS_POLICY));
        }
    }
    for path in at_both_roots("/docs/icon.svg") {
        if let Some(icon) = embedded(ICON) {
            router = serve(router, &path, icon);
        }
    }
    for name in SWAGGER_UI_FILES {
        let file = utoipa_swagger_ui::serve(name, Arc::clone(&config))
            .map_err(|error| ApiError::internal(error.to_string()))?
            .ok_or_else(|| ApiError::internal(format!("Swagger UI has no {name}")))?;
        let asset = Asset::new(Bytes::from(file.bytes.into_owned()), content_type(name));
        for path in at_both_roots(&format!("/docs/{name}")) {
            router = serve(router, &path, asset.clone());
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
    use std::collections::BTreeMap;
    use std::io::Read;

    use axum::extract::Request;
    use axum::http::HeaderName;
    use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
    use flate2::read::GzDecoder;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    /// Bytes that the first page may take on the wire, headers included.
    const FIRST_PAGE_BYTES_MAX: usize = 120 * 1024;

    /// The namespace of SVG, which names a vocabulary and no server.
    const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";

    async fn get_with(path: &str, name: HeaderName, value: &HeaderValue) -> (Response, Bytes) {
        let request = Request::get(path).header(name, value).body(Body::empty()).unwrap();
        let response = routes::<()>().unwrap().with_state(()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, Body::empty()), body)
    }

    async fn get_file(path: &str) -> (Response, Bytes) {
        get_with(path, ACCEPT_ENCODING, &HeaderValue::from_static("identity")).await
    }

    async fn text_of(path: &str) -> String {
        let (response, body) = get_file(path).await;
        assert_eq!(response.status(), 200, "{path}");
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// The paths of all files of the dashboard, and of the documentation page.
    fn paths() -> Vec<String> {
        let path = |name: &str| match name {
            START_PAGE => "/".to_owned(),
            DOCS_PAGE => "/docs".to_owned(),
            name => format!("/{name}"),
        };
        Files::iter().map(|name| path(&name)).collect()
    }

    #[tokio::test]
    async fn files_come_with_their_type_and_are_sent_once() {
        let check = async |path: &str, content_type: &str| {
            let (response, body) = get_file(path).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], content_type, "{path}");
            assert!(!body.is_empty() && response.headers().contains_key(CONTENT_SECURITY_POLICY), "{path}");
            let (again, body) = get_with(path, IF_NONE_MATCH, &response.headers()[ETAG]).await;
            assert_eq!((again.status().as_u16(), body.len()), (304, 0), "{path}");
        };
        check("/", "text/html; charset=utf-8").await;
        check("/css/base.css", "text/css; charset=utf-8").await;
        check("/js/main.js", "text/javascript; charset=utf-8").await;
        check("/icon.svg", "image/svg+xml").await;
        for docs in ["/docs", "/api/docs"] {
            check(docs, "text/html; charset=utf-8").await;
            check(&format!("{docs}/swagger-ui-bundle.js"), "text/javascript; charset=utf-8").await;
            check(&format!("{docs}/icon.svg"), "image/svg+xml").await;
        }
        assert_eq!(get_file("/index.html").await.0.status(), 404);
        assert_eq!(get_file("/docs.html").await.0.status(), 404);
    }

    #[tokio::test]
    async fn files_are_compressed_for_those_who_take_it() {
        for path in ["/", "/js/chart.js", "/docs/swagger-ui.css"] {
            let (plain, whole) = get_file(path).await;
            let (packed, body) = get_with(path, ACCEPT_ENCODING, &HeaderValue::from_static("br, gzip")).await;
            assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip", "{path}");
            assert!(!plain.headers().contains_key(CONTENT_ENCODING), "{path}");
            assert_eq!(packed.headers()[ETAG], plain.headers()[ETAG], "{path}");
            assert!([&plain, &packed].iter().all(|response| response.headers()[VARY] == "Accept-Encoding"), "{path}");
            assert!(body.len() * 2 < whole.len(), "{path}: {} of {}", body.len(), whole.len());
            let mut unpacked = Vec::new();
            GzDecoder::new(&body[..]).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, whole, "{path}");
        }
    }

    #[tokio::test]
    async fn pages_name_no_other_server() {
        let paths = paths().into_iter().filter(|path| path != "/icon.svg");
        for path in paths.chain(["/docs/swagger-initializer.js".to_owned()]) {
            let text = text_of(&path).await.replace(SVG_NAMESPACE, "");
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("\"//"), "{path}");
        }
        let settings = text_of("/docs/swagger-initializer.js").await;
        assert!(settings.contains(r#""validatorUrl": "none""#), "{settings}");
        assert!(settings.contains(r#""url": "openapi.json""#), "{settings}");
    }

    #[tokio::test]
    async fn pages_have_nothing_inline_and_write_no_markup() {
        for path in ["/", "/docs"] {
            let text = text_of(path).await;
            let scripts = between(&text, "<script", ">");
            assert!(!scripts.is_empty() && scripts.iter().all(|tag| tag.contains(" src=\"")), "{path}: {scripts:?}");
            let is_inline = |tag: &&str| tag.starts_with("style") || tag.contains(" style=") || tag.contains(" on");
            assert_eq!(between(&text, "<", ">").into_iter().find(is_inline), None, "{path}");
        }
        for path in paths().iter().filter(|path| path.rsplit('.').next() == Some("js")) {
            let text = text_of(path).await;
            for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                assert!(!text.contains(way), "{path}: {way}");
            }
        }
    }

    /// The texts between two words.
    fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
        text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
    }

    /// The path of a file that another one names relatively.
    fn beside(path: &str, name: &str) -> String {
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        for step in name.split('/') {
            match step {
                "." => {}
                ".." => drop(folders.pop()),
                step => folders.push(step),
            }
        }
        folders.join("/")
    }

    #[tokio::test]
    async fn the_first_page_is_small() {
        let mut sizes = BTreeMap::new();
        let mut wanted = vec!["/".to_owned()];
        while let Some(path) = wanted.pop() {
            if sizes.contains_key(&path) {
                continue;
            }
            let (response, body) = get_with(&path, ACCEPT_ENCODING, &HeaderValue::from_static("gzip")).await;
            assert_eq!(response.status(), 200, "{path}");
            let headers = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
            sizes.insert(path.clone(), body.len() + headers.sum::<usize>());
            let text = text_of(&path).await;
            let named = match path.rsplit('.').next() {
                Some("js") => between(&text, " from \"", "\""),
                Some("css") => between(&text, "url(\"", "\""),
                _ => {
                    [between(&text, "<link rel=\"", ">"), between(&text, "<script", ">"), between(&text, "<img ", ">")]
                        .concat()
                        .into_iter()
                        .flat_map(|tag| [between(tag, "href=\"", "\""), between(tag, "src=\"", "\"")].concat())
                        .collect()
                }
            };
            wanted.extend(named.into_iter().map(|name| beside(&path, name)));
        }
        assert!(sizes.contains_key("/js/pages/access.js") && sizes.contains_key("/css/parts.css"), "{sizes:?}");
        let total: usize = sizes.values().sum();
        println!("the first page takes {total} bytes");
        assert!(total <= FIRST_PAGE_BYTES_MAX, "{total} bytes: {sizes:?}");
    }
}
