//! The columns of an index file. Columns are only ever added.

use crate::query::Path;

/// A column of an event's values at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name in the file.
    pub(super) name: &'static str,
    /// Where the value stands in an event.
    pub(super) path: &'static [&'static str],
    /// Whether it has one of Parquet's Bloom filters, which help other readers to find rare values.
    pub(super) bloom: bool,
}

const fn column(name: &'static str, path: &'static [&'static str]) -> Column {
    Column {
        name,
        path,
        bloom: false,
    }
}

const fn rare(name: &'static str, path: &'static [&'static str]) -> Column {
    Column {
        name,
        path,
        bloom: true,
    }
}

/// The columns with values of events, in the order of the file. They stand between `time` and `segment`. The number of a
/// column is a promise.
pub(super) const COLUMNS: [Column; 14] = [
    column("action", &["action"]),
    column("outcome", &["outcome"]),
    column("severity", &["severity"]),
    column("event_type", &["eventType"]),
    rare("initiator_id", &["initiator", "id"]),
    rare("initiator_name", &["initiator", "name"]),
    rare("initiator_address", &["initiator", "host", "address"]),
    column("initiator_type", &["initiator", "typeURI"]),
    rare("target_id", &["target", "id"]),
    rare("target_name", &["target", "name"]),
    column("target_type", &["target", "typeURI"]),
    column("observer_name", &["observer", "name"]),
    column("reason_code", &["reason", "reasonCode"]),
    column("observer_id", &["observer", "id"]),
];

/// Fields of which an index knows something: those of columns, and these.
pub(super) const FIELDS: usize = COLUMNS.len() + 4;
/// The event's id: it is in the filter of pairs, and in a column of its own by a setting.
pub(super) const ID: usize = COLUMNS.len();
/// References to resources, which few events have in place of the resources themselves. The index knows the rows that
/// have one: they are unusual.
const INITIATOR_ID: usize = COLUMNS.len() + 1;
const TARGET_ID: usize = COLUMNS.len() + 2;
const OBSERVER_ID: usize = COLUMNS.len() + 3;

/// Returns where the values of a field stand.
pub(super) fn path_of(field: usize) -> &'static [&'static str] {
    match field {
        ID => &["id"],
        INITIATOR_ID => &["initiatorId"],
        TARGET_ID => &["targetId"],
        OBSERVER_ID => &["observerId"],
        column => COLUMNS[column].path,
    }
}

/// Returns the field of a path.
pub(super) fn field_of(path: &Path) -> Option<usize> {
    let name = path.folded();
    (0..FIELDS).find(|field| folded(*field) == name)
}

/// Returns the names of a field's path, folded and with dots between them.
pub(super) fn folded(field: usize) -> String {
    path_of(field).join(".").to_ascii_lowercase()
}

/// Names of the columns that tell where an event's line is, and of its time.
pub(super) const TIME_COLUMN: &str = "time";
pub(super) const SEGMENT_COLUMN: &str = "segment";
pub(super) const OFFSET_COLUMN: &str = "block_offset";
pub(super) const LINE_COLUMN: &str = "line";
pub(super) const ID_COLUMN: &str = "id";
pub(super) const LEAF_COLUMN: &str = "leaf_hash";

/// The longest value of a column in bytes. The rows of longer ones are decided by their lines.
pub(super) const VALUE_MAX_BYTES: usize = 1024;
