//! What the benchmark moves: made once for a scale, without imgctl, and kept in `target/bench`.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::image::{Layer, LayerTar, Layout};
use crate::registry::Registry;
use crate::shell::clear;

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(crate) struct Amounts {
    /// Bytes of each of the eight layers of `big`.
    pub(crate) layer: u64,
    /// Bytes of the one layer of `huge`.
    pub(crate) huge: u64,
    /// Tags of `small`, an image each.
    pub(crate) images: usize,
    /// Tags of `tags`, all of one image.
    pub(crate) tags: usize,
}

/// Layers of the image `big`.
pub(crate) const LAYERS: usize = 8;

impl Amounts {
    pub(crate) fn at_scale(scale: f64) -> Self {
        let scaled = |full: u64, least: u64| ((full as f64 * scale) as u64).max(least);
        Self {
            layer: scaled(128 << 20, 64 << 10),
            huge: scaled(2 << 30, 64 << 10),
            images: scaled(200, 4) as usize,
            tags: scaled(5000, 50) as usize,
        }
    }

    fn stamp(self) -> String {
        format!("2 {} {} {} {}", self.layer, self.huge, self.images, self.tags)
    }
}

/// A registry that holds the images, and a layout that holds `big`.
pub(crate) struct Corpus {
    pub(crate) amounts: Amounts,
    pub(crate) registry: Registry,
    pub(crate) layout: PathBuf,
    data: PathBuf,
    /// Whether this process made it.
    pub(crate) is_new: bool,
}

/// Repositories below this name are not part of the corpus.
const COPIES: &str = "copies";

impl Corpus {
    /// Starts a registry over the corpus in `directory`, made now unless it is there.
    pub(crate) fn open(directory: &Path, amounts: Amounts) -> Result<Self> {
        let (stamp, data, layout) = (directory.join("stamp"), directory.join("registry"), directory.join("layout"));
        let is_there = std::fs::read_to_string(&stamp).is_ok_and(|text| text == amounts.stamp());
        if !is_there {
            clear(directory)?;
        }
        let corpus = Self { amounts, registry: Registry::start(&data)?, layout, data, is_new: !is_there };
        if !is_there {
            println!("making the corpus in {}", directory.display());
            corpus.fill(directory)?;
            std::fs::write(stamp, amounts.stamp())?;
        }
        Ok(corpus)
    }

    /// Starts the registry anew, without the repositories that were copied into it.
    pub(crate) fn forget_copies(&mut self) -> Result<()> {
        clear(&self.data.join("docker/registry/v2/repositories").join(COPIES))?;
        self.registry.restart()
    }

    fn fill(&self, directory: &Path) -> Result<()> {
        // Seeded: every run, on every machine, moves the same bytes.
        let mut random = fastrand::Rng::with_seed(1);
        let mut big = Layout::create(&self.layout)?;
        let layers = (0..LAYERS).map(|_| layer(&big, &mut random, self.amounts.layer)).collect::<Result<_>>()?;
        let image = big.image("1", layers)?;
        self.registry.push(&big, &image, "big", &["1".to_owned()])?;

        let staging = directory.join("staging");
        let mut huge = Layout::create(&staging)?;
        let layers = vec![layer(&huge, &mut random, self.amounts.huge)?];
        let image = huge.image("1", layers)?;
        self.registry.push(&huge, &image, "huge", &["1".to_owned()])?;
        self.fill_small(&staging, &mut random)?;
        Ok(std::fs::remove_dir_all(staging)?)
    }

    /// Images of three layers, of which the lowest is shared: what the tags of one repository look like.
    fn fill_small(&self, staging: &Path, random: &mut fastrand::Rng) -> Result<()> {
        let mut small = Layout::create(staging)?;
        let base = layer(&small, random, 64 << 10)?;
        for number in 1..=self.amounts.images {
            let layers = vec![base.clone(), layer(&small, random, 16 << 10)?, layer(&small, random, 1 << 10)?];
            let image = small.image(&number.to_string(), layers)?;
            self.registry.push(&small, &image, "small", &[number.to_string()])?;
        }
        let image = small.image("tags", vec![base])?;
        let tags: Vec<String> = (0..self.amounts.tags).map(|number| format!("v{number}")).collect();
        self.registry.push(&small, &image, "tags", &tags)
    }
}

/// A layer with one file of random bytes, which no compression makes smaller.
fn layer(layout: &Layout, random: &mut fastrand::Rng, size: u64) -> Result<Layer> {
    layout.layer("random bytes", |tar: &mut LayerTar| {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o644);
        Ok(tar.append_data(&mut header, "random", Random(random).take(size))?)
    })
}

struct Random<'a>(&'a mut fastrand::Rng);

impl Read for Random<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.fill(buffer);
        Ok(buffer.len())
    }
}
