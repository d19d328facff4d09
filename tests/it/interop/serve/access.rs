//! Passwords and TLS, as each client asks for them.

use super::kinds;
use crate::interop::{Client, id, image, tool, with_storage};
use crate::support::certificates::Authority;
use crate::support::containerd::Containerd;
use crate::support::dockerd::Dockerd;
use crate::support::env::{self, Env};
use crate::support::outcome::Outcome;
use crate::support::serve::Serve;

const USER: &str = "user";
const PASSWORD: &str = "S3CR3T-A";
const CREDENTIALS: &str = "user:S3CR3T-A";
/// The directory with the authority's certificate, as containers' tools want it.
const CERTIFICATES: &str = "certs";

/// A server with TLS and one user, in a home of its own; the certificate of its authority is in `certs` of `client`.
fn secured(client: &Env) -> (Env, Serve) {
    let mut env = Env::new();
    env.canary(PASSWORD);
    let authority = Authority::new();
    std::fs::create_dir(client.path(CERTIFICATES)).unwrap();
    authority.write(&client.path(CERTIFICATES));
    let (certificate, key) = authority.localhost().write(&env.path(""), "server");
    let entry = env::tool("htpasswd", ["-Bbn", "-C", "4", USER, PASSWORD]).stdout;
    let passwords = env.write("htpasswd", entry);
    let path = |path: &std::path::Path| path.display().to_string();
    let (certificate, key, passwords) = (path(&certificate), path(&key), path(&passwords));
    let flags = ["--tls-cert", &certificate, "--tls-key", &key, "--htpasswd", &passwords];
    let serve = Serve::start(&env, &flags);
    (env, serve)
}

/// The same as [`with_storage`], for what is refused.
fn refused(env: &Env, program: &str, args: &[&str]) -> Outcome {
    let (root, run) = (env.path("storage").display().to_string(), env.path("runroot").display().to_string());
    let storage = ["--root", &root, "--runroot", &run, "--storage-driver", "vfs"];
    env.tool(program, [&storage, args].concat()).run().fails(125)
}

#[test]
fn r17_every_command_of_ours_works_with_our_open_registry() {
    let (env, server) = (Env::new(), Env::new());
    let serve = Serve::start(&server, &[]);
    Client::new(&env, &[]).uses(serve.address());
}

#[test]
fn r17_every_command_of_ours_works_with_our_secured_registry() {
    let env = Env::new();
    let (_server, serve) = secured(&env);
    Client::new(&env, &["--ca-file", "certs/ca.crt", "--creds", CREDENTIALS]).uses(serve.address());
}

#[test]
fn r17_skopeo_brings_credentials_and_trusts_the_authority() {
    let env = Env::new();
    let (_server, serve) = secured(&env);
    let to = format!("docker://{}", serve.image("team/app:1"));
    for (_, image) in kinds() {
        image.write_layout(&env.path("given"), "x");
        let args = ["copy", "-q", "--all", "--dest-cert-dir", CERTIFICATES, "--dest-creds", CREDENTIALS];
        let pushed = env.tool("skopeo", args).args(["--preserve-digests", "oci:given:x", &to]).run();
        // skopeo's layouts have no docker types.
        if image.media_type.to_string().contains("docker") {
            pushed.fails(1)
        } else {
            pushed.ok()
        };
    }
    let inspect = ["inspect", "--cert-dir", CERTIFICATES, "--creds"];
    tool(&env, "skopeo", &[&inspect[..], &[CREDENTIALS, &to]].concat());
    env.tool("skopeo", [&inspect[..], &["user:wrong", &to]].concat()).run().fails(1);
    env.tool("skopeo", ["inspect", "--cert-dir", CERTIFICATES, &to]).run().fails(1);
    env.tool("skopeo", ["inspect", "--creds", CREDENTIALS, &to]).run().fails(1).says("x509");
}

#[test]
fn r17_podman_and_buildah_log_in() {
    let env = Env::new();
    let (_server, serve) = secured(&env);
    image("one").write_layout(&env.path("given"), "x");
    let certificates = ["--cert-dir", CERTIFICATES];
    let login = |password| [&["login"], &certificates[..], &["-u", USER, "-p", password, serve.address()]].concat();
    refused(&env, "podman", &login("wrong")).says("invalid username/password");
    let to = serve.image("app:1");
    let pull = [&["pull", "-q"], &certificates[..], &[&to]].concat();
    for program in ["podman", "buildah"] {
        let given = with_storage(&env, program, &["pull", "-q", "oci:given:x"]).stdout_text().trim().to_owned();
        let push = [&["push", "-q"], &certificates[..], &[&given, &to]].concat();
        refused(&env, program, &push);
        with_storage(&env, program, &login(PASSWORD));
        with_storage(&env, program, &push);
        with_storage(&env, program, &["rmi", "--all", "--force"]);
        with_storage(&env, program, &pull);
        assert_eq!(id(&env, &to), image("one").config().to_string());
        with_storage(&env, program, &["logout", serve.address()]);
        with_storage(&env, program, &["rmi", "--all", "--force"]);
        refused(&env, program, &pull);
    }
}

#[test]
fn r17_docker_logs_in() {
    let (env, docker) = (Env::new(), Dockerd::start());
    let (_server, serve) = secured(&env);
    image("one").write_layout(&env.path("given"), "x");
    tool(&env, "skopeo", &["copy", "-q", "oci:given:x", "docker-archive:given.tar:app:1"]);
    docker.docker(&env, ["load", "-q", "-i", "given.tar"]).ok();
    let to = serve.image("app:1");
    docker.docker(&env, ["tag", "app:1", &to]).ok();
    docker.docker(&env, ["push", "-q", &to]).fails(1).says("no basic auth credentials");
    let login = |password| docker.docker(&env, ["login", "-u", USER, "-p", password, serve.address()]);
    login("wrong").fails(1);
    login(PASSWORD).ok();
    docker.docker(&env, ["push", "-q", &to]).ok();
    docker.docker(&env, ["rmi", "app:1", &to]).ok();
    docker.docker(&env, ["pull", "-q", &to]).ok();
    docker.docker(&env, ["logout", serve.address()]).ok();
    docker.docker(&env, ["pull", "-q", &to]).fails(1);
}

#[test]
fn r17_containerd_brings_credentials_and_trusts_the_authority() {
    let (env, containerd) = (Env::new(), Containerd::start());
    let (_server, serve) = secured(&env);
    let (from, to) = (serve.image("app:1"), serve.image("pushed:1"));
    image("one").write_layout(&env.path("given"), "x");
    let args = ["copy", "-q", "--ca-file", "certs/ca.crt", "--creds", CREDENTIALS, "oci:given:x", &from];
    env.imgctl(args).run().ok();
    // `--tlscacert` would do elsewhere: for `ctr`, what is on a loopback address has no TLS.
    let ca = env.path("certs/ca.crt").display().to_string();
    let hosts = format!("[host.'https://{}']\nca = '{ca}'\n", serve.address());
    env.write(format!("hosts/{}/hosts.toml", serve.address()), hosts);
    let trusted = ["--hosts-dir", "hosts", "--user", CREDENTIALS];
    let pull = ["images", "pull", "--snapshotter", "native"];
    containerd.ctr(&env, [&pull[..], &trusted, &[&from]].concat()).ok();
    containerd.ctr(&env, [&["images", "push"], &trusted[..], &[&to, &from]].concat()).ok();
    containerd.ctr(&env, [&pull[..], &trusted, &[&to]].concat()).ok();
    containerd.ctr(&env, [&pull[..], &trusted[..2], &[&from]].concat()).fails(1);
}
