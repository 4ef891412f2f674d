//! What the fuzz targets call. No part of the crate's face.

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, ObjectId, SpaceId};
use bytes::Bytes;
use libdeflater::{CompressionLvl, Decompressor};

use crate::memtable::{HourLines, Line};
use crate::object::{self, Place};

/// Reads bytes as the only file of a log.
pub fn log_file(bytes: &[u8]) {
    crate::wal::fuzzing::read(bytes);
}

/// Opens bytes as a run, and looks for all of its keys.
pub fn run_file(bytes: &[u8]) {
    crate::dedup::fuzzing::read(bytes);
}

/// Makes an object of lines: it describes itself, and each line comes out of it.
///
/// # Panics
/// When it does not.
pub fn object(text: &[u8]) {
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .map(|line| Line {
            line: Bytes::copy_from_slice(line),
            leaf: leaf_hash(line),
        })
        .collect();
    let hour = HourLines {
        size_bytes: lines.iter().map(|line| line.line.len() as u64).sum(),
        lines,
    };
    let place = Place {
        domain: Domain::Space(SpaceId::from_bytes([7; 16])),
        day: atrail_model::Day::FIRST,
        hour: Hour::new(0).expect("midnight"),
    };
    let level = CompressionLvl::fastest();
    let (object, bytes) = object::build(place, ObjectId::from_bytes([1; 16]), &hour, level);
    assert_eq!(object.size_bytes, bytes.len() as u64);
    assert_eq!(object.segment.count, hour.lines.len() as u64);
    assert_eq!(&bytes[17..33], object.segment.id.as_bytes());
    // One member suffices here; the library reads the first.
    if text.len() < 200_000 {
        let mut out = vec![0; text.len() + 1];
        let read = Decompressor::new().gzip_decompress(&bytes, &mut out);
        assert_eq!(read, Ok(text.len() + 1));
        assert!(out.starts_with(text) && out.ends_with(b"\n"));
    }
}
