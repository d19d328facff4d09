//! The pages over content in memory: whatever images say, a page stays small, whole and harmless.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::Stat;
use super::*;
use crate::content::BlobReader;
use crate::name::{Repository, Tag, TagOrDigest};
use crate::oci::{Descriptor, Digest, Manifest, MediaType};
use crate::{Error, Result};

/// Content in memory. What stands under a digest need not have it.
#[derive(Default)]
struct Memory {
    tags: BTreeMap<Repository, BTreeMap<Tag, Digest>>,
    blobs: HashMap<Digest, Bytes>,
    reads: Mutex<usize>,
    is_broken: bool,
}

impl Memory {
    fn put_blob(&mut self, media_type: &MediaType, content: impl Into<Bytes>) -> Descriptor {
        let content = content.into();
        let descriptor = Descriptor::of(media_type.clone(), &content);
        self.blobs.insert(descriptor.digest, content);
        descriptor
    }

    fn put_document(&mut self, media_type: &MediaType, document: &Value) -> Descriptor {
        self.put_blob(media_type, document.to_string())
    }

    /// An image with this config, and layers of these sizes that are not here: a page never reads them.
    fn put_image(&mut self, config: &Value, layers: &[u64]) -> Descriptor {
        let config = self.put_document(&MediaType::OCI_CONFIG, config);
        let layers: Vec<_> = layers.iter().map(|&size| layer(size)).collect();
        self.put_manifest(&json!({ "config": config, "layers": layers }))
    }

    fn put_manifest(&mut self, fields: &Value) -> Descriptor {
        let mut document = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST });
        document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.put_document(&MediaType::OCI_MANIFEST, &document)
    }

    fn put_index(&mut self, manifests: &[Descriptor]) -> Descriptor {
        let document = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": manifests });
        self.put_document(&MediaType::OCI_INDEX, &document)
    }

    fn tag(&mut self, name: &str, descriptor: &Descriptor) {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        let tags = self.tags.entry(repository.parse().unwrap()).or_default();
        tags.insert(tag.parse().unwrap(), descriptor.digest);
    }
}

#[async_trait]
impl Content for Memory {
    async fn repositories(&self) -> Result<Vec<Repository>> {
        if self.is_broken { Err(Error::not_found("/secret/path")) } else { Ok(self.tags.keys().cloned().collect()) }
    }

    async fn tags(&self, repository: &Repository) -> Result<Option<Vec<Tag>>> {
        Ok(self.tags.get(repository).map(|tags| tags.keys().cloned().collect()))
    }

    async fn manifest(&self, repository: &Repository, reference: &TagOrDigest) -> Result<Option<Manifest>> {
        *self.reads.lock().unwrap() += 1;
        let digest = match reference {
            TagOrDigest::Tag(tag) => self.tags.get(repository).and_then(|tags| tags.get(tag)).copied(),
            TagOrDigest::Digest(digest) => Some(*digest),
        };
        let Some(bytes) = digest.and_then(|digest| self.blobs.get(&digest)) else { return Ok(None) };
        Manifest::parse(bytes.clone(), None).map(Some).map_err(|error| Error::mismatch(error.to_string()))
    }

    async fn stat(&self, _: &Repository, digest: &Digest) -> Result<Option<Stat>> {
        Ok(self.blobs.get(digest).map(|blob| Stat { size: blob.len() as u64, identity: None }))
    }

    async fn blob(&self, _: &Repository, digest: &Digest, from: u64) -> Result<Option<BlobReader>> {
        assert_eq!(from, 0);
        Ok(self.blobs.get(digest).cloned().map(BlobReader::from_bytes))
    }

    async fn referrers(&self, _: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        let refers = |bytes: &&Bytes| {
            Manifest::parse((*bytes).clone(), None).is_ok_and(|m| m.subject().is_some_and(|s| s.digest == *subject))
        };
        let found = self.blobs.values().filter(refers);
        Ok(found.map(|bytes| Descriptor::of(MediaType::OCI_MANIFEST, bytes)).collect())
    }
}

fn layer(size: u64) -> Descriptor {
    Descriptor::new(MediaType::OCI_LAYER_GZIP, Digest::of(&size.to_be_bytes()), size)
}

fn config() -> Value {
    json!({
        "os": "linux", "architecture": "amd64", "created": "2023-11-14T22:13:20Z",
        "config": { "Cmd": ["sh", "-c", "a b"], "Env": ["PATH=/bin"], "ExposedPorts": { "80/tcp": {} } },
        "rootfs": { "type": "layers", "diff_ids": [] },
        "history": [{ "created_by": "ADD base" }, { "created_by": "CMD sh", "empty_layer": true }],
    })
}

async fn page(content: &Memory, path: &str) -> Page {
    let (path, number) = path.split_once("?page=").unwrap_or((path, "1"));
    let number = number.parse().unwrap();
    let host = Some("registry.test:5000");
    let request = PageRequest { path, number, host, base: "http://127.0.0.1:5000", writable: true };
    let page = respond(&request, content).await;
    assert_harmless(&page);
    page
}

async fn body(content: &Memory, path: &str) -> String {
    let page = page(content, path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
    page.body
}

/// Every tag and attribute is one of ours: whatever came from elsewhere is text.
fn assert_harmless(page: &Page) {
    const TAGS: &str = "!DOCTYPE html head meta title link body a header span main nav ol ul li h1 h2 p section table \
                        thead tbody tr th td footer dl div dt dd code strong time figure figcaption svg defs pattern \
                        rect g";
    const ATTRIBUTES: &str = "lang charset name content rel href type id class aria-label aria-labelledby aria-hidden \
                              scope colspan title datetime data-label role width height x y fill patternUnits \
                              patternTransform";
    assert!(page.body.len() < 2_000_000, "{} bytes", page.body.len());
    for tag in page.body.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a closed tag");
        assert!(!text.contains('>'), "{text}");
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
        assert!(TAGS.split_whitespace().any(|known| known == name), "<{tag}>");
        for attribute in tag.split("=\"").filter(|_| tag.contains("=\"")).map(|part| part.rsplit(['"', ' ']).next()) {
            let attribute = attribute.unwrap();
            assert!(attribute.is_empty() || ATTRIBUTES.split_whitespace().any(|known| known == attribute), "<{tag}>");
        }
    }
    let hidden = page.body.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
    assert_eq!(hidden, None);
    assert!(!page.body.contains('\u{202e}'));
    assert_eq!(page.headers[CONTENT_SECURITY_POLICY], POLICY);
    assert_eq!(page.headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(page.headers[REFERRER_POLICY], "no-referrer");
    assert_eq!(page.headers[CACHE_CONTROL], "no-store");
}

#[tokio::test]
async fn an_empty_server_says_how_to_push() {
    let empty = body(&Memory::default(), "/").await;
    for command in [
        "podman push --tls-verify=false myapp registry.test:5000/myapp:latest",
        "docker push registry.test:5000/myapp:latest",
        "skopeo copy --dest-tls-verify=false",
        "imgctl push --plain-http myapp registry.test:5000/myapp:latest",
        "insecure-registries",
    ] {
        assert!(empty.contains(command), "{command}: {empty}");
    }
}

#[tokio::test]
async fn every_view_leads_to_the_next() {
    let mut content = Memory::default();
    let amd64 = content.put_image(&config(), &[1000, 2000]);
    content.tag("localhost/ns/app:1.2", &amd64);
    content.tag("quay.io/app:2", &amd64);
    content.tag("registry:5000/app:3", &amd64);
    let home = body(&content, "/").await;
    for link in ["/-/r/ns/app", "/-/r/quay.io/app", "/-/r/registry_5000/app"] {
        assert!(home.contains(&format!("href=\"{link}\"")), "{home}");
        assert!(body(&content, link).await.contains("1 tag"));
    }
    let tags = body(&content, "/-/r/ns/app").await;
    for shown in ["href=\"/-/i/ns/app:1.2\"", "linux/amd64", "2023-11-14 22:13", "2 layers, 3 kB, none shared"] {
        assert!(tags.contains(shown), "{shown}: {tags}");
    }
    let image = body(&content, "/-/i/ns/app:1.2").await;
    for shown in [
        "<code>[&quot;sh&quot;, &quot;-c&quot;, &quot;a b&quot;]</code>",
        "<code>80/tcp</code>",
        "ADD base",
        "href=\"/-/i/quay.io/app:2\"",
        "docker pull registry.test:5000/ns/app:1.2",
        "podman pull --tls-verify=false registry.test:5000/ns/app:1.2",
    ] {
        assert!(image.contains(shown), "{shown}: {image}");
    }
    assert!(body(&content, &format!("/-/i/ns/app@{}", amd64.digest)).await.contains("href=\"/-/i/ns/app:1.2\""));
}

#[tokio::test]
async fn what_is_not_here_is_said_with_404() {
    let content = Memory::default();
    for path in ["/-/r/app", "/-/i/app:1", "/-/", "/-/r/..%2f..", "/-/i/app:<script>", "/-/nothing"] {
        assert_eq!(page(&content, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let broken = Memory { is_broken: true, ..Memory::default() };
    let page = page(&broken, "/").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!page.body.contains("/secret"));
}

#[tokio::test]
async fn stylesheet_and_icon_are_served_beside_it() {
    let content = Memory::default();
    for (path, media_type) in [("/-/style.css", "text/css; charset=utf-8"), ("/-/icon.svg", "image/svg+xml")] {
        let request = PageRequest { path, number: 1, host: None, base: "unix:/run/x", writable: false };
        assert_eq!(respond(&request, &content).await.headers[CONTENT_TYPE], media_type);
    }
}

#[tokio::test]
async fn nothing_an_image_says_becomes_markup() {
    let nasty = "\"><script>alert(1)</script><img src=x onerror=alert(1)>' style='x\u{0}\u{1b}[2J\u{202e}";
    let mut content = Memory::default();
    let config = json!({
        "os": nasty, "architecture": nasty, "variant": nasty, "created": nasty, "author": nasty,
        "config": {
            "Labels": { nasty: nasty }, "Env": [nasty, format!("{nasty}={nasty}")], "Cmd": [nasty],
            "Entrypoint": { nasty: nasty }, "User": nasty, "ExposedPorts": { nasty: {} }, "Volumes": [nasty],
        },
        "rootfs": { "type": nasty, "diff_ids": [] },
        "history": [{ "created": nasty, "created_by": nasty, "comment": nasty }],
    });
    let config = content.put_document(&MediaType::OCI_CONFIG, &config);
    let mut odd = layer(5);
    odd.media_type = MediaType::new(nasty);
    odd.annotations.insert("org.opencontainers.image.title".to_owned(), nasty.to_owned());
    let image = json!({ "config": config, "layers": [odd], "annotations": { nasty: nasty } });
    let mut image = content.put_manifest(&image);
    image.platform = Some(serde_json::from_value(json!({ "os": nasty, "architecture": nasty })).unwrap());
    image.annotations.insert("vnd.docker.reference.digest".to_owned(), nasty.to_owned());
    let mut attestation = image.clone();
    attestation.annotations.insert("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned());
    let index = content.put_index(&[image.clone(), attestation]);
    let empty = content.put_blob(&MediaType::OCI_EMPTY, "{}");
    let artifact = content.put_manifest(&json!({
        "config": empty, "layers": [], "artifactType": nasty, "subject": image, "annotations": { nasty: nasty },
    }));
    let broken =
        content.put_blob(&MediaType::OCI_MANIFEST, json!({ "mediaType": nasty, "schemaVersion": nasty }).to_string());
    for (tag, descriptor) in [("image", &image), ("index", &index), ("artifact", &artifact), ("broken", &broken)] {
        content.tag(&format!("localhost/app:{tag}"), descriptor);
        let shown = body(&content, &format!("/-/i/app:{tag}")).await;
        assert!(tag == "broken" || shown.contains("&lt;script&gt;"), "{tag}: {shown}");
    }
    body(&content, "/-/r/app").await;
}

#[tokio::test]
async fn enormous_labels_and_lists_are_cut() {
    let mut content = Memory::default();
    let mut large = config();
    large["config"]["Labels"] = json!({ "long": "x".repeat(5_000_000) });
    let image = content.put_image(&large, &[1]);
    content.tag("localhost/app:label", &image);
    assert!(body(&content, "/-/i/app:label").await.len() < 20_000);

    let many: BTreeMap<_, _> = (0..20_000).map(|n| (format!("label-{n}"), "value")).collect();
    large["config"]["Labels"] = json!(many);
    large["history"] = (0..20_000).map(|n| json!({ "created_by": format!("step {n}") })).collect();
    let image = content.put_image(&large, &[1]);
    content.tag("localhost/app:labels", &image);
    assert!(body(&content, "/-/i/app:labels").await.contains("… and 19000 more."));

    let huge = Descriptor { size: 1 << 40, ..content.put_document(&MediaType::OCI_CONFIG, &config()) };
    let image = content.put_manifest(&json!({ "config": huge, "layers": [] }));
    content.tag("localhost/app:huge", &image);
    assert!(body(&content, "/-/i/app:huge").await.contains("it is too large"));
}

#[tokio::test]
async fn r16_thousands_of_layers_stay_one_page() {
    let mut content = Memory::default();
    let layers: Vec<u64> = (1..=10_000).collect();
    for (tag, count) in [("thousand", 1_000), ("more", 10_000)] {
        let image = content.put_image(&config(), &layers[..count]);
        content.tag(&format!("localhost/app:{tag}"), &image);
    }
    assert!(!body(&content, "/-/i/app:thousand").await.contains("… and "));
    assert!(body(&content, "/-/i/app:more").await.contains("… and 9000 more."));
    body(&content, "/-/r/app").await;
    let impossible = content.put_image(&config(), &[i64::MAX as u64; 20]);
    content.tag("localhost/big:1", &impossible);
    assert!(body(&content, "/-/i/big:1").await.contains("EB"));
}

#[tokio::test]
async fn r16_indexes_of_indexes_and_of_what_is_not_here_are_shown() {
    let mut content = Memory::default();
    let image = content.put_image(&config(), &[1000]);
    let inner = content.put_index(&[image]);
    let lost = Descriptor::of(MediaType::OCI_MANIFEST, b"lost");
    let broken = content.put_blob(&MediaType::OCI_MANIFEST, "{ no manifest");
    let outer = content.put_index(&[inner.clone(), lost.clone(), broken]);
    content.tag("localhost/app:1", &outer);
    let shown = body(&content, "/-/i/app:1").await;
    for text in ["an index", "not here", "broken: ", &format!("href=\"/-/i/app@{}\"", inner.digest)] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(!shown.contains(&format!("href=\"/-/i/app@{}\"", lost.digest)));
    assert!(body(&content, "/-/r/app").await.contains("2 manifests not here"));
    body(&content, &format!("/-/i/app@{}", inner.digest)).await;
}

#[tokio::test]
async fn broken_manifests_and_configs_say_so_in_their_place() {
    let mut content = Memory::default();
    let good = content.put_image(&config(), &[1000]);
    let no_manifest = content.put_blob(&MediaType::OCI_MANIFEST, "\u{0}");
    let lost = Descriptor::of(MediaType::OCI_CONFIG, b"lost");
    let wrong = Descriptor::of(MediaType::OCI_CONFIG, b"{}");
    content.blobs.insert(wrong.digest, Bytes::from_static(b"[]"));
    let odd = content.put_blob(&MediaType::OCI_CONFIG, "[]");
    content.tag("localhost/app:good", &good);
    content.tag("localhost/app:broken", &no_manifest);
    content.tag("localhost/app:gone", &lost);
    let why =
        [("lost", lost, "its blob is not here"), ("wrong", wrong, "do not have its digest"), ("odd", odd, "config")];
    for (tag, config, _) in &why {
        let image = content.put_manifest(&json!({ "config": config, "layers": [layer(7)] }));
        content.tag(&format!("localhost/app:{tag}"), &image);
    }
    for (tag, _, why) in &why {
        let shown = body(&content, &format!("/-/i/app:{tag}")).await;
        assert!(shown.contains(why) && shown.contains("id=\"layers\""), "{tag}: {shown}");
    }
    assert!(body(&content, "/-/i/app:broken").await.contains("This manifest is broken"));
    assert_eq!(page(&content, "/-/i/app:gone").await.status, StatusCode::NOT_FOUND);
    let all = body(&content, "/-/r/app").await;
    for shown in ["linux/amd64", "broken: ", "not here", "6 tags"] {
        assert!(all.contains(shown), "{shown}: {all}");
    }
}

#[tokio::test]
async fn shared_layers_name_who_shares_them() {
    let mut content = Memory::default();
    let mut other = config();
    other["author"] = json!("somebody");
    let first = content.put_image(&config(), &[70_000_000, 1000]);
    let second = content.put_image(&other, &[70_000_000, 2000]);
    let stranger = content.put_image(&config(), &[3000]);
    let mut arm = content.put_image(&config(), &[1000, 5]);
    arm.platform = Some("linux/arm64".parse().unwrap());
    let index = content.put_index(&[arm]);
    for (name, image) in [
        ("localhost/app:1", &first),
        ("localhost/app:one", &first),
        ("localhost/app:2", &second),
        ("docker.io/library/base:1", &index),
        ("localhost/other:1", &stranger),
    ] {
        content.tag(name, image);
    }
    let shown = body(&content, "/-/i/app:1").await;
    for text in [
        "docker.io/library/base:1 (linux/arm64)",
        "href=\"/-/i/app:2\"",
        "70 MB in common",
        "aria-label=\"2 layers, 70 MB; 2 shared, 70 MB\"",
        "aria-label=\"1 of 2 layers are shared: 70 MB\"",
        "href=\"/-/i/app:one\"",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    assert!(!shown.contains("other:1"));
    let tags = body(&content, "/-/r/app").await;
    assert!(tags.contains("2 layers, 70 MB; 1 shared, 70 MB"), "{tags}");
    assert!(tags.contains("href=\"/-/i/app:1\">1</a>, <a href=\"/-/i/app:one\">one</a>"), "{tags}");
}

#[tokio::test]
async fn large_catalogues_come_in_pages() {
    let mut content = Memory::default();
    let image = content.put_image(&config(), &[1]);
    (0..450).for_each(|n| content.tag(&format!("localhost/app{n:03}:1"), &image));
    (0..150).for_each(|n| content.tag(&format!("localhost/tags:{n:03}"), &image));
    let first = body(&content, "/").await;
    assert!(first.contains("app199") && !first.contains("app200") && first.contains("href=\"/?page=2\""));
    assert!(body(&content, "/?page=99").await.contains("Page 3 of 3"));
    let second = body(&content, "/-/r/tags?page=2").await;
    assert!(second.contains("/-/i/tags:100") && !second.contains("/-/i/tags:099"));
}

#[tokio::test]
async fn a_page_reads_a_bounded_number_of_manifests() {
    let mut content = Memory::default();
    for tag in 0..120 {
        let children: Vec<_> = (0..60).map(|n| content.put_image(&config(), &[1, tag * 1000 + n + 2])).collect();
        let index = content.put_index(&children);
        content.tag(&format!("localhost/app:{tag:03}"), &index);
    }
    let image = content.put_image(&config(), &[1, 7]);
    content.tag("localhost/zoo:1", &image);
    for path in ["/-/r/app", "/-/i/zoo:1", "/-/i/app:000"] {
        *content.reads.lock().unwrap() = 0;
        body(&content, path).await;
        assert!(*content.reads.lock().unwrap() <= 3_000, "{path}");
    }
    assert!(body(&content, "/-/i/zoo:1").await.contains("There are more images here than this page looks at"));
    assert!(body(&content, "/-/r/app").await.contains("not looked at"));
}
