//! Distinguishes hours that cannot be sealed from an archive that cannot be written at all, and seals each hour that is
//! set apart on its own.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_archive::object::{self, NewObject};
use atrail_catalog::outcome::Trace;
use atrail_disk::{
    ErrorKind, Result, StoreError, chain, durable, is_full, off_thread, off_thread_low,
};
use atrail_model::{Domain, ObjectId, Place};
use libdeflater::CompressionLvl;

use super::scope::SealScope;
use crate::apart::ApartHour;
use crate::core::Core;
use crate::deletion::Bytes;
use crate::duties::Duty;

/// Hours that one round tries without a request: other seals wait meanwhile.
const AT_ONCE: usize = 64;
/// After this many failures a round leaves the rest of a domain to the next: the cause that keeps one of its hours out
/// of the archive often affects all.
const FAILURES: u64 = 1;
/// The same limit when a caller requests the domain: the requested hour may be one that can be sealed.
const FAILURES_WHEN_ASKED: u64 = 8;

/// The outcome of writing objects: those that were written, and the places of the others, each with the reason.
pub(crate) type Written = (Vec<(i64, NewObject)>, Vec<(Place, String)>);

impl Core {
    /// Distinguishes objects that could not be written from an archive that cannot be written at all.
    ///
    /// # Errors
    /// A full disk; or the first failure, when nothing was written and the archive accepts no file at all. Then nothing
    /// is set apart, and the events stay in the log.
    pub(crate) async fn sort_out(
        &self,
        tried: Vec<(Place, Result<(i64, NewObject)>)>,
    ) -> Result<Written> {
        let (mut written, mut failed) = (Vec::new(), Vec::new());
        let paths = tried
            .iter()
            .filter_map(|(_, outcome)| Some(outcome.as_ref().ok()?.1.path.clone()));
        let paths: Vec<_> = paths.collect();
        // Syncs each directory once. Only if one of them fails, each path is checked on its own.
        let is_synced = self.blobs.settle(&paths).await.is_ok();
        for (place, outcome) in tried {
            let synced = match outcome {
                Ok((number, object)) if !is_synced => {
                    let path = std::slice::from_ref(&object.path);
                    let synced = self.blobs.settle(path).await;
                    synced.map(|()| (number, object))
                }
                outcome => outcome,
            };
            match synced {
                Ok(object) => written.push(object),
                Err(error) => failed.push((place, error)),
            }
        }
        if let Some(full) = failed
            .iter()
            .position(|(_, error)| error.kind() == ErrorKind::Full)
        {
            return Err(failed.swap_remove(full).1);
        }
        if self.catalog.is_shared() && !failed.is_empty() {
            // No other node would know the events of an hour that this one sets apart.
            return Err(failed.swap_remove(0).1);
        }
        let is_all = written.is_empty() && !failed.is_empty();
        // A bucket that is away is away for all objects.
        let is_away = |error: &StoreError| error.kind() == ErrorKind::Unavailable;
        let is_away = failed.first().is_some_and(|(_, error)| is_away(error));
        if is_all && (is_away || !self.can_write_archive().await) {
            return Err(failed.swap_remove(0).1);
        }
        let why = failed
            .into_iter()
            .map(|(place, error)| (place, chain(&error)));
        Ok((written, why.collect()))
    }

    /// Reports whether the archive accepts any file at all.
    async fn can_write_archive(&self) -> bool {
        let probe = self
            .settings
            .data_dir
            .join("archive")
            .join(format!(".probe-{}", ObjectId::generate()));
        let tried = off_thread(move || {
            let made = durable::replace(&probe, b"", 0o600).and_then(|()| durable::remove(&probe));
            Ok(made.is_ok())
        });
        tried.await.unwrap_or(false)
    }

    /// Seals hours that are set apart, each on its own: those of the requested domains, which the caller has claimed;
    /// or, when they are due, all in whose domains no other task is working.
    pub(crate) async fn seal_apart(self: &Arc<Self>, which: &SealScope) -> Result<()> {
        let apart = &self.apart;
        if apart.count() == 0 || !(matches!(which, SealScope::These(_)) || apart.is_due()) {
            return Ok(());
        }
        let asked = match which {
            SealScope::These(domains) => Some(domains),
            _ => None,
        };
        let mut hours = apart.in_turn();
        if let Some(domains) = asked {
            hours.retain(|(place, _)| domains.contains(&place.domain));
        }
        let most_failures = asked.map_or(FAILURES, |_| FAILURES_WHEN_ASKED);
        let mut failures: HashMap<Domain, u64> = HashMap::new();
        let mut tried = 0;
        for (place, _) in hours {
            if failures.get(&place.domain) >= Some(&most_failures) {
                continue;
            }
            if asked.is_none() && tried == AT_ONCE {
                if failures.is_empty() {
                    apart.go_on();
                }
                break;
            }
            let claim = match asked {
                Some(_) => None,
                None => match self.duties.try_claim(Duty::Seal(place.domain)).await {
                    None => continue,
                    claim => claim,
                },
            };
            // Another task may have sealed it since, or more events may have been added.
            let Some(held) = apart.hour(place) else {
                continue;
            };
            tried += 1;
            // An hour whose seal may be committed would be sealed twice.
            if let Some(why) = self.unknown_seal.lock().clone() {
                return Err(StoreError::Poisoned(why));
            }
            let sealed = self.seal_apart_hour(place, held).await;
            if is_full(&sealed) {
                return sealed;
            }
            if let Err(error) = sealed {
                let why = chain(&error);
                tracing::error!(domain = %place.domain, day = %place.day, hour = place.hour.number(), why, "an hour still cannot be sealed");
                apart.note_failure(place, &why);
                *failures.entry(place.domain).or_default() += 1;
            }
            drop(claim);
        }
        Ok(())
    }

    async fn seal_apart_hour(self: &Arc<Self>, place: Place, held: Arc<ApartHour>) -> Result<()> {
        let domains = self.domains([place.domain].into_iter()).await?;
        let row = domains
            .get(&place.domain)
            .ok_or_else(|| StoreError::NotFound {
                what: place.domain.to_string(),
            })?;
        self.remove_rest(&[*row], Bytes::Stay).await?;
        let id = ObjectId::generate();
        let paths = [object::object_path(place, id)];
        self.catalog.mark_as_waste(&paths).await?;
        let done = self.publish_apart(row.number, place, id, held).await;
        // As for any seal: an object that may be committed is not erased, neither now nor when the catalog has it after
        // all.
        let is_known = self.unknown_seal.lock().is_none();
        let ours = [(id, paths[0].clone())];
        if done.is_err()
            && is_known
            && let Ok(strangers) = self.catalog.disown(&ours).await
        {
            self.erase(&strangers).await;
        }
        done
    }

    async fn publish_apart(
        self: &Arc<Self>,
        number: i64,
        place: Place,
        id: ObjectId,
        held: Arc<ApartHour>,
    ) -> Result<()> {
        let lines = Arc::clone(&held);
        let (object, bytes) = off_thread_low(move || {
            let level = CompressionLvl::new(object::LEVEL).expect("a level that the library has");
            Ok(object::build(place, id, &lines.lines, level))
        })
        .await?;
        self.blobs.put(&object.path, bytes).await?;
        self.blobs
            .settle(std::slice::from_ref(&object.path))
            .await?;
        let (core, segment, now) = (Arc::clone(self), object.segment, self.clock.now());
        let age = self.time.age();
        let keys =
            off_thread_low(move || core.dedup.write_hours(&[(segment, &held.lines)], age)).await?;
        let (size_bytes, sealed) = (object.size_bytes, [(number, object)]);
        let seal = match self.catalog.prepare_apart(&sealed, place, now).await {
            Ok(seal) => seal,
            Err(error) => {
                self.dedup.withdraw(keys);
                return Err(error);
            }
        };
        if let Err(error) = seal.commit().await
            && !self.is_sealed(&error, Trace::Object(id)).await?
        {
            self.dedup.withdraw(keys);
            return Err(error);
        }
        self.dedup.register(keys);
        // A caller that looked for its events before the keys existed has to look again, before the events disappear
        // from here.
        self.journal.note_seal(place.domain);
        self.apart.remove(place);
        self.indexing.note([(place.domain, place.day)].into_iter());
        self.counters.objects.add(1);
        self.counters.object_bytes.add(size_bytes);
        tracing::info!(domain = %place.domain, day = %place.day, hour = place.hour.number(), "an hour that was set apart is sealed");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
