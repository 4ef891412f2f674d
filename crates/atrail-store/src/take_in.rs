//! Handles an older catalog that was restored alone, or with all but a bucket: the archive has objects that were sealed
//! after it, and the log no longer has their events. A start adopts them unchanged, with the ids that were signed, before the domains' logs
//! begin their new epoch.
//!
//! Order of durability: the archive is synced, the log is rewritten without the events of these objects, the catalog
//! adopts the objects. Only then the new epoch makes the catalog one that can continue: so after a crash at any point
//! the next start does the rest. Each account has its epoch in a transaction of its own, and afterwards it no longer
//! shows that the catalog was older: so a file demands all epochs before the first object is adopted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use atrail_archive::Blobs;
use atrail_archive::object::{domain_of, object_id};
use atrail_care::recover::{LoggedLeaf, LostLog, beside, read};
use atrail_catalog::Catalog;
use atrail_catalog::adopt::{Adopted, Replaced};
use atrail_disk::data_dir::{ARCHIVE, LOG};
use atrail_disk::{ErrorKind, Result, StoreError, chain, durable, io_failure, off_thread};
use atrail_model::{AccountId, Domain, ObjectId, SegmentId, Timestamp};
use atrail_wal::{LogNumber, Replay};
use futures_util::{StreamExt, stream};

use crate::signing::{Signing, demand_epoch_of_taken_in, is_taking_in};

const PARALLEL: usize = 2;
/// Objects of one transaction.
const AT_ONCE: usize = 256;

/// The result of the adoption.
#[derive(Debug)]
pub(crate) struct TakenIn {
    /// The log, without the events that the archive has.
    pub(crate) replay: Replay,
    /// The accounts that got objects or domains: their logs do not continue the signed history.
    pub(crate) accounts: BTreeSet<AccountId>,
}

/// Checks whether the signed history is ahead of the catalog, or a new epoch is demanded; if so, adopts the archive's objects that the catalog does
/// not know.
///
/// # Errors
/// When the disk or the catalog fails; the next start begins again.
pub(crate) async fn take_in(
    (data_dir, blobs): (&Path, &dyn Blobs),
    catalog: &Catalog,
    signing: &Signing,
    replay: Replay,
    now: Timestamp,
) -> Result<TakenIn> {
    let rows = catalog.domain_rows().await?;
    let archive = data_dir.join(ARCHIVE);
    // A copy of the whole directory has no newer checkpoints: its operator says that a new epoch begins. A bucket has what
    // was sealed since the copy.
    let is_older =
        signing.is_ahead_of(catalog).await? || signing.checkpoints().demanded_epoch()?.is_some();
    let mut strangers: BTreeSet<Domain> = replay.domains().collect();
    // The domains that this server has signed, or all in the archive when the catalog cannot know.
    for domain in signing.signed_domains() {
        if !rows.contains_key(&domain) && !blobs.list(&dir_of(domain)).await?.is_empty() {
            strangers.insert(domain);
        }
    }
    if is_older {
        let paths = blobs.list("").await?;
        strangers.extend(paths.iter().filter_map(|path| domain_of(path)));
    }
    strangers.retain(|domain| !rows.contains_key(domain));
    let mut accounts = BTreeSet::new();
    if is_taking_in(signing.checkpoints())? {
        // It is unknown which accounts' logs an earlier start left without their new epoch.
        accounts.extend(rows.values().map(|row| row.account));
    }
    if !is_older && strangers.is_empty() {
        return Ok(TakenIn { replay, accounts });
    }
    tracing::warn!(
        "the catalog is older than the archive or the log: searching for objects that it does not know"
    );
    let mut places: Vec<(Domain, Option<i64>)> = strangers.iter().map(|one| (*one, None)).collect();
    if is_older {
        places.extend(rows.values().map(|row| (row.domain, Some(row.number))));
    }
    let mut search = Search {
        blobs,
        catalog,
        log: Arc::new(LostLog::of(
            replay,
            &catalog.sealed_to(LogNumber::OF_DIRECTORY).await?,
        )),
        waste: catalog.waste().await?.into_iter().collect(),
        taken: Vec::new(),
        left: 0,
        missing: 0,
    };
    for (domain, number) in places {
        search.domain(domain, number).await?;
    }
    let Search {
        log,
        taken,
        left,
        missing,
        ..
    } = search;
    let log = Arc::into_inner(log).ok_or(StoreError::Closed)?;
    let wal = data_dir.join(LOG);
    let (replay, in_both) = off_thread(move || {
        // Files that a copy brought back may not be durable yet; a bucket's objects are.
        if archive.is_dir() {
            durable::sync_file_system(&archive).map_err(io_failure("sync", &archive))?;
        }
        let (_, in_both) = log.keep_unsealed(&wal)?;
        Ok((Replay::read(&wal)?, in_both))
    })
    .await?;
    if !(taken.is_empty() && strangers.is_empty()) {
        demand_epoch_of_taken_in(signing.checkpoints())?;
    }
    let rows = if strangers.is_empty() {
        rows
    } else {
        let known: BTreeSet<_> = rows.values().map(|row| row.account).collect();
        catalog
            .adopt_tenancy(&beside(&known, &strangers), now)
            .await?
    };
    for some in taken.chunks(AT_ONCE) {
        let some = some
            .iter()
            .map(|one| (&one.object, one.replaces.as_slice()));
        catalog.adopt_in_place_of(&rows, some, now).await?;
    }
    let gained = taken.iter().filter_map(|one| one.domain());
    let gained = gained.chain(strangers.iter().copied());
    accounts.extend(gained.filter_map(|domain| Some(rows.get(&domain)?.account)));
    tracing::warn!(
        objects = taken.len(),
        events = taken.iter().map(Taken::events).sum::<u64>(),
        events_also_in_the_log = in_both,
        new_domains = strangers.len(),
        left,
        missing,
        "the catalog was older than the archive: it has adopted the unknown objects"
    );
    Ok(TakenIn { replay, accounts })
}

/// An object for the catalog to adopt.
struct Taken {
    object: Adopted,
    /// The catalog's objects that it contains: a compaction had replaced them.
    replaces: Vec<Replaced>,
}

impl Taken {
    fn domain(&self) -> Option<Domain> {
        Some(self.object.segments.first()?.place.domain)
    }

    fn events(&self) -> u64 {
        self.object.segments.iter().map(|one| one.count).sum()
    }
}

struct Search<'a> {
    blobs: &'a dyn Blobs,
    catalog: &'a Catalog,
    log: Arc<LostLog>,
    /// Paths that the catalog has marked for erasure.
    waste: HashSet<String>,
    taken: Vec<Taken>,
    /// Files that are not sound objects, or share segments with others.
    left: u64,
    /// Objects that the catalog has and the archive lacks.
    missing: u64,
}

/// A domain's objects in the catalog, with their lengths and segments.
type Known = HashMap<ObjectId, (u64, Vec<SegmentId>)>;

impl Search<'_> {
    async fn domain(&mut self, domain: Domain, number: Option<i64>) -> Result<()> {
        let known: Known = match number {
            Some(number) => self.catalog.objects_of(number).await?,
            None => HashMap::new(),
        };
        let mut there = HashSet::new();
        let mut unknown = Vec::new();
        for path in self.blobs.list(&dir_of(domain)).await? {
            match object_id(path.rsplit('/').next().unwrap_or_default()) {
                Some(id) if known.contains_key(&id) => drop(there.insert(id)),
                Some(_) => unknown.push(path),
                None => {}
            }
        }
        self.missing += (known.len() - there.len()) as u64;
        let mut sound = self.read(unknown).await?;
        // The object of a compaction replaces its sources.
        sound.sort_by_key(|(object, _)| (std::cmp::Reverse(object.segments.len()), object.id));
        let mut seen: HashSet<SegmentId> = HashSet::new();
        let owners: HashMap<SegmentId, ObjectId> = known
            .iter()
            .flat_map(|(id, (_, segments))| segments.iter().map(|segment| (*segment, *id)))
            .collect();
        for (object, leaves) in sound {
            let own: HashSet<_> = object.segments.iter().map(|segment| segment.id).collect();
            if own.is_subset(&seen) || self.is_deleted(&object, number).await? {
                continue;
            }
            if !own.is_disjoint(&seen) || own.len() < object.segments.len() {
                self.leave(
                    &object.path,
                    "it shares some of its segments with another object",
                );
                continue;
            }
            let held: HashSet<ObjectId> = own
                .iter()
                .filter_map(|one| owners.get(one))
                .copied()
                .collect();
            let is_new = own.iter().any(|segment| !owners.contains_key(segment));
            if !is_new && held.is_subset(&there) {
                // The catalog has its segments, in existing objects.
                continue;
            }
            let is_whole = |id| {
                known
                    .get(id)
                    .is_some_and(|(_, all)| all.iter().all(|one| own.contains(one)))
            };
            if !held.iter().all(is_whole) {
                self.leave(
                    &object.path,
                    "it has a part of an object that the catalog knows",
                );
                continue;
            }
            self.note_logged(&object, &leaves, &owners)?;
            seen.extend(own);
            let replaces = replaced(&object, &owners, &known);
            self.taken.push(Taken { object, replaces });
        }
        Ok(())
    }

    async fn read(&mut self, paths: Vec<String>) -> Result<Vec<(Adopted, Vec<LoggedLeaf>)>> {
        let (blobs, log) = (self.blobs, Arc::clone(&self.log));
        let mut reading = stream::iter(paths)
            .map(move |path| {
                let log = Arc::clone(&log);
                async move {
                    let reader = match blobs.open(&path, None).await {
                        Ok(reader) => reader,
                        Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                        Err(error) => {
                            let why = format!("it cannot be read: {}", chain(&error));
                            return Ok((path, Err(why)));
                        }
                    };
                    off_thread(move || {
                        let read = read(reader.from_start(), &path, &log, &mut 0);
                        Ok((path, read))
                    })
                    .await
                }
            })
            .buffered(PARALLEL);
        let mut sound = Vec::new();
        while let Some(done) = reading.next().await {
            match done? {
                (_, Ok(object)) => sound.push(object),
                (path, Err(why)) => {
                    self.left += 1;
                    tracing::warn!(path, why, "a file of the archive is left where it is");
                }
            }
        }
        Ok(sound)
    }

    fn leave(&mut self, path: &str, why: &str) {
        self.left += 1;
        tracing::warn!(path, why, "a file of the archive is left where it is");
    }

    /// Reports whether the catalog removed the object, and marked it for erasure. A path that was noted before a seal
    /// does not count: the domain's log does not mention its segment.
    async fn is_deleted(&self, object: &Adopted, number: Option<i64>) -> Result<bool> {
        match (object.segments.first(), number) {
            (Some(first), Some(number)) if self.waste.contains(&object.path) => {
                self.catalog.is_logged(number, first.id).await
            }
            _ => Ok(false),
        }
    }

    /// Marks the events that the log no longer needs: those of segments that the catalog adopts.
    fn note_logged(
        &mut self,
        object: &Adopted,
        leaves: &[LoggedLeaf],
        owners: &HashMap<SegmentId, ObjectId>,
    ) -> Result<()> {
        // No reader is left: each has ended with its answer.
        let log = Arc::get_mut(&mut self.log).ok_or(StoreError::Closed)?;
        let mut from = 0;
        for segment in &object.segments {
            let lines = from..from + segment.count;
            from = lines.end;
            if !owners.contains_key(&segment.id) {
                let own = leaves.iter().filter(|(at, _)| lines.contains(at));
                own.for_each(|(_, leaf)| log.is_archived(segment.place, *leaf));
            }
        }
        Ok(())
    }
}

/// Returns the objects that this one contains, with their offsets in it where they are known.
fn replaced(
    object: &Adopted,
    owners: &HashMap<SegmentId, ObjectId>,
    known: &Known,
) -> Vec<Replaced> {
    let mut replaced: Vec<Replaced> = Vec::new();
    let mut start = Some(0);
    for segment in &object.segments {
        let Some(id) = owners.get(&segment.id) else {
            start = None;
            continue;
        };
        if replaced.last().is_none_or(|last| last.id != *id) {
            replaced.push(Replaced { id: *id, start });
            let length = known.get(id).map(|(length, _)| *length);
            start = start.zip(length).map(|(start, length)| start + length);
        }
    }
    replaced
}

fn dir_of(domain: Domain) -> String {
    format!("domain={domain}")
}

#[cfg(test)]
mod tests;
