//! Writing the hybrid: an OCI layout, byte for byte, beside docker's list of the images in it.

use async_trait::async_trait;

use super::manifest_json::{Entry, member};
use crate::Result;
use crate::name::{Reference, Repository};
use crate::oci::{Annotations, Body, Descriptor, ImageManifest, Manifest, Platform, Role};
use crate::store::{CONTAINERD_NAME, REF_NAME};
use crate::transport::archive::{ArchiveOptions, Images, Writer, blob_name};
use crate::transport::{ArchiveFile, Begin, Destination, Name};

/// How deep indexes are looked into for the image that docker's list names.
const DEPTH_LIMIT: usize = 8;

/// A tar file as `docker save` writes it, to write. It appears with [`Destination::finish`].
pub struct DockerArchiveWriter {
    writer: Writer,
}

impl DockerArchiveWriter {
    /// Starts an archive that will stand at `file`, readable by its owner alone.
    pub async fn create(file: &ArchiveFile) -> Result<Self> {
        Ok(Self { writer: Writer::create(file, &ArchiveOptions::default()).await? })
    }

    /// The same in this way.
    pub async fn create_with(file: &ArchiveFile, options: &ArchiveOptions) -> Result<Self> {
        Ok(Self { writer: Writer::create(file, options).await? })
    }
}

#[cfg(test)]
impl From<Writer> for DockerArchiveWriter {
    fn from(writer: Writer) -> Self {
        Self { writer }
    }
}

#[async_trait]
impl Destination for DockerArchiveWriter {
    async fn has(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.writer.has(&descriptor.digest))
    }

    async fn begin(&self, descriptor: &Descriptor, _: &[Repository]) -> Result<Begin> {
        self.writer.begin(descriptor).await
    }

    /// Names are references; one by digest alone leaves the image without a name, as docker does.
    async fn put_manifest(&self, manifest: &Manifest, name: Option<&Name>) -> Result<()> {
        let name = match name {
            Some(name) => tagged(name.as_str().parse()?),
            None => None,
        };
        self.writer.put_manifest(manifest, name.as_ref().map(Name::from))
    }

    fn check_name(&self, name: &Name) -> Result<()> {
        Ok(name.as_str().parse::<Reference>().map(drop)?)
    }

    fn is_ordered(&self) -> bool {
        true
    }

    async fn finish(&self) -> Result<()> {
        self.writer.finish(|images| Ok(vec![images.index(annotations), member(&entries(images))])).await
    }
}

fn tagged(reference: Reference) -> Option<Reference> {
    let reference = reference.or_latest();
    reference.tag.clone().map(|tag| reference.with_tag(tag))
}

fn annotations(name: &Name) -> Annotations {
    let tag = name.as_str().parse::<Reference>().ok().and_then(|reference| reference.tag);
    let tag = tag.map(|tag| (REF_NAME.to_owned(), tag.to_string()));
    tag.into_iter().chain([(CONTAINERD_NAME.to_owned(), name.to_string())]).collect()
}

/// Docker's list: of every root that is an image or has one, and that is there with all its layers.
fn entries(images: &Images) -> Vec<Entry> {
    let mut entries: Vec<(Vec<Reference>, Entry)> = Vec::new();
    for (root, names) in images.roots() {
        let image = image(images, root, 0).filter(|_| root.subject().is_none());
        if let Some(image) = image {
            let names: Vec<Reference> = names.iter().filter_map(|name| name.as_str().parse().ok()).collect();
            let layers = image.layers.iter().map(|layer| blob_name(&layer.digest)).collect();
            let entry = Entry::new(blob_name(&image.config.digest), &names, layers);
            entries.push((names, entry));
        }
    }
    entries.sort_by(|(one, _), (other, _)| one.is_empty().cmp(&other.is_empty()).then(one.cmp(other)));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// The image that docker will load from `root`: of an index the one for this machine, else the first that is there.
fn image<'a>(images: &'a Images, root: &'a Manifest, depth: usize) -> Option<&'a ImageManifest> {
    let index = match root.body() {
        Body::Image(image) => return Some(&**image).filter(|image| is_loadable(image)),
        Body::Index(index) => index,
    };
    let children = || index.manifests.iter().filter(|child| !child.is_attestation());
    let host = Platform::host();
    let is_host = |child: &&Descriptor| child.platform.as_ref().is_some_and(|own| own.satisfies(&host));
    let load = |child: &Descriptor| {
        let manifest = images.manifest(&child.digest).filter(|_| depth < DEPTH_LIMIT)?;
        image(images, manifest, depth + 1)
    };
    children().filter(is_host).find_map(load).or_else(|| children().find_map(load))
}

/// Docker loads images, no artifacts, and has no use for one whose layers are elsewhere.
fn is_loadable(image: &ImageManifest) -> bool {
    image.config.media_type.role() == Role::Config
        && image.layers.iter().all(|layer| matches!(layer.media_type.role(), Role::Layer(_)) && layer.urls.is_empty())
}
