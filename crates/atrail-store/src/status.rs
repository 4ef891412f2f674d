//! Counts events per day.

use std::collections::BTreeMap;

use atrail_catalog::domains::DomainRow;
use atrail_disk::Result;
use atrail_model::{AccountId, Day, DayRange, DayTotal, Domain, Hours, Scope, Target};

use crate::Store;

/// Domains that are counted at one moment.
const DOMAINS_AT_ONCE: usize = 64;

impl Store {
    /// Returns counts per day of the events in scope, ascending; days without events are absent. Exact: every event
    /// that was acknowledged before the call counts, sealed or not. The cost is one row per day and hour, independent
    /// of the number of events and of the account's domains, and a visit to each unsealed hour; for an account, those
    /// of every domain.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn status(&self, scope: Scope) -> Result<Vec<DayTotal>> {
        let core = &self.core;
        let mut looks = core.begin_to_count().await?;
        let (sealed, unsealed) = loop {
            let rows = core.unsealed_of(scope.target).await?;
            let mut snapshot = core.catalog.count_snapshot().await?;
            let mut view = snapshot.view();
            let sealed = view.totals(&scope).await?;
            let above = view.sealed_to(core.journal.log(), &rows).await?;
            match core.journal.totals(&above, scope.days, scope.hours) {
                Ok(unsealed) => break (sealed, unsealed),
                Err(moved) => looks.again(moved).await?,
            }
        };
        let mut totals: BTreeMap<Day, DayTotal> =
            sealed.into_iter().map(|total| (total.day, total)).collect();
        for (_, more) in unsealed {
            let total = totals.entry(more.day).or_insert(DayTotal {
                count: 0,
                size_bytes: 0,
                day: more.day,
            });
            total.count += more.count;
            total.size_bytes += more.size_bytes;
        }
        Ok(totals
            .into_values()
            .filter(|total| total.count > 0)
            .collect())
    }

    /// Returns the same counts as [`Self::status`] of an account, for each of its domains by itself: those of a day
    /// together, the account's own first, then spaces by GUID. A space that was deleted still has its events. The counts of
    /// one domain are of one moment; those of different domains may differ in it, so that no snapshot is held for long.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn status_by_domain(
        &self,
        account: AccountId,
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>> {
        let core = &self.core;
        let of_account = core.catalog.domains_of(Target::Account(account)).await?;
        let mut totals: BTreeMap<(Day, bool, Domain), DayTotal> = BTreeMap::new();
        for some in of_account.chunks(DOMAINS_AT_ONCE) {
            for (domain, more) in self.counts_of(some, days, hours).await? {
                let place = (more.day, matches!(domain, Domain::Space(_)), domain);
                let total = totals.entry(place).or_insert(DayTotal {
                    day: more.day,
                    count: 0,
                    size_bytes: 0,
                });
                total.count += more.count;
                total.size_bytes += more.size_bytes;
            }
        }
        let totals = totals.into_iter().filter(|(_, total)| total.count > 0);
        Ok(totals
            .map(|((.., domain), total)| (domain, total))
            .collect())
    }

    /// Returns sealed and unsealed counts of these domains, at one moment.
    async fn counts_of(
        &self,
        domains: &[DomainRow],
        days: DayRange,
        hours: Hours,
    ) -> Result<Vec<(Domain, DayTotal)>> {
        let core = &self.core;
        let mut looks = core.begin_to_count().await?;
        loop {
            let mut snapshot = core.catalog.count_snapshot().await?;
            let mut view = snapshot.view();
            let mut counts = view.totals_by_domain(domains, days, hours).await?;
            let above = view.sealed_to(core.journal.log(), domains).await?;
            match core.journal.totals(&above, days, hours) {
                Ok(unsealed) => {
                    counts.extend(unsealed);
                    return Ok(counts);
                }
                Err(moved) => looks.again(moved).await?,
            }
        }
    }
}
