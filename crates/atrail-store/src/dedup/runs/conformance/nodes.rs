//! Runs of several nodes: the same suite, where each process has copies of its own, and what they promise between them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use atrail_archive::{Blobs, MemoryBlobs};
use atrail_catalog::Catalog;
use atrail_catalog::outside::postgres::EmptyDatabase;
use atrail_disk::StoreError;

use super::super::shared::SharedRuns;
use super::*;
use crate::beside::Beside;

const LEASE: Duration = Duration::from_secs(10);

/// A catalog and a bucket that nodes share, and a directory for each node.
struct Shared {
    beside: Arc<Beside>,
    database: Arc<EmptyDatabase>,
    catalog: Catalog,
    blobs: MemoryBlobs,
    dir: tempfile::TempDir,
    nodes: AtomicUsize,
}

impl Shared {
    fn new() -> Option<Self> {
        let beside = Arc::new(Beside::start().unwrap());
        let made = beside.wait(async {
            let Some(database) = EmptyDatabase::new().await else {
                return Ok(None);
            };
            let catalog = database.join("one", LEASE).await?;
            Ok::<_, StoreError>(Some((Arc::new(database), catalog)))
        });
        let (database, catalog) = made.unwrap()?;
        Some(Self {
            beside,
            database,
            catalog,
            blobs: MemoryBlobs::default(),
            dir: tempfile::tempdir().unwrap(),
            nodes: AtomicUsize::new(0),
        })
    }

    /// Returns a directory that no node used.
    fn cache(&self) -> PathBuf {
        let number = self.nodes.fetch_add(1, Ordering::SeqCst);
        self.dir.path().join(number.to_string())
    }

    fn runs(&self, catalog: &Catalog) -> SharedRuns {
        let blobs = Arc::new(self.blobs.clone());
        let beside = Arc::clone(&self.beside);
        SharedRuns::open(&self.cache(), catalog.clone(), blobs, beside).unwrap()
    }

    /// Returns another node.
    fn join(&self) -> Catalog {
        let database = Arc::clone(&self.database);
        let joined = self
            .beside
            .wait(async move { database.join("other", LEASE).await });
        joined.unwrap()
    }

    fn objects(&self, name: &str) -> bool {
        let (blobs, path) = (self.blobs.clone(), name.to_owned());
        self.beside
            .wait(async move { Ok::<_, StoreError>(blobs.open(&path, None).await.is_ok()) })
            .unwrap()
    }

    /// Puts these bytes in the place of an object.
    fn replace(&self, name: &str, bytes: &'static [u8]) {
        let (blobs, path) = (self.blobs.clone(), name.to_owned());
        let replaced = self.beside.wait(async move {
            blobs.delete(&path).await?;
            blobs.put(&path, bytes.into()).await
        });
        replaced.unwrap();
    }
}

#[test]
fn shared_runs_conform() {
    let Some(shared) = Shared::new() else { return };
    let reopen = || Arc::new(shared.runs(&shared.catalog)) as Arc<dyn Runs>;
    assert_eq!(conforms(reopen), Ok(()));
}

#[test]
fn runs_of_other_nodes_appear_and_go() {
    let Some(shared) = Shared::new() else { return };
    let (one, other) = (shared.runs(&shared.catalog), shared.runs(&shared.join()));
    one.add(NAME, Box::new(write)).unwrap();
    assert_eq!(other.names().unwrap(), [NAME]);
    let reader = other.open(NAME).unwrap();
    is_right(&reader).unwrap();
    assert!(shared.objects(NAME));
    other.remove(NAME).unwrap();
    assert!(one.names().unwrap().is_empty());
    assert!(!shared.objects(NAME));
    // What is open stays readable.
    is_right(&reader).unwrap();
}

#[test]
fn other_bytes_are_no_run_and_the_right_ones_later_are() {
    let Some(shared) = Shared::new() else { return };
    let (one, other) = (shared.runs(&shared.catalog), shared.runs(&shared.catalog));
    one.add(NAME, Box::new(write)).unwrap();
    for wrong in [&b"ab\0\0\0\0c"[..], b"ab\0\0\0\0cx"] {
        shared.replace(NAME, wrong);
        // `NotFound` and `InvalidData` would remove the run.
        let error = other.open(NAME).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Other, "{error}");
    }
    shared.replace(NAME, b"ab\0\0\0\0cd");
    is_right(&other.open(NAME).unwrap()).unwrap();
}

#[test]
fn what_a_node_left_half_done_is_removed_once_it_is_fenced() {
    let Some(shared) = Shared::new() else { return };
    let lost = shared.join();
    let theirs = shared.runs(&lost);
    theirs.add(NAME, Box::new(write)).unwrap();
    // As if it had ended before the last step.
    let half = shared.catalog.clone();
    let run = |sql: &'static str| {
        let half = half.clone();
        let run = shared.beside.wait(async move {
            half.run(sql).await;
            Ok::<_, StoreError>(())
        });
        run.unwrap();
    };
    run("UPDATE dedup_runs SET whole = FALSE");
    let ours = shared.runs(&shared.catalog);
    assert!(ours.names().unwrap().is_empty());
    assert!(shared.objects(NAME), "its node may still be at work");
    run("UPDATE nodes SET fenced = TRUE WHERE name = 'other'");
    assert!(ours.names().unwrap().is_empty());
    assert!(!shared.objects(NAME));
    // A node that is fenced adds none.
    theirs.add("b.run", Box::new(write)).unwrap_err();
    assert!(ours.names().unwrap().is_empty());
    assert!(!shared.objects("b.run"));
    let absent = theirs.open("b.run").unwrap_err();
    assert_eq!(absent.kind(), io::ErrorKind::NotFound, "{absent}");
    ours.add("b.run", Box::new(write)).unwrap();
    assert_eq!(ours.names().unwrap(), ["b.run"]);
}

/// A directory that was erased, or belongs to an earlier state, is right again after a start.
#[test]
fn copies_are_only_copies() {
    let Some(shared) = Shared::new() else { return };
    let cache = shared.cache();
    let open = || {
        let blobs = Arc::new(shared.blobs.clone());
        let beside = Arc::clone(&shared.beside);
        SharedRuns::open(&cache, shared.catalog.clone(), blobs, beside).unwrap()
    };
    open().add(NAME, Box::new(write)).unwrap();
    std::fs::remove_dir_all(&cache).unwrap();
    is_right(&open().open(NAME).unwrap()).unwrap();
    assert!(cache.join(NAME).exists());
    // A copy that is damaged costs a fetch, and the run goes on to count.
    std::fs::write(cache.join(NAME), b"ab\0\0\0\0cx").unwrap();
    is_right(&open().open(NAME).unwrap()).unwrap();
    assert!(shared.objects(NAME));
    shared.runs(&shared.catalog).remove(NAME).unwrap();
    open();
    assert!(!cache.join(NAME).exists());
}
