//! Notices the removals of other nodes.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use atrail_archive::object::INDEX_PREFIX;
use atrail_catalog::{Membership, Removals};
use atrail_disk::{Result, chain};
use atrail_model::Domain;

use crate::closing::Closed;
use crate::core::Core;

/// How often a node looks for removals of others.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After how many looks it asks again which domains others have closed: a node that closed some may be gone.
const LOOKS_AT_CLOSED: u32 = 25;

impl Core {
    /// Lets go of this node's copy of an object.
    ///
    /// Nobody waits for one that is being fetched at this moment: it goes once it is there.
    fn let_go(&self, path: &str) {
        let (blobs, path) = match path.strip_prefix(INDEX_PREFIX) {
            Some(path) => (Arc::clone(&self.index), path.to_owned()),
            None => (Arc::clone(&self.blobs), path.to_owned()),
        };
        blobs.distrust(&path);
        tokio::spawn(async move { blobs.forget_copy(&path).await });
    }
}

/// What a node has noticed.
#[derive(Default)]
pub(crate) struct Noticed {
    removals: Option<Removals>,
    /// Whether the last look failed.
    is_failing: bool,
    erased: u64,
    closed: HashMap<Domain, Closed>,
}

/// Notices everything up to now, before this node serves anything. From then on others wait for it.
///
/// # Errors
/// When the catalog fails.
pub(crate) async fn begin(core: &Arc<Core>) -> Result<Noticed> {
    let mut noticed = Noticed::default();
    if let Some(node) = core.catalog.membership().cloned() {
        // The copies of before are gone.
        noticed.erased = core.catalog.last_erased().await?;
        // First this: a node that closes a domain after the look waits for this one.
        node.begins_to_serve().await?;
        look(core, &node, &mut noticed, false).await?;
    }
    Ok(noticed)
}

/// Notices what other nodes removed. Ends with the store.
pub(crate) async fn run(core: Weak<Core>, mut noticed: Noticed) {
    let mut looks = 0_u32;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(core) = core.upgrade() else { return };
        let Some(node) = core.catalog.membership().cloned() else {
            return;
        };
        looks = looks.wrapping_add(1);
        let is_again = looks.is_multiple_of(LOOKS_AT_CLOSED) && !noticed.closed.is_empty();
        let looked = look(&core, &node, &mut noticed, is_again).await;
        if let Err(error) = &looked
            && !noticed.is_failing
        {
            tracing::warn!(
                error = chain(error),
                "the removals of other nodes cannot be read: their deletions wait for this node"
            );
        }
        noticed.is_failing = looked.is_err();
    }
}

async fn look(
    core: &Arc<Core>,
    node: &Membership,
    noticed: &mut Noticed,
    is_again: bool,
) -> Result<()> {
    let removals = node.removals().await?;
    let is_news = noticed.removals != Some(removals);
    if is_news {
        core.removals.fetch_add(1, Ordering::Release);
    }
    let deletions = |known: Removals| known.deletions;
    if noticed.removals.map(deletions) != Some(removals.deletions) {
        core.journal.catch_up().await?;
        // What was sealed elsewhere may be deleted by now: no tail returns it from memory.
        let unsealed = core.journal.unsealed_domains();
        core.journal.look_for_seals(&unsealed).await?;
        core.journal.recent().forget_sealed();
    }
    if is_again && node.is_live() {
        // The domains of a node that is gone are open again.
        core.catalog.fence_ended().await?;
    }
    if is_news || is_again {
        let wanted = core.catalog.closed_elsewhere().await?;
        noticed.closed.retain(|domain, _| wanted.contains(domain));
        for domain in wanted {
            if let Entry::Vacant(free) = noticed.closed.entry(domain) {
                free.insert(core.closing.close(HashSet::from([domain])).await);
            }
        }
    }
    loop {
        let erased = core.catalog.erased_after(noticed.erased).await?;
        let Some((number, _)) = erased.last() else {
            break;
        };
        let number = *number;
        for (_, path) in &erased {
            core.let_go(path);
        }
        noticed.erased = number;
    }
    if is_news {
        node.has_noticed(removals.last).await?;
        noticed.removals = Some(removals);
    }
    Ok(())
}
