//! The token server that a registry names: what it is sent, and where it is refused.

use serde_json::Value;

use crate::documents::names_nothing;
use crate::secrets::{PASSWORD, STORED, Stored, WORTHLESS, behind_realm, demand_token_of, env, logged_in, with_names};
use crate::support::attacker::Attacker;
use crate::support::certificates::Authority;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::http::basic;
use crate::support::image::TestImage;
use crate::support::nginx::Nginx;
use crate::support::token_server::{Mode, TokenServer, TokenSettings};

/// A copy of `ok/a:1` that must not happen.
#[track_caller]
fn refused(env: &Env, host: &str, code: i32) -> crate::support::outcome::Outcome {
    let outcome = env.imgctl(["copy", &format!("{host}/ok/a:1"), "oci:out"]).run().fails(code).within(10.0);
    assert!(names_nothing(&env.path("out")));
    env.assert_no_leftovers();
    outcome
}

fn port(host: &str) -> &str {
    host.rsplit_once(':').unwrap().1
}

#[test]
fn a01_a_realm_on_another_host_is_sent_nothing() {
    for stored in [Stored::Password, Stored::IdentityToken] {
        let listening = [("127.0.0.2:0", "127.0.0.2"), ("[::1]:0", "[::1]"), ("127.0.0.1:0", "localhost")];
        let local = ["0.0.0.0", "[::ffff:127.0.0.1]"].map(|name| ("127.0.0.1:0", name));
        for (address, name) in listening.into_iter().chain(local) {
            let env = env();
            let attacker = Attacker::answering_on(address, WORTHLESS, r#"{"token":"worthless"}"#);
            let origin = format!("http://{name}:{}", port(&attacker.host()));
            let registry = behind_realm(&format!("{origin}/token"));
            logged_in(&env, &[&registry.host()], stored, Value::Null);
            let outcome = refused(&env, &registry.host(), 6).says("--allow-realm");
            if !name.contains("ffff") {
                outcome.says(&origin);
            }
            attacker.assert_silence();
        }
    }
}

#[test]
fn a01_an_address_in_another_spelling_is_another_host_for_a_name() {
    let (env, attacker) = (env(), Attacker::issuing_tokens());
    for spelling in ["2130706433", "127.1", "0x7f000001", "127.0.0.1"] {
        let registry = behind_realm(&format!("http://{spelling}:{}/token", port(&attacker.host())));
        let named = format!("localhost:{}", port(&registry.host()));
        logged_in(&env, &[&named], Stored::Password, Value::Null);
        refused(&env, &named, 6).says(&format!("http://{}", attacker.host()));
    }
    attacker.assert_silence();
}

#[test]
fn a01_a_realm_that_is_no_plain_url_is_refused() {
    let attacker = Attacker::answering_on("127.0.0.2:0", WORTHLESS, r#"{"token":"worthless"}"#);
    let evil = attacker.host();
    for stored in [Stored::Password, Stored::IdentityToken] {
        let env = env();
        for realm in [
            "file:///etc/passwd".to_owned(),
            format!("ftp://{evil}/token"),
            format!("//{evil}/token"),
            format!("http://127.0.0.1@{evil}/token"),
            format!("http://user:S3CR3T-X@{evil}/token"),
            format!("http://{evil}#@127.0.0.1/token"),
            format!("http://{evil}\\@127.0.0.1/token"),
            "javascript:alert(1)".to_owned(),
            "http://".to_owned(),
            "http://127.0.0.2%0a/token".to_owned(),
            String::new(),
        ] {
            let registry = behind_realm(&realm);
            logged_in(&env, &[&registry.host()], stored, Value::Null);
            refused(&env, &registry.host(), 6);
        }
    }
    attacker.assert_silence();
}

#[test]
fn a01_a_realm_that_redirects_takes_no_secret_along() {
    let attacker = Attacker::answering_on("127.0.0.2:0", WORTHLESS, r#"{"token":"worthless"}"#);
    for (stored, code) in [(Stored::Password, 3), (Stored::IdentityToken, 6)] {
        let env = env();
        let server = TokenServer::start();
        server.set(|settings| settings.mode = Mode::Redirect(attacker.url("/token")));
        let registry = behind_realm(&server.realm());
        logged_in(&env, &[&registry.host()], stored, Value::Null);
        refused(&env, &registry.host(), code);
        assert!(!server.requests().is_empty(), "the same host may be asked");
    }
    attacker.assert_no_secret(&STORED);
    assert!(attacker.heard().iter().all(|heard| heard.starts_with("GET /token ") && !heard.contains("account")));
}

#[test]
fn a01_another_domain_is_refused_and_the_own_domain_is_not() {
    let authority = Authority::new();
    let names = ["reg.good.test", "auth.good.test", "good.test.evil.test", "auth.evil.test", "auth.co.uk", "reg.co.uk"];
    let tls = |upstream: &str| Nginx::in_front_of(upstream, &authority.server(&names)).start();
    for (registry_name, realm_name, is_sent) in [
        ("reg.good.test", "auth.good.test", true),
        ("reg.good.test", "auth.evil.test", false),
        ("reg.good.test", "good.test.evil.test", false),
        ("reg.co.uk", "auth.co.uk", false),
    ] {
        let env = env();
        let ca = authority.write(&env.path("")).display().to_string();
        let fault = FaultRegistry::start();
        fault.put_image("ok/a", "1", &TestImage::small());
        let token = FaultRegistry::start();
        let (registry, realm) = (tls(&fault.host()), tls(&token.host()));
        demand_token_of(&fault, &format!("https://{realm_name}:{}/token", realm.port()));
        let host = format!("{registry_name}:{}", registry.port());
        logged_in(&env, &[&host], Stored::Password, Value::Null);
        let reference = format!("{host}/ok/a:1");
        let outcome = with_names(&env, &names, &["copy", "--ca-file", &ca, &reference, "oci:out"]);
        let secrets: Vec<_> =
            realm.requests().iter().map(|request| request.header("authorization").to_owned()).collect();
        if is_sent {
            outcome.ok();
            assert_eq!(secrets, [basic("user", PASSWORD)]);
        } else {
            outcome.fails(6).says(&format!("https://{realm_name}:{}", realm.port()));
            assert!(secrets.is_empty());
        }
    }
}

#[test]
fn a01_without_a_secret_any_realm_may_be_asked() {
    let env = env();
    let issuer = FaultRegistry::start_on("127.0.0.2:0", None);
    let registry = behind_realm(&format!("http://{}/token", issuer.host()));
    let copy = ["copy", &registry.reference("ok/a:1"), "oci:out"];
    env.imgctl(copy).run().ok();
    assert!(issuer.requests().iter().all(|request| request.authorization().is_none()));
    // A secret that is stored but must not be used counts for nothing.
    logged_in(&env, &[&registry.host()], Stored::Password, Value::Null);
    env.imgctl(copy).run().fails(6);
    env.imgctl([&copy[..], &["--anonymous"]].concat()).run().ok();
    assert!(issuer.requests().iter().all(|request| request.authorization().is_none()));
}

#[test]
fn a02_every_command_knows_the_token_server_that_was_allowed() {
    for stored in [Stored::Password, Stored::IdentityToken] {
        let env = env();
        let users = [("user".to_owned(), PASSWORD.to_owned())].into();
        let refresh_token = Some(crate::secrets::REFRESH_TOKEN.to_owned());
        let server =
            TokenServer::start_on("127.0.0.2:0", TokenSettings { users, refresh_token, ..TokenSettings::default() });
        let registry = DockerRegistry::with_tokens(&server);
        let image = TestImage::small();
        registry.put_image("a", "1", &image);
        logged_in(&env, &[registry.host()], stored, Value::Null);
        let (origin, reference) = (format!("http://{}", server.host()), registry.reference("a:1"));
        env.imgctl(["digest", &reference]).run().fails(6).says(&origin);
        assert!(server.requests().is_empty());
        let once = env.imgctl(["digest", "--allow-realm", &origin, &reference]).run().ok();
        assert_eq!(once.stdout_text().trim(), image.digest().to_string());
        env.imgctl(["digest", &reference]).run().fails(6);
        env.imgctl(["login", "--allow-realm", &origin, "--username", "user", "--password-stdin", registry.host()])
            .stdin(PASSWORD)
            .run()
            .ok();
        env.imgctl(["digest", &reference]).run().ok();
        env.imgctl(["copy", &reference, &registry.reference("b:1")]).run().ok();
        assert!(registry.has_image("b", "1", &image));
    }
}

#[test]
fn a18_a_bad_secret_for_a_public_repository_is_told() {
    let env = env();
    let server = TokenServer::start();
    server.set(|settings| settings.anonymous = vec!["pull".to_owned()]);
    let registry = DockerRegistry::with_tokens(&server);
    registry.put_image("a", "1", &TestImage::small());
    for stored in [Stored::Password, Stored::IdentityToken] {
        logged_in(&env, &[registry.host()], stored, Value::Null);
        let outcome = env.imgctl(["copy", &registry.reference("a:1"), "oci:out"]).run().ok();
        outcome.says("refused the stored credential").says("went on without").says(&server.host());
        let outcome = env.imgctl(["copy", "oci:out", &registry.reference("a:2")]).run();
        outcome.fails(3).says("refused the stored credential");
        assert_eq!(registry.tags("a"), ["1"]);
    }
}

#[test]
fn a18_a_bad_password_for_basic_fails_and_says_so() {
    let env = env();
    let registry = DockerRegistry::with_password("user", "another");
    registry.put_image("a", "1", &TestImage::small());
    let asked = registry.request_log().len();
    logged_in(&env, &[registry.host()], Stored::Password, Value::Null);
    let outcome = env.imgctl(["copy", &registry.reference("a:1"), "oci:out"]).run().fails(3);
    outcome.says("the stored credential does not open this").says("imgctl login").within(5.0);
    let statuses: Vec<u16> = registry.request_log()[asked..].iter().map(|request| request.status).collect();
    assert_eq!(statuses, [401, 401], "once without, once with, and no more");
}
