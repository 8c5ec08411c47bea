//! The only place that connects to other machines: OIDC, webhooks and mail go through here.
//!
//! Nothing connects unless a setting names the server: a request is sent to a [`Target`], which is parsed from the value
//! of a setting, and names only a path below it. For each connection:
//!
//! - Names are resolved once, every address is checked, and what was checked is what is connected to. Link-local addresses
//!   and those of cloud metadata services are refused (`address`), so that no name leads to a cloud's credentials.
//! - TLS servers must have a certificate from the given CA file, or else from the system's authorities (`authorities`).
//! - With a proxy, TLS goes through a tunnel (CONNECT) and plain HTTP is handed to it whole. The proxy resolves names then.
//! - Redirects are returned and not followed. The time to connect, the time of the whole request and the size of the
//!   response are bounded. Variables of the environment such as `HTTP_PROXY` have no effect.
//!
//! - `settings`: limits, CA file and proxy;
//! - `target`: the servers that may be connected to;
//! - `connection`: from a target to an open stream; `resolver`: from its name to addresses;
//! - `client`: one request and its response.

mod address;
mod authorities;
mod client;
mod connection;
mod error;
mod resolver;
mod settings;
mod target;
#[cfg(test)]
mod tests;

pub use client::Outbound;
pub use error::OutboundError;
pub use settings::{CONNECT_TIMEOUT, OutboundSettings, RESPONSE_BYTES_MAX, TOTAL_TIMEOUT};
pub use target::{Proxy, Target, TargetError};
