//! Legal holds: while one stands on a space or an account, nothing of it is deleted.

use std::fmt;

use atrail_model::{Domain, Target, Timestamp, format_timestamp};

use crate::Store;
use crate::catalog::archive::DomainRow;
use crate::error::{Result, StoreError};
use crate::requester::Requester;
use crate::session::target_name;

/// A legal hold as it stands on one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingHold {
    /// The domain.
    pub domain: Domain,
    /// Whether it was set for the whole account; else for this space.
    pub at_account_level: bool,
    /// Why, in the words of who set it.
    pub reason: String,
    /// The name of who set it.
    pub actor: String,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for StandingHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            at_account_level,
            reason,
            actor,
            since,
        } = self;
        let level = if *at_account_level {
            ", set for the whole account"
        } else {
            ""
        };
        write!(
            f,
            "a legal hold on {domain} ({reason}; by {actor} on {}{level})",
            format_timestamp(*since)
        )
    }
}

impl Store {
    /// Sets a hold on a space, or on an account with all its spaces, those made later included. The reason is the
    /// requester's.
    ///
    /// # Errors
    /// `Invalid` without a reason, `Conflict` when one stands on the target already, `NotFound`, or when the catalog fails.
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
            core.catalog.set_hold(target, &domains, requester, now)
        };
        core.with_reserve(set).await?;
        core.sign(&domains).await
    }

    /// The holds that stand on the target's domains.
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
            core.catalog.release_hold(target, &domains, requester, now)
        };
        if core.with_reserve(release).await? {
            return core.sign(&domains).await;
        }
        let target = target_name(target);
        Err(StoreError::Conflict(format!(
            "no legal hold was set on {target}"
        )))
    }

    async fn domains_of(&self, target: Target) -> Result<Vec<DomainRow>> {
        let domains = self.core.catalog.domains_of(target).await?;
        if domains.is_empty() {
            return Err(StoreError::NotFound {
                what: target_name(target),
            });
        }
        Ok(domains)
    }
}
