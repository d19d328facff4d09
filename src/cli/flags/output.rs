//! How to talk to the user: `--quiet`, `--progress`, logs, `--format`.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, ArgMatches, Args, ValueEnum};
use tracing::Level;

/// What is printed beside the result.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output options")]
pub(crate) struct OutputFlags {
    /// Print the result and errors only
    #[arg(short, long, global = true, env = "IMGCTL_QUIET", value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,
    /// How to show progress on stderr: bars on a terminal, one line per change of state, one JSON event a line, or not
    #[arg(long, global = true, value_name = "HOW", env = "IMGCTL_PROGRESS", default_value = "auto")]
    #[arg(hide_short_help = true)]
    progress: ProgressMode,
    /// Log what is done to stderr; -vv logs more, -vvv everything
    #[arg(short, long, global = true, action = ArgAction::Count, env = "IMGCTL_VERBOSE", hide_short_help = true)]
    verbose: u8,
    /// Log to stderr from this level on
    #[arg(long, global = true, value_name = "LEVEL", env = "IMGCTL_LOG_LEVEL", hide_short_help = true)]
    log_level: Option<LogLevel>,
    /// Log every HTTP request and answer to stderr, secrets redacted
    #[arg(long, global = true, env = "IMGCTL_TRACE", value_parser = FalseyValueParser::new(), hide_short_help = true)]
    pub(crate) trace: bool,
}

/// Ways to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// bar on a terminal, else plain
    Auto,
    /// bars that move
    Bar,
    /// one line for each change of state
    Plain,
    /// one JSON event a line
    Json,
    /// nothing
    None,
}

/// Levels of `--log-level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogLevel {
    Error,
    #[value(alias = "warning")]
    Warn,
    Info,
    Debug,
    Trace,
}

/// Whether a command line that makes no sense asks for JSON all the same.
pub(crate) fn is_progress_json(matches: &ArgMatches) -> bool {
    matches.try_get_one::<ProgressMode>("progress").ok().flatten() == Some(&ProgressMode::Json)
}

impl OutputFlags {
    /// The mode that was asked for; bars need a terminal to draw on.
    pub(crate) fn progress_mode(&self, can_draw: bool) -> ProgressMode {
        match self.progress {
            ProgressMode::Json => ProgressMode::Json,
            _ if self.quiet => ProgressMode::None,
            ProgressMode::Auto | ProgressMode::Bar if can_draw => ProgressMode::Bar,
            ProgressMode::Auto | ProgressMode::Bar => ProgressMode::Plain,
            other => other,
        }
    }

    /// From which level on to log.
    pub(crate) fn level(&self) -> Level {
        let asked = self.log_level.map(|level| match level {
            LogLevel::Error => Level::ERROR,
            LogLevel::Warn => Level::WARN,
            LogLevel::Info => Level::INFO,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Trace => Level::TRACE,
        });
        let counted = match self.verbose {
            0 => Level::WARN,
            1 => Level::INFO,
            2 => Level::DEBUG,
            _ => Level::TRACE,
        };
        asked.unwrap_or(counted)
    }
}

/// `--format`, for commands that print data.
#[derive(Debug, Args)]
#[command(next_help_heading = None)]
pub(crate) struct FormatFlag {
    /// Print json, jsonl, or a Go template such as '{{.Digest}}' or 'table {{.Name}}'
    #[arg(short = 'f', long, value_name = "FORMAT", env = "IMGCTL_FORMAT")]
    pub(crate) format: Option<String>,
}

/// `--dry-run`, for commands that move images.
#[derive(Debug, Args)]
pub(crate) struct DryRunFlags {
    /// Print what would be moved, and move nothing
    #[arg(long, env = "IMGCTL_DRY_RUN", value_parser = FalseyValueParser::new())]
    dry_run: bool,
    /// With --dry-run: print json, jsonl, or a Go template such as '{{.Digest}} {{.Size}}'
    #[arg(short = 'f', long, value_name = "FORMAT", env = "IMGCTL_FORMAT")]
    format: Option<String>,
}

impl DryRunFlags {
    /// Whether nothing shall be moved.
    pub(crate) fn is_set(&self) -> bool {
        self.dry_run
    }

    /// How to print the plan.
    pub(crate) fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }
}
