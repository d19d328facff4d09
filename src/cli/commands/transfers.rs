//! `imgctl transfers`: what downloads and uploads that broke off have left to go on from.

use std::time::SystemTime;

use clap::Subcommand;
use imgctl::store::{Journal, Unfinished};
use imgctl::{Error, Result};
use serde_json::{Value, json};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::listing::Listing;
use crate::cli::units;

/// List and remove unfinished transfers
///
/// What a command that was interrupted had fetched for the local store or uploaded to a registry is kept, and the next
/// command that needs it goes on from there. What nobody goes on with for a week goes when the next large blob is fetched
/// for the local store, and with rmi. What was fetched for another place is kept beside that.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true, subcommand_required = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List unfinished transfers
    #[command(visible_alias = "list")]
    Ls(List),
    /// Remove unfinished transfers
    ///
    /// Those that a command is at are refused.
    Rm(Remove),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Show whole digests
    #[arg(long)]
    no_trunc: bool,
    /// Print json, table, or a Go template such as '{{.Digest}} {{.Done}}'
    #[arg(long, value_name = "FORMAT", env = "IMGCTL_FORMAT", hide_env = true)]
    format: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Remove {
    /// Digests, or how they start
    #[arg(value_name = "DIGEST", required_unless_present = "all", conflicts_with = "all")]
    digests: Vec<String>,
    /// Remove all that no command is at
    #[arg(long)]
    all: bool,
}

pub(crate) const EXAMPLES: Examples = &[
    ("List what was kept", "imgctl transfers ls"),
    ("Start afresh with one blob", "imgctl transfers rm 3f1d6c17773a"),
    ("Free the space of all", "imgctl transfers rm --all"),
];

const HEADERS: &[(&str, &str)] = &[
    ("Kind", "KIND"),
    ("Digest", "DIGEST"),
    ("Where", "WHERE"),
    ("Done", "DONE"),
    ("Size", "SIZE"),
    ("Age", "AGE"),
    ("InUse", "IN USE"),
];
const TABLE: &str = "table {{.Kind}}\t{{.Digest}}\t{{.Where}}\t{{.Done}}\t{{.Size}}\t{{.Age}}";

#[expect(clippy::unused_async, reason = "every command is called alike")]
pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let journal = Journal::new(&context.store());
    match args.action {
        Action::Ls(args) => list(&args, &journal, context),
        Action::Rm(args) => remove(&args, &journal, context),
    }
}

fn list(args: &List, journal: &Journal, context: &Context) -> Result<()> {
    let rows: Vec<Value> = journal.list()?.iter().map(|transfer| row(transfer, args.no_trunc)).collect();
    let is_table = args.format.as_deref().is_none_or(|format| format == "table");
    let format = if is_table && context.ui.is_quiet() { Some("{{.Digest}}") } else { args.format.as_deref() };
    Listing { format: TABLE, headers: HEADERS }.print(&context.ui, format, &rows)
}

fn row(transfer: &Unfinished, no_trunc: bool) -> Value {
    let digest = transfer.digest;
    let age = SystemTime::now().duration_since(transfer.changed).unwrap_or_default();
    json!({
        "Age": units::duration(age),
        "Digest": if no_trunc { digest.to_string() } else { digest.short() },
        "Done": units::size(transfer.done, 4),
        "InUse": transfer.is_in_use,
        "Kind": kind(transfer),
        "Size": transfer.size.map_or_else(|| "N/A".to_owned(), |size| units::size(size, 4)),
        "Where": transfer.repository.as_deref().unwrap_or("local store"),
    })
}

fn kind(transfer: &Unfinished) -> &'static str {
    if transfer.repository.is_some() { "upload" } else { "download" }
}

fn remove(args: &Remove, journal: &Journal, context: &Context) -> Result<()> {
    let all = journal.list()?;
    let chosen = if args.all { all.iter().collect() } else { chosen(&args.digests, &all)? };
    let mut in_use = Vec::new();
    for transfer in chosen {
        if journal.remove(transfer)? {
            context.ui.line(&format!("Removed: {} of {}", kind(transfer), transfer.digest))?;
        } else {
            in_use.push(transfer.digest.short());
        }
    }
    match in_use.as_slice() {
        [] => Ok(()),
        _ if args.all => {
            context.ui.warn(&format!("another command is at {}: not removed", in_use.join(", ")));
            Ok(())
        }
        _ => Err(Error::usage(format!("another command is at {}: not removed", in_use.join(", ")))
            .with_hint("stop it first, or wait for its end")),
    }
}

/// The transfers that are meant: a digest or its start may stand for a download and uploads of the same blob.
fn chosen<'a>(texts: &[String], all: &'a [Unfinished]) -> Result<Vec<&'a Unfinished>> {
    let mut chosen: Vec<&Unfinished> = Vec::new();
    for text in texts {
        let is_meant = |it: &&Unfinished| it.digest.to_string().starts_with(text) || it.digest.hex().starts_with(text);
        let meant: Vec<&Unfinished> = all.iter().filter(is_meant).collect();
        match meant.first() {
            None => return Err(Error::not_found(format!("there is no unfinished transfer of {text}"))),
            Some(first) if meant.iter().any(|other| other.digest != first.digest) => {
                return Err(Error::usage(format!("several unfinished transfers start with {text}")));
            }
            Some(_) => chosen.extend(meant),
        }
    }
    Ok(chosen)
}
