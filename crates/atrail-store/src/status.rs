//! What is there, per day.

use std::collections::BTreeMap;

use atrail_model::{Day, Scope};

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
    /// Counts per day of what is in scope, ascending; days without events are absent. Exact: what was acknowledged
    /// before the call counts, sealed or not. Costs a row per day and hour, however many events these hold.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn status(&self, scope: Scope) -> Result<Vec<DayTotal>> {
        let core = &self.core;
        let rows = core.catalog.domains_of(scope.target).await?;
        let domains: Vec<_> = rows.iter().map(|row| row.domain).collect();
        // No sealing is published between the two readings: an event counts in exactly one of them.
        let _unchanged = core.published.read().await;
        let sealed = core.catalog.totals(&scope).await?;
        let mut totals: BTreeMap<Day, DayTotal> =
            sealed.into_iter().map(|total| (total.day, total)).collect();
        core.memtable.totals(
            domains.iter(),
            scope.days,
            scope.hours,
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
