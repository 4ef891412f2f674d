//! Tests what every implementation of [`Blobs`] must do, and proves that the suite detects faulty ones.

use std::sync::Arc;

use atrail_disk::{Reader, Result, Stamp, StoreError};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use super::local::LocalBlobs;
use super::memory::MemoryBlobs;
use super::{Blobs, Expected};

const PATH: &str = "domain=space-x/date=2017-07-24/hour=07/a.ndjson.gz";
const BYTES: &[u8] = b"0123456789";

type Verdict = std::result::Result<(), &'static str>;

fn must(holds: bool, fault: &'static str) -> Verdict {
    holds.then_some(()).ok_or(fault)
}

/// Returns the fault of an implementation, if it has one. `reopen` returns the same objects as a later process finds
/// them.
pub(super) async fn conforms(reopen: impl Fn() -> Arc<dyn Blobs>) -> Verdict {
    let blobs = reopen();
    must(
        lists(&*blobs, "").await?.is_empty(),
        "what nobody put is listed",
    )?;
    must(
        is_absent(&*blobs).await,
        "an object is there that nobody put",
    )?;
    put(&*blobs).await?;
    for blobs in [blobs, reopen()] {
        let reader = open(&*blobs).await?;
        must(
            reads_right(&reader).await,
            "other bytes are read than were put",
        )?;
        let waiting = Arc::clone(&blobs);
        let opened = tokio::task::spawn_blocking(move || waiting.open_waiting(PATH, None)).await;
        let opened = opened.map_err(|_| "opening panics")?;
        let opened = opened.map_err(|_| "an object cannot be opened by a thread that waits")?;
        must(
            stamp(&opened)? == stamp(&reader)?,
            "a thread that waits finds another object",
        )?;
        if let Some(near) = blobs.open_near(PATH) {
            let near = near.map_err(|_| "an object cannot be opened near")?;
            must(stamp(&near)? == stamp(&reader)?, "another object is near")?;
        }
    }
    for below in ["", "domain=space-x", "domain=space-x/date=2017-07-24"] {
        must(
            lists(&*reopen(), below).await? == [PATH],
            "what was put is not listed",
        )?;
    }
    for below in ["domain=space-", "domain=space-y"] {
        must(
            lists(&*reopen(), below).await?.is_empty(),
            "what is elsewhere is listed",
        )?;
    }
    let blobs = reopen();
    blobs.distrust(PATH);
    must(
        reads_right(&open(&*blobs).await?).await,
        "an object goes with its copy",
    )?;
    must(!blobs.distrust("elsewhere"), "there is a copy of nothing")?;
    let reader = open(&*reopen()).await?;
    let before = stamp(&reader)?;
    delete(&*reopen()).await?;
    delete(&*reopen()).await?;
    must(is_absent(&*reopen()).await, "what was deleted is there")?;
    must(
        lists(&*reopen(), "").await?.is_empty(),
        "what was deleted is listed",
    )?;
    must(
        reads_right(&reader).await,
        "an open object goes with its deletion",
    )?;
    // A caller that remembers the first object must see that this is another one.
    put(&*reopen()).await?;
    let another = open(&*reopen()).await?;
    must(stamp(&another)? != before, "two objects look alike")?;
    delete(&*reopen()).await?;
    put(&*reopen()).await?;
    let cleared = reopen().clear().await;
    must(cleared.is_ok(), "objects cannot be cleared away")?;
    must(
        is_absent(&*reopen()).await,
        "what was cleared away is there",
    )
}

async fn lists(blobs: &dyn Blobs, below: &str) -> std::result::Result<Vec<String>, &'static str> {
    blobs
        .list(below)
        .await
        .map_err(|_| "objects cannot be listed")
}

async fn put(blobs: &dyn Blobs) -> Verdict {
    let put = blobs.put(PATH, Bytes::from_static(BYTES)).await;
    must(put.is_ok(), "an object is refused")?;
    let settled = blobs.settle(&[PATH.to_owned()]).await;
    must(settled.is_ok(), "an object cannot be made durable")
}

async fn open(blobs: &dyn Blobs) -> std::result::Result<Reader, &'static str> {
    let expected = Expected {
        size_bytes: BYTES.len() as u64,
        sha256: Sha256::digest(BYTES).into(),
    };
    blobs
        .open(PATH, Some(expected))
        .await
        .map_err(|_| "what was put is not there")
}

async fn delete(blobs: &dyn Blobs) -> Verdict {
    let deleted = blobs.delete(PATH).await;
    must(deleted.is_ok(), "an object cannot be deleted, or not again")?;
    let settled = blobs.settle_deletions(&[PATH.to_owned()]).await;
    must(settled.is_ok(), "a deletion cannot be made durable")
}

fn stamp(reader: &Reader) -> std::result::Result<Stamp, &'static str> {
    reader.stamp().map_err(|_| "an open object has no stamp")
}

async fn is_absent(blobs: &dyn Blobs) -> bool {
    let near = blobs.open_near(PATH);
    matches!(
        blobs.open(PATH, None).await,
        Err(StoreError::NotFound { .. })
    ) && near.is_none_or(|opened| {
        opened.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    })
}

async fn reads_right(reader: &Reader) -> bool {
    let size = BYTES.len() as u64;
    let sha256: [u8; 32] = Sha256::digest(BYTES).into();
    let mut end = [0; 2];
    reader.stamp().is_ok_and(|stamp| stamp.size_bytes == size)
        && reader.read(0..size).await.is_ok_and(|read| read == BYTES)
        && reader
            .read(3..5)
            .await
            .is_ok_and(|read| read == BYTES[3..5])
        && reader.read(8..12).await.is_err()
        && reader.fill(&mut end, 9).is_err()
        && reader.fill(&mut end, 8).is_ok()
        && end == BYTES[8..]
        && reader.hash(size).is_ok_and(|hash| hash == sha256)
        && reader.sha256(size).await.is_ok_and(|hash| hash == sha256)
}

#[tokio::test]
async fn files_conform() {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    let reopen = || Arc::new(LocalBlobs::open(&archive).unwrap()) as Arc<dyn Blobs>;
    assert_eq!(conforms(reopen).await, Ok(()));
    let left: Vec<_> = std::fs::read_dir(&archive).unwrap().collect();
    assert!(left.is_empty(), "empty directories are removed: {left:?}");
}

#[tokio::test]
async fn memory_conforms() {
    let blobs = MemoryBlobs::default();
    assert_eq!(conforms(|| Arc::new(blobs.clone())).await, Ok(()));
}

/// A fault of an implementation.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    PutsNothing,
    PutsHalf,
    DeletesNothing,
    RefusesASecondDeletion,
    ClearsNothing,
    DistrustsTheObject,
    ListsNothing,
    ListsAll,
}

#[derive(Debug)]
struct WrongBlobs(MemoryBlobs, Wrong);

impl Blobs for WrongBlobs {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        match self.1 {
            Wrong::PutsNothing => std::future::ready(Ok(())).boxed(),
            Wrong::PutsHalf => self.0.put(path, bytes.slice(..5)),
            _ => self.0.put(path, bytes),
        }
    }

    fn settle<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>> {
        self.0.settle(paths)
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        expected: Option<Expected>,
    ) -> BoxFuture<'a, Result<Reader>> {
        self.0.open(path, expected)
    }

    fn open_near(&self, path: &str) -> Option<std::io::Result<Reader>> {
        self.0.open_near(path)
    }

    fn distrust(&self, path: &str) -> bool {
        match self.1 {
            Wrong::DistrustsTheObject => self.0.delete(path).now_or_never().is_some(),
            _ => self.0.distrust(path),
        }
    }

    fn list<'a>(&'a self, below: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        match self.1 {
            Wrong::ListsNothing => std::future::ready(Ok(Vec::new())).boxed(),
            Wrong::ListsAll => self.0.list(""),
            _ => self.0.list(below),
        }
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let is_there = self.0.open_near(path).is_some_and(|opened| opened.is_ok());
            match self.1 {
                Wrong::DeletesNothing => Ok(()),
                Wrong::RefusesASecondDeletion if !is_there => Err(StoreError::Closed),
                _ => self.0.delete(path).await,
            }
        }
        .boxed()
    }

    fn settle_deletions<'a>(&'a self, paths: &'a [String]) -> BoxFuture<'a, Result<()>> {
        self.0.settle_deletions(paths)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        match self.1 {
            Wrong::ClearsNothing => std::future::ready(Ok(())).boxed(),
            _ => self.0.clear(),
        }
    }
}

#[tokio::test]
async fn what_does_not_conform_is_noticed() {
    for wrong in [
        Wrong::PutsNothing,
        Wrong::PutsHalf,
        Wrong::DeletesNothing,
        Wrong::RefusesASecondDeletion,
        Wrong::ClearsNothing,
        Wrong::DistrustsTheObject,
        Wrong::ListsNothing,
        Wrong::ListsAll,
    ] {
        let blobs = MemoryBlobs::default();
        let outcome = conforms(|| Arc::new(WrongBlobs(blobs.clone(), wrong))).await;
        assert!(outcome.is_err(), "{wrong:?} passes");
    }
}
