//! What errors of a database reveal: about the space on SQLite's disk, and about a server that is away.

use atrail_disk::{DatabaseError, Shortage};

use super::Error;
use super::value::HasNul;

/// SQLite's codes for a full disk: `SQLITE_FULL`, and `SQLITE_IOERR_SHMSIZE` for the memory that its connections share,
/// which is a file that could not grow.
const FULL: [&str; 2] = ["13", "4874"];
/// `SQLITE_IOERR_WRITE` and `SQLITE_IOERR_FSYNC`: exceeded quotas, delayed allocation and failing disks cause them.
const UNWRITTEN: [&str; 2] = ["778", "1034"];

/// Keeps an error of the database's library, with what it reveals about the space on the disk.
pub(crate) fn database_error(error: Error) -> DatabaseError {
    #[cfg(feature = "cluster")]
    if super::postgres::is_away(&error) {
        return DatabaseError::away(error);
    }
    let code = error.as_database_error().and_then(|error| error.code());
    let shortage = match code.as_deref() {
        Some(code) if FULL.contains(&code) => Shortage::Full,
        Some(code) if UNWRITTEN.contains(&code) => Shortage::Unwritten,
        _ => Shortage::Unknown,
    };
    DatabaseError::new(error, shortage)
}

/// Reports whether a statement failed because one of its texts can be in no catalog.
pub(crate) fn has_nul(error: &Error) -> bool {
    matches!(error, Error::Encode(why) if why.is::<HasNul>())
}

/// Reports whether a statement failed because what must be unique was there.
pub(crate) fn is_taken(error: &Error) -> bool {
    let of_database = error.as_database_error();
    of_database.is_some_and(|error| error.is_unique_violation())
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    /// Returns an error of SQLite with this extended code.
    #[derive(Debug)]
    struct Code(u32);

    impl std::fmt::Display for Code {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "code {}", self.0)
        }
    }

    impl std::error::Error for Code {}

    impl sqlx::error::DatabaseError for Code {
        fn message(&self) -> &str {
            "disk I/O error"
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }
        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    #[test]
    fn the_codes_of_a_full_disk_and_of_failed_writes_are_known() {
        let shortage = |code| database_error(Error::Database(Box::new(Code(code)))).shortage();
        for full in [13, 4874] {
            assert_eq!(shortage(full), Shortage::Full);
        }
        for write_or_sync in [778, 1034] {
            assert_eq!(shortage(write_or_sync), Shortage::Unwritten);
        }
        assert_eq!(shortage(266), Shortage::Unknown, "a failed read");
    }
}
