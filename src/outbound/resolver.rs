//! Names to addresses, by the hosts file and the name servers of `/etc/resolv.conf`.
//!
//! The C library's own resolver loads the modules that `/etc/nsswitch.conf` names, which were built for another version of
//! the library than the one that is linked into a static binary: on such a system the process crashes.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use hickory_resolver::TokioResolver;

/// Finds the addresses of a name. Tests have names of their own.
pub(super) type Resolve = Arc<dyn Fn(String) -> Addresses + Send + Sync>;

pub(super) type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Reads both files for each name, so that a change of the network holds at once.
pub(super) fn resolver() -> Resolve {
    Arc::new(|name| Box::pin(lookup(name)))
}

async fn lookup(name: String) -> io::Result<Vec<IpAddr>> {
    let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build()).map_err(io::Error::other)?;
    let found = resolver.lookup_ip(name).await.map_err(io::Error::other)?;
    Ok(found.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_hosts_file_is_read() {
        let addresses = resolver()("localhost".to_owned()).await.unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    }
}
