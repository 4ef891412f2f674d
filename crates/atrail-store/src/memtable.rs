//! The events that are durable in the log but not sealed yet, by domain and hour.

mod load;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use atrail_evidence::LeafHash;
use atrail_model::{AccountId, Clock, Day, DayRange, DayTotal, Domain, Elapsed, Hour, Hours};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::apart::Apart;
use crate::object::{HourLines, Line};
use crate::wal::{Frame, HOURS_MAX, NewEvent};
use load::{Load, Loads};

/// Events that are durable in the log and not sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsealed {
    /// Number of events.
    pub events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// When the first of them came, if there is one.
    pub since: Option<Elapsed>,
}

/// Unsealed events of one domain that are sealed at one go. Invariant: they are all of the domain's events in the frames
/// from `first_sequence` to `last_sequence`.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    /// When the first of them came.
    pub(crate) since: Elapsed,
    pub(crate) size_bytes: u64,
    pub(crate) hours: BTreeMap<(Day, Hour), HourLines>,
    /// The leaf hashes of all of them.
    leaves: HashSet<LeafHash>,
}

/// Unsealed events: those that gather, and those that are being sealed. Both count in `status`.
#[derive(Debug)]
pub(crate) struct Memtable {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
    /// Told when sealing made room.
    room: Notify,
    /// Told when there is enough to be sealed.
    ripe: Notify,
    seal_at_bytes: u64,
    /// Hours that could not be sealed while others could.
    apart: Apart,
}

#[derive(Debug, Default)]
struct Inner {
    /// Of each domain what is sealed at one go, oldest first; none is without any. They are sealed in this order, since
    /// the catalog remembers only up to which frame a domain is sealed.
    gathering: HashMap<Domain, VecDeque<Pending>>,
    sealing: HashMap<Domain, Arc<Pending>>,
    /// How often each domain's events were sealed in this process.
    seals: HashMap<Domain, u64>,
    /// What `gathering` holds.
    gathered: Load,
    /// What both hold, by account.
    loads: Loads,
}

/// Why it is time to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ripe {
    /// Enough bytes have gathered.
    Bytes,
    /// Events of so many hours have gathered that each becomes a small object.
    Hours,
}

/// How many hours may gather before they are sealed, however small they are.
const SEAL_AT_HOURS: u64 = 4096;
/// From so many hours on, a domain's events begin to gather anew, so that sealing them keeps others from it for a moment
/// only. One frame more may be in what is closed.
pub(crate) const GATHER_HOURS: usize = HOURS_MAX;
/// How many times what is sealed at once may be unsealed before new events wait.
const ROOM_FACTOR: u64 = 3;

impl Memtable {
    pub(crate) fn new(clock: Arc<dyn Clock>, seal_at_bytes: u64) -> Self {
        Self {
            inner: Mutex::default(),
            clock,
            room: Notify::new(),
            ripe: Notify::new(),
            seal_at_bytes,
            apart: Apart::default(),
        }
    }

    /// Hours that could not be sealed while others could.
    pub(crate) const fn apart(&self) -> &Apart {
        &self.apart
    }

    /// Notes that events of a domain were sealed that were set apart.
    pub(crate) fn note_seal(&self, domain: Domain) {
        *self.inner.lock().seals.entry(domain).or_default() += 1;
    }

    /// Takes in frames that are durable, in their order.
    pub(crate) fn insert(&self, frames: Vec<Frame>) {
        let now = self.clock.elapsed();
        let mut inner = self.inner.lock();
        for frame in frames {
            let gathering = inner.gathering.entry(frame.domain).or_default();
            let is_full = |last: &Pending| last.hours.len() >= GATHER_HOURS;
            if gathering.back().is_none_or(is_full) {
                gathering.push_back(Pending {
                    first_sequence: frame.sequence,
                    last_sequence: frame.sequence,
                    since: now,
                    size_bytes: 0,
                    hours: BTreeMap::new(),
                    leaves: HashSet::new(),
                });
            }
            let pending = gathering.back_mut().expect("it was just seen to");
            pending.last_sequence = frame.sequence;
            let mut bytes = 0;
            let hours_before = pending.hours.len();
            for event in frame.events {
                let hour = pending.hours.entry((event.day, event.hour)).or_default();
                pending.leaves.insert(event.leaf);
                let size = event.line.len() as u64;
                hour.size_bytes += size;
                hour.lines.push(Line {
                    line: event.line,
                    leaf: event.leaf,
                });
                bytes += size;
            }
            pending.size_bytes += bytes;
            let hours = (pending.hours.len() - hours_before) as u64;
            let load = Load { bytes, hours };
            inner.gathered = inner.gathered.plus(load);
            inner.loads.add(frame.domain, load);
        }
        if inner.gathered.is_at_least(self.ripe_load()) {
            self.ripe.notify_one();
        }
    }

    /// How often a domain's events were sealed: what is known of its sealed events is complete only as long as this stays.
    pub(crate) fn seals_of(&self, domain: Domain) -> u64 {
        self.inner.lock().seals.get(&domain).copied().unwrap_or(0)
    }

    /// Takes out the events that are unsealed here already, or were seen before in this round of writing. `None`, with
    /// nothing taken out, when the domain was sealed since the caller looked for sealed ones: then it has to look again.
    pub(crate) fn without_known(
        &self,
        domain: Domain,
        seals: u64,
        events: &mut Vec<NewEvent>,
        seen: &mut HashSet<(Domain, LeafHash)>,
    ) -> Option<u64> {
        let inner = self.inner.lock();
        if inner.seals.get(&domain).copied().unwrap_or(0) != seals {
            return None;
        }
        let sealing = inner.sealing.get(&domain).map(|pending| &**pending);
        let held: Vec<_> = inner
            .gathering
            .get(&domain)
            .into_iter()
            .flatten()
            .chain(sealing)
            .collect();
        let before = events.len();
        let has_apart = self.apart.count() > 0;
        events.retain(|event| {
            held.iter()
                .all(|pending| !pending.leaves.contains(&event.leaf))
                && !(has_apart && self.apart.has(domain, event))
                && seen.insert((domain, event.leaf))
        });
        Some((before - events.len()) as u64)
    }

    /// Whose domains these are. What is unsealed of others is each domain's own.
    pub(crate) fn set_owners(&self, owners: impl Iterator<Item = (Domain, AccountId)>) {
        let mut inner = self.inner.lock();
        let Inner {
            gathering,
            sealing,
            loads,
            ..
        } = &mut *inner;
        *loads = Loads::of(owners);
        for (domain, pending) in gathering.iter() {
            pending
                .iter()
                .for_each(|one| loads.add(*domain, one.load()));
        }
        for (domain, pending) in sealing.iter() {
            loads.add(*domain, pending.load());
        }
    }

    /// Waits until less is unsealed than memory may hold, and less of this account than its part of that.
    pub(crate) async fn wait_for_room(&self, account: AccountId) {
        loop {
            let made = self.room.notified();
            tokio::pin!(made);
            made.as_mut().enable();
            if self.has_room(account) {
                return;
            }
            made.await;
        }
    }

    /// Waits until enough has gathered to be sealed.
    pub(crate) async fn wait_until_ripe(&self) {
        self.ripe.notified().await;
    }

    /// Whether enough has gathered to be sealed at once.
    pub(crate) fn is_ripe(&self) -> bool {
        self.ripe().is_some()
    }

    /// Whether enough has gathered to be sealed at once, and of what.
    pub(crate) fn ripe(&self) -> Option<Ripe> {
        let gathered = self.inner.lock().gathered;
        let Load { bytes, hours } = self.ripe_load();
        if gathered.bytes >= bytes {
            Some(Ripe::Bytes)
        } else if gathered.hours >= hours {
            Some(Ripe::Hours)
        } else {
            None
        }
    }

    const fn ripe_load(&self) -> Load {
        Load {
            bytes: self.seal_at_bytes,
            hours: SEAL_AT_HOURS,
        }
    }

    /// How much is unsealed, and since when.
    pub(crate) fn unsealed(&self) -> Unsealed {
        let inner = self.inner.lock();
        let sealing = inner.sealing.values().map(|pending| &**pending);
        let mut total = Unsealed {
            size_bytes: inner.loads.all().bytes,
            ..Unsealed::default()
        };
        for pending in inner.gathering.values().flatten().chain(sealing) {
            let hours = pending.hours.values();
            total.events += hours.map(|hour| hour.lines.len() as u64).sum::<u64>();
            total.since = Some(total.since.map_or(pending.since, |t| t.min(pending.since)));
        }
        for (_, held) in self.apart.hours() {
            total.events += held.lines.lines.len() as u64;
            total.size_bytes += held.lines.size_bytes;
        }
        total
    }

    fn has_room(&self, account: AccountId) -> bool {
        let Load { bytes, hours } = self.ripe_load();
        let limit = Load {
            bytes: bytes * ROOM_FACTOR,
            hours: hours * ROOM_FACTOR,
        };
        self.inner.lock().loads.has_room(account, limit)
    }

    /// The lowest sequence number of an unsealed frame.
    pub(crate) fn oldest_sequence(&self) -> Option<u64> {
        let inner = self.inner.lock();
        let gathering = inner
            .gathering
            .values()
            .filter_map(|pending| Some(pending.front()?.first_sequence));
        let sealing = inner.sealing.values().map(|pending| pending.first_sequence);
        gathering.chain(sealing).min()
    }

    /// The chosen domains in groups that are sealed one after the other, each by a [`Self::take`]: once for each time that
    /// a domain is in a group, and those that have little come first. No group has more than `max_hours` unless it is of
    /// one domain alone. Nothing may be under sealing.
    pub(crate) fn in_slices(
        &self,
        chosen: impl Fn(Domain, &VecDeque<Pending>) -> bool,
        max_hours: usize,
    ) -> Vec<HashSet<Domain>> {
        let mut inner = self.inner.lock();
        inner.put_back();
        let mut left: Vec<_> = inner
            .gathering
            .iter()
            .filter(|(domain, pending)| chosen(**domain, pending))
            .collect();
        let mut slices = Vec::new();
        for turn in 0.. {
            left.retain(|(_, pending)| pending.len() > turn);
            if left.is_empty() {
                break;
            }
            let mut slice = HashSet::new();
            let mut hours = 0;
            for (domain, pending) in &left {
                let more = pending[turn].hours.len();
                if hours + more > max_hours && !slice.is_empty() {
                    slices.push(std::mem::take(&mut slice));
                    hours = 0;
                }
                hours += more;
                slice.insert(**domain);
            }
            slices.push(slice);
        }
        slices
    }

    /// Moves what the chosen domains have gathered, up to where they began to gather anew, to the side that is being
    /// sealed. One sealing goes on at a time.
    pub(crate) fn take(
        &self,
        chosen: impl Fn(Domain, &VecDeque<Pending>) -> bool,
    ) -> Vec<(Domain, Arc<Pending>)> {
        let mut inner = self.inner.lock();
        // Left over only when a sealing panicked: its events are neither sealed nor forgotten.
        inner.put_back();
        let domains: Vec<_> = inner
            .gathering
            .iter()
            .filter_map(|(domain, pending)| chosen(*domain, pending).then_some(*domain))
            .collect();
        let mut taken = Vec::with_capacity(domains.len());
        for domain in domains {
            let gathering = inner
                .gathering
                .get_mut(&domain)
                .expect("listed under the same lock");
            let pending = gathering.pop_front().expect("none is without any");
            if gathering.is_empty() {
                inner.gathering.remove(&domain);
            }
            inner.gathered = inner.gathered.minus(pending.load());
            let pending = Arc::new(pending);
            inner.sealing.insert(domain, Arc::clone(&pending));
            taken.push((domain, pending));
        }
        taken.sort_unstable_by_key(|(domain, _)| *domain);
        taken
    }

    /// Forgets what was being sealed: the catalog has it now.
    pub(crate) fn forget_sealed(&self) {
        let mut inner = self.inner.lock();
        let sealed = std::mem::take(&mut inner.sealing);
        for (domain, pending) in sealed {
            *inner.seals.entry(domain).or_default() += 1;
            inner.loads.remove(domain, pending.load());
        }
        drop(inner);
        self.room.notify_waiters();
    }

    /// Puts what could not be sealed back, before what came since.
    pub(crate) fn put_back(&self) {
        self.inner.lock().put_back();
    }

    /// The unsealed events of a domain, or of all domains: an entry for each day of a domain, more where it lies in several
    /// of what is sealed at one go. Looks at every unsealed hour of these domains while nothing can be appended.
    pub(crate) fn totals(
        &self,
        only: Option<Domain>,
        days: DayRange,
        hours: Hours,
    ) -> Vec<(Domain, DayTotal)> {
        let within = (days.start(), hours.first())..=(days.end(), hours.last());
        let mut found: Vec<(Domain, DayTotal)> = Vec::new();
        let mut add = |domain: Domain, pending: &Pending| {
            let of_days = pending.hours.range(within.clone());
            for ((day, _), held) in of_days.filter(|((_, hour), _)| hours.contains(*hour)) {
                let (count, size_bytes) = (held.lines.len() as u64, held.size_bytes);
                match found.last_mut() {
                    Some((last, total)) if (*last, total.day) == (domain, *day) => {
                        total.count += count;
                        total.size_bytes += size_bytes;
                    }
                    _ => {
                        let day = *day;
                        let total = DayTotal {
                            day,
                            count,
                            size_bytes,
                        };
                        found.push((domain, total));
                    }
                }
            }
        };
        let inner = self.inner.lock();
        let Inner {
            gathering, sealing, ..
        } = &*inner;
        if let Some(domain) = only {
            let gathering = gathering.get(&domain);
            let sealing = sealing.get(&domain).map(|pending| &**pending);
            let held = gathering.into_iter().flatten().chain(sealing);
            held.for_each(|pending| add(domain, pending));
        } else {
            let sealing = sealing.iter().map(|(domain, pending)| (domain, &**pending));
            let gathering = gathering
                .iter()
                .flat_map(|(domain, all)| all.iter().map(move |pending| (domain, pending)));
            let held = gathering.chain(sealing);
            held.for_each(|(domain, pending)| add(*domain, pending));
        }
        drop(inner);
        for (place, held) in self.apart.hours() {
            let is_wanted = only.is_none_or(|only| only == place.domain)
                && (days.start()..=days.end()).contains(&place.day)
                && hours.contains(place.hour);
            if is_wanted {
                let total = DayTotal {
                    day: place.day,
                    count: held.lines.lines.len() as u64,
                    size_bytes: held.lines.size_bytes,
                };
                found.push((place.domain, total));
            }
        }
        found
    }
}

impl Inner {
    fn put_back(&mut self) {
        for (domain, earlier) in std::mem::take(&mut self.sealing) {
            let earlier = Arc::unwrap_or_clone(earlier);
            self.gathered = self.gathered.plus(earlier.load());
            self.gathering
                .entry(domain)
                .or_default()
                .push_front(earlier);
        }
    }
}

impl Pending {
    fn load(&self) -> Load {
        Load {
            bytes: self.size_bytes,
            hours: self.hours.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests;
