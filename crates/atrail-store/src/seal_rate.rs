//! How often users may make the store seal: nobody makes a million one-event segments by asking for sessions, or for
//! deletions.

use std::collections::{HashMap, VecDeque};

use atrail_model::{AccountId, SpaceId, Timestamp};
use parking_lot::Mutex;

use crate::error::{Result, StoreError};

const HOUR_SECS: i64 = 3600;

/// When seals were asked for in the last hour, by place.
#[derive(Debug, Default)]
pub(crate) struct SealRate(Mutex<HashMap<Place, VecDeque<Timestamp>>>);

/// What the limit counts by: a space, or what is asked of an account without one.
type Place = (AccountId, Option<SpaceId>);

impl SealRate {
    /// Counts one more, unless that is too many.
    ///
    /// # Errors
    /// `TooMany` beyond the limit for an hour; it says how long to wait.
    pub(crate) fn admit(&self, place: Place, now: Timestamp, limit: usize) -> Result<()> {
        let mut places = self.0.lock();
        places.retain(|_, times| {
            times.retain(|time| now.as_second() - time.as_second() < HOUR_SECS);
            !times.is_empty()
        });
        let times = places.entry(place).or_default();
        if times.len() >= limit {
            let waited = times
                .front()
                .map_or(0, |oldest| now.as_second() - oldest.as_second());
            return Err(StoreError::TooMany {
                message: format!(
                    "{limit} sessions and deletions were asked for in this space within an hour"
                ),
                retry_after_secs: u64::try_from(HOUR_SECS - waited).unwrap_or(1).max(1),
            });
        }
        times.push_back(now);
        Ok(())
    }
}
