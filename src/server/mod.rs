//! The HTTP/1.1 server: sockets, connections, TLS, and the limits and time limits that hold for every request alike. It
//! knows nothing of routes: a [`Handler`] answers the requests.
//!
//! In reading order:
//!
//! - `handler`: [`Handler`], which answers requests.
//! - `listen`: opens the port.
//! - `accept`: [`Server`], which accepts connections and ends them in order.
//! - `connection`: one connection from its first byte to its last.
//! - `connection_limit`: how many connections each address may have.
//! - `header_timeout`: the time that a client has for the header of a request.
//! - `write_timeout`: the time that a client has for reading its response.
//! - `transfer_timeout`: the time that an import or export may wait for its client.
//! - `body_drain`: reads the rest of a request body that no handler read.
//! - `poll_when_woken`: a future that costs nothing while nothing wakes it.
//! - `tls`: the handshake; `certificate`: the certificate and its key; [`tls_probe`]: TLS from the client's side.
//! - `forwarded`: the address of a client behind proxies.

mod accept;
mod body_drain;
mod certificate;
mod connection;
mod connection_limit;
mod forwarded;
mod handler;
mod header_timeout;
mod listen;
mod poll_when_woken;
mod tls;
pub mod tls_probe;
mod transfer_timeout;
mod write_timeout;

pub use self::accept::{ConnectionCounters, Server};
pub use self::body_drain::{BodyDrain, BodyProgress};
pub use self::certificate::TlsError;
pub use self::connection_limit::client_network;
pub use self::forwarded::ClientAddress;
pub use self::handler::Handler;
pub use self::listen::listen;
pub use self::tls::Tls;
pub use self::transfer_timeout::{TransferLimits, TransferTimeout};
