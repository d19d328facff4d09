//! One run of a command: how long, how much processor time, how much memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

use crate::process::peak_of;
use crate::shell::output;

/// A program that takes part.
#[derive(Clone)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
}

impl Tool {
    /// What it says its version is; programs that only set a standard have none.
    pub(crate) fn version(&self) -> Result<Option<String>> {
        let argument = match self.name {
            "true" | "floor" => return Ok(None),
            "imgctl" | "skopeo" | "docker-registry" | "curl" => "--version",
            _ => "version",
        };
        let text = output(Command::new(&self.program).arg(argument))?;
        if self.name == "regctl" {
            return Ok(text.lines().find_map(|line| line.strip_prefix("VCSTag:")).map(|tag| tag.trim().to_owned()));
        }
        let line = text.lines().next().unwrap_or_default();
        // `imgctl 0.1.0`, `skopeo version 1.9.3`, `curl 7.88.1 (…) …`, `docker-registry github.com/… 2.8.2`, `0.20.2`
        let line = line.split(" (").next().unwrap_or(line);
        Ok(line.split(' ').next_back().map(str::to_owned))
    }
}

/// What one run took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    /// User and system time of the tool.
    pub(crate) cpu: Duration,
    /// The most memory it held, in bytes.
    pub(crate) peak: u64,
    /// User and system time of the other side meanwhile: both registries', or the client's where servers are measured.
    pub(crate) other_cpu: Duration,
    /// Bytes that came over the line, where they were counted.
    pub(crate) wire: Option<u64>,
}

/// The runs of one tool.
pub(crate) struct Measured {
    pub(crate) tool: Tool,
    pub(crate) samples: Vec<Sample>,
}

impl Measured {
    pub(crate) fn new(tool: &Tool) -> Self {
        Self { tool: tool.clone(), samples: Vec::new() }
    }
}

/// Runs the command `runs` times; times are means, the peak is the highest.
pub(crate) fn run(command: &mut Command, directory: &Path, runs: u32) -> Result<Sample> {
    prepare(command, directory)?;
    let errors = directory.join(ERRORS);
    let mut total = Sample::default();
    for _ in 0..runs {
        command.stderr(std::fs::File::create(&errors)?);
        let start = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let used = child.wait4()?;
        total.wall += start.elapsed();
        total.cpu += used.rusage.utime + used.rusage.stime;
        total.peak = total.peak.max(used.rusage.maxrss);
        if !used.status.success() {
            crate::shell::announce(command);
            bail!("failed: {}\n{}", used.status, std::fs::read_to_string(&errors)?);
        }
    }
    Ok(Sample { wall: total.wall / runs, cpu: total.cpu / runs, ..total })
}

/// What a tool says on stderr goes there.
const ERRORS: &str = "stderr";

/// A home that is nobody's, and nothing on the terminal.
pub(crate) fn prepare(command: &mut Command, directory: &Path) -> Result<()> {
    command.env("HOME", directory.join("home")).stdin(Stdio::null()).stdout(Stdio::null());
    for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"] {
        command.env_remove(variable);
    }
    command.stderr(std::fs::File::create(directory.join(ERRORS))?);
    Ok(())
}

/// The most memory this process held, in MiB. Less than that is not seen of a child: until it is replaced by its
/// program, it is this process, and [the kernel counts that](https://man7.org/linux/man-pages/man2/getrusage.2.html).
pub(crate) fn own_peak() -> Result<f64> {
    Ok(peak_of("self")? as f64 / 1_048_576.0)
}
