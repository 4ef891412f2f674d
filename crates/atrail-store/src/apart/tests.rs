use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Hour};
use bytes::Bytes;

use super::*;

/// A refusal names the reason of the last try.
#[test]
fn an_hour_says_why_it_could_not_be_sealed_when_it_was_tried_last() {
    let apart = Apart::default();
    let line = Bytes::from("{}");
    let place = Place {
        domain: Domain::Account(AccountId::generate()),
        day: "2017-07-24".parse().unwrap(),
        hour: Hour::new(1).unwrap(),
    };
    let why = || match apart.refuse_more(place.domain, 0).unwrap_err() {
        StoreError::Unsealable { why, .. } => why,
        other => panic!("{other}"),
    };
    let leaf = leaf_hash(&line);
    apart.add(place, &[Line { line, leaf }], "no directory");
    assert_eq!(why(), "no directory");
    apart.note_failure(place, "no such device");
    assert_eq!(why(), "no such device");
    apart.add(place, &[], "no directory again");
    assert_eq!(why(), "no directory again");
}
