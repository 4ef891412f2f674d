//! Finds the first matching events of an order.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{Day, DayRange, Timestamp};
use atrail_search::Order;

use super::budget::{Budget, Limits};
use super::days::Domains;
use super::error::{SearchError, Stop, again};
use super::fetch::{self, Ordered};
use super::job::{Asked, Event, Job, PartRows, ROWS_AT_ONCE, Sink, Worker, jobs};
use super::rank::{At, Key, Line, Ranking, Threshold, score};
use super::run::run;
use super::types::{Found, Page, Question, Searched};
use crate::Store;
use crate::core::Core;

/// The most days that are listed together.
const DAYS_AT_ONCE: usize = 32;

/// Keeps the first matching events.
pub(super) struct Finder {
    order: Order,
    ranking: Ranking,
}

impl Sink for Finder {
    fn needs(&self, oldest: i64, newest: i64) -> bool {
        let best = match self.order {
            Order::Newest => newest,
            Order::Oldest => oldest,
        };
        self.ranking.needs_between(oldest, newest, best)
    }

    fn is_newest_first(&self) -> bool {
        self.order == Order::Newest
    }

    fn event(&mut self, found: Event<'_>) -> Result<(), Stop> {
        let (micros, nanos) = split(found.time);
        self.ranking.offer(Key {
            micros,
            nanos: Some(nanos),
            domain: found.domain,
            at: found.at,
        });
        Ok(())
    }

    fn rows(&mut self, worker: &mut Worker, mut part: PartRows<'_>) -> Result<(), Stop> {
        let rows = part.reader.rows(&part.selection);
        let rows = rows.map_err(|error| worker.bad_file(part.row, &error.to_string()))?;
        let mut open = Vec::new();
        let count = rows.len();
        for nth in 0..count {
            let at = match self.order {
                Order::Newest => count - 1 - nth,
                Order::Oldest => nth,
            };
            if nth.is_multiple_of(ROWS_AT_ONCE) {
                worker.limits.check()?;
            }
            let micros = rows.micros(at);
            if !self.ranking.needs(micros) {
                if self.ranking.is_behind(micros) {
                    break;
                }
                continue;
            }
            let row = rows.get(at);
            if row.sure {
                let at = Line {
                    segment: row.segment,
                    index: row.index,
                    block: row.block_offset,
                    block_bytes: row.block_bytes,
                    line: row.line,
                };
                self.ranking.offer(Key {
                    micros: row.micros,
                    nanos: (!part.has_finer_times).then_some(0),
                    domain: part.domain,
                    at: At::Sealed(at),
                });
            } else {
                open.push(row);
                if open.len() == ROWS_AT_ONCE {
                    worker.decide(&mut open, part.row, self)?;
                }
            }
        }
        worker.decide(&mut open, part.row, self)
    }
}

/// Splits a time into microseconds since 1970, rounded down, and the nanoseconds beyond.
pub(super) fn split(time: Timestamp) -> (i64, u16) {
    let nanos = time.as_nanosecond();
    let micros = i64::try_from(nanos.div_euclid(1000)).unwrap_or(i64::MAX);
    (micros, u16::try_from(nanos.rem_euclid(1000)).unwrap_or(0))
}

impl Store {
    /// Returns a page of the matching events that were acknowledged before the call. Dropping the future ends its work.
    ///
    /// # Errors
    /// See [`SearchError`]. A damaged object whose events are in the range is an error that names it.
    pub async fn search(
        &self,
        question: &Question,
        page: &Page,
        budget: &Budget,
    ) -> Result<Found, SearchError> {
        let (limits, _running) = Limits::start(budget);
        let mut attempts = 0;
        loop {
            let core = &self.core;
            let mut found = core.find(question, page, &limits).await?;
            match fetch::hits(&found, 0..found.events.len(), &limits).await {
                Ok(hits) => {
                    found.end_after(hits.len());
                    let after = found.is_more.then(|| found.cursor(question, page));
                    return Ok(Found {
                        hits,
                        after: after.flatten(),
                        searched: found.searched,
                    });
                }
                Err(stop) => again(stop, &mut attempts)?,
            }
        }
    }
}

impl Core {
    /// Finds the places of the first `limit` matching events behind the cursor.
    pub(super) async fn find(
        self: &Arc<Self>,
        question: &Question,
        page: &Page,
        limits: &Limits,
    ) -> Result<Ordered, SearchError> {
        let mut question = question.clone();
        if let Some(after) = &page.after {
            after.check(&question.in_order(page.order))?;
            match page.order {
                Order::Newest => {
                    let next = after.time.checked_add(Duration::from_nanos(1));
                    question.range.to = next.unwrap_or(Timestamp::MAX).min(question.range.to);
                }
                Order::Oldest => question.range.from = question.range.from.max(after.time),
            }
        }
        let domains = Domains::of(self, question.target).await?;
        let days = self
            .days_with_events(question.target, &domains, question.range)
            .await?;
        let asked = Arc::new(Asked::new(self, domains, &question));
        let mut search = Search {
            page,
            limits,
            found: Ordered {
                asked,
                events: Vec::new(),
                unsealed: Vec::new(),
                is_more: false,
                searched: Searched::default(),
            },
            attempts: 0,
        };
        let mut days = match page.order {
            Order::Newest => days.into_iter().rev().collect::<Vec<_>>(),
            Order::Oldest => days,
        };
        let mut at_once = 1;
        while !days.is_empty() && !search.is_done() {
            let some: Vec<_> = days.drain(..at_once.min(days.len())).collect();
            search.days(&some).await?;
            at_once = (at_once * 2).min(DAYS_AT_ONCE);
        }
        Ok(search.finish())
    }
}

/// A search in progress.
struct Search<'a> {
    page: &'a Page,
    limits: &'a Limits,
    found: Ordered,
    attempts: usize,
}

impl Search<'_> {
    /// One more than the limit is looked for: it tells whether there are more.
    fn is_done(&self) -> bool {
        self.found.events.len() > self.page.limit
    }

    /// Adds the events of some days, which are all behind those before.
    async fn days(&mut self, days: &[Day]) -> Result<(), SearchError> {
        loop {
            match self.try_days(days).await {
                Ok(()) => return Ok(()),
                Err(stop) => again(stop, &mut self.attempts)?,
            }
        }
    }

    async fn try_days(&mut self, days: &[Day]) -> Result<(), Stop> {
        self.limits.check()?;
        let asked = Arc::clone(&self.found.asked);
        let core = &asked.core;
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else {
            return Ok(());
        };
        let Some(range) = DayRange::new(*first, *last) else {
            return Ok(());
        };
        let bad = core.index_cache.bad();
        let listing = core.list_days(&asked.domains, range, &bad).await?;
        let order = self.page.order;
        let mut jobs = jobs(&listing, asked.range);
        jobs.sort_by_key(|job: &Job| match order {
            Order::Newest => score(order, job.newest),
            Order::Oldest => score(order, job.oldest),
        });
        let wanted = self.page.limit + 1 - self.found.events.len();
        let at_cursor = self.page.after.map(|after| split(after.time).0);
        let threshold = Threshold::default();
        let threads = self.limits.threads.min(jobs.len().max(1));
        let finders = (0..threads).map(|_| Finder {
            order,
            ranking: Ranking::new(order, wanted, at_cursor, threshold.clone()),
        });
        let (finders, searched) = run(&asked, self.limits, jobs, finders.collect()).await?;
        let mut all = Ranking::new(order, wanted, at_cursor, threshold);
        for finder in finders {
            all.merge(finder.ranking);
        }
        all.prune();
        let mut keys = all.at_first;
        keys.append(&mut all.keys);
        let events = fetch::in_order(
            &asked,
            self.page,
            keys,
            &listing.unsealed,
            wanted,
            self.limits,
        )
        .await?;
        self.found.searched.add(&searched);
        self.found.searched.add(&Searched {
            unindexed_days: listing.unindexed.into_iter().collect(),
            ..Searched::default()
        });
        // Lists are numbered anew for each listing.
        let before = u32::try_from(self.found.unsealed.len()).unwrap_or(u32::MAX);
        self.found.events.extend(
            events
                .into_iter()
                .map(|event| event.with_lists_after(before)),
        );
        self.found.unsealed.extend(listing.unsealed);
        Ok(())
    }

    fn finish(mut self) -> Ordered {
        self.found.is_more = self.is_done();
        self.found.events.truncate(self.page.limit);
        self.found
    }
}
