//! Archives in pipes: the same bytes, whoever comes first.

use std::io::PipeReader;
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use futures::FutureExt;

use super::*;
use crate::transport::archive::Writer;
use crate::transport::{ArchiveOptions, BlobWriter};

fn pipe() -> (PipeReader, File) {
    let (reader, writer) = std::io::pipe().unwrap();
    (reader, OwnedFd::from(writer).into())
}

/// A pipe that is read to its end.
fn received() -> (JoinHandle<Vec<u8>>, File) {
    let (mut reader, end) = pipe();
    let received = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    });
    (received, end)
}

/// An archive into `end` whose blobs may come early.
fn ahead(place: &Place, end: File) -> DockerArchiveWriter {
    let options = ArchiveOptions { temporary: Some(place.0.path().to_owned()), ..ArchiveOptions::default() };
    DockerArchiveWriter::from(Writer::stream(end, &options))
}

async fn begin(writer: &DockerArchiveWriter, (blob, _): &(Descriptor, Bytes)) -> Box<dyn BlobWriter> {
    match writer.begin(blob, &[]).await.unwrap() {
        Begin::Write(writer) => writer,
        _ => panic!("it is there"),
    }
}

/// Writes all from `from` on.
async fn rest(writer: &mut dyn BlobWriter, (_, content): &(Descriptor, Bytes), from: usize) {
    for piece in content[from..].chunks(700) {
        writer.write(content.slice_ref(piece)).await.unwrap();
    }
}

/// Ends the archive; returns what was received.
async fn ended(writer: DockerArchiveWriter, one: &Image, received: JoinHandle<Vec<u8>>) -> Vec<u8> {
    writer.put_manifest(&one.manifest(), Some(&Name::new("busybox:1"))).await.unwrap();
    writer.finish().await.unwrap();
    drop(writer);
    received.join().unwrap()
}

/// What a file would hold.
async fn expected(place: &Place, one: &Image) -> Vec<u8> {
    let file = DockerArchiveWriter::create(&place.file("expected.tar")).await.unwrap();
    one.put(&file, Some("busybox:1")).await.unwrap();
    file.finish().await.unwrap();
    let path = place.path("expected.tar");
    let bytes = bytes_of(&path);
    std::fs::remove_file(path).unwrap();
    bytes
}

#[tokio::test]
async fn t108_a_pipe_carries_what_a_file_would() {
    let place = Place::new();
    let one = image("one");
    let file = DockerArchiveWriter::create(&place.file("a.tar")).await.unwrap();
    one.put(&file, Some("busybox:1")).await.unwrap();
    file.finish().await.unwrap();

    let (received, end) = received();
    let writer = DockerArchiveWriter::from(Writer::stream(end, &ArchiveOptions::default()));
    // Nothing was sent of it yet, so it may be given up.
    let Begin::Write(dropped) = writer.begin(&one.blobs()[0].0, &[]).await.unwrap() else { panic!("present") };
    drop(dropped);
    one.put(&writer, Some("busybox:1")).await.unwrap();
    writer.finish().await.unwrap();
    assert!(writer.finish().await.is_err());
    drop(writer);
    assert_eq!(received.join().unwrap(), bytes_of(&place.path("a.tar")));
}

#[tokio::test]
async fn t108_a_blob_that_breaks_off_in_a_pipe_ends_the_archive() {
    let (_reader, end) = pipe();
    let writer = DockerArchiveWriter::from(Writer::stream(end, &ArchiveOptions::default()));
    let blobs = image("one").blobs();
    let Begin::Write(mut blob) = writer.begin(&blobs[0].0, &[]).await.unwrap() else { panic!("present") };
    blob.write(blobs[0].1.slice(..3)).await.unwrap();
    drop(blob);
    assert!(writer.begin(&blobs[0].0, &[]).await.is_err());
    assert!(writer.finish().await.is_err());
}

#[tokio::test]
async fn s13_a_reader_that_leaves_is_a_broken_pipe() {
    let (reader, end) = pipe();
    drop(reader);
    let writer = DockerArchiveWriter::from(Writer::stream(end, &ArchiveOptions::default()));
    let mut failures = Vec::new();
    // The first is told when its piece does not go out, the next at once. Until then some are on their way.
    for content in (0_u32..).map(u32::to_le_bytes) {
        let blob = Bytes::from(content.repeat(1 << 18));
        let descriptor = Descriptor::of(MediaType::OCI_LAYER, &blob);
        failures.extend(put_blob(&writer, &descriptor, blob).await.err());
        if failures.len() == 2 {
            break;
        }
    }
    for error in failures {
        assert_eq!(error.kind(), Kind::Local);
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>()).unwrap();
        assert_eq!(cause.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

#[tokio::test]
async fn who_comes_before_his_turn_waits_in_the_spool() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let expected = expected(&place, &one).await;
    let (received, end) = received();
    let writer = ahead(&place, end);
    let mut writers = Vec::new();
    for blob in &blobs {
        writers.push(begin(&writer, blob).await);
    }
    for (mut early, blob) in writers.drain(1..).zip(&blobs[1..]).rev() {
        early.ready(true).await.unwrap();
        rest(early.as_mut(), blob, 0).await;
        early.commit().await.unwrap();
        assert!(writer.has(&blob.0).await.unwrap());
    }
    assert!(matches!(writer.begin(&blobs[1].0, &[]).await.unwrap(), Begin::Present));
    let mut first = writers.remove(0);
    rest(first.as_mut(), &blobs[0], 0).await;
    first.commit().await.unwrap();
    assert_eq!(ended(writer, &one, received).await, expected);
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_half_in_the_spool_at_its_turn_goes_on_straight() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let expected = expected(&place, &one).await;
    let (received, end) = received();
    let writer = ahead(&place, end);
    let (mut first, mut second) = (begin(&writer, &blobs[0]).await, begin(&writer, &blobs[1]).await);
    second.write(blobs[1].1.slice(..100)).await.unwrap();
    rest(first.as_mut(), &blobs[0], 0).await;
    first.commit().await.unwrap();
    // Its turn has come when the third one's does, which has no other way.
    let mut third = begin(&writer, &blobs[2]).await;
    assert!(third.ready(false).now_or_never().is_none());
    rest(second.as_mut(), &blobs[1], 100).await;
    second.commit().await.unwrap();
    third.ready(false).await.unwrap();
    rest(third.as_mut(), &blobs[2], 0).await;
    third.commit().await.unwrap();
    assert_eq!(ended(writer, &one, received).await, expected);
}

#[tokio::test]
async fn what_is_near_and_what_has_no_room_waits_for_its_turn() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let options = ArchiveOptions { temporary: Some(place.path("missing")), ..ArchiveOptions::default() };
    for (is_far, options) in [(false, None), (true, Some(ArchiveOptions::default())), (true, Some(options))] {
        let (received, end) = received();
        let writer = match options {
            Some(options) => DockerArchiveWriter::from(Writer::stream(end, &options)),
            None => ahead(&place, end),
        };
        let (mut first, mut second) = (begin(&writer, &blobs[0]).await, begin(&writer, &blobs[1]).await);
        let waiting = tokio::spawn(async move { second.ready(is_far).await.map(|()| second) });
        rest(first.as_mut(), &blobs[0], 0).await;
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.commit().await.unwrap();
        drop(waiting.await.unwrap().unwrap());
        drop(writer);
        assert!(received.join().unwrap().len() > blobs[0].1.len());
    }
}

#[tokio::test]
async fn what_was_only_spooled_may_be_given_up_and_begun_again() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let expected = expected(&place, &one).await;
    let (received, end) = received();
    let writer = ahead(&place, end);
    let (first, mut second) = (begin(&writer, &blobs[0]).await, begin(&writer, &blobs[1]).await);
    second.write(Bytes::from_static(b"wrong")).await.unwrap();
    drop((first, second));
    for blob in blobs.iter().rev() {
        let mut again = begin(&writer, blob).await;
        rest(again.as_mut(), blob, 0).await;
        again.commit().await.unwrap();
    }
    // Places are given once: the first two kept theirs, whoever came first.
    assert_eq!(ended(writer, &one, received).await, expected);
}

#[tokio::test]
async fn a_blob_that_breaks_off_ends_the_archive_for_all() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let (received, end) = received();
    let writer = ahead(&place, end);
    let (mut first, mut second) = (begin(&writer, &blobs[0]).await, begin(&writer, &blobs[1]).await);
    first.write(blobs[0].1.slice(..3)).await.unwrap();
    drop(first);
    rest(second.as_mut(), &blobs[1], 0).await;
    second.commit().await.unwrap();
    assert!(writer.begin(&blobs[0].0, &[]).await.is_err() && writer.begin(&blobs[2].0, &[]).await.is_err());
    assert!(writer.finish().await.is_err());
    drop(writer);
    let received = received.join().unwrap();
    assert!(received.ends_with(&blobs[0].1[..3]), "nothing behind it");
}

#[tokio::test]
async fn s13_who_spools_is_told_of_a_reader_that_leaves() {
    let (place, one) = (Place::new(), image("one"));
    let blobs = one.blobs();
    let (reader, end) = pipe();
    let writer = ahead(&place, end);
    let (mut first, mut second) = (begin(&writer, &blobs[0]).await, begin(&writer, &blobs[1]).await);
    second.write(blobs[1].1.slice(..3)).await.unwrap();
    drop(reader);
    first.write(blobs[0].1.clone()).await.unwrap();
    let error = first.commit().await.err();
    let waited = begin_third(&writer, &blobs[2]).await;
    let told = second.write(blobs[1].1.slice(3..9)).await.unwrap_err();
    for error in [Some(told), Some(waited), error].into_iter().flatten() {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<std::io::Error>()).unwrap();
        assert_eq!(cause.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

/// The error of a blob that waits for its turn, or cannot even begin.
async fn begin_third(writer: &DockerArchiveWriter, (blob, _): &(Descriptor, Bytes)) -> Error {
    match writer.begin(blob, &[]).await {
        Ok(Begin::Write(mut third)) => third.ready(false).await.unwrap_err(),
        Ok(_) => panic!("it is there"),
        Err(error) => error,
    }
}
