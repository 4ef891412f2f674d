//! Makes events durable and counts them until they are sealed. It is a trait, so that the engine above depends on
//! neither files nor memory.

mod append;
mod lanes;
mod load;
mod local;
mod memtable;
mod pending;
mod poison;
mod recent;
pub(crate) mod shared;
mod unsigned;

#[cfg(any(test, feature = "conformance"))]
pub(crate) mod conformance;
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "its faults are for the suite and for tests")
)]
pub(crate) mod memory;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use atrail_archive::object::Line;
use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, DayRange, DayTotal, Domain, Elapsed, Hours, Place};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::OwnedRwLockReadGuard;

use crate::log::{LogNumber, NewEvent};
pub use local::{LocalJournal, NewJournal};
use pending::HeldHour;
pub use pending::{GATHER_HOURS, Pending};
pub use recent::{Following, JournalPlace, Recent, RecentFrame};
pub use shared::{
    BatchId, Beyond, LockedLog, LoggedBatch, NewBatch, NewSharedJournal, Registered,
    SealedElsewhere, SharedJournal, SharedLog,
};

/// Keeps events from their acknowledgement until they are sealed.
///
/// A process has one journal, and only one process has it at a time. A caller that seals or deletes a domain's events
/// has claimed the domain: no two calls of [`Self::take`] have the same domain before [`Self::sealed`] or
/// [`Self::put_back`].
///
/// `conformance.rs` tests these promises on every implementation.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Returns the log to which the watermarks of taken events belong. No other journal has the same one at the same
    /// time.
    fn log(&self) -> LogNumber;

    /// Makes a batch durable. When it returns [`Appended::Durable`], the whole batch survives a crash of process and
    /// machine, [`Self::totals`] counts it, and [`Self::take`] will return it. An event that is already unsealed here,
    /// or occurs twice in the batch, is kept once and counted as a duplicate, and its original is durable too. After
    /// [`Appended::LookAgain`] nothing was kept: the domain was sealed after the caller had read its number of seals.
    ///
    /// # Errors
    /// `Full`: no event is kept, and a later try may succeed. `Poisoned`: nothing more is written before the next
    /// start, and only that start finds out whether the batch was kept, all or none. `Closed` after [`Self::stop`].
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<Appended>>;

    /// Returns the events that became durable last. An event is there once it is durable, before its append returns, in the
    /// order of the log, and once; it is there as long as it is unsealed. A journal that continues another one's log has
    /// that one's unsealed events, in their order.
    fn recent(&self) -> &Recent;

    /// Returns how often a domain's events were sealed. What a caller knows of its sealed events is complete only as
    /// long as this number stays the same.
    fn seals_of(&self, domain: Domain) -> u64;

    /// Increases a domain's number of seals, for events that are kept elsewhere until they are sealed.
    fn note_seal(&self, domain: Domain);

    /// When it returns, every event is here, or has left, that was acknowledged before the call.
    ///
    /// # Errors
    /// When storage does not say what was acknowledged.
    fn catch_up(&self) -> BoxFuture<'_, Result<()>>;

    /// Returns the totals of the events that the catalog does not have: of each of these domains those above the number
    /// up to which it is sealed, as the catalog says. So sealed and unsealed events are counted once each, whatever is
    /// sealed meanwhile. There may be several totals of one domain and day. The call visits every unsealed hour of these
    /// domains.
    ///
    /// # Errors
    /// [`Moved`] when the catalog has more of a domain by now than the caller has read.
    fn totals(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>, Moved>;

    /// As [`Self::totals`], but returns the hours, each with the number of its events.
    ///
    /// # Errors
    /// As [`Self::totals`].
    fn hours(
        &self,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<(Place, usize)>, Moved>;

    /// Returns the events of an hour above a number, in the order of their arrival: at most this many, beginning with
    /// this one. An event keeps its number.
    ///
    /// # Errors
    /// As [`Self::totals`].
    fn lines(&self, place: Place, above: u64, from: usize, most: usize)
    -> Result<Vec<Line>, Moved>;

    /// Returns how much is unsealed, and since when.
    fn unsealed(&self) -> Unsealed;

    /// Returns the domains that have unsealed events, events being sealed included.
    fn unsealed_domains(&self) -> HashSet<Domain>;

    /// When it returns, what others have sealed of these domains has left. Whoever seals in a domain that others seal in, too,
    /// calls it once the domain is claimed. (A journal of one machine knows of each seal.)
    ///
    /// # Errors
    /// When storage does not say what is sealed.
    fn look_for_seals<'a>(&'a self, _: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>> {
        ready(Ok(())).boxed()
    }

    /// As long as the guard lives, no event leaves: who reads the catalog meanwhile has read enough for
    /// [`Self::totals`]. Whoever seals commits nevertheless, and then waits with [`Self::sealed`].
    fn keep_counts(&self) -> BoxFuture<'_, CountsKept>;

    /// Returns the gathered events of each domain, without those being sealed.
    fn gathered(&self) -> Vec<Gathered>;

    /// Takes gathered events of these domains for sealing: of each domain its next portion, which holds its oldest
    /// events. They still count, and an event that arrives again is still a duplicate.
    fn take(&self, domains: &HashSet<Domain>) -> Taken;

    /// Forgets taken events that the catalog's transaction has sealed, with its watermarks, once no guard of
    /// [`Self::keep_counts`] lives. When it returns, their room is free, and [`Self::seals_of`] their domains has
    /// increased.
    fn sealed<'a>(&'a self, taken: &'a [(Domain, Arc<Pending>)]) -> BoxFuture<'a, ()>;

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
    /// `Full` where a rotation finds no space; or when storage fails. The caller may try again.
    fn trim(&self, rotation: Rotation) -> BoxFuture<'_, Result<()>>;

    /// Erases what is sealed of these domains: when it returns, storage has no byte of an event of theirs that was sealed and signed
    /// before the call. What is unsealed or unsigned is never touched, and nobody who appends waits for long.
    ///
    /// # Errors
    /// `Full` where there is no space to rewrite the events that must stay; or when storage fails. Some bytes may
    /// remain then. When all unsealed events are sealed first, [`Self::trim`] after [`Rotation::EvenSmall`] erases as
    /// much, and needs no space at all.
    fn erase<'a>(&'a self, domains: &'a HashSet<Domain>) -> BoxFuture<'a, Result<()>>;

    /// Sets the owners of all existing domains. The unsealed events of any other domain count as that domain's own.
    fn set_owners(&self, owners: &[(Domain, AccountId)]);

    /// Waits until less than the limit is unsealed, and less of this account than its share.
    fn wait_for_room(&self, account: AccountId) -> BoxFuture<'_, ()>;

    /// Waits until enough has gathered for sealing.
    fn wait_until_ripe(&self) -> BoxFuture<'_, ()>;

    /// Reports whether enough has gathered for sealing, and of which measure.
    fn ripe(&self) -> Option<Ripe>;

    /// Returns the reason why events are refused now, if they are.
    fn refusal(&self) -> Option<StoreError>;

    /// Reports whether events are refused for lack of space.
    fn is_full(&self) -> bool;

    /// Refuses events until a [`Self::trim`] with [`Rotation::Whole`] finds space: unsealed events must not grow in
    /// number while they cannot be sealed.
    fn note_full(&self);

    /// Refuses events until the next start.
    fn poison(&self, why: String);

    /// Finishes all earlier appends, and refuses everything after as `Closed`.
    fn stop(&self) -> BoxFuture<'_, Result<()>>;
}

/// Events to be made durable.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The account whose events these are: accounts take turns.
    pub account: AccountId,
    /// The domain of the events.
    pub domain: Domain,
    /// The domain's number of seals when the caller looked up sealed duplicates.
    pub seals: u64,
    /// The events.
    pub events: Vec<NewEvent>,
}

/// The result of an append.
#[derive(Debug)]
pub enum Appended {
    /// All events are durable.
    Durable {
        /// The number of those that were durable before.
        duplicates: u64,
    },
    /// Nothing was written: the domain was sealed after the caller had looked up sealed duplicates.
    LookAgain(Vec<NewEvent>),
}

/// Whether a journal begins a new file before it is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The current file stays in use.
    None,
    /// Begin a file of the usual size; this needs its space.
    Whole,
    /// Begin a small file if there is no space for more: the contents of the current file must be erased.
    EvenSmall,
}

/// The reason for sealing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ripe {
    /// Enough bytes have gathered.
    Bytes,
    /// Events of this many hours have gathered, although each hour becomes a small object.
    Hours,
}

/// Events that are durable and not sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unsealed {
    /// Number of events.
    pub events: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
    /// When the first of them arrived, if there is one.
    pub since: Option<Elapsed>,
}

/// The gathered events of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// The domain.
    pub domain: Domain,
    /// When its first event arrived.
    pub since: Elapsed,
    /// The number of hours of each portion that one [`Journal::take`] returns; never empty.
    pub hours: Vec<usize>,
}

/// Events taken for sealing, by domain in ascending order.
pub type Taken = Vec<(Domain, Arc<Pending>)>;

/// See [`Journal::keep_counts`].
#[derive(Debug)]
pub struct CountsKept(
    #[allow(dead_code, reason = "it is held, not read")] pub(crate) OwnedRwLockReadGuard<()>,
);

/// Events up to this number have left the journal, because they are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Their domain.
    pub domain: Domain,
    /// The sequence number of the last.
    pub sealed_to: u64,
}

/// Refuses to count a domain of which more has left than is sealed for the caller.
fn refuse_moved(left: &HashMap<Domain, u64>, domain: Domain, above: u64) -> Result<(), Moved> {
    match left.get(&domain) {
        Some(sealed_to) if *sealed_to > above => Err(Moved {
            domain,
            sealed_to: *sealed_to,
        }),
        _ => Ok(()),
    }
}

/// Returns lines of an hour above a number, whose portions are in the order of their arrival.
fn lines_of<'a>(
    portions: impl Iterator<Item = &'a Pending>,
    place: Place,
    above: u64,
    from: usize,
    most: usize,
) -> Vec<Line> {
    let hours = portions.map(|portion| portion.lines_above(place.day, place.hour, above));
    let mut before = 0;
    let mut found = Vec::new();
    for hour in hours {
        let skipped = from.saturating_sub(before).min(hour.len());
        before += hour.len();
        let lines = &hour[skipped..];
        found.extend(lines.iter().take(most - found.len()).cloned());
        if found.len() == most {
            break;
        }
    }
    found
}

/// Adds up the events of each hour, those of each portion above a number.
fn hours_of<'a>(
    portions: impl Iterator<Item = (Domain, u64, &'a Pending)>,
    days: DayRange,
) -> Vec<(Place, usize)> {
    let mut hours: HashMap<Place, usize> = HashMap::new();
    for (domain, above, portion) in portions {
        for held in portion.within(days, Hours::ALL, above) {
            let (day, hour) = (held.day, held.hour);
            *hours.entry(Place { domain, day, hour }).or_default() += held.lines.len();
        }
    }
    hours.into_iter().collect()
}

/// Adds hours to totals by day, in the order of the iterator.
fn add_totals<'a>(
    found: &mut Vec<(Domain, DayTotal)>,
    domain: Domain,
    of_hours: impl Iterator<Item = HeldHour<'a>>,
) {
    for held in of_hours {
        let (count, size_bytes, day) = (held.lines.len() as u64, held.size_bytes, held.day);
        match found.last_mut() {
            Some((last, total)) if (*last, total.day) == (domain, day) => {
                total.count += count;
                total.size_bytes += size_bytes;
            }
            _ => found.push((
                domain,
                DayTotal {
                    day,
                    count,
                    size_bytes,
                },
            )),
        }
    }
}
