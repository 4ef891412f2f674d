//! Decides which task may seal, delete or compact which domain now.

mod local;
#[cfg(feature = "cluster")]
mod shared;

#[cfg(test)]
mod conformance;

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;

use atrail_model::Domain;
use futures_util::future::BoxFuture;

pub(crate) use local::LocalDuties;
#[cfg(feature = "cluster")]
pub(crate) use shared::SharedDuties;

/// Work that one task does at a time.
///
/// The order of the variants is the order of claims: the holder of a claim claims only greater ones, or free ones
/// ([`Duties::try_claim`]). So no two tasks wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Duty {
    /// Writes files of the search index with events of this domain. A task that removes events has claimed it: what is being
    /// written has copies of them.
    Index(Domain),
    /// Replaces objects of this domain with others.
    Compact(Domain),
    /// Turns this domain's unsealed events into objects. A task that removes objects from the domain, by request or by
    /// retention, has claimed all three duties: a compaction has copies of the objects, and a seal would add more.
    Seal(Domain),
    /// Merges and removes the runs of sealed events.
    Runs,
}

/// Assigns each duty to one task at a time.
///
/// On one machine a claim ends with its holder. On several machines a node may lose one without noticing, when it
/// stalled for longer than its lease. Whoever takes the claim over fences that node in the same transaction, and each
/// transaction that has an effect (the seal, the compaction, the deletion) fails when its node is fenced. So the work of a
/// lost claim changes nothing, and everything written for it is waste.
///
/// `conformance.rs` tests these promises on every implementation.
pub(crate) trait Duties: fmt::Debug + Send + Sync {
    /// Waits until the duty is free, and claims it; of this node's tasks the one that has waited longest is next. Its number
    /// is greater than that of every earlier claim of the same duty. The duty is free again when the claim is dropped, for
    /// other nodes soon after; a cancelled wait leaves no trace. (On a node that is fenced the wait never ends.)
    fn claim(&self, duty: Duty) -> BoxFuture<'_, Claim>;

    /// Claims the duty unless another task has it, or one of this node waits for it.
    fn try_claim(&self, duty: Duty) -> BoxFuture<'_, Option<Claim>>;

    /// Waits until no task of this node has any duty.
    fn rest(&self) -> BoxFuture<'_, ()>;
}

/// A duty that its holder alone has.
#[must_use = "the duty is free again when this is dropped"]
pub(crate) struct Claim {
    duty: Duty,
    number: u64,
    /// Frees the duty when it is dropped.
    _held: Box<dyn Any + Send>,
}

impl Claim {
    pub(crate) const fn duty(&self) -> Duty {
        self.duty
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("duty", &self.duty)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Claims all of these, in their order. The caller holds none.
pub(crate) async fn claim_all(
    duties: &dyn Duties,
    wanted: impl IntoIterator<Item = Duty>,
) -> Vec<Claim> {
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let mut claims = Vec::with_capacity(wanted.len());
    for duty in wanted {
        claims.push(duties.claim(duty).await);
    }
    claims
}

/// Claims all of these, in their order, unless other tasks have some of them.
pub(crate) async fn try_claim_all(
    duties: &dyn Duties,
    wanted: impl IntoIterator<Item = Duty>,
) -> Option<Vec<Claim>> {
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let mut claims = Vec::with_capacity(wanted.len());
    for duty in wanted {
        claims.push(duties.try_claim(duty).await?);
    }
    Some(claims)
}

/// Returns the duties that a task claims before it removes objects from these domains.
pub(crate) fn to_take_out(domains: impl Iterator<Item = Domain>) -> impl Iterator<Item = Duty> {
    domains.flat_map(|domain| {
        [
            Duty::Index(domain),
            Duty::Compact(domain),
            Duty::Seal(domain),
        ]
    })
}
