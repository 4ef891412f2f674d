//! Members are found, whoever wrote them, and damage is noticed.

use std::io::Write;

use atrail_evidence::leaf_hash;
use atrail_model::{Domain, Hour, ObjectId, Place, SpaceId};
use bytes::Bytes;
use flate2::GzBuilder;
use libdeflater::CompressionLvl;

use super::*;
use crate::object::{HourLines, Line, build};

fn segment_of(lines: usize, width: usize) -> (Vec<u8>, Vec<u8>, Segment) {
    let lines: Vec<_> = (0..lines)
        .map(|n| {
            let line = format!("{{\"n\":{n},\"x\":\"{:0width$}\"}}", n * n);
            let line = Bytes::from(line);
            let leaf = leaf_hash(&line);
            Line { line, leaf }
        })
        .collect();
    let text = lines.iter().flat_map(|line| [&line.line[..], b"\n"]);
    let text = text.collect::<Vec<_>>().concat();
    let size_bytes = lines.iter().map(|line| line.line.len() as u64).sum();
    let place = Place {
        domain: Domain::Space(SpaceId::from_bytes([3; 16])),
        day: "2017-07-24".parse().unwrap(),
        hour: Hour::new(7).unwrap(),
    };
    let lines = HourLines { lines, size_bytes };
    let level = CompressionLvl::new(1).unwrap();
    let (object, bytes) = build(place, ObjectId::generate(), &lines, level);
    (text, bytes.to_vec(), object.segment)
}

fn all(bytes: &[u8]) -> io::Result<(Vec<u8>, Vec<Segment>, u64)> {
    let reader = Reader::of_memory("p", Bytes::copy_from_slice(bytes), 1);
    let mut members = Members::of(reader.clone(), 0..bytes.len() as u64);
    let (mut text, mut segments, mut count) = (Vec::new(), Vec::new(), 0);
    while let Some(member) = members.next()? {
        text.extend_from_slice(member.text);
        segments.extend(member.segment);
        count += 1;
        let mut again = Vec::new();
        read_member(&reader, member.offset, member.size_bytes, &mut again)?;
        assert_eq!(again, member.text, "read by its place");
    }
    Ok((text, segments, count))
}

#[test]
fn an_object_is_read_member_by_member() {
    let (text, bytes, segment) = segment_of(5_000, 300);
    let (other_text, other, other_segment) = segment_of(3, 20);
    let both = [&bytes[..], &other].concat();
    let (read, segments, count) = all(&both).unwrap();
    assert_eq!(read, [&text[..], &other_text].concat());
    let reader = Reader::of_memory("p", Bytes::from(both.clone()), 1);
    let ids = [segment.id, other_segment.id];
    let starts = segment_starts(&reader, both.len() as u64, &ids).unwrap();
    assert_eq!(starts, [0, bytes.len() as u64]);
    let wrong = [other_segment.id, segment.id];
    assert!(segment_starts(&reader, both.len() as u64, &wrong).is_err());
    assert_eq!(segments, [segment, other_segment]);
    assert!(count > 5, "{count}");
}

/// A stored (uncompressed) block holds the text as it is, and with it bytes that look like a header.
#[test]
fn bytes_that_look_like_a_header_do_not_end_a_member() {
    let line = [b"{\"x\":\"", &GZIP_HEADER[..], b"\"}\n"].concat();
    let mut writer = GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), flate2::Compression::none());
    writer.write_all(&line).unwrap();
    let mut member = writer.finish().unwrap();
    // RFC 1952: XFL, which atrail leaves empty.
    member[8] = 0;
    assert!(is_own_header(&member));
    let looks_like = next_header(&member, 1);
    assert!(looks_like.is_some(), "the control");
    let (read, ..) = all(&[&member[..], &member].concat()).unwrap();
    assert_eq!(read, [&line[..], &line].concat());
}

#[test]
fn members_of_another_program_are_read() {
    let mut bytes = Vec::new();
    for name in ["a", "b"] {
        let mut writer = GzBuilder::new()
            .filename(name)
            .mtime(7)
            .write(Vec::new(), flate2::Compression::best());
        writer.write_all(b"{\"n\":1}\n").unwrap();
        bytes.extend(writer.finish().unwrap());
    }
    let (read, segments, count) = all(&bytes).unwrap();
    assert_eq!((&read[..], count), (&b"{\"n\":1}\n{\"n\":1}\n"[..], 2));
    assert!(segments.is_empty());
}

#[test]
fn damage_is_an_error_and_no_other_text() {
    let (text, bytes, _) = segment_of(900, 300);
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        match all(&changed) {
            Ok((read, ..)) => assert_eq!(read, text, "changed at {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 8, "{refused}");
    assert!(all(&bytes[..bytes.len() - 1]).is_err());
}
