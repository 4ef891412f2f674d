//! Hours that cannot be sealed while others can: a file stands where their directory should be, or a directory where
//! their file should be. They are set apart, so that they block neither other hours, nor other tenants, nor the log.
//!
//! The transaction that seals the others stores their events in the catalog and records the log as sealed; in memory
//! they count, and are detected when repeated, like all unsealed events. They are tried again every minute, and
//! whenever a caller requests them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use atrail_archive::object::{HourLines, Line};
use atrail_catalog::domains::DomainRow;
use atrail_disk::{Result, StoreError};
use atrail_evidence::LeafHash;
use atrail_model::{Domain, Place, Scope};
use atrail_wal::{NewEvent, Unsealed};
use parking_lot::Mutex;

/// How long after a try the next one follows, unless a caller requests the hour.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The hours that are set apart.
#[derive(Debug, Default)]
pub(crate) struct Apart(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    hours: BTreeMap<Key, Arc<ApartHour>>,
    size_bytes: u64,
    /// The bytes of each domain that has some.
    by_domain: HashMap<Domain, u64>,
    tried: Option<Instant>,
    /// How many tries have failed.
    failures: u64,
}

type Key = (Domain, atrail_model::Day, atrail_model::Hour);

/// The events of one hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct ApartHour {
    pub(crate) lines: HourLines,
    leaves: HashSet<LeafHash>,
    /// Why the last try to seal it failed; empty before the first try.
    why: String,
    /// The number of this failure among all failures.
    pub(crate) failed: u64,
}

const fn key(place: Place) -> Key {
    (place.domain, place.day, place.hour)
}

impl Apart {
    /// Adds events to an hour.
    pub(crate) fn add(&self, place: Place, lines: &[Line], why: &str) {
        let mut inner = self.0.lock();
        let hour = inner.hours.entry(key(place)).or_default();
        let hour = Arc::make_mut(hour);
        why.clone_into(&mut hour.why);
        let mut more = 0;
        for line in lines {
            more += line.line.len() as u64;
            hour.leaves.insert(line.leaf);
            hour.lines.lines.push(line.clone());
        }
        hour.lines.size_bytes += more;
        inner.size_bytes += more;
        *inner.by_domain.entry(place.domain).or_default() += more;
    }

    /// Records that another try to seal an hour failed.
    pub(crate) fn note_failure(&self, place: Place, why: &str) {
        let mut inner = self.0.lock();
        inner.failures += 1;
        let failed = inner.failures;
        if let Some(hour) = inner.hours.get_mut(&key(place)) {
            let hour = Arc::make_mut(hour);
            why.clone_into(&mut hour.why);
            hour.failed = failed;
        }
    }

    /// Removes an hour that was sealed.
    pub(crate) fn remove(&self, place: Place) {
        let mut inner = self.0.lock();
        let Some(hour) = inner.hours.remove(&key(place)) else {
            return;
        };
        let gone = hour.lines.size_bytes;
        inner.size_bytes -= gone;
        if let Some(held) = inner.by_domain.get_mut(&place.domain) {
            *held -= gone;
            if *held == 0 {
                inner.by_domain.remove(&place.domain);
            }
        }
    }

    /// Returns the events of a domain that do not wait here.
    pub(crate) fn without_known(&self, domain: Domain, mut events: Vec<NewEvent>) -> Vec<NewEvent> {
        let inner = self.0.lock();
        if inner.by_domain.contains_key(&domain) {
            let is_known = |event: &NewEvent| {
                let hour = inner.hours.get(&(domain, event.day, event.hour));
                hour.is_some_and(|hour| hour.leaves.contains(&event.leaf))
            };
            events.retain(|event| !is_known(event));
        }
        events
    }

    /// Adds all waiting events.
    pub(crate) fn add_to(&self, total: &mut Unsealed) {
        for (_, held) in self.hours() {
            total.events += held.lines.lines.len() as u64;
            total.size_bytes += held.lines.size_bytes;
        }
    }

    /// Returns one of the hours, if it is set apart.
    pub(crate) fn hour(&self, place: Place) -> Option<Arc<ApartHour>> {
        self.0.lock().hours.get(&key(place)).cloned()
    }

    /// Reports whether a domain has hours apart.
    pub(crate) fn has_of(&self, domain: Domain) -> bool {
        self.0.lock().by_domain.contains_key(&domain)
    }

    /// Returns the domains that have hours apart.
    pub(crate) fn domains(&self) -> Vec<Domain> {
        self.0.lock().by_domain.keys().copied().collect()
    }

    /// Returns the number of hours.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().hours.len() as u64
    }

    /// Returns each hour with its events.
    pub(crate) fn hours(&self) -> Vec<(Place, Arc<ApartHour>)> {
        let inner = self.0.lock();
        let placed = inner
            .hours
            .iter()
            .map(|(&(domain, day, hour), held)| (Place { domain, day, hour }, Arc::clone(held)));
        placed.collect()
    }

    /// Returns each hour with its events, in the order of their last failures, oldest first: each gets its turn.
    pub(crate) fn in_turn(&self) -> Vec<(Place, Arc<ApartHour>)> {
        let mut hours = self.hours();
        hours.sort_by_key(|(_, held)| held.failed);
        hours
    }

    /// Refuses events of a domain when it already has as much set apart as remains of the limit: other domains are not
    /// refused, and some room always remains for a further one. The domain's other hours are refused too: each may be
    /// the next that is set apart.
    pub(crate) fn refuse_more(&self, domain: Domain, most_bytes: u64) -> Result<()> {
        let inner = self.0.lock();
        let Some(held) = inner.by_domain.get(&domain) else {
            return Ok(());
        };
        if *held < most_bytes.saturating_sub(inner.size_bytes) {
            return Ok(());
        }
        let mut hours = inner.hours.iter();
        let hit = hours.find(|((of, ..), _)| *of == domain);
        hit.map_or(Ok(()), |(place, held)| Err(refusal(place, held)))
    }

    /// Refuses an operation that needs the events of these domains and this scope to be sealed, while some are set
    /// apart.
    ///
    /// # Errors
    /// `Unsealable`, with the first of these hours.
    pub(crate) fn refuse_in(&self, domains: &[DomainRow], scope: &Scope) -> Result<()> {
        let inner = self.0.lock();
        let hit = inner.hours.iter().find(|((domain, day, hour), _)| {
            domains.iter().any(|row| row.domain == *domain)
                && (scope.days.start()..=scope.days.end()).contains(day)
                && scope.hours.contains(*hour)
        });
        hit.map_or(Ok(()), |(place, held)| Err(refusal(place, held)))
    }

    /// Makes another try due at once.
    pub(crate) fn go_on(&self) {
        self.0.lock().tried = None;
    }

    /// Reports whether another try is due.
    pub(crate) fn is_due(&self) -> bool {
        let mut inner = self.0.lock();
        let is_due = inner
            .tried
            .is_none_or(|tried| tried.elapsed() >= AGAIN_AFTER);
        if is_due {
            inner.tried = Some(Instant::now());
        }
        is_due && !inner.hours.is_empty()
    }
}

fn refusal((domain, day, hour): &Key, held: &ApartHour) -> StoreError {
    StoreError::Unsealable {
        domain: *domain,
        day: *day,
        hour: *hour,
        why: held.why.clone(),
    }
}

#[cfg(test)]
mod tests;
