//! `imgctl completion`.

use clap_complete::Shell;
use imgctl::Result;

use super::Examples;
use crate::cli::context::Context;
use crate::cli::generate;

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

#[expect(clippy::unused_async, reason = "every command is called alike")]
pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    context.ui.exact(&generate::completion(args.shell))
}
