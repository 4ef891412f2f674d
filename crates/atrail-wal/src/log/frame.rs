//! The bytes of the write-ahead log; `docs/FORMAT.md` has a picture. Pure.

use std::collections::BTreeSet;

use atrail_disk::crc32c;
use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Day, Domain, Hour, SpaceId};
use bytes::Bytes;

use super::event::NewEvent;

/// The events of one request for one domain; none when they were erased.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Counts up by one with each frame, for the life of the store.
    pub sequence: u64,
    /// The domain of the events.
    pub domain: Domain,
    /// The events.
    pub events: Vec<NewEvent>,
}

/// The contents of a frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) sequence: u64,
    /// The highest sequence number that was durable when this frame was written.
    pub(crate) durable: u64,
    pub(crate) payload_len: usize,
}

/// The contents of a log file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileHeader {
    /// Counts up with each file.
    pub(super) generation: u64,
    /// The sequence number of its first frame.
    pub(super) first_sequence: u64,
    /// Whether it repeats all unsealed events of earlier files, so that those no longer count.
    pub(super) restart: bool,
}

pub(super) const FILE_HEADER_LEN: usize = 40;
pub(crate) const FRAME_HEADER_LEN: usize = 32;
const EMPTY_PAYLOAD_LEN: usize = 21;
/// The length of a frame without events. Such a frame may end with fewer zeros than that.
pub(super) const EMPTY_FRAME_LEN: usize = FRAME_HEADER_LEN + EMPTY_PAYLOAD_LEN;
/// Begins each frame's header, so that readers can search for frames after damage.
pub(super) const FRAME_MAGIC: [u8; 4] = *b"ATfr";
const FILE_MAGIC: [u8; 8] = *b"ATRAILWL";
const FILE_VERSION: u32 = 1;
/// Larger payloads are not written, so a larger length is damage.
const PAYLOAD_MAX_LEN: usize = 64 << 20;
/// Lines of one frame gather up to this many bytes; a larger request becomes several frames.
const LINES_MAX_BYTES: usize = 16 << 20;
/// The same for the hours of one frame's events: one frame is sealed together.
pub(crate) const HOURS_MAX: usize = 512;

impl FileHeader {
    pub(super) fn encode(self) -> [u8; FILE_HEADER_LEN] {
        let mut out = [0; FILE_HEADER_LEN];
        out[..8].copy_from_slice(&FILE_MAGIC);
        out[8..12].copy_from_slice(&FILE_VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&u32::from(self.restart).to_le_bytes());
        out[16..24].copy_from_slice(&self.generation.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_sequence.to_le_bytes());
        let checksum = crc32c(&out[..32]);
        out[32..36].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Returns `None` when the bytes are not a header of a known version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..FILE_HEADER_LEN)?;
        let sound = bytes[..8] == FILE_MAGIC
            && u32_at(bytes, 8) == FILE_VERSION
            && u32_at(bytes, 32) == crc32c(&bytes[..32]);
        sound.then(|| Self {
            generation: u64_at(bytes, 16),
            first_sequence: u64_at(bytes, 24),
            restart: u32_at(bytes, 12) != 0,
        })
    }
}

/// Splits the events of one request into frames that are small enough to be written.
pub(crate) fn split_into_frames(
    first_sequence: u64,
    domain: Domain,
    events: Vec<NewEvent>,
) -> Vec<Frame> {
    let mut frames = vec![Frame {
        sequence: first_sequence,
        domain,
        events: Vec::new(),
    }];
    let mut bytes = 0;
    let mut hours = BTreeSet::new();
    let mut last_hour = None;
    for event in events {
        // The overhead of an event counts too: a million empty ones fill a frame as well.
        bytes += event.line.len() + 9;
        let hour = Some((event.day, event.hour));
        if hour != last_hour {
            last_hour = hour;
            hours.insert(hour);
        }
        if bytes > LINES_MAX_BYTES || hours.len() > HOURS_MAX {
            hours = BTreeSet::from([hour]);
            bytes = event.line.len() + 9;
            let sequence = first_sequence + frames.len() as u64;
            frames.push(Frame {
                sequence,
                domain,
                events: Vec::new(),
            });
        }
        frames
            .last_mut()
            .expect("begun with one frame")
            .events
            .push(event);
    }
    frames
}

/// Appends a frame's bytes to a buffer.
pub(crate) fn encode_frame(frame: &Frame, durable: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + FRAME_HEADER_LEN, 0);
    let (kind, guid) = match &frame.domain {
        Domain::Space(id) => (0, id.as_bytes()),
        Domain::Account(id) => (1, id.as_bytes()),
    };
    out.push(kind);
    out.extend_from_slice(guid);
    put_u32(out, frame.events.len());
    for event in &frame.events {
        out.extend_from_slice(&event.day.number().to_le_bytes());
        out.push(event.hour.number());
        put_u32(out, event.line.len());
        out.extend_from_slice(&event.line);
    }
    let payload_len = out.len() - start - FRAME_HEADER_LEN;
    assert!(
        payload_len <= PAYLOAD_MAX_LEN,
        "frames are split before they are written"
    );
    let header = &mut out[start..start + FRAME_HEADER_LEN];
    header[..4].copy_from_slice(&FRAME_MAGIC);
    header[8..12].copy_from_slice(&u32_of(payload_len).to_le_bytes());
    header[16..24].copy_from_slice(&frame.sequence.to_le_bytes());
    header[24..32].copy_from_slice(&durable.to_le_bytes());
    let checksum = crc32c(&out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

/// Returns how many bytes [`encode_frame`] will append.
pub(super) fn encoded_len(domain_events: &[NewEvent]) -> usize {
    EMPTY_FRAME_LEN
        + domain_events
            .iter()
            .map(|event| 9 + event.line.len())
            .sum::<usize>()
}

/// Reads the frame header at the start of the bytes; returns `None` unless the whole frame is present and its checksum
/// is right.
pub(crate) fn sound_frame(bytes: &[u8]) -> Option<FrameHeader> {
    let header = bytes.get(..FRAME_HEADER_LEN)?;
    if header[..4] != FRAME_MAGIC {
        return None;
    }
    let payload_len = usize::try_from(u32_at(header, 8)).ok()?;
    if payload_len > PAYLOAD_MAX_LEN {
        return None;
    }
    let rest = bytes.get(8..FRAME_HEADER_LEN + payload_len)?;
    (u32_at(header, 4) == crc32c(rest)).then(|| FrameHeader {
        sequence: u64_at(header, 16),
        durable: u64_at(header, 24),
        payload_len,
    })
}

/// Returns the domain of a sound frame's events, and their number; `None` when its payload is not in the format of
/// [`encode_frame`].
pub(super) fn domain_of_payload(payload: &[u8]) -> Option<(Domain, u32)> {
    let guid: [u8; 16] = payload.get(1..17)?.try_into().ok()?;
    let domain = match payload[0] {
        0 => Domain::Space(SpaceId::from_bytes(guid)),
        1 => Domain::Account(AccountId::from_bytes(guid)),
        _ => return None,
    };
    Some((domain, u32_at(payload.get(17..21)?, 0)))
}

/// Reads the payload of a sound frame; returns `None` when it is not in the format of [`encode_frame`]. `payload` has
/// the frame's bytes after its header; the events share its memory.
pub(crate) fn decode_payload(sequence: u64, payload: &Bytes) -> Option<Frame> {
    let (domain, count) = domain_of_payload(payload)?;
    let mut at = EMPTY_PAYLOAD_LEN;
    let mut events = Vec::new();
    for _ in 0..count {
        let head = payload.get(at..at + 9)?;
        let day = Day::from_number(u32_at(head, 0))?;
        let hour = Hour::new(head[4])?;
        let len = usize::try_from(u32_at(head, 5)).ok()?;
        let end = (at + 9)
            .checked_add(len)
            .filter(|end| *end <= payload.len())?;
        let line = payload.slice(at + 9..end);
        events.push(NewEvent {
            day,
            hour,
            leaf: leaf_hash(&line),
            line,
        });
        at = end;
    }
    (at == payload.len()).then_some(Frame {
        sequence,
        domain,
        events,
    })
}

fn put_u32(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&u32_of(value).to_le_bytes());
}

fn u32_of(value: usize) -> u32 {
    u32::try_from(value).expect("requests are limited far below 4 GiB")
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
