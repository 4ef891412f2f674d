//! A store with small objects, and the faults that it may have.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use atrail_disk::StoreError;
use atrail_evidence::leaf_hash;
use atrail_model::{
    Clock, DayRange, Domain, Hours, ManualClock, Place, Scope, SessionId, SpaceId, Target, UserId,
};
use atrail_wal::NewEvent;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;

use super::super::*;
use crate::{NewSession, Session, StoreSettings};

pub(super) const EVENTS: usize = 3;
const DAY: &str = "2017-07-24";

/// A store with small objects of one closed hour, and a session that pins them.
pub(super) struct Fixture {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    settings: StoreSettings,
    space: SpaceId,
    pub(super) user: UserId,
    session: SessionId,
    bytes: Vec<u8>,
    pub(super) dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings::new(dir.path().join("data"));
        let clock = Arc::new(ManualClock::new("2017-07-26T10:29:28Z".parse().unwrap()));
        let store = Store::open_dir(settings.clone(), clock.clone())
            .await
            .unwrap();
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

    pub(super) async fn send(&self, nth: usize) {
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

    pub(super) fn scope(&self) -> Scope {
        Scope {
            target: Target::Space(self.space),
            days: DayRange::new(DAY.parse().unwrap(), DAY.parse().unwrap()).unwrap(),
            hours: Hours::ALL,
        }
    }

    pub(super) async fn session(&self) -> Session {
        let new = NewSession {
            user: "ann".to_owned(),
            since: std::collections::BTreeMap::default(),
            id: None,
            owner: self.user,
            space: Some(self.space),
            scope: self.scope(),
        };
        self.store.create_session(new).await.unwrap()
    }

    async fn open(&self, id: SessionId) -> Result<BoxStream<'static, Result<Bytes>>> {
        let session = self.store.session(self.user, id).await.unwrap();
        let total = session.total_bytes;
        let download = self.store.open_download(session).await.unwrap();
        download.read(0..total).await
    }

    pub(super) async fn download(&self, id: SessionId) -> Vec<u8> {
        let stream = self.open(id).await.unwrap();
        let parts: Vec<_> = stream.try_collect().await.unwrap();
        parts.concat()
    }

    /// Stops without closing the store, and opens it again.
    pub(super) async fn crash(self) -> Self {
        let Self {
            store,
            clock,
            settings,
            ..
        } = self;
        drop(store);
        // All events are sealed, and reading the log's empty space takes a second without optimisation.
        std::fs::remove_dir_all(settings.data_dir.join("wal")).unwrap();
        for _ in 0..500 {
            match Store::open_dir(settings.clone(), clock.clone()).await {
                Ok(store) => {
                    return Self {
                        store,
                        clock,
                        settings,
                        ..self
                    };
                }
                // The last task of the store releases the lock.
                Err(StoreError::Conflict(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the dropped store keeps its lock");
    }

    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        files_below(&self.dir.path().join("data/archive"))
    }

    /// Returns a fault of the archive, if it has one: events lost or doubled, a changed session, files too many or too
    /// few.
    pub(super) async fn fault(&self) -> Option<String> {
        let core = &self.store.core;
        let expected: String = (0..EVENTS)
            .map(|nth| format!("{{\"nth\":{nth}}}\n"))
            .collect();
        let session = self.session().await;
        for id in [session.id, self.session] {
            let mut text = String::new();
            let parts: Result<Vec<_>> = match self.open(id).await {
                Ok(stream) => stream.try_collect().await,
                Err(error) => Err(error),
            };
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

    pub(super) async fn hour(&self) -> HourRow {
        let domains = self.store.core.catalog.domain_rows().await.unwrap();
        let domain = Domain::Space(self.space);
        HourRow {
            domain: domains[&domain].number,
            place: Place {
                domain,
                day: DAY.parse().unwrap(),
                hour: Hour::new(7).unwrap(),
            },
        }
    }

    /// Returns the next batch without its claims: as for a task that has lost them.
    pub(super) async fn batch(&self) -> Batch {
        let mut batch = self
            .store
            .core
            .next_batch(None, Pace::Full)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(batch.jobs.len(), 1);
        batch.claims.clear();
        batch
    }

    pub(super) async fn sql(&self, text: &'static str) {
        self.store.core.catalog.run(text).await;
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
