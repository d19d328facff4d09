//! Current: what names point to at the destinations, asked before anything is known of the images.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::Item;
use crate::Result;
use crate::error::Side;
use crate::oci::Digest;
use crate::transport::{Destination, Name};

/// A place that gets so many images is asked for its names: most of them are new there, or all are.
const MANY: usize = 16;
/// How many names of one image are asked for at the same time.
const PARALLEL: usize = 8;

/// The names of those places that get many images, by the address of the place.
pub(super) struct Listings(HashMap<usize, OnceCell<Option<HashSet<Name>>>>);

impl Listings {
    /// Asks nothing yet.
    pub(super) fn new(items: &[Item]) -> Self {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for item in items.iter().filter(|item| item.destination.repository().is_some()) {
            *counts.entry(address(&item.destination)).or_default() += item.destination_names.len();
        }
        let many = counts.into_iter().filter(|&(_, count)| count >= MANY);
        Self(many.map(|(address, _)| (address, OnceCell::new())).collect())
    }

    /// What the names of `item` point to now, where its place is a registry.
    pub(super) async fn current(&self, item: &Item) -> Result<Vec<Option<Digest>>> {
        if item.destination.repository().is_none() {
            return Ok(Vec::new());
        }
        let listed = match self.0.get(&address(&item.destination)) {
            Some(cell) => cell.get_or_init(|| listed(item.destination.as_ref())).await.as_ref(),
            None => None,
        };
        let ask = |name: Name| async move {
            match listed {
                Some(listed) if !listed.contains(&name) => Ok(None),
                _ => item.destination.current(&name).await,
            }
        };
        let asked = stream::iter(item.destination_names.clone()).map(ask).buffered(PARALLEL).try_collect();
        let named = || format!("look for {}", item.destination_names.first().map_or("", Name::as_str));
        asked.await.map_err(|error: crate::Error| error.at(Side::Destination, named()))
    }
}

/// Who cannot list is asked for each name.
async fn listed(destination: &dyn Destination) -> Option<HashSet<Name>> {
    destination.listing().await.ok().flatten()
}

/// Tells places apart.
pub(super) fn address(destination: &Arc<dyn Destination>) -> usize {
    Arc::as_ptr(destination).cast::<()>().addr()
}
