//! Counts the matching events.

use std::sync::Arc;

use atrail_model::DayRange;
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
}

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
        Ok(())
    }

    fn rows(&mut self, worker: &mut Worker, mut part: PartRows<'_>) -> Result<(), Stop> {
        let counted = part
            .reader
            .count(&part.selection, &self.counting)
            .map_err(|error| worker.bad_file(part.row, &error.to_string()))?;
        counted.add_to(&mut self.collector)?;
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
        let (limits, _running) = Limits::start(budget);
        let core = &self.core;
        let domains = Domains::of(core, question.target).await?;
        let days = core
            .days_with_events(question.target, &domains, question.range)
            .await?;
        let asked = Arc::new(Asked::new(core, domains, question));
        let counting = Arc::new(counting.clone());
        let mut sum = Collector::new(Counting::clone(&counting), limits.memory_bytes);
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
                        for part in parts {
                            sum.merge(part)?;
                        }
                        searched.add(&more);
                        break;
                    }
                    Err(stop) => again(stop, &mut attempts)?,
                }
            }
        }
        Ok((sum.finish(), searched))
    }
}

async fn count_days(
    asked: &Arc<Asked>,
    limits: &Limits,
    counting: &Arc<Counting>,
    days: DayRange,
) -> Result<(Vec<Partial>, Searched), Stop> {
    limits.check()?;
    let core = &asked.core;
    let bad = core.index_cache.bad();
    let listing = core.list_days(&asked.domains, days, &bad).await?;
    let jobs = jobs(&listing, asked.range);
    let threads = limits.threads.min(jobs.len().max(1));
    let counters = (0..threads).map(|_| Counter {
        counting: Arc::clone(counting),
        collector: Collector::new(Counting::clone(counting), limits.memory_bytes / threads),
    });
    let (counters, mut searched) = run(asked, limits, jobs, counters.collect()).await?;
    searched.add(&Searched {
        unindexed_days: listing.unindexed.into_iter().collect(),
        ..Searched::default()
    });
    let parts = counters.into_iter().map(|one| one.collector.into_partial());
    Ok((parts.collect(), searched))
}
