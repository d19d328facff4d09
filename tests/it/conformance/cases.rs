//! Sets of content of every kind, each pushed whole by [`super::walk`].

use imgctl::oci::Algorithm;
use serde_json::{Value, json};

use super::sets::{ARTIFACT, Blob, CONFIG, EMPTY, LAYER, Manifest, OTHER_ARTIFACT, Set};

/// All of them.
pub const CASES: [fn() -> Set; 17] = [
    image,
    no_layers,
    large,
    index,
    nested,
    empty_index,
    artifact,
    bare_artifact,
    artifact_index,
    of_an_image,
    of_an_index,
    of_nothing,
    inline_data,
    foreign_layers,
    unknown_fields,
    sparse,
    sha512,
];

/// An image of two layers.
pub fn image() -> Set {
    let mut set = Set::new();
    set.image();
    set.tag("image")
}

/// An image of its config alone.
pub fn no_layers() -> Set {
    let mut set = Set::new();
    set.image_but(|document| document["layers"] = json!([]));
    set.blobs.remove(0);
    set.blobs.remove(0);
    set.tag("no-layers")
}

/// A manifest of almost four mebibytes.
pub fn large() -> Set {
    let mut set = Set::new();
    set.image_but(|document| {
        for number in 0..390 {
            document["annotations"][format!("large-{number}")] = "A".repeat(10_000).into();
        }
    });
    set.tag("large")
}

/// An index over two images.
pub fn index() -> Set {
    let mut set = Set::new();
    set.platforms();
    set.tag("index")
}

/// An index over two indexes.
pub fn nested() -> Set {
    let mut set = Set::new();
    let children = [set.platforms(), set.platforms()];
    set.index(&children, |_| {});
    set.tag("nested")
}

/// An index over nothing.
pub fn empty_index() -> Set {
    let mut set = Set::new();
    set.index(&[], |_| {});
    set.tag("empty")
}

/// An artifact.
pub fn artifact() -> Set {
    let mut set = Set::new();
    set.artifact(ARTIFACT, |_| {});
    set.tag("artifact")
}

/// An artifact of nothing: the empty blob is its config and its content.
pub fn bare_artifact() -> Set {
    let mut set = Set::new();
    set.artifact(ARTIFACT, |document| document["layers"] = json!([document["config"]]));
    set.blobs.pop();
    set.tag("bare")
}

/// An index over artifacts that is one itself.
pub fn artifact_index() -> Set {
    let mut set = Set::new();
    let children = [set.artifact(ARTIFACT, |_| {}), set.artifact(OTHER_ARTIFACT, noted)];
    set.index(&children, |document| document["artifactType"] = ARTIFACT.into());
    set.tag("artifact-index")
}

/// An image and what refers to it.
pub fn of_an_image() -> Set {
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
    set.tag("tagged-2")
}

/// An index and what refers to it.
pub fn of_an_index() -> Set {
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
    set.tag("referring")
}

/// What refers to a manifest that is never pushed.
pub fn of_nothing() -> Set {
    let mut set = Set::new();
    let missing = Manifest::of_document(&json!({ "never": "pushed" }));
    set.artifact(ARTIFACT, |document| document["subject"] = missing.descriptor());
    set.tag("referring")
}

/// A descriptor that carries its content.
pub fn inline_data() -> Set {
    let mut set = Set::new();
    // `aGVsbG8=` is `hello`.
    let mut layer = set.blob(LAYER, "hello");
    layer["data"] = "aGVsbG8=".into();
    set.image_but(|document| document["layers"] = json!([layer]));
    set.tag("data")
}

/// An image with layers that are elsewhere.
pub fn foreign_layers() -> Set {
    let mut set = Set::new();
    let foreign = |kind: &str| {
        let blob = Blob::random(Algorithm::Sha256, 10);
        json!({ "mediaType": format!("application/vnd.oci.image.layer.nondistributable.v1.{kind}"), "size": 123_456,
            "digest": blob.digest.to_string(), "urls": [format!("https://blobs.example.com/{}", blob.digest)] })
    };
    set.image_but(|document| {
        document["layers"].as_array_mut().unwrap().extend([foreign("tar"), foreign("tar+gzip")]);
    });
    set.tag("foreign")
}

/// Documents with fields that nobody knows.
pub fn unknown_fields() -> Set {
    let mut set = Set::new();
    let strange = |document: &mut Value| document["org.example.strange"] = json!({ "a": [1.50, null, "x"] });
    let config = set.blob(CONFIG, r#"{"os":"linux","architecture":"amd64","strange":1e3}"#);
    let mut child = set.image_but(|document| {
        strange(document);
        document["config"] = config;
    });
    strange(&mut child);
    set.index(&[child], strange);
    set.tag("custom")
}

/// An image and an index that name what is never pushed.
pub fn sparse() -> Set {
    let mut set = Set::new();
    set.image();
    let layer = set.blobs.remove(0);
    assert!(set.manifests[0].document()["layers"][0]["digest"] == layer.digest.to_string());
    let mut set = set.tag("sparse-image");
    let children = [set.image(), Manifest::of_document(&json!({ "never": "pushed" })).descriptor()];
    set.index(&children, |_| {});
    set.tag("sparse-index")
}

/// Everything with longer digests, and no tag.
pub fn sha512() -> Set {
    let mut set = Set::with(Algorithm::Sha512);
    let subject = set.platforms();
    set.artifact(ARTIFACT, |document| document["subject"] = subject.clone());
    set.blob(EMPTY, "{}");
    set
}

fn noted(document: &mut Value) {
    document["annotations"] =
        json!({ "org.example.note": "hello", "org.example.other": "größer \u{1F600} \"quoted\"" });
}
