//! Climb: from how many ranges a blob is read. One more is tried as long as the one before it was worth its while.

use std::time::Duration;

use crate::content::PIECE;

/// What is left of a blob that is worth another range.
pub(super) const LARGE: u64 = 32 * 1024 * 1024;
/// A rate is known after the line was waited for so long …
const LOOK: Duration = Duration::from_secs(1);
/// … and brought so much, or a few pieces would decide.
const ENOUGH: u64 = 16 * PIECE as u64;
/// Who brings so much in a second needs no help: more than a gigabit.
const FAST: f64 = 128.0 * 1024.0 * 1024.0;
/// What is left takes so many seconds at least, or another connection would come too late.
const LONG: f64 = 2.0;
/// So much more must come with one range more.
const GAIN: f64 = 1.15;
/// A range holds what comes in so many seconds: the way there and back is small beside it, and so is what a kill costs.
const SECONDS: f64 = 2.0;
/// However slow or fast it is, a range has so many bytes.
const RANGE: std::ops::RangeInclusive<u64> = 8 * 1024 * 1024..=64 * 1024 * 1024;

/// What the line brings. Only the time counts in which it was waited for, so a limit of ours never looks like a slow line, and
/// while there is one range a slow disk does not either. With several, each seems to wait while what another brought is written.
#[derive(Debug)]
pub(super) struct Climb {
    most: usize,
    /// How many ranges there are.
    ranges: usize,
    bytes: u64,
    /// By all ranges together.
    waited: Duration,
    /// Bytes a second, all together, when that was known last.
    rate: f64,
    /// The rate before the last range came, until it is known what that brought.
    before: Option<f64>,
    is_over: bool,
}

impl Climb {
    /// Begins with one range; there will be `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ranges: 1, bytes: 0, waited: Duration::ZERO, rate: 0.0, before: None, is_over: false }
    }

    /// `bytes` came in a range that waited for them.
    pub(super) fn came(&mut self, bytes: u64, waited: Duration) {
        self.bytes += bytes;
        self.waited += waited;
    }

    /// Whether another range is worth while, `left` bytes before the end.
    pub(super) fn wants_more(&mut self, left: u64) -> bool {
        let seconds = self.waited.as_secs_f64() / self.ranges as f64;
        if self.is_over || seconds < LOOK.as_secs_f64() || self.bytes < ENOUGH {
            return false;
        }
        self.rate = self.bytes as f64 / seconds;
        self.look_anew();
        self.is_over = self.before.take().is_some_and(|before| self.rate < before * GAIN);
        let is_slow = self.rate < FAST && left as f64 / self.rate >= LONG;
        !self.is_over && self.ranges < self.most && left >= LARGE && is_slow
    }

    /// Another range was added.
    pub(super) fn added(&mut self) {
        self.before = Some(self.rate);
        self.ranges += 1;
        self.look_anew();
    }

    /// A range has left.
    pub(super) fn left(&mut self) {
        self.before = None;
        self.ranges -= 1;
        self.look_anew();
    }

    /// No more are to come.
    pub(super) fn give_up(&mut self) {
        self.is_over = true;
    }

    /// How many ranges there are.
    pub(super) fn ranges(&self) -> usize {
        self.ranges
    }

    /// How many bytes a range has.
    pub(super) fn length(&self) -> u64 {
        let mib = 1024.0 * 1024.0;
        let length = (self.rate / self.ranges as f64 * SECONDS / mib).ceil() * mib;
        (length as u64).clamp(*RANGE.start(), *RANGE.end())
    }

    fn look_anew(&mut self) {
        (self.bytes, self.waited) = (0, Duration::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const LEFT: u64 = 1 << 30;

    /// Half a minute of a line that brings so many MiB a second to each of its ranges, and `most` at all.
    fn ranges(each: f64, most: f64, left: u64) -> usize {
        let mut climb = Climb::new(4);
        for _ in 0..300 {
            let ranges = climb.ranges() as f64;
            let second = (each * ranges).min(most) * MIB as f64;
            (0..climb.ranges()).for_each(|_| climb.came((second / ranges / 10.0) as u64, Duration::from_millis(100)));
            if climb.wants_more(left) {
                climb.added();
            }
        }
        climb.ranges()
    }

    #[test]
    fn ranges_are_added_as_long_as_each_brings_more() {
        assert_eq!(ranges(5.0, f64::MAX, LEFT), 4, "as many as may be");
        assert_eq!(ranges(5.0, 5.0, LEFT), 2, "the second brought nothing");
        assert_eq!(ranges(5.0, 10.5, LEFT), 3, "the third brought little");
        assert_eq!(ranges(60.0, f64::MAX, 4 * LEFT), 3, "it is fast enough then");
    }

    #[test]
    fn what_is_fast_small_or_soon_there_is_not_split() {
        assert_eq!(ranges(130.0, f64::MAX, 100 * LEFT), 1);
        assert_eq!(ranges(1.0, f64::MAX, LARGE - 1), 1);
        assert_eq!(ranges(50.0, f64::MAX, 99 * MIB), 1);
    }

    #[test]
    fn only_the_time_counts_in_which_the_line_was_waited_for() {
        let mut climb = Climb::new(4);
        (0..1000).for_each(|_| climb.came(PIECE as u64, Duration::ZERO));
        assert!(!climb.wants_more(LEFT), "all of it was there when it was asked for");
    }

    #[test]
    fn one_range_is_never_more() {
        let mut climb = Climb::new(1);
        climb.came(ENOUGH, 2 * LOOK);
        assert!(!climb.wants_more(LEFT));
    }

    #[test]
    fn a_range_has_what_comes_in_two_seconds_within_bounds() {
        for (rate, length) in [(0.0, 8), (3.0, 8), (10.0, 20), (10.1, 21), (100.0, 64)] {
            let climb = Climb { rate: rate * MIB as f64, ..Climb::new(4) };
            assert_eq!(climb.length(), length * MIB, "{rate}");
        }
    }
}
