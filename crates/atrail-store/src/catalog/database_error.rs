//! Errors of the database, without its types.

/// SQLite's codes for a full disk: `SQLITE_FULL`, and `SQLITE_IOERR_SHMSIZE` for the memory that its connections share,
/// which is a file that could not grow.
const FULL: [&str; 2] = ["13", "4874"];
/// `SQLITE_IOERR_WRITE` and `SQLITE_IOERR_FSYNC`: exceeded quotas, delayed allocation and failing disks cause them.
const UNWRITTEN: [&str; 2] = ["778", "1034"];

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(sqlx::Error);

impl DatabaseError {
    /// Reports whether the disk has no space.
    pub(crate) fn is_full(&self) -> bool {
        self.has_code(FULL)
    }

    /// Reports whether a write failed, perhaps for lack of space.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.has_code(UNWRITTEN)
    }

    fn has_code(&self, codes: [&str; 2]) -> bool {
        let code = self.0.as_database_error().and_then(|error| error.code());
        code.is_some_and(|code| codes.contains(&code.as_ref()))
    }

    pub(super) const fn of(error: sqlx::Error) -> Self {
        Self(error)
    }
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

    impl DatabaseError {
        /// Returns SQLite's error with this extended code.
        pub(crate) fn of_code(code: u32) -> Self {
            Self(sqlx::Error::Database(Box::new(Code(code))))
        }
    }
}
