//! Whole sets of content: pushed, listed, asked for, pulled, their referrers found, and deleted again, each from its
//! children up and from its top down.

use imgctl::oci::Algorithm;
use serde_json::{Value, json};

use super::referrers::{assert_listed, listed};
use super::sets::{Blob, Manifest, Set};
use super::uploads::Flow;
use super::wire::Answer;
use super::{REPO, Registry, cases};

/// How the tags of a set come to be.
#[derive(Clone, Copy, PartialEq)]
enum Tagging {
    /// Each by its own PUT.
    Put,
    /// As parameters of the PUT by digest.
    Parameters,
}

/// From nothing to nothing, and there again.
fn walk(set: &Set) {
    let registry = Registry::start();
    round(&registry, set, Tagging::Put);
    push(&registry, set, Tagging::Put);
    pull(&registry, set);
}

fn round(registry: &Registry, set: &Set, tagging: Tagging) {
    push(registry, set, tagging);
    list(registry, set);
    pull(registry, set);
    refer(registry, set);
    delete(registry, set);
}

fn push(registry: &Registry, set: &Set, tagging: Tagging) {
    for (blob, flow) in set.blobs.iter().zip([Flow::PostPut, Flow::Post, Flow::Stream, Flow::Chunked].iter().cycle()) {
        registry.push(*flow, REPO, blob).expect(201);
    }
    for manifest in &set.manifests {
        let mut put = registry.put_manifest(REPO, manifest.digest, manifest);
        let tags: Vec<_> = set.tags.iter().filter(|(_, digest)| *digest == manifest.digest).collect();
        if tagging == Tagging::Parameters {
            for (tag, _) in &tags {
                put = put.query("tag", tag);
            }
        }
        let answer = put.expect(201);
        assert_stored(registry, &answer, manifest);
        if tagging == Tagging::Parameters {
            let made = answer.list("oci-tag");
            assert!(tags.iter().all(|(tag, _)| made.contains(&tag.as_str())), "{tags:?}: {made:?}");
        }
    }
    for (tag, digest) in set.tags.iter().filter(|_| tagging == Tagging::Put) {
        let manifest = set.find(digest);
        let answer = registry.put_manifest(REPO, tag, manifest).expect(201);
        assert_stored(registry, &answer, manifest);
    }
}

/// What the answer to a PUT promises is true.
#[track_caller]
fn assert_stored(registry: &Registry, answer: &Answer, manifest: &Manifest) {
    assert_eq!(answer.header("docker-content-digest"), manifest.digest.to_string());
    let subject = &manifest.document()["subject"]["digest"];
    assert_eq!(answer.header("oci-subject"), subject.as_str().unwrap_or_default());
    let back = registry.ask("GET", &answer.location()).expect(200);
    assert_eq!(back.header("content-type"), manifest.media_type);
    assert_eq!(back.header("content-length"), manifest.bytes.len().to_string());
    assert!(back.bytes() == manifest.bytes, "other bytes");
}

fn list(registry: &Registry, set: &Set) {
    let mut tags: Vec<_> = set.tags.iter().map(|(tag, _)| tag.clone()).collect();
    tags.sort();
    assert_eq!(registry.tags(REPO).expect(200).json(), json!({ "name": REPO, "tags": tags }));
    for (place, last) in tags.iter().enumerate() {
        let rest = registry.ask("GET", &format!("/v2/{REPO}/tags/list")).query("last", last).expect(200);
        assert_eq!(rest.json()["tags"], json!(tags[place + 1..]));
    }
}

fn pull(registry: &Registry, set: &Set) {
    for (tag, digest) in &set.tags {
        registry.has_manifest(REPO, tag, set.find(digest));
    }
    for manifest in &set.manifests {
        registry.has_manifest(REPO, manifest.digest, manifest);
    }
    for blob in &set.blobs {
        registry.has_blob(REPO, blob);
    }
}

fn refer(registry: &Registry, set: &Set) {
    for manifest in &set.manifests {
        let document = manifest.document();
        let Some(subject) = document["subject"]["digest"].as_str() else { continue };
        let all = |kind: Option<&Value>| -> Vec<Value> {
            let of_subject = |manifest: &&Manifest| manifest.document()["subject"]["digest"] == subject;
            let referrers = set.manifests.iter().filter(of_subject).map(Manifest::as_referrer);
            referrers.filter(|referrer| kind.is_none_or(|kind| referrer["artifactType"] == *kind)).collect()
        };
        assert_listed(&listed(registry, REPO, subject, None), &all(None));
        let kind = &manifest.as_referrer()["artifactType"];
        if let Some(text) = kind.as_str() {
            assert_listed(&listed(registry, REPO, subject, Some(text)), &all(Some(kind)));
        }
    }
}

fn delete(registry: &Registry, set: &Set) {
    for (tag, digest) in &set.tags {
        registry.on_manifest("DELETE", REPO, tag).expect(202);
        registry.on_manifest("HEAD", REPO, tag).expect(404);
        registry.on_manifest("HEAD", REPO, digest).expect(200);
    }
    for manifest in set.manifests.iter().rev() {
        registry.on_manifest("DELETE", REPO, manifest.digest).expect(202);
        registry.on_manifest("HEAD", REPO, manifest.digest).expect(404);
    }
    for blob in &set.blobs {
        registry.on_blob("DELETE", REPO, &blob.digest).expect(202);
        registry.on_blob("HEAD", REPO, &blob.digest).expect(404);
    }
}

#[test]
fn r01_an_image_is_pushed_pulled_and_deleted() {
    walk(&cases::image());
}

#[test]
fn r01_an_image_without_layers_is_an_image() {
    walk(&cases::no_layers());
}

#[test]
fn r01_a_manifest_of_almost_four_mebibytes_is_an_image() {
    walk(&cases::large());
}

#[test]
fn r01_an_index_is_pushed_pulled_and_deleted() {
    walk(&cases::index());
}

#[test]
fn r01_an_index_holds_indexes() {
    walk(&cases::nested());
}

#[test]
fn r01_an_index_may_be_empty() {
    walk(&cases::empty_index());
}

#[test]
fn r01_an_artifact_is_pushed_pulled_and_deleted() {
    walk(&cases::artifact());
}

#[test]
fn r01_an_artifact_without_content_names_the_empty_blob_twice() {
    walk(&cases::bare_artifact());
}

#[test]
fn r01_an_index_holds_artifacts_and_may_be_one() {
    walk(&cases::artifact_index());
}

#[test]
fn r01_what_refers_to_an_image_is_found() {
    walk(&cases::of_an_image());
}

#[test]
fn r01_what_refers_to_an_index_is_found() {
    walk(&cases::of_an_index());
}

#[test]
fn r01_what_refers_to_nothing_yet_is_found() {
    walk(&cases::of_nothing());
}

#[test]
fn r01_what_descriptors_carry_stays_in_them() {
    walk(&cases::inline_data());
}

#[test]
fn r01_layers_that_are_elsewhere_need_not_be_here() {
    walk(&cases::foreign_layers());
}

#[test]
fn r01_fields_that_nobody_knows_are_kept() {
    walk(&cases::unknown_fields());
}

#[test]
fn r01_a_manifest_may_name_what_is_not_here() {
    walk(&cases::sparse());
}

#[test]
fn r01_everything_may_have_longer_digests() {
    walk(&cases::sha512());
}

#[test]
fn r01_tags_come_with_the_digest_they_name() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let mut set = Set::with(algorithm);
        set.platforms();
        let mut set = set.tag("first").tag("second");
        let children: Vec<_> = set.manifests[..2].iter().map(|child| child.digest).collect();
        set.tags.extend(children.into_iter().enumerate().map(|(place, child)| (format!("child-{place}"), child)));
        round(&Registry::start(), &set, Tagging::Parameters);
    }
}

#[test]
fn r01_one_repository_takes_it_all_one_after_the_other() {
    let registry = Registry::start();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        registry.push_blob(REPO, &Blob::random(algorithm, 100));
    }
    for case in cases::CASES {
        round(&registry, &case(), Tagging::Put);
    }
    assert_eq!(registry.tags(REPO).expect(200).json()["tags"], json!([]));
}

#[test]
fn r01_one_repository_takes_it_all_at_once() {
    let registry = Registry::start();
    let sets = cases::CASES.map(|case| case());
    sets.iter().for_each(|set| push(&registry, set, Tagging::Put));
    for set in &sets {
        for manifest in &set.manifests {
            registry.has_manifest(REPO, manifest.digest, manifest);
        }
        set.blobs.iter().for_each(|blob| registry.has_blob(REPO, blob));
        refer(&registry, set);
    }
}
