//! The repositories of a registry.

use super::page::{Listing, list_call};
use super::{Client, Result};
use crate::error::Kind;
use crate::name::Repository;
use crate::protocol::{Catalog, Endpoint, Scope};

impl Client {
    /// All repositories that the registry lists.
    pub async fn catalog(&self) -> Result<Listing<Repository>> {
        let call = list_call(self, &Endpoint::Catalog, "list the repositories".to_owned()).scope(Scope::Catalog);
        let parse = |text: &str| Repository::new(self.0.registry.clone(), text).ok();
        let entries = |page: Catalog| page.repositories;
        // Without a number, docker-registry cuts pages at 100.
        match self.listing(call.clone().query("n", "1000"), entries, parse).await {
            Err(error) if error.kind() == Kind::Failed => self.listing(call, entries, parse).await,
            other => other,
        }
    }
}
