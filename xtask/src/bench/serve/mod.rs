//! Servers side by side: `imgctl serve` and docker-registry get the same load from the same client, in turn.
//!
//! Where something is put, each run has a server that was just started over an empty directory. Where something is got, a
//! server is started over what was put there before, and stays for all rounds: the first, which is not counted, warms it up
//! and verifies what comes.

mod load;
mod server;
mod stock;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use super::measure::{Measured, Sample, Tool};
use crate::process::cpu_of;
use crate::shell::clear;
use load::Load;
use server::Server;
pub(crate) use stock::Amounts;
use stock::Stock;

/// Who takes part, in the order of each round.
pub(crate) const TOOLS: [&str; 2] = ["imgctl", "docker-registry"];

/// How they are started.
pub(crate) const COMMANDS: [&str; 2] =
    ["imgctl serve --listen 127.0.0.1:0", "docker-registry serve CONFIG (no access log, descriptors cached in memory)"];

/// One kind of load.
pub(crate) struct Scenario {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) about: &'static str,
    /// What is counted.
    pub(crate) rate: Option<Rate>,
    /// What is there before; where there is nothing, each run starts with an empty directory.
    before: Option<fn(&Stock, &mut crate::http::Connection) -> Result<()>>,
    run: fn(&Load<'_>) -> Result<()>,
}

/// Something that there are many of.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    /// What it is.
    pub(crate) unit: &'static str,
    /// How many.
    pub(crate) count: fn(&Amounts) -> usize,
    /// So many imgctl must do at least in each second of processor time.
    pub(crate) least: f64,
}

const PLAIN: Scenario = Scenario { name: "", about: "", rate: None, before: None, run: |_| anyhow::bail!("no load") };

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "serve-get",
        about: "GET of one blob of 1 GiB",
        before: Some(Stock::put_large),
        run: |load| load.get(),
        ..PLAIN
    },
    Scenario { name: "serve-push", about: "POST and PUT of one blob of 1 GiB", run: |load| load.push(), ..PLAIN },
    Scenario {
        name: "serve-small",
        about: "200 images of 4 blobs pulled by 8 clients at once, a connection per image",
        before: Some(Stock::put_images),
        run: |load| load.pull_images(),
        ..PLAIN
    },
    Scenario {
        name: "serve-heads",
        about: "8,000 HEADs of manifests by tag over 8 connections",
        before: Some(Stock::put_images),
        run: |load| load.heads(),
        rate: Some(Rate { unit: "HEADs", count: |amounts| amounts.heads, least: 2000.0 }),
    },
    Scenario {
        name: "serve-uploads",
        about: "64 blobs of 32 MiB uploaded at once by POST, PATCH and PUT",
        run: |load| load.uploads(),
        ..PLAIN
    },
    Scenario {
        name: "serve-tags",
        about: "20 listings of 5,000 tags",
        before: Some(Stock::put_tags),
        run: |load| load.tags(),
        ..PLAIN
    },
];

/// Everything that stays the same from scenario to scenario.
pub(crate) struct Bench {
    tools: Vec<Tool>,
    stock: Stock,
    directory: PathBuf,
    rounds: usize,
}

impl Bench {
    pub(crate) fn new(tools: Vec<Tool>, amounts: Amounts, directory: PathBuf, rounds: usize) -> Result<Self> {
        Ok(Self { tools, stock: Stock::new(amounts)?, directory, rounds })
    }

    pub(crate) fn measure(&self, scenario: &Scenario) -> Result<Vec<Measured>> {
        let mut measured: Vec<Measured> = self.tools.iter().map(Measured::new).collect();
        let filled = self.tools.iter().map(|tool| self.filled(scenario, tool)).collect::<Result<Vec<_>>>()?;
        for round in 0..=self.rounds {
            for (each, filled) in measured.iter_mut().zip(&filled) {
                let sample = match filled {
                    Some(server) => self.sample(scenario, server, round == 0),
                    None => self.empty(&each.tool).and_then(|server| self.sample(scenario, &server, round == 0)),
                };
                let sample = sample.with_context(|| format!("{} in {}", each.tool.name, scenario.name))?;
                if round > 0 {
                    each.samples.push(sample);
                }
            }
        }
        drop(filled);
        self.tools.iter().try_for_each(|tool| clear(&self.data(tool)))?;
        Ok(measured)
    }

    /// A server over what was put there before, where that is something.
    fn filled(&self, scenario: &Scenario, tool: &Tool) -> Result<Option<Server>> {
        let Some(fill) = scenario.before else { return Ok(None) };
        let server = self.empty(tool)?;
        fill(&self.stock, &mut server.connect()?).with_context(|| format!("{} is filled", tool.name))?;
        drop(server);
        Server::start(tool, &self.data(tool)).map(Some)
    }

    fn empty(&self, tool: &Tool) -> Result<Server> {
        clear(&self.data(tool))?;
        Server::start(tool, &self.data(tool))
    }

    fn sample(&self, scenario: &Scenario, server: &Server, verify: bool) -> Result<Sample> {
        let load = Load::new(&server.address, &self.stock, verify)?;
        let (server_before, client_before) = (server.process.cpu()?, cpu_of("self")?);
        let start = Instant::now();
        (scenario.run)(&load)?;
        Ok(Sample {
            wall: start.elapsed(),
            cpu: server.process.cpu()? - server_before,
            peak: server.process.peak()?,
            other_cpu: cpu_of("self")? - client_before,
            wire: None,
        })
    }

    fn data(&self, tool: &Tool) -> PathBuf {
        self.directory.join("serve").join(tool.name)
    }
}
