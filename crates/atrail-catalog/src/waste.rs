//! Paths whose bytes do not belong to the archive and must be erased.

use atrail_disk::Result;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, ROWS_AT_ONCE};
use crate::sql::{self, Connection, Statement};

impl Catalog {
    /// Marks paths as waste until [`Self::prepare_seal`] unmarks them: a crash in between leaves no stray bytes. Marked
    /// paths stay so. For paths that no earlier transaction can have put into the archive: [`Self::disown`] is for the others.
    pub async fn mark_as_waste(&self, paths: &[String]) -> Result<()> {
        for chunk in paths.chunks(ROWS_AT_ONCE) {
            let mut tx = self.begin("prepare a seal").await?;
            insert_waste(&mut tx, chunk).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Returns the paths whose bytes must be erased.
    pub async fn waste(&self) -> Result<Vec<String>> {
        let rows = sql::query("SELECT path FROM waste")
            .fetch_all(self.readers())
            .await
            .map_err(failed_to("list what is to be erased"))?;
        rows.iter().map(|row| row.text("path")).collect()
    }

    /// As [`Self::waste`], in the turn of a transaction that writes: no commit of another node is under way, and this node is
    /// not fenced. What is waste then stays so.
    pub async fn certain_waste(&self) -> Result<Vec<String>> {
        const WHAT: &str = "list what is to be erased";
        let mut tx = self.begin(WHAT).await?;
        let rows = sql::query("SELECT path FROM waste").fetch_all(&mut *tx);
        let rows = rows.await.map_err(failed_to(WHAT))?;
        tx.commit().await?;
        rows.iter().map(|row| row.text("path")).collect()
    }

    /// Unmarks paths whose bytes are erased.
    pub async fn forget_waste(&self, paths: &[String]) -> Result<()> {
        for chunk in paths.chunks(ROWS_AT_ONCE) {
            let mut tx = self.begin("note an erasure").await?;
            delete_waste(&mut tx, chunk).await?;
            #[cfg(feature = "cluster")]
            if self.is_shared() {
                super::nodes::erased::note_erased(&mut tx, chunk).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

pub(super) async fn insert_waste(connection: &mut Connection, paths: &[String]) -> Result<()> {
    for chunk in paths.chunks(ROWS_AT_ONCE) {
        let mut query = Statement::new("INSERT INTO waste (path) ");
        query.push_values(chunk, |mut row, path| {
            row.push_bind(path);
        });
        query.push(" ON CONFLICT (path) DO NOTHING");
        query
            .build()
            .execute(&mut *connection)
            .await
            .map_err(failed_to("mark what is to be erased"))?;
    }
    Ok(())
}

pub(super) async fn delete_waste(connection: &mut Connection, paths: &[String]) -> Result<()> {
    let mut query = Statement::new("DELETE FROM waste WHERE path IN (");
    let mut list = query.separated(", ");
    for path in paths {
        list.push_bind(path);
    }
    query.push(")");
    query
        .build()
        .execute(&mut *connection)
        .await
        .map_err(failed_to("note an erasure"))?;
    Ok(())
}
