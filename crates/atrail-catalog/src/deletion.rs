//! Removes events from the archive, on request or by retention. The same transaction records it in the domains' logs.

use std::collections::{BTreeMap, HashMap, HashSet};

use atrail_disk::Result;
use atrail_evidence::{DayEntry, Deletion, DeletionKind, HourRange};
use atrail_model::passage::Now;
use atrail_model::{
    Day, Domain, EventTotal, ObjectId, Requester, Retention, Scope, SessionId, Timestamp,
    format_timestamp,
};

use super::domains::DomainRow;
use super::failure::failed_to;
use super::in_scope::{self, Objects, TakenObject};
use super::log::{self, NewEntry};
use super::removed_ranges::AT_ONCE;
use super::row::Columns;
use super::session::SessionKey;
use super::view::Write;
use super::{Catalog, compaction, holds, must_stand, removed_ranges, retention, sessions};
use crate::sql::{self, Connection};

/// What a deletion removes.
#[derive(Debug)]
pub struct Removed {
    /// The objects. Their paths are waste after the commit, unless `is_rest_left`.
    pub objects: Vec<TakenObject>,
    /// The total of those objects that were in the archive.
    pub total: EventTotal,
    /// The paths of files of the index that had some of their events. They are waste after the commit, unless
    /// `is_rest_left`.
    pub index_paths: Vec<String>,
    /// The sessions that had pinned any of the objects: they end.
    pub sessions: Vec<SessionId>,
    /// Whether there are so many objects that their rows are left to [`Catalog::remove_part`].
    pub is_rest_left: bool,
}

/// What is found before the transaction that removes it, so that nobody waits for that.
struct Found {
    objects: Vec<TakenObject>,
    /// The ids under which sessions may have pinned them.
    removed: HashSet<ObjectId>,
    /// Whether each session pins any of them.
    pinning: HashMap<SessionKey, bool>,
    /// While the marks are the same, the domains have the same objects.
    marks: Vec<(i64, i64)>,
}

impl Catalog {
    /// Returns the transaction that removes the events in scope from the archive, including those that retention removed
    /// while sessions pin their bytes. An error of its commit leaves unknown whether they are removed.
    ///
    /// # Errors
    /// `Held`, any refusal of [`must_stand`], or when the catalog fails: nothing was removed then.
    pub async fn prepare_removal(
        &self,
        domains: &[DomainRow],
        scope: &Scope,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<(Write, Removed)> {
        let what = "delete events";
        let mut before = self.snapshot(what).await?;
        let mut found = Found::look(before.view().connection, domains, scope).await?;
        drop(before);
        let mut tx = self.begin(what).await?;
        must_stand(requester.warrant, &mut tx).await?;
        holds::refuse_held(&mut tx, domains).await?;
        if found.marks != marks(&mut tx, domains).await? {
            found = Found::look(&mut tx, domains, scope).await?;
        }
        let reason = format!(
            "events were deleted by {} at {}",
            requester.name,
            format_timestamp(now)
        );
        found.look_at_sessions(&mut tx, domains, scope).await?;
        let pinning = found.pinning.iter().filter(|(_, pins)| **pins);
        let sessions: Vec<_> = pinning.map(|(key, _)| key.id).collect();
        sessions::end_sessions(&mut tx, &sessions, &reason).await?;
        let facts = Facts {
            kind: DeletionKind::Request,
            requester,
            now,
        };
        let objects = found.objects;
        facts.record(&mut tx, domains, scope, &objects).await?;
        let mut index_paths = Vec::new();
        let is_rest_left = objects.len() > AT_ONCE as usize;
        if is_rest_left {
            let losing: HashSet<_> = objects.iter().map(|object| object.domain).collect();
            let losing = domains.iter().filter(|row| losing.contains(&row.domain));
            removed_ranges::decide(&mut tx, losing.map(|row| row.number), scope, None).await?;
        } else {
            removed_ranges::refuse_unfinished(&mut tx, numbers(domains)).await?;
            index_paths = in_scope::remove(&mut tx, domains, scope, &objects).await?;
        }
        let removed = Removed {
            total: in_scope::sum(&objects),
            objects,
            index_paths,
            sessions,
            is_rest_left,
        };
        Ok((Write(tx), removed))
    }

    /// Returns the transaction that removes the days in scope from the archive, and the total that it removes; `None`
    /// when they are no longer due: somebody changed the retention or set a hold meanwhile. Sessions that have pinned
    /// the bytes keep them. `due` returns the moment at which a retention is acted on, or `None` when the days are not
    /// due under it. The rows of many objects are left to [`Self::remove_part`].
    pub async fn prepare_retirement(
        &self,
        row: DomainRow,
        scope: &Scope,
        actor: &str,
        due: impl Fn(Retention) -> Option<Now>,
    ) -> Result<Option<(Write, EventTotal)>> {
        let what = "delete by retention";
        let domains = [row];
        let mut before = self.snapshot(what).await?;
        let connection = before.view().connection;
        let marked = marks(connection, &domains).await?;
        let mut objects = in_scope::taken(connection, &domains, scope, Objects::Current).await?;
        drop(before);
        if objects.is_empty() {
            return Ok(None);
        }
        let mut tx = self.begin(what).await?;
        if marked != marks(&mut tx, &domains).await? {
            objects = in_scope::taken(&mut tx, &domains, scope, Objects::Current).await?;
        }
        let Some(now) = due(retention::of_domain(&mut tx, row.number).await?) else {
            return Ok(None);
        };
        if objects.is_empty() || holds::is_held(&mut tx, row.number).await? {
            return Ok(None);
        }
        let facts = Facts {
            kind: DeletionKind::Retention,
            requester: Requester::from(actor),
            now: now.date,
        };
        facts.record(&mut tx, &domains, scope, &objects).await?;
        if objects.len() > AT_ONCE as usize {
            removed_ranges::decide(&mut tx, numbers(&domains), scope, Some(now.ages)).await?;
        } else {
            removed_ranges::refuse_unfinished(&mut tx, numbers(&domains)).await?;
            retention::retire_objects(&mut tx, row.number, scope.days, now.ages).await?;
        }
        Ok(Some((Write(tx), in_scope::sum(&objects))))
    }
}

fn numbers(domains: &[DomainRow]) -> impl Iterator<Item = i64> + Send + '_ {
    domains.iter().map(|row| row.number)
}

impl Found {
    async fn look(
        connection: &mut Connection,
        domains: &[DomainRow],
        scope: &Scope,
    ) -> Result<Self> {
        let marks = marks(connection, domains).await?;
        let objects = in_scope::taken(connection, domains, scope, Objects::WithRetired).await?;
        let mut removed: HashSet<_> = objects.iter().map(|object| object.id).collect();
        removed.extend(compaction::former_ids(connection, domains, scope).await?);
        let mut found = Self {
            objects,
            removed,
            pinning: HashMap::new(),
            marks,
        };
        found.look_at_sessions(connection, domains, scope).await?;
        Ok(found)
    }

    /// Looks at the sessions that were not looked at yet.
    async fn look_at_sessions(
        &mut self,
        connection: &mut Connection,
        domains: &[DomainRow],
        scope: &Scope,
    ) -> Result<()> {
        let now = sessions::overlapping(connection, domains, scope).await?;
        self.pinning.retain(|key, _| now.contains(key));
        for key in now {
            if !self.pinning.contains_key(&key) {
                let pins = sessions::pins_one_of(connection, key.id, &self.removed).await?;
                self.pinning.insert(key, pins);
            }
        }
        Ok(())
    }
}

/// Returns numbers that change with the objects of these domains.
async fn marks(connection: &mut Connection, domains: &[DomainRow]) -> Result<Vec<(i64, i64)>> {
    let mut marks = Vec::with_capacity(domains.len());
    for domain in domains {
        let row = sql::query("SELECT removals, places FROM domains WHERE domain = ?")
            .bind(domain.number)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed_to("look for what was removed"))?;
        marks.push((row.integer("removals")?, row.integer("places")?));
    }
    Ok(marks)
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
        connection: &mut Connection,
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
