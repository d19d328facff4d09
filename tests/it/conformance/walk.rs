//! Whole sets of content: pushed, listed, asked for, pulled, their referrers found, and deleted again, each from its
//! children up and from its top down.

use imgctl::oci::Algorithm;
use serde_json::{Value, json};

use super::referrers::{assert_listed, listed};
use super::sets::{ARTIFACT, Blob, CONFIG, EMPTY, LAYER, Manifest, OTHER_ARTIFACT, Set};
use super::uploads::Flow;
use super::wire::Answer;
use super::{REPO, Registry};

/// How the tags of a set come to be.
#[derive(Clone, Copy, PartialEq)]
enum Tagging {
    /// Each by its own PUT.
    Put,
    /// As parameters of the PUT by digest.
    Parameters,
}

fn walk(set: &Set) {
    walk_with(set, Tagging::Put);
}

fn walk_with(set: &Set, tagging: Tagging) {
    let registry = Registry::start();
    push(&registry, set, tagging);
    list(&registry, set);
    pull(&registry, set);
    refer(&registry, set);
    delete(&registry, set);
    // What was deleted can come back.
    push(&registry, set, tagging);
    pull(&registry, set);
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

fn noted(document: &mut Value) {
    document["annotations"] =
        json!({ "org.example.note": "hello", "org.example.other": "größer \u{1F600} \"quoted\"" });
}

#[test]
fn r01_an_image_is_pushed_pulled_and_deleted() {
    let mut set = Set::new();
    set.image();
    walk(&set.tag("image"));
}

#[test]
fn r01_an_image_without_layers_is_an_image() {
    let mut set = Set::new();
    set.image_but(|document| document["layers"] = json!([]));
    set.blobs.remove(0);
    set.blobs.remove(0);
    walk(&set.tag("no-layers"));
}

#[test]
fn r01_a_manifest_of_almost_four_mebibytes_is_an_image() {
    let mut set = Set::new();
    set.image_but(|document| {
        for number in 0..390 {
            document["annotations"][format!("large-{number}")] = "A".repeat(10_000).into();
        }
    });
    walk(&set.tag("large"));
}

#[test]
fn r01_an_index_is_pushed_pulled_and_deleted() {
    let mut set = Set::new();
    set.platforms();
    walk(&set.tag("index"));
}

#[test]
fn r01_an_index_holds_indexes() {
    let mut set = Set::new();
    let children = [set.platforms(), set.platforms()];
    set.index(&children, |_| {});
    walk(&set.tag("nested"));
}

#[test]
fn r01_an_index_may_be_empty() {
    let mut set = Set::new();
    set.index(&[], |_| {});
    walk(&set.tag("empty"));
}

#[test]
fn r01_an_artifact_is_pushed_pulled_and_deleted() {
    let mut set = Set::new();
    set.artifact(ARTIFACT, |_| {});
    walk(&set.tag("artifact"));
}

#[test]
fn r01_an_artifact_without_content_names_the_empty_blob_twice() {
    let mut set = Set::new();
    set.artifact(ARTIFACT, |document| document["layers"] = json!([document["config"]]));
    set.blobs.pop();
    walk(&set.tag("bare"));
}

#[test]
fn r01_an_index_holds_artifacts_and_may_be_one() {
    let mut set = Set::new();
    let children = [set.artifact(ARTIFACT, |_| {}), set.artifact(OTHER_ARTIFACT, noted)];
    set.index(&children, |document| document["artifactType"] = ARTIFACT.into());
    walk(&set.tag("artifact-index"));
}

#[test]
fn r01_what_refers_to_an_image_is_found() {
    let mut set = Set::new();
    let subject = set.image();
    let mut set = set.tag("image");
    set.image_but(|document| document["subject"] = subject.clone());
    set.artifact(ARTIFACT, |document| {
        noted(document);
        document["subject"] = subject.clone();
    });
    let mut set = set.tag("tagged-1");
    set.artifact(OTHER_ARTIFACT, |document| document["subject"] = subject.clone());
    walk(&set.tag("tagged-2"));
}

#[test]
fn r01_what_refers_to_an_index_is_found() {
    let mut set = Set::new();
    let subject = set.platforms();
    let mut set = set.tag("index");
    let child = set.artifact(ARTIFACT, |document| document["subject"] = subject.clone());
    set.index(&[child], |document| {
        noted(document);
        document["artifactType"] = ARTIFACT.into();
        document["subject"] = subject.clone();
    });
    set.index(&[], |document| document["subject"] = subject.clone());
    walk(&set.tag("referring"));
}

#[test]
fn r01_what_refers_to_nothing_yet_is_found() {
    let mut set = Set::new();
    let missing = Manifest::of_document(&json!({ "never": "pushed" }));
    set.artifact(ARTIFACT, |document| document["subject"] = missing.descriptor());
    walk(&set.tag("referring"));
}

#[test]
fn r01_what_descriptors_carry_stays_in_them() {
    let mut set = Set::new();
    // `aGVsbG8=` is `hello`.
    let mut layer = set.blob(LAYER, "hello");
    layer["data"] = "aGVsbG8=".into();
    set.image_but(|document| document["layers"] = json!([layer]));
    walk(&set.tag("data"));
}

#[test]
fn r01_layers_that_are_elsewhere_need_not_be_here() {
    let mut set = Set::new();
    let foreign = |kind: &str| {
        let blob = Blob::random(Algorithm::Sha256, 10);
        json!({ "mediaType": format!("application/vnd.oci.image.layer.nondistributable.v1.{kind}"), "size": 123_456,
            "digest": blob.digest.to_string(), "urls": [format!("https://blobs.example.com/{}", blob.digest)] })
    };
    set.image_but(|document| {
        document["layers"].as_array_mut().unwrap().extend([foreign("tar"), foreign("tar+gzip")]);
    });
    walk(&set.tag("foreign"));
}

#[test]
fn r01_fields_that_nobody_knows_are_kept() {
    let mut set = Set::new();
    let strange = |document: &mut Value| document["org.example.strange"] = json!({ "a": [1.50, null, "x"] });
    let config = set.blob(CONFIG, r#"{"os":"linux","architecture":"amd64","strange":1e3}"#);
    let mut child = set.image_but(|document| {
        strange(document);
        document["config"] = config;
    });
    strange(&mut child);
    set.index(&[child], strange);
    walk(&set.tag("custom"));
}

#[test]
fn r01_a_manifest_may_name_what_is_not_here() {
    let mut set = Set::new();
    set.image();
    let layer = set.blobs.remove(0);
    assert!(set.manifests[0].document()["layers"][0]["digest"] == layer.digest.to_string());
    let mut set = set.tag("sparse-image");
    let children = [set.image(), Manifest::of_document(&json!({ "never": "pushed" })).descriptor()];
    set.index(&children, |_| {});
    walk(&set.tag("sparse-index"));
}

#[test]
fn r01_everything_may_have_longer_digests() {
    let mut set = Set::with(Algorithm::Sha512);
    let subject = set.platforms();
    set.artifact(ARTIFACT, |document| document["subject"] = subject.clone());
    set.blob(EMPTY, "{}");
    walk(&set);
}

#[test]
fn r01_tags_come_with_the_digest_they_name() {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let mut set = Set::with(algorithm);
        set.platforms();
        let mut set = set.tag("first").tag("second");
        let children: Vec<_> = set.manifests[..2].iter().map(|child| child.digest).collect();
        set.tags.extend(children.into_iter().enumerate().map(|(place, child)| (format!("child-{place}"), child)));
        walk_with(&set, Tagging::Parameters);
    }
}
