//! Creates a session while others write.
//!
//! A session over thousands of objects has megabytes of manifest and receipt. They are read in one snapshot of the
//! catalog, computed and signed while others write, and written in parts. The transaction that inserts the session then
//! only checks whether the objects are still those that were read. When a deletion, a retention or a compaction removed
//! one of them meanwhile, the creation begins again; after [`MAX_ATTEMPTS`] it blocks other writers while it computes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_archive::object::EMPTY_MEMBER;
use atrail_catalog::domains::Removals;
use atrail_catalog::in_scope::PinnedObject;
use atrail_catalog::new_session::{Admission, Inserted, SessionRow};
use atrail_catalog::session::{Generation, Session, SessionState};
use atrail_catalog::session_texts::TextKind;
use atrail_catalog::view::View;
use atrail_disk::{Others, Result, StoreError, off_thread_beside};
use atrail_evidence::{EMPTY_OBJECT, Manifest, ManifestObject, SUBTREE_LEAVES, hex};
use atrail_model::passage::Now;
use atrail_model::{AccountId, ByteSet, SessionId};
use futures_util::future::try_join;
use sha2::{Digest, Sha256};

use super::NewSession;
use crate::Store;
use crate::core::Core;
use crate::download::plan::Plan;
use crate::seal::scope::SealScope;
use crate::signing::{self, About, Gathered, Signer};

const WHAT: &str = "create a session";
/// How often a creation begins again because objects were removed meanwhile, before it blocks their removal.
const MAX_ATTEMPTS: usize = 3;
/// Creates one session.
struct Maker<'a> {
    core: &'a Core,
    new: &'a NewSession,
    account: AccountId,
    id: SessionId,
    signer: Signer<'a>,
}

/// Reads of the catalog at one moment.
struct Read {
    time: Now,
    /// [`Core::removals`] before the reads.
    removals: u64,
    /// Identifies the removals so far, to detect later ones.
    as_of: Removals,
    objects: Arc<[PinnedObject]>,
    about: About,
    gathered: Gathered,
}

/// A session that is ready for insertion.
struct Made {
    session: Session,
    as_of: Removals,
    plan: Plan,
    manifest: String,
    receipt: String,
}

impl Made {
    fn row(&self, account: AccountId, with_texts: bool) -> SessionRow<'_> {
        SessionRow {
            session: &self.session,
            account,
            texts: with_texts.then_some((self.manifest.as_bytes(), &self.receipt)),
        }
    }
}

impl Store {
    /// Creates a session: seals the events in scope and pins them. The session has every event in scope that was
    /// acknowledged before the call, and never changes afterwards. When an open session already has the requested id,
    /// that session is returned.
    ///
    /// # Errors
    /// `NotFound` for an unknown target, `TooMany` at the limits, `Overloaded` when too many are being created, or when
    /// the disk or the catalog fails.
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
            // One key makes all signatures of the session.
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
    /// Creates it while others write; returns `None` when objects of it were removed meanwhile.
    async fn attempt(&self) -> Result<Option<Session>> {
        let catalog = &self.core.catalog;
        let mut snapshot = catalog.snapshot(WHAT).await?;
        let read = self.read(&mut snapshot.view()).await?;
        drop(snapshot);
        let under_way = self.core.makings.begin();
        let making = under_way.generation;
        let made = self.make(making, read, Others::Proceed).await?;
        let part_bytes = self.core.settings.text_part_bytes;
        let (manifest, receipt) = (made.manifest.as_bytes(), made.receipt.as_bytes());
        let is_long = manifest.len() + receipt.len() > part_bytes;
        if is_long {
            let texts = [(TextKind::Manifest, manifest), (TextKind::Receipt, receipt)];
            catalog.write_texts(making, texts, part_bytes).await?;
        }
        let row = made.row(self.account, !is_long);
        let inserted = self
            .admitted(&made.session, async |admission| {
                catalog.insert_session(row, made.as_of, admission).await
            })
            .await?;
        Ok(match inserted {
            Inserted::Done => Some(self.keep(made)),
            Inserted::Before(session) => Some(*session),
            Inserted::Stale => None,
        })
    }

    /// Creates it in the transaction that writes: nothing is removed meanwhile.
    async fn make_while_others_wait(&self) -> Result<Session> {
        let mut write = self.core.catalog.write(WHAT).await?;
        let read = self.read(&mut write.view()).await?;
        let made = self
            .make(Generation::generate(), read, Others::Wait)
            .await?;
        let row = made.row(self.account, true);
        let inserted = self
            .admitted(&made.session, async |admission| {
                write.insert_session(row, admission).await
            })
            .await?;
        if let Inserted::Before(session) = inserted {
            return Ok(*session);
        }
        write.commit().await?;
        Ok(self.keep(made))
    }

    /// Inserts it under the conditions that must hold now.
    async fn admitted(
        &self,
        session: &Session,
        insert: impl AsyncFnOnce(&Admission<'_>) -> Result<Inserted>,
    ) -> Result<Inserted> {
        let core = self.core;
        // Before the lookup: a server of its bytes notices every later removal.
        let removals = core.removals.load(Ordering::Acquire);
        let while_open = |session| core.while_open(session, removals);
        let admission = Admission {
            used: core.activity.news(),
            ended: core.settings.sessions_ended_by(session.made_age),
            made_before: self.new.id.is_some().then_some(&while_open),
            admit: &|open| core.settings.admit_session(open),
        };
        insert(&admission).await
    }

    async fn read(&self, view: &mut View<'_>) -> Result<Read> {
        let scope = &self.new.scope;
        let (core, time) = (self.core, self.core.time.read());
        let removals = core.removals.load(Ordering::Acquire);
        // A space that was created since the seal has no event from before this call, but its account's log names it.
        let domains = view.domains_of(scope.target).await?;
        let as_of = view.removals_of(scope.target).await?;
        let objects = view.pinned(&domains, scope).await?;
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
        let gathered = signing::gather(view, &domains, &about).await?;
        Ok(Read {
            time,
            removals,
            as_of,
            objects: objects.into(),
            about,
            gathered,
        })
    }

    /// Computes and signs everything from these reads.
    async fn make(&self, generation: Generation, read: Read, others: Others) -> Result<Made> {
        let Read {
            time,
            objects,
            about,
            gathered,
            ..
        } = read;
        let freezing = {
            let objects = Arc::clone(&objects);
            off_thread_beside(others, move || Frozen::of(&objects))
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
        let manifest = frozen.manifest.clone();
        let receipt = about.receipt(frozen.manifest, gathered.domains);
        Ok(Made {
            session,
            as_of: read.as_of,
            plan: frozen.plan,
            manifest,
            receipt: self.signer.receipt(receipt, others).await?,
        })
    }

    /// Keeps the plan: most sessions are downloaded at once.
    fn keep(&self, made: Made) -> Session {
        self.core.plans.keep(&made.session, made.plan);
        made.session
    }
}

/// The contents of a session's download.
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

/// Returns the manifest of these objects, or of the empty member when there are none.
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
