//! Sessions: one user's frozen scope for a download.

mod making;
pub(crate) mod makings;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use atrail_catalog::session::{Session, not_found};
use atrail_disk::{Result, StoreError};
use atrail_model::{Domain, Scope, SessionId, SpaceId, UserId};
use bytes::Bytes;

use crate::Store;
use crate::core::Core;
use crate::removals::RemovalOf;

/// The owner of a new session, and its contents.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The owner of the session; nobody else sees it.
    pub owner: UserId,
    /// The space that was targeted when it was created, if any; limits count by it.
    pub space: Option<SpaceId>,
    /// The events that it covers.
    pub scope: Scope,
    /// The owner's name, for the receipt.
    pub user: String,
    /// Sizes of logs of which the client has checkpoints, and whose continuation it wants to verify.
    pub since: BTreeMap<Domain, u64>,
    /// The id from a request that may be repeated; a random one when `None`.
    pub id: Option<SessionId>,
}

impl Store {
    /// Returns the owner's open sessions, oldest first: those created with this space targeted, or with `None` all.
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

    /// Returns one open session of the owner. This does not count as use.
    ///
    /// # Errors
    /// `NotFound` when there is none, when another user owns it, or when it has ended.
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
        let deleted = deleted.await;
        // Even after an error, which leaves unknown whether it took effect.
        let noticed = self.core.note_removal(RemovalOf::Session).await;
        if !deleted? {
            return Err(not_found(id));
        }
        self.core.plans.forget(&[id]);
        self.core.activity.forget(session.key());
        noticed
    }

    /// Returns the session's manifest as JSON text ([`Manifest`]); its SHA-256 is the session's etag.
    ///
    /// # Errors
    /// `NotFound` as for [`Self::session`], `Gone` when a deletion removed events of it.
    pub async fn manifest(&self, owner: UserId, id: SessionId) -> Result<Bytes> {
        let session = self.session(owner, id).await?;
        session.refuse_if_gone()?;
        let text = self.core.catalog.session_manifest(id).await?;
        text.map(Bytes::from).ok_or_else(|| not_found(id))
    }

    /// Returns the bytes of the session's manifest and receipt together.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn evidence_bytes(&self, id: SessionId) -> Result<usize> {
        let bytes = self.core.catalog.evidence_bytes(id).await?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Returns the session's receipt: the evidence that accompanies its download, as immutable as its bytes.
    ///
    /// # Errors
    /// `NotFound` as for [`Self::session`], or when the session dates from before receipts existed; `Gone` when a
    /// deletion removed events of it.
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
    /// Returns a session that was read from the present catalog, unless it has ended. `removals` was read before.
    fn while_open(&self, session: Session, removals: u64) -> Option<Session> {
        let now = self.time.read();
        let session = Session {
            removals,
            ..self.with_activity(session, &now)
        };
        (session.expires > now.date).then_some(session)
    }
}
