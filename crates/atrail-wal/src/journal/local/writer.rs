//! The one thread that writes the log: it collects queued requests, makes them durable with one fsync, and answers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use atrail_disk::{Result, StoreError};
use atrail_evidence::LeafHash;
use atrail_model::Domain;
use tokio::sync::{mpsc, oneshot};

use crate::counters::LogCounters;
use crate::journal::append::{Append, size_of};
use crate::journal::lanes::Lanes;
use crate::journal::memtable::Memtable;
use crate::journal::poison::Poison;
use crate::journal::{Appended, Batch, Rotation};
use crate::log::{AppendError, Eraser, Frame, Wal, split_into_frames};

/// Requests on their way to the writer, which sorts them by account before each round; further ones wait in their own
/// tasks.
const QUEUE_LEN: usize = 1024;

enum Command {
    Append(Append),
    Trim {
        rotation: Rotation,
        done: oneshot::Sender<Result<()>>,
    },
    PartWith {
        domains: HashSet<Domain>,
        done: oneshot::Sender<Result<Eraser>>,
    },
    Stop {
        done: oneshot::Sender<Result<()>>,
    },
}

/// Sends requests to the writer; clones send to the same one.
#[derive(Debug, Clone)]
pub(super) struct WriterHandle {
    commands: mpsc::Sender<Command>,
    poison: Poison,
    full: Arc<AtomicBool>,
    /// Whether the writer's thread was stopped, and did not panic.
    stopped: Arc<AtomicBool>,
}

impl WriterHandle {
    /// Starts the writer's thread, which ends at [`Self::stop`] or with the last handle. New frames have numbers from
    /// `next_sequence` on. The writer inserts durable events into the memtable before it acknowledges them.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub(super) fn start(
        wal: Box<dyn Wal>,
        memtable: Arc<Memtable>,
        counters: Arc<LogCounters>,
        next_sequence: u64,
    ) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::channel(QUEUE_LEN);
        let handle = WriterHandle {
            commands,
            poison: Poison::default(),
            full: Arc::default(),
            stopped: Arc::default(),
        };
        let state = State {
            wal,
            memtable,
            counters,
            next_sequence,
            poison: handle.poison.clone(),
            full: Arc::clone(&handle.full),
            stopped: Arc::clone(&handle.stopped),
        };
        std::thread::Builder::new()
            .name("wal-writer".to_owned())
            .spawn(move || state.run(queue))?;
        Ok(handle)
    }

    /// Makes those of the events durable that are not durable yet.
    pub(super) async fn append(&self, batch: Batch) -> Result<Appended> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        self.ask(|done| Command::Append(Append { batch, done }))
            .await
    }

    /// Removes log files that hold nothing unsealed.
    pub(super) async fn trim(&self, rotation: Rotation) -> Result<()> {
        self.ask(|done| Command::Trim { rotation, done }).await
    }

    /// Closes the current log file if it may have events of these domains, and removes the files that hold nothing
    /// unsealed. Returns the eraser that removes the events from the other files.
    pub(super) async fn part_with(&self, domains: HashSet<Domain>) -> Result<Eraser> {
        self.ask(|done| Command::PartWith { domains, done }).await
    }

    /// Finishes the queue and ends the writer's thread, which refuses later requests as `Closed`.
    pub(super) async fn stop(&self) -> Result<()> {
        self.ask(|done| Command::Stop { done }).await
    }

    /// Stops all writing until the next start.
    pub(super) fn poison(&self, why: String) {
        self.poison.set(why);
    }

    /// Refuses all writes until a rotation finds space: unsealed events must not grow in number while they cannot be
    /// sealed.
    pub(super) fn note_full(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    /// Reports whether writes are refused for lack of space.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Returns the reason why writes are refused, if they are.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        let full = || {
            let no_space = std::io::Error::from(std::io::ErrorKind::StorageFull);
            self.is_full().then_some(StoreError::Full(no_space))
        };
        self.poison.check().err().or_else(full)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (done, answer) = oneshot::channel();
        self.commands
            .send(command(done))
            .await
            .map_err(|_| self.ended())?;
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Returns the reason why the writer's thread is gone.
    fn ended(&self) -> StoreError {
        if !self.stopped.load(Ordering::Relaxed) {
            self.poison
                .set("the thread that writes the log broke off".to_owned());
        }
        self.poison.check().err().unwrap_or(StoreError::Closed)
    }
}

struct State {
    wal: Box<dyn Wal>,
    memtable: Arc<Memtable>,
    counters: Arc<LogCounters>,
    next_sequence: u64,
    poison: Poison,
    full: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl State {
    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut lanes = Lanes::default();
        let mut stop: Option<oneshot::Sender<Result<()>>> = None;
        loop {
            let next = if lanes.is_empty() {
                match stop.take() {
                    Some(done) => {
                        // Before the queue is dropped, together with the requests in it.
                        self.stopped.store(true, Ordering::Relaxed);
                        let _ = done.send(Ok(()));
                        return;
                    }
                    None => queue.blocking_recv(),
                }
            } else {
                queue.try_recv().ok()
            };
            match next {
                Some(Command::Append(append)) => {
                    lanes.put(append);
                    // All queued requests take part in the next round.
                    continue;
                }
                Some(Command::Trim { rotation, done }) => {
                    // The requester may be gone; the work is done nevertheless.
                    let _ = done.send(self.trim(rotation));
                    continue;
                }
                Some(Command::PartWith { domains, done }) => {
                    let _ = done.send(self.part_with(&domains));
                    continue;
                }
                Some(Command::Stop { done }) => {
                    stop = Some(done);
                    continue;
                }
                None => {}
            }
            if lanes.is_empty() && stop.is_none() {
                // No handle is left.
                return;
            }
            let round = lanes.round();
            if !round.is_empty() {
                self.append_round(round);
            }
        }
    }

    /// Writes these with one fsync.
    fn append_round(&mut self, appends: Vec<Append>) {
        let mut round = Round::default();
        for append in appends {
            self.gather(append, &mut round);
        }
        // A request with only duplicates of this round waits too: they become durable with their originals.
        let outcome = if round.frames.is_empty() {
            Outcome::Durable
        } else {
            self.make_durable(round.frames)
        };
        for (done, duplicates) in round.waiting {
            // The requester may be gone; the events are kept nevertheless.
            let _ = done.send(outcome.to_result(duplicates));
        }
    }

    fn gather(&self, append: Append, round: &mut Round) {
        let Append { batch, done } = append;
        let Batch {
            domain,
            seals,
            mut events,
            account: _,
        } = batch;
        let known = self
            .memtable
            .without_known(domain, seals, &mut events, &mut round.seen);
        let Some(duplicates) = known else {
            // The requester may be gone; then nobody looks again.
            let _ = done.send(Ok(Appended::LookAgain(events)));
            return;
        };
        round.waiting.push((done, duplicates));
        if !events.is_empty() {
            let sequence = self.next_sequence + round.frames.len() as u64;
            round
                .frames
                .extend(split_into_frames(sequence, domain, events));
        }
    }

    fn make_durable(&mut self, frames: Vec<Frame>) -> Outcome {
        if let Err(StoreError::Poisoned(why)) = self.poison.check() {
            return Outcome::Poisoned(why);
        }
        let started = Instant::now();
        let written = self.wal.append(&frames);
        match &written {
            Ok(()) => self.count(&frames, started),
            Err(_) => self.counters.failures.add(1),
        }
        match written {
            Ok(()) => {
                self.next_sequence += frames.len() as u64;
                self.memtable.insert(frames);
                Outcome::Durable
            }
            Err(AppendError::Full(error)) => {
                self.full.store(true, Ordering::Relaxed);
                Outcome::Full(error)
            }
            Err(AppendError::Broken(error)) => {
                let why = format!("writing the log failed: {error}");
                self.poison.set(why.clone());
                Outcome::Poisoned(why)
            }
        }
    }

    fn count(&self, frames: &[Frame], started: Instant) {
        let events = frames.iter().map(|frame| frame.events.len() as u64).sum();
        let bytes = frames
            .iter()
            .map(|frame| size_of(&frame.events) as u64)
            .sum();
        self.counters.syncs.observe_since(started);
        self.counters.frames.add(frames.len() as u64);
        self.counters.events.add(events);
        self.counters.event_bytes.add(bytes);
    }

    fn part_with(&mut self, domains: &HashSet<Domain>) -> Result<Eraser> {
        self.poison.check()?;
        match self.wal.part_with(domains) {
            Ok(eraser) => self.trim(Rotation::None).map(|()| eraser),
            Err(AppendError::Full(error)) => Err(StoreError::Full(error)),
            Err(AppendError::Broken(error)) => {
                let why = format!("beginning a new log file failed: {error}");
                self.poison.set(why.clone());
                Err(StoreError::Poisoned(why))
            }
        }
    }

    fn trim(&mut self, rotation: Rotation) -> Result<()> {
        self.poison.check()?;
        if rotation != Rotation::None {
            let even_small = rotation == Rotation::EvenSmall;
            match self.wal.rotate(even_small) {
                // A small file does not show that there is space for more.
                Ok(()) if even_small => {}
                Ok(()) => self.full.store(false, Ordering::Relaxed),
                Err(AppendError::Full(error)) => return Err(StoreError::Full(error)),
                Err(AppendError::Broken(error)) => {
                    self.poison
                        .set(format!("beginning a new log file failed: {error}"));
                    return self.poison.check();
                }
            }
        }
        let floor = self
            .memtable
            .oldest_sequence()
            .unwrap_or(self.next_sequence);
        self.wal
            .trim(floor)
            .map_err(|source| StoreError::Directory {
                what: "cannot remove a log file that is no longer needed".to_owned(),
                source,
            })
    }
}

/// The frames to write with one fsync.
#[derive(Default)]
struct Round {
    frames: Vec<Frame>,
    /// The waiting requests, each with the number of its events that are durable already or will be with an earlier
    /// request of this round.
    waiting: Vec<(oneshot::Sender<Result<Appended>>, u64)>,
    seen: HashSet<(Domain, LeafHash)>,
}

/// The common outcome of all requests of one fsync.
enum Outcome {
    Durable,
    Full(std::io::Error),
    Poisoned(String),
}

impl Outcome {
    fn to_result(&self, duplicates: u64) -> Result<Appended> {
        match self {
            Self::Durable => Ok(Appended::Durable { duplicates }),
            Self::Full(error) => Err(StoreError::Full(error.kind().into())),
            Self::Poisoned(why) => Err(StoreError::Poisoned(why.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
