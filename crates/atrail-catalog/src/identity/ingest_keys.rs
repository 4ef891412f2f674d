//! Ingest keys: each only sends, to one domain, and no user holds it.

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, Home, IngestTerms, LoginId, Timestamp};

use super::Identity;
use super::api_keys::ApiKeyHolder;
use super::ingest_rows::{IngestKey, ingest_key, keys, previous};
use super::key_rows::{KeyReach, KeyRow, delete_key, key_called, key_within, no_key};
use super::role_rows::must_be_a_place;
use crate::failure::failed_to;
use crate::names;
use crate::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection, Row};

/// Ingest keys that an account may have.
const MAX_KEYS_OF_AN_ACCOUNT: i64 = 10_000;

/// The secret of an ingest key as the catalog keeps it.
#[derive(Debug, Clone, Copy)]
pub struct IngestSecret {
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// The number of the secret.
    pub generation: u64,
}

/// A new ingest key.
#[derive(Debug, Clone)]
pub struct NewIngestKey<'a> {
    /// The public part.
    pub id: &'a str,
    /// The name that its maker has chosen.
    pub name: &'a str,
    /// Where its events go, and how they are read.
    pub terms: IngestTerms,
    /// Whether an event that names an organization goes to the account's space of that name, if it has exactly one. Only of
    /// a key for the account's own domain.
    pub by_organization: bool,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// Whether the server can check signatures that senders make with the secret.
    pub signs: bool,
    /// SHA-256 of the client certificate that stands for the key.
    pub certificate: Option<[u8; 32]>,
    /// After how many seconds without an event its sender counts as silent.
    pub silent_after_secs: Option<u64>,
    /// The name of the user who makes it.
    pub maker: &'a str,
}

/// What the server needs to check a signature of an ingest key.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The id of the requests with the key.
    pub login: LoginId,
    /// The secrets in force, the current one first.
    pub secrets: Vec<IngestSecret>,
}

impl Identity {
    /// Stores a new ingest key.
    ///
    /// # Errors
    /// When the name is invalid or another key of the account has it, another key has the certificate, the account has
    /// too many keys, or the catalog fails; `NotFound` when the place is gone.
    pub async fn create_ingest_key(
        &self,
        new: NewIngestKey<'_>,
        now: Timestamp,
    ) -> Result<IngestKey> {
        const WHAT: &str = "create an ingest key";
        let NewIngestKey {
            id,
            name,
            terms,
            by_organization,
            hash,
            signs,
            certificate,
            silent_after_secs,
            maker,
        } = new;
        let name = names::fit("ingest key", name)?;
        let mut tx = self.begin(WHAT).await?;
        let IngestTerms {
            account,
            space,
            format,
            strict,
        } = &terms;
        if by_organization && space.is_some() {
            return Err(StoreError::Invalid(
                "only a key for the account's own domain leads events to spaces by their organization".to_owned(),
            ));
        }
        let home = Home {
            account: Some(*account),
            space: *space,
        };
        must_be_a_place(&mut tx, home, WHAT).await?;
        must_be_free(&mut tx, *account, name.as_ref(), certificate, WHAT).await?;
        sql::query(
            "INSERT INTO ingest_keys (key, login, name, account, space, hash, format, strict, signs, generation, certificate, \
             maker, created, silent_after, by_organization) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(LoginId::generate().bytes())
        .bind(name.as_ref())
        .bind(account.bytes())
        .bind(space.as_ref().map(Id::bytes))
        .bind(hash.as_slice())
        .bind(format.as_deref())
        .bind(strict)
        .bind(signs)
        .bind(certificate.as_ref().map(<[u8; 32]>::as_slice))
        .bind(maker)
        .bind(nanoseconds(now))
        .bind(silent_after_secs.and_then(|seconds| i64::try_from(seconds).ok()))
        .bind(by_organization)
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let made = key_called(&mut *tx, id, WHAT).await?;
        tx.commit().await?;
        made.ok_or_else(no_key::<IngestKey>)
    }

    /// Returns the ingest keys within reach, of this account or of all, oldest first.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn ingest_keys(
        &self,
        reach: KeyReach<'_>,
        account: Option<AccountId>,
    ) -> Result<Vec<IngestKey>> {
        let rows = sql::query(keys!("?1 IS NULL OR account = ?1"))
            .bind(account.as_ref().map(Id::bytes))
            .fetch_all(self.catalog.readers())
            .await
            .map_err(failed_to("list ingest keys"))?;
        let keys: Result<Vec<_>> = rows.iter().map(ingest_key).collect();
        let mut keys = keys?;
        keys.retain(|key| key.is_within(reach));
        Ok(keys)
    }

    /// Returns the ingest key with this public part within reach.
    ///
    /// # Errors
    /// `NotFound` when there is none, or when the catalog fails.
    pub async fn ingest_key(&self, reach: KeyReach<'_>, id: &str) -> Result<IngestKey> {
        let on = self.catalog.readers();
        key_within(on, reach, id, "look up an ingest key").await
    }

    /// Gives an ingest key another secret, the next after `secret.generation - 1`. The one before works until
    /// `previous_until`; one that was before that ends at once.
    ///
    /// # Errors
    /// `NotFound` when there is no such key within reach, `Conflict` when it was rotated meanwhile, or when the catalog
    /// fails.
    pub async fn rotate_ingest_key(
        &self,
        reach: KeyReach<'_>,
        id: &str,
        secret: IngestSecret,
        previous_until: Timestamp,
        now: Timestamp,
    ) -> Result<IngestKey> {
        const WHAT: &str = "rotate an ingest key";
        let mut tx = self.begin(WHAT).await?;
        let key: IngestKey = key_within(&mut *tx, reach, id, WHAT).await?;
        if key.generation + 1 != secret.generation {
            return Err(StoreError::Conflict(
                "somebody else rotated the ingest key at the same time".to_owned(),
            ));
        }
        sql::query(
            "UPDATE ingest_keys SET previous = hash, previous_until = ?, hash = ?, generation = generation + 1, rotated = ? \
             WHERE key = ?",
        )
        .bind(nanoseconds(previous_until))
        .bind(secret.hash.as_slice())
        .bind(nanoseconds(now))
        .bind(id)
        .execute(&mut *tx)
        .await
        .map_err(failed_to(WHAT))?;
        let rotated = key_called(&mut *tx, id, WHAT).await?;
        tx.commit().await?;
        rotated.ok_or_else(no_key::<IngestKey>)
    }

    /// Deletes an ingest key within reach; returns the key.
    ///
    /// # Errors
    /// `NotFound` when there is no such key, or when the catalog fails.
    pub async fn delete_ingest_key(&self, reach: KeyReach<'_>, id: &str) -> Result<IngestKey> {
        delete_key(self, reach, id, "delete an ingest key").await
    }

    /// Returns the id of the requests of the ingest key that this client certificate stands for, by the SHA-256 of its
    /// DER.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn ingest_key_of_certificate(&self, sha256: [u8; 32]) -> Result<Option<LoginId>> {
        let row = sql::query("SELECT login FROM ingest_keys WHERE certificate = ?")
            .bind(sha256.as_slice())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up a client certificate"))?;
        row.map(|row| row.id("login")).transpose()
    }

    /// Returns whether an event that names an organization goes, with the ingest key of these requests, to the account's
    /// space of that name.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn ingest_key_is_by_organization(&self, login: LoginId) -> Result<bool> {
        let row = sql::query("SELECT by_organization FROM ingest_keys WHERE login = ?")
            .bind(login.bytes())
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up an ingest key"))?;
        row.map_or(Ok(false), |row| Ok(row.integer("by_organization")? != 0))
    }

    /// Returns how to check signatures of the ingest key with this public part; `None` when there is no such key, or it
    /// signs nothing.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn signer(&self, id: &str, now: Timestamp) -> Result<Option<Signer>> {
        let row = sql::query(keys!("key = ? AND signs"))
            .bind(id)
            .fetch_optional(self.catalog.readers())
            .await
            .map_err(failed_to("look up an ingest key"))?;
        let Some(row) = row else { return Ok(None) };
        let generation = row.unsigned("generation")?;
        let mut secrets = vec![IngestSecret {
            hash: row.hash("hash")?,
            generation,
        }];
        if let Some((hash, until)) = previous(&row)?
            && until > now
        {
            secrets.push(IngestSecret {
                hash,
                generation: generation.saturating_sub(1),
            });
        }
        Ok(Some(Signer {
            login: row.id("login")?,
            secrets,
        }))
    }

    /// Returns how to verify the ingest key with this public part.
    pub(super) async fn ingest_key_called(&self, id: &str) -> Result<Option<ApiKeyHolder>> {
        let row = sql::query(
            "SELECT login, hash, previous, previous_until FROM ingest_keys WHERE key = ?",
        )
        .bind(id)
        .fetch_optional(self.catalog.readers())
        .await
        .map_err(failed_to("look up an ingest key"))?;
        row.map(|row| {
            Ok(ApiKeyHolder {
                user: None,
                hash: row.hash("hash")?,
                previous: previous(&row)?,
                login: row.id("login")?,
            })
        })
        .transpose()
    }
}

impl KeyRow for IngestKey {
    const CALLED: &'static str = "ingest key";
    const SELECT: &'static str = keys!("key = ?");
    const DELETE: &'static str = "DELETE FROM ingest_keys WHERE key = ?";

    fn of_row(row: &Row) -> Result<Self> {
        ingest_key(row)
    }

    /// The keys of an account are its owners' to manage.
    fn is_within(&self, reach: KeyReach<'_>) -> bool {
        match reach {
            KeyReach::All => true,
            KeyReach::Of(_, owned) => owned.contains(&self.terms.account),
        }
    }
}

/// Refuses a name or a certificate that another key has, and one key too many.
async fn must_be_free(
    connection: &mut Connection,
    account: AccountId,
    name: &str,
    certificate: Option<[u8; 32]>,
    what: &'static str,
) -> Result<()> {
    let (named, certified, count): (bool, bool, i64) = sql::query_as(
        "SELECT EXISTS (SELECT 1 FROM ingest_keys WHERE account = ?1 AND name = ?2), \
         EXISTS (SELECT 1 FROM ingest_keys WHERE certificate = ?3), \
         (SELECT COUNT(*) FROM ingest_keys WHERE account = ?1)",
    )
    .bind(account.bytes())
    .bind(name)
    .bind(certificate.as_ref().map(<[u8; 32]>::as_slice))
    .fetch_one(connection)
    .await
    .map_err(failed_to(what))?;
    if named {
        return Err(StoreError::Conflict(format!(
            "the account has an ingest key {name:?} already: rotate or delete it, or choose another name"
        )));
    }
    if certified {
        return Err(StoreError::Conflict(
            "the certificate stands for another ingest key already".to_owned(),
        ));
    }
    if count >= MAX_KEYS_OF_AN_ACCOUNT {
        return Err(StoreError::Conflict(format!(
            "an account may have {MAX_KEYS_OF_AN_ACCOUNT} ingest keys: delete one first"
        )));
    }
    Ok(())
}
