//! Flag groups. A flag that several commands share is one field here.

mod compress;
mod output;
mod platform;
mod quantity;
mod registry;
mod serve;
mod transfer;

pub(crate) use compress::CompressFlags;
pub(crate) use output::{DryRunFlags, FormatFlag, OutputFlags, ProgressMode, is_progress_json};
pub(crate) use platform::{PlatformFlags, PlatformsFlags};
pub(crate) use registry::{RegistryFlags, Side, UserPassword};
pub(crate) use serve::ServeFlags;
pub(crate) use transfer::TransferFlags;
