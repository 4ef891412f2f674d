//! Whose keys a caller may manage: the same for API keys and ingest keys.

use atrail_model::{AccountId, AccountRole};
use atrail_store::KeyReach;

use crate::auth::principal::Principal;
use crate::error::ApiError;

/// Returns the accounts that the caller owns.
pub(super) fn owned(principal: &Principal) -> Vec<AccountId> {
    let owned = principal.standing().accounts_with(AccountRole::Owner);
    owned.collect()
}

/// Returns whose keys a caller may manage who owns these accounts.
pub(super) fn reach<'a>(principal: &Principal, owned: &'a [AccountId]) -> KeyReach<'a> {
    if principal.is_operator() {
        KeyReach::All
    } else {
        KeyReach::Of(principal.id(), owned)
    }
}

/// Returns the account with this GUID, whose keys the caller may manage.
pub(super) fn account_called(principal: &Principal, guid: &str) -> Result<AccountId, ApiError> {
    let unknown = || ApiError::not_found("account");
    let account = guid.parse().map_err(|_| unknown())?;
    if !principal.is_operator() {
        principal.must_own(account, principal.knows_account(account), "account")?;
    }
    Ok(account)
}
