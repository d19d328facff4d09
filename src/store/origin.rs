//! Origins: from which repositories blobs came, so that a later push may mount them there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value};

use super::layout::Layout;
use crate::Result;
use crate::content::read_regular;
use crate::name::{Registry, Repository};
use crate::oci::Digest;

/// Repositories that are remembered of one blob: the latest ones.
const PER_BLOB: usize = 4;
/// Blobs that are remembered: the latest ones.
const BLOBS: usize = 20_000;
const LIMIT: u64 = 32 * 1024 * 1024;

/// What is written down in `origins.json`, an object of digest → repositories with the latest last, and what this
/// process has learned. It only saves work: whatever is wrong with the file, it counts as empty.
#[derive(Debug)]
pub(super) struct Origins {
    path: PathBuf,
    known: OnceLock<Map<String, Value>>,
    learned: Mutex<BTreeMap<Digest, Vec<Repository>>>,
}

impl Origins {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, known: OnceLock::new(), learned: Mutex::default() }
    }

    /// The repositories of `registry` that the blob came from, the latest first.
    pub(super) fn of(&self, digest: &Digest, registry: &Registry) -> Vec<Repository> {
        let known = self.known.get_or_init(|| self.read());
        let texts = known.get(&digest.to_string()).and_then(Value::as_array).into_iter().flatten();
        let repositories = texts.filter_map(|text| text.as_str()?.parse::<Repository>().ok());
        repositories.filter(|repository| repository.registry() == registry).rev().collect()
    }

    /// Remembers for [`Origins::write`] that the blob came from `repository`.
    pub(super) fn note(&self, digest: &Digest, repository: &Repository) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let repositories = learned.entry(*digest).or_default();
        if !repositories.contains(repository) {
            repositories.push(repository.clone());
        }
    }

    /// Writes down what was learned.
    pub(super) fn write(&self, layout: &Layout) -> Result<()> {
        let learned = std::mem::take(&mut *self.learned.lock().unwrap_or_else(PoisonError::into_inner));
        if learned.is_empty() {
            return Ok(());
        }
        let _lock = layout.lock()?;
        let mut known = self.read();
        let is_news = learned.into_iter().fold(false, |news, (digest, repositories)| {
            let texts = repositories.iter().map(Repository::to_string);
            texts.fold(news, |news, text| learn(&mut known, &digest, text) || news)
        });
        if !is_news {
            return Ok(());
        }
        let surplus = known.len().saturating_sub(BLOBS);
        let kept: Map<String, Value> = known.into_iter().skip(surplus).collect();
        layout.stage(&self.path, Value::from(kept).to_string().as_bytes())?.persist()
    }

    fn read(&self) -> Map<String, Value> {
        let bytes = read_regular(&self.path, LIMIT).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

/// Adds one repository. `false` where it was known.
fn learn(known: &mut Map<String, Value>, digest: &Digest, repository: String) -> bool {
    let entry = known.entry(digest.to_string()).or_insert_with(|| Value::Array(Vec::new()));
    let Some(repositories) = entry.as_array_mut() else { return false };
    if repositories.iter().any(|old| *old == repository) {
        return false;
    }
    repositories.push(repository.into());
    let surplus = repositories.len().saturating_sub(PER_BLOB);
    repositories.drain(..surplus);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_latest_repositories_of_a_registry() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create_or_open(directory.path()).unwrap();
        let path = directory.path().join("origins.json");
        let digest = Digest::of(b"x");
        for number in 0..6 {
            let origins = Origins::new(path.clone());
            origins.note(&digest, &format!("quay.io/ns/app{number}").parse().unwrap());
            origins.write(&layout).unwrap();
        }
        let origins = Origins::new(path);
        let found = origins.of(&digest, &"quay.io".parse().unwrap());
        assert_eq!(
            found.iter().map(Repository::path).collect::<Vec<_>>(),
            ["ns/app5", "ns/app4", "ns/app3", "ns/app2"]
        );
        assert!(origins.of(&digest, &Registry::docker_hub()).is_empty());
        assert!(origins.of(&Digest::of(b"y"), &Registry::docker_hub()).is_empty());
    }

    #[test]
    fn a_damaged_file_counts_as_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("origins.json");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert!(Origins::new(path).of(&Digest::of(b"x"), &Registry::docker_hub()).is_empty());
    }
}
