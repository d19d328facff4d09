//! How to talk to which registry: what flags, environment, config.toml and certs.d say of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::CommandFactory as _;
use imgctl::name::Registry;
use imgctl::net;
use imgctl::transport::{ForRegistry, RegistrySettings};
use imgctl::{Error, Result};

use super::Cli;
use super::certificates::{Certificates, read_certificate, read_key};
use super::config_file::{ConfigFile, first_line};
use super::context::Environment;
use super::credentials;
use super::flags::{RegistryFlags, Side, TransferFlags};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The flags that say how to talk to a registry.
pub(crate) struct Flags {
    /// Who we are, TLS.
    pub(crate) registry: RegistryFlags,
    /// How much at a time, and how patiently.
    pub(crate) transfer: TransferFlags,
}

/// Everything that is known of registries before one is asked.
pub(crate) struct Registries {
    /// As they are for registries that the file has no section for.
    pub(crate) flags: Arc<Flags>,
    /// config.toml.
    pub(crate) config: ConfigFile,
    /// What the environment says.
    pub(crate) environment: Arc<Environment>,
    /// How many requests were sent.
    pub(crate) requests: Arc<AtomicU64>,
}

impl Registries {
    /// Nothing was sent yet.
    pub(crate) fn new(flags: Flags, config: ConfigFile, environment: Arc<Environment>) -> Self {
        Self { flags: Arc::new(flags), config, environment, requests: Arc::default() }
    }

    /// For the registries of `side`.
    pub(crate) fn on(self: &Arc<Self>, side: Side) -> ForRegistry {
        let registries = Arc::clone(self);
        Arc::new(move |registry| registries.settings(registry, side))
    }

    fn settings(&self, registry: &Registry, side: Side) -> Result<RegistrySettings> {
        let flags = self.flags_for(registry)?;
        let network = self.network(&flags, registry, side)?;
        Ok(RegistrySettings { network, plain_http: flags.registry.plain_http })
    }

    fn flags_for(&self, registry: &Registry) -> Result<Arc<Flags>> {
        if !self.config.mentions(registry) {
            return Ok(Arc::clone(&self.flags));
        }
        let command = self.config.apply(Cli::command(), Some(registry));
        let cli = super::parse_with(command).map_err(|error| Error::usage(first_line(&error)))?;
        Ok(Arc::new(Flags { registry: cli.registry, transfer: cli.transfer }))
    }

    fn network(&self, flags: &Flags, registry: &Registry, side: Side) -> Result<net::Settings> {
        let Flags { registry: access, transfer } = flags;
        let mut certificates = Certificates::find(registry, access.cert_dir.as_deref(), &self.environment)?;
        for file in &access.ca_file {
            certificates.authorities.push(read_certificate(file)?);
        }
        certificates.identity = match (&access.cert_file, &access.key_file) {
            (Some(certificate), Some(key)) => Some((read_certificate(certificate)?, read_key(key)?)),
            (Some(file), None) => return Err(alone(file, "key-file")),
            (None, Some(file)) => return Err(alone(file, "cert-file")),
            (None, None) => certificates.identity,
        };
        Ok(net::Settings {
            ca_certificates: certificates.authorities,
            identity: certificates.identity,
            insecure: access.is_insecure(side),
            headers: credentials::headers(access, &self.environment)?,
            user_agent: format!("imgctl/{}", env!("CARGO_PKG_VERSION")),
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: transfer.idle_timeout,
            min_rate: transfer.min_rate,
            retries: transfer.retries,
            retry_max_wait: transfer.retry_max_wait,
            per_host: usize::from(transfer.per_host),
            requests: Arc::clone(&self.requests),
            challenges: Some(self.environment.cache.join("challenges")),
        })
    }
}

/// A certificate without a key, or the other way round.
fn alone(file: &Path, missing: &str) -> Error {
    Error::usage(format!("{} is of no use without a {missing}", file.display()))
}
