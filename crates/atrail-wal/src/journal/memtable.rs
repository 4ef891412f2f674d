//! The events that are durable in the log but not sealed yet, by domain and hour.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use atrail_archive::object::Line;
use atrail_evidence::LeafHash;
use atrail_model::{AccountId, Clock, DayRange, DayTotal, Domain, Hours, Place};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::journal::load::{Load, Loads, wait_for_room};
use crate::journal::unsigned::UnsignedSeals;
use crate::journal::{
    Gathered, Moved, Pending, Recent, Ripe, Taken, Unsealed, add_totals, hours_of, lines_of,
    refuse_moved,
};
use crate::log::{Frame, NewEvent};

/// Unsealed events: those that gather, and those being sealed. `status` counts both.
#[derive(Debug)]
pub(super) struct Memtable {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
    /// Notified when sealing has made room.
    room: Notify,
    /// Notified when enough has gathered for sealing.
    ripe: Notify,
    seal_at_bytes: u64,
    recent: Recent,
}

#[derive(Debug, Default)]
struct Inner {
    /// The portions of each domain, oldest first; no domain has an empty list. They are sealed in this order, because
    /// the catalog records only the frame up to which a domain is sealed.
    gathering: HashMap<Domain, VecDeque<Pending>>,
    sealing: HashMap<Domain, Arc<Pending>>,
    /// Of each domain the number up to which its events have left, because they are sealed.
    left: HashMap<Domain, u64>,
    /// How often each domain's events were sealed in this process.
    seals: HashMap<Domain, u64>,
    unsigned: UnsignedSeals,
    /// What `gathering` holds.
    gathered: Load,
    /// The load of both, by account.
    loads: Loads,
}

impl Memtable {
    /// Returns an empty one. The catalog has these domains' events up to these numbers.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        seal_at_bytes: u64,
        recent: Recent,
        sealed_to: HashMap<Domain, u64>,
    ) -> Self {
        let inner = Inner {
            left: sealed_to,
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(inner),
            clock,
            room: Notify::new(),
            ripe: Notify::new(),
            seal_at_bytes,
            recent,
        }
    }

    /// Counts as unsigned what left before, above the numbers up to which signatures cover these domains.
    pub(super) fn note_unsigned(&self, signed_to: &HashMap<Domain, u64>) {
        let mut inner = self.inner.lock();
        for (domain, to) in inner.left.clone() {
            let signed = signed_to.get(&domain).copied().unwrap_or(0);
            if signed < to {
                inner.unsigned.add(domain, 0, (signed + 1, to));
            }
        }
    }

    pub(super) const fn recent(&self) -> &Recent {
        &self.recent
    }

    pub(super) fn note_seal(&self, domain: Domain) {
        *self.inner.lock().seals.entry(domain).or_default() += 1;
    }

    /// Inserts durable frames, in their order.
    pub(super) fn insert(&self, frames: Vec<Frame>) {
        let now = self.clock.elapsed();
        // Before the events count as unsealed: their seal comes after that.
        self.recent.add(&frames);
        let mut inner = self.inner.lock();
        let mut sealed = Vec::new();
        for frame in frames {
            if inner.left_to(frame.domain) >= frame.sequence {
                // Another node sealed it before this one learned of it.
                sealed.push((frame.domain, frame.sequence));
                continue;
            }
            let gathering = inner.gathering.entry(frame.domain).or_default();
            if gathering.back().is_none_or(Pending::is_full) {
                gathering.push_back(Pending::begin(frame.sequence, now));
            }
            let pending = gathering.back_mut().expect("it was just seen to");
            let load = pending.add(frame.sequence, frame.events);
            inner.gathered = inner.gathered.plus(load);
            inner.loads.add(frame.domain, load);
        }
        if inner.gathered.is_ripe(self.seal_at_bytes).is_some() {
            self.ripe.notify_one();
        }
        drop(inner);
        for (domain, sequence) in sealed {
            self.recent.note_sealed(domain, sequence);
        }
    }

    /// Reports whether [`Self::forget_to`] would forget events of a domain up to this number.
    pub(super) fn forgets_to(&self, domain: Domain, to: u64) -> bool {
        let inner = self.inner.lock();
        inner.left_to(domain) < to && !inner.sealing.contains_key(&domain)
    }

    /// Forgets what another node has sealed: of each of these domains the frames up to a number. What is being sealed
    /// here stays until that ends.
    pub(super) fn forget_to(&self, sealed_to: &HashMap<Domain, u64>) {
        let mut inner = self.inner.lock();
        for (domain, to) in sealed_to {
            if inner.left_to(*domain) >= *to {
                continue;
            }
            // Whoever looked up sealed events before looks again, whatever stays here.
            let seals = inner.seals.entry(*domain).or_default();
            *seals += 1;
            let number = *seals;
            if inner.sealing.contains_key(domain) {
                continue;
            }
            let before = inner.left.insert(*domain, *to).unwrap_or(0);
            // Whether the other node lives to sign it is unknown.
            inner.unsigned.add(*domain, number, (before + 1, *to));
            let Some(mut gathering) = inner.gathering.remove(domain) else {
                continue;
            };
            let mut gone = Load::default();
            while let Some(whole) = gathering.pop_front_if(|first| first.last_sequence <= *to) {
                gone = gone.plus(whole.load());
            }
            if let Some(first) = gathering.front_mut() {
                gone = gone.plus(first.forget_to(*to));
            }
            if !gathering.is_empty() {
                inner.gathering.insert(*domain, gathering);
            }
            inner.gathered = inner.gathered.minus(gone);
            inner.loads.remove(*domain, gone);
        }
        drop(inner);
        for (domain, to) in sealed_to {
            self.recent.note_sealed(*domain, *to);
        }
        self.room.notify_waiters();
    }

    pub(super) fn seals_of(&self, domain: Domain) -> u64 {
        self.inner.lock().seals.get(&domain).copied().unwrap_or(0)
    }

    /// Removes the events that are already unsealed here, or were seen earlier in this round of writing, and returns
    /// their number. Returns `None`, with nothing removed, when the domain was sealed after the caller had looked up
    /// sealed duplicates: then the caller has to look again.
    pub(super) fn without_known(
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
        let held: Vec<_> = inner.of(domain).collect();
        let before = events.len();
        events.retain(|event| {
            held.iter().all(|pending| !pending.holds(&event.leaf))
                && seen.insert((domain, event.leaf))
        });
        Some((before - events.len()) as u64)
    }

    pub(super) fn set_owners(&self, owners: impl Iterator<Item = (Domain, AccountId)>) {
        let mut inner = self.inner.lock();
        let mut loads = Loads::of(owners);
        for (domain, pending) in inner.all() {
            loads.add(domain, pending.load());
        }
        inner.loads = loads;
    }

    pub(super) async fn wait_for_room(&self, account: AccountId) {
        wait_for_room(&self.room, || self.has_room(account)).await;
    }

    pub(super) async fn wait_until_ripe(&self) {
        self.ripe.notified().await;
    }

    pub(super) fn ripe(&self) -> Option<Ripe> {
        self.inner.lock().gathered.is_ripe(self.seal_at_bytes)
    }

    pub(super) fn unsealed(&self) -> Unsealed {
        let inner = self.inner.lock();
        let mut total = Unsealed {
            size_bytes: inner.loads.all().bytes,
            ..Unsealed::default()
        };
        for (_, pending) in inner.all() {
            total.events += pending.events();
            total.since = Some(total.since.map_or(pending.since, |t| t.min(pending.since)));
        }
        total
    }

    pub(super) fn unsealed_domains(&self) -> HashSet<Domain> {
        let inner = self.inner.lock();
        let gathering = inner.gathering.keys();
        gathering.chain(inner.sealing.keys()).copied().collect()
    }

    fn has_room(&self, account: AccountId) -> bool {
        let limit = Load::room(self.seal_at_bytes);
        self.inner.lock().loads.has_room(account, limit)
    }

    /// The lowest sequence number of a frame that is unsealed or unsigned.
    pub(super) fn oldest_sequence(&self) -> Option<u64> {
        let inner = self.inner.lock();
        // The oldest portion of each domain suffices.
        let gathering = inner.gathering.values().filter_map(VecDeque::front);
        let sealing = inner.sealing.values().map(|pending| &**pending);
        let oldest = gathering.chain(sealing);
        let oldest = oldest.map(|pending| pending.first_sequence);
        oldest.chain(inner.unsigned.first()).min()
    }

    /// Of each domain the number below which all its frames are sealed and signed.
    pub(super) fn sealed_below(&self, domains: &HashSet<Domain>) -> HashMap<Domain, u64> {
        let inner = self.inner.lock();
        let below = |domain: &Domain| {
            let first = inner.of(*domain).map(|pending| pending.first_sequence);
            let first = first.chain(inner.unsigned.first_of(*domain));
            (*domain, first.min().unwrap_or(u64::MAX))
        };
        domains.iter().map(below).collect()
    }

    pub(super) fn gathered(&self) -> Vec<Gathered> {
        let inner = self.inner.lock();
        let gathered = inner.gathering.iter().map(|(domain, pending)| Gathered {
            domain: *domain,
            since: pending.front().expect("none is without any").since,
            hours: pending.iter().map(|one| one.hours.len()).collect(),
        });
        gathered.collect()
    }

    /// Moves the oldest gathered portion of these domains to the portions being sealed.
    pub(super) fn take(&self, domains: &HashSet<Domain>) -> Taken {
        let mut inner = self.inner.lock();
        let mut taken = Vec::with_capacity(domains.len());
        for domain in domains {
            if inner.sealing.contains_key(domain) {
                // Another caller has it without this caller's claim: the count and the order of its events must not
                // change.
                continue;
            }
            let Some(gathering) = inner.gathering.get_mut(domain) else {
                continue;
            };
            let mut pending = gathering.pop_front().expect("none is without any");
            if gathering.is_empty() {
                inner.gathering.remove(domain);
            }
            inner.gathered = inner.gathered.minus(pending.load());
            pending.after = inner.left_to(*domain);
            let pending = Arc::new(pending);
            inner.sealing.insert(*domain, Arc::clone(&pending));
            taken.push((*domain, pending));
        }
        taken.sort_unstable_by_key(|(domain, _)| *domain);
        taken
    }

    /// Forgets the portions of these domains that were being sealed: the catalog has them now.
    pub(super) fn forget_sealed(&self, taken: &[(Domain, Arc<Pending>)]) {
        let mut inner = self.inner.lock();
        for (domain, _) in taken {
            if let Some(pending) = inner.sealing.remove(domain) {
                let seals = inner.seals.entry(*domain).or_default();
                *seals += 1;
                let number = *seals;
                let first = pending.first_sequence;
                inner
                    .unsigned
                    .add(*domain, number, (first, pending.last_sequence));
                inner.left.insert(*domain, pending.last_sequence);
                inner.loads.remove(*domain, pending.load());
            }
        }
        drop(inner);
        for (domain, pending) in taken {
            self.recent.note_sealed(*domain, pending.last_sequence);
        }
        self.room.notify_waiters();
    }

    pub(super) fn unsigned(&self) -> HashMap<Domain, u64> {
        self.inner.lock().unsigned.numbers()
    }

    /// Returns the sequence number up to which each domain is signed then.
    pub(super) fn signed_to(&self, numbers: &HashMap<Domain, u64>) -> HashMap<Domain, u64> {
        self.inner.lock().unsigned.last_of(numbers)
    }

    pub(super) fn forget_signed(&self, numbers: &HashMap<Domain, u64>) {
        self.inner.lock().unsigned.forget(numbers);
    }

    /// Reports whether nothing of a domain is unsealed or unsigned.
    pub(super) fn is_all_signed(&self, domain: Domain) -> bool {
        let inner = self.inner.lock();
        let is_here = inner
            .gathering
            .get(&domain)
            .is_some_and(|all| !all.is_empty());
        !is_here
            && !inner.sealing.contains_key(&domain)
            && inner.unsigned.first_of(domain).is_none()
    }

    /// Puts what could not be sealed of these domains back, before what came since.
    pub(super) fn put_back(&self, taken: &[(Domain, Arc<Pending>)]) {
        let mut inner = self.inner.lock();
        for (domain, _) in taken {
            if let Some(earlier) = inner.sealing.remove(domain) {
                inner.gathered = inner.gathered.plus(earlier.load());
                let gathering = inner.gathering.entry(*domain).or_default();
                gathering.push_front(Arc::unwrap_or_clone(earlier));
            }
        }
    }

    /// As [`crate::Journal::totals`]: one for each day of a domain, or more where a day lies in several portions. Appends
    /// wait meanwhile.
    pub(super) fn totals(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>, Moved> {
        let mut found = Vec::new();
        let inner = self.inner.lock();
        for (domain, above) in above {
            refuse_moved(&inner.left, *domain, *above)?;
            for pending in inner.of(*domain) {
                add_totals(&mut found, *domain, pending.within(days, hours, *above));
            }
        }
        drop(inner);
        Ok(found)
    }
}

impl Memtable {
    /// As [`crate::Journal::hours`].
    pub(super) fn hours(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<(Place, usize)>, Moved> {
        let inner = self.inner.lock();
        for (domain, above) in above {
            refuse_moved(&inner.left, *domain, *above)?;
        }
        let all = above.iter().flat_map(|(domain, above)| {
            let portions = inner.of(*domain);
            portions.map(move |portion| (*domain, *above, portion))
        });
        Ok(hours_of(all, days))
    }

    /// As [`crate::Journal::lines`].
    pub(super) fn lines(
        &self,
        place: Place,
        above: u64,
        from: usize,
        most: usize,
    ) -> Result<Vec<Line>, Moved> {
        let inner = self.inner.lock();
        refuse_moved(&inner.left, place.domain, above)?;
        Ok(lines_of(inner.of(place.domain), place, above, from, most))
    }
}

impl Inner {
    fn left_to(&self, domain: Domain) -> u64 {
        self.left.get(&domain).copied().unwrap_or(0)
    }

    /// Returns the unsealed portions of a domain, oldest first: those being sealed were gathered before the others.
    fn of(&self, domain: Domain) -> impl Iterator<Item = &Pending> {
        let sealing = self.sealing.get(&domain).map(|pending| &**pending);
        let gathering = self.gathering.get(&domain).into_iter().flatten();
        sealing.into_iter().chain(gathering)
    }

    /// Returns all unsealed portions.
    fn all(&self) -> impl Iterator<Item = (Domain, &Pending)> {
        let sealing = self.sealing.iter();
        let sealing = sealing.map(|(domain, pending)| (*domain, &**pending));
        let gathering = self.gathering.iter();
        let gathering =
            gathering.flat_map(|(domain, all)| all.iter().map(move |pending| (*domain, pending)));
        gathering.chain(sealing)
    }
}

#[cfg(test)]
mod tests;
