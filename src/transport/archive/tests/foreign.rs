//! Archives as other tools write them.

use super::*;

/// `docker save` before 25 and `podman save`.
fn old_docker(image: &Image) -> Vec<u8> {
    let (config, _) = image.legacy();
    let ids = ["a".repeat(64), "b".repeat(64)];
    let layers: Vec<String> = ids.iter().map(|id| format!("{id}/layer.tar")).collect();
    let list = json!([{ "Config": config, "RepoTags": ["busybox:1"], "Layers": layers }]).to_string();
    let plain = image.plain();
    tar(&[
        (&format!("{}/VERSION", ids[0]), b"1.0"),
        (&format!("{}/json", ids[0]), b"{}"),
        (&layers[0], &plain[0]),
        (&layers[1], &plain[1]),
        (&config, &image.config),
        ("manifest.json", list.as_bytes()),
        ("repositories", b"{}"),
    ])
}

impl Image {
    fn plain(&self) -> Vec<Bytes> {
        let unpacked = |bytes: &Bytes| {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            plain.into()
        };
        vec![self.layers[0].1.clone(), unpacked(&self.layers[1].1)]
    }
}

async fn manifest(place: &Place, bytes: &[u8]) -> Manifest {
    let root = place.load(bytes).await.unwrap();
    place.docker("load.tar").await.unwrap().resolve(None).await.unwrap();
    let source = place.docker("load.tar").await.unwrap();
    source.resolve(None).await.unwrap();
    source.manifest(&root).await.unwrap()
}

#[tokio::test]
async fn t106_docker_before_25_and_podman() {
    let place = Place::new();
    let image = image("one");
    let manifest = manifest(&place, &old_docker(&image)).await;
    let layers = &manifest.as_image().unwrap().layers;
    assert_eq!(layers.iter().map(|layer| layer.digest).collect::<Vec<_>>(), image.diff_ids);
    assert!(layers.iter().all(|layer| layer.media_type == MediaType::OCI_LAYER));
    let source = place.docker("load.tar").await.unwrap();
    assert_eq!(source.names().await.unwrap(), names(&["docker.io/library/busybox:1"]));
    let by_config = Name::new(Digest::of(&image.config).to_string());
    assert_eq!(source.resolve(Some(&by_config)).await.unwrap().digest, manifest.digest());
}

#[tokio::test]
async fn t106_compressed_as_a_whole() {
    let place = Place::new();
    let plain = old_docker(&image("one"));
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(&plain).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    let all = [gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap(), xz.finish().unwrap(), bzip2.finish().unwrap()];
    let expected = place.load(&plain).await.unwrap().digest;
    for bytes in all {
        assert_eq!(place.load(&bytes).await.unwrap().digest, expected);
        let cut = place.load(&bytes[..bytes.len() - 9]).await.unwrap_err();
        assert_eq!(cut.kind(), Kind::Mismatch, "{cut:?}");
    }
}

/// A tar of members that need a link or a spelling of their own.
fn tar_of(add: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    add(&mut builder);
    builder.into_inner().unwrap()
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, name, content).unwrap();
}

#[tokio::test]
async fn t106_skopeo_with_links_and_odd_spellings() {
    let place = Place::new();
    let image = image("one");
    let (config, layers) = image.legacy();
    let listed = ["id/layer.tar".to_owned(), format!("./{}", layers[1])];
    let list = json!([{ "Config": format!("/{config}"), "RepoTags": null, "Layers": listed }]).to_string();
    let bytes = tar_of(|builder| {
        for (name, content) in layers.iter().zip(image.plain()) {
            add(builder, &format!("./{name}"), &content);
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "id/layer.tar", format!("../{}", layers[0])).unwrap();
        add(builder, &config, &image.config);
        add(builder, "./manifest.json", list.as_bytes());
    });
    let manifest = manifest(&place, &bytes).await;
    let digests: Vec<Digest> = manifest.as_image().unwrap().layers.iter().map(|layer| layer.digest).collect();
    assert_eq!(digests, image.diff_ids);
}

#[tokio::test]
async fn t106_crane_with_compressed_layers() {
    let place = Place::new();
    let image = image("one");
    let packed: Vec<Vec<u8>> = vec![gzip(&image.plain()[0]), zstd::encode_all(&image.plain()[1][..], 1).unwrap()];
    let layers: Vec<String> = packed.iter().map(|bytes| format!("{}.tar.gz", Digest::of(bytes).hex())).collect();
    let config = Digest::of(&image.config).to_string();
    let list = json!([{ "Config": config, "RepoTags": ["a.example/b:c"], "Layers": layers }]).to_string();
    let members: [(&str, &[u8]); 4] = [
        (&config, &image.config),
        (&layers[0], &packed[0]),
        (&layers[1], &packed[1]),
        ("manifest.json", list.as_bytes()),
    ];
    let manifest = manifest(&place, &tar(&members)).await;
    let layers = &manifest.as_image().unwrap().layers;
    assert_eq!(layers[0], Descriptor::of(MediaType::OCI_LAYER_GZIP, &packed[0]));
    assert_eq!(layers[1], Descriptor::of(MediaType::OCI_LAYER_ZSTD, &packed[1]));

    let mut other = image.clone();
    other.config =
        String::from_utf8(image.config.to_vec()).unwrap().replace(&image.diff_ids[0].hex(), &"0".repeat(64)).into();
    let wrong =
        json!([{ "Config": "config.json", "Layers": members[1..3].iter().map(|member| member.0).collect::<Vec<_>>() }]);
    let wrong =
        tar(&[("config.json", &other.config), members[1], members[2], ("manifest.json", wrong.to_string().as_bytes())]);
    assert_eq!(place.load(&wrong).await.unwrap_err().kind(), Kind::Mismatch);
}

#[tokio::test]
async fn t106_docker_25_keeps_the_digests_of_its_manifests() {
    let place = Place::new();
    let mut image = image("one");
    image.layers[1] = (MediaType::OCI_LAYER, image.plain()[1].clone());
    let manifest = image.manifest();
    let mut root = manifest.descriptor();
    root.annotations.insert("io.containerd.image.name".into(), "docker.io/library/busybox:1".into());
    root.annotations.insert("org.opencontainers.image.ref.name".into(), "1".into());
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [root] }).to_string();
    let path = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let layers: Vec<String> = image.diff_ids.iter().map(path).collect();
    let config = path(&Digest::of(&image.config));
    let list = json!([{ "Config": config, "RepoTags": ["busybox:1"], "Layers": layers,
        "LayerSources": { image.diff_ids[0].to_string(): manifest.as_image().unwrap().layers[0] } }]);
    let bytes = tar(&[
        (&config, &image.config),
        (&layers[0], &image.layers[0].1),
        (&layers[1], &image.layers[1].1),
        (&path(&manifest.digest()), manifest.bytes()),
        ("index.json", index.as_bytes()),
        ("manifest.json", list.to_string().as_bytes()),
        ("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#),
    ]);
    assert_eq!(place.load(&bytes).await.unwrap().digest, manifest.digest());
    let source = place.docker("load.tar").await.unwrap();
    assert_eq!(source.names().await.unwrap(), names(&["docker.io/library/busybox:1"]));
    assert_eq!(source.resolve(Some(&Name::new("busybox:1"))).await.unwrap().digest, manifest.digest());
}

#[tokio::test]
async fn several_images_are_told_apart() {
    let place = Place::new();
    let images = [image("one"), image("other")];
    let mut members: Vec<(String, Bytes)> = Vec::new();
    let mut list = Vec::new();
    for (number, image) in images.iter().enumerate() {
        let (config, layers) = image.legacy();
        list.push(json!({ "Config": config, "RepoTags": [format!("app:{number}")], "Layers": layers }));
        members.push((config, image.config.clone()));
        members.extend(layers.into_iter().zip(image.plain()));
    }
    members.push(("manifest.json".into(), json!(list).to_string().into()));
    let members: Vec<(&str, &[u8])> = members.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let error = place.load(&tar(&members)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.hint().unwrap().contains("docker.io/library/app:0, docker.io/library/app:1"));
    let source = place.docker("load.tar").await.unwrap();
    for (number, image) in images.iter().enumerate() {
        let mut roots = Vec::new();
        for name in [format!("@{number}"), format!("app:{number}"), format!("docker.io/library/app:{number}")] {
            roots.push(source.resolve(Some(&Name::new(name))).await.unwrap());
        }
        assert!(roots.iter().all(|root| *root == roots[0]));
        let manifest = source.manifest(&roots[0]).await.unwrap();
        assert_eq!(manifest.as_image().unwrap().config.digest, Digest::of(&image.config));
        read_all(&source, &roots[0]).await.unwrap();
    }
}
