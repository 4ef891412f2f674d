//! Legal holds: while one stands on a space or an account, none of its events is deleted.

use atrail_catalog::domains::DomainRow;
use atrail_disk::{Result, StoreError};
use atrail_model::{Requester, StandingHold, Target};

use crate::Store;

impl Store {
    /// Sets a hold on a space, or on an account with all its spaces, later ones included. The requester states the
    /// reason.
    ///
    /// # Errors
    /// `Invalid` without a reason, `Conflict` when one already stands on the target, `NotFound`, or when the catalog
    /// fails.
    pub async fn set_hold(&self, target: Target, requester: Requester<'_>) -> Result<()> {
        if requester.reason.trim().is_empty() {
            return Err(StoreError::Invalid(
                "a legal hold needs a reason".to_owned(),
            ));
        }
        let core = &self.core;
        let domains = self.domains_of(target).await?;
        core.admit_record(target).await?;
        let set = || {
            let now = core.clock.now();
            core.catalog.set_hold(target, requester, now)
        };
        core.with_reserve(set).await?;
        core.sign_soon(&domains).await;
        Ok(())
    }

    /// Returns the standing holds on the target's domains.
    ///
    /// # Errors
    /// `NotFound`, or when the catalog fails.
    pub async fn holds(&self, target: Target) -> Result<Vec<StandingHold>> {
        let domains = self.domains_of(target).await?;
        self.core.catalog.holds(&domains).await
    }

    /// Ends the hold that was set on this target.
    ///
    /// # Errors
    /// `Conflict` when none stands, `NotFound`, or when the catalog fails.
    pub async fn release_hold(&self, target: Target, requester: Requester<'_>) -> Result<()> {
        let core = &self.core;
        let domains = self.domains_of(target).await?;
        let release = || {
            let now = core.clock.now();
            core.catalog.release_hold(target, requester, now)
        };
        if core.with_reserve(release).await? {
            core.sign_soon(&domains).await;
            return Ok(());
        }
        Err(StoreError::Conflict(format!(
            "no legal hold was set on {target}"
        )))
    }

    async fn domains_of(&self, target: Target) -> Result<Vec<DomainRow>> {
        let domains = self.core.catalog.domains_of(target).await?;
        if domains.is_empty() {
            return Err(StoreError::NotFound {
                what: target.to_string(),
            });
        }
        Ok(domains)
    }
}
