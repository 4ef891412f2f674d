//! Sessions in the form that the catalog stores.

use atrail_disk::{Result, StoreError};
use atrail_evidence::Root;
use atrail_model::passage::Now;
use atrail_model::{ByteSet, Domain, Scope, SessionId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

/// The state of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// No byte was sent.
    Open,
    /// Part was sent.
    Downloading,
    /// Every byte was sent.
    Downloaded,
    /// Events that it had pinned were deleted: when and by whom.
    Gone(String),
}

/// The state of a domain's log when a session was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedCheckpoint {
    /// The domain.
    pub domain: Domain,
    /// Records in its log.
    pub size: u64,
    /// The root over them.
    pub root: Root,
}

/// Distinguishes sessions of one id: a session whose id came with a request may be created, end, and be created again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(Uuid);

impl Generation {
    /// Returns a unique generation.
    pub fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    /// Returns the generation with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// Returns its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

/// Names a session, even where its id recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Its id.
    pub id: SessionId,
    /// The generation of the id; `None` for all sessions from before ids could recur.
    pub generation: Option<Generation>,
}

/// A session: one user's frozen scope.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The generation of its id.
    pub generation: Option<Generation>,
    /// Its owner.
    pub owner: UserId,
    /// The space that was targeted when it was created, if any.
    pub space: Option<SpaceId>,
    /// The events that it covers.
    pub scope: Scope,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last used.
    pub accessed: Timestamp,
    /// When it ends if it is not used before.
    pub expires: Timestamp,
    /// Its state.
    pub state: SessionState,
    /// Events in it.
    pub events: u64,
    /// Bytes of the events' lines, line feeds not counted.
    pub size_bytes: u64,
    /// Length of the download in bytes.
    pub total_bytes: u64,
    /// The progress of the download: how many of its bytes were sent at least once.
    pub downloaded_bytes: u64,
    /// Those bytes.
    pub handed_out: ByteSet,
    /// SHA-256 of the manifest's bytes: the download's strong entity tag.
    pub etag: [u8; 32],
    /// The states of its domains' logs, in download order.
    pub checkpoints: Vec<PinnedCheckpoint>,
    /// When it was created, on the store's clock of ages.
    pub made_age: Timestamp,
    /// When it was last used, on the same clock.
    pub used_age: Timestamp,
    /// The store's number of removals before the session was looked up or created.
    pub removals: u64,
}

impl SessionState {
    /// Returns the state of a session of which this many bytes were served.
    pub const fn of_progress(downloaded_bytes: u64, total_bytes: u64) -> Self {
        if downloaded_bytes == 0 {
            Self::Open
        } else if downloaded_bytes < total_bytes {
            Self::Downloading
        } else {
            Self::Downloaded
        }
    }
}

impl Session {
    /// Returns its key, which names it even where its id recurs.
    #[must_use]
    pub const fn key(&self) -> SessionKey {
        SessionKey {
            id: self.id,
            generation: self.generation,
        }
    }

    /// Returns the reason as an error when the session has lost events.
    pub fn refuse_if_gone(&self) -> Result<()> {
        match &self.state {
            SessionState::Gone(reason) => Err(StoreError::Gone {
                session: self.id,
                reason: reason.clone(),
            }),
            SessionState::Open | SessionState::Downloading | SessionState::Downloaded => Ok(()),
        }
    }
}

/// The use of a session that the catalog has not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The date of the last use.
    pub accessed: Timestamp,
    /// The same moment on the clock of ages.
    pub age: Timestamp,
    /// The bytes that were served.
    pub handed_out: ByteSet,
}

impl Usage {
    /// Returns a use at this moment that served nothing.
    #[must_use]
    pub fn at(now: &Now) -> Self {
        Self {
            accessed: now.date,
            age: now.ages,
            handed_out: ByteSet::default(),
        }
    }

    /// Records another use, unless a later one is recorded.
    pub fn touch(&mut self, now: &Now) {
        if now.ages >= self.age {
            self.accessed = now.date;
            self.age = now.ages;
        }
    }
}

/// The open sessions in a space, or in an account without one.
#[derive(Debug, Clone, Copy)]
pub struct OpenSessions {
    /// Those of the user.
    pub own: u64,
    /// Those of all users.
    pub of_all: u64,
}

/// The moments on the clock of ages that decide which sessions have ended: those last used, or created, no later than
/// these.
#[derive(Debug, Clone, Copy)]
pub struct EndedBy {
    /// For the last use.
    pub used: Timestamp,
    /// For the creation.
    pub made: Timestamp,
}

/// Returns the error for a session that does not exist.
pub fn not_found(id: SessionId) -> StoreError {
    StoreError::NotFound {
        what: format!("session {id}"),
    }
}
