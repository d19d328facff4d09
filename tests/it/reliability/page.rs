//! The page that says what came of it.

use std::fmt::Write;

use super::fault::{Direction, Fault};
use super::trial::{Command, Outcome};

const HEAD: &str = "\
# What happens when things go wrong

Every row is a fault, every column a command that met it in a test. Each command was run once against a registry with this
fault; the image has a layer of 5 MB; `--retries 3 --idle-timeout 1s --jobs 1`. This page is what came of it, and the test
`the_fault_matrix_is_as_published` fails when it is no longer true.

**done** means exit code 0, and every byte at the destination has the digest that the source promised. A number is the exit
code of a failure with its class, as `--progress json` names it. After a failure the destination's tag, file and image were
what they had been before; the test asserts it in every cell. **part kept** means that the same command run again goes on
where this one stopped.
";

/// The whole page.
pub fn of(all: &[(&Fault, Vec<(Command, Outcome)>)]) -> String {
    let mut page = HEAD.to_owned();
    for (direction, title) in
        [(Direction::Read, "Reading from a registry"), (Direction::Write, "Writing to a registry")]
    {
        let columns: Vec<&str> = direction.commands().iter().map(|command| command.title()).collect();
        let _ = write!(
            page,
            "\n## {title}\n\n| fault | {} |\n|---|{}\n",
            columns.join(" | "),
            "---|".repeat(columns.len())
        );
        for (fault, outcomes) in all.iter().filter(|(fault, _)| fault.direction == direction) {
            let cells: Vec<String> = outcomes.iter().map(|(_, outcome)| cell(outcome)).collect();
            let _ = writeln!(page, "| {} | {} |", fault.words, cells.join(" | "));
        }
    }
    page
}

fn cell(outcome: &Outcome) -> String {
    let kept = if outcome.is_kept { ", part kept" } else { "" };
    match outcome.code {
        0 => format!("done{kept}"),
        code => format!("{code} {}{kept}", outcome.class),
    }
}
