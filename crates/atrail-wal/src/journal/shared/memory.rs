//! A shared log in memory, for tests: nodes of one process share it, and it fails on demand.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, ready};
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::body;
use super::log::{BatchId, Beyond, LockedLog, LoggedBatch, NewBatch, Registered, SharedLog};
use crate::journal::memory::Failure;
use crate::log::LogNumber;

/// A shared log in memory. Each clone made by [`Self::node`] belongs to another node.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemorySharedLog {
    kept: Arc<Mutex<Kept>>,
    sequencer: Arc<tokio::sync::Mutex<()>>,
    incarnation: [u8; 16],
}

#[derive(Debug, Default)]
struct Kept {
    batches: Vec<(BatchId, Vec<Domain>, LoggedBatch)>,
    last: u64,
    sealed_to: HashMap<Domain, u64>,
    signed_to: HashMap<Domain, u64>,
    fenced: HashSet<[u8; 16]>,
    failure: Option<Failure>,
    lost: Lost,
    fault: Option<Fault>,
}

/// What becomes of the next calls that append.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nothing is lost.
    #[default]
    Nothing,
    /// So many requests are lost on their way.
    Requests(u32),
    /// So many answers are lost on their way.
    Answers(u32),
}

/// A promise that a faulty log breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Others append between the look at the log and the append.
    NoSequencer,
    /// A batch whose answer was lost is appended again.
    ForgetsIds,
    /// What was sealed since is not looked at.
    IgnoresWatermarks,
}

fn lost() -> StoreError {
    StoreError::Directory {
        what: "the connection broke off".to_owned(),
        source: io::ErrorKind::ConnectionReset.into(),
    }
}

impl MemorySharedLog {
    /// Returns the same log for another node.
    pub(crate) fn node(&self) -> Self {
        static NODES: AtomicU8 = AtomicU8::new(1);
        Self {
            incarnation: [NODES.fetch_add(1, Ordering::Relaxed); 16],
            ..self.clone()
        }
    }

    pub(crate) fn with(fault: Fault) -> Self {
        let log = Self::default();
        log.kept.lock().fault = Some(fault);
        log
    }

    pub(crate) fn lose(&self, lost: Lost) {
        self.kept.lock().lost = lost;
    }

    pub(crate) fn fail(&self, failure: Option<Failure>) {
        self.kept.lock().failure = failure;
    }

    /// As the catalog's transaction of a seal, which compares the watermark. Reports whether it commits.
    pub(crate) fn seal(&self, domain: Domain, after: u64, to: u64) -> bool {
        let mut kept = self.kept.lock();
        let sealed = kept.sealed_to.entry(domain).or_default();
        let is_next = *sealed == after;
        if is_next {
            *sealed = to;
        }
        is_next
    }

    pub(crate) fn set_sealed_to(&self, sealed_to: &HashMap<Domain, u64>) {
        let mut kept = self.kept.lock();
        for (domain, to) in sealed_to {
            let known = kept.sealed_to.entry(*domain).or_default();
            *known = (*known).max(*to);
        }
    }

    /// Reports whether a batch has these bytes.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        let kept = self.kept.lock();
        let frames = kept
            .batches
            .iter()
            .flat_map(|(.., batch)| body::decode(batch.first(), &batch.body).unwrap_or_default());
        let mut events = frames.flat_map(|frame| frame.events);
        events.any(|event| memchr::memmem::find(&event.line, bytes).is_some())
    }

    fn register_now(&self, batch: &NewBatch) -> Result<Registered> {
        let mut kept = self.kept.lock();
        if kept.fenced.contains(&batch.id.incarnation) {
            return Err(StoreError::Poisoned(
                "this node was taken for dead".to_owned(),
            ));
        }
        let failure = kept.failure;
        if failure == Some(Failure::Full) {
            return Err(StoreError::Full(io::ErrorKind::StorageFull.into()));
        }
        if let Lost::Requests(more) = kept.lost {
            kept.lost = more
                .checked_sub(2)
                .map_or(Lost::Nothing, |n| Lost::Requests(n + 1));
            return Err(lost());
        }
        let mut registered = if failure == Some(Failure::Broken { is_kept: false }) {
            Registered::LookAgain
        } else {
            kept.register(batch)
        };
        if failure.is_some() {
            kept.failure = None;
            kept.fenced.insert(batch.id.incarnation);
            return Err(StoreError::Poisoned(
                "this node was taken for dead".to_owned(),
            ));
        }
        if let Lost::Answers(more) = kept.lost {
            kept.lost = more
                .checked_sub(2)
                .map_or(Lost::Nothing, |n| Lost::Answers(n + 1));
            return Err(lost());
        }
        if kept.fault == Some(Fault::ForgetsIds)
            && let Registered::At { is_new, .. } = &mut registered
        {
            *is_new = true;
        }
        Ok(registered)
    }
}

impl Kept {
    fn register(&mut self, batch: &NewBatch) -> Registered {
        let same = self.batches.iter().find(|(id, ..)| *id == batch.id);
        if let Some((.., same)) = same
            && self.fault != Some(Fault::ForgetsIds)
        {
            return Registered::At {
                last: same.last,
                is_new: false,
            };
        }
        if self.fault != Some(Fault::NoSequencer) && self.has_unseen(batch) {
            return Registered::LookAgain;
        }
        self.append(batch)
    }

    fn has_unseen(&self, batch: &NewBatch) -> bool {
        let own = |domain: &Domain| batch.domains.contains(domain);
        let unseen = self.batches.iter().rev();
        let mut unseen = unseen.take_while(|(.., one)| one.last > batch.seen);
        let ignores = self.fault == Some(Fault::IgnoresWatermarks);
        let mut sealed = self.sealed_to.iter();
        unseen.any(|(_, domains, _)| domains.iter().any(own))
            || (!ignores && sealed.any(|(domain, to)| own(domain) && *to > batch.seen))
    }

    fn append(&mut self, batch: &NewBatch) -> Registered {
        self.last += u64::from(batch.frames);
        let logged = LoggedBatch {
            last: self.last,
            frames: batch.frames,
            body: batch.body.clone(),
        };
        self.batches.push((batch.id, batch.domains.clone(), logged));
        Registered::At {
            last: self.last,
            is_new: true,
        }
    }

    fn read(&self, above: u64) -> Beyond {
        let batches = self.batches.iter().map(|(.., batch)| batch);
        let mut batches: Vec<_> = batches
            .filter(|batch| batch.last > above)
            .cloned()
            .collect();
        let to = if batches.len() > 3 {
            // Some at a time, as a real log.
            batches.truncate(3);
            batches[2].last
        } else {
            self.last
        };
        Beyond {
            batches,
            to,
            last: self.last,
        }
    }
}

impl SharedLog for MemorySharedLog {
    fn number(&self) -> LogNumber {
        LogNumber(2)
    }

    fn incarnation(&self) -> [u8; 16] {
        self.incarnation
    }

    fn register<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>> {
        async move {
            // Others take their turn, as over a network.
            tokio::task::yield_now().await;
            let _turn = self.sequencer.lock().await;
            self.register_now(batch)
        }
        .boxed()
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn LockedLog + '_>>> {
        async move {
            let turn = Arc::clone(&self.sequencer).lock_owned().await;
            let locked: Box<dyn LockedLog> = Box::new(Locked {
                log: self,
                _turn: turn,
            });
            Ok(locked)
        }
        .boxed()
    }

    fn read(&self, above: u64) -> BoxFuture<'_, Result<Beyond>> {
        async move {
            tokio::task::yield_now().await;
            Ok(self.kept.lock().read(above))
        }
        .boxed()
    }

    fn last(&self) -> BoxFuture<'_, Result<u64>> {
        ready(Ok(self.kept.lock().last)).boxed()
    }

    fn sealed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        let mut sealed_to = self.kept.lock().sealed_to.clone();
        sealed_to.retain(|domain, _| domains.contains(domain));
        ready(Ok(sealed_to)).boxed()
    }

    fn sealed_above(&self, above: u64) -> BoxFuture<'_, Result<HashMap<Domain, u64>>> {
        let mut sealed_to = self.kept.lock().sealed_to.clone();
        sealed_to.retain(|_, to| *to > above);
        ready(Ok(sealed_to)).boxed()
    }

    fn trim<'a>(&'a self, signed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>> {
        let mut kept = self.kept.lock();
        if kept.failure == Some(Failure::Full) {
            return ready(Err(StoreError::Full(io::ErrorKind::StorageFull.into()))).boxed();
        }
        for (domain, to) in signed_to {
            let known = kept.signed_to.entry(*domain).or_default();
            *known = (*known).max(*to);
        }
        let signed = kept.signed_to.clone();
        kept.batches.retain(|(_, domains, batch)| {
            let is_signed =
                |domain: &Domain| signed.get(domain).is_some_and(|to| *to >= batch.last);
            !domains.iter().all(is_signed)
        });
        ready(Ok(())).boxed()
    }

    fn signed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        let mut signed_to = self.kept.lock().signed_to.clone();
        signed_to.retain(|domain, _| domains.contains(domain));
        ready(Ok(signed_to)).boxed()
    }

    fn holding<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<Vec<LoggedBatch>>> {
        let kept = self.kept.lock();
        let holding = kept.batches.iter();
        let holding = holding.filter(|(_, own, _)| own.iter().any(|one| domains.contains(one)));
        let holding = holding.map(|(.., batch)| batch.clone());
        ready(Ok(holding.collect())).boxed()
    }

    fn replace<'a>(
        &'a self,
        batch: &'a LoggedBatch,
        rest: &'a [Domain],
        body: Bytes,
    ) -> BoxFuture<'a, Result<()>> {
        let mut kept = self.kept.lock();
        let there = kept.batches.iter_mut();
        let mut there = there.filter(|(.., one)| one.last == batch.last && one.body == batch.body);
        if let Some((_, domains, one)) = there.next() {
            *domains = rest.to_vec();
            one.body = body;
        }
        ready(Ok(())).boxed()
    }
}

struct Locked<'a> {
    log: &'a MemorySharedLog,
    _turn: OwnedMutexGuard<()>,
}

impl LockedLog for Locked<'_> {
    fn read(&mut self, above: u64) -> BoxFuture<'_, Result<Beyond>> {
        ready(Ok(self.log.kept.lock().read(above))).boxed()
    }

    fn register<'a>(self: Box<Self>, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>>
    where
        Self: 'a,
    {
        ready(self.log.register_now(batch)).boxed()
    }
}
