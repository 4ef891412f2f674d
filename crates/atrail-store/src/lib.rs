//! Keeps events durable and hands them out: write-ahead log, sealing, catalog, sessions, downloads.
//!
//! Nothing here knows HTTP. [`Store`] is the whole face of this crate.

mod catalog;
pub mod durable;
mod error;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use atrail_evidence::LeafHash;
use atrail_model::{
    Clock, Day, DayRange, Domain, Hour, Scope, SessionId, SpaceId, Target, Timestamp, UserId,
};
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use catalog::{
    Account, ApiKey, ApiKeyHolder, Catalog, Credentials, Exchange, Founding, Grant, HeldRole,
    Identity, LoginId, NewLogin, Organization, Space, Standing, Tenancy, User,
};
pub use error::{ErrorKind, Result, StoreError};

/// How the store works. `StoreSettings::new(dir)` gives the defaults.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The data directory; made when it is not there.
    pub data_dir: PathBuf,
    /// Seal everything when this many bytes of events are unsealed.
    pub seal_at_bytes: u64,
    /// Seal a domain's events at the latest this long after the first of them came.
    pub seal_after: Duration,
    /// A session ends this long after its last use.
    pub session_idle_ttl: Duration,
    /// A session ends this long after its creation, used or not.
    pub session_max_ttl: Duration,
    /// Open sessions that a space may have.
    pub max_open_sessions: u64,
    /// Sessions that may be created in a space within an hour.
    pub max_sessions_per_hour: u64,
}

impl StoreSettings {
    /// The defaults, for this data directory.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            seal_at_bytes: 64 << 20,
            seal_after: Duration::from_secs(300),
            session_idle_ttl: Duration::from_secs(7 * 86_400),
            session_max_ttl: Duration::from_secs(30 * 86_400),
            max_open_sessions: 30,
            max_sessions_per_hour: 600,
        }
    }
}

/// A checked event, ready to be stored.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The UTC day of its `eventTime`.
    pub day: Day,
    /// The UTC hour of its `eventTime`.
    pub hour: Hour,
    /// Its stored line: one JSON object without CR, LF.
    pub line: Bytes,
    /// The line's leaf hash.
    pub leaf: LeafHash,
}

/// What a day of a target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The day.
    pub day: Day,
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
}

/// What a deletion took, or would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletedTotal {
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines.
    pub size_bytes: u64,
}

/// Who makes a session, and for what.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose session it is; nobody else sees it.
    pub owner: UserId,
    /// The space that was targeted when it was made, if any; limits count by it.
    pub space: Option<SpaceId>,
    /// What it covers.
    pub scope: Scope,
}

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// Nothing was downloaded.
    Open,
    /// Part was sent.
    Downloading,
    /// The last byte was sent.
    Downloaded,
    /// Events that it had pinned were deleted: when and by whom.
    Gone(String),
}

/// A session: one user's frozen scope.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub owner: UserId,
    /// The space that was targeted when it was made, if any.
    pub space: Option<SpaceId>,
    /// What it covers.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used.
    pub accessed: Timestamp,
    /// When it ends if it is not used before.
    pub expires: Timestamp,
    /// Where it stands.
    pub state: SessionState,
    /// Events in it.
    pub events: u64,
    /// Bytes of the events' lines.
    pub size_bytes: u64,
    /// Length of the download in bytes.
    pub total_bytes: u64,
    /// How far the download was sent from its start, in bytes.
    pub downloaded_bytes: u64,
    /// SHA-256 of the manifest's bytes: the download's strong entity tag.
    pub etag: [u8; 32],
}

/// The bytes of a session, open for reading.
#[derive(Debug, Clone)]
pub struct Download {}

impl Download {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        unimplemented!()
    }

    /// The bytes from `range.start` up to, not including, `range.end`; the range must lie in `0..total_bytes`.
    /// Counts what was taken as downloaded. An error ends the stream.
    #[must_use]
    pub fn read(&self, range: std::ops::Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let _ = range;
        unimplemented!()
    }
}

/// The store: cheap to clone, every clone is the same store.
#[derive(Debug, Clone)]
pub struct Store {}

impl Store {
    /// Opens the store in its directory, recovering what an earlier process left; refuses a directory that another
    /// process uses.
    pub async fn open(settings: StoreSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let _ = (settings, clock);
        unimplemented!()
    }
    /// Ends cleanly: what is acknowledged stays, what is under way is finished.
    pub async fn close(&self) -> Result<()> {
        unimplemented!()
    }
    /// Makes events durable in a domain. `Ok` means that all of them are.
    pub async fn append(&self, domain: Domain, events: Vec<NewEvent>) -> Result<()> {
        let _ = (domain, events);
        unimplemented!()
    }
    /// Why the store takes no writes, if it does not.
    #[must_use]
    pub fn write_refusal(&self) -> Option<StoreError> {
        unimplemented!()
    }
    /// Counts per day, ascending; days without events are absent.
    pub async fn status(&self, target: Target, days: DayRange) -> Result<Vec<DayTotal>> {
        let _ = (target, days);
        unimplemented!()
    }
    /// Deletes the events in scope, or with `dry_run` counts them. `actor` is the user's name, for the record.
    pub async fn delete_events(
        &self,
        scope: Scope,
        actor: &str,
        dry_run: bool,
    ) -> Result<DeletedTotal> {
        let _ = (scope, actor, dry_run);
        unimplemented!()
    }
    /// Makes a session: seals what is in scope and pins it.
    pub async fn create_session(&self, new: NewSession) -> Result<Session> {
        let _ = new;
        unimplemented!()
    }
    /// The owner's open sessions made with this space targeted (or, with `None`, in any).
    pub async fn sessions(&self, owner: UserId, space: Option<SpaceId>) -> Result<Vec<Session>> {
        let _ = (owner, space);
        unimplemented!()
    }
    /// One open session of the owner; `NotFound` for anybody else's. Does not count as use.
    pub async fn session(&self, owner: UserId, id: SessionId) -> Result<Session> {
        let _ = (owner, id);
        unimplemented!()
    }
    /// Ends a session of the owner.
    pub async fn delete_session(&self, owner: UserId, id: SessionId) -> Result<()> {
        let _ = (owner, id);
        unimplemented!()
    }
    /// The session's manifest as JSON text (`atrail_api::Manifest`'s shape); its SHA-256 is the session's etag.
    pub async fn manifest(&self, owner: UserId, id: SessionId) -> Result<Bytes> {
        let _ = (owner, id);
        unimplemented!()
    }
    /// Opens the session's bytes; counts as use. `Gone` when a deletion took some.
    pub async fn open_download(&self, owner: UserId, id: SessionId) -> Result<Download> {
        let _ = (owner, id);
        unimplemented!()
    }
    /// Accounts, organizations and spaces.
    #[must_use]
    pub fn tenancy(&self) -> Tenancy {
        unimplemented!()
    }
    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        unimplemented!()
    }
}
