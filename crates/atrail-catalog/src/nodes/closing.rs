//! Domains that accept no events, on no node, while one finds out whether they may end.

use std::collections::HashSet;

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;

use super::super::Catalog;
use super::super::domains::{DomainRow, domain_row};
use crate::failure::failed_to;
use crate::row::Id;
use crate::sql;

const CLOSE: &str = "close domains on all nodes";

impl Catalog {
    /// Has all nodes close these domains, as soon as they notice. One node at a time closes a domain; the domains of a node
    /// that is fenced are open again.
    ///
    /// # Errors
    /// When another node has closed one of them, or the catalog fails.
    pub async fn begin_closing(&self, domains: &[DomainRow]) -> Result<()> {
        let Some(node) = self.membership() else {
            return Ok(());
        };
        let mut tx = self.begin(CLOSE).await?;
        // Who had looked a domain up before it ended has noticed since.
        let left = "DELETE FROM closing_domains WHERE ended_at < clock_timestamp() - INTERVAL '1 hour' \
             OR ended_at IS NULL AND incarnation IN (SELECT incarnation FROM nodes WHERE fenced)";
        sql::query(left)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(CLOSE))?;
        for row in domains {
            let closed = sql::query(
                "INSERT INTO closing_domains (domain, incarnation) VALUES (?, ?) ON CONFLICT (domain) DO UPDATE SET incarnation = excluded.incarnation \
                 WHERE closing_domains.incarnation = excluded.incarnation AND closing_domains.ended_at IS NULL",
            );
            let closed = closed
                .bind(row.number)
                .bind(node.incarnation().bytes())
                .execute(&mut *tx)
                .await;
            if closed.map_err(failed_to(CLOSE))?.rows_affected() == 0 {
                return Err(StoreError::Ending);
            }
        }
        tx.commit().await
    }

    /// Has all nodes open these domains again, as soon as they notice, or keep those closed that have ended.
    ///
    /// # Errors
    /// When the catalog fails: then they stay closed until this node ends.
    pub async fn end_closing(&self, domains: &[DomainRow], have_ended: bool) -> Result<()> {
        let Some(node) = self.membership() else {
            return Ok(());
        };
        let mut tx = self.begin(CLOSE).await?;
        for row in domains {
            let done = sql::query(if have_ended {
                "UPDATE closing_domains SET ended_at = clock_timestamp() WHERE domain = ? AND incarnation = ?"
            } else {
                "DELETE FROM closing_domains WHERE domain = ? AND incarnation = ?"
            });
            let done = done.bind(row.number).bind(node.incarnation().bytes());
            let done = done.execute(&mut *tx).await;
            done.map_err(failed_to(CLOSE))?;
        }
        tx.commit().await
    }

    /// Returns the domains that other nodes have closed, also those that have ended since.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn closed_elsewhere(&self) -> Result<HashSet<Domain>> {
        let Some(node) = self.membership() else {
            return Ok(HashSet::new());
        };
        let rows = sql::query(
            "SELECT d.domain, d.account, d.space FROM closing_domains c JOIN domains d ON d.domain = c.domain \
             JOIN nodes n ON n.incarnation = c.incarnation WHERE (c.ended_at IS NOT NULL OR NOT n.fenced) AND n.incarnation <> ?",
        );
        let rows = rows.bind(node.incarnation().bytes());
        let rows = rows.fetch_all(self.counters()).await;
        let rows = rows.map_err(failed_to(CLOSE))?;
        rows.iter().map(|row| Ok(domain_row(row)?.domain)).collect()
    }
}
