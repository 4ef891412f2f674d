//! The accounts in which a login is on record, and those that are to have a record of a user's next one.

use atrail_disk::Result;
use atrail_model::{AccountId, LoginId, UserId};

use crate::failure::failed_to;
use crate::row::{Columns, Id};
use crate::sql::{self, Connection};

/// Notes that the account has a record of the login. Returns `false` when that was noted before, or there is no such
/// login or account.
pub(super) async fn insert(
    tx: &mut Connection,
    login: LoginId,
    account: AccountId,
    what: &'static str,
) -> Result<bool> {
    let done = sql::query(
        "INSERT INTO login_records (login, account) SELECT l.login, a.guid FROM logins l, accounts a \
         WHERE l.login = ? AND a.guid = ? AND a.deleted IS NULL ON CONFLICT DO NOTHING",
    )
    .bind(login.bytes())
    .bind(account.bytes())
    .execute(tx)
    .await
    .map_err(failed_to(what))?;
    Ok(done.rows_affected() > 0)
}

/// Returns the accounts that have a record of a login, in order.
pub(super) async fn of_login(
    connection: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<Vec<AccountId>> {
    let rows = sql::query("SELECT account FROM login_records WHERE login = ? ORDER BY account")
        .bind(login.bytes())
        .fetch_all(connection)
        .await
        .map_err(failed_to(what))?;
    rows.iter().map(|row| row.id("account")).collect()
}

/// Returns the accounts that are to record the end of a login: those with a record of it in which its user still holds
/// a role.
pub(super) async fn at_the_end_of(
    connection: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<Vec<AccountId>> {
    let rows = sql::query(
        "SELECT t.account FROM login_records t JOIN logins l ON l.login = t.login \
         WHERE t.login = ? AND EXISTS (SELECT 1 FROM roles r WHERE r.holder = l.holder AND r.account = t.account) \
         ORDER BY t.account",
    )
    .bind(login.bytes())
    .fetch_all(connection)
    .await
    .map_err(failed_to(what))?;
    rows.iter().map(|row| row.id("account")).collect()
}

/// Returns the accounts that a user holds a role in and has used, at most `at_most`; all in which the user holds one,
/// while the user has used none of them.
pub(super) async fn accounts_of(
    connection: &mut Connection,
    user: UserId,
    at_most: usize,
    what: &'static str,
) -> Result<Vec<AccountId>> {
    let rows = sql::query(
        "SELECT DISTINCT r.account FROM roles r WHERE r.holder = ?1 AND ( \
             EXISTS (SELECT 1 FROM account_uses u WHERE u.holder = ?1 AND u.account = r.account) \
             OR NOT EXISTS (SELECT 1 FROM account_uses u JOIN roles q ON q.holder = u.holder AND q.account = u.account \
                            WHERE u.holder = ?1)) \
         ORDER BY r.account LIMIT ?2",
    )
    .bind(user.bytes())
    .bind(i64::try_from(at_most).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await
    .map_err(failed_to(what))?;
    rows.iter().map(|row| row.id("account")).collect()
}

/// Returns whether somebody else made the API key that began this login, or whose requests have this id.
pub(super) async fn is_by_key_of_another_maker(
    connection: &mut Connection,
    login: LoginId,
    what: &'static str,
) -> Result<bool> {
    let (is,): (bool,) = sql::query_as(
        "SELECT EXISTS (SELECT 1 FROM api_keys WHERE login = ?1 AND maker IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM logins l JOIN api_keys k ON k.key = l.api_key \
                    WHERE l.login = ?1 AND k.maker IS NOT NULL)",
    )
    .bind(login.bytes())
    .fetch_one(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(is)
}
