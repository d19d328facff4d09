//! Graph: the manifests of a place, what they lead to and what describes them. Blobs are known by what manifests say.

use std::collections::{HashMap, HashSet};

use imgctl::error::Kind;
use imgctl::oci::{Descriptor, Digest, Manifest};
use imgctl::transport::Source;
use imgctl::{Error, Result};

/// Most manifests that one place may list, and most contents that they may lead to.
const MANIFEST_LIMIT: usize = 100_000;
const CONTENT_LIMIT: usize = 1_000_000;

/// Everything below the roots of a place. What a place does not have of an index is not here.
#[derive(Default)]
pub(super) struct Graph {
    manifests: HashMap<Digest, Node>,
    blobs: HashMap<Digest, u64>,
    referrers: HashMap<Digest, Vec<Digest>>,
}

struct Node {
    /// As a list of referrers has it, where it is one.
    descriptor: Descriptor,
    children: Vec<Digest>,
    subject: Option<Digest>,
}

impl Graph {
    /// Reads every manifest below `roots`. Errs where one is damaged, and where they are too many.
    pub(super) async fn read(source: &dyn Source, roots: impl Iterator<Item = &Descriptor>) -> Result<Self> {
        let mut graph = Self::default();
        let mut open: Vec<Descriptor> = roots.filter(|root| root.media_type.is_manifest()).cloned().collect();
        while let Some(descriptor) = open.pop() {
            if graph.manifests.contains_key(&descriptor.digest) {
                continue;
            }
            match source.manifest(&descriptor).await {
                Ok(manifest) => graph.add(&manifest, &mut open)?,
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(graph)
    }

    fn add(&mut self, manifest: &Manifest, open: &mut Vec<Descriptor>) -> Result<()> {
        let (digest, mut descriptor) = (manifest.digest(), manifest.descriptor());
        let subject = manifest.subject().map(|subject| subject.digest);
        if let Some(subject) = subject {
            descriptor.artifact_type = manifest.artifact_type().map(str::to_owned);
            descriptor.annotations = manifest.annotations().clone();
            self.referrers.entry(subject).or_default().push(digest);
        }
        for child in manifest.children() {
            if child.media_type.is_manifest() {
                open.push(child.clone());
            } else {
                self.blobs.insert(child.digest, child.size);
            }
        }
        let children = manifest.children().iter().map(|child| child.digest).collect();
        self.manifests.insert(digest, Node { descriptor, children, subject });
        if self.manifests.len() > MANIFEST_LIMIT || self.blobs.len() > CONTENT_LIMIT || open.len() > CONTENT_LIMIT {
            let message = format!("more than {MANIFEST_LIMIT} manifests or {CONTENT_LIMIT} blobs in one place");
            return Err(Error::new(Kind::Unsafe, message).with_hint("name the images to serve"));
        }
        Ok(())
    }

    /// The descriptor of a manifest that is there.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<&Descriptor> {
        self.manifests.get(digest).map(|node| &node.descriptor)
    }

    /// The size of a blob that a manifest leads to.
    pub(super) fn blob(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).copied()
    }

    /// What a manifest describes.
    pub(super) fn subject(&self, digest: &Digest) -> Option<&Digest> {
        self.manifests.get(digest)?.subject.as_ref()
    }

    /// The manifests that describe `subject`.
    pub(super) fn referrers(&self, subject: &Digest) -> impl Iterator<Item = &Descriptor> {
        let found = self.referrers.get(subject).into_iter().flatten();
        found.filter_map(|digest| self.manifest(digest))
    }

    /// Every manifest that an index leads to.
    pub(super) fn parts(&self) -> HashSet<Digest> {
        let children = self.manifests.values().flat_map(|node| &node.children);
        children.filter(|child| self.manifests.contains_key(child)).copied().collect()
    }

    /// Everything that `roots` lead to, and what describes any of it.
    pub(super) fn reach(&self, roots: impl IntoIterator<Item = Digest>) -> HashSet<Digest> {
        let mut reached = HashSet::new();
        let mut open: Vec<Digest> = roots.into_iter().collect();
        while let Some(digest) = open.pop() {
            if !reached.insert(digest) {
                continue;
            }
            open.extend(self.manifests.get(&digest).into_iter().flat_map(|node| &node.children));
            open.extend(self.referrers.get(&digest).into_iter().flatten());
        }
        reached
    }
}
