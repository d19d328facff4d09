//! Keys: how docker and podman name a registry, or a part of one, in their files
//! ([auth.json](https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md)).

use crate::name::Registry;

/// What a key of `auths` or `credHelpers` stands for: a registry, or with a namespace only a part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    registry: Registry,
    namespace: String,
}

impl Key {
    /// Reads `host`, `host:port`, `https://host/v1/`, `host/namespace`. `None` where the text names no registry: it never matches.
    /// A path behind a scheme says nothing, as docker has it; without one it is podman's namespace.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let registry: Registry = authority.parse().ok()?;
        let registry = match scheme {
            None | Some("https") => canonical(&registry),
            Some("http") => registry,
            Some(_) => return None,
        };
        let path = path.trim_end_matches('/');
        let namespace = if scheme.is_some() || matches!(path, "v1" | "v2") { "" } else { path };
        Some(Self { registry, namespace: namespace.to_owned() })
    }

    /// Whether it stands for the whole of `registry`.
    pub(super) fn is_whole(&self, registry: &Registry) -> bool {
        self.namespace.is_empty() && self.registry == canonical(registry)
    }

    /// How well it fits `path` in `registry`: the longer its namespace, the better. `None` where it does not.
    pub(super) fn fit(&self, registry: &Registry, path: &str) -> Option<usize> {
        let rest = path.strip_prefix(self.namespace.as_str())?;
        let fits = self.namespace.is_empty() || rest.is_empty() || rest.starts_with('/');
        (fits && self.registry == canonical(registry)).then_some(self.namespace.len())
    }
}

/// Without `:443`, which is where https goes anyway. Loopback hosts may speak plain http, so there it means something.
pub(super) fn canonical(registry: &Registry) -> Registry {
    let bare = || registry.host().parse().ok();
    if registry.port() == Some(443) && !registry.is_loopback() {
        bare().unwrap_or_else(|| registry.clone())
    } else {
        registry.clone()
    }
}

/// The name that docker writes into its file and tells its helpers.
pub(super) fn docker_key(registry: &Registry) -> String {
    let registry = canonical(registry);
    if registry.is_docker_hub() { "https://index.docker.io/v1/".to_owned() } else { registry.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(key: &str, registry: &str, path: &str) -> Option<usize> {
        Key::parse(key)?.fit(&registry.parse().unwrap(), path)
    }

    #[test]
    fn a06_a_key_fits_its_own_origin_under_all_its_names() {
        for (key, registry) in [
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://index.docker.io/v1", "docker.io"),
            ("index.docker.io/v1/", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("docker.io", "registry-1.docker.io"),
            ("https://registry-1.docker.io/v2/", "docker.io"),
            ("registry-1.docker.io:443", "docker.io"),
            ("r.example", "r.example"),
            ("r.example/", "r.example"),
            ("R.example", "r.EXAMPLE"),
            ("r.example:443", "r.example"),
            ("r.example", "r.example:443"),
            ("https://r.example/v1/", "r.example"),
            ("https://r.example/v2/", "r.example"),
            ("https://r.example/api/docker", "r.example"),
            ("https://r.example:443", "r.example"),
            ("http://r.example", "r.example"),
            ("http://r.example:5000/v1/", "r.example:5000"),
            ("r.example:5000", "r.example:5000"),
            ("localhost:5000", "localhost:5000"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(fit(key, registry, "any/path"), Some(0), "{key} {registry}");
        }
    }

    #[test]
    fn a06_a_key_fits_nothing_else() {
        for (key, registry) in [
            ("r.example", "evil-r.example"),
            ("r.example", "r.example.evil.test"),
            ("example", "r.example"),
            ("r.example", "example"),
            ("r.example", "r.example:5000"),
            ("r.example:5000", "r.example"),
            ("r.example:5000", "r.example:500"),
            ("http://r.example:443", "r.example"),
            ("localhost:443", "localhost"),
            ("localhost", "localhost.evil.test"),
            ("127.0.0.1", "127.0.0.1.nip.example"),
            ("[::1]", "[::2]"),
            ("user@r.example", "r.example"),
            ("https://r.example@evil.test", "r.example"),
            ("https://evil.test#@r.example", "r.example"),
            ("ftp://r.example", "r.example"),
            ("r.example.", "r.example"),
            ("*.example", "r.example"),
            ("", "docker.io"),
            ("https://", "docker.io"),
            ("/v1/", "docker.io"),
        ] {
            assert_eq!(fit(key, registry, "any/path"), None, "{key} {registry}");
        }
    }

    #[test]
    fn a_namespace_fits_whole_path_components() {
        assert_eq!(fit("quay.io/ns", "quay.io", "ns/app"), Some(2));
        assert_eq!(fit("quay.io/ns/app", "quay.io", "ns/app"), Some(6));
        assert_eq!(fit("quay.io/ns/", "quay.io:443", "ns"), Some(2));
        assert_eq!(fit("docker.io/library/busybox", "docker.io", "library/busybox"), Some(15));
        for path in ["nsx/app", "n", "", "other/ns"] {
            assert_eq!(fit("quay.io/ns", "quay.io", path), None, "{path}");
        }
        assert!(!Key::parse("quay.io/ns").unwrap().is_whole(&"quay.io".parse().unwrap()));
    }

    #[test]
    fn writes_the_names_that_docker_writes() {
        for (registry, key) in [
            ("docker.io", "https://index.docker.io/v1/"),
            ("registry-1.docker.io", "https://index.docker.io/v1/"),
            ("r.example", "r.example"),
            ("r.example:443", "r.example"),
            ("localhost:5000", "localhost:5000"),
        ] {
            assert_eq!(docker_key(&registry.parse().unwrap()), key);
        }
    }
}
