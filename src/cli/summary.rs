//! Summary: what `inspect` says of an image, for people and as JSON with the keys of skopeo.

use imgctl::Result;
use imgctl::oci::{Config, Descriptor, Digest, Manifest, Platform, Role};
use imgctl::transport::Location;
use serde_json::{Map, Value, json};

use super::image::{Opened, images};
use super::{escape, units};

/// What there is to say of an image or index.
pub(crate) struct Summary {
    location: Location,
    root: Manifest,
    /// The image that is shown, where there is one.
    image: Option<Manifest>,
    /// Its config, where it is an image's.
    config: Option<Config>,
    /// Tags of the repository, where they were asked for.
    pub(crate) tags: Vec<String>,
}

impl Summary {
    /// Reads it: of an index, the image for `platform`, or for this machine where there is one.
    pub(crate) async fn read(location: &Location, opened: &Opened, platform: Option<&Platform>) -> Result<Self> {
        let root = opened.manifest().await?;
        let image = match opened.one(platform).await {
            Ok(image) => Some(image).filter(|image| image.as_image().is_some()),
            // An index without an image for this machine still has a list to show.
            Err(_) if platform.is_none() && root.as_index().is_some() => None,
            Err(error) => return Err(error),
        };
        let config = match &image {
            Some(image) if has_config(image) => Some(Config::parse(&opened.config(image).await?)?),
            _ => None,
        };
        Ok(Self { location: location.clone(), root, image, config, tags: Vec::new() })
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> Value {
        let name = match &self.location {
            Location::Registry(reference) => reference.repository.to_string(),
            other => other.to_string(),
        };
        let (config, layers) = (self.config.as_ref(), self.layers());
        let data = |layer: &Descriptor| {
            json!({
                "MIMEType": layer.media_type, "Digest": layer.digest, "Size": layer.size,
                "Annotations": Some(&layer.annotations).filter(|annotations| !annotations.is_empty()),
            })
        };
        json!({
            "Name": name,
            "Digest": self.root.digest(),
            "MediaType": self.root.media_type(),
            "RepoTags": self.tags,
            "Created": config.and_then(|config| config.created.as_deref()),
            "DockerVersion": "",
            "Labels": config.map(|config| &config.config.labels).filter(|labels| !labels.is_empty()),
            "Architecture": config.map(|config| &config.platform.architecture),
            "Variant": config.and_then(|config| config.platform.variant.as_deref()),
            "Os": config.map(|config| &config.platform.os),
            "Layers": layers.iter().map(|layer| layer.digest).collect::<Vec<_>>(),
            "LayersData": layers.iter().map(data).collect::<Vec<_>>(),
            "Env": config.map(|config| &config.config.env).filter(|env| !env.is_empty()),
            "Config": config.map(|config| &config.config.extra),
            "ImageID": self.image_id(),
            "Size": self.size(),
            "ArtifactType": self.root.artifact_type(),
            "Annotations": self.root.annotations(),
            "Manifests": self.children().into_iter().map(child).collect::<Vec<_>>(),
        })
    }

    /// Lines for people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let name = match &self.location {
            Location::Registry(reference) => reference.clone().or_latest().to_string(),
            other => other.to_string(),
        };
        field(&mut text, "Name", &name);
        field(&mut text, "Digest", &self.root.digest().to_string());
        field(&mut text, "MediaType", self.root.media_type().as_str());
        if let Some(kind) = self.root.artifact_type() {
            field(&mut text, "ArtifactType", kind);
        }
        list(&mut text, "Annotations", self.root.annotations().iter().map(|(key, value)| format!("{key}={value}")));
        list(&mut text, "Platforms", self.children().into_iter().map(platform_line));
        if let (Some(image), Some(_)) = (&self.image, self.root.as_index()) {
            field(&mut text, "Image", &image.digest().to_string());
        }
        if let Some(config) = &self.config {
            config_fields(&mut text, config);
        }
        if let Some(size) = self.size() {
            field(&mut text, "Size", &units::size(size, 3));
            let line = |layer: &Descriptor| {
                format!("{}  {:>7}  {}", layer.digest, units::size(layer.size, 3), layer.media_type)
            };
            list(&mut text, "Layers", self.layers().iter().map(line));
        }
        if let Some(config) = &self.config {
            list(&mut text, "Env", config.config.env.iter().cloned());
            list(&mut text, "Labels", config.config.labels.iter().map(|(key, value)| format!("{key}={value}")));
        }
        text
    }

    fn layers(&self) -> &[Descriptor] {
        self.image.as_ref().and_then(Manifest::as_image).map_or(&[], |image| &image.layers)
    }

    fn children(&self) -> Vec<&Descriptor> {
        self.root.as_index().map(images).unwrap_or_default()
    }

    /// Bytes of config and layers, as they are stored.
    fn size(&self) -> Option<u64> {
        let children = self.image.as_ref()?.children();
        Some(children.iter().map(|child| child.size).fold(0, u64::saturating_add))
    }

    fn image_id(&self) -> Option<Digest> {
        self.config.as_ref()?;
        Some(self.image.as_ref()?.as_image()?.config.digest)
    }
}

fn has_config(image: &Manifest) -> bool {
    image.as_image().is_some_and(|image| image.config.media_type.role() == Role::Config)
}

fn child(descriptor: &Descriptor) -> Value {
    json!({
        "MediaType": descriptor.media_type, "Digest": descriptor.digest, "Size": descriptor.size,
        "Platform": descriptor.platform.as_ref().map(ToString::to_string),
    })
}

fn platform_line(child: &Descriptor) -> String {
    let platform = child.platform.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    format!("{platform:<16}  {}", child.digest)
}

fn config_fields(text: &mut String, config: &Config) {
    field(text, "Platform", &config.platform.to_string());
    field(text, "Created", config.created.as_deref().unwrap_or("-"));
    for key in ["Entrypoint", "Cmd", "WorkingDir", "User", "ExposedPorts", "Volumes", "StopSignal"] {
        match config.config.extra.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::String(value)) if value.is_empty() => {}
            Some(Value::String(value)) => field(text, key, value),
            Some(Value::Object(keys)) => field(text, key, &names(keys)),
            Some(value) => field(text, key, &value.to_string()),
        }
    }
}

fn names(keys: &Map<String, Value>) -> String {
    keys.keys().cloned().collect::<Vec<_>>().join(" ")
}

fn field(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!("{:<14}{}\n", format!("{name}:"), escape::line(value)));
}

fn list(text: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        text.push_str(&format!("{name}:\n"));
    }
    for item in items {
        text.push_str(&format!("  {}\n", escape::line(&item)));
    }
}
