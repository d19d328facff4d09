//! Paths that nobody means well: what is asked for is a repository's, or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;

use super::client::{Client, until};
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::serve::Serve;

/// The status of an answer to a request with this very method and target.
fn status(server: &Serve, method: &str, target: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let tail = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(&[method.as_bytes(), b" ", target, tail].concat()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{target:?}: {text}"))
}

fn evil() -> Vec<Vec<u8>> {
    let hex = "0".repeat(64);
    let long = "a/".repeat(5000);
    let label = "a".repeat(300);
    let texts = [
        "/v2/../../../../etc/passwd",
        "/v2/a/../../../etc/passwd",
        "/../etc/passwd",
        "/v2/%2e%2e/%2e%2e/etc/passwd",
        "/v2/..%2f..%2f..%2fetc%2fpasswd",
        "/v2/a/manifests/../../../../../../etc/passwd",
        "/v2/a/manifests/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/v2/a/manifests/%2e%2e",
        "/v2/a/manifests/.hidden",
        "/v2/a/blobs/sha256:../../../../../../etc/passwd",
        "/v2/a/blobs/../../index.json",
        "/v2/a/blobs/sha256/../../../index.json",
        "/v2/a/blobs/uploads/../../../../index.json",
        "/v2/../tags/list",
        "/v2/./tags/list",
        "/v2/a/./b/tags/list",
        "/v2/a/../b/tags/list",
        "/v2/a//b/tags/list",
        "/v2//tags/list",
        "/v2//etc/passwd/tags/list",
        "/v2/a\\..\\..\\b/tags/list",
        "/v2/a%5c..%5cb/tags/list",
        "/v2/a%00b/tags/list",
        "/v2/_manifests/tags/list",
        "/v2/a/_blobs/tags/list",
        "/v2/a/_manifests/sha256/tags/list",
        "/v2/.imgctl-x/tags/list",
        "/v2/.a/tags/list",
        "/v2/-a/tags/list",
        "/v2/A/tags/list",
        "/v2/a b/tags/list",
        "/v2/../x/tags/list?ns=..",
        "/v2/a/tags/list?ns=..",
        "/v2/a/tags/list?ns=../..",
        "/v2/a/tags/list?ns=%2e%2e%2f%2e%2e",
        "/v2/a/tags/list?ns=.",
        "/v2/a/tags/list?ns=/etc",
        "/v2/a/tags/list?ns=a%00b",
        "/v2/a/tags/list?ns=%ff%fe",
        "/v2/a/tags/list?ns=_blobs",
        "/v2/.../a/tags/list",
        "/v2/..:5000/a/tags/list",
        "/v2/.._5000/a/tags/list",
        "/-/../../etc/passwd",
        "/-/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/v2/a/referrers/sha256:../../x",
        "*",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.replace(' ', "%20").into_bytes()).collect();
    all.extend([
        format!("/v2/{long}tags/list").into_bytes(),
        format!("/v2/{label}/tags/list").into_bytes(),
        format!("/v2/{label}.example_5000/a/blobs/sha256:{hex}").into_bytes(),
        format!("/v2/a/blobs/sha256:{hex}/../../../../../../etc/passwd").into_bytes(),
        format!("/v2/a/tags/list?ns={label}.{label}").into_bytes(),
        format!("/v2/a/manifests/{}", "t".repeat(129)).into_bytes(),
        b"/v2/a\0b/tags/list".to_vec(),
        b"/v2/\xff\xfe/tags/list".to_vec(),
        b"/v2/a/manifests/\xc3\x28".to_vec(),
        b"/v2/\xc3\xbc/tags/list".to_vec(),
    ]);
    all
}

/// What was opened, made or removed, by a trace that names whole paths.
fn touched(trace: &[&str]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for line in trace.iter().filter(|line| !line.contains("+++") && !line.contains("---")) {
        let directory = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("/", |(path, _)| path);
        for text in line.split('"').skip(1).step_by(2) {
            found.insert(PathBuf::from(directory).join(text));
        }
    }
    found
}

#[test]
fn r02_no_path_leads_out_of_the_store() {
    let env = Env::new();
    let trace = env.path("trace");
    // The tracer runs beside our process, so that signals reach the latter.
    let strace = ["-D", "-f", "-qq", "-y", "-s", "4096", "-e", "trace=%file", "-o", trace.to_str().unwrap()];
    let ours = [env!("CARGO_BIN_EXE_imgctl"), "serve", "--listen", "127.0.0.1:0", "--allow-delete"];
    let server = Serve::run(env.tool("strace", strace.iter().chain(&ours)));
    let (client, image) = (Client::of(&server), TestImage::small());
    client.push("a", "1", &image);
    client.assert_whole("a", "1", &image);
    let marker = "the-end-of-what-is-well-meant";
    client.get(&format!("/v2/{marker}/tags/list")).expect(404);
    for target in evil() {
        for method in ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"] {
            let status = status(&server, method, &target);
            let text = String::from_utf8_lossy(&target[..target.len().min(100)]).into_owned();
            assert!([400, 404, 405, 414, 431].contains(&status), "{method} {text}: {status}");
        }
    }
    client.assert_whole("a", "1", &image);
    server.signal(Signal::KILL);
    until("the end of the trace", || fs::read_to_string(&trace).is_ok_and(|text| text.contains("+++")));
    let text = fs::read_to_string(&trace).unwrap();
    let at = text.lines().position(|line| line.contains(marker)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let (before, after) = (touched(&lines[..at]), touched(&lines[at..]));
    assert!(after.iter().any(|path| path.starts_with(env.store())), "{after:?}");
    let strange: Vec<_> = after
        .difference(&before)
        .filter(|path| !path.starts_with(env.store()) || path.components().any(|part| part.as_os_str() == ".."))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(!env.store().join("repositories/localhost/a/b").exists());
}
