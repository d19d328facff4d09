//! Development tasks: `cargo xtask TASK`. Nothing of the product is decided here.

// A development tool talks, and writes files of its own.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod bench;
mod certificates;
mod corpus;
mod demo;
mod floor;
mod generate;
mod http;
mod image;
mod packages;
mod process;
mod proxy;
mod registry;
mod release;
mod shell;
mod test;

use std::process::ExitCode;

use clap::Parser;

/// Development tasks of imgctl.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Install what the tests need, check format, lints and generated files, run every test.
    Test,
    /// Copy a real image between two registries, through an archive and back, and verify every byte.
    Demo,
    /// Write man pages and completions from the command line's own definitions.
    Gen(generate::Args),
    /// Measure imgctl beside skopeo, crane and regctl, and its server beside docker-registry.
    Bench(bench::Args),
    /// A long or narrow line to a server.
    #[command(hide = true)]
    Proxy(proxy::Args),
    /// The least that a client must do.
    #[command(hide = true)]
    Floor(floor::Args),
    /// Build the archive that users download.
    Release,
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Test => test::run_tests(),
        Task::Demo => demo::run_demo(),
        Task::Gen(args) => generate::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Proxy(args) => proxy::run(args),
        Task::Floor(args) => floor::run(&args),
        Task::Release => release::run(),
    }
}
