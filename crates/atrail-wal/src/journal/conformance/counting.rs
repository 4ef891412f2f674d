//! Promises of a journal about counts of events that are sealed while somebody counts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use super::beds::Bed;
use super::{A_WHILE, append, count_above, ever, space, take, watermarks};
use crate::journal::Moved;

/// Between the catalog's read and the look at the journal anything may be sealed.
pub(super) async fn whoever_counts_learns_what_was_sealed_meanwhile(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    let [own, other] = [space(1), space(2)];
    append(&*journal, own, 0..3).await;
    append(&*journal, other, 0..2).await;
    let taken = take(&*journal, &[own]);
    append(&*journal, own, 3..5).await;
    let sealed_to = watermarks(&taken)[&own];
    let count = |above| count_above(&*journal, own, above);
    // Before the transaction of the seal, and after it.
    assert_eq!((count(0), count(sealed_to)), (Ok(5), Ok(2)));
    journal.sealed(&taken).await;
    let moved = Moved {
        domain: own,
        sealed_to,
    };
    assert_eq!((count(0), count(sealed_to)), (Err(moved), Ok(2)));
    let both = HashMap::from([(other, 0), (own, 0)]);
    assert_eq!(journal.hours(&both, ever()).unwrap_err(), moved);
    assert_eq!(count_above(&*journal, other, 0), Ok(2));
    drop(journal);
    let journal = bed.open(&HashMap::from([(own, sealed_to)])).await;
    let count = |above| count_above(&*journal, own, above);
    assert_eq!((count(sealed_to), count(0)), (Ok(2), Err(moved)));
}

/// A seal whose outcome was unknown, or that of somebody else, need not cover what gathers here.
pub(super) async fn a_catalog_may_have_a_part_of_what_gathers(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), [0, 1, 24, 25]).await;
    let taken = take(&*journal, &[space(1)]);
    journal.put_back(&taken);
    append(&*journal, space(1), [2, 48]).await;
    let sealed_to = watermarks(&taken)[&space(1)];
    append(&*journal, space(1), [3]).await;
    let count = |above| count_above(&*journal, space(1), above);
    assert_eq!((count(0), count(sealed_to)), (Ok(7), Ok(3)));
    let all = take(&*journal, &[space(1)]);
    let last = watermarks(&all)[&space(1)];
    assert_eq!((count(sealed_to), count(last)), (Ok(3), Ok(0)));
}

pub(super) async fn nothing_leaves_while_counts_are_kept(bed: &dyn Bed) {
    let journal = bed.open(&HashMap::new()).await;
    append(&*journal, space(1), 0..3).await;
    let taken = take(&*journal, &[space(1)]);
    let (one, other) = (journal.keep_counts().await, journal.keep_counts().await);
    let leaves = tokio::time::timeout(A_WHILE, journal.sealed(&taken)).await;
    assert!(leaves.is_err(), "somebody counts");
    assert_eq!(count_above(&*journal, space(1), 0), Ok(3));
    drop((one, other));
    let leaves = tokio::time::timeout(A_WHILE, journal.sealed(&taken)).await;
    assert!(leaves.is_ok(), "nobody counts");
    assert!(count_above(&*journal, space(1), 0).is_err());
    drop(journal.keep_counts().await);
}
