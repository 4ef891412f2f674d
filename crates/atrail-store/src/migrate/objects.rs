//! Copies the objects of the archive, and the files of the search index, under the same paths.

use std::collections::HashSet;
use std::sync::Arc;

use atrail_archive::object::INDEX_PREFIX;
use atrail_archive::{Blobs, Expected};
use atrail_catalog::offline::Recorded;
use atrail_disk::{Result, StoreError, off_thread};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::place::Place;
use super::{MigrationReport, MigrationStep, Tell};

/// Objects that are copied at the same time.
const PARALLEL: usize = 16;
/// Memory for them, in MiB. A larger object takes all of it.
const MEMORY: u32 = 256;
const PAGE: u32 = 256;

/// Copies the objects that the catalog names, and removes others: they are of an earlier attempt.
pub(super) async fn copy(
    from: &Place,
    to: &Place,
    tell: Tell<'_>,
    report: &mut MigrationReport,
) -> Result<()> {
    let (objects, total) = from.catalog.archive_size().await?;
    tell(MigrationStep::Total(total));
    report.objects = objects;
    report.object_bytes = total;
    let mut others: HashSet<String> = to.blobs.list("").await?.into_iter().collect();
    let memory = Arc::new(Semaphore::new(MEMORY as usize));
    let (mut last, mut done) = (None, 0);
    loop {
        let page = from.catalog.recorded_after(last, PAGE).await?;
        let Some(end) = page.last() else {
            break;
        };
        last = Some(end.file.id);
        let copies = page.into_iter().map(|recorded| {
            let is_there = others.remove(&recorded.file.path);
            copy_one(
                &*from.blobs,
                &*to.blobs,
                recorded,
                is_there,
                Arc::clone(&memory),
            )
        });
        let copies: Vec<_> = copies.collect();
        let mut copies = stream::iter(copies).buffer_unordered(PARALLEL);
        let mut settled = Vec::new();
        while let Some(copied) = copies.next().await {
            let (path, size_bytes, is_new) = copied?;
            done += size_bytes;
            if is_new {
                report.copied_bytes += size_bytes;
            }
            settled.push(path);
            tell(MigrationStep::Done(done));
        }
        to.blobs.settle(&settled).await?;
    }
    remove(&*to.blobs, others).await
}

async fn remove(blobs: &dyn Blobs, others: HashSet<String>) -> Result<()> {
    let others: Vec<_> = others.into_iter().collect();
    for path in &others {
        blobs.delete(path).await?;
    }
    blobs.settle_deletions(&others).await
}

/// Copies an object, unless it is there; returns its path, its length, and whether it was copied.
async fn copy_one(
    from: &dyn Blobs,
    to: &dyn Blobs,
    recorded: Recorded,
    is_there: bool,
    memory: Arc<Semaphore>,
) -> Result<(String, u64, bool)> {
    let file = recorded.file;
    let mib = u32::try_from(file.size_bytes >> 20).unwrap_or(MEMORY);
    let share = memory.acquire_many_owned((mib + 1).min(MEMORY)).await;
    let _share = share.map_err(|_| StoreError::Closed)?;
    let expected = Expected {
        size_bytes: file.size_bytes,
        sha256: file.sha256,
    };
    let path = file.path;
    if is_there
        && let Ok((_, there)) = read(to, &path, Some(expected)).await
        && there == expected
    {
        return Ok((path, expected.size_bytes, false));
    }
    let (bytes, found) = read(from, &path, Some(expected)).await?;
    if found != expected {
        return Err(StoreError::Damaged {
            what: format!("object {path} of {}", recorded.domain),
            why: "its bytes do not match their SHA-256. Restore it from a backup, or delete its events, and migrate again"
                .to_owned(),
        });
    }
    to.put(&path, bytes).await?;
    Ok((path, expected.size_bytes, true))
}

/// Returns the bytes of an object, and what they are.
async fn read(
    blobs: &dyn Blobs,
    path: &str,
    expected: Option<Expected>,
) -> Result<(Bytes, Expected)> {
    let reader = blobs.open(path, expected).await?;
    let size_bytes = reader.checked_stamp()?.size_bytes;
    let name = path.to_owned();
    off_thread(move || {
        let unreadable = |error: &dyn std::fmt::Display| StoreError::Damaged {
            what: format!("object {name}"),
            why: error.to_string(),
        };
        let length = usize::try_from(size_bytes).map_err(|error| unreadable(&error))?;
        let mut bytes = vec![0; length];
        reader
            .fill(&mut bytes, 0)
            .map_err(|error| unreadable(&error))?;
        let sha256 = Sha256::digest(&bytes).into();
        Ok((Bytes::from(bytes), Expected { size_bytes, sha256 }))
    })
    .await
}

/// Copies the files of the search index, and last the mark of their directory. A file that cannot be read is left out: the
/// server makes it anew.
pub(super) async fn copy_index(
    from: &Place,
    to: &Place,
    report: &mut MigrationReport,
) -> Result<()> {
    let mut others: HashSet<String> = to.index.list("").await?.into_iter().collect();
    let mut settled = Vec::new();
    let mut last = String::new();
    loop {
        let page = from.catalog.index_files_after(&last, PAGE).await?;
        let Some(end) = page.last() else {
            break;
        };
        last.clone_from(&end.path);
        let below = |path: &str| path.strip_prefix(INDEX_PREFIX).unwrap_or(path).to_owned();
        let paths: Vec<_> = page.iter().map(|row| below(&row.path)).collect();
        for path in &paths {
            others.remove(path);
        }
        let copies = paths.into_iter().map(|path| async move {
            let copied = copy_index_file(&*from.index, &*to.index, &path).await;
            copied.map(|is_copied| is_copied.then_some(path))
        });
        let copies: Vec<_> = copies.collect();
        let mut copies = stream::iter(copies).buffer_unordered(PARALLEL);
        while let Some(copied) = copies.next().await {
            settled.extend(copied?);
        }
    }
    report.index_files = settled.len() as u64;
    if let Some(mark) = from.catalog.index_mark().await?
        && copy_index_file(&*from.index, &*to.index, &mark).await?
    {
        others.remove(&mark);
        settled.push(mark);
    }
    to.index.settle(&settled).await?;
    remove(&*to.index, others).await
}

/// Copies a file of the index whose bytes differ; returns whether it could be read.
async fn copy_index_file(from: &dyn Blobs, to: &dyn Blobs, path: &str) -> Result<bool> {
    let (bytes, found) = match read(from, path, None).await {
        Err(StoreError::NotFound { .. } | StoreError::Damaged { .. }) => return Ok(false),
        read => read?,
    };
    let there = read(to, path, Some(found)).await;
    if !there.is_ok_and(|(_, there)| there == found) {
        to.put(path, bytes).await?;
    }
    Ok(true)
}
