//! Context: what every command is given. The only place that reads the environment.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use etcetera::{AppStrategy, AppStrategyArgs};
use imgctl::auth::Keychain;
use imgctl::net::{self, Secret};
use imgctl::transfer::{Options, RateLimit};
use imgctl::transport::{Destination, Location, Name, Session, Settings, Source};
use imgctl::{Error, Result};

use super::credentials;
use super::flags::{RegistryFlags, Side, TransferFlags};
use super::signal::Listener;
use super::ui::Ui;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What every command is given.
pub(crate) struct Context {
    /// The streams.
    pub(crate) ui: Ui,
    /// What the environment says.
    pub(crate) environment: Environment,
    /// Where a command hears that it shall end.
    pub(crate) signal: Listener,
    registry: RegistryFlags,
    transfer: TransferFlags,
    /// What all copies of this command share.
    limit: Option<Arc<RateLimit>>,
    /// How many requests were sent.
    requests: Arc<AtomicU64>,
    source: OnceLock<Arc<Session>>,
    destination: OnceLock<Arc<Session>>,
}

/// What the environment says of the terminal.
pub(crate) struct Terminal {
    /// It cannot move its cursor.
    pub(crate) is_dumb: bool,
}

impl Terminal {
    /// Reads it.
    #[expect(clippy::disallowed_methods, reason = "only the command line cares for terminals")]
    pub(crate) fn read() -> Self {
        Self { is_dumb: std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") }
    }
}

/// The part of the environment that concerns us.
#[derive(Debug)]
pub(crate) struct Environment {
    /// The user's home directory.
    pub(crate) home: PathBuf,
    /// `$XDG_DATA_HOME/imgctl`.
    pub(crate) data: PathBuf,
    /// `$XDG_RUNTIME_DIR`.
    pub(crate) runtime: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub(crate) config: PathBuf,
    /// `$DOCKER_CONFIG`.
    pub(crate) docker_config: Option<PathBuf>,
    /// `$DOCKER_AUTH_CONFIG`.
    pub(crate) docker_auth_config: Option<Secret>,
    /// `$REGISTRY_AUTH_FILE`.
    pub(crate) registry_auth_file: Option<PathBuf>,
    /// Where programs are looked for.
    pub(crate) path: Vec<PathBuf>,
}

impl Environment {
    /// Reads it.
    #[expect(clippy::disallowed_methods, reason = "the command line hands the environment to the library")]
    pub(crate) fn read() -> Result<Self> {
        let no_home = || Error::usage("there is no home directory").with_hint("set HOME");
        let xdg = etcetera::app_strategy::Xdg::new(AppStrategyArgs {
            top_level_domain: String::new(),
            author: String::new(),
            app_name: "imgctl".to_owned(),
        })
        .map_err(|_| no_home())?;
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let config = xdg.config_dir();
        Ok(Self {
            home: xdg.home_dir().to_owned(),
            data: xdg.data_dir(),
            runtime: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
            config: config.parent().unwrap_or(&config).to_owned(),
            docker_config: variable("DOCKER_CONFIG").map(PathBuf::from),
            docker_auth_config: std::env::var(credentials::DOCKER_AUTH_CONFIG).ok().map(Secret::new),
            registry_auth_file: variable("REGISTRY_AUTH_FILE").map(PathBuf::from),
            path: variable("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
        })
    }
}

impl Context {
    /// Opens nothing yet.
    pub(crate) fn new(ui: Ui, environment: Environment, registry: RegistryFlags, transfer: TransferFlags) -> Self {
        let limit = transfer.limit_rate.and_then(NonZeroU64::new).map(|rate| Arc::new(RateLimit::new(rate)));
        let (signal, requests, source, destination) = Default::default();
        Self { ui, environment, signal, registry, transfer, limit, requests, source, destination }
    }

    /// The registry flags.
    pub(crate) fn registry_flags(&self) -> &RegistryFlags {
        &self.registry
    }

    /// The session that images are read with.
    pub(crate) fn source(&self) -> Result<&Session> {
        self.session(&self.source, Side::Source)
    }

    /// The session that images are written with; the same one where nothing differs.
    pub(crate) fn destination(&self) -> Result<&Session> {
        if self.registry.sides_differ() { self.session(&self.destination, Side::Destination) } else { self.source() }
    }

    fn session<'a>(&self, cell: &'a OnceLock<Arc<Session>>, side: Side) -> Result<&'a Session> {
        if let Some(session) = cell.get() {
            return Ok(session);
        }
        let session = Arc::new(Session::new(self.settings(side)?));
        Ok(cell.get_or_init(|| session))
    }

    /// What a session of `side` is made of.
    pub(crate) fn settings(&self, side: Side) -> Result<Settings> {
        let keychain = credentials::keychain(&self.registry, &self.environment, side)?;
        self.settings_as(keychain, side)
    }

    /// As [`Context::settings`], for whom `keychain` says.
    pub(crate) fn settings_as(&self, keychain: Keychain, side: Side) -> Result<Settings> {
        Ok(Settings {
            store: self.store(),
            temporary: std::env::temp_dir(),
            keychain: Arc::new(keychain),
            network: self.network(side)?,
            plain_http: self.registry.plain_http,
            resume: !self.transfer.no_resume,
        })
    }

    /// The local store, to read.
    pub(crate) async fn store_source(&self) -> Result<Arc<dyn Source>> {
        self.source()?.source(&Self::store_location()).await
    }

    /// The local store, to write.
    pub(crate) async fn store_destination(&self) -> Result<Arc<dyn Destination>> {
        self.source()?.destination(&Self::store_location()).await
    }

    /// The store as a place; which image is said when it is asked for one.
    fn store_location() -> Location {
        Location::Store(Name::new(""))
    }

    /// What registries warned of since the last call.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let sessions = [&self.source, &self.destination].into_iter().filter_map(OnceLock::get);
        sessions.flat_map(|session| session.warnings()).collect()
    }

    /// Directory of the local store.
    pub(crate) fn store(&self) -> PathBuf {
        self.transfer.store.clone().unwrap_or_else(|| self.environment.data.join("store"))
    }

    /// How long the other side may be silent.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.transfer.idle_timeout
    }

    /// Options of a copy as far as the common flags say.
    pub(crate) fn options(&self) -> Options {
        Options {
            jobs: usize::from(self.transfer.jobs),
            retries: self.transfer.retries,
            limit: self.limit.clone(),
            ..Options::default()
        }
    }

    /// How to talk to the registries of `side`.
    fn network(&self, side: Side) -> Result<net::Settings> {
        let flags = &self.registry;
        let identity = match (&flags.cert_file, &flags.key_file) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, secret(key)?)),
            _ => None,
        };
        Ok(net::Settings {
            ca_certificates: flags.ca_file.iter().map(|file| read(file)).collect::<Result<_>>()?,
            identity,
            insecure: flags.is_insecure(side),
            headers: credentials::headers(flags, &self.environment)?,
            user_agent: format!("imgctl/{}", env!("CARGO_PKG_VERSION")),
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: self.transfer.idle_timeout,
            retries: self.transfer.retries,
            retry_max_wait: self.transfer.retry_max_wait,
            min_rate: self.transfer.min_rate,
            requests: self.requests.clone(),
            per_host: usize::from(self.transfer.per_host),
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Error::local(format!("read {}", file.display()), error))
}

fn secret(file: &Path) -> Result<Secret> {
    let text = String::from_utf8(read(file)?);
    text.map(Secret::new).map_err(|_| Error::usage(format!("{}: is no PEM file", file.display())))
}
