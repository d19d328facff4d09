//! What reaches the two streams and the shell, whatever happens.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};

use serde_json::Value;

use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

/// Runs a shell line with `imgctl` in it.
fn shell(env: &Env, line: &str) -> Outcome {
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_imgctl")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.display());
    env.tool("bash", ["-c", &format!("set -o pipefail; {line}")]).env("PATH", path).cwd(env.path("")).run()
}

fn pulled(env: &Env) -> String {
    let registry = DockerRegistry::open();
    registry.put_image("a", "1", &TestImage::of_size(7, 3_000_000));
    let name = registry.reference("a:1");
    env.imgctl(["pull", "-q", &name]).run().ok();
    name
}

#[test]
fn s13_a_closed_stdout_is_no_error() {
    let env = Env::new();
    let name = pulled(&env);
    for line in [
        format!("imgctl inspect store:{name} | true"),
        "imgctl man | head -1".to_owned(),
        format!("imgctl save -q {name} | head -c 10 >/dev/null"),
        format!("imgctl copy -q store:{name} docker-archive:- | true"),
    ] {
        let outcome = shell(&env, &line).ok();
        assert_eq!(outcome.stderr, "", "{line}");
    }
}

#[test]
fn s19_a_full_disk_behind_stdout_is_an_error() {
    let env = Env::new();
    let name = pulled(&env);
    shell(&env, &format!("imgctl inspect store:{name} > /dev/full")).fails(8).says("No space left");
    shell(&env, &format!("imgctl save {name} > /dev/full")).fails(8).says("No space left");
    shell(&env, &format!("imgctl save -o /dev/full {name}")).fails(8).says("No space left");
}

#[test]
fn s19_save_writes_through_links_and_fifos_and_refuses_directories() {
    let env = Env::new();
    let name = pulled(&env);
    fs::write(env.path("real.tar"), "old").unwrap();
    std::os::unix::fs::symlink("real.tar", env.path("link.tar")).unwrap();
    shell(&env, &format!("imgctl save -q -o link.tar {name}")).ok();
    assert!(fs::symlink_metadata(env.path("link.tar")).unwrap().is_symlink());
    assert!(fs::metadata(env.path("real.tar")).unwrap().len() > 3_000_000);

    shell(&env, &format!("mkfifo fifo; (cat fifo > copy.tar) & imgctl save -q -o fifo {name} && wait")).ok();
    assert!(fs::symlink_metadata(env.path("fifo")).unwrap().file_type().is_fifo());
    assert_eq!(fs::read(env.path("copy.tar")).unwrap(), fs::read(env.path("real.tar")).unwrap());

    shell(&env, &format!("imgctl save -o . {name}")).fails(8).says("directory");
    shell(&env, &format!("imgctl save -o missing/x.tar {name}")).fails(8).says("missing");
}

#[test]
fn u01_exit_codes_say_what_class_of_failure_it_was() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    let locked = DockerRegistry::with_password("user", "pass");
    registry.put_image("a", "1", &TestImage::small());
    let (here, missing) = (registry.reference("a:1"), registry.reference("a:2"));
    let blocked = env.path("file").display().to_string();
    fs::write(&blocked, "no directory").unwrap();
    let under_a_file = format!("oci:{blocked}/x");
    let table: [(&[&str], i32); 7] = [
        (&["digest", &here], 0),
        (&["digest", "Not A Name"], 2),
        (&["copy", &here], 2),
        (&["digest", &locked.reference("a:1")], 3),
        (&["digest", &missing], 4),
        (&["digest", "--retries", "0", "127.0.0.1:1/a"], 7),
        (&["copy", &here, &under_a_file], 8),
    ];
    for (args, code) in table {
        let outcome = env.imgctl(args).run().fails(code);
        assert_eq!(outcome.stderr.is_empty(), code == 0, "{}", outcome.told());
    }
}

#[test]
fn u02_json_stays_valid_under_failure() {
    let (env, registry) = (Env::new(), DockerRegistry::open());
    registry.put_image("a", "1", &TestImage::small());
    let (here, missing, to) = (registry.reference("a:1"), registry.reference("a:2"), registry.reference("b:1"));
    let events = |outcome: &Outcome| -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {}", outcome.told()));
        outcome.stderr.lines().map(parse).collect()
    };
    let done = events(&env.imgctl(["copy", "--progress", "json", &here, &to]).run().ok());
    assert_eq!(done[0]["event"], "planned");
    assert_eq!(done.last().unwrap()["event"], "done");

    let failed = events(&env.imgctl(["copy", "--progress", "json", &missing, &to]).run().fails(4));
    let last = failed.last().unwrap();
    assert_eq!((&last["event"], &last["class"], &last["exit_code"]), (&"error".into(), &"not-found".into(), &4.into()));
    assert_eq!(last["host"], registry.host());
    assert_eq!(last["side"], "source");

    let pulled = events(&env.imgctl(["pull", "-v", "--trace", "--progress", "json", &here]).run().ok());
    assert!(pulled.iter().any(|event| event["event"] == "message"));

    let nonsense = events(&env.imgctl(["copy", "--progress", "json", "only-one"]).run().fails(2));
    assert_eq!(nonsense.last().unwrap()["class"], "usage");
}

#[test]
fn u03_progress_is_plain_lines_without_a_capable_terminal() {
    let env = Env::new();
    let name = pulled(&env);
    let copy = |out: &str| format!("imgctl copy store:{name} oci:{out}:1");
    // `script` gives a terminal; its output has what we wrote, with CR LF.
    let on_terminal = |variables: &str, columns: u32, out: &str| {
        let line = format!("script -qec 'stty rows 24 cols {columns}; {variables} {}' /dev/null", copy(out));
        shell(&env, &line).ok().stdout_text().replace('\r', "")
    };
    let dumb = on_terminal("TERM=dumb", 80, "a");
    assert!(!dumb.contains('\u{1b}') && dumb.contains(": Copying\n"), "{dumb:?}");
    let plain = on_terminal("TERM=xterm IMGCTL_PROGRESS=plain", 80, "b");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let narrow = on_terminal("TERM=xterm NO_COLOR=1", 20, "c");
    assert!(!narrow.contains("\u{1b}[3"), "colours: {narrow:?}");
    assert!(narrow.contains(": Copied\n"), "{narrow:?}");
    let none = shell(&env, &format!("{} --progress none", copy("d"))).ok();
    assert_eq!(none.stderr.lines().count(), 1, "{}", none.told());
}

#[test]
fn d11_what_servers_say_is_escaped() {
    let (env, registry) = (Env::new(), FaultRegistry::start());
    let outcome = env.imgctl(["digest", &registry.reference("f/escerr:1")]).run();
    assert!(outcome.code != Some(0), "{}", outcome.told());
    assert!(!outcome.stderr.contains(['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}']), "{}", outcome.told());
}

#[test]
fn s18_a_file_that_was_there_stays_when_saving_fails() {
    let env = Env::new();
    let name = pulled(&env);
    let file = env.path("old.tar");
    fs::write(&file, "old").unwrap();
    shell(&env, &format!("ulimit -f 100; trap '' XFSZ; imgctl save -q -o old.tar {name}")).fails(8);
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    fs::set_permissions(env.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(fs::read_dir(env.path("")).unwrap().count(), 1, "a partial file was left");
}
