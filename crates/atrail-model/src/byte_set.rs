//! The bytes of a download that were served.

use std::ops::Range;

/// Maximum number of gaps; beyond it the smallest gap counts as part of the set.
const GAPS_MAX: usize = 512;
/// Bytes of an encoded range: its start, its end.
const RANGE_BYTES: usize = 16;

/// A set of bytes, as ranges that neither overlap nor touch, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByteSet(Vec<Range<u64>>);

impl ByteSet {
    /// Returns the set of this many first bytes.
    #[must_use]
    pub fn up_to(end: u64) -> Self {
        let mut set = Self::default();
        set.add(0..end);
        set
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: Range<u64>) {
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

    /// Adds the bytes of another set.
    pub fn add_all(&mut self, other: &Self) {
        for bytes in &other.0 {
            self.add(bytes.clone());
        }
    }

    /// Reports whether all of these bytes are in the set.
    #[must_use]
    pub fn contains(&self, bytes: &Range<u64>) -> bool {
        bytes.is_empty()
            || self
                .0
                .iter()
                .any(|one| one.start <= bytes.start && bytes.end <= one.end)
    }

    /// Returns whether every byte of another set is in this one.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        let mut all = self.clone();
        all.add_all(other);
        all == *self
    }

    /// Reports whether any of these bytes is in the set.
    #[must_use]
    pub fn overlaps(&self, bytes: &Range<u64>) -> bool {
        let next = self.0.partition_point(|one| one.end <= bytes.start);
        !bytes.is_empty() && self.0.get(next).is_some_and(|one| one.start < bytes.end)
    }

    /// Returns the number of bytes in the set.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|one| one.end - one.start).sum()
    }

    /// Returns how many of the first `total` bytes are not in the set.
    #[must_use]
    pub fn missing_of(&self, total: u64) -> u64 {
        let inside = self
            .0
            .iter()
            .map(|one| one.end.min(total).saturating_sub(one.start));
        total - inside.sum::<u64>()
    }

    /// Returns the set in the catalog's format: each range as start and end, 8 bytes each, most significant first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let ends = self.0.iter().flat_map(|one| [one.start, one.end]);
        ends.flat_map(u64::to_be_bytes).collect()
    }

    /// Decodes the output of [`Self::to_bytes`]; returns `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut set = Self::default();
        let ranges = bytes.chunks_exact(RANGE_BYTES);
        if !ranges.remainder().is_empty() {
            return None;
        }
        for range in ranges {
            let (start, end) = range.split_first_chunk::<8>()?;
            let start = u64::from_be_bytes(*start);
            let end = u64::from_be_bytes(end.try_into().ok()?);
            if set.0.last().is_some_and(|last| last.end >= start) || start >= end {
                return None;
            }
            set.0.push(start..end);
        }
        Some(set)
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
    fn gaps_are_bounded_in_number_and_the_smallest_close_first() {
        let mut set = ByteSet::default();
        for at in 0..5000 {
            set.add(at * 10..at * 10 + 1);
        }
        assert_eq!(set.0.len(), GAPS_MAX);
        set.add(1_000_000..1_000_001);
        assert!(!set.overlaps(&(60_000..1_000_000)), "the largest gap stays");
    }

    #[test]
    fn what_is_no_set_is_not_read_as_one() {
        let written =
            |ends: &[u64]| -> Vec<u8> { ends.iter().flat_map(|end| end.to_be_bytes()).collect() };
        assert_eq!(ByteSet::from_bytes(&[]), Some(ByteSet::default()));
        assert_eq!(
            ByteSet::from_bytes(&written(&[0, 5])),
            Some(ByteSet::up_to(5))
        );
        for wrong in [
            &[3, 3][..],
            &[5, 3],
            &[0, 5, 5, 8],
            &[0, 5, 4, 8],
            &[6, 8, 0, 5],
            &[0, 5, 7],
        ] {
            assert_eq!(ByteSet::from_bytes(&written(wrong)), None, "{wrong:?}");
        }
        assert_eq!(ByteSet::from_bytes(&written(&[0, 5])[1..]), None);
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_what_was_added(
            ranges in prop::collection::vec((0_u64..60, 0_u64..20), 0..30),
            (from, length) in (0_u64..80, 0_u64..20),
        ) {
            let mut set = ByteSet::default();
            let mut bytes = [false; 120];
            for (start, length) in ranges {
                set.add(start..start + length);
                for byte in start..start + length {
                    bytes[usize::try_from(byte).unwrap()] = true;
                }
            }
            let asked = from..from + length;
            let mut of_asked = asked.clone().map(|at| bytes[usize::try_from(at).unwrap()]);
            prop_assert_eq!(set.contains(&asked), of_asked.clone().all(|is_in| is_in));
            prop_assert_eq!(set.overlaps(&asked), of_asked.any(|is_in| is_in));
            let count = bytes.iter().filter(|is_in| **is_in).count() as u64;
            prop_assert_eq!(set.count(), count);
            let of_first = bytes.iter().take(50).filter(|is_in| **is_in).count() as u64;
            prop_assert_eq!(set.missing_of(50), 50 - of_first);
            prop_assert!(set.0.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(ByteSet::from_bytes(&set.to_bytes()), Some(set.clone()));
            let mut twice = ByteSet::up_to(3);
            twice.add_all(&set);
            prop_assert!((0..120).all(|at| twice.contains(&(at..at + 1)) == (at < 3 || bytes[usize::try_from(at).unwrap()])));
        }
    }
}
