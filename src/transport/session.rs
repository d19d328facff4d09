//! Session: what opening a place needs.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Destination, Location, Source};
use super::{DirectoryDestination, DirectorySource, LayoutDestination, LayoutSource, StoreDestination, StoreSource};
use crate::Result;
use crate::auth::Keychain;
use crate::net;

/// What a [`Session`] is made of.
#[derive(Clone)]
pub struct Settings {
    /// Directory of the local store.
    pub store: PathBuf,
    /// Directory for temporary files.
    pub temporary: PathBuf,
    /// Who we are.
    pub keychain: Arc<Keychain>,
    /// How to talk to registries.
    pub network: net::Settings,
    /// Speak plain http to every registry; without it only to literal loopback hosts.
    pub plain_http: bool,
}

/// Opens places; keeps one client for each registry.
pub struct Session {
    settings: Settings,
}

impl Session {
    /// A session that has opened nothing.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens a place to read.
    pub async fn source(&self, location: &Location) -> Result<Arc<dyn Source>> {
        match location {
            Location::Store(_) => Ok(Arc::new(StoreSource::open(&self.settings.store)?)),
            Location::Layout { directory, .. } => Ok(Arc::new(LayoutSource::open(directory)?)),
            Location::Directory(directory) => Ok(Arc::new(DirectorySource::open(directory)?)),
            other => todo!("{other}"),
        }
    }

    /// Opens a place to write.
    pub async fn destination(&self, location: &Location) -> Result<Arc<dyn Destination>> {
        match location {
            Location::Store(_) => Ok(Arc::new(StoreDestination::create_or_open(&self.settings.store)?)),
            Location::Layout { directory, .. } => Ok(Arc::new(LayoutDestination::create_or_open(directory)?)),
            Location::Directory(directory) => Ok(Arc::new(DirectoryDestination::create_or_open(directory)?)),
            other => todo!("{other}"),
        }
    }
}
