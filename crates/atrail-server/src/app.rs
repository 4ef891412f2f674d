//! What every request shares.

use std::sync::Arc;

use atrail_model::{AccountId, Clock, Day, Target, Timestamp};
use atrail_store::{Crowd, ErrorKind, Identity, Store, Tenancy, Turns};

use crate::audit::Audit;
use crate::auth::oidc::Oidc;
use crate::auth::passwords::Passwords;
use crate::auth::standings::Standings;
use crate::auth::throttle::Throttle;
use crate::auth::tokens::Tokens;
use crate::error::ApiError;
use crate::ingest::budget::Budget;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// The parts of a running server.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Store,
    pub(crate) tenancy: Tenancy,
    pub(crate) identity: Identity,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) throttle: Throttle,
    pub(crate) standings: Standings,
    pub(crate) ingest_budget: Budget,
    /// Bodies that take a core for a while, by whose events they hold.
    pub(crate) body_turns: Turns<AccountId>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Arc<Audit>,
}

impl App {
    /// The current UTC day.
    pub(crate) fn today(&self) -> Result<Day, ApiError> {
        Day::of(self.clock.now()).ok_or_else(|| {
            ApiError::unavailable("the server's clock stands outside the days that are known here, 1970-01-01 to 2149-06-06")
        })
    }

    /// Refuses an account that is not there, as one that the caller may not know of is refused.
    pub(crate) async fn must_exist(&self, account: AccountId) -> Result<(), ApiError> {
        match self.tenancy.account(account).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(ApiError::not_found("account"))
            }
            found => Ok(found.map(|_| ())?),
        }
    }

    /// Whose a target is. The caller is known to have a right to it.
    pub(crate) async fn account_of(&self, target: Target) -> Result<AccountId, ApiError> {
        match target {
            Target::Account(account) => Ok(account),
            Target::Space(space) => {
                let account = self.standings.account_of(space, |_| true).await?;
                account.ok_or_else(|| ApiError::not_found("space"))
            }
        }
    }

    /// Does what takes a core for a while, beside the threads that answer and in turn with that of other accounts.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        account: AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.body_turns.take(account).await.map_err(|Crowd| {
            ApiError::unavailable("too many bodies are being worked on: try again in a moment")
        })?;
        // The turn goes along: a caller that gives up does not free the thread that is still at work.
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        worked.await.map_err(ApiError::internal)
    }

    /// When a login that is refreshed now ends.
    pub(crate) fn refresh_end(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.settings.refresh_token_ttl)
            .unwrap_or(Timestamp::MAX)
    }
}
