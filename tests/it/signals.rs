//! S12: the three signals that ask us to stop, in the middle of a copy.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_proxy::{FaultProxy, Rule, Weather};
use crate::support::image::TestImage;
use crate::support::outcome::assert_within;
use crate::support::run::Running;
use crate::support::token_server::TokenServer;

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// A registry whose blobs stall after a while, and the image in it.
fn stalled() -> (DockerRegistry, FaultProxy, TestImage) {
    let registry = DockerRegistry::open();
    let image = TestImage::of_size(3, 3_000_000);
    registry.put_image("a", "1", &image);
    let proxy = FaultProxy::start(registry.host(), vec![Rule::on("GET", "/blobs/", Weather::Stall(1_000_000))]);
    (registry, proxy, image)
}

fn start(env: &Env, proxy: &FaultProxy, destination: &str) -> Running {
    let copy = env.imgctl(["copy", &proxy.reference("a:1"), destination]).cwd(env.path(""));
    let mut running = copy.spawn();
    running.wait_until("bytes of the layer", |_| proxy.sent() > 500_000);
    running.wait_for_stderr("Copying");
    running
}

#[test]
fn s12_a_signal_stops_a_copy_with_nothing_half_done() {
    let (registry, proxy, image) = stalled();
    for (signal, code) in SIGNALS {
        let env = Env::new();
        let running = start(&env, &proxy, "docker-archive:out.tar");
        let sent = std::time::Instant::now();
        running.signal(signal);
        running.wait().fails(code).says("stopped by SIG");
        assert_within(sent, 2.0);
        let left: Vec<_> = std::fs::read_dir(env.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        // What the next run goes on with is hidden.
        let is_kept = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".out.tar.imgctl-partial");
        assert!(left.iter().all(is_kept), "{left:?}");
        let again = env.imgctl(["copy", "-q", &registry.reference("a:1"), "docker-archive:out.tar"]);
        let again = again.cwd(env.path("")).run().ok();
        assert!(again.stdout_text().contains(&image.digest().to_string()));
    }
}

#[test]
fn s12_a_signal_leaves_the_store_and_a_registry_without_the_name() {
    let (registry, proxy, image) = stalled();
    let env = Env::new();
    for destination in ["store:a:1".to_owned(), registry.reference("b:1")] {
        let running = start(&env, &proxy, &destination);
        running.signal(Signal::INT);
        running.wait().fails(130).within(10.0);
        assert!(registry.tags("b").is_empty());
        env.imgctl(["digest", "store:a:1"]).run().fails(4);
    }
    let name = registry.reference("a:1");
    env.imgctl(["copy", "-q", &name, "store:a:1"]).run().ok();
    let digest = env.imgctl(["digest", "store:a:1"]).run().ok();
    assert_eq!(digest.stdout_text(), format!("{}\n", image.digest()));
}

#[test]
fn s12_signals_that_the_parent_ignores_stay_ignored() {
    let (_registry, proxy, _image) = stalled();
    let env = Env::new();
    let line = format!("trap '' HUP; exec {} copy {} oci:out:1", env!("CARGO_BIN_EXE_imgctl"), proxy.reference("a:1"));
    let mut running = env.tool("bash", ["-c", &line]).cwd(env.path("")).spawn();
    running.wait_for_stderr("Copying");
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    running.wait().fails(143);
}

/// The answer takes longer than anybody waits.
const SILENCE: Weather = Weather::Delay(Duration::from_secs(60));

/// The time in which a command comes to where it waits.
const PAUSE: Duration = Duration::from_millis(150);

/// Where a command is when the signal comes.
struct Phase {
    what: &'static str,
    args: Vec<String>,
    /// Counts how often somebody has come there; without it, time has to tell.
    arrivals: Option<Box<dyn Fn() -> usize>>,
}

impl Phase {
    fn new(what: &'static str, args: &[&str]) -> Self {
        Self { what, args: args.iter().map(|&arg| arg.to_owned()).collect(), arrivals: None }
    }

    /// Starts a command and waits until it hears `signal` and is in this phase.
    fn start(&self, env: &Env, signal: Signal) -> Running {
        let before = self.arrivals.as_ref().map(|arrivals| arrivals());
        let mut running = env.imgctl(&self.args).spawn();
        running.wait_until_it_catches(signal);
        match (&self.arrivals, before) {
            (Some(arrivals), Some(before)) => running.wait_until(self.what, |_| arrivals() > before),
            _ => std::thread::sleep(PAUSE),
        }
        running
    }

    /// Sends each of `signals` to a command in this phase, once and twice.
    fn interrupt(&self, env: &Env, signals: &[(Signal, i32)]) {
        for &signal in signals {
            [false, true].into_iter().for_each(|twice| self.interrupt_once(env, signal, twice));
        }
    }

    fn interrupt_once(&self, env: &Env, (signal, code): (Signal, i32), twice: bool) {
        let running = self.start(env, signal);
        let sent = Instant::now();
        running.signal(signal);
        if twice {
            std::thread::sleep(PAUSE / 5);
            running.try_signal(signal);
        }
        let outcome = running.wait();
        assert_eq!(outcome.code, Some(code), "{}: {}", self.what, outcome.told());
        assert_within(sent, 2.0);
        assert_eq!(outcome.stdout_text(), "", "{}", self.what);
        env.assert_no_leftovers();
    }
}

#[test]
fn s12_every_phase_of_a_transfer_can_be_interrupted() {
    let registry = DockerRegistry::open();
    let image = TestImage::of_size(3, 3_000_000);
    registry.put_image("a", "1", &image);
    for (what, method, path) in [
        ("the manifest is asked for", "", "/manifests/1"),
        ("the blobs are asked for", "GET", "/blobs/sha256"),
        ("an upload is begun", "POST", "/blobs/uploads/"),
        ("an upload is ended", "PUT", "/blobs/uploads/"),
        ("the manifest is put", "PUT", "/manifests/"),
    ] {
        let env = Env::new();
        let proxy = FaultProxy::start(registry.host(), vec![Rule::on(method, path, SILENCE)]);
        image.write_layout(&env.path("given"), "x");
        let to = proxy.reference("to/here:1");
        let from = proxy.reference("a:1");
        let args =
            if matches!(method, "GET" | "") { ["copy", &from, "store:a:1"] } else { ["copy", "oci:given:x", &to] };
        let mut phase = Phase::new(what, &args);
        phase.arrivals = Some(Box::new(move || proxy.struck()));
        phase.interrupt(&env, &SIGNALS);
        assert!(registry.tags("to/here").is_empty(), "{what}");
        assert_eq!(env.imgctl(["images", "-q", "--all"]).run().ok().stdout_text(), "", "{what}");
    }
}

#[test]
fn s12_a_running_upload_can_be_interrupted() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let image = TestImage::of_size(3, 3_000_000);
    image.write_layout(&env.path("given"), "x");
    for signal in SIGNALS {
        for twice in [false, true] {
            // One for each run: what an interrupted one has sent comes on for a while.
            let proxy = FaultProxy::start(registry.host(), Vec::new());
            proxy.limit_rate(100_000);
            let mut phase = Phase::new("an upload runs", &["copy", "oci:given:x", &proxy.reference("slow/here:1")]);
            phase.arrivals = Some(Box::new(move || usize::try_from(proxy.received()).unwrap() / 20_000));
            phase.interrupt_once(&env, signal, twice);
        }
    }
    assert!(registry.tags("slow/here").is_empty());
    env.imgctl(["copy", "-q", "oci:given:x", &registry.reference("slow/here:1")]).run().ok();
    assert!(registry.has_image("slow/here", "1", &image));
}

#[test]
fn s12_waiting_for_a_token_can_be_interrupted() {
    let server = TokenServer::start();
    let (env, registry) = (Env::new(), DockerRegistry::with_tokens(&server));
    server.set(|settings| settings.delay = Duration::from_secs(60));
    Phase::new("a token", &["digest", &registry.reference("a:1")]).interrupt(&env, &SIGNALS);
}

#[test]
fn s12_waiting_for_a_lock_can_be_interrupted() {
    let env = Env::new();
    TestImage::small().write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "-q", "oci:given:x", "store:app:1"]).run().ok();
    let lock = std::fs::File::open(env.store().join("oci-layout")).unwrap();
    lock.lock().unwrap();
    let commands = [&["tag", "app:1", "app:2"][..], &["rmi", "app:1"], &["copy", "oci:given:x", "store:b:1"]];
    for (args, signal) in commands.into_iter().zip(SIGNALS) {
        Phase::new("a lock", args).interrupt(&env, &[signal]);
    }
    drop(lock);
    env.imgctl(["tag", "app:1", "app:2"]).run().ok();
    let names = env.imgctl(["images", "--format", "{{.Repository}}:{{.Tag}}"]).run().ok();
    assert_eq!(names.stdout_text(), "app:1\napp:2\n");
}

#[test]
fn s12_archives_in_pipes_can_be_interrupted() {
    let env = Env::new();
    TestImage::of_size(1, 3_000_000).write_layout(&env.path("given"), "x");
    env.imgctl(["copy", "-q", "oci:given:x", "store:app:1"]).run().ok();
    env.tool("mkfifo", ["pipe"]).run().ok();
    // Both ends are open and nothing comes.
    let pipe = std::fs::File::options().read(true).write(true).open(env.path("pipe")).unwrap();
    let commands = [
        &["load", "-i", "pipe"][..],
        &["copy", "oci-archive:pipe", "store:b:1"],
        &["save", "-o", "pipe", "app:1"],
        &["copy", "store:app:1", "oci-archive:pipe"],
    ];
    for (args, signal) in commands.into_iter().zip(SIGNALS.into_iter().cycle()) {
        Phase::new("a pipe", args).interrupt(&env, &[signal]);
    }
    drop(pipe);
    env.imgctl(["save", "-q", "-o", "out.tar", "app:1"]).run().ok();
}
