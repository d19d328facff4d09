//! Documents that the server controls, for all `documents_*` modules: what a refused copy leaves behind, and that is nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::env::{Env, files};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

/// Memory that no refusal may need.
pub const RSS_KIB: u64 = 64 * 1024;

/// Every file below `directory` with its content.
pub fn content(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(directory).map(|file| (file.clone(), fs::read(&file).unwrap())).collect()
}

/// Puts `image` in a repository, which its fault may change, and copies it over a tag of a layout that held another image:
/// the copy ends with `code`, in little time and memory, and the layout is as before.
#[track_caller]
pub fn refused(repository: &str, image: &TestImage, code: i32) -> (Outcome, FaultRegistry) {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image(repository, "1", image);
    let outcome = refused_by(&env, &registry, &[&format!("{repository}:1")], code);
    (outcome, registry)
}

/// The same with a registry that is filled, and other arguments after `copy`; the first is the name of the source.
#[track_caller]
pub fn refused_by(env: &Env, registry: &FaultRegistry, args: &[&str], code: i32) -> Outcome {
    let old = TestImage::of_size(99, 100);
    old.write_layout(&env.path("out"), "kept");
    let before = content(&env.path("out"));
    let source = registry.reference(args[0]);
    let args = [&["copy", &source, "oci:out:kept"], &args[1..]].concat();
    let outcome = env.imgctl(args).run().fails(code).within(10.0);
    assert!(outcome.max_rss_kib < RSS_KIB, "{} KiB:\n{}", outcome.max_rss_kib, outcome.told());
    let after = content(&env.path("out"));
    let new: Vec<_> = after.keys().filter(|file| !before.contains_key(*file)).collect();
    // Blobs that are right may stay: they make the next try cheaper.
    assert!(new.iter().all(|file| is_verified(file, &after)), "{new:?}:\n{}", outcome.told());
    assert!(
        before.iter().all(|(file, bytes)| after.get(file) == Some(bytes)),
        "the old tag changed:\n{}",
        outcome.told()
    );
    env.assert_no_leftovers();
    outcome
}

/// Whether a layout names nothing, or was not even begun.
pub fn names_nothing(layout: &Path) -> bool {
    let Ok(index) = fs::read(layout.join("index.json")) else { return true };
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    index["manifests"].as_array().is_some_and(Vec::is_empty)
}

fn is_verified(file: &Path, content: &BTreeMap<PathBuf, Vec<u8>>) -> bool {
    let parts: Vec<String> = file.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect();
    let [hex, algorithm] = &parts[..] else { return false };
    let named = format!("{algorithm}:{hex}").parse::<imgctl::oci::Digest>();
    named.is_ok_and(|named| imgctl::oci::Digest::with(named.algorithm(), &content[file]) == named)
}

/// Asserts that nothing was asked for but what registry and tag say by themselves.
#[track_caller]
pub fn assert_only_manifest_was_read(registry: &FaultRegistry) {
    for request in registry.requests() {
        let path = &request.path;
        assert!(path == "/v2/" || path.ends_with("/manifests/1"), "{}", request.line());
    }
}
