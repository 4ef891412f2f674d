//! The tables in PostgreSQL. A new database begins at the step that was the last one when PostgreSQL was added; each later
//! step has a text for either. What only nodes that share a catalog need, PostgreSQL alone has; its steps have their own
//! numbers.

use atrail_disk::Result;
use sqlx::AssertSqlSafe;
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

/// The steps of what PostgreSQL alone has, in order. A released step never changes.
const CLUSTER: [&str; 6] = [
    include_str!("postgres/cluster/0001_nodes.sql"),
    include_str!("postgres/cluster/0002_sealed_secrets.sql"),
    include_str!("postgres/cluster/0003_checkpoints.sql"),
    include_str!("postgres/cluster/0004_dedup_runs.sql"),
    include_str!("postgres/cluster/0005_removals.sql"),
    include_str!("postgres/cluster/0006_set_back.sql"),
];

/// Creates the tables, or upgrades them to the last step; each step is a transaction of its own. Of several nodes that start
/// at once, one does it.
pub(crate) async fn apply(connection: &mut PgConnection) -> Result<()> {
    let steps = std::iter::once((FIRST, BEGIN.as_slice()))
        .chain((FIRST + 1..).zip(LATER.iter().map(std::slice::from_ref)));
    apply_steps(connection, "schema_steps", steps, FIRST + LATER.len()).await?;
    let steps = (1..).zip(CLUSTER.iter().map(std::slice::from_ref));
    apply_steps(connection, "cluster_steps", steps, CLUSTER.len()).await
}

/// Takes the lock of the transactions that write, until the transaction ends.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1635021426, 0)";
const UPGRADE: &str = "upgrade its schema";

/// Does the steps that this table does not list yet.
async fn apply_steps(
    connection: &mut PgConnection,
    table: &'static str,
    steps: impl Iterator<Item = (usize, &'static [&'static str])>,
    last: usize,
) -> Result<()> {
    let make = format!("CREATE TABLE IF NOT EXISTS {table} (step BIGINT PRIMARY KEY)");
    let read = format!("SELECT COALESCE(MAX(step), 0) FROM {table}");
    let note = format!("INSERT INTO {table} (step) VALUES ($1)");
    for (step, texts) in steps {
        let mut tx = connection.begin().await.map_err(failed_to(UPGRADE))?;
        for text in [LOCK.to_owned(), make.clone()] {
            let run = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *tx).await;
            run.map_err(failed_to("prepare its schema"))?;
        }
        let done = sqlx::query_scalar(AssertSqlSafe(read.clone()));
        let done: i64 = done
            .fetch_one(&mut *tx)
            .await
            .map_err(failed_to("read its schema version"))?;
        let done = usize::try_from(done).unwrap_or(usize::MAX);
        if done > last {
            return Err(made_later(done));
        }
        if step > done {
            for text in texts {
                let run = sqlx::raw_sql(*text).execute(&mut *tx).await;
                run.map_err(failed_to(UPGRADE))?;
            }
            let noted = sqlx::query(AssertSqlSafe(note.clone()));
            let noted = noted
                .bind(i64::try_from(step).unwrap_or(i64::MAX))
                .execute(&mut *tx)
                .await;
            noted.map_err(failed_to(UPGRADE))?;
        }
        tx.commit().await.map_err(failed_to(UPGRADE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
