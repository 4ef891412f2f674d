//! Accepts events.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use atrail_catalog::RequestHash;
use atrail_disk::{Others, Result, StoreError, off_thread_beside};
use atrail_model::{AccountId, Domain, Timestamp};
use atrail_wal::{Appended, Batch, NewEvent};

use crate::Store;
use crate::core::Core;
use crate::duties::Duty;

/// How long an append waits for sealing to make room in memory.
const ROOM_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a domain may be sealed during an append before the append blocks its sealing.
const LOOKS: usize = 3;

/// Events that are looked up among sealed ones on an async thread; more of them would block it.
const INLINE_MAX_EVENTS: usize = 64;

/// The outcome of an append: its events are durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppendTotal {
    /// Events that were new.
    pub stored: u64,
    /// Events that the domain already had, byte for byte; they are not stored again.
    pub duplicates: u64,
}

impl Store {
    /// Makes events durable in a domain. `Ok` means that all of them survive a crash of process and machine. An event
    /// that was acknowledged within the deduplication window is not stored again.
    ///
    /// # Errors
    /// `Full` and `Overloaded` when no event was kept and a later try may succeed; `Poisoned` when the store refuses
    /// writes until it is restarted: then it is unknown whether the events are kept. `NotFound` when the domain has
    /// ended.
    pub async fn append(&self, domain: Domain, events: Vec<NewEvent>) -> Result<AppendTotal> {
        let core = &self.core;
        let _open = core.closing.enter(domain)?;
        if !events.is_empty() {
            let most_bytes = core.settings.seal_at_bytes;
            core.apart.refuse_more(domain, most_bytes)?;
            let account = core.owner(domain).await?;
            let room = core.journal.wait_for_room(account);
            if tokio::time::timeout(ROOM_TIMEOUT, room).await.is_err() {
                return Err(core.journal.refusal().unwrap_or(StoreError::Overloaded));
            }
        }
        self.append_to_open(domain, events).await
    }

    /// Appends while the domain is protected from ending, however many events its account has sent, and however many are
    /// set apart: without the server's own events nobody could read or delete those events, and a user of several
    /// accounts could not log in while somebody fills one of them.
    pub(crate) async fn append_to_open(
        &self,
        domain: Domain,
        mut events: Vec<NewEvent>,
    ) -> Result<AppendTotal> {
        if events.is_empty() {
            return Ok(AppendTotal::default());
        }
        let core = &self.core;
        let account = core.owner(domain).await?;
        let all = events.len() as u64;
        for _ in 0..LOOKS {
            match core.append_fresh(account, domain, all, events).await? {
                Attempt::Done(total) => return Ok(total),
                Attempt::SealedMeanwhile(same) => events = same,
            }
        }
        // From here on nothing is sealed between the two lookups.
        let _no_seal = core.duties.claim(Duty::Seal(domain)).await;
        match core.append_fresh(account, domain, all, events).await? {
            Attempt::Done(total) => Ok(total),
            Attempt::SealedMeanwhile(_) => Err(StoreError::Overloaded),
        }
    }

    /// Returns when a request with this hash arrived first, within the time in which duplicates are known; otherwise `now`,
    /// which is durable then. Of an account with very many such requests, the oldest are forgotten earlier. A sender that repeats a request gets the same time each time, whatever happened between.
    ///
    /// # Errors
    /// When the catalog does not accept it.
    pub async fn arrival(
        &self,
        request: RequestHash,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Timestamp> {
        let core = &self.core;
        let age = core.time.age();
        let window = core.settings.dedup_window;
        let known_since = age.checked_sub(window).unwrap_or(Timestamp::MIN);
        let arrival = core
            .catalog
            .arrival(request, account, now, age, known_since);
        arrival.await
    }

    /// Returns the reason why the store refuses events now, if it does.
    #[must_use]
    pub fn write_refusal(&self) -> Option<StoreError> {
        let core = &self.core;
        let moved = || Some(StoreError::Poisoned(core.catalog.anchors().lost()?));
        let without_lease = || core.refuse_without_lease().err();
        core.journal.refusal().or_else(moved).or_else(without_lease)
    }

    /// Returns how many hours cannot be sealed, and are set apart so that others can.
    #[must_use]
    pub fn hours_apart(&self) -> u64 {
        self.core.apart.count()
    }
}

/// The outcome of one attempt to append.
enum Attempt {
    Done(AppendTotal),
    /// The domain was sealed between the lookup of sealed events and that of unsealed ones, so both may have missed an
    /// event: nothing was written.
    SealedMeanwhile(Vec<NewEvent>),
}

impl Core {
    /// Skips the events that the domain already has, and makes the rest durable, unless the domain is sealed meanwhile.
    /// `all` is the number of events that were sent.
    async fn append_fresh(
        self: &Arc<Self>,
        account: AccountId,
        domain: Domain,
        all: u64,
        events: Vec<NewEvent>,
    ) -> Result<Attempt> {
        let seals = self.journal.seals_of(domain);
        // In the order in which events move, so that no event is missed.
        let fresh = self.apart.without_known(domain, events);
        let fresh = self.without_sealed(domain, fresh).await?;
        let sealed = all - fresh.len() as u64;
        let duplicates = if fresh.is_empty() {
            0
        } else {
            let batch = Batch {
                account,
                domain,
                seals,
                events: fresh,
            };
            match self.journal.append(batch).await? {
                Appended::Durable { duplicates } => duplicates,
                Appended::LookAgain(same) => return Ok(Attempt::SealedMeanwhile(same)),
            }
        };
        Ok(Attempt::Done(self.count_append(all, sealed + duplicates)))
    }

    /// Returns the events that are not sealed in an existing segment.
    async fn without_sealed(
        self: &Arc<Self>,
        domain: Domain,
        events: Vec<NewEvent>,
    ) -> Result<Vec<NewEvent>> {
        if !self.dedup.is_on() {
            return Ok(events);
        }
        let look = move |core: &Self, events: Vec<NewEvent>| {
            let suspects = core.dedup.suspects(domain, &events);
            (events, suspects)
        };
        let is_small = events.len() <= INLINE_MAX_EVENTS;
        let (mut events, suspects) = if is_small && self.dedup.is_loaded_for(domain, &events) {
            look(self, events)
        } else {
            let core = Arc::clone(self);
            // A small request waits for no heavy work, also where it has to read an index.
            let others = if is_small {
                Others::Wait
            } else {
                Others::Proceed
            };
            off_thread_beside(others, move || Ok(look(&core, events))).await?
        };
        if suspects.is_empty() {
            return Ok(events);
        }
        let segments: BTreeSet<_> = suspects.iter().map(|(_, segment)| *segment).collect();
        let there = self.catalog.segments_there(&segments).await?;
        let known: HashSet<usize> = suspects
            .into_iter()
            .filter(|(_, segment)| there.contains(segment))
            .map(|(at, _)| at)
            .collect();
        let mut at = 0..;
        events.retain(|_| at.next().is_none_or(|at| !known.contains(&at)));
        Ok(events)
    }

    fn count_append(&self, all: u64, duplicates: u64) -> AppendTotal {
        self.counters.duplicates.add(duplicates);
        AppendTotal {
            stored: all - duplicates,
            duplicates,
        }
    }
}
