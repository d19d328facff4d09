//! Commands side by side, round by round.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::front::{Before, Places};
use super::measure::{self, Measured, Sample, Tool};
use super::scenario::{Fresh, Scenario, Words};
use crate::certificates;
use crate::corpus::{Corpus, Part, Scale};
use crate::registry::Registry;
use crate::shell::clear;

/// Everything that stays the same from scenario to scenario.
pub(crate) struct Bench {
    corpus: Corpus,
    other: Registry,
    setting: Setting,
    places: Places,
}

/// Who is measured, where and how often.
pub(crate) struct Setting {
    pub(crate) tools: Vec<Tool>,
    pub(crate) xtask: PathBuf,
    pub(crate) directory: PathBuf,
    pub(crate) scale: f64,
    pub(crate) rounds: usize,
    /// Rounds before, which do not count.
    pub(crate) warm_up: usize,
}

impl Bench {
    /// Starts two registries, of which one holds what the scenarios need.
    pub(crate) fn open(setting: Setting, scenarios: &[&Scenario]) -> Result<Self> {
        let directory = &setting.directory;
        // No tool sees the user's configuration, and none leaves anything there.
        clear(&directory.join("home"))?;
        let places = Places { xtask: setting.xtask.clone(), certificates: directory.join("certificates") };
        certificates::write(&places.certificates)?;
        let mut parts: Vec<Part> = scenarios.iter().map(|scenario| scenario.part).collect();
        parts.sort();
        parts.dedup();
        let corpus = Corpus::open(&directory.join("corpus"), Scale(setting.scale), &parts)?;
        let other = Registry::start(&directory.join("other"))?;
        Ok(Self { corpus, other, setting, places })
    }

    /// Whether the corpus was made just now.
    pub(crate) fn is_new(&self) -> bool {
        self.corpus.is_new
    }

    /// Leaves no copies behind.
    pub(crate) fn close(mut self) -> Result<()> {
        self.other.restart_empty()?;
        self.corpus.forget_copies()?;
        clear(&self.setting.directory.join("out"))
    }

    pub(crate) fn measure(&mut self, scenario: &Scenario) -> Result<Vec<Measured>> {
        self.corpus.forget_copies()?;
        self.other.restart_empty()?;
        let mut before = Before::start(scenario.front, &self.corpus, &self.places)?;
        let tools = self.setting.tools.iter().filter(|tool| scenario.command(tool.name).is_some());
        let mut measured: Vec<Measured> = tools.map(Measured::new).collect();
        for round in 0..self.setting.warm_up + self.setting.rounds {
            for each in &mut measured {
                let mut run = Run { scenario, tool: &each.tool, words: self.words(scenario, &each.tool, round)? };
                run.words.a = before.address();
                let sample = self.sample(&run, &mut before);
                let sample = sample.with_context(|| format!("{} in {}", run.tool.name, scenario.name))?;
                if round >= self.setting.warm_up {
                    each.samples.push(sample);
                }
            }
        }
        Ok(measured)
    }

    /// One run of one tool; the mean of several runs where one is too short to measure.
    fn sample(&mut self, run: &Run<'_>, before: &mut Before) -> Result<Sample> {
        clear(&run.words.out)?;
        if run.scenario.fresh == Fresh::Registry {
            self.other.restart_empty()?;
        }
        if run.scenario.killed {
            self.kill_half_way(run, before)?;
        }
        let (received, cpu) = (before.received()?, self.server_cpu(before)?);
        let mut sample = measure::run(&mut run.command()?, &self.setting.directory, run.scenario.runs)?;
        sample.other_cpu = (self.server_cpu(before)? - cpu) / run.scenario.runs;
        sample.wire = before.received()?.zip(received).map(|(now, then)| now - then);
        self.verify(run)?;
        Ok(sample)
    }

    /// Starts the command, and kills it when half of the image has come.
    fn kill_half_way(&self, run: &Run<'_>, before: &mut Before) -> Result<()> {
        let half = self.corpus.scale.image(run.scenario.part) / 2;
        let start = before.received()?.context("nothing counts")?;
        let mut command = run.command()?;
        measure::prepare(&mut command, &self.setting.directory)?;
        let mut child = command.spawn()?;
        while before.received()?.context("nothing counts")? - start < half {
            if let Some(status) = child.try_wait()? {
                // Little is there before anybody looks.
                ensure!(half < SOON_THERE, "it ended before it could be killed: {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill()?;
        child.wait()?;
        // What the registry had sent already is not the second run's.
        std::thread::sleep(Duration::from_millis(100));
        Ok(())
    }

    fn words(&self, scenario: &Scenario, tool: &Tool, round: usize) -> Result<Words> {
        let needs_blob = scenario.lines().any(|(_, line)| line.contains("{blob}"));
        Ok(Words {
            a: self.corpus.registry.address(),
            b: self.other.address(),
            image: scenario.part.repository(),
            blob: if needs_blob { self.corpus.first_layer(scenario.part)? } else { String::new() },
            layout: self.corpus.layout.clone(),
            certificates: self.places.certificates.clone(),
            out: self.setting.directory.join("out"),
            tool: tool.name,
            round,
            images: self.corpus.scale.images(),
        })
    }

    fn server_cpu(&self, before: &Before) -> Result<Duration> {
        Ok(self.corpus.registry.cpu()? + self.other.cpu()? + before.cpu()?)
    }

    /// Whoever does nothing is fast: the destination must hold what the source holds.
    fn verify(&self, run: &Run<'_>) -> Result<()> {
        let Run { scenario, words, .. } = run;
        if let Some((source, destination)) = scenario.copies {
            let (source, destination) = (words.text(source), words.text(destination));
            let (wanted, found) = (self.manifest(&source)?, self.manifest(&destination)?);
            ensure!(wanted == found, "{destination} is not what {source} is");
        }
        if scenario.fresh == Fresh::Files {
            let least = self.corpus.scale.image(scenario.part);
            ensure!(size_of(&words.out)? >= least, "less was written than the layers hold");
        }
        Ok(())
    }

    /// The manifest of `HOST:PORT/REPOSITORY:TAG`, from the registry itself.
    fn manifest(&self, reference: &str) -> Result<Vec<u8>> {
        let (host, rest) = reference.split_once('/').context("no repository")?;
        let (repository, tag) = rest.rsplit_once(':').context("no tag")?;
        let registry = if host == self.other.address() { &self.other } else { &self.corpus.registry };
        Ok(registry.manifest(repository, tag)?.body)
    }
}

/// So many bytes may come before they are counted.
const SOON_THERE: u64 = 32 << 20;

/// One run.
struct Run<'a> {
    scenario: &'a Scenario,
    tool: &'a Tool,
    words: Words,
}

impl Run<'_> {
    fn command(&self) -> Result<std::process::Command> {
        let line = self.scenario.command(self.tool.name).context("no command")?;
        Ok(self.words.command(&self.tool.program, line))
    }
}

/// Bytes of all files below a directory.
fn size_of(directory: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size += if metadata.is_dir() { size_of(&entry.path())? } else { metadata.len() };
    }
    Ok(size)
}
