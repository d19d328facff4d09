//! What is generated from the definitions of the command line: manual pages, completions, the ends of help texts.

use clap::builder::Resettable;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use imgctl::transport::TRANSPORTS;
use imgctl::{Error, Result};

use super::Cli;
use super::commands::{self, Examples};
use super::config_file::{self, PER_REGISTRY};
use super::failure::EXIT_CODES;

/// A file's name and content.
type File = (String, Vec<u8>);

/// The shells we write completions for, and what their files are called.
const SHELLS: [(Shell, &str); 4] = [
    (Shell::Bash, "imgctl.bash"),
    (Shell::Zsh, "_imgctl"),
    (Shell::Fish, "imgctl.fish"),
    (Shell::PowerShell, "imgctl.ps1"),
];

/// The events of `--progress json`; `docs/PROGRESS.md` says more.
pub(crate) const PROGRESS_EVENTS: &[(&str, &str)] = &[
    ("planned", "images, manifests, blobs, bytes: what the copy consists of"),
    (
        "blob",
        "digest, size, state: started, waiting, resumed (bytes), moving (bytes so far), done, present, mounted (from), recompressing (bytes so far), recompressed (as, as_size), retrying (attempt, wait_seconds, error), failed (error)",
    ),
    ("manifest", "digest, size, name: a manifest was put"),
    ("message, warning", "message: something to tell"),
    ("log", "level, target, message: what the log says, where it is asked for"),
    (
        "done",
        "the last line of a command that moved images: bytes_ and blobs_ transferred, mounted, present, shared; bytes_resumed, requests, seconds",
    ),
    (
        "error",
        "the last line of a command that failed: class, exit_code, message, causes, side, step, host, digest, attempts, retry_at, hint; what is not known is null",
    ),
];

/// A configuration file, as an example.
const CONFIGURATION: &str = r#"limit-rate = "20M"
jobs = 8

[registry."registry.example:5000"]
ca-file = "certificates/registry.pem"
per-host = 4
"#;

/// What ends the help of `imgctl`.
pub(crate) fn after_help() -> String {
    let mut text = "Locations:\n".to_owned();
    for transport in TRANSPORTS {
        text.push_str(&format!("  {}\n          {}\n", transport.syntax, transport.description));
    }
    text.push_str("\nExit status:\n");
    for (code, meaning) in EXIT_CODES {
        text.push_str(&format!("  {code:15} {meaning}\n"));
    }
    text.push_str(
        "\nEnvironment:\n  Options can be set by variables: --idle-timeout by IMGCTL_IDLE_TIMEOUT, and so on.\n\
         \nConfiguration file:\n  The options of all commands can be set in imgctl/config.toml in the user's configuration\n  \
         directory, once more for single registries: `man imgctl` says how.\n",
    );
    text
}

/// What ends the help of a command.
pub(crate) fn examples(examples: Examples) -> String {
    let mut text = "Examples:\n".to_owned();
    for (what, line) in examples {
        text.push_str(&format!("  {what}\n    $ {line}\n"));
    }
    text
}

/// The completions of `shell`.
pub(crate) fn completion(shell: Shell) -> Vec<u8> {
    let mut file = Vec::new();
    clap_complete::generate(shell, &mut visible(), "imgctl", &mut file);
    file
}

/// The command line without what is hidden.
fn visible() -> Command {
    let whole = Cli::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let visible = Command::new("imgctl").version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    visible.args(whole.get_arguments().cloned()).subcommands(commands.collect::<Vec<_>>())
}

/// The completions of all shells.
pub(crate) fn completions() -> Vec<File> {
    SHELLS.map(|(shell, name)| (name.to_owned(), completion(shell))).into()
}

/// The manual pages.
pub(crate) fn pages() -> Result<Vec<File>> {
    // The pages of commands leave the options that all commands share to the main page, so nothing is built here.
    let root = Cli::command();
    let mut pages = vec![root_page(root.clone())?];
    for command in root.get_subcommands().filter(|command| !command.is_hide_set()) {
        let examples = commands::EXAMPLES.iter().find(|(name, _)| *name == command.get_name());
        let examples = examples.map_or(&[][..], |(_, examples)| examples);
        pages.push(command_page(command.clone(), examples)?);
        for part in command.get_subcommands() {
            let name = format!("{} {}", command.get_name(), part.get_name());
            let line = format!("imgctl {name}");
            let own: Vec<_> = examples.iter().filter(|(_, example)| example.starts_with(&line)).copied().collect();
            pages.push(command_page(part.clone().name(name), &own)?);
        }
    }
    Ok(pages)
}

fn root_page(root: Command) -> Result<File> {
    let places: Vec<_> = TRANSPORTS.iter().map(|transport| (transport.syntax, transport.description)).collect();
    let mut roff = Roff::default();
    section(&mut roff, "TRANSPORTS", &places);
    configuration(&mut roff);
    section(&mut roff, "PROGRESS EVENTS", PROGRESS_EVENTS);
    section(&mut roff, "EXIT STATUS", EXIT_CODES);
    page(root.disable_help_subcommand(true), &roff)
}

/// How the configuration file is written.
fn configuration(roff: &mut Roff) {
    roff.control("SH", ["CONFIGURATION FILE"]);
    let text = "A file in TOML, named by --config or IMGCTL_CONFIG, else imgctl/config.toml in the user's configuration directory. \
                What it says counts where neither an option nor its variable does. Options that may be repeated take a list, \
                those without a value true or false; paths are relative to the file, or begin with ~/. Credentials have no \
                key: imgctl login keeps them.";
    roff.text([roman(text)]);
    let everywhere = config_file::keys().join(", ");
    for (term, keys) in [("At the top:", &*everywhere), ("In [registry.\"HOST:PORT\"]:", &PER_REGISTRY.join(", "))] {
        roff.control("TP", []).text([bold(term)]).text([roman(keys)]);
    }
    roff.control("PP", []).text([roman("For example:")]).control("nf", []);
    for line in CONFIGURATION.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn command_page(command: Command, examples: &[(&str, &str)]) -> Result<File> {
    let name = format!("imgctl-{}", command.get_name().replace(' ', "-"));
    let usage = format!("imgctl {}", command.get_name());
    let mut roff = Roff::default();
    section(&mut roff, "EXAMPLES", examples);
    section(&mut roff, "EXIT STATUS", EXIT_CODES);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("imgctl"), roman("(1): the options that every command takes, and how locations are written")]);
    page(command.name(name).bin_name(usage).version(env!("CARGO_PKG_VERSION")).disable_version_flag(true), &roff)
}

/// A page that ends in `sections`; they stand there instead of the end of the help.
fn page(command: Command, sections: &Roff) -> Result<File> {
    let name = command.get_name().to_owned();
    // What a short help leaves out stands in a page without a word otherwise.
    let command = command.mut_args(|argument| argument.hide_short_help(false)).after_long_help(Resettable::Reset);
    let man = Man::new(command).manual("imgctl manual");
    let mut file = Vec::new();
    man.render(&mut file)
        .and_then(|()| sections.to_writer(&mut file))
        .map_err(|error| Error::local("write a page", error))?;
    Ok((format!("{name}.1"), file))
}

fn section(roff: &mut Roff, title: &str, items: &[(&str, &str)]) {
    if items.is_empty() {
        return;
    }
    roff.control("SH", [title]);
    for (term, text) in items {
        roff.control("TP", []).text([bold(*term)]).text([roman(*text)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_page_explains_every_option() {
        let page = pages().unwrap().remove(0).1;
        let page = String::from_utf8(page).unwrap();
        for argument in Cli::command().get_arguments().filter(|argument| !argument.is_hide_set()) {
            let help = argument.get_help().unwrap_or_else(|| panic!("{argument}")).to_string();
            let start = help.split(|c: char| !c.is_alphanumeric() && c != ' ').next().unwrap();
            assert!(page.contains(&format!("\n{start}")), "{argument}: {help}");
        }
    }
}
