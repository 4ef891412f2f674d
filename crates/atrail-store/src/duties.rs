//! Who may seal, delete or compact what now.

mod local;

#[cfg(test)]
mod conformance;

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;

use atrail_model::Domain;
use futures_util::future::BoxFuture;

pub(crate) use local::LocalDuties;

/// What one at a time does.
///
/// The order of these is the order of claims: who holds one claims only greater ones, or those that nobody holds
/// ([`Duties::try_claim`]). So nobody waits for somebody who waits for him.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Duty {
    /// Puts objects of this domain in the place of others.
    Compact(Domain),
    /// Turns this domain's unsealed events into objects. Who takes objects out of the domain, by request or by retention, has
    /// claimed both: a compaction has copies of them, and a seal would bring more.
    Seal(Domain),
}

/// Gives out duties, each to one at a time.
///
/// On one machine a claim ends with the one who has it. On several a node may lose one without knowing: it stood still for longer than
/// its lease. There each claim's number is written with the claim, and the transaction that has the effect (the seal, the compaction,
/// the deletion) checks that the number is still the last; one that is not changes nothing, and what was written for it is waste.
///
/// `conformance.rs` tests these promises on every implementation.
pub(crate) trait Duties: fmt::Debug + Send + Sync {
    /// Waits until nobody has this duty any more, and claims it; who waits for longest is next. Its number is greater than that of
    /// every earlier claim of the same duty. The duty is free again when the claim is dropped, and a wait that is given up leaves
    /// nothing.
    fn claim(&self, duty: Duty) -> BoxFuture<'_, Claim>;

    /// Claims it unless somebody has it or waits for it.
    fn try_claim(&self, duty: Duty) -> Option<Claim>;

    /// Waits until nobody has any duty.
    fn rest(&self) -> BoxFuture<'_, ()>;
}

/// A duty that its holder alone has.
#[must_use = "the duty is free again when this is dropped"]
pub(crate) struct Claim {
    duty: Duty,
    number: u64,
    /// Gives it back when it is dropped.
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

/// What whoever takes objects out of these domains claims.
pub(crate) fn to_take_out(domains: impl Iterator<Item = Domain>) -> impl Iterator<Item = Duty> {
    domains.flat_map(|domain| [Duty::Compact(domain), Duty::Seal(domain)])
}
