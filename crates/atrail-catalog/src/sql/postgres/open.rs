//! Opens a catalog in PostgreSQL.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use atrail_disk::{Result, StoreError, durable, io_failure};
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgDatabaseError, PgPool, PgPoolOptions, PgSeverity,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Error, SqlSafeStr, SqlStr};
use uuid::Uuid;

use super::node::{self, Node};
use super::{Lent, answers};
use crate::failure::failed_to;
use crate::schema;
use crate::sql::{COUNTERS, Pool, Pools, READERS};

pub(super) const OPEN: &str = "open its database";
/// The oldest version that the statements were tested with.
const OLDEST_VERSION: i64 = 150_000;
/// For how long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long a starting node waits for one that just ended: PostgreSQL notices the end of a process at once. (That of a
/// machine it notices after 25 seconds; whoever starts the node then starts it again.)
const HAND_OVER: Duration = Duration::from_secs(5);
/// For how long a starting node waits for a transaction of one before it: longer than PostgreSQL takes to notice that a
/// machine is gone.
const LOCK_PATIENCE: &str = "SET LOCAL lock_timeout = '40s'";
/// Takes the lock of the transactions that write (`begin_write` in the schema).
const LOCK_WRITES: &str = "SELECT pg_advisory_xact_lock(1635021426, 0)";
/// A connection that was idle for longer is tested before its next use.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// More than there are different statements.
const PREPARED_STATEMENTS: usize = 1000;

/// The mark of a catalog that nodes share.
pub(crate) const SHARED: &str = "shared";

/// What PostgreSQL does for these connections: it notices within 25 seconds that a machine is gone, also while it
/// computes an answer, and then lets go of locks.
const SETTINGS: [(&str, &str); 5] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "25s"),
    ("client_connection_check_interval", "2s"),
];

/// The data directory that goes with a catalog in PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    /// The file with the directory's mark; it does not exist before the first start.
    pub(crate) file: &'a Path,
    /// Whether the directory holds events.
    pub(crate) has_events: bool,
}

/// Opens the catalog in the database of this URL, and creates or upgrades its tables when needed.
///
/// # Errors
/// `Invalid` when it is no such URL; `Conflict` when another node uses the catalog, when it belongs to another directory,
/// or when the server is set up in a way that loses transactions; or when the server does not answer.
pub(crate) async fn open(url: &str, home: Home<'_>) -> Result<(Pools, Node)> {
    let options = options(url)?;
    let mut first = options.connect().await.map_err(failed_to(OPEN))?;
    refuse_unfit(&mut first).await?;
    reserve(&mut first).await?;
    schema::postgres::apply(&mut first).await?;
    let mark = mark(&mut first, home).await?;
    let incarnation = Uuid::new_v4().simple().to_string();
    if !begin_as(&mut first, &mark, &incarnation)
        .await
        .map_err(failed_to(OPEN))?
    {
        return Err(shared());
    }
    // The name of a node consists of hexadecimal digits.
    let begin =
        format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT begin_write('{incarnation}')");
    let begin = AssertSqlSafe(begin).into_sql_str();
    let pools = pools(&options, &options, &begin);
    Ok((pools, Node::keep(first, options.clone())))
}

/// Returns the pools of a catalog, whose connections are made at their first use; `writing` are the options of those that
/// write.
pub(super) fn pools(
    options: &PgConnectOptions,
    writing: &PgConnectOptions,
    begin: &SqlStr,
) -> Pools {
    Pools {
        writer: lent(1, writing, begin),
        // These are synced as well: PostgreSQL may restart, and forget them, while this process goes on.
        unsynced: lent(1, writing, begin),
        readers: lent(READERS, options, begin),
        counters: lent(COUNTERS, options, begin),
    }
}

/// Returns a pool of at most so many connections.
pub(super) fn lent(connections: u32, options: &PgConnectOptions, begin: &SqlStr) -> Pool {
    Pool::Postgres(Lent {
        pool: pool(connections, options),
        begin_write: begin.clone(),
    })
}

/// The refusal of a server with a data directory of its own.
fn shared() -> StoreError {
    StoreError::Conflict(
        "the catalog in this database is shared by nodes without data directories: join them with [cluster], or choose \
         an empty database"
            .to_owned(),
    )
}

/// Writes down that this node uses the catalog from now on. It waits for the transaction that another one may still be in:
/// whatever that one commits, this one sees.
///
/// Returns whether it is still this directory's: nodes may have begun to share it meanwhile.
async fn begin_as(
    connection: &mut PgConnection,
    mark: &str,
    incarnation: &str,
) -> std::result::Result<bool, Error> {
    let mut tx = connection.begin().await?;
    for text in [LOCK_PATIENCE, LOCK_WRITES] {
        sqlx::raw_sql(text).execute(&mut *tx).await?;
    }
    let begun = sqlx::query(
        "INSERT INTO catalog_home (\"only\", mark, incarnation) VALUES (1, $1, $2) \
         ON CONFLICT (\"only\") DO UPDATE SET incarnation = excluded.incarnation \
         WHERE catalog_home.mark = excluded.mark",
    );
    let begun = begun.bind(mark).bind(incarnation);
    let begun = begun.execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(begun.rows_affected() > 0)
}

pub(super) fn options(url: &str) -> Result<PgConnectOptions> {
    if has_password(url) {
        return Err(StoreError::Invalid(
            "[store] catalog may hold no password: put it into a file that PGPASSFILE names, or into PGPASSWORD"
                .to_owned(),
        ));
    }
    let options = PgConnectOptions::from_str(url).map_err(|error| {
        StoreError::Invalid(format!(
            "[store] catalog is no URL of a PostgreSQL database: {error}"
        ))
    })?;
    if options.get_database().is_none() {
        return Err(StoreError::Invalid(
            "[store] catalog names no database: postgres://USER@HOST/DATABASE".to_owned(),
        ));
    }
    Ok(options
        .application_name("atrail")
        .statement_cache_capacity(PREPARED_STATEMENTS)
        .options(SETTINGS))
}

fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let user = place.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':') || query.split('&').any(|part| part.starts_with("password="))
}

pub(super) fn pool(connections: u32, options: &PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(Duration::from_secs(600))
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, state| {
            Box::pin(async move {
                if state.idle_for < TRUSTED_FOR {
                    return Ok(true);
                }
                answers(connection).await
            })
        })
        .connect_lazy_with(options.clone())
}

/// Refuses a server that is too old, orders or stores text otherwise, only reads, or confirms what it may lose.
pub(super) async fn refuse_unfit(connection: &mut PgConnection) -> Result<()> {
    let setting = sqlx::query_as::<_, (String, String, String, String, String)>(
        "SELECT current_setting('server_version_num'), current_setting('server_encoding'), \
         current_setting('transaction_read_only'), current_setting('synchronous_commit'), \
         current_setting('fsync')",
    );
    let (version, encoding, read_only, commit, fsync) = setting
        .fetch_one(connection)
        .await
        .map_err(failed_to(OPEN))?;
    let refuse = |why: &str| {
        Err(StoreError::Conflict(format!(
            "PostgreSQL cannot keep the catalog: {why}"
        )))
    };
    if version.parse::<i64>().unwrap_or_default() < OLDEST_VERSION {
        return refuse("it is older than version 15");
    }
    if encoding != "UTF8" {
        return refuse("the database's encoding is not UTF8: CREATE DATABASE … ENCODING 'UTF8'");
    }
    if read_only != "off" {
        return refuse("it is a standby, or only reads: connect to the primary");
    }
    if commit == "off" {
        return refuse(
            "synchronous_commit is off, so that it would lose confirmed transactions: turn it on",
        );
    }
    if fsync != "on" {
        tracing::warn!("fsync is off in PostgreSQL: a crash of its machine destroys the catalog");
    }
    Ok(())
}

/// Waits until no other node uses the catalog.
async fn reserve(connection: &mut PgConnection) -> Result<()> {
    let deadline = tokio::time::Instant::now() + HAND_OVER;
    let mut is_first = true;
    while !node::take(connection).await.map_err(failed_to(OPEN))? {
        if std::mem::take(&mut is_first) {
            tracing::info!("another server uses the catalog: waiting until it has ended");
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(StoreError::Conflict(
                "another atrail server uses the catalog in this database: stop it first, or choose another database"
                    .to_owned(),
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Returns the mark of the data directory, which is the catalog's as well: the journal, the keys and the archive of one
/// directory mean nothing to the catalog of another.
async fn mark(connection: &mut PgConnection, home: Home<'_>) -> Result<String> {
    let known = sqlx::query_scalar::<_, String>("SELECT mark FROM catalog_home");
    let known = known
        .fetch_optional(connection)
        .await
        .map_err(failed_to(OPEN))?;
    let own = match std::fs::read_to_string(home.file) {
        Ok(mark) => Some(mark.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(io_failure("read", home.file)(error)),
    };
    match (known, own) {
        (Some(known), Some(own)) if known == own => Ok(known),
        (Some(known), _) if known == SHARED => Err(shared()),
        (Some(_), _) => Err(StoreError::Conflict(format!(
            "the catalog in this database belongs to another data directory: {} names it where it belongs. Use that \
             directory, or an empty database",
            home.file.display()
        ))),
        (None, _) if home.has_events => Err(StoreError::Conflict(
            "the data directory holds events, but the database has no catalog of them: restore the database, or check \
             that [store] catalog names the right one"
                .to_owned(),
        )),
        (None, Some(own)) => Ok(own),
        (None, None) => {
            let own = Uuid::new_v4().to_string();
            let made = durable::replace(home.file, format!("{own}\n").as_bytes(), 0o600);
            made.map_err(io_failure("write", home.file))?;
            Ok(own)
        }
    }
}

/// Reports whether the server has closed the connection after an error of this severity, or never opened it.
const fn is_end(severity: PgSeverity) -> bool {
    matches!(severity, PgSeverity::Fatal | PgSeverity::Panic)
}

/// Reports whether an error means that the server is away, and not that it refused something.
pub(crate) fn is_away(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) => true,
        Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // Too few resources, a standby, another node, conflicts between transactions, a statement that was cancelled or
            // took too long, and one after that.
            let passes = [
                "53", "25006", "AT001", "AT002", "40001", "40P01", "55P03", "57014", "25P02",
            ];
            let is_cut = error
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|error| is_end(error.severity()));
            is_cut || passes.iter().any(|start| code.starts_with(start))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_refused_in_urls() {
        for url in [
            "postgres://atrail:secret@pg/atrail",
            "postgres://pg/atrail?password=secret",
        ] {
            let refused = options(url).unwrap_err().to_string();
            assert!(refused.contains("may hold no password"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
        for url in [
            "postgres://atrail@pg:5432/atrail?sslmode=verify-full",
            "postgres://atrail@[::1]:5432/atrail",
            "postgres://pg:5432/atrail",
        ] {
            options(url).unwrap();
        }
    }
}
