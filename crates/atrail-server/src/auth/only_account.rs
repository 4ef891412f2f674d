//! The account of a request that names none: the only one that it can concern.

use std::collections::BTreeSet;

use atrail_api::ErrorCode;
use atrail_model::{AccountId, AccountRole};

use super::permissions::Action;
use super::principal::Principal;
use crate::app::App;
use crate::error::ApiError;

/// Number of accounts that an error lists.
const LISTED_ACCOUNTS: usize = 20;

/// Returns the account of a request that names none: the only one where the caller may do this.
pub(super) async fn only_account(
    app: &App,
    principal: &Principal,
    action: Action,
) -> Result<AccountId, ApiError> {
    let hint = "send the GUID of one as X-Auth-Account-Id";
    only_with(app, principal, action.account_roles(), hint).await
}

/// Returns the only account that the caller owns, for a body that names none.
pub(crate) async fn only_owned(app: &App, principal: &Principal) -> Result<AccountId, ApiError> {
    let hint = "send the GUID of one as `account`";
    only_with(app, principal, &[AccountRole::Owner], hint).await
}

/// Returns the only account in which the caller has one of these roles.
async fn only_with(
    app: &App,
    principal: &Principal,
    roles: &[AccountRole],
    hint: &str,
) -> Result<AccountId, ApiError> {
    let standing = principal.standing();
    let allowed: BTreeSet<_> = roles
        .iter()
        .flat_map(|role| standing.accounts_with(*role))
        .collect();
    let mut each = allowed.iter();
    match (each.next(), each.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => Err(ApiError::forbidden(
            "you may do this in no account: ask an owner of one for a role",
        )),
        _ => {
            let mut choice = Vec::new();
            for id in allowed.iter().take(LISTED_ACCOUNTS) {
                choice.push(match app.tenancy.account(*id).await {
                    Ok(account) => format!("{id} ({})", account.name),
                    Err(_) => id.to_string(),
                });
            }
            if allowed.len() > choice.len() {
                choice.push(format!("{} more", allowed.len() - choice.len()));
            }
            Err(ApiError::new(
                ErrorCode::AccountRequired,
                format!(
                    "you may do this in several accounts: {hint}: {}",
                    choice.join(", ")
                ),
            ))
        }
    }
}
