//! Ends spaces and accounts. Their events do not end with them: a domain outlives its space.

use atrail_catalog::tenancy::holds_events;
use atrail_disk::{Result, StoreError, chain, joined};
use atrail_model::{
    AccountId, Day, DayRange, EventTotal, Hours, OwnedRequester, Requester, Scope, SpaceId, Target,
};

use crate::Store;

/// What happens to the events of a deleted space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOfSpace {
    /// They stay with the account.
    Stay,
    /// They are deleted.
    Go,
}

impl Store {
    /// Returns the total of a space's events, of all days.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn space_holds(&self, space: SpaceId) -> Result<EventTotal> {
        self.total(Target::Space(space)).await
    }

    async fn total(&self, target: Target) -> Result<EventTotal> {
        self.count(everything(target)).await
    }

    /// Deletes a space with its roles and sessions, and returns the total of its events. Its events stay with the
    /// account, or are deleted first; those that arrive meanwhile are deleted afterwards. None arrives once the space is
    /// gone.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` while a legal hold stands on the space itself, or as for [`Store::delete_events`].
    pub async fn delete_space(
        &self,
        space: SpaceId,
        requester: impl Into<Requester<'_>>,
        events: EventsOfSpace,
    ) -> Result<EventTotal> {
        let (this, requester) = (self.clone(), OwnedRequester::from(requester.into()));
        // Other nodes keep its domain closed until this has ended, whoever waits for it.
        let ending =
            tokio::spawn(async move { this.end_space(space, requester.get(), events).await });
        joined(ending).await
    }

    async fn end_space(
        &self,
        space: SpaceId,
        requester: Requester<'_>,
        events: EventsOfSpace,
    ) -> Result<EventTotal> {
        let target = Target::Space(space);
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
        let partly = |rest| {
            if events == EventsOfSpace::Stay || held.count == 0 {
                return rest;
            }
            StoreError::Partly {
                done: held,
                rest: Box::new(rest),
            }
        };
        let domains = self.core.catalog.domains_of(target).await?;
        let closed = self.core.close_everywhere(&domains).await;
        let closed = closed.map_err(partly)?;
        let ended = self
            .core
            .with_reserve(|| tenancy.delete_space(space, self.core.clock.now()))
            .await;
        let have_ended = ended.is_ok();
        if have_ended {
            // Nothing arrives after what is deleted below.
            closed.for_ever();
        }
        self.core.open_everywhere(&domains, have_ended).await;
        ended.map_err(partly)?;
        if events == EventsOfSpace::Stay {
            return Ok(held);
        }
        // The space is gone, so neither the warrant nor earlier requests may stop this.
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

    /// Deletes an account that has no organizations, no events, and no hold. It accepts no events while this checks
    /// whether it may end, nor afterwards.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` when it is not empty, or when the catalog fails.
    pub async fn delete_account(
        &self,
        account: AccountId,
        requester: impl Into<Requester<'_>>,
    ) -> Result<()> {
        let (this, requester) = (self.clone(), OwnedRequester::from(requester.into()));
        let ending = tokio::spawn(async move { this.end_account(account, requester.get()).await });
        joined(ending).await
    }

    async fn end_account(&self, account: AccountId, requester: Requester<'_>) -> Result<()> {
        let core = &self.core;
        let target = Target::Account(account);
        // Checked before the closing, so that no sender learns of the ending of an account that stays.
        self.refuse_used(account).await?;
        let domains = core.catalog.domains_of(target).await?;
        let closed = core.close_everywhere(&domains).await?;
        let ended = async {
            self.refuse_used(account).await?;
            let tenancy = self
                .tenancy()
                .on_behalf_of(requester.name)
                .at_request_of(requester.warrant.cloned());
            let now = core.clock.now();
            core.with_reserve(|| tenancy.delete_account(account, now))
                .await
        };
        let ended = ended.await;
        let have_ended = ended.is_ok();
        if have_ended {
            closed.for_ever();
        }
        core.open_everywhere(&domains, have_ended).await;
        ended
    }

    /// Refuses to end an account that has organizations or events.
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
