//! How bytes move: concurrency, retries, the local store.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use imgctl::Error;

/// How much at a time, and how patiently.
#[derive(Debug, Args)]
#[command(next_help_heading = "Transfer options")]
pub(crate) struct TransferFlags {
    /// How many blobs move at the same time
    #[arg(short, long, global = true, value_name = "N", env = "IMGCTL_JOBS", default_value = "4")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true)]
    pub(crate) jobs: u16,
    /// How many requests are in flight to one host at most
    #[arg(long, global = true, value_name = "N", env = "IMGCTL_PER_HOST", default_value = "8")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..), hide_short_help = true)]
    pub(crate) per_host: u16,
    /// How often something is tried again that made no progress
    #[arg(long, alias = "retry-times", global = true, value_name = "N", env = "IMGCTL_RETRIES", default_value = "4")]
    #[arg(hide_short_help = true)]
    pub(crate) retries: u32,
    /// How long the other side may be silent: 30s, 2m, 500ms
    #[arg(long, global = true, value_name = "TIME", env = "IMGCTL_IDLE_TIMEOUT", default_value = "30s")]
    #[arg(value_parser = duration, hide_short_help = true)]
    pub(crate) idle_timeout: Duration,
    /// Directory of the local store [default: imgctl/store in the user's data directory]
    #[arg(long, global = true, value_name = "DIR", env = "IMGCTL_STORE", hide_short_help = true)]
    pub(crate) store: Option<PathBuf>,
}

/// A number with ms, s, m or h; a bare number means seconds.
pub(super) fn duration(text: &str) -> Result<Duration, Error> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let milliseconds = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    match number {
        Some(number) if number > 0 => Ok(Duration::from_millis(number)),
        _ => Err(Error::usage(format!("{text:?} is no time: expected a number with ms, s, m or h"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(duration("5").unwrap(), Duration::from_secs(5));
        assert_eq!(duration("1500ms").unwrap(), Duration::from_millis(1500));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        for text in ["", "s", "-1s", "0s", "1d", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
