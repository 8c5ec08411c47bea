//! What handlers take from a request. Every extractor refuses with an [`ApiError`](super::error::ApiError) that names
//! the field, so handlers see valid values only.
//!
//! - [`Json`]: a JSON body, and a JSON answer.
//! - [`Query`]: query parameters.
//! - [`PageQuery`]: the query parameters of lists.
//! - [`PathIds`]: the ids in the path.
//! - [`Upload`]: a body of any size, in chunks.

mod json;
mod page;
mod path;
mod query;
mod upload;

pub use json::{Json, object};
pub use page::{PageParams, PageQuery, WHOLE_LIST};
pub use path::{FromParams, PathId, PathIds, TokenId, UserId};
pub use query::Query;
pub use upload::Upload;
