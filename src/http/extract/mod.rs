//! What handlers take from a request. Every extractor refuses with an [`ApiError`](super::error::ApiError) that names
//! the field, so handlers see valid values only.
//!
//! - [`Json`]: a JSON body, and a JSON answer; [`RawJson`]: its bytes. [`not_null`] and [`nullable`] distinguish null
//!   from an absent field.
//! - [`Span`]: a span of time in a body.
//! - [`Query`]: query parameters.
//! - [`PageQuery`], [`SeekQuery`]: the query parameters of lists.
//! - [`PathIds`]: the ids in the path.
//! - [`Upload`]: a body of any size, in chunks.
//!
//! `typed_errors` reads bodies and queries with serde so that what is wrong is a `read_error`, and no sentence.

mod duration;
mod json;
mod null;
mod page;
mod path;
mod query;
mod read_error;
mod typed_errors;
mod upload;

pub use duration::{Span, span_schema};
pub use json::{Json, RawJson};
pub use null::{not_null, nullable};
pub use page::{ArchivedParams, PageParams, PageQuery, SeekParams, SeekQuery, WHOLE_LIST};
pub use path::{FromParams, PathId, PathIds, SessionId, TokenId, UserId};
pub use query::Query;
pub use upload::Upload;
