//! `--progress json`: one JSON event a line. `docs/PROGRESS.md` lists them, and so does the manual:
//! see `generate::PROGRESS_EVENTS`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use imgctl::oci::{Descriptor, Digest};
use imgctl::transfer::{BlobEvent, Event, Observer, Plan};
use serde_json::{Value, json};

use crate::cli::failure;
use crate::cli::ui::Ui;

/// How long a moving blob is not mentioned again.
const INTERVAL: Duration = Duration::from_millis(200);

/// Prints JSON events.
pub(super) struct Events {
    ui: Ui,
    moving: Mutex<HashMap<Digest, Moving>>,
}

struct Moving {
    bytes: u64,
    told: Instant,
}

impl Events {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, moving: Mutex::default() }
    }

    fn blob(&self, blob: &Descriptor, event: &BlobEvent<'_>) {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match event {
            BlobEvent::Moved(bytes) | BlobEvent::Recompressing(bytes) => {
                let entry = moving.entry(blob.digest).or_insert_with(|| Moving { bytes: 0, told: Instant::now() });
                entry.bytes += bytes;
                if *bytes > 0 && entry.told.elapsed() < INTERVAL {
                    return;
                }
                entry.told = Instant::now();
                let state = if matches!(event, BlobEvent::Moved(_)) { "moving" } else { "recompressing" };
                json!({ "state": state, "bytes": entry.bytes })
            }
            BlobEvent::Recompressed(into) => {
                json!({ "state": "recompressed", "as": into.digest, "as_size": into.size })
            }
            BlobEvent::Started => json!({ "state": "started" }),
            BlobEvent::Waiting => json!({ "state": "waiting" }),
            BlobEvent::Resumed(bytes) => {
                moving.insert(blob.digest, Moving { bytes: *bytes, told: Instant::now() });
                json!({ "state": "resumed", "bytes": bytes })
            }
            BlobEvent::Done => json!({ "state": "done" }),
            BlobEvent::Present => json!({ "state": "present" }),
            BlobEvent::Mounted(repository) => json!({ "state": "mounted", "from": repository.to_string() }),
            BlobEvent::Retrying { attempt, wait, error } => json!({
                "state": "retrying", "attempt": attempt, "wait_seconds": wait.as_secs_f64(), "error": failure::object(error),
            }),
            BlobEvent::Failed(error) => json!({ "state": "failed", "error": failure::object(error) }),
            _ => return,
        };
        if !matches!(event, BlobEvent::Moved(_) | BlobEvent::Recompressing(_) | BlobEvent::Resumed(_)) {
            moving.remove(&blob.digest);
        }
        drop(moving);
        self.ui.event(&merged(json!({ "event": "blob", "digest": blob.digest, "size": blob.size }), state));
    }
}

fn merged(mut event: Value, more: Value) -> Value {
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

fn planned(plan: &Plan) -> Value {
    let (blobs, bytes) = plan.blobs(|_| true);
    let manifests = plan.images.iter().map(|image| image.manifests.len()).sum::<usize>();
    json!({ "event": "planned", "images": plan.images.len(), "manifests": manifests, "blobs": blobs, "bytes": bytes })
}

impl Observer for Events {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Planned(plan) => self.ui.event(&planned(plan)),
            Event::Blob(blob, event) => self.blob(blob, event),
            Event::Manifest(manifest, name) => self.ui.event(&json!({
                "event": "manifest", "digest": manifest.digest, "size": manifest.size, "name": name.map(|name| name.as_str()),
            })),
            Event::Warning(text) => self.ui.warn(text),
            _ => {}
        }
    }
}
