//! Limits how often users may make the store seal: nobody can make a million one-event segments by requesting sessions
//! or deletions.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use atrail_disk::{Result, StoreError};
use atrail_model::{AccountId, Elapsed, SpaceId};
use parking_lot::Mutex;

const HOUR: Duration = Duration::from_secs(3600);

/// The times of the requests of the last hour, by place.
#[derive(Debug, Default)]
pub(crate) struct SealRate(Mutex<HashMap<Place, VecDeque<Elapsed>>>);

/// The unit of the limit: a space, or an account's requests without a space.
type Place = (AccountId, Option<SpaceId>);

impl SealRate {
    /// Counts one more request, unless the limit is reached.
    ///
    /// # Errors
    /// `TooMany` beyond the limit for an hour; the error states how long to wait.
    pub(crate) fn admit(&self, place: Place, now: Elapsed, limit: usize) -> Result<()> {
        let mut places = self.0.lock();
        places.retain(|_, times| {
            times.retain(|time| now.since(*time) < HOUR);
            !times.is_empty()
        });
        let times = places.entry(place).or_default();
        if times.len() >= limit {
            let waited = times
                .front()
                .map_or(Duration::ZERO, |oldest| now.since(*oldest));
            return Err(StoreError::TooMany {
                message: format!(
                    "{limit} sessions and deletions were requested in this space within an hour"
                ),
                retry_after_secs: HOUR.saturating_sub(waited).as_secs().max(1),
            });
        }
        times.push_back(now);
        Ok(())
    }
}
