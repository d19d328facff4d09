//! From challenge to token: which secret may go where, tokens kept by scope, one refresh at a time.

use std::sync::Arc;

use http::HeaderMap;

use super::Keychain;
use crate::Result;
use crate::name::Registry;
use crate::net::{Authorization, Client};
use crate::protocol::Scope;

/// Answers one registry's challenges.
pub struct Authorizer {
    registry: Registry,
    keychain: Arc<Keychain>,
    client: Arc<Client>,
}

impl Authorizer {
    /// An authorizer for `registry`, whose origin is that of `client`.
    pub fn new(registry: Registry, keychain: Arc<Keychain>, client: Arc<Client>) -> Self {
        Self { registry, keychain, client }
    }

    /// What to send with a request that needs `scopes`, as far as is known without asking: `None` before the first challenge.
    /// A token that is about to expire is replaced first.
    pub async fn authorization(&self, scopes: &[Scope]) -> Result<Option<Authorization>> {
        let _ = (scopes, &self.registry);
        Ok(None)
    }

    /// The registry answered 401 with `headers` to a request that needs `scopes` and carried `rejected`.
    /// Returns what to send instead. Errs with [`Kind::Denied`](crate::error::Kind::Denied) where nothing else can be tried,
    /// [`Kind::Unsafe`](crate::error::Kind::Unsafe) where the realm may not have our secret.
    pub async fn challenged(
        &self,
        headers: &HeaderMap,
        scopes: &[Scope],
        rejected: Option<&Authorization>,
    ) -> Result<Authorization> {
        let _ = (&self.keychain, &self.client);
        todo!("{headers:?} {scopes:?} {rejected:?}")
    }
}
