//! `cargo xtask gen`: `man/` and `completions/` are checked in, and equal what imgctl says of itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{Profile, build, clear, empty_directory, output, root};

const DIRECTORIES: [&str; 2] = ["man", "completions"];

/// Arguments of `gen`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only say whether the files are current.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let imgctl = build(Profile::Debug)?;
    if args.check {
        return check(&imgctl);
    }
    for name in DIRECTORIES {
        let directory = root().join(name);
        clear(&directory)?;
        generate(&imgctl, name, &directory)?;
    }
    Ok(())
}

/// Errs where a file is missing, left over or not current.
pub(crate) fn check(imgctl: &Path) -> Result<()> {
    let mut stale = Vec::new();
    for name in DIRECTORIES {
        let wanted = empty_directory(&format!("generated/{name}"))?;
        generate(imgctl, name, &wanted)?;
        let (wanted, found) = (files(&wanted)?, files(&root().join(name))?);
        let names = wanted.keys().chain(found.keys().filter(|file| !wanted.contains_key(*file)));
        stale.extend(names.filter(|file| wanted.get(*file) != found.get(*file)).map(|file| format!("{name}/{file}")));
    }
    if !stale.is_empty() {
        bail!("not current, run `cargo xtask gen`: {}", stale.join(", "));
    }
    Ok(())
}

fn generate(imgctl: &Path, what: &str, directory: &Path) -> Result<()> {
    output(Command::new(imgctl).args(["generate", what]).arg(directory)).map(drop)
}

/// Name and content of each file; none where there is no directory.
fn files(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    if !directory.exists() {
        return Ok(BTreeMap::new());
    }
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), std::fs::read(entry.path())?);
    }
    Ok(files)
}
