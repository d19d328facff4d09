//! What was measured, for people and as JSON.

use serde_json::{Value, json};

use super::measure::{Measured, Sample};
use super::scenario::{self, EACH};
use super::serve;

const MIB: f64 = 1_048_576.0;

/// A scenario and what came of it.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// imgctl must stay under this many MiB.
    pub(crate) peak_limit: Option<u64>,
    /// What `other_cpu` of the samples is.
    pub(crate) other: &'static str,
    /// What was counted, and how many of it there were.
    pub(crate) rate: Option<(serve::Rate, usize)>,
    pub(crate) measured: Vec<Measured>,
}

/// A thing that was measured.
struct Column {
    title: &'static str,
    of: fn(&Sample) -> f64,
}

const COLUMNS: [Column; 4] = [
    Column { title: "wall s", of: |sample| sample.wall.as_secs_f64() },
    Column { title: "cpu s", of: |sample| sample.cpu.as_secs_f64() },
    Column { title: "peak MiB", of: |sample| sample.peak as f64 / MIB },
    Column { title: "server cpu s", of: |sample| sample.other_cpu.as_secs_f64() },
];

impl Entry {
    fn title(&self, column: &Column) -> String {
        column.title.replace("server", self.other)
    }

    fn imgctl(&self) -> Option<&Measured> {
        self.measured.iter().find(|each| each.tool.name == "imgctl")
    }
}

/// Prints medians, least and most, and how imgctl compares with the best of the others.
pub(crate) fn print(entry: &Entry) {
    println!("\n{}: {}", entry.name, entry.about);
    let width = entry.measured.iter().map(|each| each.tool.name.len()).max().unwrap_or(0).max(8);
    print!("  {:width$}", "");
    COLUMNS.iter().for_each(|column| print!("{:>26}", entry.title(column)));
    println!();
    for each in &entry.measured {
        print!("  {:width$}", each.tool.name);
        for column in &COLUMNS {
            let spread = each.spread(column.of);
            let range = format!("[{}–{}]", number(spread.least), number(spread.most));
            print!("{:>9} {range:16}", number(spread.median));
        }
        println!();
    }
    let Some(imgctl) = entry.imgctl() else { return };
    print_ratios(imgctl, entry);
    if let Some(limit) = entry.peak_limit {
        let peak = imgctl.spread(|sample| sample.peak as f64 / MIB).most;
        let verdict = verdict(peak < limit as f64);
        println!("  {verdict}: imgctl held {peak:.1} MiB at most; the limit is {limit} MiB");
    }
    if let Some((rate, count)) = &entry.rate {
        print_rates(entry, rate, *count as f64);
    }
}

fn print_ratios(imgctl: &Measured, entry: &Entry) {
    let peers = || entry.measured.iter().filter(|each| each.tool.name != "imgctl");
    if peers().next().is_none() {
        return;
    }
    let ratios = COLUMNS.iter().map(|column| {
        let ours = imgctl.spread(column.of).median;
        let best = peers().map(|peer| (peer.spread(column.of).median, peer.tool.name));
        let (theirs, name) = best.min_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or((0.0, "nobody"));
        if theirs > 0.0 { format!("{} {:.2} ({name})", entry.title(column), ours / theirs) } else { String::new() }
    });
    let ratios: Vec<String> = ratios.filter(|text| !text.is_empty()).collect();
    println!("  imgctl / best peer: {}", ratios.join(", "));
}

/// How many a second, of the clock and of processor time: one core does no more than the latter.
fn print_rates(entry: &Entry, rate: &serve::Rate, count: f64) {
    let per_core = |each: &Measured| count / each.spread(|sample| sample.cpu.as_secs_f64()).median;
    for each in &entry.measured {
        let per_second = count / each.spread(|sample| sample.wall.as_secs_f64()).median;
        let (name, unit) = (each.tool.name, rate.unit);
        println!("  {name}: {per_second:.0} {unit} a second, {:.0} in a second of its processor time", per_core(each));
    }
    if let Some(imgctl) = entry.imgctl() {
        println!("  {}: the least is {:.0} per core", verdict(per_core(imgctl) >= rate.least), rate.least);
    }
}

fn verdict(is_kept: bool) -> &'static str {
    if is_kept { "PASS" } else { "FAIL" }
}

/// Three significant digits.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// Prints the command lines.
pub(crate) fn show(commands: &[&scenario::Scenario], loads: &[&serve::Scenario]) {
    if !commands.is_empty() {
        println!("{{a}} holds the corpus, {{b}} is the other registry, {{out}} an empty directory.");
    }
    for scenario in commands {
        println!("\n{}: {}", scenario.name, scenario.about);
        for (_, command) in scenario.commands {
            match command.strip_prefix(EACH) {
                Some(command) => println!("  for each {{i}}: {command}"),
                None => println!("  {command}"),
            }
        }
    }
    for scenario in loads {
        println!("\n{}: {}", scenario.name, scenario.about);
        serve::COMMANDS.iter().for_each(|command| println!("  {command}"));
    }
}

/// Every sample.
pub(crate) fn to_json(entries: &[Entry]) -> String {
    let scenarios = entries.iter().map(|entry| {
        let tools = entry.measured.iter().map(|each| {
            let samples = each.samples.iter().map(|sample| sample_to_json(sample, entry.other)).collect();
            (each.tool.name.to_owned(), Value::Array(samples))
        });
        (entry.name.to_owned(), Value::Object(tools.collect()))
    });
    format!("{:#}\n", Value::Object(scenarios.collect()))
}

fn sample_to_json(sample: &Sample, other: &str) -> Value {
    json!({
        "wall_seconds": sample.wall.as_secs_f64(),
        "cpu_seconds": sample.cpu.as_secs_f64(),
        "peak_bytes": sample.peak,
        format!("{other}_cpu_seconds"): sample.other_cpu.as_secs_f64(),
    })
}
