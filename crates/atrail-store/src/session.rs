//! Sessions: one user's frozen scope for a download.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_evidence::{EMPTY_OBJECT, Manifest, ManifestObject, SUBTREE_LEAVES, hex};
use atrail_model::{Domain, Scope, SessionId, SpaceId, UserId};
use bytes::Bytes;
use futures_util::future::try_join;
use sha2::{Digest, Sha256};

use crate::Store;
use crate::byte_set::ByteSet;
use crate::catalog::in_scope::{self, PinnedObject};
use crate::catalog::session::{Generation, Session, SessionState, not_found};
use crate::download::plan::Plan;
use crate::error::{Result, StoreError};
use crate::object::EMPTY_MEMBER;
use crate::seal::scope::SealScope;
use crate::signing::About;
use crate::task::off_thread;

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
    /// Makes a session: seals what is in scope and pins it. Everything in scope that was acknowledged before the call is
    /// in it, and it never changes after. When there is an open one with the asked id already, it is given back.
    ///
    /// # Errors
    /// `NotFound` for an unknown target, `TooMany` at the limits, or when the disk or the catalog fails.
    pub async fn create_session(&self, new: NewSession) -> Result<Session> {
        self.core
            .with_reserve(|| self.try_create_session(&new))
            .await
    }

    async fn try_create_session(&self, new: &NewSession) -> Result<Session> {
        let core = &self.core;
        let domains = core.catalog.domains_of(new.scope.target).await?;
        let Some(first) = domains.first() else {
            return Err(StoreError::NotFound {
                what: new.scope.target.to_string(),
            });
        };
        let account = first.account;
        if let Some(made) = self.made_before(new).await? {
            return Ok(made);
        }
        core.seal_rate.admit(
            (account, new.space),
            core.clock.elapsed(),
            core.settings.max_sessions_per_hour,
        )?;
        core.seal(SealScope::These(
            domains.iter().map(|row| row.domain).collect(),
        ))
        .await?;
        core.memtable.apart().refuse_in(&domains, &new.scope)?;

        let removals = core.removals.load(Ordering::Acquire);
        let time = core.time.read();
        let now = time.date;
        // One key signs all that goes with the session.
        let signer = core.signing.signer().await;
        let mut tx = core.catalog.begin("create a session").await?;
        core.end_expired_sessions(&mut tx, time.ages).await?;
        // The same request may be under way twice; transactions that write come one after the other.
        if let Some(made) = self.made_before(new).await? {
            return Ok(made);
        }
        // A space that was made since has no event from before this call, but its account's log names it.
        let domains = core.catalog.domains_of(new.scope.target).await?;
        let open = core
            .catalog
            .count_open_sessions(&mut tx, account, new.space, new.owner)
            .await?;
        core.settings.admit_session(open)?;
        let objects = in_scope::pinned(&mut tx, &domains, &new.scope).await?;
        let objects: Arc<[PinnedObject]> = objects.into();
        let large = objects
            .iter()
            .filter(|object| object.contents.events > SUBTREE_LEAVES);
        let about = About {
            session: new.id.unwrap_or_else(SessionId::generate),
            user: &new.user,
            created: now,
            scope: &new.scope,
            large: large.map(|object| object.domain).collect(),
            since: &new.since,
            most_bytes: core.settings.max_receipt_bytes,
        };
        let freezing = {
            let objects = Arc::clone(&objects);
            off_thread(move || Frozen::of(&objects))
        };
        let gathering = signer.gather(&mut tx, &domains, &about);
        let (frozen, gathered) = try_join(freezing, gathering).await?;
        let mut session = Session {
            id: about.session,
            generation: Some(Generation::generate()),
            owner: new.owner,
            space: new.space,
            scope: new.scope,
            created: now,
            accessed: now,
            expires: now,
            made_age: time.ages,
            used_age: time.ages,
            state: SessionState::Open,
            events: objects.iter().map(|object| object.contents.events).sum(),
            size_bytes: objects
                .iter()
                .map(|object| object.contents.events_bytes)
                .sum(),
            total_bytes: download_len(&objects),
            downloaded_bytes: 0,
            handed_out: ByteSet::default(),
            etag: frozen.etag,
            checkpoints: gathered.checkpoints,
            removals,
        };
        session.expires = core.settings.session_end(&session, &time);
        let manifest = frozen.manifest.clone().into_bytes();
        let signing = signer.receipt(about.receipt(frozen.manifest, gathered.domains));
        let inserting = core
            .catalog
            .insert_session(&mut tx, &session, account, manifest);
        let (receipt, ()) = try_join(signing, inserting).await?;
        core.catalog
            .insert_receipt(&mut tx, session.id, receipt)
            .await?;
        core.catalog.commit(tx, "create a session").await?;
        // Most sessions are downloaded at once.
        core.plans.keep(&session, frozen.plan);
        Ok(session)
    }

    async fn made_before(&self, new: &NewSession) -> Result<Option<Session>> {
        let Some(id) = new.id else { return Ok(None) };
        match self.session(new.owner, id).await {
            Ok(session) => Ok(Some(session)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

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
        let now = core.time.read();
        session
            .map(|session| Session {
                removals,
                ..core.with_activity(session, &now)
            })
            .filter(|session| session.expires > now.date)
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
        let text = self.core.catalog.receipt(id).await?;
        text.map(Bytes::from).ok_or_else(|| StoreError::NotFound {
            what: format!("receipt of session {id}"),
        })
    }
}

/// What a session's download consists of.
struct Frozen {
    /// The manifest's text.
    manifest: String,
    etag: [u8; 32],
    plan: Plan,
}

impl Frozen {
    fn of(objects: &[PinnedObject]) -> Result<Self> {
        let manifest = manifest_of(objects);
        let plan = Plan::of(&manifest)?;
        let manifest = serde_json::to_string(&manifest).map_err(|error| {
            StoreError::Invalid(format!("a manifest cannot be written: {error}"))
        })?;
        Ok(Self {
            etag: Sha256::digest(&manifest).into(),
            manifest,
            plan,
        })
    }
}

/// The manifest of these objects, or of the empty member when there are none.
fn manifest_of(objects: &[PinnedObject]) -> Manifest {
    let mut parts: Vec<_> = objects
        .iter()
        .map(|object| ManifestObject {
            domain: object.domain.to_string(),
            object: object.id.to_string(),
            offset: 0,
            length: object.size_bytes,
            sha256: hex(&object.sha256),
            segments: object
                .contents
                .segments
                .iter()
                .map(ToString::to_string)
                .collect(),
        })
        .collect();
    if parts.is_empty() {
        parts.push(ManifestObject {
            domain: String::new(),
            object: EMPTY_OBJECT.to_owned(),
            offset: 0,
            length: EMPTY_MEMBER.len() as u64,
            sha256: hex(&Sha256::digest(EMPTY_MEMBER)),
            segments: Vec::new(),
        });
    }
    Manifest { objects: parts }
}

fn download_len(objects: &[PinnedObject]) -> u64 {
    if objects.is_empty() {
        return EMPTY_MEMBER.len() as u64;
    }
    objects.iter().map(|object| object.size_bytes).sum()
}
