//! Opens a catalog in PostgreSQL that several nodes share.

use std::time::Duration;

use atrail_disk::Result;
use atrail_model::Incarnation;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqlSafeStr as _};

use super::open::{OPEN, lent, options, pools, refuse_unfit};
use crate::failure::failed_to;
use crate::migration::Usage;
use crate::schema;
use crate::sql::{Pool, Pools};

/// For how long PostgreSQL waits for the next statement of a transaction that writes: a node that has stopped with one open
/// holds up all others.
const IDLE_LIMIT: Duration = Duration::from_secs(10);
/// Connections that renew the lease: another one than that of a renewal whose answer does not come.
const RENEWALS: u32 = 2;
/// Connections that claim duties, each for one statement.
const CLAIMS: u32 = 4;

/// The connections of a node.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) catalog: Pools,
    /// For callers on other threads than those of the catalog's user.
    pub(crate) beside: Pools,
    pub(crate) renewals: Pool,
    pub(crate) claims: Pool,
}

/// Opens the catalog in the database of this URL for this node, and creates or upgrades its tables when needed. The node
/// joins afterwards, and cannot write before.
///
/// # Errors
/// `Invalid` when it is no such URL; `Conflict` when the catalog belongs to a data directory, or when the server is set up
/// in a way that loses transactions; or when the server does not answer.
pub(crate) async fn join(url: &str, incarnation: Incarnation, usage: &Usage) -> Result<Shared> {
    let options = options(url)?;
    let mut first = options.connect().await.map_err(failed_to(OPEN))?;
    refuse_unfit(&mut first).await?;
    schema::postgres::apply(&mut first).await?;
    share(&mut first, usage).await?;
    // An id's text consists of hexadecimal digits and hyphens.
    let hex = incarnation.to_string().replace('-', "");
    let begin =
        format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT begin_write_of_node('\\x{hex}')");
    let begin = AssertSqlSafe(begin).into_sql_str();
    let idle_limit = format!("{}ms", IDLE_LIMIT.as_millis());
    let writing = options
        .clone()
        .options([("idle_in_transaction_session_timeout", idle_limit)]);
    Ok(Shared {
        catalog: pools(&options, &writing, &begin),
        beside: Pools {
            writer: lent(1, &writing, &begin),
            unsynced: lent(1, &writing, &begin),
            readers: lent(1, &options, &begin),
            counters: lent(1, &options, &begin),
        },
        renewals: lent(RENEWALS, &options, &begin),
        claims: lent(CLAIMS, &options, &begin),
    })
}

/// Marks the catalog as one that is used so, unless it is used otherwise.
async fn share(connection: &mut PgConnection, wanted: &Usage) -> Result<()> {
    let mark = sqlx::query_scalar::<_, String>(
        "WITH new AS (INSERT INTO catalog_home (\"only\", mark, incarnation) VALUES (1, $1, '') \
         ON CONFLICT (\"only\") DO UPDATE SET mark = catalog_home.mark RETURNING mark) SELECT mark FROM new",
    );
    let mark = mark.bind(wanted.mark()).fetch_one(connection).await;
    let usage = Usage::of(&mark.map_err(failed_to(OPEN))?);
    if usage == *wanted {
        return Ok(());
    }
    Err(usage.refusal())
}

/// Returns who uses the catalog in the database of this URL, and changes nothing.
///
/// # Errors
/// As [`join`].
pub(crate) async fn usage(url: &str) -> Result<Usage> {
    let mut first = options(url)?.connect().await.map_err(failed_to(OPEN))?;
    refuse_unfit(&mut first).await?;
    let there = sqlx::query_scalar("SELECT to_regclass('catalog_home') IS NOT NULL");
    let is_there: bool = there.fetch_one(&mut first).await.map_err(failed_to(OPEN))?;
    if !is_there {
        return Ok(Usage::Nobody);
    }
    let mark = sqlx::query_scalar::<_, String>("SELECT mark FROM catalog_home");
    let mark = mark
        .fetch_optional(&mut first)
        .await
        .map_err(failed_to(OPEN))?;
    Ok(mark.map_or(Usage::Nobody, |mark| Usage::of(&mark)))
}

/// Returns the connections of somebody who only reads a catalog that nodes share, and is none of them.
///
/// # Errors
/// As [`join`].
pub(crate) async fn look_at(url: &str) -> Result<Pools> {
    let options = options(url)?;
    let reading = options
        .clone()
        .options([("default_transaction_read_only", "on")]);
    let mut first = options.connect().await.map_err(failed_to(OPEN))?;
    refuse_unfit(&mut first).await?;
    let begin = sqlx::SqlStr::from_static("BEGIN");
    Ok(pools(&reading, &reading, &begin))
}
