//! `imgctl push`.

use imgctl::error::Kind;
use imgctl::name::{Reference, Tag};
use imgctl::oci::Platform;
use imgctl::transfer::{Copied, IndexMode, Item, Options};
use imgctl::transport::{Location, Name};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{DryRunFlags, PlatformsFlags};
use crate::cli::image::{Opened, Presence};
use crate::cli::moving;
use crate::cli::progress::PUSH;

/// Push an image of the local store to a registry
///
/// Prints docker's closing line: tag, digest, and the size of the manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which image: a name, or an image id where DST is given
    image: String,
    /// Where it goes [default: where the name says]
    #[arg(value_name = "DST")]
    destination: Option<Reference>,
    #[command(flatten)]
    platforms: PlatformsFlags,
    /// Push all tags of the repository
    #[arg(short, long)]
    all_tags: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Push where the name says", "imgctl push registry.example:5000/app:1.2"),
    ("Push under another name", "imgctl push app:1.2 registry.example:5000/app:latest"),
    ("Push every tag of a repository", "imgctl push --all-tags registry.example:5000/app"),
];

/// An image of the store and where it goes.
struct Pushed {
    name: Name,
    destination: Reference,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let pushes = args.pushes(context).await?;
    let Some(first) = pushes.first() else { return Ok(()) };
    context.ui.say(&format!("The push refers to repository [{}]", first.destination.repository));
    let destination = Location::Registry(first.destination.clone());
    let destination = context.destination()?.destination(&destination).await?;
    for pushed in &pushes {
        let opened = Opened::new(context, &Location::Store(pushed.name.clone())).await;
        let opened = opened.map_err(|error| pushed.explain(error))?;
        let (source_name, options) = part(context, &opened, pushed, args.platforms.platforms()).await?;
        let item = Item {
            source: opened.source.clone(),
            source_name: Some(source_name),
            destination: destination.clone(),
            destination_names: vec![Name::from(&pushed.destination.tag_or_digest())],
        };
        if let Some(report) = moving::run(context, vec![item], &options, (&PUSH, &args.dry_run)).await? {
            report.images.iter().try_for_each(|copied| pushed.print(context, copied))?;
        }
    }
    Ok(())
}

impl Args {
    async fn pushes(&self, context: &Context) -> Result<Vec<Pushed>> {
        let name = self.image.parse::<Reference>();
        if !self.all_tags {
            let (text, destination) = (Name::new(&self.image), self.destination.clone());
            let own = || name.clone().ok().and_then(|name| name.tag);
            let destination = match destination {
                Some(place) if place.tag.is_none() && place.digest.is_none() => {
                    own().map_or_else(|| place.clone().or_latest(), |tag| place.with_tag(tag))
                }
                Some(place) => place,
                None => name?,
            };
            if destination.tag.is_none() && destination.digest.is_none() {
                context.ui.say("Using default tag: latest");
            }
            return Ok(vec![Pushed { name: text, destination: destination.or_latest() }]);
        }
        let name = name?;
        let places = [Some(&name), self.destination.as_ref()];
        if places.iter().flatten().any(|place| place.tag.is_some() || place.digest.is_some()) {
            return Err(Error::usage("tag can't be used with --all-tags/-a"));
        }
        let tags = tags(context, &name).await?;
        let place = self.destination.as_ref().unwrap_or(&name);
        let pushed = |tag: &Tag| Pushed {
            name: Name::from(&name.with_tag(tag.clone())),
            destination: place.with_tag(tag.clone()),
        };
        Ok(tags.iter().map(pushed).collect())
    }
}

/// The tags that the store has of a repository.
async fn tags(context: &Context, repository: &Reference) -> Result<Vec<Tag>> {
    let names = context.store_source().await?.names().await?;
    let names = names.iter().filter_map(|name| name.as_str().parse::<Reference>().ok());
    let tags: Vec<_> =
        names.filter(|name| name.repository == repository.repository).filter_map(|name| name.tag).collect();
    if tags.is_empty() {
        let name = repository.familiar();
        return Err(Error::not_found(format!("An image does not exist locally with the tag: {name}")));
    }
    Ok(tags)
}

/// What to push of an image of which the store may have a part: a plain image rather than an index with holes.
async fn part(
    context: &Context,
    opened: &Opened,
    pushed: &Pushed,
    platforms: Vec<Platform>,
) -> Result<(Name, Options)> {
    let options = Options { platforms, ..context.options() };
    if !options.platforms.is_empty() {
        return Ok((pushed.name.clone(), options));
    }
    match opened.presence().await? {
        Presence::Whole => Ok((pushed.name.clone(), options)),
        Presence::Some(images) => {
            context.ui.say("Note: the store has only some platforms of this image, and only these are pushed");
            match &images[..] {
                [one] => Ok((Name::new(one.digest.to_string()), options)),
                several => {
                    let platforms = several.iter().filter_map(|image| image.platform.clone()).collect();
                    Ok((pushed.name.clone(), Options { platforms, index: Some(IndexMode::Rewrite), ..options }))
                }
            }
        }
    }
}

impl Pushed {
    fn explain(&self, error: Error) -> Error {
        if error.kind() != Kind::NotFound {
            return error;
        }
        let name = self.name.as_str();
        let shown = name.parse::<Reference>().map_or_else(|_| name.to_owned(), |name| name.or_latest().familiar());
        Error::not_found(format!("An image does not exist locally with the tag: {shown}"))
            .with_hint("pull or load it first, or copy it from where it is with imgctl copy")
    }

    fn print(&self, context: &Context, copied: &Copied) -> Result<()> {
        if context.ui.is_quiet() {
            return context.ui.line(&self.destination.to_string());
        }
        let (digest, size) = (copied.destination.digest, copied.destination.size);
        context.ui.line(&format!("{}: digest: {digest} size: {size}", self.destination.tag_or_digest()))
    }
}
