//! How long events are kept: asked for and set here; nothing acts on it yet.

use atrail_model::{Domain, Retention, Target};

use crate::Store;
use crate::error::{Result, StoreError};

/// How long the events of one domain are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainRetention {
    /// The domain.
    pub domain: Domain,
    /// How long.
    pub retention: Retention,
}

impl Store {
    /// How long events are kept in the target's domains: of an account its own first, then its spaces in the order of
    /// their making. A domain for which nothing was ever set keeps its events for ever.
    ///
    /// # Errors
    /// `NotFound` when there is no such target, or when the catalog fails.
    pub async fn retention(&self, target: Target) -> Result<Vec<DomainRetention>> {
        let rows = self.core.catalog.retention(target).await?;
        known(target, rows)
    }

    /// Sets how long events are kept in every domain that the target has now; spaces made later start with for ever.
    /// Returns what holds for them after.
    ///
    /// # Errors
    /// `NotFound` when there is no such target, or when the catalog fails; nothing was set then.
    pub async fn set_retention(
        &self,
        target: Target,
        retention: Retention,
    ) -> Result<Vec<DomainRetention>> {
        let rows = self.core.catalog.set_retention(target, retention).await?;
        known(target, rows)
    }
}

/// Every target that exists has a domain.
fn known(target: Target, rows: Vec<DomainRetention>) -> Result<Vec<DomainRetention>> {
    if rows.is_empty() {
        return Err(StoreError::NotFound {
            what: match target {
                Target::Space(id) => format!("space {id}"),
                Target::Account(id) => format!("account {id}"),
            },
        });
    }
    Ok(rows)
}
