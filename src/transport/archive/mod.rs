//! What both kinds of archive share: a tar file with an OCI layout in it.

mod draft;
mod layout;
mod open;
mod output;
mod place;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use layout::{Layout, blob_name, check_size};
pub(super) use open::open;
pub(super) use writer::{Images, Writer};
