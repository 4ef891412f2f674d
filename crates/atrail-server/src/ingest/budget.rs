//! The memory that all requests together may hold, and the part of it that one sender may hold.
//!
//! The part of a user, a space, an account or an address follows from the free memory: the more of them hold much, the
//! smaller each part, and some memory stays free for newcomers (`docs/decisions/0016-no-tenant-stops-another.md`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_model::limits::EVENT_MAX_BYTES;
use atrail_model::{AccountId, Domain, UserId};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::error::ApiError;
use crate::metrics::{Metrics, Refusal};

/// The budget counts bytes in units of this size.
const UNIT_BYTES: usize = 4096;
/// How long a request that holds no memory waits for some.
const PATIENCE: Duration = Duration::from_secs(10);
/// When nobody returns memory, a request waits no longer than this: the server is then not working on the others, but
/// clients hold their memory.
const STANDSTILL: Duration = Duration::from_millis(250);
/// Time between two attempts of a waiting request.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many times its part a sender may hold while the server works for it. Something stays free even then: a third of
/// the whole beside a user or a space, a fifth beside an account.
const WORK_FACTOR: usize = 4;

/// The memory for requests with events.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    units: usize,
    held: Mutex<Held>,
    metrics: Option<Arc<Metrics>>,
}

#[derive(Debug, Default)]
struct Held {
    units: usize,
    by: HashMap<Holder, Holding>,
    /// When a holder last returned memory.
    gave_back: Option<Instant>,
}

/// The memory of one holder.
#[derive(Debug, Default, Clone, Copy)]
struct Holding {
    /// All units of the holder.
    units: usize,
    /// The units that count against the holder's part, because the client decides how long they stay: it sends slowly,
    /// or reads slowly.
    kept_units: usize,
    /// When the holder last returned memory.
    gave_back: Option<Instant>,
}

/// A holder of memory. The memory of a request counts for each of its holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    User(UserId),
    Domain(Domain),
    Account(AccountId),
    Address(IpAddr),
}

impl Holder {
    /// Returns the holder's part when `free` units are free, without the holder's own. A user or a space may hold half
    /// as much, which is a third of the whole when nobody else holds anything. An account may hold as much, half of the
    /// whole. An address may hold three times as much, because many clients may share it.
    const fn part_of(self, free: usize) -> usize {
        match self {
            Self::User(_) | Self::Domain(_) => free / 2,
            Self::Account(_) => free,
            Self::Address(_) => free.saturating_mul(3),
        }
    }
}

/// The sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    /// The logged-in user.
    pub(crate) user: UserId,
    /// The domain that receives the events.
    pub(crate) domain: Domain,
    /// The account of the domain.
    pub(crate) account: AccountId,
    /// The network that the request came from.
    pub(crate) network: IpAddr,
    /// Whether the sender has shown a secret. The memory of one who has not counts for the network alone: whoever knows a
    /// name must not use up the part of its owner.
    pub(crate) is_proven: bool,
}

impl Sender {
    fn holders(self) -> Vec<Holder> {
        let network = Holder::Address(self.network);
        if !self.is_proven {
            return vec![network];
        }
        let (user, domain) = (Holder::User(self.user), Holder::Domain(self.domain));
        vec![user, domain, Holder::Account(self.account), network]
    }

    /// Returns the same sender, before its signature is checked.
    pub(crate) const fn unproven(self) -> Self {
        Self {
            is_proven: false,
            ..self
        }
    }
}

/// Why the budget refuses memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// All memory is in use.
    All,
    /// The sender holds its part.
    Sender,
    /// The request alone would exceed a sender's part, even if nobody else held anything.
    Request,
}

impl Budget {
    /// Creates a budget of this many bytes, which counts its refusals in `metrics`.
    pub(crate) fn new(size_bytes: usize, metrics: impl Into<Option<Arc<Metrics>>>) -> Self {
        Self(Arc::new(Inner {
            units: size_bytes / UNIT_BYTES,
            held: Mutex::default(),
            metrics: metrics.into(),
        }))
    }

    fn refused(&self, shortage: Shortage) -> Shortage {
        if let Some(metrics) = &self.0.metrics {
            metrics.refused(match shortage {
                Shortage::All => Refusal::Memory,
                Shortage::Sender | Shortage::Request => Refusal::MemoryOfSender,
            });
        }
        shortage
    }

    /// Returns an empty share for a request of this sender.
    pub(crate) fn share_of(&self, sender: Sender) -> Share {
        Share {
            budget: self.clone(),
            sender: Some(sender),
            units: 0,
            kept_units: 0,
        }
    }

    /// Returns an empty share without a sender.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            sender: None,
            units: 0,
            kept_units: 0,
        }
    }

    /// Returns the most that one request may hold when nobody else holds anything.
    fn most_of_request(&self, purpose: Use) -> usize {
        let (units, floor) = (self.0.units, floor().min(self.0.units));
        match purpose {
            Use::Kept => (units / 3).max(floor),
            // The largest amount that is at most `WORK_FACTOR` times half of the rest.
            Use::Work => (units * WORK_FACTOR / (WORK_FACTOR + 2)).max(floor),
        }
    }
}

impl Held {
    fn of(&self, holder: Holder) -> Holding {
        self.by.get(&holder).copied().unwrap_or_default()
    }
}

/// The purpose of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Bytes that stay for as long as the client chooses.
    Kept,
    /// Bytes that stay for as long as the server works.
    Work,
}

impl Use {
    /// Returns the units that a share holds for this purpose.
    const fn of(self, share: &Share) -> usize {
        match self {
            Self::Kept => share.kept_units,
            Self::Work => share.units,
        }
    }
}

/// Returns the size of one event, which every sender may hold, however small the budget is.
const fn floor() -> usize {
    EVENT_MAX_BYTES.div_ceil(UNIT_BYTES)
}

/// The memory of one request; dropping the share returns it.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    sender: Option<Sender>,
    units: usize,
    /// The units that count against the sender's part.
    kept_units: usize,
}

impl Share {
    /// Waits until the sender may hold this much, or the most that a request may hold. The share holds nothing while it
    /// waits, so that requests do not wait for each other's memory for ever.
    pub(crate) async fn begin(&mut self, size_bytes: usize) -> Result<(), Shortage> {
        self.begin_within(size_bytes, PATIENCE).await
    }

    async fn begin_within(
        &mut self,
        size_bytes: usize,
        patience: Duration,
    ) -> Result<(), Shortage> {
        let wanted = size_bytes.min(self.budget.most_of_request(Use::Kept) * UNIT_BYTES);
        let began = Instant::now();
        loop {
            match self.grow(wanted, Use::Kept) {
                Err(shortage @ (Shortage::All | Shortage::Sender))
                    if began.elapsed() < patience && self.moves_since(began, shortage) =>
                {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                covered => return covered.map_err(|shortage| self.budget.refused(shortage)),
            }
        }
    }

    /// Returns whether the holders of the missing memory are returning some, or whether it is too early to judge. When
    /// all memory is in use, every holder counts; otherwise only the sender's other requests.
    fn moves_since(&self, began: Instant, shortage: Shortage) -> bool {
        if began.elapsed() < STANDSTILL {
            return true;
        }
        let is_recent = |moment: Instant| moment.elapsed() < STANDSTILL;
        let held = self.budget.0.held.lock();
        if shortage == Shortage::All {
            return held.gave_back.is_some_and(is_recent);
        }
        let holders = self.sender.map(Sender::holders);
        let mut holdings = holders.iter().flatten().map(|holder| held.of(*holder));
        holdings.any(|holding| holding.gave_back.is_some_and(is_recent))
    }

    /// Grows the share to at least this size, within the sender's part: for bytes that a client may make the server
    /// hold for as long as it likes. Never waits.
    pub(crate) fn cover(&mut self, size_bytes: usize) -> Result<(), Shortage> {
        let grown = self.grow(size_bytes, Use::Kept);
        grown.map_err(|shortage| self.budget.refused(shortage))
    }

    /// Grows the share within a multiple of the sender's part: for memory that the server needs only while it works.
    pub(crate) fn cover_work(&mut self, size_bytes: usize) -> Result<(), Shortage> {
        let grown = self.grow(size_bytes, Use::Work);
        grown.map_err(|shortage| self.budget.refused(shortage))
    }

    /// Checks and reserves under one lock: of two requests that fit only alone, one is refused.
    fn grow(&mut self, size_bytes: usize, purpose: Use) -> Result<(), Shortage> {
        let whole = size_bytes.div_ceil(UNIT_BYTES);
        let missing = whole.saturating_sub(self.units);
        let missing_kept = match purpose {
            Use::Kept => whole.saturating_sub(self.kept_units),
            Use::Work => 0,
        };
        if missing == 0 && missing_kept == 0 {
            return Ok(());
        }
        let Inner { units, held, .. } = &*self.budget.0;
        if self.sender.is_some() && whole > self.budget.most_of_request(purpose) {
            return Err(Shortage::Request);
        }
        let mut held = held.lock();
        let after = held.units + missing;
        let free = units.checked_sub(after).ok_or(Shortage::All)?;
        let holders = self.sender.map(Sender::holders);
        let mut shortage = None;
        for holder in holders.iter().flatten() {
            let part = holder.part_of(free).max(floor());
            let holding = held.of(*holder);
            let (before, missing, most) = match purpose {
                Use::Kept => (holding.kept_units, missing_kept, part),
                Use::Work => (holding.units, missing, part.saturating_mul(WORK_FACTOR)),
            };
            if before + missing > most {
                // A sender that holds nothing else is not the cause: others leave too little.
                if before > purpose.of(self) {
                    return Err(Shortage::Sender);
                }
                shortage = Some(Shortage::All);
            }
        }
        if let Some(shortage) = shortage {
            return Err(shortage);
        }
        held.units = after;
        for holder in holders.iter().flatten() {
            let holding = held.by.entry(*holder).or_default();
            holding.units += missing;
            holding.kept_units += missing_kept;
        }
        self.units += missing;
        self.kept_units += missing_kept;
        Ok(())
    }

    /// Returns the memory beyond this size.
    pub(crate) fn shrink_to(&mut self, size_bytes: usize) {
        let size = size_bytes.div_ceil(UNIT_BYTES);
        let spare = self.units.saturating_sub(size);
        let spare_kept = self.kept_units.saturating_sub(size);
        if spare == 0 {
            return;
        }
        let mut held = self.budget.0.held.lock();
        held.units -= spare;
        let now = Instant::now();
        held.gave_back = Some(now);
        for holder in self.sender.into_iter().flat_map(Sender::holders) {
            let Some(holding) = held.by.get_mut(&holder) else {
                continue;
            };
            holding.units -= spare;
            holding.kept_units -= spare_kept;
            holding.gave_back = Some(now);
            if holding.units == 0 {
                held.by.remove(&holder);
            }
        }
        self.units -= spare;
        self.kept_units -= spare_kept;
    }

    /// Returns the bytes together with the share that covers them. The memory is returned once the last byte is sent,
    /// however slowly the client reads.
    pub(crate) fn hold(mut self, bytes: Vec<u8>) -> Bytes {
        self.shrink_to(bytes.capacity());
        self.hold_all(bytes.into())
    }

    /// Does the same for bytes that may exceed the share: a request holds no more than its part, even when its answer
    /// is larger.
    pub(crate) fn hold_all(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(HeldBytes {
            bytes,
            _share: self,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

impl From<Shortage> for ApiError {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::All => Self::unavailable(
                "the server is processing too many events: try again in a moment",
            ),
            Shortage::Sender => Self::new(
                ErrorCode::TooMany,
                "the server is processing as many of your events as one sender may send at once: wait for answers, then try again",
            )
            .retry_after(1),
            Shortage::Request => Self::new(
                ErrorCode::TooLarge,
                "the request needs more memory than this server has for one sender: send several smaller ones",
            ),
        }
    }
}

/// Bytes together with their share.
struct HeldBytes {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
