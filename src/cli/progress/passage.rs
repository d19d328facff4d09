//! Passage: how much of a copy is through, how fast it goes, and how long it will take.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use imgctl::oci::{Descriptor, Digest};
use imgctl::transfer::{BlobEvent, Plan, Presence};

use crate::cli::units;

/// All blobs of a copy together.
#[derive(Default)]
pub(super) struct Passage {
    /// How many bytes have to be moved, as far as is known.
    pub(super) length: u64,
    /// How many of them were moved.
    pub(super) moved: u64,
    done: u64,
    /// Sizes of the blobs that are there to be moved; it may be known late.
    planned: HashMap<Digest, u64>,
    /// What of each blob need not be moved.
    spared: HashMap<Digest, u64>,
    /// What was moved of blobs that are not through.
    moving: HashMap<Digest, u64>,
    /// When the rate was asked for, and how much was through then.
    asked: Option<(Instant, u64)>,
}

impl Passage {
    /// What will be done is known.
    pub(super) fn planned(&mut self, plan: &Plan) {
        let images = plan.images.iter().filter(|image| !image.is_current);
        let blobs = images.flat_map(|image| &image.blobs).filter(|blob| blob.presence != Presence::Present);
        self.planned = blobs.map(|blob| (blob.descriptor.digest, blob.descriptor.size)).collect();
        let left = |(digest, size): (&Digest, &u64)| size - self.spared.get(digest).unwrap_or(&0).min(size);
        self.length = self.planned.iter().map(left).sum();
    }

    /// Something happened to `blob`.
    pub(super) fn on(&mut self, blob: &Descriptor, event: &BlobEvent<'_>) {
        match event {
            BlobEvent::Moved(bytes) => {
                self.moved += bytes;
                *self.moving.entry(blob.digest).or_default() += bytes;
            }
            BlobEvent::Resumed(bytes) => self.spare(blob, *bytes),
            BlobEvent::Present | BlobEvent::Mounted(_) => {
                self.spare(blob, blob.size);
                self.done += 1;
            }
            BlobEvent::Done => {
                self.moving.remove(&blob.digest);
                self.done += 1;
            }
            BlobEvent::Retrying { .. } => self.moved -= self.moving.remove(&blob.digest).unwrap_or(0),
            _ => {}
        }
    }

    fn spare(&mut self, blob: &Descriptor, bytes: u64) {
        let spared = self.spared.entry(blob.digest).or_default();
        let more = bytes.min(blob.size.saturating_sub(*spared));
        *spared += more;
        if self.planned.contains_key(&blob.digest) {
            self.length = self.length.saturating_sub(more);
        }
    }

    /// `3/8`: how many blobs are done.
    pub(super) fn blobs(&self) -> String {
        format!("{}/{}", self.done, self.done.max(self.planned.len() as u64))
    }

    /// Where it stands, with the rate since this was asked the last time and the time that is left at that rate; nothing where
    /// that was less than `interval` ago.
    pub(super) fn line(&mut self, now: Instant, interval: Duration) -> Option<String> {
        let (since, before) = *self.asked.get_or_insert((now, self.moved));
        let passed = now.saturating_duration_since(since);
        if passed < interval || passed.is_zero() {
            return None;
        }
        self.asked = Some((now, self.moved));
        let rate = self.moved.saturating_sub(before) as f64 / passed.as_secs_f64();
        let left = self.length.saturating_sub(self.moved);
        let mut line = format!("{} blobs, {}", self.blobs(), units::size(self.moved, 4));
        if self.length > 0 {
            line.push_str(&format!(" of {}", units::size(self.length, 4)));
        }
        line.push_str(&format!(", {}/s", units::size(rate as u64, 3)));
        if left > 0 && rate >= 1.0 {
            line.push_str(&format!(", {} left", time_left(Duration::from_secs_f64(left as f64 / rate))));
        }
        Some(line)
    }
}

/// Whole seconds: nobody knows it better.
pub(super) fn time_left(left: Duration) -> String {
    match left.as_secs() {
        seconds @ ..60 => format!("{}s", seconds.max(1)),
        seconds => units::elapsed(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use imgctl::oci::MediaType;
    use imgctl::transfer::{PlannedBlob, PlannedImage};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn blob(name: &str, size: u64) -> Descriptor {
        Descriptor::new(MediaType::OCI_LAYER_GZIP, Digest::of(name.as_bytes()), size)
    }

    fn plan(blobs: &[Descriptor]) -> Plan {
        let planned = |blob: &Descriptor| PlannedBlob { descriptor: blob.clone(), presence: Presence::Unknown };
        let image = PlannedImage {
            source: blob("root", 1),
            destination: blob("root", 1),
            names: Vec::new(),
            is_current: false,
            manifests: Vec::new(),
            blobs: blobs.iter().map(planned).collect(),
        };
        Plan { images: vec![image] }
    }

    #[test]
    fn what_need_not_move_is_not_waited_for_whenever_the_plan_comes() {
        let [present, resumed, moved] = [blob("a", 100), blob("b", 200), blob("c", 400)];
        let (mut early, mut late) = (Passage::default(), Passage::default());
        let all = plan(&[present.clone(), resumed.clone(), moved.clone()]);
        early.planned(&all);
        for passage in [&mut early, &mut late] {
            passage.on(&present, &BlobEvent::Present);
            passage.on(&resumed, &BlobEvent::Resumed(150));
            passage.on(&moved, &BlobEvent::Moved(300));
            // Images that are all there tell of blobs that nobody planned to move.
            passage.on(&blob("d", 1_000), &BlobEvent::Present);
        }
        late.planned(&all);
        for passage in [early, late] {
            assert_eq!((passage.length, passage.moved, passage.blobs().as_str()), (450, 300, "2/3"));
        }
    }

    #[test]
    fn what_a_broken_try_moved_does_not_count() {
        let blob = blob("a", 1_000);
        let mut passage = Passage::default();
        passage.planned(&plan(std::slice::from_ref(&blob)));
        passage.on(&blob, &BlobEvent::Moved(600));
        let error = imgctl::Error::usage("broken");
        passage.on(&blob, &BlobEvent::Retrying { attempt: 2, wait: INTERVAL, error: &error });
        assert_eq!((passage.moved, passage.length), (0, 1_000));
        passage.on(&blob, &BlobEvent::Resumed(500));
        passage.on(&blob, &BlobEvent::Moved(500));
        passage.on(&blob, &BlobEvent::Done);
        assert_eq!((passage.moved, passage.length, passage.blobs().as_str()), (500, 500, "1/1"));
    }

    #[test]
    fn rate_and_time_left_are_those_since_the_last_line() {
        let blob = blob("a", 100_000_000);
        let mut passage = Passage::default();
        passage.planned(&plan(std::slice::from_ref(&blob)));
        let begin = Instant::now();
        assert_eq!(passage.line(begin, INTERVAL), None);
        passage.on(&blob, &BlobEvent::Moved(20_000_000));
        assert_eq!(passage.line(begin + INTERVAL / 2, INTERVAL), None);
        let line = passage.line(begin + INTERVAL, INTERVAL);
        assert_eq!(line.as_deref(), Some("0/1 blobs, 20MB of 100MB, 2MB/s, 40s left"));
        passage.on(&blob, &BlobEvent::Moved(1_000_000));
        let line = passage.line(begin + INTERVAL * 2, INTERVAL);
        assert_eq!(line.as_deref(), Some("0/1 blobs, 21MB of 100MB, 100kB/s, 13m10s left"));
        let line = passage.line(begin + INTERVAL * 3, INTERVAL);
        assert_eq!(line.as_deref(), Some("0/1 blobs, 21MB of 100MB, 0B/s"));
    }
}
