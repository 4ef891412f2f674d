//! Claims of duties: each is one node's at a time.

use atrail_disk::Result;

use super::Membership;
use crate::failure::failed_to;
use crate::row::{Id, signed};
use crate::sql;

const CLAIM: &str = "claim a duty";
const RELEASE: &str = "release a duty";

impl Membership {
    /// Claims a duty for this node, and returns the claim's number, which is greater than that of every earlier claim of the
    /// duty; `None` when another node has it. A claim of a node whose lease has ended is free: that node is fenced in the
    /// same transaction. What this node has claimed is claimed again.
    ///
    /// # Errors
    /// When this node is fenced, or the database fails: the claim may have been made.
    pub async fn claim(&self, duty: &str) -> Result<Option<u64>> {
        let claimed = sql::query_as("SELECT claim_duty(?, ?)")
            .bind(duty)
            .bind(self.incarnation().bytes())
            .fetch_one(self.claims());
        let (number,): (Option<i64>,) = claimed.await.map_err(failed_to(CLAIM))?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }

    /// Releases the claim of this number; without a number any claim of this node. A claim that was made again since, or
    /// fell to another node, stays.
    ///
    /// # Errors
    /// When the database fails: the claim may have been released.
    pub async fn release(&self, duty: &str, number: Option<u64>) -> Result<()> {
        let released = sql::query(
            "UPDATE claims SET incarnation = NULL WHERE duty = ? AND incarnation = ? AND (number = ? OR ?)",
        );
        let released = released
            .bind(duty)
            .bind(self.incarnation().bytes())
            .bind(number.map_or(0, signed))
            .bind(number.is_none())
            .execute(self.claims());
        released.await.map(drop).map_err(failed_to(RELEASE))
    }
}
