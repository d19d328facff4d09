//! Session: what opening a place needs.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use url::Url;

use super::registry::{RegistryDestination, RegistrySource};
use super::{ArchiveOptions, Destination, Location, Source};
use super::{DirectoryDestination, DirectorySource, LayoutDestination, LayoutSource, StoreDestination, StoreSource};
use super::{DockerArchive, DockerArchiveWriter, OciArchive, OciArchiveWriter};
use crate::auth::Keychain;
use crate::name::Registry;
use crate::net::{self, Origin};
use crate::registry::Client;
use crate::store::Journal;
use crate::{Error, Result};

/// What a [`Session`] is made of.
#[derive(Clone)]
pub struct Settings {
    /// Directory of the local store.
    pub store: PathBuf,
    /// Directory for temporary files.
    pub temporary: PathBuf,
    /// Who we are.
    pub keychain: Arc<Keychain>,
    /// How to talk to registries.
    pub registries: ForRegistry,
    /// Flush what is written to the disk before it appears.
    pub is_flushed: bool,
    /// Keep what a transfer that breaks off has done, and go on from there next time. Another process at the same blob is
    /// waited for, unless it brings nothing for so long.
    pub resume: Option<Duration>,
}

/// How to talk to one registry.
#[derive(Clone, Default)]
pub struct RegistrySettings {
    /// Connections, patience, TLS.
    pub network: net::Settings,
    /// Speak plain http; without it only to literal loopback hosts.
    pub plain_http: bool,
}

/// How to talk to which registry. Asked once for each that a [`Session`] opens.
pub type ForRegistry = Arc<dyn Fn(&Registry) -> Result<RegistrySettings> + Send + Sync>;

impl RegistrySettings {
    /// The same for all registries.
    pub fn for_all(self) -> ForRegistry {
        Arc::new(move |_| Ok(self.clone()))
    }

    /// Where `registry` answers. Plain http is never guessed: it is for those who ask for it, and for literal loopback hosts
    /// unless they speak TLS and a certificate was given or TLS need not be verified.
    pub fn origin(&self, registry: &Registry) -> Result<Origin> {
        let network = &self.network;
        let may_be_tls = network.insecure || !network.ca_certificates.is_empty() || network.identity.is_some();
        let is_local = registry.is_loopback() && registry.port() != Some(443);
        let is_plain = self.plain_http || (is_local && !(may_be_tls && loopback_speaks_tls(registry)));
        registry_origin(registry, is_plain)
    }
}

/// Opens places; keeps one client for each registry.
pub struct Session {
    settings: Settings,
    /// Where uploads are written down.
    journal: Journal,
    registries: Mutex<HashMap<Registry, Client>>,
}

impl Session {
    /// A session that has opened nothing.
    pub fn new(settings: Settings) -> Self {
        let journal = Journal::new(&settings.store);
        Self { settings, journal, registries: Mutex::default() }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens a place to read.
    pub async fn source(&self, location: &Location) -> Result<Arc<dyn Source>> {
        let temporary = &self.settings.temporary;
        Ok(match location {
            Location::Registry(reference) => {
                let client = self.registry(reference.repository.registry())?;
                Arc::new(RegistrySource::new(client, reference))
            }
            Location::Store(_) => Arc::new(StoreSource::open(&self.settings.store)?),
            Location::Layout { directory, .. } => Arc::new(LayoutSource::open(directory)?),
            Location::OciArchive { file, .. } => Arc::new(OciArchive::open(file, temporary).await?),
            Location::DockerArchive { file, .. } => Arc::new(DockerArchive::open(file, temporary).await?),
            Location::Directory(directory) => Arc::new(DirectorySource::open(directory)?),
        })
    }

    /// Opens a place to write.
    pub async fn destination(&self, location: &Location) -> Result<Arc<dyn Destination>> {
        let (patience, is_flushed) = (self.settings.resume, self.settings.is_flushed);
        Ok(match location {
            Location::Registry(reference) => {
                let client = self.registry(reference.repository.registry())?;
                let journal = patience.map(|_| self.journal.clone());
                Arc::new(RegistryDestination::new(client, &reference.repository, journal))
            }
            Location::Store(_) => {
                let store = StoreDestination::create_or_open(&self.settings.store)?;
                Arc::new(store.resuming(patience).flushing(is_flushed))
            }
            Location::Layout { directory, .. } => {
                Arc::new(LayoutDestination::create_or_open(directory)?.resuming(patience).flushing(is_flushed))
            }
            Location::OciArchive { file, .. } => Arc::new(OciArchiveWriter::create_with(file, &self.archives()).await?),
            Location::DockerArchive { file, .. } => {
                Arc::new(DockerArchiveWriter::create_with(file, &self.archives()).await?)
            }
            Location::Directory(directory) => {
                Arc::new(DirectoryDestination::create_or_open(directory)?.resuming(patience).flushing(is_flushed))
            }
        })
    }

    /// How archives are written.
    fn archives(&self) -> ArchiveOptions {
        let temporary = Some(self.settings.temporary.clone());
        ArchiveOptions { is_kept: self.settings.resume.is_some(), is_flushed: self.settings.is_flushed, temporary }
    }

    /// The one client for `registry`.
    pub fn registry(&self, registry: &Registry) -> Result<Client> {
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = registries.get(registry) {
            return Ok(client.clone());
        }
        let settings = (self.settings.registries)(registry)?;
        let origin = settings.origin(registry)?;
        let client = Client::new(registry.clone(), origin, settings.network, Arc::clone(&self.settings.keychain))?;
        registries.insert(registry.clone(), client.clone());
        Ok(client)
    }

    /// What registries warned of, and how badly used credentials are kept, since the last call.
    pub fn warnings(&self) -> Vec<String> {
        let registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        registries.values().flat_map(Client::warnings).chain(self.settings.keychain.warnings()).collect()
    }
}

/// Where `registry` answers.
fn registry_origin(registry: &Registry, is_plain: bool) -> Result<Origin> {
    let scheme = if is_plain { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{}/", registry.api_authority()))
        .map_err(|error| Error::usage(format!("registry {registry} makes no URL")).with_source(error))?;
    Origin::of(&url)
}

/// Whether a port of this machine speaks TLS: servers that do refuse a plain request.
/// Nothing secret is in it.
fn loopback_speaks_tls(registry: &Registry) -> bool {
    let patience = Duration::from_secs(2);
    let probe = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(registry.api_authority())?;
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        let is_plain = answer.starts_with(b"HTTP/") && !answer.ends_with(b" 400");
        Ok(!is_plain)
    };
    // Whoever does not answer a plain request in its own words may speak TLS.
    probe().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port that answers every connection with `answer`.
    fn port_that_says(answer: &'static [u8]) -> Registry {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = listener.local_addr().unwrap().to_string().parse().unwrap();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(answer));
        registry
    }

    #[test]
    fn an_insecure_loopback_port_is_asked_whether_it_speaks_tls() {
        let network = net::Settings { insecure: true, ..net::Settings::default() };
        let settings = RegistrySettings { network, plain_http: false };
        for (answer, is_https) in [
            (&b"HTTP/1.0 200 OK\r\n\r\n"[..], false),
            (b"HTTP/1.1 401 Unauthorized\r\n\r\n", false),
            (b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", true),
            (b"\x15\x03\x01\x00\x02\x02\x46", true),
        ] {
            assert_eq!(settings.origin(&port_that_says(answer)).unwrap().is_https(), is_https);
        }
    }

    #[test]
    fn a09_plain_http_is_for_literal_loopback_alone() {
        let origin = |text: &str, plain_http| {
            let settings = RegistrySettings { plain_http, ..RegistrySettings::default() };
            settings.origin(&text.parse().unwrap()).unwrap().to_string()
        };
        for (registry, expected) in [
            ("docker.io", "https://registry-1.docker.io:443"),
            ("quay.io", "https://quay.io:443"),
            ("localhost:5000", "http://localhost:5000"),
            ("127.0.0.1", "http://127.0.0.1:80"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("localhost:443", "https://localhost:443"),
            ("localhost.evil.test:5000", "https://localhost.evil.test:5000"),
            ("r.example:80", "https://r.example:80"),
        ] {
            assert_eq!(origin(registry, false), expected);
        }
        assert_eq!(origin("r.example:5000", true), "http://r.example:5000");
    }
}
