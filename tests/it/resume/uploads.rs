//! Uploads that broke off go on where the registry has them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::{Env, files};
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;
use crate::support::reply::Cut;
use crate::support::run::Run;
use crate::support::serve::Serve;

const SIZE: usize = 12_000_000;
const RATE: u64 = 12_000_000;
const UPLOADS: &str = "/blobs/uploads/";

/// A layout `source`, and `imgctl serve` behind a proxy to push it to.
struct Scene {
    env: Env,
    image: TestImage,
    home: Env,
    serve: Serve,
    proxy: FaultProxy,
}

impl Scene {
    fn new(rules: Vec<Rule>) -> Self {
        let (env, home, image) = (Env::new(), Env::new(), TestImage::of_size(1, SIZE));
        image.write_layout(&env.path("source"), "1");
        let serve = Serve::start(&home, &[]);
        let proxy = FaultProxy::start(serve.address(), rules);
        Self { env, image, home, serve, proxy }
    }

    fn copy(&self, flags: &[&str]) -> Run {
        self.env.imgctl(["copy"]).args(flags).args(["oci:source:1", &self.proxy.reference("a:1")])
    }

    /// Runs `copy`, and kills it when half is sent.
    fn kill_half_way(&self) {
        kill_half_way(&self.proxy, self.copy(&[]));
    }

    /// The image arrives; returns how many bytes were sent.
    #[track_caller]
    fn arrives(&self) -> u64 {
        let before = self.proxy.received();
        self.copy(&[]).run().ok();
        self.arrived();
        self.proxy.received() - before
    }

    /// The image is there, byte for byte, and nothing remains of how it came there.
    #[track_caller]
    fn arrived(&self) {
        let tagged = self.env.imgctl(["digest", &self.serve.image("a:1")]).run().ok();
        assert_eq!(tagged.stdout_text().trim(), self.image.digest().to_string());
        for (digest, content) in &self.image.blobs {
            let stored = self.home.store().join("blobs/sha256").join(digest.hex());
            assert!(fs::read(stored).unwrap() == content[..], "{digest}");
        }
        assert_eq!(records(&self.env), Vec::<PathBuf>::new());
        self.env.assert_no_leftovers();
    }

    fn asked(&self, method: &str) -> usize {
        self.proxy.requests().iter().filter(|line| line.starts_with(method) && line.contains(UPLOADS)).count()
    }
}

/// Runs `run`, which uploads by `proxy`, and kills it when half is sent; returns when the proxy has noticed.
fn kill_half_way(proxy: &FaultProxy, run: Run) {
    proxy.limit_rate(RATE);
    let mut running = run.spawn();
    running.wait_until("half of the image", |_| proxy.received() >= SIZE as u64 / 2);
    running.signal(Signal::KILL);
    assert_eq!(running.wait().signal, Some(9));
    proxy.limit_rate(0);
    settle(proxy);
}

/// Waits until what was on its way is through.
fn settle(proxy: &FaultProxy) {
    let mut received = u64::MAX;
    while received != proxy.received() {
        received = proxy.received();
        thread::sleep(Duration::from_millis(100));
    }
}

/// What is known of uploads that broke off.
fn records(env: &Env) -> Vec<PathBuf> {
    files(&env.store().join("transfers")).collect()
}

/// How many bytes the blobs of the image have: a little more than its content.
fn size() -> u64 {
    TestImage::of_size(1, SIZE).blobs.values().map(|blob| blob.len() as u64).sum()
}

#[track_caller]
fn at_most(sent: u64, percent: u64) {
    let size = size();
    assert!(sent * 100 <= percent * size, "{sent} of {size} bytes were sent, more than {percent} %");
}

#[track_caller]
fn at_least(sent: u64, percent: u64) {
    let size = size();
    assert!(sent * 100 >= percent * size, "{sent} of {size} bytes were sent, less than {percent} %");
}

fn cut(method: &'static str, after: u64) -> Rule {
    Rule::on(method, UPLOADS, Weather::CutRequest(after, Cut::Reset))
}

#[test]
fn p02_a_reset_mid_upload_goes_on_where_the_registry_is() {
    // The small config may be the first or the second, and is not cut.
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2)]);
    at_most(scene.arrives(), 105);
    assert_eq!((scene.asked("GET"), scene.asked("PATCH")), (1, 1), "{:#?}", scene.proxy.requests());
}

#[test]
fn p02_an_upload_that_breaks_again_and_again_goes_on_each_time() {
    let scene = Scene::new(vec![cut("PUT", 5_000_000).times(2), cut("PATCH", 2_500_000).times(2)]);
    at_most(scene.arrives(), 105);
    assert_eq!((scene.asked("GET"), scene.asked("PATCH")), (3, 3), "{:#?}", scene.proxy.requests());
}

#[test]
fn p02_a_lost_answer_to_the_rest_costs_nothing() {
    let lost = Rule::on("PATCH", UPLOADS, Weather::DropResponse).times(1);
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), lost]);
    at_most(scene.arrives(), 105);
    assert_eq!((scene.asked("GET"), scene.asked("PATCH")), (2, 1), "{:#?}", scene.proxy.requests());
}

#[test]
fn p02_a_rest_that_is_not_taken_is_not_tried_for_ever() {
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), cut("PATCH", 0)]);
    at_most(scene.arrives(), 160);
    assert_eq!(scene.asked("PATCH"), 3, "{:#?}", scene.proxy.requests());
}

#[test]
fn p01_a_forgetful_registry_gets_it_from_the_start() {
    let (registry, env, image) = (DockerRegistry::open(), Env::new(), TestImage::of_size(1, SIZE));
    image.write_layout(&env.path("source"), "1");
    let proxy = FaultProxy::start(registry.host(), vec![cut("PUT", 6_000_000).times(2)]);
    env.imgctl(["copy", "oci:source:1", &proxy.reference("a:1")]).run().ok();
    assert!(registry.has_image("a", "1", &image));
    at_least(proxy.received(), 140);
    let status = registry.request_log().into_iter().find(|asked| asked.method == "GET" && asked.uri.contains(UPLOADS));
    assert_eq!(status.unwrap().status, 404);
    assert!(records(&env).is_empty());
}

#[test]
fn p02_a_small_blob_is_sent_again_without_asking() {
    let (env, image, registry) = (Env::new(), TestImage::of_size(1, 3_000_000), FaultRegistry::start());
    image.write_layout(&env.path("source"), "1");
    let proxy = FaultProxy::start(&registry.host(), vec![cut("PUT", 1_000_000).times(2)]);
    env.imgctl(["copy", "oci:source:1", &proxy.reference("ok/a:1")]).run().ok();
    assert!(!proxy.requests().iter().any(|line| line.starts_with("GET") && line.contains(UPLOADS)));
    assert!(registry.has_image("ok/a", "1", &image));
}

#[test]
fn p02_the_next_run_goes_on_after_a_kill() {
    let scene = Scene::new(Vec::new());
    scene.kill_half_way();
    let found = records(&scene.env);
    let [record] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(fs::metadata(record).unwrap().permissions().mode() & 0o777, 0o600);
    at_most(scene.arrives(), 55);
    assert_eq!(scene.asked("PATCH"), 1);
}

#[test]
fn p02_the_next_run_goes_on_after_an_interruption() {
    let scene = Scene::new(Vec::new());
    scene.proxy.limit_rate(RATE);
    let mut running = scene.copy(&[]).spawn();
    running.wait_until("half of the image", |_| scene.proxy.received() >= SIZE as u64 / 2);
    running.signal(Signal::INT);
    running.wait().fails(130);
    scene.proxy.limit_rate(0);
    settle(&scene.proxy);
    at_most(scene.arrives(), 55);
}

#[test]
fn p02_a_copy_between_registries_reads_and_sends_only_the_rest() {
    let (scene, source) = (Scene::new(Vec::new()), FaultRegistry::start());
    source.put_image("ok/a", "1", &scene.image);
    let from = FaultProxy::start(&source.host(), Vec::new());
    let copy = || scene.env.imgctl(["copy", &from.reference("ok/a:1"), &scene.proxy.reference("a:1")]);
    kill_half_way(&scene.proxy, copy());
    let (read, sent) = (from.sent(), scene.proxy.received());
    copy().run().ok();
    scene.arrived();
    at_most(from.sent() - read, 55);
    at_most(scene.proxy.received() - sent, 55);
}

#[test]
fn p01_the_next_run_begins_anew_where_the_registry_forgot() {
    let (registry, env, image) = (DockerRegistry::open(), Env::new(), TestImage::of_size(1, SIZE));
    image.write_layout(&env.path("source"), "1");
    let proxy = FaultProxy::start(registry.host(), Vec::new());
    let copy = || env.imgctl(["copy", "oci:source:1", &proxy.reference("a:1")]);
    kill_half_way(&proxy, copy());
    assert_eq!(records(&env).len(), 1);
    copy().run().ok();
    assert!(registry.has_image("a", "1", &image));
    assert!(records(&env).is_empty());
}

#[test]
fn p03_a_session_that_expired_is_begun_anew() {
    let scene = Scene::new(Vec::new());
    scene.kill_half_way();
    let kept: Vec<_> = files(&scene.home.store().join("uploads")).collect();
    assert!(!kept.is_empty());
    kept.iter().for_each(|path| fs::remove_file(path).unwrap());
    let sent = scene.arrives();
    at_least(sent, 100);
    at_most(sent, 105);
}

#[test]
fn no_resume_leaves_no_record_and_reads_none() {
    let scene = Scene::new(Vec::new());
    kill_half_way(&scene.proxy, scene.copy(&["--no-resume"]));
    assert!(records(&scene.env).is_empty());
    scene.kill_half_way();
    let before = scene.proxy.received();
    scene.copy(&["--no-resume"]).run().ok();
    at_least(scene.proxy.received() - before, 100);
}

#[test]
fn p08_a_record_that_was_tampered_with_leads_nowhere() {
    let attacker = FaultRegistry::start();
    let elsewhere = format!("http://{}/v2/a/blobs/uploads/1", attacker.host());
    for location in [elsewhere.as_str(), "file:///etc/passwd", "x", ""] {
        let scene = Scene::new(Vec::new());
        scene.kill_half_way();
        for path in records(&scene.env) {
            let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert!(record["location"].as_str().unwrap().contains(UPLOADS), "{record}");
            record["location"] = location.into();
            fs::write(&path, record.to_string()).unwrap();
        }
        at_least(scene.arrives(), 100);
        assert!(attacker.requests().is_empty(), "{location}");
    }
}

#[test]
fn p02_a_torn_record_and_one_of_another_blob_are_no_records() {
    for content in ["", "{", "[]", r#"{"repository":"r.example/a","location":"x"}"#] {
        let scene = Scene::new(Vec::new());
        scene.kill_half_way();
        records(&scene.env).iter().for_each(|path| fs::write(path, content).unwrap());
        at_least(scene.arrives(), 100);
    }
}

#[test]
fn p02_a_wrong_start_is_found_by_the_digest() {
    let scene = Scene::new(Vec::new());
    let layer = scene.env.path("source/blobs/sha256").join(scene.image.layers()[0].hex());
    let right = fs::read(&layer).unwrap();
    let mut wrong = right.clone();
    wrong[1000] ^= 1;
    fs::write(&layer, wrong).unwrap();
    scene.kill_half_way();
    fs::write(&layer, right).unwrap();
    let sent = scene.arrives();
    // What was missing, and then everything.
    at_least(sent, 101);
    at_most(sent, 160);
}

#[test]
fn p11_counts_that_are_wrong_are_found_out() {
    for range in ["0-0", "0-99999999999", "nonsense", "0-7000000"] {
        let answer = format!("204 No Content\r\nRange: {range}\r\n");
        let lie = Rule::on("GET", UPLOADS, Weather::Answer(answer)).times(1);
        let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), lie]);
        scene.arrives();
    }
}

#[test]
fn p11_a_chunk_may_be_answered_by_201() {
    let rewrite = Rule::on("PATCH", UPLOADS, Weather::RewriteStatus(201));
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), rewrite]);
    at_most(scene.arrives(), 105);
}

#[test]
fn p10_the_rest_goes_in_chunks_where_it_must() {
    let refuse = Weather::Answer("413 Payload Too Large\r\n".to_owned());
    let scene = Scene::new(vec![cut("PUT", 2_000_000).times(2), Rule::on("PATCH", UPLOADS, refuse).times(1)]);
    // The refused request is not passed on, so it is not counted.
    at_most(scene.arrives(), 105);
    assert_eq!(scene.asked("PATCH"), 4, "{:#?}", scene.proxy.requests());
}

#[test]
fn p10_an_upload_in_chunks_goes_on_in_the_next_run() {
    let refuse = || Rule::on("PUT", UPLOADS, Weather::Answer("413 Payload Too Large\r\n".to_owned()));
    let scene = Scene::new(vec![refuse().times(2)]);
    scene.kill_half_way();
    assert!(scene.asked("PATCH") >= 1);
    at_most(scene.arrives(), 70);
}

#[test]
fn p16_a_refusal_of_the_rest_is_told_and_what_is_there_is_kept() {
    let refuse = Rule::on("PATCH", UPLOADS, Weather::Answer("403 Forbidden\r\n".to_owned())).times(1);
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), refuse]);
    scene.copy(&[]).run().fails(3).says("403");
    at_most(scene.arrives(), 55);
}

#[test]
fn p17_429_to_the_rest_is_waited_out() {
    let slow_down = Weather::Answer("429 Too Many Requests\r\nRetry-After: 1\r\n".to_owned());
    let scene = Scene::new(vec![cut("PUT", 6_000_000).times(2), Rule::on("PATCH", UPLOADS, slow_down).times(1)]);
    at_most(scene.arrives(), 105);
}

#[test]
fn a_push_right_behind_a_killed_one_waits_for_what_is_on_its_way() {
    let scene = Scene::new(Vec::new());
    scene.proxy.limit_rate(RATE);
    let mut running = scene.copy(&[]).spawn();
    running.wait_until("half of the image", |_| scene.proxy.received() >= SIZE as u64 / 2);
    running.signal(Signal::KILL);
    drop(running.wait());
    scene.copy(&[]).run().ok();
    scene.arrived();
}

#[test]
fn two_pushes_of_one_blob_do_not_mix() {
    let scene = Scene::new(Vec::new());
    scene.kill_half_way();
    scene.proxy.limit_rate(RATE);
    let running: Vec<_> = (0..3).map(|_| scene.copy(&[]).spawn()).collect();
    running.into_iter().for_each(|running| drop(running.wait().ok()));
    scene.arrived();
    assert_eq!(scene.asked("PATCH"), 1, "{:#?}", scene.proxy.requests());
}

/// An image that replaces `before` under its tag, copied to `proxy` until a manifest is under way that `rule` holds; then killed.
fn kill_at_manifest(env: &Env, image: &TestImage, proxy: &FaultProxy) -> Outcome {
    image.write_layout(&env.path("source"), "1");
    let mut running = env.imgctl(["copy", "--all", "oci:source:1", &proxy.reference("a:1")]).spawn();
    running.wait_until("a manifest under way", |_| proxy.struck() > 0);
    running.signal(Signal::KILL);
    running.wait()
}

#[test]
fn p12_p13_a_kill_between_manifests_leaves_the_old_tag_whole() {
    let hold = || Weather::Delay(Duration::from_secs(600));
    let before = TestImage::multi_platform(&["linux/s390x", "linux/riscv64"]);
    let after = TestImage::multi_platform(&["linux/amd64", "linux/arm64"]);
    for passed in 0..3 {
        let (env, registry) = (Env::new(), DockerRegistry::open());
        registry.put_image("a", "1", &before);
        let held = Rule::on("PUT", "/manifests/", hold()).after(passed);
        let proxy = FaultProxy::start(registry.host(), vec![held]);
        assert_eq!(kill_at_manifest(&env, &after, &proxy).signal, Some(9));
        assert!(registry.has_image("a", "1", &before), "after {passed}");
        let again = FaultProxy::start(registry.host(), Vec::new());
        env.imgctl(["copy", "--all", "oci:source:1", &again.reference("a:1")]).run().ok();
        assert!(registry.has_image("a", "1", &after), "after {passed}");
        let puts = again.requests().into_iter().filter(|line| line.starts_with("PUT") && line.contains(UPLOADS));
        assert_eq!(puts.count(), 0, "what was there was sent again");
    }
}

#[test]
fn p14_a_source_that_changes_while_it_is_read_gets_no_tag() {
    let scene = Scene::new(Vec::new());
    scene.proxy.limit_rate(RATE);
    let mut running = scene.copy(&[]).spawn();
    running.wait_until("a part of the image", |_| scene.proxy.received() >= 2_000_000);
    let layer = scene.env.path("source/blobs/sha256").join(scene.image.layers()[0].hex());
    fs::OpenOptions::new().write(true).open(layer).unwrap().set_len(6_000_000).unwrap();
    running.wait().fails(5).says(&scene.image.layers()[0].to_string());
    scene.env.imgctl(["digest", &scene.serve.image("a:1")]).run().fails(4);
}

#[test]
fn what_nobody_goes_on_with_goes_when_something_is_pushed() {
    let scene = Scene::new(Vec::new());
    scene.kill_half_way();
    let [record] = &records(&scene.env)[..] else { panic!("no record") };
    let week = std::time::SystemTime::now() - Duration::from_secs(8 * 24 * 60 * 60);
    fs::File::options().write(true).open(record).unwrap().set_modified(week).unwrap();
    TestImage::small().write_layout(&scene.env.path("other"), "1");
    scene.env.imgctl(["copy", "-q", "oci:other:1", &scene.serve.image("b:1")]).run().ok();
    assert!(!scene.env.store().join("transfers").exists());
}

#[test]
fn an_upload_of_which_nothing_was_sent_is_not_kept() {
    let scene = Scene::new(Vec::new());
    let source = FaultRegistry::start();
    source.put_image("f/bperm-404/a", "1", &scene.image);
    scene.env.imgctl(["copy", &source.reference("f/bperm-404/a:1"), &scene.serve.image("b:1")]).run().fails(4);
    assert!(!scene.env.store().join("transfers").exists());
    // What was sent is, and nothing is left of it when it has arrived.
    scene.kill_half_way();
    assert_eq!(records(&scene.env).len(), 1);
    scene.arrives();
    assert!(!scene.env.store().join("transfers").exists());
}
