//! The journal of several nodes: a log that they share holds the unsealed batches in one order, and each node follows it
//! and has the same unsealed events in memory as a journal of one machine.
//!
//! Exactly once: a node appends a batch only if it knows everything of the batch's domains that is in the log before.

mod body;
mod log;
#[cfg(test)]
pub(crate) mod memory;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use atrail_archive::object::Line;
use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, Clock, DayRange, DayTotal, Domain, Hours, Place};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::append::Append;
use super::memtable::Memtable;
use super::recent::Before;
use super::{
    Appended, Batch, CountsKept, Gathered, Journal, Moved, Pending, Recent, Ripe, Rotation, Taken,
    Unsealed,
};
use crate::counters::LogCounters;
use crate::log::LogNumber;
#[cfg(feature = "conformance")]
pub use body::plain;
pub use log::{
    BatchId, Beyond, LockedLog, LoggedBatch, NewBatch, Registered, SealedElsewhere, SharedLog,
};
use state::State;
use writer::{Command, QUEUE_LEN, Writer};

/// The settings and parts of a node's journal.
#[derive(Debug)]
pub struct NewSharedJournal {
    /// The log.
    pub log: Arc<dyn SharedLog>,
    /// What happens before events leave that another node sealed.
    pub elsewhere: Arc<dyn SealedElsewhere>,
    /// Number of bytes of events that suffice for sealing.
    pub seal_at_bytes: u64,
    /// Bytes of sealed events that stay in memory, the last ones.
    pub recent_bytes: u64,
    /// The clock that stamps arrivals.
    pub clock: Arc<dyn Clock>,
    /// Counts the batches of this node.
    pub counters: Arc<LogCounters>,
}

/// A node's journal.
#[derive(Debug)]
pub struct SharedJournal {
    state: Arc<State>,
    commands: mpsc::Sender<Command>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for SharedJournal {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl SharedJournal {
    /// Reads all unsealed events of the log, and follows it from then on.
    ///
    /// # Errors
    /// When the log cannot be read, or the events that are sealed cannot be learned.
    pub async fn open(new: NewSharedJournal) -> Result<Self> {
        let sealed_to = new.log.sealed_above(0).await?;
        new.elsewhere.learn(&sealed_to).await?;
        let mut frames = Vec::new();
        let mut applied = 0;
        loop {
            let beyond = new.log.read(applied).await?;
            for batch in &beyond.batches {
                frames.extend(body::decode(batch.first(), &batch.body)?);
            }
            applied = applied.max(beyond.to);
            if applied >= beyond.last {
                break;
            }
        }
        frames.retain(|frame| {
            let sealed = sealed_to.get(&frame.domain);
            sealed.is_none_or(|to| frame.sequence > *to)
        });
        let before = Before {
            sealed_to: sealed_to.clone(),
            // They keep their numbers, on every node.
            numbers: frames
                .iter()
                .map(|frame| (frame.sequence, frame.sequence))
                .collect(),
            first: frames.first().map_or(applied + 1, |frame| frame.sequence),
        };
        let recent = Recent::new(Arc::clone(&new.clock), new.recent_bytes, before);
        let domains = sealed_to.keys().copied().collect();
        let signed_to = new.log.signed_to(&domains).await?;
        let memtable = Memtable::new(new.clock, new.seal_at_bytes, recent, sealed_to);
        memtable.note_unsigned(&signed_to);
        memtable.insert(frames);
        let state = State::new(new.log, memtable, new.counters, new.elsewhere, applied);
        let state = Arc::new(state);
        let (commands, queue) = mpsc::channel(QUEUE_LEN);
        let writer = tokio::spawn(Writer::new(Arc::clone(&state)).run(queue));
        let follower = tokio::spawn(Arc::clone(&state).follow());
        Ok(Self {
            state,
            commands,
            tasks: [writer, follower],
        })
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (done, answer) = oneshot::channel();
        let sent = self.commands.send(command(done)).await;
        sent.map_err(|_| self.ended())?;
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Returns the reason why the writer is gone.
    fn ended(&self) -> StoreError {
        if !self.state.is_stopped.load(Ordering::Acquire) {
            let why = "the task that writes the log broke off".to_owned();
            self.state.poison.set(why);
        }
        self.state
            .poison
            .check()
            .err()
            .unwrap_or(StoreError::Closed)
    }

    async fn erase_sealed(&self, domains: &HashSet<Domain>) -> Result<()> {
        let state = &self.state;
        self.record_signed().await?;
        let mut signed_to = state.log.signed_to(domains).await?;
        for (domain, below) in state.memtable.sealed_below(domains) {
            if let Some(to) = signed_to.get_mut(&domain) {
                *to = (*to).min(below.saturating_sub(1));
            }
        }
        for batch in state.log.holding(domains).await? {
            if let Some((rest, body)) = body::without(batch.first(), &batch.body, &signed_to)? {
                state.log.replace(&batch, &rest, body).await?;
            }
        }
        Ok(())
    }

    async fn record_signed(&self) -> Result<()> {
        let signed_to = self.state.signed_to.lock().clone();
        self.state.log.trim(&signed_to).await?;
        let mut left = self.state.signed_to.lock();
        left.retain(|domain, to| signed_to.get(domain).is_none_or(|done| done < to));
        Ok(())
    }
}

impl Journal for SharedJournal {
    fn log(&self) -> LogNumber {
        self.state.log.number()
    }

    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended>> {
        async move {
            if let Some(refusal) = self.state.refusal() {
                return Err(refusal);
            }
            self.ask(|done| Command::Append(Append { batch, done }))
                .await
        }
        .boxed()
    }

    fn recent(&self) -> &Recent {
        self.state.memtable.recent()
    }

    fn seals_of(&self, domain: Domain) -> u64 {
        self.state.memtable.seals_of(domain)
    }

    fn note_seal(&self, domain: Domain) {
        self.state.memtable.note_seal(domain);
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<()>> {
        self.state.catch_up().boxed()
    }

    fn totals(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>, Moved> {
        self.state.memtable.totals(above, days, hours)
    }

    fn hours(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<(Place, usize)>, Moved> {
        self.state.memtable.hours(above, days)
    }

    fn lines(
        &self,
        place: Place,
        above: u64,
        from: usize,
        most: usize,
    ) -> Result<Vec<Line>, Moved> {
        self.state.memtable.lines(place, above, from, most)
    }

    fn unsealed(&self) -> Unsealed {
        self.state.memtable.unsealed()
    }

    fn unsealed_domains(&self) -> HashSet<Domain> {
        self.state.memtable.unsealed_domains()
    }

    fn look_for_seals<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>> {
        self.state.look_for_seals_of(domains).boxed()
    }

    fn keep_counts(&self) -> BoxFuture<'_, CountsKept> {
        let leaving = Arc::clone(&self.state.leaving);
        async move { CountsKept(leaving.read_owned().await) }.boxed()
    }

    fn gathered(&self) -> Vec<Gathered> {
        self.state.memtable.gathered()
    }

    fn take(&self, domains: &HashSet<Domain>) -> Taken {
        self.state.memtable.take(domains)
    }

    fn sealed<'a>(&'a self, taken: &'a [(Domain, Arc<Pending>)]) -> BoxFuture<'a, ()> {
        async move {
            let _nobody_counts = self.state.leaving.write().await;
            self.state.memtable.forget_sealed(taken);
        }
        .boxed()
    }

    fn unsigned(&self) -> HashMap<Domain, u64> {
        self.state.memtable.unsigned()
    }

    fn signed(&self, numbers: &HashMap<Domain, u64>) {
        // Before the look: what is applied later is not looked at.
        let applied = self.state.applied();
        let to = self.state.memtable.signed_to(numbers);
        self.state.memtable.forget_signed(numbers);
        let mut signed_to = self.state.signed_to.lock();
        for (domain, to) in to {
            // A batch goes once all its domains are signed to its last number, which is another domain's perhaps.
            let all = self.state.memtable.is_all_signed(domain).then_some(applied);
            let known = signed_to.entry(domain).or_default();
            *known = to.max(*known).max(all.unwrap_or_default());
        }
    }

    fn put_back(&self, taken: &[(Domain, Arc<Pending>)]) {
        self.state.memtable.put_back(taken);
    }

    fn trim(&self, rotation: Rotation) -> BoxFuture<'_, Result<()>> {
        async move {
            self.state.poison.check()?;
            self.record_signed().await?;
            if rotation == Rotation::Whole {
                self.state.is_full.store(false, Ordering::Relaxed);
            }
            Ok(())
        }
        .boxed()
    }

    fn erase<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>> {
        self.erase_sealed(domains).boxed()
    }

    fn set_owners(&self, owners: &[(Domain, AccountId)]) {
        self.state.memtable.set_owners(owners.iter().copied());
    }

    fn wait_for_room(&self, account: AccountId) -> BoxFuture<'_, ()> {
        self.state.memtable.wait_for_room(account).boxed()
    }

    fn wait_until_ripe(&self) -> BoxFuture<'_, ()> {
        self.state.memtable.wait_until_ripe().boxed()
    }

    fn ripe(&self) -> Option<Ripe> {
        self.state.memtable.ripe()
    }

    fn refusal(&self) -> Option<StoreError> {
        self.state.refusal()
    }

    fn is_full(&self) -> bool {
        self.state.is_full.load(Ordering::Relaxed)
    }

    fn note_full(&self) {
        self.state.is_full.store(true, Ordering::Relaxed);
    }

    fn poison(&self, why: String) {
        self.state.poison.set(why);
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        self.ask(|done| Command::Stop { done }).boxed()
    }
}
