//! Events of hours that could not be sealed while others could.

use atrail_archive::object::Line;
use atrail_disk::{Result, StoreError};
use atrail_evidence::leaf_hash;
use atrail_model::{Day, Domain, Hour, Place};
use bytes::Bytes;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, ROWS_AT_ONCE};
use crate::domains::domain_row;
use crate::sql::{self, Connection, Row, Statement};

const WHAT: &str = "set an hour apart";

impl Catalog {
    /// Returns the events that wait, in the order in which they arrived.
    pub async fn set_apart(&self) -> Result<Vec<(Place, Line)>> {
        let rows = sql::query(concat!(
            "SELECT a.day, a.hour, a.line, d.domain, d.account, d.space ",
            "FROM set_apart a JOIN domains d ON d.domain = a.domain ORDER BY a.place"
        ))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list what was set apart"))?;
        rows.iter().map(placed).collect()
    }
}

pub(super) fn placed(row: &Row) -> Result<(Place, Line)> {
    let day = u32::try_from(row.integer("day")?).ok();
    let hour = u8::try_from(row.integer("hour")?).ok();
    let when = day.and_then(Day::from_number).zip(hour.and_then(Hour::new));
    let (day, hour) = when.ok_or_else(|| StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: "an event that was set apart is of no hour".to_owned(),
    })?;
    let domain: Domain = domain_row(row)?.domain;
    let line = Bytes::from(row.bytes("line")?);
    let leaf = leaf_hash(&line);
    Ok((Place { domain, day, hour }, Line { line, leaf }))
}

/// Stores the events of an hour of a domain, which is given by its number.
pub(super) async fn insert(
    connection: &mut Connection,
    domain: i64,
    place: Place,
    lines: &[Line],
) -> Result<()> {
    for chunk in lines.chunks(ROWS_AT_ONCE) {
        let mut query = Statement::new("INSERT INTO set_apart (domain, day, hour, line) ");
        query.push_values(chunk, |mut row, line| {
            row.push_bind(domain)
                .push_bind(place.day.number())
                .push_bind(place.hour.number())
                .push_bind(line.line.as_ref());
        });
        let inserted = query.build().execute(&mut *connection).await;
        inserted.map_err(failed_to(WHAT))?;
    }
    Ok(())
}

/// Deletes the events of an hour, which are in an object now.
pub(super) async fn forget(connection: &mut Connection, domain: i64, place: Place) -> Result<()> {
    sql::query("DELETE FROM set_apart WHERE domain = ? AND day = ? AND hour = ?")
        .bind(domain)
        .bind(place.day.number())
        .bind(place.hour.number())
        .execute(connection)
        .await
        .map_err(failed_to("seal an hour that was set apart"))?;
    Ok(())
}
