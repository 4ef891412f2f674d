//! A scrub detects a catalog that contradicts itself.

use std::time::Duration;

use atrail_model::{Domain, Target};

use crate::support::{TestStore, event};

#[tokio::test]
async fn totals_are_those_of_what_they_add_up() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, "a"), event("2017-07-24", 8, "b")])
        .await;
    let account = Domain::Account(test.account);
    let other = vec![event("2017-07-24", 7, "c")];
    test.store.append(account, other).await.unwrap();
    let mut scope = test.scope("2017-07-24", "2017-07-24");
    scope.target = Target::Account(test.account);
    assert_eq!(test.session(scope).await.events, 3);
    assert_eq!(test.scrub().await.0, []);

    let catalog = test.catalog().await;
    let of_accounts = "the totals of 1 hours of accounts are not those of their domains";
    let of_hours = "the totals of 1 hours are not those of their segments";
    for (change, undo, said) in [
        (
            "UPDATE account_hours SET count = count + 1 WHERE hour = 7",
            "UPDATE account_hours SET count = count - 1 WHERE hour = 7",
            of_accounts,
        ),
        (
            "UPDATE objects SET segments = CAST(segments || x'00' AS BLOB) WHERE rowid = (SELECT MIN(rowid) FROM objects)",
            "UPDATE objects SET segments = substr(segments, 1, 16)",
            "1 objects have contents that differ from their segments",
        ),
        (
            "UPDATE objects SET events = events + 1 WHERE rowid = (SELECT MIN(rowid) FROM objects)",
            "UPDATE objects SET events = events - 1 WHERE rowid = (SELECT MIN(rowid) FROM objects)",
            "1 objects have contents that differ from their segments",
        ),
        (
            "UPDATE objects SET place = place + 100 WHERE rowid = (SELECT MIN(rowid) FROM objects)",
            "UPDATE objects SET place = place - 100 WHERE rowid = (SELECT MIN(rowid) FROM objects)",
            "1 objects are in a place that their domain has not assigned",
        ),
        // Triggers update the sums.
        (
            "UPDATE hour_totals SET size_bytes = size_bytes + 1 WHERE hour = 8",
            "UPDATE hour_totals SET size_bytes = size_bytes - 1 WHERE hour = 8",
            of_hours,
        ),
    ] {
        assert_eq!(catalog.run(change).await, 1, "{change}");
        let (found, _) = test.scrub().await;
        let found: Vec<_> = found.iter().map(|finding| &finding.what).collect();
        assert_eq!(found.len(), 1, "{change}: {found:?}");
        assert!(found[0].contains(said), "{change}: {found:?}");
        catalog.run(undo).await;
        assert_eq!(test.scrub().await.0, [], "{undo}");
    }
    catalog.close().await;
}

#[tokio::test]
async fn an_object_lists_its_segments_in_their_order() {
    let test = TestStore::new().await;
    test.clock.advance(Duration::from_secs(86_400));
    for text in ["a", "b"] {
        test.send(&[event("2017-07-24", 7, text)]).await;
        test.session(test.scope("2017-07-24", "2017-07-24")).await;
    }
    assert_eq!(test.store.compact().await.unwrap().objects_in, 2);
    assert_eq!(test.scrub().await.0, []);
    let catalog = test.catalog().await;
    let swap = "UPDATE objects SET segments = CAST(substr(segments, 17) || substr(segments, 1, 16) AS BLOB)";
    catalog.run(swap).await;
    let (found, _) = test.scrub().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .what
            .starts_with("1 objects have contents that differ"),
        "{found:?}"
    );
    catalog.run(swap).await;
    assert_eq!(test.scrub().await.0, []);
    catalog.close().await;
}
