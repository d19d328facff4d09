//! Failures: an [`Error`] becomes words and an exit code. This is the one table of exit codes.

use std::error::Error as _;
use std::process::ExitCode;

use imgctl::Error;
use imgctl::error::Kind;
use serde_json::{Value, json};

use super::escape;
use super::signal::Signal;
use super::ui::Ui;

/// The exit code of a command line that makes no sense.
pub(crate) const USAGE: u8 = 2;

/// Exit codes and what they mean, for the manual.
pub(crate) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "done"),
    ("1", "failed"),
    ("2", "the command line or a configuration file makes no sense"),
    ("3", "not authenticated or not authorised"),
    ("4", "not found"),
    ("5", "content does not match its digest, size or shape"),
    ("6", "refused because it would be unsafe"),
    ("7", "the network or the other side did not answer properly within the retries"),
    ("8", "a local file, disk or process failed"),
    ("9", "rate-limited for longer than is waited"),
    ("129, 130, 143", "stopped by SIGHUP, SIGINT or SIGTERM"),
];

/// The exit code of `error`.
pub(crate) fn exit_code(error: &Error) -> u8 {
    match error.kind() {
        Kind::Usage => USAGE,
        Kind::Denied => 3,
        Kind::NotFound => 4,
        Kind::Mismatch => 5,
        Kind::Unsafe => 6,
        Kind::Network => 7,
        Kind::Local => 8,
        Kind::RateLimited => 9,
        Kind::Interrupted => {
            let signal = error.source().and_then(|cause| cause.downcast_ref::<Signal>());
            signal.copied().unwrap_or(Signal::Interrupt).exit_code()
        }
        _ => 1,
    }
}

/// Tells the user, and returns the exit code.
pub(crate) fn report(ui: &Ui, error: &Error) -> ExitCode {
    if ui.is_json() {
        ui.event(&object(error));
    } else {
        ui.error(&words(error));
    }
    ExitCode::from(exit_code(error))
}

/// One line, the causes, a hint.
fn words(error: &Error) -> String {
    let mut text = format!("imgctl: {}", escape::line(&error.to_string()));
    if error.attempts() > 1 {
        text.push_str(&format!(" ({} tries)", error.attempts()));
    }
    for cause in causes(error) {
        text.push_str(&format!("\n  caused by: {}", escape::line(&cause)));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\nhint: {}", escape::line(hint)));
    }
    text
}

/// The cause chain, without the layers that only repeat what was said already.
fn causes(error: &Error) -> Vec<String> {
    if error.kind() == Kind::Interrupted {
        return Vec::new();
    }
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.ends_with(&text) {
            causes.push(text.clone());
            said = text;
        }
        next = cause.source();
    }
    causes
}

/// The last line of `--progress json` when a command fails.
pub(crate) fn object(error: &Error) -> Value {
    let retry_at = error.retry_at().and_then(|at| jiff::Timestamp::try_from(at).ok()).map(|at| at.to_string());
    json!({
        "event": "error",
        "class": error.kind().as_str(),
        "exit_code": exit_code(error),
        "message": error.to_string(),
        "causes": causes(error),
        "side": error.side().map(|side| side.to_string()),
        "step": error.step(),
        "host": error.host(),
        "digest": error.digest(),
        "attempts": error.attempts(),
        "retry_at": retry_at,
        "hint": error.hint(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use imgctl::error::Side;

    #[test]
    fn u01_exit_codes_are_stable() {
        let table = [
            (Kind::Failed, 1),
            (Kind::Unsupported, 1),
            (Kind::Usage, 2),
            (Kind::Denied, 3),
            (Kind::NotFound, 4),
            (Kind::Mismatch, 5),
            (Kind::Unsafe, 6),
            (Kind::Network, 7),
            (Kind::Local, 8),
            (Kind::RateLimited, 9),
            (Kind::Interrupted, 130),
        ];
        for (kind, code) in table {
            assert_eq!(exit_code(&Error::new(kind, "x")), code, "{kind:?}");
        }
        let hung_up = Error::new(Kind::Interrupted, "x").with_source(Signal::HangUp);
        assert_eq!(exit_code(&hung_up), 129);
        assert_eq!(exit_code(&Error::new(Kind::Interrupted, "x").with_source(Signal::Terminate)), 143);
    }

    #[test]
    fn one_line_then_causes_then_a_hint() {
        let error = Error::local("write out.tar", std::io::Error::other("disk\u{1b} full"))
            .at(Side::Destination, "put blob")
            .with_hint("make room");
        assert_eq!(
            words(&error),
            "imgctl: destination: put blob: write out.tar\n  caused by: disk\\u{1b} full\nhint: make room"
        );
        let error = Error::new(Kind::Network, "r.example did not answer").with_attempts(5);
        assert_eq!(words(&error), "imgctl: r.example did not answer (5 tries)");
    }

    #[test]
    fn u02_the_error_object_says_class_host_and_digest() {
        let digest = imgctl::oci::Digest::of(b"x");
        let error = Error::mismatch("too short").with_host("r.example:5000").with_digest(digest).with_attempts(3);
        let object = object(&error);
        assert_eq!(object["class"], "mismatch");
        assert_eq!(object["exit_code"], 5);
        assert_eq!(object["host"], "r.example:5000");
        assert_eq!(object["digest"], digest.to_string());
        assert_eq!(object["attempts"], 3);
    }
}
