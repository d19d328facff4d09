//! How bytes move: concurrency, retries, the local store.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::quantity::{duration, rate};

/// How much at a time, and how patiently.
#[derive(Debug, Args)]
#[command(next_help_heading = "Transfer options")]
pub(crate) struct TransferFlags {
    /// How many blobs move at the same time [default: 4, and 8 where the registry is far away]
    #[arg(short, long, global = true, value_name = "N", env = "IMGCTL_JOBS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true)]
    pub(crate) jobs: Option<u16>,
    /// How many requests are in flight to one host at most, downloads until they are read
    #[arg(long, global = true, value_name = "N", env = "IMGCTL_PER_HOST", default_value = "12")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true)]
    pub(crate) per_host: u16,
    /// From how many ranges at once one large blob may be read where that is faster; 1 never splits
    #[arg(long, global = true, value_name = "N", env = "IMGCTL_RANGE_SPLIT", default_value = "4")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true)]
    pub(crate) range_split: u16,
    /// How many bytes of blobs a second move at most, all together: 20M, 64KiB [default: no limit]
    #[arg(long, global = true, value_name = "RATE", env = "IMGCTL_LIMIT_RATE", value_parser = rate)]
    #[arg(hide_short_help = true)]
    pub(crate) limit_rate: Option<u64>,
    /// How many bytes a second a registry sends at least while it is waited for, on average over --idle-timeout, before
    /// its answer is given up; 0 bears with everything
    #[arg(long, global = true, value_name = "RATE", env = "IMGCTL_MIN_RATE", default_value = "100B")]
    #[arg(value_parser = rate, hide_short_help = true)]
    pub(crate) min_rate: u64,
    /// How often something is tried again that made no progress
    #[arg(long, alias = "retry-times", global = true, value_name = "N", env = "IMGCTL_RETRIES", default_value = "4")]
    #[arg(hide_short_help = true)]
    pub(crate) retries: u32,
    /// How long a registry may ask to be left alone before the command gives up
    #[arg(long, global = true, value_name = "TIME", env = "IMGCTL_RETRY_MAX_WAIT", default_value = "2m")]
    #[arg(value_parser = duration, hide_short_help = true)]
    pub(crate) retry_max_wait: Duration,
    /// How long the other side may be silent: 30s, 2m, 500ms
    #[arg(long, global = true, value_name = "TIME", env = "IMGCTL_IDLE_TIMEOUT", default_value = "30s")]
    #[arg(value_parser = duration, hide_short_help = true)]
    pub(crate) idle_timeout: Duration,
    /// How long the whole command may take: 90s, 10m, 2h [default: as long as it takes]
    #[arg(long, global = true, value_name = "TIME", env = "IMGCTL_TIMEOUT")]
    #[arg(value_parser = duration, hide_short_help = true)]
    pub(crate) timeout: Option<Duration>,
    /// Start transfers from the beginning, and keep nothing of those that break off
    #[arg(long, global = true, env = "IMGCTL_NO_RESUME", value_parser = FalseyValueParser::new())]
    #[arg(hide_short_help = true)]
    pub(crate) no_resume: bool,
    /// Flush what the command writes to the disk before it appears: a power loss then takes nothing of that. What was there
    /// already is not flushed
    #[arg(long, global = true, env = "IMGCTL_FSYNC", value_parser = FalseyValueParser::new())]
    #[arg(hide_short_help = true)]
    pub(crate) fsync: bool,
    /// Directory of the local store [default: imgctl/store in the user's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "IMGCTL_STORE", hide_short_help = true)]
    pub(crate) store: Option<PathBuf>,
    /// File with keys for all these flags, globally and for single registries; an empty name reads none
    /// [default: imgctl/config.toml in the user's configuration directory]
    #[arg(long = "config", alias = "config-file", global = true, value_name = "FILE", env = "IMGCTL_CONFIG")]
    #[arg(value_hint = clap::ValueHint::FilePath, hide_short_help = true)]
    pub(crate) config_file: Option<OsString>,
}
