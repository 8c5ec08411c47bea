//! The servers that may be connected to.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use super::address::is_refused;

/// A server, and the path on it, that a setting names. Parse no other text into one: a connection goes to a target and
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) with_tls: bool,
    pub(super) server: HostPort,
    /// The path that requests are below, without a slash at its end.
    path: String,
}

/// An HTTP proxy that a setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy(pub(super) HostPort);

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostPort {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why a text names no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("it must be an address such as https://login.example.com or https://login.example.com/realm")]
    Form,
    #[error("it must be the address of a proxy such as http://proxy.example.com:3128")]
    ProxyForm,
    #[error("it may not hold a user name or a password")]
    Credentials,
    #[error("link-local addresses and those of cloud metadata services are not connected to")]
    Refused,
}

impl Target {
    /// Takes an `http` or `https` address without query or fragment.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.parse().map_err(|_| TargetError::Form)?;
        let with_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(TargetError::Form),
        };
        if uri.query().is_some() || text.contains('#') {
            return Err(TargetError::Form);
        }
        let server = HostPort::of(&uri, if with_tls { 443 } else { 80 })?.ok_or(TargetError::Form)?;
        Ok(Self { with_tls, server, path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The path and query of a request below this target's own path.
    pub(super) fn below(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.path)
    }

    /// The host as the `Host` header gives it: with its port where that is not the scheme's.
    pub(super) fn authority(&self) -> String {
        let port_of_scheme = if self.with_tls { 443 } else { 80 };
        if self.server.port == port_of_scheme { self.server.host_in_url() } else { self.server.to_string() }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.with_tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

impl Proxy {
    /// Takes an `http` address of nothing but a host and a port.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.parse().map_err(|_| TargetError::ProxyForm)?;
        if uri.scheme_str() != Some("http") || uri.port().is_none() || uri.path() != "/" || text.contains(['?', '#']) {
            return Err(TargetError::ProxyForm);
        }
        Ok(Self(HostPort::of(&uri, 80)?.ok_or(TargetError::ProxyForm)?))
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl HostPort {
    fn of(uri: &Uri, port_of_scheme: u16) -> Result<Option<Self>, TargetError> {
        let Some(authority) = uri.authority() else { return Ok(None) };
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = match &authority.as_str()[authority.host().len()..] {
            "" => Some(port_of_scheme),
            port => port[1..].parse().ok().filter(|port| *port > 0),
        };
        let Some(port) = port.filter(|_| !host.is_empty()) else { return Ok(None) };
        let server = Self { host, port };
        if server.address().is_some_and(is_refused) {
            return Err(TargetError::Refused);
        }
        Ok(Some(server))
    }

    /// Its address, where it is named by one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    fn host_in_url(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host_in_url(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_servers_with_a_path_and_nothing_else() {
        let check = |text: &str, expected: Result<&str, TargetError>| {
            assert_eq!(Target::parse(text).map(|target| target.to_string()), expected.map(str::to_owned), "{text}");
        };
        check("https://Login.Example.com", Ok("https://login.example.com"));
        check("https://login.example.com:443/realm/", Ok("https://login.example.com/realm"));
        check("http://10.0.0.7:8080/a/b", Ok("http://10.0.0.7:8080/a/b"));
        check("https://[2001:db8::1]:8443", Ok("https://[2001:db8::1]:8443"));
        check("https://[::1]", Ok("https://[::1]"));

        for text in ["", "login.example.com", "ftp://a", "https://", "https:///a", "https://a:0", "https://a:b"] {
            check(text, Err(TargetError::Form));
        }
        for text in ["https://a?b", "https://a/#b", "https://a:", "https://a:70000", "/a", "https://a b"] {
            check(text, Err(TargetError::Form));
        }
        check("https://me:secret@a", Err(TargetError::Credentials));
        check("http://169.254.169.254/latest", Err(TargetError::Refused));
        check("http://[::ffff:169.254.169.254]/latest", Err(TargetError::Refused));
    }

    #[test]
    fn requests_stay_below_the_path_of_their_target() {
        let target = Target::parse("https://a/realm/").unwrap();
        assert_eq!(target.below("/certs?x=1"), "/realm/certs?x=1");
        assert_eq!(Target::parse("https://a").unwrap().below("/certs"), "/certs");
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        let check = |text: &str, expected: Result<&str, TargetError>| {
            assert_eq!(Proxy::parse(text).map(|proxy| proxy.to_string()), expected.map(str::to_owned), "{text}");
        };
        check("http://proxy.example.com:3128", Ok("http://proxy.example.com:3128"));
        check("http://[::1]:3128/", Ok("http://[::1]:3128"));
        for text in ["https://a:3128", "http://a", "a:3128", "http://a:3128/b", "http://a:3128?b", "socks5://a:1"] {
            check(text, Err(TargetError::ProxyForm));
        }
        check("http://me:secret@a:3128", Err(TargetError::Credentials));
    }
}
