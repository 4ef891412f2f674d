//! Why the logs of an account begin anew that got what they do not tell of.

use super::checkpoints::Checkpoints;
use crate::error::Result;

/// The reason of such an epoch.
pub(super) const TAKEN_IN: &str =
    "the catalog was older than the archive, of which it took in what it did not know";

/// Makes the next start begin a new epoch in all logs, unless this one comes to begin those of what is taken in. One that is
/// demanded already stands.
pub(crate) fn demand_epoch_of_taken_in(checkpoints: &dyn Checkpoints) -> Result<()> {
    match checkpoints.demanded_epoch()? {
        Some(_) => Ok(()),
        None => checkpoints.demand_epoch(TAKEN_IN),
    }
}

/// Whether an earlier start took something in, and was broken off before all logs that do not tell of it had their new epoch.
pub(crate) fn is_taking_in(checkpoints: &dyn Checkpoints) -> Result<bool> {
    let demanded = checkpoints.demanded_epoch()?;
    Ok(demanded.is_some_and(|reason| reason == TAKEN_IN))
}
