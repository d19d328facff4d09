//! Memory: how a registry wanted to be spoken to a short while ago, so that the first request of a command need not be
//! refused to find out. No secret is in it, and who remembers wrongly is told so by the next 401.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::realm::Way;
use crate::Result;
use crate::content::{Access, AtomicFile, read_regular};
use crate::net::Origin;
use crate::oci::Digest;

/// How long it is worth believing.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// No challenge that makes sense is longer.
const LIMIT: u64 = 16 * 1024;

/// The file that holds what one registry wanted.
#[derive(Debug)]
pub(super) struct Memory(PathBuf);

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "scheme", rename_all = "lowercase")]
enum Wanted {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

impl Memory {
    /// The memory of the registry at `origin`.
    pub(super) fn new(directory: &std::path::Path, origin: &Origin) -> Self {
        Self(directory.join(format!("{}.json", Digest::of(origin.to_string().as_bytes()).hex())))
    }

    /// What it wanted, where that is not long ago.
    pub(super) fn recall(&self) -> Option<Way> {
        match self.wanted()? {
            Wanted::Basic => Some(Way::Basic),
            Wanted::Bearer { realm, service } => Way::bearer(&realm, service.as_deref()).ok(),
        }
    }

    /// Remembers what it wants. Where that cannot be written, there is no memory.
    pub(super) fn note(&self, way: &Way) {
        let wanted = match way {
            Way::Basic => Wanted::Basic,
            Way::Bearer(realm) => Wanted::Bearer { realm: realm.url.to_string(), service: realm.service.clone() },
        };
        if self.wanted().as_ref() == Some(&wanted) {
            return;
        }
        if let Err(error) = self.write(&wanted) {
            tracing::debug!("cannot remember a challenge: {error}");
        }
    }

    fn wanted(&self) -> Option<Wanted> {
        let changed = std::fs::symlink_metadata(&self.0).ok()?.modified().ok()?;
        let is_young = SystemTime::now().duration_since(changed).is_ok_and(|age| age < LIFE);
        let bytes = is_young.then(|| read_regular(&self.0, LIMIT).ok()).flatten()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, wanted: &Wanted) -> Result<()> {
        let failed = |error: std::io::Error| crate::Error::local("remember a challenge", error);
        if let Some(directory) = self.0.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let mut file = AtomicFile::create(&self.0, Access::Private)?;
        let bytes = serde_json::to_vec(wanted).map_err(|error| failed(error.into()))?;
        file.write_all(&bytes).map_err(failed)?;
        file.persist()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_remembered_for_a_while_and_for_one_registry() {
        let directory = tempfile::tempdir().unwrap();
        let origin = |text: &str| Origin::of(&text.parse().unwrap()).unwrap();
        let memory = Memory::new(directory.path(), &origin("https://r.example"));
        assert_eq!(memory.recall(), None);
        let way = Way::bearer("https://auth.r.example/token?x=1", Some("r")).unwrap();
        memory.note(&way);
        assert_eq!(memory.recall(), Some(way));
        assert_eq!(Memory::new(directory.path(), &origin("https://r.example:5000")).recall(), None);
        memory.note(&Way::Basic);
        assert_eq!(memory.recall(), Some(Way::Basic));
        let file = std::fs::File::options().write(true).open(&memory.0).unwrap();
        file.set_modified(SystemTime::now() - LIFE).unwrap();
        assert_eq!(memory.recall(), None);
    }

    #[test]
    fn a08_a_memory_that_makes_no_sense_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let memory = Memory::new(directory.path(), &Origin::of(&"https://r.example".parse().unwrap()).unwrap());
        for text in ["", "{}", r#"{"scheme":"bearer","realm":"file:///x","service":null}"#, r#"{"scheme":"digest"}"#] {
            let mut file = AtomicFile::create(&memory.0, Access::Private).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file.persist().unwrap();
            assert_eq!(memory.recall(), None, "{text}");
        }
    }
}
