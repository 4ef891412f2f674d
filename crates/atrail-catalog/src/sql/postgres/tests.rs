#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use atrail_disk::{ErrorKind, StoreError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::Catalog;
use crate::sql;
use crate::testing::postgres::Database;

mod begin;

/// Ends every connection to the database, as a restart of the server does.
async fn end_connections(database: &Database) {
    let options: PgConnectOptions = database.url().parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
}

async fn insert(catalog: &Catalog, path: &'static str) -> Result<(), StoreError> {
    let mut tx = catalog.begin("insert").await?;
    let query = sql::query("INSERT INTO waste (path) VALUES (?)").bind(path);
    query
        .execute(&mut *tx)
        .await
        .map_err(crate::failure::failed_to("insert"))?;
    tx.commit().await
}

const ALL: &str = "SELECT COUNT(*) FROM waste";

#[tokio::test]
async fn another_node_is_refused_until_the_first_one_ends() {
    let Some(database) = Database::new().await else {
        return;
    };
    let first = database.catalog().await;
    let refused = database.open().await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    assert!(
        refused.to_string().contains("another atrail server"),
        "{refused}"
    );
    first.close().await;
    database.catalog().await.close().await;
}

/// A node that lost its lock without noticing cannot write any more once another one has begun.
#[tokio::test]
async fn a_node_that_was_replaced_writes_nothing() {
    let Some(database) = Database::new().await else {
        return;
    };
    let first = database.catalog().await;
    insert(&first, "a").await.unwrap();
    first.node.as_ref().unwrap().leave().await;
    let second = database.catalog().await;
    insert(&second, "b").await.unwrap();
    for _ in 0..3 {
        let refused = insert(&first, "c").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");
        let why = atrail_disk::chain(&refused);
        assert!(
            why.contains("another atrail server uses this catalog now"),
            "{why}"
        );
    }
    assert_eq!(second.number(ALL).await, 2);
}

#[tokio::test]
async fn a_directory_and_a_catalog_belong_together() {
    let Some(database) = Database::new().await else {
        return;
    };
    database.catalog().await.close().await;
    let other = tempfile::tempdir().unwrap();
    let refused = database.open_for(other.path()).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("belongs to another data directory"),
        "{refused}"
    );
    // The control: nothing was left behind, and the right directory is accepted.
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
    database.catalog().await.close().await;
}

/// What is begun after the server restarted succeeds; what was under way fails as something that may succeed later.
#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    insert(&catalog, "a").await.unwrap();
    assert_eq!(catalog.number(ALL).await, 1);
    let mut unfinished = catalog.begin("insert").await.unwrap();
    end_connections(&database).await;
    let query = sql::query("INSERT INTO waste (path) VALUES ('b')");
    let lost = query.execute(&mut *unfinished).await;
    let lost = crate::failure::failed_to("insert")(lost.unwrap_err());
    assert_eq!(lost.kind(), ErrorKind::Unavailable, "{lost:?}");
    drop(unfinished);
    insert(&catalog, "c").await.unwrap();
    let mut snapshot = catalog.snapshot("read").await.unwrap();
    let count = sql::query_as(ALL).fetch_one(&mut *snapshot.view().connection);
    let (count,): (i64,) = count.await.unwrap();
    assert_eq!(count, 2);
}

/// PostgreSQL answers a commit of a failed transaction as if it were done.
#[tokio::test]
async fn a_transaction_with_a_failed_statement_is_not_committed() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    let mut tx = catalog.begin("insert").await.unwrap();
    sql::query("INSERT INTO waste (path) VALUES ('a')")
        .execute(&mut *tx)
        .await
        .unwrap();
    let failed = sql::query("INSERT INTO waste (path) VALUES ('a')").execute(&mut *tx);
    failed.await.unwrap_err();
    tx.commit().await.unwrap_err();
    assert_eq!(catalog.number(ALL).await, 0);
}

/// A server that is gone fails a request soon, and as something that passes.
#[tokio::test]
async fn a_server_that_does_not_answer_is_reported_as_away() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    let options: PgConnectOptions = database.server().parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    let refuse = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name());
    let refuse = sqlx::raw_sql(AssertSqlSafe(refuse));
    refuse.execute(&mut connection).await.unwrap();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        database.name()
    );
    let end = sqlx::raw_sql(AssertSqlSafe(end));
    end.execute(&mut connection).await.unwrap();
    let failed = tokio::time::timeout(Duration::from_secs(60), insert(&catalog, "a"));
    let failed = failed.await.unwrap().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable, "{failed:?}");
    let accept = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name());
    let accept = sqlx::raw_sql(AssertSqlSafe(accept));
    accept.execute(&mut connection).await.unwrap();
    insert(&catalog, "a").await.unwrap();
}
