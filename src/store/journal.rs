//! Journal: what transfers that broke off have left to go on from, in `<store>/transfers/`.

use std::path::{Path, PathBuf};

/// The directory of unfinished transfers in a store.
pub(super) const TRANSFERS: &str = "transfers";

/// The unfinished transfers of a store.
#[derive(Debug, Clone)]
pub struct Journal {
    directory: PathBuf,
}

impl Journal {
    /// The journal of the store in `store`.
    pub fn new(store: &Path) -> Self {
        Self { directory: store.join(TRANSFERS) }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}
