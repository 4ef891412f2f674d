//! What follows a place.

use super::*;
use crate::journal::{Following, JournalPlace};

/// The lines of these events, in order.
fn lines_of(following: &Following) -> Vec<Bytes> {
    let frames = following.frames.iter();
    let events = frames.flat_map(|(_, frame)| frame.events.iter());
    events.map(|event| event.line.clone()).collect()
}

fn after(journal: &dyn Journal, place: JournalPlace, of: Domain) -> Following {
    let recent = journal.recent();
    recent.after(place, 0, |domain| domain == of, u64::MAX)
}

fn in_order(numbers: impl IntoIterator<Item = u32>) -> Vec<Bytes> {
    numbers.into_iter().map(|n| event(n).line).collect()
}

pub(super) async fn what_is_acknowledged_follows_in_its_order_and_once(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let begin = journal.recent().end();
    let mut news = journal.recent().watch();
    append(&*journal, space(1), [3, 1]).await;
    append(&*journal, space(2), [7]).await;
    append(&*journal, space(1), [1, 2]).await;
    assert!(news.has_changed().unwrap(), "a reader learns of it");
    let following = after(&*journal, begin, space(1));
    assert_eq!(lines_of(&following), in_order([3, 1, 2]));
    assert!(following.missing_to.is_none());
    assert_eq!(*news.borrow_and_update(), following.seen_to);
    assert_eq!(lines_of(&after(&*journal, begin, space(2))), in_order([7]));
    assert!(lines_of(&after(&*journal, journal.recent().end(), space(1))).is_empty());
    bed.fail(Some(Failure::Full));
    assert!(try_append(&*journal, space(1), [5]).await.is_err());
    let following = after(&*journal, begin, space(1));
    assert_eq!(
        lines_of(&following),
        in_order([3, 1, 2]),
        "nothing that was refused"
    );
}

pub(super) async fn what_is_unsealed_follows_and_of_the_rest_it_is_known_what_is_missing(
    bed: &dyn Bed,
) {
    let journal = bed.open(&HashMap::new()).await;
    let begin = journal.recent().end();
    append(&*journal, space(1), [0]).await;
    append(&*journal, space(2), [1]).await;
    // More than the bound; a frame for each.
    let mut places = vec![];
    for n in 2..20 {
        append(&*journal, space(1), [n]).await;
        places.push(journal.recent().end());
    }
    let all: Vec<_> = [0].into_iter().chain(2..20).collect();
    assert_eq!(lines_of(&after(&*journal, begin, space(1))), in_order(all));
    let taken = take(&*journal, &[space(1)]);
    append(&*journal, space(1), [20]).await;
    seal(&*journal, &taken).await;
    let following = after(&*journal, begin, space(1));
    assert!(following.missing_to.is_some());
    let left = lines_of(&following);
    let last = in_order(2..21);
    assert!(
        last.ends_with(&left) && left.len() < 19,
        "the last ones are there: {left:?}"
    );
    assert!(after(&*journal, places[17], space(1)).missing_to.is_none());
    // The unsealed event of the other domain is older, and there.
    let other = after(&*journal, begin, space(2));
    assert_eq!(lines_of(&other), in_order([1]));
    assert!(other.missing_to.is_none());
}

pub(super) async fn a_place_is_continued_after_a_crash(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), [0, 1]).await;
    let sealed = take(&*journal, &[space(1)]);
    seal(&*journal, &sealed).await;
    let place = journal.recent().end();
    append(&*journal, space(2), [2]).await;
    append(&*journal, space(1), [3, 4]).await;
    let (_, frame) = after(&*journal, place, space(1)).frames[0].clone();
    assert_eq!(frame.events.len(), 2);
    let within = JournalPlace {
        events: 1,
        ..journal.recent().end()
    };
    append(&*journal, space(1), [5]).await;
    let marks = watermarks(&sealed);
    drop(journal);
    let journal = bed.open(&marks).await;
    let recent = journal.recent();
    let (now, is_missing) = recent.continue_at(place, |_| true);
    assert!(!is_missing);
    assert_eq!(
        lines_of(&after(&*journal, now, space(1))),
        in_order([3, 4, 5])
    );
    assert_eq!(lines_of(&after(&*journal, now, space(2))), in_order([2]));
    let (now, is_missing) = recent.continue_at(within, |_| true);
    assert!(!is_missing);
    assert_eq!(now.events, 1);
    let following = after(&*journal, now, space(1));
    assert_eq!(following.frames[0].0, now.sequence);
    assert_eq!(lines_of(&following), in_order([3, 4, 5]));
    // Before what was sealed, something is missing, but not for the other domain.
    let early = JournalPlace::behind(0);
    assert!(recent.continue_at(early, |of| of == space(1)).1);
    assert!(!recent.continue_at(early, |of| of == space(2)).1);
    let end = recent.end();
    append(&*journal, space(2), [6]).await;
    assert_eq!(lines_of(&after(&*journal, end, space(2))), in_order([6]));
}
