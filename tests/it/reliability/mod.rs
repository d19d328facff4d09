//! The published fault matrix: every fault with every command that may meet it. `docs/RELIABILITY.md` says what happened and
//! what was kept; here it happens again, and the page must still be true.

mod fault;
mod page;
mod trial;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fault::{FAULTS, Fault};
use trial::{Command, Outcome};

/// Commands that run at the same time: most of their time they wait.
const TOGETHER: usize = 6;

#[test]
fn the_fault_matrix_is_as_published() {
    let found = page::of(&all());
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md");
    if std::env::var_os("IMGCTL_UPDATE_DOCS").is_some() {
        fs::write(&published, &found).unwrap();
    }
    let said = fs::read_to_string(&published).unwrap_or_default();
    let differs = said.lines().zip(found.lines()).find(|(said, found)| said != found);
    assert!(
        said == found,
        "docs/RELIABILITY.md is not what happens; IMGCTL_UPDATE_DOCS=1 writes it anew: {differs:#?}"
    );
}

/// What came of every fault with every command of its direction, in the order of the page.
fn all() -> Vec<(&'static Fault, Vec<(Command, Outcome)>)> {
    let trials: Vec<(&Fault, Command)> =
        FAULTS.iter().flat_map(|fault| fault.commands().iter().map(move |command| (fault, *command))).collect();
    let outcomes: Vec<Mutex<Option<Outcome>>> = trials.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some((at, (fault, command))) =
                    Some(next.fetch_add(1, Ordering::SeqCst)).and_then(|at| Some((at, trials.get(at)?)))
                {
                    *outcomes[at].lock().unwrap() = Some(trial::run(fault, *command));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_iter().map(|outcome| outcome.into_inner().unwrap().expect("an outcome"));
    FAULTS
        .iter()
        .map(|fault| {
            (fault, fault.commands().iter().map(|command| (*command, outcomes.next().expect("one each"))).collect())
        })
        .collect()
}
