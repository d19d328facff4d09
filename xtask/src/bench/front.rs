//! What is in front of the registry: nothing, TLS, or a line. Each is a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::scenario::Front;
use crate::corpus::Corpus;
use crate::process::Process;
use crate::registry::Registry;

/// What a scenario's clients connect to.
pub(crate) enum Before {
    Nothing(String),
    Tls(Registry),
    Line(Line),
}

/// A running `cargo xtask proxy`.
pub(crate) struct Line {
    address: String,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    // Ends with this value.
    _process: Process,
}

impl Before {
    /// Starts what is in front of the corpus.
    pub(crate) fn start(front: Front, corpus: &Corpus, places: &Places) -> Result<Self> {
        let address = corpus.registry.address();
        Ok(match front {
            Front::Nothing => Self::Nothing(address),
            Front::Tls => Self::Tls(Registry::start_with(&corpus.data(), Some(places.certificates.join("server")))?),
            Front::Counter => Self::Line(Line::start(&places.xtask, &[&address])?),
            Front::Line(milliseconds, megabits) => {
                let (milliseconds, megabits) = (milliseconds.to_string(), megabits.to_string());
                let line = [&address, "--round-trip", &milliseconds, "--megabits", &megabits];
                Self::Line(Line::start(&places.xtask, &line)?)
            }
        })
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Nothing(address) => address.clone(),
            Self::Tls(registry) => registry.address(),
            Self::Line(line) => line.address.clone(),
        }
    }

    /// Processor time that a server took here.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        if let Self::Tls(registry) = self { registry.cpu() } else { Ok(Duration::ZERO) }
    }

    /// Bytes that came from the registry so far, where they are counted.
    pub(crate) fn received(&mut self) -> Result<Option<u64>> {
        if let Self::Line(line) = self { line.received().map(Some) } else { Ok(None) }
    }
}

/// What the fronts are made of.
pub(crate) struct Places {
    /// This program, as fast as imgctl was built.
    pub(crate) xtask: PathBuf,
    /// Where [`crate::certificates::write`] wrote.
    pub(crate) certificates: PathBuf,
}

impl Line {
    fn start(xtask: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(xtask);
        command.arg("proxy").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let (questions, answers) = process.pipes().context("no pipes")?;
        let mut line = Self { address: String::new(), questions, answers: BufReader::new(answers), _process: process };
        line.address = line.answer()?;
        Ok(line)
    }

    fn received(&mut self) -> Result<u64> {
        writeln!(self.questions)?;
        let answer = self.answer()?;
        answer
            .split(' ')
            .next()
            .and_then(|down| down.parse().ok())
            .with_context(|| format!("the proxy said {answer:?}"))
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
