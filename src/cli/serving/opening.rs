//! Opening: how a place is opened, at the start and whenever its files changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use imgctl::oci::{Descriptor, Digest};
use imgctl::server::Identity;
use imgctl::transport::{ArchiveFile, Location, Name, Session, Source};
use imgctl::{Error, Result};

use super::catalogue::{Catalogue, Names, Root};
use super::graph::Graph;
use super::naming;
use crate::cli::ui::Ui;

/// What it takes to open a place.
pub(crate) struct Opening {
    session: Arc<Session>,
    location: Location,
    /// Whether the kind of archive has to be found out.
    is_guess: bool,
    ui: Ui,
}

impl Opening {
    /// How to open the place `location`, and where to tell what is odd about it.
    pub(crate) fn new(session: Arc<Session>, location: Location, ui: Ui) -> Self {
        Self { session, location, is_guess: false, ui }
    }

    /// The same for an archive of any kind.
    pub(crate) fn guessing(self) -> Self {
        Self { is_guess: true, ..self }
    }

    /// Opens the place and reads its manifests.
    pub(super) async fn read(&self) -> Result<(Arc<dyn Source>, Catalogue)> {
        let (source, are_references) = self.source().await?;
        let roots = source.roots().await?;
        let graph = Graph::read(source.as_ref(), roots.iter().map(|(_, root)| root)).await?;
        let roots = match self.location.name() {
            Some(name) => only(roots, self.chosen(source.as_ref(), &name).await?),
            None => roots,
        };
        let names = Names { base: naming::base(&self.location), are_references };
        Ok((source, Catalogue::new(graph, roots, &names, |text| self.warn(text))))
    }

    /// The open place, and whether a name in it is a reference even where it has no tag.
    async fn source(&self) -> Result<(Arc<dyn Source>, bool)> {
        match &self.location {
            // As a layout it holds up nobody who wants to delete images.
            Location::Store(_) => {
                let directory = self.session.settings().store.clone();
                Ok((self.session.source(&Location::Layout { directory, name: None }).await?, true))
            }
            Location::DockerArchive { file, .. } => {
                let source = self.session.source(&self.location).await?;
                if self.is_guess && source.names().await?.is_empty() {
                    // Docker would know no name of its images; as a layout they may have some.
                    let layout = Location::OciArchive { file: file.clone(), name: None };
                    if let Ok(layout) = self.session.source(&layout).await {
                        return Ok((layout, false));
                    }
                }
                Ok((source, true))
            }
            location => Ok((self.session.source(location).await?, false)),
        }
    }

    /// The one image that was asked for.
    async fn chosen(&self, source: &dyn Source, name: &Name) -> Result<Descriptor> {
        match self.location {
            Location::Store(_) => self.session.source(&self.location).await?.resolve(Some(name)).await,
            _ => source.resolve(Some(name)).await,
        }
    }

    /// What is new when the place holds something else.
    pub(super) fn identity(&self) -> Option<Identity> {
        identity_of(&match &self.location {
            Location::Layout { directory, .. } => directory.join("index.json"),
            Location::Store(_) => self.session.settings().store.join("index.json"),
            Location::Directory(directory) => directory.join("manifest.json"),
            Location::OciArchive { file, .. } | Location::DockerArchive { file, .. } => path(file)?,
            Location::Registry(_) => return None,
        })
    }

    /// What is new when the bytes of a blob may be others than they were.
    pub(super) fn identity_of_blob(&self, digest: &Digest) -> Option<Identity> {
        let in_layout = |layout: &Path| layout.join("blobs").join(digest.algorithm().as_str()).join(digest.hex());
        identity_of(&match &self.location {
            Location::Layout { directory, .. } => in_layout(directory),
            Location::Store(_) => in_layout(&self.session.settings().store),
            Location::Directory(directory) => directory.join(digest.hex()),
            _ => return self.identity(),
        })
    }

    /// Tells what is odd about the place.
    pub(super) fn warn(&self, text: &str) {
        self.ui.warn(&format!("{}: {text}", self.location));
    }

    pub(super) fn holds_nothing(&self) -> Error {
        Error::not_found(format!("{} holds no image", self.location))
    }
}

/// The names of one image, or it without one.
fn only(mut roots: Vec<Root>, chosen: Descriptor) -> Vec<Root> {
    roots.retain(|(name, root)| name.is_some() && root.digest == chosen.digest);
    if roots.is_empty() { vec![(None, chosen)] } else { roots }
}

fn path(file: &ArchiveFile) -> Option<PathBuf> {
    match file {
        ArchiveFile::Path(path) => Some(path.clone()),
        ArchiveFile::Stdio => None,
    }
}

fn identity_of(path: &Path) -> Option<Identity> {
    Some(Identity::of(&path.metadata().ok()?))
}
