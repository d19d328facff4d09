//! Progress: what is told while images move, and at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::outcome::Outcome;
use crate::support::run::Run;

/// Events by name, states by `blob NAME`, with the fields that each has beside `event`.
type Events = BTreeMap<String, BTreeSet<String>>;

/// What stderr told.
#[track_caller]
fn told(outcome: &Outcome) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    outcome.stderr.lines().map(parse).collect()
}

/// The `done` event, which is the last one.
#[track_caller]
fn done(run: Run) -> Value {
    let outcome = run.args(["--progress", "json"]).run().ok();
    let last = told(&outcome).pop().unwrap();
    assert_eq!(last["event"], "done", "{}", outcome.told());
    last
}

/// What `docs/PROGRESS.md` lists.
fn documented() -> Events {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROGRESS.md");
    let text = fs::read_to_string(file).unwrap();
    let mut events = Events::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (name, fields) = (cells[1].trim_matches('`'), cells[2].split('`').skip(1).step_by(2));
        let fields = fields.map(str::to_owned).collect::<BTreeSet<_>>();
        let is_state = !matches!(name, "event" | "state") && text.find(line) > text.find("## States");
        match name {
            "event" | "state" => {}
            name if is_state => _ = events.insert(format!("blob {name}"), fields),
            name => _ = events.insert(name.to_owned(), fields),
        }
    }
    let blob = events.remove("blob").unwrap();
    for (_, fields) in events.iter_mut().filter(|(name, _)| name.starts_with("blob ")) {
        fields.extend(blob.clone());
    }
    events
}

/// Runs that together tell everything there is to tell.
struct Scene {
    env: Env,
    faulty: FaultRegistry,
    seen: Events,
}

impl Scene {
    fn run(&mut self, args: &[&str]) -> Outcome {
        let outcome = self.env.imgctl(args).args(["--progress", "json"]).run();
        self.note(&outcome);
        outcome
    }

    fn note(&mut self, outcome: &Outcome) {
        for event in told(outcome) {
            let name = match (event["event"].as_str().unwrap(), event["state"].as_str()) {
                ("blob", Some(state)) => format!("blob {state}"),
                (name, _) => name.to_owned(),
            };
            let fields = event.as_object().unwrap().keys().filter(|key| *key != "event").cloned().collect();
            let before = self.seen.entry(name.clone()).or_insert_with(|| BTreeSet::clone(&fields));
            assert_eq!(*before, fields, "{name}");
        }
    }

    fn faulty(&self, repository: &str) -> String {
        self.faulty.put_image(repository, "1", &TestImage::of_size(5, 300_000));
        self.faulty.reference(&format!("{repository}:1"))
    }
}

#[test]
fn every_event_is_documented_and_every_documented_event_is_told() {
    let mut scene = Scene { env: Env::new(), faulty: FaultRegistry::start(), seen: Events::new() };
    let registry = DockerRegistry::open();
    registry.put_image("a", "1", &TestImage::of_size(1, 600_000));
    let (from, to) = (registry.reference("a:1"), registry.reference("b:1"));
    scene.run(&["pull", "-v", "--limit-rate", "1M", &from]).ok();
    scene.run(&["pull", &from]).ok();
    scene.run(&["copy", &from, &to]).ok();
    scene.run(&["copy", "--compress", "zstd", &from, "oci:zstd:1"]).ok();
    let again = scene.faulty("f/corruptonce/a");
    scene.run(&["copy", &again, "oci:again:1"]).ok();
    let lost = scene.faulty("f/bperm/a");
    scene.run(&["copy", &lost, "oci:lost:1"]).fails(4);

    scene.run(&["copy", "--limit-rate", "400k", "--timeout", "800ms", &from, "oci:resumed:1"]).fails(7);
    scene.run(&["copy", &from, "oci:resumed:1"]).ok();

    let slow = ["copy", "--progress", "json", "--limit-rate", "400k", &from, "oci:both:1"];
    let mut first = scene.env.imgctl(slow).spawn();
    first.wait_for_stderr("\"moving\"");
    scene.run(&["copy", &from, "oci:both:2"]).ok();
    scene.note(&first.wait().ok());

    scene.env.write_home(".config/imgctl/config.toml", "job = 4");
    scene.run(&["copy", "oci:both:1", "oci:warned:1"]).ok();
    assert_eq!(scene.seen, documented());
    let manual = scene.env.imgctl(["man"]).run().ok();
    for word in documented().iter().flat_map(|(name, fields)| name.split(' ').chain(fields.iter().map(|f| &**f))) {
        // bytes_ and blobs_ are written once for all.
        let word = word.trim_start_matches("bytes_").trim_start_matches("blobs_");
        assert!(manual.stdout_text().replace("\\_", "_").contains(word), "the manual does not say {word}");
    }
}

#[test]
fn totals_say_what_was_moved_and_what_was_spared() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = |own| ImageBuilder::new().layer(Layer::random(1, 200_000)).layer(Layer::random(own, 10_000)).build();
    let (one, two) = (image(2), image(3));
    registry.put_image("a", "1", &one);
    registry.put_image("a", "2", &two);
    let whole = |image: &TestImage| image.size() + image.manifest.len() as u64;
    let layer = one.blobs[&one.layers()[0]].len() as u64;

    let copied = done(env.imgctl(["copy", "--all-tags", &registry.reference("a"), "oci:copied"]));
    assert_eq!(copied["bytes_transferred"], whole(&one) + whole(&two) - layer);
    assert_eq!((&copied["bytes_shared"], &copied["blobs_shared"]), (&layer.into(), &1.into()));
    assert_eq!((&copied["bytes_mounted"], &copied["bytes_present"]), (&0.into(), &0.into()));
    assert!(copied["requests"].as_u64().unwrap() >= 8 && copied["seconds"].as_f64().unwrap() > 0.0, "{copied}");

    let mounted = done(env.imgctl(["copy", &registry.reference("a:1"), &registry.reference("b:1")]));
    assert_eq!(mounted["bytes_mounted"], one.size());
    assert_eq!(mounted["bytes_transferred"], one.manifest.len() as u64);

    let present = done(env.imgctl(["copy", &registry.reference("a:2"), &registry.reference("b:2")]));
    assert_eq!(present["bytes_mounted"].as_u64().unwrap() + present["bytes_present"].as_u64().unwrap(), two.size());

    let local = done(env.imgctl(["copy", "oci:copied:1", "oci:other:1"]));
    assert_eq!((&local["requests"], &local["bytes_transferred"]), (&0.into(), &whole(&one).into()));
}

#[test]
fn requests_are_counted_as_the_registry_counts_them() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.demand_token();
    for fault in ["ok/a", "f/reset/a", "f/m5xx-503/a", "f/redirsame/a"] {
        registry.put_image(fault, "1", &TestImage::of_size(1, 300_000));
        let before = registry.requests().len();
        let done = done(env.imgctl(["copy", &registry.reference(&format!("{fault}:1")), "oci:copied:1"]));
        assert_eq!(done["requests"], registry.requests().len() - before, "{fault}");
    }
}

#[test]
fn what_was_resumed_is_not_counted_as_moved() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::of_size(1, 600_000);
    registry.put_image("a", "1", &image);
    let name = registry.reference("a:1");
    env.imgctl(["copy", "--limit-rate", "400k", "--timeout", "800ms", &name, "oci:copied:1"]).run().fails(7);
    let done = done(env.imgctl(["copy", &name, "oci:copied:1"]));
    let number = |key: &str| done[key].as_u64().unwrap();
    assert!(number("bytes_resumed") > 0, "{done}");
    let manifest = image.manifest.len() as u64;
    let all = number("bytes_resumed") + number("bytes_transferred") + number("bytes_present");
    assert_eq!(all, image.size() + manifest, "{done}");
}

#[test]
fn u03_without_a_terminal_there_are_plain_lines_and_a_last_one_with_the_totals() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &TestImage::of_size(1, 300_000));
    let name = registry.reference("ok/a:1");
    let table: [(&[&str], &[(&str, &str)]); 4] = [
        (&["copy", &name, "oci:copied:1"], &[]),
        (&["copy", "--progress", "bar", &name, "oci:bar:1"], &[("TERM", "dumb")]),
        (&["pull", &name], &[("NO_COLOR", "1"), ("COLUMNS", "20")]),
        (&["save", "-o", "saved.tar", &name], &[("COLUMNS", "20")]),
    ];
    for (args, variables) in table {
        let run = variables.iter().fold(env.imgctl(args), |run, (name, value)| run.env(name, value));
        let outcome = run.run().ok();
        assert!(!outcome.stderr.contains(['\r', '\u{1b}']), "{}", outcome.told());
        let last = outcome.stderr.lines().last().unwrap();
        assert!(last.contains("blob") && last.contains(" moved") && last.contains(" in "), "{}", outcome.told());
    }
    let quiet = env.imgctl(["pull", "-q", &name]).run().ok();
    assert_eq!(quiet.stderr, "");
}
