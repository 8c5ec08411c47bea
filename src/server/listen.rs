//! Opening the port.

use std::io;

use tokio::net::TcpListener;

use crate::config::ListenAddress;

/// Connections that may wait until they are accepted: those of everybody who opens a page at the same moment, while all
/// that may be open are in use. The system lowers it to its own limit (`net.core.somaxconn`).
const LISTEN_BACKLOG: i32 = 1_024;

/// Opens the first of the addresses that this machine has.
pub async fn listen(address: ListenAddress) -> io::Result<TcpListener> {
    let mut failure = None;
    for candidate in address.candidates() {
        match TcpListener::bind(candidate).await {
            Ok(listener) => {
                // The library asks for 128. Asking again replaces that.
                rustix::net::listen(&listener, LISTEN_BACKLOG)?;
                return Ok(listener);
            }
            // Another program at the first address must not make this one a server at the second.
            Err(error) if !is_missing(&error) => return Err(error),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// Whether this machine has no such address.
fn is_missing(error: &io::Error) -> bool {
    let is_unknown_family = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    error.kind() == io::ErrorKind::AddrNotAvailable || is_unknown_family
}
