//! Listing tags and repositories
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)).

use serde_json::{Value, json};

use super::{OTHER, REPO, Registry};

/// In the order that bytes have.
const TAGS: [&str; 8] = ["0", "1.10", "1.9", "B", "_x", "a", "a-b", "b"];

fn tagged() -> Registry {
    let registry = Registry::start();
    let mut shuffled = TAGS;
    fastrand::Rng::with_seed(7).shuffle(&mut shuffled);
    registry.push_small(REPO, &shuffled);
    registry
}

fn page(registry: &Registry, query: &[(&str, &str)]) -> (Value, Option<String>) {
    let ask = registry.ask("GET", &format!("/v2/{REPO}/tags/list"));
    let answer = query.iter().fold(ask, |ask, (name, value)| ask.query(name, value)).expect(200);
    assert_eq!(answer.json()["name"], REPO);
    (answer.json()["tags"].clone(), answer.next())
}

#[test]
fn r01_tags_are_listed_in_order() {
    let registry = tagged();
    let answer = registry.tags(REPO).expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json(), json!({ "name": REPO, "tags": TAGS }));
    assert_eq!(answer.next(), None);
}

#[test]
fn r01_tags_of_a_repository_that_is_not_are_unknown() {
    let registry = tagged();
    registry.tags(OTHER).error(404, "NAME_UNKNOWN");
}

#[test]
fn r01_a_repository_without_tags_lists_none() {
    let registry = Registry::start();
    let manifest = registry.push_small(REPO, &["only"]);
    registry.on_manifest("DELETE", REPO, "only").expect(202);
    assert_eq!(registry.tags(REPO).expect(200).json(), json!({ "name": REPO, "tags": [] }));
    registry.has_manifest(REPO, manifest.digest, &manifest);
}

#[test]
fn r01_tags_come_in_pages_of_any_size() {
    let registry = tagged();
    for size in 1..=TAGS.len() + 1 {
        let mut seen = Vec::new();
        let mut next = Some(format!("/v2/{REPO}/tags/list?n={size}"));
        while let Some(target) = next {
            let answer = registry.ask("GET", &target).expect(200);
            let tags: Vec<String> = serde_json::from_value(answer.json()["tags"].clone()).unwrap();
            next = answer.next();
            let rest = TAGS.len() - seen.len();
            assert_eq!(tags.len(), size.min(rest), "as many as asked for");
            assert_eq!(next.is_some(), rest > size, "a page follows only where there is more");
            seen.extend(tags);
        }
        assert_eq!(seen, TAGS);
    }
}

#[test]
fn r01_no_tags_are_no_page() {
    assert_eq!(page(&tagged(), &[("n", "0")]), (json!([]), None));
}

#[test]
fn r01_tags_after_any_place_are_listed() {
    let registry = tagged();
    for (place, last) in TAGS.iter().enumerate() {
        assert_eq!(page(&registry, &[("last", last)]).0, json!(TAGS[place + 1..]));
        let two = &TAGS[place + 1..TAGS.len().min(place + 3)];
        let (tags, next) = page(&registry, &[("last", last), ("n", "2")]);
        assert_eq!(tags, json!(two));
        assert_eq!(next.is_some(), place + 3 < TAGS.len());
    }
    // A place where there is no tag is a place too.
    assert_eq!(page(&registry, &[("last", "1.8")]).0, json!(TAGS[2..]));
    assert_eq!(page(&registry, &[("last", "zzz")]), (json!([]), None));
}

#[test]
fn r01_a_page_of_impossible_size_is_an_error_of_the_client() {
    let registry = tagged();
    for size in ["-1", "x", "1.5", ""] {
        registry.ask("GET", &format!("/v2/{REPO}/tags/list")).query("n", size).expect(400);
    }
    let huge = "1000000000";
    assert_eq!(page(&registry, &[("n", huge)]).0, json!(TAGS));
}

#[test]
fn r01_repositories_are_listed_in_pages() {
    let registry = Registry::start();
    let names = ["a", "a/b", "a-b", "b", "conformance/repo1"];
    for name in names {
        registry.push_small(name, &["v1"]);
    }
    let mut names: Vec<_> = names.map(str::to_owned).into();
    names.sort();
    assert_eq!(registry.ask("GET", "/v2/_catalog").expect(200).json(), json!({ "repositories": names }));
    let mut seen: Vec<String> = Vec::new();
    let mut next = Some("/v2/_catalog?n=2".to_owned());
    while let Some(target) = next {
        let answer = registry.ask("GET", &target).expect(200);
        seen.extend(serde_json::from_value::<Vec<String>>(answer.json()["repositories"].clone()).unwrap());
        next = answer.next();
    }
    assert_eq!(seen, names);
}
