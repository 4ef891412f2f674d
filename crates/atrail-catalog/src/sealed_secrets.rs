//! Secrets of nodes that share a catalog. The catalog has them sealed, and cannot read them.

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::row::Columns;
use crate::sql::{self, Query};

const READ: &str = "read a sealed secret";
const KEEP: &str = "keep a sealed secret";
const REMOVE: &str = "remove a sealed secret";

/// A secret as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Which key it is sealed under.
    pub key_id: Vec<u8>,
    /// What makes this sealing unlike every other.
    pub nonce: Vec<u8>,
    /// The sealed text.
    pub cipher: Vec<u8>,
}

impl SealedSecret {
    fn bind(&self, query: Query) -> Query {
        query
            .bind(&self.key_id)
            .bind(&self.nonce)
            .bind(&self.cipher)
    }
}

impl Catalog {
    /// Returns the secret of this name, if there is one.
    pub async fn sealed_secret(&self, name: &str) -> Result<Option<SealedSecret>> {
        let row = sql::query("SELECT key_id, nonce, cipher FROM sealed_secrets WHERE name = ?")
            .bind(name)
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(READ))?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(SealedSecret {
            key_id: row.bytes("key_id")?,
            nonce: row.bytes("nonce")?,
            cipher: row.bytes("cipher")?,
        }))
    }

    /// Returns the names of all secrets, in order.
    pub async fn sealed_secret_names(&self) -> Result<Vec<String>> {
        let rows = sql::query("SELECT name FROM sealed_secrets ORDER BY name");
        let rows = rows.fetch_all(self.readers()).await;
        let rows = rows.map_err(failed_to(READ))?;
        rows.iter().map(|row| row.text("name")).collect()
    }

    /// Adds a secret; returns `false`, and changes nothing, when there is one of this name.
    pub async fn create_sealed_secret(&self, name: &str, secret: &SealedSecret) -> Result<bool> {
        let mut tx = self.begin(KEEP).await?;
        let added = sql::query(
            "INSERT INTO sealed_secrets (name, generation, key_id, nonce, cipher) VALUES (?, 1, ?, ?, ?) \
             ON CONFLICT (name) DO NOTHING",
        );
        let added = secret.bind(added.bind(name)).execute(&mut *tx).await;
        let added = added.map_err(failed_to(KEEP))?.rows_affected() == 1;
        tx.commit().await?;
        Ok(added)
    }

    /// Adds a secret, and replaces an existing one.
    pub async fn replace_sealed_secret(&self, name: &str, secret: &SealedSecret) -> Result<()> {
        let mut tx = self.begin(KEEP).await?;
        let replaced = secret.bind(upsert().bind(name)).execute(&mut *tx).await;
        replaced.map_err(failed_to(KEEP))?;
        tx.commit().await
    }

    /// Replaces the secret `to`, or adds it, and removes the secret `from`; returns `false`, and changes nothing, when `from`
    /// is not there with this nonce any more.
    pub async fn rename_sealed_secret(
        &self,
        from: &str,
        nonce: &[u8],
        to: &str,
        secret: &SealedSecret,
    ) -> Result<bool> {
        let mut tx = self.begin(KEEP).await?;
        let removed = sql::query("DELETE FROM sealed_secrets WHERE name = ? AND nonce = ?")
            .bind(from)
            .bind(nonce)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(KEEP))?;
        if removed.rows_affected() == 0 {
            return Ok(false);
        }
        let replaced = secret.bind(upsert().bind(to)).execute(&mut *tx).await;
        replaced.map_err(failed_to(KEEP))?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a secret; returns `false` when there is none.
    pub async fn remove_sealed_secret(&self, name: &str) -> Result<bool> {
        let mut tx = self.begin(REMOVE).await?;
        let removed = sql::query("DELETE FROM sealed_secrets WHERE name = ?")
            .bind(name)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(REMOVE))?;
        tx.commit().await?;
        Ok(removed.rows_affected() == 1)
    }
}

fn upsert() -> Query {
    sql::query(
        "INSERT INTO sealed_secrets (name, generation, key_id, nonce, cipher) VALUES (?, 1, ?, ?, ?) \
         ON CONFLICT (name) DO UPDATE SET generation = sealed_secrets.generation + 1, key_id = excluded.key_id, \
         nonce = excluded.nonce, cipher = excluded.cipher",
    )
}
