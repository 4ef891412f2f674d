#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use atrail_model::ObjectId;

use super::*;
use crate::conformance::scene::Scene;

async fn a_look_waits_for_the_transaction_before_it(catalog: Catalog) {
    let scene = Scene::new(catalog.clone()).await;
    let (there, absent) = (scene.seal(7).await, ObjectId::generate());
    let traces = [
        Trace::Object(there),
        Trace::Object(absent),
        Trace::Deletion(there),
        Trace::Deletion(absent),
        Trace::IndexFile("index/none"),
    ];
    let found = catalog.took_effect(&traces).await.unwrap();
    assert_eq!(found, [true, false, false, true, false]);
    // What is in the archive is never waste, whatever a caller believes.
    let ours = [(there, "a".to_owned()), (absent, "b".to_owned())];
    assert_eq!(catalog.disown(&ours).await.unwrap(), ["b"]);
    assert_eq!(catalog.waste().await.unwrap(), ["b"]);

    for is_committed in [true, false] {
        let mut write = catalog.write("write").await.unwrap();
        let change = "UPDATE watermarks SET sequence = sequence + 1000";
        write.run(change).await;
        let (log, domain, sequence) = watermark(&catalog).await;
        let trace = [Trace::SealedTo {
            log,
            domain,
            sequence: sequence + 1000,
        }];
        let mut look = std::pin::pin!(catalog.took_effect(&trace));
        let early = tokio::time::timeout(Duration::from_millis(200), &mut look).await;
        assert!(early.is_err(), "it looked beside a transaction");
        if is_committed {
            write.commit().await.unwrap();
        } else {
            drop(write);
        }
        assert_eq!(look.await.unwrap(), [is_committed]);
    }
}

/// Returns what a read sees of the only watermark.
async fn watermark(catalog: &Catalog) -> (LogNumber, i64, u64) {
    let row = sql::query_as("SELECT log, domain, sequence FROM watermarks");
    let (log, domain, sequence): (i64, i64, i64) = row.fetch_one(catalog.readers()).await.unwrap();
    (LogNumber(log), domain, sequence.unsigned_abs())
}

#[tokio::test]
async fn a_look_waits_for_the_transaction_before_it_in_sqlite() {
    let catalog = Catalog::open_in_sqlite().await.unwrap();
    a_look_waits_for_the_transaction_before_it(catalog).await;
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_look_waits_for_the_transaction_before_it_in_postgresql() {
    let Some(database) = crate::testing::postgres::Database::new().await else {
        return;
    };
    a_look_waits_for_the_transaction_before_it(database.catalog().await).await;
}
