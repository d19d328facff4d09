//! Manifests and indexes that are ambiguous, wrong or endless.

use std::fs;

use imgctl::oci::{Digest, MediaType};
use serde_json::{Value, json};

use crate::documents::{RSS_KIB, assert_only_manifest_was_read, names_nothing, refused, refused_by};
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

/// `image` with its manifest edited.
fn edited(image: &TestImage, edit: impl FnOnce(&mut Value)) -> TestImage {
    let mut document = image.document();
    edit(&mut document);
    TestImage { manifest: document.to_string().into(), ..image.clone() }
}

/// `image` with the first `from` in its manifest replaced.
fn replaced(image: &TestImage, from: &str, to: &str) -> TestImage {
    let text = image.document().to_string();
    assert!(text.contains(from), "no {from} in {text}");
    TestImage { manifest: text.replacen(from, to, 1).into(), ..image.clone() }
}

/// What is no digest.
fn bad_digests() -> Vec<String> {
    let hex = Digest::of(b"x").hex();
    vec![
        "sha256:../../../../../../etc/passwd".to_owned(),
        "../../../../etc/passwd".to_owned(),
        hex.clone(),
        String::new(),
        ":".to_owned(),
        "sha256:".to_owned(),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}", hex.to_uppercase()),
        format!("SHA256:{hex}"),
        format!("sha256+b64:{hex}"),
        format!("sha512:{hex}"),
        format!("md5:{}", &hex[..32]),
        format!("sha256:{}\0", &hex[1..]),
        format!("sha256:{}\u{663}", &hex[2..]),
        format!(" sha256:{hex}"),
        format!("sha256:{hex}/../x"),
        "a".repeat(1 << 20),
    ]
}

#[test]
fn d01_an_ambiguous_manifest_is_refused() {
    for shape in 1..=5 {
        let (outcome, registry) = refused(&format!("f/ambig-{shape}"), &TestImage::small(), 5);
        outcome.says("manifest").within(2.0);
        assert_only_manifest_was_read(&registry);
    }
    let (_, registry) = refused("f/mediatype", &TestImage::small(), 5);
    assert_only_manifest_was_read(&registry);
}

#[test]
fn d01_a_manifest_without_media_type_is_what_its_content_type_says() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let image = edited(&TestImage::small(), |manifest| drop(manifest.as_object_mut().unwrap().remove("mediaType")));
    registry.put_image("ok/a", "1", &image);
    env.imgctl(["copy", &registry.reference("ok/a:1"), "oci:out"]).run().ok();
}

#[test]
fn d02_keys_that_others_read_otherwise_are_refused() {
    for fault in ["f/dupkey", "f/casekey", "f/dupdigest"] {
        let (_, registry) = refused(fault, &TestImage::small(), 5);
        assert_only_manifest_was_read(&registry);
    }
    let image = TestImage::small();
    let text = image.document().to_string();
    for (from, to) in [
        ("\"layers\":", "\"Layers\":"),
        ("\"layers\":", "\"layer\u{17f}\":[],\"layers\":"),
        ("\"size\":", "\"size\":1,\"size\":"),
        ("\"digest\":", "\"Digest\":\"\",\"digest\":"),
        ("\"size\":", "\"size\":1e3,\"was\":"),
        ("\"size\":", "\"size\":\"5\",\"was\":"),
        ("\"size\":", "\"size\":5.5,\"was\":"),
        ("{", "\u{feff}{"),
        ("{", "{} {"),
        ("{", "{\"x\":\"\\ud800\","),
        ("{", "{\"annotations\":{\"a\":\"1\",\"a\":\"2\"},"),
    ] {
        let (outcome, registry) = refused("ok/a", &replaced(&image, from, to), 5);
        outcome.says("manifest");
        assert_only_manifest_was_read(&registry);
    }
    for bytes in [
        [text.as_bytes(), b" {}"].concat(),
        [&text.as_bytes()[..1], b"\"x\":\"\xff\",", &text.as_bytes()[1..]].concat(),
    ] {
        refused("ok/a", &TestImage { manifest: bytes.into(), ..image.clone() }, 5);
    }
}

#[test]
fn d03_a_bad_digest_is_refused_before_anything_is_asked_with_it() {
    let image = TestImage::small();
    for variant in 0..=13 {
        let (_, registry) = refused(&format!("f/badlayerdigest-{variant}"), &image, 5);
        assert_only_manifest_was_read(&registry);
    }
    for bad in bad_digests() {
        let layer = edited(&image, |manifest| manifest["layers"][0]["digest"] = json!(bad));
        let config = edited(&image, |manifest| manifest["config"]["digest"] = json!(bad));
        let subject = edited(&image, |manifest| {
            manifest["subject"] = json!({ "mediaType": MediaType::OCI_MANIFEST, "digest": bad, "size": 2 });
        });
        let mut index =
            edited(&TestImage::index(vec![image.clone()]), |index| index["manifests"][0]["digest"] = json!(bad));
        index.children.clear();
        for wrong in [layer, config, subject, index] {
            let (outcome, registry) = refused("ok/a", &wrong, 5);
            assert!(outcome.stderr.len() < 4096, "a message of {} bytes", outcome.stderr.len());
            assert_only_manifest_was_read(&registry);
        }
    }
}

#[test]
fn d03_a_bad_digest_in_a_layout_opens_no_file() {
    let image = TestImage::small();
    for bad in bad_digests() {
        let env = Env::new();
        env.write("secret", "not yours");
        image.write_layout(&env.path("given"), "x");
        let index = fs::read_to_string(env.path("given/index.json")).unwrap();
        let mut index: Value = serde_json::from_str(&index).unwrap();
        index["manifests"][0]["digest"] = json!(bad);
        fs::write(env.path("given/index.json"), index.to_string()).unwrap();
        let trace = env.path("trace").display().to_string();
        let program = env!("CARGO_BIN_EXE_imgctl");
        let args = ["-f", "-qq", "-e", "trace=openat,open", "-o", &trace, program, "copy", "oci:given:x", "oci:out"];
        env.tool("strace", args).run().fails(5);
        let opened = fs::read_to_string(&trace).unwrap();
        let inside: Vec<&str> =
            opened.lines().filter(|line| line.contains("given/blobs") || line.contains("passwd")).collect();
        assert!(inside.is_empty(), "{inside:?}");
        assert!(names_nothing(&env.path("out")));
        env.assert_no_leftovers();
    }
}

#[test]
fn d03_a_bad_digest_on_the_command_line_is_a_wrong_use() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    for bad in bad_digests().iter().filter(|bad| !bad.contains('\0') && bad.len() < 1000) {
        env.imgctl(["copy", &format!("{}@{bad}", registry.reference("ok/a")), "oci:out"]).run().fails(2);
    }
    assert!(registry.requests().is_empty());
}

#[test]
fn d03_a_bad_digest_in_a_header_is_none() {
    let (env, registry) = (Env::new(), FaultRegistry::start_with("nodcd"));
    registry.put_image("f/emptydcd", "1", &TestImage::small());
    env.imgctl(["copy", &registry.reference("f/emptydcd:1"), "oci:out"]).run().ok();
    refused("f/wrongdcd", &TestImage::small(), 5);
}

#[test]
fn d04_the_pinned_digest_wins() {
    let image = TestImage::small();
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let digest = registry.put_image("f/pinned", "1", &image).digest();
    for name in [format!("f/pinned@{digest}"), format!("f/pinned:1@{digest}")] {
        let outcome = refused_by(&env, &registry, &[&name], 5);
        outcome.says(&digest.to_string());
        assert!(registry.requests().iter().all(|request| !request.path.contains("/blobs/")));
    }
    // A tag that moved is told; the digest decides.
    let newer = registry.put_image("ok/a", "2", &TestImage::of_size(1, 100)).digest();
    registry.put_image("ok/a", "1", &image);
    let outcome = env.imgctl(["copy", &format!("{}@{digest}", registry.reference("ok/a:2")), "oci:moved:x"]).run().ok();
    outcome.says(&newer.to_string());
    assert_eq!(env.imgctl(["digest", "oci:moved:x"]).run().ok().stdout_text().trim(), digest.to_string());
}

#[test]
fn d05_sizes_that_lie_are_refused() {
    let image = TestImage::of_size(1, 100_000);
    for fault in ["f/negsize", "f/hugesize", "f/wrongsize", "f/extra", "f/infinite"] {
        let (_, registry) = refused(fault, &image, 5);
        let sent = registry.bytes_sent(fault);
        assert!(sent < 5 * (image.size() + 64 * 1024), "{fault}: {sent} bytes");
    }
    for size in [json!(u64::MAX), json!(i64::MAX as u64 + 1), json!(-1), json!(0), json!(1_u64 << 50)] {
        for place in ["config", "layers"] {
            let wrong = edited(&image, |manifest| match place {
                "config" => manifest["config"]["size"] = size.clone(),
                _ => manifest["layers"][0]["size"] = size.clone(),
            });
            refused("ok/a", &wrong, 5);
        }
        let mut index = edited(&TestImage::index(vec![image.clone()]), |index| index["manifests"][0]["size"] = size);
        index.children.truncate(1);
        refused("ok/a", &index, 5);
    }
}

#[test]
fn d07_deep_json_is_an_error_and_no_crash() {
    let (outcome, _) = refused("f/deepjson", &TestImage::small(), 5);
    outcome.within(2.0);
    let deep = |brackets: [&str; 2]| format!("{}{}", brackets[0].repeat(200_000), brackets[1].repeat(200_000));
    for brackets in [["[", "]"], ["{\"a\":", "}"]] {
        let image = replaced(&TestImage::small(), "\"layers\":", &format!("\"layers\":{},\"x\":", deep(brackets)));
        refused("ok/a", &image, 5);
    }
    // In a config, where labels are the author's own.
    let env = Env::new();
    let config =
        format!("{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{\"Labels\":{}}}}}", deep(["{\"a\":", "}"]));
    let mut image = TestImage::small();
    image.blobs.remove(&image.config());
    let digest = Digest::of(config.as_bytes());
    let image = edited(&image, |manifest| {
        manifest["config"]["digest"] = json!(digest);
        manifest["config"]["size"] = json!(config.len());
    });
    let mut image = image;
    image.blobs.insert(digest, config.into());
    image.write_layout(&env.path("given"), "x");
    env.imgctl(["inspect", "oci:given:x"]).run().fails(5).within(2.0);
}

#[test]
fn d09_wide_and_deep_indexes_are_refused() {
    let image = TestImage::small();
    for (fault, code) in [("f/wide-20000", 6), ("f/wide-100000", 5), ("f/deep-50", 6)] {
        let (outcome, registry) = refused(fault, &image, code);
        outcome.within(10.0);
        assert!(registry.requests().len() < 100, "{fault}: {} requests", registry.requests().len());
    }
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/deep-7", "1", &image);
    env.imgctl(["copy", &registry.reference("f/deep-7:1"), "oci:out"]).run().ok();
}

#[test]
fn d09_referrers_in_a_circle_end() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/cycle", "1", &TestImage::small());
    let outcome = env.imgctl(["copy", "--referrers", &registry.reference("f/cycle:1"), "oci:out"]).run();
    outcome.ok().within(5.0);
    let asked = registry.requests().len();
    assert!(asked < 30, "{asked} requests");
}

#[test]
fn d09_an_index_that_holds_itself_ends() {
    // No digest is in what it is made of; a layout can say so all the same.
    let env = Env::new();
    let index = TestImage::index(vec![TestImage::small()]);
    let own = edited(&index, |document| document["manifests"][0]["digest"] = json!(index.digest()));
    TestImage { children: Vec::new(), ..index.clone() }.write_layout(&env.path("given"), "x");
    let path = env.path(format!("given/blobs/sha256/{}", index.digest().hex()));
    fs::write(path, &own.manifest).unwrap();
    let outcome = env.imgctl(["copy", "oci:given:x", "oci:out"]).run().fails(5).within(5.0);
    assert!(outcome.max_rss_kib < RSS_KIB);
    assert!(names_nothing(&env.path("out")));
}

#[test]
fn d14_a_body_of_another_type_is_refused() {
    let (outcome, registry) = refused("f/mediatype", &TestImage::small(), 5);
    outcome.says("application/vnd.oci.image.index.v1+json").within(2.0);
    assert_only_manifest_was_read(&registry);
    // A child that is another thing than its index says.
    let child = TestImage { media_type: MediaType::OCI_INDEX, ..TestImage::small() };
    let index = TestImage::index(vec![child]);
    refused("ok/a", &index, 5);
    let docker = ImageBuilder::new().docker().layer(Layer::of_file("a", "b")).build();
    let oci = TestImage { media_type: MediaType::OCI_MANIFEST, ..docker };
    refused("ok/a", &oci, 5);
    // What says nothing of the kind is no contradiction.
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/octets", "1", &TestImage::small());
    env.imgctl(["copy", &registry.reference("f/octets:1"), "oci:out"]).run().ok();
}
