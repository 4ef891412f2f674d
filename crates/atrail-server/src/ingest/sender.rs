//! Finds the holders of a request's memory.

use atrail_model::Target;

use super::budget::Sender;
use crate::app::App;
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::serve::source::network;

impl Sender {
    /// Returns the sender of a caller's request about this target.
    pub(crate) async fn of(
        app: &App,
        principal: &Principal,
        target: Target,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            user: principal.id(),
            domain: target.domain(),
            account: app.account_of(target).await?,
            network: network(principal.address()),
            is_proven: true,
        })
    }
}
