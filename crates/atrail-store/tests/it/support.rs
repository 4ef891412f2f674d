//! A store in a temporary directory, with a clock that stands still.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_care::{Finding, ScrubOptions, ScrubReport, ScrubStep, scrub};
use atrail_catalog::outside::CatalogFile;
use atrail_evidence::{hex, leaf_hash};
use atrail_model::{
    AccountId, Day, DayRange, Domain, Hour, Hours, ManualClock, Scope, SessionId, SpaceId, Target,
    UserId,
};
use atrail_store::{
    Download, MemoryParts, NewEvent, NewSession, Result, Session, Store, StoreSettings,
};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) account: AccountId,
    pub(crate) space: SpaceId,
    pub(crate) other_space: SpaceId,
    pub(crate) user: UserId,
    settings: StoreSettings,
    place: Place,
}

/// The storage of a store.
pub(crate) enum Place {
    Directory(tempfile::TempDir),
    Memory(MemoryParts),
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut StoreSettings)) -> Self {
        Self::below(&std::env::temp_dir(), adjust).await
    }

    /// Returns a new store with its directory below this one.
    pub(crate) async fn below(place: &Path, adjust: impl FnOnce(&mut StoreSettings)) -> Self {
        let dir = tempfile::tempdir_in(place).unwrap();
        let mut settings = StoreSettings::new(dir.path().join("data"));
        // Small sessions have their texts in one piece in the catalog, and those of a few objects in parts.
        settings.text_part_bytes = 4 << 10;
        adjust(&mut settings);
        Self::founded(settings, Place::Directory(dir)).await
    }

    /// Returns a store of new parts in memory.
    pub(crate) async fn in_memory(adjust: impl FnOnce(&mut StoreSettings)) -> Self {
        let mut settings = StoreSettings::new(PathBuf::new());
        adjust(&mut settings);
        let parts = MemoryParts::new().await.unwrap();
        Self::founded(settings, Place::Memory(parts)).await
    }

    /// Returns a new store with an account and two spaces.
    async fn founded(settings: StoreSettings, place: Place) -> Self {
        let clock = clock();
        let store = open(&place, &settings, &clock).await.unwrap();
        let now = "2017-07-25T00:00:00Z".parse().unwrap();
        let tenancy = store.tenancy();
        let account = tenancy.create_account("acme", now).await.unwrap().id;
        let organization = tenancy
            .create_organization(account, "org", now)
            .await
            .unwrap()
            .id;
        let space = tenancy
            .create_space(organization, "dev", now)
            .await
            .unwrap()
            .id;
        let other_space = tenancy
            .create_space(organization, "prod", now)
            .await
            .unwrap()
            .id;
        Self {
            store,
            clock,
            account,
            space,
            other_space,
            user: UserId::generate(),
            settings,
            place,
        }
    }

    /// Returns a store that begins with a copy of this one, which is in memory and must be closed.
    pub(crate) async fn copied(&self, adjust: impl FnOnce(&mut StoreSettings)) -> Self {
        let Place::Memory(parts) = &self.place else {
            panic!("a store of a directory is not copied");
        };
        let mut settings = self.settings.clone();
        adjust(&mut settings);
        let place = Place::Memory(parts.copied().unwrap());
        self.begun(settings, place).await
    }

    /// Returns a store in this directory that begins with the catalog of this one, which must be closed, and nothing
    /// else.
    pub(crate) async fn with_catalog_of(
        &self,
        dir: &Path,
        adjust: impl FnOnce(&mut StoreSettings),
    ) -> Self {
        let dir = tempfile::tempdir_in(dir).unwrap();
        let mut settings = StoreSettings::new(dir.path().join("data"));
        adjust(&mut settings);
        std::fs::create_dir(&settings.data_dir).unwrap();
        std::fs::create_dir(settings.data_dir.join("keys")).unwrap();
        for name in ["catalog.sqlite", "keys/evidence.key"] {
            let (from, to) = (self.data_dir().join(name), settings.data_dir.join(name));
            std::fs::copy(from, to).unwrap();
        }
        let place = Place::Directory(dir);
        self.begun(settings, place).await
    }

    /// Returns a store in this place, with the same people and a clock of its own.
    async fn begun(&self, settings: StoreSettings, place: Place) -> Self {
        let clock = clock();
        Self {
            store: open(&place, &settings, &clock).await.unwrap(),
            clock,
            settings,
            place,
            ..*self
        }
    }

    /// Returns a store on another directory, with the same people.
    pub(crate) async fn served_from(&self, data_dir: PathBuf) -> Self {
        let settings = StoreSettings {
            data_dir,
            ..self.settings.clone()
        };
        Self {
            store: Store::open_dir(settings.clone(), self.clock.clone())
                .await
                .unwrap(),
            clock: self.clock.clone(),
            place: Place::Directory(tempfile::tempdir().unwrap()),
            settings,
            ..*self
        }
    }

    /// Stops without closing the store and opens it again, as after a crash of the process.
    pub(crate) async fn crash_and_reopen(self) -> Self {
        let Self {
            store,
            clock,
            account,
            space,
            other_space,
            user,
            settings,
            place,
        } = self;
        drop(store);
        let store = reopen(&place, &settings, &clock).await;
        Self {
            store,
            clock,
            account,
            space,
            other_space,
            user,
            settings,
            place,
        }
    }

    /// Stops without closing the store, and leaves the directory to the caller.
    pub(crate) async fn end(self) -> (tempfile::TempDir, Arc<ManualClock>) {
        let Self {
            store,
            clock,
            settings,
            place,
            ..
        } = self;
        drop(store);
        // Nobody has the lock once it can be acquired.
        drop(reopen(&place, &settings, &clock).await);
        match place {
            Place::Directory(dir) => (dir, clock),
            Place::Memory(_) => panic!("a store in memory has no directory"),
        }
    }

    /// Stops as after a crash, and opens the store again with other settings.
    pub(crate) async fn reopened_with(mut self, adjust: impl FnOnce(&mut StoreSettings)) -> Self {
        adjust(&mut self.settings);
        self.crash_and_reopen().await
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.settings.data_dir
    }

    /// Returns the catalog, for inspections and changes without the store's knowledge.
    pub(crate) async fn catalog(&self) -> CatalogFile {
        CatalogFile::open(&self.data_dir().join("catalog.sqlite")).await
    }

    /// Returns the findings of a scrub, and its report.
    pub(crate) async fn scrub(&self) -> (Vec<Finding>, ScrubReport) {
        let mut findings = Vec::new();
        let mut on_step = |step| {
            if let ScrubStep::Found(finding) = step {
                findings.push(finding);
            }
        };
        let report = scrub(self.data_dir(), ScrubOptions::default(), &mut on_step).await;
        (findings, report.unwrap())
    }

    pub(crate) async fn open_again(&self) -> Result<Store> {
        open(&self.place, &self.settings, &self.clock).await
    }

    pub(crate) async fn send(&self, events: &[NewEvent]) {
        self.store
            .append(Domain::Space(self.space), events.to_vec())
            .await
            .unwrap();
    }

    pub(crate) async fn counts(&self, target: Target) -> Vec<(String, u64, u64)> {
        let scope = Scope {
            target,
            days: ever(),
            hours: Hours::ALL,
        };
        let totals = self.store.status(scope).await.unwrap();
        totals
            .into_iter()
            .map(|total| (total.day.to_string(), total.count, total.size_bytes))
            .collect()
    }

    pub(crate) fn new_session(&self, scope: Scope) -> NewSession {
        NewSession {
            user: "ann".to_owned(),
            since: std::collections::BTreeMap::default(),
            owner: self.user,
            space: Some(self.space),
            scope,
            id: None,
        }
    }

    pub(crate) async fn session(&self, scope: Scope) -> Session {
        let new = self.new_session(scope);
        self.store.create_session(new).await.unwrap()
    }

    pub(crate) fn scope(&self, first: &str, last: &str) -> Scope {
        Scope {
            target: Target::Space(self.space),
            days: days(first, last),
            hours: Hours::ALL,
        }
    }

    pub(crate) async fn open(&self, id: SessionId) -> Result<Download> {
        let session = self.store.session(self.user, id).await?;
        self.store.open_download(session).await
    }

    pub(crate) async fn gzip(&self, id: SessionId) -> Vec<u8> {
        let download = self.open(id).await.unwrap();
        let stream = download.read(0..download.session().total_bytes).await;
        let parts: Vec<Bytes> = stream.unwrap().try_collect().await.unwrap();
        parts.concat()
    }

    pub(crate) async fn lines(&self, id: SessionId) -> Vec<String> {
        let mut text = String::new();
        MultiGzDecoder::new(self.gzip(id).await.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(
        "2017-07-25T10:29:28.541092735Z".parse().unwrap(),
    ))
}

async fn open(place: &Place, settings: &StoreSettings, clock: &Arc<ManualClock>) -> Result<Store> {
    match place {
        Place::Directory(_) => Store::open_dir(settings.clone(), clock.clone()).await,
        Place::Memory(parts) => Store::open(parts.parts()?, settings.clone(), clock.clone()).await,
    }
}

/// Opens a store whose lock the last task of the dropped store releases, perhaps a moment later.
async fn reopen(place: &Place, settings: &StoreSettings, clock: &Arc<ManualClock>) -> Store {
    for _ in 0..5_000 {
        match open(place, settings, clock).await {
            Ok(store) => return store,
            Err(error) if error.to_string().contains("another ") => {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the dropped store keeps its lock");
}

pub(crate) fn event(day: &str, hour: u8, text: &str) -> NewEvent {
    let line = Bytes::from(format!(
        "{{\"eventTime\":\"{day}T{hour:02}:00:00Z\",\"text\":\"{text}\"}}"
    ));
    NewEvent {
        day: day.parse().unwrap(),
        hour: Hour::new(hour).unwrap(),
        leaf: leaf_hash(&line),
        line,
    }
}

/// Returns text of this length that hardly compresses below half of it.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    let blocks = (0..length as u64).step_by(64);
    let mut text: String = blocks
        .map(|block| {
            hex(&Sha256::digest(
                [seed.to_be_bytes(), block.to_be_bytes()].concat(),
            ))
        })
        .collect();
    text.truncate(length);
    text
}

pub(crate) fn texts(events: &[NewEvent]) -> Vec<String> {
    events
        .iter()
        .map(|event| String::from_utf8(event.line.to_vec()).unwrap())
        .collect()
}

pub(crate) fn days(first: &str, last: &str) -> DayRange {
    DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
}

pub(crate) fn ever() -> DayRange {
    DayRange::new(Day::FIRST, Day::LAST).unwrap()
}

/// Returns all files below a directory.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
