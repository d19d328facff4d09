//! Moving images: runs a copy with progress, or prints what it would do.

use imgctl::Result;
use imgctl::transfer::{self, Item, Options, Plan, Presence, Report};
use serde_json::{Value, json};

use super::context::Context;
use super::flags::DryRunFlags;
use super::listing::Listing;
use super::progress::Words;
use super::units;

const LISTING: Listing = Listing {
    format: "table {{.Image}}\t{{.Kind}}\t{{.Digest}}\t{{.HumanSize}}\t{{.State}}",
    headers: &[
        ("Image", "IMAGE"),
        ("Kind", "KIND"),
        ("Digest", "DIGEST"),
        ("MediaType", "MEDIA TYPE"),
        ("Size", "BYTES"),
        ("HumanSize", "SIZE"),
        ("State", "STATE"),
    ],
};

/// Copies `items`; with `--dry-run` prints the plan and returns nothing.
pub(crate) async fn run(
    context: &Context,
    items: Vec<Item>,
    options: &Options,
    (words, dry_run): (&'static Words, &DryRunFlags),
) -> Result<Option<Report>> {
    if dry_run.is_set() {
        let plan = transfer::plan(&items, options).await?;
        print(context, &plan, dry_run.format())?;
        return Ok(None);
    }
    let report = transfer::copy(items, options, context.ui.observer(words)).await?;
    context.ui.clear();
    context.copied(&report);
    Ok(Some(report))
}

fn print(context: &Context, plan: &Plan, format: Option<&str>) -> Result<()> {
    LISTING.print(&context.ui, format, &rows(plan))?;
    let (blobs, bytes) = plan.blobs(|presence| matches!(presence, Presence::Missing | Presence::Unknown));
    let (present_blobs, present_bytes) = plan.blobs(|presence| presence == Presence::Present);
    let (mounted_blobs, mounted_bytes) = plan.blobs(|presence| presence == Presence::Mountable);
    let (anew_blobs, anew_bytes) = plan.blobs(|presence| presence == Presence::Recompressed);
    if anew_blobs > 0 {
        context.ui.say(&format!(
            "would recompress {anew_blobs} blobs ({}): only doing it shows what digests they and their manifests get",
            units::size(anew_bytes, 4),
        ));
    }
    context.ui.say(&format!(
        "would move {blobs} blobs ({}), mount {mounted_blobs} ({}); {present_blobs} ({}) are already there",
        units::size(bytes, 4),
        units::size(mounted_bytes, 4),
        units::size(present_bytes, 4),
    ));
    Ok(())
}

/// One row for each blob and manifest, in the order in which they are put.
fn rows(plan: &Plan) -> Vec<Value> {
    let mut rows = Vec::new();
    for image in &plan.images {
        let name = image.names.first().map_or_else(|| image.destination.digest.short(), ToString::to_string);
        let row = |kind, descriptor: &imgctl::oci::Descriptor, state| {
            json!({
                "Image": name,
                "Kind": kind,
                "Digest": descriptor.digest,
                "MediaType": descriptor.media_type,
                "Size": descriptor.size,
                "HumanSize": units::size(descriptor.size, 3),
                "State": state,
            })
        };
        rows.extend(image.blobs.iter().map(|blob| row("blob", &blob.descriptor, state(blob.presence))));
        let state = if image.is_current { "present" } else { "put" };
        rows.extend(image.manifests.iter().map(|manifest| row("manifest", &manifest.descriptor(), state)));
    }
    rows
}

fn state(presence: Presence) -> &'static str {
    match presence {
        Presence::Present => "present",
        Presence::Mountable => "mount",
        Presence::Missing => "move",
        Presence::Recompressed => "recompress",
        Presence::Unknown => "unknown",
    }
}
