//! What the documentation publishes about secrets and limits names tests, and they exist.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::env::files;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below `directory`.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let directory = root().join(directory);
    let sources = files(&directory).filter(|file| file.extension().is_some_and(|end| end == "rs"));
    sources.map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let code: String = ["src", "tests"].into_iter().flat_map(sources).map(|(_, code)| code).collect();
    for page in ["docs/SECRETS.md", "docs/LIMITS.md", "docs/DURABILITY.md", "docs/RETRY.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let words = text.split('`').skip(1).step_by(2);
        let names: Vec<&str> = words.filter(|word| word.matches('_').count() > 2).collect();
        assert!(names.len() > 10, "{page}");
        for name in names {
            assert!(code.contains(&format!("fn {name}()")), "{page} names {name}");
        }
    }
}

#[test]
fn a15_one_place_attaches_secrets() {
    let sources = sources("src").into_iter().filter(|(file, _)| !file.iter().any(|part| part == "tests"));
    // The server is sent secrets and sends none.
    let is_server = |file: &Path| file.iter().any(|part| part == "server");
    let product = sources.filter(|(file, _)| !file.ends_with("tests.rs") && !is_server(file));
    let code: String = product.map(|(_, code)| code.split("#[cfg(test)]").next().unwrap().to_owned()).collect();
    assert_eq!(code.matches("header::AUTHORIZATION").count(), 1);
    let ways = [".basic_auth(", ".bearer_auth(", "\"authorization\"", "\"Authorization\"", "cookie_store(", "COOKIE"];
    for way in ways {
        assert!(!code.contains(way), "{way}");
    }
}
