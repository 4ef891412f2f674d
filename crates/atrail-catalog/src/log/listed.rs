//! Lists the entries of a log in the order of their commitment, part by part.

use std::ops::Range;

use atrail_disk::Result;

use super::layout::CONTROL;
use super::read::Placed;
use crate::Catalog;
use crate::failure::failed_to;
use crate::row::{Columns, signed};
use crate::sql;

/// Number of places of a log that one query reads, so that no other reader waits for long.
pub const PLACES_AT_ONCE: u64 = 2000;

/// Which entries are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rare {
    /// All.
    No,
    /// Those that are not, nearly always, seals: entries of the control list, and those whose text has the word "delete".
    Only,
}

impl Catalog {
    /// Returns the entries of a log whose index is in this range, in order.
    pub async fn listed(&self, log: i64, range: Range<u64>, which: Rare) -> Result<Vec<Placed>> {
        let rows = sql::query(concat!(
            "SELECT list, place, position, entry FROM log_records ",
            "WHERE log = ? AND position >= ? AND position < ? ",
            "AND (? OR list = ? OR instr(entry, 'delete') > 0) ORDER BY position"
        ))
        .bind(log)
        .bind(signed(range.start))
        .bind(signed(range.end))
        .bind(which == Rare::No)
        .bind(CONTROL)
        .fetch_all(self.readers())
        .await
        .map_err(failed_to("list a domain's log"))?;
        let placed = rows.iter().map(|row| {
            Ok(Placed {
                list: row.integer("list")?,
                place: row.unsigned("place")?,
                index: row.unsigned("position")?,
                entry: row.text("entry")?,
            })
        });
        placed.collect()
    }
}
