//! Why a search has no answer.

use atrail_disk::StoreError;

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Its time is over.
    #[error("the search took longer than {seconds} seconds: narrow the range of time or the query")]
    TooLong {
        /// How long it may take.
        seconds: u64,
    },
    /// Somebody cancelled it.
    #[error("the search was cancelled")]
    Cancelled,
    /// The answer needs more memory than a search may have.
    #[error("{0}")]
    TooLarge(String),
    /// The cursor is none, or belongs to another question.
    #[error(
        "`after` is not a position in the answers to this question: repeat the query, range and order that it came with"
    )]
    Cursor,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often a listing is repeated when objects moved meanwhile.
const ATTEMPTS: usize = 8;

/// Why a part of a search ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The search has no answer.
    Failed(SearchError),
    /// A segment has moved or was removed since it was listed: list again.
    Moved(StoreError),
    /// A file of the index does not answer: its events are read line by line.
    BadFile,
}

impl From<SearchError> for Stop {
    fn from(error: SearchError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Allows another attempt after something moved.
///
/// # Errors
/// For any other reason, or when it moved too often.
pub(super) fn again(stop: Stop, attempts: &mut usize) -> Result<(), SearchError> {
    *attempts += 1;
    match stop {
        Stop::Failed(error) => Err(error),
        Stop::Moved(error) if *attempts >= ATTEMPTS => Err(error.into()),
        Stop::Moved(_) | Stop::BadFile => Ok(()),
    }
}
