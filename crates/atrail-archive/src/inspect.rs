//! Reads an object's description of itself, and checks whether it is true. Pure except for the reader; memory is
//! bounded for any input.

use std::io::{self, BufRead, BufReader, Read};

use atrail_evidence::{LeafHash, Root, TreeHasher, leaf_hash};
use atrail_model::{AccountId, Day, Domain, Hour, Place, SegmentId, SpaceId};
use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};

use crate::object::{SUBFIELD_ID, SUBFIELD_VERSION, Segment};

/// Longer lines are never written: an event has at most 1 MiB, and its conversion contains it once more.
pub(crate) const LINE_MAX_BYTES: usize = 16 << 20;
const READ_AT_ONCE: usize = 256 << 10;
/// Length of the description of a segment, as drawn in `docs/FORMAT.md`.
const DESCRIPTION_LEN: usize = 87;

/// The properties of an object's bytes.
#[derive(Debug)]
pub struct Inspected {
    /// Its length.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// Its segments in order, each counted and hashed anew; or the fault.
    pub content: Result<Vec<Segment>, String>,
}

/// Reads an object to its end: decodes every member, counts and hashes every line, compares each segment with its own
/// description. It calls `on_leaf` for every line, including those before a fault.
///
/// # Errors
/// When the bytes cannot be read.
pub fn inspect(source: impl Read, on_leaf: impl FnMut(LeafHash)) -> io::Result<Inspected> {
    let hashing = Hashing {
        source,
        hasher: Sha256::new(),
        size_bytes: 0,
        failure: None,
    };
    let mut bytes = BufReader::with_capacity(READ_AT_ONCE, hashing);
    let content = Content {
        on_leaf,
        carry: Vec::new(),
        current: None,
        done: Vec::new(),
    };
    let content = content.read(&mut bytes);
    if let Some(failure) = bytes.get_mut().failure.take() {
        return Err(failure);
    }
    io::copy(&mut bytes, &mut io::sink())?;
    let Hashing {
        hasher, size_bytes, ..
    } = bytes.into_inner();
    Ok(Inspected {
        size_bytes,
        sha256: hasher.finalize().into(),
        content,
    })
}

/// Hashes all bytes that pass, and distinguishes a failure of the source from one of the decoder.
struct Hashing<R> {
    source: R,
    hasher: Sha256,
    size_bytes: u64,
    failure: Option<io::Error>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.source.read(into) {
            Ok(count) => {
                self.hasher.update(&into[..count]);
                self.size_bytes += count as u64;
                Ok(count)
            }
            Err(error) => {
                let kind = error.kind();
                if kind != io::ErrorKind::Interrupted {
                    self.failure = Some(error);
                }
                Err(kind.into())
            }
        }
    }
}

struct Content<F> {
    on_leaf: F,
    /// The beginning of a line whose end was not read yet.
    carry: Vec<u8>,
    current: Option<Run>,
    done: Vec<Segment>,
}

/// A segment that is being read.
struct Run {
    described: Segment,
    tree: TreeHasher,
    size_bytes: u64,
}

impl<F: FnMut(LeafHash)> Content<F> {
    fn read(mut self, bytes: &mut impl BufRead) -> Result<Vec<Segment>, String> {
        let mut buffer = vec![0; READ_AT_ONCE];
        let mut member = 0_u64;
        while !bytes
            .fill_buf()
            .map_err(|error| error.to_string())?
            .is_empty()
        {
            let mut decoder = GzDecoder::new(&mut *bytes);
            let extra = decoder.header().and_then(|header| header.extra());
            match extra.map(described) {
                Some(Some(segment)) => self.begin(segment)?,
                Some(None) => return Err(format!("member {member} describes no segment")),
                None => {}
            }
            loop {
                let count = decoder
                    .read(&mut buffer)
                    .map_err(|error| format!("member {member} does not decode: {error}"))?;
                if count == 0 {
                    break;
                }
                self.lines(&buffer[..count])?;
            }
            if !self.carry.is_empty() {
                return Err(format!("member {member} ends within a line"));
            }
            member += 1;
        }
        self.end()?;
        if self.done.is_empty() {
            return Err("it holds no segment".to_owned());
        }
        Ok(self.done)
    }

    fn begin(&mut self, described: Segment) -> Result<(), String> {
        self.end()?;
        if self
            .done
            .first()
            .is_some_and(|first| first.place != described.place)
        {
            return Err("its segments are of different places".to_owned());
        }
        self.current = Some(Run {
            described,
            tree: TreeHasher::default(),
            size_bytes: 0,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Run {
            described,
            tree,
            size_bytes,
        }) = self.current.take()
        else {
            return Ok(());
        };
        let id = described.id;
        if described.count == 0 {
            return Err(format!("segment {id} describes no events"));
        }
        if (tree.count(), size_bytes) != (described.count, described.size_bytes) {
            return Err(format!(
                "segment {id} has {} events of {size_bytes} bytes, described are {} of {}",
                tree.count(),
                described.count,
                described.size_bytes
            ));
        }
        if tree.root() != described.root {
            return Err(format!(
                "segment {id} does not have the root that it describes"
            ));
        }
        self.done.push(described);
        Ok(())
    }

    fn lines(&mut self, mut text: &[u8]) -> Result<(), String> {
        while let Some(end) = memchr::memchr(b'\n', text) {
            let (head, rest) = text.split_at(end);
            if self.carry.is_empty() {
                self.line(head)?;
            } else {
                let mut line = std::mem::take(&mut self.carry);
                line.extend_from_slice(head);
                self.line(&line)?;
                line.clear();
                self.carry = line;
            }
            text = &rest[1..];
        }
        self.carry.extend_from_slice(text);
        if self.carry.len() > LINE_MAX_BYTES {
            return Err("a line is longer than any event".to_owned());
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let Some(run) = &mut self.current else {
            return Err("its first member describes no segment".to_owned());
        };
        let leaf = leaf_hash(line);
        run.tree.push(leaf);
        run.size_bytes += line.len() as u64;
        (self.on_leaf)(leaf);
        Ok(())
    }
}

/// Returns the segment that a member's extra field describes; `None` when it describes none of a known version.
pub(crate) fn described(mut extra: &[u8]) -> Option<Segment> {
    // RFC 1952 §2.3.1.1: subfields of two bytes of id, two of length, and data.
    loop {
        let (id, rest) = extra.split_first_chunk::<2>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (data, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        if *id == SUBFIELD_ID {
            return segment(data);
        }
        extra = rest;
    }
}

fn segment(data: &[u8]) -> Option<Segment> {
    if data.len() != DESCRIPTION_LEN || data[0] != SUBFIELD_VERSION {
        return None;
    }
    let guid = |at: usize| data[at..at + 16].try_into().ok();
    let number = |at: usize| data[at..at + 8].try_into().ok().map(u64::from_le_bytes);
    let domain = match data[17] {
        0 => Domain::Space(SpaceId::from_bytes(guid(18)?)),
        1 => Domain::Account(AccountId::from_bytes(guid(18)?)),
        _ => return None,
    };
    Some(Segment {
        id: SegmentId::from_bytes(guid(1)?),
        place: Place {
            domain,
            day: Day::from_number(u32::from_le_bytes(data[34..38].try_into().ok()?))?,
            hour: Hour::new(data[38])?,
        },
        count: number(39)?,
        size_bytes: number(47)?,
        root: Root(data[55..87].try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use atrail_model::ObjectId;
    use bytes::Bytes;
    use libdeflater::CompressionLvl;

    use super::*;
    use crate::object::{EMPTY_MEMBER, HourLines, Line, build};

    fn object(lines: usize) -> (Segment, Bytes) {
        let lines: Vec<_> = (0..lines)
            .map(|n| format!("{{\"n\":{n},\"x\":\"{n:0300}\"}}").into_bytes())
            .map(|line| Line {
                leaf: leaf_hash(&line),
                line: line.into(),
            })
            .collect();
        let size_bytes = lines.iter().map(|line| line.line.len() as u64).sum();
        let place = Place {
            domain: Domain::Account(AccountId::generate()),
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(23).unwrap(),
        };
        let lines = HourLines { lines, size_bytes };
        let (object, bytes) = build(
            place,
            ObjectId::generate(),
            &lines,
            CompressionLvl::default(),
        );
        (object.segment, bytes)
    }

    fn content(bytes: &[u8]) -> Result<Vec<Segment>, String> {
        inspect(bytes, |_| ()).unwrap().content
    }

    #[test]
    fn what_is_built_is_read_back() {
        let (segment, bytes) = object(3000);
        let mut leaves = 0;
        let inspected = inspect(&bytes[..], |_| leaves += 1).unwrap();
        assert_eq!(inspected.content.unwrap(), [segment]);
        assert_eq!((leaves, inspected.size_bytes), (3000, bytes.len() as u64));
        assert_eq!(inspected.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }

    #[test]
    fn an_object_may_hold_several_segments() {
        let (first, one) = object(10);
        let (_, other) = object(5);
        assert!(
            content(&[&one[..], &other].concat())
                .unwrap_err()
                .contains("different places")
        );
        assert_eq!(content(&[&one[..], &one].concat()).unwrap(), [first, first]);
    }

    #[test]
    fn a_segment_has_events() {
        let (_, bytes) = object(1);
        // RFC 1952's header, the extra field's length, the subfield's id and length.
        let description_at = 10 + 2 + 4;
        let mut member = bytes[..description_at + DESCRIPTION_LEN].to_vec();
        member[description_at + 39..][..16].fill(0);
        member[description_at + 55..].copy_from_slice(&TreeHasher::default().root().0);
        // No compressed data, its checksum and its length.
        member.extend_from_slice(&EMPTY_MEMBER[10..]);
        let refused = content(&member).unwrap_err();
        assert!(refused.ends_with("describes no events"), "{refused}");
        let refused = content(&[&bytes[..], &member].concat()).unwrap_err();
        assert!(refused.ends_with("describes no events"), "{refused}");
    }

    #[test]
    fn no_changed_byte_goes_unseen() {
        let (_, bytes) = object(40);
        let mut silent = Vec::new();
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 4;
            let inspected = inspect(&changed[..], |_| ()).unwrap();
            assert_ne!(inspected.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
            if inspected.content.is_ok() {
                silent.push(at);
            }
        }
        // Gzip's own header does not describe the content (flags, time, system); a caller that knows the place compares
        // the segment's statement of it.
        assert!(silent.iter().all(|at| *at < 12 + 4 + 39), "{silent:?}");
        for cut in 0..bytes.len() {
            assert!(content(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(content(&[&bytes[..], b"more"].concat()).is_err());
    }
}
