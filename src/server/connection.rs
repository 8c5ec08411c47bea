//! One connection, from its first byte to its last.
//!
//! What is no request of HTTP/1.1 (a header that is malformed, names no host or two, or is larger than the limit; 400,
//! 414 and 431) is answered with the bare status and no body, because no request exists yet that could carry an id; a
//! header that does not arrive in time ends the connection without a response.

use std::future::ready;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::Either;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::body_drain::BodyDrain;
use super::forwarded::TrustedProxies;
use super::handler::{BoxError, Handler};
use super::header_timeout::{HeaderTimeout, ResponseBody};
use super::poll_when_woken::PollWhenWoken;
use super::tls::{self, Tls};
use super::transfer_timeout::TransferLimits;
use super::write_timeout::{TimedStream, WriteTimeout};
use crate::clock::Clock;
use crate::config::ServerSettings;

/// Size of a request's header, request line included; a cursor of 4 KiB and a browser's headers fit several times.
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What all connections share.
pub(super) struct Connections<H> {
    pub(super) settings: ServerSettings,
    pub(super) transfer_limits: TransferLimits,
    pub(super) tls: Option<Tls>,
    pub(super) trusted_proxies: Arc<TrustedProxies>,
    pub(super) handler: H,
    pub(super) clock: Clock,
    /// Cancelled when no new request is to begin.
    pub(super) stop: CancellationToken,
    /// Cancelled when running requests have to end.
    pub(super) abort: CancellationToken,
}

/// Why the server ends a connection.
enum Interruption {
    /// The server stops.
    Stop,
    /// The client has not sent a header, or not read a response, in time.
    Timeout,
}

impl<H: Handler> Connections<H> {
    /// Serves one connection to its end.
    pub(super) fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<H> {
        // Responses are written whole, so waiting to fill packets would only delay them. A failure means that the
        // client has disconnected, which serving finds out too.
        let _ = stream.set_nodelay(true);
        let header_timeout = Arc::new(HeaderTimeout::new(self.clock.clone()));
        let write_timeout = Arc::new(WriteTimeout::new(self.clock.clone()));
        let service = service_fn({
            let (handler, trusted_proxies) = (self.handler.clone(), Arc::clone(&self.trusted_proxies));
            let header_timeout = Arc::clone(&header_timeout);
            move |mut request: Request<Incoming>| {
                header_timeout.header_received();
                let response = if names_one_host(&request) {
                    let client = trusted_proxies.client(peer.ip(), request.headers());
                    request.extensions_mut().insert(client);
                    Either::Left(handler.call(BodyDrain::wrap(request)))
                } else {
                    Either::Right(ready(Ok(no_host())))
                };
                let header_timeout = Arc::clone(&header_timeout);
                response.map(|response| response.map(|response| with_timeout(response, header_timeout)))
            }
        });
        let (stop, header_read_timeout, limits) =
            (self.stop.clone(), self.settings.header_read_timeout, self.transfer_limits);
        let mut interruption = PollWhenWoken::new({
            let write_timeout = Arc::clone(&write_timeout);
            async move {
                let not_read = write_timeout.expired(limits.download_idle_time_max, limits.bytes_per_second_min);
                tokio::select! {
                    () = stop.cancelled() => Interruption::Stop,
                    () = header_timeout.expired(header_read_timeout, &write_timeout) => Interruption::Timeout,
                    () = not_read => Interruption::Timeout,
                }
            }
        });
        let (tls, abort) = (self.tls.clone(), self.abort.clone());
        async move {
            let Some(tls) = tls else {
                let stream = TokioIo::new(TimedStream::new(stream, write_timeout));
                return run(http1().serve_connection(stream, service), interruption, abort).await;
            };
            let handshake = async {
                let first_byte = tls::first_byte(&stream).await?;
                tls.accept(TimedStream::new(stream, write_timeout), first_byte).await
            };
            let stream = tokio::select! {
                stream = handshake => stream,
                // No request has begun yet, so none has to be finished.
                _ = &mut interruption => None,
            };
            if let Some(stream) = stream {
                // In a box, so that connections without TLS take no memory for it.
                Box::pin(run(http1().serve_connection(TokioIo::new(stream), service), interruption, abort)).await;
            }
        }
    }
}

/// hyper's settings.
fn http1() -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client that has sent everything and closed its side still waits for the response.
    http.half_close(true)
        // `HeaderTimeout` does that.
        .header_read_timeout(None)
        .max_header_size(HEADER_BYTES_MAX);
    http
}

/// Whether a request names its host once, as it must since HTTP/1.1 (RFC 9112, section 3.2). With two of them a proxy
/// and this server might each believe another one.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_old = request.version() < Version::HTTP_11;
    (hosts.next().is_some() || is_old) && hosts.next().is_none()
}

/// The bare refusal that hyper itself would give.
fn no_host<B: Default>() -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn with_timeout<B>(response: Response<B>, header_timeout: Arc<HeaderTimeout>) -> Response<ResponseBody<B>> {
    response.map(|body| ResponseBody { body, header_timeout })
}

/// Serves a connection until it ends by itself or has to.
async fn run<I, S, B>(
    connection: http1::Connection<TokioIo<I>, S>,
    interruption: PollWhenWoken<impl Future<Output = Interruption>>,
    abort: CancellationToken,
) where
    S: HttpService<Incoming, ResBody = ResponseBody<B>>,
    S::Error: Into<BoxError>,
    B: Body<Error: Into<BoxError>> + Unpin + 'static,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        interruption = interruption => match interruption {
            Interruption::Timeout => Ok(()),
            Interruption::Stop => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = connection => result,
                    () = abort.cancelled() => Ok(()),
                }
            }
        },
    };
    if let Err(error) = result {
        tracing::trace!(%error, "connection ended");
    }
}
