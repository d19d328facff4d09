//! Conversion between docker's and OCI's media types: same blobs, other manifests, new digests.

use serde_json::Value;

use super::Format;
use super::rewrite::{Edit, rewrite};
use crate::error::Kind;
use crate::oci::{Manifest, MediaType};
use crate::{Error, Result};

/// The same manifests in `format`, in the same order. Those that are in it already stay byte for byte.
/// Errs with [`Kind::Unsupported`] where docker has no word for a media type.
pub(super) fn convert(manifests: &[Manifest], format: Format) -> Result<Vec<Manifest>> {
    rewrite(manifests, &format)
}

impl Edit for Format {
    fn media_type(&self, media_type: &MediaType) -> Result<MediaType> {
        to(media_type, *self)
    }

    fn descriptor(&self, _: &Manifest, _: &str, entry: &mut Value) -> Result<()> {
        if let Some(media_type) = entry["mediaType"].as_str() {
            entry["mediaType"] = Value::from(to(&MediaType::new(media_type), *self)?.as_str());
        }
        Ok(())
    }
}

fn to(media_type: &MediaType, format: Format) -> Result<MediaType> {
    match format {
        Format::Oci => Ok(media_type.to_oci()),
        Format::Docker => media_type.to_docker().ok_or_else(|| {
            Error::new(Kind::Unsupported, format!("docker's formats have no word for {media_type}"))
                .with_hint("copy it without --to docker")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Descriptor;

    fn image(media_type: &MediaType, config: MediaType, layer: MediaType) -> Manifest {
        let (config, layer) = (Descriptor::of(config, b"{}"), Descriptor::of(layer, b"x"));
        let document = serde_json::json!({
            "schemaVersion": 2, "mediaType": media_type.as_str(), "config": config, "layers": [layer], "kept": [1.5],
        });
        Manifest::parse(serde_json::to_vec(&document).unwrap(), None).unwrap()
    }

    fn docker_image() -> Manifest {
        image(&MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER_GZIP)
    }

    #[test]
    fn there_and_back_gives_the_same_bytes() {
        let docker = docker_image();
        let list = serde_json::json!({
            "schemaVersion": 2, "mediaType": MediaType::DOCKER_LIST.as_str(), "manifests": [docker.descriptor()],
        });
        let list = Manifest::parse(serde_json::to_vec(&list).unwrap(), None).unwrap();
        let oci = convert(&[docker.clone(), list.clone()], Format::Oci).unwrap();
        assert_eq!(oci[0].media_type(), &MediaType::OCI_MANIFEST);
        assert_eq!(oci[1].children()[0].digest, oci[0].digest());
        assert!(oci[0].children().iter().all(|child| !child.media_type.is_docker()));
        let back = convert(&oci, Format::Docker).unwrap();
        assert_eq!((back[0].digest(), back[1].digest()), (docker.digest(), list.digest()));
    }

    #[test]
    fn what_is_in_the_format_stays_byte_for_byte() {
        let docker = docker_image();
        assert_eq!(convert(std::slice::from_ref(&docker), Format::Docker).unwrap()[0].bytes(), docker.bytes());
    }

    #[test]
    fn a_referrer_follows_its_subject_though_it_stands_before_it() {
        let subject = docker_image();
        let mut referrer: Value = serde_json::from_slice(subject.bytes()).unwrap();
        referrer["subject"] = serde_json::to_value(subject.descriptor()).unwrap();
        let referrer = Manifest::parse(serde_json::to_vec(&referrer).unwrap(), None).unwrap();
        let converted = convert(&[referrer, subject], Format::Oci).unwrap();
        assert_eq!(*converted[0].subject().unwrap(), converted[1].descriptor());
    }

    #[test]
    fn artifacts_cannot_become_docker() {
        let artifact = image(&MediaType::OCI_MANIFEST, MediaType::OCI_EMPTY, MediaType::new("a/b"));
        assert_eq!(convert(&[artifact], Format::Docker).unwrap_err().kind(), Kind::Unsupported);
    }
}
