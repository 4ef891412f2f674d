//! The log that servers share, in the catalog's database: PostgreSQL's alone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use atrail_wal::{Beyond, LockedLog, LogNumber, LoggedBatch, NewBatch, Registered, SharedLog};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use uuid::Uuid;

use super::Catalog;
use super::domains::{DomainRow, domain_row};
use super::failure::failed_to;
use super::row::{Columns, signed};
use crate::sql::postgres::{is_fenced, is_full, is_set_back};
use crate::sql::{self, Connection, On, Pool, Row, Statement, Transaction};

const READ: &str = "read the log that servers share";
const APPEND: &str = "append to the log that servers share";
/// The log's number.
const LOG: LogNumber = LogNumber(2);
/// Why a node stops that has seen more of the log than there is.
const SET_BACK: &str = "the database was set back to an earlier moment: start all nodes again";
/// Batches that are read at once.
const READ_AT_ONCE: i64 = 32;
/// For how long an answer is waited for. Then it is unknown.
const PATIENCE: Duration = Duration::from_secs(5);

/// The log that servers share.
#[derive(Debug)]
pub struct PostgresLog {
    catalog: Catalog,
    incarnation: Uuid,
    /// One that appends, and one that reads.
    pool: Pool,
    /// Its transactions begin with the sequencer's lock.
    locking: Pool,
    numbers: Mutex<HashMap<Domain, i64>>,
}

impl Catalog {
    /// Returns the bytes of the batches that the shared log holds.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn shared_log_bytes(&self) -> Result<u64> {
        let sum = sql::query("SELECT COALESCE(SUM(OCTET_LENGTH(body)), 0) AS bytes FROM batches");
        let sum = sum.fetch_one(self.readers()).await;
        sum.map_err(failed_to("measure the shared log"))?
            .unsigned("bytes")
    }

    /// Returns the log that the servers of this catalog share, for the server of this incarnation.
    ///
    /// # Errors
    /// `Invalid` when the catalog is not in PostgreSQL.
    pub fn shared_log(&self, incarnation: Uuid) -> Result<PostgresLog> {
        let pools = self.writer.beside(2).zip(self.writer.locking(1));
        let Some((pool, locking)) = pools else {
            return Err(StoreError::Invalid(
                "servers share a log only where [store] catalog is in PostgreSQL".to_owned(),
            ));
        };
        Ok(PostgresLog {
            catalog: self.clone(),
            incarnation,
            pool,
            locking,
            numbers: Mutex::default(),
        })
    }
}

impl PostgresLog {
    /// Returns the numbers of domains as a JSON list. A domain keeps its number.
    async fn numbers<'a>(
        &self,
        domains: impl Iterator<Item = &'a Domain> + Clone,
    ) -> Result<String> {
        for is_fresh in [false, true] {
            {
                let known = self.numbers.lock();
                let numbers: Option<Vec<_>> = domains
                    .clone()
                    .map(|domain| known.get(domain).map(i64::to_string))
                    .collect();
                if let Some(numbers) = numbers {
                    return Ok(format!("[{}]", numbers.join(",")));
                }
            }
            if !is_fresh {
                let rows = self.catalog.domain_rows().await?;
                let numbers = rows.values().map(|row| (row.domain, row.number));
                *self.numbers.lock() = numbers.collect();
            }
        }
        Err(StoreError::Damaged {
            what: "the catalog".to_owned(),
            why: "it does not know a domain that has events in the log".to_owned(),
        })
    }

    async fn marks(&self, query: sql::Query) -> Result<HashMap<Domain, u64>> {
        let rows = patient(query.fetch_all(&self.pool), READ).await?;
        rows.iter()
            .map(|row| {
                let DomainRow { domain, .. } = domain_row(row)?;
                Ok((domain, row.unsigned("sequence")?))
            })
            .collect()
    }

    /// Returns the marks of these domains, whose numbers are the statement's first parameter.
    async fn marks_of(
        &self,
        text: &'static str,
        domains: &HashSet<Domain>,
    ) -> Result<HashMap<Domain, u64>> {
        let numbers = self.numbers(domains.iter()).await?;
        self.marks(sql::query(text).bind(numbers).bind(LOG.0)).await
    }

    async fn register_on(&self, on: impl Into<On<'_>>, batch: &NewBatch) -> Result<Registered> {
        let numbers = self.numbers(batch.domains.iter()).await?;
        let query = sql::query("SELECT place, is_new FROM register_batch(?, ?, ?, ?, ?, ?, ?)")
            .bind(LOG.0)
            .bind(batch.id.incarnation)
            .bind(signed(batch.id.number))
            .bind(batch.frames)
            .bind(signed(batch.seen))
            .bind(numbers)
            .bind(batch.body.as_ref());
        let row = patient(query.fetch_one(on), APPEND).await?;
        Ok(match row.optional_unsigned("place")? {
            Some(last) => Registered::At {
                last,
                is_new: row.integer("is_new")? != 0,
            },
            None => Registered::LookAgain,
        })
    }
}

/// Waits for an answer of the database.
async fn patient<T>(
    answer: impl Future<Output = std::result::Result<T, sql::Error>>,
    what: &'static str,
) -> Result<T> {
    let late = || sql::Error::Io(std::io::ErrorKind::TimedOut.into());
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    let error = match answer.unwrap_or_else(|_| Err(late())) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    if is_full(&error) {
        return Err(StoreError::Full(std::io::ErrorKind::StorageFull.into()));
    }
    if is_fenced(&error) {
        return Err(StoreError::Poisoned(
            "another server took this one for dead: start it again".to_owned(),
        ));
    }
    if is_set_back(&error) {
        return Err(StoreError::Poisoned(SET_BACK.to_owned()));
    }
    Err(failed_to(what)(error))
}

fn read_query(above: u64) -> sql::Query {
    sql::query(concat!(
        "SELECT COALESCE(b.last, 0) AS last, COALESCE(b.frames, 0) AS frames, ",
        "COALESCE(b.body, ''::BYTEA) AS body, s.last AS newest FROM sequencer s ",
        "LEFT JOIN LATERAL (SELECT last, frames, body FROM batches WHERE last > ? ORDER BY last LIMIT ?) b ON TRUE ",
        "WHERE s.log = ? ORDER BY b.last"
    ))
    .bind(signed(above))
    .bind(READ_AT_ONCE)
    .bind(LOG.0)
}

fn beyond(rows: &[Row]) -> Result<Beyond> {
    let mut beyond = Beyond::default();
    for row in rows {
        beyond.last = row.unsigned("newest")?;
        if row.unsigned("frames")? > 0 {
            beyond.batches.push(logged(row)?);
        }
    }
    let is_all = beyond.batches.len() < usize::try_from(READ_AT_ONCE).unwrap_or(usize::MAX);
    beyond.to = match beyond.batches.last() {
        Some(last) if !is_all => last.last,
        _ => beyond.last,
    };
    Ok(beyond)
}

fn logged(row: &Row) -> Result<LoggedBatch> {
    Ok(LoggedBatch {
        last: row.unsigned("last")?,
        frames: u32::try_from(row.unsigned("frames")?).unwrap_or(u32::MAX),
        body: Bytes::from(row.bytes("body")?),
    })
}

impl SharedLog for PostgresLog {
    fn number(&self) -> LogNumber {
        LOG
    }

    fn incarnation(&self) -> [u8; 16] {
        *self.incarnation.as_bytes()
    }

    fn register<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>> {
        self.register_on(&self.pool, batch).boxed()
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn LockedLog + '_>>> {
        async move {
            let tx = patient(self.locking.begin_write(), APPEND).await?;
            let locked: Box<dyn LockedLog> = Box::new(Locked { log: self, tx });
            Ok(locked)
        }
        .boxed()
    }

    fn read(&self, above: u64) -> BoxFuture<'_, Result<Beyond>> {
        async move {
            let rows = patient(read_query(above).fetch_all(&self.pool), READ).await?;
            beyond(&rows)
        }
        .boxed()
    }

    fn last(&self) -> BoxFuture<'_, Result<u64>> {
        async move {
            let query = sql::query("SELECT last FROM sequencer WHERE log = ?").bind(LOG.0);
            let row = patient(query.fetch_one(&self.pool), READ).await?;
            row.unsigned("last")
        }
        .boxed()
    }

    fn sealed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        self.marks_of(
            concat!(
                "SELECT d.domain, d.account, d.space, m.sequence FROM json_each(?) j ",
                "JOIN watermarks m ON m.domain = j.value JOIN domains d ON d.domain = m.domain WHERE m.log = ?"
            ),
            domains,
        )
        .boxed()
    }

    fn sealed_above(&self, above: u64) -> BoxFuture<'_, Result<HashMap<Domain, u64>>> {
        async move {
            let query = sql::query(concat!(
                "SELECT d.domain, d.account, d.space, w.sequence FROM watermarks w ",
                "JOIN domains d ON d.domain = w.domain WHERE w.log = ? AND w.sequence > ?"
            ));
            self.marks(query.bind(LOG.0).bind(signed(above))).await
        }
        .boxed()
    }

    fn trim<'a>(&'a self, signed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>> {
        async move {
            if !signed_to.is_empty() {
                self.numbers(signed_to.keys()).await?;
                let mut record = Statement::new("INSERT INTO signed_to (log, domain, sequence) ");
                {
                    let numbers = self.numbers.lock();
                    record.push_values(signed_to, |mut row, (domain, to)| {
                        let number = numbers.get(domain).copied().unwrap_or_default();
                        row.push_bind(LOG.0).push_bind(number).push_bind(signed(*to));
                    });
                }
                record.push(concat!(
                    " ON CONFLICT (log, domain) DO UPDATE SET sequence = excluded.sequence",
                    " WHERE excluded.sequence > signed_to.sequence"
                ));
                patient(record.build().execute(&self.pool), APPEND).await?;
            }
            let delete = sql::query(concat!(
                "DELETE FROM batches b WHERE NOT EXISTS (SELECT 1 FROM unnest(b.domains) AS d (domain) ",
                "LEFT JOIN signed_to s ON s.log = ? AND s.domain = d.domain ",
                "WHERE COALESCE(s.sequence, 0) < b.last)"
            ));
            patient(delete.bind(LOG.0).execute(&self.pool), APPEND).await?;
            Ok(())
        }
        .boxed()
    }

    fn signed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        self.marks_of(
            concat!(
                "SELECT d.domain, d.account, d.space, m.sequence FROM json_each(?) j ",
                "JOIN signed_to m ON m.domain = j.value JOIN domains d ON d.domain = m.domain WHERE m.log = ?"
            ),
            domains,
        )
        .boxed()
    }

    fn holding<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<Vec<LoggedBatch>>> {
        async move {
            let query = sql::query(concat!(
                "SELECT b.last, b.frames, b.body FROM batches b ",
                "WHERE b.domains && ARRAY(SELECT value FROM json_each(?)) ORDER BY b.last"
            ));
            let query = query.bind(self.numbers(domains.iter()).await?);
            let rows = patient(query.fetch_all(&self.pool), READ).await?;
            rows.iter().map(logged).collect()
        }
        .boxed()
    }

    fn replace<'a>(
        &'a self,
        batch: &'a LoggedBatch,
        rest: &'a [Domain],
        body: Bytes,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let query = sql::query(concat!(
                "UPDATE batches SET body = ?, domains = ARRAY(SELECT value FROM json_each(?)) ",
                "WHERE last = ? AND body = ?"
            ));
            let query = query
                .bind(body.as_ref())
                .bind(self.numbers(rest.iter()).await?)
                .bind(signed(batch.last))
                .bind(batch.body.as_ref());
            patient(
                query.execute(&self.pool),
                "erase from the log that servers share",
            )
            .await?;
            Ok(())
        }
        .boxed()
    }
}

/// The log, while this server alone may append.
struct Locked<'a> {
    log: &'a PostgresLog,
    tx: Transaction,
}

impl LockedLog for Locked<'_> {
    fn read(&mut self, above: u64) -> BoxFuture<'_, Result<Beyond>> {
        async move {
            let connection: &mut Connection = &mut self.tx;
            let rows = patient(read_query(above).fetch_all(connection), READ).await?;
            beyond(&rows)
        }
        .boxed()
    }

    fn register<'a>(mut self: Box<Self>, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>>
    where
        Self: 'a,
    {
        async move {
            let connection: &mut Connection = &mut self.tx;
            let registered = self.log.register_on(connection, batch).await?;
            patient(self.tx.commit(), APPEND).await?;
            Ok(registered)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
