//! The cache: what is fetched, how often, and what clients then see.

mod bytes;
mod outage;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use imgctl::oci::Digest;

use crate::support::attacker::Attacker;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::http::{self, Response};
use crate::support::image::TestImage;
use crate::support::serve::Serve;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);
/// More than one piece of everything that handles blobs in pieces.
const LARGE: usize = 1024 * 1024;

/// An upstream with an image, and a server in front of it.
struct Scene {
    env: Env,
    registry: FaultRegistry,
    repository: String,
    image: TestImage,
    serve: Serve,
}

impl Scene {
    /// An image of a large layer in a repository with this fault, where there is one.
    fn of(fault: &str, flags: &[&str]) -> Self {
        Self::with(fault, TestImage::of_size(1, LARGE), flags)
    }

    fn with(fault: &str, image: TestImage, flags: &[&str]) -> Self {
        let registry = FaultRegistry::start();
        let repository = if fault.is_empty() { "library/app".to_owned() } else { format!("f/{fault}/app") };
        let image = registry.put_image(&repository, "1", &image);
        let env = Env::new();
        let serve = serve(&env, &registry.host(), flags);
        Self { env, registry, repository, image, serve }
    }

    /// GETs what is below the repository.
    fn get(&self, rest: &str) -> Response {
        get(&self.serve, &self.repository, rest)
    }

    /// GETs a blob.
    fn blob(&self, digest: Digest) -> Response {
        self.get(&format!("blobs/{digest}"))
    }

    /// The status that a GET of a blob ends with; `None` where the connection was cut. What comes whole must be right.
    fn try_blob(&self, digest: Digest) -> Option<u16> {
        let url = format!("http://{}/v2/{}/blobs/{digest}", self.serve.address(), self.repository);
        let response = http::request("GET", &url).try_send().ok().filter(|response| !response.cut)?;
        assert!(response.status != 200 || response.body == self.content(digest));
        Some(response.status)
    }

    /// The large layer.
    fn layer(&self) -> Digest {
        self.image.layers()[0]
    }

    fn content(&self, digest: Digest) -> &[u8] {
        &self.image.blobs[&digest]
    }

    /// GETs the image as a client does: by tag, then by digest; asserts that it is the right one.
    #[track_caller]
    fn pull(&self) {
        pull(&self.serve, &self.repository, "1", &self.image);
    }

    /// How often the upstream was asked by this method for what has this in its path.
    fn asked(&self, method: &str, part: &str) -> usize {
        self.registry.statuses(method, part).len()
    }

    /// Begins to read a blob; the rest is read, or not, with what is returned.
    fn begin(&self, digest: Digest) -> TcpStream {
        let mut stream = TcpStream::connect(self.serve.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let path = format!("/v2/{}/blobs/{digest}", self.repository);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        stream
    }

    /// Where the store keeps a blob.
    fn stored(&self, digest: Digest) -> PathBuf {
        self.env.store().join(format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex()))
    }
}

fn serve(env: &Env, upstream: &str, flags: &[&str]) -> Serve {
    Serve::start(env, &[&["--upstream", upstream][..], flags].concat())
}

fn get(serve: &Serve, repository: &str, rest: &str) -> Response {
    http::get(&format!("http://{}/v2/{repository}/{rest}", serve.address()))
}

#[track_caller]
fn pull(serve: &Serve, repository: &str, tag: &str, image: &TestImage) {
    let manifest = get(serve, repository, &format!("manifests/{tag}")).expect(200);
    assert_eq!(manifest.header("docker-content-digest"), image.digest().to_string());
    assert_eq!(manifest.header("content-type"), image.media_type.as_str());
    assert_eq!(manifest.body, image.manifest);
    assert_eq!(get(serve, repository, &format!("manifests/{}", image.digest())).expect(200).body, image.manifest);
    for (digest, content) in &image.blobs {
        assert!(get(serve, repository, &format!("blobs/{digest}")).expect(200).body == *content, "{digest}");
    }
}

#[test]
fn a_pull_goes_through_once_and_stays() {
    let scene = Scene::of("", &[]);
    scene.pull();
    let (blobs, manifests) = (scene.asked("GET", "/blobs/"), scene.asked("GET", "/manifests/"));
    assert_eq!((blobs, manifests), (2, 1), "{:#?}", scene.registry.requests());
    scene.pull();
    assert_eq!((scene.asked("GET", "/blobs/"), scene.asked("GET", "/manifests/")), (2, 1));
    // The sizes of its blobs are in the manifest.
    assert_eq!(scene.asked("HEAD", "/blobs/"), 0);
    assert_eq!(scene.asked("HEAD", "/manifests/1"), 2);

    let name = format!("{}/{}:1", scene.registry.host(), scene.repository);
    let images = scene.env.imgctl(["images", "--format", "{{.Repository}}:{{.Tag}}"]).run().ok();
    assert!(String::from_utf8_lossy(&images.stdout).contains(&name), "{images:?}");
    scene.env.imgctl(["copy", &format!("store:{name}"), "oci:out:1"]).run().ok();
}

#[test]
fn skopeo_pulls_through() {
    let scene = Scene::of("", &[]);
    let from = format!("docker://{}/{}:1", scene.serve.address(), scene.repository);
    for out in ["dir:first", "dir:second"] {
        scene.env.tool("skopeo", ["copy", "--src-tls-verify=false", &from, out]).run().ok();
    }
    assert_eq!((scene.asked("GET", "/blobs/"), scene.asked("GET", "/manifests/")), (2, 1));
}

#[test]
fn one_fetch_serves_all_who_wait() {
    let scene = Scene::of("slow", &[]);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| scene.pull());
        }
    });
    assert_eq!(scene.asked("GET", "/blobs/"), scene.image.blobs.len());
    assert_eq!(scene.asked("GET", "/manifests/"), 1);
}

#[test]
fn a_tag_that_moves_is_followed() {
    let scene = Scene::of("", &[]);
    scene.pull();
    let new = TestImage::of_size(2, 1000);
    scene.registry.put_image(&scene.repository, "1", &new);
    pull(&scene.serve, &scene.repository, "1", &new);
    let old = format!("manifests/{}", scene.image.digest());
    assert_eq!(scene.get(&old).expect(200).body, scene.image.manifest);
    assert_eq!(scene.asked("GET", "/manifests/"), 2);
}

#[test]
fn only_the_platform_that_is_asked_for_is_fetched() {
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64", "linux/s390x"]);
    let scene = Scene::with("", image, &[]);
    let from = format!("docker://{}/{}:1", scene.serve.address(), scene.repository);
    scene.env.imgctl(["copy", "--platform", "linux/arm64", &from, "oci:out:1"]).run().ok();
    for child in &scene.image.children {
        let is_asked = scene.asked("GET", &child.digest().to_string()) > 0;
        assert_eq!(is_asked, child.platform == scene.image.children[1].platform);
    }
    assert_eq!(scene.asked("GET", "/blobs/"), 2);
}

#[test]
fn clients_name_registries_as_mirrors_are_asked() {
    let scene = Scene::of("", &[]);
    let attacker = Attacker::start();
    let (own, other) = (scene.registry.host(), attacker.host());
    let path = format!("http://{}/v2/{}/manifests/1", scene.serve.address(), scene.repository);
    assert_eq!(http::get(&format!("{path}?ns={own}")).expect(200).body, scene.image.manifest);
    let blob = format!("http://{}/v2/{}/blobs/{}", scene.serve.address(), scene.repository, scene.layer());
    assert!(http::get(&format!("{blob}?ns={own}")).expect(200).body == scene.content(scene.layer()));
    http::get(&format!("{path}?ns={other}")).expect(404);
    http::get(&format!("{blob}?ns={other}")).expect(404);
    let spelled = format!("{}/library/app", other.replace(':', "_"));
    assert_eq!(get(&scene.serve, &spelled, "manifests/1").status, 404);
    attacker.assert_silence();
}

#[test]
fn several_registries_may_be_behind_one_server() {
    let (one, other) = (FaultRegistry::start(), FaultRegistry::start());
    let images = [(&one, 1), (&other, 2)]
        .map(|(registry, seed)| registry.put_image("library/app", "1", &TestImage::of_size(seed, 1000)));
    let env = Env::new();
    let serve = Serve::start(&env, &["--upstream", &one.host(), "--upstream", &other.host()]);
    let manifest = |namespace: &str| get(&serve, "library/app", &format!("manifests/1{namespace}")).expect(200).body;
    for (registry, image) in [&one, &other].into_iter().zip(&images) {
        assert_eq!(manifest(&format!("?ns={}", registry.host())), image.manifest);
        pull(&serve, &format!("{}/library/app", registry.host().replace(':', "_")), "1", image);
    }
    assert_eq!(manifest(""), images[0].manifest);
}

#[test]
fn what_is_pushed_here_is_never_asked_for_there() {
    let scene = Scene::of("", &[]);
    let own = TestImage::small();
    own.write_layout(&scene.env.path("own"), "1");
    let to = format!("docker://{}/mine/app:1", scene.serve.address());
    scene.env.imgctl(["copy", "oci:own:1", &to]).run().ok();
    let before = scene.registry.requests().len();
    pull(&scene.serve, "mine/app", "1", &own);
    assert_eq!(scene.registry.requests().len(), before, "{:#?}", scene.registry.requests());
}

#[test]
fn upstreams_may_ask_for_a_password() {
    let upstream = DockerRegistry::with_password("user", "S3CR3T-U");
    let image = TestImage::small();
    upstream.put_image("private/app", "1", &image);
    let mut env = Env::new();
    env.canary("S3CR3T-U");
    let serve = Serve::start(&env, &["--upstream", upstream.host(), "--retries", "0"]);
    let refused = get(&serve, "private/app", "manifests/1").expect(403);
    assert!(!refused.text().contains("S3CR3T"), "{}", refused.text());
    drop(serve);

    let auth = http::basic("user", "S3CR3T-U").replace("Basic ", "");
    let config = serde_json::json!({ "auths": { upstream.host(): { "auth": auth } } });
    env.write_home(".docker/config.json", config.to_string());
    let serve = Serve::start(&env, &["--upstream", upstream.host()]);
    pull(&serve, "private/app", "1", &image);
}

#[test]
fn a_shared_layer_is_fetched_once_and_shown_only_where_it_is() {
    let scene = Scene::of("", &[]);
    scene.pull();
    scene.registry.put_image("library/other", "1", &scene.image);
    pull(&scene.serve, "library/other", "1", &scene.image);
    assert_eq!(scene.asked("GET", "/blobs/"), scene.image.blobs.len());
    scene.registry.put_image("library/strange", "1", &TestImage::small());
    let layer = format!("blobs/{}", scene.layer());
    assert_eq!(get(&scene.serve, "library/strange", &layer).status, 404);
}
