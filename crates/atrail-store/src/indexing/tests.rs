//! Days wait until they are indexed as of their last change, and nobody who removes events waits for them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use atrail_model::{Day, Domain, SpaceId};

use super::Indexing;

fn space(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

#[test]
fn the_newest_day_is_due_first_once_it_has_waited() {
    let indexing = Indexing::default();
    indexing.note([(space(2), day(7)), (space(1), day(7)), (space(1), day(9))].into_iter());
    assert!(indexing.due(Duration::from_secs(600)).is_empty());
    let due = indexing.due(Duration::ZERO);
    let order: Vec<_> = due.iter().map(|one| (one.domain, one.day)).collect();
    assert_eq!(
        order,
        [(space(1), day(9)), (space(1), day(7)), (space(2), day(7))]
    );
    assert_eq!(indexing.progress().waiting_days, 3);
}

#[test]
fn what_changes_while_it_is_indexed_waits_again() {
    let indexing = Indexing::default();
    indexing.note([(space(1), day(7))].into_iter());
    let due = indexing.due(Duration::ZERO)[0];
    indexing.note([(space(1), day(7))].into_iter());
    indexing.done(due);
    let again = indexing.due(Duration::ZERO);
    assert_eq!(again.len(), 1);
    indexing.done(again[0]);
    assert!(indexing.due(Duration::ZERO).is_empty());
    assert_eq!(indexing.progress(), super::IndexProgress::default());
}

#[test]
fn a_day_that_fails_keeps_no_other_waiting_and_is_tried_again() {
    let indexing = Indexing::default();
    indexing.note([(space(1), day(9)), (space(1), day(7))].into_iter());
    indexing.put_off(indexing.due(Duration::ZERO)[0], Duration::from_secs(600));
    let due = indexing.due(Duration::ZERO);
    assert_eq!((due.len(), due[0].day), (1, day(7)));
    assert_eq!(indexing.progress().failing_days, 1);
    indexing.forget_failures();
    assert_eq!(indexing.due(Duration::ZERO).len(), 2);
}

#[test]
fn a_domain_whose_events_are_removed_is_not_due_meanwhile() {
    let indexing = Indexing::default();
    indexing.note([(space(1), day(7)), (space(2), day(7))].into_iter());
    let one = indexing.interrupt([space(1)].into_iter());
    let other = indexing.interrupt([space(1), space(3)].into_iter());
    let due = || indexing.due(Duration::ZERO).len();
    assert_eq!(due(), 1);
    assert!(indexing.is_one_interrupted(&[space(2), space(3)]));
    drop(one);
    assert_eq!(due(), 1, "the other one still removes");
    drop(other);
    assert_eq!(due(), 2);
    assert!(!indexing.is_one_interrupted(&[space(1), space(2), space(3)]));
}
