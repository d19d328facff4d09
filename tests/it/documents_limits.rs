//! Answers without end, lists of nonsense, and text that a terminal would obey.

use std::collections::BTreeSet;

use serde_json::json;

use crate::documents::{RSS_KIB, refused, refused_by};
use crate::support::env::Env;
use crate::support::fault_registry::{Demand, FaultRegistry};
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;
use crate::support::outcome::Outcome;

/// Text that must never reach a terminal as it is.
const EVIL: &str = "evil\u{1b}[31m\u{7}\u{9b}31m\u{202e}\u{2028}\u{85}\u{7f}\r\u{8}end";

/// Asserts that an answer without end was refused early.
#[track_caller]
fn bounded(outcome: Outcome, code: i32) -> Outcome {
    let outcome = outcome.fails(code).within(4.0);
    assert!(outcome.max_rss_kib < RSS_KIB, "{} KiB:\n{}", outcome.max_rss_kib, outcome.told());
    assert!(outcome.stderr.len() < 8192, "{} bytes of message", outcome.stderr.len());
    outcome
}

/// Asserts that no control character is in what was printed, but the ends of our own lines and the tabs of our tables.
#[track_caller]
fn assert_tame(outcome: &Outcome) {
    for (name, bytes) in [("stdout", &outcome.stdout[..]), ("stderr", outcome.stderr.as_bytes())] {
        let raw = bytes.iter().find(|byte| matches!(byte, 0..=8 | 11..=31 | 127));
        assert!(raw.is_none(), "raw {raw:?} on {name}:\n{}", outcome.told());
        let text = std::str::from_utf8(bytes).unwrap();
        let odd = ['\u{80}'..='\u{9f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        let odd = text.chars().find(|c| odd.iter().any(|range| range.contains(c)));
        assert!(odd.is_none(), "{odd:?} on {name}:\n{}", outcome.told());
    }
}

#[test]
fn d06_a_manifest_without_end_is_cut() {
    for fault in ["f/mbomb", "f/gzbomb"] {
        let (outcome, registry) = refused(fault, &TestImage::small(), 5);
        bounded(outcome, 5);
        assert!(registry.bytes_sent(fault) < 12 << 20, "{fault}: {} bytes", registry.bytes_sent(fault));
    }
}

#[test]
fn d06_a_config_without_end_is_cut() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/bigconfig", "1", &TestImage::small());
    for command in ["inspect", "config"] {
        bounded(env.imgctl([command, &registry.reference("f/bigconfig:1")]).run(), 5);
    }
    assert!(registry.bytes_sent("f/bigconfig") < 2 * (9 << 20), "{} bytes", registry.bytes_sent("f/bigconfig"));
}

#[test]
fn d06_lists_without_end_are_cut() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/tbomb", "1", &TestImage::small());
    let outcome = bounded(env.imgctl(["tags", &registry.reference("f/tbomb")]).run(), 5);
    assert!(outcome.stdout.is_empty());
    registry.put_image("f/rbomb", "1", &TestImage::small());
    bounded(refused_by(&env, &registry, &["f/rbomb:1", "--referrers"], 5), 5);
    for fault in ["f/tbomb", "f/rbomb"] {
        assert!(registry.bytes_sent(fault) < 12 << 20, "{fault}: {} bytes", registry.bytes_sent(fault));
    }
}

#[test]
fn d06_a_token_without_end_is_cut() {
    let (env, registry) = (Env::new(), FaultRegistry::start_with("tokenbomb"));
    registry.put_image("ok/a", "1", &TestImage::small());
    registry.demand_token();
    bounded(env.imgctl(["digest", &registry.reference("ok/a:1")]).run(), 5).says("1048576");
    let sent: u64 = registry.requests().iter().map(|request| request.sent).sum();
    assert!(sent < 3 << 20, "{sent} bytes");
}

#[test]
fn d06_an_error_without_end_is_cut() {
    for (fault, code) in [("f/ebomb-403", 3), ("f/ebomb-404", 4), ("f/ebomb-400", 1)] {
        let (env, registry) = (Env::new(), FaultRegistry::start());
        let args = ["digest", "--retries", "0", &registry.reference(&format!("{fault}:1"))];
        bounded(env.imgctl(args).run(), code);
        assert!(registry.bytes_sent(fault) < 4 << 20, "{fault}: {} bytes", registry.bytes_sent(fault));
    }
}

#[test]
fn d06_headers_without_end_are_cut() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/hbomb", "1", &TestImage::small());
    bounded(env.imgctl(["digest", "--retries", "0", &registry.reference("f/hbomb:1")]).run(), 7);
}

#[test]
fn d08_a_list_that_leads_back_is_no_list() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/linkloop", "1", &TestImage::small());
    let outcome = env.imgctl(["tags", &registry.reference("f/linkloop")]).run().fails(6).within(5.0);
    assert!(outcome.says("leads back").stdout.is_empty(), "no part of a list passes for the whole");
    assert!(registry.requests().len() < 5);
}

#[test]
fn d08_a_list_that_never_ends_is_no_list() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("f/endlesspages", "1", &TestImage::small());
    let outcome = env.imgctl(["tags", &registry.reference("f/endlesspages")]).run().fails(6);
    assert!(outcome.max_rss_kib < RSS_KIB);
    assert!(outcome.says("does not end").stdout.is_empty());
    assert!(registry.requests().len() <= 10_001, "{} pages", registry.requests().len());
}

#[test]
fn d08_the_next_page_is_on_the_same_origin() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    for fault in ["f/pages", "f/absolutepages", "f/linkssrf"] {
        for tag in 1..=5 {
            registry.put_image(fault, &tag.to_string(), &TestImage::small());
        }
        let outcome = env.imgctl(["tags", &registry.reference(fault)]).run();
        if fault == "f/linkssrf" {
            assert!(outcome.fails(6).says("another host").stdout.is_empty());
        } else {
            assert_eq!(outcome.ok().stdout_text(), "1\n2\n3\n4\n5\n");
        }
    }
    assert!(registry.second_requests().is_empty());
}

#[test]
fn d10_what_is_no_tag_is_skipped_and_told_once() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    for (fault, skipped) in [("f/nulltags", 3), ("f/esctag", 2)] {
        registry.put_image(fault, "1", &TestImage::small());
        let outcome = env.imgctl(["tags", &registry.reference(fault)]).run().ok();
        assert_eq!(outcome.stdout_text(), "1\n2\n");
        assert_eq!(outcome.stderr.matches("were skipped").count(), 1, "{}", outcome.stderr);
        assert_tame(&outcome.says(&format!("{skipped} listed names")));
    }
    registry.put_image("f/notags", "1", &TestImage::small());
    assert!(env.imgctl(["tags", &registry.reference("f/notags")]).run().ok().stdout.is_empty());
}

/// An image that is evil wherever its author may write.
fn evil_image() -> TestImage {
    let image = ImageBuilder::new().layer(Layer::of_file("a", "b")).label(EVIL, EVIL).annotation(EVIL, EVIL).build();
    let mut config: serde_json::Value = serde_json::from_slice(&image.blobs[&image.config()]).unwrap();
    config["history"] = json!([{ "created_by": EVIL, "comment": EVIL, "author": EVIL, "created": EVIL }]);
    config["author"] = json!(EVIL);
    config["created"] = json!(EVIL);
    config["config"]["Env"] = json!([format!("A={EVIL}")]);
    config["config"]["Cmd"] = json!([EVIL]);
    config["config"]["User"] = json!(EVIL);
    let config = config.to_string();
    let digest = imgctl::oci::Digest::of(config.as_bytes());
    let mut document = image.document();
    document["config"]["digest"] = json!(digest);
    document["config"]["size"] = json!(config.len());
    document["artifactType"] = json!(EVIL);
    document["layers"][0]["annotations"] = json!({ EVIL: EVIL });
    let mut image = TestImage { manifest: document.to_string().into(), ..image };
    image.blobs.insert(digest, config.into());
    image
}

#[test]
fn d11_no_text_of_an_author_reaches_the_terminal_as_it_is() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let image = evil_image();
    registry.put_image("ok/a", "1", &image);
    let mut index = TestImage::index(vec![image]);
    let mut document = index.document();
    document["annotations"] = json!({ EVIL: EVIL });
    document["manifests"][0]["platform"] =
        json!({ "os": EVIL, "architecture": EVIL, "variant": EVIL, "os.version": EVIL });
    document["manifests"][0]["annotations"] = json!({ EVIL: EVIL });
    index.manifest = document.to_string().into();
    registry.put_image("ok/a", "2", &index);
    let one = registry.reference("ok/a:1");
    let many = registry.reference("ok/a:2");
    env.imgctl(["pull", &one]).run().ok();
    for reference in [&one, &many, &format!("store:{one}")] {
        for args in [
            &["inspect"][..],
            &["inspect", "--format", "json"],
            &["inspect", "--format", "{{.Labels}} {{.Env}} {{.Annotations}} {{.Config}}"],
            &["inspect", "--format", "{{json .Labels}}"],
            &["inspect", "--format", "table {{.Created}}\t{{.Labels}}"],
        ] {
            let outcome = env.imgctl(args).args([reference]).run().ok();
            assert_tame(&outcome);
        }
    }
    for format in
        [None, Some("json"), Some("{{.Labels}} {{.Repository}} {{.CreatedAt}}"), Some("table {{.CreatedSince}}")]
    {
        let outcome = env.imgctl(["images"]).args(format.iter().flat_map(|format| ["--format", format])).run();
        assert_tame(&outcome);
    }
    for args in
        [&["copy", "--platform", "linux/s390x", &many, "oci:out"][..], &["digest", "--platform", "linux/s390x", &many]]
    {
        assert_tame(&env.imgctl(args).run());
    }
}

#[test]
fn d11_no_text_of_a_server_reaches_the_terminal_as_it_is() {
    for code in [400, 401, 403, 404, 405, 429, 500] {
        let (env, registry) = (Env::new(), FaultRegistry::start_with(&format!("escerr-{code}")));
        let reference = registry.reference("ok/a:1");
        TestImage::small().write_layout(&env.path("given"), "x");
        for args in [
            &["copy", &reference, "oci:out"][..],
            &["copy", "oci:given", &reference],
            &["tags", &reference],
            &["catalog", &registry.host()],
            &["login", "--username", "user", "--password-stdin", &registry.host()],
            &["copy", "-vvv", "--trace", "--progress", "json", &reference, "oci:out"],
        ] {
            let outcome = env.imgctl(args).args(["--retries", "0"]).stdin("secret").run();
            assert_ne!(outcome.code, Some(0), "{}", outcome.told());
            assert_tame(&outcome);
            assert!(outcome.stderr.len() < 16 * 1024);
        }
    }
}

#[test]
fn d11_warnings_lists_and_challenges_are_tame() {
    let (env, registry) = (Env::new(), FaultRegistry::start_with("warning"));
    registry.put_image("ok/a", "1", &TestImage::small());
    let outcome = env.imgctl(["copy", &registry.reference("ok/a:1"), "oci:out"]).run().ok();
    assert_eq!(outcome.stderr.matches("mind").count(), 1, "a warning is told, once: {}", outcome.stderr);
    assert_tame(&outcome);
    assert_tame(&env.imgctl(["tags", &registry.reference("f/esctag")]).run());
    registry.put_image(&format!("ok/{EVIL}"), "1", &TestImage::small());
    let outcome = env.imgctl(["catalog", &registry.host()]).run().ok();
    assert_tame(&outcome);
    assert_eq!(outcome.stdout_text(), "ok/a\n");
    registry.demand(Demand { challenges: vec!["Evil\u{9b}31m realm=\"\u{202e}\"".to_owned()], accepted: Vec::new() });
    assert_tame(&env.imgctl(["tags", &registry.reference("ok/a")]).run().fails(3));
    registry.demand(Demand {
        challenges: vec!["Bearer realm=\"http://\u{9b}31m/\u{202e}\"".to_owned()],
        accepted: Vec::new(),
    });
    assert_tame(&env.imgctl(["tags", &registry.reference("ok/a")]).run());
}

#[test]
fn d12_every_challenge_is_understood_or_refused_at_once() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    registry.put_image("ok/a", "1", &TestImage::small());
    let token = format!("Bearer {}", crate::support::fault_registry::TOKEN);
    let realm = format!("http://{}/token", registry.host());
    let mut seen = BTreeSet::new();
    for (template, code) in [
        (r#"Bearer realm="URL",service="s""#, 0),
        (r#"bearer realm="URL", service="s""#, 0),
        (r#"BEARER  realm = "URL" , service = "s""#, 0),
        (r#"Bearer realm=URL,service=s"#, 0),
        (r#",, Bearer realm="URL",,service="s""#, 0),
        (r#"Negotiate, Bearer realm="URL""#, 0),
        (r#"Negotiate dG9rZW4=, Bearer realm="URL""#, 0),
        (r#"Basic realm="x, y", Bearer realm="URL""#, 0),
        (r#"Digest nonce="Bearer realm=evil", Bearer realm="URL""#, 0),
        (r#"Bearer service="s",realm="URL""#, 0),
        (r#"Bearer realm="URL",scope="repository:other:push,delete *:*:*""#, 0),
        (r#"Bearer realm="URL",service="a b&c=d#e""#, 0),
        (r#"Bearer realm="URL",realm="http://second.invalid""#, 0),
        (r#"Bearer REALM="URL",error="invalid_token""#, 0),
        (r#"Bearer realm="URL?x=1""#, 0),
        ("Bearer", 3),
        ("Bearer realm", 3),
        (r#"Bearer service="s""#, 3),
        (r#"Bearer realm="""#, 6),
        (r#"Bearer realm="token""#, 6),
        (r#"Bearer realm="/token""#, 6),
        (r#"Bearer realm="http://""#, 6),
        ("Basic", 3),
        (r#"Basic realm="x""#, 3),
        ("Negotiate", 3),
        (r#"Digest realm="x",nonce="y""#, 3),
        ("", 3),
        (",", 3),
        ("=", 3),
        ("\"", 3),
        ("\\", 3),
        ("ü ü=ü", 3),
    ] {
        assert!(seen.insert(template));
        let challenges = vec![template.replace("URL", &realm)];
        registry.demand(Demand { challenges, accepted: vec![token.clone()] });
        // A home that remembers none of the others.
        let outcome = Env::new().imgctl(["digest", &registry.reference("ok/a:1")]).run();
        assert_eq!(outcome.code, Some(code), "{template}:\n{}", outcome.told());
        assert_tame(&outcome.within(5.0));
    }
    for piece in ["Bearer ", "a=b,", "\"", "\\\"", "x=\"", ",", "=", "Basic realm=\"x\", "] {
        registry.demand(Demand { challenges: vec![piece.repeat(40_000 / piece.len())], accepted: Vec::new() });
        let outcome = env.imgctl(["digest", &registry.reference("ok/a:1")]).run().within(5.0);
        assert!(matches!(outcome.code, Some(3 | 6 | 7)), "{}", outcome.told());
    }
    // No scope is asked for that the command does not need.
    let asked: String = registry.requests().iter().map(|request| request.query.clone()).collect();
    assert!(!asked.contains("delete") && !asked.contains("other"), "{asked}");
}
