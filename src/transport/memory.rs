//! A place in memory, for tests and for small images that are made on the way.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::roots::Roots;
use super::{Begin, BlobWriter, Destination, Name, Source};
use crate::content::BlobReader;
use crate::name::Repository;
use crate::oci::{Descriptor, Digest, Manifest};
use crate::{Error, Result};

/// Images in memory. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    content: Mutex<Content>,
    roots: Roots,
}

#[derive(Debug, Default)]
struct Content {
    blobs: HashMap<Digest, Bytes>,
    named: BTreeMap<Name, Descriptor>,
    nameless: Vec<Descriptor>,
}

impl Memory {
    /// An empty place.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a blob.
    pub fn put_blob(&self, digest: Digest, content: Bytes) {
        self.content().blobs.insert(digest, content);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self, digest: &Digest) -> Result<Bytes> {
        let found = self.content().blobs.get(digest).cloned();
        found.ok_or_else(|| Error::not_found(format!("blob {digest} is not there")).with_digest(*digest))
    }
}

#[async_trait]
impl Source for Memory {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let content = self.content();
        let Some(name) = name else {
            let mut all: Vec<_> = content.named.values().chain(&content.nameless).collect();
            all.dedup_by_key(|descriptor| descriptor.digest);
            return match all[..] {
                [] => Err(Error::not_found("there is no image")),
                [only] => Ok(only.clone()),
                _ => Err(Error::usage(format!("there are {} images: say which", all.len()))),
            };
        };
        content.named.get(name).cloned().ok_or_else(|| Error::not_found(format!("there is no image called {name}")))
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        Ok(Manifest::verified(self.bytes(&descriptor.digest)?, descriptor)?)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let bytes = self.bytes(&descriptor.digest)?;
        let from = usize::try_from(from).ok().filter(|&from| from <= bytes.len());
        let from = from.ok_or_else(|| Error::usage(format!("blob {}: offset is past its end", descriptor.digest)))?;
        Ok(BlobReader::from_bytes(bytes.slice(from..)))
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let content = self.content();
        let manifests = content.blobs.values().filter_map(|bytes| Manifest::parse(bytes.clone(), None).ok());
        let of_subject = |manifest: &Manifest| manifest.subject().is_some_and(|found| found.digest == *subject);
        Ok(manifests.filter(of_subject).map(|manifest| manifest.descriptor()).collect())
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Ok(self.content().named.keys().cloned().collect())
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        let content = self.content();
        let named = content.named.iter().map(|(name, root)| (Some(name.clone()), root.clone()));
        Ok(named.chain(content.nameless.iter().map(|root| (None, root.clone()))).collect())
    }
}

#[async_trait]
impl Destination for Memory {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.content().blobs.contains_key(&descriptor.digest))
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        if self.has(descriptor).await? {
            return Ok(Begin::Present);
        }
        let (memory, descriptor) = (self.clone(), descriptor.clone());
        Ok(Begin::Write(Box::new(MemoryWriter { memory, descriptor, written: Vec::new() })))
    }

    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        self.put_blob(manifest.digest(), manifest.bytes().clone());
        self.0.roots.note(manifest, name.is_some());
        if let Some(name) = name {
            self.content().named.insert(name.clone(), manifest.descriptor());
        }
        Ok(())
    }

    async fn finish(&self) -> Result<()> {
        for root in self.0.roots.take() {
            if self.manifest(&root).await?.subject().is_none() {
                self.content().nameless.push(root);
            }
        }
        Ok(())
    }
}

struct MemoryWriter {
    memory: Memory,
    descriptor: Descriptor,
    written: Vec<u8>,
}

#[async_trait]
impl BlobWriter for MemoryWriter {
    async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.written.extend_from_slice(&piece);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        let (digest, size, written) = (self.descriptor.digest, self.descriptor.size, self.written.len() as u64);
        if written != size {
            return Err(Error::mismatch(format!("blob {digest}: {written} bytes were written, {size} were announced")));
        }
        self.memory.put_blob(digest, self.written.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;

    #[async_trait]
    impl contract::Place for Memory {
        async fn destination(&self) -> Arc<dyn Destination> {
            Arc::new(self.clone())
        }

        async fn source(&self) -> Arc<dyn Source> {
            Arc::new(self.clone())
        }

        fn names(&self) -> Vec<Name> {
            ["a", "b"].map(Name::new).into()
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(Memory::new).await;
    }
}
