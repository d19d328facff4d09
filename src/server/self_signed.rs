//! SelfSigned: a certificate for those who have none. Whoever keeps it lets clients trust it once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use crate::error::Kind;
use crate::{Error, Result};

/// Names by which this machine always reaches itself.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How long a certificate is good for, and how long before its end a new one is due.
const VALIDITY: Duration = days(3650);
const RENEWAL: Duration = days(30);

/// A certificate that only itself vouches for, and its key.
pub struct SelfSigned {
    certificate: String,
    key: String,
}

impl SelfSigned {
    /// A new certificate for this machine's own names and for `names` (host names and addresses).
    pub fn generate(names: &[&str]) -> Result<Self> {
        let failed = |error| Error::new(Kind::Failed, "cannot make a certificate").with_source(error);
        let mut all: Vec<String> = LOCAL_NAMES.iter().chain(names).map(|&name| name.to_owned()).collect();
        all.sort();
        all.dedup();
        let mut params = CertificateParams::new(all).map_err(failed)?;
        params.distinguished_name.push(DnType::CommonName, "imgctl serve");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let now = std::time::SystemTime::now();
        // Clocks differ.
        params.not_before = (now - days(1)).into();
        params.not_after = (now + VALIDITY).into();
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self { certificate, key: key.serialize_pem() })
    }

    /// One that was kept, both in PEM; `None` where it is not good for `names` any more, or soon will not be.
    pub fn kept(certificate: &str, key: &str, names: &[&str]) -> Option<Self> {
        let in_time = UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs()) + RENEWAL);
        let is_good = |&name: &&str| is_good_for(certificate, name, in_time);
        let kept = || Self { certificate: certificate.to_owned(), key: key.to_owned() };
        LOCAL_NAMES.iter().chain(names).all(is_good).then(kept)
    }

    /// The certificate in PEM: what clients have to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The private key in PEM, for the one place that keeps it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The SHA-256 of the certificate as people compare it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map(|der| der.to_vec());
        let digest = Sha256::digest(der.unwrap_or_default());
        let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }
}

impl fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SelfSigned({})", self.fingerprint())
    }
}

/// Whether a client that trusts `certificate` would accept it for `name`.
fn is_good_for(certificate: &str, name: &str, now: UnixTime) -> bool {
    let check = || {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
        let mut roots = RootCertStore::empty();
        roots.add(der.clone()).ok()?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().ok()?;
        let name = ServerName::try_from(name).ok()?;
        verifier.verify_server_cert(&der, &[], &name, &[], now).ok()
    };
    check().is_some()
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_kept_while_it_is_good_for_its_names() {
        let made = SelfSigned::generate(&["registry.example", "10.1.2.3", "localhost"]).unwrap();
        let keep = |names| SelfSigned::kept(made.certificate(), made.key(), names);
        assert!(keep(&["registry.example", "10.1.2.3", "localhost", "::1"]).is_some());
        assert_eq!(keep(&[]).unwrap().fingerprint(), made.fingerprint());
        assert!(keep(&["other.example"]).is_none());
        assert!(keep(&["10.1.2.4"]).is_none());
        assert!(SelfSigned::kept("", made.key(), &[]).is_none());

        let today = UnixTime::now().as_secs();
        let at =
            |days: i64| UnixTime::since_unix_epoch(Duration::from_secs(today.saturating_add_signed(days * 86_400)));
        for (days, is_good) in [(0, true), (3600, true), (3651, false), (-2, false)] {
            assert_eq!(is_good_for(made.certificate(), "localhost", at(days)), is_good, "{days}");
        }
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn fingerprint_is_what_openssl_prints() {
        let made = SelfSigned::generate(&[]).unwrap();
        assert_eq!(made.fingerprint().len(), 95);
        assert!(
            made.fingerprint().chars().all(|char| char == ':' || char.is_ascii_digit() || ('A'..='F').contains(&char))
        );
    }
}
