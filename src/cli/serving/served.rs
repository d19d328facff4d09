//! Served: what a `LOCATION` of `imgctl serve` means, and how it is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use imgctl::error::Kind;
use imgctl::transport::{ArchiveFile, Location, TRANSPORTS};
use imgctl::{Error, Result};

/// A place to serve, as it was written.
#[derive(Debug, Clone)]
pub(crate) enum Served {
    /// `store:`, the whole local store.
    Store,
    /// A place, and perhaps one image of it.
    Location(Location),
    /// A path alone; what it is shows when it is opened.
    Path(PathBuf),
}

impl FromStr for Served {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let prefixes = || TRANSPORTS.iter().flat_map(|transport| transport.prefixes);
        match text {
            "" => Err(Error::usage("a location is empty")),
            "store:" => Ok(Self::Store),
            _ if !prefixes().any(|prefix| text.starts_with(prefix)) => Ok(Self::Path(text.into())),
            _ => match text.parse()? {
                Location::Registry(reference) => Err(Error::usage(format!("{reference} is in a registry"))
                    .with_hint(format!("serve what it has with --upstream {}", reference.repository.registry()))),
                location => Ok(Self::Location(location)),
            },
        }
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store => f.write_str("store:"),
            Self::Location(location) => location.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// What the file or directory at `path` is. A file is said to be an archive of docker, which is to be tried.
pub(crate) fn detect(path: &Path) -> Result<Location> {
    let shown = path.display();
    let found = path.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("{shown} does not exist")).with_hint(
            "an image of the local store is written store:NAME; --upstream REGISTRY serves what a registry has",
        ),
        _ => Error::local(format!("open {shown}"), error),
    })?;
    if !found.is_dir() {
        return Ok(Location::DockerArchive { file: ArchiveFile::from(path.to_owned()), name: None });
    }
    if path.join("oci-layout").exists() {
        return Ok(Location::Layout { directory: path.to_owned(), name: None });
    }
    if path.join("manifest.json").exists() {
        return Ok(Location::Directory(path.to_owned()));
    }
    Err(Error::new(Kind::NotFound, format!("{shown} holds no images: it has neither oci-layout nor manifest.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_places_or_paths() {
        let kind = |text: &str| match text.parse::<Served>() {
            Ok(Served::Store) => "store",
            Ok(Served::Location(_)) => "location",
            Ok(Served::Path(_)) => "path",
            Err(_) => "refused",
        };
        for (text, expected) in [
            ("store:", "store"),
            ("store:busybox", "location"),
            ("oci:app:1", "location"),
            ("docker-archive:-", "location"),
            ("app.tar", "path"),
            ("./busybox", "path"),
            ("docker://busybox", "refused"),
            ("oci:", "refused"),
            ("", "refused"),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
