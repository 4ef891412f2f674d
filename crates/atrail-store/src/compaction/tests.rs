#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use atrail_disk::StoreError;
use futures_util::{StreamExt, stream};

use super::*;
use fixture::{EVENTS, Fixture};

/// Polls a future this many times, then drops it in its state.
struct CutShort<'a, F> {
    work: Pin<&'a mut F>,
    polls: usize,
}

impl<F: Future> Future for CutShort<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.work.as_mut().poll(context).map(Some)
    }
}

/// Does the work in fresh stores, and crashes at its first, second, third… point of waiting, until the work completes
/// or the restart finds a fault. Returns how many points there were, or the fault.
async fn crash_at_every_step<F: Future<Output = ()>>(
    work: impl Fn(Arc<Core>) -> F,
) -> Result<usize, String> {
    let crash_at = |polls| {
        let work = &work;
        async move {
            let fixture = Fixture::new().await;
            let done = {
                let work = pin!(work(Arc::clone(&fixture.store.core)));
                CutShort { work, polls }.await
            };
            let fixture = fixture.crash().await;
            if let Some(fault) = fixture.fault().await {
                return Err(format!("at {polls}: {fault}"));
            }
            fixture.store.compact().await.unwrap();
            assert_eq!(fixture.files().len(), 1, "it is done after all");
            assert_eq!(fixture.fault().await, None);
            Ok(done.map(|()| polls))
        }
    };
    // Most of the time is spent waiting for the lock of the store that crashed.
    let mut points = stream::iter(0..).map(crash_at).buffered(8);
    while let Some(point) = points.next().await {
        if let Some(last) = point? {
            return Ok(last);
        }
    }
    unreachable!("there is an end to it")
}

#[tokio::test]
async fn a_crash_at_any_point_loses_and_doubles_nothing() {
    let compact = |core: Arc<Core>| async move { drop(core.compact(Pace::Full).await.unwrap()) };
    let points = crash_at_every_step(compact).await.unwrap();
    println!("{points} points");
    // On a busy machine, what one poll waits for may be there at the next, and fewer are seen.
    assert!(points >= 8, "{points} points are not all steps");
}

#[tokio::test]
async fn the_control_a_wrong_order_is_seen() {
    let erase_first = |core: Arc<Core>| async move {
        let batch = core.next_batch(None, Pace::Full).await.unwrap().unwrap();
        let paths: Vec<_> = batch.jobs.iter().map(|job| job.path.clone()).collect();
        core.catalog.mark_as_waste(&paths).await.unwrap();
        let mut total = Compacted::default();
        let merged = core.write_batch(&batch.jobs, &mut total).await.unwrap();
        for source in &merged[0].sources {
            core.blobs.delete(&source.path).await.unwrap();
        }
        core.publish_compaction(&merged, &mut total).await.unwrap();
    };
    let fault = crash_at_every_step(erase_first).await.unwrap_err();
    println!("{fault}");

    let unnoted = |core: Arc<Core>| async move {
        let batch = core.next_batch(None, Pace::Full).await.unwrap().unwrap();
        let mut total = Compacted::default();
        let merged = core.write_batch(&batch.jobs, &mut total).await.unwrap();
        core.publish_compaction(&merged, &mut total).await.unwrap();
    };
    // A file remains that no record names.
    let fault = crash_at_every_step(unnoted).await.unwrap_err();
    println!("{fault}");
}

#[tokio::test]
async fn a_commit_that_fails_leaves_everything_as_it_was() {
    let fixture = Fixture::new().await;
    let before = fixture.files();
    for refuse in [
        "CREATE TRIGGER refuse BEFORE INSERT ON objects BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER refuse BEFORE DELETE ON objects BEGIN SELECT RAISE(ABORT, 'no'); END",
    ] {
        fixture.sql(refuse).await;
        let failed = fixture.store.compact().await;
        assert!(
            matches!(failed, Err(StoreError::Catalog { .. })),
            "{failed:?}"
        );
        assert_eq!(fixture.files(), before);
        assert!(fixture.store.core.catalog.waste().await.unwrap().is_empty());
        fixture.sql("DROP TRIGGER refuse").await;
    }
    assert_eq!(fixture.fault().await, None);
    assert_eq!(fixture.store.stats().compaction_failures, 2);
    fixture.store.compact().await.unwrap();
    assert_eq!(fixture.files().len(), 1);
    let fixture = fixture.crash().await;
    assert_eq!(fixture.fault().await, None);
}

#[tokio::test]
async fn an_object_that_cannot_be_written_stops_nothing() {
    let fixture = Fixture::new().await;
    let batch = fixture.batch().await;
    let place = fixture
        .dir
        .path()
        .join("data/archive")
        .join(&batch.jobs[0].path);
    std::fs::create_dir(&place).unwrap();
    std::fs::write(place.join("x"), "in the way").unwrap();
    let done = fixture.store.compact().await.unwrap();
    assert_eq!((done.objects_out, done.failed.len()), (0, 1));
    std::fs::remove_dir_all(&place).unwrap();
    let fixture = fixture.crash().await;
    assert_eq!(fixture.fault().await, None);
    assert_eq!(fixture.store.compact().await.unwrap().objects_out, 1);
}

#[tokio::test]
async fn what_is_deleted_between_reading_and_committing_does_not_come_back() {
    let fixture = Fixture::new().await;
    let core = &fixture.store.core;
    let batch = fixture.batch().await;
    let paths = [batch.jobs[0].path.clone()];
    core.catalog.mark_as_waste(&paths).await.unwrap();
    let mut total = Compacted::default();
    let merged = core.write_batch(&batch.jobs, &mut total).await.unwrap();
    let deleted = fixture
        .store
        .delete_events(fixture.scope(), "x", false)
        .await;
    assert_eq!(deleted.unwrap().count, EVENTS as u64);
    assert_eq!(
        core.publish_compaction(&merged, &mut total).await.unwrap(),
        0
    );
    let hour = fixture.hour().await;
    assert!(core.catalog.sources(hour).await.unwrap().is_empty());
    assert_eq!(
        core.catalog.waste().await.unwrap(),
        paths,
        "still to be erased"
    );
    assert_eq!(total.objects_out, 0);
}

#[tokio::test]
async fn a_deletion_waits_for_the_compaction_under_way() {
    let fixture = Fixture::new().await;
    let duties = &fixture.store.core.duties;
    let domain = fixture.hour().await.place.domain;
    let under_way = duties.claim(Duty::Compact(domain)).await;
    let deletion = fixture.store.delete_events(fixture.scope(), "x", false);
    let mut deletion = pin!(deletion);
    let waited = tokio::time::timeout(Duration::from_millis(300), deletion.as_mut()).await;
    assert!(waited.is_err());
    drop(under_way);
    assert_eq!(deletion.await.unwrap().count, EVENTS as u64);
}

#[tokio::test]
async fn where_objects_went_is_known_as_long_as_a_session_may_ask() {
    let fixture = Fixture::new().await;
    fixture.clock.advance(Duration::from_secs(5));
    fixture.store.compact().await.unwrap();
    let first_session = fixture.store.sessions(fixture.user, None).await.unwrap()[0].id;
    let forget = || async {
        let core = &fixture.store.core;
        core.forget_ended_sessions().await.unwrap();
        let count = "SELECT COUNT(*) FROM moved_objects";
        core.catalog.number(count).await
    };
    assert_eq!(forget().await, EVENTS as i64);
    fixture.clock.advance(Duration::from_secs(5));
    let later = fixture.session().await;
    let sessions = fixture.store.sessions(fixture.user, None).await.unwrap();
    for session in sessions
        .iter()
        .filter(|s| s.id != later.id && s.id != first_session)
    {
        fixture
            .store
            .delete_session(fixture.user, session.id)
            .await
            .unwrap();
    }
    assert_eq!(
        forget().await,
        EVENTS as i64,
        "one session is left that may"
    );
    fixture.download(first_session).await;
    fixture
        .store
        .delete_session(fixture.user, first_session)
        .await
        .unwrap();
    assert_eq!(forget().await, 0);
    fixture.download(later.id).await;
}

#[tokio::test]
async fn the_background_compacts_by_itself_and_ends_with_the_store() {
    let fixture = Fixture::new().await;
    let moment = Duration::from_millis(5);
    let background = tokio::spawn(rounds(Arc::downgrade(&fixture.store.core), moment, moment));
    for _ in 0..1000 {
        if fixture.files().len() == 1 {
            break;
        }
        tokio::time::sleep(moment).await;
    }
    assert_eq!(fixture.files().len(), 1);
    drop(fixture);
    background.await.unwrap();
}

#[test]
fn an_hour_is_closed_an_hour_after_its_end() {
    let last = |moment: &str| {
        last_closed(moment.parse().unwrap()).map(|(day, hour)| format!("{day} {hour}"))
    };
    assert_eq!(last("2017-07-24T10:00:00Z").unwrap(), "2017-07-24 08");
    assert_eq!(last("2017-07-24T09:59:59.9Z").unwrap(), "2017-07-24 07");
    assert_eq!(last("2017-07-24T01:59:59Z").unwrap(), "2017-07-23 23");
    assert_eq!(last("1970-01-01T01:00:00Z"), None);
}
