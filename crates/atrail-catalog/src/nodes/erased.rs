//! Objects whose bytes are gone, so that each node lets go of its copies.

use atrail_disk::Result;

use super::super::Catalog;
use crate::failure::failed_to;
use crate::row::{Columns, signed};
use crate::sql::{self, Connection, Statement};

const ERASED: &str = "list what other nodes erased";

/// Notes erased objects, and forgets those that every node with a lease has noticed long ago.
pub(crate) async fn note_erased(connection: &mut Connection, paths: &[String]) -> Result<()> {
    let mut note = Statement::new("INSERT INTO erased_objects (path) ");
    note.push_values(paths, |mut row, path| {
        row.push_bind(path);
    });
    let noted = note.build().execute(&mut *connection).await;
    noted.map_err(failed_to(NOTE))?;
    let old = "DELETE FROM erased_objects WHERE at < clock_timestamp() - INTERVAL '1 hour'";
    let forgotten = sql::query(old).execute(&mut *connection).await;
    forgotten.map(drop).map_err(failed_to(NOTE))
}

const NOTE: &str = "note an erasure for other nodes";

impl Catalog {
    /// Returns the number of the last object that was erased.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn last_erased(&self) -> Result<u64> {
        let last = sql::query_as("SELECT COALESCE(MAX(number), 0) FROM erased_objects");
        let (last,): (i64,) = last
            .fetch_one(self.counters())
            .await
            .map_err(failed_to(ERASED))?;
        Ok(u64::try_from(last).unwrap_or_default())
    }

    /// Returns the paths of objects that were erased after this number, some of the first, each with its number.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn erased_after(&self, number: u64) -> Result<Vec<(u64, String)>> {
        let rows = sql::query(
            "SELECT number, path FROM erased_objects WHERE number > ? ORDER BY number LIMIT 1000",
        );
        let rows = rows.bind(signed(number)).fetch_all(self.counters()).await;
        let rows = rows.map_err(failed_to(ERASED))?;
        rows.iter()
            .map(|row| Ok((row.unsigned("number")?, row.text("path")?)))
            .collect()
    }
}
