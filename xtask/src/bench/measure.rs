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
    /// What it says its version is, on one line.
    pub(crate) fn version(&self) -> Result<String> {
        let argument =
            if matches!(self.name, "imgctl" | "skopeo" | "docker-registry") { "--version" } else { "version" };
        Ok(output(Command::new(&self.program).arg(argument))?.split_whitespace().collect::<Vec<_>>().join(" "))
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

    /// Median, least and most of something of the samples.
    pub(crate) fn spread(&self, of: impl Fn(&Sample) -> f64) -> Spread {
        let mut values: Vec<f64> = self.samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(0.0));
        let (low, high) = (values.get((values.len().max(1) - 1) / 2), values.get(values.len() / 2));
        Spread { median: (low.copied().unwrap_or(0.0) + high.copied().unwrap_or(0.0)) / 2.0, least, most }
    }
}

/// Where values lie.
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Runs the command `runs` times; times are means, the peak is the highest.
pub(crate) fn run(command: &mut Command, directory: &Path, runs: u32) -> Result<Sample> {
    let errors = directory.join("stderr");
    command.env("HOME", directory.join("home")).stdin(Stdio::null()).stdout(Stdio::null());
    for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE"] {
        command.env_remove(variable);
    }
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

/// The most memory this process held, in MiB. Less than that is not seen of a child: until it is replaced by its
/// program, it is this process, and [the kernel counts that](https://man7.org/linux/man-pages/man2/getrusage.2.html).
pub(crate) fn own_peak() -> Result<f64> {
    Ok(peak_of("self")? as f64 / 1_048_576.0)
}
