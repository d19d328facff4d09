//! `imgctl inspect`.

use std::ffi::OsString;

use imgctl::Result;
use imgctl::transport::{Location, Name};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{FormatFlag, PlatformFlags};
use crate::cli::image::Opened;
use crate::cli::summary::Summary;
use crate::cli::template::Format;

/// Show what an image is: digest, platforms, layers, labels, environment
///
/// Without --format for people; json has the keys of skopeo inspect, and templates know the same ones.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which images
    #[arg(required = true, value_name = "LOCATION")]
    locations: Vec<Location>,
    #[command(flatten)]
    platform: PlatformFlags,
    #[command(flatten)]
    format: FormatFlag,
    /// Do not list the repository's tags for RepoTags
    #[arg(short = 'n', long)]
    no_tags: bool,
    // skopeo's spellings of `manifest` and `config`.
    #[arg(long, hide = true)]
    raw: bool,
    #[arg(long, hide = true)]
    config: bool,
    // So the flag that all other commands call --config has another name here.
    #[arg(long, hide = true)]
    config_file: Option<OsString>,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Show an image in a registry", "imgctl inspect busybox"),
    ("Print its labels", "imgctl inspect --format '{{json .Labels}}' quay.io/ns/app:1.2"),
    ("Show what a tar file holds", "imgctl inspect docker-archive:busybox.tar"),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let format = args.format.format.as_deref().map(Format::parse).transpose()?;
    for (number, location) in args.locations.iter().enumerate() {
        let opened = Opened::new(context, location).await?;
        if args.raw || args.config {
            print_exact(&args, context, &opened).await?;
            continue;
        }
        let platform = args.platform.platform();
        let mut summary = Summary::read(location, &opened, platform.as_ref()).await?;
        if args.wants_tags() {
            summary.tags = opened.source.names().await?.iter().map(Name::to_string).collect();
        }
        match &format {
            None => {
                let gap = if number > 0 { "\n" } else { "" };
                context.ui.text(&format!("{gap}{}", summary.text()))?;
            }
            Some(Format::Json) => context.ui.json(&summary.json(), true)?,
            Some(Format::JsonLines) => context.ui.json(&summary.json(), false)?,
            Some(Format::Template(template) | Format::Table(template)) => {
                context.ui.text(&format!("{}\n", template.render(&summary.json())?))?;
            }
        }
    }
    Ok(())
}

impl Args {
    fn wants_tags(&self) -> bool {
        let format = self.format.format.as_deref();
        !self.no_tags && format.is_some_and(|format| matches!(format, "json" | "jsonl") || format.contains("RepoTags"))
    }
}

async fn print_exact(args: &Args, context: &Context, opened: &Opened) -> Result<()> {
    let platform = args.platform.platform();
    if !args.config {
        return context.ui.exact(opened.for_platform(platform.as_ref()).await?.bytes());
    }
    let manifest = opened.one(platform.as_ref()).await?;
    context.ui.exact(&opened.config(&manifest).await?)
}
