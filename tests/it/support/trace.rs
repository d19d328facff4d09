//! Trace: what a program asked of the kernel, in order, as strace wrote it down.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The calls that make files, write them, flush them and name them.
const CALLS: &str = "trace=openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat";

/// The calls of one run.
pub struct Trace(Vec<String>);

impl Trace {
    /// The arguments of strace that run `command` and write what it does to `file`; descriptors are shown with their paths.
    pub fn arguments(file: &Path, command: &[&str]) -> Vec<OsString> {
        let options = ["-f", "-qq", "-y", "-s", "4096", "-e", CALLS, "-o"].iter().map(OsString::from);
        options.chain([file.into()]).chain(command.iter().map(OsString::from)).collect()
    }

    /// What was written to `file`.
    pub fn read(file: &Path) -> Self {
        Self(fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect())
    }

    /// Where a file got this name, and what it was called before.
    #[track_caller]
    pub fn named(&self, name: &Path) -> (usize, PathBuf) {
        let end = format!("\"{}\"", name.display());
        let is_it = |line: &&String| [" rename", " link"].iter().any(|call| line.contains(call)) && line.contains(&end);
        let line = self.0.iter().rfind(is_it).unwrap_or_else(|| panic!("nothing was named {end}"));
        let at = self.0.iter().rposition(|other| other == line).unwrap();
        (at, line.split('"').nth(1).unwrap().into())
    }

    /// When the file or directory was flushed.
    pub fn flushes(&self, path: &Path) -> Vec<usize> {
        let shown = format!("<{}>", path.display());
        let is_it = |line: &String| line.contains("sync(") && line.contains(&shown);
        (0..self.0.len()).filter(|&at| is_it(&self.0[at])).collect()
    }

    /// When the file was written to.
    pub fn writes(&self, path: &Path) -> Vec<usize> {
        let shown = format!("<{}>", path.display());
        let is_it = |line: &String| line.contains("write") && line.contains(&shown);
        (0..self.0.len()).filter(|&at| is_it(&self.0[at])).collect()
    }

    /// Whether anything was flushed.
    pub fn flushes_anything(&self) -> bool {
        self.0.iter().any(|line| line.contains("sync("))
    }

    /// Asserts that what `name` stands for was flushed whole before it had the name, and its directory after that and
    /// before `until`. Returns when it had the name.
    #[track_caller]
    pub fn assert_flushed(&self, name: &Path, until: usize) -> usize {
        let (named, before) = self.named(name);
        let (written, flushed) = (self.writes(&before), self.flushes(&before));
        let last =
            flushed.iter().rfind(|&&at| at < named).unwrap_or_else(|| panic!("{} is not flushed", name.display()));
        assert!(written.iter().all(|at| at < last), "{}: {written:?} {flushed:?} {named}", name.display());
        self.assert_directory_flushed(name.parent().unwrap(), named, until);
        named
    }

    /// Asserts that the directory was flushed between the two.
    #[track_caller]
    pub fn assert_directory_flushed(&self, directory: &Path, after: usize, until: usize) {
        let flushed = self.flushes(directory);
        assert!(flushed.iter().any(|&at| after < at && at < until), "{}: {flushed:?}", directory.display());
    }
}
