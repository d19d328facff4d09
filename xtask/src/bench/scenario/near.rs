//! Client and registries on one machine.

use super::{COPY, Fresh, Front, MOUNT, MOUNTED, PLAIN, PULL, Scenario};
use crate::corpus::Part;

/// Images from place to place.
pub(super) const MOVING: &[Scenario] = &[
    Scenario {
        name: "pull",
        about: "8 layers of 128 MiB, registry to OCI layout",
        part: Part::Big,
        fresh: Fresh::Files,
        commands: PULL,
        standards: &[("floor", "xtask floor pull {a}/{image}:1 {out}/files")],
        ..PLAIN
    },
    Scenario {
        name: "pull-tls",
        about: "8 layers of 128 MiB, registry to OCI layout, over TLS",
        part: Part::Big,
        fresh: Fresh::Files,
        front: Front::Tls,
        commands: &[
            ("imgctl", "imgctl copy --ca-file {certificates}/ca.crt {a}/{image}:1 oci:{out}/layout:1"),
            ("skopeo", "skopeo copy --src-cert-dir {certificates} docker://{a}/{image}:1 oci:{out}/layout:1"),
            ("crane", "SSL_CERT_FILE={certificates}/ca.crt crane pull --format=oci {a}/{image}:1 {out}/layout"),
            ("regctl", "SSL_CERT_FILE={certificates}/ca.crt regctl image copy {a}/{image}:1 ocidir://{out}/layout:1"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "copy",
        about: "8 layers of 128 MiB, registry to registry",
        part: Part::Big,
        fresh: Fresh::Registry,
        copies: Some(("{a}/big:1", "{b}/big:1")),
        commands: COPY,
        standards: &[("floor", "xtask floor copy {a}/{image}:1 {b}/{image}:1")],
        ..PLAIN
    },
    Scenario {
        name: "push",
        about: "8 layers of 128 MiB, OCI layout to registry (crane does not verify what it reads)",
        part: Part::Big,
        fresh: Fresh::Registry,
        copies: Some(("{a}/big:1", "{b}/big:1")),
        commands: &[
            ("imgctl", "imgctl copy oci:{layout}:1 {b}/big:1"),
            ("skopeo", "skopeo copy --dest-tls-verify=false oci:{layout}:1 docker://{b}/big:1"),
            ("crane", "crane push {layout} {b}/big:1"),
            ("regctl", "regctl --host reg={b},tls=disabled image copy ocidir://{layout}:1 {b}/big:1"),
        ],
        standards: &[("floor", "xtask floor push {layout} {b}/big:1")],
        ..PLAIN
    },
    Scenario {
        name: "docker-archive",
        about: "8 layers of 128 MiB, registry to a tar as docker save writes it (skopeo decompresses the layers)",
        part: Part::Big,
        fresh: Fresh::Files,
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 docker-archive:{out}/big.tar:big:1"),
            ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/big:1 docker-archive:{out}/big.tar:big:1"),
            ("crane", "crane pull {a}/big:1 {out}/big.tar"),
            ("regctl", "regctl --host reg={a},tls=disabled image export {a}/big:1 {out}/big.tar"),
        ],
        standards: &[("floor", "xtask floor save {a}/{image}:1 {out}/big.tar")],
        ..PLAIN
    },
    Scenario {
        name: "oci-archive",
        about: "8 layers of 128 MiB, registry to an OCI layout in a tar (crane has none)",
        part: Part::Big,
        fresh: Fresh::Files,
        commands: &[
            ("imgctl", "imgctl copy {a}/big:1 oci-archive:{out}/big.tar:1"),
            ("skopeo", "skopeo copy --src-tls-verify=false docker://{a}/big:1 oci-archive:{out}/big.tar:1"),
            ("regctl", "regctl --host reg={a},tls=disabled image export {a}/big:1 {out}/big.tar"),
        ],
        standards: &[("floor", "xtask floor save {a}/{image}:1 {out}/big.tar")],
        ..PLAIN
    },
    Scenario {
        name: "mount",
        about: "8 layers of 128 MiB, to another repository of the same registry (skopeo with a warm location cache)",
        part: Part::Big,
        copies: MOUNTED,
        commands: MOUNT,
        ..PLAIN
    },
    Scenario {
        name: "mount50",
        about: "50 layers, to another repository of the same registry",
        part: Part::Fifty,
        copies: MOUNTED,
        commands: MOUNT,
        ..PLAIN
    },
    Scenario {
        name: "small",
        about: "200 small images, the tags of one repository, registry to registry (regctl: a command for each)",
        part: Part::Small,
        fresh: Fresh::Registry,
        copies: Some(("{a}/small:2", "{b}/{tool}/small:2")),
        commands: SMALL,
        ..PLAIN
    },
    Scenario {
        name: "small-again",
        about: "the same, all of it there already",
        part: Part::Small,
        copies: Some(("{a}/small:2", "{b}/{tool}/small:2")),
        commands: SMALL,
        ..PLAIN
    },
];

const SMALL: &[(&str, &str)] = &[
    ("imgctl", "imgctl copy --all-tags {a}/small {b}/{tool}/small"),
    (
        "skopeo",
        "skopeo sync --src docker --dest docker --src-tls-verify=false --dest-tls-verify=false {a}/small {b}/{tool}",
    ),
    ("crane", "crane copy --all-tags --jobs 16 {a}/small {b}/{tool}/small"),
    (
        "regctl",
        "each: regctl --host reg={a},tls=disabled --host reg={b},tls=disabled image copy {a}/small:{i} \
         {b}/{tool}/small:{i}",
    ),
];

const TAGS: &[(&str, &str)] = &[
    ("imgctl", "imgctl tags {a}/{image}"),
    ("skopeo", "skopeo list-tags --tls-verify=false docker://{a}/{image}"),
    ("crane", "crane ls {a}/{image}"),
    ("regctl", "regctl --host reg={a},tls=disabled tag ls {a}/{image}"),
];

const LIST: &[(&str, &str)] = &[("curl", "curl -sSf http://{a}/v2/{image}/tags/list")];

/// Questions, and the start of the program.
pub(super) const ASKING: &[Scenario] = &[
    Scenario {
        name: "tags-2000",
        about: "list 2,000 tags",
        part: Part::Tags2000,
        runs: 10,
        commands: TAGS,
        standards: LIST,
        ..PLAIN
    },
    Scenario {
        name: "tags",
        about: "list 5,000 tags",
        part: Part::Tags5000,
        runs: 10,
        commands: TAGS,
        standards: LIST,
        ..PLAIN
    },
    Scenario {
        name: "digest",
        about: "digest of one tag",
        runs: 20,
        commands: &[
            ("imgctl", "imgctl digest {a}/{image}:1"),
            ("skopeo", "skopeo inspect --tls-verify=false --no-tags --format {{.Digest}} docker://{a}/{image}:1"),
            ("crane", "crane digest {a}/{image}:1"),
            ("regctl", "regctl --host reg={a},tls=disabled image digest {a}/{image}:1"),
        ],
        standards: &[(
            "curl",
            "curl -sSfI -H Accept:application/vnd.oci.image.manifest.v1+json http://{a}/v2/{image}/manifests/1",
        )],
        ..PLAIN
    },
    Scenario {
        name: "start",
        about: "start-up: print the version",
        runs: 50,
        commands: &[
            ("imgctl", "imgctl version"),
            ("skopeo", "skopeo --version"),
            ("crane", "crane version"),
            ("regctl", "regctl version"),
        ],
        standards: &[("true", "true")],
        ..PLAIN
    },
];

/// Much at once.
pub(super) const LARGE: &[Scenario] = &[
    Scenario {
        name: "pull-one",
        about: "one layer of 1 GiB, registry to OCI layout (curl: to a file, without verifying it)",
        part: Part::One,
        fresh: Fresh::Files,
        commands: PULL,
        standards: &[
            ("curl", "curl -sSf -o {out}/blob http://{a}/v2/{image}/blobs/{blob}"),
            ("floor", "xtask floor pull {a}/{image}:1 {out}/files"),
        ],
        ..PLAIN
    },
    Scenario {
        name: "resume",
        about: "one layer of 1 GiB to an OCI layout, after a first run was killed when half of it had arrived",
        part: Part::One,
        fresh: Fresh::Files,
        front: Front::Counter,
        killed: true,
        commands: PULL,
        ..PLAIN
    },
    Scenario {
        name: "huge",
        about: "one layer of 8 GiB, registry to registry",
        part: Part::Huge,
        fresh: Fresh::Registry,
        copies: Some(("{a}/huge:1", "{b}/huge:1")),
        commands: COPY,
        ..PLAIN
    },
];
