//! Address: how the client names this server, and the commands that reach it from there.

use maud::{Markup, html};

use super::PageRequest;
use super::link::Entry;
use crate::name::{Registry, TagOrDigest};

/// How this server is reached.
pub(super) struct Address {
    registry: Registry,
    is_plain: bool,
}

impl Address {
    /// As the `Host` header says, where that is a host and perhaps a port; else as the server was started.
    pub(super) fn of(request: &PageRequest<'_>) -> Self {
        let (scheme, own) = request.base.split_once("://").unwrap_or_default();
        let is_plain = scheme != "https";
        let registry = request.host.into_iter().chain([own]).find_map(|name| registry(name, is_plain));
        Self { registry: registry.unwrap_or_else(|| "localhost".parse().expect("a host")), is_plain }
    }

    /// `host[:port]`.
    pub(super) fn authority(&self) -> String {
        self.registry.to_string()
    }

    /// How to pull the image that `reference` means in `entry`, by each tool.
    pub(super) fn pull(&self, entry: &Entry, reference: &TagOrDigest) -> Vec<String> {
        let image = format!("{}/{}", self.registry, entry.image(reference));
        vec![
            format!("docker pull {image}"),
            format!("podman pull {}{image}", self.unless_tls("--tls-verify=false ")),
            self.skopeo(entry, &image),
            format!("imgctl pull {}{image}", self.unless_tls_or_loopback("--plain-http ")),
        ]
    }

    /// The same for an artifact, which container engines do not take.
    pub(super) fn pull_artifact(&self, entry: &Entry, reference: &TagOrDigest) -> Vec<String> {
        let artifact = format!("{}/{}", self.registry, entry.image(reference));
        let copy = self.unless_tls_or_loopback("--plain-http ");
        vec![
            format!("oras pull {}{artifact}", self.unless_tls("--plain-http ")),
            self.skopeo(entry, &artifact),
            format!("imgctl copy {copy}docker://{artifact} oci:{}", directory(entry)),
        ]
    }

    fn skopeo(&self, entry: &Entry, image: &str) -> String {
        let flag = self.unless_tls("--src-tls-verify=false ");
        format!("skopeo copy {flag}docker://{image} oci:{}", directory(entry))
    }

    /// How to push a first image here, by each tool.
    pub(super) fn push(&self) -> Vec<String> {
        let image = format!("{}/myapp:latest", self.registry);
        vec![
            format!("docker tag myapp {image} && docker push {image}"),
            format!("podman push {}myapp {image}", self.unless_tls("--tls-verify=false ")),
            format!(
                "skopeo copy {}docker://docker.io/library/busybox:latest docker://{}/busybox:latest",
                self.unless_tls("--dest-tls-verify=false "),
                self.registry
            ),
            format!("imgctl push {}myapp {image}", self.unless_tls_or_loopback("--plain-http ")),
        ]
    }

    /// What to do before docker pulls from here, if anything: it speaks plain http to its own machine only.
    pub(super) fn note(&self) -> Option<Markup> {
        (self.is_plain && !self.registry.is_loopback()).then(|| {
            html! {
                p.note {
                    "This server speaks plain http. Docker asks for " code { "\"" (self.registry.to_string()) "\"" }
                    " among the " code { "insecure-registries" } " of its " code { "daemon.json" } "."
                }
            }
        })
    }

    fn unless_tls(&self, flag: &'static str) -> &'static str {
        if self.is_plain { flag } else { "" }
    }

    fn unless_tls_or_loopback(&self, flag: &'static str) -> &'static str {
        if self.registry.is_loopback() { "" } else { self.unless_tls(flag) }
    }
}

/// `name` as a registry that tools do not take for a namespace of Docker Hub: with a port where it has no dot.
fn registry(name: &str, is_plain: bool) -> Option<Registry> {
    let registry: Registry = name.parse().ok()?;
    let is_host = registry.port().is_some() || registry.host().contains(['.', ':']) || registry.host() == "localhost";
    if is_host {
        return Some(registry);
    }
    let port = if is_plain { 80 } else { 443 };
    format!("{registry}:{port}").parse().ok()
}

/// What a copy of `entry` is called on disk.
fn directory(entry: &Entry) -> &str {
    entry.path().rsplit('/').next().unwrap_or_default()
}

/// Commands, each of which a click selects whole.
pub(super) fn commands(commands: &[String]) -> Markup {
    html! {
        ul.commands { @for command in commands { li { code { (command) } } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(base: &str, host: Option<&str>) -> Address {
        Address::of(&PageRequest { path: "/", number: 1, host, base, writable: true })
    }

    #[test]
    fn the_client_names_the_server() {
        let named = |host| address("http://127.0.0.1:5000", host).authority();
        assert_eq!(named(Some("localhost:5000")), "localhost:5000");
        assert_eq!(named(Some("Registry.Example")), "registry.example");
        assert_eq!(named(Some("[::1]:5000")), "[::1]:5000");
        assert_eq!(named(Some("box")), "box:80");
        for bad in [None, Some(""), Some("<b>"), Some("a b"), Some("a;rm -rf /"), Some("a:0"), Some("u@h"), Some("h/x")]
        {
            assert_eq!(named(bad), "127.0.0.1:5000", "{bad:?}");
        }
        assert_eq!(address("https://box", Some("$(x)")).authority(), "box:443");
        assert_eq!(address("unix:/run/imgctl.sock", None).authority(), "localhost");
    }

    #[test]
    fn flags_are_those_the_tools_need() {
        let tag = "1".parse().unwrap();
        let app = Entry::of("localhost/ns/app".parse().unwrap()).unwrap();
        let pulls = |base, host| address(base, Some(host)).pull(&app, &tag);
        assert_eq!(
            pulls("http://127.0.0.1:5000", "127.0.0.1:5000"),
            [
                "docker pull 127.0.0.1:5000/ns/app:1",
                "podman pull --tls-verify=false 127.0.0.1:5000/ns/app:1",
                "skopeo copy --src-tls-verify=false docker://127.0.0.1:5000/ns/app:1 oci:app",
                "imgctl pull 127.0.0.1:5000/ns/app:1",
            ]
        );
        assert_eq!(pulls("http://0.0.0.0:5000", "box:5000")[3], "imgctl pull --plain-http box:5000/ns/app:1");
        assert_eq!(pulls("https://0.0.0.0:5000", "box:5000")[1], "podman pull box:5000/ns/app:1");
        assert!(address("http://0.0.0.0:5000", Some("box:5000")).note().is_some());
        assert!(address("https://0.0.0.0:5000", Some("box:5000")).note().is_none());
        assert!(address("http://0.0.0.0:5000", Some("localhost:5000")).note().is_none());
    }
}
