//! `login` and `logout`: verified before kept, kept where docker and podman look, forgotten in the right place only.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::outcome::Outcome;
use crate::support::run::Run;
use crate::support::token_server::{Mode, TokenServer, TokenSettings};

const SECRET: &str = "S3CR3T-A";

fn login(env: &Env, registry: &str, extra: &[&str]) -> Run {
    let args = [&["login", "--username", "user", "--password-stdin", registry], extra].concat();
    env.imgctl(args).stdin(format!("{SECRET}\n"))
}

fn env() -> Env {
    let mut env = Env::new();
    env.canary(SECRET);
    env
}

fn protected() -> DockerRegistry {
    DockerRegistry::with_password("user", SECRET)
}

fn token_server(address: &str) -> TokenServer {
    let users = [("user".to_owned(), SECRET.to_owned())].into();
    TokenServer::start_on(address, TokenSettings { users, ..TokenSettings::default() })
}

fn config(env: &Env) -> PathBuf {
    env.home(".docker/config.json")
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn who(env: &Env, registry: &str) -> Outcome {
    env.imgctl(["login", "--get-login", registry]).run()
}

/// A helper on `PATH` that keeps one file for each server beside itself.
fn plant_helper(env: &Env) -> PathBuf {
    let script = r#"#!/bin/sh
        cd "$(dirname "$0")" || exit 3
        case "$1" in
        store) read -r line; server=${line#*ServerURL\":\"}; server=${server%%\"*}; echo "$line" > "kept-$server";;
        get) read -r server; cat "kept-$server" 2>/dev/null || { echo credentials not found in native keychain; exit 1; };;
        erase) read -r server; rm "kept-$server";;
        esac"#;
    plant(env, "bin/docker-credential-files", script)
}

fn plant(env: &Env, path: &str, script: &str) -> PathBuf {
    let program = env.path(path);
    write(&program, script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program.parent().unwrap().to_owned()
}

fn path_with(directory: &str) -> String {
    format!("{directory}:{}", std::env::var("PATH").unwrap())
}

#[test]
fn says_what_docker_says() {
    let (env, registry) = (env(), protected());
    let outcome = login(&env, registry.host(), &[]).run().ok();
    assert_eq!(outcome.stdout_text(), "Login Succeeded\n");
    outcome.says(&format!("your credentials are stored unencrypted in '{}'", config(&env).display()));
    assert_eq!(who(&env, registry.host()).ok().stdout_text(), "user\n");
    let outcome = env.imgctl(["logout", registry.host()]).run().ok();
    assert_eq!(outcome.stdout_text(), format!("Removing login credentials for {}\n", registry.host()));
    let outcome = env.imgctl(["logout", registry.host()]).run().ok();
    assert_eq!(outcome.stdout_text(), format!("Not logged in to {}\n", registry.host()));
    who(&env, registry.host()).fails(4).says("not logged in to");
    assert_eq!(env.imgctl(["logout"]).run().ok().stdout_text(), "Not logged in to docker.io\n");
}

#[test]
fn asks_only_where_somebody_can_answer() {
    let env = env();
    env.imgctl(["login", "r.example"]).run().fails(2).says("cannot perform an interactive login from a non-TTY device");
    env.imgctl(["login", "-u", "user", "r.example"]).run().fails(2).says("non-TTY device");
    let outcome = env.imgctl(["login", "--password-stdin", "r.example"]).run();
    outcome.fails(2).says("the --password-stdin option requires --username to be set");
    env.imgctl(["login", "-u", "user", "--password-stdin", "r.example"]).run().fails(2).says("password is empty");
    env.imgctl(["login", "-u", "", "-p", "x", "r.example"]).run().fails(2).says("username is empty");
    env.imgctl(["login", "r.example/namespace"]).run().fails(2);
}

#[test]
fn a09_a_password_on_the_command_line_is_warned_of() {
    let (env, registry) = (env(), protected());
    let outcome = env.imgctl(["login", "-u", "user", "-p", SECRET, registry.host(), "-vvv", "--trace"]).run();
    outcome.ok().says("--password via the CLI is insecure. Use --password-stdin.");
}

#[test]
fn a17_a_wrong_password_is_tried_once_and_not_kept() {
    let (env, registry) = (env(), protected());
    let args = ["login", "-u", "user", "--password-stdin", registry.host()];
    let outcome = env.imgctl(args).stdin("wrong").run().fails(3);
    outcome.says("does not accept this user name and password").within(10.0);
    let asked: Vec<u16> = registry.request_log().iter().map(|request| request.status).collect();
    assert_eq!(asked, [401, 401], "once without, once with");
    assert!(!config(&env).exists());

    let (server, statuses) = (token_server("127.0.0.1:0"), |server: &TokenServer| server.requests().len());
    let registry = DockerRegistry::with_tokens(&server);
    let args = ["login", "-u", "user", "--password-stdin", registry.host()];
    env.imgctl(args).stdin("wrong").run().fails(3).says("refused the login");
    assert_eq!(statuses(&server), 1);
    assert!(!config(&env).exists());
}

#[test]
fn a_host_that_is_no_registry_is_told() {
    let env = env();
    let server = token_server("127.0.0.1:0");
    server.set(|settings| settings.mode = Mode::Html);
    login(&env, &server.host(), &[]).run().fails(5).says("is no registry");
    assert!(!config(&env).exists());
}

#[test]
fn a02_a_token_server_on_another_port_needs_no_flag() {
    let (env, server) = (env(), token_server("127.0.0.1:0"));
    let registry = DockerRegistry::with_tokens(&server);
    login(&env, registry.host(), &[]).run().ok();
    assert!(!env.home(".config/imgctl/realms.json").exists());
}

#[test]
fn a02_a_token_server_elsewhere_is_allowed_once_for_all() {
    let (env, server) = (env(), token_server("127.0.0.2:0"));
    let registry = DockerRegistry::with_tokens(&server);
    let origin = format!("http://{}", server.host());
    let outcome = login(&env, registry.host(), &[]).run().fails(6);
    outcome.says(&format!("sent to {origin}, another host")).says(&format!("--allow-realm {origin}"));
    assert!(server.requests().is_empty(), "not even contacted");
    login(&env, registry.host(), &["--allow-realm", "http://127.0.0.3"]).run().fails(6);
    assert!(!config(&env).exists());

    login(&env, registry.host(), &["--allow-realm", &format!("{origin}/token")]).run().ok();
    let realms = env.home(".config/imgctl/realms.json");
    assert_eq!(json(&realms), json!({ registry.host(): [origin] }));
    env.imgctl(["login", registry.host()]).run().ok().says("Authenticating with existing credentials");
    env.imgctl(["logout", registry.host()]).run().ok();
    assert_eq!(json(&realms), json!({}));
    login(&env, registry.host(), &[]).run().fails(6);
}

#[test]
fn a_refresh_token_is_kept_instead_of_the_password_where_it_works() {
    let (mut env, server) = (env(), token_server("127.0.0.1:0"));
    env.canary("S3CR3T-C");
    server.set(|settings| settings.refresh_token = Some("S3CR3T-C".to_owned()));
    let registry = DockerRegistry::with_tokens(&server);
    login(&env, registry.host(), &["-vvv", "--trace"]).run().ok();
    // "user:" and no password, as docker writes it.
    assert_eq!(
        json(&config(&env))["auths"][registry.host()],
        json!({ "auth": "dXNlcjo=", "identitytoken": "S3CR3T-C" })
    );
    assert_eq!(who(&env, registry.host()).ok().stdout_text(), "user\n");
    env.imgctl(["login", registry.host()]).run().ok().says("existing credentials... [Username: user]");

    server.set(|settings| settings.mode = Mode::NoPost(405));
    login(&env, registry.host(), &[]).run().ok();
    assert_eq!(json(&config(&env))["auths"][registry.host()], json!({ "auth": "dXNlcjpTM0NSM1QtQQ==" }));
}

#[test]
fn skopeo_reads_what_we_wrote_and_the_other_way_round() {
    let (env, registry) = (env(), protected());
    let ours = env.path("ours.json").display().to_string();
    login(&env, registry.host(), &["--authfile", &ours]).run().ok();
    let theirs = env.tool("skopeo", ["login", "--get-login", "--authfile", &ours, registry.host()]).run().ok();
    assert_eq!(theirs.stdout_text(), "user\n");
    assert!(!config(&env).exists(), "--authfile: that file alone");

    let file = env.path("theirs.json").display().to_string();
    let args = ["login", "--tls-verify=false", "--authfile", &file, "-u", "user", "--password-stdin", registry.host()];
    env.tool("skopeo", args).stdin(SECRET).run().ok();
    env.imgctl(["login", registry.host(), "--authfile", &file]).run().ok().says("existing credentials");
    env.imgctl(["logout", registry.host(), "--authfile", &file]).run().ok();
    env.tool("skopeo", ["login", "--get-login", "--authfile", &file, registry.host()]).run().fails(1);
    who(&env, registry.host()).fails(4);
    env.imgctl(["tags", &registry.reference("a"), "--authfile", "absent.json"]).run().fails(2).says("no such file");
}

#[test]
fn podmans_files_are_read_in_podmans_order() {
    let env = env();
    let entry = |user: &str| json!({ "auths": { "r.example": { "username": user, "password": "p" } } }).to_string();
    let user = || who(&env, "r.example").ok().stdout_text().trim().to_owned();
    write(&env.home(".config/containers/auth.json"), &entry("config"));
    assert_eq!(user(), "config");
    write(&env.home("../run/containers/auth.json"), &entry("runtime"));
    assert_eq!(user(), "runtime");
    write(&config(&env), &entry("docker"));
    assert_eq!(user(), "docker");
    let file = env.path("given.json");
    write(&file, &entry("given"));
    let asked = || env.imgctl(["login", "--get-login", "r.example"]);
    assert_eq!(asked().env("REGISTRY_AUTH_FILE", &file).run().ok().stdout_text(), "docker\n");
    let text = entry("variable");
    assert_eq!(asked().env("DOCKER_AUTH_CONFIG", &text).run().ok().stdout_text(), "variable\n");
    env.imgctl(["logout", "r.example"]).env("DOCKER_AUTH_CONFIG", &text).run().ok().says("DOCKER_AUTH_CONFIG is set");
    who(&env, "r.example").fails(4);
}

#[test]
fn a10_a_helper_is_a_plain_name_in_an_absolute_directory() {
    let env = env();
    let directory = plant(&env, "docker-credential-x", "#!/bin/sh\ntouch canary\n");
    for name in ["../../x", "-x", "a b", "x;y", "/bin/x"] {
        write(&config(&env), &json!({ "credHelpers": { "r.example": name } }).to_string());
        let outcome = env.imgctl(["login", "--get-login", "r.example"]).env("PATH", path_with(".")).run().fails(2);
        outcome.says("is no name of a credential helper").says("config.json");
    }
    write(&config(&env), r#"{"credHelpers":{"r.example":"x"}}"#);
    for path in [".", "", "work"] {
        let outcome = env.imgctl(["login", "--get-login", "r.example"]).env("PATH", path_with(path)).run();
        outcome.fails(3).says("docker-credential-x is in no absolute directory of PATH");
    }
    assert!(!directory.join("canary").exists());
}

#[test]
fn a11_a_failing_helper_is_never_anonymous() {
    let (env, registry) = (env(), DockerRegistry::open());
    write(&config(&env), r#"{"credsStore":"x"}"#);
    for script in ["printf '\\033[31mlocked' >&2; exit 1", "yes", "echo '{'", "exit 0"] {
        let directory = plant(&env, "bin/docker-credential-x", &format!("#!/bin/sh\n{script}\n"));
        let path = path_with(directory.to_str().unwrap());
        env.imgctl(["login", registry.host()]).env("PATH", &path).run().fails(3).says("docker-credential-x");
    }
    assert!(registry.request_log().is_empty());
}

#[test]
fn a12_a_configuration_that_cannot_be_read_is_told_with_its_path() {
    let env = env();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in ["{", "\u{feff}{}", "[]", &format!(r#"{{"a":{deep}}}"#), &" ".repeat(64 << 20)] {
        write(&config(&env), text);
        let path = config(&env).display().to_string();
        who(&env, "r.example").fails(2).says(&path);
        env.imgctl(["logout", "r.example"]).run().fails(2).says(&path);
        assert_eq!(fs::metadata(config(&env)).unwrap().len(), text.len() as u64);
    }
    // A project's own directory is nobody's home.
    fs::remove_file(config(&env)).unwrap();
    write(&env.path(".docker/config.json"), "{");
    who(&env, "r.example").fails(4);
}

#[test]
fn a13_twenty_logins_at_once_are_all_kept() {
    let (env, registry) = (env(), DockerRegistry::open_on("0.0.0.0:0"));
    let (_, port) = registry.host().rsplit_once(':').unwrap();
    let names: Vec<String> = (1..=20).map(|last| format!("127.0.0.{last}:{port}")).collect();
    let all: Vec<_> = names.iter().map(|name| login(&env, name, &[]).spawn()).collect();
    for running in all {
        running.wait().ok();
    }
    let kept = json(&config(&env));
    assert!(names.iter().all(|name| kept["auths"][name]["auth"].is_string()), "{kept}");
    assert_eq!(kept["auths"].as_object().unwrap().len(), 20);
}

#[test]
fn a13_is_private_under_any_umask_and_keeps_the_link() {
    let (env, registry) = (env(), protected());
    let real = env.path("dotfiles/config.json");
    write(&real, "{}");
    symlink(&real, config(&env)).unwrap();
    for mask in ["000", "077"] {
        let script = format!("umask {mask}; exec \"$0\" login -u user --password-stdin {}", registry.host());
        let args = ["-c", &script, env!("CARGO_BIN_EXE_imgctl")];
        env.tool("sh", args).stdin(SECRET).run().ok();
        assert!(fs::symlink_metadata(config(&env)).unwrap().is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o600, "umask {mask}");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

#[test]
fn a13_the_old_file_survives_a_full_disk_and_a_kill() {
    let (env, registry) = (env(), protected());
    let before = r#"{"auths":{"other.example":{"auth":"dTpw"}}}"#;
    write(&config(&env), before);
    // A limit on the size of files stops the write: with the signal ignored as a full disk does, else as a kill does.
    for (trap, code) in [("trap '' XFSZ;", Some(8)), ("", None)] {
        let script = format!("{trap} ulimit -f 0; exec \"$0\" login -u user --password-stdin {}", registry.host());
        let outcome = env.tool("sh", ["-c", &script, env!("CARGO_BIN_EXE_imgctl")]).stdin(SECRET).run();
        assert_eq!(outcome.code, code, "{}", outcome.told());
        assert_eq!(fs::read_to_string(config(&env)).unwrap(), before);
    }
    login(&env, registry.host(), &[]).run().ok();
}

#[test]
fn a14_what_is_not_ours_stays_byte_for_byte() {
    let (env, registry) = (env(), protected());
    let before = "{\n\t\"auths\": {\n\t\t\"other.example\": {\n\t\t\t\"auth\": \"dTpw\",\n\t\t\t\"email\":  \"a@b\"\n\t\t}\n\t},\n\t\"detachKeys\": \"ctrl-e,e\",\n\t\"proxies\": {\"default\": {\"httpProxy\": \"http://p:1\"}},\n\t\"plugins\": {\"x\": {\"n\": 1.50e2, \"big\": 123456789012345678901234567890}}\n}";
    write(&config(&env), before);
    login(&env, registry.host(), &[]).run().ok();
    assert_ne!(fs::read_to_string(config(&env)).unwrap(), before);
    env.imgctl(["logout", registry.host()]).run().ok();
    assert_eq!(fs::read_to_string(config(&env)).unwrap(), before);
}

#[test]
fn a16_a_helper_keeps_the_login_and_logout_leaves_the_file_alone() {
    let (env, registry) = (env(), protected());
    let directory = plant_helper(&env);
    let path = path_with(directory.to_str().unwrap());
    let other =
        json!({ "credHelpers": { registry.host(): "files" }, "auths": { "other.example": { "auth": "dTpw" } } });
    write(&config(&env), &other.to_string());
    let outcome = login(&env, registry.host(), &[]).env("PATH", &path).run().ok();
    outcome.says("Credentials are kept by docker-credential-files.");
    let kept = directory.join(format!("kept-{}", registry.host()));
    assert_eq!(json(&kept)["Secret"], SECRET);
    assert!(!fs::read_to_string(config(&env)).unwrap().contains("dXNlcjo"));
    env.imgctl(["login", registry.host()]).env("PATH", &path).run().ok().says("[Username: user]");
    env.imgctl(["logout", registry.host()]).env("PATH", &path).run().ok();
    assert!(!kept.exists());
    assert_eq!(json(&config(&env)), other);
}

#[test]
fn a16_the_keyring_keeps_the_login_where_there_is_one() {
    let (env, registry) = (env(), protected());
    write(&config(&env), r#"{"auths":{"other.example":{"auth":"dTpw"}}}"#);
    let script = format!(
        r#"set -e
        echo -n unlock | gnome-keyring-daemon --unlock --components=secrets > keyring.log 2>&1
        echo {SECRET} | "$0" login -u user --password-stdin {host}
        secret-tool lookup service imgctl username {host} > kept
        "$0" login --get-login {host}
        "$0" login {host}
        "$0" logout {host}
        "$0" logout {host}
        if secret-tool lookup service imgctl username {host}; then exit 1; fi"#,
        host = registry.host(),
    );
    let args = ["--", "sh", "-c", &script, env!("CARGO_BIN_EXE_imgctl")];
    let outcome = env.tool("dbus-run-session", args).run().ok().says("Credentials are kept in the keyring.");
    let host = registry.host();
    let expected = format!(
        "Login Succeeded\nuser\nLogin Succeeded\nRemoving login credentials for {host}\nNot logged in to {host}\n"
    );
    assert_eq!(outcome.stdout_text(), expected, "{}", outcome.told());
    assert_eq!(json(&env.path("kept")), json!({ "username": "user", "password": SECRET }));
    assert_eq!(fs::read_to_string(config(&env)).unwrap(), r#"{"auths":{"other.example":{"auth":"dTpw"}}}"#);
}

#[test]
fn a10_a_file_that_others_can_read_is_warned_of_when_it_is_used() {
    let (env, registry) = (env(), protected());
    login(&env, registry.host(), &[]).run().ok();
    fs::set_permissions(config(&env), fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = env.imgctl(["catalog", registry.host()]).run().ok();
    outcome.says("other users can read it (mode 0644)");
}
