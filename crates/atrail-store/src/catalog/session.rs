//! Sessions in the form that the catalog stores.

use atrail_disk::{Result, StoreError};
use atrail_evidence::Root;
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
    pub(crate) fn generate() -> Self {
        Self(Uuid::new_v4())
    }

    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
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
    pub(crate) handed_out: ByteSet,
    /// SHA-256 of the manifest's bytes: the download's strong entity tag.
    pub etag: [u8; 32],
    /// The states of its domains' logs, in download order.
    pub checkpoints: Vec<PinnedCheckpoint>,
    /// When it was created, on the store's clock of ages.
    pub(crate) made_age: Timestamp,
    /// When it was last used, on the same clock.
    pub(crate) used_age: Timestamp,
    /// The store's number of removals before the session was looked up or created.
    pub(crate) removals: u64,
}

impl SessionState {
    pub(crate) const fn of_progress(downloaded_bytes: u64, total_bytes: u64) -> Self {
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

    pub(crate) fn refuse_if_gone(&self) -> Result<()> {
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
pub(crate) struct Usage {
    /// The date of the last use.
    pub(crate) accessed: Timestamp,
    /// The same moment on the clock of ages.
    pub(crate) age: Timestamp,
    /// The bytes that were served.
    pub(crate) handed_out: ByteSet,
}

/// The open sessions in a space, or in an account without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenSessions {
    /// Those of the user.
    pub(crate) own: u64,
    /// Those of all users.
    pub(crate) of_all: u64,
}

/// The moments on the clock of ages that decide which sessions have ended: those last used, or created, no later than
/// these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedBy {
    pub(crate) used: Timestamp,
    pub(crate) made: Timestamp,
}

pub(crate) fn not_found(id: SessionId) -> StoreError {
    StoreError::NotFound {
        what: format!("session {id}"),
    }
}
