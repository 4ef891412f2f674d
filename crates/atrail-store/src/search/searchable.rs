//! How much of the sealed events the index has.

use std::collections::BTreeMap;

use atrail_disk::Result;
use atrail_model::{AccountId, Day, DayRange, Domain, Hours, Scope};

use super::index_cache::VERSION;
use crate::Store;

/// How much of a day's sealed events the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Searchable {
    /// All of them.
    All,
    /// Some of them: searches read the lines of the others.
    Some,
    /// None of them.
    None,
}

impl Searchable {
    const fn of(sealed: u64, indexed: u64) -> Self {
        match indexed {
            _ if sealed == indexed || sealed == 0 => Self::All,
            0 => Self::None,
            _ => Self::Some,
        }
    }
}

impl Store {
    /// Returns how much of each day the index has, for days of the scope that have events. The hours of the scope do not
    /// matter. Unsealed events need no index.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn searchable(&self, scope: Scope) -> Result<BTreeMap<Day, Searchable>> {
        let scope = Scope {
            hours: Hours::ALL,
            ..scope
        };
        let core = &self.core;
        let all = self.status(scope).await?;
        let (sealed, indexed) = core.catalog.indexed_of(&scope, VERSION).await?;
        let days = all.into_iter().map(|total| {
            let sealed = sealed.get(&total.day).copied().unwrap_or(0);
            let indexed = indexed.get(&total.day).copied().unwrap_or(0);
            (total.day, Searchable::of(sealed, indexed))
        });
        Ok(days.collect())
    }

    /// Returns the same for each domain of an account. Days without sealed events are absent.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn searchable_by_domain(
        &self,
        account: AccountId,
        days: DayRange,
    ) -> Result<BTreeMap<(Domain, Day), Searchable>> {
        let catalog = &self.core.catalog;
        let counts = catalog.indexed_by_domain(account, days, VERSION).await?;
        let counts = counts.into_iter();
        Ok(counts
            .map(|(place, (sealed, indexed))| (place, Searchable::of(sealed, indexed)))
            .collect())
    }
}
