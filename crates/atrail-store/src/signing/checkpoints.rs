//! The seam for signed checkpoints: the newest of each domain, kept outside the catalog.
//!
//! [`local`] keeps them in a file, `shared` in a bucket and in a catalog that nodes share, [`memory`] in memory for tests. `conformance.rs` tests what every
//! implementation must do.

#[cfg(test)]
mod conformance;
pub(crate) mod local;
pub(crate) mod memory;
#[cfg(feature = "cluster")]
pub(crate) mod shared;

use std::fmt::Debug;

use atrail_disk::{Result, StoreError};
use atrail_evidence::{Checkpoint, Note};
use atrail_model::Domain;

/// Remembers what a server has signed, even when its catalog is lost or set back.
///
/// When [`remember`](Self::remember) returns `Ok`, the checkpoints survive a crash of process and machine, and the loss
/// of the catalog. Only then may anybody see them. For one origin and size there is one root, for ever. Methods may
/// wait for a disk or for another machine; [`newest`](Self::newest) and [`domains`](Self::domains) do not.
pub(crate) trait Checkpoints: Debug + Send + Sync {
    /// Returns the domains that have a signed checkpoint.
    fn domains(&self) -> Vec<Domain>;

    /// Returns the checkpoint that was signed last for a domain.
    fn newest(&self, domain: Domain) -> Option<Signed>;

    /// Reads what other nodes have signed since; from here on [`newest`](Self::newest) and [`domains`](Self::domains) return
    /// it. Where one process signs, there is nothing to read.
    ///
    /// # Errors
    /// `Poisoned` when something that was signed is not recorded any more.
    fn refresh(&self) -> Result<()> {
        Ok(())
    }

    /// Keeps checkpoints. It skips those that are kept already, or are older than the newest of their origin, at no
    /// cost.
    ///
    /// # Errors
    /// `Poisoned` when another root of the same origin and size is kept, or an earlier write failed; `Full` on a full
    /// disk, with none kept.
    fn remember(&self, signed: &[(Domain, Signed)]) -> Result<()>;

    /// Returns the reason why the next start must begin a new epoch, if it must.
    ///
    /// # Errors
    /// When it cannot be read.
    fn demanded_epoch(&self) -> Result<Option<String>>;

    /// Makes the next start begin a new epoch for this reason, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    fn demand_epoch(&self, reason: &str) -> Result<()>;

    /// Removes the demand for a new epoch, which has begun.
    ///
    /// # Errors
    /// When it cannot be written.
    fn forget_demand(&self) -> Result<()>;
}

/// A checkpoint that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: String,
}

impl Signed {
    /// Reads a signed note.
    fn parse(note: String) -> Option<Self> {
        let checkpoint = Checkpoint::parse(Note::parse(&note).ok()?.text()).ok()?;
        Some(Self { checkpoint, note })
    }
}

/// Reports whether the newest checkpoint of a domain already covers this one.
///
/// # Errors
/// `Poisoned` when it has another root at the same size.
fn covers(newest: Option<&Signed>, checkpoint: &Checkpoint) -> Result<bool> {
    let Some(newest) = newest.map(|signed| &signed.checkpoint) else {
        return Ok(false);
    };
    if newest.origin != checkpoint.origin || newest.size < checkpoint.size {
        return Ok(false);
    }
    if newest.size == checkpoint.size && newest.root != checkpoint.root {
        return Err(StoreError::Poisoned(format!(
            "another history of {} at size {} was signed before",
            checkpoint.origin, checkpoint.size
        )));
    }
    Ok(true)
}
