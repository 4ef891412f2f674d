//! Removals that other nodes must notice: each node reads a counter, and says up to where it has.

use std::time::Duration;

use atrail_disk::{Result, StoreError};
use tokio::time::Instant;

use super::Membership;
use crate::failure::failed_to;
use crate::row::{Columns, Id, signed};
use crate::sql;

const ANNOUNCE: &str = "tell the other nodes of a removal";
const READ: &str = "read the removals of other nodes";

/// How often it looks whether all nodes have noticed.
const LOOK: Duration = Duration::from_millis(20);

impl Membership {
    /// Returns the number of the last removal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_removal(&self) -> Result<u64> {
        let row = sql::query("SELECT last FROM removals").fetch_one(self.claims());
        row.await.map_err(failed_to(READ))?.unsigned("last")
    }

    /// Says that this node serves nothing any more that was removed up to this number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_noticed(&self, removal: u64) -> Result<()> {
        let noticed = sql::query(
            "UPDATE nodes SET seen_removals = ? WHERE incarnation = ? AND seen_removals < ?",
        );
        let noticed = noticed
            .bind(signed(removal))
            .bind(self.incarnation().bytes())
            .bind(signed(removal))
            .execute(self.claims());
        noticed.await.map(drop).map_err(failed_to(READ))
    }

    /// Tells the other nodes that something was removed; returns once each has noticed, or has no lease any more: a node
    /// without a lease serves nothing.
    ///
    /// # Errors
    /// When the database fails, or a node that renews its lease does not notice within two leases.
    pub async fn announce_removal(&self) -> Result<()> {
        let row = sql::query("UPDATE removals SET last = last + 1 RETURNING last");
        let row = row.fetch_one(self.claims()).await;
        let removal = row.map_err(failed_to(ANNOUNCE))?.unsigned("last")?;
        let deadline = Instant::now() + self.lease() * 2;
        loop {
            let late = sql::query(
                "SELECT COUNT(*) AS late FROM nodes WHERE NOT fenced AND incarnation <> ? AND seen_removals < ? \
                 AND lease_until > clock_timestamp()",
            );
            let late = late
                .bind(self.incarnation().bytes())
                .bind(signed(removal))
                .fetch_one(self.claims());
            if late.await.map_err(failed_to(ANNOUNCE))?.unsigned("late")? == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StoreError::Away {
                    what: ANNOUNCE.to_owned(),
                    source: "a node that is alive does not notice it".into(),
                });
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
