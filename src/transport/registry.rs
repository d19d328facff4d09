//! `docker://`: a repository of a registry as [`Source`] and [`Destination`].

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::upload::Uploads;
use super::{Begin, Destination, Name, Source};
use crate::content::BlobReader;
use crate::error::Kind;
use crate::name::{Reference, Registry, Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest, ParseError, Role};
use crate::protocol::{Action, Scope};
use crate::registry::{Client, Start};
use crate::store::Journal;
use crate::{Error, Result};

/// How many manifests are kept between `resolve` and `manifest`.
const KEPT: usize = 16;

/// A repository that is read.
pub(super) struct RegistrySource {
    client: Client,
    reference: Reference,
    kept: Mutex<VecDeque<Manifest>>,
}

impl RegistrySource {
    /// The repository of `reference`; its tag or digest is the default name.
    pub(super) fn new(client: Client, reference: &Reference) -> Self {
        client.expect([Scope::repository(&reference.repository, &[Action::Pull])]);
        Self { client, reference: reference.clone(), kept: Mutex::default() }
    }

    /// Tag and digest of `name`, or of the reference this was opened with.
    fn named(&self, name: Option<&Name>) -> Result<(Option<Tag>, Option<Digest>)> {
        match name {
            Some(name) => parse(name),
            None => Ok((self.reference.tag.clone(), self.reference.digest)),
        }
    }

    /// A tag beside a digest is a comment; it is told when it became untrue.
    async fn compare(&self, tag: &Tag, digest: &Digest) {
        let reference = TagOrDigest::Tag(tag.clone());
        let repository = &self.reference.repository;
        if let Ok(Some(now)) = self.client.manifest_digest(repository, &reference).await
            && now != *digest
            && now.algorithm() == digest.algorithm()
        {
            self.client.warn(format!("{repository}:{tag} is {now} now; {digest} was asked for and is used"));
        }
    }
}

#[async_trait]
impl Source for RegistrySource {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        let (tag, digest) = self.named(name)?;
        if let (Some(tag), Some(digest)) = (&tag, &digest) {
            self.compare(tag, digest).await;
        }
        let reference = match digest {
            Some(digest) => TagOrDigest::Digest(digest),
            None => TagOrDigest::Tag(tag.unwrap_or_else(Tag::latest)),
        };
        let manifest = self.client.manifest(&self.reference.repository, &reference).await?;
        let descriptor = manifest.descriptor();
        let mut kept = lock(&self.kept);
        kept.truncate(KEPT - 1);
        kept.push_front(manifest);
        Ok(descriptor)
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        let kept = lock(&self.kept).iter().find(|manifest| manifest.digest() == descriptor.digest).cloned();
        let manifest = match kept {
            Some(manifest) => manifest,
            None => self.client.manifest(&self.reference.repository, &TagOrDigest::Digest(descriptor.digest)).await?,
        };
        let host = self.client.registry().to_string();
        Manifest::verified(manifest.bytes().clone(), descriptor).map_err(|error| Error::from(error).with_host(host))
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let is_foreign = matches!(descriptor.media_type.role(), Role::ForeignLayer(_));
        match self.client.blob(&self.reference.repository, descriptor, from).await {
            Err(error) if is_foreign && error.kind() == Kind::NotFound && !descriptor.urls.is_empty() => {
                self.client.foreign_blob(descriptor, from).await
            }
            other => other,
        }
    }

    async fn part(&self, descriptor: &Descriptor, part: Range<u64>) -> Result<BlobReader> {
        self.client.blob_part(&self.reference.repository, descriptor, part).await
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.client.referrers(&self.reference.repository, subject, None).await
    }

    async fn names(&self) -> Result<Vec<Name>> {
        let tags = self.client.tags(&self.reference.repository).await?;
        if tags.skipped > 0 {
            let (repository, skipped) = (&self.reference.repository, tags.skipped);
            self.client.warn(format!("{repository}: {skipped} listed names are no tags and were skipped"));
        }
        let mut names: Vec<Name> = tags.names.iter().map(Name::from).collect();
        names.sort();
        Ok(names)
    }

    fn repository(&self) -> Option<&Repository> {
        Some(&self.reference.repository)
    }

    fn distance(&self) -> Option<Duration> {
        self.client.distance()
    }

    fn origins(&self, _: &Digest, registry: &Registry) -> Vec<Repository> {
        let is_same = self.reference.repository.registry() == registry;
        if is_same { vec![self.reference.repository.clone()] } else { Vec::new() }
    }
}

/// A repository that is written.
pub(super) struct RegistryDestination {
    client: Client,
    repository: Repository,
    /// What the registry claimed to have when it had not: its word counts no more.
    doubted: Mutex<HashSet<Digest>>,
    uploads: Arc<Uploads>,
}

impl RegistryDestination {
    /// The repository; uploads that break off are remembered in `journal`.
    pub(super) fn new(client: Client, repository: &Repository, journal: Option<Journal>) -> Self {
        client.expect([Scope::repository(repository, &[Action::Pull, Action::Push])]);
        let uploads = Uploads::new(client.clone(), repository, journal);
        Self { client, repository: repository.clone(), doubted: Mutex::default(), uploads }
    }

    fn doubts(&self, digest: &Digest) -> bool {
        lock(&self.doubted).contains(digest)
    }

    /// What `manifest` is put under.
    fn put_under(&self, manifest: &Manifest, name: Option<&Name>) -> Result<TagOrDigest> {
        let (tag, digest) = name.map(parse).transpose()?.unwrap_or_default();
        if let Some(digest) = digest
            && digest != Digest::with(digest.algorithm(), manifest.bytes())
        {
            let (repository, found) = (&self.repository, manifest.digest());
            let message = format!("{repository}@{digest} cannot be written: the manifest to put has digest {found}");
            return Err(Error::usage(message).with_digest(found));
        }
        Ok(match tag {
            Some(tag) => TagOrDigest::Tag(tag),
            None => TagOrDigest::Digest(digest.unwrap_or_else(|| manifest.digest())),
        })
    }
}

#[async_trait]
impl Destination for RegistryDestination {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        if self.doubts(&descriptor.digest) {
            return Ok(false);
        }
        match descriptor.media_type.is_manifest() {
            true => self.client.has_manifest(&self.repository, &descriptor.digest).await,
            false => self.client.has_blob(&self.repository, &descriptor.digest).await,
        }
    }

    async fn begin(&self, descriptor: &Descriptor, origins: &[Repository]) -> Result<Begin> {
        let slot = match self.uploads.resume(self.uploads.slot(descriptor)).await? {
            Ok(writer) => return Ok(Begin::Write(Box::new(writer))),
            Err(slot) => slot,
        };
        let start = match self.doubts(&descriptor.digest) {
            true => Start::Upload(self.client.start_plain_upload(&self.repository, descriptor).await?),
            false => self.client.start_upload(&self.repository, descriptor, origins).await?,
        };
        Ok(match start {
            Start::Present => Begin::Present,
            Start::Mounted(origin) => Begin::Mounted(origin),
            Start::Upload(upload) => Begin::Write(Box::new(self.uploads.writer(slot, upload))),
        })
    }

    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        let reference = self.put_under(manifest, name)?;
        let result = self.client.put_manifest(&self.repository, manifest, &reference).await;
        if result.as_ref().is_err_and(|error| error.kind() == Kind::NotFound) {
            lock(&self.doubted).extend(manifest.children().iter().map(|child| child.digest));
        }
        result
    }

    async fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }

    fn distance(&self) -> Option<Duration> {
        self.client.distance()
    }

    async fn current(&self, name: &Name) -> Result<Option<Digest>> {
        let (tag, digest) = parse(name)?;
        let reference = match (tag, digest) {
            (Some(tag), _) => TagOrDigest::Tag(tag),
            (None, Some(digest)) => TagOrDigest::Digest(digest),
            (None, None) => return Ok(None),
        };
        self.client.manifest_digest(&self.repository, &reference).await
    }

    async fn listing(&self) -> Result<Option<HashSet<Name>>> {
        match self.client.tags(&self.repository).await {
            Ok(tags) if tags.skipped == 0 => Ok(Some(tags.names.iter().map(Name::from).collect())),
            Err(error) if error.kind() == Kind::NotFound => Ok(Some(HashSet::new())),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `tag`, `digest` or `tag@digest`.
fn parse(name: &Name) -> Result<(Option<Tag>, Option<Digest>)> {
    if let Some((tag, digest)) = name.as_str().split_once('@') {
        let digest = digest.parse().map_err(|why: ParseError| Error::usage(why.to_string()))?;
        let tag = if tag.is_empty() { None } else { Some(tag.parse()?) };
        return Ok((tag, Some(digest)));
    }
    Ok(match name.as_str().parse()? {
        TagOrDigest::Tag(tag) => (Some(tag), None),
        TagOrDigest::Digest(digest) => (None, Some(digest)),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tags_digests_or_both() {
        let digest = Digest::of(b"x");
        let parsed = |text: String| parse(&Name::new(text)).unwrap();
        let tag: Tag = "v1".parse().unwrap();
        assert_eq!(parsed("v1".to_owned()), (Some(tag.clone()), None));
        assert_eq!(parsed(digest.to_string()), (None, Some(digest)));
        assert_eq!(parsed(format!("@{digest}")), (None, Some(digest)));
        assert_eq!(parsed(format!("v1@{digest}")), (Some(tag), Some(digest)));
        for text in ["", "a/b", "sha256:x", "v1@x", "v1@", "-x"] {
            assert_eq!(parse(&Name::new(text)).unwrap_err().kind(), Kind::Usage, "{text}");
        }
    }
}
