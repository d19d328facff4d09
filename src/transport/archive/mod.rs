//! What both kinds of archive share: a tar file with an OCI layout in it.

mod draft;
mod in_order;
mod layout;
mod open;
mod output;
mod place;
mod spool;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;

pub(super) use layout::{Layout, blob_name, check_size};
pub(super) use open::open;
pub(super) use writer::{Images, Writer};

/// How an archive is written.
#[derive(Debug, Clone, Default)]
pub struct ArchiveOptions {
    /// Go on with what an earlier run left of the file, and leave what the next one can go on with.
    pub is_kept: bool,
    /// Flush the file to the disk before it appears.
    pub is_flushed: bool,
    /// Where blobs wait that a pipe does not take yet; without it they are not fetched ahead.
    pub temporary: Option<PathBuf>,
}
