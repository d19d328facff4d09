//! Index: the `index.json` of a layout, names → descriptors
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md#indexjson-file)).

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use crate::oci::{Body, Descriptor, Digest, Manifest, MediaType, ParseError};

/// The annotation that names an entry.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation under which containerd and docker keep the full name.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Most bytes of an `index.json` that are read: some 200,000 images.
pub const INDEX_LIMIT: u64 = 64 * 1024 * 1024;

/// What happens to an image whose name is given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It stays without a name.
    Kept,
    /// Its entry goes.
    Dropped,
}

/// The field of the entries.
const ENTRIES: &str = "manifests";

/// The entries of an `index.json`. Fields that we do not know stay as they are.
#[derive(Debug, Clone)]
pub struct Index {
    rest: Rest,
    entries: Vec<Descriptor>,
}

/// The fields of an `index.json`, with null in place of the entries: of those there may be many thousands.
#[derive(Debug, Clone)]
struct Rest(Map<String, Value>);

impl Default for Index {
    fn default() -> Self {
        let document = [("schemaVersion", Value::from(2)), ("mediaType", Value::from(MediaType::OCI_INDEX.as_str()))];
        let rest = document.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { rest: Rest(rest), entries: Vec::new() }
    }
}

impl Index {
    /// Reads an `index.json`, as strictly as any index.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        let parsed = Manifest::parse(bytes.clone(), Some(&MediaType::OCI_INDEX))?;
        let rest = serde_json::from_slice(&bytes).map_err(|error| ParseError(error.to_string()))?;
        let entries = match parsed.into_body() {
            Body::Index(index) => index.manifests,
            Body::Image(_) => Vec::new(),
        };
        Ok(Self { rest, entries })
    }

    /// The bytes to write.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// All entries, in the order of the file.
    pub fn entries(&self) -> &[Descriptor] {
        &self.entries
    }

    /// The entry that is called `name` exactly, else the one that containerd calls so.
    pub fn find(&self, name: &str) -> Option<&Descriptor> {
        let called = |key: &'static str| {
            move |entry: &&Descriptor| entry.annotations.get(key).is_some_and(|found| found == name)
        };
        self.entries.iter().find(called(REF_NAME)).or_else(|| self.entries.iter().find(called(CONTAINERD_NAME)))
    }

    /// Whether an entry has this digest.
    pub fn has(&self, digest: &Digest) -> bool {
        self.entries.iter().any(|entry| entry.digest == *digest)
    }

    /// Adds `entry` without a name, unless its digest is there.
    pub fn add(&mut self, mut entry: Descriptor) {
        if !self.has(&entry.digest) {
            clear_name(&mut entry);
            self.entries.push(entry);
        }
    }

    /// Adds `entry` as it is.
    pub(super) fn push(&mut self, entry: Descriptor) {
        self.entries.push(entry);
    }

    /// Points `name` to `entry`, whose annotations say the name. A nameless entry of the same content gets the name.
    pub fn set(&mut self, name: &str, entry: Descriptor, replaced: Replaced) {
        let holder = self.entries.iter().position(|old| ref_name(old) == Some(name));
        if let Some(at) = holder.filter(|&at| self.entries[at].digest == entry.digest) {
            self.entries[at] = entry;
            return;
        }
        if let Some(at) = holder {
            self.unname(at, replaced);
        }
        let digest = entry.digest;
        match self.entries.iter_mut().find(|old| old.digest == digest && ref_name(old).is_none()) {
            Some(nameless) => *nameless = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes the name from the entry at `at`. It goes with it where its digest stands in another entry too.
    fn unname(&mut self, at: usize, replaced: Replaced) {
        let digest = self.entries[at].digest;
        let stands_twice = self.entries.iter().filter(|entry| entry.digest == digest).count() > 1;
        if replaced == Replaced::Dropped || stands_twice {
            self.entries.remove(at);
        } else {
            clear_name(&mut self.entries[at]);
        }
    }

    /// Keeps only the entries that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&mut Descriptor) -> bool) {
        self.entries.retain_mut(keep);
    }
}

impl Serialize for Index {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in &self.rest.0 {
            match key.as_str() {
                ENTRIES => map.serialize_entry(key, &self.entries)?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        if !self.rest.0.contains_key(ENTRIES) {
            map.serialize_entry(ENTRIES, &self.entries)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Rest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an index")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Rest, A::Error> {
                let mut rest = Map::new();
                while let Some(key) = fields.next_key::<String>()? {
                    let value = match key.as_str() {
                        ENTRIES => fields.next_value::<IgnoredAny>().map(|_| Value::Null)?,
                        _ => fields.next_value()?,
                    };
                    rest.insert(key, value);
                }
                Ok(Rest(rest))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// The name of an entry.
pub fn ref_name(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(REF_NAME).map(String::as_str).filter(|name| !name.is_empty())
}

fn clear_name(entry: &mut Descriptor) {
    entry.annotations.remove(REF_NAME);
    entry.annotations.remove(CONTAINERD_NAME);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &str, name: &str) -> Descriptor {
        let mut entry = Descriptor::of(MediaType::OCI_MANIFEST, content.as_bytes());
        if !name.is_empty() {
            entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        }
        entry
    }

    fn shown(index: &Index) -> Vec<(String, &str)> {
        let shown = |entry| -> (String, &str) {
            let entry: &Descriptor = entry;
            (entry.digest.short(), ref_name(entry).unwrap_or_default())
        };
        index.entries().iter().map(shown).collect()
    }

    #[test]
    fn keeps_unknown_fields() {
        let digest = Digest::of(b"x");
        let text = format!(
            r#"{{"schemaVersion":2,"x":{{"y":[1]}},"manifests":[{{"mediaType":"{}","digest":"{digest}","size":1,"z":null}}],"annotations":{{"a":"b"}}}}"#,
            MediaType::OCI_MANIFEST
        );
        let index = Index::parse(text.clone().into()).unwrap();
        assert_eq!(String::from_utf8(index.to_bytes().unwrap()).unwrap(), text);
        assert!(Index::parse(text.replace("\"x\":", "\"Manifests\":").into()).is_err());
    }

    #[test]
    fn a_replaced_image_is_kept_or_dropped() {
        for (replaced, count) in [(Replaced::Kept, 2), (Replaced::Dropped, 1)] {
            let mut index = Index::default();
            index.set("n", entry("a", "n"), replaced);
            index.set("n", entry("b", "n"), replaced);
            assert_eq!(index.entries().len(), count);
            assert_eq!(index.find("n").unwrap().digest, Digest::of(b"b"));
        }
    }

    #[test]
    fn a_nameless_entry_gets_the_name_and_none_stands_twice() {
        let mut index = Index::default();
        index.add(entry("a", ""));
        index.add(entry("a", ""));
        index.set("1", entry("a", "1"), Replaced::Kept);
        index.set("2", entry("a", "2"), Replaced::Kept);
        let a = Digest::of(b"a").short();
        assert_eq!(shown(&index), [(a.clone(), "1"), (a.clone(), "2")]);
        index.set("1", entry("b", "1"), Replaced::Kept);
        assert_eq!(shown(&index), [(a, "2"), (Digest::of(b"b").short(), "1")]);
    }
}
