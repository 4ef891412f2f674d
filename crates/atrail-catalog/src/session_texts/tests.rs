use std::path::Path;

use super::*;
use crate::conformance::scene::Scene;
use crate::new_session::{Inserted, SessionRow};
use crate::session::Session;
use crate::sql;
use crate::view::Snapshot;

const WAL_HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24 + 4096;
const PART_BYTES: usize = 3000;

fn text() -> Vec<u8> {
    (0..20_000).map(|at| b'a' + (at % 26) as u8).collect()
}

async fn open(file: &Path) -> Catalog {
    Catalog::open(file, "key".to_owned()).await.unwrap()
}

async fn write(catalog: &Catalog, session: &Session) {
    let texts = [
        (TextKind::Manifest, &*text()),
        (TextKind::Receipt, &*text()),
    ];
    let making = session.generation.unwrap();
    let written = catalog.write_texts(making, texts, PART_BYTES).await;
    written.unwrap();
}

async fn insert(scene: &Scene, session: &Session) {
    let row = SessionRow {
        texts: None,
        ..scene.row(session)
    };
    let (as_of, admission) = (scene.removals().await, Scene::admission());
    let inserted = scene.catalog.insert_session(row, as_of, &admission).await;
    assert!(matches!(inserted, Ok(Inserted::Done)));
}

/// Tears the log at each page in turn. Returns in how many of these states the session exists, and in how many of those
/// a text is incomplete.
async fn torn(file: &Path, session: &Session) -> (usize, usize) {
    let wal = |of: &Path| of.with_extension("sqlite-wal");
    let log = std::fs::read(wal(file)).unwrap();
    let frames = (log.len() - WAL_HEADER_BYTES) / FRAME_BYTES;
    let (mut there, mut broken) = (0, 0);
    let dir = tempfile::tempdir().unwrap();
    for torn in 0..=frames {
        let copy = dir.path().join(format!("{torn}.sqlite"));
        std::fs::copy(file, &copy).unwrap();
        let mut log = log.clone();
        let begin = (WAL_HEADER_BYTES + torn * FRAME_BYTES).min(log.len());
        // This page never reached the disk, though later ones may have.
        let end = (begin + FRAME_BYTES).min(log.len());
        log[begin..end].fill(0);
        std::fs::write(wal(&copy), log).unwrap();
        let catalog = open(&copy).await;
        if let Some(found) = catalog.session(session.owner, session.id).await.unwrap() {
            there += 1;
            let manifest = catalog.session_manifest(session.id).await.unwrap();
            let receipt = catalog.receipt(&found).await.unwrap();
            broken += usize::from(manifest != Some(text()) || receipt != Some(text()));
        }
        catalog.close().await;
    }
    (there, broken)
}

/// Returns a scene in a catalog whose log is empty. While the snapshot lives, all writes stay in the log.
async fn scene(file: &Path) -> (Scene, Snapshot) {
    let scene = Scene::new(open(file).await).await;
    scene.catalog.close().await;
    let scene = scene.again(open(file).await);
    let mut snapshot = scene.catalog.snapshot("read").await.unwrap();
    snapshot.view().all_domains().await.unwrap();
    (scene, snapshot)
}

#[tokio::test]
async fn whatever_a_power_loss_leaves_of_the_log_a_session_has_its_texts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("catalog.sqlite");
    let (scene, _snapshot) = scene(&file).await;
    let session = scene.session();
    write(&scene.catalog, &session).await;
    insert(&scene, &session).await;
    let (there, broken) = torn(&file, &session).await;
    assert!(there > 0);
    assert_eq!(broken, 0);
}

/// The control: the order of the two decides.
#[tokio::test]
async fn a_session_before_its_texts_would_lose_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("catalog.sqlite");
    let (scene, _snapshot) = scene(&file).await;
    let session = scene.session();
    insert(&scene, &session).await;
    write(&scene.catalog, &session).await;
    let (there, broken) = torn(&file, &session).await;
    assert!(broken > 1 && broken < there, "{broken} of {there}");
}

#[tokio::test]
async fn texts_are_not_synced_and_the_session_is() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(&dir.path().join("catalog.sqlite")).await;
    let level = async |pool| {
        let level = sql::query_as("PRAGMA synchronous").fetch_one(pool);
        let (level,): (i64,) = level.await.unwrap();
        level
    };
    let (normal, full) = (1, 2);
    assert_eq!(level(&catalog.unsynced).await, normal);
    assert_eq!(level(&catalog.writer).await, full);
    // No other writer is active meanwhile.
    let unsynced = catalog.begin_unsynced("write").await.unwrap();
    let other = catalog.write("write");
    let wait = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(wait, other).await.is_err());
    drop(unsynced);
    catalog.write("write").await.unwrap();
}
