//! What the catalog keeps of a session.

use atrail_evidence::Root;
use atrail_model::{Domain, Scope, SessionId, SpaceId, Timestamp, UserId};
use uuid::Uuid;

use crate::byte_set::ByteSet;
use crate::error::{Result, StoreError};

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// Nothing was downloaded.
    Open,
    /// Part was sent.
    Downloading,
    /// Every byte was sent.
    Downloaded,
    /// Events that it had pinned were deleted: when and by whom.
    Gone(String),
}

/// Where a domain's log stood when a session was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedCheckpoint {
    /// The domain.
    pub domain: Domain,
    /// Records in its log.
    pub size: u64,
    /// Root over them.
    pub root: Root,
}

/// Which making of a session's id: an id that a request brings along may be made, ended and made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(Uuid);

impl Generation {
    /// One that nothing else has.
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

/// Names a session, also where its id comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Its id.
    pub id: SessionId,
    /// Which making of the id; `None` for all that were made before ids could come again.
    pub generation: Option<Generation>,
}

/// A session: one user's frozen scope.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Which making of its id.
    pub generation: Option<Generation>,
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
    /// Bytes of the events' lines, line feeds not counted.
    pub size_bytes: u64,
    /// Length of the download in bytes.
    pub total_bytes: u64,
    /// How far the download got: how many of its bytes were sent at least once.
    pub downloaded_bytes: u64,
    /// Those bytes.
    pub(crate) handed_out: ByteSet,
    /// SHA-256 of the manifest's bytes: the download's strong entity tag.
    pub etag: [u8; 32],
    /// Where the logs of its domains stood, in download order.
    pub checkpoints: Vec<PinnedCheckpoint>,
    /// When it was made, on the store's clock of ages.
    pub(crate) made_age: Timestamp,
    /// When it was last used, on the same.
    pub(crate) used_age: Timestamp,
    /// How often the store had taken something away before it was looked up or made.
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
    /// What names it, also where its id comes again.
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

/// How a session was used since the catalog was last told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The date of the last use.
    pub(crate) accessed: Timestamp,
    /// The same on the clock of ages.
    pub(crate) age: Timestamp,
    /// Which bytes were handed out.
    pub(crate) handed_out: ByteSet,
}

/// Sessions that are open in a space, or in an account without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenSessions {
    /// Those of the user.
    pub(crate) own: u64,
    /// Those of all.
    pub(crate) of_all: u64,
}

/// Sessions that were used, or made, no later than these moments on the clock of ages have ended.
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
