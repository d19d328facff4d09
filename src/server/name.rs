//! Names: the path of a repository as clients write it, and the name that the store has for it.
//!
//! What was pushed here has no registry of its own: `app` is `localhost/app` in the store. What came from a registry is
//! found under its full name, `docker.io/library/busybox`; a port is written with an underscore, `registry_5000/app`.

use crate::name::{Registry, Repository};

/// The registry that stands in the store for this server.
const OURS: &str = "localhost";

/// How paths are read.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Where names without a registry are looked for when we have none such.
    fallback: Registry,
}

impl Names {
    /// Names without a registry that we do not have are those of `fallback`.
    pub(super) fn new(fallback: Registry) -> Self {
        Self { fallback }
    }

    /// The repository that `path` means to whoever writes it. `namespace` is the registry a client believes to talk to
    /// ([containerd's mirrors](https://github.com/containerd/containerd/blob/main/docs/hosts.md)).
    pub(super) fn exact(path: &str, namespace: Option<&str>) -> Option<Repository> {
        if let Some(namespace) = namespace {
            return Repository::new(namespace.parse().ok()?, path).ok();
        }
        if let Some((registry, rest)) = split(path) {
            return Repository::new(registry, rest).ok();
        }
        Repository::new(OURS.parse().ok()?, path).ok()
    }

    /// The repositories that `path` may mean to whoever reads, best first.
    pub(super) fn candidates(&self, path: &str, namespace: Option<&str>) -> Vec<Repository> {
        let Some(exact) = Self::exact(path, namespace) else { return Vec::new() };
        let mut found = vec![exact];
        if let Some(namespace) = namespace {
            // What was pushed to us by another of our names, as to
            // [kind's registry](https://kind.sigs.k8s.io/docs/user/local-registry/), is ours. Nobody may pass off what was
            // pushed here as something of a registry elsewhere.
            let registry = namespace.parse::<Registry>().ok();
            let is_near = registry.is_some_and(|it| it.is_loopback() || !it.host().contains('.'));
            // Mirrors may name the registry in their path too.
            let is_repeated = split(path).is_some_and(|(named, _)| named.to_string() == namespace);
            if is_near || is_repeated {
                found.extend(Self::exact(path, None));
            }
        } else if split(path).is_none() {
            found.extend(Repository::new(self.fallback.clone(), path));
            if self.fallback.is_docker_hub() && !path.contains('/') {
                found.extend(Repository::new(self.fallback.clone(), &format!("library/{path}")));
            }
        }
        found
    }

    /// The path under which clients reach a repository. `None` where its registry cannot be written in a path.
    pub(super) fn path(repository: &Repository) -> Option<String> {
        let registry = repository.registry();
        if registry.host() == OURS && registry.port().is_none() {
            return Some(repository.path().to_owned());
        }
        let host = registry.host();
        let first = registry.port().map_or_else(|| host.to_owned(), |port| format!("{host}_{port}"));
        let path = format!("{first}/{}", repository.path());
        (Self::exact(&path, None).as_ref() == Some(repository)).then_some(path)
    }
}

/// Takes the registry off a path that begins with one.
fn split(path: &str) -> Option<(Registry, &str)> {
    let (first, rest) = path.split_once('/')?;
    // Paths cannot hold the brackets of IPv6.
    if first.contains(':') {
        return None;
    }
    let registry = match first.rsplit_once('_') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => format!("{host}:{port}"),
        _ if first.contains('.') => first.to_owned(),
        _ => return None,
    };
    Some((registry.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repository_has_one_path() {
        for (path, name) in [
            ("app", "localhost/app"),
            ("ns/app", "localhost/ns/app"),
            ("localhost/app", "localhost/localhost/app"),
            ("docker.io/library/busybox", "docker.io/library/busybox"),
            ("registry_5000/app", "registry:5000/app"),
            ("localhost_5000/app", "localhost:5000/app"),
            ("r.example_443/a/b", "r.example:443/a/b"),
            ("my.app", "localhost/my.app"),
            ("a_0/b", "localhost/a_0/b"),
        ] {
            let repository = Names::exact(path, None).unwrap();
            assert_eq!(repository.to_string(), name);
            assert_eq!(Names::path(&repository).as_deref(), Some(path));
        }
        let unreachable = Repository::new("[::1]:5000".parse().unwrap(), "app").unwrap();
        assert_eq!(Names::path(&unreachable), None);
    }

    #[test]
    fn what_we_lack_is_looked_for_on_the_hub() {
        let names = Names::new(Registry::docker_hub());
        let found = |path, namespace| -> Vec<String> {
            names.candidates(path, namespace).iter().map(Repository::to_string).collect()
        };
        assert_eq!(found("busybox", None), ["localhost/busybox", "docker.io/busybox", "docker.io/library/busybox"]);
        assert_eq!(found("library/busybox", None), ["localhost/library/busybox", "docker.io/library/busybox"]);
        assert_eq!(found("quay.io/a/b", None), ["quay.io/a/b"]);
        assert_eq!(found("a/b", Some("quay.io")), ["quay.io/a/b"]);
        assert_eq!(found("a/b", Some("registry:5000")), ["registry:5000/a/b", "localhost/a/b"]);
        assert_eq!(found("a/b", Some("localhost:5001")), ["localhost:5001/a/b", "localhost/a/b"]);
        assert_eq!(found("quay.io/a/b", Some("quay.io")), ["quay.io/quay.io/a/b", "quay.io/a/b"]);
        assert!(found("a/b", Some("quay io")).is_empty());
        assert!(found("../b", None).is_empty());
    }
}
