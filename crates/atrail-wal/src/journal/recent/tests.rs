use std::sync::Arc;

use atrail_evidence::leaf_hash;
use atrail_model::{Hour, ManualClock, SpaceId};

use super::*;

fn domain(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

fn event(n: u64, day: u32) -> NewEvent {
    let line = Bytes::from(format!("{{\"n\":{n}}}"));
    NewEvent {
        day: Day::from_number(day).unwrap(),
        hour: Hour::new(7).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

/// A frame of two events, whose numbers are derived from its own.
fn frame(sequence: u64, of: u8) -> Frame {
    Frame {
        sequence,
        domain: domain(of),
        events: vec![event(sequence * 10, 1), event(sequence * 10 + 1, 2)],
    }
}

fn recent(most_bytes: u64, before: Before) -> Recent {
    let clock = ManualClock::new("2017-07-25T10:00:00Z".parse().unwrap());
    Recent::new(Arc::new(clock), most_bytes, before)
}

fn numbers(following: &Following) -> Vec<u64> {
    following.frames.iter().map(|(number, _)| *number).collect()
}

#[test]
fn frames_come_in_order_from_a_place_on_and_of_the_wanted_alone() {
    let recent = recent(
        0,
        Before {
            first: 1,
            ..Before::default()
        },
    );
    assert_eq!(recent.end(), JournalPlace::behind(0));
    recent.add(&[frame(1, 1), frame(2, 2), frame(3, 1)]);
    recent.add(&[frame(4, 1)]);
    let all = recent.after(JournalPlace::behind(0), 0, |_| true, u64::MAX);
    assert_eq!((numbers(&all), all.seen_to), (vec![1, 2, 3, 4], 4));
    let own = recent.after(JournalPlace::behind(0), 0, |of| of == domain(1), u64::MAX);
    assert_eq!((numbers(&own), own.seen_to), (vec![1, 3, 4], 4));
    // The frame of the place comes again: it may have events after the place.
    let within = JournalPlace {
        sequence: 3,
        events: 1,
    };
    let rest = recent.after(within, 0, |of| of == domain(1), u64::MAX);
    assert_eq!(numbers(&rest), [3, 4]);
    let some = recent.after(JournalPlace::behind(0), 0, |_| true, 1);
    assert_eq!((numbers(&some), some.seen_to), (vec![1], 1));
    assert!(all.missing_to.is_none() && own.missing_to.is_none());
}

#[test]
fn unsealed_frames_stay_and_sealed_ones_within_the_bound() {
    let one = RecentFrame {
        domain: domain(1),
        time: Timestamp::UNIX_EPOCH,
        events: frame(1, 1).events.into(),
    };
    let recent = recent(
        one.bytes(),
        Before {
            first: 1,
            ..Before::default()
        },
    );
    recent.add(&[frame(1, 1), frame(2, 2), frame(3, 1), frame(4, 1)]);
    recent.note_sealed(domain(1), 1);
    let all = |recent: &Recent| recent.after(JournalPlace::behind(0), 0, |_| true, u64::MAX);
    assert_eq!(numbers(&all(&recent)), [1, 2, 3, 4]);
    assert!(all(&recent).missing_to.is_none());
    recent.note_sealed(domain(1), 3);
    assert_eq!(
        numbers(&all(&recent)),
        [2, 3, 4],
        "the oldest sealed one is gone"
    );
    assert!(all(&recent).missing_to.is_some());
    let known = recent.after(JournalPlace::behind(0), 1, |_| true, u64::MAX);
    assert!(known.missing_to.is_none() && known.losses == 1);
    // Nothing is missing for the other domain, nor behind what is gone.
    let other = recent.after(JournalPlace::behind(0), 0, |of| of == domain(2), u64::MAX);
    assert!(other.missing_to.is_none());
    let later = recent.after(JournalPlace::behind(1), 0, |_| true, u64::MAX);
    assert!(later.missing_to.is_none());
    assert_eq!(recent.state.lock().sealed_bytes, one.bytes());
}

#[test]
fn deleted_events_are_forgotten_and_the_places_of_the_others_stay() {
    let recent = recent(
        u64::MAX,
        Before {
            first: 1,
            ..Before::default()
        },
    );
    recent.add(&[frame(1, 1), frame(2, 2)]);
    recent.note_sealed(domain(1), 1);
    let held = recent.state.lock().sealed_bytes;
    let day = Day::from_number(1).unwrap();
    let days = DayRange::new(day, day).unwrap();
    recent.forget(|of| of == domain(1), days, Hours::ALL);
    let all = recent.after(JournalPlace::behind(0), 0, |_| true, u64::MAX);
    let lines = |at: usize| -> Vec<usize> {
        let events = all.frames[at].1.events.iter();
        events.map(|event| event.line.len()).collect()
    };
    assert_eq!(lines(0), [0, 8], "the event of the deleted day is gone");
    assert_eq!(lines(1), [8, 8], "another domain's stay");
    assert_eq!(recent.state.lock().sealed_bytes, held - 8);
}

#[test]
fn a_place_of_the_process_before_is_continued() {
    // Frames 4, 6 and 9 were unsealed, and have the numbers 11 to 13 now.
    let before = || Before {
        sealed_to: [(domain(1), 5), (domain(2), 3)].into(),
        numbers: vec![(4, 11), (6, 12), (9, 13)],
        first: 11,
    };
    let recent = recent(u64::MAX, before());
    recent.add(&[frame(11, 2), frame(12, 1), frame(13, 1)]);
    let inside = JournalPlace {
        sequence: 6,
        events: 1,
    };
    let now = JournalPlace {
        sequence: 12,
        events: 1,
    };
    assert_eq!(recent.continue_at(inside, |_| true), (now, false));
    let between = JournalPlace::behind(7);
    assert_eq!(
        recent.continue_at(between, |_| true),
        (JournalPlace::behind(12), false)
    );
    // After frame 4, frame 5 of the first domain was sealed.
    let early = JournalPlace::behind(4);
    assert_eq!(
        recent.continue_at(early, |_| true),
        (JournalPlace::behind(11), true)
    );
    let other = recent.continue_at(early, |of| of == domain(2));
    assert_eq!(other, (JournalPlace::behind(11), false));
    let first = JournalPlace::behind(2);
    assert_eq!(
        recent.continue_at(first, |_| true),
        (JournalPlace::behind(10), true)
    );
}
