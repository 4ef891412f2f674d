//! Events that wait in the catalog for space in the write-ahead log.

use atrail_disk::{Result, StoreError};
use atrail_evidence::leaf_hash;
use atrail_model::{Day, Domain, Hour};
use atrail_wal::NewEvent;
use bytes::Bytes;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, ROWS_AT_ONCE};
use crate::domains::domain_row;
use crate::sql::{self, Row, Statement};

/// One of these events, with its place in the queue.
#[derive(Debug)]
pub struct Waiting {
    pub place: i64,
    pub domain: Domain,
    pub event: NewEvent,
}

impl Catalog {
    /// Stores an event durably.
    pub async fn set_aside(&self, domain: i64, event: &NewEvent) -> Result<()> {
        let what = "set an event aside";
        let mut tx = self.begin(what).await?;
        sql::query("INSERT INTO set_aside (domain, day, hour, line) VALUES (?, ?, ?, ?)")
            .bind(domain)
            .bind(event.day.number())
            .bind(event.hour.number())
            .bind(event.line.as_ref())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        tx.commit().await
    }

    /// Returns the first of the events that wait behind this place.
    pub async fn waiting(&self, after: i64, at_most: u32) -> Result<Vec<Waiting>> {
        let rows = sql::query(concat!(
            "SELECT w.place, w.day, w.hour, w.line, d.domain, d.account, d.space ",
            "FROM set_aside w JOIN domains d ON d.domain = w.domain WHERE w.place > ? ORDER BY w.place LIMIT ?"
        ))
        .bind(after)
        .bind(at_most)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list what was set aside"))?;
        let waiting = |row: &Row| {
            let line = Bytes::from(row.bytes("line")?);
            let day = u32::try_from(row.integer("day")?).ok();
            let hour = u8::try_from(row.integer("hour")?).ok();
            let when = day.and_then(Day::from_number).zip(hour.and_then(Hour::new));
            let (day, hour) = when.ok_or_else(|| StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: "an event that was set aside is of no hour".to_owned(),
            })?;
            Ok(Waiting {
                place: row.integer("place")?,
                domain: domain_row(row)?.domain,
                event: NewEvent {
                    day,
                    hour,
                    leaf: leaf_hash(&line),
                    line,
                },
            })
        };
        rows.iter().map(waiting).collect()
    }

    /// Deletes the events at these places, which are in the log by now.
    pub async fn forget_waiting(&self, places: &[i64]) -> Result<()> {
        let what = "forget what was set aside";
        if places.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin(what).await?;
        for chunk in places.chunks(ROWS_AT_ONCE) {
            let mut query = Statement::new("DELETE FROM set_aside WHERE place IN (");
            let mut list = query.separated(", ");
            for place in chunk {
                list.push_bind(*place);
            }
            query.push(")");
            let deleted = query.build().execute(&mut *tx).await;
            deleted.map_err(failed_to(what))?;
        }
        tx.commit().await
    }
}
