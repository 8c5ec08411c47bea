//! Who vouches for other servers' certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::OutboundError;

/// TLS that accepts certificates of the authorities in a file alone, or without one of the system's.
pub(super) fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, OutboundError> {
    let authorities = match ca_file {
        Some(path) => of_file(path)?,
        None => of_system()?,
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn of_file(path: &Path) -> Result<RootCertStore, OutboundError> {
    let unusable = |problem: String| OutboundError::CaFileUnusable { path: path.to_owned(), problem };
    let text =
        std::fs::read(path).map_err(|source| OutboundError::CaFileUnreadable { path: path.to_owned(), source })?;
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unusable(format!("is not valid PEM: {error}")))?;
        authorities
            .add(certificate)
            .map_err(|error| unusable(format!("holds a certificate that cannot be used: {error}")))?;
    }
    if authorities.is_empty() {
        return Err(unusable("holds no certificate; PEM begins with -----BEGIN CERTIFICATE-----".to_owned()));
    }
    Ok(authorities)
}

fn of_system() -> Result<RootCertStore, OutboundError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    let mut authorities = RootCertStore::empty();
    // A system may hold some that this library does not understand; the others serve.
    authorities.add_parsable_certificates(found.certs);
    if authorities.is_empty() { Err(OutboundError::NoAuthorities) } else { Ok(authorities) }
}
