//! Archives that mean harm, or came to harm.

use super::*;

/// A legacy archive with what `change` makes of its list, and with more members.
fn legacy(change: impl FnOnce(&mut serde_json::Value), more: &[(&str, &[u8])]) -> Vec<u8> {
    let mut image = image("one");
    image.layers.truncate(1);
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [image.diff_ids[0]] } });
    let config = config.to_string();
    let mut list = json!([{ "Config": "config.json", "RepoTags": ["a:1"], "Layers": ["layer.tar"] }]);
    change(&mut list);
    let list = list.to_string();
    let mut members: Vec<(&str, &[u8])> =
        vec![("config.json", config.as_bytes()), ("layer.tar", &image.layers[0].1), ("manifest.json", list.as_bytes())];
    members.extend(more);
    tar(&members)
}

async fn refusal(bytes: &[u8]) -> Error {
    Place::new().load(bytes).await.unwrap_err()
}

#[tokio::test]
async fn t104_names_in_the_list_stay_in_the_archive() {
    assert!(Place::new().load(&legacy(|_| {}, &[])).await.is_ok());
    for name in ["../../etc/passwd", "a/../../x", ".."] {
        for key in ["Config", "Layers"] {
            let value = if key == "Config" { json!(name) } else { json!([name]) };
            let error = refusal(&legacy(|list| list[0][key] = value, &[])).await;
            assert_eq!(error.kind(), Kind::Unsafe, "{key} {name} {error}");
        }
    }
    for name in ["/etc/passwd", "missing", "/proc/self/environ"] {
        let error = refusal(&legacy(|list| list[0]["Layers"] = json!([name]), &[])).await;
        assert_eq!(error.kind(), Kind::Mismatch, "{name}");
    }
}

#[tokio::test]
async fn t104_lists_that_lie_are_refused() {
    let kinds = [
        (legacy(|list| list[0]["Layers"] = json!([]), &[]), Kind::Mismatch),
        (legacy(|list| list[0]["Layers"] = json!(["layer.tar", "layer.tar"]), &[]), Kind::Mismatch),
        (legacy(|list| list[0]["Layers"] = json!(["config.json"]), &[]), Kind::Mismatch),
        (legacy(|list| list[0]["config"] = json!("other"), &[]), Kind::Mismatch),
        (legacy(|list| list[0]["RepoTags"] = json!(["Not A Name"]), &[]), Kind::Mismatch),
        (legacy(|list| *list = json!({}), &[]), Kind::Mismatch),
        (legacy(|list| *list = json!([]), &[]), Kind::NotFound),
        (legacy(|list| list[0]["Config"] = json!(format!("{}.json", "0".repeat(64))), &[]), Kind::Mismatch),
    ];
    for (number, (bytes, kind)) in kinds.into_iter().enumerate() {
        let error = refusal(&bytes).await;
        assert_eq!(error.kind(), kind, "{number}: {error}");
    }
}

#[tokio::test]
async fn t105_a_name_that_stands_for_two_contents_is_refused() {
    for name in ["manifest.json", "config.json", "layer.tar", "./layer.tar"] {
        assert_eq!(refusal(&legacy(|_| {}, &[(name, b"[]")])).await.kind(), Kind::Unsafe, "{name}");
    }
    let twice =
        |list: &mut serde_json::Value| *list = json!([list[0], { "Config": "x", "RepoTags": ["a:1"], "Layers": [] }]);
    assert_eq!(refusal(&legacy(twice, &[])).await.kind(), Kind::Unsafe);
}

#[tokio::test]
async fn t105_two_lists_that_disagree_are_refused() {
    let other = image("other").manifest();
    let mut root = other.descriptor();
    root.annotations.insert("io.containerd.image.name".into(), "docker.io/library/a:1".into());
    let index = json!({ "schemaVersion": 2, "manifests": [root] }).to_string();
    let blob = format!("blobs/sha256/{}", other.digest().hex());
    let more: [(&str, &[u8]); 3] = [
        ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
        ("index.json", index.as_bytes()),
        (&blob, other.bytes()),
    ];
    assert_eq!(refusal(&legacy(|_| {}, &more)).await.kind(), Kind::Unsafe);
}

#[tokio::test]
async fn t104_broken_layouts_are_refused() {
    let marker: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let digest = Digest::of(b"x");
    let index = |digest: &str, size: i64| {
        json!({ "schemaVersion": 2, "manifests": [{ "mediaType": MediaType::OCI_MANIFEST, "digest": digest, "size": size }] })
            .to_string()
    };
    let path = format!("blobs/sha256/{}", digest.hex());
    let cases: Vec<(Vec<u8>, Kind)> = vec![
        (tar(&[]), Kind::Mismatch),
        (tar(&[marker]), Kind::Mismatch),
        (tar(&[("oci-layout", b"{}")]), Kind::Mismatch),
        (tar(&[("oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#)]), Kind::Unsupported),
        (tar(&[marker, ("index.json", b"{}")]), Kind::Mismatch),
        (tar(&[marker, ("index.json", index("sha256:../../x", 1).as_bytes())]), Kind::Mismatch),
        (tar(&[marker, ("index.json", index(&digest.to_string(), -1).as_bytes())]), Kind::Mismatch),
        (tar(&[marker, ("index.json", index(&digest.to_string(), 1).as_bytes())]), Kind::NotFound),
        (tar(&[marker, ("index.json", index(&digest.to_string(), 2).as_bytes()), (&path, b"x")]), Kind::Mismatch),
        (tar(&[marker, ("index.json", index(&digest.to_string(), 1).as_bytes()), (&path, b"y")]), Kind::Mismatch),
        (tar(&[marker, ("index.json", br#"{"schemaVersion":2,"manifests":[]}"#)]), Kind::NotFound),
        (tar(&[("repositories", b"{}")]), Kind::Mismatch),
    ];
    let place = Place::new();
    for (number, (bytes, kind)) in cases.into_iter().enumerate() {
        let error = place.load(&bytes).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{number}: {error}");
        let error = async {
            let source = place.oci("load.tar").await?;
            let root = source.resolve(None).await?;
            read_all(&source, &root).await
        };
        assert!(error.await.is_err(), "{number}");
    }
}

#[tokio::test]
async fn t109_a_cut_archive_is_an_error_at_every_block() {
    let place = Place::new();
    let writer = DockerArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    image("one").put(&writer, Some("a:1")).await.unwrap();
    writer.finish().await.unwrap();
    let whole = bytes_of(&place.path("a.tar"));
    assert!(whole.len() / 512 >= 16);
    for end in (0..whole.len()).step_by(512) {
        assert_eq!(place.load(&whole[..end]).await.unwrap_err().kind(), Kind::Mismatch, "{end}");
    }
    assert!(place.load(&whole).await.is_ok());
}

#[tokio::test]
async fn a_flipped_byte_is_found() {
    let place = Place::new();
    let writer = DockerArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    image("one").put(&writer, Some("a:1")).await.unwrap();
    writer.finish().await.unwrap();
    let whole = bytes_of(&place.path("a.tar"));
    let expected = place.load(&whole).await.unwrap().digest;
    for at in (0..whole.len()).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        // A byte of padding or of a header's unused field may change; what is read may not.
        if let Ok(root) = place.load(&damaged).await {
            assert_eq!(root.digest, expected, "{at}");
        }
    }
}
