//! Divides sealing into steps, so that others get their turn in between.

use std::collections::HashSet;

use atrail_model::Domain;
use atrail_wal::Gathered;

/// Returns the domains in groups that are sealed one after the other, each with one take from the journal. A domain is
/// in as many groups as it has portions, and domains with few portions finish first. No group has more than
/// `max_hours` unless it consists of one domain alone.
pub(super) fn slices(gathered: &[Gathered], max_hours: usize) -> Vec<HashSet<Domain>> {
    let mut left: Vec<_> = gathered.iter().collect();
    let mut slices = Vec::new();
    for turn in 0.. {
        left.retain(|one| one.hours.len() > turn);
        if left.is_empty() {
            break;
        }
        let mut slice = HashSet::new();
        let mut hours = 0;
        for one in &left {
            let more = one.hours[turn];
            if hours + more > max_hours && !slice.is_empty() {
                slices.push(std::mem::take(&mut slice));
                hours = 0;
            }
            hours += more;
            slice.insert(one.domain);
        }
        slices.push(slice);
    }
    slices
}

#[cfg(test)]
mod tests {
    use atrail_model::{Clock, ManualClock, SpaceId};

    use super::*;

    #[test]
    fn who_has_little_does_not_wait_and_nobody_has_more_than_a_part_at_one_go() {
        let clock = ManualClock::new("2017-07-24T07:00:00Z".parse().expect("a time"));
        let space = |n| Domain::Space(SpaceId::from_bytes([n; 16]));
        let of = |n, hours: &[usize]| Gathered {
            domain: space(n),
            since: clock.elapsed(),
            hours: hours.to_vec(),
        };
        let gathered = [of(1, &[5, 5, 2]), of(2, &[1]), of(3, &[7])];
        let sliced = slices(&gathered, 6);
        assert!(sliced[..2].iter().any(|slice| slice.contains(&space(2))));
        let times = |n| {
            let of = |slice: &&HashSet<Domain>| slice.contains(&space(n));
            sliced.iter().filter(of).count()
        };
        assert_eq!([1, 2, 3].map(times), [3, 1, 1]);
        for slice in &sliced {
            let of_first = |one: &&Gathered| slice.contains(&one.domain);
            let hours: usize = gathered
                .iter()
                .filter(of_first)
                .map(|one| one.hours[0])
                .sum();
            assert!(hours <= 6 || slice.len() == 1, "{sliced:?}");
        }
        assert!(slices(&[], 6).is_empty());
    }
}
