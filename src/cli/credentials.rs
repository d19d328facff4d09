//! The keychain of this process: what the flags say, else what the environment says, else what is stored.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use imgctl::auth::{Credential, CredentialStore, DockerConfig, Helpers, Keychain, Keyring, Realms, Stores};
use imgctl::name::Registry;
use imgctl::net::Origin;
use imgctl::{Error, Result};

use super::context::Environment;
use super::flags::{RegistryFlags, Side, UserPassword};
use super::prompt;

/// The variable that holds a docker configuration as text.
pub(crate) const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";

/// The credential of the command line, for every registry.
struct Given(Credential);

#[async_trait]
impl CredentialStore for Given {
    async fn credential(&self, _: &Registry, _: &str) -> Result<Option<Credential>> {
        Ok(Some(self.0.clone()))
    }
}

/// Who we are to the registries of `side`.
pub(crate) fn keychain(flags: &RegistryFlags, environment: &Environment, side: Side) -> Result<Keychain> {
    let allowed = allowed_realms(flags)?;
    if flags.anonymous {
        return Ok(Keychain::new(Vec::new(), allowed));
    }
    if let Some(file) = flags.authfile.as_ref().filter(|file| !file.exists()) {
        return Err(Error::usage(format!("--authfile {}: no such file", file.display())));
    }
    let stores = stores(flags, environment);
    if let Some(given) = flags.credentials(side) {
        // The token servers that the user allowed at login count for given credentials too.
        return Ok(Keychain::new(vec![Arc::new(Given(credential(given)?)), Arc::new(stores.realms)], allowed));
    }
    let text = environment.docker_auth_config.as_ref().filter(|_| flags.authfile.is_none());
    let text = text.map(|text| DockerConfig::text(DOCKER_AUTH_CONFIG, text.expose(), helpers(environment)));
    let text = text.map(|text| Arc::new(text) as Arc<dyn CredentialStore>);
    Ok(Keychain::new(text.into_iter().chain(stores.in_order()).collect(), allowed))
}

/// The realms of the command line.
pub(crate) fn allowed_realms(flags: &RegistryFlags) -> Result<Vec<Origin>> {
    flags.allow_realm.iter().map(Origin::of).collect()
}

/// Where credentials are kept on this machine; with `--authfile` only in that file.
pub(crate) fn stores(flags: &RegistryFlags, environment: &Environment) -> Stores {
    let helpers = helpers(environment);
    let realms = Realms::new(environment.config.join("imgctl/realms.json"));
    if let Some(file) = &flags.authfile {
        return Stores { keyring: None, config: DockerConfig::file(file, helpers), fallbacks: Vec::new(), realms };
    }
    let docker = environment.docker_config.clone().unwrap_or_else(|| environment.home.join(".docker"));
    let fallbacks =
        podman_files(environment).into_iter().map(|file| DockerConfig::file(file, helpers.clone())).collect();
    let config = DockerConfig::file(docker.join("config.json"), helpers);
    Stores { keyring: Some(Keyring::default()), config, fallbacks, realms }
}

/// What docker's configuration wants sent along to registries; like a credential, it may be a secret.
pub(crate) fn headers(flags: &RegistryFlags, environment: &Environment) -> Result<HeaderMap> {
    if flags.anonymous { Ok(HeaderMap::new()) } else { stores(flags, environment).config.http_headers() }
}

fn helpers(environment: &Environment) -> Helpers {
    Helpers::new(environment.path.iter().cloned())
}

/// Where podman looks
/// ([containers-auth.json](https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md)).
fn podman_files(environment: &Environment) -> Vec<PathBuf> {
    if let Some(file) = &environment.registry_auth_file {
        return vec![file.clone()];
    }
    let runtime = match &environment.runtime {
        Some(runtime) => runtime.join("containers"),
        None => PathBuf::from(format!("/run/containers/{}", rustix::process::getuid().as_raw())),
    };
    [runtime, environment.config.join("containers")].map(|directory| directory.join("auth.json")).into()
}

/// The credential of a flag; asks for the password where there is none.
pub(crate) fn credential(given: &UserPassword) -> Result<Credential> {
    if given.username.is_empty() {
        return Err(Error::usage("--creds: the user name is empty"));
    }
    let password = match &given.password {
        Some(password) => password.clone(),
        None => prompt::secret(&format!("Password for {}: ", given.username))?,
    };
    Ok(Credential::Password { username: given.username.clone(), password })
}
