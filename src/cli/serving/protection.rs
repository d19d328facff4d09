//! Protection: who is let in and over what, as the flags say, and what to warn of.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgctl::content::{self, AtomicFile};
use imgctl::server::{self, Address, Passwords, SelfSigned};
use imgctl::{Error, Result};
use rustls::ServerConfig;

use crate::cli::context::Context;
use crate::cli::flags::ServeFlags;

/// What begins the certificate in the file that has it and its key.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// Who may use the server.
pub(crate) fn access(flags: &ServeFlags) -> Result<server::Access> {
    Ok(match &flags.access.htpasswd {
        Some(file) => server::Access::Passwords(Passwords::open(file)?),
        None => server::Access::Open,
    })
}

/// How connections are protected, if at all.
pub(crate) fn tls(flags: &ServeFlags, context: &Context) -> Result<Option<Arc<ServerConfig>>> {
    let access = &flags.access;
    match (&access.tls_cert, &access.tls_key) {
        (Some(certificate), Some(key)) => server::tls_config(certificate, key).map(Some),
        _ if access.tls_self_signed => {
            let kept = self_signed(&flags.listen, context)?;
            server::tls_config(&kept, &kept).map(Some)
        }
        _ => Ok(None),
    }
}

/// What everybody who starts a server like this should know.
pub(crate) fn warnings(flags: &ServeFlags, is_read_only: bool) -> Vec<String> {
    let (address, access) = (&flags.listen, &flags.access);
    let (has_users, is_tls) = (access.htpasswd.is_some(), access.tls_cert.is_some() || access.tls_self_signed);
    if address.is_local() {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    if !has_users {
        let may = if is_read_only { "pull" } else { "pull and push" };
        warnings.push(format!("everybody who reaches {address} may {may}: consider --htpasswd"));
    }
    if !is_tls {
        let what = if has_users { "passwords and images" } else { "images" };
        warnings.push(format!("{what} cross the network unprotected: consider --tls-cert or --tls-self-signed"));
    }
    warnings
}

/// A certificate of our own with its key, in one private file; beside it the certificate alone, for clients.
fn self_signed(address: &Address, context: &Context) -> Result<PathBuf> {
    let directory = context.environment.data.join("serve");
    let (both, public) = (directory.join("identity.key"), directory.join("certificate.pem"));
    let names = names(address);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let kept = std::fs::read_to_string(&both).ok();
    let kept = kept.as_deref().and_then(|text| text.split_at_checked(text.find(CERTIFICATE)?));
    let kept = kept.and_then(|(key, certificate)| SelfSigned::kept(certificate, key, &names));
    let certificate = match kept {
        Some(kept) => kept,
        None => {
            let new = SelfSigned::generate(&names)?;
            let cannot = |error: Error| error.with_hint("a certificate can be given with --tls-cert and --tls-key");
            write(&both, content::Access::Private, &format!("{}{}", new.key(), new.certificate())).map_err(cannot)?;
            new
        }
    };
    if std::fs::read_to_string(&public).ok().as_deref() != Some(certificate.certificate()) {
        write(&public, content::Access::Public, certificate.certificate())?;
    }
    context.ui.say(&format!("certificate {}, SHA-256 {}", public.display(), certificate.fingerprint()));
    Ok(both)
}

/// What clients may call this machine at `address`.
fn names(address: &Address) -> Vec<String> {
    let Address::Tcp(host, _) = address else { return Vec::new() };
    let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    let is_any = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified());
    let named = [if is_any { None } else { Some(host.clone()) }, (!address.is_local()).then_some(host_name)];
    let is_name = |name: &String| !name.is_empty() && !name.contains('_');
    named.into_iter().flatten().filter(is_name).collect()
}

fn write(path: &Path, access: content::Access, text: &str) -> Result<()> {
    let failed = |error| Error::local(format!("write {}", path.display()), error);
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut file = AtomicFile::create(path, access)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist()
}
