//! A registry that is far away, or at the end of a narrow line.

use super::{Fresh, Front, MOUNT, MOUNTED, PLAIN, PULL, Scenario};
use crate::corpus::Part;

/// A pull over a line.
const FAR: Scenario = Scenario { part: Part::Twenty, fresh: Fresh::Files, commands: PULL, ..PLAIN };

/// All of them.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "far-pull-20",
        about: "20 layers of 4 MiB, registry to OCI layout, 20 ms away at 1 Gbit/s",
        front: Front::Line(20, 1000),
        ..FAR
    },
    Scenario {
        name: "far-pull",
        about: "20 layers of 4 MiB, registry to OCI layout, 50 ms away at 1 Gbit/s",
        front: Front::Line(50, 1000),
        ..FAR
    },
    Scenario {
        name: "far-pull-100",
        about: "20 layers of 4 MiB, registry to OCI layout, 100 ms away at 1 Gbit/s",
        front: Front::Line(100, 1000),
        ..FAR
    },
    Scenario {
        name: "far-copy",
        about: "20 layers, to another repository of the same registry, 50 ms away at 1 Gbit/s",
        part: Part::Twenty,
        front: Front::Line(50, 1000),
        copies: MOUNTED,
        commands: MOUNT,
        ..PLAIN
    },
    Scenario {
        name: "narrow-pull",
        about: "4 layers of 2 MiB, registry to OCI layout, 20 ms away at 20 Mbit/s",
        part: Part::Medium,
        front: Front::Line(20, 20),
        ..FAR
    },
    Scenario {
        name: "far-one",
        about: "one layer of 1 GiB, registry to OCI layout, 20 ms away at 1 Gbit/s",
        part: Part::One,
        front: Front::Line(20, 1000),
        ..FAR
    },
    Scenario {
        name: "far-one-100",
        about: "one layer of 1 GiB, registry to OCI layout, 100 ms away at 1 Gbit/s: one connection does a third of it",
        part: Part::One,
        front: Front::Line(100, 1000),
        ..FAR
    },
];
