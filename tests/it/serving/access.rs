//! R14: no route without a password, except the one that says that the server lives.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::env::{Env, tool};
use crate::support::http::{Request, basic, get, request};
use crate::support::serve::Serve;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Writes users with their passwords by the real tool.
fn htpasswd(env: &Env, users: &[(&str, &str)]) -> PathBuf {
    let path = env.path("htpasswd");
    for (at, (user, password)) in users.iter().enumerate() {
        let flags = if at == 0 { "-bcBC5" } else { "-bBC5" };
        tool("htpasswd", [flags, path.to_str().unwrap(), user, password]);
    }
    path
}

fn start(env: &Env, htpasswd: &Path) -> Serve {
    Serve::start(env, &["--allow-delete", "--htpasswd", htpasswd.to_str().unwrap()])
}

/// Every route there is, and some that are not.
fn routes() -> Vec<(&'static str, String)> {
    let paths = |method: &'static str, paths: &[&str]| paths.iter().map(|path| (method, (*path).to_owned())).collect();
    let mut routes: Vec<(&str, String)> = paths(
        "GET",
        &[
            "/",
            "/-/",
            "/-/repository/a",
            "/metrics",
            "/v2",
            "/v2/",
            "/v2/_catalog",
            "/v2/_catalog?n=1",
            "/v2/a/tags/list",
            "/v2/a/manifests/latest",
            "/v2/a/blobs/uploads/0",
            "/v1/",
            "/nothing",
            "/v2/../healthz",
            "/healthz/",
            "//healthz",
        ],
    );
    routes.extend(paths("POST", &["/v2/a/blobs/uploads/", "/v2/a/blobs/uploads/?mount=x&from=b", "/healthz/x"]));
    routes.extend(paths("PATCH", &["/v2/a/blobs/uploads/0"]));
    routes.extend(paths("PUT", &["/v2/a/blobs/uploads/0?digest=x", "/v2/a/manifests/latest"]));
    routes.extend(paths("DELETE", &["/v2/a/blobs/uploads/0", "/v2/a/manifests/latest"]));
    for method in ["GET", "HEAD", "DELETE"] {
        routes.extend(["blobs", "manifests", "referrers"].map(|noun| (method, format!("/v2/a/{noun}/{DIGEST}"))));
    }
    routes
}

/// What somebody may try who has no password.
fn attempts() -> Vec<Option<String>> {
    let token = |header: &str| {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = r#"{"sub":"alice","access":[{"type":"repository","name":"a","actions":["pull","push","*"]}]}"#;
        Some(format!("Bearer {}.{}.{}", part(header), part(claims), part("signature")))
    };
    vec![
        None,
        Some(basic("alice", "wrong")),
        Some(basic("alice", "")),
        Some(basic("mallory", "secret-of-alice")),
        Some(basic("", "")),
        Some("Basic".to_owned()),
        Some("Basic %%%".to_owned()),
        Some(basic("alice", "secret-of-alice").replace("Basic", "Bearer")),
        Some("Bearer".to_owned()),
        token(r#"{"alg":"none","typ":"JWT"}"#),
        token(r#"{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}"#),
        token(r#"{"alg":"HS256","kid":"../../../../dev/null"}"#),
    ]
}

fn send(server: &Serve, method: &str, path: &str, authorization: Option<&str>) -> (u16, Option<String>, Vec<u8>) {
    // Not by URL: that would tidy up the path.
    let answer = request(method, server.url()).target(path).authorization(authorization).send();
    let challenge = answer.headers.iter().find(|(name, _)| name == "www-authenticate").map(|(_, value)| value.clone());
    (answer.status, challenge, answer.body)
}

#[test]
fn r14_no_route_answers_without_a_password() {
    let mut env = Env::new();
    env.canary("secret-of-alice");
    let server = start(&env, &htpasswd(&env, &[("alice", "secret-of-alice")]));
    for authorization in attempts() {
        for (method, path) in routes() {
            let (status, challenge, body) = send(&server, method, &path, authorization.as_deref());
            assert_eq!(status, 401, "{method} {path} {authorization:?}");
            assert!(challenge.is_some_and(|challenge| challenge.starts_with("Basic realm=\"")), "{method} {path}");
            let says = String::from_utf8_lossy(&body);
            assert!(method == "HEAD" || says.contains(r#""code":"UNAUTHORIZED""#), "{method} {path}: {says}");
        }
    }
    let good = basic("alice", "secret-of-alice");
    for (method, path) in routes() {
        let (status, _, _) = send(&server, method, &path, Some(&good));
        assert_ne!(status, 401, "{method} {path}");
    }
    assert_eq!(get(&format!("{}/healthz", server.url())).status, 200);
    assert_eq!(get(&format!("{}/metrics", server.url())).status, 401);
    server.stop().ok();
}

#[test]
fn r14_two_credentials_in_one_request_are_none() {
    let env = Env::new();
    let server = start(&env, &htpasswd(&env, &[("alice", "a")]));
    let base = format!("{}/v2/", server.url());
    let ask = |request: Request| request.send().status;
    let good = basic("alice", "a");
    assert_eq!(ask(request("GET", &base).authorization(Some(&good))), 200);
    assert_eq!(ask(request("GET", &base).authorization(Some(&good)).authorization(Some("Bearer x"))), 401);
    assert_eq!(ask(request("GET", &base).authorization(Some("Bearer x")).authorization(Some(&good))), 401);
}

#[test]
fn users_come_and_go_while_it_serves() {
    let env = Env::new();
    let path = htpasswd(&env, &[("alice", "a")]);
    let mut server = start(&env, &path);
    let base = format!("{}/v2/", server.url());
    let status = |user, password| request("GET", &base).authorization(Some(&basic(user, password))).send().status;
    assert_eq!((status("alice", "a"), status("bob", "b")), (200, 401));

    htpasswd(&env, &[("bob", "b"), ("alice", "new")]);
    assert_eq!((status("alice", "a"), status("alice", "new"), status("bob", "b")), (401, 200, 200));

    std::fs::write(&path, "bob:$apr1$S3cretS3cret\n").unwrap();
    assert_eq!((status("alice", "new"), status("bob", "b")), (200, 200));
    server.wait_for_stderr("line 1: the password is not hashed by bcrypt");

    std::fs::remove_file(&path).unwrap();
    assert_eq!((status("alice", "new"), status("bob", "b")), (200, 200));

    htpasswd(&env, &[("bob", "b")]);
    assert_eq!((status("alice", "new"), status("bob", "b")), (401, 200));
    assert!(!server.stderr().contains("S3cret"));
}

#[test]
fn a_file_that_makes_no_sense_is_told_by_its_line() {
    let env = Env::new();
    let path = htpasswd(&env, &[("alice", "a")]);
    tool("htpasswd", ["-bm", path.to_str().unwrap(), "md5", "S3cret"]);
    let start = |path: &str| env.imgctl(["serve", "--listen", "127.0.0.1:0", "--htpasswd", path]).run();
    let outcome =
        start(path.to_str().unwrap()).fails(2).says("line 2: the password is not hashed by bcrypt").says("htpasswd -B");
    assert!(!outcome.stderr.contains("$apr1$"), "{}", outcome.told());
    start("missing").fails(8).says("cannot read missing");
}

#[test]
fn an_upload_belongs_to_who_began_it() {
    let env = Env::new();
    let server = start(&env, &htpasswd(&env, &[("alice", "a"), ("bob", "b")]));
    let [alice, bob] = [basic("alice", "a"), basic("bob", "b")];
    let begun = request("POST", &format!("{}/v2/app/blobs/uploads/", server.url())).authorization(Some(&alice)).send();
    assert_eq!(begun.status, 202);
    let location = begun.headers.iter().find(|(name, _)| name == "location").unwrap().1.clone();
    let location = if location.starts_with('/') { format!("{}{location}", server.url()) } else { location };
    let at = |method: &str, query: &str, user: &str| {
        request(method, &format!("{location}{query}")).authorization(Some(user)).body("hello").send().status
    };
    assert_eq!(at("PATCH", "", &alice), 202);
    for (method, query) in [("GET", ""), ("PATCH", ""), ("PUT", "?digest=sha256:00"), ("DELETE", "")] {
        assert!(matches!(at(method, query, &bob), 400 | 404), "{method}");
    }
    assert_eq!(at("GET", "", &alice), 204);
    assert_eq!(at("DELETE", "", &alice), 204);
}
