//! Compares the copy with the original, before anybody uses it.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_catalog::migration::Contents;
use atrail_disk::{Result, StoreError};

use super::place::Place;
use crate::signing::Signing;

/// Compares the rows of all tables, the number and bytes of the objects, the heads and roots of all logs, and what was
/// signed. Returns the number of logs.
///
/// # Errors
/// `Damaged` with what differs.
pub(super) async fn compare(from: &Place, to: &Place, copied: &Contents) -> Result<u64> {
    let there = to.catalog.contents(&from.catalog).await?;
    let differing = there.differences(copied);
    if !differing.is_empty() {
        return Err(differs(&format!("the tables {} are", differing.join(", "))));
    }
    let size = to.catalog.archive_size().await?;
    if size != from.catalog.archive_size().await? {
        return Err(differs("the number or the bytes of the objects are"));
    }
    let objects = to.blobs.list("").await?.len() as u64;
    if objects != size.0 {
        return Err(differs(&format!(
            "{objects} objects of {} are there, which is",
            size.0
        )));
    }
    let heads: HashMap<_, _> = from.catalog.heads().await?.into_iter().collect();
    let theirs: HashMap<_, _> = to.catalog.heads().await?.into_iter().collect();
    if heads != theirs {
        return Err(differs("the heads of the signed logs are"));
    }
    for domain in from.checkpoints.domains() {
        if from.checkpoints.newest(domain) != to.checkpoints.newest(domain) {
            return Err(differs(&format!("what was signed of {domain} is")));
        }
    }
    let signing = |place: &Place| {
        Signing::open(
            Arc::clone(&place.secrets),
            Arc::clone(&place.checkpoints),
            None,
        )
    };
    let (ours, theirs) = (signing(from)?, signing(to)?);
    if ours.verifier_key().await != theirs.verifier_key().await {
        return Err(differs("the signing key is"));
    }
    // So the next start goes on, and begins no epoch.
    if theirs.is_ahead_of(&to.catalog).await? || to.checkpoints.demanded_epoch()?.is_some() {
        return Err(differs("the signed history is"));
    }
    Ok(heads.len() as u64)
}

fn differs(what: &str) -> StoreError {
    StoreError::Damaged {
        what: "the copy".to_owned(),
        why: format!(
            "{what} not as in the original, which stays in use. Run the same command again; when it fails again, scrub the original"
        ),
    }
}
