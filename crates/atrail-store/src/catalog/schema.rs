//! The catalog's tables and how an older catalog becomes a newer one.

use sqlx::sqlite::SqlitePool;

use super::failed_to;
use crate::error::{Result, StoreError};

/// Each step in the order of its making. A released step never changes; a change is a new step.
const STEPS: &[&str] = &[
    include_str!("schema/0001_tenancy.sql"),
    include_str!("schema/0002_identity.sql"),
    include_str!("schema/0003_archive.sql"),
    include_str!("schema/0004_sessions.sql"),
    include_str!("schema/0005_retention.sql"),
    include_str!("schema/0006_compaction.sql"),
    include_str!("schema/0008_evidence.sql"),
];

/// Makes sure that a catalog that must not be changed is at the last step.
pub(super) async fn check(pool: &SqlitePool) -> Result<()> {
    let done = done(pool).await?;
    if done < STEPS.len() {
        return Err(StoreError::Conflict(format!(
            "the catalog was made by an earlier version of atrail (schema {done}, this one knows {}): start the \
             server of this version once, which brings it up to date",
            STEPS.len()
        )));
    }
    Ok(())
}

/// How many steps were done.
async fn done(pool: &SqlitePool) -> Result<usize> {
    let (done,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(step), 0) FROM schema_steps")
        .fetch_one(pool)
        .await
        .map_err(failed_to("read its schema version"))?;
    let done = usize::try_from(done).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        return Err(StoreError::Conflict(format!(
            "the catalog was made by a later version of atrail (schema {done}, this one knows {}): run that version",
            STEPS.len()
        )));
    }
    Ok(done)
}

/// Brings the catalog up to the last step, each in a transaction of its own.
pub(super) async fn apply(pool: &SqlitePool) -> Result<()> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY)")
        .execute(pool)
        .await
        .map_err(failed_to("prepare its schema"))?;
    let done = done(pool).await?;
    for (step, sql) in (1_i64..).zip(STEPS).skip(done) {
        let mut tx = pool
            .begin()
            .await
            .map_err(failed_to("upgrade its schema"))?;
        sqlx::raw_sql(*sql)
            .execute(&mut *tx)
            .await
            .map_err(failed_to("upgrade its schema"))?;
        sqlx::query("INSERT INTO schema_steps (step) VALUES (?)")
            .bind(step)
            .execute(&mut *tx)
            .await
            .map_err(failed_to("upgrade its schema"))?;
        tx.commit().await.map_err(failed_to("upgrade its schema"))?;
    }
    Ok(())
}
