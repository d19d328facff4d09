//! `imgctl version`.

use imgctl::Result;
use serde_json::json;

use super::Examples;
use crate::cli::flags::FormatFlag;
use crate::cli::listing::Listing;
use crate::cli::ui::Ui;

/// Print which version this is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: FormatFlag,
}

pub(crate) const EXAMPLES: Examples =
    &[("Print the version", "imgctl version"), ("Print it for a script", "imgctl version --format '{{.Version}}'")];

const LISTING: Listing = Listing { format: "imgctl {{.Version}}", headers: &[("Version", "VERSION")] };

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<()> {
    let version = json!({
        "Version": env!("CARGO_PKG_VERSION"),
        "Os": std::env::consts::OS,
        "Arch": std::env::consts::ARCH,
    });
    LISTING.print(ui, args.format.format.as_deref(), &[version])
}
