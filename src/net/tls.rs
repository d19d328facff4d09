//! TLS: whom we trust and who we are. The system's roots are read once, and only when a certificate has to be judged, so that
//! plain http costs nothing.

use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{Origin, Secret, Settings};
use crate::error::Kind;
use crate::{Error, Result};

/// The system's roots, for the whole process.
static SYSTEM_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::debug!("system certificates: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    roots
});

/// Reads the system's roots in the background: there is time while a connection is made.
pub(super) fn preload_roots() {
    tokio::task::spawn_blocking(|| LazyLock::force(&SYSTEM_ROOTS).len());
}

/// TLS towards the client's own origin: with client certificate, and unverified where the user said so.
pub(super) fn for_origin(origin: &Origin, settings: &Settings) -> Result<ClientConfig> {
    let unverified = settings.insecure.then(|| server_name(origin)).flatten();
    build(settings, unverified, settings.identity.as_ref())
}

/// TLS towards everybody else: verified, and without client certificate.
pub(super) fn for_strangers(settings: &Settings) -> Result<ClientConfig> {
    build(settings, None, None)
}

fn server_name(origin: &Origin) -> Option<ServerName<'static>> {
    ServerName::try_from(origin.host().trim_start_matches('[').trim_end_matches(']').to_owned()).ok()
}

fn build(
    settings: &Settings,
    unverified: Option<ServerName<'static>>,
    identity: Option<&(Vec<u8>, Secret)>,
) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let extra_roots = certificates(&settings.ca_certificates)?;
    let verifier = Verifier { provider: provider.clone(), extra_roots, unverified, inner: OnceLock::new() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Failed, "cannot set up TLS").with_source(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let bad = |error: &dyn std::fmt::Display| Error::usage(format!("client certificate: {error}"));
            let chain = certificates(std::slice::from_ref(chain))?;
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).map_err(|error| bad(&error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| bad(&error))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    for pem in pems {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(certificate.map_err(|error| Error::usage("not a PEM certificate").with_source(error))?);
        }
        if all.len() == before {
            return Err(Error::usage("the certificate file holds no PEM certificate"));
        }
    }
    Ok(all)
}

/// Judges certificates by the system's roots and ours, except those of the one host that the user exempted.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    extra_roots: Vec<CertificateDer<'static>>,
    /// By name, so that a TLS proxy before the exempted host is still verified.
    unverified: Option<ServerName<'static>>,
    inner: OnceLock<Result<Arc<WebPkiServerVerifier>, String>>,
}

impl Verifier {
    fn inner(&self) -> Result<&WebPkiServerVerifier, rustls::Error> {
        let build = || {
            let mut roots = SYSTEM_ROOTS.clone();
            roots.add_parsable_certificates(self.extra_roots.iter().cloned());
            if roots.is_empty() {
                return Err("this system has no trusted certificates".to_owned());
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| error.to_string())
        };
        match self.inner.get_or_init(build) {
            Ok(verifier) => Ok(verifier),
            Err(why) => Err(rustls::Error::General(why.clone())),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.unverified.as_ref() == Some(server_name) {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
