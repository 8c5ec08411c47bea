//! The query parameters that all lists share.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use super::Query;
use crate::domain::FieldError;
use crate::domain::page::{Cursor, PAGE_NUMBER_MAX, PageRequest, PageStart};
use crate::http::error::ApiError;
use crate::http::field_types::ListCursor;

/// As the default limit of a list: without `?limit=` the list is whole.
pub const WHOLE_LIST: u32 = u32::MAX;

/// Which part of a list is wanted, for lists ordered by `C` with `LIMIT` rows to a page unless `?limit=` says
/// otherwise, and at most `LIMIT_MAX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery<C, const LIMIT: u32 = 100, const LIMIT_MAX: u32 = 1_000> {
    /// The part of the list.
    pub page: PageRequest<C>,
    /// Whether what is archived is wanted, instead of what is not.
    pub archived: bool,
}

/// Which part of a list is wanted, for lists that have cursors and no page numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeekQuery<C, const LIMIT: u32, const LIMIT_MAX: u32> {
    /// At most so many rows.
    pub limit: u32,
    /// After the row with this sort key; `None` begins with the first.
    pub after: Option<C>,
}

/// The parameters of such a list as they are documented, for `params(SeekParams)` of a handler.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct SeekParams {
    /// At most so many rows.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 5_000, example = 1_000)]
    limit: Option<String>,
    /// Where the page begins: `nextCursor` of the page before it.
    cursor: Option<ListCursor>,
}

/// The parameters of a list as they are documented, for `params(PageParams)` of a handler.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// At most so many rows.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000, example = 100)]
    limit: Option<String>,
    /// Where the page begins: `nextCursor` of the page before it.
    cursor: Option<ListCursor>,
    /// The number of the page, from 1, for clients that count pages; not together with `cursor`.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    page: Option<String>,
}

/// The parameter of lists of what can be archived, for `params(ArchivedParams)` of a handler.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ArchivedParams {
    /// `true` lists what is archived, and only that.
    #[param(value_type = Option<bool>)]
    archived: Option<String>,
}

impl<S: Sync, C: Cursor, const LIMIT: u32, const LIMIT_MAX: u32> FromRequestParts<S>
    for PageQuery<C, LIMIT, LIMIT_MAX>
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::<PageParams>::from_request_parts(parts, state).await?;
        let Query(ArchivedParams { archived }) = Query::from_request_parts(parts, state).await?;
        let mut errors = Vec::new();
        let limit = limit(&mut errors, params.limit, LIMIT, LIMIT_MAX);
        let start = match (params.cursor, params.page) {
            (Some(_), Some(_)) => Err(FieldError::new("page", "cannot be combined with cursor")),
            (Some(cursor), None) => C::decode(&cursor).map(PageStart::After),
            (None, Some(page)) => number("page", &page, PAGE_NUMBER_MAX).map(PageStart::Number),
            (None, None) => Ok(PageStart::First),
        };
        let start = start.unwrap_or_else(|error| refuse(&mut errors, error, PageStart::First));
        let archived = match archived.as_deref() {
            Some("true") => true,
            Some("false") | None => false,
            Some(_) => refuse(&mut errors, FieldError::new("archived", "must be true or false"), false),
        };
        if errors.is_empty() {
            Ok(Self { page: PageRequest { limit, start }, archived })
        } else {
            Err(ApiError::invalid(errors))
        }
    }
}

impl<S: Sync, C: Cursor, const LIMIT: u32, const LIMIT_MAX: u32> FromRequestParts<S>
    for SeekQuery<C, LIMIT, LIMIT_MAX>
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::<SeekParams>::from_request_parts(parts, state).await?;
        let mut errors = Vec::new();
        let limit = limit(&mut errors, params.limit, LIMIT, LIMIT_MAX);
        let after = params.cursor.map(|cursor| C::decode(&cursor)).transpose();
        let after = after.unwrap_or_else(|error| refuse(&mut errors, error, None));
        if errors.is_empty() { Ok(Self { limit, after }) } else { Err(ApiError::invalid(errors)) }
    }
}

fn limit(errors: &mut Vec<FieldError>, given: Option<String>, default: u32, max: u32) -> u32 {
    let Some(text) = given else { return default };
    number("limit", &text, max).unwrap_or_else(|error| refuse(errors, error, default))
}

fn number(field: &str, text: &str, max: u32) -> Result<u32, FieldError> {
    // `parse` alone would also take a plus sign, which means a space in a query.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && (1..=max).contains(number));
    number.ok_or_else(|| FieldError::new(field, format!("must be a whole number from 1 to {max}")))
}

fn refuse<T>(errors: &mut Vec<FieldError>, error: FieldError, instead: T) -> T {
    errors.push(error);
    instead
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::domain::page::TimeCursor;

    type Sample = PageQuery<TimeCursor, 100, 1_000>;

    async fn read(query: &str) -> Result<Sample, String> {
        let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
        Sample::from_request_parts(&mut parts, &()).await.map_err(|error| error.detail().to_owned())
    }

    #[tokio::test]
    async fn parameters_become_a_page_request() {
        let check = async |query: &str, limit: u32, start: PageStart<TimeCursor>, archived: bool| {
            assert_eq!(read(query).await, Ok(Sample { page: PageRequest { limit, start }, archived }), "{query}");
        };
        check("", 100, PageStart::First, false).await;
        check("limit=1000&other=x", 1_000, PageStart::First, false).await;
        check("page=3&limit=7&archived=true", 7, PageStart::Number(3), true).await;
        let cursor = TimeCursor { created_at: 7, row: 8 };
        check(&format!("cursor={}", cursor.encode()), 100, PageStart::After(cursor), false).await;
    }

    #[tokio::test]
    async fn lists_without_page_numbers_take_limit_and_cursor() {
        let read = async |query: &str| {
            let (mut parts, ()) = Request::get(format!("/?{query}")).body(()).unwrap().into_parts();
            let outcome = SeekQuery::<TimeCursor, 1_000, 5_000>::from_request_parts(&mut parts, &()).await;
            outcome.map(|query| (query.limit, query.after)).map_err(|error| error.detail().to_owned())
        };
        let cursor = TimeCursor { created_at: 7, row: 8 };
        assert_eq!(read("page=7").await, Ok((1_000, None)));
        assert_eq!(read(&format!("limit=5000&cursor={}", cursor.encode())).await, Ok((5_000, Some(cursor))));
        let refused = "limit: must be a whole number from 1 to 5000 (and 1 more)";
        assert_eq!(read("limit=5001&cursor=x").await, Err(refused.to_owned()));
    }

    #[tokio::test]
    async fn impossible_parameters_are_named() {
        let check = async |query: &str, expected: &str| assert_eq!(read(query).await, Err(expected.into()), "{query}");
        for limit in ["0", "1001", "-1", "abc", "", "1.5", "%2B1", "99999999999"] {
            check(&format!("limit={limit}"), "limit: must be a whole number from 1 to 1000").await;
        }
        check("page=0", "page: must be a whole number from 1 to 1000000").await;
        check("cursor=x", "cursor: is not a cursor that this list has given out").await;
        check("cursor=x&page=1", "page: cannot be combined with cursor").await;
        check("archived=1", "archived: must be true or false").await;
        check("limit=1&limit=2", "limit: is given twice").await;
        check("limit=0&page=0", "limit: must be a whole number from 1 to 1000 (and 1 more)").await;
    }
}
