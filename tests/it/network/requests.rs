//! How many requests a copy takes: few, and always the same number.

use std::collections::BTreeMap;

use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::traffic::Request;

use super::answer::layered;

/// Requests by method and kind, as `PUT manifests`.
fn counted(requests: &[Request]) -> BTreeMap<String, usize> {
    let kind = |request: &Request| {
        let kinds = ["uploads", "manifests", "blobs", "tags", "token"];
        let kind = kinds.into_iter().find(|kind| request.path.contains(kind)).unwrap_or("ping");
        format!("{} {kind}", request.method)
    };
    requests.iter().fold(BTreeMap::new(), |mut counts, request| {
        *counts.entry(kind(request)).or_default() += 1;
        counts
    })
}

fn expected(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|&(kind, count)| (kind.to_owned(), count)).collect()
}

#[test]
fn an_image_of_four_blobs_takes_five_requests_here_and_ten_there() {
    let (env, source, target) = (Env::new(), FaultRegistry::start(), FaultRegistry::start());
    source.put_image("ok/a", "1", &layered(3, 2_000));
    let copy = || env.imgctl(["copy", &source.reference("ok/a:1"), &target.reference("ok/b:1")]).run().ok();
    copy();
    assert_eq!(counted(&source.requests()), expected(&[("GET blobs", 4), ("GET manifests", 1)]));
    let put = [("HEAD manifests", 1), ("POST uploads", 4), ("PUT uploads", 4), ("PUT manifests", 1)];
    assert_eq!(counted(&target.requests()), expected(&put));
    let before = (source.requests().len(), target.requests().len());
    copy();
    assert_eq!((source.requests().len() - before.0, target.requests().len() - before.1), (1, 1), "nothing to do");
}

#[test]
fn blobs_of_the_same_registry_are_mounted_unasked() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &layered(3, 2_000));
    env.imgctl(["copy", &registry.reference("ok/a:1"), &registry.reference("ok/b:1")]).run().ok();
    let all = [("GET manifests", 1), ("HEAD manifests", 1), ("POST uploads", 4), ("PUT manifests", 1)];
    assert_eq!(counted(&registry.requests()), expected(&all));
}

#[test]
fn many_images_are_looked_for_together_and_what_they_share_moves_once() {
    let (env, source, target) = (Env::new(), FaultRegistry::start(), FaultRegistry::start());
    // The first layer is the same in all, and so are all of the third and its twin.
    for tag in 1..=20 {
        source.put_image("ok/a", &format!("v{tag}"), &layered(1 + tag % 2, 2_000));
    }
    env.imgctl(["copy", "--all-tags", &source.reference("ok/a"), &target.reference("ok/b")]).run().ok();
    let read = [("GET blobs", 4), ("GET manifests", 20), ("GET tags", 1)];
    assert_eq!(counted(&source.requests()), expected(&read));
    let put = [("GET tags", 1), ("POST uploads", 4), ("PUT uploads", 4), ("PUT manifests", 20)];
    assert_eq!(counted(&target.requests()), expected(&put));
}

#[test]
fn a_challenge_is_remembered_and_a_wrong_memory_costs_one_refusal() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &layered(3, 2_000));
    registry.demand_token();
    let refused = || {
        let before = registry.requests().len();
        env.imgctl(["digest", &registry.reference("ok/a:1")]).run().ok();
        let requests = registry.requests().split_off(before);
        (requests.len(), requests.iter().filter(|request| request.status == 401).count())
    };
    assert_eq!(refused(), (3, 1), "refused, a token, an answer");
    assert_eq!(refused(), (2, 0), "a token, an answer");
    let challenges = env.path("../home/.cache/imgctl/challenges");
    let file = std::fs::read_dir(&challenges).unwrap().next().unwrap().unwrap().path();
    assert!(!std::fs::read_to_string(&file).unwrap().contains("S3CR3T"));
    std::fs::write(&file, r#"{"scheme":"bearer","realm":"http://127.0.0.1:1/token","service":null}"#).unwrap();
    assert_eq!(refused(), (3, 1), "what was remembered is of no use");
    assert_eq!(refused(), (2, 0), "and was put right");
}
