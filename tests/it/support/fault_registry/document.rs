//! Documents that are wrong: each function takes a right image and gives one with exactly one flaw. It is put under its
//! own digest, so nothing else about it is wrong.

use imgctl::oci::{Digest, MediaType};
use serde_json::{Value, json};

use super::content::Repository;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;

/// What is no digest, by number.
pub fn bad_digest(number: u16) -> String {
    let hex = Digest::of(b"x").hex();
    match number {
        0 => "sha256:../../../../../../etc/passwd".to_owned(),
        1 => hex,
        2 => String::new(),
        3 => format!("sha256:{}", &hex[1..]),
        4 => format!("sha256:{hex}0"),
        5 => "sha256:..".to_owned(),
        6 => format!("sha256+b64:{hex}"),
        7 => format!("md5:{}", &hex[..32]),
        8 => format!("sha1:{}", &hex[..40]),
        9 => format!("sha256:{}\0", &hex[1..]),
        10 => format!("sha256:{}٣", &hex[2..]),
        11 => "a".repeat(1 << 20),
        12 => format!("sha256:{}", hex.to_uppercase()),
        13 => format!("sha256:{hex}?x=/../.."),
        _ => panic!("there is no bad digest {number}"),
    }
}

/// The same image with another manifest.
pub fn with_text(image: TestImage, text: String) -> TestImage {
    TestImage { manifest: text.into(), ..image }
}

/// The same image with its manifest edited.
pub fn edited(image: TestImage, edit: impl FnOnce(&mut Value)) -> TestImage {
    let mut document = image.document();
    edit(&mut document);
    with_text(image, document.to_string())
}

/// The same image with the first `from` in its manifest replaced.
pub fn replaced(image: TestImage, from: &str, to: &str) -> TestImage {
    let text = image.document().to_string();
    assert!(text.contains(from), "the manifest has no {from}");
    with_text(image, text.replacen(from, to, 1))
}

/// Two shapes at once ([the advisory](https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m)).
pub fn ambiguous(image: TestImage, number: u16) -> TestImage {
    let child = json!([image.descriptor()]);
    match number {
        1 => edited(image, |manifest| manifest["manifests"] = child),
        2 => edited(image, |manifest| {
            manifest["manifests"] = child;
            manifest.as_object_mut().unwrap().remove("layers");
        }),
        3 => edited(image, |manifest| manifest["fsLayers"] = json!([{ "blobSum": Digest::of(b"x") }])),
        4 => edited(image, |manifest| manifest["mediaType"] = json!(MediaType::OCI_INDEX)),
        5 => {
            let index =
                edited(TestImage::index(vec![image]), |index| drop(index.as_object_mut().unwrap().remove("mediaType")));
            TestImage { media_type: MediaType::OCI_MANIFEST, ..index }
        }
        _ => panic!("there is no ambig-{number}"),
    }
}

/// The manifest with `depth` nested arrays under a key nobody knows.
pub fn deep(image: TestImage, depth: usize) -> TestImage {
    let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    replaced(image, "{", &format!("{{\"nested\":{nested},"))
}

/// An index of `count` children, none of which exists but the last.
pub fn wide_index(image: TestImage, count: usize) -> TestImage {
    let absent = |number: usize| {
        let digest = Digest::of(&number.to_le_bytes());
        json!({ "mediaType": MediaType::OCI_MANIFEST, "digest": digest, "size": 2 })
    };
    let mut manifests: Vec<Value> = (1..count).map(absent).collect();
    manifests.push(json!(image.descriptor()));
    edited(TestImage::index(vec![image]), |index| index["manifests"] = json!(manifests))
}

/// `depth` indexes around the image.
pub fn deep_index(image: TestImage, depth: usize) -> TestImage {
    (0..depth).fold(image, |inner, _| TestImage::index(vec![inner]))
}

/// A config of more bytes than anybody should hold in memory.
pub fn big_config(mut image: TestImage, size: usize) -> TestImage {
    let old = image.blobs.remove(&image.config()).expect("a config");
    let mut config: Value = serde_json::from_slice(&old).unwrap();
    config["padding"] = json!("a".repeat(size));
    let config = config.to_string();
    let digest = Digest::of(config.as_bytes());
    let size = config.len();
    image.blobs.insert(digest, config.into());
    edited(image, |manifest| {
        manifest["config"]["digest"] = json!(digest);
        manifest["config"]["size"] = json!(size);
    })
}

/// The last layer is to be fetched from `origin`, and only from there.
pub fn foreign_layer(mut image: TestImage, origin: &str) -> TestImage {
    let layer = *image.layers().last().expect("a layer");
    image.blobs.remove(&layer);
    edited(image, |manifest| {
        let layers = manifest["layers"].as_array_mut().unwrap();
        let descriptor = layers.last_mut().unwrap();
        descriptor["mediaType"] = json!("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip");
        descriptor["urls"] = json!([format!("{origin}/cdn/{layer}")]);
    })
}

/// Two artifacts of which, by the fallback tags, each refers to the other.
pub fn referrers_in_a_circle(repository: &mut Repository, image: &TestImage) {
    let artifact = ImageBuilder::new().artifact_type("application/x.circle").subject(image).build();
    repository.put_image("circle", &artifact);
    for (of, by) in [(image, &artifact), (&artifact, image)] {
        let tag = of.digest().to_string().replace(':', "-");
        let mut descriptor = json!(by.descriptor());
        descriptor["artifactType"] = json!("application/x.circle");
        let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [descriptor] });
        repository.put_image(&tag, &TestImage::of_document(MediaType::OCI_INDEX, &index));
    }
}
