//! What answers requests, as the server calls it.

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use hyper::body::Body;
use hyper::{Request, Response};

use super::body_drain::BodyDrain;

/// An error of any type.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// Answers requests. Each connection has a clone.
///
/// A request has a [`ClientAddress`](super::ClientAddress) in its extensions, and a
/// [`BodyProgress`](super::BodyProgress) where it has a body.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The body of its responses; empty by default.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Default + Unpin + Send + 'static;
    /// A response that is being made. Named, so that it needs no box.
    type Future: Future<Output = Result<Response<Self::Body>, Infallible>> + Send + 'static;

    /// Answers one request.
    fn call(&self, request: Request<BodyDrain>) -> Self::Future;
}
