//! When requests arrived whose events have no time of their own.

use atrail_disk::Result;
use atrail_model::Timestamp;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, nanoseconds};
use crate::sql;

/// The first half of the hash of a request.
pub type RequestHash = [u8; 16];

impl Catalog {
    /// Returns when a request arrived first, which is `now` if it was not known; then this is durable when the call
    /// returns. Of two calls at once for one request, both get the same time.
    ///
    /// `age` is the present on the clock of ages. An arrival before `known_since` counts as unknown.
    pub async fn arrival(
        &self,
        request: RequestHash,
        now: Timestamp,
        age: Timestamp,
        known_since: Timestamp,
    ) -> Result<Timestamp> {
        let what = "note when a request arrived";
        let mut tx = self.begin(what).await?;
        sql::query(concat!(
            "INSERT INTO arrivals (request, time, age) VALUES (?, ?, ?) ON CONFLICT (request) DO UPDATE ",
            "SET time = excluded.time, age = excluded.age WHERE arrivals.age < ?"
        ))
        .bind(request.as_slice())
        .bind(nanoseconds(now))
        .bind(nanoseconds(age))
        .bind(nanoseconds(known_since))
        .execute(&mut *tx)
        .await
        .map_err(failed_to(what))?;
        let row = sql::query("SELECT time FROM arrivals WHERE request = ?")
            .bind(request.as_slice())
            .fetch_one(&mut *tx)
            .await
            .map_err(failed_to(what))?;
        let time = row.moment("time")?;
        tx.commit().await?;
        Ok(time)
    }

    /// Forgets at most so many arrivals from before a moment on the clock of ages. Returns how many.
    pub async fn forget_arrivals(&self, before: Timestamp, at_most: u32) -> Result<u64> {
        let what = "forget when requests arrived";
        let old = sql::query("SELECT 1 FROM arrivals WHERE age < ? LIMIT 1")
            .bind(nanoseconds(before))
            .fetch_optional(self.readers())
            .await
            .map_err(failed_to(what))?;
        if old.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin(what).await?;
        let done = sql::query(concat!(
            "DELETE FROM arrivals WHERE request IN ",
            "(SELECT request FROM arrivals WHERE age < ? ORDER BY age LIMIT ?)"
        ))
        .bind(nanoseconds(before))
        .bind(at_most)
        .execute(&mut *tx)
        .await
        .map_err(failed_to(what))?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[tokio::test]
    async fn a_request_keeps_its_first_time_until_it_is_forgotten() {
        let catalog = Catalog::open_in_memory().await.unwrap();
        let arrival = async |request: u8, now, known_since| {
            let found = catalog.arrival([request; 16], at(now), at(now), at(known_since));
            found.await.unwrap().as_second()
        };
        assert_eq!(arrival(1, 100, 0).await, 100);
        assert_eq!(arrival(1, 200, 0).await, 100);
        assert_eq!(arrival(2, 200, 0).await, 200);
        // From before what is known.
        assert_eq!(arrival(1, 300, 150).await, 300);
        assert_eq!(arrival(1, 400, 150).await, 300);
        assert_eq!(catalog.forget_arrivals(at(250), 10).await.unwrap(), 1);
        assert_eq!(catalog.forget_arrivals(at(250), 10).await.unwrap(), 0);
        assert_eq!(arrival(2, 500, 0).await, 500);
        assert_eq!(arrival(1, 500, 0).await, 300);
    }
}
