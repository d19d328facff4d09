//! `cargo xtask bench`: imgctl and its peers do the same work on the same servers, in turn.
//!
//! Servers are measured the same way under the load of a small client: see [`serve`].
//!
//! A B C, A B C, …: drift of the machine meets all alike. Each round starts from a fresh destination, the servers
//! start anew for each scenario, and one round that is not counted warms up caches.

mod measure;
mod scenario;
mod serve;
mod table;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::corpus::{Amounts, Corpus};
use crate::packages;
use crate::registry::Registry;
use crate::shell::{Profile, build, check, clear, target, which};
use measure::{Measured, Sample, Tool};
use scenario::{Fresh, SCENARIOS, Scenario, Words};
use table::Entry;

/// Arguments of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds that count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only this scenario; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only these tools.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Make everything this much smaller or larger.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Write every sample to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only print the command lines.
    #[arg(long)]
    show: bool,
    /// Measure a debug build: says nothing about speed, but is built in no time.
    #[arg(long)]
    debug: bool,
    /// Measure this imgctl instead of building one.
    #[arg(long, value_name = "FILE", conflicts_with = "debug")]
    program: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let commands: Vec<&Scenario> = SCENARIOS.iter().filter(|scenario| wanted(scenario.name)).collect();
    let loads: Vec<&serve::Scenario> = serve::SCENARIOS.iter().filter(|scenario| wanted(scenario.name)).collect();
    let all = SCENARIOS.iter().map(|scenario| scenario.name).chain(serve::SCENARIOS.iter().map(|load| load.name));
    let names = all.collect::<Vec<_>>().join(", ");
    check(!commands.is_empty() || !loads.is_empty(), format!("no such scenario; there are {names}"))?;
    if args.show {
        table::show(&commands, &loads);
        return Ok(());
    }
    packages::ensure(packages::FOR_BENCH)?;
    let imgctl = match &args.program {
        Some(program) => program.clone(),
        None => build(if args.debug { Profile::Debug } else { Profile::Release })?,
    };
    let mut results = Vec::new();
    if !commands.is_empty() {
        measure_commands(&commands, args, &imgctl, &mut results)?;
    }
    if !loads.is_empty() {
        measure_servers(&loads, args, &imgctl, &mut results)?;
    }
    if let Some(file) = &args.json {
        std::fs::write(file, table::to_json(&results))?;
    }
    Ok(())
}

fn measure_commands(scenarios: &[&Scenario], args: &Args, imgctl: &Path, results: &mut Vec<Entry>) -> Result<()> {
    let mut bench = Bench::open(imgctl, args)?;
    for scenario in scenarios {
        let Scenario { name, about, peak_limit, .. } = **scenario;
        let measured = bench.measure(scenario)?;
        let entry = Entry { name, about, peak_limit, other: "server", rate: None, measured };
        table::print(&entry);
        results.push(entry);
    }
    println!("\npeaks below {:.1} MiB are not seen: that much the measuring program held", measure::own_peak()?);
    Ok(())
}

fn measure_servers(scenarios: &[&serve::Scenario], args: &Args, imgctl: &Path, results: &mut Vec<Entry>) -> Result<()> {
    let (tools, amounts) = (announced(args, &serve::TOOLS, imgctl)?, serve::Amounts::at_scale(args.scale));
    let bench = serve::Bench::new(tools, amounts, target()?.join("bench"), args.rounds)?;
    for scenario in scenarios {
        let serve::Scenario { name, about, peak_limit, rate, .. } = **scenario;
        let rate = rate.map(|rate| (rate, (rate.count)(&amounts)));
        let entry = Entry { name, about, peak_limit, other: "client", rate, measured: bench.measure(scenario)? };
        table::print(&entry);
        results.push(entry);
    }
    Ok(())
}

/// Those of `names` that take part and are there, after their versions were printed.
fn announced(args: &Args, names: &[&'static str], imgctl: &Path) -> Result<Vec<Tool>> {
    let wanted = |name: &str| args.tools.is_empty() || args.tools.iter().any(|tool| tool == name);
    let program = |name: &str| if name == "imgctl" { Some(imgctl.to_owned()) } else { which(name) };
    let chosen = names.iter().filter(|name| wanted(name));
    let tools: Vec<Tool> = chosen.filter_map(|name| Some(Tool { name, program: program(name)? })).collect();
    for tool in &tools {
        println!("{}: {}", tool.name, tool.version()?);
    }
    println!("scale {}, {} rounds", args.scale, args.rounds);
    Ok(tools)
}

/// A program's peak counts from that of the process that started it
/// (`setmax_mm_hiwater_rss` in [execve](https://github.com/torvalds/linux/blob/v6.12/fs/exec.c)): whoever made the corpus measures no small peaks.
/// Returns only where this program cannot be started once more.
fn start_again() -> Result<anyhow::Error> {
    let mut again = Command::new(std::env::current_exe()?);
    Ok(again.args(std::env::args_os().skip(1)).exec().into())
}

/// Everything that stays the same from scenario to scenario.
struct Bench {
    corpus: Corpus,
    other: Registry,
    tools: Vec<Tool>,
    directory: PathBuf,
    rounds: usize,
}

impl Bench {
    fn open(imgctl: &Path, args: &Args) -> Result<Self> {
        let directory = target()?.join("bench");
        // No tool sees the user's configuration, and none leaves anything there.
        clear(&directory.join("home"))?;
        let tools = announced(args, &scenario::TOOLS, imgctl)?;
        let corpus = Corpus::open(&directory.join("corpus"), Amounts::at_scale(args.scale))?;
        if corpus.is_new {
            drop(corpus);
            return Err(start_again()?);
        }
        let other = Registry::start(&directory.join("other"))?;
        Ok(Self { corpus, other, tools, directory, rounds: args.rounds })
    }

    fn measure(&mut self, scenario: &Scenario) -> Result<Vec<Measured>> {
        self.corpus.forget_copies()?;
        self.other.restart_empty()?;
        let mut measured: Vec<Measured> =
            self.tools.iter().filter(|tool| scenario.command(tool.name).is_some()).map(Measured::new).collect();
        for round in 0..=self.rounds {
            for each in &mut measured {
                let sample = self.sample(scenario, &each.tool, round)?;
                if round > 0 {
                    each.samples.push(sample);
                }
            }
        }
        Ok(measured)
    }

    /// One run of one tool; the mean of several runs where one is too short to measure.
    fn sample(&mut self, scenario: &Scenario, tool: &Tool, round: usize) -> Result<Sample> {
        let out = self.directory.join("out");
        clear(&out)?;
        if scenario.fresh == Fresh::Registry {
            self.other.restart_empty()?;
        }
        let words = Words {
            a: self.corpus.registry.address(),
            b: self.other.address(),
            layout: self.corpus.layout.clone(),
            out: out.clone(),
            tool: tool.name,
            round,
            images: self.corpus.amounts.images,
        };
        let mut command = words.command(&tool.program, scenario.command(tool.name).context("no command")?);
        let servers = self.server_cpu()?;
        let mut sample = measure::run(&mut command, &self.directory, scenario.runs)?;
        sample.other_cpu = (self.server_cpu()? - servers) / scenario.runs;
        self.verify(scenario, &words).with_context(|| format!("{} in {}", tool.name, scenario.name))?;
        Ok(sample)
    }

    fn server_cpu(&self) -> Result<std::time::Duration> {
        Ok(self.corpus.registry.cpu()? + self.other.cpu()?)
    }

    /// Whoever does nothing is fast: the destination must hold what the source holds.
    fn verify(&self, scenario: &Scenario, words: &Words) -> Result<()> {
        if let Some((source, destination)) = scenario.copies {
            let (source, destination) = (words.text(source), words.text(destination));
            let (wanted, found) = (self.manifest(&source)?, self.manifest(&destination)?);
            ensure!(wanted == found, "{destination} is not what {source} is");
        }
        if scenario.fresh == Fresh::Files {
            let least = self.corpus.amounts.layer * crate::corpus::LAYERS as u64;
            ensure!(size_of(&words.out)? >= least, "less was written than the layers hold");
        }
        Ok(())
    }

    /// The manifest of `HOST:PORT/REPOSITORY:TAG`.
    fn manifest(&self, reference: &str) -> Result<Vec<u8>> {
        let (host, rest) = reference.split_once('/').context("no repository")?;
        let (repository, tag) = rest.rsplit_once(':').context("no tag")?;
        let registry = if host == self.other.address() { &self.other } else { &self.corpus.registry };
        Ok(registry.manifest(repository, tag)?.body)
    }
}

/// Bytes of all files below a directory.
fn size_of(directory: &std::path::Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() };
    }
    Ok(size)
}
