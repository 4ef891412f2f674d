//! Where events are durable and counted before they are sealed. Behind a trait, so that the engine above knows neither files nor
//! memory of it.

mod load;
mod local;
mod pending;
mod unsigned;

#[cfg(test)]
mod conformance;
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "its faults are for the suite and for tests")
)]
pub(crate) mod memory;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use atrail_model::{AccountId, Day, DayRange, DayTotal, Domain, Elapsed, Hour, Hours};
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use crate::error::{Result, StoreError};
use crate::object::HourLines;
use crate::wal::{LogNumber, NewEvent};
pub(crate) use local::{LocalJournal, NewJournal};
pub(crate) use pending::{GATHER_HOURS, Pending};

/// Keeps events from their acknowledgement until they are sealed.
///
/// One process has a journal at a time, and one value of it. Who seals or deletes a domain's events has claimed the domain: no two
/// calls of [`Self::take`] have the same one before [`Self::sealed`] or [`Self::put_back`].
///
/// `conformance.rs` tests these promises on every implementation.
pub(crate) trait Journal: fmt::Debug + Send + Sync {
    /// Which log the watermarks of what is taken are of. No other journal has the same one at a time.
    fn log(&self) -> LogNumber;

    /// Makes a batch durable. When it returns [`Appended::Durable`], all of the batch survives a crash of process and machine, is
    /// counted by [`Self::totals`] and will be taken by [`Self::take`]; an event that is unsealed here already, or twice in the
    /// batch, is kept once and counted as a duplicate, and its original is durable too. With [`Appended::LookAgain`] nothing was
    /// kept: the domain was sealed since the caller looked how often it was.
    ///
    /// # Errors
    /// `Full`: none is kept, and a later try may succeed. `Poisoned`: nothing more is written before the next start, and only that
    /// finds out whether the batch was kept, all or none. `Closed` after [`Self::stop`].
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended>>;

    /// How often a domain's events were sealed: what is known of its sealed events is complete only as long as this stays.
    fn seals_of(&self, domain: Domain) -> u64;

    /// Counts up how often a domain was sealed, for events that are kept elsewhere until they are.
    fn note_seal(&self, domain: Domain);

    /// What is unsealed of a domain, or of all domains, also what is being sealed. There may be several totals of one domain and
    /// day. Costs a look at every unsealed hour of these domains.
    fn totals(&self, only: Option<Domain>, days: DayRange, hours: Hours)
    -> Vec<(Domain, DayTotal)>;

    /// How much is unsealed, and since when.
    fn unsealed(&self) -> Unsealed;

    /// The domains that have something unsealed, also what is being sealed.
    fn unsealed_domains(&self) -> HashSet<Domain>;

    /// As long as the guard lives, no event moves from the unsealed to the sealed, and none goes: what is read of both meanwhile
    /// counts each event once. (Where one statement reads both, the guard guards nothing.)
    fn keep_counts(&self) -> BoxFuture<'_, CountsKept>;

    /// As long as the guard lives, nobody counts: the transaction that seals or removes events, and [`Self::sealed`], are one step.
    fn change_counts(&self) -> BoxFuture<'_, CountsChange>;

    /// What has gathered of each domain, but for what is being sealed.
    fn gathered(&self) -> Vec<Gathered>;

    /// Takes what these domains have gathered to be sealed: of each what is sealed at one go next, which are the oldest of its
    /// events. It is counted, and what comes again is a duplicate, as before.
    fn take(&self, domains: &HashSet<Domain>) -> Taken;

    /// Forgets what was taken: the catalog's transaction has sealed it, with its watermarks. From here on it makes room, and
    /// [`Self::seals_of`] its domains has counted up.
    fn sealed(&self, taken: &[(Domain, Arc<Pending>)]);

    /// The domains of which something is sealed, and not [`Self::signed`]; each with a number that grows with each of its seals.
    fn unsigned(&self) -> HashMap<Domain, u64>;

    /// Signatures cover all that was sealed of these domains when they had these numbers. Until then storage keeps it: a catalog that
    /// is older than the seal, and is put back, is not known for that, and needs it.
    fn signed(&self, numbers: &HashMap<Domain, u64>);

    /// Has what was taken, and could not be sealed, gather again: it is the next to be taken of its domains.
    fn put_back(&self, taken: &[(Domain, Arc<Pending>)]);

    /// Lets go of storage that holds only what is sealed and signed. What is unsealed or unsigned is never touched.
    ///
    /// # Errors
    /// `Full` where a rotation finds no space; or when storage refuses. It may be tried again.
    fn trim(&self, rotation: Rotation) -> BoxFuture<'_, Result<()>>;

    /// Erases what is sealed of these domains: when it returns, storage has no byte of an event of theirs that was sealed and signed
    /// before the call. What is unsealed or unsigned is never touched, and nobody who appends waits for long.
    ///
    /// # Errors
    /// `Full` where there is no space to write anew what has to stay; or when storage refuses. Some may be left then. When all that is
    /// unsealed is sealed first, [`Self::trim`] after [`Rotation::EvenSmall`] erases as much, with no space at all.
    fn erase<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>>;

    /// Whose domains these are, of all that there are. What is unsealed of others is each domain's own.
    fn set_owners(&self, owners: &[(Domain, AccountId)]);

    /// Waits until less is unsealed than may be, and less of this account than its part of that.
    fn wait_for_room(&self, account: AccountId) -> BoxFuture<'_, ()>;

    /// Waits until enough has gathered to be sealed at once.
    fn wait_until_ripe(&self) -> BoxFuture<'_, ()>;

    /// Whether enough has gathered to be sealed at once, and of what.
    fn ripe(&self) -> Option<Ripe>;

    /// Why nothing is kept now, if so.
    fn refusal(&self) -> Option<StoreError>;

    /// Whether events are refused for want of space.
    fn is_full(&self) -> bool;

    /// Refuses events until a [`Self::trim`] with [`Rotation::Whole`] finds space: what is unsealed must not grow while it cannot be
    /// sealed.
    fn note_full(&self);

    /// Refuses events until the next start.
    fn poison(&self, why: String);

    /// Ends what was appended before, and refuses everything after as `Closed`.
    fn stop(&self) -> BoxFuture<'_, Result<()>>;
}

/// Events to be made durable.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Whose they are: accounts take turns.
    pub(crate) account: AccountId,
    pub(crate) domain: Domain,
    /// How often the domain was sealed when the caller looked for sealed duplicates.
    pub(crate) seals: u64,
    pub(crate) events: Vec<NewEvent>,
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Appended {
    /// All events are durable; so many of them were so before.
    Durable { duplicates: u64 },
    /// Nothing was written: the domain was sealed since the caller looked for sealed duplicates.
    LookAgain(Vec<NewEvent>),
}

/// Whether a journal goes on in a new file before it is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// What is in the current file stays.
    None,
    /// In a file of the usual size: there has to be space for it.
    Whole,
    /// In a small one if need be: what is in the current file has to go.
    EvenSmall,
}

/// Why it is time to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ripe {
    /// Enough bytes have gathered.
    Bytes,
    /// Events of so many hours have gathered that each becomes a small object.
    Hours,
}

/// Events that are durable and not sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsealed {
    /// Number of events.
    pub events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// When the first of them came, if there is one.
    pub since: Option<Elapsed>,
}

/// What a domain has gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gathered {
    pub(crate) domain: Domain,
    /// When the first of it came.
    pub(crate) since: Elapsed,
    /// Of each [`Journal::take`] that it takes, how many hours it has; never empty.
    pub(crate) hours: Vec<usize>,
}

/// What was taken to be sealed, by domain in ascending order.
pub(crate) type Taken = Vec<(Domain, Arc<Pending>)>;

/// See [`Journal::keep_counts`].
#[derive(Debug)]
pub(crate) struct CountsKept(
    #[allow(dead_code, reason = "it is held, not read")] pub(crate) OwnedRwLockReadGuard<()>,
);

/// See [`Journal::change_counts`].
#[derive(Debug)]
pub(crate) struct CountsChange(
    #[allow(dead_code, reason = "it is held, not read")] pub(crate) OwnedRwLockWriteGuard<()>,
);

/// Adds up hours to totals by day, each as it comes.
fn add_totals<'a>(
    found: &mut Vec<(Domain, DayTotal)>,
    domain: Domain,
    of_hours: impl Iterator<Item = (&'a (Day, Hour), &'a HourLines)>,
) {
    for ((day, _), held) in of_hours {
        let (count, size_bytes) = (held.lines.len() as u64, held.size_bytes);
        match found.last_mut() {
            Some((last, total)) if (*last, total.day) == (domain, *day) => {
                total.count += count;
                total.size_bytes += size_bytes;
            }
            _ => found.push((
                domain,
                DayTotal {
                    day: *day,
                    count,
                    size_bytes,
                },
            )),
        }
    }
}
