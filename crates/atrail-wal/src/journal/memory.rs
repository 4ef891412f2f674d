//! A journal in memory, for tests: what a crash leaves is a value that outlives the journal, and it fails on demand as
//! a disk does.

mod log;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use atrail_archive::object::Line;
use atrail_disk::{Result, StoreError};
use atrail_evidence::LeafHash;
use atrail_model::{AccountId, Clock, DayRange, DayTotal, Domain, Hours, Place};
use futures_util::future::{BoxFuture, FutureExt, ready};
use parking_lot::Mutex;
use tokio::sync::{Notify, RwLock};

use super::load::{Load, Loads, wait_for_room};
use super::{
    Appended, Batch, CountsKept, Gathered, Journal, Moved, Pending, Recent, Ripe, Rotation, Taken,
    Unsealed, add_totals, hours_of, lines_of, refuse_moved,
};
use crate::journal::recent::Before;
use crate::journal::unsigned::UnsignedSeals;
use crate::log::{Frame, LogNumber};
#[cfg(feature = "conformance")]
pub use log::Failure;
#[cfg(not(feature = "conformance"))]
pub(crate) use log::Failure;
pub(crate) use log::Fault;
pub use log::MemoryLog;
use log::Numbered;

/// A journal in memory, for tests and experiments. Its log survives it, as files would.
#[derive(Debug)]
pub struct MemoryJournal {
    log: MemoryLog,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    seal_at_bytes: u64,
    leaving: Arc<RwLock<()>>,
    room: Notify,
    ripe: Notify,
    recent: Recent,
}

#[derive(Debug, Default)]
struct State {
    /// The portion of each domain that is being sealed.
    sealing: HashMap<Domain, Arc<Pending>>,
    seals: HashMap<Domain, u64>,
    /// Of each domain the number up to which its events have left, because they are sealed.
    left: HashMap<Domain, u64>,
    unsigned: UnsignedSeals,
    owners: HashMap<Domain, AccountId>,
    poison: Option<String>,
    is_full: bool,
    is_stopped: bool,
}

impl Numbered {
    fn frame(&self) -> Frame {
        Frame {
            sequence: self.sequence,
            domain: self.domain,
            events: self.events.clone(),
        }
    }
}

impl State {
    fn is_unsigned(&self, sealed: &Numbered) -> bool {
        let first = self.unsigned.first_of(sealed.domain);
        first.is_some_and(|first| sealed.sequence >= first)
    }
}

impl MemoryJournal {
    /// Opens the journal as after a crash of the last one. `sealed_to` is the sequence number up to which each domain's
    /// events are sealed.
    pub fn open(
        log: MemoryLog,
        sealed_to: &HashMap<Domain, u64>,
        clock: Arc<dyn Clock>,
        seal_at_bytes: u64,
        recent_bytes: u64,
    ) -> Self {
        let mut kept = log.0.lock();
        kept.batches.retain(|one| {
            let sealed = sealed_to.get(&one.domain);
            sealed.is_none_or(|sealed| one.sequence > *sealed)
        });
        let highest = sealed_to.values().copied().max().unwrap_or(0);
        kept.last_sequence = kept.last_sequence.max(highest);
        let before = Before {
            sealed_to: sealed_to.clone(),
            // They keep their numbers.
            numbers: kept
                .batches
                .iter()
                .map(|one| (one.sequence, one.sequence))
                .collect(),
            first: kept
                .batches
                .first()
                .map_or(kept.last_sequence + 1, |one| one.sequence),
        };
        let recent = Recent::new(Arc::clone(&clock), recent_bytes, before);
        for one in &kept.batches {
            recent.add(&[one.frame()]);
        }
        drop(kept);
        Self {
            recent,
            log,
            state: Mutex::new(State {
                left: sealed_to.clone(),
                ..State::default()
            }),
            clock,
            seal_at_bytes,
            leaving: Arc::default(),
            room: Notify::new(),
            ripe: Notify::new(),
        }
    }

    fn has_fault(&self, fault: Fault) -> bool {
        self.log.0.lock().fault == Some(fault)
    }

    fn try_append(&self, batch: Batch) -> Result<Appended> {
        let Batch {
            domain,
            seals,
            mut events,
            ..
        } = batch;
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let mut state = self.state.lock();
        if state.is_stopped {
            return Err(StoreError::Closed);
        }
        let sealed = state.seals.get(&domain).copied().unwrap_or(0);
        let mut kept = self.log.0.lock();
        let fault = kept.fault;
        if sealed != seals && fault != Some(Fault::IgnoresSealsMeanwhile) {
            return Ok(Appended::LookAgain(events));
        }
        let own = kept.batches.iter().filter(|one| one.domain == domain);
        let own = own.flat_map(|one| &one.events);
        let mut seen: HashSet<LeafHash> = own.map(|event| event.leaf).collect();
        let before = events.len();
        if fault != Some(Fault::KeepsADuplicate) {
            events.retain(|event| seen.insert(event.leaf));
        }
        let mut duplicates = (before - events.len()) as u64;
        if fault == Some(Fault::CountsADuplicateAsNew) {
            duplicates = 0;
        }
        if events.is_empty() {
            return Ok(Appended::Durable { duplicates });
        }
        match kept.failure {
            Some(Failure::Full) => {
                state.is_full = true;
                if fault == Some(Fault::KeepsHalfOfWhatIsRefused) {
                    events.truncate(events.len().div_ceil(2));
                    kept.keep(domain, events, self.clock.elapsed());
                }
                return Err(full());
            }
            Some(Failure::Broken { is_kept }) => {
                kept.failure = None;
                if is_kept {
                    kept.keep(domain, events, self.clock.elapsed());
                }
                let why = "the disk in memory broke off".to_owned();
                if fault != Some(Fault::GoesOnAfterBreaking) {
                    state.poison = Some(why.clone());
                }
                return Err(StoreError::Poisoned(why));
            }
            None => {}
        }
        if fault != Some(Fault::AcknowledgesWithoutKeeping) {
            kept.keep(domain, events, self.clock.elapsed());
        }
        if fault != Some(Fault::HidesWhatIsRecent)
            && let Some(last) = kept.batches.last()
        {
            self.recent.add(&[last.frame()]);
        }
        drop((kept, state));
        if self.ripe().is_some() {
            self.ripe.notify_one();
        }
        Ok(Appended::Durable { duplicates })
    }

    /// Returns the portions of each domain, oldest first, without those being sealed.
    fn goes(&self, only: Option<Domain>) -> HashMap<Domain, Vec<Pending>> {
        let state = self.state.lock();
        let kept = self.log.0.lock();
        let mut goes: HashMap<Domain, Vec<Pending>> = HashMap::new();
        for one in &kept.batches {
            let being_sealed = state.sealing.get(&one.domain);
            if only.is_some_and(|only| only != one.domain)
                || being_sealed.is_some_and(|pending| one.sequence <= pending.last_sequence)
            {
                continue;
            }
            let of_domain = goes.entry(one.domain).or_default();
            if of_domain.last().is_none_or(Pending::is_full) {
                of_domain.push(Pending::begin(one.sequence, one.since));
            }
            let last = of_domain.last_mut().expect("it was just seen to");
            last.add(one.sequence, one.events.clone());
        }
        goes
    }

    /// Returns the same with the portions being sealed.
    fn all(&self, only: Option<Domain>) -> Vec<(Domain, Pending)> {
        let goes = self.goes(only).into_iter();
        let goes = goes.flat_map(|(domain, goes)| goes.into_iter().map(move |one| (domain, one)));
        let goes: Vec<_> = goes.collect();
        let state = self.state.lock();
        let sealing = state.sealing.iter();
        let sealing = sealing.filter(|(domain, _)| only.is_none_or(|only| only == **domain));
        let sealing = sealing.map(|(domain, pending)| (*domain, Pending::clone(pending)));
        sealing.chain(goes).collect()
    }

    /// Returns the portions of these domains, each with the number above which the caller wants its events.
    fn all_above(
        &self,
        above: &HashMap<Domain, u64>,
    ) -> Result<Vec<(Domain, u64, Pending)>, Moved> {
        let ignores_what_left = self.has_fault(Fault::CountsBesideTheCatalog);
        let mut found = Vec::new();
        for (domain, above) in above {
            let mut above = *above;
            if ignores_what_left {
                above = 0;
            } else {
                refuse_moved(&self.state.lock().left, *domain, above)?;
            }
            let all = self.all(Some(*domain)).into_iter();
            found.extend(all.map(|(domain, pending)| (domain, above, pending)));
        }
        Ok(found)
    }

    fn forget_sealed(&self, taken: &[(Domain, Arc<Pending>)]) {
        let mut state = self.state.lock();
        let mut kept = self.log.0.lock();
        for (domain, pending) in taken {
            if state.sealing.remove(domain).is_none() {
                continue;
            }
            let seals = state.seals.entry(*domain).or_default();
            *seals += 1;
            let number = *seals;
            let first = pending.first_sequence;
            let sequences = (first, pending.last_sequence);
            state.unsigned.add(*domain, number, sequences);
            if kept.fault != Some(Fault::CountsWhatIsSealed) {
                state.left.insert(*domain, pending.last_sequence);
                let last = pending.last_sequence;
                let is_sealed = |one: &mut Numbered| one.domain == *domain && one.sequence <= last;
                let sealed: Vec<_> = kept.batches.extract_if(.., is_sealed).collect();
                kept.sealed.extend(sealed);
            }
        }
        drop((kept, state));
        for (domain, pending) in taken {
            self.recent.note_sealed(*domain, pending.last_sequence);
        }
        self.room.notify_waiters();
    }

    fn has_room(&self, account: AccountId) -> bool {
        let mut loads = Loads::of(self.state.lock().owners.clone().into_iter());
        for (domain, pending) in self.all(None) {
            loads.add(domain, pending.load());
        }
        let limit = Load::room(self.seal_at_bytes);
        loads.has_room(account, limit)
            || (self.has_fault(Fault::GivesAllRoomToOne) && !loads.all().is_at_least(limit))
    }
}

fn full() -> StoreError {
    StoreError::Full(io::ErrorKind::StorageFull.into())
}

impl Journal for MemoryJournal {
    fn log(&self) -> LogNumber {
        LogNumber::OF_DIRECTORY
    }

    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended>> {
        ready(self.try_append(batch)).boxed()
    }

    fn recent(&self) -> &Recent {
        &self.recent
    }

    fn seals_of(&self, domain: Domain) -> u64 {
        self.state.lock().seals.get(&domain).copied().unwrap_or(0)
    }

    fn note_seal(&self, domain: Domain) {
        *self.state.lock().seals.entry(domain).or_default() += 1;
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn totals(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>, Moved> {
        let mut found = Vec::new();
        for (domain, above, pending) in self.all_above(above)? {
            add_totals(&mut found, domain, pending.within(days, hours, above));
        }
        Ok(found)
    }

    fn hours(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<(Place, usize)>, Moved> {
        let all = self.all_above(above)?;
        let all = all.iter();
        Ok(hours_of(
            all.map(|(domain, above, portion)| (*domain, *above, portion)),
            days,
        ))
    }

    fn lines(
        &self,
        place: Place,
        above: u64,
        from: usize,
        most: usize,
    ) -> Result<Vec<Line>, Moved> {
        let all = self.all_above(&HashMap::from([(place.domain, above)]))?;
        let portions = all.iter().map(|(.., portion)| portion);
        if self.has_fault(Fault::ListsTheNewestFirst) {
            return Ok(lines_of(portions.rev(), place, above, from, most));
        }
        Ok(lines_of(portions, place, above, from, most))
    }

    fn unsealed(&self) -> Unsealed {
        let mut total = Unsealed::default();
        for (_, pending) in self.all(None) {
            total.events += pending.events();
            total.size_bytes += pending.size_bytes;
            total.since = Some(total.since.map_or(pending.since, |t| t.min(pending.since)));
        }
        total
    }

    fn unsealed_domains(&self) -> HashSet<Domain> {
        let all = self.all(None).into_iter();
        all.map(|(domain, _)| domain).collect()
    }

    fn keep_counts(&self) -> BoxFuture<'_, CountsKept> {
        let mut leaving = Arc::clone(&self.leaving);
        if self.has_fault(Fault::LetsCountsChange) {
            leaving = Arc::default();
        }
        async move { CountsKept(leaving.read_owned().await) }.boxed()
    }

    fn gathered(&self) -> Vec<Gathered> {
        let goes = self.goes(None).into_iter();
        let gathered = goes.map(|(domain, goes)| Gathered {
            domain,
            since: goes[0].since,
            hours: goes.iter().map(|one| one.hours.len()).collect(),
        });
        gathered.collect()
    }

    fn take(&self, domains: &HashSet<Domain>) -> Taken {
        let is_newest = self.has_fault(Fault::TakesTheNewestFirst);
        let mut taken = Vec::new();
        for domain in domains {
            if self.state.lock().sealing.contains_key(domain) {
                continue;
            }
            let mut goes = self.goes(Some(*domain)).remove(domain).unwrap_or_default();
            if is_newest {
                goes.reverse();
            }
            if let Some(pending) = goes.into_iter().next() {
                let mut pending = pending;
                let mut state = self.state.lock();
                pending.after = state.left.get(domain).copied().unwrap_or(0);
                let pending = Arc::new(pending);
                state.sealing.insert(*domain, Arc::clone(&pending));
                taken.push((*domain, pending));
            }
        }
        taken.sort_unstable_by_key(|(domain, _)| *domain);
        taken
    }

    fn sealed<'a>(&'a self, taken: &'a [(Domain, Arc<Pending>)]) -> BoxFuture<'a, ()> {
        async move {
            let _nobody_counts = self.leaving.write().await;
            self.forget_sealed(taken);
        }
        .boxed()
    }

    fn unsigned(&self) -> HashMap<Domain, u64> {
        self.state.lock().unsigned.numbers()
    }

    fn signed(&self, numbers: &HashMap<Domain, u64>) {
        self.state.lock().unsigned.forget(numbers);
    }

    fn put_back(&self, taken: &[(Domain, Arc<Pending>)]) {
        let mut state = self.state.lock();
        for (domain, pending) in taken {
            let is_there = state.sealing.remove(domain).is_some();
            let mut kept = self.log.0.lock();
            if is_there && kept.fault == Some(Fault::DropsWhatIsPutBack) {
                let last = pending.last_sequence;
                kept.batches
                    .retain(|one| one.domain != *domain || one.sequence > last);
            }
        }
    }

    fn trim(&self, rotation: Rotation) -> BoxFuture<'_, Result<()>> {
        let mut state = self.state.lock();
        let mut kept = self.log.0.lock();
        if kept.fault == Some(Fault::TrimsWhatIsUnsealed) {
            kept.batches.pop();
        }
        let trimmed = if let Some(why) = &state.poison {
            Err(StoreError::Poisoned(why.clone()))
        } else if rotation == Rotation::Whole && kept.failure == Some(Failure::Full) {
            Err(full())
        } else {
            state.is_full &= rotation != Rotation::Whole;
            kept.sealed.retain(|one| state.is_unsigned(one));
            Ok(())
        };
        ready(trimmed).boxed()
    }

    fn erase<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>> {
        let state = self.state.lock();
        let mut kept = self.log.0.lock();
        match kept.fault {
            Some(Fault::LeavesWhatIsErased) => {}
            Some(Fault::ErasesWhatIsUnsealed) => {
                kept.batches.retain(|one| !domains.contains(&one.domain));
            }
            _ => kept
                .sealed
                .retain(|one| !domains.contains(&one.domain) || state.is_unsigned(one)),
        }
        ready(Ok(())).boxed()
    }

    fn set_owners(&self, owners: &[(Domain, AccountId)]) {
        self.state.lock().owners = owners.iter().copied().collect();
    }

    fn wait_for_room(&self, account: AccountId) -> BoxFuture<'_, ()> {
        wait_for_room(&self.room, move || self.has_room(account)).boxed()
    }

    fn wait_until_ripe(&self) -> BoxFuture<'_, ()> {
        self.ripe.notified().boxed()
    }

    fn ripe(&self) -> Option<Ripe> {
        let goes = self.goes(None);
        let all = goes.values().flatten().map(Pending::load);
        all.fold(Load::default(), Load::plus)
            .is_ripe(self.seal_at_bytes)
    }

    fn refusal(&self) -> Option<StoreError> {
        let state = self.state.lock();
        let poison = state.poison.clone().map(StoreError::Poisoned);
        poison.or_else(|| state.is_full.then(full))
    }

    fn is_full(&self) -> bool {
        self.state.lock().is_full
    }

    fn note_full(&self) {
        self.state.lock().is_full = true;
    }

    fn poison(&self, why: String) {
        self.state.lock().poison.get_or_insert(why);
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        self.state.lock().is_stopped = true;
        ready(Ok(())).boxed()
    }
}
