//! `imgctl images`: what is in the local store, as docker lists it.

use std::cmp::Reverse;

use imgctl::name::Reference;
use imgctl::store::{Store, StoredImage};
use imgctl::{Error, Result};
use serde_json::{Value, json};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::glob::Glob;
use crate::cli::listing::Listing;
use crate::cli::units;

/// List the images in the local store
///
/// SIZE is what an image takes up as it is stored: its config and its compressed layers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only this repository, name:tag, or pattern
    #[arg(value_name = "REPOSITORY[:TAG]")]
    reference: Option<String>,
    /// Also list what only describes other images (signatures, attestations)
    #[arg(short, long)]
    all: bool,
    /// Show digests
    #[arg(long)]
    digests: bool,
    /// Only images that match: dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, reference=PATTERN
    #[arg(short, long = "filter", value_name = "FILTER")]
    filters: Vec<String>,
    /// Show whole ids
    #[arg(long)]
    no_trunc: bool,
    /// Print json, table, or a Go template such as '{{.Repository}}:{{.Tag}}' or 'table {{.ID}}'
    #[arg(long, value_name = "FORMAT", env = "IMGCTL_FORMAT")]
    format: Option<String>,
}

pub(crate) const EXAMPLES: Examples = &[
    ("List all images", "imgctl images"),
    ("List the images of one repository, with digests", "imgctl images --digests busybox"),
    ("List images that have lost their name", "imgctl images --filter dangling=true"),
    ("Print names for a script", "imgctl images --format '{{.Repository}}:{{.Tag}}'"),
    ("Print the ids of all images whose name starts with test", "imgctl images -q 'test*'"),
];

const NONE: &str = "<none>";

const HEADERS: &[(&str, &str)] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("Size", "SIZE"),
    ("Platform", "PLATFORM"),
    ("Containers", "CONTAINERS"),
    ("SharedSize", "SHARED SIZE"),
    ("UniqueSize", "UNIQUE SIZE"),
];
const TABLE: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const TABLE_WITH_DIGESTS: &str = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

#[expect(clippy::unused_async, reason = "every command is called alike")]
pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let store = Store::open(&context.store())?;
    let mut images = store.images()?;
    let filters = Filters::parse(&args, &images, &store)?;
    images.retain(|image| filters.keep(image));
    images.sort_by_cached_key(|image| {
        (Reverse(created(image)), image.id, image.name.as_ref().map(Reference::familiar), image.descriptor.digest)
    });
    let now = jiff::Timestamp::now();
    let rows: Vec<Value> = images.iter().map(|image| row(image, now, args.no_trunc)).collect();
    let is_table = args.format.as_deref().is_none_or(|format| format == "table");
    let format = match (is_table, context.ui.is_quiet(), args.digests) {
        (true, true, _) => Some("{{.ID}}"),
        (true, false, true) => Some(TABLE_WITH_DIGESTS),
        _ => args.format.as_deref(),
    };
    Listing { format: TABLE, headers: HEADERS }.print(&context.ui, format, &rows)
}

fn row(image: &StoredImage, now: jiff::Timestamp, no_trunc: bool) -> Value {
    let repository = image.name.as_ref().map(|name| name.repository.familiar());
    let tag = image.name.as_ref().and_then(|name| name.tag.as_ref()).map(ToString::to_string);
    let text = image.created.as_deref().unwrap_or_default();
    json!({
        "Containers": "N/A",
        "CreatedAt": created(image).map_or_else(|| "N/A".to_owned(), local),
        "CreatedSince": units::ago(text, now),
        "Digest": image.descriptor.digest,
        "ID": if no_trunc { image.id.to_string() } else { image.id.short() },
        "Platform": image.platform.as_ref().map_or_else(|| "N/A".to_owned(), ToString::to_string),
        "Repository": repository.as_deref().unwrap_or(NONE),
        "SharedSize": "N/A",
        "Size": units::size(image.size, 3),
        "Tag": tag.as_deref().unwrap_or(NONE),
        "UniqueSize": "N/A",
    })
}

fn created(image: &StoredImage) -> Option<jiff::Timestamp> {
    image.created.as_deref()?.parse().ok()
}

/// As Go prints times: `2021-03-04 03:24:42 +0100 CET`.
fn local(time: jiff::Timestamp) -> String {
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

/// Which images are listed.
#[derive(Default)]
struct Filters {
    all: bool,
    dangling: Option<bool>,
    labels: Vec<(String, Option<String>)>,
    before: Option<jiff::Timestamp>,
    since: Option<jiff::Timestamp>,
    references: Vec<Glob>,
}

impl Filters {
    fn parse(args: &Args, images: &[StoredImage], store: &Store) -> Result<Self> {
        let mut filters = Self { all: args.all, ..Self::default() };
        if let Some(pattern) = &args.reference {
            filters.references.push(Glob::parse(pattern)?);
        }
        for filter in &args.filters {
            let (key, value) = filter
                .split_once('=')
                .ok_or_else(|| Error::usage(format!("invalid filter {filter:?}: expected KEY=VALUE")))?;
            let wrong = || Error::usage(format!("invalid filter {filter:?}"));
            match key {
                "dangling" => filters.dangling = Some(truth(value).ok_or_else(wrong)?),
                "label" => filters.labels.push(label(value)),
                "before" => filters.before = Some(time_of(value, images, store)?),
                "since" => filters.since = Some(time_of(value, images, store)?),
                "reference" => filters.references.push(Glob::parse(value)?),
                _ => {
                    return Err(wrong().with_hint("there are dangling, label, before, since and reference"));
                }
            }
        }
        Ok(filters)
    }

    fn keep(&self, image: &StoredImage) -> bool {
        let has = |(key, value): &(String, Option<String>)| {
            image.labels.get(key).is_some_and(|own| value.as_ref().is_none_or(|value| value == own))
        };
        (self.all || image.name.is_some() || image.is_dangling())
            && self.dangling.is_none_or(|dangling| dangling == image.is_dangling())
            && self.labels.iter().all(has)
            && self.before.is_none_or(|time| created(image).is_some_and(|own| own < time))
            && self.since.is_none_or(|time| created(image).is_some_and(|own| own > time))
            && (self.references.is_empty() || self.references.iter().any(|glob| is_called(image, glob)))
    }
}

fn is_called(image: &StoredImage, glob: &Glob) -> bool {
    let Some(name) = &image.name else { return false };
    let repository = &name.repository;
    let spellings = [name.familiar(), repository.familiar(), name.to_string(), repository.to_string()];
    spellings.iter().any(|spelling| glob.matches(spelling))
}

fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn label(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// When the image was made that `text` means.
fn time_of(text: &str, images: &[StoredImage], store: &Store) -> Result<jiff::Timestamp> {
    let digest = store.resolve(text)?.digest;
    let image = images.iter().find(|image| image.descriptor.digest == digest);
    image.and_then(created).ok_or_else(|| Error::usage(format!("{text}: when it was made is not known")))
}
