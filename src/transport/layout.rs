//! `oci:` — an OCI image layout as source and destination. Names are `org.opencontainers.image.ref.name`.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::roots::Roots;
use super::{Begin, Destination, Name, Source, staged};
use crate::content::BlobReader;
use crate::name::{Repository, Tag};
use crate::oci::{Descriptor, Digest, Manifest};
use crate::store::{CONTAINERD_NAME, Index, Layout, REF_NAME, Replaced, ref_name};
use crate::{Error, Result};

/// A layout to read.
#[derive(Debug)]
pub struct LayoutSource(Layout);

impl LayoutSource {
    /// The layout in `directory`. Errs with [`Kind::NotFound`](crate::error::Kind::NotFound) where there is none.
    pub fn open(directory: &Path) -> Result<Self> {
        Layout::open(directory).map(Self)
    }
}

#[async_trait]
impl Source for LayoutSource {
    /// Without a name, the only image: manifests that describe another, or belong to an index here, do not count.
    /// `@sha256:…` takes any manifest by its digest.
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let index = self.0.index()?;
        match name {
            Some(name) => by_name(&self.0, &index, name.as_str()),
            None => only_image(&self.0, &index),
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        self.0.blobs().manifest(descriptor)
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        self.0.blobs().open(descriptor, from)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        referrers(&self.0, subject)
    }

    async fn names(&self) -> Result<Vec<Name>> {
        let mut names: Vec<_> = self.0.index()?.entries().iter().filter_map(ref_name).map(Name::new).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn roots(&self) -> Result<Vec<(Option<Name>, Descriptor)>> {
        Ok(self.0.index()?.entries().iter().map(named).collect())
    }
}

/// A layout to write. An image whose name is given to another loses its entry, its blobs stay.
#[derive(Debug)]
pub struct LayoutDestination {
    layout: Layout,
    roots: Roots,
}

impl LayoutDestination {
    /// The layout in `directory`. Where that is missing or empty, the first write makes it.
    pub fn create_or_open(directory: &Path) -> Result<Self> {
        Ok(Self { layout: Layout::create_or_open(directory)?, roots: Roots::default() })
    }

    /// Keeps blobs whose transfer breaks off where `patience` is given; see [`Layout::keep_partials`].
    pub fn resuming(mut self, patience: Option<Duration>) -> Self {
        if let Some(patience) = patience {
            self.layout.keep_partials(patience);
        }
        self
    }

    /// Flushes everything to the disk before it appears, where `is_flushed`.
    pub fn flushing(mut self, is_flushed: bool) -> Self {
        if is_flushed {
            self.layout.flush_each();
        }
        self
    }
}

#[async_trait]
impl Destination for LayoutDestination {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        self.layout.blobs().has(descriptor)
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        let blobs = self.layout.blobs();
        if blobs.has(descriptor)? {
            return Ok(Begin::Present);
        }
        staged::begin(blobs.claim(descriptor)?, || blobs.has(descriptor)).await
    }

    /// Children may be missing: a layout may hold a part of an index.
    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        if let Some(name) = name {
            self.check_name(name)?;
        }
        self.layout.blobs().put(&manifest.descriptor(), manifest.bytes())?;
        self.roots.note(manifest, name.is_some());
        let Some(name) = name.map(Name::as_str) else { return Ok(()) };
        let mut entry = manifest.descriptor();
        entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        self.layout.update(|index| {
            index.set(name, entry, Replaced::Dropped);
            Ok(())
        })
    }

    fn check_name(&self, name: &Name) -> Result<()> {
        check_name(name.as_str())
    }

    async fn finish(&self) -> Result<()> {
        let roots = self.roots.take();
        if roots.is_empty() {
            return Ok(());
        }
        self.layout.update(|index| {
            roots.into_iter().for_each(|root| index.add(root));
            Ok(())
        })
    }
}

/// The manifests in the index that say they describe `subject`, and those listed under its fallback tag.
pub(super) fn referrers(layout: &Layout, subject: &Digest) -> Result<Vec<Descriptor>> {
    let (index, blobs) = (layout.index()?, layout.blobs());
    let mut found: Vec<Descriptor> = Vec::new();
    let mut add = |descriptor: Descriptor| {
        if !found.iter().any(|old| old.digest == descriptor.digest) {
            found.push(descriptor);
        }
    };
    for entry in index.entries().iter().filter(|entry| entry.media_type.is_manifest()) {
        let Ok(manifest) = blobs.manifest(entry) else { continue };
        if manifest.subject().is_some_and(|described| described.digest == *subject) {
            add(manifest.as_referrer());
        }
    }
    if let Some(entry) = index.find(Tag::for_referrers(subject).as_str())
        && let Ok(listed) = blobs.manifest(entry)
    {
        listed.as_index().into_iter().flat_map(|index| &index.manifests).cloned().for_each(&mut add);
    }
    Ok(found)
}

/// What an entry is called: the full reference where there is one, since a bare tag may stand there more than once.
pub(super) fn full_name(entry: &Descriptor) -> Option<&str> {
    entry
        .annotations
        .get(CONTAINERD_NAME)
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .or_else(|| ref_name(entry))
}

/// An entry beside its name.
pub(super) fn named(entry: &Descriptor) -> (Option<Name>, Descriptor) {
    (full_name(entry).map(Name::new), entry.clone())
}

fn by_name(layout: &Layout, index: &Index, name: &str) -> Result<Descriptor> {
    if let Some(entry) = index.find(name) {
        return Ok(entry.clone());
    }
    let directory = layout.directory().display();
    if let Ok(digest) = name.strip_prefix('@').unwrap_or(name).parse::<Digest>() {
        let listed = index.entries().iter().find(|entry| entry.digest == digest).cloned();
        return listed.map_or_else(|| Ok(layout.blobs().manifest_by_digest(&digest)?.descriptor()), Ok);
    }
    Err(Error::not_found(format!("{directory} has no image called {name:?}")).with_hint(say_names(index)))
}

fn only_image(layout: &Layout, index: &Index) -> Result<Descriptor> {
    let directory = layout.directory().display();
    match index.entries() {
        [] => return Err(Error::not_found(format!("{directory} holds no image"))),
        [only] => return Ok(only.clone()),
        _ => {}
    }
    let manifests: Vec<Manifest> = index.entries().iter().filter_map(|e| layout.blobs().manifest(e).ok()).collect();
    let is_part = |digest: &Digest| {
        manifests.iter().any(|manifest| match manifest.digest() == *digest {
            true => manifest.subject().is_some(),
            false => manifest.children().iter().any(|child| child.digest == *digest),
        })
    };
    let mut images: Vec<&Descriptor> = index.entries().iter().filter(|entry| !is_part(&entry.digest)).collect();
    let mut seen = HashSet::new();
    images.retain(|image| seen.insert(image.digest));
    match images[..] {
        [only] => Ok(only.clone()),
        _ => {
            let count = images.len();
            Err(Error::usage(format!("{directory} holds {count} images: say which")).with_hint(say_names(index)))
        }
    }
}

/// The names and the digests of nameless images, for a hint.
fn say_names(index: &Index) -> String {
    const MOST: usize = 20;
    let said = index.entries().iter().map(|e| ref_name(e).map_or_else(|| format!("@{}", e.digest), str::to_owned));
    let mut said: Vec<String> = said.collect();
    said.dedup();
    let rest = said.len().saturating_sub(MOST);
    said.truncate(MOST);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("it has: {}{more}", said.join(", "))
}

/// Names that every tool can read back
/// ([grammar](https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md#pre-defined-annotation-keys)).
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_component = |component: &str| {
        let words = component.split(['-', '.', '_', ':', '@', '+']);
        component.replace("--", "-").split(['-', '.', '_', ':', '@', '+']).all(|word| !word.is_empty())
            && words.flat_map(str::bytes).all(|byte| byte.is_ascii_alphanumeric())
    };
    if name.split('/').all(is_component) {
        return Ok(());
    }
    let rule = "letters and digits, joined by one of - . _ : @ + / or by --";
    Err(Error::usage(format!("{name:?} cannot be a name in an OCI layout: {rule}")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::contract;
    use super::*;

    struct Place(tempfile::TempDir);

    #[async_trait]
    impl contract::Place for Place {
        async fn destination(&self) -> Arc<dyn Destination> {
            Arc::new(LayoutDestination::create_or_open(&self.0.path().join("place")).unwrap())
        }

        async fn source(&self) -> Arc<dyn Source> {
            Arc::new(LayoutSource::open(&self.0.path().join("place")).unwrap())
        }

        fn names(&self) -> Vec<Name> {
            ["docker.io/library/a:1", "v1", "v2"].map(Name::new).into()
        }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        contract::run(|| Place(tempfile::tempdir().unwrap())).await;
    }

    #[test]
    fn names_follow_the_specification() {
        for name in ["1", "v1.0-rc_2", "docker.io/library/busybox:1", "a--b", "a@sha256:ab+c"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "/", "a/", "-a", "a..b", "a---b", "a b", "ü", "a\n", "a_"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
