//! Making objects of any lines, and reading objects of any bytes.

use std::io::Read;
use std::sync::OnceLock;

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, ObjectId, SpaceId};
use flate2::read::MultiGzDecoder;
use libdeflater::Decompressor;

use super::{Bytes, CompressionLvl, HourLines, NewObject, Place, build};
use crate::fuzzing::changed;
use crate::inspect::inspect;
use crate::memtable::Line;

fn object_of(text: &[u8]) -> (NewObject, Bytes, HourLines) {
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
    let (object, bytes) = build(place, ObjectId::from_bytes([1; 16]), &hour, level);
    (object, bytes, hour)
}

/// Makes an object of lines: it describes itself, and each line comes out of it.
pub(crate) fn build_of(text: &[u8]) {
    let (object, bytes, hour) = object_of(text);
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
    let inspected = inspect(&bytes[..], |_| ()).expect("memory is read");
    assert_eq!(inspected.sha256, object.sha256);
    assert_eq!(inspected.content, Ok(vec![object.segment]));
}

/// Reads the bytes as they are, and as changes of an object of two segments.
pub(crate) fn read(bytes: &[u8]) {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    let sound = SOUND.get_or_init(|| {
        let (_, first, _) = object_of(b"{\"a\":1}\n{\"a\":2}\n{}");
        let (_, second, _) = object_of(b"{\"a\":3}");
        [first, second].concat()
    });
    read_as_is(bytes);
    read_as_is(&changed(sound, bytes));
}

/// What is taken for sound decodes as any reader of gzip decodes it, to as many lines and bytes as it says.
fn read_as_is(bytes: &[u8]) {
    let mut leaves = Vec::new();
    let inspected = inspect(bytes, |leaf| leaves.push(leaf)).expect("memory is read");
    assert_eq!(inspected.size_bytes, bytes.len() as u64);
    let Ok(segments) = inspected.content else {
        return;
    };
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes)
        .read_to_end(&mut text)
        .expect("it was decoded before");
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert!(lines.iter().all(|line| line.ends_with(b"\n")));
    let hashes = lines.iter().map(|line| leaf_hash(&line[..line.len() - 1]));
    assert!(hashes.eq(leaves));
    let count: u64 = segments.iter().map(|segment| segment.count).sum();
    assert_eq!(count, lines.len() as u64);
    let size: u64 = segments.iter().map(|segment| segment.size_bytes).sum();
    assert_eq!(size, (text.len() - lines.len()) as u64);
}
