//! `imgctl completion`.

use clap_complete::Shell;
use imgctl::Result;

use super::Examples;
use crate::cli::generate;
use crate::cli::ui::Ui;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// For which shell
    shell: Shell,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Complete in this bash", "imgctl completion bash > ~/.local/share/bash-completion/completions/imgctl"),
    ("Complete in fish", "imgctl completion fish > ~/.config/fish/completions/imgctl.fish"),
];

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<()> {
    ui.exact(&generate::completion(args.shell))
}
