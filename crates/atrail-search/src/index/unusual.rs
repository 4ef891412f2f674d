//! Rows whose columns do not tell everything about a field: the event has several values there, or one that a column
//! cannot hold. Their lines decide.
//!
//! ```text
//! unusual = fields u8, fields * (field u8, rows u32, rows * row u32)
//! ```
//! A field is the number of one in `columns.rs`; rows ascend. Numbers are little-endian. A part without such rows has no
//! such section.

use std::collections::BTreeMap;

use super::IndexError;
use super::bits::Bits;
use super::bytes::{Bytes, narrow};
use super::columns::FIELDS;

/// Appends the section, unless no row is unusual.
pub(super) fn write(fields: &[Vec<u32>; FIELDS], out: &mut Vec<u8>) {
    let used = || (0_u8..).zip(fields).filter(|(_, rows)| !rows.is_empty());
    let count = used().count();
    if count == 0 {
        return;
    }
    out.push(u8::try_from(count).expect("a few fields"));
    for (field, rows) in used() {
        out.push(field);
        out.extend_from_slice(&narrow(rows.len()).to_le_bytes());
        rows.iter()
            .for_each(|row| out.extend_from_slice(&row.to_le_bytes()));
    }
}

/// Reads the section: the unusual rows by field. Fields that this version does not know are skipped.
pub(super) fn read(section: &[u8], rows: usize) -> Result<BTreeMap<usize, Bits>, IndexError> {
    let mut bytes = Bytes::new(section, "its list of unusual rows");
    let mut out = BTreeMap::new();
    for _ in 0..bytes.u8()? {
        let field = usize::from(bytes.u8()?);
        let mut bits = Bits::none(rows);
        for _ in 0..bytes.count(4)? {
            let row = bytes.u32()? as usize;
            if row >= rows {
                return Err(bytes.damaged());
            }
            bits.insert(row);
        }
        if field < FIELDS {
            out.insert(field, bits);
        }
    }
    bytes.end()?;
    Ok(out)
}
