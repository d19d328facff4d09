//! Referrers: what describes a manifest
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)), by the API or,
//! where there is none, by an index under a tag made from the digest.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use http::{Method, header};
use serde_json::{Value, json};

use super::page::Pages;
use super::{Client, Document};
use crate::error::Kind;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::protocol::{Action, Endpoint, Scope};
use crate::{Error, Result};

/// Most referrers of one subject.
const LIMIT: usize = 100_000;

impl Client {
    /// Descriptors of the manifests that describe `subject`, of one artifact type where one is given.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>> {
        let mut found = match self.listed_referrers(repository, subject).await? {
            Some(found) => found,
            None => self.tagged_referrers(repository, subject).await?,
        };
        let mut seen = HashSet::new();
        found.retain(|descriptor| seen.insert(descriptor.digest));
        if let Some(wanted) = artifact_type {
            found.retain(|descriptor| descriptor.artifact_type.as_deref() == Some(wanted));
        }
        Ok(found)
    }

    /// What the API lists; `None` where there is no such API.
    async fn listed_referrers(&self, repository: &Repository, subject: &Digest) -> Result<Option<Vec<Descriptor>>> {
        if self.0.lacks_referrers.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let what = format!("list the referrers of {}@{subject}", repository.path());
        let call = self
            .call(Method::GET, &Endpoint::Referrers(repository.path().to_owned(), *subject), what)
            .header(header::ACCEPT, MediaType::OCI_INDEX.as_str())
            .scope(Scope::repository(repository, &[Action::Pull]));
        let mut pages = Pages::new(self, call);
        let mut found = Vec::new();
        loop {
            let document = match pages.read().await {
                Ok(document) if is_index(&document) => document,
                Ok(_) => return Ok(None),
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Unsupported | Kind::Failed) => {
                    self.0.lacks_referrers.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let page = Manifest::parse(document.bytes.clone(), Some(&MediaType::OCI_INDEX))?;
            found.extend(page.as_index().map(|index| index.manifests.clone()).unwrap_or_default());
            if found.len() > LIMIT {
                let message = format!("{}: {subject} has more than {LIMIT} referrers", self.0.registry);
                return Err(Error::new(Kind::Unsafe, message).with_host(self.0.registry.to_string()));
            }
            if !pages.follow(&document)? {
                return Ok(Some(found));
            }
        }
    }

    /// What the index under the fallback tag lists.
    async fn tagged_referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let index = self.fallback_index(repository, subject).await?;
        Ok(index.and_then(|index| Some(index.as_index()?.manifests.clone())).unwrap_or_default())
    }

    async fn fallback_index(&self, repository: &Repository, subject: &Digest) -> Result<Option<Manifest>> {
        let tag = TagOrDigest::Tag(Tag::for_referrers(subject));
        match self.manifest(repository, &tag).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The registry did not say that it lists `referrer` itself: does it by the fallback tag, where there is no API.
    pub(super) async fn list_referrer(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &Manifest,
    ) -> Result<()> {
        if self.listed_referrers(repository, subject).await?.is_some() {
            return Ok(());
        }
        let _one_at_a_time = self.0.fallback.lock().await;
        let old = self.fallback_index(repository, subject).await?;
        let Some(new) = with_referrer(old.as_ref(), referrer)? else { return Ok(()) };
        let tag = TagOrDigest::Tag(Tag::for_referrers(subject));
        self.store_manifest(repository, &new, &tag).await.map(drop)
    }
}

/// Captive portals and front ends answer every path with 200.
fn is_index(document: &Document) -> bool {
    let is_named = document.content_type.as_deref() == Some(MediaType::OCI_INDEX.as_str());
    is_named || document.bytes.trim_ascii_start().starts_with(b"{")
}

/// `index` with `referrer` in it; `None` where it is there already.
fn with_referrer(index: Option<&Manifest>, referrer: &Manifest) -> Result<Option<Manifest>> {
    let broken = |error: serde_json::Error| Error::mismatch("the referrers index makes no JSON").with_source(error);
    let listed = index.and_then(Manifest::as_index).map(|index| index.manifests.as_slice()).unwrap_or_default();
    if listed.iter().any(|descriptor| descriptor.digest == referrer.digest()) {
        return Ok(None);
    }
    let descriptor = referrer.as_referrer();
    let mut document = match index.filter(|index| index.as_index().is_some()) {
        Some(index) => serde_json::from_slice(index.bytes()).map_err(broken)?,
        None => json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [] }),
    };
    let entry = serde_json::to_value(descriptor).map_err(broken)?;
    match document.get_mut("manifests") {
        Some(Value::Array(manifests)) => manifests.push(entry),
        _ => document["manifests"] = Value::Array(vec![entry]),
    }
    let bytes = serde_json::to_vec(&document).map_err(broken)?;
    Ok(Some(Manifest::parse(bytes, Some(&MediaType::OCI_INDEX))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(note: &str) -> Manifest {
        let config = serde_json::to_string(&Descriptor::of(MediaType::OCI_EMPTY, b"{}")).unwrap();
        let text = format!(
            r#"{{"schemaVersion":2,"artifactType":"a/b","config":{config},"layers":[],"annotations":{{"note":"{note}"}}}}"#
        );
        Manifest::parse(text, Some(&MediaType::OCI_MANIFEST)).unwrap()
    }

    #[test]
    fn the_fallback_index_grows_once_for_each_referrer() {
        let (first, second) = (artifact("1"), artifact("2"));
        let one = with_referrer(None, &first).unwrap().unwrap();
        let two = with_referrer(Some(&one), &second).unwrap().unwrap();
        let listed = &two.as_index().unwrap().manifests;
        assert_eq!([listed[0].digest, listed[1].digest], [first.digest(), second.digest()]);
        assert_eq!(listed[1].artifact_type.as_deref(), Some("a/b"));
        assert_eq!(listed[1].annotations["note"], "2");
        assert!(with_referrer(Some(&two), &first).unwrap().is_none());
    }
}
