//! Counts the matching events.

use std::collections::BTreeMap;
use std::sync::Arc;

use atrail_model::{DayRange, Domain};
use atrail_search::aggregate::{Collector, CountError, Counting, Counts, Partial};

use super::budget::{Budget, Limits};
use super::days::Domains;
use super::error::{SearchError, Stop, again};
use super::job::{Asked, Event, PartRows, ROWS_AT_ONCE, Sink, Worker, jobs};
use super::run::run;
use super::types::{Question, Searched};
use crate::Store;

/// The most days that are listed together.
const DAYS_AT_ONCE: usize = 32;

/// Counts for one thread.
struct Counter {
    counting: Arc<Counting>,
    collector: Collector,
    /// Events by the number of their domain.
    domains: BTreeMap<u32, u64>,
}

/// What one thread counted, and its events by the number of their domain.
type OfThread = (Partial, BTreeMap<u32, u64>);

impl From<CountError> for SearchError {
    fn from(error: CountError) -> Self {
        Self::TooLarge(error.to_string())
    }
}

impl From<CountError> for Stop {
    fn from(error: CountError) -> Self {
        Self::Failed(error.into())
    }
}

impl Sink for Counter {
    fn needs(&self, _: i64, _: i64) -> bool {
        true
    }

    fn is_newest_first(&self) -> bool {
        false
    }

    fn event(&mut self, found: Event<'_>) -> Result<(), Stop> {
        self.collector.add(found.time, found.line)?;
        *self.domains.entry(found.domain).or_default() += 1;
        Ok(())
    }

    fn rows(&mut self, worker: &mut Worker, mut part: PartRows<'_>) -> Result<(), Stop> {
        let counted = part
            .reader
            .count(&part.selection, &self.counting)
            .map_err(|error| worker.bad_file(part.row, &error.to_string()))?;
        counted.add_to(&mut self.collector)?;
        if counted.total > 0 {
            *self.domains.entry(part.domain).or_default() += counted.total;
        }
        let rest = counted.rest;
        if rest.is_empty() {
            return Ok(());
        }
        let rows = part.reader.rows(&rest);
        let rows = rows.map_err(|error| worker.bad_file(part.row, &error.to_string()))?;
        let mut open = Vec::new();
        for nth in 0..rows.len() {
            open.push(rows.get(nth));
            if open.len() == ROWS_AT_ONCE {
                worker.decide(&mut open, part.row, self)?;
            }
        }
        worker.decide(&mut open, part.row, self)
    }
}

impl Store {
    /// Counts the matching events that were acknowledged before the call. All counts are exact. Dropping the future ends
    /// its work.
    ///
    /// # Errors
    /// `TooLarge` when there are more different values than the budget's memory holds; otherwise as [`Self::search`].
    pub async fn aggregate(
        &self,
        question: &Question,
        counting: &Counting,
        budget: &Budget,
    ) -> Result<(Counts, Searched), SearchError> {
        let counted = self.aggregate_by_domain(question, counting, budget).await?;
        Ok((counted.0, counted.2))
    }

    /// The same, with the number of the events of each domain that has some.
    ///
    /// # Errors
    /// As [`Self::aggregate`].
    pub async fn aggregate_by_domain(
        &self,
        question: &Question,
        counting: &Counting,
        budget: &Budget,
    ) -> Result<(Counts, BTreeMap<Domain, u64>, Searched), SearchError> {
        let (limits, _running) = Limits::start(budget);
        let core = &self.core;
        let domains = Domains::of(core, question.target).await?;
        let days = core
            .days_with_events(question.target, &domains, question.range)
            .await?;
        let asked = Arc::new(Asked::new(core, domains, question));
        let counting = Arc::new(counting.clone());
        let mut sum = Collector::new(Counting::clone(&counting), limits.memory_bytes);
        let mut by_domain = BTreeMap::<Domain, u64>::new();
        let mut searched = Searched::default();
        let mut attempts = 0;
        for some in days.chunks(DAYS_AT_ONCE) {
            let (Some(first), Some(last)) = (some.first(), some.last()) else {
                continue;
            };
            let Some(range) = DayRange::new(*first, *last) else {
                continue;
            };
            loop {
                match count_days(&asked, &limits, &counting, range).await {
                    Ok((parts, more)) => {
                        for (part, domains) in parts {
                            sum.merge(part)?;
                            for (number, events) in domains {
                                if let Some(domain) = asked.domains.domain(number) {
                                    *by_domain.entry(domain).or_default() += events;
                                }
                            }
                        }
                        searched.add(&more);
                        break;
                    }
                    Err(stop) => again(stop, &mut attempts)?,
                }
            }
        }
        Ok((sum.finish(), by_domain, searched))
    }
}

async fn count_days(
    asked: &Arc<Asked>,
    limits: &Limits,
    counting: &Arc<Counting>,
    days: DayRange,
) -> Result<(Vec<OfThread>, Searched), Stop> {
    limits.check()?;
    let core = &asked.core;
    let bad = core.index_cache.bad();
    let listing = core.list_days(&asked.domains, days, &bad).await?;
    let jobs = jobs(&listing, asked.range);
    let threads = limits.threads.min(jobs.len().max(1));
    let counters = (0..threads).map(|_| Counter {
        counting: Arc::clone(counting),
        collector: Collector::new(Counting::clone(counting), limits.memory_bytes / threads),
        domains: BTreeMap::new(),
    });
    let (counters, mut searched) = run(asked, limits, jobs, counters.collect()).await?;
    searched.add(&Searched {
        unindexed_days: listing.unindexed.into_iter().collect(),
        ..Searched::default()
    });
    let counters = counters.into_iter();
    let parts = counters.map(|one| (one.collector.into_partial(), one.domains));
    Ok((parts.collect(), searched))
}
