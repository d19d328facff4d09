//! JSON files that other programs share: read within limits, edited under a lock without touching what is not ours.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::json_object::{Object, Style};
use crate::content::{Access, AtomicFile};
use crate::{Error, Result};

/// Largest file that is read. Real ones have a few kilobytes.
const LIMIT: u64 = 1024 * 1024;

/// The text of the file. `None` where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let fail = |error: io::Error| Error::usage(format!("cannot read {}", path.display())).with_source(error);
    let file = match File::open(path) {
        Ok(file) => file,
        // `DOCKER_CONFIG=/dev/null` is a way to say "none".
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Error::usage(format!("{} is larger than the limit of {LIMIT} bytes", path.display())));
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::usage(format!("{} is not UTF-8", path.display())))?;
    Ok(Some(text))
}

/// The object that `text` is; blank text is an empty one, as docker has it. `name` says where the text is from.
pub(super) fn parse(name: &str, text: &str) -> Result<Map<String, Value>> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    if text.starts_with('\u{feff}') {
        return Err(Error::usage(format!("{name} starts with a byte order mark: save it as plain UTF-8")));
    }
    // Parsed to a `Value` on purpose: the errors of typed parsing quote what they found, which may be a password.
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::usage(format!("{name} is no JSON object"))),
        Err(error) => Err(Error::usage(format!("{name} is no valid JSON")).with_source(error)),
    }
}

/// Changes the object in the file, or in a new one. `change` says whether there is something to write.
/// Writers wait for each other; readers see the old file or the new one, and on any failure the old one stays.
pub(super) fn edit(path: &Path, change: impl FnOnce(&mut Object, &Style) -> Result<bool>) -> Result<()> {
    let target = follow_links(path)?;
    let directory = target.parent().unwrap_or(Path::new("/"));
    let local = |what: &str, error| Error::local(format!("{what} {}", target.display()), error);
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| local("make room for", error))?;
    let _lock = lock(&target).map_err(|error| local("lock", error))?;
    let text = read(&target)?.unwrap_or_default();
    parse(&target.display().to_string(), &text)?;
    let mut object = Object::parse(&text)?;
    let style = Style::of(&text);
    if change(&mut object, &style)? {
        let mut file = AtomicFile::staged(directory, &target, Access::Private)?;
        file.write_all(style.document(&object, &text).as_bytes()).map_err(|error| local("write", error))?;
        file.persist_synced()?;
    }
    Ok(())
}

/// The file that a symbolic link leads to, whether it exists or not: writing must not replace the link.
fn follow_links(path: &Path) -> Result<PathBuf> {
    let mut target = std::path::absolute(path)
        .map_err(|error| Error::local(format!("find the place of {}", path.display()), error))?;
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&target) else { return Ok(target) };
        target = target.parent().unwrap_or(Path::new("/")).join(next);
    }
    Err(Error::usage(format!("{} is a loop of symbolic links", path.display())))
}

/// Holds off other writers until it is dropped. The lock has a file of its own because the target is replaced by renaming.
fn lock(target: &Path) -> io::Result<File> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".lock");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(target.with_file_name(name))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests plant files")]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn set(path: &Path, key: &str) -> Result<()> {
        edit(path, |object, style| {
            object.set(key, style.value(&Value::Bool(true), 1)?);
            Ok(true)
        })
    }

    #[test]
    fn a12_what_cannot_be_read_is_an_error_with_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let deep = format!("{}{}", r#"{"a":"#.repeat(200_000), "}".repeat(200_000));
        let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(2 << 20));
        for bad in ["{", "[]", "null", "\"S3CR3T\"", "{}{}", "\u{feff}{}", "{'a':1}", r#"{"auths":}"#, &deep, &large] {
            fs::write(&path, bad).unwrap();
            let outcome = read(&path).and_then(|text| parse(&path.display().to_string(), &text.unwrap()));
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Usage);
            let text = format!("{error:?}");
            assert!(text.contains(path.to_str().unwrap()) && !text.contains("S3CR3T"), "{text}");
            assert!(set(&path, "k").is_err());
            assert_eq!(fs::read_to_string(&path).unwrap(), bad, "a file that makes no sense is not overwritten");
        }
        fs::write(&path, [0xff, b'{', b'}']).unwrap();
        assert!(read(&path).is_err());
        assert!(read(directory.path()).unwrap_err().to_string().contains(directory.path().to_str().unwrap()));
        assert_eq!(read(&directory.path().join("absent")).unwrap(), None);
        assert_eq!(read(Path::new("/dev/null/config.json")).unwrap(), None);
        assert!(parse("blank", " \n").unwrap().is_empty());
    }

    #[test]
    fn a13_is_private_and_keeps_the_link() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real/config.json");
        let link = directory.path().join("link.json");
        symlink("hop.json", &link).unwrap();
        symlink("real/config.json", directory.path().join("hop.json")).unwrap();
        let before = rustix::process::umask(rustix::fs::Mode::empty());
        set(&link, "a").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        set(&link, "b").unwrap();
        rustix::process::umask(before);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(real.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(&real).unwrap(), "{\n\t\"a\": true,\n\t\"b\": true\n}\n");
        let left: Vec<_> = fs::read_dir(real.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the file and its lock: {left:?}");
        symlink("loop.json", directory.path().join("loop.json")).unwrap();
        assert!(set(&directory.path().join("loop.json"), "a").is_err());
    }

    #[test]
    fn a13_parallel_writers_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::thread::scope(|scope| {
            for writer in 0..20 {
                let path = &path;
                scope.spawn(move || set(path, &format!("key{writer}")).unwrap());
            }
        });
        assert_eq!(parse("", &read(&path).unwrap().unwrap()).unwrap().len(), 20);
    }

    #[test]
    fn a13_a_failure_leaves_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        fs::write(&path, "{\"old\": 1}").unwrap();
        assert!(edit(&path, |_, _| Err(Error::usage("no"))).is_err());
        let inode = fs::metadata(&path).unwrap().ino();
        edit(&path, |object, _| {
            object.remove(|key| key == "old");
            Ok(false)
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"old\": 1}");
        assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "nothing to change, nothing written");
    }
}
