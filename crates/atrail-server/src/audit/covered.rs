//! Which bytes of a download were handed out.

use std::ops::Range;

/// Gaps that are kept apart; beyond it the smallest counts as handed out.
const GAPS_MAX: usize = 1024;

/// A set of bytes, as ranges that neither overlap nor touch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Covered(Vec<Range<u64>>);

impl Covered {
    /// The first bytes, so many.
    pub(super) fn up_to(end: u64) -> Self {
        let mut covered = Self::default();
        covered.add(0..end);
        covered
    }

    /// Adds bytes.
    pub(super) fn add(&mut self, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        let first = self.0.partition_point(|one| one.end < bytes.start);
        let behind = self.0.partition_point(|one| one.start <= bytes.end);
        let touched = &self.0[first..behind];
        let start = touched
            .first()
            .map_or(bytes.start, |one| one.start.min(bytes.start));
        let end = touched
            .last()
            .map_or(bytes.end, |one| one.end.max(bytes.end));
        self.0.splice(first..behind, std::iter::once(start..end));
        if self.0.len() > GAPS_MAX {
            self.close_smallest_gap();
        }
    }

    /// Whether the first bytes are all in, so many.
    pub(super) fn is_all_of(&self, total: u64) -> bool {
        self.0
            .first()
            .is_some_and(|one| one.start == 0 && one.end >= total)
    }

    fn close_smallest_gap(&mut self) {
        let gaps = self.0.windows(2).map(|pair| pair[1].start - pair[0].end);
        let smallest = gaps.enumerate().min_by_key(|(_, gap)| *gap);
        if let Some((at, _)) = smallest {
            let second = self.0.remove(at + 1);
            self.0[at].end = second.end;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_bounded_in_number() {
        let mut covered = Covered::default();
        for at in 0..5000 {
            covered.add(at * 10..at * 10 + 1);
        }
        assert!(covered.0.len() <= GAPS_MAX);
        assert!(covered.is_all_of(1) && !covered.is_all_of(60_000));
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_what_was_added(ranges in prop::collection::vec((0_u64..60, 0_u64..20), 0..30)) {
            let mut covered = Covered::default();
            let mut bytes = [false; 80];
            for (start, length) in ranges {
                covered.add(start..start + length);
                for byte in start..start + length {
                    bytes[usize::try_from(byte).unwrap()] = true;
                }
            }
            for (at, is_in) in (0_u64..).zip(bytes) {
                prop_assert_eq!(covered.0.iter().any(|one| one.contains(&at)), is_in);
            }
            let first = bytes.iter().take_while(|is_in| **is_in).count() as u64;
            prop_assert!(first == 0 || covered.is_all_of(first));
            prop_assert!(!covered.is_all_of(first + 1));
            prop_assert!(covered.0.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
