//! The catalog's record of passed time, and other traces of it.

use atrail_disk::Result;
use atrail_model::Timestamp;
use atrail_model::passage::Kept;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, nanoseconds};
use crate::sql::{self, Row};

impl Catalog {
    /// Returns the last recorded passed time; `None` in a new catalog, or in one of an earlier version.
    pub async fn kept_clock(&self) -> Result<Option<Kept>> {
        let row = sql::query("SELECT passed, ages FROM clock")
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to("read how much time passed"))?;
        let kept = |row: Row| {
            Ok(Kept {
                passed: row.moment("passed")?,
                ages: row.moment("ages")?,
            })
        };
        row.map(kept).transpose()
    }

    /// Records the passed time for the next process.
    pub async fn keep_clock(&self, kept: Kept) -> Result<()> {
        let what = "note how much time passed";
        let mut tx = self.begin(what).await?;
        sql::query(concat!(
            "INSERT INTO clock (only_row, passed, ages) VALUES (1, ?, ?) ",
            "ON CONFLICT (only_row) DO UPDATE SET passed = excluded.passed, ages = excluded.ages"
        ))
        .bind(nanoseconds(kept.passed))
        .bind(nanoseconds(kept.ages))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(what))?;
        tx.commit().await
    }

    /// Returns the latest moment at which a server wrote the catalog, as far as its rows show: for a catalog of a
    /// version that recorded no clock. Times of events do not count, because their senders set them.
    pub async fn newest_trace(&self) -> Result<Option<Timestamp>> {
        let what = "look for the newest trace of a server";
        let row = sql::query(concat!(
            "SELECT MAX(at) AS at FROM (SELECT MAX(created) AS at FROM sessions UNION ALL SELECT MAX(accessed) FROM sessions ",
            "UNION ALL SELECT MAX(created) FROM logins UNION ALL SELECT MAX(issued) FROM refresh_tokens ",
            "UNION ALL SELECT MAX(created) FROM api_keys UNION ALL SELECT MAX(used) FROM api_keys ",
            "UNION ALL SELECT MAX(created) FROM ingest_keys UNION ALL SELECT MAX(used) FROM ingest_keys ",
            "UNION ALL SELECT MAX(created) FROM users UNION ALL SELECT MAX(created) FROM accounts ",
            "UNION ALL SELECT MAX(created) FROM spaces UNION ALL SELECT MAX(since) FROM holds) AS moments"
        ))
        .fetch_one(self.readers())
        .await
        .map_err(failed_to(what))?;
        let row = row.optional_moment("at")?;
        let logged = sql::query(concat!(
            "SELECT r.entry FROM logs l ",
            "JOIN log_records r ON r.log = l.log AND r.position = l.size - 1"
        ))
        .fetch_all(self.readers())
        .await
        .map_err(failed_to(what))?;
        let mut newest = row;
        for row in &logged {
            newest = newest.max(time_of(&row.text("entry")?));
        }
        Ok(newest)
    }

    /// Returns the highest moment on the clock of ages in any row; without one, the lowest possible moment.
    pub async fn highest_age(&self) -> Result<Timestamp> {
        let row = sql::query(concat!(
            "SELECT MAX(age) AS age FROM (SELECT MAX(made_age) AS age FROM sessions UNION ALL SELECT MAX(used_age) FROM sessions ",
            "UNION ALL SELECT MAX(retired) FROM objects UNION ALL SELECT MAX(moved) FROM moved_objects ",
            "UNION ALL SELECT MAX(age) FROM arrivals) AS ages"
        ))
        .fetch_one(self.readers())
        .await
        .map_err(failed_to("read how much time passed"))?;
        Ok(row.optional_moment("age")?.unwrap_or(Timestamp::MIN))
    }
}

/// Returns the time of a log's entry. The text is read here: not every database reads each text that JSON allows.
fn time_of(entry: &str) -> Option<Timestamp> {
    let entry: serde_json::Value = serde_json::from_str(entry).ok()?;
    entry.get("time")?.as_str()?.parse().ok()
}
