use std::path::PathBuf;

use atrail_evidence::leaf_hash;
use atrail_model::{Day, DayRange, Domain, Hour, Hours, ManualClock, Target};
use atrail_wal::NewEvent;
use bytes::Bytes;

use super::*;
use crate::StoreSettings;
use crate::seal::scope::SealScope;

#[tokio::test]
async fn a_deletion_that_counts_though_it_was_reported_as_failed_is_done_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings::new(dir.path().join("data"));
    let now = "2017-07-25T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let store = Store::open_dir(settings.clone(), clock).await.unwrap();
    let account = store.tenancy().create_account("acme", now).await.unwrap();
    let domain = Domain::Account(account.id);
    let line = Bytes::from_static(b"{\"eventTime\":\"2017-07-25T09:00:00Z\"}");
    let event = NewEvent {
        day: "2017-07-25".parse().unwrap(),
        hour: Hour::new(9).unwrap(),
        leaf: leaf_hash(&line),
        line,
    };
    store.append(domain, vec![event]).await.unwrap();
    store.core.seal(SealScope::All).await.unwrap();
    let place: PathBuf = format!("archive/domain={domain}/date=2017-07-25/hour=09").into();
    let place = settings.data_dir.join(place);
    let objects = || std::fs::read_dir(&place).map_or(0, Iterator::count);
    assert_eq!(objects(), 1, "the control");
    store.core.catalog.misreport("delete events");
    let scope = Scope {
        target: Target::Account(account.id),
        days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
        hours: Hours::ALL,
    };
    let deleted = store.delete_events(scope, "ann", false).await.unwrap();
    assert_eq!((deleted.count, deleted.is_owed), (1, false));
    assert_eq!(objects(), 0);
}
