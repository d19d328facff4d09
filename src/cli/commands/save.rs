//! `imgctl save`.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::FalseyValueParser;
use imgctl::error::Kind;
use imgctl::name::Reference;
use imgctl::oci::Platform;
use imgctl::transfer::{self, Item, Options};
use imgctl::transport::{ArchiveFile, Location, Name, Source};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{CompressFlags, DryRunFlags, PlatformsFlags};
use crate::cli::image::{Opened, Presence};
use crate::cli::moving;
use crate::cli::progress::COPY;

/// Save images in one tar file that docker, podman, skopeo and imgctl load
///
/// Images come from the local store, else from their registry. A name without a tag means all tags of the store, and
/// an image id is saved without a name. Of an index in a registry the image for this machine is saved.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write
    #[arg(
        long = "archive",
        alias = "type",
        value_name = "KIND",
        default_value = "docker-archive",
        env = "IMGCTL_ARCHIVE"
    )]
    kind: Kinds,
    /// When to ask the registry: for what the store lacks, always, or never
    #[arg(long, value_name = "WHEN", default_value = "missing", env = "IMGCTL_PULL")]
    pull: Pull,
    #[command(flatten)]
    platforms: PlatformsFlags,
    /// Save the images for all platforms, whatever --platform says
    #[arg(long, env = "IMGCTL_ALL_PLATFORMS", value_parser = FalseyValueParser::new())]
    all_platforms: bool,
    #[command(flatten)]
    compress: CompressFlags,
    #[command(flatten)]
    dry_run: DryRunFlags,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kinds {
    /// what docker save writes; an OCI layout at the same time
    DockerArchive,
    /// an OCI layout
    OciArchive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Pull {
    Missing,
    Always,
    Never,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Save an image", "imgctl save --output busybox.tar busybox:1.37"),
    ("Save several images compressed", "imgctl save debian:12 alpine:3 | zstd > images.tar.zst"),
    ("Save an image straight from its registry", "imgctl save --pull always -o app.tar quay.io/ns/app:1.2"),
];

/// An image to save.
struct Saved {
    from: Location,
    names: Vec<Name>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    if args.output.is_none() && !args.dry_run.is_set() {
        if context.ui.stdout_is_terminal() {
            return Err(Error::usage("cowardly refusing to save to a terminal. Use the -o flag or redirect"));
        }
        context.ui.reserve_stdout();
    }
    let store = context.store_source().await?;
    let mut saves = Vec::new();
    for image in &args.images {
        saves.extend(args.saves(context, store.as_ref(), image).await?);
    }
    let destination = context.destination()?.destination(&args.destination()).await?;
    let mut items = Vec::new();
    for saved in saves {
        let opened = Opened::new(context, &saved.from).await?;
        items.push(Item {
            source_name: Some(args.part(&opened, &saved).await?),
            source: opened.source,
            destination: destination.clone(),
            destination_names: saved.names,
        });
    }
    let platforms = if args.all_platforms { Vec::new() } else { args.platforms.platforms() };
    let options = Options { platforms, recompress: args.compress.recompress(context), ..context.options() };
    moving::run(context, items, &options, (&COPY, &args.dry_run)).await?;
    Ok(())
}

impl Args {
    fn destination(&self) -> Location {
        let file = self.output.clone().map_or(ArchiveFile::Stdio, ArchiveFile::from);
        match self.kind {
            Kinds::DockerArchive => Location::DockerArchive { file, name: None },
            Kinds::OciArchive => Location::OciArchive { file, name: None },
        }
    }

    /// What `image` means: images of the store, else one of a registry.
    async fn saves(&self, context: &Context, store: &dyn Source, image: &str) -> Result<Vec<Saved>> {
        let reference = image.parse::<Reference>();
        if self.pull == Pull::Always {
            return Ok(vec![in_registry(reference?)]);
        }
        let whole = reference.as_ref().ok().filter(|name| name.tag.is_none() && name.digest.is_none());
        if let Some(repository) = whole {
            let saves = of_repository(store, repository).await?;
            if !saves.is_empty() {
                return Ok(saves);
            }
        }
        match (store.resolve(Some(&Name::new(image))).await, reference) {
            (Ok(_), reference) => {
                let saved = in_store(store, image, reference.as_ref().ok().cloned()).await?;
                match reference {
                    Ok(reference) if self.must_ask(context, &saved).await? => Ok(vec![in_registry(reference)]),
                    _ => Ok(vec![saved]),
                }
            }
            (Err(error), Ok(reference)) if error.kind() == Kind::NotFound && self.pull == Pull::Missing => {
                Ok(vec![in_registry(reference)])
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Whether the store lacks what is wanted of an image that it has in part.
    async fn must_ask(&self, context: &Context, saved: &Saved) -> Result<bool> {
        let platforms = self.platforms.platforms();
        if self.pull == Pull::Never || (platforms.is_empty() && !self.all_platforms) {
            return Ok(false);
        }
        let wanted = if self.all_platforms { &[] } else { &platforms[..] };
        Opened::new(context, &saved.from).await?.lacks(wanted).await
    }

    /// What to save of an image: of an index, what was asked for, what the store has, or what this machine runs.
    async fn part(&self, opened: &Opened, saved: &Saved) -> Result<Name> {
        let root = Name::new(opened.root.digest.to_string());
        if self.all_platforms || !self.platforms.platforms().is_empty() {
            return Ok(root);
        }
        if let Location::Registry(_) = saved.from {
            let manifest = opened.manifest().await?;
            let child = manifest.as_index().map(|index| transfer::choose(index, &Platform::host())).transpose()?;
            return Ok(child.map_or(root, |child| Name::new(child.digest.to_string())));
        }
        match opened.presence().await? {
            Presence::Whole => Ok(root),
            Presence::Some(images) => match &images[..] {
                [one] => Ok(Name::new(one.digest.to_string())),
                _ => Err(Error::usage(format!("{}: the store has some of its platforms", saved.from))
                    .with_hint("say which with --platform")),
            },
        }
    }
}

fn in_registry(reference: Reference) -> Saved {
    let reference = reference.or_latest();
    let names = if reference.digest.is_some() { Vec::new() } else { vec![Name::from(&reference)] };
    Saved { from: Location::Registry(reference), names }
}

/// An image that the store has under a name, or by its id or digest without one.
async fn in_store(store: &dyn Source, text: &str, reference: Option<Reference>) -> Result<Saved> {
    let name = reference.filter(|name| name.digest.is_none()).map(|name| Name::from(&name.or_latest()));
    let is_name = match &name {
        Some(name) => store.names().await?.contains(name),
        None => false,
    };
    Ok(Saved { from: Location::Store(Name::new(text)), names: name.filter(|_| is_name).into_iter().collect() })
}

/// All tags that the store has of a repository.
async fn of_repository(store: &dyn Source, repository: &Reference) -> Result<Vec<Saved>> {
    let names = store.names().await?;
    let is_tag_of = |name: &&Name| {
        let name = name.as_str().parse::<Reference>();
        name.is_ok_and(|name| name.repository == repository.repository && name.tag.is_some())
    };
    let tags = names.iter().filter(is_tag_of);
    Ok(tags.map(|name| Saved { from: Location::Store(name.clone()), names: vec![name.clone()] }).collect())
}
