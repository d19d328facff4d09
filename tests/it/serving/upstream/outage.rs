//! Upstreams that do not answer, or refuse: what is here counts, else they are quoted.

use std::time::Instant;

use super::{Scene, get, pull, serve};
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::http::Response;
use crate::support::image::TestImage;
use crate::support::outcome::assert_within;
use crate::support::serve::Serve;

fn error_code(response: &Response) -> String {
    response.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_wrong_manifest_is_not_served() {
    let scene = Scene::of("pinned", &["--retries", "0"]);
    let response = scene.get(&format!("manifests/{}", scene.image.digest()));
    assert_eq!((response.status, error_code(&response).is_empty()), (502, false), "{}", response.text());
}

#[test]
fn an_upstream_that_stops_is_not_missed() {
    let Scene { env, registry, repository, image, serve } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(registry);
    pull(&serve, &repository, "1", &image);
    let tags = get(&serve, &repository, "tags/list").expect(200).json();
    assert_eq!(tags["tags"], serde_json::json!(["1"]));
    let missing = get(&serve, &repository, "manifests/2");
    assert_eq!((missing.status, error_code(&missing).is_empty()), (502, false), "{}", missing.text());
    // Nobody is asked again and again who does not answer.
    let started = Instant::now();
    (0..20).for_each(|_| drop(get(&serve, &repository, "manifests/1").expect(200)));
    assert_within(started, 5.0);
    drop(serve);
    env.assert_no_leftovers();
}

#[test]
fn offline_nobody_is_asked() {
    let Scene { env, registry, repository, image, serve } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(serve);
    let before = registry.requests().len();
    let serve = super::serve(&env, &registry.host(), &["--offline"]);
    pull(&serve, &repository, "1", &image);
    for name in [format!("{}/{repository}", registry.host().replace(':', "_")), "nothing/here".to_owned()] {
        assert_eq!(get(&serve, &name, "manifests/2").status, 404);
    }
    assert_eq!(registry.requests().len(), before);
}

#[test]
fn the_store_is_served_later_without_upstream() {
    let Scene { env, repository, image, serve, registry } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(serve);
    let name = format!("{}/{repository}", registry.host().replace(':', "_"));
    drop(registry);
    let serve = Serve::start(&env, &["--read-only"]);
    pull(&serve, &name, "1", &image);
}

#[test]
fn a_rate_limit_is_passed_on_or_not_noticed() {
    let scene = Scene::of("", &["--retries", "0"]);
    scene.pull();
    scene.registry.put_image("f/m429huge/app", "1", &scene.image);
    let refused = get(&scene.serve, "f/m429huge/app", "manifests/1").expect(429);
    assert_eq!(error_code(&refused), "TOOMANYREQUESTS");
    assert!(!refused.header("retry-after").is_empty(), "{:?}", refused.headers);
    scene.pull();
}

#[test]
fn each_refusal_has_its_answer() {
    let registry = FaultRegistry::start();
    let env = Env::new();
    let serve = serve(&env, &registry.host(), &["--retries", "0"]);
    for (fault, status) in
        [("perm-404", 404), ("perm-401", 403), ("perm-403", 403), ("perm-429", 429), ("perm-500", 502)]
    {
        let image = registry.put_image(&format!("f/{fault}/app"), "1", &TestImage::small());
        for rest in ["manifests/1".to_owned(), format!("blobs/{}", image.config())] {
            let response = get(&serve, &format!("f/{fault}/app"), &rest);
            assert_eq!(response.status, status, "{fault} {rest}: {}", response.text());
            assert!(!error_code(&response).is_empty(), "{fault} {rest}");
        }
    }
}

#[test]
fn referrers_are_those_of_the_upstream_and_stay() {
    let image = TestImage::small();
    let registry = FaultRegistry::start();
    registry.put_image("library/app", "1", &image);
    let signature = crate::support::image_builder::ImageBuilder::new()
        .artifact_type("application/x.signature")
        .subject(&image)
        .build();
    registry.put_image("library/app", "signature", &signature);
    let env = Env::new();
    let serve = serve(&env, &registry.host(), &[]);
    let rest = format!("referrers/{}", image.digest());
    let listed = |serve: &Serve| get(serve, "library/app", &rest).expect(200).json()["manifests"][0]["digest"].clone();
    assert_eq!(listed(&serve), signature.digest().to_string());
    get(&serve, "library/app", &format!("manifests/{}", signature.digest())).expect(200);
    drop(registry);
    assert_eq!(listed(&serve), signature.digest().to_string());
}
