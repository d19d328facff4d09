//! The real registry behind a token server: it verifies every signature and every scope.

use serde_json::json;

use crate::interop::{Client, index};
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::token_server::{TokenServer, TokenSettings};

fn requests(server: &TokenServer) -> Vec<Vec<String>> {
    let scopes = |request: &crate::support::token_server::TokenRequest| {
        let mut scopes: Vec<String> = request.scopes().into_iter().map(str::to_owned).collect();
        scopes.sort();
        scopes
    };
    server.requests().iter().map(scopes).collect()
}

#[test]
fn every_command_works_with_tokens_for_a_password() {
    let server = TokenServer::start();
    let (env, registry) = (Env::new(), DockerRegistry::with_tokens(&server));
    Client::new(&env, &["--creds", "user:password"]).uses(registry.host());
    assert!(registry.has_image("other", "1", &index()));
}

#[test]
fn every_command_works_with_a_refresh_token() {
    let mut env = Env::new();
    env.canary("S3CR3T-C");
    let settings = TokenSettings { refresh_token: Some("S3CR3T-C".to_owned()), ..TokenSettings::default() };
    let server = TokenServer::start_on("127.0.0.1:0", settings);
    let registry = DockerRegistry::with_tokens(&server);
    let config = json!({ "auths": { registry.host(): { "identitytoken": "S3CR3T-C" } } });
    env.write_home(".docker/config.json", config.to_string());
    Client::new(&env, &[]).uses(registry.host());
    assert!(server.requests().iter().all(|request| request.request.method == "POST"));
}

#[test]
fn strangers_may_do_what_strangers_may() {
    let settings = TokenSettings { anonymous: vec!["pull".to_owned()], ..TokenSettings::default() };
    let server = TokenServer::start_on("127.0.0.1:0", settings);
    let (env, registry) = (Env::new(), DockerRegistry::with_tokens(&server));
    registry.put_image("a", "1", &index());
    env.imgctl(["copy", &registry.reference("a:1"), "oci:out"]).run().ok();
    let refused = env.imgctl(["copy", "oci:out:1", &registry.reference("b:1")]).run().fails(3);
    refused.says(registry.host());
    assert!(registry.tags("b").is_empty());
}

#[test]
fn one_token_serves_a_whole_copy() {
    let (from, to) = (TokenServer::start(), TokenServer::start());
    let (env, source, destination) = (Env::new(), DockerRegistry::with_tokens(&from), DockerRegistry::with_tokens(&to));
    let image = index();
    source.put_image("a", "1", &image);
    let args = ["copy", "--creds", "user:password", &source.reference("a:1"), &destination.reference("b:1")];
    env.imgctl(args).run().ok();
    assert!(destination.has_image("b", "1", &image));
    assert_eq!(requests(&from), [["repository:a:pull"]]);
    assert_eq!(requests(&to), [["repository:b:pull,push"]]);
}

#[test]
fn a_mount_asks_for_both_repositories_at_once() {
    let server = TokenServer::start();
    let (env, registry) = (Env::new(), DockerRegistry::with_tokens(&server));
    let image = index();
    registry.put_image("a", "1", &image);
    let args = ["copy", "--creds", "user:password", &registry.reference("a:1"), &registry.reference("b:1")];
    env.imgctl(args).run().ok().says(" mounted");
    assert!(registry.has_image("b", "1", &image));
    assert!(registry.request_log().iter().all(|request| request.method != "PATCH"), "nothing was uploaded");
    assert_eq!(requests(&server), [["repository:a:pull", "repository:b:pull,push"]]);
}
