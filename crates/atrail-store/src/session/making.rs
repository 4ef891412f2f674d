//! How a session is made while others write.
//!
//! A session over thousands of objects has megabytes of manifest and receipt. They are read in one snapshot of the catalog,
//! computed and signed while others write, and written in parts. The transaction that makes the session then only
//! looks whether the objects are still those that were read. When a deletion, a retention or a compaction took one of them
//! meanwhile, the making begins again; after [`MAX_ATTEMPTS`] it keeps others from writing while it computes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_evidence::{EMPTY_OBJECT, Manifest, ManifestObject, SUBTREE_LEAVES, hex};
use atrail_model::{AccountId, SessionId};
use futures_util::future::try_join;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use super::NewSession;
use crate::Store;
use crate::byte_set::ByteSet;
use crate::catalog::domains::{self, Removals};
use crate::catalog::in_scope::{self, PinnedObject};
use crate::catalog::session::{Generation, Session, SessionState};
use crate::catalog::session_texts::TextKind;
use crate::catalog::sessions;
use crate::core::Core;
use crate::download::plan::Plan;
use crate::error::{Result, StoreError};
use crate::object::EMPTY_MEMBER;
use crate::passage::Now;
use crate::seal::scope::SealScope;
use crate::signing::{self, About, Gathered, Signer};
use crate::task::off_thread;

const WHAT: &str = "create a session";
/// How often a making begins again because objects went meanwhile, before it keeps them where they are.
const MAX_ATTEMPTS: usize = 3;
/// Makes one session.
struct Maker<'a> {
    core: &'a Core,
    new: &'a NewSession,
    account: AccountId,
    id: SessionId,
    signer: Signer<'a>,
}

/// What was read of the catalog at one moment.
struct Read {
    time: Now,
    /// [`Core::removals`] before.
    removals: u64,
    /// What tells whether the objects are still there.
    as_of: Removals,
    objects: Arc<[PinnedObject]>,
    about: About,
    gathered: Gathered,
}

/// A session that only has to be inserted.
struct Made {
    session: Session,
    as_of: Removals,
    plan: Plan,
    manifest: Vec<u8>,
    receipt: String,
}

impl Store {
    /// Makes a session: seals what is in scope and pins it. Everything in scope that was acknowledged before the call is
    /// in it, and it never changes after. When there is an open one with the asked id already, it is given back.
    ///
    /// # Errors
    /// `NotFound` for an unknown target, `TooMany` at the limits, `Overloaded` when too many are being made, or when the disk or
    /// the catalog fails.
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
        core.apart.refuse_in(&domains, &new.scope)?;
        let turn = core.makings.turns.take(account).await;
        let _turn = turn.map_err(|_| StoreError::Overloaded)?;
        let maker = Maker {
            core,
            new,
            account,
            id: new.id.unwrap_or_else(SessionId::generate),
            // One key signs all that goes with the session.
            signer: core.signing.signer().await,
        };
        for _ in 0..MAX_ATTEMPTS {
            if let Some(made) = maker.attempt().await? {
                return Ok(made);
            }
        }
        maker.make_while_others_wait().await
    }

    async fn made_before(&self, new: &NewSession) -> Result<Option<Session>> {
        let Some(id) = new.id else { return Ok(None) };
        match self.session(new.owner, id).await {
            Ok(session) => Ok(Some(session)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Maker<'_> {
    /// Makes it beside others that write; `None` when objects of it went meanwhile.
    async fn attempt(&self) -> Result<Option<Session>> {
        let catalog = &self.core.catalog;
        let mut snapshot = catalog.snapshot(WHAT).await?;
        let read = self.read(&mut snapshot).await?;
        drop(snapshot);
        let under_way = self.core.makings.begin();
        let mut made = self.make(under_way.generation, read).await?;
        let part_bytes = self.core.settings.text_part_bytes;
        let is_long = made.manifest.len() + made.receipt.len() > part_bytes;
        let texts = (
            std::mem::take(&mut made.manifest),
            std::mem::take(&mut made.receipt),
        );
        let texts = if is_long {
            let (manifest, receipt) = texts;
            let making = under_way.generation;
            catalog
                .write_text(making, TextKind::Manifest, manifest, part_bytes)
                .await?;
            catalog
                .write_text(making, TextKind::Receipt, receipt.into_bytes(), part_bytes)
                .await?;
            None
        } else {
            Some(texts)
        };
        let mut tx = catalog.begin(WHAT).await?;
        let removals = domains::removals_of(&mut tx, self.new.scope.target).await?;
        if removals != made.as_of {
            return Ok(None);
        }
        if let Some(made) = self.made_meanwhile(&mut tx).await? {
            return Ok(Some(made));
        }
        self.admit(&mut tx, &made.session).await?;
        catalog
            .insert_session(&mut tx, &made.session, self.account, texts)
            .await?;
        catalog.commit(tx, WHAT).await?;
        Ok(Some(self.keep(made)))
    }

    /// Makes it in the transaction that writes: nothing goes meanwhile.
    async fn make_while_others_wait(&self) -> Result<Session> {
        let catalog = &self.core.catalog;
        let mut tx = catalog.begin(WHAT).await?;
        if let Some(made) = self.made_meanwhile(&mut tx).await? {
            return Ok(made);
        }
        let read = self.read(&mut tx).await?;
        let mut made = self.make(Generation::generate(), read).await?;
        self.admit(&mut tx, &made.session).await?;
        let texts = (
            std::mem::take(&mut made.manifest),
            std::mem::take(&mut made.receipt),
        );
        catalog
            .insert_session(&mut tx, &made.session, self.account, Some(texts))
            .await?;
        catalog.commit(tx, WHAT).await?;
        Ok(self.keep(made))
    }

    async fn read(&self, connection: &mut SqliteConnection) -> Result<Read> {
        let scope = &self.new.scope;
        let (core, time) = (self.core, self.core.time.read());
        let removals = core.removals.load(Ordering::Acquire);
        // A space that was made since the seal has no event from before this call, but its account's log names it.
        let domains = domains::domains_of(connection, scope.target).await?;
        let as_of = domains::removals_of(connection, scope.target).await?;
        let objects = in_scope::pinned(connection, &domains, scope).await?;
        let large = objects
            .iter()
            .filter(|object| object.contents.events > SUBTREE_LEAVES);
        let about = About {
            session: self.id,
            user: self.new.user.clone(),
            created: time.date,
            scope: *scope,
            large: large.map(|object| object.domain).collect(),
            since: self.new.since.clone(),
            most_bytes: core.settings.max_receipt_bytes,
        };
        let gathered = signing::gather(connection, &domains, &about).await?;
        Ok(Read {
            time,
            removals,
            as_of,
            objects: objects.into(),
            about,
            gathered,
        })
    }

    /// Computes and signs what was read.
    async fn make(&self, generation: Generation, read: Read) -> Result<Made> {
        let Read {
            time,
            objects,
            about,
            gathered,
            ..
        } = read;
        let freezing = {
            let objects = Arc::clone(&objects);
            off_thread(move || Frozen::of(&objects))
        };
        let (frozen, gathered) = try_join(freezing, self.signer.sign_heads(gathered)).await?;
        let mut session = Session {
            id: self.id,
            generation: Some(generation),
            owner: self.new.owner,
            space: self.new.space,
            scope: self.new.scope,
            created: time.date,
            accessed: time.date,
            expires: time.date,
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
            removals: read.removals,
        };
        session.expires = self.core.settings.session_end(&session, &time);
        let manifest = frozen.manifest.clone().into_bytes();
        let receipt = about.receipt(frozen.manifest, gathered.domains);
        Ok(Made {
            session,
            as_of: read.as_of,
            plan: frozen.plan,
            manifest,
            receipt: self.signer.receipt(receipt).await?,
        })
    }

    /// The same request may be under way twice; transactions that write come one after the other.
    async fn made_meanwhile(&self, tx: &mut SqliteConnection) -> Result<Option<Session>> {
        if self.new.id.is_none() {
            return Ok(None);
        }
        let removals = self.core.removals.load(Ordering::Acquire);
        let made = sessions::session_of(tx, self.new.owner, self.id).await?;
        Ok(made.and_then(|session| self.core.while_open(session, removals)))
    }

    /// Whether the owner may have one more session now.
    async fn admit(&self, tx: &mut SqliteConnection, session: &Session) -> Result<()> {
        let core = self.core;
        core.end_expired_sessions(tx, session.made_age).await?;
        let open = core
            .catalog
            .count_open_sessions(tx, self.account, self.new.space, self.new.owner)
            .await?;
        core.settings.admit_session(open)
    }

    /// Most sessions are downloaded at once.
    fn keep(&self, made: Made) -> Session {
        self.core.plans.keep(&made.session, made.plan);
        made.session
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
