//! Who we are: credentials from the keyring, helpers and docker's files, and the tokens they buy.

mod token;

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

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

/// Somewhere credentials are kept.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    /// The credential for `path` in `registry` (an empty path: for the registry as a whole). Absence is not an error.
    async fn credential(&self, registry: &Registry, path: &str) -> Result<Option<Credential>>;

    /// Origins the user bound to this registry's credential at login, beside the registry's own.
    async fn realms(&self, registry: &Registry) -> Result<Vec<Origin>> {
        let _ = registry;
        Ok(Vec::new())
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
