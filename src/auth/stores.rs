//! Stores: every place of this user's machine where credentials are kept, to read from, to log in to and to log out of.

use std::path::PathBuf;
use std::sync::Arc;

use super::docker_config::DockerConfig;
use super::keyring::Keyring;
use super::realms::Realms;
use super::{Account, CredentialStore};
use crate::name::Registry;
use crate::net::Origin;
use crate::{Error, Result};

/// The stores in the order they are asked.
#[derive(Clone)]
pub struct Stores {
    /// The keyring, unless one file was named instead.
    pub keyring: Option<Keyring>,
    /// docker's `config.json`, or the one file that was named: helpers are looked up in it, and it is written
    /// where there is neither a helper nor a keyring.
    pub config: DockerConfig,
    /// Files that are read after it: podman's `auth.json`.
    pub fallbacks: Vec<DockerConfig>,
    /// Token servers on other hosts that the user allowed.
    pub realms: Realms,
}

/// Where a login was put.
#[derive(Debug)]
pub enum KeptIn {
    /// The credential helper of this name.
    Helper(String),
    /// The keyring.
    Keyring,
    /// A file that everybody can read who can read the user's files.
    File {
        /// The file.
        path: PathBuf,
        /// Why not in the keyring, where there is one.
        keyring_failed: Option<Error>,
    },
}

impl Stores {
    /// For a [`Keychain`](super::Keychain), after what was given on the command line.
    pub fn in_order(&self) -> Vec<Arc<dyn CredentialStore>> {
        let keyring = self.keyring.clone().map(|keyring| Arc::new(keyring) as Arc<dyn CredentialStore>);
        let files = [&self.config].into_iter().chain(&self.fallbacks).cloned();
        let files = files.map(|file| Arc::new(file) as Arc<dyn CredentialStore>);
        let realms: Arc<dyn CredentialStore> = Arc::new(self.realms.clone());
        keyring.into_iter().chain(files).chain([realms]).collect()
    }

    /// Keeps a login that was verified: in the configured helper, else in the keyring, else in the file.
    /// `realms` are the token servers on other hosts that may get its secret.
    pub async fn store(&self, registry: &Registry, account: &Account, realms: &[Origin]) -> Result<KeptIn> {
        let kept = self.keep(registry, account).await?;
        self.realms.set(registry, realms)?;
        if !matches!(kept, KeptIn::Keyring)
            && let Some(keyring) = &self.keyring
        {
            // It is asked first: an older login in it would hide the new one.
            keyring.erase(registry).await?;
        }
        Ok(kept)
    }

    async fn keep(&self, registry: &Registry, account: &Account) -> Result<KeptIn> {
        if let Some(helper) = self.config.helper(registry)? {
            helper.store(registry, account).await?;
            self.config.mark(registry).await?;
            return Ok(KeptIn::Helper(helper.name().to_owned()));
        }
        let mut keyring_failed = None;
        if let Some(keyring) = &self.keyring
            && keyring.is_available().await
        {
            match keyring.store(registry, account).await {
                Ok(()) => return Ok(KeptIn::Keyring),
                // Locked for good, on a machine without a screen say. But an older login in it would hide the file's.
                Err(error) if matches!(keyring.get(registry).await, Ok(None)) => keyring_failed = Some(error),
                Err(error) => return Err(error.with_hint("unlock the keyring, or log in with --authfile FILE")),
            }
        }
        self.config.store(registry, account).await?;
        let path = self.config.path().map(PathBuf::from).unwrap_or_default();
        Ok(KeptIn::File { path, keyring_failed })
    }

    /// Makes every store that has an entry for the whole of `registry` forget it, and leaves the others alone.
    /// Returns whether one had it.
    pub async fn erase(&self, registry: &Registry) -> Result<bool> {
        let mut found = match &self.keyring {
            Some(keyring) => keyring.erase(registry).await?,
            None => false,
        };
        for file in [&self.config].into_iter().chain(&self.fallbacks) {
            if let Some(helper) = file.helper(registry)? {
                found |= helper.erase(registry).await?;
            }
            if file.has(registry)? {
                file.erase(registry).await?;
                found = true;
            }
        }
        self.realms.set(registry, &[])?;
        Ok(found)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests plant files")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::*;
    use crate::auth::{Credential, Helpers, Keychain};
    use crate::net::Secret;

    /// A helper that keeps one file for each server.
    const FILES: &str = r#"#!/bin/sh
        cd "$(dirname "$0")" || exit 3
        case "$1" in
        store) read -r line; server=${line#*ServerURL\":\"}; server=${server%%\"*}; echo "$line" > "kept-$server";;
        get) read -r server; cat "kept-$server" 2>/dev/null || { echo credentials not found in native keychain; exit 1; };;
        erase) read -r server; rm "kept-$server";;
        esac"#;

    fn stores(directory: &Path, config: &str) -> Stores {
        let program = directory.join("docker-credential-files");
        fs::write(&program, FILES).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| directory.join(name);
        if !config.is_empty() {
            fs::write(path("config.json"), config).unwrap();
        }
        let helpers = Helpers::new([directory.to_owned()]);
        Stores {
            keyring: None,
            config: DockerConfig::file(path("config.json"), helpers.clone()),
            fallbacks: vec![DockerConfig::file(path("auth.json"), helpers)],
            realms: Realms::new(path("realms.json")),
        }
    }

    fn account(name: &str) -> Account {
        let credential = Credential::Password { username: name.into(), password: Secret::new("p") };
        Account { username: name.into(), credential }
    }

    async fn user(stores: &Stores, registry: &Registry) -> Option<String> {
        let keychain = Keychain::new(stores.in_order(), Vec::new());
        let user = keychain.username(registry).await.unwrap();
        let credential = keychain.credential(registry, "a/b").await.unwrap();
        assert_eq!(credential.map(|credential| credential.username().unwrap().to_owned()), user);
        user
    }

    #[tokio::test]
    async fn a_configured_helper_keeps_the_login_and_docker_finds_it_there() {
        let directory = tempfile::tempdir().unwrap();
        let config = r#"{"credHelpers":{"r.example":"files"},"auths":{"r.example":{"auth":"b2xkOm9sZA=="}}}"#;
        let stores = stores(directory.path(), config);
        let registry: Registry = "r.example".parse().unwrap();
        assert_eq!(
            user(&stores, &registry).await.as_deref(),
            Some("old"),
            "what the helper has not, the file may have"
        );
        let kept = stores.store(&registry, &account("me"), &[]).await.unwrap();
        assert!(matches!(kept, KeptIn::Helper(name) if name == "docker-credential-files"));
        assert_eq!(user(&stores, &registry).await.as_deref(), Some("me"));
        let written = fs::read_to_string(directory.path().join("config.json")).unwrap();
        assert_eq!(written, r#"{"credHelpers":{"r.example":"files"},"auths":{"r.example":{}}}"#);
        assert!(directory.path().join("kept-r.example").exists());

        let other: Registry = "other.example".parse().unwrap();
        assert!(matches!(stores.store(&other, &account("you"), &[]).await.unwrap(), KeptIn::File { .. }));
        assert!(stores.erase(&registry).await.unwrap());
        assert!(!directory.path().join("kept-r.example").exists());
        assert_eq!(user(&stores, &registry).await, None);
        assert_eq!(user(&stores, &other).await.as_deref(), Some("you"));
    }

    #[tokio::test]
    async fn a16_logout_erases_one_registry_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let auth_json =
            r#"{"auths":{"r.example":{"auth":"dTpw"},"r.example/ns":{"auth":"dTpw"},"b.example":{"auth":"dTpw"}}}"#;
        fs::write(directory.path().join("auth.json"), auth_json).unwrap();
        let stores = stores(directory.path(), r#"{"auths":{"b.example":{"auth":"dTpw"}}}"#);
        let registry: Registry = "r.example".parse().unwrap();
        let realm = Origin::of(&url::Url::parse("https://t.example").unwrap()).unwrap();
        stores.realms.set(&registry, std::slice::from_ref(&realm)).unwrap();
        let keychain = Keychain::new(stores.in_order(), Vec::new());
        assert!(keychain.allows(&registry, &url::Url::parse("https://t.example/x").unwrap()).await.unwrap());
        let inode = || fs::metadata(directory.path().join("config.json")).unwrap().ino();
        let before = inode();
        assert!(stores.erase(&registry).await.unwrap());
        assert_eq!(inode(), before, "a store that has nothing of it is not written");
        let left = fs::read_to_string(directory.path().join("auth.json")).unwrap();
        assert_eq!(left, r#"{"auths":{"r.example/ns":{"auth":"dTpw"},"b.example":{"auth":"dTpw"}}}"#);
        assert!(stores.realms.of(&registry).unwrap().is_empty());
        assert!(!stores.erase(&registry).await.unwrap());
    }

    #[tokio::test]
    async fn a13_twenty_logins_at_once_are_all_kept() {
        let directory = tempfile::tempdir().unwrap();
        let stores = stores(directory.path(), "");
        let registries: Vec<Registry> = (0..20).map(|n| format!("r{n}.example").parse().unwrap()).collect();
        let logins = registries.iter().map(|registry| {
            let (stores, registry) = (stores.clone(), registry.clone());
            tokio::spawn(async move { stores.store(&registry, &account("u"), &[]).await.map(|_| ()) })
        });
        for login in logins.collect::<Vec<_>>() {
            login.await.unwrap().unwrap();
        }
        for registry in &registries {
            assert_eq!(user(&stores, registry).await.as_deref(), Some("u"), "{registry}");
        }
        let mode = fs::metadata(directory.path().join("config.json")).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
