//! Reads what a row says of an object, and of a day.

use atrail_archive::object::ObjectFile;
use atrail_disk::Result;
use atrail_model::{Day, Hour};

use super::failure::malformed;
use super::row::Columns;
use crate::sql::Row;

/// Returns the object of a row.
pub(super) fn object_file(row: &Row) -> Result<ObjectFile> {
    let hour = u8::try_from(row.integer("hour")?).ok().and_then(Hour::new);
    Ok(ObjectFile {
        id: row.id("object")?,
        path: row.text("path")?,
        day: day_of(row)?,
        hour: hour.ok_or_else(|| malformed("an object is of no hour"))?,
        size_bytes: row.unsigned("size_bytes")?,
        sha256: row.hash("sha256")?,
    })
}

/// Returns the day of a row.
pub(super) fn day_of(row: &Row) -> Result<Day> {
    let number = u32::try_from(row.integer("day")?).ok();
    number
        .and_then(Day::from_number)
        .ok_or_else(|| malformed("something is of no day"))
}
