//! Says what a migration would move, and whether the target is fit, and changes nothing.

use std::path::Path;

use atrail_archive::{BucketSettings, Remote};
use atrail_catalog::Catalog;
use atrail_catalog::migration::Usage;
use atrail_disk::data_dir::{CATALOG, LOG, MOVED_TO, MOVING_IN, MOVING_TO};
use atrail_disk::moving::{Mark, refuse_moved};
use atrail_disk::{DirLock, Result, StoreError, durable, io_failure, list, off_thread};
use atrail_model::ObjectId;

use super::{Way, cluster_of, place_of, refuse_running, refuse_unfit, refuse_used};
use crate::secrets::ClusterKey;
use crate::settings::StoreSettings;

/// What a migration would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Where everything would be afterwards.
    pub place: String,
    /// Objects of the archive.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Bytes of the log, whose events are sealed first.
    pub log_bytes: u64,
    /// Why the migration would be refused now; empty when it would not.
    pub obstacles: Vec<String>,
}

/// Looks at both sides. What passes through on its way from a bucket is below `scratch`.
///
/// # Errors
/// When the source cannot be read.
pub async fn rehearse(way: &Way, scratch: &Path) -> Result<Rehearsal> {
    match way {
        Way::ToCluster { data_dir, cluster } => to_cluster(data_dir, cluster, scratch).await,
        Way::ToDirectory { cluster, into } => to_directory(cluster, into).await,
    }
}

async fn to_cluster(dir: &Path, settings: &StoreSettings, scratch: &Path) -> Result<Rehearsal> {
    let (url, cluster) = cluster_of(settings)?;
    let place = place_of(settings);
    refuse_moved(dir)?;
    refuse_unfit(dir)?;
    let catalog = Catalog::open_read_only(&dir.join(CATALOG)).await?;
    let size = catalog.archive_size().await;
    catalog.close().await;
    let (objects, object_bytes) = size?;
    let mut obstacles = Vec::new();
    let mut obstacle = |outcome: Result<()>| {
        if let Err(error) = outcome {
            obstacles.push(atrail_disk::chain(&error));
        }
    };
    if DirLock::is_held(dir).map_err(io_failure("look at the lock of", dir))? {
        obstacle(Err(StoreError::Conflict(format!(
            "a server uses {}: stop it first",
            dir.display()
        ))));
    }
    let key = cluster.key_file.clone();
    obstacle(off_thread(move || ClusterKey::read(&key)).await.map(drop));
    let own = Mark::read(dir, MOVING_TO)?.filter(|mark| mark.place == place);
    let own = own.map(|mark| Usage::Filling(mark.migration));
    let usage = Catalog::usage_of(url).await;
    let is_own = usage.as_ref().ok() == own.as_ref() && own.is_some();
    obstacle(match usage {
        Ok(Usage::Nobody) => Ok(()),
        Ok(_) if is_own => Ok(()),
        Ok(found) => Err(found.refusal()),
        Err(error) => Err(error),
    });
    if let Some(bucket) = settings.bucket() {
        obstacle(refuse_used_prefix(&bucket, scratch, is_own).await);
    }
    Ok(Rehearsal {
        place,
        objects,
        object_bytes,
        log_bytes: log_bytes(dir).await?,
        obstacles,
    })
}

/// Refuses a prefix that has an object, unless this migration has marked it as its own.
async fn refuse_used_prefix(bucket: &BucketSettings, scratch: &Path, is_own: bool) -> Result<()> {
    let passage = scratch.join(format!("atrail-migrate-{}", ObjectId::generate()));
    let listed = async {
        let remote = Remote::open(bucket, &passage, 0)?;
        remote.list("").await
    };
    let listed = listed.await;
    durable::remove_dir(&passage).map_err(io_failure("remove", &passage))?;
    let listed = listed?;
    match listed.first() {
        None => Ok(()),
        Some(_) if is_own && listed.iter().any(|path| path.starts_with("home/")) => Ok(()),
        Some(first) => Err(StoreError::Conflict(format!(
            "{} is not empty: it has {first}. Choose an empty prefix",
            bucket.address.url
        ))),
    }
}

async fn log_bytes(dir: &Path) -> Result<u64> {
    let (files, _) = list(dir.join(LOG)).await?;
    let lengths = files.iter().filter_map(|file| file.metadata().ok());
    Ok(lengths.map(|file| file.len()).sum())
}

async fn to_directory(settings: &StoreSettings, dir: &Path) -> Result<Rehearsal> {
    let (url, cluster) = cluster_of(settings)?;
    let usage = Catalog::usage_of(url).await?;
    if usage != Usage::Nodes {
        return Err(usage.refusal());
    }
    let catalog = Catalog::look_at_shared(url).await?;
    let looked = async {
        Ok::<_, StoreError>((
            catalog.archive_size().await?,
            catalog.shared_log_bytes().await?,
        ))
    };
    let looked = looked.await;
    catalog.close().await;
    let ((objects, object_bytes), log_bytes) = looked?;
    let mut obstacles = Vec::new();
    let key = cluster.key_file.clone();
    let key = off_thread(move || ClusterKey::read(&key)).await;
    let began = Mark::read(dir, MOVING_IN)?;
    let is_own = began.is_some_and(|mark| mark.place == place_of(settings));
    let target = match Mark::read(dir, MOVED_TO)? {
        Some(_) => refuse_moved(dir),
        None if is_own => Ok(()),
        None => refuse_used(dir),
    };
    for outcome in [refuse_running(url).await, key.map(drop), target] {
        obstacles.extend(outcome.err().map(|error| atrail_disk::chain(&error)));
    }
    Ok(Rehearsal {
        place: dir.display().to_string(),
        objects,
        object_bytes,
        log_bytes,
        obstacles,
    })
}
