//! The one task of a node that appends to the shared log: it collects queued requests, registers them as one batch, and
//! answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use atrail_disk::{Result, StoreError, chain};
use tokio::sync::{mpsc, oneshot};

use super::body;
use super::log::{BatchId, NewBatch, Registered};
use super::state::State;
use crate::journal::Appended;
use crate::journal::append::{Append, size_of};
use crate::journal::lanes::Lanes;
use crate::log::{Frame, split_into_frames};

/// Requests on their way to the writer; further ones wait in their own tasks.
pub(super) const QUEUE_LEN: usize = 1024;
/// How long the writer waits before it asks again what became of a batch, at first and at most.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

pub(super) enum Command {
    Append(Append),
    Stop { done: oneshot::Sender<Result<()>> },
}

pub(super) struct Writer {
    state: Arc<State>,
    /// The number of the last batch of this node.
    number: u64,
    /// Whether others appended between the last two batches of this node: then the first try without the lock mostly fails,
    /// and has sent its bytes in vain.
    is_crowded: bool,
}

/// What the waiting requests add to the log.
#[derive(Default)]
struct Round {
    /// Numbered within the batch.
    frames: Vec<Frame>,
    /// Of each request the number of its events that are durable already, or will be with an earlier request.
    duplicates: Vec<u64>,
}

impl Writer {
    pub(super) const fn new(state: Arc<State>) -> Self {
        Self {
            state,
            number: 0,
            is_crowded: false,
        }
    }

    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut lanes = Lanes::default();
        let mut stop: Option<oneshot::Sender<Result<()>>> = None;
        loop {
            let next = if lanes.is_empty() {
                match stop.take() {
                    Some(done) => {
                        // Before the queue is dropped, together with the requests in it.
                        self.state.is_stopped.store(true, Ordering::Release);
                        let _ = done.send(Ok(()));
                        return;
                    }
                    None => queue.recv().await,
                }
            } else {
                queue.try_recv().ok()
            };
            match next {
                Some(Command::Append(append)) => {
                    lanes.put(append);
                    continue;
                }
                Some(Command::Stop { done }) => {
                    stop = Some(done);
                    continue;
                }
                None if lanes.is_empty() && stop.is_none() => return,
                None => {}
            }
            let round = lanes.round();
            if !round.is_empty() {
                self.append_round(round).await;
            }
        }
    }

    async fn append_round(&mut self, appends: Vec<Append>) {
        self.number += 1;
        let id = BatchId {
            incarnation: self.state.log.incarnation(),
            number: self.number,
        };
        let mut left = appends;
        let mut wait = ASK_AGAIN.0;
        let mut has_looked = self.is_crowded;
        loop {
            match self.try_round(id, &mut left, has_looked).await {
                Ok(Tried::Done) => return,
                Ok(Tried::LookAgain) => {
                    self.is_crowded = true;
                    has_looked = true;
                }
                Err(error) => {
                    self.state.counters.failures.add(1);
                    let outcome = match error {
                        StoreError::Full(error) => {
                            self.state.is_full.store(true, Ordering::Relaxed);
                            Outcome::Full(error)
                        }
                        StoreError::Poisoned(why) => {
                            self.state.poison.set(why.clone());
                            Outcome::Poisoned(why)
                        }
                        // Nothing was appended: the log could not be read.
                        away => {
                            tracing::warn!(
                                error = chain(&away),
                                "the log that the servers share cannot be read"
                            );
                            tokio::time::sleep(wait).await;
                            wait = (wait * 2).min(ASK_AGAIN.1);
                            has_looked = false;
                            continue;
                        }
                    };
                    for append in left {
                        // The requester may be gone.
                        let _ = append.done.send(Err(outcome.error()));
                    }
                    return;
                }
            }
        }
    }

    /// Registers what is new of these requests, and answers them. Those that must look again are answered first, and leave
    /// the list.
    async fn try_round(
        &mut self,
        id: BatchId,
        left: &mut Vec<Append>,
        is_locked: bool,
    ) -> Result<Tried> {
        let shared = Arc::clone(&self.state);
        let state = &*shared;
        state.poison.check()?;
        let locked = if is_locked {
            let before = state.applied();
            state.catch_up().await?;
            let mut locked = state.log.lock().await?;
            let above = state.applied();
            let beyond = locked.read(above).await?;
            self.is_crowded = beyond.last > before;
            state.apply_read(above, beyond).await?;
            Some(locked)
        } else {
            None
        };
        // Before the look: whatever is applied later counts as unseen.
        let seen = state.applied();
        let Round { frames, duplicates } = self.gather(left);
        if !frames.is_empty() {
            let started = Instant::now();
            let batch = new_batch(id, seen, &frames);
            let first = match locked {
                Some(locked) => locked.register(&batch).await,
                None => state.log.register(&batch).await,
            };
            match self.outcome(&batch, first).await? {
                Registered::LookAgain => {
                    state.catch_up().await?;
                    return Ok(Tried::LookAgain);
                }
                Registered::At { last, is_new: true } => {
                    self.count(&frames, started);
                    let applied = state.apply_own(last, frames).await;
                    self.until_applied(last, applied).await;
                }
                // Perhaps with the events of an earlier try.
                Registered::At { last, .. } => {
                    let applied = state.apply_to(last).await;
                    self.until_applied(last, applied).await;
                }
            }
        }
        for (append, duplicates) in left.drain(..).zip(duplicates) {
            // The requester may be gone; the events are kept nevertheless.
            let _ = append.done.send(Ok(Appended::Durable { duplicates }));
        }
        Ok(Tried::Done)
    }

    /// Returns what became of a batch: while the log does not say, the same batch is tried again.
    async fn outcome(&self, batch: &NewBatch, first: Result<Registered>) -> Result<Registered> {
        let mut outcome = first;
        let mut wait = ASK_AGAIN.0;
        loop {
            match outcome {
                Err(error) if !matches!(error, StoreError::Full(_) | StoreError::Poisoned(_)) => {
                    self.state.counters.failures.add(1);
                    tracing::warn!(
                        error = chain(&error),
                        "it is unknown whether a batch is in the log that the servers share: asking again"
                    );
                }
                known => return known,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(ASK_AGAIN.1);
            self.state.poison.check()?;
            outcome = self.state.log.register(batch).await;
        }
    }

    /// Waits until a registered batch is applied here: its events are durable, and are counted from then on.
    async fn until_applied(&self, last: u64, mut applied: Result<()>) {
        while let Err(error) = applied {
            tracing::warn!(
                error = chain(&error),
                "the log that the servers share cannot be read"
            );
            tokio::time::sleep(ASK_AGAIN.1).await;
            applied = self.state.apply_to(last).await;
        }
    }

    fn gather(&self, left: &mut Vec<Append>) -> Round {
        let mut round = Round::default();
        let mut seen = HashSet::new();
        for append in std::mem::take(left) {
            // Another try begins with all of them.
            let mut events = append.batch.events.clone();
            let (domain, seals) = (append.batch.domain, append.batch.seals);
            let known = self
                .state
                .memtable
                .without_known(domain, seals, &mut events, &mut seen);
            let Some(duplicates) = known else {
                let events = append.batch.events;
                let _ = append.done.send(Ok(Appended::LookAgain(events)));
                continue;
            };
            if !events.is_empty() {
                let next = round.frames.len() as u64;
                round.frames.extend(split_into_frames(next, domain, events));
            }
            round.duplicates.push(duplicates);
            left.push(append);
        }
        round
    }

    fn count(&self, frames: &[Frame], started: Instant) {
        let counters = &self.state.counters;
        let events = frames.iter().map(|frame| frame.events.len() as u64);
        let bytes = frames.iter().map(|frame| size_of(&frame.events) as u64);
        counters.syncs.observe_since(started);
        counters.frames.add(frames.len() as u64);
        counters.events.add(events.sum());
        counters.event_bytes.add(bytes.sum());
    }
}

fn new_batch(id: BatchId, seen: u64, frames: &[Frame]) -> NewBatch {
    let mut domains: Vec<_> = frames.iter().map(|frame| frame.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    NewBatch {
        id,
        frames: u32::try_from(frames.len()).unwrap_or(u32::MAX),
        seen,
        domains,
        body: body::encode(frames),
    }
}

enum Tried {
    Done,
    LookAgain,
}

enum Outcome {
    Full(std::io::Error),
    Poisoned(String),
}

impl Outcome {
    fn error(&self) -> StoreError {
        match self {
            Self::Full(error) => StoreError::Full(error.kind().into()),
            Self::Poisoned(why) => StoreError::Poisoned(why.clone()),
        }
    }
}
