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

/// What a command does, and a command line that does it.
pub(crate) type Examples = &'static [(&'static str, &'static str)];

/// Makes the enum of subcommands and calls the right one. Each is named as its module.
macro_rules! commands {
    ($($command:ident),+ $(,)?) => {
        /// A command and its arguments.
        #[derive(Debug, Subcommand)]
        #[expect(non_camel_case_types, reason = "named as the modules")]
        pub(crate) enum Command {
            $(#[command(after_long_help = examples($command::EXAMPLES))] $command($command::Args),)+
        }

        impl Command {
            /// Does it.
            pub(crate) async fn run(self, context: &Context) -> imgctl::Result<()> {
                match self {
                    $(Self::$command(args) => Box::pin($command::run(args, context)).await,)+
                }
            }
        }

        /// The examples of every command.
        pub(crate) const EXAMPLES: &[(&str, Examples)] = &[$((stringify!($command), $command::EXAMPLES),)+];
    };
}

commands! {
    copy, pull, push, save, load,
    tags, catalog, inspect, manifest, config, digest,
    images, tag, rmi, transfers,
    serve,
    login, logout,
    completion, man, version, generate,
}
