//! The one list of the tables that are copied. A test compares it with both schemas.

/// A table of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// A column that refers to rows of the same table, and the key of those: it is filled in when all rows are there.
    pub(crate) own: Option<(&'static str, &'static str)>,
}

const fn table(name: &'static str) -> Table {
    Table { name, own: None }
}

/// What is copied. A table comes after those that it refers to, and one that triggers change after the one that has them.
pub(crate) const COPIED: [Table; 40] = [
    table("clock"),
    table("accounts"),
    table("organizations"),
    table("spaces"),
    table("domains"),
    table("users"),
    table("external_users"),
    table("api_keys"),
    Table {
        name: "logins",
        own: Some(("made_by", "login")),
    },
    table("refresh_tokens"),
    table("login_records"),
    table("login_links"),
    table("roles"),
    table("invitations"),
    table("account_uses"),
    table("ingest_keys"),
    table("arrivals"),
    table("retention"),
    table("holds"),
    table("objects"),
    table("segments"),
    table("moved_objects"),
    table("removed_ranges"),
    table("uncompacted"),
    table("waste"),
    table("hour_totals"),
    // Triggers of hour_totals fill it as well.
    table("account_hours"),
    table("set_aside"),
    table("set_apart"),
    table("sessions"),
    table("session_texts"),
    table("readings"),
    table("receipts"),
    table("logs"),
    table("log_records"),
    table("day_lists"),
    table("day_parts"),
    table("key_changes"),
    table("index_files"),
    table("index_home"),
];

/// What both databases have and is not copied: which steps made the tables, and up to where a log is sealed. That means something
/// beside that log only, and the log of the other place is another one, and empty.
#[cfg(test)]
pub(crate) const OF_THE_PLACE: [&str; 2] = ["schema_steps", "watermarks"];
