//! `docs/BENCHMARKS.md`, and the plot and the figures beside it.

use std::fmt::Write as _;

use anyhow::Result;

use super::record::{Entry, Record};
use super::scenario::{self, FLOOR};
use super::table;
use super::{plot, serve, target};
use crate::shell::root;

/// Writes the report, the plot and the figures into `docs`.
pub(crate) fn write(record: &Record) -> Result<()> {
    let docs = root().join("docs");
    record.write(&docs.join("benchmarks.json"))?;
    std::fs::write(docs.join("benchmarks.svg"), plot::draw(record))?;
    let file = docs.join("BENCHMARKS.md");
    std::fs::write(&file, text(record))?;
    println!("wrote {}", file.strip_prefix(root()).unwrap_or(&file).display());
    Ok(())
}

fn text(record: &Record) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         What was measured last, in one run or several of the same program. Written by `cargo xtask bench --report`; [benchmarks.json](benchmarks.json) has every figure.\n\n\
         ![Time of each tool](benchmarks.svg)\n\n",
    );
    text += &machine(record);
    text += &targets(record);
    text += &instructions(record);
    text += "## Scenarios\n\n\
             The last two columns say what part of a tool's time and processor time imgctl takes. `{a}` is the registry that holds \
             the images, or what is in front of it, `{b}` an empty one, `{out}` an empty directory.\n\n";
    record.scenarios.iter().for_each(|entry| text += &section(entry));
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn machine(record: &Record) -> String {
    let versions: Vec<String> = record.versions.iter().map(|(tool, version)| format!("{tool} {version}")).collect();
    let absent: Vec<&str> =
        scenario::PEERS.iter().filter(|peer| !record.versions.iter().any(|(tool, _)| tool == *peer)).copied().collect();
    let absent = if absent.is_empty() {
        String::new()
    } else {
        format!(" Not installed, and so not measured: {}.", absent.join(", "))
    };
    let scale =
        if record.scale == 1.0 { String::new() } else { format!(", everything {} times as large", record.scale) };
    format!(
        "## How\n\n\
         {}. Client and servers share it, over loopback; nobody waits for the disk.\n\n\
         {}.{absent}\n\n\
         The tools take turns (A B C, A B C, …) on the same servers, docker-registry except where another is named, for {} \
         rounds after one that does not count{scale}. Each round starts from a fresh destination, which is compared with the source \
         afterwards. Figures are medians [least–most]. Distance and narrow lines are a proxy's: half a round trip each \
         way, a handshake, TCP's slow start, no loss. `raw sockets` is a client that does nothing but \
         read, hash and write, 128 KiB at a time, in four threads.\n\n\
         Again: `cargo xtask bench --report`. One scenario: `cargo xtask bench --only pull`. Every option: `cargo xtask bench --help`.\n\n",
        record.machine.text(),
        versions.join(", "),
        record.rounds,
    )
}

fn targets(record: &Record) -> String {
    let mut text = String::from("## Targets\n\n| scenario | target | found | |\n|---|---|---|---|\n");
    for (scenario, verdict) in target::judge(record) {
        let (figure, word) = (verdict.figure(), verdict.word());
        let word = if word == "missed" { "**missed**" } else { word };
        let _ = writeln!(text, "| [{scenario}](#{scenario}) | {} | {figure} | {word} |", verdict.wanted);
    }
    text + "\n"
}

fn instructions(record: &Record) -> String {
    if record.instructions.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "## Instructions\n\n\
         Million processor instructions for each MiB moved, as callgrind counts them (`cargo xtask bench --instructions`): the \
         difference between a blob of 24 and one of 8 MiB. They repeat on a busy machine, so that a regression shows. valgrind knows \
         neither SHA-NI nor AVX-512: hashing, the same in both, counts more here than it costs. The kernel's part is not counted.\n\n\
         | | imgctl | raw sockets | imgctl's surplus |\n|---|---|---|---|\n",
    );
    let of = |work: &str, tool: &str| {
        record
            .instructions
            .iter()
            .find(|count| count.work == work && count.tool == tool)
            .map(|count| count.per_mib / 1e6)
    };
    for count in record.instructions.iter().filter(|count| count.tool == "imgctl") {
        let (imgctl, floor) = (count.per_mib / 1e6, of(&count.work, FLOOR).unwrap_or(0.0));
        let _ = writeln!(text, "| {} | {imgctl:.3} | {floor:.3} | {:.3} |", count.work, imgctl - floor);
    }
    text + "\n"
}

fn section(entry: &Entry) -> String {
    let table = table::of(entry);
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("### {}\n\n{}.\n\n{}", entry.name, capitalised(&entry.about), row(&table.head));
    text += &format!("|{}\n", "---|".repeat(table.head.len()));
    table.rows.iter().for_each(|cells| text += &row(cells));
    if let Some(rate) = &entry.rate {
        table::rates(entry, rate).iter().for_each(|line| text += &format!("\n{line}  "));
        text.push('\n');
    }
    text + &commands(entry) + "\n"
}

/// The command lines of those who were there.
fn commands(entry: &Entry) -> String {
    let lines: Vec<String> = match scenario::all().find(|scenario| scenario.name == entry.name) {
        Some(scenario) => {
            let was_there = |line: &String| entry.tools.iter().any(|results| is_of(line, &results.tool));
            table::lines_of(scenario).filter(was_there).collect()
        }
        None => serve::COMMANDS.map(str::to_owned).to_vec(),
    };
    format!("\n```\n{}\n```\n", lines.join("\n"))
}

/// Whether a command line is this tool's.
fn is_of(line: &str, tool: &str) -> bool {
    let program = if tool == FLOOR { "xtask" } else { tool };
    line.split(' ').any(|word| word == program)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
