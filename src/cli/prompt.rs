//! Questions to a person at a terminal. They go to stderr: stdout is for results.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use imgctl::error::Kind;
use imgctl::net::Secret;
use imgctl::{Error, Result};

/// Whether somebody is there to answer.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks for one line.
pub(crate) fn line(question: &str) -> Result<String> {
    let read = || {
        io::stderr().write_all(question.as_bytes())?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    };
    read().map_err(failed)
}

/// Asks for a secret, which is not shown while it is typed.
pub(crate) fn secret(question: &str) -> Result<Secret> {
    rpassword::prompt_password(question).map(Secret::new).map_err(failed)
}

/// Asks on a thread of its own, so that signals are heard meanwhile.
pub(crate) async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(ask).await.unwrap_or_else(|error| Err(failed(io::Error::other(error))))
}

fn failed(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::Interrupted {
        // In the mode without echo the terminal sends no signal.
        return Error::new(Kind::Interrupted, "stopped at a question");
    }
    Error::local("read from the terminal", error)
}
