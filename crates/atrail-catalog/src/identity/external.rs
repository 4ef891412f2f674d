//! Users whom an identity provider vouches for.

use atrail_disk::{ErrorKind, Result};
use atrail_model::{HeldRole, Timestamp, User, UserId};

use super::Identity;
use super::columns::user;
use super::role_rows;
use super::users::fit_name;
use crate::failure::{failed_to, taken_or_failed_to};
use crate::row::{Id, nanoseconds};
use crate::sql;

/// An identity provider's statement about a user.
#[derive(Debug, Clone)]
pub struct ExternalUser<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The provider's own, unchanging identifier of the user.
    pub subject: &'a str,
    /// The user's name here.
    pub name: &'a str,
    /// The roles that follow from the claims; earlier claimed roles that do not follow any more are revoked.
    pub roles: &'a [HeldRole],
}

impl Identity {
    /// Returns the user of the provider, and creates the user at the first login; the user has the roles that the
    /// provider states now.
    ///
    /// # Errors
    /// `Conflict` when another user has the name, or when the catalog fails. A role at a place that is gone is left
    /// out.
    pub async fn admit_external_user(
        &self,
        external: &ExternalUser<'_>,
        now: Timestamp,
    ) -> Result<User> {
        const WHAT: &str = "admit a user of an identity provider";
        let ExternalUser {
            issuer,
            subject,
            name,
            roles,
        } = external;
        let mut tx = self.begin(WHAT).await?;
        let known = sql::query(
            "SELECT u.guid, u.name, u.operator FROM external_users e JOIN users u ON u.guid = e.holder \
             WHERE e.issuer = ? AND e.subject = ?",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let admitted = match known {
            Some(row) => user(&row)?,
            None => {
                let name = fit_name(name)?.into_owned();
                let id = UserId::generate();
                sql::query(
                    "INSERT INTO users (guid, name, password, operator, created) VALUES (?, ?, '', FALSE, ?)",
                )
                .bind(id.bytes())
                .bind(&name)
                .bind(nanoseconds(now))
                .execute(&mut *tx)
                .await
                .map_err(taken_or_failed_to(WHAT, || {
                    format!("another user has the name '{name}'")
                }))?;
                sql::query("INSERT INTO external_users (issuer, subject, holder) VALUES (?, ?, ?)")
                    .bind(issuer)
                    .bind(subject)
                    .bind(id.bytes())
                    .execute(&mut *tx)
                    .await
                    .map_err(failed_to(WHAT))?;
                User {
                    id,
                    name,
                    operator: false,
                }
            }
        };
        sql::query("DELETE FROM roles WHERE holder = ? AND claimed")
            .bind(admitted.id.bytes())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        for role in *roles {
            match role_rows::insert(&mut tx, admitted.id, *role, true, WHAT).await {
                // The place was deleted after the rules were read.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                outcome => drop(outcome?),
            }
        }
        tx.commit().await?;
        Ok(admitted)
    }
}
