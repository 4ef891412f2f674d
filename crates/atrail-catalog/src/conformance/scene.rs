//! An account with a space, and the operations of the checks on them.

use atrail_archive::object::{HourLines, Line, NewObject, build};
use atrail_disk::Result;
use atrail_evidence::{Manifest, ManifestObject, hex, leaf_hash};
use atrail_model::{
    AccountId, ByteSet, Day, DayRange, DayTotal, Hour, Hours, ObjectId, OrganizationId, Place,
    Requester, Scope, SessionId, SpaceId, Target, Timestamp, UserId,
};
use atrail_wal::LogNumber;
use libdeflater::CompressionLvl;

use crate::adopt::Adopted;
use crate::compaction::Merged;
use crate::deletion::Removed;
use crate::domains::{DomainRow, Removals};
use crate::new_session::{Admission, Inserted, SessionRow};
use crate::session::{EndedBy, Generation, Session, SessionState};
use crate::watermarks::Advance;
use crate::{Catalog, Tenancy};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) struct Scene {
    pub(crate) catalog: Catalog,
    pub(crate) account: AccountId,
    organization: OrganizationId,
    /// The space of all events.
    space: SpaceId,
    domain: DomainRow,
}

impl Scene {
    pub(crate) async fn new(catalog: Catalog) -> Self {
        let tenancy = Tenancy::new(catalog.clone());
        let account = tenancy.create_account("acme", NOW).await.unwrap().id;
        let organization = tenancy.create_organization(account, "o", NOW).await;
        let organization = organization.unwrap().id;
        let space = tenancy.create_space(organization, "s", NOW).await;
        let space = space.unwrap().id;
        let domains = catalog.domains_of(Target::Space(space)).await.unwrap();
        Self {
            catalog,
            account,
            organization,
            space,
            domain: domains[0],
        }
    }

    /// Returns the same scene with another handle.
    pub(crate) fn again(self, catalog: Catalog) -> Self {
        Self { catalog, ..self }
    }

    pub(crate) async fn create_space(&self, name: &str) -> SpaceId {
        let tenancy = Tenancy::new(self.catalog.clone());
        let made = tenancy.create_space(self.organization, name, NOW).await;
        made.unwrap().id
    }

    /// Returns the scope of all events of the space.
    pub(crate) fn scope(&self) -> Scope {
        Scope {
            target: Target::Space(self.space),
            days: DayRange::new(Day::FIRST, Day::LAST).unwrap(),
            hours: Hours::ALL,
        }
    }

    /// Returns an object with one event of this hour.
    pub(crate) async fn totals(&self) -> Vec<DayTotal> {
        let mut snapshot = self.catalog.count_snapshot().await.unwrap();
        snapshot.view().totals(&self.scope()).await.unwrap()
    }

    fn object(&self, hour: u8) -> NewObject {
        let place = Place {
            domain: self.domain.domain,
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(hour).unwrap(),
        };
        let line = Line {
            line: "{}".into(),
            leaf: leaf_hash(b"{}"),
        };
        let lines = HourLines {
            lines: vec![line],
            size_bytes: 2,
        };
        let level = CompressionLvl::default();
        build(place, ObjectId::generate(), &lines, level).0
    }

    async fn commit_seal(&self, object: NewObject, sealed_to: i64) -> Result<()> {
        let objects = [(self.domain.number, object)];
        let log = LogNumber::OF_DIRECTORY;
        let after = self.catalog.sealed_to(log).await?.into_values().max();
        let after = after.unwrap_or(0);
        let sealed_to = [Advance {
            domain: sealed_to,
            after,
            to: after + 1,
        }];
        let sealed_to = (log, &sealed_to[..]);
        let seal = self.catalog.prepare_seal(&objects, &[], sealed_to, NOW);
        seal.await?.commit().await
    }

    /// Seals an event of this hour.
    pub(crate) async fn seal(&self, hour: u8) -> ObjectId {
        let object = self.object(hour);
        let id = object.id;
        let sealed = self.commit_seal(object, self.domain.number).await;
        sealed.unwrap();
        id
    }

    /// As [`Self::seal`], with this id.
    pub(crate) async fn seal_as(&self, hour: u8, id: ObjectId) {
        let object = NewObject {
            id,
            path: format!("{id}"),
            ..self.object(hour)
        };
        let sealed = self.commit_seal(object, self.domain.number).await;
        sealed.unwrap();
    }

    /// Returns the objects that a session of the space would pin now, in order.
    pub(crate) async fn pinned(&self) -> Vec<ObjectId> {
        let mut snapshot = self.catalog.snapshot("read").await.unwrap();
        let mut view = snapshot.view();
        let objects = view.pinned(&[self.domain], &self.scope()).await;
        objects
            .unwrap()
            .into_iter()
            .map(|object| object.id)
            .collect()
    }

    /// Replaces these objects with one.
    pub(crate) async fn compact(&self, sources: &[ObjectId], id: ObjectId) {
        let closed = (Day::LAST, Hour::new(23).unwrap());
        let hours = self.catalog.uncompacted(closed, None, 1).await.unwrap();
        let mut objects = self.catalog.sources(hours[0]).await.unwrap();
        objects.retain(|object| sources.contains(&object.id));
        let merged = Merged {
            hour: hours[0],
            id,
            path: format!("{id}"),
            size_bytes: 1,
            sha256: [0; 32],
            sources: objects,
        };
        let merged = [merged];
        let done = self.catalog.commit_compaction(&merged, NOW).await;
        assert_eq!(done.unwrap().len(), 1);
    }

    /// Adopts objects that were found in the archive.
    pub(crate) async fn adopt(&self, hour: u8, ids: &[ObjectId]) {
        let objects = ids.iter().map(|id| Adopted {
            id: *id,
            path: format!("{id}"),
            size_bytes: 1,
            sha256: [0; 32],
            segments: vec![self.object(hour).segment],
        });
        let objects: Vec<_> = objects.collect();
        let domains = self.catalog.domain_rows().await.unwrap();
        let adopted = self.catalog.adopt_objects(&domains, &objects).await;
        adopted.unwrap();
    }

    /// As [`Self::seal`], but fails after the insertion of the object.
    pub(crate) async fn seal_of_no_domain(&self, hour: u8) -> Result<()> {
        self.commit_seal(self.object(hour), i64::MAX).await
    }

    /// Deletes all events of the space.
    pub(crate) async fn delete(&self) -> Result<Removed> {
        let (domains, scope) = ([self.domain], self.scope());
        let requester = Requester::from("ann");
        let prepared = self
            .catalog
            .prepare_removal(&domains, &scope, requester, NOW);
        let (removal, removed) = prepared.await?;
        removal.commit().await?;
        Ok(removed)
    }

    pub(crate) async fn hold(&self) {
        let requester = Requester {
            reason: "case 7",
            ..Requester::from("ann")
        };
        let target = Target::Space(self.space);
        let held = self.catalog.set_hold(target, requester, NOW).await;
        held.unwrap();
    }

    /// Returns a new session of all events of the account.
    pub(crate) fn session(&self) -> Session {
        Session {
            id: SessionId::generate(),
            generation: Some(Generation::generate()),
            owner: UserId::generate(),
            space: None,
            scope: Scope {
                target: Target::Account(self.account),
                ..self.scope()
            },
            created: NOW,
            accessed: NOW,
            expires: NOW,
            made_age: NOW,
            used_age: NOW,
            state: SessionState::Open,
            events: 0,
            size_bytes: 0,
            total_bytes: 0,
            downloaded_bytes: 0,
            handed_out: ByteSet::default(),
            etag: [0; 32],
            checkpoints: Vec::new(),
            removals: 0,
        }
    }

    pub(crate) const fn row<'a>(&self, session: &'a Session) -> SessionRow<'a> {
        SessionRow {
            session,
            account: self.account,
            texts: Some((br#"{"objects":[]}"#, "receipt")),
        }
    }

    pub(crate) fn admission() -> Admission<'static> {
        Admission {
            used: Vec::new(),
            ended: EndedBy {
                used: Timestamp::MIN,
                made: Timestamp::MIN,
            },
            made_before: None,
            admit: &|_| Ok(()),
        }
    }

    pub(crate) async fn removals(&self) -> Removals {
        let mut snapshot = self.catalog.snapshot("read").await.unwrap();
        let target = Target::Account(self.account);
        snapshot.view().removals_of(target).await.unwrap()
    }

    pub(crate) async fn insert(&self, session: &Session, as_of: Removals) -> Inserted {
        let (row, admission) = (self.row(session), Self::admission());
        let inserted = self.catalog.insert_session(row, as_of, &admission);
        inserted.await.unwrap()
    }

    /// As [`Self::insert`], with these objects pinned.
    pub(crate) async fn insert_over(&self, session: &Session, pinned: &[ObjectId]) {
        let objects = pinned.iter().map(|object| ManifestObject {
            domain: self.domain.domain.to_string(),
            object: object.to_string(),
            offset: 0,
            length: 1,
            sha256: hex(&[0; 32]),
            segments: Vec::new(),
        });
        let manifest = Manifest {
            objects: objects.collect(),
        };
        let manifest = serde_json::to_vec(&manifest).unwrap();
        let row = SessionRow {
            texts: Some((&manifest, "receipt")),
            ..self.row(session)
        };
        let (as_of, admission) = (self.removals().await, Self::admission());
        let inserted = self.catalog.insert_session(row, as_of, &admission).await;
        assert!(matches!(inserted, Ok(Inserted::Done)));
    }
}
