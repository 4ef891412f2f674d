//! What is there, per day.

use std::collections::{BTreeMap, HashSet};

use atrail_model::{Day, DayRange, Target};

use crate::Store;
use crate::error::Result;

/// What a day of a target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotal {
    /// The day.
    pub day: Day,
    /// Number of events.
    pub count: u64,
    /// Bytes of their lines, line feeds not counted.
    pub size_bytes: u64,
}

impl Store {
    /// Counts per day, ascending; days without events are absent. Exact: what was acknowledged before the call counts,
    /// sealed or not. Costs a row per day and hour, however many events these hold.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn status(&self, target: Target, days: DayRange) -> Result<Vec<DayTotal>> {
        let core = &self.core;
        let domains: HashSet<_> = core
            .catalog
            .domains_of(target)
            .await?
            .iter()
            .map(|row| row.domain)
            .collect();
        // No sealing is published between the two readings: an event counts in exactly one of them.
        let _unchanged = core.published.read().await;
        let sealed = core.catalog.totals(target, days).await?;
        let mut totals: BTreeMap<Day, DayTotal> =
            sealed.into_iter().map(|total| (total.day, total)).collect();
        core.memtable.totals(
            |domain| domains.contains(&domain),
            days,
            |day, count, size_bytes| {
                let total = totals.entry(day).or_insert(DayTotal {
                    day,
                    count: 0,
                    size_bytes: 0,
                });
                total.count += count;
                total.size_bytes += size_bytes;
            },
        );
        Ok(totals
            .into_values()
            .filter(|total| total.count > 0)
            .collect())
    }
}
