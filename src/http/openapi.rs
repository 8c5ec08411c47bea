//! The OpenAPI document: what is said once for all routes, and what every route's entry is completed with.

use axum::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use serde_json::json;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Content, HeaderBuilder, PathItem, Ref, RefOr, Required, Response, ResponseBuilder, ServerBuilder,
};
use utoipa::{OpenApi, ToSchema};

use super::api_root::SECOND_ROOT;
use super::assets::Asset;
use super::error::{ApiError, PROBLEM_JSON, Problem};
use super::field_types::{Id, ListCursor};
use super::guard::{RouteAccess, Within};
use super::openapi_schemas;
use super::routes::idempotent::IDEMPOTENCY_KEY_HEADER as IDEMPOTENCY_KEY;
use crate::config::BasePath;
use crate::domain::FieldError;
use crate::domain::access::Role;

/// The name of the security scheme for programs.
const TOKEN_SCHEME: &str = "token";

/// The name of the other one, for browsers.
const SESSION_SCHEME: &str = "session";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Gathers the business contacts of an enterprise and its departments, and answers how many there \
            are, of how many people, from which companies, collected by whom, growing how fast.\n\nEvery operation but \
            the public ones takes a token: `Authorization: Bearer <token>`. Make one with `muster token create`. Each \
            path is also served under `/api`. Every failure is an RFC 9457 problem document.",
        license(name = "MIT", identifier = "MIT")
    ),
    components(schemas(Problem, FieldError, Id, ListCursor)),
    tags(
        (name = "summaries", description = "What Muster exists for: the figures of an enterprise or a department"),
        (name = "contacts", description = "Adding, changing, importing and exporting contacts"),
        (name = "directory", description = "Enterprises, departments and employees"),
        (name = "cache", description = "What the cache of summaries does, and how it is tuned"),
        (name = "access", description = "Tokens, signing in, sessions, and what administrators did"),
        (name = "backup", description = "Backups that the server makes"),
        (name = "service", description = "Is it alive, is it ready, and this document")
    )
)]
struct Preface;

/// The document before the first route.
pub(super) fn preface(base_path: Option<&BasePath>) -> utoipa::openapi::OpenApi {
    let mut document = Preface::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    // It would name the author of Cargo.toml, who is no contact for the user of an installation.
    document.info.contact = None;
    let server = |url: &str, description: &str| ServerBuilder::new().url(url).description(Some(description)).build();
    let base = base_path.map_or("", BasePath::as_str);
    let (root, second_root) = (if base.is_empty() { "/" } else { base }, format!("{base}{SECOND_ROOT}"));
    document.servers =
        Some(vec![server(root, "This server"), server(&second_root, "The same, for clients that expect it")]);
    if let Some(components) = &mut document.components {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token made with `muster token create` or `POST /tokens`"))
            .build();
        components.add_security_scheme(TOKEN_SCHEME, SecurityScheme::Http(scheme));
        let description = "A browser that `POST /session` signed in. The cookie is `__Host-muster_session` where \
            `public-url` begins with `https`; below a base path such as `/muster` it is `muster_session.muster` or \
            `__Secure-muster_session.muster`. A change made with it must come from the server's own pages, as \
            `Sec-Fetch-Site`, `Origin` or `Referer` say; else it is answered 403.";
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description("muster_session", description));
        components.add_security_scheme(SESSION_SCHEME, SecurityScheme::ApiKey(cookie));
        for (_, name, description, header) in PROBLEMS {
            components.responses.insert(name.to_owned(), problem_response(description, header).into());
        }
    }
    document
}

/// A header's name and what it means.
type HeaderDescription = (&'static str, &'static str);

/// Seconds, in a failure that passes.
const RETRY_AFTER: Option<HeaderDescription> = Some(("Retry-After", "Seconds to wait"));

/// Reusable failures: status, name, description, and the header that tells more.
const PROBLEMS: [(&str, &str, &str, Option<HeaderDescription>); 13] = [
    ("400", "BadRequest", "The request is wrong in itself; the fields that are to blame are named", None),
    ("401", "Unauthorized", "No token, or one that does not work", Some(("WWW-Authenticate", "Always `Bearer`"))),
    ("403", "Forbidden", "The token does not allow this", None),
    ("404", "NotFound", "Something that the request names does not exist, or the token does not reach it", None),
    ("408", "RequestTimeout", "The body did not arrive in time", Some(("Connection", "Always `close`"))),
    ("409", "Conflict", "It conflicts with what exists", None),
    ("412", "PreconditionFailed", "It is no longer what `If-Match` names", None),
    ("413", "BodyTooLarge", "The body is larger than the limit", None),
    ("415", "UnsupportedMediaType", "The body is of another media type", None),
    ("429", "TooManyRequests", "Too many unknown tokens", RETRY_AFTER),
    ("500", "InternalError", "The fault is the server's; its log has more under the request's id", None),
    ("503", "Unavailable", "Not now; nothing is lost by asking again", RETRY_AFTER),
    ("507", "InsufficientStorage", "The disk or the database is full; nothing was changed", None),
];

/// The failures of an operation that follow from what it takes and who may use it. Others, a 409 above all, are
/// declared by its handler, where a status alone will do: `responses(…, (status = 409))`.
fn statuses_that_follow(operation: &Operation, method_is_safe: bool, access: RouteAccess) -> Vec<&'static str> {
    let takes = |places: &[ParameterIn], name: Option<&str>| {
        operation.parameters.iter().flatten().any(|parameter| match parameter {
            RefOr::T(parameter) => {
                places.contains(&parameter.parameter_in) && name.is_none_or(|name| parameter.name == name)
            }
            RefOr::Ref(_) => false,
        })
    };
    let mut statuses = vec!["500", "503"];
    if matches!(access, RouteAccess::Token(..)) {
        statuses.extend(["401", "403", "429"]);
    }
    if operation.request_body.is_some() {
        statuses.extend(["400", "408", "413", "415"]);
    }
    if takes(&[ParameterIn::Query], None) {
        statuses.push("400");
    }
    if takes(&[ParameterIn::Header], Some(IDEMPOTENCY_KEY)) {
        statuses.extend(["400", "409"]);
    }
    if takes(&[ParameterIn::Header], Some("If-Match")) {
        statuses.push("412");
    }
    if takes(&[ParameterIn::Path], None) {
        statuses.push("404");
    }
    if !method_is_safe {
        statuses.push("507");
    }
    statuses
}

fn problem_response(description: &str, header: Option<HeaderDescription>) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let media_type = PROBLEM_JSON;
    let response = ResponseBuilder::new()
        .description(description)
        .content(media_type.to_str().unwrap_or_default(), content)
        .header("X-Request-Id", text_header("Under which the server's log knows this request"));
    match header {
        Some((name, description)) => response.header(name, text_header(description)).build(),
        None => response.build(),
    }
}

fn text_header(description: &str) -> utoipa::openapi::Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// Adds to a route's entry what follows from its path and its guard.
pub(super) fn complete(path: &str, item: &mut PathItem, access: RouteAccess) {
    for (operation, method_is_safe) in operations(item) {
        let parameters = operation.parameters.get_or_insert_default();
        for (name, what) in path_parameters(path) {
            let is_documented = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(p) if p.name == name);
            if !parameters.iter().any(is_documented) {
                parameters.push(RefOr::T(path_parameter(name, what)));
            }
        }
        operation.parameters = operation.parameters.take().filter(|parameters| !parameters.is_empty());
        match access {
            // No requirement at all, where the absence of this list would leave it open.
            RouteAccess::Public => operation.security = Some(Vec::new()),
            RouteAccess::Token(role, within) => {
                let schemes = [TOKEN_SCHEME, SESSION_SCHEME];
                operation.security = Some(schemes.map(|name| SecurityRequirement::new(name, [] as [&str; 0])).into());
                let limit = match within {
                    Within::Installation => " It must not be limited to one enterprise.",
                    Within::Enterprise => " Its reach must cover the whole enterprise.",
                    Within::Department => " Its reach must cover the whole department.",
                    Within::Own => " Its reach must cover the employee.",
                    Within::Reach => "",
                };
                let needs = match role {
                    Role::Intake => format!("Takes a token with the role `intake`, or `contributor` or above.{limit}"),
                    role => format!("Takes a token with the role `{}` or above.{limit}", role.as_str()),
                };
                let before = operation.description.take().map_or(String::new(), |text| format!("{text}\n\n"));
                operation.description = Some(before + &needs);
                // For programs, which the sentence above is not for.
                let access = json!({"role": role, "within": within});
                operation.extensions = Some(ExtensionsBuilder::new().add("x-muster-access", access).build());
            }
        }
        let follow = statuses_that_follow(operation, method_is_safe, access);
        let responses = &mut operation.responses.responses;
        for (status, name, _, header) in PROBLEMS {
            let reference = || RefOr::Ref(Ref::from_response_name(name));
            match responses.get_mut(status) {
                // A handler declares the status, perhaps with words of its own.
                Some(RefOr::T(declared)) if declared.content.is_empty() && !declared.description.is_empty() => {
                    *declared = problem_response(&declared.description, header);
                }
                Some(declared) if is_bare(declared) => *declared = reference(),
                None if follow.contains(&status) => {
                    responses.insert(status.to_owned(), reference());
                }
                Some(_) | None => {}
            }
        }
        for (status, response) in responses.iter_mut() {
            describe(status, response);
        }
    }
}

fn is_bare(response: &RefOr<Response>) -> bool {
    matches!(response, RefOr::T(response) if response.content.is_empty() && response.description.is_empty())
}

/// OpenAPI wants every response described; the status in words will do where a handler says no more.
fn describe(status: &str, response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    let words = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
    if response.description.is_empty() {
        words.unwrap_or("An answer").clone_into(&mut response.description);
    }
}

/// The operations of a path, each with whether its method changes nothing.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let PathItem { get, put, post, delete, patch, head, .. } = item;
    let safe = [get, head].into_iter().flatten().map(|operation| (operation, true));
    safe.chain([put, post, delete, patch].into_iter().flatten().map(|operation| (operation, false)))
}

fn path_parameters(path: &str) -> impl Iterator<Item = (&str, &'static str)> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).map(|name| {
        let what = match name {
            "enterpriseId" => "The enterprise's id",
            "departmentId" => "The department's id, unique within its enterprise",
            "employeeId" | "userId" => "The employee's id",
            "contactId" => "The contact's id",
            "tokenId" => "The token's public id",
            "key" => "The key of an entry, as `GET /cache/entries` lists it",
            "sessionId" => "The session's public id",
            _ => "",
        };
        (name, what)
    })
}

fn path_parameter(name: &str, what: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let id = || RefOr::from(Ref::from_schema_name(Id::name()));
    let (schema, example) = match name {
        "enterpriseId" => (id(), "acme"),
        "departmentId" => (id(), "sales"),
        "employeeId" | "userId" => (id(), "u1"),
        "contactId" => (text.pattern(Some("^[0-9a-hjkmnp-tv-z]{13}$")).into(), "01k5n8w3q7r2v"),
        "key" => (text.into(), "enterprise:acme:contacts"),
        _ => (text.into(), "t1"),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description((!what.is_empty()).then_some(what))
        .schema(Some(schema))
        .example(Some(serde_json::Value::from(example)))
        .build()
}

/// The finished document, serialised once.
pub(super) fn asset(document: utoipa::openapi::OpenApi) -> Result<Asset, ApiError> {
    let json = openapi_schemas::json(document)?;
    Ok(Asset::new(Bytes::from(json), HeaderValue::from_static("application/json")))
}
