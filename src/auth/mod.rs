//! Who we are: credentials from the keyring, helpers and docker's files, and the tokens they buy.

mod docker_config;
mod given;
mod helper;
mod json_file;
mod json_object;
mod key;
mod keyring;
mod login;
mod realms;
mod stores;
mod token;

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

pub use docker_config::DockerConfig;
pub use given::Static;
pub use helper::{Helper, Helpers};
pub use keyring::Keyring;
pub use login::{Verdict, verify};
pub use realms::Realms;
pub use stores::{KeptIn, Stores};
pub use token::Authorizer;

use crate::Result;
use crate::name::Registry;
use crate::net::{Origin, Secret};

/// What proves who we are to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// User name and password.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// An OAuth2 refresh token, docker's "identity token".
    IdentityToken(Secret),
    /// A bearer token that the registry itself takes.
    RegistryToken(Secret),
}

impl Credential {
    /// The user name, where it says one.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Password { username, .. } => Some(username),
            Self::IdentityToken(_) | Self::RegistryToken(_) => None,
        }
    }
}

/// A credential and whose it is, as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User name.
    pub username: String,
    /// Credential.
    pub credential: Credential,
}

/// Somewhere credentials are kept.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// The credential for `path` in `registry` (an empty path: for the registry as a whole). Absence is not an error.
    async fn credential(&self, registry: &Registry, path: &str) -> Result<Option<Credential>>;

    /// Whose credential for the registry as a whole it is.
    async fn username(&self, registry: &Registry) -> Result<Option<String>> {
        let credential = self.credential(registry, "").await?;
        Ok(credential.and_then(|credential| credential.username().map(str::to_owned)))
    }

    /// Origins the user bound to this registry's credential at login, beside the registry's own.
    async fn realms(&self, registry: &Registry) -> Result<Vec<Origin>> {
        let _ = registry;
        Ok(Vec::new())
    }

    /// What is wrong with the way those credentials are kept that were asked for; each is told once.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Credential stores in the order they are asked.
#[derive(Clone, Default)]
pub struct Keychain {
    stores: Vec<Arc<dyn CredentialStore>>,
    /// Origins allowed on the command line, for every registry.
    allowed: Vec<Origin>,
}

impl Keychain {
    /// Asks `stores` in order; the first that knows something answers. `allowed` realms may get stored secrets.
    pub fn new(stores: Vec<Arc<dyn CredentialStore>>, allowed: Vec<Origin>) -> Self {
        Self { stores, allowed }
    }

    /// The first store's answer.
    pub async fn credential(&self, registry: &Registry, path: &str) -> Result<Option<Credential>> {
        for store in &self.stores {
            if let Some(credential) = store.credential(registry, path).await? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    /// Who is logged in to `registry`.
    pub async fn username(&self, registry: &Registry) -> Result<Option<String>> {
        for store in &self.stores {
            if let Some(username) = store.username(registry).await? {
                return Ok(Some(username));
            }
        }
        Ok(None)
    }

    /// What is wrong with the way those credentials are kept that were asked for; each is told once.
    pub fn warnings(&self) -> Vec<String> {
        self.stores.iter().flat_map(|store| store.warnings()).collect()
    }

    /// Whether the user said that `realm` may get the secrets of `registry`.
    pub async fn allows(&self, registry: &Registry, realm: &Url) -> Result<bool> {
        let realm = Origin::of(realm)?;
        if self.allowed.contains(&realm) {
            return Ok(true);
        }
        for store in &self.stores {
            if store.realms(registry).await?.contains(&realm) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
