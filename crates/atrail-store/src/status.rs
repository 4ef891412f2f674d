//! What is there, per day.

use std::collections::BTreeMap;

use atrail_model::{Day, DayTotal, Domain, Scope, Target};

use crate::Store;
use crate::error::Result;

impl Store {
    /// Counts per day of what is in scope, ascending; days without events are absent. Exact: what was acknowledged
    /// before the call counts, sealed or not. Costs a row per day and hour, however many events these
    /// hold and however many domains the account has; and a look at each unsealed hour, of an account's at those of every
    /// domain.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn status(&self, scope: Scope) -> Result<Vec<DayTotal>> {
        let core = &self.core;
        let only = match scope.target {
            Target::Space(space) => Some(Domain::Space(space)),
            Target::Account(_) => None,
        };
        // No sealing is published between the two readings: an event counts in exactly one of them.
        let unchanged = core.journal.keep_counts().await;
        let sealed = core.catalog.totals(&scope).await?;
        let mut unsealed = core.journal.totals(only, scope.days, scope.hours);
        core.apart
            .add_totals(&mut unsealed, only, scope.days, scope.hours);
        drop(unchanged);
        let unsealed = match scope.target {
            Target::Space(_) => unsealed,
            Target::Account(account) => {
                // One that the catalog does not know is nobody's; sealing says so.
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
}
