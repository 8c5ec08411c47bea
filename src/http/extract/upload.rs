//! Bodies of any size, read in chunks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use bytes::Bytes;
use http_body_util::BodyExt;

use crate::http::error::ApiError;
use crate::http::settings::HttpSettings;

/// A body of any size for routes that stream. It is given up when it stands still for too long, so a stalled client
/// does not hold what the import holds.
#[derive(Debug)]
pub struct Upload {
    body: Body,
    idle_time_max: Duration,
}

impl Upload {
    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match tokio::time::timeout(self.idle_time_max, self.body.frame()).await {
                Ok(None) => return Ok(None),
                // Trailers are of no interest.
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    _ => {}
                },
                Ok(Some(Err(error))) => {
                    return Err(ApiError::bad_request("The body broke off or is not valid HTTP").caused_by(error));
                }
                Err(_) => {
                    let secs = self.idle_time_max.as_secs();
                    return Err(ApiError::unavailable(format!("The body stood still for {secs} s"), 1));
                }
            }
        }
    }
}

impl<S> FromRequest<S> for Upload
where
    S: Send + Sync,
    Arc<HttpSettings>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let idle_time_max = Arc::<HttpSettings>::from_ref(state).upload_idle_time_max;
        Ok(Self { body: request.into_body(), idle_time_max })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_stalled_body_is_given_up() {
        let first = stream::iter([Ok::<_, std::io::Error>("name,email\n"), Ok(""), Ok("Ada,")]);
        let body = Body::from_stream(first.chain(stream::pending()));
        let settings = HttpSettings { upload_idle_time_max: Duration::ZERO, ..HttpSettings::default() };
        let mut upload = Upload::from_request(Request::new(body), &Arc::new(settings)).await.unwrap();
        assert_eq!(upload.chunk().await.unwrap().unwrap(), "name,email\n");
        assert_eq!(upload.chunk().await.unwrap().unwrap(), "Ada,");
        assert_eq!(upload.chunk().await.unwrap_err().status(), 503);
    }
}
