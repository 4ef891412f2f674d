//! Records that an account's logs must begin anew because objects were adopted that the logs do not mention.

use atrail_disk::Result;

use super::checkpoints::Checkpoints;

/// The reason of such an epoch.
pub(super) const TAKEN_IN: &str =
    "the catalog was older than the archive, of which it took in what it did not know";

/// Makes the next start begin a new epoch in all logs, unless this start itself begins the logs of the accounts
/// concerned. An earlier demand stays.
pub(crate) fn demand_epoch_of_taken_in(checkpoints: &dyn Checkpoints) -> Result<()> {
    match checkpoints.demanded_epoch()? {
        Some(_) => Ok(()),
        None => checkpoints.demand_epoch(TAKEN_IN),
    }
}

/// Reports whether an earlier start adopted objects, and was interrupted before all logs concerned had their new epoch.
pub(crate) fn is_taking_in(checkpoints: &dyn Checkpoints) -> Result<bool> {
    let demanded = checkpoints.demanded_epoch()?;
    Ok(demanded.is_some_and(|reason| reason == TAKEN_IN))
}
