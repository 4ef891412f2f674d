//! The first account, organization, space and user of a new server.

use atrail_disk::Result;
use atrail_model::{AccountId, LoginId, OrganizationId, SpaceId, Timestamp, UserId};

use super::Identity;
use crate::failure::failed_to;
use crate::log::Beginning;
use crate::row::{Id, nanoseconds};
use crate::sql;

/// The initial contents of a new server. The user is operator, and owner of the account.
#[derive(Clone)]
pub struct Founding<'a> {
    /// GUID of the account.
    pub account: AccountId,
    /// GUID of the organization.
    pub organization: OrganizationId,
    /// GUID of the space.
    pub space: SpaceId,
    /// The name of all three.
    pub tenancy_name: &'a str,
    /// Name of the user.
    pub user_name: &'a str,
    /// Argon2id hash of the password, as a PHC string.
    pub password_hash: &'a str,
    /// Public part of the API key.
    pub api_key_id: &'a str,
    /// SHA-256 of the API key.
    pub api_key_hash: [u8; 32],
    /// Whether the GUIDs are of an earlier founding, whose catalog may be lost: then new logs are of a new epoch.
    pub is_again: bool,
}

impl Identity {
    /// Reports whether there is any user.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn is_founded(&self) -> Result<bool> {
        let (there,): (bool,) = sql::query_as("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(self.catalog.readers())
            .await
            .map_err(failed_to("look for a user"))?;
        Ok(there)
    }

    /// Creates everything in one transaction. Existing accounts and spaces (in a recovered catalog) stay as they are.
    ///
    /// # Errors
    /// When the catalog fails; then nothing was created.
    pub async fn found(&self, founding: &Founding<'_>, now: Timestamp) -> Result<()> {
        const WHAT: &str = "make the first account and user";
        let Founding {
            account,
            organization,
            space,
            tenancy_name,
            user_name,
            password_hash,
            api_key_id,
            api_key_hash,
            is_again,
        } = founding;
        let user = UserId::generate();
        let key_login = LoginId::generate();
        let (account, organization, space, user) = (
            account.bytes(),
            organization.bytes(),
            space.bytes(),
            user.bytes(),
        );
        let created = nanoseconds(now);
        let mut tx = self.catalog.begin(WHAT).await?;
        let statements = [
            sql::query("INSERT INTO accounts (guid, name, created) VALUES (?, ?, ?) ON CONFLICT (guid) DO NOTHING")
                .bind(account)
                .bind(tenancy_name)
                .bind(created),
            sql::query("INSERT INTO organizations (guid, account, name, created) VALUES (?, ?, ?, ?) ON CONFLICT (guid) DO NOTHING")
                .bind(organization)
                .bind(account)
                .bind(tenancy_name)
                .bind(created),
            sql::query("INSERT INTO spaces (guid, organization, name, created) VALUES (?, ?, ?, ?) ON CONFLICT (guid) DO NOTHING")
                .bind(space)
                .bind(organization)
                .bind(tenancy_name)
                .bind(created),
            sql::query("INSERT INTO domains (account) VALUES (?) ON CONFLICT DO NOTHING").bind(account),
            sql::query("INSERT INTO domains (account, space) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(account)
                .bind(space),
            sql::query(
                "INSERT INTO users (guid, name, password, operator, created) VALUES (?, ?, ?, TRUE, ?)",
            )
            .bind(user)
            .bind(user_name)
            .bind(password_hash)
            .bind(created),
            sql::query("INSERT INTO api_keys (key, holder, name, hash, created, account, login) VALUES (?, ?, 'initial', ?, ?, ?, ?)")
                .bind(api_key_id)
                .bind(user)
                .bind(api_key_hash.as_slice())
                .bind(created)
                .bind(account)
                .bind(key_login.bytes()),
            sql::query(
                "INSERT INTO roles (holder, role, account, space, claimed) VALUES (?, 'owner', ?, NULL, FALSE)",
            )
            .bind(user)
            .bind(account),
        ];
        for statement in statements {
            statement.execute(&mut *tx).await.map_err(failed_to(WHAT))?;
        }
        let verifier_key = self.catalog.verifier_key();
        let beginning = Beginning {
            verifier_key: &verifier_key,
            actor: user_name,
            now,
        };
        beginning
            .founded(&mut tx, founding.account, founding.space, *is_again)
            .await?;
        tx.commit().await
    }
}
