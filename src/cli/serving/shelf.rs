//! Shelf: several places as one. Where two have the same tag, the first place has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use imgctl::content::BlobReader;
use imgctl::name::{Repository, Tag, TagOrDigest};
use imgctl::oci::{Descriptor, Digest, Manifest};
use imgctl::server::{Content, Stat};
use imgctl::{Error, Result};

/// Most names that are told at the start.
const LISTED: usize = 10;

/// Places side by side.
pub(crate) struct Shelf(Vec<Arc<dyn Content>>);

impl Shelf {
    /// What `places` have, the first ones first.
    pub(crate) fn new(places: Vec<Arc<dyn Content>>) -> Self {
        Self(places)
    }

    /// Names of what there is, the first few of them.
    pub(crate) async fn listed(&self) -> Result<String> {
        let (mut names, mut more) = (Vec::new(), 0);
        for repository in self.repositories().await? {
            let tags = self.tags(&repository).await?.unwrap_or_default();
            let path = path_of(&repository);
            match tags.is_empty() {
                true => names.push(path),
                false => names.extend(tags.iter().map(|tag| format!("{path}:{tag}"))),
            }
            more += names.len().saturating_sub(LISTED);
            names.truncate(LISTED);
        }
        Ok(match (names.len(), more) {
            (0, _) => "nothing yet".to_owned(),
            (_, 0) => names.join(", "),
            _ => format!("{} and {more} more", names.join(", ")),
        })
    }

    /// The tags that several places have for different images: only the first is served.
    pub(crate) async fn hidden(&self) -> Result<Vec<String>> {
        let mut first: BTreeMap<(Repository, Tag), Digest> = BTreeMap::new();
        let mut hidden = Vec::new();
        for place in &self.0 {
            for repository in place.repositories().await? {
                for tag in place.tags(&repository).await?.unwrap_or_default() {
                    let reference = TagOrDigest::Tag(tag.clone());
                    let Some(manifest) = place.manifest(&repository, &reference).await? else { continue };
                    let shown = *first.entry((repository.clone(), tag.clone())).or_insert(manifest.digest());
                    if shown != manifest.digest() {
                        hidden.push(format!("{}:{tag}", path_of(&repository)));
                    }
                }
            }
        }
        Ok(hidden)
    }
}

/// How clients write a repository behind our address.
fn path_of(repository: &Repository) -> String {
    let name = repository.to_string();
    name.strip_prefix("localhost/").map_or_else(|| name.replacen(':', "_", 1), str::to_owned)
}

/// The first answer there is; an error counts where nobody has one.
macro_rules! first {
    ($places:expr, $place:ident => $ask:expr) => {{
        let mut failed: Option<Error> = None;
        for $place in $places {
            match $ask.await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }};
}

#[async_trait]
impl Content for Shelf {
    async fn repositories(&self) -> Result<Vec<Repository>> {
        let mut all = BTreeSet::new();
        for place in &self.0 {
            all.extend(place.repositories().await?);
        }
        Ok(all.into_iter().collect())
    }

    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        let mut all: Option<BTreeSet<Tag>> = None;
        for place in &self.0 {
            if let Some(tags) = place.tags(repository).await? {
                all.get_or_insert_default().extend(tags);
            }
        }
        Ok(all.map(|tags| tags.into_iter().collect()))
    }

    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        first!(&self.0, place => place.manifest(repository, reference))
    }

    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        first!(&self.0, place => place.stat(repository, digest))
    }

    async fn blob(&self, repository: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        first!(&self.0, place => place.blob(repository, digest, from))
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let mut all: Vec<Descriptor> = Vec::new();
        for place in &self.0 {
            let found = place.referrers(repository, subject).await?;
            let is_new = |new: &Descriptor| !all.iter().any(|old| old.digest == new.digest);
            all.append(&mut found.into_iter().filter(is_new).collect());
        }
        Ok(all)
    }
}
