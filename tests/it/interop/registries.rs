//! The real registry: open, with passwords, with TLS of its own and behind a proxy.

use crate::interop::{Client, index};
use crate::support::certificates::Authority;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::http;
use crate::support::nginx::Nginx;

#[test]
fn every_command_works_with_an_open_registry() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    Client::new(&env, &[]).uses(registry.host());
    for (repository, tag) in [("team/app", "1"), ("team/app", "2"), ("other", "1")] {
        assert!(registry.has_image(repository, tag, &index()), "{repository}:{tag}");
    }
    let uploads = registry.request_log();
    assert!(uploads.iter().all(|request| !(request.method == "PATCH" && request.uri.contains("/other/"))), "mounted");
    env.assert_no_leftovers();
}

#[test]
fn every_command_works_with_an_ipv6_registry() {
    let (env, registry) = (Env::new(), DockerRegistry::open_on("[::1]:0"));
    assert!(registry.host().starts_with("[::1]:"), "{}", registry.host());
    Client::new(&env, &[]).uses(registry.host());
}

#[test]
fn every_command_works_with_a_password_from_the_command_line() {
    let (mut env, registry) = (Env::new(), DockerRegistry::with_password("user", "S3CR3T-A"));
    env.canary("S3CR3T-A");
    Client::new(&env, &["--creds", "user:S3CR3T-A"]).uses(registry.host());
    env.imgctl(["digest", &registry.reference("team/app:1")]).run().fails(3).says(registry.host());
    env.imgctl(["digest", "--creds", "user:wrong", &registry.reference("team/app:1")]).run().fails(3);
}

#[test]
fn every_command_works_with_a_password_of_the_docker_config() {
    let (mut env, registry) = (Env::new(), DockerRegistry::with_password("user", "S3CR3T-A"));
    env.canary("S3CR3T-A");
    let auth = http::basic("user", "S3CR3T-A").replace("Basic ", "");
    let config = serde_json::json!({ "auths": { registry.host(): { "auth": auth } } });
    env.write_home(".docker/config.json", config.to_string());
    Client::new(&env, &[]).uses(registry.host());
    env.imgctl(["digest", "--anonymous", &registry.reference("team/app:1")]).run().fails(3);
}

#[test]
fn every_command_works_with_a_registry_that_speaks_tls() {
    let (env, authority) = (Env::new(), Authority::new());
    let registry = DockerRegistry::with_tls(&authority);
    let ca = authority.write(&env.path("")).display().to_string();
    Client::new(&env, &["--ca-file", &ca]).uses(registry.host());
    assert!(registry.has_image("other", "1", &index()));
    let other = Authority::new().write(&env.path("..")).display().to_string();
    let refused = env.imgctl(["digest", "--retries", "0", "--ca-file", &other, &registry.reference("other:1")]).run();
    refused.fails(1).says("certificate");
}

#[test]
fn every_command_works_behind_a_tls_proxy() {
    let (env, authority) = (Env::new(), Authority::new());
    let registry = DockerRegistry::open();
    let nginx = Nginx::in_front_of(registry.host(), &authority.localhost()).start();
    let ca = authority.write(&env.path("")).display().to_string();
    Client::new(&env, &["--ca-file", &ca]).uses(&nginx.host());
    assert!(registry.has_image("other", "1", &index()));
}

#[test]
fn every_command_works_where_tls_is_not_verified() {
    let env = Env::new();
    let registry = DockerRegistry::with_password("user", "pass");
    let nginx = Nginx::in_front_of(registry.host(), &Authority::new().expired(&["elsewhere.test"])).start();
    Client::new(&env, &["--insecure", "--creds", "user:pass"]).uses(&nginx.host());
    assert!(registry.has_image("other", "1", &index()));
}

#[test]
fn a_copy_goes_from_one_kind_of_registry_to_another() {
    let (env, authority) = (Env::new(), Authority::new());
    let (open, closed) = (DockerRegistry::with_tls(&authority), DockerRegistry::with_password("user", "pass"));
    let nginx = Nginx::in_front_of(closed.host(), &authority.localhost()).start();
    let image = index();
    open.put_image("a", "1", &image);
    let ca = authority.write(&env.path("")).display().to_string();
    let (from, to) = (open.reference("a:1"), format!("{}/b:1", nginx.host()));
    env.imgctl(["copy", "--ca-file", &ca, "--dest-creds", "user:pass", &from, &to]).run().ok();
    assert!(closed.has_image("b", "1", &image));
    env.imgctl(["copy", "--ca-file", &ca, "--src-creds", "user:pass", &to, &open.reference("c:1")]).run().ok();
    assert!(open.has_image("c", "1", &image));
}
