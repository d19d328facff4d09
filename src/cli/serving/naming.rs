//! Naming: which repository and tag an image of a place is served under.

use std::path::Path;

use imgctl::name::{Reference, Registry, Repository, Tag};
use imgctl::transport::{ArchiveFile, Location, Name};

/// What images without a repository of their own belong to, as podman calls it.
const LOCALHOST: &str = "localhost";
/// What archives end in.
const ENDINGS: [&str; 8] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".txz", ".tar.bz2", ".oci"];
/// Longest repository name that is made of a file's.
const LENGTH: usize = 100;

/// The repository for images whose place says no more than a tag of them: it is called as the file or directory.
pub(super) fn base(location: &Location) -> Repository {
    let path = match location {
        Location::Layout { directory, .. } | Location::Directory(directory) => Some(directory.as_path()),
        Location::OciArchive { file, .. } | Location::DockerArchive { file, .. } => match file {
            ArchiveFile::Path(path) => Some(path.as_path()),
            ArchiveFile::Stdio => None,
        },
        Location::Store(_) | Location::Registry(_) => None,
    };
    repository(&path.map(file_name).unwrap_or_default())
}

/// The last component of a path; of `.` and `..` what they stand for.
fn file_name(path: &Path) -> String {
    let real = path.file_name().map_or_else(|| path.canonicalize().unwrap_or_default(), Into::into);
    let name = real.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let longest = ENDINGS.iter().filter_map(|ending| name.strip_suffix(ending)).min_by_key(|rest| rest.len());
    longest.unwrap_or(&name).to_owned()
}

/// `text` as far as it can stand in a repository's name.
fn repository(text: &str) -> Repository {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut path = String::new();
    let mut separator = String::new();
    for c in text.chars().take(LENGTH) {
        if !is_word(c) {
            separator.push(c);
            continue;
        }
        if !path.is_empty() && !separator.is_empty() {
            path.push_str(if matches!(separator.as_str(), "." | "_" | "__") { &separator } else { "-" });
        }
        separator.clear();
        path.push(c);
    }
    let path = if path.is_empty() { "images" } else { &path };
    let registry: Registry = LOCALHOST.parse().expect("localhost is a registry");
    Repository::new(registry, path).expect("only what the grammar allows is in it")
}

/// Where the image called `name` stands; `None` where the name can be written in no reference. A name without colon and
/// slash is a tag in layouts, but a repository where names `are_references` (archives of docker).
pub(super) fn place(name: &Name, base: &Repository, are_references: bool) -> Option<(Repository, Option<Tag>)> {
    let text = name.as_str();
    if !are_references && !text.contains([':', '/', '@']) {
        return Some((base.clone(), Some(text.parse().ok()?)));
    }
    let Reference { repository, tag, digest } = text.parse::<Reference>().ok()?;
    let tag = match digest {
        Some(_) => None,
        None => Some(tag.unwrap_or_else(Tag::latest)),
    };
    Some((repository, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_give_their_names() {
        for (location, expected) in [
            ("oci:app", "app"),
            ("oci:/srv/My App/", "my-app"),
            ("oci-archive:a/app_v1.2.tar", "app_v1.2"),
            ("docker-archive:App--x.TAR.GZ", "app-x"),
            ("docker-archive:-", "images"),
            ("dir:...", "images"),
            ("dir:ünï", "n"),
            ("oci:/", "images"),
        ] {
            assert_eq!(base(&location.parse().unwrap()).to_string(), format!("localhost/{expected}"), "{location}");
        }
        assert_eq!(file_name(Path::new(".")), file_name(&std::env::current_dir().unwrap()));
    }

    #[test]
    fn names_become_repositories_and_tags() {
        let base = repository("base");
        let shown = |name: &str, are_references| {
            let (repository, tag) = place(&Name::new(name), &base, are_references)?;
            Some(format!("{repository} {}", tag.map(|tag| tag.to_string()).unwrap_or_default()))
        };
        let digest = imgctl::oci::Digest::of(b"x");
        for (name, expected) in [
            ("1.0", "localhost/base 1.0"),
            ("latest", "localhost/base latest"),
            ("quay.io/a/b:2", "quay.io/a/b 2"),
            ("busybox:1", "docker.io/library/busybox 1"),
            ("quay.io/a/b", "quay.io/a/b latest"),
            (&format!("quay.io/a@{digest}"), "quay.io/a "),
        ] {
            assert_eq!(shown(name, false).as_deref(), Some(expected), "{name}");
        }
        assert_eq!(shown("busybox", true).as_deref(), Some("docker.io/library/busybox latest"));
        assert_eq!(shown("a+b", false), None);
        assert_eq!(shown("A/b/C:1", false), None);
    }
}
