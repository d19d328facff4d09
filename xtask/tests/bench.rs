//! The benchmark itself: everything runs once, very small, and what was measured can be read and drawn.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");

fn xtask(arguments: &[&str]) -> String {
    let output = Command::new(XTASK).args(arguments).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "xtask {arguments:?}: {}\n{said}", output.status);
    said
}

/// What the benchmark writes, in the directory where it works.
fn file(name: &str) -> PathBuf {
    let directory = Path::new(XTASK).parent().unwrap().parent().unwrap().join("bench-quick");
    std::fs::create_dir_all(&directory).unwrap();
    directory.join(name)
}

#[test]
fn every_scenario_runs_and_is_recorded_and_drawn() {
    let imgctl = Path::new(XTASK).with_file_name("imgctl");
    assert!(imgctl.is_file(), "imgctl is not built: cargo build --workspace");
    let (imgctl, json, svg) = (imgctl.display().to_string(), file("test.json"), file("test.svg"));
    let (json, svg) = (json.to_str().unwrap(), svg.to_str().unwrap());
    xtask(&["bench", "--quick", "--tools", "imgctl,floor,true", "--program", &imgctl, "--json", json]);
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let scenarios = record["scenarios"].as_array().unwrap();
    let shown = xtask(&["bench", "--show"]);
    for scenario in scenarios {
        let name = scenario["name"].as_str().unwrap();
        assert!(shown.contains(&format!("\n{name}: ")), "{name} is not shown");
        assert_eq!(scenario["tools"][0]["tool"], "imgctl", "{name}");
        assert_eq!(scenario["tools"][0]["wall_seconds"].as_array().unwrap().len(), 1, "{name}");
    }
    assert_eq!(shown.lines().filter(|line| line.contains(": ") && !line.starts_with(' ')).count(), scenarios.len());
    xtask(&["bench", "--from", json, "--plot", svg]);
    let drawn = std::fs::read_to_string(svg).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("class=\"name\"").count(), scenarios.len());
}

#[test]
fn an_unknown_scenario_is_refused_with_those_that_there_are() {
    let output = Command::new(XTASK).args(["bench", "--only", "pulls"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there are pull, pull-tls,"));
}
