//! Commands and paths: what a shell script would do.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The directory of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a directory of the workspace")
}

/// The target directory: this program was built into it.
pub(crate) fn target() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    program.ancestors().nth(2).map(Path::to_path_buf).context("not built by cargo")
}

/// An empty directory below the target directory.
pub(crate) fn empty_directory(name: &str) -> Result<PathBuf> {
    let directory = target()?.join(name);
    clear(&directory)?;
    Ok(directory)
}

/// Makes `directory` exist and be empty.
pub(crate) fn clear(directory: &Path) -> Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot empty {}", directory.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(directory).with_context(|| format!("cannot create {}", directory.display()))
}

/// `cargo` in the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    command
}

/// Builds imgctl and says where it is.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    // The whole workspace, so that one set of features serves every task.
    let mut command = cargo(["build", "--workspace"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    run(&mut command)?;
    Ok(target()?.join(if profile == Profile::Release { "release" } else { "debug" }).join("imgctl"))
}

/// How imgctl is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Prints the command, runs it, and errs where it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().display());
    Ok(())
}

/// Prints the command and goes on as it.
pub(crate) fn become_command(mut command: Command) -> Result<()> {
    announce(&command);
    Err(command.exec()).context("cannot run the last command")
}

/// Runs the command and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name} failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether the command succeeds; what it prints does not matter.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Prints the command as one would type it.
pub(crate) fn announce(command: &Command) {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<String> = std::iter::once(program).chain(command.get_args()).map(quoted).collect();
    println!("$ {}", words.join(" "));
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into_owned() } else { format!("'{word}'") }
}

/// Where a program is; the directories of system programs count even where a user's `PATH` lacks them.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.extend(["/usr/sbin".into(), "/sbin".into()]);
    directories.into_iter().map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// Errs unless `condition`, with a message for the person at the terminal.
pub(crate) fn check(condition: bool, message: impl Into<String>) -> Result<()> {
    if !condition {
        bail!(message.into());
    }
    Ok(())
}
