//! `cargo xtask release`: one tar.gz with the program, its man pages, completions and licences, and its sha256.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::generate;
use crate::image::digest_of;
use crate::shell::{Profile, build, output, root, target};

pub(crate) fn run() -> Result<()> {
    let imgctl = build(Profile::Release)?;
    generate::check(&imgctl)?;
    let name = format!("imgctl-{}-{}", version(&imgctl)?, host()?);
    let directory = target()?.join("dist");
    std::fs::create_dir_all(&directory)?;
    let archive = directory.join(format!("{name}.tar.gz"));
    pack(&name, &imgctl, &archive)?;
    let digest = digest_of(&mut File::open(&archive)?)?;
    let line = format!("{}  {name}.tar.gz\n", digest.trim_start_matches("sha256:"));
    std::fs::write(directory.join(format!("{name}.tar.gz.sha256")), &line)?;
    println!("{}\n{line}", archive.display());
    Ok(())
}

/// Same files, same archive: entries are sorted, and carry neither times nor owners.
fn pack(name: &str, imgctl: &Path, archive: &Path) -> Result<()> {
    let file = File::create(archive).with_context(|| format!("cannot create {}", archive.display()))?;
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::best()));
    tar.mode(tar::HeaderMode::Deterministic);
    tar.append_path_with_name(imgctl, format!("{name}/imgctl"))?;
    for file in ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"].map(PathBuf::from) {
        tar.append_path_with_name(root().join(&file), Path::new(name).join(&file))?;
    }
    for folder in ["completions", "man"] {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(root().join(folder))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.sort();
        for file in files {
            let inside = Path::new(name).join(file.strip_prefix(root())?);
            tar.append_path_with_name(&file, inside)?;
        }
    }
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// What `imgctl version` says first after the program's name.
fn version(imgctl: &Path) -> Result<String> {
    let text = output(Command::new(imgctl).arg("--version"))?;
    text.split_whitespace().nth(1).map(str::to_owned).context("imgctl --version says no version")
}

fn host() -> Result<String> {
    let text = output(Command::new("rustc").arg("-vV"))?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc names no host")
}
