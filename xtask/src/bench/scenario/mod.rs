//! What is measured: for each scenario the command line of each tool.

mod far;
mod near;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::corpus::Part;

/// Work that every tool does in its own words.
pub(crate) struct Scenario {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) about: &'static str,
    /// What it is done with: `{image}` is its repository.
    pub(crate) part: Part,
    /// What must be fresh for each run.
    pub(crate) fresh: Fresh,
    /// What is in front of the registry `{a}`.
    pub(crate) front: Front,
    /// How often a tool does it for one sample.
    pub(crate) runs: u32,
    /// Source and destination that must be the same afterwards.
    pub(crate) copies: Option<(&'static str, &'static str)>,
    /// Whether a first run is killed when half of the image has arrived; the second one is measured.
    pub(crate) killed: bool,
    /// Tools and their command lines.
    pub(crate) commands: &'static [(&'static str, &'static str)],
    /// Those who do not do quite the same: the standards to measure by.
    pub(crate) standards: &'static [(&'static str, &'static str)],
}

/// What a run must not find.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// It leaves nothing behind, or writes where nothing is.
    Nothing,
    /// The directory `{out}` is empty.
    Files,
    /// The registry `{b}` is empty.
    Registry,
}

/// What a client of the registry `{a}` talks to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// The registry itself.
    Nothing,
    /// The registry with TLS.
    Tls,
    /// A line that counts bytes.
    Counter,
    /// A line of so many milliseconds and megabits a second.
    Line(u64, u32),
}

/// What the `{…}` in command lines and references stand for.
pub(crate) struct Words {
    /// `{a}`: the registry that holds the corpus, or what is in front of it.
    pub(crate) a: String,
    /// `{b}`: the other registry.
    pub(crate) b: String,
    /// `{image}`: the repository.
    pub(crate) image: &'static str,
    /// `{blob}`: the digest of the image's first layer.
    pub(crate) blob: String,
    /// `{layout}`: an OCI layout with the image `1`, the same as `{a}/big:1`.
    pub(crate) layout: PathBuf,
    /// `{certificates}`: a directory with `ca.crt`.
    pub(crate) certificates: PathBuf,
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
pub(crate) const TOOLS: [&str; 7] = ["imgctl", "skopeo", "crane", "regctl", "curl", "true", FLOOR];

/// Raw sockets: `cargo xtask floor`.
pub(crate) const FLOOR: &str = "floor";

/// Who does the same as imgctl. The others are standards.
pub(crate) const PEERS: [&str; 4] = ["skopeo", "crane", "regctl", "docker-registry"];

const PLAIN: Scenario = Scenario {
    name: "",
    about: "",
    part: Part::Medium,
    fresh: Fresh::Nothing,
    front: Front::Nothing,
    runs: 1,
    copies: None,
    killed: false,
    commands: &[],
    standards: &[],
};

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    near::MOVING.iter().chain(near::ASKING).chain(far::SCENARIOS).chain(near::LARGE)
}

const PULL: &[(&str, &str)] = &[
    ("imgctl", "imgctl copy {a}/{image}:1 oci:{out}/layout:1"),
    ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/{image}:1 oci:{out}/layout:1"),
    ("crane", "crane pull --format=oci {a}/{image}:1 {out}/layout"),
    ("regctl", "regctl --host reg={a},tls=disabled image copy {a}/{image}:1 ocidir://{out}/layout:1"),
];

const COPY: &[(&str, &str)] = &[
    ("imgctl", "imgctl copy {a}/{image}:1 {b}/{image}:1"),
    (
        "skopeo",
        "skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://{a}/{image}:1 docker://{b}/{image}:1",
    ),
    ("crane", "crane copy {a}/{image}:1 {b}/{image}:1"),
    ("regctl", "regctl --host reg={a},tls=disabled --host reg={b},tls=disabled image copy {a}/{image}:1 {b}/{image}:1"),
];

const MOUNT: &[(&str, &str)] = &[
    ("imgctl", "imgctl copy {a}/{image}:1 {a}/copies/{tool}-{round}:1"),
    (
        "skopeo",
        "skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://{a}/{image}:1 \
         docker://{a}/copies/{tool}-{round}:1",
    ),
    ("crane", "crane copy {a}/{image}:1 {a}/copies/{tool}-{round}:1"),
    ("regctl", "regctl --host reg={a},tls=disabled image copy {a}/{image}:1 {a}/copies/{tool}-{round}:1"),
];

/// Where [`MOUNT`] copies to.
const MOUNTED: Option<(&str, &str)> = Some(("{a}/{image}:1", "{a}/copies/{tool}-{round}:1"));

impl Scenario {
    /// The tool's command line, where it can do this.
    pub(crate) fn command(&self, tool: &str) -> Option<&'static str> {
        self.lines().find(|(name, _)| *name == tool).map(|(_, command)| *command)
    }

    /// Every tool and its command line.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        self.commands.iter().chain(self.standards)
    }
}

impl Words {
    /// The command as a process. `NAME=VALUE` in front of it is as in a shell; an `each:` command becomes a loop of the shell.
    pub(crate) fn command(&self, program: &Path, line: &str) -> Command {
        let is_each = line.starts_with(EACH);
        let line = self.text(line.strip_prefix(EACH).unwrap_or(line)).replace("{i}", "$i");
        let is_variable = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains('=');
        let words: Vec<&str> = line.split_whitespace().collect();
        let variables = words.iter().take_while(|word| is_variable(word)).count();
        let arguments = &words[variables + 1..];
        let mut command = Command::new(if is_each { Path::new("sh") } else { program });
        command.envs(words[..variables].iter().filter_map(|word| word.split_once('=')));
        if is_each {
            let (count, arguments) = (self.images, arguments.join(" "));
            let script = format!("for i in $(seq {count}); do \"$0\" {arguments} || exit 1; done");
            command.arg("-c").arg(script).arg(program);
        } else {
            command.args(arguments);
        }
        command
    }

    /// `text` with the words put in.
    pub(crate) fn text(&self, text: &str) -> String {
        text.replace("{a}", &self.a)
            .replace("{b}", &self.b)
            .replace("{image}", self.image)
            .replace("{blob}", &self.blob)
            .replace("{layout}", &self.layout.display().to_string())
            .replace("{certificates}", &self.certificates.display().to_string())
            .replace("{out}", &self.out.display().to_string())
            .replace("{tool}", self.tool)
            .replace("{round}", &self.round.to_string())
    }
}

/// What a command line begins with that runs once for each small image.
pub(crate) const EACH: &str = "each: ";
