//! What one of our writers wrote, read by our readers.

use super::*;
use crate::oci::Platform;

/// An archive of docker with one image under two names and one without.
async fn saved(place: &Place, name: &str) -> (Image, Image) {
    let (one, other) = (image("one"), image("other"));
    let writer = DockerArchiveWriter::create(&place.file(name)).await.unwrap();
    one.put(&writer, Some("busybox:1")).await.unwrap();
    one.put(&writer, Some("localhost:5000/app")).await.unwrap();
    other.put(&writer, None).await.unwrap();
    writer.finish().await.unwrap();
    (one, other)
}

#[tokio::test]
async fn t106_what_is_saved_is_loaded_with_the_same_digests() {
    let place = Place::new();
    let (one, other) = saved(&place, "a.tar").await;
    let source = place.docker("a.tar").await.unwrap();
    let all = names(&["docker.io/library/busybox:1", "localhost:5000/app:latest"]);
    assert_eq!(source.names().await.unwrap(), all);
    for (name, image) in
        [("busybox:1", &one), ("docker.io/busybox:1", &one), ("localhost:5000/app", &one), ("@1", &other)]
    {
        let root = source.resolve(Some(&Name::new(name))).await.unwrap();
        assert_eq!(root.digest, image.manifest().digest(), "{name}");
        read_all(&source, &root).await.unwrap();
    }
    assert_eq!(source.resolve(None).await.unwrap_err().kind(), Kind::Usage);
    assert_eq!(source.resolve(Some(&Name::new("busybox:2"))).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(source.resolve(Some(&Name::new("@2"))).await.unwrap_err().kind(), Kind::NotFound);

    let oci = place.oci("a.tar").await.unwrap();
    let root = oci.resolve(Some(&Name::new("1"))).await.unwrap();
    assert_eq!(root.digest, one.manifest().digest());
    assert_eq!(oci.resolve(Some(&Name::new("busybox:1"))).await.unwrap().digest, root.digest);
}

#[tokio::test]
async fn t106_the_same_images_make_the_same_bytes() {
    let place = Place::new();
    saved(&place, "a.tar").await;
    saved(&place, "b.tar").await;
    assert_eq!(bytes_of(&place.path("a.tar")), bytes_of(&place.path("b.tar")));

    // Manifests and names in another order make no difference.
    let (one, other) = (image("one"), image("other"));
    let writer = DockerArchiveWriter::create(&place.file("c.tar")).await.unwrap();
    for (descriptor, bytes) in one.blobs().into_iter().chain(other.blobs()) {
        put_blob(&writer, &descriptor, bytes).await.unwrap();
    }
    other.put(&writer, None).await.unwrap();
    one.put(&writer, Some("localhost:5000/app:latest")).await.unwrap();
    one.put(&writer, Some("docker.io/library/busybox:1")).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(bytes_of(&place.path("a.tar")), bytes_of(&place.path("c.tar")));
}

#[tokio::test]
async fn t106_layouts_too() {
    let place = Place::new();
    let one = image("one");
    for name in ["a.tar", "b.tar"] {
        let writer = OciArchiveWriter::create(&place.file(name)).await.unwrap();
        one.put(&writer, Some("v1")).await.unwrap();
        one.put(&writer, Some("busybox:1")).await.unwrap();
        writer.finish().await.unwrap();
    }
    assert_eq!(bytes_of(&place.path("a.tar")), bytes_of(&place.path("b.tar")));
    let source = place.oci("a.tar").await.unwrap();
    assert_eq!(source.names().await.unwrap(), names(&["busybox:1", "v1"]));
    let root = source.resolve(Some(&Name::new("v1"))).await.unwrap();
    assert_eq!(root.digest, source.resolve(None).await.unwrap().digest);
    read_all(&source, &root).await.unwrap();
    assert_eq!(source.resolve(Some(&Name::new("v2"))).await.unwrap_err().kind(), Kind::NotFound);
    // Docker's reader takes a layout alone as well.
    assert_eq!(place.docker("a.tar").await.unwrap().resolve(None).await.unwrap().digest, root.digest);
}

#[tokio::test]
async fn blobs_are_written_at_once_and_a_dropped_one_again() {
    let place = Place::new();
    let one = image("one");
    let writer = OciArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    let mut open = Vec::new();
    for (descriptor, bytes) in one.blobs() {
        let Begin::Write(blob) = writer.begin(&descriptor, &[]).await.unwrap() else { panic!("present") };
        assert!(writer.begin(&descriptor, &[]).await.is_err());
        open.push((blob, bytes));
    }
    // The last begun is the first written, and one is given up half way.
    while let Some((mut blob, bytes)) = open.pop() {
        if open.is_empty() {
            blob.write(bytes.slice(..3)).await.unwrap();
            continue;
        }
        blob.write(bytes).await.unwrap();
        blob.commit().await.unwrap();
    }
    let config = &one.blobs()[0];
    assert!(!writer.has(&config.0).await.unwrap());
    assert_eq!(writer.put_manifest(&one.manifest(), None).await.unwrap_err().kind(), Kind::NotFound);
    put_blob(&writer, &config.0, config.1.clone()).await.unwrap();
    assert!(writer.has(&config.0).await.unwrap());
    writer.put_manifest(&one.manifest(), None).await.unwrap();
    writer.finish().await.unwrap();
    let source = place.oci("a.tar").await.unwrap();
    let root = source.resolve(None).await.unwrap();
    read_all(&source, &root).await.unwrap();

    let plain = OciArchiveWriter::create(&place.file("b.tar")).await.unwrap();
    one.put(&plain, None).await.unwrap();
    plain.finish().await.unwrap();
    assert_eq!(bytes_of(&place.path("a.tar")), bytes_of(&place.path("b.tar")));
}

#[tokio::test]
async fn s18_an_archive_that_is_not_whole_does_not_appear() {
    let place = Place::new();
    place.write("a.tar", b"old");
    let (descriptor, bytes) = image("one").blobs().remove(0);
    for pieces in [vec![bytes.slice(..3)], vec![bytes.clone(), bytes.clone()]] {
        let writer = OciArchiveWriter::create(&place.file("a.tar")).await.unwrap();
        let Begin::Write(mut blob) = writer.begin(&descriptor, &[]).await.unwrap() else { panic!("present") };
        let is_long = pieces.len() > 1;
        for (number, piece) in pieces.into_iter().enumerate() {
            assert_eq!(blob.write(piece).await.is_ok(), number == 0);
        }
        if !is_long {
            assert_eq!(blob.commit().await.unwrap_err().kind(), Kind::Mismatch);
        } else {
            drop(blob);
        }
        assert!(writer.finish().await.is_err());
        drop(writer);
        assert_eq!(bytes_of(&place.path("a.tar")), b"old");
        assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 1);
    }
}

#[tokio::test]
async fn an_index_is_kept_whole_and_docker_gets_the_image_of_this_machine() {
    let place = Place::new();
    let images = [image("first"), image("here"), image("attestation")];
    let here = Platform::host();
    let mut children: Vec<Descriptor> = images.iter().map(|image| image.manifest().descriptor()).collect();
    children[0].platform = Some("linux/riscv64".parse().unwrap());
    children[1].platform = Some(here);
    children[2].annotations.insert("vnd.docker.reference.type".into(), "attestation-manifest".into());
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children });
    let index = Manifest::parse(index.to_string(), None).unwrap();
    let writer = DockerArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    for image in &images {
        image.put(&writer, None).await.unwrap();
    }
    writer.put_manifest(&index, Some(&Name::new("many:1"))).await.unwrap();
    writer.finish().await.unwrap();

    let source = place.docker("a.tar").await.unwrap();
    for name in [None, Some(Name::new("many:1")), Some(Name::new("@0"))] {
        assert_eq!(source.resolve(name.as_ref()).await.unwrap().digest, index.digest());
    }
    read_all(&source, &index.descriptor()).await.unwrap();
    let archive = bytes_of(&place.path("a.tar"));
    let list = String::from_utf8_lossy(&archive).into_owned();
    let list = &list[list.find("[{\"Config\"").unwrap()..];
    assert!(list.starts_with(&format!("[{{\"Config\":\"blobs/sha256/{}\"", Digest::of(&images[1].config).hex())));
    assert!(list.contains("\"RepoTags\":[\"docker.io/library/many:1\"]"));
}

#[tokio::test]
async fn referrers_are_found_and_are_no_images() {
    let place = Place::new();
    let one = image("one");
    let subject = one.manifest().descriptor();
    let empty = Descriptor::of(MediaType::OCI_EMPTY, b"{}");
    let referrer = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "artifactType": "a/b",
        "config": empty, "layers": [], "subject": subject });
    let referrer = Manifest::parse(referrer.to_string(), None).unwrap();
    let writer = DockerArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    one.put(&writer, None).await.unwrap();
    put_blob(&writer, &empty, Bytes::from_static(b"{}")).await.unwrap();
    writer.put_manifest(&referrer, None).await.unwrap();
    writer.finish().await.unwrap();
    let (docker, oci) = (place.docker("a.tar").await.unwrap(), place.oci("a.tar").await.unwrap());
    for source in [&docker as &dyn Source, &oci] {
        assert_eq!(source.resolve(None).await.unwrap().digest, subject.digest);
        let found = source.referrers(&subject.digest).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].digest, found[0].artifact_type.as_deref()), (referrer.digest(), Some("a/b")));
        assert!(source.referrers(&referrer.digest()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn t108_a_fifo_is_read_to_its_end() {
    let place = Place::new();
    saved(&place, "a.tar").await;
    let bytes = bytes_of(&place.path("a.tar"));
    for bytes in [bytes.clone(), gzip(&bytes)] {
        let path = place.path("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let sender = path.clone();
        let sent = std::thread::spawn(move || File::options().write(true).open(sender).unwrap().write_all(&bytes));
        let source = place.docker("fifo").await.unwrap();
        let root = source.resolve(Some(&Name::new("busybox:1"))).await.unwrap();
        read_all(&source, &root).await.unwrap();
        sent.join().unwrap().unwrap();
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn s19_a_full_device_and_a_directory_are_errors() {
    let place = Place::new();
    let full = ArchiveFile::Path("/dev/full".into());
    let writer = DockerArchiveWriter::create(&full).await.unwrap();
    let put = image("one").put(&writer, None).await;
    assert_eq!(put.and(writer.finish().await).unwrap_err().kind(), Kind::Local);
    let directory = ArchiveFile::Path(place.0.path().to_owned());
    assert_eq!(DockerArchiveWriter::create(&directory).await.map(drop).unwrap_err().kind(), Kind::Local);
    assert_eq!(DockerArchive::open(&directory, place.0.path()).await.map(drop).unwrap_err().kind(), Kind::Local);
    let missing = place.docker("missing").await.map(drop).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(missing.to_string().contains("missing"), "{missing}");
}
