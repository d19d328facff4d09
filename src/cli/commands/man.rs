//! `imgctl man`.

use imgctl::{Error, Result};

use super::Examples;
use crate::cli::generate;
use crate::cli::ui::Ui;

/// Print the manual page of imgctl or of one command
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which command
    command: Option<String>,
}

pub(crate) const EXAMPLES: Examples =
    &[("Read the manual page of copy", "imgctl man copy | man -l -"), ("Print the main page", "imgctl man")];

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<()> {
    let name = args.command.as_ref().map_or_else(|| "imgctl".to_owned(), |command| format!("imgctl-{command}"));
    let page = generate::pages()?.into_iter().find(|(file, _)| *file == format!("{name}.1"));
    let (_, page) = page.ok_or_else(|| Error::not_found(format!("there is no manual page {name}")))?;
    ui.exact(&page)
}
