//! What the tasks need from Debian: found, or installed when we are root.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{run, succeeds, which};

/// A program and the Debian package that has it.
type Program = (&'static str, &'static str);

/// What `cargo xtask test` needs.
pub(crate) const FOR_TESTS: &[Program] = &[
    ("docker-registry", "docker-registry"),
    ("skopeo", "skopeo"),
    ("umoci", "umoci"),
    ("podman", "podman"),
    ("buildah", "buildah"),
    ("dockerd", "docker.io"),
    ("containerd", "containerd"),
    ("curl", "curl"),
    ("chromium", "chromium"),
    ("nginx", "nginx-light"),
    ("htpasswd", "apache2-utils"),
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("dbus-run-session", "dbus"),
    ("secret-tool", "libsecret-tools"),
    ("strace", "strace"),
    ("zstd", "zstd"),
    ("xz", "xz-utils"),
    ("bzip2", "bzip2"),
];

/// What `cargo xtask bench` needs.
pub(crate) const FOR_BENCH: &[Program] =
    &[("docker-registry", "docker-registry"), ("skopeo", "skopeo"), ("curl", "curl")];

/// What it needs besides to count instructions.
pub(crate) const FOR_INSTRUCTIONS: &[Program] = &[("valgrind", "valgrind")];

/// Makes sure that the programs are there.
pub(crate) fn ensure(programs: &[Program]) -> Result<()> {
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| which(program).is_none()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root()? || which("apt-get").is_none() {
        bail!("please install what is missing: sudo apt-get install -y --no-install-recommends {}", missing.join(" "));
    }
    let quiet = NoServices::start()?;
    let installed = install(&missing);
    quiet.stop()?;
    installed
}

fn install(packages: &[&str]) -> Result<()> {
    run(&mut apt(&["update", "-q"]))?;
    let mut command = apt(&["install", "-q", "-y", "--no-install-recommends"]);
    run(command.args(packages))
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// While this lasts, packages do not start their services: docker-registry would take port 5000, nginx port 80.
/// See [invoke-rc.d(8)](https://manpages.debian.org/bookworm/init-system-helpers/invoke-rc.d.8.en.html).
struct NoServices {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn start() -> Result<Self> {
        let ours = !Path::new(POLICY).exists();
        if ours {
            std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
            succeeds(Command::new("chmod").args(["755", POLICY]));
        }
        Ok(Self { ours })
    }

    fn stop(self) -> Result<()> {
        if self.ours {
            std::fs::remove_file(POLICY)?;
        }
        Ok(())
    }
}
