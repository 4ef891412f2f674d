//! Promises of a journal about events on their way to the archive.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use atrail_model::{AccountId, Day, DayRange, Domain, Place};
use bytes::Bytes;

use super::beds::Bed;
use super::{append, count, event, lines, numbered, seal, space, take, watermarks};
use crate::journal::{Batch, GATHER_HOURS, Journal, Rotation};
use crate::log::NewEvent;

pub(super) async fn what_is_being_sealed_counts_until_it_is(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), 0..3).await;
    append(&*journal, space(2), 0..3).await;
    let taken = take(&*journal, &[space(1), space(3)]);
    assert_eq!(lines(&taken), numbered(0..3));
    assert!(take(&*journal, &[space(1)]).is_empty(), "it is taken");
    let gathered = journal.gathered();
    assert_eq!((gathered.len(), gathered[0].domain), (1, space(2)));
    let both = HashSet::from([space(1), space(2)]);
    assert_eq!(journal.unsealed_domains(), both);
    append(&*journal, space(1), 3..5).await;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (5, 3)
    );
    journal.put_back(&taken);
    assert_eq!(count(&*journal, space(1)), 5);
    // Later events may be in the same portion, or follow it; they never precede it.
    let again = take(&*journal, &[space(1)]);
    assert!(lines(&again).is_superset(&numbered(0..3)));
    assert!(watermarks(&again)[&space(1)] >= watermarks(&taken)[&space(1)]);
    let marks = watermarks(&again);
    seal(&*journal, &again).await;
    let left = 5 - lines(&again).len() as u64;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (left, 3)
    );
    append(&*journal, space(1), 5..7).await;
    drop(journal);
    let journal = bed.open(&marks).await;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (left + 2, 3)
    );
}

/// Crashes between the catalog's transaction and the next step, again and again.
pub(super) async fn each_event_is_taken_in_the_order_of_watermarks_whatever_is_lost(bed: &dyn Bed) {
    let mut marks: HashMap<Domain, u64> = HashMap::new();
    let mut sealed: BTreeMap<Domain, BTreeSet<Bytes>> = BTreeMap::new();
    for round in 0..6_u32 {
        let journal = bed.open(&marks).await;
        append(&*journal, space(1), round * 10..round * 10 + 3).await;
        append(&*journal, space(2), [round]).await;
        let taken = take(&*journal, &[space(if round % 3 == 0 { 2 } else { 1 })]);
        append(&*journal, space(1), [round * 10 + 5]).await;
        for (domain, mark) in watermarks(&taken) {
            let before = marks.insert(domain, mark);
            assert!(before < Some(mark), "{before:?} {mark}");
            sealed.entry(domain).or_default().extend(lines(&taken));
        }
        if round % 2 == 0 {
            seal(&*journal, &taken).await;
            journal.trim(Rotation::None).await.unwrap();
        }
    }
    let journal = bed.open(&marks).await;
    let mut left = 0;
    while left < 100 && count(&*journal, space(1)) + count(&*journal, space(2)) > 0 {
        left += 1;
        for domain in [space(1), space(2)] {
            let taken = take(&*journal, &[domain]);
            let all = sealed.entry(domain).or_default();
            for line in lines(&taken) {
                assert!(all.insert(line), "sealed twice");
            }
            seal(&*journal, &taken).await;
        }
    }
    let of_first = (0..6).flat_map(|round| [0, 1, 2, 5].map(|n| round * 10 + n));
    assert_eq!(sealed[&space(1)], numbered(of_first));
    assert_eq!(sealed[&space(2)], numbered(0..6));
}

pub(super) async fn many_hours_are_taken_in_parts_and_oldest_first(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let all = u32::try_from(GATHER_HOURS * 3).unwrap();
    for begin in (0..all).step_by(100) {
        append(&*journal, space(1), begin..all.min(begin + 100)).await;
    }
    let gathered = journal.gathered();
    assert_eq!(gathered.len(), 1);
    assert!(gathered[0].hours.len() > 1);
    let mut from = 0;
    let mut mark = 0;
    for hours in &gathered[0].hours {
        let taken = take(&*journal, &[space(1)]);
        let part = u32::try_from(*hours).unwrap();
        assert_eq!(lines(&taken), numbered(from..from + part));
        assert!(watermarks(&taken)[&space(1)] > mark);
        from += part;
        mark = watermarks(&taken)[&space(1)];
        seal(&*journal, &taken).await;
    }
    assert_eq!((from, count(&*journal, space(1))), (all, 0));
    assert!(journal.gathered().is_empty() && journal.unsealed_domains().is_empty());
    assert_eq!(journal.unsealed().size_bytes, 0);
}

pub(super) async fn what_is_let_go_is_sealed(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(2), 0..3).await;
    append(&*journal, space(1), 0..40).await;
    let taken = take(&*journal, &[space(1)]);
    let marks = watermarks(&taken);
    for rotation in [Rotation::None, Rotation::EvenSmall, Rotation::Whole] {
        journal.trim(rotation).await.unwrap();
    }
    seal(&*journal, &taken).await;
    append(&*journal, space(1), 40..43).await;
    for rotation in [Rotation::EvenSmall, Rotation::None] {
        journal.trim(rotation).await.unwrap();
    }
    drop(journal);
    let journal = bed.open(&marks).await;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (3, 3)
    );
}

pub(super) async fn what_is_erased_is_gone_and_nothing_else(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let both = HashSet::from([space(1), space(3)]);
    append(&*journal, space(3), 200..203).await;
    // Many files in a directory.
    for n in 0..40 {
        append(&*journal, space(1), [n]).await;
        append(&*journal, space(2), [100 + n]).await;
    }
    let is_held = |n: u32| bed.holds(&event(n).line);
    let taken = take(&*journal, &[space(1)]);
    append(&*journal, space(1), 40..43).await;
    journal.erase(&both).await.unwrap();
    assert!((0..43).all(is_held), "nothing is sealed yet");
    let mut marks = watermarks(&taken);
    journal.sealed(&taken).await;
    let unsigned = journal.unsigned();
    assert_eq!(unsigned.keys().collect::<Vec<_>>(), [&space(1)]);
    journal.erase(&both).await.unwrap();
    journal.trim(Rotation::None).await.unwrap();
    assert!((0..43).all(is_held), "nothing is signed yet");
    journal.signed(&unsigned);
    assert!(journal.unsigned().is_empty());
    journal.erase(&HashSet::from([space(2)])).await.unwrap();
    journal.erase(&both).await.unwrap();
    assert!(!(0..40).any(is_held));
    assert!((40..43).chain(100..140).chain(200..203).all(is_held));
    let counts = |journal: &dyn Journal| [1, 2, 3].map(|n| count(journal, space(n)));
    assert_eq!(counts(&*journal), [3, 40, 3]);
    append(&*journal, space(1), 43..45).await;
    drop(journal);
    let journal = bed.open(&marks).await;
    assert_eq!(counts(&*journal), [5, 40, 3]);
    assert_eq!(append(&*journal, space(2), 100..140).await, 40);
    let taken = take(&*journal, &[space(1), space(2)]);
    marks.extend(watermarks(&taken));
    seal(&*journal, &taken).await;
    journal.erase(&both).await.unwrap();
    journal.trim(Rotation::None).await.unwrap();
    assert!(!(0..45).any(is_held));
    drop(journal);
    let journal = bed.open(&marks).await;
    assert_eq!(counts(&*journal), [0, 0, 3]);
}

pub(super) async fn unsealed_events_are_listed_in_the_order_of_their_arrival(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let of = event(0);
    let place = Place {
        domain: space(1),
        day: of.day,
        hour: of.hour,
    };
    let append_here = async |numbers: Range<u32>| {
        let events = numbers.map(|n| NewEvent {
            day: of.day,
            hour: of.hour,
            ..event(n)
        });
        let batch = Batch {
            account: AccountId::from_bytes([99; 16]),
            domain: space(1),
            seals: journal.seals_of(space(1)),
            events: events.collect(),
        };
        journal.append(batch).await.unwrap();
    };
    append_here(0..2).await;
    append(&*journal, space(2), 0..9).await;
    let taken = take(&*journal, &[space(1)]);
    append_here(2..5).await;
    let whole = DayRange::new(Day::FIRST, Day::LAST).unwrap();
    let own = HashMap::from([(space(1), 0)]);
    let listed = |from: usize, most: usize| {
        let lines = journal.lines(place, 0, from, most).unwrap().into_iter();
        lines.map(|line| line.line).collect::<Vec<_>>()
    };
    let expected = |numbers: Range<u32>| numbers.map(|n| event(n).line).collect::<Vec<_>>();
    for round in 0..2 {
        let hours = journal.hours(&own, whole).unwrap();
        assert_eq!(hours, [(place, 5)], "round {round}");
        assert_eq!(listed(0, 99), expected(0..5), "round {round}");
        assert_eq!(listed(1, 3), expected(1..4), "round {round}");
        assert!(listed(5, 9).is_empty() && listed(0, 0).is_empty());
        if round == 0 {
            journal.put_back(&taken);
            let again = take(&*journal, &[space(1)]);
            assert!(!again.is_empty());
            journal.put_back(&again);
        }
    }
    let later = DayRange::new(Day::LAST, Day::LAST).unwrap();
    assert!(journal.hours(&own, later).unwrap().is_empty());
    loop {
        let portion = take(&*journal, &[space(1)]);
        if portion.is_empty() {
            break;
        }
        seal(&*journal, &portion).await;
    }
    assert_eq!(count(&*journal, space(1)), 0);
}
