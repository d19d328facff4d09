//! `imgctl generate`: writes the files of `man/` and `completions/`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::generate;
use crate::cli::ui::Ui;

/// Write the manual pages or the completions of all shells into a directory
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    what: What,
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Man,
    Completions,
}

pub(crate) const EXAMPLES: Examples = &[("Write the manual pages", "imgctl generate man man")];

pub(crate) fn run(args: &Args, _: &Ui) -> Result<()> {
    let files = match args.what {
        What::Man => generate::pages()?,
        What::Completions => generate::completions(),
    };
    let fail = |path: &Path| {
        let what = format!("write {}", path.display());
        move |error| Error::local(what, error)
    };
    std::fs::create_dir_all(&args.directory).map_err(fail(&args.directory))?;
    for (name, content) in files {
        let path = args.directory.join(name);
        #[expect(clippy::disallowed_methods, reason = "files of the source tree, checked in")]
        std::fs::write(&path, content).map_err(fail(&path))?;
    }
    Ok(())
}
