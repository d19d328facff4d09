//! What the benchmark moves: made once for a scale, without imgctl, and kept in `target/bench`. Each part is made when it is
//! first needed.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::image::{Layer, LayerTar, Layout};
use crate::registry::Registry;
use crate::shell::clear;

/// A repository of the corpus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    /// 8 layers of 128 MiB; also in a layout.
    Big,
    /// 20 layers of 4 MiB.
    Twenty,
    /// 50 layers of 64 KiB.
    Fifty,
    /// 4 layers of 2 MiB.
    Medium,
    /// One layer of 1 GiB.
    One,
    /// One layer of 8 GiB.
    Huge,
    /// 200 tags, an image each.
    Small,
    /// 2,000 tags of one image.
    Tags2000,
    /// 5,000 tags of one image.
    Tags5000,
}

/// Layers and bytes of each.
type Layers = (usize, u64);

impl Part {
    /// The name of the repository.
    pub(crate) fn repository(self) -> &'static str {
        match self {
            Self::Big => "big",
            Self::Twenty => "twenty",
            Self::Fifty => "fifty",
            Self::Medium => "medium",
            Self::One => "one",
            Self::Huge => "huge",
            Self::Small => "small",
            Self::Tags2000 => "tags-2000",
            Self::Tags5000 => "tags-5000",
        }
    }

    /// What the tag `1` has, where there is one.
    fn layers(self) -> Option<Layers> {
        match self {
            Self::Big => Some((8, 128 << 20)),
            Self::Twenty => Some((20, 4 << 20)),
            Self::Fifty => Some((50, 64 << 10)),
            Self::Medium => Some((4, 2 << 20)),
            Self::One => Some((1, 1 << 30)),
            Self::Huge => Some((1, 8 << 30)),
            Self::Small | Self::Tags2000 | Self::Tags5000 => None,
        }
    }
}

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(crate) struct Scale(pub(crate) f64);

impl Scale {
    fn bytes(self, full: u64) -> u64 {
        ((full as f64 * self.0) as u64).max((64 << 10).min(full))
    }

    /// Bytes in the layers of the part's image `1`.
    pub(crate) fn image(self, part: Part) -> u64 {
        part.layers().map_or(0, |(count, bytes)| count as u64 * self.bytes(bytes))
    }

    /// How many small images there are.
    pub(crate) fn images(self) -> usize {
        ((200.0 * self.0) as usize).max(4)
    }

    fn tags(self, full: usize) -> usize {
        ((full as f64 * self.0) as usize).max(50)
    }
}

/// A registry that holds the images, and a layout that holds `big`.
pub(crate) struct Corpus {
    pub(crate) scale: Scale,
    pub(crate) registry: Registry,
    pub(crate) layout: PathBuf,
    directory: PathBuf,
    /// Whether this process made some of it.
    pub(crate) is_new: bool,
}

/// Repositories below this name are not part of the corpus.
const COPIES: &str = "copies";

impl Corpus {
    /// Starts a registry over the corpus in `directory`, and makes those `parts` that are not there.
    pub(crate) fn open(directory: &Path, scale: Scale, parts: &[Part]) -> Result<Self> {
        let (stamp, wanted) = (directory.join("stamp"), format!("3 {}", scale.0));
        if !std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
            clear(directory)?;
            std::fs::write(stamp, wanted)?;
        }
        let (registry, layout) = (Registry::start(&directory.join("registry"))?, directory.join("layout"));
        let mut corpus = Self { scale, registry, layout, directory: directory.to_owned(), is_new: false };
        for part in parts {
            let made = directory.join(part.repository()).with_extension("made");
            if !made.exists() {
                println!("making {} in {}", part.repository(), directory.display());
                corpus.make(*part)?;
                std::fs::write(made, "")?;
                corpus.is_new = true;
            }
        }
        Ok(corpus)
    }

    /// Where the registry has its data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("registry")
    }

    /// Starts the registry anew, without the repositories that were copied into it.
    pub(crate) fn forget_copies(&mut self) -> Result<()> {
        clear(&self.data().join("docker/registry/v2/repositories").join(COPIES))?;
        self.registry.restart()
    }

    /// The digest of the first layer of the part's image `1`.
    pub(crate) fn first_layer(&self, part: Part) -> Result<String> {
        let manifest: Value = serde_json::from_slice(&self.registry.manifest(part.repository(), "1")?.body)?;
        manifest["layers"][0]["digest"].as_str().map(str::to_owned).context("no layer")
    }

    fn make(&self, part: Part) -> Result<()> {
        let staging = if part == Part::Big { self.layout.clone() } else { self.directory.join("staging") };
        clear(&staging)?;
        let mut making = Making {
            // Seeded: every run, on every machine, moves the same bytes.
            random: fastrand::Rng::with_seed(part as u64 + 1),
            layout: Layout::create(&staging)?,
            registry: &self.registry,
            repository: part.repository(),
        };
        match part {
            Part::Small => making.images(self.scale.images())?,
            Part::Tags2000 => making.tags(self.scale.tags(2000))?,
            Part::Tags5000 => making.tags(self.scale.tags(5000))?,
            _ => {
                let (count, bytes) = part.layers().context("no layers")?;
                making.image(count, self.scale.bytes(bytes))?;
            }
        }
        if part == Part::Big { Ok(()) } else { Ok(std::fs::remove_dir_all(staging)?) }
    }
}

/// A part that is being made.
struct Making<'a> {
    random: fastrand::Rng,
    layout: Layout,
    registry: &'a Registry,
    repository: &'static str,
}

impl Making<'_> {
    fn image(&mut self, count: usize, bytes: u64) -> Result<()> {
        let layers = (0..count).map(|_| self.layer(bytes)).collect::<Result<_>>()?;
        self.push("1", layers, &["1".to_owned()])
    }

    /// Images of three layers, of which the lowest is shared: what the tags of one repository look like.
    fn images(&mut self, count: usize) -> Result<()> {
        let base = self.layer(64 << 10)?;
        for number in 1..=count {
            let (layers, tag) = (vec![base.clone(), self.layer(16 << 10)?, self.layer(1 << 10)?], number.to_string());
            self.push(&tag, layers, std::slice::from_ref(&tag))?;
        }
        Ok(())
    }

    fn tags(&mut self, count: usize) -> Result<()> {
        let layers = vec![self.layer(64 << 10)?];
        let tags: Vec<String> = (0..count).map(|number| format!("v{number}")).collect();
        self.push("tags", layers, &tags)
    }

    fn push(&mut self, name: &str, layers: Vec<Layer>, tags: &[String]) -> Result<()> {
        let image = self.layout.image(name, layers)?;
        self.registry.push(&self.layout, &image, self.repository, tags)
    }

    /// A layer with one file of random bytes, which no compression makes smaller.
    fn layer(&mut self, size: u64) -> Result<Layer> {
        let random = &mut self.random;
        self.layout.layer("random bytes", |tar: &mut LayerTar| {
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(0o644);
            Ok(tar.append_data(&mut header, "random", Random(random).take(size))?)
        })
    }
}

struct Random<'a>(&'a mut fastrand::Rng);

impl Read for Random<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.fill(buffer);
        Ok(buffer.len())
    }
}
