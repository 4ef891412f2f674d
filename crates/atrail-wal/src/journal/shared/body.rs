//! The bytes of a shared log's batch: a length, and compressed frames as a log of files has them. Pure.
//!
//! The frames are numbered from 0 within the batch; the log numbers the batches.

use std::collections::HashMap;

use atrail_disk::{Result, StoreError};
use atrail_model::Domain;
use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor, Decompressor};

use crate::log::{FRAME_HEADER_LEN, Frame, decode_payload, encode_frame, sound_frame};

/// Compression costs more than the network here: the lowest level.
const LEVEL: i32 = 1;
/// A batch is no larger: a round of appends is limited far below.
const BODY_MAX_BYTES: usize = 1 << 30;

/// Returns the bytes of these frames, which have their numbers within the batch.
pub(super) fn encode(frames: &[Frame]) -> Bytes {
    let mut plain = Vec::new();
    for frame in frames {
        encode_frame(frame, 0, &mut plain);
    }
    let level = CompressionLvl::new(LEVEL).expect("a level that the library has");
    let mut compressor = Compressor::new(level);
    let mut out = vec![0; 8 + compressor.deflate_compress_bound(plain.len())];
    out[..8].copy_from_slice(&(plain.len() as u64).to_le_bytes());
    let len = compressor
        .deflate_compress(&plain, &mut out[8..])
        .expect("the bound suffices");
    out.truncate(8 + len);
    Bytes::from(out)
}

/// Returns the frames of a batch whose first number is `first`, with their numbers in the log.
///
/// # Errors
/// When the bytes are not those of a batch.
pub(super) fn decode(first: u64, body: &[u8]) -> Result<Vec<Frame>> {
    let frames = plain(body).and_then(|plain| frames_of(first, &plain));
    frames.ok_or_else(|| StoreError::Damaged {
        what: "the log that the servers share".to_owned(),
        why: format!("the batch that begins with number {first} has other bytes than were written"),
    })
}

/// Returns the bytes without the frames of each of these domains up to a number of the log, and the domains that remain;
/// `None` when there is none of those.
pub(super) fn without(
    first: u64,
    body: &[u8],
    erased: &HashMap<Domain, u64>,
) -> Result<Option<(Vec<Domain>, Bytes)>> {
    let mut frames = decode(first, body)?;
    let before = frames.len();
    frames.retain(|frame| {
        let to = erased.get(&frame.domain);
        to.is_none_or(|to| frame.sequence > *to)
    });
    if frames.len() == before {
        return Ok(None);
    }
    let mut domains: Vec<_> = frames.iter().map(|frame| frame.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    for frame in &mut frames {
        frame.sequence -= first;
    }
    Ok(Some((domains, encode(&frames))))
}

/// Returns the frames' bytes, uncompressed.
#[cfg_attr(
    not(feature = "conformance"),
    allow(unreachable_pub, reason = "the suite looks for bytes")
)]
pub fn plain(body: &[u8]) -> Option<Bytes> {
    let len: [u8; 8] = body.get(..8)?.try_into().ok()?;
    let len = usize::try_from(u64::from_le_bytes(len)).ok()?;
    if len > BODY_MAX_BYTES {
        return None;
    }
    let mut plain = vec![0; len];
    let read = Decompressor::new().deflate_decompress(&body[8..], &mut plain);
    (read.ok()? == len).then(|| Bytes::from(plain))
}

fn frames_of(first: u64, plain: &Bytes) -> Option<Vec<Frame>> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at < plain.len() {
        let header = sound_frame(&plain[at..])?;
        let payload = at + FRAME_HEADER_LEN;
        let end = payload + header.payload_len;
        frames.push(decode_payload(
            first + header.sequence,
            &plain.slice(payload..end),
        )?);
        at = end;
    }
    Some(frames)
}
