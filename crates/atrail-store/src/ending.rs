//! Ending spaces and accounts. What happened in them does not end by itself: a domain outlives its space.

use atrail_model::{
    AccountId, Day, DayRange, EventTotal, Hours, Requester, Scope, SpaceId, Target,
};

use crate::Store;
use crate::catalog::tenancy::holds_events;
use crate::error::{Result, StoreError, chain};

/// What becomes of the events of a space that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOfSpace {
    /// They stay with the account.
    Stay,
    /// They are deleted.
    Go,
}

impl Store {
    /// What a space holds, of all days.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn space_holds(&self, space: SpaceId) -> Result<EventTotal> {
        self.total(Target::Space(space)).await
    }

    async fn total(&self, target: Target) -> Result<EventTotal> {
        self.count(everything(target)).await
    }

    /// Deletes a space with its roles and sessions, and answers what it held. Its events stay with the account, or go
    /// first; those that came in the meantime go after.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while a legal hold stands on the space itself, or as for [`Store::delete_events`].
    pub async fn delete_space(
        &self,
        space: SpaceId,
        requester: impl Into<Requester<'_>>,
        events: EventsOfSpace,
    ) -> Result<EventTotal> {
        let target = Target::Space(space);
        let requester = requester.into();
        let tenancy = self.tenancy().on_behalf_of(requester.name);
        let tenancy = tenancy.at_request_of(requester.warrant.cloned());
        tenancy.space(space).await?;
        let held = match events {
            EventsOfSpace::Stay => self.total(target).await?,
            EventsOfSpace::Go => {
                self.delete_events(everything(target), requester, false)
                    .await?
            }
        };
        let domains = self.core.catalog.domains_of(target).await?;
        let ended = self
            .core
            .with_reserve(|| tenancy.delete_space(space, self.core.clock.now()))
            .await;
        if let Err(rest) = ended {
            if events == EventsOfSpace::Stay || held.count == 0 {
                return Err(rest);
            }
            return Err(StoreError::Partly {
                done: held,
                rest: Box::new(rest),
            });
        }
        if events == EventsOfSpace::Stay {
            return Ok(held);
        }
        // The space is gone, so this is not refused for what was asked for before.
        let by_name = Requester {
            warrant: None,
            ..requester
        };
        let scope = everything(target);
        match self.delete_now(scope, domains, by_name).await {
            Ok(late) => Ok(held.and(late)),
            Err(error) => {
                tracing::error!(%space, error = chain(&error), "events that came while a space was deleted stay with its account");
                Ok(EventTotal {
                    is_owed: true,
                    ..held
                })
            }
        }
    }

    /// Deletes an account that has no organizations, holds no events, and is not held. Nobody can send to it while it is
    /// looked whether it may end, nor after.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when there is something in it, or when the catalog fails.
    pub async fn delete_account(
        &self,
        account: AccountId,
        requester: impl Into<Requester<'_>>,
    ) -> Result<()> {
        let core = &self.core;
        let requester = requester.into();
        let target = Target::Account(account);
        // Whoever sends to an account that stays is not to hear that it is ending.
        self.refuse_used(account).await?;
        let domains = core.catalog.domains_of(target).await?;
        let closed = core
            .closing
            .close(domains.iter().map(|row| row.domain).collect())
            .await;
        self.refuse_used(account).await?;
        let tenancy = self
            .tenancy()
            .on_behalf_of(requester.name)
            .at_request_of(requester.warrant.cloned());
        let now = core.clock.now();
        core.with_reserve(|| tenancy.delete_account(account, now))
            .await?;
        closed.for_ever();
        Ok(())
    }

    /// Refuses to end an account that has organizations or holds events.
    async fn refuse_used(&self, account: AccountId) -> Result<()> {
        let organizations = self.tenancy().organizations().await?;
        if organizations.iter().any(|one| one.account == account) {
            return Err(StoreError::Conflict(
                "the account has organizations: delete them first".to_owned(),
            ));
        }
        let held = self.total(Target::Account(account)).await?;
        if held.count > 0 {
            return Err(holds_events());
        }
        Ok(())
    }
}

fn everything(target: Target) -> Scope {
    Scope {
        target,
        days: DayRange::new(Day::FIRST, Day::LAST).expect("the first day is before the last"),
        hours: Hours::ALL,
    }
}
