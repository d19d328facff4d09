//! Location: one named place, `transport:place[:name]`
//! (as [containers-transports(5)](https://github.com/containers/image/blob/main/docs/containers-transports.5.md) writes them).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Name;
use crate::name::Reference;
use crate::{Error, Result};

/// A place and the name of an image in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// An image in a registry.
    Registry(Reference),
    /// An image in the local store, by name or by (short) image id.
    Store(Name),
    /// An image in an OCI layout.
    Layout {
        /// The layout's directory.
        directory: PathBuf,
        /// The image's name in it.
        name: Option<Name>,
    },
    /// An image in an OCI layout in a tar file.
    OciArchive {
        /// The tar file.
        file: ArchiveFile,
        /// The image's name in it.
        name: Option<Name>,
    },
    /// An image in a tar file of `docker save`.
    DockerArchive {
        /// The tar file.
        file: ArchiveFile,
        /// The image's reference in it, or `@N` for the Nth image.
        name: Option<Name>,
    },
    /// One image as flat files.
    Directory(PathBuf),
}

/// A tar file, or standard input and output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveFile {
    /// `-`.
    Stdio,
    /// A path.
    Path(PathBuf),
}

/// A way of naming places.
#[derive(Debug)]
pub struct Transport {
    /// What locations start with; the first is how we print them, the others are understood too.
    pub prefixes: &'static [&'static str],
    /// How locations are written.
    pub syntax: &'static str,
    /// What it names, in one line.
    pub description: &'static str,
    parse: fn(&str) -> Result<Location>,
}

/// Every transport, in the order of the documentation.
pub const TRANSPORTS: &[Transport] = &[
    Transport {
        prefixes: &["docker://"],
        syntax: "[docker://][REGISTRY/]REPOSITORY[:TAG][@DIGEST]",
        description: "a registry; bare names mean Docker Hub, library/ and :latest",
        parse: |rest| Ok(Location::Registry(rest.parse::<Reference>()?)),
    },
    Transport {
        prefixes: &["store:"],
        syntax: "store:NAME[:TAG] or store:IMAGE-ID",
        description: "the local store",
        parse: |rest| named(rest, "store:").map(Location::Store),
    },
    Transport {
        prefixes: &["oci:", "ocidir://"],
        syntax: "oci:DIRECTORY[:NAME]",
        description: "an OCI image layout",
        parse: |rest| path_and_name(rest, "oci:").map(|(directory, name)| Location::Layout { directory, name }),
    },
    Transport {
        prefixes: &["oci-archive:"],
        syntax: "oci-archive:FILE[:NAME]",
        description: "an OCI image layout in a tar file; - is stdin or stdout",
        parse: |rest| {
            path_and_name(rest, "oci-archive:").map(|(file, name)| Location::OciArchive { file: file.into(), name })
        },
    },
    Transport {
        prefixes: &["docker-archive:"],
        syntax: "docker-archive:FILE[:REFERENCE|:@N]",
        description: "a tar file as docker save writes it; - is stdin or stdout",
        parse: |rest| {
            path_and_name(rest, "docker-archive:")
                .map(|(file, name)| Location::DockerArchive { file: file.into(), name })
        },
    },
    Transport {
        prefixes: &["dir:"],
        syntax: "dir:DIRECTORY",
        description: "flat files: manifest.json, version and blobs named by their hex digest",
        parse: |rest| named(rest, "dir:").map(|name| Location::Directory(name.as_str().into())),
    },
];

fn named(rest: &str, transport: &str) -> Result<Name> {
    if rest.is_empty() {
        return Err(Error::usage(format!("{transport} needs a name or path after the colon")));
    }
    Ok(Name::new(rest))
}

impl Location {
    /// What the image is called in its place, where the location says so; in a registry `tag`, `digest` or `tag@digest`.
    pub fn name(&self) -> Option<Name> {
        match self {
            Self::Registry(Reference { tag, digest, .. }) => match (tag, digest) {
                (Some(tag), Some(digest)) => Some(Name::new(format!("{tag}@{digest}"))),
                (Some(tag), None) => Some(Name::from(tag)),
                (None, Some(digest)) => Some(Name::new(digest.to_string())),
                (None, None) => None,
            },
            Self::Store(name) => Some(name.clone()),
            Self::Layout { name, .. } | Self::OciArchive { name, .. } | Self::DockerArchive { name, .. } => {
                name.clone()
            }
            Self::Directory(_) => None,
        }
    }
}

/// Splits at the first colon, as skopeo does: paths with colons cannot be written.
fn path_and_name(rest: &str, transport: &str) -> Result<(PathBuf, Option<Name>)> {
    let (path, name) = match rest.split_once(':') {
        Some((path, name)) => (path, Some(name).filter(|name| !name.is_empty())),
        None => (rest, None),
    };
    named(path, transport)?;
    Ok((PathBuf::from(path), name.map(Name::new)))
}

impl From<PathBuf> for ArchiveFile {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Stdio } else { Self::Path(path) }
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        for transport in TRANSPORTS {
            if let Some(rest) = transport.prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
                return (transport.parse)(rest);
            }
        }
        Ok(Self::Registry(text.parse::<Reference>()?))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = |name: &Option<Name>| name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        match self {
            Self::Registry(reference) => write!(f, "docker://{reference}"),
            Self::Store(name) => write!(f, "store:{name}"),
            Self::Layout { directory, name } => write!(f, "oci:{}{}", directory.display(), suffix(name)),
            Self::OciArchive { file, name } => write!(f, "oci-archive:{file}{}", suffix(name)),
            Self::DockerArchive { file, name } => write!(f, "docker-archive:{file}{}", suffix(name)),
            Self::Directory(directory) => write!(f, "dir:{}", directory.display()),
        }
    }
}

impl fmt::Display for ArchiveFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdio => f.write_str("-"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parses() {
        for text in [
            "docker://docker.io/library/busybox:1",
            "store:docker.io/library/busybox:1",
            "oci:out:v1",
            "oci:/a/b",
            "oci-archive:-",
            "oci-archive:x.tar:v1",
            "docker-archive:x.tar:busybox:1",
            "docker-archive:x.tar:@1",
            "dir:out",
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
        assert_eq!("busybox".parse::<Location>().unwrap().to_string(), "docker://docker.io/library/busybox");
        assert_eq!("ocidir://out:v1".parse::<Location>().unwrap().to_string(), "oci:out:v1");
        for text in ["oci:", "dir:", "store:", "oci-archive:", "Nope:"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
