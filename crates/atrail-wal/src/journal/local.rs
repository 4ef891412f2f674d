//! The journal of one machine: a write-ahead log in files, one thread that writes it, and the unsealed events in
//! memory.

mod recover;
mod writer;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use atrail_archive::object::Line;
use atrail_disk::{Reserve, Result, StoreError, off_thread};
use atrail_model::{AccountId, DayRange, DayTotal, Domain, Hours, Place};
use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::sync::RwLock;

use super::memtable::Memtable;
use super::{
    Appended, Batch, CountsKept, Gathered, Journal, Moved, Pending, Recent, Ripe, Rotation, Taken,
    Unsealed,
};
use crate::log::{LogNumber, Replay, Wal};
pub use recover::NewJournal;
pub(super) use recover::{RecoveredLog, recover_log};
use writer::WriterHandle;

/// A journal in a directory of this machine.
#[derive(Debug)]
pub struct LocalJournal {
    memtable: Arc<Memtable>,
    writer: WriterHandle,
    /// Held for writing while sealed events leave the memtable.
    leaving: Arc<RwLock<()>>,
}

impl LocalJournal {
    /// Loads the log's unsealed events back into memory, and begins a new log with them. `sealed_to` is the sequence
    /// number up to which each domain's events are sealed. On a full disk it uses the space that is set aside.
    ///
    /// # Errors
    /// When the disk fails; no event is lost.
    pub async fn recover(
        new: NewJournal,
        replay: Replay,
        sealed_to: &HashMap<Domain, u64>,
        reserve: &Arc<Reserve>,
    ) -> Result<Self> {
        let log = recover_log(&new, replay, sealed_to, reserve).await?;
        Self::start(log.map(|wal| Box::new(wal) as Box<dyn Wal>), new)
    }

    /// Continues a recovered log.
    pub(super) fn start(log: RecoveredLog<Box<dyn Wal>>, new: NewJournal) -> Result<Self> {
        let RecoveredLog {
            wal,
            frames,
            next_sequence,
            is_cramped,
            before,
        } = log;
        let sealed_to = before.sealed_to.clone();
        let recent = Recent::new(Arc::clone(&new.clock), new.recent_bytes, before);
        let memtable = Memtable::new(new.clock, new.seal_at_bytes, recent, sealed_to);
        let memtable = Arc::new(memtable);
        memtable.insert(frames);
        let writer = WriterHandle::start(wal, Arc::clone(&memtable), new.counters, next_sequence)
            .map_err(|source| StoreError::Directory {
            what: "cannot start the log writer".to_owned(),
            source,
        })?;
        if is_cramped {
            writer.note_full();
        }
        Ok(Self {
            memtable,
            writer,
            leaving: Arc::default(),
        })
    }
}

impl Journal for LocalJournal {
    fn log(&self) -> LogNumber {
        LogNumber::OF_DIRECTORY
    }

    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended>> {
        self.writer.append(batch).boxed()
    }

    fn recent(&self) -> &Recent {
        self.memtable.recent()
    }

    fn seals_of(&self, domain: Domain) -> u64 {
        self.memtable.seals_of(domain)
    }

    fn note_seal(&self, domain: Domain) {
        self.memtable.note_seal(domain);
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<()>> {
        // Nobody else acknowledges.
        ready(Ok(())).boxed()
    }

    fn totals(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>, Moved> {
        self.memtable.totals(above, days, hours)
    }

    fn hours(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<(Place, usize)>, Moved> {
        self.memtable.hours(above, days)
    }

    fn lines(
        &self,
        place: Place,
        above: u64,
        from: usize,
        most: usize,
    ) -> Result<Vec<Line>, Moved> {
        self.memtable.lines(place, above, from, most)
    }

    fn unsealed(&self) -> Unsealed {
        self.memtable.unsealed()
    }

    fn unsealed_domains(&self) -> HashSet<Domain> {
        self.memtable.unsealed_domains()
    }

    fn keep_counts(&self) -> BoxFuture<'_, CountsKept> {
        let leaving = Arc::clone(&self.leaving);
        async move { CountsKept(leaving.read_owned().await) }.boxed()
    }

    fn gathered(&self) -> Vec<Gathered> {
        self.memtable.gathered()
    }

    fn take(&self, domains: &HashSet<Domain>) -> Taken {
        self.memtable.take(domains)
    }

    fn sealed<'a>(&'a self, taken: &'a [(Domain, Arc<Pending>)]) -> BoxFuture<'a, ()> {
        async move {
            let _nobody_counts = self.leaving.write().await;
            self.memtable.forget_sealed(taken);
        }
        .boxed()
    }

    fn unsigned(&self) -> HashMap<Domain, u64> {
        self.memtable.unsigned()
    }

    fn signed(&self, numbers: &HashMap<Domain, u64>) {
        self.memtable.forget_signed(numbers);
    }

    fn put_back(&self, taken: &[(Domain, Arc<Pending>)]) {
        self.memtable.put_back(taken);
    }

    fn trim(&self, rotation: Rotation) -> BoxFuture<'_, Result<()>> {
        self.writer.trim(rotation).boxed()
    }

    fn erase<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>> {
        async move {
            let eraser = self.writer.part_with(domains.clone()).await?;
            // After that: what is durable in closed files is either here or sealed and signed.
            let below = self.memtable.sealed_below(domains);
            off_thread(move || eraser.erase(&below)).await
        }
        .boxed()
    }

    fn set_owners(&self, owners: &[(Domain, AccountId)]) {
        self.memtable.set_owners(owners.iter().copied());
    }

    fn wait_for_room(&self, account: AccountId) -> BoxFuture<'_, ()> {
        self.memtable.wait_for_room(account).boxed()
    }

    fn wait_until_ripe(&self) -> BoxFuture<'_, ()> {
        self.memtable.wait_until_ripe().boxed()
    }

    fn ripe(&self) -> Option<Ripe> {
        self.memtable.ripe()
    }

    fn refusal(&self) -> Option<StoreError> {
        self.writer.refusal()
    }

    fn is_full(&self) -> bool {
        self.writer.is_full()
    }

    fn note_full(&self) {
        self.writer.note_full();
    }

    fn poison(&self, why: String) {
        self.writer.poison(why);
    }

    fn stop(&self) -> BoxFuture<'_, Result<()>> {
        self.writer.stop().boxed()
    }
}
