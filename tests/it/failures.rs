//! What a script sees of a failure: the exit code, and JSON that stays JSON.

use std::fs;

use serde_json::Value;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

/// The events on standard error; every line is one.
fn events(outcome: &Outcome) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", outcome.told()));
    let events: Vec<Value> = outcome.stderr.lines().map(parse).collect();
    assert!(events.iter().all(|event| event["event"].is_string()), "{}", outcome.told());
    events
}

#[test]
fn u01_every_class_of_failure_has_its_code() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let image = TestImage::of_size(1, 10_000);
    // Images that have nothing in common, so that none is at the destination already.
    let fault = |name: &str| {
        let repository = format!("f/{name}");
        registry.put_image(&repository, "1", &TestImage::of_size(name.len() as u64 + 100, 10_000));
        registry.reference(&format!("{repository}:1"))
    };
    image.write_layout(&env.path("future"), "x");
    fs::write(env.path("future/oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    let locked = DockerRegistry::with_password("user", "pass");
    let file = env.write("file", "x");
    let good = fault("nodcd");
    let table = [
        (0, good.clone(), "oci:out:0".to_owned()),
        (1, "oci:future:x".to_owned(), "oci:out:1".to_owned()),
        (2, good.clone(), "oci:out:not a name".to_owned()),
        (3, locked.reference("a:1"), "oci:out:3".to_owned()),
        (3, good.clone(), locked.reference("a:1")),
        (4, fault("perm"), "oci:out:4".to_owned()),
        (4, "oci:nowhere".to_owned(), "oci:out:4".to_owned()),
        (5, fault("corrupt"), "oci:out:5".to_owned()),
        (6, fault("redirfile"), "oci:out:6".to_owned()),
        (7, fault("resetever"), "oci:out:7".to_owned()),
        (8, good, format!("oci:{}/x", file.display())),
        (9, fault("m429huge"), "oci:out:9".to_owned()),
    ];
    for (code, from, to) in table {
        let outcome = env.imgctl(["copy", "--retries", "1", &from, &to]).run().fails(code);
        assert!(code == 0 || outcome.stdout.is_empty(), "{}", outcome.told());
        assert!(code == 0 || !outcome.stderr.is_empty(), "{}", outcome.told());
    }
    assert_eq!(env.imgctl(["tags", "oci:out"]).run().ok().stdout_text(), "0\n");
}

#[test]
fn u02_json_stays_json_under_a_dozen_faults() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let image = TestImage::of_size(1, 200_000);
    // Fault, class, and whether it is about one blob.
    let table = [
        ("resetever", "network", true),
        ("stallever", "network", true),
        ("stallhdrever", "network", true),
        ("shortclever", "mismatch", true),
        ("corrupt", "mismatch", true),
        ("infinite", "mismatch", true),
        ("bperm-404", "not-found", true),
        ("bperm-403", "denied", true),
        ("perm-404", "not-found", false),
        ("perm-403", "denied", false),
        ("m429huge", "rate-limited", false),
        ("html200", "mismatch", false),
        ("wrongdcd", "mismatch", false),
        ("ambig-1", "mismatch", false),
        ("negsize", "mismatch", false),
        ("deepjson", "mismatch", false),
        ("mbomb", "mismatch", false),
        ("escerr-403", "denied", false),
        ("redirfile", "unsafe", true),
        ("redirloop", "network", true),
    ];
    for (fault, class, is_about_a_blob) in table {
        let repository = format!("f/{fault}");
        registry.put_image(&repository, "1", &image);
        let name = registry.reference(&format!("{repository}:1"));
        let flags = ["--progress", "json", "--retries", "1", "--idle-timeout", "300ms"];
        let outcome = env.imgctl(["copy", &name, "oci:out:x"]).args(flags).run();
        let events = events(&outcome);
        let (last, earlier) = events.split_last().unwrap();
        assert_eq!((&last["event"], &last["class"]), (&"error".into(), &class.into()), "{fault}: {}", outcome.told());
        assert_eq!(last["exit_code"], outcome.code.unwrap(), "{fault}");
        assert_eq!(last["host"], registry.host(), "{fault}: {}", outcome.told());
        assert_eq!(last["side"], "source", "{fault}");
        assert!(earlier.iter().all(|event| event["event"] != "error"), "{fault}: {}", outcome.told());
        let digest: Option<imgctl::oci::Digest> = last["digest"].as_str().map(|digest| digest.parse().unwrap());
        assert!(!is_about_a_blob || image.blobs.contains_key(&digest.unwrap()), "{fault}: {}", outcome.told());
        assert_eq!(outcome.stdout_text(), "", "{fault}");
    }
    assert!(!env.path("out/index.json").exists() || env.imgctl(["tags", "oci:out"]).run().ok().stdout.is_empty());
}

#[test]
fn u02_json_stays_json_when_a_push_fails() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    TestImage::of_size(1, 2_000_000).write_layout(&env.path("given"), "x");
    for (fault, class) in
        [("readonly-403", "denied"), ("readonly-405", "unsupported"), ("push", "unsafe"), ("early", "denied")]
    {
        let name = registry.reference(&format!("f/{fault}:1"));
        let outcome = env.imgctl(["copy", "--progress", "json", "--retries", "1", "oci:given:x", &name]).run();
        let last = events(&outcome).pop().unwrap();
        assert_eq!((&last["event"], &last["class"]), (&"error".into(), &class.into()), "{fault}: {}", outcome.told());
        assert_eq!((&last["host"], &last["side"]), (&registry.host().into(), &"destination".into()), "{fault}");
    }
}

#[test]
fn u02_every_command_that_moves_speaks_json() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    registry.put_image("a", "1", &TestImage::small());
    let (name, to) = (registry.reference("a:1"), registry.reference("b:1"));
    let commands: [&[&str]; 8] = [
        &["pull", &name],
        &["push", &name, &to],
        &["save", "-o", "a.tar", &name],
        &["load", "-i", "a.tar"],
        &["copy", &name, "oci:out"],
        &["copy", "--dry-run", &name, &to],
        &["tag", &name, "app"],
        &["rmi", "app"],
    ];
    for command in commands {
        events(&env.imgctl(command).args(["--progress", "json", "-v", "--trace"]).run().ok());
    }
    for command in [
        &["pull", "127.0.0.1:1/x"][..],
        &["push", "nothing"],
        &["save", "nothing", "--pull", "never"],
        &["load", "-i", "no.tar"],
    ] {
        let outcome = env.imgctl(command).args(["--progress", "json", "--retries", "0"]).run();
        let last = events(&outcome).pop().unwrap();
        assert_eq!(last["exit_code"], outcome.code.unwrap(), "{}", outcome.told());
        assert!(outcome.code != Some(0));
    }
}
