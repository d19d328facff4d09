//! certs.d: certificates for single registries, in directories as docker and podman keep them
//! ([containers-certs.d](https://github.com/containers/image/blob/v5.36.2/docs/containers-certs.d.5.md)).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use imgctl::name::Registry;
use imgctl::net::Secret;
use imgctl::{Error, Result};

use super::context::Environment;

/// What is shown to a registry, and who may have signed what it shows.
#[derive(Default)]
pub(crate) struct Certificates {
    /// PEM files of authorities.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// PEM client certificate chain and key.
    pub(crate) identity: Option<(Vec<u8>, Secret)>,
}

impl Certificates {
    /// Those for `registry`: in `given`, which has a directory for each registry or the files themselves, else where docker
    /// and podman look. Of those, the first directory that there is counts.
    pub(crate) fn find(registry: &Registry, given: Option<&Path>, environment: &Environment) -> Result<Self> {
        if let Some(given) = given {
            let own = given.join(registry.to_string());
            return Self::read(if own.is_dir() { &own } else { given }).map_err(|error| error.cannot_be_read());
        }
        for directory in places(environment).map(|place| place.join(registry.to_string())) {
            match Self::read(&directory) {
                Ok(certificates) => return Ok(certificates),
                Err(Failure::Read(path, error)) => tracing::debug!("{}: {error}", path.display()),
                Err(failure) => return Err(failure.cannot_be_read()),
            }
        }
        Ok(Self::default())
    }

    /// `*.crt` are authorities, `*.cert` with the `*.key` of the same name show who we are.
    fn read(directory: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::Read(directory.to_owned(), error);
        let entries = std::fs::read_dir(directory).map_err(failed)?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        files.sort();
        let with =
            |extension: &'static str| files.iter().filter(move |file| file.extension() == Some(extension.as_ref()));
        let authorities = with("crt").map(|file| content(file)).collect::<Result<_, _>>()?;
        let identity = match with("cert").next() {
            Some(certificate) => Some(pair(certificate)?),
            None => None,
        };
        if let Some(key) = with("key").find(|key| identity.is_none() && !key.with_extension("cert").exists()) {
            return Err(Failure::Alone(key.clone(), "cert"));
        }
        Ok(Self { authorities, identity })
    }
}

/// The certificate and its key.
fn pair(certificate: &Path) -> Result<(Vec<u8>, Secret), Failure> {
    let key = certificate.with_extension("key");
    match content(&key) {
        Ok(text) => Ok((content(certificate)?, secret(text, &key)?)),
        Err(Failure::Read(_, error)) if error.kind() == ErrorKind::NotFound => {
            Err(Failure::Alone(certificate.to_owned(), "key"))
        }
        Err(failure) => Err(failure),
    }
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|error| Failure::Read(file.to_owned(), error))
}

fn secret(content: Vec<u8>, file: &Path) -> Result<Secret, Failure> {
    String::from_utf8(content).map(Secret::new).map_err(|_| Failure::NoText(file.to_owned()))
}

/// The user's directory comes first.
fn places(environment: &Environment) -> impl Iterator<Item = PathBuf> {
    let own = environment.config.join("containers/certs.d");
    [own, "/etc/containers/certs.d".into(), "/etc/docker/certs.d".into()].into_iter()
}

/// One PEM file.
pub(crate) fn read_certificate(file: &Path) -> Result<Vec<u8>> {
    content(file).map_err(Failure::cannot_be_read)
}

/// One PEM file of a key.
pub(crate) fn read_key(file: &Path) -> Result<Secret> {
    content(file).and_then(|text| secret(text, file)).map_err(Failure::cannot_be_read)
}

enum Failure {
    Read(PathBuf, std::io::Error),
    NoText(PathBuf),
    /// The other half, with this extension, is missing.
    Alone(PathBuf, &'static str),
}

impl Failure {
    fn cannot_be_read(self) -> Error {
        match self {
            Self::Read(path, error) => Error::local(format!("read {}", path.display()), error),
            Self::NoText(path) => Error::usage(format!("{}: is no PEM file", path.display())),
            Self::Alone(path, extension) => {
                let other = path.with_extension(extension);
                Error::usage(format!("{} is there without {}", path.display(), other.display()))
            }
        }
    }
}
