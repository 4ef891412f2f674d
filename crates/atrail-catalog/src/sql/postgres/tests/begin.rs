//! A transaction whose beginning fails, or for which nobody waits any longer, leaves nothing behind.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use futures_util::StreamExt as _;
use sqlx::SqlSafeStr as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, Postgres};

use super::super::{BEGIN_READ, Lent};
use super::*;
use crate::failure::failed_to;
use crate::sql::Pool;

/// How long a test waits for something that must not happen.
const MOMENT: Duration = Duration::from_millis(300);

async fn outside(database: &Database) -> PgConnection {
    let options: PgConnectOptions = database.url().parse().unwrap();
    options.connect().await.unwrap()
}

/// Takes the lock of the transactions that write, as another node's transaction does.
async fn lock(connection: &mut PgConnection) {
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(1635021426, 0)";
    sqlx::raw_sql(lock).execute(connection).await.unwrap();
}

async fn unlock(connection: &mut PgConnection) {
    sqlx::raw_sql("ROLLBACK").execute(connection).await.unwrap();
}

/// Returns the number of sessions of the database that wait inside a transaction for their client.
async fn idle_in_transaction(connection: &mut PgConnection) -> i64 {
    let count = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND state LIKE 'idle in transaction%'";
    let count = sqlx::query_scalar(count).fetch_one(connection).await;
    count.unwrap()
}

/// Polls a future once, and drops it. Returns whether it was not ready by then.
async fn drop_midway<F: Future>(future: F) -> bool {
    let mut future = pin!(future);
    let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
    polled.await.is_pending()
}

fn lent(pool: &Pool) -> &Lent {
    match pool {
        Pool::Postgres(lent) => lent,
        Pool::Sqlite(_) => panic!("the catalog is in PostgreSQL"),
    }
}

async fn acquired(pool: &Pool) -> PoolConnection<Postgres> {
    lent(pool).pool.acquire().await.unwrap()
}

/// Counts over every connection of the readers at once.
async fn counts(catalog: &Catalog) -> Vec<i64> {
    let mut connections = Vec::new();
    for _ in 0..crate::sql::READERS {
        connections.push(acquired(&catalog.readers).await);
    }
    let mut counts = Vec::new();
    for connection in &mut connections {
        let count = sqlx::query_scalar(ALL).fetch_one(&mut **connection).await;
        counts.push(count.unwrap());
    }
    counts
}

/// Waits until the pools have back what they lent.
async fn settle(catalog: &Catalog) {
    let pool = &lent(&catalog.readers).pool;
    while pool.num_idle() < pool.size() as usize {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn readers_whose_requests_were_dropped_see_what_is_new() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    let mut watching = outside(&database).await;
    let mut midway = 0;
    for _ in 0..20 {
        let held = super::super::Held::from(acquired(&catalog.readers).await);
        midway += u32::from(drop_midway(held.begin_to_the_end(BEGIN_READ.into_sql_str())).await);
        let held = super::super::Held::from(acquired(&catalog.readers).await);
        // Even without a task of its own, for which the runtime may have no time any more.
        midway += u32::from(drop_midway(held.begin(BEGIN_READ.into_sql_str())).await);
        assert_eq!(
            catalog.number(ALL).await,
            0,
            "it may be over the same connection"
        );
    }
    assert!(midway > 0, "none was dropped midway");
    settle(&catalog).await;
    assert_eq!(idle_in_transaction(&mut watching).await, 0);
    insert(&catalog, "a").await.unwrap();
    assert_eq!(counts(&catalog).await, [1; crate::sql::READERS as usize]);

    // The control: the library's own transaction stays open, and sees the old moment for ever.
    // (On a busy machine the answer may be there at the first poll: then the transaction begins, and is undone.)
    let mut is_midway = false;
    for _ in 0..1000 {
        let connection = acquired(&catalog.readers).await;
        let begin = sqlx::Transaction::begin(connection, Some(BEGIN_READ.into_sql_str()));
        is_midway = drop_midway(begin).await;
        if is_midway {
            break;
        }
    }
    assert!(is_midway, "none was dropped midway");
    settle(&catalog).await;
    assert_eq!(idle_in_transaction(&mut watching).await, 1);
    assert!(counts(&catalog).await.contains(&1));
    insert(&catalog, "b").await.unwrap();
    let mut seen = counts(&catalog).await;
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 2, 2]);
}

#[tokio::test]
async fn writers_whose_requests_were_dropped_keep_no_lock() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    insert(&catalog, "a").await.unwrap();
    let mut other = outside(&database).await;
    for path in ["b", "c", "d"] {
        lock(&mut other).await;
        let dropped = tokio::time::timeout(MOMENT, catalog.begin_unsynced("insert")).await;
        assert!(dropped.is_err(), "it did not wait for the lock");
        let dropped = tokio::time::timeout(MOMENT, catalog.begin("insert")).await;
        assert!(dropped.is_err(), "it did not wait for the lock");
        unlock(&mut other).await;
        let unsynced = catalog.begin_unsynced("insert").await.unwrap();
        unsynced.commit().await.unwrap();
        insert(&catalog, path).await.unwrap();
    }
    assert_eq!(catalog.number(ALL).await, 4);

    // The control: the library's own transaction keeps the lock for as long as its connection is idle.
    lock(&mut other).await;
    let begin = lent(&catalog.writer).begin_write.clone();
    let pool = lent(&catalog.writer).pool.clone();
    let dropped = tokio::time::timeout(MOMENT, pool.begin_with(begin)).await;
    assert!(dropped.is_err(), "it did not wait for the lock");
    unlock(&mut other).await;
    let unsynced = tokio::time::timeout(MOMENT, catalog.begin_unsynced("insert")).await;
    assert!(unsynced.is_err(), "nobody had the lock");
}

/// A statement that was cancelled, or took too long, fails as something that passes, and so does what comes after it.
#[tokio::test]
async fn a_beginning_that_is_cancelled_stops_no_later_one() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    insert(&catalog, "a").await.unwrap();
    let mut other = outside(&database).await;
    lock(&mut other).await;
    let cancelling = async {
        let cancel = "SELECT COUNT(pg_cancel_backend(pid)) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event = 'advisory'";
        loop {
            let cancelled: i64 = sqlx::query_scalar(cancel)
                .fetch_one(&mut other)
                .await
                .unwrap();
            if cancelled > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (refused, ()) = tokio::join!(insert(&catalog, "b"), cancelling);
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused:?}");
    unlock(&mut other).await;
    insert(&catalog, "c").await.unwrap();
    assert_eq!(catalog.number(ALL).await, 2);

    // The control: the library's own transaction leaves a connection on which nothing can begin.
    lock(&mut other).await;
    let pool = lent(&catalog.writer).pool.clone();
    let mut impatient = pool.acquire().await.unwrap();
    let limit = sqlx::raw_sql("SET lock_timeout = '100ms'");
    limit.execute(&mut *impatient).await.unwrap();
    drop(impatient);
    let begin = || pool.begin_with(lent(&catalog.writer).begin_write.clone());
    let code = |error: sqlx::Error| {
        let error = crate::sql::database_error(error);
        assert!(error.is_away(), "{error}");
        error.to_string()
    };
    let first = code(begin().await.unwrap_err());
    assert!(first.contains("lock timeout"), "{first}");
    unlock(&mut other).await;
    let second = code(begin().await.unwrap_err());
    assert!(second.contains("aborted"), "{second}");
}

/// A row that cannot be read ends its transaction as well.
#[tokio::test]
async fn a_transaction_with_a_failed_stream_is_not_committed() {
    let Some(database) = Database::new().await else {
        return;
    };
    let catalog = database.catalog().await;
    for (divisor, is_committed) in [(1, true), (0, false)] {
        let mut tx = catalog.begin("insert").await.unwrap();
        let path = format!("divided by {divisor}");
        let insert = sql::query("INSERT INTO waste (path) VALUES (?)").bind(path);
        insert.execute(&mut *tx).await.unwrap();
        let mut rows = sql::query("SELECT 1 / CAST(? AS BIGINT)")
            .bind(divisor)
            .fetch(&mut *tx);
        while let Some(row) = rows.next().await {
            assert_eq!(row.is_ok(), is_committed);
        }
        drop(rows);
        assert_eq!(tx.commit().await.is_ok(), is_committed);
    }
    assert_eq!(catalog.number(ALL).await, 1);
}

/// What a node commits after another one was started, that one sees.
#[tokio::test]
async fn a_node_begins_after_the_last_transaction_of_the_one_before() {
    let Some(database) = Database::new().await else {
        return;
    };
    let first = database.catalog().await;
    let mut last = first.begin("insert").await.unwrap();
    first.node.as_ref().unwrap().leave().await;
    let mut opening = pin!(database.open());
    let early = tokio::time::timeout(MOMENT * 3, &mut opening).await;
    assert!(early.is_err(), "it began beside a transaction");
    let insert = sql::query("INSERT INTO waste (path) VALUES ('a')").execute(&mut *last);
    insert.await.map_err(failed_to("insert")).unwrap();
    last.commit().await.unwrap();
    let second = opening.await.unwrap();
    assert_eq!(second.number(ALL).await, 1);
}
