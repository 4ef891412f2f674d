//! The errors below the API.

use std::io;
use std::path::Path;

use atrail_model::{Day, Domain, EventTotal, Hour, ObjectId, SessionId};

use crate::database_error::{DatabaseError, Shortage};

/// The failure of an operation of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The arguments are wrong in themselves.
    #[error("{0}")]
    Invalid(String),
    /// There is no such thing, or another user owns it.
    #[error("{what} not found")]
    NotFound {
        /// The thing in a few words, such as `session 32c657c5-…`.
        what: String,
    },
    /// The name is taken, or the state forbids it.
    #[error("{0}")]
    Conflict(String),
    /// A limit on how many or how often was reached.
    #[error("{message}")]
    TooMany {
        /// Which limit, and what to do.
        message: String,
        /// When a retry is worthwhile, in seconds.
        retry_after_secs: u64,
    },
    /// Events that the session had pinned were deleted.
    #[error("session {session} lost events: {reason}")]
    Gone {
        /// The session.
        session: SessionId,
        /// When and by whom.
        reason: String,
    },
    /// The login that requested a change ended before the change was made.
    #[error("the login ended while the request was under way: nothing was done")]
    LoginEnded,
    /// The rights of the login that requested a change are no longer those with which the request was authorized.
    #[error("your roles changed while the request was under way: nothing was done, send it again")]
    RightsChanged,
    /// A legal hold forbids it.
    #[error("{0}: nothing can be deleted")]
    Held(atrail_model::StandingHold),
    /// Events of this hour cannot be put into the archive: they are kept, and the store tries again. Other hours are
    /// not affected.
    #[error(
        "events of {day} hour {} cannot be put into the archive now: they are kept, and the server tries again",
        .hour.number()
    )]
    Unsealable {
        /// The domain of the events.
        domain: Domain,
        /// Their day.
        day: Day,
        /// Their hour.
        hour: Hour,
        /// Why they cannot be archived, for the operator.
        why: String,
    },
    /// Part of the request was done, and stays done although the rest failed.
    #[error("{} events were deleted, freeing {} bytes, and then: {rest}", .done.count, .done.size_bytes)]
    Partly {
        /// The deleted events.
        done: EventTotal,
        /// The failure that stopped the rest.
        #[source]
        rest: Box<StoreError>,
    },
    /// No space is left; nothing was kept, nothing acknowledged was lost.
    #[error("no space is left for new events")]
    Full(#[source] io::Error),
    /// More requests are in progress than memory allows; a later try works.
    #[error("more events are on their way than the store can hold in memory")]
    Overloaded,
    /// The space or account is being ended: it accepts events again if that fails.
    #[error("the space or account is being ended; if that fails, it accepts events again")]
    Ending,
    /// A write or an fsync failed before: the store refuses writes until it is restarted.
    #[error("the store stopped accepting writes: {0}; fix the cause, then restart the server")]
    Poisoned(String),
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
    /// A task of the store panicked: it is unknown how much of its work is done.
    #[error(
        "a task of the store panicked half-way: the log has the details; check what was done before you try again"
    )]
    Panicked,
    /// Stored bytes differ from what was written.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// The file or object.
        what: String,
        /// The fault.
        why: String,
    },
    /// An object of the archive differs from what was written, or is missing. Other objects are not affected.
    #[error("object {object} of {day} hour {hour} is damaged: {why} ({path})")]
    DamagedObject {
        /// The object.
        object: ObjectId,
        /// The day of its events.
        day: Day,
        /// The hour of its events.
        hour: Hour,
        /// Its path below the archive.
        path: String,
        /// The fault.
        why: String,
    },
    /// The data directory cannot be used.
    #[error("{what}")]
    Directory {
        /// What was attempted, on which path.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The catalog failed.
    #[error("the catalog failed to {what}")]
    Catalog {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: DatabaseError,
    },
    /// The object store failed.
    #[error("the object store failed to {what}")]
    Objects {
        /// What was attempted, on which object.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The object store does not answer now.
    #[error("the object store failed to {what}")]
    Away {
        /// What was attempted, on which object.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system's source of randomness failed.
    #[error("the system's random number generator failed")]
    Random(#[source] getrandom::Error),
}

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Change the request.
    Invalid,
    /// Request something that exists.
    NotFound,
    /// Choose another name, or change the state first.
    Conflict,
    /// Wait and retry.
    TooMany,
    /// Create another session.
    Gone,
    /// Log in again.
    LoggedOut,
    /// Have the legal hold released.
    Held,
    /// Free disk space; then it works.
    Full,
    /// Wait and retry; the server is not ready for this now.
    Unavailable,
    /// Request something else; the operator must restore this from a backup.
    Damaged,
    /// Call the operator.
    Broken,
}

impl StoreError {
    /// Reports whether the cause may be a full disk, although the error does not state it.
    pub fn may_be_for_want_of_space(&self) -> bool {
        matches!(self, Self::Catalog { source, .. } if source.shortage() == Shortage::Unwritten)
    }

    /// Reports whether the cause, at any depth, is a full disk.
    fn is_for_want_of_space(&self) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                let kind = io.kind();
                if matches!(
                    kind,
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) {
                    return true;
                }
                // An I/O error may wrap another one without naming it as its source.
                if let Some(inner) = io.get_ref() {
                    next = Some(inner);
                    continue;
                }
            }
            if let Some(error) = error.downcast_ref::<DatabaseError>()
                && error.shortage() == Shortage::Full
            {
                return true;
            }
            next = error.source();
        }
        false
    }

    /// Returns what the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        if self.is_for_want_of_space() {
            return ErrorKind::Full;
        }
        match self {
            Self::Invalid(_) => ErrorKind::Invalid,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Conflict(_) => ErrorKind::Conflict,
            Self::TooMany { .. } => ErrorKind::TooMany,
            Self::Gone { .. } => ErrorKind::Gone,
            Self::Held(_) => ErrorKind::Held,
            Self::Full(_) => ErrorKind::Full,
            Self::LoginEnded => ErrorKind::LoggedOut,
            Self::Partly { rest, .. } => rest.kind(),
            Self::Catalog { source, .. } if source.is_away() => ErrorKind::Unavailable,
            Self::Overloaded
            | Self::Ending
            | Self::Poisoned(_)
            | Self::Closed
            | Self::Unsealable { .. }
            | Self::Away { .. }
            | Self::RightsChanged => ErrorKind::Unavailable,
            Self::DamagedObject { .. } => ErrorKind::Damaged,
            Self::Damaged { .. }
            | Self::Directory { .. }
            | Self::Catalog { .. }
            | Self::Objects { .. }
            | Self::Panicked
            | Self::Random(_) => ErrorKind::Broken,
        }
    }
}

/// Turns a failure to do something to a path into an error that names both.
pub fn io_failure<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> StoreError + 'a {
    move |source| StoreError::Directory {
        what: format!("cannot {what} {}", path.display()),
        source,
    }
}

/// The store's result.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Reports whether something failed for lack of space.
pub fn is_full<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(error) if error.kind() == ErrorKind::Full)
}

/// Returns an error with its causes in one line, for logs.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
