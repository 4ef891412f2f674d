//! Builds objects from arbitrary lines, and reads objects from arbitrary bytes.

use std::io::Read;

use atrail_evidence::leaf_hash;
use atrail_model::{Day, Domain, Hour, ObjectId, Place, SegmentId, SpaceId};
use flate2::read::MultiGzDecoder;
use libdeflater::Decompressor;

use super::{
    Bytes, CompressionLvl, Compressor, HourLines, Line, MemberWriter, Root, Segment, SegmentTree,
    build, subfield,
};
use crate::inspect::inspect;

fn place() -> Place {
    Place {
        domain: Domain::Space(SpaceId::from_bytes([7; 16])),
        day: Day::FIRST,
        hour: Hour::new(0).expect("midnight"),
    }
}

/// Builds an object from lines, and checks that it describes itself, and that each line can be read from it.
pub fn build_of(text: &[u8]) {
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
    let level = CompressionLvl::fastest();
    let (object, bytes) = build(place(), ObjectId::from_bytes([1; 16]), &hour, level);
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

/// Reads the bytes unchanged, and an object built as they direct.
pub fn read(bytes: &[u8]) {
    read_as_is(bytes);
    let (object, sound) = made_as_told(bytes);
    let taken = read_as_is(&object);
    if sound.is_some() {
        assert_eq!(taken, sound);
    }
}

/// Builds an object as the bytes direct: for each segment a byte of lies, and the number of members, and for each
/// member its length and its content. So the fuzzer reaches the code behind gzip's own checks without guessing. Returns
/// the segments too when all descriptions are true.
fn made_as_told(mut told: &[u8]) -> (Vec<u8>, Option<Vec<Segment>>) {
    let mut writer = MemberWriter {
        compressor: Compressor::new(CompressionLvl::fastest()),
        out: Vec::new(),
    };
    let mut sound = Some(Vec::new());
    while let Some(([lies, members], rest)) = told.split_first_chunk::<2>() {
        told = rest;
        let mut contents = Vec::new();
        for _ in 0..1 + members % 4 {
            let Some((length, rest)) = told.split_first() else {
                break;
            };
            let (content, rest) = rest.split_at(rest.len().min(usize::from(*length)));
            contents.push(content);
            told = rest;
        }
        let segment = segment_of(&contents.concat());
        let description = subfield(&lied(segment, *lies));
        let mut described = (lies & 0x80 == 0).then_some(description.as_slice());
        for content in &contents {
            writer.member(described.take(), content);
        }
        let are_lines = |content: &&[u8]| content.is_empty() || content.ends_with(b"\n");
        if *lies != 0 || segment.count == 0 || !contents.iter().all(are_lines) {
            sound = None;
        }
        if let Some(sound) = &mut sound {
            sound.push(segment);
        }
    }
    (writer.out, sound.filter(|segments| !segments.is_empty()))
}

fn segment_of(text: &[u8]) -> Segment {
    let mut tree = SegmentTree::default();
    let mut size_bytes = 0;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    for line in lines.filter_map(|line| line.strip_suffix(b"\n")) {
        tree.push(leaf_hash(line));
        size_bytes += line.len() as u64;
    }
    Segment {
        id: SegmentId::from_bytes([3; 16]),
        place: place(),
        count: text.iter().filter(|byte| **byte == b'\n').count() as u64,
        size_bytes,
        root: tree.finish().0,
    }
}

/// Makes one property of a segment untrue for each of the lower four bits.
fn lied(mut segment: Segment, lies: u8) -> Segment {
    let told = |bit: u8| u64::from((lies >> bit) & 1);
    segment.count = segment.count.wrapping_sub(told(0));
    segment.size_bytes = segment.size_bytes.wrapping_sub(told(1));
    if told(2) == 1 {
        segment.root = Root([0; 32]);
    }
    if told(3) == 1 {
        segment.place.hour = Hour::new(1).expect("an hour");
    }
    segment
}

/// Checks that an object that passes as sound decodes as with any gzip reader, to the described number of lines and
/// bytes.
fn read_as_is(bytes: &[u8]) -> Option<Vec<Segment>> {
    let mut leaves = Vec::new();
    let inspected = inspect(bytes, |leaf| leaves.push(leaf)).expect("memory is read");
    assert_eq!(inspected.size_bytes, bytes.len() as u64);
    let segments = inspected.content.ok()?;
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
    assert!(segments.iter().all(|segment| segment.count > 0));
    Some(segments)
}
