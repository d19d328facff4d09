//! Disks that are full.

use super::scene::{MIB, Scene};

/// Fills a disk of `size`, then gives it room; what is said of it is printed between.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=$1 none "$2" || exit 99
cd "$2"
"$3" copy -q "$4" "$5"
echo "code $?"
find . -type f -printf '%p %s\n'
mount -o remount,size=100m "$2"
"$3" copy -q "$4" "$5" && "$3" copy -q "$5" oci:checked:1
echo "code $?"
find . -name '*imgctl-*' -o -path '*/transfers/*'
"#;

#[test]
fn s10_a_full_disk_names_nothing_and_what_fits_is_kept() {
    let scene = Scene::new(24 * MIB, |_| Vec::new());
    let store = scene.env.store();
    std::fs::create_dir_all(&store).unwrap();
    let from = scene.proxy.reference("a:1");
    for (to, place) in [
        ("store:a:1", store.as_path()),
        ("oci:out:1", &scene.env.path("")),
        ("oci-archive:out.tar:1", &scene.env.path("")),
    ] {
        for size in ["64k", "3m", "12m", "20m"] {
            let before = scene.proxy.sent();
            let place = place.to_str().unwrap();
            let ours = env!("CARGO_BIN_EXE_imgctl");
            let args = ["--map-root-user", "--mount", "bash", "-c", SCRIPT, "-", size, place, ours, &from, to];
            let outcome = scene.env.tool("unshare", args).run().ok();
            let text = outcome.stdout_text();
            let lines: Vec<&str> = text.lines().collect();
            let told = || format!("{to} on {size}: {}", outcome.told());
            assert_eq!(lines[0], "code 8", "{}", told());
            assert!(outcome.stderr.contains("No space left") || outcome.stderr.contains("disk is full"), "{}", told());
            let second = lines.iter().rposition(|line| line.starts_with("code")).unwrap();
            assert_eq!(lines[second..], ["code 0"], "{}", told());
            let layer = scene.image.layers()[0].hex();
            assert!(
                !lines[1..second]
                    .iter()
                    .any(|line| line.contains(&format!("blobs/sha256/{layer}")) || line.contains("/out.tar ")),
                "{}",
                told()
            );
            // What has its checkpoint is not fetched again.
            let fetched = scene.proxy.sent() - before;
            let most = if matches!(size, "12m" | "20m") { 24 * MIB + 14 * MIB } else { 29 * MIB };
            assert!(fetched <= most, "{fetched} {}", told());
        }
    }
}
