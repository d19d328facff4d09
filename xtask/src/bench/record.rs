//! What was measured, as it is kept: tables, the report and the plot are made of this.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::measure::{Measured, Sample};

const MIB: f64 = 1_048_576.0;

/// One run of the benchmark.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    pub(crate) scale: f64,
    pub(crate) rounds: usize,
    /// Tools that have a version, and it.
    pub(crate) versions: Vec<(String, String)>,
    pub(crate) scenarios: Vec<Entry>,
    pub(crate) instructions: Vec<Instructions>,
}

/// A scenario and what came of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Whose processor time [`Column::Other`] is: the server's or the client's.
    pub(crate) other: String,
    /// What was counted where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Rate>,
    pub(crate) tools: Vec<Results>,
}

/// Something that there are many of.
#[derive(Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) unit: String,
    pub(crate) count: usize,
    /// So many imgctl must do at least in each second of processor time.
    pub(crate) least: f64,
}

/// What one tool took, round by round.
#[derive(Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) tool: String,
    wall_seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
    peak_mib: Vec<f64>,
    other_cpu_seconds: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    wire_mib: Vec<f64>,
}

/// Processor instructions for a MiB, as callgrind counts them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Instructions {
    /// What was done.
    pub(crate) work: String,
    pub(crate) tool: String,
    pub(crate) per_mib: f64,
}

/// A thing that is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Wall,
    Cpu,
    Peak,
    Other,
    Wire,
}

/// Where values lie.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Record {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no record of a benchmark", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        // Numbers of one list on one line.
        let mut lines = String::new();
        for line in text.lines() {
            let is_number = line.trim_end_matches(',').trim().parse::<f64>().is_ok();
            let ends_list = line.trim_start().starts_with(']') && lines.ends_with(|c: char| c.is_ascii_digit());
            if is_number || ends_list {
                lines.push_str(if lines.ends_with(',') { " " } else { "" });
                lines.push_str(line.trim());
            } else {
                lines.push_str(if lines.is_empty() { "" } else { "\n" });
                lines.push_str(line);
            }
        }
        std::fs::write(file, lines + "\n").with_context(|| format!("cannot write {}", file.display()))
    }

    /// The scenario of this name.
    pub(crate) fn scenario(&self, name: &str) -> Option<&Entry> {
        self.scenarios.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    /// What a tool took.
    pub(crate) fn tool(&self, name: &str) -> Option<&Results> {
        self.tools.iter().find(|results| results.tool == name)
    }

    /// The columns that have something in them.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Column> {
        let all = [Column::Wall, Column::Cpu, Column::Peak, Column::Other, Column::Wire];
        all.into_iter().filter(|column| self.tools.iter().any(|results| !results.values(*column).is_empty()))
    }

    /// What stands above a column.
    pub(crate) fn title(&self, column: Column) -> String {
        match column {
            Column::Wall => "wall s".to_owned(),
            Column::Cpu => "CPU s".to_owned(),
            Column::Peak => "peak MiB".to_owned(),
            Column::Other => format!("{} CPU s", self.other),
            Column::Wire => "received MiB".to_owned(),
        }
    }
}

impl From<&Measured> for Results {
    fn from(measured: &Measured) -> Self {
        let column = |of: &dyn Fn(&Sample) -> f64| measured.samples.iter().map(of).map(rounded).collect();
        Self {
            tool: measured.tool.name.to_owned(),
            wall_seconds: column(&|sample| sample.wall.as_secs_f64()),
            cpu_seconds: column(&|sample| sample.cpu.as_secs_f64()),
            peak_mib: column(&|sample| sample.peak as f64 / MIB),
            other_cpu_seconds: column(&|sample| sample.other_cpu.as_secs_f64()),
            wire_mib: measured.samples.iter().filter_map(|sample| Some(rounded(sample.wire? as f64 / MIB))).collect(),
        }
    }
}

impl Results {
    /// Median, least and most; zeros where nothing was measured.
    pub(crate) fn spread(&self, column: Column) -> Spread {
        let mut values = self.values(column).to_vec();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
        let last = values.len().saturating_sub(1);
        Spread { median: (at(last / 2) + at(values.len() / 2)) / 2.0, least: at(0), most: at(last) }
    }

    fn values(&self, column: Column) -> &[f64] {
        match column {
            Column::Wall => &self.wall_seconds,
            Column::Cpu => &self.cpu_seconds,
            Column::Peak => &self.peak_mib,
            Column::Other => &self.other_cpu_seconds,
            Column::Wire => &self.wire_mib,
        }
    }
}

/// To a millionth: more was not measured.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let results = Results {
            tool: "imgctl".into(),
            wall_seconds: vec![3.0, 1.0, 2.0, 10.0],
            cpu_seconds: vec![0.000_001],
            peak_mib: vec![],
            other_cpu_seconds: vec![0.0],
            wire_mib: vec![],
        };
        let entry =
            Entry { name: "pull".into(), about: "".into(), other: "server".into(), rate: None, tools: vec![results] };
        let record = Record {
            machine: Machine::of_tests(),
            scale: 1.0,
            rounds: 4,
            versions: vec![("imgctl".into(), "1".into())],
            scenarios: vec![entry],
            instructions: vec![Instructions { work: "pull".into(), tool: "imgctl".into(), per_mib: 1e7 }],
        };
        let file = tempfile(&record);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("\"wall_seconds\": [3.0, 1.0, 2.0, 10.0],"), "{text}");
        let spread =
            Record::read(&file).unwrap().scenario("pull").unwrap().tool("imgctl").unwrap().spread(Column::Wall);
        assert_eq!((spread.median, spread.least, spread.most), (2.5, 1.0, 10.0));
        std::fs::remove_file(file).unwrap();
    }

    fn tempfile(record: &Record) -> std::path::PathBuf {
        let file = std::env::temp_dir().join(format!("record-{}.json", std::process::id()));
        record.write(&file).unwrap();
        file
    }
}
