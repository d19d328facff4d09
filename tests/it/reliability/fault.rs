//! The faults of the matrix: what the fault registry calls them, and what a person would.

use super::trial::Command;

/// What goes wrong.
pub struct Fault {
    /// The repository's fault, see `support::fault_registry`.
    pub name: &'static str,
    /// What it is.
    pub words: &'static str,
    /// Where it strikes.
    pub direction: Direction,
}

/// Who meets a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Commands that read from a registry.
    Read,
    /// Commands that write to a registry.
    Write,
}

impl Fault {
    const fn read(name: &'static str, words: &'static str) -> Self {
        Self { name, words, direction: Direction::Read }
    }

    const fn write(name: &'static str, words: &'static str) -> Self {
        Self { name, words, direction: Direction::Write }
    }

    /// The commands that may meet it.
    pub fn commands(&self) -> &'static [Command] {
        self.direction.commands()
    }
}

impl Direction {
    /// The commands that go this way.
    pub fn commands(self) -> &'static [Command] {
        match self {
            Self::Read => &[Command::Pull, Command::CopyToLayout, Command::CopyToArchive, Command::CopyOn],
            Self::Write => &[Command::Push, Command::CopyFromLayout, Command::CopyFromRegistry],
        }
    }
}

/// All of them, in the order of the page.
pub const FAULTS: &[Fault] = &[
    Fault::read("reset", "the connection is reset in the middle of a blob"),
    Fault::read("eof", "the connection ends in the middle of a blob"),
    Fault::read("resetever", "every connection is reset in the middle of what is left"),
    Fault::read("shortcl", "a blob is shorter than it is, and `Content-Length` agrees, once"),
    Fault::read("shortclever", "the same, always"),
    Fault::read("range200", "reset, then `Range` is ignored"),
    Fault::read("wrongcr-0", "reset, then `Content-Range` says another place"),
    Fault::read("lyingcr", "reset, then the rest has a flipped bit, once"),
    Fault::read("r416", "reset, then 416"),
    Fault::read("r401", "reset, then 401"),
    Fault::read("corruptonce", "a bit is flipped, once"),
    Fault::read("corrupt", "a bit is flipped, always"),
    Fault::read("stall", "the body stalls"),
    Fault::read("stallhdr", "no answer comes"),
    Fault::read("nocl", "no `Content-Length`"),
    Fault::read("infinite", "the body never ends"),
    Fault::read("wrongdcd", "`Docker-Content-Digest` is another manifest's"),
    Fault::read("mediatype", "`Content-Type` is an index's"),
    Fault::read("html-manifest", "a page for people in the place of the manifest"),
    Fault::read("html-blob", "a page for people in the place of a blob"),
    Fault::read("m429s", "429 with `Retry-After: 2`"),
    Fault::read("m429huge", "429 with a `Retry-After` of three years"),
    Fault::read("m5xx-503", "503 twice for the manifest"),
    Fault::read("b5xx-502", "502 twice for each blob"),
    Fault::read("bperm-404", "404 for the blobs"),
    Fault::read("bperm-403", "403 for the blobs"),
    Fault::read("redir", "blobs are at another origin"),
    Fault::read("redirfile", "blobs are at `file:///etc/passwd`"),
    Fault::read("dupkey", "a key of the manifest stands there twice"),
    Fault::read("wrongsize", "the manifest says a wrong size of a layer"),
    Fault::read("badlayerdigest", "the manifest has a digest that is none"),
    Fault::read("mbomb", "the manifest never ends"),
    Fault::write("mount-405", "mounts are refused with 405"),
    Fault::write("mountlies", "201 for a mount, and the blob is not there"),
    Fault::write("lostput", "the answers to the last requests are lost"),
    Fault::write("lostsession", "404 when an upload is closed, once"),
    Fault::write("push", "the upload is sent to another origin"),
    Fault::write("relative", "`Location` is relative"),
    Fault::write("max4m-413", "413 for more than 4 MiB"),
    Fault::write("early-403", "403 in the middle of the body"),
    Fault::write("bputdigest", "the registry stored a blob with another digest"),
    Fault::write("post5xx-503", "503 twice when an upload is opened"),
    Fault::write("bput5xx-502", "502 twice when an upload is closed"),
    Fault::write("put5xx-503", "503 twice for the manifest"),
    Fault::write("m429put", "429 for the manifest, once"),
    Fault::write("readonly-405", "the registry takes nothing"),
];
