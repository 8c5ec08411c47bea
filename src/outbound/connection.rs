//! From a target to an open stream: resolve, check, connect, pass the proxy, speak TLS.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, upgrade};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::address::is_refused;
use super::error::OutboundError;
use super::resolver::Resolve;
use super::target::{HostPort, Proxy, Target};

/// An open connection, in clear text or not.
pub(super) type Stream = Box<dyn Io>;

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<I: AsyncRead + AsyncWrite + Send + Unpin> Io for I {}

/// What opens connections.
pub(super) struct Connector {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) proxy: Option<Proxy>,
    pub(super) resolve: Resolve,
    pub(super) timeout: Duration,
}

impl Connector {
    /// A connection over which HTTP is spoken: to the target, through a tunnel to it, or for plain HTTP to the proxy.
    pub(super) async fn connect(&self, target: &Target) -> Result<Stream, OutboundError> {
        let limit = self.timeout;
        let server = target.server.to_string();
        timeout(limit, self.open(target)).await.map_err(|_| OutboundError::ConnectTimeout { server, limit })?
    }

    async fn open(&self, target: &Target) -> Result<Stream, OutboundError> {
        // A proxy would connect to it.
        if let Some(address) = target.server.address() {
            refuse(&target.server.host, address)?;
        }
        let stream = match &self.proxy {
            None => Box::new(self.dial(&target.server).await?) as Stream,
            Some(proxy) => {
                let stream = self.dial(&proxy.0).await?;
                if target.with_tls { tunnel(stream, proxy, &target.server).await? } else { Box::new(stream) }
            }
        };
        if target.with_tls { self.speak_tls(stream, &target.server).await } else { Ok(stream) }
    }

    /// Connects to the first address that takes the connection. A name with one refused address is refused whole.
    async fn dial(&self, server: &HostPort) -> Result<TcpStream, OutboundError> {
        let HostPort { host, port } = server;
        let addresses = match server.address() {
            Some(address) => vec![address],
            None => (self.resolve)(host.clone())
                .await
                .map_err(|source| OutboundError::Resolve { host: host.clone(), source })?,
        };
        for address in &addresses {
            refuse(host, *address)?;
        }
        // An address that does not answer, such as IPv6 without a route, leaves time for the others.
        let share = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        let mut left = addresses.len();
        for address in addresses {
            left -= 1;
            let connecting = TcpStream::connect((address, *port));
            let connected = if left == 0 {
                connecting.await
            } else {
                timeout(share, connecting).await.unwrap_or_else(|elapsed| Err(elapsed.into()))
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(OutboundError::Connect { server: server.to_string(), source: failure })
    }

    async fn speak_tls(&self, stream: Stream, server: &HostPort) -> Result<Stream, OutboundError> {
        let failed = |source: io::Error| OutboundError::Tls { server: server.to_string(), source };
        let name = ServerName::try_from(server.host.clone()).map_err(|error| failed(io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Ok(Box::new(connector.connect(name, stream).await.map_err(failed)?))
    }
}

fn refuse(host: &str, address: IpAddr) -> Result<(), OutboundError> {
    if is_refused(address) {
        return Err(OutboundError::RefusedAddress { host: host.to_owned(), address });
    }
    Ok(())
}

/// Has a proxy connect to a server and pass all bytes on.
async fn tunnel(stream: TcpStream, proxy: &Proxy, server: &HostPort) -> Result<Stream, OutboundError> {
    let failed = |source: hyper::Error| OutboundError::Http { server: proxy.to_string(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let request = Request::connect(server.to_string())
        .header(HOST, server.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|_| OutboundError::Path(server.to_string()))?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        if !response.status().is_success() {
            let (proxy, server) = (proxy.to_string(), server.to_string());
            return Err(OutboundError::ProxyRefused { proxy, server, status: response.status().as_u16() });
        }
        upgrade::on(response).await.map_err(failed)
    };
    Ok(Box::new(TokioIo::new(drive(connection.with_upgrades(), answered).await?)))
}

/// Does some work over a connection, which moves its bytes meanwhile. Both end together, also when the work is dropped.
pub(super) async fn drive<T>(connection: impl Future, work: impl Future<Output = T>) -> T {
    let (mut connection, mut work) = (pin!(connection), pin!(work));
    tokio::select! {
        biased;
        done = &mut work => return done,
        _ = &mut connection => {}
    }
    // What has arrived is there to be read; what has not arrived fails.
    work.await
}
