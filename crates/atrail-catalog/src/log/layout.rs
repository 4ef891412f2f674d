//! The layout of a log in the catalog: its lists, and the parts of its tree of days.

use atrail_disk::Result;
use atrail_evidence::TreeHasher;

use crate::failure::malformed;
use crate::row::Columns;
use crate::sql::Row;

/// The number of the control list, where others have the number of their day.
pub const CONTROL: i64 = -1;

/// The level of `days` whose roots the catalog stores: 256 days below each.
pub(super) const PART_LEVEL: u8 = 8;

/// Returns the part of a day.
pub(super) const fn part_of(day: u32) -> u32 {
    day >> PART_LEVEL
}

pub(super) const fn days_of_part(part: u32) -> (u32, u32) {
    let first = part << PART_LEVEL;
    (first, first + (1 << PART_LEVEL) - 1)
}

pub(super) fn tree(row: &Row, column: &str) -> Result<TreeHasher> {
    TreeHasher::from_bytes(&row.bytes(column)?).ok_or_else(|| malformed("a tree is cut"))
}
