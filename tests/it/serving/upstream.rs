//! The cache: one fetch for many clients, bytes that pass while they arrive, and what is served when nobody answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use imgctl::oci::Digest;
use rustix::process::Signal;

use crate::support::attacker::Attacker;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::{Env, files};
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

#[track_caller]
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < LIMIT, "{what} does not happen");
        thread::sleep(Duration::from_millis(3));
    }
}

fn error_code(response: &Response) -> String {
    response.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// Bytes of files that are not whole yet.
fn staged(store: &Path) -> u64 {
    let partial = files(store).filter(|path| path.to_string_lossy().contains("/.imgctl-"));
    partial.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
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
fn bytes_pass_while_the_upstream_still_sends() {
    let scene = Scene::of("stallever", &["--idle-timeout", "60s"]);
    let layer = scene.layer();
    let mut stream = scene.begin(layer);
    let mut half = vec![0; LARGE / 4];
    stream.read_exact(&mut half).unwrap();
    assert!(half == scene.content(layer)[..LARGE / 4]);
    let range =
        http::request("GET", &format!("http://{}/v2/{}/blobs/{layer}", scene.serve.address(), scene.repository));
    let part = range.header("Range", "bytes=1000-1099").send().expect(206);
    assert!(part.body == scene.content(layer)[1000..1100]);
    assert_eq!(scene.asked("GET", "/blobs/"), 1);
    assert!(!scene.stored(layer).exists());
}

#[test]
fn a_part_of_what_is_on_its_way_waits_for_its_bytes() {
    let scene = Scene::of("stall", &["--idle-timeout", "500ms"]);
    let layer = scene.layer();
    let mut first = scene.begin(layer);
    let url = format!("http://{}/v2/{}/blobs/{layer}", scene.serve.address(), scene.repository);
    let part = http::request("GET", &url).header("Range", "bytes=-1000").send().expect(206);
    let content = scene.content(layer);
    assert!(part.body == content[content.len() - 1000..]);
    let mut whole = Vec::new();
    first.read_to_end(&mut whole).unwrap();
    assert!(whole == content);
    // The upstream broke off once; the fetch went on where that was.
    assert_eq!(scene.asked("GET", "/blobs/"), 2);
}

#[test]
fn who_goes_away_stops_nothing() {
    let scene = Scene::of("stall", &["--idle-timeout", "500ms"]);
    let layer = scene.layer();
    let mut leaving = scene.begin(layer);
    leaving.read_exact(&mut [0; 1000]).unwrap();
    drop(leaving);
    wait_until("the end of the fetch", || scene.stored(layer).exists());
    assert!(scene.blob(layer).expect(200).body == scene.content(layer));
    assert_eq!(scene.asked("GET", "/blobs/"), 2);
}

#[test]
fn a_line_that_breaks_is_invisible() {
    for fault in ["reset", "eof", "range200", "b5xx", "m5xx", "redir", "nocl", "nohead", "nodcd", "mnocl"] {
        let scene = Scene::of(fault, &[]);
        scene.pull();
    }
}

#[test]
fn the_size_of_a_blob_is_found_out() {
    for fault in ["", "nohead", "nohead-200", "nocl", "redir"] {
        let scene = Scene::of(fault, &[]);
        // Without its manifest, which says it too.
        let response = scene.blob(scene.layer()).expect(200);
        assert_eq!(response.header("content-length"), response.body.len().to_string(), "{fault}");
        assert!(response.body == scene.content(scene.layer()), "{fault}");
    }
}

#[test]
fn wrong_bytes_are_never_served_whole_nor_kept() {
    for fault in ["corrupt", "lyingcrever", "infinite", "html-blob"] {
        let scene = Scene::of(fault, &[]);
        scene.get("manifests/1").expect(200);
        let layer = scene.layer();
        for _ in 0..2 {
            assert_ne!(scene.try_blob(layer).unwrap_or(502), 200, "{fault}");
        }
        assert!(!scene.stored(layer).exists(), "{fault}");
        wait_until("the end of what was staged", || staged(&scene.env.store()) == 0);
    }
    let once = Scene::of("corruptonce", &[]);
    assert_eq!(once.try_blob(once.layer()), None);
    assert!(once.blob(once.layer()).expect(200).body == once.content(once.layer()));
}

#[test]
fn a_wrong_manifest_is_not_served() {
    let scene = Scene::of("pinned", &["--retries", "0"]);
    let response = scene.get(&format!("manifests/{}", scene.image.digest()));
    assert_eq!((response.status, error_code(&response).is_empty()), (502, false), "{}", response.text());
}

#[test]
fn an_upstream_that_stops_is_not_missed() {
    let Scene { env, registry, repository, image, serve } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(registry);
    pull(&serve, &repository, "1", &image);
    let tags = get(&serve, &repository, "tags/list").expect(200).json();
    assert_eq!(tags["tags"], serde_json::json!(["1"]));
    let missing = get(&serve, &repository, "manifests/2");
    assert_eq!((missing.status, error_code(&missing).is_empty()), (502, false), "{}", missing.text());
    // Nobody is asked again and again who does not answer.
    let started = Instant::now();
    (0..20).for_each(|_| drop(get(&serve, &repository, "manifests/1").expect(200)));
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(serve);
    env.assert_no_leftovers();
}

#[test]
fn offline_nobody_is_asked() {
    let Scene { env, registry, repository, image, serve } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(serve);
    let before = registry.requests().len();
    let serve = self::serve(&env, &registry.host(), &["--offline"]);
    pull(&serve, &repository, "1", &image);
    for name in [format!("{}/{repository}", registry.host().replace(':', "_")), "nothing/here".to_owned()] {
        assert_eq!(get(&serve, &name, "manifests/2").status, 404);
    }
    assert_eq!(registry.requests().len(), before);
}

#[test]
fn the_store_is_served_later_without_upstream() {
    let Scene { env, repository, image, serve, registry } = Scene::of("", &[]);
    pull(&serve, &repository, "1", &image);
    drop(serve);
    let name = format!("{}/{repository}", registry.host().replace(':', "_"));
    drop(registry);
    let serve = Serve::start(&env, &["--read-only"]);
    pull(&serve, &name, "1", &image);
}

#[test]
fn a_rate_limit_is_passed_on_or_not_noticed() {
    let scene = Scene::of("", &["--retries", "0"]);
    scene.pull();
    scene.registry.put_image("f/m429huge/app", "1", &scene.image);
    let refused = get(&scene.serve, "f/m429huge/app", "manifests/1").expect(429);
    assert_eq!(error_code(&refused), "TOOMANYREQUESTS");
    assert!(!refused.header("retry-after").is_empty(), "{:?}", refused.headers);
    scene.pull();
}

#[test]
fn each_refusal_has_its_answer() {
    let registry = FaultRegistry::start();
    let env = Env::new();
    let serve = serve(&env, &registry.host(), &["--retries", "0"]);
    for (fault, status) in
        [("perm-404", 404), ("perm-401", 403), ("perm-403", 403), ("perm-429", 429), ("perm-500", 502)]
    {
        let image = registry.put_image(&format!("f/{fault}/app"), "1", &TestImage::small());
        for rest in ["manifests/1".to_owned(), format!("blobs/{}", image.config())] {
            let response = get(&serve, &format!("f/{fault}/app"), &rest);
            assert_eq!(response.status, status, "{fault} {rest}: {}", response.text());
            assert!(!error_code(&response).is_empty(), "{fault} {rest}");
        }
    }
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

#[test]
fn referrers_are_those_of_the_upstream_and_stay() {
    let image = TestImage::small();
    let registry = FaultRegistry::start();
    registry.put_image("library/app", "1", &image);
    let signature = crate::support::image_builder::ImageBuilder::new()
        .artifact_type("application/x.signature")
        .subject(&image)
        .build();
    registry.put_image("library/app", "signature", &signature);
    let env = Env::new();
    let serve = serve(&env, &registry.host(), &[]);
    let rest = format!("referrers/{}", image.digest());
    let listed = |serve: &Serve| get(serve, "library/app", &rest).expect(200).json()["manifests"][0]["digest"].clone();
    assert_eq!(listed(&serve), signature.digest().to_string());
    get(&serve, "library/app", &format!("manifests/{}", signature.digest())).expect(200);
    drop(registry);
    assert_eq!(listed(&serve), signature.digest().to_string());
}

#[test]
fn r06_a_kill_in_the_middle_of_a_fetch_leaves_a_clean_store() {
    let scene = Scene::of("stall", &["--idle-timeout", "60s"]);
    let layer = scene.layer();
    scene.get("manifests/1").expect(200);
    let mut stream = scene.begin(layer);
    stream.read_exact(&mut [0; 1000]).unwrap();
    assert!(staged(&scene.env.store()) > 0);
    let Scene { env, registry, repository, image, serve } = scene;
    serve.signal(Signal::KILL);
    drop(serve);
    let stored = env.store().join(format!("blobs/sha256/{}", layer.hex()));
    assert!(!stored.exists());
    let serve = self::serve(&env, &registry.host(), &["--idle-timeout", "500ms"]);
    pull(&serve, &repository, "1", &image);
    assert_eq!(staged(&env.store()), 0);
    drop(serve);
    env.assert_no_leftovers();
}

#[test]
fn damage_in_the_store_is_repaired() {
    let scene = Scene::of("", &[]);
    scene.pull();
    let layer = scene.layer();
    let damages: [fn(&mut Vec<u8>); 3] =
        [|content| content[LARGE / 2] ^= 1, |content| content.truncate(LARGE / 2), |content| content.clear()];
    for damage in damages {
        let mut content = scene.content(layer).to_vec();
        damage(&mut content);
        // As a new file, as a restored backup would be: what is known of the old one does not hold.
        std::fs::remove_file(scene.stored(layer)).unwrap();
        std::fs::write(scene.stored(layer), content).unwrap();
        assert!(scene.try_blob(layer).is_none_or(|status| status == 200));
        assert!(scene.blob(layer).expect(200).body == scene.content(layer));
        assert!(std::fs::read(scene.stored(layer)).unwrap() == scene.content(layer));
    }
}

#[test]
fn memory_does_not_grow_with_blobs() {
    let scene = Scene::with("", TestImage::of_size(3, 64 * LARGE), &[]);
    let layer = scene.layer();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(scene.blob(layer).expect(200).body.len(), scene.content(layer).len()));
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", scene.serve.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak: u64 = peak.unwrap().parse().unwrap();
    assert!(peak < 48 * 1024, "{peak} KiB");
}
