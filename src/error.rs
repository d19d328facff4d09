//! The one error of the library: a kind for machines, a subject, a cause chain and at most one hint for people.

use std::fmt;
use std::io;
use std::time::SystemTime;

use crate::name;
use crate::oci::{self, Digest};

/// Result of everything in this library that can fail after parsing.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What class of failure this is. Callers match on it; the command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was asked for makes no sense (a bad name, flags that contradict, a broken configuration file).
    Usage,
    /// Not authenticated or not authorised.
    Denied,
    /// The named thing does not exist.
    NotFound,
    /// Content does not match its digest, size, media type or shape.
    Mismatch,
    /// Refused because doing it would be unsafe (a secret to a strange host, a path out of its root).
    Unsafe,
    /// The network or the far side did not answer properly within the retries.
    Network,
    /// The far side asks us to slow down for longer than we are willing to wait.
    RateLimited,
    /// A local file, directory, disk or process failed.
    Local,
    /// The place cannot do what was asked.
    Unsupported,
    /// Stopped by the user.
    Interrupted,
    /// Anything else.
    Failed,
}

impl Kind {
    /// Stable lower-case name, as used in `--progress json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Mismatch => "mismatch",
            Self::Unsafe => "unsafe",
            Self::Network => "network",
            Self::RateLimited => "rate-limited",
            Self::Local => "local",
            Self::Unsupported => "unsupported",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

/// Which end of a copy an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where content is read.
    Source,
    /// Where content is written.
    Destination,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An error of any floor. Prints as `side: step: message`; the cause chain is in `source()`.
///
/// Messages may quote text of a server or an archive as it came: whoever prints one must escape it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    side: Option<Side>,
    step: Option<String>,
    host: Option<String>,
    digest: Option<Digest>,
    hint: Option<String>,
    attempts: u32,
    retry_at: Option<SystemTime>,
    source: Option<Cause>,
}

impl Error {
    /// A new error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            side: None,
            step: None,
            host: None,
            digest: None,
            hint: None,
            attempts: 0,
            retry_at: None,
            source: None,
        }))
    }

    /// [`Kind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// [`Kind::Mismatch`].
    pub fn mismatch(message: impl Into<String>) -> Self {
        Self::new(Kind::Mismatch, message)
    }

    /// [`Kind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// [`Kind::Local`] with its I/O error; `what` says what was being done to which path.
    pub fn local(what: impl Into<String>, source: io::Error) -> Self {
        Self::new(Kind::Local, what).with_source(source)
    }

    /// Adds the cause.
    pub fn with_source(mut self, source: impl Into<Cause>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the one hint a person gets, unless a deeper floor gave one already.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert(hint.into());
        self
    }

    /// Names the host (with port) that the error is about.
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.0.host.get_or_insert(host.into());
        self
    }

    /// Names the content that the error is about.
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.0.digest.get_or_insert(digest);
        self
    }

    /// Says how often it was tried.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Says when the far side wants to be asked again.
    pub fn with_retry_at(mut self, at: SystemTime) -> Self {
        self.0.retry_at = Some(at);
        self
    }

    /// Names the side and the step ("put blob sha256:…"), unless they are named already.
    pub fn at(mut self, side: Side, step: impl Into<String>) -> Self {
        self.0.side.get_or_insert(side);
        self.0.step.get_or_insert(step.into());
        self
    }

    /// The class of the failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The end of the copy, where it is known.
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// The step of the copy, where it is known.
    pub fn step(&self) -> Option<&str> {
        self.0.step.as_deref()
    }

    /// The host (with port), where one is concerned.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The content, where one is concerned.
    pub fn digest(&self) -> Option<Digest> {
        self.0.digest
    }

    /// The hint for people.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// How often it was tried; 0 where that means nothing.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// When the far side wants to be asked again.
    pub fn retry_at(&self) -> Option<SystemTime> {
        self.0.retry_at
    }
}

impl From<oci::ParseError> for Error {
    fn from(error: oci::ParseError) -> Self {
        Self::mismatch(error.to_string())
    }
}

impl From<name::ParseError> for Error {
    fn from(error: name::ParseError) -> Self {
        Self::usage(error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(side) = self.0.side {
            write!(f, "{side}: ")?;
        }
        if let Some(step) = &self.0.step {
            write!(f, "{step}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_side_step_and_cause_once() {
        let error = Error::local("write /x", io::Error::other("disk full"))
            .at(Side::Destination, "put blob")
            .at(Side::Source, "later floors do not rename it")
            .with_hint("first")
            .with_hint("second");
        assert_eq!(error.to_string(), "destination: put blob: write /x");
        assert_eq!(error.hint(), Some("first"));
        assert_eq!(format!("{error:?}"), "Local: destination: put blob: write /x: disk full");
    }
}
