//! Removes events from the archive, on request or by retention. The same transaction records it in the domains' logs.

use std::collections::{BTreeMap, HashSet};

use atrail_disk::Result;
use atrail_evidence::{DayEntry, Deletion, DeletionKind, HourRange};
use atrail_model::passage::Now;
use atrail_model::{
    Day, Domain, EventTotal, Requester, Retention, Scope, SessionId, Timestamp, format_timestamp,
};
use sqlx::SqliteConnection;

use super::domains::DomainRow;
use super::in_scope::{self, Objects, TakenObject};
use super::log::{self, NewEntry};
use super::{Catalog, compaction, holds, must_stand, retention, sessions};

/// What a deletion removed.
#[derive(Debug)]
pub struct Removed {
    /// The objects, whose paths are waste now.
    pub objects: Vec<TakenObject>,
    /// The total of those objects that were in the archive.
    pub total: EventTotal,
    /// The sessions that had pinned any of the objects: they have ended.
    pub sessions: Vec<SessionId>,
    /// After an error it is unknown whether the deletion was committed.
    pub committed: Result<()>,
}

impl Catalog {
    /// Removes the events in scope from the archive, including those that retention removed while sessions pin their
    /// bytes.
    ///
    /// # Errors
    /// `Held`, any refusal of [`must_stand`], or when the catalog fails: nothing was removed then.
    pub async fn remove_events(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<Removed> {
        let what = "delete events";
        let mut tx = self.begin(what).await?;
        must_stand(requester.warrant, &mut tx).await?;
        holds::refuse_held(&mut tx, domains).await?;
        let objects = in_scope::taken(&mut tx, domains, scope, Objects::WithRetired).await?;
        let mut removed: HashSet<_> = objects.iter().map(|object| object.id).collect();
        removed.extend(compaction::former_ids(&mut tx, domains, scope).await?);
        let reason = format!(
            "events were deleted by {} at {}",
            requester.name,
            format_timestamp(now)
        );
        let sessions = sessions::end_sessions(&mut tx, domains, scope, &removed, &reason).await?;
        let facts = Facts {
            kind: DeletionKind::Request,
            requester,
            now,
        };
        facts.record(&mut tx, domains, scope, &objects).await?;
        in_scope::remove(&mut tx, domains, scope, &objects).await?;
        Ok(Removed {
            committed: tx.commit().await,
            total: in_scope::sum(&objects),
            objects,
            sessions,
        })
    }

    /// Removes the days in scope from the archive if they are still due: nobody changed the retention or set a hold
    /// meanwhile. Sessions that have pinned the bytes keep them. `due` returns the moment at which a retention is acted
    /// on, or `None` when the days are not due under it. Returns the total that was removed.
    pub async fn retire_events(
        &self,
        row: DomainRow,
        scope: &Scope,
        actor: &str,
        due: impl Fn(Retention) -> Option<Now>,
    ) -> Result<EventTotal> {
        let what = "delete by retention";
        let domains = [row];
        let mut tx = self.begin(what).await?;
        let objects = in_scope::taken(&mut tx, &domains, scope, Objects::Current).await?;
        if objects.is_empty() {
            return Ok(EventTotal::default());
        }
        let Some(now) = due(retention::of_domain(&mut tx, row.number).await?) else {
            return Ok(EventTotal::default());
        };
        if holds::is_held(&mut tx, row.number).await? {
            return Ok(EventTotal::default());
        }
        let facts = Facts {
            kind: DeletionKind::Retention,
            requester: Requester::from(actor),
            now: now.date,
        };
        facts.record(&mut tx, &domains, scope, &objects).await?;
        retention::retire_objects(&mut tx, row.number, scope.days, now.ages).await?;
        tx.commit().await?;
        Ok(in_scope::sum(&objects))
    }
}

/// The common part of a deletion's entries.
struct Facts<'a> {
    kind: DeletionKind,
    requester: Requester<'a>,
    now: Timestamp,
}

impl Facts<'_> {
    /// Appends the removal of these objects to the logs: an entry for each day that loses events.
    async fn record(
        &self,
        connection: &mut SqliteConnection,
        domains: &[DomainRow],
        scope: &Scope,
        objects: &[TakenObject],
    ) -> Result<()> {
        let mut days: BTreeMap<(Domain, Day), Vec<&TakenObject>> = BTreeMap::new();
        for object in objects.iter().filter(|object| !object.is_retired) {
            let day = days.entry((object.domain, object.day)).or_default();
            day.push(object);
        }
        for row in domains {
            let of_domain = days.iter().filter(|((domain, _), _)| *domain == row.domain);
            let entries = of_domain.map(|((_, day), objects)| {
                let total = in_scope::sum(objects.iter().copied());
                NewEntry::Day(*day, DayEntry::Delete(self.deletion(*day, scope, total)))
            });
            log::append(connection, row.number, entries.collect()).await?;
        }
        Ok(())
    }

    fn deletion(&self, day: Day, scope: &Scope, total: EventTotal) -> Deletion {
        Deletion {
            time: format_timestamp(self.now),
            day: day.to_string(),
            hours: HourRange {
                first: scope.hours.first().number(),
                last: scope.hours.last().number(),
            },
            // The log sets it.
            position: 0,
            kind: self.kind,
            actor: self.requester.name.to_owned(),
            request: self.requester.request.to_owned(),
            reason: self.requester.reason.to_owned(),
            events: total.count,
            bytes: total.size_bytes,
        }
    }
}
