//! What handlers take from a request. Every extractor refuses with an [`ApiError`](super::error::ApiError) that names
//! the field, so handlers see valid values only.
//!
//! - [`Json`]: a JSON body, and a JSON answer; [`RawJson`]: its bytes.
//! - [`Span`]: a span of time in a body.
//! - [`Query`]: query parameters.
//! - [`PageQuery`], [`SeekQuery`]: the query parameters of lists.
//! - [`PathIds`]: the ids in the path.
//! - [`Upload`]: a body of any size, in chunks.

mod duration;
mod json;
mod page;
mod path;
mod query;
mod upload;

pub use duration::Span;
pub use json::{Json, Object, RawJson, nullable, object, present, whole};
pub use page::{ArchivedParams, PageParams, PageQuery, SeekParams, SeekQuery, WHOLE_LIST};
pub use path::{FromParams, PathId, PathIds, SessionId, TokenId, UserId};
pub use query::Query;
pub use upload::Upload;
