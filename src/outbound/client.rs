//! One request and its response.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::authorities;
use super::connection::{Connector, drive};
use super::error::OutboundError;
use super::resolver::{Resolve, resolver};
use super::settings::OutboundSettings;
use super::target::Target;

/// The largest head of a response, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What requests say they come from.
const AGENT: &str = concat!("muster/", env!("CARGO_PKG_VERSION"));

/// Sends requests to other servers. Making one connects to nowhere.
pub struct Outbound {
    connector: Connector,
    total_timeout: Duration,
    response_bytes_max: usize,
}

impl Outbound {
    /// Reads the authorities, from the CA file or the system.
    pub fn new(settings: &OutboundSettings) -> Result<Self, OutboundError> {
        Self::with_resolver(settings, resolver())
    }

    pub(super) fn with_resolver(settings: &OutboundSettings, resolve: Resolve) -> Result<Self, OutboundError> {
        let connector = Connector {
            tls: Arc::new(authorities::tls(settings.ca_file.as_deref())?),
            proxy: settings.proxy.clone(),
            resolve,
            timeout: settings.connect_timeout,
        };
        let OutboundSettings { total_timeout, response_bytes_max, .. } = *settings;
        Ok(Self { connector, total_timeout, response_bytes_max })
    }

    /// Sends a request, whose URI is a path below the target's, and reads the whole response. A redirect is a response like
    /// any other. Each request has a connection of its own: there are few.
    pub async fn send(&self, target: &Target, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let limit = self.total_timeout;
        let server = target.server.to_string();
        timeout(limit, self.exchange(target, request)).await.map_err(|_| OutboundError::Timeout { server, limit })?
    }

    async fn exchange(&self, target: &Target, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let request = self.complete(target, request)?;
        let stream = self.connector.connect(target).await?;
        let failed = |source: hyper::Error| OutboundError::Http { server: target.server.to_string(), source };
        let mut http = http1::Builder::new();
        http.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = http.handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let answered = async {
            let response = sender.send_request(request).await.map_err(failed)?;
            self.read(target, response).await
        };
        drive(connection, answered).await
    }

    /// The request as it is sent: with its `Host`, below the target's path, and for a proxy that takes it whole with its
    /// server.
    fn complete(&self, target: &Target, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, OutboundError> {
        let (mut head, body) = request.into_parts();
        let unusable = || OutboundError::Path(head.uri.to_string());
        if head.uri.authority().is_some() || !head.uri.path().starts_with('/') {
            return Err(unusable());
        }
        let path = target.below(head.uri.path_and_query().map_or("/", |path| path.as_str()));
        let goes_whole = self.connector.proxy.is_some() && !target.with_tls;
        let uri = if goes_whole { format!("http://{}{path}", target.authority()) } else { path };
        let host = HeaderValue::from_str(&target.authority()).map_err(|_| unusable())?;
        head.uri = uri.parse().map_err(|_| unusable())?;
        head.headers.insert(HOST, host);
        head.headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        Ok(Request::from_parts(head, Full::new(body)))
    }

    async fn read(&self, target: &Target, response: Response<Incoming>) -> Result<Response<Bytes>, OutboundError> {
        let limit = self.response_bytes_max;
        let (head, mut body) = response.into_parts();
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|source| OutboundError::Http { server: target.server.to_string(), source })?;
            let Ok(data) = frame.into_data() else { continue };
            if read.len() + data.len() > limit {
                return Err(OutboundError::TooLarge { server: target.server.to_string(), limit });
            }
            read.extend_from_slice(&data);
        }
        Ok(Response::from_parts(head, read.into()))
    }
}
