//! Sessions: one user's frozen scope for a download.

mod making;
pub(crate) mod makings;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use atrail_model::{Domain, Scope, SessionId, SpaceId, UserId};
use bytes::Bytes;

use crate::Store;
use crate::catalog::session::{Session, not_found};
use crate::core::Core;
use crate::error::{Result, StoreError};

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
