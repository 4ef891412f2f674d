//! Turns the log's events into segments of the archive.
//!
//! Order of durability: paths noted as waste, objects durable, catalog transaction (objects, totals, watermarks, paths
//! no longer waste), log trimmed. After a crash at any point an event is in the log or in the archive, never in
//! neither, and never in both: recovery skips events that the catalog's watermark covers.

mod apart;
mod held;
pub(crate) mod scope;
mod signed;
mod slices;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use atrail_archive::object::{self, NewObject};
use atrail_catalog::domains::DomainRow;
use atrail_catalog::outcome::Trace;
use atrail_catalog::watermarks::Advance;
use atrail_disk::{Result, StoreError, chain, joined, off_thread_low};
use atrail_model::{Domain, ObjectId, Place};
use atrail_wal::{Gathered, Pending, Rotation};
use futures_util::{StreamExt, stream};
use libdeflater::CompressionLvl;

use crate::core::Core;
use crate::dedup::NewRun;
use crate::deletion::Bytes;
use crate::duties::{Claim, Duty};
use held::Held;
use scope::SealScope;

/// Hours that are sealed together, unless one request has more: then others get their turn.
const SLICE_HOURS: usize = 1024;
/// Objects that are compressed and written at the same time.
const PARALLEL: usize = 4;
/// Compression when events arrive faster than they are sealed.
const LEVEL_UNDER_PRESSURE: i32 = 1;

impl Core {
    /// Seals the unsealed events of the chosen domains. While another task seals or deletes in one of them, the caller
    /// waits for it, and then finds its events sealed. A seal completes even when nobody waits for it any longer; a
    /// domain is free again as soon as it is sealed.
    pub(crate) async fn seal(self: &Arc<Self>, which: SealScope) -> Result<()> {
        let core = Arc::clone(self);
        joined(tokio::spawn(async move { core.seal_in_turn(which).await })).await
    }

    async fn seal_in_turn(self: &Arc<Self>, which: SealScope) -> Result<()> {
        // What was acknowledged anywhere is to be sealed.
        self.journal.catch_up().await?;
        let mut domains = self.journal.unsealed_domains();
        domains.extend(self.apart.domains());
        match &which {
            SealScope::These(wanted) => domains.retain(|domain| wanted.contains(domain)),
            SealScope::All => {}
            SealScope::WaitingFor { .. } | SealScope::ManyHours => {
                domains = self.chosen(&which).iter().map(|one| one.domain).collect();
            }
        }
        // Those that are free share their objects' transactions. Nobody waits for the others with a claim of a third.
        let mut outcome = Ok(());
        let mut busy = BTreeSet::new();
        let mut done = HashSet::new();
        for mut slice in self.slices(&SealScope::These(domains.clone())) {
            let claims = self.claim_free(&mut slice, &mut busy).await;
            outcome = outcome.and(self.seal_gathered(&slice).await);
            done.extend(slice);
            drop(claims);
        }
        // What somebody is sealing now has gathered nothing, and what is set apart neither.
        let is_left = |domain: &Domain| !done.contains(domain) || self.apart.has_of(*domain);
        busy.extend(domains.into_iter().filter(is_left));
        for domain in busy {
            let _claim = self.duties.claim(Duty::Seal(domain)).await;
            let this = SealScope::These(HashSet::from([domain]));
            for slice in self.slices(&this) {
                outcome = outcome.and(self.seal_gathered(&slice).await);
            }
            outcome = outcome.and(self.seal_apart(&this).await);
        }
        outcome
    }

    /// Claims those of a slice that are free, and moves the others to those that are busy.
    async fn claim_free(
        &self,
        slice: &mut HashSet<Domain>,
        busy: &mut BTreeSet<Domain>,
    ) -> Vec<Claim> {
        let mut claims = Vec::with_capacity(slice.len());
        for domain in std::mem::take(slice) {
            match self.duties.try_claim(Duty::Seal(domain)).await {
                Some(claim) => {
                    claims.push(claim);
                    slice.insert(domain);
                }
                None => {
                    busy.insert(domain);
                }
            }
        }
        claims
    }

    /// As [`Self::seal`], but skips domains in which another task is working: afterwards they are due again.
    pub(crate) async fn seal_free(self: &Arc<Self>, which: SealScope) -> Result<()> {
        let core = Arc::clone(self);
        let sealing = tokio::spawn(async move {
            let mut outcome = Ok(());
            for mut slice in core.slices(&which) {
                let _claims = core.claim_free(&mut slice, &mut BTreeSet::new()).await;
                outcome = outcome.and(core.seal_gathered(&slice).await);
            }
            outcome.and(core.seal_apart(&which).await)
        });
        joined(sealing).await
    }

    /// As [`Self::seal`], for a caller that has claimed these domains and is never cancelled.
    pub(crate) async fn seal_claimed(self: &Arc<Self>, domains: &[DomainRow]) -> Result<()> {
        let these = SealScope::These(domains.iter().map(|row| row.domain).collect());
        self.journal.catch_up().await?;
        let mut sealed = Ok(());
        for slice in self.slices(&these) {
            sealed = sealed.and(self.seal_gathered(&slice).await);
        }
        let apart = self.seal_apart(&these).await;
        sealed.and(apart)
    }

    /// Returns the gathered events of the chosen domains.
    fn chosen(&self, which: &SealScope) -> Vec<Gathered> {
        let mut gathered = self.journal.gathered();
        gathered.retain(|one| which.chooses(one));
        gathered
    }

    /// Returns groups of the chosen domains, each of which is sealed together.
    fn slices(&self, which: &SealScope) -> Vec<HashSet<Domain>> {
        slices::slices(&self.chosen(which), SLICE_HOURS)
    }

    /// Seals the next portion of each of these domains, which the caller has claimed.
    async fn seal_gathered(self: &Arc<Self>, domains: &HashSet<Domain>) -> Result<()> {
        let (domains, finished) = self.without_rest(domains).await;
        self.journal.look_for_seals(&domains).await?;
        let mut held = Held::take(&self.journal, &domains);
        let taken = &held.taken;
        if taken.is_empty() {
            return finished;
        }
        let started = Instant::now();
        let refused = self.unknown_seal.lock().clone();
        let sealed = match refused {
            Some(why) => Err(StoreError::Poisoned(why)),
            None => self.seal_taken(taken).await,
        };
        if let Err(error) = sealed {
            self.counters.seal_failures.add(1);
            return Err(error);
        }
        self.counters.seals.observe_since(started);
        held.is_sealed = true;
        if let Err(error) = self.trim(Rotation::None).await {
            tracing::warn!(
                error = chain(&error),
                "the log keeps files that it no longer needs"
            );
        }
        finished
    }

    /// Finishes removals in these domains, which the caller has claimed: no event is added to a domain before. Returns the
    /// domains without those where that fails, of which it reports the first failure; they keep no other waiting.
    async fn without_rest(&self, domains: &HashSet<Domain>) -> (HashSet<Domain>, Result<()>) {
        let mut free = domains.clone();
        let rests = match self.catalog.being_removed().await {
            Ok(rests) => rests,
            Err(error) => return (HashSet::new(), Err(error)),
        };
        let mut outcome = Ok(());
        for row in rests {
            if !domains.contains(&row.domain) {
                continue;
            }
            if let Err(error) = self.remove_rest(&[row], Bytes::Stay).await {
                self.counters.seal_failures.add(1);
                free.remove(&row.domain);
                outcome = outcome.and(Err(error));
            }
        }
        (free, outcome)
    }

    async fn seal_taken(self: &Arc<Self>, taken: &[(Domain, Arc<Pending>)]) -> Result<()> {
        let domains = self.domains_of_taken(taken).await?;
        let jobs: Vec<_> = taken
            .iter()
            .flat_map(|(domain, pending)| {
                pending.hours.keys().map(|(day, hour)| {
                    (
                        Place {
                            domain: *domain,
                            day: *day,
                            hour: *hour,
                        },
                        ObjectId::generate(),
                        Arc::clone(pending),
                    )
                })
            })
            .collect();
        let ours: Vec<_> = jobs
            .iter()
            .map(|(place, id, _)| (*id, object::object_path(*place, *id)))
            .collect();
        let paths: Vec<_> = ours.iter().map(|(_, path)| path.clone()).collect();
        self.catalog.mark_as_waste(&paths).await?;
        let level = if self.journal.ripe().is_some() {
            LEVEL_UNDER_PRESSURE
        } else {
            object::LEVEL
        };
        // All of them finish before an error counts: an object that is still being written cannot be erased.
        let tried: Vec<(Place, Result<_>)> = stream::iter(jobs)
            .map(|(place, id, pending)| {
                let number = number_of(&domains, place.domain);
                async move {
                    let written = self.write_object(place, id, pending, level).await;
                    (place, written.map(|object| (number, object)))
                }
            })
            .buffered(PARALLEL)
            .collect()
            .await;
        let mut unpublished = None;
        let sealed = match self.sort_out(tried).await {
            Ok((objects, failed)) => {
                let published = self
                    .publish_with_keys(taken, &objects, &failed, &mut unpublished)
                    .await;
                if published.is_ok() && !failed.is_empty() {
                    let there: HashSet<_> =
                        objects.iter().map(|(_, object)| &object.path).collect();
                    let strangers = paths.iter().filter(|path| !there.contains(path));
                    self.erase(&strangers.cloned().collect::<Vec<_>>()).await;
                }
                published
            }
            Err(error) => Err(error),
        };
        // A failed commit may be on the disk nevertheless and count after a crash, until another commit succeeds. While
        // that is unknown, nothing is erased, neither objects nor keys: the next start finds out.
        let is_known = self.unknown_seal.lock().is_none();
        if sealed.is_err()
            && is_known
            && let Ok(strangers) = self.catalog.disown(&ours).await
        {
            if let Some(keys) = unpublished {
                self.dedup.withdraw(keys);
            }
            self.erase(&strangers).await;
        }
        sealed
    }

    async fn write_object(
        &self,
        place: Place,
        id: ObjectId,
        pending: Arc<Pending>,
        level: i32,
    ) -> Result<NewObject> {
        let (object, bytes) = off_thread_low(move || {
            let level = CompressionLvl::new(level).expect("a level that the library has");
            let lines = &pending.hours[&(place.day, place.hour)];
            Ok(object::build(place, id, lines, level))
        })
        .await?;
        self.blobs.put(&object.path, bytes).await?;
        self.counters.objects.add(1);
        self.counters.object_bytes.add(object.size_bytes);
        Ok(object)
    }

    /// Publishes sealed objects together with their keys, which detect repeated events. After a failed commit the keys
    /// are left in `unpublished`.
    async fn publish_with_keys(
        self: &Arc<Self>,
        taken: &[(Domain, Arc<Pending>)],
        objects: &[(i64, NewObject)],
        failed: &[(Place, String)],
        unpublished: &mut Option<NewRun>,
    ) -> Result<()> {
        let by_domain: HashMap<_, _> = taken.iter().cloned().collect();
        let sealed: Vec<_> = objects
            .iter()
            .map(|(_, object)| {
                (
                    object.segment,
                    Arc::clone(&by_domain[&object.segment.place.domain]),
                )
            })
            .collect();
        let core = Arc::clone(self);
        let now = self.time.age();
        let keys = off_thread_low(move || core.dedup.write(&sealed, now)).await?;
        self.publish(taken, objects, failed, keys, unpublished)
            .await
    }

    /// Commits, and from then on counts the events as sealed. When it is unknown whether the commit succeeded, the
    /// store refuses all writes and seals nothing more: recovery at the next start finds out.
    async fn publish(
        &self,
        taken: &[(Domain, Arc<Pending>)],
        objects: &[(i64, NewObject)],
        failed: &[(Place, String)],
        keys: NewRun,
        unpublished: &mut Option<NewRun>,
    ) -> Result<()> {
        let domains = self.domains_of_taken(taken).await?;
        let sealed_to: Vec<_> = taken
            .iter()
            .map(|(domain, pending)| Advance {
                domain: number_of(&domains, *domain),
                after: pending.after,
                to: pending.last_sequence,
            })
            .collect();
        let lines_of = |place: Place| {
            let held = taken.iter().find(|(domain, _)| *domain == place.domain);
            held.map_or(&[][..], |(_, pending)| {
                &pending.hours[&(place.day, place.hour)].lines
            })
        };
        let apart: Vec<_> = failed
            .iter()
            .map(|(place, _)| (number_of(&domains, place.domain), *place, lines_of(*place)))
            .collect();
        let count_as_sealed = async |keys: NewRun| {
            self.dedup.register(keys);
            for (place, why) in failed {
                tracing::error!(domain = %place.domain, day = %place.day, hour = place.hour.number(), why, "an hour cannot be sealed: it is set apart");
                self.counters.seal_failures.add(1);
                self.apart.add(*place, lines_of(*place), why);
            }
            self.journal.sealed(taken).await;
        };
        let sealed_to = (self.journal.log(), &sealed_to[..]);
        let prepared = self
            .catalog
            .prepare_seal(objects, &apart, sealed_to, self.clock.now());
        let seal = match prepared.await {
            Ok(seal) => seal,
            Err(error) => {
                // It cannot count: no commit was begun.
                *unpublished = Some(keys);
                return Err(error);
            }
        };
        let Err(error) = seal.commit().await else {
            count_as_sealed(keys).await;
            let sealed = objects.iter().map(|(_, object)| object.segment.place);
            self.indexing
                .note(sealed.map(|place| (place.domain, place.day)));
            return Ok(());
        };
        let (log, marks) = sealed_to;
        let Advance { domain, to, .. } = marks[0];
        let trace = Trace::SealedTo {
            log,
            domain,
            sequence: to,
        };
        if self.is_sealed(&error, trace).await? {
            count_as_sealed(keys).await;
            return Ok(());
        }
        *unpublished = Some(keys);
        Err(error)
    }

    /// Returns the rows of domains that have events in the log, which the catalog must know.
    async fn domains_of_taken(
        &self,
        taken: &[(Domain, Arc<Pending>)],
    ) -> Result<Arc<HashMap<Domain, DomainRow>>> {
        let domains = self
            .domains(taken.iter().map(|(domain, _)| *domain))
            .await?;
        let mut missing = taken
            .iter()
            .filter(|(domain, _)| !domains.contains_key(domain));
        if let Some((domain, _)) = missing.next() {
            return Err(StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!("it does not know the domain {domain}, which has events in the log"),
            });
        }
        Ok(domains)
    }
}

fn number_of(domains: &HashMap<Domain, DomainRow>, domain: Domain) -> i64 {
    let row = domains.get(&domain);
    row.expect("all taken domains were looked up").number
}
