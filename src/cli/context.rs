//! Context: what every command is given. The only place that reads the environment.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use etcetera::{AppStrategy, AppStrategyArgs};
use imgctl::auth::Keychain;
use imgctl::net::Secret;
use imgctl::store::{Repositories, Store};
use imgctl::transfer::{Jobs, Options, RateLimit, Report};
use imgctl::transport::{Destination, Location, Name, Session, Settings, Source};
use imgctl::{Error, Result};

use super::credentials;
use super::flags::{RegistryFlags, Side};
use super::progress::Totals;
use super::registries::{Flags, Registries};
use super::signal::Listener;
use super::ui::Ui;

/// What every command is given.
pub(crate) struct Context {
    /// The streams.
    pub(crate) ui: Ui,
    /// What the environment says.
    pub(crate) environment: Arc<Environment>,
    /// Where a command hears that it shall end.
    pub(crate) signal: Listener,
    registries: Arc<Registries>,
    flags: Arc<Flags>,
    /// What the copies of this command did, where it made any.
    totals: Mutex<Option<Totals>>,
    /// What all copies of this command share.
    limit: Option<Arc<RateLimit>>,
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
    /// `$XDG_CACHE_HOME/imgctl`.
    pub(crate) cache: PathBuf,
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
            cache: xdg.cache_dir(),
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
    pub(crate) fn new(ui: Ui, registries: Registries) -> Self {
        let (flags, environment) = (Arc::clone(&registries.flags), Arc::clone(&registries.environment));
        let limit = flags.transfer.limit_rate.and_then(NonZeroU64::new).map(|rate| Arc::new(RateLimit::new(rate)));
        let (signal, totals, source, destination) = Default::default();
        Self { ui, environment, signal, registries: Arc::new(registries), flags, totals, limit, source, destination }
    }

    /// The registry flags.
    pub(crate) fn registry_flags(&self) -> &RegistryFlags {
        &self.flags.registry
    }

    /// The session that images are read with.
    pub(crate) fn source(&self) -> Result<&Session> {
        self.session(&self.source, Side::Source)
    }

    /// The session that images are written with; the same one where nothing differs.
    pub(crate) fn destination(&self) -> Result<&Session> {
        if self.flags.registry.sides_differ() {
            self.session(&self.destination, Side::Destination)
        } else {
            self.source()
        }
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
        let keychain = credentials::keychain(&self.flags.registry, &self.environment, side)?;
        self.settings_as(keychain, side)
    }

    /// As [`Context::settings`], for whom `keychain` says.
    pub(crate) fn settings_as(&self, keychain: Keychain, side: Side) -> Result<Settings> {
        Ok(Settings {
            store: self.store(),
            temporary: std::env::temp_dir(),
            keychain: Arc::new(keychain),
            registries: self.registries.on(side),
            is_flushed: self.flags.transfer.fsync,
            resume: (!self.flags.transfer.no_resume).then(|| self.idle_timeout()),
        })
    }

    /// Where `what` is remembered for the next command, unless nothing shall be.
    pub(crate) fn memory(&self, what: &str) -> Option<PathBuf> {
        (!self.flags.transfer.no_resume).then(|| self.environment.cache.join(what))
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

    /// A copy was made.
    pub(crate) fn copied(&self, report: &Report) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().add(report);
    }

    /// Says what the copies did, where there were any.
    pub(crate) fn tell_totals(&self) {
        if let Some(totals) = &*self.totals.lock().unwrap_or_else(PoisonError::into_inner) {
            self.ui.totals(totals, self.registries.requests.load(Ordering::Relaxed));
        }
    }

    /// The local store, to change names and images of.
    pub(crate) fn open_store(&self) -> Result<Store> {
        let mut store = Store::open(&self.store())?;
        if self.flags.transfer.fsync {
            store.flush_each();
        }
        Ok(store)
    }

    /// The local store as a server has it.
    pub(crate) fn open_repositories(&self) -> Result<Repositories> {
        let mut repositories = Repositories::open(&self.store())?;
        if self.flags.transfer.fsync {
            repositories.flush_each();
        }
        Ok(repositories)
    }

    /// Directory of the local store.
    pub(crate) fn store(&self) -> PathBuf {
        self.flags.transfer.store.clone().unwrap_or_else(|| self.environment.data.join("store"))
    }

    /// How long the other side may be silent.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.flags.transfer.idle_timeout
    }

    /// Options of a copy as far as the common flags say.
    pub(crate) fn options(&self) -> Options {
        Options {
            jobs: self.flags.transfer.jobs.map_or_else(Jobs::default, |jobs| Jobs::always(usize::from(jobs))),
            range_split: usize::from(self.flags.transfer.range_split),
            retries: self.flags.transfer.retries,
            limit: self.limit.clone(),
            ..Options::default()
        }
    }
}
