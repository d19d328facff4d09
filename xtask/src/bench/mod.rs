//! `cargo xtask bench`: imgctl and its peers do the same work on the same servers, in turn.
//!
//! Servers are measured the same way under the load of a small client: see [`serve`].
//!
//! A B C, A B C, …: drift of the machine meets all alike. Each round starts from a fresh destination, the servers
//! start anew for each scenario, and one round that is not counted warms up caches.

mod commands;
mod front;
mod instructions;
mod machine;
mod measure;
mod plot;
mod record;
mod report;
mod scenario;
mod serve;
mod table;
mod target;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages;
use crate::shell::{Profile, build, check, target as target_directory, which};
use commands::{Bench, Setting};
use machine::Machine;
use measure::{Measured, Tool};
use record::{Entry, Rate, Record};
use scenario::Scenario;

/// Arguments of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Rounds that count.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only these scenarios.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these tools.
    #[arg(long, value_delimiter = ',')]
    tools: Vec<String>,
    /// Make everything this much smaller or larger.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Everything very small and once, to see that all of it runs; says nothing about speed.
    #[arg(long, conflicts_with_all = ["rounds", "scale"])]
    quick: bool,
    /// Count instructions per MiB with callgrind; without --only nothing else is done.
    #[arg(long)]
    instructions: bool,
    /// Measure everything, and write docs/BENCHMARKS.md with the plot and the figures.
    #[arg(long, conflicts_with_all = ["quick", "debug"])]
    report: bool,
    /// Write what was measured to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw what was measured into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Measure nothing: take what an earlier run wrote with --json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "tools", "json", "instructions"])]
    from: Option<PathBuf>,
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
    let chosen = Chosen::of(args)?;
    if args.show {
        table::show(&chosen.commands, &chosen.loads);
        return Ok(());
    }
    let record = match &args.from {
        Some(file) => Record::read(file)?,
        None => measure_all(args, &chosen)?,
    };
    if let Some(file) = &args.json {
        record.write(file)?;
    }
    if let Some(file) = &args.plot {
        std::fs::write(file, plot::draw(&record)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if args.report { report::write(&record) } else { Ok(()) }
}

/// What is done.
struct Chosen {
    commands: Vec<&'static Scenario>,
    loads: Vec<&'static serve::Scenario>,
    instructions: bool,
}

impl Chosen {
    fn of(args: &Args) -> Result<Self> {
        let names = || scenario::all().map(|each| each.name).chain(serve::SCENARIOS.iter().map(|each| each.name));
        for only in &args.only {
            let known = || names().collect::<Vec<_>>().join(", ");
            check(names().any(|name| name == only), format!("no scenario is called {only}; there are {}", known()))?;
        }
        let everything = args.only.is_empty() && (args.report || !args.instructions);
        let wanted = |name: &str| everything || args.only.iter().any(|only| only == name);
        Ok(Self {
            commands: scenario::all().filter(|scenario| wanted(scenario.name)).collect(),
            loads: serve::SCENARIOS.iter().filter(|scenario| wanted(scenario.name)).collect(),
            instructions: args.instructions || (args.report && args.only.is_empty()),
        })
    }
}

fn measure_all(args: &Args, chosen: &Chosen) -> Result<Record> {
    packages::ensure(packages::FOR_BENCH)?;
    if chosen.instructions {
        packages::ensure(packages::FOR_INSTRUCTIONS)?;
    }
    let programs = Programs::find(args)?;
    let setting = setting(args, &programs)?;
    let mut record = Record {
        machine: Machine::here(),
        scale: setting.scale,
        rounds: setting.rounds,
        versions: versions(&programs.tools(args, &["imgctl", "docker-registry", "skopeo", "crane", "regctl", "curl"]))?,
        scenarios: Vec::new(),
        instructions: Vec::new(),
    };
    let directory = setting.directory.clone();
    if chosen.instructions {
        record.instructions = instructions::count(&directory, &programs.imgctl, &programs.xtask)?;
    }
    if !chosen.commands.is_empty() {
        measure_commands(&chosen.commands, args, setting, &mut record)?;
    }
    if !chosen.loads.is_empty() {
        let tools = programs.tools(args, &serve::TOOLS);
        measure_servers(&chosen.loads, tools, &directory, &mut record)?;
    }
    Ok(record)
}

fn setting(args: &Args, programs: &Programs) -> Result<Setting> {
    let name = if args.quick { "bench-quick" } else { "bench" };
    let directory = target_directory()?.join(name);
    std::fs::create_dir_all(&directory)?;
    Ok(Setting {
        tools: programs.tools(args, &scenario::TOOLS),
        xtask: programs.xtask.clone(),
        directory,
        scale: if args.quick { 0.001 } else { args.scale },
        rounds: if args.quick { 1 } else { args.rounds },
        warm_up: usize::from(!args.quick),
    })
}

fn measure_commands(scenarios: &[&Scenario], args: &Args, setting: Setting, record: &mut Record) -> Result<()> {
    let last = setting.directory.join("last.json");
    let mut bench = Bench::open(setting, scenarios)?;
    if bench.is_new() && !args.quick {
        drop(bench);
        return Err(start_again()?);
    }
    for scenario in scenarios {
        let measured = bench.measure(scenario)?;
        let entry = entry((scenario.name, scenario.about), "server", &measured);
        table::print(&entry);
        record.scenarios.push(entry);
        // Whatever comes later, so much is kept.
        record.write(&last)?;
    }
    println!("\npeaks below {:.1} MiB are not seen: that much the measuring program held", measure::own_peak()?);
    bench.close()
}

fn measure_servers(
    scenarios: &[&serve::Scenario],
    tools: Vec<Tool>,
    directory: &Path,
    record: &mut Record,
) -> Result<()> {
    let amounts = serve::Amounts::at_scale(record.scale);
    let bench = serve::Bench::new(tools, amounts, directory.to_owned(), record.rounds)?;
    for scenario in scenarios {
        let mut entry = entry((scenario.name, scenario.about), "client", &bench.measure(scenario)?);
        entry.rate = scenario.rate.map(|rate| Rate {
            unit: rate.unit.to_owned(),
            count: (rate.count)(&amounts),
            least: rate.least,
        });
        table::print(&entry);
        record.scenarios.push(entry);
    }
    Ok(())
}

fn entry((name, about): (&str, &str), other: &str, measured: &[Measured]) -> Entry {
    let tools = measured.iter().map(Into::into).collect();
    Entry { name: name.to_owned(), about: about.to_owned(), other: other.to_owned(), rate: None, tools }
}

/// What imgctl and xtask are for this run.
struct Programs {
    imgctl: PathBuf,
    /// Lines and raw sockets are as fast as imgctl: of the same build.
    xtask: PathBuf,
}

impl Programs {
    fn find(args: &Args) -> Result<Self> {
        let imgctl = match &args.program {
            Some(program) => program.clone(),
            None => build(if args.debug { Profile::Debug } else { Profile::Release })?,
        };
        let beside = imgctl.with_file_name("xtask");
        let xtask = if beside.is_file() { beside } else { std::env::current_exe()? };
        Ok(Self { imgctl, xtask })
    }

    /// Those of `names` that take part and are there.
    fn tools(&self, args: &Args, names: &[&'static str]) -> Vec<Tool> {
        let wanted = |name: &&&str| args.tools.is_empty() || args.tools.iter().any(|tool| tool == **name);
        let program = |name: &str| match name {
            "imgctl" => Some(self.imgctl.clone()),
            scenario::FLOOR => Some(self.xtask.clone()),
            name => which(name),
        };
        names.iter().filter(wanted).filter_map(|name| Some(Tool { name, program: program(name)? })).collect()
    }
}

/// Says what takes part.
fn versions(tools: &[Tool]) -> Result<Vec<(String, String)>> {
    let mut versions = Vec::new();
    for tool in tools {
        let Some(version) = tool.version()? else { continue };
        println!("{} {version}", tool.name);
        versions.push((tool.name.to_owned(), version));
    }
    Ok(versions)
}

/// A program's peak counts from that of the process that started it
/// (`setmax_mm_hiwater_rss` in [execve](https://github.com/torvalds/linux/blob/v6.12/fs/exec.c)): whoever made the corpus measures no small peaks.
/// Returns only where this program cannot be started once more.
fn start_again() -> Result<anyhow::Error> {
    let mut again = Command::new(std::env::current_exe()?);
    Ok(again.args(std::env::args_os().skip(1)).exec().into())
}
