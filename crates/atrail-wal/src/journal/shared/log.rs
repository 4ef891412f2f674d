//! The log that the nodes of a cluster share.

use std::collections::{HashMap, HashSet};
use std::fmt;

use atrail_disk::Result;
use atrail_model::Domain;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::log::LogNumber;

/// Keeps the unsealed batches of all nodes in one order without gaps: a batch is visible only after each batch before it.
/// Durable like the catalog, whose watermarks it reads.
///
/// A call that fails otherwise than with `Full` or `Poisoned` may have taken effect, and may still take effect later.
pub trait SharedLog: fmt::Debug + Send + Sync {
    /// Returns the log's number in the catalog.
    fn number(&self) -> LogNumber;

    /// Returns the name of this node from its start to its end, which begins the ids of its batches.
    fn incarnation(&self) -> [u8; 16];

    /// Appends a batch, unless one with this id is there: then it returns that one's place. It looks for the id, for
    /// batches that the node has not seen, and for watermarks, while no other batch can be appended.
    ///
    /// # Errors
    /// `Full` when nothing was appended for lack of space. `Poisoned` when this node may append nothing more: another one
    /// took it for dead.
    fn register<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>>;

    /// Keeps other batches from being appended as long as the value lives, or for about a second.
    ///
    /// # Errors
    /// As [`Self::register`].
    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn LockedLog + '_>>>;

    /// Returns batches above a number, in their order: all, or some of the first.
    fn read(&self, above: u64) -> BoxFuture<'_, Result<Beyond>>;

    /// Returns the highest number of all.
    fn last(&self) -> BoxFuture<'_, Result<u64>>;

    /// Returns the number up to which the catalog has each of these domains; those without one are missing.
    fn sealed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>>;

    /// Returns the same of all domains that are sealed above a number.
    fn sealed_above(&self, above: u64) -> BoxFuture<'_, Result<HashMap<Domain, u64>>>;

    /// Records that signatures cover these domains up to these numbers, and deletes the batches of which everything is
    /// signed.
    ///
    /// # Errors
    /// `Full` when there is no space for new batches either.
    fn trim<'a>(&'a self, signed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>>;

    /// Returns the number up to which signatures cover each of these domains; those without one are missing.
    fn signed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>>;

    /// Returns the batches that have events of one of these domains.
    fn holding<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<Vec<LoggedBatch>>>;

    /// Replaces a batch, of which some was erased, if it is still as it was read.
    fn replace<'a>(
        &'a self,
        batch: &'a LoggedBatch,
        rest: &'a [Domain],
        body: Bytes,
    ) -> BoxFuture<'a, Result<()>>;
}

/// A log to which nobody else appends. Dropping it ends that.
pub trait LockedLog: Send {
    /// As [`SharedLog::read`].
    fn read(&mut self, above: u64) -> BoxFuture<'_, Result<Beyond>>;

    /// As [`SharedLog::register`].
    fn register<'a>(self: Box<Self>, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>>
    where
        Self: 'a;
}

/// The name of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchId {
    /// The node that made it.
    pub incarnation: [u8; 16],
    /// Its number among the node's.
    pub number: u64,
}

/// A batch to be appended.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Its name: the same however often it is tried.
    pub id: BatchId,
    /// How many numbers of the log it takes, one for each frame.
    pub frames: u32,
    /// Up to which number the node knows everything of these domains.
    pub seen: u64,
    /// The domains that have events in it.
    pub domains: Vec<Domain>,
    /// Its frames.
    pub body: Bytes,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is in the log.
    At {
        /// The number of its last frame.
        last: u64,
        /// Whether this call appended it, and no earlier one with the same id.
        is_new: bool,
    },
    /// It is not in the log: others have appended or sealed something of its domains that the node has not seen.
    LookAgain,
}

/// A batch of the log.
#[derive(Debug, Clone)]
pub struct LoggedBatch {
    /// The number of its last frame.
    pub last: u64,
    /// How many numbers it has.
    pub frames: u32,
    /// Its frames.
    pub body: Bytes,
}

/// What comes after a number.
#[derive(Debug, Clone, Default)]
pub struct Beyond {
    /// Batches in their order.
    pub batches: Vec<LoggedBatch>,
    /// Up to this number there are no others.
    pub to: u64,
    /// The highest number of all.
    pub last: u64,
}

impl LoggedBatch {
    /// Returns the number of its first frame.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.last + 1 - self.frames as u64
    }
}

impl Beyond {
    /// Reports whether batches above a number are gone, because they are sealed.
    #[must_use]
    pub fn has_gaps(&self, above: u64) -> bool {
        let numbers = self.batches.iter().map(|batch| u64::from(batch.frames));
        numbers.sum::<u64>() < self.to.saturating_sub(above)
    }
}

/// What a node has to do when events leave its journal that another one sealed.
pub trait SealedElsewhere: fmt::Debug + Send + Sync {
    /// Learns the events of these domains up to these numbers: when it returns, the node recognizes each that arrives
    /// again.
    fn learn<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>>;
}
