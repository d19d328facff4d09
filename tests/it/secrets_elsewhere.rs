//! Other places that a registry sends people to: what goes along, and where nobody goes.

use serde_json::json;

use crate::documents::names_nothing;
use crate::secrets::{STORED, Stored, behind_realm, demand_token_of, env, logged_in, with_names};
use crate::support::attacker::Attacker;
use crate::support::certificates::Authority;
use crate::support::env::Env;
use crate::support::fault_registry::{Demand, FaultRegistry, TOKEN};
use crate::support::http::basic;
use crate::support::image::TestImage;
use crate::support::nginx::{ClientCertificate, Nginx, NginxBuilder};
use crate::support::outcome::Outcome;
use crate::support::traffic::Request;

/// Two names of this machine, of two domains.
const NAMES: [&str; 2] = ["own.test", "other.test"];
/// What no request elsewhere may carry.
const HEADERS: [&str; 5] = ["authorization", "cookie", "referer", "proxy-authorization", "x-api-key"];

fn secrets() -> Vec<&'static str> {
    STORED.into_iter().chain([TOKEN, "S3CR3T-H"]).collect()
}

#[track_caller]
fn assert_bare(requests: &[Request]) {
    for request in requests {
        for header in HEADERS {
            assert_eq!(request.header(header), None, "{header} with {}", request.line());
        }
    }
}

/// A TLS front of `upstream` for the names of [`tls`], which writes down what it hears.
fn front(upstream: &str, authority: &Authority) -> NginxBuilder {
    Nginx::in_front_of(upstream, &authority.server(&NAMES)).recording("x-api-key")
}

/// Runs our program with `authority` trusted.
fn tls(env: &Env, authority: &Authority, args: &[&str]) -> Outcome {
    let ca = authority.write(&env.path("")).display().to_string();
    with_names(env, &NAMES, &[args, &["--ca-file", &ca]].concat())
}

/// Logged in to `host`, with a custom header for it.
fn known(env: &Env, host: &str) {
    logged_in(env, &[host], Stored::Password, json!({ "HttpHeaders": { "X-Api-Key": "S3CR3T-H" } }));
}

/// A registry with `image` under `REPOSITORY:1` that wants the password.
fn private(repository: &str) -> FaultRegistry {
    let registry = FaultRegistry::start();
    registry.put_image(repository, "1", &TestImage::small());
    let accepted = vec![basic("user", crate::secrets::PASSWORD)];
    registry.demand(Demand { challenges: vec!["Basic realm=\"x\"".to_owned()], accepted });
    registry
}

#[test]
fn a03_https_never_leads_to_http() {
    let authority = Authority::new();
    for (fault, args) in [
        ("f/redir", &["copy", "R:1", "oci:out"][..]),
        ("f/mredir", &["copy", "R:1", "oci:out"]),
        ("f/linkssrf", &["tags", "R"]),
        ("f/foreign", &["copy", "--allow-foreign-layers", "R:1", "oci:out"]),
        ("f/push", &["copy", "oci:given", "R:2"]),
    ] {
        let (env, plain) = (env(), Attacker::start());
        let registry = FaultRegistry::start();
        let nginx = front(&registry.host(), &authority).start();
        let host = format!("own.test:{}", nginx.port());
        registry.send_people_to(&format!("http://own.test:{}", plain.host().rsplit_once(':').unwrap().1));
        registry.put_image(fault, "1", &TestImage::small());
        TestImage::of_size(1, 1000).write_layout(&env.path("given"), "x");
        known(&env, &host);
        let args: Vec<String> = args.iter().map(|arg| arg.replace('R', &format!("{host}/{fault}"))).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        tls(&env, &authority, &args).fails(6).within(10.0).says("http://own.test");
        plain.assert_silence();
        assert!(names_nothing(&env.path("out")), "{fault}");
        assert!(!registry.tags(fault).contains(&"2".to_owned()), "{fault}");
        env.assert_no_leftovers();
    }
}

#[test]
fn a03_an_https_registry_names_no_http_realm() {
    let (env, plain, authority) = (env(), Attacker::issuing_tokens(), Authority::new());
    let realm = format!("http://own.test:{}", plain.host().rsplit_once(':').unwrap().1);
    let registry = behind_realm(&format!("{realm}/token"));
    let nginx = front(&registry.host(), &authority).start();
    let host = format!("own.test:{}", nginx.port());
    let reference = format!("{host}/ok/a:1");
    let copy = ["copy", &reference, "oci:out", "--allow-realm", &realm];
    tls(&env, &authority, &copy[..3]).fails(6).says("without TLS").says(&realm);
    known(&env, &host);
    for copy in [&copy[..3], &copy] {
        tls(&env, &authority, copy).fails(6).says("without TLS").says(&realm);
    }
    plain.assert_silence();
}

#[test]
fn a04_an_open_store_elsewhere_is_read_without_secrets() {
    let store = FaultRegistry::start_on("127.0.0.2:0", None);
    store.put_image("ok/a", "1", &TestImage::small());
    for (fault, elsewhere) in [("f/redir", None), ("f/redir", Some(&store)), ("f/redirchain-3", None)] {
        let (env, registry) = (env(), private(fault));
        if let Some(store) = elsewhere {
            registry.send_people_to(&format!("http://{}", store.host()));
        }
        known(&env, &registry.host());
        env.imgctl(["copy", &registry.reference(&format!("{fault}:1")), "oci:out"]).run().ok();
        let own = registry.requests();
        assert!(own.iter().any(|request| request.authorization().is_some() && request.header("x-api-key").is_some()));
        let back: Vec<Request> = own.into_iter().filter(|request| request.query.contains("hop=")).collect();
        assert_eq!(back.is_empty(), fault == "f/redir");
        assert_bare(&back);
        let others = elsewhere.map_or_else(|| registry.second_requests(), FaultRegistry::requests);
        assert!(!others.is_empty());
        assert_bare(&others);
    }
}

#[test]
fn a04_http_to_https_of_the_same_host_is_another_origin() {
    let (env, registry, authority) = (env(), private("f/redir"), Authority::new());
    let nginx = Nginx::in_front_of(&registry.second_host(), &authority.localhost()).recording("x-api-key").start();
    registry.send_people_to(&format!("https://127.0.0.1:{}", nginx.port()));
    let ca = authority.write(&env.path("")).display().to_string();
    known(&env, &registry.host());
    env.imgctl(["copy", "--plain-http", "--ca-file", &ca, &registry.reference("f/redir:1"), "oci:out"]).run().ok();
    let requests = nginx.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(["authorization", "referer", "x-api-key"].iter().all(|name| request.header(name).is_empty()));
    }
}

#[test]
fn a04_who_asks_for_a_secret_elsewhere_gets_none() {
    let realm = Attacker::issuing_tokens();
    let bearer = format!("Bearer realm=\"{}\",service=\"x\"", realm.url("/token"));
    for challenge in ["Basic realm=\"x\"", bearer.as_str()] {
        for fault in ["f/redir", "f/mredir"] {
            let (env, registry, attacker) = (env(), private(fault), Attacker::challenging(challenge));
            registry.send_people_to(&attacker.url(""));
            known(&env, &registry.host());
            let outcome = env.imgctl(["copy", &registry.reference(&format!("{fault}:1")), "oci:out"]).run();
            outcome.fails(3).says(&attacker.host()).within(10.0);
            assert!(attacker.connections() > 0);
            attacker.assert_no_secret(&secrets());
            assert!(names_nothing(&env.path("out")));
        }
    }
    realm.assert_silence();
}

#[test]
fn a04_ten_hops_are_followed_and_circles_are_not() {
    for (fault, code, says) in [
        ("f/redirchain-10", 0, ""),
        ("f/redirchain-11", 7, "redirects too often"),
        ("f/redirloop", 7, "redirects in a circle"),
        ("f/redirfile", 6, "file"),
    ] {
        let (env, registry) = (env(), private(fault));
        known(&env, &registry.host());
        let outcome =
            env.imgctl(["copy", "--retries", "0", &registry.reference(&format!("{fault}:1")), "oci:out"]).run();
        outcome.fails(code).says(says).within(10.0);
        assert_eq!(names_nothing(&env.path("out")), code != 0, "{fault}");
        assert_bare(&registry.second_requests());
        let answers = registry.requests().len() + registry.second_requests().len();
        assert!(answers < 40, "{fault}: {answers} requests");
    }
}

#[test]
fn a04_an_upload_is_not_sent_elsewhere() {
    let layout = TestImage::of_size(1, 1000);
    for address in ["127.0.0.1:0", "127.0.0.2:0"] {
        let (env, registry) = (env(), private("f/push"));
        let attacker = Attacker::answering_on(address, "HTTP/1.1 200 OK\r\n", "");
        registry.send_people_to(&attacker.url(""));
        layout.write_layout(&env.path("given"), "x");
        known(&env, &registry.host());
        env.imgctl(["copy", "oci:given", &registry.reference("f/push:2")]).run().fails(6).says(&attacker.host());
        attacker.assert_silence();
        assert_eq!(registry.tags("f/push"), ["1"]);
    }
}

#[test]
fn a05_a_signed_redirect_shows_nobody_who_we_are_and_is_not_logged() {
    let (env, registry, authority) = (env(), FaultRegistry::start(), Authority::new());
    let image = registry.put_image("f/redirsigned", "1", &TestImage::small());
    let (own, store) =
        (front(&registry.host(), &authority).start(), front(&registry.second_host(), &authority).start());
    let host = format!("own.test:{}", own.port());
    registry.send_people_to(&format!("https://other.test:{}", store.port()));
    demand_token_of(&registry, &format!("https://{host}/token"));
    known(&env, &host);
    let reference = format!("{host}/f/redirsigned:1");
    for progress in ["plain", "json"] {
        let out = format!("oci:{progress}");
        let copy = ["copy", "-vvv", "--trace", "--progress", progress, &reference, &out];
        tls(&env, &authority, &copy).ok().says("/cdn/sha256:");
    }
    assert!(own.requests().iter().any(|request| request.header("authorization").starts_with("Bearer ")));
    let asked = store.requests();
    assert_eq!(asked.len(), image.blobs.len() * 2);
    for request in asked {
        assert!(request.uri.ends_with("?X-Amz-Signature=S3CR3T-D"), "{}", request.uri);
        for header in ["authorization", "referer", "x-api-key"] {
            assert_eq!(request.header(header), "", "{header}");
        }
    }
    // Where it fails the URL is told, and its query is not.
    registry.send_people_to("https://other.test:1");
    let copy = ["copy", "-vvv", "--trace", "--retries", "0", &reference, "oci:fails"];
    tls(&env, &authority, &copy).fails(7).says("other.test:1");
}

#[test]
fn a06_custom_headers_and_the_client_certificate_stay_with_their_registry() {
    let (env, authority, clients) = (env(), Authority::new(), Authority::new());
    let registry = FaultRegistry::start();
    let front =
        |upstream: &str| front(upstream, &authority).client_certificate(&clients, ClientCertificate::Optional).start();
    let (own, other) = (front(&registry.host()), front(&registry.second_host()));
    let (host, realm) = (format!("own.test:{}", own.port()), format!("https://own.test:{}", other.port()));
    registry.send_people_to(&format!("https://other.test:{}", other.port()));
    demand_token_of(&registry, &format!("{realm}/token"));
    let (certificate, key) = clients.client("somebody").write(&env.path(""), "client");
    let identity = ["--cert-file", certificate.to_str().unwrap(), "--key-file", key.to_str().unwrap()];
    known(&env, &host);
    for (fault, args) in [("f/redir", &[][..]), ("f/foreign", &["--allow-foreign-layers"])] {
        registry.put_image(fault, "1", &TestImage::small());
        let reference = format!("{host}/{fault}:1");
        tls(&env, &authority, &[&["copy", &reference, "oci:out"], args, &identity].concat()).ok();
    }
    for request in own.requests() {
        let (client, header) = (request.client.as_str(), request.header("x-api-key"));
        assert_eq!((client, header), ("CN=somebody", "S3CR3T-H"), "{}", request.uri);
    }
    let others = other.requests();
    assert!(others.iter().any(|request| request.uri.starts_with("/token")), "the token server is elsewhere too");
    assert!(others.iter().any(|request| request.uri.starts_with("/cdn/")));
    for request in others {
        assert_eq!((request.client.as_str(), request.header("x-api-key")), ("", ""), "{}", request.uri);
        let is_token = request.uri.starts_with("/token");
        assert_eq!(request.header("authorization").is_empty(), !is_token, "{}", request.uri);
    }
    let before = (own.requests().len(), other.requests().len());
    tls(&env, &authority, &["digest", "--anonymous", &format!("{host}/f/redir:1")]).ok();
    let all = [&own.requests()[before.0..], &other.requests()[before.1..]].concat();
    for request in all {
        assert_eq!((request.header("x-api-key"), request.header("authorization").starts_with("Basic")), ("", false));
    }
}

#[test]
fn a06_a_registry_that_wants_a_client_certificate_gets_it() {
    let (env, authority, clients) = (env(), Authority::new(), Authority::new());
    let registry = FaultRegistry::start();
    registry.put_image("ok/a", "1", &TestImage::small());
    let nginx = front(&registry.host(), &authority).client_certificate(&clients, ClientCertificate::Required).start();
    let reference = format!("own.test:{}/ok/a:1", nginx.port());
    tls(&env, &authority, &["digest", &reference]).fails(1).says("certificate");
    assert!(registry.requests().is_empty());
    let (certificate, key) = clients.client("somebody").write(&env.path(""), "client");
    let identity = ["--cert-file", certificate.to_str().unwrap(), "--key-file", key.to_str().unwrap()];
    tls(&env, &authority, &[&["digest", &reference][..], &identity].concat()).ok();
}
