//! Member: one entry of a tar archive, under a name that stays inside the archive.

use crate::error::Kind as ErrorKind;
use crate::{Error, Result};

use super::NAME_LIMIT;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to the member of this normalised name.
    Symlink(String),
    /// A hard link to the member of this normalised name.
    Hardlink(String),
    /// A link out of the archive, as written.
    Escape(String),
    /// A device, a FIFO, or a type that is not known: the type flag.
    Other(u8),
}

/// Where a content is in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub kind: Kind,
    /// Where its content is; empty for all but files.
    pub span: Span,
}

/// One spelling of a name: no leading `/`, no `.`, no empty components. Errs where it has `..` or bytes that names of
/// images never have.
pub(super) fn normalized(name: &[u8]) -> Result<String> {
    let text = plain(name)?;
    match resolved("", &text) {
        Some(path) if !text.split('/').any(|part| part == "..") => Ok(path),
        _ => Err(Error::new(ErrorKind::Unsafe, format!("tar: member name {text:?} leads out of the archive"))),
    }
}

/// The kind of a symbolic link at `name`; absolute targets start at the archive's root.
pub(super) fn symlink(name: &str, target: &[u8]) -> Result<Kind> {
    let target = plain(target)?;
    let directory = if target.starts_with('/') { "" } else { name.rsplit_once('/').map_or("", |(parent, _)| parent) };
    Ok(resolved(directory, &target).map_or(Kind::Escape(target), Kind::Symlink))
}

/// The kind of a hard link; targets are member names.
pub(super) fn hardlink(target: &[u8]) -> Result<Kind> {
    let target = plain(target)?;
    Ok(resolved("", &target).map_or(Kind::Escape(target), Kind::Hardlink))
}

fn plain(name: &[u8]) -> Result<String> {
    let text = String::from_utf8_lossy(name);
    if name.len() > NAME_LIMIT {
        let start: String = text.chars().take(60).collect();
        return Err(Error::mismatch(format!("tar: name {start:?}… is longer than {NAME_LIMIT} bytes")));
    }
    if name.is_empty() || name.contains(&0) || std::str::from_utf8(name).is_err() {
        return Err(Error::mismatch(format!("tar: {text:?} is no name: empty, not UTF-8, or with a NUL")));
    }
    Ok(text.into_owned())
}

/// `path` seen from `directory`, or `None` where it leaves the archive.
fn resolved(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling() {
        for (written, name) in [("./a", "a"), ("/a//b/", "a/b"), ("a/./b", "a/b"), ("./", ""), ("..a/b..", "..a/b..")] {
            assert_eq!(normalized(written.as_bytes()).unwrap(), name);
        }
    }

    #[test]
    fn t104_names_stay_inside() {
        for name in ["../a", "a/..", "a/../../b", "/..", "a/../b"] {
            assert_eq!(normalized(name.as_bytes()).unwrap_err().kind(), ErrorKind::Unsafe, "{name}");
        }
        for name in [&b"a\xff"[..], b"a\0b", b"", &[b'a'; NAME_LIMIT + 1]] {
            assert_eq!(normalized(name).unwrap_err().kind(), ErrorKind::Mismatch);
        }
    }

    #[test]
    fn t104_links_resolve_inside() {
        let symlink = |name, target: &str| symlink(name, target.as_bytes()).unwrap();
        assert_eq!(symlink("id/layer.tar", "../a.tar"), Kind::Symlink("a.tar".into()));
        assert_eq!(symlink("id/layer.tar", "/a.tar"), Kind::Symlink("a.tar".into()));
        assert_eq!(symlink("id/layer.tar", "../../etc/passwd"), Kind::Escape("../../etc/passwd".into()));
        assert_eq!(symlink("a", "a"), Kind::Symlink("a".into()));
        assert_eq!(hardlink(b"./b/a").unwrap(), Kind::Hardlink("b/a".into()));
        assert_eq!(hardlink(b"../a").unwrap(), Kind::Escape("../a".into()));
    }
}
