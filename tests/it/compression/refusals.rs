//! What is refused: contradictions on the command line, and layers that are not what they claim to be.

use std::io::Write;

use imgctl::oci::{Compression, Descriptor, Digest, MediaType};
use serde_json::{Value, json};

use super::{builder, given};
use crate::support::env::Env;
use crate::support::image::TestImage;

/// An image of one layer of these bytes, which unpacks to `diff_ids`, or so it says: `oci:bad:x`.
fn claiming(env: &Env, media_type: MediaType, layer: &[u8], diff_ids: &[Digest]) {
    let config = json!({
        "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = config.to_string().into_bytes();
    let descriptors = (Descriptor::of(MediaType::OCI_CONFIG, &config), Descriptor::of(media_type, layer));
    let document = json!({ "schemaVersion": 2, "config": descriptors.0, "layers": [descriptors.1] });
    let mut image = TestImage::of_document(MediaType::OCI_MANIFEST, &document);
    image.blobs.insert(descriptors.0.digest, config.into());
    image.blobs.insert(descriptors.1.digest, layer.to_vec().into());
    let _ = std::fs::remove_dir_all(env.path("bad"));
    image.write_layout(&env.path("bad"), "x");
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn contradictions_are_usage_errors() {
    let env = Env::new();
    given(&env, Compression::Gzip);
    for how in ["gzip:0", "gzip:10", "zstd:0", "zstd:23", "none:1", "xz", "gzip:best", "", "zstd:"] {
        env.imgctl(["copy", "--compress", how, "oci:given:x", "oci:out:x"]).run().fails(2);
        env.imgctl(["save", "--compress", how, "-o", "out.tar", "app"]).run().fails(2);
    }
    let says = "--preserve-digests does not go with --compress";
    for dry_run in [&["--dry-run"][..], &[]] {
        let args =
            [&["copy", "--preserve-digests", "--compress", "zstd", "oci:given:x", "oci:out:x"], dry_run].concat();
        env.imgctl(args).run().fails(2).says(says);
    }
    assert!(!env.path("out/index.json").exists());
}

#[test]
fn layers_that_do_not_unpack_to_their_diff_id_are_refused() {
    let env = Env::new();
    let content = b"hello ".repeat(1000);
    let (right, wrong) = (Digest::of(&content), Digest::of(b"other"));
    let packed = gzip(&content);
    let mut flipped = packed.clone();
    let middle = packed.len() / 2;
    flipped[middle] ^= 0x55;
    let garbage = [&packed[..], b"garbage"].concat();
    for (what, layer, diff_ids, says) in [
        ("a wrong diff id", &packed[..], &[wrong][..], "it unpacks to"),
        ("a cut layer", &packed[..packed.len() - 4], &[right], "damaged or cut short"),
        ("half a layer", &packed[..packed.len() / 2], &[right], "damaged or cut short"),
        ("a flipped layer", &flipped, &[right], "recompress layer"),
        ("something behind the layer", &garbage, &[right], "recompress layer"),
        ("nothing", &[], &[right], "it unpacks to"),
        ("no diff id", &packed, &[], "it has 0 diff ids for 1 layers"),
        ("a diff id too many", &packed, &[right, right], "it has 2 diff ids for 1 layers"),
    ] {
        claiming(&env, MediaType::OCI_LAYER_GZIP, layer, diff_ids);
        let outcome = env.imgctl(["copy", "--compress", "zstd", "oci:bad:x", "oci:out:x"]).run();
        assert_eq!(outcome.code, Some(5), "{what}: {}", outcome.told());
        outcome.says("source: ").says(says);
        assert!(
            !env.path("out/blobs/sha256").exists()
                || std::fs::read_dir(env.path("out/blobs/sha256")).unwrap().count() == 0
        );
        env.assert_no_leftovers();
    }
    // What a layer is called does not matter, what it is does: this one is not compressed at all.
    claiming(&env, MediaType::OCI_LAYER_GZIP, &content, &[right]);
    env.imgctl(["copy", "-q", "--compress", "zstd", "oci:bad:x", "oci:out:x"]).run().ok();
}

#[test]
fn a_layer_that_is_not_what_its_descriptor_says_is_refused() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    let path = env.path("given/blobs/sha256").join(image.layers()[0].hex());
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let outcome = env.imgctl(["copy", "--compress", "zstd", "oci:given:x", "oci:out:x"]).run();
    outcome.fails(5).says("the content received has digest");
    env.assert_no_leftovers();
}

#[test]
fn t102_bombs_are_bounded() {
    let env = Env::new();
    // Some kilobytes that unpack to more than a gigabyte.
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..1100 {
        bomb.write_all(&zeros).unwrap();
    }
    claiming(&env, MediaType::OCI_LAYER_ZSTD, &bomb.finish().unwrap(), &[Digest::of(b"")]);
    let outcome = env.imgctl(["copy", "--compress", "gzip:1", "oci:bad:x", "oci:out:x"]).run().fails(6);
    assert!(outcome.max_rss_kib < 128 * 1024, "{} KiB", outcome.max_rss_kib);
    env.assert_no_leftovers();
    // A window of 2 GiB.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    claiming(&env, MediaType::OCI_LAYER_ZSTD, &window, &[Digest::of(b"")]);
    env.imgctl(["copy", "--compress", "gzip", "oci:bad:x", "oci:out:x"]).run().fails(6);
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let env = Env::new();
    let image = given(&env, Compression::Gzip);
    builder("linux/arm64").compression(Compression::Zstd).build().write_layout(&env.path("zstd"), "x");
    let args = ["copy", "--dry-run", "--format", "json", "--compress", "zstd", "oci:given:x", "oci:out:x"];
    let outcome = env.imgctl(args).run().ok().says("would recompress 3 blobs");
    let rows: Vec<Value> = outcome.stdout_text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let concerned: Vec<&Value> =
        rows.iter().filter(|row| row["State"] == "recompress").map(|row| &row["Digest"]).collect();
    assert_eq!(
        concerned,
        image.layers().iter().map(|layer| json!(layer)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
    );
    let none = env.imgctl(["copy", "--dry-run", "--compress", "zstd", "oci:zstd:x", "oci:out:x"]).run().ok();
    assert!(!none.stderr.contains("recompress"), "{}", none.told());
    assert!(!env.path("out/index.json").exists());
}
