//! The state that every request shares.

use std::sync::Arc;

use atrail_disk::{Priority, spawn_low};
use atrail_model::{AccountId, Clock, Day, Target, Timestamp};
use atrail_sources::Engine;
use atrail_store::{Crowd, ErrorKind, Identity, Store, Tenancy, Turn, Turns};
use tokio_util::sync::CancellationToken;

use crate::audit::Audit;
use crate::auth::api_keys::ApiKeys;
use crate::auth::browser::Browsers;
use crate::auth::oidc::Oidc;
use crate::auth::passwords::Passwords;
use crate::auth::standings::Standings;
use crate::auth::throttle::Throttle;
use crate::auth::tokens::Tokens;
use crate::error::ApiError;
use crate::ingest::budget::Budget;
use crate::ingest_keys::IngestKeys;
use crate::metrics::Metrics;
use crate::receivers::acks::Acks;
use crate::search::Searches;
use crate::settings::Settings;
use crate::tail::Tails;

/// The parts of a running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) tenancy: Tenancy,
    pub(crate) identity: Identity,
    pub(crate) tokens: Tokens,
    pub(crate) api_keys: Arc<ApiKeys>,
    pub(crate) ingest_keys: Arc<IngestKeys>,
    pub(crate) browsers: Browsers,
    pub(crate) passwords: Passwords,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) throttle: Throttle,
    pub(crate) standings: Standings,
    /// Makes events of the payloads of other collectors' protocols.
    pub(crate) engine: Engine,
    /// Numbers the requests of senders that ask for acknowledgements.
    pub(crate) hec_acks: Acks,
    pub(crate) ingest_budget: Budget,
    /// Turns of the accounts for work on bodies that occupies a core for a while. A body counts for the account that
    /// its events go to.
    pub(crate) body_turns: Turns<AccountId>,
    pub(crate) searches: Searches,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Arc<Audit>,
    pub(crate) tails: Tails,
    /// Cancelled when the server stops.
    pub(crate) stop: CancellationToken,
}

impl App {
    /// Returns the current UTC day.
    pub(crate) fn today(&self) -> Result<Day, ApiError> {
        Day::of(self.clock.now()).ok_or_else(|| {
            ApiError::unavailable("the server's clock is outside the supported days, 1970-01-01 to 2149-06-06: ask the operator to correct it")
        })
    }

    /// Refuses an account that does not exist, with the same answer as for one that the caller may not know of.
    pub(crate) async fn must_exist(&self, account: AccountId) -> Result<(), ApiError> {
        match self.tenancy.account(account).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(ApiError::not_found("account"))
            }
            found => Ok(found.map(|_| ())?),
        }
    }

    /// Returns the account that a target belongs to. The caller has verified the requester's right to the target.
    pub(crate) async fn account_of(&self, target: Target) -> Result<AccountId, ApiError> {
        match target {
            Target::Account(account) => Ok(account),
            Target::Space(space) => {
                let account = self.standings.account_of(space, |_| true).await?;
                account.ok_or_else(|| ApiError::not_found("space"))
            }
        }
    }

    /// Waits for the account's turn for work that occupies a core for a while; the turn ends when it is dropped.
    pub(crate) async fn turn(&self, account: AccountId) -> Result<Turn<AccountId>, ApiError> {
        self.body_turns.take(account).await.map_err(|Crowd| {
            ApiError::unavailable("the server is processing too many bodies: try again in a moment")
        })
    }

    /// Runs work that occupies a core for a while on a thread of low priority, after the account's turn has come.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        account: AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turn(account).await?;
        // The work owns the turn: a caller that gives up does not free the thread, which still works.
        let worked = spawn_low(Priority::Lowest, move || {
            let result = work();
            drop(turn);
            result
        });
        worked.await.map_err(ApiError::internal)
    }

    /// Returns when a login that is refreshed now expires.
    pub(crate) fn refresh_end(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.settings.refresh_token_ttl)
            .unwrap_or(Timestamp::MAX)
    }
}
