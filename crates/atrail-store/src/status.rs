//! Counts events per day.

use std::collections::BTreeMap;

use atrail_catalog::domains::DomainRow;
use atrail_disk::Result;
use atrail_model::{AccountId, Day, DayRange, DayTotal, Domain, Hours, Scope, Target};

use crate::Store;

/// Domains that are counted while no seal is published.
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
        let only = match scope.target {
            Target::Space(space) => Some(Domain::Space(space)),
            Target::Account(_) => None,
        };
        // No seal is published between the two reads: an event counts in exactly one of them.
        let unchanged = core.journal.keep_counts().await;
        let sealed = core.catalog.totals(&scope).await?;
        let mut unsealed = core.journal.totals(only, scope.days, scope.hours);
        core.apart
            .add_totals(&mut unsealed, only, scope.days, scope.hours);
        drop(unchanged);
        let unsealed = match scope.target {
            Target::Space(_) => unsealed,
            Target::Account(account) => {
                // A domain that is missing in the catalog belongs to nobody; sealing reports it.
                let domains = core
                    .domains(unsealed.iter().map(|(domain, _)| *domain))
                    .await?;
                let of_account = |domain: &Domain| {
                    domains
                        .get(domain)
                        .is_some_and(|row| row.account == account)
                };
                unsealed
                    .into_iter()
                    .filter(|(domain, _)| of_account(domain))
                    .collect()
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
    /// one domain are of one moment; those of different domains may differ in it, so that nobody's seal waits for all.
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
        // No seal is published between the two reads: an event counts in exactly one of them.
        let unchanged = core.journal.keep_counts().await;
        let mut counts = core.catalog.totals_by_domain(domains, days, hours).await?;
        for row in domains {
            let only = Some(row.domain);
            let mut unsealed = core.journal.totals(only, days, hours);
            core.apart.add_totals(&mut unsealed, only, days, hours);
            counts.extend(unsealed);
        }
        drop(unchanged);
        Ok(counts)
    }
}
