//! What a tag or digest stands for: an image, an artifact or an index, with all that is known of it.

use maud::{Markup, html};

use super::NoPage;
use super::address::{Address, commands};
use super::chrome::{ENTRIES, Frame, annotations, facts, more, section, warning};
use super::index::Children;
use super::link::{self, Entry, View};
use super::reading::{Found, Reading};
use super::sharing::{self, Sharing};
use super::summary::{Blobs, Layer, layers};
use super::text::{Text, counted, size, time};
use super::{config, layer};
use crate::name::TagOrDigest;
use crate::oci::{Body, Config, Descriptor, ImageIndex, ImageManifest, Manifest};
use crate::protocol::Endpoint;

/// A manifest on its page.
struct Shown<'a> {
    entry: &'a Entry,
    reference: &'a TagOrDigest,
    manifest: &'a Manifest,
}

/// The page.
pub(super) async fn frame(
    reading: &mut Reading<'_>,
    entry: &Entry,
    reference: &TagOrDigest,
    address: &Address,
) -> Result<Frame, NoPage> {
    let body = match reading.manifest(entry, reference).await {
        Found::Here(manifest) => {
            let shown = Shown { entry, reference, manifest: &manifest };
            let details = match manifest.body() {
                Body::Image(image) => shown.image(reading, image).await,
                Body::Index(index) => shown.index(reading, index).await,
            };
            let referrers = reading.referrers(entry, &manifest.digest()).await;
            let pull = match manifest.artifact_type() {
                Some(_) => commands(&address.pull_artifact(entry, reference)),
                None => html! {
                    (commands(&address.pull(entry, reference)))
                    @if let Some(note) = address.note() { (note) }
                },
            };
            html! {
                (details.facts)
                (section("pull", "Pull", &pull))
                (details.sections)
                (annotations(manifest.annotations()))
                (shown.referrers(&referrers))
            }
        }
        Found::Missing | Found::Unread => return Err(NoPage::NOT_HERE),
        Found::Broken(why) => warning("This manifest is broken", why.as_str()),
    };
    let trail = vec![
        ("Repositories".to_owned(), View::Repositories.path()),
        (entry.path().to_owned(), View::Repository(entry.clone()).path()),
    ];
    Ok(Frame { title: entry.title(reference), trail, body })
}

/// The parts of a page on which image and index differ.
struct Details {
    facts: Markup,
    sections: Markup,
}

impl Shown<'_> {
    async fn image(&self, reading: &mut Reading<'_>, image: &ImageManifest) -> Details {
        let layers = layers(image);
        let artifact_type = self.manifest.artifact_type();
        let config = match artifact_type {
            Some(_) => Found::Unread,
            None => reading.config(self.entry, &image.config).await,
        };
        let place = (self.entry, self.reference);
        let sharing = Sharing::of(reading, place, self.manifest.digest(), &layers).await;
        let facts = self.image_facts(image, &layers, (&config, &sharing));
        let problem = match &config {
            Found::Missing => Some(warning("The config is missing", "its blob is not here")),
            Found::Broken(why) => Some(warning("The config cannot be shown", why.as_str())),
            Found::Here(_) | Found::Unread => None,
        };
        let sections = html! {
            (layer::layers(image, &layers, &sharing))
            @if let Some(problem) = problem { (section("configuration", "Configuration", &problem)) }
            @if let Found::Here(config) = &config { (config::config(config, &layers)) }
        };
        Details { facts, sections }
    }

    fn image_facts(
        &self,
        image: &ImageManifest,
        layers: &[Layer],
        (config, sharing): (&Found<Config>, &Sharing),
    ) -> Markup {
        let config = if let Found::Here(config) = config { Some(config) } else { None };
        let bytes = html! { (size(Blobs::default().add(image))) " in " (counted(layers.len(), "layer")) };
        let author = config.and_then(|config| config.author.as_deref()).filter(|author| !author.is_empty());
        let twins = (!sharing.twins.is_empty()).then(|| {
            html! {
                @for (at, (entry, tag)) in sharing.twins.iter().take(10).enumerate() {
                    @if at > 0 { ", " }
                    a href=(View::tag(entry, tag).path()) { (sharing::name(self.entry, entry, tag)) }
                }
                @if sharing.twins.len() > 10 { " and " (sharing.twins.len() - 10) " more" }
            }
        });
        facts([
            ("Platform", config.map(|config| html! { (Text::new(&config.platform.to_string())) })),
            ("Artifact type", self.manifest.artifact_type().map(|kind| html! { (Text::new(kind)) })),
            ("Size", Some(bytes)),
            ("Created", config.and_then(|config| time(config.created.as_deref()))),
            ("Author", author.map(|author| html! { (Text::new(author)) })),
            ("Same image", twins),
            ("Refers to", self.subject(image.subject.as_ref())),
            ("Digest", Some(self.digest())),
            ("Media type", Some(self.media_type())),
            ("Config", Some(self.blob(&image.config))),
        ])
    }

    async fn index(&self, reading: &mut Reading<'_>, index: &ImageIndex) -> Details {
        let children = Children::read(reading, self.entry, index).await;
        let facts = facts([
            ("Artifact type", index.artifact_type.as_deref().map(|kind| html! { (Text::new(kind)) })),
            ("Manifests", Some(html! { (index.manifests.len()) })),
            ("Refers to", self.subject(index.subject.as_ref())),
            ("Digest", Some(self.digest())),
            ("Media type", Some(self.media_type())),
        ]);
        Details { facts, sections: children.section(self.entry) }
    }

    /// The digest, linked to the manifest's bytes.
    fn digest(&self) -> Markup {
        let digest = self.manifest.digest();
        let raw = Endpoint::Manifest(self.entry.path().to_owned(), TagOrDigest::Digest(digest)).path();
        html! { span.digest { (digest.to_string()) } " " a.raw href=(raw) { "raw" } }
    }

    fn media_type(&self) -> Markup {
        html! { (Text::new(self.manifest.media_type().as_str())) }
    }

    /// A small blob, linked to its bytes.
    fn blob(&self, blob: &Descriptor) -> Markup {
        let raw = Endpoint::Blob(self.entry.path().to_owned(), blob.digest).path();
        html! { span.digest { (blob.digest.to_string()) } " " a.raw href=(raw) { "raw" } }
    }

    fn subject(&self, subject: Option<&Descriptor>) -> Option<Markup> {
        subject.map(|subject| link::digest(&subject.digest, Some(&View::digest(self.entry, subject.digest))))
    }

    fn referrers(&self, referrers: &[Descriptor]) -> Markup {
        let table = html! {
            table.stack {
                thead {
                    tr {
                        th scope="col" { "Artifact type" }
                        th.tight scope="col" { "Digest" }
                        th.number scope="col" { "Manifest" }
                    }
                }
                tbody {
                    @for referrer in referrers.iter().take(ENTRIES) {
                        @let kind = referrer.artifact_type.as_deref().unwrap_or(referrer.media_type.as_str());
                        @let view = View::digest(self.entry, referrer.digest);
                        tr {
                            th scope="row" { a href=(view.path()) { (Text::new(kind)) } }
                            td { (link::digest(&referrer.digest, Some(&view))) }
                            td.number { (size(referrer.size)) }
                        }
                    }
                }
            }
            (more(referrers.len(), ENTRIES))
        };
        html! { @if !referrers.is_empty() { (section("referrers", "Referrers", &table)) } }
    }
}
