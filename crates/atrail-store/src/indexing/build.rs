//! Writes one file of the index from segments of the archive.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use atrail_archive::members::Members;
use atrail_catalog::index_files::IndexableSegment;
use atrail_disk::{ErrorKind, Reader, StoreError};
use atrail_model::{Day, Domain, ObjectId, SegmentId};
use atrail_search::index::{Settings, Writer, Written};
use bytes::Bytes;

use crate::core::Core;

/// Why a file was not written.
#[derive(Debug)]
pub(super) enum Unbuilt {
    /// Somebody wants to remove events of the domain, or the store closes.
    Interrupted,
    /// An object's file is not where it was listed.
    Moved(ObjectId),
    /// An object cannot be read.
    Damaged(ObjectId, Box<StoreError>),
    /// Writing failed.
    Failed(Box<StoreError>),
}

/// Makes the bytes of a file with these segments, in the calling thread. `all` are the segments of the day.
pub(super) fn build(
    core: &Core,
    (domain, day): (Domain, Day),
    all: &[IndexableSegment],
    chosen: &[IndexableSegment],
    is_interrupted: &dyn Fn() -> bool,
) -> Result<(Bytes, Written), Unbuilt> {
    let mut of_object: HashMap<ObjectId, Vec<SegmentId>> = HashMap::new();
    for segment in all {
        of_object
            .entry(segment.file.id)
            .or_default()
            .push(segment.id);
    }
    let failed = |error: io::Error| {
        Unbuilt::Failed(Box::new(StoreError::Directory {
            what: "cannot write a file of the search index".to_owned(),
            source: error,
        }))
    };
    let mut writer = Writer::new(Vec::new(), Settings::default(), domain, day);
    let mut open: Option<(ObjectId, Reader, Arc<[u64]>)> = None;
    for segment in chosen {
        let file = &segment.file;
        let damaged = |why: &str| {
            Unbuilt::Damaged(
                file.id,
                Box::new(StoreError::DamagedObject {
                    object: file.id,
                    day: file.day,
                    hour: file.hour,
                    path: file.path.clone(),
                    why: why.to_owned(),
                }),
            )
        };
        if open.as_ref().is_none_or(|(id, ..)| *id != file.id) {
            let reader = match core.blobs.open_waiting(&file.path, Some(file.expected())) {
                Ok(reader) => reader,
                Err(StoreError::NotFound { .. }) => return Err(Unbuilt::Moved(file.id)),
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    return Err(Unbuilt::Failed(Box::new(error)));
                }
                Err(error) => return Err(damaged(&error.to_string())),
            };
            let starts = core
                .starts
                .of(file.id, &reader, file.size_bytes, &of_object[&file.id]);
            let starts = starts.map_err(|error| damaged(&error.to_string()))?;
            open = Some((file.id, reader, starts));
        }
        let Some((_, reader, starts)) = &open else {
            continue;
        };
        let start = starts.get(segment.nth).copied().unwrap_or(0);
        let end = starts.get(segment.nth + 1).copied();
        let mut members = Members::of(reader.clone(), start..end.unwrap_or(file.size_bytes));
        writer.segment(segment.id, segment.hour);
        let (mut events, mut is_first) = (0, true);
        while let Some(member) = members
            .next()
            .map_err(|error| damaged(&error.to_string()))?
        {
            if is_interrupted() {
                return Err(Unbuilt::Interrupted);
            }
            let names = member.segment.map(|found| found.id);
            if names != is_first.then_some(segment.id) {
                return Err(damaged("its segments are not those of the catalog"));
            }
            is_first = false;
            events += memchr::memchr_iter(b'\n', member.text).count() as u64;
            let compressed = u32::try_from(member.size_bytes).unwrap_or(u32::MAX);
            let added = writer.block(member.offset - start, compressed, member.text);
            added.map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => damaged(&error.to_string()),
                _ => failed(error),
            })?;
        }
        if events != segment.events {
            return Err(damaged("a segment has another number of events"));
        }
    }
    let (bytes, written) = writer.finish().map_err(failed)?;
    Ok((Bytes::from(bytes), written))
}
