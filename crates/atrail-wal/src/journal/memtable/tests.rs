use atrail_evidence::leaf_hash;
use atrail_model::{Day, Hour, ManualClock, SpaceId};
use bytes::Bytes;

use super::*;
use crate::journal::GATHER_HOURS;
use crate::journal::load::{ROOM_FACTOR, SEAL_AT_HOURS};
use crate::journal::recent::Before;

/// Bytes that may gather before they are sealed.
const SEAL_AT: u64 = 1 << 20;

fn memtable() -> Memtable {
    let clock = ManualClock::new("2017-07-24T07:00:00Z".parse().unwrap());
    let clock = Arc::new(clock);
    let recent = Recent::new(clock.clone(), 0, Before::default());
    Memtable::new(clock, SEAL_AT, recent, HashMap::new())
}

fn space(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

/// Returns a frame with one event in each of these hours since 1970.
fn frame(sequence: u64, domain: Domain, hours: std::ops::Range<u32>) -> Frame {
    let events = hours.map(|hour| {
        let line = Bytes::from(format!("{{\"hour\":{hour}}}"));
        NewEvent {
            day: Day::from_number(hour / 24).unwrap(),
            hour: Hour::new((hour % 24).try_into().unwrap()).unwrap(),
            leaf: leaf_hash(&line),
            line,
        }
    });
    Frame {
        sequence,
        domain,
        events: events.collect(),
    }
}

/// Fills a domain with this many hours, a hundred per frame; returns the last sequence number.
fn spread(memtable: &Memtable, domain: Domain, hours: u32, from_sequence: u64) -> u64 {
    let mut sequence = from_sequence;
    for begin in (0..hours).step_by(100) {
        sequence += 1;
        memtable.insert(vec![frame(sequence, domain, begin..begin + 100)]);
    }
    sequence
}

fn take_all(memtable: &Memtable) -> Taken {
    let domains = memtable.gathered().iter().map(|one| one.domain).collect();
    memtable.take(&domains)
}

#[test]
fn what_one_domain_has_of_many_hours_is_sealed_in_the_order_of_its_frames_and_in_small_parts() {
    let memtable = memtable();
    let last = spread(&memtable, space(1), 3000, 0);
    memtable.insert(vec![frame(last + 1, space(2), 0..3)]);
    let gathered = memtable.gathered();
    let of = |domain| {
        let one = gathered.iter().find(|one| one.domain == domain).unwrap();
        one.hours.clone()
    };
    assert_eq!(of(space(2)), [3]);
    assert_eq!(of(space(1)).iter().sum::<usize>(), 3000);
    let mut next = 1;
    for _ in of(space(1)) {
        let taken = take_all(&memtable);
        for (domain, pending) in &taken {
            assert!(pending.hours.len() < GATHER_HOURS + 100);
            if *domain == space(1) {
                assert_eq!(pending.first_sequence, next, "no frame is left out");
                next = pending.last_sequence + 1;
            }
        }
        assert!(!taken.is_empty());
        memtable.forget_sealed(&taken);
        memtable.forget_signed(&memtable.unsigned());
    }
    assert_eq!(next, last + 1);
    assert_eq!(memtable.oldest_sequence(), None);
    assert_eq!(memtable.unsealed().size_bytes, 0);
}

#[test]
fn what_could_not_be_sealed_is_next_again_and_nothing_passes_it() {
    let memtable = memtable();
    let last = spread(&memtable, space(1), 1200, 0);
    let before = memtable.unsealed();
    let first = take_all(&memtable).remove(0).1;
    memtable.insert(vec![frame(last + 1, space(1), 5000..5001)]);
    memtable.put_back(&[(space(1), Arc::clone(&first))]);
    assert_eq!(memtable.oldest_sequence(), Some(1));
    let again = take_all(&memtable).remove(0).1;
    assert_eq!(
        (again.first_sequence, again.last_sequence),
        (first.first_sequence, first.last_sequence)
    );
    assert_eq!(memtable.unsealed().events, before.events + 1);
    let ever = DayRange::new(Day::FIRST, Day::LAST).unwrap();
    let above = HashMap::from([(space(1), 0)]);
    let counted = memtable.totals(&above, ever, Hours::ALL).unwrap();
    let counted: u64 = counted.iter().map(|(_, total)| total.count).sum();
    assert_eq!(counted, 1201, "also while part of it is being sealed");
}

#[test]
fn an_account_may_have_a_part_unsealed_and_others_go_on() {
    let memtable = memtable();
    let accounts = [1, 2, 3].map(|n| AccountId::from_bytes([n + 100; 16]));
    let [greedy, other, third] = accounts;
    memtable.set_owners([(space(1), greedy), (space(2), greedy), (space(3), other)].into_iter());
    let all_hours = u32::try_from(SEAL_AT_HOURS * ROOM_FACTOR).unwrap();
    // In two spaces, so that the account is counted.
    let part = all_hours / 3 + 200;
    let last = spread(&memtable, space(1), part, 0);
    assert!(memtable.has_room(greedy));
    let last = spread(&memtable, space(2), part, last);
    assert!(!memtable.has_room(greedy), "the control");
    assert!(memtable.has_room(other) && memtable.has_room(third));
    // Each later account gets less, and some room always remains.
    spread(&memtable, space(3), all_hours / 4, last);
    assert!(!memtable.has_room(other) && memtable.has_room(third));
    loop {
        let taken = take_all(&memtable);
        assert!(!memtable.has_room(other), "what is being sealed counts");
        memtable.forget_sealed(&taken);
        if memtable.has_room(other) {
            break;
        }
    }
    loop {
        let taken = take_all(&memtable);
        if taken.is_empty() {
            break;
        }
        memtable.forget_sealed(&taken);
    }
    assert!(accounts.iter().all(|account| memtable.has_room(*account)));
    assert!(memtable.inner.lock().loads.is_empty());
}

#[test]
fn owners_that_become_known_late_are_counted_as_if_they_had_always_been() {
    let memtable = memtable();
    let account = AccountId::from_bytes([200; 16]);
    let all_hours = u32::try_from(SEAL_AT_HOURS * ROOM_FACTOR).unwrap();
    spread(&memtable, space(1), all_hours * 3 / 4, 0);
    assert!(memtable.has_room(account));
    let mut taken = take_all(&memtable);
    memtable.set_owners([(space(1), account)].into_iter());
    assert!(!memtable.has_room(account));
    while !taken.is_empty() {
        memtable.forget_sealed(&taken);
        taken = take_all(&memtable);
    }
    assert!(memtable.inner.lock().loads.is_empty());
}
