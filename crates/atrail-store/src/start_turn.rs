//! The turn to start of the nodes that share a catalog: one at a time starts, because it may have to make keys, or to begin an
//! epoch. Whoever changes the signing key has the turn, too.

use std::time::Duration;

use atrail_catalog::{Catalog, Membership};
use atrail_disk::{Result, StoreError};
use atrail_model::Incarnation;

/// The duty of whoever starts, or changes the signing key.
const START: &str = "start";
/// How often a node asks for its turn to start.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// A node that starts, and has the turn to do so.
#[derive(Debug)]
pub(crate) struct Starting {
    pub(crate) catalog: Catalog,
    /// The number of the claim.
    pub(crate) turn: u64,
}

/// The right of a node to use the parts, which its lease gives.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) node: Membership,
    pub(crate) turn: u64,
}

impl Node {
    /// Lets the next node start. (One that cannot tell it is passed over when its lease ends.)
    pub(crate) async fn has_started(&self) {
        if let Err(error) = self.node.release(START, Some(self.turn)).await {
            tracing::warn!(%error, "the next node cannot start before this one's lease ends");
        }
    }
}

/// Waits for the turn to start.
pub(crate) async fn turn_to_start(node: &Membership) -> Result<u64> {
    let mut is_first = true;
    loop {
        if let Some(turn) = node.claim(START).await? {
            return Ok(turn);
        }
        if std::mem::take(&mut is_first) {
            tracing::info!("another node is starting: waiting until it has");
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Makes sure that no other node runs, and that none starts before [`Node::has_started`]; `None` where a catalog is not
/// shared.
///
/// # Errors
/// `Conflict` when another node runs; when the catalog fails.
pub(crate) async fn alone(catalog: &Catalog) -> Result<Option<Node>> {
    let Some(node) = catalog.membership().cloned() else {
        return Ok(None);
    };
    let turn = turn_to_start(&node).await?;
    let own = node.incarnation();
    let alone = Node { node, turn };
    let refusal = match others(catalog, own).await {
        Ok(others) if others.is_empty() => return Ok(Some(alone)),
        Ok(others) => StoreError::Conflict(format!(
            "the signing key changes only while one node runs: stop {}, change the key, and start them again",
            others.join(" and ")
        )),
        Err(error) => error,
    };
    alone.has_started().await;
    Err(refusal)
}

/// Returns the names of the nodes besides this one that are not fenced; it fences those whose lease has ended.
async fn others(catalog: &Catalog, own: Incarnation) -> Result<Vec<String>> {
    catalog.fence_ended().await?;
    let others = catalog.nodes().await?.into_iter();
    let others = others.filter(|other| !other.is_fenced && other.incarnation != own);
    Ok(others.map(|other| other.name).collect())
}

/// Refuses to go on while another node runs, or waits for its turn to start.
///
/// # Errors
/// `Conflict` with the names of the others; when the catalog fails.
pub(crate) async fn refuse_others(catalog: &Catalog) -> Result<()> {
    let others = others(catalog, membership(catalog)?.incarnation()).await?;
    if others.is_empty() {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "a cluster is moved while no node of it runs: stop {} first",
        others.join(" and ")
    )))
}

/// Returns the node's place among those that share the catalog.
pub(crate) fn membership(catalog: &Catalog) -> Result<&Membership> {
    // Only a catalog that was joined comes here.
    catalog.membership().ok_or(StoreError::Closed)
}
