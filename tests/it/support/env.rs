//! Env: a home of its own for each test, so that nothing of this machine's user is read or changed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::outcome::Outcome;
use super::run::Run;

/// Variables that point into the home, and where.
const HOMES: [(&str, &str); 6] = [
    ("HOME", "home"),
    ("XDG_DATA_HOME", "home/.local/share"),
    ("XDG_CONFIG_HOME", "home/.config"),
    ("XDG_RUNTIME_DIR", "run"),
    ("DOCKER_CONFIG", "home/.docker"),
    ("TMPDIR", "tmp"),
];

/// A temporary directory with a home, and the way to run programs in it.
pub struct Env {
    root: TempDir,
    canaries: Vec<String>,
}

impl Env {
    /// An empty home.
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("imgctl-test").tempdir().unwrap();
        for (_, directory) in HOMES {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        fs::create_dir(root.path().join("work")).unwrap();
        Self { root, canaries: Vec::new() }
    }

    /// Our program with these arguments, ready to run in this home.
    pub fn imgctl(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.prepare(Run::ours(env!("CARGO_BIN_EXE_imgctl"), self.canaries.clone()), args)
    }

    /// The same by somebody whom permissions hold back: root is not, unless it gives that up.
    pub fn imgctl_without_privileges(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        if !rustix::process::geteuid().is_root() {
            return self.imgctl(args);
        }
        let run = Run::ours("setpriv", self.canaries.clone());
        let run = run.args(["--bounding-set=-dac_override,-dac_read_search,-fowner", env!("CARGO_BIN_EXE_imgctl")]);
        self.prepare(run, args)
    }

    /// A tool of the system, ready to run in this home.
    pub fn tool(&self, program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.prepare(Run::tool(program), args)
    }

    /// Names a secret that no output of ours may ever show.
    pub fn canary(&mut self, secret: &str) {
        self.canaries.push(secret.to_owned());
    }

    /// A path in the working directory of the test.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("work").join(relative)
    }

    /// Writes a file in the working directory; returns its path.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        write(self.path(relative), content.as_ref())
    }

    /// Writes a file in the home, such as `.docker/config.json`; returns its path.
    pub fn write_home(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        write(self.home(relative), content.as_ref())
    }

    /// A path in the home.
    pub fn home(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("home").join(relative)
    }

    /// The local store.
    pub fn store(&self) -> PathBuf {
        self.home(".local/share/imgctl/store")
    }

    /// Asserts that no temporary file remains outside the store's own temporary directory.
    pub fn assert_no_leftovers(&self) {
        let own = self.store().join("tmp");
        let mut left: Vec<_> = files(&self.root.path().join("tmp")).collect();
        left.extend(files(self.root.path()).filter(|path| !path.starts_with(&own) && is_temporary(path)));
        assert!(left.is_empty(), "temporary files remain: {left:#?}");
    }

    fn prepare(&self, run: Run, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let homes = HOMES.map(|(name, directory)| (name, OsString::from(self.root.path().join(directory))));
        let path = std::env::var_os("PATH").expect("a PATH");
        run.args(args).only_env(homes).env("PATH", path).env("LANG", "C.UTF-8").cwd(self.path(""))
    }
}

impl Default for Env {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a tool of the system and asserts that it succeeds.
#[track_caller]
pub fn tool(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Outcome {
    Run::tool(program).args(args).run().ok()
}

/// The files below `directory`.
pub fn files(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_directory { &mut open } else { &mut found }.push(entry.path());
        }
    }
    found.into_iter()
}

fn write(path: PathBuf, content: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().expect("a parent")).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".tmp") || [".tmp", ".partial", ".part"].iter().any(|end| name.ends_with(end))
}
