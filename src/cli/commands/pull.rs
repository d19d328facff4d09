//! `imgctl pull`.

use std::sync::Arc;

use clap::builder::FalseyValueParser;
use imgctl::name::{Reference, Tag};
use imgctl::oci::{Digest, Platform};
use imgctl::transfer::{Copied, IndexMode, Item, Options};
use imgctl::transport::{Location, Name, Source};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{DryRunFlags, PlatformsFlags};
use crate::cli::moving;
use crate::cli::progress::PULL;

/// Pull images from registries into the local store
///
/// Of an index the image for this machine is pulled. Prints the full name of each image; what happens goes to stderr.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<Reference>,
    #[command(flatten)]
    platforms: PlatformsFlags,
    /// Pull the images for all platforms, whatever --platform says
    #[arg(long, env = "IMGCTL_ALL_PLATFORMS", value_parser = FalseyValueParser::new())]
    all_platforms: bool,
    /// Pull all tags of the repository
    #[arg(short, long)]
    all_tags: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Pull from Docker Hub", "imgctl pull busybox"),
    ("Pull the image for another machine", "imgctl pull --platform linux/arm64 quay.io/ns/app:1.2"),
    ("Pull all there is of several images", "imgctl pull --all-platforms debian:12 alpine:3"),
    ("Print nothing but the name", "imgctl pull --quiet registry.example:5000/app"),
];

/// An image that is pulled, and what its name meant before.
struct Pulled {
    reference: Reference,
    before: Option<Digest>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let options = args.options(context);
    let store = context.store_source().await?;
    let destination = context.store_destination().await?;
    let (mut pulls, mut items) = (Vec::new(), Vec::new());
    for image in &args.images {
        let source = context.source()?.source(&Location::Registry(image.clone())).await?;
        for reference in args.references(context, image, &source).await? {
            announce(context, &reference);
            let name = Name::from(&reference);
            let before = store.resolve(Some(&name)).await.ok().map(|root| root.digest);
            items.push(Item {
                source: source.clone(),
                source_name: Some(Name::from(&reference.tag_or_digest())),
                destination: Arc::clone(&destination),
                destination_names: vec![name],
            });
            pulls.push(Pulled { reference, before });
        }
    }
    let Some(report) = moving::run(context, items, &options, (&PULL, &args.dry_run)).await? else { return Ok(()) };
    pulls.iter().zip(&report.images).try_for_each(|(pulled, copied)| pulled.print(context, copied))
}

impl Args {
    fn options(&self, context: &Context) -> Options {
        let platforms = match self.platforms.platforms() {
            _ if self.all_platforms => Vec::new(),
            none if none.is_empty() => vec![Platform::host()],
            platforms => platforms,
        };
        // The index stays as it is, so that the digest is the registry's.
        Options { platforms, index: Some(IndexMode::Sparse), ..context.options() }
    }

    /// What `image` means: itself, or all tags of its repository.
    async fn references(
        &self,
        context: &Context,
        image: &Reference,
        source: &Arc<dyn Source>,
    ) -> Result<Vec<Reference>> {
        if !self.all_tags {
            if image.tag.is_none() && image.digest.is_none() {
                context.ui.say("Using default tag: latest");
            }
            return Ok(vec![image.clone().or_latest()]);
        }
        if image.tag.is_some() || image.digest.is_some() {
            return Err(Error::usage("tag can't be used with --all-tags/-a"));
        }
        let tags = source.names().await?;
        let tags = tags.iter().filter_map(|name| name.as_str().parse::<Tag>().ok());
        Ok(tags.map(|tag| image.with_tag(tag)).collect())
    }
}

fn announce(context: &Context, reference: &Reference) {
    let asked = match (&reference.tag, reference.digest) {
        (Some(tag), None) => tag.to_string(),
        _ => reference.to_string(),
    };
    context.ui.say(&format!("{asked}: Pulling from {}", reference.repository.path()));
}

impl Pulled {
    fn print(&self, context: &Context, copied: &Copied) -> Result<()> {
        let digest = copied.destination.digest;
        let name = self.reference.familiar();
        context.ui.say(&format!("Digest: {digest}"));
        context.ui.say(&match self.before == Some(digest) {
            true => format!("Status: Image is up to date for {name}"),
            false => format!("Status: Downloaded newer image for {name}"),
        });
        context.ui.line(&self.reference.to_string())
    }
}
