//! What the command says: one line on stdout, the rest on stderr; and how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::env::Env;
use crate::support::http::{get, request};
use crate::support::image::TestImage;
use crate::support::serve::Serve;

fn layout() -> (Env, TestImage) {
    let (env, image) = (Env::new(), TestImage::of_size(1, 3000));
    image.write_layout(&env.path("app"), "1.0");
    (env, image)
}

#[test]
fn stdout_has_the_url_and_nothing_else() {
    let (env, _) = layout();
    let server = Serve::start(&env, &["app"]);
    let url = server.url().to_owned();
    assert!(url.starts_with("http://127.0.0.1:") && !url.ends_with(":0"), "{url}");
    get(&format!("{url}/v2/")).expect(200);
    let outcome = server.stop().ok().says("serving app: app:1.0");
    assert_eq!(outcome.stdout_text(), format!("{url}\n"));
    let last = outcome.stderr.lines().last().unwrap();
    assert!(last.starts_with("stopped after ") && last.contains(": 1 request, "), "{last}");
}

#[test]
fn every_request_is_a_line() {
    let (env, image) = layout();
    let mut server = Serve::start(&env, &["app"]);
    get(&format!("{}/v2/app/blobs/{}", server.url(), image.layers()[0])).expect(200);
    request("HEAD", &format!("{}/v2/app/manifests/none", server.url())).send().expect(404);
    server.wait_for_stderr("/manifests/none");
    let line = |text: &str| server.stderr().lines().find(|line| line.contains(text)).unwrap().to_owned();
    let words: Vec<String> = line("GET /v2/app/blobs/").split(' ').map(str::to_owned).collect();
    assert!(words[0].ends_with('Z') && words[1].starts_with("127.0.0.1:") && words[2] == "-", "{words:?}");
    assert_eq!(words[5], "200");
    assert_eq!(words[6], image.blobs[&image.layers()[0]].len().to_string());
    assert!(words[7].ends_with("ms"));
    assert!(line("HEAD").contains("\"HEAD /v2/app/manifests/none\" 404 0 "));
}

#[test]
fn the_log_can_be_json() {
    let (env, image) = layout();
    for arguments in [["app", "--log-format", "json"], ["app", "--progress", "json"]] {
        let mut server = Serve::start(&env, &arguments);
        let layer = image.layers()[0];
        let get = request("GET", &format!("{}/v2/app/blobs/{layer}", server.url())).header("User-Agent", "a\"b");
        get.send().expect(200);
        server.wait_for_stderr("\"request\"");
        let text = server.stderr();
        let line = text.lines().find(|line| line.contains("\"request\"")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!((&line["method"], &line["status"], &line["user"]), (&"GET".into(), &200.into(), &Value::Null));
        assert_eq!(line["path"], format!("/v2/app/blobs/{layer}"));
        assert_eq!((&line["sent"], &line["complete"]), (&image.blobs[&layer].len().into(), &true.into()));
        assert_eq!(line["user_agent"], "a\"b");
        assert!(line["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0));
    }
}

#[test]
fn d11_no_request_reaches_the_terminal_as_it_is() {
    let (env, _) = layout();
    let mut server = Serve::start(&env, &["app"]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /v2/\xe2\x80\xae%1b[2J\" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    get(&format!("{}/v2/", server.url())).expect(200);
    server.wait_for_stderr("GET /v2/\" 200");
    assert!(!server.stderr().contains('\u{202e}'), "{}", server.stderr());
    server.stop().ok();
}

#[test]
fn quiet_is_quiet() {
    let (env, _) = layout();
    let server = Serve::start(&env, &["app", "--quiet"]);
    get(&format!("{}/v2/", server.url())).expect(200);
    assert_eq!(server.stop().ok().stderr, "");
}

#[test]
fn r18_other_addresses_than_this_machines_are_warned_of() {
    let (env, _) = layout();
    let users = env.tool("htpasswd", ["-Bbn", "-C", "4", "ada", "S3CR3T"]).run().ok();
    env.write("users", &users.stdout);
    let said = |arguments: &[&str]| {
        let run = env.imgctl(["serve", "app"]).args(arguments);
        Serve::run(run).stop().ok().stderr
    };
    let nobody = said(&["--listen", "0.0.0.0:0"]);
    assert!(nobody.contains("warning: everybody who reaches 0.0.0.0:0 may pull: consider --htpasswd"), "{nobody}");
    assert!(nobody.contains("warning: images cross the network unprotected: consider --tls-cert"), "{nobody}");
    let users = said(&["--listen", "0.0.0.0:0", "--htpasswd", "users"]);
    assert!(users.contains("warning: passwords and images cross the network unprotected"), "{users}");
    assert!(!users.contains("everybody"), "{users}");
    let both = said(&["--listen", "0.0.0.0:0", "--htpasswd", "users", "--tls-self-signed"]);
    assert!(!both.contains("warning"), "{both}");
    assert!(!said(&["--listen", "127.0.0.1:0"]).contains("warning"));
    assert!(!said(&["--listen", "unix:socket"]).contains("warning"));
}

#[test]
fn s12_the_first_signal_lets_requests_end_and_the_second_does_not() {
    const SIZE: usize = 30_000_000;
    let (env, image) = (Env::new(), TestImage::of_size(1, SIZE));
    image.write_layout(&env.path("app"), "1.0");
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        for twice in [false, true] {
            let mut server = Serve::start(&env, &["app"]);
            let mut stream = TcpStream::connect(server.address()).unwrap();
            write!(stream, "GET /v2/app/blobs/{} HTTP/1.1\r\nHost: x\r\n\r\n", image.layers()[0]).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // More than the buffers on the way have room for is still to come.
            stream.read_exact(&mut [0; 1000]).unwrap();
            server.signal(signal);
            server.wait_for_stderr("ending when running requests have");
            if twice {
                server.signal(signal);
                server.wait().fails(code);
            } else {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).unwrap();
                assert!(rest.len() >= SIZE - 1000, "{}", rest.len());
                server.wait().ok().says("stopped after");
            }
        }
    }
}
