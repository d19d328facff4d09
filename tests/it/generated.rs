//! `man/` and `completions/` are what the binary says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::env::Env;

fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let entries = entries.map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn generated_files_are_current() {
    let env = Env::new();
    for what in ["man", "completions"] {
        let directory = env.path(what);
        env.imgctl(["generate", what]).args([&directory]).run().ok();
        let (wanted, found) = (files(&directory), files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(what)));
        assert!(wanted.keys().eq(found.keys()), "{what}: run `cargo xtask gen`: {:?}", wanted.keys());
        for (name, content) in &wanted {
            assert!(found[name] == *content, "{what}/{name} is not current: run `cargo xtask gen`");
        }
    }
}

#[test]
fn what_is_generated_does_not_depend_on_the_environment() {
    let env = Env::new();
    let plain = env.imgctl(["man", "copy"]).run().ok().stdout;
    let other = env.imgctl(["man", "copy"]).env("IMGCTL_JOBS", "9").env("COLUMNS", "40").env("TERM", "dumb").run().ok();
    assert_eq!(plain, other.stdout);
}
