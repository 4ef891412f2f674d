//! The exports that callers have asked for, each until it expires.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_export::{Format, Options};
use atrail_model::{Elapsed, UserId};
use atrail_search::Order;
use atrail_store::search::Question;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::ApiError;

/// How long an export can be fetched.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);
/// Exports that one user may have at a time.
const OF_USER_MAX: usize = 100;
/// Bytes of queries that all exports together may hold.
const QUERIES_MAX_BYTES: usize = 16 << 20;

/// What is exported, and how.
#[derive(Debug, Clone)]
pub(crate) struct Export {
    pub(crate) owner: UserId,
    pub(crate) question: Question,
    pub(crate) order: Order,
    pub(crate) format: &'static Format,
    pub(crate) options: Options,
}

/// The exports, in memory: a restart forgets them.
#[derive(Debug, Default)]
pub(crate) struct Exports(Mutex<HashMap<Uuid, (Elapsed, Arc<Export>)>>);

/// Why no further export is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The user has as many as one user may have.
    User,
    /// All users together hold as much as they may.
    All,
}

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        let retry = |error: Self| error.retry_after(60);
        retry(match full {
            Full::User => Self::new(
                ErrorCode::TooMany,
                format!(
                    "you have {OF_USER_MAX} exports that have not expired: fetch them again, or wait an hour"
                ),
            ),
            Full::All => {
                Self::unavailable("too many exports are waiting to be fetched: try again later")
            }
        })
    }
}

impl Exports {
    /// Keeps an export until it expires, and returns its id, which nobody can guess.
    pub(crate) fn keep(&self, export: Export, now: Elapsed) -> Result<Uuid, Full> {
        let mut exports = self.0.lock();
        exports.retain(|_, (since, _)| now.since(*since) < LIFETIME);
        let kept = exports.values().map(|(_, export)| export);
        let (mut of_user, mut bytes) = (0, export.question.query.text.len());
        for other in kept {
            of_user += usize::from(other.owner == export.owner);
            bytes += other.question.query.text.len();
        }
        if of_user >= OF_USER_MAX {
            return Err(Full::User);
        }
        if bytes > QUERIES_MAX_BYTES {
            return Err(Full::All);
        }
        let id = Uuid::new_v4();
        exports.insert(id, (now, Arc::new(export)));
        Ok(id)
    }

    /// Returns the user's own export, unless it has expired.
    pub(crate) fn of(&self, owner: UserId, id: Uuid, now: Elapsed) -> Option<Arc<Export>> {
        let exports = self.0.lock();
        let (since, export) = exports.get(&id)?;
        (export.owner == owner && now.since(*since) < LIFETIME).then(|| Arc::clone(export))
    }
}
