//! Credentials that were given on the command line.

use async_trait::async_trait;

use super::key::canonical;
use super::{Credential, CredentialStore};
use crate::Result;
use crate::name::Registry;

/// One credential for one registry, kept nowhere.
pub struct Static {
    registry: Registry,
    credential: Credential,
}

impl Static {
    /// `credential` for `registry` and no other.
    pub fn for_registry(registry: Registry, credential: Credential) -> Self {
        Self { registry, credential }
    }
}

#[async_trait]
impl CredentialStore for Static {
    async fn credential(&self, registry: &Registry, _path: &str) -> Result<Option<Credential>> {
        Ok((canonical(registry) == canonical(&self.registry)).then(|| self.credential.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Secret;

    #[tokio::test]
    async fn a06_is_for_its_own_registry_only() {
        let credential = Credential::Password { username: "u".into(), password: Secret::new("p") };
        let given = Static::for_registry("r.example".parse().unwrap(), credential.clone());
        let ask = async |name: &str| given.credential(&name.parse().unwrap(), "a/b").await.unwrap();
        assert_eq!(ask("r.example").await, Some(credential.clone()));
        assert_eq!(ask("r.example:443").await, Some(credential));
        for other in ["r.example:5000", "evil-r.example", "docker.io"] {
            assert_eq!(ask(other).await, None, "{other}");
        }
    }
}
