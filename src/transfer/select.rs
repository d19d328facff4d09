//! Which manifests of an image are copied: the whole tree below its name, or the wanted platforms of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::{IndexMode, Item, Options};
use crate::error::{Kind, Side};
use crate::oci::{Descriptor, Digest, ImageIndex, Manifest, Platform, Role};
use crate::transport::Source;
use crate::{Error, Result};

/// How deep indexes may nest, and how many manifests an image may have.
const MAX_DEPTH: usize = 8;
const MAX_MANIFESTS: usize = 10_000;
/// How many manifests of one image are fetched at the same time.
const PARALLEL: usize = 8;

/// The manifests of one image that will be copied.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// What the source's name resolved to.
    pub(super) source: Descriptor,
    /// Children before parents; the root is the last.
    pub(super) manifests: Vec<Manifest>,
}

/// Resolves the item's name and fetches the manifests that `options` ask for.
pub(super) async fn select(item: &Item, options: &Options) -> Result<Selection> {
    let source = item.source.as_ref();
    let name = item.source_name.as_ref();
    let step = || name.map_or("resolve".to_owned(), |name| format!("resolve {name}"));
    let descriptor = source.resolve(name).await.map_err(|error| error.at(Side::Source, step()))?;
    let walk = Walk { source, referrers: options.referrers, seen: Mutex::default() };
    let manifests = match wanted_of_index(source, &descriptor, options).await? {
        Wanted::Whole => walk.below_all(vec![descriptor.clone()]).await?,
        Wanted::One(child) => walk.below_all(vec![*child]).await?,
        Wanted::Few(children, root) => {
            let mut manifests = walk.below_all(children).await?;
            manifests.push(root);
            manifests
        }
    };
    Ok(Selection { source: descriptor, manifests })
}

enum Wanted {
    /// Everything below the name.
    Whole,
    /// One image instead of the index it is listed in.
    One(Box<Descriptor>),
    /// These children, under this index.
    Few(Vec<Descriptor>, Manifest),
}

async fn wanted_of_index(source: &dyn Source, descriptor: &Descriptor, options: &Options) -> Result<Wanted> {
    let is_whole = options.platforms.is_empty() || options.index == Some(IndexMode::Keep);
    if is_whole || descriptor.media_type.role() != Role::Index {
        return Ok(Wanted::Whole);
    }
    let root = fetch(source, descriptor).await?;
    let Some(index) = root.as_index() else { return Ok(Wanted::Whole) };
    let mut children = Vec::new();
    for platform in &options.platforms {
        let child = choose(index, platform)?;
        if !children.contains(child) {
            children.push(child.clone());
        }
    }
    match (options.index, children.len()) {
        (None, 1) => Ok(Wanted::One(Box::new(children.remove(0)))),
        (Some(IndexMode::Sparse), _) => Ok(Wanted::Few(with_attestations(index, children), root.clone())),
        _ => {
            let children = with_attestations(index, children);
            let rewritten = rewrite(&root, &children)?;
            options.check_digest(&root, &rewritten)?;
            Ok(Wanted::Few(children, rewritten))
        }
    }
}

/// The first image of `index` that runs on `platform`.
/// Errs with [`Kind::NotFound`] naming the platforms there are.
pub fn choose<'a>(index: &'a ImageIndex, platform: &Platform) -> Result<&'a Descriptor> {
    let of = |child: &'a Descriptor| child.platform.as_ref().filter(|_| !child.is_attestation());
    let found = index.manifests.iter().find(|child| of(child).is_some_and(|has| has.satisfies(platform)));
    found.ok_or_else(|| {
        let there: Vec<String> = index.manifests.iter().filter_map(of).map(Platform::to_string).collect();
        Error::not_found(format!("no image for {platform} in the index")).with_hint(format!(
            "it has {}",
            if there.is_empty() { "no platforms".to_owned() } else { there.join(", ") }
        ))
    })
}

/// Build attestations go with the images that they describe.
fn with_attestations(index: &ImageIndex, mut children: Vec<Descriptor>) -> Vec<Descriptor> {
    let chosen: HashSet<String> = children.iter().map(|child| child.digest.to_string()).collect();
    let describes = |child: &&Descriptor| {
        child.is_attestation()
            && child.annotations.get("vnd.docker.reference.digest").is_some_and(|digest| chosen.contains(digest))
    };
    children.extend(index.manifests.iter().filter(describes).cloned());
    children
}

/// The same index with only `children` in it, in its own order.
fn rewrite(root: &Manifest, children: &[Descriptor]) -> Result<Manifest> {
    let broken = |error: serde_json::Error| Error::mismatch("index").with_source(error);
    let mut document: Value = serde_json::from_slice(root.bytes()).map_err(broken)?;
    let keep: HashSet<String> = children.iter().map(|child| child.digest.to_string()).collect();
    if let Some(entries) = document["manifests"].as_array_mut() {
        entries.retain(|entry| entry["digest"].as_str().is_some_and(|digest| keep.contains(digest)));
    }
    let bytes = serde_json::to_vec(&document).map_err(broken)?;
    Ok(Manifest::parse(bytes, Some(root.media_type()))?)
}

async fn fetch(source: &dyn Source, descriptor: &Descriptor) -> Result<Manifest> {
    let step = || format!("get manifest {}", descriptor.digest);
    source.manifest(descriptor).await.map_err(|error| error.at(Side::Source, step()))
}

/// One walk down from the roots; every manifest is visited once.
struct Walk<'a> {
    source: &'a dyn Source,
    referrers: bool,
    seen: Mutex<HashSet<Digest>>,
}

impl Walk<'_> {
    /// All manifests at and below `roots`, children before parents, the last root last.
    async fn below_all(&self, roots: Vec<Descriptor>) -> Result<Vec<Manifest>> {
        let last = roots.last().map(|root| root.digest);
        let manifests = self.all(roots, 0).await?;
        let heights = heights(&manifests);
        let mut manifests: Vec<Manifest> = manifests;
        manifests.sort_by_key(|manifest| (Some(manifest.digest()) == last, heights.get(&manifest.digest()).copied()));
        Ok(manifests)
    }

    async fn all(&self, descriptors: Vec<Descriptor>, depth: usize) -> Result<Vec<Manifest>> {
        if descriptors.len() > MAX_MANIFESTS {
            return Err(too_many());
        }
        let found: Vec<Vec<Manifest>> = stream::iter(descriptors)
            .map(|descriptor| self.below(descriptor, depth))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn below(&self, descriptor: Descriptor, depth: usize) -> BoxFuture<'_, Result<Vec<Manifest>>> {
        Box::pin(async move {
            if depth > MAX_DEPTH {
                return Err(too_much(format!("indexes are nested deeper than {MAX_DEPTH}")));
            }
            if !self.is_new(descriptor.digest)? {
                return Ok(Vec::new());
            }
            let manifest = fetch(self.source, &descriptor).await?;
            let children = manifest.children().into_iter().filter(|child| child.media_type.is_manifest()).cloned();
            let mut manifests = self.all(children.collect(), depth + 1).await?;
            if self.referrers {
                manifests.extend(self.all(self.referrers_of(&manifest).await?, depth + 1).await?);
            }
            manifests.push(manifest);
            Ok(manifests)
        })
    }

    async fn referrers_of(&self, manifest: &Manifest) -> Result<Vec<Descriptor>> {
        let digest = manifest.digest();
        let step = || format!("list referrers of {digest}");
        self.source.referrers(&digest).await.map_err(|error| error.at(Side::Source, step()))
    }

    fn is_new(&self, digest: Digest) -> Result<bool> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MAX_MANIFESTS {
            return Err(too_many());
        }
        Ok(seen.insert(digest))
    }
}

fn too_many() -> Error {
    too_much(format!("the image has more than {MAX_MANIFESTS} manifests"))
}

fn too_much(message: String) -> Error {
    Error::new(Kind::Unsafe, message).at(Side::Source, "read the image")
}

/// How far each manifest is above its deepest child.
pub(super) fn heights(manifests: &[Manifest]) -> HashMap<Digest, usize> {
    let by_digest: HashMap<Digest, &Manifest> =
        manifests.iter().map(|manifest| (manifest.digest(), manifest)).collect();
    let mut heights = HashMap::new();
    for manifest in manifests {
        height(manifest, &by_digest, &mut heights);
    }
    heights
}

fn height(manifest: &Manifest, all: &HashMap<Digest, &Manifest>, heights: &mut HashMap<Digest, usize>) -> usize {
    if let Some(&known) = heights.get(&manifest.digest()) {
        return known;
    }
    let children = manifest.children();
    let below = children.iter().filter_map(|child| all.get(&child.digest)).map(|child| height(child, all, heights) + 1);
    let own = below.max().unwrap_or(0);
    heights.insert(manifest.digest(), own);
    own
}
