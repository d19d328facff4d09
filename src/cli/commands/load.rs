//! `imgctl load`.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use imgctl::error::Kind;
use imgctl::name::Reference;
use imgctl::oci::{Descriptor, Digest};
use imgctl::store::Store;
use imgctl::transfer::{Item, Options};
use imgctl::transport::{ArchiveFile, Location, Name, Source};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{DryRunFlags, PlatformsFlags};
use crate::cli::moving;
use crate::cli::progress::{PULL, Words};

/// Load the images of a tar file into the local store
///
/// Takes what docker, podman, skopeo, crane and imgctl save, plain or compressed with gzip, bzip2, xz or zstd.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file to read [default: standard input]
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    platforms: PlatformsFlags,
    #[command(flatten)]
    dry_run: DryRunFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Load a file", "imgctl load --input images.tar.zst"),
    ("Load what another machine saves", "ssh other docker save app:1.2 | imgctl load"),
];

const WORDS: Words = Words { begins: "Loading layer", moving: "Loading layer", done: "Loaded", ..PULL };

/// An image of the archive.
struct Loaded {
    root: Descriptor,
    names: Vec<Reference>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let file = args.input.clone().map_or(ArchiveFile::Stdio, ArchiveFile::from);
    if file == ArchiveFile::Stdio && std::io::stdin().is_terminal() {
        return Err(Error::usage("requested load from stdin, but stdin is empty").with_hint("--input FILE"));
    }
    // It reads both kinds of archives.
    let source = context.source()?.source(&Location::DockerArchive { file, name: None }).await?;
    let images = images(source.as_ref()).await?;
    let before = ids(context)?;
    let destination = context.store_destination().await?;
    let item = |image: &Loaded| Item {
        source: Arc::clone(&source),
        source_name: Some(Name::new(image.root.digest.to_string())),
        destination: Arc::clone(&destination),
        destination_names: image.names.iter().map(Name::from).collect(),
    };
    let items = images.iter().map(item).collect();
    let options = Options { platforms: args.platforms.platforms(), ..context.options() };
    let Some(report) = moving::run(context, items, &options, (&WORDS, &args.dry_run)).await? else { return Ok(()) };
    let after = ids(context)?;
    for (image, copied) in images.iter().zip(&report.images) {
        image.print(context, (&before, &after), copied.destination.digest)?;
    }
    Ok(())
}

impl Loaded {
    fn print(&self, context: &Context, (before, after): (&Ids, &Ids), digest: Digest) -> Result<()> {
        for name in &self.names {
            let (old, new) = (before.names.get(name), after.names.get(name));
            if let Some(old) = old.filter(|old| Some(*old) != new) {
                let name = name.familiar();
                context.ui.say(&format!(
                    "The image {name} already exists, renaming the old one with ID {old} to empty string"
                ));
            }
            context.ui.line(&format!("Loaded image: {}", name.familiar()))?;
        }
        if self.names.is_empty() {
            let id = after.images.get(&digest).copied().unwrap_or(digest);
            context.ui.line(&format!("Loaded image ID: {id}"))?;
        }
        Ok(())
    }
}

/// The image ids of the store.
struct Ids {
    names: HashMap<Reference, Digest>,
    images: HashMap<Digest, Digest>,
}

fn ids(context: &Context) -> Result<Ids> {
    let images = Store::open(&context.store())?.images()?;
    Ok(Ids {
        names: images.iter().filter_map(|image| Some((image.name.clone()?, image.id))).collect(),
        images: images.iter().map(|image| (image.descriptor.digest, image.id)).collect(),
    })
}

/// The images of an archive: those with names, then those without.
async fn images(source: &dyn Source) -> Result<Vec<Loaded>> {
    let mut images: Vec<Loaded> = Vec::new();
    for name in source.names().await? {
        let root = source.resolve(Some(&name)).await?;
        let reference = name.as_str().parse::<Reference>()?;
        match images.iter_mut().find(|image| image.root.digest == root.digest) {
            Some(image) => image.names.push(reference),
            None => images.push(Loaded { root, names: vec![reference] }),
        }
    }
    for number in 0.. {
        let root = match source.resolve(Some(&Name::new(format!("@{number}")))).await {
            Ok(root) => root,
            Err(error) if error.kind() == Kind::NotFound => break,
            Err(error) => return Err(error),
        };
        if !images.iter().any(|image| image.root.digest == root.digest) {
            images.push(Loaded { root, names: Vec::new() });
        }
    }
    if images.is_empty() { Err(Error::not_found("the archive has no images")) } else { Ok(images) }
}
