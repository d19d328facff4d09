//! The plot: for each scenario a bar for each tool's median time, with its spread. Readable on light and dark pages.

use std::fmt::Write as _;

use super::record::{Column, Entry, Record, Results};
use super::table::{called, number};

const WIDTH: f64 = 760.0;
/// Where bars begin and may end: labels are in front of them and behind.
const BARS: (f64, f64) = (120.0, 680.0);
/// The line above the bars: what a scenario is called, and what it is.
const NAME: f64 = 16.0;
const BAR: f64 = 13.0;
const GAP: f64 = 10.0;
const TOP: f64 = 46.0;

const STYLE: &str = "\
    text { font: 11px system-ui, sans-serif; fill: #24292f }\n\
    .title { font-size: 14px; font-weight: 600 }\n\
    .name { font-weight: 600 }\n\
    .dim { fill: #57606a }\n\
    .ours { fill: #0969da }\n\
    .peer { fill: #afb8c1 }\n\
    .standard { fill: none; stroke: #afb8c1 }\n\
    .spread { stroke: #24292f; stroke-width: 1 }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #e6edf3 } .dim { fill: #9198a1 } .ours { fill: #4493f8 } .peer { fill: #656c76 }\n\
    .standard { stroke: #656c76 } .spread { stroke: #e6edf3 }\n\
    }\n";

/// The record as SVG.
pub(crate) fn draw(record: &Record) -> String {
    let entries = || record.scenarios.iter().filter(|entry| !entry.tools.is_empty());
    let height = TOP + entries().map(height_of).sum::<f64>();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\">\n<title>Time of each tool</title>\n<style>\n{STYLE}</style>\n"
    );
    svg += &text(10.0, 20.0, "title", "Time of each tool, by scenario (less is better)");
    svg +=
        &text(10.0, 36.0, "dim", "Median; the line goes from the least to the most. Each scenario has its own scale.");
    let mut y = TOP;
    for entry in entries() {
        svg += &scenario(entry, y);
        y += height_of(entry);
    }
    svg + "</svg>\n"
}

fn height_of(entry: &Entry) -> f64 {
    NAME + BAR * entry.tools.len() as f64 + GAP
}

fn scenario(entry: &Entry, top: f64) -> String {
    let most = entry.tools.iter().map(|results| results.spread(Column::Wall).most).fold(f64::MIN_POSITIVE, f64::max);
    let (y, name, about) = (top + 10.0, escaped(&entry.name), escaped(&entry.about));
    let mut svg = format!("<text x=\"10\" y=\"{y:.1}\"><tspan class=\"name\">{name}</tspan>");
    let _ = writeln!(svg, "<tspan class=\"dim\" dx=\"8\">{about}</tspan></text>");
    for (index, results) in entry.tools.iter().enumerate() {
        svg += &bar(results, top + NAME + BAR * index as f64, most);
    }
    svg
}

fn bar(results: &Results, y: f64, most: f64) -> String {
    let spread = results.spread(Column::Wall);
    let x = |value: f64| BARS.0 + value / most * (BARS.1 - BARS.0);
    let class = match results.tool.as_str() {
        "imgctl" => "ours",
        "floor" | "true" | "curl" => "standard",
        _ => "peer",
    };
    let (width, middle) = ((x(spread.median) - BARS.0).max(1.0), y + BAR / 2.0 - 0.5);
    let mut svg = format!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">", BARS.0 - 6.0, y + 10.0);
    let _ = writeln!(svg, "{}</text>", escaped(called(&results.tool)));
    let (left, thickness) = (BARS.0, BAR - 3.0);
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{thickness:.1}\"/>",
        y + 1.0
    );
    let (from, to) = (x(spread.least), x(spread.most));
    let _ = writeln!(svg, "<path class=\"spread\" d=\"M{from:.1} {middle:.1}H{to:.1}\"/>");
    svg + &text(to.max(BARS.0 + width) + 6.0, y + 10.0, "dim", &seconds(spread.median))
}

fn text(x: f64, y: f64, class: &str, text: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escaped(text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A time with its unit.
fn seconds(value: f64) -> String {
    if value < 0.1 { format!("{} ms", number(value * 1000.0)) } else { format!("{} s", number(value)) }
}
