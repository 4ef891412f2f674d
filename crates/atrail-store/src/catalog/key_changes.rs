//! How the signing key changed, for who remembers an earlier one.

use sqlx::SqliteConnection;

use super::Catalog;
use super::failure::failed_to;
use super::row::Columns;
use crate::error::Result;

impl Catalog {
    /// Adds the endorsement of a new key.
    pub(crate) async fn note_key_change(
        &self,
        connection: &mut SqliteConnection,
        endorsement: &str,
    ) -> Result<()> {
        sqlx::query("INSERT INTO key_changes (endorsement) VALUES (?)")
            .bind(endorsement)
            .execute(connection)
            .await
            .map_err(failed_to("note another signing key"))?;
        Ok(())
    }

    /// All endorsements, oldest first.
    pub(crate) async fn key_changes(&self) -> Result<Vec<String>> {
        let rows = sqlx::query("SELECT endorsement FROM key_changes ORDER BY change")
            .fetch_all(self.readers())
            .await
            .map_err(failed_to("list the signing keys"))?;
        rows.iter().map(|row| row.text("endorsement")).collect()
    }
}
