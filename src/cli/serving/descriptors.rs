//! File descriptors: every connection and every open blob is one, and the usual soft limit is for programs that have few.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Allows ourselves as many as we may have.
pub(crate) fn allow_many() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, idle connections make room earlier.
    let _ = setrlimit(Resource::Nofile, limit);
}
