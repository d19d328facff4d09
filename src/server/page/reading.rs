//! Reading: what one page takes from the content, within bounds, so that no image makes a page slow or large.

use super::super::Content;
use super::NoPage;
use super::link::Entry;
use super::text::Text;
use crate::error::{Error, Kind};
use crate::name::{Tag, TagOrDigest};
use crate::oci::{CONFIG_LIMIT, Config, Descriptor, Digest, Manifest};

/// Most manifests that one page reads.
const MANIFESTS: usize = 3_000;
/// Most bytes of manifests and configs that one page reads, but for one document more.
const BYTES: u64 = 32 * 1024 * 1024;

/// The content, and how much more of it this page may read.
pub(super) struct Reading<'a> {
    content: &'a dyn Content,
    manifests: usize,
    bytes: u64,
}

/// What came of reading one document.
#[derive(Debug, Clone)]
pub(super) enum Found<T> {
    /// It is here.
    Here(T),
    /// It is not here.
    Missing,
    /// It is here and cannot be shown.
    Broken(Text),
    /// It was not looked at: this page read enough.
    Unread,
}

impl<T> Found<T> {
    /// The document, where it was read.
    pub(super) fn here(self) -> Option<T> {
        match self {
            Self::Here(document) => Some(document),
            Self::Missing | Self::Broken(_) | Self::Unread => None,
        }
    }
}

impl<'a> Reading<'a> {
    /// Of `content`, as much as one page may.
    pub(super) fn new(content: &'a dyn Content) -> Self {
        Self { content, manifests: MANIFESTS, bytes: BYTES }
    }

    /// All repositories that can be reached.
    pub(super) async fn repositories(&self) -> Result<Vec<Entry>, NoPage> {
        let all = self.content.repositories().await.map_err(|_| NoPage::UNREADABLE)?;
        Ok(all.into_iter().filter_map(Entry::of).collect())
    }

    /// All tags of a repository.
    pub(super) async fn tags(&self, entry: &Entry) -> Result<Vec<Tag>, NoPage> {
        self.content.tags(entry.repository()).await.map_err(|_| NoPage::UNREADABLE)?.ok_or(NoPage::NOT_HERE)
    }

    /// A manifest or index.
    pub(super) async fn manifest(&mut self, entry: &Entry, reference: &TagOrDigest) -> Found<Manifest> {
        if self.is_spent() {
            return Found::Unread;
        }
        self.manifests -= 1;
        // Reading from a disk never waits: others get their turn here.
        tokio::task::yield_now().await;
        match self.content.manifest(entry.repository(), reference).await {
            Ok(Some(manifest)) => {
                self.bytes = self.bytes.saturating_sub(manifest.bytes().len() as u64);
                Found::Here(manifest)
            }
            Ok(None) => Found::Missing,
            Err(error) => Found::Broken(why(&error)),
        }
    }

    /// The config that an image manifest names.
    pub(super) async fn config(&mut self, entry: &Entry, config: &Descriptor) -> Found<Config> {
        if self.is_spent() {
            return Found::Unread;
        }
        if config.size > CONFIG_LIMIT {
            return Found::Broken(Text::new("it is too large"));
        }
        match self.content.blob(entry.repository(), &config.digest, 0).await {
            Ok(None) => Found::Missing,
            Err(error) => Found::Broken(why(&error)),
            Ok(Some(reader)) => match reader.read_to_end(config.size).await {
                Err(error) => Found::Broken(why(&error)),
                Ok(bytes) => {
                    self.bytes = self.bytes.saturating_sub(bytes.len() as u64);
                    if Digest::with(config.digest.algorithm(), &bytes) != config.digest {
                        return Found::Broken(Text::new("its bytes do not have its digest"));
                    }
                    Config::parse(&bytes).map_or_else(|error| Found::Broken(Text::new(&error.to_string())), Found::Here)
                }
            },
        }
    }

    /// What refers to `subject`; nothing where that cannot be read.
    pub(super) async fn referrers(&self, entry: &Entry, subject: &Digest) -> Vec<Descriptor> {
        self.content.referrers(entry.repository(), subject).await.unwrap_or_default()
    }

    /// Whether this page has read enough.
    pub(super) fn is_spent(&self) -> bool {
        self.manifests == 0 || self.bytes == 0
    }
}

/// What people may know of `error`: what is wrong with content, not where files of this machine are.
fn why(error: &Error) -> Text {
    match error.kind() {
        Kind::Mismatch | Kind::Unsupported | Kind::Usage => Text::new(&error.to_string()),
        _ => Text::new("it cannot be read"),
    }
}
