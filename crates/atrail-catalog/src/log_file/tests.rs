use std::time::Duration;

use super::*;
use crate::session::Generation;
use crate::session_texts::TextKind;

/// Long enough for anything that waits for nobody.
const A_WHILE: Duration = Duration::from_secs(10);

async fn open(dir: &Path) -> Catalog {
    let file = dir.join("catalog.sqlite");
    Catalog::open(&file, "key".to_owned()).await.unwrap()
}

/// Makes the log longer than the background moves beside writers. The snapshot keeps it there.
async fn fill(catalog: &Catalog) {
    let mut write = catalog.write("fill the log").await.unwrap();
    let rows = "CREATE TABLE IF NOT EXISTS filling (x); \
        WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 24) \
        INSERT INTO filling SELECT randomblob(1048576) FROM n";
    write.run(rows).await;
    write.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_the_log_alone_and_writing_texts_do_not_wait_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path()).await;
    let mut snapshot = catalog.snapshot("read").await.unwrap();
    snapshot.view().all_domains().await.unwrap();
    fill(&catalog).await;
    let busy = catalog.write("write").await.unwrap();
    let moving = tokio::spawn({
        let catalog = catalog.clone();
        async move { catalog.move_from_log().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!moving.is_finished(), "the control: it waits for its turn");
    let writing = tokio::spawn({
        let catalog = catalog.clone();
        async move {
            let text = [(TextKind::Manifest, &b"a"[..]), (TextKind::Receipt, b"b")];
            let making = Generation::generate();
            catalog.write_texts(making, text, 100).await
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!writing.is_finished(), "the control: somebody writes");
    drop(busy);
    let both = async {
        moving.await.unwrap();
        writing.await.unwrap().unwrap();
        catalog
            .write("write")
            .await
            .unwrap()
            .commit()
            .await
            .unwrap();
    };
    tokio::time::timeout(A_WHILE, both)
        .await
        .expect("nobody waits for a connection of somebody who waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_do_not_wait_for_moving_what_a_snapshot_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = open(dir.path()).await;
    let mut snapshot = catalog.snapshot("read").await.unwrap();
    snapshot.view().all_domains().await.unwrap();
    fill(&catalog).await;
    catalog.move_from_log().await;
    let _busy = catalog.write("write").await.unwrap();
    let again = tokio::time::timeout(A_WHILE, catalog.move_from_log()).await;
    again.expect("it asks for no turn in vain");
    drop(snapshot);
    let alone = tokio::time::timeout(Duration::from_secs(1), catalog.move_from_log()).await;
    alone.unwrap_or(());
    // The pool ends the snapshot a moment after it was dropped.
    let all_moved = async {
        loop {
            let mut own = catalog.unsynced.acquire().await.unwrap();
            match move_pages(&mut own).await.unwrap() {
                (0, moved) => return moved,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let moved = tokio::time::timeout(A_WHILE, all_moved).await.unwrap();
    assert!(moved > MOVED_ALONE_AT_PAGES, "the control");
}
