//! Tests the promises of every journal on each; the control: journals that each break one promise, which the suite
//! detects.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod beds;
mod counting;
mod following;
mod sealing;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use atrail_disk::{ErrorKind, Result, StoreError};
use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Day, DayRange, Domain, Hour, Hours, SpaceId};
use bytes::Bytes;

use super::memory::Failure;
use super::{Appended, Batch, Journal, Moved, Rotation, Taken};
use crate::log::NewEvent;
pub use beds::{Bed, clock};

/// Number of bytes of events that suffice for sealing.
pub const SEAL_AT_BYTES: u64 = 100_000;
/// Bytes of sealed events that stay in memory.
pub const RECENT_BYTES: u64 = 500;
/// Long enough for anything that does not wait.
const A_WHILE: Duration = Duration::from_millis(200);

/// Returns the n-th space.
pub fn space(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

/// Returns the n-th event, in an hour of its own.
pub fn event(n: u32) -> NewEvent {
    let line = Bytes::from(format!("{{\"n\":{n}}}"));
    NewEvent {
        day: Day::from_number(17_000 + n / 24).unwrap(),
        hour: Hour::new(u8::try_from(n % 24).unwrap()).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

async fn try_append(
    journal: &dyn Journal,
    domain: Domain,
    numbers: impl IntoIterator<Item = u32>,
) -> Result<Appended> {
    let batch = Batch {
        account: AccountId::from_bytes([99; 16]),
        domain,
        seals: journal.seals_of(domain),
        events: numbers.into_iter().map(event).collect(),
    };
    journal.append(batch).await
}

/// Appends what the journal accepts, and returns the number of duplicates.
pub async fn append(
    journal: &dyn Journal,
    domain: Domain,
    numbers: impl IntoIterator<Item = u32>,
) -> u64 {
    match try_append(journal, domain, numbers).await.unwrap() {
        Appended::Durable { duplicates } => duplicates,
        again @ Appended::LookAgain(_) => panic!("{again:?}"),
    }
}

/// Counts what is unsealed.
fn count(journal: &dyn Journal, domain: Domain) -> u64 {
    match count_above(journal, domain, 0) {
        Ok(count) => count,
        // As a caller that reads again up to where the domain is sealed.
        Err(moved) => count_above(journal, domain, moved.sealed_to).unwrap(),
    }
}

fn ever() -> DayRange {
    DayRange::new(Day::FIRST, Day::LAST).unwrap()
}

/// Counts what a catalog does not have in which the domain is sealed up to this number.
pub(super) fn count_above(journal: &dyn Journal, domain: Domain, above: u64) -> Result<u64, Moved> {
    let totals = journal.totals(&HashMap::from([(domain, above)]), ever(), Hours::ALL)?;
    assert!(totals.iter().all(|(of, _)| *of == domain));
    let sum = totals.iter().map(|(_, total)| total.count).sum();
    let sizes = totals.iter().map(|(_, total)| total.size_bytes).sum();
    let mut listed = 0;
    let mut bytes = 0;
    for (place, count) in journal.hours(&HashMap::from([(domain, above)]), ever())? {
        let lines = journal.lines(place, above, 0, usize::MAX)?;
        assert_eq!(lines.len(), count);
        listed += count as u64;
        bytes += lines.iter().map(|line| line.line.len() as u64).sum::<u64>();
    }
    assert_eq!((listed, bytes), (sum, sizes));
    Ok(sum)
}

/// As it is after a seal that is signed.
async fn seal(journal: &dyn Journal, taken: &Taken) {
    journal.sealed(taken).await;
    journal.signed(&journal.unsigned());
}

pub(super) fn take(journal: &dyn Journal, domains: &[Domain]) -> Taken {
    journal.take(&domains.iter().copied().collect())
}

fn lines(taken: &Taken) -> BTreeSet<Bytes> {
    let hours = taken.iter().flat_map(|(_, pending)| pending.hours.values());
    let all: Vec<_> = hours.flat_map(|hour| &hour.lines).collect();
    let lines: BTreeSet<_> = all.iter().map(|line| line.line.clone()).collect();
    assert_eq!(lines.len(), all.len(), "each once");
    lines
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<Bytes> {
    numbers.into_iter().map(|n| event(n).line).collect()
}

fn watermarks(taken: &Taken) -> HashMap<Domain, u64> {
    let marks = taken.iter();
    marks
        .map(|(domain, one)| (*domain, one.last_sequence))
        .collect()
}

async fn what_is_acknowledged_survives(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), 0..3).await;
    append(&*journal, space(2), 0..2).await;
    append(&*journal, space(1), 3..9).await;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (9, 2)
    );
    let unsealed = journal.unsealed();
    drop(journal);
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(
        (count(&*journal, space(1)), count(&*journal, space(2))),
        (9, 2)
    );
    let again = journal.unsealed();
    assert_eq!(
        (again.events, again.size_bytes),
        (unsealed.events, unsealed.size_bytes)
    );
    assert_eq!(lines(&take(&*journal, &[space(1)])), numbered(0..9));
}

async fn what_comes_again_is_kept_once(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(append(&*journal, space(1), [0, 1, 1]).await, 1);
    assert_eq!(append(&*journal, space(1), [1, 2]).await, 1);
    assert_eq!(append(&*journal, space(2), [1]).await, 0, "another domain");
    let taken = take(&*journal, &[space(1)]);
    assert_eq!(append(&*journal, space(1), [2, 3]).await, 1, "being sealed");
    assert_eq!(count(&*journal, space(1)), 4);
    journal.put_back(&taken);
    drop(journal);
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(append(&*journal, space(1), 0..4).await, 4);
    assert_eq!(count(&*journal, space(1)), 4);
}

async fn who_looked_before_a_seal_looks_again(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), [0]).await;
    let batch = Batch {
        account: AccountId::from_bytes([99; 16]),
        domain: space(1),
        seals: journal.seals_of(space(1)),
        events: vec![event(0), event(1)],
    };
    let taken = take(&*journal, &[space(1)]);
    seal(&*journal, &taken).await;
    let Appended::LookAgain(same) = journal.append(batch).await.unwrap() else {
        panic!("it would keep what is sealed");
    };
    assert_eq!(same.len(), 2);
    assert_eq!(count(&*journal, space(1)), 0);
    // Even of a seal of something else.
    let seals = journal.seals_of(space(1));
    journal.note_seal(space(1));
    assert!(journal.seals_of(space(1)) > seals);
}

async fn a_full_disk_keeps_nothing_of_a_batch_and_passes(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), 0..2).await;
    bed.fail(Some(Failure::Full));
    let refused = try_append(&*journal, space(1), 2..6).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
    assert!(journal.is_full());
    assert_eq!(journal.refusal().unwrap().kind(), ErrorKind::Full);
    let still = journal.trim(Rotation::Whole).await.unwrap_err();
    assert_eq!(still.kind(), ErrorKind::Full, "{still}");
    assert_eq!(count(&*journal, space(1)), 2);
    bed.fail(None);
    let refused = try_append(&*journal, space(1), 2..6).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Full, "nobody has looked yet");
    journal.trim(Rotation::Whole).await.unwrap();
    assert!(journal.refusal().is_none());
    assert_eq!(append(&*journal, space(1), 5..7).await, 0);
    journal.note_full();
    assert!(try_append(&*journal, space(1), 7..8).await.is_err());
    drop(journal);
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(count(&*journal, space(1)), 4);
}

async fn after_the_disk_broke_nothing_is_kept_before_the_next_start(bed: &dyn Bed) {
    for is_kept in [false, true] {
        let domain = space(10 + u8::from(is_kept));
        let journal = bed.open(&HashMap::new()).await;
        append(&*journal, domain, 0..2).await;
        bed.fail(Some(Failure::Broken { is_kept }));
        for _ in 0..3 {
            let refused = try_append(&*journal, domain, 2..6).await.unwrap_err();
            assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
        }
        assert!(journal.trim(Rotation::None).await.is_err());
        assert!(journal.refusal().is_some());
        drop(journal);
        let journal = bed.open(&HashMap::new()).await;
        assert_eq!(count(&*journal, domain), if is_kept { 6 } else { 2 });
        assert_eq!(
            append(&*journal, domain, 0..6).await,
            if is_kept { 6 } else { 2 }
        );
        let why = "it was told so".to_owned();
        journal.poison(why);
        let refused = try_append(&*journal, domain, [7]).await.unwrap_err();
        assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
    }
}

async fn after_stop_everything_is_refused_and_what_came_before_is_kept(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), 0..2).await;
    journal.stop().await.unwrap();
    let refused = try_append(&*journal, space(1), 2..4).await.unwrap_err();
    assert!(matches!(refused, StoreError::Closed), "{refused}");
    drop(journal);
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(count(&*journal, space(1)), 2);
}

async fn of_many_at_once_each_event_is_new_to_one(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let senders: Vec<_> = (0..16_u32)
        .map(|n| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move { append(&*journal, space(1), n..n + 8).await })
        })
        .collect();
    let mut new = 0;
    for sender in senders {
        new += 8 - sender.await.unwrap();
    }
    assert_eq!((new, count(&*journal, space(1))), (23, 23));
    drop(journal);
    let journal = bed.open(&HashMap::new()).await;
    assert_eq!(count(&*journal, space(1)), 23);
}

async fn an_account_leaves_room_for_others_until_it_is_sealed(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let [greedy, other] = [1, 2].map(|n| AccountId::from_bytes([n; 16]));
    journal.set_owners(&[(space(1), greedy), (space(2), greedy)]);
    let has_room = async |account| {
        let room = journal.wait_for_room(account);
        tokio::time::timeout(A_WHILE, room).await.is_ok()
    };
    assert!(has_room(greedy).await);
    assert!(journal.ripe().is_none());
    // Each event has an hour of its own: these suffice for sealing.
    for n in 0..100 {
        let domain = space(1 + u8::try_from(n % 2).unwrap());
        append(&*journal, domain, n * 100..n * 100 + 100).await;
    }
    assert!(journal.ripe().is_some());
    let ripe = tokio::time::timeout(A_WHILE, journal.wait_until_ripe()).await;
    assert!(ripe.is_ok(), "it was told");
    assert!(!has_room(greedy).await);
    assert!(has_room(other).await);
    loop {
        let taken = take(&*journal, &[space(1), space(2)]);
        if taken.is_empty() {
            break;
        }
        seal(&*journal, &taken).await;
    }
    assert!(has_room(greedy).await && journal.ripe().is_none());
}

/// Tests every promise, each on a bed of its own.
pub async fn conforms<B: Bed>(make: impl Fn() -> B) {
    what_is_acknowledged_survives(&make()).await;
    what_comes_again_is_kept_once(&make()).await;
    who_looked_before_a_seal_looks_again(&make()).await;
    sealing::what_is_being_sealed_counts_until_it_is(&make()).await;
    sealing::each_event_is_taken_in_the_order_of_watermarks_whatever_is_lost(&make()).await;
    sealing::unsealed_events_are_listed_in_the_order_of_their_arrival(&make()).await;
    sealing::many_hours_are_taken_in_parts_and_oldest_first(&make()).await;
    a_full_disk_keeps_nothing_of_a_batch_and_passes(&make()).await;
    after_the_disk_broke_nothing_is_kept_before_the_next_start(&make()).await;
    sealing::what_is_let_go_is_sealed(&make()).await;
    sealing::what_is_erased_is_gone_and_nothing_else(&make()).await;
    after_stop_everything_is_refused_and_what_came_before_is_kept(&make()).await;
    of_many_at_once_each_event_is_new_to_one(&make()).await;
    counting::whoever_counts_learns_what_was_sealed_meanwhile(&make()).await;
    counting::a_catalog_may_have_a_part_of_what_gathers(&make()).await;
    counting::nothing_leaves_while_counts_are_kept(&make()).await;
    an_account_leaves_room_for_others_until_it_is_sealed(&make()).await;
    following::what_is_acknowledged_follows_in_its_order_and_once(&make()).await;
    following::what_is_unsealed_follows_and_of_the_rest_it_is_known_what_is_missing(&make()).await;
    following::a_place_is_continued_after_a_crash(&make()).await;
}

#[cfg(test)]
mod tests;
