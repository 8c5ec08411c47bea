//! Why another server was not reached, or its response not taken.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Why another server was not reached, or its response not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("the CA file {} cannot be read: {source}", path.display())]
    CaFileUnreadable { path: PathBuf, source: io::Error },
    #[error("the CA file {} {problem}", path.display())]
    CaFileUnusable { path: PathBuf, problem: String },
    #[error("this system has no certificate authorities; install ca-certificates or set a CA file")]
    NoAuthorities,
    #[error("TLS cannot be set up: {0}")]
    TlsSetup(#[from] rustls::Error),

    #[error("the path {0} of a request must begin with a slash and name no server")]
    Path(String),
    #[error("{host} cannot be resolved: {source}")]
    Resolve { host: String, source: io::Error },
    #[error("{host} is at {address}, which is link-local or a cloud's metadata service; it is not connected to")]
    RefusedAddress { host: String, address: IpAddr },
    #[error("{server} cannot be reached: {source}")]
    Connect { server: String, source: io::Error },
    #[error("connecting to {server} took longer than {limit:?}")]
    ConnectTimeout { server: String, limit: Duration },
    #[error("the proxy {proxy} does not connect to {server}: it answers {status}")]
    ProxyRefused { proxy: String, server: String, status: u16 },
    #[error("{server} speaks no TLS that is accepted: {source}")]
    Tls { server: String, source: io::Error },
    #[error("{server} speaks no HTTP that is understood: {source}")]
    Http { server: String, source: hyper::Error },
    #[error("{server} took longer than {limit:?} to answer")]
    Timeout { server: String, limit: Duration },
    #[error("{server} answers with more than {limit} bytes")]
    TooLarge { server: String, limit: usize },
}
