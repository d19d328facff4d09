//! Manifest: the bytes as they were received beside what they say. What is copied is always the bytes.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::descriptor::null_as_default;
use super::json::Keys;
use super::{Annotations, Descriptor, Digest, MediaType, ParseError, Role, json};

/// Keys of manifests, descriptors and platforms, where a spelling in other case would be read by others.
const KEYS: Keys = Keys {
    known: &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "subject",
        "fsLayers",
        "digest",
        "size",
        "urls",
        "data",
        "platform",
        "architecture",
        "os",
        "variant",
        "os.version",
        "annotations",
    ],
    free: &["annotations"],
};

/// An image manifest or an index, as received.
#[derive(Debug, Clone)]
pub struct Manifest {
    bytes: Bytes,
    media_type: MediaType,
    digest: Digest,
    body: Body,
}

/// What a manifest says.
#[derive(Debug, Clone)]
pub enum Body {
    /// One image or artifact ([spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md)).
    Image(Box<ImageManifest>),
    /// A list of manifests ([spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md)).
    Index(Box<ImageIndex>),
}

/// One image: a config and layers.
#[derive(Debug, Clone)]
pub struct ImageManifest {
    /// The config blob.
    pub config: Descriptor,
    /// The layer blobs, base first.
    pub layers: Vec<Descriptor>,
    /// What this manifest describes.
    pub subject: Option<Descriptor>,
    /// What kind of artifact this is.
    pub artifact_type: Option<String>,
    /// Arbitrary metadata.
    pub annotations: Annotations,
}

/// A list of manifests, one for each platform.
#[derive(Debug, Clone)]
pub struct ImageIndex {
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// What this index describes.
    pub subject: Option<Descriptor>,
    /// What kind of artifact this is.
    pub artifact_type: Option<String>,
    /// Arbitrary metadata.
    pub annotations: Annotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<u64>,
    media_type: Option<MediaType>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<Value>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Annotations,
    #[serde(flatten)]
    _extra: Map<String, Value>,
}

/// Go writes `"layers": null` for an empty list: the key is there all the same.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Descriptor>>, D::Error> {
    null_as_default(deserializer).map(Some)
}

impl Manifest {
    /// Reads a manifest or index. `declared` is the media type that the server or the descriptor gave with it, if any.
    ///
    /// Errs where the document is no JSON, has a key twice, is two shapes at once, or is of another type than declared
    /// ([CVE-2021-41190](https://github.com/opencontainers/distribution-spec/security/advisories/GHSA-mc8v-mgrf-8f4m)).
    pub fn parse(bytes: impl Into<Bytes>, declared: Option<&MediaType>) -> Result<Self, ParseError> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self::read(bytes, declared, digest)
    }

    /// As [`Manifest::parse`], of the content that `descriptor` names.
    /// Errs also where size or digest are not the descriptor's.
    pub fn verified(bytes: impl Into<Bytes>, descriptor: &Descriptor) -> Result<Self, ParseError> {
        let bytes = bytes.into();
        let (size, digest) = (bytes.len() as u64, Digest::with(descriptor.digest.algorithm(), &bytes));
        if digest != descriptor.digest {
            let want = descriptor.digest;
            return Err(ParseError::new(format!("manifest {want}: the content received has digest {digest}")));
        }
        if size != descriptor.size {
            let want = descriptor.size;
            return Err(ParseError::new(format!(
                "manifest {digest}: is {size} bytes long, its descriptor says {want}"
            )));
        }
        Self::read(bytes, Some(&descriptor.media_type), digest)
    }

    /// Reads a document whose digest is known.
    fn read(bytes: Bytes, declared: Option<&MediaType>, digest: Digest) -> Result<Self, ParseError> {
        let document: Document = json::parse(&bytes, "manifest", KEYS)?;
        let media_type = document.media_type(declared)?;
        let body = document.into_body(&media_type)?;
        Ok(Self { digest, bytes, media_type, body })
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The media type.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The same, without a copy.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// A plain descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest, self.bytes.len() as u64)
    }

    /// The descriptor under which a list of referrers shows this manifest: an image that says no `artifactType` goes by
    /// its config's media type, whatever that is
    /// ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)).
    pub fn as_referrer(&self) -> Descriptor {
        let mut descriptor = self.descriptor();
        let said = match &self.body {
            Body::Image(image) => image.artifact_type.as_deref(),
            Body::Index(index) => index.artifact_type.as_deref(),
        };
        let config = self.as_image().map(|image| image.config.media_type.as_str());
        descriptor.artifact_type = said.filter(|kind| !kind.is_empty()).or(config).map(str::to_owned);
        descriptor.annotations = self.annotations().clone();
        descriptor
    }

    /// The image manifest, where it is one.
    pub fn as_image(&self) -> Option<&ImageManifest> {
        match &self.body {
            Body::Image(image) => Some(image),
            Body::Index(_) => None,
        }
    }

    /// The index, where it is one.
    pub fn as_index(&self) -> Option<&ImageIndex> {
        match &self.body {
            Body::Index(index) => Some(index),
            Body::Image(_) => None,
        }
    }

    /// Everything this manifest points down to: config and layers, or manifests. Not its subject.
    pub fn children(&self) -> Vec<&Descriptor> {
        match &self.body {
            Body::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Body::Index(index) => index.manifests.iter().collect(),
        }
    }

    /// What this manifest describes, if anything.
    pub fn subject(&self) -> Option<&Descriptor> {
        match &self.body {
            Body::Image(image) => image.subject.as_ref(),
            Body::Index(index) => index.subject.as_ref(),
        }
    }

    /// Arbitrary metadata.
    pub fn annotations(&self) -> &Annotations {
        match &self.body {
            Body::Image(image) => &image.annotations,
            Body::Index(index) => &index.annotations,
        }
    }

    /// What kind of artifact it is: `artifactType`, else the config's media type where that is no image config
    /// ([distribution-spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)).
    pub fn artifact_type(&self) -> Option<&str> {
        match &self.body {
            Body::Image(image) => image.artifact_type.as_deref().or_else(|| {
                let config = &image.config.media_type;
                (config.role() != Role::Config).then(|| config.as_str())
            }),
            Body::Index(index) => index.artifact_type.as_deref(),
        }
    }
}

impl Document {
    fn media_type(&self, declared: Option<&MediaType>) -> Result<MediaType, ParseError> {
        let declared = declared.filter(|declared| declared.role() != Role::Other);
        match (&self.media_type, declared) {
            (Some(own), Some(declared)) if own != declared => Err(ParseError::new(format!(
                "manifest says it is {own:?}, it was sent as {declared:?}",
                own = own.as_str(),
                declared = declared.as_str()
            ))),
            (Some(own), _) => Ok(own.clone()),
            (None, Some(declared)) => Ok(declared.clone()),
            (None, None) if self.manifests.is_some() => Ok(MediaType::OCI_INDEX),
            (None, None) if self.config.is_some() => Ok(MediaType::OCI_MANIFEST),
            (None, None) if self.fs_layers.is_some() => {
                Ok(MediaType::new("application/vnd.docker.distribution.manifest.v1+json"))
            }
            (None, None) => Err(ParseError::new("manifest: neither an image manifest nor an index")),
        }
    }

    fn into_body(self, media_type: &MediaType) -> Result<Body, ParseError> {
        let role = media_type.role();
        if role == Role::Schema1 {
            return Err(ParseError::new(
                "manifest: docker schema 1 is not supported: push the image again with any current tool",
            ));
        }
        if self.schema_version.is_some_and(|version| version != 2) {
            return Err(ParseError::new("manifest: schemaVersion is not 2"));
        }
        let is_image = self.config.is_some() || self.layers.is_some();
        if self.fs_layers.is_some() || (is_image && self.manifests.is_some()) {
            return Err(ParseError::new("manifest: is an image manifest and something else at once"));
        }
        match (role, self.config, self.layers, self.manifests) {
            (Role::Manifest, Some(config), Some(layers), None) => Ok(Body::Image(Box::new(ImageManifest {
                config,
                layers,
                subject: self.subject,
                artifact_type: self.artifact_type,
                annotations: self.annotations,
            }))),
            (Role::Index, None, None, Some(manifests)) => Ok(Body::Index(Box::new(ImageIndex {
                manifests,
                subject: self.subject,
                artifact_type: self.artifact_type,
                annotations: self.annotations,
            }))),
            _ => Err(ParseError::new(format!("manifest: does not have the shape of {:?}", media_type.as_str()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(media_type: &MediaType) -> String {
        serde_json::to_string(&Descriptor::of(media_type.clone(), b"x")).unwrap()
    }

    fn image(extra: &str) -> String {
        let (config, layer) = (descriptor(&MediaType::OCI_CONFIG), descriptor(&MediaType::OCI_LAYER));
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]{extra}}}"#)
    }

    #[test]
    fn reads_manifests_with_and_without_media_type() {
        let parsed = Manifest::parse(image(""), None).unwrap();
        assert_eq!(parsed.media_type(), &MediaType::OCI_MANIFEST);
        assert_eq!(parsed.children().len(), 2);
        assert_eq!(
            Manifest::parse(image(""), Some(&MediaType::DOCKER_MANIFEST)).unwrap().media_type(),
            &MediaType::DOCKER_MANIFEST
        );
        let octets = MediaType::new("application/octet-stream");
        assert!(Manifest::parse(image(""), Some(&octets)).is_ok());
        let index = Manifest::parse(r#"{"schemaVersion":2,"manifests":null}"#, None).unwrap();
        assert!(index.as_index().unwrap().manifests.is_empty());
    }

    #[test]
    fn d01_refuses_ambiguous_manifests() {
        for extra in [r#","manifests":[]"#, r#","fsLayers":[]"#, r#","manifests":null"#] {
            assert!(Manifest::parse(image(extra), None).is_err(), "{extra}");
            assert!(Manifest::parse(image(extra), Some(&MediaType::OCI_MANIFEST)).is_err(), "{extra}");
            assert!(Manifest::parse(image(extra), Some(&MediaType::OCI_INDEX)).is_err(), "{extra}");
        }
        let config = descriptor(&MediaType::OCI_CONFIG);
        assert!(Manifest::parse(format!(r#"{{"config":{config},"manifests":[]}}"#), None).is_err());
        assert!(Manifest::parse(image(""), Some(&MediaType::OCI_INDEX)).is_err());
    }

    #[test]
    fn d02_the_config_s_descriptor_is_read_as_strictly_as_any() {
        for text in [image("").replacen("\"digest\"", "\"Digest\":\"\",\"digest\"", 1), image(r#","Subject":1"#)] {
            assert!(Manifest::parse(text.clone(), None).is_err(), "{text}");
        }
        assert!(Manifest::parse(image(r#","annotations":{"Digest":"1","digest":"2"}"#), None).is_ok());
    }

    #[test]
    fn d14_refuses_a_type_other_than_declared() {
        let text = image(r#","mediaType":"application/vnd.oci.image.manifest.v1+json""#);
        assert!(Manifest::parse(text.clone(), Some(&MediaType::OCI_MANIFEST)).is_ok());
        assert!(Manifest::parse(text, Some(&MediaType::DOCKER_MANIFEST)).is_err());
    }

    #[test]
    fn d13_keeps_the_bytes() {
        let text = image(",\r\n  \"x\" : [ 1 ]  ");
        let parsed = Manifest::parse(text.clone(), None).unwrap();
        assert_eq!(parsed.bytes(), &text);
        assert_eq!(parsed.digest(), Digest::of(text.as_bytes()));
    }

    #[test]
    fn d04_checks_content_against_its_descriptor() {
        let text = image("");
        let mut wanted = Manifest::parse(text.clone(), None).unwrap().descriptor();
        assert!(Manifest::verified(text.clone(), &wanted).is_ok());
        wanted.size += 1;
        assert!(Manifest::verified(text.clone(), &wanted).is_err());
        wanted.digest = Digest::of(b"other");
        assert!(Manifest::verified(text, &wanted).is_err());
    }
}
