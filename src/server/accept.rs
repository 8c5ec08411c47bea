//! Accepting connections, limiting their number, and ending them in order.
//!
//! This is hyper's own HTTP/1 server and not `axum::serve`, which has no time limit for the header of a request: a
//! client could hold a connection for ever by sending nothing.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::certificate::{TlsError, TlsFiles};
use super::connection::Connections;
use super::connection_limit::{ConnectionLimiter, ConnectionPermit, LimitReached};
use super::forwarded::TrustedProxies;
use super::handler::Handler;
use super::tls::Tls;
use super::transfer_timeout::TransferLimits;
use crate::clock::Clock;
use crate::config::ServerSettings;
use crate::domain::time::Timestamp;

/// How often the log says at most that all connections are in use; else each that opens and closes would be a line.
const FULL_WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Pause after a failed accept, so that a full table of open files does not become a busy loop. Connections that end
/// in the meantime make room.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(200);

/// What a server is made of. Cloning it shares the certificate and the counters.
#[derive(Clone, Debug)]
pub struct Server {
    /// The settings.
    pub settings: ServerSettings,
    /// How long it waits for slow clients.
    pub transfer_limits: TransferLimits,
    /// The certificate, where it speaks TLS.
    pub tls: Option<Tls>,
    /// What it counts.
    pub counters: Arc<ConnectionCounters>,
}

/// What a server counts of its connections.
#[derive(Debug, Default)]
pub struct ConnectionCounters {
    /// A task for each connection that is open.
    pub open: TaskTracker,
    /// Connections that were closed because their address had as many as it may.
    pub refused: AtomicU64,
}

impl Server {
    /// A server with these settings; reads the certificate.
    pub fn new(settings: ServerSettings, now: Timestamp) -> Result<Self, TlsError> {
        let tls = TlsFiles::of(&settings).map(|files| Tls::open(files, now)).transpose()?;
        Ok(Self { settings, transfer_limits: TransferLimits::default(), tls, counters: Arc::default() })
    }

    /// Answers requests with `handler` until `stop` is cancelled, then lets running requests finish within the drain
    /// time and aborts the rest.
    ///
    /// With the most connections open, the next ones wait in the listener's backlog: they are served late and not
    /// refused, and a flood costs neither memory nor file descriptors.
    pub async fn serve(&self, listener: TcpListener, handler: impl Handler, clock: Clock, stop: CancellationToken) {
        let trusted_proxies = Arc::new(TrustedProxies::new(self.settings.trusted_proxy.clone()));
        let acceptor = Acceptor {
            limiter: ConnectionLimiter::new(self.settings.connections_per_address_max),
            trusted_proxies: Arc::clone(&trusted_proxies),
            clock: clock.clone(),
            counters: &self.counters,
            settings: &self.settings,
        };
        let connections = Connections {
            settings: self.settings.clone(),
            transfer_limits: self.transfer_limits,
            tls: self.tls.clone(),
            trusted_proxies,
            handler,
            clock: clock.clone(),
            stop: stop.clone(),
            abort: CancellationToken::new(),
        };
        let watch_certificate = async {
            match &self.tls {
                Some(tls) => tls.watch(&clock).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = acceptor.accept(&listener, &connections) => {}
            () = stop.cancelled() => {}
            () = watch_certificate => {}
        }
        // From here on the port refuses connections.
        drop(listener);
        self.drain(&connections.abort).await;
    }

    /// Waits for the connections that are open to end, and aborts those that take too long.
    async fn drain(&self, abort: &CancellationToken) {
        let (open, shutdown_drain) = (&self.counters.open, self.settings.shutdown_drain);
        open.close();
        if tokio::time::timeout(shutdown_drain, open.wait()).await.is_err() {
            let unfinished = open.len();
            tracing::warn!(unfinished, ?shutdown_drain, "ending requests that did not finish in time");
            abort.cancel();
            open.wait().await;
        }
    }
}

/// Accepts connections within the limits of their number.
struct Acceptor<'a> {
    limiter: Arc<ConnectionLimiter>,
    trusted_proxies: Arc<TrustedProxies>,
    clock: Clock,
    counters: &'a ConnectionCounters,
    settings: &'a ServerSettings,
}

impl Acceptor<'_> {
    /// Accepts for ever.
    async fn accept(&self, listener: &TcpListener, connections: &Connections<impl Handler>) {
        let connections_max = self.settings.connections_max;
        let free = Arc::new(Semaphore::new(connections_max));
        let mut warned_at = None;
        loop {
            if free.available_permits() == 0 {
                let now = self.clock.instant();
                if warned_at.is_none_or(|at| now.saturating_duration_since(at) >= FULL_WARNING_INTERVAL) {
                    tracing::warn!(connections_max, "all connections are in use; further ones wait");
                    warned_at = Some(now);
                }
            }
            // This semaphore is never closed; were it, nothing more could be served.
            let Ok(global_permit) = Arc::clone(&free).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let Ok(address_permit) = self.permit(peer.ip()) else { continue };
                    let connection = connections.serve(stream, peer);
                    self.counters.open.spawn(async move {
                        connection.await;
                        drop((global_permit, address_permit));
                    });
                }
                // The client disconnected before it was accepted.
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                    tokio::time::sleep(ACCEPT_BACK_OFF).await;
                }
            }
        }
    }

    /// A permit for a connection from this address; without one the connection is closed. Trusted proxies make
    /// connections for many clients and need none.
    fn permit(&self, address: IpAddr) -> Result<Option<ConnectionPermit>, LimitReached> {
        if self.trusted_proxies.trusts(address) {
            return Ok(None);
        }
        let permit = self.limiter.acquire(address).inspect_err(|refusal| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            if refusal.is_first {
                tracing::warn!(%address, "too many connections from this address; closing further ones");
            }
        });
        permit.map(Some)
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;
    use std::sync::LazyLock;

    use bytes::Bytes;
    use futures_util::future::BoxFuture;
    use futures_util::{Stream, stream};
    use http_body_util::combinators::UnsyncBoxBody;
    use http_body_util::{BodyExt, Full, StreamBody};
    use hyper::body::Frame;
    use hyper::{Request, Response};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::super::body_drain::BodyDrain;
    use super::super::forwarded::ClientAddress;
    use super::*;
    use crate::config::Network;

    struct Running {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinHandle<()>,
        handler: SampleHandler,
    }

    /// Answers `/peer` with the client's address, `/endless` with an endless body, and `/held` when a test lets it.
    #[derive(Clone, Default)]
    struct SampleHandler {
        /// Notified when a request for `/held` has begun.
        begun: Arc<Notify>,
        /// Lets one such request finish.
        release: Arc<Notify>,
    }

    impl Handler for SampleHandler {
        type Body = UnsyncBoxBody<Bytes, io::Error>;
        type Future = BoxFuture<'static, Result<Response<Self::Body>, Infallible>>;

        fn call(&self, request: Request<BodyDrain>) -> Self::Future {
            let Self { begun, release } = self.clone();
            Box::pin(async move {
                let text = match request.uri().path() {
                    "/endless" => return Ok(Response::new(StreamBody::new(endless()).boxed_unsync())),
                    "/held" => {
                        begun.notify_one();
                        release.notified().await;
                        "done".to_owned()
                    }
                    _ => request.extensions().get::<ClientAddress>().unwrap().0.to_string(),
                };
                Ok(Response::new(Full::from(text).map_err(|never| match never {}).boxed_unsync()))
            })
        }
    }

    async fn start(settings: ServerSettings) -> Running {
        start_at(Clock::system(), settings, TransferLimits::default()).await
    }

    async fn start_at(clock: Clock, settings: ServerSettings, transfer_limits: TransferLimits) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, handler) = (CancellationToken::new(), SampleHandler::default());
        let server = Server { transfer_limits, ..Server::new(settings, clock.now()).unwrap() };
        let task = tokio::spawn({
            let (stop, handler) = (stop.clone(), handler.clone());
            async move { server.serve(listener, handler, clock, stop).await }
        });
        Running { address, stop, task, handler }
    }

    /// Notified when the body of `/endless` is dropped.
    static ENDLESS: LazyLock<Notify> = LazyLock::new(Notify::new);

    /// Piece after piece without an end, as in an event stream. Notifies when it is dropped.
    fn endless() -> impl Stream<Item = io::Result<Frame<Bytes>>> {
        struct NotifyOnDrop;
        impl Drop for NotifyOnDrop {
            fn drop(&mut self) {
                ENDLESS.notify_one();
            }
        }
        let notify_on_drop = NotifyOnDrop;
        stream::repeat_with(move || {
            let _ = &notify_on_drop;
            Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))
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
    async fn requests_carry_the_address_of_their_client() {
        let running = start(ServerSettings::default()).await;
        let answer = rest(send(&running, PEER).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn behind_a_trusted_proxy_they_carry_the_address_that_it_forwards() {
        let forwarded =
            PEER.replacen("Host: x", "Host: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.9", 1);
        let check = async |trusted: &str, expected: &str| {
            let trusted_proxy = vec![Network::parse(trusted).unwrap()];
            let running = start(ServerSettings { trusted_proxy, ..ServerSettings::default() }).await;
            let answer = rest(send(&running, &forwarded).await).await;
            assert!(answer.ends_with(expected), "{answer}");
        };
        check("127.0.0.0/8", "203.0.113.9").await;
        check("10.0.0.0/8", "127.0.0.1").await;
    }

    #[tokio::test]
    async fn a_running_request_finishes_and_idle_connections_end() {
        let running = start(ServerSettings::default()).await;
        let idle = TcpStream::connect(running.address).await.unwrap();
        let held = send(&running, HELD).await;
        running.handler.begun.notified().await;
        running.stop.cancel();
        running.handler.release.notify_one();
        let answer = rest(held).await;
        assert!(answer.ends_with("done"), "{answer}");
        assert_eq!(rest(idle).await, "");
        running.task.await.unwrap();
        assert!(TcpStream::connect(running.address).await.is_err(), "the port is closed");
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_drain_time_is_cut() {
        let running = start(ServerSettings { shutdown_drain: Duration::ZERO, ..ServerSettings::default() }).await;
        let held = send(&running, HELD).await;
        running.handler.begun.notified().await;
        running.stop.cancel();
        running.task.await.unwrap();
        assert_eq!(rest(held).await, "");
    }

    #[tokio::test]
    async fn further_connections_wait_for_their_turn() {
        let running = start(ServerSettings { connections_max: 1, ..ServerSettings::default() }).await;
        let held = send(&running, HELD).await;
        running.handler.begun.notified().await;
        let waiting = tokio::spawn(rest(send(&running, PEER).await));
        running.handler.release.notify_one();
        drop(held);
        assert!(waiting.await.unwrap().ends_with("127.0.0.1"));
    }

    #[tokio::test]
    async fn headers_must_arrive_in_time_and_be_small() {
        let header_read_timeout = Duration::from_millis(1);
        let running = start(ServerSettings { header_read_timeout, ..ServerSettings::default() }).await;
        assert_eq!(rest(send(&running, "GET /peer HTTP/1.1\r\nHost:").await).await, "");
        let running = start(ServerSettings::default()).await;
        let request = format!("GET /peer HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(40_000));
        let answer = rest(send(&running, &request).await).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }

    #[tokio::test]
    async fn a_response_that_no_client_reads_is_dropped() {
        let download_idle_time_max = Duration::from_millis(50);
        let limits = TransferLimits { download_idle_time_max, ..TransferLimits::default() };
        let running = start_at(Clock::system(), ServerSettings::default(), limits).await;
        let unread = send(&running, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
        ENDLESS.notified().await;
        drop(unread);
    }

    #[tokio::test]
    async fn the_next_header_must_arrive_in_time_and_a_response_may_take_longer() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let header_read_timeout = Duration::from_millis(1);
        let settings = ServerSettings { header_read_timeout, ..ServerSettings::default() };
        let running = start_at(clock.clone(), settings, TransferLimits::default()).await;
        let mut kept = send(&running, HELD).await;
        running.handler.begun.notified().await;
        clock.advance(Duration::from_hours(1));
        running.handler.release.notify_one();
        let mut answer = Vec::new();
        while !answer.ends_with(b"done") {
            assert!(kept.read_buf(&mut answer).await.unwrap() > 0, "cut after {answer:?}");
        }
        clock.advance(Duration::from_hours(1));
        assert_eq!(rest(kept).await, "");
    }
}
