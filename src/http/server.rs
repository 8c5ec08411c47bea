//! Connections: accepting them, bounding them, and ending them in order.
//!
//! This is hyper's own HTTP/1 server and not `axum::serve`, which has no time limit for reading a request's head: a
//! client could hold a connection for ever by saying nothing.
//!
//! What is no request of HTTP/1.1 (a head that is malformed, names no host or two, or is larger than the limit; 400, 414 and
//! 431) is answered
//! with the bare status and no body, because no request exists yet that could carry an id; a head that does not arrive
//! in time ends the connection without an answer.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::crowd::{Crowd, Place, Refused};
use super::forwarded::TrustedProxies;
use super::heads::{AnswerBody, Heads};
use super::linger::Lingering;
use super::meters::Meters;
use super::outflow::{Outflow, Watched};
use super::quiet::Quiet;
use super::settings::HttpSettings;
use super::tls::{self, Tls};
use crate::clock::Clock;

/// With all connections in use, each that comes and goes would be a line in the log.
const FULL_WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Pause after a failed accept, so that a full table of open files does not become a busy loop. Connections that end
/// in the meantime make room.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(200);

/// Serves connections until `stop` is cancelled, then lets running requests finish within the drain time and cuts the
/// rest.
///
/// With the most connections open, the next ones wait in the listener's backlog: they are served late and not refused,
/// and a flood costs neither memory nor descriptors. Those that are open are the tasks of `meters.connections`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: &HttpSettings,
    clock: Clock,
    stop: CancellationToken,
    meters: Arc<Meters>,
) {
    let connections = Connections {
        http: http1_settings(settings),
        head_read_time_max: settings.header_read_time_max,
        download_idle_time_max: settings.download_idle_time_max,
        bytes_per_second_min: settings.transfer_bytes_per_second_min,
        tls: settings.tls.clone(),
        crowd: Crowd::new(settings.connections_per_address_max),
        clock: clock.clone(),
        proxies: Arc::new(settings.trusted_proxies.clone()),
        router,
        stop: stop.clone(),
        cut: CancellationToken::new(),
        meters,
    };
    let watching = async {
        match &settings.tls {
            Some(tls) => tls.watch(&clock).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = accept(&listener, &connections, settings.connections_max) => {}
        () = stop.cancelled() => {}
        () = watching => {}
    }
    // From here on the port refuses connections.
    drop(listener);
    connections.end(settings.drain_time_max).await;
}

fn http1_settings(settings: &HttpSettings) -> http1::Builder {
    let mut http = http1::Builder::new();
    // A client that has sent all and closed its side still waits for the answer.
    http.half_close(true)
        // The time for a head is limited by `Heads`.
        .header_read_timeout(None)
        .max_header_size(settings.header_bytes_max);
    http
}

/// Accepts for ever.
async fn accept(listener: &TcpListener, connections: &Connections, connections_max: usize) {
    let free = Arc::new(Semaphore::new(connections_max));
    let mut warned_at = None;
    loop {
        if free.available_permits() == 0 {
            let now = connections.clock.instant();
            if warned_at.is_none_or(|at| now.saturating_duration_since(at) >= FULL_WARNING_INTERVAL) {
                tracing::warn!(connections_max, "all connections are in use; further ones wait");
                warned_at = Some(now);
            }
        }
        // This semaphore is never closed; were it, nothing more could be served.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Ok(place) = connections.place(peer.ip()) else { continue };
                let connection = connections.connection(stream, peer);
                connections.meters.connections.spawn(async move {
                    connection.await;
                    drop((permit, place));
                });
            }
            // The client went away before its turn.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(ACCEPT_BACK_OFF).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Whether a request says once at which host it is aimed, as it must since HTTP/1.1 (RFC 9112, section 3.2). With two of them a
/// proxy and this server might each believe another one.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_old = request.version() < Version::HTTP_11;
    (hosts.next().is_some() || is_old) && hosts.next().is_none()
}

/// The bare refusal that hyper itself would give.
fn no_host() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What connections have in common.
struct Connections {
    http: http1::Builder,
    head_read_time_max: Duration,
    download_idle_time_max: Duration,
    bytes_per_second_min: u64,
    tls: Option<Tls>,
    crowd: Arc<Crowd>,
    proxies: Arc<TrustedProxies>,
    router: Router,
    clock: Clock,
    /// Cancelled when no new request is to begin.
    stop: CancellationToken,
    /// Cancelled when running requests have to end.
    cut: CancellationToken,
    meters: Arc<Meters>,
}

/// What a connection does not wait for, and has to hear of.
enum Interruption {
    /// The server stops.
    Stop,
    /// The client has not sent a request's head, or not taken an answer, in time. It gets no more.
    Overdue,
}

impl Connections {
    /// A place for a connection from this address, unless it is one too many, which is closed. Trusted proxies bring the
    /// connections of many and need none.
    fn place(&self, address: IpAddr) -> Result<Option<Place>, Refused> {
        if self.proxies.trusts(address) {
            return Ok(None);
        }
        let place = self.crowd.enter(address).inspect_err(|refused| {
            self.meters.shed.connections.fetch_add(1, Ordering::Relaxed);
            if refused.first {
                tracing::warn!(%address, "too many connections from this address; closing further ones");
            }
        });
        place.map(Some)
    }

    /// Serves one connection to its end.
    fn connection(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + use<> {
        // Answers are written whole, so waiting to fill packets would only delay them. A failure means that the client
        // has gone, which serving finds out too.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let heads = Arc::new(Heads::new(self.clock.clone()));
        let outflow = Arc::new(Outflow::new(self.clock.clone()));
        let service = service_fn({
            let (heads, proxies) = (Arc::clone(&heads), Arc::clone(&self.proxies));
            move |mut request: Request<Incoming>| {
                heads.arrived();
                let answer = names_one_host(&request).then(|| {
                    let client = proxies.client(peer.ip(), request.headers());
                    request.extensions_mut().insert(client);
                    router.clone().call(Lingering::wrap(request))
                });
                let heads = Arc::clone(&heads);
                async move {
                    let answer = match answer {
                        Some(answer) => answer.await?,
                        None => no_host(),
                    };
                    Ok::<_, Infallible>(answer.map(|body| AnswerBody { body, heads }))
                }
            }
        });
        let (stop, head_read_time_max) = (self.stop.clone(), self.head_read_time_max);
        let (download_idle_time_max, bytes_per_second_min) = (self.download_idle_time_max, self.bytes_per_second_min);
        let mut interruption = Quiet::new({
            let outflow = Arc::clone(&outflow);
            async move {
                tokio::select! {
                    () = stop.cancelled() => Interruption::Stop,
                    () = heads.overdue(head_read_time_max, &outflow) => Interruption::Overdue,
                    () = outflow.overdue(download_idle_time_max, bytes_per_second_min) => Interruption::Overdue,
                }
            }
        });
        let (http, tls, cut) = (self.http.clone(), self.tls.clone(), self.cut.clone());
        async move {
            let Some(tls) = tls else {
                let stream = TokioIo::new(Watched::new(stream, outflow));
                return run(http.serve_connection(stream, service), interruption, cut).await;
            };
            let handshake = async {
                let first_byte = tls::first_byte(&stream).await?;
                tls.accept(Watched::new(stream, outflow), first_byte).await
            };
            let stream = tokio::select! {
                stream = handshake => stream,
                // Nothing was asked yet, so nothing has to be finished.
                _ = &mut interruption => None,
            };
            if let Some(stream) = stream {
                // In a box, so that connections without TLS take no memory for it.
                Box::pin(run(http.serve_connection(TokioIo::new(stream), service), interruption, cut)).await;
            }
        }
    }

    async fn end(self, drain_time_max: Duration) {
        let running = &self.meters.connections;
        running.close();
        if tokio::time::timeout(drain_time_max, running.wait()).await.is_err() {
            let unfinished = running.len();
            tracing::warn!(unfinished, ?drain_time_max, "ending requests that did not finish in time");
            self.cut.cancel();
            running.wait().await;
        }
    }
}

/// Serves a connection until it ends by itself or has to.
async fn run<I, S>(
    connection: http1::Connection<TokioIo<I>, S>,
    interruption: Quiet<impl Future<Output = Interruption>>,
    cut: CancellationToken,
) where
    S: HttpService<Incoming, ResBody = AnswerBody>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(connection);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        interruption = interruption => match interruption {
            Interruption::Overdue => Ok(()),
            Interruption::Stop => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = connection => result,
                    () = cut.cancelled() => Ok(()),
                }
            }
        },
    };
    if let Err(error) = result {
        tracing::trace!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use axum::Extension;
    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::{Stream, stream};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::super::forwarded::ClientAddress;
    use super::*;
    use crate::config::Network;
    use crate::domain::time::Timestamp;

    struct Running {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinHandle<()>,
        /// Told when `/held` has begun.
        begun: Arc<Notify>,
        /// Lets one `/held` finish.
        release: Arc<Notify>,
    }

    async fn start(settings: HttpSettings) -> Running {
        start_at(Clock::system(), settings).await
    }

    async fn start_at(clock: Clock, settings: HttpSettings) -> Running {
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let held = {
            let (begun, release) = (Arc::clone(&begun), Arc::clone(&release));
            async move || {
                begun.notify_one();
                release.notified().await;
                "done"
            }
        };
        let router = Router::new()
            .route("/peer", get(async |Extension(client): Extension<ClientAddress>| client.0.to_string()))
            .route("/endless", get(async || Body::from_stream(endless())))
            .route("/held", get(held));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                {
                    let meters = Arc::new(Meters::new(clock.now()));
                    serve(listener, router, &settings, clock, stop, meters).await;
                }
            }
        });
        Running { address, stop, task, begun, release }
    }

    /// Told when the stream of `/endless` is given up.
    static ENDLESS: LazyLock<Notify> = LazyLock::new(Notify::new);

    /// As an event stream: piece after piece, without an end. Tells when it is given up.
    fn endless() -> impl Stream<Item = io::Result<Bytes>> {
        struct GivenUp;
        impl Drop for GivenUp {
            fn drop(&mut self) {
                ENDLESS.notify_one();
            }
        }
        let given_up = GivenUp;
        stream::repeat_with(move || {
            let _ = &given_up;
            Ok(Bytes::from_static(&[b'x'; 16 * 1024]))
        })
    }

    async fn send(running: &Running, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        // A connection that was cut may end in a reset, which is an end too.
        let _ = stream.read_to_string(&mut text).await;
        text
    }

    const PEER: &str = "GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const HELD: &str = "GET /held HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test]
    async fn requests_know_where_they_come_from() {
        let running = start(HttpSettings::default()).await;
        let answer = rest(send(&running, PEER).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn behind_a_trusted_proxy_requests_come_from_where_it_says() {
        let forwarded =
            PEER.replacen("Host: x", "Host: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.9", 1);
        let check = async |trusted: &str, expected: &str| {
            let trusted_proxies = TrustedProxies::new(vec![Network::parse(trusted).unwrap()]);
            let running = start(HttpSettings { trusted_proxies, ..HttpSettings::default() }).await;
            let answer = rest(send(&running, &forwarded).await).await;
            assert!(answer.ends_with(expected), "{answer}");
        };
        check("127.0.0.0/8", "203.0.113.9").await;
        check("10.0.0.0/8", "127.0.0.1").await;
    }

    #[tokio::test]
    async fn a_running_request_finishes_and_idle_connections_end() {
        let running = start(HttpSettings::default()).await;
        let idle = TcpStream::connect(running.address).await.unwrap();
        let held = send(&running, HELD).await;
        running.begun.notified().await;
        running.stop.cancel();
        running.release.notify_one();
        let answer = rest(held).await;
        assert!(answer.ends_with("done"), "{answer}");
        assert_eq!(rest(idle).await, "");
        running.task.await.unwrap();
        assert!(TcpStream::connect(running.address).await.is_err(), "the port is closed");
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_drain_time_is_cut() {
        let running = start(HttpSettings { drain_time_max: Duration::ZERO, ..HttpSettings::default() }).await;
        let held = send(&running, HELD).await;
        running.begun.notified().await;
        running.stop.cancel();
        running.task.await.unwrap();
        assert_eq!(rest(held).await, "");
    }

    #[tokio::test]
    async fn further_connections_wait_for_their_turn() {
        let running = start(HttpSettings { connections_max: 1, ..HttpSettings::default() }).await;
        let held = send(&running, HELD).await;
        running.begun.notified().await;
        let waiting = tokio::spawn(rest(send(&running, PEER).await));
        running.release.notify_one();
        drop(held);
        assert!(waiting.await.unwrap().ends_with("127.0.0.1"));
    }

    #[tokio::test]
    async fn heads_must_arrive_in_time_and_be_small() {
        let header_read_time_max = Duration::from_millis(1);
        let running = start(HttpSettings { header_read_time_max, ..HttpSettings::default() }).await;
        assert_eq!(rest(send(&running, "GET /peer HTTP/1.1\r\nHost:").await).await, "");
        let running = start(HttpSettings::default()).await;
        let request = format!("GET /peer HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(40_000));
        let answer = rest(send(&running, &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[tokio::test]
    async fn a_stream_that_nobody_reads_is_given_up() {
        let download_idle_time_max = Duration::from_millis(50);
        let running = start(HttpSettings { download_idle_time_max, ..HttpSettings::default() }).await;
        let unread = send(&running, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
        ENDLESS.notified().await;
        drop(unread);
    }

    #[tokio::test]
    async fn the_next_head_must_arrive_in_time_and_an_answer_may_take_longer() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let header_read_time_max = Duration::from_millis(1);
        let settings = HttpSettings { header_read_time_max, ..HttpSettings::default() };
        let running = start_at(clock.clone(), settings).await;
        let mut kept = send(&running, HELD).await;
        running.begun.notified().await;
        clock.advance(Duration::from_hours(1));
        running.release.notify_one();
        let mut answer = Vec::new();
        while !answer.ends_with(b"done") {
            assert!(kept.read_buf(&mut answer).await.unwrap() > 0, "cut after {answer:?}");
        }
        clock.advance(Duration::from_hours(1));
        assert_eq!(rest(kept).await, "");
    }
}
