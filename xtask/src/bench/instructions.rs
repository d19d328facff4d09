//! Processor instructions for each MiB that is moved, counted by callgrind: a figure that a busy machine does not change.
//!
//! The same command moves a small and a large blob; the difference is the hot loop alone. Raw sockets do the same for
//! comparison. valgrind knows neither SHA-NI nor AVX-512, so hashing is counted as other processors do it; what the kernel
//! does is not counted.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::measure;
use super::record::Instructions;
use super::scenario::FLOOR;
use crate::image::Layout;
use crate::registry::Registry;
use crate::shell::clear;

/// MiB of the two blobs.
const SIZES: [u64; 2] = [8, 24];
/// Who else runs makes threads wait for each other a little more or less: the least of so many counts is taken.
const ROUNDS: usize = 3;

/// The program that counts.
pub(crate) const VALGRIND: &str = "valgrind";

/// Everything that stays the same.
struct Counting<'a> {
    directory: &'a Path,
    source: Registry,
    destination: Registry,
    imgctl: &'a Path,
    xtask: &'a Path,
}

/// Counts a pull into a layout and a push from one.
pub(crate) fn count(directory: &Path, imgctl: &Path, xtask: &Path) -> Result<Vec<Instructions>> {
    let here = directory.join("instructions");
    clear(&here)?;
    clear(&directory.join("home"))?;
    let (source, destination) = (Registry::start(&here.join("source"))?, Registry::start(&here.join("destination"))?);
    let mut counting = Counting { directory, source, destination, imgctl, xtask };
    SIZES.iter().try_for_each(|size| counting.make(*size))?;
    let mut counts = Vec::new();
    for (work, about) in [("pull", "pull into an OCI layout"), ("push", "push from an OCI layout")] {
        for tool in ["imgctl", FLOOR] {
            let per_mib = counting.per_mib(work, tool)?;
            println!("{about}, {}: {:.2} million instructions per MiB", super::table::called(tool), per_mib / 1e6);
            counts.push(Instructions { work: about.to_owned(), tool: tool.to_owned(), per_mib });
        }
    }
    drop(counting);
    clear(&here)?;
    Ok(counts)
}

impl Counting<'_> {
    /// An image of one layer of so many MiB, in a layout and in the registry.
    fn make(&self, size: u64) -> Result<()> {
        let mut random = fastrand::Rng::with_seed(size);
        let mut layout = Layout::create(&self.layout(size))?;
        let layer = layout.layer("random bytes", |tar| {
            let mut bytes = vec![0; (size << 20) as usize];
            random.fill(&mut bytes);
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            Ok(tar.append_data(&mut header, "random", bytes.as_slice())?)
        })?;
        let image = layout.image("1", vec![layer])?;
        self.source.push(&layout, &image, &format!("size-{size}"), &["1".to_owned()])
    }

    fn layout(&self, size: u64) -> PathBuf {
        self.directory.join("instructions").join(format!("layout-{size}"))
    }

    fn per_mib(&mut self, work: &str, tool: &str) -> Result<f64> {
        let [small, large] = SIZES;
        let difference = self.least(work, tool, large)? as f64 - self.least(work, tool, small)? as f64;
        ensure!(difference > 0.0, "{tool} takes no more instructions for more bytes");
        Ok((difference / (large - small) as f64).round())
    }

    fn least(&mut self, work: &str, tool: &str, size: u64) -> Result<u64> {
        let mut least = u64::MAX;
        for _ in 0..ROUNDS {
            least = least.min(self.once(work, tool, size)?);
        }
        Ok(least)
    }

    fn once(&mut self, work: &str, tool: &str, size: u64) -> Result<u64> {
        let (out, counts) = (self.directory.join("out"), self.directory.join("callgrind.out"));
        clear(&out)?;
        self.destination.restart_empty()?;
        let layout = self.layout(size).display().to_string();
        let source = format!("{}/size-{size}:1", self.source.address());
        let destination = format!("{}/size-{size}:1", self.destination.address());
        let (files, out) = (format!("{}/files", out.display()), format!("oci:{}/layout:1", out.display()));
        let arguments = match (work, tool) {
            ("pull", FLOOR) => ["floor", "pull", &source, &files].map(str::to_owned).to_vec(),
            ("pull", _) => vec!["copy".to_owned(), source, out],
            (_, FLOOR) => ["floor", "push", &layout, &destination].map(str::to_owned).to_vec(),
            (_, _) => vec!["copy".to_owned(), format!("oci:{layout}:1"), destination],
        };
        let mut command = Command::new(VALGRIND);
        command.args(["--tool=callgrind", "--fair-sched=yes"]);
        command.arg(format!("--callgrind-out-file={}", counts.display()));
        command.arg(if tool == FLOOR { self.xtask } else { self.imgctl }).args(arguments);
        measure::run(&mut command, self.directory, 1)?;
        total(&std::fs::read_to_string(counts)?)
    }
}

/// What callgrind counted [in all](https://valgrind.org/docs/manual/cl-format.html).
fn total(counts: &str) -> Result<u64> {
    let line = counts.lines().find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    line.and_then(|total| total.trim().parse().ok()).context("callgrind gives no total")
}
