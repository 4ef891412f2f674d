#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use atrail_disk::ErrorKind;
use atrail_model::{Requester, Target, Timestamp};

use crate::conformance::scene::Scene;
use crate::{Catalog, Tenancy};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn because(reason: &str) -> Requester<'_> {
    Requester {
        name: "ann",
        request: "",
        reason,
        warrant: None,
    }
}

/// PostgreSQL has no texts with the character NUL: no database accepts one, and all give the same answers.
async fn texts_with_nul_are_refused_and_found_nowhere(catalog: Catalog) {
    let scene = Scene::new(catalog.clone()).await;
    let tenancy = Tenancy::new(catalog.clone());
    let named = tenancy.only_space_called(scene.account, "s\0").await;
    assert_eq!(named.unwrap(), None);
    let named = tenancy.only_space_called(scene.account, "s").await;
    assert!(named.unwrap().is_some(), "the control");
    let identity = catalog.identity();
    assert!(identity.credentials("ann\0").await.unwrap().is_none());
    let target = Target::Account(scene.account);
    let refused = catalog.set_hold(target, because("a\0b"), NOW).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    catalog
        .set_hold(target, because("a\nb"), NOW)
        .await
        .unwrap();
    let refused = catalog.release_hold(target, because("\0"), NOW).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    let released = catalog.release_hold(target, because("b"), NOW).await;
    assert!(released.unwrap(), "it still stood");
    // In a log's entry the character stands as JSON writes it.
    let before = catalog.newest_trace().await.unwrap();
    catalog
        .run(
            "UPDATE log_records SET entry = '{\"reason\":\"\\u0000\",\"time\":\"2117-07-24T00:00:00Z\"}'",
        )
        .await;
    let after = catalog.newest_trace().await.unwrap();
    assert!(after > before, "{before:?} {after:?}");
}

#[tokio::test]
async fn texts_with_nul_are_refused_and_found_nowhere_in_sqlite() {
    let catalog = Catalog::open_in_sqlite().await.unwrap();
    texts_with_nul_are_refused_and_found_nowhere(catalog).await;
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn texts_with_nul_are_refused_and_found_nowhere_in_postgresql() {
    let Some(database) = crate::testing::postgres::Database::new().await else {
        return;
    };
    texts_with_nul_are_refused_and_found_nowhere(database.catalog().await).await;
}
