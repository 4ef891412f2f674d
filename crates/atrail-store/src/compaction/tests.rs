#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use atrail_evidence::leaf_hash;
use atrail_model::{
    Clock, DayRange, Domain, Hours, ManualClock, Scope, SessionId, SpaceId, Target, UserId,
};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::*;
use crate::{NewEvent, NewSession, Session, StoreSettings};

const EVENTS: usize = 3;
const DAY: &str = "2017-07-24";

/// A store with small objects of one closed hour, and a session that pins them.
struct Fixture {
    store: Store,
    clock: Arc<ManualClock>,
    settings: StoreSettings,
    space: SpaceId,
    user: UserId,
    session: SessionId,
    bytes: Vec<u8>,
    dir: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings::new(dir.path().join("data"));
        let clock = Arc::new(ManualClock::new("2017-07-26T10:29:28Z".parse().unwrap()));
        let store = Store::open(settings.clone(), clock.clone()).await.unwrap();
        let (tenancy, now) = (store.tenancy(), clock.now());
        let account = tenancy.create_account("acme", now).await.unwrap().id;
        let organization = tenancy.create_organization(account, "org", now).await;
        let space = tenancy
            .create_space(organization.unwrap().id, "dev", now)
            .await;
        let mut fixture = Self {
            store,
            clock,
            settings,
            space: space.unwrap().id,
            user: UserId::generate(),
            session: SessionId::generate(),
            bytes: Vec::new(),
            dir,
        };
        for nth in 0..EVENTS {
            fixture.send(nth).await;
            let session = fixture.session().await;
            fixture.bytes = fixture.download(session.id).await;
            fixture.session = session.id;
        }
        fixture
    }

    async fn send(&self, nth: usize) {
        let line = bytes::Bytes::from(format!("{{\"nth\":{nth}}}"));
        let event = NewEvent {
            day: DAY.parse().unwrap(),
            hour: Hour::new(7).unwrap(),
            leaf: leaf_hash(&line),
            line,
        };
        let domain = Domain::Space(self.space);
        self.store.append(domain, vec![event]).await.unwrap();
    }

    fn scope(&self) -> Scope {
        Scope {
            target: Target::Space(self.space),
            days: DayRange::new(DAY.parse().unwrap(), DAY.parse().unwrap()).unwrap(),
            hours: Hours::ALL,
        }
    }

    async fn session(&self) -> Session {
        let new = NewSession {
            id: None,
            owner: self.user,
            space: Some(self.space),
            scope: self.scope(),
        };
        self.store.create_session(new).await.unwrap()
    }

    async fn download(&self, id: SessionId) -> Vec<u8> {
        let download = self.store.open_download(self.user, id).await.unwrap();
        let total = download.session().total_bytes;
        let parts: Vec<_> = download.read(0..total).try_collect().await.unwrap();
        parts.concat()
    }

    /// Ends without a goodbye, and opens again.
    async fn crash(self) -> Self {
        let Self {
            store,
            clock,
            settings,
            ..
        } = self;
        drop(store);
        // All events are sealed, and to look through the log's empty space takes a second without optimisation.
        std::fs::remove_dir_all(settings.data_dir.join("wal")).unwrap();
        for _ in 0..500 {
            match Store::open(settings.clone(), clock.clone()).await {
                Ok(store) => {
                    return Self {
                        store,
                        clock,
                        settings,
                        ..self
                    };
                }
                // The lock goes with the last task of the store.
                Err(StoreError::Conflict(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the dropped store keeps its lock");
    }

    fn files(&self) -> BTreeSet<PathBuf> {
        files_below(&self.dir.path().join("data/archive"))
    }

    /// What is wrong with the archive, if anything: events lost or doubled, a changed session, files too many or too few.
    async fn fault(&self) -> Option<String> {
        let core = &self.store.core;
        let expected: String = (0..EVENTS)
            .map(|nth| format!("{{\"nth\":{nth}}}\n"))
            .collect();
        let session = self.session().await;
        for id in [session.id, self.session] {
            let mut text = String::new();
            let download = self.store.open_download(self.user, id).await.unwrap();
            let total = download.session().total_bytes;
            let parts: Result<Vec<_>> = download.read(0..total).try_collect().await;
            let bytes = match parts {
                Ok(parts) => parts.concat(),
                Err(error) => return Some(error.to_string()),
            };
            let mut lines = flate2::read::MultiGzDecoder::new(bytes.as_slice());
            lines.read_to_string(&mut text).unwrap();
            if text != expected {
                return Some(format!("a session of {text}"));
            }
            if id == self.session && bytes != self.bytes {
                return Some("other bytes in the session that was open".to_owned());
            }
        }
        let total = self.store.status(self.scope()).await.unwrap();
        if total[0].count != EVENTS as u64 {
            return Some(format!("{total:?}"));
        }
        let hour = self.hour().await;
        let objects = core.catalog.sources(hour).await.unwrap();
        let archive = self.dir.path().join("data/archive");
        let known: BTreeSet<_> = objects.iter().map(|o| archive.join(&o.path)).collect();
        let waste = core.catalog.waste().await.unwrap();
        (self.files() != known || !waste.is_empty()).then(|| {
            format!(
                "files {:?}, objects {known:?}, waste {waste:?}",
                self.files()
            )
        })
    }

    async fn hour(&self) -> HourRow {
        let numbers = self.store.core.catalog.domain_numbers().await.unwrap();
        let domain = Domain::Space(self.space);
        HourRow {
            domain: numbers[&domain],
            place: object::Place {
                domain,
                day: DAY.parse().unwrap(),
                hour: Hour::new(7).unwrap(),
            },
        }
    }

    async fn batch(&self) -> Batch {
        let batch = self.store.core.next_batch(None).await.unwrap().unwrap();
        assert_eq!(batch.jobs.len(), 1);
        batch
    }

    async fn sql(&self, text: &'static str) {
        let mut tx = self.store.core.catalog.begin("test").await.unwrap();
        sqlx::raw_sql(text).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn files_below(dir: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut files = BTreeSet::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.append(&mut files_below(&path));
        } else {
            files.insert(path);
        }
    }
    files
}

/// Drives a future that many times, then lets it go where it stands.
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

/// Does the work in fresh stores, and crashes at its first, second, third… point of waiting, until it comes to its end or
/// something is wrong after the restart. Returns how many points there were, or what was wrong.
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
    // Most of the time goes into waiting for the lock of the store that crashed.
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
    assert!(points > 20, "{points} points are not all steps");
}

#[tokio::test]
async fn the_control_a_wrong_order_is_seen() {
    let erase_first = |core: Arc<Core>| async move {
        let batch = core.next_batch(None).await.unwrap().unwrap();
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
        let batch = core.next_batch(None).await.unwrap().unwrap();
        let mut total = Compacted::default();
        let merged = core.write_batch(&batch.jobs, &mut total).await.unwrap();
        core.publish_compaction(&merged, &mut total).await.unwrap();
    };
    // A file stays that nobody knows.
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
    assert!(fixture.store.compact().await.is_err());
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
    let under_way = fixture.store.core.compacting.lock().await;
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
        let catalog = &fixture.store.core.catalog;
        let mut tx = catalog.begin("test").await.unwrap();
        catalog.forget_moved(&mut tx).await.unwrap();
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM moved_objects")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        count
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
