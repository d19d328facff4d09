//! Where it listens: loopback unless told otherwise (R18), IPv6, unix sockets, TLS.

use std::path::PathBuf;

use crate::support::certificates::{Authority, Certificate};
use crate::support::env::{Env, tool};
use crate::support::http::{get, request};
use crate::support::serve::Serve;

fn listen(env: &Env, address: &str, arguments: &[&str]) -> Serve {
    Serve::run(env.imgctl(["serve", "--listen", address]).args(arguments))
}

#[test]
fn r18_listens_on_loopback_unless_told_otherwise() {
    let env = Env::new();
    let mut running = env.imgctl(["serve"]).spawn();
    // The port may be in use on this machine; either way it tells the address.
    running.wait_until("the address", |running| {
        running.stdout() == "http://127.0.0.1:5000\n" || running.stderr().contains("cannot listen on 127.0.0.1:5000")
    });
}

#[test]
fn r18_other_addresses_get_a_warning_unless_they_are_protected() {
    let env = Env::new();
    let htpasswd = env.path("htpasswd");
    tool("htpasswd", ["-bcBC5", htpasswd.to_str().unwrap(), "alice", "a"]);
    let passwords = ["--htpasswd", htpasswd.to_str().unwrap()];
    let protected = ["--tls-self-signed", passwords[0], passwords[1]];
    for (address, arguments, warns) in [
        ("127.0.0.1:0", &[][..], false),
        ("[::1]:0", &[], false),
        ("0.0.0.0:0", &[], true),
        ("[::]:0", &[], true),
        ("0.0.0.0:0", &passwords, true),
        ("0.0.0.0:0", &["--tls-self-signed"], true),
        ("0.0.0.0:0", &protected, false),
    ] {
        let server = listen(&env, address, arguments);
        let told = server.stop().ok();
        let warned = told.stderr.to_lowercase().contains("warning");
        assert_eq!(warned, warns, "{address} {arguments:?}: {}", told.told());
    }
}

#[test]
fn addresses_that_make_no_sense_are_told() {
    let env = Env::new();
    for address in ["5000", ":5000", "http://127.0.0.1:0", "unix:", "[::1]"] {
        env.imgctl(["serve", "--listen", address]).run().fails(2);
    }
    let server = listen(&env, "127.0.0.1:0", &[]);
    let taken = server.address().to_owned();
    env.imgctl(["serve", "--listen", &taken]).run().fails(8).says(&format!("cannot listen on {taken}")).says("in use");
}

#[test]
fn serves_ipv6() {
    let env = Env::new();
    let server = listen(&env, "[::1]:0", &[]);
    assert!(server.url().starts_with("http://[::1]:"), "{}", server.url());
    assert_eq!(get(&format!("{}/v2/", server.url())).status, 200);
}

#[test]
fn serves_a_unix_socket() {
    let env = Env::new();
    let socket = env.path("imgctl.sock");
    let address = format!("unix:{}", socket.display());
    let ask = || {
        let arguments = ["-sS", "--unix-socket", socket.to_str().unwrap(), "http://imgctl/v2/"];
        env.tool("curl", arguments).run()
    };
    let server = listen(&env, &address, &[]);
    assert_eq!(server.url(), address);
    assert_eq!(ask().ok().stdout_text(), "{}");

    env.imgctl(["serve", "--listen", &address]).run().fails(8).says("another server does");
    assert_eq!(ask().ok().stdout_text(), "{}");

    // Killed, it leaves its socket; the next one replaces that.
    drop(server);
    assert!(socket.exists());
    let server = listen(&env, &address, &[]);
    assert_eq!(ask().ok().stdout_text(), "{}");
    server.stop().ok();
    assert!(!socket.exists());

    let file = env.write("file", "precious");
    env.imgctl(["serve", "--listen", &format!("unix:{}", file.display())]).run().fails(8);
    assert_eq!(std::fs::read(file).unwrap(), b"precious");
}

fn tls_arguments((certificate, key): &(PathBuf, PathBuf)) -> [String; 4] {
    let [certificate, key] = [certificate, key].map(|path| path.to_str().unwrap().to_owned());
    ["--tls-cert".to_owned(), certificate, "--tls-key".to_owned(), key]
}

#[test]
fn speaks_tls_and_takes_a_renewed_certificate() {
    let env = Env::new();
    let authority = Authority::new();
    let files = authority.localhost().write(&env.path(""), "server");
    let arguments = tls_arguments(&files);
    let server = listen(&env, "127.0.0.1:0", &arguments.each_ref().map(String::as_str));
    let base = format!("{}/v2/", server.url());
    assert!(base.starts_with("https://127.0.0.1:"), "{base}");
    let ask = |ca: &str| request("GET", &base).trusting(ca).try_send();
    assert_eq!(ask(authority.pem()).unwrap().status, 200);

    let renewed = Authority::new();
    assert!(ask(renewed.pem()).is_err());
    renewed.localhost().write(&env.path(""), "server");
    assert_eq!(ask(renewed.pem()).unwrap().status, 200);
    assert!(ask(authority.pem()).is_err());

    // Half a renewal, or a broken one, stops nothing.
    std::fs::write(&files.0, "broken").unwrap();
    assert_eq!(ask(renewed.pem()).unwrap().status, 200);

    // Somebody who does not speak TLS is in nobody's way.
    assert!(request("GET", &base.replace("https:", "http:")).try_send().is_err());
    assert_eq!(ask(renewed.pem()).unwrap().status, 200);
    server.stop().ok();
}

#[test]
fn certificates_that_make_no_sense_are_told() {
    let env = Env::new();
    let one = Certificate::self_signed(&["localhost"]).write(&env.path(""), "one");
    let other = Certificate::self_signed(&["localhost"]).write(&env.path(""), "other");
    let start =
        |files: &(PathBuf, PathBuf)| env.imgctl(["serve", "--listen", "127.0.0.1:0"]).args(tls_arguments(files)).run();
    start(&(one.0.clone(), other.1)).fails(2).says("the key does not belong to the certificate");
    start(&(one.1.clone(), one.1.clone())).fails(2).says("no PEM certificate");
    start(&(one.0.clone(), one.0.clone())).fails(2).says("no PEM private key");
    start(&(env.path("missing"), one.1)).fails(8).says("cannot read");
    env.imgctl(["serve", "--tls-cert", one.0.to_str().unwrap()]).run().fails(2);
}

#[test]
fn makes_its_own_certificate_once() {
    let env = Env::new();
    let start = || listen(&env, "127.0.0.1:0", &["--tls-self-signed"]);
    let server = start();
    let certificate = env.home(".local/share/imgctl/serve/certificate.pem");
    let ca = std::fs::read_to_string(&certificate).unwrap();
    assert!(!ca.contains("PRIVATE"));
    let ask = |server: &Serve| request("GET", &format!("{}/v2/", server.url())).trusting(&ca).try_send();
    assert_eq!(ask(&server).unwrap().status, 200);
    let by_name = request("GET", &format!("{}/v2/", server.url().replace("127.0.0.1", "localhost"))).trusting(&ca);
    assert_eq!(by_name.send().status, 200);
    let told = server.stderr();
    let openssl = tool("openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", certificate.to_str().unwrap()]);
    let fingerprint = openssl.stdout_text().trim().rsplit('=').next().unwrap().to_owned();
    assert!(told.contains(&fingerprint) && told.contains(certificate.to_str().unwrap()), "{told}");
    server.stop().ok();

    let server = start();
    assert_eq!(ask(&server).unwrap().status, 200);
}
