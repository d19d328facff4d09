//! Places and names: what an image is called where it goes, by what it is called where it comes from.

use imgctl::Result;
use imgctl::name::{Reference, Tag};
use imgctl::oci::Digest;
use imgctl::transport::{Location, Name};

/// The destination with a name, where it has none of its own: the source's, else `latest` where there must be one.
pub(crate) fn named(destination: &Location, source: &Location) -> Result<Location> {
    let tag = tag(source);
    let tagged = |reference: Reference, is_pinned: bool| match (&reference.tag, reference.digest, &tag) {
        (None, None, Some(tag)) => reference.with_tag(tag.clone()),
        // An image that is known by its digest alone needs no tag.
        (None, None, None) if is_pinned => reference,
        _ => reference.or_latest(),
    };
    Ok(match destination.clone() {
        Location::Registry(reference) => Location::Registry(tagged(reference, is_pinned(source))),
        Location::Store(name) => {
            Location::Store(Name::from(&tagged(name.as_str().parse::<Reference>()?, is_pinned(source)).or_latest()))
        }
        Location::Layout { directory, name: None } => {
            Location::Layout { directory, name: tag.as_ref().map(Name::from) }
        }
        Location::OciArchive { file, name: None } => Location::OciArchive { file, name: tag.as_ref().map(Name::from) },
        Location::DockerArchive { file, name } => {
            let own = name.map(|name| name.as_str().parse::<Reference>()).transpose()?.map(|own| tagged(own, false));
            Location::DockerArchive { file, name: own.or_else(|| reference(source)).as_ref().map(Name::from) }
        }
        other => other,
    })
}

/// The names to put an image under at `destination`.
pub(crate) fn destination_names(destination: &Location) -> Vec<Name> {
    match destination {
        Location::Registry(reference) if reference.tag.is_none() && reference.digest.is_none() => Vec::new(),
        Location::Registry(reference) => vec![Name::from(&reference.tag_or_digest())],
        other => other.name().into_iter().collect(),
    }
}

/// The destination with the digest of what is there now, to be used as it stands.
pub(crate) fn pinned(destination: &Location, digest: Digest) -> String {
    match destination {
        Location::Registry(reference) => Reference { digest: Some(digest), ..reference.clone() }.to_string(),
        other => format!("{other}@{digest}"),
    }
}

/// The place for image `tag` in the repository or layout `location`.
pub(crate) fn with_tag(location: &Location, tag: &Tag) -> Result<Location> {
    Ok(match location.clone() {
        Location::Registry(reference) => Location::Registry(reference.with_tag(tag.clone())),
        Location::Store(name) => {
            Location::Store(Name::from(&name.as_str().parse::<Reference>()?.with_tag(tag.clone())))
        }
        Location::Layout { directory, .. } => Location::Layout { directory, name: Some(Name::from(tag)) },
        Location::OciArchive { file, .. } => Location::OciArchive { file, name: Some(Name::from(tag)) },
        other => other,
    })
}

/// The tag that the source is known by.
fn tag(source: &Location) -> Option<Tag> {
    let of_text = |name: &Option<Name>| name.as_ref().and_then(|name| name.as_str().parse::<Tag>().ok());
    match source {
        Location::Layout { name, .. } | Location::OciArchive { name, .. } => of_text(name),
        _ => None,
    }
    .or_else(|| reference(source)?.tag)
}

/// The full name that the source is known by.
fn reference(source: &Location) -> Option<Reference> {
    let parsed = |name: &Name| name.as_str().parse::<Reference>().ok().filter(|_| !is_id(name.as_str()));
    match source {
        Location::Registry(reference) => Some(reference.clone()),
        Location::Store(name) => parsed(name),
        Location::Layout { name, .. } | Location::OciArchive { name, .. } | Location::DockerArchive { name, .. } => {
            name.as_ref().and_then(parsed).filter(|reference| reference.tag.is_some() || reference.digest.is_some())
        }
        Location::Directory(_) => None,
    }
    .map(Reference::or_latest)
}

fn is_pinned(source: &Location) -> bool {
    reference(source).is_some_and(|reference| reference.tag.is_none() && reference.digest.is_some())
}

/// What looks like a (short) image id names no repository.
fn is_id(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() >= 12 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_destination_without_a_name_takes_the_sources() {
        let by_digest = format!("q.io/a@{DIGEST}");
        let table = [
            ("busybox:1", "r.io/b", "docker://r.io/b:1"),
            ("busybox", "r.io/b", "docker://r.io/b:latest"),
            ("busybox:1", "r.io/b:2", "docker://r.io/b:2"),
            (&by_digest, "r.io/b", "docker://r.io/b"),
            (&by_digest, "store:b", "store:docker.io/library/b:latest"),
            ("busybox:1", "store:b", "store:docker.io/library/b:1"),
            ("busybox:1", "oci:out", "oci:out:1"),
            ("busybox:1", "oci:out:x", "oci:out:x"),
            ("busybox:1", "docker-archive:x.tar", "docker-archive:x.tar:docker.io/library/busybox:1"),
            ("busybox:1", "docker-archive:x.tar:b", "docker-archive:x.tar:docker.io/library/b:1"),
            ("oci:in:v1", "r.io/b", "docker://r.io/b:v1"),
            ("oci:in", "r.io/b", "docker://r.io/b:latest"),
            ("oci:in", "oci:out", "oci:out"),
            ("oci:in", "docker-archive:x.tar", "docker-archive:x.tar"),
            ("oci:in:q.io/a:3", "r.io/b", "docker://r.io/b:3"),
            ("store:0123456789ab", "r.io/b", "docker://r.io/b:latest"),
            ("dir:in", "r.io/b", "docker://r.io/b:latest"),
            ("busybox:1", "dir:out", "dir:out"),
        ];
        for (source, destination, expected) in table {
            let named = named(&destination.parse().unwrap(), &source.parse().unwrap()).unwrap();
            assert_eq!(named.to_string(), expected, "{source} to {destination}");
        }
    }

    #[test]
    fn results_can_be_used_as_they_stand() {
        let digest = DIGEST.parse().unwrap();
        for (location, expected) in [("r.io/b:1", "r.io/b:1@"), ("oci:out:1", "oci:out:1@")] {
            assert_eq!(pinned(&location.parse().unwrap(), digest), format!("{expected}{DIGEST}"));
        }
    }
}
