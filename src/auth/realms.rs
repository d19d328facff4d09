//! Realms: token servers on other hosts that the user allowed a registry's secret to go to.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::key::canonical;
use super::{Credential, CredentialStore, json_file};
use crate::name::Registry;
use crate::net::Origin;
use crate::{Error, Result};

/// A file of our own, `{"registry": ["https://token.server"]}`: docker drops keys that it does not know from its file.
#[derive(Debug, Clone)]
pub struct Realms {
    path: PathBuf,
}

impl Realms {
    /// The file at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The origins that the secret of `registry` may go to.
    pub fn of(&self, registry: &Registry) -> Result<Vec<Origin>> {
        let name = self.path.display().to_string();
        let members = json_file::parse(&name, &json_file::read(&self.path)?.unwrap_or_default())?;
        let invalid = || Error::usage(format!("{name} has under {registry} no list of https:// origins"));
        let Some(origins) = members.get(&canonical(registry).to_string()) else { return Ok(Vec::new()) };
        let origin = |value: &Value| {
            let url = Url::parse(value.as_str().ok_or_else(invalid)?).map_err(|_| invalid())?;
            Origin::of(&url)
        };
        origins.as_array().ok_or_else(invalid)?.iter().map(origin).collect()
    }

    /// Binds `origins` to `registry`, in place of those that were.
    pub(super) fn set(&self, registry: &Registry, origins: &[Origin]) -> Result<()> {
        let key = canonical(registry).to_string();
        if origins.is_empty() && self.of(registry)?.is_empty() {
            return Ok(());
        }
        json_file::edit(&self.path, |document, style| {
            if origins.is_empty() {
                return Ok(document.remove(|name| name == key));
            }
            let list = origins.iter().map(|origin| Value::from(origin.to_string())).collect::<Vec<_>>();
            document.set(&key, style.value(&Value::Array(list), 1)?);
            Ok(true)
        })
    }
}

#[async_trait]
impl CredentialStore for Realms {
    async fn credential(&self, _registry: &Registry, _path: &str) -> Result<Option<Credential>> {
        Ok(None)
    }

    async fn realms(&self, registry: &Registry) -> Result<Vec<Origin>> {
        self.of(registry)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests plant files")]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::of(&Url::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn a02_binds_origins_to_one_registry() {
        let directory = tempfile::tempdir().unwrap();
        let realms = Realms::new(directory.path().join("imgctl/realms.json"));
        let registry: Registry = "r.example".parse().unwrap();
        let other: Registry = "r.example:5000".parse().unwrap();
        realms.set(&other, &[]).unwrap();
        assert!(!realms.path().exists(), "nothing to forget, nothing written");
        realms.set(&registry, &[origin("https://t.example/token")]).unwrap();
        realms.set(&other, &[origin("https://a.example:8443"), origin("http://127.0.0.1:5001")]).unwrap();
        assert_eq!(realms.of(&"r.example:443".parse().unwrap()).unwrap(), [origin("https://t.example")]);
        assert_eq!(realms.of(&other).unwrap().len(), 2);
        realms.set(&registry, &[]).unwrap();
        assert!(realms.of(&registry).unwrap().is_empty() && !realms.of(&other).unwrap().is_empty());
    }

    #[test]
    fn a_broken_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let realms = Realms::new(directory.path().join("realms.json"));
        for text in ["{", r#"{"r.example":1}"#, r#"{"r.example":["x"]}"#, r#"{"r.example":["ftp://x"]}"#] {
            std::fs::write(realms.path(), text).unwrap();
            assert!(realms.of(&"r.example".parse().unwrap()).is_err(), "{text}");
        }
    }
}
