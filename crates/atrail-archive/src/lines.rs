//! Reads lines of one segment out of an object's file: only the members of that segment, and of these only those up to
//! the last wanted line.

use std::io;

use atrail_disk::Reader;
use atrail_model::SegmentId;

use crate::members::{Members, segment_starts};

/// Calls `on_line` with the lines of a segment in order, each with its number from 0, until it returns `false` or the
/// segment ends. It trusts nothing that it reads: the caller compares the lines with their hashes.
///
/// # Errors
/// When the bytes cannot be read, do not decode, or have no such segment.
pub fn read_lines(
    file: &Reader,
    size_bytes: u64,
    segment: SegmentId,
    mut on_line: impl FnMut(u64, &[u8]) -> bool,
) -> io::Result<()> {
    let starts = segment_starts(file, size_bytes, &[segment])?;
    let mut members = Members::of(file.clone(), starts[0]..size_bytes);
    let mut number = 0;
    while let Some(member) = members.next()? {
        if member.segment.is_some_and(|begun| begun.id != segment) {
            return Ok(());
        }
        for line in member.text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n");
            let line = line.ok_or_else(|| io::Error::other("a member ends within a line"))?;
            if !on_line(number, line) {
                return Ok(());
            }
            number += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use atrail_evidence::leaf_hash;
    use atrail_model::{Domain, Hour, ObjectId, Place, SpaceId};
    use bytes::Bytes;
    use libdeflater::CompressionLvl;

    use super::*;
    use crate::object::{HourLines, Line, build};

    fn object(from: u32, lines: u32) -> (SegmentId, Bytes) {
        let place = Place {
            domain: Domain::Space(SpaceId::from_bytes([2; 16])),
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(7).unwrap(),
        };
        let line = |n: u32| {
            let line = Bytes::from(format!("{{\"n\":{n},\"x\":\"{}\"}}", "é".repeat(100)));
            let leaf = leaf_hash(&line);
            Line { line, leaf }
        };
        let lines: Vec<_> = (from..from + lines).map(line).collect();
        let size_bytes = lines.iter().map(|line| line.line.len() as u64).sum();
        let hour = HourLines { lines, size_bytes };
        let (object, bytes) = build(
            place,
            ObjectId::generate(),
            &hour,
            CompressionLvl::default(),
        );
        (object.segment.id, bytes)
    }

    fn read(bytes: &Bytes, segment: SegmentId, upto: u64) -> io::Result<Vec<String>> {
        let reader = Reader::of_memory("x", bytes.clone(), 1);
        let mut lines = Vec::new();
        read_lines(&reader, bytes.len() as u64, segment, |number, line| {
            assert_eq!(number, lines.len() as u64);
            lines.push(String::from_utf8_lossy(line).into_owned());
            number + 1 < upto
        })?;
        Ok(lines)
    }

    #[test]
    fn the_lines_of_each_segment_are_found_alone_and_joined() {
        let (one, two, three) = (object(0, 4000), object(4000, 1), object(4001, 3000));
        let whole = Bytes::from([one.1.clone(), two.1.clone(), three.1.clone()].concat());
        for (segment, alone, from, count) in [
            (one.0, &one.1, 0, 4000),
            (two.0, &two.1, 4000, 1),
            (three.0, &three.1, 4001, 3000),
        ] {
            for bytes in [alone, &whole] {
                let lines = read(bytes, segment, u64::MAX).unwrap();
                assert_eq!(lines.len(), count);
                assert!(lines[0].starts_with(&format!("{{\"n\":{from},")));
                let some = read(bytes, segment, 1).unwrap();
                assert_eq!(some, lines[..1]);
            }
        }
        assert!(read(&whole, SegmentId::generate(), 9).is_err());
    }

    #[test]
    fn damaged_and_cut_members_are_errors() {
        let (segment, bytes) = object(0, 4000);
        for end in [bytes.len() - 1, bytes.len() / 2, 120] {
            assert!(
                read(&bytes.slice(..end), segment, u64::MAX).is_err(),
                "{end}"
            );
        }
        let mut damaged = bytes.to_vec();
        damaged[bytes.len() / 2] ^= 0x10;
        let damaged = Bytes::from(damaged);
        // The lines before the fault may come; the fault itself never passes as the end.
        assert!(read(&damaged, segment, u64::MAX).is_err());
        // The control.
        assert!(read(&bytes, segment, u64::MAX).is_ok());
    }
}
