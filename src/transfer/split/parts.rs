//! Parts: which bytes of a blob somebody fetches, how far they have come, and how many stand there without a gap.

use std::collections::BTreeMap;
use std::ops::Range;

/// A blob in parts. Each byte is in one that was handed out or given back, or behind them all.
#[derive(Debug)]
pub(super) struct Parts {
    /// All bytes before this were taken.
    taken: u64,
    /// What was handed out and is not all taken, by the first byte.
    out: BTreeMap<u64, Part>,
    /// What was handed out and not fetched.
    back: BTreeMap<u64, u64>,
    /// From here on nothing was handed out.
    rest: u64,
    size: u64,
}

#[derive(Debug)]
struct Part {
    /// Where its next byte belongs.
    at: u64,
    end: u64,
}

/// How parts are handed out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Among how many.
    pub(super) among: usize,
    /// How many bytes each.
    pub(super) length: u64,
}

impl Parts {
    /// A blob of `size` bytes of which those before `begun` are there; all others are one part, handed out.
    pub(super) fn new(begun: u64, size: u64) -> Self {
        let out = BTreeMap::from([(begun, Part { at: begun, end: size })]);
        Self { taken: begun, out, back: BTreeMap::new(), rest: size, size }
    }

    /// How many bytes are to come.
    pub(super) fn left(&self) -> u64 {
        let out: u64 = self.out.values().map(|part| part.end - part.at).sum();
        let back: u64 = self.back.iter().map(|(start, end)| end - start).sum();
        out + back + (self.size - self.rest)
    }

    /// Where the next byte of the part that starts at `start` belongs, and where the part ends.
    pub(super) fn spot(&self, start: u64) -> Range<u64> {
        self.out.get(&start).map_or(start..start, |part| part.at..part.end)
    }

    /// Hands out the first part that is left. None is so far ahead that a kill would cost much, whoever is alone gets all.
    pub(super) fn hand_out(&mut self, share: Share) -> Option<Range<u64>> {
        let Share { among, length } = share;
        let part = match self.back.pop_first() {
            Some((start, end)) => start..end,
            None if self.rest == self.size => return None,
            None if among == 1 => self.rest..self.size,
            None if self.rest + length > self.taken + 2 * among as u64 * length => return None,
            None => self.rest..self.size.min(self.rest + length),
        };
        self.rest = self.rest.max(part.end);
        self.out.insert(part.start, Part { at: part.start, end: part.end });
        Some(part)
    }

    /// Whether nothing is left to hand out.
    pub(super) fn is_all_out(&self) -> bool {
        self.back.is_empty() && self.rest == self.size
    }

    /// A part that may be cut out of the one that reaches to the end: it begins `length` bytes behind what came of that.
    pub(super) fn offer(&self, length: u64) -> Option<Range<u64>> {
        let last = self.out.values().next_back().filter(|last| last.end == self.size)?;
        let start = last.at + length;
        (start + length < self.size).then(|| start..start + length)
    }

    /// Cuts out what was offered; `false` where the other came that far meanwhile.
    pub(super) fn cut(&mut self, offered: &Range<u64>) -> bool {
        let Some(last) = self.out.values_mut().next_back().filter(|last| last.end == self.size) else { return false };
        if last.at >= offered.start {
            return false;
        }
        last.end = offered.start;
        self.rest = offered.end;
        self.out.insert(offered.start, Part { at: offered.start, end: offered.end });
        true
    }

    /// `count` bytes have come of the part that starts at `start`.
    pub(super) fn came(&mut self, start: u64, count: u64) {
        if let Some(part) = self.out.get_mut(&start) {
            part.at += count;
        }
    }

    /// Nobody fetches any more of the part that starts at `start`.
    pub(super) fn give_back(&mut self, start: u64) {
        let Some(part) = self.out.get_mut(&start).filter(|part| part.at < part.end) else { return };
        self.back.insert(part.at, part.end);
        part.end = part.at;
        if part.at == start {
            self.out.remove(&start);
        }
    }

    /// Which bytes have come and are next.
    pub(super) fn ready(&self) -> Range<u64> {
        let first = self.out.first_key_value().filter(|(start, _)| **start <= self.taken);
        self.taken..first.map_or(self.taken, |(_, part)| part.at)
    }

    /// The next `count` bytes were taken.
    pub(super) fn take(&mut self, count: u64) {
        self.taken += count;
        while let Some(first) = self.out.first_entry().filter(|first| first.get().end <= self.taken) {
            first.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Share = Share { among: 2, length: 10 };
    const ONE: Share = Share { among: 1, length: 10 };

    /// Two fetch 100 bytes: of the first part 5 have come, the second is cut out behind it.
    fn split() -> Parts {
        let mut parts = Parts::new(0, 100);
        parts.came(0, 5);
        let offered = parts.offer(10).unwrap();
        assert_eq!(offered, 15..25);
        assert!(parts.cut(&offered));
        parts
    }

    #[test]
    fn a_part_is_cut_out_of_the_one_that_reaches_to_the_end() {
        let parts = split();
        assert_eq!((parts.spot(0), parts.spot(15), parts.left()), (5..15, 15..25, 95));
        assert_eq!(parts.offer(10), None, "none reaches to the end now");
    }

    #[test]
    fn what_the_first_has_fetched_meanwhile_is_not_cut_out() {
        let mut parts = Parts::new(0, 100);
        let offered = parts.offer(10).unwrap();
        parts.came(0, 10);
        assert!(!parts.cut(&offered));
        assert_eq!(parts.spot(0), 10..100);
        parts.came(0, 70);
        assert_eq!(parts.offer(10), None, "too little is left");
    }

    #[test]
    fn what_was_handed_out_from_the_same_byte_on_is_not_cut_out() {
        let mut parts = Parts::new(0, 100);
        let offered = parts.offer(10).unwrap();
        parts.came(0, 10);
        parts.give_back(0);
        assert_eq!(parts.hand_out(ONE), Some(10..100));
        assert!(!parts.cut(&offered), "it has one reader");
        assert_eq!((parts.spot(10), parts.left()), (10..100, 90));
    }

    #[test]
    fn what_came_is_taken_when_nothing_is_missing_before_it() {
        let mut parts = split();
        parts.came(15, 10);
        assert_eq!(parts.ready(), 0..5);
        parts.take(5);
        assert_eq!(parts.ready(), 5..5);
        parts.came(0, 10);
        assert_eq!(parts.ready(), 5..15);
        parts.take(10);
        assert_eq!(parts.ready(), 15..25);
        parts.take(10);
        assert_eq!((parts.ready(), parts.left()), (25..25, 75));
    }

    #[test]
    fn parts_are_handed_out_in_order_and_not_too_far_ahead() {
        let mut parts = split();
        assert_eq!(parts.hand_out(TWO), Some(25..35));
        assert_eq!(parts.hand_out(TWO), None, "another one would reach 45 bytes ahead");
        parts.take(5);
        assert_eq!(parts.hand_out(TWO), Some(35..45));
        assert_eq!(parts.hand_out(ONE), Some(45..100), "who is alone gets the rest");
        assert_eq!(parts.hand_out(ONE), None);
    }

    #[test]
    fn what_was_given_back_is_handed_out_first() {
        let mut parts = split();
        parts.came(15, 4);
        parts.give_back(15);
        assert_eq!(parts.left(), 91);
        assert_eq!(parts.hand_out(TWO), Some(19..25));
        parts.give_back(19);
        assert_eq!(parts.hand_out(ONE), Some(19..25));
        assert_eq!(parts.hand_out(TWO), Some(25..35));
        assert_eq!(parts.spot(15), 19..19, "what came of it stays");
    }
}
