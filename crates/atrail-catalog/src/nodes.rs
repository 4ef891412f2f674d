//! The nodes that share a catalog: each has a lease, and who loses it may be fenced.
//!
//! A node joins under a new [`Incarnation`], and renews its lease before a third of it has passed. The database's clock alone
//! decides when a lease has ended; from then on any other node may fence this one, for ever. A fenced node's transactions
//! that write fail. So whatever a node claimed is free as soon as it is fenced, and no work that it does later counts.

mod claims;
mod closing;
pub(crate) mod erased;
mod membership;
mod removals;

#[cfg(test)]
mod tests;

use std::time::Duration;

use atrail_disk::Result;
use atrail_model::Incarnation;

pub use membership::Membership;
pub use removals::Removals;

use super::Catalog;
use super::failure::failed_to;
use super::row::{Columns, Id};
use crate::sql;

/// A node that joins those that share a catalog.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'a> {
    /// The URL of the catalog's database: `postgres://USER@HOST/DATABASE`.
    pub url: &'a str,
    /// The node's name, for people.
    pub name: &'a str,
    /// The version of its program.
    pub version: &'a str,
    /// Where it listens, for people: nodes do not talk to each other.
    pub address: &'a str,
    /// For how long others take it to be alive after each renewal.
    pub lease: Duration,
}

/// What the catalog knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Which stay of the node it is about.
    pub incarnation: Incarnation,
    /// The node's name.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// Where it listens.
    pub address: String,
    /// Whether it has left, or another node has fenced it.
    pub is_fenced: bool,
    /// Whether its lease has not ended.
    pub is_live: bool,
}

impl Catalog {
    /// Returns the membership of this node, when several share the catalog.
    pub const fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    /// Returns the same catalog with connections that nobody else uses, for callers on the threads of another runtime; its
    /// connections are closed with this one's. A catalog that is not shared returns itself.
    #[must_use]
    pub fn beside(&self) -> Self {
        let Some(pools) = self.beside.clone() else {
            return self.clone();
        };
        Self {
            writer: pools.writer,
            unsynced: pools.unsynced,
            readers: pools.readers,
            counters: pools.counters,
            ..self.clone()
        }
    }

    /// Returns the nodes that share the catalog, or did, in the order in which they joined.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>> {
        const WHAT: &str = "list the nodes";
        let rows = sql::query(
            "SELECT incarnation, name, version, address, fenced, lease_until > clock_timestamp() AS live FROM nodes \
             ORDER BY joined_at, incarnation",
        );
        let rows = rows.fetch_all(self.readers()).await;
        let rows = rows.map_err(failed_to(WHAT))?;
        let node = |row: &sql::Row| {
            Ok(NodeRow {
                incarnation: row.id("incarnation")?,
                name: row.text("name")?,
                version: row.text("version")?,
                address: row.text("address")?,
                is_fenced: row.try_get("fenced").map_err(failed_to(WHAT))?,
                is_live: row.try_get("live").map_err(failed_to(WHAT))?,
            })
        };
        rows.iter().map(node).collect()
    }

    /// Fences every node whose lease has ended, and returns them. It waits for their transactions.
    pub async fn fence_ended(&self) -> Result<Vec<Incarnation>> {
        const WHAT: &str = "fence nodes that are gone";
        let mut fenced = Vec::new();
        for node in self.nodes().await? {
            if node.is_fenced || node.is_live {
                continue;
            }
            let asked = sql::query_as("SELECT fence_if_ended(?)").bind(node.incarnation.bytes());
            let asked = asked.fetch_one(self.counters()).await;
            let (is_fenced,): (bool,) = asked.map_err(failed_to(WHAT))?;
            fenced.extend(is_fenced.then_some(node.incarnation));
        }
        Ok(fenced)
    }
}
