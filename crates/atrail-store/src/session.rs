//! Sessions: one user's frozen scope for a download.

mod making;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use atrail_evidence::Root;
use atrail_model::{Domain, Scope, SessionId, SpaceId, Target, Timestamp, UserId};
use bytes::Bytes;
use uuid::Uuid;

use crate::Store;
use crate::byte_set::ByteSet;
use crate::error::{Result, StoreError};
use crate::store::Core;
pub(crate) use making::Makings;

/// Who makes a session, and for what.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose session it is; nobody else sees it.
    pub owner: UserId,
    /// The space that was targeted when it was made, if any; limits count by it.
    pub space: Option<SpaceId>,
    /// What it covers.
    pub scope: Scope,
    /// The owner's name, as the receipt gives it.
    pub user: String,
    /// Sizes of logs that the client has checkpoints of, and wants to see continued.
    pub since: BTreeMap<Domain, u64>,
    /// The id that it is to have, from a request that may come again; by chance when left out.
    pub id: Option<SessionId>,
}

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
    /// [`crate::store::Core::removals`] before it was looked up or made.
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

impl Store {
    /// The owner's open sessions, oldest first: those made with this space targeted, or with `None` all.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn sessions(&self, owner: UserId, space: Option<SpaceId>) -> Result<Vec<Session>> {
        let core = &self.core;
        let sessions = core.catalog.sessions(owner, space).await?;
        let now = core.time.read();
        let current = sessions
            .into_iter()
            .map(|session| core.with_activity(session, &now));
        Ok(current
            .filter(|session| session.expires > now.date)
            .collect())
    }

    /// One open session of the owner. Looking does not count as use.
    ///
    /// # Errors
    /// `NotFound` when there is none, or it is somebody else's, or it has ended.
    pub async fn session(&self, owner: UserId, id: SessionId) -> Result<Session> {
        let core = &self.core;
        let removals = core.removals.load(Ordering::Acquire);
        let session = core.catalog.session(owner, id).await?;
        session
            .and_then(|session| core.while_open(session, removals))
            .ok_or_else(|| not_found(id))
    }

    /// Ends a session of the owner.
    ///
    /// # Errors
    /// `NotFound` as for [`Self::session`].
    pub async fn delete_session(&self, owner: UserId, id: SessionId) -> Result<()> {
        let session = self.session(owner, id).await?;
        let catalog = &self.core.catalog;
        let deleted = self.core.with_reserve(|| catalog.delete_session(owner, id));
        if !deleted.await? {
            return Err(not_found(id));
        }
        self.core.removals.fetch_add(1, Ordering::Release);
        self.core.plans.forget(&[id]);
        self.core.activity.forget(session.key());
        Ok(())
    }

    /// The session's manifest as JSON text ([`Manifest`]); its SHA-256 is the session's etag.
    ///
    /// # Errors
    /// `NotFound` as for [`Self::session`], `Gone` when a deletion took events of it.
    pub async fn manifest(&self, owner: UserId, id: SessionId) -> Result<Bytes> {
        let session = self.session(owner, id).await?;
        session.refuse_if_gone()?;
        let text = self.core.catalog.session_manifest(id).await?;
        text.map(Bytes::from).ok_or_else(|| not_found(id))
    }

    /// Bytes of the session's manifest and receipt together.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn evidence_bytes(&self, id: SessionId) -> Result<usize> {
        let bytes = self.core.catalog.evidence_bytes(id).await?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// The session's receipt: the evidence that goes with its download, fixed like its bytes.
    ///
    /// # Errors
    /// `NotFound` as for [`Self::session`], or when the session is from a time before there were receipts; `Gone` when
    /// a deletion took events of it.
    pub async fn receipt(&self, owner: UserId, id: SessionId) -> Result<Bytes> {
        let session = self.session(owner, id).await?;
        session.refuse_if_gone()?;
        let text = self.core.catalog.receipt(&session).await?;
        text.map(Bytes::from).ok_or_else(|| StoreError::NotFound {
            what: format!("receipt of session {id}"),
        })
    }
}

impl Core {
    /// A session that was read of the catalog as it is now, unless it has ended. `removals` was read before.
    fn while_open(&self, session: Session, removals: u64) -> Option<Session> {
        let now = self.time.read();
        let session = Session {
            removals,
            ..self.with_activity(session, &now)
        };
        (session.expires > now.date).then_some(session)
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

pub(crate) fn not_found(id: SessionId) -> StoreError {
    StoreError::NotFound {
        what: format!("session {id}"),
    }
}

pub(crate) fn target_name(target: Target) -> String {
    match target {
        Target::Space(id) => format!("space {id}"),
        Target::Account(id) => format!("account {id}"),
    }
}
