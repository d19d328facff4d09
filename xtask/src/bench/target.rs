//! What imgctl must reach, beside whom.

use super::record::{Column, Entry, Record, Results, Spread};
use super::scenario::{FLOOR, PEERS};
use super::table::{called, number};

/// One thing that must hold.
pub(crate) struct Target {
    pub(crate) scenario: &'static str,
    column: Column,
    beside: Beside,
    /// The ratio, or the figure itself, that is enough.
    most: f64,
}

/// What the figure is compared with.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Tool(&'static str),
    /// The best of several that were there.
    Best(&'static [&'static str]),
    /// As [`Beside::Nothing`], what `true` takes taken off.
    NothingAboveTrue,
    /// As [`Beside::Tool`], what `true` takes taken off both.
    ToolAboveTrue(&'static str),
}

/// How a target was met.
pub(crate) struct Verdict {
    /// What must hold.
    pub(crate) wanted: String,
    /// What was found; `None` where the tool to compare with was not there.
    pub(crate) found: Option<f64>,
    pub(crate) is_kept: bool,
}

const PEER: Beside = Beside::Best(&PEERS);
/// All but crane, which sends what it has not verified.
const VERIFYING: Beside = Beside::Best(&["skopeo", "regctl"]);
const CRANE: Beside = Beside::Tool("crane");
const SOCKETS: Beside = Beside::Tool(FLOOR);

/// All of them.
const TARGETS: &[Target] = &[
    target("pull", Column::Wall, CRANE, 0.8),
    target("pull", Column::Cpu, CRANE, 0.72),
    target("pull", Column::Peak, Beside::Nothing, 12.0),
    target("pull", Column::Cpu, SOCKETS, 1.15),
    target("pull-tls", Column::Wall, PEER, 0.75),
    target("pull-tls", Column::Cpu, PEER, 0.75),
    target("copy", Column::Wall, PEER, 0.95),
    target("copy", Column::Cpu, PEER, 0.8),
    target("copy", Column::Cpu, SOCKETS, 1.15),
    target("push", Column::Wall, VERIFYING, 1.0),
    target("push", Column::Wall, CRANE, 1.1),
    target("docker-archive", Column::Wall, PEER, 0.6),
    target("docker-archive", Column::Cpu, PEER, 0.78),
    target("docker-archive", Column::Cpu, SOCKETS, 1.15),
    target("oci-archive", Column::Wall, PEER, 0.6),
    target("oci-archive", Column::Cpu, PEER, 0.78),
    target("mount", Column::Wall, CRANE, 0.6),
    target("mount50", Column::Wall, CRANE, 0.6),
    target("small", Column::Wall, CRANE, 0.65),
    target("small", Column::Wall, Beside::Tool("skopeo"), 0.25),
    target("small-again", Column::Wall, CRANE, 0.6),
    target("tags", Column::Wall, CRANE, 0.7),
    target("tags", Column::Wall, Beside::Tool("curl"), 1.0),
    target("digest", Column::Wall, CRANE, 0.7),
    target("digest", Column::Wall, Beside::Tool("curl"), 1.0),
    target("start", Column::Wall, Beside::NothingAboveTrue, 0.002),
    target("start", Column::Wall, Beside::ToolAboveTrue("crane"), 0.4),
    target("far-pull", Column::Wall, PEER, 0.5),
    target("far-copy", Column::Wall, PEER, 0.5),
    target("huge", Column::Peak, Beside::Nothing, 24.0),
    target("serve-uploads", Column::Peak, Beside::Nothing, 32.0),
];

const fn target(scenario: &'static str, column: Column, beside: Beside, most: f64) -> Target {
    Target { scenario, column, beside, most }
}

/// The targets that a record has figures for.
pub(crate) fn judge(record: &Record) -> impl Iterator<Item = (&'static str, Verdict)> {
    TARGETS.iter().filter_map(|target| Some((target.scenario, target.judge(record.scenario(target.scenario)?)?)))
}

/// The targets of one scenario.
pub(crate) fn judge_entry(entry: &Entry) -> impl Iterator<Item = Verdict> {
    TARGETS.iter().filter(|target| target.scenario == entry.name).filter_map(|target| target.judge(entry))
}

impl Target {
    fn judge(&self, entry: &Entry) -> Option<Verdict> {
        let of = |results: &Results| results.spread(self.column);
        let ours = of(entry.tool("imgctl")?);
        let (at_rest, title) = (entry.tool("true").map_or(0.0, |results| of(results).median), entry.title(self.column));
        let median = |name: &&'static str| Some((entry.tool(name).map(of)?.median, *name));
        let best = |names: &[&'static str]| names.iter().filter_map(median).min_by(|a, b| a.0.total_cmp(&b.0));
        let ratio = |theirs: Option<f64>, rest: f64| Some((ours.median - rest) / (theirs? - rest));
        let (wanted, found) = match self.beside {
            Beside::Nothing => (format!("{title} ≤ {}", self.most), Some(figure(self.column, ours))),
            Beside::Tool(name) => (self.times(&title, called(name)), ratio(best(&[name]).map(|best| best.0), 0.0)),
            Beside::Best(names) => {
                let (value, name) = best(names).unzip();
                let whose = name.map_or_else(|| names.join(", "), |name| format!("{name}, the best peer there"));
                (self.times(&title, &whose), ratio(value, 0.0))
            }
            Beside::NothingAboveTrue => {
                (format!("{title} above /bin/true ≤ {}", self.most), Some(ours.median - at_rest))
            }
            Beside::ToolAboveTrue(name) => (
                self.times(&format!("{title} above /bin/true"), name),
                ratio(best(&[name]).map(|best| best.0), at_rest),
            ),
        };
        Some(Verdict { wanted, found, is_kept: found.is_some_and(|found| found <= self.most) })
    }

    fn times(&self, title: &str, whose: &str) -> String {
        format!("{title} ≤ {} × {whose}", self.most)
    }
}

/// A limit of memory holds always, a time in the middle.
fn figure(column: Column, spread: Spread) -> f64 {
    if column == Column::Peak { spread.most } else { spread.median }
}

impl Verdict {
    /// In a word.
    pub(crate) fn word(&self) -> &'static str {
        match self.found {
            None => "not measured",
            Some(_) if self.is_kept => "kept",
            Some(_) => "missed",
        }
    }

    /// The figure.
    pub(crate) fn figure(&self) -> String {
        self.found.map_or_else(|| "–".to_owned(), number)
    }
}
