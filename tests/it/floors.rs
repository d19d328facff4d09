//! Imports go down: a module imports only modules that stand above it in `lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
/// Edges that no order allows.
const NEVER: [(&str, &str); 6] = [
    ("registry", "store"),
    ("server", "net"),
    ("server", "auth"),
    ("server", "registry"),
    ("server", "transport"),
    ("server", "transfer"),
];
/// Modules that are words alone, and what words do not do.
const WORDS: [&str; 3] = ["oci", "name", "protocol"];
const DOING: [&str; 8] = ["tokio", "reqwest", "futures", "tempfile", "rustix", "std::fs", "std::process", "async "];

fn order() -> Vec<String> {
    let map = fs::read_to_string(format!("{SOURCE}/lib.rs")).unwrap();
    let modules = map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| sources(&entry.unwrap().path(), found));
    } else {
        found.push(path.to_owned());
    }
}

/// The text of every file of a module, without its tests.
fn code(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for path in [format!("{SOURCE}/{module}.rs"), format!("{SOURCE}/{module}")] {
        if Path::new(&path).exists() {
            sources(Path::new(&path), &mut files);
        }
    }
    let without_tests = |text: String| text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let is_test = |path: &PathBuf| path.ends_with("contract.rs") || path.ends_with("tests.rs");
    files.retain(|path| !is_test(path));
    files.into_iter().map(|path| (path.clone(), without_tests(fs::read_to_string(path).unwrap()))).collect()
}

/// Module names after `crate::`, with their line numbers; comments may name what they like.
fn imports(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let names = lines.flat_map(|(number, line)| {
        line.split("crate::").skip(1).map(move |rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (number + 1, rest[..end].to_owned())
        })
    });
    names.collect()
}

#[test]
fn imports_go_down() {
    let order = order();
    let mut wrong = Vec::new();
    for (floor, module) in order.iter().enumerate() {
        for (path, text) in code(module) {
            for (line, import) in imports(&text) {
                let place = format!("{}:{line}", path.display());
                match order.iter().position(|other| *other == import) {
                    Some(other) if other > floor => wrong.push(format!("{place}: {module} imports {import}")),
                    Some(_) if NEVER.contains(&(module, &import)) => wrong.push(format!("{place}: {import}, never")),
                    Some(_) => {}
                    // Crate-wide names: `Error`, `Result`. Anything else is a braced import, which hides edges.
                    None if import.starts_with(char::is_uppercase) => {}
                    None if import.is_empty()
                        && text.lines().nth(line - 1).unwrap().contains("crate::{Error, Result}") => {}
                    None => wrong.push(format!("{place}: one parent module for each `use`: {import:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_do_nothing() {
    for module in WORDS {
        for (path, text) in code(module) {
            for doing in DOING {
                let is_code = |line: &&str| !line.trim_start().starts_with("//") && line.contains(doing);
                assert!(!text.lines().any(|line| is_code(&line)), "{}: {doing}", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let mut files = Vec::new();
    sources(Path::new(SOURCE), &mut files);
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(lines > 0, "{} does not start with //!", path.display());
    }
}

#[test]
fn every_test_file_is_declared() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = fs::read_to_string(format!("{tests}/main.rs")).unwrap();
    for entry in fs::read_dir(tests).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "tests/it/{name} is not declared");
    }
}
