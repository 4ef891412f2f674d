//! Follows the events of a target as they become durable, without making anybody wait who appends.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_catalog::domains::DomainRow;
use atrail_disk::Result;
use atrail_evidence::LeafHash;
use atrail_model::{Day, Domain, Target, Timestamp};
use atrail_wal::{JournalPlace, RecentFrame};
use bytes::Bytes;
use tokio::sync::watch;

use crate::Store;
use crate::core::Core;

/// Where a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// With the next event that becomes durable.
    Now,
    /// Behind a place of this process.
    Here(JournalPlace),
    /// Behind a place of the process before this one.
    Before(JournalPlace),
    /// Behind a place that is not known any more.
    Unknown,
}

/// What a tail returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tailed {
    /// Events of the target are missing here.
    Missed {
        /// When the last of them became durable, or earlier ones were sealed.
        to: Timestamp,
    },
    /// An event that became durable.
    Event {
        /// The place behind it.
        place: JournalPlace,
        /// When it became durable.
        durable: Timestamp,
        /// Its domain.
        domain: Domain,
        /// The day of its time.
        day: Day,
        /// Its leaf hash.
        leaf: LeafHash,
        /// Its line, as it is stored.
        line: Bytes,
    },
}

/// Follows the events of a target, in the order in which they become durable.
#[derive(Debug)]
pub struct Tail {
    core: Arc<Core>,
    target: Target,
    domains: Arc<HashMap<Domain, DomainRow>>,
    place: JournalPlace,
    /// The number of losses that the reader was told of, as far as they concern the target.
    losses: u64,
    /// A gap before the first event, to return first.
    gap: Option<Timestamp>,
    news: watch::Receiver<u64>,
}

impl Store {
    /// Follows the events of a target. What follows a place is returned exactly: what is not in memory any more is
    /// reported as missed, and nothing is returned twice.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn tail(&self, target: Target, after: After) -> Result<Tail> {
        let core = &self.core;
        let mut tail = Tail {
            domains: core.domains(std::iter::once(target.domain())).await?,
            core: Arc::clone(core),
            target,
            place: core.journal.recent().end(),
            losses: 0,
            gap: None,
            news: core.journal.recent().watch(),
        };
        match after {
            After::Now => {}
            After::Here(place) => tail.place = place.min(tail.place),
            After::Before(place) => {
                let recent = core.journal.recent();
                let is_wanted = |domain| tail.wants(domain);
                let (here, is_missing) = recent.continue_at(place, is_wanted);
                tail.gap = is_missing.then(|| core.clock.now());
                tail.place = here;
            }
            After::Unknown => tail.gap = Some(core.clock.now()),
        }
        Ok(tail)
    }
}

impl Tail {
    /// Returns the place behind everything that was returned, or had not to be.
    #[must_use]
    pub const fn place(&self) -> JournalPlace {
        self.place
    }

    /// Returns what follows, up to about this many bytes, and proceeds; nothing when there is nothing yet.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn next(&mut self, most_bytes: u64) -> Result<Vec<Tailed>> {
        let recent = self.core.journal.recent();
        // Before the look: whatever comes later wakes the next wait.
        self.news.borrow_and_update();
        let wants = |domain| self.wants(domain);
        let following = recent.after(self.place, self.losses, wants, most_bytes);
        self.losses = following.losses;
        let mut next = Vec::new();
        if let Some(to) = self.gap.take().max(following.missing_to) {
            next.push(Tailed::Missed { to });
        }
        // Domains that are newer than what is known.
        let of = following.frames.iter().map(|(_, frame)| frame.domain);
        self.domains = self.core.domains(of).await?;
        let mut room = most_bytes;
        for (sequence, frame) in &following.frames {
            if self.wants(frame.domain)
                && let Some(within) = self.add(*sequence, frame, &mut room, &mut next)
            {
                self.place = within;
                return Ok(next);
            }
        }
        if following.seen_to > self.place.sequence {
            self.place = JournalPlace::behind(following.seen_to);
        } else if !following.frames.is_empty() {
            self.place = JournalPlace::behind(self.place.sequence);
        }
        Ok(next)
    }

    /// Waits until something became durable that [`Self::next`] has not looked at.
    pub async fn wait(&mut self) {
        if self.news.changed().await.is_err() {
            // The journal is gone; the store as well.
            std::future::pending::<()>().await;
        }
    }

    /// Adds the events of a frame that follow the place; returns the place within the frame where the room is used up.
    fn add(
        &self,
        sequence: u64,
        frame: &RecentFrame,
        room: &mut u64,
        next: &mut Vec<Tailed>,
    ) -> Option<JournalPlace> {
        let before = if sequence == self.place.sequence {
            self.place.events
        } else {
            0
        };
        for (number, event) in (1_u32..).zip(frame.events.iter()) {
            if number <= before || event.line.is_empty() {
                continue;
            }
            if *room == 0 {
                let events = number - 1;
                return Some(JournalPlace { sequence, events });
            }
            *room = room.saturating_sub(event.line.len() as u64);
            next.push(Tailed::Event {
                place: JournalPlace {
                    sequence,
                    events: number,
                },
                durable: frame.time,
                domain: frame.domain,
                day: event.day,
                leaf: event.leaf,
                line: event.line.clone(),
            });
        }
        None
    }

    /// Reports whether a domain is the target's, or so new that the catalog has to be asked.
    fn wants(&self, domain: Domain) -> bool {
        match self.target {
            Target::Space(_) => domain == self.target.domain(),
            Target::Account(account) => {
                let row = self.domains.get(&domain);
                row.is_none_or(|row| row.account == account)
            }
        }
    }
}
