//! The page for people, in a browser. Every run leaves what it looked like in `target/tmp/page-*.png`.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use imgctl::oci::MediaType;
use serde_json::json;

use crate::support::chromium::{Chromium, Look, Visit};
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::http;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::serve::Serve;

const WIDTHS: [u32; 2] = [320, 1280];
const DESK: Look = Look { width: 1280, dark: false };
/// Markup, what ends an attribute, and characters that act.
const NASTY: &str =
    "</td><script>document.title='owned'</script>\"><img src=//x onerror=alert(1)>' style='x \u{202e}\u{7}";

/// Puts an image and everything below it.
fn put(server: &Serve, name: &str, tag: &str, image: &TestImage) {
    let url = |rest: &str| format!("{}/v2/{name}/{rest}", server.url());
    for image in image.all() {
        for (digest, blob) in &image.blobs {
            let post = http::request("POST", &url(&format!("blobs/uploads/?digest={digest}")));
            post.header("Content-Type", "application/octet-stream").body(&blob[..]).send().expect(201);
        }
        for reference in [&image.digest().to_string(), tag] {
            let put = http::request("PUT", &url(&format!("manifests/{reference}")));
            put.header("Content-Type", image.media_type.as_str()).body(&image.manifest[..]).send().expect(201);
        }
    }
}

/// A server with all that a page can show; the paths of some of its pages.
fn filled(env: &Env) -> (Serve, Vec<String>) {
    let server = Serve::start(env, &[]);
    let base = || Layer::random(1, 900_000);
    let app = |seed, size| ImageBuilder::new().layer(base()).layer(Layer::random(seed, size)).label("vendor", "us");
    let (first, second) = (app(2, 600_000).build(), app(3, 1_400_000).layer(Layer::random(4, 2_000)).build());
    put(&server, "team/app", "1.0", &first);
    put(&server, "team/app", "latest", &second);
    put(&server, "team/app", "1.1", &second);
    put(&server, "docker.io/library/base", "12", &ImageBuilder::new().layer(base()).build());
    let platforms = ["linux/amd64", "linux/arm/v7", "linux/arm64"];
    let images =
        platforms.map(|platform| app(5, 70_000).layer(Layer::of_file("p", platform)).platform(platform).build());
    let index = TestImage::with_attestations(images.to_vec());
    put(&server, "team/app", "all", &index);
    let signature = ImageBuilder::new().artifact_type("application/vnd.example.sbom+json").subject(&first);
    let signature = signature.blob("application/spdx+json", "{}").annotation("org.example.note", "an annotation");
    put(&server, "team/app", "sbom", &signature.build());
    let nasty = app(6, 100).label(NASTY, NASTY).label("long", &"x".repeat(300_000)).annotation(NASTY, NASTY);
    let nasty = nasty.platform("linux/amd64").blob(NASTY, "no layer").build();
    let (long, tag) = (format!("{}/{}", "long".repeat(20), "name".repeat(35)), "t".repeat(128));
    put(&server, &long, &tag, &nasty);
    let lost = json!({ "schemaVersion": 2, "manifests": [first.descriptor(), TestImage::of_size(9, 9).descriptor()] });
    put(&server, "team/sparse", "1", &TestImage::of_document(MediaType::OCI_INDEX, &lost));
    let pages =
        ["/", "/-/r/team/app", "/-/i/team/app:1.0", "/-/i/team/app:all", "/-/i/team/app:sbom", "/-/i/team/sparse:1"];
    let mut pages: Vec<_> = pages.map(str::to_owned).to_vec();
    pages.extend([format!("/-/r/{long}"), format!("/-/i/{long}:{tag}"), format!("/-/i/team/app@{}", first.digest())]);
    pages.push("/-/nowhere".to_owned());
    (server, pages)
}

fn keep(browser: &mut Chromium, name: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}.png"));
    std::fs::write(path, browser.screenshot()).unwrap();
}

#[track_caller]
fn assert_calm(visit: &Visit, server: &Serve, look: Look) {
    let Visit { html, width, loaded, scripts, complaints } = visit;
    assert!(scripts.is_empty(), "scripts ran: {scripts:?}\n{html}");
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(*width <= u64::from(look.width), "the content is {width} wide in a window of {look:?}\n{html}");
    let style = format!("{}/-/style.css", server.url());
    assert!(loaded.contains(&(style, 200)), "{loaded:?}");
    assert!(loaded.iter().all(|(url, status)| url.starts_with(server.url()) && *status == 200), "{loaded:?}");
}

#[test]
fn every_page_fits_every_window_and_runs_nothing() {
    let env = Env::new();
    let (server, pages) = filled(&env);
    let mut browser = Chromium::start(&env);
    for (number, page) in pages.iter().enumerate() {
        let mut shown = BTreeSet::new();
        for width in WIDTHS {
            for dark in [false, true] {
                let look = Look { width, dark };
                let visit = browser.visit(&format!("{}{page}", server.url()), look);
                assert_calm(&visit, &server, look);
                shown.insert((dark, browser.style("body", "background-color"), browser.style("h1", "color")));
                keep(&mut browser, &format!("{number}-{width}{}", if dark { "-dark" } else { "" }));
            }
        }
        let [(_, light, ink), (_, dark, chalk)] = &Vec::from_iter(shown)[..] else {
            panic!("one look for each scheme")
        };
        assert!(light != dark && ink != chalk, "{light} {dark} {ink} {chalk}");
    }
}

/// What is looked for above is found where it is.
#[test]
fn the_browser_does_complain() {
    let env = Env::new();
    let mut browser = Chromium::start(&env);
    let phone = Look { width: 320, dark: false };
    let policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">";
    for broken in ["<script>1</script>", "<p style='color:red'>", "<img src='data:,'>"] {
        let visit = browser.visit(&format!("data:text/html,{policy}{broken}"), phone);
        assert!(!visit.complaints.is_empty(), "{broken}");
    }
    assert!(!browser.visit("data:text/html,<script>1</script>", phone).scripts.is_empty());
    let wide = "<meta name=viewport content=width=device-width><div style='width:900px'>wide</div>";
    assert!(browser.visit(&format!("data:text/html,{wide}"), phone).width >= 900);
}

#[test]
fn what_images_say_is_text_in_the_document() {
    let env = Env::new();
    let (server, pages) = filled(&env);
    let mut browser = Chromium::start(&env);
    let page = pages.iter().find(|page| page.contains("/-/i/long")).unwrap();
    let visit = browser.visit(&format!("{}{page}", server.url()), DESK);
    assert!(visit.html.contains("&lt;/td&gt;&lt;script&gt;document.title='owned'&lt;/script&gt;"), "{}", visit.html);
    assert!(visit.html.contains(r"\u{202e}\u{7}"));
    assert!(!visit.html.contains("<title>owned") && !visit.html.contains("<img"));
    assert!(visit.html.len() < 100_000, "{} bytes for a label of 300,000", visit.html.len());
}

#[test]
fn assistive_technology_finds_its_way() {
    let env = Env::new();
    let (server, pages) = filled(&env);
    let mut browser = Chromium::start(&env);
    for page in &pages {
        browser.visit(&format!("{}{page}", server.url()), Look { width: 320, dark: false });
        let all = browser.accessibility();
        let of = |role: &'static str| all.iter().filter(move |(found, _)| found == role).map(|(_, name)| name.as_str());
        for landmark in ["main", "banner", "contentinfo"] {
            assert_eq!(of(landmark).count(), 1, "{page}: {landmark}: {all:#?}");
        }
        assert!(of("heading").count() >= 1 && of("heading").all(|name| !name.is_empty()), "{page}");
        assert!(of("link").chain(of("image")).all(|name| !name.is_empty()), "{page}: {all:#?}");
        assert_eq!(of("table").count() > 0, of("columnheader").count() > 0, "{page}: {all:#?}");
    }
    browser.visit(&format!("{}/-/i/team/app:1.0", server.url()), DESK);
    let image = browser.accessibility();
    let is_picture = |(role, name): &(String, String)| {
        role == "image" && name.starts_with("2 layers, ") && name.contains("; 1 shared, ")
    };
    assert!(image.iter().any(is_picture), "{image:#?}");
}

#[test]
fn every_link_leads_somewhere() {
    let env = Env::new();
    let (server, _) = filled(&env);
    let mut open = vec!["/".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let answer = http::get(&format!("{}{path}", server.url())).expect(200);
        if answer.header("content-type").starts_with("text/html") {
            let text = answer.text();
            let links = text.split("href=\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
            open.extend(links);
        }
    }
    for expected in ["/-/style.css", "/-/i/team/app:1.0", "/-/r/docker.io/library/base"] {
        assert!(seen.contains(expected), "{seen:#?}");
    }
    assert!(seen.iter().any(|path| path.starts_with("/v2/team/app/manifests/sha256:")), "{seen:#?}");
    assert!(seen.len() > 25, "{seen:#?}");
}

#[test]
fn commands_name_the_server_as_the_client_does() {
    let env = Env::new();
    let (server, _) = filled(&env);
    let port = server.address().rsplit_once(':').unwrap().1;
    let named = http::get(&format!("http://localhost:{port}/-/i/team/app:1.0")).expect(200).text();
    assert!(named.contains(&format!("docker pull localhost:{port}/team/app:1.0")), "{named}");
    assert!(named.contains(&format!("podman pull --tls-verify=false localhost:{port}/team/app:1.0")), "{named}");
    for host in ["a;id", "$(id)", "<script>", "x y", "a/b", "u@h"] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET /-/i/team/app:1.0 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(!answer.contains(&format!("pull {host}")) && !answer.contains("<script"), "{host}: {answer}");
    }
}

#[test]
fn a_client_that_names_no_server_is_told_where_it_listens() {
    let env = Env::new();
    let (server, _) = filled(&env);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "GET /-/i/team/app:1.0 HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(&format!("docker pull {}/team/app:1.0", server.address())), "{answer}");
}

/// Of an index that came through, the images may be elsewhere still.
#[test]
fn looking_at_a_page_asks_no_upstream() {
    let registry = FaultRegistry::start();
    registry.put_image("library/app", "1", &TestImage::multi_platform(&["linux/amd64", "linux/arm64"]));
    registry.put_image("library/app", "2", &TestImage::small());
    let env = Env::new();
    let server = Serve::start(&env, &["--upstream", &registry.host()]);
    http::get(&format!("{}/v2/library/app/manifests/1", server.url())).expect(200);
    let asked = registry.requests().len();
    let path = format!("{}/library/app", registry.host().replace(':', "_"));
    let home = http::get(server.url()).expect(200).text();
    assert!(home.contains(&format!("href=\"/-/r/{path}\"")), "{home}");
    let tags = http::get(&format!("{}/-/r/{path}", server.url())).expect(200).text();
    assert!(tags.contains("2 manifests not here") && tags.contains("1 tag"), "{tags}");
    http::get(&format!("{}/-/i/{path}:1", server.url())).expect(200);
    http::get(&format!("{}/-/i/{path}:2", server.url())).expect(404);
    assert_eq!(registry.requests().len(), asked, "{:#?}", registry.requests());
}

#[test]
fn pages_are_read_and_not_written_or_kept() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let get = http::get(server.url()).expect(200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(get.header(name), value, "{name}");
    }
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    assert_eq!(get.header("content-security-policy"), policy);
    let head = http::request("HEAD", server.url()).send().expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), (get.header("content-length"), 0));
    http::request("POST", server.url()).send().expect(405);
    http::get(&format!("{}/-/../../etc/passwd", server.url())).expect(404);
}

#[test]
fn r19_a_blob_of_html_stays_a_download() {
    let env = Env::new();
    let server = Serve::start(&env, &[]);
    let evil = "<!DOCTYPE html><script>document.title='owned'</script>";
    let image = ImageBuilder::new().blob("text/html", evil).build();
    put(&server, "app", "1", &image);
    let manifest = ImageBuilder::new().annotation("x", evil).build();
    put(&server, "app", "2", &manifest);
    let blob = format!("{}/v2/app/blobs/{}", server.url(), image.layers()[0]);
    let answer = http::get(&blob).expect(200);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("sandbox"), "{answer:?}");
    let answer = http::get(&format!("{}/v2/app/manifests/2", server.url())).expect(200);
    assert_eq!(answer.header("content-type"), MediaType::OCI_MANIFEST.as_str());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}
