//! A failure of a database, without the types of its library.

use std::error::Error;
use std::fmt;

/// What a failure of a database reveals about the space on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortage {
    /// The disk has no space.
    Full,
    /// A write failed, perhaps for lack of space: exceeded quotas, delayed allocation and failing disks cause it.
    Unwritten,
    /// Nothing.
    Unknown,
}

/// A failure of a database. It shows the library's error as if it were that error.
#[derive(Debug)]
pub struct DatabaseError {
    error: Box<dyn Error + Send + Sync>,
    shortage: Shortage,
    is_away: bool,
}

impl DatabaseError {
    /// Keeps an error of the database's library.
    #[must_use]
    pub fn new(error: impl Error + Send + Sync + 'static, shortage: Shortage) -> Self {
        let error = Box::new(error);
        Self {
            error,
            shortage,
            is_away: false,
        }
    }

    /// Keeps an error which means that the database's server cannot be used now.
    #[must_use]
    pub fn away(error: impl Error + Send + Sync + 'static) -> Self {
        Self {
            is_away: true,
            ..Self::new(error, Shortage::Unknown)
        }
    }

    /// Reports whether the database's server cannot be used now: a later attempt may succeed.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        self.is_away
    }

    /// Returns what the failure reveals about the space on the disk.
    #[must_use]
    pub const fn shortage(&self) -> Shortage {
        self.shortage
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
