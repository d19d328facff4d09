//! Refusals: which are tried again, when, and which are final.

use std::time::{Duration, Instant};

use super::Scene;
use crate::support::outcome::Outcome;

/// When the manifest was asked for.
fn asked_at(scene: &Scene) -> Vec<Instant> {
    let requests = scene.registry.requests().into_iter();
    requests.filter(|request| request.path.contains("/manifests/")).map(|request| request.at).collect()
}

/// The image arrives by `copy`; returns the time between the first two requests for its manifest.
#[track_caller]
fn waits(fault: &str) -> (Scene, Duration, Outcome) {
    let scene = Scene::of(fault);
    let outcome = scene.copy().run().ok();
    scene.layouts()[0].assert_holds(&scene.image);
    let asked = asked_at(&scene);
    let gap = asked[1] - asked[0];
    (scene, gap, outcome)
}

#[test]
fn n15_retry_after_in_seconds_is_kept() {
    let (scene, gap, _) = waits("m429s");
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
    assert_eq!(scene.registry.statuses("GET", "/copy/manifests/"), [429, 200]);
}

#[test]
fn n15_retry_after_of_a_blob_pauses_the_whole_registry() {
    let scene = Scene::of("b429s");
    scene.copy().run().ok().within(6.0);
    scene.layouts()[0].assert_holds(&scene.image);
    let requests = scene.registry.requests();
    let refused = requests.iter().rposition(|request| request.status == 429).unwrap();
    let mut gaps = requests.iter().skip(refused + 1).map(|request| request.at - requests[refused].at);
    // Requests that were under way when it was said are answered still.
    let gap = gaps.find(|gap| *gap > Duration::from_millis(500)).unwrap();
    assert!(gap >= Duration::from_millis(1900), "{gap:?}");
}

#[test]
fn n16_retry_after_as_a_date_is_kept() {
    let (_, gap, _) = waits("m429d");
    assert!(gap >= Duration::from_secs(2), "{gap:?}");
}

#[test]
fn n17_a_retry_after_without_sense_is_ignored() {
    for fault in ["m429past", "m429invalid", "m429negative"] {
        let (_, gap, outcome) = waits(fault);
        assert!(gap < Duration::from_secs(1), "{fault}: {gap:?}");
        outcome.within(5.0);
    }
}

#[test]
fn n17_a_huge_retry_after_ends_at_once_and_says_when() {
    for fault in ["m429huge", "m429hugedate"] {
        let scene = Scene::of(fault);
        let both = scene.fails(9).within(1.0);
        both.says(&scene.registry.host()).says("no further requests until").says(" GMT");
        assert_eq!(scene.registry.statuses("GET", "/copy/manifests/"), [429]);
    }
}

#[test]
fn n17_the_error_object_says_when() {
    let scene = Scene::of("m429huge");
    let name = scene.reference("copy");
    let outcome = scene.env.imgctl(["copy", "--progress", "json", &name, "oci:copied:1"]).run().fails(9);
    let error: serde_json::Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(error["class"], "rate-limited");
    assert!(error["retry_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{error}");
}

#[test]
fn n18_bursts_of_server_errors_are_waited_out() {
    let codes = [500, 502, 503, 504, 408, 522];
    let scenes: Vec<Scene> =
        ["m5xx", "b5xx"].iter().flat_map(|stem| codes.map(|code| Scene::of(&format!("{stem}-{code}")))).collect();
    let running: Vec<_> = scenes.iter().map(|scene| scene.copy().spawn()).collect();
    for (scene, running) in scenes.iter().zip(running) {
        running.wait().ok();
        scene.layouts()[0].assert_holds(&scene.image);
        let code = scene.fault.rsplit_once('-').unwrap().1.parse().unwrap();
        let statuses = if scene.fault.starts_with('m') {
            scene.registry.statuses("GET", "/copy/manifests/")
        } else {
            scene.layer_requests("copy").into_iter().map(|(status, _)| status).collect()
        };
        assert_eq!(statuses, [code, code, 200], "{}", scene.fault);
    }
}

#[test]
fn n18_a_server_that_stays_ill_is_given_up() {
    let scene = Scene::of("perm-503");
    let name = scene.reference("copy");
    let outcome = scene.env.imgctl(["copy", "--retries", "2", &name, "oci:copied:1"]).run().fails(7);
    outcome.says("503").says(&scene.registry.host()).says("the registry has a bad day").says("3 tries");
    assert_eq!(scene.registry.statuses("GET", "/manifests/").len(), 3);
}

#[test]
fn n19_final_refusals_are_not_tried_again() {
    for (status, code) in [(400, 1), (403, 3), (404, 4), (410, 4), (451, 1)] {
        let scene = Scene::of(&format!("perm-{status}"));
        let outcome = scene.copy().run().fails(code);
        outcome.says(&status.to_string()).says("the registry has a bad day").says("source").within(5.0);
        let seen: Vec<_> = scene.registry.requests().iter().map(|request| request.line()).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let scene = Scene::of(&format!("bperm-{status}"));
        scene.fails(code).says("get blob sha256:").says(&status.to_string()).within(5.0);
        assert!(scene.layer_requests("copy").len() <= 1);
    }
}
