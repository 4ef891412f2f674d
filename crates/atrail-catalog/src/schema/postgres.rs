//! The tables in PostgreSQL. A new database begins at the step that was the last one when PostgreSQL was added; each later
//! step has a text for either.

use atrail_disk::Result;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::made_later;
use crate::failure::failed_to;

/// The step at which a new database begins.
const FIRST: usize = 24;
/// Its functions and tables.
const BEGIN: [&str; 2] = [
    include_str!("postgres/functions.sql"),
    include_str!("postgres/0024.sql"),
];
/// The steps after it, in order. A released step never changes.
const LATER: [&str; 4] = [
    include_str!("postgres/0025.sql"),
    include_str!("postgres/0026.sql"),
    include_str!("postgres/0027.sql"),
    include_str!("postgres/0028.sql"),
];

/// Creates the tables, or upgrades them to the last step; each step is a transaction of its own. Nobody else may use the
/// catalog.
pub(crate) async fn apply(connection: &mut PgConnection) -> Result<()> {
    const UPGRADE: &str = "upgrade its schema";
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_steps (step BIGINT PRIMARY KEY)")
        .execute(&mut *connection)
        .await
        .map_err(failed_to("prepare its schema"))?;
    let done = sqlx::query_scalar("SELECT COALESCE(MAX(step), 0) FROM schema_steps");
    let done: i64 = done
        .fetch_one(&mut *connection)
        .await
        .map_err(failed_to("read its schema version"))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > FIRST + LATER.len() {
        return Err(made_later(done));
    }
    let steps = std::iter::once((FIRST, BEGIN.as_slice()))
        .chain((FIRST + 1..).zip(LATER.iter().map(std::slice::from_ref)));
    for (step, texts) in steps.filter(|(step, _)| *step > done) {
        let mut tx = connection.begin().await.map_err(failed_to(UPGRADE))?;
        for text in texts {
            let run = sqlx::raw_sql(*text).execute(&mut *tx).await;
            run.map_err(failed_to(UPGRADE))?;
        }
        let noted = sqlx::query("INSERT INTO schema_steps (step) VALUES ($1)");
        let noted = noted
            .bind(i64::try_from(step).unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await;
        noted.map_err(failed_to(UPGRADE))?;
        tx.commit().await.map_err(failed_to(UPGRADE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
