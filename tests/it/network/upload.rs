//! Uploads that are cut, lost, refused or answered in odd ways.

use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;
use crate::support::run::Run;

/// A layout to copy from, and a registry with faults to copy to.
struct Push {
    env: Env,
    registry: FaultRegistry,
    image: TestImage,
    repository: String,
}

impl Push {
    /// An image of 300 kB to a repository with `fault`.
    fn to(fault: &str) -> Self {
        Self::of(TestImage::of_size(1, 300_000), fault, FaultRegistry::start())
    }

    /// An image of 5 MB to a repository that takes 4 MiB at a time, in a registry that has `fault` everywhere.
    fn in_chunks(fault: Option<&str>) -> Self {
        let registry = fault.map_or_else(FaultRegistry::start, FaultRegistry::start_with);
        Self::of(TestImage::of_size(1, 5_000_000), "max4m-413", registry)
    }

    fn of(image: TestImage, fault: &str, registry: FaultRegistry) -> Self {
        let env = Env::new();
        image.write_layout(&env.path("source"), "1");
        Self { env, registry, image, repository: format!("f/{fault}") }
    }

    fn command(&self) -> Run {
        let name = self.registry.reference(&format!("{}:1", self.repository));
        self.env.imgctl(["copy", "--idle-timeout", "2s", "oci:source:1", &name])
    }

    fn run(&self) -> Outcome {
        self.command().run()
    }

    /// The image arrives, byte for byte.
    #[track_caller]
    fn arrives(&self) -> Outcome {
        self.arrived(self.run())
    }

    #[track_caller]
    fn arrived(&self, outcome: Outcome) -> Outcome {
        let outcome = outcome.ok();
        assert!(self.registry.has_image(&self.repository, "1", &self.image), "{}", outcome.told());
        self.env.assert_no_leftovers();
        outcome
    }

    /// It fails with `code`, and what the tag meant before it still means.
    #[track_caller]
    fn fails(&self, code: i32) -> Outcome {
        let before = TestImage::small();
        self.registry.put_image(&self.repository, "1", &before);
        let outcome = self.run().fails(code).says("destination").says(&self.registry.host());
        assert!(self.registry.has_image(&self.repository, "1", &before), "{}", outcome.told());
        outcome
    }
}

#[test]
fn p03_a_session_lost_before_its_end_is_begun_anew() {
    let push = Push::to("lostsession");
    push.arrives();
    let statuses = push.registry.statuses("PUT", "/blobs/uploads/");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2, "{statuses:?}");
}

#[test]
fn p06_a_mount_that_lies_is_found_out() {
    let push = Push::to("mountlies");
    push.arrives();
    assert_eq!(push.registry.statuses("PUT", "/manifests/1"), [400, 201]);
}

#[test]
fn p07_a_location_may_be_written_in_any_way() {
    for fault in ["relative", "fragment", "noquery", "nolocation"] {
        Push::to(fault).arrives();
    }
}

#[test]
fn p08_a_location_elsewhere_is_refused() {
    for (fault, push) in [("push", Push::to("push")), ("pushpatch", Push::in_chunks(Some("pushpatch")))] {
        push.fails(6).says("another origin");
        assert!(push.registry.second_requests().is_empty(), "{fault}");
    }
}

#[test]
fn p10_a_limit_on_requests_is_kept_by_chunks() {
    for fault in ["max4m-413", "max4m-416", "minchunk"] {
        let push = Push::of(TestImage::of_size(1, 9_000_000), fault, FaultRegistry::start());
        push.arrives();
        let requests = push.registry.requests().into_iter();
        let taken = requests.filter(|request| request.method == "PATCH" && request.status == 202);
        let chunks: Vec<u64> = taken.map(|request| request.body_len).collect();
        assert!(chunks.iter().all(|chunk| *chunk <= 4 << 20), "{fault}: {chunks:?}");
        assert_eq!(chunks.is_empty(), fault == "minchunk", "{fault}: {chunks:?}");
    }
}

#[test]
fn p11_odd_answers_to_chunks_are_understood() {
    for fault in ["patch201", "rangestuck", "rangeoff", "norange", "relative", "noquery"] {
        Push::in_chunks(Some(fault)).arrives();
    }
}

#[test]
fn p11_odd_statuses_of_what_was_stored_are_understood() {
    for fault in ["putstatus-200", "putstatus-202", "putstatus-204"] {
        Push::to(fault).arrives();
    }
}

#[test]
fn p15_a_registry_that_stored_other_bytes_is_an_error() {
    let push = Push::to("bputdigest");
    push.fails(5);
    let push = Push::to("putdigest");
    push.run().fails(5).says(&push.image.digest().to_string());
}

#[test]
fn p16_a_refusal_in_the_middle_of_a_body_is_heard() {
    for (status, code) in [(403, 3), (400, 1), (507, 1)] {
        let push = Push::of(TestImage::of_size(1, 9_000_000), &format!("early-{status}"), FaultRegistry::start());
        push.fails(code).says("quota exceeded").says(&status.to_string());
        assert!(push.registry.statuses("PUT", "/blobs/uploads/").len() <= 2, "{status}");
    }
}

#[test]
fn p17_429_on_a_manifest_is_waited_out() {
    let push = Push::to("m429put");
    push.arrives();
    assert_eq!(push.registry.statuses("PUT", "/manifests/1"), [429, 201]);
}

#[test]
fn p17_bursts_of_server_errors_are_waited_out() {
    let pushes = ["put5xx-500", "put5xx-503", "bput5xx-502", "bput5xx-503", "post5xx-503", "post5xx-504"].map(Push::to);
    let running: Vec<_> = pushes.iter().map(|push| push.command().spawn()).collect();
    for (push, running) in pushes.iter().zip(running) {
        push.arrived(running.wait());
    }
    Push::in_chunks(Some("patch5xx-503")).arrives();
}

#[test]
fn p17_a_token_that_is_refused_at_the_end_is_renewed() {
    let push = Push::to("put401");
    push.registry.demand_token();
    push.arrives();
}

#[test]
fn p12_a_registry_that_takes_nothing_keeps_its_tag() {
    let push = Push::to("readonly");
    push.fails(1).says("405");
    assert!(push.registry.statuses("PUT", "/").is_empty());
}

#[test]
fn p17_a_registry_that_stays_ill_is_given_up_after_as_many_tries_as_allowed() {
    let push = Push::to("perm-503");
    let name = push.registry.reference("f/perm-503:1");
    let outcome = push.env.imgctl(["copy", "--retries", "2", "oci:source:1", &name]).run().fails(7);
    outcome.says("503").says("3 tries").within(8.0);
    // Two blobs, a mount and an upload each, three times.
    let posts = push.registry.statuses("POST", "/blobs/uploads/");
    assert!(posts.len() <= 12, "{posts:?}");
}
