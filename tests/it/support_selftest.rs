//! The support itself: what the other tests lean on does what it says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use imgctl::oci::{Algorithm, Compression, MediaType};

use crate::support::attacker::Attacker;
use crate::support::certificates::{Authority, Certificate};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::{Env, tool};
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::fault_registry::{Demand, FaultRegistry};
use crate::support::http::{self, basic};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::{Layer, random};
use crate::support::nginx::{ClientCertificate, Nginx};
use crate::support::reply::Cut;
use crate::support::run::Run;
use crate::support::token_server::{Mode, TokenServer};

#[test]
fn docker_registry_is_filled_and_read() {
    let registry = DockerRegistry::open();
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64/v8"]);
    registry.put_image("a/b", "1", &image);
    assert!(registry.has_image("a/b", "1", &image));
    assert_eq!(registry.tags("a/b"), ["1"]);
    assert_eq!(registry.tags("nothing"), [""; 0]);
    assert!(!registry.has_blob("other", image.children[0].config()));
    let log = registry.request_log();
    assert!(
        log.iter()
            .any(|request| request.method == "PUT" && request.uri == "/v2/a/b/manifests/1" && request.status == 201)
    );
    assert!(registry.blob_path(image.children[0].config()).exists());
}

#[test]
fn docker_registry_listens_on_ipv6() {
    let registry = DockerRegistry::open_on("[::1]:0");
    assert!(registry.host().starts_with("[::1]:"));
    http::get(&format!("http://{}/v2/", registry.host())).expect(200);
}

#[test]
fn docker_registry_asks_for_a_password() {
    let registry = DockerRegistry::with_password("alice", "secret");
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    assert!(registry.has_image("a", "1", &image));
    let ask = |authorization: Option<&str>| {
        let url = format!("http://{}/v2/a/tags/list", registry.host());
        http::request("GET", &url).authorization(authorization).send()
    };
    assert_eq!(ask(None).expect(401).header("www-authenticate"), "Basic realm=\"test\"");
    ask(Some(&basic("alice", "wrong"))).expect(401);
    ask(Some(&basic("alice", "secret"))).expect(200);
}

#[test]
fn docker_registry_takes_tokens_until_they_expire() {
    let tokens = TokenServer::start();
    let registry = DockerRegistry::with_tokens(&tokens);
    let image = TestImage::small();
    registry.put_image("a", "1", &image);
    let ask = |token: &str| {
        let url = format!("http://{}/v2/a/tags/list", registry.host());
        http::request("GET", &url).header("Authorization", &format!("Bearer {token}")).send().status
    };
    let token = |user: &str, password: &str| {
        let url = format!("{}?service=test-registry&scope=repository:a:pull", tokens.realm());
        http::request("GET", &url).header("Authorization", &basic(user, password)).send()
    };
    let challenge = http::get(&format!("http://{}/v2/a/tags/list", registry.host())).expect(401);
    assert!(challenge.header("www-authenticate").contains(&format!("realm=\"{}\"", tokens.realm())));
    token("user", "wrong").expect(401);
    let good = token("user", "password").expect(200).json()["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&good), 200);
    tokens.set(|settings| settings.lifetime = Duration::ZERO);
    let expired = token("user", "password").json()["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&expired), 401);
    assert_eq!(tokens.requests()[0].scopes(), ["repository:a:pull"]);
}

#[test]
fn token_server_speaks_oauth2() {
    let tokens = TokenServer::start();
    tokens.set(|settings| settings.refresh_token = Some("S3CR3T-C".to_owned()));
    let post = |form: &str| http::request("POST", &tokens.realm()).body(form.as_bytes()).send();
    let first = post("grant_type=password&username=user&password=password&access_type=offline&scope=repository:a:pull");
    assert_eq!(first.expect(200).json()["refresh_token"], "S3CR3T-C");
    post("grant_type=refresh_token&refresh_token=S3CR3T-C").expect(200);
    post("grant_type=refresh_token&refresh_token=wrong").expect(401);
    tokens.set(|settings| settings.mode = Mode::NoPost(405));
    post("grant_type=refresh_token&refresh_token=S3CR3T-C").expect(405);
    assert_eq!(tokens.requests()[0].param("username"), Some("user"));
}

#[test]
fn nginx_shows_what_arrived() {
    let registry = FaultRegistry::start();
    let authority = Authority::new();
    let nginx = Nginx::in_front_of(&registry.host(), &authority.localhost())
        .client_certificate(&authority, ClientCertificate::Optional)
        .recording("X-Api-Key")
        .line("location /moved { return 302 https://elsewhere.invalid/; }")
        .start();
    let url = |path: &str| format!("https://{}{path}", nginx.host());
    http::request("GET", &url("/v2/")).trusting(authority.pem()).header("X-Api-Key", "S3CR3T").send().expect(200);
    let alice = authority.client("alice");
    http::request("GET", &url("/moved")).trusting(authority.pem()).identity(&alice).send().expect(302);
    let stranger = Authority::new();
    assert!(http::request("GET", &url("/v2/")).trusting(stranger.pem()).try_send().is_err());
    let seen = nginx.requests();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!((seen[0].header("X-Api-Key"), seen[0].header("authorization"), &*seen[0].client), ("S3CR3T", "", ""));
    assert_eq!((seen[1].client.as_str(), seen[1].status), ("CN=alice", 302));
}

#[test]
fn nginx_shows_bad_certificates() {
    let authority = Authority::new();
    let bad = [
        Certificate::self_signed(&["localhost"]),
        authority.expired(&["localhost"]),
        authority.not_yet_valid(&["localhost"]),
        authority.server(&["example.invalid"]),
    ];
    for certificate in bad {
        let nginx = Nginx::in_front_of("127.0.0.1:1", &certificate).start();
        let url = format!("https://{}/", nginx.host());
        let error = http::request("GET", &url).trusting(authority.pem()).try_send().unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        assert!(nginx.requests().is_empty());
    }
}

#[test]
fn images_are_real() {
    let env = Env::new();
    let layer = || Layer::new().directory("etc").file("etc/hello", "hello").symlink("etc/link", "hello");
    let images = [
        ImageBuilder::new().layer(layer()).label("a", "b").build(),
        ImageBuilder::new().layer(layer()).compression(Compression::Zstd).build(),
        ImageBuilder::new().layer(layer()).compression(Compression::None).platform("linux/arm64/v8").build(),
    ];
    for (number, image) in images.iter().enumerate() {
        let layout = env.path(format!("{number}"));
        image.write_layout(&layout, "1");
        let source = format!("oci:{}:1", layout.display());
        let copied = format!("dir:{}", env.path(format!("{number}-copied")).display());
        env.tool("skopeo", ["copy", "--preserve-digests", &source, &copied]).run().ok();
    }
    let registry = FaultRegistry::start();
    registry.put_image("ok/docker", "1", &ImageBuilder::new().layer(layer()).docker().build());
    let source = format!("docker://{}", registry.reference("ok/docker:1"));
    let copied = format!("docker-archive:{}", env.path("docker.tar").display());
    env.tool("skopeo", ["copy", "--src-tls-verify=false", &source, &copied]).run().ok();
    let layout = env.path("0");
    env.tool("umoci", ["ls", "--layout", layout.to_str().unwrap()]).run().ok();
    assert_eq!(TestImage::of_size(7, 1000).digest(), TestImage::of_size(7, 1000).digest());
    assert_ne!(TestImage::of_size(7, 1000).digest(), TestImage::of_size(8, 1000).digest());
    let sha512 = ImageBuilder::new().layer(layer()).algorithm(Algorithm::Sha512).build();
    assert!(sha512.config().to_string().starts_with("sha512:"));
    let attested = TestImage::with_attestations(vec![TestImage::small()]);
    assert!(attested.children[1].descriptor().is_attestation());
}

#[test]
fn fault_registry_does_right_under_ok() {
    let env = Env::new();
    let registry = FaultRegistry::start();
    let image = TestImage::index(vec![TestImage::small(), TestImage::of_size(1, 300_000)]);
    registry.put_image("ok/a", "1", &image);
    let (source, target) = (registry.reference("ok/a:1"), registry.reference("ok/b:2"));
    let copy = ["copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false"];
    let names = [format!("docker://{source}"), format!("docker://{target}")];
    env.tool("skopeo", copy.into_iter().map(str::to_owned).chain(names)).run().ok();
    assert!(registry.has_image("ok/b", "2", &image));
    let url = format!("http://{}/v2/ok/a", registry.host());
    let artifact = ImageBuilder::new().artifact_type("application/x.sbom").subject(&image).build();
    registry.put_image("ok/a", "sbom", &artifact);
    let referrers = http::get(&format!("{url}/referrers/{}", image.digest())).expect(200).json();
    assert_eq!(referrers["manifests"][0]["artifactType"], "application/x.sbom");
    let page = http::get(&format!("{url}/tags/list?n=1")).expect(200);
    assert_eq!(page.header("link"), "</v2/ok/a/tags/list?n=1&last=1>; rel=\"next\"");
    assert!(registry.bytes_sent("ok/a") > image.size());
}

#[test]
fn fault_registry_mounts_and_resumes_uploads() {
    let registry = FaultRegistry::start();
    let (content, url) = (random(1, 1000), format!("http://{}/v2", registry.host()));
    let digest = registry.put_blob("ok/a", content.clone());
    http::request("POST", &format!("{url}/ok/b/blobs/uploads/?mount={digest}&from=ok/a")).send().expect(201);
    assert!(registry.has_blob("ok/b", digest));
    let upload = http::request("POST", &format!("{url}/ok/c/blobs/uploads/")).send().expect(202);
    let location = upload.header("location");
    http::request("PATCH", location).body(&content[..400]).send().expect(202);
    assert_eq!(http::get(location).expect(204).header("range"), "0-399");
    http::request("PATCH", location).header("Content-Range", "0-9").body(&content[..10]).send().expect(416);
    http::request("PUT", &format!("{location}&digest={digest}")).body(&content[400..]).send().expect(201);
    assert!(registry.has_blob("ok/c", digest));
}

#[test]
fn fault_registry_cuts_stalls_and_refuses_as_the_name_says() {
    let registry = FaultRegistry::start();
    let image = TestImage::of_size(1, 500_000);
    let layer = image.layers()[0];
    let get = |repository: &str, range: Option<&str>| {
        registry.put_image(repository, "1", &image);
        let request = http::request("GET", &format!("http://{}/v2/{repository}/blobs/{layer}", registry.host()));
        let request = if let Some(range) = range { request.header("Range", range) } else { request };
        request.send()
    };
    for repository in ["f/reset", "f/eof"] {
        let half = get(repository, None);
        let length = half.body.len();
        assert!(half.cut && length > 100_000 && length < image.blobs[&layer].len(), "{length}");
        let rest = get(repository, Some(&format!("bytes={length}-"))).expect(206);
        assert_eq!([half.body, rest.body].concat(), image.blobs[&layer]);
        assert_eq!(registry.statuses("GET", &format!("{repository}/blobs")), [200, 206]);
    }
    assert_eq!([0; 3].map(|_| get("f/b5xx-522", None).status), [522, 522, 200]);
    assert!(get("f/nocl", None).expect(200).header("content-length").is_empty());
    assert_ne!(get("f/corruptonce", None).body, image.blobs[&layer]);
    assert_eq!(get("f/corruptonce", None).body, image.blobs[&layer]);
    let redirect = get("f/redir", None).expect(307);
    assert_eq!(redirect.header("location"), format!("http://{}/cdn/{layer}", registry.second_host()));
    assert_eq!(http::get(redirect.header("location")).expect(200).body, image.blobs[&layer]);
    assert_eq!(registry.second_requests().len(), 1);
}

#[test]
fn fault_registry_counts_little_more_than_is_read() {
    let registry = FaultRegistry::start();
    let digest = registry.put_blob("f/infinite", random(1, 100_000));
    let mut stream = TcpStream::connect(registry.host()).unwrap();
    write!(stream, "GET /v2/f/infinite/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 160_000]).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_millis(50));
    let sent = registry.bytes_sent("f/infinite");
    assert!((160_000..700_000).contains(&sent), "{sent}");
    let url = format!("http://{}/v2/f/infinite/blobs/{digest}", registry.host());
    assert_eq!(http::request("HEAD", &url).send().header("content-length"), "100000");
}

#[test]
fn fault_registry_lies_in_documents() {
    let registry = FaultRegistry::start();
    let image = TestImage::small();
    for name in ["ambig-1", "ambig-5", "dupkey", "casekey", "badlayerdigest-0", "negsize", "deepjson", "wide-20000"] {
        let put = registry.put_image(&format!("f/{name}"), "1", &image);
        let got = http::get(&format!("http://{}/v2/f/{name}/manifests/1", registry.host())).expect(200);
        assert_eq!(
            (got.header("docker-content-digest"), &got.body[..]),
            (&*put.digest().to_string(), &put.manifest[..])
        );
        assert_ne!(put.digest(), image.digest());
    }
    registry.put_image("f/cycle", "1", &image);
    let fallback = image.digest().to_string().replace(':', "-");
    assert!(registry.tags("f/cycle").contains(&fallback));
}

#[test]
fn fault_registry_demands_what_it_is_told() {
    let registry = FaultRegistry::start();
    let challenges = ["Negotiate", "Basic realm=\"x\""].map(str::to_owned).to_vec();
    registry.demand(Demand { challenges, accepted: vec![basic("a", "b")] });
    let url = format!("http://{}/v2/", registry.host());
    let refused = http::get(&url).expect(401);
    assert_eq!(refused.headers.iter().filter(|(name, _)| name == "www-authenticate").count(), 2);
    http::request("GET", &url).header("Authorization", &basic("a", "b")).send().expect(200);
    assert!(FaultRegistry::start_with("html-base").requests().is_empty());
}

#[test]
fn fault_registry_loses_answers_but_not_content() {
    let registry = FaultRegistry::start();
    let image = TestImage::of_bytes(MediaType::OCI_MANIFEST, "{}");
    let put = || {
        let url = format!("http://{}/v2/f/lostput/manifests/1", registry.host());
        http::request("PUT", &url)
            .header("Content-Type", image.media_type.as_str())
            .body(&image.manifest[..])
            .try_send()
    };
    assert!(put().is_err());
    assert!(registry.has_image("f/lostput", "1", &image));
    put().unwrap().expect(201);
    assert_eq!(registry.statuses("PUT", "manifests"), [0, 201]);
}

#[test]
fn fault_proxy_cuts_drops_and_rewrites() {
    let registry = DockerRegistry::open();
    let image = TestImage::of_size(1, 1_000_000);
    let layer = image.layers()[0];
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(
        registry.host(),
        vec![
            Rule::on("GET", "/blobs/", Weather::CutResponse(600_000, Cut::Reset)).times(1),
            Rule::on("HEAD", "/blobs/", Weather::Answer("401 Unauthorized\r\n".to_owned())).after(1).times(1),
            Rule::on("POST", "/uploads/", Weather::CutRequest(50, Cut::Fin)),
            Rule::on("PUT", "/manifests/", Weather::DropResponse).times(1),
        ],
    );
    let url = format!("http://{}/v2/a", proxy.host());
    let cut = http::get(&format!("{url}/blobs/{layer}"));
    assert!(cut.cut && (500_000..=600_000).contains(&cut.body.len()), "{}", cut.body.len());
    assert_eq!(http::get(&format!("{url}/blobs/{layer}")).body, image.blobs[&layer]);
    let head = || http::request("HEAD", &format!("{url}/blobs/{layer}")).send().status;
    assert_eq!([head(), head(), head()], [200, 401, 200]);
    assert!(http::request("POST", &format!("{url}/blobs/uploads/")).body([0; 100]).try_send().is_err());
    let put = || {
        let request = http::request("PUT", &format!("{url}/manifests/2"));
        request.header("Content-Type", image.media_type.as_str()).body(&image.manifest[..]).try_send()
    };
    assert!(put().is_err());
    assert!(registry.has_image("a", "2", &image));
    assert_eq!(proxy.struck(), 4);
    assert_eq!(proxy.requests().len(), 7);
}

#[test]
fn fault_proxy_is_slow_on_request() {
    let registry = FaultRegistry::start();
    let digest = registry.put_blob("ok/a", random(1, 30_000));
    let proxy = FaultProxy::start(&registry.host(), Vec::new());
    proxy.limit_rate(100_000);
    let started = Instant::now();
    http::get(&format!("http://{}/v2/ok/a/blobs/{digest}", proxy.host())).expect(200);
    assert!(started.elapsed() > Duration::from_millis(250), "{:?}", started.elapsed());
    assert_eq!(proxy.sent(), 30_000);
}

#[test]
#[should_panic(expected = "the attacker heard a secret")]
fn attacker_hears() {
    let attacker = Attacker::issuing_tokens();
    http::request("POST", &attacker.url("/token")).body("grant_type=password&password=S3CR3T-A").send().expect(200);
    attacker.assert_no_secret(&["S3CR3T-A"]);
}

#[test]
fn env_is_a_home_of_its_own() {
    let env = Env::new();
    let shown = env.tool("sh", ["-c", "env; pwd"]).env("A", "b").run().ok();
    let home = format!("HOME={}", env.home("").display());
    let text = shown.stdout_text();
    assert!(text.lines().any(|line| line == home.trim_end_matches('/')), "{text}");
    assert!(text.contains("A=b") && !text.contains("DBUS_SESSION_BUS_ADDRESS"), "{text}");
    assert_eq!(env.tool("cat", [""; 0]).stdin("in").run().ok().stdout_text(), "in");
    env.imgctl(["--version"]).run().ok().within(10.0);
    env.assert_no_leftovers();
    std::fs::write(env.store().parent().unwrap().parent().unwrap().join(".tmpABC"), "").unwrap();
    assert!(std::panic::catch_unwind(|| env.assert_no_leftovers()).is_err());
    assert!(tool("true", [""; 0]).max_rss_kib < 100_000);
}

#[test]
fn runs_of_ours_must_be_decent() {
    let bad = ["echo thread main panicked at x", "echo S3CR3T-A >&2", "printf '\\033[31m' >&2"];
    for script in bad {
        let run = Run::ours("/bin/sh", vec!["S3CR3T-A".to_owned()]).args(["-c", script]);
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.run())).is_err(), "{script}");
    }
    let mut sleeping = Run::tool("sh").args(["-c", "echo ready >&2; exec sleep 60"]).spawn();
    sleeping.wait_for_stderr("ready");
    sleeping.signal(rustix::process::Signal::TERM);
    assert_eq!(sleeping.wait().signal, Some(15));
}

#[test]
fn fault_proxy_lets_nearly_all_through_before_a_reset() {
    let registry = FaultRegistry::start();
    let content = random(1, 8_000_000);
    let digest = registry.put_blob("ok/a", content.clone());
    let rule = Rule::on("GET", "/blobs/", Weather::CutResponse(600_000, Cut::Reset));
    let proxy = FaultProxy::start(&registry.host(), vec![rule]);
    let mut received = Vec::new();
    while received.len() < content.len() {
        let request = http::request("GET", &format!("http://{}/v2/ok/a/blobs/{digest}", proxy.host()));
        let part = request.header("Range", &format!("bytes={}-", received.len())).send().expect(206);
        assert!(part.body.len() > 400_000 || !part.cut, "{}", part.body.len());
        received.extend(part.body);
    }
    assert_eq!(received, content);
    assert!(proxy.sent() < 9_000_000, "{}", proxy.sent());
}
