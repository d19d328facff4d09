//! What refers to a manifest ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)).

use imgctl::oci::{Algorithm, Digest};
use serde_json::{Value, json};

use super::sets::{ARTIFACT, Manifest, OTHER_ARTIFACT, Set};
use super::{INDEX, OTHER, REPO, Registry};

/// The referrers of a subject, all of one type if that is asked for.
#[track_caller]
pub fn listed(registry: &Registry, repository: &str, subject: &str, artifact_type: Option<&str>) -> Vec<Value> {
    let ask = registry.ask("GET", &format!("/v2/{repository}/referrers/{subject}"));
    let answer = match artifact_type {
        Some(artifact_type) => ask.query("artifactType", artifact_type).expect(200),
        None => ask.expect(200),
    };
    assert_eq!(answer.list("content-type"), [INDEX]);
    let applied: &[&str] = if artifact_type.is_some() { &["artifactType"] } else { &[] };
    assert_eq!(answer.list("oci-filters-applied"), applied);
    let index = answer.json();
    assert_eq!((&index["schemaVersion"], &index["mediaType"]), (&json!(2), &json!(INDEX)));
    index["manifests"].as_array().unwrap_or_else(|| panic!("{index}")).clone()
}

/// These, in any order, and no others.
#[track_caller]
pub fn assert_listed(found: &[Value], expected: &[Value]) {
    let sorted = |list: &[Value]| {
        let mut list = list.to_vec();
        list.sort_by_key(|descriptor| descriptor["digest"].to_string());
        list
    };
    assert_eq!(sorted(found), sorted(expected));
}

/// An artifact that refers to `subject`.
fn referrer(set: &mut Set, subject: &Value, artifact_type: &str) -> Manifest {
    set.artifact(artifact_type, |document| document["subject"] = subject.clone());
    set.manifests.last().unwrap().clone()
}

/// A subject, and what refers to it, not yet pushed; their blobs are.
fn prepared(registry: &Registry, repository: &str) -> (Manifest, [Manifest; 2]) {
    let mut set = Set::new();
    let subject = set.image();
    let referrers = [ARTIFACT, OTHER_ARTIFACT].map(|kind| referrer(&mut set, &subject, kind));
    for blob in &set.blobs {
        registry.push_blob(repository, blob);
    }
    (set.manifests.swap_remove(0), referrers)
}

#[track_caller]
fn put(registry: &Registry, repository: &str, manifest: &Manifest) {
    registry.put_manifest(repository, manifest.digest, manifest).expect(201);
}

#[test]
fn r01_referrers_are_none_where_nothing_is() {
    let registry = Registry::start();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let subject = Digest::with(algorithm, b"nothing").to_string();
        assert_eq!(listed(&registry, REPO, &subject, None), Vec::<Value>::new());
        assert_eq!(listed(&registry, REPO, &subject, Some(ARTIFACT)), Vec::<Value>::new());
    }
    let manifest = registry.push_small(REPO, &["v1"]);
    assert_eq!(listed(&registry, REPO, &manifest.digest.to_string(), None), Vec::<Value>::new());
}

#[test]
fn r01_referrers_of_what_is_no_digest_are_an_error_of_the_client() {
    let registry = Registry::start();
    registry.push_small(REPO, &["v1"]);
    for subject in ["sha256:short", "v1", "md5:5d41402abc4b2a76b9719d911017c592"] {
        registry.ask("GET", &format!("/v2/{REPO}/referrers/{subject}")).expect(400);
    }
}

#[test]
fn r01_referrers_may_come_first() {
    let registry = Registry::start();
    let (subject, referrers) = prepared(&registry, REPO);
    let digest = subject.digest.to_string();
    let expected: Vec<_> = referrers.iter().map(Manifest::as_referrer).collect();
    put(&registry, REPO, &referrers[0]);
    assert_listed(&listed(&registry, REPO, &digest, None), &expected[..1]);
    put(&registry, REPO, &subject);
    put(&registry, REPO, &referrers[1]);
    assert_listed(&listed(&registry, REPO, &digest, None), &expected);
    put(&registry, REPO, &referrers[1]);
    assert_listed(&listed(&registry, REPO, &digest, None), &expected);
}

#[test]
fn r01_referrers_are_chosen_by_their_type() {
    let registry = Registry::start();
    let (subject, referrers) = prepared(&registry, REPO);
    referrers.iter().for_each(|referrer| put(&registry, REPO, referrer));
    let digest = subject.digest.to_string();
    for (kind, referrer) in [ARTIFACT, OTHER_ARTIFACT].iter().zip(&referrers) {
        assert_listed(&listed(&registry, REPO, &digest, Some(kind)), &[referrer.as_referrer()]);
    }
    assert_eq!(listed(&registry, REPO, &digest, Some("application/vnd.example.none+json")), Vec::<Value>::new());
}

#[test]
fn r01_referrers_belong_to_their_repository() {
    let registry = Registry::start();
    let (subject, referrers) = prepared(&registry, OTHER);
    put(&registry, OTHER, &subject);
    put(&registry, OTHER, &referrers[0]);
    let manifest = registry.push_small(REPO, &["v1"]);
    registry.has_manifest(REPO, "v1", &manifest);
    assert_eq!(listed(&registry, REPO, &subject.digest.to_string(), None), Vec::<Value>::new());
}

#[test]
fn r01_a_referrer_that_is_deleted_is_listed_no_more() {
    let registry = Registry::start();
    let (subject, referrers) = prepared(&registry, REPO);
    put(&registry, REPO, &subject);
    referrers.iter().for_each(|referrer| put(&registry, REPO, referrer));
    registry.on_manifest("DELETE", REPO, referrers[0].digest).expect(202);
    let digest = subject.digest.to_string();
    assert_listed(&listed(&registry, REPO, &digest, None), &[referrers[1].as_referrer()]);
    // What refers to a manifest outlives it.
    registry.on_manifest("DELETE", REPO, subject.digest).expect(202);
    assert_listed(&listed(&registry, REPO, &digest, None), &[referrers[1].as_referrer()]);
    registry.has_manifest(REPO, referrers[1].digest, &referrers[1]);
}

#[test]
fn r01_referrers_that_a_client_listed_by_a_tag_are_found() {
    // Clients of a registry that cannot list referrers keep them in an index under this tag.
    let registry = Registry::start();
    let (subject, referrers) = prepared(&registry, REPO);
    referrers.iter().for_each(|referrer| put(&registry, REPO, referrer));
    let descriptors = referrers.iter().map(Manifest::as_referrer).collect::<Vec<_>>();
    let index = Manifest::of_document(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors }));
    let tag = subject.digest.to_string().replace(':', "-");
    registry.put_manifest(REPO, &tag, &index).expect(201);
    assert_listed(&listed(&registry, REPO, &subject.digest.to_string(), None), &descriptors);
    registry.has_manifest(REPO, &tag, &index);
}
