//! The machine that was measured on, without its name.

use serde::{Deserialize, Serialize};

/// What figures depend on.
#[derive(Serialize, Deserialize)]
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    /// Those of its abilities that hashing depends on.
    abilities: Vec<String>,
    memory_gib: u64,
    kernel: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let (cpuinfo, meminfo) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let flags = field(&cpuinfo, "flags").unwrap_or_default();
        let has = |ability: &&str| flags.split_whitespace().any(|flag| flag == *ability);
        let kib = field(&meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            processor: field(&cpuinfo, "model name").unwrap_or(std::env::consts::ARCH).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            abilities: ["sha_ni", "avx2", "avx512f"].iter().filter(|ability| has(ability)).map(|&s| s.into()).collect(),
            memory_gib: (kib.unwrap_or(0) + (1 << 19)) >> 20,
            // Behind the version stands who built it.
            kernel: read("/proc/sys/kernel/osrelease").trim().split('-').next().unwrap_or_default().to_owned(),
        }
    }

    /// In a sentence.
    pub(crate) fn text(&self) -> String {
        let Self { processor, cores, memory_gib, kernel, .. } = self;
        let abilities =
            if self.abilities.is_empty() { "neither SHA-NI nor AVX2".into() } else { self.abilities.join(", ") };
        format!("{cores} cores of {processor} ({abilities}), {memory_gib} GiB of memory, Linux {kernel}")
    }

    #[cfg(test)]
    pub(crate) fn of_tests() -> Self {
        Self { processor: "Some CPU".into(), cores: 2, abilities: vec![], memory_gib: 1, kernel: "6.0".into() }
    }
}

/// What is behind `name:` on the first line that begins so.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start().strip_prefix(':')?.trim())
}
