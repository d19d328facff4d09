//! The scenarios: what is done, and with which command line by which tool. `--show` prints them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One piece of work that several tools can do.
pub(crate) struct Scenario {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) about: &'static str,
    /// What each run finds at its destination.
    pub(crate) fresh: Fresh,
    /// How often the command runs for one sample: short ones need many runs.
    pub(crate) runs: u32,
    /// Two references that must be the same image afterwards.
    pub(crate) copies: Option<(&'static str, &'static str)>,
    /// imgctl must stay under this many MiB.
    pub(crate) peak_limit: Option<u64>,
    /// Tool and command line; see [`Words`] for what stands in braces.
    pub(crate) commands: &'static [(&'static str, &'static str)],
}

/// What is made anew before each run.
#[derive(PartialEq, Eq)]
pub(crate) enum Fresh {
    /// Nothing.
    Nothing,
    /// `{out}` is empty; the image's files go there.
    Files,
    /// The registry `{b}` is empty and was just started.
    Registry,
}

/// What the words in braces stand for.
pub(crate) struct Words {
    /// `{a}`: the registry that holds the corpus.
    pub(crate) a: String,
    /// `{b}`: the other registry.
    pub(crate) b: String,
    /// `{layout}`: an OCI layout with the image `1`, the same as `{a}/big:1`.
    pub(crate) layout: PathBuf,
    /// `{out}`: a directory for files.
    pub(crate) out: PathBuf,
    /// `{tool}`: the tool's name.
    pub(crate) tool: &'static str,
    /// `{round}`: the round, 0 for the warm-up.
    pub(crate) round: usize,
    /// How often a command that begins with `each:` runs, `{i}` being 1, 2, 3, …
    pub(crate) images: usize,
}

/// Who takes part, in the order of each round.
pub(crate) const TOOLS: [&str; 4] = ["imgctl", "skopeo", "crane", "regctl"];

const PLAIN: Scenario =
    Scenario { name: "", about: "", fresh: Fresh::Nothing, runs: 1, copies: None, peak_limit: None, commands: &[] };

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "pull",
        about: "8 layers of 128 MiB, registry to OCI layout",
        fresh: Fresh::Files,
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 oci:{out}/layout:1"),
            ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/big:1 oci:{out}/layout:1"),
            ("crane", "crane pull --format=oci {a}/big:1 {out}/layout"),
            ("regctl", "regctl --host reg={a},tls=disabled image copy {a}/big:1 ocidir://{out}/layout:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "copy",
        about: "8 layers of 128 MiB, registry to registry",
        fresh: Fresh::Registry,
        copies: Some(("{a}/big:1", "{b}/big:1")),
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 {b}/big:1"),
            (
                "skopeo",
                "skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://{a}/big:1 docker://{b}/big:1",
            ),
            ("crane", "crane copy {a}/big:1 {b}/big:1"),
            ("regctl", "regctl --host reg={a},tls=disabled --host reg={b},tls=disabled image copy {a}/big:1 {b}/big:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "push",
        about: "8 layers of 128 MiB, OCI layout to registry (crane does not verify what it reads)",
        fresh: Fresh::Registry,
        copies: Some(("{a}/big:1", "{b}/big:1")),
        commands: &[
            ("imgctl", "imgctl copy oci:{layout}:1 {b}/big:1"),
            ("skopeo", "skopeo copy --dest-tls-verify=false oci:{layout}:1 docker://{b}/big:1"),
            ("crane", "crane push {layout} {b}/big:1"),
            ("regctl", "regctl --host reg={b},tls=disabled image copy ocidir://{layout}:1 {b}/big:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "docker-archive",
        about: "8 layers of 128 MiB, registry to a tar as docker save writes it (skopeo decompresses the layers)",
        fresh: Fresh::Files,
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 docker-archive:{out}/big.tar:big:1"),
            ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/big:1 docker-archive:{out}/big.tar:big:1"),
            ("crane", "crane pull {a}/big:1 {out}/big.tar"),
            ("regctl", "regctl --host reg={a},tls=disabled image export {a}/big:1 {out}/big.tar"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "oci-archive",
        about: "8 layers of 128 MiB, registry to an OCI layout in a tar (crane has none)",
        fresh: Fresh::Files,
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 oci-archive:{out}/big.tar:1"),
            ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/big:1 oci-archive:{out}/big.tar:1"),
            ("regctl", "regctl --host reg={a},tls=disabled image export {a}/big:1 {out}/big.tar"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "mount",
        about: "8 layers of 128 MiB, to another repository of the same registry (skopeo with a warm location cache)",
        copies: Some(("{a}/big:1", "{a}/copies/{tool}-{round}:1")),
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 {a}/copies/{tool}-{round}:1"),
            (
                "skopeo",
                "skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://{a}/big:1 \
                 docker://{a}/copies/{tool}-{round}:1",
            ),
            ("crane", "crane copy {a}/big:1 {a}/copies/{tool}-{round}:1"),
            ("regctl", "regctl --host reg={a},tls=disabled image copy {a}/big:1 {a}/copies/{tool}-{round}:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "small",
        about: "200 small images, the tags of one repository, registry to registry (regctl: a command for each)",
        fresh: Fresh::Registry,
        copies: Some(("{a}/small:2", "{b}/{tool}/small:2")),
        commands: SMALL,
        ..PLAIN
    },
    Scenario {
        name: "small-again",
        about: "the same, all of it there already",
        copies: Some(("{a}/small:2", "{b}/{tool}/small:2")),
        commands: SMALL,
        ..PLAIN
    },
    Scenario {
        name: "tags",
        about: "list 5,000 tags",
        runs: 10,
        commands: &[
            ("imgctl", "imgctl tags {a}/tags"),
            ("skopeo", "skopeo list-tags --tls-verify=false docker://{a}/tags"),
            ("crane", "crane ls {a}/tags"),
            ("regctl", "regctl --host reg={a},tls=disabled tag ls {a}/tags"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "digest",
        about: "digest of one tag",
        runs: 10,
        commands: &[
            ("imgctl", "imgctl digest {a}/big:1"),
            ("skopeo", "skopeo inspect --tls-verify=false --no-tags --format {{.Digest}} docker://{a}/big:1"),
            ("crane", "crane digest {a}/big:1"),
            ("regctl", "regctl --host reg={a},tls=disabled image digest {a}/big:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "start",
        about: "start-up: print the version",
        runs: 20,
        commands: &[
            ("imgctl", "imgctl version"),
            ("skopeo", "skopeo --version"),
            ("crane", "crane version"),
            ("regctl", "regctl version"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "huge",
        about: "one layer of 2 GiB, registry to registry",
        fresh: Fresh::Registry,
        copies: Some(("{a}/huge:1", "{b}/huge:1")),
        peak_limit: Some(24),
        commands: &[
            ("imgctl", "imgctl copy {a}/huge:1 {b}/huge:1"),
            (
                "skopeo",
                "skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://{a}/huge:1 docker://{b}/huge:1",
            ),
            ("crane", "crane copy {a}/huge:1 {b}/huge:1"),
            (
                "regctl",
                "regctl --host reg={a},tls=disabled --host reg={b},tls=disabled image copy {a}/huge:1 {b}/huge:1",
            ),
        ],
        ..PLAIN
    },
];

const SMALL: &[(&str, &str)] = &[
    ("imgctl", "imgctl copy --all-tags {a}/small {b}/{tool}/small"),
    (
        "skopeo",
        "skopeo sync --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false {a}/small {b}/{tool}",
    ),
    ("crane", "crane copy --all-tags --jobs 16 {a}/small {b}/{tool}/small"),
    (
        "regctl",
        "each: regctl --host reg={a},tls=disabled --host reg={b},tls=disabled image copy {a}/small:{i} \
         {b}/{tool}/small:{i}",
    ),
];

impl Scenario {
    /// The tool's command line, where it can do this.
    pub(crate) fn command(&self, tool: &str) -> Option<&'static str> {
        self.commands.iter().find(|(name, _)| *name == tool).map(|(_, command)| *command)
    }
}

impl Words {
    /// The command as a process. An `each:` command becomes a loop of the shell.
    pub(crate) fn command(&self, program: &Path, line: &str) -> Command {
        let Some(line) = line.strip_prefix(EACH) else {
            let mut command = Command::new(program);
            command.args(self.text(line).split_whitespace().skip(1));
            return command;
        };
        let line = self.text(line).replace("{i}", "$i");
        let arguments = line.split_once(' ').map_or("", |(_, arguments)| arguments);
        let mut command = Command::new("sh");
        let script = format!("for i in $(seq {}); do \"$0\" {arguments} || exit 1; done", self.images);
        command.arg("-c").arg(script).arg(program);
        command
    }

    /// `text` with the words put in.
    pub(crate) fn text(&self, text: &str) -> String {
        text.replace("{a}", &self.a)
            .replace("{b}", &self.b)
            .replace("{layout}", &self.layout.display().to_string())
            .replace("{out}", &self.out.display().to_string())
            .replace("{tool}", self.tool)
            .replace("{round}", &self.round.to_string())
    }
}

/// What a command line begins with that runs once for each small image.
pub(crate) const EACH: &str = "each: ";
