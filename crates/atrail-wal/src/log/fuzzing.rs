//! Reads a log file from arbitrary bytes.

use std::path::PathBuf;
use std::sync::OnceLock;

use atrail_disk::crc32c;
use atrail_disk::fuzzing::changed;
use atrail_evidence::leaf_hash;
use atrail_model::{Day, Domain, Hour, SpaceId};
use bytes::Bytes;

use super::frame::{
    FILE_HEADER_LEN, FRAME_HEADER_LEN, FRAME_MAGIC, FileHeader, Frame, encode_frame, sound_frame,
};
use super::read::read_frames;
use crate::NewEvent;

/// Reads the bytes unchanged, with corrected checksums, behind which most of the reader lies, and as changes of a sound
/// file, with or without correct checksums. All frames that are read are written again, with the same result.
pub fn read(bytes: &[u8]) {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    let changed = changed(SOUND.get_or_init(sound), bytes);
    for bytes in [bytes, &changed] {
        read_as_is(Bytes::copy_from_slice(bytes));
        let mut mended = bytes.to_vec();
        mend(&mut mended);
        read_as_is(mended.into());
    }
}

/// Returns three frames; the second states that the first is durable.
fn sound() -> Vec<u8> {
    let header = FileHeader {
        generation: 1,
        first_sequence: 1,
        restart: false,
    };
    let mut out = header.encode().to_vec();
    for sequence in 1..=3 {
        let line = Bytes::from(format!("{{\"n\":{sequence}}}"));
        let event = NewEvent {
            day: Day::FIRST,
            hour: Hour::new(0).expect("midnight"),
            leaf: leaf_hash(&line),
            line,
        };
        let frame = Frame {
            sequence,
            domain: Domain::Space(SpaceId::from_bytes([7; 16])),
            events: vec![event; sequence as usize],
        };
        encode_frame(&frame, sequence - 1, &mut out);
    }
    out
}

fn read_as_is(bytes: Bytes) {
    let generation = bytes.get(16..24).map_or(0, |generation| {
        u64::from_le_bytes(generation.try_into().expect("eight bytes"))
    });
    let Ok(frames) = read_frames(&[(generation, PathBuf::new(), bytes.clone())]) else {
        return;
    };
    let mut at = FILE_HEADER_LEN;
    for frame in frames {
        let header = sound_frame(&bytes[at..]).expect("it was read");
        let mut again = Vec::new();
        encode_frame(&frame, header.durable, &mut again);
        // Bytes twelve to sixteen are reserved for later versions.
        assert!(again[16..] == bytes[at + 16..at + again.len()]);
        at += again.len();
    }
}

fn mend(bytes: &mut [u8]) {
    if bytes.len() < FILE_HEADER_LEN {
        return;
    }
    bytes[..12].copy_from_slice(b"ATRAILWL\x01\0\0\0");
    let checksum = crc32c(&bytes[..32]);
    bytes[32..36].copy_from_slice(&checksum.to_le_bytes());
    let mut at = FILE_HEADER_LEN;
    while bytes.len() >= at + FRAME_HEADER_LEN {
        bytes[at..at + 4].copy_from_slice(&FRAME_MAGIC);
        let room = bytes.len() - at - FRAME_HEADER_LEN;
        let said = u32::from_le_bytes([bytes[at + 8], bytes[at + 9], 0, 0]) as usize;
        let length = said.min(room);
        let written = u32::try_from(length).expect("at most the input's length");
        bytes[at + 8..at + 12].copy_from_slice(&written.to_le_bytes());
        let end = at + FRAME_HEADER_LEN + length;
        let checksum = crc32c(&bytes[at + 8..end]);
        bytes[at + 4..at + 8].copy_from_slice(&checksum.to_le_bytes());
        at = end;
    }
}
