//! `cargo xtask demo`: the main job on real input. An image is made from programs of this machine, goes into a registry,
//! from there to another one, into an archive and back, and every byte is verified on the way. The registries are ours.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::image::{Image, Layout, digest_of};
use crate::shell::{Profile, announce, build, check, empty_directory, output, run};

const PROGRAMS: [&str; 10] = ["bash", "cat", "cp", "date", "find", "grep", "ls", "sed", "sort", "tar"];
const SETTINGS: [&str; 4] = ["/etc/os-release", "/etc/debian_version", "/etc/profile", "/etc/bash.bashrc"];

pub(crate) fn run_demo() -> Result<()> {
    let demo = Demo { imgctl: build(Profile::Debug)?, directory: empty_directory("demo")? };
    println!("\n# An image of three layers from files of this machine, as an OCI layout: {}", demo.file("layout"));
    let image = make_image(Path::new(&demo.file("layout")))?;
    for layer in &image.layers {
        println!("{}  {} bytes", layer.blob.digest, layer.blob.size);
    }
    println!("\n# Two registries, and the layout as a third");
    let one = demo.serve(&["--store", &demo.file("one")])?;
    let two = demo.serve(&["--store", &demo.file("two")])?;
    let three = demo.serve(&[&format!("oci:{}", demo.file("layout"))])?;
    let (first, second) = (one.image("demo/tools:1.0"), two.image("mirror/tools:1.0"));
    demo.move_around(&first, &second)?;
    demo.verify(&image, &[&first, &second, &three.image("layout:1.0"), &format!("store:{second}")])
}

struct Demo {
    imgctl: PathBuf,
    directory: PathBuf,
}

impl Demo {
    /// What a user would type.
    fn move_around(&self, first: &str, second: &str) -> Result<()> {
        let (layout, archive) = (format!("oci:{}:1.0", self.file("layout")), self.file("tools.tar"));
        self.step("From the layout into a registry", &["copy", &layout, first])?;
        self.step("What it is", &["inspect", first])?;
        self.step("From one registry to another", &["copy", first, second])?;
        self.step("The tags there", &["tags", second.rsplit_once(':').context("no tag")?.0])?;
        self.step("Into the local store", &["pull", second])?;
        self.step("Into a tar file", &["save", "-o", &archive, second])?;
        self.step("Out of the store", &["rmi", second])?;
        self.step("From the tar file into the store", &["load", "-i", &archive])?;
        self.step("What the store holds", &["images", "--digests"])?;
        self.step("The same copy again moves nothing", &["copy", first, second])
    }

    /// The digest is the same everywhere, and the archive holds every blob byte for byte.
    fn verify(&self, image: &Image, places: &[&str]) -> Result<()> {
        println!("\n# Verified");
        for place in places {
            let mut command = self.command(&["digest", place]);
            announce(&command);
            let digest = output(&mut command)?;
            print!("{digest}");
            check(digest.trim() == image.manifest.digest, format!("{place} has another digest"))?;
        }
        let wanted: BTreeSet<String> = image.blobs().map(|blob| blob.digest.clone()).collect();
        let found = digests_in(&self.path("tools.tar"))?;
        check(wanted.is_subset(&found), "the archive lacks blobs")?;
        println!("The manifest is {} at every place;", image.manifest.digest);
        println!(
            "the archive holds its {} blobs unchanged. All is left in {}.",
            wanted.len(),
            self.directory.display()
        );
        Ok(())
    }

    /// `imgctl serve` on a free port.
    fn serve(&self, arguments: &[&str]) -> Result<Serve> {
        let mut command = self.command(&["serve", "--quiet", "--listen", "127.0.0.1:0"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        announce(&command);
        let mut process = command.spawn().context("cannot start imgctl")?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut url)?;
        print!("{url}");
        let serve = Serve { process, address: url.trim().trim_start_matches("http://").to_owned() };
        check(!serve.address.is_empty(), "imgctl serve did not start")?;
        Ok(serve)
    }

    fn step(&self, what: &str, arguments: &[&str]) -> Result<()> {
        println!("\n# {what}");
        run(&mut self.command(arguments))
    }

    /// imgctl with a home of its own: nothing of the user is read or written.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.imgctl);
        command.args(arguments).env("HOME", self.path("home"));
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "DOCKER_CONFIG"] {
            command.env_remove(variable);
        }
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// A registry; it ends with this value.
struct Serve {
    process: Child,
    address: String,
}

impl Serve {
    /// How an image in it is written.
    fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Libraries, programs and settings, a layer each: a small Debian that could run.
fn make_image(directory: &Path) -> Result<Image> {
    let programs: Vec<PathBuf> = PROGRAMS
        .iter()
        .map(|name| crate::shell::which(name).with_context(|| format!("no {name}")))
        .collect::<Result<_>>()?;
    let settings: Vec<PathBuf> = SETTINGS.iter().map(PathBuf::from).filter(|file| file.exists()).collect();
    let mut layout = Layout::create(directory)?;
    let layers = [("libraries", libraries(&programs)?), ("programs", programs), ("settings", settings)];
    let layers = layers.into_iter().map(|(what, files)| {
        layout.layer(what, |tar| {
            for file in &files {
                // The file, not the link to it: what a link points to may be in no layer.
                tar.append_file(file.strip_prefix("/")?, &mut File::open(file)?)?;
            }
            Ok(())
        })
    });
    let layers = layers.collect::<Result<_>>()?;
    layout.image("1.0", layers)
}

/// What the programs are linked with, as ldd(1) finds it.
fn libraries(programs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let listed = output(Command::new("ldd").args(programs))?;
    let paths = listed.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':'));
    Ok(paths.map(PathBuf::from).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The digests of all files in a tar.
fn digests_in(archive: &Path) -> Result<BTreeSet<String>> {
    let mut archive = tar::Archive::new(File::open(archive)?);
    archive.entries()?.map(|entry| digest_of(&mut entry?)).collect()
}
