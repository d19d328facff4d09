//! The commands. A new one is a file here with `Args`, `EXAMPLES` and `run`, a `mod` line, and a word in the list.

mod catalog;
mod completion;
mod config;
mod copy;
mod digest;
mod generate;
mod images;
mod inspect;
mod load;
mod login;
mod logout;
mod man;
mod manifest;
mod pull;
mod push;
mod rmi;
mod save;
mod serve;
mod tag;
mod tags;
mod transfers;
mod version;

use clap::Subcommand;

use super::context::Context;
use super::generate::examples;
use super::ui::Ui;

/// What a command does, and a command line that does it.
pub(crate) type Examples = &'static [(&'static str, &'static str)];

/// Makes the enum of subcommands and calls the right one. Each is named as its module. Those at once only print what the
/// program knows: for them nothing is started.
macro_rules! commands {
    ($($command:ident),+; at once: $($at_once:ident),+) => {
        /// A command and its arguments.
        #[derive(Debug, Subcommand)]
        #[expect(non_camel_case_types, reason = "named as the modules")]
        pub(crate) enum Command {
            $(#[command(after_long_help = examples($command::EXAMPLES))] $command($command::Args),)+
            $(#[command(after_long_help = examples($at_once::EXAMPLES))] $at_once($at_once::Args),)+
        }

        impl Command {
            /// Does it where it only prints.
            pub(crate) fn run_at_once(&self, ui: &Ui) -> Option<imgctl::Result<()>> {
                match self {
                    $(Self::$at_once(args) => Some($at_once::run(args, ui)),)+
                    _ => None,
                }
            }

            /// Does it.
            pub(crate) async fn run(self, context: &Context) -> imgctl::Result<()> {
                match self {
                    $(Self::$command(args) => Box::pin($command::run(args, context)).await,)+
                    $(Self::$at_once(args) => $at_once::run(&args, &context.ui),)+
                }
            }
        }

        /// The examples of every command.
        pub(crate) const EXAMPLES: &[(&str, Examples)] = &[
            $((stringify!($command), $command::EXAMPLES),)+
            $((stringify!($at_once), $at_once::EXAMPLES),)+
        ];
    };
}

commands! {
    copy, pull, push, save, load,
    tags, catalog, inspect, manifest, config, digest,
    images, tag, rmi, transfers,
    serve,
    login, logout;
    at once: completion, man, version, generate
}
