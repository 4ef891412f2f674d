//! Decides which objects of an hour are merged. Pure.

use std::ops::Range;

/// An object of this size or more stays as it is.
const LARGE_BYTES: u64 = 16 << 20;
/// Maximum bytes of one new object.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// Maximum number of sources of one object; the results are merged again later.
pub(super) const MAX_SOURCES: usize = 1024;
/// The weight of a smaller object: a file costs more than its bytes.
const LEAST_WEIGHT: u64 = 64 << 10;

/// Returns runs of objects to merge, each of two or more. `sizes` has the sizes of an hour's objects in their order;
/// `None` stands for one that must stay as it is.
///
/// Only neighbours are merged, so that the order of events stays. In no run does one object weigh more than all the
/// others: the few late events of an old hour do not cause its megabytes to be rewritten, but gather beside them until
/// they weigh as much. So the written bytes are at most twice the weight of the smaller objects, and few objects of an
/// hour remain, each about twice as large as the next.
pub(super) fn runs(sizes: &[Option<u64>]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (at, size) in sizes.iter().enumerate() {
        let Some(size) = size.filter(|size| *size < LARGE_BYTES) else {
            divide(sizes, start..at, &mut runs);
            (start, bytes) = (at + 1, 0);
            continue;
        };
        if bytes + size > MAX_BYTES || at - start == MAX_SOURCES {
            divide(sizes, start..at, &mut runs);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    divide(sizes, start..sizes.len(), &mut runs);
    runs
}

/// Adds the whole stretch, or the parts before and after an object that weighs too much.
fn divide(sizes: &[Option<u64>], stretch: Range<usize>, runs: &mut Vec<Range<usize>>) {
    if stretch.len() < 2 {
        return;
    }
    let weight = |at: usize| sizes[at].unwrap_or(0).max(LEAST_WEIGHT);
    let total: u64 = stretch.clone().map(weight).sum();
    let heaviest = stretch
        .clone()
        .max_by_key(|at| weight(*at))
        .expect("a stretch of two or more");
    if weight(heaviest) <= total - weight(heaviest) {
        runs.push(stretch);
        return;
    }
    divide(sizes, stretch.start..heaviest, runs);
    divide(sizes, heaviest + 1..stretch.end, runs);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;

    /// Returns the runs by their first and last place.
    fn found(sizes: &[Option<u64>]) -> Vec<(usize, usize)> {
        let places = |run: Range<usize>| (run.start, run.end - 1);
        runs(sizes).into_iter().map(places).collect()
    }

    /// Compacts until nothing is left to do; returns the number of written bytes.
    fn settle(sizes: &mut Vec<u64>) -> u64 {
        let mut written = 0;
        loop {
            let given: Vec<_> = sizes.iter().copied().map(Some).collect();
            let chosen = runs(&given);
            if chosen.is_empty() {
                return written;
            }
            for run in chosen.into_iter().rev() {
                let whole: u64 = sizes[run.clone()].iter().sum();
                written += whole;
                sizes.splice(run, [whole]);
            }
        }
    }

    #[test]
    fn small_objects_become_one() {
        assert_eq!(found(&[Some(600); 12]), [(0, 11)]);
        assert_eq!(found(&[Some(600); 2]), [(0, 1)]);
        assert_eq!(found(&[Some(600)]), []);
        assert_eq!(found(&[]), []);
    }

    #[test]
    fn what_is_large_or_must_stay_divides_and_stays() {
        let some = |size| Some(size * MIB);
        assert_eq!(
            found(&[some(1), some(1), some(16), some(1), some(1)]),
            [(0, 1), (3, 4)]
        );
        assert_eq!(
            found(&[some(1), None, some(1), some(1), None, None]),
            [(2, 3)]
        );
    }

    #[test]
    fn late_events_gather_beside_what_they_would_make_write_again() {
        assert_eq!(found(&[Some(10 * MIB), Some(600)]), []);
        assert_eq!(found(&[Some(10 * MIB), Some(600), Some(600)]), [(1, 2)]);
        assert_eq!(
            found(&[Some(10 * MIB), Some(6 * MIB), Some(4 * MIB)]),
            [(0, 2)]
        );
    }

    #[test]
    fn no_object_becomes_too_large_and_no_run_too_long() {
        assert_eq!(found(&[Some(15 * MIB); 9]), [(0, 3), (4, 7)]);
        assert_eq!(found(&[Some(600); 2000]), [(0, 1023), (1024, 1999)]);
    }

    #[test]
    fn a_year_of_late_events_writes_little_and_leaves_few_objects() {
        let mut sizes = vec![8 * MIB];
        let mut written = 0;
        for _ in 0..20_000 {
            sizes.push(600);
            written += settle(&mut sizes);
            assert!(sizes.len() <= 12, "{sizes:?}");
        }
        // Merging each into the large object would write 20,000 × 8 MiB.
        let per_event = written / 20_000;
        assert!(per_event < 2 * 64 * KIB, "{per_event}");
    }

    proptest! {
        #[test]
        fn runs_are_apart_in_order_bounded_and_never_one_objects_rewriting(
            sizes in prop::collection::vec(
                prop_oneof![Just(None), (1..20 * MIB).prop_map(Some), (1..KIB).prop_map(Some)], 0..300),
        ) {
            let mut end = 0;
            for run in runs(&sizes) {
                prop_assert!(run.start >= end && run.len() >= 2 && run.len() <= MAX_SOURCES);
                end = run.end;
                let taken: Vec<u64> = sizes[run].iter().map(|size| size.unwrap()).collect();
                let total: u64 = taken.iter().sum();
                let weights: Vec<_> = taken.iter().map(|size| (*size).max(LEAST_WEIGHT)).collect();
                let heaviest = *weights.iter().max().unwrap();
                prop_assert!(total <= MAX_BYTES && taken.iter().all(|size| *size < LARGE_BYTES));
                prop_assert!(2 * heaviest <= weights.iter().sum::<u64>());
            }
        }

        #[test]
        fn it_comes_to_an_end_with_few_objects(
            mut sizes in prop::collection::vec(1..200 * KIB, 1..2000),
        ) {
            let before: u64 = sizes.iter().sum();
            settle(&mut sizes);
            prop_assert_eq!(sizes.iter().sum::<u64>(), before);
            prop_assert!(sizes.len() as u64 <= 12 + before / (8 * MIB), "{:?}", sizes);
        }
    }
}
