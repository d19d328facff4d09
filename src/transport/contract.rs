//! What every place promises, as code: one suite that each transport's tests run with `contract::run(…)`.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future;

use super::{Begin, BlobWriter, Destination, Name, Source};
use crate::error::Kind;
use crate::oci::{Descriptor, Digest, Manifest, MediaType};

/// A new, empty place to try the promises on.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// Opens it to write.
    async fn destination(&self) -> Arc<dyn Destination>;

    /// Opens what was written.
    async fn source(&self) -> Arc<dyn Source>;

    /// Names that may be given here, sorted; none where it holds one image that has no name.
    fn names(&self) -> Vec<Name>;

    /// Whether it holds indexes, artifacts and manifests with odd bytes as they are.
    fn is_faithful(&self) -> bool {
        true
    }

    /// Whether it lists what describes an image.
    fn lists_referrers(&self) -> bool {
        true
    }

    /// Whether an image may be put without a name and be found again.
    fn takes_nameless(&self) -> bool {
        true
    }

    /// Whether another destination can go on where one was dropped (an archive is written in one go).
    fn goes_on(&self) -> bool {
        true
    }
}

/// Runs the whole suite, each promise on a new place.
pub(crate) async fn run<P: Place>(new_place: impl Fn() -> P) {
    an_image_comes_back(&new_place()).await;
    blobs_are_read_from_any_offset(&new_place()).await;
    what_is_not_there_is_not_found(&new_place()).await;
    names_are_listed_and_resolved(&new_place()).await;
    everything_is_listed(&new_place()).await;
    the_same_blob_may_be_put_in_parallel(&new_place()).await;
    a_short_blob_is_refused(&new_place()).await;
    if new_place().takes_nameless() {
        one_image_needs_no_name(&new_place()).await;
    }
    if new_place().goes_on() {
        blobs_appear_when_they_are_committed(&new_place()).await;
        a_name_moves(&new_place()).await;
        blobs_alone_are_no_image(&new_place()).await;
    }
    if new_place().is_faithful() {
        an_index_comes_back_with_all_below_it(&new_place()).await;
    }
    if new_place().is_faithful() && new_place().lists_referrers() {
        referrers_are_listed(&new_place()).await;
    }
}

/// An image made from nothing but `seed`.
pub(crate) struct Sample {
    /// The manifest.
    pub(crate) manifest: Manifest,
    /// Config and layers.
    pub(crate) blobs: Vec<(Descriptor, Bytes)>,
}

impl Sample {
    /// An image with two layers. With `odd`, its manifest is spaced as nobody would.
    pub(crate) fn image(seed: u8, odd: bool) -> Self {
        let layers = [100_000, 0].map(|size| {
            let content: Vec<u8> = (0..size + usize::from(seed)).map(|at| (at / 7) as u8 ^ seed).collect();
            (Descriptor::of(MediaType::OCI_LAYER, &content), Bytes::from(content))
        });
        let diff_ids = layers.iter().map(|(layer, _)| format!("\"{}\"", layer.digest)).collect::<Vec<_>>().join(",");
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","created":"2024-01-02T03:04:05Z","config":{{"Labels":{{"seed":"{seed}"}}}},"rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#
        );
        let config = (Descriptor::of(MediaType::OCI_CONFIG, config.as_bytes()), Bytes::from(config));
        Self::of(config, layers.into(), if odd { ",\r\n \"unknown\" : [ 1 ]" } else { "" })
    }

    /// An artifact that describes `subject`.
    fn artifact(subject: &Manifest) -> Self {
        let config = (Descriptor::of(MediaType::OCI_EMPTY, b"{}"), Bytes::from_static(b"{}"));
        let layer = (Descriptor::of(MediaType::new("text/plain"), b"signed"), Bytes::from_static(b"signed"));
        let subject = serde_json::to_string(&subject.descriptor()).unwrap();
        Self::of(config, vec![layer], &format!(r#","artifactType":"example/signature","subject":{subject}"#))
    }

    fn of(config: (Descriptor, Bytes), layers: Vec<(Descriptor, Bytes)>, extra: &str) -> Self {
        let text = |descriptor: &Descriptor| serde_json::to_string(descriptor).unwrap();
        let listed = layers.iter().map(|(layer, _)| text(layer)).collect::<Vec<_>>().join(",");
        let media_type = MediaType::OCI_MANIFEST;
        let config_text = text(&config.0);
        let bytes = format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config_text},"layers":[{listed}]{extra}}}"#
        );
        let manifest = Manifest::parse(bytes, None).unwrap();
        Self { manifest, blobs: std::iter::once(config).chain(layers).collect() }
    }

    /// Puts it all, children first.
    pub(crate) async fn put(&self, destination: &dyn Destination, name: Option<&Name>) {
        for (descriptor, content) in &self.blobs {
            put_blob(destination, descriptor, content).await;
        }
        destination.put_manifest(&self.manifest, name).await.unwrap();
    }

    /// Errs the test unless `source` gives all of it back.
    pub(crate) async fn check(&self, source: &dyn Source) {
        let found = source.manifest(&self.manifest.descriptor()).await.unwrap();
        assert_eq!(found.bytes(), self.manifest.bytes());
        assert_eq!(found.media_type(), self.manifest.media_type());
        for (descriptor, content) in &self.blobs {
            assert_eq!(read(source, descriptor, 0).await, content);
        }
    }
}

fn index(children: &[&Manifest]) -> Manifest {
    let listed: Vec<_> = children.iter().map(|child| serde_json::to_string(&child.descriptor()).unwrap()).collect();
    let (media_type, listed) = (MediaType::OCI_INDEX, listed.join(","));
    let bytes = format!("{{ \"schemaVersion\": 2,\n\"mediaType\":\"{media_type}\",\"manifests\":[{listed}] }}\n");
    Manifest::parse(bytes, None).unwrap()
}

async fn put_blob(destination: &dyn Destination, descriptor: &Descriptor, content: &Bytes) {
    if let Begin::Write(mut writer) = destination.begin(descriptor, &[]).await.unwrap() {
        write(writer.as_mut(), content).await;
        writer.commit().await.unwrap();
    }
}

async fn write(writer: &mut dyn BlobWriter, content: &Bytes) {
    for piece in content.chunks(30_000) {
        writer.write(content.slice_ref(piece)).await.unwrap();
    }
}

async fn read(source: &dyn Source, descriptor: &Descriptor, from: u64) -> Bytes {
    let mut reader = source.blob(descriptor, from).await.unwrap();
    let mut content = BytesMut::new();
    loop {
        content.reserve(7_000);
        if reader.read_into(&mut content).await.unwrap() == 0 {
            return content.freeze();
        }
    }
}

async fn kind_of_resolving(source: &dyn Source, name: Option<&Name>) -> Kind {
    source.resolve(name).await.unwrap_err().kind()
}

async fn an_image_comes_back(place: &impl Place) {
    let sample = Sample::image(1, place.is_faithful());
    let name = place.names().into_iter().next();
    let destination = place.destination().await;
    sample.put(destination.as_ref(), name.as_ref()).await;
    destination.finish().await.unwrap();
    drop(destination);
    let source = place.source().await;
    let found = source.resolve(name.as_ref()).await.unwrap();
    assert_eq!((found.digest, found.size), (sample.manifest.digest(), sample.manifest.bytes().len() as u64));
    assert_eq!(found.media_type, MediaType::OCI_MANIFEST);
    sample.check(source.as_ref()).await;
}

async fn one_image_needs_no_name(place: &impl Place) {
    let sample = Sample::image(2, false);
    let destination = place.destination().await;
    sample.put(destination.as_ref(), None).await;
    destination.finish().await.unwrap();
    let source = place.source().await;
    assert_eq!(source.resolve(None).await.unwrap().digest, sample.manifest.digest());
    assert_eq!(source.names().await.unwrap(), []);
    sample.check(source.as_ref()).await;
}

async fn blobs_are_read_from_any_offset(place: &impl Place) {
    let sample = Sample::image(3, false);
    let destination = place.destination().await;
    sample.put(destination.as_ref(), place.names().first()).await;
    destination.finish().await.unwrap();
    let source = place.source().await;
    for (descriptor, content) in &sample.blobs {
        for from in [1, descriptor.size / 2, descriptor.size] {
            let rest = content.slice(usize::try_from(from).unwrap()..);
            assert_eq!(read(source.as_ref(), descriptor, from).await, rest, "from {from} of {}", descriptor.size);
        }
    }
}

async fn what_is_not_there_is_not_found(place: &impl Place) {
    let (sample, other) = (Sample::image(4, false), Sample::image(5, false));
    let destination = place.destination().await;
    sample.put(destination.as_ref(), place.names().first()).await;
    destination.finish().await.unwrap();
    let source = place.source().await;
    assert_eq!(kind_of_resolving(source.as_ref(), Some(&Name::new("missing"))).await, Kind::NotFound);
    let missing = source.manifest(&other.manifest.descriptor()).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing:?}");
    let missing = source.blob(&other.blobs[1].0, 0).await.err().unwrap();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing:?}");
}

async fn names_are_listed_and_resolved(place: &impl Place) {
    let names = place.names();
    if names.is_empty() {
        return;
    }
    let samples: Vec<_> = (10..).map(|seed| Sample::image(seed, false)).take(names.len()).collect();
    let destination = place.destination().await;
    for (sample, name) in samples.iter().zip(&names).rev() {
        sample.put(destination.as_ref(), Some(name)).await;
    }
    destination.finish().await.unwrap();
    let source = place.source().await;
    assert_eq!(source.names().await.unwrap(), names);
    for (sample, name) in samples.iter().zip(&names) {
        assert_eq!(source.resolve(Some(name)).await.unwrap().digest, sample.manifest.digest());
        sample.check(source.as_ref()).await;
    }
    let kind = kind_of_resolving(source.as_ref(), None).await;
    assert!(matches!(kind, Kind::Usage | Kind::NotFound), "several images, no name: {kind:?}");
}

async fn everything_is_listed(place: &impl Place) {
    let names = place.names().into_iter().map(Some).chain(place.takes_nameless().then_some(None));
    let mut wanted: Vec<_> = names.zip((70..).map(|seed| Sample::image(seed, false))).collect();
    let destination = place.destination().await;
    for (name, sample) in &wanted {
        sample.put(destination.as_ref(), name.as_ref()).await;
    }
    destination.finish().await.unwrap();
    let mut found: Vec<_> = place.source().await.roots().await.unwrap();
    found.sort_by_key(|(name, _)| name.clone());
    wanted.sort_by_key(|(name, _)| name.clone());
    let wanted: Vec<_> = wanted.iter().map(|(name, sample)| (name.clone(), sample.manifest.digest())).collect();
    assert_eq!(found.iter().map(|(name, root)| (name.clone(), root.digest)).collect::<Vec<_>>(), wanted);
}

async fn blobs_appear_when_they_are_committed(place: &impl Place) {
    let (descriptor, content) = &Sample::image(20, false).blobs[1];
    let destination = place.destination().await;
    assert!(!destination.has(descriptor).await.unwrap());
    let Begin::Write(mut dropped) = destination.begin(descriptor, &[]).await.unwrap() else { panic!("present") };
    write(dropped.as_mut(), content).await;
    assert!(!destination.has(descriptor).await.unwrap());
    drop(dropped);
    assert!(!destination.has(descriptor).await.unwrap());
    put_blob(destination.as_ref(), descriptor, content).await;
    assert!(destination.has(descriptor).await.unwrap());
    assert!(matches!(destination.begin(descriptor, &[]).await.unwrap(), Begin::Present | Begin::Mounted(_)));
}

async fn a_short_blob_is_refused(place: &impl Place) {
    let (descriptor, content) = &Sample::image(21, false).blobs[1];
    let destination = place.destination().await;
    let Begin::Write(mut writer) = destination.begin(descriptor, &[]).await.unwrap() else { panic!("present") };
    write(writer.as_mut(), &content.slice(1..)).await;
    let error = writer.commit().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch, "{error:?}");
}

async fn the_same_blob_may_be_put_in_parallel(place: &impl Place) {
    let sample = Sample::image(22, false);
    let destination = place.destination().await;
    let (descriptor, content) = &sample.blobs[1];
    if place.goes_on() {
        future::join_all((0..8).map(|_| put_blob(destination.as_ref(), descriptor, content))).await;
    }
    let puts = sample.blobs.iter().map(|(descriptor, content)| put_blob(destination.as_ref(), descriptor, content));
    future::join_all(puts).await;
    let name = place.names().into_iter().next();
    destination.put_manifest(&sample.manifest, name.as_ref()).await.unwrap();
    destination.finish().await.unwrap();
    sample.check(place.source().await.as_ref()).await;
}

async fn a_name_moves(place: &impl Place) {
    let name = place.names().into_iter().next();
    let samples = [Sample::image(30, false), Sample::image(31, false)];
    for sample in &samples {
        let destination = place.destination().await;
        sample.put(destination.as_ref(), name.as_ref()).await;
        destination.finish().await.unwrap();
    }
    let source = place.source().await;
    assert_eq!(source.resolve(name.as_ref()).await.unwrap().digest, samples[1].manifest.digest());
    samples[1].check(source.as_ref()).await;
}

async fn blobs_alone_are_no_image(place: &impl Place) {
    let name = place.names().into_iter().next();
    if name.is_none() {
        return;
    }
    let destination = place.destination().await;
    for (descriptor, content) in &Sample::image(40, false).blobs {
        put_blob(destination.as_ref(), descriptor, content).await;
    }
    drop(destination);
    let source = place.source().await;
    assert_eq!(kind_of_resolving(source.as_ref(), name.as_ref()).await, Kind::NotFound);
}

async fn an_index_comes_back_with_all_below_it(place: &impl Place) {
    let samples = [Sample::image(50, true), Sample::image(51, false), Sample::image(52, false)];
    let inner = index(&[&samples[0].manifest, &samples[1].manifest]);
    let outer = index(&[&inner, &samples[2].manifest]);
    let name = place.names().into_iter().next();
    let destination = place.destination().await;
    for sample in &samples {
        sample.put(destination.as_ref(), None).await;
    }
    destination.put_manifest(&inner, None).await.unwrap();
    destination.put_manifest(&outer, name.as_ref()).await.unwrap();
    destination.finish().await.unwrap();
    let source = place.source().await;
    assert_eq!(source.resolve(name.as_ref()).await.unwrap().digest, outer.digest());
    if place.takes_nameless() {
        assert_eq!(source.resolve(None).await.unwrap().digest, outer.digest());
    }
    for manifest in [&outer, &inner] {
        assert_eq!(source.manifest(&manifest.descriptor()).await.unwrap().bytes(), manifest.bytes());
    }
    for sample in &samples {
        sample.check(source.as_ref()).await;
    }
}

async fn referrers_are_listed(place: &impl Place) {
    let sample = Sample::image(60, false);
    let artifact = Sample::artifact(&sample.manifest);
    let name = place.names().into_iter().next();
    let destination = place.destination().await;
    artifact.put(destination.as_ref(), None).await;
    sample.put(destination.as_ref(), name.as_ref()).await;
    destination.finish().await.unwrap();
    let source = place.source().await;
    let found = source.referrers(&sample.manifest.digest()).await.unwrap();
    assert_eq!(found.iter().map(|found| found.digest).collect::<Vec<_>>(), [artifact.manifest.digest()]);
    artifact.check(source.as_ref()).await;
    assert_eq!(source.referrers(&Digest::of(b"other")).await.unwrap(), []);
    if place.takes_nameless() {
        assert_eq!(source.resolve(None).await.unwrap().digest, sample.manifest.digest());
    }
}
