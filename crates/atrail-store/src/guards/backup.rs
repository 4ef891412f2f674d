//! Backups under a fault, of a store with sealed events.

use std::sync::Arc;

use atrail_care::{BackupReport, ScrubOptions, ScrubStep, backup, scrub};
use atrail_catalog::Catalog;
use atrail_disk::data_dir::CATALOG;
use atrail_disk::{Result, faults};
use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, ManualClock};
use atrail_wal::NewEvent;
use bytes::Bytes;

use crate::seal::scope::SealScope;
use crate::{Store, StoreSettings};

/// The directory for the earlier backup until it is removed.
const OUTGOING: &str = ".outgoing";

fn event(hour: u8) -> NewEvent {
    let line = Bytes::from(format!("{{\"eventTime\":\"2017-07-25T{hour:02}:00:00Z\"}}"));
    NewEvent {
        day: "2017-07-25".parse().unwrap(),
        hour: Hour::new(hour).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

/// Updates a backup under this fault, and checks that the result is complete, and new.
async fn after_a_fault(what: &'static str, name: &str) -> Result<BackupReport> {
    let dir = tempfile::tempdir().unwrap();
    let (data, into) = (dir.path().join("data"), dir.path().join("backup"));
    let now = "2017-07-25T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let settings = StoreSettings::new(data.clone());
    let store = Store::open_dir(settings, clock).await.unwrap();
    let account = store.tenancy().create_account("acme", now).await.unwrap();
    let domain = Domain::Account(account.id);
    let mut quiet = |_| {};
    for hour in [1, 2] {
        if hour == 2 {
            backup(&data, &into, false, &mut quiet).await.unwrap();
        }
        store.append(domain, vec![event(hour)]).await.unwrap();
        store.core.seal(SealScope::All).await.unwrap();
    }
    faults::fail_at(what, &into.join(name));
    let done = backup(&data, &into, true, &mut quiet).await;
    let mut found = Vec::new();
    let mut on_step = |step| {
        if let ScrubStep::Found(finding) = step {
            found.push(format!("{finding:?}"));
        }
    };
    let options = ScrubOptions::default();
    let report = scrub(&into, options, &mut on_step).await;
    report.unwrap();
    assert_eq!(found, Vec::<String>::new());
    let catalog = Catalog::open_read_only(&into.join(CATALOG)).await.unwrap();
    let (objects, _) = catalog.archive_size().await.unwrap();
    assert_eq!(objects, 2, "it is the new one");
    catalog.close().await;
    done
}

#[tokio::test]
async fn a_backup_that_is_complete_keeps_its_objects_though_the_earlier_cannot_be_removed() {
    let done = after_a_fault("remove", OUTGOING).await;
    assert_eq!(done.unwrap().objects, 2);
}

#[tokio::test]
async fn a_backup_whose_catalog_has_its_place_keeps_its_objects() {
    after_a_fault("sync", CATALOG).await.unwrap_err();
}
