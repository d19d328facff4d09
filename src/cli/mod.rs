//! The command line: what people type becomes calls of the library, and what the library says becomes words.
//!
//! Read on in this order: [`commands`] (what there is), [`flags`], [`context`] (what every command is given), [`ui`],
//! [`progress`], [`failure`].

mod certificates;
mod commands;
mod config_file;
mod context;
mod credentials;
mod escape;
mod failure;
mod flags;
mod generate;
mod glob;
mod image;
mod listing;
mod log;
mod moving;
mod place;
mod progress;
mod prompt;
mod registries;
mod serving;
mod signal;
mod summary;
mod table;
mod template;
mod ui;
mod units;

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};
use imgctl::Error;
use imgctl::error::Kind;
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver, Sender};

use commands::Command;
use config_file::{ConfigFile, first_line};
use context::{Context, Environment, Terminal};
use flags::{OutputFlags, RegistryFlags, TransferFlags};
use registries::{Flags, Registries};
use signal::Signal;
use ui::Ui;

/// What a command ends with.
type Done = imgctl::Result<()>;

/// As much as the main thread has.
const STACK: usize = 8 * 1024 * 1024;
/// How long a command that was interrupted may take to leave nothing half done.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What somebody should know whose command was stopped.
const AGAIN: &str = "nothing partial was left under a final name; the same command run again goes on";

/// Moves container images between registries, archives, layouts and a local store. No daemon, no root.
#[derive(Debug, Parser)]
#[command(name = "imgctl", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_long_help = generate::after_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    transfer: TransferFlags,
    #[command(flatten)]
    registry: RegistryFlags,
    #[command(subcommand)]
    command: Command,
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    stand_still_for_a_test();
    // Help is arranged for people only when it is shown.
    let cli = match parse_with(Cli::command()).or_else(|_| parse_with(for_people())) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let environment = Environment::read().map(Arc::new);
    let configured = match &environment {
        Ok(environment) => configure(&cli, environment),
        Err(_) => Ok(None),
    };
    let (cli, config) = match configured {
        Ok(Some((cli, config))) => (cli, config),
        Ok(None) => (cli, ConfigFile::default()),
        Err(error) => return failure::report(&Ui::new(&cli.output, &Terminal::read()), &error),
    };
    let ui = Ui::new(&cli.output, &Terminal::read());
    log::start(&cli.output, ui.clone());
    config.warnings.iter().for_each(|warning| ui.warn(warning));
    let Cli { command, transfer, registry, .. } = cli;
    let done = command.run_at_once(&ui).unwrap_or_else(|| {
        let registries = |environment| Registries::new(Flags { registry, transfer }, config, environment);
        run(command, registries(environment?), &ui)
    });
    match done {
        Err(error) if ui.is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => failure::report(&ui, &error),
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// Tests kill a process where it stands still.
#[expect(clippy::disallowed_methods, reason = "no part of the interface: release builds do not look")]
fn stand_still_for_a_test() {
    #[cfg(debug_assertions)]
    if let Ok(place) = std::env::var("IMGCTL_TEST_CHECKPOINT") {
        imgctl::content::stand_still_at(&place);
    }
}

fn parse_with(command: clap::Command) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command.try_get_matches()?)
}

/// The command line again with what the configuration file says, where there is one.
fn configure(cli: &Cli, environment: &Environment) -> imgctl::Result<Option<(Cli, ConfigFile)>> {
    let file = match &cli.transfer.config_file {
        Some(given) => Some(PathBuf::from(given)).filter(|given| !given.as_os_str().is_empty()),
        None => Some(environment.config.join("imgctl/config.toml")).filter(|file| file.exists()),
    };
    let Some(file) = file else { return Ok(None) };
    let config = ConfigFile::read(&file, &environment.home)?;
    let cli = parse_with(config.apply(Cli::command(), None)).map_err(|error| Error::usage(first_line(&error)))?;
    Ok(Some((cli, config)))
}

/// The end of the help says how variables are named; each alone would make it twice as long.
fn for_people() -> clap::Command {
    let command = Cli::command().mut_args(|argument| argument.hide_env(true));
    command.mut_subcommands(|command| command.mut_args(|argument| argument.hide_env(true)))
}

/// Prints help that was asked for, or what is wrong with the command line.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A closed stdout is no error.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let matches = Cli::command().ignore_errors(true).try_get_matches();
    let is_json = matches.is_ok_and(|matches| flags::is_progress_json(&matches));
    let text = error.to_string();
    let harmless = escape::without_passwords(&text);
    if is_json {
        let line = harmless.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return failure::report(&Ui::json_only(), &Error::usage(line));
    }
    // A closed stderr is no error.
    let _ = match harmless {
        Cow::Borrowed(_) => error.print(),
        Cow::Owned(text) => io::stderr().write_all(text.as_bytes()),
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(failure::USAGE))
}

fn run(command: Command, registries: Registries, ui: &Ui) -> imgctl::Result<()> {
    let signals = signal::listen();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::local("start the worker threads", error))?;
    let timeout = registries.flags.transfer.timeout;
    let context = Arc::new(Context::new(ui.clone(), registries));
    let (stop, mut done) = start(command, &context, runtime.handle())?;
    let result = runtime.block_on(async {
        let ended =
            |result: Result<Done, _>| result.unwrap_or_else(|_| Err(Error::new(Kind::Failed, "the command broke off")));
        tokio::select! {
            result = &mut done => ended(result),
            signal = signal::first(signals) => {
                if context.signal.tell(signal) {
                    return ended(done.await);
                }
                end(stop, done).await;
                Err(interrupted(signal))
            }
            time = passed(timeout) => {
                end(stop, done).await;
                Err(timed_out(time))
            }
        }
    });
    ui.clear();
    context.warnings().iter().for_each(|warning| ui.warn(warning));
    if result.is_ok() {
        context.tell_totals();
    }
    // A prompt, a pipe or a disk that hangs must not hold us.
    runtime.shutdown_timeout(LAST_WORDS);
    result
}

/// Runs the command until its end, or until the first of what is returned is dropped; then the second says so. It has a
/// thread of its own, so that a signal is heard while it waits for a lock.
fn start(command: Command, context: &Arc<Context>, runtime: &Handle) -> imgctl::Result<(Sender<()>, Receiver<Done>)> {
    let (stop, stopped) = oneshot::channel();
    let (tell, done) = oneshot::channel();
    let (context, runtime) = (Arc::clone(context), runtime.clone());
    let work = move || {
        let result = runtime.block_on(async {
            tokio::select! {
                result = command.run(&context) => result,
                _ = stopped => Err(Error::new(Kind::Interrupted, "stopped")),
            }
        });
        // Nobody may be waiting any more.
        let _ = tell.send(result);
    };
    let thread = std::thread::Builder::new().name("command".to_owned()).stack_size(STACK);
    thread.spawn(work).map_err(|error| Error::local("start a thread", error))?;
    Ok((stop, done))
}

/// Drops the command. What is dropped cleans up behind itself.
async fn end(stop: Sender<()>, done: Receiver<Done>) {
    drop(stop);
    let _ = tokio::time::timeout(LAST_WORDS, done).await;
}

/// Waits until the time of `--timeout` has passed; for ever without one.
async fn passed(timeout: Option<Duration>) -> Duration {
    match timeout {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
    timeout.unwrap_or_default()
}

fn timed_out(time: Duration) -> Error {
    let message = format!("not done within the {} s of --timeout", time.as_secs_f64());
    Error::new(Kind::Network, message).with_hint(AGAIN)
}

fn interrupted(signal: Signal) -> Error {
    Error::new(Kind::Interrupted, format!("stopped by {signal}")).with_source(signal).with_hint(AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    /// The words after `imgctl` of a shell line, up to a pipe or redirection.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for c in line.chars() {
            match c {
                '\'' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        let ours = words.into_iter().skip_while(|word| word != "imgctl");
        ours.take_while(|word| !matches!(word.as_str(), "|" | ">" | "<")).collect()
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        for (name, examples) in commands::EXAMPLES {
            assert!(!examples.is_empty(), "{name} has no examples");
            for (_, line) in *examples {
                let words = words(line);
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("{line}: {error}");
                }
                assert_eq!(&words[1], name, "{line}");
            }
        }
    }

    #[test]
    fn every_flag_can_be_set_by_the_environment_under_its_own_name() {
        for argument in Cli::command().get_arguments().filter(|argument| !argument.is_hide_set()) {
            let Some(long) = argument.get_long().filter(|long| !matches!(*long, "help" | "version")) else { continue };
            let expected = format!("IMGCTL_{}", long.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(expected.as_str()), "--{long}");
        }
    }
}
