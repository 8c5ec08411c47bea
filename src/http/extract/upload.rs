//! Bodies of any size, read in chunks.

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::server::{TransferLimits, TransferTimeout};

/// A body of any size for routes that stream. It is given up when it stands still for too long or trickles, so such a
/// client does not hold what the import holds.
#[derive(Debug)]
pub struct Upload {
    body: Body,
    timeout: TransferTimeout,
}

impl Upload {
    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match self.timeout.wait(self.body.frame()).await {
                Some(None) => return Ok(None),
                // Trailers are of no interest.
                Some(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.timeout.transferred(data.len());
                        return Ok(Some(data));
                    }
                    _ => {}
                },
                Some(Some(Err(error))) => {
                    return Err(ApiError::bad_request("The body broke off or is not valid HTTP").caused_by(error));
                }
                None => return Err(ApiError::request_timeout(self.timeout.reason())),
            }
        }
    }
}

impl<S> FromRequest<S> for Upload
where
    S: Send + Sync,
    TransferLimits: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let timeout = TransferTimeout::of_upload(TransferLimits::from_ref(state), Clock::from_ref(state));
        Ok(Self { body: request.into_body(), timeout })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_stalled_body_is_given_up() {
        let first = stream::iter([Ok::<_, std::io::Error>("name,email\n"), Ok(""), Ok("Ada,")]);
        let body = Body::from_stream(first.chain(stream::pending()));
        let limits = TransferLimits { upload_idle_time_max: Duration::ZERO, ..TransferLimits::default() };
        let mut upload = Upload { body, timeout: TransferTimeout::of_upload(limits, Clock::system()) };
        assert_eq!(upload.chunk().await.unwrap().unwrap(), "name,email\n");
        assert_eq!(upload.chunk().await.unwrap().unwrap(), "Ada,");
        assert_eq!(upload.chunk().await.unwrap_err().status(), 408);
    }
}
