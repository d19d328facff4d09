//! A throw-away authority and the certificate of a server on the loopback address.

use std::path::Path;

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

use crate::shell::clear;

/// Writes `ca.crt`, and `server/server.crt` and `server/server.key` that it signed, into `directory`: beside the authority,
/// skopeo would take the server's key for a client's.
pub(crate) fn write(directory: &Path) -> Result<()> {
    let for_server = directory.join("server");
    clear(directory)?;
    std::fs::create_dir(&for_server)?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Throw-away Authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    std::fs::write(directory.join("ca.crt"), authority.self_signed(&key)?.pem())?;

    let mut server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    (server.not_before, server.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &Issuer::new(authority, key))?;
    std::fs::write(for_server.join("server.crt"), certificate.pem())?;
    Ok(std::fs::write(for_server.join("server.key"), server_key.serialize_pem())?)
}
