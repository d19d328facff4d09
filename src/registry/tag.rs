//! Tags of a repository.

use super::page::{Listing, list_call};
use super::{Client, Result};
use crate::Error;
use crate::error::Kind;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::protocol::{Action, Endpoint, Scope, TagList};

impl Client {
    /// All tags of `repository`.
    pub async fn tags(&self, repository: &Repository) -> Result<Listing<Tag>> {
        let what = format!("list the tags of {}", repository.path());
        let call = list_call(self, &Endpoint::Tags(repository.path().to_owned()), what)
            .scope(Scope::repository(repository, &[Action::Pull]));
        self.listing(call, |page: TagList| page.tags, |text| text.parse().ok()).await
    }

    /// Deletes a tag alone. Errs with [`Kind::Unsupported`] where the registry can only
    /// delete a manifest with all its tags.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<()> {
        let deleted = self.delete_manifest(repository, &TagOrDigest::Tag(tag.clone())).await;
        deleted.map_err(|error| match error.kind() {
            // docker-registry takes the tag for a broken digest.
            Kind::Mismatch | Kind::Failed | Kind::Unsupported => {
                let registry = self.registry();
                Error::new(Kind::Unsupported, format!("{registry}: tags cannot be deleted in this registry"))
                    .with_source(error)
                    .with_host(registry.to_string())
                    .with_hint("delete the manifest by its digest: that deletes all its tags")
            }
            _ => error,
        })
    }
}
