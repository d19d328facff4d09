//! `imgctl copy`.

use clap::ValueEnum;
use clap::builder::FalseyValueParser;
use imgctl::error::Kind;
use imgctl::name::Tag;
use imgctl::oci::{Descriptor, Platform};
use imgctl::transfer::{Format, IndexMode, Item, Options};
use imgctl::transport::{ArchiveFile, Location};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{CompressFlags, DryRunFlags, PlatformsFlags};
use crate::cli::progress::COPY;
use crate::cli::{moving, place};

/// Copy images from any place to any place, byte for byte
///
/// Digests never change unless a platform is chosen or a conversion is asked for. An index is copied with all its images.
/// A destination without a tag takes the source's. Prints the destination with the digest of what is there now.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the image is
    source: Location,
    /// Where it goes
    destination: Location,
    #[command(flatten)]
    platforms: PlatformsFlags,
    /// What becomes of an index of which only some platforms are copied
    #[arg(long, value_name = "HOW", env = "IMGCTL_INDEX")]
    index: Option<Index>,
    /// Copy the manifests that describe the image too: signatures, SBOMs, attestations
    #[arg(long, env = "IMGCTL_REFERRERS", value_parser = FalseyValueParser::new())]
    referrers: bool,
    /// Convert manifests to these media types; digests change
    #[arg(long, value_name = "TYPES", env = "IMGCTL_TO")]
    to: Option<MediaTypes>,
    #[command(flatten)]
    compress: CompressFlags,
    /// Fail rather than change a digest
    #[arg(long, env = "IMGCTL_PRESERVE_DIGESTS", value_parser = FalseyValueParser::new())]
    preserve_digests: bool,
    /// Fetch layers that may not be distributed from where they point to, and push them
    #[arg(long, env = "IMGCTL_ALLOW_FOREIGN_LAYERS", value_parser = FalseyValueParser::new())]
    allow_foreign_layers: bool,
    /// Copy all tags of the source
    #[arg(long)]
    all_tags: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
    // skopeo's spellings.
    #[arg(short = 'a', long, hide = true)]
    all: bool,
    #[arg(long, hide = true)]
    multi_arch: Option<MultiArch>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Index {
    /// copy the index with all its images after all
    Keep,
    /// make a new index that lists the chosen images; its digest is new
    Rewrite,
    /// copy the index as it is, and only the chosen images
    Sparse,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MediaTypes {
    /// the OCI image specification's
    Oci,
    /// docker's, schema 2
    #[value(alias = "v2s2")]
    Docker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MultiArch {
    All,
    System,
}

pub(crate) const EXAMPLES: Examples = &[
    (
        "Copy an image with all its platforms to another registry",
        "imgctl copy busybox:1.37 registry.example:5000/busybox",
    ),
    ("Copy one platform into an OCI layout", "imgctl copy --platform linux/arm64 busybox oci:out:latest"),
    (
        "Copy two platforms under a new index",
        "imgctl copy --platform linux/amd64,linux/arm64 busybox r.example/busybox",
    ),
    ("Write a tar file that docker loads", "imgctl copy --platform linux/amd64 busybox docker-archive:busybox.tar"),
    (
        "Copy an image with its layers compressed better",
        "imgctl copy --compress zstd:12 busybox registry.example:5000/busybox",
    ),
    ("See what would be moved", "imgctl copy --dry-run busybox registry.example:5000/busybox"),
    ("Copy a whole repository", "imgctl copy --all-tags quay.io/ns/app registry.example:5000/ns/app"),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let options = args.options(context);
    let pairs = args.pairs(context).await?;
    let items = items(context, &pairs).await?;
    let writes_stdout = is_stdout(&args.destination);
    if writes_stdout && !args.dry_run.is_set() {
        refuse_terminal(context)?;
        context.ui.reserve_stdout();
    }
    let moved = moving::run(context, items, &options, (&COPY, &args.dry_run)).await;
    let Some(report) = moved.map_err(|error| args.explain(error))? else { return Ok(()) };
    for ((_, destination), copied) in pairs.iter().zip(&report.images) {
        warn_of_docker_types(context, destination, &copied.destination);
        context.ui.line(&place::pinned(destination, copied.destination.digest))?;
    }
    Ok(())
}

impl Args {
    fn options(&self, context: &Context) -> Options {
        let mut platforms = self.platforms.platforms();
        if self.multi_arch == Some(MultiArch::System) {
            platforms.push(Platform::host());
        }
        Options {
            platforms,
            index: self.index.map(|index| match index {
                Index::Keep => IndexMode::Keep,
                Index::Rewrite => IndexMode::Rewrite,
                Index::Sparse => IndexMode::Sparse,
            }),
            referrers: self.referrers,
            to: self.to.map(|types| match types {
                MediaTypes::Oci => Format::Oci,
                MediaTypes::Docker => Format::Docker,
            }),
            recompress: self.compress.recompress(context),
            preserve_digests: self.preserve_digests,
            allow_foreign_layers: self.allow_foreign_layers,
            ..context.options()
        }
    }

    /// The store may have some platforms of an index; what it lacks is not found.
    fn explain(&self, error: Error) -> Error {
        match (&self.source, error.kind()) {
            (Location::Store(_), Kind::NotFound) => {
                error.with_hint("where the store has only some platforms of the image, say which with --platform")
            }
            _ => error,
        }
    }

    /// What goes where.
    async fn pairs(&self, context: &Context) -> Result<Vec<(Location, Location)>> {
        if !self.all_tags {
            return Ok(vec![(self.source.clone(), place::named(&self.destination, &self.source)?)]);
        }
        let names = context.source()?.source(&self.source).await?.names().await?;
        let tags: Vec<Tag> = names.iter().filter_map(|name| name.as_str().parse().ok()).collect();
        if tags.is_empty() {
            return Err(Error::not_found(format!("{} has no tags", self.source)));
        }
        let pair = |tag| Ok((place::with_tag(&self.source, tag)?, place::with_tag(&self.destination, tag)?));
        tags.iter().map(pair).collect()
    }
}

/// One item for each pair; all go to one place.
async fn items(context: &Context, pairs: &[(Location, Location)]) -> Result<Vec<Item>> {
    let Some((_, first)) = pairs.first() else { return Ok(Vec::new()) };
    let destination = context.destination()?.destination(first).await?;
    let mut items = Vec::new();
    for (from, to) in pairs {
        items.push(Item {
            source: context.source()?.source(from).await?,
            source_name: from.name(),
            destination: destination.clone(),
            destination_names: place::destination_names(to),
        });
    }
    Ok(items)
}

/// The bytes are kept, but [skopeo](https://github.com/containers/image/blob/v5.29.0/oci/layout/oci_transport.go) and umoci
/// find nothing but OCI's own types in a layout.
fn warn_of_docker_types(context: &Context, destination: &Location, root: &Descriptor) {
    let is_layout = matches!(destination, Location::Layout { .. } | Location::OciArchive { .. });
    if is_layout && root.media_type.is_docker() {
        context
            .ui
            .warn("docker's media types were kept: use --to oci if skopeo, podman or umoci shall read this layout");
    }
}

fn is_stdout(location: &Location) -> bool {
    matches!(
        location,
        Location::OciArchive { file: ArchiveFile::Stdio, .. }
            | Location::DockerArchive { file: ArchiveFile::Stdio, .. }
    )
}

fn refuse_terminal(context: &Context) -> Result<()> {
    match context.ui.stdout_is_terminal() {
        true => {
            Err(Error::usage("cowardly refusing to write an archive to a terminal: redirect stdout or name a file"))
        }
        false => Ok(()),
    }
}
