//! Contact details: the contacts behind a summary, page by page, in the shape that existing clients read.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::summaries::{KnownTags, SummaryAnswer};
use crate::domain::contacts::{
    ContactList, ContactsByDepartment, ContactsWithBreakdown, DETAILS_LIMIT, DETAILS_LIMIT_MAX, DepartmentDetails,
    DetailsRequest, DetailsView, EnterpriseDetails,
};
use crate::domain::directory::Scope;
use crate::domain::ids::{DepartmentId, EnterpriseId};
use crate::domain::page::TimeCursor;
use crate::http::cached_response::{self, TakenHeaders};
use crate::http::error::ApiError;
use crate::http::extract::{PathIds, Query, SeekParams, SeekQuery};
use crate::http::field_types::add_schema;
use crate::http::state::AppState;
use crate::summaries::SummaryKey;

/// The part of the list that is wanted.
type Part = SeekQuery<TimeCursor, DETAILS_LIMIT, DETAILS_LIMIT_MAX>;

/// The shape that is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ViewParams {
    /// `list` gives `contacts` as one flat list whose times are RFC 3339, and leaves out what departments or employees
    /// amount to.
    #[param(inline, required = false)]
    view: DetailsView,
}

fn request(Part { limit, after }: Part, Query(ViewParams { view }): Query<ViewParams>) -> DetailsRequest {
    DetailsRequest { view, limit, after }
}

/// Declares, for the document, an answer that has one of two shapes, as `view` says: each shape is an object of its own
/// with all its fields, which generators of clients make a class of. A page without contacts may be of either.
macro_rules! either_view {
    ($answer:ident, $name:literal: $details:ident<$full:ty>, $full_name:literal; $list_name:literal) => {
        struct $answer;

        impl PartialSchema for $answer {
            fn schema() -> RefOr<Schema> {
                let views = [$full_name, $list_name].map(Ref::from_schema_name);
                let any = views.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
                any.description(Some("A page of contacts, newest first, in the shape that `view` asks for.")).into()
            }
        }

        impl ToSchema for $answer {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push(($full_name.to_owned(), $details::<$full>::schema()));
                schemas.push(($list_name.to_owned(), $details::<ContactList>::schema()));
                $details::<ContactList>::schemas(schemas);
                add_schema::<$full>(schemas);
                add_schema::<ContactList>(schemas);
            }
        }
    };
}

either_view! {
    AnyEnterpriseDetails, "EnterpriseDetails":
    EnterpriseDetails<ContactsByDepartment>, "EnterpriseDetailsFull"; "EnterpriseDetailsList"
}

either_view! {
    AnyDepartmentDetails, "DepartmentDetails":
    DepartmentDetails<ContactsWithBreakdown>, "DepartmentDetailsFull"; "DepartmentDetailsList"
}

/// The contacts of an enterprise
///
/// Newest first, 1,000 on a page unless `limit` says otherwise and at most 5,000, by department, each with the employee who collected it. All counts are whole,
/// whatever the page, and come from the same snapshot as the contacts. What is archived is neither shown nor counted.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/contacts/details", tag = "summaries", operation_id = "getEnterpriseDetails",
    params(SeekParams, ViewParams, KnownTags),
    responses(
        (status = 200, body = SummaryAnswer<AnyEnterpriseDetails>, headers(
            ("ETag" = String, description = "Changes exactly when the body could"),
            ("Cache-Status" = String, description = "Hit or miss, by RFC 9211"),
            ("Age" = u64, description = "Seconds since the data was computed"),
        )),
        (status = 304, description = "The client has it already"),
    )
)]
pub async fn enterprise(
    State(state): State<AppState>,
    PathIds(id): PathIds<EnterpriseId>,
    part: Part,
    view: Query<ViewParams>,
    headers: TakenHeaders,
) -> Result<Response, ApiError> {
    let key = SummaryKey::details(Scope::enterprise(id), request(part, view));
    cached_response::answer(&state, &key, headers).await
}

/// The contacts of a department
///
/// Newest first, 1,000 on a page unless `limit` says otherwise and at most 5,000, each with the employee who collected it, and how many contacts each employee
/// collected in all.
#[utoipa::path(
    get, path = "/enterprise/{enterpriseId}/departments/{departmentId}/contacts/details",
    tag = "summaries", operation_id = "getDepartmentDetails",
    params(SeekParams, ViewParams, KnownTags),
    responses(
        (status = 200, body = SummaryAnswer<AnyDepartmentDetails>, headers(
            ("ETag" = String, description = "Changes exactly when the body could"),
            ("Cache-Status" = String, description = "Hit or miss, by RFC 9211"),
            ("Age" = u64, description = "Seconds since the data was computed"),
        )),
        (status = 304, description = "The client has it already"),
    )
)]
pub async fn department(
    State(state): State<AppState>,
    PathIds((enterprise, department)): PathIds<(EnterpriseId, DepartmentId)>,
    part: Part,
    view: Query<ViewParams>,
    headers: TakenHeaders,
) -> Result<Response, ApiError> {
    let key = SummaryKey::details(Scope::department(enterprise, department), request(part, view));
    cached_response::answer(&state, &key, headers).await
}
