//! `cargo xtask test`: everything that must hold before a change is good.

use anyhow::Result;

use crate::generate;
use crate::packages;
use crate::shell::{become_command, cargo, run, succeeds, target, which};

pub(crate) fn run_tests() -> Result<()> {
    packages::ensure(packages::FOR_TESTS)?;
    ensure_components()?;
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // With all targets at once, dependencies are built once: tests ask for more of their features than the binary does.
    run(&mut cargo(["build", "--workspace", "--all-targets"]))?;
    generate::check(&target()?.join("debug/imgctl"))?;
    // The last thing printed is the summary of the tests.
    become_command(cargo(["nextest", "run", "--workspace"]))
}

fn ensure_components() -> Result<()> {
    if !succeeds(&mut cargo(["fmt", "--version"])) || !succeeds(&mut cargo(["clippy", "--version"])) {
        run(std::process::Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    }
    if which("cargo-nextest").is_none() && !succeeds(&mut cargo(["nextest", "--version"])) {
        run(&mut cargo(["install", "cargo-nextest", "--locked"]))?;
    }
    Ok(())
}
