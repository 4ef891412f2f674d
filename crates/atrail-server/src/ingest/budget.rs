//! The bytes that all requests together may hold in memory, and the part of them that one sender may.
//!
//! How much a user, a space, an account or an address may hold follows from how much is free: the more of them hold much,
//! the less each may, and something is left for whoever comes next
//! (`docs/decisions/0016-no-tenant-stops-another.md`).

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

/// Bytes are counted in pieces of this size.
const UNIT_BYTES: usize = 4096;
/// How long a request waits for its part of the memory, while it holds none.
const PATIENCE: Duration = Duration::from_secs(10);
/// It waits no longer than this when nothing is given back meanwhile: then the others are not being worked on, but held.
const STANDSTILL: Duration = Duration::from_millis(250);
/// Time between two looks of a request that waits.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many times its part a sender may hold while the server is at work for it. Even so it leaves something: a user or a
/// space a third of all, an account a fifth.
const WORK_FACTOR: usize = 4;

/// How much is left for requests with events.
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
    /// When anybody last gave something back.
    gave_back: Option<Instant>,
}

/// What somebody holds.
#[derive(Debug, Default, Clone, Copy)]
struct Holding {
    /// All of it.
    units: usize,
    /// What of it counts within the part, because the client decides how long it is held: it sends slowly, or reads slowly.
    kept_units: usize,
    /// When some of it was last given back.
    gave_back: Option<Instant>,
}

/// Whose memory it is. What one request holds counts for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    User(UserId),
    Domain(Domain),
    Account(AccountId),
    Address(IpAddr),
}

impl Holder {
    /// What it may hold of so much that is free, itself not counted: a user or a space half as much, which is a third of
    /// all when nobody else holds anything; an account as much, half of all; an address, behind which there may be many,
    /// three times as much.
    const fn part_of(self, free: usize) -> usize {
        match self {
            Self::User(_) | Self::Domain(_) => free / 2,
            Self::Account(_) => free,
            Self::Address(_) => free.saturating_mul(3),
        }
    }
}

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    /// Who is logged in.
    pub(crate) user: UserId,
    /// Where the events go.
    pub(crate) domain: Domain,
    /// Whose that is.
    pub(crate) account: AccountId,
    /// The network that the request came from.
    pub(crate) network: IpAddr,
}

impl Sender {
    const fn holders(self) -> [Holder; 4] {
        [
            Holder::User(self.user),
            Holder::Domain(self.domain),
            Holder::Account(self.account),
            Holder::Address(self.network),
        ]
    }
}

/// Why there is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// All of it is taken.
    All,
    /// The sender holds its part.
    Sender,
    /// One request would take more than a sender's part, even if nobody else held anything.
    Request,
}

impl Budget {
    /// A budget of this many bytes, whose refusals are counted here.
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

    /// A share of nothing yet, for what this sender asks for.
    pub(crate) fn share_of(&self, sender: Sender) -> Share {
        Share {
            budget: self.clone(),
            sender: Some(sender),
            units: 0,
            kept_units: 0,
        }
    }

    /// A share of nobody's in particular.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            sender: None,
            units: 0,
            kept_units: 0,
        }
    }

    /// What one request may hold when nobody else holds anything.
    fn most_of_request(&self, purpose: Use) -> usize {
        let (units, floor) = (self.0.units, floor().min(self.0.units));
        match purpose {
            Use::Kept => (units / 3).max(floor),
            // What is at most so many halves of the rest.
            Use::Work => (units * WORK_FACTOR / (WORK_FACTOR + 2)).max(floor),
        }
    }
}

impl Held {
    fn of(&self, holder: Holder) -> Holding {
        self.by.get(&holder).copied().unwrap_or_default()
    }
}

/// What memory is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// What is there for as long as a client likes.
    Kept,
    /// What is there for as long as the server is at work.
    Work,
}

impl Use {
    /// What this share holds for it.
    const fn of(self, share: &Share) -> usize {
        match self {
            Self::Kept => share.kept_units,
            Self::Work => share.units,
        }
    }
}

/// Every sender may hold one event, however small the budget is.
const fn floor() -> usize {
    EVENT_MAX_BYTES.div_ceil(UNIT_BYTES)
}

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    sender: Option<Sender>,
    units: usize,
    /// What of them counts within the sender's part.
    kept_units: usize,
}

impl Share {
    /// Waits until the sender may hold this much, or as much of it as a request may. Nothing is held while it waits, so
    /// that requests which wait for each other's memory do not wait for ever.
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

    /// Whether those who hold what is missing give memory back, or it is too early to say: all of them when all of it is
    /// taken, else the sender's other requests.
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

    /// Makes the share at least this large, within the sender's part: for what a client may make the server hold for as long
    /// as it likes. It never waits.
    pub(crate) fn cover(&mut self, size_bytes: usize) -> Result<(), Shortage> {
        let grown = self.grow(size_bytes, Use::Kept);
        grown.map_err(|shortage| self.budget.refused(shortage))
    }

    /// The same within some times the sender's part: for what takes memory only as long as the server is at work.
    pub(crate) fn cover_work(&mut self, size_bytes: usize) -> Result<(), Shortage> {
        let grown = self.grow(size_bytes, Use::Work);
        grown.map_err(|shortage| self.budget.refused(shortage))
    }

    /// Looks and takes under one lock, so that of two requests which fit alone one is refused when both do not.
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
                // Who holds nothing but this cannot help it: others leave too little.
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

    /// Gives back what goes beyond this size.
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
        for holder in self.sender.iter().flat_map(|sender| sender.holders()) {
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

    /// The bytes with the share that they need: it is given back when the last of them is sent, however slowly they are
    /// read.
    pub(crate) fn hold(mut self, bytes: Vec<u8>) -> Bytes {
        self.shrink_to(bytes.capacity());
        self.hold_all(bytes.into())
    }

    /// The same for bytes that may be larger than the share: a request holds no more than it may, however large its answer
    /// is.
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

/// Bytes that keep their share.
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
mod tests {
    use atrail_model::SpaceId;

    use super::*;

    /// A whole that divides by all parts, in units that are larger than one event.
    const MANY: usize = 6000;

    fn budget() -> Budget {
        Budget::new(MANY * UNIT_BYTES, None)
    }

    fn sender(address: u8) -> Sender {
        Sender {
            user: UserId::generate(),
            domain: Domain::Space(SpaceId::generate()),
            account: AccountId::generate(),
            network: IpAddr::from([192, 0, 2, address]),
        }
    }

    fn units(n: usize) -> usize {
        n * UNIT_BYTES
    }

    /// Takes as much as it gets, by requests of so many units each.
    fn fill(budget: &Budget, who: impl Fn() -> Sender, each: usize) -> Vec<Share> {
        let mut shares = Vec::new();
        loop {
            let mut share = budget.share_of(who());
            if share.cover(units(each)).is_err() {
                return shares;
            }
            shares.push(share);
        }
    }

    #[test]
    fn what_one_holds_another_cannot_until_it_is_given_back() {
        let budget = Budget::new(10 * UNIT_BYTES, None);
        let mut one = budget.share();
        one.cover(6 * UNIT_BYTES).unwrap();
        one.cover(UNIT_BYTES).unwrap();
        let mut two = budget.share();
        two.cover(4 * UNIT_BYTES).unwrap();
        assert_eq!(two.cover(4 * UNIT_BYTES + 1), Err(Shortage::All));
        drop(one);
        two.cover(10 * UNIT_BYTES).unwrap();
    }

    #[test]
    fn held_bytes_keep_what_they_need_until_the_last_of_them_goes() {
        let budget = Budget::new(10 * UNIT_BYTES, None);
        let mut one = budget.share();
        one.cover(9 * UNIT_BYTES).unwrap();
        let held = one.hold(vec![7; 3 * UNIT_BYTES]);
        let part = held.slice(1..2);
        drop(held);
        let mut two = budget.share();
        two.cover(7 * UNIT_BYTES).unwrap();
        assert_eq!(two.cover(8 * UNIT_BYTES), Err(Shortage::All));
        drop(part);
        two.cover(10 * UNIT_BYTES).unwrap();
    }

    #[test]
    fn a_user_a_space_an_account_and_an_address_each_hold_a_part() {
        let fixed = sender(1);
        let other = || sender(9);
        for (name, most, who) in [
            (
                "user",
                MANY / 3,
                Box::new(move || Sender {
                    user: fixed.user,
                    ..sender(9)
                }) as Box<dyn Fn() -> Sender>,
            ),
            (
                "space",
                MANY / 3,
                Box::new(move || Sender {
                    domain: fixed.domain,
                    ..sender(9)
                }),
            ),
            (
                "account",
                MANY / 2,
                Box::new(move || Sender {
                    account: fixed.account,
                    ..sender(9)
                }),
            ),
            ("address", MANY * 3 / 4, Box::new(move || sender(1))),
        ] {
            let budget = budget();
            let held = fill(&budget, &who, 10);
            assert_eq!(held.len() * 10, most, "{name}");
            let mut refused = budget.share_of(who());
            assert_eq!(refused.cover(units(300)), Err(Shortage::Sender), "{name}");
            // Whoever shares none of it with them gets in.
            let mut innocent = budget.share_of(Sender {
                network: IpAddr::from([192, 0, 2, 77]),
                ..other()
            });
            innocent.cover(units(300)).unwrap();
            drop((held, innocent));
            assert_eq!(budget.0.held.lock().units, 0, "{name}");
            assert!(budget.0.held.lock().by.is_empty(), "{name}");
        }
    }

    #[test]
    fn many_greedy_accounts_leave_something() {
        let budget = budget();
        let mut greedy = Vec::new();
        for n in 1..5 {
            let account = sender(n);
            let who = move || Sender {
                account: account.account,
                ..sender(n)
            };
            greedy.extend(fill(&budget, who, 10));
        }
        let mut innocent = budget.share_of(sender(77));
        innocent.cover(units(100)).unwrap();
    }

    #[test]
    fn what_no_sender_may_ever_hold_is_too_large_and_work_may_take_more() {
        let budget = budget();
        let mut share = budget.share_of(sender(1));
        assert_eq!(share.cover(units(MANY / 3 + 1)), Err(Shortage::Request));
        share.cover(units(MANY / 3)).unwrap();
        share.cover_work(units(MANY * 2 / 3)).unwrap();
        let more = share.cover_work(units(MANY * 2 / 3 + 1));
        assert_eq!(more, Err(Shortage::Request));
        // However small the whole is, an event fits.
        let small = Budget::new(EVENT_MAX_BYTES, None);
        small.share_of(sender(1)).cover(EVENT_MAX_BYTES).unwrap();
    }

    #[test]
    fn what_is_kept_of_work_counts_within_the_part() {
        let budget = budget();
        let one = sender(1);
        let mut kept = Vec::new();
        // Little is sent, much is made of it, and a part of that is left to be read.
        let refused = loop {
            let mut share = budget.share_of(one);
            share.cover(units(1)).unwrap();
            share.cover_work(units(1000)).unwrap();
            if let Err(shortage) = share.cover(units(600)) {
                break shortage;
            }
            kept.push(share.hold(vec![0; units(600)]));
        };
        assert_eq!((kept.len(), refused), (3, Shortage::Sender));
        let mut innocent = budget.share_of(sender(2));
        innocent.cover(units(1000)).unwrap();
        innocent.cover_work(units(2000)).unwrap();
        drop((kept, innocent));
        assert_eq!(budget.0.held.lock().units, 0);
        assert!(budget.0.held.lock().by.is_empty());
    }

    #[test]
    fn work_leaves_something_for_others() {
        let budget = budget();
        let fixed = sender(1);
        let who = || Sender {
            account: fixed.account,
            ..sender(9)
        };
        let mut working = Vec::new();
        loop {
            let mut share = budget.share_of(who());
            if share.cover_work(units(10)).is_err() {
                break;
            }
            working.push(share);
        }
        assert_eq!(working.len() * 10, MANY * 4 / 5);
        budget.share_of(sender(2)).cover(units(300)).unwrap();
    }

    #[test]
    fn of_two_who_ask_at_once_only_as_many_are_let_in_as_there_is_room_for() {
        for _ in 0..200 {
            let budget = budget();
            let one = sender(1);
            let ask = || {
                let mut share = budget.share_of(one);
                share.cover(units(1500)).is_ok().then_some(share)
            };
            let got = std::thread::scope(|scope| {
                let two = [scope.spawn(ask), scope.spawn(ask)];
                two.map(|asked| asked.join().unwrap())
            });
            assert_eq!(got.iter().flatten().count(), 1);
        }
    }

    #[test]
    fn who_holds_nothing_is_not_told_that_it_holds_too_much() {
        let budget = budget();
        let mut held = budget.share_of(sender(1));
        held.cover(units(MANY / 3)).unwrap();
        let mut innocent = budget.share_of(sender(2));
        let wanted = units(MANY / 4);
        assert_eq!(innocent.cover(wanted), Err(Shortage::All));
        innocent.cover(units(1000)).unwrap();
        // Nor is it told so for what this very request holds.
        assert_eq!(innocent.cover(wanted), Err(Shortage::All));
        let mut next = budget.share_of(innocent.sender.unwrap());
        assert_eq!(next.cover(wanted), Err(Shortage::Sender));
    }

    #[tokio::test]
    async fn who_holds_nothing_waits_as_long_as_anybody_gives_back() {
        let budget = budget();
        let mut held = fill(&budget, || sender(1), 10);
        let mut next = budget.share_of(sender(2));
        let freeing = tokio::spawn(async move {
            // Long enough that what the sender's own requests do would not do.
            while held.pop().is_some() {
                tokio::time::sleep(STANDSTILL / 50).await;
            }
        });
        let long = Duration::from_secs(600);
        next.begin_within(units(MANY / 3), long).await.unwrap();
        freeing.abort();
    }

    #[tokio::test]
    async fn who_begins_waits_for_its_part_and_not_for_ever() {
        let budget = budget();
        let one = sender(1);
        let mut held = fill(&budget, || one, 500);
        let mut next = budget.share_of(one);
        let brief = Duration::from_millis(50);
        assert_eq!(
            next.begin_within(units(500), brief).await,
            Err(Shortage::Sender)
        );
        // Where nothing moves there is no use in waiting for long.
        let long = Duration::from_secs(600);
        assert_eq!(
            next.begin_within(units(500), long).await,
            Err(Shortage::Sender)
        );
        let freed = held.pop();
        tokio::spawn(async move {
            drop(freed);
        });
        next.begin_within(units(500), long).await.unwrap();
        assert_eq!(next.units, 500);
        // What is asked for is a guess: it is never more than can be had.
        drop((held, next));
        let mut lone = budget.share_of(one);
        lone.begin(usize::MAX).await.unwrap();
        assert_eq!(lone.units, MANY / 3);
    }
}
