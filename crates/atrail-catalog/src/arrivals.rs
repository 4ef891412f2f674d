//! When requests arrived whose events have no time of their own.

use atrail_disk::Result;
use atrail_model::{AccountId, Timestamp};
use uuid::Uuid;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id, nanoseconds};
use crate::sql::{self, Connection};

/// Requests of an account at most whose arrivals are known, give or take those of a few hundred transactions.
const MAX_OF_AN_ACCOUNT: u32 = 250_000;
/// Rows that one transaction forgets because there are more.
const SURPLUS_AT_ONCE: u32 = 4096;

/// The first half of the hash of a request.
pub type RequestHash = [u8; 16];

impl Catalog {
    /// Returns when a request arrived first, which is `now` if it was not known; then this is durable when the call
    /// returns. Of two calls at once for one request, both get the same time.
    ///
    /// `age` is the present on the clock of ages. An arrival before `known_since` counts as unknown. When an account has too
    /// many, its oldest are forgotten.
    pub async fn arrival(
        &self,
        request: RequestHash,
        account: AccountId,
        now: Timestamp,
        age: Timestamp,
        known_since: Timestamp,
    ) -> Result<Timestamp> {
        let what = "note when a request arrived";
        let mut tx = self.begin(what).await?;
        sql::query(concat!(
            "INSERT INTO arrivals (request, time, age, account) VALUES (?, ?, ?, ?) ON CONFLICT (request) DO UPDATE ",
            "SET time = excluded.time, age = excluded.age WHERE arrivals.age < ?"
        ))
        .bind(request.as_slice())
        .bind(nanoseconds(now))
        .bind(nanoseconds(age))
        .bind(account.bytes())
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
        // To count them each time would cost all other writers more than the rows.
        if Uuid::new_v4().as_bytes()[0] == 0 {
            forget_surplus(&mut tx, account, MAX_OF_AN_ACCOUNT, what).await?;
        }
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

/// Forgets the oldest arrivals of an account that has more than so many.
async fn forget_surplus(
    connection: &mut Connection,
    account: AccountId,
    most: u32,
    what: &'static str,
) -> Result<()> {
    sql::query(concat!(
        "DELETE FROM arrivals WHERE request IN ",
        "(SELECT request FROM arrivals WHERE account = ? ORDER BY age DESC LIMIT ? OFFSET ?)"
    ))
    .bind(account.bytes())
    .bind(SURPLUS_AT_ONCE)
    .bind(most)
    .execute(connection)
    .await
    .map_err(failed_to(what))?;
    Ok(())
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
            let account = AccountId::from_bytes([1; 16]);
            let found = catalog.arrival([request; 16], account, at(now), at(now), at(known_since));
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
    #[tokio::test]
    async fn an_account_with_too_many_forgets_its_oldest_and_no_other_account() {
        let catalog = Catalog::open_in_memory().await.unwrap();
        let [one, other] = [1, 2].map(|byte| AccountId::from_bytes([byte; 16]));
        let arrival = async |account, request: u8, now| {
            let found = catalog.arrival([request; 16], account, at(now), at(now), at(0));
            found.await.unwrap().as_second()
        };
        for (request, second) in (1..=5).zip(100..) {
            assert_eq!(arrival(one, request, second).await, second);
        }
        assert_eq!(arrival(other, 9, 50).await, 50);
        let mut tx = catalog.begin("forget").await.unwrap();
        forget_surplus(&mut tx, one, 3, "forget").await.unwrap();
        tx.commit().await.unwrap();
        // The two oldest are unknown, the others known.
        assert_eq!(arrival(one, 1, 200).await, 200);
        assert_eq!(arrival(one, 2, 200).await, 200);
        for (request, second) in (3..=5).zip(102..) {
            assert_eq!(arrival(one, request, 200).await, second);
        }
        assert_eq!(arrival(other, 9, 200).await, 50);
    }

    /// The limit holds without anybody calling for it.
    #[tokio::test]
    async fn an_account_never_has_many_more_than_it_may() {
        let catalog = Catalog::open_in_sqlite().await.unwrap();
        let account = AccountId::from_bytes([1; 16]);
        let many = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_OF_AN_ACCOUNT}) \
             INSERT INTO arrivals (request, time, age, account) SELECT randomblob(16), 0, i, x'{}' FROM n",
            "01".repeat(16)
        );
        let mut tx = catalog.begin("fill").await.unwrap();
        sql::raw(sql::AssertSqlSafe(many))
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let count = async || {
            let row: (i64,) = sql::query_as("SELECT COUNT(*) FROM arrivals")
                .fetch_one(catalog.readers())
                .await
                .unwrap();
            u32::try_from(row.0).unwrap()
        };
        let mut requests = 0_u32;
        loop {
            let before = count().await;
            let request = u128::from(requests).to_be_bytes();
            let at = Timestamp::from_second(i64::from(requests) + 1).unwrap();
            catalog
                .arrival(request, account, at, at, Timestamp::MIN)
                .await
                .unwrap();
            requests += 1;
            if count().await <= before {
                break;
            }
            assert!(requests < 20_000, "nothing was forgotten");
        }
        assert_eq!(count().await, MAX_OF_AN_ACCOUNT);
    }
}
