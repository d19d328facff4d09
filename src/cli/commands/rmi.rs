//! `imgctl rmi`: names and images go from the local store.

use imgctl::error::Kind;
use imgctl::store::{Removed, Store};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::failure;
use crate::cli::ui::Ui;

/// Remove images from the local store
///
/// A name is removed; the content goes with the last name, unless other images need it. The id of an image with several
/// names is refused without --force.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names or image ids
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// Remove all names of an image given by its id; an image that is not there is no failure
    #[arg(short, long)]
    force: bool,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Remove an image", "imgctl rmi busybox:1.36"),
    ("Remove an image with all its names", "imgctl rmi --force 3f1d6c17773a"),
];

#[expect(clippy::unused_async, reason = "every command is called alike")]
pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let store = context.open_store()?;
    let mut failed = 0;
    for image in &args.images {
        match remove(&store, image, args.force, &context.ui) {
            Ok(()) => {}
            Err(error) if args.force && error.kind() == Kind::NotFound => context.ui.warn(&error.to_string()),
            Err(error) if args.images.len() == 1 || context.ui.is_closed(&error) => return Err(error),
            Err(error) => {
                failure::report(&context.ui, &error);
                failed += 1;
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => {
            let asked = args.images.len();
            Err(Error::new(Kind::Failed, format!("{failed} of {asked} images could not be removed")))
        }
    }
}

fn remove(store: &Store, image: &str, force: bool, ui: &Ui) -> Result<()> {
    let removal = store.remove(image, force)?;
    for removed in &removal.removed {
        ui.line(&match removed {
            Removed::Untagged(name) => format!("Untagged: {}", name.familiar()),
            Removed::Deleted(digest) => format!("Deleted: {digest}"),
        })?;
    }
    if removal.is_deferred {
        ui.warn("other commands use the store: the content goes with the next removal");
    }
    Ok(())
}
