//! Secrets and what is printed, written or shown in the list of processes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::secrets::{PASSWORD, REFRESH_TOKEN, Stored, env, logged_in};
use crate::support::env::{Env, files};
use crate::support::fault_registry::{Demand, FaultRegistry};
use crate::support::image::TestImage;
use crate::support::token_server::{Mode, TokenServer};

/// Everything a command says.
const LOUD: [&str; 6] = ["-vvv", "--trace", "--log-level", "trace", "--retries", "0"];

/// A registry with one secret of every kind: password A, token B, refresh token C, signed redirect D, state of an upload E,
/// cookie F.
fn registry() -> (FaultRegistry, TokenServer) {
    let (registry, server) = (FaultRegistry::start_with("cookie"), TokenServer::start());
    let grant = json!({ "token": "S3CR3T-B", "refresh_token": REFRESH_TOKEN, "expires_in": 300 });
    server.set(|settings| settings.mode = Mode::Body(grant.to_string()));
    let challenges = vec![format!("Bearer realm=\"{}\",service=\"x\"", server.realm())];
    registry.demand(Demand { challenges, accepted: vec!["Bearer S3CR3T-B".to_owned()] });
    for repository in ["ok/a", "f/redirsigned", "f/corrupt", "f/ambig-1"] {
        registry.put_image(repository, "1", &TestImage::small());
    }
    (registry, server)
}

/// Asserts that no file but docker's own holds a secret.
#[track_caller]
fn assert_no_file_tells(env: &Env) {
    for file in files(&env.home("..")).filter(|file| !file.ends_with(".docker/config.json")) {
        let content = fs::read(&file).unwrap();
        let tells = content.windows(6).any(|window| window == b"S3CR3T");
        assert!(!tells, "{} holds a secret", file.display());
    }
}

#[test]
fn a15_no_command_tells_a_secret_however_loud_it_is() {
    let (registry, server) = registry();
    let host = registry.host();
    let reference = |name: &str| registry.reference(name);
    for progress in ["plain", "json"] {
        for stored in [Stored::Password, Stored::IdentityToken] {
            let env = env();
            TestImage::small().write_layout(&env.path("given"), "x");
            logged_in(&env, &[&host], stored, json!({ "HttpHeaders": { "X-Api-Key": "S3CR3T-H" } }));
            for (code, args) in [
                (0, &["tags", &reference("ok/a")][..]),
                (0, &["catalog", &host]),
                (0, &["inspect", &reference("ok/a:1")]),
                (0, &["manifest", &reference("ok/a:1")]),
                (0, &["config", &reference("ok/a:1")]),
                (0, &["digest", &reference("ok/a:1")]),
                (0, &["copy", &reference("f/redirsigned:1"), "oci:out"]),
                (0, &["copy", "oci:given", &reference("ok/b:1")]),
                (0, &["copy", &reference("ok/a:1"), &reference("ok/c:1")]),
                (0, &["pull", &reference("f/redirsigned:1")]),
                (0, &["push", &reference("f/redirsigned:1"), &reference("ok/d:1")]),
                (0, &["save", "-o", "a.tar", &reference("f/redirsigned:1")]),
                (0, &["load", "-i", "a.tar"]),
                (5, &["copy", &reference("f/corrupt:1"), "oci:bad"]),
                (5, &["copy", &reference("f/ambig-1:1"), "oci:bad"]),
                (4, &["digest", &reference("ok/missing:1")]),
                (0, &["login", &host]),
                (0, &["login", "--get-login", &host]),
                (0, &["images"]),
                (0, &["logout", &host]),
            ] {
                let run = env.imgctl(args).args(LOUD).args(["--progress", progress]);
                run.run().fails(code);
            }
            assert_no_file_tells(&env);
        }
    }
    // The secrets were there to be told.
    let shown = |text: &str| registry.requests().iter().any(|request| request.authorization() == Some(text));
    assert!(shown("Bearer S3CR3T-B"));
    assert!(registry.second_requests().iter().any(|request| request.query.contains("S3CR3T-D")));
    assert!(registry.requests().iter().any(|request| request.query.contains("S3CR3T-E")));
    assert!(server.requests().iter().any(|request| request.param("refresh_token") == Some(REFRESH_TOKEN)));
    // A cookie is not kept, so it is never sent back.
    assert!(registry.requests().iter().all(|request| request.header("cookie").is_none()));
}

#[test]
fn a15_refusals_repeat_no_secret() {
    for challenge in ["Basic realm=\"x\"", "Bearer realm=\"http://127.0.0.2:1/token?key=S3CR3T-G\",service=\"x\""] {
        let (env, registry) = (env(), FaultRegistry::start());
        registry.put_image("ok/a", "1", &TestImage::small());
        registry.demand(Demand { challenges: vec![challenge.to_owned()], accepted: Vec::new() });
        logged_in(&env, &[&registry.host()], Stored::Password, Value::Null);
        let outcome = env.imgctl(["digest", &registry.reference("ok/a:1")]).args(LOUD).run();
        assert!(matches!(outcome.code, Some(3 | 6)), "{}", outcome.told());
    }
    // What a token server says goes to the user; what it was asked with does not.
    let (registry, server) = registry();
    for mode in [
        Mode::Status(401),
        Mode::Status(503),
        Mode::Html,
        Mode::Body("{".to_owned()),
        Mode::Redirect("http://127.0.0.1:1/?X-Amz-Signature=S3CR3T-D".to_owned()),
    ] {
        for stored in [Stored::Password, Stored::IdentityToken] {
            let env = env();
            server.set(|settings| settings.mode = mode.clone());
            logged_in(&env, &[&registry.host()], stored, Value::Null);
            let outcome = env.imgctl(["digest", &registry.reference("ok/a:1")]).args(LOUD).run();
            assert_ne!(outcome.code, Some(0), "{}", outcome.told());
        }
    }
}

#[test]
fn a15_a_proxy_s_password_is_not_told() {
    let env = env();
    let proxy = "http://user:S3CR3T-I@127.0.0.1:1";
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let run = env.imgctl(["digest", "registry.invalid/a:1"]).args(LOUD).env(variable, proxy);
        run.run().fails(7);
    }
}

#[test]
fn a15_a_password_in_a_reference_is_not_repeated() {
    let env = env();
    for reference in
        ["user:S3CR3T-J@127.0.0.1:1/a", "docker://user:S3CR3T-J@127.0.0.1:1/a:1", "https://user:S3CR3T-J@r.example/a"]
    {
        env.imgctl(["digest", reference]).args(LOUD).run().fails(2);
    }
    env.imgctl(["login", "https://user:S3CR3T-J@r.example"]).args(LOUD).run().fails(2);
    env.imgctl(["digest", "--allow-realm", "ftp://user:S3CR3T-J@r.example", "r.example/a"]).args(LOUD).run().fails(6);
    env.imgctl(["digest", "--allow-realm", "user:S3CR3T-J@", "r.example/a"]).args(LOUD).run().fails(6);
}

#[test]
fn a15_no_process_has_a_secret_on_its_command_line() {
    let env = env();
    let (registry, server) = registry();
    let helper = env.write("bin/docker-credential-slow", "#!/bin/sh\ncat > /dev/null; sleep 0.2\nexit 0\n");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    env.write_home(".docker/config.json", json!({ "credHelpers": { registry.host(): "slow" } }).to_string());
    server.set(|settings| settings.delay = std::time::Duration::from_millis(200));
    let path = format!("{}:{}", helper.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let login = ["login", "--username", "user", "--password-stdin", &registry.host()];
    let mut running = env.imgctl(login).stdin(PASSWORD).env("PATH", path).spawn();
    let ours = running.pid().to_string();
    running.wait_until("the helper", |_| {
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let is_ours = process.file_name().to_string_lossy() == ours || line.contains("docker-credential-slow");
            assert!(!is_ours || !line.contains("S3CR3T"), "{line}");
        }
        let asked = !server.requests().is_empty();
        asked && is_helper_running()
    });
    running.wait().ok();
}

fn is_helper_running() -> bool {
    let lines =
        fs::read_dir("/proc").unwrap().flatten().filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.into_iter().any(|line| String::from_utf8_lossy(&line).contains("docker-credential-slow\0store"))
}
