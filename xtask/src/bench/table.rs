//! What was measured, for people.

use super::record::{Column, Entry, Rate, Results};
use super::scenario::{EACH, Scenario};
use super::{serve, target};

/// A table: what stands above the columns, and the rows.
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Medians, least and most, and what part of each tool's time imgctl takes.
pub(crate) fn of(entry: &Entry) -> Table {
    let mut head = vec![String::new()];
    head.extend(entry.columns().map(|column| entry.title(column)));
    head.extend(["imgctl's wall", "imgctl's CPU"].map(str::to_owned));
    let ours = entry.tool("imgctl");
    let rows = entry.tools.iter().map(|results| {
        let mut row = vec![called(&results.tool).to_owned()];
        row.extend(entry.columns().map(|column| spread(results, column)));
        row.extend([Column::Wall, Column::Cpu].map(|column| times(ours, results, column)));
        row
    });
    Table { rows: rows.collect(), head }
}

/// `1.41 [1.37–1.68]`
fn spread(results: &Results, column: Column) -> String {
    let spread = results.spread(column);
    if spread.least == spread.most {
        return number(spread.median);
    }
    format!("{} [{}–{}]", number(spread.median), number(spread.least), number(spread.most))
}

fn times(ours: Option<&Results>, theirs: &Results, column: Column) -> String {
    let theirs_median = theirs.spread(column).median;
    match ours {
        Some(ours) if ours.tool != theirs.tool && theirs_median > 0.0 => {
            format!("× {:.2}", ours.spread(column).median / theirs_median)
        }
        _ => String::new(),
    }
}

/// What a tool is called in tables.
pub(crate) fn called(tool: &str) -> &str {
    match tool {
        "floor" => "raw sockets",
        "true" => "/bin/true",
        tool => tool,
    }
}

/// Prints the table and how targets were met.
pub(crate) fn print(entry: &Entry) {
    println!("\n{}: {}", entry.name, entry.about);
    let table = of(entry);
    let lines = || std::iter::once(&table.head).chain(&table.rows);
    let width = |index: usize| lines().map(|row| row[index].chars().count()).max().unwrap_or(0);
    for row in lines() {
        let cells = row.iter().enumerate().map(|(index, cell)| format!("{cell:width$}", width = width(index)));
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    for verdict in target::judge_entry(entry) {
        println!("  {}: {}: {}", verdict.word(), verdict.wanted, verdict.figure());
    }
    if let Some(rate) = &entry.rate {
        rates(entry, rate).iter().for_each(|line| println!("  {line}"));
    }
}

/// How many a second, of the clock and of processor time: one core does no more than the latter.
pub(crate) fn rates(entry: &Entry, rate: &Rate) -> Vec<String> {
    let count = rate.count as f64;
    let per = |results: &Results, column: Column| count / results.spread(column).median;
    let mut lines: Vec<String> = Vec::new();
    for results in &entry.tools {
        let (wall, cpu, unit) = (per(results, Column::Wall), per(results, Column::Cpu), &rate.unit);
        lines.push(format!("{}: {wall:.0} {unit} a second, {cpu:.0} in a second of its processor time", results.tool));
    }
    if let Some(imgctl) = entry.tool("imgctl") {
        let word = if per(imgctl, Column::Cpu) >= rate.least { "kept" } else { "missed" };
        lines.push(format!("{word}: the least is {:.0} per core", rate.least));
    }
    lines
}

/// Three significant digits.
pub(crate) fn number(value: f64) -> String {
    let magnitude = if value.abs() < 1e-9 { 0.0 } else { value.abs().log10().floor() };
    let digits = (2.0 - magnitude).clamp(0.0, 5.0) as usize;
    format!("{value:.digits$}")
}

/// Prints the command lines.
pub(crate) fn show(commands: &[&Scenario], loads: &[&serve::Scenario]) {
    if !commands.is_empty() {
        println!("{{a}} holds the corpus, {{b}} is the other registry, {{out}} an empty directory.");
    }
    for scenario in commands {
        println!("\n{}: {}", scenario.name, scenario.about);
        lines_of(scenario).for_each(|line| println!("  {line}"));
    }
    for scenario in loads {
        println!("\n{}: {}", scenario.name, scenario.about);
        serve::COMMANDS.iter().for_each(|command| println!("  {command}"));
    }
}

/// The command lines of a scenario.
pub(crate) fn lines_of(scenario: &Scenario) -> impl Iterator<Item = String> {
    let image = scenario.part.repository();
    scenario.lines().map(move |(_, command)| {
        let command = command.replace("{image}", image);
        match command.strip_prefix(EACH) {
            Some(command) => format!("for each {{i}}: {command}"),
            None => command,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_significant_digits() {
        let texts = [0.0, 0.008_512, 0.1, 1.0, 12.34, 123.4, 1234.5].map(number);
        assert_eq!(texts, ["0.00", "0.00851", "0.100", "1.00", "12.3", "123", "1234"]);
    }
}
