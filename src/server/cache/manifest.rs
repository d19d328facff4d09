//! Manifests: tags that are followed, digests that are fetched once.

use std::sync::Arc;

use super::{Shared, or_kept};
use crate::Result;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Digest, Manifest};
use crate::store::{Blobs, Repositories};

impl Shared {
    /// The manifest under a tag as the upstream has it now, else the one that is `kept`.
    pub(super) async fn tagged(
        self: &Arc<Self>,
        repository: &Repository,
        tag: &Tag,
        kept: Option<Manifest>,
    ) -> Result<Option<Manifest>> {
        let (shared, name, wanted) = (Arc::clone(self), repository.clone(), tag.clone());
        let following = async move { shared.follow(&name, &wanted).await };
        let asked = self.tagged.ask((repository.clone(), tag.clone()), following);
        or_kept(self.wait_for(repository, kept.is_some(), asked).await, kept)
    }

    /// Asks what a tag points to, and points the tag of the store there.
    async fn follow(self: &Arc<Self>, repository: &Repository, tag: &Tag) -> Result<Manifest> {
        let now = self.upstream(repository)?.resolve(repository, tag).await?;
        let reference = TagOrDigest::Digest(now.digest);
        let manifest = match self.kept(repository, &reference).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) | Err(_) => self.manifest(repository, &now.digest).await?,
        };
        let before = self.kept(repository, &TagOrDigest::Tag(tag.clone())).await;
        if !before.is_ok_and(|before| before.is_some_and(|before| before.digest() == now.digest)) {
            self.keep(repository, &manifest, vec![tag.clone()]).await?;
        }
        Ok(manifest)
    }

    /// A manifest that is not here. Then it is.
    pub(super) async fn manifest(self: &Arc<Self>, repository: &Repository, digest: &Digest) -> Result<Manifest> {
        let (shared, name, wanted) = (Arc::clone(self), repository.clone(), *digest);
        let fetching = async move {
            // Somebody else's question may have ended a moment ago.
            if let Ok(Some(manifest)) = shared.kept(&name, &TagOrDigest::Digest(wanted)).await {
                return Ok(manifest);
            }
            let manifest = shared.upstream(&name)?.manifest(&name, &wanted).await?;
            shared.keep(&name, &manifest, Vec::new()).await?;
            shared.note_sizes(&name, &manifest);
            Ok(manifest)
        };
        self.manifests.ask((repository.clone(), *digest), fetching).await
    }

    async fn keep(&self, repository: &Repository, manifest: &Manifest, tags: Vec<Tag>) -> Result<()> {
        let (repository, manifest) = (repository.clone(), manifest.clone());
        let put = move |store: &Repositories| store.put_manifest(&repository, &manifest, &tags, Blobs::MayFollow);
        self.change(put).await.map(drop)
    }
}
