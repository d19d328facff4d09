//! Certificates: a throw-away authority and what it signs.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A certificate and its key, both in PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// The private key.
    pub key: String,
}

impl Certificate {
    /// A certificate that nobody signed but itself.
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = server(names, (2020, 2100)).self_signed(&key).unwrap().pem();
        Self { pem, key: key.serialize_pem() }
    }

    /// Writes `NAME.crt` and `NAME.key` into `directory`; returns both paths.
    pub fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        let (pem, key) = (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
        fs::write(&pem, &self.pem).unwrap();
        fs::write(&key, &self.key).unwrap();
        (pem, key)
    }
}

/// A certificate authority.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority that nobody trusts yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Test Authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        Self { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    /// The authority's own certificate in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the authority's certificate as `ca.crt` into `directory`.
    pub fn write(&self, directory: &Path) -> PathBuf {
        let path = directory.join("ca.crt");
        fs::write(&path, &self.pem).unwrap();
        path
    }

    /// For a server on this machine: `localhost`, `127.0.0.1`, `::1`.
    pub fn localhost(&self) -> Certificate {
        self.server(&["localhost", "127.0.0.1", "::1"])
    }

    /// For a server with these names and addresses.
    pub fn server(&self, names: &[&str]) -> Certificate {
        self.sign(server(names, (2020, 2100)))
    }

    /// The same, expired since years.
    pub fn expired(&self, names: &[&str]) -> Certificate {
        self.sign(server(names, (2020, 2021)))
    }

    /// The same, valid in many years only.
    pub fn not_yet_valid(&self, names: &[&str]) -> Certificate {
        self.sign(server(names, (2090, 2100)))
    }

    /// For a client of this name.
    pub fn client(&self, name: &str) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Certificate {
        let key = KeyPair::generate().unwrap();
        Certificate { pem: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn server(names: &[&str], (from, until): (i32, i32)) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names.clone()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}
