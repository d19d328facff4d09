//! Catalogue: which repositories a place has, and what is in each.

use std::collections::{BTreeMap, HashSet};

use imgctl::name::{Repository, Tag, TagOrDigest};
use imgctl::oci::{Descriptor, Digest, MediaType};
use imgctl::transport::Name;

use super::graph::Graph;
use super::naming;

/// What a place lists: an image, or what describes one, and its name.
pub(super) type Root = (Option<Name>, Descriptor);

/// The repositories of a place.
pub(super) struct Catalogue {
    graph: Graph,
    repositories: BTreeMap<Repository, Holding>,
}

/// What is in a repository.
#[derive(Default)]
struct Holding {
    tags: BTreeMap<Tag, Digest>,
    roots: Vec<Digest>,
    members: HashSet<Digest>,
}

/// How names are understood.
pub(super) struct Names {
    /// Where bare tags and images without a name belong.
    pub(super) base: Repository,
    /// Whether a name without a tag is a repository.
    pub(super) are_references: bool,
}

impl Catalogue {
    /// Gives every root its repository; `warn` is told which have none.
    pub(super) fn new(graph: Graph, roots: Vec<Root>, names: &Names, warn: impl Fn(&str)) -> Self {
        let (parts, mut nameless) = (graph.parts(), Vec::new());
        let mut catalogue = Self { graph, repositories: BTreeMap::new() };
        for (name, Descriptor { digest, .. }) in roots {
            if catalogue.graph.manifest(&digest).is_none() {
                warn(&format!("{digest} is listed, but there is no such manifest"));
                continue;
            }
            match name {
                Some(name) => match naming::place(&name, &names.base, names.are_references) {
                    Some((repository, tag)) => catalogue.add(repository, tag, digest),
                    None => {
                        warn(&format!("{:?} is no name for a registry: served by its digest, {digest}", name.as_str()));
                        catalogue.add(names.base.clone(), None, digest);
                    }
                },
                None if parts.contains(&digest) => {}
                None => nameless.push(digest),
            }
        }
        catalogue.add_nameless(nameless, &names.base);
        for holding in catalogue.repositories.values_mut() {
            holding.members = catalogue.graph.reach(holding.roots.iter().copied());
        }
        catalogue
    }

    fn add(&mut self, repository: Repository, tag: Option<Tag>, digest: Digest) {
        let holding = self.repositories.entry(repository).or_default();
        holding.roots.push(digest);
        tag.map(|tag| holding.tags.entry(tag).or_insert(digest));
    }

    /// The only image without a name is the latest. What describes an image that is there stands with that.
    fn add_nameless(&mut self, nameless: Vec<Digest>, base: &Repository) {
        let is_image = |digest: &&Digest| self.graph.subject(digest).is_none();
        let mut images = nameless.iter().filter(is_image);
        let only = images.next().filter(|_| images.next().is_none()).copied();
        for digest in nameless {
            let subject = self.graph.subject(&digest);
            if subject.is_none_or(|subject| self.graph.manifest(subject).is_none()) {
                self.add(base.clone(), (only == Some(digest)).then(Tag::latest), digest);
            }
        }
    }

    /// All repositories, sorted.
    pub(super) fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.keys()
    }

    /// The tags of a repository, sorted.
    pub(super) fn tags(&self, repository: &Repository) -> Option<Vec<Tag>> {
        self.repositories.get(repository).map(|holding| holding.tags.keys().cloned().collect())
    }

    /// The manifest that `reference` means in a repository.
    pub(super) fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Option<&Descriptor> {
        let holding = self.repositories.get(repository)?;
        let digest = match reference {
            TagOrDigest::Tag(tag) => holding.tags.get(tag),
            TagOrDigest::Digest(digest) => holding.members.get(digest),
        };
        self.graph.manifest(digest?)
    }

    /// A blob or manifest of a repository, as bytes.
    pub(super) fn blob(&self, repository: &Repository, digest: &Digest) -> Option<Descriptor> {
        self.repositories.get(repository).filter(|holding| holding.members.contains(digest))?;
        let manifest = || self.graph.manifest(digest).map(|manifest| manifest.size);
        let size = self.graph.blob(digest).or_else(manifest)?;
        Some(Descriptor::new(MediaType::new("application/octet-stream"), *digest, size))
    }

    /// What describes `subject` in a repository.
    pub(super) fn referrers(&self, repository: &Repository, subject: &Digest) -> Vec<Descriptor> {
        let Some(holding) = self.repositories.get(repository) else { return Vec::new() };
        let found = self.graph.referrers(subject).filter(|found| holding.members.contains(&found.digest));
        found.cloned().collect()
    }
}
