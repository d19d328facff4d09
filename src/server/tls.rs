//! TLS of the server: certificate and key in PEM, followed on disk so that a renewed certificate needs no restart.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::followed::Followed;
use crate::error::Kind;
use crate::{Error, Result};

/// TLS by the certificate chain and the private key in these PEM files. They are read again when they change.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let identity = Followed::open(&[certificate, key], |contents| certified_key(&contents[0], &contents[1]))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Failed, "cannot set up TLS").with_source(error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Identity(identity)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Who the server is.
struct Identity(Followed<CertifiedKey>);

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

fn certified_key(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.map_err(|error| Error::usage(format!("the certificate is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(Error::usage("the certificate file holds no PEM certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound => Error::usage("the key file holds no PEM private key")
            .with_hint("a key that is protected by a password has to be decrypted first: openssl pkey"),
        error => Error::usage(format!("the key is not PEM: {error}")),
    })?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Error::usage("the key does not belong to the certificate"),
        error => Error::usage(format!("certificate and key: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::SelfSigned;

    #[test]
    fn says_what_is_wrong_with_certificate_and_key() {
        let (one, other) = (SelfSigned::generate(&[]).unwrap(), SelfSigned::generate(&[]).unwrap());
        assert!(certified_key(one.certificate().as_bytes(), one.key().as_bytes()).is_ok());
        for (certificate, key, says) in [
            (one.certificate(), other.key(), "the key does not belong to the certificate"),
            ("", one.key(), "the certificate file holds no PEM certificate"),
            (one.key(), one.key(), "the certificate file holds no PEM certificate"),
            (one.certificate(), one.certificate(), "the key file holds no PEM private key"),
            (one.certificate(), "", "the key file holds no PEM private key"),
        ] {
            let error = certified_key(certificate.as_bytes(), key.as_bytes()).expect_err(says);
            assert_eq!(error.to_string(), says);
        }
    }
}
