//! What was measured, for people and as JSON.

use serde_json::{Value, json};

use super::measure::{Measured, Sample};
use super::scenario::{EACH, Scenario};

const MIB: f64 = 1_048_576.0;

/// A thing that was measured.
struct Column {
    title: &'static str,
    of: fn(&Sample) -> f64,
}

const COLUMNS: [Column; 4] = [
    Column { title: "wall s", of: |sample| sample.wall.as_secs_f64() },
    Column { title: "cpu s", of: |sample| sample.cpu.as_secs_f64() },
    Column { title: "peak MiB", of: |sample| sample.peak as f64 / MIB },
    Column { title: "server cpu s", of: |sample| sample.server_cpu.as_secs_f64() },
];

/// Prints medians, least and most, and how imgctl compares with the best of the others.
pub(crate) fn print(scenario: &Scenario, measured: &[Measured]) {
    println!("\n{}: {}", scenario.name, scenario.about);
    print!("  {:8}", "");
    COLUMNS.iter().for_each(|column| print!("{:>26}", column.title));
    println!();
    for each in measured {
        print!("  {:8}", each.tool.name);
        for column in &COLUMNS {
            let spread = each.spread(column.of);
            let range = format!("[{}–{}]", number(spread.least), number(spread.most));
            print!("{:>9} {range:16}", number(spread.median));
        }
        println!();
    }
    let Some(imgctl) = measured.iter().find(|each| each.tool.name == "imgctl") else { return };
    print_ratios(imgctl, measured);
    if let Some(limit) = scenario.peak_limit {
        let peak = imgctl.spread(|sample| sample.peak as f64 / MIB).most;
        let verdict = if peak < limit as f64 { "PASS" } else { "FAIL" };
        println!("  {verdict}: imgctl held {peak:.1} MiB at most; the limit is {limit} MiB");
    }
}

fn print_ratios(imgctl: &Measured, measured: &[Measured]) {
    let peers = || measured.iter().filter(|each| each.tool.name != "imgctl");
    if peers().next().is_none() {
        return;
    }
    let ratios = COLUMNS.iter().map(|column| {
        let ours = imgctl.spread(column.of).median;
        let best = peers().map(|peer| (peer.spread(column.of).median, peer.tool.name));
        let (theirs, name) = best.min_by(|one, other| one.0.total_cmp(&other.0)).unwrap_or((0.0, "nobody"));
        if theirs > 0.0 { format!("{} {:.2} ({name})", column.title, ours / theirs) } else { String::new() }
    });
    let ratios: Vec<String> = ratios.filter(|text| !text.is_empty()).collect();
    println!("  imgctl / best peer: {}", ratios.join(", "));
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
pub(crate) fn show(scenarios: &[&Scenario]) {
    println!("{{a}} holds the corpus, {{b}} is the other registry, {{out}} an empty directory.");
    for scenario in scenarios {
        println!("\n{}: {}", scenario.name, scenario.about);
        for (_, command) in scenario.commands {
            match command.strip_prefix(EACH) {
                Some(command) => println!("  for each {{i}}: {command}"),
                None => println!("  {command}"),
            }
        }
    }
}

/// Every sample.
pub(crate) fn to_json(results: &[(&Scenario, Vec<Measured>)]) -> String {
    let scenarios = results.iter().map(|(scenario, measured)| {
        let tools = measured.iter().map(|each| {
            let samples = each.samples.iter().map(sample_to_json).collect();
            (each.tool.name.to_owned(), Value::Array(samples))
        });
        (scenario.name.to_owned(), Value::Object(tools.collect()))
    });
    format!("{:#}\n", Value::Object(scenarios.collect()))
}

fn sample_to_json(sample: &Sample) -> Value {
    json!({
        "wall_seconds": sample.wall.as_secs_f64(),
        "cpu_seconds": sample.cpu.as_secs_f64(),
        "peak_bytes": sample.peak,
        "server_cpu_seconds": sample.server_cpu.as_secs_f64(),
    })
}
