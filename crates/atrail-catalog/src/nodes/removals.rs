//! Removals that other nodes must notice: each node reads a counter, and says up to where it has.

use std::time::Duration;

use atrail_disk::{Result, StoreError};
use atrail_model::Incarnation;
use tokio::time::Instant;

use super::Membership;
use crate::failure::failed_to;
use crate::row::{Columns, Id, signed};
use crate::sql;

const ANNOUNCE: &str = "tell the other nodes of a removal";
const READ: &str = "read the removals of other nodes";

/// How much was removed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removals {
    /// Their number.
    pub last: u64,
    /// How many of them were of events.
    pub deletions: u64,
}

/// How often it looks whether all nodes have noticed.
const LOOK: Duration = Duration::from_millis(20);

impl Membership {
    /// Returns how much was removed so far.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn removals(&self) -> Result<Removals> {
        let row = sql::query("SELECT last, deletions FROM removals").fetch_one(self.renewals());
        let row = row.await.map_err(failed_to(READ))?;
        Ok(Removals {
            last: row.unsigned("last")?,
            deletions: row.unsigned("deletions")?,
        })
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
            .execute(self.renewals());
        noticed.await.map(drop).map_err(failed_to(READ))
    }

    /// Says that this node serves from here on: who removes something waits for it. Whatever was removed before is so for
    /// every read that begins after this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begins_to_serve(&self) -> Result<()> {
        let begun = sql::query(
            "UPDATE nodes SET seen_removals = (SELECT last FROM removals) WHERE incarnation = ?",
        );
        let begun = begun.bind(self.incarnation().bytes());
        let begun = begun.execute(self.claims()).await;
        begun.map(drop).map_err(failed_to(READ))
    }

    /// Tells the other nodes that something was removed, be it events or something else; returns once each that serves has noticed, or is fenced. One whose
    /// lease has ended is fenced: it may be standing still, and would go on with what it had begun.
    ///
    /// # Errors
    /// When the database fails, this node's own lease has ended, or a node that renews its lease does not notice within two
    /// leases.
    pub async fn announce_removal(&self, are_events: bool) -> Result<()> {
        // One announcement at a time: those who ask meanwhile share the next.
        let asked = self.asks_to_announce(are_events);
        let mut announced = self.announced().await;
        if *announced >= asked {
            return Ok(());
        }
        let (covers, deletions) = self.asked_to_announce();
        self.announce(deletions).await?;
        *announced = covers;
        Ok(())
    }

    async fn announce(&self, deletions: u64) -> Result<()> {
        let row = sql::query(
            "UPDATE removals SET last = last + 1, deletions = deletions + ? RETURNING last",
        );
        let row = row.bind(signed(deletions)).fetch_one(self.claims()).await;
        let removal = row.map_err(failed_to(ANNOUNCE))?.unsigned("last")?;
        let deadline = Instant::now() + self.lease() * 2;
        loop {
            let late = self.late(removal).await?;
            if late.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(away("a node that is alive does not notice it"));
            }
            // A node that has lost its own lease fences nobody: two such nodes would fence each other.
            if !self.is_live() {
                return Err(away("this node could not renew its lease"));
            }
            for node in late {
                // It may have renewed its lease since: then it is waited for.
                let fenced = sql::query("SELECT fence_if_ended(?)").bind(node.bytes());
                let fenced = fenced.execute(self.claims()).await;
                fenced.map_err(failed_to(ANNOUNCE))?;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns the other nodes that may still be serving what was removed under this number.
    async fn late(&self, removal: u64) -> Result<Vec<Incarnation>> {
        let late = sql::query(
            "SELECT incarnation FROM nodes WHERE NOT fenced AND incarnation <> ? AND seen_removals < ?",
        );
        let late = late
            .bind(self.incarnation().bytes())
            .bind(signed(removal))
            .fetch_all(self.claims());
        let late = late.await.map_err(failed_to(ANNOUNCE))?;
        late.iter().map(|row| row.id("incarnation")).collect()
    }
}

fn away(why: &'static str) -> StoreError {
    StoreError::Away {
        what: ANNOUNCE.to_owned(),
        source: why.into(),
    }
}
