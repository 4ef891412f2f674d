//! Moves everything from a data directory to the database and the bucket of nodes, and back, while nothing runs. The signed
//! history goes on: it is the same rows, signed by the same key, and the old place is used no more.
//!
//! A migration that was interrupted is repeated, and skips the objects that are there. The source can be used until the last
//! step, which first ends its use and then begins that of the target: no moment has two places that sign.

mod check;
mod objects;
mod place;
mod rehearsal;
mod source;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_catalog::Catalog;
use atrail_catalog::migration::Usage;
use atrail_disk::data_dir::{ARCHIVE_HOME, CATALOG, CATALOG_HOME, MOVED_TO, MOVING_IN, MOVING_TO};
use atrail_disk::moving::Mark;
use atrail_disk::{DirLock, Result, StoreError, durable, io_failure};
use atrail_model::{Clock, Incarnation};

use crate::parts::Parts;
use crate::settings::{ClusterSettings, StoreSettings};
use crate::startup;
use place::Place;
use source::Source;

pub use rehearsal::{Rehearsal, rehearse};

/// From where to where. The cluster's settings have a catalog, an archive, a directory for copies, and the section
/// `[cluster]`.
#[derive(Debug, Clone)]
pub enum Way {
    /// From a data directory to an empty database and an empty prefix of a bucket.
    ToCluster {
        /// The data directory.
        data_dir: PathBuf,
        /// The settings of the nodes.
        cluster: StoreSettings,
    },
    /// From a cluster to a new data directory.
    ToDirectory {
        /// The settings of the nodes.
        cluster: StoreSettings,
        /// The new data directory.
        into: PathBuf,
    },
}

/// The progress of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationStep {
    /// This table is copied, with so many rows.
    Table(&'static str, u64),
    /// There are this many bytes of objects to copy.
    Total(u64),
    /// This many of them are in the target.
    Done(u64),
    /// The copy is compared with the original.
    Checking,
}

/// What a migration moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MigrationReport {
    /// Whether an earlier call had done everything but the last step, or all.
    pub was_done: bool,
    /// Rows of the catalog.
    pub rows: u64,
    /// Tables of the catalog.
    pub tables: u64,
    /// Objects of the archive.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Bytes of the objects that this call copied; the others were there already.
    pub copied_bytes: u64,
    /// Files of the search index.
    pub index_files: u64,
    /// Runs of the keys of sealed events.
    pub runs: u64,
    /// Signed logs whose heads and roots are equal on both sides.
    pub logs: u64,
}

type Tell<'a> = &'a mut (dyn FnMut(MigrationStep) + Send);

/// Moves everything.
///
/// # Errors
/// `Conflict` when something runs on the source, when the target is not empty, or when it belongs to another migration; when
/// a part fails, or an object is damaged: then the source is as it was, and the same call goes on.
pub async fn migrate(way: &Way, clock: Arc<dyn Clock>, tell: Tell<'_>) -> Result<MigrationReport> {
    match way {
        Way::ToCluster { data_dir, cluster } => to_cluster(data_dir, cluster, clock, tell).await,
        Way::ToDirectory { cluster, into } => to_directory(cluster, into, clock, tell).await,
    }
}

/// Returns the parts of the settings that a cluster needs: the URL of its database, and its section.
fn cluster_of(settings: &StoreSettings) -> Result<(&str, &ClusterSettings)> {
    match (&settings.catalog, &settings.archive, &settings.cluster) {
        (Some(catalog), Some(_), Some(cluster)) => Ok((catalog, cluster)),
        _ => Err(StoreError::Invalid(
            "the configuration is not that of a cluster: it needs [store] catalog and archive, and [cluster]".to_owned(),
        )),
    }
}

/// Names the place of a cluster, for people.
fn place_of(settings: &StoreSettings) -> String {
    let none = String::new();
    let catalog = settings.catalog.as_ref().unwrap_or(&none);
    let archive = settings.archive.as_ref().unwrap_or(&none);
    format!("{catalog} and {archive}")
}

/// Refuses a directory that does not have all of its own data.
fn refuse_unfit(dir: &Path) -> Result<()> {
    let why = if dir.join(CATALOG_HOME).exists() {
        "its catalog is in PostgreSQL already"
    } else if dir.join(ARCHIVE_HOME).exists() {
        "its archive is in a bucket already"
    } else if !dir.join(CATALOG).is_file() {
        "it has no catalog"
    } else {
        return Ok(());
    };
    Err(StoreError::Conflict(format!(
        "the data directory {} cannot be moved: {why}",
        dir.display()
    )))
}

async fn to_cluster(
    dir: &Path,
    settings: &StoreSettings,
    clock: Arc<dyn Clock>,
    tell: Tell<'_>,
) -> Result<MigrationReport> {
    let (url, cluster) = cluster_of(settings)?;
    let place = place_of(settings);
    if let Some(mark) = Mark::read(dir, MOVED_TO)? {
        let _lock = locked(dir)?;
        return begin_use(dir, &mark, settings, &place).await;
    }
    refuse_unfit(dir)?;
    let mark = Mark::read(dir, MOVING_TO)?.filter(|mark| mark.place == place);
    let mark = mark.unwrap_or_else(|| Mark {
        migration: Incarnation::generate().to_string(),
        place,
    });
    let usage = Usage::Filling(mark.migration.clone());
    match Catalog::usage_of(url).await? {
        Usage::Nobody => {}
        found if found == usage => {}
        found => return Err(found.refusal()),
    }
    let mut own = StoreSettings::new(dir.to_owned());
    own.search.is_on = false;
    let source = Source::open(own, clock).await?;
    let moved = async {
        source.seal_all().await?;
        mark.write(dir, MOVING_TO)?;
        let (parts, catalog) = Parts::shared_as(settings, cluster, &usage).await?;
        let target = Place::of_parts(&parts, catalog);
        let moved = async {
            let report = copy_all(source.place(), &target, tell).await?;
            // From here on nobody uses the directory, and from the next step on nodes may.
            mark.write(dir, MOVED_TO)?;
            Mark::remove(dir, MOVING_TO)?;
            target.catalog.change_usage(&usage, &Usage::Nodes).await?;
            Ok(report)
        };
        let moved = moved.await;
        target.catalog.close().await;
        moved
    };
    // Boxed: the compiler refuses futures that hold one another so deep.
    let moved = Box::pin(moved).await;
    let closed = source.close().await;
    let report = moved?;
    closed?;
    Ok(report)
}

/// Ends a migration whose source is out of use.
async fn begin_use(
    dir: &Path,
    mark: &Mark,
    settings: &StoreSettings,
    place: &str,
) -> Result<MigrationReport> {
    if mark.place != place {
        return Err(StoreError::Conflict(format!(
            "everything in {} was moved to {} already",
            dir.display(),
            mark.place
        )));
    }
    let (url, cluster) = cluster_of(settings)?;
    let usage = Usage::Filling(mark.migration.clone());
    match Catalog::usage_of(url).await? {
        Usage::Nodes => {}
        found if found == usage => {
            let (_parts, catalog) = Parts::shared_as(settings, cluster, &usage).await?;
            let begun = catalog.change_usage(&usage, &Usage::Nodes).await;
            catalog.close().await;
            begun?;
            Mark::remove(dir, MOVING_TO)?;
        }
        found => return Err(found.refusal()),
    }
    Ok(MigrationReport {
        was_done: true,
        ..MigrationReport::default()
    })
}

fn locked(dir: &Path) -> Result<DirLock> {
    startup::lock_dir(dir)
}

async fn to_directory(
    settings: &StoreSettings,
    dir: &Path,
    clock: Arc<dyn Clock>,
    tell: Tell<'_>,
) -> Result<MigrationReport> {
    let (url, cluster) = cluster_of(settings)?;
    let dir = &std::path::absolute(dir).map_err(io_failure("use the directory", dir))?;
    let place = place_of(settings);
    let began = Mark::read(dir, MOVING_IN)?;
    match (Catalog::usage_of(url).await?, &began) {
        (Usage::Nodes, _) => {}
        (Usage::Moved { migration, .. }, Some(mark)) if mark.migration == migration => {
            let _lock = locked(dir)?;
            Mark::remove(dir, MOVING_IN)?;
            return Ok(MigrationReport {
                was_done: true,
                ..MigrationReport::default()
            });
        }
        (found, _) => return Err(found.refusal()),
    }
    let mark = match began {
        Some(mark) if mark.place == place => mark,
        Some(mark) => {
            return Err(StoreError::Conflict(format!(
                "a migration from {} into {} has not ended: end it, or choose a new directory",
                mark.place,
                dir.display()
            )));
        }
        None => {
            refuse_used(dir)?;
            Mark {
                migration: Incarnation::generate().to_string(),
                place,
            }
        }
    };
    refuse_running(url).await?;
    durable::create_dir(dir).map_err(io_failure("make", dir))?;
    mark.write(dir, MOVING_IN)?;
    let lock = locked(dir)?;
    let mut node = settings.clone();
    node.search.is_on = false;
    node.cluster = Some(ClusterSettings {
        name: "atrail admin migrate".to_owned(),
        ..cluster.clone()
    });
    let source = Source::open(node, clock).await?;
    let moved = async {
        source.seal_all().await?;
        let target = Place::of_directory(dir).await?;
        let moved = async {
            let report = copy_all(source.place(), &target, tell).await?;
            durable::sync_file_system(dir).map_err(io_failure("complete", dir))?;
            let away = Usage::Moved {
                migration: mark.migration.clone(),
                place: dir.display().to_string(),
            };
            let catalog = &source.place().catalog;
            catalog.change_usage(&Usage::Nodes, &away).await?;
            Mark::remove(dir, MOVING_IN)?;
            Ok(report)
        };
        let moved = moved.await;
        target.catalog.close().await;
        moved
    };
    let moved = Box::pin(moved).await;
    let closed = source.close().await;
    drop(lock);
    let report = moved?;
    closed?;
    Ok(report)
}

/// Refuses a cluster of which a node has a lease, before anything is opened. (Another one may start meanwhile: the source asks
/// again once it has the turn to start.)
async fn refuse_running(url: &str) -> Result<()> {
    let catalog = Catalog::look_at_shared(url).await?;
    let nodes = catalog.nodes().await;
    catalog.close().await;
    let live = nodes?
        .into_iter()
        .filter(|node| node.is_live && !node.is_fenced);
    let live: Vec<_> = live.map(|node| node.name).collect();
    if live.is_empty() {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "nodes run: stop {} first",
        live.join(" and ")
    )))
}

/// Refuses a directory that has an entry.
fn refuse_used(dir: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(io_failure("look into", dir))?.count(),
    };
    if entries == 0 {
        return Ok(());
    }
    Err(StoreError::Conflict(format!(
        "{} is not empty: choose a new directory",
        dir.display()
    )))
}

/// Copies everything, and compares it.
async fn copy_all(from: &Place, to: &Place, tell: Tell<'_>) -> Result<MigrationReport> {
    let mut report = MigrationReport::default();
    let mut tell_table = |table, rows| tell(MigrationStep::Table(table, rows));
    let contents = from.catalog.copy_into(&to.catalog, &mut tell_table).await?;
    report.rows = contents.rows();
    report.tables = contents.tables();
    objects::copy(from, to, tell, &mut report).await?;
    objects::copy_index(from, to, &mut report).await?;
    report.runs = texts::copy(from, to).await?;
    tell(MigrationStep::Checking);
    report.logs = check::compare(from, to, &contents).await?;
    Ok(report)
}
